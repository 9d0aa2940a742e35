# SPDX-License-Identifier: MIT
"""CSV files as tables of numbers, whose columns are inputs and targets."""

from __future__ import annotations

import contextlib
import csv
import io
import math
import re
import sys
from array import array
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, TextIO

from . import model_file
from .checks import options as check
from .core import mode
from .errors import DataError, quoted, shortened

Rows = list[list[float]]
KEEP_BYTES = "surrogateescape"  # bytes that are not UTF-8 come to the line that they stand in, which is then named
LONGEST_LINE = 2**24  # characters
ONE_HOT = "for classes, make a column for each class, of 1 in its rows and 0 elsewhere (one-hot)"


def are_class_numbers(values: Sequence[float]) -> bool:
    """Whether the values are whole numbers from 0 or 1 to 2 or more, and each of them occurs."""
    least, most = min(values), max(values)
    return least in (0.0, 1.0) and 2.0 <= most <= len(values) and set(values) == set(range(int(least), int(most) + 1))


class Table(NamedTuple):
    """A CSV file's rows of numbers. `header`: the names of its columns, None where it has none.

    `lines`: in which line of the file each row ends.
    """

    name: str
    header: list[str] | None
    rows: Rows
    lines: array[int]

    @property
    def width(self) -> int:
        """How many columns it has."""
        return len(self.rows[0])

    def targets(self, wanted: int | Sequence[str], inputs: int | None = None, by: str = "") -> list[int]:
        """The numbers of the columns that are targets: the last so many, or those with these names in this order.

        `inputs`: how many columns must be left; where there are just so many, a wanted number of targets is none.
        DataError: other columns; `by` says what they are expected for.
        """
        if isinstance(wanted, int):
            columns = [] if self.width == inputs else list(range(self.width - wanted, self.width))
        else:
            columns = [self._column(name) for name in wanted]
            twice = next((name for name in wanted if wanted.count(name) > 1), None)
            if twice is not None:
                raise DataError(f"the targets name the column {quoted(twice)} twice, expected each of them once")
        left = self.width - len(columns)
        if left < 1 or left != (left if inputs is None else inputs):
            expected = f"{inputs or 'one or more'} of inputs and {len(columns)} of targets"
            labels = len(columns) > 1 and self.width == (inputs or 0) + 1
            hint = f"; {ONE_HOT}" if labels and are_class_numbers([row[-1] for row in self.rows]) else ""
            raise DataError(f"{self.name} has {_columns(self.width)}, expected {expected}{by}{hint}")
        return columns

    def weighed(self, name: str) -> tuple[Table, list[float]]:
        """The table of the other columns, and the weights of its rows, in the column with that name.

        DataError: it has none; a weight is below 0.
        """
        column = self._column(name)
        if self.width == 1:
            raise DataError(f"{self.name} has no column but {quoted(name)}")
        header = [each for place, each in enumerate(self.header or []) if place != column]
        rest = [row[:column] + row[column + 1 :] for row in self.rows]
        weights = [row[column] for row in self.rows]
        least = min(weights)
        if least < 0.0:
            where = f"{self.name}, line {self.lines[weights.index(least)]}, column {column + 1}"
            raise DataError(f"{where}: {least!r}: a weight below 0, expected a number of at least 0")
        return Table(self.name, header, rest, self.lines), weights

    def _column(self, name: str) -> int:
        if self.header is None:
            raise DataError(f"{self.name} has no header with names, expected one with {quoted(name)}")
        count = self.header.count(name)
        if count > 1:
            cure = "rename one, or give the number of targets instead of names, which takes the last columns"
            raise DataError(f"{self.name} has {count} columns {quoted(name)}: {cure}")
        if count == 0:
            names = shortened(", ".join(self.header))
            raise DataError(f"{self.name} has no column {quoted(name)}, expected one of {names}")
        return self.header.index(name)

    def split(self, targets: Sequence[int]) -> tuple[Rows, Rows]:
        """Inputs and targets; these are empty where no column is one."""
        inputs = [column for column in range(self.width) if column not in targets]
        x = [[row[column] for column in inputs] for row in self.rows]
        return x, [[row[column] for column in targets] for row in self.rows] if targets else []

    def describe(self, targets: Sequence[int]) -> str:
        """Which columns are inputs and which targets, by their names, else by their numbers from 1."""
        names = self.header or [str(column + 1) for column in range(self.width)]
        inputs = [column for column in range(self.width) if column not in targets]
        parts = []
        for kind, columns in (("input", inputs), ("target", targets)):
            what = "" if self.header else "column " if len(columns) == 1 else "columns "
            if columns:
                parts.append(f"{counted(len(columns), kind)} ({what}{shortened(', '.join(names[c] for c in columns))})")
        text = ", ".join(parts)
        return f"{self.name}: {text}{'; the first line is a header' if self.header else ''}"


def read_table(path: str) -> Table:
    """The rows of a CSV file, as for `read_csv`, not yet split. DataError, OSError."""
    if path == "-":
        if sys.stdin is None:
            raise DataError("stdin is closed, expected CSV rows")
        if isinstance(sys.stdin, io.TextIOWrapper):
            with contextlib.suppress(io.UnsupportedOperation):  # the caller has read some of it
                sys.stdin.reconfigure(encoding="utf-8", errors=KEEP_BYTES)
        return _read(sys.stdin, "stdin")
    name = check.path(path)
    with open(name, newline="", encoding="utf-8", errors=KEEP_BYTES) as file:
        return _read(file, name)


def counted(number: int, noun: str) -> str:
    """A number with its noun, as messages say it."""
    return f"{number} {noun}{'s' * (number != 1)}"


def _columns(number: int) -> str:
    return counted(number, "column")


