# SPDX-License-Identifier: MIT
"""The lab report reproduced: its four loss tables beside ours, and beside the quantiles of many seeds."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from importlib import resources
from typing import Any, NamedTuple

from . import _check, datasets
from ._progress import Progress
from .errors import OptionError
from .history import History
from .network import Network

SIZES = (2, 4, 4, 1)
QUANTILES = (0.01, 0.1, 0.5, 0.9, 0.99)
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
    network: Network  # of the single run, trained
    history: History  # of the single run

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
        count = len(self.losses)
        if not count:
            return "no quantiles: only the single run was trained"
        if not self.outside:
            return (
                f"all {len(self.epochs)} values of the report lie between the 1 % and 99 % quantiles of {count} seeds"
            )
        where = ", ".join(map(str, self.outside))
        return f"NOT INSIDE: at epoch {where} the report lies outside the 1 % to 99 % quantiles of {count} seeds"


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
        parts = [_text(table, self.seed) for table in self.tables]
        return "\n\n".join(parts + ([self.left_out] if self.left_out else []))


def run(seed: int = 0, seeds: int = 100, backend: str | None = None, progress: bool | None = None) -> Lab:
    """Trains every experiment with `seed`, then with each of `seeds` seeds from `seed` on, on all cores.

    Data and network both take the seed. On the pure twin only the single runs are trained. OptionError, BackendError.
    """
    _check.seed("seed", seed)
    _check.integer("seeds", seeds, 0)
    if seed + seeds > _check.SEED_END:
        raise OptionError(f"seed {seed} and the {seeds} from it on reach 2^64, expected seeds below")
    pure = Network(*SIZES, backend=backend).backend == "python"
    count = 1 if pure else max(1, seeds)
    started = time.perf_counter()
    runs = _train_all(
        [(e, seed + i) for i in range(count) for e in EXPERIMENTS], 1 if pure else _cores(), backend, progress
    )
    elapsed = time.perf_counter() - started
    report = json.loads(resources.files("bitprop").joinpath("report_tables.json").read_text(encoding="utf-8"))
    tables = []
    for place, experiment in enumerate(EXPERIMENTS):
        own = runs[place :: len(EXPERIMENTS)]
        network, history = own[0]
        expected = report[experiment.name]
        tables.append(
            Table(
                experiment,
                expected["epochs"],
                expected["loss"],
                [each.mse for _, each in own] if seeds and not pure else [],
                network,
                history,
            )
        )
    left_out = None
    if pure and seeds:
        left_out = (
            f"Left out: the {seeds} seeds of each table, for the quantiles. This is the pure-Python backend, which "
            f"would take about {elapsed * seeds / 3600:.0f} hours for them; `bitprop info` tells why the compiled core "
            "is not in use."
        )
    return Lab(seed, 0 if pure else seeds, tables[0].network.backend, tables, left_out)


def quantile(ordered: Sequence[float], q: float) -> float:
    """The quantile of ordered values, interpolated between neighbours (Hyndman and Fan 1996, definition 7)."""
    place = q * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _train_all(
    jobs: list[tuple[Experiment, int]], workers: int, backend: str | None, progress: bool | None
) -> list[tuple[Network, History]]:
    """Trains the jobs, on threads where there are several workers: the compiled core lets other threads run."""
    stop = threading.Event()
    lock = threading.Lock()

    def train(experiment: Experiment, seed: int) -> tuple[Network, History]:
        step = experiment.every // FINER

        def after_epoch(epoch: int, mse: float) -> bool:
            with lock:
                bar.update(step)
            return stop.is_set()

        network = Network(*SIZES, bias=False, seed=seed, backend=backend)
        x, y = experiment.data(seed)
        history = network.fit(
            x, y, epochs=experiment.epochs, learning_rate=experiment.learning_rate, log_every=step, callback=after_epoch
        )
        return network, history

    with Progress(sum(experiment.epochs for experiment, _ in jobs), "lab, epochs", progress) as bar:
        if workers == 1:
            return [train(*job) for job in jobs]
        with ThreadPoolExecutor(workers) as executor:
            futures = [executor.submit(train, *job) for job in jobs]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
                return [future.result() for future in futures]
            except BaseException:
                stop.set()
                executor.shutdown(wait=False, cancel_futures=True)
                raise


def _text(table: Table, seed: int) -> str:
    experiment = table.experiment
    lines = [f"{experiment.name}: {experiment.title}, {experiment.epochs} epochs, seed {seed}"]
    lines += [f"epoch : {epoch} Loss : {loss:.16f}" for epoch, loss in zip(table.epochs, table.loss)]
    lines.append("")
    quantiles = table.quantiles
    head = f"{'epoch':>6} {'report':>11} {'this run':>11}"
    if quantiles:
        head += "".join(f"{f'{float(q):.0%}':>11}" for q in quantiles) + "  report lies above"
    lines.append(head)
    for i, epoch in enumerate(table.epochs):
        line = f"{epoch:>6} {table.report[i]:>11.4e} {table.loss[i]:>11.4e}"
        if quantiles:
            line += "".join(f"{each[i]:>11.3e}" for each in quantiles.values())
            line += f"  {table.ranks[i]:.0%} of seeds" + ("  OUTSIDE" if epoch in table.outside else "")
        lines.append(line)
    lines.append(f"verdict: {table.verdict}")
    return "\n".join(lines)
