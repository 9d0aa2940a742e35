# SPDX-License-Identifier: MIT
"""The questions about softmax and the cross-entropies (contract §2, §5 and §7)."""

from __future__ import annotations

from collections.abc import Sequence

from . import oracle as o
from .answers import hexes
from .asking import MAX, TINY, Case, Draw, batch, case, fields_of, number, power, stream, training
from .oracle import HALF, INF, NAN, ONE, TWO, ZERO, Net, Row, Rows, integer, neg


def of_layer(name: str, values: Sequence[int]) -> tuple[Net, Row]:
    """A network of one input whose pre-activations are these values, whatever finite number its input is."""
    return Net([1, len(values)], [name], True), [ZERO] * len(values) + list(values)


def one_hot(count: int, outputs: int) -> list[Row]:
    """The targets of so many rows, whose classes follow one another."""
    return [[ONE if j == i % outputs else ZERO for j in range(outputs)] for i in range(count)]


def shares(draw: Draw, count: int, outputs: int) -> list[Row]:
    """The targets of so many rows, drawn from 0 to 1 and divided by their sum."""
    rows = [[draw.random() for _ in range(outputs)] for _ in range(count)]
    return [[o.div(value, o.in_order(row)) for value in row] for row in rows]


# Pre-activations at which exponentials are clamped, lost beside 1, or 1.
STEEP = [integer(n) for n in (1000, -1000, 708, -708, 709, -709, 745, -746, 40, -40, 37, -36, 20, 1, -1)]
STEEP += [ZERO, HALF, power(-30), neg(power(-60)), TINY, power(900), neg(MAX)]


def softmax_cases() -> list[Case]:
    """Softmax: its greatest pre-activation, its exponentials and their sum (§2, §4)."""
    out: list[Case] = []

    def row(name: str, flags: str, note: str, values: Sequence[int]) -> None:
        net, parameters = of_layer("softmax", values)
        out.append(case(f"softmax-{name}", flags, note, "forward", **fields_of(net, parameters), input=hexes([HALF])))

    draw = stream("forward", "softmax")
    row("one", "libm", "a single output is 1.0, whatever it is", [integer(-1000)])
    row("dense", "libm fused polynomial node-order", "ordinary values: any difference of exp", draw.row(40, integer(3)))
    row("wide", "libm fused polynomial", "exponentials of every size", draw.row(40, integer(300)))
    row("steep", "clamp", "differences beyond the clamp, and the greatest in another place than the first", STEEP)
    row("low", "clamp", "all far below 0: the greatest is subtracted", [neg(integer(990 + n)) for n in range(12)])
    row("equal", "node-order", "equal outputs", [integer(1000)] * 7)
    row("near", "libm", "neighbouring numbers", [ONE, ONE + 1, ONE - 1, ONE + 2])
    for value, label in ((INF, "inf"), (neg(INF), "minus-inf"), (NAN, "nan")):
        for place in (0, 2):
            values = [ONE, TWO, HALF]
            values[place] = value
            note = "a pre-activation that is not finite, the first or not: a NaN is the greatest only as the first"
            row(f"{label}-{place}", "overflow nan", note, values)
    for bias in (False, True):
        name = f"softmax-deep{'-bias' * bias}"
        net = Net([3, 5, 4], ["tanh", "softmax"], bias)
        draw = stream("forward", name)
        given = fields_of(net, draw.parameters(net))
        note = "after another layer"
        out.append(case(name, "layout node-order", note, "forward", **given, input=hexes(draw.row(3))))
    return out


