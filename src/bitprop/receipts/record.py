# SPDX-License-Identifier: MIT
"""A receipt: what a training was, with hashes of its course and its end, in at most 2 KB (contract §14).

A receipt is JSON and holds exactly the text that `Receipt.text` gives for its fields, so that any changed byte shows.
Receipts of one training have the same bytes on every machine.
"""

from __future__ import annotations

import hashlib
import json
import os
from array import array
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import _files, _pure
from ..checks import matrices
from ..checks import options as check
from ..errors import BitpropError, OptionError, ReceiptError, quoted
from ..fit_options import FitOptions, Options, Rate, RuleOptions, check_options
from ..history import History
from ..model import Model
from ..model_file import from_hex, scaling_fields, to_hex
from ..names import ACTIVATIONS, INITS, LEARNING_RATES, RULE_OPTIONS, RULES, Activation
from ..resuming import describe, readable
from ..scaling import Scaling

if TYPE_CHECKING:
    from .verifying import Verdict

FORMAT = "bitprop-receipt"
FORMAT_VERSION = 1
MOST_BYTES = 2048
CHECKPOINTS = 20  # most of them
SHORT, MEDIUM, LONG = 16, 32, 64  # hexadecimal digits of hashes
STOPS = ("epochs", "callback", "goal", "patience", "generalisation", "progress", "gradient", "mu")
ALWAYS = ("rule", "loss", "log_every", "learning_rate")  # options that stand there even if they have their default
FIELDS = (
    *("contract", "sizes", "activations", "bias", "options", "epochs", "start", "data"),
    *("every", "errors", "parameters", "trained", "stopped", "best_epoch", "fingerprint"),
)


def digest(values: array[float] | memoryview[float], digits: int) -> str:
    """So many hexadecimal digits of the SHA-256 of these numbers, each as 8 bytes, the lowest first."""
    return hashlib.sha256(matrices.octets(values)).hexdigest()[:digits]


class Checkpoint(NamedTuple):
    """What is known of a training after some epochs."""

    epoch: int  # how many
    errors: str  # the hash of all errors logged until then
    parameters: str  # that of the parameters


class Recorder:
    """Takes the hashes of one training, after every so many epochs and at its end."""

    def __init__(self, every: int):
        self.every = every
        self.checkpoints: list[Checkpoint] = []
        self._errors = hashlib.sha256()
        self._hashed = 0  # logged epochs

    @property
    def next(self) -> int:
        """After how many epochs it is to be called."""
        return self.every * (len(self.checkpoints) + 1)

    def take(self, epoch: int, history: History, parameters: array[float] | memoryview[float]) -> None:
        """Takes a checkpoint after so many epochs, unless it has it already."""
        if self.checkpoints and self.checkpoints[-1].epoch == epoch:
            return
        new = history.logged - self._hashed
        if new > 0:
            self.add(history.last_errors(new))
        self.checkpoints.append(Checkpoint(epoch, self._errors.hexdigest()[:SHORT], digest(parameters, SHORT)))

    def add(self, errors: array[float]) -> None:
        """Takes the errors of logged epochs into the hash."""
        self._errors.update(matrices.octets(errors))
        self._hashed += len(errors)

    @property
    def errors(self) -> str:
        """The hash of all errors until now."""
        return self._errors.hexdigest()[:SHORT]


