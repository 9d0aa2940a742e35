# SPDX-License-Identifier: MIT
"""The lab: its experiments, its quantiles, its verdicts (its pictures are in test_plots.py)."""

from __future__ import annotations

import json
import statistics

import pytest
from conftest import core_or_skip

from bitprop import Network, OptionError, datasets, lab
from bitprop.lab.report import report_tables
from bitprop.names import Backend

SHORT = tuple(e._replace(epochs=e.epochs // 50, every=e.every // 50) for e in lab.EXPERIMENTS)
SHORTEST = tuple(
    e._replace(points=min(e.points, 9), epochs=e.epochs // e.every * 10, every=10) for e in lab.EXPERIMENTS
)


def test_the_report_fits_the_experiments() -> None:
    """Each table of the report has an experiment that logs its epochs, of the points that its title names."""
    report = {name: table for name, table in report_tables().items() if name != "_comment"}
    assert [experiment.name for experiment in lab.EXPERIMENTS] == list(report)
    for experiment in lab.EXPERIMENTS:
        assert report[experiment.name]["epochs"] == list(range(0, experiment.epochs, experiment.every))
        assert experiment.every == experiment.step * experiment.log_every
        assert f" {len(experiment.data(0)[0])} points, learning rate {experiment.learning_rate:g}" in experiment.title


@pytest.mark.filterwarnings("ignore::bitprop.TrainingHint")  # nothing is meant to be learnt here
def test_single_runs_are_single_fits(backend: Backend) -> None:
    """A table's single run is the fit that its description says: data seed S, network seed S."""
    result = lab.run(seed=3, seeds=0, backend=backend, experiments=SHORTEST if backend == "python" else SHORT)
    assert [len(table.loss) for table in result.tables] == [20, 20, 10, 10]
    for table in result.tables:
        experiment = table.experiment
        x, y = datasets.linear(experiment.points, 3) if experiment.points else datasets.xor()
        net = Network(2, 4, 4, 1, bias=False, seed=3)
        history = net.fit(x, y, epochs=experiment.epochs, learning_rate=experiment.learning_rate)
        assert table.loss == history.mse[:: experiment.every]
        assert table.network == net


def test_quantiles() -> None:
    """Quantiles over the seeds are the standard library's, and each seed's losses those of its own single run."""
    core_or_skip("ctypes")
    result = lab.run(seed=5, seeds=12, experiments=SHORT)
    for table in result.tables:
        assert len(table.losses) == 12
        assert table.losses[0] == table.loss
        for place in range(len(table.epochs)):
            cuts = statistics.quantiles([each[place] for each in table.losses], n=100, method="inclusive")
            for q, losses in table.quantiles.items():
                assert losses[place] == pytest.approx(cuts[round(float(q) * 100) - 1], rel=1e-12)  # another formula
    alone = lab.run(seed=7, seeds=1, experiments=SHORT)
    assert [table.losses[2] for table in result.tables] == [table.loss for table in alone.tables]


def test_verdicts() -> None:
    """The verdict counts what lies outside and names it; without seeds there is none."""
    core_or_skip("ctypes")
    table = lab.run(seed=0, seeds=5, experiments=SHORT).tables[0]
    low, high = table.quantiles["0.01"], table.quantiles["0.99"]
    inside = table._replace(report=[(a + b) / 2 for a, b in zip(low, high)])
    assert inside.outside == []
    assert inside.verdict.startswith("all 20 values of the report lie between the 1 % and 99 % quantiles of 5 seeds")
    report = list(inside.report)
    report[3], report[5] = high[3] * 2, low[5] / 2
    outside = table._replace(report=report)
    assert outside.outside == [table.epochs[3], table.epochs[5]]
    assert outside.verdict.startswith(f"NOT INSIDE: at epoch {table.epochs[3]}, {table.epochs[5]}")
    assert outside.ranks[3] == 1.0
    assert outside.ranks[5] == 0.0
    assert table._replace(histories=[]).verdict == "no quantiles: only the single run was trained"


def test_forms() -> None:
    """The JSON has the documented keys, in order; the text has the report's lines and a verdict for each table."""
    core_or_skip("ctypes")
    result = lab.run(seed=1, seeds=3, experiments=SHORT)
    fields = json.loads(json.dumps(result.to_json()))
    assert (fields["seed"], fields["seeds"]) == (1, 3)
    assert list(fields) == ["seed", "seeds", "backend", "left_out", "tables"]
    for table in fields["tables"]:
        assert list(table) == ["name", "epochs", "report", "loss", "quantiles", "ranks", "inside", "verdict"]
        assert len(table["epochs"]) == len(table["report"]) == len(table["loss"])
        assert set(table["quantiles"]) == {"0.01", "0.1", "0.5", "0.9", "0.99"}
        assert isinstance(table["inside"], bool)
    printed: list[str] = []
    again = lab.run(seed=1, seeds=3, experiments=SHORT, ready=lambda table: printed.append(str(table)))
    assert again.to_json() == result.to_json()
    text = str(result)
    assert "\n\n".join(printed) == text
    assert text.count("verdict: ") == 4
    assert f"epoch : 0 Loss : {fields['tables'][0]['loss'][0]:.16f}" in text.splitlines()


def test_pure_says_what_is_left_out() -> None:
    """The pure twin trains the single runs, and says so."""
    result = lab.run(seeds=100, backend="python", experiments=SHORTEST)
    assert result.seeds == 0
    assert result.to_json()["tables"][0]["inside"] is None
    assert "Left out: the 100 seeds" in str(result)


def test_seeds() -> None:
    """Seeds must be seeds."""
    for seed, seeds in ((-1, 1), (0, -1), (2**64 - 1, 2)):
        with pytest.raises(OptionError):
            lab.run(seed=seed, seeds=seeds)
