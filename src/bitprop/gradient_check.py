# SPDX-License-Identifier: MIT
"""The gradient by back-propagation beside slopes measured by finite differences, parameter by parameter."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from . import html_parts
from ._progress import Progress
from .core import mode

STEP = 2.0**-4  # the widest step; each next one is a quarter of it
STEPS = 6
SHORTEST = 2.0**-26  # beyond this, rounding outweighs the difference
TOLERANCE = 1e-6  # of the scale; the method's error is near 1e-9 of it


class GradientRow(NamedTuple):
    """One parameter: its name, and its two slopes."""

    name: str  #: "W1[0][2]": layer 1, input 0, output 2; or "b1[2]"
    gradient: float
    numeric: float  #: NaN at a kink
    error: float  #: |gradient - numeric| as a fraction of the check's scale
    kink: bool  #: the input of a relu, leaky relu or softsign is 0 here, where it is not smooth: nothing is compared


class GradientCheck(tuple[GradientRow, ...]):
    """A row for each parameter, in the order of `Network.parameters`.

    Errors are fractions of one scale: the larger of the largest slope and a thousandth of the loss, since differences
    of losses cannot resolve less. Parameters at a kink are listed, but not compared.
    """

    @property
    def max_error(self) -> float:
        """The largest error; NaN where a slope is NaN or no parameter could be compared."""
        errors = [row.error for row in self if not row.kink] or [math.nan]
        return next((error for error in errors if error != error), max(errors))

    @property
    def ok(self) -> bool:
        """Whether any parameter could be compared and every error is within the tolerance, 1e-6."""
        return self.max_error <= TOLERANCE

    @property
    def verdict(self) -> str:
        """The comparison in one sentence."""
        agree = "agree" if self.ok else "DO NOT AGREE"
        return f"largest error {self.max_error:.1e}, tolerance {TOLERANCE:.0e}: the two {agree}"

    def _repr_html_(self) -> str:
        """What notebooks show: the verdict, and the parameters with the largest errors, at most 20."""
        worst = sorted(self, key=lambda row: (row.kink, row.error == row.error, -row.error))[: html_parts.MOST_ROWS]
        text = self.verdict + (f"; the {len(worst)} largest of {len(self)} errors" if len(worst) < len(self) else "")
        head = ("parameter", "back-propagation", "finite differences", "error")
        rows = [(row.name, row.gradient, row.numeric, "kink" if row.kink else f"{row.error:.1e}") for row in worst]
        return html_parts.table(head, rows, text)

    def __str__(self) -> str:
        lines = [f"{'parameter':<12} {'back-propagation':>24} {'finite differences':>24} {'error':>9}"]
        for row in self:
            error = "kink" if row.kink else f"{row.error:.1e}"
            lines.append(f"{row.name:<12} {row.gradient:>24.16e} {row.numeric:>24.16e} {error:>9}")
        kinks = sum(row.kink for row in self)
        if kinks:
            lines.append(f"not compared: {kinks} of {len(self)}, where an activation stands at its kink (at 0)")
        lines.append(self.verdict)
        return "\n".join(lines)


def check(
    parameters: memoryview[float],
    loss: Callable[[], float],
    gradient: Sequence[float],
    parameter_names: list[str],
    pattern: Callable[[], bytes] | None = None,
    progress: bool | None = False,
) -> GradientCheck:
    """The comparison of `gradient` with slopes of `loss`, measured by changing and restoring `parameters` one by one.

    `pattern()` shows which activations are above their kink: while it is unchanged, the loss is smooth. It is None
    where none has a kink.
    FloatingPointModeError.
    """
    mode.require_standard("a gradient check")
    here = loss()
    measured = []
    with Progress(len(parameters), "gradient check, parameters", progress) as bar:
        for k in range(len(parameters)):
            measured.append(_slope(parameters, k, loss, pattern))
            bar.update(1)
    scale = max(*map(abs, gradient), *(abs(slope) for slope in measured if slope is not None), 1e-3 * here) or 1.0
    rows = []
    for name, exact, slope in zip(parameter_names, gradient, measured):
        numeric = math.nan if slope is None else slope
        rows.append(GradientRow(name, exact, numeric, abs(exact - numeric) / scale, slope is None))
    return GradientCheck(rows)


def _slope(
    parameters: memoryview[float], k: int, loss: Callable[[], float], pattern: Callable[[], bytes] | None
) -> float | None:
    """Central differences with shrinking steps, extrapolated to a step of zero; None at a kink.

    The method of C. Ridders, Accurate computation of F'(x) and F'(x)F''(x), Advances in Engineering Software 4 (1982):
    it takes the extrapolation that agrees best with its neighbours. It needs a smooth loss, so steps across a kink
    are left out; if all are, the parameter is at a kink.
    """
    value = parameters[k]
    unit = max(1.0, abs(value) * 2.0**-20)
    step = STEP * unit
    here = pattern() if pattern else b""
    previous: list[float] = []
    best, best_error = None, math.inf
    steps = 0
    while steps < STEPS and step > SHORTEST * unit:
        parameters[k] = value + step
        above, smooth = loss(), pattern is None or pattern() == here
        parameters[k] = value - step
        below, smooth = loss(), smooth and (pattern is None or pattern() == here)
        parameters[k] = value
        if smooth:
            row = [(above - below) / ((value + step) - (value - step))]
            best = row[0] if best is None else best
            factor = 16.0
            for older in previous:
                row.append(row[-1] + (row[-1] - older) / (factor - 1.0))
                error = max(abs(row[-1] - row[-2]), abs(row[-1] - older))
                if error <= best_error:
                    best, best_error = row[-1], error
                factor *= 16.0
            previous = row
            steps += 1
        step /= 4.0
    return best
