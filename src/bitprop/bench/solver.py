# SPDX-License-Identifier: MIT
"""The contestant's side of the time to solution: bitprop's rules, and what the peers build on.

A contestant is a process that gets ready for a problem, and then answers each seed on stdin with the seconds that the
training from its start weights took, whether it says that it reached the goal, and the loss of its parameters.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
import warnings
from array import array
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .. import DivergedError, TrainingHint
from .._processors import cores
from ..names import PARTNERS
from .contestant import THREADS, matrix
from .problems import PROBLEMS, Problem, examples
from .settings import SETTINGS
from .solve import kind_of

WARM_SEED = 2**32  # of the training that makes a contestant ready, which is not measured
WARM_LIMIT = 0.3  # seconds that this may take, apart from compilation
MOST_REPEATS, REPEATED = 5, 0.05  # trainings from one start, as long as they have taken less than so many seconds


class Job(NamedTuple):
    """A problem with its data, and how the contestant solves it."""

    problem: Problem
    settings: Mapping[str, Any]
    limit: float  # seconds that a training may take
    x: Any  # all four are float64 memory of two dimensions
    y: Any
    judged_x: Any
    judged_y: Any

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Job:
        """The job that a clerk has asked for."""
        problem = next(problem for problem in PROBLEMS if problem.name == fields["problem"])
        data = map(matrix, examples(problem, fields["folder"]))
        return cls(problem, fields["settings"], fields["limit"], *data)

    @property
    def goal(self) -> float:
        """The mean squared error to reach."""
        return self.problem.goal

    def start(self, seed: int) -> array[float]:
        """The start parameters (contract §3) of a seed."""
        return array("d", self.problem.network(seed).parameters)

    def loss(self, parameters: Any) -> float:
        """The mean squared error of the judged rows, by bitprop."""
        net = self.problem.network(0)
        net.parameters[:] = array("d", parameters)
        return net.loss(self.judged_x, self.judged_y)


class Trained(NamedTuple):
    """How a training ended."""

    reached: bool  # whether the contestant says so
    parameters: Callable[[], Any]  # of the network, in the order of contract §3


Train = Callable[[], Trained]  # what is timed
Begin = Callable[["array[float]", float], Train]  # start parameters, seconds that the training may take
Maker = Callable[[Job], Begin]


# --- what peers build on ---


class ReachedError(Exception):
    """Leaves a library's optimiser from inside the function that it minimises."""


class LateError(Exception):
    """Likewise, at the time limit."""


def arrays(job: Job) -> tuple[Any, Any, Any, Any]:
    """The job's data for NumPy."""
    import numpy as np

    x, y, judged_x, judged_y = (np.array(part) for part in (job.x, job.y, job.judged_x, job.judged_y))
    return x, y, judged_x, judged_y


def flat(layers: Any) -> Any:
    """Weights and biases, layer by layer, as parameters of contract §3."""
    import numpy as np

    return np.concatenate([np.ravel(part) for weights, biases in layers for part in (weights, biases)])


# --- the process ---


def serve(makers: Mapping[str, Maker], name: str, fields: str) -> None:
    """The contestant's process: gets ready, then trains for each seed on stdin, and answers a line of JSON."""
    os.environ.update(dict.fromkeys(THREADS, "1"))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores()[-1:])
    warnings.simplefilter("ignore", TrainingHint)
    job = Job.from_json(json.loads(fields))
    begin = makers[name](job)
    started = time.perf_counter()
    begin(job.start(WARM_SEED), WARM_LIMIT)()
    warmed = time.perf_counter() - started
    for seed in map(int, sys.stdin):
        print(json.dumps({**_answer(job, begin, job.start(seed)), "warmed": warmed}), flush=True)


def _answer(job: Job, begin: Begin, start: array[float]) -> dict[str, Any]:
    """What one seed gives; short trainings are repeated, and the seconds are their median."""
    times: list[float] = []
    while not times or (len(times) < MOST_REPEATS and sum(times) < REPEATED):
        train = begin(start, job.limit)
        started = time.perf_counter()
        trained = train()
        times.append(time.perf_counter() - started)
    return {
        "seconds": statistics.median(times),
        "reached": trained.reached,
        "loss": job.loss(trained.parameters()),
    }


# --- bitprop ---


def _bitprop(job: Job) -> Begin:
    """One `fit` that stops at the goal."""
    net = job.problem.network(0)
    options = dict(job.settings)
    loss, every = options["loss"], options.pop("check_every", 1)
    if loss in PARTNERS:  # whose checks would judge the loss that is trained, but the goal is a squared error
        options.update(log_every=every, callback=lambda epoch, _: net.loss(job.judged_x, job.judged_y) <= job.goal)
    else:
        terms = job.judged_y.nbytes // job.judged_y.itemsize if loss.endswith("sse") else 1
        options.update(check_every=every, goal=job.goal * terms * (0.5 if loss.startswith("half") else 1.0))
        if job.problem.proben1:
            options["validation"] = job.judged_x, job.judged_y

    def begin(start: array[float], limit: float) -> Train:
        net.parameters[:] = start
        return train

    def train() -> Trained:
        try:
            history = net.fit(job.x, job.y, **options)
        except DivergedError:
            return Trained(False, lambda: net.parameters)
        return Trained(history.stopped in ("goal", "callback"), lambda: net.parameters)

    return begin


def makers() -> dict[str, Maker]:
    """All contestants of this package by name."""
    from . import peer_jax, peer_scipy, peer_sklearn, peer_torch

    ours = {name: _bitprop for name in SETTINGS if kind_of(name) == "bitprop"}
    return {**ours, **peer_sklearn.MAKERS, **peer_torch.MAKERS, **peer_jax.MAKERS, **peer_scipy.MAKERS}


if __name__ == "__main__":
    serve(makers(), *sys.argv[1:])
