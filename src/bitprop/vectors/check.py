# SPDX-License-Identifier: MIT
"""Checks any program against the golden vectors: one line of JSON asks each case, one line answers it.

The program reads `{"function": ..., "input": {...}}` and writes the fields of `expected`, or `{"error": "..."}`; or,
for the first case of an optional group, `{"unsupported": true}`, after which the group is left out.
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
from . import answers, cases, generate, mistakes, oracle

UNSUPPORTED = {"unsupported": True}  # the answer of a port that leaves out an optional group
LONGEST = 1 << 24  # characters of an answer
QUICK = [name for name in answers.FUNCTIONS if name not in ("decode", "fit")]  # fast enough to try every mistake on
MAGNITUDE = oracle.SIGN - 1  # all bits of a number but its sign


class Silence(Exception):
    """The port gave no answer; the message says why."""


class Port:
    """A running program, asked one line at a time."""

    def __init__(self, command: str, timeout: float) -> None:
        try:
            arguments = shlex.split(command, posix=os.name != "nt")
        except ValueError as error:
            raise OptionError(f"--exec is {command!r}, expected a command quoted as in a shell: {error}") from None
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
            hint = "no shell takes part: for variables, pipes and ~ write sh -c '...'"
            raise OptionError(f"the command {command!r} cannot be started: {error} ({hint})") from None
        self._timeout = timeout
        self._questions: queue.Queue[str | None] = queue.Queue()
        self._answers: queue.Queue[str] = queue.Queue()
        self._conversing = threading.Thread(target=self._converse, daemon=True)  # a port that hangs must not hang us
        self._conversing.start()

    def _converse(self) -> None:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            while (question := self._questions.get()) is not None:
                with contextlib.suppress(OSError):  # of a program that has ended, perhaps with an answer
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
            if (status := self._process.poll()) is not None:
                raise Silence(f"the program ended {_ended(status)} instead of answering") from None
            raise Silence(f"no answer within {self._timeout:g} s; does it flush its output after each line?") from None
        if not line.endswith("\n"):
            if len(line) >= LONGEST:
                raise Silence(f"an answer of more than {LONGEST} characters")
            if line:
                raise Silence("an answer without an end of line: write one line for each, and flush it")
            try:
                status = self._process.wait(1.0)
            except subprocess.TimeoutExpired:
                raise Silence("the program closed its output instead of answering") from None
            raise Silence(f"the program ended {_ended(status)} instead of answering")
        return line

    def close(self) -> None:
        """Ends the program and its process group."""
        self._questions.put(None)
        with contextlib.suppress(OSError):
            if os.name == "nt":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._conversing.join(1.0)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not self._conversing.is_alive():
                with contextlib.suppress(OSError):  # of a question that was not read
                    pipe.close()


def _ended(status: int) -> str:
    return f"by signal {-status}" if status < 0 else f"with status {status}"


class Difference(NamedTuple):
    """The first value of a case that differs."""

    case: str
    note: str  # of the case
    place: str  # such as gradient[3]
    expected: str
    found: str
    ulps: int | None  # as `ulps` counts them
    meaning: str


class GroupResult(NamedTuple):
    """The outcome of one group."""

    group: str
    cases: int
    agree: int
    answered: int  # fewer than the cases where the program fell silent
    differing_bits: int  # in numbers that were comparable
    first: Difference | None
    silence: str  # why cases were not answered; "" where all were
    supported: bool = True  # False where the program says that it leaves out this group, which it may


class _Wrong(NamedTuple):
    """An answer that is not the expected one."""

    case: dict[str, Any]
    answer: Any
    difference: Difference


def documents(groups: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The stored groups of these names, in the order of a port."""
    folder = importlib.resources.files("bitprop") / "vectors"
    for group in cases.GROUPS:
        if group in groups:
            yield json.loads((folder / generate.file_name(group)).read_text(encoding="utf-8"))


