# SPDX-License-Identifier: MIT
"""Networks as ONNX graphs of float64: of single operations in the contract's order, or of the ordinary operators.

ONNX Runtime computes each of the single operations with one rounding and leaves their order alone, so the first kind
of graph gives bitprop's bits. Where its Where is given a zero of either sign for a true condition, it gives +0.0: no
value that Where takes there may be -0.0 and matter.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Sequence
from typing import Any

from .. import _files, _pure
from ..checks import options as check
from ..network import Network
from ..scaling import Scaling
from .dense import library, require_network

OPSET = 13  # the oldest whose Split takes the lengths as an input
IR_VERSION = 7  # of that opset
KEY = "bitprop"  # of the metadata that tells which network bitprop wrote
DOUBLE, INT64 = 11, 7  # onnx.TensorProto.DataType
LARGEST_POWER = 1022  # of 2^k: |k| <= 1021 for |t| <= 708


def to_onnx(net: Network, path: str | os.PathLike[str] | None = None, exact: bool = True) -> Any:
    """The network as an `onnx.ModelProto` with float64 input "x" (rows, inputs) and output "y" (rows, outputs).

    `exact`: True makes a graph of single operations in the order of contract §4, §2 and §13, with which ONNX Runtime
    gives the bits of `predict` (it was compared on processors of x86-64); False makes the ordinary, smaller and faster
    graph of Gemm, Sigmoid and so on, whose sums and exponentials are the runtime's. `path`: also write it there.
    DataError: a parameter is not finite. BackendError: `onnx` is not installed. OSError, TypeError.
    """
    helper = library("onnx.helper", "to_onnx")
    require_network(net)
    exact = check.boolean("exact", exact)
    net.model.require_finite()
    graph = _Graph(helper)
    x = _Value(graph, "x")
    y = _outputs(graph, x, net, exact)
    graph.nodes.append(helper.make_node("Identity", [y.name], ["y"]))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "network",
            [helper.make_tensor_value_info("x", DOUBLE, ["rows", net.sizes[0]])],
            [helper.make_tensor_value_info("y", DOUBLE, ["rows", net.sizes[-1]])],
            list(graph.constants.values()),
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="bitprop",
    )
    fields = {
        "sizes": list(net.sizes),
        "activations": list(net.activations),
        "bias": net.bias,
        "exact": exact,
        "sha256": hashlib.sha256(b"".join(each.raw_data for each in graph.constants.values())).hexdigest(),
    }
    helper.set_model_props(model, {KEY: json.dumps(fields)})
    if path is not None:
        _files.write(path, model.SerializeToString())
    return model


class _Graph:
    """Nodes and constants, to which values add theirs."""

    def __init__(self, helper: Any) -> None:
        self.helper = helper  # onnx.helper
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def constant(self, name: str, values: Sequence[float], dims: Sequence[int]) -> _Value:
        """A tensor of float64."""
        if name not in self.constants:
            data = struct.pack(f"<{len(values)}d", *values)
            self.constants[name] = self.helper.make_tensor(name, DOUBLE, dims, data, raw=True)
        return _Value(self, name)

    def lengths(self, count: int) -> str:
        """The name of so many ones, which Split takes."""
        name = f"ones_{count}"
        data = struct.pack(f"<{count}q", *[1] * count)
        self.constants[name] = self.helper.make_tensor(name, INT64, [count], data, raw=True)
        return name

    def add(self, operator: str, *operands: _Value | float, **attributes: Any) -> _Value:
        """The result of a new node."""
        [result] = self.add_all(operator, [self.value(each).name for each in operands], 1, **attributes)
        return result

    def add_all(self, operator: str, inputs: Sequence[str], outputs: int, **attributes: Any) -> list[_Value]:
        """The results of a new node."""
        first = f"{operator}_{len(self.nodes)}"
        names = [first] if outputs == 1 else [f"{first}_{i}" for i in range(outputs)]
        self.nodes.append(self.helper.make_node(operator, inputs, names, name=first, **attributes))
        return [_Value(self, name) for name in names]

    def value(self, given: _Value | float) -> _Value:
        """The value, or a number as a constant."""
        return given if isinstance(given, _Value) else self.constant(f"number_{given!r}", [given], [])


class _Value:
    """A tensor of a graph. Operators add nodes, so that formulas read as in the contract."""

    def __init__(self, graph: _Graph, name: str):
        self.graph = graph
        self.name = name

    def __add__(self, other: Any) -> _Value:
        return self.graph.add("Add", self, other)

    def __radd__(self, other: float) -> _Value:
        return self.graph.add("Add", other, self)

    def __sub__(self, other: Any) -> _Value:
        return self.graph.add("Sub", self, other)

    def __mul__(self, other: Any) -> _Value:
        return self.graph.add("Mul", self, other)

    def __rmul__(self, other: Any) -> _Value:
        return self.graph.add("Mul", other, self)

    def __truediv__(self, other: _Value) -> _Value:
        return self.graph.add("Div", self, other)

    def __neg__(self) -> _Value:
        return self.graph.add("Neg", self)

    def __lt__(self, other: Any) -> _Value:
        return self.graph.add("Less", self, other)

    def __gt__(self, other: Any) -> _Value:
        return self.graph.add("Greater", self, other)

    def plus_constant(self, constant: _Value) -> _Value:
        """The sum by Sum: ONNX Runtime drops an Add of a single 0.0, which makes +0.0 of -0.0."""
        return self.graph.add("Sum", self, constant)

    def parts(self, count: int, axis: int) -> list[_Value]:
        """The rows (axis 0) or columns (axis 1), each as a matrix."""
        if count == 1:
            return [self]
        return self.graph.add_all("Split", [self.name, self.graph.lengths(count)], count, axis=axis)


def _choose(condition: _Value, then: _Value | float, otherwise: _Value | float) -> _Value:
    return condition.graph.add("Where", condition, then, otherwise)


# --- what is computed, as in _pure.py ---


def _outputs(graph: _Graph, a: _Value, net: Network, exact: bool) -> _Value:
    """The network's outputs (§4, §13)."""
    if net.input_scaling is not None:
        shift, spread = _columns(graph, "input", net.input_scaling)
        a = (a - shift) / spread
    forward, activate = (_single_sums, EXACT) if exact else (_gemm, ORDINARY)
    for number, layer in enumerate(net.layers, 1):
        n_in, n_out = layer.weights.shape  # type: ignore[misc]  # it has two dimensions
        weights = graph.constant(f"W{number}", layer.weights.cast("B").cast("d"), [n_in, n_out])
        biases = None if layer.biases is None else graph.constant(f"b{number}", layer.biases, [1, n_out])
        a = forward(a, weights, biases, n_in)
        a = activate[layer.activation](a, n_out)
    if net.output_scaling is not None:
        shift, spread = _columns(graph, "output", net.output_scaling)
        a = (a * spread).plus_constant(shift)
    return a


