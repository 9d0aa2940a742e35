# SPDX-License-Identifier: MIT
"""sweep(grid=...): every combination has the bits of its single fit; what makes no sense is said before any work."""

from __future__ import annotations

import contextlib
import csv
import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from bits import to_hex
from conftest import core_or_skip
from hypothesis import given
from hypothesis import strategies as st

from bitprop import DivergedError, Network, OptionError, Run, ShapeError, SweepResult, datasets, plots, sweep
from bitprop.names import INITS, LEARNING_RATES, RULE_OPTIONS, Backend
from bitprop.sweep_configurations import ALIKE, FIT_NAMES, GRID_NAMES, NETWORK_NAMES, entry, text_of

DATA = datasets.linear(24, seed=4)
NETWORK = ("activation", "bias", "init")


def single(run: Run, data: Any, epochs: int, sizes: tuple[int, ...] = (2, 3, 1), **common: Any) -> Network:
    """The network of the single `fit` with the options of a sweep's run."""
    options = {**common, **run.options}
    network = {name: options.pop(name) for name in NETWORK if name in options}
    net = Network(*options.pop("sizes", sizes), seed=run.seed, backend=options.pop("backend", None), **network)
    if options.get("rule") in ("rprop", "levenberg_marquardt"):
        options.pop("learning_rate", None)
    else:
        options.setdefault("learning_rate", run.learning_rate)
    with contextlib.suppress(DivergedError):
        net.fit(*data, epochs=epochs, **options)
    return net


def same(run: Run, net: Network) -> bool:
    """Whether the run has the bits of the network, its history and its validation."""
    history = net.history
    assert history is not None
    assert run.network is not None
    ends = [(one.stopped, one.trained, one.best_epoch) for one in (run.history, history)]
    logged = [to_hex(one.errors) + to_hex(one.validation) for one in (run.history, history)]
    return run.network == net and ends[0] == ends[1] and logged[0] == logged[1]


GRIDS: dict[str, tuple[Mapping[str, Any], dict[str, Any]]] = {
    "shapes": (
        {"sizes": [(2, 1), (2, 3, 1), [2, 4, 4, 1]], "activation": ["tanh", "sigmoid"], "bias": [True, False]},
        {},
    ),
    "initial weights": ({"init": INITS, "activation": [["tanh", "sigmoid"], "softsign"]}, {}),
    "rules": ({"rule": ["adam", "rprop", "momentum"], "batch_size": [None, 1, 7], "weight_decay": [0.0, 0.01]}, {}),
    "rates": ({"learning_rate": [1, 0.5, [0.5, 0.4, 0.3, 0.2, 0.1, 0.05]], "shuffle_seed": [None, 3]}, {}),
    "losses": ({"loss": ["half_sse", "mse", "binary_cross_entropy"]}, {}),
    "steps of rprop": ({"first_step": [0.1, (0.05, 0.2)], "step_max": [50.0, 0.1]}, {"rule": "rprop"}),
    "validation": (
        {"validation": [0.25, 0.5], "split_seed": [0, 7], "patience": [None, 1]},
        {"check_every": 2, "learning_rates": [1.0, 0.3]},
    ),
    "progress": ({"stop_progress": [None, 5.0]}, {"check_every": 2, "goal": 0.0}),
}


@pytest.mark.parametrize("name", GRIDS)
def test_bits_of_single_fits(backend: Backend, name: str) -> None:
    """Every combination, in the order of the grid, the seeds and the rates, ends as its single `fit`."""
    grid, common = GRIDS[name]
    rates = common.get("learning_rates", [None])
    sizes: Any = None if "sizes" in grid else (2, 3, 1)
    found = sweep(sizes, DATA, seeds=[3, 1], epochs=6, log_every=1, grid=grid, backend=backend, **common)
    expected = list(itertools.product(itertools.product(*grid.values()), [3, 1], rates))
    assert len(found) == len(expected)
    for run, (entries, seed, rate) in zip(found, expected):
        assert list(run.options) == list(grid)
        assert [entry(value) for value in entries] == list(run.options.values())
        assert run.seed == seed
        if rate is not None:
            assert run.learning_rate == rate
        options = {key: value for key, value in common.items() if key != "learning_rates"}
        assert same(run, single(run, DATA, 6, backend=backend, **options)), run


