# SPDX-License-Identifier: MIT
"""The published tables of PROBEN1 that are run again, as `tables.json` beside the data sets has them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..checks import options as check
from ..core import mode
from ..errors import DataError, OptionError, quoted
from ..names import Activation

FILE = "tables.json"
ARCHITECTURES = "table_7_architectures"
OUTPUTS: tuple[Activation, ...] = ("identity", "sigmoid")
LARGEST_LAYER = 100_000  # far above the report's 32; a greater one is an altered file


class Table(NamedTuple):
    """What is done for one of the report's tables."""

    number: int
    key: str  # of the table in the file
    title: str
    linear: bool  # whether its networks have no hidden layer
    runs: int  # for each problem


TABLES = (
    Table(3, "table_3_linear_classification", "linear networks, classification", True, 10),
    Table(4, "table_4_linear_approximation", "linear networks, approximation", True, 10),
    Table(10, "table_10_no_shortcut_classification", "hidden layers without shortcuts, classification", False, 60),
    Table(11, "table_11_no_shortcut_approximation", "hidden layers without shortcuts, approximation", False, 60),
)


class Row(NamedTuple):
    """One line of a table: a problem, the network that is trained on it, and the report's figures."""

    table: Table
    problem: str
    hidden: tuple[int, ...]  # the sizes of the hidden layers
    output: Activation
    report: Mapping[str, float]  # test_mean, test_sd and others, as far as the report has them


def read(folder: str | os.PathLike[str]) -> list[Row]:
    """The rows of all TABLES, in the order of the file.

    OptionError: the folder has no such file. DataError: the file is not as expected. OSError.
    """
    mode.require_standard("reading decimal digits")
    path = os.path.join(check.path(folder), FILE)
    try:
        with open(path, encoding="utf-8") as file:
            tables = json.load(file)
    except (FileNotFoundError, NotADirectoryError):
        raise OptionError(f"{quoted(path)} is not there: expected a folder with {FILE} and *.dt.gz") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}") from None
    try:
        return [
            _row(table, problem, figures, tables[ARCHITECTURES])
            for table in TABLES
            for problem, figures in tables[table.key].items()
        ]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(f"{path} does not describe the tables: {type(error).__name__}: {error}") from None


def _row(table: Table, problem: str, figures: Mapping[str, Any], architectures: Mapping[str, Any]) -> Row:
    """A row of the file, checked. ValueError, KeyError, TypeError."""
    report = {name: float(value) for name, value in figures.items() if value is not None}
    for name in ("test_mean",) if table.linear else ("test_mean", "test_sd"):
        if not (math.isfinite(report[name]) and report[name] >= 0.0):
            raise ValueError(f"{name} of {problem} is {report[name]!r}, expected a number of at least 0")
    if table.linear:
        return Row(table, problem, (), "identity", report)
    architecture = architectures[problem]
    hidden = tuple(architecture["hidden"])
    if not hidden or any(type(size) is not int or not 1 <= size <= LARGEST_LAYER for size in hidden):
        raise ValueError(f"hidden layers of {problem} are {quoted(hidden)}, expected sizes")
    return Row(table, problem, hidden, OUTPUTS[OUTPUTS.index(architecture["output"])], report)


def choose(rows: Sequence[Row], tables: Iterable[int] | None = None, only: Sequence[str] | None = None) -> list[Row]:
    """The rows of these tables and problems, in their order; None takes all.

    OptionError: an unknown table or problem, or no row of both.
    """
    numbers = [table.number for table in TABLES]
    wanted = numbers if tables is None else list(tables)
    for number in wanted:
        if number not in numbers:
            raise OptionError(f"table {number} is unknown, expected some of {', '.join(map(str, numbers))}")
    known = {row.problem for row in rows}
    for problem in only or ():
        if problem not in known:
            raise OptionError(f"problem {quoted(problem)} is unknown, expected some of {', '.join(sorted(known))}")
    chosen = [row for row in rows if row.table.number in wanted and (only is None or row.problem in only)]
    if not chosen:
        named = f" of {', '.join(only)}" if only else ""
        raise OptionError(f"table {', '.join(map(str, wanted))} has no row{named}: expected another table or problem")
    return chosen
