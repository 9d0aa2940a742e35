# SPDX-License-Identifier: MIT
"""The loop around the core's training slices: between slices Ctrl-C, callbacks and progress have their turn."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypedDict, Union

from . import _pure
from .checks import options as check
from .checks.matrices import Data
from .core import Core, expect_ok
from .errors import DivergedError, OptionError
from .history import History
from .names import LEARNING_RATES, LOSSES, RULE_OPTIONS, RULES, Loss, Rule

SLICE = 0.02  # seconds that a slice aims at
FIRST_BUDGET = 100_000  # rows times parameters of the first slice, well below SLICE on slow machines
LOG_SIZE = 4096  # logged epochs that a slice can hold, where there are as many

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


class FitOptions(StepOptions, RuleOptions, total=False):
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
            f"training diverged in epoch {epoch}: its squared error, or a parameter after it, is not finite; the "
            f"network is back at that epoch's start. {cure}",
            epoch,
        )

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
    **given: Any,
) -> Options:
    """The options of trainings, checked: FitOptions are keywords. TypeError, OptionError."""
    rule_code = check.choice("rule", rule, RULES)
    return Options(
        epochs=check.integer("epochs", epochs, 0),
        log_every=check.integer("log_every", log_every, 1),
        batch_size=None if batch_size is None else check.integer("batch_size", batch_size, 1),
        shuffle_seed=None if shuffle_seed is None else check.seed("shuffle_seed", shuffle_seed),
        loss=check.choice("loss", loss, LOSSES),
        rule=rule_code,
        constants=_check_constants(RULES[rule_code], given),
        weight_decay=check.limited("weight_decay", given.get("weight_decay", 0.0)),
        decay_biases=check.boolean("decay_biases", given.get("decay_biases", False)),
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
        learning_rates: Sequence[Rate],
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
        self.rates = [core.doubles(rate) if isinstance(rate, array) and rate else None for rate in learning_rates]
        for training, order, rate, rates in zip(self.group.trainings, self.group.orders, learning_rates, self.rates):
            settings = options.settings(core, data.rows, rate if isinstance(rate, float) else 0.0, rates)
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
