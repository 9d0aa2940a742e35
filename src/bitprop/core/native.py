# SPDX-License-Identifier: MIT
"""The compiled core, bound by cffi or by ctypes to the very same file: pointers only, no arithmetic.

Both classes offer what `protocol.Core` lists: the functions of the headers, without their prefix, and makers of the
memory that these functions take. They raise ImportError where the core cannot be loaded.

Nothing here keeps a buffer of a memoryview: where a reference cycle holds both (a kept exception holds the frames of
the call), CPython up to 3.12.3 crashes when it collects them (its issue 77894).
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.resources
import importlib.util
import sys
import weakref
from array import array
from collections.abc import Sequence
from ctypes import POINTER, c_char_p, c_double, c_int, c_int32, c_size_t, c_uint8, c_uint32, c_uint64
from typing import Any

from ..errors import shortened
from ..names import Backend
from .group import Group, LevenbergGroup, split

ABI = 8  # BP_ABI of the header that this file was written for


class Shape(ctypes.Structure):
    """The struct `bp_shape`."""

    _fields_ = (
        ("sizes", POINTER(c_uint32)),
        ("activations", POINTER(c_uint32)),
        ("layers", c_uint32),
        ("bias", c_uint32),
        ("kernel", c_uint32),
    )


class Generator(ctypes.Structure):
    """The struct `bp_generator`."""

    _fields_ = (("state", c_uint32 * 624), ("index", c_uint32))


class Data(ctypes.Structure):
    """The struct `bp_data`."""

    _fields_ = (
        ("inputs", POINTER(c_double)),
        ("targets", POINTER(c_double)),
        ("rows", c_size_t),
        ("weights", POINTER(c_double)),
    )


class Settings(ctypes.Structure):
    """The struct `bp_settings`."""

    _fields_ = (
        ("batch_size", c_size_t),
        ("log_every", c_uint64),
        ("shuffle_seed", c_uint64),
        ("learning_rate", c_double),
        ("loss", c_uint32),
        ("rule", c_uint32),
        ("shuffle", c_uint32),
        ("weight_decay", c_double),
        ("l1", c_double),
        ("constants", c_double * 5),
        ("learning_rates", POINTER(c_double)),
        ("decay_biases", c_uint32),
    )


class Limits(ctypes.Structure):
    """The struct `bp_limits`."""

    _fields_ = (("until", c_uint64), ("budget", c_uint64), ("log_size", c_size_t))


class Training(ctypes.Structure):
    """The struct `bp_training`."""

    _fields_ = (
        ("settings", Settings),
        ("rows", c_size_t),
        ("epoch", c_uint64),
        ("begun", c_uint64),
        ("to_shuffle", c_size_t),
        ("row", c_size_t),
        ("batch_row", c_size_t),
        ("error", c_double),
        ("has_state", c_uint32),
        ("generator", Generator),
    )


class LevenbergSettings(ctypes.Structure):
    """The struct `bp_levenberg_settings`."""

    _fields_ = (
        ("log_every", c_uint64),
        ("loss", c_uint32),
        ("mu", c_double),
        ("mu_increase", c_double),
        ("mu_decrease", c_double),
        ("mu_max", c_double),
        ("gradient_min", c_double),
    )


class Levenberg(ctypes.Structure):
    """The struct `bp_levenberg`."""

    _fields_ = (
        ("settings", LevenbergSettings),
        ("rows", c_size_t),
        ("epoch", c_uint64),
        ("begun", c_uint64),
        ("row", c_size_t),
        ("column", c_size_t),
        ("trial_row", c_size_t),
        ("mu", c_double),
        ("trial_mu", c_double),
        ("error", c_double),
    )


_doubles, _words, _octets = POINTER(c_double), POINTER(c_uint32), POINTER(c_uint8)
_shape, _generator, _training = POINTER(Shape), POINTER(Generator), POINTER(Training)
_data, _limits, _levenberg = POINTER(Data), POINTER(Limits), POINTER(Levenberg)

# For each function of the headers: its result, then its arguments.
PROTOTYPES: dict[str, tuple[Any, ...]] = {
    "abi": (c_uint32,),
    "compiler": (c_char_p,),
    "kernels": (c_uint32,),
    "activate": (c_int, _doubles, c_size_t, c_uint32),
    "slope": (c_int, _doubles, c_size_t, c_uint32),
    "first_nonfinite": (c_size_t, _doubles, c_size_t),
    "divide": (None, _doubles, c_size_t, c_double),
    "parameter_count": (c_size_t, _shape),
    "predict_size": (c_size_t, _shape),
    "train_size": (c_size_t, _shape, c_uint32),
    "generator_seed": (None, _generator, c_uint64, c_uint32),
    "generator_random": (c_double, _generator),
    "generator_below": (c_uint32, _generator, c_uint32),
    "init": (c_int, _doubles, _generator, _shape, c_uint64, c_uint32),
    "init_some": (c_int, _doubles, _generator, _shape, c_uint64, c_uint32, c_size_t, c_size_t),
    "forward": (c_int, _doubles, _doubles, _shape, _doubles, _doubles),
    "backward": (c_int, *(_doubles,) * 2, _shape, *(_doubles,) * 5, c_uint32),
    "predict": (c_int, _doubles, _doubles, _shape, _doubles, _doubles, c_size_t),
    "loss": (c_int, _doubles, _doubles, _shape, _doubles, _data, c_uint32),
    "loss_some": (c_int, *(_doubles,) * 3, _shape, _doubles, _data, c_uint32, c_size_t, c_size_t),
    "gradient": (c_int, _doubles, _doubles, _shape, _doubles, _data, c_uint32),
    "gradient_some": (c_int, _doubles, _doubles, _shape, _doubles, _data, c_uint32, c_size_t, c_size_t),
    "train_start": (c_int, _training, _words, _shape, POINTER(Settings), _data),
    "train": (c_int, _doubles, _training, _doubles, _doubles, _words, _shape, _data, _limits),
    "train_many": (
        *(c_int, _doubles, POINTER(c_int32), _training, _doubles, _doubles, _words),
        *(_shape, _data, _limits, c_size_t),
    ),
    "state_size": (c_size_t, _shape, c_uint32),
    "train_state": (None, _doubles, _training, _doubles, _shape),
    "train_resume": (None, _training, _doubles, _shape, _doubles, c_uint64),
    "train_undo": (None, _training, _doubles, _doubles, _shape),
    "encode_size": (c_size_t, _shape),
    "encode": (c_int, _octets, _shape, _doubles),
    "decode_layers": (c_uint32, _octets, c_size_t),
    "decode_shape": (c_int, _words, _words, _words, _octets, c_size_t),
    "decode_parameters": (c_int, _doubles, _octets, c_size_t),
    "standard_scaling": (None, _doubles, _doubles, _doubles, c_size_t, c_size_t),
    "min_max_scaling": (None, _doubles, _doubles, _doubles, c_size_t, c_size_t, c_double, c_double),
    "scale": (None, _doubles, _doubles, _doubles, _doubles, c_size_t, c_size_t),
    "unscale": (None, _doubles, _doubles, _doubles, c_size_t, c_size_t),
    "self_test": (c_int,),
    "levenberg_size": (c_size_t, _shape),
    "levenberg_start": (c_int, _levenberg, _shape, POINTER(LevenbergSettings), _data),
    "levenberg_train": (c_int, _doubles, _levenberg, _doubles, _doubles, _shape, _data, _limits),
    "levenberg_undo": (None, _levenberg, _doubles, _doubles, _shape),
}


def _bind(core: object, library: Any) -> None:
    """Makes the library's functions attributes of `core`, under their names without the prefix."""
    for name in PROTOTYPES:
        setattr(core, name, getattr(library, "bp_" + name))


