# SPDX-License-Identifier: MIT
"""What the cores refuse by a status, with nothing written then, and the memory that they ask for and overwrite."""

from __future__ import annotations

import math
from array import array
from typing import Any

import pytest
from bits import to_hex
from conftest import core_or_skip

from bitprop import _pure
from bitprop.core import Core
from bitprop.names import RULE_OPTIONS, RULES, STEP_RULES

BAD_SHAPES = [
    ([0, 1], [0], False),
    ([2, 0, 1], [0, 0], True),
    ([2, 0], [0], True),
    ([2, 1], [_pure.ACTIVATIONS], True),
    ([2, 2, 1], [_pure.SOFTMAX, 0], True),
    ([2, 2, 1], [0, 99], False),
    ([2**28, 2**29], [0], False),
    ([2**28, 2**28, 2**28], [0, 0], False),
    ([2**32 - 1, 2**32 - 1], [0], True),
    ([2], [], True),
]
MARK = array("d", [7.0] * 32)


def settings_of(core: Core, **changes: Any) -> Any:
    """Settings that are good but for the changes."""
    good: dict[str, Any] = {
        "batch_size": 1,
        "log_every": 1,
        "shuffle_seed": 0,
        "learning_rate": 1.0,
        "loss": 0,
        "rule": 0,
        "shuffle": 0,
        "weight_decay": 0.0,
        "constants": (0.0,) * 5,
        "learning_rates": None,
        "decay_biases": 0,
    }
    return core.settings(**{**good, **changes})


@pytest.mark.parametrize(("sizes", "activations", "bias"), BAD_SHAPES, ids=str)
def test_shapes(core: Core, sizes: list[int], activations: list[int], bias: bool) -> None:
    """A shape that is none: no sizes, and the status of each function."""
    bad = core.shape(sizes, activations, bias)
    good = core.shape([2, 1], [0], True)
    memory = array("d", MARK)
    numbers = core.doubles(memory)
    work = core.work(good, core.predict_size(good))
    train_work = core.work(good, core.train_size(good, 0))
    data, limits = core.data(numbers, numbers, 1), core.limits(until=1, budget=1, log_size=1)
    training, order = core.training(), core.words(1)
    assert core.train_start(training, order, good, settings_of(core), data) == _pure.OK
    assert core.parameter_count(bad) == core.predict_size(bad) == core.encode_size(bad) == 0
    assert [core.train_size(bad, rule) for rule in range(_pure.RULES)] == [0] * _pure.RULES
    assert [core.state_size(bad, rule) for rule in range(_pure.RULES)] == [0] * _pure.RULES
    assert core.levenberg_size(bad) == 0
    octets = bytearray(64)
    levenberg = core.levenberg()
    constants = dict(zip(RULE_OPTIONS["levenberg_marquardt"], (1e-3, 10.0, 0.1, 1e10, 0.0)))
    for status in (
        core.init(numbers, core.generator(), bad, 1, 0),
        core.forward(numbers, numbers, bad, numbers, numbers),
        core.backward(numbers, numbers, bad, numbers, numbers, numbers, numbers, numbers, 0),
        core.predict(numbers, work, bad, numbers, numbers, 1),
        core.loss(numbers, work, bad, numbers, data, 0),
        core.gradient(numbers, train_work, bad, numbers, data, 0),
        core.train_start(core.training(), order, bad, settings_of(core), data),
        core.train(numbers, training, numbers, train_work, order, bad, data, limits),
        core.encode(core.octets(octets), bad, numbers),
        core.levenberg_start(levenberg, bad, core.levenberg_settings(log_every=1, loss=0, **constants), data),
    ):
        assert status == _pure.E_SHAPE
    assert memory == MARK
    assert octets == bytearray(64)


