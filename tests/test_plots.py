# SPDX-License-Identifier: MIT
"""The pictures: what they draw, what their legends say, what grey print leaves of them, and `bitprop plot`."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import core_or_skip

from bitprop import DataError, Network, OptionError, ShapeError, cli, datasets, lab, plots, sweep
from bitprop.animation import Film
from bitprop.lab import pictures

matplotlib = pytest.importorskip("matplotlib")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that the test's commands draw, each saved all the same."""
    figures: list[Any] = []
    save = plots.save

    def save_and_keep(figure: Any, path: str | None) -> Any:
        figures.append(figure)
        return save(figure, path)

    monkeypatch.setattr(plots, "save", save_and_keep)
    return figures


pytestmark = pytest.mark.filterwarnings("ignore::bitprop.TrainingHint")  # short trainings make pictures too


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a trained network, and the losses of two trainings and of a sweep."""
    monkeypatch.chdir(tmp_path)
    for seed in (1, 2):
        net = Network(2, 3, 1, seed=seed)
        net.fit(*datasets.xor(), epochs=60).to_csv(f"losses{seed}.csv")
    net.save("net.json")
    sweep((2, 3, 1), datasets.xor(), seeds=range(5), learning_rates=(1.0, 0.1), epochs=20).to_csv("sweep.csv")
    return tmp_path


def legend(figure: Any) -> list[str]:
    """The texts of the figure's legend."""
    return [text.get_text() for box in figure.legends for text in box.get_texts()]


def line(axes: Any, label: str) -> Any:
    """The one line with this label."""
    [only] = [line for line in axes.lines if line.get_label() == label]
    return only


def grey(colour: Any) -> float:
    """The colour's brightness in grey print, from 0 to 1 (ITU-R BT.601)."""
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(colour)
    return float(0.299 * red + 0.587 * green + 0.114 * blue)


# --- losses ---


