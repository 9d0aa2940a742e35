# SPDX-License-Identifier: MIT
"""bitprop's estimators beside scikit-learn's, by cross-validation, on the data sets that scikit-learn brings along.

    taskset -c 0 python bench/estimators.py --write docs/sklearn.md      # the tables between the page's two marks

Both have the same inputs, and targets, of mean 0 and deviation 1: bitprop scales by itself, and scikit-learn has its
StandardScaler in front, but for its defaults, which scale nothing. Everything runs on one thread.
"""

from __future__ import annotations

import argparse
import collections
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import sklearn
import threadpoolctl
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, RepeatedKFold, RepeatedStratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bitprop
from bitprop.sklearn import BitpropClassifier, BitpropRegressor

DATA: dict[str, Callable[..., Any]] = {
    "iris": load_iris,
    "wine": load_wine,
    "breast cancer": load_breast_cancer,
    "digits": load_digits,
    "diabetes": load_diabetes,
}
REPEATS = 3  # of the cross-validation, with other folds
EPOCHS = 200
SAME = {"hidden_layer_sizes": (32,), "activation": "relu", "batch_size": 32, "max_iter": EPOCHS, "random_state": 0}
RATE = 0.003
BEST = {"max_iter": 500, "random_state": 0}
SIZES = [(16,), (100,)]
BITPROP_GRID = [
    {"hidden_layer_sizes": SIZES, "weight_decay": [0.0, 1e-2, 1e-1], **{name: [value] for name, value in each.items()}}
    for each in ({"rule": "adam", "learning_rate": RATE}, {"rule": "rprop", "activation": "tanh"})
]
SKLEARN_GRID = [
    {"hidden_layer_sizes": SIZES, "alpha": [1e-4, 1.0, 10.0], **{name: [value] for name, value in each.items()}}
    for each in ({"solver": "adam", "learning_rate_init": RATE}, {"solver": "lbfgs", "activation": "tanh"})
]


def scaled(net: Any) -> Any:
    """scikit-learn's estimator on scaled data."""
    if isinstance(net, MLPClassifier):
        return make_pipeline(StandardScaler(), net)
    return TransformedTargetRegressor(make_pipeline(StandardScaler(), net), transformer=StandardScaler())


def searched(estimator: Any, net: Any, grid: Sequence[dict[str, Any]]) -> GridSearchCV:
    """A search among settings of `net`, which is a part of the estimator, or the estimator itself."""
    [prefix] = [name[: -len("max_iter")] for name in estimator.get_params() if name.endswith("max_iter")]
    named = [{f"{prefix}{name}": values for name, values in each.items()} for each in grid]
    return GridSearchCV(estimator, named, cv=3, n_jobs=1)


def contestants(regression: bool) -> dict[str, dict[str, Any]]:
    """Of each table, the two estimators."""
    ours: Any = BitpropRegressor if regression else BitpropClassifier
    theirs: Any = MLPRegressor if regression else MLPClassifier
    never = {"tol": 0.0, "n_iter_no_change": EPOCHS}  # to stop before the last epoch
    mine, other = ours(**BEST), theirs(**BEST)
    return {
        "same": {
            ours.__name__: ours(**SAME, learning_rate=RATE, tol=None),
            theirs.__name__: scaled(theirs(**SAME, learning_rate_init=RATE, alpha=0.0, **never)),
        },
        "defaults": {
            ours.__name__: ours(random_state=0),
            theirs.__name__: theirs(random_state=0),
            f"{theirs.__name__}, scaled": scaled(theirs(random_state=0)),
        },
        "best": {
            ours.__name__: searched(mine, mine, BITPROP_GRID),
            theirs.__name__: searched(scaled(other), other, SKLEARN_GRID),
        },
    }


def chosen(searches: Sequence[GridSearchCV]) -> str:
    """The settings that most searches chose, with how many of them."""
    texts = []
    for search in searches:
        settings = {name.rpartition("__")[2]: value for name, value in search.best_params_.items()}
        solver = settings.get("rule", settings.get("solver"))
        decay = settings.get("weight_decay", settings.get("alpha"))
        texts.append(f"{solver}, {settings['hidden_layer_sizes'][0]} nodes, {decay:g}")
    [(text, times)] = collections.Counter(texts).most_common(1)
    return f"{text} ({times} of {len(searches)})"


