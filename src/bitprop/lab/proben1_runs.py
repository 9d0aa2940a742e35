# SPDX-License-Identifier: MIT
"""The runs of PROBEN1's tables: one training, and all of them on all cores.

The set-up is the report's: batch RPROP, softsign hidden units, the validation measured every fifth epoch, an end by
GL5, P5 or after 3000 epochs, and the network of the lowest validation error. RPROP is iRPROP- (contract §7).
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import NamedTuple

from .. import _pure, _training, fit_options
from .._processors import cores
from .._progress import Progress
from ..core import mode
from ..errors import DivergedError
from ..history import History
from ..names import Activation, Backend
from ..network import Network
from ..stopping import generalisation_loss
from .proben1 import Examples, Problem
from .proben1_tables import Row

LARGEST_WEIGHT = 0.01  # of the initial parameters, which are drawn on both sides of 0


class Part(NamedTuple):
    """The rows of a part of a data set as float64 memory of (rows, columns), which every run reads without a copy."""

    x: memoryview[float]
    y: memoryview[float]

    @classmethod
    def of(cls, examples: Examples) -> Part:
        """The part's memory."""
        return cls(*(_matrix(rows) for rows in examples))


class Data(NamedTuple):
    """A data set in its three parts."""

    inputs: int
    outputs: int
    train: Part
    validation: Part
    test: Part

    @classmethod
    def of(cls, problem: Problem) -> Data:
        """The problem's memory."""
        parts = [Part.of(part) for part in (problem.train, problem.validation, problem.test)]
        return cls(problem.inputs, problem.outputs, *parts)


class Outcome(NamedTuple):
    """The figures of one run. Errors are squared error percentages: 100 times the mean squared error."""

    seed: int
    fingerprint: str  # of the network at its lowest validation error
    train: float  # the lowest of all epochs
    validation: float  # the lowest
    test: float  # of the network at its lowest validation error
    class_error: float  # per cent of the test rows whose greatest output is not at the greatest target
    overfit: float  # GL at the end of the run
    epochs: int  # that were trained
    relevant_epochs: int  # up to the lowest validation error
    stopped: str  # why, as `History.stopped` has it


def _matrix(rows: Sequence[Sequence[float]]) -> memoryview[float]:
    values = array("d", [value for row in rows for value in row])
    matrix: memoryview[float] = memoryview(values).cast("B").cast("d", (len(rows), len(rows[0])))
    return matrix


def _lists(matrix: memoryview[float]) -> list[list[float]]:
    rows: list[list[float]] = matrix.tolist()  # type: ignore[assignment]  # it has two dimensions
    return rows


def error_percentage(mse: float) -> float:
    """The squared error percentage E of the report, for outputs from 0 to 1."""
    return 100.0 * mse


def class_error(outputs: Sequence[Sequence[float]], targets: Sequence[Sequence[float]]) -> float:
    """The per cent of rows whose greatest output is not at the place of the greatest target; the first of equal ones.

    A single output is one class, and never wrong.
    """
    wrong = 0
    for output, target in zip(outputs, targets):
        wrong += output.index(max(output)) != target.index(max(target))  # lists of floats
    return 100.0 * wrong / len(outputs)


def new_network(row: Row, data: Data, seed: int, backend: Backend | None = None) -> Network:
    """The untrained network of a run: every parameter is uniform in -0.01 to 0.01, drawn in the order of contract §3.

    The generator is that of contract §9, in the stream of weights.
    """
    mode.require_standard("drawing initial parameters")
    activations: list[Activation] = ["softsign" for _ in row.hidden]
    network = Network(data.inputs, *row.hidden, data.outputs, activation=[*activations, row.output], backend=backend)
    core = network.model.core
    generator = core.generator()
    core.generator_seed(generator, seed, _pure.STREAM_WEIGHTS)
    parameters = network.parameters
    for place in range(len(parameters)):
        parameters[place] = LARGEST_WEIGHT * (2.0 * core.generator_random(generator) - 1.0)
    return network


