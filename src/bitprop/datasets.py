# SPDX-License-Identifier: MIT
"""Data sets as lists of rows: those of the contract (§10), of which two are the lab report's, and CSV files."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from . import _pure
from .checks import options as check
from .core import mode
from .csv_tables import Rows, Table, read_table
from .errors import OptionError, quoted

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
