# SPDX-License-Identifier: MIT
"""Levenberg and Marquardt's rule (contract §12) as users call it, beside NumPy, and the slips that vectors catch."""

from __future__ import annotations

import functools
import json
import math
import signal
import subprocess
import sys
import time
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bits import to_hex
from conftest import core_or_skip
from numpy.typing import NDArray
from test_interrupts import each_opcode

from bitprop import DivergedError, Network, OptionError, _training, datasets, sweep
from bitprop.names import Backend
from bitprop.vectors import answers, check, mistakes

SINE_X = [[-1.0 + 2.0 * i / 40] for i in range(41)]
SINE_Y = [[math.sin(math.pi * x)] for (x,) in SINE_X]
WEIGHTS = [float(i % 3) for i in range(41)]
LM: Any = {"rule": "levenberg_marquardt"}


def sine_network(backend: Backend | None = None, seed: int = 1) -> Network:
    """1-5-1, tanh and identity."""
    return Network(1, 5, 1, activation=["tanh", "identity"], init="glorot", seed=seed, backend=backend)


def test_learns_the_sine(backend: Backend) -> None:
    """The loss falls in every epoch, to the goal; slices of little work give the same bits."""
    net = sine_network(backend)
    history = net.fit(SINE_X, SINE_Y, epochs=200, loss="mse", goal=0.002, **LM)
    assert history.stopped == "goal"
    assert history.mse == sorted(history.mse, reverse=True)
    assert net.loss(SINE_X, SINE_Y) <= 0.002
    assert net.fingerprint() == sine_fingerprint()


@functools.cache
def sine_fingerprint() -> str:
    """What the pure twin ends at."""
    net = sine_network("python")
    net.fit(SINE_X, SINE_Y, epochs=200, loss="mse", goal=0.002, **LM)
    return net.fingerprint()