def entropy_cases() -> list[Case]:
    """The cross-entropies: errors from pre-activations, deltas, and means over rows (§2, §5, §7)."""
    out: list[Case] = []

    def ask(name: str, flags: str, note: str, loss: str, values: Sequence[int], targets: Rows) -> None:
        net, parameters = of_layer("softmax" if loss == "cross_entropy" else "sigmoid", values)
        rows = [[HALF]] * len(targets)
        out.append(batch(f"{loss}-{name}", flags, note, net, parameters, rows, targets, loss))

    for loss in ("binary_cross_entropy", "cross_entropy"):
        draw = stream("gradient", loss)
        few, many = draw.row(2, integer(3)), draw.row(40, integer(3))
        note = "ordinary values: any difference of exp or of the logarithm"
        for n, values in enumerate((few, many, draw.row(40, integer(30)), draw.row(40, power(-3)))):
            ask(f"dense-{n}", "libm fused polynomial node-order", note, loss, values, shares(draw, 1, len(values)))
        note = "pre-activations to 1000 and beyond, with targets of 1.0 and 0.0, and between"
        size = len(STEEP)
        ask("steep-0", "clamp libm", note, loss, STEEP[:-2], [[ZERO] * (size - 2)])
        ask("steep-1", "clamp libm", note, loss, STEEP[:-2], [[ONE] * (size - 2)])
        ask("steep-hot", "clamp libm", note, loss, STEEP[:-2], one_hot(size - 2, size - 2))
        ask("steep-shares", "clamp libm", note, loss, STEEP[:-2], shares(draw, 3, size - 2))
        note = "targets outside 0 to 1"
        ask("beyond", "libm node-order", note, loss, many, [draw.row(40, integer(3))])
        note = "each pre-activation by itself: the logarithm of 1 and of its neighbours"
        for n, value in enumerate((*STEEP, integer(14), integer(-53), number(-1, 3), number(7, 10))):
            ask(f"alone-{n}", "libm clamp", note, loss, [value], [[number(1, 4)], [ONE], [ZERO]])
            ask(f"pair-{n}", "libm clamp", note, loss, [ZERO, value], [[ONE, ZERO], [ZERO, ONE], [number(1, 4), HALF]])
        for value, label in ((INF, "inf"), (neg(INF), "minus-inf"), (NAN, "nan")):
            for place in (0, 1):
                values = [ONE, TWO]
                values[place] = value
                note = "a pre-activation that is not finite"
                ask(f"{label}-{place}", "overflow nan", note, loss, values, [[ONE, ZERO], [HALF, HALF]])
        last = "softmax" if loss == "cross_entropy" else "sigmoid"
        for sizes, count in (([2, 3, 1], 9), ([2, 3, 4], 17), ([3, 5, 2, 3], 8), ([2, 50], 3), ([2, 7], 10)):
            for bias in (False, True):
                name = f"{loss}-{'-'.join(map(str, sizes))}{'-bias' * bias}"
                draw = stream("gradient", name)
                net = Net(sizes, [*["tanh", "relu"][: len(sizes) - 2], last], bias)
                rows = draw.rows(count, sizes[0])
                targets = one_hot(count, sizes[-1]) if bias else shares(draw, count, sizes[-1])
                note = "a mean over rows, not over rows times outputs"
                out.append(batch(name, "scale layout row-order", note, net, draw.parameters(net), rows, targets, loss))
    return out


def entropy_step_cases() -> list[Case]:
    """Trainings by the cross-entropies, by the full batch, in batches and online; logged is the error (§7, §8)."""
    out = []
    for loss, last in (("binary_cross_entropy", "sigmoid"), ("cross_entropy", "softmax")):
        for batch_size, shuffle_seed, outputs in ((None, None, 3), (4, None, 2), (1, 3, 3), (5, 2, 1), (1, None, 4)):
            name = f"{loss}-{batch_size or 'all'}-{outputs}"
            draw = stream("steps", name)
            net = Net([2, 4, outputs], ["tanh", last], outputs != 2)
            if loss == "cross_entropy" and outputs == 1:
                continue  # its only output is 1.0: nothing moves
            data = draw.rows(11, 2), one_hot(11, outputs) if outputs > 1 else [[ONE], [ZERO]] * 5 + [[HALF]]
            given = (net, draw.parameters(net), data, 3, HALF, loss, batch_size, shuffle_seed)
            out.append(training(name, "scale short-batch", "scale of each batch by its own rows", *given))
    return out


def entropy_divergence_cases() -> list[Case]:
    """Cross-entropies that cease to be finite, and steep ones that do not (§8)."""
    out: list[Case] = []

    def ends(name: str, note: str, net: Net, start: Row, data: tuple[Rows, Rows], rate: int, loss: str) -> None:
        out.append(training(name, "divergence overflow", note, net, start, data, 3, rate, loss))

    for loss, last in (("binary_cross_entropy", "sigmoid"), ("cross_entropy", "softmax")):
        net = Net([1, 2], [last], False)
        rows, targets = [[ONE], [neg(TWO)]], [[ONE, ZERO], [ZERO, ONE]]
        note = "pre-activations of thousands: the error is large and finite"
        ends(f"{loss}-steep", note, net, [integer(3000), integer(-2000)], (rows, targets), ONE, loss)
        note = "an infinite pre-activation: the error is not finite"
        ends(f"{loss}-overflow", note, net, [MAX, ONE], (rows, targets), ONE, loss)
        note = "the last step overflows a parameter, the error is finite"
        data = ([[power(600)], [power(600)]], targets)
        ends(f"{loss}-step", note, net, [ZERO, ZERO], (data[0], [[ONE, ZERO], [ONE, ZERO]]), power(500), loss)
    return out
