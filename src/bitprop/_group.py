# SPDX-License-Identifier: MIT
"""Memory for several trainings of one shape on the same rows, as the core's `train_many` takes it."""

from __future__ import annotations

from array import array
from typing import Any, NamedTuple


class Group(NamedTuple):
    """The lists have an item for each network; `arguments` are the first six of `train_many`, the same memory."""

    logs: list[memoryview[float]]
    parameters: list[memoryview[float]]
    pointers: list[Any]  # to these parameters
    statuses: Any
    trainings: list[Any]
    orders: list[Any]
    works: list[Any]
    arguments: tuple[Any, ...]


def split(values: array[float], rows: int) -> list[memoryview[float]]:
    """Views of the rows of a matrix."""
    width = len(values) // rows
    view: memoryview[float] = memoryview(values)
    return [view[at : at + width] for at in range(0, rows * width, width)] if width else [view] * rows
