# SPDX-License-Identifier: MIT
"""PROBEN1's tables run again: a small made-up collection on every backend, one real problem, and wrong input."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import statistics
import struct
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import core_or_skip, kernels

from bitprop import DivergedError, Network, cli
from bitprop.lab import proben1, proben1_report, proben1_runs, proben1_tables
from bitprop.names import Activation, Backend

REAL = Path(__file__).parent / "proben1"
RUNS = 3
ROWS = 24
KEYS = [
    *("table", "problem", "runs", "hidden", "output"),
    *(
        f"{prefix}{name}_{kind}"
        for name in ("train", "validation", "test", "class_error", "overfit", "epochs", "relevant_epochs")
        for prefix in ("", "report_")
        for kind in ("mean", "sd")
    ),
    *("inside", "sha256"),
]


def figures(test_mean: float, test_sd: float, classes: bool = True) -> dict[str, float]:
    """A row of a table in the report's form."""
    names = ["train", "validation", "test", *["class_error"] * classes, "overfit", "epochs", "relevant_epochs"]
    return {f"{name}_{kind}": 1.0 for name in names for kind in ("mean", "sd")} | {
        "test_mean": test_mean,
        "test_sd": test_sd,
    }


def problem_text(outputs: int, shift: int) -> str:
    """A problem of 12, 6 and 6 examples, whose classes no network here can learn fully."""
    lines = [f"bool_in=1\nreal_in=1\nbool_out={outputs}\nreal_out=0\ntraining_examples=12"]
    lines += ["validation_examples=6\ntest_examples=6"]
    for n in range(ROWS):
        number = (n * 7 + shift) % ROWS
        kind = int(number % 5 < 2)
        targets = f"{kind} {1 - kind}" if outputs == 2 else f"{kind}"
        lines.append(f"{n % 2} {number / ROWS:.6f} {targets}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A collection of two problems, run three times each."""
    monkeypatch.setattr(proben1_tables, "TABLES", tuple(t._replace(runs=RUNS) for t in proben1_tables.TABLES))
    monkeypatch.setattr(proben1_report, "TABLES", proben1_tables.TABLES)
    data = tmp_path / "data"
    data.mkdir()
    (data / "one1.dt.gz").write_text(problem_text(2, 0), encoding="ascii")
    (data / "two1.dt.gz").write_text(problem_text(1, 5), encoding="ascii")
    tables = {
        "table_3_linear_classification": {
            "one1": figures(20.0, 1.0),
            "absent1": {**figures(1.0, 0.0), "test_sd": None},
        },
        "table_4_linear_approximation": {"two1": figures(20.0, 1.0, False)},
        "table_10_no_shortcut_classification": {"one1": figures(20.0, 100.0)},
        "table_11_no_shortcut_approximation": {"two1": figures(20.0, 0.0, False)},
        "table_7_architectures": {
            "one1": {"hidden": [3, 2], "output": "identity"},
            "two1": {"hidden": [2], "output": "sigmoid"},
        },
    }
    (data / "tables.json").write_text(json.dumps(tables), encoding="utf-8")
    return data


def json_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """What the command prints as JSON."""
    assert cli.main(["lab", "proben1", *arguments, "--json"]) == 0
    fields: dict[str, Any] = json.loads(capsys.readouterr().out)
    return fields


def test_the_same_everywhere(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Every backend and kernel gives the same JSON, and so the same SHA-256."""
    expected = json_of(capsys, "--data", str(folder), "--backend", "python")
    for name in ("cffi", "ctypes"):
        core_or_skip(name)
        for kernel in kernels():
            monkeypatch.setenv("BITPROP_KERNEL", kernel)
            assert json_of(capsys, "--data", str(folder), "--backend", name) == expected


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rows come in the order of the tables, with the documented keys; what has no file is named."""
    core_or_skip("ctypes")
    found = json_of(capsys, "--data", str(folder))
    assert list(found) == ["sha256", "rows", "left_out"]
    assert found["left_out"] == ["absent1"]
    assert [(row["table"], row["problem"]) for row in found["rows"]] == [
        *((3, "one1"), (4, "two1"), (10, "one1"), (11, "two1"))
    ]
    classes = [key for key in KEYS if "class_error" not in key]
    assert [list(row) for row in found["rows"]] == [KEYS, classes, KEYS, classes]
    assert [row["runs"] for row in found["rows"]] == [RUNS] * 4
    assert [row["hidden"] for row in found["rows"]] == [[], [], [3, 2], [2]]
    assert found["rows"][2]["report_test_sd"] == 100.0
    assert [row["inside"] for row in found["rows"][2:]] == [True, False]
    assert {len(row["sha256"]) for row in found["rows"]} == {64}
    assert len({row["sha256"] for row in found["rows"]}) == 4
    some = json_of(capsys, "--data", str(folder), "--only", "one1", "--tables", "10,3")
    assert some["rows"] == [found["rows"][0], found["rows"][2]]
    assert some["sha256"] != found["sha256"]


class Trained(NamedTuple):
    """What a training by hand ends with."""

    network: Network  # at its lowest validation error
    errors: list[float]
    checks: list[float]
    best_epoch: int
    stopped: str


def train_by_hand(row: proben1_tables.Row, problem: proben1.Problem, seed: int) -> Trained:
    """A training as the report describes it, by gradients and losses, with a generator of the standard library."""
    sizes = (problem.inputs, *row.hidden, problem.outputs)
    hidden: list[Activation] = ["softsign" for _ in row.hidden]
    net = Network(*sizes, activation=[*hidden, "identity"])
    generator = random.Random(seed)
    net.parameters[:] = memoryview(array("d", [0.01 * (2.0 * generator.random() - 1.0) for _ in net.parameters]))
    generator = random.Random(3 * 2**64 + seed)
    steps = [0.005 + (0.02 - 0.005) * generator.random() for _ in net.parameters]
    before = [0.0] * len(steps)
    best, best_epoch = net.copy(), 0
    errors: list[float] = []
    checks: list[float] = []
    while len(errors) < 3000:
        errors.append(net.loss(*problem.train))
        for k, slope in enumerate(net.gradient(*problem.train, loss="mse")):
            turned = before[k] * slope
            steps[k] = min(steps[k] * 1.2, 50.0) if turned > 0.0 else steps[k] * 0.5 if turned < 0.0 else steps[k]
            before[k] = 0.0 if turned < 0.0 else slope
            net.parameters[k] -= steps[k] * (before[k] > 0.0) - steps[k] * (before[k] < 0.0)
        if len(errors) % 5 == 0:
            checks.append(net.loss(*problem.validation))
            if checks[-1] == min(checks):
                best, best_epoch = net.copy(), len(errors)
            if 100.0 * (checks[-1] / min(checks) - 1.0) > 5.0:
                return Trained(best, errors, checks, best_epoch, "generalisation")
            if 1000.0 * (statistics.fmean(errors[-5:]) / min(errors[-5:]) - 1.0) < 0.1:
                return Trained(best, errors, checks, best_epoch, "progress")
    return Trained(best, errors, checks, best_epoch, "epochs")


@pytest.mark.parametrize(("table", "name"), [(3, "one1"), (4, "two1"), (10, "one1")])
def test_runs(folder: Path, backend: Backend, table: int, name: str) -> None:
    """A run is the training that the report describes, and its figures are those of an independent calculation."""
    row = next(row for row in proben1_tables.read(folder) if (row.table.number, row.problem) == (table, name))
    problem = proben1.read(folder / f"{name}.dt.gz")
    outcomes: list[proben1_runs.Outcome] = []
    data = {name: proben1_runs.Data.of(problem)}
    proben1_runs.run_all([row], data, backend, on_row=lambda place, found: outcomes.extend(found))
    assert [outcome.seed for outcome in outcomes] == list(range(RUNS))
    for outcome in outcomes:
        net, errors, checks, best_epoch, stopped = train_by_hand(row, problem, outcome.seed)
        assert outcome.fingerprint == net.fingerprint()
        assert (outcome.epochs, outcome.relevant_epochs) == (len(errors), best_epoch)
        assert outcome.stopped == stopped
        assert outcome.train == 100.0 * min(errors)
        assert outcome.validation == 100.0 * min(checks)
        outputs = net.predict(problem.test.x)
        squares = [(o - t) ** 2 for a, b in zip(outputs, problem.test.y) for o, t in zip(a, b)]
        assert outcome.test == pytest.approx(100.0 * statistics.fmean(squares), rel=1e-12)  # another order of sums
        wrong = [(a[0] >= a[-1]) != (b[0] >= b[-1]) for a, b in zip(outputs, problem.test.y)]
        assert outcome.class_error == pytest.approx(100.0 * sum(wrong) / len(wrong), rel=1e-12)
        overfit = 100.0 * (checks[-1] / min(checks) - 1.0)
        assert outcome.overfit == pytest.approx(overfit, abs=1e-9)  # a difference of near numbers
    result = proben1_report.Result(row, outcomes)
    for kind in proben1_report.FIGURES:
        values = [float(getattr(outcome, kind)) for outcome in outcomes]
        assert result.of(kind) == pytest.approx((statistics.fmean(values), statistics.stdev(values)), rel=1e-9)
    assert proben1_report.sha256([result]) == sha256_by_hand(result)


def sha256_by_hand(result: proben1_report.Result) -> str:
    """The SHA-256 of one row, as docs/lab.md describes it."""
    start = f"{result.row.table.number} {result.row.problem}"
    lines = []
    for o in result.outcomes:
        bits = " ".join(struct.pack(">d", v).hex() for v in (o.train, o.validation, o.test, o.class_error, o.overfit))
        lines.append(f"{start} {o.seed} {o.fingerprint} {bits} {o.epochs} {o.relevant_epochs} {o.stopped}\n")
    for name in ("train", "validation", "test", "class_error", "overfit", "epochs", "relevant_epochs"):
        mean, sd = result.of(name)
        lines.append(f"{start} {name} {struct.pack('>d', mean).hex()} {struct.pack('>d', sd).hex()}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def test_limits() -> None:
    """A linear row may be 5 % from the report's mean, another two of its deviations; the report's rounding is kept."""
    outcome = proben1_runs.Outcome(0, "", 1.0, 1.0, 10.5, 1.0, 1.0, 1, 1, "progress")
    linear, _, hidden, _ = proben1_tables.TABLES
    for table, mean, sd, inside in (
        (linear, 10.0, 0.0, True),
        (linear, 9.99, 9.0, False),
        (linear, 11.05, 0.0, True),
        (linear, 11.06, 0.0, False),
        (hidden, 10.0, 0.25, True),
        (hidden, 10.0, 0.24, False),
        (hidden, 11.0, 0.25, True),
        (hidden, 10.5, 0.0, True),
    ):
        row = proben1_tables.Row(table, "p", (), "identity", {"test_mean": mean, "test_sd": sd})
        assert proben1_report.Result(row, [outcome]).inside is inside
    assert proben1_report.figure([4.0]) == (4.0, 0.0)
    assert proben1_report.figure([1.0, 2.0, 4.0, 5.0]) == (3.0, (10 / 3) ** 0.5)


def test_class_errors() -> None:
    """Of equal outputs the first counts; a single output is never wrong."""
    assert proben1_runs.class_error([[0.5, 0.5], [0.4, 0.6]], [[0.0, 1.0], [0.0, 1.0]]) == 50.0
    assert proben1_runs.class_error([[0.5], [0.1]], [[0.0], [1.0]]) == 0.0


def test_cancer() -> None:
    """Both rows of a real problem are inside the published figures."""
    core_or_skip("ctypes")
    linear, _, hidden, _ = proben1_tables.TABLES
    rows = [
        proben1_tables.Row(linear, "cancer1", (), "identity", {"test_mean": 3.52, "test_sd": 0.04}),
        proben1_tables.Row(hidden, "cancer1", (4, 2), "identity", {"test_mean": 1.32, "test_sd": 0.13}),
    ]
    data = {"cancer1": proben1_runs.Data.of(proben1.read(REAL / "cancer1.dt.gz"))}
    found: dict[int, proben1_report.Result] = {}

    def keep(place: int, outcomes: list[proben1_runs.Outcome]) -> None:
        found[place] = proben1_report.Result(rows[place], outcomes)

    proben1_runs.run_all(rows, data, on_row=keep)
    assert [len(found[place].outcomes) for place in (0, 1)] == [10, 60]
    assert [found[place].inside for place in (0, 1)] == [True, True]


def test_text_and_pictures(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The text has a table and a verdict each, and the pictures are there; an option before the name holds too."""
    core_or_skip("ctypes")
    pytest.importorskip("matplotlib")
    out = tmp_path / "out"
    arguments = ["lab", "--out", str(out), "--no-progress", "proben1", "--data", str(folder), "--tables", "3,11"]
    assert cli.main(arguments) == 0
    printed = capsys.readouterr()
    assert printed.out.count("verdict: ") == 2
    assert "0 of 1 test errors within two of the report's standard deviations; OUTSIDE: two1" in printed.out
    assert "left out, since there is no file: absent1" in printed.out
    found = json_of(capsys, "--data", str(folder), "--tables", "3,11")
    assert f"sha256 of these 2 rows: {found['sha256']}" in printed.out
    names = ["proben1-table-11.png", "proben1-table-3.png"]
    assert sorted(path.name for path in out.iterdir()) == names
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in out.iterdir())
    assert sorted(Path(line.removeprefix("wrote ")).name for line in printed.err.splitlines()) == names


WRONG: list[tuple[list[str], str]] = [
    ([], "the following arguments are required: --data"),
    (["--data", "nowhere"], "is not there: expected a folder with tables.json and *.dt.gz"),
    (["--data", "DATA/tables.json"], "is not there: expected a folder with tables.json"),
    (["--data", "DATA", "--only", "three1"], "problem 'three1' is unknown, expected some of absent1, one1, two1"),
    (["--data", "DATA", "--only", ""], "has an empty entry"),
    (["--data", "DATA", "--tables", "5"], "table 5 is unknown, expected some of 3, 4, 10, 11"),
    (["--data", "DATA", "--tables", "three"], "'three' is not numbers of tables, such as 3,10"),
    (["--data", "DATA", "--tables", "4,11", "--only", "one1"], "table 4, 11 has no row of one1"),
    (["--data", "DATA", "--only", "one1,absent1"], "absent1.dt.gz' is not there"),
    (["--data", "DATA", "--out", "DATA/tables.json"], "expected a folder that is there or can be made"),
    (["--data", "DATA", "--backend", "gpu"], "--backend"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=lambda value: " ".join(value)[:40])
def test_wrong_input(arguments: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong input ends with status 2 and one line."""
    command = ["lab", "proben1", *(argument.replace("DATA", str(folder)) for argument in arguments)]
    try:
        status = cli.main(command)
    except SystemExit as error:  # argparse
        status = error.code if isinstance(error.code, int) else -1
    printed = capsys.readouterr()
    assert (status, printed.out) == (2, "")
    assert len(printed.err.splitlines()) == 1
    assert message in printed.err


def test_options_of_the_lab(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The lab report's seeds mean nothing here."""
    assert cli.main(["lab", "--seeds", "5", "proben1", "--data", str(folder)]) == 2
    assert "--seeds is given for proben1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("table_4", "table_5", "KeyError: 'table_4_linear_approximation'"),
        ('"test_mean": 20.0', '"test_mean": "many"', "could not convert string to float: 'many'"),
        ('"test_mean": 20.0', '"test_mean": NaN', "expected a number of at least 0"),
        ("[3, 2]", "[3, 0]", "hidden layers of one1 are (3, 0), expected sizes"),
        ("[3, 2]", "7", "TypeError"),
        ("sigmoid", "step", "ValueError"),
        ("{", "[", "is not JSON"),
    ],
)
def test_altered_tables(folder: Path, old: str, new: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of tables that is altered is refused in one line."""
    path = folder / "tables.json"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    assert cli.main(["lab", "proben1", "--data", str(folder)]) == 2
    printed = capsys.readouterr().err
    assert len(printed.splitlines()) == 1
    assert message in printed


def test_diverged(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that diverges ends the command with status 1, and is named."""
    core_or_skip("ctypes")

    def fail(row: proben1_tables.Row, data: Any, seed: int, *_: Any) -> None:
        raise DivergedError(f"{row.problem}, run {seed}: too far", 0)

    monkeypatch.setattr(proben1_runs, "run_once", fail)
    assert cli.main(["lab", "proben1", "--data", str(folder)]) == 1
    assert ", run " in capsys.readouterr().err


def test_interrupted(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C prints the rows that are complete, and ends with status 130."""
    core_or_skip("ctypes")
    run_all = proben1_runs.run_all

    def begun(rows: Any, data: Any, backend: Any, progress: Any, on_row: Any) -> None:
        run_all(rows[:1], data, backend, progress, on_row)
        raise KeyboardInterrupt

    monkeypatch.setattr(proben1_runs, "run_all", begun)
    assert cli.main(["lab", "proben1", "--data", str(folder)]) == 130
    printed = capsys.readouterr()
    assert printed.out.count("verdict: ") == 1
    assert printed.err.splitlines()[-2:] == ["1 of 4 rows had ended", "bitprop: interrupted"]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process")
def test_interrupted_runs(folder: Path) -> None:
    """Ctrl-C gives up runs that are in progress, also long ones: here of 92,000 weights on the pure twin."""
    tables = (folder / "tables.json").read_text(encoding="utf-8").replace("[3, 2]", "[300, 300]")
    (folder / "tables.json").write_text(tables, encoding="utf-8")
    command = [sys.executable, "-m", "bitprop", "lab", "proben1", "--data", str(folder), "--backend", "python"]
    command += ["--tables", "10", "--progress"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2.0)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.endswith("0 of 1 rows had ended\nbitprop: interrupted\n")
    assert out == ""


def test_networks_differ_by_seed(folder: Path) -> None:
    """Each run starts elsewhere, and a network has the parameters of its own seed on each backend."""
    row = proben1_tables.read(folder)[0]
    data = proben1_runs.Data.of(proben1.read(folder / "one1.dt.gz"))
    networks = [proben1_runs.new_network(row, data, seed) for seed in range(RUNS)]
    assert len({network.fingerprint() for network in networks}) == RUNS
    core_or_skip("ctypes")
    assert proben1_runs.new_network(row, data, 1, "python") == proben1_runs.new_network(row, data, 1, "ctypes")
