# SPDX-License-Identifier: MIT
"""`bitprop doctor`: what it finds well, missing and not well, what it advises, and its exit status."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from typing import Any

import pytest
from conftest import core_or_skip, kernels

import bitprop
from bitprop import cli
from bitprop.cli import doctor
from bitprop.cli.doctor import Finding


def found(what: str) -> Finding:
    """The one finding about this."""
    [only] = [finding for finding in doctor.examine() if finding.what == what]
    return only


def test_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    """With a compiled core nothing needs doing; the text and the JSON say the same, and no colour is printed."""
    core_or_skip("cffi")
    assert cli.main(["doctor", "--json"]) == 0
    fields = json.loads(capsys.readouterr().out)
    facts = bitprop.info()
    assert fields["ok"] is True
    assert [list(finding) for finding in fields["findings"]] == [["state", "what", "text", "cure"]] * len(
        fields["findings"]
    )
    texts = {finding["what"]: finding["text"] for finding in fields["findings"]}
    assert texts["backend"] == "cffi, the fastest"
    assert texts["kernel"].startswith(f"{facts['kernel']}, the fastest of ")
    assert texts["self-test"] == facts["self_test"]
    assert texts["bitprop"].startswith(f"{bitprop.__version__}, contract {facts['contract']}, in ")
    assert cli.main(["doctor"]) == 0
    printed = capsys.readouterr().out
    assert printed.endswith("\nall is well\n")
    assert "\x1b" not in printed
    assert all(text in printed for text in texts.values())


def test_what_the_environment_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend or a kernel that was asked for is well, and is said to be asked for."""
    core_or_skip("cffi")
    monkeypatch.setenv("BITPROP_KERNEL", "portable")
    fastest = kernels()[-1]
    assert found("kernel").text.startswith(f"portable, as BITPROP_KERNEL asks; the fastest is {fastest} of ")
    monkeypatch.setenv("BITPROP_BACKEND", "python")
    assert found("backend")[:3] == ("ok", "backend", "python, as BITPROP_BACKEND asks; there are cffi, ctypes, python")
    assert [finding for finding in doctor.examine() if finding.what == "kernel"] == []


def test_what_the_machine_lacks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A kernel that this machine does not run needs doing: the status is 1, and the advice names the variable."""
    missing = next(name for name in ("neon", "sse2") if name not in kernels())
    monkeypatch.setenv("BITPROP_KERNEL", missing)
    assert cli.main(["doctor"]) == 1
    printed = capsys.readouterr().out
    assert f"BITPROP_KERNEL is '{missing}'" in printed
    assert "-> unset BITPROP_KERNEL" in printed
    assert printed.endswith("\n1 not well\n")


def test_slower_backends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without cffi an extra is missing; without a compiled core the compiler's words and the way out are shown."""
    facts: dict[str, Any] = {**bitprop.info(), "backend": "ctypes", "reason": "cffi: No module named '_cffi_backend'"}
    monkeypatch.setattr(doctor, "info", lambda: facts)
    assert found("backend") == Finding(
        "slower", "backend", f"ctypes; {facts['reason']}", "pip install 'bitprop[speedups]'"
    )
    facts.update(backend="python", kernel=None, reason="cffi: the C core did not compile: error: no stdint.h")
    state, _, text, cure = found("backend")
    assert state == "wrong"
    assert "no stdint.h" in text
    assert cure is not None
    assert "BITPROP_BUILD=require" in cure


def test_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    """An extra is ok, missing or too old by the versions of its packages; extras for developers are left out."""
    installed = {"alpha": "1.4.0", "beta": "0.9rc1", "gamma": "2.10"}

    def version(package: str) -> str:
        if package not in installed:
            raise importlib.metadata.PackageNotFoundError(package)
        return installed[package]

    monkeypatch.setattr(importlib.metadata, "version", version)
    requirements = [
        *("alpha>=1.3; extra == 'one'", 'gamma>=2.9 ; extra == "one"', "beta>=1.0; extra == 'two'"),
        *("alpha; extra == 'three'", "delta; extra == 'three'", "bitprop[one]; extra == 'three'"),
        *("delta; extra == 'dev'", "alpha==9; extra == 'test'", "delta"),
    ]
    assert list(doctor._extras(requirements)) == [
        Finding("ok", "[one]", "alpha 1.4.0, gamma 2.10", None),
        Finding("wrong", "[two]", "beta 0.9rc1; beta is older than 1.0", "pip install --upgrade 'bitprop[two]'"),
        Finding("missing", "[three]", "alpha 1.4.0; not installed: delta", "pip install 'bitprop[three]'"),
    ]


def test_every_extra_is_looked_at() -> None:
    """The extras that the package declares are all there, but those for developers."""
    declared = importlib.metadata.metadata("bitprop").get_all("Provides-Extra") or []
    shown = [finding.what for finding in doctor.examine() if finding.what.startswith("[")]
    assert sorted(shown) == sorted(f"[{extra}]" for extra in declared if extra not in doctor.DEVELOPERS)


def test_no_color() -> None:
    """NO_COLOR changes nothing that a command prints, since there is no colour."""
    for arguments in (["doctor"], ["info"]):
        command = [sys.executable, "-m", "bitprop", *arguments]
        outputs = [
            subprocess.run(command, capture_output=True, check=False, env={**os.environ, **more}).stdout
            for more in ({"NO_COLOR": "1"}, {"TERM": "xterm-256color", "FORCE_COLOR": "1"})
        ]
        assert outputs[0] == outputs[1]
        assert b"\x1b" not in outputs[0]