class _Lines:
    """A file's lines, of which the last one read is kept for messages. DataError: a byte is not UTF-8; no end."""

    def __init__(self, file: TextIO, name: str):
        self._lines = enumerate(iter(partial(file.readline, LONGEST_LINE), ""), 1)
        self._name = name
        self.last = ""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        number, self.last = next(self._lines)
        if len(self.last) >= LONGEST_LINE:  # a device has no end
            raise DataError(f"{self._name}, line {number}: no end of line within {LONGEST_LINE} characters")
        wrong = None if self.last.isascii() else _NOT_UTF8.search(self.last)
        if wrong is not None:
            column = len(next(csv.reader([self.last[: wrong.start()] + "?"])))
            where = f"{self._name}, line {number}, column {column}"
            byte = ord(wrong[0]) - 0xDC00
            raise DataError(f"{where}: the byte 0x{byte:02x} is not text in UTF-8: save the file as UTF-8")
        return self.last


_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # what KEEP_BYTES makes of such bytes


def _read(file: TextIO, name: str) -> Table:
    mode.require_standard("reading decimal digits")
    rows: Rows = []
    ends = array("Q")
    header: list[str] | None = None
    columns = 0
    first = ("", "")  # field, and where it is
    lines = _Lines(file, name)
    reader = csv.reader(lines, strict=True)
    try:
        for fields in reader:
            where = f"{name}, line {reader.line_num}"
            if not columns and fields:
                columns = len(fields)
                fields[0] = fields[0].lstrip("\ufeff")  # a byte order mark
                first = (fields[0], where)
                if not any(map(_is_meant_as_number, fields)):
                    if columns == 1 and not fields[0].startswith("#"):
                        _expect_commas(lines.last, where)
                    header = [field.strip() for field in fields]
                    if columns > 1 and not header[0]:
                        cure = "give it one, or where it is the index of pandas, write the file with index=False"
                        raise DataError(f"{where}, column 1: the column has no name: {cure}")
                    continue
            if not fields:
                continue
            if len(fields) != columns:
                if header == ["{"] and model_file.FORMAT in lines.last:
                    raise DataError(f"{name} is a model file, expected data (--load goes on with a model)")
                _expect_no_comment(fields[0], where)
                _expect_commas(lines.last, where)
                _expect_no_comment(*first)
                cure = ": remove the comma that the line ends with"
                comma = len(fields) > columns and not fields[-1].strip()
                raise DataError(f"{where}: {_columns(len(fields))}, expected {columns}{cure if comma else ''}")
            if header and not rows and not any(map(_is_meant_as_number, fields)):
                _expect_no_comment(*first)
            rows.append([_checked(fields, i, where, lines.last) for i in range(columns)])
            ends.append(reader.line_num)
    except UnicodeDecodeError as error:  # of a stream that could not be made to keep the bytes
        raise DataError(f"{name}, line {reader.line_num + 1} or later: not text in UTF-8: {error}") from None
    except csv.Error as error:
        _expect_commas(lines.last, f"{name}, line {reader.line_num}")
        raise DataError(f"{name}, line {reader.line_num}: not CSV text: {error}") from None
    if not rows:
        raise DataError(f"{name} has no rows of numbers")
    return Table(name, header, rows, ends)


_SEPARATORS = ((";", "semicolons"), ("\t", "tabs"))
_EMPTY = ("", "?", "na", "n/a", "nan", "none", "null")  # a cell, as spreadsheets and data frames write it
_DECIMAL_COMMA = re.compile(r"^\s*[-+]?\d*,\d+(e[-+]?\d+)?\s*$", re.IGNORECASE)


def _expect_commas(line: str, where: str) -> None:
    """DataError where a line has its columns between semicolons or tabs, or numbers between spaces."""
    separator, marks = next(((mark, marks) for mark, marks in _SEPARATORS if mark in line), (None, "spaces"))
    fields = [field.strip('" \r\n\ufeff') for field in line.split(separator)]
    if separator is None and (len(fields) < 2 or not all(map(_is_meant_as_number, fields))):
        return
    column = next((n for n, field in enumerate(fields) if _DECIMAL_COMMA.search(field)), 0)
    separated = f"columns separated by {marks}, expected commas"
    if _DECIMAL_COMMA.search(fields[column]):
        separated = f"a decimal comma, expected a point; {separated}"
    elif separator == ";":
        separated += " (if there are decimal commas, make them points first)"
    raise DataError(f"{where}, column {column + 1}: {quoted(fields[column])}: {separated}")


def _expect_no_comment(field: str, where: str) -> None:
    if field.lstrip().startswith("#"):
        raise DataError(f"{where}: {quoted(field)}: comments are not read: remove the line")


def _number(field: str) -> float | None:
    try:
        return None if "_" in field else float(field)
    except ValueError:
        return None


def _is_meant_as_number(field: str) -> bool:
    return _number(field) is not None or _DECIMAL_COMMA.search(field) is not None


def _checked(fields: Sequence[str], place: int, where: str, line: str) -> float:
    field = fields[place]
    number = _number(field)
    if number is None or not math.isfinite(number):
        wrong = f"{where}, column {place + 1}: {quoted(field)}"
        if _DECIMAL_COMMA.search(field):
            raise DataError(f"{wrong}: a decimal comma, expected a point")
        _expect_no_comment(line.rstrip("\r\n"), where)
        _expect_commas(line, where)
        if not field.strip() and place == len(fields) - 1:
            raise DataError(f"{wrong}: an empty cell: give a number, or remove the row, or the comma that ends it")
        if field.strip().lower() in _EMPTY:
            raise DataError(f"{wrong}: an empty cell: give a number, or remove the row")
        raise DataError(f"{wrong}, expected a finite number")
    return number
