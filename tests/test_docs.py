# SPDX-License-Identifier: MIT
"""Every Python example of the documentation runs as it stands, and the README's results are those that it prints."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import core_or_skip

ROOT = Path(__file__).resolve().parent.parent
PORT = ROOT / "examples" / "ports" / "javascript" / "port.mjs"
PAGES = sorted(
    path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
)
STARTS = [page for page in PAGES if page.parent.name == "start"]
FOLLOWED = [
    Path(page)
    for page in (
        *("README.md", "docs/python.md", "docs/lab.md", "docs/embedding.md", "docs/porting.md"),
        "docs/exchange.md",
    )
]
INSTALLATION = {"python3 -m venv": "the environment of the tests takes its place", "mkdir": "so does their folder"}
# Pages whose commands no test here runs, and why.
LEFT_OUT = {
    "CONTRIBUTING.md": "most of them are steps of continuous integration",
    "docs/index.md": "tests/test_site.py builds the site",
    "docs/platforms.md": "it is a step of continuous integration",
    "docs/playground.md": "tests/test_playground.py and tests/test_playground_browsers.py",
    "docs/proofs.md": "they take long, and one needs Frama-C; tests/test_bounds.py",
    "docs/receipts.md": "tests/test_receipt.py",
    "docs/reliability.md": "they take minutes to hours; the page names the test of each promise",
    "docs/sklearn.md": "tests/test_sklearn.py",
    "docs/speed.md": "it measures for a quarter of an hour; tests/test_bench.py",
    "docs/solve.md": "it measures for longer; tests/test_solve.py",
}
# Lines of the pages that are followed, by their beginnings, that no test here runs, and why.
LINES_LEFT_OUT = {
    "python3 -m venv": "the environment of the tests takes its place; continuous integration runs those of the README",
    "bitprop lab  ": "docs/start/student.md has it",
    "bitprop lab --out": "docs/start/student.md has it",
    "bitprop lab --json": "tests/test_lab.py",
    "bitprop lab proben1": "it needs data that bitprop does not include; tests/test_proben1_runs.py",
    "bitprop lab --report": "tests/test_page.py",
    "bitprop lab overshoot": "it takes minutes; tests/test_overshoot.py",
    "bitprop completion": "it writes to the user's own folder; tests/test_completion.py",
    "bitprop playground": "it serves until Ctrl-C; tests/test_playground.py",
    "bitprop vectors generate": "it takes most of a minute; tests/test_vectors_check.py",
    "bitprop bench": "it measures for minutes; tests/test_bench.py and tests/test_solve.py",
    "python - <<'END'": "it takes two minutes",
    "sh run.sh": "tests/platforms runs it",
}


class Block(NamedTuple):
    """A block of a page."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The name of the file that it is, if its first line is a comment of a name and no more."""
        named = re.match(r"(?:#|//|/\*) (\w+\.\w+)(?: \*/)?\n", self.text)
        return named[1] if named else None


