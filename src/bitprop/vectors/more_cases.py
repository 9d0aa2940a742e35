# SPDX-License-Identifier: MIT
"""The questions that were added to the golden vectors: each catches a slip that the first ones let through.

Each case draws from a separate stream, seeded by the letters of its group and id. So adding a case, or removing one
before it is published, changes no other case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import head_cases, late_cases, rule_cases, scaling_cases, weight_cases
from . import oracle as o
from .answers import hexes, to_hex
from .asking import (
    ADDED_ACTIVATIONS,
    LINE,
    MAX,
    NEG_ZERO,
    NORMAL,
    SIGMOID,
    THIRD,
    TINY,
    WIDE_SEED,
    Case,
    Draw,
    batch,
    batch_drawn,
    case,
    fields_of,
    number,
    power,
    stream,
    training,
)
from .first_cases import ACTIVATIONS, INITS, LOSSES, TENTH, XOR, odd_network
from .oracle import HALF, INF, NAN, ONE, TWO, ZERO, Net, Row, Rows, integer, mul, neg


def activation_cases() -> list[Case]:
    """Values and slopes of the activations that were added (§2)."""
    out = []
    sizes = (ZERO, TINY, NORMAL - 1, NORMAL, power(-54), power(-53), HALF, ONE - 1, ONE, ONE + 1, TWO, power(53))
    edges = [value | sign for value in (*sizes, power(1023), MAX, INF) for sign in (ZERO, NEG_ZERO)] + [NAN]
    for name in ADDED_ACTIVATIONS:
        draw = stream("activations", name)
        small = [mul(draw.within(ONE), power(-e)) for e in (*range(1, 61, 4), 1014, 1016, 1018, 1020)]
        dense = draw.row(60) + draw.row(20, integer(8)) + small
        for kind, flags, note, xs in (
            ("edges", "signed-zero subnormal overflow nan", "signed zeros, subnormals, extremes, NaN (§1.3)", edges),
            ("dense", "fused single subnormal", "ordinary values, and small ones of every size", dense),
        ):
            out.append(case(f"{name}-{kind}", flags, note, "activation", activation=name, x=hexes(xs)))
    return out


def generator_cases() -> list[Case]:
    """A seed of more than 53 bits in each stream, and the state's later renewals (§9)."""
    out = []
    note = "a seed that a binary64 cannot hold"
    for index in range(3):
        given = {"seed": f"{WIDE_SEED:016x}", "stream": index}
        out.append(case(f"random-{index}-wide", "seed-words width", note, "random", **given, count=4))
        bounds = [2**32 - 1, 5, 2**31 + 1, 1]
        out.append(case(f"below-{index}-wide", "seed-words width", note, "randbelow", **given, n=bounds))
    note = "randbelow(1) takes outputs too, until one begins with a 0; the third renewal comes after 1872 of them"
    given = {"seed": f"{1:016x}", "stream": 0, "n": [1] * 1100 + [2**32 - 1] * 8}
    out.append(case("third-renewal", "rejection", note, "randbelow", **given))
    return out


def init_cases() -> list[Case]:
    """A seed of more than 53 bits, and a wide layer (§9)."""
    out = []
    for init in INITS:
        given = {"sizes": [2, 1], "bias": False, "init": init, "seed": f"{WIDE_SEED:016x}"}
        note = "a seed that a binary64 cannot hold"
        out.append(case(f"{init}-2-1-wide", "seed-words width", note, "init", **given))
    given = {"sizes": [300, 1], "bias": True, "init": "glorot", "seed": f"{300:016x}"}
    note = "inputs + outputs of nine bits"
    out.append(case("glorot-300-1", "width layout", note, "init", **given))
    return out