def interval(epochs: int) -> int:
    """The epochs from one checkpoint of a training to the next."""
    return max(1, -(-epochs // CHECKPOINTS))


class Receipt:
    """A training's receipt. `.fields`: what it says, as JSON has it (contract §14)."""

    def __init__(self, fields: Mapping[str, Any]):
        self.fields = dict(fields)

    def text(self) -> str:
        """The file's text: a line for each field, then the SHA-256 of all before it."""
        fields = {"format": FORMAT, "format_version": FORMAT_VERSION, **self.fields}
        lines = [f' "{name}": {json.dumps(value, separators=(",", ":"))}' for name, value in fields.items()]
        head = "{\n" + ",\n".join(lines)
        return f'{head},\n "sha256": "{hashlib.sha256(head.encode()).hexdigest()}"\n}}\n'

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Receipt:
        """The receipt that `fit(..., receipt=path)` wrote.

        ReceiptError: the file is cut or altered, or no receipt that this version reads. OSError.
        """
        name = check.path(path)
        with open(name, "rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ReceiptError(f"{name} is no receipt: it has more than {MOST_BYTES} bytes")
        return loads(data, name)

    def verify(self, x: Any, y: Any, **how: Any) -> Verdict:
        """Trains again on the rows x and y, here, and says whether all is equal, or where the first difference is.

        The keywords are `sample_weight` as in `fit`; `start`, the network before the training, where it was not drawn
        from a seed; `learning_rate`, where the training had one for each epoch; `backend`, what trains; or `command`, a
        program that answers as ports do (docs/porting.md), with a `timeout` in seconds; and `progress` as in `fit`.
        ReceiptError: the rows, the network or the rates are not those of the training, or the program fails.
        ShapeError, DataError, OptionError, BackendError.
        """
        from .verifying import verify

        return verify(self, x, y, **how)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes it, whole or not at all. OSError."""
        _files.write(path, self.text())

    def __eq__(self, other: object) -> bool:
        return self.fields == other.fields if isinstance(other, Receipt) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as of a dict

    def __repr__(self) -> str:
        shape = "-".join(map(str, self.sizes))
        return f"<Receipt of {self.trained} epochs of {shape}, fingerprint {self.fields['fingerprint'][:16]}>"

    @property
    def sizes(self) -> list[int]:
        """The number of nodes of each layer, the input's first."""
        return list(self.fields["sizes"])

    @property
    def activations(self) -> list[Activation]:
        """The name of each activation, one for each layer after the input."""
        return list(self.fields["activations"])

    @property
    def trained(self) -> int:
        """The epochs that were done."""
        return int(self.fields["trained"])

    @property
    def checkpoints(self) -> list[Checkpoint]:
        """Its checkpoints, in their order; the last is the end of the training."""
        every, hashes = self.fields["every"], list(zip(self.fields["errors"], self.fields["parameters"]))
        epochs = [every * number for number in range(1, len(hashes))] + [self.trained]
        return [Checkpoint(epoch, *each) for epoch, each in zip(epochs, hashes)]

    @property
    def scalings(self) -> dict[str, Scaling | str]:
        """The network's scalings by `inputs` and `outputs`; where they did not fit, the hash of one."""
        given = self.fields.get("scaling", {})
        return {
            name: each if isinstance(each, str) else Scaling(from_hex(each["shift"]), from_hex(each["spread"]))
            for name, each in given.items()
        }

    def readable_options(self) -> dict[str, str]:
        """The options with numbers in decimal digits, as they show on a terminal."""
        given = self.fields["options"]
        shown = {name: readable(value) for name, value in given.items() if not isinstance(value, dict)}
        if isinstance(given.get("learning_rate"), dict):
            shown["learning_rate"] = f"{given['learning_rate']['count']} numbers, one for each epoch"
        return shown

    def options(self) -> Options:
        """The checked options of the training, with which it can be done again. TypeError, ValueError, KeyError."""
        return _options_of(self.fields["options"], self.fields["epochs"])

    @property
    def rate(self) -> float | dict[str, Any]:
        """The learning rate, or the number and the hash of a list with one for each epoch."""
        given = self.fields["options"].get("learning_rate", "0000000000000000")
        return from_hex([given])[0] if isinstance(given, str) else dict(given)


class Draft:
    """What a receipt says before the training. OptionError where it would be longer than 2 KB."""

    def __init__(self, model: Model, options: Options, rate: Rate, data: matrices.Data):
        epochs = options.epochs
        start: dict[str, Any] = {"fingerprint": hashlib.sha256(model.encode()).hexdigest()}
        if model.is_as_drawn():
            seed, init = model.drawn  # type: ignore[misc]  # it is there where they are as drawn
            start = {"init": INITS[init], "seed": seed, **start}
        scalings = {"inputs": model.input_scaling, "outputs": model.output_scaling}
        given = {name: scaling_fields(each) for name, each in scalings.items() if each is not None}
        self.every = interval(epochs)
        self._fields: dict[str, Any] = {
            "contract": _pure.CONTRACT,
            "sizes": list(model.sizes),
            "activations": [ACTIVATIONS[code] for code in model.activations],
            "bias": model.bias,
            **({"scaling": given} if given else {}),
            "options": describe_options(options, rate),
            "epochs": epochs,
            "start": start,
            "data": data_hashes(data),
            "every": self.every,
        }
        longest = self.receipt(
            [Checkpoint(epochs, "0" * SHORT, "0" * SHORT)] * min(CHECKPOINTS, max(1, epochs)),
            *(epochs, max(STOPS, key=len), None if options.validation is None else epochs, "0" * LONG),
        )
        if given and len(longest.text()) > MOST_BYTES:
            hashed = {name: scaling_hash(each) for name, each in scalings.items() if each is not None}
            self._fields["scaling"] = longest.fields["scaling"] = hashed
        if len(longest.text()) > MOST_BYTES:
            raise OptionError(
                f"a receipt of a network of {len(model.sizes)} layers would have {len(longest.text())} bytes, expected "
                f"at most {MOST_BYTES}"
            )

    def recorder(self) -> Recorder:
        """What the training is to call."""
        return Recorder(self.every)

    def receipt(
        self, checkpoints: Sequence[Checkpoint], trained: int, stopped: str | None, best: int | None, fingerprint: str
    ) -> Receipt:
        """The receipt of the training."""
        return Receipt(
            {
                **self._fields,
                "errors": [each.errors for each in checkpoints],
                "parameters": [each.parameters for each in checkpoints],
                "trained": trained,
                "stopped": stopped,
                "best_epoch": best,
                "fingerprint": fingerprint,
            }
        )

    def ended(self, recorder: Recorder, history: History, network_bytes: bytes) -> Receipt:
        """The receipt of a training that ended so, with the final network's bytes (contract §11)."""
        fingerprint = hashlib.sha256(network_bytes).hexdigest()
        end = history.trained, history.stopped, history.best_epoch
        return self.receipt(recorder.checkpoints, *end, fingerprint)


def data_hashes(data: matrices.Data) -> dict[str, Any]:
    """What a receipt says of the rows that were trained on, as they were scaled."""
    parts = {"inputs": data.inputs, "targets": data.targets, "weights": data.weights}
    hashes = {name: digest(rows.values, MEDIUM) for name, rows in parts.items() if rows is not None}
    return {"rows": data.rows, **hashes}


def scaling_hash(scaling: Scaling) -> str:
    """What a receipt says of a scaling whose numbers do not fit."""
    return digest(array("d", [*scaling.shift, *scaling.spread]), MEDIUM)


# --- options ---


def _described(options: Options, rate: Rate) -> dict[str, Any]:
    """All options with values of JSON, but for what a receipt says elsewhere."""
    fields = describe(options, rate, 0, "", options.epochs)
    for name in ("scaling", "rows", "data", "learning_rate"):
        del fields[name]
    return fields


def describe_options(options: Options, rate: Rate) -> dict[str, Any]:
    """The options as a receipt has them: those of the rule and the loss, and which others are not their defaults."""
    rule = RULES[options.rule]
    if isinstance(options.validation, tuple):
        options = options._replace(validation=())
    defaults = _described(check_options(options.epochs, 1, rule=rule), 0.0)
    kept = {*ALWAYS, *RULE_OPTIONS[rule]}
    fields = {
        name: value
        for name, value in _described(options, rate).items()
        if name in kept or value != defaults.get(name, None)
    }
    if rule in LEARNING_RATES:
        several = not isinstance(rate, float)
        fields["learning_rate"] = (
            {"count": len(rate), "sha256": digest(rate, MEDIUM)} if several else to_hex([rate])[0]  # type: ignore[arg-type, list-item]  # one of both
        )
    return fields


def _number(value: Any) -> Any:
    """A number that is written as 16 hexadecimal digits; another value as it is."""
    return from_hex([value])[0] if isinstance(value, str) and len(value) == SHORT else value


def _options_of(fields: Mapping[str, Any], epochs: Any) -> Options:
    """The checked options. KeyError, TypeError, ValueError."""
    given = {name: value for name, value in fields.items() if name not in ("log_every", "learning_rate")}
    steps = given.pop("first_steps", None)
    names = {*FitOptions.__annotations__, *RuleOptions.__annotations__}
    unknown = sorted(set(given) - names)
    if unknown:
        raise ValueError(f"{quoted(unknown[0])} is no option that this bitprop knows")
    numbers = {name: value if name in ("rule", "loss") else _number(value) for name, value in given.items()}
    if numbers.get("validation") == "rows":
        numbers["validation"] = ((), ())
    if steps is not None:
        low, high, seed = steps
        numbers.update(first_step=tuple(from_hex([low, high])), first_step_seed=seed)
    return check_options(epochs, fields["log_every"], **numbers)


# --- reading ---


def loads(data: bytes, name: str) -> Receipt:
    """The receipt of these bytes; `name` is the file's, for messages. ReceiptError."""
    try:
        fields = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ReceiptError(f"{name} is not a receipt, or is cut: it is not JSON") from None
    if not isinstance(fields, dict) or fields.pop("format", None) != FORMAT:
        raise ReceiptError(f'{name} is not a receipt: expected "format": "{FORMAT}"')
    version = fields.pop("format_version", None)
    if type(version) is not int or version != FORMAT_VERSION:
        raise ReceiptError(f"{name} has format version {quoted(version)}, this bitprop reads {FORMAT_VERSION}")
    fields.pop("sha256", None)
    receipt = Receipt(fields)
    try:
        written = receipt.text().encode("utf-8", "replace")
    except RecursionError:
        raise ReceiptError(f"{name} is not a receipt: its fields are nested too deeply") from None
    if written != data:  # which also tells fields that stand there twice
        raise ReceiptError(f"{name} was altered or cut: its bytes are not those that bitprop wrote")
    if fields.get("contract") != _pure.CONTRACT:
        kept = f"this bitprop keeps contract {_pure.CONTRACT}"
        made = f"contract {quoted(fields.get('contract'))}"
        raise ReceiptError(f"{name} is of {made}, {kept}: verify it with a bitprop of {made}")
    try:
        _expect_sound(receipt)
    except (AttributeError, BitpropError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise ReceiptError(f"{name} does not describe a training: {error}") from None
    return receipt


def _expect_sound(receipt: Receipt) -> None:
    """Raises where the fields are not such as bitprop writes."""
    fields = receipt.fields
    given = set(fields) - {"scaling"}
    if given != set(FIELDS):
        odd = sorted(given ^ set(FIELDS))[0]
        raise ValueError(f"{odd} is {'missing' if odd in FIELDS else 'no field of a receipt'}")
    ordered = [name for name in (*FIELDS[:4], "scaling", *FIELDS[4:]) if name in fields]
    if list(fields) != ordered or fields.get("scaling", None) == {}:
        raise ValueError("its fields are not in the order in which bitprop writes them")
    sizes = check.sizes(_list(fields, "sizes"))
    check.activations(_list(fields, "activations"), ACTIVATIONS, len(sizes))
    if type(fields["bias"]) is not bool:
        raise ValueError("bias is neither true nor false")
    epochs = check.integer("epochs", fields["epochs"], 0)
    options = receipt.options()
    kept = {name: value for name, value in fields["options"].items() if name != "learning_rate"}
    described = describe_options(options, 0.0)
    has_rate = described.pop("learning_rate", None) is not None
    if list(kept.items()) != list(described.items()) or has_rate != ("learning_rate" in fields["options"]):
        raise ValueError("its options are not as bitprop writes them")
    _expect_rate(receipt.rate, epochs)
    start = fields["start"]
    if set(start) == {"init", "seed", "fingerprint"}:
        check.choice("init", start["init"], INITS)
        check.seed("seed", start["seed"])
    elif set(start) != {"fingerprint"}:
        raise ValueError("its start has other fields")
    data = fields["data"]
    check.integer("rows", data["rows"], 1)
    if set(data) - {"weights"} != {"rows", "inputs", "targets"}:
        raise ValueError("its data have other fields")
    hashes = [(start["fingerprint"], LONG), (fields["fingerprint"], LONG)]
    hashes += [(value, MEDIUM) for name, value in data.items() if name != "rows"]
    for name, each in receipt.scalings.items():
        width = {"inputs": sizes[0], "outputs": sizes[-1]}[name]
        if isinstance(each, str):
            hashes.append((each, MEDIUM))
        elif len(each) != width:
            raise ValueError(f"its scaling of {name} is not of {width} columns")
    every, trained = fields["every"], check.integer("trained", fields["trained"], 0)
    if check.integer("every", every, 1) != interval(epochs) or trained > epochs:
        raise ValueError("its epochs do not fit each other")
    expected = max(1, -(-trained // every))
    for name in ("errors", "parameters"):
        if len(_list(fields, name)) != expected:
            raise ValueError(f"{name} has not {expected} hashes")
        hashes += [(each, SHORT) for each in fields[name]]
    for value, digits in hashes:
        if not (isinstance(value, str) and len(value) == digits and set(value) <= set("0123456789abcdef")):
            raise ValueError(f"{quoted(value)} is not {digits} hexadecimal digits")
    check.choice("stopped", fields["stopped"], STOPS)
    _expect_end(options, epochs, trained, fields["stopped"], fields["best_epoch"])


def _expect_end(options: Options, epochs: int, trained: int, stopped: str, best: Any) -> None:
    """Raises where a training by these options does not end so."""
    criteria = options.criteria
    has = {
        "goal": criteria.goal is not None,
        "patience": criteria.patience is not None,
        "generalisation": criteria.stop_gl is not None,
        "progress": criteria.stop_progress is not None,
        **dict.fromkeys(("gradient", "mu"), not options.by_steps),
    }
    if not has.get(stopped, True) or (stopped == "epochs" and trained != epochs):
        raise ValueError(f"its training of {trained} epochs does not end by {stopped!r}")
    if best is None:
        if criteria.keeps_best and options.validation is not None and trained >= options.check_every:
            raise ValueError("its best epoch is missing")
    elif (
        check.integer("best_epoch", best, 1) > trained or options.validation is None or best % options.check_every != 0
    ):
        raise ValueError("its best epoch is not one of the training")


def _list(fields: Mapping[str, Any], name: str) -> list[Any]:
    if not isinstance(fields[name], list):
        raise TypeError(f"{name} is no list")
    return list(fields[name])


def _expect_rate(rate: float | dict[str, Any], epochs: int) -> None:
    if isinstance(rate, float):
        check.learning_rates(rate, epochs)
    elif set(rate) != {"count", "sha256"} or rate["count"] != epochs or len(rate["sha256"]) != MEDIUM:
        raise ValueError("its learning rates are not one for each epoch")
