# SPDX-License-Identifier: MIT
"""Files written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from typing import BinaryIO

from .checks import options as check

SLOTS = 64  # most temporary files for one path at a time, before they get names that are drawn
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
    temporary, drawn = "", _drawn(target)
    file = _open_unnamed(os.path.dirname(target))
    try:
        if file is not None:
            _fill(file, "", target, data)
            temporary = _link(file, target, drawn)
        if file is None or not temporary:
            if file is not None:
                file.close()
            file, temporary = _open_named(target, drawn)
            _fill(file, temporary, target, data)
        if sys.platform == "win32":  # where nobody renames an open file, and no lock is held
            file.close()
        os.replace(temporary, target)
    except BaseException:
        for name in (*_slots(target), drawn):  # an interrupt may come before `temporary` says which
            is_open = file is not None and not file.closed
            if _is_at(name, file.fileno()) if file is not None and is_open else name == temporary:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name)
        raise
    finally:
        if file is not None:
            file.close()  # and with it the lock
    with contextlib.suppress(OSError):  # the new name, to the disk; not every system can
        folder = os.open(os.path.dirname(target), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


# A temporary file has one of SLOTS names, which come from that of its target, and is locked while it has it. So those
# that write to one path do not meet, and a file that a killed one left, which nobody locks, is removed by the next one
# that needs its name: there are never more of them than processes that wrote at a time. Long names stay possible.


def _slots(target: str) -> Iterator[str]:
    """The temporary names of those that lock their files."""
    digest = hashlib.sha256(os.fsencode(os.path.basename(target))).hexdigest()[:16]
    for slot in range(0 if sys.platform == "win32" else SLOTS):
        yield os.path.join(os.path.dirname(target), f".bitprop-{digest}-{slot}.tmp")


def _drawn(target: str) -> str:
    """A temporary name that nobody else has."""
    return os.path.join(os.path.dirname(target), f".bitprop-{secrets.token_hex(8)}.tmp")


def _open_unnamed(folder: str) -> BinaryIO | None:
    """A new file that gets its name when it is whole, so that a killed process hardly ever leaves one; None where there
    is no such thing (it takes Linux, and a file system that has it).
    """

    def opener(name: str, _: int) -> int:
        return os.open(name, os.O_TMPFILE | os.O_WRONLY, 0o666)

    try:
        return open(folder, "wb", opener=opener)
    except (AttributeError, OSError):
        return None


def _link(file: BinaryIO, target: str, drawn: str) -> str:
    """The temporary name that a file without one now has; "" where it cannot get one."""
    slots = _slots(target) if _lock(file.fileno()) else ()
    try:
        for name in itertools.chain(slots, [drawn]):
            if _linked(file, name) or (_remove_left(name) and _linked(file, name)):
                return name
    except (NotImplementedError, OSError):
        pass
    return ""


def _linked(file: BinaryIO, name: str) -> bool:
    """Whether the file has the name now; another may have it. NotImplementedError, OSError."""
    try:  # src_dir_fd has no use here, but makes Python take the call that follows the link in /proc
        os.link(f"/proc/self/fd/{file.fileno()}", name, src_dir_fd=file.fileno(), follow_symlinks=True)
    except FileExistsError:
        return False
    return True


def _open_named(target: str, drawn: str) -> tuple[BinaryIO, str]:
    """A new file, and its temporary name. OSError."""
    for name in _slots(target):
        file = _open_locked(name) or (_open_locked(name) if _remove_left(name) else None)
        if file is not None:
            return file, name
    return open(drawn, "xb"), drawn


def _open_locked(name: str) -> BinaryIO | None:
    """A new file of this name, locked; None where another has the name, or the file system has no locks. OSError."""
    try:
        file = open(name, "xb")  # noqa: SIM115  # closed by the caller
    except FileExistsError:
        return None
    try:
        if _lock(file.fileno()):
            if _is_at(name, file.fileno()):
                return file
        else:
            os.unlink(name)
    except BlockingIOError:  # one that took it for left, before it was locked, removes it
        pass
    file.close()
    return None


def _remove_left(name: str) -> bool:
    """Removes a file that a killed process left; whether its name is free."""
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return True
    except (AttributeError, OSError):
        return False
    try:
        if not (stat.S_ISREG(os.fstat(file).st_mode) and _lock(file) and _is_at(name, file)):
            return False
        os.unlink(name)  # which is this file's as long as it is locked here
    except OSError:
        return False
    finally:
        os.close(file)
    return True


def _is_at(name: str, file: int) -> bool:
    """Whether the open file has this name."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.lstat(name), os.fstat(file))
    return False


def _lock(file: int) -> bool:
    """Locks the file while it is open; False where there are no locks. BlockingIOError: another has locked it."""
    if sys.platform == "win32":
        return False
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except (ImportError, OSError):
        return False
    return True


def _fill(file: BinaryIO, temporary: str, target: str, data: bytes) -> None:
    if os.path.exists(target):  # before the first byte: it may be for the owner's eyes alone
        place = file.fileno() if os.chmod in os.supports_fd else temporary
        os.chmod(place, stat.S_IMODE(os.stat(target).st_mode))
    file.write(data)
    file.flush()
    os.fsync(file.fileno())
