# SPDX-License-Identifier: MIT
"""Memory for several trainings of one shape on the same rows, as the core's `train_many` takes it."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import _pure


class Memory(NamedTuple):
    """The lists have an item for each network; `arguments` are the first ones of the function that trains a slice."""

    logs: Sequence[array[float] | memoryview[float]]
    parameters: Sequence[array[float] | memoryview[float]]
    pointers: Sequence[Any]  # to these parameters
    statuses: Any
    trainings: list[Any]
    orders: list[Any]
    works: list[Any]
    arguments: tuple[Any, ...]


class Group(Memory):
    """Trainings by gradient steps, side by side; `arguments` are the first six of `train_many`, the same memory."""

    def start(self, core: Any, n: int, shape: Any, settings: Any, data: Any) -> int:
        """Prepares the training of network `n`; the status."""
        return int(core.train_start(self.trainings[n], self.orders[n], shape, settings, data))

    def train(self, core: Any, shape: Any, data: Any, limits: Any) -> int:
        """Trains a slice of each; the status of the call."""
        return int(core.train_many(*self.arguments, shape, data, limits, len(self.trainings)))

    def undo(self, core: Any, n: int, shape: Any) -> None:
        """Takes network `n` back to its last whole epoch."""
        core.train_undo(self.trainings[n], self.pointers[n], self.works[n], shape)

    def state_size(self, core: Any, shape: Any, rule: int) -> int:
        """The numbers that the rule keeps."""
        return int(core.state_size(shape, rule))

    def state(self, core: Any, n: int, shape: Any, state: array[float]) -> bool:
        """Fills `state` with what the rule keeps of network `n`; False before the first epoch: nothing."""
        if self.trainings[n].has_state:
            core.train_state(core.doubles(state), self.trainings[n], self.works[n], shape)
        return bool(self.trainings[n].has_state)

    def resume(self, core: Any, n: int, shape: Any, state: array[float], epoch: int) -> None:
        """Makes the training of network `n`, which was just prepared, begin at that epoch with this state."""
        core.train_resume(self.trainings[n], self.works[n], shape, core.doubles(state), epoch)


class LevenbergGroup(Group):
    """One training by the rule of Levenberg and Marquardt; `arguments` are the first four of `levenberg_train`."""

    def start(self, core: Any, n: int, shape: Any, settings: Any, data: Any) -> int:
        """Prepares the training; the status."""
        return int(core.levenberg_start(self.trainings[n], shape, settings, data))

    def train(self, core: Any, shape: Any, data: Any, limits: Any) -> int:
        """Trains a slice; OK, or the status of a call that was refused. Its end is in `statuses`."""
        self.statuses[0] = status = core.levenberg_train(*self.arguments, shape, data, limits)
        return int(status) if status in (_pure.E_SHAPE, _pure.E_OPTION) else _pure.OK

    def undo(self, core: Any, n: int, shape: Any) -> None:
        """Takes the network back to its last whole epoch."""
        core.levenberg_undo(self.trainings[n], self.pointers[n], self.works[n], shape)

    def state_size(self, core: Any, shape: Any, rule: int) -> int:
        """It keeps mu."""
        return 1

    def state(self, core: Any, n: int, shape: Any, state: array[float]) -> bool:
        """Fills `state` with mu."""
        state[0] = self.trainings[n].mu
        return True

    def resume(self, core: Any, n: int, shape: Any, state: array[float], epoch: int) -> None:
        """Makes the training, which was just prepared, begin at that epoch with this mu."""
        training = self.trainings[n]
        training.mu, training.epoch, training.begun = state[0], epoch, epoch


def split(values: array[float], rows: int) -> Sequence[array[float] | memoryview[float]]:
    """The rows of a matrix: views, but for a single one, since views are slow where Python itself calculates."""
    if rows == 1:
        return [values]
    width = len(values) // rows
    view: memoryview[float] = memoryview(values)
    return [view[at : at + width] for at in range(0, rows * width, width)] if width else [view] * rows
