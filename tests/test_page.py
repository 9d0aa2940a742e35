# SPDX-License-Identifier: MIT
"""The page of `bitprop lab --report`: whole in itself, with the numbers of the JSON and commands that train again."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import core_or_skip
from html_reader import Reader

from bitprop import cli, lab

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.filterwarnings("ignore::bitprop.TrainingHint")
SHORT = tuple(e._replace(epochs=e.epochs // 50, every=e.every // 50) for e in lab.EXPERIMENTS)


def test_page(capsys: pytest.CaptureFixture[str]) -> None:
    """All tables, pictures, seeds and commands are there; the numbers are the JSON's; nothing is loaded."""
    core_or_skip("ctypes")
    from bitprop.lab import page

    result = lab.run(seed=4, seeds=3, experiments=SHORT)
    text = page.html(result)
    reader = Reader(text)
    assert re.search(r"https?:|//\w", re.sub(r"base64,[\w+/=]+", "", text)) is None
    assert [(tag, name) for tag, name, _ in reader.attributes if name in ("href", "srcset", "onload")] == []
    assert "url(" not in reader.style
    assert "@import" not in reader.style
    pictures = [value or "" for _, name, value in reader.attributes if name == "src"]
    assert len(pictures) == 12
    for picture in pictures:
        head, _, data = picture.partition(",")
        assert head == "data:image/png;base64"
        assert base64.b64decode(data, validate=True).startswith(b"\x89PNG")
    fields = json.loads(reader.script)
    assert fields == json.loads(json.dumps(result.to_json()))
    rows = iter(reader.cells[5:])  # after the summary
    for table in fields["tables"]:
        assert next(rows) == ["epoch", "report", "this run", "1%", "10%", "50%", "90%", "99%", "seeds below the report"]
        for place, epoch in enumerate(table["epochs"]):
            assert next(rows) == [
                str(epoch),
                *(f"{table[name][place]:.4e}" for name in ("report", "loss")),
                *(f"{losses[place]:.3e}" for losses in table["quantiles"].values()),
                f"{table['ranks'][place]:.0%}",
            ]
        assert f"{table['verdict'][1:]}." in reader.text
    assert list(rows) == []
    assert "Seeds 4 to 6 for the quantiles; seed 4 for the single runs" in reader.text
    assert "bitprop lab --seed 4 --seeds 3 --report DIR" in reader.text
    for each in result.tables:
        command = page.train_command(each)
        assert command in reader.text
        assert each.network.fingerprint() in reader.text
        assert cli.main([*command.split(" ")[1:], "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["fingerprint"] == each.network.fingerprint()


def test_page_without_seeds_is_escaped() -> None:
    """Without seeds there are no quantiles; text of a table stays text, in the JSON too."""
    core_or_skip("ctypes")
    from bitprop.lab import page

    evil = "</script><script>alert(1)</script>"
    result = lab.run(seeds=0, experiments=[SHORT[1]])
    [table] = result.tables
    table = table._replace(experiment=table.experiment._replace(name=evil, title=f"a {evil}"))
    text = page.html(result._replace(tables=[table], left_out=f"Left out: {evil}"))
    reader = Reader(text)
    assert [tag for tag, name, _ in reader.attributes if tag == "script"] == ["script"] * 2  # its type and its id
    assert json.loads(reader.script)["tables"][0]["name"] == evil
    assert f"Left out: {evil}" in reader.text
    assert f"a {evil}" in reader.text
    assert ["epoch", "report", "this run"] in reader.cells
    assert "No seeds for quantiles" in reader.text


def test_overshoot() -> None:
    """The study is a section of the page, with its map, its counts, its scores, its JSON and its command."""
    core_or_skip("ctypes")
    from bitprop.lab import overshoot, page

    study = overshoot.Study(rows=(50, 400), rates=(1.0, 0.01), rules=("descent", "rprop"), epochs=100, seeds=2)
    cells = overshoot.run(study)
    fits = overshoot.fit(2, sizes=[300, 400], reports=[each._replace(epochs=20, every=2) for each in overshoot.REPORTS])
    result = lab.run(seeds=0, experiments=[SHORT[1]])
    text = page.html(result, page.Overshoot(study, cells, fits, 2))
    reader = Reader(text)
    assert len([value for _, name, value in reader.attributes if name == "src"]) == 3 + 1
    [fields] = re.findall(r'id="overshoot">(.*?)</script>', text)
    assert json.loads(fields) == json.loads(json.dumps(overshoot.to_json(study, cells, fits, 2)))
    first = [cell for cell in cells if (cell.rule, cell.bias, cell.learning_rate) == ("descent", False, 1.0)]
    shown = [f"{cell.stuck}" + (f" +{cell.slow}" if cell.slow else "") for cell in first]
    place = reader.cells.index(["rate", "50 rows", "400 rows"])
    assert reader.cells[place + 1] == ["1", *shown]
    assert [str(fits[1].rows), *(f"{score:.4f}" for score in (*fits[1].scores, fits[1].total))] in reader.cells
    assert f"{overshoot.best(fits).rows} rows have the least" in reader.text
    assert overshoot.sha256(cells) in reader.text
    assert "bitprop lab overshoot --seed 0 --seeds 2 --epochs 100 --fit-seeds 2" in reader.text


def test_command(tmp_path: Path) -> None:
    """`bitprop lab --report DIR` makes the folder and writes the page, of the numbers that --json prints."""
    core_or_skip("ctypes")
    code = (
        "import sys\nfrom bitprop import cli, lab\n"
        "lab.EXPERIMENTS = tuple(e._replace(epochs=e.epochs // e.every * 10, every=10) for e in lab.EXPERIMENTS)\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    folder = tmp_path / "a" / "b"
    command = [sys.executable, "-c", code, "lab", "--seeds", "0", "--json", "--report", str(folder)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stderr == f"wrote {folder / 'index.html'}\n"
    page = folder.joinpath("index.html").read_text(encoding="utf-8")
    assert json.loads(Reader(page).script) == json.loads(found.stdout)


def test_wrong_folder(capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that cannot be made is refused before anything is trained."""
    assert cli.main(["lab", "--report", __file__]) == 2
    assert "--report is " in capsys.readouterr().err
    assert cli.main(["lab", "--overshoot"]) == 2
    assert "--overshoot is given without --report" in capsys.readouterr().err
