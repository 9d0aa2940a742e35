# SPDX-License-Identifier: MIT
"""Trains again for a receipt, compares checkpoint by checkpoint, and says where the first difference is, and whose."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .._progress import Progress
from ..checks import matrices
from ..core import choose
from ..errors import BackendError, ReceiptError, ShapeError
from ..fit_options import Rate, check_options
from ..model import Model
from ..names import ACTIVATIONS
from ..network import Network
from ..scaling import Scaling
from ..vectors.check import Port
from . import finding
from .bits import bits_of, distance
from .epochs import first_wrong_epoch, transient
from .machines import CoreMachine, Machine, ProgramMachine, Snapshot, Task
from .place import Place
from .record import SHORT, Receipt, Recorder, data_hashes, digest, scaling_hash
from .tape import NAMES, Operation

TWIN_SECONDS = 300.0  # that the pure twin may take to decide, about
TWIN_RATE = 1.5e6  # rows times parameters that it trains in a second, about
PORT_SECONDS = 600.0  # for an answer of a program


class Verdict(NamedTuple):
    """What a verification came to. `lines`: the same for readers."""

    outcome: str  # "equal"; "machine", "receipt" or "both": what is wrong
    machine: str
    lines: tuple[str, ...]
    epochs: tuple[int, int] | None = None  # of checkpoints: up to the first everything is equal, at the second not
    place: dict[str, Any] | None = None

    @property
    def equal(self) -> bool:
        """Whether the machine gave the receipt's bits."""
        return self.outcome == "equal"


def verify(
    receipt: Receipt,
    x: Any,
    y: Any,
    *,
    sample_weight: Any = None,
    start: Network | None = None,
    learning_rate: Sequence[float] | None = None,
    backend: str | None = None,
    command: str | None = None,
    timeout: float = PORT_SECONDS,
    progress: bool | None = False,
) -> Verdict:
    """Trains again, by a backend or by a program that answers as ports do. See `Receipt.verify`."""
    task = task_of(receipt, x, y, sample_weight, start, learning_rate)
    if command is None:
        core = choose(backend)
        return hold(receipt, task, CoreMachine(core, f"the backend {core.name}"), progress)
    port = Port(command, timeout)
    try:
        return hold(receipt, task, ProgramMachine(port, "the program"), progress)
    finally:
        port.close()


# --- the training ---


def _network(receipt: Receipt, start: Network | None) -> Network:
    """The network at the start of the training. ReceiptError, ShapeError."""
    fields = receipt.fields["start"]
    if start is None:
        if "init" not in fields:
            raise ReceiptError(
                "the training began with parameters that were not drawn from a seed: give the network that it began "
                "with (--start MODEL)"
            )
        scalings = receipt.scalings
        hashed = [name for name, each in scalings.items() if isinstance(each, str)]
        if hashed:
            raise ReceiptError(f"the scaling of the {hashed[0]} did not fit: give the network with it (--start MODEL)")
        own = {f"{name[:-1]}_scaling": each for name, each in scalings.items() if isinstance(each, Scaling)}
        start = Network(
            *receipt.sizes,
            activation=receipt.activations,
            bias=receipt.fields["bias"],
            init=fields["init"],
            seed=fields["seed"],
            **own,  # type: ignore[arg-type]  # input_scaling, output_scaling
        )
        if start.fingerprint() != fields["fingerprint"]:
            given = f"init {fields['init']}, seed {fields['seed']} gives the start {start.fingerprint()[:16]} here"
            raise ReceiptError(f"{given}, and gave {fields['fingerprint'][:16]} where the receipt was made")
        return start
    if list(start.sizes) != receipt.sizes:
        raise ShapeError(f"the network is {start.sizes}, expected {tuple(receipt.sizes)} as in the receipt")
    if start.fingerprint() != fields["fingerprint"]:
        given = f"the network has the fingerprint {start.fingerprint()[:16]}"
        raise ReceiptError(f"{given}, expected {fields['fingerprint'][:16]}, that of the start of the training")
    mine = {"inputs": start.input_scaling, "outputs": start.output_scaling}
    for name, each in receipt.scalings.items():
        scaling = mine[name]
        if scaling is None or (scaling_hash(scaling) if isinstance(each, str) else scaling) != each:
            raise ReceiptError(f"the network's scaling of {name} is not that of the training")
    return start


