# SPDX-License-Identifier: MIT
"""Networks to and from ONNX, PyTorch, scikit-learn, safetensors and NumPy."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any

import pytest

from bitprop import BitpropError, DataError, ModelFileError, Network, OptionError, Scaling, ShapeError, info
from bitprop.exchange import (
    from_keras,
    from_onnx,
    from_safetensors,
    from_sklearn,
    from_torch,
    to_keras,
    to_onnx,
    to_safetensors,
    to_torch,
)
from bitprop.names import ACTIVATIONS, Activation

np = pytest.importorskip("numpy")
ROWS = 10_000 if info()["backend"] == "python" else 1_000_000
EDGES = [0.0, -0.0, 5e-324, -5e-324, -1e-310, -2.5e-322, 1e308, -1e308, 709.0, -745.5, 36.7, 1.0]
# Sums of a handful of products, of numbers up to some hundreds, which other libraries add in another order or by fused
# operations, and exponentials of mathematics libraries: a few units in the last place of each number that goes in.
TOLERANCE = 1e-12


def network(activation: Activation, *sizes: int, bias: bool = True, seed: int = 7) -> Network:
    """A network whose layers have this activation: softmax in the last, behind tanh."""
    hidden: Activation = "tanh" if activation == "softmax" else activation
    return Network(*sizes, activation=[hidden] * (len(sizes) - 2) + [activation], bias=bias, seed=seed)


def rows(count: int, width: int) -> Any:
    """Random rows, the same on each call."""
    return np.random.default_rng(1).normal(scale=3.0, size=(count, width))


def edges(width: int) -> Any:
    """Rows of small and of large numbers, and of edges."""
    draw = np.random.default_rng(2)
    ordinary = draw.normal(size=(1000, width)) * draw.choice([1e-5, 1.0, 30.0, 1e3, 1e160], size=(1000, 1))
    return np.concatenate([ordinary, draw.choice(EDGES, size=(3000, width))])


def differing(a: Any, b: Any) -> int:
    """How many rows differ in a bit; any two NaN are the same."""
    bits = []
    for values in (a, b):
        found = np.ascontiguousarray(values, dtype=np.float64).view(np.int64).copy()
        found[np.isnan(values)] = 0x7FF8000000000000
        bits.append(found)
    return int((bits[0] != bits[1]).any(axis=1).sum())


def run(model: Any, x: Any, optimised: bool = True) -> Any:
    """The outputs by ONNX Runtime, with its own optimisation or with none."""
    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    if not optimised:
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


# --- ONNX ---


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_onnx_gives_the_same_bits(activation: Activation) -> None:
    """Of a million rows none differs from `predict`; with the ordinary graph many do, within the tolerance."""
    pytest.importorskip("onnx")
    net = network(activation, 2, 4, 4, 3)
    x = rows(ROWS, 2)
    expected = net.predict(x)
    assert differing(run(to_onnx(net), x), expected) == 0
    ordinary = run(to_onnx(net, exact=False), x)
    assert differing(ordinary, expected) > ROWS / 20
    assert np.abs(ordinary - expected).max() <= TOLERANCE


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", [(2, 4, 4, 1), (1, 1), (1, 1, 1), (3, 1, 2), (5, 7, 3), (40, 70, 2)], ids=str)
def test_onnx_of_edges(activation: Activation, sizes: tuple[int, ...]) -> None:
    """Shapes of all kinds, -0.0, subnormal and huge numbers, scalings; whether the runtime optimises or not."""
    onnx = pytest.importorskip("onnx")
    x = edges(sizes[0])
    for bias in (True, False):
        net = network(activation, *sizes, bias=bias, seed=3)
        net.parameters[0] = 1.0  # which a runtime may leave out, as it may an added zero
        for scaled in (False, True):
            if scaled:
                net.input_scaling = Scaling([0.0, 0.5, -1.0][: sizes[0]] + [2.0] * (sizes[0] - 3), [1.5] * sizes[0])
                if activation != "softmax":
                    net.output_scaling = Scaling([0.0] * sizes[-1], [3.0] * sizes[-1])
            model = to_onnx(net)
            onnx.checker.check_model(model, full_check=True)
            expected = net.predict(x)
            assert differing(run(model, x), expected) == 0
            assert differing(run(model, x, optimised=False), expected) == 0
            assert from_onnx(model) == net
            assert from_onnx(to_onnx(net, exact=False).SerializeToString()) == net


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_onnx_of_huge_weights(activation: Activation) -> None:
    """Overflow, and the NaN that come of it, pass through the graph as through `predict`."""
    pytest.importorskip("onnx")
    net = network(activation, 2, 3, 2)
    net.parameters[:6] = memoryview(array("d", [1.7e308] * 3 + [-1.7e308, 5e-324, -0.0]))
    x = edges(2)
    expected = net.predict(x)
    assert np.isnan(expected).any()
    assert differing(run(to_onnx(net), x), expected) == 0


def test_onnx_file(tmp_path: Path) -> None:
    """A file is the model; cut or altered at any byte, it is refused, or still the same network."""
    pytest.importorskip("onnx")
    net = network("tanh", 2, 3, 1)
    path = tmp_path / "net.onnx"
    data = to_onnx(net, path, exact=False).SerializeToString()
    assert path.read_bytes() == data
    assert from_onnx(path) == from_onnx(str(path)) == net
    altered = [data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :] for place in range(len(data))]
    refused = 0
    for wrong in [*altered, *(data[:length] for length in range(len(data)))]:
        try:
            assert from_onnx(wrong) == net  # such as one with another name of its producer
        except ModelFileError:
            refused += 1
    assert refused > len(data)
    with pytest.raises(FileNotFoundError):
        from_onnx(tmp_path / "none.onnx")
    with pytest.raises(TypeError, match=r"model is 7, expected an onnx.ModelProto"):
        from_onnx(7)


def made(nodes: list[tuple[Any, ...]], constants: dict[str, Any], inputs: int = 2) -> Any:
    """A model of other origin, in float32: nodes (operator, inputs, output, attributes) from "in" to "out"."""
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    made_nodes = [helper.make_node(op, taken, [given], name=f"n_{given}", **more) for op, taken, given, more in nodes]
    tensors = [
        pytest.importorskip("onnx.numpy_helper").from_array(np.asarray(value, dtype=kind_of(value)), name)
        for name, value in constants.items()
    ]
    ends = [helper.make_tensor_value_info(name, 1, ["n", width]) for name, width in (("in", inputs), ("out", None))]
    return helper.make_model(helper.make_graph(made_nodes, "g", ends[:1], ends[1:], tensors))


def kind_of(value: Any) -> Any:
    """float32, where an array has no type of its own."""
    return value.dtype if isinstance(value, np.ndarray) else np.float32


W = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]
B = [1.0, 2.0, 3.0]


def other_model() -> Any:
    """A chain of two layers with all that is read."""
    return made(
        [
            ("Gemm", ["in", "w", "b"], "a", {"transB": 1}),
            ("LeakyRelu", ["a"], "c", {"alpha": 0.01}),
            ("MatMul", ["c", "v"], "d", {}),
            ("Add", ["e", "d"], "f", {}),
            ("Identity", ["f"], "g", {}),
            ("Softmax", ["g"], "out", {"axis": -1}),
        ],
        {"w": np.float32(W).T, "b": [B], "v": [[1.0, -1.0], [0.5, 0.25], [2.0, 3.0]], "e": np.float16(0.1)},
    )


def test_from_onnx() -> None:
    """Gemm and MatMul with Add, weights of 32 bits, transposed or not, in initialisers or Constant nodes."""
    onnx = pytest.importorskip("onnx")
    net = from_onnx(other_model())
    assert (net.sizes, net.activations, net.bias) == ((2, 3, 2), ("leaky_relu", "softmax"), True)
    assert net.layers[0].weights.tolist() == np.float32(W).astype(float).tolist()
    for options in ({"units": 3}, {"units": 3, "activation": "linear"}):  # Keras's own default
        assert from_keras(keras_text(("Dense", options)), [W, B]).activations == ("identity",)
    assert net.layers[0].biases is not None
    assert net.layers[0].biases.tolist() == B
    assert net.layers[1].biases is not None
    assert net.layers[1].biases.tolist() == [float(np.float16(0.1))] * 2
    constant = onnx.helper.make_node(
        "Constant", [], ["w"], value=pytest.importorskip("onnx.numpy_helper").from_array(np.array(W))
    )
    model = made([("MatMul", ["in", "w"], "out", {})], {})
    model.graph.node.insert(0, constant)
    net = from_onnx(model)
    assert (net.sizes, net.activations, net.bias) == ((2, 3), ("identity",), False)
    assert net.parameters.tolist() == [*W[0], *W[1]]


@pytest.mark.filterwarnings("ignore")  # of an exporter that PyTorch is going to replace, but which needs no more
def test_from_onnx_of_torch(tmp_path: Path) -> None:
    """What PyTorch exports is the network of the module itself."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    nn = torch.nn
    module = nn.Sequential(
        *(nn.Linear(3, 5), nn.Sigmoid(), nn.Linear(5, 4), nn.LeakyReLU(), nn.Linear(4, 3), nn.Softmax(dim=-1))
    )
    torch.onnx.export(module, (torch.zeros(2, 3),), str(tmp_path / "net.onnx"), dynamo=False)
    assert from_onnx(tmp_path / "net.onnx") == from_torch(module)


