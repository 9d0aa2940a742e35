# SPDX-License-Identifier: MIT
"""The configurations of a sweep: what its grid and its other options give, checked before anything is trained."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypedDict, Union

from . import fit_options
from .checks import options as check
from .core import mode
from .errors import OptionError, ShapeError, quoted
from .fit_options import Options, Rate
from .names import LEARNING_RATES, LOSSES, PARTNERS, RULE_OPTIONS, RULES, Activation, Backend, Init
from .network import Network
from .scaling import Scaling

TRAININGS_END = 10_000_000  # a sweep has fewer: the results of so many need gigabytes
LEARNING_RATE = "learning_rate"
HINTS = {
    "seed": "give seeds=[...], one or more",
    "learning_rate": "give learning_rates=[...], one or more",
    "callback": "give on_result=, which is called with each training as it ends",
}

Grid = Union[Mapping[str, Any], Sequence[Mapping[str, Any]]]  # of the entries of each option, several of any kind


class NetworkOptions(TypedDict, total=False):
    """The options of `Network`, but for the seed."""

    activation: Activation | Sequence[Activation]
    bias: bool
    init: Init
    backend: Backend | None
    input_scaling: Scaling | None
    output_scaling: Scaling | None


class FurtherOptions(NetworkOptions, fit_options.FitOptions, total=False):
    """The options of a sweep that are those of `Network` or of `fit`."""


NETWORK_NAMES = tuple(NetworkOptions.__annotations__)
FIT_NAMES = tuple(fit_options.FitOptions.__annotations__)
ALIKE = ("backend", "input_scaling", "output_scaling")  # options that all trainings of a sweep have alike
GRID_NAMES = ("sizes", LEARNING_RATE, *(name for name in (*NETWORK_NAMES, *FIT_NAMES) if name not in ALIKE))


class Configuration(NamedTuple):
    """One combination of options, checked. A sweep trains it from each seed, at each of its rates."""

    entries: dict[str, Any]  # those of the grid, as plain values
    template: Network
    network: dict[str, Any]  # options of `Network`
    options: Options
    rates: list[Rate]

    @property
    def validated(self) -> bool:
        """Whether its trainings measure a validation."""
        return self.options.validation is not None

    def kind_of_loss(self, validation: bool) -> str:
        """What the final losses are, or those of the validation; only those of one kind compare."""
        loss = LOSSES[self.options.loss]
        if validation:
            share = self.options.validation
            rows = "" if isinstance(share, tuple) else f" of the share {share}"
            return f"{loss}{rows}" if self.validated else "without validation"
        return loss if loss in PARTNERS else "mse"

    def describe(self, rate: Rate) -> dict[str, Any]:
        """All that the bits of a training depend on but its seed and its rows, with names and values of JSON."""
        options = self.options._asdict()
        for name, value in fit_options.LEFT_OUT.items():
            if options[name] == value:
                del options[name]
        if isinstance(self.options.validation, tuple):
            del options["validation"]
        criteria, constants = options.pop("criteria")._asdict(), options.pop("constants")
        rule = RULES[options["rule"]]
        constants = dict(zip(RULE_OPTIONS[rule], constants))
        drawn = options.pop("first_steps")
        if drawn is not None:
            constants = {**constants, "first_step": list(drawn[:2]), "first_step_seed": drawn[2]}
        return {
            "sizes": list(self.template.sizes),
            "activation": list(self.template.activations),
            "bias": self.template.bias,
            "init": self.network.get("init", "normal"),
            **{name: _plain(self.network.get(name)) for name in ("input_scaling", "output_scaling")},
            **options,
            **criteria,
            "loss": LOSSES[options["loss"]],
            "rule": rule,
            **constants,
            "learning_rate": rate if isinstance(rate, float) else list(rate),
        }


def configurations(
    sizes: Any,
    grid: Grid | None,
    learning_rates: Iterable[float] | None,
    epochs: int,
    log_every: int | None,
    further: Mapping[str, Any],
) -> list[Configuration]:
    """The configurations in the order of the grid; a single one without a grid.

    TypeError, OptionError, ShapeError: an option that is wrong, alone or beside the others of its configuration, which
    is named.
    """
    _expect_known(further)
    epochs = check.integer("epochs", epochs, 0)
    rates = None if learning_rates is None else several("learning_rates", learning_rates)
    common = dict(further)
    if "activation" in common:
        common["activation"] = entry(common["activation"])  # an iterator is read only once
    if sizes is not None:
        common["sizes"] = _sizes(sizes)
    if grid is None:
        if sizes is None:
            raise TypeError("sizes is None, expected the layer sizes, such as (2, 4, 4, 1), or several in the grid")
        return [_checked({}, common, rates, epochs, log_every)]
    grids = _grids(grid)
    _expect_effects(grids, common, rates)
    found: list[Configuration] = []
    for entries in _combinations(grids):
        try:
            found.append(_checked(entries, {**common, **entries}, rates, epochs, log_every))
            _expect_fit(found[0], found[-1])
        except (OptionError, ShapeError, TypeError) as error:
            raise type(error)(f"{error} (in the configuration {text_of_entries(entries)})") from None
    return found


def varied(grid: Grid | None) -> list[str]:
    """The names that a grid has, which was checked, in their order."""
    grids = [] if grid is None else [grid] if isinstance(grid, Mapping) else grid
    return list(dict.fromkeys(name for each in grids for name in each))


def number_of(grid: Mapping[str, Sequence[Any]]) -> int:
    """How many configurations a grid has."""
    return math.prod(len(values) for values in grid.values())


def expect_comparable(several: Iterable[Configuration], validation: bool) -> None:
    """OptionError where the final losses, or those of the validation, are of several kinds."""
    kinds = dict.fromkeys(one.kind_of_loss(validation) for one in several)
    if len(kinds) > 1:
        given = f"the losses are of several kinds ({', '.join(kinds)})"
        raise OptionError(f"{given}, which do not compare: expected trainings of one kind")


def expect_number(name: str, trainings: int) -> None:
    """OptionError where a sweep would have too many trainings; `name`: of what gives their number."""
    if trainings >= TRAININGS_END:
        most = f"fewer than {TRAININGS_END}: divide them into several sweeps"
        raise OptionError(f"{name} are {trainings} or more, expected {most}")


def several(name: str, values: Any) -> list[Any]:
    """One or more values of an option that takes several. TypeError, OptionError."""
    if isinstance(values, (str, bytes)):
        raise TypeError(f"{name} is {quoted(values)}, expected several numbers")
    try:
        numbers = list(itertools.islice(values, TRAININGS_END))
    except TypeError:
        raise TypeError(f"{name} is {quoted(values)}, expected several numbers, such as [{quoted(values)}]") from None
    if not numbers:
        raise OptionError(f"{name} is empty, expected at least one")
    expect_number(name, len(numbers))
    return numbers


# --- entries, and their text ---


def entry(value: Any) -> Any:
    """The value made plain: NumPy's numbers are Python's, and every sequence is a tuple. What it cannot tell stays."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value).__name__ in ("bool", "bool_"):  # NumPy's
        return bool(value)
    if isinstance(value, (str, bytes, Mapping)):
        return str(value) if isinstance(value, str) else value
    for convert in (operator.index, _float_of, _tuple_of):
        try:
            return convert(value)
        except TypeError:
            continue
    return value