def data_cases() -> list[Case]:
    """A seed of more than 53 bits, and a number of rows beyond 8 (§10)."""
    wide = {"kind": "linear", "n": 3, "seed": f"{WIDE_SEED:016x}"}
    long = {"kind": "linear", "n": 257, "seed": f"{257:016x}"}
    note = "a seed that a binary64 cannot hold"
    return [
        case("linear-3-wide", "seed-words width", note, "data", **wide),
        case("linear-257", "width", "a number of rows of nine bits", "data", **long),
    ]


def shape_cases() -> list[Case]:
    """The data sets beyond the lab report's two (§10)."""

    def data(name: str, flags: str, note: str, kind: str, noise: int | None = None, **given: Any) -> Case:
        more = {} if noise is None else {"noise": to_hex(noise)}
        return case(name, flags, note, "data", kind=kind, **given, **more)

    def seed(number: int) -> str:
        return f"{number:016x}"

    tenth, large = number(1, 10), number(3, 10)
    both: list[Case] = []
    for kind in ("circles", "moons"):
        note = "the draws of a row: its direction, until it lies in the circle, then 12 numbers for each coordinate"
        both.append(data(f"{kind}-1", "layout", note, kind, n=1, seed=seed(0), noise=tenth))
        both.append(data(f"{kind}-20", "fused layout", note, kind, n=20, seed=seed(1), noise=tenth))
        note = "without noise: deviates are drawn all the same, and each coordinate comes from a root and a quotient"
        both.append(data(f"{kind}-still", "excess layout", note, kind, n=24, seed=seed(2), noise=ZERO))
        note = "a seed that a binary64 cannot hold, and a number of rows that is odd"
        both.append(data(f"{kind}-wide", "seed-words fused", note, kind, n=7, seed=seed(WIDE_SEED), noise=large))
        note = "labels by the number of the row, of nine bits"
        both.append(data(f"{kind}-257", "width", note, kind, n=257, seed=seed(257), noise=tenth))
    note = "two centres: one column of labels"
    two: dict[str, Any] = {"centres": 2, "seed": seed(0), "noise": tenth}
    note_more = "more than two centres: a column for each; first all centres are drawn, then the rows"
    return [
        *both,
        data("blobs-1", "layout", note, "blobs", n=1, **two),
        data("blobs-9", "fused layout", note, "blobs", n=9, **two),
        data("blobs-3-still", "layout", note_more, "blobs", n=4, centres=3, seed=seed(5), noise=ZERO),
        data("blobs-5", "fused layout", note_more, "blobs", n=12, centres=5, seed=seed(2**32), noise=large),
        data("blobs-few", "layout", "fewer rows than centres", "blobs", n=2, centres=4, seed=seed(9), noise=tenth),
        data("blobs-wide", "seed-words", "the largest seed", "blobs", n=6, centres=3, seed=seed(2**64 - 1), noise=ONE),
        data("two-spirals", "libm signed-zero", "all angles, among them zeros of both signs", "two_spirals"),
        data("encoder-1", "layout", "a single row", "encoder", n=1),
        data("encoder-10", "layout", "inputs and targets are the same", "encoder", n=10),
        data("parity-1", "layout", "two rows", "parity", n=1),
        data("parity-4", "layout", "the rows count up, their highest bit first", "parity", n=4),
        data("parity-8", "width", "256 rows", "parity", n=8),
    ]


