# SPDX-License-Identifier: MIT
"""The names of options that have a number in the core, each list in the order of the numbers in csrc/bitprop.h."""

from math import inf
from typing import Literal, get_args

Activation = Literal["sigmoid", "tanh", "relu", "identity", "softsign", "leaky_relu", "softmax"]
Loss = Literal["half_sse", "sse", "half_mse", "mse", "binary_cross_entropy", "cross_entropy"]
Init = Literal["normal", "uniform", "glorot"]
Rule = Literal["descent", "momentum", "nesterov", "adam", "adamw", "rprop", "levenberg_marquardt"]
ScalingKind = Literal["standard", "min_max"]
Backend = Literal["auto", "cffi", "ctypes", "python"]

ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)
LOSSES: tuple[Loss, ...] = get_args(Loss)
INITS: tuple[Init, ...] = get_args(Init)
RULES: tuple[Rule, ...] = get_args(Rule)
STEP_RULES = RULES[:-1]  # those by gradient steps; the last has functions of its own, and no number in the core
KERNELS = ("auto", "portable", "sse2", "neon", "avx2", "avx512")
BACKENDS: tuple[Backend, ...] = ("cffi", "ctypes", "python")  # without numbers: fastest first

# The options of each rule with their defaults, in the order of its constants in the core.
_ADAM = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
RULE_OPTIONS: dict[Rule, dict[str, float]] = {
    "descent": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9},
    "adam": _ADAM,
    "adamw": _ADAM,
    "rprop": {"increase": 1.2, "decrease": 0.5, "first_step": 0.1, "step_min": 0.0, "step_max": 50.0},
    "levenberg_marquardt": {
        **{"mu": 1e-3, "mu_increase": 10.0, "mu_decrease": 0.1, "mu_max": 1e10},
        "gradient_min": 1e-7,
    },
}
# The learning rate of each rule that has one, where users give none.
LEARNING_RATES: dict[Rule, float] = {"descent": 1.0, "momentum": 1.0, "nesterov": 1.0, "adam": 0.001, "adamw": 0.001}

# The least and the greatest output of an activation, where there is one.
RANGES: dict[Activation, tuple[float, float]] = {
    "sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "relu": (0.0, inf),
    "softsign": (-1.0, 1.0),
    "softmax": (0.0, 1.0),
}
# What targets are scaled to by min_max where the outputs have two limits: within these, which they reach only nearly.
TARGET_RANGES: dict[Activation, tuple[float, float]] = {
    "sigmoid": (0.1, 0.9),
    "tanh": (-0.8, 0.8),
    "softsign": (-0.8, 0.8),
}
KINKED: tuple[Activation, ...] = ("relu", "softsign", "leaky_relu")  # activations that are not smooth at 0
# The activation that the outputs must have with a loss; the others, squared errors, take any but softmax.
PARTNERS: dict[Loss, Activation] = {"binary_cross_entropy": "sigmoid", "cross_entropy": "softmax"}
