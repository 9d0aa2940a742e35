# SPDX-License-Identifier: MIT
"""What notebooks show: well-formed HTML with the figures of the objects, escaped, that loads nothing from elsewhere."""

from __future__ import annotations

import math
from typing import Any

import pytest
from html_reader import Reader

from bitprop import Network, datasets, html_parts, sweep
from bitprop.gradient_check import GradientCheck, GradientRow
from bitprop.sweep_configurations import text_of

pytestmark = pytest.mark.filterwarnings("ignore::bitprop.TrainingHint")
X, Y = datasets.xor()


def read(shown: Any) -> Reader:
    """The HTML of an object, read; it names no resource."""
    text = shown if isinstance(shown, str) else shown._repr_html_()
    reader = Reader(text)
    assert "http" not in text
    assert [name for _, name, _ in reader.attributes if name in ("src", "href", "style", "onload")] == []
    return reader


def test_network() -> None:
    """A line for each layer, with its sizes, the repr, and the fingerprint."""
    net = Network(2, 5, 3, 1, activation=["tanh", "relu", "sigmoid"])
    reader = read(net)
    assert reader.cells == [
        ["layer", "inputs", "nodes", "activation", "weights", "biases"],
        ["1", "2", "5", "tanh", "10", "5"],
        ["2", "5", "3", "relu", "15", "3"],
        ["3", "3", "1", "sigmoid", "3", "1"],
    ]
    assert repr(net) in reader.text
    assert net.fingerprint() in reader.text
    assert [row[5] for row in read(Network(2, 2, 1, bias=False)).cells[1:]] == ["0", "0"]
    net.parameters[0] = math.nan
    assert net.fingerprint() in read(net).text


def test_history() -> None:
    """How it ended, the curve, and at most 20 losses; a validation has a column."""
    net = Network(2, 3, 1)
    history = net.fit(X, Y, epochs=100)
    reader = read(history)
    assert "100 epochs, stopped by epochs" in reader.text
    assert reader.cells[0] == ["epoch", "mse"]
    assert reader.cells[1:] == [[str(epoch), f"{history.mse[epoch]:.6g}"] for epoch in range(0, 100, 5)]
    [points] = [value for tag, name, value in reader.attributes if (tag, name) == ("polyline", "points")]
    assert points is not None
    places = [tuple(map(float, point.split(","))) for point in points.split(" ")]
    assert all(0 <= x <= html_parts.WIDTH and 0 <= y <= html_parts.HEIGHT for x, y in places)
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    history = net.fit(X, Y, epochs=30, validation=0.2, check_every=10)
    cells = read(history).cells
    assert cells[0] == ["epoch", "mse", "validation, half_sse"]
    assert [row[2] for row in cells if row[0] == "10"] == [f"{history.validation[0]:.6g}"]
    assert [row[2] for row in cells if row[0] == "2"] == [""]


@pytest.mark.parametrize("epochs", [0, 1])
def test_short_histories(epochs: int) -> None:
    """Without two losses there is no curve."""
    reader = read(Network(2, 3, 1).fit(X, Y, epochs=epochs))
    assert len(reader.cells) == 1 + epochs
    assert "polyline" not in [tag for tag, _, _ in reader.attributes]


def test_curve_keeps_peaks() -> None:
    """Of many values in a column of pixels the greatest and the least are drawn; equal or few ones are no error."""
    values = [1.0] * 100_000
    values[54_321] = 1e6
    low, high = html_parts.HEIGHT - html_parts.EDGE, html_parts.EDGE
    text = html_parts.curve(values, "a")
    assert f",{high:.1f} " in text
    assert f",{low:.1f} " in text
    assert len(text) < 10_000
    assert f",{html_parts.HEIGHT / 2:.1f}" in html_parts.curve([2.0, 2.0], "a")
    assert html_parts.curve([0.0, 1.0, math.nan, math.inf], "a") == ""


def test_sweep_result() -> None:
    """A line for each configuration with its options and figures; of very many, the first and how many there are."""
    grid = {"rule": ["descent", "rprop"], "bias": [False, True]}
    result = sweep((2, 3, 1), (X, Y), seeds=range(4), epochs=30, grid=grid)
    cells = read(result).cells
    assert cells[0][:6] == ["learning_rate", "rule", "bias", "trainings", "below 0.01", "failed"]
    for row, line in zip(cells[1:], result.table()):
        assert row[1:3] == [line["rule"], text_of(line["bias"])]
        assert row[3:] == [
            *(str(line[name]) for name in ("trainings", "solved", "failed")),
            *(f"{value:.6g}" for value in line["quantiles"].values()),
        ]
    assert len(cells) == 5
    many = sweep((2, 3, 1), (X, Y), seeds=[0], epochs=1, learning_rates=[n / 10 for n in range(30)])
    reader = read(many)
    assert len(reader.cells) == 21
    assert "30 trainings" in reader.text
    assert "20 of 30 configurations" in reader.text


def test_gradient_check() -> None:
    """The verdict, and the largest errors first, kinks last."""
    net = Network(2, 3, 1)
    check = net.check_gradient(X, Y)
    reader = read(check)
    assert check.verdict in reader.text
    assert check.verdict in str(check)
    assert len(reader.cells) == 1 + len(check)
    errors = [float(row[3]) for row in reader.cells[1:]]
    assert errors == sorted(errors, reverse=True)
    rows = [GradientRow(f"w{n}", 1.0, 1.0, n / 1e9, False) for n in range(30)]
    rows += [GradientRow("nan", 1.0, math.nan, math.nan, False), GradientRow("at_kink", 1.0, math.nan, math.nan, True)]
    reader = read(GradientCheck(rows))
    assert "DO NOT AGREE" in reader.text
    assert "the 20 largest of 32 errors" in reader.text
    assert [row[0] for row in reader.cells[1:4]] == ["nan", "w29", "w28"]
    assert [row[3] for row in read(GradientCheck(rows[-1:])).cells[1:]] == ["kink"]


def test_text_is_escaped() -> None:
    """Text stays text: in a cell, a head, a caption, a paragraph and a title."""
    evil = "<script>alert('&\"')</script>\udcff"
    for text in (
        html_parts.table([evil], [[evil]], evil),
        html_parts.paragraph(evil),
        html_parts.curve([1.0, 2.0], evil),
    ):
        reader = read(text)
        assert "<script" not in text
        assert "<script>alert('&\"')</script>\\udcff" in reader.text + "".join(
            cell for row in reader.cells for cell in row
        )
