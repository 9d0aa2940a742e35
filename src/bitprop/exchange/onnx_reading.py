# SPDX-License-Identifier: MIT
"""Networks from ONNX models: those that bitprop wrote, by their bits, and chains of dense layers of any origin."""

from __future__ import annotations

import json
import os
import struct
from array import array
from collections.abc import Sequence
from typing import Any

from .. import _files
from ..checks import options as check
from ..errors import BitpropError, ModelFileError, quoted
from ..names import Activation
from ..network import Network
from ..scaling import Scaling
from .dense import LEAK, Dense, library, network_of
from .onnx_writing import DOUBLE, KEY, to_onnx

FLOAT, HALF = 1, 10  # onnx.TensorProto.DataType, beside DOUBLE
EXTERNAL = 1  # onnx.TensorProto.DataLocation
ACTIVATIONS: dict[str, Activation] = {
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Relu": "relu",
    "Softsign": "softsign",
    "LeakyRelu": "leaky_relu",
    "Softmax": "softmax",
}


def from_onnx(model: Any) -> Network:
    """The network of an ONNX model: an `onnx.ModelProto`, its bytes, or the path of its file.

    A model that `to_onnx` wrote gives the network of which it was written. Any other is read where it is one chain of
    dense layers: Gemm, or MatMul and Add, each followed by Sigmoid, Tanh, Relu, LeakyRelu, Softsign, Softmax or
    nothing. Numbers of 16 or 32 bits become float64, which changes none of them.
    ModelFileError: it is cut, or not such a chain; the message names the node. ShapeError, DataError, as for other
    networks. BackendError: `onnx` is not installed. OSError, TypeError.
    """
    onnx = library("onnx", "from_onnx")
    name = "the model"
    if isinstance(model, (str, os.PathLike)):
        name = check.path(model)
        model = _files.read(name)
    if isinstance(model, (bytes, bytearray, memoryview)):
        data, model = bytes(model), onnx.ModelProto()
        try:
            model.ParseFromString(data)
        except Exception as error:  # the class depends on which protobuf there is
            raise ModelFileError(f"{name} is not an ONNX model, or is cut: {error}") from None
    if not isinstance(model, onnx.ModelProto):
        raise TypeError(f"model is {quoted(model)}, expected an onnx.ModelProto, its bytes, or a path")
    own = [each.value for each in model.metadata_props if each.key == KEY]
    if own:
        return _written(model, own[0], name)
    return network_of(_Chain(model.graph, name).layers(), name)


def _written(model: Any, description: str, name: str) -> Network:
    """The network that bitprop wrote; it is written again, so that an altered file shows."""
    tensors = {each.name: each for each in model.graph.initializer}

    def numbers(of: str, count: int) -> array[float]:
        data = tensors[of].raw_data
        if len(data) != 8 * count:
            raise ValueError(f"{of} has {len(data)} bytes, expected {8 * count}")
        return array("d", struct.unpack(f"<{count}d", data))

    try:
        fields = json.loads(description)
        sizes = check.sizes(fields["sizes"])
        values = array("d")
        for number, (n_in, n_out) in enumerate(zip(sizes, sizes[1:]), 1):
            values.extend(numbers(f"W{number}", n_in * n_out))
            if fields["bias"]:
                values.extend(numbers(f"b{number}", n_out))
        net = Network(*sizes, activation=fields["activations"], bias=fields["bias"], init="uniform")
        net.parameters[:] = memoryview(values)
        if "input_shift" in tensors:
            net.input_scaling = Scaling(numbers("input_shift", sizes[0]), numbers("input_spread", sizes[0]))
        if "output_shift" in tensors:
            net.output_scaling = Scaling(numbers("output_shift", sizes[-1]), numbers("output_spread", sizes[-1]))
        rewritten = to_onnx(net, exact=check.boolean("exact", fields["exact"]))
    except (BitpropError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"{name} says that bitprop wrote it, but has no whole network: {error}") from None
    if rewritten.graph != model.graph or rewritten.metadata_props[0].value != description:
        raise ModelFileError(f"{name} was altered: it is not the model that bitprop writes of its network")
    return net