def test_bands_have_their_legends_greys() -> None:
    """Bands hide what is below them, so that each has the grey of its legend's patch, and a grey of its own."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    epochs = [0, 1, 2]
    bands = [("outer", epochs, [1.0] * 3, [9.0] * 3), ("inner", epochs, [2.0] * 3, [4.0] * 3)]
    figure = plots.losses({"run": (epochs, [3.0, 2.5, 2.4])}, bands=bands)
    assert legend(figure) == ["outer", "inner", "run"]
    fills = [band.get_facecolor()[0].tolist() for band in figure.axes[0].collections]
    patches = [list(patch.get_facecolor()) for patch in figure.legends[0].get_patches()]
    assert fills == patches
    assert all(fill[3] == 1.0 for fill in fills)
    assert grey(fills[0][:3]) - grey(fills[1][:3]) > 0.1
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = {tuple(pixel) for row in canvas.buffer_rgba().tolist() for pixel in row}
    assert {tuple(round(255 * part) for part in fill) for fill in fills} <= pixels


def test_early_learning_has_logarithmic_epochs() -> None:
    """Where half of the fall is early, epochs are logarithmic from the first logged one on, and epoch 0 is drawn."""
    epochs = list(range(0, 1000, 5))
    early = plots.losses({"a": (epochs, [1.0 / (1 + epoch) for epoch in epochs])}).axes[0]
    assert early.get_xscale() == "symlog"
    assert early.get_xlim() == (0.0, 995 * 1.1)
    assert early.xaxis.get_transform().linthresh == 5
    assert list(early.get_xticks())[:4] == [0, 10, 100, 1000]
    for values in ([10.0 ** (-epoch / 100) for epoch in epochs], [1.0] * 200, [2.0 + epoch for epoch in epochs]):
        assert plots.losses({"a": (epochs, values)}).axes[0].get_xscale() == "linear"


def test_losses_at_the_edge() -> None:
    """Losses of 0, adjacent or tiny ones, one or none: all can be drawn, without a warning."""
    for values in ([0.0, 0.0], [1.0, 0.0], [1.0, 1.0 - 2**-53], [1e-300, 5e-324], [1.0], []):
        axes = plots.losses({"a": (list(range(len(values))), values)}).axes[0]
        assert list(axes.lines[0].get_ydata()) == values
    assert plots.losses({"a": ([0, 1], [0.0, 0.0])}).axes[0].get_yscale() == "linear"


def test_curves_differ_in_grey() -> None:
    """Curves have lines of their own, few points are marked, and labels are drawn as they are written."""
    figure = plots.losses({"a $x$": ([0, 1], [1.0, 0.5]), "b": (list(range(50)), [1.0] * 50)}, "$t")
    first, second = figure.axes[0].lines
    assert first.get_linestyle() != second.get_linestyle()
    assert (first.get_marker(), second.get_marker()) == ("o", "")
    assert legend(figure) == [r"a \$x\$", "b"]
    assert figure.axes[0].get_title() == r"\$t"
    assert legend(plots.losses({"mse": ([0, 1], [1.0, 0.5])})) == []  # there is nothing to tell apart


# --- points and boundaries ---


def test_classes_differ_in_grey() -> None:
    """Classes differ in shape and in brightness, outputs in brightness, and both classes lie darker than theirs."""
    (shape0, colour0), (shape1, colour1) = plots.CLASSES
    assert shape0 != shape1
    assert grey(colour1) - grey(colour0) > 0.4
    assert grey(plots.OUTPUTS[1]) - grey(plots.OUTPUTS[0]) > 0.15
    assert all(grey(output) - grey(colour) > 0.15 for output, (_, colour) in zip(plots.OUTPUTS, plots.CLASSES))


def test_predictions() -> None:
    """Ground truth beside prediction, the wrong points ringed, counted, and named in the legend."""
    x, y = datasets.xor()
    outputs = [*y[:18], *([1.0 - label] for (label,) in y[18:])]
    figure = plots.predictions(x, y, outputs, "t")
    truth, predicted = figure.axes
    assert figure._suptitle.get_text() == "t\n18 of 21 right; an output of 0.5 or more counts as class 1"
    assert legend(figure) == ["class 0", "class 1", "wrong"]
    assert [len(line(truth, f"class {kind}").get_xdata()) for kind in (0, 1)] == [11, 10]
    assert line(truth, "class 0").get_marker() != line(truth, "class 1").get_marker()
    rings = line(predicted, "wrong")
    assert list(zip(rings.get_xdata(), rings.get_ydata())) == [tuple(row) for row in x[18:]]
    assert rings.get_markerfacecolor() == "none"
    assert legend(plots.predictions(x, y, y)) == ["class 0", "class 1"]


def test_boundary() -> None:
    """The 0.5 line and the wrong points are in the legend where there are such, and the data's range is covered."""
    x = [[0.0, 10.0], [4.0, 30.0], [4.0, 10.0]]
    y = [[0.0], [1.0], [0.0]]
    figure = plots.boundary(lambda rows: [[row[0] / 4.0] for row in rows], x, y, "t")
    axes = figure.axes[0]
    assert legend(figure) == ["output 0.5", "class 0", "class 1", "wrong"]
    assert axes.get_title() == "t\n2 of 3 right; an output of 0.5 or more counts as class 1"
    assert axes.get_xlim() == pytest.approx((-0.2, 4.2))
    assert axes.get_ylim() == pytest.approx((9.0, 31.0))
    assert list(line(axes, "wrong").get_xdata()) == [4.0]
    figure.draw_without_rendering()
    assert axes.get_tightbbox().x0 < 0.1 * figure.bbox.width  # no empty space beside it
    paths = [path.vertices for shape in axes.collections for path in shape.get_paths()]
    assert any(len(path) and all(abs(place - 2.0) < 1e-9 for place, _ in path) for path in paths)
    assert legend(plots.boundary(lambda rows: [[0.1] for _ in rows], x[::2], y[::2])) == ["class 0", "class 1"]


