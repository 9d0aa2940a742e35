# SPDX-License-Identifier: MIT
"""Bad input gives one clear error, that says what was given and expected, and changes nothing."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bitprop import BackendError, BitpropError, DataError, Network, OptionError, ShapeError, datasets
from bitprop.names import Backend

NAN = math.nan
X, Y = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [[0.0], [1.0], [1.0]]


class Liar:
    """A row whose length is not the number of its items: believing it would read beyond the data."""

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[float]:
        return iter([0.5])


DATA: list[Any] = [
    pytest.param([[0.0, 1.0], [1.0]], Y, DataError, "x is ragged: row 1 has 1 number, row 0 has 2", id="ragged x"),
    pytest.param(X, [[0.0], [1.0, 2.0], [0.0]], DataError, "y is ragged: row 1", id="ragged y"),
    pytest.param([[0.0, 1.0], [1.0, NAN], [1.0, 1.0]], Y, DataError, "nan in row 1, column 1", id="NaN"),
    pytest.param(X, [0.0, math.inf, 1.0], DataError, "y has inf in row 1, column 0", id="infinity"),
    pytest.param(np.array([[1.0, NAN]]), [0.0], DataError, "x has nan in row 0, column 1", id="NumPy NaN"),
    pytest.param([[0.0], [1.0], [1.0]], Y, ShapeError, "rows of 1 number, expected rows of 2", id="narrow"),
    pytest.param([0.0, 1.0, 2.0], Y, ShapeError, "flat sequence of 3 numbers, expected rows of 2", id="wide flat"),
    pytest.param(X, [[0.0, 1.0]] * 3, ShapeError, "y has rows of 2 numbers, expected rows of 1", id="wide y"),
    pytest.param(X, [0.0, 1.0], ShapeError, "y has 2 rows, expected 3", id="fewer labels"),
    pytest.param([], Y, DataError, "x is empty", id="no rows"),
    pytest.param([[], []], Y, DataError, "x is empty", id="empty rows"),
    pytest.param(X, [], DataError, "y is empty", id="no labels"),
    pytest.param(np.zeros((0, 2)), Y, DataError, "x is empty", id="empty array"),
    pytest.param(np.zeros((3, 2, 1)), Y, ShapeError, "3 dimensions", id="three dimensions"),
    pytest.param([[[1.0], [2.0]]], Y, DataError, "expected a number", id="three nested lists"),
    pytest.param("text", Y, DataError, "x is str", id="text"),
    pytest.param(b"\0" * 48, Y, DataError, "x is bytes", id="bytes"),
    pytest.param({1: 2}, Y, DataError, "x is dict", id="dict"),
    pytest.param(5, Y, DataError, "x is 5", id="a number"),
    pytest.param(None, Y, DataError, "x is None", id="None"),
    pytest.param([["0.5", 1.0]] * 3, Y, DataError, "'0.5' in row 0, column 0", id="text in a row"),
    pytest.param([[0.5, None]] * 3, Y, DataError, "None in row 0, column 1", id="None in a row"),
    pytest.param([[1j, 1.0]] * 3, Y, DataError, "1j in row 0, column 0", id="complex"),
    pytest.param([[10**400, 1]] * 3, Y, DataError, "beyond float64 in row 0, column 0", id="huge integer"),
    pytest.param([[1.0, 2.0], "ab", [3.0, 4.0]], Y, DataError, "'ab' as row 1", id="text as a row"),
    pytest.param([[1.0, 2.0], 5.0], Y, DataError, "5.0 as row 1", id="number as a row"),
    pytest.param([Liar()] * 3, Y, ShapeError, "rows of 1 number", id="a length that lies"),
    pytest.param([[0.0, 1.0], Liar(), [1.0, 1.0]], Y, DataError, "x is ragged: row 1 has 1", id="one that lies"),
    pytest.param([[np.complex128(1), 0.0]] * 3, Y, DataError, "row 0, column 0", id="NumPy complex in a row"),
    pytest.param([[np.timedelta64(5, "s"), 0.0]] * 3, Y, DataError, "row 0, column 0", id="NumPy duration in a row"),
    pytest.param([np.array(1.0), np.array(2.0)], Y, DataError, "as row 0, expected a row", id="NumPy scalars as rows"),
    pytest.param([memoryview(b"ab").cast("B", (1, 2))], Y, DataError, "as row 0", id="matrix as a row"),
    pytest.param(np.array([["a", "b"]]), [0.0], DataError, "array of <U1", id="NumPy text"),
    pytest.param(np.zeros((3, 2), dtype=complex), Y, DataError, "array of complex128", id="NumPy complex"),
    pytest.param(np.ma.masked_invalid([[1.0, NAN]]), [0.0], DataError, "masked", id="NumPy masked"),
    pytest.param(memoryview(b"abcdef").cast("c", (3, 2)), Y, DataError, "format 'c'", id="characters"),
]


@pytest.mark.parametrize(("x", "y", "error", "message"), DATA)
def test_data(backend: Backend, x: Any, y: Any, error: type[BitpropError], message: str) -> None:
    """Data that does not fit is refused by fit, loss and gradient alike; the network's bits stay."""
    net = Network(2, 3, 1, seed=1, backend=backend)
    before = net.to_bytes()
    for call in (lambda: net.fit(x, y, epochs=1), lambda: net.loss(x, y), lambda: net.gradient(x, y)):
        with pytest.raises(error, match=message):
            call()
    assert net.to_bytes() == before
    assert net.history is None