def fitted(estimator: Any, x: Any, y: Any) -> tuple[Any, float]:
    """A trained clone, and the seconds that the processor worked for it: one thread, so waiting is all they lack."""
    net = clone(estimator)
    begun = time.process_time()
    net.fit(x, y)
    return net, time.process_time() - begun


def measured(name: str, table: str, estimator: Any) -> list[str]:
    """The cells of one estimator on one data set: its score, the time of a fit, and for a search what it chose."""
    x, y = DATA[name](return_X_y=True)
    folds = {"n_splits": 5, "n_repeats": REPEATS, "random_state": 0}
    split: Any = RepeatedKFold(**folds) if name == "diabetes" else RepeatedStratifiedKFold(**folds)
    scores, seconds, searches, searched_in = [], [], [], []
    for train, test in split.split(x, y):
        net, took = fitted(estimator, x[train], y[train])
        scores.append(net.score(x[test], y[test]))
        if table == "best":
            searches.append(net)
            searched_in.append(took)
            took = fitted(net.best_estimator_, x[train], y[train])[1]
        seconds.append(took)
    score = f"{statistics.mean(scores):.3f} ± {statistics.stdev(scores):.3f}"
    fit = f"{1e3 * statistics.median(seconds):.0f} ms"
    return [score, fit, *([f"{statistics.median(searched_in):.1f} s", chosen(searches)] if searches else [])]


def processor() -> str:
    """The processor's own name."""
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def text() -> str:
    """All tables, with the machine."""
    tables: dict[str, list[list[str]]] = {"same": [], "defaults": [], "best": []}
    for name in DATA:
        for table, estimators in contestants(name == "diabetes").items():
            for kind, estimator in estimators.items():
                row = [name, kind, *measured(name, table, estimator)]
                print(table, row, flush=True)
                tables[table].append(row)
    info = bitprop.info()
    lines = [
        f"Measured on one core of {processor()}, with Python {platform.python_version()}, bitprop {info['version']} "
        f"({info['backend']}, kernel {info['kernel']}), scikit-learn {sklearn.__version__}, NumPy {np.__version__} and "
        f"SciPy {scipy.__version__}, each on one thread. Scores are accuracies, and R² for diabetes: the mean and the "
        f"standard deviation of the test scores of all folds, five of them, {REPEATS} times divided anew. Times are "
        "those for which the processor worked, medians of the trainings of all folds.",
    ]
    for title, table, more in (
        ("Same settings", "same", []),
        ("Each side's defaults", "defaults", []),
        ("Each side's best settings", "best", ["search", "chosen by most"]),
    ):
        head = ["data", "estimator", "score", "fit", *more]
        rows = [head, ["---"] * len(head), *tables[table]]
        lines += ["", f"### {title}", "", NOTES[table], "", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)


NOTES = {
    "same": f"One hidden layer of {SAME['hidden_layer_sizes'][0]} relu, Adam with a rate of {RATE:g}, batches of "  # type: ignore[index]
    f"{SAME['batch_size']}, shuffled, {EPOCHS} epochs, no weight decay, no early end, scaled data.",
    "defaults": "Only `random_state=0` is given. MLPClassifier and MLPRegressor scale nothing by themselves; the third "
    "row has StandardScaler in front, and for numbers around the targets too.",
    "best": "In each fold, `GridSearchCV(cv=3)` chooses among twelve settings: 16 or 100 nodes; a "
    "`weight_decay` of 0, 0.01 or 0.1, or an `alpha` of 0.0001, 1 or 10, which is divided by the rows of a batch; "
    f"and relu with Adam at a rate of {RATE:g}, or tanh with a method for the full batch, rprop or L-BFGS. There are "
    "500 epochs at most, and the data are scaled. `fit` is the time of the chosen setting, and `search` that of the "
    "whole search.",
}
MARKS = ("<!-- written by bench/estimators.py -->", "<!-- end -->")


def main() -> None:
    """Measures; prints the tables, or writes them into a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, help="the page")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.simplefilter("ignore", bitprop.TrainingHint)
    with threadpoolctl.threadpool_limits(1):
        tables = text()
    if options.write is None:
        print(tables)
        return
    page = options.write.read_text(encoding="utf-8")
    before, _, rest = page.partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    options.write.write_text(f"{before}{MARKS[0]}\n{tables}\n{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
