# SPDX-License-Identifier: MIT
"""The public class `Network`: it checks what users give and passes it to a model in a backend's memory."""

from __future__ import annotations

import hashlib
import os
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, overload

from . import _files, _training, fit_options, gradient_check, hints, html_parts, model_file, network_file
from ._holding import Holder
from ._progress import Progress
from .checks import matrices
from .checks import options as check
from .core import choose
from .errors import OptionError, ShapeError, quoted
from .gradient_check import GradientCheck
from .history import History
from .layers import Layer, Trace
from .model import Model, decode
from .names import (
    ACTIVATIONS,
    INITS,
    KINKED,
    LOSSES,
    PARTNERS,
    TARGET_RANGES,
    Activation,
    Backend,
    Init,
    Loss,
    Rule,
    ScalingKind,
)
from .receipts.record import Draft
from .resuming import TrainingState, describing
from .scaling import KINDS, Scaling, fitted

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray
    from typing_extensions import Self, Unpack

    Numbers = Iterable[Any]  # of numbers, or of rows of them
    Buffer = memoryview[Any] | array[Any]
Out = TypeVar("Out")
Result = TypeVar("Result")


class Array(Protocol):
    """Anything with `__array__`, such as NumPy's arrays and data frames."""

    def __array__(self, *arguments: Any, **options: Any) -> Any:
        """The NumPy array of its values."""


