# SPDX-License-Identifier: MIT
"""The reader of PROBEN1's files, by two of them (tests/proben1), and by cut and altered ones."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

from bitprop import BitpropError, DataError, Network, OptionError
from bitprop.lab import proben1

FOLDER = Path(__file__).parent / "proben1"
HEADER = "bool_in=1\nreal_in=1\nbool_out=1\nreal_out=0\ntraining_examples=2\nvalidation_examples=1\ntest_examples=1\n"
TEXT = HEADER + "0 0.5 1\n1 -2 0\n0 1e-3 1\n1 .25 0\n"


def test_cancer() -> None:
    """Sizes, and the first and last rows of each part, as the file has them."""
    problem = proben1.read(FOLDER / "cancer1.dt.gz")
    assert (problem.name, problem.inputs, problem.outputs) == ("cancer1", 9, 2)
    assert [len(part.x) for part in (problem.train, problem.validation, problem.test)] == [350, 175, 174]
    assert problem.train.x[0] == [0.2, 0.1, 0.1, 0.1, 0.2, 0.1, 0.2, 0.1, 0.1]
    assert problem.train.y[0] == [1.0, 0.0]
    text = gzip.decompress((FOLDER / "cancer1.dt.gz").read_bytes())
    assert problem.sha256 == hashlib.sha256(text).hexdigest()
    rows = [[float(field) for field in line.split()] for line in text.decode().splitlines()[7:]]
    x = [*problem.train.x, *problem.validation.x, *problem.test.x]
    y = [*problem.train.y, *problem.validation.y, *problem.test.y]
    assert [[*inputs, *targets] for inputs, targets in zip(x, y)] == rows


def test_flare() -> None:
    """A problem of three targets that are not classes; its parts are what a network takes."""
    problem = proben1.read(str(FOLDER / "flare1.dt.gz"))
    assert (problem.inputs, problem.outputs) == (24, 3)
    assert [len(part.y) for part in (problem.train, problem.validation, problem.test)] == [533, 267, 266]
    net = Network(problem.inputs, problem.outputs, activation="identity")
    assert net.loss(*problem.test) > 0.0


@pytest.mark.parametrize("compressed", [False, True])
def test_small(tmp_path: Path, compressed: bool) -> None:
    """A file is read with and without compression, with line ends of either kind; the examples keep their order."""
    path = tmp_path / "small.dt"
    for text in (TEXT, TEXT.replace("\n", "\r\n")):
        path.write_bytes(gzip.compress(text.encode()) if compressed else text.encode())
        problem = proben1.read(path)
        assert problem.name == "small"
        assert problem.train == ([[0.0, 0.5], [1.0, -2.0]], [[1.0], [0.0]])
        assert problem.validation == ([[0.0, 0.001]], [[1.0]])
        assert problem.test == ([[1.0, 0.25]], [[0.0]])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (TEXT, "", "ends in line 1, expected a header of 7 lines"),
        ("bool_in=1", "bool_in=one", "line 1: 'bool_in=one', expected bool_in= and a number"),
        ("bool_in=1", "bool_in=-1", "line 1: 'bool_in=-1'"),
        ("bool_in=1", "bool_in=", "line 1: 'bool_in='"),
        ("real_in=1\n", "", "line 2: 'bool_out=1', expected real_in="),
        ("test_examples=1", "test_examples=1234567890", "line 7: 'test_examples=1234567890'"),
        ("bool_out=1", "bool_out=0", "has no outputs, expected one or more"),
        ("validation_examples=1", "validation_examples=0", "has no validation examples"),
        ("test_examples=1", "test_examples=2", r"has 4 examples, expected 2 \+ 1 \+ 2, as its header says"),
        ("1 .25 0\n", "", r"has 3 examples, expected 2 \+ 1 \+ 1"),
        ("1 .25 0\n", "1 .25 0", "line 11: the line has no end"),
        ("0 1e-3 1", "0 1e-3", "line 10: 2 numbers, expected 3"),
        ("0 1e-3 1", "0 1e-3 1 1", "line 10: 4 numbers, expected 3"),
        ("0 1e-3 1", "", "line 10: 0 numbers, expected 3"),
        ("1e-3", "1_0", "line 10, column 2: '1_0', expected a finite number"),
        ("1e-3", "nan", "line 10, column 2: 'nan'"),
        ("1e-3", "1,5", "line 10, column 2: '1,5'"),
        ("1e-3", "ä", r"line 10, column 2: '.*xc3.*xa4', expected a finite number"),
    ],
)
def test_altered(tmp_path: Path, old: str, new: str, message: str) -> None:
    """What does not fit the header, or is no number, is told with its line."""
    assert TEXT.count(old) == 1
    path = tmp_path / "altered.dt"
    path.write_bytes(TEXT.replace(old, new).encode())
    with pytest.raises(DataError, match=message) as caught:
        proben1.read(path)
    assert str(caught.value).startswith(str(path))


def test_cut_and_altered_bytes(tmp_path: Path) -> None:
    """A compressed file that lacks its end, or has any other bytes, is refused."""
    whole = (FOLDER / "cancer1.dt.gz").read_bytes()
    path = tmp_path / "cancer1.dt.gz"
    for length in (0, 1, 2, 9, 30, 1000, len(whole) - 8, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError):
            proben1.read(path)
    for place in (3000, len(whole) - 6, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DataError, match="is not a whole gzip file"):
            proben1.read(path)
    path.write_bytes(whole + b"more")
    with pytest.raises(DataError, match="is not a whole gzip file"):
        proben1.read(path)


def test_paths(tmp_path: Path) -> None:
    """A file that is not there is an OSError, a path that none can have an OptionError."""
    with pytest.raises(FileNotFoundError):
        proben1.read(tmp_path / "nothing.dt.gz")
    with pytest.raises(OptionError, match="NUL"):
        proben1.read("a\0b")
    assert issubclass(DataError, BitpropError)
