# SPDX-License-Identifier: MIT
"""Every backend gives the golden vectors' bits, case by case; these are well formed, and stay as published."""

from __future__ import annotations

import importlib.resources
import json
import re
import struct
import subprocess
import sys
import zlib
from array import array
from itertools import chain
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from bits import from_hex, to_hex

from bitprop import ModelFileError, Network, _pure, datasets, names
from bitprop.core import Core
from bitprop.names import ACTIVATIONS, INITS, LOSSES, PARTNERS, RULE_OPTIONS, RULES, Backend
from bitprop.vectors import answers, generate, oracle
from bitprop.vectors import cases as questions

FOLDER = importlib.resources.files("bitprop") / "vectors"
TESTS = Path(__file__).parent
Case = dict[str, Any]
SUITE = [json.loads((FOLDER / generate.file_name(group)).read_text(encoding="utf-8")) for group in questions.GROUPS]


def cases(function: str) -> list[Any]:
    """The cases of a function, each a parameter of its own."""
    found = [case for document in SUITE for case in document["cases"] if case["function"] == function]
    return [pytest.param({**case["input"], "expected": case["expected"]}, id=case["id"]) for case in found]


def test_stored_for_c() -> None:
    """The header for the C tests is written anew, with every case that C has a function for."""
    header = TESTS / "c" / "vectors.h"
    header.unlink(missing_ok=True)
    subprocess.run([sys.executable, str(TESTS / "c" / "make_vectors.py")], check=True)
    text = header.read_text(encoding="utf-8")
    missing = {case["function"] for document in SUITE for case in document["cases"] if f'"{case["id"]}"' not in text}
    assert missing == {"arithmetic", "constants", "data"}


@pytest.mark.parametrize("document", SUITE, ids=lambda document: document["group"])
def test_schema(document: dict[str, Any]) -> None:
    """Each file is as schema.json says, and tells what each of its flags catches."""
    schema = json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema, jsonschema.Draft202012Validator)
    assert document["contract"] == _pure.CONTRACT
    assert {flag for case in document["cases"] for flag in case["flags"]} == set(document["flags"])


def test_schema_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The schema's lists of names are made from the tables; `bitprop vectors generate` writes it anew."""
    assert generate.schema() == (FOLDER / "schema.json").read_text(encoding="utf-8")
    for plural, times in (("ACTIVATIONS", 1), ("LOSSES", 1), ("RULES", 1), ("INITS", 2), ("DATA_SETS", 1)):
        monkeypatch.setattr(oracle, plural, {**getattr(oracle, plural), f"new {plural}": None})
        assert generate.schema().count(f', "new {plural}"]') == times


def test_published_cases_stay() -> None:
    """Append-only: a published case never changes within a contract version, and a new one is entered in the list."""
    lines = TESTS.joinpath("published_cases.txt").read_text(encoding="utf-8").splitlines()
    published = [line for line in lines if not line.startswith("#")]
    found = []
    for document in SUITE:
        for case in document["cases"]:
            fixed = json.dumps([case["function"], case["input"], case["expected"]], sort_keys=True)
            found.append(f"{document['group']} {case['id']} {zlib.crc32(fixed.encode()):08x}")
    lost = sorted(set(published) - set(found))
    new = "\n".join(line for line in found if line not in set(published))
    assert not lost, f"published cases have changed or gone: {lost}"
    assert not new, f"append to tests/published_cases.txt:\n{new}"


def test_a_new_name_alters_no_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """An activation, a loss, a rule and an init more leave the questions of the stored cases as they are."""
    for plural in ("ACTIVATIONS", "LOSSES", "RULES", "INITS"):
        monkeypatch.setattr(names, plural, (*getattr(names, plural), "new"))
        table = getattr(oracle, plural)
        monkeypatch.setattr(oracle, plural, {**table, "new": table[next(iter(table))]})
    for document in SUITE:
        stored = [(case["id"], case["input"]) for case in document["cases"]]
        assert [(case["id"], case["input"]) for case in questions.questions(document["group"])] == stored
        for case in document["cases"]:
            if case["function"] == "decode":
                assert answers.answer("decode", case["input"]) == case["expected"]


