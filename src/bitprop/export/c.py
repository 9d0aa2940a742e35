# SPDX-License-Identifier: MIT
"""A network as a C header, whose activations are the C core's text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .. import model_file
from ..names import ACTIVATIONS
from .parts import Facts, lines, read, split, with_activations, with_scaling


def write(facts: Facts, name: str) -> str:
    """The header; `name` is the prefix of all its names."""
    twin = read("csrc/bitprop.c")
    before, _, after = split("network", read("templates/network.h"))
    after = with_activations(after, _exported(split("activations", twin)[1].rstrip() + "\n", facts.activations))
    scaling = _exported(split("scaling", twin)[1].strip() + "\n", facts.activations)
    return before + _network(facts, name) + _renamed(with_scaling(after, facts, scaling), name)


def _renamed(text: str, name: str) -> str:
    return re.sub("network_|NETWORK_", lambda match: f"{name if match[0].islower() else macro(name)}_", text)


def macro(name: str) -> str:
    """The prefix of a name's macros, which differs for net and Net."""
    return name.upper() if name.islower() else name


_C = """/* SPDX-License-Identifier: MIT */
/* {title}
   C99 or C++11, with memcpy alone. An example, to be compiled with -ffp-contract=off:

#include "{file}"
#include <stdio.h>

int main(void) {{
    const double inputs[{NAME}_INPUTS] = {{{inputs}}};
    double outputs[{NAME}_OUTPUTS];
    {name}_predict(outputs, inputs);
    printf("%.17g\\n", outputs[0]);
    return {name}_self_test() ? 0 : 1;
}}
*/
#ifndef {NAME}_H_{digest}
#define {NAME}_H_{digest}
#ifdef {NAME}_LAYERS
#error "two exported networks have macros that begin with {NAME}_: export one with another --name"
#endif

#include <float.h>
#include <stdint.h>
#include <string.h>

#define {NAME}_LAYERS {layers}
#define {NAME}_INPUTS {n_in}
#define {NAME}_OUTPUTS {n_out}
#define {NAME}_WIDEST {widest}
#define {NAME}_BIAS {bias}
#define {NAME}_PARAMETERS {parameters}
#define {NAME}_TESTS {tests}

static const uint32_t {name}_sizes[{NAME}_LAYERS] = {{{sizes}}};
enum {{ {codes} }};
static const uint32_t {name}_activations[{NAME}_LAYERS - 1] = {{{activations}}};
/* Patterns of doubles. */
static const uint64_t {name}_parameters[{NAME}_PARAMETERS] = {{
{words}
}};
/* Inputs, and the outputs that they must give. */
static const uint64_t {name}_tests[{NAME}_TESTS][{NAME}_INPUTS + {NAME}_OUTPUTS] = {{
{rows}
}};
{scalings}"""


def _network(facts: Facts, name: str) -> str:
    def words(patterns: Sequence[str]) -> list[str]:
        return [f"0x{pattern}U" for pattern in patterns]

    return _C.format(
        title=facts.title.replace("\n", "\n   "),
        file=facts.file,
        name=name,
        digest=facts.digest,
        NAME=macro(name),
        inputs=", ".join(["0.5"] * facts.sizes[0]),
        layers=len(facts.sizes),
        n_in=facts.sizes[0],
        n_out=facts.sizes[-1],
        widest=max([1, *facts.sizes[1:-1]]),
        bias=int(facts.bias),
        parameters=len(facts.parameters),
        tests=len(facts.tests),
        sizes=", ".join(map(str, facts.sizes)),
        codes=", ".join(f"{macro(name)}_{activation.upper()}" for activation in ACTIVATIONS),
        activations=", ".join(f"{macro(name)}_{activation.upper()}" for activation in facts.activations),
        words=lines(words(facts.parameters), "    "),
        scalings="".join(
            f"static const uint64_t {name}_{part}[{macro(name)}_{part.split('_')[0].upper()}S] = {{\n"
            f"{lines(words(digits), '    ')}\n}};\n"
            for part, digits in facts.scalings
        ),
        rows="\n".join("    {" + ", ".join(words([*inputs, *outputs])) + "}," for inputs, outputs in facts.tests),
    )


def _exported(twin: str, used: Sequence[str]) -> str:
    """The C core's, for C++ too, which has no hex floats, and inside a program that may fuse elsewhere.

    Those that the network does not use lose their case, so that compilers leave them out.
    """
    names = re.findall(r"^static (?:const )?\w+ (\w+)", twin, re.MULTILINE)
    text = re.sub(
        r"static const double (\w+) = ([^;]+);",
        lambda found: f"#define {found[1]} network_number(0x{model_file.to_hex([float.fromhex(found[2])])[0]}U)",
        twin,
    )
    text = re.sub(r"^static (.* {)$", r"NETWORK_FUNCTION \1\n    NETWORK_EXACT", text, flags=re.MULTILINE)
    for activation in set(ACTIVATIONS) - set(used):
        text = re.sub(rf"    case BP_{activation.upper()}:\n        return .*;\n", "", text)
    text = re.sub(rf"\b({'|'.join(names)})\b", lambda name: ("network_", "NETWORK_")[name[1].isupper()] + name[1], text)
    return text.replace("bits_double", "network_number").replace("BP_", "NETWORK_")
