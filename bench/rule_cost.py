# SPDX-License-Identifier: MIT
"""What an epoch by each update rule costs beside plain descent, for docs/rules.md: python bench/rule_cost.py

On the full batch of 100 rows, 2-4-4-1. The steps are so small that the network stays as it is: an epoch of a network
whose nodes are saturated takes longer by any rule. The rules take turns.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np

from bitprop import Network, datasets
from bitprop.bench.tables import figure

ROUNDS, FITS, EPOCHS = 31, 3, 5000
TINY = 1e-15
RULES: dict[str, dict[str, Any]] = {
    **{rule: {"learning_rate": TINY} for rule in ("descent", "momentum", "nesterov", "adam", "adamw")},
    "rprop": {"first_step": TINY, "step_max": TINY},
}


def microseconds(rule: str, bias: bool, x: Any, y: Any) -> float:
    """How long an epoch takes, the least of a few trainings."""
    times = []
    for _ in range(FITS):
        net = Network(2, 4, 4, 1, bias=bias, seed=1)
        started = time.perf_counter()
        net.fit(x, y, epochs=EPOCHS, log_every=EPOCHS, rule=rule, **RULES[rule])  # type: ignore[arg-type]  # a name
        times.append(1e6 * (time.perf_counter() - started) / EPOCHS)
    return min(times)


def main() -> None:
    """Prints the table."""
    x, y = map(np.array, datasets.linear(100, seed=1))
    print("| µs an epoch | " + " | ".join(RULES) + " |")
    print("|---|" + "---:|" * len(RULES))
    for bias in (True, False):
        times: dict[str, list[float]] = {rule: [] for rule in RULES}
        for _ in range(ROUNDS):
            for rule, found in times.items():
                found.append(microseconds(rule, bias, x, y))
        ratios = {rule: [one / other for one, other in zip(found, times["descent"])] for rule, found in times.items()}
        cells = []
        for rule, found in ratios.items():
            extremes = f"{min(found):.2f} to {max(found):.2f}"
            cells.append(f"{figure(statistics.median(times[rule]))} ({statistics.median(found):.2f}x, {extremes})")
        print(f"| {'with' if bias else 'without'} biases | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
