# SPDX-License-Identifier: MIT
"""Every Python example of the documentation runs as it stands, and the README's results are those that it prints."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import core_or_skip

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
)
STARTS = [page for page in PAGES if page.parent.name == "start"]
INSTALLATION = "python3 -m venv"  # how a block begins that the environment of the tests takes the place of


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


def blocks(page: str) -> list[str]:
    """The page's blocks of Python."""
    return re.findall(r"```python\n(.*?)```", ROOT.joinpath(page).read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", ["README.md", "docs/python.md", "docs/lab.md"])
def test_examples(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All blocks of a page, in order, in an empty folder."""
    core_or_skip("ctypes")  # the pure twin would take minutes
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    found = blocks(page)
    assert found
    for block in found:
        exec(compile(block, page, "exec"), names)
    printed = capsys.readouterr().out
    if page == "docs/python.md":
        errors = re.findall(r"^# (data\.csv.*)$", "".join(found), re.MULTILINE)
        assert len(errors) == 3
        assert "\n".join(errors) in printed
        [ended] = re.findall(r"# (callback .*)", "".join(found))
        assert f"{ended}\n" in printed
    if page == "README.md":
        results = re.findall(r"print\(.*# (.*)", found[0])
        assert len(results) == 3
        for result in results:
            for part in result.replace(", on your machine too", "").split(" ..."):
                assert part in printed


@pytest.mark.skipif(sys.platform == "win32", reason="needs sh")
@pytest.mark.parametrize("page", STARTS, ids=str)
def test_start(page: Path, tmp_path: Path) -> None:
    """Followed in an empty folder, a page for beginners prints what it says, in each block of text."""
    core_or_skip("cffi")  # which the pages install
    pytest.importorskip("matplotlib")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "COLUMNS": "200"}
    printed = None
    compared = 0
    for block in blocks_of(page):
        if block.language == "text":
            assert printed == block.text
            compared += 1
        elif block.language == "sh" and not block.text.startswith(INSTALLATION):
            needed = re.findall(r"arm-none-eabi-gcc|\bnode\b", block.text)
            if any(shutil.which(program) is None for program in needed) and os.environ.get("CI") != "true":
                pytest.skip(f"needs {needed[0]}")
            run = ["sh", "-euc", block.text]
            found = subprocess.run(run, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
            assert found.returncode == 0, found.stderr
            printed = found.stdout
        elif block.language != "sh":
            assert block.file, f"a block of {block.language} whose first line names no file"
            tmp_path.joinpath(block.file).write_text(block.text, encoding="utf-8")
    assert compared


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