BAD_MODELS: list[tuple[list[tuple[Any, ...]], str]] = [
    ([("Conv", ["in", "w"], "out", {})], r"node 'n_out' \(Conv\) has no place in a network"),
    ([("Gemm", ["in", "w"], "out", {"alpha": 2.0})], r"node 'n_out' \(Gemm\) has alpha=2.0, expected 1"),
    ([("Gemm", ["in", "w"], "out", {"transA": 1})], "has transA=1"),
    ([("Gemm", ["in", "w", "e"], "out", {})], r"has biases of the shape \(2,\), expected 3"),
    ([("MatMul", ["w", "in"], "out", {})], "does not multiply the rows by constant weights"),
    ([("MatMul", ["in", "in"], "out", {})], "not part of one chain"),
    ([("MatMul", ["in", "none"], "out", {})], "not part of one chain"),
    ([("MatMul", ["in", "b"], "out", {})], r"weights of the shape \(3,\), expected \(inputs, outputs\)"),
    ([("MatMul", ["in", "i"], "out", {})], "has 'i' of type 7, expected floating point"),
    ([("Relu", ["in"], "out", {})], r"\(Relu\) has no place"),
    (
        [("MatMul", ["in", "w"], "a", {}), ("Relu", ["a"], "c", {}), ("Tanh", ["c"], "out", {})],
        r"\(Tanh\) has no place",
    ),
    ([("MatMul", ["in", "w"], "a", {}), ("LeakyRelu", ["a"], "out", {"alpha": 0.2})], "has alpha=0.2, expected 0.01"),
    ([("MatMul", ["in", "w"], "a", {}), ("Softmax", ["a"], "out", {"axis": 0})], "has axis=0"),
    ([("MatMul", ["in", "w"], "a", {}), ("Relu", ["in"], "out", {})], r"\(Relu\) is not part of one chain"),
    ([("MatMul", ["in", "w"], "a", {})], "ends in 'a', expected its output 'out'"),
    ([("Gemm", ["in", "w"], "out", {"domain": "com.microsoft"})], r"\(com.microsoft.Gemm\) is not part of one chain"),
]


