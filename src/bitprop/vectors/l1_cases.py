# SPDX-License-Identifier: MIT
"""The questions about L1, which pulls parameters to 0 by a constant (contract §7)."""

from __future__ import annotations

from typing import Any

from .answers import to_hex
from .asking import LINE, NEG_ZERO, SIGMOID, TINY, Case, number, power, stream, training
from .first_cases import TENTH
from .oracle import HALF, ONE, TWO, ZERO, Net, integer, neg
from .rule_cases import RATES, RULES, by_rule

NET = Net([2, 3, 2], ["tanh", "sigmoid"], True)


def l1_cases() -> list[Case]:
    """Trainings with L1, by each update rule: alone, with biases, and before weight decay (§7)."""
    out: list[Case] = []

    def train(name: str, note: str, on: Net, epochs: int, *options: Any, **rule: Any) -> None:
        draw = stream("l1", name)
        data = (draw.rows(11, on.sizes[0]), draw.rows(11, on.sizes[-1]))
        rate = RATES.get(rule["rule"], TENTH)
        out.append(training(name, "l1", note, on, draw.parameters(on), data, epochs, rate, *options, **rule))

    hundredth = to_hex(number(1, 100))
    for rule in RULES:
        for mode, kind, options in (
            ("all", "full batch", ("mse",)),
            ("online", "online, shuffled", ("half_sse", 1, 7)),
        ):
            train(f"{rule}-{mode}", f"{kind}: of the weights only", NET, 3, *options, **by_rule(rule), l1=hundredth)
        fields = {**by_rule(rule, decay=number(1, 3), biases=True), "l1": to_hex(number(1, 7))}
        train(f"{rule}-decay-biases", "first L1, then weight decay; of biases too", NET, 3, "half_mse", 4, 1, **fields)
        wide = Net([17, 9], ["tanh"], False)
        train(f"{rule}-wide", "more parameters than any vector holds", wide, 2, "sse", **by_rule(rule), l1=hundredth)
    home = Net([2, 4, 4, 1], SIGMOID * 3, False)
    train(
        "2-4-4-1-online", "online, the rows in their order", home, 2, "half_sse", 1, **by_rule("descent"), l1=hundredth
    )
    return out


def edge_cases() -> list[Case]:
    """Parameters of 0.0 and -0.0, which L1 leaves; the sign of a parameter before its step and its decay (§7)."""
    out: list[Case] = []
    three = Net([3, 1], LINE, False)
    zeros = ([[ZERO, NEG_ZERO, ONE]], [[ONE]])

    def step(name: str, flags: str, note: str, start: list[int], epochs: int, rule: str, l1: int, **more: Any) -> None:
        fields = {**by_rule(rule, **more), "l1": to_hex(l1)}
        out.append(training(name, flags, note, three, start, zeros, epochs, ONE, **fields))

    for rule in ("descent", "momentum", "adam", "rprop"):
        note = "no pull on 0.0 and -0.0, whose gradients keep their signs; the others cross 0"
        step(f"{rule}-zeros", "l1 signed-zero", note, [NEG_ZERO, ZERO, ONE], 2, rule, TWO)
    note = "the least numbers have a sign, too"
    step("least", "l1 subnormal", note, [TINY, neg(TINY), HALF], 3, "descent", TINY)
    note = "an L1 of -0.0 is none: a gradient of -0.0 stays"
    step("none", "l1 signed-zero", note, [NEG_ZERO, ONE, HALF], 2, "momentum", NEG_ZERO)
    note = "the sign is that before a decay that turns it"
    step("decay-turns", "l1 decay", note, [HALF, neg(HALF), ONE], 3, "adamw", TENTH, decay=TWO)
    note = "an L1 so large that the step is infinite"
    step("diverges", "l1 overflow divergence", note, [HALF, neg(HALF), ONE], 3, "momentum", power(1023))
    note = "weight decay beside an L1 of 0.0 is as if there were none"
    step("decay-alone", "l1 decay signed-zero", note, [NEG_ZERO, neg(ONE), ONE], 2, "descent", ZERO, decay=integer(3))
    return out
