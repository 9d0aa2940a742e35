# SPDX-License-Identifier: MIT
"""How often, and how fast, known problems are solved: python bench/starts.py.

By Levenberg and Marquardt's rule, from thirty starts (seeds 0 to 29): the sine of MATLAB's comparison of training
functions, 1-5-1, tanh and identity, 41 points from -1 to 1, with the targets sin(pi*x), goal 0.002; and the parity of
three bits by 3-10-10-1 with tanh, goal 0.001. By RPROP, from a hundred starts: the encoder 10-5-10 of Riedmiller and
Braun (1993), until each output is on the right side of 0.4 and 0.6. The times are of single trainings on one core.
"""

from __future__ import annotations

import math
import statistics
import time
from pathlib import Path
from typing import Any

from bitprop import Network, datasets, info, sweep

SINE = [[-1.0 + 2.0 * i / 40] for i in range(41)], [[math.sin(math.pi * (-1.0 + 2.0 * i / 40))] for i in range(41)]
PROBLEMS: list[tuple[str, tuple[int, ...], list[str], Any, float]] = [
    ("sine", (1, 5, 1), ["tanh", "identity"], SINE, 0.002),
    ("parity:3, identity output", (3, 10, 10, 1), ["tanh", "tanh", "identity"], datasets.parity(3), 0.001),
    ("parity:3, tanh output", (3, 10, 10, 1), ["tanh", "tanh", "tanh"], datasets.parity(3), 0.001),
]
RULE: Any = {"rule": "levenberg_marquardt", "loss": "mse"}


def per_epoch(sizes: tuple[int, ...], activation: list[str], data: Any, backend: Any, epochs: int) -> float:
    """Microseconds of an epoch, the least of five trainings."""
    times = []
    for _ in range(5):
        net = Network(*sizes, activation=activation, init="glorot", backend=backend)  # type: ignore[arg-type]
        begun = time.perf_counter()
        history = net.fit(*data, epochs=epochs, log_every=epochs, gradient_min=0.0, **RULE)
        times.append((time.perf_counter() - begun) / max(1, history.trained))
    return 1e6 * min(times)


def encoder_epochs(seed: int, first_step: float) -> int | None:
    """After how many epochs RPROP has learnt the encoder; None where 300 do not do."""
    x, y = datasets.encoder(10)
    net = Network(10, 5, 10, init="uniform", seed=seed)

    def is_learnt(epoch: int, loss: float) -> bool:
        pairs = [pair for outputs, targets in zip(net.predict(x), y) for pair in zip(outputs, targets)]
        return all(output >= 0.6 if target else output <= 0.4 for output, target in pairs)

    history = net.fit(x, y, epochs=300, rule="rprop", first_step=first_step, callback=is_learnt)
    return history.trained if history.stopped == "callback" else None


def main() -> None:
    """Prints a line for each problem and init, then the times."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    print(next((line.split(": ")[1] for line in lines if line.startswith("model name")), "unknown processor"))
    print(f"{info()['backend']}, {info()['compiler']}")
    for name, sizes, activation, data, goal in PROBLEMS:
        for init in ("glorot", "uniform", "normal"):
            options: Any = {"activation": activation, "init": init, **RULE}
            runs = sweep(sizes, data, seeds=range(30), epochs=1000, goal=goal, **options)
            reached = [run.history.trained for run in runs if run.history.stopped == "goal"]
            median = statistics.median(reached) if reached else math.nan
            print(f"{name}, {init}: {len(reached)} of 30 reach {goal}, median {median:g} epochs")
    for first_step in (0.1, 0.3, 0.5, 1.0):
        ends = [encoder_epochs(seed, first_step) for seed in range(100)]
        learnt = [end for end in ends if end is not None]
        spread = f"{statistics.mean(learnt):.1f} epochs, standard deviation {statistics.pstdev(learnt):.1f}"
        print(f"encoder 10-5-10, rprop, first step {first_step}: {len(learnt)} of 100 learn it, in {spread}")
    for name, sizes, activation, data, _ in PROBLEMS[:2]:
        print(f"{name}: {per_epoch(sizes, activation, data, 'cffi', 1000 if sizes[0] == 1 else 5):.1f} us an epoch")


if __name__ == "__main__":
    main()
