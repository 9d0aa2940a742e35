# SPDX-License-Identifier: MIT
"""Data sets, and CSV files (the bits of the contract's data are in test_vectors)."""

from __future__ import annotations

import io
import math
from pathlib import Path

import pytest

from bitprop import DataError, Network, OptionError, csv_tables, datasets


def test_sizes() -> None:
    """Rows of two inputs and one label."""
    x, y = datasets.xor()
    assert (len(x), len(y), sum(label for (label,) in y)) == (21, 21, 10.0)
    x, y = datasets.linear(100, seed=1)
    assert (len(x), len(x[0]), len(y), len(y[0])) == (100, 2, 100, 1)
    assert all((label == 0.0) == (a > b) for (a, b), (label,) in zip(x, y))


def test_circles_and_moons() -> None:
    """Without noise each point lies on its curve; noise moves it, by about as much as said, and moves nothing else."""
    still, labels = datasets.circles(200, seed=3, noise=0.0)
    assert labels == [[0.0], [1.0]] * 100
    for i, (a, b) in enumerate(still):
        assert math.isclose(math.hypot(a, b), 0.5 if i % 2 else 1.0, rel_tol=1e-15)
    angles = sorted(math.atan2(b, a) for a, b in still)
    assert angles[0] < -3.0
    assert angles[-1] > 3.0
    assert max(after - before for before, after in zip(angles, angles[1:])) < 0.3
    moved, same = datasets.circles(200, seed=3)
    assert same == labels
    errors = [a - b for one, two in zip(moved, still) for a, b in zip(one, two)]
    assert 0.08 < math.sqrt(sum(error * error for error in errors) / 400) < 0.12
    x, y = datasets.moons(201, seed=3, noise=0.0)
    assert (len(x), y) == (201, [*[[0.0], [1.0]] * 100, [0.0]])
    for i, (a, b) in enumerate(x):
        across, up = (1.0 - a, 0.5 - b) if i % 2 else (a, b)
        assert up >= -1e-15
        assert math.isclose(math.hypot(across, up), 1.0, rel_tol=1e-15)
    assert datasets.moons(10, seed=3) != datasets.moons(10, seed=4)
    assert datasets.moons(10, 3, 0.1) == datasets.moons(10, seed=3)


def test_blobs() -> None:
    """Two centres have one column of labels, more have a column for each; the rows lie around their centres."""
    x, y = datasets.blobs(6, seed=1)
    assert (len(x), y) == (6, [[0.0], [1.0]] * 3)
    x, y = datasets.blobs(301, 3, 1, 0.01)
    assert y[:4] == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    still, _ = datasets.blobs(3, 3, 1, 0.0)
    assert all(math.dist(row, still[i % 3]) < 0.1 for i, row in enumerate(x))
    assert len({tuple(row) for row in x}) == 301


def test_two_spirals() -> None:
    """The 194 points of the published formula, as a mathematics library has them."""
    x, y = datasets.two_spirals()
    assert (len(x), y) == (194, [[1.0], [0.0]] * 97)
    for i in range(97):
        radius, angle = 6.5 * (104 - i) / 104, i * math.pi / 16
        (a, b), opposite = x[2 * i], x[2 * i + 1]
        assert math.isclose(a, radius * math.sin(angle), abs_tol=1e-13)
        assert math.isclose(b, radius * math.cos(angle), abs_tol=1e-13)
        assert opposite == [-a, -b]