def test_why_parted_classes_count_as_wrong() -> None:
    """Where the outputs part the classes, but not at 0.5, a sentence says so; elsewhere there is none."""
    x, y = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [[0.0], [1.0], [1.0]]
    why = "With a threshold between 0.048 and 0.494 instead of 0.5, all points would be right."
    for outputs, said in (([0.048, 0.4942, 0.4999], True), ([0.3, 0.2, 0.7], False), ([0.1, 0.6, 0.7], False)):
        figure = plots.predictions(x, y, [[output] for output in outputs])
        assert (why in figure._suptitle.get_text()) == said
    figure = plots.boundary(lambda rows: [[0.048 if row[0] + row[1] < 0.5 else 0.494] for row in rows], x, y)
    assert why in figure.axes[0].get_title().replace("\n", " ")


def test_many_points_leave_the_picture_clear() -> None:
    """The more points, the smaller they are, without edges, but not in the legend; every one is drawn."""
    few = plots.boundary(lambda rows: rows, *datasets.linear(100))
    assert [line(few.axes[0], f"class {kind}").get_markersize() for kind in (0, 1)] == [5, 5]
    x, y = datasets.linear(20_000)
    figure = plots.boundary(lambda rows: [[0.1] for _ in rows], x, y)
    points = [line(figure.axes[0], f"class {kind}") for kind in (0, 1)]
    assert sum(len(each.get_xdata()) for each in points) == 20_000
    assert all(each.get_markersize() < 2 and each.get_markeredgecolor() == "none" for each in points)
    assert line(figure.axes[0], "wrong").get_markersize() < 3
    assert [handle.get_markersize() for handle in figure.legends[0].legend_handles] == pytest.approx([5, 5, 8])


def test_one_point_and_points_too_far() -> None:
    """One point has room around it; numbers whose distance is infinite are refused."""
    axes = plots.boundary(lambda rows: [[0.5] for _ in rows], [[3.0, 7.0]], [[1.0]]).axes[0]
    assert axes.get_xlim() == (2.5, 3.5)
    with pytest.raises(DataError, match=r"x has numbers from -1e\+308 to 1e\+308"):
        plots.boundary(lambda rows: rows, [[-1e308, 0.0], [1e308, 0.0]], [[0.0], [1.0]])


