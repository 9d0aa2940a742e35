# SPDX-License-Identifier: MIT
"""The clerk of the time to solution: has each contestant train from each seed, in turn, and judges what it answers."""

from __future__ import annotations

import contextlib
import math
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .._progress import Progress
from ..names import RULES
from .problems import Problem
from .processes import LeftOutError, Process
from .settings import SETTINGS

TOLERANCE = 1e-4  # relative, of a loss at the goal: others compute it in another order, some in single precision
IN_C = ", in C"  # ends the names of bitprop without Python
LIMIT = 5.0  # seconds that a training may take


class Solver(NamedTuple):
    """Who is timed. The command is followed by the job, as JSON. `settings`: by the name of each problem it takes."""

    name: str
    command: Sequence[str]
    settings: Mapping[str, Mapping[str, Any]]


class Row(NamedTuple):
    """A contestant's figures, in milliseconds; None where no training, or not the median one, reached the goal."""

    name: str
    median: float | None  # of all trainings, where one that fails takes for ever
    low: float | None  # of those that reached the goal, like `high`
    high: float | None
    solved: int  # trainings that reached the goal within the limit
    seeds: int
    ratio: float | None  # of the median to bitprop's least, where there are both
    warmed: float  # seconds of the first training, which is not measured and includes what is compiled
    check: str  # "" where the losses are as the contestant says
    settings: Mapping[str, Any]


class Outcome(NamedTuple):
    """A problem's rows, fastest first, and who was left out, with the reason."""

    problem: str
    title: str
    goal: float
    judged: str
    rows: list[Row]
    left_out: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """The form that `bitprop bench --solve --json` prints."""
        return {**self._asdict(), "rows": [row._asdict() for row in self.rows]}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Outcome:
        """The outcome of such a form."""
        return cls(**{**fields, "rows": [Row(**row) for row in fields["rows"]]})


def solvers() -> list[Solver]:
    """bitprop by each of its rules, and the Python peers."""
    command = [sys.executable, "-m", "bitprop.bench.solver"]
    found = []
    for name, settings in SETTINGS.items():
        rules = {each.get("rule", RULES[0]) for each in settings.values()}
        if rules <= set(RULES) and not is_in_c(name):
            found.append(Solver(name, [*command, name], settings))
    return found


def is_in_c(name: str) -> bool:
    """Whether a contestant is one of bench/peers.py, whose settings stand beside the others."""
    return name.endswith(IN_C) or name.startswith("FANN")


class _Taker:
    """A contestant, and its answers."""

    def __init__(self, solver: Solver, problem: Problem):
        self.solver = solver
        self.settings = solver.settings[problem.name]
        self.answers: list[dict[str, Any]] = []
        self.left_out = ""  # the reason

    def row(self, goal: float, limit: float) -> Row:
        """Its figures."""
        least = goal * (1.0 + TOLERANCE)
        times, check = [], ""
        for answer in self.answers:
            if answer["reached"] and not answer["loss"] <= least:
                check = f"OFF: a loss of {answer['loss']:.6g}"
            solved = answer["reached"] and answer["loss"] <= least and answer["seconds"] <= limit
            times.append(1e3 * answer["seconds"] if solved else math.inf)
        solved = [each for each in times if each < math.inf]
        median = statistics.median(times)
        return Row(
            name=self.solver.name,
            median=median if median < math.inf else None,
            low=min(solved, default=None),
            high=max(solved, default=None),
            solved=len(solved),
            seeds=len(times),
            ratio=None,
            warmed=self.answers[0]["warmed"],
            check=check,
            settings=self.settings,
        )


class Measurement:
    """One problem's trainings. `outcome` can be asked for at any time, and has the seeds that all have done."""

    def __init__(self, problem: Problem, everyone: Sequence[Solver], folder: str | None, limit: float):
        self.problem = problem
        self.takers = [_Taker(solver, problem) for solver in everyone if problem.name in solver.settings]
        self._folder = folder
        self._limit = limit

    def run(self, seeds: int, bar: Progress) -> None:
        """Trains from the seeds 0, 1 ..., each contestant in turn; `bar` is updated once for each training."""
        with contextlib.ExitStack() as stack:
            processes = [
                Process(
                    taker.solver.command,
                    {
                        "problem": self.problem.name,
                        "folder": self._folder,
                        "settings": taker.settings,
                        "limit": self._limit,
                    },
                    {},
                    stack,
                )
                for taker in self.takers
            ]
            for seed in range(seeds):
                for taker, process in zip(self.takers, processes):
                    try:
                        if not taker.left_out:
                            taker.answers.append(process.ask(seed))
                    except LeftOutError as reason:
                        taker.left_out = str(reason)
                    bar.update(1)

    def outcome(self) -> Outcome | None:
        """The figures so far; None where no seed is done."""
        runners = [taker for taker in self.takers if not taker.left_out]
        done = min((len(taker.answers) for taker in runners), default=0)
        if done == 0 and runners:
            return None
        for taker in runners:
            del taker.answers[done:]
        rows = [taker.row(self.problem.goal, self._limit) for taker in runners]
        rows.sort(key=lambda row: math.inf if row.median is None else row.median)
        best = next((row.median for row in rows if kind_of(row.name) == "bitprop"), None)
        rows = [row._replace(ratio=row.median / best) if best and row.median is not None else row for row in rows]
        left_out = {taker.solver.name: taker.left_out for taker in self.takers if taker.left_out}
        problem = self.problem
        return Outcome(problem.name, problem.title, problem.goal, problem.judged, rows, left_out)


def kind_of(name: str) -> str:
    """What a contestant is: "bitprop", "bitprop in C", "FANN", or "Python" for the Python peers."""
    if name.startswith("bitprop"):
        return "bitprop in C" if name.endswith(IN_C) else "bitprop"
    return "FANN" if name.startswith("FANN") else "Python"


def least(outcome: Outcome, kind: str) -> Row | None:
    """The fastest row of a kind; None where none of them solves."""
    return next((row for row in outcome.rows if kind_of(row.name) == kind and row.median is not None), None)


def times(outcome: Outcome, ours: str, peers: str) -> float | None:
    """How many times longer the fastest of the peers takes than the fastest of ours; None without one of each."""
    row, peer = least(outcome, ours), least(outcome, peers)
    if row is None or peer is None or row.median is None or peer.median is None:
        return None
    return peer.median / row.median


def solve_all(
    chosen: Sequence[Problem],
    everyone: Sequence[Solver],
    seeds: int,
    folder: str | None,
    limit: float,
    progress: bool | None,
) -> Iterator[Outcome]:
    """The outcomes problem by problem, each as soon as it is measured; at Ctrl-C what there is of the last one, too."""
    measurements = [Measurement(problem, everyone, folder, limit) for problem in chosen]
    with Progress(seeds * sum(len(each.takers) for each in measurements), "solve", progress) as bar:
        for measurement in measurements:
            interrupted: KeyboardInterrupt | None = None
            try:
                measurement.run(seeds, bar)
            except KeyboardInterrupt as interrupt:
                interrupted = interrupt
            outcome = measurement.outcome()
            bar.clear()
            if outcome is not None:
                yield outcome
            if interrupted is not None:
                raise interrupted
