# SPDX-License-Identifier: MIT
"""`bitprop info`."""

from __future__ import annotations

import argparse
from typing import Any

from ..core import info
from .options import command, print_json


def add_info(commands: Any) -> None:
    """The parser of `info`."""
    text = "Tell which backend is in use, and why no faster one is."
    command(commands, _info, "info", text, example="bitprop info")


def _info(options: argparse.Namespace) -> int:
    facts = info()
    if options.json:
        print_json(facts)
    else:
        for name, value in facts.items():
            text = ", ".join(value) if isinstance(value, list) else "-" if value is None else value
            print(f"{name:<10} {text}")
    return 0
