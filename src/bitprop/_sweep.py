# SPDX-License-Identifier: MIT
"""Many trainings in one call: one for each seed and learning rate, on all cores or on any executor."""

from __future__ import annotations

import csv
import io
import itertools
import math
import os
import threading
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, Union

from . import _files, _training, fit_options, hints
from ._processors import cores
from ._progress import Progress
from .checks import matrices
from .checks import options as check
from .core import Core, mode
from .errors import OptionError, quoted
from .history import History
from .names import LEARNING_RATES, LOSSES, PARTNERS, RULES, Activation, Backend, Init
from .network import Network
from .scaling import Scaling

if TYPE_CHECKING:
    from typing_extensions import Unpack

TOGETHER = 16  # most trainings in a job: a kernel trains as many side by side
JOBS = 32  # fewest jobs of a sweep on an executor, if it has as many trainings
TRAININGS_END = 10_000_000  # a sweep has fewer: the results of so many need gigabytes
IN_FLIGHT = 256  # most jobs that an executor holds at once
QUANTILES = (0.01, 0.1, 0.5, 0.9, 0.99)
HINTS = {
    "seed": "give seeds=[...], one or more",
    "learning_rate": "give learning_rates=[...], one or more",
    "callback": "give on_result=, which is called with each training as it ends",
}

Data = Union[tuple[Any, Any], tuple[Any, Any, Any]]


class NetworkOptions(TypedDict, total=False):
    """The options of `Network`, but for the seed."""

    activation: Activation | Sequence[Activation]
    bias: bool
    init: Init
    backend: Backend | None
    input_scaling: Scaling | None
    output_scaling: Scaling | None


class FurtherOptions(NetworkOptions, fit_options.FitOptions, total=False):
    """The options of a sweep that are those of `Network` or of `fit`."""


class Run:
    """One training of a sweep.

    It has `.seed`, `.learning_rate`, `.history`, and `.final_loss`, that of the final parameters over the rows that it
    trained on: the mean squared error, which is also `.final_mse`; or, with a cross-entropy, that loss.
    `.error` is None after a complete training. After divergence it is a DivergedError, and the parameters are those of
    the last good epoch. After any other failure it is that exception, `.final_loss` is infinite and `.network` is None.
    """

    def __init__(self, seed: int, learning_rate: float, template: Network, history: History):
        self.seed = seed
        self.learning_rate = learning_rate
        self.final_loss = math.inf
        self.history = history
        self.error: Exception | None = None
        self._template = template
        self._parameters: array[float] | None = None

    @property
    def final_mse(self) -> float:
        """The mean squared error of the final parameters. AttributeError: the loss is a cross-entropy."""
        self.history.require_squared("final_mse")
        return self.final_loss

    @property
    def network(self) -> Network | None:
        """A new copy of the trained network, with its history; None where it was not trained."""
        if self._parameters is None:
            return None
        network = self._template.copy()
        network.parameters[:] = memoryview(self._parameters)
        network.history = self.history
        return network

    def __repr__(self) -> str:
        end = (
            f"final {self.history.name} {self.final_loss!r}"
            if self.error is None
            else f"{type(self.error).__name__}: {self.error}"
        )
        return f"<Run of seed {self.seed}, learning rate {self.learning_rate}: {end}>"


