# SPDX-License-Identifier: MIT
"""What the inner loops of the kernels cost on processors that are not at hand: `python bench/port_model.py`.

A port model knows for each processor which of its units runs an instruction, and for how long. llvm-mca takes the loops
from the compiler's output and tells how many cycles an iteration takes when nothing else stands in the way: no cache
misses, no branch mispredicted. So figures of one processor compare well with each other, less so with a clock.
"""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROCESSORS = ("sapphirerapids", "skylake-avx512", "alderlake", "znver4")
PASSES = """
static const uint32_t model_sizes[4] = {{2, 4, 4, 1}};
double *model_forward_{level}(const chunk *at, const double *parameters, size_t blocks, size_t rest) {{
    return forward_chunk_{level}(at->values, NULL, parameters, model_sizes, NULL, 0, 4, 0, blocks, rest, 1);
}}
void model_backward_{level}(const chunk *at, const double *parameters, const double *outputs, size_t blocks,
                            int begin) {{
    backward_common_{level}(at, NULL, parameters, outputs, model_sizes, 4, 0, blocks, begin);
}}
"""
KERNELS = {"avx512": "fma,avx512f,avx512dq,avx512vl", "avx2": "avx2,fma"}
OURS = ["-O3", "-ffp-contract=off", f"-I{HERE.parent / 'csrc'}"]
KINDS = ("mul[ps]d", "(?:add|sub)[ps]d", "fn?m(?:add|sub)", "div[ps]d")


def tools() -> tuple[str, str] | None:
    """gcc and llvm-mca, the newest; None where one is missing."""
    names = ["llvm-mca", *(f"llvm-mca-{version}" for version in range(17, 30))]
    paths = [path for path in map(shutil.which, names) if path]
    compiler = shutil.which("gcc")
    return (compiler, paths[-1]) if compiler and paths else None


def assembly(compiler: str, source: str, flags: list[str]) -> str:
    """The compiler's output for a source, with the line that each instruction comes from."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "model.c").write_text(source, encoding="utf-8")
        command = [compiler, "-S", "-g1", "-o", f"{folder}/model.s", *flags, f"{folder}/model.c"]
        subprocess.run(command, check=True)
        return Path(folder, "model.s").read_text(encoding="utf-8")


def functions(path: Path) -> dict[int, str]:
    """For each line of a source, the function that it stands in."""
    names, name = {}, ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        begins = re.match(r"[A-Za-z].*?\b(?:LEVEL\((\w+)\)|(\w+))\(.*[,{]$", line)
        name = (begins[1] or begins[2]) if begins else name
        names[number] = name
    return names


def loops(text: str, function: str) -> Iterator[tuple[str, list[str]]]:
    """The innermost loops of a function that calculate with vectors: whose work each is, and its instructions."""
    files = {
        number: functions(path)
        for number, path in re.findall(r'^\t\.file (\d+) .*"(\S+\.[ch])"', text, re.M)
        for path in [Path(path)]
        if path.is_file()
    }
    body = text[text.index(f"\n{function}:\n") : text.index(f"\n\t.size\t{function},")].splitlines()
    labels = {line[:-1]: number for number, line in enumerate(body) if re.match(r"\.L\d+:$", line)}
    for end, line in enumerate(body):
        jump = re.match(r"\tj\w+\t(\.L\d+)$", line)
        start = labels.get(jump[1], end) if jump else end
        inside = body[start + 1 : end + 1]
        code = [each for each in inside if re.match(r"\t[a-z]", each)]
        branches = [each for each in code if re.match(r"\tj", each)]
        if len(branches) != 1 or sum("pd\t" in each for each in code) < 4:
            continue
        places = (re.match(r"\t\.loc (\d+) (\d+)", each) for each in inside)
        work = Counter(files.get(place[1], {}).get(int(place[2]), "") for place in places if place)
        yield work.most_common(1)[0][0] if work else "", code


def cycles(mca: str, code: list[str], processor: str) -> str:
    """The cycles that an iteration takes; - where the processor lacks an instruction."""
    command = [mca, "-mtriple=x86_64", f"-mcpu={processor}", "-iterations=200"]
    done = subprocess.run(command, input="\n".join(code), capture_output=True, text=True, check=False)
    total = re.search(r"Total Cycles:\s+(\d+)", done.stdout)
    return f"{int(total[1]) / 200:.1f}" if total else "-"


def passes() -> str:
    """A C program with a function for each kernel's pass forward and back, of the home shape."""
    source = '#include "simd.c"\n'
    for level, target in KERNELS.items():
        source += f'#pragma GCC push_options\n#pragma GCC target("{target}")\n'
        source += PASSES.format(level=level).replace("model_sizes", f"model_sizes_{level}")
        source += "#pragma GCC pop_options\n"
    return source


def table(compiler: str, mca: str) -> list[list[str]]:
    """A row for each loop: the function that most of it comes from, what it computes with, and its cycles."""
    rows = [["loop", "mul", "add", "fused", "div", *PROCESSORS]]
    text = assembly(compiler, passes(), OURS)
    for level, direction in itertools.product(KERNELS, ("forward", "backward")):
        for place, code in loops(text, f"model_{direction}_{level}"):
            counts = [sum(bool(re.match(rf"\tv?{kind}", each)) for each in code) for kind in KINDS]
            rows.append([f"{level}: {place}", *map(str, counts), *(cycles(mca, code, cpu) for cpu in PROCESSORS)])
    return rows


def main() -> None:
    """Prints the table."""
    paths = tools()
    if paths is None:
        sys.exit("needs gcc, and llvm-mca 17 or newer (Debian: apt-get install llvm-19)")
    rows = table(*paths)
    widths = [max(map(len, column)) for column in zip(*rows)]
    for first, *rest in rows:
        print(f"{first:{widths[0]}}  " + "  ".join(map(str.rjust, rest, widths[1:])))


if __name__ == "__main__":
    main()