@pytest.mark.parametrize(("nodes", "message"), BAD_MODELS)
def test_bad_models(nodes: list[tuple[Any, ...]], message: str) -> None:
    """What is no chain of dense layers is refused, and the node is named."""
    constants = {"w": W, "b": B, "e": [1.0, 2.0], "i": np.array([[1, 2], [3, 4]])}
    with pytest.raises(ModelFileError, match=message):
        from_onnx(made(nodes, constants))


def test_hostile_models(tmp_path: Path) -> None:
    """Numbers in another file, shapes that claim too much, NaN, layers that do not fit, other descriptions."""
    pytest.importorskip("onnx")
    chain: list[tuple[Any, ...]] = [("MatMul", ["in", "w"], "out", {})]
    model = made(chain, {"w": W})
    model.graph.initializer[0].data_location = 1
    with pytest.raises(ModelFileError, match="has 'w' in another file"):
        from_onnx(model)
    model = made(chain, {"w": W})
    model.graph.initializer[0].dims[:] = [2**40, 2**20]
    with pytest.raises(ModelFileError, match="'w' that cannot be read"):
        from_onnx(model)
    with pytest.raises(DataError, match="expected finite numbers"):
        from_onnx(made(chain, {"w": [[1.0], [np.nan]]}))
    two: list[tuple[Any, ...]] = [("MatMul", ["in", "w"], "a", {}), ("MatMul", ["a", "v"], "out", {})]
    with pytest.raises(ShapeError, match="layer 2 of the model takes 2 inputs, expected 3"):
        from_onnx(made(two, {"w": W, "v": W}))
    with pytest.raises(ShapeError, match="has no dense layer"):
        from_onnx(made([("Identity", ["in"], "out", {})], {}))
    with pytest.raises(ModelFileError, match="is not an ONNX model, or is cut"):
        from_onnx(b"{}")
    with pytest.raises(ModelFileError, match="0 inputs and 0 outputs"):
        from_onnx(b"")
    for description in ("", "[" * 100_000, '{"sizes": [4294967295, 4294967295], "bias": false}', '{"sizes": [2, 1]}'):
        model = to_onnx(network("tanh", 2, 1))
        model.metadata_props[0].value = description
        with pytest.raises(ModelFileError, match="says that bitprop wrote it, but has no whole network"):
            from_onnx(model)
    model = to_onnx(network("tanh", 2, 1))
    model.graph.node[0].op_type = "Sub"
    with pytest.raises(ModelFileError, match="was altered: it is not the model that bitprop writes"):
        from_onnx(model)


