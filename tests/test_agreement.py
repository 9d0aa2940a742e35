# SPDX-License-Identifier: MIT
"""All backends end at the same bits, on cases that nobody chose (Hypothesis), hostile but finite values among them."""

from __future__ import annotations

import random
from array import array
from typing import Any

import pytest
from bits import to_hex
from conftest import core_or_skip, kernels
from hypothesis import given
from hypothesis import strategies as st

from bitprop import DivergedError, Network, _pure
from bitprop.core import Core, choose
from bitprop.names import (
    ACTIVATIONS,
    BACKENDS,
    INITS,
    LEARNING_RATES,
    LOSSES,
    PARTNERS,
    RULE_OPTIONS,
    RULES,
    STEP_RULES,
    Backend,
    Loss,
    Rule,
)

SEEDS = st.integers(0, 2**64 - 1)
# What breaks arithmetic: signed zeros, the ends of the subnormal and normal ranges, clamp edges, overflow, ties.
HOSTILE = (
    0.0,
    -0.0,
    5e-324,
    -2.2e-308,
    2.3e-308,
    1e-160,
    708.0,
    -708.5,
    20.0,
    0.5,
    1.0,
    3e5,
    -1e154,
    1.7e308,
    -1.7e308,
)


@pytest.fixture(scope="module", autouse=True)
def _native() -> None:
    for name in BACKENDS:
        core_or_skip(name)


OF_A_NODE = [name for name in ACTIVATIONS if name != "softmax"]


def losses_for(last: str) -> list[Loss]:
    """The losses that go with outputs of this activation."""
    return [loss for loss in LOSSES if PARTNERS.get(loss, last if last != "softmax" else None) == last]


@st.composite
def networks(draw: st.DrawFn) -> dict[str, Any]:
    """A shape: 1 to 17 wide, up to five layers after the input."""
    sizes = draw(st.lists(st.integers(1, 17), min_size=2, max_size=6))
    hidden = draw(st.lists(st.sampled_from(OF_A_NODE), min_size=len(sizes) - 2, max_size=len(sizes) - 2))
    activations = [*hidden, draw(st.sampled_from(ACTIVATIONS))]
    return {
        "sizes": sizes,
        "activation": activations,
        "bias": draw(st.booleans()),
        "seed": draw(SEEDS),
        "init": draw(st.sampled_from(INITS)),
    }


def build(case: dict[str, Any], backend: Backend) -> Network:
    """The case's network on a backend."""
    options = {key: value for key, value in case.items() if key != "sizes"}
    return Network(*case["sizes"], **options, backend=backend)


def numbers(count: int, hostile: float, generator: random.Random) -> array[float]:
    """Numbers near 1, some of them hostile."""
    return array(
        "d",
        [
            generator.choice(HOSTILE) if generator.random() < hostile else generator.uniform(-2.0, 2.0)
            for _ in range(count)
        ],
    )


HOSTILITY = st.sampled_from([0.0, 0.0, 0.02, 0.3])
# What the options of rules may be besides their defaults (§7).
CHOICES: dict[str, list[float]] = {
    "momentum": [0.0, 0.5, 1.0 - 2**-53],
    "beta1": [0.0, 0.5, 1.0 - 2**-53],
    "beta2": [0.0, 0.5, 1.0 - 2**-53],
    "epsilon": [5e-324, 1e-160, 1.0, 1e300],
    "increase": [1.0 + 2**-52, 3.0, 1e300],
    "decrease": [5e-324, 1e-3, 0.9],
    "first_step": [5e-324, 1.0, 1e300],
    "step_min": [0.0, 1e-3],
    "step_max": [1e-3, 1e300],
}


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """A rule with its options, weight decay and L1."""
    rule = draw(st.sampled_from(STEP_RULES))
    options = {name: draw(st.sampled_from([default, *CHOICES[name]])) for name, default in RULE_OPTIONS[rule].items()}
    decay = draw(st.sampled_from([0.0, 0.0, 0.01, 5e-324, 1e300]))
    l1 = draw(st.sampled_from([0.0, 0.0, 0.01, 5e-324, 1e300]))
    return {"rule": rule, **options, "weight_decay": decay, "l1": l1, "decay_biases": draw(st.booleans())}


