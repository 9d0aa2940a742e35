# SPDX-License-Identifier: MIT
"""Checks any program against the golden vectors, by one line of JSON for each case and one for its answer.

The program reads `{"function": ..., "input": {...}}` and writes the fields of `expected`, or `{"error": "..."}`.
"""

from __future__ import annotations

import contextlib
import importlib.resources
import json
import os
import queue
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from ..errors import OptionError
from . import cases, generate, mistakes, oracle

LONGEST = 1 << 24  # characters of an answer


class Silence(Exception):
    """The port gave no answer; the message says why."""


class Port:
    """A running program, asked one line at a time."""

    def __init__(self, command: str, timeout: float) -> None:
        arguments = shlex.split(command, posix=os.name != "nt")
        if not arguments:
            raise OptionError(f"--exec is {command!r}, expected a command")
        try:
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise OptionError(f"--exec {command!r} cannot be started: {error}") from None
        self._timeout = timeout
        self._questions: queue.Queue[str | None] = queue.Queue()
        self._answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._converse, daemon=True).start()  # a port that hangs must not hang us

    def _converse(self) -> None:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            while (question := self._questions.get()) is not None:
                process.stdin.write(question)
                process.stdin.flush()
                self._answers.put(process.stdout.readline(LONGEST))
        self._answers.put("")

    def ask(self, question: str) -> str:
        """The line that answers this line."""
        self._questions.put(question + "\n")
        try:
            line = self._answers.get(timeout=self._timeout)
        except queue.Empty:
            raise Silence(f"no answer within {self._timeout:g} s") from None
        if not line.endswith("\n"):
            if line:
                raise Silence("an answer without an end of line: write one line for each, and flush it")
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise Silence(f"the program ended with status {self._process.wait(1.0)} instead of answering")
            raise Silence("the program closed its output instead of answering")
        return line

    def close(self) -> None:
        """Ends the program, and what it has started."""
        self._questions.put(None)
        with contextlib.suppress(OSError):
            if os.name == "nt":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class Difference(NamedTuple):
    """The first value of a case that differs."""

    case: str
    place: str  # such as gradient[3]
    expected: str
    found: str
    ulps: int | None  # numbers from one to the other; None where they cannot be compared
    meaning: str


class GroupResult(NamedTuple):
    """What came of one group."""

    group: str
    cases: int
    agree: int
    differing_bits: int  # in numbers that were comparable
    first: Difference | None


