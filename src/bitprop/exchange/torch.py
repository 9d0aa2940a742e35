# SPDX-License-Identifier: MIT
"""Networks to and from `torch.nn.Sequential`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import OptionError, quoted
from ..names import Activation
from ..network import Network
from .dense import LEAK, Dense, layers_of, library, network_of

ACTIVATIONS: dict[str, Activation] = {
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "ReLU": "relu",
    "Identity": "identity",
    "Softsign": "softsign",
    "LeakyReLU": "leaky_relu",
    "Softmax": "softmax",
}
MODULES: dict[str, str] = {name: module for module, name in ACTIVATIONS.items()}
OPTIONS: dict[str, dict[str, Any]] = {"softmax": {"dim": -1}, "leaky_relu": {"negative_slope": LEAK}}


def to_torch(net: Network) -> Any:
    """A new `torch.nn.Sequential` in float64: a Linear and an activation for each layer, with copies of the parameters.

    Its outputs are those of `predict` except for rounding: PyTorch sums in an order of its own.
    OptionError: the network has a scaling. DataError: a parameter is not finite. BackendError: PyTorch is missing.
    """
    torch = library("torch", "to_torch")
    modules = []
    for layer in layers_of(net, "a Sequential"):
        weights = torch.tensor(layer.weights.tolist(), dtype=torch.float64)
        linear = torch.nn.Linear(*weights.shape, bias=layer.biases is not None, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(weights.T)
            if layer.biases is not None:
                linear.bias.copy_(torch.tensor(layer.biases.tolist(), dtype=torch.float64))
        options = OPTIONS.get(layer.activation, {})
        modules += [linear, getattr(torch.nn, MODULES[layer.activation])(**options)]
    return torch.nn.Sequential(*modules)


def from_torch(module: Any) -> Network:
    """The network of a `torch.nn.Sequential` of Linear modules, each followed by one activation or none.

    Activations are Sigmoid, Tanh, ReLU, Softsign, LeakyReLU, Softmax and Identity; Dropout, which does nothing in a
    prediction, is left out. Parameters of 16 or 32 bits become float64, which changes none of them.
    TypeError, OptionError: another module; the message names it. ShapeError, DataError. BackendError: PyTorch is not
    installed.
    """
    torch = library("torch", "from_torch")
    if not isinstance(module, torch.nn.Sequential):
        raise TypeError(f"module is a {type(module).__name__}, expected a torch.nn.Sequential")
    layers: list[Dense] = []
    activated = True  # whether the last layer has its activation
    for place, each in _flat(module, torch.nn.Sequential):
        kind = type(each).__name__
        if isinstance(each, torch.nn.Linear):
            biases = None if each.bias is None else _numbers(each.bias)
            layers.append(Dense(_numbers(each.weight.T), biases, "identity"))
            activated = False
        elif isinstance(each, torch.nn.Dropout):
            continue
        elif kind in ACTIVATIONS and isinstance(each, getattr(torch.nn, kind)) and not activated:
            _check_activation(place, each)
            layers[-1] = layers[-1]._replace(activation=ACTIVATIONS[kind])
            activated = kind != "Identity"
        elif kind != "Identity":
            expected = f"a Linear, and after each one of {', '.join(ACTIVATIONS)} or none"
            raise OptionError(f"module {place} is {quoted(each)}, expected {expected}")
    return network_of(layers, "the Sequential")


def _flat(module: Any, sequential: type) -> Iterator[tuple[str, Any]]:
    """The modules inside, also of a Sequential in another, each with its place."""
    for name, each in module.named_children():
        if isinstance(each, sequential):
            yield from ((f"{name}.{inner}", found) for inner, found in _flat(each, sequential))
        else:
            yield name, each


def _numbers(tensor: Any) -> Any:
    return tensor.detach().cpu().double().tolist()


def _check_activation(place: str, module: Any) -> None:
    """OptionError: its options make another function of it."""
    kind = type(module).__name__
    if kind == "LeakyReLU" and module.negative_slope != LEAK:
        raise OptionError(f"module {place} has negative_slope={module.negative_slope}, expected {LEAK}")
    if kind == "Softmax" and module.dim not in (1, -1):
        raise OptionError(f"module {place} has dim={module.dim}, expected that of the outputs: 1 or -1")
