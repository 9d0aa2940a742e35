# SPDX-License-Identifier: MIT
"""Data as users give it, made rows of doubles: read where it stands where it can be, converted where it must be.

Results go back in the form that the data came in: lists, NumPy arrays, or memoryviews for any other buffer.
"""

from __future__ import annotations

import math
import operator
import random
import struct
import sys
from array import array
from collections.abc import Sequence
from decimal import Decimal
from numbers import Real
from typing import Any, NamedTuple

from .. import _pure
from ..core import Core, mode
from ..errors import DataError, OptionError, ShapeError, quoted

NOT_ROWS = (str, bytes, bytearray, dict, set, frozenset)  # iterable, but not rows of numbers
MISSING = ("NAType", "NaTType")  # pandas' types of what is missing
CONVERTED = 100_000  # numbers that are converted in one step, so that Ctrl-C is answered between steps
NUMBERS = "bBhHiIlLqQnNefd?"  # single formats of the struct module that are real numbers


class Rows(NamedTuple):
    """Checked data: finite doubles, row after row."""

    values: memoryview[float] | array[float]
    pointer: Any  # to them, as the core takes it
    rows: int
    width: int
    form: str  # "list", "numpy" or "buffer"

    def split(self) -> list[list[float]]:
        """The rows as lists."""
        return [list(self.values[at : at + self.width]) for at in range(0, self.rows * self.width, self.width)]


class Data(NamedTuple):
    """Checked rows to train on or to measure: all that belongs to each row, kept alive for the core."""

    inputs: Rows
    targets: Rows
    rows: int  # that there are of each
    pointer: Any  # to them, as the core takes it
    weights: Rows | None  # one for each row

    @classmethod
    def of(cls, core: Core, inputs: Rows, targets: Rows, weights: Rows | None = None) -> Data:
        """Those of equally many rows, for this core."""
        pointers = inputs.pointer, targets.pointer, inputs.rows, None if weights is None else weights.pointer
        return cls(inputs, targets, inputs.rows, core.data(*pointers), weights)


class _Raw(NamedTuple):
    """Doubles that are not yet held against a width. `shape` has one or two dimensions."""

    values: memoryview[float] | array[float]
    shape: tuple[int, ...]
    form: str
    labels: Sequence[Any] | None = None  # the names of a data frame's columns, in which NaN stands for a missing value


def convert(core: Core, data: Any, width: int | None, name: str, parameters: memoryview[float] | None = None) -> Rows:
    """Rows of `width` numbers. A flat sequence is one row or, where the width is 1, a column.

    Without a width, the data have their own, and a flat sequence is a column.

    Data that lie in the memory of the network's `parameters`, which a training changes, are copied.
    ShapeError: another width. DataError: empty, ragged, changed meanwhile, or not finite numbers. `name` is the data's
    in messages. FloatingPointModeError where numbers must be rounded, and Python would round them otherwise.
    """
    raw = _raw(core, data, name, parameters)
    flat = len(raw.shape) == 1
    if flat:
        count, columns = (raw.shape[0], 1) if width in (1, None) else (1, raw.shape[0])
    else:
        count, columns = raw.shape
    if count == 0 or columns == 0:
        raise DataError(f"{name} is empty, expected at least one row of {_numbers(width or 1)}")
    width = width or columns
    if columns != width:
        given = f"a flat sequence of {_numbers(columns)}" if flat else f"rows of {_numbers(columns)}"
        hint = _one_hot(raw.values, width) if name.endswith("y") and (flat or columns == 1) else ""
        raise ShapeError(f"{name} has {given}, expected rows of {_numbers(width)}{hint}")
    total = count * width
    if len(raw.values) != total:  # what was converted decides, not what the data claim: nothing is read beyond it
        raise DataError(
            f"{name} gave {_numbers(len(raw.values))} for {count} rows of {width}: it changes as it is read"
        )
    pointer = core.readable(raw.values)
    bad = core.first_nonfinite(pointer, total)
    if bad < total:
        if raw.labels is not None and math.isnan(raw.values[bad]):
            column = _column_text(name, raw.labels[bad % width])
            raise DataError(f"{column} has missing values in row {bad // width}: fill them in, or leave out such rows")
        where = f"row {bad // width}, column {bad % width}"
        raise DataError(f"{name} has {raw.values[bad]} in {where}, expected finite numbers")
    return Rows(raw.values, pointer, count, width, raw.form)


