# SPDX-License-Identifier: MIT
"""The lab: its experiments, its quantiles, its verdicts, its pictures (the whole run is in the longer checks)."""

from __future__ import annotations

import json
import statistics
from importlib import resources
from pathlib import Path

import pytest
from conftest import core_or_skip

from bitprop import Network, OptionError, datasets, lab, plots
from bitprop.names import Backend


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The experiments with a hundredth of the epochs, at the report's places."""
    scaled = [e._replace(epochs=e.epochs // 50, every=e.every // 50) for e in lab.EXPERIMENTS]
    monkeypatch.setattr(lab, "EXPERIMENTS", tuple(scaled))


def test_the_report_fits_the_experiments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each table of the report has an experiment that logs its epochs."""
    monkeypatch.undo()
    text = resources.files("bitprop").joinpath("report_tables.json").read_text(encoding="utf-8")
    report = {name: table for name, table in json.loads(text).items() if name != "_comment"}
    assert [experiment.name for experiment in lab.EXPERIMENTS] == list(report)
    for experiment in lab.EXPERIMENTS:
        assert report[experiment.name]["epochs"] == list(range(0, experiment.epochs, experiment.every))
        assert experiment.every % lab.FINER == 0


def test_single_runs_are_single_fits(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table's single run is the fit that its description says: data seed S, network seed S."""
    if backend == "python":
        scaled = [e._replace(epochs=40, every=20) for e in lab.EXPERIMENTS]
        monkeypatch.setattr(lab, "EXPERIMENTS", tuple(scaled))
    found = lab.run(seed=3, seeds=0, backend=backend)
    assert [len(table.loss) for table in found.tables] == ([2] * 4 if backend == "python" else [20, 20, 10, 10])
    for table in found.tables:
        experiment = table.experiment
        x, y = datasets.linear(experiment.points, 3) if experiment.points else datasets.xor()
        net = Network(2, 4, 4, 1, bias=False, seed=3)
        history = net.fit(x, y, epochs=experiment.epochs, learning_rate=experiment.learning_rate)
        assert table.loss == history.mse[:: experiment.every]
        assert table.network == net


def test_quantiles() -> None:
    """Quantiles over the seeds are the standard library's, and each seed's losses those of its own single run."""
    core_or_skip("ctypes")
    found = lab.run(seed=5, seeds=12)
    for table in found.tables:
        assert len(table.losses) == 12
        assert table.losses[0] == table.loss
        for place in range(len(table.epochs)):
            cuts = statistics.quantiles([each[place] for each in table.losses], n=100, method="inclusive")
            for q, own in table.quantiles.items():
                assert own[place] == pytest.approx(cuts[round(float(q) * 100) - 1], rel=1e-12)  # another formula
    alone = lab.run(seed=7, seeds=1)
    assert [table.losses[2] for table in found.tables] == [table.loss for table in alone.tables]


def test_verdicts() -> None:
    """The verdict counts what lies outside and names it; without seeds there is none."""
    core_or_skip("ctypes")
    table = lab.run(seed=0, seeds=5).tables[0]
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
    assert table._replace(curves=[]).verdict == "no quantiles: only the single run was trained"


def test_forms() -> None:
    """The JSON has the documented keys; the text has the report's lines and a verdict for each table."""
    core_or_skip("ctypes")
    found = lab.run(seed=1, seeds=3)
    fields = json.loads(json.dumps(found.to_json()))
    assert (fields["seed"], fields["seeds"]) == (1, 3)
    for table in fields["tables"]:
        assert len(table["epochs"]) == len(table["report"]) == len(table["loss"])
        assert set(table["quantiles"]) == {"0.01", "0.1", "0.5", "0.9", "0.99"}
        assert isinstance(table["inside"], bool)
    told: list[str] = []
    assert lab.run(seed=1, seeds=3, ready=lambda table: told.append(str(table))).to_json() == found.to_json()
    text = str(found)
    assert "\n\n".join(told) == text
    assert text.count("verdict: ") == 4
    assert f"epoch : 0 Loss : {fields['tables'][0]['loss'][0]:.16f}" in text.splitlines()


def test_pure_says_what_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pure twin trains the single runs, and says so."""
    scaled = [e._replace(points=min(e.points, 9), epochs=e.epochs // e.every * 20, every=20) for e in lab.EXPERIMENTS]
    monkeypatch.setattr(lab, "EXPERIMENTS", tuple(scaled))
    found = lab.run(seeds=100, backend="python")
    assert found.seeds == 0
    assert found.to_json()["tables"][0]["inside"] is None
    assert "Left out: the 100 seeds" in str(found)


def test_seeds() -> None:
    """Seeds must be seeds."""
    for seed, seeds in ((-1, 1), (0, -1), (2**64 - 1, 2)):
        with pytest.raises(OptionError):
            lab.run(seed=seed, seeds=seeds)


def test_pictures(tmp_path: Path) -> None:
    """Three pictures for each table; the loss picture has the report's points on top of the run and the bands."""
    pytest.importorskip("matplotlib")
    core_or_skip("ctypes")
    found = lab.run(seed=0, seeds=3)
    written = plots.save_lab(found.tables, found.seed, tmp_path)
    assert len(written) == 12
    assert sorted(map(str, tmp_path.iterdir())) == sorted(written)
    assert all(Path(path).read_bytes().startswith(b"\x89PNG") for path in written)
    table = found.tables[0]
    axes = plots.losses({"run": (table.epochs, table.loss)}, "t", ("the report", table.epochs, table.report)).axes[0]
    run, report = axes.lines
    assert list(run.get_ydata()) == table.loss
    assert list(report.get_ydata()) == table.report
    x, y = table.experiment.data(0)
    figure = plots.predictions(x, y, [[1.0 - label] for (label,) in y], "t")
    assert "0 of 100 right" in figure._suptitle.get_text()
    drawn = [len(line.get_xdata()) for axes in figure.axes for line in axes.lines]
    assert drawn[0] == drawn[3]
    assert drawn[1] == drawn[2]