def test_options(core: Core) -> None:
    """Losses, inits, rules and rows that are none, or do not go together."""
    sigmoid, softmax, tanh = (core.shape([1, 1], [code], False) for code in (_pure.SIGMOID, _pure.SOFTMAX, _pure.TANH))
    memory = array("d", MARK)
    numbers = core.doubles(memory)
    data, none = core.data(numbers, numbers, 1), core.data(numbers, numbers, 0)
    work, train_work = core.work(tanh, core.predict_size(tanh)), core.work(tanh, core.train_size(tanh, 0))
    assert core.init(numbers, core.generator(), tanh, 1, _pure.INITS) == _pure.E_OPTION
    assert core.activate(numbers, 1, _pure.ACTIVATIONS) == core.activate(numbers, 1, _pure.SOFTMAX) == _pure.E_SHAPE
    assert core.slope(numbers, 1, _pure.ACTIVATIONS) == core.slope(numbers, 1, _pure.SOFTMAX) == _pure.E_SHAPE
    squared = (_pure.HALF_SSE, _pure.SSE, _pure.HALF_MSE, _pure.MSE)
    fits = [(sigmoid, (*squared, _pure.BINARY_CROSS_ENTROPY)), (softmax, (_pure.CROSS_ENTROPY,)), (tanh, squared)]
    for shape, allowed in fits:
        for loss in range(_pure.LOSSES + 1):
            if loss in allowed:
                training = core.training()
                assert core.train_start(training, core.words(1), shape, settings_of(core, loss=loss), data) == _pure.OK
                continue
            for status in (
                core.loss(numbers, work, shape, numbers, data, loss),
                core.gradient(numbers, train_work, shape, numbers, data, loss),
                core.backward(numbers, numbers, shape, numbers, numbers, numbers, numbers, numbers, loss),
                core.train_start(core.training(), core.words(1), shape, settings_of(core, loss=loss), data),
            ):
                assert status == _pure.E_OPTION
    assert core.loss(numbers, work, tanh, numbers, none, 0) == _pure.E_OPTION
    assert core.gradient(numbers, train_work, tanh, numbers, none, 0) == _pure.E_OPTION
    assert core.train_size(tanh, _pure.RULES) == core.state_size(tanh, _pure.RULES) == 0
    assert memory == MARK


GOOD = {
    "momentum": (0.5,),
    "nesterov": (0.5,),
    "adam": (0.5, 0.5, 1.0),
    "adamw": (0.5, 0.5, 1.0),
    "rprop": (2.0, 0.5, 1.0, 0.0, 8.0),
}
BAD_CONSTANTS = {
    "momentum": (0, [-5e-324, 1.0, math.nan]),
    "nesterov": (0, [-1.0, 1.0, math.inf]),
    "adam": (1, [-5e-324, 1.0, math.nan]),
    "adamw": (2, [0.0, -1.0, math.inf, math.nan]),
    "rprop": (0, [1.0, math.inf, math.nan, -2.0]),
}
LAST_CONSTANTS = {"momentum": (0, [0.0, -0.0, 1.0 - 2**-53]), "adamw": (2, [5e-324, 1.7e308]), "rprop": (1, [5e-324])}


def test_settings(core: Core) -> None:
    """Each setting of a training that is out of its range, and the last ones that are not."""
    shape = core.shape([1, 1], [_pure.TANH], False)
    numbers = core.doubles(array("d", MARK))
    data = core.data(numbers, numbers, 1)

    def start(rows: Any = data, **changes: Any) -> int:
        status: int = core.train_start(core.training(), core.words(1), shape, settings_of(core, **changes), rows)
        return status

    bad: list[dict[str, Any]] = [{"batch_size": 0}, {"log_every": 0}, {"rule": _pure.RULES}, {"shuffle": 2}]
    bad += [{"decay_biases": 2}, {"rows": core.data(numbers, numbers, 0)}]
    bad += [{"shuffle": 1, "rows": core.data(numbers, numbers, 2**32)}]
    for name in ("learning_rate", "weight_decay"):
        bad += [{name: value} for value in (-1.0, -5e-324, math.inf, math.nan)]
    good: list[dict[str, Any]] = [{}, {"batch_size": 2**40}, {"shuffle": 1}, {"decay_biases": 1}]
    good += [{"learning_rate": 0.0}, {"learning_rate": -0.0}, {"weight_decay": 1.7e308}]
    for rule, constants in GOOD.items():
        options = {"rule": RULES.index(rule)}
        whole = (*constants, 0.0, 0.0, 0.0, 0.0)[:5]
        good.append({**options, "constants": whole})
        for places, to in ((BAD_CONSTANTS, bad), (LAST_CONSTANTS, good)):
            place, values = places.get(rule, (0, []))
            to += [{**options, "constants": (*whole[:place], value, *whole[place + 1 :])} for value in values]
    rprop = {"rule": RULES.index("rprop")}
    good.append({**rprop, "constants": (2.0, 0.5, 1.0, 8.0, 8.0)})
    bad += [{**rprop, "constants": (2.0, 0.5, 1.0, least, most)} for least, most in ((8.5, 8.0), (-1.0, 8.0))]
    bad += [{**rprop, "constants": (2.0, share, 1.0, 0.0, 8.0)} for share in (0.0, 1.0)]
    bad += [{**rprop, "constants": (2.0, 0.5, step, 0.0, 8.0)} for step in (0.0, math.inf)]
    assert [options for options in good if start(**options) != _pure.OK] == []
    assert [options for options in bad if start(**options) != _pure.E_OPTION] == []
    assert len(STEP_RULES) == len(GOOD) + 1


