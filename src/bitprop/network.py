# SPDX-License-Identifier: MIT
"""The network: the public class, which checks what users give and hands pointers to a backend."""

from __future__ import annotations

import hashlib
import os
import struct
from array import array
from collections.abc import Callable
from typing import Any, NamedTuple

from . import _files, _pure, _training, gradient_check, model_file
from ._holding import Holder
from ._progress import Progress
from .checks import matrices
from .checks import options as check
from .core import choose, expect_ok, means
from .errors import DataError, ModelFileError, ShapeError, quoted
from .gradient_check import GradientCheck
from .history import History
from .names import ACTIVATIONS, INITS, LOSSES


class Layer(NamedTuple):
    """One layer's parameters, as writable views of the network's own memory."""

    weights: memoryview[float]  # (inputs, outputs)
    biases: memoryview[float] | None  # (outputs,), None in a network without biases
    activation: str


class Trace(NamedTuple):
    """One layer's part of a forward pass."""

    preactivations: list[float]
    outputs: list[float]


def _row_predictor(core: Any, shape: Any, pointer: Any, sizes: list[int]) -> Callable[[list[Any]], list[float] | None]:
    """A function that predicts one row with as little overhead as there can be: all it needs are its own variables.

    It returns the outputs for a list of floats; None where there is something to convert, or to refuse.
    """
    first_nonfinite, predict = core.first_nonfinite, core.predict
    count, width = core.parameter_count(shape), sizes[0]
    pack = struct.Struct(f"{sizes[0]}d").pack_into
    free: list[Any] = []

    def make() -> Any:
        memory = core.work(shape, core.predict_size(shape))
        inputs, outputs = matrices.zeros(sizes[0]), matrices.zeros(sizes[-1])
        return memory, inputs, core.doubles(inputs), outputs, core.doubles(outputs)

    def predict_row(row: list[Any]) -> list[float] | None:
        values = tuple(row)  # which no other thread changes
        for value in values:
            if type(value) is not float:
                return None
        if len(values) != width or first_nonfinite(pointer, count) < count:
            return None
        try:
            work = free.pop()  # which no other thread has: lists pop and append in one piece
        except IndexError:
            work = make()
        memory, inputs, input_pointer, outputs, output_pointer = work
        pack(inputs, 0, *values)
        found: list[float] | None = None
        # The core tells finite numbers by their bits; Python's arithmetic would overflow, and may be trapped.
        finite = first_nonfinite(input_pointer, width) == width
        if finite and predict(output_pointer, memory, shape, pointer, input_pointer, 1) == 0:
            found = outputs.tolist()
        free.append(work)
        return found

    return predict_row


