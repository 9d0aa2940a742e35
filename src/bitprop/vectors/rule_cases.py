# SPDX-License-Identifier: MIT
"""The questions about update rules, weight decay and learning rates for each epoch (contract §7 and §8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import oracle as o
from .answers import hexes, to_hex
from .asking import LINE, MAX, NEG_ZERO, SIGMOID, THIRD, TINY, Case, number, power, stream, training
from .first_cases import TENTH, XOR
from .oracle import HALF, INF, ONE, TWO, ZERO, Net, Row, Rows, integer, mul, neg

RULES: dict[str, list[int]] = {  # with the constants that are Python's defaults
    "descent": [],
    "momentum": [number(9, 10)],
    "nesterov": [number(9, 10)],
    "adam": [number(9, 10), number(999, 1000), number(1, 10**8)],
    "adamw": [number(9, 10), number(999, 1000), number(1, 10**8)],
    "rprop": [number(6, 5), HALF, TENTH, ZERO, integer(50)],
}
RATES = {"adam": number(1, 50), "adamw": number(1, 50), "rprop": ONE}  # of descent, momentum and nesterov: 1/10


def by_rule(rule: str, constants: Sequence[int] | None = None, decay: int = ZERO, biases: bool = False) -> Case:
    """The fields of a training by this rule."""
    constants = RULES[rule] if constants is None else constants
    fields: Case = {"rule": rule, "constants": hexes(constants)}
    return {**fields, "weight_decay": to_hex(decay), "decay_biases": biases} if decay else fields


def rule_cases() -> list[Case]:
    """Trainings by each update rule, with weight decay, and with a learning rate for each epoch (§7, §8)."""
    out: list[Case] = []
    net, home = Net([2, 3, 2], ["tanh", "sigmoid"], True), Net([2, 4, 4, 1], SIGMOID * 3, False)
    rates = [to_hex(rate) for rate in (number(1, 7), ZERO, number(1, 50), NEG_ZERO)]
    modes: list[tuple[str, str, int, tuple[Any, ...]]] = [
        ("all", "full batch", 5, ("mse",)),
        ("batches", "shuffled batches, the last one short: the state goes on", 3, ("sse", 4, 7)),
        ("online", "online: a step for each row", 2, ("half_sse", 1)),
    ]

    def train(name: str, flags: str, note: str, on: Net, count: int, epochs: int, *options: Any, **rule: Any) -> None:
        draw = stream("rules", name)
        data = (draw.rows(count, on.sizes[0]), draw.rows(count, on.sizes[-1]))
        rate = RATES.get(rule["rule"], TENTH)
        out.append(training(name, flags, note, on, draw.parameters(on), data, epochs, rate, *options, **rule))

    for rule in RULES:
        for mode, kind, epochs, options in modes:
            if rule != "descent":
                train(f"{rule}-{mode}", "rule", kind, net, 11, epochs, *options, **by_rule(rule))
            fields = by_rule(rule, decay=number(1, 100))
            note = "the weights decay, the biases do not"
            train(f"{rule}-{mode}-decay", "rule decay", note, net, 11, epochs, *options, **fields)
        note = "the biases decay as well"
        fields = by_rule(rule, decay=number(1, 3), biases=True)
        train(f"{rule}-decay-biases", "rule decay", note, net, 11, 3, "half_mse", 4, 1, **fields)
        train(f"{rule}-2-4-4-1", "rule", "the network of the lab report", home, 9, 3, **by_rule(rule))
        wide = Net([17, 9], ["tanh"], True)
        train(f"{rule}-wide", "rule layout", "more parameters than any vector holds", wide, 3, 2, **by_rule(rule))
        fields = {**by_rule(rule, decay=number(1, 9)), "learning_rates": rates}
        note = "each epoch has its learning rate, 0.0 and -0.0 too"
        train(f"{rule}-rates", "rates rule decay", note, net, 5, 4, "half_sse", 2, 3, **fields)
    note = "an epoch by plain descent without decay has its learning rate as well"
    fields = {**by_rule("descent"), "learning_rates": rates}
    train("rates-all", "rates", note, home, 9, 4, **fields)
    train("rates-online", "rates", note, home, 9, 4, "half_sse", 1, **fields)
    note = "constants of 0.0, which are allowed"
    for rule, constants in (("momentum", [ZERO]), ("nesterov", [ZERO]), ("adam", [ZERO, ZERO, number(1, 100)])):
        train(f"{rule}-zero-constants", "rule signed-zero", note, net, 5, 3, "sse", 2, **by_rule(rule, constants))
    note = "steps at their limits: 3 times as far, at most 1/2; a third as far, at least 1/8; the first beyond both"
    for first in (number(1, 10), TWO):
        fields = by_rule("rprop", [integer(3), THIRD, first, number(1, 8), HALF])
        train(f"rprop-limits-{'in' if first != TWO else 'out'}", "rule clamp", note, net, 5, 12, **fields)
    return out


def rule_edge_cases() -> list[Case]:
    """Update rules at the ends of the range: roots of zeros, subnormal numbers and infinity; divergence (§7, §8)."""
    out: list[Case] = []
    three = Net([3, 1], LINE, False)

    def step(
        name: str, flags: str, note: str, on: Net, start: Row, data: tuple[Rows, Rows], *options: Any, **rule: Any
    ) -> None:
        out.append(training(name, flags, note, on, start, data, *options, **rule))

    note = "gradients of 0.0 and -0.0: the root of 0.0, and a parameter of -0.0"
    zeros = ([[ZERO, NEG_ZERO, ONE]], [[ONE]])
    for rule in ("momentum", "nesterov", "adam", "rprop"):
        name = f"{rule}-zeros"
        step(name, "rule signed-zero", note, three, [NEG_ZERO, ZERO, ONE], zeros, 2, ONE, **by_rule(rule))
    note = "roots of subnormal numbers"
    fields = by_rule("adam", [HALF, ZERO, TINY])
    small = ([[power(-537), mul(power(-536), number(7, 4)), power(-520)]], [[neg(ONE)]])
    step("adam-subnormal", "rule subnormal", note, three, [ONE, ONE, ONE], small, 3, power(-30), **fields)
    fields = by_rule("adam", [HALF, number(999, 1000), power(-560)])
    small = ([[power(-531), mul(power(-529), number(5, 4)), power(-520)]], [[neg(ONE)]])
    step("adam-subnormal-sums", "rule subnormal", note, three, [ONE, ONE, ONE], small, 3, power(-30), **fields)
    note = "a square beyond the range: the root of infinity, behind which the parameter stays"
    large = ([[power(600), power(-600), ONE]], [[ONE]])
    step("adam-infinite", "rule overflow", note, three, [ZERO, ONE, HALF], large, 3, TENTH, **by_rule("adam"))
    note = "an infinite step over an infinite root is a NaN"
    step("adam-nan", "rule nan divergence", note, three, [ZERO, ONE, HALF], large, 3, power(1000), **by_rule("adam"))
    note = "a gradient that is NaN leaves the parameter, and its step, but is kept"
    two = Net([2, 1], SIGMOID, False)
    data = ([[ONE, HALF], [INF, ONE], [ONE, HALF], [HALF, ONE]], [[ZERO]] * 4)
    step("rprop-nan", "rule nan", note, two, [ONE, HALF], data, 3, ONE, "half_sse", 1, **by_rule("rprop"))
    note = "the first step is the least number, all others are 0.0"
    fields = by_rule("rprop", [TWO, HALF, TINY, ZERO, ZERO])
    data = ([[ONE, neg(ONE), ZERO]], [[number(-1, 4)]])
    step("rprop-zero-steps", "rule signed-zero", note, three, [NEG_ZERO, NEG_ZERO, NEG_ZERO], data, 4, ONE, **fields)
    note = "diverges among several batches: back to the start of that epoch"
    deep = Net([2, 3, 1], ["identity", "identity"], True)
    start = o.initial_parameters(deep.sizes, True, "uniform", 1)
    for rule in ("momentum", "nesterov"):
        name = f"{rule}-diverges"
        step(name, "rule divergence", note, deep, start, XOR, 60, THIRD, "sse", 4, 2, **by_rule(rule))
    for rule in ("adam", "adamw"):
        fields = {**by_rule(rule), "learning_rates": [to_hex(rate) for rate in (TENTH, TENTH, power(900), TENTH)]}
        step(f"{rule}-diverges", "rule rates divergence", note, deep, start, XOR, 4, TENTH, "sse", 4, 2, **fields)
    fields = by_rule("rprop", [power(80), HALF, power(-200), ZERO, MAX])
    step("rprop-diverges", "rule divergence", note, deep, start, XOR, 20, ONE, "sse", 4, 2, **fields)
    note = "weight decay that makes weights grow"
    fields = by_rule("descent", decay=integer(4096))
    step("decay-diverges", "decay divergence", note, deep, start, XOR, 60, power(-10), "half_mse", 4, **fields)
    return out