@pytest.mark.parametrize("group", ["steps", "batches", "shuffles"])
def test_trainings_move_all_parameters(group: str) -> None:
    """No vector of a training has a dead node, behind which mistakes would hide."""
    (document,) = [document for document in SUITE if document["group"] == group]
    for case in document["cases"]:
        pairs = list(zip(case["input"]["parameters"], case["expected"]["parameters"]))
        moved = sum(before != after for before, after in pairs)
        assert moved == len(pairs) or case["id"] in ("one-row", "epochs-0"), case["id"]


def test_constants() -> None:
    """§2: every digit of the constants in C, Python and contract; the last shows at one input in many millions."""
    (expected,) = [case.values[0]["expected"]["constants"] for case in cases("constants")]
    root = TESTS.parent
    page = root.joinpath("docs", "contract.md").read_text(encoding="utf-8")
    source = root.joinpath("csrc", "bitprop.c").read_text(encoding="utf-8")
    of_logarithm = ("SQRT_HALF", "L1", "L2", "L3", "L4", "L5", "L6", "L7")  # which no vector asks
    expected = {**expected, **{name: f"{getattr(oracle, name):016x}" for name in of_logarithm}}
    for name, pattern in expected.items():
        assert to_hex([getattr(_pure, name)]) == [pattern]
        (row,) = re.findall(rf"^\| {name} \| `(\S+)` \| `(\S+)` \|$", page, re.MULTILINE)
        assert (to_hex([float.fromhex(row[0])])[0], row[1]) == (pattern, pattern)
        (constant,) = re.findall(rf"^static const double {name} = (\S+);", source, re.MULTILINE)
        assert to_hex([float.fromhex(constant)]) == [pattern]


def test_sines() -> None:
    """§10: the sines of the contract's table are those of Python and of the oracle."""
    page = TESTS.parent.joinpath("docs", "contract.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| S\[(\d)\] \| `(\S+)` \| `(\S+)` \|$", page, re.MULTILINE)
    assert [int(number) for number, _, _ in rows] == list(range(9))
    digits = [pattern for _, _, pattern in rows]
    assert to_hex(float.fromhex(value) for _, value, _ in rows) == digits
    assert to_hex(datasets.SINES) == answers.hexes(oracle.S) == digits


def shape_of(core: Core, case: Case) -> Any:
    """The case's network."""
    return core.shape(case["sizes"], [ACTIVATIONS.index(name) for name in case["activations"]], case["bias"])


def data_of(core: Core, case: Case) -> Any:
    """The case's rows, and what keeps them alive."""
    inputs, targets = (core.doubles(from_hex(chain.from_iterable(case[name]))) for name in ("inputs", "targets"))
    weights = core.doubles(from_hex(case["row_weights"])) if "row_weights" in case else None
    return core.data(inputs, targets, len(case["inputs"]), weights), (inputs, targets, weights)


def begin(core: Core, training: Any, work: Any, shape: Any, case: Case) -> None:
    """Draws the first steps of a training by rprop, where the case has them drawn (§7)."""
    if "first_step_high" not in case:
        return
    low, high = from_hex([case["constants"][2], case["first_step_high"]])
    generator, count = core.generator(), len(case["parameters"])
    core.generator_seed(generator, int(case["first_step_seed"], 16), _pure.STREAM_STEPS)
    steps = [low + (high - low) * core.generator_random(generator) for _ in range(count)]
    core.train_resume(training, work, shape, core.doubles(array("d", [0.0] * count + steps)), 0)


@pytest.mark.parametrize("case", cases("activation"))
def test_activations(core: Core, case: Case) -> None:
    """§2: activations, and slopes from the outputs."""
    values = from_hex(case["x"])
    code = ACTIVATIONS.index(case["activation"])
    assert core.activate(core.doubles(values), len(values), code) == _pure.OK
    assert to_hex(values) == case["expected"]["y"]
    assert core.slope(core.doubles(values), len(values), code) == _pure.OK
    assert to_hex(values) == case["expected"]["slope"]


def generator_of(core: Core, case: Case) -> Any:
    """The case's generator."""
    generator = core.generator()
    core.generator_seed(generator, int(case["seed"], 16), case["stream"])
    return generator


@pytest.mark.parametrize("case", cases("random"))
def test_random(core: Core, case: Case) -> None:
    """§9: random() of all three streams."""
    generator = generator_of(core, case)
    assert to_hex(core.generator_random(generator) for _ in range(case["count"])) == case["expected"]["random"]