def test_other_trainings(core: Core) -> None:
    """A training that was started on other rows, or with a loss or a rule that are none, is refused."""
    shape = core.shape([1, 1], [_pure.TANH], False)
    memory = array("d", MARK)
    numbers = core.doubles(memory)
    one, two = core.data(numbers, numbers, 1), core.data(numbers, numbers, 2)
    limits, work = core.limits(until=1, budget=9, log_size=1), core.work(shape, core.train_size(shape, 0))
    training = core.training()
    assert core.train_start(training, core.words(1), shape, settings_of(core), one) == _pure.OK
    assert core.train(numbers, training, numbers, work, core.words(2), shape, two, limits) == _pure.E_OPTION
    softmax = core.shape([1, 1], [_pure.SOFTMAX], False)
    assert core.train(numbers, training, numbers, work, core.words(1), softmax, one, limits) == _pure.E_OPTION
    training.settings.rule = _pure.RULES
    assert core.train(numbers, training, numbers, work, core.words(1), shape, one, limits) == _pure.E_OPTION
    assert memory == MARK


def test_levenberg(core: Core) -> None:
    """The settings of Levenberg and Marquardt, and networks that are too large for it."""
    shape, sigmoid = core.shape([1, 1], [_pure.TANH], False), core.shape([1, 1], [_pure.SIGMOID], False)
    memory = array("d", MARK)
    numbers = core.doubles(memory)
    data, none = core.data(numbers, numbers, 1), core.data(numbers, numbers, 0)
    good = {"log_every": 1, "loss": 0, **dict(zip(RULE_OPTIONS["levenberg_marquardt"], (1e-3, 10.0, 0.1, 1e10, 0.0)))}

    def start(rows: Any = data, of: Any = shape, **changes: Any) -> int:
        status: int = core.levenberg_start(core.levenberg(), of, core.levenberg_settings(**{**good, **changes}), rows)
        return status

    bad: list[dict[str, Any]] = [{"rows": none}, {"log_every": 0}, {"loss": _pure.LOSSES}, {"loss": 5}]
    bad += [{"loss": _pure.BINARY_CROSS_ENTROPY, "of": sigmoid}]
    normal = 2.2250738585072014e-308
    for name, values in {
        "mu": (0.0, math.nextafter(normal, 0.0), -1.0, math.nan, math.inf, 1.1e10),
        "mu_increase": (1.0, math.inf, math.nan),
        "mu_decrease": (0.0, 1.0, math.nan),
        "mu_max": (math.inf, math.nan, -1.0),
        "gradient_min": (-5e-324, math.inf, math.nan),
    }.items():
        bad += [{name: value} for value in values]
    assert [options for options in bad if start(**options) != _pure.E_OPTION] == []
    for options in ({}, {"mu": normal}, {"mu": 1e10}, {"mu_increase": 1.0 + 2**-52}, {"mu_decrease": 5e-324}):
        assert start(**options) == _pure.OK
    assert start(gradient_min=1.7e308) == start(mu_max=1.7e308) == start(log_every=2**40) == _pure.OK
    largest, too_large = core.shape([255, 257], [0], False), core.shape([256, 256], [0], False)
    assert core.levenberg_size(largest) > 2**31
    assert core.levenberg_size(too_large) == 0
    assert start(of=too_large) == _pure.E_SHAPE
    training, work, limits = core.levenberg(), core.levenberg_work(shape), core.limits(until=1, budget=1, log_size=1)
    assert core.levenberg_start(training, shape, core.levenberg_settings(**good), data) == _pure.OK
    train = core.levenberg_train
    assert train(numbers, training, numbers, work, too_large, data, limits) == _pure.E_SHAPE
    assert train(numbers, training, numbers, work, shape, core.data(numbers, numbers, 2), limits) == _pure.E_OPTION
    core.levenberg_undo(training, numbers, work, shape)  # before its first epoch: nothing to restore
    assert memory == MARK