def convert_data(
    core: Core,
    x: Any,
    y: Any,
    n_in: int,
    n_out: int,
    parameters: memoryview[float],
    kind: str = "",
    sample_weight: Any = None,
) -> Data:
    """Inputs of `n_in` numbers and targets of `n_out`, of equally many rows, with their weights where there are any.

    `kind`: what messages call them first.
    """
    inputs = convert(core, x, n_in, f"{kind}x", parameters)
    targets = convert(core, y, n_out, f"{kind}y", parameters)
    if targets.rows != inputs.rows:
        given = f"{kind}y has {targets.rows} row{'s' * (targets.rows != 1)}"
        hint = _one_hot(targets.values, n_out) if (targets.rows, inputs.rows) == (1, n_out) else ""
        raise ShapeError(f"{given}, expected {inputs.rows}, as many as {kind}x{hint}")
    if sample_weight is None:
        return Data.of(core, inputs, targets)
    name = f"{kind}sample_weight"
    weights = convert(core, sample_weight, 1, name, parameters)
    if weights.rows != inputs.rows:
        raise ShapeError(f"{name} has {_numbers(weights.rows)}, expected {inputs.rows}: one for each row of {kind}x")
    least = min(weights.values)
    if least < 0.0:
        row = list(weights.values).index(least)
        raise DataError(f"{name} has {least} in row {row}, expected numbers of at least 0")
    return Data.of(core, inputs, targets, weights)


def divide(core: Core, data: Data, share: float, seed: int) -> tuple[Data, Data]:
    """The first rows of a shuffle, and the last, which are this share of all: docs/python.md has the definition.

    ShapeError: there are none of either, or 2^32 or more in all.
    """
    mode.require_standard("a share of the rows")
    rows = data.rows
    last = int(share * rows + 0.5)
    if not 0 < last < rows < 2**32:
        expected = "one or more to measure and one or more to train on, of fewer than 2^32"
        raise ShapeError(f"validation is {share!r}, which takes {last} of {rows} rows, expected {expected}")
    generator = random.Random()
    _pure.generator_seed(generator, seed, _pure.STREAM_DATA)
    order = list(range(rows))
    for i in range(rows - 1, 0, -1):
        k = _pure.generator_below(generator, i + 1)
        order[i], order[k] = order[k], order[i]
    return _taken(core, data, order[:-last]), _taken(core, data, order[-last:])


def _taken(core: Core, data: Data, places: Sequence[int]) -> Data:
    """The rows at these places, in their order."""
    taken = []
    for rows in filter(None, (data.inputs, data.targets, data.weights)):
        values = array("d")
        given, step = memoryview(rows.values).cast("B"), 8 * rows.width
        for place in places:
            values.frombytes(given[place * step : (place + 1) * step])
        taken.append(Rows(values, core.readable(values), len(places), rows.width, rows.form))
    return Data.of(core, *taken)


def _one_hot(values: memoryview[float] | array[float], outputs: int) -> str:
    """What to do with values that look like numbers of classes, as the end of a message."""
    if not all(value >= 0.0 and value.is_integer() for value in values):
        return ""
    return f"; for class labels give one-hot rows of {outputs}: 1 at the label's place, and 0 elsewhere"


def zeros(count: int) -> array[float]:
    """Memory for `count` doubles. ShapeError where there is not enough."""
    try:
        return array("d", [0.0]) * count
    except (MemoryError, OverflowError):
        raise ShapeError(f"{count} numbers need {8 * count} bytes, more memory than there is") from None


def to_array(values: memoryview[float] | array[float]) -> array[float]:
    """The numbers as an array: themselves where they are one."""
    return values if isinstance(values, array) else _copy(values)


def octets(values: memoryview[float] | array[float]) -> memoryview[Any]:
    """The numbers' bytes, those of each with the lowest first on any machine: their own memory, or a turned copy."""
    if sys.byteorder == "big":
        turned = array("d", values)
        turned.byteswap()
        values = turned
    return memoryview(values).cast("B")


