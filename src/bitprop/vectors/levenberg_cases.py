# SPDX-License-Identifier: MIT
"""The questions about the rule of Levenberg and Marquardt (contract §12)."""

from __future__ import annotations

from collections.abc import Sequence

from .answers import grid, hexes
from .asking import LINE, MAX, NEG_ZERO, SIGMOID, TINY, Case, case, fields_of, number, power, stream
from .oracle import HALF, ONE, TWO, ZERO, Net, Row, Rows, integer, neg

CONSTANTS = [number(1, 1000), integer(10), number(1, 10), integer(10**10), number(1, 10**7)]  # Python's defaults


def constants(**given: int) -> list[int]:
    """The defaults, but for those that are given."""
    names = ("mu", "mu_increase", "mu_decrease", "mu_max", "gradient_min")
    return [given.get(name, default) for name, default in zip(names, CONSTANTS)]


def damped(
    name: str,
    flags: str,
    note: str,
    net: Net,
    parameters: Row,
    data: tuple[Rows, Rows],
    epochs: int,
    loss: str = "half_sse",
    chosen: Sequence[int] = (),
) -> Case:
    """One training as a case."""
    given = {**fields_of(net, parameters), "inputs": grid(data[0]), "targets": grid(data[1]), "epochs": epochs}
    return case(name, flags, note, "levenberg", **given, loss=loss, constants=hexes(chosen or CONSTANTS))


def levenberg_cases() -> list[Case]:
    """Trainings by the rule of Levenberg and Marquardt, which a port may leave out (§12)."""
    out: list[Case] = []

    def train(
        name: str,
        flags: str,
        note: str,
        net: Net,
        rows: int,
        epochs: int,
        loss: str = "half_sse",
        limit: int = ONE,
        **given: int,
    ) -> None:
        draw = stream("levenberg", name)
        data = (draw.rows(rows, net.sizes[0]), draw.rows(rows, net.sizes[-1]))
        start = draw.parameters(net, limit)
        out.append(damped(name, f"levenberg {flags}".strip(), note, net, start, data, epochs, loss, constants(**given)))

    for activation in ("tanh", "sigmoid", "relu", "identity", "softsign", "leaky_relu"):
        for bias in (True, False):
            name = f"{activation}-{'biases' if bias else 'no-biases'}"
            net = Net([2, 3, 1], [activation, "identity"], bias)
            train(name, "", "one hidden layer of this activation", net, 11, 4)
    for bias in (True, False):
        name = f"outputs-{'biases' if bias else 'no-biases'}"
        note = "several outputs: a row adds the products of each, in their order"
        train(name, "row-order", note, Net([2, 2, 3], ["tanh", "sigmoid"], bias), 9, 3)
        name = f"deep-{'biases' if bias else 'no-biases'}"
        note = "two and three hidden layers"
        train(name, "node-order", note, Net([2, 3, 2, 2], ["tanh", "softsign", "identity"], bias), 10, 3, "mse")
    train("deeper", "node-order", "three hidden layers", Net([1, 2, 3, 2, 1], ["tanh"] * 4, True), 7, 2, "sse")
    for loss in ("half_sse", "sse", "half_mse", "mse"):
        note = "the loss scales only the gradient that is compared with gradient_min"
        net = Net([2, 2, 2], ["sigmoid", "tanh"], True)
        train(f"loss-{loss}", "scale", note, net, 5, 12, loss, gradient_min=number(1, 40))
    for rows in (1, 8, 17, 26):
        note = "rows go to eight lanes"
        train(f"rows-{rows}", "row-order", note, Net([2, 2, 1], ["tanh", "identity"], True), rows, 3)
    train("epochs-0", "", "no epoch at all", Net([1, 1], LINE, True), 3, 0)
    train("wide", "layout node-order", "a hidden layer of 9 nodes", Net([1, 9, 1], ["tanh", "identity"], True), 12, 2)
    note = "weights far off: steps are tried in vain, with more and more damping"
    train("rejected", "", note, Net([2, 3, 1], ["tanh", "tanh"], True), 9, 6, "mse", integer(4), mu=power(-40))
    train("rejected-sigmoid", "", note, Net([1, 4, 1], SIGMOID * 2, True), 12, 6, "mse", integer(8), mu=power(-60))
    note = "other factors of mu"
    net = Net([2, 3, 1], ["tanh", "identity"], True)
    train("factors", "", note, net, 9, 8, mu=integer(3), mu_increase=integer(3), mu_decrease=number(1, 3))
    note = "mu stays where it would fall below 1e-20"
    train("least-mu", "", note, Net([2, 1], ["tanh"], True), 9, 4, mu=number(3, 10**19))
    train("least-mu-below", "", "a first mu below 1e-20", net, 6, 3, mu=power(-300))
    note = "no more rows than outputs, far fewer than parameters"
    train("few-rows", "", note, Net([3, 3, 2], ["tanh", "identity"], True), 2, 4)
    return out


