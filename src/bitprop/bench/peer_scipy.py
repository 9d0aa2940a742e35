# SPDX-License-Identifier: MIT
"""SciPy, timed to the solution: the network and its derivatives are written with NumPy."""

from __future__ import annotations

import contextlib
import time
from array import array
from collections.abc import Callable
from typing import Any

from .contestant import split
from .solver import Begin, Job, LateError, Maker, ReachedError, Train, Trained, arrays


class _Network:
    """The network written with NumPy, for SciPy to minimise."""

    def __init__(self, job: Job):
        import numpy as np

        self.np = np
        self.job = job
        self.x, self.y, self.judged_x, self.judged_y = arrays(job)
        self.deadline = 0.0
        self.reached: Any = None  # the parameters that did

    def activate(self, activation: str, sums: Any) -> Any:
        if activation == "tanh":
            return self.np.tanh(sums)
        return 1.0 / (1.0 + self.np.exp(-sums)) if activation == "sigmoid" else sums

    def slope(self, activation: str, outputs: Any) -> Any:
        if activation == "tanh":
            return 1.0 - outputs * outputs
        return outputs * (1.0 - outputs) if activation == "sigmoid" else self.np.ones_like(outputs)

    def forward(self, parameters: Any, rows: Any) -> list[Any]:
        """The outputs of each layer, the rows first."""
        outputs = [rows]
        layers = split(parameters, self.job.problem.sizes, True)
        for (weights, biases), activation in zip(layers, self.job.problem.activations):
            outputs.append(self.activate(activation, outputs[-1] @ weights + biases))
        return outputs

    def judge(self, parameters: Any, errors: Any) -> None:
        """ReachedError or LateError where it is time; `errors`: of the rows that are trained on."""
        if self.job.problem.proben1:
            errors = self.forward(parameters, self.judged_x)[-1] - self.judged_y
        errors = errors.ravel()
        if errors @ errors <= self.job.goal * errors.size:
            self.reached = parameters.copy()
            raise ReachedError
        if time.perf_counter() > self.deadline:
            raise LateError

    def residuals(self, parameters: Any) -> Any:
        errors = self.forward(parameters, self.x)[-1] - self.y
        self.judge(parameters, errors)
        return errors.ravel()

    def jacobian(self, parameters: Any) -> Any:
        """The slopes of all residuals (rows x outputs, parameters)."""
        np, problem = self.np, self.job.problem
        outputs = self.forward(parameters, self.x)
        layers = split(parameters, problem.sizes, True)
        rows, last = outputs[-1].shape
        result = np.empty((rows, last, parameters.size))
        deltas = self.slope(problem.activations[-1], outputs[-1])[:, :, None] * np.eye(last)
        end = parameters.size
        for layer in range(len(layers) - 1, -1, -1):
            weights = layers[layer][0]
            n_in, n_out = weights.shape
            result[:, :, end - n_out : end] = deltas
            first = end - n_out - n_in * n_out
            products = outputs[layer][:, None, :, None] * deltas[:, :, None, :]
            result[:, :, first : end - n_out] = products.reshape(rows, last, n_in * n_out)
            end = first
            if layer:
                slopes = self.slope(problem.activations[layer - 1], outputs[layer])
                deltas = (deltas @ weights.T) * slopes[:, None, :]
        return result.reshape(rows * last, parameters.size)

    def loss_and_gradient(self, parameters: Any) -> Any:
        """The training loss and its gradient: the mean squared error, or the cross-entropy."""
        np, problem = self.np, self.job.problem
        outputs = self.forward(parameters, self.x)
        layers = split(parameters, problem.sizes, True)
        errors = outputs[-1] - self.y
        self.judge(parameters, errors)
        gradient = np.empty_like(parameters)
        if self.job.settings.get("loss") == "bce":
            likely = np.where(self.y == 1.0, outputs[-1], 1.0 - outputs[-1])
            loss, deltas = -np.log(np.maximum(likely, 1e-300)).mean(), errors / errors.size
        else:
            loss = np.vdot(errors, errors) / errors.size
            deltas = 2.0 / errors.size * errors * self.slope(problem.activations[-1], outputs[-1])
        for layer in range(len(layers) - 1, -1, -1):
            weights, biases = split(gradient, problem.sizes, True)[layer]
            weights[:] = outputs[layer].T @ deltas
            biases[:] = deltas.sum(axis=0)
            if layer:
                deltas = (deltas @ layers[layer][0].T) * self.slope(problem.activations[layer - 1], outputs[layer])
        return loss, gradient

    def begin(self, minimise: Callable[[Any], Any]) -> Begin:
        """Trainings by a function of SciPy."""

        def begin(start: array[float], limit: float) -> Train:
            first = self.np.array(start)

            def train() -> Trained:
                self.deadline = time.perf_counter() + limit
                self.reached = None
                with contextlib.suppress(ReachedError, LateError):
                    minimise(first)
                end = self.reached
                return Trained(end is not None, lambda: first if end is None else end)

            return train

        return begin


def _least_squares(job: Job) -> Begin:
    """scipy.optimize.least_squares by MINPACK's Levenberg-Marquardt, with the Jacobian."""
    import numpy as np
    from scipy.optimize import least_squares

    network = _Network(job)
    missing = max(0, len(job.problem.network(0).parameters) - network.y.size)

    def residuals(parameters: Any) -> Any:
        return np.concatenate([network.residuals(parameters), np.zeros(missing)])

    def jacobian(parameters: Any) -> Any:
        return np.concatenate([network.jacobian(parameters), np.zeros((missing, parameters.size))])

    # MINPACK refuses fewer residuals than parameters; residuals that are always 0 change nothing else.
    functions = (residuals, jacobian) if missing else (network.residuals, network.jacobian)
    options: dict[str, Any] = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15, "max_nfev": 100_000, **job.settings}
    return network.begin(lambda first: least_squares(functions[0], first, functions[1], method="lm", **options))


def _scipy_lbfgs(job: Job) -> Begin:
    """scipy.optimize.minimize by L-BFGS-B, with the gradient."""
    from scipy.optimize import minimize

    network = _Network(job)
    limits = {"maxiter": 1_000_000, "maxfun": 1_000_000, "ftol": 0.0, "gtol": 0.0}
    options = {**limits, **{name: value for name, value in job.settings.items() if name != "loss"}}
    function = network.loss_and_gradient
    return network.begin(lambda first: minimize(function, first, jac=True, method="L-BFGS-B", options=options))


MAKERS: dict[str, Maker] = {"SciPy least_squares": _least_squares, "SciPy L-BFGS-B": _scipy_lbfgs}
