# SPDX-License-Identifier: MIT
"""The overshoot study: its counts beside single fits, its score beside the formula, its command and its map."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import random
from pathlib import Path

import pytest
from conftest import core_or_skip

from bitprop import DivergedError, Network, OptionError, cli, datasets
from bitprop.lab import overshoot
from bitprop.lab.overshoot import Cell, Fit, Study
from bitprop.names import BACKENDS

pytestmark = pytest.mark.filterwarnings("ignore::bitprop.TrainingHint")
SMALL = Study(rows=(6, 11), rates=(0.5, 3.0), rules=("descent", "adam", "rprop"), epochs=7, seeds=3, seed=2)


def test_every_backend_has_the_same_table() -> None:
    """The CSV file has the same bytes by every backend."""
    texts = {}
    for name in BACKENDS:
        core_or_skip(name)
        texts[name] = overshoot.csv_text(overshoot.run(SMALL._replace(backend=name)))
    assert len(texts) == 3
    assert len(set(texts.values())) == 1
    lines = texts["cffi"].splitlines()
    assert lines[0] == "rule,bias,rows,learning_rate,trainings,stuck,slow,learnt,median_mse"
    assert len(lines) == 1 + (2 + 2 + 1) * 2 * 2  # rates of all rules, biases, rows


@pytest.mark.parametrize(("rate", "rule"), [(3.0, "momentum"), (0.001, "descent"), (0.1, "descent")])
def test_counts_are_those_of_single_fits(rate: float, rule: str) -> None:
    """Stuck, slow and learnt are counted as the page says, of trainings whose bits are those of `fit`."""
    core_or_skip("ctypes")
    study = Study(rows=(60,), rates=(rate,), rules=(rule,), biases=(False,), epochs=400, seeds=6, seed=1)  # type: ignore[arg-type]
    [cell] = overshoot.run(study)
    stuck = slow = 0
    losses = []
    for seed in range(1, 7):
        x, y = datasets.linear(60, seed)
        net = Network(2, 4, 4, 1, bias=False, seed=seed)
        history = net.fit(x, y, epochs=400, learning_rate=rate, rule=rule)  # type: ignore[arg-type]
        share = sum(label for (label,) in y) / 60
        loss = net.loss(x, y)
        losses.append(loss)
        if loss > 0.25 * share * (1.0 - share):
            rests = abs(loss - history.mse[200]) < 0.01 * history.mse[200]
            stuck, slow = stuck + rests, slow + (not rests)
    assert (cell.stuck, cell.slow, cell.learnt) == (stuck, slow, 6 - stuck - slow)
    assert cell.median_mse == sorted(losses)[2] + 0.5 * (sorted(losses)[3] - sorted(losses)[2])


def test_the_three_kinds_occur() -> None:
    """At the report's two points: rate 1 is stuck where 0.01 learns; a rate of 0.001 on few rows is only slow."""
    core_or_skip("ctypes")
    study = Study(rows=(50, 400), rates=(0.001, 0.01, 1.0), rules=("descent",), biases=(False,), epochs=2000, seeds=10)
    found = {(cell.rows, cell.learning_rate): cell for cell in overshoot.run(study)}
    assert found[400, 1.0].stuck >= 6
    assert found[400, 0.01].stuck == 0
    assert found[400, 0.01].learnt == 10
    assert found[50, 0.001].slow >= 6


def test_cells_that_diverge_are_stuck() -> None:
    """A training that diverged counts as stuck, and does not end the study."""
    core_or_skip("ctypes")
    study = Study(rows=(9,), rates=(1e308,), rules=("momentum",), biases=(True,), epochs=40, seeds=2)
    with pytest.raises(DivergedError):
        Network(2, 4, 4, 1).fit(*datasets.linear(9, 0), epochs=40, learning_rate=1e308, rule="momentum")
    [cell] = overshoot.run(study)
    assert (cell.trainings, cell.stuck) == (2, 2)


