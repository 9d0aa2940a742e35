# SPDX-License-Identifier: MIT
"""Model files: JSON that is written whole or not at all, and that no alteration survives.

A file holds exactly the text that `dumps` gives for its content, so that any changed, missing or added byte shows.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import struct
import threading
from array import array
from collections.abc import Iterable
from typing import Any

from .errors import ModelFileError

_writing = threading.Lock()  # one file at a time, since the temporary name is fixed

FORMAT = "bitprop-model"
FORMAT_VERSION = 1


def to_hex(values: Iterable[float]) -> list[str]:
    """Each number's bits as 16 hexadecimal digits, the sign first."""
    return [struct.pack(">d", value).hex() for value in values]


def from_hex(digits: Iterable[str]) -> array[float]:
    """The numbers that `to_hex` wrote. ValueError, TypeError."""
    return array("d", [_number(text) for text in digits])


def _number(text: str) -> float:
    if not re.fullmatch("[0-9a-f]{16}", text):
        raise ValueError(f"{text!r} is not 16 hexadecimal digits")
    value: float = struct.unpack(">d", bytes.fromhex(text))[0]
    return value


def dumps(fields: dict[str, Any]) -> str:
    """The file's text: the fields, then the SHA-256 of all before it."""
    head = json.dumps({"format": FORMAT, "format_version": FORMAT_VERSION, **fields}, indent=1)[: -len("\n}")]
    return f'{head},\n "sha256": "{hashlib.sha256(head.encode("utf-8")).hexdigest()}"\n}}\n'


def loads(data: bytes, name: str) -> dict[str, Any]:
    """The fields of a file's bytes. ModelFileError; `name` is the file's in messages."""
    try:
        fields = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{name} is not a bitprop model file, or is cut: it is not JSON") from error
    if not isinstance(fields, dict) or fields.pop("format", None) != FORMAT:
        raise ModelFileError(f'{name} is not a bitprop model file: expected "format": "{FORMAT}"')
    version = fields.pop("format_version", None)
    if version != FORMAT_VERSION:
        raise ModelFileError(f"{name} has format version {version!r}, this bitprop reads {FORMAT_VERSION}")
    fields.pop("sha256", None)
    if dumps(fields).encode("utf-8") != data:
        raise ModelFileError(f"{name} was altered or cut: its bytes are not those that bitprop wrote")
    return fields


def write(path: str | os.PathLike[str], text: str) -> None:
    """Writes a file whole or not at all: to a temporary file beside it, flushed to disk, then renamed."""
    target = os.path.realpath(path)
    data = text.encode("utf-8")
    if os.path.exists(target) and not stat.S_ISREG(os.stat(target).st_mode):
        with open(target, "wb") as file:  # a device or pipe is written to, never replaced
            file.write(data)
        return
    temporary = target + ".bitprop-tmp"  # always the same name: a crash leaves at most one behind
    with _writing:
        try:
            if os.path.lexists(temporary):
                os.unlink(temporary)  # left by a crash; never written through, should it be a link
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                if os.path.exists(target):
                    os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
            os.replace(temporary, target)
        except BaseException:
            if os.path.lexists(temporary):
                os.unlink(temporary)
            raise
