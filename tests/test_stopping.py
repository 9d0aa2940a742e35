# SPDX-License-Identifier: MIT
"""Validation, early stopping and goals: what plain trainings and plain numbers give, on every backend."""

from __future__ import annotations

import contextlib
import csv
import math
import multiprocessing
import pickle
import random
from array import array
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bits import to_hex
from conftest import core_or_skip, kernels
from hypothesis import given, settings
from hypothesis import strategies as st

from bitprop import DataError, DivergedError, History, Network, OptionError, ShapeError, _training, datasets, sweep
from bitprop.names import BACKENDS, Backend
from bitprop.stopping import Criteria, Stopping, generalisation_loss, progress

X, Y = datasets.linear(24, 3)
HELD_OUT = datasets.linear(9, 8)
NEVER: dict[str, Any] = {"patience": None, "min_delta": 0.0, "goal": None, "stop_gl": None, "stop_progress": None}


# --- the rule, which sees numbers only ---


def judged(losses: list[float], strips: list[list[float]] | None = None, **rules: Any) -> tuple[str | None, int, int]:
    """Why it stops, at which check, and which is the best; both from 1, and 0 for none."""
    stopping = Stopping(Criteria(**{**NEVER, **rules}))
    best = 0
    for number, loss in enumerate(losses, 1):
        if stopping.check(loss, strips[number - 1] if strips else []):
            best = number
        if stopping.reason is not None:
            return stopping.reason, number, best
    return None, len(losses), best


@pytest.mark.parametrize(
    ("losses", "rules", "expected"),
    [
        ([3.0, 2.0, 2.0, 2.5, 1.0], {}, (None, 5, 5)),
        ([3.0, 2.0, 2.0, 2.5, 1.0], {"patience": 2}, ("patience", 4, 2)),
        ([3.0, 2.0, 2.0, 1.0, 1.5], {"patience": 2}, (None, 5, 4)),
        ([3.0, 2.0, 2.5, 1.1], {"patience": 2, "min_delta": 1.0}, ("patience", 3, 1)),  # 2 is not below 3 - 1
        ([3.0, 1.9, 1.5, 1.1], {"patience": 2, "min_delta": 1.0}, ("patience", 4, 2)),
        ([3.0, 2.0, 1.0], {"goal": 2.0}, ("goal", 2, 2)),
        ([3.0, 2.0, 1.9], {"goal": 1.95, "min_delta": 0.5}, ("goal", 3, 3)),  # the goal counts as the best
        ([4.0, 2.0, 3.0, 3.1], {"stop_gl": 50.0}, ("generalisation", 4, 2)),  # 100*(3/2 - 1) is not above 50
        ([0.0, 0.0, 1e-300], {"stop_gl": 1e9}, ("generalisation", 3, 1)),
        ([math.nan, math.inf, 1.0, math.nan], {"stop_gl": 5.0}, ("generalisation", 4, 3)),
        ([math.nan, math.inf, math.nan], {"patience": 3}, ("patience", 3, 0)),
    ],
)
def test_rule(losses: list[float], rules: dict[str, Any], expected: tuple[str | None, int, int]) -> None:
    """Each rule stops where its definition says."""
    assert judged(losses, **rules) == expected


def test_prechelt() -> None:
    """The figures of PROBEN1, by hand."""
    assert generalisation_loss(3.0, 2.0) == 50.0
    assert generalisation_loss(2.0, 2.0) == generalisation_loss(0.0, 0.0) == 0.0
    assert progress([4.0, 3.0, 2.0, 2.0, 1.5]) == 1000.0 * (12.5 / 7.5 - 1.0)
    assert progress([0.5] * 5) == progress([0.0] * 5) == 0.0
    assert progress([1.0, 0.0]) == math.inf
    strips = [[8.0, 4.0], [1.0, 0.999], [1.0, 0.99999]]
    assert judged([math.inf] * 3, strips, stop_progress=0.1) == ("progress", 3, 0)


# --- trainings against plain trainings ---


def trained(epochs: int, options: dict[str, Any], seed: int, backend: Backend | None = None, **more: Any) -> Network:
    """A network after so many epochs on X, Y."""
    net = Network(2, 3, 1, seed=seed, backend=backend)
    net.fit(X, Y, epochs=epochs, **options, **more)
    return net


