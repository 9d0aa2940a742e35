# SPDX-License-Identifier: MIT
"""`bitprop completion`: a script by which a shell completes bitprop's commands, options and files."""

from __future__ import annotations

import argparse
from typing import Any

from ..errors import BackendError

SHELLS = ("bash", "zsh", "fish")
FILES = ("CSV", "DATA", "FILE", "MODEL")  # metavars of what may be a file
FOLDERS = ("DIR",)


def add(commands: Any, parser: argparse.ArgumentParser) -> None:
    """The parser. `parser`: that of the whole command, which the script completes."""
    text = f"Print a script for {', '.join(SHELLS)} that completes bitprop's commands and options."
    mine = commands.add_parser(
        "completion",
        help=text,
        description=f"{text} It needs shtab: pip install 'bitprop[completion]'.",
        epilog="example: bitprop completion bash > ~/.local/share/bash-completion/completions/bitprop, in a "
        "folder that is there; for zsh to a "
        "file _bitprop in a folder of $fpath, for fish to ~/.config/fish/completions/bitprop.fish",
        allow_abbrev=False,
    )
    mine.add_argument("shell", choices=SHELLS, metavar="|".join(SHELLS))
    mine.set_defaults(run=lambda options: run(parser, options.shell))


def run(parser: argparse.ArgumentParser, shell: str) -> int:
    """Prints the script; the exit status. BackendError: shtab is not installed."""
    try:
        import shtab
    except ImportError:
        raise BackendError(
            "completion needs shtab, which is not installed: pip install 'bitprop[completion]'"
        ) from None
    _complete_files(parser, shtab)
    print(shtab.complete(parser, shell))
    return 0


def _complete_files(parser: argparse.ArgumentParser, shtab: Any) -> None:
    """Tells shtab which arguments of the parser, and of those below it, are files or folders."""
    for action in parser._actions:  # argparse has no public list of them
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                _complete_files(below, shtab)
        elif action.metavar in FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # where shtab looks for it
        elif action.metavar in FOLDERS:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
