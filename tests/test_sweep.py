# SPDX-License-Identifier: MIT
"""sweep(): the bits of single fits on any executor, results as they end, and failures that stay alone."""

from __future__ import annotations

import contextlib
import csv
import gc
import inspect
import itertools
import math
import multiprocessing
import os
import signal
import threading
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from bits import to_hex
from conftest import core_or_skip

from bitprop import (
    DataError,
    DivergedError,
    Network,
    OptionError,
    Run,
    ShapeError,
    SweepResult,
    _training,
    datasets,
    fit_options,
    info,
    sweep,
)
from bitprop.names import LEARNING_RATES, RULE_OPTIONS, STEP_RULES, Backend, Rule

SIZES = (2, 4, 4, 1)
RATES = (1.0, 0.1)


def single(seed: int, rate: float, data: Any, epochs: int, **options: Any) -> tuple[list[str], list[str], list[str]]:
    """Final parameters, final mse and logged losses of one `fit`."""
    fit = {name: options.pop(name) for name in ("batch_size", "shuffle_seed", "loss", "log_every") if name in options}
    net = Network(*SIZES, seed=seed, **options)
    with contextlib.suppress(DivergedError):
        net.fit(*data, epochs=epochs, learning_rate=rate, **fit)
    assert net.history is not None
    return to_hex(net.parameters), to_hex([net.loss(*data)]), to_hex(net.history.sse)


def of(run: Run) -> tuple[list[str], list[str], list[str]]:
    """The same of a sweep's run."""
    assert run.network is not None
    return to_hex(run.network.parameters), to_hex([run.final_mse]), to_hex(run.history.sse)


@pytest.mark.parametrize("options", [{}, {"batch_size": 1}, {"batch_size": 1, "shuffle_seed": 3}, {"batch_size": 7}])
@pytest.mark.parametrize("count", [1, 2, 9, 33])
def test_bits_of_single_fits(backend: Backend, options: dict[str, Any], count: int) -> None:
    """Each training ends as the same `fit` alone, whatever else is trained beside it."""
    count = min(count, 2) if backend == "python" else count
    data = datasets.linear(30, seed=4)
    epochs = 12
    options = {**options, "bias": bool(count % 2), "log_every": 5}
    seeds = range(100, 100 + count)
    found = sweep(SIZES, data, seeds=seeds, learning_rates=RATES, epochs=epochs, backend=backend, **options)
    assert list(zip(found.seeds, found.learning_rates)) == list(itertools.product(seeds, RATES))
    assert [of(run) for run in found] == [
        single(seed, rate, data, epochs, backend=backend, **options) for seed, rate in itertools.product(seeds, RATES)
    ]
    assert [history.epochs for history in found.histories] == [[0, 5, 10]] * len(found)
    assert found.errors == [None] * len(found)


@pytest.mark.parametrize("rule", STEP_RULES)
def test_rules(backend: Backend, rule: Rule) -> None:
    """A sweep by any rule, with its learning rate and with others, has the bits of single fits."""
    data = datasets.linear(20, seed=4)
    options: dict[str, Any] = {"rule": rule, "batch_size": 8, "weight_decay": 0.01, "l1": 0.001, "backend": backend}
    result = sweep(SIZES, data, seeds=[1, 2], epochs=4, **options)
    assert result.learning_rates == [LEARNING_RATES.get(rule, 0.0)] * 2
    assert result.errors == [None, None]
    for run in result:
        net = Network(*SIZES, seed=run.seed, backend=backend)
        net.fit(*data, epochs=4, **{name: value for name, value in options.items() if name != "backend"})
        assert run.network == net
    if rule in LEARNING_RATES:
        several = sweep(SIZES, data, seeds=[1], learning_rates=(0.5, 0.25), epochs=4, **options)
        assert several.final_mse[0] != several.final_mse[1]
    else:
        with pytest.raises(OptionError, match="learning_rate is given for rprop, which uses increase, decrease"):
            sweep(SIZES, data, seeds=[1], learning_rates=(0.5,), epochs=4, **options)


