# SPDX-License-Identifier: MIT
"""Random experiments of the playground, and what Python makes of them."""

from __future__ import annotations

import random
import struct
import warnings
from typing import Any

from bitprop import DivergedError, Network, datasets
from bitprop.names import ACTIVATIONS, INITS, LEARNING_RATES, LOSSES, RULE_OPTIONS, RULES

SQUARED = LOSSES[:4]
NETWORK_OPTIONS = ("activation", "bias", "init")


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
            options["decay_biases"] = chance.random() < 0.5
    return options


def experiments(count: int, seed: int) -> list[dict[str, Any]]:
    """So many random experiments."""
    chance = random.Random(seed)
    return [draw(chance) for _ in range(count)]


def bits(value: float) -> str:
    """The bits of a number as 16 hexadecimal digits."""
    return struct.pack(">d", value).hex()


def python_result(experiment: dict[str, Any]) -> dict[str, Any]:
    """What Python's training of it ends with: {"fingerprint", "loss"}, or {"error", "epoch"} where it diverges."""
    rest = dict(experiment)
    data, sizes = rest.pop("data"), rest.pop("sizes")
    data_seed = int(rest.pop("data_seed", 0))
    x, y = (data["x"], data["y"]) if isinstance(data, dict) else datasets.named(data, data_seed)  # type: ignore[misc]
    given = {name: rest.pop(name) for name in NETWORK_OPTIONS if name in rest}
    net = Network(*sizes, seed=int(rest.pop("seed", 0)), **given)
    if "shuffle_seed" in rest:
        rest["shuffle_seed"] = int(rest["shuffle_seed"])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            net.fit(x, y, **rest)
    except DivergedError as error:
        return {"error": "DivergedError", "epoch": error.epoch}
    measure: Any = "cross_entropy" if net.activations[-1] == "softmax" else "mse"
    return {"fingerprint": net.fingerprint(), "loss": bits(net.loss(x, y, measure))}
