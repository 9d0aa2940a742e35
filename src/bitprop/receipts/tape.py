# SPDX-License-Identifier: MIT
"""The pure twin on numbers that tell each of their operations, and in which any one operation can be made wrong.

The twin's own text runs, in a copy of its module, so there is no third description of the contract's arithmetic. What
an operation belongs to is read from the twin's variables: its layer, node, input, parameter.
"""

from __future__ import annotations

import importlib.util
import linecache
import math
import struct
import sys
from array import array
from collections.abc import Callable, Mapping, Sequence
from types import FrameType, ModuleType
from typing import Any, NamedTuple

from .. import _pure
from ..names import ACTIVATIONS
from .bits import bits_of
from .machines import Task

REVEALING = 2.0**500  # a learning rate that makes a step tell its gradient
ENDS = ("sum_lanes", "gradient_scale", "divisor_of")  # functions that end a batch's gradient

CHECKS = frozenset(("is_finite", "first_nonfinite", "is_within"))  # whose operations only compare
STEPS = frozenset(("step", "take_step", "decay"))
PARTS = {  # what the twin's functions compute
    "forward_row": "weighted sum",
    "slope_of": "slope",
    "go_back": "hidden delta",
    "add_backward": "sum of the gradient",
    "sum_lanes": "sum of the lanes",
    "finish_row": "weight of the row",
    "gradient_scale": "scale of the gradient",
    "divisor_of": "scale of the gradient",
    "decay": "weight decay",
    "step": "step of the rule",
    "take_step": "error of the epoch",
    "row": "error and delta of the outputs",
}
NAMES = {"*": "product", "+": "sum", "-": "difference", "/": "quotient", "sqrt": "square root"}


class Operation(NamedTuple):
    """One operation of the contract's arithmetic, as the twin does it."""

    number: int  # among all
    symbol: str
    a: float
    b: float  # of a square root, a again
    value: float
    function: str  # of the twin
    line: int  # in its file
    layer: int | None  # after the input, from 1
    node: int | None
    input: int | None
    parameter: int | None  # its index; that of the error is one past the last
    row: int  # of the batch; the last where it is the step's

    @property
    def text(self) -> str:
        """The twin's line."""
        return linecache.getline(str(_pure.__file__), self.line).strip()

    @property
    def part(self) -> str:
        """What it is a part of."""
        return PARTS.get(self.function, "activation")

    @property
    def kind(self) -> tuple[str, int, str]:
        """What it has in common with the same operation elsewhere."""
        return self.function, self.line, self.symbol


Change = Callable[[float], float]


class _Mathematics:
    """What the twin takes of `math`, on recorded numbers."""

    ldexp, copysign, inf, nan = math.ldexp, math.copysign, math.inf, math.nan

    def __init__(self, tape: Tape):
        self._tape = tape

    def sqrt(self, value: float) -> float:
        return self._tape.do("sqrt", value, value, math.sqrt(value))

    def frexp(self, value: float) -> tuple[float, int]:
        mantissa, exponent = math.frexp(value)
        return self._tape.number(mantissa), exponent


def _binary(tape: Tape, symbol: str, calculate: Callable[[float, float], float], reflected: bool) -> Any:
    do = tape.do

    def operator(self: float, other: Any) -> float:
        a, b = (float(other), float(self)) if reflected else (float(self), float(other))
        return do(symbol, a, b, calculate(a, b))

    return operator


