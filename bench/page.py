# SPDX-License-Identifier: MIT
"""The page of measured speeds and its pictures, from the figures that peers.py writes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bitprop.bench import figure, wrong
from bitprop.errors import BackendError

Report = dict[str, Any]  # as peers.py writes it to --json
COLOURS = {  # bitprop's is red
    "C -Ofast, native": "black",
    "NumPy": "tab:blue",
    "JAX": "tab:green",
    "Numba": "tab:orange",
    "PyTorch": "tab:purple",
}
LEVELS = (("avx512", "C -Ofast, native"), ("avx2", "C -Ofast, x86-64-v3"), ("sse2", "C -Ofast, x86-64"))
GROUPS = {
    "full": "Full batch",
    "online": "Online",
    "predict": "Predictions",
    "sweep": "Many networks",
    "growth": "Growth",
}
SERIES = {"rows": "rows", "width": "width of both hidden layers", "networks": "networks in the sweep"}
METHOD = """\
Every contestant is a process of its own, held on one core (or two, where a table says so), with its threads limited to
as many, and computes in double precision from the same data and the same start parameters. It gets ready (compiles,
warms up), and then answers for each run the time that it took by its own monotonic clock, around the work alone. The
number of epochs or calls in a run is chosen for each contestant so that a run takes about as long as the others'.
{rounds} rounds go from contestant to contestant, so that what disturbs the machine disturbs all. Figures are the
median, the least and the greatest of the rounds; the ratio is the median's to bitprop's fastest, below 1 where it is
faster than bitprop. Every trainer logs the squared error of each epoch.

The final loss is checked: bitprop's backends and kernels must end at the same bits, the others within a relative
{tolerance:g} of them. (Others sum in another order and with another exponential; after the epochs run here this makes
far less than that, while another formula or learning rate makes far more.) Whose loss is off is shown so, without a
ratio, behind the others.

`C -Ofast` is `bench/ofast.c`, `C -O3, plain` is `bench/plain.c`, `FANN` is `bench/fann.c`; the Python peers are in
`bench/peers.py`. Where many networks are trained, C trains one after the other. Where one row is predicted, each
library is given it in an array of its own."""


def write(report: Report, path: Path) -> None:
    """The page, and its pictures in the folder `pictures` beside it. BackendError without matplotlib."""
    pictures = _pictures(report, path.parent / "pictures")
    lines = ["# Speed, measured", "", "Written by the command below; nothing here is edited by hand.", ""]
    lines += ["```sh", report["command"], "```", ""]
    lines += ["## Machine and versions", "", "| | |", "|---|---|", f"| date | {report['date']} |"]
    lines += [f"| {name} | {value} |" for name, value in report["machine"].items()]
    lines += [f"| {name} | {value} |" for name, value in report["versions"].items()]
    built = report["bitprop"]
    lines.append(f"| bitprop's core | {built['compiler']}, backend {built['backend']}, kernel {built['kernel']} |")
    lines += [f"| flags of {name} | `{flags}` |" for name, flags in report["flags"].items()]
    lines += ["", "## Method", "", METHOD.format(**report), ""]
    levels = _levels(report)
    if levels:
        lines += ["## Each kernel beside C of the same level", "", *levels, ""]
    for group, title in GROUPS.items():
        own = [outcome for outcome in report["outcomes"] if outcome["task"]["group"] == group]
        if not own:
            continue
        lines += [f"## {title}", ""]
        for name in pictures.get(group, []):
            lines += [f"![{title}](pictures/{name})", ""]
        if group == "growth":
            for series in SERIES:
                points = [outcome for outcome in own if outcome["task"]["series"] == series]
                lines += [*_series_table(points), ""] if points else []
        else:
            for outcome in own:
                lines += [*_table(outcome), ""]
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def _title(outcome: Report) -> list[str]:
    title = outcome["task"]["title"]
    return [f"### {title[0].upper()}{title[1:]}", ""]


def _table(outcome: Report) -> list[str]:
    unit = outcome["task"]["unit"]
    lines = [*_title(outcome), f"| {unit} | median | min | max | ratio | loss |", "|---|---:|---:|---:|---:|---|"]
    for row in outcome["rows"]:
        name = f"**{row['name']}**" if row["name"].startswith("bitprop") else row["name"]
        ratio = "-" if row["ratio"] is None else figure(row["ratio"])
        cells = [name, *(figure(row[key]) for key in ("median", "low", "high")), ratio, row["check"] or "agrees"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines + _left_out(outcome["left_out"])


def _left_out(left_out: dict[str, str]) -> list[str]:
    return ["", *(f"- Left out: {name}: {reason}." for name, reason in left_out.items())] if left_out else []


def _series_table(outcomes: list[Report]) -> list[str]:
    task = outcomes[0]["task"]
    names = _names(outcomes)
    lines = _title(outcomes[0])
    lines += [f"| {task['series']}, {task['unit']} | {' | '.join(names)} |", f"|---:|{'---:|' * len(names)}"]
    left_out: dict[str, str] = {}
    for outcome in outcomes:
        medians = {row["name"]: "off" if wrong(row["check"]) else figure(row["median"]) for row in outcome["rows"]}
        lines.append(f"| {outcome['task']['at']} | {' | '.join(medians.get(name, '-') for name in names)} |")
        left_out.update(outcome["left_out"])
    return lines + _left_out(left_out)


def _names(outcomes: list[Report]) -> list[str]:
    """The contestants of a growth, bitprop first."""
    names = dict.fromkeys(row["name"] for outcome in outcomes for row in outcome["rows"])
    return sorted(names, key=lambda name: not name.startswith("bitprop"))


def _levels(report: Report) -> list[str]:
    """The medians of each kernel and of the C program for the same instructions, and their ratio."""
    lines = []
    for outcome in report["outcomes"]:
        medians = {row["name"]: row["median"] for row in outcome["rows"] if not row["check"]}
        for kernel, program in LEVELS:
            ours, theirs = medians.get(f"bitprop {kernel}"), medians.get(program)
            if ours and theirs and not outcome["task"]["networks"] and not outcome["task"]["series"]:
                cells = [outcome["task"]["title"], outcome["task"]["unit"], kernel, figure(ours), program]
                lines.append(f"| {' | '.join([*cells, figure(theirs), figure(theirs / ours)])} |")
    head = [
        "| task | unit | bitprop's kernel | median | program | median | ratio |",
        "|---|---|---|---:|---|---:|---:|",
    ]
    return head + lines if lines else []


# --- pictures ---


def _pictures(report: Report, folder: Path) -> dict[str, list[str]]:
    """Draws what there are figures for; returns each group's file names."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise BackendError("the page's pictures need matplotlib, which is not installed") from None
    os.makedirs(folder, exist_ok=True)
    found: dict[str, list[str]] = {}

    def save(group: str, name: str, picture: Any) -> None:
        picture.savefig(folder / name, dpi=120)
        found.setdefault(group, []).append(name)

    for group in ("full", "online"):
        own = [outcome for outcome in report["outcomes"] if outcome["task"]["group"] == group and outcome["rows"]]
        if own:
            picture = Figure(figsize=(9.5, 1.2 + 0.3 * len(own[0]["rows"])), layout="constrained")
            _bars(picture.subplots(), own[0])
            save(group, f"speed-{group}.png", picture)
    for series, label in SERIES.items():
        own = [outcome for outcome in report["outcomes"] if outcome["task"]["series"] == series]
        if any(outcome["rows"] for outcome in own):
            picture = Figure(figsize=(9.5, 4.8), layout="constrained")
            _curves(picture, own, label)
            save("growth", f"speed-{series}.png", picture)
    return found


