# SPDX-License-Identifier: MIT
"""Weights of rows (contract §5), and the way back through the layers that `trace` shows."""

from __future__ import annotations

import random
from typing import Any

import pytest

import bitprop
from bitprop import DataError, Network, OptionError, ShapeError, datasets, sweep
from bitprop.names import Backend, Loss

X, Y = datasets.circles(40, seed=1)
WEIGHTS = [(row % 5) / 2 for row in range(40)]
CLASSES = [[1.0 - y, y] for (y,) in Y]
HEADS: list[tuple[Loss, str, Any]] = [
    ("half_sse", "tanh", Y),
    ("mse", "softsign", Y),
    ("binary_cross_entropy", "sigmoid", Y),
    ("cross_entropy", "softmax", CLASSES),
]


def network(activation: str, targets: Any, backend: Backend | None = None) -> Network:
    """A network for these targets."""
    return Network(2, 4, len(targets[0]), activation=["sigmoid", activation], seed=3, backend=backend)  # type: ignore[list-item]


@pytest.mark.parametrize(("loss", "activation", "y"), HEADS)
@pytest.mark.parametrize("batch_size", [None, 1, 7])
def test_ones_change_nothing(loss: Loss, activation: str, y: Any, batch_size: int | None) -> None:
    """A weight of 1.0 is none, to the bit."""
    plain, weighted = network(activation, y), network(activation, y)
    options: dict[str, Any] = {"epochs": 5, "learning_rate": 0.1, "loss": loss, "batch_size": batch_size}
    plain.fit(X, y, **options, shuffle_seed=1)
    weighted.fit(X, y, **options, shuffle_seed=1, sample_weight=[1.0] * 40)
    assert plain == weighted
    assert plain.history is not None
    assert weighted.history is not None
    assert plain.history.loss == weighted.history.loss


@pytest.mark.parametrize(("loss", "activation", "y"), HEADS)
def test_a_weight_is_a_repetition(loss: Loss, activation: str, y: Any) -> None:
    """Twice a row is a weight of 2, but for rounding, since rows lie in other lanes; and for the number of rows."""
    net = network(activation, y)
    twice = [row for row, weight in enumerate(WEIGHTS) for _ in range(int(2 * weight))]
    rows, targets = [X[row] for row in twice], [y[row] for row in twice]
    by_weight = net.gradient(X, y, loss, [2 * weight for weight in WEIGHTS])
    share = 1.0 if loss == "half_sse" else len(rows) / len(X)
    assert by_weight == pytest.approx([share * g for g in net.gradient(rows, targets, loss)], rel=1e-12, abs=1e-15)
    figure = net.loss(X, y, loss, [2 * weight for weight in WEIGHTS])
    assert figure == pytest.approx(share * net.loss(rows, targets, loss), rel=1e-12)
    assert net.check_gradient(X, y, loss=loss, sample_weight=WEIGHTS).ok


def test_sum_of_two_rows() -> None:
    """The gradient is the weighted sum of each row's gradient: for two rows, in lanes that do not meet before it."""
    net = network("tanh", Y)
    first, second = net.gradient(X[:1], Y[:1]), net.gradient(X[1:2], Y[1:2])
    both = net.gradient(X[:2], Y[:2], sample_weight=[0.25, 4.0])  # powers of two: exact
    assert both == [0.25 * a + 4.0 * b for a, b in zip(first, second)]


def test_a_weight_goes_with_its_row_to_the_validation() -> None:
    """A share of the rows takes their weights along, and rows that are given may have weights."""
    whole, apart = network("sigmoid", Y), network("sigmoid", Y)
    options: dict[str, Any] = {"epochs": 6, "check_every": 2, "learning_rate": 0.1}
    history = whole.fit(X, Y, **options, sample_weight=WEIGHTS, validation=0.25, split_seed=5)
    order = list(range(40))
    generator = random.Random(2**64 + 5)
    for i in range(39, 0, -1):
        k = generator._randbelow(i + 1)  # type: ignore[attr-defined]
        order[i], order[k] = order[k], order[i]
    trained, measured = order[:30], order[30:]

    def rows(places: list[int]) -> tuple[Any, Any, list[float]]:
        return [X[i] for i in places], [Y[i] for i in places], [WEIGHTS[i] for i in places]

    x, y, weights = rows(trained)
    assert apart.fit(x, y, **options, sample_weight=weights, validation=rows(measured)).validation == history.validation
    assert apart == whole
    assert history.validation[-1] == apart.loss(*rows(measured)[:2], "half_sse", rows(measured)[2])


