# SPDX-License-Identifier: MIT
"""Outcomes as tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .clerk import Outcome, wrong


def figure(value: float) -> str:
    """Three digits or all whole ones, without an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.{max(0, 2 - math.floor(math.log10(value or 1)))}f}"


def names(outcomes: Sequence[Outcome]) -> list[str]:
    """The contestants of a series, bitprop first."""
    unique = dict.fromkeys(row.name for outcome in outcomes for row in outcome.rows)
    return sorted(unique, key=lambda name: not name.startswith("bitprop"))


def cells(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """The table of one task, or of all points of one series: its head, then its rows."""
    task = outcomes[0].task
    if not task.series:
        table = [[task.unit, "median", "min", "max", "ratio", "loss"]]
        for row in outcomes[0].rows:
            figures = [figure(value) for value in (row.median, row.low, row.high)]
            ratio = "-" if row.ratio is None else figure(row.ratio)
            table.append([row.name, *figures, ratio, row.check or "agrees"])
        return table
    table = [[f"{task.series}, {task.unit}", *names(outcomes)]]
    for outcome in outcomes:
        medians = {row.name: "off" if wrong(row.check) else figure(row.median) for row in outcome.rows}
        table.append([str(outcome.task.point), *(medians.get(name, "-") for name in table[0][1:])])
    return table


def left_out(outcomes: Sequence[Outcome]) -> list[str]:
    """A line for each contestant that was left out."""
    reasons = {name: reason for outcome in outcomes for name, reason in outcome.left_out.items()}
    return [f"left out: {name}: {reason}" for name, reason in reasons.items()]


def printable(outcomes: Sequence[Outcome]) -> str:
    """The table as it is printed, with its title."""
    table = cells(outcomes)
    widths = [max(map(len, column)) for column in zip(*table)]
    lines = [f"{first:{widths[0]}}  " + "  ".join(map(str.rjust, rest, widths[1:])) for first, *rest in table]
    return "\n".join([outcomes[0].task.title, *lines, *left_out(outcomes)])