def _group(
    core: Any, values: array[float], shape: Any, rule: int, networks: int, order_size: int, log_size: int
) -> Group:
    """Memory for trainings side by side, around their parameters: in C one block of each kind."""
    work_size, count = core.train_size(shape, rule), core.parameter_count(shape)
    log = array("d", bytes(8 * networks * log_size))
    pointer, statuses = core.doubles(values), core.statuses(networks)
    block, trainings = core.trainings(networks)
    orders, works = core.words(networks * order_size), core.work(shape, networks * work_size)
    return Group(
        *(split(log, networks), split(values, networks), [core.item(pointer, n * count) for n in range(networks)]),
        *(statuses, trainings, [core.item(orders, n * order_size) for n in range(networks)]),
        [core.item(works, n * work_size) for n in range(networks)],
        (core.doubles(log), statuses, block, pointer, works, orders),
    )


def _levenberg_group(core: Any, values: array[float], shape: Any, log_size: int) -> LevenbergGroup:
    """Memory for one training by Levenberg and Marquardt, around its parameters."""
    log, pointer, statuses = array("d", bytes(8 * log_size)), core.doubles(values), core.statuses(1)
    training, work = core.levenberg(), core.levenberg_work(shape)
    arguments = (core.doubles(log), training, pointer, work)
    return LevenbergGroup([log], [values], [pointer], statuses, [training], [None], [work], arguments)


