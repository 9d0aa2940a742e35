# SPDX-License-Identifier: MIT
"""The data sets of PROBEN1 (L. Prechelt, Technical Report 21/94, Universität Karlsruhe, 1994), read from its files."""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import os
import zlib
from typing import NamedTuple

from .. import _files
from ..checks import options as check
from ..core import mode
from ..csv_tables import Rows, counted
from ..errors import DataError, quoted

# The first lines of a file, in this order: `bool_in=0` and so on.
HEADER = ("bool_in", "real_in", "bool_out", "real_out", "training_examples", "validation_examples", "test_examples")
GZIP = b"\x1f\x8b"  # the beginning of a compressed file
COUNT_DIGITS = 9
PIECE = 2**16  # bytes that are decompressed in one call
LONGEST = 2**24  # bytes of a file, uncompressed; the longest of PROBEN1 has some millions


class Examples(NamedTuple):
    """Inputs and targets, as `Network.fit` takes them."""

    x: Rows
    y: Rows


class Problem(NamedTuple):
    """A data set in its three parts, whose order and scale are the file's."""

    name: str  # of the file, without .dt.gz
    inputs: int
    outputs: int
    train: Examples
    validation: Examples
    test: Examples
    sha256: str  # of the file's text, uncompressed


def read(path: str | os.PathLike[str]) -> Problem:
    """The problem of a file `*.dt.gz`, or of one that is not compressed.

    DataError: the file is cut or altered; it names the line. OSError.
    """
    mode.require_standard("reading decimal digits")
    file_name = check.path(path)
    data = _files.read(file_name, LONGEST + 1)
    if data.startswith(GZIP):
        try:
            data = _decompressed(data)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{file_name} is not a whole gzip file: {error}") from None
    if len(data) > LONGEST:
        raise DataError(f"{file_name} has more than {LONGEST} bytes, expected a file of PROBEN1")
    lines = data.split(b"\n")
    if len(lines) <= len(HEADER):
        raise DataError(f"{file_name} ends in line {len(lines)}, expected a header of {len(HEADER)} lines and examples")
    header = enumerate(zip(HEADER, lines), 1)
    sizes = [_size(line, key, f"{file_name}, line {number}") for number, (key, line) in header]
    bool_in, real_in, bool_out, real_out, *examples = sizes
    inputs, outputs = bool_in + real_in, bool_out + real_out
    for what, size in (("inputs", inputs), ("outputs", outputs), *zip(HEADER[4:], examples)):
        if size == 0:
            raise DataError(f"{file_name} has no {what.replace('_', ' ')}, expected one or more")
    rows = lines[len(HEADER) :]
    if rows[-1] != b"":
        raise DataError(f"{file_name}, line {len(lines)}: the line has no end, expected a whole file")
    if len(rows) - 1 != sum(examples):
        expected = " + ".join(map(str, examples))
        raise DataError(f"{file_name} has {counted(len(rows) - 1, 'example')}, expected {expected}, as its header says")
    x: Rows = []
    y: Rows = []
    for number, row in enumerate(rows[:-1], len(HEADER) + 1):
        values = _values(row, inputs + outputs, f"{file_name}, line {number}")
        x.append(values[:inputs])
        y.append(values[inputs:])
    end = examples[0] + examples[1]
    return Problem(
        name=os.path.basename(file_name).partition(".")[0],
        inputs=inputs,
        outputs=outputs,
        train=Examples(x[: examples[0]], y[: examples[0]]),
        validation=Examples(x[examples[0] : end], y[examples[0] : end]),
        test=Examples(x[end:], y[end:]),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _decompressed(data: bytes) -> bytes:
    """At most LONGEST bytes and a piece more: a file may hold a thousand times its own. EOFError, OSError."""
    pieces = []
    length = 0
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        while length <= LONGEST and (piece := file.read(PIECE)):
            pieces.append(piece)
            length += len(piece)
    return b"".join(pieces)


def _size(line: bytes, key: str, where: str) -> int:
    name, _, digits = line.rstrip(b"\r").partition(b"=")
    if name != key.encode() or not digits.isdigit() or len(digits) > COUNT_DIGITS:
        shown = quoted(line.decode("ascii", "backslashreplace"))
        raise DataError(f"{where}: {shown}, expected {key}= and a number of at most {COUNT_DIGITS} digits")
    return int(digits)


def _values(row: bytes, width: int, where: str) -> list[float]:
    fields = row.split()
    if len(fields) != width:
        raise DataError(f"{where}: {counted(len(fields), 'number')}, expected {width}, as the header says")
    return [_number(field, f"{where}, column {column}") for column, field in enumerate(fields, 1)]


def _number(field: bytes, where: str) -> float:
    try:
        number = math.nan if b"_" in field else float(field)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        shown = quoted(field.decode("ascii", "backslashreplace"))
        raise DataError(f"{where}: {shown}, expected a finite number")
    return number