def test_sweep_with_weights() -> None:
    """A sweep takes them as the third of its data, and of its validation, to the bits of single trainings."""
    validation = (X, Y, WEIGHTS[::-1])
    options: dict[str, Any] = {"epochs": 4, "learning_rate": 0.5, "batch_size": 1, "validation": validation}
    swept = sweep(
        (2, 4, 1), (X, Y, WEIGHTS), seeds=[1, 2, 3], learning_rates=[0.5], epochs=4, batch_size=1, validation=validation
    )
    for run in swept:
        net = Network(2, 4, 1, seed=run.seed)
        history = net.fit(X, Y, **options, sample_weight=WEIGHTS)
        assert run.network == net
        assert run.history.validation == history.validation


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ([1.0] * 39, ShapeError, "sample_weight has 39 numbers, expected 40: one for each row of x"),
        ([-1.0] * 40, DataError, "sample_weight has -1.0 in row 0, expected numbers of at least 0"),
        ([float("nan")] * 40, DataError, "sample_weight has nan in row 0"),
        ("abc", DataError, "sample_weight is str"),
        ([[1.0, 2.0]] * 40, ShapeError, "sample_weight has rows of 2 numbers"),
    ],
)
def test_bad_weights(backend: Backend, weights: Any, error: type[Exception], message: str) -> None:
    """One clear error, and nothing is changed."""
    net = network("sigmoid", Y, backend)
    before = net.to_bytes()
    with pytest.raises(error, match=message):
        net.fit(X, Y, epochs=1, sample_weight=weights)
    with pytest.raises(error, match="validation sample_weight"):
        net.fit(X, Y, epochs=1, validation=(X, Y, weights))
    with pytest.raises(TypeError, match="expected a pair"):
        sweep((2, 1), (X, Y, WEIGHTS, 1), seeds=[1], epochs=1)  # type: ignore[arg-type]
    assert net.to_bytes() == before


@pytest.mark.parametrize(("loss", "activation", "y"), HEADS)
def test_trace_shows_the_way_back(backend: Backend, loss: Loss, activation: str, y: Any) -> None:
    """Each gradient of one row is the product that the trace shows, times the loss's scale (§7)."""
    net = network(activation, y, backend)
    layers = net.trace(X[0], y[0], loss)
    values: list[float] = []
    for layer in layers:
        assert layer.products is not None
        assert layer.deltas is not None
        assert all(product.value == product.input * product.delta for row in layer.products for product in row)
        values += [product.value for row in layer.products for product in row] + layer.deltas
    scale = {"mse": 2.0 / len(y[0])}.get(loss, 1.0)
    assert [0.0 + value * scale for value in values] == net.gradient(X[:1], y[:1], loss)
    assert layers[0].inputs == X[0]
    assert layers[1].inputs == layers[0].outputs
    assert [layer.outputs for layer in layers] == [layer.outputs for layer in net.trace(X[0])]


def test_trace_without_and_with_wrong_targets(backend: Backend) -> None:
    """Without targets there is no way back; wrong ones are refused."""
    net = network("softmax", CLASSES, backend)
    assert all(layer.deltas is None and layer.products is None for layer in net.trace(X[0]))
    assert isinstance(net.trace(X[0], CLASSES[0])[0].products[0][0], bitprop.Product)  # type: ignore[index]
    with pytest.raises(ShapeError, match="y has"):
        net.trace(X[0], [1.0])
    with pytest.raises(ShapeError, match="x has 2 rows"):
        net.trace(X[:2], CLASSES[:2])
    with pytest.raises(OptionError, match="loss is 'mse' with softmax outputs"):
        net.trace(X[0], CLASSES[0], "mse")
