# SPDX-License-Identifier: MIT
"""Damaged files: each reader gives the library's own error, or what the whole file says, for little memory and time.

Here each reader meets some of each kind of damage; tests/long/damage cuts and flips at every byte and bit.
"""

from __future__ import annotations

import gzip
import os
import shlex
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import damage
import pytest

from bitprop import DataError, ModelFileError, Network, SweepFileError, datasets, exchange
from bitprop.lab import proben1
from bitprop.names import Backend

SOME = 40  # damages of each kind
SIZE = 40_000  # bytes
MEMORY = 40  # times the file: an empty list in a list takes 3 bytes there, and 64 and more in Python
ROWS_MEMORY = 120  # of rows of numbers, which are lists of floats
SECONDS = 3.0  # of the processor for a megabyte; meant is 1, on a machine that does nothing else


@pytest.fixture(params=damage.READERS)
def name(request: pytest.FixtureRequest) -> str:
    """The name of each reader in turn."""
    found: str = request.param
    if found not in damage.there():
        pytest.skip(f"{damage.READERS[found].needs} is not installed")
    return found


def test_cuts_and_flips(name: str, tmp_path: Path) -> None:
    """A cut file, or one with a flipped bit, gives an expected error; or the whole file's content, if it is sealed."""
    data = damage.whole(name)
    good = damage.good(name, tmp_path / "file")
    cuts = list(damage.cuts(data))[:: max(1, len(data) // SOME)]
    refused, accepted = damage.meet(name, tmp_path / "file", cuts, good)
    assert refused + accepted == len(cuts)
    every = max(1, 8 * len(data) // SOME) | 1
    refused, _ = damage.meet(name, tmp_path / "file", damage.flips(data, every), good)
    assert refused > 0 or not damage.READERS[name].sealed


def test_fillings(name: str, tmp_path: Path) -> None:
    """Whatever a text has after its beginning: an expected error or content, for little memory and time."""
    good = damage.good(name, tmp_path / "file")
    for filling, data in damage.filled(name, SIZE):
        damage.meet(name, tmp_path / "file", [data], good)
        seconds, memory = damage.cost(name, tmp_path / "file", data)
        assert seconds < 0.1 + SECONDS * len(data) / 1e6, (filling, seconds)
        assert memory < (ROWS_MEMORY if "rows" in filling or "numbers" in filling else MEMORY), (filling, memory)


def test_wrong_fields(name: str, tmp_path: Path) -> None:
    """Any value in any place of a JSON file, with a checksum that is right, gives an expected error."""
    damage.meet(name, tmp_path / "file", damage.rewritten(name, 37))


def test_models_that_claim_too_much(backend: Backend) -> None:
    """Model bytes that are cut, altered, or whose counts wrap are refused by every backend."""
    for data in damage.bad_models(11):
        with pytest.raises(ModelFileError, match="not one whole model"):
            Network.from_bytes(data, backend=backend)


def test_the_port_in_javascript() -> None:
    """It refuses the same bytes."""
    node = shutil.which("node")
    if node is None:
        if os.environ.get("CI") == "true":
            pytest.fail("needs node: python3 tests/platforms --install")
        pytest.skip("no node")
    port = Path(__file__).resolve().parent.parent / "examples" / "ports" / "javascript" / "port.mjs"
    assert damage.ask_port(shlex.join([node, str(port)]), 7) > 150


def refused(read: Callable[[Any], Any], path: Path, error: type[Exception], message: str) -> int:
    """Bytes of memory that the refusal of a file takes."""
    tracemalloc.start()
    try:
        with pytest.raises(error, match=message):
            read(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_files_that_unfold(tmp_path: Path) -> None:
    """A compressed file of a thousand times its bytes is read as far as PROBEN1 could be."""
    path = tmp_path / "file.dt.gz"
    path.write_bytes(gzip.compress(b"\0" * 100_000_000))
    assert refused(proben1.read, path, DataError, "has more than 16777216 bytes") < 50_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="needs sparse files")
def test_sparse_files_of_sweeps(tmp_path: Path) -> None:
    """Zeros after its lines, which a power failure may leave, are dropped for little memory; else it is refused."""
    path = tmp_path / "sweep.jsonl"
    whole = damage.whole("the file of a sweep")
    path.write_bytes(whole)
    os.truncate(path, 1 << 26)
    good = damage.content(damage.READERS["the file of a sweep"].read(path))
    assert path.read_bytes() == whole
    for start, message in (
        (whole.splitlines(keepends=True)[0], "was altered in line 2"),
        (b"", "is not the file of a"),
    ):
        path.write_bytes(start)
        os.truncate(path, 1 << 26)
        with path.open("ab") as file:
            file.write(b"\n")
        read = damage.READERS["the file of a sweep"].read
        assert refused(read, path, SweepFileError, message) < 10_000_000
    assert good == damage.good("the file of a sweep", tmp_path / "other.jsonl")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
def test_endless_devices() -> None:
    """A device without an end is refused after a part of it."""
    zero = Path("/dev/zero")
    message = "/dev/zero, line 1: no end of line within 16777216 characters"
    assert refused(datasets.read_csv, zero, DataError, message) < 300_000_000
    assert refused(proben1.read, zero, DataError, "more than 16777216 bytes") < 50_000_000
    for name, read in (("onnx", exchange.from_onnx), ("safetensors", exchange.from_safetensors)):
        if name in {damage.READERS[each].needs for each in damage.there()}:
            assert refused(read, zero, ModelFileError, "/dev/zero") < 300_000_000


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
def test_growth() -> None:
    """Memory stays flat over some hundreds of each kind of call; tests/long/growth does a million."""
    program = Path(__file__).resolve().parent / "long" / "growth"
    environment = {**os.environ, "BITPROP_GROWTH": "1500"}
    found = subprocess.run([sys.executable, program], env=environment, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, ""), found.stdout
    assert len(found.stdout.splitlines()) == 11