def test_bytes(core: Core) -> None:
    """Bytes that are no model have no shape and no parameters."""
    data = core.octets(bytearray(64))
    memory = array("d", MARK)
    assert core.decode_layers(data, 64) == 0
    assert core.decode_shape(core.words(4), core.words(4), core.words(1), data, 64) == _pure.E_FORMAT
    assert core.decode_parameters(core.doubles(memory), data, 64) == _pure.E_FORMAT
    assert memory == MARK


def test_pure_self_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pure twin's self-test tells what is wrong."""
    assert _pure.self_test() == _pure.OK
    assert (_pure.abi(), _pure.compiler(), _pure.kernels()) == (_pure.ABI, "", 2)
    monkeypatch.setattr(_pure, "TEST_CRC", 1)
    assert _pure.self_test() == _pure.E_ANSWER
    monkeypatch.setattr(_pure, "probe", lambda: _pure.E_FUSED)
    assert _pure.self_test() == _pure.E_FUSED
    shape = _pure.Shape([1, 1], [0], 2, 0, _pure.SSE2)
    assert _pure.parameter_count(shape) == 0


def test_largest_shape(core: Core) -> None:
    """The limit of parameters is one below 2^57, to the last one (with 64 bits)."""
    for first, count in ((2**26 - 1, 2**57 - 1), (2**26, 0), (2**26 - 2, 2**57 - 2)):
        assert core.parameter_count(core.shape([first, 1, 2**26, 2**31 - 2], [0, 0, 0], False)) == count


def test_sizes_of_the_twins() -> None:
    """The pure twin asks for what the portable kernel asks for."""
    pure, portable = core_or_skip("python"), core_or_skip("cffi", "portable")
    for sizes, bias in (([1, 1], False), ([2, 4, 4, 1], True), ([3, 70, 5], False), ([2**26 - 1, 1, 2**26], True)):
        shapes = [core.shape(sizes, [0] * (len(sizes) - 1), bias) for core in (pure, portable)]
        assert pure.predict_size(shapes[0]) == portable.predict_size(shapes[1]) > 0
        assert pure.encode_size(shapes[0]) == portable.encode_size(shapes[1]) > 0
        assert pure.levenberg_size(shapes[0]) == portable.levenberg_size(shapes[1])
        for rule in range(_pure.RULES):
            assert pure.train_size(shapes[0], rule) == portable.train_size(shapes[1], rule) > 0
            assert pure.state_size(shapes[0], rule) == portable.state_size(shapes[1], rule)


