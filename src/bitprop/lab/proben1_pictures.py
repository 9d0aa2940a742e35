# SPDX-License-Identifier: MIT
"""The pictures of PROBEN1's tables: our test errors beside the report's."""

from __future__ import annotations

import os
from collections.abc import Sequence

from .. import plots
from .._progress import Progress
from .proben1_report import Result, by_table


def save(results: Sequence[Result], folder: str | os.PathLike[str], progress: bool | None = False) -> list[str]:
    """The paths of the pictures, one for each table, which it writes into an existing folder."""
    tables = by_table(results)
    paths = []
    with Progress(len(tables), "pictures", progress) as bar:
        for table, found in tables:
            ours = [result.of("test") for result in found]
            reports = [(result.row.report["test_mean"], result.row.report.get("test_sd", 0.0)) for result in found]
            figure = plots.comparison(
                [result.row.problem for result in found],
                {f"bitprop, {table.runs} runs": ours, "the report, 1994": reports},
                f"PROBEN1, table {table.number}: {table.title}; mean and standard deviation",
                "test error, %",
            )
            path = os.path.join(folder, f"proben1-table-{table.number}.png")
            plots.save(figure, path)
            paths.append(path)
            bar.update(1)
    return paths
