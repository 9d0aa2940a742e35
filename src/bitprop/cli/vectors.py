# SPDX-License-Identifier: MIT
"""`bitprop vectors`: the golden vectors written, and any program checked against them (docs/porting.md)."""

from __future__ import annotations

import argparse
import difflib
import json
import os
import signal
import threading
from collections.abc import Sequence
from typing import Any

from .. import _files
from ..errors import OptionError
from ..vectors import cases, check, generate
from .options import command, make_folder, print_json, real, say, terminated


def add(commands: Any) -> None:
    """`generate` and `check`."""
    text = "Write the golden vectors, or check a port of bitprop against them (docs/porting.md)."
    example = "example: bitprop vectors check --exec './my-port'"
    parser = commands.add_parser("vectors", help=text, description=text, epilog=example, allow_abbrev=False)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=type(parser))
    text = f"Make the vectors from the oracle, a JSON file for each of {len(cases.GROUPS)} groups (about 20 seconds)."
    parser = command(actions, _generate, "generate", text, example="bitprop vectors generate --out vectors")
    parser.add_argument("--out", metavar="DIR", default="vectors", help="the folder to write to (vectors)")
    text = (
        "Ask a program every case, one JSON line each on its stdin, and compare its answers, one JSON line each on its "
        "stdout. Exit status 1 where one differs. A program may leave out an optional group, if it says so: "
        f"{', '.join(cases.OPTIONAL)}."
    )
    parser = command(actions, _run_check, "check", text, example="bitprop vectors check --exec './my-port'")
    parser.add_argument(
        "--exec", required=True, metavar="COMMAND", help="starts the program; quoted as in a shell, but without one"
    )
    parser.add_argument(
        "--group", action="append", choices=list(cases.GROUPS), help="only this group; may be repeated (all)"
    )
    parser.add_argument(
        "--case", action="append", metavar="ID", help="only this case, shown with question, expected and given answer"
    )
    parser.add_argument("--timeout", type=real, default=30.0, metavar="SECONDS", help="for each answer (30)")


def _generate(options: argparse.Namespace) -> int:
    make_folder(options.out)
    written = []
    for group, document in generate.documents():
        path = os.path.join(options.out, generate.file_name(group))
        _files.write(path, generate.text(document) + "\n")
        written.append({"group": group, "cases": len(document["cases"]), "path": path})
        if not options.json:
            print(f"wrote {path}: {len(document['cases'])} cases", flush=True)
    _files.write(os.path.join(options.out, "schema.json"), generate.schema())
    if options.json:
        print_json({"contract": generate.CONTRACT, "groups": written})
    return 0


def _run_check(options: argparse.Namespace) -> int:
    if not 0.0 < options.timeout < threading.TIMEOUT_MAX:
        raise OptionError(f"--timeout is {options.timeout:g}, expected a number of seconds above 0")
    groups = options.group or list(cases.GROUPS)
    ids = options.case
    if ids is not None:
        groups = _show(groups, ids)
    signal.signal(signal.SIGTERM, terminated)
    ready = _ignore if options.json else _print_group
    heard = _ignore if ids is None else _print_answer
    results = check.run(
        options.exec, groups, options.timeout, ready, lambda case: ids is None or case["id"] in ids, heard
    )
    differing = [result for result in results if result.first]
    if options.json:
        fields = [{**result._asdict(), "first": result.first and result.first._asdict()} for result in results]
        print_json({"contract": generate.CONTRACT, "agree": not differing, "groups": fields})
    else:
        total = sum(result.cases for result in results if result.supported)
        left_out = ", ".join(result.group for result in results if not result.supported)
        ending = f"; not supported: {left_out}" if left_out else ""
        print(f"{sum(result.agree for result in results)} of {total} cases agree{ending}")
        if len(results) < len(groups) and differing:
            say(f"{len(groups) - len(results)} groups were not asked any more")
        elif differing and len(results) > 1:
            say(f"mend the group {differing[0].group} first: the later ones build on it")
    return 1 if differing else 0


def _show(groups: Sequence[str], ids: Sequence[str]) -> list[str]:
    """Shows what the cases of these ids ask and expect; their groups. OptionError: an unknown id."""
    known = [(document["group"], case) for document in check.documents(groups) for case in document["cases"]]
    names = [case["id"] for _, case in known]
    for identifier in ids:
        if identifier not in names:
            near = difflib.get_close_matches(identifier, names) or names[:3]
            expected = f"an id of a case in {', '.join(groups)}, such as {' or '.join(near)}"
            raise OptionError(f"--case is {identifier!r}, expected {expected}")
    chosen = [(group, case) for group, case in known if case["id"] in ids]
    for _, case in chosen:
        say(f"asked: {check.question(case)}\nexpected: {json.dumps(case['expected'])}")
    return list(dict.fromkeys(group for group, _ in chosen))


def _print_answer(line: str) -> None:
    say(f"answered: {ascii(line.rstrip())[1:-1]}")


def _ignore(_: Any) -> None:
    """JSON comes at the end."""


def _print_group(result: check.GroupResult) -> None:
    if not result.supported:
        print(f"{result.group:<12} not supported: {result.cases} cases", flush=True)
        return
    silent = result.cases - result.answered
    bits = result.differing_bits
    ending = f", {bits} differing bit{'s' * (bits > 1)}" if bits else ""
    ending += f", {silent} not answered" if silent else ""
    print(f"{result.group:<12} {result.agree:>3} of {result.cases:>3} cases agree{ending}", flush=True)
    if result.first:
        case, note, place, expected, given, ulps, meaning = result.first
        distance = "" if ulps is None else f", {ulps} ulp away"
        print(f"    first in {case}{place and ', ' + place}: expected {expected}, got {given}{distance}")
        print(f"    {meaning}\n    the case is about: {note}", flush=True)
        if result.silence not in ("", meaning):
            print(f"    then: {result.silence}", flush=True)
