# SPDX-License-Identifier: MIT
"""The errors that bitprop raises, each also a built-in exception; and how messages show values."""

from __future__ import annotations

import operator
from typing import Any


class BitpropError(Exception):
    """The base of all errors that bitprop defines. (A wrong type is a TypeError, a failed file an OSError.)"""


class OptionError(BitpropError, ValueError):
    """An option has the right type, but a value that is not allowed."""


class ShapeError(BitpropError, ValueError):
    """The sizes of a network are impossible, or those of data do not fit the network."""


class DataError(BitpropError, ValueError):
    """Data or parameters are not finite numbers, or the rows of data differ in length."""


class ModelFileError(BitpropError, ValueError):
    """A model file, or model bytes (contract §11), are not whole and unaltered."""


class SweepFileError(BitpropError, ValueError):
    """The file of a sweep that is to go on is altered, of another sweep, or in use."""


class ReceiptError(BitpropError, ValueError):
    """A receipt of a training is not whole and unaltered, or does not belong to what it is held against."""


class BackendError(BitpropError, ImportError):
    """A requested backend or kernel cannot be used here."""


class FloatingPointModeError(BitpropError, FloatingPointError):
    """The calling thread does not round to nearest, or flushes subnormal numbers to zero (contract §1)."""


class TrainingError(BitpropError, RuntimeError):
    """Another training of the network is running."""


class DivergedError(BitpropError, ArithmeticError):
    """Training diverged in epoch `.epoch` (contract §8). The parameters are those of that epoch's start."""

    def __init__(self, message: str, epoch: int):
        super().__init__(message, epoch)
        self.message = message
        self.epoch = epoch

    def __str__(self) -> str:
        return self.message


def quoted(value: Any, limit: int = 120) -> str:
    """The value as messages show it: its repr, without its middle if it is longer than `limit` characters."""
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python writes
        text = f"<{type(value).__name__} of {operator.index(value).bit_length()} bits>"
    return shortened(text, limit)


def shortened(text: str, limit: int = 120) -> str:
    """The text, without its middle if it is longer than `limit` characters."""
    return text if len(text) <= limit else f"{text[: limit * 2 // 3]}...{text[-limit // 4 :]}"
