# SPDX-License-Identifier: MIT
"""The bits of numbers."""

from __future__ import annotations

import struct


def bits_of(value: float) -> int:
    """A number's bits."""
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def number_of(bits: int) -> float:
    """The number of these bits."""
    return float(struct.unpack("<d", struct.pack("<Q", bits))[0])


def shifted(value: float, ulps: int) -> float:
    """The number so many steps between neighbouring doubles above another one, or below."""
    bits = bits_of(value)
    place = (-(bits & ~(1 << 63)) if bits >> 63 else bits) + ulps
    return number_of(place if place >= 0 else -place | 1 << 63)


def distance(one: float, other: float) -> int:
    """How many steps between neighbouring doubles the other number is above this one."""
    places = [bits if bits < 1 << 63 else (1 << 63) - bits for bits in map(bits_of, (one, other))]
    return places[1] - places[0]
