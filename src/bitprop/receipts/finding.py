# SPDX-License-Identifier: MIT
"""Where a machine's training leaves the contract's arithmetic: the epoch, batch, row, layer, node and operation.

The machine is a black box that trains. The epoch is found by trainings of several lengths from a state that is known to
be right. In it, the machine is asked for one step of each batch with a learning rate of 2^500, which tells its gradient
to the last bit (`w - 2^500*g` is `-2^500*g`, as long as w is not huge and g not tiny); then of fewer and fewer rows. Of
the one row, the twin tries which single operation, made wrong, gives the machine's bits (tape.py); and where several
do, further experiments decide between them.
"""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .. import _pure
from ..core import choose
from ..fit_options import check_options
from ..names import LOSSES, RULES
from ..resuming import replay_shuffles
from .bits import bits_of, shifted
from .epochs import SECONDS, Difference, first_wrong_epoch, memory_fault, result_of
from .experiments import forward, with_other_numbers, with_other_preactivations
from .machines import Machine, Snapshot, Task
from .place import Place, Suspect
from .tape import ENDS, REVEALING, STEPS, Operation, Result, Scene, Tape, initial_state, lanes_before, unequal
from .usual import EVERYWHERE, PARTS, USUAL, preceding, usual_cause

ULPS = ((1, -1), (2, -2, 3, -3, 4, -4))  # by how much an operation may be wrong, the likely ones first
EXPERIMENTS = 200  # most of them that tell something
FISHED = 600  # pre-activations that are tried in search of one at which a fault comes again
MIXTURES = 12  # of a row with others
LOOKED_BACK = 2_000  # epochs in which a wrong gradient is sought that came into a state alone
FORWARD = "this is the first difference of the forward pass: there may be more behind it"
OPERATIONS = 20_000  # of a row and a step: with more of them, not all are tried


def _is_of_gradient(operation: Operation) -> bool:
    """Whether it is none of the step by which a gradient is told."""
    return operation.function not in STEPS or "scale" in operation.text


def _is_of_end(operation: Operation) -> bool:
    """Whether it is one that ends a batch's gradient."""
    return operation.function in ENDS or "scale" in operation.text


def rate_of(task: Task, epoch: int) -> float:
    """The learning rate of an epoch."""
    return task.rate if isinstance(task.rate, float) else task.rate[epoch]


def order_of(task: Task, epoch: int) -> list[int]:
    """The order of the rows in an epoch (contract §8)."""
    if task.options.shuffle_seed is None:
        return list(range(task.rows))
    core = choose()
    training, order = core.training(), core.words(task.rows)
    for row in range(task.rows):
        order[row] = row
    replay_shuffles(core, training, order, task.rows, task.options.shuffle_seed, epoch + 1)
    return list(order)


def one_step(machine: Machine, task: Task, parameters: Sequence[float], state: array[float] | None) -> Result:
    """What a machine makes of one epoch that is one batch."""
    start = array("d", parameters)
    session = machine.session(task._replace(start=start), Snapshot(0, start, state))
    errors = session.advance(1)
    return result_of(errors, session.snapshot())


def revealing(task: Task, by_momentum: bool = False) -> Task:
    """The task, of one batch, by a step that tells its gradient; perhaps by momentum, none of it."""
    rule = {"rule": "momentum", "momentum": 0.0} if by_momentum else {}
    options = check_options(1, 1, loss=LOSSES[task.options.loss], **rule)
    return task._replace(options=options, rate=REVEALING)


