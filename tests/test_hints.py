# SPDX-License-Identifier: MIT
"""Hints: what is allowed and hardly meant is told once, with what to do, by Python and by the command line alike."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bitprop import Network, TrainingHint, datasets, sweep
from bitprop.names import Activation, Backend

X = [[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]]


def hints(work: Any) -> list[str]:
    """The texts of the hints that a function gives."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        work()
    assert all(issubclass(one.category, TrainingHint) and one.filename == __file__ for one in caught)
    return [str(one.message) for one in caught]


TARGETS: list[tuple[Activation, list[float], str | None]] = [
    ("sigmoid", [7.0, 9.0, 4.0], "targets such as 9.0 are not learnt: the outputs of sigmoid go from 0 to 1;"),
    ("sigmoid", [0.0, -1.0, 1.0], "targets such as -1.0"),
    ("tanh", [0.0, -1.5, 1.0], "targets such as -1.5 are not learnt: the outputs of tanh go from -1 to 1;"),
    ("relu", [0.0, -1.5, 9.0], "targets such as -1.5 are not learnt: the outputs of relu go from 0 up;"),
    ("softsign", [0.0, -1.5, 1.0], "targets such as -1.5 are not learnt: the outputs of softsign go from -1 to 1;"),
    ("sigmoid", [0.0, 1.0, 0.5], None),
    ("tanh", [-1.0, 1.0, 0.5], None),
    ("relu", [0.0, 1e9, 0.5], None),
    ("identity", [-1e9, 1e9, 0.5], None),
    ("leaky_relu", [-1e9, 1e9, 0.5], None),
]


@pytest.mark.parametrize(("last", "y", "expected"), TARGETS)
def test_targets(backend: Backend, last: Activation, y: list[float], expected: str | None) -> None:
    """Targets that the last layer cannot give are told, and what to do."""
    net = Network(2, 3, 1, activation=["tanh", last], backend=backend)
    found = hints(lambda: net.fit(X, y, epochs=1, learning_rate=1e-12))
    if expected is None:
        assert found == []
    else:
        assert len(found) == 1
        assert found[0].startswith(expected)
        assert found[0].endswith("scale the targets (min_max), or make the last activation identity")
    assert hints(lambda: net.fit(X, y, epochs=1, learning_rate=1e-12)) == []  # once for each network


def test_targets_of_softmax(backend: Backend) -> None:
    """Targets that do not sum to 1 in each row are told, for softmax outputs only."""
    rows = [[1.0, 0.0], [0.5, 0.5], [0.5, 0.25]]
    net = Network(2, 2, activation="softmax", backend=backend)
    [only] = hints(lambda: net.fit(X, rows, epochs=1, loss="cross_entropy"))
    assert only.startswith("targets of a row that sum to 0.75 are no probabilities")
    assert hints(lambda: Network(2, 2).fit(X, rows, epochs=1, loss="binary_cross_entropy")) == []
    assert hints(lambda: Network(2, 2, activation="softmax").fit(X[:2], rows[:2], epochs=1, loss="cross_entropy")) == []
    far = [[1.7e308, 1.7e308]] * 3
    net = Network(2, 2, activation="softmax", backend=backend)
    told = hints(lambda: net.fit(X, far, epochs=0, loss="cross_entropy"))
    assert any("sum to inf are no probabilities" in text for text in told)


def test_class_numbers() -> None:
    """Numbers of classes are to become columns; whole numbers with gaps may be quantities."""
    for y, told in (([0.0, 2.0, 1.0], True), ([1.0, 3.0, 2.0], True), ([0.0, 3.0, 1.0], False)):
        [only] = hints(lambda y=y: Network(2, 3, 1).fit(X, y, epochs=1))
        assert only.endswith("(one-hot); for quantities, make the last activation identity") == told
        assert ("scale" in only) != told


def test_inputs(backend: Backend) -> None:
    """Inputs in the thousands are told, of few rows and of many."""
    for x in ([[1.0, -5000.0]] * 3, np.full((5000, 2), -5000.0)):
        found = hints(lambda x=x: Network(2, 3, 1, backend=backend).fit(x, [[0.0]] * len(x), epochs=1))
        assert len(found) == 1
        assert found[0].startswith("inputs such as -5000.0 are large")
        assert found[0].endswith("as net.scale(x) and --scale-inputs standard do")


def test_every_column_is_looked_at() -> None:
    """Of many rows some are looked at, in every column."""
    for column in range(10):
        x = np.zeros((2000, 10))
        x[:, column] = 1e4
        assert len(hints(lambda x=x: Network(10, 1).fit(x, np.zeros((2000, 1)), epochs=1))) == 1