class _Chain:
    """The nodes of a graph, each of which takes what the one before it gave, and constants."""

    def __init__(self, graph: Any, name: str):
        self.name = name
        self.nodes = [node for node in graph.node if node.op_type != "Constant"]
        self.constants = {each.name: each for each in graph.initializer}
        self.used: set[str] = set()  # constants that are a layer's weights
        for node in graph.node:
            if node.op_type == "Constant":
                names = [each.name for each in node.attribute]
                if names != ["value"] or len(node.output) != 1:
                    raise self.refusal(node, "is a constant without a tensor")
                self.constants[node.output[0]] = node.attribute[0].t
        inputs = [each.name for each in graph.input if each.name not in self.constants]
        outputs = [each.name for each in graph.output]
        if len(inputs) != 1 or len(outputs) != 1:
            given = f"{len(inputs)} inputs and {len(outputs)} outputs"
            raise ModelFileError(f"{name} has {given}, expected one of each")
        [self.input], [self.output] = inputs, outputs

    def refusal(self, node: Any, what: str) -> ModelFileError:
        """The error for a node."""
        title = node.name or next(iter(node.output), "without a name")
        operator = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        return ModelFileError(f"{self.name}: node {quoted(title)} ({operator}) {what}")

    def layers(self) -> list[Dense]:
        """The dense layers. ModelFileError."""
        found: list[Dense] = []
        activated = True  # whether the last layer has its activation
        value = self.input
        for node in self.nodes:
            given = [each for each in node.input if each and each not in self.constants]
            constants = [each for each in node.input if each in self.constants]
            if given != [value] or len(node.output) != 1 or not node.input or node.domain not in ("", "ai.onnx"):
                raise self.refusal(node, "is not part of one chain of dense layers from the input to the output")
            value = node.output[0]
            if node.op_type in ("Gemm", "MatMul"):
                found.append(self.dense(node))
                activated = False
            elif node.op_type == "Add" and len(constants) == 1 and not activated and found[-1].biases is None:
                found[-1] = found[-1]._replace(biases=self.biases(node, constants[0], len(found[-1].weights[0])))
            elif node.op_type in ACTIVATIONS and not constants and not activated:
                self.check_activation(node)
                found[-1] = found[-1]._replace(activation=ACTIVATIONS[node.op_type])
                activated = True
            elif node.op_type != "Identity" or constants:
                operators = ", ".join(ACTIVATIONS)
                where = f"expected Gemm or MatMul and Add, each followed by one of {operators} or by none"
                raise self.refusal(node, f"has no place in a network: {where}")
        if value != self.output:
            raise ModelFileError(f"{self.name} ends in {quoted(value)}, expected its output {quoted(self.output)}")
        return found

    def dense(self, node: Any) -> Dense:
        """The layer of a Gemm or MatMul, without its activation."""
        attributes = {each.name: each for each in node.attribute}
        for attribute in ("alpha", "beta"):
            if attribute in attributes and attributes[attribute].f != 1.0:
                raise self.refusal(node, f"has {attribute}={attributes[attribute].f}, expected 1")
        if len(node.input) < 2 or node.input[0] in self.constants or node.input[1] not in self.constants:
            raise self.refusal(node, "does not multiply the rows by constant weights")
        if "transA" in attributes and attributes["transA"].i:
            raise self.refusal(node, "has transA=1, expected rows")
        if node.input[1] in self.used:  # a small file could ask for any amount of memory by one tensor for all nodes
            raise self.refusal(node, f"has the weights {quoted(node.input[1])} of another node, expected its own")
        self.used.add(node.input[1])
        weights = self.numbers(node, node.input[1])
        if len(weights.shape) != 2 or 0 in weights.shape:
            raise self.refusal(node, f"has weights of the shape {tuple(weights.shape)}, expected (inputs, outputs)")
        if "transB" in attributes and attributes["transB"].i:
            weights = weights.T
        biases = None
        if len(node.input) > 2 and node.input[2]:
            biases = self.biases(node, node.input[2], weights.shape[1])
        return Dense(weights.tolist(), biases, "identity")

    def biases(self, node: Any, constant: str, count: int) -> Sequence[float]:
        """A bias for each output; one number is for all of them."""
        values = self.numbers(node, constant)
        flat: list[float] = values.ravel().tolist()
        if values.size == 1:
            return flat * count
        if values.shape not in ((count,), (1, count)):
            raise self.refusal(node, f"has biases of the shape {tuple(values.shape)}, expected {count}")
        return flat

    def check_activation(self, node: Any) -> None:
        """ModelFileError: its attributes make another function of it."""
        attributes = {each.name: each for each in node.attribute}
        if node.op_type == "LeakyRelu" and "alpha" in attributes:
            alpha = attributes["alpha"].f
            if struct.pack("f", alpha) != struct.pack("f", LEAK):  # an attribute has 32 bits
                raise self.refusal(node, f"has alpha={alpha:g}, expected {LEAK}")
        if node.op_type == "Softmax" and "axis" in attributes and attributes["axis"].i not in (1, -1):
            raise self.refusal(node, f"has axis={attributes['axis'].i}, expected that of the outputs: 1 or -1")

    def numbers(self, node: Any, constant: str) -> Any:
        """A constant as a NumPy array of float64."""
        tensor = self.constants[constant]
        if tensor.data_location == EXTERNAL:
            raise self.refusal(node, f"has {quoted(constant)} in another file, expected all numbers in the model")
        if tensor.data_type not in (FLOAT, DOUBLE, HALF):
            raise self.refusal(node, f"has {quoted(constant)} of type {tensor.data_type}, expected floating point")
        try:
            return library("onnx.numpy_helper", "from_onnx").to_array(tensor).astype("float64")
        except Exception as error:  # the classes depend on the version
            raise self.refusal(node, f"has {quoted(constant)} that cannot be read: {error}") from None
