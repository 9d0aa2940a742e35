# SPDX-License-Identifier: MIT
"""What all formats share: a network made of dense layers, and its layers without their scaling."""

from __future__ import annotations

import importlib
from array import array
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import NamedTuple

from ..errors import BackendError, OptionError, ShapeError, quoted
from ..layers import Layer
from ..names import Activation
from ..network import Network

LEAK = 0.01  # the slope of leaky_relu below 0 (contract §2)


class Dense(NamedTuple):
    """A layer as other libraries have it."""

    weights: Sequence[Sequence[float]]  # (inputs, outputs)
    biases: Sequence[float] | None
    activation: Activation


# Where each library comes from: those whose models users bring are not of the extra.
INSTALLED_BY = {"torch": "torch", "sklearn": "scikit-learn"}


def library(name: str, for_what: str) -> ModuleType:
    """The module `name`. BackendError: it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        package = name.partition(".")[0]
        cure = INSTALLED_BY.get(package, "'bitprop[exchange]'")
        raise BackendError(f"{for_what} needs {package}, which is not installed: pip install {cure}") from None


def network_of(layers: Sequence[Dense], name: str) -> Network:
    """A network of these layers, with biases if one of them has some: the others get biases of 0.

    ShapeError: no layers, or layers that do not fit each other. OptionError: softmax before the last layer. DataError:
    a parameter is not finite. `name`: what messages call the whole.
    """
    if not layers:
        raise ShapeError(f"{name} has no dense layer, expected at least one")
    sizes = [len(layers[0].weights)]
    for number, layer in enumerate(layers, 1):
        if len(layer.weights) != sizes[-1]:
            given = f"layer {number} of {name} takes {len(layer.weights)} inputs"
            raise ShapeError(f"{given}, expected {sizes[-1]}, as many as there are before it")
        sizes.append(len(layer.weights[0]) if layer.weights else 0)
    bias = any(layer.biases is not None for layer in layers)
    net = Network(*sizes, activation=[layer.activation for layer in layers], bias=bias, init="uniform")
    values = array("d")
    for n_out, layer in zip(sizes[1:], layers):
        for row in layer.weights:
            values.extend(row)
        if bias:
            values.extend([0.0] * n_out if layer.biases is None else layer.biases)
    net.parameters[:] = memoryview(values)
    net.model.require_finite()
    return net


def require_network(net: object) -> None:
    """TypeError: it is no Network."""
    if not isinstance(net, Network):
        raise TypeError(f"net is {quoted(net)}, expected a Network")


def layers_of(net: Network, to: str) -> Iterable[Layer]:
    """The network's layers, for a format without scaling. OptionError: it scales. DataError: not finite. TypeError."""
    require_network(net)
    if net.input_scaling is not None or net.output_scaling is not None:
        cure = "scale the rows yourself, and give a copy of the network whose scalings are None"
        raise OptionError(f"net has a scaling, for which {to} has no place: {cure}")
    net.model.require_finite()
    return net.layers
