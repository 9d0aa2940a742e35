# SPDX-License-Identifier: MIT
"""Damaged files: each reader gives the library's own error, or what the whole file says, for little memory and time.

Here each reader meets some of each kind of damage; tests/long/damage cuts and flips at every byte and bit.
"""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import damage
import pytest

from bitprop import ModelFileError, Network
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