def test_altered_models() -> None:
    """A model of other origin with any bit altered, or cut anywhere, is read or refused as bitprop refuses."""
    pytest.importorskip("onnx")
    data = other_model().SerializeToString()
    wrong = [data[:length] for length in range(len(data))]
    for place, byte in enumerate(data):
        wrong += [data[:place] + bytes([byte ^ 1 << bit]) + data[place + 1 :] for bit in range(8)]
    read = 0
    for each in wrong:
        with contextlib.suppress(BitpropError):
            read += from_onnx(each).sizes[0] > 0
    assert len(data) < read < len(wrong) / 2


def test_onnx_is_not_written(tmp_path: Path) -> None:
    """A parameter that is not finite, as for `save`; a folder that is missing; what is no network and no choice."""
    pytest.importorskip("onnx")
    with pytest.raises(TypeError, match="net is 7, expected a Network"):
        to_onnx(7)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="exact is 'no'"):
        to_onnx(Network(2, 1), exact="no")  # type: ignore[arg-type]
    net = Network(2, 1)
    with pytest.raises(FileNotFoundError):
        to_onnx(net, tmp_path / "none" / "net.onnx")
    net.parameters[1] = np.inf
    with pytest.raises(DataError, match=r"W1\[1\]\[0\]"):
        to_onnx(net, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


# --- PyTorch ---


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("bias", [True, False])
def test_torch(activation: Activation, bias: bool) -> None:
    """There and back to the same bits; its predictions are those of bitprop within the tolerance."""
    torch = pytest.importorskip("torch")
    net = network(activation, 3, 5, 2, bias=bias)
    module = to_torch(net)
    assert from_torch(module) == net
    x = rows(10_000, 3)
    assert np.abs(module(torch.from_numpy(x)).detach().numpy() - net.predict(x)).max() <= TOLERANCE
    before = net.fingerprint()
    with torch.no_grad():
        module[0].weight.zero_()
    assert net.fingerprint() == before


def test_from_torch() -> None:
    """Weights of 32 bits, a Sequential in another, Dropout, layers without an activation or without biases."""
    torch = pytest.importorskip("torch")
    nn = torch.nn
    module = nn.Sequential(
        nn.Linear(2, 3), nn.Sequential(nn.Identity(), nn.Tanh()), nn.Dropout(0.5), nn.Linear(3, 2, bias=False)
    )
    net = from_torch(module)
    assert (net.sizes, net.activations, net.bias) == ((2, 3, 2), ("tanh", "identity"), True)
    assert net.layers[0].weights.tolist() == module[0].weight.T.double().tolist()
    assert net.layers[1].biases is not None
    assert net.layers[1].biases.tolist() == [0.0, 0.0]
    for modules, error, message in (
        ([nn.Linear(2, 3), nn.GELU()], OptionError, r"module 1 is GELU\(.*expected a Linear, and after each one of"),
        ([nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))], OptionError, r"module 0\.1 is BatchNorm1d"),
        ([nn.Sigmoid(), nn.Linear(2, 3)], OptionError, "module 0 is Sigmoid"),
        ([nn.Linear(2, 3), nn.ReLU(), nn.Tanh()], OptionError, "module 2 is Tanh"),
        ([nn.Linear(2, 3), nn.LeakyReLU(0.2)], OptionError, "negative_slope=0.2, expected 0.01"),
        ([nn.Linear(2, 3), nn.Softmax(dim=0)], OptionError, "dim=0"),
        ([nn.Linear(2, 3), nn.Softmax(dim=1), nn.Linear(3, 1)], OptionError, "softmax"),
        ([nn.Linear(2, 3), nn.Linear(2, 3)], ShapeError, "layer 2 of the Sequential takes 2 inputs, expected 3"),
        ([], ShapeError, "the Sequential has no dense layer"),
    ):
        with pytest.raises(error, match=message):
            from_torch(nn.Sequential(*modules))
    with pytest.raises(TypeError, match=r"module is a Linear, expected a torch.nn.Sequential"):
        from_torch(nn.Linear(2, 3))