def test_numbers_of_other_kinds() -> None:
    """NumPy's numbers and arrays are entries as Python's are, and `.options` has plain ones."""
    numpy = pytest.importorskip("numpy")
    grid = {"learning_rate": numpy.array([0.5, 0.25]), "batch_size": numpy.array([1, 8]), "bias": [numpy.bool_(True)]}
    found = sweep((2, 3, 1), DATA, seeds=[1], epochs=2, grid=grid)
    plain: dict[str, list[Any]] = {"learning_rate": [0.5, 0.25], "batch_size": [1, 8], "bias": [True]}
    assert [run.options for run in found] == [dict(zip(plain, values)) for values in itertools.product(*plain.values())]
    assert {type(value) for run in found for value in run.options.values()} == {int, float, bool}
    assert found.final_mse == sweep((2, 3, 1), DATA, seeds=[1], epochs=2, grid=plain).final_mse


def test_several_grids() -> None:
    """Of several grids, each has its own options; what it lacks is that of the call."""
    grids = [{"rule": ["rprop"], "step_max": [1.0, 50.0]}, {"rule": ["adam"], "learning_rate": [0.1]}, {}]
    found = sweep((2, 3, 1), DATA, seeds=[1, 2], epochs=4, log_every=1, grid=grids, rule="nesterov")
    assert [run.options for run in found][::2] == [
        {"rule": "rprop", "step_max": 1.0},
        {"rule": "rprop", "step_max": 50.0},
        {"rule": "adam", "learning_rate": 0.1},
        {},
    ]
    assert all(same(run, single(run, DATA, 4, rule="nesterov")) for run in found[6:])
    assert all(same(run, single(run, DATA, 4)) for run in found[:6])


def test_data_by_seed() -> None:
    """A function of the seed is called once for each, whatever the grid; where it fails, all of its runs do."""
    called: list[int] = []

    def data(seed: int) -> Any:
        called.append(seed)
        if seed == 2:
            raise KeyError(seed)
        return datasets.linear(8 if seed == 5 else 20, seed)

    grid = {"batch_size": [None, 1], "validation": [0.25, 0.05]}
    found = sweep((2, 3, 1), data, seeds=[3, 2, 5], epochs=3, log_every=1, grid=grid)
    assert called == [3, 2, 5]
    for run in found:
        if run.seed == 2:
            assert isinstance(run.error, KeyError)
        elif run.seed == 5 and run.options["validation"] == 0.05:
            assert isinstance(run.error, ShapeError)  # which takes 0 of 8 rows
        else:
            rows = datasets.linear(8 if run.seed == 5 else 20, run.seed)
            assert same(run, single(run, rows, 3))


def test_rows_that_are_read_once() -> None:
    """Iterators of rows serve all configurations."""
    x, y = DATA
    grid = {"validation": [None, 0.25, 0.5], "activation": ["tanh", "sigmoid"]}
    found = sweep((2, 3, 1), (iter(x), iter(y)), seeds=[1], epochs=2, grid=grid)
    assert found.final_mse == sweep((2, 3, 1), DATA, seeds=[1], epochs=2, grid=grid).final_mse


