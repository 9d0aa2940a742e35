# SPDX-License-Identifier: MIT
"""The benchmark's clerk: what it checks, whom it leaves out, what it prints. Nothing here is about time."""

from __future__ import annotations

import json
import math
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bitprop._progress import Progress
from bitprop.bench.clerk import Contestant, Outcome, wrong
from bitprop.bench.clerk import measure as measure_task
from bitprop.bench.tables import cells, figure, printable
from bitprop.bench.tasks import Task, tasks

TASK = Task("full", "full batch", "full", "us/epoch", limit=3, seconds=0.001)
ANSWERS = """
import json, sys
for count in map(int, sys.stdin):
    print(json.dumps({"seconds": 0.5 * count, "loss": %r}), flush=True)
"""


def contestant(name: str, code: str) -> Contestant:
    """One that runs this code."""
    return Contestant(name, lambda task: True, [sys.executable, "-c", code])


def measure(*takers: Contestant, task: Task = TASK) -> Outcome:
    """The outcome of three rounds."""
    return measure_task(task, takers, 3, Progress(1, "", False))


def test_ranks_and_losses() -> None:
    """bitprop's must agree in bits, others nearly; who does not is shown last, and has no rank."""
    outcome = measure(
        contestant("bitprop fast", ANSWERS % 0.25),
        contestant("bitprop other", ANSWERS % math.nextafter(0.25, 1.0)),
        contestant("near", ANSWERS % (0.25 * (1 + 1e-9))),
        contestant("wrong", ANSWERS % 0.26),
    )
    assert [(row.name, row.check.split(":")[0]) for row in outcome.rows] == [
        ("bitprop fast", ""),
        ("near", ""),
        ("bitprop other", "OTHER BITS"),
        ("wrong", "OFF"),
    ]
    assert (outcome.rows[0].median, outcome.rows[0].ratio) == (500_000.0, 1.0)
    assert outcome.rows[3].ratio is None
    assert "wrong" in printable([outcome]).splitlines()[-1]
    assert Outcome.from_json(json.loads(json.dumps(outcome.to_json(), allow_nan=False))) == outcome


def test_no_bitprop() -> None:
    """Where none takes part, no loss is checked, and nothing is a ratio to it."""
    (row,) = measure(contestant("NumPy", ANSWERS % 0.25)).rows
    assert (row.check, row.ratio) == ("not checked", None)
    assert not wrong(row.check)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ('raise SystemExit("there is no such library")', "there is no such library"),
        (ANSWERS % 0.5 + '    raise SystemExit("died after a run")', "died after a run"),
        ("print('hello')", "hello"),
        ("pass", "ended, 0"),
    ],
)
def test_left_out_by_name(code: str, reason: str) -> None:
    """Who does not start, or ends early, is named with the reason; the others run."""
    outcome = measure(contestant("broken", code), contestant("bitprop", ANSWERS % 0.5))
    assert [row.name for row in outcome.rows] == ["bitprop"]
    assert reason in outcome.left_out["broken"]
    assert "left out: broken: " in printable([outcome])


def test_growth() -> None:
    """A series has a line for each point and a column of medians for each contestant, bitprop first."""
    series = TASK._replace(series="rows")
    both = (contestant("another", ANSWERS % 0.5), contestant("bitprop", ANSWERS % 0.5))
    outcomes = [measure(*both, task=series._replace(rows=10)), measure(*both[1:], task=series._replace(rows=20))]
    assert cells(outcomes) == [
        ["rows, us/epoch", "bitprop", "another"],
        ["10", "500000", "500000"],
        ["20", "500000", "-"],
    ]


def test_scale() -> None:
    """A figure is of what its unit names."""
    for task in tasks():
        unit, *per = task.unit.split("/")
        parts = [{"sample": task.rows, "network": task.networks}.get(part, 1) for part in per]
        assert math.isclose(task.scale, {"us": 1e6, "ms": 1e3}[unit] / math.prod(parts)), task


def test_figures() -> None:
    """Three digits, without an exponent."""
    assert [figure(value) for value in (0.01234, 1.234, 12.34, 123.4, 12345.6)] == [
        *("0.0123", "1.23", "12.3", "123", "12346")
    ]


def test_page_counts_its_commands(tmp_path: Path) -> None:
    """The page of one report speaks of one command, that of two of their order."""
    pytest.importorskip("matplotlib")
    code = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import page
page.port_model.tools = lambda: None
report = {"command": "c", "here": {}, "rounds": 1, "outcomes": []}
for number in (1, 2):
    page.write([report] * number, Path(f"{number}.md"))
"""
    bench = Path(__file__).resolve().parent.parent / "bench"
    subprocess.run([sys.executable, "-c", code, str(bench)], check=True, cwd=tmp_path)
    one, two = ((tmp_path / name).read_text(encoding="utf-8") for name in ("1.md", "2.md"))
    assert "This command wrote this page. Do not" in one
    assert "These commands wrote this page, in this order. Do not" in two


@pytest.mark.skipif(platform.machine() != "x86_64" or shutil.which("gcc") is None, reason="the port model is of x86")
def test_port_model() -> None:
    """The port model's passes are still functions of the kernels, with their arguments."""
    root = Path(__file__).resolve().parent.parent
    code = f"import sys; sys.path.insert(0, {str(root / 'bench')!r}); import port_model; print(port_model.passes())"
    source = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    command = ["gcc", "-fsyntax-only", "-Werror=implicit-function-declaration", f"-I{root / 'csrc'}", "-xc", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
