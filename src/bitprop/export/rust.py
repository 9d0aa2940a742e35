# SPDX-License-Identifier: MIT
"""A network as a Rust module, which needs `core` alone."""

from __future__ import annotations

from collections.abc import Sequence

from ..names import ACTIVATIONS
from .parts import Facts, lines, read, split, with_scaling


def write(facts: Facts, name: str) -> str:
    """The module."""
    before, _, after = split("network", read("templates/network.rs"))
    return before + _network(facts) + with_scaling(after, facts)


def _network(facts: Facts) -> str:
    def words(patterns: Sequence[str]) -> list[str]:
        return [f"0x{pattern}" for pattern in patterns]

    def listed(patterns: Sequence[str]) -> str:
        return f"[{', '.join(words(patterns))}]"

    title = "".join(f"//! {line}\n" for line in facts.title.splitlines())
    tests = "\n".join(f"    ({listed(inputs)}, {listed(outputs)})," for inputs, outputs in facts.tests)
    codes = "".join(f"    {_variant(activation)},\n" for activation in ACTIVATIONS)
    used = ", ".join(f"Activation::{_variant(activation)}" for activation in facts.activations)
    n_in, n_out, layers = facts.sizes[0], facts.sizes[-1], len(facts.sizes)
    return (
        f'{title}\n//     #[path = "{facts.file}"]\n//     mod net;\n'
        f"//     let outputs = net::predict(&[{', '.join(['0.5'] * n_in)}]);\n\n"
        f"pub const INPUTS: usize = {n_in};\npub const OUTPUTS: usize = {n_out};\n"
        f"const LAYERS: usize = {layers};\nconst WIDEST: usize = {max(facts.sizes)};\n"
        f"const SIZES: [usize; LAYERS] = [{', '.join(map(str, facts.sizes))}];\n"
        f"#[allow(dead_code)]\n#[derive(Clone, Copy, PartialEq)]\nenum Activation {{\n{codes}}}\n"
        f"const ACTIVATIONS: [Activation; LAYERS - 1] = [{used}];\nconst BIAS: usize = {int(facts.bias)};\n"
        "/// Patterns of f64 (docs/contract.md §3).\n"
        f"static PARAMETERS: [u64; {len(facts.parameters)}] = [\n{lines(words(facts.parameters), '    ')}\n];\n"
        "/// Inputs, and the outputs that they must give.\n"
        f"static TESTS: [([u64; INPUTS], [u64; OUTPUTS]); {len(facts.tests)}] = [\n{tests}\n];\n"
        + "".join(
            f"static {name.upper()}: [u64; {name.partition('_')[0].upper()}S] = {listed(digits)};\n"
            for name, digits in facts.scalings
        )
    )


def _variant(activation: str) -> str:
    return "".join(word.capitalize() for word in activation.split("_"))