@given(
    st.fixed_dictionaries(
        {"rule": st.lists(st.sampled_from(list(LEARNING_RATES)), min_size=1, max_size=3, unique=True)},
        optional={
            "sizes": st.lists(st.sampled_from([(2, 1), (2, 5, 1), (2, 3, 2, 1)]), min_size=1, max_size=2, unique=True),
            "batch_size": st.lists(st.sampled_from([None, 1, 5, 99]), min_size=1, max_size=2, unique=True),
            "learning_rate": st.lists(st.floats(0.0, 2.0), min_size=1, max_size=2, unique=True),
            "shuffle_seed": st.lists(st.none() | st.integers(0, 2**64 - 1), min_size=1, max_size=2, unique=True),
            "weight_decay": st.lists(st.floats(0.0, 0.1), min_size=1, max_size=2, unique=True),
            "validation": st.lists(st.none() | st.floats(0.1, 0.9), min_size=1, max_size=2, unique=True),
        },
    ),
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=3),
)
def test_generated_grids(grid: dict[str, Any], seeds: list[int]) -> None:
    """Any grid gives the bits of single fits."""
    core_or_skip("ctypes")
    sizes: Any = None if "sizes" in grid else (2, 3, 1)
    found = sweep(sizes, DATA, seeds=seeds, epochs=3, log_every=1, grid=grid)
    assert len(found) == len(seeds) * math.prod(len(values) for values in grid.values())
    for run in found:
        assert same(run, single(run, DATA, 3)), run


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"grid": {"rule": ["adam", "rprop"], "learning_rate": [0.1]}},
            OptionError,
            r"learning_rate is given for rprop, .* \(in the configuration rule=rprop, learning_rate=0\.1\)$",
        ),
        (
            {"grid": {"rule": ["adam", "rprop"]}, "learning_rates": [0.1]},
            OptionError,
            r"learning_rate is given for rprop, .* \(in the configuration rule=rprop\)",
        ),
        (
            {"grid": {"loss": ["mse", "cross_entropy"], "bias": [False]}},
            OptionError,
            r"loss is 'cross_entropy' with sigmoid outputs, .* \(in the configuration loss=cross_entropy, bias=false\)",
        ),
        (
            {"grid": {"beta1": [0.5]}},
            OptionError,
            r"beta1 is given for descent, .* \(in the configuration beta1=0\.5\)",
        ),
        ({"grid": {"patience": [None, 3]}}, OptionError, r"patience is 3, .*\(in the configuration patience=3\)"),
        (
            {"grid": {"learning_rate": [0.1, [0.1, 0.2]]}},
            OptionError,
            r"learning_rate has 2 numbers, expected .* \(in the configuration learning_rate=0\.1:0\.2\)",
        ),
        ({"grid": {"batch_size": [0]}}, OptionError, "batch_size is 0, expected at least 1"),
        ({"grid": {"batch_size": ["all"]}}, TypeError, "batch_size is 'all', expected a whole number"),
        ({"grid": {"activation": ["tanh", "swish"]}}, OptionError, r"activation is 'swish'.*activation=swish\)"),
        ({"grid": {"sizes": [(2, 3, 1)]}}, OptionError, "sizes is given beside the grid, which has it"),
        ({"grid": {"rule": ["adam"]}, "rule": "adamw"}, OptionError, "rule is given beside the grid, which has it"),
        (
            {"grid": {"learning_rate": [0.1]}, "learning_rates": [0.5]},
            OptionError,
            "learning_rates are given beside the grid, which has learning_rate",
        ),
        ({"sizes": None}, TypeError, "sizes is None, expected the layer sizes"),
        ({"sizes": None, "grid": {"bias": [True]}}, TypeError, "sizes is None, expected the layer sizes"),
        (
            {"sizes": None, "grid": {"sizes": [(2, 1), (3, 1)]}},
            ShapeError,
            "sizes are 3-1, expected 2 inputs and 1 outputs, as the first have",
        ),
        (
            {"sizes": None, "grid": {"sizes": [(2, 0)]}},
            ShapeError,
            r"layer 1 of 2-0 .*\(in the configuration sizes=2-0",
        ),
        ({"sizes": None, "grid": {"sizes": (2, 3, 1)}}, TypeError, "sizes is 2, expected the layer sizes"),
        ({"sizes": None, "grid": {"sizes": [(3, 1)]}}, ShapeError, "x has rows of 2 numbers, expected rows of 3"),
        ({"grid": {"seed": [1]}}, TypeError, "the grid has no option 'seed': its options are sizes, learning_rate"),
        ({"grid": {"backend": ["cffi"]}}, TypeError, "the grid has no option 'backend'"),
        ({"grid": {"rule": "adam"}}, TypeError, r"rule of the grid is 'adam', expected a list .* such as \['adam'\]"),
        ({"grid": {"batch_size": 4}}, TypeError, r"batch_size of the grid is 4, expected a list .* such as \[4\]"),
        ({"grid": {"rule": []}}, OptionError, "rule of the grid is empty"),
        ({"grid": {"rule": [{"adam": 1}]}}, TypeError, r"rule of the grid has \{'adam': 1\}"),
        ({"grid": {}}, OptionError, r"grid is \{\}, expected one option or more"),
        ({"grid": []}, OptionError, r"grid is \[\], expected one option or more"),
        ({"grid": "rule"}, TypeError, "grid is 'rule', expected a dict of lists, such as"),
        ({"grid": ["rule"]}, TypeError, "grid has 'rule', expected a dict of lists, such as"),
        ({"grid": {"bias": [True, True]}}, OptionError, "the configuration bias=true is in the grid twice"),
        ({"grid": [{"bias": [True]}, {"bias": [1]}]}, OptionError, "the configuration bias=1 is in the grid twice"),
        ({"grid": {"validation": [([[1.0, 1.0]], [[1.0]])]}}, TypeError, "validation of the grid has rows"),
        (
            {"grid": {"shuffle_seed": range(10**4), "split_seed": range(10**4)}},
            OptionError,
            "the configurations of the grid are 100000000 or more",
        ),
    ],
    ids=str,
)
def test_bad_grids(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    """One error, before anything is trained, that names the combination."""
    ended: list[Run] = []
    options = {"sizes": (2, 3, 1), "data": DATA, "seeds": [1], "epochs": 3, "on_result": ended.append, **changes}
    with pytest.raises(error, match=message):
        sweep(options.pop("sizes"), options.pop("data"), **options)
    assert ended == []


def test_names() -> None:
    """The grid takes every option of networks and of trainings but those that all have alike."""
    assert set(GRID_NAMES) == {"sizes", "learning_rate", *NETWORK_NAMES, *FIT_NAMES} - set(ALIKE)
    assert {name for options in RULE_OPTIONS.values() for name in options} <= set(GRID_NAMES)


def test_texts() -> None:
    """Entries as tables and the command line have them."""
    values = [None, True, 3, 0.5, (2, 4, 1), (0.5, 0.1), ("tanh", "sigmoid"), "adam"]
    assert list(map(text_of, values)) == ["none", "true", "3", "0.5", "2-4-1", "0.5:0.1", "tanh:sigmoid", "adam"]


@pytest.fixture(scope="module")
def validated() -> SweepResult:
    """A sweep with a validation, two rules and two batch sizes."""
    grid = {"rule": ["adam", "descent"], "batch_size": [None, 1]}
    options: dict[str, Any] = {"validation": 0.25, "patience": 2, "learning_rates": [0.5, 0.1]}
    return sweep((2, 3, 1), DATA, seeds=range(4), epochs=30, grid=grid, **options)


def validations(found: SweepResult) -> list[float]:
    """The best validation loss of each training."""
    return [run.best_validation for run in found if run.best_validation is not None]


def test_selection(validated: SweepResult) -> None:
    """Some of the trainings, by options, rate and seed, in their order."""
    found = validated.select(rule="adam", batch_size=None)
    assert list(found) == list(validated[:8])
    assert [run.seed for run in found.select(learning_rate=0.1)] == [0, 1, 2, 3]
    assert len(validated.select(seed=2, learning_rate=0.5)) == 4
    for options, message in (
        ({"rule": "rprop"}, "no training has rule 'rprop', expected one of adam, descent"),
        ({"loss": "mse"}, "the sweep has no option 'loss': it has seed, learning_rate, rule, batch_size"),
        ({"rule": "adam", "seed": 9}, "no training has seed 9 with the other options, expected one of 0, 1, 2, 3"),
    ):
        with pytest.raises(OptionError, match=message):
            validated.select(**options)


def test_table(validated: SweepResult) -> None:
    """A line for each configuration and rate, with what `solved` and `quantiles` give of its trainings."""
    lines = validated.table(threshold=0.1, qs=[0.0, 0.5, 1.0])
    expected = itertools.product(["adam", "descent"], [None, 1], [0.5, 0.1])
    assert [(line["rule"], line["batch_size"], line["learning_rate"]) for line in lines] == list(expected)
    for line in lines:
        part = validated.select(**{name: line[name] for name in ("rule", "batch_size", "learning_rate")})
        assert (line["trainings"], line["failed"]) == (4, 0)
        assert line["solved"] == part.solved(0.1)
        assert line["quantiles"] == part.quantiles([0.0, 0.5, 1.0])
        measured = validations(part)
        assert (line["best_validation"][0.0], line["best_validation"][1.0]) == (min(measured), max(measured))
    plain = sweep((2, 3, 1), DATA, seeds=[1], learning_rates=[1.0, 0.5], epochs=2).table()
    assert [list(line) for line in plain] == [["learning_rate", "trainings", "solved", "failed", "quantiles"]] * 2


def test_best(validated: SweepResult) -> None:
    """The lowest validation loss, or final loss without one; the first of equal ones; none that failed."""
    assert validated.best.best_validation == min(validations(validated))
    assert validated.best.network is not None
    net = single(validated.best, DATA, 30, validation=0.25, patience=2)
    assert validated.best.network == net
    plain = sweep((2, 3, 1), DATA, seeds=[4, 5, 4], learning_rates=[0.0, 1.0], epochs=9)
    assert plain.best.final_loss == min(plain.final_loss)
    assert plain.best.best_validation is None
    twice = sweep((2, 3, 1), DATA, seeds=[4, 4], epochs=3)
    assert twice.best is twice[0]
    wild = sweep((2, 3, 1), DATA, seeds=[1], learning_rates=[1e300, 1e-3], epochs=50, activation="identity")
    assert isinstance(wild[0].error, DivergedError)
    assert wild.best is wild[1]
    with pytest.raises(ValueError, match="no training of the sweep succeeded"):
        _ = wild.select(learning_rate=1e300).best


def test_losses_that_do_not_compare() -> None:
    """Final losses of several kinds, and validations of other shares, are refused together and taken apart."""
    found = sweep((2, 3, 1), DATA, seeds=[1, 2], epochs=2, grid={"loss": ["mse", "sse", "binary_cross_entropy"]})
    assert found.select(loss="mse").final_mse
    assert [line["trainings"] for line in found.table()] == [2, 2, 2]
    for ask in (lambda: found.best, found.quantiles, lambda: found.solved(0.1), found.plot):
        with pytest.raises(OptionError, match=r"of several kinds \(mse, binary_cross_entropy\), which do not compare"):
            ask()
    squared = SweepResult(found[:4])
    assert squared.best.final_loss == min(squared.final_mse)
    shares = sweep((2, 3, 1), DATA, seeds=[1, 2], epochs=2, grid={"validation": [None, 0.25, 0.5]})
    with pytest.raises(OptionError, match=r"without validation, half_sse of the share 0\.25"):
        _ = shares.best
    assert shares.select(validation=0.5).best.best_validation is not None
    assert shares.solved(math.inf) == 6


def test_csv(validated: SweepResult, tmp_path: Path) -> None:
    """Each option of the grid has a column, and the best validation reads back to the bits."""
    validated.to_csv(tmp_path / "sweep.csv")
    with open(tmp_path / "sweep.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[6:] == ["best_validation", "rule", "batch_size"]
    assert [(row["rule"], row["batch_size"]) for row in rows] == [
        (run.options["rule"], text_of(run.options["batch_size"])) for run in validated
    ]
    assert to_hex(float(row["best_validation"]) for row in rows) == to_hex(validations(validated))
    found = sweep((2, 3, 1), DATA, seeds=[1], epochs=2, grid={"learning_rate": [0.5, (0.5, 0.25)]})
    found.to_csv(tmp_path / "rates.csv")
    lines = (tmp_path / "rates.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[1] for line in lines] == ["learning_rate", "0.5", "0.5:0.25"]
    assert lines[0] == "seed,learning_rate,final_mse,error,stopped,best_epoch"


def test_plot(validated: SweepResult, tmp_path: Path) -> None:
    """A curve for each configuration, with what tells them apart; too many are refused."""
    pytest.importorskip("matplotlib")
    figure = validated.plot(tmp_path / "sweep.png")
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[0] == "learning rate 0.5, rule adam, batch size none: 4 trainings"
    assert len(labels) == len(set(labels)) == 8
    lines = figure.axes[0].get_lines()
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 8
    labels = [
        text.get_text() for text in validated.select(rule="adam", learning_rate=0.1).plot().legends[0].get_texts()
    ]
    assert labels == ["batch size none: 4 trainings", "batch size 1: 4 trainings"]
    many = sweep((2, 1), DATA, seeds=[1], epochs=1, grid={"shuffle_seed": range(plots.MOST_CURVES + 1)})
    with pytest.raises(OptionError, match="21 curves cannot be told apart in a picture, expected 20 at most"):
        many.plot()
    most = SweepResult(many[:-1]).plot().axes[0].get_lines()
    assert len({(line.get_color(), line.get_linestyle()) for line in most}) == plots.MOST_CURVES