def forward_cases() -> list[Case]:
    """Zeros, infinities and subnormal numbers where they are easily skipped, and many nodes or layers (§4)."""
    out: list[Case] = []

    def row(name: str, flags: str, note: str, net: Net, parameters: Sequence[int], values: Sequence[int]) -> None:
        out.append(case(name, flags, note, "forward", **fields_of(net, parameters), input=hexes(values)))

    def drawn(name: str, flags: str, note: str, net: Net) -> None:
        draw = stream("forward", name)
        row(name, flags, note, net, draw.parameters(net), draw.row(net.sizes[0]))

    for name in ("identity", "relu"):
        note = "an input of -0.0 stays -0.0 through the product and both layers"
        net = Net([1, 1, 1], [name, "identity"], False)
        row(f"negative-zero-input-{name}", "signed-zero", note, net, [ONE, ONE], [NEG_ZERO])
    note = "an input of -0.0 and a bias of -0.0"
    row("negative-zero-both", "signed-zero", note, Net([1, 1], LINE, True), [ONE, NEG_ZERO], [NEG_ZERO])
    for value, label in ((INF, "inf"), (neg(INF), "minus-inf"), (NAN, "nan")):
        note = "a weight of 0.0 is not skipped: 0.0 times an infinity or a NaN is a NaN"
        net = Net([2, 2], LINE, False)
        row(f"zero-weight-{label}", "overflow nan", note, net, [ZERO, ONE, ONE, ZERO], [value, ONE])
        row(f"zero-weight-{label}-second", "overflow nan", note, net, [ONE, ONE, ONE, ZERO], [ONE, value])
    for value, label in ((INF, "inf"), (neg(INF), "minus-inf"), (NAN, "nan")):
        note = "a bias that is not finite goes through, and all nodes beside it stay"
        net = Net([1, 3, 1], ["identity", "sigmoid"], True)
        start = [ONE, ONE, ONE, ZERO, value, ZERO, ONE, HALF, ONE, ZERO]
        row(f"bias-{label}", "overflow nan", note, net, start, [TWO])
    for name in ACTIVATIONS:
        note = "a bias and an input below 2^-1022"
        net = Net([2, 2], [name], True)
        row(f"subnormal-{name}", "subnormal", note, net, [HALF, ONE, ONE, HALF, 3, 7 | NEG_ZERO], [5, 9])
    note = "a sum that is -0.0 + 0.0 in the middle"
    row("zeros", "signed-zero", note, Net([3, 1], LINE, False), [ONE, ONE, ONE], [NEG_ZERO, NEG_ZERO, ZERO])
    note = "inputs beyond eight bits, the bias at their end"
    drawn("inputs-300", "width node-order", note, Net([300, 1], ["tanh"], True))
    drawn("outputs-50", "width node-order", "many outputs", Net([2, 50], ["sigmoid"], True))
    note = "many layers, their activations in an order that no power of two repeats"
    drawn("layers-15", "width layout", note, Net([1] * 16, ["tanh", "identity", "sigmoid"] * 5, True))
    drawn("layers-21", "width layout", note, Net([2] * 22, ["identity", "tanh", "identity"] * 7, False))
    for name in ADDED_ACTIVATIONS:
        for bias in (False, True):
            note = "an activation that was added, in all layers"
            drawn(f"{name}{'-bias' * bias}", "node-order layout", note, Net([3, 5, 4, 2], [name] * 3, bias))
        for value, label in ((INF, "inf"), (neg(INF), "minus-inf"), (NAN, "nan")):
            note = "a non-finite input goes through"
            net = Net([2, 2, 1], [name, "identity"], True)
            start = [ONE, neg(ONE), HALF, HALF, ZERO, ZERO, ONE, TWO, ZERO]
            row(f"{label}-{name}", "overflow nan", note, net, start, [value, ONE])
    return out


