# SPDX-License-Identifier: MIT
"""The lab report as one page of HTML, which has its tables, pictures, seeds and commands, and loads nothing."""

from __future__ import annotations

import base64
import json
from typing import Any, NamedTuple

from .. import plots
from .._progress import Progress
from ..core import info
from ..html_parts import escaped, paragraph, table
from . import overshoot, overshoot_pictures, pictures
from .overshoot import Cell, Fit, Study
from .report import Lab, Table

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }
caption { text-align: left; font-weight: 600; }
th, td { padding: 0.15rem 0.6rem; text-align: right; border-bottom: 1px solid #ddd; }
.wide { overflow-x: auto; }
pre { font: 14px/1.5 ui-monospace, monospace; background: #f4f4f4; padding: 0.3rem 0.6rem; overflow-x: auto; }
img { max-width: 100%; height: auto; margin: 0.5rem 0; }
figure { margin: 1rem 0; }
"""
CAPTIONS = {
    "loss": "Losses by epoch: this run, the report's figures, and bands of all seeds.",
    "prediction": "The data, and the prediction of this run's network.",
    "boundary": "The output of this run's network over the plane.",
}


class Overshoot(NamedTuple):
    """The outcome of the overshoot study."""

    study: Study
    cells: list[Cell]
    fits: list[Fit]
    fit_seeds: int


def html(lab: Lab, stuck: Overshoot | None = None, progress: bool | None = False) -> str:
    """The page of the lab's tables, in their order, with the fields of `Lab.to_json` inside.

    `stuck`: the overshoot study, where it was run.
    """
    facts = info()
    title = "The lab report, reproduced by bitprop"
    seeds = (
        f"Seeds {lab.seed} to {lab.seed + lab.seeds - 1} for the quantiles" if lab.seeds else "No seeds for quantiles"
    )
    parts = [
        f"<h1>{escaped(title)}</h1>",
        paragraph(
            "A 2-4-4-1 network of sigmoid nodes, without biases, with standard normal weights, is trained by the "
            "gradient of half the squared error over all rows. Each table of the report stands beside the same "
            "training here: the single run, and the quantiles of many seeds. A seed gives both data and network."
        ),
        paragraph(
            f"{seeds}; seed {lab.seed} for the single runs. bitprop {facts['version']}, contract {facts['contract']}, "
            f"backend {lab.backend}: the losses have the same bits on every machine."
        ),
        _command(f"bitprop lab --seed {lab.seed} --seeds {lab.seeds} --report DIR"),
        table(
            ["table", "data", "rate", "epochs", "the report inside 1 % to 99 %"],
            [
                [
                    each.experiment.name,
                    f"{len(each.experiment.data(each.seed)[0])} points",
                    each.experiment.learning_rate,
                    each.experiment.epochs,
                    f"{len(each.epochs) - len(each.outside)} of {len(each.epochs)}" if each.histories else "-",
                ]
                for each in lab.tables
            ],
        ),
    ]
    with Progress(len(lab.tables), "tables of the page", progress) as bar:
        for each in lab.tables:
            parts += _section(each)
            bar.update(1)
    if lab.left_out is not None:
        parts.append(paragraph(lab.left_out))
    parts += [
        '<h2 id="overshoot">Where trainings get stuck, and which number of rows fits</h2>',
        *(
            [paragraph("This command tells:"), _command("bitprop lab overshoot")]
            if stuck is None
            else _overshoot(stuck)
        ),
        "<h2>All digits</h2>",
        paragraph("All numbers of this page, with all their digits, are in it as JSON, as this command prints them:"),
        _command(f"bitprop lab --seed {lab.seed} --seeds {lab.seeds} --json"),
        _json("lab", lab.to_json()),
    ]
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escaped(title)}</title>'
        f"<style>{STYLE}</style>"
    )
    body = "\n".join(parts)
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>{head}</head>\n<body>\n{body}\n</body>\n</html>\n'


def _section(each: Table) -> list[str]:
    """A table of the report: its verdict, its figures, its pictures, and the command of the single run."""
    quantiles, ranks = each.quantiles, each.ranks if each.histories else []
    head = [
        "epoch",
        "report",
        "this run",
        *(f"{float(q):.0%}" for q in quantiles),
        *(["seeds below the report"] if ranks else []),
    ]
    rows = [
        [
            epoch,
            *(f"{value:.4e}" for value in (each.report[place], each.loss[place])),
            *(f"{losses[place]:.3e}" for losses in quantiles.values()),
            *([f"{ranks[place]:.0%}"] if ranks else []),
        ]
        for place, epoch in enumerate(each.epochs)
    ]
    figures = pictures.figures(each)
    return [
        f'<h2 id="{escaped(each.experiment.name)}">{escaped(each.experiment.title)}</h2>',
        paragraph(f"{each.verdict[0].upper()}{each.verdict[1:]}."),
        f'<div class="wide">{table(head, rows, "Mean squared errors, before the step of the epoch")}</div>',
        *(_picture(plots.png(figure), CAPTIONS[kind]) for kind, figure in figures.items()),
        paragraph(f"The single run; its network has the fingerprint {each.network.fingerprint()}:"),
        _command(train_command(each)),
    ]


def _overshoot(stuck: Overshoot) -> list[str]:
    """The map, its counts, the scores of the fit, and the command."""
    study, cells, fits, fit_seeds = stuck
    seeds = f"--seed {study.seed} --seeds {study.seeds} --epochs {study.epochs} --fit-seeds {fit_seeds}"
    return [
        paragraph(
            f"Stuck: the final mse is above {overshoot.HIGH:g} times the variance of the targets, and changed by less "
            f"than {overshoot.REST:.0%} in the second half of the epochs. Slow: it is above, and changed more."
        ),
        _picture(plots.png(overshoot_pictures.figure(study, cells)), "The share of stuck trainings in each place."),
        *(
            table(["rate", *(f"{rows} rows" for rows in study.rows)], overshoot.counts(study, cells, rule, bias), text)
            for rule in study.rules
            for bias in study.biases
            for text in [overshoot.heading(study, rule, bias)]
        ),
        paragraph(f"SHA-256 of these counts as a CSV file: {overshoot.sha256(cells)}."),
        table(
            ["rows", *(f"rate {experiment.learning_rate:g}" for experiment in overshoot.REPORTS), "sum"],
            [[fit.rows, *(f"{score:.4f}" for score in (*fit.scores, fit.total))] for fit in fits],
            f"How well the report's tables over 200 fit {fit_seeds} seeds: the mean continuous ranked probability "
            f"score of log10(loss); less is better, and {overshoot.best(fits).rows} rows have the least",
        ),
        _command(f"bitprop lab overshoot {seeds}"),
        _json("overshoot", overshoot.to_json(study, cells, fits, fit_seeds)),
    ]


def train_command(each: Table) -> str:
    """The command that trains the single run of a table again."""
    experiment = each.experiment
    data = f"linear:{experiment.points} --data-seed {each.seed}" if experiment.points else "xor"
    rate = f"--learning-rate {experiment.learning_rate:g} --epochs {experiment.epochs}"
    return f"bitprop train {data} --no-bias --seed {each.seed} {rate}"


def _command(text: str) -> str:
    return f"<pre><code>{escaped(text)}</code></pre>"


def _picture(png: bytes, caption: str) -> str:
    data = base64.b64encode(png).decode("ascii")
    text = escaped(caption)
    return f'<figure><img alt="{text}" src="data:image/png;base64,{data}"><figcaption>{text}</figcaption></figure>'


def _json(name: str, fields: dict[str, Any]) -> str:
    """An element with JSON, in which no tag can begin."""
    text = json.dumps(fields).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'