class Search:
    """Finds what is wrong in one epoch of one machine."""

    def __init__(
        self, machine: Machine, reference: Machine, task: Task, difference: Difference, tape: Tape | None = None
    ):
        self.machine = machine
        self.reference = reference
        self.task = task
        self.epoch = difference.before.epoch
        self.difference = difference
        self.tape = tape or Tape()
        rate = rate_of(task, self.epoch)
        self.rate = rate
        order = order_of(task, self.epoch)
        size = min(task.options.batch_size or task.rows, task.rows)
        self.batches = [order[at : at + size] for at in range(0, task.rows, size)]
        self.asks_steps = machine.knows_states or RULES[task.options.rule] == "descent"
        self.end = time.monotonic() + SECONDS  # of the search among operations

    def _batch(self, rows: Sequence[int]) -> Task:
        return self.task.of_rows(rows)._replace(rate=self.rate)

    def _states(self) -> Iterator[tuple[int, Task, list[float], list[float]]]:
        """Each batch with parameters and state before it, by the reference."""
        before = self.difference.before
        parameters, state = list(before.parameters), before.state
        states = initial_state(self.task) if state is None else list(state)
        for number, rows in enumerate(self.batches):
            batch = self._batch(rows)
            yield number, batch, parameters, states
            after = one_step(self.reference, batch, parameters, array("d", states))
            parameters, states = list(after.parameters), list(after.state)

    def wrong_gradient(self) -> Place | None:
        """Where a gradient of the epoch is wrong; None where none is."""
        for number, _, parameters, states in self._states():
            if self._differs(self.batches[number], parameters) is not None:
                return self._in_gradient(number, parameters, states)
        return None

    def run(self) -> Place:
        """Where it is wrong."""
        for number, batch, parameters, states in self._states():
            if self._differs(self.batches[number], parameters) is not None:
                return self._in_gradient(number, parameters, states)
            if self.asks_steps:
                state = array("d", states)
                mine, right = (one_step(each, batch, parameters, state) for each in (self.machine, self.reference))
                if not mine.same(right, self.machine.knows_states):
                    return self._in_step(number, batch, parameters, states, mine)
        if not self.asks_steps:
            return self._in_any_step()
        return Place(self.epoch, notes=("each batch by itself is right: the order of the rows, or what joins batches",))

    # --- a gradient ---

    def _probe(self, rows: Sequence[int], machine: Machine, parameters: Sequence[float]) -> Result:
        return one_step(machine, self._revealing(rows), parameters, None)

    def _revealing(self, rows: Sequence[int]) -> Task:
        """The training of one step that tells the gradient of these rows."""
        by_momentum = len(self.batches[0]) > 1 and self.machine.knows_states
        return revealing(self._batch(rows), by_momentum)  # a kernel may train single rows by plain descent otherwise

    def _differs(self, rows: Sequence[int], parameters: Sequence[float]) -> Result | None:
        """What the machine makes of these rows, where it is wrong."""
        mine, right = (self._probe(rows, each, parameters) for each in (self.machine, self.reference))
        return None if mine.same(right) else mine

    def _in_gradient(self, number: int, parameters: list[float], states: list[float]) -> Place:
        rows = self.batches[number]
        place = Place(self.epoch, number)
        for position, row in enumerate(rows):  # alone, where nothing that is larger hides it
            wrong = self._differs([row], parameters)
            if wrong is not None:
                alone = self._revealing([row])
                return self._explained(place._replace(row=row), alone, position, wrong, parameters, states)
        for lane in range(min(_pure.LANES, len(rows))):
            found = self._in_lane(place, rows, lane, parameters, states)
            if found is not None:
                return found
        whole = self._revealing(rows)
        mine = one_step(self.machine, whole, parameters, None)
        scene = self._scene(whole, parameters, None, REVEALING, len(rows) - 1)
        found_ends = self._explain(scene, mine, _is_of_end)
        if found_ends:
            return self._decided(place, scene, found_ends, len(rows) - 1, states)
        return place._replace(notes=("each row by itself is right, and so is each lane: it is in their sums",))

    def _in_lane(
        self, place: Place, rows: Sequence[int], lane: int, parameters: list[float], states: list[float]
    ) -> Place | None:
        """Where a lane is wrong by itself: the targets of all other rows are their outputs, so that they add zeros."""
        whole = self._revealing(rows)
        width = whole.sizes[-1]
        targets = array("d", whole.targets)
        for row in range(len(rows)):
            if row % _pure.LANES != lane:
                values = whole.inputs[row * whole.sizes[0] : (row + 1) * whole.sizes[0]]
                _, after = forward(whole, parameters, values)
                targets[row * width : (row + 1) * width] = array("d", after[-width:])

        def first(count: int) -> Task:
            task = self._revealing(rows[:count])
            return task._replace(targets=targets[: count * width])

        def wrong(count: int) -> Result | None:
            mine, right = (one_step(each, first(count), parameters, None) for each in (self.machine, self.reference))
            return None if mine.same(right) else mine

        places = list(range(lane, len(rows), _pure.LANES))
        if wrong(places[-1] + 1) is None:
            return None
        position = next(each for each in places if wrong(each + 1) is not None)
        mine = wrong(position + 1)
        assert mine is not None
        task = first(position + 1)
        return self._explained(place._replace(row=rows[position]), task, position, mine, parameters, states)

    def _explained(
        self, place: Place, task: Task, position: int, wrong: Result, parameters: list[float], states: list[float]
    ) -> Place:
        """Where the last row of a task is wrong, which has that position in its batch."""
        scene = self._scene(task, parameters, None, REVEALING, task.rows - 1)
        usual = self._usual_everywhere(scene, wrong, self._revealing(self.batches[place.batch or 0]))
        if usual:
            return place._replace(suspects=tuple(usual), everywhere=True)
        found = self._explain(scene, wrong, _is_of_gradient)
        if found:
            return self._decided(place, scene, found, position, states)
        kinds = self._kind_everywhere(scene, wrong)
        if kinds:
            return place._replace(suspects=tuple(kinds), everywhere=True)
        return self._forward(place, task, parameters, task.rows - 1)

    def _forward(self, place: Place, task: Task, parameters: list[float], row: int) -> Place:
        """The first node of a row that is wrong, by the machine's own forward pass and networks with fewer weights."""
        values = array("d", parameters)
        self.tape.run(Scene(task, parameters, None, REVEALING, _empty_lanes(parameters), row), record=True)
        operations = [each for each in self.tape.operations if each.layer is not None]
        mine_before, mine_after = self.machine.forward(task, values, row)
        right_before, right_after = forward(task, parameters, task.inputs[row * task.sizes[0] :][: task.sizes[0]])
        node = 0
        for layer, width in enumerate(task.sizes[1:], 1):
            for j in range(width):
                here = [each for each in operations if (each.layer, each.node) == (layer, j)]
                sums = [each for each in here if each.function == "forward_row"]
                if bits_of(mine_before[node]) != bits_of(right_before[node]):
                    place = place._replace(notes=(FORWARD,))
                    return place._replace(suspects=(self._partial(task, values, row, layer, j, node, sums),))
                if bits_of(mine_after[node]) != bits_of(right_after[node]):
                    last = [each for each in here if each.part == "activation"] or sums
                    wrong = mine_after[node]
                    suspect = Suspect(last[-1], wrong, _constant(wrong), "", right_before[node])
                    place = place._replace(notes=(FORWARD,))
                    return place._replace(suspects=(suspect,))
                node += 1
        return place._replace(notes=("the forward pass is right: it is the way back, in more than one operation",))

    def _partial(
        self, task: Task, values: array[float], row: int, layer: int, j: int, node: int, sums: list[Operation]
    ) -> Suspect:
        """The first operation of a weighted sum that is wrong: with all weights behind it zero, it is the last."""
        first = sum((n + task.bias) * m for n, m in zip(task.sizes[: layer - 1], task.sizes[1:layer]))
        n_in, n_out = task.sizes[layer - 1], task.sizes[layer]
        for i in range(n_in):
            fewer = array("d", values)
            for behind in range(i + 1, n_in):
                fewer[first + behind * n_out + j] = 0.0
            mine = self.machine.forward(task, fewer, row)[0][node]
            here = [each for each in sums if each.input == i]
            if here and bits_of(mine) != bits_of(here[-1].value):
                return Suspect(here[-1], mine, _constant(mine))
        return Suspect(sums[-1], sums[-1].value, lambda value: value)

    # --- a step ---

    def _in_step(self, number: int, batch: Task, parameters: list[float], states: list[float], mine: Result) -> Place:
        place = Place(self.epoch, number)
        scene = self._scene(batch, parameters, states, self.rate, batch.rows - 1)
        found = self._explain(scene, mine, lambda _: True, self.machine.knows_states)
        if found:
            return self._decided(place, scene, found, None, states)
        return place._replace(notes=("each gradient is right: it is the step of the rule, in more than one place",))

    def _in_any_step(self) -> Place:
        """Where the machine tells only whole epochs: the step of any batch that gives what it gave."""
        for number, batch, parameters, states in list(self._states()):
            scene = self._scene(batch, parameters, states, self.rate, batch.rows - 1)
            found = self._explain(scene, self.difference.mine, lambda each: each.function in STEPS, after=number + 1)
            if found:
                return self._decided(Place(self.epoch, number), scene, found, None, states)
        return Place(self.epoch, notes=("each gradient is right: it is the step of the rule, in more than one place",))

    def _rest(self, result: Result, first: int) -> Result:
        """What the batches from this one on make of a result, by the reference."""
        for rows in self.batches[first:]:
            after = one_step(self.reference, self._batch(rows), result.parameters, result.state)
            result = after._replace(error=result.error + after.error)
        return result

    # --- the operation ---

    def _scene(
        self, task: Task, parameters: Sequence[float], state: Sequence[float] | None, rate: float, first: int
    ) -> Scene:
        return Scene(task, parameters, state, rate, lanes_before(task, parameters, first), first)

    def _explain(
        self,
        scene: Scene,
        mine: Result,
        allowed: Callable[[Operation], bool],
        states: bool = False,
        after: int | None = None,
    ) -> list[Suspect]:
        """The operations of a scene each of which, made wrong, gives what the machine gave.

        `after`: the batches from this one on follow before it is compared.
        """
        right = self.tape.run(scene, record=True)
        operations = self.tape.operations
        wrong = unequal(right, mine) if after is None or after == len(self.batches) else None
        tried = [
            each
            for each in operations
            if allowed(each) and (wrong is None or each.parameter is None or wrong <= {each.parameter})
        ][:OPERATIONS]
        found: list[Suspect] = []

        def attempt(operation: Operation, change: Callable[[float], float]) -> None:
            result = self.tape.run(scene, {operation.number: change})
            if after is not None:
                result = self._rest(result, after)
            if result.same(mine, states):
                value = change(operation.value)
                cause = usual_cause(operation, value, preceding(operations, operation))
                found.append(Suspect(operation, value, change, cause))

        for several in ULPS:
            for each in tried:
                if self._is_over():
                    return found
                for ulps in several:
                    attempt(each, _shift(ulps))
            if found:
                return found
        for each in tried:
            if self._is_over():
                break
            for value in _otherwise(each, operations):
                attempt(each, _constant(value))
        return found

    def _is_over(self) -> bool:
        """Whether the search has taken as long as it may: what is told then is less exact."""
        return time.monotonic() > self.end

    def _usual_everywhere(self, scene: Scene, mine: Result, whole: Task) -> list[Suspect]:
        """A usual mistake which, made everywhere, gives what the machine gave, of one row and of all."""
        all_rows = self._scene(whole, scene.parameters, None, REVEALING, 0)
        all_mine = one_step(self.machine, whole, scene.parameters, None)
        for change in EVERYWHERE:
            for functions in PARTS:
                first: list[Suspect] = []
                before: list[Operation] = []

                def other(
                    operation: Operation,
                    change: Any = change,
                    functions: Any = functions,
                    first: list[Suspect] = first,
                    before: list[Operation] = before,
                ) -> float | None:
                    usable = math.isfinite(operation.value) and (functions is None or operation.function in functions)
                    value = change(operation, before) if usable and _is_of_gradient(operation) else None
                    before.append(operation if value is None else operation._replace(value=value))
                    if value is None or bits_of(value) == bits_of(operation.value):
                        return None
                    first.append(Suspect(operation, value, _constant(value), USUAL[change]))
                    return float(value)

                if self.tape.run(scene, everywhere=other).same(mine) and first:
                    found = first[0]
                    before.clear()
                    if self.tape.run(all_rows, everywhere=other).same(all_mine):
                        return [found]
                if not first:
                    break  # nor does it change a part
        return []

    def _kind_everywhere(self, scene: Scene, mine: Result) -> list[Suspect]:
        """An operation which, wrong by one ulp wherever it is done in a row, gives what the machine gave."""
        self.tape.run(scene, record=True)
        operations = self.tape.operations
        for kind in dict.fromkeys(each.kind for each in operations if each.function not in STEPS):
            for ulps in ULPS[0]:
                if self._is_over():
                    return []
                chosen = [each for each in operations if each.kind == kind]

                def shift(operation: Operation, kind: Any = kind, ulps: int = ulps) -> float | None:
                    return shifted(operation.value, ulps) if operation.kind == kind else None

                if self.tape.run(scene, everywhere=shift).same(mine):
                    return [Suspect(chosen[0], shifted(chosen[0].value, ulps), _shift(ulps))]
        return []

    def _decided(
        self, place: Place, scene: Scene, found: list[Suspect], position: int | None, states: list[float]
    ) -> Place:
        """The place with those suspects that further experiments leave."""
        if len({each.operation.number for each in found}) > 1:
            found = self._experiment(scene, found)
        place = place._replace(suspects=tuple(found))
        if all(each.operation.function in (*ENDS, *STEPS) for each in found):
            place = place._replace(row=None)
        return place._replace(alone=self._is_alone(place, scene, found[0], position, states))

    def _is_alone(
        self, place: Place, scene: Scene, suspect: Suspect, position: int | None, states: list[float]
    ) -> bool:
        """Whether the whole epoch has the machine's bits with this one operation wrong."""
        number = place.batch or 0
        batch = self._batch(self.batches[number])
        first = batch.rows - 1 if position is None else position
        whole = Scene(batch, scene.parameters, states, self.rate, lanes_before(batch, scene.parameters, first), first)
        error = 0.0
        for earlier, each, parameters, state in self._states():
            if earlier == number:
                break
            error += one_step(self.reference, each, parameters, array("d", state)).error
        result = self.tape.run(whole, {suspect.operation.number: suspect.change})
        result = self._rest(result._replace(error=error + result.error), number + 1)
        return result.same(self.difference.mine)

    # --- experiments ---

    def _experiment(self, scene: Scene, found: list[Suspect]) -> list[Suspect]:
        """Those suspects that further trainings of the machine leave.

        A fault that comes with its operands comes again where they are the same. Where they are not, it may come or
        not, and hardly does. So a suspect is cleared where the machine gives neither what it would, nor what is right;
        and of those that are left, it is one whose fault came least often with other operands.
        """
        self.tape.run(scene, record=True)
        keys = {index: key for key, index in _places(self.tape.operations, scene.first).items()}
        left = [(each, keys[each.operation.number]) for each in found]
        odd = dict.fromkeys((key for _, key in left), 0)  # how often each came with other operands
        experiments = 0

        def undecided() -> bool:
            best = min(odd[key] for _, key in left)
            return len({key for _, key in left if odd[key] == best}) > 1

        def judge(other: Scene, mine: Result | None) -> None:
            """Clears suspects by what the machine makes of another scene; `mine`: that, where it was asked."""
            nonlocal left, experiments
            right = self.tape.run(other, record=True)
            operations, places = self.tape.operations, _places(self.tape.operations, other.first)
            if any(key not in places for _, key in left):
                return
            expected: list[tuple[bool, Result]] = []
            alike: dict[tuple[Any, ...], bool] = {}
            for each, key in left:
                here = operations[places[key]]
                same = _operands(here) == _operands(each.operation)
                alike[key] = same or bits_of(here.value) == bits_of(each.operation.value)
                expected.append((same, self.tape.run(other, {places[key]: each.change})))
            if not _are_telling(expected, right):
                return
            experiments += 1
            mine = self._made_of(other) if mine is None else mine
            came = not mine.same(right)
            kept = []
            for (each, key), (same, result) in zip(left, expected):
                if mine.same(result) or (not came and not same):
                    kept.append((each, key))
                    odd[key] += came and not alike[key]
            left = kept or left

        for other in self._variations(scene, [each.operation for each in found]):
            if not undecided() or experiments == EXPERIMENTS:
                break
            judge(other._replace(lanes=lanes_before(other.task, other.parameters, other.first)), None)
        fished = FISHED if self.machine.by_epochs else FISHED // 10
        for number, other in enumerate(with_other_preactivations(scene, [each.operation for each in found])):
            if not undecided() or number == fished:
                break
            mine = self._made_of(other)
            if not mine.same(self.tape.run(other)):
                judge(other, mine)
        best = min(odd[key] for _, key in left)
        return [each for each, key in left if odd[key] == best]

    def _made_of(self, scene: Scene) -> Result:
        """What the machine makes of a scene."""
        state = None if scene.state is None else array("d", scene.state)
        return one_step(self.machine, scene.task, scene.parameters, state)

    def _variations(self, scene: Scene, suspects: Sequence[Operation]) -> Iterator[Scene]:
        """The scene with other numbers; first those that leave a suspect its operands, and not another one."""
        if scene.rate == REVEALING:
            yield from self._among_others(scene)
        yield from with_other_numbers(scene, suspects)

    def _among_others(self, scene: Scene) -> Iterator[Scene]:
        """The row of a scene with other rows before and behind it."""
        rows = next((each for each in self.batches if self._holds(each, scene.task)), None)
        if rows is None:
            return
        if scene.task.rows == 1:
            [row] = [each for each in rows if self._revealing([each]).inputs == scene.task.inputs][:1] or [rows[0]]
            others = [each for each in rows if each != row] or [row]
            turned = [[others[(n + k) % len(others)] for n in range(_pure.LANES)] for k in range(len(rows))]
            some: list[tuple[list[int], list[int]]] = []
            for each in turned[:MIXTURES]:
                some += [([], each[:1]), (each, []), ([], each)]
        else:
            rest = list(rows[scene.task.rows :])
            some = [
                (list(rows[: scene.first]), rest[:length]) for length in (1, 2, 3, len(rest)) if length <= len(rest)
            ]
            row = rows[scene.first]
        for first, last in some:
            if first or last or scene.task.rows > 1:
                task = self._revealing([*first, row, *last])
                yield scene._replace(task=task, first=len(first))

    def _holds(self, rows: Sequence[int], task: Task) -> bool:
        """Whether a batch begins with the task's rows, or has the one row of it."""
        if task.rows == 1:
            return any(self._revealing([row]).inputs == task.inputs for row in rows)
        mine = self._batch(rows[: task.rows])
        return (mine.inputs, mine.targets, mine.rows) == (task.inputs, task.targets, task.rows)