def task_of(
    receipt: Receipt,
    x: Any,
    y: Any,
    sample_weight: Any = None,
    start: Network | None = None,
    learning_rate: Sequence[float] | None = None,
) -> Task:
    """The training of a receipt. ReceiptError: rows, start or rates are not those of it; ShapeError, DataError."""
    options, network = receipt.options(), _network(receipt, start)
    model = network.model
    data = model.data(x, y, sample_weight)
    if isinstance(options.validation, float):
        data, _ = model.validated(data, options.validation, options.split_seed)
    _expect_data(receipt, data)
    rate: Rate | dict[str, Any] = receipt.rate
    if isinstance(rate, dict):
        if learning_rate is None:
            raise ReceiptError(
                "the training had a learning rate for each epoch, which the receipt only hashes: give it"
            )
        rates = array("d", learning_rate)
        if digest(rates, len(rate["sha256"])) != rate["sha256"]:
            raise ReceiptError("the learning rates are not those of the training")
        rate = rates
    options = options._replace(
        log_every=1, validation=None, split_seed=0, check_every=1, criteria=check_options(1, 1).criteria
    )
    weights = None if data.weights is None else array("d", data.weights.values)
    parts = array("d", data.inputs.values), array("d", data.targets.values), weights
    shape = network.sizes, network.activations, network.bias
    return Task(*shape, options, rate, array("d", model.values), *parts, data.rows)


def _expect_data(receipt: Receipt, data: matrices.Data) -> None:
    """ReceiptError where the rows are not those of the training."""
    here, there = data_hashes(data), receipt.fields["data"]
    if here["rows"] != there["rows"]:
        raise ReceiptError(f"these are {here['rows']} rows, and the training had {there['rows']}")
    for name in ("inputs", "targets", "weights"):
        if here.get(name) != there.get(name):
            shown = [each.get(name, "none")[:16] for each in (here, there)]
            raise ReceiptError(
                f"the {name} are not those of the training: their hash is {shown[0]}, and was {shown[1]}"
            )


# --- the comparison ---


class _Run:
    """A machine's training, held against the checkpoints of a receipt as it goes on."""

    def __init__(self, receipt: Receipt, task: Task, machine: Machine, tick: Callable[[int], None]):
        self.checkpoints = receipt.checkpoints
        self.snapshots = [Snapshot(0, task.start, None)]  # those at checkpoints, which were right
        self.errors = array("d")  # since the last of these
        self.wrong: tuple[int, str] | None = None  # the first checkpoint that differs, and in what
        self.last: Snapshot = self.snapshots[0]
        self.all_errors = array("d")
        log_every = int(receipt.fields["options"]["log_every"])
        session = machine.session(task, self.snapshots[0])
        recorder = Recorder(1)
        whole = not (machine.by_epochs or task.is_stateless)
        if whole:  # asked once
            self.all_errors = session.advance(receipt.trained)
            tick(receipt.trained)
            self.last = session.snapshot()
        before = 0
        for number, checkpoint in enumerate(self.checkpoints):
            epochs = checkpoint.epoch - before
            if whole:
                errors = self.all_errors[before : checkpoint.epoch]
            else:
                errors = session.advance(epochs)
                tick(epochs)
                self.last = session.snapshot()
            logged = -before % log_every
            recorder.add(errors[logged::log_every])
            self.errors = errors
            known = not whole or number == len(self.checkpoints) - 1
            parameters = digest(self.last.parameters, SHORT) if known else checkpoint.parameters
            parts = ("errors", recorder.errors, checkpoint.errors), ("parameters", parameters, checkpoint.parameters)
            differing = [name for name, mine, expected in parts if mine != expected]
            if len(errors) < epochs:
                differing.append("number of epochs")
            if differing:
                self.wrong = number, " and ".join(differing)
                return
            if known:
                self.snapshots.append(self.last)
            before = checkpoint.epoch

    @property
    def interval(self) -> tuple[int, int]:
        """The epochs between which it becomes wrong."""
        assert self.wrong is not None
        number = self.wrong[0]
        return (self.checkpoints[number - 1].epoch if number else 0), self.checkpoints[number].epoch


def _fingerprint(task: Task, parameters: array[float]) -> str:
    model = Model(task.sizes, [ACTIVATIONS.index(name) for name in task.activations], task.bias, None)
    model.view[:] = memoryview(parameters)
    return hashlib.sha256(model.encode()).hexdigest()


def _final(receipt: Receipt, task: Task, machine: Machine, run: _Run) -> str:
    """The fingerprint of the final network: that of the last epoch, or of the best."""
    best = receipt.fields["best_epoch"]
    if best is None or not receipt.options().criteria.keeps_best:
        return _fingerprint(task, run.last.parameters)
    at = max((each for each in run.snapshots if each.epoch <= best), key=lambda each: each.epoch)
    session = machine.session(task, at)
    session.advance(best - at.epoch)
    return _fingerprint(task, session.snapshot().parameters)


