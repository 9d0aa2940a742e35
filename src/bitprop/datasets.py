# SPDX-License-Identifier: MIT
"""Data sets as lists of rows: those of the contract (§10), of which two are the lab report's, and CSV files."""

from __future__ import annotations

import contextlib
import csv
import io
import math
import os
import random
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from . import _pure, model_file
from .checks import options as check
from .core import mode
from .errors import DataError, OptionError, quoted, shortened

Rows = list[list[float]]
KEEP_BYTES = "surrogateescape"  # bytes that are not UTF-8 come to the line that they stand in, which is then named
TENTH = float.fromhex("0x1.999999999999ap-4")  # 0.1, which Python may compile to another number in another mode
# The sines of 0 to 8 sixteenths of pi (§10).
SINES = [
    0.0,
    float.fromhex("0x1.8f8b83c69a60bp-3"),
    float.fromhex("0x1.87de2a6aea963p-2"),
    float.fromhex("0x1.1c73b39ae68c8p-1"),
    float.fromhex("0x1.6a09e667f3bcdp-1"),
    float.fromhex("0x1.a9b66290ea1a3p-1"),
    float.fromhex("0x1.d906bcf328d46p-1"),
    float.fromhex("0x1.f6297cff75cb0p-1"),
    1.0,
]


def linear(n: int, seed: int = 0) -> tuple[Rows, Rows]:
    """`n` points of the unit square; the label is 0 where x0 > x1, else 1. Returns x (n, 2) and y (n, 1)."""
    n = check.integer("n", n, 1)
    generator = _data_generator(seed)
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


def circles(n: int, seed: int = 0, noise: float = TENTH) -> tuple[Rows, Rows]:
    """`n` points, in turn on a circle of radius 1 (label 0) and on one of radius 0.5 (label 1).

    Returns x (n, 2) and y (n, 1). `noise`: the deviation by which each coordinate is moved at random.
    """
    n, noise = _checked_drawing("circles", n, noise)
    generator = _data_generator(seed)
    x: Rows = []
    for i in range(n):
        u, v = _direction(generator)
        radius = 0.5 if i % 2 else 1.0
        x.append(_moved(generator, radius * u, radius * v, noise))
    return x, [[float(i % 2)] for i in range(n)]


def moons(n: int, seed: int = 0, noise: float = TENTH) -> tuple[Rows, Rows]:
    """`n` points, in turn on an upper half of a circle (label 0) and a lower one that reaches into it (label 1).

    Returns x (n, 2) and y (n, 1). `noise` as for `circles`.
    """
    n, noise = _checked_drawing("moons", n, noise)
    generator = _data_generator(seed)
    x: Rows = []
    for i in range(n):
        u, v = _direction(generator)
        v = -v if v < 0.0 else v
        x.append(_moved(generator, 1.0 - u, 0.5 - v, noise) if i % 2 else _moved(generator, u, v, noise))
    return x, [[float(i % 2)] for i in range(n)]


def blobs(n: int, centres: int = 2, seed: int = 0, noise: float = TENTH) -> tuple[Rows, Rows]:
    """`n` points, in turn around each of the centres, which are drawn from a square. Returns x (n, 2) and y.

    y is (n, 1) for two centres, with labels 0 and 1; for more it has a column for each, with 1 in that of the point's
    centre and 0 in the rest. `noise` as for `circles`.
    """
    n, noise = _checked_drawing("blobs", n, noise)
    centres = check.integer("centres", centres, 2)
    generator = _data_generator(seed)
    middles = [(2.0 * generator.random() - 1.0, 2.0 * generator.random() - 1.0) for _ in range(centres)]
    x = [_moved(generator, *middles[i % centres], noise) for i in range(n)]
    if centres == 2:
        return x, [[float(i % 2)] for i in range(n)]
    return x, [_one_hot(i % centres, centres) for i in range(n)]


def two_spirals() -> tuple[Rows, Rows]:
    """194 points on two spirals of three turns, in turn of label 1 and 0 (Lang and Witbrock, 1988).

    Returns x (194, 2) and y (194, 1).
    """
    mode.require_standard("datasets.two_spirals()")
    x: Rows = []
    y: Rows = []
    for i in range(97):
        radius = (104 - i) / 16
        x0, x1 = radius * _sine(i), radius * _sine(i + 8)
        x += [[x0, x1], [-x0, -x1]]
        y += [[1.0], [0.0]]
    return x, y


def encoder(n: int = 10) -> tuple[Rows, Rows]:
    """`n` rows of zeros but for a 1, in another column of each; the targets are the same. Returns x, y, both (n, n)."""
    n = check.integer("n", n, 1)
    return [_one_hot(i, n) for i in range(n)], [_one_hot(i, n) for i in range(n)]


def parity(n: int) -> tuple[Rows, Rows]:
    """All rows of `n` zeros and ones, counting up; the label is 1 for an odd number of ones.

    Returns x (2^n, n) and y (2^n, 1).
    """
    n = check.integer("n", n, 1, 2**5)
    x = [[float(i >> (n - 1 - j) & 1) for j in range(n)] for i in range(2**n)]
    return x, [[float(row.count(1.0) % 2)] for row in x]


def _checked_drawing(name: str, n: int, noise: float) -> tuple[int, float]:
    mode.require_standard(f"datasets.{name}()")
    return check.integer("n", n, 1), check.not_negative("noise", noise)


