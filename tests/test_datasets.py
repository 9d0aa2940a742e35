# SPDX-License-Identifier: MIT
"""The report's data sets, and CSV files (the contract's data are in test_vectors)."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from bitprop import DataError, OptionError, datasets


def test_sizes() -> None:
    """Rows of two inputs and one label."""
    x, y = datasets.xor()
    assert (len(x), len(y), sum(label for (label,) in y)) == (21, 21, 10.0)
    x, y = datasets.linear(100, seed=1)
    assert (len(x), len(x[0]), len(y), len(y[0])) == (100, 2, 100, 1)
    assert all((label == 0.0) == (a > b) for (a, b), (label,) in zip(x, y))


def write(tmp_path: Path, text: str) -> str:
    """A file's path."""
    path = tmp_path / "data.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    "text", ["1,2,3\n4,5,6\n", "a,b,label\n1,2,3\n4,5,6", "\ufeffa,b,c\r\n1, 2,3.0\r\n\r\n4,5,6e0\r\n"]
)
def test_csv(tmp_path: Path, text: str) -> None:
    """Header, byte order mark, empty lines and line endings do not matter."""
    assert datasets.read_csv(write(tmp_path, text)) == ([[1.0, 2.0], [4.0, 5.0]], [[3.0], [6.0]])


def test_csv_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns split by the network's inputs and outputs; without targets y is empty; "-" is stdin."""
    path = write(tmp_path, "1,2,3\n")
    assert datasets.read_csv(path, outputs=2) == ([[1.0]], [[2.0, 3.0]])
    assert datasets.read_csv(path, inputs=3) == ([[1.0, 2.0, 3.0]], [])
    monkeypatch.setattr("sys.stdin", io.StringIO("\ufeff5,6\n"))
    assert datasets.named("-") == ([[5.0]], [[6.0]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2\n3\n", "line 2: 1 columns, expected 2"),
        ("1,2\n3,x\n", "line 2, column 2: 'x', expected a finite number"),
        ("1,2\n3,nan\n", "line 2, column 2: 'nan'"),
        ("1,2\n3,1_000\n", "line 2, column 2: '1_000'"),
        ("1;2\n3;4\n", "no rows of numbers|column 1"),
        ("a,b\n", "has no rows"),
        ("", "has no rows"),
        ("1\n", "1 column, expected"),
        ("0.1,O.2,0\n1,2,3\n", "line 1, column 2: 'O.2'"),
        ("0.1,,0\n1,2,3\n", "line 1, column 2: ''"),
        ('1,"2\n', "line"),
    ],
)
def test_bad_csv(tmp_path: Path, text: str, message: str) -> None:
    """What is wrong is told with line and column."""
    with pytest.raises(DataError, match=message):
        datasets.read_csv(write(tmp_path, text))


def test_names() -> None:
    """The command line's names of data sets."""
    assert datasets.named("xor") == datasets.xor()
    assert datasets.named("linear:7", seed=3) == datasets.linear(7, 3)
    for name in ("linear:", "linear:x", "linear:-1", "linear:0", "nothing.csv"):
        with pytest.raises(OptionError):
            datasets.named(name)
    with pytest.raises(OSError, match="directory"):
        datasets.named(".")