def test_scalings_have_no_place_in_some() -> None:
    """A network with a scaling is refused where the other format has no place for it."""
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    net = Network(2, 1)
    net.input_scaling = Scaling([0.5, 0.0], [2.0, 1.0])
    with pytest.raises(OptionError, match="net has a scaling, for which a Sequential has no place"):
        to_torch(net)
    with pytest.raises(OptionError, match="net has a scaling, for which a safetensors file has no place"):
        to_safetensors(net, "net.safetensors")


# --- scikit-learn ---


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")  # a few steps are enough
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_from_sklearn(activation: str) -> None:
    """Regressors and classifiers of two, of three classes and of labels: predictions within the tolerance."""
    perceptrons = pytest.importorskip("sklearn.neural_network")
    x = rows(200, 3)
    total = x.sum(axis=1)
    options = {"hidden_layer_sizes": (5, 4), "activation": activation, "max_iter": 20, "random_state": 1}
    classes = np.digitize(total, [-2.0, 2.0])
    regressor = perceptrons.MLPRegressor(**options).fit(x, total)
    two = perceptrons.MLPClassifier(**options).fit(x, total > 0)
    three = perceptrons.MLPClassifier(**options).fit(x, classes)
    labels = perceptrons.MLPClassifier(**options).fit(x, np.column_stack([total > 0, total > 1]))
    small = perceptrons.MLPRegressor(**options).fit(x.astype(np.float32), total.astype(np.float32))
    for mlp, expected in (
        (regressor, regressor.predict(x)[:, None]),
        (two, two.predict_proba(x)[:, 1:]),
        (three, three.predict_proba(x)),
        (labels, labels.predict_proba(x)),
    ):
        net = from_sklearn(mlp)
        assert net.sizes == (3, 5, 4, expected.shape[1])
        assert np.abs(net.predict(x) - expected).max() <= TOLERANCE
    assert small.coefs_[0].dtype == np.float32
    assert from_sklearn(small).layers[0].weights.tolist() == small.coefs_[0].astype(float).tolist()


def test_bad_perceptrons() -> None:
    """One that is not fitted, and another object."""
    perceptrons = pytest.importorskip("sklearn.neural_network")
    with pytest.raises(OptionError, match="MLPRegressor is not fitted"):
        from_sklearn(perceptrons.MLPRegressor())
    with pytest.raises(TypeError, match="mlp is a list, expected an MLPClassifier or an MLPRegressor"):
        from_sklearn([])


