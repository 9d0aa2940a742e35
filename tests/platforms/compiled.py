# SPDX-License-Identifier: MIT
"""The C core on many processors: its own tests, with all golden vectors, compiled and run there or under emulation."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from workbench import ROOT, MissingError, Outcome, Platform, Workbench

from bitprop.vectors.cases import GROUPS
from bitprop.vectors.check import documents

CORE = ROOT / "csrc"
TESTS = ROOT / "tests" / "c" / "test_bitprop.c"
EMBEDDED = ROOT / "examples" / "embedded"
FLAGS = ("-std=c99", "-O2", "-ffp-contract=off", "-I", str(CORE))
CASES = sum(
    case["function"] not in ("arithmetic", "constants", "data")  # which have no function in C
    for document in documents(GROUPS)
    for case in document["cases"]
)
TOLD = re.compile(r"(\d+) cases, (\d+) passed, (\d+) failed, (\d+) differing bits")


def core(
    name: str,
    how: str,
    compiler: str,
    runner: str = "",
    flags: str = "",
    source: str = "levenberg.c",
    kernel: int | None = None,
    suffix: str = "",
) -> Platform:
    """The core's tests, built by this compiler (a command) and run by this emulator (another; none: here)."""

    def run(bench: Workbench) -> Outcome:
        def build(folder: Path) -> str:
            program = str(folder / f"tests{suffix}")
            bench.once("vectors.h", lambda _: bench.run([sys.executable, str(TESTS.with_name("make_vectors.py"))]))
            command = [*compiler.split(), *FLAGS, *flags.split(), str(CORE / source), str(TESTS), "-o", program, "-lm"]
            bench.run(command)
            return program

        program = bench.once(f"{compiler} {flags} {source}", build)
        chosen = [] if kernel is None else [str(kernel)]
        return told(bench.run([*runner.split(), program, *chosen], statuses=(0, 1, 2)))

    return Platform(name, how, needed(compiler, runner), run)


def needed(*commands: str) -> tuple[str, ...]:
    """The programs of these commands."""
    return tuple(command.split()[0] for command in commands if command)


def told(text: str) -> Outcome:
    """What the core's tests print at their end."""
    if re.match(r"kernel \d is not here", text):
        raise MissingError("this processor lacks the instructions")
    found = TOLD.search(text)
    if found is None:
        raise RuntimeError(f"the tests did not end: {text[-500:]}")
    cases, passed, failed, bits = map(int, found.groups())
    if cases != CASES:
        raise RuntimeError(f"{cases} cases were replayed, expected {CASES}")
    if failed and not bits:
        raise RuntimeError(f"{failed} checks failed: {text[-500:]}")
    return Outcome(cases, bits, f"{passed + failed:,} checks")


def cortex(name: str, machine: str, flags: str) -> Platform:
    """The same on a bare Cortex-M, with newlib and semihosting."""
    compiler = "arm-none-eabi-gcc"
    emulator = (
        f"qemu-system-arm -M {machine} -nographic -monitor none -serial none "
        "-semihosting-config enable=on,target=native -kernel"
    )
    bare = f"-mthumb {flags} -nostartfiles --specs=rdimon.specs -T {EMBEDDED / 'mps2.ld'} {EMBEDDED / 'start.c'}"
    return core(name, f"bare metal, {compiler}, newlib, qemu-system-arm -M {machine}", compiler, emulator, bare)


def refused(name: str, how: str, compiler: str, flags: str, message: str) -> Platform:
    """A compiler that must not accept the core, and say why."""

    def run(bench: Workbench) -> Outcome:
        folder = bench.folder(name)
        (folder / "gnu").mkdir(exist_ok=True)
        (folder / "gnu" / "stubs-32.h").touch()  # headers of a 32-bit C library: all that is needed to be refused
        command = [*compiler.split(), "-std=c99", *flags.split(), "-isystem", str(folder)]
        text = bench.run([*command, "-c", str(CORE / "bitprop.c"), "-o", str(folder / "core.o")], statuses=(1,))
        if message not in text:
            raise RuntimeError(f"not refused by {message!r}: {text[-500:]}")
        return Outcome(0, 0, "refused at compile time", refused=True)

    return Platform(name, how, needed(compiler), run)


def wasi_compiler(bench: Workbench) -> str:
    """Zig, from PyPI, for WebAssembly; Debian's clang 14 makes relu lose a sign there, which the self-test tells."""
    return f"{bench.python('ziglang')} -m ziglang cc -target wasm32-wasi"