def test_score() -> None:
    """The score is the formula's, over all pairs; it is less for the sample that the figures come from."""
    generator = random.Random(5)
    near = [[10.0 ** generator.gauss(-3.0, 0.5) for _ in range(4)] for _ in range(40)]
    far = [[100.0 * loss for loss in losses] for losses in near]
    report = [1e-3, 2e-3, 5e-4, 1e-3]
    for losses in (near, far, near[:2]):
        total = 0.0
        for place, figure in enumerate(report):
            logs = [math.log10(each[place]) for each in losses]
            away = sum(abs(log - math.log10(figure)) for log in logs) / len(logs)
            total += away - sum(abs(a - b) for a in logs for b in logs) / len(logs) ** 2 / 2
        assert overshoot.score(report, losses) == pytest.approx(total / 4, rel=1e-12)  # sums in another order
    assert overshoot.score(report, near) < overshoot.score(report, far)
    assert overshoot.score([0.25], [[0.25], [0.25]]) == 0.0
    fits = [Fit(250, [0.2, 0.3]), Fit(400, [0.1, 0.2]), Fit(450, [0.1, 0.2])]
    assert overshoot.best(fits).rows == 400


def test_fit() -> None:
    """The scores of the fit are those of the report's two tables beside trainings of that many rows."""
    core_or_skip("ctypes")
    reports = [each._replace(epochs=40, every=4) for each in overshoot.REPORTS]
    [found] = overshoot.fit(3, 7, sizes=[210], reports=reports)
    tables = json.loads(Path(overshoot.__file__).with_name("report_tables.json").read_text(encoding="utf-8"))
    for experiment, score in zip(reports, found.scores):
        losses = []
        for seed in (7, 8, 9):
            x, y = datasets.linear(210, seed)
            net = Network(2, 4, 4, 1, bias=False, seed=seed)
            losses.append(net.fit(x, y, epochs=40, learning_rate=experiment.learning_rate).mse[::4])
        assert score == overshoot.score(tables[experiment.name]["loss"], losses)


def test_wrong_studies() -> None:
    """Entries that make no sense are refused before anything is trained."""
    wrong = [
        (SMALL._replace(rows=(1,)), "rows is 1"),
        (SMALL._replace(rows=()), "rows are .*, expected one or more"),
        (SMALL._replace(rates=(1.0, 1.0)), "learning rates are .*each of them once"),
        (SMALL._replace(rules=("sgd",)), "rule is 'sgd'"),  # type: ignore[arg-type]
        (SMALL._replace(epochs=1), "epochs is 1"),
        (SMALL._replace(seeds=0), "seeds is 0"),
        (SMALL._replace(seed=2**64 - 1), "reach 2\\^64"),
    ]
    for study, message in wrong:
        with pytest.raises(OptionError, match=message):
            study.check()
    with pytest.raises(OptionError, match=r"--fit-seeds \(or 0, for no fit\) is 1"):
        overshoot.check_fit(1, 0)


COMMAND = ["lab", "overshoot", "--rows", "50,400", "--learning-rates", "1,0.01", "--rules", "descent,rprop"]
COMMAND += ["--seeds", "2", "--fit-seeds", "0", "--epochs", "100"]


def test_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The JSON, the text and the CSV file have the same counts; the SHA-256 is the file's."""
    core_or_skip("ctypes")
    pytest.importorskip("matplotlib")
    assert cli.main([*COMMAND, "--json", "--out", str(tmp_path)]) == 0
    fields = json.loads(capsys.readouterr().out)
    data = tmp_path.joinpath("overshoot.csv").read_bytes()
    assert fields["sha256"] == hashlib.sha256(data).hexdigest()
    assert fields["fit"] == {"seeds": 0, "scores": [], "best": None}
    rows = list(csv.DictReader(data.decode().splitlines()))
    assert len(rows) == len(fields["cells"]) == 2 * 2 * 2 + 2 * 2
    for row, cell in zip(rows, fields["cells"]):
        assert {name: "" if value is None else str(value) for name, value in cell.items()} == row
        assert cell["stuck"] + cell["slow"] + cell["learnt"] == 2
    assert tmp_path.joinpath("overshoot.png").read_bytes().startswith(b"\x89PNG")
    assert cli.main(COMMAND) == 0
    printed = capsys.readouterr().out
    assert f"sha256 of the table: {fields['sha256']}" in printed
    cells = [
        cell
        for cell in fields["cells"]
        if (cell["rule"], cell["bias"], cell["learning_rate"]) == ("descent", False, 1.0)
    ]
    [line] = [line for line in printed.partition("with biases")[0].splitlines() if line.startswith("       1 ")]
    shown = [f"{cell['stuck']}" + (f" +{cell['slow']}" if cell["slow"] else "") for cell in cells]
    assert line[8:].replace(" ", "") == "".join(shown).replace(" ", "")


