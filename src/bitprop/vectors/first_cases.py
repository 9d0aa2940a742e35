# SPDX-License-Identifier: MIT
"""The first 376 questions of the golden vectors, group by group in the order in which a port is built.

Frozen: the cases of a group draw from one stream, so an inserted case, or another name in a list, would change all the
cases after it. For that reason this module has separate lists of names. New cases go to `more_cases`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import mistakes
from . import oracle as o
from .answers import hexes
from .asking import (
    MAX,
    NEG_ZERO,
    NORMAL,
    TINY,
    Case,
    Draw,
    batch,
    batch_drawn,
    case,
    fields_of,
    number,
    power,
    training,
)
from .oracle import HALF, INF, NAN, ONE, SIGN, TWO, ZERO, Net, Row, Rows, add, div, integer, mul, neg, sub

ACTIVATIONS = ("sigmoid", "tanh", "relu", "identity")
LOSSES = ("half_sse", "sse", "half_mse", "mse")
INITS = ("normal", "uniform", "glorot")


# --- arithmetic ------------------------------------------------------------------------------------------------------


def arithmetic_cases() -> list[Case]:
    """The operations by themselves: what a language, compiler or processor may get wrong (§1)."""
    draw = Draw(91)
    out = []

    def operations(name: str, flags: str, note: str, operation: str, *rows: Sequence[int]) -> None:
        columns = {letter: hexes(column) for letter, column in zip("xyz", zip(*rows))}
        out.append(case(name, flags, note, "arithmetic", operation=operation, **columns))

    near, square = add(ONE, power(-30)), add(ONE, power(-29))
    products = [(a, b, neg(mul(a, b))) for a, b in zip(draw.row(6), draw.row(6))]
    note = "x*y + z in two roundings, each: a fused multiply-add leaves the product's rounding error"
    operations("fused", "fused", note, "multiply_add", (near, near, neg(square)), *products)
    operations("dense", "fused single", "ordinary values", "multiply_add", *zip(*(draw.row(12) for _ in "xyz")))
    large, half_ulp = integer(10**16), power(-53)
    double = [(ONE, add(half_ulp, power(-70)), ZERO), (add(ONE, power(-52)), sub(half_ulp, power(-70)), ZERO)]
    note = "x + y rounded before z is subtracted: a wider register keeps what is lost, or rounds twice"
    operations("excess", "excess", note, "add_subtract", (large, ONE, large), (power(53), ONE, power(53)), *double)
    note = "halves go to the even neighbour"
    halves = [(ONE, half_ulp, ZERO), (ONE + 1, half_ulp, ZERO), (ONE, mul(integer(3), half_ulp), ZERO)]
    operations("ties", "ties", note, "add_subtract", *halves, *((neg(a), neg(b), ZERO) for a, b, _ in halves))
    smallest = [(TINY, HALF, ZERO), (TINY, number(3, 4), ZERO), (NORMAL, HALF, ZERO), (NORMAL - 1, ONE, ZERO)]
    small = [(power(-537), power(-537), ZERO), (power(-600), mul(integer(3), power(-470)), TINY)]
    note = "products below 2^-1022: rounded once, not flushed to zero"
    operations("subnormal-products", "subnormal ties", note, "multiply_add", *smallest, *small)
    note = "sums and differences below 2^-1022 are exact"
    terms = [(NORMAL, ZERO, NORMAL - 1), (NORMAL, TINY, NORMAL), (TINY, TINY, NEG_ZERO)]
    operations("subnormal-sums", "subnormal", note, "add_subtract", *terms)
    tail = [(draw.within(power(-1000)), draw.within(power(60))) for _ in range(8)]
    note = "quotients below 2^-1022, where some software division rounds twice"
    fractions = [(NORMAL, integer(3)), (TINY, TWO), (integer(3), power(1023)), (NORMAL - 1, ONE - 1), *tail]
    operations("subnormal-quotients", "subnormal", note, "divide", *fractions)
    pairs = [(ONE, integer(3)), (TWO, integer(3)), (integer(10), integer(7)), (ONE, ONE - 1), (ONE, ONE + 1)]
    operations("quotients", "excess single", "ordinary quotients", "divide", *pairs, *zip(draw.row(8), draw.row(8)))
    zeros = [(ZERO, ONE, NEG_ZERO), (neg(ONE), ZERO, NEG_ZERO), (neg(ONE), ZERO, ZERO), (TINY, neg(TINY), NEG_ZERO)]
    operations("zeros", "signed-zero", "the signs of zeros", "multiply_add", *zeros)
    extremes = [(MAX, TWO, neg(MAX)), (MAX, TWO, neg(INF)), (INF, ZERO, ONE), (ONE, MAX, power(970)), (NAN, ONE, ONE)]
    operations("extremes", "overflow nan", "overflow, infinities and NaN go on", "multiply_add", *extremes)
    zero_divided = [(ONE, ZERO), (ONE, NEG_ZERO), (ZERO, ZERO), (ZERO, neg(ONE)), (INF, INF), (ONE, neg(INF))]
    operations("zero-divisors", "overflow nan signed-zero", "no trap", "divide", *zero_divided)
    roots = [[v] for v in (TWO, integer(3), div(integer(6), integer(5)), ZERO, NEG_ZERO, TINY, NORMAL - 1, MAX, INF)]
    operations("roots", "subnormal", "square roots, each rounded once (§9)", "square_root", *roots)
    return out


# --- activations -----------------------------------------------------------------------------------------------------


def telling(name: str, place: str) -> Row:
    """Up to 12 drawn inputs at which the mistake changes the result; some change it at one input in thousands only."""
    draw, inputs = Draw(111), []
    for _ in range(20000):
        x = draw.within(integer(6))
        if mistakes.activation(name, x, place) != o.activation(name, x):
            inputs.append(x)
            if len(inputs) == 12:
                break
    return inputs


def ties() -> Row:
    """Each t whose product with LOG2E is half an odd integer, so that k is rounded to even, and its neighbours."""
    out: Row = []
    for n in [*range(58), 99, 100, 255, 256, 511, 512, 700, 701, 1019, 1020]:
        middle = add(integer(n), HALF)
        near = div(middle, o.LOG2E)
        for t in range(near - 2, near + 3):
            if mul(t, o.LOG2E) == middle:
                out += [t - 1, t, t + 1]
    return out


def xs_tied(name: str, tied: Sequence[int]) -> Row:
    """The inputs at which an activation splits these t, in both signs by turns."""
    return [mul(t, HALF) if name == "tanh" else neg(t) if i % 2 else t for i, t in enumerate(tied)]


def around(values: Sequence[int]) -> Row:
    """Each value with its neighbours, in both signs."""
    return [v + step | sign for v in values for step in (-1, 0, 1) for sign in (0, SIGN)]


def activation_cases() -> list[Case]:
    """Values of the activations, and slopes from these (§2)."""
    draw = Draw(101)
    small = [TINY, 2, 0xDEADBEEF, NORMAL - 1, NORMAL, NORMAL + 1, power(-600), power(-54), power(-53), power(-27)]
    large = [HALF, ONE - 1, ONE, ONE + 1, TWO, power(52), power(53), power(600), power(1023), MAX - 1, MAX, INF]
    edges = [v | sign for v in [ZERO, *small, *large] for sign in (0, SIGN)] + [NAN]
    limits = around([integer(n) for n in (20, 40, 354, 708, 709, 710, 745, 746, 1000)])
    tied = ties()
    low = [mul(draw.within(ONE), power(-e)) for e in range(1, 61)]
    dense = draw.row(70) + draw.row(70, integer(8)) + draw.row(30, integer(20))
    dense += draw.row(20, integer(710)) + low
    out = [case("constants", "constant", "every digit of the constants (§2)", "constants")]

    def values(name: str, kind: str, flags: str, note: str, xs: Sequence[int]) -> None:
        out.append(case(f"{name}-{kind}", flags, note, "activation", activation=name, x=hexes(xs)))

    for name in ACTIVATIONS:
        note = "signed zeros, subnormals, extremes, infinities, NaN (§1.3, §1.5)"
        values(name, "edges", "signed-zero subnormal overflow nan", note, edges)
    for name in ("sigmoid", "tanh"):
        note = "ordinary values, and small ones of every size: any difference of formula or order"
        values(name, "dense", "libm fused polynomial single", note, dense)
        values(
            name, "clamp", "clamp", "the limits of the clamp and of exp's range, with their neighbours (§1.6)", limits
        )
        note = "t*LOG2E half an odd integer, and next to it: k is rounded to even from the rounded product"
        values(name, "ties", "ties", note, xs_tied(name, tied))
        for place, flags, what in (
            ("c", "fused", "a fused c"),
            ("horner", "polynomial", "c by Horner's rule"),
            ("end", "fused", "a fused last line"),
        ):
            xs = telling(name, place)
            if xs:
                values(name, f"mistake-{place}", flags, f"{what} gives other bits at each x (§1.2)", xs)
        xs = [x for x in xs_tied(name, tied) if mistakes.activation(name, x, "k") != o.activation(name, x)]
        values(name, "mistake-k", "fused", "a fused k gives other bits at each x: the contraction probe (§1.2)", xs)
    for name, text in (("sigmoid", "0x1.b2f56e785b8cp+0"), ("tanh", "-0x1.0c5c71e33188p-1")):
        x = o.hexfloat(text)
        assert mistakes.activation(name, x, "c1") != o.activation(name, x)
        note = "P1 + z*P2 alone fused, which shows at one input in millions"
        values(name, "mistake-c1", "fused", note, [x])
    values("relu", "dense", "libm", "ordinary values", dense[60:120])
    values("identity", "dense", "libm", "ordinary values", dense[60:120])
    return out


# --- generator, initial parameters, data -----------------------------------------------------------------------------

SEEDS = (0, 1, 2**32 - 1, 2**32, 2**64 - 1)


def generator_cases() -> list[Case]:
    """Raw draws of the three streams (§9)."""
    out = []
    bounds = [1, 2, 3, 4, 5, 7, 8, 10, 16, 21, 100, 2**16, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1, 1, 6]
    for stream in range(3):
        for seed in SEEDS:
            given = {"seed": f"{seed:016x}", "stream": stream}
            long = seed == 1 and not stream
            note = "random(); the words of the seed" + (", and the state's renewal after 624 outputs" * long)
            out.append(
                case(f"random-{stream}-{seed}", "seed-words", note, "random", **given, count=700 if long else 12)
            )
            note = "randbelow(n): rejection, bit length of n itself, powers of two, 1"
            out.append(case(f"below-{stream}-{seed}", "rejection", note, "randbelow", **given, n=bounds * 2))
    return out


def init_cases() -> list[Case]:
    """Initial parameters (§3, §9)."""
    out = []
    for sizes in ([1, 1], [2, 1], [2, 4, 4, 1], [3, 5, 2]):
        for bias in (False, True):
            for init in INITS:
                for seed in SEEDS if sizes == [2, 1] else (0, 2**64 - 1) if bias else (1, 12345):
                    name = "-".join(map(str, sizes)) + ("-bias" if bias else "")
                    given = {"sizes": sizes, "bias": bias, "init": init, "seed": f"{seed:016x}"}
                    note = "order of the draws; biases are +0.0 and not drawn"
                    out.append(case(f"{init}-{name}-{seed}", "seed-words layout", note, "init", **given))
    return out


def data_cases() -> list[Case]:
    """The two data sets (§10)."""
    out = []
    for n, seed in ((1, 0), (50, 0), (10, 1), (10, 2**32), (10, 2**64 - 1)):
        given = {"kind": "linear", "n": n, "seed": f"{seed:016x}"}
        out.append(
            case(f"linear-{n}-{seed}", "seed-words layout", "stream, order of the draws, label", "data", **given)
        )
    return [*out, case("xor", "libm", "0.1*i is a product, not a sum or a quotient", "data", kind="xor")]


# --- networks --------------------------------------------------------------------------------------------------------


def forward_cases() -> list[Case]:
    """Pre-activations and outputs of every layer, for one row (§4)."""
    out: list[Case] = []
    draw = Draw(201)

    def row(name: str, flags: str, note: str, net: Net, parameters: Sequence[int], values: Sequence[int]) -> None:
        out.append(case(name, flags, note, "forward", **fields_of(net, parameters), input=hexes(values)))

    def drawn(name: str, flags: str, note: str, sizes: list[int], names: list[str], bias: bool) -> None:
        net = Net(sizes, names, bias)
        row(name, flags, note, net, draw.parameters(net), draw.row(sizes[0]))

    for bias in (False, True):
        end = "-bias" if bias else ""
        for name in ACTIVATIONS:
            drawn(f"one-{name}{end}", "libm fused", "the smallest network", [1, 1], [name], bias)
            note = "order of the sum, layout of the weights"
            drawn(f"{name}{end}", "node-order layout fused", note, [3, 5, 4, 2], [name] * 3, bias)
        note = "an activation for each layer"
        drawn(f"mixed{end}", "layout", note, [4, 6, 5, 3], ["tanh", "relu", "sigmoid"], bias)
        drawn(f"wide-input{end}", "node-order fused", "a long sum, in order", [67, 3], ["identity"], bias)
        note = "more outputs than any vector width"
        drawn(f"wide-hidden{end}", "node-order", note, [2, 37, 1], ["tanh", "identity"], bias)
        drawn(f"deep{end}", "layout", "many layers", [2] * 9, ["sigmoid", "tanh"] * 4, bias)
    line, relu = ["identity"], ["relu"]
    x, y = draw.row(2)
    row("fused", "fused", "exactly zero by two roundings, not by one", Net([2, 1], line, False), [x, neg(y)], [y, x])
    big = power(53)
    order = Net([4, 1], line, True)
    note = "another order of the sum loses other ones"
    row("order", "node-order", note, order, [ONE, ONE, neg(big), ONE, big], [ONE] * 4)
    for name in ("identity", "relu"):
        net = Net([1, 1], [name], False)
        note = "no bias: starts with the product, -0.0"
        row(f"negative-zero-{name}", "signed-zero", note, net, [neg(ONE)], [ZERO])
    row("zero-bias", "signed-zero", "+0.0 + -0.0 is +0.0", Net([1, 1], line, True), [neg(ONE), ZERO], [ZERO])
    note = "-0.0 + -0.0 is -0.0"
    row("negative-zero-bias", "signed-zero", note, Net([1, 1], line, True), [neg(ONE), NEG_ZERO], [ZERO])
    tiny = [power(-540), number(3, 1 << 30), TINY]
    net = Net([3, 1], line, False)
    row("subnormal", "subnormal", "products and sums below 2^-1022", net, [power(-530), 12345, HALF], tiny)
    row("overflow", "overflow", "infinite although the exact sum is not", net, [MAX, MAX, neg(MAX)], [ONE] * 3)
    net = Net([2, 1], ["sigmoid"], False)
    row("inf-minus-inf", "overflow nan", "infinity - infinity", net, [MAX, neg(MAX)], [TWO, TWO])
    row("inf-times-zero", "overflow nan", "0.0 is not skipped", Net([2, 1], relu, True), [INF, ONE, ZERO], [ZERO, ONE])
    for name in ACTIVATIONS:
        net = Net([2, 2, 1], [name, "identity"], True)
        start = [ONE, neg(ONE), HALF, HALF, ZERO, ZERO, ONE, TWO, ZERO]
        for value, label in ((INF, "inf"), (neg(INF), "minus-inf"), (NAN, "nan")):
            row(f"{label}-{name}", "overflow nan", "a non-finite input goes through", net, start, [value, ONE])
    drawn("wider-input", "node-order", "a sum longer than any block", [257, 2], ["identity"], True)
    return out


def gradient_cases() -> list[Case]:
    """Gradients and loss figures of few rows, all of them one batch (§5, §7)."""
    draw = Draw(301)
    out = []
    for bias in (False, True):
        end = "-bias" if bias else ""
        for name in ACTIVATIONS:
            note = "one row: deltas and contributions alone"
            net = Net([2, 3, 1], [name] * 2, bias)
            out.append(batch_drawn(draw, f"row-{name}{end}", "fused layout", note, net, 1, "half_sse"))
            for loss in LOSSES:
                net = Net([3, 4, 2], [name] * 2, bias)
                identifier = f"{name}-{loss}{end}"
                out.append(
                    batch_drawn(draw, identifier, "scale layout row-order", "scale, slope, layout", net, 5, loss)
                )
        for outputs in (1, 3, 7, 20):
            net = Net([3, 5, outputs], ["tanh", "sigmoid"], bias)
            note = "sums over the outputs, in order"
            out.append(batch_drawn(draw, f"outputs-{outputs}{end}", "node-order scale row-order", note, net, 3, "mse"))
        net = Net([2, 3, 4, 3, 2], ["tanh", "relu"] * 2, bias)
        out.append(batch_drawn(draw, f"deep{end}", "layout row-order", "deltas through many layers", net, 4, "sse"))
    one = Net([1, 1], ["identity"], False)
    net = Net([2, 2, 1], ["relu", "identity"], True)
    dead = [ONE, ONE, ONE, ONE, integer(-9), integer(-9), ONE, ONE, ZERO]
    note = "contributions of -0.0 sum to +0.0"
    out.append(batch("dead-relu", "signed-zero", note, net, dead, [[ONE, ONE]] * 3, [[ONE]] * 3))
    net = Net([1, 1, 1], ["sigmoid", "identity"], False)
    steep = [integer(99), power(900)]
    note = "an infinite sum times a slope of 0.0 is a NaN"
    out.append(batch("inf-slope", "overflow nan", note, net, steep, [[ONE]], [[ZERO]]))
    note = "a NaN goes everywhere it is a term"
    out.append(batch("nan-target", "nan", note, net, [ONE, ONE], [[ONE], [TWO]], [[NAN], [ZERO]]))
    out.append(batch("inf-input", "overflow nan", "infinity times 0.0", net, [ONE, ONE], [[INF], [ZERO]], [[ZERO]] * 2))
    for loss in LOSSES:
        rows = [[power(-537)], [mul(integer(3), power(-538))], [power(-1040)]]
        note = "squares and figures below 2^-1022"
        out.append(batch(f"subnormal-{loss}", "subnormal scale", note, one, [ONE], rows, [[ZERO]] * 3, loss))
        rows = [[power(511)]] * 9 + [[power(512)]]
        note = "the squares overflow"
        out.append(batch(f"overflow-{loss}", "overflow scale", note, one, [ONE], rows, [[ZERO]] * 10, loss))
        rows = [[power(510)]] * 4 + [[mul(integer(3), power(510))]]
        note = "halved or divided after the sum"
        out.append(batch(f"near-overflow-{loss}", "overflow scale", note, one, [ONE], rows, [[ZERO]] * 5, loss))
    for count, outputs in ((5, 7), (9, 5), (10, 7)):
        for loss in ("half_mse", "mse"):
            note = "one division by rows*outputs, not two"
            net = Net([1, outputs], ["sigmoid"], False)
            out.append(batch_drawn(draw, f"scale-{count}-{outputs}-{loss}", "scale", note, net, count, loss))
    net = Net([17, 19, 9], ["tanh", "sigmoid"], True)
    note = "layers wider than any vector"
    out.append(batch_drawn(draw, "wide", "node-order layout", note, net, 2, "sse"))
    net = Net([2, 3, 40], ["sigmoid", "tanh"], False)
    out.append(batch_drawn(draw, "outputs-40", "node-order", "long sums over the outputs", net, 2, "sse"))
    net = Net([2, 3, 2, 3, 2, 3, 2, 1], ["tanh", "sigmoid", "identity"] * 2 + ["tanh"], True)
    out.append(batch_drawn(draw, "deeper", "layout", "deltas through eight layers", net, 3, "half_mse"))
    return out


def lane_cases() -> list[Case]:
    """Sums over the rows of a batch: eight lanes, and their tree (§6)."""
    draw = Draw(351)
    out = []
    for count in range(1, 18):
        net = Net([2, 3, 2], ["tanh", "sigmoid"], count % 2 == 1)
        note = "lanes, and a last block of any length"
        out.append(batch_drawn(draw, f"rows-{count}", "row-order", note, net, count, LOSSES[count % 4]))
    net = Net([1, 2, 1], ["sigmoid", "tanh"], True)
    out.append(batch_drawn(draw, "rows-100", "row-order", "many blocks", net, 100, "half_mse"))
    one = Net([1, 1], ["identity"], False)
    big = power(53)
    for shift in range(8):
        values = [ONE, big, neg(ONE), neg(big), HALF, integer(3), neg(TWO), number(1, 3)]
        rows = [[v] for v in values[shift:] + values[:shift]] * 2
        note = "1.0 lost beside 2^53 or not: which lanes are added to which"
        out.append(batch(f"tree-{shift}", "row-order", note, one, [ZERO], rows, [[ONE]] * 16))
    net = Net([1, 2, 1], ["tanh", "sigmoid"], False)
    out.append(batch_drawn(draw, "rows-257", "row-order", "the same lanes for all rows of a batch", net, 257, "sse"))
    return out


XOR = o.xor()
TENTH = number(1, 10)


def odd_network(draw: Draw) -> tuple[Net, Row]:
    """A network with a different activation in each layer, and its parameters."""
    net = Net([2, 4, 3, 1], ["tanh", "relu", "sigmoid"], True)
    return net, draw.parameters(net)


def step_cases() -> list[Case]:
    """Trainings by the full batch: 1, 2, 3 and 100 steps (§7, §8)."""
    draw = Draw(405)  # one of those with no dead relu: every parameter moves
    out = []
    for bias in (False, True):
        report = Net([2, 4, 4, 1], ["sigmoid"] * 3, bias)
        start = o.initial_parameters(report.sizes, bias, "normal", 0)
        for epochs in (1, 2, 3, 100):
            name = f"xor-{epochs}" + ("-bias" if bias else "")
            note = "full batch, rate 1: the lab report's rule"
            out.append(training(name, "row-order", note, report, start, XOR, epochs, ONE))
    net, start = odd_network(draw)
    for loss in LOSSES:
        note = "the loss scales the step; logged is the squared error all the same"
        out.append(training(f"{loss}-all", "scale", note, net, start, XOR, 4, number(3, 7), loss))
    for name in ACTIVATIONS:
        wide = Net([2, 3, 3], [name, "identity"], name != "tanh")
        data = (draw.rows(11, 2), draw.rows(11, 3))
        rate = number(1, 3)
        note = "several outputs"
        out.append(training(f"outputs-{name}", "layout", note, wide, draw.parameters(wide), data, 4, rate, "half_mse"))
    net, start = odd_network(draw)
    out.append(training("epochs-0", "layout", "no epochs: nothing changes", net, start, XOR, 0, ONE))
    wide = Net([17, 19, 9], ["tanh", "sigmoid"], True)
    data = (draw.rows(3, 17), draw.rows(3, 9))
    note = "layers wider than any vector"
    out.append(training("wide", "layout node-order", note, wide, draw.parameters(wide), data, 2, TENTH, "sse"))
    return out


def three_outputs(draw: Draw) -> tuple[Net, Row, tuple[Rows, Rows]]:
    """A network with three outputs, its parameters, and 11 rows."""
    net = Net([2, 4, 3], ["tanh", "sigmoid"], True)
    return net, draw.parameters(net), (draw.rows(11, 2), draw.rows(11, 3))


def batch_cases() -> list[Case]:
    """Trainings by mini-batches, the last one short, in the order of the rows (§8)."""
    net, start = odd_network(Draw(452))  # with no dead relu
    out = []
    for size in (1, 2, 4, 7, 8, 10, 20, 21, 22, 1000):
        note = "a step after each batch; a size of 21 rows or more is the full batch"
        data = (net, start, XOR, 3, TENTH, "half_sse", size)
        out.append(training(f"batch-{size}", "short-batch row-order", note, *data))
    for loss in LOSSES:
        note = "scale of each batch by its own number of rows"
        data = (net, start, XOR, 4, number(3, 7), loss, 8)
        out.append(training(f"{loss}-8", "short-batch scale", note, *data))
    net, start, few = three_outputs(Draw(461))
    for loss in LOSSES:
        note = "several outputs, and a short last batch"
        given = (net, start, few, 3, number(3, 7), loss, 4)
        out.append(training(f"outputs-{loss}", "short-batch scale", note, *given))
    return out


def shuffle_cases() -> list[Case]:
    """Trainings with the rows shuffled before each epoch (§8, §9)."""
    net, start = odd_network(Draw(471))
    out = []
    for size in (1, 2, 4, 7, 8, 10, 20, 21, 22, 1000):
        note = "shuffled before each epoch, the order kept between"
        data = (net, start, XOR, 3, TENTH, "half_sse", size, size)
        out.append(training(f"batch-{size}-shuffled", "shuffle short-batch", note, *data))
    for loss in LOSSES:
        note = "scale of each batch by its own number of rows, in another order"
        given = (net, start, XOR, 4, number(3, 7), loss, 8, 1)
        out.append(training(f"{loss}-8-shuffled", "shuffle short-batch scale", note, *given))
    for seed in SEEDS:
        note = "stream of the shuffling"
        data = (net, start, XOR, 3, TENTH, "sse", 5, seed)
        out.append(training(f"shuffle-{seed}", "shuffle seed-words", note, *data))
    note = "full batch, unlike the other of the pair: the order reaches the lanes"
    out.append(training("shuffle-none", "row-order", note, net, start, XOR, 20, ONE))
    out.append(training("shuffle-all", "shuffle row-order", note, net, start, XOR, 20, ONE, "half_sse", None, 3))
    rows = (XOR[0][3:4], XOR[1][3:4])
    out.append(training("one-row", "shuffle", "nothing to shuffle", net, start, rows, 3, TENTH, "mse", None, 1))
    small = Net([2, 1], ["sigmoid"], True)
    uniform = o.initial_parameters([2, 1], True, "uniform", 5)
    data = (small, uniform, o.linear(40, 5), 5, HALF, "half_sse", 1, 5)
    out.append(training("linear", "shuffle", "online on the separable set", *data))
    net, start, few = three_outputs(Draw(481))
    for loss in LOSSES:
        note = "several outputs, and a short last batch"
        options = (3, number(3, 7), loss, 4, 2)
        out.append(training(f"outputs-{loss}-shuffled", "shuffle short-batch scale", note, net, start, few, *options))
    draw = Draw(491)
    many = (draw.rows(300, 1), draw.rows(300, 1))
    net = Net([1, 1], ["tanh"], True)
    start = draw.parameters(net)
    note = "indices of nine bits"
    out.append(training("rows-300", "shuffle rejection", note, net, start, many, 2, TENTH, "half_sse", 7, 9))
    return out


def divergence_cases() -> list[Case]:
    """Trainings in which the squared error, a parameter, or both cease to be finite, and some that come near (§8)."""
    out: list[Case] = []
    rows, labels = XOR

    def ends(*arguments: Any, flags: str = "divergence overflow") -> None:
        out.append(training(arguments[0], flags, *arguments[1:]))

    small = Net([2, 1], ["sigmoid"], True)
    line = Net([1, 1], ["identity"], False)
    deep = Net([2, 3, 1], ["identity", "identity"], True)
    start = o.initial_parameters(deep.sizes, True, "uniform", 1)
    back = "diverges: back to the start of that epoch"
    ends("diverge-later", back, deep, start, XOR, 60, TENTH, "sse")
    ends("diverge-batches", back + ", not of the batch", deep, start, XOR, 60, number(1, 3), "sse", 4, 2)
    ends("diverge-first", back + ", the first", deep, start, XOR, 5, power(1000), "half_sse", 4, None)
    ends("diverge-slow", back, line, [HALF], ([[TWO]], [[integer(3)]]), 400, integer(8))
    note = "the squared error overflows, the parameters stay finite"
    ends("diverge-error", note, line, [power(600)], ([[ONE]], [[ZERO]]), 3, power(-700))
    note = "only the epoch's sum over the batches overflows"
    large = [mul(number(5, 4), power(511))]
    ends("diverge-error-sum", note, line, large, ([[ONE]] * 3, [[ZERO]] * 3), 2, TINY, "sse", 1)
    note = "the last step overflows a parameter, the squared error is finite"
    ends("diverge-parameter", note, line, [power(500)], ([[ONE]], [[ZERO]]), 3, power(600))
    ends("infinite-start", "an infinite parameter at the start", line, [INF], ([[ZERO]], [[ZERO]]), 3, ONE)
    flags = "divergence nan"
    ends("nan-start", "a NaN at the start", small, [ONE, NAN, ZERO], (rows[:3], labels[:3]), 3, ONE, flags=flags)
    saturated = Net([1, 1], ["sigmoid"], True)
    note = "rate*g overflows only where g is not 0.0; huge but finite parameters go on"
    ends("huge-finite", note, saturated, [ZERO, ZERO], ([[ONE], [TWO]], [[ONE], [ONE]]), 4, power(1000))
    note = "-0.0 - 0.0 is -0.0"
    ends("negative-zero", note, line, [NEG_ZERO], ([[ZERO]], [[ONE]]), 2, ONE, flags="signed-zero")
    note = "-0.0 - 0.0*g is +0.0 for a g below 0: the step is made also where the rate is 0.0"
    ends("rate-zero", note, line, [NEG_ZERO], ([[ONE]], [[ONE]]), 1, ZERO, flags="signed-zero")
    note = "g underflows to -0.0, and -0.0 - -0.0 is +0.0: the step is made also where g is zero"
    data = ([[TINY], [TINY]], [[ONE], [ZERO]])
    ends("gradient-zero", note, line, [NEG_ZERO], data, 1, ONE, "half_mse", flags="signed-zero")
    note = "rate*g below 2^-1022"
    data = ([[ONE]], [[ZERO]])
    ends("subnormal-step", note, line, [3 * NORMAL // 2], data, 4, number(1, 3), "mse", flags="subnormal")
    return out


def bytes_cases() -> list[Case]:
    """Model bytes and fingerprints (§11)."""
    out: list[Case] = []
    draw = Draw(501)

    def model(name: str, flags: str, note: str, net: Net, parameters: Sequence[int]) -> None:
        fields = fields_of(net, parameters)
        fields["parameters"] = [f"{w:016x}" for w in parameters]  # as given, so that a NaN keeps its payload here
        out.append(case(name, flags, note, "model_bytes", **fields))

    for bias in (False, True):
        for sizes, names in (
            ([1, 1], ["identity"]),
            ([2, 4, 4, 1], ["sigmoid"] * 3),
            ([3, 2, 2, 2, 2], ["relu", "tanh", "identity", "sigmoid"]),
            ([70, 1], ["tanh"]),
        ):
            net = Net(sizes, names, bias)
            name = "-".join(map(str, sizes)) + ("-bias" if bias else "")
            model(name, "layout", "layout, flags, numbers of the activations", net, draw.parameters(net))
    special = [ZERO, NEG_ZERO, TINY, TINY | SIGN, MAX, MAX | SIGN, INF, INF | SIGN]
    model("special", "signed-zero subnormal", "patterns kept as they are", Net([8, 1], ["relu"], False), special)
    payloads = [NAN, NAN | SIGN, NAN + 0x123, INF + 1, (INF + 1) | SIGN, (1 << 64) - 1]
    note = "any NaN is written as 7ff8000000000000; `parameters` holds other payloads here, on purpose"
    model("nan", "nan", note, Net([5, 1], ["tanh"], True), payloads)
    for sizes in ([1, 3], [1, 4], [300, 1]):
        net = Net(sizes, ["sigmoid"], False)
        note = "sizes of two bytes; the padding of SHA-256 at every length modulo 64 that there is"
        model("-".join(map(str, sizes)), "layout", note, net, draw.parameters(net))
    return out
