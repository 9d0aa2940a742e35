# SPDX-License-Identifier: MIT
"""What the commands share: options, their checks, and JSON."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, cast

from .. import csv_tables, datasets, plots
from ..checks import options as check
from ..errors import DataError, OptionError, quoted
from ..fit_options import FitOptions, RuleOptions
from ..names import BACKENDS, INITS, LOSSES, RULE_OPTIONS, RULES, Backend
from ..network import Network
from ..scaling import KINDS

DATA_HELP = f"{datasets.NAMES}, or a CSV file whose last columns are the targets ('-' is stdin)"


def whole(text: str) -> int:
    """The type of a whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not a whole number") from None


def real(text: str) -> float:
    """The type of a number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not a number") from None


def sizes(text: str) -> list[int]:
    """The type of layer sizes, such as 2-4-4-1."""
    try:
        return [int(size) for size in text.replace(",", "-").split("-")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not layer sizes, such as 2-4-4-1") from None


def version() -> str:
    """Of the installed package."""
    from importlib.metadata import version

    return version("bitprop")


def command(
    commands: Any, run: Any, name: str, text: str, example: str, default: str | None = None
) -> argparse.ArgumentParser:
    """A parser with what every command has: an example, and --json.

    `default`: what options have that are not given; argparse.SUPPRESS leaves them as the parser above has them.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=text,
        epilog=f"example: {example}",
        allow_abbrev=False,
        argument_default=default,
    )
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def add_backend(parser: argparse.ArgumentParser) -> None:
    """The choice of the backend."""
    names = ("auto", *BACKENDS)
    parser.add_argument("--backend", choices=names, help="default: BITPROP_BACKEND, or the fastest")


def add_progress(parser: argparse.ArgumentParser) -> None:
    """Whether to show progress."""
    parser.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="show a progress bar after two seconds (default: where stderr is a terminal)",
    )


def add_network(parser: argparse.ArgumentParser) -> None:
    """A new network."""
    parser.add_argument("--sizes", type=sizes, metavar="2-4-4-1", help="layer sizes (default: two hidden layers of 4)")
    parser.add_argument("--activation", help="one, or one for each layer: tanh,sigmoid (sigmoid)")
    parser.add_argument("--bias", action=argparse.BooleanOptionalAction, help="biases (default: yes)")
    parser.add_argument("--init", choices=INITS, help="initial weights (normal)")
    parser.add_argument("--seed", type=whole, help="of the initial weights (0)")
    kinds = "from the training rows: standard (mean 0, deviation 1) or min_max; the model keeps it"
    parser.add_argument("--scale-inputs", choices=KINDS, help=f"scale each column of inputs {kinds}")
    parser.add_argument("--scale-targets", choices=KINDS, help="the same for the targets; outputs are scaled back")


def add_steps(parser: argparse.ArgumentParser) -> None:
    """A training, and what stops it."""
    parser.add_argument("--epochs", type=whole, default=10_000, help="(10000)")
    parser.add_argument("--batch-size", type=whole, help="rows to a step; 1 is online (default: all)")
    parser.add_argument("--shuffle-seed", type=whole, help="shuffle the rows before each epoch, from this seed")
    parser.add_argument("--loss", default="half_sse", choices=LOSSES, help="(half_sse)")
    parser.add_argument("--rule", default="descent", choices=RULES, help="update rule (descent)")
    parser.add_argument(
        "--weight-decay",
        type=real,
        help="pull each weight to 0, in proportion to it; any rule but levenberg_marquardt (0.0)",
    )
    parser.add_argument(
        "--l1", type=real, help="pull each weight to 0, by the same amount; any rule but levenberg_marquardt (0.0)"
    )
    biases = "weight decay and L1 pull the biases as they do the weights"
    parser.add_argument("--decay-biases", action="store_true", default=None, help=biases)
    defaults = {name: default for options in RULE_OPTIONS.values() for name, default in options.items()}
    for name, default in defaults.items():
        users = " and ".join(rule for rule in RULES if name in RULE_OPTIONS[rule])
        text = f"of {users} ({default:g})"
        kind: Callable[[str], Any] = real
        if name == "first_step":
            text, kind = f"{text}, or LOW,HIGH: each parameter's is drawn between them", _ends
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help=text)
    parser.add_argument("--first-step-seed", type=whole, help="of the first steps that are drawn (0)")
    stops = parser.add_argument_group(
        "early stopping", "The loss is measured at every check; the best check has the lowest validation loss."
    )
    share = "share of the rows, between 0 and 1, that is held out for validation"
    stops.add_argument("--validation", type=real, metavar="SHARE", help=share)
    stops.add_argument("--split-seed", type=whole, default=0, help="of the shuffle that splits them off (0)")
    stops.add_argument("--check-every", type=whole, default=1, metavar="EPOCHS", help="from one check to the next (1)")
    in_vain = "stop after so many checks without a better validation, and go back to the best"
    stops.add_argument("--patience", type=whole, metavar="CHECKS", help=in_vain)
    stops.add_argument("--min-delta", type=real, default=0.0, help="by which a better one must be lower (0)")
    goal = (
        "stop when the validation loss (without --validation, that of the training rows), measured as --loss, is at "
        "most this; half_sse grows with the rows, mse does not"
    )
    stops.add_argument("--goal", type=real, metavar="LOSS", help=goal)
    above = "stop where the validation loss is so many per cent above the best, and go back to the best"
    stops.add_argument("--stop-gl", type=real, metavar="PERCENT", help=above)
    flat = "stop where the mean training error between two checks is so few per mille above their least"
    stops.add_argument("--stop-progress", type=real, metavar="PERMILLE", help=flat)