@pytest.mark.parametrize("case", cases("randbelow"))
def test_randbelow(core: Core, case: Case) -> None:
    """§9: randbelow() of all three streams."""
    generator = generator_of(core, case)
    assert [core.generator_below(generator, n) for n in case["n"]] == case["expected"]["randbelow"]


@pytest.mark.parametrize("case", cases("init"))
def test_init(backend: Backend, case: Case) -> None:
    """§9: initial parameters, through the public class."""
    net = Network(*case["sizes"], bias=case["bias"], init=case["init"], seed=int(case["seed"], 16), backend=backend)
    assert case["init"] in INITS
    assert to_hex(net.parameters) == case["expected"]["parameters"]


@pytest.mark.parametrize("case", cases("data"))
def test_data(case: Case) -> None:
    """§10: the data sets, which are the same for all backends."""
    fields: dict[str, Any] = {name: case[name] for name in ("n", "centres") if name in case}
    if "seed" in case:
        fields["seed"] = int(case["seed"], 16)
    if "noise" in case:
        (fields["noise"],) = from_hex([case["noise"]])
    x, y = getattr(datasets, case["kind"])(**fields)
    assert [to_hex(row) for row in x] == case["expected"]["inputs"]
    assert [to_hex(row) for row in y] == case["expected"]["targets"]


@pytest.mark.parametrize("case", cases("forward"))
def test_forward(core: Core, case: Case) -> None:
    """§4: pre-activations and outputs of every layer; predict gives the last."""
    shape = shape_of(core, case)
    parameters = core.doubles(from_hex(case["parameters"]))
    row = core.doubles(from_hex(case["input"]))
    nodes = sum(case["sizes"][1:])
    preactivations, outputs = array("d", bytes(8 * nodes)), array("d", bytes(8 * nodes))
    assert core.forward(core.doubles(preactivations), core.doubles(outputs), shape, parameters, row) == _pure.OK
    assert to_hex(preactivations) == list(chain.from_iterable(case["expected"]["preactivations"]))
    assert to_hex(outputs) == list(chain.from_iterable(case["expected"]["outputs"]))
    predicted = array("d", bytes(8 * case["sizes"][-1]))
    work = core.work(shape, core.predict_size(shape))
    assert core.predict(core.doubles(predicted), work, shape, parameters, row, 1) == _pure.OK
    assert to_hex(predicted) == case["expected"]["outputs"][-1]


@pytest.mark.parametrize("case", cases("gradient"))
def test_gradient(core: Core, case: Case) -> None:
    """§5 to §7: gradient and loss of one batch."""
    shape = shape_of(core, case)
    parameters = core.doubles(from_hex(case["parameters"]))
    data, _kept = data_of(core, case)
    gradient = array("d", bytes(8 * len(case["parameters"])))
    loss = LOSSES.index(case["loss"])
    work = core.work(shape, core.train_size(shape, _pure.DESCENT))
    assert core.gradient(core.doubles(gradient), work, shape, parameters, data, loss) == _pure.OK
    assert to_hex(gradient) == case["expected"]["gradient"]
    figure = array("d", [0.0])
    work = core.work(shape, core.predict_size(shape))
    if case["loss"] not in PARTNERS:
        assert core.loss(core.doubles(figure), work, shape, parameters, data, LOSSES.index("sse")) == _pure.OK
        assert to_hex(figure) == [case["expected"]["sse"]]
    assert core.loss(core.doubles(figure), work, shape, parameters, data, loss) == _pure.OK
    assert to_hex(figure) == [case["expected"]["figure"]]


def settings_of(core: Core, case: Case) -> Any:
    """The case's settings, and what keeps them alive."""
    seed = case["shuffle_seed"]
    constants = from_hex(case.get("constants", []))
    rates = core.doubles(from_hex(case["learning_rates"])) if "learning_rates" in case else None
    settings = core.settings(
        batch_size=case["batch_size"] or 2**31,
        log_every=1,
        shuffle_seed=int(seed or "0", 16),
        learning_rate=from_hex([case["learning_rate"]])[0],
        loss=LOSSES.index(case["loss"]),
        rule=RULES.index(case.get("rule", "descent")),
        shuffle=int(seed is not None),
        weight_decay=from_hex([case.get("weight_decay", "0" * 16)])[0],
        l1=from_hex([case.get("l1", "0" * 16)])[0],
        constants=tuple([*constants, 0.0, 0.0, 0.0, 0.0, 0.0][:5]),
        learning_rates=rates,
        decay_biases=int(case.get("decay_biases", False)),
    )
    return settings, rates


