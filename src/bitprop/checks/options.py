# SPDX-License-Identifier: MIT
"""Options as users give them, checked once for every backend: each returns what the core takes, or raises."""

from __future__ import annotations

import math
import operator
import os
import struct
from array import array
from collections.abc import Sequence
from typing import Any

from ..core import mode
from ..errors import OptionError, ShapeError, quoted, shortened
from ..names import LOSSES, PARTNERS, Activation

SEED_END = 2**64
COUNT_END = 2**63
SIZE_END = 2**32

# What options of update rules must be (contract §7, §12): the least, the first that is too large, both in words.
SHARE = (0.0, 1.0, "a number of at least 0 and below 1")
POSITIVE = (5e-324, math.inf, "a finite number above 0")
NOT_NEGATIVE = (0.0, math.inf, "a finite number of at least 0")
LIMITS = {
    "momentum": SHARE,
    "beta1": SHARE,
    "beta2": SHARE,
    "epsilon": POSITIVE,
    "increase": (1.0000000000000002, math.inf, "a finite number above 1"),
    "decrease": (5e-324, 1.0, "a number above 0 and below 1"),
    "first_step": POSITIVE,
    "step_min": NOT_NEGATIVE,
    "step_max": NOT_NEGATIVE,
    "mu": (2.2250738585072014e-308, math.inf, "a finite number of at least 2^-1022"),
    "mu_increase": (1.0000000000000002, math.inf, "a finite number above 1"),
    "mu_decrease": (5e-324, 1.0, "a number above 0 and below 1"),
    "mu_max": POSITIVE,
    "gradient_min": NOT_NEGATIVE,
    "weight_decay": NOT_NEGATIVE,
    "l1": NOT_NEGATIVE,
    "learning_rate": NOT_NEGATIVE,
}


def integer(name: str, value: Any, least: int, end: int = COUNT_END) -> int:
    """A whole number of at least `least` and below `end`. TypeError, OptionError."""
    if isinstance(value, bool):
        raise TypeError(f"{name} is {quoted(value)}, expected a whole number")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {quoted(value)}, expected a whole number") from None
    if not least <= number < end:
        expected = f"0 <= {name} < 2^64" if end == SEED_END else f"at least {least}"
        expected += f" and below 2^{end.bit_length() - 1}" if number >= end != SEED_END else ""
        raise OptionError(f"{name} is {quoted(number)}, expected {expected}")
    return number


def seed(name: str, value: Any) -> int:
    """A seed (contract §9). TypeError, OptionError."""
    return integer(name, value, 0, SEED_END)


def real(name: str, value: Any) -> float:
    """A number; infinite where it is beyond float64. TypeError."""
    if isinstance(value, (bool, str, bytes, bytearray)):
        raise TypeError(f"{name} is {quoted(value)}, expected a number")
    if type(value) not in (int, float):
        mode.require_standard(f"converting {name}")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} is {quoted(value)}, expected a number") from None
    except OverflowError:
        return math.inf


def order(value: float) -> int:
    """Its bits, which have the order of numbers of at least 0; a mode of the processor may take subnormals for zero.

    Those of negative numbers and of NaN are greater than those of infinity; -0.0 has those of 0.0.
    """
    bits = int.from_bytes(struct.pack(">d", value), "big")
    return 0 if bits == 1 << 63 else bits


def limited(name: str, value: Any) -> float:
    """A number within the LIMITS of its name. TypeError, OptionError."""
    number = real(name, value)
    least, end, expected = LIMITS[name]
    if not order(least) <= order(number) < order(end):
        raise OptionError(f"{name} is {quoted(value)}, expected {expected}")
    return number


def learning_rate(value: Any) -> float:
    """A finite number of at least 0. TypeError, OptionError."""
    return limited("learning_rate", value)


def learning_rates(value: Any, epochs: int) -> float | array[float]:
    """A learning rate, or an array with one for each epoch. TypeError, OptionError."""
    if isinstance(value, (str, bytes, bytearray)):
        return learning_rate(value)
    try:
        each = list(value)
    except TypeError:  # a number
        return learning_rate(value)
    if len(each) != epochs:
        raise OptionError(
            f"learning_rate has {len(each)} numbers, expected one number, or {epochs}: one for each epoch"
        )
    return array("d", map(learning_rate, each))


def not_negative(name: str, value: Any) -> float:
    """A finite number of at least 0. TypeError, OptionError."""
    number = real(name, value)
    if order(number) >= order(math.inf):
        raise OptionError(f"{name} is {quoted(value)}, expected a finite number of at least 0")
    return number


