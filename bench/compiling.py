# SPDX-License-Identifier: MIT
"""C contestants as shared libraries."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
COMPILER = os.environ.get("CC", "gcc")  # gcc vectorises with the exp of libmvec


def library(source: str, flags: Sequence[str], libraries: Sequence[str]) -> ctypes.CDLL:
    """The library of a source beside this file. The process ends with the compiler's words where there is none."""
    with tempfile.TemporaryDirectory() as folder:
        compiled, linked = f"{folder}/contestant.o", f"{folder}/contestant.so"
        # In two steps: linked with -Ofast, it would flush subnormal numbers to zero in the whole process.
        compilation = [*flags, "-fPIC", "-c", "-o", compiled, source]
        for step in (compilation, ["-shared", "-o", linked, compiled, *libraries, "-lm"]):
            done = subprocess.run([COMPILER, *step], cwd=HERE, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(next((line for line in done.stderr.splitlines() if "error" in line), "it does not compile"))
        return ctypes.CDLL(linked)