def _places(operations: Sequence[Operation], first: int) -> dict[tuple[Any, ...], int]:
    """The index of each operation by what it is, which it also is in other scenes."""
    found: dict[tuple[Any, ...], int] = {}
    counts: dict[tuple[Any, ...], int] = {}
    for each in operations:
        row = None if each.function in (*ENDS, *STEPS) else each.row - first
        where = (*each.kind, each.layer, each.node, each.input, each.parameter, row)
        counts[where] = counts.get(where, 0) + 1
        found[(*where, counts[where])] = each.number
    return found


def _are_telling(expected: list[tuple[bool, Result]], right: Result) -> bool:
    """Whether the suspects are not all alike in what they would give."""
    first_same, first = expected[0]
    shows = any(not result.same(right) for _, result in expected)
    return shows and any(same != first_same or not result.same(first) for same, result in expected)


def _operands(operation: Operation) -> tuple[int, ...]:
    return tuple(sorted((bits_of(operation.a), bits_of(operation.b))))


def _empty_lanes(parameters: Sequence[float]) -> list[list[float]]:
    return [[0.0] * (len(parameters) + 1) for _ in range(_pure.LANES)]


def _shift(ulps: int) -> Callable[[float], float]:
    return lambda value: shifted(value, ulps)


def _constant(value: float) -> Callable[[float], float]:
    return lambda _: value


