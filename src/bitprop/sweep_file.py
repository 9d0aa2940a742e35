# SPDX-License-Identifier: MIT
"""The file of a sweep that can go on: a line of JSON for the sweep, and one for each training that has ended.

Each line has a checksum of itself and of the first line, so alterations, and lines of other files, are noticed. A last
line without its end is one that a killed process was writing: it is dropped.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import sys
import weakref
from collections.abc import Iterable, Mapping
from functools import partial
from io import FileIO
from types import TracebackType
from typing import Any, BinaryIO

from . import _pure
from .checks import options as check
from .core import mode
from .errors import SweepFileError, quoted
from .fit_options import LEFT_OUT
from .model_file import CHUNK

FORMAT = "bitprop-sweep"
FORMAT_VERSION = 1
BEGINNING = f'{{"format":"{FORMAT}",'.encode()  # of every file
LOCKED_BYTE = 2**62  # beyond every file's end, where a lock on Windows keeps nobody from reading


def digest(fields: Any) -> str:
    """The SHA-256 of plain fields as JSON, in hexadecimal."""
    return hashlib.sha256(_json(fields).encode()).hexdigest()


class SweepFile:
    """A file that is open for one sweep: what it has is in `.ended`, and what ends meanwhile is appended.

    `settings`: what all trainings of the sweep have in common. A context. SweepFileError: the file is no such file,
    altered, of a sweep with other settings, or in use by another sweep. OSError. FloatingPointModeError.
    """

    def __init__(self, path: str | os.PathLike[str], settings: Mapping[str, Any]):
        mode.require_standard("the file of a sweep")  # whose options are decimal digits
        self.name = check.path(path)
        self._head = _line({"format": FORMAT, "format_version": FORMAT_VERSION, "contract": _pure.CONTRACT, **settings})
        self.ended: dict[tuple[str, int], dict[str, Any]] = {}  # by the digest of its configuration, and its seed
        self._expect_free()
        self._file = open(self.name, "a+b", buffering=0)  # noqa: SIM115  # closed by close(), or with this object
        try:
            self._lock()
            self._read()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> SweepFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the file free, with all of it on the disk."""
        if not self._file.closed:
            with contextlib.suppress(OSError):  # not every system can
                os.fsync(self._file.fileno())
            _unlock_file(self._file.fileno())
            self._file.close()

    def leave(self) -> None:
        """Closes the file in a forked process, which leaves the lock to its parent alone."""
        self._file.close()

    def append(self, trainings: Iterable[Mapping[str, Any]]) -> None:
        """Writes a line for each training that has ended. OSError."""
        lines = [_line(training, self._head) for training in trainings]
        try:
            _write(self._file, "".join(lines).encode())
        except OSError as error:
            raise OSError(error.errno, error.strerror, self.name) from error

    def _expect_free(self) -> None:
        """SweepFileError where this process writes to it already: to open and close it would end the system's lock."""
        with contextlib.suppress(FileNotFoundError):
            status = os.stat(self.name)
            for entry in _opened[:]:
                other = entry()
                if other is None or not other.is_open:
                    with contextlib.suppress(ValueError):  # another thread may have removed it
                        _opened.remove(entry)
                elif other.key == (status.st_dev, status.st_ino):
                    raise self._error("is in use by another sweep of this process")

    def _lock(self) -> None:
        """Takes the file for this sweep. The lock ends with the process, and no child inherits it."""
        status = os.fstat(self._file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise self._error("is a device or a pipe, expected a file, which can be read again")
        self.key = status.st_dev, status.st_ino
        _opened.append(weakref.ref(self))  # one step, as remove is, so that no interrupt leaves anything locked
        try:
            _lock_file(self._file.fileno())
        except OSError:
            raise self._error("is in use by another sweep: wait for its end, or take another file") from None

    @property
    def is_open(self) -> bool:
        """Whether a sweep still writes to it."""
        return not self._file.closed

    def _read(self) -> None:
        """Reads what is there; begins the file where it is empty, or was killed within its first line."""
        with open(self._file.fileno(), "rb", closefd=False) as file:
            file.seek(0)
            head = file.read(len(BEGINNING))
            if head == BEGINNING:
                head += _next_line(file)
            if not (head.startswith(BEGINNING) or BEGINNING.startswith(head)):
                raise self._error("is not the file of a sweep: expected one that a sweep wrote, or none")
            if not head.endswith(b"\n"):
                self._file.truncate(0)
                _write(self._file, self._head.encode())
                return
            self._check_head(head)
            whole = len(head)
            for number, line in enumerate(iter(partial(_next_line, file), b""), 2):
                if not line.endswith(b"\n"):
                    break
                fields = self._fields(line, number, self._head)
                configuration, seed = fields.get("configuration"), fields.get("seed")
                if type(configuration) is not str or type(seed) is not int:
                    raise self.wrong(f"line {number} is of no training")
                self.ended[configuration, seed] = fields
                whole += len(line)
            self._file.truncate(whole)

    def _check_head(self, head: bytes) -> None:
        there, here = self._fields(head, 1), json.loads(self._head)
        if head.decode() != self._head:
            differences = ", ".join(_differences(there, here))
            raise self._error(f"is of another sweep ({differences}): expected the same, or another file")

    def _fields(self, line: bytes, number: int, head: str = "") -> dict[str, Any]:
        """The fields of a whole line. SweepFileError: it was altered."""
        with contextlib.suppress(ValueError, RecursionError):
            text = line.decode()
            fields = json.loads(text)
            if isinstance(fields, dict) and fields.pop("sha256", None) and _line(fields, head) == text:
                return fields
        raise self._error(f"was altered in line {number}: its bytes are not those that bitprop wrote")

    def error(self, text: str) -> SweepFileError:
        """The error that this file is of another sweep, as the text says."""
        return self._error(f"is of another sweep ({text}): expected the same, or another file")

    def wrong(self, text: str) -> SweepFileError:
        """The error that this file is whole, but not as bitprop writes one."""
        return self._error(f"was not written by bitprop: {text}")

    def _error(self, text: str) -> SweepFileError:
        return SweepFileError(f"{self.name} {text}")


def _next_line(file: BinaryIO) -> bytes:
    """The next line; where it has a zero byte, which no sweep writes, only that and its end: sparse files are long."""
    pieces: list[bytes] = []
    sparse = False
    while piece := file.readline(CHUNK):
        sparse = sparse or b"\0" in piece
        if sparse:
            pieces = [b"\0"]
        pieces.append(piece[-1:] if sparse else piece)
        if piece.endswith(b"\n"):
            break
    return b"".join(pieces)


def _json(fields: Any) -> str:
    return json.dumps(fields, separators=(",", ":"))


def _line(fields: Mapping[str, Any], head: str = "") -> str:
    """The fields as a line, with the SHA-256 of the first line and of all before it."""
    body = _json(fields)[: -len("}")]
    return f'{body},"sha256":"{hashlib.sha256((head + body).encode()).hexdigest()}"}}\n'


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """What differs, in words."""
    there, here = {**LEFT_OUT, **there}, {**LEFT_OUT, **here}
    names = [name for name in here if name in there and name != "sha256" and there[name] != here[name]]
    rows = {"data": "the data differ", "validation_rows": "the validation differs"}
    told = [rows.get(name) or f"{name} is {quoted(here[name])}, and {quoted(there[name])} there" for name in names]
    return told or ["it has other options"]


def _write(file: FileIO, data: bytes) -> None:
    """Writes all of it."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _lock_file(file: int) -> None:
    """Locks the file for this process. OSError: another process has it."""
    if sys.platform == "win32":  # pragma: no cover - other systems have no msvcrt
        import msvcrt

        os.lseek(file, LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(file, 0, os.SEEK_SET)
    else:
        with contextlib.suppress(ImportError):  # a system without locks
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _unlock_file(file: int) -> None:
    """Gives the lock back, also where code that is not Python forked meanwhile; on Windows closing the file does."""
    if sys.platform != "win32":  # pragma: no branch - see above
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            fcntl.flock(file, fcntl.LOCK_UN)


def _leave_all() -> None:
    """Closes what the parent of a forked process writes: a worker that outlives a killed parent would keep the lock."""
    for entry in _opened:
        file = entry()
        if file is not None:
            file.leave()
    _opened.clear()


_opened: list[weakref.ref[SweepFile]] = []  # those of this process
if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no fork
    os.register_at_fork(after_in_child=_leave_all)
