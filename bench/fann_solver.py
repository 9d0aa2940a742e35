# SPDX-License-Identifier: MIT
"""FANN, timed to the solution: the caller of fann_solve.c."""

from __future__ import annotations

import ctypes
import sys
import time
from array import array
from typing import Any

from compiling import library

from bitprop.bench.settings import SETTINGS
from bitprop.bench.solve import Solver
from bitprop.bench.solver import Begin, Job, Train, Trained, arrays, serve

NAME = "FANN RPROP"
SLICE = 1000  # epochs of one call; between calls the time is looked at
FLAGS = ["-O2", "-march=native"]


def _fann(job: Job) -> Begin:
    """fann_train_epoch and fann_get_MSE in a loop of C, as fann_train_on_data has it."""
    problem, settings = job.problem, job.settings
    code = library("fann_solve.c", FLAGS, ["-ldoublefann"])
    layers = len(problem.sizes)
    shape = layers, (ctypes.c_uint * layers)(*problem.sizes)
    x, y, judged_x, judged_y = (part.ravel() for part in arrays(job))
    pointers = [part.ctypes.data_as(ctypes.c_void_p) for part in (x, y, judged_x, judged_y)]
    judged_count = len(job.judged_x) if problem.proben1 else 0
    code.data(problem.sizes[0], problem.sizes[-1], len(job.x), *pointers[:2], judged_count, *pointers[2:])
    slice_of = SLICE, settings.get("check_every", 1), ctypes.c_float(job.goal)
    constants = [
        ctypes.c_float(settings.get(name, default))
        for name, default in (("increase", 1.2), ("decrease", 0.5), ("first_step", 0.1))
    ]
    kinds = int(problem.activations[-1] == "identity"), int(settings["errors"] == "tanh")

    def begin(start: array[float], limit: float) -> Train:
        values = (ctypes.c_double * len(start))(*start)
        code.begin(values, *shape, *kinds, *constants)
        reached = 0

        def parameters() -> Any:
            """Those of which the goal's error was measured: for the rows that are trained on, before the last step."""
            if reached > 0 and not problem.proben1:
                code.begin(values, *shape, *kinds, *constants)
                code.solve(reached - 1, 1, ctypes.c_float(-1.0))
            code.end(values, *shape)
            return values

        def train() -> Trained:
            nonlocal reached
            deadline, done = time.perf_counter() + limit, 0
            while reached == 0 and time.perf_counter() < deadline:
                epochs: int = code.solve(*slice_of)
                reached = done + epochs if epochs > 0 else 0
                done += SLICE
            return Trained(reached > 0, parameters)

        return train

    return begin


def solvers() -> list[Solver]:
    """FANN as the clerk takes it."""
    return [Solver(NAME, [sys.executable, __file__, NAME], SETTINGS[NAME])]


if __name__ == "__main__":
    serve({NAME: _fann}, *sys.argv[1:])