def run(
    command: str,
    groups: Iterable[str],
    timeout: float,
    ready: Callable[[GroupResult], None],
    only: Callable[[dict[str, Any]], bool] = lambda case: True,
    heard: Callable[[str], None] = lambda line: None,
) -> list[GroupResult]:
    """The results of these groups, after asking the program each case for which `only(case)` is true.

    `heard(line)` is called with each answer, `ready(result)` with each group's result as the group ends.

    OptionError: the command cannot be started. If the program hangs or dies, its group ends and the next group starts
    a new program. The whole check ends if that happens a second time, or before the first answer.
    """
    out: list[GroupResult] = []
    port = None
    answered = silences = 0
    try:
        for document in documents(groups):
            asked = [case for case in document["cases"] if only(case)]
            wrong: list[_Wrong] = []
            right: list[dict[str, Any]] = []
            bits = 0
            silent, supported = None, True
            for number, case in enumerate(asked):
                port = port or Port(command, timeout)
                try:
                    line = port.ask(question(case))
                except Silence as silence:
                    port.close()
                    port = None
                    silences += 1
                    silent = (number, Difference(case["id"], case["note"], "", "an answer", "none", None, str(silence)))
                    break
                answered += 1
                heard(line)
                answer = _read(line)
                if number == 0 and answer == UNSUPPORTED and document["group"] in cases.OPTIONAL:
                    supported = False
                    break
                difference, differing = _compare(case, answer)
                bits += differing
                if difference is None:
                    right.append(case)
                else:
                    wrong.append(_Wrong(case, answer, difference))
            reached = 0 if not supported else len(asked) if silent is None else silent[0]
            first = _explained(wrong, right, out) if wrong else silent and silent[1]
            why = silent[1].meaning if silent else ""
            result = GroupResult(
                document["group"], len(asked), reached - len(wrong), reached, bits, first, why, supported
            )
            ready(result)
            out.append(result)
            if silent is not None and (silences > 1 or not answered):
                break
    finally:
        if port is not None:
            port.close()
    return out


def question(case: dict[str, Any]) -> str:
    """The line that asks a case."""
    return json.dumps({"function": case["function"], "input": case["input"]})


def _read(line: str) -> Any:
    """The parsed answer; the line itself if it is not JSON or repeats a field."""
    try:
        return json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return line


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field twice")
    return fields


def _flatten(value: Any, place: str, depth: int = 3) -> Iterator[tuple[str, Any]]:
    """Each plain value with its place; hexadecimal bytes are split into bytes. No answer nests more than two levels."""
    if isinstance(value, list) and depth:
        yield f"len({place})", len(value)
        for i, item in enumerate(value):
            yield from _flatten(item, f"{place}[{i}]", depth - 1)
    elif place == "bytes" and isinstance(value, str):
        yield f"len({place})", (len(value) + 1) // 2
        for i in range(0, len(value), 2):
            yield f"{place}[{i // 2}]", value[i : i + 2]
    else:
        yield place, value


def _compare(case: dict[str, Any], answer: Any) -> tuple[Difference | None, int]:
    """The first difference, and the number of bits that differ in all."""
    expected = case["expected"]
    if _text(answer) == _text(expected):  # as text, since Python takes 1, 1.0 and true for equal
        return None, 0

    def difference(place: str, wanted: str, shown: str, meaning: str) -> Difference:
        return Difference(case["id"], case["note"], place, wanted, shown, None, meaning)

    if not isinstance(answer, dict):
        what = f"answer one line, a JSON object with the fields {', '.join(expected)}"
        return difference("", "an object", _short(answer), what), 0
    if "error" in answer and "error" not in expected:
        return difference("", "an answer", "an error", f"the program says: {_short(answer['error'])}"), 0
    if "refused" in expected and "refused" not in answer:
        return difference("refused", "true", "none", 'a model that §11 refuses: answer {"refused": true}'), 0
    if "refused" not in expected and answer.get("refused") is True:
        return difference("refused", "none", "true", "a model that §11 allows: answer its parts"), 0
    for field in expected:
        if field not in answer:
            return difference(field, "a value", "none", f"answer the fields {', '.join(expected)}"), 0
    first = None
    bits = 0
    values = dict(item for field in expected for item in _flatten(answer[field], field))
    for place, number in (item for field, value in expected.items() for item in _flatten(value, field)):
        given = values.get(place)
        if _text(given) != _text(number):
            bits += _bits(number, given)
            if first is None:
                first = difference(place, _short(number), _short(given), _another_type(number, given))
                first = first._replace(ulps=ulps(number, given))
    if first is None:
        extra = sorted(set(answer) - set(expected))
        first = difference(extra[0] if extra else "", "no such field", "one", "answer only the expected fields")
    return first, bits


def _another_type(expected: Any, given: Any) -> str:
    """The message for a value of the wrong type; "" where the type is right or the value is missing."""
    if isinstance(expected, bool):
        return "" if given is None or isinstance(given, bool) else "another type: answer true or false"
    if expected is None or isinstance(expected, int):
        what = "null, or a whole number" if expected is None else "a whole number"
        return "" if given is None or type(given) is int else f"another type: answer {what} without a point or quotes"
    return ""


def _text(value: Any) -> str:
    """A value as JSON; "" where it is nested too deeply."""
    try:
        return json.dumps(value, sort_keys=True)
    except RecursionError:
        return ""


def _short(value: Any) -> str:
    """A port's own text, made harmless for a terminal."""
    text = ascii(value.rstrip("\n"))[1:-1] if isinstance(value, str) else _text(value) or "lists in lists"
    return f"{text[:200]}..." if len(text) > 200 else text


def _pattern(value: Any) -> int | None:
    digits = isinstance(value, str) and len(value) == 16 and set(value) <= set("0123456789abcdef")
    return int(value, 16) if digits else None