def _columns(graph: _Graph, name: str, scaling: Scaling) -> tuple[_Value, _Value]:
    dims = [1, len(scaling)]
    return graph.constant(f"{name}_shift", scaling.shift, dims), graph.constant(f"{name}_spread", scaling.spread, dims)


def _single_sums(a: _Value, weights: _Value, biases: _Value | None, n_in: int) -> _Value:
    """Pre-activations in the order of §4: the bias, then a product for each input."""
    first, *others = [column * row for column, row in zip(a.parts(n_in, 1), weights.parts(n_in, 0))]
    acc = first if biases is None else first.plus_constant(biases)
    for product in others:
        acc = acc + product
    return acc


def _gemm(a: _Value, weights: _Value, biases: _Value | None, n_in: int) -> _Value:
    return a.graph.add("Gemm", a, weights) if biases is None else a.graph.add("Gemm", a, weights, biases)


def _clamp(t: _Value, low: float, high: float) -> _Value:
    return _choose(t < low, low, _choose(t > high, high, t))


def _split(t: _Value) -> tuple[_Value, _Value, _Value]:
    k = (t * _pure.LOG2E + _pure.MAGIC) - _pure.MAGIC
    r = (t - k * _pure.LN2_HI) - k * _pure.LN2_LO
    z = r * r
    w = z * z
    c = 2.0 + z * ((_pure.P1 + z * _pure.P2) + w * ((_pure.P3 + z * _pure.P4) + w * _pure.P5))
    # 2^k from a table. A NaN passes through r and c; here it takes a place that exists.
    exponents = range(-LARGEST_POWER, LARGEST_POWER + 1)
    powers = t.graph.constant("powers_of_two", [2.0**each for each in exponents], [len(exponents)])
    place = _choose(t.graph.add("Equal", k, k), k + float(LARGEST_POWER), 0.0)
    s = t.graph.add("Gather", powers, t.graph.add("Cast", place, to=INT64))
    return r, c, s


def _sigmoid(x: _Value, _: int) -> _Value:
    r, c, s = _split(_clamp(-x, -708.0, 708.0))
    lo = c - r
    hi = (c + r) * s
    return lo / (lo + hi)


def _hyperbolic_tangent(x: _Value, _: int) -> _Value:
    r, c, s = _split(_clamp(2.0 * x, -40.0, 40.0))
    p = s - 1.0
    q = s + 1.0
    return (p * c + q * r) / (q * c + p * r)


def _relu(x: _Value, _: int) -> _Value:
    return _choose(x < 0.0, 0.0, x)


def _softsign(x: _Value, _: int) -> _Value:
    return x / (1.0 + x.graph.add("Abs", x))


def _leaky_relu(x: _Value, _: int) -> _Value:
    return x * _choose(x < 0.0, _pure.LEAK, 1.0)  # x*1.0 is x, to its last bit


def _exponential(t: _Value) -> _Value:
    r, c, s = _split(_clamp(t, -708.0, 708.0))
    return (1.0 + (2.0 * r) / (c - r)) * s


def _softmax(x: _Value, count: int) -> _Value:
    columns = x.parts(count, 1)
    most = columns[0]
    for column in columns[1:]:
        most = _choose(column > most, column, most)  # which zero it is changes no exponential
    e = _exponential(x - most)
    total, *others = e.parts(count, 1)
    for column in others:
        total = total + column
    return e / total


def _identity(x: _Value, _: int) -> _Value:
    return x


EXACT = {
    "sigmoid": _sigmoid,
    "tanh": _hyperbolic_tangent,
    "relu": _relu,
    "identity": _identity,
    "softsign": _softsign,
    "leaky_relu": _leaky_relu,
    "softmax": _softmax,
}
# Of ONNX Runtime's own, Softsign and LeakyRelu do not take float64.
ORDINARY = {
    **EXACT,
    "sigmoid": lambda x, _: x.graph.add("Sigmoid", x),
    "tanh": lambda x, _: x.graph.add("Tanh", x),
    "relu": lambda x, _: x.graph.add("Relu", x),
    "softmax": lambda x, _: x.graph.add("Softmax", x, axis=1),
}