def documents(groups: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The stored groups of these names, in the order of a port."""
    folder = importlib.resources.files("bitprop") / "vectors"
    for group in cases.GROUPS:
        if group in groups:
            yield json.loads((folder / generate.file_name(group)).read_text(encoding="utf-8"))


def run(command: str, groups: Iterable[str], timeout: float, ready: Callable[[GroupResult], None]) -> list[GroupResult]:
    """Asks the program every case of these groups; `ready` is told each group as it ends.

    OptionError: a command that cannot be started. A program that hangs or dies ends its group, and is started anew for
    the next; one that has never answered ends the check.
    """
    out: list[GroupResult] = []
    port = None
    answered = False
    try:
        for document in documents(groups):
            agree = bits = 0
            first = None
            for case in document["cases"]:
                port = port or Port(command, timeout)
                try:
                    line = port.ask(json.dumps({"function": case["function"], "input": case["input"]}))
                except Silence as silence:
                    port.close()
                    port = None
                    first = first or Difference(case["id"], "", "an answer", "none", None, str(silence))
                    break
                answered = True
                found = _read(line)
                difference, differing = _compare(case, found, earlier=any(result.first for result in out))
                bits += differing
                agree += difference is None
                first = first or difference
            result = GroupResult(document["group"], len(document["cases"]), agree, bits, first)
            ready(result)
            out.append(result)
            if not answered:
                break
    finally:
        if port is not None:
            port.close()
    return out


def _read(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return line


def _flatten(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        yield f"len({place})", len(value)
        for i, item in enumerate(value):
            yield from _flatten(item, f"{place}[{i}]")
    else:
        yield place, value


def _compare(case: dict[str, Any], found: Any, earlier: bool) -> tuple[Difference | None, int]:
    """The first difference, and the number of bits that differ in all."""
    expected = case["expected"]
    if found == expected:
        return None, 0
    if not isinstance(found, dict):
        what = f"expected a line with a JSON object with the fields {', '.join(expected)}"
        return Difference(case["id"], "", "an object", _short(found), None, what), 0
    if "error" in found and "error" not in expected:
        return Difference(case["id"], "", "an answer", "an error", None, f"the program says: {found['error']}"), 0
    first = None
    bits = 0
    for field, value in expected.items():
        if field not in found:
            return Difference(case["id"], field, "a value", "none", None, "the answer lacks this field"), bits
        wanted, given = list(_flatten(value, field)), dict(_flatten(found[field], field))
        for place, number in wanted:
            other = given.get(place)
            if other == number:
                continue
            bits += _bits(number, other)
            if first is None:
                meaning = _meaning(case, found, number, other, earlier)
                first = Difference(case["id"], place, str(number), _short(other), ulps(number, other), meaning)
    if first is None:
        extra = sorted(set(found) - set(expected))
        first = Difference(case["id"], extra[0] if extra else "", "no such field", "one", None, "a field too many")
    return first, bits


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return "nothing" if value is None else repr(text[:60] + "...") if len(text) > 60 else text.rstrip("\n")


def _pattern(value: Any) -> int | None:
    digits = isinstance(value, str) and len(value) == 16 and set(value) <= set("0123456789abcdef")
    return int(value, 16) if digits else None


def _bits(expected: Any, found: Any) -> int:
    a, b = _pattern(expected), _pattern(found)
    return 1 if a is None or b is None else bin(a ^ b).count("1")


def ulps(expected: Any, found: Any) -> int | None:
    """The numbers from one to the other; None where one is no number. The two zeros are one apart."""
    a, b = _pattern(expected), _pattern(found)
    if a is None or b is None or oracle.is_nan(a) or oracle.is_nan(b):
        return None
    here, there = (-(pattern ^ oracle.SIGN) - 1 if pattern >> 63 else pattern for pattern in (a, b))
    return abs(here - there)


def _meaning(case: dict[str, Any], found: dict[str, Any], expected: Any, other: Any, earlier: bool) -> str:
    """What a difference usually comes from."""
    a, b = _pattern(expected), _pattern(other)
    if a is None or b is None:
        if a is not None:
            return "expected a number's 64-bit pattern in 16 lower-case hexadecimal digits"
        return f"flagged {', '.join(case['flags'])}: {case['note']}"
    if oracle.is_nan(b) and b != oracle.NAN:
        return "a NaN of another pattern: answer 7ff8000000000000 for any NaN (§1.5)"
    certain = mistakes.explain(case["function"], case["input"], found)
    if certain is not None:
        return f"these are the bits of {certain}"
    if not (a | b) & (oracle.SIGN - 1):
        return "a zero of the wrong sign: a term left out, or another start of a sum (§1.2)"
    if a & ~oracle.SIGN < 1 << 52 and not b & ~oracle.SIGN:
        return "usually subnormal numbers flushed to zero (§1.3)"
    if oracle.NAN in (a, b):
        return "usually an infinity or a NaN that is skipped, clamped or trapped (§1.5, §1.6)"
    if a & ((1 << 29) - 1) and not b & ((1 << 29) - 1):
        return "usually float32 (single precision): all numbers are binary64"
    if earlier:
        return "mend the earlier group first: what differs there comes back here"
    distance = ulps(expected, other)
    caught = "; ".join(cases.FLAGS[flag] for flag in case["flags"])
    if distance is not None and distance < 1 << 12:
        return f"a few last bits: usually {caught}, or a multiply-add fused at some places only"
    return f"far off: {case['note']} ({caught})"
