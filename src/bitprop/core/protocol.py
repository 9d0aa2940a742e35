# SPDX-License-Identifier: MIT
"""What every backend offers to the code above: the narrow waist between the network and the twins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ..names import Backend
from .group import Group


class Core(Protocol):
    """What every backend offers: the functions of the headers in csrc, and makers of the memory that they take."""

    name: Backend
    kernel: int  # that runs its networks, BP_AUTO for the fastest
    kernels: Callable[..., int]
    activate: Callable[..., int]
    slope: Callable[..., int]
    first_nonfinite: Callable[..., int]
    divide: Callable[..., None]
    parameter_count: Callable[..., int]
    predict_size: Callable[..., int]
    train_size: Callable[..., int]
    generator_seed: Callable[..., None]
    generator_random: Callable[..., float]
    generator_below: Callable[..., int]
    init: Callable[..., int]
    init_some: Callable[..., int]
    forward: Callable[..., int]
    backward: Callable[..., int]
    predict: Callable[..., int]
    loss: Callable[..., int]
    loss_some: Callable[..., int]
    gradient: Callable[..., int]
    gradient_some: Callable[..., int]
    train_start: Callable[..., int]
    train: Callable[..., int]
    train_many: Callable[..., int]
    state_size: Callable[..., int]
    train_state: Callable[..., None]
    train_resume: Callable[..., None]
    train_undo: Callable[..., None]
    encode_size: Callable[..., int]
    encode: Callable[..., int]
    decode_layers: Callable[..., int]
    decode_shape: Callable[..., int]
    decode_parameters: Callable[..., int]
    standard_scaling: Callable[..., None]
    min_max_scaling: Callable[..., None]
    scale: Callable[..., None]
    unscale: Callable[..., None]
    self_test: Callable[..., int]
    levenberg_size: Callable[..., int]
    levenberg_start: Callable[..., int]
    levenberg_train: Callable[..., int]
    levenberg_undo: Callable[..., None]

    def describe_compiler(self) -> str:
        """The compiler that built it, "" for none."""

    def address(self, view: memoryview[Any]) -> int | None:
        """Where this memory begins; None where that cannot be told."""

    def shape(self, sizes: Sequence[int], activations: Sequence[int], bias: bool) -> Any:
        """A bp_shape that stays alive with its arrays."""

    def doubles(self, buffer: Any) -> Any:
        """A pointer to doubles. An array stays alive with it; a memoryview is kept by the caller."""

    def readable(self, values: Any) -> Any:
        """A pointer to doubles that are only read."""

    def item(self, memory: Any, index: int) -> Any:
        """A pointer into memory; not of the pure twin."""

    def octets(self, buffer: Any) -> Any:
        """A pointer to a buffer of bytes, which stays alive with it."""

    def words(self, count: int) -> Any:
        """Memory for `count` 32-bit words."""

    def work(self, shape: Any, count: int, rule: int = 0) -> Any:
        """Scratch memory of `count` doubles for this shape, and for trainings by this rule."""

    def data(self, inputs: Any, targets: Any, rows: int, weights: Any = None) -> Any:
        """A bp_data of pointers to doubles, which the caller keeps alive with their arrays."""

    def settings(self, **fields: Any) -> Any:
        """A bp_settings of these fields."""

    def limits(self, **fields: int) -> Any:
        """A bp_limits of these fields, of which the caller may set others between two slices."""

    def training(self) -> Any:
        """A bp_training."""

    def generator(self) -> Any:
        """A bp_generator."""

    def levenberg_settings(self, **fields: Any) -> Any:
        """A bp_levenberg_settings of these fields."""

    def levenberg_work(self, shape: Any) -> Any:
        """Scratch memory for trainings of this shape by Levenberg and Marquardt."""

    def levenberg(self) -> Any:
        """A bp_levenberg."""

    def group(self, values: Any, shape: Any, rule: int, networks: int, order_size: int, log_size: int) -> Group:
        """Memory for trainings side by side, around their parameters."""

    def levenberg_group(self, values: Any, shape: Any, log_size: int) -> Group:
        """Memory for one training by Levenberg and Marquardt, around its parameters."""


FUNCTIONS = tuple(name for name in Core.__annotations__ if name not in ("name", "kernel"))
ROUNDING = frozenset(  # those of them whose arithmetic rounds
    (
        *(
            "activate",
            "slope",
            "divide",
            "init",
            "init_some",
            "forward",
            "backward",
            "predict",
            "loss",
            "loss_some",
            "gradient",
            "gradient_some",
            "train",
            "train_many",
        ),
        *("standard_scaling", "min_max_scaling", "scale", "unscale"),
        "levenberg_train",
        *("encode", "decode_parameters"),  # which do not round, but whose bits come of arithmetic in Python
    )
)
