# SPDX-License-Identifier: MIT
"""The loop around the core's training slices: between slices Ctrl-C, callbacks and progress have their turn."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypedDict, Union

from . import _pure
from .checks import options as check
from .checks.matrices import Data, zeros
from .core import Core, expect_ok, mode
from .errors import DivergedError, OptionError, quoted
from .history import History
from .names import LEARNING_RATES, LOSSES, RULE_OPTIONS, RULES, Loss, Rule
from .stopping import Rules, Stopping

SLICE = 0.02  # seconds that a slice aims at
FIRST_BUDGET = 100_000  # rows times parameters of the first slice, well below SLICE on slow machines
LOG_SIZE = 4096  # logged epochs that a slice can hold, where there are as many
STOPPED = 1  # the status of a network that trains no further, among bp_status, which are 0 and below

Callback = Callable[[int, float], Any]


Rate = Union[float, "array[float]"]  # one learning rate, or one for each epoch


class DecayOptions(TypedDict, total=False):
    """The options of weight decay, which every rule has."""

    weight_decay: float
    decay_biases: bool


class RuleOptions(DecayOptions, total=False):
    """The options of update rules (names.RULE_OPTIONS), each for some of them."""

    momentum: float
    beta1: float
    beta2: float
    epsilon: float
    increase: float
    decrease: float
    first_step: float
    step_min: float
    step_max: float


class StepOptions(TypedDict, total=False):
    """The options of steps, which every rule has."""

    batch_size: int | None
    shuffle_seed: int | None
    loss: Loss
    rule: Rule


class StopOptions(TypedDict, total=False):
    """When to stop, and what is measured for it."""

    validation: tuple[Any, Any] | float | None
    split_seed: int
    check_every: int
    patience: int | None
    min_delta: float
    goal: float | None
    stop_gl: float | None
    stop_progress: float | None


class FitOptions(StepOptions, StopOptions, RuleOptions, total=False):
    """How to train, as users of `fit` and of `sweep` alike give it."""


class Options(NamedTuple):
    """Checked options of trainings: what of them all networks have in common."""

    epochs: int
    log_every: int
    batch_size: int | None
    shuffle_seed: int | None
    loss: int
    rule: int
    constants: tuple[float, ...]  # of the rule, as the core has them
    weight_decay: float
    decay_biases: bool
    validation: tuple[Any, Any] | float | None  # rows, or the share that is split off
    split_seed: int
    check_every: int
    rules: Rules
    skipped: int = 0  # logged epochs at the start that a history hides

    def rate(self, learning_rate: Any) -> Rate:
        """A given learning rate, checked; that of the rule for None, and 0.0 where the rule uses none.

        TypeError, OptionError.
        """
        rule = RULES[self.rule]
        if rule not in LEARNING_RATES:
            if learning_rate is not None:
                raise OptionError(f"learning_rate is given for {rule}, which uses {', '.join(_options_of(rule))}")
            return 0.0
        return LEARNING_RATES[rule] if learning_rate is None else check.learning_rates(learning_rate, self.epochs)

    def telling_rate(self, rate: Rate) -> float | None:
        """The one learning rate of a training, None where there is not one, for hints."""
        return rate if isinstance(rate, float) and RULES[self.rule] in LEARNING_RATES else None

    def diverged(self, epoch: int, rate: Rate) -> DivergedError:
        """The error for a training that diverged in that epoch."""
        if RULES[self.rule] in LEARNING_RATES:
            now = rate if isinstance(rate, float) else rate[epoch]
            cure = f"learning_rate was {now!r}: try a smaller one, or scale the data"
        else:
            cure = "try a smaller step_max, or scale the data"
        return DivergedError(
            f"training diverged in epoch {epoch}: its error, or a parameter after it, is not finite; the "
            f"network is back at that epoch's start. {cure}",
            epoch,
        )

    def history(self, rows: int, outputs: int) -> History:
        """A history without logged epochs, of a training on so many rows and outputs."""
        return History(self.log_every, rows, outputs, LOSSES[self.loss], self.skipped, self.check_every)

    def settings(self, core: Core, rows: int, learning_rate: float, learning_rates: Any = None) -> Any:
        """The core's bp_settings for so many rows; `learning_rates`: a pointer, kept by the caller, or None."""
        return core.settings(
            batch_size=rows if self.batch_size is None else min(self.batch_size, rows),
            log_every=self.log_every,
            shuffle_seed=self.shuffle_seed or 0,
            learning_rate=learning_rate,
            loss=self.loss,
            rule=self.rule,
            shuffle=int(self.shuffle_seed is not None),
            weight_decay=self.weight_decay,
            constants=self.constants,
            learning_rates=learning_rates,
            decay_biases=int(self.decay_biases),
        )


def _options_of(rule: Rule) -> list[str]:
    """The names of a rule's options."""
    return [*RULE_OPTIONS[rule], *DecayOptions.__annotations__]