def blocks_of(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    text = ROOT.joinpath(page).read_text(encoding="utf-8")
    return [Block(*found) for found in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]


def run_commands(text: str, left_out: Iterable[str], folder: Path) -> str:
    """What the commands of a block print, without those that are left out. Each must succeed."""
    lines = [text] if "<<" in text else text.splitlines()
    commands = "\n".join(line for line in lines if not line.startswith(tuple(left_out)))
    for program in re.findall(r"^(?:arm-none-eabi-gcc|rustc|node)\b|node(?= port)|my-port", commands, re.MULTILINE):
        needed = "node" if program == "my-port" else program
        if shutil.which(needed) is None and os.environ.get("CI") != "true":
            pytest.skip(f"needs {needed}")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "COLUMNS": "200"}
    run = ["sh", "-euc", commands]
    found = subprocess.run(run, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs sh")
@pytest.mark.parametrize("page", STARTS, ids=str)
def test_start(page: Path, tmp_path: Path) -> None:
    """Followed in an empty folder, a page for beginners prints what it says, in each block of text."""
    core_or_skip("cffi")  # which the pages install
    pytest.importorskip("matplotlib")
    printed = ""
    compared = 0
    for block in blocks_of(page):
        if block.language == "text":
            assert printed == block.text
            compared += 1
        elif block.language == "sh":
            printed = run_commands(block.text, INSTALLATION, tmp_path)
        else:
            assert block.file, f"a block of {block.language} whose first line names no file"
            tmp_path.joinpath(block.file).write_text(block.text, encoding="utf-8")
    assert compared


@pytest.mark.parametrize("page", FOLLOWED, ids=str)
def test_examples(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All blocks of a page, in order, in a folder with what the page takes for granted."""
    core_or_skip("ctypes")  # the pure twin would take minutes
    pytest.importorskip("matplotlib")
    if page.name == "exchange.md":
        for library in ("onnxruntime", "onnx", "safetensors", "sklearn", "torch"):
            pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    names: dict[str, object] = {}
    outputs = ""
    found = blocks_of(page)
    for block in found:
        if block.file:
            tmp_path.joinpath(block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            exec(compile(block.text, str(page), "exec"), names)
        elif block.language == "sh" and sys.platform != "win32":
            outputs += run_commands(block.text.replace("micropython train", "python3 train"), LINES_LEFT_OUT, tmp_path)
        else:
            assert block.language in ("", "sh", "text"), f"a block of {block.language} whose first line names no file"
    printed = capsys.readouterr().out
    code = "".join(block.text for block in found if block.language == "python")
    if page.name == "python.md":
        errors = re.findall(r"^# (data\.csv.*)$", code, re.MULTILINE)
        assert len(errors) == 3
        assert "\n".join(errors) in printed
        [ended] = re.findall(r"# (callback .*)", code)
        assert f"{ended}\n" in printed
    if page.name == "exchange.md":
        assert printed.split("\n") == ["0", "True", "0.5 True", ""]
    if page.name == "README.md":
        results = re.findall(r"print\(.*# (.*)", code)
        assert len(results) == 3
        for result in results:
            for part in result.replace(", on your machine too", "").split(" ..."):
                assert part in printed
    if page.name == "embedding.md" and outputs:
        [stated] = re.findall(r"`(fingerprint \w+)`", ROOT.joinpath(page).read_text(encoding="utf-8"))
        fingerprints = re.findall(r"^fingerprint \w+$", outputs, re.MULTILINE)[1:]  # the first is of another training
        assert fingerprints[:2] == [stated] * 2
        assert fingerprints[2] == fingerprints[3]


def prepare(folder: Path) -> None:
    """What the pages take for granted: parts of the checkout, a CSV file, and a port."""
    for name in ("csrc", "examples"):
        shutil.copytree(ROOT / name, folder / name)
    folder.joinpath("src", "bitprop").mkdir(parents=True)
    shutil.copy(ROOT / "src" / "bitprop" / "_pure.py", folder / "src" / "bitprop")
    folder.joinpath("flowers.csv").write_text("length,width,rose,tulip\n5.1,3.5,1,0\n6.2,2.9,0,1\n", encoding="utf-8")
    port = folder / "my-port"
    port.write_text(f"#!/bin/sh\nexec node '{PORT}'\n", encoding="utf-8")
    port.chmod(0o755)


def test_no_block_is_forgotten() -> None:
    """Every page with a block of a program or of commands is followed, or stands among those that are not."""
    pages = {page.as_posix() for page in PAGES for block in blocks_of(page) if block.language not in ("", "text")}
    assert pages == {page.as_posix() for page in [*STARTS, *FOLLOWED]} | set(LEFT_OUT)


def test_questions_and_answers() -> None:
    """The questions of docs/porting.md have the answers that stand there: a port gives them."""
    if shutil.which("node") is None and os.environ.get("CI") != "true":
        pytest.skip("needs node")
    decoder = json.JSONDecoder()
    objects = []
    for block in blocks_of(Path("docs/porting.md")):
        text = block.text if block.language == "" else ""
        while "{" in text:
            text = text[text.index("{") :]
            value, end = decoder.raw_decode(text)
            objects.append(value)
            text = text[end:]
    assert len(objects) == 4
    questions = "".join(f"{json.dumps(question)}\n" for question in objects[::2])
    found = subprocess.run(["node", str(PORT)], input=questions, capture_output=True, text=True, check=True)
    assert [json.loads(line) for line in found.stdout.splitlines()] == objects[1::2]


@pytest.mark.skipif(sys.platform == "win32", reason="needs sh")
def test_device_in_a_fresh_checkout(tmp_path: Path) -> None:
    """The commands that fill a device's folder make it; Python takes the place of MicroPython."""
    page = ROOT.joinpath("docs", "embedding.md").read_text(encoding="utf-8")
    [block] = [one for one in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) if "my-device" in one]
    for folder in ("src", "examples"):
        tmp_path.joinpath(folder).symlink_to(ROOT / folder)
    commands = block.partition("bitprop train")[0].replace("micropython train", f"'{sys.executable}' train")
    found = subprocess.run(["sh", "-ec", commands], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    assert "fingerprint" in found.stdout


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as a code host makes them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links(page: Path) -> None:
    """Every relative link and picture of a page leads to a file, and every anchor to a heading."""
    text = re.sub(r"```.*?```|`[^`]*`", "", ROOT.joinpath(page).read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if not link.startswith("https://"):
            name, _, anchor = link.partition("#")
            target = ROOT.joinpath(page.parent, name) if name else ROOT / page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def test_gallery() -> None:
    """The gallery has every picture of the documentation."""
    pictures = {path.relative_to(ROOT / "docs").as_posix() for path in ROOT.glob("docs/pictures/*.png")}
    text = ROOT.joinpath("docs", "gallery.md").read_text(encoding="utf-8")
    assert set(re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)) == pictures


def test_table_of_platforms() -> None:
    """docs/platforms.md has the platforms of tests/platforms, at least twenty of them run, none with differing bits."""
    command = [sys.executable, str(ROOT / "tests" / "platforms"), "--list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    text = ROOT.joinpath("docs", "platforms.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")][1:]
    assert [re.split(r" {2,}", line)[0] for line in listed] == [row[0] for row in rows]
    bits = [row[3] for row in rows]
    assert set(bits) <= {"0", "-"}
    assert bits.count("0") >= 20
    assert all(row[4].startswith(("refused", "not run")) for row in rows if row[3] == "-")


def test_reliability_names_tests() -> None:
    """Each test, and each part of the long tier, that docs/reliability.md names is there."""
    names, path = 0, ""
    text = ROOT.joinpath("docs/reliability.md").read_text(encoding="utf-8")
    for span in re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        file, _, name = span.partition("::")
        file = file.split(" ")[0]
        if file.startswith("tests/"):
            path = file
            assert ROOT.joinpath(path).exists(), f"docs/reliability.md names {path}"
        if re.fullmatch(r"test_\w+", name):
            assert f"def {name}(" in ROOT.joinpath(path).read_text(encoding="utf-8"), f"{path} has no {name}"
            names += 1
    assert names > 50
