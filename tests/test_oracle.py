# SPDX-License-Identifier: MIT
"""The oracle: its arithmetic is the machine's, and it gives the self-test's answer."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitprop import _pure
from bitprop.vectors import oracle

pytestmark = pytest.mark.oracle
PATTERNS = st.one_of(
    st.integers(0, 2**64 - 1), st.floats(width=64).map(lambda x: struct.unpack(">Q", struct.pack(">d", x))[0])
)


def number(pattern: int) -> float:
    """The number of a pattern."""
    value: float = struct.unpack(">d", struct.pack(">Q", pattern))[0]
    return value


def pattern_of(value: float) -> int:
    """The pattern of a number, any NaN as one."""
    return oracle.NAN if value != value else int(struct.unpack(">Q", struct.pack(">d", value))[0])


@given(PATTERNS, PATTERNS)
def test_arithmetic(a: int, b: int) -> None:
    """The oracle's exact arithmetic, rounded once, is the machine's."""
    x, y = number(a), number(b)
    assert oracle.add(a, b) == pattern_of(x + y)
    assert oracle.sub(a, b) == pattern_of(x - y)
    assert oracle.mul(a, b) == pattern_of(x * y)
    if y != 0.0:
        assert oracle.div(a, b) == pattern_of(x / y)


def test_self_test_answer() -> None:
    """The CRC that the cores' self-tests expect is the oracle's."""
    net = oracle.Net(sizes=[2, 3, 1], activations=["tanh", "sigmoid"], bias=True)
    corners = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    inputs = [[pattern_of(value) for value in row] for row in corners]
    targets = [[pattern_of(value)] for value in (0.0, 1.0, 1.0, 0.0)]
    start = oracle.initial_parameters([2, 3, 1], True, "glorot", 1)
    settings = oracle.Settings(pattern_of(0.5), "mse", batch_size=3, shuffle_seed=1)
    _, final, diverged = oracle.train(net, start, inputs, targets, 20, settings)
    assert diverged is None
    assert int.from_bytes(oracle.encode(net, final)[-4:], "little") == _pure.TEST_CRC


def test_sigmoid_accuracy() -> None:
    """§2: within 2.5 ulp of the exact sigmoid, by 60 digits of the standard library's decimal exponential."""
    generator = random.Random(1)
    points = [generator.uniform(-708.0, 708.0) for _ in range(500)] + [generator.gauss(0.0, 3.0) for _ in range(1500)]
    worst = 0.0
    with localcontext() as context:
        context.prec = 60
        for x in points:
            exact = 1 / (1 + (-Decimal(x)).exp())
            found = _pure.sigmoid(x)
            ulp = number(pattern_of(found) + 1) - found
            worst = max(worst, float(abs(Decimal(found) - exact) / Decimal(ulp)))
    assert 0.5 < worst < 2.5


def test_sines() -> None:
    """§10: each is the binary64 nearest to the sine, by 60 digits of its series."""
    pi = Decimal("3.14159265358979323846264338327950288419716939937510582097494")
    with localcontext() as context:
        context.prec = 60
        for k, pattern in enumerate(oracle.S):
            term = exact = pi * k / 16
            for n in range(3, 60, 2):
                term *= -((pi * k / 16) ** 2) / (n * (n - 1))
                exact += term
            assert number(pattern) == float(Fraction(exact))  # rounded once


@pytest.mark.parametrize(
    ("function", "low", "high", "exact", "limit"),
    [
        (_pure.exponential, -708.0, 708.0, Decimal.exp, 1.3),
        (lambda v: _pure.logarithm(v, 0.0), 1.0, 10.0, Decimal.ln, 0.8),
        (_pure.logarithm_above_one, 0.0, 1.0, lambda u: (1 + u).ln(), 0.8),
        (_pure.logarithm_above_one, 0.0, 1e-9, lambda u: (1 + u).ln(), 0.8),
    ],
)
def test_logarithm_accuracy(
    function: Callable[[float], float], low: float, high: float, exact: Callable[[Decimal], Decimal], limit: float
) -> None:
    """§2: exponentials and logarithms are as near to the exact values as the contract says."""
    generator = random.Random(2)
    worst = 0.0
    with localcontext() as context:
        context.prec = 60
        for point in (generator.uniform(low, high) for _ in range(1000)):
            result = function(point)
            ulp = number(pattern_of(result) + 1) - result
            worst = max(worst, float(abs(Decimal(result) - exact(Decimal(point))) / Decimal(ulp)))
    assert 0.4 < worst < limit
