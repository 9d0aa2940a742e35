# SPDX-License-Identifier: MIT
"""The choice among the twins, and what `info()` tells of it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from conftest import core_or_skip

import bitprop
from bitprop import BackendError, Network, OptionError, _pure
from bitprop.core import choice, native
from bitprop.names import KERNELS, Backend

MISSING = next(name for name in ("neon", "sse2") if name not in bitprop.info()["kernels"])


@pytest.fixture
def fresh() -> Any:
    """Backends are loaded anew, before and after."""
    choice._load.cache_clear()
    yield
    choice._load.cache_clear()


def test_forced(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """BITPROP_BACKEND chooses; an argument goes before it."""
    monkeypatch.setenv("BITPROP_BACKEND", backend)
    assert Network(2, 1).backend == backend
    assert bitprop.info()["backend"] == backend
    assert Network(2, 1, backend="python").backend == "python"


def test_info(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """`info()` tells what is in use, and why faster ones are not."""
    monkeypatch.setenv("BITPROP_BACKEND", backend)
    found = bitprop.info()
    assert list(found) == [
        *("version", "contract", "backend", "backends", "kernel", "kernels", "compiler", "self_test", "reason")
    ]
    assert found["contract"] == 1
    assert found["self_test"] == "passed"
    assert backend in found["backends"]
    kernels = list(KERNELS[1:])
    assert [name for name in kernels if name in found["kernels"]] == found["kernels"]
    assert found["kernel"] == (None if backend == "python" else found["kernels"][-1])
    assert (found["compiler"] is None) == (backend == "python")
    assert (found["reason"] is None) == (backend == "cffi")


@pytest.mark.parametrize(
    ("variable", "value", "error"),
    [
        ("BITPROP_BACKEND", "gpu", OptionError),
        ("BITPROP_KERNEL", "avx3", OptionError),
        ("BITPROP_KERNEL", MISSING, BackendError),
    ],
)
def test_wrong_environment(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, error: type[Exception]) -> None:
    """Unknown names and kernels that are not here are told."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(error, match=f"{variable} is '{value}'"):
        Network(2, 1)


@pytest.mark.parametrize("value", ["auto", "", *bitprop.info()["kernels"]])
def test_kernel(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """The kernels that are here can be asked for, and are then in use."""
    core_or_skip("cffi")
    monkeypatch.setenv("BITPROP_KERNEL", value)
    assert bitprop.info()["kernel"] == (value if value not in ("auto", "") else bitprop.info()["kernels"][-1])
    assert Network(2, 1).model.core.kernel == (KERNELS.index(value) if value else 0)


@pytest.mark.parametrize("missing", ["_cffi_backend", "ctypes", "bitprop._core"])
def test_what_cannot_be_loaded(missing: str) -> None:
    """Without cffi ctypes serves, without either the pure twin; a forced one raises, and never falls back."""
    core_or_skip("cffi")
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "import bitprop\nfound = bitprop.info()\nprint(found['backend'], found['reason'])\n"
        "for name in ('cffi', 'ctypes'):\n"
        "    try:\n        print(bitprop.Network(2, 1, backend=name).backend)\n"
        "    except bitprop.BackendError as error:\n        print('refused', error)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    expected = {
        "_cffi_backend": ("ctypes cffi:", "refused backend 'cffi'", "ctypes"),
        "ctypes": ("python cffi:", "refused backend 'cffi'", "refused backend 'ctypes'"),
        "bitprop._core": ("python cffi:", "refused backend 'cffi'", "refused backend 'ctypes'"),
    }[missing]
    assert [line.startswith(start) for line, start in zip(found, expected)] == [True] * 3, found


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("status", [_pure.E_FUSED, _pure.E_REORDERED, _pure.E_FLUSHED, _pure.E_ANSWER])
def test_failed_self_test(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """A compiled core whose self-test fails is refused, with the reason in info()."""
    core_or_skip("cffi")
    choice._load.cache_clear()
    bind = native._bind

    def broken(core: Any, library: Any) -> None:
        bind(core, library)
        core.self_test = lambda: status

    monkeypatch.setattr(native, "_bind", broken)
    found = bitprop.info()
    assert found["backend"] == "python"
    assert f"cffi: the self-test failed: {choice._SELF_TEST[status]}" in found["reason"]
    with pytest.raises(BackendError, match="self-test failed"):
        Network(2, 1, backend="cffi")


@pytest.mark.usefixtures("fresh")
def test_other_abi(monkeypatch: pytest.MonkeyPatch) -> None:
    """An extension of another ABI is refused by both loaders."""
    core_or_skip("cffi")
    choice._load.cache_clear()
    compiled = native.ABI
    monkeypatch.setattr(native, "ABI", 99)
    assert bitprop.info()["reason"].count(f"has ABI {compiled}, this package needs 99") == 2


@pytest.mark.usefixtures("fresh")
def test_no_backend_keeps_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where even Python's own arithmetic is wrong, nothing is computed."""
    monkeypatch.setattr(
        choice, "_make", lambda name, kernel: type("Wrong", (), {"self_test": staticmethod(lambda: -6)})()
    )
    with pytest.raises(BackendError, match="excess precision"):
        bitprop.info()
