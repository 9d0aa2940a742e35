# SPDX-License-Identifier: MIT
"""Networks as source code: `bitprop export` to C and to Python."""

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
from pathlib import Path
from typing import Any

import pytest
from bits import from_hex, to_hex

from bitprop import Network, OptionError
from bitprop.export import export, identifier

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


def test_infinite_outputs(tmp_path: Path) -> None:
    """Finite weights may give infinities and NaN, with which the self-tests agree all the same."""
    net = Network(2, 2, 1, activation="identity")
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


def test_bad_use(tmp_path: Path) -> None:
    """One clear error."""
    NETWORKS[2].save(str(tmp_path / "net.json"))
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
    ):
        found = run(*arguments, folder=tmp_path)
        assert found.returncode == 2
        assert message in found.stderr
        assert len(found.stderr.splitlines()) == 1
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
