# SPDX-License-Identifier: MIT
"""What is timed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

GROUPS = ("full", "online", "predict", "sweep", "growth")
SIZES = (2, 4, 4, 1)
BIASES = ((False, "without biases"), (True, "with biases"))


class Task(NamedTuple):
    """What is timed, on linear data or xor (rows 21), with half_sse."""

    group: str
    title: str
    kind: str  # "full", "online" or "predict"
    unit: str
    sizes: tuple[int, ...] = SIZES
    rows: int = 100
    bias: bool = False
    rate: float = 0.125  # exact in single precision too, as FANN keeps it
    networks: int = 0  # of a sweep; 0: a network by itself
    cores: int = 1
    limit: int = 100_000  # the largest count: epochs, or calls
    seconds: float = 0.1  # that a run should take
    series: str = ""  # the growth that it is a point of: by "rows", "width" or "networks"

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Task:
        """The task of the fields that `_asdict` gives, which have been JSON."""
        return cls(**{**fields, "sizes": tuple(fields["sizes"])})

    @property
    def table(self) -> str:
        """What tasks have in common that are shown in one table."""
        return self.series or self.title

    @property
    def point(self) -> int:
        """Its place in the series."""
        return {"rows": self.rows, "width": self.sizes[1], "networks": self.networks}[self.series]

    @property
    def scale(self) -> float:
        """What makes a figure, in the unit, of the seconds that one epoch or call takes."""
        samples = self.rows if self.kind == "online" else 1
        return (1e3 if self.unit == "ms" else 1e6) / samples / max(1, self.networks)


def tasks(quick: bool = False) -> list[Task]:
    """All of them; quick ones take shorter runs and fewer points of each growth."""
    chosen = []
    for rows, data in ((100, "linear data, 100 rows"), (21, "xor data, 21 rows")):
        for bias, biases in BIASES:
            title = f"full batch, 2-4-4-1, {data}, {biases}"
            chosen.append(Task("full", title, "full", "us/epoch", rows=rows, bias=bias))
    for bias, biases in BIASES:
        title = f"online, 2-4-4-1, linear data, 100 rows in order, {biases}"
        chosen.append(Task("online", title, "online", "us/sample", bias=bias, limit=10_000))
    for rows, text, unit in ((1, "one row", "us/call"), (1_000_000, "a million rows", "ms")):
        chosen.append(Task("predict", f"predict {text}, 2-4-4-1", "predict", unit, rows=rows, bias=True))
    for cores, text in ((1, "1 core"), (2, "2 cores")):
        # At a rate of 0.01 none of the thousand is chaotic, so that their mean loss can be checked.
        title = f"1000 networks, full batch, 100 rows, up to 1000 epochs, without biases, {text}"
        sweep = Task("sweep", title, "full", "us/epoch/network", rate=0.01, networks=1000, cores=cores, limit=1000)
        chosen.append(sweep._replace(seconds=2.0))
        title = f"64 networks, online, 100 rows, without biases, {text}"
        sweep = Task("sweep", title, "online", "us/sample/network", networks=64, cores=cores, limit=1000)
        chosen.append(sweep._replace(seconds=0.3))
    chosen += _growth(quick)
    return [task._replace(seconds=task.seconds / 5) for task in chosen] if quick else chosen


def _growth(quick: bool) -> list[Task]:
    """The points of the three growths. Learning rates fall with the size, so that no training leaves its bounds."""
    title = "an epoch by the number of rows, 2-4-4-1, full batch"
    task = Task("growth", title, "full", "us/epoch", limit=10_000, series="rows")
    counts = (10, 100, 1000, 10_000) if quick else (10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)
    points = [task._replace(rows=rows, rate=min(0.125, 1 / rows)) for rows in counts]
    title = "an epoch by the width w, 2-w-w-1, 100 rows, full batch, with biases"
    task = Task("growth", title, "full", "us/epoch", bias=True, limit=1000, series="width")
    widths = (2, 8, 32, 128) if quick else (2, 4, 8, 16, 32, 64, 128, 256, 512)
    points += [task._replace(sizes=(2, width, width, 1), rate=0.125 / width) for width in widths]
    title = "an epoch of one network by the number of networks in a sweep, 100 rows, full batch, one core"
    task = Task("growth", title, "full", "us/epoch/network", rate=0.01, limit=1000, seconds=0.2, series="networks")
    return points + [task._replace(networks=n) for n in ((1, 10, 100) if quick else (1, 3, 10, 30, 100, 300, 1000))]
