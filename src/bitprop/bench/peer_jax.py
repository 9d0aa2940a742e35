# SPDX-License-Identifier: MIT
"""JAX, timed to the solution."""

from __future__ import annotations

import os
import time
from array import array
from typing import Any

from .contestant import split
from .solver import Begin, Job, Maker, Train, Trained, arrays, flat


def _jax(job: Job) -> Begin:
    """Adam in one compiled while_loop that ends at the goal; compiled once, for all starts."""
    os.environ.update(JAX_ENABLE_X64="1", JAX_PLATFORMS="cpu")
    import jax
    import jax.numpy as jnp
    import numpy as np

    problem, settings = job.problem, job.settings
    rate, every, dtype = settings["learning_rate"], settings.get("check_every", 1), settings.get("dtype", "float64")
    x, y, judged_x, judged_y = (jnp.asarray(part, dtype) for part in arrays(job))
    functions: dict[str, Any] = {"tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}
    cross_entropy = settings.get("loss") == "bce"
    steps = settings.get("steps", 20_000)  # of one call; between calls the time is looked at

    def forward(parameters: Any, rows: Any) -> Any:
        """The last layer's sums."""
        for (weights, biases), activation in zip(parameters[:-1], problem.activations):
            rows = functions[activation](rows @ weights + biases)
        weights, biases = parameters[-1]
        return rows @ weights + biases

    def last(sums: Any) -> Any:
        return functions[problem.activations[-1]](sums) if problem.activations[-1] in functions else sums

    def training_loss(parameters: Any) -> Any:
        sums = forward(parameters, x)
        mse = jnp.mean((last(sums) - y) ** 2)
        return (jnp.mean(jax.nn.softplus(sums) - y * sums) if cross_entropy else mse), mse

    gradient = jax.value_and_grad(training_loss, has_aux=True)

    def judged(parameters: Any) -> Any:
        return jnp.mean((last(forward(parameters, judged_x)) - judged_y) ** 2)

    def step(state: Any, _: Any = None) -> Any:
        parameters, gradients, m, v, count, mse = state
        count = count + 1
        m = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, m, gradients)
        v = jax.tree.map(lambda a, g: 0.999 * a + 0.001 * g * g, v, gradients)
        scale = (rate * jnp.sqrt(1.0 - 0.999**count) / (1.0 - 0.9**count)).astype(dtype)
        parameters = jax.tree.map(lambda p, a, b: p - scale * a / (jnp.sqrt(b) + 1e-8), parameters, m, v)
        (_, mse), gradients = gradient(parameters)
        return parameters, gradients, m, v, count, mse

    def check(state: Any) -> Any:
        """So many steps, after which the judged loss stands in the state."""
        state = jax.lax.fori_loop(0, every, lambda _, state: step(state), state) if every > 1 else step(state)
        return (*state[:-1], judged(state[0])) if problem.proben1 else state

    @jax.jit
    def first(parameters: Any) -> Any:
        (_, mse), gradients = gradient(parameters)
        zeros = jax.tree.map(jnp.zeros_like, parameters)
        return more((parameters, gradients, zeros, zeros, jnp.asarray(0.0, dtype), mse))

    @jax.jit
    def more(state: Any) -> Any:
        end = state[4] + steps
        return jax.lax.while_loop(lambda now: (now[-1] > job.goal) & (now[4] < end), check, state)

    def begin(start: array[float], limit: float) -> Train:
        layers = split(np.array(start, dtype), problem.sizes, True)
        parameters = [(jnp.asarray(weights), jnp.asarray(biases[0])) for weights, biases in layers]

        def train() -> Trained:
            deadline = time.perf_counter() + limit
            state = first(parameters)
            while not (reached := float(state[-1]) <= job.goal) and time.perf_counter() < deadline:
                state = more(state)
            return Trained(reached, lambda: flat(state[0]))

        return train

    return begin


MAKERS: dict[str, Maker] = {"JAX Adam": _jax}
