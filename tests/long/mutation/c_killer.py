# SPDX-License-Identifier: MIT
"""Kills mutants of the C core by its own tests, tests/c/test_bitprop.c, which replay the golden vectors.

Each mutant meets, in this order and to its death: the tests by tcc (fast, and with the parts that no processor with
SSE2 builds), in the default environment; those by gcc, in every environment; and, where they are asked for, those with
sanitizers. What gcc makes the same code of, with and without SSE2, is equivalent.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[3]
CORE = ROOT / "csrc"
TESTS = ROOT / "tests" / "c"
FLAGS = ["-std=c99", "-ffp-contract=off", "-w"]
# The tests for tcc, whose core leaves the environment as it is.
PLAIN = """#include <fenv.h>
#undef FE_UPWARD
#undef FE_DOWNWARD
#undef FE_TOWARDZERO
#undef __SSE2__
#include "test_bitprop.c"
"""
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


class Way(NamedTuple):
    """How to build the core, and what then runs its tests."""

    build: list[list[str]]
    run: str
    seconds: int = 600  # of the processor, after which the tests have failed


TCC = Way(
    [["tcc", "-std=c99", "-w", "-DFLT_EVAL_METHOD=0", "-shared", "levenberg.c", "-o", "libcore.so"]], "./plain 1", 3
)


def by_gcc(tests: str, *options: str) -> Way:
    """The tests by gcc, of which `tests` is the object."""
    compiled = ["gcc", *FLAGS, "-O1", *options, "-c", "levenberg.c", "-o", "core.o"]
    return Way([compiled, ["gcc", *options, "core.o", tests, "-lm", "-o", "tests"]], "./tests")


class CKiller:
    """The tests, built once in a folder; and the core, built anew with each mutant of one of its files."""

    def __init__(self, folder: Path, target: str, sanitize: bool):
        self.folder, self.target = folder, target
        for name in ("bitprop.h", "bitprop.c", "levenberg.h", "levenberg.c"):
            shutil.copy(CORE / name, folder / name)
        subprocess.run([sys.executable, str(TESTS / "make_vectors.py")], check=True)
        folder.joinpath("plain.c").write_text(PLAIN, encoding="utf-8")
        compiled = ["gcc", *FLAGS, "-O1", "-I", str(CORE), "-I", str(TESTS)]
        self.tcc = shutil.which("tcc") is not None
        self.ways: list[Way] = []
        if self.tcc:
            self._build(TCC.build)
            self._build([[*compiled, "plain.c", "-L.", "-lcore", "-Wl,-rpath,$ORIGIN", "-lm", "-o", "plain"]])
            self.ways.append(TCC)
        self._build([[*compiled, "-c", str(TESTS / "test_bitprop.c"), "-o", "tests.o"]])
        self.ways.append(by_gcc("tests.o"))
        if sanitize:
            self._build([[*compiled, *SANITIZERS, "-c", str(TESTS / "test_bitprop.c"), "-o", "sanitized.o"]])
            self.ways.append(by_gcc("sanitized.o", *SANITIZERS))
        self.code = self._code()
        self.expected = []
        for number, way in enumerate(self.ways):
            begun = os.times().children_user
            self._build(way.build)
            self.expected.append(self._failures(way, None))
            self.ways[number] = way._replace(seconds=int(2.0 * (os.times().children_user - begun)) + 2)

    def _build(self, commands: list[list[str]]) -> bool:
        return all(
            subprocess.run(command, cwd=self.folder, capture_output=True, check=False).returncode == 0
            for command in commands
        )

    def _code(self) -> list[str]:
        """What gcc makes of the core, with SSE2 and without; nothing where that fails."""
        code = []
        for options in ([], ["-U__SSE2__"]):
            if not self._build([["gcc", *FLAGS, "-O1", *options, "-S", "levenberg.c", "-o", "core.s"]]):
                return []
            code.append(self.folder.joinpath("core.s").read_text(encoding="utf-8"))
        return code

    def _failures(self, way: Way, expected: list[str] | None) -> list[str]:
        """What the tests of a built core tell: up to the first failure that is not expected, where some are."""
        told: list[str] = []
        run = ["sh", "-c", f"ulimit -t {way.seconds}; exec {way.run}"]
        with subprocess.Popen(
            run, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace"
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                told.append(line)
                if expected is not None and line not in expected:
                    process.kill()
                    break
        return told

    def verdict(self, source: str) -> str:
        """What becomes of a mutant."""
        self.folder.joinpath(self.target).write_text(source, encoding="utf-8")
        for number, (way, expected) in enumerate(zip(self.ways, self.expected)):
            if not self._build(way.build):
                return "does not compile"
            if number == self.tcc and self._code() == self.code:
                return "same code"
            if self._failures(way, expected) != expected:
                return "killed"
        return "alive"
