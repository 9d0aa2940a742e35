# SPDX-License-Identifier: MIT
"""Training on every backend: logs, stopping, divergence, interruption."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from array import array
from typing import Any

import numpy as np
import pytest
from bits import to_hex
from conftest import core_or_skip

from bitprop import DivergedError, Network, _pure, _training, datasets
from bitprop.names import LEARNING_RATES, STEP_RULES, Backend, Rule

X, Y = datasets.xor()


def fitted(backend: Backend, epochs: int, **options: object) -> Network:
    """A network trained on xor."""
    net = Network(2, 4, 4, 1, seed=1, backend=backend)
    net.fit(X, Y, epochs=epochs, **options)  # type: ignore[arg-type]
    return net


def test_log_every(backend: Backend) -> None:
    """Logged epochs are those that log_every divides, from 0, each measured before its step."""
    full = Network(2, 4, 4, 1, seed=1, backend=backend)
    before = full.loss(X, Y)
    every = full.fit(X, Y, epochs=10)
    thinned = Network(2, 4, 4, 1, seed=1, backend=backend).fit(X, Y, epochs=10, log_every=3)
    assert every.epochs == list(range(10))
    assert thinned.epochs == [0, 3, 6, 9]
    assert thinned.sse == every.sse[::3]
    assert every.mse[0] == before
    assert every.mse == [sse / 21 for sse in every.sse]
    assert full.history is every
    assert every.stopped == "epochs"


def test_more_logged_epochs_than_a_slice_holds() -> None:
    """The log of a slice is bounded, the history is not."""
    history = Network(1, 1).fit([[1.0]], [[1.0]], epochs=10_001)
    assert history.epochs == list(range(10_001))
    assert history.mse == sorted(history.mse, reverse=True)


def test_second_fit_goes_on(backend: Backend) -> None:
    """A second fit starts from the parameters that the first left."""
    twice = fitted(backend, 4)
    twice.fit(X, Y, epochs=3)
    assert twice == fitted(backend, 7)


def test_no_epochs(backend: Backend) -> None:
    """Zero epochs are allowed and change nothing."""
    net = fitted(backend, 0)
    assert net == Network(2, 4, 4, 1, seed=1)
    assert net.history is not None
    assert (net.history.epochs, net.history.stopped, str(net.history)) == ([], "epochs", "")


def test_batch_sizes(backend: Backend) -> None:
    """More than the rows is the full batch; 1 steps after each row."""
    assert fitted(backend, 3, batch_size=21) == fitted(backend, 3) == fitted(backend, 3, batch_size=1000)
    by_hand = Network(2, 4, 4, 1, seed=1, backend=backend)
    for row, label in zip(X, Y):
        by_hand.fit([row], [label], epochs=1)
    assert fitted(backend, 1, batch_size=1) == by_hand


def test_callback(backend: Backend) -> None:
    """The callback comes after each logged epoch and stops by True, keeping that epoch's step."""
    seen: list[tuple[int, float]] = []

    def stop(epoch: int, mse: float) -> bool:
        seen.append((epoch, mse))
        return epoch == 4

    net = Network(2, 4, 4, 1, seed=1, backend=backend)
    history = net.fit(X, Y, epochs=100, log_every=2, callback=stop)
    assert history.stopped == "callback"
    assert seen == list(zip(history.epochs, history.mse))
    assert history.epochs == [0, 2, 4]
    assert net == fitted(backend, 5)


def test_callback_that_raises(backend: Backend) -> None:
    """An exception of the callback ends the training after that epoch."""

    def fail(epoch: int, mse: float) -> None:
        if epoch == 2:
            raise KeyError("mine")

    net = Network(2, 4, 4, 1, seed=1, backend=backend)
    with pytest.raises(KeyError):
        net.fit(X, Y, epochs=9, callback=fail)
    assert net == fitted(backend, 3)
    assert net.history is not None
    assert (net.history.epochs, net.history.stopped) == ([0, 1, 2], None)
    net.fit(X, Y, epochs=1)  # it can go on


