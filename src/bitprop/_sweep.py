# SPDX-License-Identifier: MIT
"""Many trainings in one call: one for each configuration, seed and learning rate, on all cores or on any executor."""

from __future__ import annotations

import bisect
import contextlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Executor
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from . import _files
from ._processors import cores
from ._progress import Progress
from .checks import options as check
from .errors import OptionError, quoted
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
SUCCESSIVE = 16 * 9 * 5 * 7  # trainings that are planned at once: a multiple of what most jobs have
SIDE_BY_SIDE = 1_000_000  # most parameters of several, so that a slice stays short
JOBS = 32  # fewest jobs of a sweep on an executor, if it has as many trainings

Data = Union[tuple[Any, Any], tuple[Any, Any, Any]]


class _Planned(NamedTuple):
    """A training of a sweep."""

    place: int  # in the result
    configuration: Configuration
    seed: int
    rate: Rate


class _Plan(Sequence[_Planned]):
    """The trainings of a sweep, each made when it is asked for: there may be millions."""

    def __init__(self, each: Sequence[Configuration], seeds: Sequence[int]):
        self._each, self._seeds = each, seeds
        self._ends = list(itertools.accumulate(len(seeds) * len(one.rates) for one in each))

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        number = bisect.bisect_right(self._ends, place)
        one = self._each[number]
        seed, rate = divmod(place - self._begin(number), len(one.rates))
        return _Planned(place, one, self._seeds[seed], one.rates[rate])

    def _begin(self, number: int) -> int:
        return self._ends[number - 1] if number > 0 else 0

    def by_seed(self) -> Iterator[tuple[int, list[_Planned]]]:
        """Each seed, once, with its trainings in their order."""
        positions: Iterable[tuple[int, list[int]]] = ((seed, [place]) for place, seed in enumerate(self._seeds))
        if len(set(self._seeds)) < len(self._seeds):
            same: dict[int, list[int]] = {}
            for seed, places in positions:
                same.setdefault(seed, []).extend(places)
            positions = same.items()
        for seed, places in positions:
            yield (
                seed,
                [
                    self[self._begin(number) + place * len(one.rates) + rate]
                    for number, one in enumerate(self._each)
                    for place in places
                    for rate in range(len(one.rates))
                ],
            )


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
    keep: bool = True,
    resume_file: str | os.PathLike[str] | None = None,
    receipt: str | os.PathLike[str] | None = None,
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
    `on_result(run)` is called with each training as it ends, in any order. With `keep=False` that is all that is left
    of it: the result is empty, and memory does not grow with the trainings. `progress` is that of `fit`. `further`
    options are `batch_size`, `shuffle_seed`, `loss`, `rule` and its options, `validation` and all that stops a
    training, of `fit`, and `activation`, `bias`, `init`, `backend` and the scalings of `Network`. Each training stops
    alone; `validation=(x, y)` is that of all, and a share is taken of each data set. A training that fails, by
    divergence, its data or its worker, has that error in its `Run`; others go on.
    `resume_file`: a path, to which each training that has ended is written at once. A later call takes from it what has
    ended, and trains the rest, to the same result; it may have more seeds, rates and entries of the grid.
    `receipt`: a folder, made where it is missing, for a receipt of each training that ends without an error, as `fit`
    writes one; its name is the training's place in the result, such as 00000.json. It takes no `resume_file`.
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
    if not check.boolean("keep", keep) and on_result is None:
        raise OptionError("keep is False without on_result, expected a function that takes the results")
    folder = None if receipt is None else check.path(receipt)
    if folder is not None and resume_file is not None:
        raise OptionError("receipt is given with resume_file, expected one of them: receipts are of whole sweeps")
    rows = Rows(data, each)
    for one in each:
        rows.split_given(one.options)  # whose errors come before any work
    plan = _Plan(each, each_seed)
    runs = [Run(one.seed, one.rate, one.configuration) for one in plan] if keep else None
    if folder is not None:
        os.makedirs(folder, exist_ok=True)
    with contextlib.ExitStack() as stack:
        book = None
        if resume_file is not None:
            book = _Book(stack.enter_context(SweepFile(resume_file, _settings(each[0], varied(grid), rows))))
        total = each[0].options.epochs * len(plan)
        bar = stack.enter_context(Progress(total, f"{len(plan)} trainings: epochs", progress))
        work = _Work(plan, runs, rows, on_result, book, folder)
        work.restore(bar)
        work.train(executor, bar)
    return SweepResult(runs or [])


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
        plan: _Plan,
        runs: list[Run] | None,
        rows: Rows,
        on_result: Callable[[Run], Any] | None,
        book: _Book | None,
        receipts: str | None,
    ):
        self.plan = plan
        self.runs = runs
        self.rows = rows
        self.on_result = on_result
        self.book = book
        self.receipts = receipts
        self.left: Sequence[_Planned] = plan  # what is to be trained

    def run_of(self, one: _Planned) -> Run:
        """The run of a training that has ended: that of the result, or one that nobody keeps."""
        return Run(one.seed, one.rate, one.configuration) if self.runs is None else self.runs[one.place]

    def report(self, runs: Iterable[Run]) -> None:
        """Tells the caller of runs that have ended."""
        if self.on_result is not None:
            for run in runs:
                self.on_result(run)

    def fail(self, trainings: Sequence[_Planned], error: Exception) -> None:
        """Ends trainings with an error, which no book keeps: the next call tries them again."""
        runs = []
        for one in trainings:
            split = self.rows.split_given(one.configuration.options)
            runs.append(self.run_of(one))
            runs[-1].fail(error, 0 if split is None else split[0].rows)
        self.report(runs)

    def end(self, one: _Planned, outcome: Outcome) -> Run:
        """Gives a run what its training left, and writes its receipt."""
        if self.receipts is not None:
            path = os.path.join(self.receipts, f"{one.place:05}.json")
            if outcome.receipt is not None:
                _files.write(path, outcome.receipt)
            else:  # one of another sweep is not this training's
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
        diverged = outcome.diverged
        error = None if diverged is None else one.configuration.options.diverged(diverged, one.rate)
        run = self.run_of(one)
        run.end(outcome.parameters, outcome.history, outcome.final_loss, error)
        return run

    def restore(self, bar: Progress) -> None:
        """Ends what the book has; the rest is left."""
        if self.book is None:
            return
        left = []
        for one in self.plan:
            outcome = self.book.find(one)
            if outcome is None:
                left.append(one)
            else:
                run = self.end(one, outcome)
                bar.update(one.configuration.options.epochs)
                self.report([run])
        self.left = left

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
        left = None if self.left is self.plan else {one.place for one in self.left}
        for seed, trainings in self.plan.by_seed():
            waiting = [one for one in trainings if left is None or one.place in left]
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
        most = max(1, min(TOGETHER, len(self.left) // least))  # smaller jobs spread better
        for configuration, (trained, measured), trainings in self._groups():
            options = configuration.options
            one_by_one = configuration.template.backend == "python" or not options.by_steps
            together = 1 if one_by_one else min(most, max(1, SIDE_BY_SIDE // configuration.template.model.count))
            if isinstance(options.validation, tuple):
                options = options._replace(validation=None)  # those rows are the job's
            for first in range(0, len(trainings), together):
                wanted = self.receipts is not None
                some = [(one.place, one.seed, one.rate) for one in trainings[first : first + together]]
                yield Job(configuration.template.sizes, configuration.network, options, trained, measured, some, wanted)

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
                self.report([self.end(one, outcome) for one, outcome in ended])
            elif isinstance(error, Exception):
                self.fail(trainings, error)
            else:
                raise error


def _by_configuration(trainings: Iterable[_Planned]) -> Iterator[tuple[Configuration, list[_Planned]]]:
    """Successive trainings of one configuration, some at a time."""
    for _, group in itertools.groupby(trainings, lambda one: id(one.configuration)):
        while together := list(itertools.islice(group, SUCCESSIVE)):
            yield together[0].configuration, together
