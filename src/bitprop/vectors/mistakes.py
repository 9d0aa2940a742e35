# SPDX-License-Identifier: MIT
"""Usual mistakes of ports, each as a variant of the oracle that makes it and so answers the same bits.

The cases are chosen so that these mistakes show, and the checker compares a wrong answer with theirs.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import math
import struct
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

from . import oracle as o
from .answers import answer


def fma(a: int, b: int, c: int) -> int:
    """a*b + c in one rounding (§1.2)."""
    if not (o.is_finite(a) and o.is_finite(b) and o.is_finite(c)):
        return o.add(o.mul(a, b), c)
    (ma, ea), (mb, eb), (mc, ec) = o.parts(a), o.parts(b), o.parts(c)
    e = min(ea + eb, ec)
    product = (ma * mb) << (ea + eb - e)
    total = (-product if (a ^ b) & o.SIGN else product) + ((-mc if c & o.SIGN else mc) << (ec - e))
    if total == 0:
        return o.add(o.mul(a, b) & o.SIGN, c) if not mc else 0
    return o.rounded(o.SIGN if total < 0 else 0, abs(total), e)


def activation(name: str, x: int, place: str) -> int:
    """Sigmoid or tanh with the multiply-adds of one place fused, or with c by Horner's rule; for a finite x.

    The places are k, end, c1 to c5, and c for the latter all together.
    """

    def step(here: str, a: int, b: int, c: int) -> int:
        return fma(a, b, c) if here.startswith(place) else o.add(c, o.mul(a, b))

    limit = o.integer(708 if name == "sigmoid" else 40)
    t = o.clamp(o.neg(x) if name == "sigmoid" else o.mul(o.TWO, x), o.neg(limit), limit)
    k = o.sub(step("k", t, o.LOG2E, o.MAGIC), o.MAGIC)
    r = o.sub(o.sub(t, o.mul(k, o.LN2_HI)), o.mul(k, o.LN2_LO))
    z = o.mul(r, r)
    w = o.mul(z, z)
    inner = step("c3", w, o.P5, step("c2", z, o.P4, o.P3))
    c = step("c5", z, step("c4", w, inner, step("c1", z, o.P2, o.P1)), o.TWO)
    if place == "horner":
        c = o.P5
        for coefficient in (o.P4, o.P3, o.P2, o.P1, o.TWO):
            c = o.add(coefficient, o.mul(z, c))
    s = o.power_of_two(k)
    if name == "sigmoid":
        return o.div(o.sub(c, r), o.add(o.sub(c, r), o.mul(o.add(c, r), s)))
    p, q = o.sub(s, o.ONE), o.add(s, o.ONE)
    return o.div(step("end", q, r, o.mul(p, c)), step("end", p, r, o.mul(q, c)))


# --- whole modules, each the oracle with a function or two replaced ---


def _variant(change: Callable[[ModuleType], None]) -> ModuleType:
    """A copy of the oracle, changed; the oracle itself stays."""
    spec = importlib.util.find_spec(o.__name__)
    assert spec is not None
    assert spec.loader is not None
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    change(copy)
    return copy


def altered(old: str, new: str) -> ModuleType:
    """The oracle with one change of its text."""
    spec = importlib.util.find_spec(o.__name__)
    assert spec is not None
    assert spec.loader is not None
    text = importlib.util.decode_source(spec.loader.get_data(spec.origin))  # type: ignore[attr-defined]  # of a file
    assert old in text, old
    module = importlib.util.module_from_spec(spec)
    vars(module).update(fma=fma)
    exec(compile(text.replace(old, new), f"{o.__name__}, altered", "exec"), vars(module))
    return module


class _Product(int):
    """A rounded product that remembers its factors, so that a sum can take it unrounded."""

    factors: tuple[int, int]


def _product(a: int, b: int) -> int:
    product = _Product(o.mul(a, b))
    product.factors = int(a), int(b)
    return product


def _add_fused(a: int, b: int) -> int:
    if isinstance(b, _Product):
        return fma(*b.factors, a)
    if isinstance(a, _Product):
        return fma(*a.factors, b)
    return o.add(a, b)


def _sub_fused(a: int, b: int) -> int:
    if isinstance(b, _Product):
        x, y = b.factors
        return fma(o.neg(x), y, a)
    return _add_fused(a, o.neg(b))


def _fuse(module: ModuleType) -> None:
    vars(module).update(mul=_product, add=_add_fused, sub=_sub_fused)


def _fused_network() -> ModuleType:
    """Fused, but in the activations and in arithmetic by itself."""
    fused = _variant(_fuse)
    vars(fused).update(activation=o.activation, slope=o.slope)
    return fused


def _take(module: ModuleType, source: ModuleType, *names: str) -> None:
    vars(module).update({name: vars(source)[name] for name in names})


def _fuse_network(module: ModuleType) -> None:
    _take(module, _fused_network(), "forward", "contributions", "batch_sums", "gradient", "train")


def _fuse_forward(module: ModuleType) -> None:
    _take(module, _fused_network(), "forward")


def _fuse_backward(module: ModuleType) -> None:
    fused = _fused_network()
    _take(fused, o, "forward")
    _take(module, fused, "contributions", "batch_sums")


def _fuse_step(module: ModuleType) -> None:
    fused = _fused_network()
    _take(fused, o, "gradient")
    _take(module, fused, "train")


def _one_lane(module: ModuleType) -> None:
    def batch_sums(
        net: o.Net, parameters: o.Row, rows: o.Rows, targets: o.Rows, loss: str, weights: o.Row | None = None
    ) -> tuple[o.Row, int]:
        total = [o.ZERO] * (net.parameter_count() + 1)
        for i, (row, target) in enumerate(zip(rows, targets)):
            weight = weights[i] if weights else None
            values, error = module.contributions(net, parameters, row, target, loss, weight)
            total = [o.add(a, b) for a, b in zip(total, [*values, error])]
        return total[:-1], total[-1]

    vars(module).update(batch_sums=batch_sums)


def _lanes_in_order(module: ModuleType) -> None:
    def lane_sum(lanes: o.Row) -> int:
        total = lanes[0]
        for lane in lanes[1:]:
            total = o.add(total, lane)
        return total

    vars(module).update(lane_sum=lane_sum)


class _Wide(int):
    """A rounded result that remembers its value in a register of 64 bits: mantissa * 2**exponent, signed."""

    value: tuple[int, int]


def _value(a: int) -> tuple[int, int]:
    if isinstance(a, _Wide):
        return a.value
    mantissa, exponent = o.parts(a)
    return -mantissa if a >> 63 else mantissa, exponent


def _nearest(magnitude: int, bits: int) -> tuple[int, int]:
    """The magnitude in so many bits, ties to even, and the places that were dropped."""
    drop = max(0, magnitude.bit_length() - bits)
    kept, half = magnitude >> drop, 1 << drop >> 1
    rest = magnitude - (kept << drop)
    return kept + bool(rest > half or (rest == half and half and kept & 1)), drop


def _wide(mantissa: int, exponent: int) -> int:
    """Rounds to 64 bits, and from there to binary64."""
    kept, drop = _nearest(abs(mantissa), 64)
    rounded = _Wide(o.rounded(o.SIGN if mantissa < 0 else 0, kept, exponent + drop))
    rounded.value = -kept if mantissa < 0 else kept, exponent + drop
    return rounded


def _wide_add(a: int, b: int) -> int:
    if not (o.is_finite(a) and o.is_finite(b)):
        return o.add(a, b)
    (ma, ea), (mb, eb) = _value(a), _value(b)
    e = min(ea, eb)
    total = (ma << (ea - e)) + (mb << (eb - e))
    return _wide(total, e) if total else o.add(a, b)


def _wide_neg(a: int) -> int:
    mantissa, exponent = _value(a) if o.is_finite(a) else (0, 0)
    return _wide(-mantissa, exponent) if mantissa else o.neg(a)


def _wide_mul(a: int, b: int) -> int:
    if not (o.is_finite(a) and o.is_finite(b)):
        return o.mul(a, b)
    (ma, ea), (mb, eb) = _value(a), _value(b)
    return _wide(ma * mb, ea + eb) if ma and mb else o.mul(a, b)


def _wide_div(a: int, b: int) -> int:
    if not (o.is_finite(a) and o.is_finite(b)):
        return o.div(a, b)
    (ma, ea), (mb, eb) = _value(a), _value(b)
    if not (ma and mb):
        return o.div(a, b)
    quotient, rest = divmod(abs(ma) << 192, abs(mb))
    sticky = quotient << 1 | (rest != 0)
    return _wide(-sticky if (ma < 0) != (mb < 0) else sticky, ea - eb - 193)


def _widen(module: ModuleType) -> None:
    sub = {"sub": lambda a, b: _wide_add(a, _wide_neg(b))}
    vars(module).update(add=_wide_add, mul=_wide_mul, div=_wide_div, neg=_wide_neg, **sub)


def _twice(sign: int, mantissa: int, exponent: int) -> int:
    """Each operation rounded to 64 bits, and from there to binary64 when it is stored."""
    return int(_wide(-mantissa if sign else mantissa, exponent)) if mantissa else sign


def _float32(sign: int, mantissa: int, exponent: int) -> int:
    kept, drop = _nearest(mantissa, 24)
    return o.rounded(sign, kept, exponent + drop)


def _flush(sign: int, mantissa: int, exponent: int) -> int:
    rounded = o.rounded(sign, mantissa, exponent)
    return rounded if rounded & o.INF else sign


def _libm(module: ModuleType) -> None:
    """Sigmoid and tanh by this machine's mathematics library: within a bit or two of what another one gives."""

    def number(pattern: int) -> float:
        value: float = struct.unpack(">d", pattern.to_bytes(8, "big"))[0]
        return value

    def activation(name: str, x: int) -> int:
        if name not in ("sigmoid", "tanh") or o.is_nan(x):
            return o.activation(name, x)
        value = number(x)
        try:
            y = math.tanh(value) if name == "tanh" else 1.0 / (1.0 + math.exp(-value))
        except OverflowError:
            y = 0.0
        return int.from_bytes(struct.pack(">d", y), "big")

    vars(module).update(activation=activation)


