# SPDX-License-Identifier: MIT
"""The problems that are solved side by side: data, network, start weights, and the loss to reach."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import NamedTuple

from .. import datasets
from ..csv_tables import Rows
from ..errors import OptionError, quoted
from ..lab import proben1
from ..names import Activation, Init
from ..network import Network


class Problem(NamedTuple):
    """What is to be learnt, the same for all: the network, its start weights, and the mean squared error to reach."""

    name: str
    title: str
    sizes: tuple[int, ...]
    goal: float
    activations: tuple[Activation, ...]  # one for each layer after the input
    init: Init = "glorot"
    proben1: bool = False  # read from a file of PROBEN1, whose validation examples are judged, and not the training's

    def network(self, seed: int) -> Network:
        """A network with the start weights of that seed."""
        return Network(*self.sizes, activation=self.activations, init=self.init, seed=seed)

    @property
    def judged(self) -> str:
        """Which rows must reach the goal."""
        return "validation" if self.proben1 else "training"


class Examples(NamedTuple):
    """The rows that are trained on, and those that are judged, which may be the same."""

    x: Rows
    y: Rows
    judged_x: Rows
    judged_y: Rows


CLASSES: tuple[Activation, ...] = ("tanh", "sigmoid")
DEEP: tuple[Activation, ...] = ("tanh", "tanh", "sigmoid")
PROBLEMS = (
    Problem("xor", "xor, 21 rows, 2-4-4-1", (2, 4, 4, 1), 0.01, DEEP),
    Problem("linear", "linear data, 100 rows, 2-4-4-1", (2, 4, 4, 1), 0.01, DEEP),
    Problem("spirals", "two spirals, 194 rows, 2-16-16-1", (2, 16, 16, 1), 0.01, DEEP),
    Problem("encoder", "encoder, 10 rows, 10-5-10", (10, 5, 10), 0.001, CLASSES),
    Problem("parity", "parity of 5 bits, 32 rows, 5-10-1", (5, 10, 1), 0.01, CLASSES),
    Problem("cancer1", "cancer1 of PROBEN1, 350 rows, 9-4-2", (9, 4, 2), 0.02, CLASSES, proben1=True),
    Problem("diabetes1", "diabetes1 of PROBEN1, 384 rows, 8-4-2", (8, 4, 2), 0.16, CLASSES, proben1=True),
    Problem("sine", "one period of a sine, 41 rows, 1-5-1", (1, 5, 1), 0.002, ("tanh", "identity")),
)
NAMES = tuple(problem.name for problem in PROBLEMS)


def chosen(names: Sequence[str] | None, folder: str | None) -> tuple[list[Problem], list[str]]:
    """The problems of these names, or all, and the names of those whose file is missing since no folder is given.

    OptionError: an unknown name; one of PROBEN1 is asked for without a folder, or has no file in it.
    """
    for name in names or ():
        if name not in NAMES:
            raise OptionError(f"--problems has {quoted(name)}, expected some of {','.join(NAMES)}")
    found, missing = [], []
    for problem in PROBLEMS:
        if names is not None and problem.name not in names:
            continue
        if problem.proben1 and folder is None:
            if names is not None:
                raise OptionError(f"--problems has {problem.name}, expected --data DIR with it, the folder of its file")
            missing.append(problem.name)
            continue
        if problem.proben1 and not os.path.isfile(path(problem, folder)):
            raise OptionError(f"--data is {quoted(folder)}, expected a folder with {problem.name}.dt.gz")
        found.append(problem)
    return found, missing


def path(problem: Problem, folder: str | None) -> str:
    """Where the file of a problem of PROBEN1 is."""
    return os.path.join(folder or "", f"{problem.name}.dt.gz")


def examples(problem: Problem, folder: str | None) -> Examples:
    """The problem's data. DataError, OSError: of its file."""
    if problem.proben1:
        read = proben1.read(path(problem, folder))
        return Examples(*read.train, *read.validation)
    data = _generated(problem.name)
    return Examples(*data, *data)


def _generated(name: str) -> tuple[Rows, Rows]:
    if name == "xor":
        return datasets.xor()
    if name == "linear":
        return datasets.linear(100, seed=1)
    if name == "spirals":
        return datasets.two_spirals()
    if name == "encoder":
        return datasets.encoder(10)
    if name == "parity":
        return datasets.parity(5)
    x = [[(i - 20) / 20] for i in range(41)]
    return x, [[math.sin(math.pi * x0)] for (x0,) in x]
