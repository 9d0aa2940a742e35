# SPDX-License-Identifier: MIT
"""The names of options that have a number in the core, each list in the order of the numbers in csrc/bitprop.h."""

from math import inf
from typing import Literal, get_args

Activation = Literal["sigmoid", "tanh", "relu", "identity"]
Loss = Literal["half_sse", "sse", "half_mse", "mse"]
Init = Literal["normal", "uniform", "glorot"]
Backend = Literal["auto", "cffi", "ctypes", "python"]

ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)
LOSSES: tuple[Loss, ...] = get_args(Loss)
INITS: tuple[Init, ...] = get_args(Init)
KERNELS = ("auto", "portable", "sse2", "neon", "avx2", "avx512")
BACKENDS: tuple[Backend, ...] = ("cffi", "ctypes", "python")  # without numbers: fastest first

# The least and the greatest output of an activation, where there is one.
RANGES: dict[Activation, tuple[float, float]] = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, inf)}
