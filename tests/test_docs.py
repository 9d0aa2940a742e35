# SPDX-License-Identifier: MIT
"""Every Python example of the documentation runs as it stands, and the README's results are those that it prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import core_or_skip

ROOT = Path(__file__).resolve().parent.parent


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
    if page == "README.md":
        results = re.findall(r"print\(.*# (.*)", found[0])
        assert len(results) == 3
        for result in results:
            for part in result.replace(", on your machine too", "").split(" ..."):
                assert part in printed
