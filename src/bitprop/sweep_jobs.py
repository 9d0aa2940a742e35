# SPDX-License-Identifier: MIT
"""The jobs of a sweep, trainings of one data set that travel to a thread, a process or a machine; their outcomes."""

from __future__ import annotations

import functools
import hashlib
import queue
import threading
import warnings
from array import array
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from typing import Any, NamedTuple

from . import _training, model_file
from ._processors import cores
from ._progress import Progress
from .checks import matrices
from .checks import options as check
from .core import Core
from .fit_options import Options, Rate
from .history import History
from .model import pauses
from .names import LOSSES, PARTNERS
from .network import Network
from .receipts.record import Draft

IN_FLIGHT = 256  # most jobs that an executor holds at once


class Arrays(NamedTuple):
    """Checked data as arrays, which can be pickled."""

    each: tuple[array[float], ...]  # inputs, targets and, where there are any, weights
    rows: int

    @classmethod
    def of(cls, data: matrices.Data) -> Arrays:
        """Those of checked data."""
        given = filter(None, (data.inputs, data.targets, data.weights))
        return cls(tuple(matrices.to_array(rows.values) for rows in given), data.rows)

    def data(self, core: Core) -> matrices.Data:
        """The data for this core."""
        rows = [
            matrices.Rows(values, core.readable(values), self.rows, len(values) // self.rows, "buffer")
            for values in self.each
        ]
        return matrices.Data.of(core, *rows)

    def digest(self) -> str:
        """The SHA-256 of all numbers, in hexadecimal: the same on every machine."""
        digest = hashlib.sha256()
        for values in self.each:
            digest.update(f"{len(values)} of {self.rows} rows\n".encode())
            digest.update(matrices.octets(values))
        return digest.hexdigest()


class Job(NamedTuple):
    """Trainings of one data set, in a form that can be sent to another process or machine."""

    sizes: tuple[int, ...]
    network: Mapping[str, Any]  # options of the network
    options: Options
    data: Arrays
    validation: Arrays | None
    runs: list[tuple[int, int, Rate]]  # place in the result, seed, learning rate
    receipts: bool = False  # whether they are wanted


class Outcome(NamedTuple):
    """The outcome of one training of a job."""

    place: int
    parameters: array[float]
    history: History
    final_loss: float
    diverged: int | None  # in which epoch
    receipt: str | None = None  # its text, where it is wanted

    def to_fields(self) -> dict[str, Any]:
        """All but the place, as the file of a sweep has it."""
        [final_loss] = model_file.to_hex([self.final_loss])
        return {
            "parameters": model_file.to_hex(self.parameters),
            "final_loss": final_loss,
            "diverged": self.diverged,
            "history": self.history.to_fields(),
        }

    @classmethod
    def from_fields(cls, place: int, fields: Mapping[str, Any], count: int) -> Outcome:
        """The outcome of so many parameters that `to_fields` wrote. AttributeError, KeyError, TypeError, ValueError."""
        parameters, [final_loss] = (
            model_file.from_hex(fields["parameters"]),
            model_file.from_hex([fields["final_loss"]]),
        )
        if len(parameters) != count:
            raise ValueError(f"{len(parameters)} parameters, expected {count}")
        diverged = fields["diverged"]
        if diverged is not None:
            check.integer("diverged", diverged, 0)
        return cls(place, parameters, History.from_fields(fields["history"]), final_loss, diverged)


class _Submitted(NamedTuple):
    """A job on its way."""

    job: Job
    ticks: bool  # whether it tells of its epochs, and stops where it is told to
    again: bool  # whether it is tried for the second time


class _Submissions:
    """The jobs that an executor has, or threads of this process."""

    def __init__(self, executor: Executor | None, bar: Progress):
        self._executor = executor
        self._bar = bar
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._own: list[ThreadPoolExecutor] = []  # at most one, with a thread for each core
        self.pending: dict[Future[list[Outcome]], _Submitted] = {}
        # Filled by the futures themselves: Ctrl-C in concurrent.futures.wait() can leave their locks taken for ever.
        self.done: queue.SimpleQueue[Future[list[Outcome]]] = queue.SimpleQueue()

    def _tick(self, epochs: int) -> None:
        if self._stop.is_set():
            raise KeyboardInterrupt
        with self._lock:
            self._bar.update(epochs)

    def end(self) -> None:
        """Stops what can be stopped, and waits for the threads of this process."""
        self._stop.set()
        for future in self.pending:
            future.cancel()
        for pool in self._own:
            pool.shutdown(wait=True)

    def _submit_here(self, job: Job, again: bool) -> None:
        if not self._own:
            self._own.append(ThreadPoolExecutor(len(cores()), "bitprop"))
        self._add(self._own[0].submit(train, job, self._tick), _Submitted(job, True, again))

    def _add(self, future: Future[list[Outcome]], submitted: _Submitted) -> None:
        self.pending[future] = submitted
        future.add_done_callback(self.done.put)

    def submit(self, job: Job, first: bool = False, again: bool = False) -> None:
        """Makes the job a pending one; where the executor refuses it a failed one, or where it is the first, raises."""
        executor = self._executor
        if executor is None:
            self._submit_here(job, again)
            return
        ticks = isinstance(executor, ThreadPoolExecutor)
        try:
            future = executor.submit(train, job, self._tick) if ticks else executor.submit(train, job)
        except Exception as error:
            if first:  # an executor that was shut down, or may not start processes here
                raise
            if isinstance(error, BrokenExecutor):
                if not self._own:
                    text = f"the executor has failed ({error}): the trainings go on in threads of this process"
                    warnings.warn(text, RuntimeWarning, stacklevel=2)
                self._submit_here(job, again)
                return
            future = Future()
            future.set_exception(error)
        self._add(future, _Submitted(job, ticks, again))

    def take(self, future: Future[list[Outcome]]) -> Job | None:
        """The job that has finished; None where the executor lost it for the first time: it is tried once more."""
        job, ticks, again = self.pending.pop(future)
        is_lost = not future.cancelled() and isinstance(future.exception(), Exception)
        if is_lost and self._executor is not None and not again:
            self.submit(job, again=True)
            return None
        if not ticks:
            self._bar.update(job.options.epochs * len(job.runs))
        return job


def futures(
    jobs: Iterator[Job], executor: Executor | None, bar: Progress
) -> Iterator[tuple[Job, Future[list[Outcome]]]]:
    """Each job with its finished future; the number of unfinished jobs is bounded.

    A job that the executor loses or refuses is tried once more. Where the executor is broken, as a pool of processes is
    when one of them dies, its jobs and those that follow are trained in threads of this process.
    """
    submissions = _Submissions(executor, bar)
    most = 2 * len(cores()) if executor is None else IN_FLIGHT
    pending = submissions.pending

    def run() -> Iterator[tuple[Job, Future[list[Outcome]]]]:
        more = first = True
        while more or pending:
            if more and len(pending) < most:
                next_job = next(jobs, None)
                if next_job is None:
                    more = False
                else:
                    submissions.submit(next_job, first)
                    first = False
            # Results go first, then further jobs. The time limit is for systems where a wait cannot be interrupted.
            try:
                future = submissions.done.get(timeout=0.0 if more and len(pending) < most else 0.1)
            except queue.Empty:
                continue
            job = submissions.take(future)
            if job is not None:
                yield job, future

    try:  # around a call, not a loop, some of whose jumps CPython 3.12 and later leave out of a `try`
        try:
            yield from run()
        finally:  # also where the caller was interrupted
            submissions.end()
    finally:  # also where an interrupt came just then
        submissions.end()


def train(job: Job, tick: Callable[[int], None] | None = None) -> list[Outcome]:
    """The outcomes of a job, trained in this process. `tick(epochs)` is called with the number of epochs just done."""
    if tick is None:
        return _train(job, int)
    pauses.between = functools.partial(tick, 0)
    try:
        return _train(job, tick)
    finally:
        pauses.between = int  # the thread may be used by others


def _train(job: Job, tick: Callable[[int], Any]) -> list[Outcome]:
    networks = [Network(*job.sizes, **job.network, seed=seed) for _, seed, _ in job.runs]
    values = array("d")
    for network in networks:
        values.extend(network.parameters)
    core, shape = networks[0].model.core, networks[0].model.shape
    data = job.data.data(core)
    measured = None if job.validation is None else job.validation.data(core)
    rates = [rate for _, _, rate in job.runs]
    drafts = _drafts(job, networks, data)
    recorders = [draft.recorder() for draft in drafts]
    options = core, shape, values, data, job.options, rates, measured
    trainings = _training.Trainings(*options, recorders=recorders)

    def after_slice(_rows: int, epochs: int) -> None:
        tick(epochs * len(networks))

    diverged = trainings.run(after_slice)
    count = len(values) // len(networks)
    outcomes = []
    for n, (place, _, _) in enumerate(job.runs):
        parameters = values[n * count : (n + 1) * count]
        networks[n].parameters[:] = memoryview(parameters)
        loss = job.options.loss if LOSSES[job.options.loss] in PARTNERS else LOSSES.index("mse")
        final = networks[n].model.loss(data, loss)
        history, receipt = trainings.histories[n], None
        if drafts and diverged[n] is None:
            receipt = drafts[n].ended(recorders[n], history, networks[n].model.encode()).text()
        outcomes.append(Outcome(place, parameters, history, final, diverged[n], receipt))
    return outcomes


def _drafts(job: Job, networks: list[Network], data: matrices.Data) -> list[Draft]:
    """The beginnings of the receipts, where they are wanted."""
    if not job.receipts:
        return []
    rows = job.validation is not None and job.options.validation is None
    options = job.options._replace(validation=()) if rows else job.options
    return [Draft(network.model, options, rate, data) for network, (_, _, rate) in zip(networks, job.runs)]
