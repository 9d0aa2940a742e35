# SPDX-License-Identifier: MIT
"""The benchmark's clerk: what it checks, whom it leaves out, what it prints. Nothing here is about time."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest

from bitprop import bench
from bitprop._contest import Task
from bitprop._progress import Progress

TASK = Task("small", "full", "full batch", "full", "us/epoch", 1e6, limit=3, seconds=0.001)
ANSWERS = """
import json, sys
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    print(json.dumps({"seconds": 0.5 * json.loads(line)["count"], "loss": %r}), flush=True)
"""


def contestant(name: str, code: str) -> bench.Contestant:
    """One that runs this code."""
    return bench.Contestant(name, lambda task: True, lambda task, path, folder: [sys.executable, "-c", code])


def measure(tmp_path: Path, *takers: bench.Contestant) -> bench.Outcome:
    """The outcome of three rounds."""
    return bench.measure(TASK, takers, 3, str(tmp_path), Progress(1, "", False))


def test_ranks_and_losses(tmp_path: Path) -> None:
    """bitprop's must agree in bits, others nearly; who does not is shown last, and has no rank."""
    found = measure(
        tmp_path,
        contestant("bitprop fast", ANSWERS % 0.25),
        contestant("bitprop other", ANSWERS % math.nextafter(0.25, 1.0)),
        contestant("near", ANSWERS % (0.25 * (1 + 1e-9))),
        contestant("wrong", ANSWERS % 0.26),
    )
    assert [(row.name, row.check.split(":")[0]) for row in found.rows] == [
        ("bitprop fast", ""),
        ("near", ""),
        ("bitprop other", "OTHER BITS"),
        ("wrong", "OFF"),
    ]
    assert (found.rows[0].median, found.rows[0].ratio) == (500_000.0, 1.0)
    assert math.isnan(found.rows[3].ratio)
    assert "wrong" in str(found).splitlines()[-1]
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["rows"][3]["ratio"] is None


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ('print(\'{"left_out": "there is no such library"}\', flush=True)', "there is no such library"),
        ('print(\'{"ready": true}\', flush=True); raise SystemExit("died of a count")', "died of a count"),
        ("print('hello')", "ended, 0"),
    ],
)
def test_left_out_by_name(tmp_path: Path, code: str, reason: str) -> None:
    """Who does not start, or ends early, is named with the reason; the others run."""
    found = measure(tmp_path, contestant("broken", code), contestant("bitprop", ANSWERS % 0.5))
    assert [row.name for row in found.rows] == ["bitprop"]
    assert reason in found.left_out["broken"]
    assert "left out: broken: " in str(found)


def test_figures() -> None:
    """Three digits, without an exponent."""
    assert [bench.figure(value) for value in (0.01234, 1.234, 12.34, 123.4, 12345.6)] == [
        *("0.0123", "1.23", "12.3", "123", "12346")
    ]
