# SPDX-License-Identifier: MIT
"""Networks as scikit-learn's estimators (extra: `sklearn`): labels, weights and seeds in its conventions."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple

from .checks import options as check
from .core import mode
from .errors import BackendError, DataError, OptionError, quoted
from .fit_options import RuleOptions
from .names import PARTNERS, Activation, Backend, Init, Loss, Rule, ScalingKind
from .network import Network
from .scaling import Scaling

try:
    import numpy as np
    from sklearn.base import BaseEstimator, ClassifierMixin, MultiOutputMixin, RegressorMixin, is_regressor
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_array, check_consistent_length, check_random_state, column_or_1d
    from sklearn.utils.multiclass import check_classification_targets, type_of_target
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError:
    raise BackendError("estimators need scikit-learn 1.6 or later: pip install 'bitprop[sklearn]'") from None

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray
    from typing_extensions import Self

__all__ = ["BitpropClassifier", "BitpropRegressor"]

BATCH = 50  # rows of a step with batch_size="auto": on iris, 200 are too few steps in 200 epochs (docs/sklearn.md)
FEATURES = ("n_features_in_", "feature_names_in_")  # which scikit-learn's check of the data sets
FULL_BATCH_RULES = ("rprop", "levenberg_marquardt")
NATURAL: dict[Activation, Loss] = {activation: loss for loss, activation in PARTNERS.items()}  # losses of classifiers


class _Rows(NamedTuple):
    """Rows to train on or to measure, with their weights where these differ."""

    inputs: NDArray[float64]
    targets: NDArray[float64]
    weights: NDArray[float64] | None

    def taken(self, places: Any) -> _Rows:
        """Those at these places, in their order."""
        weights = None if self.weights is None else self.weights[places]
        return _Rows(self.inputs[places], self.targets[places], weights)

    def weighed(self) -> _Rows:
        """Those of weights above 0, with weights whose sum is the number of these rows, so that losses are means.

        Weights that are all the same are left out. DataError: there are no such rows.
        """
        if self.weights is None:
            return self
        mode.require_standard("weights of rows")
        rows = self.taken(np.flatnonzero(self.weights))
        weights: Any = rows.weights
        if not len(weights):
            raise DataError("sample_weight is zero for all rows, expected a weight above zero")
        if not weights.max() < np.inf:
            raise DataError("class_weight is beyond float64, expected smaller numbers")
        if (weights == weights[0]).all():
            return rows._replace(weights=None)
        largest = weights / weights.max()
        return rows._replace(weights=largest * (len(largest) / math.fsum(largest.tolist())))

    def scaling(self, name: str) -> Scaling:
        """That of weighted rows' inputs or targets: each column to a weighted mean of 0 and deviation of 1.

        Without weights it would be Scaling.standard, but for the last bits: sums are rounded once here.
        """
        weights: Any = self.weights
        shifts, spreads = [], []
        for number, column in enumerate(getattr(self, name).T):
            if (column == column[0]).all():
                shifts.append(column[0])
                spreads.append(1.0)
                continue
            shift = math.fsum((weights * column).tolist()) / len(weights)
            with np.errstate(over="ignore"):
                squares = weights * ((column - shift) * (column - shift))
                if not squares.sum() < np.inf:
                    raise DataError(f"{name} have numbers in column {number} whose scaling is beyond float64")
            shifts.append(shift)
            spreads.append(math.sqrt(math.fsum(squares.tolist()) / len(weights)) or 1.0)
        return Scaling(shifts, spreads)


def _weights(X: NDArray[float64], sample_weight: Any) -> NDArray[float64]:
    """A checked weight for each row, at most 1, so that no product of weights overflows. DataError, ValueError."""
    weights: NDArray[float64] = check_array(
        sample_weight, dtype=np.float64, ensure_2d=False, input_name="sample_weight"
    )
    if weights.ndim != 1:
        raise DataError(f"sample_weight has {weights.ndim} dimensions, expected 1: a number for each row")
    check_consistent_length(X, weights)
    if weights.min() < 0.0:
        raise DataError(f"sample_weight has {weights.min()} in row {weights.argmin()}, expected at least 0")
    largest = weights.max()
    return weights / largest if largest > 0.0 else weights


class _Plateau:
    """A callback that stops where so many epochs in a row did not lower the least loss by more than `tol`."""

    def __init__(self, tol: float, patience: int):
        self.tol, self.patience = tol, patience
        self.least, self.waited = math.inf, 0

    def __call__(self, epoch: int, loss: float) -> bool:
        self.waited = 0 if loss < self.least - self.tol else self.waited + 1
        self.least = min(self.least, loss)
        return self.waited >= self.patience


class _Task(NamedTuple):
    """What is to be learnt, in a network's terms."""

    rows: _Rows
    last: Activation
    loss: Loss
    fitted: dict[str, Any]  # attributes of the estimator that go with the network
    strata: Any = None  # the classes of which rows held out have their shares
    target_scaling: ScalingKind | None = None


