# SPDX-License-Identifier: MIT
"""How to train, as `fit` and `sweep` take it: the types of the options, and the checked ones."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any, NamedTuple, TypedDict, Union

from .checks import options as check
from .core import Core, Group
from .errors import DivergedError, OptionError, quoted
from .history import History
from .names import LEARNING_RATES, LOSSES, PARTNERS, RULE_OPTIONS, RULES, STEP_RULES, Loss, Rule
from .stopping import Criteria

PARAMETERS_MOST = 2000  # of a network by Levenberg and Marquardt, whose work memory then has 160 MB
LANES_AND_SUMS = 9  # copies of a triangle of parameters in that memory

# Options that a description of a training leaves out where they have these values: files of before have none of them.
LEFT_OUT = {"l1": 0.0}

Rate = Union[float, "array[float]"]  # one learning rate, or one for each epoch


class DecayOptions(TypedDict, total=False):
    """The options of what pulls parameters to 0, which every rule by steps has."""

    weight_decay: float
    l1: float
    decay_biases: bool


class RuleOptions(DecayOptions, total=False):
    """The options of update rules (names.RULE_OPTIONS), each for some of them."""

    momentum: float
    beta1: float
    beta2: float
    epsilon: float
    increase: float
    decrease: float
    first_step: float | tuple[float, float]
    first_step_seed: int
    step_min: float
    step_max: float
    mu: float
    mu_increase: float
    mu_decrease: float
    mu_max: float
    gradient_min: float


class StepOptions(TypedDict, total=False):
    """The options of steps, which every rule has."""

    batch_size: int | None
    shuffle_seed: int | None
    loss: Loss
    rule: Rule


class StopOptions(TypedDict, total=False):
    """When to stop, and what is measured for it."""

    validation: tuple[Any, Any] | tuple[Any, Any, Any] | float | None
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
    first_steps: tuple[float, float, int] | None  # of rprop, drawn: between two numbers, from a seed
    weight_decay: float
    l1: float
    decay_biases: bool
    validation: tuple[Any, ...] | float | None  # rows, or the share that is split off
    split_seed: int
    check_every: int
    criteria: Criteria
    scaling: tuple[
        Any, ...
    ] = ()  # shifts and spreads of the network's scalings, which a training that goes on must have
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
        elif self.by_steps:
            cure = "try a smaller step_max, or scale the data"
        else:
            cure = "scale the data, or begin with smaller weights"
        return DivergedError(
            f"training diverged in epoch {epoch}: its error, or a parameter after it, is not finite; the "
            f"network is back at that epoch's start. {cure}",
            epoch,
        )

    def history(self, rows: int, outputs: int) -> History:
        """A history without logged epochs, of a training on so many rows and outputs."""
        return History(self.log_every, rows, outputs, LOSSES[self.loss], self.skipped, self.check_every)

    @property
    def by_steps(self) -> bool:
        """Whether the rule is one of those by gradient steps, which can train networks side by side."""
        return RULES[self.rule] in STEP_RULES

    def check_network(self, count: int) -> None:
        """OptionError where the rule does not train networks of so many parameters."""
        if not self.by_steps and count > PARAMETERS_MOST:
            size = 8e-6 * (LANES_AND_SUMS * count * (count + 3) // 2)
            raise OptionError(
                f"rule is {RULES[self.rule]!r} with {count} parameters, expected at most {PARAMETERS_MOST}: it would "
                f"need {size:,.0f} MB, and {count**3 / 6e9:,.0f} billion multiplications to try a step; rprop is the "
                "rule for large networks on the full batch"
            )

    def group(self, core: Core, values: array[float], shape: Any, networks: int, rows: int, log_size: int) -> Group:
        """Memory for so many trainings by the rule, around their parameters; of the last rule only one."""
        if self.by_steps:
            order_size = rows if self.shuffle_seed is not None else 1
            return core.group(values, shape, self.rule, networks, order_size, log_size)
        return core.levenberg_group(values, shape, log_size)

    def settings(self, core: Core, rows: int, learning_rate: float, learning_rates: Any = None) -> Any:
        """The core's settings for so many rows; `learning_rates`: a pointer, kept by the caller, or None."""
        if not self.by_steps:
            constants = dict(zip(RULE_OPTIONS[RULES[self.rule]], self.constants))
            return core.levenberg_settings(log_every=self.log_every, loss=self.loss, **constants)
        return core.settings(
            batch_size=rows if self.batch_size is None else min(self.batch_size, rows),
            log_every=self.log_every,
            shuffle_seed=self.shuffle_seed or 0,
            learning_rate=learning_rate,
            loss=self.loss,
            rule=self.rule,
            shuffle=int(self.shuffle_seed is not None),
            weight_decay=self.weight_decay,
            l1=self.l1,
            constants=self.constants,
            learning_rates=learning_rates,
            decay_biases=int(self.decay_biases),
        )


def _options_of(rule: Rule) -> list[str]:
    """The names of a rule's options."""
    drawn = ["first_step_seed"] if rule == "rprop" else []
    decay = DecayOptions.__annotations__ if rule in STEP_RULES else ()
    return [*RULE_OPTIONS[rule], *drawn, *decay]