def hold(receipt: Receipt, task: Task, machine: Machine, progress: bool | None = False) -> Verdict:
    """Holds a machine's training against the receipt."""
    with Progress(receipt.trained, f"{machine.label}: epochs", progress) as bar:
        run = _Run(receipt, task, machine, bar.update)
    fingerprint = receipt.fields["fingerprint"]
    if run.wrong is None:
        mine = _final(receipt, task, machine, run)
        if mine == fingerprint:
            found = f"{len(run.checkpoints)} checkpoints, {receipt.trained} epochs, fingerprint {fingerprint[:16]}"
            return Verdict("equal", machine.label, (f"equal: {found}",))
        lines = (
            f"differs: the final network is {mine[:16]}, and was {fingerprint[:16]}, though all checkpoints are equal",
            "what put the parameters of the best check back made another network where the receipt was made"
            if receipt.fields["best_epoch"] is not None
            else "the parameters were changed after the last epoch, where the receipt was made",
        )
        return Verdict("receipt", machine.label, lines)
    return _judge(receipt, task, machine, run, progress)


def _references(machine: Machine) -> list[CoreMachine]:
    """The cores that may stand for the contract, the quickest first; the last is the pure twin."""
    own = machine.core if isinstance(machine, CoreMachine) else None
    found: list[CoreMachine] = []
    for name, kernel, label in ((None, None, ""), (None, "portable", ", portable kernel"), ("python", None, "")):
        try:
            core = choose(name, kernel)
        except BackendError:
            continue
        same = own is not None and (core.name == "python" or core.kernel == own.kernel) and core.name == own.name
        if not same and all(core is not each.core for each in found):
            found.append(CoreMachine(core, f"the backend {core.name}{label}"))
    if not found or found[-1].core.name != "python":
        found.append(CoreMachine(choose("python"), "the pure twin"))
    return found


class _Judged(NamedTuple):
    reference: CoreMachine
    run: _Run
    agrees: bool  # with the receipt, up to the checkpoint in question


def _reference(receipt: Receipt, task: Task, machine: Machine, number: int, progress: bool | None) -> _Judged:
    """What stands for the contract: a core that gives the receipt's bits, or else the most trusted one."""
    until = receipt.checkpoints[number].epoch
    part = Receipt({**receipt.fields, "trained": until})
    part.fields["errors"] = part.fields["errors"][: number + 1]
    part.fields["parameters"] = part.fields["parameters"][: number + 1]
    judged = None
    for reference in _references(machine):
        seconds = until * task.rows * len(task.start) / TWIN_RATE
        if reference.core.name == "python" and judged is not None and seconds > TWIN_SECONDS:
            continue  # the portable core decides: it would take the twin too long
        with Progress(until, f"{reference.label}: epochs", progress) as bar:
            run = _Run(part, task, reference, bar.update)
        judged = _Judged(reference, run, run.wrong is None)
        if judged.agrees:
            break
    assert judged is not None
    return judged


def _judge(receipt: Receipt, task: Task, machine: Machine, run: _Run, progress: bool | None) -> Verdict:
    """Whose the difference is, and where."""
    assert run.wrong is not None
    number, what = run.wrong
    low, high = run.interval
    judged = _reference(receipt, task, machine, number, progress)
    reference = judged.reference
    head = f"differs: {what} at the checkpoint after {high} epochs; after {low} all is equal"
    at = judged.run.snapshots[-1] if judged.agrees else judged.run.snapshots[min(number, len(judged.run.snapshots) - 1)]
    if judged.agrees:
        at = next(each for each in judged.run.snapshots if each.epoch == low)
    outcome = "machine" if judged.agrees else "both"
    whose = f"{machine.label} is wrong: {reference.label} here gives the receipt's bits"
    if not judged.agrees:
        whose = f"{machine.label} is wrong, and so is the receipt: neither has the bits of {reference.label}"
    try:
        with Progress(high - at.epoch, f"{machine.label}: the first wrong epoch", progress) as bar:
            difference = first_wrong_epoch(machine, reference, task, at, high, bar.update)
        place = None if difference is None else finding.find(machine, reference, task, difference)
    except ReceiptError as error:  # of a program that answers no more
        lines = head, whose if judged.agrees else "whose it is could not be told", f"the search ended: {error}"
        return Verdict(outcome, machine.label, lines, (low, high))
    if difference is None and not judged.agrees:
        lines = (
            head,
            f"{machine.label} and {reference.label} here agree with each other, and not with the receipt",
            f"the machine that made the receipt went wrong in one of the epochs {low} to {high - 1}: let it run "
            "`bitprop receipt verify` itself, which says where",
        )
        return Verdict("receipt", machine.label, lines, (low, high))
    if place is None:
        place = transient(reference, task, at, run.errors, run.last)
    return Verdict(outcome, machine.label, (head, whose, *lines_of(place, task)), (low, high), fields_of(place, task))


