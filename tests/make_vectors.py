# SPDX-License-Identifier: MIT
"""Write the golden vectors: tests/vectors/*.json and tests/c/vectors.h.

    python tests/make_vectors.py            writes the files
    python tests/make_vectors.py --check    compares them with what would be written; exit status 1 where they differ

Everything comes from oracle.py, the contract (docs/contract.md) by exact integers, and nothing from the implementations
under test. Inputs that are "drawn" come from the contract's generator with a fixed seed, so the output never changes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import oracle as o
from oracle import HALF, INF, NAN, ONE, SIGN, TWO, ZERO, Net, Row, Rows, add, div, integer, mul, neg, sub

Case = dict[str, Any]
HERE = Path(__file__).resolve().parent
COMMAND = "python tests/make_vectors.py"
MAX = INF - 1  # the largest finite number
TINY = 1  # the smallest subnormal
NORMAL = 1 << 52  # the smallest normal
NEG_ZERO = SIGN


def number(numerator: int, denominator: int = 1) -> int:
    """The binary64 nearest to a quotient of small integers."""
    return div(integer(numerator), integer(denominator))


def power(exponent: int) -> int:
    """2**exponent."""
    return o.rounded(0, 1, exponent)


def hexes(values: Sequence[int]) -> list[str]:
    """Patterns as they stand in the files: 16 digits, any NaN canonical (§1.5)."""
    return [f"{o.canonical(v):016x}" for v in values]


def grid(rows: Rows) -> list[list[str]]:
    """Rows of patterns as they stand in the files."""
    return [hexes(row) for row in rows]


class Draw(o.Generator):
    """Inputs drawn reproducibly."""

    def within(self, limit: int) -> int:
        """A number in [-limit, limit)."""
        return mul(sub(mul(TWO, self.random()), ONE), limit)

    def row(self, n: int, limit: int = ONE) -> Row:
        """A row of n numbers in [-limit, limit)."""
        return [self.within(limit) for _ in range(n)]

    def rows(self, count: int, n: int, limit: int = ONE) -> list[Row]:
        """So many rows of n numbers."""
        return [self.row(n, limit) for _ in range(count)]

    def parameters(self, net: Net, limit: int = TWO) -> Row:
        """Parameters for a network, the biases drawn as well."""
        return self.row(net.parameter_count(), limit)


# --- activations -----------------------------------------------------------------------------------------------------


def fma(a: int, b: int, c: int) -> int:
    """a*b + c in one rounding, for finite numbers: what an implementation must not do (§1.2)."""
    (ma, ea), (mb, eb), (mc, ec) = o.parts(a), o.parts(b), o.parts(c)
    e = min(ea + eb, ec)
    product = (ma * mb) << (ea + eb - e)
    total = (-product if (a ^ b) & SIGN else product) + ((-mc if c & SIGN else mc) << (ec - e))
    return o.rounded(SIGN if total < 0 else 0, abs(total), e)


def mistaken(name: str, x: int, place: str) -> int:
    """Sigmoid or tanh with the multiply-adds of one place fused, or with c by Horner's rule."""

    def step(here: str, a: int, b: int, c: int) -> int:
        return fma(a, b, c) if here == place else add(c, mul(a, b))

    t = neg(x) if name == "sigmoid" else mul(TWO, x)
    k = sub(step("k", t, o.LOG2E, o.MAGIC), o.MAGIC)
    r = sub(sub(t, mul(k, o.LN2_HI)), mul(k, o.LN2_LO))
    z = mul(r, r)
    w = mul(z, z)
    inner = step("c", w, o.P5, step("c", z, o.P4, o.P3))
    c = step("c", z, step("c", w, inner, step("c", z, o.P2, o.P1)), TWO)
    if place == "horner":
        c = o.P5
        for coefficient in (o.P4, o.P3, o.P2, o.P1, TWO):
            c = add(coefficient, mul(z, c))
    s = o.power_of_two(k)
    if name == "sigmoid":
        return div(sub(c, r), add(sub(c, r), mul(add(c, r), s)))
    p, q = sub(s, ONE), add(s, ONE)
    return div(step("end", q, r, mul(p, c)), step("end", p, r, mul(q, c)))


