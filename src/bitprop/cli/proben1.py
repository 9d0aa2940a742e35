# SPDX-License-Identifier: MIT
"""`bitprop lab proben1`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import Any

from .. import plots
from ..errors import OptionError, quoted
from ..lab import proben1, proben1_pictures, proben1_report, proben1_runs, proben1_tables
from ..lab.proben1_report import Result
from ..lab.proben1_tables import Row
from .options import add_backend, add_progress, command, make_folder, print_json, say

ENDING = ".dt.gz"  # of a data set's file


def add(commands: Any) -> None:
    """The parser."""
    parser = command(
        commands,
        run,
        "proben1",
        "Run tables 3, 4, 10 and 11 of PROBEN1 (Prechelt, 1994) again, beside its figures.",
        example="bitprop lab proben1 --data proben1 --only cancer1,heart1 --tables 3,10",
        default=argparse.SUPPRESS,  # `bitprop lab --json proben1` prints JSON too
    )
    where = f"the folder with the data sets, NAME{ENDING}, and with {proben1_tables.FILE}"
    parser.add_argument("--data", metavar="DIR", required=True, help=where)
    problems = "these problems (default: all that have a file)"
    parser.add_argument("--only", type=_names, default=None, metavar="cancer1,...", help=problems)
    parser.add_argument("--tables", type=_numbers, default=None, metavar="3,4,10,11", help="(default: all four)")
    parser.add_argument(
        "--out", metavar="DIR", help="write pictures there (needs matplotlib: pip install 'bitprop[lab]')"
    )
    add_backend(parser)
    add_progress(parser)


def _names(text: str) -> list[str]:
    """The type of several names."""
    names = [name.strip() for name in text.split(",")]
    if "" in names:
        raise argparse.ArgumentTypeError(f"{quoted(text)} has an empty entry, expected problems: cancer1,heart1")
    return names


def _numbers(text: str) -> list[int]:
    """The type of several numbers of tables."""
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not numbers of tables, such as 3,10") from None


def run(options: argparse.Namespace) -> int:
    """What the command does; the exit status."""
    for name, default in (("seed", 0), ("seeds", 100)):
        if getattr(options, name) != default:
            raise OptionError(f"--{name} is given for proben1, which has its own seeds: expected none")
    if options.report is not None:
        raise OptionError(
            "--report is given for proben1, which is not in that page: expected `bitprop lab --report DIR`"
        )
    rows = proben1_tables.choose(proben1_tables.read(options.data), options.tables, options.only)
    rows, left_out = _with_files(rows, options.data, options.only is not None)
    problems = dict.fromkeys(row.problem for row in rows)
    data = {name: proben1_runs.Data.of(proben1.read(_path(options.data, name))) for name in problems}
    if options.out is not None:
        plots.require()
        make_folder(options.out)
    finished: dict[int, Result] = {}

    def keep(place: int, outcomes: Sequence[proben1_runs.Outcome]) -> None:
        finished[place] = Result(rows[place], outcomes)

    try:
        proben1_runs.run_all(rows, data, options.backend, options.progress, keep)
    except KeyboardInterrupt:
        if finished:
            _print([finished[place] for place in sorted(finished)], left_out, options)
        say(f"\n{len(finished)} of {len(rows)} rows had ended")
        raise
    results = [finished[place] for place in sorted(finished)]
    _print(results, left_out, options)
    if options.out is not None:
        for path in proben1_pictures.save(results, options.out, options.progress):
            say(f"wrote {path}")
    return 0


def _path(folder: str, problem: str) -> str:
    return os.path.join(folder, problem + ENDING)


def _with_files(rows: Sequence[Row], folder: str, asked_for: bool) -> tuple[list[Row], list[str]]:
    """The rows whose problem has a file, and the problems that have none. OptionError: of those that are asked for."""
    missing = [row.problem for row in rows if not os.path.exists(_path(folder, row.problem))]
    missing = list(dict.fromkeys(missing))
    kept = [row for row in rows if row.problem not in missing]
    if missing and (asked_for or not kept):
        raise OptionError(f"{quoted(_path(folder, missing[0]))} is not there: expected the file of that problem")
    return kept, missing


def _print(results: Sequence[Result], left_out: Sequence[str], options: argparse.Namespace) -> None:
    if options.json:
        print_json(proben1_report.to_json(results, left_out))
        return
    for table, found in proben1_report.by_table(results):
        print(proben1_report.table_text(table, found), end="\n\n")
    if left_out:
        print(f"left out, since there is no file: {', '.join(left_out)}")
    print(f"sha256 of these {len(results)} rows: {proben1_report.sha256(results)}", flush=True)
