# SPDX-License-Identifier: MIT
"""Numbers as bit patterns, by which all comparisons go: 16 hexadecimal digits, any NaN as 7ff8000000000000."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable

NAN = "7ff8000000000000"


def to_hex(values: Iterable[float]) -> list[str]:
    """The patterns of numbers."""
    return [NAN if value != value else struct.pack(">d", value).hex() for value in values]


def from_hex(patterns: Iterable[str]) -> array[float]:
    """The numbers of patterns."""
    return array("d", [struct.unpack(">d", bytes.fromhex(pattern))[0] for pattern in patterns])
