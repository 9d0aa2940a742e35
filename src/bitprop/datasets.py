# SPDX-License-Identifier: MIT
"""Data sets as lists of rows: the lab report's two (contract §10), and CSV files."""

from __future__ import annotations

import contextlib
import csv
import io
import math
import os
import random
import re
import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from . import _pure
from .checks import options as check
from .core import mode
from .errors import DataError, OptionError, quoted, shortened

Rows = list[list[float]]
KEEP_BYTES = "surrogateescape"  # bytes that are not UTF-8 come to the line that they stand in, which is then named
TENTH = float.fromhex("0x1.999999999999ap-4")  # 0.1, which Python may compile to another number in another mode


def linear(n: int, seed: int = 0) -> tuple[Rows, Rows]:
    """`n` points of the unit square; the label is 0 where x0 > x1, else 1. Returns x (n, 2) and y (n, 1)."""
    n = check.integer("n", n, 1)
    generator = random.Random()
    _pure.generator_seed(generator, check.seed("seed", seed), _pure.STREAM_DATA)
    x = [[generator.random(), generator.random()] for _ in range(n)]
    return x, [[0.0] if x0 > x1 else [1.0] for x0, x1 in x]


def xor() -> tuple[Rows, Rows]:
    """21 points: 11 on the diagonal with label 0, 10 on the antidiagonal with label 1. Returns x (21, 2), y (21, 1)."""
    mode.require_standard("datasets.xor()")
    x: Rows = []
    y: Rows = []
    for i in range(11):
        x.append([TENTH * i, TENTH * i])
        y.append([0.0])
        if i != 5:
            x.append([TENTH * i, 1 - TENTH * i])
            y.append([1.0])
    return x, y


class Table(NamedTuple):
    """A CSV file's rows of numbers. `header`: the names of its columns, None where it has none."""

    name: str
    header: list[str] | None
    rows: Rows

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
            raise DataError(f"{self.name} has {_columns(self.width)}, expected {expected}{by}")
        return columns

    def _column(self, name: str) -> int:
        if self.header is None:
            raise DataError(f"{self.name} has no header with names, expected one with {quoted(name)}")
        count = self.header.count(name)
        if count != 1:
            given = f"{count or 'no'} column{'s' * (count > 1)} {quoted(name)}"
            raise DataError(f"{self.name} has {given}, expected one of {shortened(', '.join(self.header))}")
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
                parts.append(f"{_count(len(columns), kind)} ({what}{shortened(', '.join(names[c] for c in columns))})")
        text = ", ".join(parts)
        return f"{self.name}: {text}{'; the first line is a header' if self.header else ''}"


def read_csv(
    path: str, inputs: int | None = None, outputs: int = 1, targets: Sequence[str] | None = None
) -> tuple[Rows, Rows]:
    """Rows of a CSV file (comma, decimal point, an optional header line): inputs, then targets. "-" is stdin.

    `inputs`: how many columns are inputs; None takes all but the last `outputs`. Where there are no columns beyond the
    inputs, y is empty. `targets`: instead of `outputs`, the targets' names in the header; they may stand anywhere.
    DataError names line and column; OSError.
    """
    outputs = check.integer("outputs", outputs, 0)
    table = read_table(path)
    names = [targets] if isinstance(targets, str) else targets
    return table.split(table.targets(outputs if names is None else names, inputs))


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


def file_of(name: str) -> str | None:
    """The path of a data set that the command line names; None where it is generated, or stdin has no path."""
    kind, colon, _ = name.partition(":")
    generated = name == "xor" or (kind == "linear" and (colon or not os.path.exists(name)))
    if name == "-":
        return "/dev/stdin" if os.path.exists("/dev/stdin") else None
    return None if generated else name


def named(name: str, seed: int = 0) -> tuple[Rows, Rows] | Table:
    """A data set as the command line names it: `linear:N`, `xor`, or a CSV file. OptionError, DataError, OSError."""
    if name == "xor":
        return xor()
    if name != "-" and file_of(name) is None:
        count = name.partition(":")[2]
        if not count.isascii() or not count.isdigit() or len(count) > 8 or int(count) == 0:
            expected = "linear:N with N from 1 up to eight digits, as in linear:100"
            raise OptionError(f"data set {quoted(name)}: expected {expected}")
        return linear(int(count), seed)
    try:
        return read_table(name)
    except FileNotFoundError:
        raise OptionError(
            f"data set {quoted(name)} is not there: expected linear:N, xor, or the path of a CSV file"
        ) from None


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _columns(number: int) -> str:
    return _count(number, "column")