def test_page() -> None:
    """The table that docs/lab.md shows has the SHA-256 that the page names, and lines that are trained again here."""
    core_or_skip("ctypes")
    docs = Path(__file__).parent.parent / "docs"
    data = docs.joinpath("overshoot.csv").read_bytes()
    assert hashlib.sha256(data).hexdigest() in docs.joinpath("lab.md").read_text(encoding="utf-8")
    study = Study(rows=(50,), rates=(0.001, 1.0, 3.0))
    lines = overshoot.csv_text(overshoot.run(study)).splitlines()
    assert len(lines) == 1 + 3 * 2 * 3 + 2
    assert set(lines) <= set(data.decode().splitlines())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lab", "--seeds", "5", "overshoot"], "--seeds is given before overshoot"),
        (["lab", "--report", "page", "overshoot"], "expected `bitprop lab --report DIR --overshoot`"),
        (["lab", "--report", "page", "proben1", "--data", "."], "--report is given for proben1"),
        (["lab", "overshoot", "--rows", "50,"], "'50,' has an empty entry"),
        (["lab", "overshoot", "--rows", "many"], "'many' is not a whole number"),
        (["lab", "overshoot", "--rules", "sgd"], "rule is 'sgd'"),
        (["lab", "overshoot", "--fit-seeds", "1"], "--fit-seeds (or 0, for no fit) is 1"),
        (["lab", "overshoot", "--out", __file__], "expected a folder"),
    ],
)
def test_wrong_commands(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, status 2, and nothing is trained."""
    try:
        status = cli.main(arguments)
    except SystemExit as error:
        status = int(str(error.code))
    assert status == 2
    assert message in capsys.readouterr().err


def test_map() -> None:
    """The map has each share in per cent, the report's two points in a frame, and slow places hatched."""
    pytest.importorskip("matplotlib")
    from bitprop import plots
    from bitprop.lab import overshoot_pictures

    study = Study(rows=(200, 400), rates=(0.01, 1.0), rules=("descent", "rprop"), epochs=9, seeds=4)
    counts = {(200, 0.01): (0, 3), (200, 1.0): (1, 0), (400, 0.01): (0, 0), (400, 1.0): (3, 0)}
    cells = [
        Cell("descent", bias, rows, rate, 4, *counts[rows, rate], 0.1)
        for bias in (False, True)
        for rows in (200, 400)
        for rate in (0.01, 1.0)
    ]
    cells += [Cell("rprop", bias, rows, None, 4, 0, 0, 0.1) for bias in (False, True) for rows in (200, 400)]
    figure = overshoot_pictures.figure(study, cells)
    first, alone, below, _ = figure.axes
    assert [text.get_text() for text in first.texts] == ["0", "0", "25", "75"]
    assert [text.get_text() for text in alone.texts] == ["0", "0"]
    assert [tick.get_text() for tick in first.get_yticklabels()] == ["0.01", "1"]
    framed = [patch.get_xy() for patch in first.patches if not patch.get_hatch()]
    assert framed == [(0.5, 0.5), (0.5, -0.5)]  # 400 rows, rates 1 and 0.01
    assert [patch.get_xy() for patch in first.patches if patch.get_hatch()] == [(-0.5, -0.5)]
    assert [bool(patch.get_hatch()) for patch in below.patches] == [True]
    assert len(figure.legends[0].get_texts()) == 2
    none = plots.maps([plots.Map("t", ["1"], ["2"], [[0.5]], [[False]], [])], 1, "t", ("a", "b"), "m", "h")
    assert none.legends == []
