# SPDX-License-Identifier: MIT
"""Cross-entropies with their outputs: what is refused, what they give, and what histories and sweeps have of them."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any

import pytest
from bits import to_hex

from bitprop import ModelFileError, Network, OptionError, sweep
from bitprop.cli.plot import KINDS
from bitprop.names import PARTNERS, Activation, Backend, Loss

X = [[0.1, 0.2], [0.9, 0.3], [0.4, 0.8], [0.2, 0.9], [0.8, 0.8]]
CLASSES = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.5, 0.5], [0.25, 0.25, 0.5]]
PAIRS: list[tuple[Activation, Loss]] = [(last, loss) for loss, last in PARTNERS.items()]


def classifier(last: Activation, backend: Backend | None = None) -> Network:
    """Of three outputs."""
    return Network(2, 4, 3, activation=["tanh", last], seed=3, backend=backend)


@pytest.mark.parametrize(
    ("last", "loss", "expected"),
    [
        ("softmax", "mse", "loss is 'mse' with softmax outputs, expected cross_entropy"),
        ("softmax", "binary_cross_entropy", "expected cross_entropy, or sigmoid outputs"),
        ("sigmoid", "cross_entropy", "expected half_sse, sse, half_mse, mse, binary_cross_entropy, or softmax outputs"),
        ("tanh", "binary_cross_entropy", "expected half_sse, sse, half_mse, mse, or sigmoid outputs"),
    ],
)
def test_wrong_pairs(backend: Backend, last: Activation, loss: Loss, expected: str) -> None:
    """A loss that does not go with the outputs is refused with the partners of both, before anything is changed."""
    net = classifier(last, backend)
    before = net.to_bytes()
    calls: list[Any] = [
        lambda: net.fit(X, CLASSES, epochs=1, loss=loss),
        lambda: net.loss(X, CLASSES, loss),
        lambda: net.gradient(X, CLASSES, loss),
        lambda: net.check_gradient(X, CLASSES, loss=loss),
        lambda: sweep((2, 3), (X, CLASSES), seeds=[1], epochs=1, loss=loss, activation=last),
    ]
    for call in calls:
        with pytest.raises(OptionError) as caught:
            call()
        assert str(caught.value).endswith(expected)
    assert net.to_bytes() == before


def test_softmax_is_last() -> None:
    """Softmax is refused in a hidden layer, by name and in bytes."""
    for activation in ("softmax", ["softmax", "softmax"], ["softmax", "sigmoid"]):
        with pytest.raises(OptionError, match="softmax is given for layer 1 of 2, expected it for the last one only"):
            Network(2, 3, 2, activation=activation)  # type: ignore[arg-type]  # one is a list
    assert Network(2, 2, activation="softmax").activations == ("softmax",)
    with pytest.raises(ModelFileError):
        Network.from_bytes(classifier("softmax").to_bytes()[:-4] + bytes(4))


def test_probabilities(backend: Backend) -> None:
    """The outputs of softmax sum to 1, and stay finite where exponentials would overflow."""
    net = classifier("softmax", backend)
    for factor in (1.0, 1e3):
        net.parameters[:] = array("d", [factor * weight for weight in net.parameters])
        for row in net.predict(X):
            assert all(0.0 <= share <= 1.0 for share in row)
            assert math.isclose(math.fsum(row), 1.0, rel_tol=1e-15)
        assert 0.0 < net.loss(X, CLASSES, "cross_entropy") < 1e6


@pytest.mark.parametrize("x", [-1000.0, -37.0, 0.0, 20.0, 1000.0])
@pytest.mark.parametrize("target", [0.0, 0.25, 1.0])
def test_figures(backend: Backend, x: float, target: float) -> None:
    """The cross-entropy of one sigmoid, and that of a softmax beside 0, are Python's to the last digits."""
    expected = max(x, 0.0) - x * target + math.log1p(math.exp(-abs(x)))
    one = Network(1, 1, bias=False, backend=backend)
    one.parameters[0] = x
    two = Network(1, 2, activation="softmax", bias=False, backend=backend)
    two.parameters[:] = array("d", [x, 0.0])
    assert math.isclose(one.loss([1.0], [target], "binary_cross_entropy"), expected, rel_tol=1e-15, abs_tol=1e-307)
    found = two.loss([[1.0]], [[target, 1.0 - target]], "cross_entropy")
    assert math.isclose(found, expected, rel_tol=1e-15, abs_tol=1e-15)  # log S, whose S is rounded beside 1