def _find_extension() -> str:
    """The path of the compiled core. ImportError: it is not there, with what the compiler said when it was built."""
    spec = importlib.util.find_spec("bitprop._core")
    if spec is not None and spec.origin is not None:
        return spec.origin
    failure = importlib.resources.files("bitprop") / "_build_failure.txt"
    if not failure.is_file():
        raise ImportError("the compiled core is not installed (BITPROP_BUILD=pure, or a wheel without it)")
    first = failure.read_text(encoding="utf-8").splitlines()[0]  # pragma: no cover - tests/test_packaging.py builds it
    raise ImportError(  # pragma: no cover - likewise
        f"the C core did not compile when bitprop was installed: {shortened(first, 300)} "
        f"(all that was said: {failure}; mend it and install again with BITPROP_BUILD=require)"
    )


def _check_abi(compiled: int) -> None:
    if compiled != ABI:
        raise ImportError(f"the compiled core has ABI {compiled}, this package needs {ABI}; install bitprop anew")


def _is_subinterpreter() -> bool:
    """Whether this is another interpreter than the first of its process, of CPython 3.12 and later."""
    if sys.version_info >= (3, 12):
        for name in ("_interpreters", "_xxsubinterpreters"):
            try:
                interpreters = importlib.import_module(name)
            except ImportError:
                continue
            return bool(interpreters.get_current() != interpreters.get_main())
    return False


