# SPDX-License-Identifier: MIT
"""How data become rows: every form, what is read in place and what is copied, and the whole messages of refusals."""

from __future__ import annotations

import ctypes
import math
import re
import sys
from array import array
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from bits import to_hex
from conftest import core_or_skip
from test_frames import package

from bitprop import DataError, OptionError, ShapeError
from bitprop.checks import matrices
from bitprop.checks.matrices import convert, convert_data
from bitprop.core import Core, mode
from bitprop.vectors import oracle


@pytest.fixture(params=["cffi", "python"])
def core(request: pytest.FixtureRequest) -> Core:
    """A backend that tells addresses of read-only memory, and one that does not."""
    return core_or_skip(request.param)


def refusal(error: type[Exception], text: str) -> Any:
    """That this error is raised, with this message and no more."""
    return pytest.raises(error, match=f"^{re.escape(text)}$")


def rows_of(core: Core, data: Any, width: int | None = 2) -> tuple[list[list[float]], str]:
    """The rows of data, and their form."""
    rows = convert(core, data, width, "x")
    assert len(rows.values) == rows.rows * rows.width
    return rows.split(), rows.form


pd, pa = package("pandas"), package("pyarrow")
WHOLE = [[1.0, 2.0], [3.0, 4.0]]
BUFFER = memoryview(array("d", [1.0, 2.0, 3.0, 4.0])).cast("B").cast("d", (2, 2))

OF_CTYPES: Any = ((ctypes.c_double * 2) * 2)()
BIG_ENDIAN: Any = ((ctypes.c_float.__ctype_be__ * 2) * 2)()
for _row in range(2):
    for _column in range(2):
        OF_CTYPES[_row][_column] = BIG_ENDIAN[_row][_column] = WHOLE[_row][_column]


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (WHOLE, "list"),
        ([(1, 2), (3, 4)], "list"),
        ([[True, 2.0], [Fraction(3), Decimal(4)]], "list"),
        ([array("d", row) for row in WHOLE], "list"),
        ([np.array(row) for row in WHOLE], "list"),
        (BUFFER, "buffer"),
        (memoryview(array("f", [1, 2, 3, 4])).cast("B").cast("f", (2, 2)), "buffer"),
        (memoryview(bytes([1, 2, 3, 4])).cast("B", (2, 2)), "buffer"),
        (np.array(WHOLE), "numpy"),
        (np.array(WHOLE).T.copy().T, "numpy"),
        (np.array(WHOLE, dtype=">f8"), "numpy"),
        (np.array(WHOLE, dtype=np.int8), "numpy"),
        (np.array(WHOLE)[:, ::-1][:, ::-1], "numpy"),
        (pd.DataFrame(WHOLE), "numpy"),
        (pa.table({"a": [1.0, 3.0], "b": [2, 4]}), "numpy"),
        (OF_CTYPES, "buffer"),
        (BIG_ENDIAN, "buffer"),
    ],
)
def test_forms(core: Core, data: Any, form: str) -> None:
    """All forms of the same rows are the same rows; a width is not needed."""
    assert rows_of(core, data) == (WHOLE, form)
    assert rows_of(core, data, None) == (WHOLE, form)


def test_iterators(core: Core) -> None:
    """What can be read but once, is."""
    assert rows_of(core, iter(WHOLE)) == (WHOLE, "list")
    assert rows_of(core, (list(row) for row in WHOLE), None) == (WHOLE, "list")


def test_flat(core: Core) -> None:
    """A flat sequence is a row, or a column where the width is 1 or not told."""
    for flat in ([1.0, 2.0], array("d", [1.0, 2.0]), np.array([1.0, 2.0]), pd.Series([1.0, 2.0]), array("i", [1, 2])):
        assert rows_of(core, flat)[0] == [[1.0, 2.0]]
        assert rows_of(core, flat, 1)[0] == [[1.0], [2.0]]
        assert rows_of(core, flat, None)[0] == [[1.0], [2.0]]


