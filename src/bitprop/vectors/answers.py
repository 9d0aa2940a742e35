# SPDX-License-Identifier: MIT
"""What an implementation of the contract answers to a case: a function's name and its input, as in the files.

A number is 16 hexadecimal digits, its 64-bit pattern; so is a seed. The answers come from the oracle, or from a
variant of it, by which `mistakes` explains a wrong answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any

from . import oracle

Fields = dict[str, Any]
CONSTANTS = ("LOG2E", "MAGIC", "LN2_HI", "LN2_LO", "P1", "P2", "P3", "P4", "P5")
STREAMS = (0, oracle.DATA_STREAM, oracle.SHUFFLE_STREAM, oracle.STEP_STREAM)


def to_hex(pattern: int) -> str:
    """A pattern in the files' form, any NaN canonical (§1.5)."""
    return f"{oracle.canonical(pattern):016x}"


def hexes(patterns: Iterable[int]) -> list[str]:
    """Patterns in the files' form."""
    return [to_hex(pattern) for pattern in patterns]


def grid(rows: Iterable[Sequence[int]]) -> list[list[str]]:
    """Rows of patterns in the files' form."""
    return [hexes(row) for row in rows]


def patterns(texts: Iterable[str]) -> list[int]:
    """The patterns that these texts of the files write."""
    return [int(text, 16) for text in texts]


def _net(given: Fields) -> tuple[oracle.Net, list[int]]:
    return oracle.Net(given["sizes"], given["activations"], given["bias"]), patterns(given["parameters"])


def _data(given: Fields) -> tuple[list[list[int]], list[list[int]]]:
    return [patterns(row) for row in given["inputs"]], [patterns(row) for row in given["targets"]]


def _generator(o: ModuleType, given: Fields) -> oracle.Generator:
    generator: oracle.Generator = o.Generator(STREAMS[given["stream"]] + int(given["seed"], 16))
    return generator


def _arithmetic(o: ModuleType, given: Fields) -> Fields:
    columns = [patterns(given[name]) for name in "xyz" if name in given]
    calculate: Callable[..., int] = {
        "multiply_add": lambda x, y, z: o.add(o.mul(x, y), z),
        "add_subtract": lambda x, y, z: o.sub(o.add(x, y), z),
        "divide": o.div,
        "square_root": o.sqrt,
    }[given["operation"]]
    return {"result": hexes(calculate(*operands) for operands in zip(*columns))}


def _constants(o: ModuleType, given: Fields) -> Fields:
    return {"constants": {name: to_hex(getattr(o, name)) for name in CONSTANTS}}


def _activation(o: ModuleType, given: Fields) -> Fields:
    name = given["activation"]
    y = [o.activation(name, x) for x in patterns(given["x"])]
    return {"y": hexes(y), "slope": hexes(o.slope(name, value) for value in y)}


def _random(o: ModuleType, given: Fields) -> Fields:
    generator = _generator(o, given)
    return {"random": hexes(generator.random() for _ in range(given["count"]))}


def _randbelow(o: ModuleType, given: Fields) -> Fields:
    generator = _generator(o, given)
    return {"randbelow": [generator.randbelow(n) for n in given["n"]]}


def _init(o: ModuleType, given: Fields) -> Fields:
    parameters = o.initial_parameters(given["sizes"], given["bias"], given["init"], int(given["seed"], 16))
    return {"parameters": hexes(parameters)}


def _data_set(o: ModuleType, given: Fields) -> Fields:
    fields = {
        name: int(value, 16) if isinstance(value, str) else value for name, value in given.items() if name != "kind"
    }
    rows, targets = o.DATA_SETS[given["kind"]](**fields)
    return {"inputs": grid(rows), "targets": grid(targets)}


def _forward(o: ModuleType, given: Fields) -> Fields:
    preactivations, outputs = o.forward(*_net(given), patterns(given["input"]))
    return {"preactivations": grid(preactivations), "outputs": grid(outputs)}


def _row_weights(given: Fields) -> list[int] | None:
    return patterns(given["row_weights"]) if "row_weights" in given else None


