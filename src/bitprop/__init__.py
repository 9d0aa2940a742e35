# SPDX-License-Identifier: MIT
"""Small neural networks, trained by back-propagation to the same bits everywhere."""

from . import datasets, exchange
from ._sweep import sweep
from .core import info
from .errors import (
    BackendError,
    BitpropError,
    DataError,
    DivergedError,
    FloatingPointModeError,
    ModelFileError,
    OptionError,
    ReceiptError,
    ShapeError,
    SweepFileError,
    TrainingError,
)
from .gradient_check import GradientCheck, GradientRow
from .hints import TrainingHint
from .history import History
from .layers import Layer, Product, Trace
from .network import Network
from .receipts.record import Receipt
from .scaling import Scaling
from .sweep_result import Run, SweepResult

__all__ = [
    "BackendError",
    "BitpropError",
    "DataError",
    "DivergedError",
    "FloatingPointModeError",
    "GradientCheck",
    "GradientRow",
    "History",
    "Layer",
    "ModelFileError",
    "Network",
    "OptionError",
    "Product",
    "Receipt",
    "ReceiptError",
    "Run",
    "Scaling",
    "ShapeError",
    "SweepFileError",
    "SweepResult",
    "Trace",
    "TrainingError",
    "TrainingHint",
    "datasets",
    "exchange",
    "info",
    "sweep",
]


def __dir__() -> list[str]:
    """The public names; without it, the modules of the package are among them."""
    return [*__all__, "__version__"]


def __getattr__(name: str) -> str:
    """`__version__`: the installed package's version, looked up only on demand since that takes a moment."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib.metadata

    return importlib.metadata.version("bitprop")