def _float_of(value: Any) -> float:
    """The number of something that is one, and no sequence. TypeError."""
    if hasattr(value, "__len__") and getattr(value, "ndim", 1) != 0:
        raise TypeError
    mode.require_standard("converting an option")
    return float(value)


def _tuple_of(values: Any) -> tuple[Any, ...]:
    return tuple(map(entry, values))


def text_of(value: Any) -> str:
    """An entry as tables show it and the command line takes it: none, true, 2-4-4-1, 0.5, tanh:sigmoid."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        whole = all(type(item) is int for item in value)
        return ("-" if whole else ":").join(map(text_of, value))
    return str(value)


def text_of_entries(entries: Mapping[str, Any]) -> str:
    """Entries in one line, such as `rule=adam, batch_size=none`."""
    return ", ".join(f"{name}={text_of(value)}" for name, value in entries.items())


def _plain(scaling: Scaling | None) -> dict[str, list[float]] | None:
    return None if scaling is None else {"shift": list(scaling.shift), "spread": list(scaling.spread)}


# --- checks ---


def _expect_known(further: Mapping[str, Any]) -> None:
    known = [*FIT_NAMES, *NETWORK_NAMES]
    for name in further:
        if name not in known:
            hint = HINTS.get(name, f"its further options are {', '.join(known)}")
            raise TypeError(f"sweep has no option {name}: {hint}")


def _sizes(sizes: Any) -> tuple[Any, ...]:
    try:
        return tuple(sizes)
    except TypeError:
        raise TypeError(f"sizes is {quoted(sizes)}, expected the layer sizes, such as (2, 4, 4, 1)") from None


def _grids(grid: Any) -> list[dict[str, list[Any]]]:
    """The grid, or each of several, with its entries read once and made plain. TypeError, OptionError."""
    example = "such as {'rule': ['adam', 'rprop']}"
    if not isinstance(grid, (Mapping, list, tuple)):
        raise TypeError(f"grid is {quoted(grid)}, expected a dict of lists, {example}, or several of these")
    grids = []
    for each in [grid] if isinstance(grid, Mapping) else grid:
        if not isinstance(each, Mapping):
            raise TypeError(f"grid has {quoted(each)}, expected a dict of lists, {example}")
        grids.append({name: _entries(name, values) for name, values in each.items()})
    if not any(grids):
        raise OptionError(f"grid is {quoted(grid)}, expected one option or more, {example}")
    expect_number("the configurations of the grid", sum(map(number_of, grids)))
    return grids


def _entries(name: Any, values: Any) -> list[Any]:
    """The entries that a grid has for one option."""
    if name not in GRID_NAMES:
        raise TypeError(f"the grid has no option {quoted(name)}: its options are {', '.join(GRID_NAMES)}")
    expected = "expected a list of its entries"
    if isinstance(values, (str, bytes, Mapping)):
        raise TypeError(f"{name} of the grid is {quoted(values)}, {expected}, such as [{quoted(values)}]")
    try:
        entries = [entry(value) for value in values]
    except TypeError:
        raise TypeError(f"{name} of the grid is {quoted(values)}, {expected}, such as [{quoted(values)}]") from None
    if not entries:
        raise OptionError(f"{name} of the grid is empty, {expected}")
    for value in entries:
        if name == "validation" and isinstance(value, tuple):
            raise TypeError("validation of the grid has rows, expected shares or None: rows are given as validation=")
        if not isinstance(value, Hashable):
            raise TypeError(f"{name} of the grid has {quoted(value)}, expected numbers, strings or sequences of them")
    return entries


def _expect_effects(grids: list[dict[str, list[Any]]], common: Mapping[str, Any], rates: Any) -> None:
    """OptionError where a value is given beside a grid that never uses it, or is missing from it."""
    for name in grids[0]:
        if name in common and all(name in each for each in grids):
            raise OptionError(f"{name} is given beside the grid, which has it: expected it in one of the two")
    if rates is not None and any(LEARNING_RATE in each for each in grids):
        raise OptionError("learning_rates are given beside the grid, which has learning_rate: expected one of the two")
    if "sizes" not in common and not all("sizes" in each for each in grids):
        raise TypeError("sizes is None, expected the layer sizes, such as (2, 4, 4, 1), or several in the grid")


def _combinations(grids: list[dict[str, list[Any]]]) -> Iterator[dict[str, Any]]:
    """The entries of each configuration: of each grid the product, in which the last option changes first."""
    seen = set()
    for each in grids:
        for values in itertools.product(*each.values()):
            entries = dict(zip(each, values))
            key = frozenset(entries.items())
            if key in seen:
                text = text_of_entries(entries)
                raise OptionError(f"the configuration {text} is in the grid twice, expected each of them once")
            seen.add(key)
            yield entries


def _checked(
    entries: dict[str, Any], given: dict[str, Any], rates: list[Any] | None, epochs: int, log_every: int | None
) -> Configuration:
    network = {name: value for name, value in given.items() if name in NETWORK_NAMES}
    fit = {name: value for name, value in given.items() if name in FIT_NAMES}
    template = Network(*_sizes(given["sizes"]), **network)
    last_only = log_every is None and fit.get("stop_progress") is None
    every = (max(1, epochs - 1) if last_only else 1) if log_every is None else log_every
    options = fit_options.check_options(epochs, every, **fit)
    options = options._replace(skipped=int(last_only and epochs > 1))
    template.loss_code(LOSSES[options.loss])
    options.check_network(template.model.count)
    checked = {**network, "activation": template.activations, "bias": template.bias}
    if LEARNING_RATE not in entries:
        return Configuration(entries, template, checked, options, _rates(options, rates))
    rate = options.rate(entries[LEARNING_RATE])
    plain = {**entries, LEARNING_RATE: rate if isinstance(rate, float) else tuple(rate)}
    return Configuration(plain, template, checked, options, [rate])


def _rates(options: Options, learning_rates: list[Any] | None) -> list[Rate]:
    """The learning rates, checked; that of the rule for None. TypeError, OptionError."""
    if learning_rates is None or RULES[options.rule] not in LEARNING_RATES:
        return [options.rate(learning_rates)]
    return [check.learning_rate(rate) for rate in learning_rates]


def _expect_fit(first: Configuration, other: Configuration) -> None:
    """ShapeError where two configurations cannot train on the same rows."""
    wanted, given = ((c.template.sizes[0], c.template.sizes[-1]) for c in (first, other))
    if wanted != given:
        text = check.shape_text(other.template.sizes)
        raise ShapeError(f"sizes are {text}, expected {wanted[0]} inputs and {wanted[1]} outputs, as the first have")