def _check_constants(rule: Rule, given: Mapping[str, Any]) -> tuple[float, ...]:
    """The rule's constants as the core has them, five; `given`: all options of rules that the user gave.

    TypeError, OptionError.
    """
    for name in given:
        if name not in RuleOptions.__annotations__:
            raise TypeError(f"training has no option {name}: {rule} has {', '.join(_options_of(rule))}")
        if name not in _options_of(rule):
            raise OptionError(f"{name} is given for {rule}, which uses {', '.join(_options_of(rule))}")
    numbers = {name: check.limited(name, given.get(name, default)) for name, default in RULE_OPTIONS[rule].items()}
    if rule == "rprop" and check.order(numbers["step_min"]) > check.order(numbers["step_max"]):
        least, most = numbers["step_min"], numbers["step_max"]
        raise OptionError(f"step_min is {least!r}, expected at most step_max, which is {most!r}")
    return (*numbers.values(), 0.0, 0.0, 0.0, 0.0, 0.0)[:5]


def check_options(
    epochs: Any,
    log_every: Any,
    *,
    batch_size: Any = None,
    shuffle_seed: Any = None,
    loss: Any = "half_sse",
    rule: Any = "descent",
    validation: Any = None,
    split_seed: Any = 0,
    check_every: Any = 1,
    patience: Any = None,
    min_delta: Any = 0.0,
    goal: Any = None,
    stop_gl: Any = None,
    stop_progress: Any = None,
    **given: Any,
) -> Options:
    """The options of trainings, checked: FitOptions are keywords. TypeError, OptionError."""
    rule_code = check.choice("rule", rule, RULES)
    options = Options(
        epochs=check.integer("epochs", epochs, 0),
        log_every=check.integer("log_every", log_every, 1),
        batch_size=None if batch_size is None else check.integer("batch_size", batch_size, 1),
        shuffle_seed=None if shuffle_seed is None else check.seed("shuffle_seed", shuffle_seed),
        loss=check.choice("loss", loss, LOSSES),
        rule=rule_code,
        constants=_check_constants(RULES[rule_code], given),
        weight_decay=check.limited("weight_decay", given.get("weight_decay", 0.0)),
        decay_biases=check.boolean("decay_biases", given.get("decay_biases", False)),
        validation=check.validation(validation),
        split_seed=check.seed("split_seed", split_seed),
        check_every=check.integer("check_every", check_every, 1),
        rules=Rules(
            patience=None if patience is None else check.integer("patience", patience, 1),
            min_delta=check.not_negative("min_delta", min_delta),
            goal=None if goal is None else check.not_negative("goal", goal),
            stop_gl=None if stop_gl is None else check.not_negative("stop_gl", stop_gl),
            stop_progress=None if stop_progress is None else check.not_negative("stop_progress", stop_progress),
        ),
    )
    _check_effects(options)
    return options


def _check_effects(options: Options) -> None:
    """OptionError where an option has no effect without another, or against it."""
    rules, validated = options.rules, options.validation is not None
    checked = validated or rules.goal is not None or rules.stop_progress is not None
    for name, value, default, works, needed in (
        ("patience", rules.patience, None, validated, "validation"),
        ("min_delta", rules.min_delta, 0.0, validated, "validation"),
        ("stop_gl", rules.stop_gl, None, validated, "validation"),
        ("check_every", options.check_every, 1, checked, "validation, goal or stop_progress"),
        ("split_seed", options.split_seed, 0, isinstance(options.validation, float), "a share as validation"),
    ):
        if value != default and not works:
            raise OptionError(f"{name} is {quoted(value)}, which has no effect alone: expected {needed} with it")
    if rules.stop_progress is not None and options.check_every == 1:
        raise OptionError("check_every is 1, expected 2 or more with stop_progress, which compares as many epochs")
    if rules.stop_progress is not None and options.log_every != 1:
        raise OptionError(f"log_every is {options.log_every}, expected 1 with stop_progress, which reads every epoch")