def gradient_cases() -> list[Case]:
    """What goes back through zeros, infinities and subnormal numbers, and many nodes, layers or rows (§5, §7)."""
    out: list[Case] = []
    one, biased = Net([1, 1], LINE, False), Net([1, 1], LINE, True)

    def drawn(name: str, flags: str, note: str, net: Net, count: int, loss: str) -> None:
        out.append(batch_drawn(stream("gradient", name), name, flags, note, net, count, loss))

    def ask(name: str, flags: str, note: str, *arguments: Any) -> None:
        out.append(batch(name, flags, note, *arguments))

    note = "an input of 0.0 is not skipped: 0.0 times an infinite delta is a NaN"
    ask("zero-input-inf", "overflow nan", note, biased, [ONE, ONE], [[ZERO], [ONE]], [[INF], [ONE]])
    note = "an input of -0.0 and one of 0.0: contributions of both signs sum to +0.0"
    ask("negative-zero-input", "signed-zero", note, one, [ONE], [[NEG_ZERO], [ZERO]], [[ONE], [TWO]])
    note = "inputs, deltas and contributions below 2^-1022"
    tiny = [[5], [NORMAL - 1], [9]]
    ask("subnormal-input", "subnormal", note, one, [HALF], tiny, [[ONE], [TWO], [ONE]])
    ask("subnormal-delta", "subnormal", note, biased, [ONE, 3], tiny, [[ZERO], [NORMAL], [NEG_ZERO]])
    net = Net([1, 1, 1], ["identity", "identity"], True)
    note = "a hidden delta below 2^-1022"
    ask("subnormal-hidden", "subnormal", note, net, [ONE, ZERO, power(-1030), TINY], [[TWO]] * 2, [[ONE], [THIRD]])
    for loss in LOSSES:
        note = "one row with several outputs: rows*outputs is not the number of rows"
        drawn(f"one-row-{loss}", "scale", note, Net([2, 5], SIGMOID, True), 1, loss)
        note = "a loss below 2^-1022: divided, then halved, each rounded"
        small = [[power(-537)]] * 4 + [[mul(power(-537), number(7, 4))]]
        ask(f"halves-{loss}", "subnormal scale", note, one, [ONE], small, [[ZERO]] * 5, loss)
        note = "a loss below 2^-1022 is not 0.0"
        small = [[power(-520)], [power(-521)], [power(-525)]]
        ask(f"small-{loss}", "subnormal scale", note, one, [ONE], small, [[ZERO]] * 3, loss)
    for loss in ("half_mse", "mse"):
        note = "rows*outputs beyond eight bits"
        drawn(f"count-280-{loss}", "width scale", note, Net([1, 7], SIGMOID, False), 40, loss)
    note = "sums over many outputs, in order"
    drawn("outputs-50", "width node-order", note, Net([2, 3, 50], ["tanh", "sigmoid"], True), 2, "sse")
    note = "deltas through many layers, each with its own activation"
    names = ["tanh", "sigmoid", "identity", "identity", "tanh"] * 4
    drawn("layers-20", "width layout", note, Net([2, 1] * 10 + [1], names, True), 2, "half_mse")
    for name in ADDED_ACTIVATIONS:
        for bias, loss in zip((False, True, False, True), LOSSES):
            note = "an activation that was added, in all layers"
            drawn(f"{name}-{loss}", "fused layout scale", note, Net([2, 5, 3, 2], [name] * 3, bias), 9, loss)
        note = "a delta that is not finite, times the slope of 0.0 and of the largest numbers"
        net = Net([1, 1, 1], [name, "identity"], True)
        ask(f"{name}-far", "overflow nan", note, net, [ONE, ZERO, ONE, ZERO], [[ZERO], [MAX], [neg(MAX)]], [[INF]] * 3)
    return out


