# SPDX-License-Identifier: MIT
"""What trains again for a receipt: a core of this process, or any program that speaks the protocol of ports."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from ..checks import matrices
from ..core import Core, expect_ok
from ..errors import ReceiptError, quoted
from ..fit_options import Options, Rate, check_options
from ..model_file import from_hex, to_hex
from ..names import ACTIVATIONS, LOSSES, RULE_OPTIONS, RULES, Activation
from ..resuming import replay_shuffles
from ..vectors.check import Port, Silence

WORK = 2_000_000  # rows times parameters of a slice, so that Ctrl-C is heard
LOG_SIZE = 4096
# What a question has under another name than Options, or not at all.
ASKED = frozenset(
    ("epochs", "log_every", "batch_size", "shuffle_seed", "loss", "rule", "constants", "first_steps", "decay_biases")
)
NOT_ASKED = frozenset(("validation", "split_seed", "check_every", "criteria", "scaling", "skipped"))


class Task(NamedTuple):
    """A training, as far as its bits depend on it: each epoch is logged, and nothing stops it."""

    sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    bias: bool
    options: Options
    rate: Rate  # of each epoch, counted from the start of the training
    start: array[float]  # parameters
    inputs: array[float]
    targets: array[float]
    weights: array[float] | None
    rows: int

    def of_rows(self, rows: Sequence[int], **options: Any) -> Task:
        """The same with these rows as one batch in their order, and with other options."""
        widths = self.sizes[0], self.sizes[-1]
        inputs, targets = (
            array("d", [value for row in rows for value in values[row * width : (row + 1) * width]])
            for values, width in zip((self.inputs, self.targets), widths)
        )
        weights = None if self.weights is None else array("d", [self.weights[row] for row in rows])
        changed = self.options._replace(batch_size=None, shuffle_seed=None, **options)
        return self._replace(options=changed, inputs=inputs, targets=targets, weights=weights, rows=len(rows))

    @property
    def is_stateless(self) -> bool:
        """Whether a training can begin at any epoch with its parameters alone."""
        return RULES[self.options.rule] == "descent" and self.options.shuffle_seed is None


class Snapshot(NamedTuple):
    """A training between two epochs."""

    epoch: int  # epochs that are done
    parameters: array[float]
    state: array[float] | None  # of its rule; None at the start, or where it cannot be told


class Session(Protocol):
    """A training under way."""

    epoch: int

    def advance(self, epochs: int) -> array[float]:
        """The errors of so many further epochs; fewer where it diverged or its rule ended it."""

    def snapshot(self) -> Snapshot:
        """Where it is now."""


class Machine(Protocol):
    """Something that trains."""

    label: str
    knows_states: bool  # whether a session can begin with a state of the rule
    by_epochs: bool  # whether it costs nothing to stop after each epoch

    def session(self, task: Task, at: Snapshot) -> Session:
        """A training that begins there."""

    def forward(self, task: Task, parameters: array[float], row: int) -> tuple[list[float], list[float]]:
        """The pre-activations and outputs of all nodes for a row of the task."""


class _CoreSession:
    def __init__(self, core: Core, task: Task, at: Snapshot):
        from .._training import drawn_state

        options = task.options
        self._core, self._options = core, options
        self._shape = core.shape(task.sizes, [ACTIVATIONS.index(name) for name in task.activations], task.bias)
        self._values = array("d", at.parameters)
        self._data = data_of(core, task)
        self._group = options.group(core, self._values, self._shape, 1, task.rows, LOG_SIZE)
        self._rates = core.doubles(task.rate) if isinstance(task.rate, array) and task.rate else None
        single = task.rate if isinstance(task.rate, float) else 0.0
        settings = options.settings(core, task.rows, single, self._rates)
        expect_ok(self._group.start(core, 0, self._shape, settings, self._data.pointer))
        state = at.state
        if state is None and options.first_steps is not None:
            state = drawn_state(core, len(self._values), *options.first_steps)
        if state is None and at.epoch > 0:
            state = matrices.zeros(self._group.state_size(core, self._shape, options.rule))
        if state is not None:
            self._group.resume(core, 0, self._shape, state, at.epoch)
        if options.shuffle_seed is not None and at.epoch > 0:
            order = self._group.trainings[0], self._group.orders[0], task.rows
            replay_shuffles(core, *order, options.shuffle_seed, at.epoch)
        self._limits = core.limits(budget=max(1, WORK // len(self._values)), log_size=LOG_SIZE)
        self.epoch = at.epoch

    def advance(self, epochs: int) -> array[float]:
        errors = array("d")
        until = self.epoch + epochs
        training = self._group.trainings[0]
        while self.epoch < until and self._group.statuses[0] == 0:
            self._limits.until = until
            expect_ok(self._group.train(self._core, self._shape, self._data.pointer, self._limits))
            errors.extend(self._group.logs[0][: training.epoch - self.epoch])
            self.epoch = int(training.epoch)
        return errors

    def snapshot(self) -> Snapshot:
        state = matrices.zeros(self._group.state_size(self._core, self._shape, self._options.rule))
        has_state = self._group.state(self._core, 0, self._shape, state)
        return Snapshot(self.epoch, array("d", self._values), state if has_state else None)


def data_of(core: Core, task: Task) -> matrices.Data:
    """A task's rows for a core."""
    widths = task.sizes[0], task.sizes[-1], 1
    parts = [
        matrices.Rows(values, core.readable(values), task.rows, width, "buffer")
        for values, width in zip((task.inputs, task.targets, task.weights), widths)
        if values is not None
    ]
    return matrices.Data.of(core, *parts)


