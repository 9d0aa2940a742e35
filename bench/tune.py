# SPDX-License-Identifier: MIT
"""Looks for the settings of src/bitprop/bench/settings.py: `python bench/tune.py --data DIR --only JAX >found.txt`.

`python bench/tune.py --read found.txt` writes what was found into that file.

Every contestant is tuned alike, by trainings from other seeds than those that are measured: of all combinations in its
grid it takes the one with the least median time among those that solve at least nine of ten trainings, or else that
which solves most. Grids are gone through stage by stage, each with the best of the stages before it.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import math
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import core_solver
import fann_solver

from bitprop.bench.problems import Problem, chosen
from bitprop.bench.processes import LeftOutError, Process
from bitprop.bench.settings import SETTINGS
from bitprop.bench.solve import TOLERANCE, Solver, solvers
from bitprop.errors import OptionError

MODULE = Path(__file__).resolve().parent.parent / "src" / "bitprop" / "bench" / "settings.py"
HEAD = '''\
# SPDX-License-Identifier: MIT
"""How each contestant solves each problem. bench/tune.py writes this file, from what it finds."""

from __future__ import annotations

from typing import Any

'''
FIRST_SEED = 1000  # those that are measured begin with 0
Stage = Mapping[str, Sequence[Any]]
RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
STEPS = {"increase": (1.2, 1.5), "first_step": (0.03, 0.1, 0.3, 1.0)}
EVERY = {"check_every": (2, 5, 10, 20, 50, 100)}
EVERY_OR_ONE: Stage = {"check_every": (1, 2, 3, 5, 10)}
FACTORS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
GRIDS: dict[str, list[Stage]] = {
    "bitprop descent, online": [
        {"learning_rate": (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0), "shuffle_seed": (None, 1)},
        {"check_every": (1, *EVERY["check_every"])},
    ],
    "bitprop descent, batch": [{"learning_rate": FACTORS}, EVERY],
    "bitprop momentum": [{"learning_rate": FACTORS, "momentum": (0.9, 0.95)}, EVERY],
    "bitprop nesterov": [{"learning_rate": FACTORS, "momentum": (0.9, 0.95)}, EVERY],
    "bitprop adam": [{"learning_rate": RATES, "loss": ("mse", "binary_cross_entropy")}, EVERY],
    "bitprop rprop": [{**STEPS, "loss": ("mse", "binary_cross_entropy")}, EVERY],
    "bitprop levenberg_marquardt": [
        {"mu": (1e-3, 1e-2, 1e-1, 1.0), "mu_increase": (4.0, 10.0)},
        {"check_every": (1, 2, 3, 5)},
    ],
    "bitprop nesterov, in C": [{"learning_rate": FACTORS, "momentum": (0.9, 0.95)}],
    "bitprop adam, in C": [{"learning_rate": RATES, "loss": ("mse", "binary_cross_entropy")}, EVERY_OR_ONE],
    "bitprop rprop, in C": [{**STEPS, "loss": ("mse", "binary_cross_entropy")}, EVERY_OR_ONE],
    "scikit-learn adam": [{"learning_rate_init": RATES}, {"check_every": (1, 5, 10, 20)}],
    "scikit-learn lbfgs": [{"check_every": (10, 20, 50, 100, 200)}],
    "JAX Adam": [{"learning_rate": RATES, "loss": ("mse", "bce")}, {"dtype": ("float64", "float32")}],
    "JAX RPROP": [{**STEPS, "loss": ("mse", "bce")}, {"dtype": ("float64", "float32")}],
    "PyTorch LBFGS": [{"loss": ("mse", "bce"), "history_size": (5, 10, 20)}],
    "SciPy least_squares": [{"x_scale": (1.0, "jac")}],
    "SciPy L-BFGS-B": [{"loss": ("mse", "bce"), "maxcor": (5, 10, 20)}],
    "FANN RPROP": [{**STEPS, "errors": ("linear", "tanh")}],
}
SAME = {  # contestants that take the settings of another one by the same rule, under their own names
    "PyTorch Adam": ("JAX Adam", {"learning_rate": "lr", "loss": "loss", "check_every": "check_every"}),
    "PyTorch Adam, compiled": ("JAX Adam", {"learning_rate": "lr", "loss": "loss"}),
    "PyTorch Rprop": ("JAX RPROP", {"first_step": "lr", "loss": "loss", "check_every": "check_every"}),
}
VALIDATED: dict[str, list[Stage]] = {  # further stages where other rows are judged than those that are trained on
    "bitprop nesterov, in C": [EVERY_OR_ONE],
    "JAX Adam": [{"check_every": (1, 2, 5, 10)}],
    "JAX RPROP": [{"check_every": (1, 2, 5, 10)}],
    "FANN RPROP": [{"check_every": (1, 2, 5, 10)}],
}
OF_SIGMOIDS = ("bce", "binary_cross_entropy")  # losses that go with no other outputs


def _combinations(stage: Stage, problem: Problem) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*stage.values()):
        settings = dict(zip(stage, values))
        if settings.get("loss") not in OF_SIGMOIDS or problem.activations[-1] == "sigmoid":
            yield settings


def _score(solver: Solver, problem: Problem, settings: Mapping[str, Any], options: argparse.Namespace) -> Any:
    """What is least for the best settings: first the trainings that fail, where they are many, then the median time."""
    job = {"problem": problem.name, "folder": options.data, "settings": settings, "limit": options.limit}
    times = []
    with contextlib.ExitStack() as stack:
        process = Process(solver.command, job, {}, stack)
        try:
            for seed in range(FIRST_SEED, FIRST_SEED + options.seeds):
                answer = process.ask(seed)
                solved = answer["reached"] and answer["loss"] <= problem.goal * (1.0 + TOLERANCE)
                times.append(answer["seconds"] if solved else math.inf)
                if 2 * times.count(math.inf) > options.seeds:  # it is none of the best
                    return options.seeds, math.inf
        except LeftOutError as reason:
            print(f"{solver.name}, {problem.name}, {settings}: {reason}", file=sys.stderr)
            return options.seeds, math.inf
    failures = sum(map(math.isinf, times))
    return failures if failures > options.seeds // 10 else 0, statistics.median(times)


def _tune(solver: Solver, problem: Problem, options: argparse.Namespace) -> dict[str, Any]:
    """The contestant's best settings for the problem."""
    best = dict(SETTINGS[solver.name][problem.name])
    stages = GRIDS[solver.name] + (VALIDATED.get(solver.name, []) if problem.proben1 else [])
    for stage in stages:
        tried = []
        for settings in _combinations(stage, problem):
            both = {name: value for name, value in {**best, **settings}.items() if value is not None}
            tried.append((_score(solver, problem, both, options), both))
        score, best = min(tried, key=lambda pair: pair[0])
        print(f"# {solver.name}, {problem.name}: {score[1] * 1e3:.3g} ms, {score[0]} failures", file=sys.stderr)
    return best