class Network:
    """A fully connected network, trained by back-propagation to the same bits everywhere (docs/contract.md).

    `sizes`: the layer sizes, the input's first. `activation`: "sigmoid" or another of contract §2, or one of these for
    each layer after the input. `bias`: whether there are biases. `init`: the distribution of the initial weights,
    "normal", "uniform" or "glorot" (§9), drawn from `seed` (0 <= seed < 2^64). `backend`: "cffi", "ctypes" or "python";
    None takes the fastest. `input_scaling`, `output_scaling`: see these attributes.
    ShapeError: fewer than two sizes, or one out of range. OptionError: another value that is not allowed. BackendError:
    the backend cannot be used here. TypeError.
    """

    __hash__ = None  # type: ignore[assignment]  # it changes as it trains

    def __init__(
        self,
        *sizes: int,
        activation: Activation | Sequence[Activation] = "sigmoid",
        bias: bool = True,
        init: Init = "normal",
        seed: int = 0,
        backend: Backend | None = None,
        input_scaling: Scaling | None = None,
        output_scaling: Scaling | None = None,
    ):
        checked = check.sizes(sizes)
        bias = check.boolean("bias", bias)
        activations = check.activations(activation, ACTIVATIONS, len(checked))
        init_code = check.choice("init", init, INITS)
        seed = check.seed("seed", seed)
        self._hold(Model(checked, activations, bias, backend))
        self.model.draw(seed, init_code)
        if input_scaling is not None:
            self.input_scaling = input_scaling
        if output_scaling is not None:
            self.output_scaling = output_scaling

    def _hold(self, model: Model) -> None:
        self.model = model  # used by the rest of the package
        self._holder = Holder()
        self.history: History | None = None
        self._left: TrainingState | None = None  # by the last training

    @classmethod
    def _of(cls, model: Model) -> Self:
        network = object.__new__(cls)
        network._hold(model)
        return network

    # --- description ---

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of nodes of each layer, the input's first."""
        return self.model.sizes

    @property
    def activations(self) -> tuple[Activation, ...]:
        """The name of each activation, one for each layer after the input."""
        return tuple(ACTIVATIONS[code] for code in self.model.activations)

    @property
    def bias(self) -> bool:
        """Whether the layers have biases."""
        return self.model.bias

    @property
    def backend(self) -> Backend:
        """The backend in use: "cffi", "ctypes" or "python"."""
        return self.model.core.name

    @property
    def parameters(self) -> memoryview[float]:
        """All parameters in the order of contract §3: a writable, flat float64 view; NumPy wraps it without a copy."""
        return self.model.view.cast("B").cast("d")

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers after the input; their weights and biases are views of the same memory as `parameters`."""
        layers = []
        start = 0
        for n_in, n_out, activation in zip(self.sizes, self.sizes[1:], self.activations):
            end = start + n_in * n_out
            weights = self.parameters[start:end].cast("B").cast("d", (n_in, n_out))
            start = end + n_out * self.bias
            layers.append(Layer(weights, self.parameters[end:start] if self.bias else None, activation))
        return tuple(layers)

    @property
    def _shape_text(self) -> str:
        return "-".join(map(str, self.sizes))

    def __repr__(self) -> str:
        names = self.activations
        activation = names[0] if len(set(names)) == 1 else ", ".join(names)
        biases = "with biases" if self.bias else "without biases"
        scaled = {"inputs": self.input_scaling, "targets": self.output_scaling}
        parts = " and ".join(part for part, scaling in scaled.items() if scaling is not None)
        biases += f", scaled {parts}" if parts else ""
        return f"<Network {self._shape_text}, {activation}, {biases}, {self.model.count} parameters, {self.backend}>"

    def _repr_html_(self) -> str:
        """What notebooks show: a line for each layer, and the fingerprint."""
        rows = [
            (number, n_in, n_out, name, n_in * n_out, n_out * self.bias)
            for number, (n_in, n_out, name) in enumerate(zip(self.sizes, self.sizes[1:], self.activations), 1)
        ]
        head = ("layer", "inputs", "nodes", "activation", "weights", "biases")
        return html_parts.table(head, rows, repr(self)) + html_parts.paragraph(f"fingerprint {self.fingerprint()}")

    def __eq__(self, value: object) -> bool:
        """Whether sizes, activations, `bias`, scalings and all bits of the parameters are the same; any two NaN are."""
        if not isinstance(value, Network):
            return NotImplemented
        mine, others = ((net.to_bytes(), net.input_scaling, net.output_scaling) for net in (self, value))
        return mine == others

    # --- scaling ---

    @property
    def input_scaling(self) -> Scaling | None:
        """How inputs are scaled (contract §13), or None. With it, all methods take raw rows.

        Setting it: ShapeError where it has not a column for each input; TypeError.
        """
        return self.model.input_scaling

    @input_scaling.setter
    def input_scaling(self, scaling: Scaling | None) -> None:
        self._holder.watch()
        self._check_scaling("input_scaling", scaling, self.sizes[0])
        self.model.scale(scaling, self.model.output_scaling)

    @property
    def output_scaling(self) -> Scaling | None:
        """How targets are scaled (contract §13), or None. With it, targets and predictions are raw.

        Losses and gradients are those of scaled targets. Setting it: errors as for `input_scaling`; OptionError: the
        outputs are softmax, whose targets are probabilities.
        """
        return self.model.output_scaling

    @output_scaling.setter
    def output_scaling(self, scaling: Scaling | None) -> None:
        self._holder.watch()
        self._check_scaling("output_scaling", scaling, self.sizes[-1])
        if scaling is not None and self.activations[-1] == "softmax":
            raise OptionError("output_scaling is given with softmax outputs, which are probabilities: expected None")
        self.model.scale(self.model.input_scaling, scaling)

    def _check_scaling(self, name: str, scaling: Scaling | None, width: int) -> None:
        if scaling is None:
            return
        if not isinstance(scaling, Scaling):
            raise TypeError(f"{name} is {quoted(scaling)}, expected a Scaling or None")
        if len(scaling) != width:
            raise ShapeError(f"{name} has {len(scaling)} columns, expected {width}")

    def scale(
        self,
        x: Numbers | Array | Buffer,
        y: Numbers | Array | Buffer | None = None,
        *,
        inputs: ScalingKind | None = "standard",
        outputs: ScalingKind | None = None,
        validation: float | None = None,
        split_seed: int = 0,
    ) -> None:
        """Sets `input_scaling` and `output_scaling` from the rows x, y that are to be trained on (contract §13).

        `inputs`, `outputs`: "standard" for mean 0 and deviation 1; "min_max" for inputs from 0 to 1 and for outputs
        within those of the last activation (0.1 to 0.9 for sigmoid, -0.8 to 0.8 for tanh and softsign, else 0 to 1);
        None for no scaling. `validation`, `split_seed`: the share of the rows that `fit` is going to take for
        validation, which is left out here too.
        OptionError, ShapeError, DataError, TypeError; TrainingError: another thread trains it. Nothing is set then.
        """
        self._holder.watch()
        for name, kind in (("inputs", inputs), ("outputs", outputs)):
            if kind is not None:
                check.choice(name, kind, KINDS)
        share, seed = check.validation(validation), check.seed("split_seed", split_seed)
        if isinstance(share, tuple):
            raise TypeError("validation is a pair, expected a share of the rows: other rows are not scaled from")
        if share is None and seed != 0:
            raise OptionError(f"split_seed is {seed}, which has no effect alone: expected a share as validation")
        if outputs is not None and y is None:
            raise OptionError(f"outputs is {outputs!r} without y, expected the targets")
        if outputs is not None and self.activations[-1] == "softmax":
            raise OptionError(f"outputs is {outputs!r} with softmax outputs, which are probabilities: expected None")
        model = self.model
        rows = matrices.convert(model.core, x, self.sizes[0], "x", model.view)
        data = matrices.Data.of(model.core, rows, rows) if y is None else model.raw_data(x, y)
        if share is not None:
            data, _ = matrices.divide(model.core, data, share, seed)
        ranges = (0.0, 1.0), TARGET_RANGES.get(self.activations[-1], (0.0, 1.0))
        found = []
        for part, kind, name, limits in zip((data.inputs, data.targets), (inputs, outputs), "xy", ranges):
            within = limits if kind == "min_max" else None
            found.append(None if kind is None else fitted(model.core, part, name, within))
        model.scale(*found)

    def loss_code(self, loss: Loss) -> int:
        """The number of a loss that goes with the outputs and their scaling. TypeError, OptionError."""
        code = check.loss(loss, self.activations[-1])
        if self.output_scaling is not None and loss in PARTNERS:
            squared = ", ".join(name for name in LOSSES if name not in PARTNERS)
            raise OptionError(f"loss is {loss!r} with scaled targets, which are no probabilities, expected {squared}")
        return code

    # --- training ---

    def fit(
        self,
        x: Numbers | Array | Buffer,
        y: Numbers | Array | Buffer,
        *,
        epochs: int,
        learning_rate: float | Sequence[float] | None = None,
        batch_size: int | None = None,
        shuffle_seed: int | None = None,
        loss: Loss = "half_sse",
        rule: Rule = "descent",
        sample_weight: Any = None,
        validation: tuple[Any, Any] | tuple[Any, Any, Any] | float | None = None,
        split_seed: int = 0,
        check_every: int = 1,
        patience: int | None = None,
        min_delta: float = 0.0,
        goal: float | None = None,
        stop_gl: float | None = None,
        stop_progress: float | None = None,
        log_every: int = 1,
        progress: bool | None = False,
        callback: _training.Callback | None = None,
        resume: bool | Literal["rule"] = False,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_seconds: float = 60.0,
        receipt: str | os.PathLike[str] | None = None,
        **options: Unpack[fit_options.RuleOptions],
    ) -> History:
        """The History of a training on x (rows, inputs) and y (rows, outputs) by an update rule (contract §5 to §8).

        Neither x nor y may change meanwhile, by a callback or a thread: a backend may read them at any time.
        `rule`: "descent", "momentum", "nesterov", "adam", "adamw" or "rprop" (§7). Its `options` are `momentum` of the
        second and third, `beta1`, `beta2` and `epsilon` of Adam's, `increase`, `decrease`, `first_step`, `step_min` and
        `step_max` of "rprop"; and of all, `weight_decay`, `l1` and `decay_biases`. `learning_rate`: a number, or one
        for each epoch; None takes 1.0, with Adam's rules 0.001. "rprop" uses none. "levenberg_marquardt" (§12) is for a
        squared error and up to 2,000 parameters; it uses only `mu`, `mu_increase`, `mu_decrease`, `mu_max` and
        `gradient_min`.
        `epochs`: passes over all rows, 0 or more. `batch_size`: rows of a step; None takes all, 1 is online training.
        `shuffle_seed`: the seed of the rows' order in each epoch; None keeps their order. `loss`: "half_sse", "sse",
        "half_mse" or "mse"; "binary_cross_entropy" for sigmoid outputs; "cross_entropy", the only one, for softmax
        outputs (§7). `log_every`: every how many epochs the loss is logged. `progress`: True shows a bar on stderr
        after two seconds; None does so on a terminal only. `callback(epoch, loss)` is called after each logged epoch;
        if it returns True, training stops and keeps that epoch's step. `history` is the returned History too.
        `sample_weight`: a weight for each row, at least 0, of which its error and its gradient are multiples (§5).
        `validation`: rows (x, y), or (x, y, sample_weight), that are only measured, or the share of the given rows to
        take for it, of a shuffle from `split_seed`. After every `check_every` epochs the loss of these rows is
        measured; a check is the best if it is lower than the best before it by more than `min_delta`. `goal`: stop at a
        check whose loss, of the validation or else of the rows that are trained on, is at or below it. `patience`: stop
        after so many checks in a row that are not the best. `stop_gl`: stop where the validation loss is more than so
        many per cent above the best. `stop_progress`: stop where the mean training error of `check_every` epochs is
        less than so many per mille above their least. With `patience` or `stop_gl`, the network ends with the
        parameters of the best check, but for an error or Ctrl-C.
        `resume`: go on with the training that this network's last `fit` left, or its model file, to the bits of one
        that never stopped; `epochs` are those of both together, and the other options and the rows must be the same.
        "rule": begin another training, of any rows, with the state of the rule that the last left (§7).
        `checkpoint`: the path of a model file, which is saved with the training at its end, also by an error or Ctrl-C,
        and about every so many seconds before, so that a training that is killed can go on.
        `receipt`: the path of a file of at most 2 KB, written at the end of a training that does not diverge: with it
        `bitprop receipt verify` trains again anywhere, and says where two machines differ (§14). It takes no `resume`.
        A TrainingHint warns of data that can hardly be learnt (at the first `fit`) and of a loss that hardly fell.
        OptionError, TypeError; ShapeError, DataError: of x, y or the parameters. TrainingError: another training of
        this network is running. DivergedError and Ctrl-C leave the parameters of the last good epoch.
        """
        checked = fit_options.check_options(
            epochs,
            log_every,
            batch_size=batch_size,
            shuffle_seed=shuffle_seed,
            loss=loss,
            validation=validation,
            split_seed=split_seed,
            check_every=check_every,
            patience=patience,
            min_delta=min_delta,
            goal=goal,
            stop_gl=stop_gl,
            stop_progress=stop_progress,
            rule=rule,
            **options,
        )
        last = self.activations[-1]
        self.loss_code(loss)
        checked.check_network(self.model.count)
        rate = checked.rate(learning_rate)
        if callback is not None and not callable(callback):
            raise TypeError(f"callback is {quoted(callback)}, expected a function of epoch and loss")
        model = self.model
        data, measured = model.validated(model.data(x, y, sample_weight), checked.validation, checked.split_seed)
        if shuffle_seed is not None and data.rows >= 2**32:
            raise ShapeError(f"x has {data.rows} rows, expected fewer than 2^32 with shuffling")
        path = None if checkpoint is None else _files.check_folder(checkpoint)
        seconds = check.not_negative("checkpoint_seconds", checkpoint_seconds)
        receipt_path = None if receipt is None else _files.check_folder(receipt)
        carries = isinstance(resume, str) and check.choice("resume", resume, ("rule",)) == 0
        if (carries or check.boolean("resume", resume)) and self._left is None:
            raise OptionError(
                f"resume={resume!r}, but the network has no training that could go on: fit it, or load a model file "
                "that was saved by checkpoint= or by save(..., training=True)"
            )
        if path is not None and receipt_path is not None and os.path.realpath(path) == os.path.realpath(receipt_path):
            raise OptionError(f"checkpoint and receipt are both {quoted(path)}, expected two files")
        if receipt_path is not None and resume:
            raise OptionError(f"receipt is given with resume={resume!r}: expected a training from its start")
        # Once, since it takes longer than a short training.
        warned = self.history is None and hints.on_data(data.inputs, data.targets, last, data.weights)
        for _ in self._holder.take():
            scalings = [each for each in (self.input_scaling, self.output_scaling) if each is not None]
            scaling = tuple(values for each in scalings for values in (each.shift, each.spread))
            checked = checked._replace(scaling=scaling)
            carried = self._carried(rule) if carries else None
            resumed = self._left if resume and not carries else None
            if resumed is not None:
                resumed.require(describing(checked, rate, data, resumed.epoch)(), checked.epochs, model.view)
                if resumed.stopping["reason"] is not None:
                    hints.on_ended(resumed.stopping["reason"])
            memory = model.core, model.shape, model.values
            keep = self._keep if path is None else lambda left: self._save_training(path, left)
            draft = None if receipt_path is None else Draft(model, checked, rate, data)
            recorders = [] if draft is None else [draft.recorder()]
            trainings = _training.Trainings(*memory, data, checked, [rate], measured, resumed, keep, carried, recorders)
            [history] = trainings.histories
            self.history = history
            with Progress(checked.epochs * data.rows, f"{checked.epochs} epochs: rows", progress) as bar:
                saving = None if path is None else keep
                [diverged] = trainings.run(lambda rows, _: bar.update(rows), callback, saving, seconds)
            if diverged is not None:
                raise checked.diverged(diverged, rate)
            if draft is not None and receipt_path is not None:
                draft.ended(recorders[0], history, model.encode()).write(receipt_path)
        if not warned:
            telling = checked.telling_rate(rate)
            hints.on_losses(history, checked.log_every, data.inputs, data.targets, last, telling)
        return history

    def _carried(self, rule: Rule) -> array[float] | None:
        """The state of the rule that the last training left; None where it did no epoch. OptionError."""
        left = self._left
        had = None if left is None else left.describe()["rule"]
        if left is None or had != rule:
            raise OptionError(f"rule is {quoted(rule)} with resume='rule', and the last training's was {quoted(had)}")
        return left.state

    def _keep(self, left: TrainingState) -> None:
        self._left = left

    def _save_training(self, path: str, left: TrainingState) -> None:
        self._left = left
        self.save(path, training=True)

    # --- results ---

    @overload
    def predict(self, x: NDArray[Any]) -> NDArray[float64]: ...  # type: ignore[overload-overlap]  # also iterable
    @overload
    def predict(self, x: Buffer) -> memoryview[float]: ...  # type: ignore[overload-overlap]  # likewise
    @overload
    def predict(self, x: Numbers) -> list[list[float]]: ...
    @overload
    def predict(self, x: Array) -> NDArray[float64]: ...
    @overload
    def predict(self, x: Numbers | Array | Buffer, out: Out) -> Out: ...
    def predict(self, x: Any, out: Any = None) -> Any:
        """The outputs (rows, outputs) for x (rows, inputs), by contract §4.

        They are lists for lists, a NumPy array for a NumPy array or a frame, and otherwise a memoryview. `out`:
        writable, contiguous float64 memory of the same size, which is filled and returned instead.
        ShapeError; DataError: x or a parameter is not finite; OptionError: `out` overlaps the parameters; TypeError.
        """
        model = self.model
        mark = self._holder.watch()
        if out is None and type(x) is list and x:
            row = x[0] if type(x[0]) is list and len(x) == 1 else x
            outputs = model.predict_row(row) if type(row[0] if row else None) is float else None
            if outputs is not None:
                self._holder.require_unchanged(mark)
                return [outputs]
        rows = model.inputs(x)
        width = self.sizes[-1]
        if out is None:
            values = matrices.zeros(rows.rows * width)
            model.predict(values, rows)
            self._holder.require_unchanged(mark)
            return matrices.give_back(values, rows.form, width)
        memory = matrices.writable(model.core, out, rows.rows, width, model.view)
        model.predict(memory, matrices.apart(model.core, rows, memory))
        self._holder.require_unchanged(mark)
        return out

    def _read(self, action: Callable[[], Result]) -> Result:
        """The result of reading the parameters. TrainingError: another thread trains them meanwhile."""
        mark = self._holder.watch()
        result = action()
        self._holder.require_unchanged(mark)
        return result

    def loss(
        self, x: Numbers | Array | Buffer, y: Numbers | Array | Buffer, loss: Loss = "mse", sample_weight: Any = None
    ) -> float:
        """The loss (contract §7) on x (rows, inputs) and y (rows, outputs), all rows as one batch.

        `sample_weight`: as for `fit`.

        ShapeError; DataError: a number of x, y or the parameters is not finite; OptionError: an unknown loss, or one
        that does not go with the outputs.
        """
        code = self.loss_code(loss)
        return self._read(lambda: self.model.loss(self.model.data(x, y, sample_weight), code))

    @overload
    def gradient(
        self, x: NDArray[Any], y: Any, loss: Loss = "half_sse", sample_weight: Any = None
    ) -> NDArray[float64]: ...
    @overload
    def gradient(self, x: Buffer, y: Any, loss: Loss = "half_sse", sample_weight: Any = None) -> memoryview[float]: ...
    @overload
    def gradient(self, x: Numbers, y: Any, loss: Loss = "half_sse", sample_weight: Any = None) -> list[float]: ...
    @overload
    def gradient(self, x: Array, y: Any, loss: Loss = "half_sse", sample_weight: Any = None) -> NDArray[float64]: ...
    def gradient(self, x: Any, y: Any, loss: Loss = "half_sse", sample_weight: Any = None) -> Any:
        """The gradient of the loss (contract §5 to §7), all rows as one batch: flat, in the order of `parameters`.

        It is a list for lists, a NumPy array for a NumPy array or a frame, and otherwise a memoryview. Errors as for
        `loss`.
        """
        code = self.loss_code(loss)

        def gradient() -> tuple[array[float], str]:
            data = self.model.data(x, y, sample_weight)
            return self.model.gradient(data, code), data.inputs.form

        return matrices.give_back(*self._read(gradient), None)

    def check_gradient(
        self,
        x: Numbers | Array | Buffer,
        y: Numbers | Array | Buffer,
        progress: bool | None = False,
        loss: Loss | None = None,
        sample_weight: Any = None,
    ) -> GradientCheck:
        """Every parameter's gradient of the loss beside finite differences, measured on a copy of the network.

        `loss`: None takes cross_entropy for softmax outputs, else half_sse. The check costs about twelve calls of
        `loss` for each parameter. `progress` as for `fit`. Errors as for `loss`, and FloatingPointModeError.
        """
        probe = self._read(self.model.copy)
        data = probe.data(x, y, sample_weight)
        code = self._natural_loss(loss)
        return gradient_check.check(
            probe.view,
            lambda: probe.loss(data, code),
            probe.gradient(data, code),
            list(map(probe.parameter_name, range(probe.count))),
            probe.kink_pattern(data.inputs) if set(KINKED) & set(self.activations) else None,
            progress,
        )

    def trace(
        self,
        x: Numbers | Array | Buffer,
        y: Numbers | Array | Buffer | None = None,
        loss: Loss | None = None,
    ) -> list[Trace]:
        """Each layer's values for one row x, in the order of the layers after the input (contract §4).

        With the targets y of the row, they have its way back as well (§5): the deltas, and what the row adds to the
        sums of the gradient, each as the product that it is. `loss`: None takes cross_entropy for softmax outputs,
        else half_sse, whose gradient is this sum itself. The last outputs are those before `output_scaling` is taken
        back.
        ShapeError: x is not one row, or y not its targets. DataError: a number of x, y or the parameters is not finite.
        OptionError: a loss that does not go with the outputs.
        """
        return self._read(lambda: self._trace(x, y, self._natural_loss(loss)))

    def _trace(self, x: Any, y: Any, code: int) -> list[Trace]:
        rows = self.model.inputs(x)
        if rows.rows != 1:
            raise ShapeError(f"x has {rows.rows} rows, expected 1")
        scaled = self.model.scaled(rows)
        preactivations, outputs = self.model.forward(scaled.pointer)
        deltas = None if y is None else self.model.backward(self.model.data(x, y), preactivations, outputs, code)
        layers = []
        inputs = list(scaled.values)
        start = 0
        for n_out in self.sizes[1:]:
            nodes = slice(start, start + n_out)
            back = None if deltas is None else deltas[nodes].tolist()
            layers.append(Trace(preactivations[nodes].tolist(), outputs[nodes].tolist(), inputs, back))
            inputs = outputs[nodes].tolist()
            start += n_out
        return layers

    def _natural_loss(self, loss: Loss | None) -> int:
        """The number of a loss that goes with the outputs: of the one that suits them best for None. OptionError."""
        natural: Loss = "cross_entropy" if self.activations[-1] == "softmax" else "half_sse"
        return self.loss_code(natural if loss is None else loss)

    # --- pictures, by matplotlib (extra: `lab`) ---

    def plot_boundary(self, x: Any = None, y: Any = None, path: str | os.PathLike[str] | None = None) -> Any:
        """A matplotlib figure of the output over two inputs, saved where a path is given.

        It has the rows x (rows, 2), each as the class of its target in y (rows, 1). Without rows, it goes from 0 to 1;
        with an `input_scaling`, over two spreads on either side of the shift.
        ShapeError: the network has not two inputs and one output. OptionError, DataError, BackendError.
        """
        from . import plots

        if (self.sizes[0], self.sizes[-1]) != (2, 1):
            raise ShapeError(f"the network is {self._shape_text}, expected two inputs and one output")
        if (x is None) != (y is None):
            raise OptionError(f"{'x' if y is None else 'y'} is given without the other, expected both or neither")
        if x is None:
            corners = self.raw_rows([[0.0, 0.0], [1.0, 1.0]] if self.input_scaling is None else [[-2.0] * 2, [2.0] * 2])
            return plots.save(plots.boundary(self.predict, corners, [], f"network {self._shape_text}"), path)
        data = self.model.raw_data(x, y)
        figure = plots.boundary(self.predict, data.inputs.split(), data.targets.split(), f"network {self._shape_text}")
        return plots.save(figure, path)

    def plot_weights(self, path: str | os.PathLike[str] | None = None) -> Any:
        """A matplotlib figure of the weights and biases of each layer, saved where a path is given.

        DataError: one is not finite. BackendError.
        """
        from . import plots

        return plots.save(plots.weights(self.layers, f"network {self._shape_text}"), path)

    # --- copies, bytes and files ---

    def copy(self) -> Self:
        """An independent network with the same parameters and no history; it keeps the attributes of a subclass."""
        twin = self._of(self._read(self.model.copy))
        vars(twin).update(self._attributes_of_subclasses())
        return twin

    def _attributes_of_subclasses(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in _ATTRIBUTES}

    def to_bytes(self) -> bytes:
        """The network alone, without scalings, as bytes (contract §11), the same on every machine."""
        return self._read(self.model.encode)

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview, backend: Backend | None = None) -> Self:
        """The network that `to_bytes` wrote (contract §11).

        ModelFileError: `data` is not exactly one whole, unaltered model. BackendError.
        """
        return cls._of(decode(data, backend))

    def fingerprint(self) -> str:
        """The SHA-256 of `to_bytes()` in lower-case hexadecimal (contract §11): equal for equal networks.

        Scalings have no part in it.
        """
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def save(self, path: str | os.PathLike[str], training: bool = False) -> None:
        """Writes a model file, whole or not at all.

        `training`: with what the last `fit` left, so that `fit(..., resume=True)` of the loaded network can go on.
        DataError: a parameter is not finite. OptionError: there is no training, or the parameters were changed since.
        OSError.
        """
        fields = self._read(lambda: network_file.describe(self))
        if check.boolean("training", training):
            if self._left is None or self._left.left.tobytes() != self.model.view.tobytes():
                raise OptionError(
                    "training=True, but the network has no training, or its parameters were changed since"
                )
            fields["training"] = self._left.to_fields()
        _files.write(path, model_file.dumps(fields))

    def raw_rows(self, rows: list[list[float]]) -> list[list[float]]:
        """Inputs that are scaled to about these rows; where one is beyond float64, the column's shift in its place."""
        if self.input_scaling is None:
            return rows
        taken_back: list[list[float]] = self.input_scaling.invert(rows)
        infinite = (float("inf"), -float("inf"))
        shift = self.input_scaling.shift
        return [[s if v in infinite else v for v, s in zip(row, shift)] for row in taken_back]

    @classmethod
    def load(cls, path: str | os.PathLike[str], backend: Backend | None = None) -> Self:
        """The network of a model file, after a replay of the file's self-test.

        ModelFileError: the file is cut or altered, or is no model file that this version reads. BackendError, OSError.
        """
        choose(backend)  # so that a wrong backend is not reported as a wrong file
        network, left = network_file.read(check.path(path), cls._of, backend)
        if left is not None:
            network._left = left
            network.history = left.history
        return network

    def __reduce__(self) -> tuple[Any, ...]:
        state = {"history": self.history, "_left": self._left, **self._attributes_of_subclasses()}
        scalings = self.input_scaling, self.output_scaling
        return type(self)._restored, (self.to_bytes(), self.model.backend, *scalings), state

    @classmethod
    def _restored(cls, data: bytes, backend: Backend | None, inputs: Scaling | None, outputs: Scaling | None) -> Self:
        """The network of a pickle."""
        network = cls.from_bytes(data, backend)
        network.model.scale(inputs, outputs)
        return network


_ATTRIBUTES = frozenset(("model", "_holder", "history", "_left"))  # those that _hold sets
