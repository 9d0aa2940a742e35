# SPDX-License-Identifier: MIT
"""The one place that chooses among the twins: cffi, ctypes or pure Python.

Sole reader of BITPROP_BACKEND (`auto`, `cffi`, `ctypes`, `python`) and BITPROP_KERNEL. A backend serves only after its
self-test; `auto` takes the first that does, and remembers why the faster ones do not.
"""

from __future__ import annotations

import functools
import importlib.metadata
import os
from array import array
from collections.abc import Sequence
from typing import Any

from .. import _pure
from ..errors import BackendError, BitpropError, FloatingPointModeError, OptionError, quoted
from ..names import BACKENDS, KERNELS
from . import mode
from .protocol import Core
from .python import PythonCore

_SELF_TEST = {
    _pure.E_FUSED: "a product and a sum are fused (compile with -ffp-contract=off)",
    _pure.E_REORDERED: "operations are reordered or replaced (by parts of -ffast-math), or kept in excess precision",
    _pure.E_FLUSHED: "subnormal numbers are flushed to zero",
    _pure.E_ANSWER: "a small training ends at other bits",
}


def _make(name: str, kernel: int) -> Core:
    if name == "python":
        return PythonCore()  # type: ignore[return-value]  # bound by name
    from . import native  # here, since a Python without ctypes can still run the pure twin

    return native.CffiCore(kernel) if name == "cffi" else native.CtypesCore(kernel)  # type: ignore[return-value]  # bound by name


@functools.cache
def _load(name: str, kernel: str) -> Core | str:
    """The backend, or why it cannot be used. FloatingPointModeError, which is not remembered."""
    if name == "python":
        mode.require_standard("the pure-Python backend")
    try:
        core = _make(name, KERNELS.index(kernel))
    except ImportError as error:
        return f"{name}: {error}"
    status = core.self_test()
    if status != _pure.OK:
        return f"{name}: the self-test failed: {_SELF_TEST.get(status, f'status {status}')}"
    if kernel != "auto" and kernel not in _kernels(core):
        return f"{name}: there is no kernel {kernel} here, but {', '.join(_kernels(core))}"
    return core


def _kernels(core: Core) -> list[str]:
    """The kernels that a core can run here, the fastest last."""
    usable = core.kernels()
    return [name for number, name in enumerate(KERNELS) if usable >> number & 1]


def _wanted_kernel() -> str:
    kernel = os.environ.get("BITPROP_KERNEL") or "auto"
    if kernel not in KERNELS:
        raise OptionError(f"BITPROP_KERNEL is {quoted(kernel)}, expected one of {', '.join(KERNELS)}")
    return kernel


def choose(name: str | None = None, kernel: str | None = None) -> Core:
    """The backend of that name; for None the one of BITPROP_BACKEND, by default the fastest that can be used.

    It runs that kernel; for None the one of BITPROP_KERNEL. OptionError: an unknown name. BackendError: one that was
    asked for and cannot be used; it never falls back.
    """
    source = "backend" if name is not None else "BITPROP_BACKEND"
    name = name if name is not None else os.environ.get("BITPROP_BACKEND") or "auto"
    if not isinstance(name, str):
        raise TypeError(f"backend is {quoted(name)}, expected a string: auto, {', '.join(BACKENDS)}")
    if name not in ("auto", *BACKENDS):
        raise OptionError(f"{source} is {quoted(name)}, expected auto, {', '.join(BACKENDS)}")
    kernel = kernel or _wanted_kernel()
    refused = []
    for candidate in BACKENDS if name == "auto" else (name,):
        core = _load(candidate, kernel)
        if not isinstance(core, str):
            return core
        refused.append(core)
    if kernel != "auto":
        source = f"BITPROP_KERNEL is {kernel!r}; {source}"
    raise BackendError(f"{source} {name!r} cannot be used: {'; '.join(refused)}")


def _loaded(name: str) -> Core | str:
    try:
        return _load(name, _wanted_kernel())
    except FloatingPointModeError as error:
        return f"{name}: {error}"


def expect_ok(status: int) -> None:
    """Raises where a core refuses what was checked before: a bug of bitprop."""
    if status != _pure.OK:
        raise BitpropError(f"the core answered status {status} to checked arguments; please report this as a bug")


def means(core: Core, sums: Sequence[float], terms: float) -> list[float]:
    """Each of the sums divided by the number of their terms, by the core: the same bits in any floating-point mode."""
    values = array("d", sums)
    if values:
        core.divide(core.doubles(values), len(values), terms)
    return values.tolist()


def info() -> dict[str, Any]:
    """What is in use here, and why no faster backend is. OptionError, BackendError, as for `choose`."""
    core = choose()
    loaded = {name: _loaded(name) for name in BACKENDS}
    faster = BACKENDS[: BACKENDS.index(core.name)]
    reasons = [outcome if isinstance(outcome := loaded[name], str) else f"{name}: not asked for" for name in faster]
    usable = [name for name in BACKENDS if not isinstance(loaded[name], str)]
    compiled = [outcome for outcome in loaded.values() if not isinstance(outcome, str) and outcome.name != "python"]
    kernels = _kernels(compiled[0]) if compiled else []
    return {
        "version": importlib.metadata.version("bitprop"),
        "contract": _pure.CONTRACT,
        "backend": core.name,
        "backends": usable,
        "kernel": None if core.name == "python" else KERNELS[core.kernel] if core.kernel else kernels[-1],
        "kernels": kernels,
        "compiler": core.describe_compiler() or None,
        "self_test": "passed",
        "reason": "; ".join(reasons) or None,
    }
