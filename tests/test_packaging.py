# SPDX-License-Identifier: MIT
"""Wheels and the sdist, built and installed as users do: with and without a compiler, with and without cffi."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from bitprop.vectors import cases

pytestmark = pytest.mark.packaging
ROOT = Path(__file__).resolve().parent.parent
CHECK = (
    "import bitprop; net = bitprop.Network(2, 4, 4, 1, seed=7, bias=False);"
    "net.fit(*bitprop.datasets.linear(100, seed=1), epochs=20); print(net.backend, net.fingerprint())"
)


def copied(folder: Path) -> Path:
    """A copy of the sources."""
    copy = folder / "source"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "build", "*.egg-info", "vectors.h"))
    return copy


def build(kind: str, folder: Path, **environment: str) -> Path:
    """Builds a wheel or sdist from a copy of the sources; returns its path."""
    subprocess.run(
        [sys.executable, "-m", "build", f"--{kind}", "--outdir", str(folder), str(copied(folder))],
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
    """One abi3 wheel, with the extension and the data; of the C sources only the one that `export` takes text from."""
    assert "-cp39-abi3-" in wheel.name
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if name.startswith("bitprop/_core.")]
    assert {"bitprop/py.typed", "bitprop/lab/report_tables.json", "bitprop/_pure.py"} <= set(names)
    assert "_bitprop_command.py" in names
    assert {f"bitprop/templates/network.{ending}" for ending in ("h", "mjs", "py", "rs")} <= set(names)
    assert "bitprop/vectors/schema.json" in names
    assert len([name for name in names if re.fullmatch(r"bitprop/vectors/\d\d-\w+\.json", name)]) == len(cases.GROUPS)
    assert [name for name in names if name.endswith((".c", "_tpl.h", "bitprop.h", "build_ffi.py"))] == [
        "bitprop/csrc/bitprop.c"
    ]
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


def tool(name: str) -> str:
    """A program that audits wheels, from the extra `dev` or the system; CI fails without it, others skip."""
    found = shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if found is None and os.environ.get("CI") != "true":
        pytest.skip(f"no {name} here")
    return found or name


def audit(*command: str, **environment: str) -> str:
    """What an auditing program prints."""
    found = subprocess.run(
        [tool(command[0]), *command[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert found.returncode == 0, found.stdout
    return " ".join(found.stdout.split())


@pytest.mark.skipif(sys.platform != "linux", reason="wheels for Linux")
def test_audited(wheel: Path) -> None:
    """abi3audit finds nothing beyond the limited API of 3.9, auditwheel a manylinux tag, twine no fault."""
    assert "0 ABI version mismatches and 0 ABI violations found" in audit("abi3audit", "--verbose", str(wheel))
    assert re.search(r'platform tag(: | to )"manylinux_2_(5|17)_x86_64"', audit("auditwheel", "show", str(wheel)))
    assert "PASSED" in audit("twine", "check", "--strict", str(wheel))
    assert wheel.stat().st_size < 1_400_000  # a third of it vectors, and a page that is compressed already


MUSL_HOST = """
#include <dlfcn.h>
#include <stdio.h>
int main(int n, char **names) {
    void *library = n > 1 ? dlopen(names[1], RTLD_LAZY) : 0;
    int (*self_test)(void) = library ? (int (*)(void))dlsym(library, "bp_self_test") : 0;
    if (!self_test) {
        puts(dlerror());
        return 1;
    }
    return self_test();
}
"""


@pytest.mark.skipif(sys.platform != "linux", reason="wheels for Linux")
def test_musl(tmp_path: Path) -> None:
    """A wheel built against musl carries the tag of Alpine and its like, and its core passes the self-test there.

    Debian's musl has another name for itself than Alpine's, which is put right. No CPython for musl is at hand, so a
    small program takes its place.
    """
    gcc = tool("musl-gcc")
    folder = tmp_path / "wheel"
    folder.mkdir()
    built = build("wheel", folder, BITPROP_BUILD="require", CC=gcc, LDSHARED=f"{gcc} -shared")
    shutil.unpack_archive(built, tmp_path / "unpacked", "zip")
    (library,) = tmp_path.joinpath("unpacked", "bitprop").glob("_core*.so")
    audit("patchelf", "--replace-needed", "libc.so", "libc.musl-x86_64.so.1", str(library))
    (info,) = tmp_path.joinpath("unpacked").glob("*.dist-info")
    tagged = info / "WHEEL"
    text = tagged.read_text(encoding="utf-8").replace("-linux_x86_64", "-musllinux_1_2_x86_64")
    tagged.write_text(text, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "wheel", "pack", "--dest-dir", str(tmp_path), str(info.parent)], check=True)
    (wheel,) = tmp_path.glob("*musllinux_1_2_x86_64.whl")
    assert 'musllinux_1_2_x86_64"' in audit("auditwheel", "show", str(wheel))
    assert "0 ABI violations found" in audit("abi3audit", "--verbose", str(wheel))
    source = tmp_path / "host.c"
    source.write_text(MUSL_HOST, encoding="utf-8")
    subprocess.run([gcc, "-o", str(tmp_path / "host"), str(source)], check=True)
    subprocess.run([str(tmp_path / "host"), str(library)], check=True)


def test_neither_cffi_nor_ctypes(wheel: Path, tmp_path: Path) -> None:
    """Where neither can be had, the pure twin serves and says why (tests/platforms does so on each CPython)."""
    python = install(tmp_path / "bare", str(wheel))
    code = "import sys; sys.modules['_ctypes'] = None; import bitprop; print(bitprop.info())"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    told = ast.literal_eval(found.stdout)
    assert told["backend"] == "python"
    assert "ctypes" in told["reason"]


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


def test_wheels_are_reproducible(wheel: Path, tmp_path: Path) -> None:
    """Another build from equal sources, at another time, place and umask, gives the same bytes."""
    folder = tmp_path / "elsewhere" / "deeper"
    folder.mkdir(parents=True)
    mask = os.umask(0o077)
    try:
        again = build("wheel", folder, BITPROP_BUILD="require")
    finally:
        os.umask(mask)
    assert again.name == wheel.name
    assert differing(wheel, again) == []
    assert again.read_bytes() == wheel.read_bytes()


def differing(first: Path, second: Path) -> list[str]:
    """The files of two wheels that differ, by their bytes or by what the archive says of them."""
    entries = []
    for path in (first, second):
        with zipfile.ZipFile(path) as archive:
            entries.append(
                {each.filename: (each.date_time, each.external_attr, each.CRC) for each in archive.infolist()}
            )
    return sorted(name for name in {*entries[0], *entries[1]} if entries[0].get(name) != entries[1].get(name))


def test_bill_of_materials(wheel: Path) -> None:
    """The wheel brings its own (PEP 770), in CycloneDX: it contains bitprop alone, built by these tools."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if "/sboms/" in name]
        told = json.loads(archive.read(name))
        (record,) = [name for name in archive.namelist() if name.endswith(".dist-info/RECORD")]
        assert name in archive.read(record).decode()
    assert re.fullmatch(r"bitprop-[0-9.]+\.dist-info/sboms/bitprop\.cdx\.json", name)
    assert (told["bomFormat"], told["specVersion"], told["version"]) == ("CycloneDX", "1.6", 1)
    main = told["metadata"]["component"]
    assert (main["name"], main["licenses"]) == ("bitprop", [{"license": {"id": "MIT"}}])
    assert main["purl"] == f"pkg:pypi/bitprop@{wheel.name.split('-')[1]}"
    assert [(each["name"], each["scope"]) for each in told["components"]] == [
        ("setuptools", "excluded"),
        ("cffi", "excluded"),
    ]
    assert told["dependencies"] == [{"ref": main["bom-ref"], "dependsOn": []}]
    required = build_requirements()
    assert {each["name"] for each in told["components"]} == required
    assert all(each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}" for each in told["components"])


