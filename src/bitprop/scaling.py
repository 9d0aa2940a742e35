# SPDX-License-Identifier: MIT
"""Scaling of columns by shift and spread (contract §13), which travels with a network."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any, get_args

from .checks import matrices
from .checks import options as check
from .core import Core, choose
from .errors import DataError, OptionError, ShapeError, quoted
from .names import ScalingKind

KINDS: tuple[ScalingKind, ...] = get_args(ScalingKind)


class Scaling:
    """A shift and a spread for each column, by which a value v is scaled: (v - shift)/spread (contract §13).

    It does not change. `shift`, `spread`: as many numbers as there are columns, the spreads above 0.
    ShapeError: no columns, or not as many of each. DataError: a number that is not allowed. TypeError.
    """

    __slots__ = ("_shift", "_spread")

    def __init__(self, shift: Iterable[float], spread: Iterable[float]):
        self._shift = array("d", [check.real("shift", value) for value in shift])
        self._spread = array("d", [check.real("spread", value) for value in spread])
        if len(self._shift) != len(self._spread) or not self._shift:
            given = f"{len(self._shift)} shifts and {len(self._spread)} spreads"
            raise ShapeError(f"{given}, expected one of each for each column")
        for name, values in (("shift", self._shift), ("spread", self._spread)):
            for column, value in enumerate(values):
                size = check.order(-value if name == "shift" and check.order(value) >> 63 else value)
                least = 1 if name == "spread" else 0
                if not least <= size < check.order(float("inf")):
                    expected = "a finite number" if name == "shift" else "a finite number above 0"
                    raise DataError(f"{name} of column {column} is {value!r}, expected {expected}")

    @classmethod
    def standard(cls, x: Any) -> Scaling:
        """That with which each column of x has mean 0 and standard deviation 1, unless all its numbers are equal.

        x: rows as `Network.fit` takes them, or a flat sequence, which is one column. DataError, also where a column is
        too wide for float64; ShapeError.
        """
        core = choose()
        return fitted(core, matrices.convert(core, x, None, "x"), "x")

    @classmethod
    def min_max(cls, x: Any, low: float = 0.0, high: float = 1.0) -> Scaling:
        """That with which each column of x goes from `low` to `high`. OptionError; other errors as for `standard`."""
        limits = check.real("low", low), check.real("high", high)
        if not -float("inf") < limits[0] < limits[1] < float("inf"):
            raise OptionError(f"low and high are {low!r} and {high!r}, expected finite numbers, low below high")
        core = choose()
        return fitted(core, matrices.convert(core, x, None, "x"), "x", limits)

    @property
    def shift(self) -> tuple[float, ...]:
        """What is subtracted, for each column."""
        return tuple(self._shift)

    @property
    def spread(self) -> tuple[float, ...]:
        """What is divided by, for each column."""
        return tuple(self._spread)

    def __len__(self) -> int:
        """The number of columns."""
        return len(self._shift)

    def apply(self, rows: Any) -> Any:
        """The rows scaled, in the form that they came in. DataError: a number is not finite, before or after."""
        core = choose()
        given = matrices.convert(core, rows, len(self), "rows")
        scaled = matrices.to_array(Scaler(core, self).rows(given, "rows").values)
        return matrices.give_back(scaled, given.form, given.width)

    def invert(self, rows: Any) -> Any:
        """The scaled rows taken back, in the form that they came in. DataError: a number is not finite."""
        core = choose()
        given = matrices.convert(core, rows, len(self), "rows")
        values = array("d", given.values)
        Scaler(core, self).invert(core.doubles(values), given.rows)
        return matrices.give_back(values, given.form, given.width)

    def __repr__(self) -> str:
        return f"Scaling(shift={quoted(self.shift)}, spread={quoted(self.spread)})"

    def __eq__(self, value: object) -> bool:
        """Whether every bit of the shifts and the spreads is the same."""
        if not isinstance(value, Scaling):
            return NotImplemented
        return self._bits() == value._bits()

    def __hash__(self) -> int:
        return hash(self._bits())

    def _bits(self) -> bytes:
        return self._shift.tobytes() + self._spread.tobytes()

    def __reduce__(self) -> tuple[Any, ...]:
        return Scaling, (self.shift, self.spread)


class Scaler:
    """A scaling in a backend's memory, for checked rows."""

    def __init__(self, core: Core, scaling: Scaling):
        self.core = core
        self.scaling = scaling
        self.width = len(scaling)
        self.arrays = array("d", scaling.shift), array("d", scaling.spread)  # which the pointers need
        self.pointers = core.doubles(self.arrays[0]), core.doubles(self.arrays[1])

    def apply(self, scaled: Any, values: Any, rows: int) -> int:
        """Writes the scaled rows from one pointer to another; the place of the first that is not finite, or `rows`."""
        self.core.scale(scaled, values, *self.pointers, rows, self.width)
        return self.core.first_nonfinite(scaled, rows * self.width) // self.width

    def invert(self, values: Any, rows: int) -> None:
        """Takes the rows at a pointer back, in place."""
        self.core.unscale(values, *self.pointers, rows, self.width)

    def rows(self, given: matrices.Rows, name: str) -> matrices.Rows:
        """A scaled copy. DataError: `name` has a number that is not finite any more."""
        values = matrices.zeros(given.rows * given.width)
        bad = self.apply(self.core.doubles(values), given.pointer, given.rows)
        if bad < given.rows:
            raise beyond(name, bad)
        return given._replace(values=values, pointer=self.core.readable(values))


def beyond(name: str, row: int) -> DataError:
    """The error for a row that is not finite when it is scaled."""
    return DataError(f"{name} has a number in row {row} that is beyond float64 when it is scaled")


def fitted(core: Core, rows: matrices.Rows, name: str, limits: tuple[float, float] | None = None) -> Scaling:
    """The scaling of the rows' columns: `standard`, or `min_max` within limits. DataError: a column is too wide."""
    shift, spread = matrices.zeros(rows.width), matrices.zeros(rows.width)
    arguments = core.doubles(shift), core.doubles(spread), rows.pointer, rows.rows, rows.width
    if limits is None:
        core.standard_scaling(*arguments)
    else:
        core.min_max_scaling(*arguments, *limits)
    for values in (shift, spread):
        bad = core.first_nonfinite(core.doubles(values), rows.width)
        if bad < rows.width:
            raise DataError(f"{name} has numbers in column {bad} whose scaling is beyond float64: divide them first")
    return Scaling(shift, spread)
