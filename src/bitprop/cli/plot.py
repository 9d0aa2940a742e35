# SPDX-License-Identifier: MIT
"""`bitprop plot`."""

from __future__ import annotations

import argparse
import csv
import math
import os
from typing import Any

from .. import datasets, model_file, plots
from ..core import mode
from ..errors import DataError, OptionError
from ..network import Network
from ..sweep_configurations import GRID_NAMES
from .options import add_data, check_outputs, command, data_set, drawing, print_json

# What is drawn of a CSV file, and of which column, by how its header begins; and with which columns it may go on.
HISTORY, SWEEP = "losses", "distribution"  # of `train --history` and `sweep --csv`
KINDS: list[tuple[str, str, list[str], list[str]]] = [
    (HISTORY, "mse", ["epoch", "mse", "sse"], ["validation"]),
    (HISTORY, "loss", ["epoch", "loss", "error"], ["validation"]),
    (SWEEP, "final_mse", ["seed", "learning_rate", "final_mse", "error"], ["stopped", "best_epoch"]),
    (SWEEP, "final_loss", ["seed", "learning_rate", "final_loss", "error"], ["stopped", "best_epoch"]),
]
OPTIONAL = ("best_validation", *GRID_NAMES)  # columns of a sweep after these


def add(commands: Any) -> None:
    """The parser."""
    parser = command(
        commands,
        run,
        "plot",
        "Draw a model of two inputs and one output with a data set, or the losses in CSV files (needs matplotlib: pip "
        "install 'bitprop[lab]').",
        example="bitprop plot xor.json xor --out boundary.png",
    )
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help=f"a model file and the data: {datasets.NAMES}, or a CSV file ('-' is stdin); or one or more CSV files "
        "that `train --history` wrote; or one that `sweep --csv` wrote",
    )
    parser.add_argument(
        "--out", metavar="FILE", help="the picture, PNG, PDF or SVG (default: named as the first, with .png)"
    )
    add_data(parser)


def run(options: argparse.Namespace) -> int:
    """What the command does; the exit status."""
    first = options.files[0]
    _expect_model_first(options.files)
    out = os.path.splitext(first)[0] + ".png" if options.out is None else options.out
    plots.require(out)
    check_outputs({"--out": out}, {f"the input {file}": file for file in options.files})
    if _is_model(first):
        kind, figure = "boundary", _boundary(options)
    else:
        for name, value in (
            ("--targets", options.targets),
            ("--data-seed", options.data_seed),
            ("--sample-weight", options.sample_weight),
        ):
            if value is not None:
                raise OptionError(f"{name} has no effect on {first}: expected a model file and data")
        kinds: dict[str, str] = {}
        columns: dict[str, str] = {}
        for file in options.files:
            drawn = _drawn(_header(file))
            if drawn is None:
                raise DataError(
                    f"cannot draw {file}: expected a model file and data, or CSV files that begin with "
                    f"{','.join(KINDS[0][2])} (of train --history) or {','.join(KINDS[2][2])} (of sweep --csv)"
                )
            kinds[file], columns[file] = drawn
        kind = kinds[first]
        label = plots.LABELS[columns[first].replace("final_", "")]
        if SWEEP not in kinds.values():
            curves: dict[str, tuple[list[int], list[float]]] = {}
            for file, column in columns.items():
                curves.update(_curves(file, column))
            alike = len(curves) == len(columns) and len(set(columns.values())) == 1
            figure = plots.losses(curves, label=label if alike else "loss")
        elif len(options.files) == 1:
            figure = plots.distributions(_final_losses(first, columns[first]), label)
        else:
            alone = next(file for file in options.files if kinds[file] == SWEEP)
            raise OptionError(f"{alone} is of a sweep, which is drawn alone: expected no other file")
    with drawing(out):
        plots.save(figure, out)
    if options.json:
        print_json({"kind": kind, "out": out})
    return 0


