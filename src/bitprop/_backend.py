# SPDX-License-Identifier: MIT
"""The one place that chooses among the twins: cffi, ctypes or pure Python.

Sole reader of BITPROP_BACKEND (`auto`, `cffi`, `ctypes`, `python`) and BITPROP_KERNEL. A backend serves only after its
self-test; `auto` takes the first that does, and remembers why the faster ones do not.
"""

from __future__ import annotations

import functools
import importlib.metadata
import os
import random
from array import array
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from . import _mode, _pure
from ._check import quoted
from ._group import Group, split
from .errors import BackendError, BitpropError, FloatingPointModeError, OptionError

BACKENDS = ("cffi", "ctypes", "python")  # fastest first
KERNELS = ("auto", "portable", "sse2", "neon", "avx2", "avx512")  # in the order of their numbers in bitprop.h

_SELF_TEST = {
    _pure.E_FUSED: "a product and a sum are fused (compile with -ffp-contract=off)",
    _pure.E_REORDERED: "sums are reordered, or kept in excess precision",
    _pure.E_FLUSHED: "subnormal numbers are flushed to zero",
    _pure.E_ANSWER: "a small training ends at other bits",
}


class Core(Protocol):
    """What every backend offers: the functions of csrc/bitprop.h, and makers of the memory that they take."""

    name: str
    kernel: int  # that runs its networks, BP_AUTO for the fastest
    kernels: Callable[..., int]
    activate: Callable[..., int]
    slope: Callable[..., int]
    first_nonfinite: Callable[..., int]
    divide: Callable[..., None]
    parameter_count: Callable[..., int]
    predict_size: Callable[..., int]
    train_size: Callable[..., int]
    generator_seed: Callable[..., None]
    generator_random: Callable[..., float]
    generator_below: Callable[..., int]
    init: Callable[..., int]
    forward: Callable[..., int]
    predict: Callable[..., int]
    loss: Callable[..., int]
    gradient: Callable[..., int]
    train_start: Callable[..., int]
    train: Callable[..., int]
    train_many: Callable[..., int]
    train_undo: Callable[..., None]
    encode_size: Callable[..., int]
    encode: Callable[..., int]
    decode_layers: Callable[..., int]
    decode_shape: Callable[..., int]
    decode_parameters: Callable[..., int]
    self_test: Callable[..., int]

    def describe_compiler(self) -> str: ...
    def address(self, view: memoryview[Any]) -> int | None: ...
    def shape(self, sizes: Sequence[int], activations: Sequence[int], bias: bool) -> Any: ...
    def doubles(self, buffer: Any) -> Any: ...
    def readable(self, values: Any) -> Any: ...
    def octets(self, buffer: Any) -> Any: ...
    def words(self, count: int) -> Any: ...
    def work(self, shape: Any, count: int) -> Any: ...
    def training(self) -> Any: ...
    def generator(self) -> Any: ...
    def group(self, values: Any, shape: Any, networks: int, order_size: int, log_size: int) -> Group: ...


FUNCTIONS = tuple(name for name in Core.__annotations__ if name not in ("name", "kernel"))
ROUNDING = frozenset(  # those of them whose arithmetic rounds
    ("activate", "slope", "divide", "init", "forward", "predict", "loss", "gradient", "train", "train_many")
)


class PythonCore:
    """The pure twin: its memory is plain Python objects, so most makers have nothing to do."""

    name = "python"
    kernel = _pure.AUTO

    def __init__(self) -> None:
        for function in FUNCTIONS:
            twin = getattr(_pure, function)
            setattr(self, function, _mode.guarded(twin) if function in ROUNDING else twin)

    def describe_compiler(self) -> str:
        """No compiler built it."""
        return _pure.compiler()

    def address(self, view: memoryview[Any]) -> int | None:
        """Where this memory begins; None where that cannot be told: it is read-only, or this Python lacks ctypes."""
        try:
            import ctypes
        except ImportError:
            return None
        return None if view.readonly else ctypes.addressof(ctypes.c_uint8.from_buffer(view))

    def shape(self, sizes: Sequence[int], activations: Sequence[int], bias: bool) -> _pure.Shape:
        """The twin of bp_shape."""
        return _pure.Shape(list(sizes), list(activations), len(sizes), int(bias), self.kernel)

    def doubles(self, buffer: Any) -> Any:
        """The buffer itself."""
        return buffer

    def readable(self, values: Any) -> list[float]:
        """Doubles that are only read, as a list: the fastest to read, most of all for PyPy."""
        found: list[float] = values.tolist()
        return found

    def octets(self, buffer: Any) -> Any:
        """The buffer itself."""
        return buffer

    def words(self, count: int) -> list[int]:
        """Memory for `count` integers."""
        return [0] * count

    def work(self, shape: _pure.Shape, count: int) -> _pure.Work:
        """Scratch memory."""
        return _pure.Work(shape)

    def training(self) -> _pure.Training:
        """The twin of bp_training."""
        return _pure.Training()

    def generator(self) -> random.Random:
        """The twin of bp_generator."""
        return random.Random(0)

    def group(self, values: array[float], shape: _pure.Shape, networks: int, order_size: int, log_size: int) -> Group:
        """Memory for trainings side by side, around their parameters."""
        logs = split(array("d", bytes(8 * networks * log_size)), networks)
        parameters = split(values, networks)
        statuses = [_pure.OK] * networks
        trainings = [_pure.Training() for _ in range(networks)]
        orders = [[0] * order_size for _ in range(networks)]
        works = [_pure.Work(shape) for _ in range(networks)]
        arguments = (logs, statuses, trainings, parameters, works, orders)
        return Group(logs, parameters, parameters, statuses, trainings, orders, works, arguments)


def _make(name: str, kernel: int) -> Core:
    if name == "python":
        return PythonCore()  # type: ignore[return-value]  # bound by name
    from . import _native  # here, since a Python without ctypes can still run the pure twin

    return _native.CffiCore(kernel) if name == "cffi" else _native.CtypesCore(kernel)  # type: ignore[return-value]  # bound by name


@functools.cache
def _load(name: str, kernel: str) -> Core | str:
    """The backend, or why it cannot be used. FloatingPointModeError, which is not remembered."""
    if name == "python":
        _mode.require_standard("the pure-Python backend")
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


def choose(name: str | None = None) -> Core:
    """The backend of that name; for None the one of BITPROP_BACKEND, by default the fastest that can be used.

    It runs the kernel of BITPROP_KERNEL. OptionError: an unknown name. BackendError: one that was asked for and cannot
    be used; it never falls back.
    """
    source = "backend" if name is not None else "BITPROP_BACKEND"
    name = name if name is not None else os.environ.get("BITPROP_BACKEND") or "auto"
    if not isinstance(name, str):
        raise TypeError(f"backend is {quoted(name)}, expected a string: auto, {', '.join(BACKENDS)}")
    if name not in ("auto", *BACKENDS):
        raise OptionError(f"{source} is {quoted(name)}, expected auto, {', '.join(BACKENDS)}")
    kernel = _wanted_kernel()
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
    reasons = [found if isinstance(found := loaded[name], str) else f"{name}: not asked for" for name in faster]
    usable = [name for name in BACKENDS if not isinstance(loaded[name], str)]
    compiled = [found for found in loaded.values() if not isinstance(found, str) and found.name != "python"]
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
