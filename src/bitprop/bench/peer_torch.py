# SPDX-License-Identifier: MIT
"""PyTorch, timed to the solution."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from typing import Any

from .contestant import split
from .solver import Begin, Job, LateError, Maker, ReachedError, Train, Trained, arrays, flat


def _loss(name: str) -> Any:
    """The function of that name of the settings."""
    import torch

    return torch.nn.functional.binary_cross_entropy if name == "bce" else torch.nn.functional.mse_loss


class _Eager:
    """The usual modules and loss."""

    def __init__(self, job: Job):
        import torch

        torch.set_num_threads(1)
        self.job = job
        self.settings = dict(job.settings)
        self.every = self.settings.pop("check_every", 1)
        self.function = _loss(self.settings.pop("loss", "mse"))
        self.mse = _loss("mse")
        self.x, self.y, self.judged_x, self.judged_y = map(torch.from_numpy, arrays(job))
        kinds: dict[str, Any] = {"tanh": torch.nn.Tanh, "sigmoid": torch.nn.Sigmoid}
        sizes, layers = job.problem.sizes, []
        for n_in, n_out, activation in zip(sizes, sizes[1:], job.problem.activations):
            layers.append(torch.nn.Linear(n_in, n_out, dtype=torch.float64))
            layers += [kinds[activation]()] if activation in kinds else []
        self.net = torch.nn.Sequential(*layers)
        self.linears = [layer for layer in layers if isinstance(layer, torch.nn.Linear)]

    def forward(self) -> tuple[Any, Any]:
        """The outputs for the rows that are trained on, and their loss."""
        outputs = self.net(self.x)
        return outputs, self.function(outputs, self.y)

    def reached(self, outputs: Any, loss: Any) -> bool:
        """Whether the goal is, by what `forward` gave."""
        import torch

        if self.job.problem.proben1:
            with torch.no_grad():
                loss = self.mse(self.net(self.judged_x), self.judged_y)
        elif self.function is not self.mse:
            loss = self.mse(outputs.detach(), self.y)
        return bool(loss.item() <= self.job.goal)

    def begin(self, minimise: Callable[[float], bool]) -> Begin:
        """Trainings by a function that takes the time at which to end, and tells whether the goal is reached."""
        import numpy as np
        import torch

        def begin(start: array[float], limit: float) -> Train:
            for linear, (weights, biases) in zip(self.linears, split(np.array(start), self.job.problem.sizes, True)):
                linear.weight.data = torch.from_numpy(weights.T.copy())
                linear.bias.data = torch.from_numpy(biases[0].copy())
            self.net.zero_grad()
            return lambda: Trained(minimise(time.perf_counter() + limit), self.parameters)

        return begin

    def parameters(self) -> Any:
        """Those of the network, in the order of contract §3."""
        return flat((linear.weight.detach().numpy().T, linear.bias.detach().numpy()) for linear in self.linears)


def _stepwise(algorithm: str, job: Job) -> Begin:
    """torch.optim.Adam in its fused form, the fastest of its three for networks of this size, or Rprop, which has none.

    Rprop is the plain one: `foreach` is slower here.
    """
    import torch

    eager = _Eager(job)
    kinds: dict[str, Any] = {"Adam": torch.optim.Adam, "Rprop": torch.optim.Rprop}
    form = {"fused": True} if algorithm == "Adam" else {"foreach": False}

    def minimise(deadline: float) -> bool:
        optimiser = kinds[algorithm](eager.net.parameters(), **form, **eager.settings)
        epoch = 0
        while True:
            optimiser.zero_grad()
            outputs, loss = eager.forward()
            if epoch % eager.every == 0:
                if eager.reached(outputs, loss):
                    return True
                if time.perf_counter() > deadline:
                    return False
            loss.backward()
            optimiser.step()
            epoch += 1

    return eager.begin(minimise)


def _lbfgs(job: Job) -> Begin:
    """torch.optim.LBFGS with its line search."""
    import torch

    eager = _Eager(job)

    def minimise(deadline: float) -> bool:
        optimiser: Any = torch.optim.LBFGS(eager.net.parameters(), line_search_fn="strong_wolfe", **eager.settings)

        def closure() -> Any:
            optimiser.zero_grad()
            outputs, loss = eager.forward()
            if eager.reached(outputs, loss):
                raise ReachedError
            if time.perf_counter() > deadline:
                raise LateError
            loss.backward()
            return loss

        before = None
        try:
            while True:
                loss = optimiser.step(closure).item()
                if loss == before or loss != loss:  # it is at a minimum, or has left all bounds
                    return False
                before = loss
        except ReachedError:
            return True
        except LateError:
            return False

    return eager.begin(minimise)


def _compiled(job: Job) -> Begin:
    """PyTorch at its fastest for small networks: several steps of Adam, written as a function, by torch.compile."""
    import numpy as np
    import torch

    torch.set_num_threads(1)
    problem, settings = job.problem, job.settings
    steps, rate, function = settings["check_every"], settings["lr"], _loss(settings.get("loss", "mse"))
    dtype = getattr(torch, settings.get("dtype", "float64"))
    x, y, judged_x, judged_y = (torch.from_numpy(part).to(dtype) for part in arrays(job))
    functions: dict[str, Any] = {"tanh": torch.tanh, "sigmoid": torch.sigmoid}

    def forward(parameters: Any, rows: Any) -> Any:
        for (weights, biases), activation in zip(parameters, problem.activations):
            rows = torch.addmm(biases, rows, weights)
            rows = functions[activation](rows) if activation in functions else rows
        return rows

    def training_loss(parameters: Any) -> Any:
        outputs = forward(parameters, x)
        return function(outputs, y), outputs

    gradient = torch.func.grad_and_value(training_loss, has_aux=True)

    def block(parameters: Any, m: Any, v: Any, powers: Any) -> Any:
        for _ in range(steps):
            before = parameters
            gradients, (_, outputs) = gradient(parameters)
            powers = powers * torch.tensor((0.9, 0.999), dtype=dtype)
            m = [[0.9 * a + 0.1 * g for a, g in zip(*pair)] for pair in zip(m, gradients)]
            v = [[0.999 * a + 0.001 * g * g for a, g in zip(*pair)] for pair in zip(v, gradients)]
            scale = rate * torch.sqrt(1.0 - powers[1]) / (1.0 - powers[0])
            parameters = [
                [p - scale * a / (torch.sqrt(b) + 1e-8) for p, a, b in zip(*three)] for three in zip(parameters, m, v)
            ]
        if problem.proben1:
            before, outputs = parameters, forward(parameters, judged_x)
        return parameters, m, v, powers, before, ((outputs - judged_y) ** 2).mean()

    compiled = torch.compile(block, dynamic=False)

    def begin(start: array[float], limit: float) -> Train:
        layers = split(torch.from_numpy(np.array(start)).to(dtype), problem.sizes, True)
        first = [[weights.clone(), biases[0].clone()] for weights, biases in layers]

        def train() -> Trained:
            deadline = time.perf_counter() + limit
            parameters = first
            m = [[torch.zeros_like(part) for part in layer] for layer in first]
            v, powers = m, torch.ones(2, dtype=dtype)
            reached = False
            with torch.no_grad():
                while not reached and time.perf_counter() < deadline:
                    parameters, m, v, powers, before, mse = compiled(parameters, m, v, powers)
                    reached = mse.item() <= job.goal
            return Trained(reached, lambda: flat([part.numpy() for part in layer] for layer in before))

        return train

    return begin


MAKERS: dict[str, Maker] = {
    "PyTorch Adam": lambda job: _stepwise("Adam", job),
    "PyTorch Adam, compiled": _compiled,
    "PyTorch Rprop": lambda job: _stepwise("Rprop", job),
    "PyTorch LBFGS": _lbfgs,
}