def test_last_epoch_only() -> None:
    """Without log_every a history has the last epoch, and what ended is its loss before the last step."""
    data = datasets.xor()
    for epochs in (0, 1, 2, 9):
        [run] = sweep(SIZES, data, seeds=[5], epochs=epochs)
        net = Network(*SIZES, seed=5)
        whole = net.fit(*data, epochs=epochs)
        assert run.history.epochs == list(range(epochs))[-1:]
        assert to_hex(run.history.mse) == to_hex(whole.mse[-1:])
        assert len(run.history) == min(1, epochs)
        assert run.network == net


def linear(seed: int) -> Any:
    """Data of the seed, with as many rows."""
    return datasets.linear(5 + seed % 7, seed)


def test_data_by_seed() -> None:
    """A function of the seed gives each its own data."""
    found = sweep(SIZES, linear, seeds=[3, 1, 2], learning_rates=RATES, epochs=4, log_every=1)
    pairs = list(itertools.product([3, 1, 2], RATES))
    assert [of(run) for run in found] == [single(seed, rate, linear(seed), 4) for seed, rate in pairs]
    assert to_hex([found[0].history.mse[0]]) == to_hex([Network(*SIZES, seed=3).loss(*linear(3))])


@pytest.fixture(params=["threads", "processes", "dask"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    """Executors that users bring: of threads, of processes, and of a Dask cluster of processes."""
    if request.param == "threads":
        with ThreadPoolExecutor(3) as threads:
            yield threads
    elif request.param == "processes":
        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as processes:
            yield processes
    else:
        distributed = pytest.importorskip("distributed")
        options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
        with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
            yield client.get_executor()


@pytest.mark.filterwarnings("default")
def test_executors(executor: Executor) -> None:
    """The work travels to any executor, and the bits are the same."""
    core_or_skip("cffi")
    data = datasets.linear(40, seed=9)
    expected = sweep(SIZES, data, seeds=range(40), learning_rates=RATES, epochs=30)
    ended: list[Run] = []
    options: dict[str, Any] = {"seeds": range(40), "learning_rates": RATES, "epochs": 30}
    found = sweep(SIZES, data, executor=executor, on_result=ended.append, **options)
    assert [of(run) for run in found] == [of(run) for run in expected]
    assert len(ended) == len(set(map(id, ended))) == 80


def test_divergence_stays_alone() -> None:
    """Those that diverge say so, at the last good epoch's parameters; the others go on, side by side or not."""
    data = [[1.5, 1.0], [2.0, 3.0], [0.5, 0.25]], [[1.0], [1.0], [0.0]]
    rates = (0.0, 1e-3, 1e10, 1e305)
    for batch_size in (None, 1):
        options: dict[str, Any] = {"activation": "identity", "batch_size": batch_size, "log_every": 1}
        found = sweep(SIZES, data, seeds=range(9), learning_rates=rates, epochs=20, **options)
        diverged = [isinstance(error, DivergedError) for error in found.errors]
        assert any(diverged)
        assert not all(diverged)
        for run in found:
            assert of(run) == single(run.seed, run.learning_rate, data, 20, **options)
            assert run.history.stopped == ("epochs" if run.error is None else None)


def test_budget_beside_one_that_diverged() -> None:
    """Slices that end since their log is full tell nothing about the budget, also where the last network has ended."""
    core_or_skip("ctypes")
    model = Network(1, 1, activation="identity", backend="ctypes").model
    data, options = model.data([[1.5]], [[1.0]]), fit_options.check_options(300_000, 1)
    values = model.values + model.values
    trainings = _training.Trainings(model.core, model.shape, values, data, options, [0.1, 1e305])
    assert trainings.run(lambda *_: None) == [None, 1]
    assert trainings.limits.budget < 2**40


def test_data_that_fail_stay_alone() -> None:
    """A function of the seed may fail, or return what is no data."""

    def data(seed: int) -> Any:
        if seed == 1:
            raise KeyError("seed 1 has no file")
        return ([[0.0, math.nan]], [[0.0]]) if seed == 2 else datasets.xor()

    ended: list[Run] = []
    found = sweep(SIZES, data, seeds=range(4), learning_rates=RATES, epochs=3, on_result=ended.append)
    kinds = [type(error) for error in found.errors]
    none = type(None)
    assert kinds == [none, none, KeyError, KeyError, DataError, DataError, none, none]
    assert [math.isinf(loss) for loss in found.final_mse] == [False, False, *[True] * 4, False, False]
    assert found[2].network is None
    assert len(ended) == 8
    assert found.solved(math.inf) == 4
    assert found.quantiles([0.0, 1.0])[1.0] == math.inf


class Failing(Executor):
    """Fails jobs in the ways that pools of processes do: seeds 1 and 2 once, 3 and 4 for ever."""

    def __init__(self) -> None:
        self.tried: list[int] = []

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        """Runs at once, fails, or refuses."""
        seed = arguments[0].runs[0][1]
        self.tried.append(seed)
        fails = seed in (3, 4) or (seed in (1, 2) and self.tried.count(seed) == 1)
        if fails and seed % 2 == 0:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future[Any] = Future()
        if fails:
            future.set_exception(MemoryError("a worker died"))
        else:
            future.set_result(function(*arguments, **options))
        return future


def test_workers_that_fail_stay_alone() -> None:
    """What an executor loses or refuses is tried once more, and is that job's failure then."""
    executor = Failing()
    found = sweep(SIZES, datasets.xor(), seeds=range(6), epochs=3, executor=executor)
    names = [type(error).__name__ for error in found.errors]
    assert names == ["NoneType"] * 3 + ["MemoryError", "RuntimeError", "NoneType"]
    assert [executor.tried.count(seed) for seed in range(6)] == [1, 2, 2, 2, 2, 1]
    alone = sweep(SIZES, datasets.xor(), seeds=range(6), epochs=3)
    assert [of(found[n]) for n in (0, 1, 2, 5)] == [of(alone[n]) for n in (0, 1, 2, 5)]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_worker_that_is_killed() -> None:
    """Where a process of a pool dies, and so the pool, its trainings are done again here, and the rest too."""
    epochs = 100 if info()["backend"] == "python" else 30_000  # so that most are waiting when the first has ended
    options: dict[str, Any] = {"seeds": range(40), "epochs": epochs}
    alone = sweep(SIZES, datasets.xor(), **options)
    told: list[Run] = []
    with ProcessPoolExecutor(2) as executor:

        def kill(run: Run) -> None:
            told.append(run)
            if len(told) == 1:
                for worker in list(executor._processes.values()):
                    os.kill(worker.pid or 0, signal.SIGKILL)
                    worker.join()

        with pytest.warns(RuntimeWarning, match="the executor has failed .*: the trainings go on in threads"):
            found = sweep(SIZES, datasets.xor(), executor=executor, on_result=kill, **options)
    assert [error for error in found.errors if error is not None] == []
    assert [of(run) for run in found] == [of(run) for run in alone]
    assert len(told) == 40


def test_losses_that_are_not_numbers(tmp_path: Path) -> None:
    """A loss that overflows without divergence counts as infinitely bad, and spoils no order."""
    data = [[1.0, 1.0]], [[0.0]]
    options: dict[str, Any] = {"seeds": [3, 6], "learning_rates": [1e-3, 1e160], "epochs": 1}
    found = sweep((2, 2, 1), data, activation="identity", **options)
    assert any(map(math.isnan, found.final_mse))
    losses = sorted(loss if not math.isnan(loss) else math.inf for loss in found.final_mse)
    assert [found.quantiles([0.0, 1.0])[q] for q in (0.0, 1.0)] == [losses[0], math.inf]

    def data_of(seed: int) -> Any:
        raise AssertionError

    path = tmp_path / "failed.csv"
    sweep((2, 2, 1), data_of, seeds=[1], epochs=1).to_csv(path)
    assert path.read_text(encoding="utf-8").splitlines()[1] == "1,1.0,inf,AssertionError: ,,"


def test_options_of_fit() -> None:
    """What `fit` and `sweep` share is checked in one place, and has the same defaults in both."""
    parameters = inspect.signature(fit_options.check_options).parameters.values()
    shared = {one.name: one.default for one in parameters if one.kind is inspect.Parameter.KEYWORD_ONLY}
    fit = inspect.signature(Network.fit).parameters
    assert [*shared, *fit_options.RuleOptions.__annotations__] == list(fit_options.FitOptions.__annotations__)
    assert shared == {name: fit[name].default for name in shared}
    rules = {name for options in RULE_OPTIONS.values() for name in options}
    assert rules | {"first_step_seed", "weight_decay", "l1", "decay_biases"} == set(
        fit_options.RuleOptions.__annotations__
    )


def test_options_are_read_once() -> None:
    """An iterator of activations is used up by the first look at it, so that look is the only one."""
    names: Any = iter(["tanh", "sigmoid"])
    found = sweep((2, 2, 1), datasets.xor(), seeds=[1, 2], epochs=1, activation=names)
    assert found.errors == [None, None]
    assert (
        found[0].network
        == sweep((2, 2, 1), datasets.xor(), seeds=[1], epochs=1, activation=["tanh", "sigmoid"])[0].network
    )


def test_executor_that_takes_nothing() -> None:
    """One that was shut down is an error of the call, not of its trainings."""
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        sweep(SIZES, datasets.xor(), seeds=[1], epochs=1, executor=executor)


def test_result(tmp_path: Path) -> None:
    """Quantiles, the solved ones, CSV that reads back to the bits, a picture."""
    found = sweep(SIZES, datasets.xor(), seeds=range(20), learning_rates=RATES, epochs=200, bias=False)
    assert isinstance(found, SweepResult)
    assert len(found) == 40
    ordered = sorted(found.final_mse)
    assert found.quantiles([0.0, 1.0]) == {0.0: ordered[0], 1.0: ordered[-1]}
    assert found.quantiles()[0.5] == (ordered[19] + ordered[20]) / 2
    assert found.solved(ordered[10]) == 10
    assert sum(found.solved(ordered[10], rate) for rate in RATES) == 10
    path = tmp_path / "sweep.csv"
    found.to_csv(path)
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert to_hex(float(row["final_mse"]) for row in rows) == to_hex(found.final_mse)
    assert [(int(row["seed"]), float(row["learning_rate"])) for row in rows] == list(
        zip(found.seeds, found.learning_rates)
    )
    picture = tmp_path / "sweep.png"
    found.plot(picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"seeds": 5}, TypeError, r"seeds is 5, expected several numbers, such as \[5\]"),
        ({"seeds": []}, OptionError, "seeds is empty, expected at least one"),
        ({"seeds": [1, -1]}, OptionError, "seed is -1, expected 0 <= seed < 2\\^64"),
        ({"seeds": "12"}, TypeError, "seeds is '12', expected several numbers"),
        ({"learning_rates": 0.1}, TypeError, r"learning_rates is 0.1, expected several numbers, such as \[0.1\]"),
        ({"learning_rates": [-1.0]}, OptionError, "learning_rate is -1.0"),
        ({"epochs": -1}, OptionError, "epochs is -1"),
        ({"log_every": 0}, OptionError, "log_every is 0"),
        ({"executor": 4}, TypeError, "executor is 4, expected a concurrent.futures.Executor"),
        ({"on_result": 4}, TypeError, "on_result is 4, expected a function of a Run"),
        ({"loss": "mae"}, OptionError, "loss is 'mae'"),
        ({"activation": "swish"}, OptionError, "activation is 'swish'"),
        ({"seed": 1}, TypeError, r"sweep has no option seed: give seeds=\[...\], one or more"),
        ({"learning_rate": 1.0}, TypeError, r"no option learning_rate: give learning_rates=\[...\]"),
        ({"callback": print}, TypeError, "no option callback: give on_result="),
        (
            {"moment": 0.9},
            TypeError,
            "no option moment: its further options are batch_size, shuffle_seed, loss, rule, validation",
        ),
        ({"executor": ThreadPoolExecutor}, TypeError, "not the class, one of it"),
        ({"seeds": range(10**20)}, OptionError, "expected fewer than 10000000"),
        ({"sizes": 5}, TypeError, r"sizes is 5, expected the layer sizes, such as \(2, 4, 4, 1\)"),
        ({"sizes": (2, 0)}, ShapeError, "layer 1 of 2-0 has size 0"),
        ({"data": [1.0]}, TypeError, r"data is list, expected a pair \(x, y\)"),
        ({"data": ([[1.0]], [[1.0]])}, ShapeError, "x has rows of 1 number, expected rows of 2 numbers"),
        ({"data": ([[1.0, math.inf]], [[1.0]])}, DataError, "x has inf in row 0, column 1"),
    ],
    ids=str,
)
def test_bad_input(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    """Wrong options raise before anything is trained."""
    options: dict[str, Any] = {"sizes": SIZES, "data": datasets.xor(), "seeds": range(3), "epochs": 1, **changes}
    with pytest.raises(error, match=message):
        sweep(options.pop("sizes"), options.pop("data"), **options)


def test_bad_questions() -> None:
    """A result is asked for what it has."""
    found = sweep(SIZES, datasets.xor(), seeds=[0], epochs=1)
    with pytest.raises(OptionError, match=r"q is 1\.5, expected a number from 0 to 1"):
        found.quantiles([1.5])
    with pytest.raises(OptionError, match=r"learning_rate is 2.0, expected one of \[1.0\]"):
        found.solved(0.1, learning_rate=2.0)


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="needs POSIX signals")
@pytest.mark.parametrize("given", [False, True])
def test_interrupt(given: bool) -> None:
    """Ctrl-C ends all threads, also those of an executor that was given; what had ended was told."""
    executor = ThreadPoolExecutor(2) if given else None
    epochs = 100 if info()["backend"] == "python" else 20_000  # so that the first has ended in a second
    before = threading.active_count()
    ended: list[Run] = []

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    def stop(run: Run) -> None:
        ended.append(run)
        if len(ended) == 1:
            threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()

    previous = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            sweep(SIZES, datasets.linear(200), seeds=range(2000), epochs=epochs, on_result=stop, executor=executor)
    finally:
        signal.signal(signal.SIGUSR1, previous)
    if executor is not None:
        executor.shutdown()  # at once, since its jobs have been told to stop
    assert 1 <= len(ended) < 2000
    assert threading.active_count() <= before + 1  # the timer's own thread may still be ending


