# SPDX-License-Identifier: MIT
"""The rows that a sweep trains on and validates on, checked, and divided once for all that divide them alike."""

from __future__ import annotations

from typing import Any, Union

from . import hints
from .checks import matrices
from .fit_options import Options
from .sweep_configurations import Configuration
from .sweep_jobs import Arrays

Split = tuple[Arrays, Union[Arrays, None]]  # what is trained on, and what is split off for validation


class Rows:
    """The rows of a sweep: given ones, or those of each seed; and those that all validate on."""

    def __init__(self, data: Any, each: list[Configuration]):
        self._model = each[0].template.model
        pair = next((one.options.validation for one in each if isinstance(one.options.validation, tuple)), None)
        self.validation = None if pair is None else Arrays.of(self._model.validation(pair))
        self._function = data if callable(data) else None
        self.given = None if callable(data) else self._checked(data)
        self._splits: dict[tuple[Any, int], Split] = {}
        if self.given is not None:
            for activation in dict.fromkeys(one.template.activations[-1] for one in each):
                hints.on_data(self.given.inputs, self.given.targets, activation)

    def of(self, seed: int) -> matrices.Data:
        """The rows of a seed. ShapeError, DataError, TypeError; whatever the user's function raises."""
        return self._checked(self._function(seed))  # type: ignore[misc]  # it is one where there are no given rows

    def _checked(self, data: Any) -> matrices.Data:
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            expected = "a pair (x, y), or (x, y, sample_weight), or a function of the seed"
            raise TypeError(f"data is {type(data).__name__}, expected {expected}")
        return self._model.data(*data)

    def split(self, rows: matrices.Data, options: Options) -> Split:
        """The rows to train on, and those to validate on. ShapeError, OptionError."""
        if isinstance(options.validation, tuple):
            return Arrays.of(rows), self.validation
        trained, measured = self._model.validated(rows, options.validation, options.split_seed)
        return Arrays.of(trained), None if measured is None else Arrays.of(measured)

    def split_given(self, options: Options) -> Split | None:
        """The given rows as `split` divides them; None where each seed has its own."""
        if self.given is None:
            return None
        share = "rows" if isinstance(options.validation, tuple) else options.validation
        key = share, options.split_seed
        if key not in self._splits:
            self._splits[key] = self.split(self.given, options)
        return self._splits[key]