class CoreMachine:
    """A core of this process."""

    knows_states = by_epochs = True

    def __init__(self, core: Core, label: str):
        self.core = core
        self.label = label

    def session(self, task: Task, at: Snapshot) -> Session:
        """A training that begins there."""
        return _CoreSession(self.core, task, at)

    def forward(self, task: Task, parameters: array[float], row: int) -> tuple[list[float], list[float]]:
        """The pre-activations and outputs of all nodes for a row of the task."""
        core, nodes = self.core, sum(task.sizes[1:])
        shape = core.shape(task.sizes, [ACTIVATIONS.index(name) for name in task.activations], task.bias)
        before, after = matrices.zeros(nodes), matrices.zeros(nodes)
        inputs = array("d", task.inputs[row * task.sizes[0] : (row + 1) * task.sizes[0]])
        values = core.doubles(array("d", parameters)), core.readable(inputs)
        expect_ok(core.forward(core.doubles(before), core.doubles(after), shape, *values))
        return before.tolist(), after.tolist()


def question(task: Task, parameters: array[float], first: int, epochs: int) -> dict[str, Any]:
    """A training of so many epochs as ports are asked it (docs/porting.md), which begins with the rate of `first`."""
    options = task.options
    grids = {
        name: [to_hex(values[at : at + width]) for at in range(0, len(values), width)]
        for name, values, width in (("inputs", task.inputs, task.sizes[0]), ("targets", task.targets, task.sizes[-1]))
    }
    given: dict[str, Any] = {
        "sizes": list(task.sizes),
        "activations": list(task.activations),
        "bias": task.bias,
        "parameters": to_hex(parameters),
        **grids,
        "epochs": epochs,
        "loss": LOSSES[options.loss],
    }
    if task.weights is not None:
        given["row_weights"] = to_hex(task.weights)
    rule = RULES[options.rule]
    constants = to_hex(options.constants[: len(RULE_OPTIONS[rule])])
    if not options.by_steps:
        return {"function": "levenberg", "input": {**given, "constants": constants}}
    seed = options.shuffle_seed
    single = task.rate if isinstance(task.rate, float) else 0.0
    given.update(learning_rate=to_hex([single])[0], batch_size=options.batch_size)
    given["shuffle_seed"] = None if seed is None else f"{seed:016x}"
    if rule != "descent":
        given.update(rule=rule, constants=constants)
    if options.first_steps is not None:
        _, high, drawn = options.first_steps
        given.update(first_step_high=to_hex([high])[0], first_step_seed=f"{drawn:016x}")
    if isinstance(task.rate, array):
        given["learning_rates"] = to_hex(task.rate[first : first + epochs])
    if options.decay_biases:
        given["decay_biases"] = True
    defaults = check_options(1, 1)
    for name, value in options._asdict().items():  # such as weight_decay
        if name not in ASKED | NOT_ASKED and value != getattr(defaults, name):
            given[name] = to_hex([value])[0] if isinstance(value, float) else value
    return {"function": "train", "input": given}


