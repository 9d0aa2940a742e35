# SPDX-License-Identifier: MIT
"""The loop around the core's training slices: between slices Ctrl-C, callbacks and progress have their turn."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypedDict

from . import _pure
from .checks import options as check
from .checks.matrices import Data
from .core import Core, expect_ok
from .errors import DivergedError
from .history import History
from .names import LOSSES, Loss

SLICE = 0.02  # seconds that a slice aims at
FIRST_BUDGET = 100_000  # rows times parameters of the first slice, well below SLICE on slow machines
LOG_SIZE = 4096  # logged epochs that a slice can hold, where there are as many

Callback = Callable[[int, float], Any]


class FitOptions(TypedDict, total=False):
    """How to train, as users of `fit` and of `sweep` alike give it."""

    batch_size: int | None
    shuffle_seed: int | None
    loss: Loss


class Options(NamedTuple):
    """Checked options of trainings: what of them all networks have in common."""

    epochs: int
    log_every: int
    batch_size: int | None
    shuffle_seed: int | None
    loss: int
    rule: int

    def settings(self, core: Core, rows: int, learning_rate: float) -> Any:
        """The core's bp_settings for so many rows."""
        return core.settings(
            batch_size=rows if self.batch_size is None else min(self.batch_size, rows),
            log_every=self.log_every,
            shuffle_seed=self.shuffle_seed or 0,
            learning_rate=learning_rate,
            loss=self.loss,
            rule=self.rule,
            shuffle=int(self.shuffle_seed is not None),
        )


def check_options(
    epochs: Any, log_every: Any, *, batch_size: Any = None, shuffle_seed: Any = None, loss: Any = "half_sse"
) -> Options:
    """The options of trainings, checked: FitOptions are keywords. TypeError, OptionError."""
    return Options(
        epochs=check.integer("epochs", epochs, 0),
        log_every=check.integer("log_every", log_every, 1),
        batch_size=None if batch_size is None else check.integer("batch_size", batch_size, 1),
        shuffle_seed=None if shuffle_seed is None else check.seed("shuffle_seed", shuffle_seed),
        loss=check.choice("loss", loss, LOSSES),
        rule=_pure.DESCENT,
    )


class Trainings:
    """Trainings of networks of one shape in place (contract §8), one for each learning rate, with their histories.

    `values`: the networks' parameters, one after the other.
    """

    def __init__(
        self,
        core: Core,
        shape: Any,
        values: array[float],
        data: Data,
        options: Options,
        learning_rates: Sequence[float],
    ):
        self.core = core
        self.shape = shape
        self.data = data
        self.options = options
        networks = len(learning_rates)
        self.histories = [History(options.log_every, data.rows * data.targets.width) for _ in range(networks)]
        log_size = min(LOG_SIZE, options.epochs // options.log_every + 1)
        self.limits = core.limits(budget=max(1, FIRST_BUDGET // len(values)), log_size=log_size)
        self.shuffle = options.shuffle_seed is not None
        self.group = core.group(values, shape, options.rule, networks, data.rows if self.shuffle else 1, log_size)
        self.arguments = (*self.group.arguments, shape, data.pointer, self.limits, networks)
        for training, order, rate in zip(self.group.trainings, self.group.orders, learning_rates):
            settings = options.settings(core, data.rows, rate)
            expect_ok(core.train_start(training, order, shape, settings, data.pointer))

    def lead(self) -> Any:
        """One that has not diverged, for all of those are at the same row; None where all are done."""
        left = [t for t, status in zip(self.group.trainings, self.group.statuses) if status == _pure.OK]
        return left[0] if left and left[0].epoch < self.options.epochs else None

    def is_among_rows(self, training: Any) -> bool:
        """Whether it is not in or before a shuffle, whose steps are cheaper than rows."""
        return not self.shuffle or bool(training.begun > training.epoch and training.to_shuffle == 0)

    def done(self, training: Any) -> tuple[int, int]:
        """The rows and the epochs that it has done."""
        within = training.row if training.begun > training.epoch else 0
        return int(training.epoch * self.data.rows + within), int(training.epoch)

    def log_new(self) -> int:
        """Logs what is new, by the epochs' numbers, since an interrupted slice tells nothing else; how many."""
        new = 0
        for training, log, history in zip(self.group.trainings, self.group.logs, self.histories):
            new = -(-training.epoch // self.options.log_every) - history.logged
            history.extend(log[:new])
        return new

    def settle(self) -> None:
        """Logs what is new, and goes back to the last whole epoch."""
        self.log_new()
        for training, parameters, work in zip(self.group.trainings, self.group.pointers, self.group.works):
            self.core.train_undo(training, parameters, work, self.shape)

    def run_slices(self, after_slice: Callable[[int, int], None], callback: Callback | None) -> bool:
        """Trains slice by slice; returns whether the callback ended it."""
        log_every = self.options.log_every
        shown = (0, 0)
        lead = self.lead()
        while lead is not None:
            next_logged = -(-lead.epoch // log_every) * log_every
            until = self.options.epochs if callback is None else min(self.options.epochs, next_logged + 1)
            self.limits.until = until
            telling = self.is_among_rows(lead)
            started = time.perf_counter()
            expect_ok(self.core.train_many(*self.arguments))
            elapsed = time.perf_counter() - started
            new = self.log_new()
            after_slice(*(now - before for now, before in zip(self.done(lead), shown)))
            shown = self.done(lead)
            if callback is not None and lead.epoch == next_logged + 1:
                if check.is_true(callback(next_logged, self.histories[0].last_mse)):
                    return True
            elif lead.epoch < until and new < self.limits.log_size and telling and self.is_among_rows(lead):
                # The budget is used up: its time tells how large the next one should be.
                self.limits.budget = max(1, int(self.limits.budget * min(2.0, SLICE / max(elapsed, 1e-6))))
            lead = self.lead()
        return False

    def run(self, after_slice: Callable[[int, int], None], callback: Callback | None = None) -> list[int | None]:
        """Trains to the end; returns the epoch in which each diverged, or None.

        `after_slice(rows, epochs)` hears how many more of each are done. `callback` is for a single network.
        However it ends, the parameters are those of the last whole epoch. KeyboardInterrupt; whatever the functions
        raise.
        """
        try:  # around a call, not a loop, some of whose jumps CPython 3.12 and later leave out of a `try`
            stopped = self.run_slices(after_slice, callback)
        except BaseException:
            try:
                _insist(self.settle)
            except BaseException:  # a second Ctrl-C on the way into it
                _insist(self.settle)
                raise
            raise
        if stopped:
            self.histories[0].stopped = "callback"
            return [None]
        ends = list(zip(self.group.trainings, self.group.statuses))
        for history, (_, status) in zip(self.histories, ends):
            history.stopped = "epochs" if status == _pure.OK else None
        return [training.epoch if status == _pure.DIVERGED else None for training, status in ends]


def _insist(action: Callable[[], Any]) -> None:
    """Does what can be done over until it is done: a second Ctrl-C leaves nothing half done."""
    while True:
        try:
            action()
        except KeyboardInterrupt:
            continue
        return


def diverged(epoch: int, learning_rate: float) -> DivergedError:
    """The error for a training that diverged."""
    return DivergedError(
        f"training diverged in epoch {epoch}: its squared error, or a parameter after it, is not finite; the network "
        f"is back at that epoch's start. learning_rate was {learning_rate!r}: try a smaller one, or scale the data",
        epoch,
    )