_OPTIONS = """

    `hidden_layer_sizes`: a size or several, (100,); () for none. `activation`: of the hidden layers, or one for each,
    "relu". `output_activation`, `loss`: None takes what suits y. `bias`, `init`: as for Network, True and "glorot".
    `scale_inputs`: "standard", "min_max" or None, by the rows of the first training. `rule`: as for Network.fit,
    "adam"; `rule_options`: a dict of the rule's options, {"momentum": 0.8} or so. `learning_rate`: a number, or one for
    each epoch; None takes the rule's own. `weight_decay`: 0.0. `batch_size`: "auto" is 50, and all rows for "rprop" and
    "levenberg_marquardt"; None is all. `max_iter`: epochs at most, 200. `shuffle`: whether each epoch has another
    order, True. `random_state`: an integer is the seed of the weights, the orders and the rows held out; None and a
    RandomState draw one. `tol`, `n_iter_no_change`: training stops where 10 epochs in a row did not lower the loss
    below the least so far by more than 0.0001; never for tol=None. `early_stopping`: judge a share of the rows instead,
    `validation_fraction` (0.1), which is not trained on; the network of the best epoch is kept. (tol=None is 0 then.)
    `warm_start`: fit goes on from the network that is there, False. `callbacks`: functions of epoch and loss, each
    called after every epoch; training stops if one returns True. `verbose`: show a bar of the progress, False.
    `backend`: as for Network, None.

    After fit: `network_`, the bitprop.Network, scalings included; `n_iter_`, the epochs of the last training;
    `loss_curve_`, the loss of every epoch before its steps, of all trainings of the network; `validation_curve_`, the
    loss of the rows held out after each epoch of the last training, or None; `n_features_in_`, `feature_names_in_`.
    Errors are those of Network and Network.fit, ValueError and TypeError of scikit-learn's checks, NotFittedError.
    """