def _bits(expected: Any, given: Any) -> int:
    a, b = _pattern(expected), _pattern(given)
    return 1 if a is None or b is None else bin(a ^ b).count("1")


def ulps(expected: Any, given: Any) -> int | None:
    """How many steps between neighbouring doubles separate two patterns; None if one is not a number or both are 0."""
    a, b = _pattern(expected), _pattern(given)
    if a is None or b is None or oracle.is_nan(a) or oracle.is_nan(b) or not (a | b) & MAGNITUDE:
        return None
    here, there = (-(pattern ^ oracle.SIGN) if pattern >> 63 else pattern for pattern in (a, b))
    return abs(here - there)


def _explained(wrong: list[_Wrong], right: list[dict[str, Any]], before: list[GroupResult]) -> Difference:
    """The first difference, with its usual cause."""
    case, answer, first = wrong[0]
    if first.meaning:
        return first
    meaning = _meaning_of_values(first)
    if meaning is None and any(result.first for result in before):
        meaning = "mend the earlier group first: what differs there comes back here"
    if meaning is None:
        # Several mistakes may give a short sum these bits: the remaining answers decide between them.
        clean = [result.group for result in before]
        causes = [cause for cause, mistake in mistakes.CAUSES.items() if mistake.shown_by not in clean]
        if case["function"] in QUICK:
            causes = mistakes.explain(case["function"], case["input"], answer, causes)
            agreeing = [(case, case["expected"]) for case in right]
            for next_case, next_answer in [*((each.case, each.answer) for each in wrong[1:]), *agreeing]:
                if len(causes) < 2:
                    break
                causes = mistakes.explain(next_case["function"], next_case["input"], next_answer, causes) or causes
            meaning = _bits_of(causes) if causes else None
    return first._replace(meaning=meaning or _guess(case, first))


def _bits_of(causes: list[str]) -> str:
    """The mistakes in one sentence; fused multiply-adds are named once, with all their possible places."""
    fused = [cause for cause in causes if cause.startswith(mistakes.FUSED)]
    if fused:
        places = [cause.removeprefix(mistakes.FUSED + mistakes.HERE) for cause in fused if cause != mistakes.FUSED]
        anywhere = len(places) < len(fused)
        text = mistakes.FUSED if anywhere else mistakes.FUSED + mistakes.HERE + " or in the ".join(places)
        causes = [text, *(cause for cause in causes if cause not in fused)]
    return "these are the bits of " + "; or of ".join(causes)


def _meaning_of_values(first: Difference) -> str | None:
    """The cause that the two values show by themselves; None where they show none."""
    if first.place.startswith("len("):
        return "answer a list" if first.found == "null" else "a list of another length than expected"
    a, b = _pattern(first.expected), _pattern(first.found)
    if a is None:
        return None
    if b is None:
        return "a number is its 64-bit pattern in 16 lower-case hexadecimal digits"
    if oracle.is_nan(a) and oracle.is_nan(b):
        return "a NaN of another pattern: answer 7ff8000000000000 for any NaN (§1.5)"
    if not (a | b) & MAGNITUDE:
        return (
            "a zero of the wrong sign: an operation left out, another start of a sum (§1.2), or a language that takes "
            "whole numbers for integers, which have no -0"
        )
    if int.from_bytes(b.to_bytes(8, "little"), "big") == a:
        return "the bytes in the wrong order: the most significant digit comes first"
    return None


def _guess(case: dict[str, Any], first: Difference) -> str:
    """The likely cause of a difference that no single known mistake explains."""
    if case["function"] == "decode":
        return "a model is not read as §11 says"
    if case["function"] == "fit":
        return (
            "usually a count, an index, a size or a seed kept in 8, 16 or 32 bits, or in a float: the small cases agree"
        )
    a, b = _pattern(first.expected), _pattern(first.found)
    if a is None or b is None:
        return "none of the usual mistakes alone: compare with the contract's section"
    if a & MAGNITUDE < 1 << 52 and not b & MAGNITUDE:
        return "usually subnormal numbers flushed to zero (§1.3)"
    if first.ulps is not None and first.ulps > 1 << 20 and a & ((1 << 29) - 1) and not b & ((1 << 29) - 1):
        return "usually float32 (single precision): all numbers are binary64"
    if oracle.NAN in (a, b):
        return "a NaN on one side only: usually an infinity or a NaN that is skipped, clamped or trapped (§1.5, §1.6)"
    if first.ulps is not None and first.ulps < 1 << 12:
        flags = [flag for flag in case["flags"] if flag not in mistakes.KNOWN_FLAGS]
        others = "".join(f"; {cases.FLAGS[flag]}" for flag in flags)
        return f"a few last bits: usually another formula, a wrong digit, or products fused in some places{others}"
    return "far off: usually another formula, order or layout"
