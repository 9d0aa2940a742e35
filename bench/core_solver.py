# SPDX-License-Identifier: MIT
"""bitprop's C core, timed to the solution without Python: the caller of core_solve.c."""

from __future__ import annotations

import ctypes
import importlib.util
import sys
import time
from array import array
from typing import Any

from compiling import library

from bitprop.bench.settings import SETTINGS
from bitprop.bench.solve import IN_C, Solver
from bitprop.bench.solver import Begin, Job, Train, Trained, arrays, serve
from bitprop.names import ACTIVATIONS, LEARNING_RATES, LOSSES, RULE_OPTIONS, RULES

SLICE = 1000  # epochs of one call; between calls the time is looked at
FLAGS = ["-O2"]


def _core(job: Job) -> Begin:
    """bp_train in a loop of C."""
    problem, settings = job.problem, job.settings
    core = importlib.util.find_spec("bitprop._core")
    if core is None or core.origin is None:
        raise LookupError("bitprop is installed without its compiled core")
    code = library("core_solve.c", FLAGS, [core.origin])
    code.end.restype = ctypes.POINTER(ctypes.c_double)
    sizes = (ctypes.c_uint32 * len(problem.sizes))(*problem.sizes)
    activations = (ctypes.c_uint32 * len(problem.activations))(*map(ACTIVATIONS.index, problem.activations))
    rows = [part.ravel() for part in arrays(job)]
    pointers = [part.ctypes.data_as(ctypes.c_void_p) for part in rows]
    judged_count = len(job.judged_x) if problem.proben1 else 0
    rule = settings["rule"]
    counts = len(job.x), judged_count
    if not code.data(
        *(sizes, activations, len(sizes), counts[0], *pointers[:2], counts[1], *pointers[2:], RULES.index(rule))
    ):
        raise MemoryError("no memory for the network")
    values = [settings.get(name, default) for name, default in RULE_OPTIONS[rule].items()]
    constants = (ctypes.c_double * 5)(*values)
    rate = ctypes.c_double(settings.get("learning_rate", LEARNING_RATES.get(rule, 0.0)))
    chosen = RULES.index(rule), LOSSES.index(settings["loss"]), rate, constants
    slice_of = SLICE, settings.get("check_every", 1), ctypes.c_double(job.goal)

    def begin(start: array[float], limit: float) -> Train:
        if not code.begin((ctypes.c_double * len(start))(*start), *chosen):
            raise ValueError(f"the core refuses {settings}")

        def parameters() -> Any:
            _ = rows, sizes, activations  # which the core reads as long as it trains
            return code.end()[: len(start)]

        def train() -> Trained:
            deadline, status = time.perf_counter() + limit, 0
            while status == 0 and time.perf_counter() < deadline:
                status = code.solve(*slice_of)
            return Trained(status > 0, parameters)

        return train

    return begin


def solvers() -> list[Solver]:
    """The core as the clerk takes it, by each of its rules that is here."""
    return [Solver(name, [sys.executable, __file__, name], SETTINGS[name]) for name in SETTINGS if name.endswith(IN_C)]


if __name__ == "__main__":
    serve(dict.fromkeys((solver.name for solver in solvers()), _core), *sys.argv[1:])
