# SPDX-License-Identifier: MIT
"""The names of options that have a number in the core, each list in the order of the numbers in csrc/bitprop.h."""

ACTIVATIONS = ("sigmoid", "tanh", "relu", "identity")
LOSSES = ("half_sse", "sse", "half_mse", "mse")
INITS = ("normal", "uniform", "glorot")
KERNELS = ("auto", "portable", "sse2", "neon", "avx2", "avx512")
BACKENDS = ("cffi", "ctypes", "python")  # without numbers: fastest first