def telling(name: str, place: str) -> Row:
    """Up to 12 drawn inputs at which the mistake shows in the result; some show at one input in thousands only."""
    draw, found = Draw(111), []
    for _ in range(20000):
        x = draw.within(integer(6))
        if mistaken(name, x, place) != o.activation(name, x):
            found.append(x)
            if len(found) == 12:
                break
    return found


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
    """Values of the activations and slopes (§2)."""
    draw = Draw(101)
    small = [TINY, 2, 0xDEADBEEF, NORMAL - 1, NORMAL, NORMAL + 1, power(-600), power(-54), power(-53), power(-27)]
    large = [HALF, ONE - 1, ONE, ONE + 1, TWO, power(52), power(53), power(600), power(1023), MAX - 1, MAX, INF]
    edges = [v | sign for v in [ZERO, *small, *large] for sign in (0, SIGN)] + [NAN]
    limits = around([integer(n) for n in (20, 40, 354, 708, 709, 710, 745, 746, 1000)])
    tied = ties()
    low = [mul(draw.within(ONE), power(-e)) for e in range(1, 61)]
    dense = draw.row(70) + draw.row(70, integer(8)) + draw.row(30, integer(20))
    dense += draw.row(20, integer(710)) + low
    out = []

    def case(name: str, kind: str, note: str, xs: Sequence[int]) -> None:
        ys = [o.activation(name, x) for x in xs]
        slopes = [o.slope(name, y) for y in ys]
        fields = {"activation": name, "x": hexes(xs), "y": hexes(ys), "slope": hexes(slopes)}
        out.append({"id": f"{name}-{kind}", "note": note, **fields})

    for name in o.ACTIVATIONS:
        case(name, "edges", "signed zeros, subnormals, extremes, infinities, NaN (§1.3, §1.5)", edges)
    for name in ("sigmoid", "tanh"):
        case(name, "clamp", "the limits of the clamp and of exp's range, with their neighbours (§1.6)", limits)
        note = "t*LOG2E half an odd integer, and next to it: k is rounded to even from the rounded product"
        case(name, "ties", note, xs_tied(name, tied))
        case(name, "dense", "ordinary values, and small ones of every size: any difference of formula or order", dense)
        for place, what in (("c", "a fused c"), ("horner", "c by Horner's rule"), ("end", "a fused last line")):
            xs = telling(name, place)
            if xs:
                case(name, f"mistake-{place}", f"{what} gives other bits at each x (§1.2)", xs)
        xs = [x for x in xs_tied(name, tied) if mistaken(name, x, "k") != o.activation(name, x)]
        case(name, "mistake-k", "a fused k gives other bits at each x (§1.2)", xs)
    case("relu", "dense", "ordinary values", dense[60:120])
    case("identity", "dense", "ordinary values", dense[60:120])
    return out


# --- generator, initial parameters, data -----------------------------------------------------------------------------

SEEDS = (0, 1, 2**32 - 1, 2**32, 2**64 - 1)


def generator_cases() -> list[Case]:
    """Raw draws (§9)."""
    out = []
    bounds = [1, 2, 3, 4, 5, 7, 8, 10, 16, 21, 100, 2**16, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1, 1, 6]
    for stream, offset in enumerate((0, o.DATA_STREAM, o.SHUFFLE_STREAM)):
        for seed in SEEDS:
            same = {"seed": str(offset + seed), "seed64": str(seed), "stream": stream}
            g = o.Generator(offset + seed)
            count = 700 if seed == 1 and not stream else 12
            note = "random(); the words of the seed" + (", and the state's renewal after 624 outputs" * (count > 12))
            values = hexes([g.random() for _ in range(count)])
            out.append({"id": f"random-{stream}-{seed}", "note": note, **same, "random": values})
            g = o.Generator(offset + seed)
            note = "randbelow(n): rejection, bit length of n itself, powers of two, 1"
            below = [[n, g.randbelow(n)] for n in bounds * 2]
            out.append({"id": f"below-{stream}-{seed}", "note": note, **same, "below": below})
    return out