def expected_end(
    epochs: int, check_every: int, options: dict[str, Any], seed: int, rules: dict[str, Any]
) -> tuple[list[float], int | None, str, int]:
    """The validation losses, the best epoch, why it stops, and after how many epochs: all by plain trainings."""
    rules = {**NEVER, **rules}
    losses: list[float] = []
    best: int | None = None
    for epoch in range(check_every, epochs + 1, check_every):
        net = trained(epoch, options, seed)
        losses.append(net.loss(*HELD_OUT, loss=options["loss"]))
        assert net.history is not None
        least = min((losses[check // check_every - 1] for check in [best] if check), default=math.inf)
        reached = rules["goal"] is not None and losses[-1] <= rules["goal"]
        if reached or losses[-1] < least - rules["min_delta"]:
            best, least = epoch, losses[-1]
        strip = net.history.sse[-check_every:]
        if reached:
            return losses, best, "goal", epoch
        if rules["stop_gl"] is not None and 100 * (losses[-1] / least - 1) > rules["stop_gl"]:
            return losses, best, "generalisation", epoch
        if rules["patience"] is not None and best is not None and epoch - best >= rules["patience"] * check_every:
            return losses, best, "patience", epoch
        if rules["stop_progress"] is not None and progress(strip) < rules["stop_progress"]:
            return losses, best, "progress", epoch
    return losses, best, "epochs", epochs


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """A training that may stop early, cut into slices of any size."""
    check_every = draw(st.integers(2, 5))
    rules: dict[str, Any] = {
        "patience": draw(st.none() | st.integers(1, 3)),
        "min_delta": draw(st.sampled_from([0.0, 1e-3, 0.05])),
        "goal": draw(st.none() | st.floats(0.01, 1.0)),
        "stop_gl": draw(st.none() | st.sampled_from([0.0, 0.5, 5.0])),
        "stop_progress": draw(st.none() | st.sampled_from([0.5, 5.0, 50.0])),
    }
    options: dict[str, Any] = {
        "learning_rate": draw(st.sampled_from([0.1, 1.0, 8.0])),
        "batch_size": draw(st.none() | st.integers(1, 24)),
        "shuffle_seed": draw(st.none() | st.integers(0, 9)),
        "loss": draw(st.sampled_from(["half_sse", "mse"])),
    }
    return {
        "epochs": draw(st.integers(0, 14)),
        "check_every": check_every,
        "rules": rules,
        "options": options,
        "seed": draw(st.integers(0, 99)),
        "budget": draw(st.sampled_from([1, 7, 30, 10**6])),
    }


@pytest.mark.filterwarnings("ignore::bitprop.TrainingHint")  # nothing is meant to be learnt here
@settings(max_examples=40)
@given(case=cases())
def test_every_backend_and_slicing(case: dict[str, Any]) -> None:
    """Checks change no bit of a training, and every backend, kernel and slicing stops at the same epoch."""
    options, seed, rules = case["options"], case["seed"], case["rules"]
    losses, best, reason, end = expected_end(case["epochs"], case["check_every"], options, seed, rules)
    keeps_best = rules["patience"] is not None or rules["stop_gl"] is not None
    plain = trained(best if keeps_best and best is not None else end, options, seed)
    whole = trained(end, options, seed)
    assert whole.history is not None
    for backend, kernel in [*((name, "auto") for name in BACKENDS), *(("cffi", name) for name in kernels()[:-1])]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BITPROP_KERNEL", "auto" if backend == "python" else kernel)
            patch.setattr(_training, "FIRST_BUDGET", case["budget"] * 13)
            patch.setattr(_training, "SLICE", 1e-12)
            checks: dict[str, Any] = {"validation": HELD_OUT, "check_every": case["check_every"], **rules}
            try:
                core_or_skip(backend, kernel)
            except pytest.skip.Exception:
                continue
            net = trained(case["epochs"], options, seed, backend, **checks)
        history = net.history
        assert history is not None
        assert to_hex(history.validation) == to_hex(losses)
        assert (history.best_epoch, history.stopped, history.trained) == (best, reason, end)
        assert to_hex(history.sse) == to_hex(whole.history.sse)
        assert net.to_bytes() == plain.to_bytes()


def test_epoch_numbers(backend: Backend) -> None:
    """A validation of n is measured after n epochs: with the parameters of which epoch n's error is logged."""
    net = Network(2, 3, 1, seed=1, backend=backend)
    history = net.fit(X, Y, epochs=7, loss="mse", validation=(X, Y), check_every=3)
    assert history.validation_epochs == [3, 6]
    assert history.validation == [history.mse[3], history.mse[6]]
    assert (history.stopped, history.trained, history.best_epoch) == ("epochs", 7, 6)
    assert net == trained(7, {"loss": "mse"}, 1)  # a validation alone only measures


def test_goal_without_validation(backend: Backend) -> None:
    """The goal is then one of the rows that are trained on, with the parameters that the network has."""
    plain = Network(2, 3, 1, seed=1).fit(X, Y, epochs=200, loss="mse").mse
    net = Network(2, 3, 1, seed=1, backend=backend)
    history = net.fit(X, Y, epochs=200, loss="mse", goal=plain[150], check_every=4)
    end = next(epoch for epoch in range(4, 200, 4) if plain[epoch] <= plain[150])
    assert (history.stopped, history.trained, history.validation, history.best_epoch) == ("goal", end, [], None)
    assert net.loss(X, Y) == plain[end] <= plain[150]


@pytest.mark.parametrize(("share", "rows", "last"), [(0.2, 24, 5), (0.29, 100, 29), (0.5, 3, 2), (0.25, 2, 1)])
def test_share(backend: Backend, share: float, rows: int, last: int) -> None:
    """A share is the last rows of a shuffle from the seed 2^64 + split_seed, as the documentation defines it."""
    x, y = datasets.linear(rows, 5)
    generator, order = random.Random(2**64 + 11), list(range(rows))
    for i in range(rows - 1, 0, -1):
        while (k := generator.getrandbits((i + 1).bit_length())) > i:
            pass
        order[i], order[k] = order[k], order[i]
    parts = [
        ([x[place] for place in places], [y[place] for place in places]) for places in (order[:-last], order[-last:])
    ]
    split, whole = (Network(2, 3, 1, seed=2, backend=backend) for _ in range(2))
    options: dict[str, Any] = {"epochs": 30, "patience": 3, "check_every": 2, "batch_size": 4}
    found = split.fit(np.array(x), np.array(y), validation=share, split_seed=11, **options)
    expected = whole.fit(*parts[0], validation=parts[1], **options)
    assert len(parts[1][0]) == last
    assert to_hex(found.validation) == to_hex(expected.validation)
    assert to_hex(found.mse) == to_hex(expected.mse)
    assert split == whole


def test_callback(backend: Backend) -> None:
    """It is called after every logged epoch, also at a check; what stops by itself says so; the best comes back."""
    seen: list[int] = []
    net = Network(2, 3, 1, seed=1, backend=backend)
    options: dict[str, Any] = {"validation": HELD_OUT, "check_every": 2, "log_every": 3}
    history = net.fit(X, Y, epochs=20, goal=1e9, callback=lambda epoch, _: seen.append(epoch), **options)
    assert (history.stopped, history.trained, seen) == ("goal", 2, [0])
    seen.clear()
    net = Network(2, 3, 1, seed=1, backend=backend)

    def stop(epoch: int, mse: float) -> bool:
        seen.append(epoch)
        return epoch == 9

    history = net.fit(X, Y, epochs=20, patience=99, callback=stop, **options)
    assert (history.stopped, history.trained, seen) == ("callback", 10, [0, 3, 6, 9])
    assert history.validation_epochs == [2, 4, 6, 8, 10]
    assert history.best_epoch is not None
    assert net == trained(history.best_epoch, {}, 1)

    def fail(epoch: int, mse: float) -> None:
        if epoch == 9:
            raise KeyError("mine")

    net = Network(2, 3, 1, seed=1, backend=backend)
    with pytest.raises(KeyError):
        net.fit(X, Y, epochs=20, patience=99, callback=fail, **options)
    assert net == trained(10, {}, 1)  # the last whole epoch, not the best
    assert net.history is not None
    assert (net.history.stopped, len(net.history.validation)) == (None, 5)


@pytest.mark.filterwarnings("ignore::bitprop.TrainingHint")
def test_divergence(backend: Backend) -> None:
    """It leaves the network at the start of the epoch that diverged, whatever check was the best."""
    data: Any = [[1.0], [2.0]], [[1.0], [2.5]]
    options: dict[str, Any] = {"epochs": 10**5, "learning_rate": 10.0}
    nets = [Network(1, 1, activation="identity", bias=False, seed=1, backend=backend) for _ in range(2)]
    with pytest.raises(DivergedError) as plain:
        nets[0].fit(*data, **options)
    with pytest.raises(DivergedError) as caught:
        nets[1].fit(*data, validation=data, patience=10**6, check_every=3, **options)
    assert caught.value.epoch == plain.value.epoch
    assert nets[0] == nets[1]
    assert nets[1].history is not None
    assert (nets[1].history.stopped, nets[1].history.trained) == (None, caught.value.epoch)


# --- sweeps ---


def end_of(net: Network, history: History) -> tuple[Any, ...]:
    """All that a training leaves, as bits."""
    ends = history.stopped, history.best_epoch, history.trained, history.validation_epochs, history.epochs
    return (*ends, to_hex(net.parameters), to_hex(history.validation), to_hex(history.sse))


@pytest.mark.filterwarnings("ignore::bitprop.TrainingHint")
@pytest.mark.parametrize("validation", [(X[:7], Y[:7]), 0.3, None], ids=["rows", "share", "none"])
@pytest.mark.parametrize("by_seed", [False, True])
def test_sweep(backend: Backend, validation: Any, by_seed: bool) -> None:
    """Each of the trainings stops alone, as the same `fit`, beside others that go on or diverge."""

    def data(seed: int) -> Any:
        return datasets.linear(10 + seed, seed)

    options: dict[str, Any] = {"goal": 0.9, "check_every": 3, "log_every": 1, "stop_progress": 1.0}
    if validation is not None:
        options.update(validation=validation, patience=2, goal=0.5)
    seeds, rates = range(3 if backend == "python" else 9), (1.0, 30.0, 1e305)
    epochs = 20 if backend == "python" else 60
    given = data if by_seed else (X, Y)
    shape: dict[str, Any] = {"activation": ["tanh", "identity"], "backend": backend}
    found = sweep((2, 3, 1), given, seeds=seeds, learning_rates=rates, epochs=epochs, **shape, **options)
    reasons = set()
    for run in found:
        net = Network(2, 3, 1, seed=run.seed, **shape)
        with contextlib.suppress(DivergedError):
            net.fit(*(data(run.seed) if by_seed else (X, Y)), epochs=epochs, learning_rate=run.learning_rate, **options)
        assert net.history is not None
        assert run.network is not None
        assert end_of(run.network, run.history) == end_of(net, net.history)
        reasons.add(run.history.stopped)
    assert len(reasons) > 1


def test_sweep_elsewhere(tmp_path: Path) -> None:
    """What stops, stops in other processes too, and the CSV file has why and where; old columns stay in front."""
    options: dict[str, Any] = {
        "seeds": range(4),
        "epochs": 40,
        "validation": 0.25,
        "patience": 1,
        "learning_rates": [9],
    }
    here = sweep((2, 3, 1), (X, Y), **options)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        there = sweep((2, 3, 1), (X, Y), executor=executor, **options)
    ends = [end_of(run.network, run.history) for run in here if run.network is not None]
    assert ends == [end_of(run.network, run.history) for run in there if run.network is not None]
    assert "patience" in [run.history.stopped for run in here]
    here.to_csv(tmp_path / "sweep.csv")
    with open(tmp_path / "sweep.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["seed", "learning_rate", "final_mse", "error", "stopped", "best_epoch"]
    assert [(row["stopped"], int(row["best_epoch"])) for row in rows] == [
        (run.history.stopped, run.history.best_epoch) for run in here
    ]


def test_sweep_of_few_rows() -> None:
    """A share that takes none, or all, of one seed's rows is that seed's failure."""

    def data(seed: int) -> Any:
        return datasets.linear(seed, seed)

    found = sweep((2, 1), data, seeds=[1, 9], epochs=2, validation=0.25)
    assert [type(error) for error in found.errors] == [ShapeError, type(None)]


# --- histories ---


@pytest.fixture
def history() -> History:
    """Of 20 epochs, each even one logged and each fifth checked."""
    return Network(2, 3, 1, seed=1).fit(X, Y, epochs=20, log_every=2, validation=HELD_OUT, check_every=5)


def test_table(history: History) -> None:
    """The validation follows the loss of the same parameters."""
    lines = history.table(2).splitlines()
    assert lines[4] == f"epoch : 8 Loss : {history.mse[4]:.16f}"
    assert lines[5] == f"epoch : 10 Loss : {history.mse[5]:.16f} Validation half_sse : {history.validation[1]:.16f}"
    assert len(lines) == 10


def test_csv(history: History, tmp_path: Path) -> None:
    """A row for each epoch that was logged or checked; without a validation the columns are as ever."""
    history.to_csv(tmp_path / "losses.csv")
    with open(tmp_path / "losses.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [0, 2, 4, 5, 6, 8, 10, 12, 14, 15, 16, 18, 20]
    assert [float(row["mse"]) for row in rows if row["mse"]] == history.mse
    assert [float(row["sse"]) for row in rows if row["sse"]] == history.sse
    assert [float(row["validation"]) for row in rows if row["validation"]] == history.validation
    Network(2, 1).fit(X, Y, epochs=1, goal=0.0).to_csv(tmp_path / "plain.csv")
    assert (tmp_path / "plain.csv").read_text(encoding="utf-8").startswith("epoch,mse,sse\n")


def test_plot(history: History, tmp_path: Path) -> None:
    """Both curves, and the best check."""
    pytest.importorskip("matplotlib")
    axes = history.plot(tmp_path / "losses.png").axes[0]
    curves = {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines}
    assert history.best_epoch is not None
    assert curves == {
        "mse": (history.epochs, history.mse),
        "validation, half_sse": (history.validation_epochs, history.validation),
        "best validation": ([history.best_epoch], [min(history.validation)]),
    }
    assert axes.get_ylabel() == "loss"


def test_pickles(history: History) -> None:
    """A history keeps its validation, and one that was pickled before there were any can be read."""
    again = pickle.loads(pickle.dumps(history))
    assert vars(again) == vars(history)
    old = History.__new__(History)
    old.__dict__.update(_log_every=1, _skipped=0, _terms=2.0, _logged=array("d", [1.0]), stopped="epochs")
    assert (old.validation, old.validation_epochs, old.best_epoch, old.mse) == ([], [], None, [0.5])
    assert str(pickle.loads(pickle.dumps(old))) == "epoch : 0 Loss : 0.5000000000000000"


# --- bad input ---


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"validation": 0.0},
            OptionError,
            r"validation is 0.0, expected a pair \(x, y\), or \(x, y, sample_weight\), or a share of the rows",
        ),
        ({"validation": 1}, OptionError, "validation is 1, expected a pair"),
        ({"validation": math.nan}, OptionError, "validation is nan, expected a pair"),
        ({"validation": "0.2"}, TypeError, "validation is '0.2', expected a pair"),
        ({"validation": True}, TypeError, "validation is True, expected a pair"),
        ({"validation": (X, Y, Y, Y)}, TypeError, "expected a pair"),
        ({"validation": (X, Y, X)}, ShapeError, "validation sample_weight has rows of 2 numbers"),
        ({"validation": 0.01}, ShapeError, "validation is 0.01, which takes 0 of 24 rows, expected one or more"),
        ({"validation": 0.99}, ShapeError, "validation is 0.99, which takes 24 of 24 rows"),
        ({"validation": (X, Y[:3])}, ShapeError, "validation y has 3 rows, expected 24, as many as validation x"),
        ({"validation": ([[1.0]], [1.0])}, ShapeError, "validation x has rows of 1 number, expected rows of 2"),
        ({"validation": ([[1.0, math.nan]], [1.0])}, DataError, "validation x has nan in row 0, column 1"),
        ({"validation": 0.2, "patience": 0}, OptionError, "patience is 0, expected at least 1"),
        ({"validation": 0.2, "patience": 1.5}, TypeError, "patience is 1.5, expected a whole number"),
        ({"validation": 0.2, "check_every": 0}, OptionError, "check_every is 0, expected at least 1"),
        (
            {"validation": 0.2, "min_delta": -1.0},
            OptionError,
            "min_delta is -1.0, expected a finite number of at least 0",
        ),
        ({"validation": 0.2, "stop_gl": math.inf}, OptionError, "stop_gl is inf, expected a finite number"),
        ({"validation": 0.2, "split_seed": -1}, OptionError, "split_seed is -1"),
        ({"goal": math.nan}, OptionError, "goal is nan, expected a finite number of at least 0"),
        ({"goal": "low"}, TypeError, "goal is 'low', expected a number"),
        ({"patience": 3}, OptionError, "patience is 3, which has no effect alone: expected validation with it"),
        ({"goal": 0.1, "stop_gl": 5}, OptionError, "stop_gl is 5.0, which has no effect alone: expected validation"),
        ({"min_delta": 0.1}, OptionError, "min_delta is 0.1, which has no effect alone: expected validation"),
        ({"check_every": 2}, OptionError, "check_every is 2, which has no effect alone: expected validation, goal or"),
        (
            {"split_seed": 2, "validation": HELD_OUT},
            OptionError,
            "split_seed is 2, which has no effect alone: expected a",
        ),
        ({"stop_progress": 0.1}, OptionError, "check_every is 1, expected 2 or more with stop_progress"),
        ({"stop_progress": 0.1, "check_every": 5, "log_every": 2}, OptionError, "log_every is 2, expected 1 with"),
    ],
    ids=str,
)
def test_bad_input(options: dict[str, Any], error: type[Exception], message: str) -> None:
    """What is wrong, or has no effect, is one clear error of `fit` and of `sweep`, before anything is trained."""
    net = Network(2, 3, 1, seed=1)
    before = net.to_bytes()
    with pytest.raises(error, match=message):
        net.fit(X, Y, epochs=3, **options)
    assert net.to_bytes() == before
    with pytest.raises(error, match=message):
        sweep((2, 3, 1), (X, Y), seeds=[1], epochs=3, **options)
