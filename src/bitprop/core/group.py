# SPDX-License-Identifier: MIT
"""Memory for several trainings of one shape on the same rows, as the core's `train_many` takes it."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple


class Group(NamedTuple):
    """The lists have an item for each network; `arguments` are the first six of `train_many`, the same memory."""

    logs: Sequence[array[float] | memoryview[float]]
    parameters: Sequence[array[float] | memoryview[float]]
    pointers: Sequence[Any]  # to these parameters
    statuses: Any
    trainings: list[Any]
    orders: list[Any]
    works: list[Any]
    arguments: tuple[Any, ...]


def split(values: array[float], rows: int) -> Sequence[array[float] | memoryview[float]]:
    """The rows of a matrix: views, but for a single one, since views are slow where Python itself calculates."""
    if rows == 1:
        return [values]
    width = len(values) // rows
    view: memoryview[float] = memoryview(values)
    return [view[at : at + width] for at in range(0, rows * width, width)] if width else [view] * rows