def test_encoder_and_parity() -> None:
    """One-hot rows, which are their targets as well; all rows of bits."""
    x, y = datasets.encoder()
    assert x == y == [[float(i == j) for j in range(10)] for i in range(10)]
    assert x is not y
    assert not {id(row) for row in x} & {id(row) for row in y}
    assert datasets.encoder(1) == ([[1.0]], [[1.0]])
    assert datasets.parity(2) == ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [[0.0], [1.0], [1.0], [0.0]])
    x, y = datasets.parity(5)
    assert (len(x), x[6], y[6], y[7]) == (32, [0.0, 0.0, 1.0, 1.0, 0.0], [0.0], [1.0])


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
    assert datasets.read_csv("-") == ([[5.0]], [[6.0]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2 3\n4 5 6\n", "line 1, column 1: '1': columns separated by spaces, expected commas"),
        ("a b\n4  5\n", "line 2, column 1: '4': columns separated by spaces, expected commas"),
        ("0,5 1,25\n", "line 1, column 1: '0,5': a decimal comma, expected a point; columns separated by spaces"),
        ("1,2\n3\n", "line 2: 1 column, expected 2$"),
        ("1,2\n \n", "line 2: 1 column, expected 2$"),
        ("1,2\n3,x\n", "line 2, column 2: 'x', expected a finite number"),
        ("1,2\n3,nan\n", "line 2, column 2: 'nan'"),
        ("1,2\n3,1_000\n", "line 2, column 2: '1_000'"),
        ("1;2\n3;4\n", "line 1, column 1: '1': columns separated by semicolons, expected commas"),
        ("a;b\n3;4\n", "line 1, column 1: 'a': columns separated by semicolons, expected commas"),
        ("1\t2\n", "line 1, column 1: '1': columns separated by tabs"),
        ("0,5;1,25\n", "line 1, column 1: '0,5': a decimal comma, expected a point; columns separated by semicolons"),
        ("7;1,25\n", "line 1, column 2: '1,25': a decimal comma"),
        ("a,b\n1,2\n3,5;4\n", "line 3, column 1: '3,5': a decimal comma"),
        ('"0,5";"1,25"\n', "line 1, column 1: '0,5': a decimal comma"),
        ('1,"1,25"\n', "line 1, column 2: '1,25': a decimal comma, expected a point"),
        ('"0,5","1,25"\n', "line 1, column 1: '0,5': a decimal comma, expected a point"),
        ("a,b\n", "has no rows"),
        ("", "has no rows"),
        ("1\n", "1 column, expected"),
        ("0.1,O.2,0\n1,2,3\n", "line 1, column 2: 'O.2'"),
        ("0.1,,0\n1,2,3\n", "line 1, column 2: ''"),
        ("1,2\n,3\n", "line 2, column 1: '': an empty cell: give a number, or remove the row"),
        ("1,2\n3,NA\n", "line 2, column 2: 'NA': an empty cell: give a number, or remove the row"),
        ("1,2\n3,nan\n", "line 2, column 2: 'nan': an empty cell: give a number, or remove the row"),
        ("1,2,\n3,4,\n", "line 1, column 3: '': an empty cell: give a number, or remove the row, or the comma"),
        ("1,,3,\n", "line 1, column 2: '': an empty cell: give a number, or remove the row$"),
        ("1,2\n3,4,\n", "line 2: 3 columns, expected 2: remove the comma that the line ends with"),
        ("# by hand; in May\n1,2\n", "line 1: '# by hand; in May': comments are not read: remove the line"),
        ("# a, b\nx,y\n1,2\n", "line 1: '# a': comments are not read: remove the line"),
        ("x,y\n1,2\n# a\n3,4\n", "line 3: '# a': comments are not read: remove the line"),
        (",x,y\n0,1,2\n", "line 1, column 1: the column has no name: .* the index of pandas, .* with index=False"),
        ("1;2\n", r"expected commas \(if there are decimal commas, make them points first\)"),
        ('1,"2\n', "line"),
    ],
)
def test_bad_csv(tmp_path: Path, text: str, message: str) -> None:
    """What is wrong is told with line and column."""
    with pytest.raises(DataError, match=message):
        datasets.read_csv(write(tmp_path, text))


def test_model_file_as_data(tmp_path: Path) -> None:
    """It is told to be one, and what takes it."""
    path = tmp_path / "net.json"
    Network(2, 1).save(path)
    with pytest.raises(DataError, match=r"net\.json is a model file, expected data \(--load goes on with a model\)"):
        datasets.read_csv(str(path))


def test_header_after_a_hash(tmp_path: Path) -> None:
    """A line of names after a hash is a header, as NumPy writes it."""
    assert csv_tables.read_table(write(tmp_path, "# a,b\n1,2\n")).header == ["# a", "b"]


def test_class_numbers_are_no_columns(tmp_path: Path) -> None:
    """Where a network has an output for each class, and the file one column of numbers, the error says what to make."""
    expected = "has 3 columns, expected 2 of inputs and 3 of targets"
    for labels, told in (((0, 2, 1), True), ((1, 3, 2), True), ((0, 1, 1), False), ((0, 2, 0.5), False)):
        path = write(tmp_path, "".join(f"0.5,0.25,{label}\n" for label in labels))
        with pytest.raises(DataError, match=expected) as caught:
            datasets.read_csv(path, 2, 3)
        assert ("(one-hot)" in str(caught.value)) == told


def test_decimal_commas_are_no_question_of_utf8(tmp_path: Path) -> None:
    """Only bytes that are not UTF-8 are said to be."""
    path = tmp_path / "data.csv"
    path.write_bytes(b"1,2\n3,\xff\n")
    with pytest.raises(DataError, match="not text in UTF-8"):
        datasets.read_csv(str(path))
    path.write_bytes(b'1,2\n3,"4"5\n')
    with pytest.raises(DataError, match="line 2: not CSV text"):
        datasets.read_csv(str(path))


