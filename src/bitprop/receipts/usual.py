# SPDX-License-Identifier: MIT
"""What usual mistakes of programs and machines make of an operation."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from fractions import Fraction

from ..vectors.mistakes import fma
from .bits import bits_of, number_of
from .tape import Operation


def preceding(operations: Sequence[Operation], operation: Operation) -> Sequence[Operation]:
    """The two operations before this one."""
    return operations[max(0, operation.number - 2) : operation.number]


def fused(operation: Operation, before: Sequence[Operation]) -> float | None:
    """The sum or difference with one rounding, of a product that was just made; None where there is no such."""
    if operation.symbol not in "+-":
        return None
    for product in reversed(before[-2:]):
        if product.symbol != "*":
            continue
        a, b = bits_of(product.a), bits_of(product.b)
        if bits_of(product.value) == bits_of(operation.b):
            sign = 1 << 63 if operation.symbol == "-" else 0
            return number_of(fma(a ^ sign, b, bits_of(operation.a)))
        if bits_of(product.value) == bits_of(operation.a):
            sign = 1 << 63 if operation.symbol == "-" else 0
            return number_of(fma(a, b, bits_of(operation.b) ^ sign))
    return None


def flushed(operation: Operation, before: Sequence[Operation]) -> float | None:
    """Zero for a subnormal result."""
    tiny = 0.0 < abs(operation.value) < 2.0**-1022
    return (0.0 if operation.value > 0.0 else -0.0) if tiny else None


def by_reciprocal(operation: Operation, before: Sequence[Operation]) -> float | None:
    """A quotient as a product with the reciprocal."""
    return operation.a * (1.0 / operation.b) if operation.symbol == "/" and operation.b != 0.0 else None


def in_single(operation: Operation, before: Sequence[Operation]) -> float | None:
    """The result in single precision."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", operation.value))[0])
    except OverflowError:
        return None


def rounded_twice(operation: Operation, before: Sequence[Operation]) -> float | None:
    """The result rounded to the 64 bits of an x87 register, and from there to 53."""
    exact = Fraction(operation.a)
    if operation.symbol == "+":
        exact += Fraction(operation.b)
    elif operation.symbol == "-":
        exact -= Fraction(operation.b)
    elif operation.symbol == "*":
        exact *= Fraction(operation.b)
    elif operation.symbol == "/" and operation.b != 0.0:
        exact /= Fraction(operation.b)
    else:
        return None
    if exact == 0:
        return None
    exponent = math.frexp(operation.value)[1] - 64
    scaled = exact / Fraction(2) ** exponent
    return float(Fraction(round(scaled)) * Fraction(2) ** exponent)  # both round to nearest, ties to even


def by_library(operation: Operation, before: Sequence[Operation]) -> float | None:
    """Sigmoid or tanh by this machine's mathematics library, for the last operation of the contract's."""
    if operation.symbol != "/" or operation.function not in ("sigmoid", "hyperbolic_tangent"):
        return None
    x = next((each.value for each in reversed(before) if each.function == "forward_row"), None)
    if x is None:
        return None
    try:
        return math.tanh(x) if operation.function == "hyperbolic_tangent" else 1.0 / (1.0 + math.exp(-x))
    except OverflowError:
        return 0.0


PARTS = (  # functions of the twin to which a mistake may be confined
    None,
    ("forward_row",),
    ("add_backward", "go_back", "row"),
    ("split", "sigmoid", "hyperbolic_tangent", "exponential"),
)
USUAL = {
    fused: "a fused multiply-add, one rounding where the contract has two: forbid it (C: -ffp-contract=off)",
    flushed: "subnormal numbers flushed to zero: leave flush-to-zero modes and -ffast-math off (§1.3)",
    by_reciprocal: "a quotient computed as a product with the reciprocal (§1.1)",
    in_single: "float32 (single precision): all numbers are binary64",
    by_library: "exp or tanh of a mathematics library (libm): compute sigmoid and tanh as §2 writes them",
    rounded_twice: "rounded twice, as by x87 registers: compute in binary64 (C: -msse2 -mfpmath=sse)",
}
EVERYWHERE = tuple(USUAL)


def usual_cause(operation: Operation, wrong: float, before: Sequence[Operation]) -> str:
    """What usually gives this wrong value of an operation; "" where nothing does."""
    if not math.isfinite(operation.value):
        return ""
    for change, text in USUAL.items():
        value = change(operation, before)
        if value is not None and bits_of(value) == bits_of(wrong) != bits_of(operation.value):
            return text
    return ""
