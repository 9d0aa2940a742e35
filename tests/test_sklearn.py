# SPDX-License-Identifier: MIT
"""The estimators: scikit-learn's own checks, its conventions, and the same bits from every backend."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from conftest import core_or_skip

pytest.importorskip("sklearn")

import numpy as np
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from bitprop import DataError, DivergedError, Network, OptionError, Scaling, TrainingHint, datasets
from bitprop.names import BACKENDS, Backend
from bitprop.sklearn import BitpropClassifier, BitpropRegressor

joblib, pd = pytest.importorskip("joblib"), pytest.importorskip("pandas")
KINDS: list[Any] = [BitpropClassifier, BitpropRegressor]
CHECKS = [(kind, check) for kind in KINDS for _, check in estimator_checks_generator(kind())]
# The checks that scikit-learn itself leaves out, with its reasons: there is no decision_function, as MLPClassifier has
# none; and test_array_api runs the other in a process of its own.
LEFT_OUT = {
    "check_classifiers_multilabel_output_format_decision_function": "does not have a decision_function method",
    "check_array_api_input": "SCIPY_ARRAY_API is not set",
}
IRIS = load_iris(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
QUICK = {"hidden_layer_sizes": 5, "max_iter": 20, "random_state": 1}


def name_of(value: Any) -> str:
    """The name of a check or of a class."""
    return str(getattr(value, "func", value).__name__)


def classifier(**options: Any) -> BitpropClassifier:
    """A small classifier."""
    return BitpropClassifier(**{**QUICK, **options})


def regressor(**options: Any) -> BitpropRegressor:
    """A small regressor."""
    return BitpropRegressor(**{**QUICK, **options})


@pytest.mark.parametrize(("kind", "check"), CHECKS, ids=name_of)
def test_checks(kind: type, check: Callable[[Any], None]) -> None:
    """Every check of scikit-learn's, with the default options; none is expected to fail."""
    try:
        check(kind())
    except pytest.skip.Exception:
        raise
    except Exception as error:
        if type(error).__name__ != "SkipTest" or LEFT_OUT.get(name_of(check), "?") not in str(error):
            raise


def test_number_of_checks() -> None:
    """There are as many as for MLPClassifier and MLPRegressor: 66 and 59 in 1.6, 67 and 60 in 1.9."""
    counts = [sum(each is kind for each, _ in CHECKS) for kind in KINDS]
    assert counts[0] >= 66
    assert counts[1] >= 59


def test_array_api() -> None:
    """The check of arrays by their protocol, which needs a variable before SciPy is imported."""
    program = (
        "from sklearn.utils.estimator_checks import estimator_checks_generator\n"
        "from bitprop.sklearn import BitpropClassifier, BitpropRegressor\n"
        "for kind in BitpropClassifier, BitpropRegressor:\n"
        "    for estimator, check in estimator_checks_generator(kind()):\n"
        "        if check.func.__name__ == 'check_array_api_input':\n"
        "            check(estimator)\n"
        "            print('done')\n"
    )
    environment = {**os.environ, "SCIPY_ARRAY_API": "1"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("done") == sum(name_of(check) == "check_array_api_input" for _, check in CHECKS)


# --- the same bits ---


def case_20516(kind: type, backend: Backend | None) -> Any:
    """What scikit-learn's issue 20516 trains: relu, random_state=123, a classifier and a regressor.

    Its data are not published; these are made by additions and products alone. Its solver lbfgs has no counterpart.
    """
    x, y = datasets.linear(200, seed=123)
    targets = [row[0] for row in y] if kind is BitpropClassifier else [a * b + a for a, b in x]
    return kind(activation="relu", random_state=123, max_iter=10, backend=backend).fit(x, targets)


@pytest.mark.parametrize(
    ("kind", "fingerprint"),
    [
        (BitpropClassifier, "9188296d40c7a98f614e5d5dd7c811a03571935873bf5ab6a1c3f0dbad1d23f5"),
        (BitpropRegressor, "73efeb0e4bdc71dddcebe34af0a3177590e4096fec90c9b5404744e9cd86272d"),
    ],
    ids=["classifier", "regressor"],
)
def test_issue_20516(backend: Backend, kind: type, fingerprint: str) -> None:
    """Where scikit-learn gave other weights on Windows than on Linux, there is one fingerprint for all platforms."""
    assert case_20516(kind, backend).network_.fingerprint() == fingerprint


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options", [{}, {"early_stopping": True}, {"rule": "rprop"}, {"output_activation": "sigmoid"}], ids=str
)
def test_backends(kind: type, options: dict[str, Any]) -> None:
    """All backends give the same weights, losses and predictions, with weights of rows as well."""
    x, y = IRIS
    weights = np.arange(len(x)) % 4 / 3.0
    scale = {"scale_targets": "min_max"} if kind is BitpropRegressor and options.get("output_activation") else {}
    results = set()
    for backend in BACKENDS:
        core_or_skip(backend)
        for given in (None, weights):
            made = kind(**QUICK, **options, **scale, backend=backend).fit(x, y, sample_weight=given)
            curves = repr((made.loss_curve_, made.validation_curve_))
            results.add((given is None, made.network_.fingerprint(), curves, made.predict(x).tobytes()))
    assert len(results) == 2


