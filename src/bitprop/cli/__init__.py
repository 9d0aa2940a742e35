# SPDX-License-Identifier: MIT
"""The command `bitprop`.

Exit status: 0 done, 1 a check failed (or training diverged), 2 bad usage or input, 130 interrupted.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from ..core import mode
from ..errors import BitpropError, DivergedError
from . import bench, lab, machine, models, plot, sweep, train, vectors
from .options import say, version


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, as for every other error."""
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="bitprop",
        description="Small neural networks, trained by back-propagation to the same bits everywhere.",
        epilog="example: bitprop train xor --epochs 5000 --save xor.json",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"bitprop {version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    for add in (
        *(lab.add, train.add, sweep.add, models.add_predict, models.add_gradcheck, models.add_export, plot.add),
        *(vectors.add, bench.add, machine.add_info),
    ):
        add(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # what its encoding lacks, such as § in ASCII, is escaped
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        mode.require_standard("the command line")  # it reads and writes decimal digits
        options = _parser().parse_args(arguments)
        status: int = options.run(options)
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except BrokenPipeError as error:
        if error.filename:  # a pipe that was named as a file
            return _fail(f"error: {error.filename}: {error.strerror}", 2)
        # The reader of our output has left, for example `| head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except DivergedError as error:
        return _fail(f"error: {error}", 1)
    except BitpropError as error:
        return _fail(f"error: {error}", 2)
    except OSError as error:
        return _fail(f"error: {f'{error.filename}: ' if error.filename else ''}{error.strerror or error}", 2)
    except MemoryError:
        return _fail("error: not enough memory for this work: a smaller network, fewer rows or fewer seeds", 2)
    return status


def _fail(message: str, status: int) -> int:
    say(f"bitprop: {' '.join(message.splitlines())}")
    return status
