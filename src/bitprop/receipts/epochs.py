# SPDX-License-Identifier: MIT
"""The first epoch in which a machine's training leaves the contract's arithmetic; and faults of its memory."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from typing import NamedTuple

from .bits import bits_of, number_of
from .machines import Machine, Snapshot, Task
from .place import Place
from .tape import Result, unequal

ATTEMPTS = 50_000  # trainings of some epochs with a bit turned
SECONDS = 60.0  # that a search among the bits may take, and one among the operations of an epoch
ENDED = "the search took too long, and was ended: the epoch may be an earlier one, and a smaller network may tell more"
PARTS_AT_ONCE = {True: 64, False: 8}  # into which an interval of epochs is divided, by whether a stop costs nothing


class Difference(NamedTuple):
    """An epoch in which a machine's training leaves the reference's."""

    before: Snapshot  # the reference's
    mine: Result  # the machine's, after the epoch
    right: Result


def _bytes(state: array[float] | None) -> bytes:
    return b"" if state is None else state.tobytes()


def result_of(errors: array[float], after: Snapshot) -> Result:
    """What an epoch came to."""
    error = errors[-1] if errors else float("nan")
    return Result(after.parameters, array("d") if after.state is None else after.state, error)


def first_unequal(one: array[float], other: array[float]) -> int | None:
    """The place of the first number whose bits differ, or where one ends first."""
    for place, (a, b) in enumerate(zip(one, other)):
        if bits_of(a) != bits_of(b):
            return place
    return None if len(one) == len(other) else min(len(one), len(other))


def first_wrong_epoch(
    machine: Machine, reference: Machine, task: Task, at: Snapshot, until: int, tick: Callable[[int], None]
) -> Difference | None:
    """The first epoch from a right state on in which the machine differs; None where it does not, until that epoch."""
    mine, right = machine.session(task, at), reference.session(task, at)
    before = at
    part = max(1, -(-(until - at.epoch) // PARTS_AT_ONCE[machine.by_epochs]))
    while before.epoch < until:
        epochs = min(part, until - before.epoch)
        one, other = mine.advance(epochs), right.advance(epochs)
        tick(epochs)
        mine_after, after = mine.snapshot(), right.snapshot()
        place = first_unequal(one, other)
        states = machine.knows_states and _bytes(mine_after.state) != _bytes(after.state)
        if place is not None or mine_after.parameters.tobytes() != after.parameters.tobytes() or states:
            if epochs == 1:
                return Difference(before, result_of(one, mine_after), result_of(other, after))
            end = before.epoch + (epochs if place is None else place + 1)
            return first_wrong_epoch(machine, reference, task, before, end, tick)
        if after.epoch < before.epoch + epochs:  # both diverged, or their rule ended them
            return None
        before = after
    return None


def flipped_before(reference: Machine, task: Task, before: Snapshot, mine: Result) -> tuple[int, int] | None:
    """The parameter and the bit which, turned before an epoch, give what a machine had after it; None: none found."""
    end = time.monotonic() + SECONDS
    for k in range(len(before.parameters)):
        for bit in range(64):
            if time.monotonic() > end:
                return None
            values = array("d", before.parameters)
            values[k] = number_of(bits_of(values[k]) ^ 1 << bit)
            session = reference.session(task, before._replace(parameters=values))
            errors = session.advance(1)
            if errors and result_of(errors, session.snapshot()).same(mine):
                return k, 1 << bit
    return None


def transient(reference: Machine, task: Task, at: Snapshot, errors: array[float], after: Snapshot) -> Place:
    """Where a training went wrong that does not go wrong again, by the errors that it logged and where it came to."""
    right = reference.session(task, at).advance(len(errors))
    place = first_unequal(errors, right)
    if place is None:
        return _silent(reference, task, at, errors, after)
    session = reference.session(task, at)
    session.advance(place)
    before = session.snapshot()
    end = time.monotonic() + SECONDS
    for k in range(len(before.parameters)):
        for bit in range(64):
            if time.monotonic() > end:
                return Place(at.epoch + place, repeats=False, notes=(ENDED,))
            values = array("d", before.parameters)
            values[k] = number_of(bits_of(values[k]) ^ 1 << bit)
            other = reference.session(task, before._replace(parameters=values))
            one = other.advance(1)
            if first_unequal(one, errors[place : place + 1]) is None:
                other.advance(after.epoch - other.epoch)
                if other.snapshot().parameters.tobytes() == after.parameters.tobytes():
                    return Place(at.epoch + place, parameter=k, bits=1 << bit, when="before", repeats=False)
    return Place(at.epoch + place, repeats=False)


def _silent(reference: Machine, task: Task, at: Snapshot, errors: array[float], after: Snapshot) -> Place:
    """The same where the errors that it logged are right, and only where it came to is not."""
    session = reference.session(task, at)
    attempts, end = 0, time.monotonic() + SECONDS
    for epoch in range(at.epoch, after.epoch):
        before = session.snapshot()
        session.advance(1)
        for k in range(len(before.parameters)):
            for bit in range(64):
                attempts += 1
                if attempts > ATTEMPTS or time.monotonic() > end:
                    return Place(after.epoch - 1, repeats=False, notes=(ENDED,))
                values = array("d", before.parameters)
                values[k] = number_of(bits_of(values[k]) ^ 1 << bit)
                other = reference.session(task, before._replace(parameters=values))
                rest = other.advance(after.epoch - epoch)
                same = other.snapshot().parameters.tobytes() == after.parameters.tobytes()
                if same and first_unequal(rest, errors[epoch - at.epoch :]) is None:
                    return Place(epoch, parameter=k, bits=1 << bit, when="before", repeats=False)
    return Place(after.epoch - 1, repeats=False)


def memory_fault(reference: Machine, task: Task, difference: Difference) -> Place | None:
    """The one parameter whose bits were changed before or after an epoch; None where that does not explain it."""
    epoch = difference.before.epoch
    wrong = unequal(difference.right, difference.mine)
    if len(wrong) == 1 and max(wrong) < len(difference.right.parameters):
        k = max(wrong)
        bits = bits_of(difference.right.parameters[k]) ^ bits_of(difference.mine.parameters[k])
        return Place(epoch, parameter=k, bits=bits, when="after")
    flipped = flipped_before(reference, task, difference.before, difference.mine)
    if flipped is not None:
        return Place(epoch, parameter=flipped[0], bits=flipped[1], when="before")
    return None
