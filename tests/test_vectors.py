# SPDX-License-Identifier: MIT
"""Every backend gives the oracle's bits (docs/contract.md), case by case."""

from __future__ import annotations

import json
from array import array
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from bits import from_hex, to_hex

from bitprop import Network, _pure, datasets
from bitprop._backend import Core
from bitprop.network import ACTIVATIONS, INITS, LOSSES

FOLDER = Path(__file__).parent / "vectors"
Case = dict[str, Any]


def cases(group: str) -> list[Any]:
    """The cases of a group, each a parameter of its own."""
    found = json.loads(FOLDER.joinpath(f"{group}.json").read_text(encoding="utf-8"))
    assert found["contract"] == _pure.CONTRACT
    assert found["group"] == group
    return [pytest.param(case, id=case["id"]) for case in found["cases"]]


def shape_of(core: Core, case: Case) -> Any:
    """The case's network."""
    return core.shape(case["sizes"], [ACTIVATIONS.index(name) for name in case["activations"]], case["bias"])


def flat(core: Core, rows: list[list[str]]) -> Any:
    """Rows of patterns as the core takes them."""
    return core.doubles(from_hex(chain.from_iterable(rows)))


@pytest.mark.parametrize("case", cases("activations"))
def test_activations(core: Core, case: Case) -> None:
    """§2: activations, and slopes from the outputs."""
    values = from_hex(case["x"])
    code = ACTIVATIONS.index(case["activation"])
    assert core.activate(core.doubles(values), len(values), code) == _pure.OK
    assert to_hex(values) == case["y"]
    assert core.slope(core.doubles(values), len(values), code) == _pure.OK
    assert to_hex(values) == case["slope"]


@pytest.mark.parametrize("case", cases("generator"))
def test_generator(core: Core, case: Case) -> None:
    """§9: random() and randbelow() of all three streams."""
    generator = core.generator()
    core.generator_seed(generator, int(case["seed64"]), case["stream"])
    if "random" in case:
        assert to_hex(core.generator_random(generator) for _ in case["random"]) == case["random"]
    else:
        assert [[n, core.generator_below(generator, n)] for n, _ in case["below"]] == case["below"]


@pytest.mark.parametrize("case", cases("init"))
def test_init(backend: str, case: Case) -> None:
    """§9: initial parameters, through the public class."""
    net = Network(*case["sizes"], bias=case["bias"], init=case["init"], seed=int(case["seed"]), backend=backend)
    assert case["init"] in INITS
    assert to_hex(net.parameters) == case["parameters"]


@pytest.mark.parametrize("case", cases("data"))
def test_data(case: Case) -> None:
    """§10: the data sets, which are the same for all backends."""
    x, y = datasets.xor() if case["kind"] == "xor" else datasets.linear(case["n"], int(case["seed"]))
    assert [to_hex(row) for row in x] == case["inputs"]
    assert [to_hex(row) for row in y] == case["targets"]


@pytest.mark.parametrize("case", cases("forward"))
def test_forward(core: Core, case: Case) -> None:
    """§4: pre-activations and outputs of every layer; predict gives the last."""
    shape = shape_of(core, case)
    parameters = core.doubles(from_hex(case["parameters"]))
    row = core.doubles(from_hex(case["input"]))
    nodes = sum(case["sizes"][1:])
    preactivations, outputs = array("d", bytes(8 * nodes)), array("d", bytes(8 * nodes))
    assert core.forward(core.doubles(preactivations), core.doubles(outputs), shape, parameters, row) == _pure.OK
    assert to_hex(preactivations) == list(chain.from_iterable(case["preactivations"]))
    assert to_hex(outputs) == list(chain.from_iterable(case["outputs"]))
    predicted = array("d", bytes(8 * case["sizes"][-1]))
    work = core.work(shape, core.predict_size(shape))
    assert core.predict(core.doubles(predicted), work, shape, parameters, row, 1) == _pure.OK
    assert to_hex(predicted) == case["outputs"][-1]


@pytest.mark.parametrize("case", cases("gradient"))
def test_gradient(core: Core, case: Case) -> None:
    """§5 to §7: gradient and loss of one batch."""
    shape = shape_of(core, case)
    parameters = core.doubles(from_hex(case["parameters"]))
    data = flat(core, case["inputs"]), flat(core, case["targets"]), len(case["inputs"])
    gradient = array("d", bytes(8 * len(case["parameters"])))
    loss = LOSSES.index(case["loss"])
    work = core.work(shape, core.train_size(shape))
    assert core.gradient(core.doubles(gradient), work, shape, parameters, *data, loss) == _pure.OK
    assert to_hex(gradient) == case["gradient"]
    figure = array("d", [0.0])
    work = core.work(shape, core.predict_size(shape))
    assert core.loss(core.doubles(figure), work, shape, parameters, *data, LOSSES.index("sse")) == _pure.OK
    assert to_hex(figure) == [case["sse"]]
    assert core.loss(core.doubles(figure), work, shape, parameters, *data, loss) == _pure.OK
    assert to_hex(figure) == [case["figure"]]


@pytest.mark.parametrize("budget", [2**63, 1, 5])
@pytest.mark.parametrize("case", cases("train"))
def test_train(core: Core, case: Case, budget: int) -> None:
    """§8: training, in one slice and in slices of few rows."""
    shape = shape_of(core, case)
    parameters = from_hex(case["parameters"])
    pointer = core.doubles(parameters)
    rows = len(case["inputs"])
    seed = case["shuffle_seed"]
    training, order, work = core.training(), core.words(rows), core.work(shape, core.train_size(shape))
    rate = from_hex([case["learning_rate"]])[0]
    status = core.train_start(
        *(training, order, shape, rows, case["batch_size"] or rows, 1, rate, LOSSES.index(case["loss"])),
        *(int(seed is not None), seed or 0),
    )
    assert status == _pure.OK
    log = array("d", bytes(8 * case["epochs"]))
    sse: list[float] = []
    inputs, targets = flat(core, case["inputs"]), flat(core, case["targets"])
    while training.epoch < case["epochs"] and status == _pure.OK:
        status = core.train(
            *(core.doubles(log), training, pointer, work, order, shape, inputs, targets),
            *(len(log), case["epochs"], budget),
        )
        sse += log[: training.epoch - len(sse)]
    assert to_hex(sse) == case["sse"]
    assert to_hex(parameters) == case["final"]
    assert (training.epoch if status == _pure.DIVERGED else None) == case["diverged"]


@pytest.mark.parametrize("case", cases("bytes"))
def test_bytes(core: Core, case: Case) -> None:
    """§11: model bytes and fingerprint."""
    shape = shape_of(core, case)
    data = bytearray(core.encode_size(shape))
    assert core.encode(core.octets(data), shape, core.doubles(from_hex(case["parameters"]))) == _pure.OK
    assert data.hex() == case["bytes"]
    network = Network.from_bytes(data, backend=core.name)
    assert network.fingerprint() == case["fingerprint"]
    assert network.sizes == tuple(case["sizes"])
    assert network.activations == tuple(case["activations"])
    assert network.bias == case["bias"]
