# SPDX-License-Identifier: MIT
"""The picture of the overshoot study: maps of the share of stuck trainings, with the report's two points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import plots
from .overshoot import REPORTS, Cell, Study


def figure(study: Study, cells: Sequence[Cell]) -> Any:
    """A map for each rule, without biases above and with biases below."""
    maps = []
    for bias in study.biases:
        for rule in study.rules:
            rates = study.rates_of(rule)
            shares: dict[tuple[int, float | None], tuple[float, float]] = {
                (cell.rows, cell.learning_rate): (cell.stuck / cell.trainings, cell.slow / cell.trainings)
                for cell in cells
                if (cell.rule, cell.bias) == (rule, bias)
            }
            maps.append(
                plots.Map(
                    title=f"{rule}, {'with biases' if bias else 'without biases'}",
                    rows=["any" if rate is None else f"{rate:g}" for rate in rates],
                    columns=[str(rows) for rows in study.rows],
                    shares=[[shares[rows, rate][0] for rows in study.rows] for rate in rates],
                    hatched=[[shares[rows, rate][1] >= 0.5 for rows in study.rows] for rate in rates],
                    marks=_marks(study) if rule == "descent" and not bias else [],
                )
            )
    return plots.maps(
        maps,
        len(study.rules),
        f"Share of trainings that get stuck, of {study.seeds} after {study.epochs} epochs, in %",
        ("learning rate", "rows"),
        f"the report's two tables over 200 rows, at the {REPORTS[0].points} of the lab",
        "most are slow: not learnt, but not at rest",
    )


def _marks(study: Study) -> list[tuple[int, int]]:
    """The places of the report's two points: row and column of the map; those that are not on it are left out."""
    points = [(experiment.learning_rate, experiment.points) for experiment in REPORTS]
    return [
        (study.rates.index(rate), study.rows.index(rows))
        for rate, rows in points
        if rate in study.rates and rows in study.rows
    ]
