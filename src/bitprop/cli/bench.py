# SPDX-License-Identifier: MIT
"""`bitprop bench`."""

from __future__ import annotations

import argparse
import datetime
import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any

from .._processors import cores
from ..bench.clerk import Contestant, Outcome, contestants, measure_all
from ..bench.solve import solvers
from ..bench.tables import printable
from ..bench.tasks import GROUPS, tasks
from ..core import info
from ..errors import OptionError
from . import solve
from .options import add_progress, command, print_json, say, whole

ROUNDS, QUICK_ROUNDS = 7, 3


def add(commands: Any) -> None:
    """The parser."""
    text = (
        "Time bitprop on this machine, with every kernel, beside NumPy where it is installed: the median, least and "
        "greatest of all rounds, and the median's ratio to bitprop's fastest. On a busy machine only the least means "
        "much. With --solve: the time to a stated loss instead."
    )
    add_options(command(commands, _run, "bench", text, example="bitprop bench --quick --only full"))


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is measured, and how often; bench/peers.py takes the same."""
    parser.add_argument("--quick", action="store_true", help="short runs, three rounds, few sizes: about a minute")
    groups = ", ".join(GROUPS)
    parser.add_argument("--only", metavar="GROUP", action="append", help=f"{groups}; can be repeated (all)")
    parser.add_argument("--rounds", type=whole, metavar="N", help=f"runs of every contestant ({ROUNDS})")
    add_progress(parser)
    solve.add_options(parser)


def machine() -> dict[str, str]:
    """What a figure is worth nothing without."""
    used = info()
    return {
        "bitprop": used["version"],
        "core": ", ".join(used[name] for name in ("compiler", "backend", "kernel") if used[name]),
        "Python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {len(cores())} cores for this process",
        "date": datetime.date.today().isoformat(),
    }


def measure(
    options: argparse.Namespace, everyone: Sequence[Contestant], here: Mapping[str, str], quiet: bool = False
) -> list[Outcome]:
    """The outcomes of the tasks that the options ask for. Each table is printed as soon as it is there. OptionError."""
    solve.refuse_without_solve(options)
    for group in options.only or ():
        if group not in GROUPS:
            raise OptionError(f"--only is {group!r}, expected one of {', '.join(GROUPS)}")
    if options.rounds is None:
        options.rounds = QUICK_ROUNDS if options.quick else ROUNDS
    if options.rounds < 1:
        raise OptionError(f"--rounds is {options.rounds}, expected 1 or more")
    wanted = [task for task in tasks(options.quick) if task.group in (options.only or GROUPS)]
    holds = range(1, len(cores()) + 1) if hasattr(os, "sched_setaffinity") else [len(cores())]
    chosen = [task for task in wanted if task.cores in holds or not task.networks]
    if chosen != wanted:
        say("bitprop: sweeps on numbers of cores that a process cannot be held on here are left out")
    if not quiet:
        print("; ".join(f"{name} {value}" for name, value in here.items()), end="\n\n", flush=True)
    outcomes = []
    for together in measure_all(chosen, everyone, options.rounds, options.progress):
        outcomes += together
        if not quiet:
            print(printable(together), end="\n\n", flush=True)
    return outcomes


def status(outcomes: Sequence[Outcome]) -> int:
    """The exit status: 1 where a kernel or backend ended at other bits."""
    return int(any(row.check.startswith("OTHER BITS") for outcome in outcomes for row in outcome.rows))


def _run(options: argparse.Namespace) -> int:
    here = machine()
    if options.solve:
        return _solve(options, here)
    outcomes = measure(options, contestants(), here, quiet=options.json)
    if options.json:
        print_json({"here": here, "outcomes": [outcome.to_json() for outcome in outcomes]})
    return status(outcomes)


def _solve(options: argparse.Namespace, here: Mapping[str, str]) -> int:
    outcomes = solve.measure(options, solvers(), here, quiet=options.json)
    if options.json:
        fields = [outcome.to_json() for outcome in outcomes]
        print_json({"here": here, "limit": options.limit, "seeds": options.seeds, "outcomes": fields})
    if options.interrupted:
        raise KeyboardInterrupt
    return solve.status(outcomes)
