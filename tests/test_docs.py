# SPDX-License-Identifier: MIT
"""Every Python example of the documentation runs as it stands, and the README's results are those that it prints."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import core_or_skip

ROOT = Path(__file__).resolve().parent.parent


def blocks(page: str) -> list[str]:
    """The page's blocks of Python."""
    return re.findall(r"```python\n(.*?)```", ROOT.joinpath(page).read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", ["README.md", "docs/python.md", "docs/lab.md", "docs/exchange.md"])
def test_examples(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All blocks of a page, in order, in an empty folder."""
    core_or_skip("ctypes")  # the pure twin would take minutes
    pytest.importorskip("matplotlib")
    if page == "docs/exchange.md":
        for library in ("onnxruntime", "onnx", "safetensors", "sklearn", "torch"):
            pytest.importorskip(library)
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
    if page == "docs/exchange.md":
        assert printed.split("\n") == ["0", "True", "0.5 True", ""]
    if page == "README.md":
        results = re.findall(r"print\(.*# (.*)", found[0])
        assert len(results) == 3
        for result in results:
            for part in result.replace(", on your machine too", "").split(" ..."):
                assert part in printed


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


PAGES = sorted(
    path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links(page: Path) -> None:
    """Every relative link of a page leads to a file."""
    text = re.sub(r"```.*?```", "", ROOT.joinpath(page).read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert link.startswith("https://") or ROOT.joinpath(page.parent, link).exists(), link


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
