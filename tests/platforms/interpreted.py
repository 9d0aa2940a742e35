# SPDX-License-Identifier: MIT
"""The Python package on many Pythons, and ports to other languages: each asked every golden vector by the checker."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from workbench import ROOT, MissingError, Outcome, Platform, Workbench

from bitprop import names
from bitprop.vectors import cases
from bitprop.vectors.check import documents

HERE = Path(__file__).resolve().parent
PORT = str(HERE / "port.py")
RECEIPT = ROOT / "tests" / "models" / "receipt.json"
BACKENDS = ("cffi", "ctypes", "python")  # the pure twin is called "python"
VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
DEBIAN_PYTHON = "python3.11-minimal libpython3.11-minimal libpython3.11-stdlib libc6 zlib1g libexpat1 libffi8 libssl3"


def check(
    bench: Workbench,
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    groups: Iterable[str] = cases.GROUPS,
) -> Outcome:
    """What `bitprop vectors check` tells of a command."""
    chosen = [argument for group in groups for argument in ("--group", group)]
    checker = [sys.executable, "-m", "bitprop", "vectors", "check", "--json", "--timeout", "120"]
    told = bench.run([*checker, *chosen, "--exec", shlex.join(command)], statuses=(0, 1), environment=environment)
    start = told.find("{\n")
    if start < 0:
        raise RuntimeError(told[-500:])
    try:
        found = json.JSONDecoder().raw_decode(told[start:])[0]
    except ValueError:
        raise RuntimeError(told[-1000:]) from None
    differing = [group["first"] for group in found["groups"] if group["first"]]
    bits = sum(group["differing_bits"] for group in found["groups"])
    if differing and not bits:
        raise RuntimeError(f"{differing[0]['case']}: {differing[0]['meaning']} {told[:300]}")
    left_out = [group["group"] for group in found["groups"] if not group["supported"]]
    asked = [group for group in groups if group not in left_out]
    expected = sum(len(document["cases"]) for document in documents(asked))
    agree = sum(group["agree"] for group in found["groups"])
    if agree != expected and not bits:
        raise RuntimeError(f"{agree} cases agree, expected {expected}")
    if not bits:
        verify(bench, command, environment)
    return Outcome(expected, bits, f"without {', '.join(left_out)}" if left_out else "")


def verify(bench: Workbench, command: Sequence[str], environment: Mapping[str, str] | None) -> None:
    """Has a command train again for the committed receipt. RuntimeError: it ends at other bits."""
    verifier = [sys.executable, "-m", "bitprop", "receipt", "verify", str(RECEIPT), "xor", "--timeout", "600"]
    bench.run([*verifier, "--exec", shlex.join(command)], environment=environment)


def pythons() -> dict[str, str]:
    """CPython's version and path for each that is on the path or under pyenv, without free-threaded builds."""
    candidates = [shutil.which(f"python{version}") for version in VERSIONS]
    candidates += sorted(map(str, Path.home().glob(".pyenv/versions/*/bin/python3")))
    found: dict[str, str] = {}
    code = (
        "import sys, sysconfig; print(sys.implementation.name, '%d.%d' % sys.version_info[:2], "
        "sysconfig.get_config_var('Py_GIL_DISABLED') or 0)"
    )
    for path in filter(None, candidates):
        told = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False).stdout.split()
        if told[:1] == ["cpython"] and told[2] == "0":
            found.setdefault(told[1], path)
    return found


def cpython(version: str) -> Platform:
    """One wheel file on this CPython, with cffi, with ctypes and without either."""

    def run(bench: Workbench) -> Outcome:
        path = pythons().get(version)
        if path is None:
            raise MissingError(f"there is no CPython {version}")
        bare = bench.python(bench.wheel(), interpreter=path)
        with_cffi = bench.python(f"{bench.wheel()}[speedups]", interpreter=path)
        interpreters = {"cffi": with_cffi, "ctypes": bare, "python": bare}
        outcomes = [check(bench, [interpreters[name], PORT], {"BITPROP_BACKEND": name}) for name in BACKENDS]
        blocked = "import sys; sys.modules['_ctypes'] = None; import bitprop; print(bitprop.info()['backend'])"
        if bench.run([bare, "-c", blocked]).strip() != "python":
            raise RuntimeError("without cffi and ctypes it does not fall back to the pure twin")
        return added(outcomes, ", ".join(BACKENDS))

    return Platform(f"CPython {version}", "x86-64, native; the abi3 wheel", (), run)


def added(outcomes: Sequence[Outcome], note: str) -> Outcome:
    """The sum of several checks."""
    return Outcome(sum(o.cases for o in outcomes), sum(o.differing_bits for o in outcomes), note)


def package(bench: Workbench) -> Path:
    """The package unpacked, with the port beside it, for Pythons without pip."""

    def make(folder: Path) -> str:
        hidden = shutil.ignore_patterns("__pycache__", "_core*")
        shutil.copytree(ROOT / "src" / "bitprop", folder / "bitprop", ignore=hidden)
        shutil.copy(PORT, folder)
        return str(folder)

    return Path(bench.once("package", make))


def pypy() -> Platform:
    """The package as PyPy builds it, since an abi3 wheel is for CPython."""

    def run(bench: Workbench) -> Outcome:
        python = bench.python(bench.wheel("pypy3"), interpreter="pypy3")
        outcomes = [check(bench, [python, PORT], {"BITPROP_BACKEND": name}) for name in BACKENDS]
        return added(outcomes, ", ".join(BACKENDS))

    return Platform("PyPy 3.9", "Debian's pypy3, native; a wheel that it builds", ("pypy3",), run)


