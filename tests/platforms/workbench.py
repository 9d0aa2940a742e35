# SPDX-License-Identifier: MIT
"""What the platforms share: folders, commands, and the tools that are installed for them."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
TIME_LIMIT = 900.0  # seconds for any one command

# Debian's packages that the platforms need, and what comes from npm and PyPI.
DEBIAN = (
    *("avr-libc", "gcc-avr"),
    *("clang", "gcc", "libc6-dev", "musl-tools", "golang-go", "nodejs", "rustc", "pypy3", "pypy3-dev", "pypy3-venv"),
    *("libclang-rt-dev",),  # the sanitizers of clang
    *("gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"),
    *("gcc-arm-linux-gnueabihf", "libc6-dev-armhf-cross"),
    *("gcc-arm-none-eabi", "libnewlib-arm-none-eabi"),
    *("gcc-i686-linux-gnu", "libc6-dev-i386-cross"),
    *("gcc-mips-linux-gnu", "libc6-dev-mips-cross"),
    *("gcc-powerpc64le-linux-gnu", "libc6-dev-ppc64el-cross"),
    *("gcc-riscv64-linux-gnu", "libc6-dev-riscv64-cross"),
    *("gcc-s390x-linux-gnu", "libc6-dev-s390x-cross"),
    *("gcc-mingw-w64-x86-64", "wine", "wine64"),
    *("qemu-system-arm", "qemu-user-static"),
    "locales",
)
NPM = ["pyodide", "@micropython/micropython-webassembly-pyscript"]


class Outcome(NamedTuple):
    """What came of a platform."""

    cases: int
    differing_bits: int
    note: str
    refused: bool = False  # as it should be


class MissingError(Exception):
    """The platform cannot be run here; the message says what is missing."""


class Platform(NamedTuple):
    """One line of the table."""

    name: str
    how: str
    needs: tuple[str, ...]  # programs
    run: Callable[[Workbench], Outcome]


class Workbench:
    """A scratch folder, and the tools that are made once and used by several platforms."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._making: dict[str, threading.Lock] = {}
        self._made: dict[str, str] = {}

    def folder(self, name: str) -> Path:
        """A folder of that name's own."""
        letters = "".join(letter if letter.isalnum() else "-" for letter in name)
        path = self._folder / f"{letters[:60]}-{zlib.crc32(name.encode()):08x}"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def run(
        self,
        command: Sequence[str],
        statuses: Sequence[int] = (0,),
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Runs a command and returns what it prints. RuntimeError: another exit status, with the end of the output."""
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, "WINEDEBUG": "-all", **(environment or {})},
        ) as process:
            self._running.add(process)
            try:
                text = process.communicate(timeout=TIME_LIMIT)[0].decode(errors="replace")
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            finally:
                self._running.discard(process)
        if process.returncode not in statuses:
            raise RuntimeError(f"status {process.returncode} of {shlex.join(command)[:300]}: {text[-1500:]}")
        return text

    def stop(self) -> None:
        """Ends what is running, after an interruption."""
        for process in list(self._running):
            process.terminate()

    def once(self, name: str, make: Callable[[Path], str]) -> str:
        """What `make` gives in a folder of its own, made at the first call."""
        with self._lock:
            lock = self._making.setdefault(name, threading.Lock())
        with lock:
            if name not in self._made:
                self._made[name] = make(self.folder(name))
            return self._made[name]

    def python(self, *requirements: str, interpreter: str = sys.executable) -> str:
        """A virtual environment's interpreter with these packages."""

        def make(folder: Path) -> str:
            self.run([interpreter, "-m", "venv", str(folder)])
            found = str(folder / "bin" / "python")
            self.run([found, "-m", "pip", "install", "--quiet", *requirements])
            return found

        return self.once(" ".join(["venv", interpreter, *requirements]), make)

    def wheel(self, interpreter: str = sys.executable) -> str:
        """The wheel of this checkout, built by that Python."""

        def make(folder: Path) -> str:
            source = folder / "source"
            hidden = shutil.ignore_patterns(".*", "build", "*.egg-info", "node_modules")
            shutil.copytree(ROOT, source, ignore=hidden)
            command = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)]
            python = self.python("pip", interpreter=interpreter)
            self.run([python, *command], environment={"BITPROP_BUILD": "require"})
            (found,) = folder.glob("*.whl")
            return str(found)

        return self.once(f"wheel by {interpreter}", make)

    def node_modules(self) -> str:
        """Where npm has installed the Pythons for WebAssembly."""

        def make(folder: Path) -> str:
            self.run(["npm", "install", "--silent", "--no-audit", "--no-fund", *NPM], folder=folder)
            return str(folder / "node_modules")

        return self.once("npm", make)


def install() -> None:
    """Installs Debian's packages, where one is missing. As root, on Debian or Ubuntu."""
    listed = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${Status}\n"], capture_output=True, text=True, check=True
    )
    there = {line.split()[0] for line in listed.stdout.splitlines() if line.endswith(" installed")}
    missing = [package for package in DEBIAN if package not in there]
    if missing:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        options = ["-y", "-qq", "--no-install-recommends"]
        subprocess.run(["apt-get", "update", "-qq"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(
            ["apt-get", "install", *options, *missing], check=True, env=environment, stdout=subprocess.DEVNULL
        )