@pytest.mark.filterwarnings("ignore::bitprop.TrainingHint")  # nothing is meant to be learnt here
@given(networks(), st.integers(1, 40), HOSTILITY, HOSTILITY, SEEDS, st.data())
def test_fit(
    case: dict[str, Any], rows: int, hostile: float, hostile_weights: float, seed: int, data: st.DataObject
) -> None:
    """§4 to §9: losses, parameters, divergence, prediction, gradient and trace."""
    generator = random.Random(seed)
    sizes = case["sizes"]
    x = memoryview(numbers(rows * sizes[0], hostile, generator)).cast("B").cast("d", (rows, sizes[0]))
    y = memoryview(numbers(rows * sizes[-1], hostile, generator)).cast("B").cast("d", (rows, sizes[-1]))
    weights = numbers(len(build(case, "python").parameters), hostile_weights, generator)
    options: dict[str, Any] = {
        "epochs": data.draw(st.integers(0, 3), "epochs"),
        "batch_size": data.draw(st.one_of(st.none(), st.integers(1, 45)), "batch_size"),
        "shuffle_seed": data.draw(st.one_of(st.none(), SEEDS), "shuffle_seed"),
        "loss": data.draw(st.sampled_from(losses_for(case["activation"][-1])), "loss"),
        "log_every": data.draw(st.integers(1, 3), "log_every"),
        **data.draw(rules(), "rule"),
    }
    weight = st.sampled_from([1.0, 1.0, 0.3, 0.0, -0.0, 5e-324, 1e300])
    each_row = data.draw(st.one_of(st.none(), st.lists(weight, min_size=rows, max_size=rows)), "sample_weight")
    options["sample_weight"] = each_row
    rate = st.sampled_from([1.0, 0.1, 0.0, 5e-324, 1e-3, 1e300])
    if options["rule"] in LEARNING_RATES:
        each = st.lists(rate, min_size=options["epochs"], max_size=options["epochs"])
        options["learning_rate"] = data.draw(st.one_of(rate, st.none(), each), "learning_rate")

    def outcome(backend: Backend) -> list[Any]:
        net = build(case, backend)
        drawn = to_hex(net.parameters)
        net.parameters[:] = weights
        before = [to_hex(net.predict(x).cast("B").cast("d")), to_hex(net.gradient(x, y, options["loss"], each_row))]
        before.append(to_hex(net.loss(x, y, loss, each_row) for loss in losses_for(case["activation"][-1])))
        try:
            net.fit(x, y, **options)
            diverged = None
        except DivergedError as error:
            diverged = error.epoch
        assert net.history is not None
        layers = net.trace(x[0:1], y[0:1], options["loss"])
        trace = [to_hex(layer.preactivations + layer.outputs + (layer.deltas or [])) for layer in layers]
        return [drawn, before, diverged, to_hex(net.history.errors), to_hex(net.parameters), trace, net.fingerprint()]

    expected = outcome("python")
    assert outcome("ctypes") == expected
    for kernel in kernels():
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("BITPROP_KERNEL", kernel)
            assert outcome("cffi") == expected, kernel


@given(st.lists(st.floats(), min_size=1, max_size=300), st.sampled_from(OF_A_NODE))
def test_activations_of_kernels(values: list[float], activation: str) -> None:
    """§2: any 64-bit pattern through every kernel; a weight of 1.0 leaves it as it is."""
    code = ACTIVATIONS.index(activation)
    expected = array("d", values)
    _pure.activate(expected, len(values), code)  # type: ignore[arg-type]  # floats by index
    for kernel in kernels():
        core = core_or_skip("cffi", kernel)
        shape = core.shape([1, 1], [code], False)
        found = array("d", bytes(8 * len(values)))
        work = core.work(shape, core.predict_size(shape))
        data = core.doubles(array("d", [1.0])), core.doubles(array("d", values)), len(values)
        assert core.predict(core.doubles(found), work, shape, *data) == _pure.OK
        assert to_hex(found) == to_hex(expected), kernel


COMMON = ([2, 2, 1], [2, 4, 1], [2, 4, 4, 1], [2, 8, 8, 1])  # that kernels know at compile time