OPTIONS: list[Any] = [
    ({"epochs": -1}, OptionError, "epochs is -1, expected at least 0"),
    ({"epochs": 2.0}, TypeError, "epochs is 2.0, expected a whole number"),
    ({"epochs": True}, TypeError, "epochs is True"),
    ({"epochs": 2**70}, OptionError, "expected at least 0 and below 2\\^63"),
    ({"learning_rate": -0.1}, OptionError, "learning_rate is -0.1, expected a finite number of at least 0"),
    ({"learning_rate": NAN}, OptionError, "learning_rate is nan"),
    ({"learning_rate": math.inf}, OptionError, "learning_rate is inf"),
    ({"learning_rate": "1"}, TypeError, "learning_rate is '1'"),
    (
        {"learning_rate": [0.1, 0.2]},
        OptionError,
        "learning_rate has 2 numbers, expected one number, or 1: one for each",
    ),
    ({"learning_rate": [-0.1]}, OptionError, "learning_rate is -0.1, expected a finite number of at least 0"),
    ({"learning_rate": ["1"]}, TypeError, "learning_rate is '1'"),
    ({"learning_rate": 0.1, "rule": "rprop"}, OptionError, "learning_rate is given for rprop, which uses increase"),
    ({"rule": "sgd"}, OptionError, "rule is 'sgd', expected one of descent, momentum, nesterov, adam, adamw, rprop"),
    ({"rule": 1}, TypeError, "rule is 1"),
    ({"momentum": 0.9}, OptionError, "momentum is given for descent, which uses weight_decay, l1, decay_biases"),
    (
        {"rule": "adam", "momentum": 0.9},
        OptionError,
        "for adam, which uses beta1, beta2, epsilon, weight_decay, l1, decay",
    ),
    ({"rule": "momentum", "momentum": 1}, OptionError, "momentum is 1, expected a number of at least 0 and below 1"),
    ({"rule": "nesterov", "momentum": "1"}, TypeError, "momentum is '1', expected a number"),
    ({"rule": "adam", "beta1": -0.1}, OptionError, "beta1 is -0.1, expected a number of at least 0 and below 1"),
    ({"rule": "adamw", "beta2": NAN}, OptionError, "beta2 is nan"),
    ({"rule": "adam", "epsilon": 0}, OptionError, "epsilon is 0, expected a finite number above 0"),
    ({"rule": "rprop", "increase": 1.0}, OptionError, "increase is 1.0, expected a finite number above 1"),
    ({"rule": "rprop", "decrease": 1.0}, OptionError, "decrease is 1.0, expected a number above 0 and below 1"),
    ({"rule": "rprop", "decrease": -0.0}, OptionError, "decrease is -0.0"),
    ({"rule": "rprop", "first_step": math.inf}, OptionError, "first_step is inf, expected a finite number above 0"),
    ({"rule": "rprop", "first_step": (0.1,)}, OptionError, "first_step is .0.1,., expected one number, or two"),
    ({"rule": "rprop", "first_step": (0.2, 0.1)}, OptionError, "0.1., expected the lower number first"),
    ({"rule": "rprop", "first_step": (0, 0.1)}, OptionError, "first_step is 0, expected a finite number above 0"),
    ({"rule": "rprop", "first_step_seed": 1}, OptionError, "first_step_seed is 1, expected a pair as first_step"),
    ({"rule": "rprop", "first_step": (1, 2), "first_step_seed": -1}, OptionError, "first_step_seed is -1, expected 0"),
    ({"rule": "adam", "first_step_seed": 1}, OptionError, "first_step_seed is given for adam, which uses beta1"),
    ({"rule": "rprop", "step_min": 60}, OptionError, "step_min is 60.0, expected at most step_max, which is 50.0"),
    ({"weight_decay": -1}, OptionError, "weight_decay is -1, expected a finite number of at least 0"),
    ({"l1": float("inf")}, OptionError, "l1 is inf, expected a finite number of at least 0"),
    ({"rule": "levenberg_marquardt", "l1": 0.1}, OptionError, "l1 is given for levenberg_marquardt, which uses mu"),
    ({"decay_biases": 2}, TypeError, "decay_biases is 2, expected True or False"),
    ({"moment": 1}, TypeError, "no option moment: descent has weight_decay, l1, decay_biases; all have learning_rate"),
    ({"batch_size": 0}, OptionError, "batch_size is 0, expected at least 1"),
    ({"batch_size": 1.5}, TypeError, "batch_size"),
    ({"shuffle_seed": -1}, OptionError, "shuffle_seed is -1, expected 0 <= shuffle_seed < 2\\^64"),
    ({"shuffle_seed": 2**64}, OptionError, "shuffle_seed"),
    ({"log_every": 0}, OptionError, "log_every is 0"),
    ({"loss": "rmse"}, OptionError, "loss is 'rmse', expected one of half_sse, sse, half_mse, mse"),
    ({"loss": 1}, TypeError, "loss is 1"),
    ({"callback": 3}, TypeError, "callback is 3"),
]