def _expect_model_first(files: list[str]) -> None:
    """OptionError where the first file is neither a model nor losses, but data of a model. OSError."""
    first = files[0]
    generated = first == "-" or datasets.file_of(first) is None
    if not generated and (_is_model(first) or _drawn(_header(first)) is not None):
        return
    model = next((file for file in files[1:] if os.path.isfile(file) and _is_model(file)), None)
    if generated or model is not None:
        usage = f"bitprop plot {model or 'MODEL'} {first}"
        raise OptionError(f"{first} is not a model file, expected one before the data: {usage}")


def _is_model(path: str) -> bool:
    """Whether the file begins as a model file does. OSError."""
    with open(path, "rb") as file:
        return file.read(len(model_file.BEGINNING)) == model_file.BEGINNING


def _header(path: str) -> list[str]:
    """The fields of the first line, whatever the file holds. OSError."""
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        return file.readline(1000).rstrip("\r\n").split(",")


def _boundary(options: argparse.Namespace) -> Any:
    """The figure of a model with a data set. OptionError, DataError."""
    files = options.files
    if len(files) != 2:
        raise OptionError(f"{files[0]} is a model file, expected one data set after it: bitprop plot {files[0]} xor")
    model, data = files
    net = Network.load(model)
    if (net.sizes[0], net.sizes[-1]) != (2, 1):
        shape = "-".join(map(str, net.sizes))
        raise OptionError(
            f"{model} is a network {shape}, expected two inputs and one output "
            "(bitprop predict prints any network's outputs)"
        )
    rows = data_set(data, options, net.sizes, model)
    return plots.boundary(net.predict, rows.x, rows.y, f"{model} on {data}")


def _drawn(header: list[str]) -> tuple[str, str] | None:
    """HISTORY or SWEEP, and the column of the losses, of a file with this header; None for another."""
    for kind, column, start, further in KINDS:
        if header in (start, [*start, *further]):
            return kind, column
        more = header[len(start) + len(further) :]
        if kind == SWEEP and header == [*start, *further, *more] and set(more) <= set(OPTIONAL):
            return kind, column
    return None


def _curves(path: str, name: str) -> dict[str, tuple[list[int], list[float]]]:
    """The losses of a history by epoch, in a column of that name, and those of its validation, if any. DataError."""
    if "validation" not in _header(path):
        epochs, losses = datasets.read_csv(path, 1, 2)
        return {f"{name} in {path}": ([int(epoch) for (epoch,) in epochs], [loss for loss, _ in losses])}
    mode.require_standard("reading decimal digits")
    curves: dict[str, tuple[list[int], list[float]]] = {}
    with open(path, newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        try:
            for row in reader:
                for column in (name, "validation"):
                    if row[column]:  # empty where it was not measured
                        epochs_and_losses = curves.setdefault(f"{column} in {path}", ([], []))
                        epochs_and_losses[0].append(int(row["epoch"]))
                        epochs_and_losses[1].append(float(row[column]))
        except (csv.Error, TypeError, ValueError):
            raise DataError(f"{path}, line {reader.line_num}: expected a line that train --history wrote") from None
    return curves


def _final_losses(path: str, column: str) -> dict[str, list[float]]:
    """The final losses of a sweep in order, by configuration; one that failed counts as infinite. DataError."""
    mode.require_standard("reading decimal digits")
    names = ["learning_rate", *(name for name in _header(path) if name in GRID_NAMES and name != "learning_rate")]
    losses: dict[tuple[str, ...], list[float]] = {}
    with open(path, newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        try:
            for row in reader:
                loss = float(row[column])
                loss = math.inf if row["error"] or math.isnan(loss) else loss
                rate = ":".join(repr(float(part)) for part in row["learning_rate"].split(":"))
                losses.setdefault((rate, *(row[name] for name in names[1:])), []).append(loss)
        except (csv.Error, AttributeError, TypeError, ValueError):
            raise DataError(f"{path}, line {reader.line_num}: expected a line that sweep --csv wrote") from None
    if not losses:
        raise DataError(f"{path} has no trainings")
    plots.require_legible(len(losses))
    labels = plots.labels_of([{name: value for name, value in zip(names, each) if value} for each in losses])
    return {label: sorted(values) for label, values in zip(labels, losses.values())}
