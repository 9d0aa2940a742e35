# SPDX-License-Identifier: MIT
"""Data frames of pandas, polars and PyArrow: what converts is converted, what does not is named by its column."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from bitprop import DataError, Network
from bitprop.names import Backend

COLUMNS: dict[str, list[Any]] = {
    "age": [1, 2, 3],
    "size": [0.5, -0.25, 4.0],
    "new": [True, False, True],
    "n": [2, 3, 5],
}
ROWS = [[float(number) for number in row] for row in zip(*COLUMNS.values())]
LABELS = [0, 1, 0]
KINDS = ["pandas", "nullable", "object", "float", "doubled", "arrow-backed", "polars", "pyarrow", "batch"]


def package(name: str) -> Any:
    """The package; without it a user's machine skips, and continuous integration fails."""
    if os.environ.get("CI") == "true":
        return __import__(name)
    return pytest.importorskip(name)


def frame(kind: str, columns: dict[str, list[Any]]) -> Any:
    """The columns as a data frame of a kind."""
    if kind == "polars":
        return package("polars").DataFrame(columns)
    if kind in ("pyarrow", "batch"):
        arrow = package("pyarrow")
        return arrow.table(columns) if kind == "pyarrow" else arrow.RecordBatch.from_pydict(columns)
    pandas = package("pandas")
    found = pandas.DataFrame(columns)
    if kind == "nullable":
        return found.convert_dtypes()
    if kind == "arrow-backed":
        package("pyarrow")
        return found.convert_dtypes(dtype_backend="pyarrow")
    if kind in ("object", "float"):
        return found.astype(kind)
    return found.set_axis(["a", "a", "b", "b"], axis=1) if kind == "doubled" else found


@pytest.mark.parametrize("kind", KINDS)
def test_frames(backend: Backend, kind: str) -> None:
    """Integers, floats and booleans in one frame are their numbers; results come back as NumPy arrays."""
    net = Network(4, 3, 1, seed=1, backend=backend)
    found = net.predict(frame(kind, COLUMNS))
    assert type(found) is np.ndarray
    assert found.tolist() == net.predict(ROWS)


@pytest.mark.parametrize("kind", ["pandas", "nullable", "polars", "pyarrow"])
def test_columns(backend: Backend, kind: str) -> None:
    """One column of a frame is a flat sequence."""
    whole = frame(kind, {"label": LABELS})
    net = Network(4, 3, 1, seed=1, backend=backend)
    assert net.loss(ROWS, whole["label"]) == net.loss(ROWS, LABELS)
    with pytest.raises(DataError, match=r"y: column 'label' has missing values in row 2|y: its column has missing"):
        net.loss(ROWS, frame(kind, {"label": [0, 1, None]})["label"])


BAD: list[tuple[str, list[Any], str]] = [
    ("age", [1, 2, None], r"x: column 'age' has missing values in row 2: fill them in"),
    ("size", [0.5, None, 1.0], r"x: column 'size' has missing values in row 1"),
    ("new", [None, True, False], r"x: column 'new' has missing values in row 0"),
    ("n", ["Paris", "Rome", "Oslo"], r"x: column 'n' is \w+.*, with 'Paris' in row 0: encode it as numbers"),
]


@pytest.mark.parametrize("kind", ["pandas", "nullable", "polars", "pyarrow"])
@pytest.mark.parametrize(("column", "values", "message"), BAD)
def test_bad_columns(backend: Backend, kind: str, column: str, values: list[Any], message: str) -> None:
    """Text and missing values are refused by the column's name."""
    with pytest.raises(DataError, match=message):
        Network(4, 3, 1, backend=backend).predict(frame(kind, {**COLUMNS, column: values}))


def test_other_columns() -> None:
    """Dates, categories, complex numbers and numbers beyond float64 are refused by name; frames without rows too."""
    pandas = package("pandas")
    net = Network(4, 3, 1)
    whole = pandas.DataFrame(COLUMNS)
    for values, message in (
        (pandas.to_datetime(["2020-01-01"] * 3), "column 'n' is datetime64"),
        (pandas.Categorical(list("abc")), "column 'n' is category, with 'a' in row 0"),
        ([1j, 2, 3], "column 'n' is complex128"),
        (pandas.Series([10**400, 2, 3], dtype=object), "column 'n' has a number beyond float64"),
        ([np.inf, 2, 3], "x has inf in row 0, column 3"),
    ):
        with pytest.raises(DataError, match=message):
            net.predict(whole.assign(n=values))
    with pytest.raises(DataError, match="x is empty"):
        net.predict(whole.head(0))


def test_large_integers() -> None:
    """Integers beyond 2^53 are rounded to the nearest double, in frames as in lists."""
    net = Network(1, 1, activation="identity", bias=False)
    net.parameters[0] = 1.0
    assert net.predict(package("pandas").DataFrame({"id": [2**53 + 1, 7]})).tolist() == [[2.0**53], [7.0]]
    assert net.predict([[2**53 + 1]]) == [[2.0**53]]


@pytest.mark.parametrize("name", ["polars", "pyarrow"])
def test_without_numpy(name: str) -> None:
    """Where NumPy is not installed, results are lists; bitprop itself imports none of the packages."""
    package(name)
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        f"import bitprop; assert '{name}' not in sys.modules\n"
        f"import {name}\nmake = getattr({name}, 'DataFrame', None) or {name}.table\n"
        "print(bitprop.Network(2, 1, seed=1).predict(make({'a': [1, 2], 'b': [0.5, 0.25]})))"
    )
    if name == "pyarrow":
        code = code.replace("sys.modules['numpy'] = None\n", "\n", 1).replace(
            "\nmake", "; sys.modules['numpy'] = None\nmake"
        )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert found.stdout == f"{Network(2, 1, seed=1).predict([[1.0, 0.5], [2.0, 0.25]])}\n"