@dataclass(eq=False, repr=False)
class _Estimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What both have in common: the options, a training, and what is left of it."""

    hidden_layer_sizes: int | Sequence[int] = (100,)
    activation: Activation | Sequence[Activation] = "relu"
    output_activation: Activation | None = None
    loss: Loss | None = None
    bias: bool = True
    init: Init = "glorot"
    scale_inputs: ScalingKind | None = "standard"
    rule: Rule = "adam"
    rule_options: dict[str, Any] | None = None
    learning_rate: float | Sequence[float] | None = None
    weight_decay: float = 0.0
    batch_size: int | str | None = "auto"
    max_iter: int = 200
    shuffle: bool = True
    random_state: Any = None
    tol: float | None = 1e-4
    n_iter_no_change: int = 10
    early_stopping: bool = False
    validation_fraction: float = 0.1
    warm_start: bool = False
    callbacks: Sequence[Callable[[int, float], Any]] | None = None
    verbose: bool = False
    backend: Backend | None = None

    network_: Network = field(init=False)
    loss_curve_: list[float] = field(init=False)
    validation_curve_: list[float] | None = field(init=False)
    n_iter_: int = field(init=False)

    def _task(self, X: NDArray[float64], y: Any, weights: NDArray[float64] | None, known: Any) -> _Task:
        """What is to be learnt from checked data; said by the subclasses. `known`: the classes, or None."""
        raise NotImplementedError

    # --- training ---

    def _fit(self, X: Any, y: Any, sample_weight: Any, part: bool = False, classes: Any = None) -> Self:
        """Trains a new network, or with `warm_start` the old one; `part`: the old one if there is, by one epoch."""
        going_on = hasattr(self, "network_") and (part or self.warm_start)
        if part and self.early_stopping:
            raise OptionError("early_stopping is True with partial_fit, which holds no rows out: expected False")
        checks = {"multi_output": True, "y_numeric": is_regressor(self), "reset": not going_on}
        with self._features_kept():
            self._fit_checked(X, y, sample_weight, part, classes, checks)
        return self

    @contextlib.contextmanager
    def _features_kept(self) -> Iterator[None]:
        """Where no network comes of new data, takes back what scikit-learn's checks noted of them."""
        had = {name: value for name, value in vars(self).items() if name in FEATURES}
        network = vars(self).get("network_")
        try:
            yield
        except BaseException:
            if vars(self).get("network_") is network:
                for name in FEATURES:
                    self.__dict__.pop(name, None)
                self.__dict__.update(had)
            raise

    def _fit_checked(
        self, X: Any, y: Any, sample_weight: Any, part: bool, classes: Any, checks: dict[str, bool]
    ) -> None:
        """The same. `checks`: options of scikit-learn's check of the data."""
        going_on = not checks["reset"]
        X, y = validate_data(self, X, y, dtype=np.float64, **checks)
        if hasattr(y, "toarray"):  # a sparse matrix
            y = y.toarray()
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        weights = None if sample_weight is None else _weights(X, sample_weight)
        task = self._task(X, y, weights, getattr(self, "classes_", None) if going_on else classes)
        network, seed, split_seed = self._network(task, going_on)
        rows, held_out = task.rows, None
        if self.early_stopping:
            rows, held_out = self._divided(task, split_seed)
        rows = rows.weighed()
        if not going_on:
            self._scale(network, rows, task.target_scaling)
        self._train(network, rows, held_out, task, seed, part, going_on)

    def _seed(self) -> int:
        """`random_state` if it is an integer, else one that is drawn from it."""
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**32, dtype=np.uint64))

    def _network(self, task: _Task, going_on: bool) -> tuple[Network, int, int]:
        """The network to train, the seed of its shuffles, and that of the rows to hold out."""
        hidden: Any = self.hidden_layer_sizes
        hidden = tuple(hidden) if hasattr(hidden, "__iter__") else (hidden,)
        names: Any = self.activation
        several = hasattr(names, "__iter__") and not isinstance(names, str)
        names = tuple(names) if several else (names,) * len(hidden)
        sizes = (task.rows.inputs.shape[1], *hidden, task.rows.targets.shape[1])
        shape = sizes, (*names, task.last), self.bias
        seed = self._seed()
        if not going_on:
            new = Network(*sizes, activation=shape[1], bias=self.bias, init=self.init, seed=seed, backend=self.backend)
            return new, seed, seed
        network = self.network_
        had = network.sizes, network.activations, network.bias
        if had != shape:
            text = "sizes {}, activations {} and bias {}"
            raise OptionError(f"the network that goes on has {text.format(*had)}, and is to have {text.format(*shape)}")
        # Each training has orders of its own, whose seed is the number of its first epoch further.
        return network, (seed + len(self.loss_curve_)) % 2**64, seed

    def _divided(self, task: _Task, seed: int) -> tuple[_Rows, _Rows]:
        """The rows to train on, and those to hold out: of each class its share. OptionError, TypeError."""
        share = check.real("validation_fraction", self.validation_fraction)
        if not 0.0 < share < 1.0:
            raise OptionError(f"validation_fraction is {share!r}, expected a number between 0 and 1")
        train, held_out = train_test_split(
            np.arange(len(task.rows.inputs)),
            test_size=share,
            random_state=np.random.RandomState(seed % 2**32),
            stratify=task.strata,
        )
        return task.rows.taken(train), task.rows.taken(held_out).weighed()

    def _scale(self, network: Network, rows: _Rows, target_scaling: ScalingKind | None) -> None:
        """Sets the network's scalings from the rows to train on."""
        network.scale(rows.inputs, rows.targets, inputs=self.scale_inputs, outputs=target_scaling)
        if rows.weights is not None and self.scale_inputs == "standard":
            network.input_scaling = rows.scaling("inputs")
        if rows.weights is not None and target_scaling == "standard":
            network.output_scaling = rows.scaling("targets")

    def _train(
        self,
        network: Network,
        rows: _Rows,
        held_out: _Rows | None,
        task: _Task,
        seed: int,
        part: bool,
        going_on: bool,
    ) -> None:
        batch_size = self.batch_size
        if batch_size == "auto":
            batch_size = None if self.rule in FULL_BATCH_RULES else BATCH
        elif isinstance(batch_size, str):
            raise OptionError(f"batch_size is {quoted(batch_size)}, expected a number of rows, None or 'auto'")
        whole = batch_size is None or (isinstance(batch_size, Integral) and batch_size >= len(rows.inputs))
        for name, given, kind, expected in (
            ("callbacks", self.callbacks, (list, tuple, type(None)), "a list of functions"),
            ("rule_options", self.rule_options, (dict, type(None)), "a dict"),
        ):
            if not isinstance(given, kind):
                raise TypeError(f"{name} is {quoted(given)}, expected {expected} or None")
        callbacks = list(self.callbacks or ())
        for each in callbacks:
            if not callable(each):
                raise TypeError(f"callbacks has {quoted(each)}, expected functions of epoch and loss")
        for option in self.rule_options or ():
            if option not in RuleOptions.__annotations__:
                rules = ", ".join(RuleOptions.__annotations__)
                raise OptionError(f"rule_options has {quoted(option)}, expected options of rules: {rules}")
        stops: dict[str, Any] = {}
        if held_out is not None:
            validation = held_out if held_out.weights is not None else held_out[:2]
            stops = {"validation": tuple(validation), "patience": self.n_iter_no_change, "min_delta": self.tol or 0.0}
        elif self.tol is not None and not part:
            tol = check.not_negative("tol", self.tol)
            callbacks.append(_Plateau(tol, check.integer("n_iter_no_change", self.n_iter_no_change, 1)))

        def after_epoch(epoch: int, loss: float) -> bool:
            return any([bool(each(epoch, loss)) for each in callbacks])  # noqa: C419  # all of them are called

        options: dict[str, Any] = {"weight_decay": self.weight_decay} if self.weight_decay != 0.0 else {}
        before = network.history
        try:
            network.fit(
                rows.inputs,
                rows.targets,
                epochs=1 if part else self.max_iter,
                learning_rate=self.learning_rate,
                batch_size=None if whole else batch_size,
                shuffle_seed=seed if self.shuffle and not whole else None,
                loss=task.loss,
                rule=self.rule,
                sample_weight=rows.weights,
                resume="rule" if part and before is not None else False,
                progress=bool(self.verbose),
                callback=after_epoch if callbacks else None,
                **stops,
                **options,
                **(self.rule_options or {}),
            )
        finally:  # also by Ctrl-C and divergence, which leave the last good epoch
            history = network.history
            if history is not None and history is not before:
                kept = self.loss_curve_ if going_on else []
                self.network_, self.n_iter_ = network, history.trained
                self.loss_curve_ = kept + history.loss[: history.trained]
                self.validation_curve_ = None if held_out is None else history.validation
                self.__dict__.update(task.fitted)

    # --- results ---

    def _outputs(self, X: Any) -> NDArray[float64]:
        check_is_fitted(self, "network_")
        return self.network_.predict(  # type: ignore[no-any-return]
            validate_data(self, X, dtype=np.float64, reset=False)
        )