def ending_cases() -> list[Case]:  # noqa: PLR0915  # a list
    """How such trainings end, and what fails on the way (§12)."""
    out: list[Case] = []
    line, plane = Net([1, 1], LINE, True), Net([2, 1], LINE, False)
    straight = ([[ZERO], [ONE], [TWO]], [[ONE], [TWO], [integer(3)]])
    note = "the parameters fit already: the gradient is 0.0"
    out.append(damped("fits", "levenberg signed-zero", note, line, [ONE, ONE], straight, 3))
    note = "a line is found, then the gradient is small"
    out.append(damped("line", "levenberg", note, line, [integer(-3), HALF], straight, 9))
    note = "a gradient that is just gradient_min stops"
    one = ([[ONE]], [[ZERO]])
    single = Net([1, 1], LINE, False)
    for name, least in (("just-flat", HALF), ("just-not-flat", HALF - 1)):
        out.append(damped(name, "levenberg", note, single, [HALF], one, 1, "half_sse", constants(gradient_min=least)))
    note = "no gradient is at or below a gradient_min of 0.0 but 0.0"
    exact = constants(gradient_min=ZERO, mu_max=ONE)
    out.append(damped("never-flat", "levenberg", note, line, [integer(-3), HALF], straight, 30, "mse", exact))
    note = "nodes that never fire, of a relu: no derivative by their weights, and a pivot that is mu alone"
    draw = stream("levenberg", "dead")
    dead = Net([2, 2, 1], ["relu", "identity"], True)
    rows = [[integer(k), ONE] for k in range(1, 8)], draw.rows(7, 1)
    weights = [ONE, integer(-1), HALF, integer(-2), ZERO, NEG_ZERO, ONE, TWO, HALF]
    out.append(damped("dead-node", "levenberg signed-zero", note, dead, weights, rows, 4))
    note = "all nodes dead, and no bias to learn by: the gradient is 0.0 at once"
    dead = Net([1, 2, 1], ["relu", "identity"], False)
    weights = [integer(-1), integer(-2), ONE, ONE]
    out.append(damped("all-dead", "levenberg", note, dead, weights, ([[ONE], [TWO]], [[ONE], [ONE]]), 3))
    note = "two inputs that are the same: a pivot of 0.0 fails, until mu is large enough"
    same = ([[ONE, ONE], [HALF, HALF], [TWO, TWO]], [[ONE], [ZERO], [ONE]])
    for name, mu in (("singular", power(-80)), ("singular-far", power(-500))):
        small = constants(mu=mu, mu_increase=power(20), mu_decrease=HALF)
        out.append(damped(name, "levenberg", note, plane, [ONE, ZERO], same, 5, "sse", small))
    note = "the factorisation fails for every mu that is allowed"
    small = constants(mu=power(-80), mu_max=power(-70))
    out.append(damped("singular-stop", "levenberg", note, plane, [ONE, ZERO], same, 5, "sse", small))
    note = "no step lowers the error any more"
    draw = stream("levenberg", "mu-stop")
    noisy = draw.rows(9, 1), draw.rows(9, 1)
    tight = constants(gradient_min=ZERO, mu_max=integer(1000))
    for activation in ("identity", "tanh"):
        net = Net([1, 2, 1], [activation, "identity"], False)
        start = draw.parameters(net)
        name = f"mu-stop-{activation}"
        out.append(damped(name, "levenberg", note, net, start, noisy, 60, "half_mse", tight))
    note = "mu that reaches mu_max, and is not above it, is tried"
    for name, most in (("mu-reached", power(-40)), ("mu-not-reached", power(-41))):
        reached = constants(mu=power(-80), mu_increase=power(20), mu_decrease=HALF, mu_max=most)
        out.append(damped(name, "levenberg", note, plane, [ONE, ZERO], same, 1, "sse", reached))
    note = "an error beyond the range ends the first epoch"
    out.append(damped("diverges", "levenberg divergence overflow", note, single, [power(600)], one, 3))
    note = "a product beyond the range: an infinite pivot, whose parameter stays"
    net = Net([1, 1, 1], ["identity", "identity"], False)
    far = ([[power(300)], [ONE]], [[ZERO], [ONE]])
    out.append(damped("infinite", "levenberg overflow", note, net, [power(-300), power(300)], far, 3))
    note = "infinite products whose quotient is a NaN, which is no pivot: mu stops"
    net = Net([1, 2, 1], ["identity", "identity"], False)
    weights = [ONE, ONE, power(100), neg(power(100))]
    out.append(damped("not-a-pivot", "levenberg overflow nan", note, net, weights, ([[power(500)]], [[ONE]]), 3))
    note = "subnormal products: only mu is left of the triangle"
    small = constants(mu=power(-1022), gradient_min=ZERO, mu_max=ONE)
    tiny = ([[power(-530), power(-536)]], [[ONE]])
    out.append(damped("subnormal", "levenberg subnormal", note, plane, [ONE, ONE], tiny, 3, "half_sse", small))
    note = "-0.0 as an input and as a weight"
    zeros = ([[NEG_ZERO, ONE], [ZERO, NEG_ZERO]], [[ONE], [NEG_ZERO]])
    out.append(damped("zeros", "levenberg signed-zero", note, plane, [NEG_ZERO, NEG_ZERO], zeros, 2))
    return out


