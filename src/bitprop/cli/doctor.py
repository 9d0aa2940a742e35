# SPDX-License-Identifier: MIT
"""`bitprop doctor`: what is installed and in use, what is not well, and what to do."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.resources
import os
import platform
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from .._processors import cores
from ..core import info
from ..errors import BackendError, OptionError
from ..names import BACKENDS
from .options import command, print_json

DEVELOPERS = ("dev", "test")  # extras that users do not need
REQUIREMENT = re.compile(r"""([\w.-]+)\s*(?:>=([\d.]+))?[^;\[]*;\s*extra\s*==\s*["']([\w-]+)["']$""")


class Finding(NamedTuple):
    """One thing that was looked at."""

    # missing: an extra, which nobody must have; slower: it works, and could be faster; wrong: something needs doing
    state: Literal["ok", "missing", "slower", "wrong"]
    what: str
    text: str
    cure: str | None = None


def add(commands: Any) -> None:
    """The parser."""
    command(
        commands,
        run,
        "doctor",
        "Tell what is installed, which backend and kernel are in use and why, and what to do where something is not "
        "well. Exit status 1 if something needs doing; an extra that is missing does not.",
        example="bitprop doctor",
    )


def run(options: argparse.Namespace) -> int:
    """What the command does; the exit status."""
    findings = examine()
    wrong = sum(finding.state == "wrong" for finding in findings)
    if options.json:
        print_json({"ok": wrong == 0, "findings": [finding._asdict() for finding in findings]})
        return int(wrong > 0)
    for finding in findings:
        state = "NOT WELL" if finding.state == "wrong" else finding.state
        print(f"{state:<9}{finding.what:<13} {finding.text}")
        if finding.cure is not None:
            print(f"{'':<23}-> {finding.cure}")
    print(f"{wrong} not well" if wrong else "all is well")
    return int(wrong > 0)


def examine() -> list[Finding]:
    """All findings. The floating-point mode is among them, since the command line refuses to begin in another one."""
    python = f"{platform.python_version()} ({platform.python_implementation()}), {platform.platform(terse=True)}"
    return [
        Finding("ok", "python", f"{python}, {platform.machine()}, {len(cores())} cores"),
        *_core(os.environ),
        Finding("ok", "rounding", "to nearest, with subnormal numbers: the standard floating-point mode"),
        *_extras(importlib.metadata.requires("bitprop") or []),
    ]


def _core(environment: Mapping[str, str]) -> Iterator[Finding]:
    """The package, its backend and its kernel."""
    version = importlib.metadata.version("bitprop")
    place = importlib.resources.files("bitprop")
    try:
        facts = info()
    except (OptionError, BackendError) as error:
        yield Finding("ok", "bitprop", f"{version}, in {place}")
        names = [name for name in ("BITPROP_BACKEND", "BITPROP_KERNEL") if environment.get(name)]
        yield Finding("wrong", "backend", str(error), f"unset {' and '.join(names)}, or give what is there")
        return
    yield Finding("ok", "bitprop", f"{version}, contract {facts['contract']}, in {place}")
    yield _backend(facts, environment.get("BITPROP_BACKEND") or "auto")
    if facts["kernel"] is not None:
        fastest = facts["kernels"][-1]
        why = "the fastest" if facts["kernel"] == fastest else f"as BITPROP_KERNEL asks; the fastest is {fastest}"
        text = f"{facts['kernel']}, {why} of {', '.join(facts['kernels'])} (compiled by {facts['compiler']})"
        yield Finding("ok", "kernel", text)
    yield Finding("ok", "self-test", facts["self_test"])


def _backend(facts: Mapping[str, Any], asked_for: str) -> Finding:
    name = facts["backend"]
    if asked_for != "auto":
        return Finding("ok", "backend", f"{name}, as BITPROP_BACKEND asks; there are {', '.join(facts['backends'])}")
    if name == BACKENDS[0]:
        return Finding("ok", "backend", f"{name}, the fastest")
    if name != "python":
        return Finding("slower", "backend", f"{name}; {facts['reason']}", "pip install 'bitprop[speedups]'")
    cure = (
        "install a C compiler (such as gcc or clang) and Python's headers, then install bitprop again from its source "
        "with BITPROP_BUILD=require, which shows what fails"
    )
    return Finding("wrong", "backend", f"python, some thousand times slower; {facts['reason']}", cure)


def _extras(requirements: list[str]) -> Iterator[Finding]:
    """A finding for each extra: the versions of its packages, and which are missing or older than they must be."""
    extras: dict[str, list[tuple[str, str | None]]] = {}
    for match in filter(None, map(REQUIREMENT.match, requirements)):
        package, least, extra = match.groups()
        if extra not in DEVELOPERS:
            extras.setdefault(extra, []).append((package, least))
    for extra, packages in extras.items():
        found, missing, old = [], [], []
        for package, least in packages:
            try:
                version = importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                missing.append(package)
                continue
            found.append(f"{package} {version}")
            if least is not None and _numbers(version) < _numbers(least):
                old.append(f"{package} is older than {least}")
        lacking = [f"not installed: {', '.join(missing)}"] if missing else []
        text = "; ".join([*([", ".join(found)] if found else []), *lacking, *old])
        cure = f"pip install {'--upgrade ' if old else ''}'bitprop[{extra}]'" if missing or old else None
        yield Finding("wrong" if old else "missing" if missing else "ok", f"[{extra}]", text, cure)


def _numbers(version: str) -> list[int]:
    """The version's numbers, as they are ordered: [3, 10] for 3.10rc1."""
    return [int(number) for number in re.findall(r"(?:^|\.)(\d+)", version)]