@dataclass(eq=False, repr=False)
class BitpropClassifier(ClassifierMixin, _Estimator):  # type: ignore[misc]  # likewise
    """A network that tells classes, or several labels of a row: y has 0 and 1 then, in a column for each label.

    Two classes have one sigmoid output, more have softmax, and labels have a sigmoid each. `output_activation`:
    "softmax" or "sigmoid" for an output for each class. `loss`: None is the cross-entropy of these; sigmoid can have a
    squared error. `class_weight`: a weight for each class, {"a": 2.0} (1.0 for the others), or "balanced", by which all
    classes have the same weight in total; `sample_weight` is multiplied by it.
    `classes_`: the classes in their order, or the numbers of the labels.
    """

    class_weight: dict[Any, float] | str | None = None

    classes_: NDArray[Any] = field(init=False)
    multilabel_: bool = field(init=False)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Itself, trained on X (rows, features), the class or the labels of each row, and perhaps its weight."""
        return self._fit(X, y, sample_weight)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Itself, trained by one epoch of these rows. `classes`: all that there will ever be, for the first call.

        The inputs are scaled by the rows of the first call. The state of the rule goes on from call to call.
        """
        if self.class_weight == "balanced":
            raise OptionError("class_weight is 'balanced' with partial_fit, which knows no other rows: expected a dict")
        if classes is not None and any(each != each for each in np.asarray(classes).ravel().tolist()):
            raise DataError(f"classes is {quoted(classes)}, which has a NaN, expected labels: a NaN is equal to none")
        first = not hasattr(self, "network_")
        if first and classes is None and type_of_target(y) != "multilabel-indicator":
            raise OptionError("classes is None in the first call of partial_fit, expected all classes there will be")
        if not first and classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise OptionError(f"classes is {quoted(classes)}, expected those of before: {quoted(self.classes_)}")
        return self._fit(X, y, sample_weight, part=True, classes=classes)

    def predict(self, X: Any) -> NDArray[Any]:
        """The class of each row, or its labels (rows, labels)."""
        probabilities = self.predict_proba(X)
        if self.multilabel_:
            return (probabilities > 0.5).astype(np.int64)
        return self.classes_[probabilities.argmax(axis=1)]  # type: ignore[no-any-return]

    def predict_proba(self, X: Any) -> NDArray[float64]:
        """The probability of each class (rows, classes), in the order of `classes_`, or of each label."""
        outputs = self._outputs(X)
        if self.multilabel_ or self.network_.activations[-1] == "softmax":
            return outputs
        if len(self.classes_) == 2:
            return np.hstack([1.0 - outputs, outputs])
        total = reduce(np.add, outputs.T)[:, None]  # class by class: sums of NumPy's do not promise an order
        shares: NDArray[float64] = np.full_like(outputs, 1.0 / len(self.classes_))
        np.divide(outputs, total, out=shares, where=total > 0.0)
        return shares

    def predict_log_proba(self, X: Any) -> NDArray[float64]:
        """The logarithm of `predict_proba`, as NumPy gives it: its last bits may differ elsewhere; of 0 it is -inf."""
        with np.errstate(divide="ignore"):
            logarithms: NDArray[float64] = np.log(self.predict_proba(X))
        return logarithms

    def _task(self, X: NDArray[float64], y: Any, weights: NDArray[float64] | None, known: Any) -> _Task:
        check_classification_targets(y)
        kind = type_of_target(y)
        if kind == "multiclass-multioutput":
            raise OptionError("y has several columns of classes, expected one column, or several of 0 and 1 (labels)")
        labels = kind == "multilabel-indicator"
        if known is not None and getattr(self, "multilabel_", labels) != labels:
            had, given = ("labels", "classes") if self.multilabel_ else ("classes", "labels")
            raise OptionError(f"y has {given}, expected {had} as before")
        if labels:
            classes, targets = np.arange(y.shape[1]), y.astype(np.float64)
            if known is not None and len(known) != len(classes):
                raise OptionError(f"y has {len(classes)} labels, expected {len(known)} as before")
        else:
            found = np.unique(y)
            classes = found if known is None else np.unique(known)
            if not np.isin(found, classes).all():
                raise OptionError(f"y has the classes {quoted(found)}, expected some of {quoted(classes)}")
            places = np.searchsorted(classes, y)
            targets = np.eye(len(classes))[places]
        last = self.output_activation or ("sigmoid" if labels or len(classes) == 2 else "softmax")
        if last not in NATURAL or (labels and last != "sigmoid"):
            expected = "sigmoid with labels" if labels else " or ".join(NATURAL)
            raise OptionError(f"output_activation is {quoted(last)}, expected {expected}: outputs are probabilities")
        if not labels and last == "sigmoid" and len(classes) == 2:
            targets = targets[:, 1:]
        if self.class_weight is not None:
            if labels:
                raise OptionError("class_weight is given with labels, which are no classes: expected sample_weight")
            weights = (np.ones(len(y)) if weights is None else weights) * self._of_class(classes, places, weights)
        fitted = {"classes_": classes, "multilabel_": labels}
        rows = _Rows(X, np.ascontiguousarray(targets), weights)
        return _Task(rows, last, self.loss or NATURAL[last], fitted, strata=None if labels else places)

    def _of_class(self, classes: Any, places: Any, weights: Any) -> Any:
        """The weight of each row's class."""
        given = self.class_weight
        if given == "balanced":
            totals = np.bincount(places, weights, len(classes)).astype(np.float64)
            each = np.divide(
                math.fsum(totals), totals * np.count_nonzero(totals), out=np.ones_like(totals), where=totals > 0
            )
        elif isinstance(given, dict):
            unknown = [key for key in given if key not in classes.tolist()]
            if unknown:
                raise OptionError(f"class_weight has {quoted(unknown[0])}, expected classes of {quoted(classes)}")
            each = np.array([check.not_negative("class_weight", given.get(key, 1.0)) for key in classes.tolist()])
        else:
            raise OptionError(f"class_weight is {quoted(given)}, expected a dict, 'balanced' or None")
        return each[places]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


