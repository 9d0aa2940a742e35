# SPDX-License-Identifier: MIT
"""The names of options that have a number in the core, each list in the order of the numbers in csrc/bitprop.h."""

from typing import Literal

Activation = Literal["sigmoid", "tanh", "relu", "identity"]
Loss = Literal["half_sse", "sse", "half_mse", "mse"]
Init = Literal["normal", "uniform", "glorot"]
Backend = Literal["auto", "cffi", "ctypes", "python"]

ACTIVATIONS: tuple[Activation, ...] = ("sigmoid", "tanh", "relu", "identity")
LOSSES: tuple[Loss, ...] = ("half_sse", "sse", "half_mse", "mse")
INITS: tuple[Init, ...] = ("normal", "uniform", "glorot")
KERNELS = ("auto", "portable", "sse2", "neon", "avx2", "avx512")
BACKENDS: tuple[Backend, ...] = ("cffi", "ctypes", "python")  # without numbers: fastest first