def debian(bench: Workbench, architecture: str) -> list[str]:
    """Debian's CPython for another processor, unpacked, and what runs it."""
    emulator = {"arm64": "aarch64", "i386": "i386"}.get(architecture, architecture)

    def make(folder: Path) -> str:
        state = folder / "apt"
        for path in ("lists/partial", "cache/archives/partial"):
            (state / path).mkdir(parents=True)
        options = {"APT::Architecture": architecture, "APT::Architectures::": architecture}
        options |= {"Dir::State::Lists": f"{state}/lists", "Dir::Cache": f"{state}/cache"}
        options |= {"Dir::State::status": "/dev/null", "APT::Sandbox::User": "root"}
        apt = ["apt-get", "-qq", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
        bench.run(
            [*apt, "update"], statuses=(0, 100)
        )  # one index of several may fail; what is missing then shows below
        bench.run([*apt, "download", *DEBIAN_PYTHON.split()], folder=state)
        for archive in sorted(state.glob("*.deb")):
            bench.run(["dpkg", "-x", str(archive), str(folder / "root")])
        return str(folder / "root")

    root = bench.once(f"debian {architecture}", make)
    return [f"qemu-{emulator}-static", "-L", root, f"{root}/usr/bin/python3.11"]


def foreign(name: str, architecture: str, emulator: str) -> Platform:
    """The pure twin on Debian's CPython for another processor."""

    def run(bench: Workbench) -> Outcome:
        command = [*debian(bench, architecture), "-I", "-c", started(bench)]
        return check(bench, command, {"BITPROP_BACKEND": "python"})._replace(note="pure")

    return Platform(name, f"Debian's python3.11 for {architecture}, qemu-{emulator}", (f"qemu-{emulator}-static",), run)


def started(bench: Workbench) -> str:
    """Code that runs the port in the unpacked package."""
    return f"import sys; sys.path.insert(0, {str(package(bench))!r}); import port; port.main()"


def x87() -> Platform:
    """Debian's CPython for i386, which calculates in x87 registers: the pure twin must refuse to work there."""

    def run(bench: Workbench) -> Outcome:
        code = f"import sys; sys.path.insert(0, {str(package(bench))!r}); from bitprop import Network; Network(2, 1)"
        told = bench.run([*debian(bench, "i386"), "-I", "-c", code], statuses=(1,))
        if not re.search(
            "FloatingPointModeError: the pure-Python backend needs arithmetic that rounds to nearest", told
        ):
            raise RuntimeError(f"not refused: {told[-500:]}")
        return Outcome(0, 0, "refused by the probe of its arithmetic", refused=True)

    return Platform("CPython, i386, x87", "Debian's python3.11 for i386, qemu-i386", ("qemu-i386-static",), run)


def wasm(name: str, kind: str, how: str) -> Platform:
    """A Python that is compiled to WebAssembly."""

    def run(bench: Workbench) -> Outcome:
        folder, groups = package(bench), list(cases.GROUPS)
        if kind == "micropython":
            folder = bench.folder("micropython files")
            source, small = ROOT / "src/bitprop", ROOT / "examples/micropython/random.py"
            for path in (source / "_pure.py", source / "_pure_levenberg.py", small, HERE / "port.py"):
                shutil.copy(path, folder)
            lists = [f"{plural} = {getattr(names, plural)}\n" for plural in ("ACTIVATIONS", "LOSSES", "RULES", "INITS")]
            (folder / "names.py").write_text("".join(lists), encoding="utf-8")  # which itself needs typing
            groups.remove("data")  # which the pure file does not have
        command = ["node", str(HERE / "wasm_python.mjs"), kind, bench.node_modules(), str(folder)]
        return check(bench, command, groups=groups)._replace(note="pure")

    return Platform(name, how, ("node", "npm"), run)


def node() -> Platform:
    """The port to JavaScript."""
    port = ROOT / "examples" / "ports" / "javascript" / "port.mjs"
    return Platform(
        "JavaScript", "examples/ports/javascript, Node", ("node",), lambda bench: check(bench, ["node", str(port)])
    )


def go(name: str, architecture: str, emulator: str = "") -> Platform:
    """The port to Go, compiled for a processor."""

    def run(bench: Workbench) -> Outcome:
        program = str(bench.folder(name) / "port")
        source = ROOT / "examples" / "ports" / "go"
        bench.run(
            ["go", "build", "-o", program], folder=source, environment={"GOARCH": architecture, "CGO_ENABLED": "0"}
        )
        return check(bench, [*([emulator] if emulator else []), program])

    how = f"examples/ports/go, {emulator.removesuffix('-static') or 'native'}"
    return Platform(name, how, ("go", *([emulator] if emulator else [])), run)


PLATFORMS = [
    *map(cpython, VERSIONS),
    pypy(),
    foreign("CPython, s390x (big-endian)", "s390x", "s390x"),
    foreign("CPython, aarch64", "arm64", "aarch64"),
    wasm("Pyodide", "pyodide", "pyodide from npm, Node; the package"),
    wasm("MicroPython", "micropython", "npm's wasm build, Node; _pure.py with examples/micropython/random.py"),
    x87(),
    node(),
    go("Go, x86-64", "amd64"),
    go("Go, aarch64", "arm64", "qemu-aarch64-static"),
    go("Go, s390x (big-endian)", "s390x", "qemu-s390x-static"),
    go("Go, riscv64", "riscv64", "qemu-riscv64-static"),
]
