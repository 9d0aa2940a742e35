# SPDX-License-Identifier: MIT
"""Kills mutants of the C core by its own tests, tests/c/test_bitprop.c, which replay the golden vectors.

Each mutant meets, in this order and to its death: the tests by tcc (fast, and with the parts that no processor with
SSE2 builds), in the default environment; those by gcc, in every environment; and, where they are asked for, those with
sanitizers. What gcc makes the same code of, with and without SSE2, is equivalent.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CORE = ROOT / "csrc"
TESTS = ROOT / "tests" / "c"
RUNTIME = "/usr/lib/x86_64-linux-gnu/tcc/libtcc1.a"
FLAGS = ["-std=c99", "-ffp-contract=off", "-w"]
# The tests for tcc, whose core leaves the environment as it is.
PLAIN = """#include <fenv.h>
#undef FE_UPWARD
#undef FE_DOWNWARD
#undef FE_TOWARDZERO
#undef __SSE2__
#include "test_bitprop.c"
"""
Way = tuple[str, list[str], str, list[str]]  # a compiler, its options, the tests' object, and what is linked to both
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


class CKiller:
    """The tests, built once in a folder; and the core, built anew with each mutant of one of its files."""

    def __init__(self, folder: Path, target: str, sanitize: bool):
        self.folder, self.target = folder, target
        for name in ("bitprop.h", "bitprop.c", "levenberg.h", "levenberg.c"):
            shutil.copy(CORE / name, folder / name)
        subprocess.run([sys.executable, str(TESTS / "make_vectors.py")], check=True)
        folder.joinpath("plain.c").write_text(PLAIN, encoding="utf-8")
        include = ["-I", str(CORE), "-I", str(TESTS)]
        for compiler, options, source, made in (
            ("gcc", ["-O1"], folder / "plain.c", "plain.o"),
            ("gcc", ["-O1"], TESTS / "test_bitprop.c", "tests.o"),
            *([("gcc", ["-O1", *SANITIZERS], TESTS / "test_bitprop.c", "sanitized.o")] if sanitize else []),
        ):
            self._run([compiler, *FLAGS, *options, *include, "-c", str(source), "-o", made])
        self.tcc = shutil.which("tcc") is not None and Path(RUNTIME).exists()
        self.ways: list[Way] = [("gcc", ["-O1"], "tests.o", [])]
        if sanitize:
            self.ways.append(("gcc", ["-O1", *SANITIZERS], "sanitized.o", SANITIZERS))
        if self.tcc:
            self.ways.insert(0, ("tcc", ["-DFLT_EVAL_METHOD=0"], "plain.o", [RUNTIME]))
        self.code = self._code()
        self.expected = [self._first_failures(way, None) for way in self.ways]
        assert None not in self.expected, "the core itself does not pass"

    def _run(self, command: list[str]) -> bool:
        return subprocess.run(command, cwd=self.folder, capture_output=True, check=False).returncode == 0

    def _code(self) -> list[str]:
        """What gcc makes of the core, with SSE2 and without."""
        code = []
        for options in ([], ["-U__SSE2__"]):
            if not self._run(["gcc", *FLAGS, "-O1", *options, "-S", "levenberg.c", "-o", "core.s"]):
                return []
            code.append(self.folder.joinpath("core.s").read_text(encoding="utf-8"))
        return code

    def _first_failures(self, way: Way, expected: list[str] | None) -> list[str] | None:
        """The failures that the tests tell, or None where they are not as expected: by the first that is not."""
        compiler, options, tests, libraries = way
        if not self._run([compiler, *FLAGS[:1], *options, "-ffp-contract=off", "-c", "levenberg.c", "-o", "core.o"]):
            return None
        if not self._run(["gcc", "core.o", tests, *libraries, "-lm", "-o", "tests"]):
            return None
        seconds = {"tcc": 3, "gcc": 15}[compiler] if libraries is not SANITIZERS else 60  # of the processor's time
        run = ["sh", "-c", f"ulimit -t {seconds}; exec ./tests {'1' if compiler == 'tcc' else ''}"]
        failures: list[str] = []
        with subprocess.Popen(
            run, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace"
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("FAILED"):
                    failures.append(line)
                    if expected is not None and line not in expected:
                        process.kill()
                        return None
                elif " cases, " in line:
                    failures.append(line)
        return failures if expected is None or failures == expected else None

    def verdict(self, source: str) -> str:
        """What becomes of a mutant."""
        self.folder.joinpath(self.target).write_text(source, encoding="utf-8")
        if not self._run(["tcc" if self.tcc else "gcc", "-std=c99", "-w", "-DFLT_EVAL_METHOD=0", "-c", "levenberg.c"]):
            return "does not compile"
        for number, (way, expected) in enumerate(zip(self.ways, self.expected)):
            if number == self.tcc:
                if not self._run(["gcc", *FLAGS, "-fsyntax-only", "levenberg.c"]):
                    return "does not compile"
                if self._code() == self.code:
                    return "same code"
            if self._first_failures(way, expected) is None:
                return "killed"
        return "alive"
