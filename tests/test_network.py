# SPDX-License-Identifier: MIT
"""The public class on every backend: what it is, what it gives, and how data comes in and goes out."""

from __future__ import annotations

import copy
import ctypes
import pickle
import threading
from array import array
from typing import Any

import numpy as np
import pytest
from bits import to_hex

from bitprop import Network, TrainingError, datasets
from bitprop.names import Backend

X = [[0.25, 0.5], [-1.0, 2.0], [3.0, -0.125]]
Y = [[0.0], [1.0], [0.5]]
FLAT = [value for row in X for value in row]


def test_what_it_is(backend: Backend) -> None:
    """Shape, activations, biases and backend are told as given."""
    net = Network(2, 3, 1, activation=["tanh", "identity"], seed=5, backend=backend)
    assert (net.sizes, net.activations, net.bias, net.backend) == ((2, 3, 1), ("tanh", "identity"), True, backend)
    assert len(net.parameters) == 13
    assert repr(net) == f"<Network 2-3-1, tanh, identity, with biases, 13 parameters, {backend}>"
    assert len(Network(2, 4, 4, 1, bias=False).parameters) == 28
    assert len(Network(2, 4, 4, 1).parameters) == 37


def test_parameters_are_views(backend: Backend) -> None:
    """Parameters and layers are one memory, writable, which NumPy wraps without a copy."""
    net = Network(2, 3, 1, backend=backend)
    first, second = net.layers
    assert first.biases is not None
    assert first.weights.shape == (2, 3)
    assert first.biases.shape == (3,)
    first.weights[1, 2] = 7.5
    assert net.parameters[5] == 7.5
    wrapped = np.asarray(net.parameters)
    wrapped[6] = -0.25
    assert first.biases[0] == -0.25
    np.asarray(second.weights)[:] = 9.0
    assert net.parameters.tolist()[9:] == [9.0, 9.0, 9.0, 0.0]
    assert Network(2, 3, 1, bias=False).layers[0].biases is None


def test_predict_by_hand(backend: Backend) -> None:
    """An identity network is a linear map, biases first."""
    net = Network(2, 2, activation="identity", backend=backend)
    net.parameters[:] = array("d", [1.0, 2.0, 10.0, 20.0, 0.5, -0.5])
    assert net.predict([[1.0, 1.0], [0.0, 2.0]]) == [[11.5, 21.5], [20.5, 39.5]]
    assert net.loss([[1.0, 1.0]], [[11.5, 20.5]], "sse") == 1.0
    assert net.loss([[1.0, 1.0]], [[11.5, 20.5]]) == 0.5
    assert net.gradient([[1.0, 2.0]], [[21.5, 40.5]]) == [0.0, 1.0, 0.0, 2.0, 0.0, 1.0]


FORMS: dict[str, Any] = {
    "tuples": tuple(map(tuple, X)),
    "rows of arrays": [array("d", row) for row in X],
    "rows of float32 arrays": [array("f", row) for row in X],
    "memoryview": memoryview(array("d", FLAT)).cast("B").cast("d", (3, 2)),
    "read-only": memoryview(array("d", FLAT).tobytes()).cast("d", (3, 2)),
    "float32": memoryview(array("f", FLAT)).cast("B").cast("f", (3, 2)),
    "ctypes float": ((ctypes.c_float * 2) * 3)(*((ctypes.c_float * 2)(*row) for row in X)),
    "ctypes double": ((ctypes.c_double * 2) * 3)(*((ctypes.c_double * 2)(*row) for row in X)),
    "numpy": np.array(X),
    "numpy read-only": np.broadcast_to(np.array(X), (3, 2)),
    "numpy float32": np.array(X, dtype=np.float32),
    "numpy float16": np.array(X, dtype=np.float16),
    "numpy big-endian": np.array(X, dtype=">f8"),
    "numpy Fortran": np.asfortranarray(X),
    "numpy strided": np.array([[a, 9.0, b, 9.0] for a, b in X])[:, ::2],
    "numpy reversed": np.array([row[::-1] for row in X[::-1]])[::-1, ::-1],
    "numpy unaligned": np.frombuffer(b"x" + np.array(X).tobytes(), dtype=np.uint8)[1:].view(np.float64).reshape(3, 2),
    "generator": (row for row in X),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_data(backend: Backend, form: str) -> None:
    """Every form of the same numbers gives the same bits; each goes out as it came in."""
    net = Network(2, 4, 1, seed=3, backend=backend)
    data = (row for row in X) if form == "generator" else FORMS[form]
    found: Any = net.predict(data)
    kind: Any = (
        np.ndarray if form.startswith("numpy") else memoryview if isinstance(data, (memoryview, ctypes.Array)) else list
    )
    assert type(found) is kind
    flat = [value for row in (found if kind is list else found.tolist()) for value in row]
    assert to_hex(flat) == to_hex(row[0] for row in net.predict(X))
    if kind is not list:
        assert found.shape == (3, 1)


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int64, np.bool_])
def test_whole_numbers(backend: Backend, dtype: Any) -> None:
    """Integers are converted, never read as bits of floats."""
    net = Network(2, 1, seed=1, backend=backend)
    data = np.array([[0, 1], [1, 1]], dtype=dtype)
    assert net.predict(data).tolist() == net.predict(data.tolist())