class Trainings:
    """Trainings of networks of one shape in place (contract §8), one for each learning rate, with their histories.

    `values`: the networks' parameters, one after the other. `validation`: the rows that checks measure.
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
    ):
        self.core = core
        self.shape = shape
        self.data = data
        self.options = options
        networks = len(learning_rates)
        self.histories = [options.history(data.rows, data.targets.width) for _ in range(networks)]
        log_size = min(LOG_SIZE, options.epochs // options.log_every + 1)
        self.limits = core.limits(budget=max(1, FIRST_BUDGET // len(values)), log_size=log_size)
        self.shuffle = options.shuffle_seed is not None
        self.group = core.group(values, shape, options.rule, networks, data.rows if self.shuffle else 1, log_size)
        self.arguments = (*self.group.arguments, shape, data.pointer, self.limits, networks)
        self.rates = [core.doubles(rate) if isinstance(rate, array) and rate else None for rate in learning_rates]
        for training, order, rate, rates in zip(self.group.trainings, self.group.orders, learning_rates, self.rates):
            settings = options.settings(core, data.rows, rate if isinstance(rate, float) else 0.0, rates)
            expect_ok(core.train_start(training, order, shape, settings, data.pointer))
        self._prepare_checks(memoryview(values), validation)

    def _prepare_checks(self, values: memoryview[float], validation: Data | None) -> None:
        rules = self.options.rules
        self.stoppings = [Stopping(rules) for _ in self.histories]
        self.validation = validation
        self.judged = self.data if validation is None and rules.goal is not None else validation
        self.checked = self.judged is not None or rules.stop_progress is not None
        if self.judged is not None:
            self.check_work = self.core.work(self.shape, self.core.predict_size(self.shape))
        self.figure = array("d", [0.0])
        self.figure_pointer = self.core.doubles(self.figure)
        count = len(values) // len(self.histories)
        best = memoryview(zeros(len(values) if rules.keeps_best else 0))
        # Each network's parameters, and where those of its best check are kept: copied in one step, in any interrupt.
        self.bests = [(values[at : at + count], best[at : at + count]) for at in range(0, len(values), count)]

    def judge(self) -> None:
        """Measures and judges all trainings that go on, which are at a check; ends those that are to stop."""
        mode.require_standard("judging a training")
        rules = self.options.rules
        for n, (training, history, stopping) in enumerate(zip(self.group.trainings, self.histories, self.stoppings)):
            if self.group.statuses[n] != _pure.OK:
                continue
            errors = history.last_errors(self.options.check_every) if rules.stop_progress is not None else ()
            best = stopping.check(self._loss(n), errors)
            if self.validation is not None:
                history.add_validation(self.figure[0])
                if best:
                    if rules.keeps_best:
                        parameters, kept = self.bests[n]
                        kept[:] = parameters
                    history.best_epoch = training.epoch
            if stopping.reason is not None:
                self.group.statuses[n] = STOPPED

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

    def settle(self) -> None:
        """Logs what is new, and goes back to the last whole epoch."""
        self.log_new()
        for training, parameters, work in zip(self.group.trainings, self.group.pointers, self.group.works):
            self.core.train_undo(training, parameters, work, self.shape)

    def run_slices(self, after_slice: Callable[[int, int], None], callback: Callback | None) -> bool:
        """Trains slice by slice; returns whether the callback ended it."""
        log_every, check_every = self.options.log_every, self.options.check_every
        shown = (0, 0)
        lead = self.lead()
        while lead is not None:
            next_logged = -(-lead.epoch // log_every) * log_every
            until = self.options.epochs if callback is None else min(self.options.epochs, next_logged + 1)
            next_check = (lead.epoch // check_every + 1) * check_every
            if self.checked:
                until = min(until, next_check)
            self.limits.until = until
            telling = self.is_among_rows(lead)
            started = time.perf_counter()
            expect_ok(self.core.train_many(*self.arguments))
            elapsed = time.perf_counter() - started
            new = self.log_new()
            after_slice(*(now - before for now, before in zip(self.done(lead), shown)))
            shown = self.done(lead)
            if self.checked and lead.epoch == next_check:
                self.judge()
            if callback is not None and lead.epoch == next_logged + 1:
                if check.is_true(callback(next_logged, self.histories[0].last_loss)):
                    return True
            elif lead.epoch < until and new < self.limits.log_size and telling and self.is_among_rows(lead):
                # The budget is used up: its time tells how large the next one should be.
                self.limits.budget = max(1, int(self.limits.budget * min(2.0, SLICE / max(elapsed, 1e-6))))
            lead = self.lead()
        return False

    def run(self, after_slice: Callable[[int, int], None], callback: Callback | None = None) -> list[int | None]:
        """Trains to the end; returns the epoch in which each diverged, or None.

        `after_slice(rows, epochs)` hears how many more of each are done. `callback` is for a single network.
        However it ends, the parameters are those of the last whole epoch; where it ends by itself or by a callback, and
        the rules ask for it, those of the best check. KeyboardInterrupt; whatever the functions raise.
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
        ends = list(zip(self.group.trainings, self.group.statuses, self.histories, self.stoppings))
        for (_, status, history, stopping), (parameters, kept) in zip(ends, self.bests):
            if status == _pure.DIVERGED:
                continue
            if self.options.rules.keeps_best and history.best_epoch is not None:
                parameters[:] = kept
            history.stopped = stopping.reason or ("callback" if stopped else "epochs")
        return [training.epoch if status == _pure.DIVERGED else None for training, status, _, _ in ends]


def _insist(action: Callable[[], Any]) -> None:
    """Does what can be done over until it is done: a second Ctrl-C leaves nothing half done."""
    while True:
        try:
            action()
        except KeyboardInterrupt:
            continue
        return