def _horner(module: ModuleType) -> None:
    def by_horner(name: str, x: int) -> int:
        if name not in ("sigmoid", "tanh") or o.is_nan(x):
            return o.activation(name, x)
        return activation(name, x, "horner")

    vars(module).update(activation=by_horner)


def _rounding(rounded: Callable[[int, int, int], int]) -> Callable[[ModuleType], None]:
    return lambda module: vars(module).update(rounded=rounded)


KNOWN_FLAGS = ("fused", "excess", "single", "libm", "polynomial", "row-order")  # flags of what is known to the bit
FUSED = (
    "a fused multiply-add, one rounding where the contract has two: forbid it (C: -ffp-contract=off; Go: float64(a*b) "
    "+ c; no fma)"
)


HERE = ", here in the "
SHUFFLED = "        if generator:\n"
SEEDED = "Generator(SHUFFLE_STREAM + shuffle_seed)"
RESEEDED = f"        if shuffle_seed is not None:\n            generator = {SEEDED}\n"
IN_ORDER = "            order = list(range(len(rows)))\n"
LOGGED = "            total = add(total, error)\n"
STEPPED = (
    "            current = [rule.step(w, value, state, settings) for w, value, state in zip(current, g, states)]\n"
)
OF_BATCH = "net, current, [rows[i] for i in batch], [targets[i] for i in batch]"
SCALED = f"            g, error = gradient({OF_BATCH}, loss, of_rows)\n"