@pytest.mark.parametrize(("last", "loss"), PAIRS)
def test_training(backend: Backend, last: Activation, loss: Loss, tmp_path: Path) -> None:
    """It learns; the history has the loss of the epochs' starts, as `loss` measures it, and no squared error."""
    net = classifier(last, backend)
    seen = []
    first = net.loss(X, CLASSES, loss)
    history = net.fit(X, CLASSES, epochs=60, loss=loss, callback=lambda epoch, value: seen.append(value))
    assert history.loss == seen
    assert to_hex(history.loss[:1]) == to_hex([first])
    assert net.loss(X, CLASSES, loss) < 0.8 * first
    assert math.isclose(history.errors[0], 5.0 * first, rel_tol=1e-15)
    assert str(history).startswith(f"epoch : 0 Loss : {first:.16f}")
    for name in ("mse", "sse"):
        with pytest.raises(AttributeError, match=f"a training by a cross-entropy has no {name}, but loss"):
            getattr(history, name)
    history.to_csv(tmp_path / "losses.csv")
    with open(tmp_path / "losses.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == KINDS[1][2]
    assert [float(row[1]) for row in rows[1:]] == history.loss


@pytest.mark.parametrize(("last", "loss"), PAIRS)
def test_gradient_check(backend: Backend, last: Activation, loss: Loss) -> None:
    """The gradient is that of the loss; the check takes the only loss of softmax by itself."""
    net = classifier(last, backend)
    assert net.check_gradient(X, CLASSES, loss=loss).ok
    assert net.check_gradient(X, CLASSES).ok


@pytest.mark.parametrize(("last", "loss"), PAIRS)
@pytest.mark.parametrize("batch_size", [None, 1])
def test_sweep(last: Activation, loss: Loss, batch_size: int | None, tmp_path: Path) -> None:
    """Each training has the bits of a single one, and its final loss."""
    result = sweep(
        (2, 4, 3),
        (X, CLASSES),
        seeds=range(5),
        epochs=7,
        loss=loss,
        activation=["tanh", last],
        batch_size=batch_size,
    )
    for run in result:
        net = Network(2, 4, 3, activation=["tanh", last], seed=run.seed)
        history = net.fit(X, CLASSES, epochs=7, loss=loss, batch_size=batch_size)
        assert run.network == net
        assert run.final_loss == net.loss(X, CLASSES, loss)
        assert run.history.loss == history.loss[-1:]
    with pytest.raises(AttributeError, match="has no final_mse, but final_loss"):
        _ = result.final_mse
    assert result.solved(10.0) == 5
    result.to_csv(tmp_path / "sweep.csv")
    assert (tmp_path / "sweep.csv").read_text(encoding="utf-8").splitlines()[0].split(",") == [
        *KINDS[3][2],
        *KINDS[3][3],
    ]


@pytest.mark.parametrize(("last", "loss"), PAIRS)
def test_early_stopping(backend: Backend, last: Activation, loss: Loss, tmp_path: Path) -> None:
    """Checks measure the cross-entropy of the validation; the best parameters are kept; a sweep stops as alike."""
    options: dict[str, Any] = {"epochs": 400, "loss": loss, "validation": (X[:2], CLASSES[3:]), "patience": 3}
    net = classifier(last, backend)
    history = net.fit(X, CLASSES, **options, check_every=2)
    assert history.stopped == "patience"
    assert history.measure == loss
    assert history.best_epoch is not None
    best = min(history.validation)
    assert history.validation_epochs[history.validation.index(best)] == history.best_epoch
    assert history.trained == history.best_epoch + 6
    assert net.loss(X[:2], CLASSES[3:], loss) == best
    again = classifier(last, backend)
    again.fit(X, CLASSES, epochs=history.best_epoch, loss=loss)
    assert to_hex(again.parameters) == to_hex(net.parameters)
    history.to_csv(tmp_path / "losses.csv")
    assert (tmp_path / "losses.csv").read_text(encoding="utf-8").startswith("epoch,loss,error,validation\n")
    [run] = sweep((2, 4, 3), (X, CLASSES), seeds=[3], activation=["tanh", last], **options, check_every=2)
    assert run.network == net
    assert run.history.validation == history.validation
    assert run.final_loss == net.loss(X, CLASSES, loss)


@pytest.mark.parametrize(("last", "loss"), PAIRS)
def test_goal_and_progress(backend: Backend, last: Activation, loss: Loss) -> None:
    """A goal is one of the cross-entropy of the rows that are trained on; progress reads their errors."""
    net = classifier(last, backend)
    goal = 0.9 * net.loss(X, CLASSES, loss)
    history = net.fit(X, CLASSES, epochs=400, loss=loss, goal=goal)
    assert history.stopped == "goal"
    assert net.loss(X, CLASSES, loss) <= goal < history.loss[-1]
    net = classifier(last, backend)
    history = net.fit(X, CLASSES, epochs=400, loss=loss, check_every=5, stop_progress=5.0)
    assert history.stopped == "progress"
    assert history.trained < 400


def test_pictures(tmp_path: Path) -> None:
    """Curves of a cross-entropy are labelled as such, also with a validation, which is one too."""
    pytest.importorskip("matplotlib")
    for validation in (None, 0.4):
        net = classifier("softmax")
        history = net.fit(X, CLASSES, epochs=9, loss="cross_entropy", validation=validation)
        axes = history.plot().axes[0]
        assert axes.get_ylabel() == "cross-entropy"
        labels = ["loss"] if validation is None else ["loss", "validation, cross_entropy", "best validation"]
        assert [line.get_label() for line in axes.get_lines()] == labels
        history.to_csv(tmp_path / "h.csv")
        subprocess.run([sys.executable, "-m", "bitprop", "plot", "h.csv"], check=True, cwd=tmp_path)
        assert (tmp_path / "h.png").exists()


def test_command(tmp_path: Path) -> None:
    """The command trains, sweeps, predicts and checks with a cross-entropy."""
    lines = [",".join(map(str, [*x, *y])) for x, y in zip(X, CLASSES)]
    (tmp_path / "d.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shape = ["--sizes", "2-4-3", "--activation", "tanh,softmax"]

    def run(*arguments: str) -> Any:
        command = [sys.executable, "-m", "bitprop", *arguments, "--json"]
        found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
        return json.loads(found.stdout)

    trained = run("train", "d.csv", *shape, "--epochs", "20", "--loss", "cross_entropy", "--save", "m.json")
    assert trained["final_loss"] < trained["loss"][0]
    assert run("predict", "m.json", "d.csv")["loss"] == trained["final_loss"]
    assert run("gradcheck", "d.csv", *shape)["ok"]
    swept = run("sweep", "d.csv", *shape, "--epochs", "20", "--loss", "cross_entropy", "--seeds", "2")
    assert swept["trainings"][0]["final_loss"] == trained["final_loss"]