@pytest.mark.parametrize("by_seed", [False, True])
def test_results_that_are_not_kept(by_seed: bool) -> None:
    """With keep=False the runs that on_result takes are those of a sweep that keeps them, and no other is left."""
    data: Any = (lambda seed: datasets.linear(4 + seed % 3, seed)) if by_seed else datasets.xor()
    options: dict[str, Any] = {
        "seeds": [5, 3, 5, 1],
        "epochs": 3,
        "grid": [{"rule": ["adam", "momentum"]}, {"bias": [False]}],
    }
    taken: list[Run] = []
    found = sweep(SIZES, data, **options, learning_rates=RATES, on_result=taken.append, keep=False)
    assert len(found) == 0
    kept: list[Run] = []
    result = sweep(SIZES, data, **options, learning_rates=RATES, on_result=kept.append)
    assert sorted(map(id, kept)) == sorted(map(id, result))

    def told(runs: Any) -> list[Any]:
        return sorted(
            (run.seed, run.learning_rate, repr(run.options), to_hex([run.final_loss]), run.network.fingerprint())
            for run in runs
        )

    assert told(taken) == told(result)
    with pytest.raises(
        OptionError, match="keep is False without on_result, expected a function that takes the results"
    ):
        sweep(SIZES, data, **options, keep=False)
    with pytest.raises(TypeError, match="keep is 2, expected True or False"):
        sweep(SIZES, data, **options, on_result=taken.append, keep=2)  # type: ignore[arg-type]


def test_memory_of_results_that_are_not_kept() -> None:
    """What on_result has taken is let go: ten times the trainings take little more memory, and not that of results."""

    def peak(trainings: int, keep: bool) -> int:
        gc.collect()
        tracemalloc.start()
        sweep((2, 30, 1), datasets.xor(), seeds=range(trainings), epochs=1, on_result=lambda _: None, keep=keep)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(500, False)
    few, many = peak(500, False), peak(3000, False)
    assert many - few < 2500 * 8 * 121 / 4  # a part of the parameters alone
    assert peak(3000, True) - many > 2500 * 8 * 121