def steps(options: argparse.Namespace) -> FitOptions:
    """What `add_steps` adds, as `fit` and `sweep` take it: all but the epochs, and a rule's options as far as given."""
    given = {name: getattr(options, name) for name in FitOptions.__annotations__}
    return cast(
        FitOptions,
        {k: value for k, value in given.items() if value is not None or k not in RuleOptions.__annotations__},
    )


def _ends(text: str) -> float | tuple[float, ...]:
    """The type of one number, or of two with a comma."""
    return tuple(map(real, text.split(","))) if "," in text else real(text)


def add_data(parser: argparse.ArgumentParser) -> None:
    """What a data set is made of: the seed of generated data, the targets of a CSV file."""
    parser.add_argument("--data-seed", type=whole, help=f"of {datasets.DRAWN} (0)")
    parser.add_argument(
        "--targets",
        type=_targets,
        metavar="3|a,b,c",
        help="of a CSV file: its last 3 columns, or those of these names (default: one for each output)",
    )
    weights = "of a CSV file: the column whose numbers are the rows' weights, in the training and in all losses"
    parser.add_argument("--sample-weight", metavar="COLUMN", help=weights)


def _targets(text: str) -> int | list[str]:
    """The type of a number of columns, or of their names."""
    if not text.isdigit():
        return [name.strip() for name in text.split(",")]
    if int(text) == 0:
        raise argparse.ArgumentTypeError("0 columns, expected one or more")
    return int(text)


class DataSet(NamedTuple):
    """Rows as `fit` takes them."""

    x: csv_tables.Rows
    y: csv_tables.Rows
    sample_weight: list[float] | None = None


def data_set(
    data: str, options: argparse.Namespace, sizes: Sequence[int] | None, source: str, needed: bool = True
) -> DataSet:
    """The data set of that name, for a network of these sizes, if it is known; a CSV file's columns are told.

    `source`: what the sizes come from, for messages. `needed`: whether it must have targets.
    """
    table = datasets.named(data, check.seed("--data-seed", options.data_seed or 0))
    if options.data_seed is not None and not datasets.is_drawn(data):
        raise OptionError(f"--data-seed has no effect on {data}: expected one that is drawn from it: {datasets.DRAWN}")
    by = f", for {source} {check.shape_text(sizes)}" if sizes else ""
    if not isinstance(table, csv_tables.Table):
        if options.targets is not None:
            raise OptionError(f"--targets is given for {data}, which has its own: expected a CSV file")
        if options.sample_weight is not None:
            raise OptionError(f"--sample-weight is given for {data}, which has no weights: expected a CSV file")
        x, y = table
        if sizes and (len(x[0]), len(y[0])) != (sizes[0], sizes[-1]):
            given = f"{data} has {csv_tables.counted(len(x[0]), 'input')} and {csv_tables.counted(len(y[0]), 'target')}"
            raise DataError(f"{given}, expected {sizes[0]} and {sizes[-1]}{by}")
        return DataSet(x, y)
    weights, told = None, ""
    if options.sample_weight is not None:
        if isinstance(options.targets, list) and options.sample_weight in options.targets:
            given = f"--sample-weight and --targets both name the column {quoted(options.sample_weight)}"
            raise OptionError(f"{given}, expected another one for each")
        table, weights = table.weighed(options.sample_weight)
        by += f" (besides the column {options.sample_weight}, which has the weights)"
        told = f"; weights of the rows from the column {options.sample_weight}"
    wanted = options.targets or (sizes[-1] if sizes else 1)
    inputs = None
    if sizes:
        inputs = sizes[0]
        count = wanted if isinstance(wanted, int) else len(wanted)
        if count != sizes[-1]:
            raise OptionError(f"--targets gives {count} column{'s' * (count != 1)}, expected {sizes[-1]}{by}")
    columns = table.targets(wanted, inputs, by)
    if needed and not columns:
        raise DataError(f"{table.name} has no targets, expected {wanted} after {inputs} of inputs{by}")
    say(table.describe(columns) + told)
    return DataSet(*table.split(columns), weights)