def test_bytes_that_are_not_utf8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are named with the line and column that they stand in, however far down, and of stdin as of a file."""
    path = tmp_path / "data.csv"
    for content, where in (
        (b"1,2\n" * 5000 + b"3,\xff\n" + b"5,6\n" * 5000, "line 5001, column 2: the byte 0xff is not text in UTF-8"),
        (b'"na,me",g\xf6\xdfe\n1,2\n', "line 1, column 2: the byte 0xf6 is not text in UTF-8"),
        ("1,2\n".encode("utf-16"), "line 1, column 1: the byte 0xff is not text in UTF-8: save the file as UTF-8"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError) as caught:
            datasets.read_csv(str(path))
        assert str(caught.value).startswith(f"{path}, {where}")
        for encoding, errors in (("utf-8", "strict"), ("utf-8", "surrogateescape"), ("latin-1", "strict")):
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), encoding, errors))
            with pytest.raises(DataError) as caught:
                datasets.read_csv("-")
            assert str(caught.value).startswith(f"stdin, {where}")
    rest = io.TextIOWrapper(io.BytesIO(b"1,2\n" * 5000 + b"7,\xff\n"), "utf-8")
    rest.readline()  # after which its encoding stays as it is
    monkeypatch.setattr("sys.stdin", rest)
    with pytest.raises(DataError, match=r"stdin, line [0-9]+ or later: not text in UTF-8"):
        datasets.read_csv("-")
    path.write_text("größe,b\n1,2\n", encoding="utf-8")
    assert csv_tables.read_table(str(path)).header == ["größe", "b"]


def test_names_with_spaces(tmp_path: Path) -> None:
    """A header of one column may have spaces."""
    assert datasets.read_csv(write(tmp_path, "petal length\n1.5\n"), inputs=1) == ([[1.5]], [])


def test_csv_targets(tmp_path: Path) -> None:
    """Targets by name may stand anywhere; what is missing, doubled or too much is told."""
    path = write(tmp_path, "a, red,b,blue\n1,2,3,4\n")
    assert datasets.read_csv(path, targets=["blue", "red"]) == ([[1.0, 3.0]], [[4.0, 2.0]])
    assert datasets.read_csv(path, targets="red") == ([[1.0, 3.0, 4.0]], [[2.0]])
    assert datasets.read_csv(path, inputs=2, targets=["a", "b"]) == ([[2.0, 4.0]], [[1.0, 3.0]])
    for options, message in (
        ({"targets": ["green"]}, "has no column 'green', expected one of a, red, b, blue"),
        ({"targets": ["a", "a"]}, "the targets name the column 'a' twice"),
        ({"targets": ["a", "b", "red", "blue"]}, "expected one or more of inputs and 4 of targets"),
        ({"inputs": 3, "targets": ["a", "b"]}, "has 4 columns, expected 3 of inputs and 2 of targets"),
        ({"outputs": 4}, "expected one or more of inputs and 4 of targets"),
    ):
        with pytest.raises(DataError, match=message):
            datasets.read_csv(path, **options)
    twice = write(tmp_path, "a,b,a\n1,2,3\n")
    with pytest.raises(
        DataError, match="has 2 columns 'a': rename one, or give the number of targets instead of names"
    ):
        datasets.read_csv(twice, targets=["a"])
    with pytest.raises(DataError, match="no header with names, expected one with 'a'"):
        datasets.read_csv(write(tmp_path, "1,2\n"), targets=["a"])


def test_names() -> None:
    """The command line's names of data sets."""
    assert datasets.named("xor") == datasets.xor()
    assert datasets.named("linear:7", seed=3) == datasets.linear(7, 3)
    assert datasets.named("circles:7", seed=3) == datasets.circles(7, 3)
    assert datasets.named("moons:7", seed=3) == datasets.moons(7, 3)
    assert datasets.named("blobs:7", seed=3) == datasets.blobs(7, 2, 3)
    assert datasets.named("encoder:7") == datasets.encoder(7)
    assert datasets.named("parity:7") == datasets.parity(7)
    assert datasets.named("spirals") == datasets.two_spirals()
    wrong = ("linear:", "linear:x", "linear:-1", "linear:0", "nothing.csv", "parity:21", "encoder:10000", "xor:3")
    for name in (*wrong, "moons", "spirals:194", "circles:100000000", "blobs:\u0661"):
        with pytest.raises(OptionError):
            datasets.named(name)
    with pytest.raises(OSError, match="directory"):
        datasets.named(".")


def test_files_with_names_of_data_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file named as a data set that takes a number is read where the name has none; `xor` and `spirals` are sets."""
    monkeypatch.chdir(tmp_path)
    for name in ("linear", "moons", "parity", "xor", "spirals"):
        (tmp_path / name).write_text("1,2\n", encoding="utf-8")
        assert isinstance(datasets.named(name), csv_tables.Table) == (name not in ("xor", "spirals"))
        assert not datasets.is_drawn(name)
    assert datasets.named("moons:3") == datasets.moons(3)
    assert datasets.is_drawn("moons:3")
