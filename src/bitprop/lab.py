# SPDX-License-Identifier: MIT
"""The lab report reproduced: its four loss tables beside ours, and beside the quantiles of many seeds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from importlib import resources
from typing import Any, NamedTuple

from . import datasets
from ._sweep import quantile, sweep
from .checks import options as check
from .errors import OptionError
from .history import History
from .names import Backend
from .network import Network

SIZES = (2, 4, 4, 1)
QUANTILES = (0.01, 0.1, 0.5, 0.9, 0.99)
FEW = 50  # seeds below which the 1 % and 99 % quantiles are little more than the smallest and the largest
FINER = 20  # logged epochs for each of the report's, for curves and for prompt progress


class Experiment(NamedTuple):
    """One of the report's trainings."""

    name: str  # of its table in report_tables.json
    title: str
    points: int  # of the linear data; 0 = xor
    learning_rate: float
    epochs: int
    every: int  # epochs from one of the report's lines to the next

    def data(self, seed: int) -> tuple[datasets.Rows, datasets.Rows]:
        """Its data, drawn from the seed."""
        return datasets.linear(self.points, seed) if self.points else datasets.xor()


EXPERIMENTS = (
    Experiment("linear", "linear data, 100 points, learning rate 1", 100, 1.0, 100_000, 5000),
    Experiment("xor", "xor data, 21 points, learning rate 1", 0, 1.0, 100_000, 5000),
    Experiment(
        "linear_over_200_learning_rate_1", "linear data, 500 points, learning rate 1: overshoot", 500, 1.0, 10_000, 1000
    ),
    Experiment(
        "linear_over_200_learning_rate_0.01", "linear data, 500 points, learning rate 0.01", 500, 0.01, 10_000, 1000
    ),
)


class Table(NamedTuple):
    """One experiment's outcome. Losses are mean squared errors, at the report's epochs."""

    experiment: Experiment
    epochs: list[int]
    report: list[float]
    curves: list[list[float]]  # of every seed, all that was logged; empty without seeds
    seed: int  # of the single run
    network: Network  # of the single run, trained
    history: History  # likewise

    @property
    def loss(self) -> list[float]:
        """The single run's losses."""
        return self.history.mse[::FINER]

    @property
    def losses(self) -> list[list[float]]:
        """Every seed's losses."""
        return [curve[::FINER] for curve in self.curves]

    @property
    def quantiles(self) -> dict[str, list[float]]:
        """For each of QUANTILES, the loss at each of the epochs."""
        return {q: curve[::FINER] for q, curve in self.quantile_curves.items()}

    @property
    def quantile_curves(self) -> dict[str, list[float]]:
        """For each of QUANTILES, the loss at every logged epoch."""
        if not self.curves:
            return {}
        ordered = [sorted(each) for each in zip(*self.curves)]
        return {str(q): [quantile(each, q) for each in ordered] for q in QUANTILES}

    @property
    def outside(self) -> list[int]:
        """The epochs at which the report's loss is not between the 1 % and 99 % quantiles."""
        found = self.quantiles
        if not found:
            return []
        rows = zip(self.epochs, self.report, found["0.01"], found["0.99"])
        return [epoch for epoch, report, low, high in rows if not low <= report <= high]

    @property
    def ranks(self) -> list[float]:
        """At each of the epochs, the fraction of the seeds whose loss is below the report's."""
        return [sum(loss < report for loss in each) / len(each) for report, each in zip(self.report, zip(*self.losses))]

    @property
    def verdict(self) -> str:
        """The comparison in one sentence."""
        if not self.curves:
            return "no quantiles: only the single run was trained"
        seeds = f"{len(self.curves)} seeds" + (" (few: their quantiles are rough)" if len(self.curves) < FEW else "")
        if not self.outside:
            return f"all {len(self.epochs)} values of the report lie between the 1 % and 99 % quantiles of {seeds}"
        where = ", ".join(map(str, self.outside))
        return f"NOT INSIDE: at epoch {where} the report lies outside the 1 % to 99 % quantiles of {seeds}"

    def __str__(self) -> str:
        experiment = self.experiment
        lines = [f"{experiment.name}: {experiment.title}, {experiment.epochs} epochs, seed {self.seed}"]
        lines += [f"epoch : {epoch} Loss : {loss:.16f}" for epoch, loss in zip(self.epochs, self.loss)]
        lines.append("")
        quantiles = self.quantiles
        head = f"{'epoch':>6} {'report':>11} {'this run':>11}"
        if quantiles:
            head += "".join(f"{f'{float(q):.0%}':>11}" for q in quantiles) + "  report lies above"
        lines.append(head)
        for i, epoch in enumerate(self.epochs):
            line = f"{epoch:>6} {self.report[i]:>11.4e} {self.loss[i]:>11.4e}"
            if quantiles:
                line += "".join(f"{each[i]:>11.3e}" for each in quantiles.values())
                line += f"  {self.ranks[i]:.0%} of seeds" + ("  OUTSIDE" if epoch in self.outside else "")
            lines.append(line)
        lines.append(f"verdict: {self.verdict}")
        return "\n".join(lines)


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


def run(
    seed: int = 0,
    seeds: int = 100,
    backend: Backend | None = None,
    progress: bool | None = None,
    ready: Callable[[Table], None] | None = None,
) -> Lab:
    """Trains every experiment with each of `seeds` seeds from `seed` on, on all cores; `seed` is the single run.

    Data and network both take the seed. On the pure twin only the single runs are trained. `ready` is called with each
    table as soon as it is there. OptionError, BackendError.
    """
    check.seed("seed", seed)
    check.integer("seeds", seeds, 0)
    if seed + seeds > check.SEED_END:
        raise OptionError(f"seed {seed} and the {seeds} from it on reach 2^64, expected seeds below")
    name = Network(*SIZES, backend=backend).backend
    pure = name == "python"
    count = 1 if pure else max(1, seeds)
    report = json.loads(resources.files("bitprop").joinpath("report_tables.json").read_text(encoding="utf-8"))
    started = time.perf_counter()
    tables = []
    for experiment in EXPERIMENTS:
        runs = sweep(
            SIZES,
            experiment.data,
            seeds=range(seed, seed + count),
            learning_rates=(experiment.learning_rate,),
            epochs=experiment.epochs,
            log_every=experiment.every // FINER,
            bias=False,
            backend=backend,
            progress=progress,
        )
        for error in filter(None, runs.errors):
            raise error
        expected = report[experiment.name]
        curves = [history.mse for history in runs.histories] if seeds and not pure else []
        network = runs[0].network
        tables.append(Table(experiment, expected["epochs"], expected["loss"], curves, seed, network, runs[0].history))
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