@pytest.mark.parametrize("budget", [2**63, 1, 5])
@pytest.mark.parametrize("case", cases("train"))
def test_train(core: Core, case: Case, budget: int) -> None:
    """§8: training, in one slice and in slices of few rows."""
    shape = shape_of(core, case)
    parameters = from_hex(case["parameters"])
    pointer = core.doubles(parameters)
    rows = len(case["inputs"])
    rule = RULES.index(case.get("rule", "descent"))
    training, order, work = core.training(), core.words(rows), core.work(shape, core.train_size(shape, rule), rule)
    data, _kept = data_of(core, case)
    settings, _rates = settings_of(core, case)
    limits = core.limits(until=case["epochs"], budget=budget, log_size=case["epochs"])
    status = core.train_start(training, order, shape, settings, data)
    assert status == _pure.OK
    begin(core, training, work, shape, case)
    log = array("d", bytes(8 * case["epochs"]))
    sse: list[float] = []
    while training.epoch < case["epochs"] and status == _pure.OK:
        status = core.train(core.doubles(log), training, pointer, work, order, shape, data, limits)
        sse += log[: training.epoch - len(sse)]
    assert to_hex(sse) == case["expected"]["sse"]
    assert to_hex(parameters) == case["expected"]["parameters"]
    assert (training.epoch if status == _pure.DIVERGED else None) == case["expected"]["diverged"]


@pytest.mark.parametrize("case", cases("scaling"))
def test_scaling(core: Core, case: Case) -> None:
    """§13: shift and spread, and values scaled and taken back."""
    rows, columns = len(case["inputs"]), len(case["inputs"][0])
    values = from_hex(chain.from_iterable(case["inputs"]))
    shift, spread = array("d", bytes(8 * columns)), array("d", bytes(8 * columns))
    pointers = core.doubles(shift), core.doubles(spread)
    if case["scaling"] == "min_max":
        core.min_max_scaling(*pointers, core.doubles(values), rows, columns, *from_hex([case["low"], case["high"]]))
    else:
        core.standard_scaling(*pointers, core.doubles(values), rows, columns)
    assert to_hex(shift) == case["expected"]["shift"]
    assert to_hex(spread) == case["expected"]["spread"]
    scaled = array("d", bytes(8 * len(values)))
    core.scale(core.doubles(scaled), core.doubles(values), *pointers, rows, columns)
    assert to_hex(scaled) == list(chain.from_iterable(case["expected"]["scaled"]))
    core.scale(core.doubles(values), core.doubles(values), *pointers, rows, columns)
    assert to_hex(values) == to_hex(scaled)
    core.unscale(core.doubles(scaled), *pointers, rows, columns)
    assert to_hex(scaled) == list(chain.from_iterable(case["expected"]["back"]))


@pytest.mark.parametrize("budget", [2**63, 1, 50])
@pytest.mark.parametrize("case", cases("levenberg"))
def test_levenberg(core: Core, case: Case, budget: int) -> None:
    """§12: a training, in one slice and in slices of little work."""
    shape = shape_of(core, case)
    parameters = from_hex(case["parameters"])
    pointer = core.doubles(parameters)
    data, _kept = data_of(core, case)
    constants = dict(zip(RULE_OPTIONS["levenberg_marquardt"], from_hex(case["constants"])))
    settings = core.levenberg_settings(log_every=1, loss=LOSSES.index(case["loss"]), **constants)
    training, work = core.levenberg(), core.levenberg_work(shape)
    assert core.levenberg_start(training, shape, settings, data) == _pure.OK
    limits = core.limits(until=case["epochs"], budget=budget, log_size=case["epochs"] + 1)
    log = array("d", bytes(8 * (case["epochs"] + 1)))
    status, sse = _pure.OK, array("d")
    while training.epoch < case["epochs"] and status == _pure.OK:
        status = core.levenberg_train(core.doubles(log), training, pointer, work, shape, data, limits)
        sse += log[: training.epoch - len(sse)]
    found = {"sse": to_hex(sse), "parameters": to_hex(parameters), "mu": to_hex([training.mu])[0]}
    stopped = {_pure.GRADIENT_STOP: "gradient", _pure.MU_STOP: "mu"}.get(status)
    diverged = training.epoch if status == _pure.DIVERGED else None
    assert {**found, "diverged": diverged, "stopped": stopped} == case["expected"]


