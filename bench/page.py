# SPDX-License-Identifier: MIT
"""The page of measured speeds with its pictures, from the reports of peers.py."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import port_model
from matplotlib.figure import Figure

from bitprop.bench.clerk import TOLERANCE, Outcome, wrong
from bitprop.bench.tables import cells, figure, left_out, names

LEVELS = (  # each kernel, and the programs that may use the same instructions
    ("avx512", ("C -Ofast, native, 512 bits", "C -Ofast, native, 256 bits")),
    ("avx2", ("C -Ofast, x86-64-v3",)),
    ("sse2", ("C -Ofast, x86-64",)),
)
PAGE = """\
# Speed, measured

{wrote} Do not edit it; `bench/page.py` has its text.

```sh
{commands}
```

## Machine and versions

| | |
|---|---|
{here}

## Method

Every contestant is a separate process, pinned to one core (or to two, where a table says so) and limited to as many
threads. All compute in double precision, from the same data and the same start parameters. A contestant first prepares
itself (it compiles and warms up). For each run it then reports the time of the work alone, by its monotonic clock. The
number of epochs or calls in a run is chosen for each contestant, so that all runs take about the same time. There are
{rounds} rounds, and each visits every contestant, so that a disturbance of the machine affects all of them. The figures
are the median, the minimum and the maximum of the rounds. The ratio is the median divided by that of bitprop's fastest,
so it is below 1 where a contestant is faster than bitprop. Every trainer logs the squared error of each epoch.

The final loss is checked: bitprop's backends and kernels must end at the same bits, and the others within a relative
{tolerance:g} of them. (The others sum in another order and with another exponential. After the epochs run here, that
makes a far smaller difference, while another formula or learning rate makes a far larger one.) A contestant whose loss
is off is listed last, with that loss and without a ratio.

`C -Ofast` is `bench/ofast.c` and `FANN` is `bench/fann.c`; the Python peers are in `bench/peers.py`. Where many
networks are trained, C trains them one by one. Where one row is predicted, each library gets it in a separate array.
scikit-learn only predicts, since it does not train the squared error of a sigmoid output.

## Each kernel beside C of the same level

The ratio is the time of C to bitprop's: above 1, bitprop is faster. With AVX-512, C is the faster of its builds for
vectors of 256 and of 512 bits.

{levels}

## The kernels on other processors

Not measured: what a port model says (`bench/port_model.py`), in cycles for one iteration of each inner loop of an epoch
of 2-4-4-1 without biases, from the memory to the memory, with nothing else in the way. A loop is named by the function
that most of it comes from; `split` is in the loop of the sigmoids, of four vectors or one.

A row is one loop of one kernel: how many instructions of four kinds it has, and how many cycles it takes on each
processor. A `-` means that the processor lacks the kernel's instructions.

{models}
"""


def write(reports: Sequence[dict[str, Any]], path: Path) -> None:
    """Writes the page of these reports, in their order, and its pictures to the folder `pictures` beside it."""
    tools = port_model.tools()
    outcomes = [Outcome.from_json(fields) for report in reports for fields in report["outcomes"]]
    page = PAGE.format(
        wrote="This command wrote this page."
        if len(reports) == 1
        else "These commands wrote this page, in this order.",
        commands="\n".join(report["command"] for report in reports),
        here="\n".join(f"| {name} | {value} |" for name, value in reports[0]["here"].items()),
        rounds=reports[0]["rounds"],
        tolerance=TOLERANCE,
        levels="\n".join(_table(_levels(outcomes))),
        models="\n".join(_table(port_model.table(*tools)) if tools else ["(no llvm-mca here)"]),
    )
    lines = []
    for _, iterator in itertools.groupby(outcomes, key=lambda outcome: outcome.task.table):
        together = list(iterator)
        task = together[0].task
        lines += ["", f"## {task.title[0].upper()}{task.title[1:]}", ""]
        if task.series:
            (path.parent / "pictures").mkdir(exist_ok=True)
            picture = f"pictures/speed-{task.series}.png"
            _curves(together).savefig(path.parent / picture, dpi=120)
            lines += [f"![{task.title}]({picture})", ""]
        lines += _table(cells(together))
        reasons = left_out(together)
        lines += ["", *(f"- {reason}" for reason in reasons)] if reasons else []
    path.write_text(page + "\n".join(lines) + "\n", encoding="utf-8")


def _table(table: Sequence[Sequence[str]]) -> list[str]:
    """The table in Markdown, bitprop's rows in bold."""
    head, *rows = table
    bold = [[f"**{row[0]}**", *row[1:]] if row[0].startswith("bitprop") else row for row in rows]
    rule = ["---", *["---:"] * (len(head) - 1)]
    return [f"| {' | '.join(row)} |" for row in (head, rule, *bold)]


def _levels(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """The medians of each kernel and of the fastest C program with the same instructions, and their ratio."""
    table = [["task", "level", "bitprop", "C -Ofast", "ratio"]]
    for outcome in outcomes:
        medians = {row.name: row.median for row in outcome.rows if not row.check}
        for kernel, programs in LEVELS:
            ours = medians.get(f"bitprop {kernel}")
            theirs = min((medians[name] for name in programs if name in medians), default=None)
            if ours and theirs and not (outcome.task.series or outcome.task.networks):
                figures = [figure(ours), figure(theirs), figure(theirs / ours)]
                table.append([f"{outcome.task.title}, {outcome.task.unit}", kernel, *figures])
    return table


def _curves(outcomes: Sequence[Outcome]) -> Figure:
    """The medians of each contestant over the points of one series."""
    task = outcomes[0].task
    picture = Figure(figsize=(9.5, 4.8), layout="constrained")
    axes = picture.subplots()
    for name, marker in zip(names(outcomes), "osD^vPX*<>"):
        points = [
            (outcome.task.point, row.median)
            for outcome in outcomes
            for row in outcome.rows
            if row.name == name and not wrong(row.check)
        ]
        style: dict[str, Any] = {"color": "black", "lw": 2.4} if name.startswith("bitprop") else {}
        axes.plot(*zip(*points), marker=marker, ms=5, label=name, **style)
    axes.set(xscale="log", yscale="log", xlabel=task.series, ylabel=task.unit)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
    axes.set_title(task.title, fontsize="medium")
    axes.grid(alpha=0.3)
    picture.legend(loc="outside right upper")  # beside the curves, so that it covers none
    return picture