@pytest.mark.parametrize(("options", "error", "message"), OPTIONS, ids=str)
def test_fit_options(backend: Backend, options: dict[str, Any], error: type[Exception], message: str) -> None:
    """Options of fit that are not allowed are refused; the network's bits stay."""
    net = Network(2, 3, 1, seed=1, backend=backend)
    before = net.to_bytes()
    with pytest.raises(error, match=message):
        net.fit(X, Y, **{"epochs": 1, **options})
    assert net.to_bytes() == before


NETWORKS: list[Any] = [
    ((), {}, ShapeError, "0 layer sizes given"),
    ((2,), {}, ShapeError, "1 layer sizes given \\(2\\), expected at least 2"),
    ((2, 0, 1), {}, ShapeError, "layer 1 of 2-0-1 has size 0, expected 1 or more"),
    ((2, -3, 1), {}, ShapeError, "layer 1"),
    ((2, 2**32, 1), {}, ShapeError, "layer 1"),
    ((2**31, 2**31, 2**31), {}, ShapeError, "more parameters than memory|more memory than there is"),
    ((2**31, 2**31), {}, ShapeError, "more parameters than memory|more memory than there is"),
    ((2**32 - 1,) * 9, {}, ShapeError, "more parameters than memory"),
    ((2**22, 2**22), {}, ShapeError, "more memory than there is"),
    (([2, 4, 1],), {}, TypeError, "expected one for each layer"),
    ((2, 4.0, 1), {}, TypeError, "size of layer 1 is 4.0"),
    (("2", 1), {}, TypeError, "size of layer 0 is '2'"),
    ((2, 1), {"activation": "swish"}, OptionError, "activation is 'swish', expected one of sigmoid, tanh"),
    ((2, 4, 1), {"activation": ["tanh"]}, OptionError, "1 activations given, expected 2"),
    ((2, 1), {"activation": None}, TypeError, "activation is None"),
    ((2, 1), {"activation": [3]}, TypeError, "activation is 3"),
    ((2, 1), {"init": "he"}, OptionError, "init is 'he', expected one of normal, uniform, glorot"),
    ((2, 1), {"seed": -1}, OptionError, "seed is -1, expected 0 <= seed < 2\\^64"),
    ((2, 1), {"seed": 2**64}, OptionError, "seed"),
    ((2, 1), {"seed": 1.0}, TypeError, "seed is 1.0"),
    ((2, 1), {"bias": "no"}, TypeError, "bias is 'no'"),
    ((2, 1), {"backend": "cuda"}, OptionError, "backend is 'cuda', expected auto, cffi, ctypes, python"),
    ((2, 1), {"backend": 1}, TypeError, "backend is 1"),
]


