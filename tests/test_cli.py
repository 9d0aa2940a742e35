# SPDX-License-Identifier: MIT
"""The command as users run it: results, files, exit status, one line for each error."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import bitprop
from bitprop import Network, bench, cli, datasets, info, sweep
from bitprop.names import Backend


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs `python -m bitprop`."""
    command = [sys.executable, "-m", "bitprop", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize("command", ["lab", "train", "sweep", "predict", "plot", "gradcheck", "bench", "info"])
def test_help(command: str) -> None:
    """Every command has help with an example."""
    found = run(command, "--help")
    assert found.returncode == 0
    assert f"example: bitprop {command}" in found.stdout
    assert "--json" in found.stdout
    assert command in run("--help").stdout


def test_train_and_predict(backend: Backend, tmp_path: Path) -> None:
    """A network goes from training over a file to predictions, the same as in Python."""
    model, history = str(tmp_path / "net.json"), str(tmp_path / "losses.csv")
    options = ["--epochs", "60", "--no-bias", "--seed", "7", "--backend", backend]
    found = run("train", "linear:30", *options, "--save", model, "--history", history)
    assert found.returncode == 0, found.stderr
    net = Network(2, 4, 4, 1, bias=False, seed=7)
    x, y = datasets.linear(30)
    net.fit(x, y, epochs=60, log_every=3)
    assert Network.load(model) == net
    assert f"fingerprint {net.fingerprint()}" in found.stdout
    assert str(net.history) in found.stdout
    assert len(Path(history).read_text(encoding="utf-8").splitlines()) == 21
    found = run("predict", model, "linear:30", "--backend", backend)
    assert [[float(number) for number in line.split(",")] for line in found.stdout.splitlines()] == net.predict(x)
    assert f"mse {net.loss(x, y)!r}" in found.stderr
    fields = json.loads(run("predict", model, "linear:30", "--json").stdout)
    assert fields == {"outputs": net.predict(x), "mse": net.loss(x, y)}
    more = json.loads(run("train", "linear:30", "--load", model, "--epochs", "5", "--json").stdout)
    net.fit(x, y, epochs=5)
    assert more["fingerprint"] == net.fingerprint()
    assert more["final_mse"] == net.loss(x, y)


def test_generated_data(backend: Backend) -> None:
    """The data sets that have names are those of Python, for every backend; the seed is that of --data-seed."""
    for name, seed, (x, y) in (
        ("circles:30", 3, datasets.circles(30, seed=3)),
        ("moons:30", 4, datasets.moons(30, seed=4)),
        ("blobs:30", 5, datasets.blobs(30, seed=5)),
        ("spirals", None, datasets.two_spirals()),
        ("encoder:5", None, datasets.encoder(5)),
        ("parity:3", None, datasets.parity(3)),
    ):
        options = ["--epochs", "20", "--learning-rate", "0.01", "--backend", backend, "--json"]
        result = run("train", name, *options, *(["--data-seed", str(seed)] if seed else []))
        assert result.returncode == 0, result.stderr
        net = Network(len(x[0]), 4, 4, len(y[0]))
        net.fit(x, y, epochs=20, learning_rate=0.01)
        assert json.loads(result.stdout)["fingerprint"] == net.fingerprint()


def test_sweep(tmp_path: Path) -> None:
    """A sweep's table, JSON, CSV and picture tell the same as `sweep()` does."""
    csv, png = str(tmp_path / "sweep.csv"), str(tmp_path / "sweep.png")
    options = ["--seeds", "4", "--seed", "3", "--learning-rates", "1,0.1", "--epochs", "60", "--no-bias"]
    found = run("sweep", "xor", *options, "--csv", csv, "--plot", png)
    assert found.returncode == 0, found.stderr
    expected = sweep((2, 4, 4, 1), datasets.xor(), seeds=range(3, 7), learning_rates=(1.0, 0.1), epochs=60, bias=False)
    lines = found.stdout.splitlines()
    assert [line.split()[1:5] for line in lines[3:5]] == [["0", "of", "4", "0"]] * 2
    rows = Path(csv).read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[2] for line in rows[1:]] == [repr(loss) for loss in expected.final_mse]
    assert Path(png).read_bytes().startswith(b"\x89PNG")
    fields = json.loads(run("sweep", "xor", *options, "--threshold", "1", "--json").stdout)
    assert [training["final_mse"] for training in fields["trainings"]] == expected.final_mse
    assert [(rate["learning_rate"], rate["solved"]) for rate in fields["rates"]] == [(1.0, 4), (0.1, 4)]
    assert fields["rates"][0]["quantiles"]["0.5"] == expected.quantiles([0.5], learning_rate=1.0)[0.5]


def test_rules() -> None:
    """The rules and their options are those of `fit`; an option of another rule is bad usage."""
    options = ["--epochs", "30", "--seed", "7", "--json"]
    given = [
        "--rule",
        "adam",
        "--learning-rate",
        "0.02",
        "--beta1",
        "0.5",
        "--weight-decay",
        "0.01",
        "--decay-biases",
        "--l1",
        "0.001",
    ]
    x, y = datasets.xor()
    net = Network(2, 4, 4, 1, seed=7)
    decay: dict[str, Any] = {"weight_decay": 0.01, "l1": 0.001, "decay_biases": True}
    net.fit(x, y, epochs=30, rule="adam", learning_rate=0.02, beta1=0.5, **decay)
    assert json.loads(run("train", "xor", *options, *given).stdout)["fingerprint"] == net.fingerprint()
    fields = json.loads(run("sweep", "xor", *options, "--seeds", "2", "--rule", "rprop", "--step-max", "1").stdout)
    expected = sweep((2, 4, 4, 1), (x, y), seeds=[7, 8], epochs=30, rule="rprop", step_max=1.0)
    assert fields["rule"] == "rprop"
    assert [training["final_mse"] for training in fields["trainings"]] == expected.final_mse
    for wrong, message in (
        (["--momentum", "0.5"], "momentum is given for descent, which uses weight_decay, l1, decay_biases"),
        (["--rule", "rprop", "--learning-rate", "1"], "learning_rate is given for rprop, which uses increase"),
        (["--rule", "sgd"], "invalid choice: 'sgd'"),
    ):
        outcome = run("train", "xor", *wrong)
        assert (outcome.returncode, outcome.stdout) == (2, "")
        assert message in outcome.stderr
    assert "of momentum and nesterov (0.9)" in " ".join(run("train", "--help").stdout.split())