def init_cases() -> list[Case]:
    """Initial parameters (§3, §9)."""
    out = []
    for sizes in ([1, 1], [2, 1], [2, 4, 4, 1], [3, 5, 2]):
        for bias in (False, True):
            for init in ("normal", "uniform", "glorot"):
                for seed in SEEDS if sizes == [2, 1] else (0, 2**64 - 1) if bias else (1, 12345):
                    name = "-".join(map(str, sizes)) + ("-bias" if bias else "")
                    case = {"id": f"{init}-{name}-{seed}", "note": "order of the draws; biases are +0.0 and not drawn"}
                    fields = {"sizes": sizes, "bias": bias, "init": init, "seed": seed}
                    out.append({**case, **fields, "parameters": hexes(o.initial_parameters(sizes, bias, init, seed))})
    return out


def data_cases() -> list[Case]:
    """The two data sets (§10)."""
    out = []
    for n, seed in ((1, 0), (50, 0), (10, 1), (10, 2**32), (10, 2**64 - 1)):
        rows, labels = o.linear(n, seed)
        case = {"id": f"linear-{n}-{seed}", "note": "stream, order of the draws, label", "kind": "linear", "n": n}
        out.append({**case, "seed": seed, "inputs": grid(rows), "targets": grid(labels)})
    rows, labels = o.xor()
    case = {"id": "xor", "note": "0.1*i is a product, not a sum or a quotient", "kind": "xor"}
    return [*out, {**case, "inputs": grid(rows), "targets": grid(labels)}]


# --- networks --------------------------------------------------------------------------------------------------------


def fields_of(net: Net, parameters: Sequence[int]) -> Case:
    """A network as it stands in a case."""
    same = {"sizes": list(net.sizes), "activations": list(net.activations), "bias": net.bias}
    return {**same, "parameters": hexes(parameters)}


def forward_cases() -> list[Case]:
    """Pre-activations and outputs (§4)."""
    out: list[Case] = []
    draw = Draw(201)

    def case(name: str, note: str, net: Net, parameters: Sequence[int], row: Sequence[int]) -> None:
        pre, outputs = o.forward(net, parameters, row)
        fields = {**fields_of(net, parameters), "input": hexes(row)}
        out.append({"id": name, "note": note, **fields, "preactivations": grid(pre), "outputs": grid(outputs)})

    def drawn(name: str, note: str, sizes: list[int], names: list[str], bias: bool) -> None:
        net = Net(sizes, names, bias)
        case(name, note, net, draw.parameters(net), draw.row(sizes[0]))

    for bias in (False, True):
        end = "-bias" if bias else ""
        for name in o.ACTIVATIONS:
            drawn(f"one-{name}{end}", "the smallest network", [1, 1], [name], bias)
            drawn(f"{name}{end}", "order of the sum, layout of the weights", [3, 5, 4, 2], [name] * 3, bias)
        drawn(f"mixed{end}", "an activation for each layer", [4, 6, 5, 3], ["tanh", "relu", "sigmoid"], bias)
        drawn(f"wide-input{end}", "a long sum, in order", [67, 3], ["identity"], bias)
        drawn(f"wide-hidden{end}", "more outputs than any vector width", [2, 37, 1], ["tanh", "identity"], bias)
        drawn(f"deep{end}", "many layers", [2] * 9, ["sigmoid", "tanh"] * 4, bias)
    line, relu = ["identity"], ["relu"]
    x, y = draw.row(2)
    case("fused", "exactly zero by two roundings, not by one", Net([2, 1], line, False), [x, neg(y)], [y, x])
    big = power(53)
    order = Net([4, 1], line, True)
    case("order", "another order of the sum loses other ones", order, [ONE, ONE, neg(big), ONE, big], [ONE] * 4)
    for name in ("identity", "relu"):
        net = Net([1, 1], [name], False)
        case(f"negative-zero-{name}", "no bias: starts with the product, -0.0", net, [neg(ONE)], [ZERO])
    case("zero-bias", "+0.0 + -0.0 is +0.0", Net([1, 1], line, True), [neg(ONE), ZERO], [ZERO])
    case("negative-zero-bias", "-0.0 + -0.0 is -0.0", Net([1, 1], line, True), [neg(ONE), NEG_ZERO], [ZERO])
    tiny = [power(-540), number(3, 1 << 30), TINY]
    case("subnormal", "products and sums below 2^-1022", Net([3, 1], line, False), [power(-530), 12345, HALF], tiny)
    huge = [MAX, MAX, neg(MAX)]
    case("overflow", "infinite although the exact sum is not", Net([3, 1], line, False), huge, [ONE] * 3)
    case("inf-minus-inf", "infinity - infinity", Net([2, 1], ["sigmoid"], False), [MAX, neg(MAX)], [TWO, TWO])
    case("inf-times-zero", "0.0 is not skipped", Net([2, 1], relu, True), [INF, ONE, ZERO], [ZERO, ONE])
    for name in o.ACTIVATIONS:
        net = Net([2, 2, 1], [name, "identity"], True)
        start = [ONE, neg(ONE), HALF, HALF, ZERO, ZERO, ONE, TWO, ZERO]
        for value, label in ((INF, "inf"), (neg(INF), "minus-inf"), (NAN, "nan")):
            case(f"{label}-{name}", "a non-finite input goes through", net, start, [value, ONE])
    return out