@pytest.mark.parametrize(("sizes", "options", "error", "message"), NETWORKS, ids=str)
def test_networks(backend: Backend, sizes: Any, options: Any, error: type[Exception], message: str) -> None:
    """Networks that cannot be are refused, by every backend alike."""
    with pytest.raises(error, match=message):
        Network(*sizes, **{"backend": backend, **options})


def test_out(backend: Backend) -> None:
    """Memory for results must fit exactly; nothing is written to it otherwise."""
    net = Network(2, 1, backend=backend)
    strided = np.zeros((3, 2))[:, :1]
    unaligned = memoryview(bytearray(25))[1:].cast("d")
    for out, error, message in [
        (np.zeros((3, 1), dtype=np.float32), TypeError, "format 'f'"),
        (np.zeros((2, 1)), ShapeError, "shape \\(2, 1\\), expected \\(3, 1\\)"),
        (np.zeros((1, 3)), ShapeError, "shape"),
        (strided, TypeError, "not contiguous"),
        (bytes(24), TypeError, "read-only"),
        (memoryview(bytes(24)).cast("d"), TypeError, "read-only"),
        ([0.0] * 3, TypeError, "out is list"),
        (array("q", [0] * 3), TypeError, "format 'q'"),
    ]:
        with pytest.raises(error, match=message):
            net.predict(X, out=out)
    if backend != "python":
        with pytest.raises(TypeError, match="aligned"):
            net.predict(X, out=unaligned)
    assert not strided.any()


def test_parameters_put_in_by_hand(backend: Backend, tmp_path: Any) -> None:
    """Parameters that are not finite are named, wherever they would be used."""
    net = Network(2, 3, 1, backend=backend)
    net.layers[1].weights[2, 0] = NAN
    for call in (
        lambda: net.predict(X),
        lambda: net.fit(X, Y, epochs=1),
        lambda: net.check_gradient(X, Y),
        lambda: net.trace([1.0, 2.0]),
        lambda: net.save(tmp_path / "net.json"),
    ):
        with pytest.raises(DataError, match=r"parameter 11 of the network \(W2\[2\]\[0\]\) is nan"):
            call()
    assert not list(tmp_path.iterdir())