def test_early_stopping(tmp_path: Path) -> None:
    """What stops a training in Python does so on the command line, which says why and after how many epochs."""
    options = ["--validation", "0.2", "--check-every", "5", "--split-seed", "3"]
    picture, history = str(tmp_path / "losses.png"), str(tmp_path / "losses.csv")
    files = ["--plot", picture, "--history", history]
    fit: dict[str, Any] = {"validation": 0.2, "check_every": 5, "split_seed": 3}
    x, y = datasets.linear(60)
    cases: list[tuple[list[str], dict[str, Any]]] = [
        (["--patience", "2", "--min-delta", "0.01"], {"patience": 2, "min_delta": 0.01}),
        (["--goal", "1.5", "--stop-gl", "5"], {"goal": 1.5, "stop_gl": 5.0}),
        (["--stop-progress", "5", "--learning-rate", "0.02"], {"stop_progress": 5.0, "learning_rate": 0.02}),
    ]
    for extra, more in cases:
        net = Network(2, 4, 4, 1, seed=7)
        expected = net.fit(x, y, epochs=400, **{**fit, **more})
        assert expected.stopped in ("patience", "generalisation", "progress")
        arguments = ["train", "linear:60", "--seed", "7", "--epochs", "400", *options, *extra]
        found = run(*arguments, *files)
        assert found.returncode == 0, found.stderr
        assert (
            f"after {expected.trained} epochs, stopped by {expected.stopped} (best validation: half_sse" in found.stdout
        )
        assert f"fingerprint {net.fingerprint()}" in found.stdout
        fields = json.loads(run(*arguments, "--json").stdout)
        assert fields["validation"] == expected.validation
        assert fields["validation_epochs"] == expected.validation_epochs
        assert (fields["best_epoch"], fields["trained"]) == (expected.best_epoch, expected.trained)
    assert run("plot", history, "--out", picture).returncode == 0
    found = run("train", "xor", "--patience", "3")
    assert (found.returncode, found.stderr.count("\n")) == (2, 1)
    assert "patience is 3, which has no effect alone: expected validation with it" in found.stderr


def test_early_stopping_of_a_sweep(tmp_path: Path) -> None:
    """Each training of a sweep stops alone; the table, the JSON and the CSV file tell."""
    options = ["--seeds", "4", "--epochs", "300", "--validation", "0.2", "--patience", "2", "--check-every", "5"]
    path = str(tmp_path / "sweep.csv")
    found = run("sweep", "linear:60", *options, "--csv", path)
    assert found.returncode == 0, found.stderr
    fit: dict[str, Any] = {"validation": 0.2, "patience": 2, "check_every": 5}
    expected = sweep((2, 4, 4, 1), datasets.linear(60), seeds=range(4), epochs=300, **fit)
    ends = [(run.history.stopped, run.history.best_epoch) for run in expected]
    count = [stopped for stopped, _ in ends].count("patience")
    assert f"stopped early: {count} by patience" in found.stdout
    rows = [line.split(",") for line in Path(path).read_text(encoding="utf-8").splitlines()[1:]]
    assert [(row[4], int(row[5])) for row in rows] == ends
    trainings = json.loads(run("sweep", "linear:60", *options, "--json").stdout)["trainings"]
    assert [(training["stopped"], training["best_epoch"]) for training in trainings] == ends
    assert [training["final_mse"] for training in trainings] == expected.final_mse
    assert run("plot", path, "--out", str(tmp_path / "sweep.png")).returncode == 0


def test_sweep_failures() -> None:
    """Trainings that diverge are counted, and told where all do; wrong options are one line."""
    options = ["--activation", "identity", "--seeds", "3", "--epochs", "50"]
    found = run("sweep", "linear:30", *options, "--learning-rates", "100")
    assert found.returncode == 1
    assert found.stdout.splitlines()[3].split() == ["100", "0", "of", "3", "3", *["inf"] * 5]
    assert "the first that failed, seed 0: training diverged in epoch" in found.stderr
    assert run("sweep", "linear:30", *options, "--learning-rates", "100,0.0001").returncode == 0
    for wrong in (
        ["--seeds", "0"],
        ["--learning-rates", "1,x"],
        ["--learning-rates", "-1"],
        ["--csv", "/nowhere/a.csv"],
    ):
        found = run("sweep", "xor", *wrong)
        assert found.returncode == 2
        assert len(found.stderr.splitlines()) == 1


GRID = ["--grid", "hidden=none,3", "--grid", "rule=adam,rprop", "--grid", "batch-size=none,1"]
GRID_OPTIONS: dict[str, Any] = {
    "epochs": 40,
    "grid": {"sizes": [(2, 1), (2, 3, 1)], "rule": ["adam", "rprop"], "batch_size": [None, 1]},
}


