# SPDX-License-Identifier: MIT
"""Other floating-point modes, by the C library: what fesetround() or a library of -ffast-math leaves behind."""

from __future__ import annotations

import contextlib
import ctypes
import platform
import sys
from collections.abc import Iterator

import pytest

FLUSH = 0x8040  # of MXCSR: flush to zero, denormals are zero
ROUNDINGS = {"x86_64": {"down": 0x400, "up": 0x800, "zero": 0xC00}, "aarch64": {"up": 1 << 22, "down": 2 << 22}}
MODES = ("down", "up", "zero", "flush")


@contextlib.contextmanager
def mode(name: str) -> Iterator[None]:
    """The calling thread in that mode. Take care: what pytest itself does in it counts too."""
    machine = platform.machine()
    if name == "standard":
        yield
        return
    if sys.platform != "linux" or name not in {
        **ROUNDINGS.get(machine, {}),
        **({"flush": 0} if machine == "x86_64" else {}),
    }:
        pytest.skip(f"no way to set the mode {name} here")
    libm = ctypes.CDLL("libm.so.6")
    saved = ctypes.create_string_buffer(64)  # fenv_t; on x86-64 MXCSR follows 28 bytes of x87's
    libm.fegetenv(saved)
    try:
        if name == "flush":
            changed = ctypes.create_string_buffer(saved.raw)
            control = ctypes.c_uint32.from_buffer(changed, 28)
            control.value |= FLUSH
            libm.fesetenv(changed)
        else:
            libm.fesetround(ROUNDINGS[machine][name])
        yield
    finally:
        libm.fesetenv(saved)


def control() -> bytes:
    """The calling thread's floating-point mode: its roundings, flushes and traps, without what was raised."""
    saved = ctypes.create_string_buffer(64)
    ctypes.CDLL("libm.so.6").fegetenv(saved)
    if platform.machine() == "x86_64":
        return saved.raw[:2] + (int.from_bytes(saved.raw[28:32], "little") & ~0x3F).to_bytes(4, "little")
    return saved.raw[:4]