class SweepResult(Sequence[Run]):
    """The trainings of a sweep, in the order of `itertools.product(seeds, learning_rates)`, as a sequence of `Run`.

    The lists `.seeds`, `.learning_rates`, `.final_loss`, `.final_mse`, `.histories` and `.errors` have an item for each
    training.
    """

    def __init__(self, runs: Sequence[Run]):
        self._runs = list(runs)

    def __len__(self) -> int:
        return len(self._runs)

    def __getitem__(self, index: Any) -> Any:
        return self._runs[index]

    def __repr__(self) -> str:
        failed = sum(run.error is not None for run in self)
        return f"<SweepResult of {len(self)} trainings, {failed} of them failed>"

    @property
    def seeds(self) -> list[int]:
        """Each training's seed."""
        return [run.seed for run in self]

    @property
    def learning_rates(self) -> list[float]:
        """Each training's learning rate."""
        return [run.learning_rate for run in self]

    @property
    def final_mse(self) -> list[float]:
        """Each training's mean squared error at its final parameters. AttributeError: the loss is a cross-entropy."""
        return [run.final_mse for run in self]

    @property
    def name(self) -> str:
        """What the losses are, as `History.name` has it: "mse", or "loss"."""
        return self._runs[0].history.name if self._runs else "mse"

    @property
    def final_loss(self) -> list[float]:
        """Each training's loss at its final parameters, as `Run` has it; infinite where it was not trained."""
        return [run.final_loss for run in self]

    @property
    def histories(self) -> list[History]:
        """Each training's history."""
        return [run.history for run in self]

    @property
    def errors(self) -> list[Exception | None]:
        """Each training's error; None where it is complete."""
        return [run.error for run in self]

    def _losses(self, learning_rate: float | None) -> list[float]:
        """The final losses in ascending order; a failed training, or a NaN, counts as infinite."""
        mode.require_standard("ordering losses")
        runs = [run for run in self if learning_rate is None or run.learning_rate == learning_rate]
        if not runs:
            raise OptionError(
                f"learning_rate is {quoted(learning_rate)}, expected one of {sorted(set(self.learning_rates))}"
            )
        losses = (run.final_loss if run.error is None else math.inf for run in runs)
        return sorted(math.inf if math.isnan(loss) else loss for loss in losses)

    def quantiles(self, qs: Iterable[float] = QUANTILES, learning_rate: float | None = None) -> dict[float, float]:
        """The quantiles of the final losses by `q`, of all trainings or of one learning rate; a failure is infinite.

        OptionError: a `q` outside 0 to 1, or a learning rate that the sweep does not have. FloatingPointModeError.
        """
        losses = self._losses(learning_rate)
        return {q: quantile(losses, check.fraction("q", q)) for q in qs}

    def solved(self, threshold: float, learning_rate: float | None = None) -> int:
        """How many trainings, of all or of one learning rate, succeeded and have a final loss below `threshold`."""
        return sum(loss < threshold for loss in self._losses(learning_rate))

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Writes a CSV file of the trainings, whole or not at all.

        Its columns are seed, learning_rate, final_mse or final_loss, error, and the history's stopped and best_epoch,
        which are empty where they are None. Numbers read back to the same bits. OSError, FloatingPointModeError.
        """
        mode.require_standard("writing decimal digits")
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["seed", "learning_rate", f"final_{self.name}", "error", "stopped", "best_epoch"])
        for run in self:
            error = "" if run.error is None else f"{type(run.error).__name__}: {run.error}"
            end = run.history.stopped, run.history.best_epoch
            writer.writerow([run.seed, repr(run.learning_rate), repr(run.final_loss), error, *end])
        _files.write(path, text.getvalue())

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """A matplotlib figure of the share of trainings that end below each loss, a curve for each learning rate.

        It is saved where a path is given. It needs the `lab` extra.
        """
        from . import plots

        rates = dict.fromkeys(self.learning_rates)
        losses = {f"learning rate {rate!r}": self._losses(rate) for rate in rates}
        return plots.save(plots.distributions(losses, plots.LABELS[self.name]), path)


class _Arrays(NamedTuple):
    """Checked data as arrays, which can be pickled."""

    each: tuple[array[float], ...]  # inputs, targets and, where there are any, weights
    rows: int

    @classmethod
    def of(cls, data: matrices.Data) -> _Arrays:
        given = filter(None, (data.inputs, data.targets, data.weights))
        return cls(tuple(matrices.to_array(rows.values) for rows in given), data.rows)

    def data(self, core: Core) -> matrices.Data:
        """The data for this core."""
        rows = [
            matrices.Rows(values, core.readable(values), self.rows, len(values) // self.rows, "buffer")
            for values in self.each
        ]
        return matrices.Data.of(core, *rows)


class _Job(NamedTuple):
    """Trainings of one data set, in a form that can be sent to another process or machine."""

    sizes: tuple[int, ...]
    network: Mapping[str, Any]  # options of the network
    options: fit_options.Options
    data: _Arrays
    validation: _Arrays | None
    runs: list[tuple[int, int, float]]  # place in the result, seed, learning rate


class _Outcome(NamedTuple):
    """The outcome of one training of a job."""

    place: int
    parameters: array[float]
    history: History
    final_loss: float
    diverged: int | None  # in which epoch


def sweep(
    sizes: Sequence[int],
    data: Data | Callable[[int], Data],
    *,
    seeds: Iterable[int],
    learning_rates: Iterable[float] | None = None,
    epochs: int,
    log_every: int | None = None,
    executor: Executor | None = None,
    progress: bool | None = False,
    on_result: Callable[[Run], Any] | None = None,
    **further: Unpack[FurtherOptions],
) -> SweepResult:
    """Trains a network of `sizes` for each seed and learning rate, to the bits of the same single `fit`.

    `data` is (x, y) or (x, y, sample_weight), as for `fit`, or a function of the seed that returns them.
    `log_every=None` logs the last epoch only. `learning_rates=None` takes that of the rule, as `fit` does; in a run by
    "rprop" or "levenberg_marquardt", which use none, it is 0.0. The trainings run on one thread for each core, or on
    `executor`, any `concurrent.futures.Executor`.
    `on_result(run)` is called with each training as it ends, in any order. `progress` is that of `fit`. `further`
    options are `batch_size`, `shuffle_seed`, `loss`, `rule` and its options, `validation` and all that stops a
    training, of `fit`, and `activation`, `bias`, `init`, `backend` and the scalings of `Network`. Each training stops
    alone; `validation=(x, y)` is that of all, and a share is taken of each data set. A training that fails, by
    divergence, its data or its worker, has that error in its `Run`; others go on.
    Errors as for `Network` and `fit`, and those of an executor that refuses the first job. Ctrl-C raises
    KeyboardInterrupt; `on_result` has then been called with every training that had ended.
    """
    network, fit = _divide(further)
    template = Network(*_sizes(sizes), **network)
    each_seed = [check.seed("seed", seed) for seed in _several("seeds", seeds)]
    epochs = check.integer("epochs", epochs, 0)
    last_only = log_every is None and fit.get("stop_progress") is None
    if log_every is None:
        log_every = max(1, epochs - 1) if last_only else 1
    options = fit_options.check_options(epochs, log_every, **fit)
    options = options._replace(skipped=int(last_only and epochs > 1))
    template.loss_code(LOSSES[options.loss])
    options.check_network(template.model.count)
    rates = _rates(options, learning_rates)
    _check_number("seeds times learning_rates", len(each_seed) * len(rates))
    checked = {**network, "activation": template.activations, "bias": template.bias}
    if executor is not None and not isinstance(executor, Executor):
        raise TypeError(
            f"executor is {quoted(executor)}, expected a concurrent.futures.Executor (not the class, one of it)"
        )
    if on_result is not None and not callable(on_result):
        raise TypeError(f"on_result is {quoted(on_result)}, expected a function of a Run")
    pair = None
    if isinstance(options.validation, tuple):
        pair = _Arrays.of(template.model.validation(options.validation))
        options = options._replace(validation=None)
    shared = None if callable(data) else _arrays(template, data, options, give_hints=True)
    rows = shared[0].rows if shared is not None else 0
    runs = [
        Run(seed, rate, template, options.history(rows, template.sizes[-1]))
        for seed, rate in itertools.product(each_seed, rates)
    ]

    def report(places: Iterable[int]) -> None:
        for place in places:
            if on_result is not None:
                on_result(runs[place])

    def jobs() -> Iterator[_Job]:
        """All jobs; where the data of a seed fail, its runs get the error instead."""
        together = max(1, min(TOGETHER, len(runs) // (JOBS if executor is not None else 2 * len(cores()))))
        if template.backend == "python" or not options.by_steps:  # one after another: smaller jobs spread better
            together = 1
        plan = [(place, run.seed, run.learning_rate) for place, run in enumerate(runs)]
        step = len(plan) if shared is not None else len(rates)  # runs on the same data
        for start in range(0, len(plan), step):
            group = plan[start : start + step]
            try:
                trained, measured = shared or _arrays(template, data(group[0][1]), options)  # type: ignore[operator]  # it is callable
            except Exception as error:  # of the caller's function, or of what it returned
                report(_fail(runs, [place for place, _, _ in group], error))
                continue
            for first in range(0, step, together):
                some = group[first : first + together]
                yield _Job(template.sizes, checked, options, trained, measured or pair, some)

    with Progress(epochs * len(runs), f"{len(runs)} trainings: epochs", progress) as bar:
        for job, future in _futures(jobs(), executor, bar):
            _finish(runs, job, future)
            report(place for place, _, _ in job.runs)
    return SweepResult(runs)


def _fail(runs: list[Run], places: list[int], error: Exception) -> list[int]:
    for place in places:
        runs[place].error = error
    return places


def _finish(runs: list[Run], job: _Job, future: Future[list[_Outcome]]) -> None:
    """Writes the outcome of a job to its runs."""
    error = CancelledError() if future.cancelled() else future.exception()
    if error is not None:
        if not isinstance(error, Exception):
            raise error
        _fail(runs, [place for place, _, _ in job.runs], error)
        return
    for outcome in future.result():
        run = runs[outcome.place]
        run.history = outcome.history
        run.final_loss = outcome.final_loss
        run._parameters = outcome.parameters
        run.error = None if outcome.diverged is None else job.options.diverged(outcome.diverged, run.learning_rate)


def _futures(
    jobs: Iterator[_Job], executor: Executor | None, bar: Progress
) -> Iterator[tuple[_Job, Future[list[_Outcome]]]]:
    """Each job with its finished future; the number of unfinished jobs is bounded."""
    stop = threading.Event()
    lock = threading.Lock()

    def tick(epochs: int) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        with lock:
            bar.update(epochs)

    def end() -> None:
        stop.set()
        for future in pending:
            future.cancel()
        if pool is not None:
            pool.shutdown(wait=True)

    pool = ThreadPoolExecutor(len(cores()), "bitprop") if executor is None else None
    most = 2 * len(cores()) if pool is not None else IN_FLIGHT
    threads = pool or (executor if isinstance(executor, ThreadPoolExecutor) else None)  # whose jobs stop at `stop`
    pending: dict[Future[list[_Outcome]], _Job] = {}

    def run() -> Iterator[tuple[_Job, Future[list[_Outcome]]]]:
        more = first = True
        while more or pending:
            if more and len(pending) < most:
                job = next(jobs, None)
                if job is None:
                    more = False
                else:
                    pending[_submit(threads, executor, job, tick, first)] = job
                    first = False
            # Results go first, then further jobs. The time limit is for systems where a wait cannot be interrupted.
            limit = 0.0 if more and len(pending) < most else 0.1
            done, _ = wait(pending, timeout=limit, return_when=FIRST_COMPLETED)
            for future in done:
                job = pending.pop(future)
                if threads is None:
                    bar.update(job.options.epochs * len(job.runs))
                yield job, future

    try:  # around a call, not a loop, some of whose jumps CPython 3.12 and later leave out of a `try`
        try:
            yield from run()
        finally:  # also where the caller was interrupted
            end()
    finally:  # also where an interrupt came just then
        end()


def _submit(
    threads: Executor | None, executor: Executor | None, job: _Job, tick: Callable[[int], None], first: bool
) -> Future[list[_Outcome]]:
    """The job's future; a failed one where the executor refuses the job, unless it is the first, which raises."""
    try:
        if threads is not None:
            return threads.submit(_train, job, tick)
        return executor.submit(_train, job)  # type: ignore[union-attr]  # one of the two is given
    except Exception as error:
        if first:  # an executor that was shut down, or may not start processes here
            raise
        failed: Future[list[_Outcome]] = Future()
        failed.set_exception(error)
        return failed