def test_grid(tmp_path: Path) -> None:
    """A grid's table, JSON, CSV, picture and best network are those of `sweep()`."""
    csv, png, best = (str(tmp_path / name) for name in ("sweep.csv", "sweep.png", "best.json"))
    options = ["--seeds", "3", "--epochs", "40", *GRID, "--threshold", "0.3"]
    found = run("sweep", "xor", *options, "--csv", csv, "--plot", png, "--save", best)
    assert found.returncode == 0, found.stderr
    expected = sweep(None, datasets.xor(), seeds=range(3), **GRID_OPTIONS)
    lines = found.stdout.splitlines()
    assert lines[0] == "8 configurations on xor, 40 epochs, half_sse"
    assert lines[2].split()[:5] == ["sizes", "rule", "batch_size", "rate", "solved"]
    assert [line.split()[:4] for line in lines[3:11]] == [
        ["-".join(map(str, line["sizes"])), line["rule"], str(line["batch_size"]).lower(), f"{line['learning_rate']:g}"]
        for line in expected.table()
    ]
    assert [int(line.split()[4]) for line in lines[3:11]] == [line["solved"] for line in expected.table(0.3)]
    assert f"best: seed {expected.best.seed}, " in lines[12]
    assert repr(expected.best.final_loss) in lines[12]
    assert Network.load(best) == expected.best.network
    assert f"wrote {best}: the network of seed {expected.best.seed}" in found.stderr
    expected.to_csv(tmp_path / "expected.csv")
    assert Path(csv).read_bytes() == (tmp_path / "expected.csv").read_bytes()
    assert Path(png).read_bytes().startswith(b"\x89PNG")
    assert run("plot", csv, "--out", str(tmp_path / "again.png")).returncode == 0
    fields = json.loads(run("sweep", "xor", *options, "--json").stdout)
    assert fields["grid"]["batch_size"] == [None, 1]
    assert "rule" not in fields
    assert fields["best"]["seed"] == expected.best.seed
    assert [training["final_mse"] for training in fields["trainings"]] == expected.final_mse
    assert [training["sizes"] for training in fields["trainings"]] == [list(one.options["sizes"]) for one in expected]
    assert [line["quantiles"]["0.5"] for line in fields["configurations"]] == [
        line["quantiles"][0.5] for line in expected.table()
    ]