def wasm() -> Platform:
    """The core's tests as a WebAssembly program."""
    name = "wasm32 (WASI)"
    driver = Path(__file__).with_name("wasi.mjs")

    def run(bench: Workbench) -> Outcome:
        return core(name, "", wasi_compiler(bench), f"node --no-warnings {driver}").run(bench)

    return Platform(name, "zig cc (ziglang from PyPI), Node's WASI", ("node",), run)


def windows() -> Platform:
    """The core's tests as a Windows program."""
    compiler = "x86_64-w64-mingw32-gcc"
    runner = shutil.which("wine") or "wine64"
    how = f"{compiler}, Wine; portable, SSE2, AVX2, AVX-512"
    return core("Windows x86-64", how, compiler, runner, "-static", "simd.c", suffix=".exe")


def example() -> Platform:
    """examples/embedded trains on a bare Cortex-M4, and ends at the fingerprint that Python ends at here."""

    def run(bench: Workbench) -> Outcome:
        found = re.search(r"fingerprint (\w{64})", bench.run(["sh", str(EMBEDDED / "run.sh"), "train"]))
        command = [sys.executable, "-m", "bitprop", "train", "xor", "--no-bias", "--epochs", "1000"]
        expected = re.search(r"fingerprint (\w{64})", bench.run(command))
        if found is None or expected is None:
            raise RuntimeError("no fingerprint")
        bits = bin(int(found[1], 16) ^ int(expected[1], 16)).count("1")
        return Outcome(1, bits, f"1000 epochs; fingerprint {found[1][:16]}")

    how = "examples/embedded, 2-4-4-1 trained on xor, qemu-system-arm -M mps2-an386"
    return Platform("Cortex-M4, training", how, ("arm-none-eabi-gcc", "qemu-system-arm"), run)


PLATFORMS = [
    core("x86-64, portable", "gcc, native", "gcc", source="simd.c", kernel=1),
    core("x86-64, SSE2", "gcc, native", "gcc", source="simd.c", kernel=2),
    core("x86-64, AVX2", "gcc, native", "gcc", source="simd.c", kernel=4),
    core("x86-64, AVX-512", "gcc, native", "gcc", source="simd.c", kernel=5),
    core("x86-64, clang", "clang -O3 -march=native, native; all kernels", "clang", "", "-O3 -march=native", "simd.c"),
    core("x86-64, musl", "musl-gcc, static, native; all kernels", "musl-gcc", "", "-static", "simd.c"),
    core(
        *("i386, SSE2", "i686-linux-gnu-gcc -msse2 -mfpmath=sse, qemu-i386", "i686-linux-gnu-gcc"),
        *("qemu-i386-static", "-static -msse2 -mfpmath=sse"),
    ),
    core(
        *("aarch64", "aarch64-linux-gnu-gcc, qemu-aarch64; portable, NEON", "aarch64-linux-gnu-gcc"),
        *("qemu-aarch64-static", "-static", "simd.c"),
    ),
    core(
        *("armv7, hard float", "arm-linux-gnueabihf-gcc, qemu-arm", "arm-linux-gnueabihf-gcc"),
        *("qemu-arm-static", "-static"),
    ),
    core("riscv64", "riscv64-linux-gnu-gcc, qemu-riscv64", "riscv64-linux-gnu-gcc", "qemu-riscv64-static", "-static"),
    core(
        *("s390x (big-endian)", "s390x-linux-gnu-gcc, qemu-s390x", "s390x-linux-gnu-gcc", "qemu-s390x-static"),
        "-static",
    ),
    core(
        *("ppc64le", "powerpc64le-linux-gnu-gcc, qemu-ppc64le", "powerpc64le-linux-gnu-gcc", "qemu-ppc64le-static"),
        "-static",
    ),
    core("mips (big-endian)", "mips-linux-gnu-gcc, qemu-mips", "mips-linux-gnu-gcc", "qemu-mips-static", "-static"),
    wasm(),
    windows(),
    cortex("Cortex-M3", "mps2-an385", "-mcpu=cortex-m3"),
    cortex("Cortex-M4", "mps2-an386", "-mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard"),
    cortex("Cortex-M7", "mps2-an500", "-mcpu=cortex-m7 -mfpu=fpv5-d16 -mfloat-abi=hard"),
    example(),
    refused(
        *("i386, x87", "gcc -m32 -mfpmath=387", "gcc", "-m32 -mfpmath=387 -isystem /usr/include/x86_64-linux-gnu"),
        "bitprop: double must be evaluated as double",
    ),
    refused("AVR", "avr-gcc", "avr-gcc", "-mmcu=atmega328p", "bitprop: double must be IEEE 754 binary64"),
]