def gradient_cases() -> list[Case]:
    """Gradients and loss figures, all rows one batch (§5, §6, §7)."""
    out: list[Case] = []
    draw = Draw(301)

    def case(
        name: str, note: str, net: Net, parameters: Sequence[int], rows: Rows, targets: Rows, loss: str = "half_sse"
    ) -> None:
        g, sse = o.gradient(net, parameters, rows, targets, loss)
        fields = {**fields_of(net, parameters), "inputs": grid(rows), "targets": grid(targets), "loss": loss}
        value = o.figure(loss, sse, len(rows), net.sizes[-1])
        expected = {"gradient": hexes(g), "sse": hexes([sse])[0], "figure": hexes([value])[0]}
        out.append({"id": name, "note": note, **fields, **expected})

    def drawn(name: str, note: str, net: Net, count: int, loss: str) -> None:
        rows, targets = draw.rows(count, net.sizes[0]), draw.rows(count, net.sizes[-1])
        case(name, note, net, draw.parameters(net), rows, targets, loss)

    for bias in (False, True):
        end = "-bias" if bias else ""
        for name in o.ACTIVATIONS:
            for loss in o.LOSSES:
                drawn(f"{name}-{loss}{end}", "scale, slope, layout", Net([3, 4, 2], [name] * 2, bias), 5, loss)
        for outputs in (1, 3, 7, 20):
            net = Net([3, 5, outputs], ["tanh", "sigmoid"], bias)
            drawn(f"outputs-{outputs}{end}", "sums over the outputs, in order", net, 3, "mse")
        drawn(f"deep{end}", "deltas through many layers", Net([2, 3, 4, 3, 2], ["tanh", "relu"] * 2, bias), 4, "sse")
    for count in range(1, 18):
        net = Net([2, 3, 2], ["tanh", "sigmoid"], count % 2 == 1)
        drawn(f"rows-{count}", "lanes, and a last block of any length", net, count, o.LOSSES[count % 4])
    drawn("rows-100", "many blocks", Net([1, 2, 1], ["sigmoid", "tanh"], True), 100, "half_mse")
    one = Net([1, 1], ["identity"], False)
    big = power(53)
    for shift in range(8):
        values = [ONE, big, neg(ONE), neg(big), HALF, integer(3), neg(TWO), number(1, 3)]
        rows = [[v] for v in values[shift:] + values[:shift]] * 2
        note = "1.0 lost beside 2^53 or not: which lanes are added to which"
        case(f"tree-{shift}", note, one, [ZERO], rows, [[ONE]] * 16)
    net = Net([2, 2, 1], ["relu", "identity"], True)
    dead = [ONE, ONE, ONE, ONE, integer(-9), integer(-9), ONE, ONE, ZERO]
    case("dead-relu", "contributions of -0.0 sum to +0.0", net, dead, [[ONE, ONE]] * 3, [[ONE]] * 3)
    net = Net([1, 1, 1], ["sigmoid", "identity"], False)
    steep = [integer(99), power(900)]
    case("inf-slope", "an infinite sum times a slope of 0.0 is a NaN", net, steep, [[ONE]], [[ZERO]])
    case("nan-target", "a NaN goes everywhere it is a term", net, [ONE, ONE], [[ONE], [TWO]], [[NAN], [ZERO]])
    case("inf-input", "infinity times 0.0", net, [ONE, ONE], [[INF], [ZERO]], [[ZERO], [ZERO]])
    for loss in o.LOSSES:
        rows = [[power(-537)], [mul(integer(3), power(-538))], [power(-1040)]]
        case(f"subnormal-{loss}", "squares and figures below 2^-1022", one, [ONE], rows, [[ZERO]] * 3, loss)
        rows = [[power(511)]] * 9 + [[power(512)]]
        case(f"overflow-{loss}", "the squares overflow", one, [ONE], rows, [[ZERO]] * 10, loss)
        rows = [[power(510)]] * 4 + [[mul(integer(3), power(510))]]
        case(f"near-overflow-{loss}", "halved or divided after the sum", one, [ONE], rows, [[ZERO]] * 5, loss)
    return out


