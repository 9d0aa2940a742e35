# SPDX-License-Identifier: MIT
"""Outcomes as tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

from . import solve
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


def left_out(outcomes: Sequence[Outcome | solve.Outcome]) -> list[str]:
    """A line for each contestant that was left out."""
    reasons = {name: reason for outcome in outcomes for name, reason in outcome.left_out.items()}
    return [f"left out: {name}: {reason}" for name, reason in reasons.items()]


def printable(outcomes: Sequence[Outcome]) -> str:
    """The table as it is printed, with its title."""
    return "\n".join([outcomes[0].task.title, *_lines(cells(outcomes)), *left_out(outcomes)])


def _lines(table: Sequence[Sequence[str]]) -> list[str]:
    """The table's lines, in columns."""
    widths = [max(map(len, column)) for column in zip(*table)]
    return [f"{first:{widths[0]}}  " + "  ".join(map(str.rjust, rest, widths[1:])) for first, *rest in table]


# --- the time to solution ---


def solve_title(outcome: solve.Outcome) -> str:
    """What was to be reached."""
    return f"{outcome.title}: a mean squared error of {outcome.goal:g} on the {outcome.judged} rows"


def solve_cells(outcome: solve.Outcome) -> list[list[str]]:
    """The table of one problem: its head, then its rows."""
    table = [["ms", "median", "min", "max", "ratio", "solved", "loss"]]
    for row in outcome.rows:
        figures = ["-" if value is None else figure(value) for value in (row.median, row.low, row.high, row.ratio)]
        table.append([row.name, *figures, f"{row.solved}/{row.seeds}", row.check or "agrees"])
    return table


def aim_cells(outcomes: Sequence[solve.Outcome]) -> list[list[str]]:
    """The fastest by problem, from Python and from C, and how many times longer the peers take than bitprop."""
    table = [["ms", "bitprop", "Python peer", "times", "bitprop in C", "FANN", "times"]]
    for outcome in outcomes:
        line = [outcome.problem]
        for ours, peers in (("bitprop", "Python"), ("bitprop in C", "FANN")):
            times = solve.times(outcome, ours, peers)
            line += [_named(solve.least(outcome, kind)) for kind in (ours, peers)]
            line.append("-" if times is None else figure(times))
        table.append(line)
    return table


def _named(row: solve.Row | None) -> str:
    return "-" if row is None or row.median is None else f"{figure(row.median)} ({row.name})"


def solve_printable(outcome: solve.Outcome) -> str:
    """The table as it is printed, with its title."""
    return "\n".join([solve_title(outcome), *_lines(solve_cells(outcome)), *left_out([outcome])])


def aim_printable(outcomes: Sequence[solve.Outcome]) -> str:
    """Likewise the table of the fastest."""
    return "\n".join(["the fastest of each", *_lines(aim_cells(outcomes))])
