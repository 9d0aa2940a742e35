# SPDX-License-Identifier: MIT
"""Everything that bitprop writes, and ways in which writing may end: a full disk, a kill, a folder that goes."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bitprop import Network, datasets, exchange, export, sweep

NET = Network(2, 3, 1, seed=3)


def _exported(to: str) -> Callable[[Path], Any]:
    return lambda path: export.write(NET, to, path, "net")


HISTORY = Network(2, 1).fit(*datasets.xor(), epochs=20)
SWEPT = sweep((2, 1), datasets.xor(), seeds=range(9), epochs=1)
WRITERS: dict[str, Callable[[Path], Any]] = {
    "a model": NET.save,
    "a history": HISTORY.to_csv,
    "a sweep": SWEPT.to_csv,
    **{f"an export to {to}": _exported(to) for to in ("c", "python", "javascript", "rust")},
}
if importlib.util.find_spec("onnx"):
    WRITERS["an export to ONNX"] = _exported("onnx")
if importlib.util.find_spec("safetensors"):
    WRITERS["an export to safetensors"] = lambda path: exchange.to_safetensors(NET, path)


def fill_the_disk(what: str, path: Path, every: int) -> int:
    """Writes over an old file where so many bytes have room, or some counts of them; how often that failed.

    AssertionError: neither the old file whole nor the new one, other permissions, or another file in the folder.
    """
    import resource

    WRITERS[what](path)
    whole = path.read_bytes()
    old = b"old" * 5
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    failed = 0
    for room in {*range(0, len(whole), every), len(whole) - 1, len(whole)}:
        path.write_bytes(old)
        path.chmod(0o640)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
        try:
            WRITERS[what](path)
        except OSError as error:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            failed += 1
            expected = old
            if error.filename != str(path):
                raise AssertionError(f"{what}: the error names {error.filename}") from error
        else:
            expected = whole
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        found = path.read_bytes(), path.stat().st_mode & 0o777, os.listdir(path.parent)
        if found != (expected, 0o640, [path.name]) or (room < len(whole)) != (expected is old):
            raise AssertionError(f"{what}, room for {room} of {len(whole)} bytes: {found[0][:40]!r}, {found[1:]}")
    return failed


SAVER = (
    "import sys, time; from bitprop import Network, _files\n"
    "if sys.argv[3] == 'named':\n    _files._open_unnamed = lambda _: None\n"
    "net = Network(2, 40, 40, 1, seed=int(sys.argv[2])); print('ready', flush=True)\n"
    "end = time.monotonic() + float(sys.argv[4])\n"
    "while time.monotonic() < end:\n    net.save(sys.argv[1])\n"
)
# The same, by forks of one process, of which each is killed by its parent: a kill costs no start of Python.
FORKER = """
import os, random, signal, sys, time
from bitprop import Network, _files
path, way, kills, processes = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
if way == "named":
    _files._open_unnamed = lambda _: None
nets = [Network(2, 40, 40, 1, seed=seed) for seed in range(processes)]
for net in nets:
    net.save(path)
generator = random.Random(1)
for number in range(kills):
    children = []
    for net in nets:
        child = os.fork()
        if child == 0:
            while True:
                net.save(path)
        children.append(child)
    time.sleep(generator.uniform(0.0, 0.02))
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if Network.load(path) not in nets:
        sys.exit(f"after kill {number} there is another network")
    if os.stat(path).st_mode & 0o777 != 0o640:
        sys.exit(f"after kill {number} the file has other permissions")
"""


def saver(path: Path, seed: int, way: str, seconds: float) -> subprocess.Popen[str]:
    """A process that saves to the path over and over."""
    command = [sys.executable, "-c", SAVER, str(path), str(seed), way, str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def kill(path: Path, way: str, kills: int, processes: int = 1) -> list[str]:
    """Kills so many saves, of several processes at a time, at random moments; the names of the files left over."""
    umask = os.umask(0o027)  # so that a new file is the owner's and the group's
    try:
        command = [sys.executable, "-c", FORKER, str(path), way, str(kills), str(processes)]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    finally:
        os.umask(umask)
    if found.returncode != 0:
        raise AssertionError(found.stderr)
    return [entry.name for entry in path.parent.iterdir() if entry != path]