def _otherwise(operation: Operation, operations: Sequence[Operation]) -> list[float]:
    """What usual mistakes make of an operation, where it is another number."""
    before = preceding(operations, operation)
    values = [change(operation, before) for change in EVERYWHERE if math.isfinite(operation.value)]
    return [value for value in values if value is not None and bits_of(value) != bits_of(operation.value)]


def _hidden(machine: Machine, reference: Machine, task: Task, epoch: int) -> Place | None:
    """A wrong gradient in an earlier epoch, which came into the rule's state alone, and into no parameter; or None.

    The machine does not tell its state. Parameters and errors are right until that epoch.
    """
    tape = Tape()
    session = reference.session(task, Snapshot(0, task.start, None))
    session.advance(max(0, epoch - LOOKED_BACK))
    while session.epoch <= epoch:
        before = session.snapshot()
        errors = session.advance(1)
        right = result_of(errors, session.snapshot())
        place = Search(machine, reference, task, Difference(before, right, right), tape).wrong_gradient()
        if place is not None:
            return place._replace(alone=None)
    return None


def find(machine: Machine, reference: Machine, task: Task, difference: Difference) -> Place:
    """Where the machine is wrong in an epoch in which it differs."""
    again = first_wrong_epoch(
        machine, reference, task, difference.before, difference.before.epoch + 1, lambda epochs: None
    )
    if not machine.knows_states and task.options.by_steps and not task.is_stateless:
        earlier = _hidden(machine, reference, task, difference.before.epoch)
        if earlier is not None:
            return earlier
    repeated = again is not None and again.mine.same(difference.mine)
    if repeated:
        place = (
            Search(machine, reference, task, difference).run()
            if task.options.by_steps
            else Place(difference.before.epoch)
        )
        if place.suspects:
            return place
        memory = memory_fault(reference, task, difference)
        return place if memory is None else memory
    memory = memory_fault(reference, task, difference)
    place = Place(difference.before.epoch) if memory is None else memory
    return place._replace(repeats=False)
