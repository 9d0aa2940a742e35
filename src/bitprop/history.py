# SPDX-License-Identifier: MIT
"""The losses that a training logged."""

from __future__ import annotations

import csv
import io
import os
from array import array
from collections.abc import Iterable
from typing import Any

from . import _files
from .checks import options as check
from .core import choose, means, mode


class History:
    """The losses of one `fit`, each measured before its epoch's step, in the order of the epochs (contract §8).

    `.epochs`, `.mse` and `.sse` are lists with an item for each logged epoch. `.stopped` is "epochs" after the last
    epoch, "callback" where the callback stopped the training, and None where an error or Ctrl-C did.
    """

    def __init__(self, log_every: int, terms: int, skipped: int = 0):
        """`terms`: squared errors in a sum, rows * outputs. `skipped`: logged epochs at the start to hide."""
        self._log_every = log_every
        self._skipped = skipped
        self._terms = float(terms)
        self._logged = array("d")
        self.stopped: str | None = None

    def extend(self, sse: Iterable[float]) -> None:
        """Appends the squared errors of the next logged epochs; called by bitprop's trainings."""
        self._logged.extend(sse)

    @property
    def logged(self) -> int:
        """The number of logged epochs, including those at the start that are hidden."""
        return len(self._logged)

    @property
    def first_and_last(self) -> tuple[float, float]:
        """The squared errors of the first and the last logged epoch."""
        return self._logged[0], self._logged[-1]

    @property
    def last_mse(self) -> float:
        """The mean squared error of the last logged epoch."""
        return means(choose(), self._logged[-1:], self._terms)[0]

    @property
    def _sse(self) -> array[float]:
        return self._logged[self._skipped :] if self._skipped else self._logged

    def __len__(self) -> int:
        return max(0, len(self._logged) - self._skipped)

    def __repr__(self) -> str:
        return f"<History of {len(self)} logged epochs, stopped by {self.stopped}>"

    @property
    def epochs(self) -> list[int]:
        """The numbers of the logged epochs, from 0."""
        first = self._skipped * self._log_every
        return list(range(first, first + len(self) * self._log_every, self._log_every))

    @property
    def sse(self) -> list[float]:
        """The squared error of each logged epoch, summed over rows and outputs (contract §8)."""
        return self._sse.tolist()

    @property
    def mse(self) -> list[float]:
        """The mean squared error of each logged epoch: sse/(rows*outputs) (contract §8)."""
        return means(choose(), self._sse, self._terms)

    def table(self, every: int) -> str:
        """Lines such as `epoch : 5000 Loss : 0.0000117492469418`, one for each logged epoch that `every` divides.

        The loss is the mean squared error. OptionError: `every` is below 1. TypeError, FloatingPointModeError.
        """
        check.integer("every", every, 1)
        mode.require_standard("writing decimal digits")
        pairs = zip(self.epochs, self.mse)
        return "\n".join(f"epoch : {epoch} Loss : {mse:.16f}" for epoch, mse in pairs if epoch % every == 0)

    def __str__(self) -> str:
        """At most 20 lines of `table`, evenly spaced."""
        every = self._log_every * max(1, -(-len(self) // 20))
        return self.table(every)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Writes a CSV file with the columns epoch, mse and sse, whole or not at all.

        Numbers read back to the same bits. OSError, FloatingPointModeError.
        """
        mode.require_standard("writing decimal digits")
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["epoch", "mse", "sse"])
        writer.writerows(zip(self.epochs, map(repr, self.mse), map(repr, self._sse)))
        _files.write(path, text.getvalue())

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """A matplotlib figure of the mean squared error by epoch, saved where a path is given (extra: `lab`)."""
        from . import plots

        return plots.save(plots.losses({"mse": (self.epochs, self.mse)}), path)
