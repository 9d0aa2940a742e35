# SPDX-License-Identifier: MIT
"""JAX, timed to the solution."""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Callable, Mapping
from typing import Any

from .contestant import split
from .solver import Begin, Job, Maker, Train, Trained, arrays, flat


def _adam(settings: Mapping[str, Any]) -> Callable[..., Any]:
    """A step of Adam: the parameters and both moments after it."""
    import jax
    import jax.numpy as jnp

    def update(parameters: Any, gradients: Any, m: Any, v: Any, count: Any) -> Any:
        m = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, m, gradients)
        v = jax.tree.map(lambda a, g: 0.999 * a + 0.001 * g * g, v, gradients)
        scale = settings["learning_rate"] * jnp.sqrt(1.0 - 0.999**count) / (1.0 - 0.9**count)
        return jax.tree.map(lambda p, a, b: p - scale * a / (jnp.sqrt(b) + 1e-8), parameters, m, v), m, v

    return update


def _rprop(settings: Mapping[str, Any]) -> Callable[..., Any]:
    """A step of RPROP: the parameters after it, the gradients, 0 where the sign turned, and the sizes of the steps."""
    import jax
    import jax.numpy as jnp

    increase, decrease = settings.get("increase", 1.2), settings.get("decrease", 0.5)

    def update(parameters: Any, gradients: Any, before: Any, sizes: Any, _: Any) -> Any:
        signs = jax.tree.map(lambda g, b: g * b, gradients, before)
        factors = jax.tree.map(lambda s: jnp.where(s > 0, increase, jnp.where(s < 0, decrease, 1.0)), signs)
        sizes = jax.tree.map(lambda d, f: jnp.minimum(d * f, 50.0).astype(d.dtype), sizes, factors)
        gradients = jax.tree.map(lambda g, s: jnp.where(s < 0, 0.0, g), gradients, signs)
        return jax.tree.map(lambda p, g, d: p - jnp.sign(g) * d, parameters, gradients, sizes), gradients, sizes

    return update


def _jax(rule: str, job: Job) -> Begin:
    """A rule in one compiled while_loop that ends at the goal; compiled once, for all starts."""
    os.environ.update(JAX_ENABLE_X64="1", JAX_PLATFORMS="cpu")
    import jax
    import jax.numpy as jnp
    import numpy as np

    problem, settings = job.problem, job.settings
    every, dtype = settings.get("check_every", 1), settings.get("dtype", "float64")
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
    update = _rprop(settings) if rule == "rprop" else _adam(settings)
    first_step = settings.get("first_step", 0.1) if rule == "rprop" else 0.0

    def judged(parameters: Any) -> Any:
        return jnp.mean((last(forward(parameters, judged_x)) - judged_y) ** 2)

    def step(state: Any) -> Any:
        parameters, gradients, m, v, count, mse = state
        count = count + 1
        parameters, m, v = update(parameters, gradients, m, v, count)
        (_, mse), gradients = gradient(parameters)
        return parameters, gradients, m, v, count, mse

    def check(state: Any) -> Any:
        """So many steps, after which the judged loss stands in the state."""
        state = jax.lax.fori_loop(0, every, lambda _, state: step(state), state) if every > 1 else step(state)
        return (*state[:-1], judged(state[0])) if problem.proben1 else state

    def first(parameters: Any) -> Any:
        (_, mse), gradients = gradient(parameters)
        zeros = jax.tree.map(jnp.zeros_like, parameters)
        seconds = jax.tree.map(lambda part: jnp.full_like(part, first_step), parameters)
        return more((parameters, gradients, zeros, seconds, jnp.asarray(0.0, dtype), mse))

    def more(state: Any) -> Any:
        end = state[4] + steps
        return jax.lax.while_loop(lambda now: (now[-1] > job.goal) & (now[4] < end), check, state)

    compiled_first, compiled_more = jax.jit(first), jax.jit(more)

    def begin(start: array[float], limit: float) -> Train:
        layers = split(np.array(start, dtype), problem.sizes, True)
        parameters = [(jnp.asarray(weights), jnp.asarray(biases[0])) for weights, biases in layers]

        def train() -> Trained:
            deadline = time.perf_counter() + limit
            state = compiled_first(parameters)
            while not (reached := float(state[-1]) <= job.goal) and time.perf_counter() < deadline:
                state = compiled_more(state)
            return Trained(reached, lambda: flat(state[0]))

        return train

    return begin


MAKERS: dict[str, Maker] = {"JAX Adam": lambda job: _jax("adam", job), "JAX RPROP": lambda job: _jax("rprop", job)}