class _Lines:
    """A file's lines, of which the last one read is kept for messages. DataError: a byte that is not UTF-8."""

    def __init__(self, file: Iterable[str], name: str):
        self._lines = enumerate(file, 1)
        self._name = name
        self.last = ""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        number, self.last = next(self._lines)
        wrong = None if self.last.isascii() else _NOT_UTF8.search(self.last)
        if wrong is not None:
            column = len(next(csv.reader([self.last[: wrong.start()] + "?"])))
            where = f"{self._name}, line {number}, column {column}"
            byte = ord(wrong[0]) - 0xDC00
            raise DataError(f"{where}: the byte 0x{byte:02x} is not text in UTF-8: save the file as UTF-8")
        return self.last


_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # what KEEP_BYTES makes of such bytes


def _read(file: Iterable[str], name: str) -> Table:
    mode.require_standard("reading decimal digits")
    rows: Rows = []
    header: list[str] | None = None
    columns = 0
    lines = _Lines(file, name)
    reader = csv.reader(lines, strict=True)
    try:
        for fields in reader:
            where = f"{name}, line {reader.line_num}"
            if not columns and fields:
                columns = len(fields)
                fields[0] = fields[0].lstrip("\ufeff")  # a byte order mark
                if not any(map(_is_meant_as_number, fields)):
                    if columns == 1:
                        _expect_commas(lines.last, where)
                    header = [field.strip() for field in fields]
                    continue
            if not fields:
                continue
            if len(fields) != columns:
                _expect_commas(lines.last, where)
                raise DataError(f"{where}: {_columns(len(fields))}, expected {columns}")
            rows.append([_checked(field, i + 1, where, lines.last) for i, field in enumerate(fields)])
    except UnicodeDecodeError as error:  # of a stream that could not be made to keep the bytes
        raise DataError(f"{name}, line {reader.line_num + 1} or later: not text in UTF-8: {error}") from None
    except csv.Error as error:
        _expect_commas(lines.last, f"{name}, line {reader.line_num}")
        raise DataError(f"{name}, line {reader.line_num}: not CSV text: {error}") from None
    if not rows:
        raise DataError(f"{name} has no rows of numbers")
    return Table(name, header, rows)


_SEPARATORS = ((";", "semicolons"), ("\t", "tabs"))
_DECIMAL_COMMA = re.compile(r"^\s*[-+]?\d*,\d+(e[-+]?\d+)?\s*$", re.IGNORECASE)


def _expect_commas(line: str, where: str) -> None:
    """DataError where a line has its columns between semicolons or tabs, or numbers between spaces."""
    separator, marks = next(((mark, marks) for mark, marks in _SEPARATORS if mark in line), (None, "spaces"))
    fields = [field.strip('" \r\n\ufeff') for field in line.split(separator)]
    if separator is None and (len(fields) == 1 or not all(map(_is_meant_as_number, fields))):
        return
    column = next((n for n, field in enumerate(fields) if _DECIMAL_COMMA.search(field)), 0)
    separated = f"columns separated by {marks}, expected commas"
    if _DECIMAL_COMMA.search(fields[column]):
        separated = f"a decimal comma, expected a point; {separated}"
    raise DataError(f"{where}, column {column + 1}: {quoted(fields[column])}: {separated}")


def _number(field: str) -> float | None:
    try:
        return None if "_" in field else float(field)
    except ValueError:
        return None


def _is_meant_as_number(field: str) -> bool:
    return _number(field) is not None or _DECIMAL_COMMA.search(field) is not None


def _checked(field: str, column: int, where: str, line: str) -> float:
    number = _number(field)
    if number is None or not math.isfinite(number):
        if _DECIMAL_COMMA.search(field):
            raise DataError(f"{where}, column {column}: {quoted(field)}: a decimal comma, expected a point")
        _expect_commas(line, where)
        raise DataError(f"{where}, column {column}: {quoted(field)}, expected a finite number")
    return number
