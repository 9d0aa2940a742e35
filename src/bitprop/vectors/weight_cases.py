# SPDX-License-Identifier: MIT
"""The questions about weights of rows and about drawn first steps (contract §5 and §7)."""

from __future__ import annotations

from typing import Any

from .answers import hexes, to_hex
from .asking import MAX, NEG_ZERO, TINY, Case, batch, case, number, stream, training
from .first_cases import TENTH
from .oracle import HALF, ONE, TWO, ZERO, Net, integer
from .rule_cases import RATES, RULES, by_rule

# With -0.0, which is allowed, a subnormal number, and one that makes infinities of many errors.
WEIGHTS = [ONE, HALF, ZERO, number(1, 3), TWO, NEG_ZERO, integer(7), TINY, number(1, 10), integer(1000), ONE]
HEADS: list[tuple[str, list[str]]] = [
    ("half_sse", ["sigmoid", "identity"]),
    ("mse", ["relu", "tanh"]),
    ("half_mse", ["tanh", "sigmoid"]),
    ("sse", ["softsign", "leaky_relu"]),
    ("binary_cross_entropy", ["tanh", "sigmoid"]),
    ("cross_entropy", ["sigmoid", "softmax"]),
]


def weight_cases() -> list[Case]:
    """Gradients, losses and trainings whose rows have weights (§5)."""
    out: list[Case] = []

    def weighted(made: Case, weights: list[int] = WEIGHTS) -> None:
        made["input"]["row_weights"] = hexes(weights)
        out.append(made)

    for loss, activations in HEADS:
        for bias in (True, False):
            net = Net([3, 4, 2], activations, bias)
            name = f"weights-{loss}{'' if bias else '-plain'}"
            draw = stream("weights", name)
            rows, targets, parameters = draw.rows(11, 3), draw.rows(11, 2), draw.parameters(net)
            note = "each row's error and deltas of the outputs are multiplied by its weight"
            weighted(batch(f"{name}-gradient", "weights", note, net, parameters, rows, targets, loss))
            for mode, kind, options in (
                ("all", "full batch", ()),
                ("batches", "shuffled batches: a weight goes with its row", (4, 7)),
                ("online", "online", (1,)),
                ("shuffled", "online and shuffled: a weight goes with its row", (1, 5)),
            ):
                data = (rows, targets)
                made = training(
                    f"{name}-{mode}", "weights", kind, net, parameters, data, 3, number(1, 50), loss, *options
                )
                weighted(made)
    home = Net([2, 4, 4, 1], ["sigmoid"] * 3, False)
    draw = stream("weights", "home")
    rows, targets, parameters = draw.rows(150, 2), draw.rows(150, 1), draw.parameters(home)
    many = [abs_weight(value) for (value,) in draw.rows(150, 1)]
    note = "more rows than go through the network together, by each update rule"
    for rule in RULES:
        rate = RATES.get(rule, number(1, 100))
        data = (rows, targets)
        made = training(
            f"weights-{rule}", "weights rule", note, home, parameters, data, 2, rate, "half_mse", **by_rule(rule)
        )
        weighted(made, many)
    note = "a weight that makes an infinity of an error: divergence"
    line = Net([1, 1], ["identity"], False)
    column = [[ONE], [TWO], [integer(3)]]
    weighted(
        training("weights-diverged", "weights divergence", note, line, [TWO], (column, column), 3, TENTH), [MAX] * 3
    )
    return out


def abs_weight(pattern: int) -> int:
    """The number without its sign."""
    return pattern & (NEG_ZERO - 1)


def first_step_cases() -> list[Case]:
    """Trainings by RPROP whose first steps are drawn (§7)."""
    out = [
        case(
            "random-first-steps",
            "seed-words",
            "the stream of first steps",
            "random",
            seed=f"{5:016x}",
            stream=3,
            count=7,
        )
    ]

    def drawn(name: str, note: str, net: Net, high: int, seed: int, low: int, *options: Any) -> None:
        draw = stream("first-steps", name)
        data = (draw.rows(9, net.sizes[0]), draw.rows(9, net.sizes[-1]))
        constants = [*RULES["rprop"][:2], low, *RULES["rprop"][3:]]
        fields = {**by_rule("rprop", constants), "first_step_high": to_hex(high), "first_step_seed": f"{seed:016x}"}
        parameters = draw.parameters(net)
        out.append(training(name, "rule seed-words", note, net, parameters, data, 4, ONE, *options, **fields))

    low, high = number(1, 200), number(1, 50)
    net = Net([3, 4, 2], ["softsign", "identity"], True)
    drawn("first-steps", "each parameter has a first step of its own", net, high, 0, low)
    drawn("first-steps-batches", "in batches", net, high, 2**40 + 1, low, "mse", 4, 1)
    drawn(
        "first-steps-plain", "a linear network without biases", Net([4, 3], ["identity"], False), high, 2**64 - 1, low
    )
    drawn("first-steps-equal", "both ends equal", net, low, 3, low)
    return out
