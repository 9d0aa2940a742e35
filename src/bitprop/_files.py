# SPDX-License-Identifier: MIT
"""Files written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from typing import BinaryIO

from .checks import options as check

STREAM_LIMIT = 2**26  # most bytes read from something other than a file, such as a pipe


def write(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Writes bytes, or UTF-8 text: whoever opens `path` finds the old file or the new one, whole. OSError, OptionError.

    They go to a temporary file in the same folder, to the disk, and then take the old file's place. The new file is the
    caller's, with the old one's permissions; other hard links keep the old content; a symbolic link stays, and what it
    points at is replaced. A device or a pipe is written to where it is.
    """
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    name = check.path(path)
    try:
        if os.path.exists(name) and not stat.S_ISREG(os.stat(name).st_mode):
            with open(name, "wb") as file:
                file.write(data)
            return
        target = os.path.realpath(name)
        if os.path.islink(target):  # realpath resolves every link but those of a loop
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        _replace(target, data)
    except OSError as error:  # which may name the temporary file
        raise OSError(error.errno, error.strerror, name) from error


def read(path: str, limit: int | None = None) -> bytes:
    """The bytes of a file, at most `limit`; of a device or a pipe, which may not end, STREAM_LIMIT. OSError."""
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        size = status.st_size if stat.S_ISREG(status.st_mode) else STREAM_LIMIT
        return file.read(size if limit is None else min(size, limit))  # which takes memory for so many at once


def check_folder(path: str | os.PathLike[str]) -> str:
    """The path as text, of a file to be written later. FileNotFoundError: its folder is missing. OptionError."""
    name = check.path(path)
    if not os.path.isdir(os.path.dirname(os.path.realpath(name))):
        raise FileNotFoundError(errno.ENOENT, "the folder is not there", name)
    return name


def _replace(target: str, data: bytes) -> None:
    # A name that nobody else has: processes that write to one path do not meet, and long names stay possible.
    temporary = os.path.join(os.path.dirname(target), f".bitprop-{secrets.token_hex(8)}.tmp")
    try:
        if not _link_unnamed(temporary, target, data):
            with open(temporary, "xb") as file:
                _fill(file, temporary, target, data)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    with contextlib.suppress(OSError):  # the new name, to the disk; not every system can
        folder = os.open(os.path.dirname(target), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _link_unnamed(temporary: str, target: str, data: bytes) -> bool:
    """Fills a file that gets its name when it is whole, so that a killed process leaves none; False where there is no
    such thing (it takes Linux, and a file system that has it).
    """

    def open_unnamed(folder: str, _: int) -> int:
        return os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o666)

    try:
        file: BinaryIO = open(os.path.dirname(target), "wb", opener=open_unnamed)  # noqa: SIM115  # closed below
    except (AttributeError, OSError):
        return False
    with file:
        _fill(file, temporary, target, data)
        try:  # src_dir_fd has no use here, but makes Python take the call that follows the link in /proc
            os.link(f"/proc/self/fd/{file.fileno()}", temporary, src_dir_fd=file.fileno(), follow_symlinks=True)
        except (NotImplementedError, OSError):
            return False
    return True


def _fill(file: BinaryIO, temporary: str, target: str, data: bytes) -> None:
    if os.path.exists(target):  # before the first byte: it may be for the owner's eyes alone
        place = file.fileno() if os.chmod in os.supports_fd else temporary
        os.chmod(place, stat.S_IMODE(os.stat(target).st_mode))
    file.write(data)
    file.flush()
    os.fsync(file.fileno())
