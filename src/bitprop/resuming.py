# SPDX-License-Identifier: MIT
"""What a training leaves between two epochs, so that it can go on later to the bits of one that never stopped."""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from . import _pure
from .checks import matrices
from .checks import options as check
from .core import Core, expect_ok
from .errors import OptionError, quoted
from .fit_options import LEFT_OUT, Options, Rate
from .history import History
from .model_file import from_hex, to_hex
from .names import LOSSES, RULE_OPTIONS, RULES
from .stopping import Criteria, Stopping

NAMES = (  # of what must be the same, besides the rule's options and the criteria
    *("rule", "first_steps", "loss", "batch_size", "shuffle_seed", "weight_decay", "decay_biases", "log_every"),
    *("check_every", "validation", "split_seed", "learning_rate", "scaling", "rows", "data"),
)
TOLD_BY = 8192  # bytes of each array of rows by whose digest other rows are noticed
_LEFT_OUT = {name: to_hex([value])[0] for name, value in LEFT_OUT.items()}
ANEW = "a training without resume begins anew"
REPLAYED = 1_000_000  # rows of a call that replays shuffles, so that Ctrl-C is heard


class TrainingState(NamedTuple):
    """A training after some whole epochs: its options, and all that changes as it goes on."""

    describe: Callable[[], Mapping[str, Any]]  # gives what must be the same: text, which few trainings are asked for
    epoch: int
    state: array[float] | None  # of the rule (contract §7); None before the first epoch
    parameters: array[float]  # after that epoch,
    left: array[float]  # and those that the network was left with, which may be the best check's
    best: array[float] | None  # parameters of the best check
    history: History
    stopping: Mapping[str, Any]  # as `Stopping.to_fields` gives it

    def require(self, options: Mapping[str, Any], epochs: int, parameters: memoryview[float]) -> None:
        """OptionError where the training cannot go on with these options and parameters."""
        options = {**_LEFT_OUT, **options}
        for name, had in {**_LEFT_OUT, **self.describe()}.items():
            given = options[name]
            same = _are_same_rates(given, had, self.epoch) if name == "learning_rate" else given == had
            if not same and name == "data":
                raise OptionError(f"the rows are not those of the training that is to go on; {ANEW}")
            if not same:
                text = f"{name} is {readable(given)}, and was {readable(had)} in the training that is to go on"
                raise OptionError(f"{text}: expected the same; {ANEW}")
        if epochs < self.epoch:
            raise OptionError(f"epochs is {epochs}, expected at least the {self.epoch} that the training has done")
        if parameters.tobytes() != self.left.tobytes():
            raise OptionError(
                f"the parameters were changed since the training that is to go on: expected those that it left; {ANEW}"
            )

    def to_fields(self) -> dict[str, Any]:
        """The state as a model file has it; `left` are the parameters of the file."""
        return {
            "options": dict(self.describe()),
            "epoch": self.epoch,
            "state": None if self.state is None else to_hex(self.state),
            "parameters": to_hex(self.parameters),
            "best": None if self.best is None else to_hex(self.best),
            "history": self.history.to_fields(),
            "stopping": dict(self.stopping),
        }

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any], left: array[float]) -> TrainingState:
        """The state that `to_fields` wrote. KeyError, TypeError, ValueError."""
        state, parameters, best = (
            None if fields[name] is None else from_hex(fields[name]) for name in ("state", "parameters", "best")
        )
        options, history, given = dict(fields["options"]), History.from_fields(fields["history"]), fields["stopping"]
        if parameters is None or len(parameters) != len(left) or len(left if best is None else best) != len(left):
            raise ValueError(f"its training is not of {len(left)} parameters")
        if not _is_plain(options) or type(options["learning_rate"]) is not list:
            raise ValueError("its training has options that bitprop does not write")
        from_hex(options["learning_rate"])
        criteria = Criteria(**{name: options[name] for name in Criteria._fields})
        added = _LEFT_OUT.keys() & options.keys()
        if (best is not None) != criteria.keeps_best or options.keys() - added != _names(options["rule"]):
            raise ValueError("its training has other options than bitprop writes")
        if any(options[name] == _LEFT_OUT[name] for name in added):
            raise ValueError("its training has an option that bitprop leaves out")
        epoch, log_every, check_every = (
            check.integer(name, value, 0) for name, value in (("epoch", fields["epoch"]), *_everies(options))
        )
        logged, checked = -(-epoch // log_every), check.integer("checked", given["checked"], 0)
        if (history.trained, history.logged, history.log_every) != (epoch, logged, log_every) or not (
            checked <= epoch and history.check_count in (0, checked // check_every)
        ):
            raise ValueError(f"its training has a history that is not of {epoch} epochs")
        if epoch > 0 and state is None:
            raise ValueError("its training has no state of its rule")
        stopping = Stopping(criteria)
        stopping.go_on(given)
        had: Callable[[], dict[str, Any]] = partial(dict, options)
        return cls(had, epoch, state, parameters, left, best, history, {**stopping.to_fields(), "checked": checked})


def _everies(options: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name, check.integer(name, options[name], 1)) for name in ("log_every", "check_every")]


def _is_plain(value: Any, depth: int = 3) -> bool:
    """Whether it has what descriptions have: texts, whole numbers and nothing, in lists that nest no deeper."""
    if isinstance(value, (dict, list)):
        inside = value.values() if isinstance(value, dict) else value
        return depth > 0 and all(_is_plain(each, depth - 1) for each in inside)
    return value is None or isinstance(value, (int, str))


def _names(rule: Any) -> set[str]:
    """The names of what a description has, for this rule."""
    return {*NAMES, *RULE_OPTIONS[rule], *Criteria._fields}


def describing(options: Options, rate: Rate, data: matrices.Data, epochs: int) -> Callable[[], dict[str, Any]]:
    """A function for `describe`, which keeps no rows alive."""
    if isinstance(options.validation, tuple):
        options = options._replace(validation=())
    return partial(describe, options, rate, data.rows, _digest(data), epochs)


def describe(options: Options, rate: Rate, rows: int, digest: str, epochs: int) -> dict[str, Any]:
    """What must be the same where a training goes on, as a model file has it; the learning rates of so many epochs."""
    validated = None if options.validation is None else "rows"
    return {
        "rule": RULES[options.rule],
        **{name: to_hex([value])[0] for name, value in zip(RULE_OPTIONS[RULES[options.rule]], options.constants)},
        "first_steps": None
        if options.first_steps is None
        else [*to_hex(options.first_steps[:2]), options.first_steps[2]],
        "loss": LOSSES[options.loss],
        "batch_size": options.batch_size,
        "shuffle_seed": options.shuffle_seed,
        "weight_decay": to_hex([options.weight_decay])[0],
        **{name: to_hex([getattr(options, name)])[0] for name in LEFT_OUT if getattr(options, name) != LEFT_OUT[name]},
        "decay_biases": options.decay_biases,
        "log_every": options.log_every,
        "check_every": options.check_every,
        **{
            name: value if value is None or type(value) is int else to_hex([value])[0]
            for name, value in options.criteria._asdict().items()
        },
        "validation": to_hex([options.validation])[0] if isinstance(options.validation, float) else validated,
        "split_seed": options.split_seed,
        "learning_rate": to_hex([rate] if isinstance(rate, float) else rate[:epochs]),
        "scaling": [to_hex(values) for values in options.scaling],
        "rows": rows,
        "data": digest,
    }


def _are_same_rates(one: list[str], other: list[str], epochs: int) -> bool:
    """Whether they are the same in so many epochs; one rate is that of all."""
    each = [rates * epochs if len(rates) == 1 else rates[:epochs] for rates in (one, other)]
    return epochs == 0 or each[0] == each[1]


def readable(value: Any) -> str:
    """A value of a description for a message: its numbers in decimal digits."""
    if isinstance(value, list):
        shown = [readable(each) for each in value[:3]] + ["..."] * (len(value) > 3)
        return shown[0] if len(value) == 1 else f"[{', '.join(shown)}]"
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{16}", value):
        return repr(from_hex([value])[0])
    return quoted(value)


def _digest(data: matrices.Data) -> str:
    """The SHA-256 of the first rows, of their numbers in the order of little-endian bytes on any machine."""
    digest = hashlib.sha256()
    for rows in filter(None, (data.inputs, data.targets, data.weights)):
        digest.update(matrices.octets(rows.values[: TOLD_BY // 8]))
    return digest.hexdigest()


def replay_shuffles(core: Core, training: Any, order: Any, rows: int, seed: int, epochs: int) -> None:
    """Makes order and generator of a training those after so many epochs (contract §8).

    The core shuffles for a network of one weight, which learns nothing.
    """
    shape = core.shape([1, 1], [_pure.IDENTITY], False)
    zeros = matrices.zeros(rows)
    pointer = core.readable(zeros)
    data = core.data(pointer, pointer, rows)
    settings = core.settings(
        **{"batch_size": rows, "log_every": 1, "shuffle_seed": seed, "learning_rate": 0.0, "loss": _pure.HALF_SSE},
        **{
            "rule": _pure.DESCENT,
            "shuffle": 1,
            "weight_decay": 0.0,
            "l1": 0.0,
            "constants": (0.0,) * 5,
            "decay_biases": 0,
        },
        learning_rates=None,
    )
    shuffled, weight, log = core.training(), core.doubles(array("d", [0.0])), core.doubles(array("d", [0.0]))
    work = core.work(shape, core.train_size(shape, _pure.DESCENT))
    expect_ok(core.train_start(shuffled, order, shape, settings, data))
    limits = core.limits(until=epochs, budget=REPLAYED, log_size=0)
    while shuffled.epoch < epochs:
        expect_ok(core.train(log, shuffled, weight, work, order, shape, data, limits))
    training.generator = shuffled.generator
