# SPDX-License-Identifier: MIT
"""The pure twin behind the waist: its memory is plain Python objects."""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence
from typing import Any

from .. import _pure, _pure_levenberg
from ..names import Backend
from . import mode
from .group import Group, LevenbergGroup, split
from .protocol import FUNCTIONS, ROUNDING


class PythonCore:
    """The pure twin: its memory is plain Python objects, so most makers have nothing to do."""

    name: Backend = "python"
    kernel = _pure.AUTO

    def __init__(self) -> None:
        for function in FUNCTIONS:
            twin = getattr(_pure_levenberg if function.startswith("levenberg") else _pure, function)
            setattr(self, function, mode.guarded(twin) if function in ROUNDING else twin)

    def describe_compiler(self) -> str:
        """No compiler built it."""
        return _pure.compiler()

    def address(self, view: memoryview[Any]) -> int | None:
        """Where this memory begins; None where that cannot be told: it is read-only, or this Python lacks ctypes."""
        try:
            import ctypes
        except ImportError:  # pragma: no cover - a Python without ctypes
            return None
        return None if view.readonly else ctypes.addressof(ctypes.c_uint8.from_buffer(view))

    def shape(self, sizes: Sequence[int], activations: Sequence[int], bias: bool) -> _pure.Shape:
        """The twin of bp_shape."""
        return _pure.Shape(list(sizes), list(activations), len(sizes), int(bias), self.kernel)

    def doubles(self, buffer: Any) -> Any:
        """The buffer itself."""
        return buffer

    def readable(self, values: Any) -> list[float]:
        """Doubles that are only read, as a list: the fastest to read, most of all for PyPy."""
        numbers: list[float] = values.tolist()
        return numbers

    def octets(self, buffer: Any) -> Any:
        """The buffer itself."""
        return buffer

    def words(self, count: int) -> list[int]:
        """Memory for `count` integers."""
        return [0] * count

    def work(self, shape: _pure.Shape, count: int, rule: int = _pure.DESCENT) -> _pure.Work:
        """Scratch memory."""
        return _pure.Work(shape, rule)

    def data(
        self, inputs: list[float], targets: list[float], rows: int, weights: list[float] | None = None
    ) -> _pure.Data:
        """The twin of bp_data."""
        return _pure.Data(inputs, targets, rows, weights)

    def settings(self, **fields: Any) -> _pure.Settings:
        """The twin of bp_settings, of these fields."""
        return _pure.Settings(**fields)

    def limits(self, **fields: int) -> _pure.Limits:
        """The twin of bp_limits, of these fields."""
        return _pure.Limits(**fields)

    def training(self) -> _pure.Training:
        """The twin of bp_training."""
        return _pure.Training()

    def generator(self) -> random.Random:
        """The twin of bp_generator."""
        return random.Random(0)

    def group(
        self, values: array[float], shape: _pure.Shape, rule: int, networks: int, order_size: int, log_size: int
    ) -> Group:
        """Memory for trainings side by side, around their parameters."""
        logs = split(array("d", bytes(8 * networks * log_size)), networks)
        parameters = split(values, networks)
        statuses = [_pure.OK] * networks
        trainings = [_pure.Training() for _ in range(networks)]
        orders = [[0] * order_size for _ in range(networks)]
        works = [_pure.Work(shape, rule) for _ in range(networks)]
        arguments = (logs, statuses, trainings, parameters, works, orders)
        return Group(logs, parameters, parameters, statuses, trainings, orders, works, arguments)

    def levenberg_settings(self, **fields: Any) -> _pure_levenberg.LevenbergSettings:
        """The twin of bp_levenberg_settings, of these fields."""
        return _pure_levenberg.LevenbergSettings(**fields)

    def levenberg_work(self, shape: _pure.Shape) -> _pure_levenberg.LevenbergWork:
        """Scratch memory for a training by Levenberg and Marquardt."""
        return _pure_levenberg.LevenbergWork(shape)

    def levenberg(self) -> _pure_levenberg.Levenberg:
        """The twin of bp_levenberg."""
        return _pure_levenberg.Levenberg()

    def levenberg_group(self, values: array[float], shape: _pure.Shape, log_size: int) -> LevenbergGroup:
        """Memory for one training by Levenberg and Marquardt, around its parameters."""
        log, training, work = array("d", bytes(8 * log_size)), self.levenberg(), self.levenberg_work(shape)
        arguments = (log, training, values, work)
        return LevenbergGroup([log], [values], [values], [_pure.OK], [training], [None], [work], arguments)