class Tape:
    """Runs the twin's text. `.operations`: those of a run that was recorded."""

    def __init__(self) -> None:
        spec = importlib.util.find_spec(_pure.__name__)
        assert spec is not None
        assert spec.loader is not None
        self.pure: ModuleType = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.pure)
        self.operations: list[Operation] = []
        self._count = 0
        self._row = 0
        self._recording = False
        self._changes: Mapping[int, Change] = {}
        self._everywhere: Callable[[Operation], float | None] | None = None
        calculations: dict[str, tuple[str, Callable[[float, float], float]]] = {
            "add": ("+", float.__add__),
            "sub": ("-", float.__sub__),
            "mul": ("*", float.__mul__),
            "truediv": ("/", float.__truediv__),
        }
        methods: dict[str, Any] = {"__slots__": (), "__neg__": lambda value: self.number(-float(value))}
        for name, (symbol, calculate) in calculations.items():
            methods[f"__{name}__"] = _binary(self, symbol, calculate, False)
            methods[f"__r{name}__"] = _binary(self, symbol, calculate, True)
        self.number: Callable[[float], float] = type("Number", (float,), methods)
        vars(self.pure).update(math=_Mathematics(self))
        for head in self.pure.HEADS:
            head.scale = self.number(head.scale)

    def do(self, symbol: str, a: float, b: float, value: float) -> float:
        """Takes an operation, and gives its result."""
        frame = sys._getframe(2)
        if frame.f_code.co_name in CHECKS:
            return value
        index = self._count
        self._count = index + 1
        change = self._changes.get(index)
        if change is not None:
            value = change(value)
        if self._recording:
            operation = self._describe(index, symbol, a, b, value, frame)
            if self._everywhere is not None and (other := self._everywhere(operation)) is not None:
                value = other
                operation = operation._replace(value=value)
            self.operations.append(operation)
        return self.number(value)

    def _describe(self, index: int, symbol: str, a: float, b: float, value: float, frame: FrameType) -> Operation:
        variables: dict[str, dict[str, Any]] = {}
        outer: FrameType | None = frame
        while outer is not None:
            if outer.f_globals is vars(self.pure):
                variables.setdefault(outer.f_code.co_name, outer.f_locals)
            outer = outer.f_back
        name, line = frame.f_code.co_name, frame.f_lineno
        layer = node = source = parameter = None
        mine = variables[name]
        if "forward_row" in variables:
            local = variables["forward_row"]
            layer, node = local["layer"], local["j"]
            if name == "forward_row":
                source = 0 if "a[0]" in linecache.getline(str(_pure.__file__), line) else local["i"]
            elif "softmax" in variables:
                node = variables["softmax"].get("j")
        elif "go_back" in variables:
            layer, node = variables["add_backward"]["layer"] - 1, variables["go_back"]["i"]
            if name == "go_back":
                text = linecache.getline(str(_pure.__file__), line)
                source = 0 if "d[0]" in text else None if "slope_of" in text else mine["j"]
        elif "add_backward" in variables:
            local = variables["add_backward"]
            layer = local["layer"]
            if "row" in variables:
                node = variables["row"].get("j")
            elif name == "add_backward":
                parameter = local.get("k", local["count"])
                parameter = (
                    local["count"] if "finish_row" in linecache.getline(str(_pure.__file__), line) else parameter
                )
        elif name in ("sum_lanes", "step", "decay"):
            parameter = mine.get("k")
        return Operation(index, symbol, a, b, value, name, line, layer, node, source, parameter, self._row)

    # --- runs ---

    def run(
        self,
        scene: Scene,
        changes: Mapping[int, Change] | None = None,
        record: bool = False,
        everywhere: Callable[[Operation], float | None] | None = None,
    ) -> Result:
        """What the scene comes to, with these operations made wrong.

        `everywhere`: gives another value for an operation, or None; for it, the run is recorded.
        """
        self._count = 0
        self._changes = changes or {}
        self._recording = record or everywhere is not None
        self._everywhere = everywhere
        self.operations = []
        pure, number, task = self.pure, self.number, scene.task
        shape = shape_of(pure, task)
        options = task.options
        parameters = list(map(number, scene.parameters))
        work = pure.Work(shape, options.rule)
        work.state = list(map(number, scene.state)) if scene.state is not None else work.state
        work.lanes = [list(lane) for lane in scene.lanes]
        data = pure_data(pure, task)
        training = pure.Training()
        training.settings = settings_of(pure, task, scene.rate, number)
        for row in range(scene.first, task.rows):
            self._row = row
            pure.add_row(work, shape, parameters, data, row, row, options.loss)
        pure.sum_lanes(work.sums, work.lanes)
        training.batch_row = task.rows
        pure.take_step(training, parameters, work, shape)
        return Result(array("d", parameters), array("d", work.state), float(training.error))


class Scene(NamedTuple):
    """The end of a batch: its last rows, of which the lanes hold those before `first`, and the step."""

    task: Task  # whose rows are the batch
    parameters: Sequence[float]
    state: Sequence[float] | None
    rate: float
    lanes: list[list[float]]
    first: int


class Result(NamedTuple):
    """What a batch comes to."""

    parameters: array[float]
    state: array[float]
    error: float

    def same(self, other: Result, states: bool = False) -> bool:
        """Whether all bits are the same: of parameters and error, and perhaps of the states."""
        mine, others = (
            (each.parameters.tobytes(), struct.pack("<d", each.error), each.state.tobytes() if states else b"")
            for each in (self, other)
        )
        return mine == others


def unequal(one: Result, other: Result) -> set[int]:
    """The indices of the parameters whose bits differ; that of the error is one past the last."""
    places = {k for k, pair in enumerate(zip(one.parameters, other.parameters)) if len(set(map(bits_of, pair))) > 1}
    return places | ({len(one.parameters)} if bits_of(one.error) != bits_of(other.error) else set())


def shape_of(pure: ModuleType, task: Task) -> Any:
    """The task's shape for the twin."""
    codes = [ACTIVATIONS.index(name) for name in task.activations]
    return pure.Shape(list(task.sizes), codes, len(task.sizes), int(task.bias))


def pure_data(pure: ModuleType, task: Task) -> Any:
    """The task's rows for the twin."""
    weights = None if task.weights is None else task.weights.tolist()
    return pure.Data(task.inputs.tolist(), task.targets.tolist(), task.rows, weights)


def settings_of(pure: ModuleType, task: Task, rate: float, number: Callable[[float], float]) -> Any:
    """The task's settings for the twin."""

    class _Maker:
        @staticmethod
        def settings(**fields: Any) -> Any:
            return pure.Settings(**{**fields, "learning_rate": number(rate)})

    return task.options.settings(_Maker, task.rows, rate)  # type: ignore[arg-type]  # all of a core that it takes


def initial_state(task: Task) -> list[float]:
    """The state of the task's rule at the start of a training (contract §7)."""
    from .._training import drawn_state
    from ..core.python import PythonCore

    work = _pure.Work(shape_of(_pure, task), task.options.rule)
    if task.options.first_steps is not None:
        core: Any = PythonCore()
        return drawn_state(core, work.count, *task.options.first_steps).tolist()
    work.rule.begin(work.state, work.count, settings_of(_pure, task, 0.0, float))
    return work.state


def lanes_before(task: Task, parameters: Sequence[float], row: int) -> list[list[float]]:
    """The lanes of a batch after the rows before this one, by the twin."""
    shape = shape_of(_pure, task)
    work = _pure.Work(shape)
    values, data = list(parameters), pure_data(_pure, task)
    for each in range(row):
        _pure.add_row(work, shape, values, data, each, each, task.options.loss)
    return work.lanes
