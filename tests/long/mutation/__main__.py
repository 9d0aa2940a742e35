# SPDX-License-Identifier: MIT
"""The command of tests/long/mutants."""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
from pathlib import Path

import pytest

from . import c_source
from .c_killer import CKiller
from .ledger import Ledger
from .py_killer import PyKiller, try_module

ROOT = Path(__file__).resolve().parents[3]
C_TARGETS = ["csrc/bitprop.c", "csrc/levenberg.c"]
TWINS = ["refusals", "vectors", "twins", "mode", "resuming"]
CHECKS = ["matrices", "options", "bad_input", "frames", "memory", "mode", "network"]
WHOLE = 2**63  # a budget that no training spends
LENGTHY = ("fit", "schema", "stored", "alters", "pictures", "command", "pieces", "killed")  # words of their names
# The tests that try the mutants of a module: of each their file.
MODULES = {
    "src/bitprop/_pure.py": TWINS,
    "src/bitprop/_pure_levenberg.py": ["refusals", "levenberg", "vectors"],
    "src/bitprop/checks/matrices.py": CHECKS,
    "src/bitprop/checks/options.py": CHECKS,
}


def by_the_twin(item: pytest.Item) -> bool:
    """Whether a test, by its parameters, asks the pure twin or no backend, and is none of those that take long."""
    parameters = {} if (chosen := getattr(item, "callspec", None)) is None else chosen.params
    few = parameters.get("budget", WHOLE) in (WHOLE, 5)  # of the sizes of slices
    return _backend(item) == "python" and few and not set(LENGTHY) & set(item.name.split("[")[0].split("_"))


def by_two_backends(item: pytest.Item) -> bool:
    """Whether a test asks one of the backends between which checks differ, or none."""
    return _backend(item) in ("python", "cffi") and not set(LENGTHY) & set(item.name.split("_"))


def _backend(item: pytest.Item) -> str:
    """The backend that a test asks, of several the first; "python" where it does not tell."""
    chosen = getattr(item, "callspec", None)
    parameters = {} if chosen is None else chosen.params
    backend = parameters.get("core", parameters.get("backend", "python"))
    return str(backend if isinstance(backend, str) else backend[0])


def try_python(target: str, ledger: Ledger, every: int, end: float, again: bool) -> int:
    """Tries the mutants of a Python module that the ledger lacks; returns how many there are in all."""
    name = target[len("src/") : -len(".py")].replace("/", ".")
    killer = PyKiller(
        ROOT / target, name, ledger, every, end, again, by_two_backends if MODULES[target] is CHECKS else by_the_twin
    )
    return try_module([str(ROOT / "tests" / f"test_{test}.py") for test in MODULES[target]], killer)


def try_c(target: str, ledger: Ledger, every: int, end: float, again: bool, sanitize: bool) -> int:
    """Tries the mutants of a C source that the ledger lacks; returns how many there are in all."""
    mutants = list(c_source.mutants(ROOT.joinpath(target).read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory() as folder:
        killer = CKiller(Path(folder), Path(target).name, sanitize)
        for number in ledger.waiting(len(mutants), every, again):
            mutant = mutants[number]
            if time.monotonic() > end:
                break
            ledger.enter(number, killer.verdict(mutant.source), mutant.function, mutant.old, mutant.new)
    return len(mutants)


def main() -> int:
    """Tries the mutants, and tells the counts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("targets", nargs="*", default=[*C_TARGETS, *MODULES])
    parser.add_argument("--seconds", type=float, default=86400.0)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="those that are alive too")
    parser.add_argument("--sanitize", action="store_true", help="try those of C with sanitizers, too")
    parser.add_argument("--results", type=Path, default=Path(tempfile.gettempdir(), "bitprop-mutants.jsonl"))
    options = parser.parse_args()
    end, well = time.monotonic() + options.seconds, True
    for target in options.targets:
        fingerprint = hashlib.sha256(ROOT.joinpath(target).read_bytes()).hexdigest()[:16]
        ledger = Ledger(options.results, target, fingerprint)
        if target in MODULES:
            made = try_python(target, ledger, options.every, end, options.again)
        else:
            made = try_c(target, ledger, options.every, end, options.again, options.sanitize)
        well = ledger.report(made) and well
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
