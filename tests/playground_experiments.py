# SPDX-License-Identifier: MIT
"""Random experiments of the playground, and what Python makes of them."""

from __future__ import annotations

import random
import struct
import warnings
from typing import Any

from bitprop import DivergedError, Network, _pure, datasets
from bitprop.names import ACTIVATIONS, INITS, LEARNING_RATES, LOSSES, RULE_OPTIONS, RULES

SQUARED = LOSSES[:4]
NOISY: dict[str, Any] = {"circles": datasets.circles, "moons": datasets.moons, "blobs": datasets.blobs}
NETWORK_OPTIONS = ("activation", "bias", "init")
FEATURES: dict[str, Any] = {
    "x1": lambda a, b: a,
    "x2": lambda a, b: b,
    "x1*x1": lambda a, b: a * a,
    "x2*x2": lambda a, b: b * b,
    "x1*x2": lambda a, b: a * b,
}


def data_of(chance: random.Random) -> tuple[Any, int, int, int]:
    """A data set, named or of rows, with its columns of inputs and of targets and its seed."""
    kind = chance.choice(["xor", "spirals", "linear", "circles", "moons", "blobs", "parity", "encoder", "rows"])
    seed = chance.choice([0, chance.randrange(2**64)]) if kind in ("linear", "circles", "moons", "blobs") else 0
    if kind == "rows":
        inputs, outputs, rows = chance.randint(1, 5), chance.randint(1, 4), chance.randint(1, 40)
        x = [[chance.uniform(-2.0, 2.0) for _ in range(inputs)] for _ in range(rows)]
        return {"x": x, "y": [[chance.random() for _ in range(outputs)] for _ in range(rows)]}, inputs, outputs, seed
    if kind == "parity":
        n = chance.randint(1, 6)
        return f"parity:{n}", n, 1, seed
    if kind == "encoder":
        n = chance.randint(1, 10)
        return f"encoder:{n}", n, n, seed
    return kind if kind in ("xor", "spirals") else f"{kind}:{chance.randint(1, 150)}", 2, 1, seed


def draw(chance: random.Random) -> dict[str, Any]:
    """An experiment with options of every kind; seeds are text, which JSON does not round."""
    data, inputs, outputs, data_seed = data_of(chance)
    features = None
    if inputs == 2 and chance.random() < 0.5:
        features = chance.sample(list(FEATURES), chance.randint(1, len(FEATURES)))
        inputs = len(features)
    sizes = [inputs, *(chance.randint(1, 9) for _ in range(chance.randint(0, 3))), outputs]
    rule = chance.choice(RULES)
    activation = [chance.choice(ACTIVATIONS[:-1]) for _ in sizes[1:]]
    loss = chance.choice(SQUARED)
    head = chance.randrange(4) if rule != "levenberg_marquardt" else 3
    if head == 0:
        activation[-1], loss = "softmax", "cross_entropy"
    elif head == 1:
        activation[-1], loss = "sigmoid", "binary_cross_entropy"
    options: dict[str, Any] = {
        "data": data,
        "sizes": sizes,
        "activation": activation if chance.random() < 0.7 or head == 0 else activation[-1],
        "bias": chance.random() < 0.7,
        "init": chance.choice(INITS),
        "seed": str(chance.choice([chance.randrange(100), chance.randrange(2**64)])),
        "rule": rule,
        "loss": loss,
        "epochs": chance.choice([0, 1, chance.randint(2, 60), chance.randint(61, 400)]),
    }
    if features is not None:
        options["features"] = features
    if isinstance(data, str) and data.partition(":")[0] in NOISY and chance.random() < 0.5:
        options["noise"] = chance.choice([0, 0.3, chance.random()])
    if data_seed:
        options["data_seed"] = str(data_seed)
    if rule in LEARNING_RATES and chance.random() < 0.8:
        options["learning_rate"] = chance.choice([0.001, 0.03, 0.1, 0.7])
    for name, standard in RULE_OPTIONS[rule].items():
        if chance.random() < 0.2 and name not in ("step_min", "mu", "mu_max"):
            low, high = (1.0, 3.0) if name in ("increase", "mu_increase") else (0.0, min(1.0, 2.0 * standard))
            options[name] = chance.uniform(low, high) or standard
    if rule != "levenberg_marquardt":
        if chance.random() < 0.5:
            options["batch_size"] = chance.choice([1, 2, 7, 8, 33, 1000])
        if chance.random() < 0.4:
            options["shuffle_seed"] = str(chance.randrange(2**64))
        if chance.random() < 0.3:
            options["weight_decay"] = chance.choice([1e-4, 0.01])
            options["l1"] = chance.choice([0.0, 1e-3])
            options["decay_biases"] = chance.random() < 0.5
    rows = len(rows_of(options)[0])
    share = chance.choice([0.1, 0.2, 0.25, 0.5, chance.random()])
    if chance.random() < 0.3 and 0 < int(share * rows + 0.5) < rows:
        options["validation"] = share
        options["split_seed"] = str(chance.choice([0, chance.randrange(2**64)]))
    if chance.random() < 0.3:
        count = len(Network(*sizes, bias=options["bias"]).parameters)
        options["edits"] = [
            [
                chance.randint(0, options["epochs"] + 1),
                chance.randrange(count),
                chance.choice([0, -0.5, chance.gauss(0, 1)]),
            ]
            for _ in range(chance.randint(1, 3))
        ]
        if chance.random() < 0.3:  # the later one of the same parameter counts
            options["edits"].append([*options["edits"][0][:2], 0.75])
    return options


