# SPDX-License-Identifier: MIT
"""`--grid NAME=VALUES` of `bitprop sweep`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import OptionError, quoted
from ..names import ACTIVATIONS, INITS, LOSSES, RULES
from ..sweep_configurations import GRID_NAMES
from .options import real, whole

HIDDEN = "hidden"  # the sizes of the hidden layers alone, where the data give the others
Grid = dict[str, list[Any]]


def add_grid(parser: argparse.ArgumentParser) -> None:
    """The option."""
    parser.add_argument(
        "--grid",
        type=_option,
        action="append",
        metavar="NAME=VALUES",
        help="train with each of these values, and with each combination where it is given again: rule=adam,rprop "
        f"batch_size=none,1 hidden=none,8,4-4 activation=tanh,tanh:sigmoid learning_rate=0.1,0.2:0.1 (one for each "
        f"epoch); the names are {HIDDEN}, {', '.join(GRID_NAMES)}",
    )


def grid_of(options: argparse.Namespace) -> Grid:
    """The entries by name, of all that was given. OptionError: a name is there twice, or is an option as well."""
    grid: Grid = {}
    for name, entries in options.grid or ():
        if name in grid:
            raise OptionError(f"--grid {name} is given twice, expected once, with all values and commas between them")
        grid[name] = entries
    if HIDDEN in grid and "sizes" in grid:
        raise OptionError("--grid has hidden and sizes, expected one of them")
    names = {HIDDEN: "sizes", "learning_rate": "learning_rates"}
    for name in grid:
        own = names.get(name, name)
        if getattr(options, own) != options.unset[own]:
            raise OptionError(f"--{own.replace('_', '-')} is given beside --grid {name}, expected one of them")
    scaled = next((name for name in ("scale_inputs", "scale_targets") if getattr(options, name) is not None), None)
    for name in ("validation", "split_seed", "activation"):
        if scaled is not None and name in grid:
            option = f"--{scaled.replace('_', '-')}"
            raise OptionError(f"{option} depends on {name}, expected one {name} and not --grid {name}")
    return grid


def with_sizes(grid: Grid, inputs: int, outputs: int) -> Grid:
    """The grid with the sizes of whole networks in place of the hidden layers."""
    return {
        "sizes" if name == HIDDEN else name: [(inputs, *hidden, outputs) for hidden in entries]
        if name == HIDDEN
        else entries
        for name, entries in grid.items()
    }


def _option(text: str) -> tuple[str, list[Any]]:
    """The type of a name with its values."""
    name, sign, values = text.partition("=")
    if not sign or not values:
        raise argparse.ArgumentTypeError(f"{quoted(text)} has no values, expected a name with some: rule=adam,rprop")
    name = name.strip().replace("-", "_")
    if name not in KINDS:
        raise argparse.ArgumentTypeError(f"{quoted(name)} is no option of a grid, expected one of {', '.join(KINDS)}")
    return name, [_entry(name, value.strip()) for value in values.split(",")]


def _entry(name: str, text: str) -> Any:
    try:
        if not text:
            raise argparse.ArgumentTypeError("there is an empty value, expected values with commas between them")
        return KINDS[name](text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{name}: {error}") from None


def _or_none(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    """The type of a value, or of none."""

    def parse(text: str) -> Any:
        try:
            return None if text == "none" else kind(text)
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentTypeError(f"{error}, and not none") from None

    return parse


def _one_of(names: Sequence[str]) -> Callable[[str], str]:
    """The type of a name among these."""

    def parse(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(f"{quoted(text)} is not one of {', '.join(names)}")
        return text

    return parse


def _each(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    """The type of one value, or of several with colons between them."""

    def parse(text: str) -> Any:
        return tuple(map(kind, text.split(":"))) if ":" in text else kind(text)

    return parse


def _sizes(text: str) -> tuple[int, ...]:
    """The type of layer sizes."""
    try:
        return tuple(int(size) for size in text.split("-"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not layer sizes, such as 4-4") from None


def _hidden(text: str) -> tuple[int, ...]:
    """The type of the sizes of hidden layers, of which there may be none."""
    return () if text == "none" else _sizes(text)


def _truth(text: str) -> bool:
    """The type of true or false."""
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not true or false")
    return text == "true"


_TOLD: dict[str, Callable[[str], Any]] = {
    HIDDEN: _hidden,
    "sizes": _sizes,
    "learning_rate": _each(real),
    "activation": _each(_one_of(ACTIVATIONS)),
    "bias": _truth,
    "decay_biases": _truth,
    "init": _one_of(INITS),
    "loss": _one_of(LOSSES),
    "rule": _one_of(RULES),
    "first_step": _each(real),
    **dict.fromkeys(("first_step_seed", "split_seed", "check_every"), whole),
    **dict.fromkeys(("batch_size", "shuffle_seed", "patience"), _or_none(whole)),
    **dict.fromkeys(("validation", "goal", "stop_gl", "stop_progress"), _or_none(real)),
}
KINDS: Mapping[str, Callable[[str], Any]] = {name: _TOLD.get(name, real) for name in (HIDDEN, *GRID_NAMES)}
