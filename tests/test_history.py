# SPDX-License-Identifier: MIT
"""What a training logged, as the report prints it, as CSV and as a picture."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from bitprop import History, Network, OptionError, datasets


@pytest.fixture
def history() -> History:
    """Of 1000 epochs on xor, every tenth logged."""
    return Network(2, 4, 4, 1, seed=1, bias=False).fit(*datasets.xor(), epochs=1000, log_every=10)


def test_report_lines(history: History) -> None:
    """The report's own lines come back from its own numbers, digit by digit."""
    made = History(log_every=5000, rows=1, outputs=1, measure="half_sse")
    made.extend([0.3014694984641999, 0.0000117492469418])
    assert made.table(5000) == "epoch : 0 Loss : 0.3014694984641999\nepoch : 5000 Loss : 0.0000117492469418"
    assert history.table(500).splitlines() == [
        f"epoch : {epoch} Loss : {history.mse[epoch // 10]:.16f}" for epoch in (0, 500)
    ]


def test_table_distance(history: History) -> None:
    """The distance between lines is checked."""
    for every in (0, -1):
        with pytest.raises(OptionError, match=f"every is {every}"):
            history.table(every)


@pytest.mark.parametrize(("epochs", "lines"), [(0, 0), (1, 1), (19, 19), (20, 20), (21, 11), (41, 14), (1000, 20)])
def test_at_most_twenty_lines(epochs: int, lines: int) -> None:
    """`str` thins the table evenly."""
    found = str(Network(1, 1).fit([[1.0]], [[1.0]], epochs=epochs)).splitlines()
    assert len(found) == lines
    assert all(re.fullmatch(r"epoch : \d+ Loss : \d\.\d{16}", line) for line in found)


def test_csv(history: History, tmp_path: Path) -> None:
    """CSV reads back to the same bits."""
    history.to_csv(tmp_path / "losses.csv")
    with open(tmp_path / "losses.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == history.epochs
    assert [float(row["mse"]) for row in rows] == history.mse
    assert [float(row["sse"]) for row in rows] == history.sse


def test_plot(history: History, tmp_path: Path) -> None:
    """The figure holds the curve, on a logarithmic scale."""
    pytest.importorskip("matplotlib")
    axes = history.plot(tmp_path / "losses.png").axes[0]
    assert axes.get_yscale() == "log"
    assert list(axes.lines[0].get_ydata()) == history.mse
    assert (tmp_path / "losses.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(OptionError, match=r"cannot draw to '.*losses\.docx': expected a name that ends in one of"):
        history.plot(tmp_path / "losses.docx")