def load(model: str, backend: Backend | None) -> Network:
    """The network of a model file. OptionError where there is no such file; ModelFileError, OSError."""
    try:
        return Network.load(model, backend=backend)
    except FileNotFoundError:
        raise OptionError(f"model file {quoted(model)} is not there: expected one that train --save wrote") from None


def network_and_data(options: argparse.Namespace, model: str | None) -> tuple[Network, DataSet]:
    """The network of a model file or of the options, with the data set, which must have targets."""
    own = {
        name: getattr(options, name) for name in ("activation", "bias", "init", "seed", "scale_inputs", "scale_targets")
    }
    own = {name: value for name, value in own.items() if value is not None}
    loaded = None
    if model is not None:
        if own or options.sizes:
            name = next(iter(own), "sizes")
            typed = f"--{'no-' if own.get(name) is False else ''}{name.replace('_', '-')}"
            raise OptionError(f"{typed} is given for {model}, which has its own: expected a model or network options")
        loaded = load(model, options.backend)
    sizes = loaded.sizes if loaded else options.sizes and check.sizes(options.sizes)
    data = data_set(options.data, options, sizes, model or "--sizes")
    if "," in own.get("activation", ""):
        own["activation"] = [name.strip() for name in own["activation"].split(",")]
    shape = sizes or (len(data.x[0]), 4, 4, len(data.y[0]))
    scaled = {name: own.pop(f"scale_{given}", None) for name, given in (("inputs", "inputs"), ("outputs", "targets"))}
    net = loaded or Network(*shape, backend=options.backend, **own)
    if any(scaled.values()):
        share = {name: getattr(options, name) for name in ("validation", "split_seed") if hasattr(options, name)}
        net.scale(data.x, data.y, **scaled, **share)
    return net, data


def print_json(fields: Any) -> None:
    """Prints the fields as JSON."""
    print(json.dumps(_finite(fields), indent=1, allow_nan=False))


def _finite(value: Any) -> Any:
    """The value with null for what JSON has no number for: NaN and infinities."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value


def say(text: str) -> None:
    """Prints to stderr, where that is open: with a closed one print() would take stdout."""
    if sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)


def terminated(number: int, frame: Any) -> NoReturn:
    """What SIGTERM does where a program that was started is to be ended too."""
    sys.exit(128 + number)


@contextlib.contextmanager
def drawing(path: str) -> Iterator[None]:
    """A block that writes a picture there; says whether it did, also after Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"\nno picture was drawn: {path}")
        raise
    say(f"wrote {path}")


def check_outputs(outputs: Mapping[str, str | None], inputs: Mapping[str, str | None], plot: str | None = None) -> None:
    """Refuses, before any work, files that cannot be written, and those that would overwrite another or an input.

    `outputs` and `inputs`: paths by the name of their option or argument; None where it was not given. `plot`: the path
    of --plot. OptionError.
    """
    if plot is not None:
        plots.require(plot)
    taken = {name: path for name, path in inputs.items() if path is not None}
    for name, path in {**outputs, "--plot": plot}.items():
        if path is None:
            continue
        check_writable(path)
        for other, others_path in taken.items():
            if _same_file(path, others_path):
                raise OptionError(f"{name} is {path}, the same file as {other}: expected another one")
        taken[name] = path


def _same_file(path: str, other: str) -> bool:
    """Whether both name one file that can be lost; a device or a pipe cannot."""
    if os.path.exists(path) and os.path.exists(other):
        return os.path.isfile(path) and os.path.samefile(path, other)
    return os.path.normcase(os.path.realpath(path)) == os.path.normcase(os.path.realpath(other))


def check_writable(path: str) -> None:
    """Refuses before the work what could not be written after it."""
    folder = os.path.dirname(path) or "."
    if not path or os.path.isdir(path):
        raise OptionError(f"cannot write {path!r}: expected the name of a file")
    if os.path.exists(path) and not os.path.isfile(path):  # a device or a pipe, which is written to where it is
        if not os.access(path, os.W_OK):
            raise OptionError(f"cannot write {path}: it does not allow it")
        return
    if not os.path.isdir(folder):
        raise OptionError(f"cannot write {path}: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise OptionError(f"cannot write {path}: the folder {folder} does not allow it")


def make_folder(path: str, name: str = "--out") -> None:
    """Makes the folder of an option, where it is not there yet. OptionError: it cannot be written to."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        expected = f"a folder that is there or can be made ({error.strerror})"
        raise OptionError(f"{name} is {quoted(path)}, expected {expected}") from None
    check_writable(os.path.join(path, "file"))
