# SPDX-License-Identifier: MIT
"""`bitprop lab`."""

from __future__ import annotations

import argparse
import os
from typing import Any

from .. import _files, lab, plots
from ..errors import OptionError
from ..lab import overshoot as study_module
from ..lab import page, pictures
from ..lab.overshoot import Study
from . import overshoot, proben1
from .options import add_backend, add_progress, command, make_folder, print_json, say, whole


def add(commands: Any) -> None:
    """The parser."""
    parser = command(
        commands,
        run,
        "lab",
        "Reproduce the lab report: four loss tables beside its own.",
        example="bitprop lab --out pictures",
    )
    parser.add_argument("--seed", type=whole, default=0, help="of the single runs, data and network (0)")
    parser.add_argument("--seeds", type=whole, default=100, help="trainings per table for the quantiles (100; 0: none)")
    parser.add_argument(
        "--out", metavar="DIR", help="write pictures there (needs matplotlib: pip install 'bitprop[lab]')"
    )
    parser.add_argument(
        "--report",
        metavar="DIR",
        help="write there the page index.html, with all tables, pictures, seeds and commands, which opens offline "
        "(needs matplotlib)",
    )
    parser.add_argument(
        "--overshoot",
        action="store_true",
        help="with --report: the study of `bitprop lab overshoot` as well, which takes about 90 seconds more",
    )
    add_backend(parser)
    add_progress(parser)
    experiments = parser.add_subparsers(
        metavar="proben1|overshoot", title="another experiment", parser_class=type(parser)
    )
    proben1.add(experiments)
    overshoot.add(experiments)


def run(options: argparse.Namespace) -> int:
    """What the command does; the exit status."""
    for name in ("out", "report"):
        folder = getattr(options, name)
        if folder is not None:
            plots.require()
            make_folder(folder, f"--{name}")
    if options.overshoot and options.report is None:
        raise OptionError("--overshoot is given without --report: expected both, or `bitprop lab overshoot`")
    ready = None if options.json else _print_table
    result = lab.run(options.seed, options.seeds, options.backend, options.progress, ready, lab.EXPERIMENTS)
    if options.json:
        print_json(result.to_json())
    elif result.left_out:
        print(result.left_out)
    if options.out is not None:
        for path in pictures.save(result.tables, options.out, options.progress):
            say(f"wrote {path}")
    if options.report is not None:
        path = os.path.join(options.report, "index.html")
        stuck = _study(options) if options.overshoot else None
        _files.write(path, page.html(result, stuck, options.progress))
        say(f"wrote {path}")
    return 0


def _study(options: argparse.Namespace) -> page.Overshoot:
    """The outcome of the overshoot study, of its own size."""
    study = Study(seed=options.seed, backend=options.backend)
    cells = study_module.run(study, options.progress)
    fits = study_module.fit(study_module.FIT_SEEDS, options.seed, options.backend, options.progress)
    return page.Overshoot(study, cells, fits, study_module.FIT_SEEDS)


def _print_table(table: lab.Table) -> None:
    print(table, end="\n\n", flush=True)