def test_trace_takes_one_row(backend: Backend) -> None:
    """A trace is of one row."""
    with pytest.raises(ShapeError, match="x has 3 rows, expected 1"):
        Network(2, 1, backend=backend).trace(X)


LABELS: list[Any] = [
    (
        [0, 1, 2, 1],
        "y has a flat sequence of 4 numbers, expected rows of 3 numbers; for class labels give one-hot rows",
    ),
    (
        [[0], [1], [2], [1]],
        "y has rows of 1 number, expected rows of 3 numbers; for class labels give one-hot rows of 3",
    ),
    (np.array([1, 2, 3, 1]), "for class labels give one-hot rows of 3: 1 at the label's place, and 0 elsewhere"),
    ([0, 1, 2], "y has 1 row, expected 3, as many as x; for class labels give one-hot rows of 3"),
    ([0.5, 1, 2, 1], "y has a flat sequence of 4 numbers, expected rows of 3 numbers"),
    ([[0, 1]] * 4, "y has rows of 2 numbers, expected rows of 3 numbers"),
]


@pytest.mark.parametrize(("y", "message"), LABELS, ids=str)
def test_class_labels(backend: Backend, y: Any, message: str) -> None:
    """Numbers of classes for several outputs are refused with what to give instead; other numbers without."""
    net = Network(2, 3, backend=backend)
    with pytest.raises(ShapeError) as caught:
        net.fit([[0.0, 1.0]] * len(y), y, epochs=1)
    assert message in str(caught.value)
    assert ("one-hot" in message) == ("one-hot" in str(caught.value))


def test_bytes() -> None:
    """What are no bytes is named, with what was expected."""
    for wrong in ("abc", 5, None):
        with pytest.raises(TypeError, match=f"data is {wrong!r}, expected the bytes that Network.to_bytes"):
            Network.from_bytes(wrong)  # type: ignore[arg-type]


def test_paths(tmp_path: Path) -> None:
    """A path with a NUL is refused by whatever opens files, before it writes."""
    net = Network(2, 1)
    history = net.fit(X, Y, epochs=1)
    path = str(tmp_path / "a\0b")
    for call in (
        lambda: net.save(path),
        lambda: Network.load(path),
        lambda: history.to_csv(path),
        lambda: history.plot(path),
        lambda: datasets.read_csv(path),
    ):
        with pytest.raises(OptionError, match=r"path is '.*a\\x00b', expected one without a NUL character"):
            call()
    assert not list(tmp_path.iterdir())


def test_datasets() -> None:
    """Data sets check what they are given."""
    with pytest.raises(OptionError, match="n is 0, expected at least 1"):
        datasets.linear(0)
    with pytest.raises(TypeError, match=r"n is 1\.5"):
        datasets.linear(1.5)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="seed"):
        datasets.linear(1, seed=-1)
    for make in (datasets.circles, datasets.moons, datasets.blobs):
        with pytest.raises(OptionError, match="n is 0, expected at least 1"):
            make(0)
        with pytest.raises(OptionError, match="seed is -1"):
            make(1, seed=-1)
        for noise in (-0.1, math.inf, math.nan):
            with pytest.raises(OptionError, match=f"noise is {noise}, expected a finite number of at least 0"):
                make(1, noise=noise)
        with pytest.raises(TypeError, match="noise is '1', expected a number"):
            make(1, noise="1")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="centres is 1, expected at least 2"):
        datasets.blobs(1, 1)
    with pytest.raises(OptionError, match="n is 0, expected at least 1"):
        datasets.encoder(0)
    with pytest.raises(OptionError, match=r"n is 32, expected at least 1 and below 2\^5"):
        datasets.parity(32)


def test_errors_are_of_one_family() -> None:
    """Every error is a BitpropError, and of the built-in kind that it refines."""
    assert issubclass(OptionError, BitpropError)
    assert issubclass(OptionError, ValueError)
    assert issubclass(ShapeError, ValueError)
    assert issubclass(BackendError, ImportError)