@pytest.mark.filterwarnings("ignore::bitprop.TrainingHint")  # nothing is meant to be learnt here
def test_divergence(backend: Backend) -> None:
    """The network is back at the start of the epoch that diverged, which is told and not logged."""

    def make() -> Network:
        return Network(1, 1, activation="identity", bias=False, seed=1, backend=backend)

    net = make()
    with pytest.raises(DivergedError, match="epoch") as caught:
        net.fit([[1.0], [2.0]], [[1.0], [2.5]], epochs=100_000, learning_rate=10.0)
    epoch = caught.value.epoch
    assert epoch > 10
    twin = make()
    twin.fit([[1.0], [2.0]], [[1.0], [2.5]], epochs=epoch, learning_rate=10.0)
    assert net == twin
    assert net.history is not None
    assert to_hex(net.history.sse) == to_hex(twin.history.sse)  # type: ignore[union-attr]
    assert net.history.epochs == list(range(epoch))


def test_slices_of_one_row(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine, slicing changes no bit: here every slice takes too long, down to single rows."""
    x, y = datasets.linear(70, 3)
    options = {"epochs": 4, "learning_rate": 1e-1, "shuffle_seed": 5, "batch_size": 40}
    nets = [Network(2, 8, 1, seed=2, backend=backend) for _ in range(2)]
    nets[0].fit(x, y, **options)  # type: ignore[arg-type]
    monkeypatch.setattr(_training, "SLICE", 1e-12)
    monkeypatch.setattr(_training, "FIRST_BUDGET", 50)
    nets[1].fit(x, y, **options)  # type: ignore[arg-type]
    assert nets[0] == nets[1]


@pytest.mark.parametrize("options", [{}, {"shuffle_seed": 1}, {"shuffle_seed": 1, "batch_size": 32}], ids=str)
@pytest.mark.parametrize(("per_row", "per_swap"), [(1e-6, 1e-8), (1e-5, 1e-9), (1e-7, 1e-9)])
def test_slices_stay_short(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, int], per_row: float, per_swap: float
) -> None:
    """On a clock that counts rows and swaps, no slice takes more than 50 ms, and they grow to be worth a call."""
    core = core_or_skip("ctypes")
    clock = [0.0]
    slices: list[float] = []

    class Clocked:
        def __getattr__(self, name: str) -> Any:
            return getattr(core, name)

        def train_many(self, log: Any, statuses: Any, trainings: Any, *rest: Any) -> int:
            [training] = trainings

            def spent() -> float:
                within = training.begun > training.epoch
                rows: int = training.epoch * training.rows + (training.row if within else 0)
                swaps: int = training.begun * (training.rows - 1) - (training.to_shuffle if within else 0)
                return rows * per_row + (swaps * per_swap if training.settings.shuffle else 0.0)

            before = spent()
            status = core.train_many(log, statuses, trainings, *rest)
            slices.append(spent() - before)
            clock[0] += slices[-1]
            return status

    net = Network(2, 4, 4, 1, backend="ctypes")
    monkeypatch.setattr(net.model, "core", Clocked())
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    rows = 120_000
    x, y = array("d", [0.5]) * (2 * rows), array("d", [0.25]) * rows
    net.fit(memoryview(x).cast("B").cast("d", (rows, 2)), y, epochs=3, learning_rate=1e-9, **options)  # type: ignore[arg-type]
    assert max(slices) <= 0.05
    assert max(slices) > 0.005


def test_interrupt_on_the_way_into_the_clean_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second Ctrl-C before the clean-up has begun leaves the last good epoch all the same."""
    insist = _training._insist
    calls: list[int] = []

    def interrupted(action: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt
        insist(action)

    def callback(epoch: int, mse: float) -> None:
        raise KeyboardInterrupt

    net = Network(2, 3, 1, seed=4)
    x, y = datasets.xor()
    monkeypatch.setattr(_training, "_insist", interrupted)
    with pytest.raises(KeyboardInterrupt):
        net.fit(x, y, epochs=9, log_every=5, callback=callback)
    assert len(calls) == 2
    twin = Network(2, 3, 1, seed=4)
    twin.fit(x, y, epochs=1)
    assert net == twin
    assert net.history is not None
    assert net.history.epochs == [0]


def test_two_interrupts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second Ctrl-C while the first is answered leaves the last good epoch all the same."""
    calls = []
    undo = _pure.train_undo

    def interrupted(training: Any, parameters: Any, work: Any, shape: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            parameters[0] = 99.0
            raise KeyboardInterrupt
        undo(training, parameters, work, shape)

    net = Network(2, 4, 4, 1, seed=1, backend="python")
    monkeypatch.setattr(net.model.core, "train_undo", interrupted)
    step = _pure.Descent.step

    def stop(*arguments: Any) -> None:
        step(*arguments)
        if not calls:
            raise KeyboardInterrupt

    monkeypatch.setattr(_pure.Descent, "step", stop)
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, Y, epochs=5)
    assert len(calls) == 2
    assert net == Network(2, 4, 4, 1, seed=1)


def test_only_true_stops(backend: Backend) -> None:
    """A callback's other results, true as they may count, do not stop."""
    net = Network(2, 1, seed=1, backend=backend)
    for result in (1, "yes", [0], 0.5, None, False, np.False_):
        assert net.fit(X, Y, epochs=2, callback=lambda *_, result=result: result).stopped == "epochs"
    assert net.fit(X, Y, epochs=2, callback=lambda *_: np.True_).stopped == "callback"


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timed signals")
def test_interrupt_inside_an_epoch(backend: Backend) -> None:
    """Ctrl-C in the middle of a long epoch is answered at once, and the network is at its last good epoch."""
    rows = 20_000 if backend == "python" else 1_000_000
    x, y = array("d", [0.5]) * rows, array("d", [0.25]) * rows
    net = Network(1, 8, 1, seed=1, backend=backend)
    start = net.to_bytes()
    sent: list[float] = []

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    def send() -> None:
        time.sleep(0.05)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGUSR1)

    previous = signal.signal(signal.SIGUSR1, interrupt)
    sender = threading.Thread(target=send)
    try:
        sender.start()
        with pytest.raises(KeyboardInterrupt):
            net.fit(x, y, epochs=1000, learning_rate=1e-6)
        answered = time.perf_counter()
    finally:
        sender.join()
        signal.signal(signal.SIGUSR1, previous)
    assert net.history is not None
    done = len(net.history.epochs)
    assert answered - sent[0] < 2.0  # the figure to hold is 0.1 s; a test must not fail on a busy machine
    if done == 0:
        assert net.to_bytes() == start
    twin = Network(1, 8, 1, seed=1, backend=backend)
    if backend != "python":
        twin.fit(x, y, epochs=done, learning_rate=1e-6)
        assert net == twin


@pytest.mark.parametrize("shown", [True, False])
def test_progress(shown: bool) -> None:
    """`progress=True` shows a bar on work of over two seconds; without it nothing is written."""
    code = (
        "from bitprop import Network; import time\n"
        f"Network(1, 1).fit([[1.0]], [[1.0]], epochs=30, progress={shown}, callback=lambda *_: time.sleep(0.1))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ("epochs" in found.stderr) == shown
    assert found.stdout == ""


RULE_CASES: list[tuple[Rule, dict[str, Any]]] = [
    ("momentum", {"momentum": 0.5}),
    ("nesterov", {"learning_rate": 0.1}),
    ("adam", {"beta1": 0.5, "epsilon": 1e-3}),
    ("adamw", {"weight_decay": 0.1}),
    ("rprop", {"step_max": 1.0}),
    ("descent", {"learning_rate": 0.1, "weight_decay": 1e-3, "decay_biases": True}),
]


@pytest.mark.parametrize(("rule", "options"), RULE_CASES, ids=str)
def test_rules_learn(backend: Backend, rule: Rule, options: dict[str, Any]) -> None:
    """Each rule and each of its options changes the training, whose loss falls; a second training begins anew."""
    net = fitted(backend, 20, rule=rule, **options)
    assert net.history is not None
    assert net.history.mse[-1] < net.history.mse[0]
    rest = {name: value for name, value in options.items() if name == "learning_rate"}
    assert net != fitted(backend, 20, **rest)
    for name in options:
        assert net != fitted(backend, 20, rule=rule, **{key: value for key, value in options.items() if key != name})
    halves = fitted(backend, 10, rule=rule, **options)
    halves.fit(X, Y, epochs=10, rule=rule, **options)
    assert (halves == net) == (rule == "descent")


def test_default_rates(backend: Backend) -> None:
    """Without a learning rate the rule's stands: 1.0, or 0.001 of Adam's rules."""
    for rule, rate in LEARNING_RATES.items():
        assert fitted(backend, 3, rule=rule) == fitted(backend, 3, rule=rule, learning_rate=rate)
    assert (LEARNING_RATES["momentum"], LEARNING_RATES["adamw"]) == (1.0, 0.001)


def test_a_rate_for_each_epoch(backend: Backend) -> None:
    """A sequence is a learning rate for each epoch; one of equal numbers is that number."""
    rates = np.array([0.5, 0.25, 0.0, 0.125])
    by_epoch = fitted(backend, 4, learning_rate=rates)
    one_by_one = Network(2, 4, 4, 1, seed=1, backend=backend)
    for rate in rates:
        one_by_one.fit(X, Y, epochs=1, learning_rate=rate)
    assert by_epoch == one_by_one
    assert fitted(backend, 3, learning_rate=(0.5, 0.5, 0.5)) == fitted(backend, 3, learning_rate=0.5)
    assert fitted(backend, 0, learning_rate=[]) == fitted(backend, 0)


@pytest.mark.parametrize("rule", STEP_RULES)
def test_slices_keep_the_state(backend: Backend, monkeypatch: pytest.MonkeyPatch, rule: Rule) -> None:
    """A rule's state goes on over slices of single rows."""
    options: dict[str, Any] = {"rule": rule, "batch_size": 4, "shuffle_seed": 2, "weight_decay": 0.01, "l1": 0.001}
    whole = fitted(backend, 4, **options)
    monkeypatch.setattr(_training, "SLICE", 1e-12)
    monkeypatch.setattr(_training, "FIRST_BUDGET", 50)
    assert fitted(backend, 4, **options) == whole


def test_divergence_tells_what_to_change() -> None:
    """The error names the rate of that epoch, or what stands in its place."""
    net = Network(1, 1, activation="identity", seed=1)
    with pytest.raises(DivergedError, match=r"epoch 1: .* learning_rate was 1e\+308: try a smaller one"):
        net.fit([[1.0], [2.0]], [[100.0], [2.5]], epochs=3, learning_rate=[0.1, 1e308, 0.1])
    with pytest.raises(DivergedError, match="try a smaller step_max"):
        net.fit([[1e150]], [[1.0]], epochs=9, rule="rprop", first_step=1e200, step_max=1e300)


def test_drawn_first_steps() -> None:
    """§7: the first step of each parameter is `low + (high - low)*random()`, of a stream of its own."""
    x, y = [[1.0, 2.0], [0.5, -1.0]], [[1.0], [0.0]]
    net = Network(2, 1, seed=4)
    start = list(net.parameters)
    gradient = net.gradient(x, y)
    net.fit(x, y, epochs=1, rule="rprop", first_step=(0.005, 0.02), first_step_seed=7)
    generator = random.Random(3 * 2**64 + 7)
    steps = [0.005 + (0.02 - 0.005) * generator.random() for _ in start]
    assert all(gradient)
    assert list(net.parameters) == [w - step if g > 0 else w + step for w, g, step in zip(start, gradient, steps)]
