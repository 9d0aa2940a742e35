# SPDX-License-Identifier: MIT
"""What a search comes to: the place where a training is wrong, and the operations that explain it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .tape import Operation


class Suspect(NamedTuple):
    """An operation which, made wrong in this way, explains what a machine gave."""

    operation: Operation
    value: float  # the wrong one
    change: Callable[[float], float]
    cause: str = ""  # the usual mistake that gives this value
    before: float | None = None  # of an activation's output: the pre-activation


class Place(NamedTuple):
    """Where a training is wrong, as far as it could be told; None where it could not."""

    epoch: int  # counted from 0
    batch: int | None = None
    row: int | None = None  # of the training rows
    suspects: tuple[Suspect, ...] = ()  # usually one operation
    everywhere: bool = False  # all operations of this kind are wrong, not one
    alone: bool | None = None  # whether with this one operation wrong, the whole epoch has the machine's bits
    parameter: int | None = None  # whose value is wrong, where no operation is
    bits: int | None = None  # by which it is wrong: exclusive or
    when: str = ""  # "before" or "after" the epoch's arithmetic, of such a parameter
    repeats: bool = True  # whether the machine makes the fault again
    notes: tuple[str, ...] = ()