def test_used_memory(core: Core) -> None:
    """Functions overwrite what memory held before: biases of drawn networks, sums of a way back, trainings."""
    shape = core.shape([2, 3, 1], [_pure.TANH, _pure.TANH], True)
    memory, other = array("d", MARK), array("d", [0.0] * 32)
    for values in (memory, other):
        assert core.init(core.doubles(values), core.generator(), shape, 1, _pure.GLOROT) == _pure.OK
    assert to_hex(memory[:13]) == to_hex(other[:13])
    assert to_hex(memory[13:]) == to_hex(MARK[13:])
    assert to_hex(memory[6:9]) == to_hex([0.0] * 3)
    parameters, row = core.doubles(memory), core.doubles(array("d", [0.5, -0.25]))
    forward, outputs, sums, deltas, gradient = (array("d", MARK) for _ in range(5))
    assert core.forward(core.doubles(forward), core.doubles(outputs), shape, parameters, row) == _pure.OK
    forward, outputs = forward[:4], outputs[:4]
    deltas, sums = deltas[:4], sums[:14]
    pointers = [core.doubles(values) for values in (sums, deltas, forward, outputs)]
    target = core.doubles(array("d", [0.125]))
    arguments = (shape, parameters, pointers[2], pointers[3], row, target, _pure.HALF_SSE)
    assert core.backward(pointers[0], pointers[1], *arguments) == _pure.OK
    data, work = core.data(row, target, 1), core.work(shape, core.train_size(shape, 0))
    assert core.gradient(core.doubles(gradient), work, shape, parameters, data, _pure.HALF_SSE) == _pure.OK
    assert to_hex(sums[:13]) == to_hex(gradient[:13])
    figure = array("d", [7.0])
    work = core.work(shape, core.predict_size(shape))
    assert core.loss(core.doubles(figure), work, shape, parameters, data, _pure.SSE) == _pure.OK
    assert to_hex(sums[13:]) == to_hex(figure)


def test_started_again(core: Core) -> None:
    """A training that is started again, from the middle of an epoch, is one that was never begun."""
    shape = core.shape([1, 1], [_pure.TANH], False)
    numbers = core.doubles(array("d", [0.5, 0.25, -0.5, 1.0]))
    data, order = core.data(numbers, numbers, 4), core.words(4)
    settings = settings_of(core, batch_size=3, rule=_pure.MOMENTUM, constants=(0.5, 0.0, 0.0, 0.0, 0.0), shuffle=1)
    work = core.work(shape, core.train_size(shape, _pure.MOMENTUM), _pure.MOMENTUM)
    training, ends = core.training(), []
    for budget in (16, 12, 5, 2**62):
        parameters, log = array("d", [0.5]), array("d", [0.0] * 3)
        pointers = core.doubles(log), training, core.doubles(parameters), work, order, shape, data
        assert core.train_start(training, order, shape, settings, data) == _pure.OK
        found = [training.rows, training.epoch, training.begun, training.to_shuffle, training.row, training.batch_row]
        assert [*found, training.error, training.has_state, *order] == [4, 0, 0, 0, 0, 0, 0.0, 0, 0, 1, 2, 3]
        assert core.train(*pointers, core.limits(until=3, budget=budget, log_size=3)) == _pure.OK
        while training.epoch < 3 and budget == 2**62:
            assert core.train(*pointers, core.limits(until=3, budget=budget, log_size=3)) == _pure.OK
        ends.append(to_hex([*parameters, *log]))
    fresh, parameters, log = core.training(), array("d", [0.5]), array("d", [0.0] * 3)
    assert core.train_start(fresh, order, shape, settings, data) == _pure.OK
    limits = core.limits(until=3, budget=2**62, log_size=3)
    assert core.train(core.doubles(log), fresh, core.doubles(parameters), work, order, shape, data, limits) == _pure.OK
    assert to_hex([*parameters, *log]) == ends[-1]


def test_divide_and_first_nonfinite(core: Core) -> None:
    """Quotients are rounded once; what is not finite is found at each place."""
    values = array("d", [1.0, 0.0, -3.0, math.inf, -0.0, 5e-324])
    core.divide(core.doubles(values), 5, 3.0)
    assert to_hex(values) == to_hex([1.0 / 3.0, 0.0, -1.0, math.inf, -0.0, 5e-324])
    for length in (0, 1, 63, 64, 65, 130):
        numbers = array("d", [1.7e308] * (length + 1))
        pointer = core.doubles(numbers)
        assert core.first_nonfinite(pointer, length) == length
        for place in reversed(range(length)):
            numbers[place] = (math.nan, math.inf, -math.inf)[place % 3]
            assert core.first_nonfinite(pointer, length) == place
