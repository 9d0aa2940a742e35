# SPDX-License-Identifier: MIT
"""Networks as source code: `bitprop export` to C, Python, JavaScript, Rust, Arduino and ONNX."""

from __future__ import annotations

import ast
import json
import math
import os
import platform
import random
import re
import shutil
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any

import pytest
from bits import from_hex, to_hex

from bitprop import Network, OptionError, Scaling, exchange
from bitprop.export import LANGUAGES, export, identifier, write
from bitprop.names import ACTIVATIONS, Activation

ROOT = Path(__file__).resolve().parent.parent
NETWORKS = [
    Network(2, 4, 4, 1, seed=7, bias=False),
    Network(3, 5, 4, 2, seed=1, activation=["tanh", "relu", "sigmoid"]),
    Network(1, 1, seed=2, activation="identity"),
    Network(67, 3, seed=3, activation="tanh", bias=False),
    Network(2, *[2] * 8, 1, seed=4, activation="relu"),
    Network(2, 4, 3, 1, seed=5, activation=["softsign", "leaky_relu", "softsign"]),
    Network(2, 4, 3, seed=6, activation=["relu", "softmax"]),
]
EDGES = [0.0, -0.0, 5e-324, -1e-310, 1e308, 709.0, -745.5]


def rows_for(net: Network) -> list[list[float]]:
    """Ordinary rows, and rows of edges."""
    draw = random.Random(5)
    n = net.sizes[0]
    rows = [[draw.uniform(-3.0, 3.0) for _ in range(n)] for _ in range(20)]
    return rows + [[draw.choice(EDGES) for _ in range(n)] for _ in range(20)]


@pytest.fixture
def values() -> list[tuple[Network, list[list[float]], list[list[str]]]]:
    """Each network with finite rows and its outputs."""
    found = []
    for net in NETWORKS:
        rows = rows_for(net)
        found.append((net, rows, [to_hex(row) for row in net.predict(rows)]))
    return found


def test_python(values: list[tuple[Network, list[list[float]], list[list[str]]]]) -> None:
    """The file predicts to the same bits, tests itself, and imports nothing."""
    for net, rows, outputs in values:
        text = export(net, "python")
        assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.Import, ast.ImportFrom))]
        names: dict[str, Any] = {}
        exec(compile(text, "exported", "exec"), names)
        assert names["self_test"]() is True
        assert [to_hex(names["predict"](row)) for row in rows] == outputs
        with pytest.raises(ValueError, match=f"expected {net.sizes[0]}"):
            names["predict"]([0.5] * (net.sizes[0] + 1))
        if net is NETWORKS[0]:
            names["WEIGHTS"][0] += 0.125
            assert names["self_test"]() is False


def test_python_not_finite() -> None:
    """What is not finite goes through as the contract says."""
    net = Network(2, 3, 3, 1, seed=1, activation=["tanh", "relu", "sigmoid"])
    names: dict[str, Any] = {}
    exec(compile(export(net, "python"), "exported", "exec"), names)
    assert to_hex(names["predict"]([math.nan, 1.0])) == ["7ff8000000000000"]
    tanh, relu = names["TANH"], names["RELU"]
    assert to_hex([names["activation_of"](x, tanh) for x in (math.inf, -math.inf)]) == to_hex([1.0, -1.0])
    assert to_hex([names["activation_of"](-0.0, relu)]) == ["8000000000000000"]
    assert to_hex(names["numbers"]((0x7FF0000000000000, 1, 0x8000000000000000))) == to_hex([math.inf, 5e-324, -0.0])


MAIN = """#include "net.h"
#include <stdio.h>
static const uint64_t rows[ROWS][NET_INPUTS] = {%s};
int main(void) {
    int row, j;
    for (row = 0; row < ROWS; row++) {
        double inputs[NET_INPUTS], outputs[NET_OUTPUTS];
        uint64_t bits[NET_OUTPUTS];
        memcpy(inputs, rows[row], sizeof inputs);
        net_predict(outputs, inputs);
        memcpy(bits, outputs, sizeof bits);
        for (j = 0; j < NET_OUTPUTS; j++) {
            if (outputs[j] != outputs[j]) {
                bits[j] = 0x7ff8000000000000U;
            }
            printf("%%08lx%%08lx ", (unsigned long)(bits[j] >> 32), (unsigned long)(bits[j] & 0xffffffffU));
        }
    }
    return net_self_test() ? 0 : 1;
}
"""
WARNINGS = ["-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Wshadow", "-Werror"]