def test_in_place() -> None:
    """Doubles in order are read where they are, if they are aligned and not the parameters; all others are copied."""
    core = core_or_skip("cffi")
    flat: Any = memoryview(array("d", range(12)))
    parameters = flat[4:6]

    def is_in_place(data: memoryview[Any]) -> bool:
        rows = data.cast("B").cast("d", (len(data) // 2, 2))
        return core.address(memoryview(convert(core, rows, 2, "x", parameters).values)) == core.address(data)

    assert is_in_place(flat[:4])
    assert is_in_place(flat[6:])
    assert [is_in_place(flat[a:b]) for a, b in ((2, 6), (4, 6), (5, 7), (3, 5))] == [False] * 4
    octets = bytearray(8 * 5)
    for shift in range(9):
        part = memoryview(octets)[shift : shift + 32].cast("d")
        assert is_in_place(part) is ((core.address(part) or 0) % 8 == 0)
    assert convert(core, np.array(WHOLE).T, 2, "x").split() == [[1.0, 3.0], [2.0, 4.0]]


@pytest.mark.parametrize(
    ("data", "width", "message"),
    [
        ([], 2, "x is empty, expected at least one row of 2 numbers"),
        ([], None, "x is empty, expected at least one row of 1 number"),
        ([[], []], 3, "x is empty, expected at least one row of 3 numbers"),
        (array("d"), 1, "x is empty, expected at least one row of 1 number"),
        (np.zeros((0, 2)), 2, "x is empty, expected at least one row of 2 numbers"),
        (np.zeros((2, 0)), 2, "x is empty, expected at least one row of 2 numbers"),
        ([[1.0, 2.0], [3.0, math.nan]], 2, "x has nan in row 1, column 1, expected finite numbers"),
        ([[1.0], [-math.inf]], 1, "x has -inf in row 1, column 0, expected finite numbers"),
        ([[1.0, 2.0], [3.0]], 2, "x is ragged: row 1 has 1 number, row 0 has 2"),
        ([[1.0], [3.0, 2.0]], 2, "x is ragged: row 1 has 2 numbers, row 0 has 1"),
        ("12", 2, "x is str, expected rows of numbers"),
        ({1.0: 2.0}, 2, "x is dict, expected rows of numbers"),
        (5, 2, "x is 5, expected rows of numbers"),
        (["a", 1.0], 2, "x has 'a' as row 0, expected a row of numbers"),
        ([1.0, "a"], 2, "x has 'a' in place 1, expected a number"),
        ([1.0, 10**400], 2, "x has a number beyond float64 in place 1, expected a number"),
        (
            [[1.0, 2.0], [Fraction(1, 2), Decimal("1e999999")]],
            2,
            "x has inf in row 1, column 1, expected finite numbers",
        ),
        ([[1.0, 2.0], [1.0, 10**400]], 2, "x has a number beyond float64 in row 1, column 1, expected a number"),
        ([[1.0, 2.0], [1.0, None]], 2, "x has None in row 1, column 1, expected a number"),
        ([[1.0, 2.0], "ab"], 2, "x has 'ab' as row 1, expected a row of numbers"),
        ([[1.0, 2.0], 5.0], 2, "x has 5.0 as row 1, expected a row of numbers"),
        (np.array([["a", "b"]]), 2, "x is an array of <U1, expected real numbers"),
        (
            np.ma.masked_equal([[1.0, 2.0]], 2.0),
            2,
            "x is an array with masked values, expected numbers throughout",
        ),
        (memoryview(b"ab").cast("c"), 2, "x is a buffer of format 'c', expected real numbers"),
        (pd.DataFrame({"a": [1.0], "b": [None]}), 2, None),
        (
            pa.table({"a": [1.0, 2.0], "b": [1, None]}),
            2,
            "x: column 'b' has missing values in row 1: fill them in, or leave out such rows",
        ),
        (
            pa.table({"a": [1.0, 2.0], "b": ["u", "v"]}),
            2,
            "x: column 'b' is string, with 'u' in row 0: encode it as numbers, or leave it out",
        ),
        (
            pd.DataFrame({"a": [1.0, 2.0], "b": pd.Series([1, 10**400], dtype=object)}),
            2,
            "x: column 'b' has a number beyond float64",
        ),
        (
            pd.Series([1.0, "u"], dtype=object),
            2,
            "x: its column is object, with 'u' in row 1: encode it as numbers, or leave it out",
        ),
    ],
)
def test_refused_data(core: Core, data: Any, width: int | None, message: str | None) -> None:
    """What is not rows of numbers, in whole messages."""
    with pytest.raises(DataError) as caught:
        convert(core, data, width, "x")
    assert message is None or str(caught.value) == message


@pytest.mark.parametrize(
    ("data", "width", "message"),
    [
        ([[1.0]], 2, "x has rows of 1 number, expected rows of 2 numbers"),
        ([[1.0, 2.0]], 1, "x has rows of 2 numbers, expected rows of 1 number"),
        ([1.0, 2.0, 3.0], 2, "x has a flat sequence of 3 numbers, expected rows of 2 numbers"),
        (array("d", [1.0]), 2, "x has a flat sequence of 1 number, expected rows of 2 numbers"),
        (np.zeros((1, 1, 2)), 2, "x has 3 dimensions, expected 2: rows and columns"),
        (np.float64(1.0), 2, "x has a flat sequence of 1 number, expected rows of 2 numbers"),
    ],
)
def test_refused_shapes(core: Core, data: Any, width: int, message: str) -> None:
    """Rows of another width."""
    with refusal(ShapeError, message):
        convert(core, data, width, "x")


ONE_HOT = "; for class labels give one-hot rows of 3: 1 at the label's place, and 0 elsewhere"


def test_class_labels(core: Core) -> None:
    """Numbers of classes in place of targets get a hint, and others none."""
    memory: Any = memoryview(array("d", [0.0]))
    x = [[1.0]] * 3
    for y, hint in (([0, 1, 2], ONE_HOT), ([0.0, 1.5, 2.0], ""), ([0, -1, 2], "")):
        with refusal(ShapeError, f"y has 1 row, expected 3, as many as x{hint}"):
            convert_data(core, x, y, 1, 3, memory)
    for columns, hint in (([[0], [1]], ONE_HOT), ([[0.5], [1]], "")):
        with refusal(ShapeError, f"validation y has rows of 1 number, expected rows of 3 numbers{hint}"):
            convert_data(core, x, columns, 1, 3, memory, "validation ")
    with refusal(ShapeError, f"y has a flat sequence of 2 numbers, expected rows of 3 numbers{ONE_HOT}"):
        convert_data(core, x, [0, 1], 1, 3, memory)
    with refusal(ShapeError, "x has a flat sequence of 2 numbers, expected rows of 3 numbers"):
        convert_data(core, [0, 1], x, 3, 1, memory)
    with refusal(ShapeError, "y has rows of 2 numbers, expected rows of 3 numbers"):
        convert_data(core, x, [[0, 1]], 1, 3, memory)
    with refusal(ShapeError, "y has 2 rows, expected 3, as many as x"):
        convert_data(core, x, [[0.0], [1.0]], 1, 1, memory)
    with refusal(ShapeError, "y has 2 rows, expected 3, as many as x"):
        convert_data(core, x, [[0.0] * 3] * 2, 1, 3, memory)


def test_weights_of_rows(core: Core) -> None:
    """One for each row, at least 0; -0.0 is 0."""
    memory: Any = memoryview(array("d", [0.0]))
    x = [[1.0]] * 3
    data = convert_data(core, x, x, 1, 1, memory, "", [0.0, -0.0, 0.5])
    assert data.weights is not None
    assert to_hex(data.weights.values) == to_hex([0.0, -0.0, 0.5])
    assert convert_data(core, x, x, 1, 1, memory).weights is None
    name = "validation sample_weight"
    with refusal(ShapeError, f"{name} has 2 numbers, expected 3: one for each row of validation x"):
        convert_data(core, x, x, 1, 1, memory, "validation ", [1.0, 1.0])
    with refusal(ShapeError, "sample_weight has 1 number, expected 3: one for each row of x"):
        convert_data(core, x, x, 1, 1, memory, "", [1.0])
    with refusal(DataError, "sample_weight has -0.5 in row 1, expected numbers of at least 0"):
        convert_data(core, x, x, 1, 1, memory, "", [1.0, -0.5, -0.25])


def test_shares(core: Core) -> None:
    """A share is rounded to rows, half up; each part has at least one row, and both have all that belongs to a row."""
    memory: Any = memoryview(array("d", [0.0]))
    x = [[float(row), -float(row)] for row in range(10)]
    data = convert_data(core, x, [row[0] for row in x], 2, 1, memory, "", [row[0] + 100.0 for row in x])
    for share, last in ((0.05, 1), (0.1, 1), (0.149, 1), (0.15, 2), (0.3, 3), (0.949, 9)):
        first, second = matrices.divide(core, data, share, 1)
        assert (first.rows, second.rows) == (10 - last, last)
        both = first.inputs.split() + second.inputs.split()
        assert sorted(both) == sorted(x)
        for part in (first, second):
            assert part.weights is not None
            assert [row[0] for row in part.inputs.split()] == list(part.targets.values)
            assert [value - 100.0 for value in part.weights.values] == list(part.targets.values)
            assert part.inputs.form == "list"
    order = [int(row[0]) for part in matrices.divide(core, data, 0.3, 1) for row in part.inputs.split()]
    assert order == [int(row[0]) for part in matrices.divide(core, data, 0.5, 1) for row in part.inputs.split()]
    assert order != [int(row[0]) for part in matrices.divide(core, data, 0.3, 2) for row in part.inputs.split()]
    expected = "one or more to measure and one or more to train on, of fewer than 2^32"
    for share, last in ((0.04, 0), (0.96, 10)):
        with refusal(ShapeError, f"validation is {share}, which takes {last} of 10 rows, expected {expected}"):
            matrices.divide(core, data, share, 1)
    with pytest.raises(ShapeError, match=r"of 4294967296 rows, expected"):
        matrices.divide(core, data._replace(rows=2**32), 0.5, 1)


def test_zeros() -> None:
    """Memory is of zeros, and more than there is gets a clear error."""
    assert to_hex(matrices.zeros(3)) == to_hex([0.0] * 3)
    with refusal(ShapeError, f"{2**61} numbers need {2**64} bytes, more memory than there is"):
        matrices.zeros(2**61)


def test_arrays() -> None:
    """An array stays itself, and other memory is copied."""
    values = array("d", [1.0, 2.0])
    assert matrices.to_array(values) is values
    copied = matrices.to_array(memoryview(values))
    values[0] = 5.0
    assert list(copied) == [1.0, 2.0]


def test_results_in_each_form() -> None:
    """Results are flat, or rows, in the form of the data."""
    values = array("d", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    rows = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    assert matrices.give_back(values, "list", 2) == rows
    assert matrices.give_back(values, "list", None) == list(values)
    found = matrices.give_back(values, "numpy", 2)
    assert (type(found), found.shape, found.tolist()) == (np.ndarray, (3, 2), rows)
    assert matrices.give_back(values, "numpy", None).shape == (6,)
    view = matrices.give_back(values, "buffer", 2)
    assert (view.shape, view.tolist()) == ((3, 2), rows)
    assert matrices.give_back(values, "buffer", None).shape == (6,)


def test_memory_for_results(core: Core) -> None:
    """What results can be written to, and the whole messages where they cannot."""
    parameters: Any = memoryview(array("d", [0.0] * 8))
    expected = "a writable, contiguous float64 buffer of 3 rows of 2"

    def writable(out: Any) -> memoryview[float]:
        return matrices.writable(core, out, 3, 2, parameters)

    for good in (array("d", bytes(48)), np.zeros((3, 2)), np.zeros(6)):
        assert writable(good).nbytes == 48
    assert writable(memoryview(array("d", bytes(48))).cast("B").cast("@d")).nbytes == 48
    for out, text in (
        ([0.0] * 6, f"out is list, expected {expected}"),
        (np.zeros((3, 2), dtype=np.float32), f"out has format 'f', writable, contiguous; expected {expected}"),
        (np.zeros((3, 4))[:, :2], f"out has format 'd', writable, not contiguous; expected {expected}"),
        (memoryview(bytes(48)).cast("d"), f"out has format 'd', read-only, contiguous; expected {expected}"),
        (np.zeros((3, 2), dtype=">f8"), f"out has format '>d', writable, contiguous; expected {expected}"),
    ):
        with refusal(TypeError, text):
            writable(out)
    for shape in ((2, 3), (5,), (7,), (3, 3), (3, 2, 1)):
        with refusal(ShapeError, f"out has shape {shape}, expected (3, 2)"):
            writable(np.zeros(shape))
    memory: Any = np.zeros(20)
    for start in range(3, 14):
        part: Any = memoryview(memory)[8:10]
        out = memory[start : start + 6]
        if start + 6 <= 8 or start >= 10:
            assert matrices.writable(core, out, 3, 2, part).nbytes == 48
        else:
            with refusal(
                OptionError,
                "out lies in the network's own parameters, which it would overwrite: expected other memory",
            ):
                matrices.writable(core, out, 3, 2, part)


def test_unaligned_memory() -> None:
    """Results are not written to memory that is not aligned; where addresses can be told, that is refused."""
    core = core_or_skip("cffi")
    octets = bytearray(64)
    aligned = -(core.address(memoryview(octets)) or 0) % 8
    parameters: Any = memoryview(array("d", [0.0]))
    assert matrices.writable(core, memoryview(octets)[aligned : aligned + 16].cast("d"), 1, 2, parameters).nbytes == 16
    for shift in range(1, 8):
        with pytest.raises(TypeError, match=r"^out is not aligned to 8 bytes, expected a writable, contiguous float64"):
            matrices.writable(
                core, memoryview(octets)[aligned + shift : aligned + shift + 16].cast("d"), 1, 2, parameters
            )


def test_overlap() -> None:
    """Two pieces of memory share a byte, or do not; where an address cannot be told, they are taken not to."""
    core = core_or_skip("cffi")
    memory: Any = memoryview(array("d", bytes(80)))
    for start in range(9):
        one = memory[start : start + 2]
        assert matrices.overlap(core, one, memory[4:6]) is (start in (3, 4, 5))
        rows = matrices.Rows(one, core.readable(one), 1, 2, "buffer")
        apart = matrices.apart(core, rows, memory[4:6])
        assert (apart.values is rows.values) is (start not in (3, 4, 5))
        assert list(apart.values) == list(one)
    assert matrices.overlap(core, memory, None) is False
    pure = core_or_skip("python")
    assert matrices.overlap(pure, memory.toreadonly(), memory) is False
    assert matrices.overlap(pure, memory, memory.toreadonly()) is False


def test_conversions_that_round_are_told(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before numbers are rounded, the floating-point mode is asked for; doubles need none."""
    asked: list[str] = []
    monkeypatch.setattr(mode, "require_standard", asked.append)
    for exact in (WHOLE, BUFFER, np.array(WHOLE), pd.DataFrame(WHOLE), [[1, 2]], [[True, 2.0]]):
        convert(core, exact, 2, "x")
    assert asked == []
    convert(core, pd.Series([1.0, 2.0], dtype="float32"), 2, "x")
    convert(core, np.array([1, 2], dtype=np.int64), 2, "y")
    convert(core, array("f", [1.0, 2.0]), 2, "z")
    convert(core, [[Fraction(1), Decimal(2)]], 2, "w")
    assert asked == [
        "converting x from float32",
        "converting y from int64",
        "converting z from format 'f'",
        "converting w from Decimal, Fraction",
    ]


def test_columns_without_numpy(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames need no NumPy: they come as lists then."""

    class Column:
        """A column as PyArrow has them."""

        ndim = 1

        def __init__(self, values: list[Any]):
            self.values = values

        def to_pylist(self) -> list[Any]:
            """Its values."""
            return self.values

    class Table:
        """A table as PyArrow has them."""

        column_names = ("a", "b")

        def __init__(self, *columns: list[Any]):
            self.columns = [Column(values) for values in columns]

    monkeypatch.setitem(sys.modules, "numpy", None)
    assert rows_of(core, Table([1.0, 3], [2.0, 4.0])) == (WHOLE, "list")
    with refusal(DataError, "x: column 'b' has missing values in row 1: fill them in, or leave out such rows"):
        convert(core, Table([1.0, 3.0], [2.0, None]), 2, "x")


class Own(np.ndarray):
    """An array of a class of its own."""


def test_arrays_of_other_kinds(core: Core) -> None:
    """Masked arrays without a mask, and those of a class of their own, are arrays."""
    assert rows_of(core, np.ma.array(WHOLE)) == (WHOLE, "numpy")
    assert rows_of(core, np.array(WHOLE).view(Own)) == (WHOLE, "numpy")


def test_order_of_shares(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order is the shuffle of docs/python.md, as the oracle's generator has it; up to 2^32 - 1 rows."""
    memory: Any = memoryview(array("d", [0.0]))
    for rows, seed in (*((2, seed) for seed in range(6)), (3, 7), (12, 2**64 - 1)):
        generator, order = oracle.Generator(oracle.DATA_STREAM + seed), list(range(rows))
        for i in reversed(range(1, rows)):
            k = generator.randbelow(i + 1)
            order[i], order[k] = order[k], order[i]
        data = convert_data(core, range(rows), range(rows), 1, 1, memory)
        parts = matrices.divide(core, data, 0.4, seed)
        assert [int(value) for part in parts for value in part.inputs.values] == order

    class AllowedError(Exception):
        """The check of the rows was passed."""

    def refuse(*_: int) -> None:
        raise AllowedError

    monkeypatch.setattr(matrices, "range", refuse, raising=False)
    with pytest.raises(AllowedError):
        matrices.divide(core, data._replace(rows=2**32 - 1), 0.5, 1)


def test_addresses_that_cannot_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ctypes the pure twin takes any memory for results."""
    core = core_or_skip("python")
    monkeypatch.setattr(core, "address", lambda view: None)
    parameters: Any = memoryview(array("d", [0.0]))
    assert matrices.writable(core, array("d", [0.0]), 1, 1, parameters).nbytes == 8
