# SPDX-License-Identifier: MIT
"""What is allowed and yet hardly ever meant: data that a network cannot learn, and a training that did not.

Each is a Python warning of its own category, which the command line prints as one line.
"""

from __future__ import annotations

import math
import sys
import warnings
from itertools import count
from types import FrameType

from .checks.matrices import Rows
from .csv_tables import ONE_HOT, are_class_numbers
from .history import History
from .names import RANGES, Activation

LOOKED_AT = 1000  # of the inputs, and of the targets: all take longer than an epoch
LARGE_INPUT = 100.0  # beyond it sigmoid and tanh have no slope left, and a learning rate of 1 diverges
JUDGED_AFTER = 50  # epochs, unless the rule itself found no better parameters:
RULE_STOPS = ("gradient", "mu")


class TrainingHint(UserWarning):
    """Data or a training that is allowed, but hardly what was meant; the text says what to do."""


def on_data(inputs: Rows, targets: Rows, last_activation: Activation, weights: Rows | None = None) -> bool:
    """Warns of targets that the last layer cannot give, of inputs that are not scaled, and of rows without any weight.

    Returns whether it did. It looks at some of them.
    """
    warned = False
    if weights is not None and max(weights.values) == 0.0:
        warned = True
        _warn("sample_weight is 0 in all rows: nothing is learnt, and every loss is 0")
    least, greatest = RANGES.get(last_activation, (-math.inf, math.inf))
    low, high = _range(targets)
    if low < least or high > greatest:
        warned = True
        cure = "scale the targets (min_max), or make the last activation identity"
        if targets.width == 1 and are_class_numbers(_some(targets)):
            cure = f"{ONE_HOT}; for quantities, make the last activation identity"
        _warn(
            f"targets such as {high if high > greatest else low!r} are not learnt: the outputs of {last_activation} go "
            f"from {least:g} {'up' if greatest == math.inf else f'to {greatest:g}'}; {cure}"
        )
    total = _odd_total(targets) if last_activation == "softmax" else None
    if total is not None:
        warned = True
        _warn(
            f"targets of a row that sum to {total!r} are no probabilities, as softmax gives them: make each row's sum 1"
        )
    low, high = _range(inputs)
    if max(-low, high) > LARGE_INPUT:
        warned = True
        _warn(
            f"inputs such as {high if high > -low else low!r} are large, with which training fails or hardly begins: "
            "scale each column to about -1 to 1, as net.scale(x) and --scale-inputs standard do"
        )
    return warned


def on_losses(
    history: History,
    log_every: int,
    inputs: Rows,
    targets: Rows,
    last_activation: Activation,
    learning_rate: float | None,
) -> None:
    """Warns of a loss that hardly fell: of the data where these are the reason, else of the learning rate.

    `learning_rate`: None where the training did not have one for all epochs.
    """
    if history.stopped in RULE_STOPS and history.trained == 0:
        _warn(
            "the training ended before its first epoch, since the gradient is nearly 0: the network is at a solution, "
            "or its nodes are saturated: scale the inputs (net.scale, --scale-inputs), or try another seed"
        )
        return
    epochs = (history.logged - 1) * log_every
    if epochs < (1 if history.stopped in RULE_STOPS else JUDGED_AFTER):
        return
    first, last = history.first_and_last
    if last <= 0.95 * first:
        return
    low, high = _range(targets)
    learnt_before = (math.sqrt(last) if history.name == "mse" else last) <= 0.1 * high - 0.1 * low
    if learnt_before or on_data(inputs, targets, last_activation):
        return
    if learning_rate == 0.0:
        _warn("nothing is learnt at a learning rate of 0: give a greater one")
        return
    course, cure = "hardly fell", f"a tenth, or ten times, of the learning rate, which was {learning_rate!r}"
    if last > first:
        course, cure = "rose", f"a smaller learning rate than {learning_rate!r}"
    if learning_rate is None:
        cure = "another rule or other options of it"
    figures = f"from {history.name} {first:.4g} to {last:.4g} in {epochs} epoch{'s' * (epochs != 1)}"
    _warn(f"the loss {course}, {figures}: try {cure}, or another seed")


def on_ended(reason: str) -> None:
    """Warns that a training which is to go on is over."""
    _warn(f"the training was over, stopped by {reason}, and does not go on: fit without resume to begin another")


def _some(data: Rows) -> list[float]:
    """The values looked at, which are spread over all rows and columns."""
    step = next(n for n in count(max(1, data.rows * data.width // LOOKED_AT)) if math.gcd(n, data.width) == 1)
    return list(data.values[::step])


def _range(data: Rows) -> tuple[float, float]:
    """The least and the greatest of the values looked at."""
    values = _some(data)
    return min(values), max(values)


def _odd_total(targets: Rows) -> float | None:
    """The sum of the first row whose targets do not sum to 1, nearly; None where all rows looked at do."""
    end = min(targets.rows, LOOKED_AT) * targets.width
    totals = (sum(targets.values[start : start + targets.width]) for start in range(0, end, targets.width))
    return next((total for total in totals if not abs(total - 1.0) <= 1e-6), None)


def _warn(text: str) -> None:
    """The warning, at the caller's line: the first that is not of this package."""
    level = 1
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        level, frame = level + 1, frame.f_back
    warnings.warn(text, TrainingHint, stacklevel=level)
