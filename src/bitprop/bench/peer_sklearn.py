# SPDX-License-Identifier: MIT
"""scikit-learn, timed to the solution."""

from __future__ import annotations

import time
import warnings
from array import array
from typing import Any

from .contestant import split
from .solver import Begin, Job, Maker, Train, Trained, arrays, flat


def _sklearn(solver: str, job: Job) -> Begin:
    """MLPClassifier, or MLPRegressor where the outputs are not sigmoids, trained epoch by epoch or run by run."""
    import numpy as np
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    warnings.simplefilter("ignore", ConvergenceWarning)
    problem, settings = job.problem, dict(job.settings)
    x, y, judged_x, judged_y = arrays(job)
    classifies = problem.activations[-1] == "sigmoid"
    targets = y.astype(int) if classifies else y
    targets = targets[:, 0] if y.shape[1] == 1 else targets
    every = settings.pop("check_every", 1)
    kind: Any = MLPClassifier if classifies else MLPRegressor
    options = {"solver": solver, "activation": problem.activations[0], "alpha": 0.0, **settings}
    if solver == "lbfgs":
        options.update(warm_start=True, max_iter=every)
    net = kind(hidden_layer_sizes=problem.sizes[1:-1], **options)
    more: dict[str, Any] = {}
    if solver != "lbfgs" and classifies:
        more["classes"] = np.unique(targets) if targets.ndim == 1 else np.arange(targets.shape[1])
    if solver == "lbfgs":
        net.fit(x, targets)
    else:
        net.partial_fit(x, targets, **more)

    def loss() -> float:
        if not classifies:
            outputs = net.predict(judged_x).reshape(judged_y.shape)
        else:
            outputs = net.predict_proba(judged_x)
            if y.shape[1] == 1:
                outputs = outputs[:, 1:]
        return float(np.mean((outputs - judged_y) ** 2))

    def begin(start: array[float], limit: float) -> Train:
        layers = split(np.array(start), problem.sizes, True)
        net.coefs_ = [weights.copy() for weights, _ in layers]
        net.intercepts_ = [biases[0].copy() for _, biases in layers]
        if solver != "lbfgs" and hasattr(net, "_optimizer"):
            del net._optimizer  # its moments are another training's; scikit-learn has no public way to begin anew

        def train() -> Trained:
            deadline = time.perf_counter() + limit
            reached = False
            while not reached and time.perf_counter() < deadline:
                if solver == "lbfgs":
                    net.fit(x, targets)
                    reached = loss() <= job.goal
                    if not reached and net.n_iter_ < every:  # it is at a minimum
                        break
                else:
                    for _ in range(every):
                        net.partial_fit(x, targets)
                    reached = loss() <= job.goal
            return Trained(reached, lambda: flat(zip(net.coefs_, net.intercepts_)))

        return train

    return begin


MAKERS: dict[str, Maker] = {
    "scikit-learn adam": lambda job: _sklearn("adam", job),
    "scikit-learn lbfgs": lambda job: _sklearn("lbfgs", job),
}
