# SPDX-License-Identifier: MIT
"""`bitprop lab overshoot`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any, TypeVar

from .. import _files, plots
from ..errors import OptionError, quoted
from ..lab import overshoot, overshoot_pictures
from ..lab.overshoot import Study
from ..lab.report import SIZES
from ..network import Network
from .options import add_backend, add_progress, command, make_folder, print_json, real, say, version, whole

Entry = TypeVar("Entry")


def add(commands: Any) -> None:
    """The parser."""
    parser = command(
        commands,
        run,
        "overshoot",
        "Map where trainings on the report's linear data get stuck, over rows, learning rates, rules and biases; and "
        "tell which number of rows fits the report's figures best. A training is stuck if it ends above a quarter "
        "of the targets' variance and hardly changed in the second half of its epochs; it is slow if it still changes.",
        example="bitprop lab overshoot --out overshoot",
        default=argparse.SUPPRESS,  # `bitprop lab --json overshoot` prints JSON too
    )
    parser.add_argument("--seed", type=whole, help="the first seed, of data and network (0)")
    trainings = f"trainings for each place of the map ({overshoot.SEEDS})"
    parser.add_argument(
        "--seeds", type=whole, dest="trainings", metavar="SEEDS", default=overshoot.SEEDS, help=trainings
    )
    of_fit = f"trainings for each number of rows that is tried for the fit ({overshoot.FIT_SEEDS}; 0: no fit)"
    parser.add_argument("--fit-seeds", type=whole, default=overshoot.FIT_SEEDS, help=of_fit)
    parser.add_argument("--epochs", type=whole, default=overshoot.EPOCHS, help=f"of each training ({overshoot.EPOCHS})")
    for name, kind, default, what in (
        ("--rows", whole, overshoot.ROWS, "numbers of rows"),
        ("--learning-rates", real, overshoot.RATES, "rates, of rules that have one"),
        ("--rules", str, overshoot.RULES_TRIED, "update rules"),
    ):
        listed = ",".join(map(str, default))
        parser.add_argument(
            name, type=_several(kind), default=default, metavar=listed, help=f"{what} of the map (default: these)"
        )
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="write overshoot.csv there, and the map overshoot.png (needs matplotlib: pip install 'bitprop[lab]')",
    )
    add_backend(parser)
    add_progress(parser)


def _several(kind: Callable[[str], Entry]) -> Callable[[str], list[Entry]]:
    """The type of several entries with commas between them."""

    def entries(text: str) -> list[Entry]:
        parts = [part.strip() for part in text.split(",")]
        if "" in parts:
            raise argparse.ArgumentTypeError(f"{quoted(text)} has an empty entry, expected some with commas")
        return [kind(part) for part in parts]

    return entries


def run(options: argparse.Namespace) -> int:
    """What the command does; the exit status."""
    if options.seeds != 100:
        raise OptionError("--seeds is given before overshoot, which has its own: expected it after overshoot")
    if options.report is not None:
        raise OptionError("--report is given for overshoot: expected `bitprop lab --report DIR --overshoot`")
    study = Study(
        rows=options.rows,
        rates=options.learning_rates,
        rules=options.rules,
        epochs=options.epochs,
        seeds=options.trainings,
        seed=options.seed,
        backend=options.backend,
    ).check()
    if options.fit_seeds:
        overshoot.check_fit(options.fit_seeds, options.seed)
    backend = Network(*SIZES, backend=options.backend).backend
    if options.out is not None:
        plots.require()
        make_folder(options.out)
    if backend == "python":
        say("the pure-Python backend is in use, which may take days for this: `bitprop info` tells why it is")
    cells = overshoot.run(study, options.progress)
    if options.out is not None:
        _write(study, cells, options.out)
    if not options.json:
        print(overshoot.text(study, cells), flush=True)
    fits = []
    if options.fit_seeds:
        fits = overshoot.fit(options.fit_seeds, options.seed, options.backend, options.progress)
        if not options.json:
            print(f"\n{overshoot.fit_text(fits, options.fit_seeds, options.seed)}")
    if options.json:
        print_json(
            {"version": version(), "backend": backend, **overshoot.to_json(study, cells, fits, options.fit_seeds)}
        )
    return 0


def _write(study: Study, cells: list[overshoot.Cell], folder: str) -> None:
    path = os.path.join(folder, "overshoot.csv")
    _files.write(path, overshoot.csv_text(cells))
    say(f"wrote {path}")
    path = os.path.join(folder, "overshoot.png")
    plots.save(overshoot_pictures.figure(study, cells), path)
    say(f"wrote {path}")
