# SPDX-License-Identifier: MIT
"""Networks to and from Keras's own forms of a Sequential model: its JSON, which has no weights, and its weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..errors import OptionError, ShapeError, quoted, shortened
from ..names import Activation
from ..network import Network
from .dense import LEAK, Dense, layers_of, library, network_of

ACTIVATIONS: dict[str, Activation] = {
    "linear": "identity",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "softsign": "softsign",
    "softmax": "softmax",
}
NAMES: dict[str, str] = {name: keras for keras, name in ACTIVATIONS.items()}
WITHOUT_EFFECT = ("InputLayer", "Dropout")  # in a prediction


def to_keras(net: Network) -> tuple[str, list[Any]]:
    """The JSON of a Sequential in float64, for `keras.models.model_from_json`, and arrays for its `set_weights`.

    OptionError: the network has a scaling. DataError: a parameter is not finite. BackendError: NumPy is not installed.
    """
    numpy = library("numpy", "to_keras")
    layers = [_layer("InputLayer", batch_shape=[None, net.sizes[0]])]
    weights = []
    for n_out, layer in zip(net.sizes[1:], layers_of(net, "a Keras model")):
        leaky = layer.activation == "leaky_relu"
        activation = "linear" if leaky else NAMES[layer.activation]
        use_bias = layer.biases is not None
        layers.append(_layer("Dense", units=n_out, activation=activation, use_bias=use_bias))
        if leaky:
            layers.append(_layer("LeakyReLU", negative_slope=LEAK))
        weights += [numpy.array(part) for part in (layer.weights, layer.biases) if part is not None]
    config = {"name": "sequential", "layers": layers}
    return json.dumps({"module": "keras", "class_name": "Sequential", "config": config}), weights


def _layer(kind: str, **options: Any) -> dict[str, Any]:
    return {"module": "keras.layers", "class_name": kind, "config": {**options, "dtype": "float64"}}


def from_keras(text: str, weights: Sequence[Any]) -> Network:
    """The network of what a Keras Sequential's `to_json()` and `get_weights()` give.

    Its layers are Dense, each with the activation linear, sigmoid, tanh, relu, softsign or softmax, or followed by one
    as a layer Activation, or by LeakyReLU (with 0.01); Dropout is left out. Weights of 32 bits become float64, which
    changes none of them.
    OptionError: another model; the message names the layer. ShapeError: other weights. DataError. BackendError: NumPy
    is not installed.
    """
    numpy = library("numpy", "from_keras")
    found: list[Dense] = []
    activated = True  # whether the last layer has its activation
    try:
        rest = [numpy.asarray(each, dtype="float64") for each in weights]
    except (TypeError, ValueError) as error:
        raise ShapeError(f"weights are {quoted(weights)}, expected a list of arrays of numbers: {error}") from None
    for number, (kind, options) in enumerate(_layers(text)):
        place = f"layer {number} ({shortened(kind)})"
        if kind == "Dense":
            shapes: list[tuple[Any, ...]] = [
                (rest[0].shape[0] if rest and rest[0].ndim else None, options.get("units"))
            ]
            shapes += [(options.get("units"),)] if options.get("use_bias", True) else []
            parts = [rest.pop(0) for _ in shapes if rest]
            if [part.shape for part in parts] != shapes:
                given = [part.shape for part in parts]
                raise ShapeError(f"{place} finds weights of the shapes {given}, expected {shapes}")
            biases = parts[1].tolist() if len(parts) > 1 else None
            activation = _activation(place, {"activation": "linear", **options})  # Keras's default
            found.append(Dense(parts[0].tolist(), biases, activation))
            activated = activation != "identity"
        elif kind in ("Activation", "LeakyReLU") and not activated:
            named = options if kind == "LeakyReLU" else {"activation": None, **options}
            found[-1] = found[-1]._replace(activation=_activation(place, named))
            activated = True
        elif kind not in WITHOUT_EFFECT:
            raise OptionError(f"{place} has no place in a network, expected Dense, each with one activation")
    if rest:
        raise ShapeError(f"{len(rest)} weights are left over, expected those of the model's Dense layers")
    return network_of(found, "the Keras model")


def _layers(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The kind and the options of each layer. OptionError: it is not the JSON of a Sequential."""
    try:
        fields = json.loads(text)
        if fields["class_name"] != "Sequential":
            raise OptionError(f"text is the JSON of a {quoted(fields['class_name'])}, expected that of a Sequential")
        return [(str(each["class_name"]), dict(each["config"])) for each in fields["config"]["layers"]]
    except OptionError:
        raise
    except (KeyError, TypeError, RecursionError, ValueError) as error:
        raise OptionError(f"text is not the JSON of a Keras model: {error}") from None


def _activation(place: str, options: dict[str, Any]) -> Activation:
    """The activation of a layer's options, which are those of a LeakyReLU where they have none by name."""
    if "activation" in options:
        name = options["activation"]
        if not isinstance(name, str) or name not in ACTIVATIONS:
            raise OptionError(f"{place} has the activation {quoted(name)}, expected one of {', '.join(ACTIVATIONS)}")
        return ACTIVATIONS[name]
    slope = options.get("negative_slope", options.get("alpha"))  # of Keras 3 and of Keras 2
    if slope != LEAK:
        raise OptionError(f"{place} has the slope {quoted(slope)}, expected {LEAK}")
    return "leaky_relu"
