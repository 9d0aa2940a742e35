# SPDX-License-Identifier: MIT
"""The contestant's side: bitprop, NumPy, and what bench/peers.py builds its peers on.

A contestant is a process that gets ready for a task, and then answers each count on stdin with the seconds that as many
epochs or calls took, and the loss in the end.
"""

from __future__ import annotations

import functools
import json
import os
import statistics
import sys
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import Network, SweepResult, datasets, sweep
from .._processors import cores
from .tasks import Task

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Job:
    """A task with its data, and the start parameters (contract §3) of one network after the other."""

    def __init__(self, task: Task):
        self.task = task
        x, y = datasets.xor() if task.rows == 21 else datasets.linear(task.rows, seed=1)
        self.x, self.y = matrix(x), matrix(y)
        self.start = array("d")
        for seed in range(task.networks) if task.networks else (7,):
            self.start.extend(Network(*task.sizes, bias=task.bias, seed=seed).parameters)
        self.size = len(self.start) // max(1, task.networks)  # parameters of a network

    def loss(self, result: Any) -> float:
        """The mean squared error of a run's result: trained parameters, a sweep, or outputs."""
        if isinstance(result, SweepResult):
            return statistics.fmean(result.final_mse)
        if self.task.kind == "predict":
            outputs, targets = (memoryview(values).cast("B").cast("d") for values in (result, self.y))
            return statistics.fmean((output - target) ** 2 for output, target in zip(outputs, targets))
        net = Network(*self.task.sizes, bias=self.task.bias)
        losses = []
        for first in range(0, len(self.start), self.size):
            net.parameters[:] = array("d", result[first : first + self.size])
            losses.append(net.loss(self.x, self.y))
        return statistics.fmean(losses)


Run = Callable[[int], Any]  # epochs or calls -> what Job.loss takes
Maker = Callable[[Job], Run]


def matrix(rows: Sequence[Sequence[float]]) -> Any:
    """The rows as a buffer of two dimensions."""
    values = array("d", [value for row in rows for value in row])
    return memoryview(values).cast("B").cast("d", (len(rows), len(rows[0])))


def repeated(call: Callable[[], Any], outputs: Callable[[Any], Any] = lambda result: result) -> Run:
    """The run of a prediction. `outputs` makes what Job.loss takes of what the call returns."""

    def run(count: int) -> Any:
        for _ in range(count):
            result = call()
        return outputs(result)

    return run


def serve(makers: Mapping[str, Maker], name: str, fields: str) -> None:
    """The contestant's process: gets ready, then runs for each count on stdin, and answers a line of JSON."""
    task = Task.from_json(json.loads(fields))
    os.environ.update(dict.fromkeys(THREADS, str(task.cores)))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores()[-task.cores :])
    job = Job(task)
    run = makers[name](job)
    seen = set()
    for count in map(int, sys.stdin):
        if count not in seen:  # a compilation, or a first touch of memory
            run(count)
            seen.add(count)
        started = time.perf_counter()
        result = run(count)
        seconds = time.perf_counter() - started
        print(json.dumps({"seconds": seconds, "loss": job.loss(result)}), flush=True)


def _bitprop(job: Job) -> Run:
    """bitprop, on the backend and kernel of the environment."""
    task = job.task
    options: dict[str, Any] = {"batch_size": 1 if task.kind == "online" else None}
    if task.networks:
        options.update(seeds=range(task.networks), learning_rates=[task.rate], bias=task.bias)
        return lambda count: sweep(task.sizes, (job.x, job.y), epochs=count, **options)
    net = _network(job)
    if task.kind == "predict":
        return repeated(functools.partial(net.predict, job.x, out=matrix(job.y.tolist())))

    def train(count: int) -> Any:
        net.parameters[:] = job.start
        net.fit(job.x, job.y, epochs=count, learning_rate=task.rate, **options)
        return net.parameters

    return train


def _lists(job: Job) -> Run:
    """bitprop's predictions of lists."""
    return repeated(functools.partial(_network(job).predict, job.x.tolist()), matrix)


def _arrays(job: Job) -> Run:
    """bitprop's predictions of NumPy's arrays."""
    import numpy as np

    return repeated(functools.partial(_network(job).predict, np.asarray(job.x)))


def _network(job: Job) -> Network:
    net = Network(*job.task.sizes, bias=job.task.bias)
    net.parameters[:] = job.start
    return net


def split(flat: Any, sizes: Sequence[int], bias: bool) -> list[tuple[Any, Any]]:
    """Weights (..., inputs, outputs) and biases (..., 1, outputs) of parameters (..., count), as views."""
    layers = []
    first = 0
    for n_in, n_out in zip(sizes, sizes[1:]):
        end = first + n_in * n_out
        weights = flat[..., first:end].reshape(*flat.shape[:-1], n_in, n_out)
        first = end + n_out * bias
        layers.append((weights, flat[..., end:first].reshape(*flat.shape[:-1], 1, n_out) if bias else 0.0))
    return layers


def batches(task: Task, x: Any, y: Any) -> list[tuple[Any, Any]]:
    """The rows and targets of each step of an epoch."""
    size = task.rows if task.kind == "full" else 1
    return [(x[first : first + size], y[first : first + size]) for first in range(0, task.rows, size)]


def _numpy(job: Job) -> Run:
    """Back-propagation as one writes it with NumPy; the networks of a sweep stand side by side in a leading axis."""
    import numpy as np

    task = job.task
    x, y, start = np.asarray(job.x), np.asarray(job.y), np.asarray(job.start)
    if task.networks:
        start = start.reshape(task.networks, job.size)

    def forward(layers: list[tuple[Any, Any]], rows: Any) -> list[Any]:
        a = [rows]
        for weights, biases in layers:
            a.append(1.0 / (1.0 + np.exp(-(a[-1] @ weights + biases))))
        return a

    def step(layers: list[tuple[Any, Any]], rows: Any, targets: Any) -> Any:
        a = forward(layers, rows)
        error = a[-1] - targets
        delta = error * a[-1] * (1.0 - a[-1])
        for layer in range(len(layers) - 1, -1, -1):
            weights, biases = layers[layer]
            before = (delta @ weights.swapaxes(-1, -2)) * a[layer] * (1.0 - a[layer]) if layer else None
            weights -= task.rate * (a[layer].swapaxes(-1, -2) @ delta)
            if task.bias:
                biases -= task.rate * delta.sum(axis=-2, keepdims=True)
            delta = before
        return (error * error).sum(axis=(-2, -1))

    if task.kind == "predict":
        layers = split(start, task.sizes, task.bias)
        return repeated(lambda: forward(layers, x)[-1])
    steps = batches(task, x, y)

    def train(count: int) -> Any:
        parameters = start.copy()
        layers = split(parameters, task.sizes, task.bias)
        log = []
        for _ in range(count):
            log.append(sum(step(layers, *batch) for batch in steps))
        return parameters.ravel()

    return train


MAKERS: dict[str, Maker] = {
    "bitprop": _bitprop,
    "bitprop, lists": _lists,
    "bitprop, NumPy": _arrays,
    "NumPy": _numpy,
}


if __name__ == "__main__":
    serve(MAKERS, *sys.argv[1:])
