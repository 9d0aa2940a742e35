# SPDX-License-Identifier: MIT
"""A network as a JavaScript module, for browsers and for Node.js."""

from __future__ import annotations

from collections.abc import Sequence

from .parts import Facts, lines, read, split, with_scaling


def write(facts: Facts, name: str) -> str:
    """The module."""
    before, _, after = split("network", read("templates/network.mjs"))
    return before + _network(facts) + with_scaling(after, facts)


def _network(facts: Facts) -> str:
    def words(patterns: Sequence[str]) -> list[str]:
        return [f"0x{pattern}n" for pattern in patterns]

    def listed(patterns: Sequence[str]) -> str:
        return f"[{', '.join(words(patterns))}]"

    title = "".join(f"// {line}\n" for line in facts.title.splitlines())
    tests = "\n".join(f"  [{listed(inputs)}, {listed(outputs)}]," for inputs, outputs in facts.tests)
    return (
        f'{title}//     import {{ predict }} from "./{facts.file}";\n'
        f"//     predict([{', '.join(['0.5'] * facts.sizes[0])}])\n"
        f"const SIZES = [{', '.join(map(str, facts.sizes))}];\n"
        f"const ACTIVATIONS = [{', '.join(facts.activations)}];\nconst BIAS = {int(facts.bias)};\n"
        "// The parameters' 64-bit patterns (docs/contract.md §3), and inputs with the outputs that they must give.\n"
        f"const PARAMETERS = [\n{lines(words(facts.parameters), '  ')}\n];\nconst TESTS = [\n{tests}\n];\n"
        + "".join(f"const {name.upper()} = {listed(digits)};\n" for name, digits in facts.scalings)
    )
