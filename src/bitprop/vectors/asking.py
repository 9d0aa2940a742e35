# SPDX-License-Identifier: MIT
"""How a question of the golden vectors is put together: numbers, networks, drawn inputs, and the fields of a case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import oracle as o
from .answers import grid, hexes, to_hex
from .oracle import INF, ONE, SIGN, TWO, Net, Row, Rows, div, integer, mul, sub

Case = dict[str, Any]
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


THIRD = number(1, 3)
LINE, SIGMOID = ["identity"], ["sigmoid"]
WIDE_SEED = 0x123456789ABCDEF1  # more bits than a binary64 holds, in both words
ADDED_ACTIVATIONS = ("softsign", "leaky_relu")  # one by one, since another would change no published case


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


def stream(group: str, name: str) -> Draw:
    """The stream from which this case alone is drawn."""
    return Draw(int.from_bytes(f"{group} {name}".encode(), "big"))


def case(name: str, flags: str, note: str, function: str, **given: Any) -> Case:
    """One question: what it catches, why it is asked, and the function with its input."""
    return {"id": name, "flags": flags.split(), "note": note, "function": function, "input": given}


def fields_of(net: Net, parameters: Sequence[int]) -> Case:
    """A network as it stands in a case."""
    same = {"sizes": list(net.sizes), "activations": list(net.activations), "bias": net.bias}
    return {**same, "parameters": hexes(parameters)}


def batch(
    name: str,
    flags: str,
    note: str,
    net: Net,
    parameters: Sequence[int],
    rows: Rows,
    targets: Rows,
    loss: str = "half_sse",
) -> Case:
    """Gradient and loss of one batch as a case."""
    given = {**fields_of(net, parameters), "inputs": grid(rows), "targets": grid(targets), "loss": loss}
    return case(name, flags, note, "gradient", **given)


def batch_drawn(draw: Draw, name: str, flags: str, note: str, net: Net, count: int, loss: str) -> Case:
    """The same with so many drawn rows."""
    rows, targets = draw.rows(count, net.sizes[0]), draw.rows(count, net.sizes[-1])
    return batch(name, flags, note, net, draw.parameters(net), rows, targets, loss)


def training(
    name: str,
    flags: str,
    note: str,
    net: Net,
    parameters: Sequence[int],
    data: tuple[Rows, Rows],
    epochs: int,
    rate: int,
    loss: str = "half_sse",
    batch_size: int | None = None,
    shuffle_seed: int | None = None,
    **rule: Any,
) -> Case:
    """One training as a case; `rule`: further fields, of a training that is not by plain descent."""
    given = {**fields_of(net, parameters), "inputs": grid(data[0]), "targets": grid(data[1]), "epochs": epochs}
    seed = None if shuffle_seed is None else f"{shuffle_seed:016x}"
    options = {"learning_rate": to_hex(rate), "batch_size": batch_size, "shuffle_seed": seed, "loss": loss}
    return case(name, flags, note, "train", **given, **options, **rule)