def test_grid_of_every_kind(tmp_path: Path) -> None:
    """Schedules, activations for each layer, pairs, truth and validation are typed as tables show them."""
    path = tmp_path / "data.csv"
    path.write_text("0,0,0\n0,1,1\n1,0,1\n1,1,0\n", encoding="utf-8")
    rows = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0.0, 1.0, 1.0, 0.0]
    for texts, grid in (
        (["learning_rate=0.5,0.3:0.2:0.1"], {"learning_rate": [0.5, (0.3, 0.2, 0.1)]}),
        (["sizes=2-3-1,2-1"], {"sizes": [(2, 3, 1), (2, 1)]}),
        (
            ["activation=tanh,tanh:relu:sigmoid", "bias=true,false"],
            {"activation": ["tanh", ("tanh", "relu", "sigmoid")], "bias": [True, False]},
        ),
        (["first_step=0.1,0.05:0.2", "rule=rprop"], {"first_step": [0.1, (0.05, 0.2)], "rule": ["rprop"]}),
        (["validation=none,0.25"], {"validation": [None, 0.25]}),
    ):
        typed = [argument for text in texts for argument in ("--grid", text)]
        found = run("sweep", str(path), "--seeds", "2", "--epochs", "3", *typed, "--json")
        assert found.returncode == 0, found.stderr
        sizes: Any = None if "sizes" in grid else (2, 4, 4, 1)
        expected = sweep(sizes, rows, seeds=range(2), epochs=3, grid=grid)
        assert [one["final_mse"] for one in json.loads(found.stdout)["trainings"]] == expected.final_mse


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--grid", "rule"], "'rule' has no values, expected a name with some: rule=adam,rprop"),
        (["--grid", "rule=sgd"], "rule: 'sgd' is not one of descent, momentum, nesterov, adam"),
        (["--grid", "frob=1"], "'frob' is no option of a grid, expected one of hidden, sizes, learning_rate"),
        (["--grid", "batch_size=1,x"], "batch_size: 'x' is not a whole number, and not none"),
        (["--grid", "batch_size=1,"], "batch_size: there is an empty value"),
        (["--grid", "bias=yes"], "bias: 'yes' is not true or false"),
        (["--grid", "hidden=4x4"], "hidden: '4x4' is not layer sizes, such as 4-4"),
        (["--grid", "hidden=0"], "layer 1 of 2-0-1 has size 0"),
        (["--grid", "rule=adam", "--grid", "rule=rprop"], "--grid rule is given twice"),
        (["--grid", "hidden=4", "--grid", "sizes=2-1"], "--grid has hidden and sizes, expected one of them"),
        (["--grid", "hidden=4", "--sizes", "2-1"], "--sizes is given beside --grid hidden, expected one of them"),
        (["--grid", "rule=adam", "--rule", "rprop"], "--rule is given beside --grid rule, expected one of them"),
        (["--grid", "learning_rate=1", "--learning-rates", "1"], "--learning-rates is given beside --grid"),
        (["--grid", "rule=adam,rprop", "--learning-rates", "1"], "(in the configuration rule=rprop)"),
        (["--grid", "validation=0.2,0.3", "--save", "a.json"], "which do not compare: expected trainings of one kind"),
        (["--grid", "validation=0.2", "--scale-inputs", "standard"], "--scale-inputs depends on validation"),
        (["--grid", "hidden=1,1"], "the configuration sizes=2-1-1 is in the grid twice"),
        (["--resume", "a.csv", "--csv", "a.csv"], "--resume is a.csv, the same file as --csv"),
        (["--resume", "/nowhere/a"], "cannot write /nowhere/a: there is no folder /nowhere"),
        (["--resume", __file__], "is not the file of a sweep"),
        (
            ["--grid", f"shuffle_seed={','.join(map(str, range(21)))}", "--plot", "a.png"],
            "21 curves cannot be told apart in a picture, expected 20 at most",
        ),
    ],
    ids=lambda value: " ".join(value)[:60],
)
def test_bad_grids(arguments: list[str], message: str, tmp_path: Path) -> None:
    """Wrong grids end with status 2 and one line, before anything is trained or written."""
    found = run("sweep", "xor", "--epochs", "9", *arguments, cwd=tmp_path)
    assert (found.returncode, found.stdout) == (2, "")
    assert message in found.stderr
    assert found.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_resumed_sweep(tmp_path: Path) -> None:
    """A sweep that was killed, or has more seeds, goes on from its file; the output is that of a whole one."""
    options = ["--epochs", "40", *GRID, "--json"]
    whole = run("sweep", "xor", "--seeds", "5", *options)
    assert run("sweep", "xor", "--seeds", "3", *options, "--resume", "s.jsonl", cwd=tmp_path).returncode == 0
    path = tmp_path / "s.jsonl"
    path.write_bytes(path.read_bytes()[:-100])  # as a killed process leaves it
    found = run("sweep", "xor", "--seeds", "5", *options, "--resume", "s.jsonl", cwd=tmp_path)
    assert (found.returncode, found.stdout, found.stderr) == (0, whole.stdout, "")
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1 + 5 * 8
    found = run("sweep", "xor", "--epochs", "41", *GRID, "--resume", "s.jsonl", cwd=tmp_path)
    assert (found.returncode, found.stdout) == (2, "")
    assert "s.jsonl is of another sweep (epochs is 41, and 40 there" in found.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_interrupted_sweep_goes_on(tmp_path: Path) -> None:
    """Ctrl-C prints the table of what had ended, and how to go on; the same command does so to the same result."""
    if info()["backend"] == "python":
        pytest.skip("the pure twin would take minutes")
    arguments = ["sweep", "xor", "--seeds", "300", "--epochs", "3000", "--batch-size", "1", "--resume", "s.jsonl"]
    process = subprocess.Popen(
        [sys.executable, "-m", "bitprop", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    path = tmp_path / "s.jsonl"
    while process.poll() is None and not (path.exists() and path.read_bytes().count(b"\n") > 1):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    printed, said = process.communicate()
    assert process.returncode == 130
    ended = path.read_bytes().count(b"\n") - 1
    assert 0 < ended < 300
    assert f"{ended} of 300 trainings had ended" in said
    assert "the same command goes on with what s.jsonl has" in said
    assert f"of {ended} " in printed
    found = run(*arguments, "--json", cwd=tmp_path)
    whole = sweep((2, 4, 4, 1), datasets.xor(), seeds=range(300), epochs=3000, batch_size=1)
    assert [training["final_mse"] for training in json.loads(found.stdout)["trainings"]] == whole.final_mse


def test_save_without_success(tmp_path: Path) -> None:
    """Where all trainings fail there is no best network, and that is said."""
    options = ["--activation", "identity", "--seeds", "2", "--learning-rates", "100", "--save", "best.json"]
    found = run("sweep", "linear:30", *options, cwd=tmp_path)
    assert found.returncode == 1
    assert "no training succeeded: best.json not written" in found.stderr
    assert list(tmp_path.iterdir()) == []


def test_bench() -> None:
    """Contestants run in turns and agree in their losses; what it prints has every kernel."""
    found = run("bench", "--quick", "--only", "predict", "--rounds", "1", "--json")
    assert found.returncode == 0, found.stderr
    fields = json.loads(found.stdout)
    row, million = fields["outcomes"]
    assert list(fields["here"]) == ["bitprop", "core", "Python", "machine", "date"]
    names = [contestant["name"] for contestant in million["rows"]]
    assert {f"bitprop {kernel}" for kernel in info()["kernels"]} <= set(names)
    assert all(contestant["low"] <= contestant["median"] <= contestant["high"] for contestant in row["rows"])
    assert all(contestant["check"] == "" for contestant in row["rows"])
    assert not any(bench.wrong(contestant["check"]) for contestant in million["rows"])  # the pure twin takes no part
    found = run("bench", "--only", "nothing")
    assert found.returncode == 2
    assert found.stderr == "bitprop: error: --only is 'nothing', expected one of full, online, predict, sweep, growth\n"


def test_csv_data(tmp_path: Path) -> None:
    """CSV data trains a network of its width; predict takes rows without targets, also from stdin."""
    path = tmp_path / "data.csv"
    path.write_text("a,b,c,label\n0,0,1,0\n1,0,0,1\n0,1,0,1\n", encoding="utf-8")
    model = str(tmp_path / "net.json")
    assert run("train", str(path), "--epochs", "3", "--save", model).returncode == 0
    assert Network.load(model).sizes == (3, 4, 4, 1)
    found = run("predict", model, "-", input="1,2,3\n")
    assert found.stdout == f"{Network.load(model).predict([1.0, 2.0, 3.0])[0][0]!r}\n"
    assert found.stderr == "stdin: 3 inputs (columns 1, 2, 3)\n"


ONE_HOT = "5,3,1,0,0\n4,2,0,1,0\n1,2,0,0,1\n"


def test_sample_weight(tmp_path: Path) -> None:
    """A column of a CSV file has the rows' weights: the training, its loss and the check of the gradient have them."""
    rows = [([0.1, 0.9], [1.0], 2.0), ([0.4, 0.3], [0.0], 0.0), ([0.8, 0.2], [1.0], 0.5)]
    text = "".join(f"{x0},{w},{x1},{t}\n" for (x0, x1), (t,), w in rows)
    (tmp_path / "rows.csv").write_text("a,w,b,t\n" + text, encoding="utf-8")
    x, y, weights = ([row[part] for row in rows] for part in range(3))
    weighed = ("rows.csv", "--sample-weight", "w")
    net = Network(2, 4, 4, 1)
    net.fit(x, y, epochs=60, validation=0.4, split_seed=3, goal=0.0, sample_weight=weights)
    own = ("--epochs", "60", "--validation", "0.4", "--split-seed", "3", "--goal", "0", "--save", "net.json")
    found = run("train", *weighed, *own, "--json", cwd=tmp_path)
    assert "rows.csv: 2 inputs (a, b), 1 target (t); the first line is a header; weights of the rows" in found.stderr
    fields = json.loads(found.stdout)
    assert (fields["fingerprint"], fields["final_mse"]) == (net.fingerprint(), net.loss(x, y, "mse", weights))
    assert net.loss(x, y, "mse", weights) != net.loss(x, y)
    predicted = json.loads(run("predict", "net.json", *weighed, "--json", cwd=tmp_path).stdout)
    assert predicted["mse"] == fields["final_mse"]
    assert run("gradcheck", *weighed, cwd=tmp_path).returncode == 0
    swept = run("sweep", *weighed, "--seeds", "1", "--epochs", "60", "--csv", "sweep.csv", cwd=tmp_path)
    assert swept.returncode == 0
    alone = Network(2, 4, 4, 1)
    alone.fit(x, y, epochs=60, sample_weight=weights)
    assert repr(alone.loss(x, y, "mse", weights)) in (tmp_path / "sweep.csv").read_text(encoding="utf-8")


def test_a_weight_below_zero(tmp_path: Path) -> None:
    """It is told by the line and the column of its file."""
    Network(2, 1).save(tmp_path / "net.json")
    (tmp_path / "rows.csv").write_text("a,w,b,t\n1,1,2,0\n\n1,-0.5,2,0\n1,-1,2,1\n", encoding="utf-8")
    for arguments in (["train", "rows.csv"], ["predict", "net.json", "rows.csv"], ["gradcheck", "rows.csv"]):
        found = run(*arguments, "--sample-weight", "w", cwd=tmp_path)
        assert found.returncode == 2
        assert "rows.csv, line 5, column 2: -1.0: a weight below 0, expected a number of at least 0" in found.stderr


def test_csv_columns(tmp_path: Path) -> None:
    """Which columns are inputs and targets is told; --targets says which, by their number or names."""
    (tmp_path / "bare.csv").write_text(ONE_HOT, encoding="utf-8")
    (tmp_path / "named.csv").write_text("a,b,red,green,blue\n" + ONE_HOT, encoding="utf-8")
    short = ("--epochs", "1")
    for arguments, told in (
        (["train", "bare.csv", *short], "bare.csv: 4 inputs (columns 1, 2, 3, 4), 1 target (column 5)\n"),
        (
            ["train", "bare.csv", "--targets", "3", *short, "--json"],
            "bare.csv: 2 inputs (columns 1, 2), 3 targets (columns 3, 4, 5)\n",
        ),
        (
            ["gradcheck", "named.csv", "--targets", "blue,red"],
            "named.csv: 3 inputs (a, b, green), 2 targets (blue, red); the first line is a header\n",
        ),
        (
            ["sweep", "named.csv", "--sizes", "2-3", "--seeds", "2", *short],
            "named.csv: 2 inputs (a, b), 3 targets (red, green, blue); the first line is a header\n",
        ),
    ):
        found = run(*arguments, cwd=tmp_path)
        assert (found.returncode, found.stderr) == (0, told)
    fields = json.loads(run("train", "bare.csv", "--targets", "3", *short, "--json", cwd=tmp_path).stdout)
    assert fields["sizes"] == [2, 4, 4, 3]


def test_shape_against_csv(tmp_path: Path) -> None:
    """A shape that contradicts the file is one line that says both."""
    (tmp_path / "bare.csv").write_text(ONE_HOT, encoding="utf-8")
    Network(2, 4, 1).save(tmp_path / "net.json")
    Network(2, 2).save(tmp_path / "one-hot.json")
    wants = "bare.csv has 5 columns, expected 2 of inputs and 1 of targets, for"
    for arguments, told in (
        (["train", "bare.csv", "--sizes", "2-4-1"], f"{wants} --sizes 2-4-1"),
        (["train", "bare.csv", "--load", "net.json"], f"{wants} net.json 2-4-1"),
        (["predict", "net.json", "bare.csv"], f"{wants} net.json 2-4-1"),
        (["sweep", "bare.csv", "--sizes", "2-4-1"], f"{wants} --sizes 2-4-1"),
        (["gradcheck", "bare.csv", "--model", "net.json"], f"{wants} net.json 2-4-1"),
        (
            ["train", "bare.csv", "--sizes", "2-4-1", "--targets", "3"],
            "--targets gives 3 columns, expected 1, for --sizes 2-4-1",
        ),
        (
            ["train", "xor", "--load", "one-hot.json"],
            "xor has 2 inputs and 1 target, expected 2 and 2, for one-hot.json 2-2",
        ),
        (["predict", "one-hot.json", "xor"], "xor has 2 inputs and 1 target, expected 2 and 2, for one-hot.json 2-2"),
        (
            ["train", "bare.csv", "--load", "one-hot.json", "--targets", "1"],
            "--targets gives 1 column, expected 2, for one-hot.json 2-2",
        ),
        (
            ["train", "bare.csv", "--data-seed", "1"],
            "--data-seed has no effect on bare.csv: expected one that is drawn from it: "
            "linear:N, circles:N, moons:N, blobs:N",
        ),
        (["train", "xor", "--targets", "1"], "--targets is given for xor, which has its own: expected a CSV file"),
        (
            ["train", "xor", "--sample-weight", "w"],
            "--sample-weight is given for xor, which has no weights: expected a CSV file",
        ),
        (["train", "bare.csv", "--sample-weight", "w"], "bare.csv has no header with names, expected one with 'w'"),
        (["train", "bare.csv", "--targets", "red"], "bare.csv has no header with names, expected one with 'red'"),
        (
            ["train", "bare.csv", "--sizes", "5-1"],
            "bare.csv has no targets, expected 1 after 5 of inputs, for --sizes 5-1",
        ),
    ):
        found = run(*arguments, cwd=tmp_path)
        assert found.returncode == 2
        assert found.stderr.splitlines()[-1] == f"bitprop: error: {told}"


def test_gradcheck(tmp_path: Path) -> None:
    """Exit 0 where the gradient agrees."""
    found = run("gradcheck", "xor", "--sizes", "2-3-1", "--activation", "tanh,sigmoid", "--json")
    assert found.returncode == 0
    fields = json.loads(found.stdout)
    assert fields["ok"] is True
    assert len(fields["parameters"]) == 13
    assert "the two agree" in run("gradcheck").stdout


def test_info(backend: Backend) -> None:
    """What is in use, as text and as JSON."""
    environment = {**os.environ, "BITPROP_BACKEND": backend}
    assert json.loads(run("info", "--json", env=environment).stdout)["backend"] == backend
    assert f"backend    {backend}\n" in run("info", env=environment).stdout
    assert run("--version").stdout.startswith("bitprop 0.")


def test_lab_json() -> None:
    """The lab's JSON, single runs of a small seed count, through the command."""
    code = (
        "import sys\nfrom bitprop import cli, lab\n"
        "lab.EXPERIMENTS = tuple(e._replace(epochs=40, every=20) for e in lab.EXPERIMENTS)\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", code, "lab", "--seeds", "0", "--json"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    fields = json.loads(found.stdout)
    assert [table["name"] for table in fields["tables"]][:2] == ["linear", "xor"]
    assert found.stderr == ""


BAD: list[tuple[list[str], str]] = [
    ([], "COMMAND"),
    (["frobnicate"], "frobnicate"),
    (["train"], "DATA"),
    (["train", "nothing.csv"], "data set 'nothing.csv' is not there"),
    (["train", "linear:many"], "linear:N"),
    (["train", "linear"], "linear:N"),
    (["train", "xor", "--plot", "losses.txt"], "cannot draw to 'losses.txt'"),
    (["train", "."], ".: Is a directory"),
    (["train", "xor", "--epochs", "many"], "'many' is not a whole number"),
    (["train", "xor", "--epochs", "-5"], "epochs is -5"),
    (["train", "xor", "--learning-rate", "fast"], "'fast' is not a number"),
    (["train", "xor", "--learning-rate", "nan"], "learning_rate is nan"),
    (["train", "xor", "--sizes", "2-x-1"], "'2-x-1' is not layer sizes"),
    (["train", "xor", "--sizes", "2"], "1 layer sizes given"),
    (["train", "xor", "--sizes", "3-4-1"], "xor has 2 inputs and 1 target, expected 3 and 1, for --sizes 3-4-1"),
    (["train", "xor", "--activation", "swish"], "activation is 'swish'"),
    (["train", "xor", "--loss", "rmse"], "rmse"),
    (["train", "xor", "--save", "/nowhere/net.json"], "there is no folder /nowhere"),
    (["train", "xor", "--save", "/"], "expected the name of a file"),
    (["train", "xor", "--save", ""], "expected the name of a file"),
    (["train", "xor", "--load", "net.json", "--seed", "3"], "--seed is given for net.json, which has its own"),
    (["train", "xor", "--load", "net.json", "--no-bias"], "--no-bias is given for net.json"),
    (["train", "xor", "--load", "net.json", "--bias"], "--bias is given for net.json"),
    (["train", "data.csv", "--targets", "0"], "0 columns, expected one or more"),
    (["gradcheck", "--model", "net.json", "--sizes", "2-1"], "--sizes is given for net.json"),
    (["train", "linear:" + "9" * 5000], "linear:N"),
    (["train", "two\nlines.csv"], "is not there"),
    (["train", "xor", "--load", "nothing.json"], "nothing.json"),
    (["predict", "nothing.json", "xor"], "nothing.json"),
    (["gradcheck", "--sizes", "2-0-1"], "size 0"),
    (["lab", "--seeds", "-1"], "seeds is -1"),
    (["lab", "--seed", "one"], "'one' is not a whole number"),
    (["info", "--backend", "gpu"], "--backend"),
    (
        ["train", "xor", "--data-seed", "4"],
        "--data-seed has no effect on xor: expected one that is drawn from it: linear:N",
    ),
    (
        ["train", "xor", "--data-seed", "0"],
        "--data-seed has no effect on xor: expected one that is drawn from it: linear:N",
    ),
    (["train", "linear:9", "--data-seed", "-1"], "--data-seed is -1, expected 0 <= --data-seed < 2^64"),
    (["sweep", "xor", "--frob"], "bitprop sweep: error: unrecognized arguments: --frob (see bitprop sweep --help)"),
    (["vectors", "generate", "--frob"], "bitprop vectors generate: error: unrecognized arguments: --frob"),
    (["--frob", "train", "xor"], "bitprop: error: unrecognized arguments: --frob"),
    (
        ["sweep", "xor", "--seeds", "3", "--seed", str(2**64 - 1)],
        "the seeds 18446744073709551615 to 18446744073709551617, expected all of them below 2^64",
    ),
    (["lab", "--out", ""], "--out is '', expected a folder that is there or can be made"),
    (["predict", "xor", "net.json"], "model file 'xor' is not there: expected one that train --save wrote"),
    (["export", "nothing.json", "--to", "c"], "model file 'nothing.json' is not there"),
    (["train", "linear:0"], "data set 'linear:0': expected linear:N with N from 1 to 99999999, as in linear:100"),
    (["train", "parity:21"], "data set 'parity:21': expected parity:N with N from 1 to 20, as in parity:4"),
    (["train", "spirals", "--data-seed", "1"], "--data-seed has no effect on spirals: expected one that is drawn"),
    (["train", "encoder:4", "--sizes", "2-1"], "encoder:4 has 4 inputs and 4 targets, expected 2 and 1, for --sizes"),
    (["gradcheck", "--sizes", "2-2-1", "--activation", "tanh, swish"], "activation is 'swish'"),
    (["lab", "--out", __file__], "expected a folder that is there or can be made"),
    (["vectors", "generate", "--out", f"{__file__}/vectors"], "expected a folder that is there or can be made"),
]


SAME: list[tuple[list[str], str]] = [
    (["train", "xor", "--save", "a.json", "--history", "a.json"], "--history is a.json, the same file as --save"),
    (
        ["train", "xor", "--save", "a.json", "--history", "./link.json"],
        "--history is ./link.json, the same file as --save",
    ),
    (["train", "xor", "--history", "a.png", "--plot", "../here/a.png"], "the same file as --history"),
    (["train", "data.csv", "--save", "data.csv"], "--save is data.csv, the same file as the data"),
    (["train", "data.csv", "--history", "hard.csv"], "--history is hard.csv, the same file as the data"),
    (["train", "data.csv", "--load", "net.json", "--history", "net.json"], "the same file as --load"),
    (["sweep", "data.csv", "--csv", "data.csv"], "--csv is data.csv, the same file as the data"),
    (["sweep", "data.csv", "--csv", "a.png", "--plot", "a.png"], "--plot is a.png, the same file as --csv"),
    (["export", "net.json", "--to", "c", "--out", "net.json"], "--out is net.json, the same file as the model"),
]


@pytest.mark.skipif(sys.platform == "win32", reason="needs links")
@pytest.mark.parametrize(("arguments", "message"), SAME, ids=" ".join)
def test_no_file_is_lost(arguments: list[str], message: str, tmp_path: Path) -> None:
    """An output that would overwrite an input or another output is refused before any work."""
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "data.csv").write_text("0.1,0.2,1\n0.3,0.4,0\n", encoding="utf-8")
    os.link(folder / "data.csv", folder / "hard.csv")
    (folder / "link.json").symlink_to("a.json")
    Network(2, 4, 4, 1).save(folder / "net.json")
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.exists()}
    found = run(
        *arguments,
        "--epochs" if arguments[0] != "export" else "--json",
        *["1"] * (arguments[0] != "export"),
        cwd=folder,
    )
    assert found.returncode == 2
    assert message in found.stderr
    assert found.stderr.count("\n") == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.exists()} == before


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_files_that_may_be_given_twice(tmp_path: Path) -> None:
    """A model may be trained further in its place; devices are no files that can be lost; other names need no text."""
    Network(2, 4, 4, 1).save(tmp_path / "net.json")
    for options in (["--load", "net.json", "--save", "net.json"], ["--save", "/dev/null", "--history", "/dev/null"]):
        found = run("train", "xor", "--epochs", "3", *options, cwd=tmp_path)
        assert found.returncode == 0, found.stderr
    name = os.fsdecode(b"n\xff.h")
    (tmp_path / name).write_text("old", encoding="utf-8")
    found = run("export", "net.json", "--to", "c", "--out", name, cwd=tmp_path)
    assert (found.returncode, found.stderr.count("\n")) == (2, 1)
    assert (tmp_path / name).read_text(encoding="utf-8") == "old"
    found = run("train", "xor", "--epochs", "3", "--save", os.fsdecode(b"n\xff.json"), cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert Network.load(tmp_path / os.fsdecode(b"n\xff.json")).sizes == (2, 4, 4, 1)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_closed_stderr_stays_out_of_json(tmp_path: Path) -> None:
    """What belongs on stderr is not printed elsewhere where that is closed."""
    for command in ("train xor --epochs 3 --save n.json --history h.csv", "sweep xor --seeds 2 --epochs 3 --csv s.csv"):
        line = f"{sys.executable} -m bitprop {command} --json 2>&-"
        found = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True, cwd=tmp_path)
        assert json.loads(found.stdout)


