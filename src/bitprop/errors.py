# SPDX-License-Identifier: MIT
"""The errors that bitprop raises, each also the built-in kind that it refines; and how messages show values."""

from __future__ import annotations

import operator
from typing import Any


class BitpropError(Exception):
    """Any error of bitprop."""


class OptionError(BitpropError, ValueError):
    """An option's value is not one of those allowed (its type is right, or it would be a TypeError)."""


class ShapeError(BitpropError, ValueError):
    """Sizes do not fit: of a network, or of data against a network."""


class DataError(BitpropError, ValueError):
    """Data, or parameters, that are not finite numbers in rows of one length."""


class ModelFileError(BitpropError, ValueError):
    """A model file, or model bytes, that are not whole and unaltered."""


class BackendError(BitpropError, ImportError):
    """A backend or kernel that was asked for and cannot be used here."""


class FloatingPointModeError(BitpropError, FloatingPointError):
    """The calling thread rounds otherwise than to nearest, or flushes subnormal numbers to zero (contract §1)."""


class TrainingError(BitpropError, RuntimeError):
    """The network is being trained already."""


class DivergedError(BitpropError, ArithmeticError):
    """Training left the finite numbers; `epoch` tells where. The network is as it was at that epoch's start."""

    def __init__(self, message: str, epoch: int):
        super().__init__(message, epoch)
        self.message = message
        self.epoch = epoch

    def __str__(self) -> str:
        return self.message


def quoted(value: Any, limit: int = 120) -> str:
    """The value as messages show it: its repr, of which the middle is left out where it is long."""
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python writes
        text = f"<{type(value).__name__} of {operator.index(value).bit_length()} bits>"
    return shortened(text, limit)


def shortened(text: str, limit: int = 120) -> str:
    """The text, of which the middle is left out where it is long."""
    return text if len(text) <= limit else f"{text[: limit * 2 // 3]}...{text[-limit // 4 :]}"
