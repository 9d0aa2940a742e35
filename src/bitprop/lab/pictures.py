# SPDX-License-Identifier: MIT
"""The pictures of the lab report's tables."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from .. import plots
from .._progress import Progress
from .report import Table


def save(tables: Sequence[Table], folder: str | os.PathLike[str], progress: bool | None = False) -> list[str]:
    """The paths of the pictures, three for each table, which it writes into an existing folder."""
    paths = []
    with Progress(3 * len(tables), "pictures", progress) as bar:
        for table in tables:
            for kind, figure in figures(table).items():
                path = os.path.join(folder, f"{table.experiment.name}-{kind}.png")
                plots.save(figure, path)
                paths.append(path)
                bar.update(1)
    return paths


def figures(table: Table) -> dict[str, Any]:
    """The figures of the table, by the kind that is part of their names."""
    title = table.experiment.title
    x, y = table.experiment.data(table.seed)
    return {
        "loss": losses(table),
        "prediction": plots.predictions(x, y, table.network.predict(x), title),
        "boundary": plots.boundary(table.network.predict, x, y, title),
    }


def losses(table: Table) -> Any:
    """The figure of the single run's losses and the report's, upon bands of all seeds'."""
    epochs, quantiles = table.history.epochs, table.quantile_curves
    bands = [
        (f"{low:.0%} to {high:.0%} of {len(table.histories)} seeds", epochs, quantiles[str(low)], quantiles[str(high)])
        for low, high in ((0.01, 0.99), (0.1, 0.9))
        if quantiles
    ]
    curve = {f"this run, seed {table.seed}": (epochs, table.history.mse)}
    return plots.losses(curve, table.experiment.title, ("the report", table.epochs, table.report), bands)