def test_ascii_output() -> None:
    """Where stdout takes ASCII only, other characters are escaped."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    found = run("vectors", "check", "--exec", f"{sys.executable} -c 'print(1)'", env=environment)
    assert found.returncode == 1
    assert "Traceback" not in found.stderr
    assert "\\xa7" in found.stdout


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=lambda value: " ".join(value) or "nothing")
def test_bad_usage(arguments: list[str], message: str) -> None:
    """Bad usage and bad input end with status 2 and one line, without a traceback."""
    found = run(*arguments)
    assert found.returncode == 2
    assert message in found.stderr
    assert found.stderr.count("\n") == 1
    assert found.stdout == ""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize("redirection", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(redirection: str) -> None:
    """Closed streams are no traceback: what is not needed is not missed."""
    command = f"{sys.executable} -m bitprop train xor --epochs 5 {redirection}"
    found = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert found.returncode == 0
    assert found.stderr == ""
    command = f"{sys.executable} -m bitprop train - --epochs 5 <&-"
    found = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (2, "bitprop: error: stdin is closed, expected CSV rows\n")


def test_json_without_nan(tmp_path: Path) -> None:
    """What JSON has no number for is null."""
    net = Network(2, 1, activation="identity", bias=False)
    net.parameters[0] = net.parameters[1] = 2.0
    net.save(tmp_path / "net.json")
    found = run("predict", str(tmp_path / "net.json"), "-", "--json", input="1e308,-1e308\n")
    assert json.loads(found.stdout, parse_constant=pytest.fail)["outputs"] == [[None]]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_model_is_saved_before_printing(tmp_path: Path) -> None:
    """A training is not lost because its table cannot be printed."""
    model = tmp_path / "net.json"
    with open("/dev/full", "w", encoding="utf-8") as full:
        command = [sys.executable, "-m", "bitprop", "train", "xor", "--epochs", "50", "--save", str(model)]
        found = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert found.returncode == 2
    assert found.stderr.endswith("bitprop: error: standard output: No space left on device\n")
    assert Network.load(model).sizes == (2, 4, 4, 1)


def test_bad_environment() -> None:
    """A backend that cannot be is told in one line."""
    found = run("info", env={**os.environ, "BITPROP_BACKEND": "gpu"})
    assert (found.returncode, found.stderr.count("\n")) == (2, 1)
    assert "BITPROP_BACKEND is 'gpu'" in found.stderr


def test_divergence(tmp_path: Path) -> None:
    """Training that diverges ends with status 1 and writes no model."""
    model = tmp_path / "net.json"
    arguments = ["--sizes", "2-1", "--activation", "identity", "--learning-rate", "50", "--save", str(model)]
    found = run("train", "linear:50", *arguments)
    assert found.returncode == 1
    assert "diverged in epoch" in found.stderr
    assert found.stderr.count("\n") == 1
    assert not model.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX pipes")
def test_closed_pipe(tmp_path: Path) -> None:
    """A reader that leaves early is no error: the work is done to its end, and the exit status is the work's."""
    failing = ["vectors", "check", "--exec", f"{sys.executable} -c 'print(1)'"]
    training = ["train", "xor", "--epochs", "60", "--learning-rate", "0", "--save", "net.json"]
    reader, writer = os.pipe()
    os.close(reader)
    for arguments, status in ((failing, 1), (["gradcheck"], 0), (training, 0)):
        for both in (False, True):
            command = [sys.executable, "-m", "bitprop", *arguments]
            errors = subprocess.STDOUT if both else subprocess.PIPE
            found = subprocess.run(command, stdout=writer, stderr=errors, text=True, check=False, cwd=tmp_path)
            assert found.returncode == status
            assert both or "roken" not in found.stderr
    os.close(writer)
    assert Network.load(tmp_path / "net.json").sizes == (2, 4, 4, 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_device() -> None:
    """What cannot be written is named."""
    found = run("train", "xor", "--epochs", "5", "--save", "/dev/full")
    assert (found.returncode, found.stderr) == (2, "bitprop: error: /dev/full: No space left on device\n")


def test_version() -> None:
    """The package tells its version, as the command does; nothing else is made up."""
    assert run("--version").stdout == f"bitprop {bitprop.__version__}\n"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = bitprop.nothing


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("command", ["train", "lab"])
def test_interrupted(command: str, tmp_path: Path) -> None:
    """Ctrl-C ends with status 130 and one line; train has saved its last whole epoch."""
    model = tmp_path / "net.json"
    own = ["linear:1000", "--epochs", "100000000", "--save", str(model)] if command == "train" else ["--seeds", "1000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "bitprop", command, *own], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(2.0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.endswith("bitprop: interrupted\n")
    assert out == ""
    if command == "train":
        assert f"wrote {model}: the network after its last whole epoch" in err
        assert "last logged: epoch : 0 Loss : 0." in err
        assert Network.load(model).sizes == (2, 4, 4, 1)


@pytest.mark.parametrize("module", ["bitprop.datasets", "bitprop.cli", "argparse"])
def test_interrupted_while_it_is_imported(module: str) -> None:
    """Ctrl-C before the package is imported ends the installed command with status 130, without a word."""
    code = f"""
import importlib.metadata, sys
[entry] = [e for e in importlib.metadata.distribution("bitprop").entry_points if e.name == "bitprop"]
class Finder:
    @staticmethod
    def find_spec(name, *_):
        if name == {module!r}:
            raise KeyboardInterrupt
sys.modules.pop({module!r}, None)
sys.meta_path.insert(0, Finder)
sys.exit(entry.load()())
"""
    ended = subprocess.run([sys.executable, "-c", code, "info"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


@pytest.mark.parametrize("ended", [0, 2])
def test_interrupted_sweep(
    ended: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What ended is written and drawn; where nothing did, that is said."""

    def begun(sizes: Any, data: Any, *, on_result: Any, seeds: Any, **options: Any) -> None:
        for one in sweep(sizes, data, seeds=seeds, **options)[:ended]:
            on_result(one)
        raise KeyboardInterrupt

    monkeypatch.setattr("bitprop.cli.sweep.sweep", begun)
    monkeypatch.chdir(tmp_path)
    arguments = ["sweep", "xor", "--seeds", "3", "--epochs", "5", "--csv", "a.csv", "--plot", "a.png"]
    assert cli.main(arguments) == 130
    lines = capsys.readouterr().err.splitlines()
    if ended:
        assert lines == ["", "2 of 3 trainings had ended", "wrote a.csv", "wrote a.png", "bitprop: interrupted"]
        assert len(Path("a.csv").read_text(encoding="utf-8").splitlines()) == 3
    else:
        assert lines == ["", "no training had ended: a.csv and a.png not written", "bitprop: interrupted"]
        assert list(tmp_path.iterdir()) == []


def test_public_names() -> None:
    """What the package shows is what it promises, and each name is there."""
    assert set(dir(bitprop)) == {*bitprop.__all__, "__version__"}
    assert all(hasattr(bitprop, name) for name in dir(bitprop))
    assert not hasattr(bitprop, "Any")
    assert not hasattr(bitprop, "annotations")
