# SPDX-License-Identifier: MIT
"""Branches that no other test takes: rare endings, texts of objects, and refusals of single options."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bitprop import (
    BitpropError,
    ModelFileError,
    Network,
    OptionError,
    ShapeError,
    _files,
    _progress,
    cli,
    datasets,
    model_file,
    sweep,
)
from bitprop.core import choice
from bitprop.scaling import Scaling
from bitprop.stopping import Criteria, Stopping

X, Y = datasets.xor()


def refusal(error: type[Exception], text: str) -> Any:
    """That this error is raised, with this message and no more."""
    return pytest.raises(error, match=f"^{re.escape(text)}$")


class Screen(io.StringIO):
    """A terminal, or none."""

    terminal = True

    def isatty(self) -> bool:
        """Whether it is one."""
        return self.terminal


def test_plain_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without tqdm there is one line, written over on a terminal, after two seconds and then each half second."""
    now = [100.0]
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    for terminal, expected in (
        (True, "\rrows: 20 of 40 (50 %)\r\x1b[K\rrows: 40 of 40 (100 %)\n"),
        (False, "rows: 20 of 40 (50 %)\nrows: 40 of 40 (100 %)\n"),
    ):
        screen = Screen()
        screen.terminal = terminal
        monkeypatch.setattr(sys, "stderr", screen)
        with _progress.Progress(40, "rows", True) as bar:
            bar.update(10)
            now[0] += 2.0
            bar.update(10)
            bar.clear()
            bar.clear()
            bar.update(10)
            now[0] += 0.5
            bar.update(10)
        assert screen.getvalue() == expected
        with _progress.Progress(0, "rows", None) as bar:
            now[0] += 2.0
            bar.update(0)
        assert screen.getvalue() == expected + ("\rrows: 0 of 0 (0 %)\n" if terminal else "")
        with _progress.Progress(1, "rows", False) as bar:
            bar.update(1)
            bar.clear()
    monkeypatch.setattr(sys, "stderr", None)
    with _progress.Progress(1, "rows", True) as bar:
        bar.update(1)


