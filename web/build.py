# SPDX-License-Identifier: MIT
"""Builds the playground, src/bitprop/playground.html, from this folder and the C core: one file, which needs no other.

    pip install ziglang==0.17.1 && python web/build.py

The installed bitprop gives the names, the limits of options and the templates of exported networks. The compiler's
version decides the bytes of the program, not what it calculates: the core's self-test runs when the page begins.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import math
import re
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

from bitprop import Network, export, names
from bitprop.checks import options

WEB = Path(__file__).resolve().parent
ROOT = WEB.parent
PAGE = ROOT / "src" / "bitprop" / "playground.html"
C_SOURCES = [
    *("csrc/bitprop.h", "csrc/bitprop.c", "csrc/levenberg.h", "csrc/levenberg.c"),
    *("web/wasm/string.h", "web/wasm/memory.c", "web/wasm/playground.c"),
]
# In this order they are one script: each after those that it imports.
MODULES = [
    *("errors", "sha256", "core", "datasets", "split", "numbers", "features", "experiment"),
    *("training", "url", "scripts"),
    *("exports", "step", "api", "presets", "csv", "form", "draw", "rules"),
    "formulas",
    *("state", "diagram", "weights", "view", "running", "runs", "points", "share", "page"),
]


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


def pack(content: bytes) -> str:
    """A program or a script as the page holds it: compressed, which makes the page less than half as long."""
    return base64.b64encode(zlib.compress(content, 9)).decode()


def unpack(packed: str) -> bytes:
    """What was packed. Compressors differ, so a test compares this and not the packed text."""
    return zlib.decompress(base64.b64decode(packed))


def held(text: str, name: str) -> str:
    """What a page, by the name SCRIPT, or a script, by the name WASM, holds in packed form."""
    packed: str = re.findall(rf'^const {name} = "(.*)";$', text, re.MULTILINE)[0]
    return packed


def exported(language: str) -> str:
    """The text of an exported network that has every activation."""
    activations = names.ACTIVATIONS
    return export.export(Network(*(1 for _ in (*activations, 0)), activation=activations), language)


def generated(packed: str) -> str:
    """The text of the module generated.mjs: the program, the hash of its sources, names, limits and templates."""
    limits = {
        name: (least, None if math.isinf(end) else end, words) for name, (least, end, words) in options.LIMITS.items()
    }
    sources = hashlib.sha256(b"".join(ROOT.joinpath(file).read_bytes() for file in C_SOURCES)).hexdigest()
    constants = {
        "WASM": packed,
        "SOURCES": sources,
        "ACTIVATIONS": names.ACTIVATIONS,
        "INITS": names.INITS,
        "LOSSES": names.LOSSES,
        "PARTNERS": names.PARTNERS,
        "RULES": names.RULES,
        "RULE_OPTIONS": names.RULE_OPTIONS,
        "LEARNING_RATES": names.LEARNING_RATES,
        "LIMITS": limits,
        "EXPORTED_C": exported("c"),
        "EXPORTED_PYTHON": exported("python"),
    }
    return "".join(f"export const {name} = {json.dumps(value)};\n" for name, value in constants.items())


def module(name: str, text: str) -> str:
    """A module as a part of the one script: a function whose value holds what it exports. It has no comments."""
    text = re.sub(r"^ *(//.*|/\*\*(.|\n)*?\*/)\n", "", text, flags=re.MULTILINE)
    text = re.sub(r'^import (\{[^}]*\}) from "\./(\w+)\.mjs";', r"const \1 = \2Module;", text, flags=re.MULTILINE)
    exports = re.findall(r"^export (?:async )?(?:function|class|const) ([\w$]+)", text, flags=re.MULTILINE)
    text = re.sub(r"^export ", "", text, flags=re.MULTILINE)
    return f"const {name}Module = (() => {{\n{text}return {{ {', '.join(exports)} }};\n}})();\n"


def script(packed_program: str) -> str:
    """The one script of the page, with the packed program in it."""
    text = module("generated", generated(packed_program))
    for name in MODULES:
        text += module(name, WEB.joinpath(f"{name}.mjs").read_text(encoding="utf-8"))
    return text


def page(packed_script: str) -> str:
    """The page around a packed script."""
    text = WEB.joinpath("page.html").read_text(encoding="utf-8")
    for mark, content in (
        ("/* style */\n", WEB.joinpath("page.css").read_text(encoding="utf-8")),
        ("/* script */", packed_script),
    ):
        before, after = text.split(mark)
        text = before + content + after
    return text


def main() -> None:
    """Writes the page."""
    parser = argparse.ArgumentParser(description="Builds the playground's page.")
    parser.add_argument("--out", type=Path, default=PAGE, help=f"({PAGE})")
    out = parser.parse_args().out
    out.write_bytes(page(pack(script(pack(compile_core())).encode())).encode())
    print(f"{out}: {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
