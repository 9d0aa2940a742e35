# SPDX-License-Identifier: MIT
"""Data sets as lists of rows: the lab report's two (contract §10), and CSV files."""

from __future__ import annotations

import csv
import math
import os
import random
import sys
from collections.abc import Iterable

from . import _pure
from .checks import options as check
from .core import mode
from .errors import DataError, OptionError, quoted

Rows = list[list[float]]
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


def read_csv(path: str, inputs: int | None = None, outputs: int = 1) -> tuple[Rows, Rows]:
    """Rows of a CSV file (comma, decimal point, an optional header line): inputs, then targets. "-" is stdin.

    `inputs`: how many columns are inputs; None takes all but the last `outputs`. Where there are no columns beyond the
    inputs, y is empty. DataError names line and column; OSError.
    """
    if path == "-":
        if sys.stdin is None:
            raise DataError("stdin is closed, expected CSV rows")
        return _read(sys.stdin, "stdin", inputs, outputs)
    with open(path, newline="", encoding="utf-8") as file:
        return _read(file, path, inputs, outputs)


def file_of(name: str) -> str | None:
    """The path of a data set that the command line names; None where it is generated, or stdin has no path."""
    kind, colon, _ = name.partition(":")
    generated = name == "xor" or (kind == "linear" and (colon or not os.path.exists(name)))
    if name == "-":
        return "/dev/stdin" if os.path.exists("/dev/stdin") else None
    return None if generated else name


def named(name: str, seed: int = 0, inputs: int | None = None, outputs: int = 1) -> tuple[Rows, Rows]:
    """A data set as the command line names it: `linear:N`, `xor`, or a CSV file. OptionError, DataError, OSError."""
    if name == "xor":
        return xor()
    if name != "-" and file_of(name) is None:
        count = name.partition(":")[2]
        if not count.isascii() or not count.isdigit() or len(count) > 8:
            raise OptionError(
                f"data set {quoted(name)}: expected linear:N with N of up to eight digits, as in linear:100"
            )
        return linear(int(count), seed)
    try:
        return read_csv(name, inputs, outputs)
    except FileNotFoundError:
        raise OptionError(
            f"data set {quoted(name)} is not there: expected linear:N, xor, or the path of a CSV file"
        ) from None


def _read(file: Iterable[str], name: str, inputs: int | None, outputs: int) -> tuple[Rows, Rows]:
    x: Rows = []
    y: Rows = []
    columns = 0
    mode.require_standard("reading decimal digits")
    reader = csv.reader(file, strict=True)
    try:
        for fields in reader:
            if not columns and fields:
                columns = len(fields)
                fields[0] = fields[0].lstrip("\ufeff")  # a byte order mark
                if all(_number(field) is None for field in fields):
                    continue  # the header
            if not fields:
                continue
            if len(fields) != columns:
                raise DataError(f"{name}, line {reader.line_num}: {len(fields)} columns, expected {columns}")
            row = [_checked(field, f"{name}, line {reader.line_num}, column {i + 1}") for i, field in enumerate(fields)]
            split = columns - outputs if inputs is None else inputs
            if not 0 < split <= columns or columns - split not in (0, outputs):
                wanted = f"{inputs or 'one or more'} of inputs and {outputs} of targets"
                raise DataError(
                    f"{name}, line {reader.line_num}: {columns} column{'s' * (columns != 1)}, expected {wanted}"
                )
            x.append(row[:split])
            if columns > split:
                y.append(row[split:])
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{name}, line {reader.line_num + 1}: not CSV text in UTF-8: {error}") from None
    if not x:
        raise DataError(f"{name} has no rows of numbers")
    return x, y


def _number(field: str) -> float | None:
    try:
        return None if "_" in field else float(field)
    except ValueError:
        return None


def _checked(field: str, where: str) -> float:
    number = _number(field)
    if number is None or not math.isfinite(number):
        hint = " (columns are separated by commas)" if any(mark in field for mark in ";\t") else ""
        raise DataError(f"{where}: {quoted(field)}, expected a finite number{hint}")
    return number