def compiler(name: str) -> str:
    """A compiler; without one a user's machine skips, and continuous integration fails."""
    found = shutil.which(name)
    if found is None and os.environ.get("CI") != "true":
        pytest.skip(f"no {name} here")
    return found or name


COMPILERS = [
    "gcc -std=c99",
    "g++ -std=c++11",
    "gcc -O3 -march=native -flto -ffp-contract=fast",
    "clang -O3 -march=native",
    "clang++ -std=c++11",
]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="needs a compiler for x86-64")
@pytest.mark.parametrize("target", ["-mavx512fp16", "-march=sapphirerapids"])
def test_c_where_half_precision_is_arithmetic(target: str, tmp_path: Path) -> None:
    """The header compiles where FLT_EVAL_METHOD is that of _Float16, which leaves double alone."""
    tmp_path.joinpath("net.h").write_text(export(NETWORKS[0], "c", "net"), encoding="utf-8")
    main = '#include "net.h"\nint main(void) { return !net_self_test(); }\n'
    tmp_path.joinpath("main.c").write_text(main, encoding="utf-8")
    command = [compiler("gcc"), "-O2", target, "-ffp-contract=off", "-c", "main.c"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", COMPILERS)
def test_c(values: list[tuple[Network, list[list[float]], list[list[str]]]], command: str, tmp_path: Path) -> None:
    """The header compiles without a warning as C99 and as C++11, tests itself, and predicts to the same bits."""
    name, *flags = command.split()
    for number, (net, rows, outputs) in enumerate(values):
        folder = tmp_path / str(number)
        folder.mkdir()
        folder.joinpath("net.h").write_text(export(net, "c", "net"), encoding="utf-8")
        suffix = "cpp" if "++" in name else "c"
        patterns = ",".join("{" + ",".join(f"0x{p}U" for p in to_hex(row)) + "}" for row in rows)
        source = folder / f"main.{suffix}"
        source.write_text(MAIN.replace("ROWS", str(len(rows))) % patterns, encoding="utf-8")
        build = [compiler(name), *flags, *WARNINGS, "-O2", str(source), "-o", str(folder / "main")]
        subprocess.run(build, check=True, cwd=folder)
        alone = [compiler(name), *flags, *WARNINGS, "-fsyntax-only", "-x", "c++" if "++" in name else "c", "net.h"]
        subprocess.run(alone, check=True, cwd=folder)
        found = subprocess.run([str(folder / "main")], capture_output=True, text=True, check=True)
        assert found.stdout.split() == [pattern for row in outputs for pattern in row]


# --- JavaScript and Rust ---

MAIN_JAVASCRIPT = """import { readFileSync } from "node:fs";
import { predict, selfTest } from "./net.mjs";
const view = new DataView(new ArrayBuffer(8));
const number = (hex) => { view.setBigUint64(0, BigInt("0x" + hex)); return view.getFloat64(0); };
const bits = (x) => {
  view.setFloat64(0, x);
  return Number.isNaN(x) ? "7ff8000000000000" : view.getBigUint64(0).toString(16).padStart(16, "0");
};
if (!selfTest()) throw new Error("self-test");
const rows = readFileSync(0, "utf8").trim().split("\\n").map((line) => line.split(" ").map(number));
console.log(rows.map((row) => predict(row).map(bits).join(" ")).join("\\n"));
"""
MAIN_RUST = """#[path = "net.rs"]
mod net;
use std::io::BufRead;
fn bits(x: f64) -> String {
    if x.is_nan() { "7ff8000000000000".to_string() } else { format!("{:016x}", x.to_bits()) }
}
fn main() {
    assert!(net::self_test());
    for line in std::io::stdin().lock().lines() {
        let mut row = [0.0; net::INPUTS];
        for (value, hex) in row.iter_mut().zip(line.unwrap().split(' ')) {
            *value = f64::from_bits(u64::from_str_radix(hex, 16).unwrap());
        }
        let outputs: Vec<String> = net::predict(&row).iter().map(|&x| bits(x)).collect();
        println!("{}", outputs.join(" "));
    }
}
"""


def javascript_program(net: Network, folder: Path) -> list[str]:
    """The command of a program that predicts rows of patterns by the exported module."""
    folder.joinpath("net.mjs").write_text(export(net, "javascript"), encoding="utf-8")
    folder.joinpath("main.mjs").write_text(MAIN_JAVASCRIPT, encoding="utf-8")
    return [compiler("node"), "main.mjs"]


def rust_program(net: Network, folder: Path, *flags: str) -> list[str]:
    """The same in Rust, where a warning is an error."""
    folder.joinpath("net.rs").write_text(export(net, "rust"), encoding="utf-8")
    folder.joinpath("main.rs").write_text(MAIN_RUST, encoding="utf-8")
    build = [compiler("rustc"), "-D", "warnings", *(flags or ("-O",)), "main.rs", "-o", "main"]
    built = subprocess.run(build, cwd=folder, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return [str(folder / "main")]


def answers(command: list[str], folder: Path, rows: list[list[float]]) -> list[list[str]]:
    """The program's outputs, patterns as well."""
    given = "\n".join(" ".join(to_hex(row)) for row in rows)
    done = subprocess.run(command, cwd=folder, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


def scaled_network() -> Network:
    """A network with scalings of both sides."""
    net = Network(2, 3, 2, seed=8, activation=["tanh", "identity"])
    net.input_scaling = Scaling([0.5, -3.0], [2.0, 0.1])
    net.output_scaling = Scaling([1.0, 0.0], [0.3, 1e-3])
    return net


PROGRAMS = {"javascript": javascript_program, "rust": rust_program}


@pytest.mark.parametrize("language", PROGRAMS)
def test_program(
    values: list[tuple[Network, list[list[float]], list[list[str]]]], language: str, tmp_path: Path
) -> None:
    """The exported module predicts to the same bits and tests itself, with all shapes, activations and scalings."""
    scaled = scaled_network()
    rows = [[1e-3 * i, 2.5 - i] for i in range(20)]
    each = [*values, (scaled, rows, [to_hex(row) for row in scaled.predict(rows)])]
    for number, (net, rows, outputs) in enumerate(each):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert answers(PROGRAMS[language](net, folder), folder, rows) == outputs


@pytest.mark.parametrize("language", PROGRAMS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(language: str, activation: Activation, tmp_path: Path) -> None:
    """A hundred thousand values through each activation, which these languages have in words of their own."""
    net = Network(1, 2, activation=activation, bias=False)
    net.parameters[:] = memoryview(array("d", [1.0, -0.5]))
    draw = random.Random(9)
    rows = [[value] for value in EDGES]
    rows += [[draw.uniform(-1.0, 1.0) * 10.0 ** draw.choice([-320, -300, -9, 0, 1, 2, 3, 300])] for _ in range(100_000)]
    expected = [to_hex(row) for row in net.predict(rows)]
    assert answers(PROGRAMS[language](net, tmp_path), tmp_path, rows) == expected


@pytest.mark.parametrize("language", PROGRAMS)
def test_program_not_finite(language: str, tmp_path: Path) -> None:
    """Infinities and NaN, given and calculated, go through as the contract says, and -0.0 keeps its sign."""
    special = [math.inf, -math.inf, math.nan, 1.0, -0.0]
    for number, activation in enumerate(ACTIVATIONS):
        net = Network(2, 3, activation=activation, seed=number)
        net.parameters[:2] = memoryview(array("d", [1.7e308, -1.7e308]))
        net.parameters[6] = -0.0
        rows = [[a, b] for a in special for b in special]
        names: dict[str, Any] = {}
        exec(compile(export(net, "python"), "exported", "exec"), names)
        expected = [to_hex(names["predict"](row)) for row in rows]
        assert any("7ff8000000000000" in row for row in expected)
        folder = tmp_path / activation
        folder.mkdir()
        assert answers(PROGRAMS[language](net, folder), folder, rows) == expected


def test_javascript_use(tmp_path: Path) -> None:
    """Typed arrays are rows too; another length and another type are errors; other weights fail the self-test."""
    net = NETWORKS[0]
    command = javascript_program(net, tmp_path)
    code = """import { predict, selfTest } from "./net.mjs";
const failed = (row) => { try { return String(predict(row)); } catch (error) { return `${error}`; } };
console.log(predict([0.5, 0.25])[0] === predict(new Float32Array([0.5, 0.25]))[0], selfTest());
console.log(failed([1]), "|", failed([1, "2"]), "|", failed([1, null]));
"""
    tmp_path.joinpath("main.mjs").write_text(code, encoding="utf-8")
    wrong = "TypeError: the row has something that is no number"
    expected = f"true true\nRangeError: the row has 1 inputs, expected 2 | {wrong} | {wrong}\n"
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout == expected
    path = tmp_path / "net.mjs"
    altered = re.sub(r"(PARAMETERS = \[\n  0x.)f", r"\1e", path.read_text(encoding="utf-8"))
    altered = re.sub(r"(PARAMETERS = \[\n  0x.)0", r"\1f", altered)
    path.write_text(altered, encoding="utf-8")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout[:10] == "true false"


def test_rust_without_the_standard_library(tmp_path: Path) -> None:
    """The module needs `core` alone, in every edition; a build without optimisation gives the same bits."""
    net = scaled_network()
    rows = [[0.25, -1.5]]
    assert answers(rust_program(net, tmp_path, "-C", "opt-level=0"), tmp_path, rows) == [to_hex(net.predict(rows)[0])]
    code = '#![no_std]\n#[path = "net.rs"]\npub mod net;\n'
    tmp_path.joinpath("lib.rs").write_text(code, encoding="utf-8")
    for edition in ("2015", "2018", "2021"):
        build = [
            compiler("rustc"),
            "-D",
            "warnings",
            "--edition",
            edition,
            "--crate-type",
            "lib",
            "--emit=metadata",
            "lib.rs",
        ]
        built = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert built.returncode == 0, built.stderr


# --- Arduino and ONNX ---

# As much of Arduino.h as a sketch uses, with the macros that meet a header's names; numbers are printed as their bits.
ARDUINO = """#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define abs(x) ((x) > 0 ? (x) : -(x))
#define bit(b) (1UL << (b))
#define lowByte(w) ((uint8_t)((w) & 0xff))
#define B1 1
#define PI 3.1415926535897932384626433832795
#define F(text) (text)
struct Port {
    void begin(long) {}
    operator bool() { return true; }
    void println(const char *text) { puts(text); }
    void println(double value, int) {
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        printf("%08lx%08lx\\n", (unsigned long)(bits >> 32), (unsigned long)(bits & 0xffffffffU));
    }
} Serial;
static void delay(unsigned long) {}
#include SKETCH
int main() {
    setup();
    loop();
    return 0;
}
"""


@pytest.mark.parametrize("net", [NETWORKS[0], NETWORKS[6], scaled_network()], ids=["plain", "softmax", "scaled"])
def test_arduino(net: Network, tmp_path: Path) -> None:
    """The library's sketch compiles beside Arduino's macros, tests itself and predicts to the same bits."""
    write(net, "arduino", tmp_path / "xor", "xor")
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["xor/examples/xor/xor.ino", "xor/library.properties", "xor/src/xor.h"]
    properties = tmp_path.joinpath("xor", "library.properties").read_text(encoding="utf-8").splitlines()
    assert {"name=xor", "architectures=*", "includes=xor.h"} < set(properties)
    tmp_path.joinpath("main.cpp").write_text(ARDUINO, encoding="utf-8")
    sketch = '-DSKETCH="xor/examples/xor/xor.ino"'
    build = [compiler("g++"), "-std=gnu++11", "-Os", "-Wall", "-Wextra", "-Werror", "-Ixor/src", sketch, "main.cpp"]
    built = subprocess.run([*build, "-o", "main"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    printed = subprocess.run([str(tmp_path / "main")], capture_output=True, text=True, check=True).stdout.split("\n")
    assert printed == ["self-test passed", *to_hex(net.predict([[0.5, 0.5]])[0]), ""]


@pytest.mark.parametrize(
    ("flags", "board"),
    [
        ("-mcpu=cortex-m4 -mfpu=fpv4-sp-d16", "mps2-an386"),
        ("-mcpu=cortex-m7 -mfpu=fpv5-d16", "mps2-an500"),  # which has fused products and sums of doubles
    ],
)
def test_arduino_on_arm(flags: str, board: str, tmp_path: Path) -> None:
    """The sketch predicts to the same bits on the processors of ARM boards, which QEMU emulates."""
    for tool in ("arm-none-eabi-g++", "qemu-system-arm"):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} here")
    write(NETWORKS[0], "arduino", tmp_path, "xor")
    tmp_path.joinpath("main.cpp").write_text(ARDUINO, encoding="utf-8")
    embedded = ROOT / "examples" / "embedded"
    processor = [*flags.split(), "-mthumb", "-mfloat-abi=hard", "-Os"]
    warnings = ["-std=gnu++11", "-fno-exceptions", "-Wall", "-Wextra", "-Werror", "-Isrc"]
    board_files = ["-nostartfiles", "--specs=rdimon.specs", "-T", str(embedded / "mps2.ld"), "start.o"]
    for build in (
        ["arm-none-eabi-gcc", *processor, "-c", str(embedded / "start.c")],
        ["arm-none-eabi-g++", *processor, *warnings, '-DSKETCH="examples/xor/xor.ino"', "-S", "main.cpp"],
        ["arm-none-eabi-g++", *processor, *board_files, "main.s", "-o", "main.elf"],
    ):
        built = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert built.returncode == 0, built.stderr
    assert not re.search(r"\bvfn?m[as]\.f64", tmp_path.joinpath("main.s").read_text(encoding="utf-8"))
    quiet = ["-nographic", "-monitor", "none", "-serial", "none", "-semihosting-config", "enable=on,target=native"]
    emulated = ["qemu-system-arm", "-M", board, *quiet, "-kernel", str(tmp_path / "main.elf")]
    found = subprocess.run(emulated, capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.split("\n") == ["self-test passed", *to_hex(NETWORKS[0].predict([[0.5, 0.5]])[0]), ""]


def test_arduino_of_eight_bits(tmp_path: Path) -> None:
    """Where double has 32 bits, as on AVR boards, the header says so."""
    write(NETWORKS[0], "arduino", tmp_path, "xor")
    tmp_path.joinpath("main.cpp").write_text('#include "src/xor.h"\n', encoding="utf-8")
    tmp_path.joinpath("float.h").write_text(
        "#define FLT_EVAL_METHOD 0\n#define DBL_MANT_DIG 24\n#define DBL_MAX_EXP 128\n", encoding="utf-8"
    )
    command = [compiler("g++"), "-std=gnu++11", "-I.", "-fsyntax-only", "main.cpp"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode != 0
    assert "double must be IEEE 754 binary64" in found.stderr


def test_onnx(tmp_path: Path) -> None:
    """The file holds the network, as `to_onnx` writes it."""
    pytest.importorskip("onnx")
    NETWORKS[6].save(tmp_path / "net.json")
    found = run("net.json", "--to", "onnx", "--out", "net.onnx", folder=tmp_path)
    assert (found.returncode, found.stderr) == (0, "wrote net.onnx\n")
    assert exchange.from_onnx(tmp_path / "net.onnx") == NETWORKS[6]


WRONG_BUILDS = [
    "gcc -funsafe-math-optimizations -O3",
    "clang -funsafe-math-optimizations -O3",
    "clang -ffp-contract=fast -march=haswell -O2",  # in which it takes no notice of the pragma
    "gcc -Dwrong",
]


@pytest.mark.parametrize("command", WRONG_BUILDS)
def test_c_self_test_fails(command: str, tmp_path: Path) -> None:
    """A build that reorders sums or fuses is found by the self-test, if not refused; so are other weights."""
    name, *flags = command.split()
    text = export(NETWORKS[0], "c", "xor")
    first = next(line for line in text.splitlines() if line.startswith("    0x"))
    if "-Dwrong" in flags:
        text = text.replace(first, first.replace("0x3", "0x4").replace("0xb", "0xc"))
    tmp_path.joinpath("xor.h").write_text(text, encoding="utf-8")
    source = '#include "xor.h"\nint main(void) { return xor_self_test(); }\n'
    tmp_path.joinpath("main.c").write_text(source, encoding="utf-8")
    build = [compiler(name), *flags, "main.c", "-o", "main"]
    built = subprocess.run(build, check=False, cwd=tmp_path, capture_output=True, text=True)
    if built.returncode == 0:
        subprocess.run([str(tmp_path / "main")], check=True)
    else:
        assert "-ffast-math and its parts change results" in built.stderr


def test_c_has_no_other_activations() -> None:
    """No activation is called that the network does not use, so that compilers leave it out."""
    for net in NETWORKS:
        cases = set(re.findall(r"case NET_(\w+):", export(net, "c", "net")))
        assert cases == {name.upper() for name in net.activations} - {"IDENTITY", "SOFTMAX"}  # which have none


def test_names(tmp_path: Path) -> None:
    """Any allowed name makes a header that compiles, also one like the template's own."""
    for name in ("NETWORK_a", "network_", "x", "X9_"):
        tmp_path.joinpath("net.h").write_text(export(NETWORKS[1], "c", name), encoding="utf-8")
        subprocess.run([compiler("gcc"), "-std=c99", *WARNINGS, "-fsyntax-only", "net.h"], check=True, cwd=tmp_path)


@pytest.mark.parametrize("activation", ["identity", "softsign", "tanh"])
def test_infinite_outputs(activation: Activation, tmp_path: Path) -> None:
    """Finite weights may give infinities and NaN, with which the self-tests agree all the same."""
    net = Network(2, 2, 1, activation=activation)
    net.parameters[:] = memoryview(from_hex(["7fe1ccf385ebc8a0", "ffe1ccf385ebc8a0"] * 4 + ["3ff0000000000000"]))
    names: dict[str, Any] = {}
    exec(compile(export(net, "python"), "exported", "exec"), names)
    assert names["self_test"]() is True
    tmp_path.joinpath("net.h").write_text(export(net, "c", "net"), encoding="utf-8")
    tmp_path.joinpath("main.c").write_text('#include "net.h"\nint main(void) { return !net_self_test(); }\n', "utf-8")
    for level in ("-O0", "-O2"):
        build = [compiler("gcc"), "-std=c99", *WARNINGS, level, "main.c", "-o", "main"]
        subprocess.run(build, check=True, cwd=tmp_path)
        subprocess.run([str(tmp_path / "main")], check=True)


def test_c_example(tmp_path: Path) -> None:
    """The example in the header's comment compiles as it stands, and prints the prediction."""
    net = NETWORKS[0]
    text = export(net, "c", "xor")
    tmp_path.joinpath("xor.h").write_text(text, encoding="utf-8")
    example = text.split("-ffp-contract=off:\n\n")[1].split("*/")[0]
    tmp_path.joinpath("main.c").write_text(example, encoding="utf-8")
    build = [compiler("gcc"), "-std=c99", *WARNINGS, "-ffp-contract=off", "main.c", "-o", "main"]
    subprocess.run(build, check=True, cwd=tmp_path)
    found = subprocess.run([str(tmp_path / "main")], capture_output=True, text=True, check=True)
    assert float(found.stdout) == net.predict([[0.5, 0.5]])[0][0]


REFUSED = [
    ("-ffast-math", "-ffast-math and its parts change results"),
    ("-m32 -mfpmath=387 -isystem .", "double must be evaluated as double"),
    ("-std=gnu89", "this header needs C99 or C++11"),
]


@pytest.mark.parametrize(("flag", "message"), REFUSED)
def test_c_refused(flag: str, message: str, tmp_path: Path) -> None:
    """Where the compiler would give other results, it is told at once."""
    tmp_path.joinpath("gnu").mkdir()
    tmp_path.joinpath("gnu", "stubs-32.h").touch()
    tmp_path.joinpath("net.h").write_text(export(NETWORKS[0], "c", "net"), encoding="utf-8")
    command = [compiler("gcc"), *flag.split(), "-isystem", "/usr/include/x86_64-linux-gnu", "-fsyntax-only", "net.h"]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert found.returncode != 0
    assert message in found.stderr


def test_templates() -> None:
    """The template in Python is a real source, whose own example predicts what bitprop does."""
    path = ROOT / "src" / "bitprop" / "templates" / "network.py"
    names: dict[str, Any] = {"__name__": "template"}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    assert names["self_test"]()
    net = Network(2, 1)
    net.parameters[:] = memoryview(from_hex([f"{bits:016x}" for bits in names["PARAMETERS"]]))
    assert names["predict"]([0.25, 0.5]) == net.predict([[0.25, 0.5]])[0]


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command."""
    command = [sys.executable, "-m", "bitprop", "export", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def test_command(tmp_path: Path) -> None:
    """Printed, written, as JSON; names from the file's, or as told."""
    net = NETWORKS[1]
    net.save(str(tmp_path / "my net.json"))
    assert run("my net.json", "--to", "python", folder=tmp_path).stdout == export(net, "python")
    found = run("my net.json", "--to", "c", "--out", "a-b.h", folder=tmp_path)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "wrote a-b.h\n")
    assert tmp_path.joinpath("a-b.h").read_text(encoding="utf-8") == export(net, "c", "a_b", "a-b.h")
    fields = json.loads(run("my net.json", "--to", "c", "--name", "Xy", "--json", folder=tmp_path).stdout)
    assert fields["text"] == export(net, "c", "Xy")
    assert fields["fingerprint"] == net.fingerprint()
    for language, file in (("javascript", "net.mjs"), ("rust", "net.rs")):
        assert run("my net.json", "--to", language, "--out", file, folder=tmp_path).stderr == f"wrote {file}\n"
        assert tmp_path.joinpath(file).read_text(encoding="utf-8") == export(net, language, "net", file)
        printed = run("my net.json", "--to", language, folder=tmp_path).stdout
        assert printed == export(net, language, "my_net")
    tmp_path.joinpath("libraries").mkdir()
    for _ in range(2):  # the folder may be there
        found = run("my net.json", "--to", "arduino", "--out", "libraries/my-net/", "--json", folder=tmp_path)
        assert json.loads(found.stdout)["name"] == "my_net"
    header = tmp_path.joinpath("libraries", "my-net", "src", "my_net.h").read_text(encoding="utf-8")
    assert header == export(net, "c", "my_net")


def test_bad_use(tmp_path: Path) -> None:
    """One clear error, and nothing written."""
    NETWORKS[2].save(str(tmp_path / "net.json"))
    tmp_path.joinpath("other").mkdir()
    tmp_path.joinpath("other", "library.properties").write_text("name=servo\n", encoding="utf-8")
    for arguments, message in (
        (["net.json", "--to", "fortran"], "fortran"),
        (["net.json"], "--to"),
        (["none.json", "--to", "c"], "none.json"),
        (["net.json", "--to", "c", "--name", "1x"], "name is '1x'"),
        (["net.json", "--to", "c", "--out", "no/such/x.h"], "there is no folder no/such"),
        (["net.json", "--to", "c", "--out", "./net.json"], "the same file as the model"),
        (["net.json", "--to", "python", "--name", "x"], "expected it with --to c"),
        (["net.json", "--to", "python", "--out", "class.py"], "--out is 'class.py', expected a name that import takes"),
        (["net.json", "--to", "python", "--out", "my-net.py"], "expected a name that import takes"),
        (["net.json", "--to", "python", "--out", "net.h"], "--out is 'net.h', expected a name that ends in .py"),
        (["net.json", "--to", "c", "--out", "net.py"], "--out is 'net.py', expected a name that ends in .h"),
        (["net.json", "--to", "rust", "--out", "net.mjs"], "--out is 'net.mjs', expected a name that ends in .rs"),
        (["net.json", "--to", "javascript", "--name", "x"], "expected it with --to c"),
        (["net.json", "--to", "arduino"], "expected the folder to write"),
        (["net.json", "--to", "arduino", "--out", "net.json"], "--out is 'net.json', which is no folder"),
        (["net.json", "--to", "arduino", "--out", ""], "--out is '', which is no folder"),
        (
            ["net.json", "--to", "arduino", "--out", "net.h"],
            "expected a name that ends in nothing, since it is a folder",
        ),
        (["net.json", "--to", "arduino", "--out", "net", "--name", "1x"], "name is '1x'"),
        (["net.json", "--to", "arduino", "--out", "String"], "name is 'String', which is a header of C or Arduino"),
        (["net.json", "--to", "arduino", "--out", "no/net"], "no/net: the folder is not there"),
        (["net.json", "--to", "arduino", "--out", "other"], "other has another library, of which it says 'name=servo'"),
        (["net.json", "--to", "rust", "--out", "net.js"], "--out is 'net.js', expected a name that ends in .rs"),
        (["net.json", "--to", "python", "--out", "net.c"], "--out is 'net.c', expected a name that ends in .py"),
        (["net.json", "--to", "onnx"], "expected the file to write"),
        (["net.json", "--to", "onnx", "--out", "net"], "expected a name that ends in .onnx"),
    ):
        found = run(*arguments, folder=tmp_path)
        assert found.returncode == 2
        assert message in found.stderr
        assert len(found.stderr.splitlines()) == 1
    assert sorted(entry.name for entry in tmp_path.rglob("*")) == ["library.properties", "net.json", "other"]
    with pytest.raises(OptionError, match="expected one of c, python"):
        export(NETWORKS[2], "java")
    assert [identifier(text) for text in ("a-b", "7up", "_x", "ö")] == ["a_b", "net_7up", "net_x", "net_"]


@pytest.mark.parametrize("file", ["x*/y.h", 'a".h', "a\\b.h", "a\nb.h", "\udcff.h", ""])
def test_files_that_no_include_line_holds(file: str) -> None:
    """A file name cannot end the comment that shows it, or break its line."""
    with pytest.raises(OptionError, match=r"file is .*expected a name that #include can hold"):
        export(NETWORKS[2], "c", "net", file)


def test_names_that_differ_in_case(tmp_path: Path) -> None:
    """Headers of net and Net serve one program; those of net and NET, whose macros are alike, are refused in words."""
    for number, name in enumerate(("net", "Net", "NET")):
        text = export(Network(2, 2, 1, seed=number), "c", name)
        tmp_path.joinpath(f"{number}.h").write_text(text, encoding="utf-8")

    def compiled(*numbers: int) -> subprocess.CompletedProcess[str]:
        names = [("net", "Net", "NET")[number] for number in numbers]
        lines = [f'#include "{number}.h"' for number in numbers]
        lines += ["int main(void) {", f"return !({' && '.join(f'{name}_self_test()' for name in names)});", "}"]
        tmp_path.joinpath("main.c").write_text("\n".join([*lines, ""]), encoding="utf-8")
        command = [compiler("gcc"), "-std=c99", "-ffp-contract=off", "-o", "main", "main.c"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert compiled(0, 1).returncode == 0
    assert subprocess.run([str(tmp_path / "main")], check=False).returncode == 0
    refused = compiled(0, 2)
    assert refused.returncode != 0
    assert "two exported networks have macros that begin with NET_: export one with another --name" in refused.stderr


@pytest.mark.parametrize("name", ["a\u2028b.mjs", "a\u2029b.mjs", "a\u202eb.rs", "a\x85b.h", "a/*b.h", "a*/b.h"])
def test_names_that_would_end_a_comment(name: str) -> None:
    """They are refused in every language: what follows them would be a program of its own."""
    for to in LANGUAGES:
        with pytest.raises(OptionError, match="expected a name that #include can hold"):
            export(Network(2, 2, 1), to, file=name)
