# SPDX-License-Identifier: MIT
"""Networks from scikit-learn's multi-layer perceptrons."""

from __future__ import annotations

from typing import Any

from ..errors import OptionError, quoted
from ..names import Activation
from ..network import Network
from .dense import Dense, library, network_of

ACTIVATIONS: dict[str, Activation] = {
    "identity": "identity",
    "logistic": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "softmax": "softmax",
}


def from_sklearn(mlp: Any) -> Network:
    """The network of a fitted `sklearn.neural_network.MLPClassifier` or `MLPRegressor`.

    `predict` then gives what the regressor's `predict` does, and what the classifier's `predict_proba` does, in the
    order of its `classes_`; of two classes, the probability of the second alone. Rounding differs.
    OptionError: it is not fitted, or has an activation that bitprop does not. TypeError. BackendError: scikit-learn is
    not installed.
    """
    perceptrons = library("sklearn.neural_network", "from_sklearn")
    if not isinstance(mlp, (perceptrons.MLPClassifier, perceptrons.MLPRegressor)):
        raise TypeError(f"mlp is a {type(mlp).__name__}, expected an MLPClassifier or an MLPRegressor")
    if not hasattr(mlp, "coefs_"):
        raise OptionError(f"{type(mlp).__name__} is not fitted, expected one after fit")
    names = [mlp.activation] * (len(mlp.coefs_) - 1) + [mlp.out_activation_]
    for name in names:
        if name not in ACTIVATIONS:
            raise OptionError(f"mlp has the activation {quoted(name)}, expected one of {', '.join(ACTIVATIONS)}")
    layers = [
        Dense(weights.tolist(), biases.tolist(), ACTIVATIONS[name])
        for weights, biases, name in zip(mlp.coefs_, mlp.intercepts_, names)
    ]
    return network_of(layers, "mlp")
