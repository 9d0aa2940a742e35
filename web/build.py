# SPDX-License-Identifier: MIT
"""Builds the playground, src/bitprop/playground.html, from this folder and the C core: one file, which needs no other.

    pip install ziglang==0.17.1 && python web/build.py [--out FILE]

The installed bitprop gives the names and the templates of exported networks. The compiler's version decides the bytes
of the WebAssembly, not what it calculates: the core's self-test runs when the page begins.
"""

from __future__ import annotations

import argparse
import base64
import json
import math
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from bitprop import names
from bitprop.checks import options

WEB = Path(__file__).resolve().parent
ROOT = WEB.parent
PAGE = ROOT / "src" / "bitprop" / "playground.html"
# In this order they are one script: each after those that it imports.
MODULES = ("errors", "sha256", "core", "datasets", "experiment", "training", "api")


def compile_core() -> bytes:
    """The core as WebAssembly."""
    zig = [sys.executable, "-m", "ziglang"]
    flags = ["-target", "wasm32-freestanding", "-std=c99", "-O2", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"]
    includes = ["-I", "web/wasm", "-I", "csrc"]
    with tempfile.TemporaryDirectory() as folder:
        objects = []
        for source, more in (("playground", []), ("memory", ["-fno-builtin"])):
            objects.append(f"{folder}/{source}.o")
            command = [*zig, "cc", *flags, *more, *includes, "-c", f"web/wasm/{source}.c", "-o", objects[-1]]
            subprocess.run(command, cwd=ROOT, check=True)
        program = f"{folder}/playground.wasm"
        link = ["--no-entry", "--strip-all", "-z", "stack-size=262144"]
        subprocess.run([*zig, "wasm-ld", *link, *objects, "-o", program], check=True)
        return Path(program).read_bytes()


def generated(wasm: bytes) -> str:
    """The text of the module generated.mjs: the program, and the names and limits of options."""
    limits = {
        name: (least, None if math.isinf(end) else end, words) for name, (least, end, words) in options.LIMITS.items()
    }
    constants = {
        "WASM": base64.b64encode(wasm).decode(),
        "ACTIVATIONS": names.ACTIVATIONS,
        "INITS": names.INITS,
        "LOSSES": names.LOSSES,
        "PARTNERS": names.PARTNERS,
        "RULES": names.RULES,
        "RULE_OPTIONS": names.RULE_OPTIONS,
        "LEARNING_RATES": names.LEARNING_RATES,
        "LIMITS": limits,
    }
    return "".join(f"export const {name} = {json.dumps(value)};\n" for name, value in constants.items())


def module(name: str, text: str) -> str:
    """A module as a part of the one script: a function whose value holds what it exports."""
    text = re.sub(r"^// SPDX.*\n", "", text)
    text = re.sub(r'^import (\{.*?\}) from "\./(\w+)\.mjs";', r"const \1 = \2Module;", text, flags=re.MULTILINE | re.DOTALL)
    exported = re.findall(r"^export (?:async )?(?:function|class|const) (\w+)", text, flags=re.MULTILINE)
    text = re.sub(r"^export ", "", text, flags=re.MULTILINE)
    return f"const {name}Module = (() => {{\n{text}return {{ {', '.join(exported)} }};\n}})();\n"


def build() -> str:
    """The page."""
    script = module("generated", generated(compile_core()))
    for name in MODULES:
        script += module(name, WEB.joinpath(f"{name}.mjs").read_text(encoding="utf-8"))
    page = WEB.joinpath("page.html").read_text(encoding="utf-8")
    style = WEB.joinpath("page.css").read_text(encoding="utf-8")
    for mark, text in (("/* style */", style), ("/* script */", script)):
        before, after = page.split(mark)
        page = before + text + after
    return page


def main() -> None:
    """Writes the page."""
    parser = argparse.ArgumentParser(description="Builds the playground's page.")
    parser.add_argument("--out", type=Path, default=PAGE)
    out = parser.parse_args().out
    out.write_text(build(), encoding="utf-8", newline="\n")
    print(f"{out}: {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