def _bars(axes: Any, outcome: Report) -> None:
    """The medians of one task, fastest on top, on a logarithmic scale."""
    rows = [row for row in outcome["rows"] if not wrong(row["check"])][::-1]
    colours = ["tab:red" if row["name"].startswith("bitprop") else "tab:gray" for row in rows]
    bars = axes.barh([row["name"] for row in rows], [row["median"] for row in rows], color=colours)
    axes.bar_label(bars, [figure(row["median"]) for row in rows], padding=3)
    axes.set_xscale("log")
    axes.margins(x=0.12)
    axes.set(
        xlabel=f"{_words(outcome['task']['unit'])} (logarithmic; shorter is faster)", title=outcome["task"]["title"]
    )
    _plain_numbers(axes.xaxis)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)


def _curves(picture: Any, outcomes: list[Report], label: str) -> None:
    """The medians of each contestant over the points of one growth."""
    axes = picture.subplots()
    for name, marker in zip(_names(outcomes), "osD^vPX*<>" * 3):
        points = [
            (outcome["task"]["at"], row["median"])
            for outcome in outcomes
            for row in outcome["rows"]
            if row["name"] == name and not wrong(row["check"])
        ]
        style = {"lw": 2.4, "zorder": 3} if name.startswith("bitprop") else {"lw": 1.2}
        if points:
            axes.plot(*zip(*points), marker=marker, ms=5, label=name, color=COLOURS.get(name, "tab:red"), **style)
    axes.set(xscale="log", yscale="log", xlabel=label, ylabel=_words(outcomes[0]["task"]["unit"]))
    for axis in (axes.xaxis, axes.yaxis):
        _plain_numbers(axis)
    axes.set_title(outcomes[0]["task"]["title"], fontsize="medium")
    axes.grid(alpha=0.3, which="major")
    picture.legend(loc="outside right upper")  # beside the curves: nothing of them is covered


def _plain_numbers(axis: Any) -> None:
    """Labels such as 0.1 and 1000 instead of powers of ten, and some between where there are few."""
    low, high = sorted(axis.get_view_interval())
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    between = ("2", "5") if high < 100 * low else ()
    axis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in between else "")


def _words(unit: str) -> str:
    amount, *per = unit.split("/")
    return " per ".join([{"us": "microseconds", "ms": "milliseconds"}.get(amount, amount), *per])