class Network:
    """A fully connected network, trained by back-propagation to the same bits everywhere (docs/contract.md).

    `sizes`: the layer sizes, the input's first. `activation`: "sigmoid", "tanh", "relu" or "identity", or one of these
    for each layer after the input. `bias`: whether there are biases. `init`: how weights are drawn: "normal",
    "uniform" or "glorot" (§9), from `seed` (0 <= seed < 2^64). `backend`: "cffi", "ctypes" or "python"; None takes the
    fastest. Options are keywords; layers and parameters are found as attributes.
    ShapeError, OptionError, TypeError, BackendError.
    """

    __hash__ = None  # type: ignore[assignment]  # it changes as it trains

    def __init__(
        self,
        *sizes: int,
        activation: str | tuple[str, ...] | list[str] = "sigmoid",
        bias: bool = True,
        init: str = "normal",
        seed: int = 0,
        backend: str | None = None,
    ):
        checked = check.sizes(sizes)
        bias = check.boolean("bias", bias)
        activations = check.activations(activation, ACTIVATIONS, len(checked))
        init_code = check.choice("init", init, INITS)
        seed = check.seed("seed", seed)
        self._set_up(checked, activations, bias, backend)
        expect_ok(self._core.init(self._pointer, self._core.generator(), self._shape, seed, init_code))

    def _set_up(self, sizes: list[int], activations: list[int], bias: bool, backend: str | None) -> None:
        """Everything but the values of the parameters."""
        self._core = choose(backend)
        self._backend = backend
        self._codes = (tuple(sizes), tuple(activations), bias)
        self._shape = self._core.shape(sizes, activations, bias)
        count = self._core.parameter_count(self._shape)
        if count == 0:
            raise ShapeError(f"{'-'.join(map(str, sizes))} has more parameters than memory can be addressed for")
        self._values = matrices.zeros(count)
        self._view: memoryview[float] = memoryview(
            self._values
        )  # for as long as it is there, nobody can resize the array
        self._pointer = self._core.doubles(self._values)
        self._predict_row = _row_predictor(self._core, self._shape, self._pointer, sizes)
        self._free_work: list[Any] = []
        self._holder = Holder()
        self.history: History | None = None

    # --- what it is ---

    @property
    def sizes(self) -> tuple[int, ...]:
        """The layer sizes, the input's first."""
        return self._codes[0]

    @property
    def activations(self) -> tuple[str, ...]:
        """One activation for each layer after the input."""
        return tuple(ACTIVATIONS[code] for code in self._codes[1])

    @property
    def bias(self) -> bool:
        """Whether there are biases."""
        return self._codes[2]

    @property
    def backend(self) -> str:
        """The backend in use: "cffi", "ctypes" or "python"."""
        return self._core.name

    @property
    def parameters(self) -> memoryview[float]:
        """All parameters (contract §3): a writable, flat view of float64, which NumPy wraps without a copy."""
        return self._view.cast("B").cast("d")

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers after the input; their weights and biases are views of the same memory."""
        found = []
        at = 0
        for n_in, n_out, activation in zip(self.sizes, self.sizes[1:], self.activations):
            end = at + n_in * n_out
            weights = self.parameters[at:end].cast("B").cast("d", (n_in, n_out))
            at = end + n_out * self.bias
            found.append(Layer(weights, self.parameters[end:at] if self.bias else None, activation))
        return tuple(found)

    def __repr__(self) -> str:
        names = self.activations
        activation = names[0] if len(set(names)) == 1 else ", ".join(names)
        biases = "with biases" if self.bias else "without biases"
        shape = "-".join(map(str, self.sizes))
        return f"<Network {shape}, {activation}, {biases}, {len(self._values)} parameters, {self.backend}>"

    def __eq__(self, other: object) -> bool:
        """Whether shape, activations and every bit of the parameters are the same (any NaN equals any)."""
        if not isinstance(other, Network):
            return NotImplemented
        return self.to_bytes() == other.to_bytes()

    # --- training ---

    def fit(
        self,
        x: Any,
        y: Any,
        *,
        epochs: int,
        learning_rate: float = 1.0,
        batch_size: int | None = None,
        shuffle_seed: int | None = None,
        loss: str = "half_sse",
        log_every: int = 1,
        progress: bool | None = False,
        callback: _training.Callback | None = None,
    ) -> History:
        """Trains on x (rows, inputs) and y (rows, outputs) by gradient descent (contract §5 to §8).

        `batch_size`: rows to a step; None is all of them, 1 is online. `shuffle_seed`: None keeps the rows' order.
        `loss`: "half_sse", "sse", "half_mse" or "mse" (§7). `log_every`: epochs from one logged epoch to the next.
        `progress`: a bar on stderr after two seconds; None shows it only on a terminal.
        `callback(epoch, mse)` is called after each logged epoch; returning True stops, keeping that epoch's step.
        Returns the History, also found as `history`. DivergedError and Ctrl-C leave the last good epoch's parameters.
        """
        options = _training.Options(
            epochs=check.integer("epochs", epochs, 0),
            batch_size=None if batch_size is None else check.integer("batch_size", batch_size, 1),
            shuffle_seed=None if shuffle_seed is None else check.seed("shuffle_seed", shuffle_seed),
            loss=check.choice("loss", loss, LOSSES),
            log_every=check.integer("log_every", log_every, 1),
        )
        rate = check.learning_rate(learning_rate)
        if callback is not None and not callable(callback):
            raise TypeError(f"callback is {quoted(callback)}, expected a function of epoch and mse")
        inputs, targets = self._pair(x, y)
        if shuffle_seed is not None and inputs.rows >= 2**32:
            raise ShapeError(f"x has {inputs.rows} rows, expected fewer than 2^32 with shuffling")
        for _ in self._holder.take():
            self.history = history = History(options.log_every, inputs.rows * targets.width)
            with Progress(options.epochs * inputs.rows, f"{options.epochs} epochs, rows", progress) as bar:
                [diverged] = _training.train(
                    *(self._core, self._values, self._shape, inputs, targets, options, [rate], [history]),
                    lambda rows, _: bar.update(rows),
                    callback,
                )
            if diverged is not None:
                raise _training.diverged(diverged, rate)
        return history

    # --- what it gives ---

    def predict(self, x: Any, out: Any = None) -> Any:
        """The outputs (rows, outputs) for x (rows, inputs): lists for lists, NumPy for NumPy, else a memoryview.

        `out`: writable, contiguous float64 memory of the caller's for the results, which is returned; not the network's
        parameters. ShapeError, DataError, OptionError.
        """
        if out is None and type(x) is list and len(x) == 1 and type(x[0]) is list:
            outputs = self._predict_row(x[0])
            if outputs is not None:
                return [outputs]
        rows = self._inputs(x)
        width = self.sizes[-1]
        if out is None:
            values = matrices.zeros(rows.rows * width)
            self._predict(values, rows)
            return matrices.give_back(values, rows.form, width)
        memory = matrices.writable(self._core, out, rows.rows, width, self._view)
        self._predict(memory, matrices.apart(self._core, rows, memory))
        return out

    def _predict(self, outputs: memoryview[float] | array[float], rows: matrices.Rows) -> None:
        pointer, work = self._core.doubles(outputs), self._take_work()
        expect_ok(self._core.predict(pointer, work, self._shape, self._pointer, rows.pointer, rows.rows))
        self._free_work.append(work)

    def loss(self, x: Any, y: Any, loss: str = "mse") -> float:
        """The loss (contract §7) on x (rows, inputs) and y (rows, outputs), all rows as one batch."""
        code = check.choice("loss", loss, LOSSES)
        return self._loss(*self._pair(x, y), code)

    def _loss(self, rows: matrices.Rows, targets: matrices.Rows, code: int) -> float:
        figure = array("d", [0.0])
        work = self._take_work()
        out = self._core.doubles(figure)
        data = rows.pointer, targets.pointer, rows.rows
        expect_ok(self._core.loss(out, work, self._shape, self._pointer, *data, code))
        self._free_work.append(work)
        return figure[0]

    def gradient(self, x: Any, y: Any, loss: str = "half_sse") -> Any:
        """The gradient of the loss (contract §5 to §7), all rows as one batch: flat, in the parameters' order."""
        code = check.choice("loss", loss, LOSSES)
        rows, targets = self._pair(x, y)
        return matrices.give_back(self._gradient(rows, targets, code), rows.form, None)

    def _gradient(self, rows: matrices.Rows, targets: matrices.Rows, code: int) -> array[float]:
        values = matrices.zeros(len(self._values))
        work = self._core.work(self._shape, self._core.train_size(self._shape, _pure.DESCENT))
        out = self._core.doubles(values)
        data = rows.pointer, targets.pointer, rows.rows
        expect_ok(self._core.gradient(out, work, self._shape, self._pointer, *data, code))
        return values

    def check_gradient(self, x: Any, y: Any, progress: bool | None = False) -> GradientCheck:
        """Every parameter's gradient of half_sse beside finite differences, measured on a copy of the network.

        It takes twelve losses for each parameter. `progress` as for `fit`.
        """
        rows, targets = self._pair(x, y)
        half_sse = LOSSES.index("half_sse")
        probe = self.copy()
        return gradient_check.check(
            probe.parameters,
            lambda: probe._loss(rows, targets, half_sse),
            probe._gradient(rows, targets, half_sse),
            gradient_check.names(self.sizes, self.bias),
            probe._relu_pattern(rows) if "relu" in self.activations else None,
            progress,
        )

    def _relu_pattern(self, rows: matrices.Rows) -> Callable[[], bytes]:
        """A function that tells, for every row and node of a relu layer, whether it is active."""
        count = sum(self.sizes[1:])
        relu = [name == "relu" for name, n_out in zip(self.activations, self.sizes[1:]) for _ in range(n_out)]
        preactivations, outputs = matrices.zeros(count), matrices.zeros(count)
        pointers = self._core.doubles(preactivations), self._core.doubles(outputs)
        inputs = [self._core.doubles(array("d", row)) for row in rows.split()]

        def pattern() -> bytes:
            found = bytearray()
            for row in inputs:
                expect_ok(self._core.forward(*pointers, self._shape, self._pointer, row))
                found += bytes(own and z > 0.0 for own, z in zip(relu, preactivations))
            return bytes(found)

        return pattern

    def trace(self, x: Any) -> list[Trace]:
        """Each layer's pre-activations and outputs for one row (contract §4), the layers after the input in order."""
        rows = self._inputs(x)
        if rows.rows != 1:
            raise ShapeError(f"x has {rows.rows} rows, expected 1")
        preactivations, outputs = matrices.zeros(sum(self.sizes[1:])), matrices.zeros(sum(self.sizes[1:]))
        pointers = self._core.doubles(preactivations), self._core.doubles(outputs)
        expect_ok(self._core.forward(*pointers, self._shape, self._pointer, rows.pointer))
        found = []
        at = 0
        for n_out in self.sizes[1:]:
            found.append(Trace(preactivations[at : at + n_out].tolist(), outputs[at : at + n_out].tolist()))
            at += n_out
        return found

    def _inputs(self, x: Any) -> matrices.Rows:
        self._check_parameters()
        return matrices.convert(self._core, x, self.sizes[0], "x", self._view)

    def _pair(self, x: Any, y: Any) -> tuple[matrices.Rows, matrices.Rows]:
        self._check_parameters()
        return matrices.convert_pair(self._core, x, y, self.sizes[0], self.sizes[-1], self._view)

    def _check_parameters(self) -> None:
        count = len(self._values)
        bad = self._core.first_nonfinite(self._pointer, count)
        if bad < count:
            name = gradient_check.names(self.sizes, self.bias)[bad]
            raise DataError(f"parameter {bad} of the network ({name}) is {self._values[bad]}, expected finite numbers")

    def _take_work(self) -> Any:
        """Scratch memory that no other thread has: lists pop and append in one piece."""
        try:
            return self._free_work.pop()
        except IndexError:
            return self._core.work(self._shape, self._core.predict_size(self._shape))

    # --- keeping it ---

    def copy(self) -> Network:
        """A network of its own with the same parameters, without the history; a subclass's attributes come along."""
        twin = object.__new__(type(self))
        twin._set_up(list(self._codes[0]), list(self._codes[1]), self.bias, self._backend)
        twin.parameters[:] = self.parameters
        vars(twin).update(self._attributes_of_subclasses())
        return twin

    def _attributes_of_subclasses(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in _ATTRIBUTES}

    def to_bytes(self) -> bytes:
        """The network as bytes (contract §11), the same on every machine."""
        data = bytearray(self._core.encode_size(self._shape))
        expect_ok(self._core.encode(self._core.octets(data), self._shape, self._pointer))
        return bytes(data)

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview, backend: str | None = None) -> Network:
        """The network that `to_bytes` wrote. ModelFileError: not exactly one whole, unaltered model."""
        core = choose(backend)
        copied = bytearray(memoryview(data))
        octets = core.octets(copied) if copied else None
        layers = core.decode_layers(octets, len(copied)) if copied else 0
        if layers == 0:
            raise ModelFileError(
                f"{len(copied)} bytes are not one whole model of format 1 (cut, altered, or something else)"
            )
        sizes, activations, bias = core.words(layers), core.words(layers - 1), core.words(1)
        expect_ok(core.decode_shape(sizes, activations, bias, octets, len(copied)))
        network = object.__new__(cls)
        network._set_up(list(sizes), list(activations), bool(bias[0]), backend)
        expect_ok(core.decode_parameters(network._pointer, octets, len(copied)))
        return network

    def fingerprint(self) -> str:
        """The SHA-256 of `to_bytes()`, in hexadecimal: equal where, and only where, shape and bits are equal."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a model file, whole or not at all. DataError: parameters that are not finite. OSError."""
        _files.write(path, model_file.dumps(self._fields()))

    def _fields(self) -> dict[str, Any]:
        """What a model file holds of it."""
        self._check_parameters()
        inputs = self.sizes[0]
        self_test = means(self._core, range(1, inputs + 1), inputs + 1)
        return {
            "contract": _pure.CONTRACT,
            "sizes": list(self.sizes),
            "activations": list(self.activations),
            "bias": self.bias,
            "parameters": model_file.to_hex(self._values),
            "self_test": {
                "input": model_file.to_hex(self_test),
                "output": model_file.to_hex(self.predict([self_test])[0]),
            },
        }

    @classmethod
    def load(cls, path: str | os.PathLike[str], backend: str | None = None) -> Network:
        """The network of a model file, whose self-test is replayed. ModelFileError: not whole, or altered. OSError."""
        choose(backend)
        name = os.fsdecode(path)
        fields = model_file.loads(model_file.read(path), name)
        contract = fields.get("contract")
        if contract != _pure.CONTRACT:
            kept = f"this bitprop keeps contract {_pure.CONTRACT}"
            raise ModelFileError(f"{name} is of contract {quoted(contract)}, {kept}")
        try:
            sizes = check.sizes(fields["sizes"])
            activations = check.activations(fields["activations"], ACTIVATIONS, len(sizes))
            bias = check.boolean("bias", fields["bias"])
            given = len(fields["parameters"])
            expected = sum((n_in + bias) * n_out for n_in, n_out in zip(sizes, sizes[1:]))
            if given != expected:  # before any memory is taken for what the sizes claim
                raise ValueError(f"{given} parameters, expected {expected} for the sizes {check.shape_text(sizes)}")
            network = object.__new__(cls)
            network._set_up(sizes, activations, bias, backend)
            network.parameters[:] = model_file.from_hex(fields["parameters"])
            rewritten = network._fields()
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFileError(f"{name} does not describe a network: {error}") from None
        if rewritten["self_test"] != fields.get("self_test"):
            here, there = quoted(rewritten["self_test"]), quoted(fields.get("self_test"))
            raise ModelFileError(f"{name}: its self-test gives {here}, not {there}")
        if model_file.dumps(rewritten) != model_file.dumps(fields):
            raise ModelFileError(f"{name} describes a network, but not as bitprop writes it")
        return network

    def __reduce__(self) -> tuple[Any, ...]:
        state = {"history": self.history, **self._attributes_of_subclasses()}
        return type(self).from_bytes, (self.to_bytes(), self._backend), state


_ATTRIBUTES = frozenset(  # what _set_up makes
    (
        "_backend",
        "_codes",
        "_core",
        "_free_work",
        "_holder",
        "_pointer",
        "_predict_row",
        "_shape",
        "_values",
        "_view",
    )
) | {"history"}
