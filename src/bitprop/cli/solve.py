# SPDX-License-Identifier: MIT
"""`bitprop bench --solve`."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence

from ..bench.problems import NAMES, chosen
from ..bench.solve import LIMIT, Outcome, Solver, solve_all
from ..bench.tables import aim_printable, solve_printable
from ..errors import OptionError
from .options import real, say, whole

SEEDS = 30


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is solved, and how often; bench/peers.py takes the same."""
    group = parser.add_argument_group(
        "time to solution",
        "The time from given start weights to a stated loss, by each rule and beside the peers that are installed "
        "(scikit-learn, PyTorch, JAX, SciPy). Example: bitprop bench --solve --problems xor,sine --seeds 5",
    )
    group.add_argument("--solve", action="store_true", help="measure that, and nothing else")
    group.add_argument("--problems", metavar="xor,...", help=f"some of {','.join(NAMES)} (all)")
    group.add_argument("--seeds", type=whole, metavar="N", help=f"trainings of each contestant ({SEEDS})")
    files = "the folder of cancer1.dt.gz and diabetes1.dt.gz of PROBEN1, which are left out without it"
    group.add_argument("--data", metavar="DIR", help=files)
    group.add_argument("--limit", type=real, metavar="S", help=f"seconds that a training may take ({LIMIT:g})")


def measure(
    options: argparse.Namespace, everyone: Sequence[Solver], here: Mapping[str, str], quiet: bool = False
) -> list[Outcome]:
    """The outcomes that the options ask for; of those that are done, after Ctrl-C, which `options.interrupted` tells.

    Each table is printed as soon as it is there. OptionError.
    """
    for name, value in (("--quick", options.quick), ("--only", options.only), ("--rounds", options.rounds)):
        if value:
            raise OptionError(f"{name} has no effect with --solve, expected --problems, --seeds, --data or --limit")
    options.seeds = SEEDS if options.seeds is None else options.seeds
    options.limit = LIMIT if options.limit is None else options.limit
    if options.seeds < 1:
        raise OptionError(f"--seeds is {options.seeds}, expected 1 or more")
    if not 0.0 < options.limit < math.inf:
        raise OptionError(f"--limit is {options.limit!r}, expected a number of seconds above 0")
    names = None if options.problems is None else [name.strip() for name in options.problems.split(",")]
    problems, missing = chosen(names, options.data)
    if missing:
        say(f"bitprop: left out without --data DIR, the folder of their files: {', '.join(missing)}")
    if not quiet:
        print("; ".join(f"{name} {value}" for name, value in here.items()))
        print(f"trainings of {options.limit:g} s at most, from {options.seeds} seeds", end="\n\n", flush=True)
    outcomes: list[Outcome] = []
    options.interrupted = False
    try:
        for outcome in solve_all(problems, everyone, options.seeds, options.data, options.limit, options.progress):
            outcomes.append(outcome)
            if not quiet:
                print(solve_printable(outcome), end="\n\n", flush=True)
    except KeyboardInterrupt:
        options.interrupted = True
    if outcomes and not quiet:
        print(aim_printable(outcomes), flush=True)
    return outcomes


def refuse_without_solve(options: argparse.Namespace) -> None:
    """OptionError where an option of the time to solution is given without --solve."""
    for name in ("problems", "seeds", "data", "limit"):
        if getattr(options, name) is not None:
            raise OptionError(f"--{name} has no effect without --solve")


def status(outcomes: Sequence[Outcome]) -> int:
    """The exit status: 1 where a loss is not what a contestant of bitprop says."""
    return int(any(row.check and row.name.startswith("bitprop") for outcome in outcomes for row in outcome.rows))
