# SPDX-License-Identifier: MIT
"""A network as source text that predicts by itself: a C header, or a Python file without imports.

The text is one of `templates`. The exporter writes two parts into it: the network, and the activations, which are the
text of the twin in that language. Numbers are bit patterns, so neither a locale nor the conversion of decimals can
change them.
"""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from . import model_file
from .core import mode
from .errors import OptionError, quoted
from .names import ACTIVATIONS
from .network import Network

_FILE = re.compile(r'[^\0-\x1f\x7f"\\\ud800-\udfff]+')  # what an #include line can hold
# How all names in C begin, as in net_predict; so a keyword may stand here too, but no leading underscore.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class _Facts(NamedTuple):
    """What both templates need of the network."""

    file: str
    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    bias: bool
    parameters: list[str]  # patterns
    tests: list[tuple[list[str], list[str]]]  # patterns of inputs and outputs
    title: str
    digest: str  # eight digits of the fingerprint
    scalings: list[tuple[str, list[str]]]  # patterns by their names, such as input_shift


def identifier(text: str) -> str:
    """A C identifier made from any text, such as a file name: characters that C does not allow become underscores."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", text)
    return name if _NAME.fullmatch(name) else f"net_{name.lstrip('_')}"


def export(net: Network, to: str, name: str = "network", file: str | None = None) -> str:
    """The network's prediction (contract §2 and §4) as source text in the language `to`, "c" or "python".

    For C, `name` is the prefix of all names, and `file` is the file that the example includes (by default `name`.h).
    OptionError: an unknown language, a `name` that is no C identifier or begins with an underscore, or a `file` that an
    #include line cannot hold. DataError: a parameter is not finite. FloatingPointModeError.
    """
    mode.require_standard("an export")
    if to not in LANGUAGES:
        raise OptionError(f"to is {quoted(to)}, expected one of {', '.join(LANGUAGES)}")
    if not _NAME.fullmatch(name):
        raise OptionError(f"name is {quoted(name)}, expected a letter, then letters, digits and underscores")
    if file is not None and (not _FILE.fullmatch(file) or "*/" in file):
        given = f"file is {quoted(file)}, expected a name that #include can hold, without"
        raise OptionError(f"{given} */, quotes, backslashes and characters that are not text")
    rows = net.raw_rows(_test_rows(net.sizes[0]))
    outputs = net.predict(rows)
    layers = "-".join(map(str, net.sizes))
    biases = "with biases" if net.bias else "without biases"
    facts = _Facts(
        file or f"{name}.h",
        net.sizes,
        net.activations,
        net.bias,
        model_file.to_hex(net.parameters),
        [(model_file.to_hex(row), model_file.to_hex(output)) for row, output in zip(rows, outputs)],
        f"The network {layers} ({', '.join(dict.fromkeys(net.activations))}, {biases}), fingerprint\n"
        f"{net.fingerprint()}",
        net.fingerprint()[:8],
        _scalings(net),
    )
    template, twin, write_network, write_activations = LANGUAGES[to]
    before, _, rest = _split("network", _read(template))
    between, _, after = _split("activations", rest)
    activations = write_activations(_split("activations", _read(twin))[1].rstrip() + "\n", net.activations)
    after = _with_scaling(after, _split("scaling", _read(twin))[1], net, write_activations)
    return before + write_network(facts, name) + _renamed(between + activations + after, name, to)


def _scalings(net: Network) -> list[tuple[str, list[str]]]:
    """The patterns of the network's scalings."""
    found = []
    for name, scaling in (("input", net.input_scaling), ("output", net.output_scaling)):
        if scaling is not None:
            found += [(f"{name}_shift", model_file.to_hex(scaling.shift))]
            found += [(f"{name}_spread", model_file.to_hex(scaling.spread))]
    return found


def _with_scaling(text: str, twin: str, net: Network, write: Callable[[str, Sequence[str]], str]) -> str:
    """The text with the parts that scale, or without them where the network does not scale."""
    before, _, text = _split("scaling", text)
    scaled = net.input_scaling is not None or net.output_scaling is not None
    text = before + (write(twin.strip() + "\n", net.activations) + "\n" if scaled else "") + text
    parts = {"input columns": net.input_scaling, "output columns": net.output_scaling}
    parts.update({"scaled inputs": net.input_scaling, "scaled outputs": net.output_scaling})
    for part, scaling in parts.items():
        if f"--- {part}: begin" not in text:  # columns, of Python alone
            continue
        before, inside, after = _split(part, text)
        text = before + (inside if scaling is not None else "") + after
    return text


