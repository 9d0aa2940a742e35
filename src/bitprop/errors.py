# SPDX-License-Identifier: MIT
"""The errors that bitprop raises; each is also the built-in kind that it refines."""


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
