# SPDX-License-Identifier: MIT
"""The clerk: starts the contestants, tells them when to run, and checks what they answer."""

from __future__ import annotations

import contextlib
import itertools
import math
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .._progress import Progress
from ..core import info
from .processes import LeftOutError, Process
from .tasks import Task

TOLERANCE = 1e-6  # relative, of a final loss: others sum in another order and have another exp, which is far below
# this after as many epochs as are run here, while a wrong formula or rate is far above
UNCHECKED = "not checked"  # where no bitprop took part


class Contestant(NamedTuple):
    """Who is timed. The command is followed by the task, as JSON."""

    name: str
    takes: Callable[[Task], bool]
    command: Sequence[str]
    environment: Mapping[str, str] = {}
    limit: int = 100_000  # the largest count, where that is below the task's


class Row(NamedTuple):
    """A contestant's figures, in the task's unit. `check`: "" where the loss is right."""

    name: str
    median: float
    low: float
    high: float
    ratio: float | None  # to bitprop's fastest median, where there is one
    check: str


class Outcome(NamedTuple):
    """A task's rows, fastest first, and who was left out, with the reason."""

    task: Task
    rows: list[Row]
    left_out: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """The form that `bitprop bench --json` prints."""
        return {**self._asdict(), "task": self.task._asdict(), "rows": [row._asdict() for row in self.rows]}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Outcome:
        """The outcome of such a form."""
        return cls(Task.from_json(fields["task"]), [Row(**row) for row in fields["rows"]], fields["left_out"])


def contestants() -> list[Contestant]:
    """bitprop at every kernel level and as the pure twin, and NumPy."""
    backend, kernels = info()["backends"][0], info()["kernels"]

    def contestant(name: str, takes: Callable[[Task], bool], maker: str, backend: str, kernel: str = "") -> Contestant:
        command = [sys.executable, "-m", "bitprop.bench.contestant", maker]
        return Contestant(name, takes, command, {"BITPROP_BACKEND": backend, "BITPROP_KERNEL": kernel})

    def slower(task: Task) -> bool:
        return task.rows > 1 and not task.series

    def fastest(task: Task) -> bool:
        return task.rows > 1

    def one_row(task: Task) -> bool:  # where the forms of the row compete, not the kernels
        return task.rows == 1

    def pure(task: Task) -> bool:
        return not task.series and task.rows < 1_000_000 and task.cores == 1

    return [
        *(contestant(f"bitprop {kernel}", slower, "bitprop", backend, kernel) for kernel in kernels[:-1]),
        *(contestant(f"bitprop {kernel}", fastest, "bitprop", backend, kernel) for kernel in kernels[-1:]),
        contestant("bitprop, lists", one_row, "bitprop, lists", backend),
        contestant("bitprop, NumPy", one_row, "bitprop, NumPy", backend),
        contestant("bitprop python", pure, "bitprop", "python"),
        contestant("NumPy", lambda task: True, "NumPy", backend),
    ]


class _Child:
    """A contestant's process, and what it has answered."""

    def __init__(self, contestant: Contestant):
        self.name = contestant.name
        self.is_bitprop = contestant.name.startswith("bitprop")
        self.left_out = ""  # the reason
        self.count = 1
        self.answers: list[dict[str, float]] = []
        self._contestant = contestant

    def start(self, task: Task, stack: contextlib.ExitStack) -> None:
        """Starts it, and finds the count, one of 1, 2, 5, 10 ..., that takes about the task's seconds."""
        contestant = self._contestant
        self._process = Process(contestant.command, task._asdict(), contestant.environment, stack)
        limit = min(task.limit, contestant.limit)
        steps = [step * 10**power for power in range(6) for step in (1, 2, 5) if step * 10**power <= limit]
        while True:
            seconds = self.ask(self.count)["seconds"]
            wanted = self.count * min(100.0, task.seconds / max(seconds, 1e-9))
            better = max(step for step in steps if step <= max(1.0, wanted))
            if better <= self.count or seconds >= task.seconds / 2:
                return
            self.count = better

    def ask(self, count: int) -> dict[str, float]:
        """The seconds and the loss of one run. LeftOutError."""
        return self._process.ask(count)


def measure(task: Task, takers: Sequence[Contestant], rounds: int, bar: Progress) -> Outcome:
    """One task's outcome; `bar` is updated rounds + 1 times for each contestant."""
    children = [_Child(taker) for taker in takers]
    with contextlib.ExitStack() as stack:
        for turn in range(rounds + 1):
            for child in children:
                try:
                    if turn == 0:
                        child.start(task, stack)
                    elif not child.left_out:
                        child.answers.append(child.ask(child.count))
                except LeftOutError as reason:
                    child.left_out = str(reason)
                bar.update(1)
        runners = [child for child in children if not child.left_out]
        reference = next((child for child in runners if child.is_bitprop), None)
        counts = {child.count for child in runners}
        losses = {count: reference.ask(count)["loss"] for count in counts} if reference else {}
    rows = []
    for child in runners:
        figures = [answer["seconds"] / child.count * task.scale for answer in child.answers]
        check = _check(child, losses.get(child.count))
        rows.append(Row(child.name, statistics.median(figures), min(figures), max(figures), None, check))
    best = min((row.median for row in rows if row.name.startswith("bitprop") and not row.check), default=None)
    rows = [row if wrong(row.check) or not best else row._replace(ratio=row.median / best) for row in rows]
    rows.sort(key=lambda row: (wrong(row.check), row.median))
    return Outcome(task, rows, {child.name: child.left_out for child in children if child.left_out})


def _check(child: _Child, expected: float | None) -> str:
    """What is wrong with a contestant's losses; "" for nothing."""
    if expected is None:
        return UNCHECKED
    tolerance = 0.0 if child.is_bitprop else TOLERANCE
    for loss in (answer["loss"] for answer in child.answers):
        if not math.isclose(loss, expected, rel_tol=tolerance):
            return f"{'OTHER BITS' if child.is_bitprop else 'OFF'}: {loss:.9g}, expected {expected:.9g}"
    return ""


def wrong(check: str) -> bool:
    """Whether a row's check shows its loss to be off."""
    return check not in ("", UNCHECKED)


def measure_all(
    chosen: Sequence[Task], everyone: Sequence[Contestant], rounds: int, progress: bool | None
) -> Iterator[list[Outcome]]:
    """The outcomes table by table, each as soon as it is measured."""
    takers = {task: [contestant for contestant in everyone if contestant.takes(task)] for task in chosen}
    with Progress(sum(map(len, takers.values())) * (rounds + 1), "bench", progress) as bar:
        for _, together in itertools.groupby(chosen, key=lambda task: task.table):
            outcomes = [measure(task, takers[task], rounds, bar) for task in together]
            bar.clear()
            yield outcomes
