# SPDX-License-Identifier: MIT
"""The overshoot study: where trainings on the lab report's linear data get stuck, and the size that fits its figures.

The set-up is the lab's: 2-4-4-1 sigmoid, normal weights, the full batch and half_sse; a seed gives data and network.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .. import datasets
from .._progress import Progress
from .._sweep import sweep
from ..checks import options as check
from ..core import mode
from ..errors import DivergedError, OptionError, quoted
from ..names import LEARNING_RATES, RULES, Backend, Rule
from ..sweep_result import Run, quantile
from .report import EXPERIMENTS, SIZES, Experiment, report_tables

ROWS = (50, 100, 150, 200, 250, 300, 400, 500, 700, 1000)
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
RULES_TRIED: tuple[Rule, ...] = ("descent", "momentum", "adam", "rprop")
EPOCHS = 5000
SEEDS = 20
HIGH = 0.25  # of the targets' variance, the mse of their mean: plateaus lie above, and what learns falls below
REST = 0.01  # a loss that changes by less of it in the second half of a training has come to rest
REPORTS = tuple(experiment for experiment in EXPERIMENTS if experiment.points == 400)  # those "over 200"
FIT_ROWS = tuple(range(220, 501, 20))
FIT_SEEDS = 100
COLUMNS = ("rule", "bias", "rows", "learning_rate", "trainings", "stuck", "slow", "learnt", "median_mse")


class Study(NamedTuple):
    """What is trained: every combination of these, from `seeds` seeds from `seed` on."""

    rows: Sequence[int] = ROWS
    rates: Sequence[float] = RATES
    rules: Sequence[Rule] = RULES_TRIED
    biases: Sequence[bool] = (False, True)
    epochs: int = EPOCHS
    seeds: int = SEEDS
    seed: int = 0
    backend: Backend | None = None

    def check(self) -> Study:
        """The study, checked. OptionError, TypeError."""
        for name, values in (("rows", self.rows), ("learning rates", self.rates), ("rules", self.rules)):
            if not values or len(set(values)) < len(values):
                raise OptionError(f"{name} are {quoted(list(values))}, expected one or more, each of them once")
        for rows in self.rows:
            check.integer("rows", rows, 2)
        for rule in self.rules:
            check.choice("rule", rule, RULES)
        check.integer("epochs", self.epochs, 2)
        check.integer("seeds", self.seeds, 1)
        _check_seeds(self.seed, self.seeds)
        return self

    @property
    def trainings(self) -> int:
        """How many there are."""
        return len(self.rows) * self.seeds * len(self.biases) * sum(len(self.rates_of(rule)) for rule in self.rules)

    def rates_of(self, rule: Rule) -> Sequence[float | None]:
        """The learning rates of a rule; None stands for a rule that has none."""
        return self.rates if rule in LEARNING_RATES else (None,)


class Cell(NamedTuple):
    """The trainings of one rule, with or without biases, of one number of rows and one learning rate."""

    rule: Rule
    bias: bool
    rows: int
    learning_rate: float | None
    trainings: int
    stuck: int  # whose loss is high and has come to rest
    slow: int  # whose loss is high and goes on changing
    median_mse: float  # of the final parameters

    @property
    def learnt(self) -> int:
        """How many trainings have a low loss."""
        return self.trainings - self.stuck - self.slow

    def to_json(self) -> dict[str, Any]:
        """The form that `bitprop lab overshoot --json` prints, and the fields of a line of the CSV file."""
        return {name: getattr(self, name) for name in COLUMNS}


class Fit(NamedTuple):
    """How well the report's losses fit those of many seeds with one number of rows; less is better.

    The scores are in the order of REPORTS, each the continuous ranked probability score of log10(loss): E|X - r| -
    E|X - X'|/2, for the report's figure r and losses X, X' of independent seeds (Gneiting and Raftery, Strictly proper
    scoring rules, JASA 102, 2007), and its mean over the report's epochs. It is least, on the average, for the
    distribution that the figures were drawn from.
    """

    rows: int
    scores: list[float]

    @property
    def total(self) -> float:
        """The sum of the scores."""
        return math.fsum(self.scores)


def is_high(mse: float, targets: Sequence[Sequence[float]]) -> bool:
    """Whether the mse is above HIGH times that of the best constant output, for targets of 0 and 1."""
    ones = sum(int(target[0]) for target in targets)
    return mse > HIGH * (ones * (len(targets) - ones) / len(targets) ** 2)


def is_at_rest(run: Run) -> bool:
    """Whether the mse changed by less than the share REST from the middle of the training to its end.

    So has one that ended before its middle because its rule found no better step, or because it diverged.
    """
    middle = run.history.mse[1:2] or [run.final_mse]
    return run.error is not None or abs(run.final_mse - middle[0]) < REST * middle[0]


def run(study: Study, progress: bool | None = False, ready: Callable[[Cell], None] | None = None) -> list[Cell]:
    """The cells, in the order of rules, biases, rows and rates; `ready` is called with each as it is there.

    OptionError, BackendError.
    """
    cells: dict[tuple[Any, ...], Cell] = {}
    with Progress(study.trainings, f"{study.trainings} trainings", progress) as bar:
        for rows in study.rows:
            targets = {seed: datasets.linear(rows, seed)[1] for seed in range(study.seed, study.seed + study.seeds)}
            result = sweep(
                SIZES,
                lambda seed, rows=rows: datasets.linear(rows, seed),  # type: ignore[misc]
                seeds=targets,
                epochs=study.epochs,
                log_every=study.epochs // 2,
                grid=[_grid(study, rule) for rule in study.rules],
                backend=study.backend,
                on_result=lambda _: bar.update(1),
            )
            for options, runs in result.configurations:
                cell = _cell(rows, options, list(runs), [targets[seed] for seed in runs.seeds])
                cells[cell[:4]] = cell
                if ready is not None:
                    ready(cell)
    order = [
        (rule, bias, rows, rate)
        for rule in study.rules
        for bias in study.biases
        for rows in study.rows
        for rate in study.rates_of(rule)
    ]
    return [cells[key] for key in order]


def _grid(study: Study, rule: Rule) -> dict[str, Any]:
    rates = {"learning_rate": list(study.rates)} if rule in LEARNING_RATES else {}
    return {"rule": [rule], "bias": list(study.biases), **rates}


def _cell(rows: int, options: dict[str, Any], runs: Sequence[Run], targets: Sequence[Any]) -> Cell:
    for run in runs:
        if run.error is not None and not isinstance(run.error, DivergedError):
            raise run.error
    high = [run for run, labels in zip(runs, targets) if run.error is not None or is_high(run.final_mse, labels)]
    stuck = sum(map(is_at_rest, high))
    rule: Rule = options["rule"]
    rate = options["learning_rate"] if rule in LEARNING_RATES else None
    median = quantile(sorted(run.final_mse for run in runs), 0.5)
    return Cell(rule, options["bias"], rows, rate, len(runs), stuck, len(high) - stuck, median)


def csv_text(cells: Sequence[Cell]) -> str:
    """The CSV file of the cells, with the columns COLUMNS; numbers read back to the same bits."""
    mode.require_standard("writing decimal digits")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for cell in cells:
        fields = cell.to_json()
        writer.writerow(
            ["" if value is None else repr(value) if isinstance(value, float) else value for value in fields.values()]
        )
    return text.getvalue()


def sha256(cells: Sequence[Cell]) -> str:
    """The SHA-256 of the CSV file, in hexadecimal."""
    return hashlib.sha256(csv_text(cells).encode()).hexdigest()


def check_fit(seeds: int, seed: int) -> None:
    """OptionError: `fit` cannot have these seeds."""
    check.integer("--fit-seeds (or 0, for no fit)", seeds, 2)
    _check_seeds(seed, seeds)


def fit(
    seeds: int = FIT_SEEDS,
    seed: int = 0,
    backend: Backend | None = None,
    progress: bool | None = False,
    sizes: Sequence[int] = FIT_ROWS,
    reports: Sequence[Experiment] = REPORTS,
) -> list[Fit]:
    """How well the report's tables "over 200" fit trainings of each of these numbers of rows.

    OptionError, BackendError, DivergedError.
    """
    check_fit(seeds, seed)
    tables = report_tables()
    fits = [Fit(rows, []) for rows in sizes]
    count = len(fits) * len(reports) * seeds
    with Progress(count, f"{count} trainings for the fit", progress) as bar:
        for each in fits:
            for experiment in reports:
                runs = sweep(
                    SIZES,
                    lambda seed, rows=each.rows: datasets.linear(rows, seed),  # type: ignore[misc]
                    seeds=range(seed, seed + seeds),
                    learning_rates=(experiment.learning_rate,),
                    epochs=experiment.epochs - experiment.every + 1,  # the last of the report's lines
                    log_every=experiment.every,
                    bias=False,
                    backend=backend,
                    on_result=lambda _: bar.update(1),
                )
                for error in filter(None, runs.errors):
                    raise error
                report = tables[experiment.name]["loss"]
                each.scores.append(score(report, [history.mse for history in runs.histories]))
    return fits


def score(report: Sequence[float], losses: Sequence[Sequence[float]]) -> float:
    """The score that `Fit` describes, of each seed's losses at the report's epochs."""
    mode.require_standard("a score")
    scores = []
    for figure, each in zip(report, zip(*losses)):
        logs = sorted(math.log10(loss) for loss in each)
        n = len(logs)
        spread = math.fsum((2 * place + 1 - n) * log for place, log in enumerate(logs))  # half the sum of all |X - X'|
        scores.append(math.fsum(abs(log - math.log10(figure)) for log in logs) / n - spread / n**2)
    return math.fsum(scores) / len(scores)


def best(fits: Sequence[Fit]) -> Fit:
    """The fit with the least total; the first of equal ones."""
    return min(fits, key=lambda each: each.total)


def _check_seeds(seed: int, seeds: int) -> None:
    check.seed("seed", seed)
    if seed + seeds > check.SEED_END:
        raise OptionError(f"seed {seed} and the {seeds} from it on reach 2^64, expected seeds below")


def to_json(study: Study, cells: Sequence[Cell], fits: Sequence[Fit], fit_seeds: int) -> dict[str, Any]:
    """The form that `bitprop lab overshoot --json` prints. `fits`: of so many seeds; none where there is no fit."""
    tables = [experiment.name for experiment in REPORTS]
    scores = [{"rows": fit.rows, **dict(zip(tables, fit.scores)), "sum": fit.total} for fit in fits]
    return {
        "seed": study.seed,
        "seeds": study.seeds,
        "epochs": study.epochs,
        "sha256": sha256(cells),
        "cells": [cell.to_json() for cell in cells],
        "fit": {"seeds": fit_seeds, "scores": scores, "best": best(fits).rows if fits else None},
    }


def counts(study: Study, cells: Sequence[Cell], rule: Rule, bias: bool) -> list[list[str]]:
    """A line for each learning rate: the rate, "-" for none, then the stuck, and the slow, of each number of rows."""
    lines = []
    for rate in study.rates_of(rule):
        of_rate = [cell for cell in cells if (cell.rule, cell.bias, cell.learning_rate) == (rule, bias, rate)]
        shown = [f"{cell.stuck}" + (f" +{cell.slow}" if cell.slow else "") for cell in of_rate]
        lines.append(["-" if rate is None else f"{rate:g}", *shown])
    return lines


def heading(study: Study, rule: Rule, bias: bool) -> str:
    """What `counts` counts."""
    biases = "with biases" if bias else "without biases"
    return f"{rule}, {biases}: stuck of {study.seeds} trainings (+ slow), {study.epochs} epochs"


def text(study: Study, cells: Sequence[Cell]) -> str:
    """The shares as tables, one for each rule, with and without biases: rows across, learning rates down."""
    lines = []
    for rule in study.rules:
        for bias in study.biases:
            lines.append(heading(study, rule, bias))
            lines.append(f"{'rate':>8} " + "".join(f"{rows:>8}" for rows in study.rows) + "  rows")
            for rate, *shown in counts(study, cells, rule, bias):
                lines.append(f"{rate:>8} " + "".join(f"{each:>8}" for each in shown))
            lines.append("")
    lines.append(f"sha256 of the table: {sha256(cells)}")
    return "\n".join(lines)


def fit_text(fits: Sequence[Fit], seeds: int, seed: int) -> str:
    """The scores as a table, and the best of them."""
    heads = "".join(f"{f'rate {experiment.learning_rate:g}':>12}" for experiment in REPORTS)
    lines = [
        f"the report's tables over 200 beside trainings of seeds {seed} to {seed + seeds - 1}, without biases:",
        f"{'rows':>6}{heads}{'sum':>12}",
    ]
    for each in fits:
        scores = "".join(f"{value:>12.4f}" for value in (*each.scores, each.total))
        lines.append(f"{each.rows:>6}{scores}" + ("  best" if each is best(fits) else ""))
    lines.append("continuous ranked probability scores of log10(loss), the mean over the epochs; less is better")
    return "\n".join(lines)