def _write(lines: Sequence[str]) -> None:
    """Writes the module of the settings, with what these lines of JSON have found."""
    settings = {name: dict(problems) for name, problems in SETTINGS.items()}
    for line in lines:
        name, problem, found = json.loads(line)
        settings[name][problem] = found
    for name, (other, names) in SAME.items():
        for problem, found in settings[other].items():
            taken = {names[key]: value for key, value in found.items() if key in names}
            settings[name][problem] = {**settings[name].get(problem, {}), **taken}
    MODULE.write_text(f"{HEAD}SETTINGS: dict[str, dict[str, dict[str, Any]]] = {settings!r}\n", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(MODULE)], check=True)


def main() -> None:
    """Prints a line of JSON for each contestant and problem."""
    parser = argparse.ArgumentParser(description="Look for good settings.", allow_abbrev=False)
    parser.add_argument("--data", metavar="DIR", help="the folder of PROBEN1's files")
    parser.add_argument("--only", action="append", default=[], help="part of the names of contestants; can be repeated")
    parser.add_argument("--problems", help="some, with commas (all)")
    parser.add_argument("--seeds", type=int, default=20, help="trainings of each (20)")
    parser.add_argument("--limit", type=float, default=2.0, help="seconds that a training may take (2)")
    parser.add_argument("--read", metavar="FILE", nargs="+", help="measure nothing: write what these files found")
    options = parser.parse_args()
    if options.read:
        _write([line for path in options.read for line in Path(path).read_text(encoding="utf-8").splitlines()])
        return
    try:
        problems, _ = chosen(options.problems.split(",") if options.problems else None, options.data)
    except OptionError as error:
        parser.error(str(error))
    for solver in [*solvers(), *core_solver.solvers(), *fann_solver.solvers()]:
        if options.only and not any(part in solver.name for part in options.only):
            continue
        for problem in problems:
            if problem.name in solver.settings and solver.name in GRIDS:
                print(json.dumps([solver.name, problem.name, _tune(solver, problem, options)]), flush=True)


if __name__ == "__main__":
    main()
