# SPDX-License-Identifier: MIT
"""What `bitprop bench` has timed: the tasks, and the contestants' side of it, bitprop and NumPy.

A contestant is a process that is told a task, gets ready, and then answers each line {"count": N} on stdin with the
seconds that N epochs, passes or calls took, and the loss in the end.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import bitprop

GROUPS = ("full", "online", "predict", "sweep", "growth")


class Task(NamedTuple):
    """What is timed, on linear data or xor (rows 21), with half_sse."""

    name: str
    group: str
    title: str
    kind: str  # "full", "online", "predict" or "row"
    unit: str
    scale: float  # of the unit in a second
    parts: int = 1  # that the unit counts, in one count: samples of an epoch, networks
    sizes: tuple[int, ...] = (2, 4, 4, 1)
    rows: int = 100
    bias: bool = False
    rate: float = 0.125  # exact in single precision too, as FANN keeps it
    networks: int = 0  # of a sweep; 0: a network of its own
    cores: int = 1
    limit: int = 100_000  # the largest count: epochs, passes or calls
    seconds: float = 0.1  # that a run should take
    series: str = ""  # the growth that it is a point of
    at: int = 0  # where on it


class LeftOutError(Exception):
    """A contestant that does not take part, with the reason."""


# --- the tasks ---


def tasks(quick: bool = False) -> list[Task]:
    """All of them; quick ones take shorter runs and fewer points of each growth."""
    found = []
    for rows, data in ((100, "linear data, 100 rows"), (21, "xor data, 21 rows")):
        for bias, ending in ((False, "without biases"), (True, "with biases")):
            title = f"full batch, 2-4-4-1, {data}, {ending}"
            found.append(Task(f"full-{rows}-{ending}", "full", title, "full", "us/epoch", 1e6, rows=rows, bias=bias))
    for bias, ending in ((False, "without biases"), (True, "with biases")):
        title = f"online, 2-4-4-1, linear data, 100 rows in order, {ending}"
        online = Task(f"online-{ending}", "online", title, "online", "us/sample", 1e6, 100, bias=bias, limit=10_000)
        found.append(online)
    found.append(Task("predict-row", "predict", "predict one row, 2-4-4-1", "row", "us/call", 1e6, rows=1, bias=True))
    million = Task("predict-million", "predict", "predict a million rows, 2-4-4-1", "predict", "ms", 1e3, bias=True)
    found.append(million._replace(rows=1_000_000, limit=1000))
    # At a rate of 0.01 none of the thousand is chaotic, so that their mean loss can be checked.
    sweep = Task("sweep-1", "sweep", "", "full", "us/epoch/network", 1e6, 1000, networks=1000, limit=1000, seconds=2.0)
    sweep = sweep._replace(rate=0.01)
    for cores in (1, 2):
        on = f"{cores} core{'s' * (cores > 1)}"
        title = f"1000 networks, full batch, 100 rows, up to 1000 epochs, without biases, {on}"
        found.append(sweep._replace(name=f"sweep-{cores}", title=title, cores=cores))
        title = f"64 networks, online, 100 rows, without biases, {on}"
        found.append(
            Task(f"sweep-online-{cores}", "sweep", title, "online", "us/sample/network", 1e6, 6400)._replace(
                networks=64, limit=1000, seconds=0.3, cores=cores
            )
        )
    found += _growth(quick)
    return [task._replace(seconds=task.seconds / 5) for task in found] if quick else found


def _growth(quick: bool) -> list[Task]:
    """The points of the three growths. Learning rates fall with the size, so that no training leaves its bounds."""
    found = []
    task = Task("", "growth", "an epoch by the number of rows, 2-4-4-1, full batch", "full", "us/epoch", 1e6)
    for rows in (10, 100, 1000, 10_000) if quick else (10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000):
        rate = min(0.125, 1 / rows)
        found.append(task._replace(name=f"rows-{rows}", rows=rows, rate=rate, limit=10_000, series="rows", at=rows))
    title = "an epoch by the width w, 2-w-w-1, 100 rows, full batch, with biases"
    for width in (2, 8, 32, 128) if quick else (2, 4, 8, 16, 32, 64, 128, 256, 512):
        found.append(
            task._replace(
                name=f"width-{width}", title=title, sizes=(2, width, width, 1), bias=True, limit=1000
            )._replace(rate=0.125 / width, series="width", at=width)
        )
    title = "an epoch of one network by the number of networks in a sweep, 100 rows, full batch, one core"
    for networks in (1, 10, 100) if quick else (1, 3, 10, 30, 100, 300, 1000):
        found.append(
            task._replace(name=f"networks-{networks}", title=title, networks=networks, parts=networks)._replace(
                unit="us/epoch/network", rate=0.01, limit=1000, seconds=0.2, series="networks", at=networks
            )
        )
    return found


def write_task(task: Task, path: str) -> None:
    """The start parameters of every network, the inputs and the targets, as native doubles."""
    x, y = bitprop.datasets.xor() if task.rows == 21 else bitprop.datasets.linear(task.rows, seed=1)
    values = array("d")
    for seed in range(task.networks) if task.networks else (7,):
        values.extend(bitprop.Network(*task.sizes, bias=task.bias, seed=seed).parameters)
    values.extend(value for row in x for value in row)
    values.extend(value for row in y for value in row)
    with open(path, "wb") as file:
        values.tofile(file)


# --- the contestants' side ---


class Job:
    """A task as a contestant gets it. `start`: the parameters (contract §3) of one network after the other."""

    def __init__(self, task: Task, path: str):
        self.task = task
        self.size = sum((n_in + task.bias) * n_out for n_in, n_out in zip(task.sizes, task.sizes[1:]))
        values = array("d")
        with open(path, "rb") as file:
            values.frombytes(file.read())
        start = max(1, task.networks) * self.size
        self.start = values[:start]
        self._x, self._y = values[start : start + 2 * task.rows], values[start + 2 * task.rows :]
        self.x = memoryview(self._x).cast("B").cast("d", (task.rows, 2))
        self.y = memoryview(self._y).cast("B").cast("d", (task.rows, 1))

    def loss(self, result: Any) -> float:
        """The mean squared error of a run's result: trained parameters, a sweep's own losses, or outputs."""
        if self.task.kind in ("predict", "row"):
            outputs = result[0] if isinstance(result, list) else memoryview(result).cast("B").cast("d")
            return statistics.fmean((output - target) ** 2 for output, target in zip(outputs, self._y))
        if hasattr(result, "final_mse"):
            return statistics.fmean(result.final_mse)
        net = bitprop.Network(*self.task.sizes, bias=self.task.bias)
        losses = []
        for at in range(0, len(self.start), self.size):
            net.parameters[:] = array("d", result[at : at + self.size])
            losses.append(net.loss(self.x, self.y))
        return statistics.fmean(losses)


Run = Callable[[int], Any]  # epochs, passes or calls -> what Job.loss takes
Maker = Callable[[Job], Run]


def serve(makers: Mapping[str, Maker], name: str, task: str, path: str) -> int:
    """The contestant's process: gets ready, then for each line {"count": N} on stdin runs, and answers a line."""
    fields = json.loads(task)
    job = Job(Task(**{**fields, "sizes": tuple(fields["sizes"])}), path)
    try:
        run = makers[name](job)
    except ImportError as error:
        print(json.dumps({"left_out": f"{error.name or error} is not installed"}), flush=True)
        return 0
    except LeftOutError as reason:
        print(json.dumps({"left_out": str(reason)}), flush=True)
        return 0
    print(json.dumps({"ready": True}), flush=True)
    seen = set()
    for line in sys.stdin:
        count = json.loads(line)["count"]
        if count not in seen:  # a compilation, or a first touch of memory
            run(count)
            seen.add(count)
        started = time.perf_counter()
        result = run(count)
        seconds = time.perf_counter() - started
        print(json.dumps({"seconds": seconds, "loss": job.loss(result)}), flush=True)
    return 0


