# SPDX-License-Identifier: MIT
"""Memory of every kind is converted exactly or refused; numbers of every size give the same bits in all twins."""

from __future__ import annotations

import gc
import itertools
import weakref
from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bits import to_hex
from conftest import core_or_skip, kernels

from bitprop import BitpropError, DataError, DivergedError, Network
from bitprop.names import ACTIVATIONS, BACKENDS, Backend, Rule

NUMBERS: list[Any] = [np.dtype(order + code) for code in "bBhHiIlLqQefdg?" for order in "<>"]
OTHERS = ["F", "D", "O", "S3", "U3", "M8[s]", "m8[s]", "V8", [("a", "d")]]
VALUES = [[0.0, 1.0, -3.0], [100.0, 0.5, 1e-3], [-0.0, 7.0, 65.0], [1e-5, 2.0, -1.0]]


def unaligned(values: Any) -> Any:
    """The same values one byte behind where they should begin."""
    memory = np.zeros(values.nbytes + 1, dtype="b")
    moved = memory[1:].view(values.dtype).reshape(values.shape)
    moved[...] = values
    return moved


def read_only(values: Any) -> Any:
    """The same values, which nobody may write."""
    kept = values.copy()
    kept.flags.writeable = False
    return kept


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "C": lambda values: values.copy(),
    "Fortran": np.asfortranarray,
    "backwards": lambda values: values[::-1, ::-1].copy()[::-1, ::-1],
    "every second": lambda values: np.repeat(np.repeat(values, 2, 0), 2, 1)[::2, ::2],
    "transposed": lambda values: values.T.copy().T,
    "unaligned": unaligned,
    "read-only": read_only,
    "one row again and again": lambda values: np.broadcast_to(values[1], values.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(backend: Backend, layout: str) -> None:
    """Each format, byte order and layout gives the results of the same numbers as float64; as a buffer too."""
    net = Network(3, 4, 1, seed=2, backend=backend)
    for dtype in NUMBERS:
        with np.errstate(all="ignore"):
            values = np.array(VALUES).astype("?" if dtype.kind == "b" else "i1" if dtype.kind in "iu" else dtype)
        given: Any = LAYOUTS[layout](values.astype(dtype))
        expected = to_hex(
            net.predict(np.array(given.tolist(), dtype="d") if dtype.char != "g" else given.astype("d")).ravel()
        )
        assert to_hex(net.predict(given).ravel()) == expected, dtype
        try:
            found: Any = net.predict(memoryview(given))
        except (ValueError, NotImplementedError):  # NumPy gives no view of some formats; long doubles are refused
            assert dtype.char == "g" or dtype.char in "lL"
        else:
            assert to_hex(np.asarray(found).ravel()) == expected, dtype


@pytest.mark.parametrize("dtype", OTHERS, ids=str)
def test_other_formats_are_refused(dtype: Any) -> None:
    """What is no real number, or may be none, is refused, as an array and as a buffer."""
    values: Any = np.zeros((2, 3), dtype=dtype)
    net = Network(3, 1)
    for given in (values, *([memoryview(values)] if np.dtype(dtype).kind not in "mM" else [])):
        with pytest.raises(DataError, match="expected"):
            net.predict(given)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0), (0, 0)])
def test_no_numbers(backend: Backend, shape: tuple[int, ...]) -> None:
    """Memory of no bytes is refused in words."""
    net = Network(3, 1, backend=backend)
    zeros: Any = np.zeros(shape)
    for given in (zeros, zeros.astype("f"), memoryview(zeros), zeros.tolist()):
        with pytest.raises(BitpropError, match="x is empty"):
            net.predict(given)


def test_memory_that_changes_hands(backend: Backend) -> None:
    """A callback that resizes or frees the rows of its training changes nothing: they are held until the end."""
    twin = Network(1, 3, 1, seed=2, backend=backend)
    twin.fit([0.1, 0.2, 0.9], [0.0, 1.0, 1.0], epochs=4)
    refused = 0

    def resize(_: int, __: float) -> None:
        nonlocal refused
        for memory in (x, y):
            try:
                memory.extend([7.0] * 1000)
            except BufferError:
                refused += 1

    x, y = array("d", [0.1, 0.2, 0.9]), array("d", [0.0, 1.0, 1.0])
    net = Network(1, 3, 1, seed=2, backend=backend)
    net.fit(x, y, epochs=4, callback=resize)
    assert net == twin
    assert refused == 8

    net = Network(1, 3, 1, seed=2, backend=backend)
    rows = [np.array([0.1, 0.2, 0.9])]
    seen = weakref.ref(rows[0])

    def free(_: int, __: float) -> None:
        rows.clear()
        gc.collect()
        np.full(3, 7.0)

    net.fit(rows[0], np.array([0.0, 1.0, 1.0]), epochs=4, callback=free)
    gc.collect()
    assert seen() is None
    assert net == twin


EXTREMES = [0.0, -0.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1e-310, -1e-160, 1.0, -1.0, 1e150, -1e300, 1e308]
RULES: tuple[Rule, ...] = ("descent", "momentum", "nesterov", "adam", "adamw", "rprop")


def trained(backend: Backend, activation: Any, rule: Rule, rate: float, scale: float) -> list[Any]:
    """All that a training of extreme numbers leaves, or where it diverged."""
    net = Network(2, 3, 1, seed=6, activation=[activation, "identity"], backend=backend)
    for at, value in zip(range(net.parameters.nbytes // 8), itertools.cycle(EXTREMES)):
        net.parameters[at] = value * scale
    x = [[a, b] for a, b in zip(EXTREMES, reversed(EXTREMES))]
    y = [[value] for value in EXTREMES[3:] + EXTREMES[:3]]
    left: list[Any] = [to_hex([net.loss(x, y)]), to_hex(net.gradient(x, y))]
    left.extend(to_hex(row) for row in net.predict(x))
    options = {} if rule == "rprop" else {"learning_rate": rate}
    try:
        history = net.fit(x, y, epochs=3, rule=rule, batch_size=5, **options)  # type: ignore[arg-type]
        left.append(to_hex(history.sse))
    except DivergedError as error:
        left.append(error.epoch)
    return [*left, net.fingerprint()]


@pytest.mark.filterwarnings("ignore::bitprop.TrainingHint")
@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "softmax"])
def test_extreme_numbers(activation: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zeros of both signs, subnormal and huge numbers, rates of 0 and 5e-324: the same bits in all twins."""
    for rule, rate, scale in itertools.product(RULES, (0.0, 5e-324, 1e-3, 1e300), (1e-300, 1.0)):
        monkeypatch.setenv("BITPROP_KERNEL", "auto")
        expected = trained("python", activation, rule, rate, scale)
        for name in kernels():
            monkeypatch.setenv("BITPROP_KERNEL", name)
            for backend in BACKENDS[:2]:
                core_or_skip(backend, name)
                assert trained(backend, activation, rule, rate, scale) == expected, (rule, rate, scale, name)
