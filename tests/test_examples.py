# SPDX-License-Identifier: MIT
"""The examples that need no other machine; those for others are in tests/platforms."""

from __future__ import annotations

import importlib.util
import random
import shutil
import subprocess
import sys
from pathlib import Path

from bitprop import Network, datasets

ROOT = Path(__file__).resolve().parent.parent
MICROPYTHON = ROOT / "examples" / "micropython"


def test_training_by_the_pure_file(tmp_path: Path) -> None:
    """The pure file, the small `random` and the example, away from the package, end at the package's fingerprint."""
    for path in (ROOT / "src" / "bitprop" / "_pure.py", *MICROPYTHON.glob("*.py")):
        shutil.copy(path, tmp_path)
    command = [sys.executable, "-S", "train_xor.py"]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    net = Network(2, 4, 4, 1, bias=False)
    net.fit(*datasets.xor(), epochs=100)
    assert found.stdout == f"fingerprint {net.fingerprint()}\n"


def test_random_for_small_pythons() -> None:
    """examples/micropython/random.py is random.Random, as far as it goes."""
    spec = importlib.util.spec_from_file_location("small_random", ROOT / "examples" / "micropython" / "random.py")
    assert spec is not None
    assert spec.loader is not None
    small = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(small)
    for seed in (0, 1, 2**32 - 1, 2**32, 2**64 - 1, 2**64, 2**65 + 12345):
        ours, theirs = small.Random(seed), random.Random(seed)
        for _ in range(700):
            assert ours.random() == theirs.random()
        for k in range(1, 33):
            assert ours.getrandbits(k) == theirs.getrandbits(k)
        ours.seed(seed + 1)
        assert ours.random() == random.Random(seed + 1).random()
