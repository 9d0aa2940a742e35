# SPDX-License-Identifier: MIT
"""The loop around the core's training slices: between slices Ctrl-C, callbacks and progress have their turn."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from typing import Any, NamedTuple

from . import _check, _pure
from ._backend import Core, expect_ok
from ._progress import Progress
from ._rows import Rows
from .errors import DivergedError
from .history import History

SLICE = 0.02  # seconds that a slice aims at
FIRST_BUDGET = 100_000  # rows times parameters of the first slice, well below SLICE on slow machines
LOG_SIZE = 4096  # logged epochs that a slice can hold

Callback = Callable[[int, float], Any]


class Options(NamedTuple):
    """Checked options of a training, as the core takes them."""

    epochs: int
    learning_rate: float
    batch_size: int | None
    shuffle_seed: int | None
    loss: int
    log_every: int


def train(
    core: Core,
    parameters: Any,
    shape: Any,
    x: Rows,
    y: Rows,
    options: Options,
    history: History,
    progress: bool | None,
    callback: Callback | None,
) -> None:
    """Trains `parameters` in place (contract §8) and fills `history` as it goes.

    However it ends, the parameters are those of the last whole epoch. DivergedError; KeyboardInterrupt; whatever the
    callback raises.
    """
    shuffle = options.shuffle_seed is not None
    training = core.training()
    order = core.words(x.rows if shuffle else 1)
    work = core.work(shape, core.train_size(shape))
    log = array("d", bytes(8 * LOG_SIZE))
    batch_size = x.rows if options.batch_size is None else min(options.batch_size, x.rows)
    seed = options.shuffle_seed or 0
    expect_ok(
        core.train_start(
            training,
            order,
            shape,
            x.rows,
            batch_size,
            options.log_every,
            options.learning_rate,
            options.loss,
            int(shuffle),
            seed,
        )
    )
    arguments = (core.doubles(log), training, parameters, work, order, shape, x.pointer, y.pointer, LOG_SIZE)

    def among_rows() -> bool:  # not in or before a shuffle, whose steps are cheaper than rows
        return not shuffle or bool(training.begun > training.epoch and training.to_shuffle == 0)

    def rows_done() -> int:
        within = training.row if training.begun > training.epoch else 0
        return int(training.epoch * x.rows + within)

    def logged() -> int:  # epochs so far; by their numbers, since an interrupted slice tells nothing else
        completed: int = training.epoch
        return -(-completed // options.log_every)

    def log_new() -> int:
        new = logged() - len(history)
        history._extend(log[:new])
        return new

    budget = max(1, FIRST_BUDGET // core.parameter_count(shape))
    shown = 0
    with Progress(options.epochs * x.rows, f"{options.epochs} epochs, rows", wanted=progress) as bar:
        try:
            while training.epoch < options.epochs:
                next_logged = logged() * options.log_every
                until = options.epochs if callback is None else min(options.epochs, next_logged + 1)
                telling = among_rows()
                started = time.perf_counter()
                status = core.train(*arguments, until, budget)
                elapsed = time.perf_counter() - started
                new = log_new()
                if status == _pure.DIVERGED:
                    raise _diverged(training.epoch, options.learning_rate)
                expect_ok(status)
                bar.update(rows_done() - shown)
                shown = rows_done()
                if callback is not None and training.epoch == next_logged + 1:
                    if _check.is_true(callback(next_logged, history._sse[-1] / history._terms)):
                        history.stopped = "callback"
                        return
                elif training.epoch < until and new < LOG_SIZE and telling and among_rows():  # the budget is used up
                    budget = max(1, int(budget * min(2.0, SLICE / max(elapsed, 1e-6))))
        except BaseException:
            _insist(log_new)
            _insist(lambda: core.train_undo(training, parameters, work, shape))
            raise
    history.stopped = "epochs"


def _insist(action: Callable[[], Any]) -> None:
    """Does what can be done over until it is done: a second Ctrl-C leaves nothing half done."""
    while True:
        try:
            action()
        except KeyboardInterrupt:
            continue
        return


def _diverged(epoch: int, learning_rate: float) -> DivergedError:
    return DivergedError(
        f"training diverged in epoch {epoch}: its squared error, or a parameter after it, is not finite; the network "
        f"is back at that epoch's start. learning_rate was {learning_rate!r}: try a smaller one, or scale the data",
        epoch,
    )
