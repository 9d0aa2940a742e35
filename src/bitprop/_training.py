# SPDX-License-Identifier: MIT
"""The loop around the core's training slices: between slices Ctrl-C, callbacks and progress have their turn."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from . import _pure
from .checks import options as check
from .checks.matrices import Data, to_array, zeros
from .core import Core, expect_ok, mode
from .errors import OptionError
from .fit_options import Options, Rate
from .resuming import TrainingState, describing, replay_shuffles
from .stopping import Stopping

SLICE = 0.02  # seconds that a slice aims at
FIRST_BUDGET = 100_000  # rows times parameters of the first slice, well below SLICE on slow machines
LOG_SIZE = 4096  # logged epochs that a slice can hold, where there are as many
STOPPED = 100  # the status of a network that a criterion stopped, beside those of bp_status
RULE_STOPS = {_pure.GRADIENT_STOP: "gradient", _pure.MU_STOP: "mu"}  # statuses of trainings that their rule ended

if TYPE_CHECKING:
    from .receipts.record import Recorder

Callback = Callable[[int, float], Any]


class Trainings:
    """Trainings of networks of one shape in place (contract §8), one for each learning rate, with their histories.

    `values`: the networks' parameters, one after the other. `validation`: the rows that checks measure. Of a single
    training, `resumed` is what it goes on from, `carried` the state of the rule with which it begins instead, and
    `keep` is called with what it leaves, however it ends. `recorders`: one for each training, of receipts.
    """

    def __init__(
        self,
        core: Core,
        shape: Any,
        values: array[float],
        data: Data,
        options: Options,
        learning_rates: Sequence[Rate],
        validation: Data | None = None,
        resumed: TrainingState | None = None,
        keep: Callable[[TrainingState], None] | None = None,
        carried: array[float] | None = None,
        recorders: Sequence[Recorder] = (),
    ):
        self.core = core
        self.shape = shape
        self.data = data
        self.options = options
        self.learning_rates = learning_rates
        self.keep = keep
        self.recorders = recorders
        self.last: array[float] | None = (
            None  # parameters of the last epoch, where those of the best check were put back
        )
        networks = len(learning_rates)
        self.histories = [options.history(data.rows, data.targets.width) for _ in range(networks)]
        log_size = min(LOG_SIZE, options.epochs // options.log_every + 1)
        self.limits = core.limits(budget=max(1, FIRST_BUDGET // len(values)), log_size=log_size)
        self.shuffle = options.shuffle_seed is not None
        self.group = options.group(core, values, shape, networks, data.rows, log_size)
        self.rates = [core.doubles(rate) if isinstance(rate, array) and rate else None for rate in learning_rates]
        for n, (rate, rates) in enumerate(zip(learning_rates, self.rates)):
            settings = options.settings(core, data.rows, rate if isinstance(rate, float) else 0.0, rates)
            expect_ok(self.group.start(core, n, shape, settings, data.pointer))
        if carried is not None:
            self._take_state(carried, 0)
        elif options.first_steps is not None:
            state = drawn_state(core, len(values) // networks, *options.first_steps)
            for n in range(networks):
                self.group.resume(core, n, shape, state, 0)
        self.resumed_at = 0  # epochs that were done before
        self._prepare_checks(memoryview(values), validation)
        # The epoch of the last check; and what there was before a check that is being made, to which Ctrl-C goes back.
        self.checks: tuple[int, list[tuple[dict[str, Any], int, int | None]] | None] = (0, None)
        self.resumed = resumed  # until its parameters are those of the network
        if resumed is not None:
            self._resume(resumed)

    def _take_state(self, state: array[float], epoch: int) -> None:
        """Makes the only training begin at an epoch with a state of its rule. OptionError: one of another length."""
        expected = self.group.state_size(self.core, self.shape, self.options.rule)
        if len(state) != expected:
            given = f"the training that is to go on has a state of {len(state)} numbers"
            raise OptionError(f"{given}, expected {expected}")
        self.group.resume(self.core, 0, self.shape, state, epoch)

    def _resume(self, resumed: TrainingState) -> None:
        """Makes the only training go on."""
        group, core, options = self.group, self.core, self.options
        _, kept = self.bests[0]
        if resumed.state is not None:
            self._take_state(resumed.state, resumed.epoch)
        if options.shuffle_seed is not None:
            order = group.trainings[0], group.orders[0], self.data.rows
            replay_shuffles(core, *order, options.shuffle_seed, resumed.epoch)
        if resumed.best is not None:
            kept[:] = memoryview(resumed.best)
        self.histories = [resumed.history.copy()]
        self.histories[0].stopped = None
        self.stoppings[0].go_on(resumed.stopping)
        self.checks = (resumed.stopping["checked"], None)
        if self.stoppings[0].reason is not None:
            group.statuses[0] = STOPPED

    def state(self) -> TrainingState:
        """What the only training, which is between two epochs, leaves."""
        training, core = self.group.trainings[0], self.core
        state = zeros(self.group.state_size(core, self.shape, self.options.rule))
        has_state = self.group.state(core, 0, self.shape, state)
        parameters, kept = self.bests[0]
        return TrainingState(
            describing(self.options, self.learning_rates[0], self.data, training.epoch),
            training.epoch,
            state if has_state else None,
            to_array(parameters) if self.last is None else self.last,
            to_array(parameters),
            to_array(kept) if self.options.criteria.keeps_best else None,
            self.histories[0],
            {**self.stoppings[0].to_fields(), "checked": self.checks[0]},
        )

    def _prepare_checks(self, values: memoryview[float], validation: Data | None) -> None:
        criteria = self.options.criteria
        self.stoppings = [Stopping(criteria) for _ in self.histories]
        self.validation = validation
        self.judged = self.data if validation is None and criteria.goal is not None else validation
        self.checked = self.judged is not None or criteria.stop_progress is not None
        if self.judged is not None:
            self.check_work = self.core.work(self.shape, self.core.predict_size(self.shape))
        self.figure = array("d", [0.0])
        self.figure_pointer = self.core.doubles(self.figure)
        count = len(values) // len(self.histories)
        best: memoryview[float] = memoryview(zeros(len(values) if criteria.keeps_best else 0))
        # Each network's parameters, and where those of its best check are kept: copied in one step, in any interrupt.
        self.bests: list[tuple[memoryview[float], memoryview[float]]] = [
            (values[at : at + count], best[at : at + count]) for at in range(0, len(values), count)
        ]

    def judge(self) -> None:
        """Measures and judges all trainings that go on, which are at a check; ends those that are to stop."""
        mode.require_standard("judging a training")
        criteria = self.options.criteria
        if self.keep is not None:
            judges = zip(self.stoppings, self.histories)
            before = [(each.to_fields(), history.check_count, history.best_epoch) for each, history in judges]
            self.checks = (self.checks[0], before)
        epoch = 0
        for n, (training, history, stopping) in enumerate(zip(self.group.trainings, self.histories, self.stoppings)):
            if self.group.statuses[n] != _pure.OK:
                continue
            epoch = training.epoch
            errors = history.last_errors(self.options.check_every) if criteria.stop_progress is not None else ()
            best = stopping.check(self._loss(n), errors)
            if self.validation is not None:
                history.add_validation(self.figure[0])
                if best:
                    if criteria.keeps_best:
                        parameters, kept = self.bests[n]
                        kept[:] = parameters
                    history.best_epoch = training.epoch
            if stopping.reason is not None:
                self.group.statuses[n] = STOPPED
        self.checks = (epoch, None)

    def _loss(self, n: int) -> float:
        """The loss that a check judges, of network `n`; infinite where there is none."""
        if self.judged is None:
            return math.inf
        arguments = self.shape, self.group.pointers[n], self.judged.pointer, self.options.loss
        expect_ok(self.core.loss(self.figure_pointer, self.check_work, *arguments))
        return self.figure[0]

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
        """Logs what is new, by the epochs' numbers, since an interrupted slice tells nothing else; how many at most."""
        most = 0
        for training, log, history in zip(self.group.trainings, self.group.logs, self.histories):
            new = -(-training.epoch // self.options.log_every) - history.logged
            history.extend(log[:new])
            history.trained = training.epoch
            most = max(most, new)  # those that have ended have none
        return most

    def record(self) -> None:
        """Takes a checkpoint of the receipt of each training that goes on."""
        for n, (recorder, history, (parameters, _)) in enumerate(zip(self.recorders, self.histories, self.bests)):
            if self.group.statuses[n] == _pure.OK:
                recorder.take(self.group.trainings[n].epoch, history, parameters)

    def settle(self) -> None:
        """Logs what is new, and goes back to the last whole epoch."""
        if self.resumed is not None:  # which had not begun: its network stays as it was
            self.bests[0][0][:] = memoryview(self.resumed.left)
            return
        _, before = self.checks
        if before is not None:  # Ctrl-C in a check, which is made again where the training goes on
            for stopping, history, (fields, checks, best_epoch) in zip(self.stoppings, self.histories, before):
                stopping.go_on(fields)
                history.keep_checks(checks)
                history.best_epoch = best_epoch
        self.log_new()
        for n in range(len(self.histories)):
            self.group.undo(self.core, n, self.shape)
        if self.keep is not None:
            self.keep(self.state())

    def run_slices(
        self,
        after_slice: Callable[[int, int], None],
        callback: Callback | None,
        checkpoint: Callable[[TrainingState], Any] | None,
        seconds: float,
    ) -> bool:
        """Trains slice by slice; returns whether the callback ended it."""
        log_every, check_every = self.options.log_every, self.options.check_every
        if self.resumed is not None:
            self.bests[0][0][:] = memoryview(self.resumed.parameters)
            self.resumed = None
            first = self.group.trainings[0]
            is_due = first.epoch % check_every == 0 and first.epoch > self.checks[0]
            if self.checked and is_due and self.group.statuses[0] == _pure.OK:
                self.judge()
        lead = self.lead()
        shown = (0, 0) if lead is None else self.done(lead)
        next_checkpoint = time.perf_counter() + seconds
        next_recorded = self.recorders[0].every if self.recorders else 0
        while lead is not None:
            next_logged = -(-lead.epoch // log_every) * log_every
            until = self.options.epochs if callback is None else min(self.options.epochs, next_logged + 1)
            next_check = (lead.epoch // check_every + 1) * check_every
            if self.checked:
                until = min(until, next_check)
            if self.recorders:
                until = min(until, next_recorded)
            due = checkpoint is not None and time.perf_counter() >= next_checkpoint
            if due:
                until = min(until, lead.epoch + 1)
            self.limits.until = until
            telling = self.is_among_rows(lead)
            started = time.perf_counter()
            expect_ok(self.group.train(self.core, self.shape, self.data.pointer, self.limits))
            elapsed = time.perf_counter() - started
            new = self.log_new()
            after_slice(*(now - before for now, before in zip(self.done(lead), shown)))
            shown = self.done(lead)
            if self.recorders and lead.epoch == next_recorded:
                self.record()
                next_recorded += self.recorders[0].every
            if self.checked and lead.epoch == next_check:
                self.judge()
            if due and checkpoint is not None and lead.begun == lead.epoch:
                checkpoint(self.state())
                next_checkpoint = time.perf_counter() + seconds
            if callback is not None and lead.epoch == next_logged + 1:
                if check.is_true(callback(next_logged, self.histories[0].last_loss)):
                    return True
            elif lead.epoch < until and new < self.limits.log_size and telling and self.is_among_rows(lead):
                # The budget is used up: its time tells how large the next one should be.
                self.limits.budget = max(1, int(self.limits.budget * min(2.0, SLICE / max(elapsed, 1e-6))))
            lead = self.lead()
        return False

    def run(
        self,
        after_slice: Callable[[int, int], None],
        callback: Callback | None = None,
        checkpoint: Callable[[TrainingState], Any] | None = None,
        seconds: float = 0.0,
    ) -> list[int | None]:
        """Trains to the end; returns the epoch in which each diverged, or None.

        `after_slice(rows, epochs)` hears how many more of each are done. `callback` is for a single network, and
        so is `checkpoint`, which is called between two epochs, about every so many seconds.
        However it ends, the parameters are those of the last whole epoch; where it ends by itself or by a callback, and
        the criteria ask for it, those of the best check. KeyboardInterrupt; whatever the functions raise.
        """
        try:  # around a call, not a loop, some of whose jumps CPython 3.12 and later leave out of a `try`
            stopped = self.run_slices(after_slice, callback, checkpoint, seconds)
        except BaseException:
            try:
                _insist(self.settle)
            except BaseException:  # a second Ctrl-C on the way into it
                _insist(self.settle)
                raise
            raise
        ends = list(zip(self.group.trainings, self.group.statuses, self.histories, self.stoppings))
        for n, ((_, status, history, stopping), (parameters, kept)) in enumerate(zip(ends, self.bests)):
            if status == _pure.DIVERGED:
                continue
            if self.recorders:
                self.recorders[n].take(history.trained, history, parameters)
            if self.options.criteria.keeps_best and history.best_epoch is not None:
                self.last = to_array(parameters)
                parameters[:] = kept
            by_rule = RULE_STOPS.get(status)
            history.stopped = stopping.reason or by_rule or ("callback" if stopped else "epochs")
        if self.keep is not None:
            self.keep(self.state())
        return [training.epoch if status == _pure.DIVERGED else None for training, status, _, _ in ends]


def drawn_state(core: Core, count: int, low: float, high: float, seed: int) -> array[float]:
    """The state of rprop for so many parameters, with first steps that are drawn between two numbers (contract §7)."""
    mode.require_standard("drawing first steps")
    generator = core.generator()
    core.generator_seed(generator, seed, _pure.STREAM_STEPS)
    steps = [low + (high - low) * core.generator_random(generator) for _ in range(count)]
    return array("d", [0.0] * count + steps)


def _insist(action: Callable[[], Any]) -> None:
    """Does what can be done over until it is done: a second Ctrl-C leaves nothing half done."""
    while True:
        try:
            action()
        except KeyboardInterrupt:
            continue
        return
