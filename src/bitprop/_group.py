# SPDX-License-Identifier: MIT
"""Memory for several trainings of one shape on the same rows, as the core's `train_many` takes it."""

from __future__ import annotations

from array import array
from typing import Any, NamedTuple


class Group(NamedTuple):
    """The lists have an item for each network; `arguments` are the first six of `train_many`, the same memory."""

    logs: list[memoryview[float]]
    parameters: list[memoryview[float]]
    statuses: Any
    trainings: list[Any]
    orders: list[Any]
    works: list[Any]
    arguments: tuple[Any, ...]


def matrix(rows: int, width: int) -> tuple[array[float], list[memoryview[float]]]:
    """Zeros (rows, width), and views of the rows."""
    values = array("d", bytes(8 * rows * width))
    view = memoryview(values)
    return values, [view[at : at + width] for at in range(0, rows * width, width)] if width else [view] * rows