@dataclass(eq=False, repr=False)
class BitpropRegressor(RegressorMixin, MultiOutputMixin, _Estimator):  # type: ignore[misc]  # likewise
    """A network that gives numbers: y is (rows,) or (rows, outputs).

    The output is the sum itself ("identity") and `loss` "half_mse"; `loss_curve_` is of scaled targets.
    `scale_targets`: "standard", "min_max" (within what `output_activation` gives) or None, by the rows of the first
    training. Predictions have the units of y.
    """

    scale_targets: ScalingKind | None = "standard"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Itself, trained on X (rows, features), the numbers y of each row, and perhaps its weight."""
        return self._fit(X, y, sample_weight)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Itself, trained by one epoch of these rows.

        Inputs and targets are scaled by the rows of the first call. The state of the rule goes on from call to call.
        """
        return self._fit(X, y, sample_weight, part=True)

    def predict(self, X: Any) -> NDArray[float64]:
        """The numbers of each row: (rows,), or (rows, outputs) if there are several."""
        outputs = self._outputs(X)
        return outputs.ravel() if outputs.shape[1] == 1 else outputs

    def _task(self, X: NDArray[float64], y: Any, weights: NDArray[float64] | None, known: Any) -> _Task:
        targets = np.ascontiguousarray(y, dtype=np.float64).reshape(len(X), -1)
        last = self.output_activation or "identity"
        return _Task(_Rows(X, targets, weights), last, self.loss or "half_mse", {}, target_scaling=self.scale_targets)


for _kind in (BitpropClassifier, BitpropRegressor):
    _kind.__doc__ = f"{_kind.__doc__}{_OPTIONS}"