class CffiCore:
    """The compiled core through cffi, the faster call."""

    name: Backend = "cffi"

    def __init__(self, kernel: int) -> None:
        self.kernel = kernel
        if _is_subinterpreter():  # where CPython 3.13.0 was seen to die
            raise ImportError("cffi's modules cannot be loaded into subinterpreters")
        _find_extension()
        module = importlib.import_module("bitprop._core")
        self._ffi = module.ffi
        self._arrays: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
        _check_abi(module.lib.bp_abi())
        _bind(self, module.lib)

    def describe_compiler(self) -> str:
        """The compiler that built the core."""
        return str(self._ffi.string(self.compiler()).decode("ascii"))  # type: ignore[attr-defined]  # bound by name

    def address(self, view: memoryview[Any]) -> int | None:
        """Where this memory begins."""
        return int(self._ffi.cast("uintptr_t", self._ffi.from_buffer(view)))

    def shape(self, sizes: Sequence[int], activations: Sequence[int], bias: bool) -> Any:
        """A bp_shape, with its arrays."""
        arrays = self._ffi.new("uint32_t[]", list(sizes)), self._ffi.new("uint32_t[]", list(activations))
        shape = self._ffi.new("bp_shape *", [*arrays, len(sizes), bias, self.kernel])
        self._arrays[shape] = arrays  # a struct of cffi does not keep alive what its pointers point at
        return shape

    def doubles(self, buffer: Any) -> Any:
        """A pointer to doubles. An array stays alive with it; a memoryview is kept by the caller: see above."""
        if isinstance(buffer, memoryview):
            return self._ffi.cast("double *", self.address(buffer))
        return self._ffi.from_buffer("double[]", buffer)

    def readable(self, values: Any) -> Any:
        """A pointer to doubles that are only read."""
        return self.doubles(values)

    def octets(self, buffer: Any) -> Any:
        """A pointer to a buffer of bytes, which stays alive with it."""
        return self._ffi.from_buffer("uint8_t[]", buffer)

    def words(self, count: int) -> Any:
        """Memory for `count` 32-bit words."""
        return self._ffi.new("uint32_t[]", count)

    def work(self, _shape: Any, count: int, _rule: int = 0) -> Any:
        """Scratch memory of `count` doubles."""
        return self._ffi.new("double[]", count)

    def data(self, inputs: Any, targets: Any, rows: int, weights: Any = None) -> Any:
        """A bp_data of pointers to doubles, which the caller keeps alive with their arrays."""
        return self._ffi.new("bp_data *", (inputs, targets, rows, self._ffi.NULL if weights is None else weights))

    def settings(self, **fields: Any) -> Any:
        """A bp_settings of these fields."""
        return self._ffi.new("bp_settings *", {name: value for name, value in fields.items() if value is not None})

    def limits(self, **fields: int) -> Any:
        """A bp_limits of these fields."""
        return self._ffi.new("bp_limits *", fields)

    def training(self) -> Any:
        """A bp_training."""
        return self._ffi.new("bp_training *")

    def generator(self) -> Any:
        """A bp_generator."""
        return self._ffi.new("bp_generator *")

    def levenberg_settings(self, **fields: Any) -> Any:
        """A bp_levenberg_settings of these fields."""
        return self._ffi.new("bp_levenberg_settings *", fields)

    def levenberg_work(self, shape: Any) -> Any:
        """Scratch memory for a training by Levenberg and Marquardt."""
        return self.work(shape, self.levenberg_size(shape))  # type: ignore[attr-defined]  # bound by name

    def levenberg(self) -> Any:
        """A bp_levenberg."""
        return self._ffi.new("bp_levenberg *")

    def statuses(self, count: int) -> Any:
        """Memory for `count` statuses, all BP_OK."""
        return self._ffi.new("int32_t[]", count)

    def trainings(self, count: int) -> tuple[Any, list[Any]]:
        """Memory for `count` trainings, and each of them."""
        block = self._ffi.new("bp_training[]", count)
        return block, [block + n for n in range(count)]

    def item(self, memory: Any, index: int) -> Any:
        """A pointer into memory."""
        return memory + index

    def group(
        self, values: array[float], shape: Any, rule: int, networks: int, order_size: int, log_size: int
    ) -> Group:
        """Memory for trainings side by side, around their parameters."""
        return _group(self, values, shape, rule, networks, order_size, log_size)

    def levenberg_group(self, values: array[float], shape: Any, log_size: int) -> LevenbergGroup:
        """Memory for one training by Levenberg and Marquardt, around its parameters."""
        return _levenberg_group(self, values, shape, log_size)