def test_loss(backend: Backend) -> None:
    """A loss that hardly falls is told; one that falls, one that is small already, and a short training are not."""
    x, y = datasets.xor()
    net = Network(2, 4, 4, 1, seed=7, backend=backend)
    [only] = hints(lambda: net.fit(x, y, epochs=60, learning_rate=1e-9))
    assert only.startswith("the loss hardly fell, from mse 0.")
    assert only.endswith(": try a tenth, or ten times, of the learning rate, which was 1e-09, or another seed")
    assert hints(lambda: net.fit(x, y, epochs=40, learning_rate=1e-9)) == []
    line = Network(1, 1, activation="identity", seed=1, backend=backend)
    data = [[0.0], [1.0]], [[0.5], [0.25]]
    assert hints(lambda: line.fit(*data, epochs=400, learning_rate=0.5)) == []
    assert hints(lambda: line.fit(*data, epochs=400, learning_rate=0.5)) == []  # it was learnt before


def test_loss_that_cannot_fall_or_rose(backend: Backend) -> None:
    """No rate is advised that cannot help, and none at all where the data are the reason."""
    x, y = datasets.xor()
    net = Network(2, 4, 4, 1, seed=7, backend=backend)
    for rate in (0.0, -0.0):
        [only] = hints(lambda rate=rate: net.fit(x, y, epochs=60, learning_rate=rate))
        assert only == "nothing is learnt at a learning rate of 0: give a greater one"
    line = Network(1, 1, activation="identity", bias=False, backend=backend)
    [only] = hints(lambda: line.fit([[1.0], [1.0]], [[0.5], [0.25]], epochs=60, learning_rate=1.0001))
    assert only.startswith("the loss rose, from mse ")
    assert only.endswith(" in 59 epochs: try a smaller learning rate than 1.0001, or another seed")
    for _ in range(2):  # the second time since it was not learnt
        [only] = hints(lambda: net.fit(x, [[-5.0 * label] for (label,) in y], epochs=60, learning_rate=1e-9))
        assert only.startswith("targets such as -5.0 are not learnt")


def test_hint_as_an_error() -> None:
    """Where hints are errors, data are refused before the training, and a finished training is kept."""
    net = Network(2, 3, 1, seed=1)
    before = net.to_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error", TrainingHint)
        with pytest.raises(TrainingHint):
            net.fit(X, [7.0, 9.0, 4.0], epochs=5)
        assert net.to_bytes() == before
        with pytest.raises(TrainingHint):
            net.fit(X, [0.0, 1.0, 0.0], epochs=60, learning_rate=0.0)
    assert net.history is not None
    assert len(net.history) == 60


def test_sweeps_repeat_nothing() -> None:
    """The trainings of a sweep do not hint one by one."""
    assert len(hints(lambda: sweep((2, 3, 1), (X, [7.0, 9.0, 4.0]), seeds=range(20), epochs=60))) <= 1


@pytest.mark.parametrize("command", ["train", "sweep"])
def test_lines(command: str, tmp_path: Path) -> None:
    """The command line has each hint as one line on stderr, in Python's words, however warnings are set."""
    (tmp_path / "d.csv").write_text("1000,7\n2000,9\n5000,4\n", encoding="utf-8")
    arguments = [
        sys.executable,
        "-m",
        "bitprop",
        command,
        "d.csv",
        "--epochs",
        "2",
        *["--seeds", "9"][: 2 * (command == "sweep")],
    ]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    found = subprocess.run(arguments, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment)
    lines = found.stderr.splitlines()
    x, y = datasets.read_csv(str(tmp_path / "d.csv"))
    expected = hints(lambda: Network(1, 4, 4, 1).fit(x, y, epochs=2))
    assert lines[1:] == [f"hint: {text}" for text in expected]
    assert len(expected) == 2


def test_a_rule_that_ends_without_learning() -> None:
    """Levenberg and Marquardt's rule that ends at once, or soon without a lower loss, is told at any epoch."""
    y = [[0.0], [1.0], [0.0], [1.0]]
    net = Network(2, 3, 1, seed=4, bias=False)
    net.parameters[:] = array("d", [50.0] * 9)
    x = [[float(30 * i), float(40 * (i % 3))] for i in range(4)]
    [found] = hints(lambda: net.fit(x, y, epochs=30, rule="levenberg_marquardt"))
    assert found.startswith("the training ended before its first epoch, since the gradient is nearly 0")
    flat = Network(2, 3, 1, seed=2)
    [found] = hints(lambda: flat.fit([[1.0, 1.0]] * 4, y, epochs=30, rule="levenberg_marquardt"))
    assert flat.history is not None
    assert flat.history.stopped == "gradient"
    assert flat.history.trained < 30
    assert "the loss hardly fell, from mse 0.2528 to 0.25 in" in found
    assert "try another rule or other options of it, or another seed" in found


def test_rows_without_weight() -> None:
    """Weights that are all 0, with which every loss would look perfect."""
    net = Network(2, 3, 1)
    assert hints(lambda: net.fit(X, [[0.0], [1.0], [0.0]], epochs=1, sample_weight=[0.0, -0.0, 0.0])) == [
        "sample_weight is 0 in all rows: nothing is learnt, and every loss is 0"
    ]
    one = Network(2, 3, 1)
    assert hints(lambda: one.fit(X, [[0.0], [1.0], [0.0]], epochs=1, sample_weight=[0.0, 1.0, 0.0])) == []
