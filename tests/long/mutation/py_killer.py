# SPDX-License-Identifier: MIT
"""Kills mutants of a Python module by the project's tests, which are collected once.

Each mutant has a process of its own, forked from the one that collected them. There it runs those tests that call the
changed function, the quickest first, until one fails. A test that takes far longer than it should has failed.
"""

from __future__ import annotations

import ast
import importlib
import itertools
import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType, ModuleType

import pytest

from .ledger import Ledger
from .py_source import Mutant, apply, mutants

LONG = 1.0  # seconds: tests that take longer try no mutants
MOST = 4.0  # seconds for a mutant: it meets the quickest of its tests that fit in


class PyKiller:
    """A plugin of pytest: instead of the tests' usual run, it tries the mutants that the ledger lacks."""

    def __init__(
        self,
        source: Path,
        name: str,
        ledger: Ledger,
        every: int,
        end: float,
        again: bool,
        keep: Callable[[pytest.Item], bool],
    ):
        self.source, self.name, self.keep = source, name, keep
        self.ledger, self.every, self.end, self.again = ledger, every, end, again
        self.made = 0
        self.in_child = False
        self.failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """In a mutant's process the first failure is the end."""
        if report.failed:
            if self.in_child:
                os._exit(1)
            self.failed = True

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Measures the tests, then tries the mutants."""
        session.config.pluginmanager.unregister(name="terminalreporter")
        module = importlib.import_module(self.name)
        items = [item for item in session.items if self.keep(item)]
        measures = self.ledger.results.with_suffix(f".{self.name}.json")
        if not measures.exists():  # by the tests of an earlier run, which are taken to be the same
            times, called = self._measure(items, module)
            items = self._sound(items, module, times)
            kept = {item.nodeid for item in items}
            times = {name: seconds for name, seconds in times.items() if name in kept}
            measures.write_text(json.dumps([times, called]), encoding="utf-8")
        times, called = json.loads(measures.read_text(encoding="utf-8"))
        items = [item for item in items if item.nodeid in times]
        kills: dict[str, int] = {}
        every = list(mutants(self.source.read_text(encoding="utf-8")))
        self.made = len(every)
        for number in self.ledger.waiting(self.made, self.every, self.again):
            mutant = every[number]
            if time.monotonic() > self.end:
                break
            chosen = [item for item in items if self._concerns(mutant, called[item.nodeid])] or list(items)
            chosen.sort(key=lambda item: (-kills.get(item.nodeid, 0), times[item.nodeid]))
            ends = itertools.accumulate(times[item.nodeid] for item in chosen)
            chosen = [item for item, at in zip(chosen, ends) if at < MOST]
            verdict, killer = self._try(mutant, module, chosen, times)
            if killer is not None:
                kills[killer] = kills.get(killer, 0) + 1
            self.ledger.enter(number, verdict, mutant.function, mutant.old, mutant.new)
        return True

    def _concerns(self, mutant: Mutant, called: list[str]) -> bool:
        """Whether a test that calls these functions may notice; of what a module sets also one that calls none."""
        return not mutant.users or bool(mutant.users & set(called)) or (not mutant.function and not called)

    def _measure(self, items: list[pytest.Item], module: ModuleType) -> tuple[dict[str, float], dict[str, list[str]]]:
        """The seconds of each test, and the functions of the module that it calls."""
        times: dict[str, float] = {}
        called: dict[str, list[str]] = {}
        now: set[str] = set()

        def trace(frame: FrameType, _event: str, _argument: object) -> None:
            if frame.f_code.co_filename == module.__file__:
                name = getattr(frame.f_code, "co_qualname", frame.f_code.co_name).replace(".<locals>", "")
                parts = name.split(".<")[0].split(".")
                now.update(".".join(parts[: end + 1]) for end in range(len(parts)))

        for at, item in enumerate(items):
            now.clear()
            begun = time.process_time()
            threading.settrace(trace)
            sys.settrace(trace)
            try:
                self._run(item, items[at + 1] if at + 1 < len(items) else None)
            finally:
                sys.settrace(None)
                threading.settrace(None)
            times[item.nodeid], called[item.nodeid] = time.process_time() - begun, sorted(now)
        if self.failed:
            raise AssertionError("the tests fail without a mutant")
        return times, called

    def _sound(self, items: list[pytest.Item], module: ModuleType, times: dict[str, float]) -> list[pytest.Item]:
        """The tests that are quick, and pass where the module is executed anew, but not changed."""
        items = [item for item in items if times[item.nodeid] < LONG]
        unchanged = Mutant("", "", "", ast.parse(self.source.read_text(encoding="utf-8")), lambda: None, set())
        while (outcome := self._try(unchanged, module, items, times))[0] != "alive":
            if outcome[1] is None:
                raise AssertionError("the module cannot be executed anew")
            print("left out, since it fails where nothing is changed:", outcome[1])
            items = [item for item in items if item.nodeid != outcome[1]]
        return items

    def _run(self, item: pytest.Item, following: pytest.Item | None) -> None:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)

    def _try(
        self, mutant: Mutant, module: ModuleType, items: list[pytest.Item], times: dict[str, float]
    ) -> tuple[str, str | None]:
        """The verdict on a mutant, and the test that killed it."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            self.in_child = True
            os.close(reader)
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            try:
                self._live(mutant, module, items, times, writer)
            except BaseException:
                os._exit(1)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            begun = pipe.read().decode().split("\n")
        _, status = os.waitpid(child, 0)
        if status == 0:
            return "alive", None
        place = begun[-2] if len(begun) > 1 else None
        return "killed", None if place is None else items[int(place)].nodeid

    def _live(
        self, mutant: Mutant, module: ModuleType, items: list[pytest.Item], times: dict[str, float], writer: int
    ) -> None:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        random.seed(0)
        apply(mutant, module)
        for at, item in enumerate(items):
            os.write(writer, f"{at}\n".encode())
            signal.setitimer(signal.ITIMER_PROF, 2.0 + 10.0 * times[item.nodeid])
            self._run(item, items[at + 1] if at + 1 < len(items) else None)
            signal.setitimer(signal.ITIMER_PROF, 0.0)


def try_module(tests: list[str], killer: PyKiller) -> int:
    """Tries a module's mutants by these files of tests; returns how many there are in all."""
    status = pytest.main(
        [*tests, "-q", "--tb=no", "-p", "no:cacheprovider", "--no-header", "--disable-warnings"], plugins=[killer]
    )
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise AssertionError(f"pytest ended with {status}")
    return killer.made
