# SPDX-License-Identifier: MIT
"""`bitprop bench` and `bitprop info`."""

from __future__ import annotations

import argparse
from typing import Any

from .. import bench
from ..core import info
from .options import add_progress, command, print_json


def add_bench(commands: Any) -> None:
    """The parser of `bench`."""
    text = "Time bitprop on this machine, with every kernel, beside NumPy where it is installed."
    parser = command(commands, bench.run, "bench", text, example="bitprop bench --quick --only full")
    bench.add_arguments(parser)
    add_progress(parser)


def add_info(commands: Any) -> None:
    """The parser of `info`."""
    text = "Tell which backend is in use, and why no faster one is."
    command(commands, _info, "info", text, example="bitprop info")


def _info(options: argparse.Namespace) -> int:
    found = info()
    if options.json:
        print_json(found)
    else:
        for name, value in found.items():
            text = ", ".join(value) if isinstance(value, list) else "-" if value is None else value
            print(f"{name:<10} {text}")
    return 0
