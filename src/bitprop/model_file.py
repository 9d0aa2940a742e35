# SPDX-License-Identifier: MIT
"""Model files: JSON that is written whole or not at all, and in which every alteration is detected.

A file holds exactly the text that `dumps` gives for its content, so any changed, missing or added byte shows.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import struct
from array import array
from collections.abc import Iterable
from typing import Any

from . import _files
from .errors import ModelFileError, quoted
from .scaling import Scaling

FORMAT = "bitprop-model"
FORMAT_VERSION = 2  # the newest
# The fields that not every network has, each with the version that brought it. A file has the oldest version that knows
# all its fields, so that older readers keep reading what they can.
OPTIONAL = {"scaling": 2, "training": 2}
OLDEST_VERSION = 1  # that can be read; tests/models holds a file of each
BEGINNING = f'{{\n "format": "{FORMAT}",'.encode()  # of every file
CHUNK = 2**20  # bytes read in one call


def to_hex(values: Iterable[float]) -> list[str]:
    """Each number's bits as 16 hexadecimal digits, the sign first."""
    return [struct.pack(">d", value).hex() for value in values]


def from_hex(digits: Iterable[str]) -> array[float]:
    """The numbers that `to_hex` wrote. ValueError, TypeError."""
    return array("d", [_number(text) for text in digits])


def _number(text: str) -> float:
    if not re.fullmatch("[0-9a-f]{16}", text):
        raise ValueError(f"{quoted(text)} is not 16 hexadecimal digits")
    value: float = struct.unpack(">d", bytes.fromhex(text))[0]
    return value


def scaling_fields(scaling: Scaling) -> dict[str, list[str]]:
    """A scaling as a file has it."""
    return {"shift": to_hex(scaling.shift), "spread": to_hex(scaling.spread)}


def dumps(fields: dict[str, Any]) -> str:
    """The file's text: the fields, then the SHA-256 of all before it."""
    version = max((OPTIONAL[name] for name in OPTIONAL if name in fields), default=OLDEST_VERSION)
    head = json.dumps({"format": FORMAT, "format_version": version, **fields}, indent=1)[: -len("\n}")]
    return f'{head},\n "sha256": "{hashlib.sha256(head.encode("utf-8")).hexdigest()}"\n}}\n'


def read(path: str | os.PathLike[str]) -> bytes:
    """The file's bytes, or its first few where it is no model file. ModelFileError: it has no end. OSError."""
    with open(path, "rb") as file:
        data = file.read(len(BEGINNING))
        if data == BEGINNING:
            status = os.fstat(file.fileno())
            limit = status.st_size if stat.S_ISREG(status.st_mode) else _files.STREAM_LIMIT
            chunks = [data]
            length = len(data)
            while (
                length <= limit and chunks[-1] and b"\0" not in chunks[-1]
            ):  # a model file has no zero byte, a sparse file has
                chunks.append(file.read(min(CHUNK, limit + 1 - length)))
                length += len(chunks[-1])
            data = b"".join(chunks)
            if length > limit:
                raise ModelFileError(
                    f"{os.fsdecode(path)} has more than {limit} bytes: it is too long, or being written"
                )
    return data


def loads(data: bytes, name: str) -> dict[str, Any]:
    """The fields of a file's bytes; `name` is the file's name for messages. ModelFileError."""
    try:
        fields = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{name} is not a bitprop model file, or is cut: it is not JSON") from error
    if not isinstance(fields, dict) or fields.pop("format", None) != FORMAT:
        raise ModelFileError(f'{name} is not a bitprop model file: expected "format": "{FORMAT}"')
    version = fields.pop("format_version", None)
    if type(version) is not int or not OLDEST_VERSION <= version <= FORMAT_VERSION:
        readable = f"{OLDEST_VERSION} to {FORMAT_VERSION}" if OLDEST_VERSION < FORMAT_VERSION else f"{FORMAT_VERSION}"
        raise ModelFileError(f"{name} has format version {quoted(version)}, this bitprop reads {readable}")
    fields.pop("sha256", None)
    try:
        written = dumps(fields).encode("utf-8")
    except RecursionError:
        raise ModelFileError(f"{name} is nested more deeply than a bitprop model file") from None
    if written != data:
        raise ModelFileError(f"{name} was altered or cut: its bytes are not those that bitprop wrote")
    return fields