def test_flat_data(backend: Backend) -> None:
    """A flat x is one row, or a column for one input; a flat y is a column for one output."""
    net = Network(2, 1, seed=1, backend=backend)
    assert net.predict([1.0, 2.0]) == net.predict([[1.0, 2.0]])
    assert net.loss(X, [0.0, 1.0, 0.5]) == net.loss(X, Y)
    assert net.loss(np.array(X), np.array([0.0, 1.0, 0.5])) == net.loss(X, Y)
    column = Network(1, 1, backend=backend)
    assert column.predict([1.0, 2.0, 3.0]) == column.predict([[1.0], [2.0], [3.0]])
    wide = Network(2, 2, backend=backend)
    assert wide.loss([1.0, 2.0], [3.0, 4.0]) == wide.loss([[1.0, 2.0]], [[3.0, 4.0]])


def test_predict_into(backend: Backend) -> None:
    """`out` takes the results where the caller says, and is returned."""
    net = Network(2, 2, seed=1, backend=backend)
    expected = net.predict(X)
    out = np.zeros((3, 2))
    assert net.predict(X, out=out) is out
    assert out.tolist() == expected
    flat = array("d", bytes(48))
    assert net.predict(np.array(X), out=flat) is flat
    assert flat.tolist() == [value for row in expected for value in row]


def test_trace(backend: Backend) -> None:
    """Pre-activations and outputs of each layer; the last outputs are the prediction."""
    net = Network(2, 3, 2, activation=["identity", "sigmoid"], seed=8, backend=backend)
    first, second = net.trace([0.5, -1.0])
    assert first.preactivations == first.outputs
    assert (len(first.outputs), len(second.outputs)) == (3, 2)
    assert [second.outputs] == net.predict([0.5, -1.0])


def test_copies(backend: Backend) -> None:
    """Copies of every kind are equal to the bit, and apart."""
    net = Network(2, 4, 4, 1, activation=("tanh", "relu", "sigmoid"), seed=2, backend=backend)
    net.fit(X, Y, epochs=3)
    twins = (net.copy(), copy.copy(net), copy.deepcopy(net), pickle.loads(pickle.dumps(net)))
    for twin in (*twins, Network.from_bytes(net.to_bytes(), backend=backend)):
        assert twin == net
        assert twin.backend == backend
        assert twin.fingerprint() == net.fingerprint()
        twin.parameters[0] += 1.0
        assert twin != net
    assert net.history is not None
    assert copy.deepcopy(net).history.mse == net.history.mse  # type: ignore[union-attr]


def test_equality_is_by_bits() -> None:
    """Signed zeros differ; any NaN equals any; activations and biases count."""
    one, other = Network(1, 1, bias=False), Network(1, 1, bias=False)
    one.parameters[0], other.parameters[0] = 0.0, -0.0
    assert one != other
    one.parameters[0], other.parameters[0] = float("nan"), -float("nan")
    assert one == other
    assert Network(1, 1, activation="tanh") != Network(1, 1)
    assert Network(1, 1) != Network(1, 1, bias=False)
    assert Network(1, 1) != "a network"
    with pytest.raises(TypeError):
        hash(one)


def test_pickle_carries_no_backend_that_was_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of the default backend takes the default of the machine that it arrives on."""
    data = pickle.dumps(Network(2, 1))
    monkeypatch.setenv("BITPROP_BACKEND", "python")
    assert pickle.loads(data).backend == "python"


def test_threads_predict_alike(backend: Backend) -> None:
    """Threads share a network's predictions: each call has scratch memory of its own."""
    net = Network(2, 16, 16, 1, seed=4, backend=backend)
    x, _ = datasets.linear(40, 1)
    expected = net.predict(x)
    wrong: list[Any] = []

    def work() -> None:
        for _ in range(20 if backend == "python" else 300):
            if net.predict(x) != expected:
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_one_training_at_a_time(backend: Backend) -> None:
    """A second training of the same network is refused, and the first goes on."""
    net = Network(2, 1, backend=backend)
    seen = []

    def again(epoch: int, mse: float) -> None:
        with pytest.raises(TrainingError, match="being trained"):
            net.fit(X, Y, epochs=1)
        seen.append(epoch)

    assert net.fit(X, Y, epochs=2, callback=again).stopped == "epochs"
    assert seen == [0, 1]