def test_slices(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of the least budget, a callback and a validation alter no bit."""
    expected = sine_network(backend)
    history = expected.fit(SINE_X, SINE_Y, epochs=8, **LM)
    monkeypatch.setattr(_training, "SLICE", 1e-12)
    monkeypatch.setattr(_training, "FIRST_BUDGET", 1)
    told: list[tuple[int, float]] = []
    net = sine_network(backend)
    found = net.fit(
        *(SINE_X, SINE_Y), epochs=8, callback=lambda *each: told.append(each), validation=(SINE_X, SINE_Y), **LM
    )
    assert (net, found.sse, found.stopped) == (expected, history.sse, history.stopped)
    assert told == list(enumerate(history.mse))
    # An epoch's error is that of the step before it: the sum is the same to the bit.
    assert to_hex(found.validation[:-1]) == to_hex([0.5 * error for error in history.sse[1:]])


def test_goes_on(backend: Backend, tmp_path: Path) -> None:
    """A training that went on, in memory or from a file, has the bits of one that was not interrupted: mu goes on."""
    whole = sine_network(backend)
    history = whole.fit(SINE_X, SINE_Y, epochs=9, **LM)
    parts = sine_network(backend)
    parts.fit(SINE_X, SINE_Y, epochs=4, **LM)
    parts.save(tmp_path / "net.json", training=True)
    loaded = Network.load(tmp_path / "net.json", backend=backend)
    for net in (parts, loaded):
        assert net.fit(SINE_X, SINE_Y, epochs=9, resume=True, **LM).sse == history.sse
        assert net == whole
    anew = sine_network(backend)
    anew.fit(SINE_X, SINE_Y, epochs=4, **LM)
    anew.fit(SINE_X, SINE_Y, epochs=5, **LM)
    assert anew != whole


@pytest.mark.filterwarnings("ignore::bitprop.TrainingHint")
def test_stops(backend: Backend) -> None:
    """By the gradient, by mu, by the callback, by patience; what stops is neither logged nor counted."""
    line = Network(1, 1, activation="identity", seed=3, backend=backend)
    history = line.fit([[0.0], [1.0], [2.0]], [[1.0], [2.0], [3.0]], epochs=50, **LM)
    assert history.stopped == "gradient"
    assert history.trained == len(history) < 10
    assert line.predict([[3.0]])[0][0] == pytest.approx(4.0, abs=1e-6)  # as flat as gradient_min asks
    again = line.copy()
    assert again.fit([[0.0], [1.0], [2.0]], [[1.0], [2.0], [3.0]], epochs=50, **LM).trained == 0
    assert again == line
    net = sine_network(backend)
    history = net.fit(SINE_X, SINE_Y, epochs=50, callback=lambda epoch, _: epoch == 1, **LM)
    assert (history.stopped, history.trained) == ("callback", 2)
    history = net.fit(SINE_X, SINE_Y, epochs=90, validation=([[0.5]], [[-1.0]]), patience=2, **LM)
    assert (history.stopped, history.best_epoch) == ("patience", history.trained - 2)
    dead = Network(1, 1, activation="relu", bias=False, seed=1, backend=backend)
    dead.parameters[0] = -1.0
    assert dead.fit([[1.0]], [[1.0]], epochs=9, **LM).stopped == "gradient"
    assert dead.parameters[0] == -1.0
    dead.parameters[0] = 1e200
    with pytest.raises(DivergedError, match="scale the data, or begin with smaller weights") as raised:
        dead.fit([[1.0]], [[1.0]], epochs=9, **LM)
    assert raised.value.epoch == 0
    assert dead.parameters[0] == 1e200


def test_stops_by_mu(backend: Backend) -> None:
    """Where no step is better, the parameters stay, and the epoch is not counted."""
    net = Network(1, 2, 1, activation=["tanh", "identity"], bias=False, seed=5, backend=backend)
    x = [[k / 7] for k in range(9)]
    y = [[(k * 5 % 7) / 7] for k in range(9)]
    history = net.fit(x, y, epochs=5000, gradient_min=0.0, mu_max=1e-3, **LM)
    assert history.stopped == "mu"
    after = net.to_bytes()
    assert history.trained == len(history)
    again = net.fit(x, y, epochs=1, gradient_min=0.0, mu=1e-3, mu_max=1e-3, **LM)
    assert (again.stopped, again.trained, net.to_bytes()) == ("mu", 0, after)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"learning_rate": 0.1}, "learning_rate is given for levenberg_marquardt, which uses mu, mu_increase, mu_decrease"),
    ({"batch_size": 4}, "batch_size is given for levenberg_marquardt, which uses all rows at once, mu, mu_increase"),
    ({"shuffle_seed": 4}, "shuffle_seed is given for levenberg_marquardt"),
    ({"weight_decay": 0.1}, "weight_decay is given for levenberg_marquardt, which uses mu"),
    ({"decay_biases": True}, "decay_biases is given for levenberg_marquardt"),
    ({"momentum": 0.1}, "momentum is given for levenberg_marquardt"),
    ({"loss": "cross_entropy"}, "expected a squared error: half_sse, sse, half_mse, mse"),
    ({"loss": "binary_cross_entropy"}, "expected a squared error: half_sse, sse, half_mse, mse"),
    ({"mu": 0.0}, "mu is 0.0, expected a finite number of at least 2\\^-1022"),
    ({"mu": 1e-310}, "mu is 1e-310"),
    ({"mu": 2.0, "mu_max": 1.0}, "mu is 2.0, expected at most mu_max, which is 1.0"),
    ({"mu_increase": 1.0}, "mu_increase is 1.0, expected a finite number above 1"),
    ({"mu_decrease": 1.0}, "mu_decrease is 1.0, expected a number above 0 and below 1"),
    ({"mu_max": math.inf}, "mu_max is inf"),
    ({"gradient_min": -1.0}, "gradient_min is -1.0, expected a finite number of at least 0"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=str)
def test_refusals(options: dict[str, Any], message: str) -> None:
    """One clear error, before anything changes; of a sweep as well."""
    net = Network(1, 2, 1, seed=1)
    start = net.to_bytes()
    with pytest.raises(OptionError, match=message):
        net.fit([[1.0]], [[0.5]], epochs=1, **{**LM, **options})
    assert net.to_bytes() == start
    if "sample_weight" in options:  # which comes with the data of a sweep
        with pytest.raises(OptionError, match=message):
            sweep((1, 2, 1), ([[1.0]], [[0.5]], [1.0]), seeds=[1], epochs=1, **LM)
        return
    several = dict(options)
    if "learning_rate" in several:
        several["learning_rates"] = [several.pop("learning_rate")]
    with pytest.raises(OptionError, match=message):
        sweep((1, 2, 1), ([[1.0]], [[0.5]]), seeds=[1], epochs=1, **{**LM, **several})


def test_networks_that_are_too_large() -> None:
    """The error tells what it would cost; a softmax is refused by its loss."""
    message = "with 2161 parameters, expected at most 2000: it would need 168 MB, and 2 billion multiplications"
    with pytest.raises(OptionError, match=message):
        Network(10, 180, 1).fit([[0.0] * 10], [[0.0]], epochs=1, **LM)
    with pytest.raises(OptionError, match=message):
        sweep((10, 180, 1), ([[0.0] * 10], [[0.0]]), seeds=[1], epochs=1, **LM)
    with pytest.raises(OptionError, match="softmax"):
        Network(2, 2, activation="softmax").fit([[0.0, 1.0]], [[0.0, 1.0]], epochs=1, **LM)


def test_sweep(backend: Backend) -> None:
    """Each training of a sweep has the bits of its single fit, and its own stop."""
    data = datasets.parity(3)
    options: Any = {**LM, "loss": "mse", "goal": 1e-3, "epochs": 30}
    shape: Any = {"activation": ["tanh", "identity"], "init": "glorot", "backend": backend}
    result = sweep((3, 6, 1), data, seeds=range(4), **options, **shape)
    assert result.learning_rates == [0.0] * 4
    assert "goal" in [run.history.stopped for run in result]
    for run in result:
        net = Network(3, 6, 1, seed=run.seed, **shape)
        history = net.fit(*data, **options)
        assert (run.network, run.history.stopped, run.history.trained) == (net, history.stopped, history.trained)
        assert run.final_mse == net.loss(*data)


def test_command_line() -> None:
    """`train` and `sweep` take the rule and its options, and say what stopped them."""
    command = [sys.executable, "-m", "bitprop"]
    shape = ["--sizes", "3-6-1", "--activation", "tanh,identity", "--init", "glorot", "--rule", "levenberg_marquardt"]
    train = [*command, "train", "parity:3", *shape, "--epochs", "99", "--mu", "0.01", "--loss", "mse", "--json"]
    found = json.loads(subprocess.run(train, capture_output=True, text=True, check=True).stdout)
    net = Network(3, 6, 1, activation=["tanh", "identity"], init="glorot")
    history = net.fit(*datasets.parity(3), epochs=99, mu=0.01, loss="mse", log_every=4, **LM)
    assert (found["fingerprint"], found["stopped"]) == (net.fingerprint(), history.stopped)
    several = [*command, "sweep", "parity:3", *shape, "--epochs", "30", "--seeds", "3", "--goal", "1e-3", "--json"]
    fields = json.loads(subprocess.run(several, capture_output=True, text=True, check=True).stdout)
    assert fields["rule"] == "levenberg_marquardt"
    assert len(fields["trainings"]) == 3
    refused = [*train[:-1], "--learning-rate", "1"]
    outcome = subprocess.run(refused, capture_output=True, text=True, check=False)
    assert outcome.returncode == 2
    assert "learning_rate is given for levenberg_marquardt, which uses mu" in outcome.stderr


def test_interrupted_anywhere(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt at any opcode leaves the parameters of a whole epoch, and a network that trains on."""
    monkeypatch.setattr(_training, "FIRST_BUDGET", 1)
    monkeypatch.setattr(_training, "SLICE", 1e-12)
    x, y = [[0.1], [0.2], [0.9]], [[0.0], [1.0], [1.0]]
    net = Network(1, 1, seed=1, activation="tanh", backend=backend)
    start, good = array("d", net.parameters), set()
    for epochs in range(3):
        net.parameters[:] = start
        net.fit(x, y, epochs=epochs, **LM)
        good.add(net.to_bytes())

    def check_network() -> None:
        assert net.to_bytes() in good
        net.fit(x, y, epochs=1, **LM)
        net.parameters[:] = start

    step = 31 if backend == "python" else 11
    assert each_opcode(lambda: net.fit(x, y, epochs=2, **LM), check_network, step) > 500


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer")
@pytest.mark.parametrize("backend", ["cffi", "ctypes"])
def test_interrupts_come_soon(backend: Backend) -> None:
    """Ctrl-C ends a training of 501 parameters within a tenth of a second, wherever in its epoch it is."""
    core_or_skip(backend)
    rows = 200
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(rows, 8)), generator.normal(size=(rows, 1))
    net = Network(8, 50, 1, activation=["tanh", "identity"], init="glorot", backend=backend)
    pressed = [0.0]

    def press(*_: Any) -> None:
        pressed[0] = time.perf_counter()
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, press)
    try:
        waits = []
        for delay in (0.11, 0.23, 0.37):
            signal.setitimer(signal.ITIMER_REAL, delay)
            with pytest.raises(KeyboardInterrupt):
                net.fit(x, y, epochs=10**6, gradient_min=0.0, mu_max=1e300, **LM)
            waits.append(time.perf_counter() - pressed[0])
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert min(waits) < 0.1  # of several, since another process may have the processor


