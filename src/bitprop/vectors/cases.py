# SPDX-License-Identifier: MIT
"""The questions of the golden vectors, group by group in the order in which a port is built.

Append-only: a published case keeps its id, input and expected values within a contract version
(tests/published_cases.txt).
"""

from __future__ import annotations

from collections.abc import Callable

from . import first_cases, l1_cases, levenberg_cases, more_cases
from .asking import Case

# What a case catches, besides a plain bug.
FLAGS = {
    "fused": "a product and a sum rounded once instead of twice",
    "excess": "more than 53 bits kept between operations, as in x87 registers",
    "single": "float32 instead of binary64",
    "libm": "exp or tanh of a mathematics library, or another formula",
    "polynomial": "the polynomial summed in another order",
    "constant": "a wrong digit of a constant, which may show at one input in a million only",
    "clamp": "limits that are missing, or lose a NaN",
    "ties": "halves rounded away from even",
    "signed-zero": "a zero of the wrong sign, or an operation with zero left out",
    "subnormal": "subnormal numbers flushed to zero, or rounded twice",
    "overflow": "infinities that are trapped, saturated or skipped",
    "nan": "a NaN lost or invented, or written with another pattern than 7ff8000000000000",
    "layout": "weights, biases or rows in another order",
    "node-order": "a sum over nodes in another order, or a bias added last",
    "row-order": "a sum over rows in another order than the eight lanes'",
    "scale": "the factor of a loss, or the order of its divisions",
    "seed-words": "seeds of 64 bits, their words and streams",
    "rejection": "integers below n by remainder or scaling, or with the bits of n - 1",
    "short-batch": "the last batch's own number of rows",
    "shuffle": "the order of rows, and that it is kept between epochs",
    "width": "a count, an index or a seed kept in 8, 16 or 32 bits, or in a float",
    "refusal": "bytes that are taken for a model although §11 refuses them",
    "divergence": "where training ends, and with which parameters",
    "rule": "an update rule's formula, or the order of its roundings",
    "decay": "weight decay: which parameters, and before which step",
    "l1": "a constant pull to 0: which parameters, with which sign, and before which step",
    "rates": "a learning rate for each epoch",
    "weights": "a weight of each row, in its error and its deltas",
    "scaling": "the formula of a scaling, or a column without spread",
    "levenberg": "the products, the factorisation or the damping of Levenberg and Marquardt's rule",
}


# The first cases of each group, in the order in which a port is built.
FIRST: dict[str, tuple[Callable[[], list[Case]], ...]] = {
    "arithmetic": (first_cases.arithmetic_cases,),
    "activations": (first_cases.activation_cases,),
    "generator": (first_cases.generator_cases,),
    "init": (first_cases.init_cases,),
    "data": (first_cases.data_cases,),
    "forward": (first_cases.forward_cases,),
    "gradient": (first_cases.gradient_cases,),
    "lanes": (first_cases.lane_cases,),
    "steps": (first_cases.step_cases,),
    "batches": (first_cases.batch_cases,),
    "shuffles": (first_cases.shuffle_cases,),
    "divergence": (first_cases.divergence_cases,),
    "bytes": (first_cases.bytes_cases,),
    "decode": (),
    "large": (),
    "rules": (),
    "scaling": (),
    "levenberg": (levenberg_cases.levenberg_cases, levenberg_cases.ending_cases, levenberg_cases.weighted_cases),
    "l1": (l1_cases.l1_cases, l1_cases.edge_cases),
}
OPTIONAL = ("levenberg", "l1")  # groups that a port may leave out, if it says so
# What makes a group's cases; the first of the makers says what the group is about.
GROUPS = {group: (*first, *more_cases.ADDED.get(group, ())) for group, first in FIRST.items()}


def questions(group: str) -> list[Case]:
    """The group's cases without their answers, the published first."""
    return [case for make in GROUPS[group] for case in make()]
