# SPDX-License-Identifier: MIT
"""Readers of what others wrote, and ways in which that may be damaged. A new reader is one entry of READERS."""

from __future__ import annotations

import contextlib
import functools
import gzip
import importlib.util
import itertools
import json
import math
import tempfile
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from bitprop import Network, Scaling, SweepResult, datasets, exchange, model_file, sweep, sweep_file
from bitprop.cli import plot
from bitprop.errors import BitpropError, DataError, ModelFileError, OptionError, SweepFileError
from bitprop.lab import proben1
from bitprop.vectors import check

MODELS = Path(__file__).resolve().parent / "models"
CSV = b"a,b,y\n0.25,-1e-3,1\n.5,7,0\n" + b"1.5,2.25,1\n" * 6


LONGEST_MESSAGE = 2000  # characters


class Reader(NamedTuple):
    """A way to read a file: what it reads when all is well, and what it may raise."""

    whole: Callable[[Path], bytes]  # a good file's bytes; the path is of an empty folder
    read: Callable[[Path], Any]
    errors: tuple[type[Exception], ...]
    sealed: bool = False  # whether what is accepted is the whole file's content: a checksum tells alterations
    start: bytes | None = None  # after which a text may have anything
    unseal: Callable[[bytes], dict[str, Any]] | None = None  # the fields of a JSON file,
    seal: Callable[[dict[str, Any]], bytes] | None = None  # and a file of other fields, with a right checksum
    needs: str = ""  # a package


def _saved(write: Callable[[Path], Any]) -> Callable[[Path], bytes]:
    """The bytes of the file that `write` makes."""

    def whole(folder: Path) -> bytes:
        write(folder / "written")
        return (folder / "written").read_bytes()

    return whole


def _net() -> Network:
    return Network(2, 3, 1, activation=("tanh", "sigmoid"), seed=9)


TRAINING: dict[str, Any] = {"rule": "adam", "shuffle_seed": 4, "batch_size": 2, "validation": 0.25, "patience": 9}


def _trained(path: Path) -> None:
    """A model with scalings and a training that can go on."""
    net = _net()
    net.input_scaling = Scaling([0.5, 0.25], [1.5, 2.0])
    net.fit(*datasets.xor(), epochs=3, **TRAINING)
    net.save(path, training=True)


def _gone_on(path: Path) -> Network:
    """The network of a model whose training goes on."""
    net = Network.load(path)
    net.fit(*datasets.xor(), epochs=5, **TRAINING, resume=True)
    return net


def _read_bytes(path: Path, backend: Any) -> Network:
    return Network.from_bytes(path.read_bytes(), backend)


SWEEP: dict[str, Any] = {"data": datasets.linear(6, seed=4), "epochs": 2}


def _sweep(path: Path, seeds: Any = (1, 2)) -> Any:
    return sweep((2, 1), SWEEP["data"], seeds=seeds, epochs=SWEEP["epochs"], resume_file=path)


