# SPDX-License-Identifier: MIT
"""The update rules beside each other, for docs/rules.md: python bench/rules.py [FOLDER of the pictures].

On the full batch, 2-4-4-1 of sigmoids, mean squared error: the curves of one start, and of 100 starts (seeds 0 to 99)
the share that is below 0.01, with the median number of epochs until then.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from typing import Any

from bitprop import Network, datasets, plots, sweep

EPOCHS = 1000
GOAL = 0.01
SHOWN = 1e-5  # where a curve ends
RULES: dict[str, Any] = {
    "descent 1.0": {"rule": "descent", "learning_rate": 1.0},
    "descent 0.1": {"rule": "descent", "learning_rate": 0.1},
    "momentum 0.1": {"rule": "momentum", "learning_rate": 0.1},
    "nesterov 0.1": {"rule": "nesterov", "learning_rate": 0.1},
    "adam 0.01": {"rule": "adam", "learning_rate": 0.01},
    "adam 0.1": {"rule": "adam", "learning_rate": 0.1},
    "rprop": {"rule": "rprop"},
    "levenberg_marquardt": {"rule": "levenberg_marquardt"},
}
DATA: dict[str, Any] = {
    "xor": datasets.xor(),
    "linear": datasets.linear(100, seed=1),
    "moons": datasets.moons(100, seed=1),
}
DRAWN = ("xor", "moons")
START = 3  # the seed of the curves


def curves(x: Any, y: Any) -> dict[str, tuple[list[int], list[float]]]:
    """The losses of each rule from the same start."""
    out = {}
    for name, options in RULES.items():
        history = Network(2, 4, 4, 1, seed=START).fit(x, y, epochs=EPOCHS, **options)
        low = [epoch for epoch, loss in enumerate(history.loss) if loss < SHOWN]
        end = low[0] + 1 if low else EPOCHS
        out[name] = history.epochs[:end], history.loss[:end]
    return out


def shares(x: Any, y: Any, options: Any) -> str:
    """How many of the starts reach the goal, and after how many epochs in the median."""
    options = dict(options)
    rates: Any = {"learning_rates": [options.pop("learning_rate")]} if "learning_rate" in options else {}
    goal = 0.5 * GOAL * len(x)  # in half_sse
    runs = sweep((2, 4, 4, 1), (x, y), seeds=range(100), epochs=EPOCHS, goal=goal, **rates, **options)
    reached = [run.history.trained for run in runs if run.history.stopped == "goal"]
    return f"{len(reached)}, {statistics.median(reached):g}" if reached else "0"


def main() -> None:
    """Draws the pictures and prints the table."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures")
    for name in DRAWN:
        plots.save(
            plots.losses(curves(*DATA[name]), f"{name}: all rules from the same start"), folder / f"rules-{name}.png"
        )
    print("| | " + " | ".join(RULES) + " |")
    print("|---|" + "---|" * len(RULES))
    for name, (x, y) in DATA.items():
        print(f"| {name} | " + " | ".join(shares(x, y, options) for options in RULES.values()) + " |")


if __name__ == "__main__":
    main()
