# SPDX-License-Identifier: MIT
"""Many trainings in one call: one for each configuration, seed and learning rate, on all cores or on any executor."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Executor
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from ._processors import cores
from ._progress import Progress
from .checks import options as check
from .errors import quoted
from .fit_options import Rate
from .names import RULE_OPTIONS
from .sweep_configurations import (
    LEARNING_RATE,
    Configuration,
    FurtherOptions,
    Grid,
    configurations,
    expect_number,
    several,
    varied,
)
from .sweep_file import SweepFile, digest
from .sweep_jobs import Arrays, Job, Outcome, futures
from .sweep_result import Run, SweepResult
from .sweep_rows import Rows, Split

if TYPE_CHECKING:
    from typing_extensions import Unpack

TOGETHER = 16  # most trainings in a job: a kernel trains as many side by side
JOBS = 32  # fewest jobs of a sweep on an executor, if it has as many trainings

Data = Union[tuple[Any, Any], tuple[Any, Any, Any]]


class _Planned(NamedTuple):
    """A training of a sweep."""

    place: int  # in the result
    configuration: Configuration
    seed: int
    rate: Rate


class _Book:
    """The file of a sweep, as the trainings of its plan have their places there."""

    def __init__(self, file: SweepFile):
        self._file = file
        self._digests: dict[tuple[int, int], str] = {}  # by identity, of a configuration and a rate that live on
        self._data: dict[int, str] = {}  # by seed, where each has its own rows

    def _digest(self, planned: _Planned) -> str:
        key = id(planned.configuration), id(planned.rate)
        if key not in self._digests:
            self._digests[key] = digest(planned.configuration.describe(planned.rate))
        return self._digests[key]

    def find(self, planned: _Planned) -> Outcome | None:
        """What the file has of this training."""
        fields = self._file.ended.get((self._digest(planned), planned.seed))
        if fields is None:
            return None
        try:
            return Outcome.from_fields(planned.place, fields, planned.configuration.template.model.count)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._file.wrong(f"its training of seed {planned.seed} is none: {error}") from None

    def take_data(self, trainings: Iterable[_Planned], data: str) -> None:
        """Takes the digest of the rows of a seed's trainings. SweepFileError: those in the file had others."""
        for one in trainings:
            self._data[one.seed] = data
            fields = self._file.ended.get((self._digest(one), one.seed))
            if fields is not None and fields.get("data") != data:
                raise self._file.error(f"the data of seed {one.seed} differ")

    def add(self, ended: Iterable[tuple[_Planned, Outcome]]) -> None:
        """Writes trainings that have ended. OSError."""
        self._file.append(
            {
                "configuration": self._digest(planned),
                "seed": planned.seed,
                "options": {
                    LEARNING_RATE: planned.rate if isinstance(planned.rate, float) else list(planned.rate),
                    **{name: value for name, value in planned.configuration.entries.items() if name != LEARNING_RATE},
                },
                "data": self._data.get(planned.seed),
                **outcome.to_fields(),
            }
            for planned, outcome in ended
        )


