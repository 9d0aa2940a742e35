# SPDX-License-Identifier: MIT
"""When a training is to stop, by the numbers of its checks.

The generalisation loss and the progress are those of Prechelt, PROBEN1, Technical Report 21/94, Universität Karlsruhe.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Criteria(NamedTuple):
    """What stops a training, as `fit` takes it; None where that does not."""

    patience: int | None
    min_delta: float
    goal: float | None
    stop_gl: float | None
    stop_progress: float | None

    @property
    def keeps_best(self) -> bool:
        """Whether a training ends with the parameters of its best check."""
        return self.patience is not None or self.stop_gl is not None


class Stopping:
    """Judges the checks of one training. `.reason` says why it is to stop, and is None while it is not."""

    def __init__(self, criteria: Criteria):
        self.reason: str | None = None
        self._criteria = criteria
        self._best = math.inf
        self._in_vain = 0  # checks in a row that were not the best so far

    def to_fields(self) -> dict[str, Any]:
        """What it has come to, for a file: numbers as text, which float() reads to the same bits."""
        return {"best": repr(self._best), "in_vain": self._in_vain, "reason": self.reason}

    def go_on(self, fields: Mapping[str, Any]) -> None:
        """Goes on from what `to_fields` gave. KeyError, TypeError, ValueError."""
        if type(fields["best"]) is not str or type(fields["in_vain"]) is not int:
            raise TypeError("the best check is no text, or the number of those in vain no whole number")
        self._best = float(fields["best"])
        self._in_vain = fields["in_vain"]
        if fields["reason"] not in (None, "goal", "patience", "generalisation", "progress"):
            raise ValueError(f"{fields['reason']!r} is no reason to stop")
        self.reason = fields["reason"]

    def check(self, loss: float, errors: Sequence[float]) -> bool:
        """Whether this check is the best so far: by more than min_delta, or since it reaches the goal.

        `loss`: infinite where none is measured. `errors`: those of the epochs since the last check.
        """
        criteria = self._criteria
        loss = math.inf if math.isnan(loss) else loss
        reached = criteria.goal is not None and loss <= criteria.goal
        better = reached or loss < self._best - criteria.min_delta
        if better:
            self._best = loss
        self._in_vain = 0 if better else self._in_vain + 1
        if reached:
            self.reason = "goal"
        elif criteria.stop_gl is not None and generalisation_loss(loss, self._best) > criteria.stop_gl:
            self.reason = "generalisation"
        elif criteria.patience is not None and self._in_vain >= criteria.patience:
            self.reason = "patience"
        elif criteria.stop_progress is not None and progress(errors) < criteria.stop_progress:
            self.reason = "progress"
        return better


def generalisation_loss(loss: float, best: float) -> float:
    """GL: by how many per cent a validation loss is above the best."""
    if loss == best:  # also where both are 0, or infinite
        return 0.0
    return 100.0 * (loss / best - 1.0) if best > 0.0 else math.inf


def progress(errors: Sequence[float]) -> float:
    """P: by how many per mille the mean of a strip's training errors is above their least."""
    total, least = 0.0, math.inf
    for error in errors:  # one by one: the bits of sum() depend on Python's version
        total += error
        least = min(least, error)
    if total == len(errors) * least:  # also where all are 0
        return 0.0
    return 1000.0 * (total / (len(errors) * least) - 1.0) if least > 0.0 else math.inf