def test_network_is_the_one_of_bitprop() -> None:
    """An estimator trains what Network does with the same options, to the bit."""
    x, y = IRIS
    made = classifier(learning_rate=0.01, batch_size=16, weight_decay=1e-3, tol=None).fit(x, y)
    net = Network(4, 5, 3, activation=["relu", "softmax"], init="glorot", seed=1)
    net.scale(x)
    options: dict[str, Any] = {"rule": "adam", "learning_rate": 0.01, "batch_size": 16, "weight_decay": 1e-3}
    net.fit(x, np.eye(3)[y], epochs=20, shuffle_seed=1, loss="cross_entropy", **options)
    assert made.network_ == net
    assert made.predict_proba(x).tobytes() == net.predict(x).tobytes()
    assert made.loss_curve_ == net.history.loss  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["pickle", "joblib"])
def test_pickles_across_backends(kind: type, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was stored by one backend is read by another, and trains on to the same bits."""
    x, y = IRIS
    found = set()
    for writer in BACKENDS:
        core_or_skip(writer)
        monkeypatch.setenv("BITPROP_BACKEND", writer)
        made = kind(**QUICK, warm_start=True).fit(x, y)
        data = pickle.dumps(made)
        joblib.dump(made, tmp_path / "made.joblib")
        for reader in BACKENDS:
            monkeypatch.setenv("BITPROP_BACKEND", reader)
            back = pickle.loads(data) if way == "pickle" else joblib.load(tmp_path / "made.joblib")
            assert back.network_.backend == reader
            assert back.network_.fingerprint() == made.network_.fingerprint()
            assert back.predict(x).tobytes() == made.predict(x).tobytes()
            found.add(back.fit(x, y).network_.fingerprint())
    assert len(found) == 1


# --- labels ---


@pytest.mark.parametrize(
    "names",
    [
        ["setosa", "versicolor", "virginica"],
        [-1, 7, 2**40],
        [0.0, 1.0, 2.0],
        np.array(["a", "b", "c"], dtype=object),
        [True, False],
        ["no", "yes"],
    ],
    ids=str,
)
def test_labels_of_any_type(names: Any) -> None:
    """Predictions are the labels that were given, and the training is the same whatever they are called."""
    x, y = IRIS
    labels = np.asarray(names)
    x, y = x[y < len(labels)], y[y < len(labels)]
    made = classifier(max_iter=100).fit(x, labels[y])
    assert made.classes_.tolist() == sorted(labels.tolist())
    assert made.predict(x).dtype == labels.dtype
    assert made.score(x, labels[y]) > 0.8
    order = np.argsort(np.argsort(labels))
    assert made.network_ == classifier(max_iter=100).fit(x, order[y]).network_


def test_probabilities() -> None:
    """They sum to 1, with every output activation, and the class is the most probable one."""
    x, y = IRIS
    two = y < 2
    for rows, options, width in (
        (slice(None), {}, 3),
        (slice(None), {"output_activation": "sigmoid"}, 3),
        (two, {}, 1),
        (two, {"output_activation": "softmax"}, 2),
        (two, {"loss": "half_mse", "rule": "levenberg_marquardt"}, 1),
    ):
        made = classifier(**options).fit(x[rows], y[rows])
        assert made.network_.sizes[-1] == width
        found = made.predict_proba(x[rows])
        assert found.shape == (len(x[rows]), len(made.classes_))
        assert np.abs(found.sum(axis=1) - 1.0).max() < 1e-15
        assert (made.predict(x[rows]) == found.argmax(axis=1)).all()
        assert np.array_equal(made.predict_log_proba(x[rows]), np.log(found))
    with pytest.raises(OptionError, match="output_activation is 'tanh', expected sigmoid or softmax"):
        classifier(output_activation="tanh").fit(x, y)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, pd.DataFrame], ids=["array", "sparse", "frame"])
def test_several_labels(form: Any) -> None:
    """A sigmoid for each label, and 0 or 1 for each in predictions."""
    x, y = IRIS
    labels = np.column_stack([y == 1, y > 0, x[:, 2] > 4.5]).astype(int)
    made = classifier(max_iter=300).fit(x, form(labels))
    assert made.network_.activations[-1] == "sigmoid"
    assert made.predict(x).shape == made.predict_proba(x).shape == labels.shape
    assert made.score(x, labels) > 0.85
    assert made.classes_.tolist() == [0, 1, 2]
    with pytest.raises(OptionError, match="y has several columns of classes"):
        classifier().fit(x, np.column_stack([y, y]))


def test_one_class() -> None:
    """There is one probability then, of 1."""
    x, _ = IRIS
    for activation in (None, "sigmoid", "softmax"):
        made = classifier(output_activation=activation).fit(x, ["only"] * len(x))
        assert made.predict(x).tolist() == ["only"] * len(x)
        assert made.predict_proba(x).tolist() == [[1.0]] * len(x)


# --- numbers ---


def test_regression() -> None:
    """Targets are scaled, one or several; predictions have their units and their form."""
    x, y = DIABETES
    one = regressor(max_iter=100).fit(x, y)
    assert one.predict(x).shape == y.shape
    assert one.score(x, y) > 0.4
    assert one.network_.output_scaling == Scaling.standard(y[:, None])
    several = np.column_stack([y, 1e6 * y + 5.0, np.full(len(y), 3.0)])
    three = regressor(max_iter=100).fit(x, several)
    assert three.predict(x).shape == several.shape
    assert r2_score(several[:, :2], three.predict(x)[:, :2]) > 0.4
    assert np.abs(three.predict(x)[:, 2] - 3.0).max() < 0.5
    unscaled = regressor(scale_targets=None, scale_inputs=None).fit(x, y / 100.0)
    assert (unscaled.network_.input_scaling, unscaled.network_.output_scaling) == (None, None)
    with pytest.warns(DataConversionWarning):
        assert regressor().fit(x, y[:, None]).predict(x).shape == y.shape


def test_output_activation_of_numbers() -> None:
    """Any activation for one; min_max scaling keeps the targets within its range."""
    x, y = DIABETES
    made = regressor(output_activation="tanh", scale_targets="min_max", max_iter=100).fit(x, y)
    assert made.network_.activations == ("relu", "tanh")
    assert made.score(x, y) > 0.4
    with pytest.warns(TrainingHint, match="targets such as"):
        regressor(output_activation="sigmoid").fit(x, y)


# --- training ---


def test_partial_fit() -> None:
    """An epoch of each call's rows, of classes that are named once; each call has orders of its own."""
    x, y = IRIS
    names = np.array(["a", "b", "c"])[y]
    made = classifier(learning_rate=0.02)
    for _ in range(30):
        for start in range(5):  # each a part of the rows
            assert made.partial_fit(x[start::5], names[start::5], classes=["c", "b", "a"]) is made
    assert (made.n_iter_, len(made.loss_curve_)) == (1, 150)
    assert made.score(x, names) > 0.9
    with pytest.raises(OptionError, match=r"y has the classes.*'d'"):
        made.partial_fit(x[:2], ["a", "d"])
    with pytest.raises(OptionError, match="expected those of before"):
        made.partial_fit(x[:2], ["a", "b"], classes=["a", "b"])
    with pytest.raises(OptionError, match="classes is None in the first call"):
        classifier().partial_fit(x, y)
    for classes in ([0.0, 1.0, float("nan")], np.array(["a", np.nan], dtype=object)):
        for one in (classifier(), made):
            with pytest.raises(DataError, match=r"classes is .*nan.*, which has a NaN"):
                one.partial_fit(x, y, classes=classes)
    with pytest.raises(OptionError, match="early_stopping is True with partial_fit"):
        classifier(early_stopping=True).partial_fit(x, y, classes=[0, 1, 2])
    with pytest.raises(OptionError, match="class_weight is 'balanced' with partial_fit"):
        classifier(class_weight="balanced").partial_fit(x, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="3 features"):
        made.partial_fit(x[:, :3], names)
    each = classifier(output_activation="sigmoid").fit(x, y)
    with pytest.raises(OptionError, match="y has labels, expected classes as before"):
        each.partial_fit(x, np.eye(3, dtype=int)[y])
    assert not each.multilabel_
    begun = classifier().partial_fit(x[:1], y[:1], classes=[0, 1, 2])  # a row of one class
    assert begun.predict_proba(x).shape == (150, 3)
    numbers = regressor(learning_rate=0.02)
    for _ in range(50):
        numbers.partial_fit(*DIABETES)
    assert numbers.score(*DIABETES) > 0.4


@pytest.mark.parametrize("rule", ["momentum", "adam", "rprop", "levenberg_marquardt"])
def test_partial_fit_goes_on(backend: Backend, rule: Any) -> None:
    """With all rows as one batch, so many calls are a fit of as many epochs, to the bit: the rule's state goes on."""
    x, y = DIABETES
    options: dict[str, Any] = {"rule": rule, "batch_size": None, "backend": backend, "max_iter": 6, "tol": None}
    whole = regressor(**options).fit(x[:50], y[:50])
    parts = regressor(**options)
    for call in range(6):
        parts = pickle.loads(pickle.dumps(parts)) if call == 3 else parts
        parts.partial_fit(x[:50], y[:50])
    assert parts.network_ == whole.network_
    assert parts.loss_curve_ == whole.loss_curve_


def test_warm_start() -> None:
    """It goes on from the weights and the scaling that are there; another shape is refused, and nothing changes."""
    x, y = IRIS
    made = classifier(warm_start=True, tol=None).fit(x, y)
    first, scaling = made.network_.fingerprint(), made.network_.input_scaling
    made.fit(x + 1.0, y)
    assert made.network_.fingerprint() != first
    assert made.network_.input_scaling == scaling
    assert (len(made.loss_curve_), made.n_iter_) == (40, 20)
    second = made.network_.fingerprint()
    with pytest.raises(OptionError, match=r"goes on has sizes \(4, 5, 3\).*is to have sizes \(4, 6, 3\)"):
        made.set_params(hidden_layer_sizes=6).fit(x, y)
    with pytest.raises(OptionError, match="y has the classes"):
        made.set_params(hidden_layer_sizes=5).fit(x, y + 1)
    with pytest.raises(ValueError, match="features"):
        made.fit(x[:, 1:], y)
    assert made.network_.fingerprint() == second
    made.set_params(warm_start=False).fit(x, y)
    assert made.network_.fingerprint() == first


def test_early_stopping() -> None:
    """The rows held out are a share of each class; the network is that of the best epoch."""
    x, y = IRIS
    made = classifier(early_stopping=True, validation_fraction=0.2, max_iter=500, learning_rate=0.1, tol=0.0)
    made.fit(x, y)
    curve = made.validation_curve_
    assert curve is not None
    assert made.n_iter_ == len(curve) == len(made.loss_curve_) < 500
    assert np.argmin(curve) == made.n_iter_ - made.n_iter_no_change - 1
    history = made.network_.history
    assert history is not None
    assert (history.stopped, history.best_epoch) == ("patience", int(np.argmin(curve)) + 1)
    assert classifier().fit(x, y).validation_curve_ is None
    with pytest.raises(ValueError, match="test_size"):
        classifier(early_stopping=True, validation_fraction=0.001).fit(x, y)
    assert regressor(early_stopping=True).fit(*DIABETES).validation_curve_


def test_stops_where_the_loss_stays() -> None:
    """`tol` and `n_iter_no_change` judge the training's loss; without `tol` all epochs are done."""
    x, y = IRIS
    made = classifier(max_iter=3000, learning_rate=0.05, tol=0.01, n_iter_no_change=7).fit(x, y)
    curve = made.loss_curve_
    assert made.n_iter_ == len(curve) < 3000
    lowered = [loss < min(curve[:epoch], default=np.inf) - 0.01 for epoch, loss in enumerate(curve)]
    assert lowered[-8:] == [True] + 7 * [False]
    assert all(any(lowered[epoch : epoch + 7]) for epoch in range(len(curve) - 7))
    assert classifier(max_iter=300, learning_rate=0.05, tol=None).fit(x, y).n_iter_ == 300
    for options in ({"tol": -1.0}, {"n_iter_no_change": 0}):
        with pytest.raises(OptionError):
            classifier(**options).fit(x, y)


def test_callbacks() -> None:
    """All are called after every epoch; one that returns True stops the training."""
    x, y = IRIS
    logged: list[tuple[int, float]] = []
    made = classifier(callbacks=[lambda epoch, _: epoch == 6, lambda *both: logged.append(both)]).fit(x, y)
    assert made.n_iter_ == 7
    assert [epoch for epoch, _ in logged] == list(range(7))
    assert [loss for _, loss in logged] == made.loss_curve_


def test_interrupt_keeps_what_was_learnt() -> None:
    """Ctrl-C leaves the last good epoch, as it does in a Network."""
    x, y = IRIS

    def interrupt(epoch: int, _: float) -> None:
        if epoch == 4:
            raise KeyboardInterrupt

    made = classifier(callbacks=[interrupt])
    with pytest.raises(KeyboardInterrupt):
        made.fit(x, y)
    assert made.n_iter_ == len(made.loss_curve_) == 5
    assert made.predict(x).shape == y.shape
    assert made.network_ == classifier(max_iter=5, tol=None).fit(x, y).network_


def test_divergence() -> None:
    """It is bitprop's error."""
    with pytest.raises(DivergedError):
        regressor(rule="descent", learning_rate=1e9, activation="identity", tol=None).fit(*DIABETES)


def test_random_state() -> None:
    """An integer is the seed itself, up to 2^64; others draw one."""
    x, y = IRIS

    def weights(state: Any) -> str:
        return classifier(random_state=state, max_iter=2).fit(x, y).network_.fingerprint()

    assert weights(5) == weights(np.int32(5)) != weights(6)
    assert weights(2**64 - 1) != weights(5)
    state = np.random.RandomState(0)
    assert weights(np.random.RandomState(0)) == weights(state) != weights(state)
    np.random.seed(3)
    first = weights(None)
    assert weights(None) != first
    np.random.seed(3)
    assert weights(None) == first
    net = Network(4, 5, 3, activation=["relu", "softmax"], init="glorot", seed=5)
    assert classifier(random_state=5, max_iter=0).fit(x, y).network_.fingerprint() == net.fingerprint()
    with pytest.raises(OptionError, match="seed is -1"):
        weights(-1)


# --- weights ---


def test_sample_weight() -> None:
    """Weights are relative; equal ones are none; rows of weight 0 are not there."""
    x, y = IRIS
    weights = np.where(y == 2, 0.0, 1.0 + y)
    made = classifier().fit(x, y, sample_weight=weights)
    again = classifier().fit(x, y, sample_weight=weights * 1e300)
    assert np.abs(made.predict_proba(x) - again.predict_proba(x)).max() < 1e-9  # the rounding of one product
    assert made.network_ == classifier().fit(x, y, sample_weight=weights * 8.0).network_
    assert classifier().fit(x, y, sample_weight=np.full(150, 0.3)).network_ == classifier().fit(x, y).network_
    kept = y < 2
    fewer = regressor().fit(x[kept], y[kept], sample_weight=weights[kept])
    assert fewer.network_ == regressor().fit(x, y, sample_weight=weights).network_
    for bad, message in ((-weights, "sample_weight has -2.0 in row 50"), (np.nan * weights, "NaN")):
        with pytest.raises(ValueError, match=message):
            made.fit(x, y, sample_weight=bad)
    with pytest.raises(ValueError, match="inconsistent"):
        made.fit(x, y, sample_weight=weights[1:])


def test_weighted_scaling() -> None:
    """Inputs of weighted rows are scaled to their weighted mean and deviation."""
    x = np.array([[1.0, 7.0], [2.0, 7.0], [4.0, 7.0]])
    weights = [1.0, 2.0, 5.0]
    scaling = regressor().fit(x, [0.0, 1.0, 2.0], sample_weight=weights).network_.input_scaling
    assert scaling is not None
    total = sum(map(Fraction, weights))
    mean = sum(Fraction(w) * Fraction(v) for w, v in zip(weights, x[:, 0])) / total
    variance = sum(Fraction(w) * (Fraction(v) - mean) ** 2 for w, v in zip(weights, x[:, 0])) / total
    # A few roundings, each of half a unit in the last place, stand between these.
    assert scaling.shift == pytest.approx((float(mean), 7.0), rel=1e-15)
    assert scaling.spread == pytest.approx((float(variance) ** 0.5, 1.0), rel=1e-15)


def test_class_weight() -> None:
    """Balanced classes have the same weight in total, weights of rows included; a dict names each class's."""
    x, y = IRIS
    rows = np.r_[0:20, 50:60, 100:150]
    x, names = x[rows], np.array(["a", "b", "c"])[y[rows]]
    weights = 1.0 + np.arange(len(rows)) % 2
    totals = {name: weights[names == name].sum() for name in "abc"}
    by_hand = np.array([w / totals[name] for w, name in zip(weights, names)])
    balanced = classifier(class_weight="balanced").fit(x, names, sample_weight=weights)
    same = classifier().fit(x, names, sample_weight=by_hand)
    assert np.abs(balanced.predict_proba(x) - same.predict_proba(x)).max() < 1e-9  # other roundings of the weights
    named = classifier(class_weight={"b": 4.0}).fit(x, names)
    assert named.network_ == classifier().fit(x, names, sample_weight=np.where(names == "b", 4.0, 1.0)).network_
    plain = classifier().fit(x, names)
    assert (named.predict(x) == "b").sum() > (plain.predict(x) == "b").sum()
    huge = classifier(class_weight={"b": 1e308}, max_iter=500).fit(
        x, names, sample_weight=1e308 * (weights / weights.max())
    )
    assert set(huge.predict(x)) == {"b"}
    for bad in ({"d": 1.0}, "heavy", {"a": -1.0}):
        with pytest.raises(OptionError, match="class_weight"):
            classifier(class_weight=bad).fit(x, names)
    with pytest.raises(OptionError, match="class_weight is given with labels"):
        classifier(class_weight="balanced").fit(x, np.eye(3)[y[rows]].astype(int)[:, [0, 0, 1]])


# --- company ---


def test_company() -> None:
    """Pipelines, searches, cross-validation on processes, clones, and frames from set_output."""
    x, y = load_iris(return_X_y=True, as_frame=True)
    scaler = StandardScaler().set_output(transform="pandas")
    pipe = make_pipeline(scaler, classifier(scale_inputs=None, max_iter=100, activation="tanh"))
    assert cross_val_score(pipe, x, y, cv=3, n_jobs=2).mean() > 0.85
    assert list(pipe.fit(x, y)[-1].feature_names_in_) == list(x.columns)
    grid = {"bitpropclassifier__hidden_layer_sizes": [(3,), (4, 4)], "bitpropclassifier__rule": ["adam", "rprop"]}
    search = GridSearchCV(pipe, grid, cv=3).fit(x, y)
    assert search.best_score_ > 0.9
    copy = clone(search.best_estimator_[-1])
    assert copy.get_params() == search.best_estimator_[-1].get_params()
    with pytest.raises(NotFittedError):
        copy.predict(x)
    with pytest.warns(UserWarning, match="feature names"):
        classifier().fit(x, y).predict(x.to_numpy())
    with pytest.raises(ValueError, match="feature names"):
        classifier().fit(x, y).predict(x[x.columns[::-1]])
    assert repr(BitpropClassifier(rule="rprop")) == "BitpropClassifier(rule='rprop')"


def test_metadata_routing() -> None:
    """Weights of rows reach fit and score where they are requested, and nowhere else."""
    x, y = IRIS
    weights = np.where(y == 2, 0.0, 1.0)
    with config_context(enable_metadata_routing=True):
        asks = classifier(learning_rate=0.05).set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        found = cross_validate(asks, x, y, cv=3, params={"sample_weight": weights}, return_estimator=True)
        assert all(set(each.predict(x)) <= {0, 1} for each in found["estimator"])
        piped = make_pipeline(ColumnTransformer([("all", "passthrough", slice(0, 4))]), asks)
        assert 2 not in piped.fit(x, y, sample_weight=weights).predict(x)
        refuses = classifier().set_fit_request(sample_weight=False).set_score_request(sample_weight=True)
        cross_validate(refuses, x, y, cv=3, params={"sample_weight": weights})
        asks.set_partial_fit_request(classes=True)


def test_bad_input() -> None:
    """Each has one clear error."""
    x, y = IRIS
    for bad, error, message in (
        ({"X": np.where(x == x[3], np.nan, x)}, ValueError, "NaN"),
        ({"X": sparse.csr_matrix(x)}, TypeError, "dense data is required"),
        ({"X": [["a"] * 4] * 150}, ValueError, "could not convert"),
        ({"y": y[1:]}, ValueError, "inconsistent"),
        ({"y": y + 0.5}, ValueError, "Unknown label type"),
        ({"y": [None] * 150}, ValueError, "y"),
        ({"hidden_layer_sizes": (5, 0)}, ValueError, "layer 2 of 4-5-0-3 has size 0"),
        ({"hidden_layer_sizes": "5"}, TypeError, "size of layer 1"),
        ({"activation": None}, TypeError, "activation is None"),
        ({"callbacks": print}, TypeError, "callbacks is <built-in function print>, expected a list of functions"),
        ({"rule_options": [3]}, TypeError, r"rule_options is \[3\], expected a dict"),
        ({"class_weight": {0: float("inf")}}, ValueError, "class_weight"),
        ({"activation": ["relu", "tanh"]}, ValueError, "3 activations given, expected 2"),
        ({"rule_options": {"momentum": 0.5}}, ValueError, "momentum is given for adam"),
        ({"learning_rate": "constant"}, TypeError, "learning_rate"),
        ({"batch_size": "all"}, ValueError, "batch_size is 'all'"),
        ({"batch_size": 0}, ValueError, "batch_size is 0"),
        ({"max_iter": -1}, ValueError, "epochs is -1"),
        ({"scale_inputs": "robust"}, ValueError, "inputs is 'robust'"),
        ({"rule": "levenberg_marquardt"}, ValueError, "loss is 'cross_entropy' with the rule levenberg_marquardt"),
    ):
        given = ("X", "y", "sample_weight")
        data = {"X": x, "y": y, **{name: value for name, value in bad.items() if name in given}}
        made = classifier(**{name: value for name, value in bad.items() if name not in given})
        with pytest.raises(error, match=message):
            made.fit(**data)
        assert not hasattr(made, "network_")
    assert classifier().fit(x[:1], y[:1]).predict(x[:1]).tolist() == [0]
    assert regressor().fit(x[:1], y[:1]).predict(x[:1]).shape == (1,)


def test_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """All blocks of the page run, in order, and print the score that the first one shows."""
    core_or_skip("ctypes")  # the pure twin would take minutes
    monkeypatch.chdir(tmp_path)
    page = Path(__file__).resolve().parent.parent.joinpath("docs", "sklearn.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    found = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(found) == 6
    for block in found:
        exec(compile(block, "docs/sklearn.md", "exec"), names)
    [score] = re.findall(r"# (0\.\d+)\n", found[0])
    assert capsys.readouterr().out.startswith(f"{score}\n")
    assert len(names["model"].validation_curve_) == names["model"].n_iter_


def test_without_scikit_learn() -> None:
    """The error says what to install."""
    program = "import sys; sys.modules['sklearn'] = None; import bitprop.sklearn"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith("pip install 'bitprop[sklearn]'")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"callbacks": [5]}, TypeError, "callbacks has 5, expected functions of epoch and loss"),
        (
            {"rule_options": {"log_every": 5}},
            OptionError,
            "rule_options has 'log_every', expected options of rules: weight_decay",
        ),
        ({"rule_options": {"epochs": 5}}, OptionError, "rule_options has 'epochs', expected options of rules"),
        (
            {"early_stopping": True, "validation_fraction": 2},
            OptionError,
            "validation_fraction is 2.0, expected a number",
        ),
    ],
)
def test_a_bad_option_keeps_what_was_learnt(options: Any, error: Any, message: str) -> None:
    """It is refused before anything is trained, and the estimator keeps all that it knew of its data."""
    x, y = np.random.default_rng(1).normal(size=(40, 2)), np.arange(40) % 2
    model = BitpropClassifier(max_iter=3, random_state=1).fit(pd.DataFrame(x, columns=["a", "b"]), y)
    before = model.network_.fingerprint()
    with pytest.raises(error, match=message):
        model.set_params(**options).fit(np.hstack([x, x]), y)
    assert model.network_.fingerprint() == before
    assert (model.n_features_in_, list(model.feature_names_in_)) == (2, ["a", "b"])
    fresh = BitpropClassifier(**options)
    with pytest.raises(error, match=message):
        fresh.fit(x, y)
    assert not hasattr(fresh, "n_features_in_")
