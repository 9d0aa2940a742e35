# SPDX-License-Identifier: MIT
"""What all languages share: what they need of a network, and templates with marked parts."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Sequence
from typing import NamedTuple

from .. import _pure, model_file
from ..network import Network


class Facts(NamedTuple):
    """What the templates need of the network."""

    file: str
    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    bias: bool
    parameters: list[str]  # patterns
    tests: list[tuple[list[str], list[str]]]  # patterns of inputs and outputs
    title: str
    digest: str  # eight digits of the fingerprint
    scalings: list[tuple[str, list[str]]]  # patterns by their names, such as input_shift


def facts_of(net: Network, file: str) -> Facts:
    """What the templates need of this network. DataError: a parameter is not finite."""
    rows = net.raw_rows(_test_rows(net.sizes[0]))
    outputs = net.predict(rows)
    layers = "-".join(map(str, net.sizes))
    biases = "with biases" if net.bias else "without biases"
    return Facts(
        file,
        net.sizes,
        net.activations,
        net.bias,
        model_file.to_hex(net.parameters),
        [(model_file.to_hex(row), [_pattern(value) for value in output]) for row, output in zip(rows, outputs)],
        f"The network {layers} ({', '.join(dict.fromkeys(net.activations))}, {biases}), fingerprint\n"
        f"{net.fingerprint()}",
        net.fingerprint()[:8],
        _scalings(net),
    )


def _pattern(value: float) -> str:
    """Its pattern, that of any NaN being one (contract §1.5)."""
    return f"{_pure.NAN_BITS:x}" if value != value else model_file.to_hex([value])[0]


def _scalings(net: Network) -> list[tuple[str, list[str]]]:
    """The patterns of the network's scalings."""
    found = []
    for name, scaling in (("input", net.input_scaling), ("output", net.output_scaling)):
        if scaling is not None:
            found += [(f"{name}_shift", model_file.to_hex(scaling.shift))]
            found += [(f"{name}_spread", model_file.to_hex(scaling.spread))]
    return found


def _test_rows(inputs: int) -> list[list[float]]:
    """Six rows: four that differ in every column, one of zeros, and one of -0.0 and numbers near zero."""
    rows = [[sign * (i + shift) / (inputs + 1) for i in range(inputs)] for sign in (1.0, -3.0) for shift in (1, 2)]
    return [*rows, [0.0] * inputs, [-1e-310 * i if i else -0.0 for i in range(inputs)]]


def with_activations(text: str, activations: str) -> str:
    """The text with these activations in their place."""
    before, _, after = split("activations", text)
    return before + activations + after


def with_scaling(text: str, facts: Facts, functions: str = "") -> str:
    """The text with the parts that scale and their functions, or without them where the network does not scale."""
    scaled = {name.partition("_")[0] for name, _ in facts.scalings}
    if "--- scaling: begin" in text:
        before, _, text = split("scaling", text)
        text = before + (functions + "\n" if scaled else "") + text
    for side in ("input", "output"):
        for part in (f"{side} columns", f"scaled {side}s"):
            if f"--- {part}: begin" in text:  # columns, of Python alone
                before, inside, after = split(part, text)
                text = before + (inside if side in scaled else "") + after
    return text


def read(file: str) -> str:
    """A file of the package."""
    return importlib.resources.files("bitprop").joinpath(*file.split("/")).read_text(encoding="utf-8")


def split(part: str, text: str) -> tuple[str, str, str]:
    """What stands before, between and after the two lines that mark a part."""
    before, inside, after = re.split(rf".*--- {part}: (?:begin|end) ---.*\n", text)
    return before, inside, after


def lines(words: Sequence[str], indent: str, width: int = 5) -> str:
    """Words as lines of so many each, which end in a comma."""
    return "\n".join(indent + ", ".join(words[i : i + width]) + "," for i in range(0, len(words), width))