@pytest.mark.filterwarnings("ignore::bitprop.TrainingHint")  # nothing is meant to be learnt here
@given(
    st.sampled_from(COMMON),
    st.booleans(),
    st.integers(1, 300),
    st.sampled_from([None, 1, 7, 128, 200]),
    st.sampled_from([1.0, 1.0, 30.0, 300.0, 1e5]),
    st.sampled_from([1.0, 1.0, 100.0, 1e5, 1e300]),
    st.sampled_from(["half_sse", "half_sse", "binary_cross_entropy"]),
    SEEDS,
    st.sampled_from(STEP_RULES),
)
def test_common_shapes(
    sizes: list[int],
    bias: bool,
    rows: int,
    batch_size: int | None,
    steep: float,
    far: float,
    loss: Loss,
    seed: int,
    rule: Rule,
) -> None:
    """§4 to §8: shapes with code of their own, over more rows than are taken at a time, in order and shuffled.

    Weights, of all layers or those after the first, are `steep` times as large, and two inputs `far` times: then
    sigmoids are clamped, or not.
    """
    generator = random.Random(seed)
    inputs = numbers(rows * 2, 0.0, generator)
    for index in generator.sample(range(rows * 2), 2):
        inputs[index] *= far
    x = memoryview(inputs).cast("B").cast("d", (rows, 2))
    y = numbers(rows, 0.0, generator)

    def outcome(kernel: str, shuffle_seed: int | None) -> list[Any]:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("BITPROP_KERNEL", kernel)
            net = Network(*sizes, bias=bias, seed=seed, backend="cffi")
        later = sizes[1] * (2 + bias) * (seed % 2)  # the first of the weights to be steep
        net.parameters[later:] = array("d", [steep * weight for weight in net.parameters[later:]])
        before = [to_hex(net.gradient(x, y, loss)), to_hex([net.loss(x, y, loss)])]
        before.append(to_hex(net.predict(x).cast("B").cast("d")))
        rate = 0.5 / (batch_size or rows) if rule in LEARNING_RATES else None
        options: dict[str, Any] = {"batch_size": batch_size, "shuffle_seed": shuffle_seed, "loss": loss, "rule": rule}
        try:
            net.fit(x, y, epochs=3, learning_rate=rate, **options)
            diverged = None
        except DivergedError as error:
            diverged = error.epoch
        assert net.history is not None
        return [before, diverged, to_hex(net.history.errors), to_hex(net.parameters)]

    for shuffle_seed in (None, seed):
        expected = outcome("portable", shuffle_seed)
        for kernel in kernels()[1:]:
            assert outcome(kernel, shuffle_seed) == expected, kernel