# --- beside NumPy ---


def by_numpy(
    net: Network, x: NDArray[np.float64], y: NDArray[np.float64], epochs: int
) -> tuple[NDArray[np.float64], list[float]]:
    """Parameters and errors after a training of 1 hidden layer, tanh and identity, with biases; by NumPy's solver."""
    n_in, hidden, n_out = net.sizes
    w, mu, errors = np.array(net.parameters), 1e-3, []

    def outputs(w: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        h = np.tanh(x @ w[: n_in * hidden].reshape(n_in, hidden) + w[n_in * hidden : (n_in + 1) * hidden])
        rest = w[(n_in + 1) * hidden :]
        return h, h @ rest[: hidden * n_out].reshape(hidden, n_out) + rest[hidden * n_out :]

    for _ in range(epochs):
        _, out = outputs(w)
        e = (out - y).ravel()
        jacobian = np.empty((e.size, w.size))
        for k in range(w.size):  # by central differences, which need no formula of a derivative
            step = np.zeros(w.size)
            step[k] = 1e-6
            jacobian[:, k] = (outputs(w + step)[1] - outputs(w - step)[1]).ravel() / 2e-6
        errors.append(float(e @ e))
        while True:
            trial = w - np.linalg.solve(jacobian.T @ jacobian + mu * np.eye(w.size), jacobian.T @ e)
            if ((outputs(trial)[1] - y) ** 2).sum() < errors[-1]:
                break
            mu *= 10.0
        w, mu = trial, mu * 0.1
    return w, errors


@pytest.mark.parametrize("outputs", [1, 2])
def test_numpy(outputs: int) -> None:
    """The parameters are those of an independent implementation.

    Its central differences have a relative error of about 1e-10, and the damped system a condition below 1e5: so five
    digits must agree after three epochs.
    """
    generator = np.random.default_rng(3)
    x, y = generator.normal(size=(30, 2)), generator.normal(size=(30, outputs))
    net = Network(2, 3, outputs, activation=["tanh", "identity"], init="glorot", seed=2)
    expected, errors = by_numpy(net, x, y, 3)
    history = net.fit(x, y, epochs=3, **LM)
    np.testing.assert_allclose(history.sse, errors, rtol=1e-6)
    np.testing.assert_allclose(np.array(net.parameters), expected, rtol=1e-5, atol=1e-7)


def test_least_squares() -> None:
    """A linear network ends at NumPy's least squares, to 1e-9: mu falls below that, and the condition is near 1."""
    generator = np.random.default_rng(4)
    x, y = generator.normal(size=(50, 3)), generator.normal(size=(50, 1))
    net = Network(3, 1, activation="identity", seed=1)
    history = net.fit(x, y, epochs=30, **LM)
    expected = np.linalg.lstsq(np.hstack([x, np.ones((50, 1))]), y, rcond=None)[0].ravel()
    np.testing.assert_allclose(np.array(net.parameters), expected, rtol=1e-9, atol=1e-9)
    assert history.stopped == "gradient"


# --- slips that the vectors catch ---

MUTANTS = [
    (
        "lanes[lane] = add(lanes[lane], mul(jacobian[p], weighted[q]))",
        "lanes[0] = add(lanes[0], mul(jacobian[p], weighted[q]))",
    ),
    ("lanes[lane] = add(lanes[lane], mul(e, value))", "lanes[0] = add(lanes[0], mul(e, value))"),
    (
        "lanes[lane] = add(lanes[lane], mul(jacobian[p], weighted[q]))",
        "lanes[lane] = fma(jacobian[p], weighted[q], lanes[lane])",
    ),
    ("lanes[lane] = add(lanes[lane], mul(e, value))", "lanes[lane] = fma(e, value, lanes[lane])"),
    ("acc = sub(acc, mul(factor[p, k], factor[q, k]))", "acc = fma(neg(factor[p, k]), factor[q, k], acc)"),
    ("for k in range(q):\n                acc", "for k in range(q - 1, -1, -1):\n                acc"),
    ("for k in range(q):\n            acc", "for k in range(q - 1, -1, -1):\n            acc"),
    ("for k in range(count - 1, p, -1):", "for k in range(p + 1, count):"),
    ("sqrt(acc) if p == q else div(acc, factor[q, q])", "sqrt(acc) if p == q else mul(acc, div(ONE, factor[q, q]))"),
    ("acc = sub(acc, mul(factor[k, p], s[k]))", "acc = fma(neg(factor[k, p]), s[k], acc)"),
    ("add(a[p, q], mu) if p == q", "add(a[p, q], mul(mu, a[p, q])) if p == q"),
    ("if less(damping.mu_max, mu):", "if not less(mu, damping.mu_max):"),
    ("next_mu = mu if less(lower, MU_LEAST) else lower", "next_mu = lower"),
    ("next_mu = mu if less(lower, MU_LEAST) else lower", "next_mu = MU_LEAST if less(lower, MU_LEAST) else lower"),
    ("not less(damping.gradient_min, size)", "less(size, damping.gradient_min)"),
    ("sizes = [mul(value, scale) & ~SIGN", "sizes = [value & ~SIGN"),
    ("sizes = [mul(value, scale) & ~SIGN", "sizes = [mul(value, scale)"),
    (
        "less(error_of(net, moved, rows, targets, weights), error)",
        "not less(error, error_of(net, moved, rows, targets, weights))",
    ),
    (
        "        log.append(error)\n        current = moved",
        "        log.append(error_of(net, moved, rows, targets, weights))\n        current = moved",
    ),
    ("            mu = mul(mu, damping.mu_increase)", "            next_mu = mu = mul(mu, damping.mu_increase)"),
    (
        "errors[lane] = add(errors[lane], mul(error, weights[i]) if weights else error)\n        for",
        "errors[0] = add(errors[0], mul(error, weights[i]) if weights else error)\n        for",
    ),
    (
        "if net.bias:\n                out[biases + node] = delta",
        "if net.bias and k:\n                out[biases + node] = delta",
    ),
    (
        "for j, (y, t) in enumerate(zip(after[-1], target)):",
        "for j, (y, t) in reversed(list(enumerate(zip(after[-1], target)))):",
    ),
]


@pytest.mark.oracle
@pytest.mark.parametrize(("old", "new"), MUTANTS)
def test_mutant_is_caught(old: str, new: str) -> None:
    """At least one case of the group has another answer."""
    module = mistakes.altered(old, new)
    [document] = check.documents(["levenberg"])
    assert any(answers.answer("levenberg", case["input"], module) != case["expected"] for case in document["cases"])


@functools.cache
def weighted_fingerprint() -> str:
    """What the pure twin ends at with weights."""
    net = sine_network("python")
    net.fit(SINE_X, SINE_Y, epochs=5, sample_weight=WEIGHTS, **LM)
    return net.fingerprint()


def test_sample_weight(backend: Backend) -> None:
    """Weights of 1 change no bit, a weight of 0 is a row that is not there, and one of 2 a row that is there twice."""
    plain, ones, weighted, repeated = (sine_network(backend) for _ in range(4))
    plain.fit(SINE_X, SINE_Y, epochs=5, **LM)
    ones.fit(SINE_X, SINE_Y, epochs=5, sample_weight=[1.0] * 41, **LM)
    assert ones == plain
    history = weighted.fit(SINE_X, SINE_Y, epochs=5, sample_weight=WEIGHTS, **LM)
    assert weighted.fingerprint() == weighted_fingerprint()
    assert weighted != plain
    x, y = ([row for row, weight in zip(rows, WEIGHTS) for _ in range(int(weight))] for rows in (SINE_X, SINE_Y))
    assert history.sse == pytest.approx(repeated.fit(x, y, epochs=5, **LM).sse, rel=1e-9)  # other lanes round otherwise
    assert list(weighted.parameters) == pytest.approx(list(repeated.parameters), rel=1e-6)
    like = {**LM, "activation": ["tanh", "identity"], "init": "glorot"}
    [run] = sweep((1, 5, 1), (SINE_X, SINE_Y, WEIGHTS), seeds=[1], epochs=5, **like)
    [single] = sweep((1, 5, 1), (SINE_X, SINE_Y), seeds=[1], epochs=5, **like)
    assert run.network == weighted
    assert single.network == plain