def command(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """The status and the outputs of a command, in this process."""
    try:
        status = cli.main(list(arguments))
    except SystemExit as ended:  # argparse's
        status = int(ended.code or 0)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "xor", "--resume"), "--resume is given without --load: expected the model file that --checkpoint"),
        (("sweep", "xor", "--learning-rates", "1,,0.1"), "'1,,0.1' has an empty entry, expected numbers with commas"),
        (("sweep", "xor", "--threshold", "-1"), "--threshold is -1.0, expected a number of at least 0"),
        (("sweep", "xor", "--threshold", "nan"), "--threshold is nan, expected a number of at least 0"),
        (("bench", "--rounds", "0"), "--rounds is 0, expected 1 or more"),
        (("train", "xor", "--save", ""), "cannot write '': expected the name of a file"),
        (("train", "xor", "--save", "/no/such/folder/x"), "cannot write /no/such/folder/x: there is no folder"),
    ],
)
def test_refused_commands(arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Options that are refused before any work: status 2, and one line that says why."""
    status, out, err = command(*arguments, capsys=capsys)
    assert (status, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_one_column_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A column is not both a target and the weights; and one column is not enough."""
    file = tmp_path / "rows.csv"
    file.write_text("a,b,c\n1,2,3\n4,5,6\n", encoding="utf-8")
    status, _, err = command("train", str(file), "--targets", "c", "--sample-weight", "c", capsys=capsys)
    assert status == 2
    assert "--sample-weight and --targets both name the column 'c', expected another one for each" in err
    file.write_text("a\n1\n4\n", encoding="utf-8")
    status, _, err = command("train", str(file), "--sample-weight", "a", capsys=capsys)
    assert status == 2
    assert "has no column but 'a'" in err


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What may not be written is refused before the work: root may write all, so that the answer is put in."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    for path in (str(tmp_path / "net.json"), os.devnull):
        status, _, err = command("train", "xor", "--epochs", "1", "--save", path, capsys=capsys)
        assert status == 2
        assert f"cannot write {path}: " in err
        assert "does not allow it" in err


def test_little_memory(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is not enough memory, one line says so."""

    def fail(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(Network, "fit", fail)
    status, _, err = command("train", "xor", capsys=capsys)
    assert status == 2
    assert err == "bitprop: error: not enough memory for this work: a smaller network, fewer rows or fewer seeds\n"


def test_interrupted_training_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C during the command leaves the network, its losses and the checkpoint, and says so."""
    files = {name: str(tmp_path / name) for name in ("checkpoint", "save", "history")}
    whole = Network.fit

    def interrupted(net: Network, *data: Any, **options: Any) -> None:
        whole(net, *data, **options)
        raise KeyboardInterrupt

    options = [item for name, path in files.items() for item in (f"--{name}", path)]
    status, _, err = command("train", "xor", "--epochs", "3", *options, capsys=capsys)
    assert status == 0
    assert f"wrote {files['checkpoint']}\n" in err
    monkeypatch.setattr(Network, "fit", interrupted)
    status, _, err = command("train", "xor", "--epochs", "3", *options, capsys=capsys)
    assert status == 130
    for line in (
        f"wrote {files['checkpoint']}: to go on, give --load {files['checkpoint']} --resume as well",
        "last logged: epoch : 2 ",
        f"wrote {files['save']}: the network after its last whole epoch",
        f"wrote {files['history']}",
    ):
        assert line in err
    assert all(map(os.path.exists, files.values()))


def test_texts_of_results() -> None:
    """How a history, a run and a sweep show themselves."""
    net = Network(2, 1, seed=1)
    history = net.fit(X, Y, epochs=3)
    assert repr(history) == f"<History of 3 logged epochs, stopped by {history.stopped}>"
    found = sweep((2, 1), (X, Y), seeds=[0, 1], learning_rates=(0.5,), epochs=2)
    assert repr(found) == "<SweepResult of 2 trainings, 0 of them failed>"
    assert repr(found[0]).startswith("<Run of seed 0, learning rate 0.5")
    assert f"final {found[0].history.name} {found[0].final_loss!r}>" in repr(found[0])
    bad = sweep((2, 1), (X, Y), seeds=[0], learning_rates=(1e308,), epochs=9, activation="identity")
    assert repr(bad) == "<SweepResult of 1 trainings, 1 of them failed>"
    assert "DivergedError: training diverged in epoch " in repr(bad[0])


def test_single_refusals(tmp_path: Path) -> None:
    """One option that does not go with another."""
    net = Network(2, 2, activation="softmax")
    with refusal(OptionError, "output_scaling is given with softmax outputs, which are probabilities: expected None"):
        net.output_scaling = Scaling([0.0, 0.0], [1.0, 1.0])
    with refusal(OptionError, "split_seed is 3, which has no effect alone: expected a share as validation"):
        Network(2, 1).scale(X, split_seed=3)
    with pytest.raises(IndexError):
        net.model.parameter_name(10**6)
    with pytest.raises(OptionError, match=r"^seed is <int of 33220 bits>, expected 0 <= seed < 2\^64$"):
        Network(2, 1, seed=10**10000)
    with refusal(BitpropError, "the core answered status -3 to checked arguments; please report this as a bug"):
        choice.expect_ok(-3)


def test_stopping_fields() -> None:
    """A reason to stop that is none is refused."""
    criteria = Criteria(None, 0.0, None, None, None)
    with refusal(ValueError, "'hunger' is no reason to stop"):
        Stopping(criteria).go_on({"best": "inf", "in_vain": 0, "reason": "hunger"})


def test_deep_content(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Content that is nested too deeply to be written again is no model file."""

    def deep(_: Any) -> str:
        raise RecursionError

    path = tmp_path / "net.json"
    Network(2, 1).save(path)
    monkeypatch.setattr(model_file, "dumps", deep)
    with pytest.raises(ModelFileError, match="is nested more deeply than a bitprop model file"):
        Network.load(path)


def test_file_systems_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file without a name cannot be linked, it is written with a temporary name."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    _files.write(tmp_path / "a", "text")
    assert (tmp_path / "a").read_text(encoding="utf-8") == "text"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_big_endian(monkeypatch: pytest.MonkeyPatch) -> None:
    """The digests of rows are those of little-endian bytes: another order is turned first."""
    net = Network(2, 1, seed=1)
    net.fit(X, Y, epochs=1)
    assert net._left is not None
    here = dict(net._left.describe())["data"]
    monkeypatch.setattr(sys, "byteorder", "big")
    net.fit(X, Y, epochs=1)
    there = dict(net._left.describe())["data"]
    assert here != there  # since this machine's bytes need no turning
    monkeypatch.undo()
    net.fit(X, Y, epochs=1)
    assert dict(net._left.describe())["data"] == here


def test_too_many_rows_to_shuffle(monkeypatch: pytest.MonkeyPatch) -> None:
    """2^32 rows cannot be shuffled."""
    net = Network(2, 1)
    data = net.model.raw_data(X, Y)
    monkeypatch.setattr(type(net.model), "data", lambda *_, **__: data._replace(rows=2**32))
    with refusal(ShapeError, "x has 4294967296 rows, expected fewer than 2^32 with shuffling"):
        net.fit(X, Y, epochs=1, shuffle_seed=1)


def test_sweep_file_without_trainings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A picture of no trainings, and of trainings that all diverged."""
    file = tmp_path / "sweep.csv"
    status, _, err = command("plot", str(file), "--out", str(tmp_path / "a.png"), capsys=capsys)
    assert status == 2
    assert "Traceback" not in err
    result = sweep((2, 1), (X, Y), seeds=[0], learning_rates=(1e308,), epochs=9, activation="identity")
    pytest.importorskip("matplotlib")
    figure = result.plot()
    assert "no training ended with a finite loss" in [text.get_text() for text in figure.axes[0].texts]
    assert json.loads(json.dumps([str(error) for error in result.errors]))