def sweep(
    sizes: Sequence[int] | None,
    data: Data | Callable[[int], Data],
    *,
    seeds: Iterable[int],
    learning_rates: Iterable[float] | None = None,
    epochs: int,
    grid: Grid | None = None,
    log_every: int | None = None,
    executor: Executor | None = None,
    progress: bool | None = False,
    on_result: Callable[[Run], Any] | None = None,
    resume_file: str | os.PathLike[str] | None = None,
    **further: Unpack[FurtherOptions],
) -> SweepResult:
    """Trains a network of `sizes` for each seed and learning rate, to the bits of the same single `fit`.

    `data` is (x, y) or (x, y, sample_weight), as for `fit`, or a function of the seed that returns them.
    `log_every=None` logs the last epoch only. `learning_rates=None` takes that of the rule, as `fit` does; in a run by
    "rprop" or "levenberg_marquardt", which use none, it is 0.0. The trainings run on one thread for each core, or on
    `executor`, any `concurrent.futures.Executor`.
    `grid` has for some options a list of entries each, as in {"rule": ["adam", "rprop"], "sizes": [(2, 4, 1), (2, 8,
    1)]}, or is a list of such grids. Each combination is a configuration, and the order of trainings is that of
    `itertools.product(configurations, seeds, learning_rates)`, where the last option of a grid changes first. Its
    options are `sizes`, which are None then, `learning_rate`, also one for each epoch, and all of `further` but
    `backend` and the scalings.
    `on_result(run)` is called with each training as it ends, in any order. `progress` is that of `fit`. `further`
    options are `batch_size`, `shuffle_seed`, `loss`, `rule` and its options, `validation` and all that stops a
    training, of `fit`, and `activation`, `bias`, `init`, `backend` and the scalings of `Network`. Each training stops
    alone; `validation=(x, y)` is that of all, and a share is taken of each data set. A training that fails, by
    divergence, its data or its worker, has that error in its `Run`; others go on.
    `resume_file`: a path, to which each training that has ended is written at once. A later call takes from it what has
    ended, and trains the rest, to the same result; it may have more seeds, rates and entries of the grid.
    Errors as for `Network` and `fit`, and those of an executor that refuses the first job. SweepFileError: the file is
    altered, of another sweep, or in use. Ctrl-C raises KeyboardInterrupt; `on_result` has then been called with every
    training that had ended.
    """
    each_seed = [check.seed("seed", seed) for seed in several("seeds", seeds)]
    each = configurations(sizes, grid, learning_rates, epochs, log_every, further)
    expect_number("seeds times learning_rates", len(each_seed) * sum(len(one.rates) for one in each))
    if executor is not None and not isinstance(executor, Executor):
        raise TypeError(
            f"executor is {quoted(executor)}, expected a concurrent.futures.Executor (not the class, one of it)"
        )
    if on_result is not None and not callable(on_result):
        raise TypeError(f"on_result is {quoted(on_result)}, expected a function of a Run")
    rows = Rows(data, each)
    plan: list[_Planned] = []
    runs: list[Run] = []
    for one in each:
        rows.split_given(one.options)  # whose errors come before any work
        for seed, rate in itertools.product(each_seed, one.rates):
            plan.append(_Planned(len(plan), one, seed, rate))
            runs.append(Run(seed, rate, one))
    with contextlib.ExitStack() as stack:
        book = None
        if resume_file is not None:
            book = _Book(stack.enter_context(SweepFile(resume_file, _settings(each[0], varied(grid), rows))))
        total = each[0].options.epochs * len(runs)
        bar = stack.enter_context(Progress(total, f"{len(runs)} trainings: epochs", progress))
        work = _Work(plan, runs, rows, on_result, book)
        work.restore(bar)
        work.train(executor, bar)
    return SweepResult(runs)


def _settings(first: Configuration, names: Sequence[str], rows: Rows) -> dict[str, Any]:
    """What a later call that goes on must have, too: all but the seeds, the rates and the entries of the grid."""
    free = {LEARNING_RATE, *names}
    if "rule" in names:
        free.update(name for options in RULE_OPTIONS.values() for name in options)
    if "sizes" in names:
        free.add("activation")  # which has an item for each layer
    if "stop_progress" in names:
        free.update(("log_every", "skipped"))
    fixed = {name: value for name, value in first.describe(first.rates[0]).items() if name not in free}
    given, validation = rows.given, rows.validation
    return {
        **fixed,
        "grid": sorted(names),
        "data": None if given is None else Arrays.of(given).digest(),
        "validation_rows": None if validation is None else validation.digest(),
    }