# --- Keras ---


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's and NumPy's arrays, in Keras
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("bias", [True, False])
def test_keras(activation: Activation, bias: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There and back to the same bits, by itself and through Keras, whose predictions agree."""
    net = network(activation, 3, 5, 2, bias=bias)
    assert from_keras(*to_keras(net)) == net
    pytest.importorskip("torch")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    keras = pytest.importorskip("keras")
    text, weights = to_keras(net)
    model = keras.models.model_from_json(text)
    model.set_weights(weights)
    assert from_keras(model.to_json(), model.get_weights()) == net
    x = rows(1000, 3)
    expected = net.predict(x)
    # Layers of float64 do not keep Keras from rounding to 32 bits, of which sums of some numbers lose a little more.
    assert (np.abs(model.predict(x, verbose=0) - expected) / np.maximum(1.0, np.abs(expected))).max() <= 1e-5


def keras_text(*layers: tuple[str, dict[str, Any]]) -> str:
    """The JSON of a Sequential with these layers."""
    each = [{"class_name": kind, "config": config} for kind, config in layers]
    return json.dumps({"class_name": "Sequential", "config": {"name": "sequential", "layers": each}})


def test_from_keras() -> None:
    """Weights of 32 bits, activations as layers, Dropout, biases in some layers only; and the LeakyReLU of Keras 2."""
    text = keras_text(
        ("InputLayer", {}),
        ("Dense", {"units": 3, "activation": "linear", "use_bias": True}),
        ("LeakyReLU", {"alpha": 0.01}),
        ("Dropout", {"rate": 0.5}),
        ("Dense", {"units": 2, "activation": "linear", "use_bias": False}),
        ("Activation", {"activation": "softmax"}),
    )
    net = from_keras(text, [np.float32(W), np.float32(B), np.ones((3, 2))])
    assert (net.sizes, net.activations, net.bias) == ((2, 3, 2), ("leaky_relu", "softmax"), True)
    assert net.layers[0].weights.tolist() == np.float32(W).astype(float).tolist()


DENSE = ("Dense", {"units": 3, "activation": "tanh", "use_bias": True})
BAD_KERAS: list[tuple[str, list[Any], type[Exception], str]] = [
    ("{", [], OptionError, "text is not the JSON of a Keras model"),
    ("[]", [], OptionError, "text is not the JSON of a Keras model"),
    ("[" * 100_000, [], OptionError, "text is not the JSON of a Keras model"),
    ('{"class_name": "Sequential", "config": {"layers": [7]}}', [], OptionError, "text is not the JSON"),
    ('{"class_name": "Functional"}', [], OptionError, "text is the JSON of a 'Functional', expected that of a Seq"),
    (keras_text(("Conv2D", {})), [], OptionError, r"layer 0 \(Conv2D\) has no place in a network"),
    (keras_text(("Activation", {"activation": "tanh"})), [], OptionError, r"layer 0 \(Activation\) has no place"),
    (keras_text(DENSE, ("Activation", {"activation": "relu"})), [W, B], OptionError, r"layer 1 \(Activation\) has no"),
    (keras_text(("Dense", {"units": 3, "activation": "gelu"})), [W, B], OptionError, "has the activation 'gelu'"),
    (keras_text(("Dense", {"units": 3, "activation": {"a": 1}})), [W, B], OptionError, "has the activation {'a': 1}"),
    (keras_text(("Dense", {**DENSE[1], "activation": "linear"}), ("LeakyReLU", {})), [W, B], OptionError, "slope None"),
    (keras_text(DENSE, ("Activation", {})), [W, B], OptionError, r"layer 1 \(Activation\) has no place"),
    (
        keras_text(("Dense", {"units": 3}), ("Activation", {})),
        [W, B],
        OptionError,
        r"layer 1 \(Activation\) has the activation None, expected one of linear",
    ),
    (keras_text(DENSE), [], ShapeError, r"layer 0 \(Dense\) finds weights of the shapes \[\], expected"),
    (keras_text(DENSE), [W], ShapeError, r"finds weights of the shapes \[\(2, 3\)\], expected \[\(2, 3\), \(3,\)\]"),
    (keras_text(DENSE), [B, B], ShapeError, "finds weights of the shapes"),
    (keras_text(DENSE), [[[1.0], [1.0, 2.0]], B], ShapeError, "expected a list of arrays of numbers"),
    (keras_text(DENSE), [W, B, B], ShapeError, "1 weights are left over"),
    (keras_text(), [], ShapeError, "the Keras model has no dense layer"),
    (keras_text(DENSE), [np.full((2, 3), np.nan), B], DataError, "expected finite numbers"),
]


@pytest.mark.parametrize(("text", "weights", "error", "message"), BAD_KERAS)
def test_bad_keras(text: str, weights: list[Any], error: type[Exception], message: str) -> None:
    """Another model, or other weights, are refused, and the layer is named."""
    with pytest.raises(error, match=message):
        from_keras(text, weights)


# --- safetensors ---


@pytest.mark.parametrize("bias", [True, False])
def test_safetensors(bias: bool, tmp_path: Path) -> None:
    """There and back to the same bits; PyTorch loads it into the Sequential of the same network."""
    pytest.importorskip("safetensors")
    net = Network(2, 3, 3, activation=["relu", "softmax"], bias=bias, seed=5)
    path = tmp_path / "net.safetensors"
    to_safetensors(net, path)
    assert from_safetensors(path) == net
    torch = pytest.importorskip("torch")
    module = to_torch(Network(2, 3, 3, activation=["relu", "softmax"], bias=bias))
    module.load_state_dict(__import__("safetensors.torch").torch.load_file(path))
    assert from_torch(module) == net
    assert torch.float64 == module[0].weight.dtype


def test_bad_safetensors(tmp_path: Path) -> None:
    """Files that are cut, of other origin, or of other tensors."""
    numpy_files = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "net.safetensors"
    to_safetensors(network("tanh", 2, 2), path)
    data = path.read_bytes()
    for length in (0, 7, 8, 100, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(ModelFileError, match="is not a safetensors file, or is cut"):
            from_safetensors(path)
    one = {"0.weight": np.zeros((1, 2))}
    for tensors, metadata, message in (
        (one, None, "has no metadata of bitprop"),
        (one, {"bitprop": "{"}, "does not describe a network"),
        (one, {"bitprop": '{"activations": []}'}, "it has 0.weight beside its layers"),
        (one, {"bitprop": '{"activations": ["tanh", "tanh"]}'}, "does not describe a network: '2.weight'"),
        (one, {"bitprop": '{"activations": ["gelu"]}'}, "does not describe a network"),
        ({"0.weight": np.zeros(2)}, {"bitprop": '{"activations": ["tanh"]}'}, "does not describe a network"),
        ({"0.weight": np.full((1, 2), np.inf)}, {"bitprop": '{"activations": ["tanh"]}'}, "expected finite numbers"),
    ):
        numpy_files.save_file(tensors, path, metadata)
        with pytest.raises(ModelFileError, match=message):
            from_safetensors(path)
    with pytest.raises(FileNotFoundError):
        from_safetensors(tmp_path / "none")


# --- memory, and what is not installed ---


def test_no_copies() -> None:
    """NumPy and, by DLPack, every library that knows it share the network's memory."""
    net = Network(2, 3, 1)
    shared = np.from_dlpack(np.asarray(net.parameters))
    assert np.shares_memory(shared, np.asarray(net.parameters))
    np.asarray(net.parameters)[4] = 0.125
    assert shared[4] == net.parameters[4] == 0.125
    torch = pytest.importorskip("torch")
    tensor = torch.from_dlpack(np.asarray(net.parameters))
    tensor[5] = 0.25
    assert net.parameters[5] == 0.25


CALLS = {
    "onnx": ("to_onnx(net)", "to_onnx needs onnx, which is not installed: pip install 'bitprop[exchange]'"),
    "torch": ("to_torch(net)", "to_torch needs torch, which is not installed: pip install torch"),
    "sklearn": ("from_sklearn(net)", "from_sklearn needs sklearn, which is not installed: pip install scikit-learn"),
    "safetensors": (
        "to_safetensors(net, 'x')",
        "to_safetensors needs safetensors, which is not installed: pip install 'bitprop[exchange]'",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_not_installed(name: str) -> None:
    """bitprop imports none of the libraries by itself, and says what to install where one is missing."""
    call, message = CALLS[name]
    code = (
        "import sys, bitprop\n"
        f"assert not {{'numpy', {', '.join(map(repr, CALLS))}}} & set(sys.modules)\n"
        f"sys.modules[{name!r}] = None\n"
        f"from bitprop.exchange import *\nnet = bitprop.Network(2, 1)\n"
        f"try:\n    {call}\nexcept bitprop.BackendError as error:\n    print(error)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (found.stdout, found.stderr) == (f"{message}\n", "")


def test_shared_weights_are_refused() -> None:
    """A chain of nodes with one tensor of weights, which would grow with each of them."""
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    weights = helper.make_tensor("w", onnx.TensorProto.DOUBLE, [2, 2], [1.0, 0.0, 0.0, 1.0])
    nodes = [helper.make_node("MatMul", [f"v{i}", "w"], [f"v{i + 1}"], name=f"n{i}") for i in range(3)]
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.DOUBLE, ["rows", 2]) for name in ("v0", "v3")]
    model = helper.make_model(helper.make_graph(nodes, "chain", ends[:1], ends[1:], [weights]))
    with pytest.raises(ModelFileError, match=r"node 'n1' \(MatMul\) has the weights 'w' of another node"):
        from_onnx(model)
