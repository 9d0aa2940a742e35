# SPDX-License-Identifier: MIT
"""The floating-point mode of the calling thread, on which Python's own arithmetic depends.

The compiled core sets the contract's mode (§1) for as long as it calculates. Python cannot, so what it calculates
itself is refused in another mode.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

from .. import _pure
from ..errors import FloatingPointModeError

Result = TypeVar("Result")


def require_standard(work: str) -> None:
    """FloatingPointModeError where this thread does not round as contract §1 says, or flushes subnormal numbers."""
    if _pure.probe() != _pure.OK:
        raise FloatingPointModeError(
            f"{work} needs arithmetic that rounds to nearest and keeps subnormal numbers, but this thread's "
            "floating-point mode is another one, set by fesetround() or by a library compiled with -ffast-math: "
            "set the mode back before this call (a Python that calculates in x87 registers cannot)"
        )


def guarded(function: Callable[..., Result]) -> Callable[..., Result]:
    """The function, refused in another mode. FloatingPointModeError."""

    @functools.wraps(function)
    def in_standard_mode(*arguments: object) -> Result:
        require_standard("the pure-Python backend")
        return function(*arguments)

    return in_standard_mode