def rows_of(experiment: dict[str, Any]) -> tuple[Any, Any]:
    """All rows of an experiment."""
    data = experiment["data"]
    if isinstance(data, dict):
        return data["x"], data["y"]
    seed = int(experiment.get("data_seed", 0))
    kind, _, count = data.partition(":")
    rows: Any = datasets.named(data, seed)
    if "noise" in experiment:
        rows = NOISY[kind](int(count), seed=seed, noise=experiment["noise"])
    x, y = rows
    return x, y


def columns_of(x: Any, features: list[str]) -> list[list[float]]:
    """The rows that a network gets of data of two inputs: these features, whatever order they are named in."""
    chosen = [FEATURES[name] for name in FEATURES if name in features]
    return [[feature(float(a), float(b)) for feature in chosen] for a, b in x]


def held_out(rows: int, share: float, seed: int) -> tuple[list[int], list[int]]:
    """The places of the rows to train on, and of those that are held out, as docs/python.md defines the shuffle."""
    generator = random.Random()
    _pure.generator_seed(generator, seed, _pure.STREAM_DATA)
    order = list(range(rows))
    for i in range(rows - 1, 0, -1):
        k = _pure.generator_below(generator, i + 1)
        order[i], order[k] = order[k], order[i]
    kept = rows - int(share * rows + 0.5)
    return order[:kept], order[kept:]


def experiments(count: int, seed: int) -> list[dict[str, Any]]:
    """So many random experiments."""
    chance = random.Random(seed)
    return [draw(chance) for _ in range(count)]


def bits(value: float) -> str:
    """The bits of a number as 16 hexadecimal digits."""
    return struct.pack(">d", value).hex()


def python_result(experiment: dict[str, Any]) -> dict[str, Any]:
    """What Python's training of it ends with: {"fingerprint", "loss"}, with rows held out also "validation".

    Or {"error", "epoch"} where it diverges.
    """
    rest = dict(experiment)
    x, y = rows_of(rest)
    del rest["data"]
    if "features" in rest:
        x = columns_of(x, rest.pop("features"))
    sizes, edits, epochs = rest.pop("sizes"), rest.pop("edits", []), rest.pop("epochs")
    for name in ("data_seed", "noise"):
        rest.pop(name, None)
    given = {name: rest.pop(name) for name in NETWORK_OPTIONS if name in rest}
    net = Network(*sizes, seed=int(rest.pop("seed", 0)), **given)
    for name in ("shuffle_seed", "split_seed"):
        if name in rest:
            rest[name] = int(rest[name])
    done = 0
    history = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for epoch, index, value in [*sorted(edits, key=lambda edit: edit[0]), (epochs, None, None)]:
                if done < epoch <= epochs:
                    history = net.fit(x, y, epochs=epoch - done, **rest)
                    if len(history.epochs) < epoch - done:
                        break  # it stopped by itself
                    done = epoch
                if index is not None and epoch <= epochs:
                    net.parameters[index] = value
                    history = None
    except DivergedError as error:
        return {"error": "DivergedError", "epoch": done + error.epoch}
    measure: Any = "cross_entropy" if net.activations[-1] == "softmax" else "mse"
    share = rest.get("validation")
    if share is None:
        return {"fingerprint": net.fingerprint(), "loss": bits(net.loss(x, y, measure))}
    (xs, ys), (test_xs, test_ys) = (
        ([x[place] for place in places], [y[place] for place in places])
        for places in held_out(len(x), share, rest["split_seed"])
    )
    validation = net.loss(test_xs, test_ys, rest["loss"])
    if history is not None and history.validation:  # it may have stopped before its first epoch
        assert bits(validation) == bits(history.validation[-1])
    losses = {"loss": bits(net.loss(xs, ys, measure)), "validation": bits(validation)}
    return {"fingerprint": net.fingerprint(), **losses}