def test_lab_pictures(tmp_path: Path) -> None:
    """Three pictures for each table; the losses have the report's points on top of the run and of the seeds' bands."""
    core_or_skip("ctypes")
    short = [e._replace(epochs=e.epochs // 50, every=e.every // 50) for e in lab.EXPERIMENTS]
    result = lab.run(seed=0, seeds=3, experiments=short)
    paths = pictures.save(result.tables, tmp_path)
    assert len(paths) == 12
    assert sorted(map(str, tmp_path.iterdir())) == sorted(paths)
    assert all(Path(path).read_bytes().startswith(b"\x89PNG") for path in paths)
    for table in result.tables:
        figure = pictures.losses(table)
        assert legend(figure) == ["1% to 99% of 3 seeds", "10% to 90% of 3 seeds", "this run, seed 0", "the report"]
        run, report = figure.axes[0].lines
        assert list(run.get_ydata()) == table.history.mse
        assert list(report.get_ydata()) == table.report
        assert legend(pictures.losses(table._replace(histories=[]))) == ["this run, seed 0", "the report"]


# --- bitprop train --plot ---


def test_train_draws_to_the_end(folder: Path, drawn: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    """The curve has every epoch and the loss after the last, though at most 20 lines are printed."""
    assert cli.main(["train", "xor", "--epochs", "200", "--plot", "a.png", "--save", "trained.json"]) == 0
    x, y = datasets.xor()
    net = Network(2, 4, 4, 1)
    losses = net.fit(x, y, epochs=200).mse
    [curve] = drawn[0].axes[0].lines
    assert list(curve.get_xdata()) == list(range(201))
    assert list(curve.get_ydata()) == [*losses, net.loss(x, y)]
    assert Network.load("trained.json") == net
    assert capsys.readouterr().out.count("epoch : ") == 20
    assert cli.main(["train", "xor", "--epochs", "200", "--plot", "b.png", "--log-every", "50"]) == 0
    assert list(drawn[1].axes[0].lines[0].get_xdata()) == [0, 50, 100, 150, 200]


def test_interrupted_train_draws_what_was_logged(
    folder: Path, drawn: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C leaves the picture of the epochs that were logged."""
    fit = Network.fit

    def begin(net: Network, *data: Any, **options: Any) -> None:
        fit(net, *data, **{**options, "epochs": 60})
        raise KeyboardInterrupt

    monkeypatch.setattr(Network, "fit", begin)
    assert cli.main(["train", "xor", "--plot", "a.png"]) == 130
    assert list(drawn[0].axes[0].lines[0].get_xdata()) == list(range(60))
    assert capsys.readouterr().err.endswith("wrote a.png\nbitprop: interrupted\n")
    assert (folder / "a.png").exists()


@pytest.mark.parametrize("arguments", [["train", "xor", "--epochs", "5"], ["sweep", "xor", "--epochs", "5"]])
def test_interrupted_picture(
    arguments: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C while a picture is drawn says that there is none."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(plots, "save", interrupt)
    assert cli.main([*arguments, "--plot", "a.png"]) == 130
    assert capsys.readouterr().err.endswith("\nno picture was drawn: a.png\nbitprop: interrupted\n")


def test_train_draws_at_most_100_000_points(folder: Path, drawn: list[Any]) -> None:
    """Very many epochs are logged at a distance of a power of ten."""
    core_or_skip("ctypes")
    assert cli.main(["train", "linear:1", "--sizes", "2-1", "--epochs", "100000", "--plot", "a.png"]) == 0
    assert list(drawn[0].axes[0].lines[0].get_xdata()) == list(range(0, 100_001, 10))


# --- bitprop plot ---


def test_plot_a_model(folder: Path, drawn: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    """A model and data give its boundary, named as the model where no name is given."""
    assert cli.main(["plot", "net.json", "linear:30", "--data-seed", "4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"kind": "boundary", "out": "net.png"}
    x, y = datasets.linear(30, 4)
    axes = drawn[0].axes[0]
    assert axes.get_title().startswith("net.json on linear:30\n")
    for kind in (0, 1):
        points = line(axes, f"class {kind}")
        expected = [tuple(row) for row, (label,) in zip(x, y) if label == kind]
        assert list(zip(points.get_xdata(), points.get_ydata())) == expected
    assert (folder / "net.png").read_bytes().startswith(b"\x89PNG")


def test_plot_histories(folder: Path, drawn: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    """CSV files of train give a curve each."""
    assert cli.main(["plot", "losses1.csv", "losses2.csv", "--out", "both.png"]) == 0
    assert capsys.readouterr().err == "wrote both.png\n"
    assert legend(drawn[0]) == ["mse in losses1.csv", "mse in losses2.csv"]
    for number, curve in enumerate(drawn[0].axes[0].lines, 1):
        with open(f"losses{number}.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert list(curve.get_xdata()) == [int(row["epoch"]) for row in rows]
        assert list(curve.get_ydata()) == [float(row["mse"]) for row in rows]


def test_plot_a_validation(folder: Path, drawn: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    """It is a curve of its own, which skips the epochs that were not checked, as the mse does those not logged."""
    options: dict[str, Any] = {"epochs": 20, "log_every": 2, "validation": 0.3, "check_every": 5}
    history = Network(2, 3, 1).fit(*datasets.xor(), **options)
    history.to_csv("validated.csv")
    assert cli.main(["plot", "validated.csv", "losses1.csv", "--out", "both.png"]) == 0
    assert legend(drawn[0]) == ["mse in validated.csv", "validation in validated.csv", "mse in losses1.csv"]
    mse, validation, _ = drawn[0].axes[0].lines
    assert (list(mse.get_xdata()), list(mse.get_ydata())) == (history.epochs, history.mse)
    expected = history.validation_epochs, history.validation
    assert (list(validation.get_xdata()), list(validation.get_ydata())) == expected
    capsys.readouterr()
    with open("validated.csv", "a", encoding="utf-8") as file:
        file.write("25,low,,\n")
    assert cli.main(["plot", "validated.csv"]) == 2
    assert "validated.csv, line 15: expected a line that train --history wrote" in capsys.readouterr().err


def test_plot_a_sweep(folder: Path, drawn: list[Any]) -> None:
    """The CSV file of a sweep gives what `SweepResult.plot` draws; trainings that failed are counted."""
    assert cli.main(["plot", "sweep.csv"]) == 0
    expected = sweep((2, 3, 1), datasets.xor(), seeds=range(5), learning_rates=(1.0, 0.1), epochs=20).plot()
    assert legend(drawn[0]) == legend(expected) == [f"learning rate {rate}: 5 trainings" for rate in ("1.0", "0.1")]
    for curve, other in zip(drawn[0].axes[0].lines, expected.axes[0].lines):
        assert list(curve.get_xdata()) == list(other.get_xdata())
        assert list(curve.get_ydata()) == list(other.get_ydata())
    with open("sweep.csv", "a", encoding="utf-8") as file:
        file.write("5,1.0,0.25,DivergedError: it did\n6,1.0,nan,\n")
    assert cli.main(["plot", "sweep.csv"]) == 0
    assert legend(drawn[-1])[0] == "learning rate 1.0: 7 trainings, 2 failed"


def test_plot_names_that_are_formulas(folder: Path, drawn: list[Any]) -> None:
    """Names of files are drawn as they are, with every letter that has no meaning to matplotlib."""
    names = [r"_$\x$.csv", os.fsdecode("é.csv".encode())]
    for name in names:
        Path(name).write_text("epoch,mse,sse\n0,1.0,2.0\n1,0.5,1.0\n", encoding="utf-8")
    assert cli.main(["plot", *names, "--out", "a.svg"]) == 0
    assert legend(drawn[0]) == [r"mse in _\$\x\$.csv", "mse in é.csv"]


BAD: list[tuple[list[str], str]] = [
    ([], "FILE"),
    (["nothing.csv"], "nothing.csv: No such file"),
    (["net.json"], "net.json is a model file, expected one data set after it: bitprop plot net.json xor"),
    (["net.json", "xor", "xor"], "expected one data set after it"),
    (["net.json", "nothing.csv"], "data set 'nothing.csv' is not there"),
    (["net.json", "rows.csv"], "rows.csv has no targets, expected 1 after 2 of inputs, for net.json 2-3-1"),
    (["wide.json", "xor"], "wide.json is a network 3-1, expected two inputs and one output"),
    (["double.json", "xor"], "double.json is a network 2-4-2, expected two inputs and one output"),
    (["altered.json", "xor"], "altered.json was altered or cut"),
    (["rows.csv"], "cannot draw rows.csv: expected a model file and data, or CSV files that begin with epoch,mse,sse"),
    (["losses1.csv", "net.json"], "cannot draw net.json"),
    (["xor", "net.json"], "xor is not a model file, expected one before the data: bitprop plot net.json xor"),
    (["rows.csv", "net.json"], "expected one before the data: bitprop plot net.json rows.csv"),
    (["linear:9"], "linear:9 is not a model file, expected one before the data: bitprop plot MODEL linear:9"),
    (["losses1.csv", "--targets", "1"], "--targets has no effect on losses1.csv: expected a model file and data"),
    (["sweep.csv", "--data-seed", "0"], "--data-seed has no effect on sweep.csv"),
    (
        ["net.json", "xor", "--data-seed", "0"],
        "--data-seed has no effect on xor: expected one that is drawn from it: linear:N",
    ),
    (["losses1.csv", "sweep.csv"], "sweep.csv is of a sweep, which is drawn alone: expected no other file"),
    (["header.csv"], "header.csv has no rows of numbers"),
    (["words.csv"], "words.csv, line 3, column 2: 'low', expected a finite number"),
    (["few.csv"], "few.csv, line 2: expected a line that sweep --csv wrote"),
    (["losses1.csv", "--out", "a.csv"], "cannot draw to 'a.csv'"),
    (["losses1.csv", "--out", "/nowhere/a.png"], "there is no folder /nowhere"),
    (["picture.png"], "--out is picture.png, the same file as the input picture.png"),
    (["net.json", "picture.png", "--out", "./picture.png"], "the same file as the input picture.png"),
    (["net.json", "far.csv"], "x has numbers from -1e+308 to 1e+308"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=lambda value: " ".join(value) or "nothing")
def test_bad_usage(arguments: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bad usage and bad input end with status 2 and one line, and write nothing."""
    Network(3, 1).save("wide.json")
    Network(2, 4, 2).save("double.json")
    Path("altered.json").write_bytes(Path("net.json").read_bytes().replace(b"sigmoid", b"tanh", 1))
    Path("rows.csv").write_text("0.1,0.2\n0.3,0.4\n", encoding="utf-8")
    Path("header.csv").write_text("epoch,mse,sse\n", encoding="utf-8")
    Path("words.csv").write_text("epoch,mse,sse\n0,1.0,2.0\n1,low,2.0\n", encoding="utf-8")
    Path("few.csv").write_text("seed,learning_rate,final_mse,error\n0,1.0\n", encoding="utf-8")
    Path("picture.png").write_text("epoch,mse,sse\n0,1.0,2.0\n", encoding="utf-8")
    Path("far.csv").write_text("1e308,0,1\n-1e308,0,0\n", encoding="utf-8")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    try:
        status = cli.main(["plot", *arguments])
    except SystemExit as ended:  # of the parser
        status = int(ended.code or 0)
    printed = capsys.readouterr()
    *told, error = printed.err.splitlines()
    assert (status, printed.out) == (2, "")
    assert message in error
    assert told in ([], ["far.csv: 2 inputs (columns 1, 2), 1 target (column 3)"])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    """The help has an example, and says what the extra is called wherever a command draws."""
    for command in ("plot", "train", "lab"):
        with pytest.raises(SystemExit) as ended:
            cli.main([command, "--help"])
        text = re.sub(r"\s+", " ", capsys.readouterr().out)
        assert ended.value.code == 0
        assert f"example: bitprop {command}" in text
        assert "needs matplotlib: pip install 'bitprop[lab]'" in text


@pytest.mark.parametrize(
    "arguments", [["plot", "net.json", "xor"], ["train", "xor", "--plot", "a.png"], ["lab", "--out", "pictures"]]
)
def test_without_matplotlib(
    arguments: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without matplotlib every command says before its work what to install."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert cli.main(arguments) == 2
    expected = "bitprop: error: pictures need matplotlib, which is not installed: pip install 'bitprop[lab]'\n"
    assert capsys.readouterr().err == expected
    assert not list(folder.glob("*.png"))


def test_matplotlib_is_imported_only_to_draw() -> None:
    """The command and all that it imports leave matplotlib alone."""
    code = "import sys, bitprop.cli, bitprop.lab.pictures; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- a network's own pictures ---


def test_network_boundary(tmp_path: Path) -> None:
    """With rows it is the lab's picture of them, in any form; without, the plane alone."""
    x, y = datasets.xor()
    net = Network(2, 3, 1, seed=1)
    figure = net.plot_boundary(x, y, tmp_path / "boundary.png")
    axes = figure.axes[0]
    assert len(line(axes, "class 0").get_xdata()) == 11
    assert axes.get_title().startswith("network 2-3-1\n")
    assert tmp_path.joinpath("boundary.png").read_bytes().startswith(b"\x89PNG")
    flat = [label for (label,) in y]
    assert len(line(net.plot_boundary(x, flat).axes[0], "class 1").get_xdata()) == 10
    plane = net.plot_boundary().axes[0]
    assert plane.get_xlim() == pytest.approx((-0.05, 1.05))
    assert [each for each in plane.lines if len(each.get_xdata())] == []
    net.scale([[100.0, 5.0], [300.0, 7.0]])
    assert net.plot_boundary().axes[0].get_xlim() == pytest.approx((-20.0, 420.0))  # 200, two spreads of 100, a margin
    raw = net.plot_boundary([[100.0, 5.0], [300.0, 7.0]], [[0.0], [1.0]]).axes[0]
    assert list(line(raw, "class 1").get_xdata()) == [300.0]
    with pytest.raises(ShapeError, match="the network is 3-1, expected two inputs and one output"):
        Network(3, 1).plot_boundary()
    with pytest.raises(OptionError, match="x is given without the other"):
        net.plot_boundary(x)


def test_network_weights(tmp_path: Path) -> None:
    """A panel for each layer with its weights, and the biases below; numbers where they have room, each around 0."""
    net = Network(2, 3, 1, activation=["tanh", "sigmoid"], seed=4)
    net.layers[1].biases[0] = -250.0  # type: ignore[index]  # it has biases
    figure = net.plot_weights(tmp_path / "weights.png")
    first, second = figure.axes[:2]
    assert tmp_path.joinpath("weights.png").read_bytes().startswith(b"\x89PNG")
    assert (first.get_title(), second.get_title()) == ("layer 1, tanh", "layer 2, sigmoid")
    layer = net.layers[0]
    assert layer.biases is not None
    assert first.images[0].get_array().tolist() == [*layer.weights.tolist(), layer.biases.tolist()]
    assert first.texts[0].get_text() == f"{layer.weights[0, 0]:.2g}"
    assert second.texts[-1].get_text() == "-250"
    assert [tick.get_text() for tick in first.get_yticklabels()] == ["0", "1", "bias"]
    assert second.images[0].get_clim() == (-250.0, 250.0)
    largest = max(abs(value) for row in layer.weights.tolist() for value in row)  # type: ignore[attr-defined]
    assert first.images[0].get_clim() == (-largest, largest)
    large = Network(20, 30, 2, bias=False).plot_weights()
    assert len(large.axes[0].texts) == 0
    assert large.axes[0].images[0].get_array().shape == (20, 30)
    zero = Network(1, 1, bias=False)
    zero.parameters[0] = 0.0
    assert [text.get_text() for text in zero.plot_weights().axes[0].texts] == ["0"]
    zero.parameters[0] = float("nan")
    with pytest.raises(DataError, match="not finite"):
        zero.plot_weights()


def test_film(tmp_path: Path) -> None:
    """The film's frames are the network after so many epochs; the training has the bits of one without it."""
    from PIL import Image

    x, y = datasets.xor()
    net, alone = (Network(2, 3, 1, seed=1) for _ in range(2))
    film = Film(net, epochs=50, frames=6)
    net.fit(x, y, epochs=50, callback=film)
    alone.fit(x, y, epochs=50)
    assert net == alone
    assert film.losses == alone.history.mse  # type: ignore[union-attr]  # it was trained
    assert [frame.epochs for frame in film.frames] == [0, 1, 2, 5, 10, 23, 50]
    for frame in film.frames:
        same = Network(2, 3, 1, seed=1)
        same.fit(x, y, epochs=frame.epochs)
        assert same.parameters.tobytes() == frame.parameters
    film.save(tmp_path / "xor.gif", x, y)
    with Image.open(tmp_path / "xor.gif") as picture:
        assert picture.format == "GIF"
        assert getattr(picture, "n_frames", 1) >= len(film.frames)
    assert net == alone
    with pytest.raises(OptionError, match=r"expected a name that ends in \.gif"):
        film.save(tmp_path / "xor.png", x, y)
    with pytest.raises(ShapeError, match="expected two inputs and one output"):
        Film(Network(2, 2), 10)
    with pytest.raises(OptionError, match="frames is 1"):
        Film(net, 10, frames=1)
