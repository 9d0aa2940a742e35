#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Proves bounds of the error of §2's functions for all finite inputs, and looks for the largest error that occurs.

    python tests/proof/bounds.py [--cells N] [--points N]

The domain is cut into cells: one integer k of `split` and an interval of its r (or of log's f). In each cell the error
is bounded by the real-number identities that stand beside the code, with every rounding replaced by half of the largest
last place in the cell. The identities for `split`, with C(r) = r*coth(r/2), A = C - r and B = C + r:

    e^r = B/A,   sigmoid = A/(A + s*B),   tanh = (s*B - A)/(s*B + A)   with s = 2^k

What the polynomials leave out is bounded in rational numbers. The bounds themselves are computed in floating point,
from at most a hundred additions, products and quotients of numbers that are not negative, and then enlarged by 2^-40,
which is more than all their roundings. Errors are in units in the last place (ulp) of the larger of the two numbers
that are compared.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

from bitprop import _pure as pure

U = 2.0**-53
SLACK = 1 + 2.0**-40
WIDER = 2.0**-46  # of the ends of ranges, which are rounded as well
R_MOST = 0.34657360  # above ln(2)/2 + 2^-40, see `reduction`
F_LEAST, F_MOST = -0.29289322, 0.41421357  # beyond sqrt(1/2) - 1 and sqrt(2) - 1
CLAMPED = 708.0

P = [pure.P1, pure.P2, pure.P3, pure.P4, pure.P5]
L = [pure.L1, pure.L2, pure.L3, pure.L4, pure.L5, pure.L6, pure.L7]
LN2_HI, LN2_LO = pure.LN2_HI, pure.LN2_LO


def half_ulp(x: float) -> float:
    """Half of the last place of the numbers at x: no rounding of a value up to x is larger."""
    return math.ulp(x) / 2 if x else 0.0


def relative_rounding(least: float, most: float) -> float:
    """The largest relative error with which a number of this range is rounded."""
    return half_ulp(least) / least if math.frexp(least)[1] == math.frexp(most)[1] else U


# --- in rational numbers ---


def bernoulli(count: int) -> list[Fraction]:
    """B_0, B_1 ... of `count` numbers."""
    numbers = [Fraction(1)]
    for n in range(1, count):
        below = sum((math.comb(n + 1, k) * numbers[k] for k in range(n)), Fraction(0))
        numbers.append(-below / (n + 1))
    return numbers


def largest(coefficients: list[Fraction], end: Fraction, cells: int = 128) -> Fraction:
    """A bound of the magnitude of a polynomial on [0, end]: its Taylor series at the middle of each cell."""
    half = end / (2 * cells)
    bound = Fraction(0)
    for cell in range(cells):
        middle = half * (2 * cell + 1)
        rest = list(coefficients)
        total, power = Fraction(0), Fraction(1)
        while rest:  # division by z - middle again and again
            for i in range(len(rest) - 2, -1, -1):
                rest[i] += middle * rest[i + 1]
            total += abs(rest[0]) * power
            power *= half
            rest = rest[1:]
        bound = max(bound, total)
    return bound


def split_approximation() -> float:
    """A bound of |2 + z*P(z) - C(r)| for z = r*r. C(r) is 2*sum(B_2n*z^n/(2n)!), and |B_2n|/(2n)! < 4/(2*pi)^2n."""
    terms = 12
    end = Fraction(R_MOST) ** 2
    numbers = bernoulli(2 * terms)
    series = [2 * numbers[2 * n] / math.factorial(2 * n) for n in range(terms)]
    ours = [Fraction(2), *map(Fraction, P)] + [Fraction(0)] * terms
    ratio = end / 36  # 2*pi is above 6
    tail = 8 * ratio**terms / (1 - ratio)
    return float(largest([a - b for a, b in zip(ours, series)], end) + tail) * SLACK


def log_approximation() -> tuple[float, float]:
    """Bounds of |R(z) - Rtrue(z)| and of that divided by z, where log((1 + q)/(1 - q)) = q*(2 + Rtrue(q*q)): Rtrue is
    2*sum(z^n/(2n + 1))."""
    terms = 14
    q = Fraction(F_MOST) / (2 + Fraction(F_MOST))
    end = q * q
    series = [Fraction(2, 2 * n + 3) for n in range(terms)]
    ours = [*map(Fraction, L)] + [Fraction(0)] * terms
    tail = end**terms / (1 - end)
    lacking = [a - b for a, b in zip(ours, series)]
    return (
        float(largest([Fraction(0), *lacking], end) + tail) * SLACK,
        float(largest(lacking, end) + tail) * SLACK,
    )


def log_of_two() -> Fraction:
    """ln 2 to 2^-200: 2*atanh(1/3)."""
    return sum((Fraction(2, (2 * n + 1) * 3 ** (2 * n + 1)) for n in range(70)), Fraction(0))


LEFT_OUT = float(abs(log_of_two() - Fraction(LN2_HI) - Fraction(LN2_LO))) * SLACK
C_LEFT_OUT = split_approximation()
R_LEFT_OUT, R_LEFT_OUT_BY_Z = log_approximation()


def reduction() -> None:
    """Checks what `reduction_error` rests on.

    k is the integer nearest to fl(t*LOG2E), whose distance from t/ln 2 is below 2^-42 for |t| <= 708: so |r| <= R_MOST.
    k*LN2_HI is exact: 11 bits times 32. t - k*LN2_HI is exact: a multiple of 2^-54 (for k != 0, |t| >= 1/4 and LN2_HI
    is one of 2^-32), and below 1/2.
    """
    log2e = 1 / log_of_two()
    error = 708 * abs(Fraction(pure.LOG2E) - log2e) + Fraction(half_ulp(1022.0))
    assert error < Fraction(1, 2**42)
    assert (Fraction(1, 2) + error) * log_of_two() + Fraction(1, 2**50) < Fraction(R_MOST)
    assert (Fraction(LN2_HI) * 2**32).denominator == 1
    assert Fraction(LN2_HI) * 2**32 < 2**32
    assert (Fraction(1, 2) - error) * log_of_two() > Fraction(1, 4)


# --- split in a cell ---


class Cell(NamedTuple):
    """Ranges in a cell of split: of r, and of A, B and the error of c and r that hold in it."""

    k: int
    s: float
    far: float  # the largest |r|
    a0: float
    a1: float
    b0: float
    b1: float
    c1: float
    c_error: float
    r_error: float


def coth_series(r: float) -> float:
    """C(r), in floating point."""
    z = r * r
    return 2 + z * (1 / 6 + z * (-1 / 360 + z * (1 / 15120 + z * (-1 / 604800 + z / 23950080))))


def cell_of(k: int, r0: float, r1: float) -> Cell:
    """The cell of an integer k and of r from r0 to r1."""
    far = max(abs(r0), abs(r1))
    near = 0.0 if r0 < 0 < r1 else min(abs(r0), abs(r1))
    c0, c1 = coth_series(near) * (1 - WIDER), coth_series(far) * (1 + WIDER)
    # A falls and B rises with r, since |C'| < 1.
    a0, a1 = (coth_series(r1) - r1) * (1 - WIDER), (coth_series(r0) - r0) * (1 + WIDER)
    b0, b1 = (coth_series(r0) + r0) * (1 - WIDER), (coth_series(r1) + r1) * (1 + WIDER)
    z = far * far * (1 + WIDER)
    # The last sum; the products z and z*(...) and the two sums in it, whose values lie below 1/4; and the terms beyond
    # P1, below 4e-4, with at most eight roundings each.
    c_error = half_ulp(c1) + z * (0.17 * 2 * U + 2 * half_ulp(0.2) + 4e-4 * 8 * U) + C_LEFT_OUT
    # r is exact for k = 0. Else: its own rounding, that of k*LN2_LO, and what LN2_HI + LN2_LO leave out.
    r_error = half_ulp(far * (1 + WIDER)) + abs(k) * (LN2_LO * U + LEFT_OUT) if k else 0.0
    assert c0 > 0
    return Cell(k, 2.0**k, far, a0, a1, b0, b1, c1, c_error, r_error)


def cut(low: float, high: float, cells: int) -> Iterator[tuple[float, float]]:
    """An interval in equal parts."""
    ends = [low + (high - low) * i / cells for i in range(cells)] + [high]
    return zip(ends, ends[1:])


def in_ulp(relative: float, low: float, high: float) -> float:
    """The error in ulp of a result within [low, high]: what came before its last rounding, and that one."""
    most = 0.0
    value = low * (1 - WIDER)
    high *= 1 + WIDER
    while True:
        end = math.ldexp(1.0, math.frexp(value)[1])  # of its binade
        most = max(most, relative * min(high, end) / math.ulp(value))
        if end > high:
            return (most + 0.5) * SLACK
        value = end


# --- the functions in a cell ---


def sigmoid_error(cell: Cell) -> float:
    """With a = (c_error + rounding)/A, b likewise of B, and g of the sum: Y/Y0 = (1 + a)/(1 + p*a + q*b + g), where p =
    A/(A + s*B) is the result and q = 1 - p. So Y/Y0 - 1 is q*(a - b) - g, to 2^-90; and of a - b the part by c is
    c_error*2r/(A*B). An error of r counts q times, that is the derivative."""
    _, s, far, a0, a1, b0, b1, _, c_error, r_error = cell
    q = 1 / (1 + a0 / (s * b1))
    rounded = relative_rounding(a0, a1) + relative_rounding(b0, b1)
    total = relative_rounding(a0 + s * b0, a1 + s * b1)
    relative = q * (c_error * 2 * far / (a0 * b0) + rounded + r_error) + total
    return in_ulp(relative, 1 / (1 + s * b1 / a0), 1 / (1 + s * b0 / a1))


def product_rounding(factor: float, most: float) -> float:
    """Of a product with an integer: none where it is 0 or a power of two."""
    return 0.0 if math.frexp(factor)[0] in {0.0, 0.5} else half_ulp(factor * most)


def tanh_error(cell: Cell) -> float:
    """For k above 0. N = s*B - A and D = s*B + A, from p = s - 1 and q = s + 1, both exact below 2^53. An error of c
    counts P/N - Q/D = -4*s*r/(N*D) times, and one of r 2*s*A*B/(N*D) times, that is the derivative by 2x."""
    k, s, far, a0, a1, b0, b1, c1, c_error, r_error = cell
    if k > 53:
        return 2 / (1 + s * b0 / a1) / math.ulp(1.0) * SLACK  # the result is 1
    p, q = s - 1, s + 1
    inexact = 1.0 if k == 53 else 0.0  # of q
    n0, n1 = s * b0 - a1 - (s + 1) * 4 * WIDER, s * b1 - a0 + (s + 1) * 4 * WIDER
    d0, d1 = s * b0 + a0, s * b1 + a1
    n_error = (inexact * far + product_rounding(p, c1) + product_rounding(q, far)) / n0
    d_error = (inexact * c1 + product_rounding(q, c1) + product_rounding(p, far)) / d0
    by_split = s * (4 * far * c_error + 2 * a1 * b1 * r_error) / (n0 * d0)
    relative = by_split + n_error + relative_rounding(n0, n1) + d_error + relative_rounding(d0, d1)
    x0, x1 = a1 / (s * b0), a0 / (s * b1)
    return in_ulp(relative, (1 - x0) / (1 + x0), (1 - x1) / (1 + x1))


def small_tanh_error(cells: int) -> float:
    """For k = 0, where the result is r/c with an exact r. Below 2^-27, c is 2."""
    most = in_ulp(2.0**-56, 1.0, 1.99)
    for r0, r1 in cut(2.0**-27, R_MOST, cells):
        cell = cell_of(0, r0, r1)
        relative = cell.c_error / (cell.a0 + r0)
        most = max(most, in_ulp(relative, r0 / coth_series(r0), r1 / coth_series(r1)))
    return most


def exp_error(cell: Cell) -> float:
    """1 + 2*r/A is e^r."""
    _, _, far, a0, a1, b0, b1, _, c_error, r_error = cell
    quotient = 2 * far / a0
    before = quotient * (c_error / a0 + relative_rounding(a0, a1)) + half_ulp(quotient)
    return in_ulp(before / (b0 / a1) + r_error, b0 / a1, b1 / a0)


def log_error(k: int, f0: float, f1: float, rest: float, rest_error: float) -> float:
    """Of log(v, rest), for f from f0 to f1, of one sign. Absolute errors are added up, line by line of §2. With q =
    f/(2 + f), log(1 + f) = f - (h - q*(h + Rtrue(q*q)))."""
    far = max(abs(f0), abs(f1)) * (1 + WIDER)
    q = far / (2 + min(f0, f1)) * (1 + WIDER) if f0 < 0 else far / (2 + f1) * (1 + WIDER)
    q_relative = relative_rounding(2 + f0, 2 + f1) + U
    r = q * q * 0.6667 * 1.03
    # z has twice q's error and its own. Then, beside z, of L1*z three roundings; the other terms are at most a
    # fiftieth of it and have at most twelve.
    r_error = r * (1.03 * (2 * q_relative + U) + 3 * U + 12 * U / 50) + min(R_LEFT_OUT, q * q * R_LEFT_OUT_BY_Z)
    h = far * far / 2
    h_error = half_ulp(h)
    sum_error = h_error + r_error + half_ulp(h + r)
    product = q * (h + r)
    product_error = product * q_relative + q * sum_error + half_ulp(product)
    low = abs(k) * LN2_LO
    low_error = half_ulp(low) + rest_error + (half_ulp(low + rest) if k else 0.0) + abs(k) * LEFT_OUT
    tail = product + low + rest
    # h - q*(h + R) is f - log(1 + f), and what f is then subtracted from.
    log0, log1 = math.log1p(f0), math.log1p(f1)
    bend = max(f0 - log0, f1 - log1) * (1 + WIDER) + low + rest
    before = product_error + low_error + half_ulp(tail) + h_error + half_ulp(bend)
    if k:
        before += half_ulp(max(abs(log0), abs(log1)) * (1 + WIDER) + low + rest)
        value = abs(k * math.log(2) + (log0 if k > 0 else log1)) - rest
    else:
        value = min(abs(log0), abs(log1)) - rest
    return (before / math.ulp(value * (1 - WIDER)) + 0.5) * SLACK


def log_cells(k: int, cells: int) -> Iterator[tuple[float, float]]:
    """Parts of the range of f; for k = 0 each binade has as many, down to the first f that is not 0."""
    if k:
        yield from cut(F_LEAST, 0.0, cells)
        yield from cut(0.0, F_MOST, cells)
        return
    for exponent in range(53):
        for f0, f1 in cut(2.0**-exponent / 2, 2.0**-exponent, cells):
            if f0 < F_MOST:
                yield f0, min(f1, F_MOST)
            if -f0 > F_LEAST:
                yield max(-f1, F_LEAST), -f0


# --- bounds ---


def prove_sigmoid(cells: int) -> float:
    """For |x| <= 708."""
    return max(sigmoid_error(cell_of(k, *r)) for k in range(-1022, 1023) for r in cut(-R_MOST, R_MOST, cells))


def prove_tanh(cells: int) -> float:
    """For all x: of a negative one the result is exactly the opposite, since p and q of -k are those of k times -1/s
    and 1/s, rounded alike. Beyond 20 it is 1, less than half an ulp from tanh."""
    parts = list(cut(-R_MOST, R_MOST, 4 * cells))
    return max(small_tanh_error(16 * cells), *(tanh_error(cell_of(k, *r)) for k in range(1, 60) for r in parts))


def prove_exp(cells: int) -> float:
    """For |t| <= 708. The factor 2^k is exact, and k counts only in the error of r."""
    return max(exp_error(cell_of(k, *r)) for k in (0, 1022) for r in cut(-R_MOST, R_MOST, 64 * cells))


def prove_log(cells: int) -> float:
    """For all normal numbers; log(1) is 0."""
    few = max(log_error(k, *f, 0.0, 0.0) for k in (-2, -1, 0, 1, 2) for f in log_cells(k, 16 * cells))
    return max(few, *(log_error(k, *f, 0.0, 0.0) for k in range(-1022, 1025) if k for f in log_cells(k, 2)))


def prove_log1p(cells: int) -> float:
    """For u from 0 to 1. With w = 1 + u, rounded, the rest is d/w for an exact d, at most 2^-53 of w: log(w + d) is
    log(w) + d/w, to the square of that. Where w is 1, the result is u, whose error is u*u/2."""
    most = 0.5 + 2.0**-54
    points = [(0, n * 2.0**-52, n * 2.0**-52) for n in range(2, 256)]  # of w - 1, a multiple of 2^-52
    parts = [(k, *f) for k in (0, 1) for f in log_cells(k, 16 * cells) if (f[0] >= 2.0**-44) == (k == 0) and f[1] != 0]
    for k, f0, f1 in points + [part for part in parts if part[0] == 0 or part[2] <= 0.0]:
        rest = U / (1 + f0) if k == 0 else U
        most = max(most, log_error(k, f0, f1, rest, half_ulp(rest) + 2 * rest * rest))
    return most


# --- ranges ---


def prove_tanh_range(cells: int) -> None:
    """|tanh| <= 1, and so |N| <= D as computed; for k >= 0, by the symmetry. As rounding keeps an order, N <= D before
    their last rounding is enough.

    r < 0: p*c <= q*c and q*r <= p*r. So their sums have the same order.
    r >= 0, k <= 52: p and q are exact, and q*c - p*c - (q*r - p*r) is 2*(c - r). Checked: it is above all roundings.
    r >= 0, k = 53: q is 2^53, so q*c is exact, a multiple of 4. p*c lies c >= 2 below it, and is rounded to a number 2
    or more below it. q*r - p*r is r, p*r is rounded by 1/4 at most, and r + 1/4 < 2.
    r >= 0, k >= 54: p and q are both s. Then N and D are the same, and the result is 1.
    -D <= N: for k = 0, N is 2r and D is 2c; for k >= 1, N is above 0. Checked here.
    """
    for k in range(53):
        for r0, r1 in cut(0.0, R_MOST, cells):
            _, s, far, a0, *_, c1, _, _ = cell = cell_of(k, r0, r1)
            rounded = (
                half_ulp((s - 1) * c1) + half_ulp((s + 1) * c1) + half_ulp((s - 1) * far) + half_ulp((s + 1) * far)
            )
            assert 2 * a0 - 4 * cell.c_error > rounded, (k, r0)
    for k in range(1, 60):
        for r0, r1 in cut(-R_MOST, R_MOST, cells):
            cell = cell_of(k, r0, r1)
            assert cell.s * cell.b0 - cell.a1 > 2.0**-40 * (cell.s + 1)
    assert [pure.hyperbolic_tangent(x) for x in (20.0, 1e308, math.inf)] == [1.0] * 3
    assert math.ldexp(1.0, 54) - 1.0 == math.ldexp(1.0, 54) == math.ldexp(1.0, 54) + 1.0


def prove_positive(cells: int) -> None:
    """Sigmoid: lo and hi are above 0, and so lo <= lo + hi, also rounded: the result lies in (0, 1]. exp is above 0,
    and at most 1 for t <= 0: there r <= 0, or k < 0 and the result is at most 1.42/2. So a softmax of finite numbers
    lies in [0, 1]: no sum of numbers that are not negative is below one of them, and its largest is exp(0) = 1."""
    for r0, r1 in cut(-R_MOST, R_MOST, cells):
        cell = cell_of(1022, r0, r1)
        assert cell.a0 - cell.c_error > 1.5
        assert cell.b0 - cell.c_error > 1.5
        assert cell.b1 / cell.a0 < 1.42
    assert pure.sigmoid(-math.inf) == pure.sigmoid(-CLAMPED) >= sys.float_info.min
    assert pure.sigmoid(math.inf) == pure.sigmoid(40.0) == pure.exponential(0.0) == 1.0


# --- what occurs ---


def ulp_error(ours: float, exact: Decimal) -> float:
    """The distance, in the last place of the larger of the two."""
    return float(abs(Decimal(ours) - exact) / Decimal(math.ulp(max(abs(ours), abs(float(exact))))))


def exact_sigmoid(x: float) -> Decimal:
    """To 40 digits."""
    return 1 / (1 + (-Decimal(x)).exp())


def exact_tanh(x: float) -> Decimal:
    """To 40 digits and more, near 0 too."""
    if abs(x) < 1e-7:
        z = Decimal(x) * Decimal(x)
        return Decimal(x) * (1 - z / 3 + 2 * z * z / 15)
    e = (2 * Decimal(x)).exp()
    return (e - 1) / (e + 1)


def exact_log1p(u: float) -> Decimal:
    """To 40 digits, near 0 too."""
    if u < 1e-12:
        return Decimal(u) * (1 - Decimal(u) / 2 + Decimal(u) * Decimal(u) / 3)
    return (1 + Decimal(u)).ln()


def logarithm(v: float) -> float:
    """log(v, 0.0)."""
    return pure.logarithm(v, 0.0)


def near(value: float, step: Callable[[], float]) -> float:
    """A number a few last places from another one."""
    return value + round(step()) * math.ulp(value)


class Function(NamedTuple):
    """A function of §2, and where its largest error is looked for."""

    name: str
    where: str
    prove: Callable[[int], float]
    ours: Callable[[float], float]
    exact: Callable[[float], Decimal]
    draw: Callable[[random.Random], float]


def draw_split(span: float, scale: float) -> Callable[[random.Random], float]:
    """Arguments of split, times `scale`: anywhere; small; mostly below 0; and where k changes, the largest |r|."""

    def draw(generator: random.Random) -> float:
        kind = generator.randrange(5)
        if kind == 0:
            t = generator.uniform(-span, span)
        elif kind == 4:
            t = generator.uniform(-span / 10, 5.0)
        elif kind == 1:
            t = generator.gauss(0.0, 3.0)
        elif kind == 2:
            t = (generator.randrange(-3, 4) + 0.5) * math.log(2) + generator.gauss(0.0, 1e-3)
        else:
            t = near((generator.randrange(-60, 60) + 0.5) * math.log(2), lambda: generator.gauss(0.0, 1e3))
        return max(-span, min(span, t)) * scale

    return draw


def draw_positive(generator: random.Random) -> float:
    """Arguments of log: anywhere, near 1, and where m changes."""
    kind = generator.randrange(4)
    if kind == 0:
        return math.exp(generator.uniform(-700.0, 700.0))
    if kind == 1:
        return 1.0 + generator.random() / 2
    if kind == 2:
        return 1.0 - 0.29 * generator.random()
    return 1.0 + generator.choice((-1.0, 1.0)) * math.ldexp(generator.random(), generator.randrange(-52, -1))


def draw_share(generator: random.Random) -> float:
    """Arguments of log1p."""
    return math.ldexp(generator.random(), generator.randrange(-60, 1) if generator.randrange(2) else 0)


FUNCTIONS = [
    Function("sigmoid", "|x| <= 708", prove_sigmoid, pure.sigmoid, exact_sigmoid, draw_split(CLAMPED, 1.0)),
    Function("tanh", "all x", prove_tanh, pure.hyperbolic_tangent, exact_tanh, draw_split(40.0, 0.5)),
    Function("exp", "|t| <= 708", prove_exp, pure.exponential, lambda t: Decimal(t).exp(), draw_split(CLAMPED, 1.0)),
    Function("log", "all normal v", prove_log, logarithm, lambda v: Decimal(v).ln(), draw_positive),
    Function("log1p", "0 <= u <= 1", prove_log1p, pure.logarithm_above_one, exact_log1p, draw_share),
]


@contextmanager
def digits() -> Iterator[None]:
    """Decimal numbers have 45 digits and any exponent."""
    with localcontext() as context:
        context.prec = 45
        context.Emin, context.Emax = -99999, 99999
        yield


def largest_observed(function: Function, points: int, seed: int) -> tuple[float, float]:
    """The largest error in ulp among as many points, half of them near the worst so far, and where."""
    generator = random.Random(seed)
    worst, place = -1.0, 0.5
    with digits():
        for i in range(points):
            x = near(place, lambda: generator.gauss(0.0, 1e4)) if i % 2 else function.draw(generator)
            if function.name == "log1p" and not 0.0 < x <= 1.0:
                continue
            error = ulp_error(function.ours(x), function.exact(x))
            if error > worst:
                worst, place = error, x
    return worst, place


def falls(function: Function, points: int, seed: int) -> float | None:
    """A number whose next larger one has a smaller result, if one is found: the function is not monotone."""
    generator = random.Random(seed)
    for _ in range(points):
        x = function.draw(generator)
        if function.ours(math.nextafter(x, math.inf)) < function.ours(x):
            return x
    return None


def main() -> None:
    """Prints the table of docs/proofs.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--cells", type=int, default=32, help="parts of the range of r (default: 32)")
    parser.add_argument("--points", type=int, default=100000, help="of the search of each function (default: 100000)")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    reduction()
    prove_tanh_range(asked.cells)
    prove_positive(asked.cells)
    print(f"c lacks {C_LEFT_OUT:.3g}, R lacks {R_LEFT_OUT:.3g}, LN2_HI + LN2_LO lack {LEFT_OUT:.3g}")
    print("sigmoid lies in (0, 1], tanh in [-1, 1], softmax in [0, 1]: proved")
    for function in FUNCTIONS:
        bound = function.prove(asked.cells)
        found, place = largest_observed(function, asked.points, asked.seed)
        step = falls(function, asked.points, asked.seed)
        fall = "no fall found" if step is None else f"falls after {step.hex()}"
        print(
            f"{function.name} for {function.where}: below {bound:.4f} ulp; found {found:.4f} at {place.hex()}; {fall}"
        )
        if found > bound:
            sys.exit(f"{function.name}: {found} at {place.hex()} is above what is proved")


if __name__ == "__main__":
    main()