def weighted_cases() -> list[Case]:
    """Trainings by this rule whose rows have weights (§12)."""
    out: list[Case] = []
    weights = [ONE, HALF, ZERO, number(1, 3), TWO, NEG_ZERO, integer(7), TINY, number(1, 10), integer(1000), ONE]

    def weighted(made: Case, given: Sequence[int]) -> None:
        made["input"]["row_weights"] = hexes(given)
        out.append(made)

    note = "each row's error, and one factor of its products, are multiplied by its weight"
    for activations, bias in ((["tanh", "identity"], True), (["sigmoid", "tanh"], False), (["relu", "softsign"], True)):
        net = Net([2, 3, 2], activations, bias)
        name = f"weights-{activations[0]}"
        draw = stream("levenberg", name)
        data = (draw.rows(11, 2), draw.rows(11, 2))
        made = damped(name, "levenberg weights", note, net, draw.parameters(net), data, 4, "half_mse")
        weighted(made, weights)
    column = [[ONE], [TWO], [integer(3)]]
    line = Net([1, 1], LINE, True)
    note = "all weights 0.0: no gradient"
    data = (column, column)
    weighted(damped("weights-zero", "levenberg weights", note, line, [TWO, ONE], data, 3), [ZERO, NEG_ZERO, ZERO])
    note = "a weight that makes an infinity of an error: divergence"
    made = damped("weights-diverged", "levenberg weights divergence", note, line, [integer(-9), ONE], data, 3)
    weighted(made, [ONE, MAX, ONE])
    return out