def _unsealed_model(data: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(data)
    return {name: value for name, value in fields.items() if name not in ("format", "format_version", "sha256")}


def _sealed_model(fields: dict[str, Any]) -> bytes:
    return model_file.dumps(fields).encode()


def _unsealed_sweep(data: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(data.splitlines()[1])
    del fields["sha256"]
    return fields


def _sealed_sweep(fields: dict[str, Any]) -> bytes:
    head = whole("the file of a sweep").splitlines(keepends=True)[0]
    return head + sweep_file._line(fields, head.decode()).encode()


def _unsealed_keras(data: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(data)
    return fields


def _keras(path: Path) -> Any:
    return exchange.from_keras(path.read_text("utf-8", "replace"), exchange.to_keras(_net())[1])


def _onnx_of_others() -> bytes:
    """A model that does not say who wrote it: any number in it may be meant."""
    model = exchange.to_onnx(Network(2, 3, 1, activation=("relu", "identity"), seed=2), exact=False)
    del model.metadata_props[:]
    data: bytes = model.SerializeToString()
    return data


PROBEN1 = b"bool_in=0\nreal_in=2\nbool_out=1\nreal_out=0\ntraining_examples=3\nvalidation_examples=1\ntest_examples=1\n"
PROBEN1 += b"0.25 -1e-3 1\n" * 5

CASE: dict[str, Any] = next(check.documents(["forward"]))["cases"][0]


def _answer(path: Path) -> Any:
    """The difference that an answer of a port shows, explained."""
    answer = check._read(path.read_text("utf-8", "replace"))
    difference, _ = check._compare(CASE, answer)
    return difference and check._explained([check._Wrong(CASE, answer, difference)], [], [])


def _csv(path: Path) -> Any:
    return datasets.read_csv(str(path))


def _history(path: Path) -> None:
    Network(2, 1).fit(*datasets.xor(), epochs=4, log_every=2, validation=0.25).to_csv(path)


def _expect_drawn(path: Path) -> None:
    """DataError where `bitprop plot` would look no further."""
    if plot._drawn(plot._header(str(path))) is None:
        raise DataError("another file")


def _curves(path: Path) -> Any:
    _expect_drawn(path)
    return plot._curves(str(path), "mse")


def _losses(path: Path) -> None:
    sweep((2, 1), SWEEP["data"], seeds=range(3), epochs=2).to_csv(path)


def _final_losses(path: Path) -> Any:
    _expect_drawn(path)
    return plot._final_losses(str(path), "final_mse")


READERS: dict[str, Reader] = {
    "a model of format 1": Reader(
        lambda _: (MODELS / "format-1.json").read_bytes(),
        Network.load,
        (ModelFileError,),
        sealed=True,
        start=model_file.BEGINNING + b'"a":',
        unseal=_unsealed_model,
        seal=_sealed_model,
    ),
    "a model with scaling and training": Reader(
        _saved(_trained), Network.load, (ModelFileError,), sealed=True, unseal=_unsealed_model, seal=_sealed_model
    ),
    "a training that goes on": Reader(
        _saved(_trained), _gone_on, (BitpropError,), sealed=True, unseal=_unsealed_model, seal=_sealed_model
    ),
    "model bytes": Reader(
        lambda _: _net().to_bytes(), partial(_read_bytes, backend=None), (ModelFileError,), sealed=True
    ),
    "model bytes, pure": Reader(
        lambda _: _net().to_bytes(), partial(_read_bytes, backend="python"), (ModelFileError,), sealed=True
    ),
    "the file of a sweep": Reader(
        _saved(_sweep),
        _sweep,
        (SweepFileError,),
        sealed=True,
        start=sweep_file.BEGINNING + b'"a":',
        unseal=_unsealed_sweep,
        seal=_sealed_sweep,
    ),
    "CSV": Reader(lambda _: CSV, _csv, (DataError,), start=b"a,b,c\n"),
    "the CSV file of a history": Reader(_saved(_history), _curves, (DataError,), start=b"epoch,mse,sse,validation\n"),
    "the CSV file of a sweep": Reader(
        _saved(_losses), _final_losses, (DataError, OptionError), start=b"seed,learning_rate,final_mse,error\n"
    ),
    "PROBEN1": Reader(lambda _: PROBEN1, proben1.read, (DataError,), start=PROBEN1[:-13]),
    "PROBEN1, compressed": Reader(
        lambda _: gzip.compress(PROBEN1, mtime=0),
        proben1.read,
        (DataError,),
        sealed=True,
        start=b"\x1f\x8b\x08\0\0\0\0\0\0\0",
    ),
    "an answer of a port": Reader(lambda _: json.dumps(CASE["expected"]).encode(), _answer, (), start=b'{"outputs":'),
    "safetensors": Reader(
        _saved(lambda path: exchange.to_safetensors(_net(), path)),
        exchange.from_safetensors,
        (ModelFileError,),
        sealed=True,
        start=(10**6).to_bytes(8, "little"),
        needs="safetensors",
    ),
    "ONNX": Reader(
        _saved(lambda path: exchange.to_onnx(_net(), path)),
        exchange.from_onnx,
        (BitpropError,),
        sealed=True,
        needs="onnx",
    ),
    "ONNX of others": Reader(
        lambda _: _onnx_of_others(), exchange.from_onnx, (BitpropError,), start=b":", needs="onnx"
    ),
    "Keras": Reader(
        lambda _: exchange.to_keras(_net())[0].encode(),
        _keras,
        (BitpropError,),
        start=b'{"class_name": "Sequential", "config":',
        unseal=_unsealed_keras,
        seal=lambda fields: json.dumps(fields).encode(),
        needs="numpy",
    ),
}


def there() -> list[str]:
    """The readers whose packages are installed."""
    return [name for name, one in READERS.items() if not one.needs or importlib.util.find_spec(one.needs)]


@functools.cache
def whole(name: str) -> bytes:
    """A good file's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        return READERS[name].whole(Path(folder))


def cuts(data: bytes) -> Iterator[bytes]:
    """The file cut at every byte."""
    return (data[:length] for length in range(len(data)))


def flips(data: bytes, every: int = 1, first: int = 0) -> Iterator[bytes]:
    """The file with each bit in turn flipped, or each `every`-th."""
    for bit in range(first, 8 * len(data), every):
        yield data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]


def content(read: Any) -> Any:
    """What was read, so that it can be compared by bits."""
    if isinstance(read, Network):
        return read.to_bytes(), read.input_scaling, read.output_scaling
    if isinstance(read, SweepResult):
        return [run.network and run.network.to_bytes() for run in read]
    return repr(read)


def good(name: str, path: Path) -> Any:
    """The content of a good file, which is written to the path."""
    path.write_bytes(whole(name))
    return content(READERS[name].read(path))


def meet(name: str, path: Path, damaged: Iterable[bytes], good: Any = ...) -> tuple[int, int]:
    """How many of these files were refused and accepted. AssertionError: by another error, or with other content.

    `good`: the content of the whole file, which a sealed one must have; not checked where it is not given.
    """
    reader = READERS[name]
    refused = accepted = 0
    for number, data in enumerate(damaged):
        path.write_bytes(data)
        try:
            read = reader.read(path)
        except reader.errors as error:
            if len(str(error)) > LONGEST_MESSAGE:
                raise AssertionError(f"{name}: a message of {len(str(error))} characters") from error
            refused += 1
        except BaseException as error:
            raise AssertionError(f"{name}, file {number}: {error!r} for {data[:200]!r}") from error
        else:
            accepted += 1
            assert good is ... or not reader.sealed or content(read) == good, (
                f"{name}: an alteration in file {number} was not seen"
            )
    return refused, accepted


def cost(name: str, path: Path, data: bytes) -> tuple[float, float]:
    """Seconds of the processor for reading this file, and times its size in memory."""
    reader = READERS[name]
    path.write_bytes(data)
    begun = time.process_time()
    with contextlib.suppress(*reader.errors):
        reader.read(path)
    seconds = time.process_time() - begun
    tracemalloc.start()
    try:
        with contextlib.suppress(*reader.errors):
            reader.read(path)
        return seconds, tracemalloc.get_traced_memory()[1] / len(data)
    finally:
        tracemalloc.stop()


# What is put into a file after its beginning, about so many bytes of it.
FILLINGS: dict[str, Callable[[int], bytes]] = {
    "lists in lists": lambda size: b"[" * size,
    "objects in objects": lambda size: b'{"a":' * (size // 5),
    "empty lists": lambda size: b"[" + b"[]," * (size // 3) + b"1]}",
    "a long number": lambda size: b"1" * size + b"}",
    "a long fraction": lambda size: b"1." + b"1" * size + b"}",
    "a huge exponent": lambda size: b"1e" + b"9" * size + b"}",
    "small numbers": lambda size: b"1," * (size // 2) + b"1}",
    "rows of numbers": lambda size: b"1,2,3\n" * (size // 6),
    "short rows": lambda size: b"1\n" * (size // 2),
    "one key again and again": lambda size: b'{"a":1' + b',"a":1' * (size // 6) + b"}}",
    "many keys": lambda size: b"{" + b",".join(b'"%d":1' % n for n in range(size // 9)) + b"}}",
    "a long key": lambda size: b'{"' + b"k" * size + b'":1}}',
    "an open text": lambda size: b'"' + b"a" * size,
    "escapes": lambda size: b'"' + b"\\u1234" * (size // 6) + b'"}',
    "backslashes": lambda size: b'"' + b"\\" * size,
    "quotes": lambda size: b'"' * size,
    "semicolons": lambda size: b";" * size,
    "spaces": lambda size: b" " * size,
    "ends of lines": lambda size: b"\n" * size,
    "carriage returns": lambda size: b"\r" * size,
    "zeros": lambda size: b"\0" * size,
    "no UTF-8": lambda size: b'"' + b"\xff" * size,
    "Arabic digits": lambda size: "\u0661\u066b\u0665,".encode() * (size // 7),
}


def filled(name: str, size: int) -> Iterator[tuple[str, bytes]]:
    """Files that begin as a good one does, and have something else then."""
    start = READERS[name].start
    if start is not None:
        for filling, make in FILLINGS.items():
            yield filling, start + make(size)


def nested(depth: int) -> list[Any]:
    """A list in a list and so on."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


# In a value's place, with a checksum that is right.
WRONG: list[Any] = [
    *(None, True, -1, 0, 2**63, 10**4000, 1.5, math.inf, math.nan, "", "a", "\ud800", "0" * 17, [], {}, [[]], [None]),
    *({"a": 1}, ["3fe0000000000000"] * 3, ["7ff0000000000000"], [1e308] * 2, nested(300), nested(900)),
]


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if place:
        yield place
    if isinstance(value, dict):
        for name in value:
            yield from _places(value[name], (*place, name))
    elif isinstance(value, list) and value:
        yield from _places(value[0], (*place, 0))


def rewritten(name: str, every: int = 1) -> Iterator[bytes]:
    """JSON files with another value in each place in turn, or without it, and then a right checksum; or some."""
    reader = READERS[name]
    if reader.unseal is None or reader.seal is None:
        return
    data = whole(name)
    cases = itertools.product(_places(reader.unseal(data)), [*WRONG, ...])
    for place, wrong in itertools.islice(cases, 0, None, every):
        fields = reader.unseal(data)
        inside = fields
        for step in place[:-1]:
            inside = inside[step]
        if wrong is not ...:
            inside[place[-1]] = wrong
        else:
            del inside[place[-1]]
        with contextlib.suppress(RecursionError, UnicodeEncodeError):  # what cannot be written at all
            yield reader.seal(fields)


# --- the readers of ports, and of the core: model bytes ---

# Layers and sizes whose counts wrap, in an 8-1 network without biases, with a checksum that is right (contract §11).
WRAPPED = [
    *((layers, 8, 1) for layers in (0, 1, 3, 10, 11, 2**29 + 2, 2**30 + 2, 2**31 + 2, 2**32 - 1)),
    *((2, 4294705160, 536903681), (2, 2**31, 2**30), (2, 2**32 - 1, 2**32 - 1), (2, 0, 1), (2, 8, 0), (2, 9, 1)),
]


def bad_models(every: int = 1) -> Iterator[bytes]:
    """Model bytes that are cut, altered, or that claim what they do not have; or some of the first two."""
    data = Network(2, 3, 1, seed=9).to_bytes()
    yield from itertools.islice(cuts(data), 0, None, every)
    yield from flips(data, every)
    small = Network(8, 1, bias=False).to_bytes()
    for words in WRAPPED:
        body = small[:16] + b"".join(word.to_bytes(4, "little") for word in words) + small[28:-4]
        yield body + zlib.crc32(body).to_bytes(4, "little")


def ask_port(command: str, every: int = 1) -> int:
    """How many bad models a port refused. AssertionError: it did something else, or does not read a good one."""
    port = check.Port(command, 30.0)
    try:
        count = 0
        for data in bad_models(every):
            answer = port.ask(json.dumps({"function": "decode", "input": {"bytes": data.hex()}}))
            if json.loads(answer) != {"refused": True}:
                raise AssertionError(f"{command}: {answer.strip()} for {data.hex()}")
            count += 1
        good = port.ask(json.dumps({"function": "decode", "input": {"bytes": _net().to_bytes().hex()}}))
        if json.loads(good)["sizes"] != [2, 3, 1]:
            raise AssertionError(f"{command}: {good.strip()} for a good model")
    finally:
        port.close()
    return count
