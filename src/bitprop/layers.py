# SPDX-License-Identifier: MIT
"""What a network shows of its layers: their parameters, and their values for one row."""

from __future__ import annotations

from typing import NamedTuple

from .core import mode


class Layer(NamedTuple):
    """One layer's parameters, as writable float64 views of the network's memory (contract §3)."""

    weights: memoryview[float]  #: (inputs, outputs)
    biases: memoryview[float] | None  #: (outputs,), None in a network without biases
    activation: str


class Product(NamedTuple):
    """What a row adds to the gradient of one weight (contract §5): `value` is `input` times `delta`."""

    input: float
    delta: float
    value: float


class Trace(NamedTuple):
    """One layer's values for one row (contract §4 and §5): of its nodes, and of the inputs from the layer before."""

    preactivations: list[float]
    outputs: list[float]
    inputs: list[float]
    deltas: list[float] | None  #: on the way back, which are what the row adds to the biases' gradient; else None

    @property
    def products(self) -> list[list[Product]] | None:
        """What the row adds to the gradient of each weight, (inputs, nodes) as `Layer.weights`; None without targets.

        FloatingPointModeError.
        """
        if self.deltas is None:
            return None
        mode.require_standard("a product")
        return [[Product(a, d, a * d) for d in self.deltas] for a in self.inputs]