def run_options(seed: int) -> fit_options.Options:
    """How the run of that seed is trained."""
    return fit_options.check_options(
        3000,
        1,
        loss="mse",
        rule="rprop",
        increase=1.2,
        decrease=0.5,
        first_step=(0.005, 0.02),  # between which each is drawn
        first_step_seed=seed,
        step_min=0.0,
        step_max=50.0,
        check_every=5,
        stop_gl=5.0,
        stop_progress=0.1,
        validation=([], []),  # whose rows `_train` gives
    )


def run_once(
    row: Row, data: Data, seed: int, backend: Backend | None = None, after_slice: Callable[[], None] = lambda: None
) -> Outcome:
    """The outcome of the run of that seed. `after_slice()` is called several times a second, and may raise.

    DivergedError, BackendError.
    """
    network = new_network(row, data, seed, backend)
    history = _train(network, data, seed, after_slice, row.problem)
    return Outcome(
        seed=seed,
        fingerprint=network.fingerprint(),
        train=error_percentage(min(history.mse)),
        validation=error_percentage(min(history.validation)),
        test=error_percentage(network.loss(*data.test)),
        class_error=class_error(_lists(network.predict(data.test.x)), _lists(data.test.y)),
        overfit=generalisation_loss(history.validation[-1], min(history.validation)),
        epochs=history.trained,
        relevant_epochs=history.best_epoch or 0,
        stopped=history.stopped or "",
    )


def _train(network: Network, data: Data, seed: int, after_slice: Callable[[], None], name: str) -> History:
    """The history of the network's training, as `fit` does it, but without hints."""
    model, options = network.model, run_options(seed)
    trained, measured = model.data(*data.train), model.data(*data.validation)
    trainings = _training.Trainings(model.core, model.shape, model.values, trained, options, [0.0], measured)
    [diverged] = trainings.run(lambda _rows, _epochs: after_slice())
    if diverged is not None:
        raise DivergedError(f"{name}, run {seed}: {options.diverged(diverged, 0.0)}", diverged)
    return trainings.histories[0]


def run_all(
    rows: Sequence[Row],
    data: Mapping[str, Data],
    backend: Backend | None = None,
    progress: bool | None = False,
    on_row: Callable[[int, list[Outcome]], None] = lambda place, outcomes: None,
) -> None:
    """Runs all rows, with seeds from 0 on, on all cores, those that take longest first.

    `data`: by the name of the problem. `on_row(place, outcomes)` is called with each row's outcomes as they are
    complete. DivergedError, BackendError. KeyboardInterrupt: unfinished rows are given up at once.
    """
    stop = threading.Event()

    def give_up() -> None:
        if stop.is_set():
            raise KeyboardInterrupt

    order = sorted(range(len(rows)), key=lambda place: -_cost(rows[place], data[rows[place].problem]))
    outcomes: dict[int, list[Outcome]] = {place: [] for place in order}
    runs = sum(row.table.runs for row in rows)
    with Progress(runs, f"{runs} runs", progress) as bar:
        pool = ThreadPoolExecutor(len(cores()), "bitprop")
        pending: dict[Future[Outcome], int] = {}
        try:
            for place in order:
                row = rows[place]
                for seed in range(row.table.runs):
                    future = pool.submit(run_once, row, data[row.problem], seed, backend, give_up)
                    pending[future] = place
            while pending:
                # The time limit is for systems where a wait cannot be interrupted.
                done, _ = wait(pending, timeout=0.1, return_when=FIRST_COMPLETED)
                for future in done:
                    place = pending.pop(future)
                    outcomes[place].append(future.result())
                    bar.update(1)
                    if len(outcomes[place]) == rows[place].table.runs:
                        bar.clear()
                        on_row(place, sorted(outcomes.pop(place)))
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


def _cost(row: Row, data: Data) -> int:
    """What an epoch of the row costs: training rows times weights."""
    sizes = (data.inputs, *row.hidden, data.outputs)
    return len(data.train.x) * sum(n_in * n_out for n_in, n_out in zip(sizes, sizes[1:]))
