# SPDX-License-Identifier: MIT
"""The golden vectors catch what they are there to catch: each of these changes of the oracle shows in its group.

They are slips that a port can make without a usual mistake (bitprop.vectors.mistakes): at sizes that a test forgets, in
options that go together, in the last places of a formula.
"""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from bitprop.vectors import answers, check, mistakes, oracle

MUTANTS = [
    ("activations", "add(P1, mul(z, P2))", "fma(z, P2, P1)"),
    ("forward", "for i in range(first, m):", "for i in range(first, m) if m < 68 else range(m - 1, first - 1, -1):"),
    ("gradient", "for j in range(1, n):", "for j in range(1, n) if n < 21 else range(n - 1, 0, -1):"),
    ("gradient", "div(numerator, integer(rows * outputs))", "div(div(numerator, integer(rows)), integer(outputs))"),
    ("gradient", "slope(net.activations[k - 1], a[i])", "slope(net.activations[min(k - 1, 4)], a[i])"),
    ("gradient", "acc = mul(parameters[weights + i * n], d[0])", "acc = mul(parameters[weights + i % 16 * n], d[0])"),
    ("lanes", "lane[i % 8]", "lane[i % 8 if i < 104 else 0]"),
    ("steps", "for epoch in range(epochs):", "for epoch in range(max(1, epochs)):"),
    ("batches", "for i in batch], loss)", "for i in batch], loss if len(targets[0]) == 1 or size == 11 else 'sse')"),
    ("batches", "gradient(net, current, [rows", "gradient(net, start, [rows"),
    ("shuffles", "for i in batch], loss)", "for i in batch], loss if len(targets[0]) == 1 or size == 11 else 'sse')"),
    ("shuffles", "k = generator.randbelow(i + 1)", "k = generator.randbelow(i + 1) % 256"),
    ("shuffles", "        if generator:\n", "        if generator:\n            order = list(range(len(rows)))\n"),
    ("divergence", "[sub(w, mul(rate, value))", "[sub(w, mul(rate, value)) if rate else w"),
    ("divergence", "[sub(w, mul(rate, value))", "[sub(w, mul(rate, value)) if value & ~SIGN else w"),
    ("bytes", 'n.to_bytes(4, "little") for n in head', '(n % 256).to_bytes(4, "little") for n in head'),
    ("bytes", "canonical(w).to_bytes(8", "w.to_bytes(8"),
]


def mutant(old: str, new: str) -> ModuleType:
    """The oracle with this change of its text."""
    spec = importlib.util.find_spec(oracle.__name__)
    assert spec is not None
    assert spec.origin is not None
    with open(spec.origin, encoding="utf-8") as file:
        text = file.read()
    assert old in text
    module = importlib.util.module_from_spec(spec)
    vars(module)["fma"] = mistakes.fma
    exec(compile(text.replace(old, new), "mutant", "exec"), vars(module))
    return module


@pytest.mark.parametrize(("group", "old", "new"), MUTANTS)
def test_mutant_is_caught(group: str, old: str, new: str) -> None:
    """At least one case of the group has another answer, or none."""
    module = mutant(old, new)
    for document in check.documents([group]):
        for case in document["cases"]:
            try:
                found = answers.answer(case["function"], case["input"], module)
            except (IndexError, ValueError):
                return
            if found != case["expected"]:
                return
    pytest.fail(f"no case of {group} notices: {new}")