@st.composite
def small_networks(draw: st.DrawFn) -> dict[str, Any]:
    """A shape of few parameters, without softmax."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
    activations = draw(st.lists(st.sampled_from(OF_A_NODE), min_size=len(sizes) - 1, max_size=len(sizes) - 1))
    return {"sizes": sizes, "activation": activations, "bias": draw(st.booleans()), "seed": draw(SEEDS)}


DAMPINGS: dict[str, list[float]] = {
    "mu": [1e-3, 1e-3, 2.3e-308, 1e-19, 1.0, 1e10],
    "mu_increase": [10.0, 10.0, 1e300, 3.0],
    "mu_decrease": [0.1, 0.1, 5e-324, 0.9],
    "mu_max": [1e10, 1e10, 1e300],
    "gradient_min": [1e-7, 0.0, 0.1],
}


@pytest.mark.filterwarnings("ignore::bitprop.TrainingHint")  # nothing is meant to be learnt here
@given(small_networks(), st.integers(1, 20), HOSTILITY, HOSTILITY, SEEDS, st.data())
def test_levenberg(
    case: dict[str, Any], rows: int, hostile: float, hostile_weights: float, seed: int, data: st.DataObject
) -> None:
    """§12: losses, parameters, and how the training ends; in slices of any budget."""
    generator = random.Random(seed)
    sizes = case["sizes"]
    x, y = numbers(rows * sizes[0], hostile, generator), numbers(rows * sizes[-1], hostile, generator)
    weights = numbers(len(build(case, "python").parameters), hostile_weights, generator)
    constants = {name: data.draw(st.sampled_from(values), name) for name, values in DAMPINGS.items()}
    epochs, log_every = data.draw(st.integers(0, 4), "epochs"), data.draw(st.integers(1, 3), "log_every")
    loss = data.draw(st.sampled_from([code for code, name in enumerate(LOSSES) if name not in PARTNERS]), "loss")
    budgets = data.draw(st.lists(st.sampled_from([1, 2, 7, 40]), min_size=4, max_size=4), "budgets")
    log_size = data.draw(st.sampled_from([1, 2, 5]), "log_size")
    weight = st.sampled_from([1.0, 1.0, 0.3, 0.0, -0.0, 5e-324, 1e300])
    each_row = data.draw(st.one_of(st.none(), st.lists(weight, min_size=rows, max_size=rows)), "sample_weight")

    def outcome(core: Core, budget: int) -> list[Any]:
        shape = core.shape(sizes, [ACTIVATIONS.index(name) for name in case["activation"]], case["bias"])
        pointers = core.doubles(x), core.doubles(y)
        weighing = None if each_row is None else core.doubles(array("d", each_row))
        on, limits = core.data(*pointers, rows, weighing), core.limits(until=epochs, budget=budget, log_size=log_size)
        log, parameters = array("d", bytes(8 * log_size)), array("d", weights)
        training, work = core.levenberg(), core.levenberg_work(shape)
        settings = core.levenberg_settings(log_every=log_every, loss=loss, **constants)
        assert core.levenberg_start(training, shape, settings, on) == _pure.OK
        errors, status = array("d"), _pure.OK
        pointer = core.doubles(parameters)
        while training.epoch < epochs and status == _pure.OK:
            status = core.levenberg_train(core.doubles(log), training, pointer, work, shape, on, limits)
            errors += log[: -(-training.epoch // log_every) - len(errors)]
        return [to_hex(errors), to_hex(parameters), status, training.epoch, to_hex([training.mu])]

    expected = outcome(core_or_skip("python"), 2**62)
    assert outcome(core_or_skip("python"), budgets[0]) == expected
    assert outcome(core_or_skip("ctypes"), budgets[1]) == expected
    for kernel in kernels():
        for budget in (2**62, *budgets[2:]):
            assert outcome(core_or_skip("cffi", kernel), budget) == expected, kernel


@given(networks(), st.integers(1, 20), st.integers(1, 17), st.data())
def test_train_many(case: dict[str, Any], rows: int, count: int, data: st.DataObject) -> None:
    """§8: networks trained together end, each, as bp_train leaves them: also where some diverge, and in slices."""
    seed = data.draw(SEEDS, "seed")
    sizes = data.draw(st.sampled_from([case["sizes"], [2, 4, 4, 1]]), "sizes")
    activations = [ACTIVATIONS.index(name) for name in case["activation"]]
    activations = activations if len(activations) == len(sizes) - 1 else [0, 0, 0]
    loss = LOSSES.index(data.draw(st.sampled_from(losses_for(ACTIVATIONS[activations[-1]])), "loss"))
    batch_size, shuffle = data.draw(st.sampled_from([1, 1, 1, 3, 50]), "batch_size"), data.draw(st.integers(0, 1))
    epochs, budget = data.draw(st.integers(0, 4), "epochs"), data.draw(st.sampled_from([1, 3, 10, 1000]), "budget")
    several = st.lists(st.sampled_from([1.0, 0.1, 0.0, 1e200, 1e300]), min_size=4, max_size=4)
    rates = [array("d", data.draw(several)) for _ in range(count)]
    by_epoch = data.draw(st.booleans(), "a rate for each epoch")
    rule = data.draw(st.sampled_from(["descent", "descent", *STEP_RULES]), "rule")
    decay = data.draw(st.sampled_from([0.0, 0.0, 0.01]), "weight_decay")
    l1 = data.draw(st.sampled_from([0.0, 0.0, 0.01]), "l1")
    generator = random.Random(seed)
    x, y = numbers(rows * sizes[0], 0.0, generator), numbers(rows * sizes[-1], 0.02, generator)

    def outcome(core: Core) -> list[Any]:
        shape = core.shape(sizes, activations, case["bias"])
        pointers = core.doubles(x), core.doubles(y)
        on, limits = core.data(*pointers, rows), core.limits(until=epochs, budget=budget, log_size=4)
        size = core.parameter_count(shape)
        code = RULES.index(rule)
        group = core.group(array("d", bytes(8 * count * size)), shape, code, count, rows, 4)
        schedules = [core.doubles(each) for each in rates]
        for n in range(count):
            assert core.init(core.doubles(group.parameters[n]), core.generator(), shape, seed + n & 2**64 - 1, 2) == 0
            settings = core.settings(
                batch_size=batch_size,
                log_every=2,
                shuffle_seed=seed,
                learning_rate=rates[n][0],
                loss=loss,
                rule=code,
                shuffle=shuffle,
                weight_decay=decay if n % 5 else 0.0,
                l1=l1 if n % 3 else 0.0,
                constants=tuple([*RULE_OPTIONS[rule].values(), 0.0, 0.0, 0.0, 0.0, 0.0][:5]),
                learning_rates=schedules[n] if by_epoch else None,
            )
            assert core.train_start(group.trainings[n], group.orders[n], shape, settings, on) == _pure.OK
        while any(group.trainings[n].epoch < epochs and group.statuses[n] == _pure.OK for n in range(count)):
            assert core.train_many(*group.arguments, shape, on, limits, count) == _pure.OK
            break_early = budget == 1000  # one call does it all, so the log is whole
            if break_early:
                break
        logged = [to_hex(group.logs[n]) if budget == 1000 else None for n in range(count)]
        assert all(len(group.parameters[n]) == size for n in range(count))
        return [[to_hex(group.parameters[n]) for n in range(count)], list(group.statuses), logged]

    expected = outcome(core_or_skip("python"))
    assert outcome(core_or_skip("ctypes")) == expected
    for kernel in kernels():
        assert outcome(core_or_skip("cffi", kernel)) == expected, kernel


@given(st.lists(st.floats(), min_size=1, max_size=50))
def test_activations(values: list[float]) -> None:
    """§2: any 64-bit pattern."""
    for code in map(ACTIVATIONS.index, OF_A_NODE):
        found = []
        for name in BACKENDS:
            core = choose(name)
            given_values = array("d", values)
            core.activate(core.doubles(given_values), len(values), code)
            outputs = to_hex(given_values)
            core.slope(core.doubles(given_values), len(values), code)
            found.append((outputs, to_hex(given_values)))
        assert found[0] == found[1] == found[2]


@given(SEEDS, st.integers(0, 2), st.lists(st.integers(1, 2**32 - 1), max_size=20))
def test_generator(seed: int, stream: int, limits: list[int]) -> None:
    """§9: the generator is CPython's, past a refill of its state."""
    expected = random.Random((stream << 64) + seed)
    wanted = [expected._randbelow(n) for n in limits] + [expected.random() for _ in range(400)]  # type: ignore[attr-defined]
    for name in BACKENDS:
        core = choose(name)
        generator = core.generator()
        core.generator_seed(generator, seed, stream)
        found: list[float] = [core.generator_below(generator, n) for n in limits]
        assert found + [core.generator_random(generator) for _ in range(400)] == wanted


