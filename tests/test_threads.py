# SPDX-License-Identifier: MIT
"""Threads, processes and interpreters beside each other: the same bits, or a refusal, and never a torn state."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from bits import to_hex
from conftest import core_or_skip

from bitprop import Network, TrainingError, datasets, sweep
from bitprop.names import Backend

X, Y = datasets.xor()
READS: dict[str, Callable[[Network], Any]] = {
    "a row": lambda net: net.predict([X[0]]),
    "rows": lambda net: net.predict(X),
    "out": lambda net: net.predict(X, out=np.empty((len(X), 1))),
    "loss": lambda net: net.loss(X, Y),
    "gradient": lambda net: net.gradient(X, Y),
    "trace": lambda net: net.trace(X[0]),
    "check": lambda net: net.check_gradient(X, Y),
    "copy": lambda net: net.copy(),
    "bytes": lambda net: net.to_bytes(),
    "fingerprint": lambda net: net.fingerprint(),
    "equality": lambda net: net == Network(2, 1),
    "scale": lambda net: net.scale(X),
    "scaling": lambda net: setattr(net, "input_scaling", None),
}


def outcomes(net: Network, path: Any) -> dict[str, bool]:
    """Of each way to read a network, whether it is refused."""
    refused = {}
    reads: dict[str, Callable[[Network], Any]] = {**READS, "save": lambda net: net.save(path)}
    for name, read in reads.items():
        try:
            read(net)
        except TrainingError:
            refused[name] = True
        else:
            refused[name] = False
    return refused


def test_reads_are_refused_elsewhere(backend: Backend, tmp_path: Any) -> None:
    """While a thread trains a network, no other thread reads it, but the callback does; then all may again."""
    net = Network(2, 3, 1, backend=backend)
    inside, looked = threading.Event(), threading.Event()
    own: list[dict[str, bool]] = []

    def callback(epoch: int, _: float) -> None:
        if epoch == 0:
            inside.set()
            looked.wait(60)
            own.append(outcomes(net, tmp_path / "own.json"))

    with ThreadPoolExecutor(1) as executor:
        training = executor.submit(net.fit, X, Y, epochs=2, callback=callback)
        inside.wait(60)
        elsewhere = outcomes(net, tmp_path / "net.json")
        looked.set()
        training.result()
    assert set(elsewhere.values()) == {True}
    assert set(own[0].values()) == {False}
    assert set(outcomes(net, tmp_path / "net.json").values()) == {False}


@pytest.mark.filterwarnings("ignore::bitprop.TrainingHint")
def test_reads_beside_trainings_are_never_torn(backend: Backend) -> None:
    """What a thread reads beside short trainings is of a state between two of them, bit for bit, or refused."""
    epochs, times = (30, 1) if backend == "python" else (300, 20)
    rows = X * times, Y * times
    options: dict[str, Any] = {"epochs": 1, "batch_size": 1, "learning_rate": 0.3}
    net, twin = (Network(2, 8, 8, 1, seed=4, backend=backend) for _ in range(2))

    def outputs(network: Network) -> tuple[str, ...]:
        return tuple(to_hex([row[0] for row in network.predict(X)]))

    good = {twin.fingerprint(): outputs(twin)}
    for _ in range(epochs):
        twin.fit(*rows, **options)
        good[twin.fingerprint()] = outputs(twin)
    states, between = set(good), set(good.values())
    read: list[bool] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            try:
                read.append(outputs(net) in between)
                read.append(net.fingerprint() in states)
            except TrainingError:
                continue

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    thread = threading.Thread(target=look)
    thread.start()
    try:
        for _ in range(epochs):
            net.fit(*rows, **options)
        while not read:
            pass
    finally:
        ended.set()
        thread.join()
        sys.setswitchinterval(interval)
    assert net == twin
    assert set(read) == {True}


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of forks beside threads
def test_ways_to_start_processes(method: Any) -> None:
    """Processes that are forked or begin anew give the same bits; networks travel to them."""
    expected = sweep((2, 3, 1), (X, Y), seeds=range(4), epochs=5)
    net = Network(2, 3, 1, seed=9)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as executor:
        found = sweep((2, 3, 1), (X, Y), seeds=range(4), epochs=5, executor=executor)
        assert executor.submit(net.predict, X).result() == net.predict(X)
    assert found.errors == [None] * 4
    assert [run.network == twin.network for run, twin in zip(found, expected)] == [True] * 4


INTERPRETERS = """
import os
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
code = '''
import os
from bitprop import Network, datasets
net = Network(2, 4, 1, seed=3)
net.fit(*datasets.xor(), epochs=50)
os.write({0}, (net.fingerprint() + " " + net.backend + chr(10)).encode())
'''
reading, writing = os.pipe()
made = [interpreters.create() for _ in range(2)]
for each in made:
    failed = interpreters.run_string(each, code.format(writing))
    assert failed is None, failed
exec(code.format(writing))
os.close(writing)
for line in os.fdopen(reading):
    print(line, end="")
for each in made:
    interpreters.destroy(each)
"""


@pytest.mark.skipif(
    sys.implementation.name != "cpython" or sys.version_info[:2] == (3, 12),
    reason="needs subinterpreters; CPython 3.12.1 dies of the second that imports an extension which refuses them",
)
def test_subinterpreters() -> None:
    """Each interpreter of a process gives the same bits, by the fastest backend that it can load."""
    core_or_skip("ctypes")
    found = subprocess.run([sys.executable, "-c", INTERPRETERS], capture_output=True, text=True, check=False)
    lines = found.stdout.split()
    assert (found.returncode, len(lines)) == (0, 6), found.stderr
    assert len(set(lines[::2])) == 1