def _gradient(o: ModuleType, given: Fields) -> Fields:
    rows, targets = _data(given)
    gradient, sse = o.gradient(*_net(given), rows, targets, given["loss"], _row_weights(given))
    figure = o.figure(given["loss"], sse, len(rows), given["sizes"][-1])
    return {"gradient": hexes(gradient), "sse": to_hex(sse), "figure": to_hex(figure)}


def _settings(given: Fields) -> oracle.Settings:
    """Those that the case has: names and counts as they stand, patterns and seeds from their digits."""
    names = {"loss", "rule"}
    fields = {name: given[name] for name in oracle.Settings._fields if name in given}
    numbers = {name: int(value, 16) for name, value in fields.items() if isinstance(value, str) and name not in names}
    lists = {name: patterns(value) for name, value in fields.items() if isinstance(value, list)}
    return oracle.Settings(**{**fields, **numbers, **lists})


def _train(o: ModuleType, given: Fields) -> Fields:
    sse, parameters, diverged = o.train(*_net(given), *_data(given), given["epochs"], _settings(given))
    return {"sse": hexes(sse), "parameters": hexes(parameters), "diverged": diverged}


def _model_bytes(o: ModuleType, given: Fields) -> Fields:
    return {"bytes": o.encode(*_net(given)).hex(), "fingerprint": o.fingerprint(*_net(given))}


def _decode(o: ModuleType, given: Fields) -> Fields:
    decoded = o.decode(bytes.fromhex(given["bytes"]))
    if decoded is None:
        return {"refused": True}
    net, parameters = decoded
    return {**net._asdict(), "parameters": hexes(parameters)}


def _fit(o: ModuleType, given: Fields) -> Fields:
    sizes, loss, rows = given["sizes"], given["loss"], given["rows"]
    net = oracle.Net(sizes, given["activations"], given["bias"])
    start = o.initial_parameters(sizes, net.bias, given["init"], int(given["seed"], 16))
    data = o.drawn(rows, sizes[0], sizes[-1], int(given["data_seed"], 16))
    log, parameters, _ = o.train(net, start, *data, given["epochs"], _settings(given))
    figure = o.figure(loss, o.gradient(net, parameters, *data, loss)[1], rows, sizes[-1])
    crc = int.from_bytes(o.encode(net, parameters)[-4:], "little")
    return {"sse": to_hex(log[-1]), "figure": to_hex(figure), "crc": f"{crc:08x}"}


def _scaling(o: ModuleType, given: Fields) -> Fields:
    rows = [patterns(row) for row in given["inputs"]]
    limits = patterns(given[name] for name in ("low", "high") if name in given)
    fitted = {"standard": o.standard, "min_max": o.min_max}[given["scaling"]]
    columns = [fitted(column, *limits) for column in zip(*rows)]
    scaled = [[o.scaled(v, *column) for v, column in zip(row, columns)] for row in rows]
    back = [[o.unscaled(v, *column) for v, column in zip(row, columns)] for row in scaled]
    shift, spread = zip(*columns)
    return {"shift": hexes(shift), "spread": hexes(spread), "scaled": grid(scaled), "back": grid(back)}


def _levenberg(o: ModuleType, given: Fields) -> Fields:
    damping = o.Damping(*patterns(given["constants"]))
    training = given["epochs"], given["loss"], damping, _row_weights(given)
    ending = o.train_levenberg(*_net(given), *_data(given), *training)
    numbers = {"sse": hexes(ending.log), "parameters": hexes(ending.parameters), "mu": to_hex(ending.mu)}
    return {**numbers, "diverged": ending.diverged, "stopped": ending.stopped}


FUNCTIONS: dict[str, Callable[[ModuleType, Fields], Fields]] = {
    "arithmetic": _arithmetic,
    "constants": _constants,
    "activation": _activation,
    "random": _random,
    "randbelow": _randbelow,
    "init": _init,
    "data": _data_set,
    "forward": _forward,
    "gradient": _gradient,
    "train": _train,
    "model_bytes": _model_bytes,
    "decode": _decode,
    "fit": _fit,
    "scaling": _scaling,
    "levenberg": _levenberg,
}


def answer(function: str, given: Fields, o: ModuleType = oracle) -> Fields:
    """The fields `expected` of a case, by the oracle or by a module like it."""
    return FUNCTIONS[function](o, given)
