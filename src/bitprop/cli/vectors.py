# SPDX-License-Identifier: MIT
"""`bitprop vectors`: the golden vectors written, and any program checked against them (docs/porting.md)."""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from typing import Any

from ..errors import OptionError
from ..vectors import cases, check, generate
from .options import check_writable, command, print_json, real


def add(commands: Any) -> None:
    """`generate` and `check`."""
    text = "Write the golden vectors, or check a port of bitprop against them (docs/porting.md)."
    example = "example: bitprop vectors check --exec './my-port'"
    parser = commands.add_parser("vectors", help=text, description=text, epilog=example, allow_abbrev=False)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=type(parser))
    text = f"Make the vectors from the oracle, a JSON file for each of {len(cases.GROUPS)} groups (about ten seconds)."
    parser = command(actions, _generate, "generate", text, example="bitprop vectors generate --out vectors")
    parser.add_argument("--out", metavar="DIR", default="vectors", help="the folder to write to (vectors)")
    text = (
        "Ask a program every case, one JSON line each on its stdin, and compare its answers, one JSON line each on its "
        "stdout. Exit status 1 where one differs."
    )
    parser = command(actions, _run_check, "check", text, example="bitprop vectors check --exec './my-port'")
    parser.add_argument("--exec", required=True, metavar="COMMAND", help="starts the program; quoted as in a shell")
    parser.add_argument(
        "--group", action="append", choices=list(cases.GROUPS), help="only this group; may be repeated (all)"
    )
    parser.add_argument("--case", metavar="ID", help="only this case, shown with its question and expected answer")
    parser.add_argument("--timeout", type=real, default=30.0, metavar="SECONDS", help="for each answer (30)")


def _generate(options: argparse.Namespace) -> int:
    os.makedirs(options.out, exist_ok=True)
    check_writable(os.path.join(options.out, "vectors.json"))
    written = []
    for group, document in generate.documents():
        path = os.path.join(options.out, generate.file_name(group))
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(generate.text(document) + "\n")
        written.append({"group": group, "cases": len(document["cases"]), "path": path})
        if not options.json:
            print(f"wrote {path}: {len(document['cases'])} cases", flush=True)
    if options.json:
        print_json({"contract": generate.CONTRACT, "groups": written})
    return 0


def _run_check(options: argparse.Namespace) -> int:
    if not 0.0 < options.timeout < threading.TIMEOUT_MAX:
        raise OptionError(f"--timeout is {options.timeout:g}, expected a number of seconds above 0")
    groups = options.group or cases.GROUPS
    if options.case is not None:
        known = [case for document in check.documents(groups) for case in document["cases"]]
        chosen = [case for case in known if case["id"] == options.case]
        if not chosen:
            raise OptionError(f"--case is {options.case!r}, expected the id of a case of {', '.join(groups)}")
        groups = [document["group"] for document in check.documents(groups) if chosen[0] in document["cases"]]
        if not options.json:
            print(f"asked: {check.question(chosen[0])}\nexpected: {json.dumps(chosen[0]['expected'])}", flush=True)
    ready = _ignore if options.json else _print_group
    results = check.run(options.exec, groups, options.timeout, ready, lambda case: options.case in (None, case["id"]))
    differing = [result for result in results if result.first]
    if options.json:
        fields = [{**result._asdict(), "first": result.first and result.first._asdict()} for result in results]
        print_json({"contract": generate.CONTRACT, "agree": not differing, "groups": fields})
    else:
        total = sum(result.cases for result in results)
        print(f"{sum(result.agree for result in results)} of {total} cases agree, in {len(results)} groups")
        if len(results) < len(groups):
            print(f"{len(groups) - len(results)} groups were not asked any more", file=sys.stderr)
        elif differing:
            print(f"go on with the group {differing[0].group}: the later ones build on it", file=sys.stderr)
    return 1 if differing else 0


def _ignore(result: check.GroupResult) -> None:
    """JSON comes at the end."""


def _print_group(result: check.GroupResult) -> None:
    unasked = result.cases - result.asked
    ending = f", {unasked} not asked" if unasked else ""
    print(f"{result.group:<12} {result.agree:>3} of {result.cases:>3} cases agree{ending}", flush=True)
    if result.first:
        case, note, place, expected, found, ulps, meaning = result.first
        distance = "" if ulps is None else f", {ulps} ulp away"
        print(f"    first in {case}{place and ', ' + place}: expected {expected}, got {found}{distance}")
        print(f"    {meaning}\n    the case is about: {note}", flush=True)