def _scaled_by(rows: str) -> str:
    """The batch's gradient, scaled by this number of rows."""
    scaled = f"[mul(value, loss_scale(loss, {rows}, net.sizes[-1])) for value in sums]"
    return f"            sums, error = batch_sums({OF_BATCH}, loss, of_rows)\n            g = {scaled}\n"


class Mistake(NamedTuple):
    """A change of the oracle, and the group of vectors that cannot agree where it is made (none: any may).

    The change is a function, or a piece of the oracle's text and what stands in its place.
    """

    change: Callable[[ModuleType], None] | tuple[str, str]
    shown_by: str = ""


CAUSES: dict[str, Mistake] = {
    FUSED: Mistake(_fuse, "arithmetic"),
    FUSED + HERE + "network": Mistake(_fuse_network, "forward"),
    FUSED + HERE + "forward pass": Mistake(_fuse_forward, "forward"),
    FUSED + HERE + "backward pass": Mistake(_fuse_backward, "gradient"),
    FUSED + HERE + "step": Mistake(_fuse_step),
    "exp or tanh of a mathematics library (libm): compute sigmoid and tanh as §2 writes them": Mistake(
        _libm, "activations"
    ),
    "the polynomial in another order (Horner's rule): sum c as §2 writes it": Mistake(_horner, "activations"),
    "a reordered sum, one running sum over the rows: keep the eight lanes of §6": Mistake(_one_lane, "lanes"),
    "a reordered sum, the eight lanes added one after the other: add them as the tree of §6": Mistake(
        _lanes_in_order, "lanes"
    ),
    "a loss halved before it is divided, (0.5*sse)/(B*m): divide, then halve (§7)": Mistake(
        (
            "error = div(error, integer(rows * outputs))\n",
            "return div(mul(head.figure, error), integer(rows * outputs))\n",
        ),
        "gradient",
    ),
    "the squared error measured after the step: log that of the parameters before each batch's step (§8)": Mistake(
        (LOGGED + STEPPED, STEPPED + LOGGED.replace("error", f"gradient({OF_BATCH}, loss, of_rows)[1]")), "steps"
    ),
    "a short last batch scaled by the full batch size: B is its own number of rows (§8)": Mistake(
        (SCALED, _scaled_by("min(size, len(rows))")), "batches"
    ),
    "each batch scaled by the number of all rows: B is its own number of rows (§8)": Mistake(
        (SCALED, _scaled_by("len(rows)")), "batches"
    ),
    "a shuffle that draws k below i, not below i + 1 (§8)": Mistake(
        ("generator.randbelow(i + 1)", "generator.randbelow(i)"), "shuffles"
    ),
    "a shuffle that draws k below the number of rows, not below i + 1 (§8)": Mistake(
        ("generator.randbelow(i + 1)", "generator.randbelow(len(rows))"), "shuffles"
    ),
    "a shuffle from the first row up: i goes from the last row down to 1 (§8)": Mistake(
        ("range(len(rows) - 1, 0, -1)", "range(1, len(rows))"), "shuffles"
    ),
    "a shuffle from the stream of the weights: its generator is seeded 2^65 + shuffle_seed (§8)": Mistake(
        (SEEDED, "Generator(shuffle_seed)"), "shuffles"
    ),
    "a shuffle from the stream of the data: its generator is seeded 2^65 + shuffle_seed (§8)": Mistake(
        (SEEDED, "Generator(DATA_STREAM + shuffle_seed)"), "shuffles"
    ),
    "a shuffle whose generator is seeded again in each epoch: one serves the whole training (§8)": Mistake(
        (SHUFFLED, RESEEDED), "shuffles"
    ),
    "a shuffle that begins each epoch with the rows in order: it shuffles the order of the epoch before (§8)": Mistake(
        (SHUFFLED, SHUFFLED + IN_ORDER), "shuffles"
    ),
    "a shuffle that is the same in each epoch, of rows in order by a generator seeded again: one generator serves the "
    "whole training, and the order is kept (§8)": Mistake((SHUFFLED, RESEEDED + IN_ORDER), "shuffles"),
    "excess precision, as in x87 registers: round each operation to binary64 (C: -msse2 -mfpmath=sse)": Mistake(
        _widen, "arithmetic"
    ),
    "double rounding, as of x87 registers that are stored after each operation: compute in binary64 (C: -msse2 "
    "-mfpmath=sse)": Mistake(_rounding(_twice)),
    "float32 (single precision): all numbers are binary64": Mistake(_rounding(_float32), "activations"),
    "subnormal numbers flushed to zero: leave flush-to-zero modes and -ffast-math off (§1.3)": Mistake(
        _rounding(_flush)
    ),
    "momentum with the rate inside of v: v takes g itself, and the rate is a factor of the step (§7)": Mistake(
        (
            "g)\n    return sub(w, mul(settings.learning_rate, state[0]))",
            "mul(settings.learning_rate, g))\n    return sub(w, state[0])",
        ),
        "rules",
    ),
    "Adam's epsilon added below the root: add it to the root (§7)": Mistake(
        ("add(sqrt(div(v, c)), epsilon)", "sqrt(add(div(v, c), epsilon))"), "rules"
    ),
    "Adam without p1 and p2: m and v are divided by what they lack at first (§7)": Mistake(
        ("div(settings.learning_rate, sub(ONE, p1)), sub(ONE, p2)", "settings.learning_rate, ONE"), "rules"
    ),
    "AdamW's decay added into the gradient, as Adam's: it is a step of its own (§7)": Mistake(
        ("if RULES[settings.rule].decoupled:", "if False:"), "rules"
    ),
    "RPROP that steps in the step after a change of sign too: g is then 0.0 (§7)": Mistake(
        ("step_min\n        g = ZERO\n", "step_min\n"), "rules"
    ),
    "L1 left out (§7)": Mistake(
        ("decay, l1 = settings.weight_decay, settings.l1", "decay, l1 = settings.weight_decay, ZERO"), "l1"
    ),
}


@functools.cache
def module(cause: str) -> ModuleType:
    """The oracle with that mistake."""
    change = CAUSES[cause].change
    return altered(*change) if isinstance(change, tuple) else _variant(change)


def explain(function: str, given: dict[str, Any], wrong_answer: Any, causes: Sequence[str]) -> list[str]:
    """The mistakes that make the oracle give this wrong answer, to the last bit."""
    text = json.dumps(wrong_answer, sort_keys=True)  # since Python takes 0, 0.0 and false for equal
    return [cause for cause in causes if json.dumps(answer(function, given, module(cause)), sort_keys=True) == text]