class _ProgramSession:
    """A training by a program, which is asked from its start each time where its rule has a state."""

    def __init__(self, program: ProgramMachine, task: Task, at: Snapshot):
        self._program, self._task = program, task
        self._parameters = at.parameters
        self.epoch = at.epoch

    def advance(self, epochs: int) -> array[float]:
        if self._task.is_stateless:
            answer = self._program.train(question(self._task, self._parameters, self.epoch, epochs))
            errors = answer.errors
        else:
            answer = self._program.train(question(self._task, self._task.start, 0, self.epoch + epochs))
            errors = answer.errors[self.epoch :]
        self.epoch += len(errors)
        self._parameters = answer.parameters
        return errors

    def snapshot(self) -> Snapshot:
        return Snapshot(self.epoch, array("d", self._parameters), None)


class _Trained(NamedTuple):
    errors: array[float]
    parameters: array[float]


class ProgramMachine:
    """A program that answers trainings as ports do."""

    knows_states = by_epochs = False

    def __init__(self, port: Port, label: str):
        self._port = port
        self.label = label

    def session(self, task: Task, at: Snapshot) -> Session:
        """A training that begins there."""
        return _ProgramSession(self, task, at)

    def train(self, asked: dict[str, Any]) -> _Trained:
        """The answer to a training. ReceiptError: it is none."""
        answer = self.ask(asked)
        try:
            errors, parameters = from_hex(answer["sse"]), from_hex(answer["parameters"])
        except (KeyError, TypeError, ValueError):
            name = next(
                (name for name in ("sse", "parameters") if name not in answer), "sse or parameters in good form"
            )
            raise ReceiptError(f"{self.label} answers a training without {name} (docs/porting.md)") from None
        if len(errors) > asked["input"]["epochs"] or len(parameters) != len(asked["input"]["parameters"]):
            raise ReceiptError(f"{self.label} answers a training with other numbers than it was asked for")
        return _Trained(errors, parameters)

    def ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The answer to a question. ReceiptError: there is none."""
        try:
            line = self._port.ask(json.dumps(asked))
            answer = json.loads(line)
        except Silence as silence:
            raise ReceiptError(str(silence)) from None
        except (ValueError, RecursionError):
            raise ReceiptError(f"{self.label} does not answer in JSON: {quoted(line[:80])}") from None
        if not isinstance(answer, dict):
            raise ReceiptError(f"{self.label} does not answer with an object: {quoted(line[:80])}")
        if "error" in answer or "unsupported" in answer:
            said = quoted(answer.get("error", "unsupported"))
            raise ReceiptError(f"{self.label} cannot do this training: it says {said}")
        return answer

    def forward(self, task: Task, parameters: array[float], row: int) -> tuple[list[float], list[float]]:
        """The pre-activations and outputs of all nodes for a row of the task."""
        inputs = task.inputs[row * task.sizes[0] : (row + 1) * task.sizes[0]]
        network = {"sizes": list(task.sizes), "activations": list(task.activations), "bias": task.bias}
        given = {**network, "parameters": to_hex(parameters), "input": to_hex(inputs)}
        answer = self.ask({"function": "forward", "input": given})
        try:
            before, after = (
                [value for layer in answer[name] for value in from_hex(layer)] for name in ("preactivations", "outputs")
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ReceiptError(f"{self.label} answers a forward pass otherwise than ports do ({error})") from None
        nodes = sum(task.sizes[1:])
        if len(before) != nodes or len(after) != nodes:
            raise ReceiptError(f"{self.label} answers a forward pass with other numbers than those of {nodes} nodes")
        return before, after
