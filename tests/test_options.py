# SPDX-License-Identifier: MIT
"""The ends of what each option may be: the last number that is allowed, and the first that is not; whole messages."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest

from bitprop import Network, OptionError, ShapeError
from bitprop.checks import options as check

X, Y = [[0.0, 1.0], [1.0, 0.0]], [[0.0], [1.0]]
TINY, HUGE, BELOW_ONE, ABOVE_ONE = 5e-324, 1.7976931348623157e308, 1.0 - 2**-53, 1.0 + 2**-52
NORMAL = 2.2250738585072014e-308
SHARE = (0.0, BELOW_ONE, "a number of at least 0 and below 1")
POSITIVE = (TINY, HUGE, "a finite number above 0")
NOT_NEGATIVE = (0.0, HUGE, "a finite number of at least 0")
GROWTH = (ABOVE_ONE, HUGE, "a finite number above 1")
SHRINKING = (TINY, BELOW_ONE, "a number above 0 and below 1")
LM = {"rule": "levenberg_marquardt", "mu_max": HUGE}
# An option, what goes with it, and the least and the greatest number that it may be (contract §7 and §12).
LIMITS: list[tuple[str, dict[str, Any], tuple[float, float, str]]] = [
    ("learning_rate", {}, NOT_NEGATIVE),
    ("weight_decay", {}, NOT_NEGATIVE),
    ("momentum", {"rule": "momentum"}, SHARE),
    ("beta1", {"rule": "adam"}, SHARE),
    ("beta2", {"rule": "adamw"}, SHARE),
    ("epsilon", {"rule": "adam"}, POSITIVE),
    ("increase", {"rule": "rprop"}, GROWTH),
    ("decrease", {"rule": "rprop"}, SHRINKING),
    ("first_step", {"rule": "rprop"}, POSITIVE),
    ("step_min", {"rule": "rprop", "step_max": HUGE}, NOT_NEGATIVE),
    ("step_max", {"rule": "rprop"}, NOT_NEGATIVE),
    ("mu", LM, (NORMAL, HUGE, "a finite number of at least 2^-1022")),
    ("mu_increase", LM, GROWTH),
    ("mu_decrease", LM, SHRINKING),
    ("mu_max", {"rule": "levenberg_marquardt", "mu": NORMAL}, (NORMAL, HUGE, POSITIVE[2])),
    ("gradient_min", LM, NOT_NEGATIVE),
    ("goal", {}, NOT_NEGATIVE),
    ("min_delta", {"validation": 0.5}, NOT_NEGATIVE),
    ("stop_gl", {"validation": 0.5}, NOT_NEGATIVE),
    ("stop_progress", {"check_every": 2}, NOT_NEGATIVE),
]


def below(value: float) -> float:
    """The next number below."""
    return math.nextafter(value, -math.inf)


@pytest.mark.parametrize(("name", "others", "limits"), LIMITS, ids=[name for name, _, _ in LIMITS])
def test_numbers(name: str, others: dict[str, Any], limits: tuple[float, float, str]) -> None:
    """The ends are allowed, and what is beyond them is not; -0.0 is 0, and other kinds of numbers are numbers."""
    least, most, expected = limits
    net = Network(2, 1)

    def fit(value: Any) -> None:
        net.fit(X, Y, epochs=0, **{**others, name: value})

    for value in (least, most, *((-0.0, 0, Fraction(0)) if least == 0.0 else ())):
        fit(value)
    beyond = [below(least) if name != "mu_max" else 0.0, math.nextafter(most, math.inf), math.nan, -1.0, -math.inf]
    for value in (*beyond, 10**400, math.inf):
        with pytest.raises(OptionError) as caught:
            fit(value)
        if value != 10**400:
            assert str(caught.value) == f"{name} is {value!r}, expected {expected}"
    for wrong in (object(), "1.0", b"1", True, 1j):
        with pytest.raises(TypeError, match=rf"^{name} is .*, expected a number$"):
            fit(wrong)


def refusal(error: type[Exception], text: str) -> Any:
    """That this error is raised, with this message and no more."""
    return pytest.raises(error, match=f"^{re.escape(text)}$")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("epochs", -1, "at least 0"),
        ("epochs", 2**63, "at least 0 and below 2^63"),
        ("log_every", 0, "at least 1"),
        ("log_every", 2**63, "at least 1 and below 2^63"),
        ("batch_size", 0, "at least 1"),
        ("batch_size", 2**63, "at least 1 and below 2^63"),
        ("shuffle_seed", -1, "0 <= shuffle_seed < 2^64"),
        ("shuffle_seed", 2**64, "0 <= shuffle_seed < 2^64"),
        ("check_every", 0, "at least 1"),
        ("patience", 0, "at least 1"),
    ],
)
def test_whole_numbers(name: str, value: int, expected: str) -> None:
    """Whole numbers that are too small or too large, and the last ones that are not."""
    net = Network(2, 1)
    options: dict[str, Any] = {"epochs": 0, "validation": 0.5}
    with refusal(OptionError, f"{name} is {value}, expected {expected}"):
        net.fit(X, Y, **{**options, name: value})
    if name != "epochs" or value < 0:
        net.fit(X, Y, **{**options, name: value + (1 if value <= 0 else -1) if name != "epochs" else 0})
    for wrong in (True, 1.0, "1", None if name == "epochs" else [1]):
        with pytest.raises(TypeError, match=rf"^{name} is .*, expected a whole number$"):
            net.fit(X, Y, **{**options, name: wrong})


def test_sizes() -> None:
    """Sizes are from 1 to 2^32 - 1; at least two; one for each layer, and not all in one."""
    assert check.sizes([1, 2**32 - 1]) == [1, 2**32 - 1]
    for values, size, layer in (([0, 1], 0, 0), ([1, 2**32], 2**32, 1), ([1, 2, -1], -1, 2)):
        text = "-".join(map(str, values))
        with refusal(ShapeError, f"layer {layer} of {text} has size {size}, expected 1 or more (below 2^32)"):
            check.sizes(values)
    with refusal(ShapeError, "1 layer sizes given (2), expected at least 2: inputs and outputs"):
        check.sizes([2])
    with refusal(ShapeError, "0 layer sizes given (none), expected at least 2: inputs and outputs"):
        check.sizes([])
    for single in ([2, 4], (2, 4)):
        with pytest.raises(TypeError, match=r"^Network\(.*\) gives one argument, expected one for each layer: Network"):
            check.sizes([single])
    with pytest.raises(TypeError, match=r"^size of layer 1 is \[4\], expected a whole number$"):
        check.sizes([2, [4]])


def test_learning_rates() -> None:
    """One number, or one for each epoch."""
    assert check.learning_rates(0.5, 2) == 0.5
    assert list(check.learning_rates((0.5, 0), 2)) == [0.5, 0.0]  # type: ignore[arg-type]
    with refusal(OptionError, "learning_rate has 3 numbers, expected one number, or 2: one for each epoch"):
        check.learning_rates([0.5] * 3, 2)
    for text in ("ab", b"ab", bytearray(b"ab")):  # of as many characters as epochs
        with refusal(TypeError, f"learning_rate is {text!r}, expected a number"):
            check.learning_rates(text, 2)
    with refusal(OptionError, "learning_rate is -1, expected a finite number of at least 0"):
        check.learning_rates([0.5, -1], 2)


def test_validation() -> None:
    """Rows, with or without their weights, or a share that is neither nothing nor all."""
    expected = "a pair (x, y), or (x, y, sample_weight), or a share of the rows, a number between 0 and 1"
    assert check.validation(None) is None
    assert check.validation([X, Y]) == (X, Y)
    assert check.validation((X, Y, [1.0, 1.0])) == (X, Y, [1.0, 1.0])
    assert check.validation(TINY) == TINY
    assert check.validation(BELOW_ONE) == BELOW_ONE
    for share in (0, 0.0, 1, 1.0, -0.5, math.nan, math.inf):
        with refusal(OptionError, f"validation is {share!r}, expected {expected}"):
            check.validation(share)
    for wrong in ((), [X], (X, Y, Y, Y), "ab", True, {1: 2, 3: 4}):
        with pytest.raises(TypeError, match=f"^validation is .*, expected {re.escape(expected)}$"):
            check.validation(wrong)


def test_fractions() -> None:
    """From 0 to 1, both allowed."""
    assert check.fraction("share", 0) == 0.0
    assert check.fraction("share", 1) == 1.0
    for value in (-TINY, ABOVE_ONE, math.nan):
        with refusal(OptionError, f"share is {value!r}, expected a number from 0 to 1"):
            check.fraction("share", value)


def test_booleans() -> None:
    """True and False of Python and NumPy; for an option also 1 and 0, and nothing else."""
    assert [check.boolean("bias", value) for value in (True, np.True_, 1)] == [True] * 3
    assert [check.boolean("bias", value) for value in (False, np.False_, 0)] == [False] * 3
    for wrong in (2, -1, 1.0, "True", None, np.int64(1)):
        with pytest.raises(TypeError, match=r"^bias is .*, expected True or False$"):
            check.boolean("bias", wrong)
    assert [check.is_true(value) for value in (True, np.True_, False, np.False_, 1, "yes", None)] == [True] * 2 + [
        False
    ] * 5


def test_losses() -> None:
    """A loss goes with its outputs, and the message says which do."""
    squared = "half_sse, sse, half_mse, mse"
    assert [check.loss(name, "tanh") for name in ("half_sse", "mse")] == [0, 3]
    assert check.loss("binary_cross_entropy", "sigmoid") == 4
    assert check.loss("cross_entropy", "softmax") == 5
    for loss, last, expected in (
        ("cross_entropy", "tanh", f"{squared}, or softmax outputs"),
        ("binary_cross_entropy", "softmax", "cross_entropy, or sigmoid outputs"),
        ("mse", "softmax", "cross_entropy"),
        ("cross_entropy", "sigmoid", f"{squared}, binary_cross_entropy, or softmax outputs"),
    ):
        with refusal(OptionError, f"loss is {loss!r} with {last} outputs, expected {expected}"):
            check.loss(loss, last)  # type: ignore[arg-type]


def test_activations() -> None:
    """One for all layers, or one for each; softmax for the last only."""
    names = ("sigmoid", "tanh", "softmax")
    assert check.activations("tanh", names, 3) == [1, 1]
    assert check.activations(["tanh", "softmax"], names, 3) == [1, 2]
    assert check.activations("softmax", names, 2) == [2]
    with refusal(OptionError, "1 activations given, expected 2: one for each layer after the input"):
        check.activations(["tanh"], names, 3)
    with refusal(TypeError, "activation is 3, expected a string or one for each layer after the input"):
        check.activations(3, names, 3)
    for layer, given in ((1, ["softmax", "tanh", "tanh"]), (2, ["tanh", "softmax", "tanh"]), (1, "softmax")):
        with refusal(
            OptionError,
            f"activation softmax is given for layer {layer} of 3, expected it for the last one only, "
            "such as ['sigmoid', 'softmax']",
        ):
            check.activations(given, names, 4)


def test_paths() -> None:
    """Text, bytes and path objects; without a NUL character."""
    assert check.path("a/b") == check.path(PurePosixPath("a", "b")) == "a/b"
    with refusal(OptionError, "path is 'a\\x00b', expected one without a NUL character"):
        check.path("a\0b")
    with pytest.raises(TypeError):
        check.path(3)  # type: ignore[arg-type]