def build_requirements() -> set[str]:
    """The names of what pyproject.toml wants for a build."""
    text = ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8")
    line = re.search(r"^requires = (.*)$", text, re.MULTILINE)
    assert line is not None
    return {re.split(r"[<>=!~ ]", name)[0] for name in ast.literal_eval(line[1])}


def test_sdists_are_reproducible(tmp_path: Path) -> None:
    """Two builds from equal sources at other times and places give the same bytes."""
    first, second = (build("sdist", tmp_path / name) for name in ("first", "second"))
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()
    later = build("sdist", tmp_path / "later", SOURCE_DATE_EPOCH="1700000000")
    with tarfile.open(later) as archive:
        assert {entry.mtime for entry in archive} == {1700000000}


def test_a_failed_compile_is_told(tmp_path: Path, fingerprint: str) -> None:
    """The compiler's first error and the cure stand in `bitprop info`, all of its words beside the package."""
    python = install(tmp_path / "venv", "pip")
    command = [python, "-m", "pip", "install", "--quiet", str(copied(tmp_path))]
    subprocess.run(command, check=True, env={**os.environ, "CFLAGS": "-ffast-math"})
    assert check(python) == ["python", fingerprint]
    found = subprocess.run(
        [python, "-m", "bitprop", "info"], capture_output=True, text=True, check=True, cwd="/"
    ).stdout
    assert "-ffast-math and its parts change results" in found
    assert "BITPROP_BUILD=require" in found
    path = Path(re.search(r"all that was said: (\S+_build_failure\.txt)", found)[1])  # type: ignore[index]  # it is there
    assert path.read_text(encoding="utf-8").count("error") > 1
    subprocess.run([*command, "--force-reinstall"], check=True, env={**os.environ, "CFLAGS": "-march=native"})
    assert check(python) == ["ctypes", fingerprint]
    assert not path.exists()