def _bitprop(job: Job, form: str = "") -> Run:
    """bitprop, on whatever backend and kernel the environment tells. `form`: how one row is given."""
    task = job.task
    batch_size = 1 if task.kind == "online" else None
    if task.networks:
        sweep = getattr(bitprop, "sweep", None)
        if sweep is None:
            raise LeftOutError("this bitprop has no sweep")
        seeds = range(task.networks)
        rates = (task.rate,)
        return lambda count: sweep(
            task.sizes,
            (job.x, job.y),
            seeds=seeds,
            learning_rates=rates,
            epochs=count,
            bias=task.bias,
            batch_size=batch_size,
        )
    net = bitprop.Network(*task.sizes, bias=task.bias)
    net.parameters[:] = job.start
    if task.kind in ("predict", "row"):
        x: Any = job.x
        out: Any = memoryview(array("d", bytes(8 * task.rows))).cast("B").cast("d", (task.rows, 1))
        if form == "lists":
            x, out = job.x.tolist(), None
        elif form:
            import numpy

            x, out = numpy.asarray(x), None if form == "NumPy" else numpy.asarray(out)

        def predict(count: int) -> Any:
            for _ in range(count):
                result = net.predict(x, out=out)
            return result

        return predict

    def fit(count: int) -> Any:
        net.parameters[:] = job.start
        net.fit(job.x, job.y, epochs=count, learning_rate=task.rate, batch_size=batch_size)
        return net.parameters

    return fit