# --- words ---


def name_of(task: Task, parameter: int) -> str:
    """Where a parameter stands: W1[0][2] for layer 1, input 0, output 2; or b1[2]."""
    if parameter >= len(task.start):
        return "the error"
    model = Model(task.sizes, [0] * (len(task.sizes) - 1), task.bias, "python")
    return model.parameter_name(parameter)


def _hex(value: float) -> str:
    return f"{value!r} ({bits_of(value):016x})"


def describe_operation(task: Task, operation: Operation) -> str:
    """An operation in words."""
    where = []
    if operation.layer is not None:
        where.append(f"layer {operation.layer}")
    if operation.node is not None:
        where.append(f"node {operation.node}")
    if operation.input is not None:
        where.append(
            f"input {operation.input}" if operation.function == "forward_row" else f"next node {operation.input}"
        )
    if operation.parameter is not None:
        where.append(name_of(task, operation.parameter))
    text = f"{NAMES[operation.symbol]} in the {operation.part}"
    return f"{', '.join([*where, text])}: {operation.text}"


def lines_of(place: Place, task: Task) -> list[str]:
    """A place for readers."""
    text = f"first wrong: epoch {place.epoch}"
    text += "" if place.batch is None else f", batch {place.batch}"
    text += "" if place.row is None else f", row {place.row}"
    lines = [text]
    distinct = {each.operation.number: each for each in reversed(place.suspects)}
    for number, suspect in enumerate(sorted(distinct.values(), key=lambda each: each.operation.number)):
        operation = suspect.operation
        start = "every such" if place.everywhere else "operation" if number == 0 else "or"
        lines.append(f"{start}: {describe_operation(task, operation)}")
        if number == 0:
            lines.append(f"operands {_hex(operation.a)} and {_hex(operation.b)}")
            apart = distance(operation.value, suspect.value)
            lines.append(f"expected {_hex(operation.value)}, got {_hex(suspect.value)}, {apart:+d} ulp")
    if place.parameter is not None and place.bits is not None:
        count = bin(place.bits).count("1")
        bits = f"bit {place.bits.bit_length() - 1} turned" if count == 1 else f"{count} bits turned"
        lines.append(
            f"{name_of(task, place.parameter)}: {bits} ({place.bits:016x}) {place.when} the epoch's arithmetic"
        )
    lines.append(f"likely cause: {cause_of(place, task)}")
    if place.alone is False:
        lines.append("this operation alone does not explain the whole epoch: there are more wrong ones")
    return [*lines, *place.notes]


def cause_of(place: Place, task: Task) -> str:
    """The likely cause in words."""
    if place.parameter is not None:
        again = "it comes again at this epoch" if place.repeats else "it did not come again"
        return f"memory, or a program that writes where it should not; no operation of the contract ({again})"
    if not place.repeats:
        return "it did not come again: memory, a race between threads, or a processor that fails at times"
    if not place.suspects:
        return "unknown; `bitprop vectors check` shows usual mistakes of programs"
    suspect = place.suspects[0]
    if suspect.cause:
        return suspect.cause
    if place.everywhere:
        return "this operation is done otherwise: the code or the compiler, wherever it is computed"
    around = "" if finding.FORWARD in place.notes else "; the arithmetic around it is right"
    return f"this operation at these operands: code, compiler or processor{around}"


def fields_of(place: Place, task: Task) -> dict[str, Any]:
    """A place as JSON has it."""
    suspects = [
        {
            "layer": each.operation.layer,
            "node": each.operation.node,
            "input": each.operation.input,
            "parameter": None if each.operation.parameter is None else name_of(task, each.operation.parameter),
            "operation": NAMES[each.operation.symbol],
            "part": each.operation.part,
            "text": each.operation.text,
            "operands": [f"{bits_of(value):016x}" for value in (each.operation.a, each.operation.b)],
            "expected": f"{bits_of(each.operation.value):016x}",
            "found": f"{bits_of(each.value):016x}",
            "ulps": distance(each.operation.value, each.value),
        }
        for each in place.suspects
    ]
    parameter = None if place.parameter is None else name_of(task, place.parameter)
    bits = None if place.bits is None else f"{place.bits:016x}"
    return {
        **{"epoch": place.epoch, "batch": place.batch, "row": place.row, "operations": suspects},
        **{"everywhere": place.everywhere, "alone": place.alone, "parameter": parameter, "bits": bits},
        **{"when": place.when or None, "repeats": place.repeats, "cause": cause_of(place, task)},
    }
