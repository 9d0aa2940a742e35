# SPDX-License-Identifier: MIT
"""Networks in safetensors files, as PyTorch and others load them."""

from __future__ import annotations

import json
import os
from typing import Any

from .. import _files
from ..checks import options as check
from ..errors import BitpropError, ModelFileError
from ..network import Network
from .dense import Dense, layers_of, library, network_of

KEY = "bitprop"  # of the metadata that has what tensors do not say


def to_safetensors(net: Network, path: str | os.PathLike[str]) -> None:
    """Writes the parameters in float64, with the names and shapes of `to_torch(net).state_dict()`.

    So these are "0.weight" (outputs, inputs) and "0.bias" of the first layer, "2.weight" of the second, and so on. The
    file's metadata have the names of the activations, and the network's fingerprint, by which an altered file shows.
    OptionError: the network has a scaling. DataError: a parameter is not finite. BackendError: the package
    `safetensors` or NumPy is not installed. OSError.
    """
    numpy = library("numpy", "to_safetensors")
    save = library("safetensors.numpy", "to_safetensors").save
    tensors = {}
    for number, layer in enumerate(layers_of(net, "a safetensors file")):
        tensors[f"{2 * number}.weight"] = numpy.ascontiguousarray(numpy.asarray(layer.weights).T)
        if layer.biases is not None:
            tensors[f"{2 * number}.bias"] = numpy.array(layer.biases)
    description = {"activations": list(net.activations), "fingerprint": net.fingerprint()}
    _files.write(path, save(tensors, {KEY: json.dumps(description)}))


def from_safetensors(path: str | os.PathLike[str]) -> Network:
    """The network of a file that `to_safetensors` wrote.

    ModelFileError: it is cut, altered, or another file. BackendError: `safetensors` or NumPy is not installed. OSError.
    """
    library("numpy", "from_safetensors")
    safe_open = library("safetensors", "from_safetensors").safe_open
    name = check.path(path)
    with open(name, "rb"):  # so that a missing file is an error of the system's
        pass
    try:
        with safe_open(name, "np") as file:
            description = (file.metadata() or {}).get(KEY)
            tensors: dict[str, Any] = {each: file.get_tensor(each) for each in file.keys()}  # noqa: SIM118
    except Exception as error:  # a class of the library's own
        raise ModelFileError(f"{name} is not a safetensors file, or is cut: {error}") from None
    if description is None:
        raise ModelFileError(f"{name} has no metadata of bitprop, expected a file that to_safetensors wrote")
    try:
        layers = []
        fields = json.loads(description)
        for number, activation in enumerate(fields["activations"]):
            weights, biases = tensors.pop(f"{2 * number}.weight"), tensors.pop(f"{2 * number}.bias", None)
            layers.append(Dense(weights.T.tolist(), None if biases is None else biases.tolist(), activation))
        if tensors:
            raise ValueError(f"it has {', '.join(tensors)} beside its layers")
        net = network_of(layers, name)
    except (BitpropError, AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"{name} does not describe a network: {error}") from None
    if "fingerprint" in fields and fields["fingerprint"] != net.fingerprint():  # older files have none
        raise ModelFileError(f"{name} was altered: its numbers are not those that to_safetensors wrote")
    return net
