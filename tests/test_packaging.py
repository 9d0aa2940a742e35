# SPDX-License-Identifier: MIT
"""Wheels and the sdist, built and installed as users do: with and without a compiler, with and without cffi."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.packaging
ROOT = Path(__file__).resolve().parent.parent
CHECK = (
    "import bitprop; net = bitprop.Network(2, 4, 4, 1, seed=7, bias=False);"
    "net.fit(*bitprop.datasets.linear(100, seed=1), epochs=20); print(net.backend, net.fingerprint())"
)


def build(kind: str, folder: Path, **environment: str) -> Path:
    """Builds a wheel or sdist from a copy of the sources; returns its path."""
    copy = folder / "source"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "build", "*.egg-info", "vectors.h"))
    subprocess.run(
        [sys.executable, "-m", "build", f"--{kind}", "--outdir", str(folder), str(copy)],
        check=True,
        env={**os.environ, **environment},
    )
    (found,) = [path for path in folder.iterdir() if path.is_file()]
    return found


def install(folder: Path, *arguments: str, python: str = sys.executable) -> str:
    """Installs into an empty virtual environment; returns its interpreter."""
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    found = str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    subprocess.run([found, "-m", "pip", "install", "--quiet", *arguments], check=True)
    return found


def check(python: str, **environment: str) -> list[str]:
    """The backend and fingerprint of a short training there, away from the sources."""
    command = [python, "-c", CHECK]
    found = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd="/", env={**os.environ, **environment}
    )
    return found.stdout.split()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel with the compiled core."""
    return build("wheel", tmp_path_factory.mktemp("wheel"), BITPROP_BUILD="require")


@pytest.fixture(scope="module")
def fingerprint() -> str:
    """What the training of `check` must end at, by the package under test."""
    return check(sys.executable)[1]


def test_wheel(wheel: Path) -> None:
    """One abi3 wheel, with the extension and the data, without the C sources."""
    assert "-cp39-abi3-" in wheel.name
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if name.startswith("bitprop/_core.")]
    assert {"bitprop/py.typed", "bitprop/report_tables.json", "bitprop/_pure.py"} <= set(names)
    assert not [name for name in names if name.endswith((".c", ".h", "build_ffi.py"))]
    metadata = zipfile.ZipFile(wheel).read(next(name for name in names if name.endswith("METADATA"))).decode()
    required = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:")]
    assert required
    assert all("extra ==" in line for line in required)


def test_bare_install_has_compiled_speed(wheel: Path, tmp_path: Path, fingerprint: str) -> None:
    """Without any dependency ctypes serves; with the extra, cffi does; each ends at the same bits."""
    python = install(tmp_path / "bare", str(wheel))
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True, check=True
    )
    assert {line.split("==")[0] for line in listed.stdout.split()} <= {"bitprop", "pip", "setuptools"}
    assert check(python) == ["ctypes", fingerprint]
    assert check(python, BITPROP_BACKEND="python") == ["python", fingerprint]
    subprocess.run([python, "-m", "pip", "install", "--quiet", f"{wheel}[speedups]"], check=True)
    assert check(python) == ["cffi", fingerprint]


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14"])
def test_other_pythons(wheel: Path, tmp_path: Path, fingerprint: str, version: str) -> None:
    """The same wheel file on other CPythons, where they are on this machine."""
    python = next((found for found in pythons() if found[0] == version), None)
    if python is None:
        pytest.skip(f"no CPython {version} here")
    assert check(install(tmp_path / "venv", str(wheel), python=python[1])) == ["ctypes", fingerprint]


def pythons() -> list[tuple[str, str]]:
    """Version and path of each CPython found on the path or under pyenv."""
    candidates = [shutil.which(f"python3.{minor}") for minor in range(9, 15)]
    candidates += map(str, Path.home().glob(".pyenv/versions/*/bin/python3"))
    found = []
    for path in filter(None, candidates):
        told = subprocess.run(
            [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode == 0:
            found.append((told.stdout.strip(), path))
    return found


def test_sdist_installs(tmp_path: Path, fingerprint: str) -> None:
    """The sdist holds all that a build needs, and installs with the compiled core."""
    folder = tmp_path / "sdist"
    folder.mkdir()
    sdist = build("sdist", folder)
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"build_ffi.py", "setup.py", "csrc/bitprop.h", "csrc/bitprop.c", "docs/contract.md", "LICENSE"} <= names
    assert check(install(tmp_path / "venv", str(sdist))) == ["ctypes", fingerprint]


@pytest.mark.parametrize("environment", [{"CC": "/bin/false"}, {"BITPROP_BUILD": "pure"}], ids=str)
def test_without_compiler(tmp_path: Path, fingerprint: str, environment: dict[str, str]) -> None:
    """A failed compile, or BITPROP_BUILD=pure, gives a pure wheel, tagged so, that works."""
    folder = tmp_path / "wheel"
    folder.mkdir()
    wheel = build("wheel", folder, **environment)
    assert wheel.name.endswith("-py3-none-any.whl")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if "_core" in name]
    assert check(install(tmp_path / "venv", str(wheel))) == ["python", fingerprint]


def test_required_compile_fails(tmp_path: Path) -> None:
    """BITPROP_BUILD=require does not fall back; a wrong value is told."""
    with pytest.raises(subprocess.CalledProcessError):
        build("wheel", tmp_path, CC="/bin/false", BITPROP_BUILD="require")
    shutil.rmtree(tmp_path / "source")
    with pytest.raises(subprocess.CalledProcessError):
        build("wheel", tmp_path, BITPROP_BUILD="perhaps")


def test_the_pure_file_alone(tmp_path: Path) -> None:
    """The pure twin works as a single file, copied out of the package."""
    shutil.copy(ROOT / "src" / "bitprop" / "_pure.py", tmp_path / "alone.py")
    venv.create(tmp_path / "venv", with_pip=False)
    python = str(tmp_path / "venv" / "bin" / "python")
    found = subprocess.run(
        [python, "-c", "import alone; print(alone.self_test())"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "0"