def _train(job: _Job, tick: Callable[[int], None] | None = None) -> list[_Outcome]:
    """The outcomes of a job, trained in this process. `tick(epochs)` is called with the number of epochs just done."""
    networks = [Network(*job.sizes, **job.network, seed=seed) for _, seed, _ in job.runs]
    values = array("d")
    for network in networks:
        values.extend(network.parameters)
    core, shape = networks[0].model.core, networks[0].model.shape
    data = job.data.data(core)
    measured = None if job.validation is None else job.validation.data(core)
    rates = [rate for _, _, rate in job.runs]
    trainings = _training.Trainings(core, shape, values, data, job.options, rates, measured)

    def after_slice(_rows: int, epochs: int) -> None:
        if tick is not None:
            tick(epochs * len(networks))

    diverged = trainings.run(after_slice)
    count = len(values) // len(networks)
    outcomes = []
    for n, (place, _, _) in enumerate(job.runs):
        parameters = values[n * count : (n + 1) * count]
        networks[n].parameters[:] = memoryview(parameters)
        loss = job.options.loss if LOSSES[job.options.loss] in PARTNERS else LOSSES.index("mse")
        final = networks[n].model.loss(data, loss)
        outcomes.append(_Outcome(place, parameters, trainings.histories[n], final, diverged[n]))
    return outcomes