class CtypesCore:
    """The compiled core through ctypes, which every CPython has."""

    name: Backend = "ctypes"

    def __init__(self, kernel: int) -> None:
        self.kernel = kernel
        try:
            library = ctypes.CDLL(_find_extension())
        except OSError as error:
            raise ImportError(str(error)) from error
        for name, (result, *arguments) in PROTOTYPES.items():
            function = getattr(library, "bp_" + name)
            function.restype = result
            function.argtypes = arguments
        _check_abi(library.bp_abi())
        _bind(self, library)

    def describe_compiler(self) -> str:
        """The compiler that built the core."""
        return str(self.compiler().decode("ascii"))  # type: ignore[attr-defined]  # bound by name

    def address(self, view: memoryview[Any]) -> int | None:
        """Where this memory begins; None where it is read-only, since ctypes gives no pointer to that."""
        return None if view.readonly else ctypes.addressof(c_uint8.from_buffer(view))

    def shape(self, sizes: Sequence[int], activations: Sequence[int], bias: bool) -> Any:
        """A bp_shape, with its arrays."""
        arrays = (c_uint32 * len(sizes))(*sizes), (c_uint32 * len(activations))(*activations)
        return Shape(*arrays, len(sizes), bias, self.kernel)

    def doubles(self, buffer: Any) -> Any:
        """A pointer to doubles. An array stays alive with it; a memoryview is kept by the caller: see above."""
        if isinstance(buffer, memoryview):
            kind = c_double * (buffer.nbytes // 8)
            return kind.from_address(ctypes.addressof(c_uint8.from_buffer(buffer)))
        return (c_double * len(buffer)).from_buffer(buffer)

    def readable(self, values: Any) -> Any:
        """A pointer to doubles that are only read."""
        return self.doubles(values)

    def octets(self, buffer: Any) -> Any:
        """A pointer to a buffer of bytes, which stays alive with it."""
        return (c_uint8 * len(buffer)).from_buffer(buffer)

    def words(self, count: int) -> Any:
        """Memory for `count` 32-bit words."""
        return (c_uint32 * count)()

    def work(self, _shape: Any, count: int, _rule: int = 0) -> Any:
        """Scratch memory of `count` doubles."""
        return (c_double * count)()

    def data(self, inputs: Any, targets: Any, rows: int, weights: Any = None) -> Any:
        """A bp_data of pointers to doubles, which the caller keeps alive with their arrays."""
        return Data(inputs, targets, rows, weights)

    def settings(self, **fields: Any) -> Any:
        """A bp_settings of these fields."""
        return Settings(**fields)

    def limits(self, **fields: int) -> Any:
        """A bp_limits of these fields."""
        return Limits(**fields)

    def training(self) -> Any:
        """A bp_training."""
        return Training()

    def generator(self) -> Any:
        """A bp_generator."""
        return Generator()

    def levenberg_settings(self, **fields: Any) -> Any:
        """A bp_levenberg_settings of these fields."""
        return LevenbergSettings(**fields)

    def levenberg_work(self, shape: Any) -> Any:
        """Scratch memory for a training by Levenberg and Marquardt."""
        return self.work(shape, self.levenberg_size(shape))  # type: ignore[attr-defined]  # bound by name

    def levenberg(self) -> Any:
        """A bp_levenberg."""
        return Levenberg()

    def statuses(self, count: int) -> Any:
        """Memory for `count` statuses, all BP_OK."""
        return (c_int32 * count)()

    def trainings(self, count: int) -> tuple[Any, list[Any]]:
        """Memory for `count` trainings, and each of them."""
        block = (Training * count)()
        return block, list(block)

    def item(self, memory: Any, index: int) -> Any:
        """A pointer into memory, which stays alive with it."""
        kind = memory._type_
        return (kind * (len(memory) - index)).from_buffer(memory, index * ctypes.sizeof(kind))

    def group(
        self, values: array[float], shape: Any, rule: int, networks: int, order_size: int, log_size: int
    ) -> Group:
        """Memory for trainings side by side, around their parameters."""
        return _group(self, values, shape, rule, networks, order_size, log_size)

    def levenberg_group(self, values: array[float], shape: Any, log_size: int) -> LevenbergGroup:
        """Memory for one training by Levenberg and Marquardt, around its parameters."""
        return _levenberg_group(self, values, shape, log_size)
