# SPDX-License-Identifier: MIT
"""Sweeps, trainings and reads in eight threads of a CPython without its lock; the part `threads` runs it."""

from __future__ import annotations

import sys
import threading
from typing import Any

from bitprop import Network, TrainingError, datasets, sweep

THREADS, FITS = 8, 200
X, Y = datasets.linear(100, seed=1)
assert not getattr(sys, "_is_gil_enabled", lambda: True)(), "this CPython has its lock"


def swept() -> list[str]:
    """The parameters of a sweep, as text."""
    result = sweep((2, 4, 1), (X, Y), seeds=range(40), epochs=50)
    return ["failed" if run.network is None else run.network.fingerprint() for run in result]


expected = swept()
shared, twin = Network(2, 8, 8, 1, seed=4), Network(2, 8, 8, 1, seed=4)
options: dict[str, Any] = {"epochs": 1, "batch_size": 1, "learning_rate": 0.3}
good = {twin.fingerprint()}
for _ in range(FITS):
    twin.fit(X, Y, **options)
    good.add(twin.fingerprint())
alone = Network(2, 8, 1, seed=5)
outputs = alone.predict(X)
failures: list[str] = []
counts = {"read": 0, "refused": 0, "swept": 0}
ended = threading.Event()
lock = threading.Lock()


def count(name: str) -> None:
    """Counts what a thread did."""
    with lock:
        counts[name] += 1


def look() -> None:
    """Reads the network that is trained, and one that all read."""
    while not ended.is_set():
        try:
            if shared.fingerprint() not in good:
                failures.append("torn")
            count("read")
        except TrainingError:
            count("refused")
        if alone.predict(X) != outputs or alone.predict([X[0]]) != outputs[:1]:
            failures.append("a shared network")


def train() -> None:
    """Sweeps."""
    while not ended.is_set():
        if swept() != expected:
            failures.append("a sweep")
        count("swept")


def guarded(work: Any) -> None:
    """Works, and keeps what goes wrong."""
    try:
        work()
    except BaseException as error:
        failures.append(repr(error))


threads = [threading.Thread(target=guarded, args=(look if n % 2 else train,)) for n in range(THREADS)]
for thread in threads:
    thread.start()
for _ in range(FITS):
    shared.fit(X, Y, **options)
ended.set()
for thread in threads:
    thread.join()
if shared != twin:
    failures.append("the training")
outcome = failures[:3] or "the same bits"
print(f"free-threaded CPython {sys.version.split()[0]}: {FITS} trainings beside {counts}: {outcome}")
sys.exit(bool(failures))