def _read(file: str) -> str:
    """A file of the package."""
    return importlib.resources.files("bitprop").joinpath(*file.split("/")).read_text(encoding="utf-8")


def _split(part: str, text: str) -> tuple[str, str, str]:
    """What stands before, between and after the two lines that mark a part."""
    before, inside, after = re.split(rf".*--- {part}: (?:begin|end) ---.*\n", text)
    return before, inside, after


def _test_rows(inputs: int) -> list[list[float]]:
    """Six rows: four that differ in every column, one of zeros, and one of -0.0 and numbers near zero."""
    rows = [[sign * (i + shift) / (inputs + 1) for i in range(inputs)] for sign in (1.0, -3.0) for shift in (1, 2)]
    return [*rows, [0.0] * inputs, [-1e-310 * i if i else -0.0 for i in range(inputs)]]


def _renamed(text: str, name: str, to: str) -> str:
    if to != "c":
        return text
    return re.sub("network_|NETWORK_", lambda match: f"{name if match[0].islower() else _macro(name)}_", text)


def _macro(name: str) -> str:
    """The prefix of a name's macros, which differs for net and Net."""
    return name.upper() if name.islower() else name


def _lines(words: Sequence[str], indent: str, width: int = 5) -> str:
    return "\n".join(indent + ", ".join(words[i : i + width]) + "," for i in range(0, len(words), width))


def _python(facts: _Facts, name: str) -> str:
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
        f"PARAMETERS = (\n{_lines(words, '    ')}\n)\nTESTS = (\n{tests}\n)\n"
        + "".join(f"{name.upper()} = {patterns(digits)}\n" for name, digits in facts.scalings)
    )


def _python_activations(twin: str, used: Sequence[str]) -> str:
    """The pure twin's, without annotations, which older Pythons do not know, and without `math`."""
    bare = re.sub(
        r"^(def .*\)) -> .*:$", lambda head: re.sub(r": \w+(\[\w+\])?", "", head[1]) + ":", twin, flags=re.MULTILINE
    )
    return bare.replace("math.ldexp", "ldexp")


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


def _c(facts: _Facts, name: str) -> str:
    def words(patterns: Sequence[str]) -> list[str]:
        return [f"0x{pattern}U" for pattern in patterns]

    return _C.format(
        title=facts.title.replace("\n", "\n   "),
        file=facts.file,
        name=name,
        digest=facts.digest,
        NAME=_macro(name),
        inputs=", ".join(["0.5"] * facts.sizes[0]),
        layers=len(facts.sizes),
        n_in=facts.sizes[0],
        n_out=facts.sizes[-1],
        widest=max([1, *facts.sizes[1:-1]]),
        bias=int(facts.bias),
        parameters=len(facts.parameters),
        tests=len(facts.tests),
        sizes=", ".join(map(str, facts.sizes)),
        codes=", ".join(f"{_macro(name)}_{activation.upper()}" for activation in ACTIVATIONS),
        activations=", ".join(f"{_macro(name)}_{activation.upper()}" for activation in facts.activations),
        words=_lines(words(facts.parameters), "    "),
        scalings="".join(
            f"static const uint64_t {name}_{part}[{_macro(name)}_{part.split('_')[0].upper()}S] = {{\n"
            f"{_lines(words(digits), '    ')}\n}};\n"
            for part, digits in facts.scalings
        ),
        rows="\n".join("    {" + ", ".join(words([*inputs, *outputs])) + "}," for inputs, outputs in facts.tests),
    )


def _c_activations(twin: str, used: Sequence[str]) -> str:
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


# For each: the template, the twin whose activations it takes, and what writes the two parts.
LANGUAGES: dict[str, tuple[str, str, Callable[[_Facts, str], str], Callable[[str, Sequence[str]], str]]] = {
    "c": ("templates/network.h", "csrc/bitprop.c", _c, _c_activations),
    "python": ("templates/network.py", "_pure.py", _python, _python_activations),
}
