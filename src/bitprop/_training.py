# SPDX-License-Identifier: MIT
"""The loop around the core's training slices: between slices Ctrl-C, callbacks and progress have their turn."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from . import _check, _pure
from ._backend import Core, expect_ok, means
from ._rows import Rows
from .errors import DivergedError
from .history import History

SLICE = 0.02  # seconds that a slice aims at
FIRST_BUDGET = 100_000  # rows times parameters of the first slice, well below SLICE on slow machines
LOG_SIZE = 4096  # logged epochs that a slice can hold

Callback = Callable[[int, float], Any]


class Options(NamedTuple):
    """Checked options of trainings, as the core takes them."""

    epochs: int
    batch_size: int | None
    shuffle_seed: int | None
    loss: int
    log_every: int


def train(
    core: Core,
    values: array[float],
    shape: Any,
    x: Rows,
    y: Rows,
    options: Options,
    learning_rates: Sequence[float],
    histories: Sequence[History],
    after_slice: Callable[[int, int], None],
    callback: Callback | None = None,
) -> list[int | None]:
    """Trains networks of one shape in place (contract §8), one for each learning rate, and fills `histories`.

    `values`: their parameters, one after the other. `after_slice(rows, epochs)` hears how many more of each are done.
    Returns the epoch in which each diverged, or None. `callback` is for a single network.
    However it ends, the parameters are those of the last whole epoch. KeyboardInterrupt; whatever the functions raise.
    """
    shuffle = options.shuffle_seed is not None
    networks = len(learning_rates)
    group = core.group(values, shape, networks, x.rows if shuffle else 1, LOG_SIZE)
    batch_size = x.rows if options.batch_size is None else min(options.batch_size, x.rows)
    batches = (shape, x.rows, batch_size, options.log_every)
    for training, order, rate in zip(group.trainings, group.orders, learning_rates):
        seed = options.shuffle_seed or 0
        expect_ok(core.train_start(training, order, *batches, rate, options.loss, int(shuffle), seed))
    arguments = (*group.arguments, shape, x.pointer, y.pointer, networks, LOG_SIZE)

    def in_training() -> Any:  # one that has not diverged: all of those are at the same row
        found = [t for t, status in zip(group.trainings, group.statuses) if status == _pure.OK]
        return found[0] if found and found[0].epoch < options.epochs else None

    def among_rows(training: Any) -> bool:  # not in or before a shuffle, whose steps are cheaper than rows
        return not shuffle or bool(training.begun > training.epoch and training.to_shuffle == 0)

    def done(training: Any) -> tuple[int, int]:
        within = training.row if training.begun > training.epoch else 0
        return int(training.epoch * x.rows + within), int(training.epoch)

    def log_new() -> int:  # by the epochs' numbers, since an interrupted slice tells nothing else
        new = 0
        for training, log, history in zip(group.trainings, group.logs, histories):
            new = -(-training.epoch // options.log_every) - len(history._logged)
            history._extend(log[:new])
        return new

    def settle() -> None:
        log_new()
        for training, parameters, work in zip(group.trainings, group.pointers, group.works):
            core.train_undo(training, parameters, work, shape)

    budget = max(1, FIRST_BUDGET // len(values))
    shown = (0, 0)
    lead = in_training()
    try:
        while lead is not None:
            next_logged = -(-lead.epoch // options.log_every) * options.log_every
            until = options.epochs if callback is None else min(options.epochs, next_logged + 1)
            telling = among_rows(lead)
            started = time.perf_counter()
            expect_ok(core.train_many(*arguments, until, budget))
            elapsed = time.perf_counter() - started
            new = log_new()
            after_slice(*(now - before for now, before in zip(done(lead), shown)))
            shown = done(lead)
            if callback is not None and lead.epoch == next_logged + 1:
                [mse] = means(core, histories[0]._logged[-1:], histories[0]._terms)
                if _check.is_true(callback(next_logged, mse)):
                    histories[0].stopped = "callback"
                    return [None]
            elif lead.epoch < until and new < LOG_SIZE and telling and among_rows(lead):  # the budget is used up
                budget = max(1, int(budget * min(2.0, SLICE / max(elapsed, 1e-6))))
            lead = in_training()
    except BaseException:
        try:
            _insist(settle)
        except BaseException:  # a second Ctrl-C on the way into it
            _insist(settle)
            raise
        raise
    for history, status in zip(histories, group.statuses):
        history.stopped = "epochs" if status == _pure.OK else None
    return [t.epoch if status == _pure.DIVERGED else None for t, status in zip(group.trainings, group.statuses)]


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