def backward_cases() -> list[Case]:
    """What goes back through dead nodes, infinite weights and infinite biases (§5, §6)."""
    out: list[Case] = []
    biased = Net([1, 1], LINE, True)

    def ask(name: str, flags: str, note: str, *arguments: Any) -> None:
        out.append(batch(name, flags, note, *arguments))

    net = Net([1, 1, 1], ["relu", "identity"], True)
    dead = [ONE, integer(-9), ONE, ZERO]
    note = "a slope of 0.0 times a NaN is a NaN, times an infinity too"
    ask("dead-slope-nan", "nan", note, net, dead, [[ONE]], [[NAN]])
    ask("dead-slope-inf", "overflow nan", note, net, dead, [[ONE]], [[INF]])
    dead_output = Net([1, 1], ["relu"], True)
    note = "the same in the output layer"
    ask("dead-output-nan", "nan", note, dead_output, dead[:2], [[ONE]], [[NAN]])
    ask("dead-output-inf", "overflow nan", note, dead_output, dead[:2], [[ONE]], [[INF]])
    note = "a delta of -0.0 times an infinite weight is a NaN, on the way back"
    split = Net([1, 1, 2], ["identity", "relu"], False)
    ask("inf-weight-back", "overflow nan", note, split, [ONE, ONE, neg(INF)], [[ONE]], [[ZERO, ONE]])
    note = "a slope of 0.0 times a delta below 0: the hidden delta is -0.0, and the sums are +0.0"
    ask("dead-slope-zero", "signed-zero", note, net, dead, [[ONE], [TWO]], [[ONE], [ONE]])
    for count in (1, 3, 9):
        note = "an infinite bias: an empty place of a block of rows takes part in no sum"
        draw = stream("gradient", f"bias-inf-{count}")
        rows, targets = draw.rows(count, 1), draw.rows(count, 1)
        start = [ONE, ONE, ZERO, INF, ONE, HALF, ZERO]
        net = Net([1, 2, 1], ["relu", "sigmoid"], True)
        ask(f"bias-inf-{count}", "overflow row-order", note, net, start, rows, targets)
        ask(f"bias-inf-{count}-out", "overflow row-order", note, biased, [ONE, INF], rows, targets)
    return out


def lane_cases() -> list[Case]:
    """Where a row beyond eight bits is added (§6)."""
    out = []
    one = Net([1, 1], LINE, False)
    for last in (8, 16, 256):
        rows, targets = [[ZERO]] * (last + 1), [[ZERO]] * (last + 1)
        rows[0], targets[0] = [neg(HALF)], [TWO]
        rows[4], targets[4] = [neg(power(26))], [power(28)]
        rows[last], targets[last] = [neg(HALF)], [number(5, 2)]
        note = f"row {last} belongs to lane 0: only there it and row 0 together are not lost beside row 4"
        out.append(batch(f"row-{last}", "row-order width", note, one, [ZERO], rows, targets))
    return out


def steep_cases() -> list[Case]:
    """Sigmoids of large weights or inputs, at their limits and beyond: in a first layer, or a later one only (§2)."""
    out = []
    for bias in (False, True):
        net = Net([2, 4, 4, 1], SIGMOID * 3, bias)
        first = 2 * 4 + 4 * bias  # the first layer's parameters
        for name, factors, reach in (
            ("30", (30, 30), ONE),
            ("300", (300, 300), ONE),
            ("300-later", (1, 300), ONE),
            ("100000", (100000, 100000), ONE),
            ("far", (1, 1), integer(10**300)),
        ):
            for batch_size in (None, 1):
                label = f"steep-{name}" + "-bias" * bias + "-online" * (batch_size == 1)
                draw = stream("divergence", label)
                scales = [integer(factors[index >= first]) for index in range(net.parameter_count())]
                start = [mul(scale, value) for scale, value in zip(scales, draw.parameters(net))]
                rows, targets = draw.rows(9, 2), draw.rows(9, 1)
                rows[4] = [mul(reach, value) for value in rows[4]]
                note = "sigmoids at their limits, and steps as small as they make them"
                out.append(
                    training(
                        label, "clamp subnormal", note, net, start, (rows, targets), 2, ONE, "half_sse", batch_size
                    )
                )
    return out


def step_cases() -> list[Case]:
    """Trainings with the activations that were added, by the full batch, in batches and online (§7, §8)."""
    out = []
    for name in ADDED_ACTIVATIONS:
        for batch_size, shuffle_seed in ((None, None), (4, None), (1, 3)):
            label = f"{name}-{batch_size or 'all'}"
            draw = stream("steps", label)
            net = Net([2, 5, 3, 2], [name, name, "identity"], batch_size != 4)
            data = draw.rows(11, 2), draw.rows(11, 2)
            note = "an activation that was added, in the hidden layers"
            given = (net, draw.parameters(net), data, 3, TENTH, "half_mse", batch_size, shuffle_seed)
            out.append(training(label, "layout scale", note, *given))
    return out


