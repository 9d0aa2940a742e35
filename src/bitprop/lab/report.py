# SPDX-License-Identifier: MIT
"""The lab report reproduced: its four loss tables beside ours, and beside the quantiles of many seeds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from importlib import resources
from typing import Any, NamedTuple

from .. import csv_tables, datasets
from .._sweep import sweep
from ..checks import options as check
from ..errors import OptionError
from ..history import History
from ..names import Backend
from ..network import Network
from ..sweep_result import quantile

SIZES = (2, 4, 4, 1)
QUANTILES = (0.01, 0.1, 0.5, 0.9, 0.99)
FEW = 50  # seeds below which the 1 % and 99 % quantiles are little more than the smallest and the largest
FINER = 1000  # logged epochs for each of the report's, so that pictures show the first ones too


class Experiment(NamedTuple):
    """One of the report's trainings."""

    name: str  # of its table in report_tables.json
    title: str
    points: int  # of the linear data; 0 = xor
    learning_rate: float
    epochs: int
    every: int  # epochs from one of the report's lines to the next

    @property
    def log_every(self) -> int:
        """Epochs from one logged epoch to the next."""
        return max(1, self.every // FINER)

    @property
    def step(self) -> int:
        """Logged epochs from one of the report's lines to the next."""
        return self.every // self.log_every

    def data(self, seed: int) -> tuple[csv_tables.Rows, csv_tables.Rows]:
        """Inputs and targets, drawn from the seed."""
        return datasets.linear(self.points, seed) if self.points else datasets.xor()


EXPERIMENTS = (
    Experiment("linear", "linear data, 100 points, learning rate 1", 100, 1.0, 100_000, 5000),
    Experiment("xor", "xor data, 21 points, learning rate 1", 0, 1.0, 100_000, 5000),
    Experiment(
        "linear_over_200_learning_rate_1", "linear data, 400 points, learning rate 1: overshoot", 400, 1.0, 10_000, 1000
    ),
    Experiment(
        "linear_over_200_learning_rate_0.01", "linear data, 400 points, learning rate 0.01", 400, 0.01, 10_000, 1000
    ),
)


class Table(NamedTuple):
    """One experiment's outcome. Losses are mean squared errors, at the report's epochs."""

    experiment: Experiment
    epochs: list[int]
    report: list[float]
    histories: list[History]  # of every seed; empty without seeds
    seed: int  # of the single run
    network: Network  # of the single run, trained
    history: History  # likewise

    @property
    def loss(self) -> list[float]:
        """The single run's losses."""
        return self.history.mse[:: self.experiment.step]

    @property
    def losses(self) -> list[list[float]]:
        """Every seed's losses."""
        return [history.mse[:: self.experiment.step] for history in self.histories]

    @property
    def quantiles(self) -> dict[str, list[float]]:
        """For each of QUANTILES, the loss at each of the epochs."""
        return _quantiles(self.losses)

    @property
    def quantile_curves(self) -> dict[str, list[float]]:
        """For each of QUANTILES, the loss at every logged epoch."""
        return _quantiles([history.mse for history in self.histories])

    @property
    def outside(self) -> list[int]:
        """The epochs at which the report's loss is not between the 1 % and 99 % quantiles."""
        quantiles = self.quantiles
        if not quantiles:
            return []
        rows = zip(self.epochs, self.report, quantiles["0.01"], quantiles["0.99"])
        return [epoch for epoch, report, low, high in rows if not low <= report <= high]

    @property
    def ranks(self) -> list[float]:
        """At each of the epochs, the fraction of the seeds whose loss is below the report's."""
        return [sum(loss < report for loss in each) / len(each) for report, each in zip(self.report, zip(*self.losses))]

    @property
    def verdict(self) -> str:
        """The comparison in one sentence."""
        if not self.histories:
            return "no quantiles: only the single run was trained"
        seeds = f"{len(self.histories)} seeds" + (
            " (few: their quantiles are rough)" if len(self.histories) < FEW else ""
        )
        if not self.outside:
            return f"all {len(self.epochs)} values of the report lie between the 1 % and 99 % quantiles of {seeds}"
        where = ", ".join(map(str, self.outside))
        return f"NOT INSIDE: at epoch {where} the report lies outside the 1 % to 99 % quantiles of {seeds}"

    def __str__(self) -> str:
        experiment = self.experiment
        lines = [f"{experiment.name}: {experiment.title}, {experiment.epochs} epochs, seed {self.seed}"]
        losses, quantiles, ranks, outside = self.loss, self.quantiles, self.ranks, self.outside
        lines += [f"epoch : {epoch} Loss : {loss:.16f}" for epoch, loss in zip(self.epochs, losses)]
        lines.append("")
        head = f"{'epoch':>6} {'report':>11} {'this run':>11}"
        if quantiles:
            head += "".join(f"{f'{float(q):.0%}':>11}" for q in quantiles) + "  report lies above"
        lines.append(head)
        for i, epoch in enumerate(self.epochs):
            line = f"{epoch:>6} {self.report[i]:>11.4e} {losses[i]:>11.4e}"
            if quantiles:
                line += "".join(f"{each[i]:>11.3e}" for each in quantiles.values())
                line += f"  {ranks[i]:.0%} of seeds" + ("  OUTSIDE" if epoch in outside else "")
            lines.append(line)
        lines.append(f"verdict: {self.verdict}")
        return "\n".join(lines)


def _quantiles(curves: Sequence[Sequence[float]]) -> dict[str, list[float]]:
    """For each of QUANTILES, the curve of that quantile of the curves; empty without curves."""
    if not curves:
        return {}
    ordered = [sorted(losses) for losses in zip(*curves)]
    return {str(q): [quantile(losses, q) for losses in ordered] for q in QUANTILES}


class Lab(NamedTuple):
    """All tables, and what was left out."""

    seed: int
    seeds: int
    backend: str
    tables: list[Table]
    left_out: str | None

    def to_json(self) -> dict[str, Any]:
        """The form that `bitprop lab --json` prints."""
        tables = [
            {
                "name": table.experiment.name,
                "epochs": table.epochs,
                "report": table.report,
                "loss": table.loss,
                "quantiles": table.quantiles,
                "ranks": table.ranks,
                "inside": not table.outside if table.losses else None,
                "verdict": table.verdict,
            }
            for table in self.tables
        ]
        head = {"seed": self.seed, "seeds": self.seeds, "backend": self.backend, "left_out": self.left_out}
        return {**head, "tables": tables}

    def __str__(self) -> str:
        return "\n\n".join([*map(str, self.tables), *filter(None, [self.left_out])])


def report_tables() -> dict[str, Any]:
    """The report's epochs and losses, by the name of the table."""
    file = resources.files("bitprop.lab").joinpath("report_tables.json")
    tables: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return tables


def run(
    seed: int = 0,
    seeds: int = 100,
    backend: Backend | None = None,
    progress: bool | None = None,
    ready: Callable[[Table], None] | None = None,
    experiments: Sequence[Experiment] = EXPERIMENTS,
) -> Lab:
    """The tables of the experiments, each trained with `seeds` seeds from `seed` on, on all cores.

    `seed` is the single run's. Data and network both take the seed. On the pure twin only the single runs are trained.
    `ready` is called with each table as soon as it is there. OptionError, BackendError.
    """
    check.seed("seed", seed)
    check.integer("seeds", seeds, 0)
    if seed + seeds > check.SEED_END:
        raise OptionError(f"seed {seed} and the {seeds} from it on reach 2^64, expected seeds below")
    name = Network(*SIZES, backend=backend).backend
    pure = name == "python"
    count = 1 if pure else max(1, seeds)
    report = report_tables()
    started = time.perf_counter()
    tables = []
    for experiment in experiments:
        runs = sweep(
            SIZES,
            experiment.data,
            seeds=range(seed, seed + count),
            learning_rates=(experiment.learning_rate,),
            epochs=experiment.epochs,
            log_every=experiment.log_every,
            bias=False,
            backend=backend,
            progress=progress,
        )
        for error in filter(None, runs.errors):
            raise error
        expected = report[experiment.name]
        histories = runs.histories if seeds and not pure else []
        network = runs[0].network
        tables.append(
            Table(experiment, expected["epochs"], expected["loss"], histories, seed, network, runs[0].history)
        )
        if ready is not None:
            ready(tables[-1])
    left_out = None
    if pure and seeds:
        hours = (time.perf_counter() - started) * seeds / 3600
        left_out = (
            f"Left out: the {seeds} seeds of each table, for the quantiles. This is the pure-Python backend, which "
            f"would take about {hours:.0f} hours for them; `bitprop info` tells why the compiled core is not in use."
        )
    return Lab(seed, 0 if pure else seeds, name, tables, left_out)
