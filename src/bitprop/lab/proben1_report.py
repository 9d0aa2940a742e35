# SPDX-License-Identifier: MIT
"""Our figures of PROBEN1's tables beside the published ones, and one SHA-256 of them all."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..core import mode
from .proben1_runs import Outcome
from .proben1_tables import TABLES, Row, Table

LINEAR_LIMIT = 0.05  # of the report's mean, for networks without hidden layers, whose deviations are often 0
DEVIATIONS = 2.0  # of the report's, for networks with hidden layers


class Figure(NamedTuple):
    """The mean of a figure over the runs, and its standard deviation (with n - 1; 0 for a single run)."""

    mean: float
    sd: float


def figure(values: Sequence[float]) -> Figure:
    """The mean and the standard deviation, by float64 operations in the order of the values, each rounded once."""
    mode.require_standard("means and deviations")
    total = 0.0
    for value in values:
        total += value
    mean = total / len(values)
    squares = 0.0
    for value in values:
        squares += (value - mean) * (value - mean)
    return Figure(mean, math.sqrt(squares / (len(values) - 1)) if len(values) > 1 else 0.0)


class Result(NamedTuple):
    """A row with the outcomes of its runs, in the order of their seeds."""

    row: Row
    outcomes: Sequence[Outcome]

    def of(self, name: str) -> Figure:
        """The figure of that name, one of `Outcome`'s numbers, over the runs."""
        return figure([float(getattr(outcome, name)) for outcome in self.outcomes])

    @property
    def difference(self) -> float:
        """By how much the mean test error is above the report's."""
        return self.of("test").mean - self.row.report["test_mean"]

    @property
    def limit(self) -> float:
        """How far from the report's the mean test error may be."""
        report = self.row.report
        return LINEAR_LIMIT * report["test_mean"] if self.row.table.linear else DEVIATIONS * report["test_sd"]

    @property
    def inside(self) -> bool:
        """Whether the mean test error is as near to the report's as `limit` says."""
        return abs(self.difference) <= self.limit

    @property
    def names(self) -> list[str]:
        """The figures that the report has for such a row, in the report's order."""
        return [name for name in FIGURES if f"{name}_mean" in self.row.report]

    def lines(self) -> list[str]:
        """What the SHA-256 is taken of: a line for each run, and one for each mean and deviation.

        Numbers of float64 are written as the 16 hexadecimal digits of their bits.
        """
        name = f"{self.row.table.number} {self.row.problem}"
        lines = []
        for outcome in self.outcomes:
            numbers = (outcome.train, outcome.validation, outcome.test, outcome.class_error, outcome.overfit)
            bits = " ".join(map(_bits, numbers))
            epochs = f"{outcome.epochs} {outcome.relevant_epochs} {outcome.stopped}"
            lines.append(f"{name} {outcome.seed} {outcome.fingerprint} {bits} {epochs}")
        return lines + [f"{name} {kind} {' '.join(map(_bits, self.of(kind)))}" for kind in FIGURES]

    def to_json(self) -> dict[str, Any]:
        """The form that `bitprop lab proben1 --json` prints."""
        fields: dict[str, Any] = {
            "table": self.row.table.number,
            "problem": self.row.problem,
            "runs": len(self.outcomes),
            "hidden": list(self.row.hidden),
            "output": self.row.output,
        }
        for name in self.names:
            mean, sd = self.of(name)
            fields |= {f"{name}_mean": mean, f"{name}_sd": sd}
            fields |= {f"report_{key}": self.row.report.get(key) for key in (f"{name}_mean", f"{name}_sd")}
        return {**fields, "inside": self.inside, "sha256": sha256([self])}

    def __str__(self) -> str:
        columns = [f"{self.row.problem:<10}"]
        for name in COLUMNS:
            if name in self.names:
                digits = FIGURES[name]
                mean, sd = self.of(name)
                report = (self.row.report.get(f"{name}_mean"), self.row.report.get(f"{name}_sd"))
                columns += [_cell(value, digits) for value in (mean, sd, *report)]
        return " ".join(columns) + ("" if self.inside else "  OUTSIDE")


# The figures in the report's order, with the digits that are printed of them.
FIGURES = {"train": 2, "validation": 2, "test": 2, "class_error": 2, "overfit": 2, "epochs": 0, "relevant_epochs": 0}
COLUMNS = ("test", "class_error", "epochs")  # of the printed tables
WIDTH = 7


def _cell(value: float | None, digits: int) -> str:
    return f"{'-':>{WIDTH}}" if value is None else f"{value:>{WIDTH}.{digits}f}"


def _bits(value: float) -> str:
    return struct.pack(">d", value).hex()


def sha256(results: Sequence[Result]) -> str:
    """The SHA-256 of all lines of the results, each with a line feed, in hexadecimal."""
    digest = hashlib.sha256()
    for result in results:
        for line in result.lines():
            digest.update(f"{line}\n".encode("ascii", "backslashreplace"))
    return digest.hexdigest()


def table_text(table: Table, results: Sequence[Result]) -> str:
    """The results of one table as lines: our mean and deviation, then the report's, of each of COLUMNS."""
    names = [name for name in COLUMNS if name in results[0].names]
    titles = {"test": "test error, %", "class_error": "class error, %", "epochs": "epochs"}
    groups = " ".join(f"{titles[name]:^{4 * WIDTH + 3}}" for name in names)
    heads = " ".join(" ".join(f"{head:>{WIDTH}}" for head in ("mean", "sd", "report", "sd")) for _ in names)
    lines = [
        f"table {table.number}: {table.title}, {table.runs} runs",
        f"{'':<10} {groups}".rstrip(),
        f"{'problem':<10} {heads}",
        *map(str, results),
        f"verdict: {verdict(table, results)}",
    ]
    return "\n".join(lines)


def verdict(table: Table, results: Sequence[Result]) -> str:
    """How many test errors are inside, and which are not."""
    outside = [result.row.problem for result in results if not result.inside]
    within = "5 % of the report's mean" if table.linear else "two of the report's standard deviations"
    text = f"{len(results) - len(outside)} of {len(results)} test errors within {within}"
    return text + (f"; OUTSIDE: {', '.join(outside)}" if outside else "")


def by_table(results: Sequence[Result]) -> list[tuple[Table, list[Result]]]:
    """The tables that have results, each with its own."""
    pairs = [(table, [result for result in results if result.row.table.number == table.number]) for table in TABLES]
    return [(table, found) for table, found in pairs if found]


def to_json(results: Sequence[Result], left_out: Sequence[str]) -> dict[str, Any]:
    """The form that `bitprop lab proben1 --json` prints. `left_out`: problems that have no file."""
    rows = [result.to_json() for result in results]
    return {"sha256": sha256(results), "rows": rows, "left_out": list(left_out)}
