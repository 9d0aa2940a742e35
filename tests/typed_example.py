# SPDX-License-Identifier: MIT
"""What users' type checkers see: mypy --strict and pyright must agree with every line (.ci/run)."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Optional

import numpy as np
from numpy.typing import NDArray
from typing_extensions import assert_type

from bitprop import GradientCheck, History, Layer, Network, Run, SweepFileError, SweepResult, Trace, datasets, sweep

x, y = datasets.xor()
rows: NDArray[np.float64] = np.array(x)
out: NDArray[np.float64] = np.empty((21, 1))
net = Network(2, 4, 1, activation=["tanh", "sigmoid"], bias=True, init="glorot", seed=3, backend="ctypes")


def stop(epoch: int, mse: float) -> bool:
    """A callback."""
    return epoch > 10 and mse < 0.1


assert_type(net.fit(x, y, epochs=3, learning_rate=0.5, loss="half_mse", callback=stop), History)
assert_type(net.fit(x, y, epochs=3, validation=0.2, patience=3, goal=0.1).validation, list[float])
assert_type(net.fit(x, y, epochs=3, validation=(rows, y), stop_gl=5).best_epoch, Optional[int])
assert_type(net.predict(x), list[list[float]])
assert_type(net.predict([0.5, 0.25]), list[list[float]])
assert_type(net.predict(rows), NDArray[np.float64])
assert_type(net.predict(array("d", [0.5, 0.25])), memoryview[float])
assert_type(net.predict(memoryview(array("d", [0.5, 0.25]))), memoryview[float])
assert_type(net.predict(x, out=out), NDArray[np.float64])
assert_type(net.gradient(x, y), list[float])
assert_type(net.gradient(rows, y), NDArray[np.float64])
assert_type(net.loss(x, y, loss="mse"), float)
assert_type(net.check_gradient(x, y), GradientCheck)
assert_type(net.trace([0.5, 0.25]), list[Trace])
assert_type(net.layers, tuple[Layer, ...])
assert_type(net.layers[0].weights, memoryview[float])
assert_type(net.copy(), Network)
assert_type(Network.load("net.json"), Network)
assert_type(sweep((2, 4, 1), (x, y), seeds=[1], epochs=3, loss="sse", activation="tanh"), SweepResult)
assert_type(sweep((2, 4, 1), (x, y), seeds=[1], epochs=3, validation=(x, y), patience=2, check_every=5), SweepResult)
grid = {"sizes": [(2, 4, 1), (2, 8, 1)], "rule": ["adam", "rprop"], "batch_size": [None, 1]}
result = sweep(None, (x, y), seeds=[1], epochs=3, grid=grid, resume_file="sweep.jsonl")
assert_type(result, SweepResult)
assert_type(sweep((2, 1), (x, y), seeds=[1], epochs=3, grid=[{"rule": ["rprop"]}, {"bias": [False]}]), SweepResult)
assert_type(result.best, Run)
assert_type(result.best.network, Optional[Network])
assert_type(result.best.best_validation, Optional[float])
assert_type(result.select(rule="adam", batch_size=None), SweepResult)
error: ValueError = SweepFileError("sweep.jsonl is of another sweep")
sweep((2, 1), (x, y), seeds=[1], epochs=3, resume_file=4)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
sweep((2, 1), (x, y), seeds=[1], epochs=3, grid="rule")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
histories: Sequence[History] = sweep((2, 1), (x, y), seeds=[1], epochs=3).histories

Network(2, 1, activation="sigmod")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
assert_type(net.fit(x, y, epochs=2, rule="adam", learning_rate=[0.1, 0.01], beta1=0.5, decay_biases=True), History)
net.fit(x, y, epochs=1, rule="sgd")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
net.fit(x, y, epochs=1, moment=0.9)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
net.fit(x, y, epochs=1, loss="rmse")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
net.fit(x, y, epochs=1, callback=len)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