def train_case(
    name: str,
    note: str,
    net: Net,
    parameters: Sequence[int],
    data: tuple[Rows, Rows],
    epochs: int,
    rate: int,
    loss: str = "half_sse",
    batch_size: int | None = None,
    shuffle_seed: int | None = None,
) -> Case:
    """One training as a case."""
    sse, final, diverged = o.train(net, parameters, *data, epochs, rate, loss, batch_size, shuffle_seed)
    fields = {**fields_of(net, parameters), "inputs": grid(data[0]), "targets": grid(data[1]), "epochs": epochs}
    fields.update({"learning_rate": hexes([rate])[0], "batch_size": batch_size, "shuffle_seed": shuffle_seed})
    expected = {"sse": hexes(sse), "final": hexes(final), "diverged": diverged}
    return {"id": name, "note": note, **fields, "loss": loss, **expected}


def train_cases() -> list[Case]:
    """Whole trainings (§7, §8)."""
    out: list[Case] = []
    draw = Draw(401)
    rows, labels = o.xor()

    def case(*arguments: Any) -> None:
        out.append(train_case(*arguments))

    for bias in (False, True):
        report = Net([2, 4, 4, 1], ["sigmoid"] * 3, bias)
        start = o.initial_parameters(report.sizes, bias, "normal", 0)
        for epochs in (1, 2, 3, 100):
            name = f"xor-{epochs}" + ("-bias" if bias else "")
            case(name, "full batch, rate 1: the lab report's rule", report, start, (rows, labels), epochs, ONE)
    net = Net([2, 4, 3, 1], ["tanh", "relu", "sigmoid"], True)
    start = draw.parameters(net)
    tenth = number(1, 10)
    for size in (1, 2, 4, 7, 8, 10, 20, 21, 22, 1000):
        note = "batches, the last one short"
        case(f"batch-{size}", note, net, start, (rows, labels), 3, tenth, "half_sse", size)
        note += "; shuffled before each epoch, the order kept between"
        case(f"batch-{size}-shuffled", note, net, start, (rows, labels), 3, tenth, "half_sse", size, size)
    for loss in o.LOSSES:
        note = "scale of each batch by its own number of rows"
        case(f"{loss}-all", note, net, start, (rows, labels), 4, number(3, 7), loss)
        case(f"{loss}-8", note, net, start, (rows, labels), 4, number(3, 7), loss, 8)
    for seed in SEEDS:
        case(f"shuffle-{seed}", "stream of the shuffling", net, start, (rows, labels), 3, tenth, "sse", 5, seed)
    note = "full batch, unlike the other of the pair: the order reaches the lanes"
    case("shuffle-none", note, net, start, (rows, labels), 20, ONE)
    case("shuffle-all", note, net, start, (rows, labels), 20, ONE, "half_sse", None, 3)
    case("one-row", "nothing to shuffle", net, start, (rows[3:4], labels[3:4]), 3, tenth, "mse", None, 1)
    for name in o.ACTIVATIONS:
        wide = Net([2, 3, 3], [name, "identity"], name != "tanh")
        data = (draw.rows(11, 2), draw.rows(11, 3))
        case(f"outputs-{name}", "several outputs", wide, draw.parameters(wide), data, 4, number(1, 3), "half_mse", 4, 9)
    small = Net([2, 1], ["sigmoid"], True)
    start1 = o.initial_parameters([2, 1], True, "uniform", 5)
    case("linear", "online on the separable set", small, start1, o.linear(40, 5), 5, HALF, "half_sse", 1, 5)
    return [*out, *divergence_cases()]