def validation(value: Any) -> tuple[Any, ...] | float | None:
    """None, (x, y) or (x, y, sample_weight) yet to be checked, or a number between 0 and 1. TypeError, OptionError."""
    if value is None:
        return None
    if isinstance(value, (tuple, list)) and len(value) in (2, 3):
        return tuple(value)
    expected = "a pair (x, y), or (x, y, sample_weight), or a share of the rows, a number between 0 and 1"
    try:
        share = real("validation", value)
    except TypeError:
        raise TypeError(f"validation is {quoted(value)}, expected {expected}") from None
    if not 0.0 < share < 1.0:
        raise OptionError(f"validation is {quoted(value)}, expected {expected}")
    return share


def fraction(name: str, value: Any) -> float:
    """A number from 0 to 1. TypeError, OptionError."""
    number = real(name, value)
    if not 0.0 <= number <= 1.0:
        raise OptionError(f"{name} is {quoted(value)}, expected a number from 0 to 1")
    return number


def path(value: str | os.PathLike[str]) -> str:
    """A path as text. TypeError, OptionError."""
    text = os.fsdecode(value)
    if "\0" in text:
        raise OptionError(f"path is {quoted(text)}, expected one without a NUL character")
    return text


def is_true(value: Any) -> bool:
    """Whether it is True, Python's or NumPy's; nothing else that happens to count as true."""
    return type(value).__name__ in ("bool", "bool_") and bool(value)


def boolean(name: str, value: Any) -> bool:
    """True or False (or 1 or 0, as files and NumPy have them). TypeError."""
    if type(value).__name__ not in ("bool", "bool_") and not (type(value) is int and value in (0, 1)):
        raise TypeError(f"{name} is {quoted(value)}, expected True or False")
    return bool(value)


def choice(name: str, value: Any, names: Sequence[str]) -> int:
    """The index of a name among those allowed. TypeError, OptionError."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is {quoted(value)}, expected a string: {', '.join(names)}")
    if value not in names:
        raise OptionError(f"{name} is {quoted(value)}, expected one of {', '.join(names)}")
    return names.index(value)


def loss(value: Any, last: Activation) -> int:
    """The number of a loss that goes with outputs of this activation. TypeError, OptionError."""
    code = choice("loss", value, LOSSES)
    squared = [name for name in LOSSES if name not in PARTNERS and last != "softmax"]
    allowed = [*squared, *(name for name, partner in PARTNERS.items() if partner == last)]
    if value not in allowed:
        other = f", or {PARTNERS[value]} outputs" if value in PARTNERS else ""
        raise OptionError(f"loss is {value!r} with {last} outputs, expected {', '.join(allowed)}{other}")
    return code


def shape_text(sizes: Sequence[Any]) -> str:
    """Layer sizes as messages show them: 2-4-4-1."""
    return shortened("-".join(map(quoted, sizes)))


def sizes(values: Sequence[Any]) -> list[int]:
    """Layer sizes, the input's first (contract §3). TypeError, ShapeError."""
    if len(values) == 1 and isinstance(values[0], (list, tuple)):
        raise TypeError(
            f"Network({quoted(values[0])}) gives one argument, expected one for each layer: Network(2, 4, 4, 1)"
        )
    checked = []
    for layer, value in enumerate(values):
        try:
            checked.append(integer(f"size of layer {layer}", value, 1, SIZE_END))
        except OptionError:
            raise ShapeError(
                f"layer {layer} of {shape_text(values)} has size {quoted(value)}, expected 1 or more (below 2^32)"
            ) from None
    if len(checked) < 2:
        given = shape_text(checked) or "none"
        raise ShapeError(f"{len(checked)} layer sizes given ({given}), expected at least 2: inputs and outputs")
    return checked


def activations(value: Any, names: Sequence[str], layers: int) -> list[int]:
    """One activation for each layer after the input. TypeError, OptionError."""
    try:
        each = [value] * (layers - 1) if isinstance(value, str) else list(value)
    except TypeError:
        raise TypeError(
            f"activation is {quoted(value)}, expected a string or one for each layer after the input"
        ) from None
    if len(each) != layers - 1:
        raise OptionError(f"{len(each)} activations given, expected {layers - 1}: one for each layer after the input")
    codes = [choice("activation", name, names) for name in each]
    if "softmax" in each[:-1]:
        given = f"activation softmax is given for layer {each.index('softmax') + 1} of {layers - 1}"
        raise OptionError(f"{given}, expected it for the last one only, such as ['sigmoid', 'softmax']")
    return codes