def _divide(further: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of the network, and those of `fit`. TypeError: one that is neither."""
    known = [*fit_options.FitOptions.__annotations__, *NetworkOptions.__annotations__]
    for name in further:
        if name not in known:
            hint = HINTS.get(name, f"its further options are {', '.join(known)}")
            raise TypeError(f"sweep has no option {name}: {hint}")
    network = {name: value for name, value in further.items() if name in NetworkOptions.__annotations__}
    return network, {name: value for name, value in further.items() if name not in network}


def _rates(options: fit_options.Options, learning_rates: Iterable[float] | None) -> list[float]:
    """The learning rates, checked; that of the rule for None. TypeError, OptionError."""
    if learning_rates is None or RULES[options.rule] not in LEARNING_RATES:
        rate = options.rate(learning_rates)
        return [rate] if isinstance(rate, float) else list(rate)
    return [check.learning_rate(rate) for rate in _several("learning_rates", learning_rates)]


def _sizes(sizes: Any) -> Sequence[int]:
    try:
        return tuple(sizes)
    except TypeError:
        raise TypeError(f"sizes is {quoted(sizes)}, expected the layer sizes, such as (2, 4, 4, 1)") from None


def _several(name: str, values: Any) -> list[Any]:
    if isinstance(values, (str, bytes)):
        raise TypeError(f"{name} is {quoted(values)}, expected several numbers")
    try:
        numbers = list(itertools.islice(values, TRAININGS_END))
    except TypeError:
        raise TypeError(f"{name} is {quoted(values)}, expected several numbers, such as [{quoted(values)}]") from None
    if not numbers:
        raise OptionError(f"{name} is empty, expected at least one")
    _check_number(name, len(numbers))
    return numbers


def _check_number(name: str, trainings: int) -> None:
    if trainings >= TRAININGS_END:
        most = f"fewer than {TRAININGS_END}: divide them into several sweeps"
        raise OptionError(f"{name} are {trainings} or more, expected {most}")


def _arrays(
    network: Network, data: Any, options: fit_options.Options, give_hints: bool = False
) -> tuple[_Arrays, _Arrays | None]:
    """Checked data, and those of them that are split off for validation. ShapeError, DataError, TypeError."""
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        expected = "a pair (x, y), or (x, y, sample_weight), or a function of the seed"
        raise TypeError(f"data is {type(data).__name__}, expected {expected}")
    checked = network.model.data(*data)
    if give_hints:
        hints.on_data(checked.inputs, checked.targets, network.activations[-1])
    trained, measured = network.model.validated(checked, options.validation, options.split_seed)
    return _Arrays.of(trained), None if measured is None else _Arrays.of(measured)


def quantile(ordered: Sequence[float], q: float) -> float:
    """The quantile of ordered values, interpolated between neighbours (Hyndman and Fan 1996, definition 7)."""
    mode.require_standard("a quantile")
    place = q * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    if place == below or ordered[above] == ordered[below]:  # also where both are infinite
        return ordered[below]
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
