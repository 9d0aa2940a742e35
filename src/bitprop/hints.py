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
from .history import History

LOOKED_AT = 1000  # of the inputs, and of the targets: all take longer than an epoch
LARGE_INPUT = 100.0  # beyond it sigmoid and tanh have no slope left, and a learning rate of 1 diverges
JUDGED_AFTER = 50  # epochs
RANGES = {"sigmoid": (0.0, 1.0, "from 0 to 1"), "tanh": (-1.0, 1.0, "from -1 to 1"), "relu": (0.0, math.inf, "from 0")}


class TrainingHint(UserWarning):
    """Data or a training that is allowed, but hardly what was meant; the text says what to do."""


def on_data(inputs: Rows, targets: Rows, last_activation: str) -> None:
    """Warns of targets that the last layer cannot give, and of inputs that are not scaled. It looks at some of them."""
    least, greatest, text = RANGES.get(last_activation, (-math.inf, math.inf, ""))
    low, high = _range(targets)
    if low < least or high > greatest:
        _warn(
            f"targets such as {high if high > greatest else low!r} are not learnt: the outputs of {last_activation} go "
            f"{text}{' up' if greatest == math.inf else ''}; scale the targets, or make the last activation identity"
        )
    low, high = _range(inputs)
    if max(-low, high) > LARGE_INPUT:
        _warn(
            f"inputs such as {high if high > -low else low!r} are large, with which training fails or hardly begins: "
            "scale each column to about -1 to 1"
        )


def on_losses(history: History, log_every: int, targets: Rows, learning_rate: float) -> None:
    """Warns of a loss that hardly fell."""
    epochs = (history.logged - 1) * log_every
    if epochs < JUDGED_AFTER:
        return
    terms = targets.rows * targets.width
    first, last = (sse / terms for sse in history.first_and_last)
    if last <= 0.95 * first:
        return
    low, high = _range(targets)
    if math.sqrt(last) > 0.1 * high - 0.1 * low:  # else it had been learnt before
        _warn(
            f"the loss {'rose' if last > first else 'hardly fell'}, from mse {first:.4g} to {last:.4g} in {epochs} "
            f"epochs: try a tenth, or ten times, of the learning rate, which was {learning_rate!r}, or another seed"
        )


def _range(data: Rows) -> tuple[float, float]:
    """The least and the greatest of the values looked at, which are spread over all rows and columns."""
    step = next(n for n in count(max(1, data.rows * data.width // LOOKED_AT)) if math.gcd(n, data.width) == 1)
    values = data.values[::step].tolist()
    return min(values), max(values)


def _warn(text: str) -> None:
    """The warning, at the caller's line: the first that is not of this package."""
    level = 1
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
        level, frame = level + 1, frame.f_back
    warnings.warn(text, TrainingHint, stacklevel=level)
