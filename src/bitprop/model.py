# SPDX-License-Identifier: MIT
"""A network's parameters in a backend's memory, and the calls on them: what networks and sweeps share."""

from __future__ import annotations

import struct
import threading
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from . import _pure
from .checks import matrices
from .core import choose, expect_ok
from .errors import DataError, ModelFileError, ShapeError, quoted
from .names import ACTIVATIONS, KINKED
from .scaling import Scaler, Scaling, beyond

# What one call of the core does, so that Ctrl-C is answered between calls, after some hundredths of a second.
PIECE = 20_000_000  # rows times parameters
DRAWN = 100_000  # parameters that are drawn
LANES = 8  # rows that a piece of several is a multiple of (contract §6)


class _Pauses(threading.local):
    """What a thread calls between two pieces of a long call, which raises where the thread is to stop.

    In the main thread, where it does nothing, Python itself answers Ctrl-C there.
    """

    between: Callable[[], Any] = int


pauses = _Pauses()


def _row_predictor(
    core: Any, shape: Any, pointer: Any, sizes: tuple[int, ...], predict: Callable[..., int]
) -> Callable[[list[Any]], list[float] | None]:
    """A function that predicts one row of floats with the least overhead: everything it needs is in closure variables.

    It returns the outputs, or None where the row or the parameters need a conversion or a refusal.
    """
    first_nonfinite = core.first_nonfinite
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
        predicted: list[float] | None = None
        # The core tests the bits for finite numbers; Python's arithmetic could overflow, which may be trapped.
        finite = first_nonfinite(input_pointer, width) == width
        if finite and predict(output_pointer, memory, shape, pointer, input_pointer, 1) == 0:
            predicted = outputs.tolist()
        free.append(work)
        return predicted

    return predict_row


def _scaled_predictor(core: Any, inputs: Scaler | None, outputs: Scaler | None) -> Callable[..., int]:
    """The core's `predict`, of raw rows in memory that it may change; E_OPTION: a scaled row is not finite."""
    if inputs is None and outputs is None:
        return core.predict  # type: ignore[no-any-return]

    def predict(results: Any, work: Any, shape: Any, parameters: Any, given: Any, rows: int) -> int:
        if inputs is not None and inputs.apply(given, given, rows) < rows:
            return _pure.E_OPTION
        status: int = core.predict(results, work, shape, parameters, given, rows)
        if outputs is not None:
            outputs.invert(results, rows)
        return status

    return predict


