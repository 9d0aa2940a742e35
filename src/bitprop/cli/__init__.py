# SPDX-License-Identifier: MIT
"""The command `bitprop`.

Exit status: 0 done, 1 a check failed (or training diverged), 2 bad usage or input, 130 interrupted. It is the same
where stdout is closed, or its reader leaves (`| head`): the work is done to its end, and its files are written.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

from ..core import mode
from ..errors import BitpropError, DivergedError
from ..hints import TrainingHint
from . import bench, completion, doctor, lab, machine, models, playground, plot, receipt, sweep, train, vectors
from .options import say, version


class _Parser(argparse.ArgumentParser):
    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Refuses what it does not know, where argparse leaves that to the parser above it, under another name."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options, unknown

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
        *(
            lab.add,
            train.add,
            receipt.add,
            sweep.add,
            models.add_predict,
            models.add_gradcheck,
            models.add_export,
            plot.add,
        ),
        *(playground.add, vectors.add, bench.add, machine.add_info, doctor.add),
    ):
        add(commands)
    completion.add(commands, parser)
    return parser


class _Pipe(io.FileIO):
    """An output that takes everything, also when nobody reads it any more; other failures are raised once."""

    failed = False

    def __init__(self, file: int, title: str):
        super().__init__(file, "w", closefd=False)
        self._title = title

    def write(self, data: Any) -> int:
        if not self.failed:
            try:
                return super().write(data)
            except OSError as error:
                self.failed = True
                if not isinstance(error, BrokenPipeError):
                    raise OSError(error.errno, error.strerror, self._title) from error
        return len(data)


def _lasting(stream: Any, title: str) -> Any:
    """The stream, as a _Pipe where it is a file or a pipe. What its encoding lacks, such as § in ASCII, is escaped."""
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    try:
        pipe = None if stream.isatty() else _Pipe(stream.fileno(), title)
    except (OSError, ValueError):  # it stands for no file, or is closed
        pipe = None
    if pipe is None:
        stream.reconfigure(errors="backslashreplace")
        return stream
    return io.TextIOWrapper(io.BufferedWriter(pipe), stream.encoding, "backslashreplace", line_buffering=True)


def _show(message: Warning | str, kind: type[Warning], file: str, line: int, *_: Any) -> None:
    """A hint as one line; another warning as Python shows it."""
    hint = issubclass(kind, TrainingHint)
    say(f"hint: {message}" if hint else warnings.formatwarning(message, kind, file, line).rstrip())


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    out, err = _lasting(sys.stdout, "standard output"), _lasting(sys.stderr, "standard error")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
        warnings.simplefilter("always", TrainingHint)
        warnings.showwarning = _show  # type: ignore[assignment]  # it takes the rest as well
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        mode.require_standard("the command line")  # it reads and writes decimal digits
        options = _parser().parse_args(arguments)
        status: int = options.run(options)
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
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