@pytest.mark.parametrize("case", cases("model_bytes"))
def test_bytes(core: Core, case: Case) -> None:
    """§11: model bytes and fingerprint."""
    shape = shape_of(core, case)
    data = bytearray(core.encode_size(shape))
    assert core.encode(core.octets(data), shape, core.doubles(from_hex(case["parameters"]))) == _pure.OK
    assert data.hex() == case["expected"]["bytes"]
    network = Network.from_bytes(data, backend=core.name)
    assert network.fingerprint() == case["expected"]["fingerprint"]
    assert network.sizes == tuple(case["sizes"])
    assert network.activations == tuple(case["activations"])
    assert network.bias == case["bias"]


@pytest.mark.parametrize("case", cases("decode"))
def test_decode(core: Core, case: Case) -> None:
    """§11: the network that bytes hold, or their refusal; through the public class too."""
    data, expected = bytearray.fromhex(case["bytes"]), case["expected"]
    layers = core.decode_layers(core.octets(data), len(data)) if data else 0
    if "refused" in expected:
        assert layers == 0
        with pytest.raises(ModelFileError):
            Network.from_bytes(data, backend=core.name)
        return
    sizes, activations, bias = core.words(layers), core.words(layers - 1), core.words(1)
    assert core.decode_shape(sizes, activations, bias, core.octets(data), len(data)) == _pure.OK
    assert (list(sizes), bool(bias[0])) == (expected["sizes"], expected["bias"])
    assert [ACTIVATIONS[code] for code in activations] == expected["activations"]
    parameters = array("d", bytes(8 * len(expected["parameters"])))
    assert core.decode_parameters(core.doubles(parameters), core.octets(data), len(data)) == _pure.OK
    assert [struct.pack(">d", w).hex() for w in parameters] == expected["parameters"]
    assert Network.from_bytes(data, backend=core.name).to_bytes() == data


@pytest.mark.parametrize("case", cases("fit"))
def test_fit(core: Core, case: Case) -> None:
    """§6 to §11: sizes and counts beyond 8 and 16 bits."""
    shape = shape_of(core, case)
    parameters = array("d", bytes(8 * core.parameter_count(shape)))
    pointer, generator = core.doubles(parameters), core.generator()
    assert core.init(pointer, generator, shape, int(case["seed"], 16), INITS.index(case["init"])) == _pure.OK
    core.generator_seed(generator, int(case["data_seed"], 16), _pure.STREAM_DATA)
    rows, inputs, targets = case["rows"], array("d"), array("d")
    for _ in range(rows):
        inputs.extend(core.generator_random(generator) for _ in range(case["sizes"][0]))
        targets.extend(core.generator_random(generator) for _ in range(case["sizes"][-1]))
    data = core.data(core.doubles(inputs), core.doubles(targets), rows)
    loss = LOSSES.index(case["loss"])
    training, order, work = core.training(), core.words(rows), core.work(shape, core.train_size(shape, _pure.DESCENT))
    status = core.train_start(training, order, shape, settings_of(core, case)[0], data)
    assert status == _pure.OK
    epochs = case["epochs"]
    log = array("d", bytes(8 * epochs))
    limits = core.limits(until=epochs, budget=2**63, log_size=epochs)
    assert core.train(core.doubles(log), training, pointer, work, order, shape, data, limits) == _pure.OK
    assert to_hex(log[-1:]) == [case["expected"]["sse"]]
    figure = array("d", [0.0])
    work = core.work(shape, core.predict_size(shape))
    assert core.loss(core.doubles(figure), work, shape, pointer, data, loss) == _pure.OK
    assert to_hex(figure) == [case["expected"]["figure"]]
    octets = bytearray(core.encode_size(shape))
    assert core.encode(core.octets(octets), shape, pointer) == _pure.OK
    assert octets[-4:][::-1].hex() == case["expected"]["crc"]