def _data_generator(seed: int) -> random.Random:
    generator = random.Random()
    _pure.generator_seed(generator, check.seed("seed", seed), _pure.STREAM_DATA)
    return generator


def _direction(generator: random.Random) -> tuple[float, float]:
    """A point of the unit circle, each as likely as any."""
    while True:
        a = 2.0 * generator.random() - 1.0
        b = 2.0 * generator.random() - 1.0
        s = a * a + b * b
        if 0.0 < s <= 1.0:
            r = math.sqrt(s)
            return a / r, b / r


def _moved(generator: random.Random, x0: float, x1: float, noise: float) -> list[float]:
    d0 = _pure.draw(generator, _pure.NORMAL, 0.0)
    d1 = _pure.draw(generator, _pure.NORMAL, 0.0)
    return [x0 + noise * d0, x1 + noise * d1]


def _sine(k: int) -> float:
    """The sine of k sixteenths of pi."""
    size = SINES[min(k % 16, 16 - k % 16)]
    return -size if k % 32 >= 16 else size


def _one_hot(place: int, width: int) -> list[float]:
    return [float(column == place) for column in range(width)]


ONE_HOT = "for classes, make a column for each class, of 1 in its rows and 0 elsewhere (one-hot)"


def are_class_numbers(values: Sequence[float]) -> bool:
    """Whether the values are whole numbers from 0 or 1 to 2 or more, and each of them occurs."""
    least, most = min(values), max(values)
    return least in (0.0, 1.0) and 2.0 <= most <= len(values) and set(values) == set(range(int(least), int(most) + 1))


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
            labels = len(columns) > 1 and self.width == (inputs or 0) + 1
            hint = f"; {ONE_HOT}" if labels and are_class_numbers([row[-1] for row in self.rows]) else ""
            raise DataError(f"{self.name} has {_columns(self.width)}, expected {expected}{by}{hint}")
        return columns

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


class _Generated(NamedTuple):
    """What the command line's name of a generated data set stands for."""

    make: Callable[[int, int], tuple[Rows, Rows]]  # of N and the data seed
    most: int = 0  # of N; 0 where the name has none
    example: int = 0  # of N
    drawn: bool = False  # from the data seed


POINTS = 99_999_999
GENERATED = {
    "linear": _Generated(linear, POINTS, 100, True),
    "circles": _Generated(circles, POINTS, 200, True),
    "moons": _Generated(moons, POINTS, 200, True),
    "blobs": _Generated(lambda n, seed: blobs(n, seed=seed), POINTS, 300, True),
    "encoder": _Generated(lambda n, seed: encoder(n), 9_999, 10),
    "parity": _Generated(lambda n, seed: parity(n), 20, 4),
    "xor": _Generated(lambda n, seed: xor()),
    "spirals": _Generated(lambda n, seed: two_spirals()),
}
NAMES = ", ".join(f"{kind}:N" if one.most else kind for kind, one in GENERATED.items())
DRAWN = ", ".join(f"{kind}:N" for kind, one in GENERATED.items() if one.drawn)


def _generated(name: str) -> _Generated | None:
    """What the name stands for; None where it names a file or stdin."""
    kind, colon, _ = name.partition(":")
    entry = GENERATED.get(kind)
    if entry is None or (colon and not entry.most):
        return None
    return entry if colon or not entry.most or not os.path.exists(name) else None


def is_drawn(name: str) -> bool:
    """Whether the data set that the command line names depends on the data seed."""
    entry = _generated(name)
    return entry is not None and entry.drawn


def file_of(name: str) -> str | None:
    """The path of a data set that the command line names; None where it is generated, or stdin has no path."""
    if name == "-":
        return "/dev/stdin" if os.path.exists("/dev/stdin") else None
    return None if _generated(name) else name


def named(name: str, seed: int = 0) -> tuple[Rows, Rows] | Table:
    """A data set as the command line names it: one of NAMES, or a CSV file. OptionError, DataError, OSError."""
    entry = _generated(name)
    if entry is not None:
        kind, _, count = name.partition(":")
        if not entry.most:
            return entry.make(0, seed)
        if not (count.isascii() and count.isdigit() and len(count) <= 8 and 1 <= int(count) <= entry.most):
            expected = f"{kind}:N with N from 1 to {entry.most}, as in {kind}:{entry.example}"
            raise OptionError(f"data set {quoted(name)}: expected {expected}")
        return entry.make(int(count), seed)
    try:
        return read_table(name)
    except FileNotFoundError:
        raise OptionError(
            f"data set {quoted(name)} is not there: expected {NAMES}, or the path of a CSV file"
        ) from None


def counted(number: int, noun: str) -> str:
    """A number with its noun, as messages say it."""
    return f"{number} {noun}{'s' * (number != 1)}"


def _columns(number: int) -> str:
    return counted(number, "column")


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
    except UnicodeDecodeError as error:  # of a stream that could not be made to keep the bytes
        raise DataError(f"{name}, line {reader.line_num + 1} or later: not text in UTF-8: {error}") from None
    except csv.Error as error:
        _expect_commas(lines.last, f"{name}, line {reader.line_num}")
        raise DataError(f"{name}, line {reader.line_num}: not CSV text: {error}") from None
    if not rows:
        raise DataError(f"{name} has no rows of numbers")
    return Table(name, header, rows)


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