def batch_cases() -> list[Case]:
    """Batch sizes that few bits do not hold (§8)."""
    net, start = odd_network(Draw(452))  # that of the other cases, with no dead relu
    note = "a size beyond 32 bits is above the rows as well"
    data = (net, start, XOR, 2, TENTH, "mse", 2**32 + 5)
    return [training("batch-33-bits", "width short-batch", note, *data)]


def shuffle_cases() -> list[Case]:
    """A seed of more than 53 bits (§9)."""
    net, start = odd_network(Draw(471))  # that of the other cases, with no dead relu
    note = "a seed that a binary64 cannot hold"
    data = (net, start, XOR, 2, TENTH, "sse", 5, WIDE_SEED)
    small = Net([2, 3, 1], ["tanh", "sigmoid"], True)
    corners = ([[ZERO, ZERO], [ZERO, ONE], [ONE, ZERO], [ONE, ONE]], [[ZERO], [ONE], [ONE], [ZERO]])
    glorot = o.initial_parameters(small.sizes, True, "glorot", 1)
    self_test = (small, glorot, corners, 20, HALF, "mse", 3, 1)
    return [
        training("shuffle-wide", "shuffle seed-words width", note, *data),
        training("start-up", "shuffle short-batch", "the small training that a program makes at its start", *self_test),
    ]


def divergence_cases() -> list[Case]:
    """Trainings that cease to be finite in one place only, and steps at the ends of the range (§7, §8)."""
    out: list[Case] = []
    one, biased = Net([1, 1], LINE, False), Net([1, 1], LINE, True)
    deep, deep_biased = Net([1, 1, 1], LINE * 2, False), Net([1, 1, 1], LINE * 2, True)

    def ends(
        name: str, note: str, net: Net, start: Row, data: tuple[Rows, Rows], epochs: int, rate: int, *options: Any
    ) -> None:
        out.append(training(name, "divergence overflow", note, net, start, data, epochs, rate, *options))

    unit = [[ONE]]
    far = [[power(400)]]
    first = "only the first layer's parameter ceases to be finite"
    last = "only the last layer's parameter ceases to be finite"
    ends("only-last-layer", last, deep, [power(600), ZERO], (unit, far), 2, power(100))
    ends("only-first-layer", first, deep, [ZERO, power(600)], (unit, far), 2, power(100))
    note = "only a bias ceases to be finite, "
    ends("only-last-bias", note + "the last", deep_biased, [ONE, ZERO, ZERO, ZERO], ([[ZERO]], far), 2, power(700))
    start = [ONE, ZERO, power(600), ZERO]
    ends("only-first-bias", note + "that of the first layer", deep_biased, start, ([[ZERO]], far), 2, power(100))
    wide = Net([3, 2], LINE, True)
    size = power(400)
    for what, row, target, rate in (
        ("first-weight", [size, ZERO, ZERO], [size, ZERO], power(300)),
        ("last-weight", [ZERO, ZERO, size], [ZERO, size], power(300)),
        ("first-bias", [ZERO] * 3, [size, ZERO], power(700)),
        ("last-bias", [ZERO] * 3, [ZERO, size], power(700)),
    ):
        note = "only this one parameter ceases to be finite"
        ends(f"only-{what}-of-8", note, wide, [ZERO] * 8, ([row], [target]), 2, rate)
    note = "0.0 times an infinite gradient is a NaN: diverges at a learning rate of 0.0"
    ends("rate-zero-inf", note, one, [ZERO], ([[power(600)]], [[power(450)]]), 2, ZERO)
    note = "no sum over the parameters is made: each is finite"
    ends("large-finite", note, biased, [MAX, MAX], ([[ZERO]], [[MAX]]), 2, ONE)
    note = "the squared error ends at the largest numbers, and is finite"
    ends("error-near-max", note, one, [ZERO], ([[ZERO]], [[mul(power(511), number(19, 10))]]), 2, ONE)
    note = "the squared error overflows in the last batch only"
    data = ([[ONE], [ONE], [ONE]], [[ZERO], [ZERO], [power(600)]])
    ends("error-last-batch", note, one, [ZERO], data, 2, power(-700), "sse", 1)
    note = "the squared error overflows in the first batch only"
    data = ([[ONE], [ONE], [ONE]], [[power(600)], [ZERO], [ZERO]])
    ends("error-first-batch", note, one, [ZERO], data, 2, power(-700), "sse", 1)
    return out