def _check_first_steps(given: Mapping[str, Any]) -> tuple[float, float, int] | None:
    """The ends between which the first steps of rprop are drawn, and the seed; None where they are not drawn.

    TypeError, OptionError.
    """
    ends = given.get("first_step")
    if not isinstance(ends, (tuple, list)):
        if "first_step_seed" in given:
            expected = "a pair as first_step, between whose numbers the first steps are drawn"
            raise OptionError(f"first_step_seed is {quoted(given['first_step_seed'])}, expected {expected}, with it")
        return None
    if len(ends) != 2:
        raise OptionError(f"first_step is {quoted(ends)}, expected one number, or two between which to draw")
    low, high = (check.limited("first_step", end) for end in ends)
    if check.order(low) > check.order(high):
        raise OptionError(f"first_step is {quoted(ends)}, expected the lower number first")
    return low, high, check.seed("first_step_seed", given.get("first_step_seed", 0))


def _check_constants(
    rule: Rule, given: Mapping[str, Any], first_steps: tuple[float, float, int] | None
) -> tuple[float, ...]:
    """The rule's constants as the core has them, five; `given`: all options of rules that the user gave.

    TypeError, OptionError.
    """
    for name in given:
        if name not in RuleOptions.__annotations__:
            steps = ", ".join(
                ["learning_rate", *StepOptions.__annotations__, "sample_weight", *StopOptions.__annotations__]
            )
            raise TypeError(
                f"training has no option {name}: {rule} has {', '.join(_options_of(rule))}; all have {steps}"
            )
        if name not in _options_of(rule):
            raise OptionError(f"{name} is given for {rule}, which uses {', '.join(_options_of(rule))}")
    single = {**given, "first_step": first_steps[0]} if first_steps is not None else given
    numbers = {name: check.limited(name, single.get(name, default)) for name, default in RULE_OPTIONS[rule].items()}
    if rule == "rprop" and check.order(numbers["step_min"]) > check.order(numbers["step_max"]):
        least, most = numbers["step_min"], numbers["step_max"]
        raise OptionError(f"step_min is {least!r}, expected at most step_max, which is {most!r}")
    if rule == "levenberg_marquardt" and check.order(numbers["mu"]) > check.order(numbers["mu_max"]):
        raise OptionError(f"mu is {numbers['mu']!r}, expected at most mu_max, which is {numbers['mu_max']!r}")
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
    first_steps = _check_first_steps(given) if rule == "rprop" else None
    options = Options(
        epochs=check.integer("epochs", epochs, 0),
        log_every=check.integer("log_every", log_every, 1),
        batch_size=None if batch_size is None else check.integer("batch_size", batch_size, 1),
        shuffle_seed=None if shuffle_seed is None else check.seed("shuffle_seed", shuffle_seed),
        loss=check.choice("loss", loss, LOSSES),
        rule=rule_code,
        constants=_check_constants(RULES[rule_code], given, first_steps),
        first_steps=first_steps,
        weight_decay=check.limited("weight_decay", given.get("weight_decay", 0.0)),
        l1=check.limited("l1", given.get("l1", 0.0)),
        decay_biases=check.boolean("decay_biases", given.get("decay_biases", False)),
        validation=check.validation(validation),
        split_seed=check.seed("split_seed", split_seed),
        check_every=check.integer("check_every", check_every, 1),
        criteria=Criteria(
            patience=None if patience is None else check.integer("patience", patience, 1),
            min_delta=check.not_negative("min_delta", min_delta),
            goal=None if goal is None else check.not_negative("goal", goal),
            stop_gl=None if stop_gl is None else check.not_negative("stop_gl", stop_gl),
            stop_progress=None if stop_progress is None else check.not_negative("stop_progress", stop_progress),
        ),
    )
    _check_effects(options)
    _check_rule(options)
    return options


def _check_rule(options: Options) -> None:
    """OptionError where the rule does not use an option of steps, or not this loss."""
    if options.by_steps:
        return
    rule, loss = RULES[options.rule], LOSSES[options.loss]
    for name, value in (("batch_size", options.batch_size), ("shuffle_seed", options.shuffle_seed)):
        if value is not None:
            raise OptionError(
                f"{name} is given for {rule}, which uses all rows at once, {', '.join(_options_of(rule))}"
            )
    if loss in PARTNERS:
        squared = ", ".join(name for name in LOSSES if name not in PARTNERS)
        raise OptionError(f"loss is {loss!r} with the rule {rule}, expected a squared error: {squared}")


def _check_effects(options: Options) -> None:
    """OptionError where an option has no effect without another, or against it."""
    criteria, validated = options.criteria, options.validation is not None
    checked = validated or criteria.goal is not None or criteria.stop_progress is not None
    for name, value, default, works, needed in (
        ("patience", criteria.patience, None, validated, "validation"),
        ("min_delta", criteria.min_delta, 0.0, validated, "validation"),
        ("stop_gl", criteria.stop_gl, None, validated, "validation"),
        ("check_every", options.check_every, 1, checked, "validation, goal or stop_progress"),
        ("split_seed", options.split_seed, 0, isinstance(options.validation, float), "a share as validation"),
    ):
        if value != default and not works:
            raise OptionError(f"{name} is {quoted(value)}, which has no effect alone: expected {needed} with it")
    if criteria.stop_progress is not None and options.check_every == 1:
        raise OptionError("check_every is 1, expected 2 or more with stop_progress, which compares as many epochs")
    if criteria.stop_progress is not None and options.log_every != 1:
        raise OptionError(f"log_every is {options.log_every}, expected 1 with stop_progress, which reads every epoch")
