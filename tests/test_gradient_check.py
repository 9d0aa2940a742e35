# SPDX-License-Identifier: MIT
"""Back-propagation's gradient against finite differences: a tolerance, since slopes are measured."""

from __future__ import annotations

import random
from array import array
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitprop import Network, datasets, gradient_check
from bitprop.names import Activation, Backend

SMOOTH = st.sampled_from(["sigmoid", "tanh", "identity"])


@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=5),
    st.data(),
    st.booleans(),
    st.integers(1, 12),
    st.integers(0, 10**6),
)
@settings(max_examples=60)
def test_smooth_networks(sizes: list[int], data: st.DataObject, bias: bool, rows: int, seed: int) -> None:
    """Every parameter's slope agrees to a millionth of the scale; measured, it is near a billionth."""
    activation: Any = [data.draw(SMOOTH) for _ in sizes[1:]]
    net = Network(*sizes, activation=activation, bias=bias, seed=seed)
    generator = random.Random(seed)
    x = [[generator.uniform(-1, 1) for _ in range(sizes[0])] for _ in range(rows)]
    y = [[generator.uniform(-1, 1) for _ in range(sizes[-1])] for _ in range(rows)]
    found = net.check_gradient(x, y)
    assert len(found) == len(net.parameters)
    assert found.ok, str(found)
    assert [row.gradient for row in found] == net.gradient(x, y)


def test_all_backends(backend: Backend) -> None:
    """The check runs on every backend, leaves the network's bits, and names the parameters."""
    net = Network(2, 3, 1, activation=["relu", "tanh"], seed=4, backend=backend)
    net.parameters[6:9] = array("d", [0.1, -0.2, 0.3])
    before = net.to_bytes()
    found = net.check_gradient(*datasets.xor())
    assert found.ok
    assert found.max_error < 1e-6
    assert net.to_bytes() == before
    assert [row.name for row in found][:3] == ["W1[0][0]", "W1[0][1]", "W1[0][2]"]
    assert found[6].name == "b1[0]"
    assert "the two agree" in str(found)


@pytest.mark.parametrize("name", ["relu", "softsign", "leaky_relu"])
def test_kinks_are_told(name: Activation) -> None:
    """With zero biases the point (0, 0) stands at every relu's kink: those parameters are told, the rest compared."""
    net = Network(2, 3, 1, activation=[name, "identity"], seed=4)
    x, y = datasets.xor()
    found = net.check_gradient(x, y)
    assert {row.name for row in found if row.kink} == {"b1[0]", "b1[1]", "b1[2]"}
    assert found.ok
    assert "not compared: 3 of 13" in str(found)
    dead = Network(1, 1, activation=name, bias=False)
    dead.parameters[0] = 0.0
    assert not dead.check_gradient([1.0], [1.0]).ok  # nothing could be compared


@pytest.mark.parametrize("sizes", [(2, 4, 1), (2, 8, 1), (2, 4, 4, 1)])
@pytest.mark.parametrize("last", ["relu", "identity", "sigmoid", "softsign", "leaky_relu"])
def test_relu_on_the_projects_own_data(sizes: tuple[int, ...], last: Activation) -> None:
    """A right gradient is never called wrong, whatever kinks the seeds and the point (0, 0) bring."""
    x, y = datasets.xor()
    for seed in range(12):
        activation: list[Activation] = [*["relu"] * (len(sizes) - 2), last]  # type: ignore[list-item]  # it is one
        net = Network(*sizes, activation=activation, seed=seed)
        found = net.check_gradient(x, y)
        assert all(row.kink or row.error <= gradient_check.TOLERANCE for row in found), (seed, str(found))
        assert sum(row.kink for row in found) < len(found)


@pytest.mark.parametrize("factor", [0.0, -1.0, 2.0, 1.0001])
def test_a_wrong_gradient_is_found(factor: float) -> None:
    """The check can fail: one wrong slope, even by a ten-thousandth, is told."""
    net = Network(2, 4, 1, seed=2)
    x, y = datasets.xor()
    gradient = net.gradient(x, y)
    largest = max(range(len(gradient)), key=lambda k: abs(gradient[k]))
    gradient[largest] *= factor
    names = list(map(net.model.parameter_name, range(net.model.count)))
    found = gradient_check.check(net.parameters, lambda: net.loss(x, y, "half_sse"), gradient, names)
    assert not found.ok
    assert "DO NOT AGREE" in str(found)
    assert max(found, key=lambda row: row.error).name == names[largest]


def test_trained_network() -> None:
    """Near a minimum, with large weights, the slopes are small beside the loss's curvature; they still agree."""
    net = Network(2, 4, 4, 1, seed=7, bias=False)
    x, y = datasets.linear(100, seed=1)
    net.fit(x, y, epochs=20_000)
    assert net.check_gradient(x, y).ok