@given(st.integers(1, 60), SEEDS, st.integers(1, 90))
def test_shuffle(rows: int, seed: int, budget: int) -> None:
    """§8: the order is that of random.Random.shuffle, epoch after epoch, in slices of any size."""
    expected = random.Random(2**65 + seed)
    wanted = list(range(rows))
    for _ in range(3):
        expected.shuffle(wanted)
    for name in BACKENDS:
        core = choose(name)
        shape = core.shape([1, 1], [3], False)
        order, training, work = core.words(rows), core.training(), core.work(shape, core.train_size(shape, 0))
        parameters, zeros = array("d", [0.0]), array("d", bytes(8 * rows))
        settings = core.settings(batch_size=rows, log_every=1, shuffle_seed=seed, learning_rate=0.0, shuffle=1)
        pointer = core.doubles(zeros)
        data, limits = core.data(pointer, pointer, rows), core.limits(until=3, budget=budget)
        core.train_start(training, order, shape, settings, data)
        arguments = (core.doubles(parameters), work, order, shape, data, limits)
        while training.epoch < 3:
            assert core.train(pointer, training, *arguments) == _pure.OK
        assert list(order) == wanted


def test_other_rows() -> None:
    """§8: every backend refuses to train on another number of rows than the training was started on."""
    for name in BACKENDS:
        core = choose(name)
        shape = core.shape([1, 1], [3], False)
        group = core.group(array("d", [1.0]), shape, _pure.DESCENT, 1, 2, 1)
        pointer = core.doubles(array("d", [0.5, 0.5]))
        one, two = core.data(pointer, pointer, 1), core.data(pointer, pointer, 2)
        settings, limits = core.settings(batch_size=2, log_every=1), core.limits(until=1, budget=9)
        assert core.train_start(group.trainings[0], group.orders[0], shape, settings, one) == _pure.OK
        rest = (group.trainings[0], group.pointers[0], group.works[0], group.orders[0], shape)
        assert core.train(group.arguments[0], *rest, two, limits) == _pure.E_OPTION
        assert core.train_many(*group.arguments, shape, two, limits, 1) == _pure.OK
        assert list(group.statuses) == [_pure.E_OPTION]
        assert core.train(group.arguments[0], *rest, one, limits) == _pure.OK
        assert group.trainings[0].epoch == 1


@given(networks(), st.binary(min_size=1, max_size=8), st.data())
def test_altered_bytes(case: dict[str, Any], noise: bytes, data: st.DataObject) -> None:
    """§11: every backend refuses the same bytes: altered, cut or longer ones."""
    whole = build(case, "python").to_bytes()
    at = data.draw(st.integers(0, len(whole) - 1), "at")
    kind = data.draw(st.sampled_from(["write", "cut", "insert"]), "kind")
    altered = {
        "write": whole[:at] + noise + whole[at + len(noise) :],
        "cut": whole[:at],
        "insert": whole[:at] + noise + whole[at:],
    }[kind]
    for name in BACKENDS:
        core = choose(name)
        layers = core.decode_layers(core.octets(bytearray(altered)), len(altered)) if altered else 0
        assert layers == (len(case["sizes"]) if altered == whole else 0)
