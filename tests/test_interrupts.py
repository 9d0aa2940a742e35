# SPDX-License-Identifier: MIT
"""An interrupt at any opcode, and a fork at any time, leave everything usable."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

import bitprop
from bitprop import Network, TrainingError, _training, datasets, sweep
from bitprop.names import Backend
from bitprop.sweep_file import SweepFile

PACKAGE = os.path.dirname(bitprop.__file__)
X, Y = datasets.xor()


def interrupted_at(action: Callable[[], Any], opcode: int) -> bool:
    """Runs the action with a KeyboardInterrupt before that opcode of bitprop's own code; whether it came."""
    left = opcode
    thread = threading.get_ident()

    def count(code: CodeType, _: Any = None) -> None:
        nonlocal left
        if code.co_filename.startswith(PACKAGE) and threading.get_ident() == thread:
            left -= 1
            if left == 0:
                raise KeyboardInterrupt

    try:
        with counting(count):
            action()
    except KeyboardInterrupt:
        assert left <= 0
        return True
    return False


@contextlib.contextmanager
def counting(count: Callable[[CodeType], None]) -> Iterator[None]:
    """Within, `count` is called before each opcode, by sys.monitoring where there is that: settrace leaves some out."""
    if sys.version_info >= (3, 12):
        monitoring = sys.monitoring
        monitoring.use_tool_id(monitoring.DEBUGGER_ID, "interrupts")
        monitoring.register_callback(monitoring.DEBUGGER_ID, monitoring.events.INSTRUCTION, count)
        monitoring.set_events(monitoring.DEBUGGER_ID, monitoring.events.INSTRUCTION)
        try:
            yield
        finally:
            monitoring.set_events(monitoring.DEBUGGER_ID, 0)
            monitoring.free_tool_id(monitoring.DEBUGGER_ID)
        return

    def within(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "opcode":
            count(frame.f_code)
        return within

    def entered(frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        frame.f_trace_opcodes = True
        return within

    previous = sys.gettrace()
    sys.settrace(entered)
    try:
        yield
    finally:
        sys.settrace(previous)


def each_opcode(action: Callable[[], Any], check: Callable[[], None], step: int = 1) -> int:
    """Interrupts the action at each of its opcodes in turn, with a check after each; how many there are."""
    opcode = 1
    while interrupted_at(action, opcode):
        check()
        opcode += step
    check()
    return opcode - 1


CHECKS: dict[str, Any] = {"validation": ([[0.5]], [[0.25]]), "patience": 1}


@pytest.mark.parametrize(
    ("options", "checks"),
    [({}, {}), ({"shuffle_seed": 3, "batch_size": 2}, {}), ({}, CHECKS)],
    ids=["plain", "shuffled", "checked"],
)
def test_fit(
    backend: Backend, options: dict[str, int], checks: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted anywhere, `fit` leaves a good epoch, the last or the best, and the network can be trained again."""
    monkeypatch.setattr(_training, "FIRST_BUDGET", 1)  # slices of one row, so that most end inside an epoch
    monkeypatch.setattr(_training, "SLICE", 1e-12)
    x, y = array("d", [0.1, 0.2, 0.9]), array("d", [0.0, 1.0, 1.0])
    rows = memoryview(x).cast("B").cast("d", (3, 1))
    net = Network(1, 1, seed=1, activation="relu", backend=backend)
    start = array("d", net.parameters)
    good = set()
    for epochs in range(3):
        net.parameters[:] = start
        net.fit(rows, y, epochs=epochs, **options)  # type: ignore[arg-type]
        good.add(net.to_bytes())

    def check() -> None:
        assert net.to_bytes() in good
        net.fit(rows, y, epochs=1, **options)  # type: ignore[arg-type]
        net.parameters[:] = start

    def fit() -> None:
        net.fit(rows, y, epochs=2, callback=lambda *_: None, **options, **checks)  # type: ignore[arg-type]

    # Python's own arithmetic takes many opcodes: there a prime step stands for all of them.
    assert each_opcode(fit, check, 7 if backend == "python" else 1) > 500


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # files that the collector closes
def test_save(tmp_path: Path) -> None:
    """Interrupted anywhere, `save` leaves the old file or the new one, and no other."""
    path = tmp_path / "net.json"
    old, new = Network(1, 1, seed=1), Network(1, 1, seed=2)
    texts = []
    for net in (new, old):
        net.save(path)
        texts.append(path.read_bytes())

    def check() -> None:
        assert path.read_bytes() in texts
        assert [entry.name for entry in tmp_path.iterdir()] == ["net.json"]
        old.save(path)

    assert each_opcode(lambda: new.save(path), check) > 200


def test_sweep() -> None:
    """Interrupted anywhere, a sweep leaves no thread, and the next one gives the same bits."""
    options: dict[str, Any] = {"seeds": [1, 2], "epochs": 2}
    expected = sweep((2, 1), (X, Y), **options).final_mse
    threads = set(threading.enumerate())

    def check() -> None:
        assert set(threading.enumerate()) == threads

    assert each_opcode(lambda: sweep((2, 1), (X, Y), **options), check) > 500
    assert sweep((2, 1), (X, Y), **options).final_mse == expected


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # files that interrupts left to close
def test_file_of_a_sweep(tmp_path: Path) -> None:
    """Interrupted anywhere, the file of a sweep is free, and the next sweep finds whole lines in it."""
    path = tmp_path / "sweep.jsonl"

    def append() -> None:
        with SweepFile(path, {"epochs": 1}) as file:
            file.append([{"configuration": "a", "seed": len(file.ended)}])

    def check() -> None:
        with SweepFile(path, {"epochs": 1}) as file:
            assert [seed for _, seed in file.ended] == list(range(len(file.ended)))
        if len(file.ended) > 3:
            path.unlink()

    assert each_opcode(append, check) > 300


def test_a_training_under_way_is_not_disturbed() -> None:
    """A second `fit` is refused around the callback and in another thread, and may follow when the first ended."""
    net = Network(2, 3, 1)
    refused: list[bool] = []

    def attempt() -> None:
        try:
            net.fit(X, Y, epochs=1)
        except TrainingError:
            refused.append(True)
        else:
            refused.append(False)

    def callback(epoch: int, mse: float) -> None:
        attempt()
        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()

    net.fit(X, Y, epochs=1, callback=callback)
    attempt()
    assert refused == [True, True, False]
    try:
        net.fit(X, Y, epochs=2, callback=lambda *_: 1 / 0)
    except ZeroDivisionError:  # whose traceback still holds the frame of that fit
        attempt()
    assert refused == [True, True, False, False]


def test_generators_in_callbacks_hide_nothing() -> None:
    """A second `fit` is refused at any moment of the first, also while its callback is inside a generator."""
    net, twin = Network(2, 4, 1, seed=1), Network(2, 4, 1, seed=1)
    epochs = 1000
    twin.fit(X, Y, epochs=epochs)
    inside, attempted, ended = threading.Event(), threading.Event(), threading.Event()
    outcomes: set[bool] = set()

    def callback(epoch: int, mse: float) -> None:
        inside.set()
        attempted.wait(30)  # so that both run at a time, however busy the machine
        sum(i for i in range(1000))
        if epoch == epochs - 1:
            ended.set()

    def intrude(depth: int) -> None:
        if depth:
            intrude(depth - 1)  # a deep stack gives whoever looks at stacks more time to miss something
            return
        inside.wait()
        while not ended.is_set():
            try:
                net.fit(X, Y, epochs=0)
            except TrainingError:
                outcomes.add(True)
            else:
                outcomes.add(ended.is_set())
            attempted.set()

    second = threading.Thread(target=intrude, args=(300,))
    second.start()
    net.fit(X, Y, epochs=epochs, callback=callback)
    second.join()
    assert outcomes == {True}
    assert net == twin


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_fork_during_a_training() -> None:
    """A child that is forked while a thread trains can train the network itself."""
    net = Network(2, 8, 8, 1)
    stop = threading.Event()

    def train() -> None:
        net.fit(X, Y, epochs=10**9, log_every=100, callback=lambda *_: stop.is_set())

    thread = threading.Thread(target=train)
    thread.start()
    statuses = []
    try:
        for _ in range(20):
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    signal.alarm(10)
                    net.fit(X, Y, epochs=1)
                    status = 0
                finally:
                    os._exit(status)
            statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    finally:
        stop.set()
        thread.join()
    assert statuses == [0] * 20
