# SPDX-License-Identifier: MIT
"""A network as a Python file without imports, whose activations are the pure twin's text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..names import ACTIVATIONS
from .parts import Facts, lines, read, split, with_activations, with_scaling


def write(facts: Facts, name: str) -> str:
    """The file."""
    twin = read("_pure.py")
    before, _, after = split("network", read("templates/network.py"))
    after = with_activations(after, _exported(split("activations", twin)[1].rstrip() + "\n"))
    return before + _network(facts) + with_scaling(after, facts, _exported(split("scaling", twin)[1].strip() + "\n"))


def _network(facts: Facts) -> str:
    def patterns(digits: Sequence[str]) -> str:
        return "(" + "".join(f"0x{pattern.upper()}, " for pattern in digits).strip() + ")"

    title = "".join(f"# {line}\n" for line in facts.title.splitlines())
    tests = "\n".join(f"    ({patterns(inputs)}, {patterns(outputs)})," for inputs, outputs in facts.tests)
    words = [f"0x{pattern.upper()}" for pattern in facts.parameters]
    return (
        f"{title}#     y = predict([{', '.join(['0.5'] * facts.sizes[0])}])\n"
        f"SIZES = {facts.sizes}\n"
        f"{', '.join(map(str.upper, ACTIVATIONS))} = range({len(ACTIVATIONS)})\n"
        f"ACTIVATIONS = ({', '.join(map(str.upper, facts.activations))},)\nBIAS = {facts.bias}\n"
        "# The parameters' 64-bit patterns (docs/contract.md §3), and inputs with the outputs that they must give.\n"
        f"PARAMETERS = (\n{lines(words, '    ')}\n)\nTESTS = (\n{tests}\n)\n"
        + "".join(f"{name.upper()} = {patterns(digits)}\n" for name, digits in facts.scalings)
    )


def _exported(twin: str) -> str:
    """The pure twin's, without annotations, which older Pythons do not know, and without `math`."""
    bare = re.sub(
        r"^(def .*\)) -> .*:$", lambda head: re.sub(r": \w+(\[\w+\])?", "", head[1]) + ":", twin, flags=re.MULTILINE
    )
    return bare.replace("math.ldexp", "ldexp")