def divergence_cases() -> list[Case]:
    """Trainings in which the squared error, a parameter, or both cease to be finite, and some that come near (§8)."""
    out: list[Case] = []
    xor = rows, labels = o.xor()

    def case(*arguments: Any) -> None:
        out.append(train_case(*arguments))

    small = Net([2, 1], ["sigmoid"], True)
    line = Net([1, 1], ["identity"], False)
    deep = Net([2, 3, 1], ["identity", "identity"], True)
    start = o.initial_parameters(deep.sizes, True, "uniform", 1)
    back = "diverges: back to the start of that epoch"
    case("diverge-later", back, deep, start, xor, 60, number(1, 10), "sse")
    case("diverge-batches", back + ", not of the batch", deep, start, xor, 60, number(1, 3), "sse", 4, 2)
    case("diverge-first", back + ", the first", deep, start, xor, 5, power(1000), "half_sse", 4, None)
    case("diverge-slow", back, line, [HALF], ([[TWO]], [[integer(3)]]), 400, integer(8))
    note = "the squared error overflows, the parameters stay finite"
    case("diverge-error", note, line, [power(600)], ([[ONE]], [[ZERO]]), 3, power(-700))
    note = "only the epoch's sum over the batches overflows"
    large = [mul(number(5, 4), power(511))]
    case("diverge-error-sum", note, line, large, ([[ONE]] * 3, [[ZERO]] * 3), 2, TINY, "sse", 1)
    note = "the last step overflows a parameter, the squared error is finite"
    case("diverge-parameter", note, line, [power(500)], ([[ONE]], [[ZERO]]), 3, power(600))
    case("infinite-start", "an infinite parameter at the start", line, [INF], ([[ZERO]], [[ZERO]]), 3, ONE)
    case("nan-start", "a NaN at the start", small, [ONE, NAN, ZERO], (rows[:3], labels[:3]), 3, ONE)
    saturated = Net([1, 1], ["sigmoid"], True)
    note = "rate*g overflows only where g is not 0.0; huge but finite parameters go on"
    case("huge-finite", note, saturated, [ZERO, ZERO], ([[ONE], [TWO]], [[ONE], [ONE]]), 4, power(1000))
    case("negative-zero", "-0.0 - 0.0 is -0.0", line, [NEG_ZERO], ([[ZERO]], [[ONE]]), 2, ONE)
    note = "rate*g below 2^-1022"
    case("subnormal-step", note, line, [3 * NORMAL // 2], ([[ONE]], [[ZERO]]), 4, number(1, 3), "mse")
    return out


def bytes_cases() -> list[Case]:
    """Model bytes and fingerprints (§11)."""
    out: list[Case] = []
    draw = Draw(501)

    def case(name: str, note: str, net: Net, parameters: Sequence[int]) -> None:
        fields = fields_of(net, parameters)
        fields["parameters"] = [f"{w:016x}" for w in parameters]  # as given, so that a NaN keeps its payload here
        expected = {"bytes": o.encode(net, parameters).hex(), "fingerprint": o.fingerprint(net, parameters)}
        out.append({"id": name, "note": note, **fields, **expected})

    for bias in (False, True):
        for sizes, names in (
            ([1, 1], ["identity"]),
            ([2, 4, 4, 1], ["sigmoid"] * 3),
            ([3, 2, 2, 2, 2], ["relu", "tanh", "identity", "sigmoid"]),
            ([70, 1], ["tanh"]),
        ):
            net = Net(sizes, names, bias)
            name = "-".join(map(str, sizes)) + ("-bias" if bias else "")
            case(name, "layout, flags, numbers of the activations", net, draw.parameters(net))
    special = [ZERO, NEG_ZERO, TINY, TINY | SIGN, MAX, MAX | SIGN, INF, INF | SIGN]
    case("special", "patterns kept as they are", Net([8, 1], ["relu"], False), special)
    payloads = [NAN, NAN | SIGN, NAN + 0x123, INF + 1, (INF + 1) | SIGN, (1 << 64) - 1]
    note = "any NaN is written as 7ff8000000000000; `parameters` holds other payloads here, on purpose"
    case("nan", note, Net([5, 1], ["tanh"], True), payloads)
    return out


# --- output ----------------------------------------------------------------------------------------------------------

GROUPS: dict[str, Callable[[], list[Case]]] = {
    "activations": activation_cases,
    "generator": generator_cases,
    "init": init_cases,
    "data": data_cases,
    "forward": forward_cases,
    "gradient": gradient_cases,
    "train": train_cases,
    "bytes": bytes_cases,
}


# The fields of a case in C, in order; a type with a star points to an array, which cases share where they can.
C_TYPES = {
    "const char *": "id fingerprint",
    "uint32_t ": "layers bias rows batch_size shuffle epochs activation n n_parameters n_sse n_bytes",
    "int32_t ": "loss diverged",
    "uint64_t ": "shuffle_seed learning_rate figure",
    "const uint32_t *": "sizes activations",
    "const uint64_t *": "parameters input inputs targets preactivations outputs gradient sse final x y slope",
    "const uint8_t *": "bytes",
}
C_NET = "id layers sizes activations bias n_parameters parameters"
C_STRUCTS = {
    "activations": "id activation n x y slope",
    "forward": f"{C_NET} input preactivations outputs",
    "gradient": f"{C_NET} rows loss inputs targets gradient sse figure",
    "train": f"{C_NET} rows batch_size loss shuffle shuffle_seed epochs learning_rate "
    "inputs targets n_sse sse final diverged",
    "bytes": f"{C_NET} n_bytes bytes fingerprint",
}
C_HEADER = """/* SPDX-License-Identifier: MIT */
/* Golden vectors of the contract (docs/contract.md) for C, the same cases as in tests/vectors.
   Generated: change tests/make_vectors.py and run `%s`.
   A number is its 64-bit pattern, and any NaN is 7ff8000000000000. Activations: 0 sigmoid, 1 tanh, 2 relu, 3 identity.
   Losses: 0 half_sse, 1 sse, 2 half_mse, 3 mse. batch_size 0: all rows. diverged: the epoch, or -1. Where n_sse is 0,
   sse has one meaningless element; in gradient cases it has one. Lists of rows and of layers are laid end to end. */
#ifndef BITPROP_TEST_VECTORS_H
#define BITPROP_TEST_VECTORS_H

#include <stddef.h>
#include <stdint.h>
"""


def c_case(case: Case) -> Case:
    """A case with C's fields added, lists flattened, and numbers for names and for null."""
    out = dict(case)
    for key, value in case.items():
        if isinstance(value, list) and isinstance(value[:1] and value[0], list):
            out[key] = [item for row in value for item in row]
    if "sizes" in case:
        numbers = [o.ACTIVATIONS.index(name) for name in case["activations"]]
        out.update(layers=len(case["sizes"]), activations=numbers, n_parameters=len(case["parameters"]))
    if "x" in case:
        out.update(activation=o.ACTIVATIONS.index(case["activation"]), n=len(case["x"]))
    if "loss" in case:
        out.update(rows=len(case["inputs"]), loss=o.LOSSES.index(case["loss"]))
    if "epochs" in case:
        seed, epoch = case["shuffle_seed"], case["diverged"]
        out.update(batch_size=case["batch_size"] or 0, shuffle=seed is not None, shuffle_seed=f"{seed or 0:016x}")
        out.update(n_sse=len(case["sse"]), diverged=-1 if epoch is None else epoch)
    elif "sse" in case:
        out["sse"] = [case["sse"]]
    if "bytes" in case:
        data = bytes.fromhex(case["bytes"])
        out.update(bytes=list(data), n_bytes=len(data))
    return out


def header(groups: dict[str, list[Case]]) -> str:
    """tests/c/vectors.h (C99)."""
    kinds = {name: kind for kind, names in C_TYPES.items() for name in names.split()}
    arrays: dict[str, str] = {}
    text, tables = [C_HEADER % COMMAND], []

    def literal(kind: str, value: Any) -> str:
        if kind == "const char *":
            return json.dumps(value)
        if kind.endswith("*"):
            words = [literal(kind[6:-1], item) for item in value] or ["0"]
            lines = [", ".join(words[i : i + 5]) for i in range(0, len(words), 5)]
            body = f"{kind[6:-2]} @[{len(words)}] = {{\n    " + ",\n    ".join(lines) + "};\n"
            return arrays.setdefault(body, f"v{len(arrays)}")
        return f"0x{value}ULL" if kind == "uint64_t " else f"{int(value)}" + "U" * (kind == "uint32_t ")

    for group, names in C_STRUCTS.items():
        tag = group.rstrip("s") if group == "activations" else group
        members = "".join(f"    {kinds[name]}{name};\n" for name in names.split())
        text.append(f"struct {tag}_case {{\n{members}}};\n")
        cases = [c_case(case) for case in groups[group]]
        rows = ["    {" + ", ".join(literal(kinds[n], case[n]) for n in names.split()) + "}" for case in cases]
        tables.append(f"static const struct {tag}_case {tag}_cases[{len(rows)}] = {{\n" + ",\n".join(rows) + "};")
        tables.append(f"static const size_t n_{tag}_cases = {len(rows)}U;\n")
    data = ["static const " + body.replace("@", name, 1) for body, name in arrays.items()]
    return "\n".join([*text, "".join(data), *tables, "#endif"]) + "\n"


def comment(group: str) -> str:
    """What stands at the head of a file."""
    doc = (GROUPS[group].__doc__ or "").rstrip(".")
    return (
        f"{doc}. Expected values by exact integers, rounded once (tests/oracle.py, from docs/contract.md alone). "
        "Inputs are chosen edges, or drawn from the contract's generator with fixed seeds. A number is its 64-bit "
        f"pattern in hexadecimal. Generated: change tests/make_vectors.py and run `{COMMAND}`."
    )


def layout(value: Any, indent: str = "") -> str:
    """JSON with one line for each field and for each list of plain values."""
    deeper = indent + " "
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}: {layout(item, deeper)}" for key, item in value.items()]
        return "{\n" + ",\n".join(deeper + item for item in items) + f"\n{indent}}}"
    if isinstance(value, list) and value and isinstance(value[0], (dict, list)):
        return "[\n" + ",\n".join(deeper + layout(item, deeper) for item in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False)


def all_files() -> dict[Path, str]:
    """Every file's text by its path."""
    groups = {group: make() for group, make in GROUPS.items()}
    out = {}
    for group, cases in groups.items():
        assert len({case["id"] for case in cases}) == len(cases), group
        document = {"_comment": comment(group), "contract": 1, "group": group, "cases": cases}
        out[HERE / "vectors" / f"{group}.json"] = layout(document) + "\n"
    return {**out, HERE / "c" / "vectors.h": header(groups)}


def main() -> int:
    """Write the files, or compare them."""
    parser = argparse.ArgumentParser(description="Write the golden vectors of the contract.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a stored file differs")
    check = parser.parse_args().check
    for path, text in all_files().items():
        data = text.encode()
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        elif not path.is_file() or path.read_bytes() != data:
            print(f"{path.relative_to(HERE.parent)} differs from what is generated; rerun: {COMMAND}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