def extreme_cases() -> list[Case]:
    """Steps at the ends of the range, and learning rates of every kind (§7, §8)."""
    out: list[Case] = []
    one, unit = Net([1, 1], LINE, False), [[ONE]]

    def step(name: str, flags: str, note: str, net: Net, start: Row, data: tuple[Rows, Rows], *options: Any) -> None:
        out.append(training(name, flags, note, net, start, data, *options))

    note = "2*G, then times the rate: a rate of 1e308 times 2 would be infinite"
    data = ([[ONE]], [[power(-1000)]])
    step("rate-huge-sse", "overflow scale", note, one, [ZERO], data, 1, integer(10**308), "sse")
    note = "G times 1/(rows*outputs), then times the rate"
    data = ([[ONE]] * 3, [[power(-1000)]] * 3)
    step("rate-huge-mse", "overflow scale", note, one, [ZERO], data, 1, integer(10**308), "mse")
    for loss in LOSSES:
        note = "a learning rate below 2^-1022 is not 0.0"
        data = ([[power(500)], [power(499)]], [[power(500)], [ONE]])
        step(f"rate-subnormal-{loss}", "subnormal scale", note, one, [ZERO], data, 2, 12345, loss)
    note = "an epoch's squared error below 2^-1022, added batch by batch"
    data = ([[power(-537)], [power(-536)], [power(-537)]], [[ZERO]] * 3)
    step("subnormal-total", "subnormal", note, one, [ONE], data, 2, HALF, "half_sse", 1)
    note = "a learning rate of -0.0 is allowed: "
    kept, lost = (unit, [[neg(ONE)]]), (unit, unit)
    step("rate-minus-zero", "signed-zero", note + "-0.0 - -0.0*g is +0.0", one, [NEG_ZERO], kept, 1, NEG_ZERO)
    step("rate-minus-zero-kept", "signed-zero", note + "here -0.0 stays", one, [NEG_ZERO], lost, 1, NEG_ZERO)
    note = "an input of -0.0, and weights of both zeros"
    net = Net([1, 2], LINE, False)
    step("negative-zero-input", "signed-zero", note, net, [NEG_ZERO, ZERO], ([[NEG_ZERO]], [[ONE, neg(ONE)]]), 1, ONE)
    return out


# What is appended to each group.
ADDED: dict[str, tuple[Callable[[], list[Case]], ...]] = {
    "activations": (activation_cases,),
    "generator": (generator_cases,),
    "init": (init_cases,),
    "data": (data_cases, shape_cases),
    "forward": (forward_cases, head_cases.softmax_cases),
    "gradient": (gradient_cases, backward_cases, head_cases.entropy_cases),
    "lanes": (lane_cases,),
    "steps": (step_cases, head_cases.entropy_step_cases),
    "batches": (batch_cases,),
    "shuffles": (shuffle_cases,),
    "divergence": (divergence_cases, extreme_cases, steep_cases, head_cases.entropy_divergence_cases),
    "bytes": (late_cases.bytes_cases,),
    "decode": (late_cases.decode_cases,),
    "large": (late_cases.large_cases,),
    "rules": (
        *(rule_cases.rule_cases, rule_cases.rule_edge_cases),
        *(weight_cases.weight_cases, weight_cases.first_step_cases),
    ),
    "scaling": (scaling_cases.scaling_cases,),
}