def split(flat: Any, sizes: Sequence[int], bias: bool) -> list[tuple[Any, Any]]:
    """Weights (..., inputs, outputs) and biases (..., 1, outputs) of parameters (..., count), as views."""
    found = []
    at = 0
    for n_in, n_out in zip(sizes, sizes[1:]):
        end = at + n_in * n_out
        weights = flat[..., at:end].reshape(*flat.shape[:-1], n_in, n_out)
        at = end + n_out * bias
        found.append((weights, flat[..., end:at].reshape(*flat.shape[:-1], 1, n_out) if bias else 0.0))
    return found


def _numpy(job: Job) -> Run:
    """Back-propagation as one writes it with NumPy; the networks of a sweep stand side by side in a leading axis."""
    import numpy as np

    task = job.task
    x, y = np.asarray(job.x), np.asarray(job.y)
    start = np.asarray(job.start)
    if task.networks:
        start = start.reshape(task.networks, job.size)

    def forward(layers: list[tuple[Any, Any]], rows: Any) -> list[Any]:
        found = [rows]
        for weights, biases in layers:
            found.append(1.0 / (1.0 + np.exp(-(found[-1] @ weights + biases))))
        return found

    def step(layers: list[tuple[Any, Any]], rows: Any, targets: Any) -> Any:
        a = forward(layers, rows)
        error = a[-1] - targets
        delta = error * a[-1] * (1.0 - a[-1])
        for at in range(len(layers) - 1, -1, -1):
            weights, biases = layers[at]
            before = (delta @ weights.swapaxes(-1, -2)) * a[at] * (1.0 - a[at]) if at else None
            weights -= task.rate * (a[at].swapaxes(-1, -2) @ delta)
            if task.bias:
                biases -= task.rate * delta.sum(axis=-2, keepdims=True)
            delta = before
        return (error * error).sum(axis=(-2, -1))

    def train(count: int) -> Any:
        parameters = start.copy()
        layers = split(parameters, task.sizes, task.bias)
        log = []
        for _ in range(count):
            if task.kind == "full":
                log.append(step(layers, x, y))
            else:
                log.append(sum(step(layers, x[row : row + 1], y[row : row + 1]) for row in range(task.rows)))
        return parameters.ravel()

    def predict(count: int) -> Any:
        layers = split(start, task.sizes, task.bias)
        for _ in range(count):
            outputs = forward(layers, x)[-1]
        return outputs

    return predict if task.kind in ("predict", "row") else train


MAKERS: dict[str, Maker] = {
    "bitprop": _bitprop,
    "bitprop, lists": lambda job: _bitprop(job, "lists"),
    "bitprop, NumPy": lambda job: _bitprop(job, "NumPy"),
    "bitprop, out=": lambda job: _bitprop(job, "out="),
    "NumPy": _numpy,
}


if __name__ == "__main__":
    if sys.argv[1:2] != ["--contestant"]:
        sys.exit("this is how a contestant's process starts; to measure, call bitprop bench")
    sys.exit(serve(MAKERS, *sys.argv[2:]))
