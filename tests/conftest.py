# SPDX-License-Identifier: MIT
"""One fixture gives every backend, so that one body tests them all."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

import bitprop
from bitprop import BackendError
from bitprop.core import Core, choose
from bitprop.names import BACKENDS, Backend

# The longer checks run the same properties on more cases: pytest --hypothesis-profile=long
settings.register_profile(
    "default", max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("long", settings.get_profile("default"), max_examples=3000)
settings.load_profile("default")


def kernels() -> list[str]:
    """Every kernel that this machine runs."""
    found: list[str] = bitprop.info()["kernels"]
    return found


def core_or_skip(name: str, kernel: str = "auto") -> Core:
    """The backend; without it a user's machine skips, and continuous integration fails."""
    try:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("BITPROP_KERNEL", kernel)
            return choose(name)
    except BackendError as error:
        if os.environ.get("CI") == "true" and os.environ.get("BITPROP_BUILD", "auto") != "pure":
            raise
        pytest.skip(str(error))


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    """The name of each backend in turn."""
    name: Backend = request.param
    core_or_skip(name)
    return name


@pytest.fixture(params=[*((name, "auto") for name in BACKENDS), *(("cffi", name) for name in kernels()[:-1])])
def core(request: pytest.FixtureRequest) -> Core:
    """Each backend in turn, the compiled one with each kernel: the last, the fastest, is what it takes by itself."""
    return core_or_skip(*request.param)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own choice of backend does not reach the tests."""
    monkeypatch.delenv("BITPROP_BACKEND", raising=False)
    monkeypatch.delenv("BITPROP_KERNEL", raising=False)
