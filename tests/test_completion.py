# SPDX-License-Identifier: MIT
"""The scripts of `bitprop completion`, asked in the shells that are here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bitprop import cli

pytest.importorskip("shtab")

# What is typed, and the words that it can become: commands, options, choices, commands below another.
ASKED = [
    ("bitprop swe", ["sweep"]),
    ("bitprop lab over", ["overshoot"]),
    ("bitprop lab overshoot --fit", ["--fit-seeds"]),
    ("bitprop train xor --rul", ["--rule"]),
    ("bitprop train xor --rule ad", ["adam", "adamw"]),
    ("bitprop completion z", ["zsh"]),
]
BASH = """
source "$1"; shift
function=$(complete -p bitprop | sed 's/.*-F \\([^ ]*\\).*/\\1/')
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
"$function" bitprop "${@: -1}" "${@: -2:1}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def script(request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The file with the script of the shell that the test names."""
    shell: str = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not here")
    assert cli.main(["completion", shell]) == 0
    path = tmp_path / f"script.{shell}"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    return path


def ask(command: list[str], folder: Path) -> list[str]:
    """The lines that the shell prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, timeout=60)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize("script", ["bash"], indirect=True)
@pytest.mark.parametrize(("typed", "words"), [*ASKED, ("bitprop predict lon", ["long-name.json"])])
def test_bash(script: Path, typed: str, words: list[str], tmp_path: Path) -> None:
    """bash completes commands, options, choices and files."""
    tmp_path.joinpath("long-name.json").touch()
    assert ask(["bash", "-c", BASH, "bash", str(script), *typed.split(" ")], tmp_path) == words


@pytest.mark.parametrize("script", ["fish"], indirect=True)
@pytest.mark.parametrize(("typed", "words"), ASKED)
def test_fish(script: Path, typed: str, words: list[str], tmp_path: Path) -> None:
    """fish completes the same."""
    lines = ask(["fish", "--no-config", "-c", f"source {script}; complete -C '{typed}'"], tmp_path)
    assert [line.partition("\t")[0] for line in lines] == words


@pytest.mark.parametrize("script", ["zsh"], indirect=True)
def test_zsh(script: Path, tmp_path: Path) -> None:
    """zsh reads the script without an error, and it names every command."""
    assert ask(["zsh", "-f", "-n", str(script)], tmp_path) == []
    text = script.read_text(encoding="utf-8")
    assert text.startswith("#compdef bitprop")
    assert all(f"    {command}:'" in text for command in ("lab", "train", "sweep", "doctor", "completion"))


def test_wrong_shells_and_no_shtab(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Another shell is refused; without shtab the error names what to install."""
    with pytest.raises(SystemExit) as error:
        cli.main(["completion", "tcsh"])
    assert error.value.code == 2
    assert "invalid choice: 'tcsh'" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert cli.main(["completion", "bash"]) == 2
    assert "pip install 'bitprop[completion]'" in capsys.readouterr().err
