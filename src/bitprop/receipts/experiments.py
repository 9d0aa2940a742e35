# SPDX-License-Identifier: MIT
"""Other scenes than the one in which a machine went wrong, of other numbers: they decide between suspects."""

from __future__ import annotations

import itertools
import math
from array import array
from collections.abc import Iterator, Sequence

from .. import _pure
from .bits import bits_of, shifted
from .machines import Task
from .tape import REVEALING, Operation, Scene, lanes_before, shape_of

GOLDEN = 0.6180339887498949  # whose multiples are spread evenly
LARGEST = 200  # parameters of which each is changed


def with_other_numbers(scene: Scene, suspects: Sequence[Operation]) -> Iterator[Scene]:
    """The scene with other losses, targets, inputs and parameters."""
    task = scene.task
    for loss in (_pure.SSE, _pure.HALF_MSE, _pure.MSE):
        if scene.rate == REVEALING and task.options.loss <= _pure.MSE and loss != task.options.loss:
            yield scene._replace(task=task._replace(options=task.options._replace(loss=loss)))
    for layer, node in dict.fromkeys((each.layer, each.node) for each in suspects):
        if layer is not None and node is not None:
            yield from _with_preactivation(scene, layer, node)
    for each in suspects:
        if each.function == "go_back" and each.layer is not None and each.node is not None:
            yield from _with_output(scene, each.layer, each.node)
    for row, name, width in (
        *((scene.first - back, "targets", task.sizes[-1]) for back in range(1, min(scene.first, 3) + 1)),
        *((scene.first, "targets", task.sizes[-1]), (scene.first, "inputs", task.sizes[0])),
    ):
        for column in range(width):
            for factor, term in ((1.0, 0.25), (1.0, -1.5), (0.0, 0.0), (1.0, 64.0)):
                values = array("d", getattr(task, name))
                place = row * width + column
                values[place] = values[place] * factor + term
                changed = task._replace(targets=values) if name == "targets" else task._replace(inputs=values)
                yield scene._replace(task=changed)
    for factor, term in ((0.0, 0.0), (1.0, 0.5), (1.0, 64.0), (-1.25, 0.0)):
        for k in range(min(len(scene.parameters), LARGEST)):
            parameters = list(scene.parameters)
            parameters[k] = parameters[k] * factor + term
            yield scene._replace(parameters=parameters)


class _Node:
    """A node of a scene's network, in its last rows: where its parameters are, and what comes in."""

    def __init__(self, scene: Scene, layer: int, node: int):
        self.task = task = scene.task
        self.row = task.inputs[scene.first * task.sizes[0] : (scene.first + 1) * task.sizes[0]]
        self.place = sum(task.sizes[1:layer]) + node  # among the nodes
        self.n_in, self.n_out = task.sizes[layer - 1], task.sizes[layer]
        first = sum((n + task.bias) * m for n, m in zip(task.sizes[: layer - 1], task.sizes[1:layer]))
        self.weights = [first + i * self.n_out + node for i in range(self.n_in)]
        self.bias = first + self.n_in * self.n_out + node if task.bias else None
        self.layer = layer

    def values(self, parameters: Sequence[float]) -> tuple[float, Sequence[float]]:
        """The pre-activation, and the inputs."""
        before, after = forward(self.task, parameters, self.row)
        start = sum(self.task.sizes[1 : self.layer - 1])
        return before[self.place], self.row if self.layer == 1 else after[start : start + self.n_in]

    def moved(self, parameters: Sequence[float], wanted: float, spared: int | None = None) -> list[float] | None:
        """Parameters with about that pre-activation, by one of its own; None where none can. `spared`: not that."""
        x, inputs = self.values(parameters)
        found = list(parameters)
        if self.bias is not None and self.bias != spared:
            found[self.bias] += wanted - x
            return found
        usable = [i for i, a in enumerate(inputs) if abs(a) > 1e-3 and self.weights[i] != spared]
        if not usable:
            return None
        found[self.weights[usable[0]]] += (wanted - x) / inputs[usable[0]]
        return found

    def exactly(self, parameters: Sequence[float], wanted: float, spared: int | None) -> list[float] | None:
        """Parameters with exactly that pre-activation."""
        for _ in range(6):
            if bits_of(self.values(parameters)[0]) == bits_of(wanted):
                return list(parameters)
            moved = self.moved(parameters, wanted, spared)
            if moved is None:
                return None
            parameters = moved
        own = [k for k in (self.bias, *self.weights) if k is not None and k != spared]
        for k in own:
            for ulps in range(-8, 9):
                tried = list(parameters)
                tried[k] = shifted(tried[k], ulps)
                if bits_of(self.values(tried)[0]) == bits_of(wanted):
                    return tried
        return None


def _with_preactivation(scene: Scene, layer: int, node: int) -> Iterator[Scene]:
    """The scene with the same pre-activation of a node, and with its negative, each from one summand alone."""
    here = _Node(scene, layer, node)
    x, inputs = here.values(scene.parameters)
    for wanted in (x, -x):
        parameters = list(scene.parameters)
        for k in here.weights:
            parameters[k] = 0.0
        if here.bias is not None:
            parameters[here.bias] = wanted
            yield scene._replace(parameters=parameters)
            continue
        for k, a in zip(here.weights, inputs):
            weight = wanted / a if a != 0.0 else math.inf
            exact = [w for w in (shifted(weight, ulps) for ulps in range(-3, 4)) if a * w == wanted] if a else []
            if exact:
                yield scene._replace(parameters=[exact[0] if n == k else p for n, p in enumerate(parameters)])
                break


def _with_output(scene: Scene, layer: int, node: int) -> Iterator[Scene]:
    """The scene with another output of a hidden node, and the same pre-activations in the next layer."""
    here = _Node(scene, layer, node)
    following = [_Node(scene, layer + 1, j) for j in range(scene.task.sizes[layer + 1])]
    x, _ = here.values(scene.parameters)
    wanted = [each.values(scene.parameters)[0] for each in following]
    for change in (0.1, -0.1, 0.7, -0.7, 1.3):
        parameters = here.moved(scene.parameters, x + change)
        for each, value in zip(following, wanted):
            parameters = None if parameters is None else each.exactly(parameters, value, each.weights[node])
        if parameters is not None:
            yield scene._replace(parameters=parameters)


def with_other_preactivations(scene: Scene, suspects: Sequence[Operation]) -> Iterator[Scene]:
    """The scene with many other pre-activations of the suspects' nodes, where a fault may come again."""
    nodes = dict.fromkeys((each.layer, each.node) for each in suspects)
    places = [(_Node(scene, layer, node)) for layer, node in nodes if layer is not None and node is not None]
    movable = [here for here in places if here.moved(scene.parameters, 0.0) is not None]
    for number in itertools.count(1) if movable else ():
        for here in movable:
            x, _ = here.values(scene.parameters)
            parameters = here.moved(scene.parameters, x + (number * GOLDEN % 6.0 - 3.0))
            if parameters is not None:
                yield scene._replace(parameters=parameters, lanes=lanes_before(scene.task, parameters, scene.first))


def forward(task: Task, parameters: Sequence[float], row: Sequence[float]) -> tuple[list[float], list[float]]:
    """The pre-activations and outputs of all nodes, by the twin."""
    work = _pure.Work(shape_of(_pure, task))
    _pure.forward(work.preactivations, work.outputs, shape_of(_pure, task), list(parameters), list(row))
    return work.preactivations, work.outputs
