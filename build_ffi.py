# SPDX-License-Identifier: MIT
"""Builds the extension bitprop._core (cffi, API mode) from the C core, whose header is the interface as it stands."""

import os
import re
import sys
from pathlib import Path

from cffi import FFI

header = Path(__file__).resolve().parent.joinpath("csrc", "bitprop.h").read_text(encoding="utf-8")
marked = re.split(r"/\* --- declarations for cffi: (?:begin|end) --- \*/", header)[1]
# One rounding per operation (docs/contract.md §1) and full optimisation, whatever Python itself was built with.
flags = ["/O2", "/fp:precise"] if sys.platform == "win32" else ["-O3", "-ffp-contract=off", "-g0"]

ffibuilder = FFI()
ffibuilder.cdef(marked)
ffibuilder.set_source(
    "bitprop._core",
    '#include "bitprop.h"',
    sources=["csrc/simd.c"],
    depends=sorted(map(str, Path("csrc").glob("*.[ch]"))),
    include_dirs=["csrc"],
    extra_compile_args=flags,
    # ctypes opens the same file, so its symbols must be visible; elsewhere the header's pragma sees to that.
    export_symbols=re.findall(r"\b(bp_\w+)\(", marked) if sys.platform == "win32" else [],
    optional=os.environ.get("BITPROP_BUILD", "auto") == "auto",
)