class Model:
    """Checked sizes, codes of activations, and parameters, in the memory of one backend.

    It trusts its arguments, which are checked before. ShapeError: more parameters than memory can be addressed for.
    """

    def __init__(self, sizes: Sequence[int], activations: Sequence[int], bias: bool, backend: str | None):
        self.core = choose(backend)
        self.backend = backend  # as it was asked for
        self.sizes = tuple(sizes)
        self.activations = tuple(activations)
        self.bias = bias
        self.shape = self.core.shape(sizes, activations, bias)
        self.count = self.core.parameter_count(self.shape)
        if self.count == 0:
            raise ShapeError(f"{'-'.join(map(str, sizes))} has more parameters than memory can be addressed for")
        self.values = matrices.zeros(self.count)
        self.view: memoryview[float] = memoryview(self.values)  # as long as it is there, nobody can resize the array
        self.pointer = self.core.doubles(self.values)
        self._free_work: list[Any] = []
        self.drawn: tuple[int, int] | None = None  # seed and init of the last draw
        self.scale(None, None)

    def scale(self, inputs: Scaling | None, outputs: Scaling | None) -> None:
        """Takes these scalings (contract §13), which fit the sizes, for all rows that are given from now on."""
        self.input_scaling, self.output_scaling = inputs, outputs
        self._inputs = None if inputs is None else Scaler(self.core, inputs)
        self._outputs = None if outputs is None else Scaler(self.core, outputs)
        predict = _scaled_predictor(self.core, self._inputs, self._outputs)
        self.predict_row = _row_predictor(self.core, self.shape, self.pointer, self.sizes, predict)

    def copy(self) -> Model:
        """An independent model with the same parameters."""
        twin = Model(self.sizes, self.activations, self.bias, self.backend)
        twin.view[:] = self.view
        twin.drawn = self.drawn
        twin.scale(self.input_scaling, self.output_scaling)
        return twin

    def draw(self, seed: int, init: int) -> None:
        """Draws the initial parameters (contract §9)."""
        self.drawn = seed, init
        self._draw_into(self.pointer, seed, init)

    def _draw_into(self, pointer: Any, seed: int, init: int) -> None:
        generator = self.core.generator()
        for first in range(0, self.count, DRAWN):
            some = first, min(DRAWN, self.count - first)
            expect_ok(self.core.init_some(pointer, generator, self.shape, seed, init, *some))
            pauses.between()

    def is_as_drawn(self) -> bool:
        """Whether the parameters are still those that were drawn."""
        if self.drawn is None:
            return False
        values = matrices.zeros(self.count)
        self._draw_into(self.core.doubles(values), *self.drawn)
        return values.tobytes() == self.values.tobytes()

    # --- checks of what is given ---

    def parameter_name(self, index: int) -> str:
        """Where a parameter stands: "W1[0][2]" for layer 1, input 0, output 2, or "b1[2]" (contract §3)."""
        for layer, (n_in, n_out) in enumerate(zip(self.sizes, self.sizes[1:]), 1):
            if index < n_in * n_out:
                return f"W{layer}[{index // n_out}][{index % n_out}]"
            index -= n_in * n_out
            if index < n_out * self.bias:
                return f"b{layer}[{index}]"
            index -= n_out * self.bias
        raise IndexError(index)

    def require_finite(self) -> None:
        """DataError where a parameter is not finite, with its name."""
        bad = self.core.first_nonfinite(self.pointer, self.count)
        if bad < self.count:
            given = f"parameter {bad} of the network ({self.parameter_name(bad)}) is {self.values[bad]}"
            raise DataError(f"{given}, expected finite numbers")

    def inputs(self, x: Any) -> matrices.Rows:
        """Checked inputs, (rows, inputs). ShapeError; DataError: an input or a parameter is not finite."""
        self.require_finite()
        return matrices.convert(self.core, x, self.sizes[0], "x", self.view)

    def scaled(self, rows: matrices.Rows) -> matrices.Rows:
        """Checked inputs as the network takes them. DataError: one is not finite when it is scaled."""
        return rows if self._inputs is None else self._inputs.rows(rows, "x")

    def data(self, x: Any, y: Any, sample_weight: Any = None, kind: str = "") -> matrices.Data:
        """Checked inputs and targets, scaled, and weights of rows.

        ShapeError; DataError: a number, or a parameter, is not finite.

        `kind`: what messages call them first.
        """
        self.require_finite()
        raw = self.raw_data(x, y, sample_weight, kind)
        if self._inputs is None and self._outputs is None:
            return raw
        inputs = raw.inputs if self._inputs is None else self._inputs.rows(raw.inputs, f"{kind}x")
        targets = raw.targets if self._outputs is None else self._outputs.rows(raw.targets, f"{kind}y")
        return matrices.Data.of(self.core, inputs, targets, raw.weights)

    def raw_data(self, x: Any, y: Any, sample_weight: Any = None, kind: str = "") -> matrices.Data:
        """The same, not scaled."""
        widths = self.sizes[0], self.sizes[-1]
        return matrices.convert_data(self.core, x, y, *widths, self.view, kind, sample_weight)

    def validated(
        self, data: matrices.Data, validation: tuple[Any, ...] | float | None, seed: int
    ) -> tuple[matrices.Data, matrices.Data | None]:
        """The data to train on, and those to validate on: given, or a share of the others. Errors as for `data`."""
        if isinstance(validation, float):
            return matrices.divide(self.core, data, validation, seed)
        return data, None if validation is None else self.validation(validation)

    def validation(self, given: tuple[Any, ...]) -> matrices.Data:
        """Checked rows to validate on: x, y and perhaps their weights. Errors as for `data`."""
        x, y, *weights = given
        return self.data(x, y, weights[0] if weights else None, "validation ")

    # --- what it gives ---

    def predict(self, outputs: memoryview[float] | array[float], rows: matrices.Rows) -> None:
        """Fills `outputs`, (rows, outputs), by contract §4 and §13, some rows at a time. DataError: see `scaled`."""
        work = self._take_work()
        scaling, memory = self._inputs, None
        pointer = self.core.doubles(outputs)
        step = rows.rows if self.core.name == "python" else max(1, PIECE // self.count)
        for first in range(0, rows.rows, step):
            piece = rows.pointer, pointer
            if first > 0:
                piece = (
                    self.core.item(rows.pointer, first * rows.width),
                    self.core.item(pointer, first * self.sizes[-1]),
                )
            given, results = piece
            some = min(step, rows.rows - first)
            if scaling is not None:
                memory = memory if first > 0 else self.core.doubles(matrices.zeros(some * rows.width))
                bad = scaling.apply(memory, given, some)
                if bad < some:
                    raise beyond("x", first + bad)
                given = memory
            expect_ok(self.core.predict(results, work, self.shape, self.pointer, given, some))
            if self._outputs is not None:
                self._outputs.invert(results, some)
        self._free_work.append(work)

    def _pieces(self, rows: int, effort: int) -> Iterator[tuple[int, int]]:
        """The first row of each piece of so many, and its number of rows, which cost so much more than a prediction."""
        step = max(LANES, PIECE // (effort * self.count) // LANES * LANES)
        for first in range(0, rows, step):
            yield first, min(step, rows - first)
            pauses.between()

    def loss(self, data: matrices.Data, code: int) -> float:
        """The loss (contract §7), all rows as one batch."""
        figure, lanes = array("d", [0.0]), matrices.zeros(LANES)
        work = self._take_work()
        written = self.core.doubles(figure), self.core.doubles(lanes), work
        for piece in self._pieces(data.rows, 1):
            expect_ok(self.core.loss_some(*written, self.shape, self.pointer, data.pointer, code, *piece))
        self._free_work.append(work)
        return figure[0]

    def gradient(self, data: matrices.Data, code: int) -> array[float]:
        """The gradient of the loss (contract §5 to §7), all rows as one batch."""
        values = matrices.zeros(self.count)
        work = self.core.work(self.shape, self.core.train_size(self.shape, _pure.DESCENT))
        written = self.core.doubles(values), work
        for piece in self._pieces(data.rows, 4):
            expect_ok(self.core.gradient_some(*written, self.shape, self.pointer, data.pointer, code, *piece))
        return values

    def forward(self, row: Any) -> tuple[array[float], array[float]]:
        """All layers' pre-activations and outputs for the row at a pointer (contract §4)."""
        preactivations, outputs = matrices.zeros(sum(self.sizes[1:])), matrices.zeros(sum(self.sizes[1:]))
        pointers = self.core.doubles(preactivations), self.core.doubles(outputs)
        expect_ok(self.core.forward(*pointers, self.shape, self.pointer, row))
        return preactivations, outputs

    def backward(
        self, data: matrices.Data, preactivations: array[float], outputs: array[float], code: int
    ) -> array[float]:
        """The deltas of all nodes for the one row of the data (contract §5), whose `forward` gave the two arrays."""
        sums, deltas = matrices.zeros(self.count + 1), matrices.zeros(len(outputs))
        written = self.core.doubles(sums), self.core.doubles(deltas)
        read = self.core.doubles(preactivations), self.core.doubles(outputs), data.inputs.pointer, data.targets.pointer
        expect_ok(self.core.backward(*written, self.shape, self.pointer, *read, code))
        return deltas

    def kink_pattern(self, rows: matrices.Rows) -> Callable[[], bytes]:
        """A function whose bytes are 1 for each row and node whose activation is above its kink, and otherwise 0."""
        kinked = [
            ACTIVATIONS[code] in KINKED for code, n_out in zip(self.activations, self.sizes[1:]) for _ in range(n_out)
        ]
        inputs = [self.core.doubles(array("d", row)) for row in rows.split()]

        def pattern() -> bytes:
            active = bytearray()
            for row in inputs:
                preactivations, _ = self.forward(row)
                active += bytes(has_kink and z > 0.0 for has_kink, z in zip(kinked, preactivations))
            return bytes(active)

        return pattern

    def _take_work(self) -> Any:
        """Scratch memory that no other thread has: lists pop and append in one piece."""
        try:
            return self._free_work.pop()
        except IndexError:
            return self.core.work(self.shape, self.core.predict_size(self.shape))

    # --- bytes ---

    def encode(self) -> bytes:
        """The model's bytes (contract §11)."""
        data = bytearray(self.core.encode_size(self.shape))
        expect_ok(self.core.encode(self.core.octets(data), self.shape, self.pointer))
        return bytes(data)


def decode(data: bytes | bytearray | memoryview, backend: str | None) -> Model:
    """The model of `encode`'s bytes (contract §11). ModelFileError: not exactly one whole, intact model. TypeError."""
    core = choose(backend)
    try:
        copied = bytearray(memoryview(data))
    except TypeError:
        raise TypeError(f"data is {quoted(data)}, expected the bytes that Network.to_bytes() gave") from None
    octets = core.octets(copied) if copied else None
    layers = core.decode_layers(octets, len(copied)) if copied else 0
    if layers == 0:
        raise ModelFileError(
            f"{len(copied)} bytes are not one whole model of format 1 (cut, altered, or something else)"
        )
    sizes, activations, bias = core.words(layers), core.words(layers - 1), core.words(1)
    expect_ok(core.decode_shape(sizes, activations, bias, octets, len(copied)))
    model = Model(list(sizes), list(activations), bool(bias[0]), backend)
    expect_ok(core.decode_parameters(model.pointer, octets, len(copied)))
    return model
