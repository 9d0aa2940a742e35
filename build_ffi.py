# SPDX-License-Identifier: MIT
"""Builds the extension bitprop._core (cffi, API mode) from the C core, whose headers are the interface as it stands."""

import os
import re
import sys
from pathlib import Path

from cffi import FFI

marked = "".join(
    re.split(
        r"/\* --- declarations for cffi: (?:begin|end) --- \*/",
        Path(__file__).resolve().parent.joinpath("csrc", header).read_text(encoding="utf-8"),
    )[1]
    for header in ("bitprop.h", "levenberg.h")
)
# One rounding per operation (docs/contract.md §1) and full optimisation, whatever Python itself was built with.
flags = ["/O2", "/fp:precise"] if sys.platform == "win32" else ["-O3", "-ffp-contract=off", "-g0"]

ffibuilder = FFI()
ffibuilder.cdef(marked)
ffibuilder.set_source(
    "bitprop._core",
    '#include "levenberg.h"',
    sources=["csrc/simd.c"],
    depends=sorted(map(str, Path("csrc").glob("*.[ch]"))),
    include_dirs=["csrc"],
    extra_compile_args=flags,
    # ctypes opens the same file, so its symbols must be visible; elsewhere the header's pragma sees to that.
    export_symbols=re.findall(r"\b(bp_\w+)\(", marked) if sys.platform == "win32" else [],
    optional=os.environ.get("BITPROP_BUILD", "auto") == "auto",
)
