# SPDX-License-Identifier: MIT
"""What a model file says of a network, and the network that it describes; `model_file` has text and checksum."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import _pure, model_file
from .checks import matrices
from .checks import options as check
from .core import means
from .errors import ModelFileError, quoted, shortened
from .model import Model
from .names import ACTIVATIONS
from .resuming import TrainingState
from .scaling import Scaling

if TYPE_CHECKING:
    from typing import TypeVar

    from .network import Network

    Made = TypeVar("Made", bound=Network)


def describe(network: Network) -> dict[str, Any]:
    """The fields of the network's model file. DataError: a parameter is not finite."""
    network.model.require_finite()
    inputs = network.sizes[0]
    [self_test] = network.raw_rows([means(network.model.core, range(1, inputs + 1), inputs + 1)])
    scalings = {"inputs": network.input_scaling, "outputs": network.output_scaling}
    given = {name: model_file.scaling_fields(each) for name, each in scalings.items() if each is not None}
    return {
        "contract": _pure.CONTRACT,
        "sizes": list(network.sizes),
        "activations": list(network.activations),
        "bias": network.bias,
        "parameters": model_file.to_hex(network.model.values),
        **({"scaling": given} if given else {}),
        "self_test": {
            "input": model_file.to_hex(self_test),
            "output": model_file.to_hex(network.predict([self_test])[0]),
        },
    }


def read(name: str, make: Callable[[Model], Made], backend: str | None) -> tuple[Made, TrainingState | None]:
    """The network of a model file, after a replay of the file's self-test, and its training, if it holds one.

    `make`: a network of a model, which is made for `backend`. ModelFileError, OSError.
    """
    fields = model_file.loads(model_file.read(name), name)
    contract = fields.get("contract")
    if contract != _pure.CONTRACT:
        kept = f"this bitprop keeps contract {_pure.CONTRACT}"
        raise ModelFileError(f"{name} is of contract {quoted(contract)}, {kept}")
    try:
        network = _restore(fields, make, backend)
        rewritten, left = describe(network), None
        if "training" in fields:
            left = TrainingState.from_fields(fields["training"], matrices.to_array(network.model.view))
            rewritten["training"] = left.to_fields()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"{name} does not describe a network: {shortened(str(error), 500)}") from None
    if rewritten["self_test"] != fields.get("self_test"):
        here, there = quoted(rewritten["self_test"]), quoted(fields.get("self_test"))
        raise ModelFileError(f"{name}: its self-test gives {here}, not {there}")
    if model_file.dumps(rewritten) != model_file.dumps(fields):
        raise ModelFileError(f"{name} describes a network, but not as bitprop writes it")
    return network, left


def _restore(fields: dict[str, Any], make: Callable[[Model], Made], backend: str | None) -> Made:
    """The network of these fields. KeyError, TypeError, ValueError."""
    sizes = check.sizes(fields["sizes"])
    activations = check.activations(fields["activations"], ACTIVATIONS, len(sizes))
    bias = check.boolean("bias", fields["bias"])
    given = len(fields["parameters"])
    expected = sum((n_in + bias) * n_out for n_in, n_out in zip(sizes, sizes[1:]))
    if given != expected:  # before any memory is taken for what the sizes claim
        raise ValueError(f"{given} parameters, expected {expected} for the sizes {check.shape_text(sizes)}")
    network = make(Model(sizes, activations, bias, backend))
    network.model.view[:] = memoryview(model_file.from_hex(fields["parameters"]))
    for name_of, each in fields.get("scaling", {}).items():
        scaling = Scaling(model_file.from_hex(each["shift"]), model_file.from_hex(each["spread"]))
        setattr(network, {"inputs": "input_scaling", "outputs": "output_scaling"}[name_of], scaling)
    return network