class _Work:
    """The trainings of a plan on their way to the ends of their runs."""

    def __init__(
        self,
        plan: list[_Planned],
        runs: list[Run],
        rows: Rows,
        on_result: Callable[[Run], Any] | None,
        book: _Book | None,
    ):
        self.plan = plan
        self.runs = runs
        self.rows = rows
        self.on_result = on_result
        self.book = book
        self.left = plan  # what is to be trained

    def report(self, trainings: Iterable[_Planned]) -> None:
        """Tells the caller of trainings that have ended."""
        if self.on_result is not None:
            for one in trainings:
                self.on_result(self.runs[one.place])

    def fail(self, trainings: Sequence[_Planned], error: Exception) -> None:
        """Ends trainings with an error, which no book keeps: the next call tries them again."""
        for one in trainings:
            split = self.rows.split_given(one.configuration.options)
            self.runs[one.place].fail(error, 0 if split is None else split[0].rows)
        self.report(trainings)

    def end(self, one: _Planned, outcome: Outcome) -> None:
        """Gives a run what its training left."""
        diverged = outcome.diverged
        error = None if diverged is None else one.configuration.options.diverged(diverged, one.rate)
        self.runs[one.place].end(outcome.parameters, outcome.history, outcome.final_loss, error)

    def restore(self, bar: Progress) -> None:
        """Ends what the book has; the rest is left."""
        if self.book is None:
            return
        self.left = []
        for one in self.plan:
            outcome = self.book.find(one)
            if outcome is None:
                self.left.append(one)
            else:
                self.end(one, outcome)
                bar.update(one.configuration.options.epochs)
                self.report([one])

    def _groups(self) -> Iterator[tuple[Configuration, Split, list[_Planned]]]:
        """What is left, by what the trainings of a job have in common."""
        if self.rows.given is None:
            yield from self._groups_by_seed()
            return
        for configuration, trainings in _by_configuration(self.left):
            split = self.rows.split_given(configuration.options)
            if split is not None:
                yield configuration, split, trainings

    def _groups_by_seed(self) -> Iterator[tuple[Configuration, Split, list[_Planned]]]:
        """The same where each seed has its own rows; where these fail, its runs get the error instead."""
        by_seed: dict[int, list[_Planned]] = {}
        for one in self.plan:
            by_seed.setdefault(one.seed, []).append(one)
        left = {one.place for one in self.left}
        for seed, trainings in by_seed.items():
            waiting = [one for one in trainings if one.place in left]
            try:
                rows = self.rows.of(seed)
            except Exception as error:  # of the caller's function, or of what it returned
                self.fail(waiting, error)
                continue
            if self.book is not None:
                self.book.take_data(trainings, Arrays.of(rows).digest())
            for configuration, group in _by_configuration(waiting):
                try:
                    split = self.rows.split(rows, configuration.options)
                except Exception as error:  # a share of too few rows
                    self.fail(group, error)
                    continue
                yield configuration, split, group

    def _jobs(self, least: int) -> Iterator[Job]:
        """What is left as jobs, at least so many, if there are as many trainings."""
        most = max(1, min(TOGETHER, len(self.left) // least))
        for configuration, (trained, measured), trainings in self._groups():
            options = configuration.options
            one_by_one = configuration.template.backend == "python" or not options.by_steps
            together = 1 if one_by_one else most  # smaller jobs spread better
            if isinstance(options.validation, tuple):
                options = options._replace(validation=None)  # those rows are the job's
            for first in range(0, len(trainings), together):
                some = [(one.place, one.seed, one.rate) for one in trainings[first : first + together]]
                yield Job(configuration.template.sizes, configuration.network, options, trained, measured, some)

    def train(self, executor: Executor | None, bar: Progress) -> None:
        """Trains what is left."""
        jobs = self._jobs(JOBS if executor is not None else 2 * len(cores()))
        for job, future in futures(jobs, executor, bar):
            trainings = [self.plan[place] for place, _, _ in job.runs]
            error = CancelledError() if future.cancelled() else future.exception()
            if error is None:
                ended = list(zip(trainings, future.result()))
                if self.book is not None:
                    self.book.add(ended)
                for one, outcome in ended:
                    self.end(one, outcome)
                self.report(trainings)
            elif isinstance(error, Exception):
                self.fail(trainings, error)
            else:
                raise error


def _by_configuration(trainings: Iterable[_Planned]) -> Iterator[tuple[Configuration, list[_Planned]]]:
    """Successive trainings of one configuration."""
    for _, group in itertools.groupby(trainings, lambda one: id(one.configuration)):
        together = list(group)
        yield together[0].configuration, together