def give_back(values: array[float], form: str, width: int | None) -> Any:
    """Results in the form that the data came in: rows of `width`, or flat where it is None."""
    if form == "numpy":
        numpy = sys.modules["numpy"]
        results = numpy.frombuffer(values)
        return results if width is None else results.reshape(-1, width)
    if form == "buffer":
        view = memoryview(values)
        return view if width is None else view.cast("B").cast("d", (len(values) // width, width))
    if width is None:
        return [value for first in range(0, len(values), CONVERTED) for value in values[first : first + CONVERTED]]
    return [values[at : at + width].tolist() for at in range(0, len(values), width)]


def writable(core: Core, out: Any, count: int, width: int, parameters: memoryview[float]) -> memoryview[float]:
    """The caller's memory for `count` rows of results, flat. TypeError, ShapeError; OptionError: the network's own."""
    expected = f"a writable, contiguous float64 buffer of {count} rows of {width}"
    try:
        view = memoryview(out)
    except TypeError:
        raise TypeError(f"out is {type(out).__name__}, expected {expected}") from None
    if _format(view) != "d" or not view.c_contiguous or view.readonly:
        traits = f"format {view.format!r}, {'read-only' if view.readonly else 'writable'}"
        raise TypeError(f"out has {traits}, {'' if view.c_contiguous else 'not '}contiguous; expected {expected}")
    if view.shape not in ((count, width), (count * width,)):
        raise ShapeError(f"out has shape {view.shape}, expected {(count, width)}")
    flat: memoryview[float] = view.cast("B").cast("d")
    if (core.address(flat) or 0) % 8 != 0:
        raise TypeError(f"out is not aligned to 8 bytes, expected {expected}")
    if overlap(core, flat, parameters):
        raise OptionError("out lies in the network's own parameters, which it would overwrite: expected other memory")
    return flat


def overlap(core: Core, one: memoryview[float] | array[float], other: memoryview[float] | None) -> bool:
    """Whether two pieces of memory share a byte, as far as the addresses can be told."""
    if other is None:
        return False
    start, others_start = core.address(memoryview(one)), core.address(other)
    if start is None or others_start is None:
        return False
    return start < others_start + other.nbytes and others_start < start + memoryview(one).nbytes


def apart(core: Core, rows: Rows, memory: memoryview[float]) -> Rows:
    """The rows, copied where they lie in this memory, which is about to be written."""
    if not overlap(core, rows.values, memory):
        return rows
    values = to_array(rows.values)
    return rows._replace(values=values, pointer=core.readable(values))


def _numbers(count: int) -> str:
    return "1 number" if count == 1 else f"{count} numbers"


def _raw(core: Core, data: Any, name: str, parameters: memoryview[float] | None) -> _Raw:
    numpy = sys.modules.get("numpy")
    if isinstance(data, (list, tuple)):
        return _from_sequence(data, name)
    if isinstance(data, NOT_ROWS):
        raise DataError(f"{name} is {type(data).__name__}, expected rows of numbers")
    columns = _columns(data)
    if columns is not None:
        return _from_columns(columns, name, flat=not hasattr(data, "columns"))
    if numpy is not None and hasattr(data, "__array__"):
        return _from_numpy(core, numpy, data, name, parameters)
    try:
        view = memoryview(data)
    except TypeError:
        pass
    else:
        return _from_buffer(core, view, name, "buffer", parameters)
    try:
        rows = list(data)
    except TypeError:
        raise DataError(f"{name} is {quoted(data)}, expected rows of numbers") from None
    return _from_sequence(rows, name)


def _columns(data: Any) -> list[tuple[Any, Any]] | None:
    """The columns of a data frame or of one column, with their names, or None; known by what they offer."""
    if not hasattr(data, "columns"):  # a column of pandas and polars, or of PyArrow
        is_column = getattr(data, "ndim", 1) == 1 and (hasattr(data, "to_list") or hasattr(data, "to_pylist"))
        return [(getattr(data, "name", None), data)] if is_column else None
    if hasattr(data, "column_names"):  # PyArrow
        return list(zip(data.column_names, data.columns))
    if hasattr(data, "get_columns"):  # polars
        return list(zip(data.columns, data.get_columns()))
    return list(data.items()) if hasattr(data, "items") else None  # pandas


def _from_columns(columns: list[tuple[Any, Any]], name: str, flat: bool) -> _Raw:
    """The numbers of a data frame, row after row. DataError names the column that has others."""
    try:  # which such columns take too
        import numpy
    except ImportError:
        numpy = None  # type: ignore[assignment]
    each = [_column(numpy, label, column, name) for label, column in columns]
    count = len(each[0]) if each else 0
    values = zeros(count * len(each))
    for number, numbers in enumerate(each):
        values[number :: len(each)] = numbers
    shape = (count,) if flat else (count, len(each))
    return _Raw(values, shape, "list" if numpy is None else "numpy", [label for label, _ in columns])


def _column(numpy: Any, label: Any, column: Any, name: str) -> array[float]:
    """One column's numbers, NaN where one is missing."""
    values = array("d")
    if numpy is not None:
        numbers = numpy.asarray(column)
        if numbers.dtype.kind in "fiub" and numbers.ndim == 1:
            if numbers.dtype != numpy.float64:
                mode.require_standard(f"converting {name} from {numbers.dtype}")
            values.frombytes(numbers.astype(numpy.float64).tobytes())
            return values
    items = column.to_pylist() if hasattr(column, "to_pylist") else column.to_list()
    items = [math.nan if item is None or type(item).__name__ in MISSING else item for item in items]
    try:
        _append(values, items, name, None)
    except DataError:
        text = _column_text(name, label)
        row = next((row for row, item in enumerate(items) if not _is_real(type(item))), None)
        if row is None:
            raise DataError(f"{text} has a number beyond float64") from None
        kind = getattr(column, "dtype", None) or getattr(column, "type", "not of numbers")
        raise DataError(
            f"{text} is {kind}, with {quoted(items[row])} in row {row}: encode it as numbers, or leave it out"
        ) from None
    return values


def _column_text(name: str, label: Any) -> str:
    return f"{name}: its column" if label is None else f"{name}: column {quoted(label)}"


def _from_numpy(core: Core, numpy: Any, data: Any, name: str, parameters: memoryview[float] | None) -> _Raw:
    whole = numpy.asanyarray(data)
    numbers = numpy.asarray(whole)
    if numbers.dtype.kind not in "fiub":
        raise DataError(f"{name} is an array of {numbers.dtype}, expected real numbers")
    if type(whole) is not numpy.ndarray and numpy.ma.is_masked(whole):
        raise DataError(f"{name} is an array with masked values, expected numbers throughout")
    if numbers.dtype != numpy.float64:
        mode.require_standard(f"converting {name} from {numbers.dtype}")
    if numbers.size > CONVERTED and (numbers.dtype != numpy.float64 or not numbers.flags.c_contiguous):
        given = numbers.reshape(-1) if numbers.flags.c_contiguous else numbers
        converted = numpy.empty(given.shape)
        step = max(1, CONVERTED * len(given) // given.size)
        for first in range(0, len(given), step):
            converted[first : first + step] = given[first : first + step]
        numbers = converted.reshape(numbers.shape)
    view = memoryview(numpy.ascontiguousarray(numbers, dtype=numpy.float64))
    return _from_buffer(core, view, name, "numpy", parameters)


def _format(view: memoryview) -> str:
    return view.format[1:] if view.format[:1] == "@" else view.format


def _from_buffer(core: Core, view: memoryview, name: str, form: str, parameters: memoryview[float] | None) -> _Raw:
    shape = view.shape or ()
    if view.ndim not in (1, 2):
        raise ShapeError(f"{name} has {view.ndim} dimensions, expected 2: rows and columns")
    if 0 in shape:
        return _Raw(array("d"), shape, form)
    if _format(view) == "d" and view.c_contiguous:
        flat: memoryview[float] = view.cast("B").cast("d")
        address = core.address(flat)
        in_place = address is not None and address % 8 == 0 and not overlap(core, flat, parameters)
        return _Raw(flat if in_place else _copy(flat), shape, form)
    kind = view.format.lstrip("@=<>!")
    if kind not in tuple(NUMBERS):
        raise DataError(f"{name} is a buffer of format {view.format!r}, expected real numbers")
    mode.require_standard(f"converting {name} from format {view.format!r}")
    order = view.format[: len(view.format) - 1] or "@"
    values, octets = array("d"), view.tobytes()
    for first in range(0, len(octets), CONVERTED * view.itemsize):
        some = octets[first : first + CONVERTED * view.itemsize]
        values.extend(struct.unpack(f"{order}{len(some) // view.itemsize}{kind}", some))
    return _Raw(values, shape, form)


def _copy(flat: memoryview[float]) -> array[float]:
    values = array("d")
    values.frombytes(flat.cast("B"))
    return values


def _from_sequence(data: Sequence[Any], name: str) -> _Raw:
    values = array("d")
    rows = list(data)  # so that other threads, and the items as they are converted, change nothing of it
    exact = True
    if not rows or not hasattr(type(rows[0]), "__len__"):  # no rows, so a flat sequence
        exact = _append(values, rows, name, None)
        shape: tuple[int, ...] = (len(rows),)
    else:
        columns = None
        for number, row in enumerate(rows):
            items = _items(row, name, number)
            columns = len(items) if columns is None else columns
            if len(items) != columns:
                raise DataError(f"{name} is ragged: row {number} has {_numbers(len(items))}, row 0 has {columns}")
            if not _append(values, items, name, number):
                exact = False
                _require_unchanged(row, items, name)
        shape = (len(rows), columns or 0)
    if not exact:
        _require_unchanged(data, rows, name)
    return _Raw(values, shape, "list")


def _items(row: Any, name: str, number: int) -> list[Any]:
    """A row's items, as many as there are, whatever its length claims. DataError."""
    try:
        if not isinstance(row, NOT_ROWS):
            return list(row)
    except (TypeError, NotImplementedError):  # not iterable; a view of several dimensions
        pass
    raise DataError(f"{name} has {quoted(row)} as row {number}, expected a row of numbers") from None


def _append(values: array[float], items: list[Any], name: str, number: int | None, place: int = 0) -> bool:
    """Appends a row, or its items from that place on; whether no code but Python's own converted it. DataError."""
    if len(items) > CONVERTED:
        exact = True
        for at in range(0, len(items), CONVERTED):
            exact = _append(values, items[at : at + CONVERTED], name, number, at) and exact
        return exact
    kinds = set(map(type, items))
    exact = all(kind is int or kind is bool or issubclass(kind, float) for kind in kinds)
    if exact:
        try:
            values.fromlist(items)
        except OverflowError:
            pass
        else:
            return True
    elif all(map(_is_real, kinds)):
        mode.require_standard(f"converting {name} from {', '.join(sorted(kind.__name__ for kind in kinds))}")
    for column, item in enumerate(items, place):
        beyond = False
        try:
            if _is_real(type(item)):
                values.append(float(item))
                continue
        except OverflowError:
            beyond = True
        except (TypeError, ValueError):
            pass
        given = "a number beyond float64" if beyond else quoted(item)
        where = f"row {number}, column {column}" if number is not None else f"place {column}"
        raise DataError(f"{name} has {given} in {where}, expected a number")
    return exact


def _require_unchanged(given: Any, items: list[Any], name: str) -> None:
    """DataError where a list is not what it was before the conversion of its items, which ran code of theirs."""
    if isinstance(given, list) and (list.__len__(given) != len(items) or any(map(operator.is_not, given, items))):
        raise DataError(f"{name} was changed by its own items as they were converted, expected numbers")


def _is_real(kind: type) -> bool:
    """Whether a type's values are real numbers. NumPy's durations count as integers, and its booleans do not."""
    if kind in (float, int):
        return True
    names = {base.__name__ for base in kind.__mro__}
    return names.isdisjoint({"timedelta64"}) and (
        issubclass(kind, (Real, Decimal)) or not names.isdisjoint({"bool_", "bool"})
    )
