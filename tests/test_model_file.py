# SPDX-License-Identifier: MIT
"""Model files: whole, unaltered, and the same everywhere, or refused."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bitprop import DataError, ModelFileError, Network, OptionError, datasets, model_file


@pytest.fixture
def net() -> Network:
    """A small trained network."""
    made = Network(2, 3, 1, activation=("tanh", "sigmoid"), seed=9)
    made.fit(*datasets.xor(), epochs=20)
    return made


def test_round_trip(backend: str, tmp_path: Path) -> None:
    """A loaded network is equal to the bit, on every backend; the file's text is the same from every backend."""
    made = Network(2, 4, 4, 1, bias=False, seed=3, backend=backend)
    made.fit(*datasets.xor(), epochs=5)
    path = tmp_path / "net.json"
    made.save(path)
    assert Network.load(path, backend=backend) == made
    made.save(str(path))  # over itself
    assert Network.load(str(path)) == made
    twin = Network(2, 4, 4, 1, bias=False, seed=3, backend="python")
    twin.fit(*datasets.xor(), epochs=5)
    twin.save(tmp_path / "twin.json")
    assert path.read_bytes() == (tmp_path / "twin.json").read_bytes()


def test_what_the_file_holds(net: Network, tmp_path: Path) -> None:
    """The file tells all of the network, parameters as 16 hexadecimal digits."""
    net.save(tmp_path / "net.json")
    fields = json.loads((tmp_path / "net.json").read_text(encoding="utf-8"))
    assert fields["format"] == "bitprop-model"
    assert fields["contract"] == 1
    assert fields["sizes"] == [2, 3, 1]
    assert fields["activations"] == ["tanh", "sigmoid"]
    assert fields["bias"] is True
    assert fields["parameters"] == model_file.to_hex(net.parameters)
    assert all(len(digits) == 16 for digits in fields["parameters"])
    assert len(fields["self_test"]["input"]) == 2
    assert len(fields["sha256"]) == 64


def test_every_cut_is_refused(net: Network, tmp_path: Path) -> None:
    """A file cut at any byte is refused."""
    path = tmp_path / "net.json"
    net.save(path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelFileError, match=r"net\.json"):
            Network.load(path)


def test_every_changed_byte_is_refused(net: Network, tmp_path: Path) -> None:
    """A file with any byte changed, or one more, is refused; white space counts."""
    path = tmp_path / "net.json"
    net.save(path)
    whole = path.read_bytes()
    generator = random.Random(1)
    for at in range(len(whole)):
        for new in {whole[at] ^ 1 << generator.randrange(8), generator.randrange(256), ord(" ")} - {whole[at]}:
            path.write_bytes(whole[:at] + bytes([new]) + whole[at + 1 :])
            with pytest.raises(ModelFileError):
                Network.load(path)
    for at in (0, 1, len(whole) // 2, len(whole)):
        path.write_bytes(whole[:at] + b" " + whole[at:])
        with pytest.raises(ModelFileError):
            Network.load(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 2}, "altered|format version"),
        ({"contract": 2}, "contract 2"),
        ({"sizes": [2, 0, 1]}, "size 0"),
        ({"sizes": [2, 4, 1]}, "does not describe"),
        ({"sizes": "2-3-1"}, "does not describe"),
        ({"activations": ["tanh", "softmax"]}, "softmax"),
        ({"parameters": ["00"]}, "16 hexadecimal digits"),
        ({"parameters": []}, "does not describe"),
        ({"parameters": ["7ff8000000000000"] * 13}, "nan"),
        ({"self_test": {"input": ["3fe0000000000000"] * 2, "output": ["3fe0000000000000"]}}, "self-test"),
        ({"self_test": {}}, "self-test"),
        ({"bias": 1}, "not as bitprop writes it"),
        ({"contract": True}, "not as bitprop writes it"),
        ({"activations": "tanh"}, "not as bitprop writes it|self-test"),
        ({"more": 1}, "not as bitprop writes it"),
        ({"parameters": ["00 00 00 00 00  "] * 13}, "16 hexadecimal digits"),
        ({"bias": 3}, "bias"),
    ],
    ids=str,
)
def test_wrong_content(net: Network, tmp_path: Path, changes: dict[str, object], message: str) -> None:
    """A file with a valid hash whose content is not a network's is refused as well."""
    path = tmp_path / "net.json"
    net.save(path)
    fields = model_file.loads(path.read_bytes(), "net.json")
    path.write_text(model_file.dumps({**fields, **changes}), encoding="utf-8")
    with pytest.raises(ModelFileError, match=message):
        Network.load(path)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"format": 1}', b"PK\3\4"]
)
def test_other_files(content: bytes, tmp_path: Path) -> None:
    """What is no model file is refused by name."""
    path = tmp_path / "other.json"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"other\.json"):
        Network.load(path)
    with pytest.raises(FileNotFoundError):
        Network.load(tmp_path / "none.json")


def test_failed_save_leaves_the_old_file(net: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where writing fails, the old file stays whole and no temporary file is left."""
    path = tmp_path / "net.json"
    net.save(path)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    net.parameters[0] = 5.0
    with pytest.raises(OSError, match="No space"):
        net.save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.json"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_devices_are_never_replaced(net: Network, tmp_path: Path) -> None:
    """A device is written to, and its errors told; a link's target is replaced, not the link."""
    with pytest.raises(OSError, match="No space"):
        net.save("/dev/full")
    assert not Path("/dev/full").is_file()
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "target.json")
    net.save(link)
    assert link.is_symlink()
    assert Network.load(tmp_path / "target.json") == net


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX resource limits")
def test_full_disk(net: Network, tmp_path: Path) -> None:
    """Past a file size limit the old file stays."""
    path = tmp_path / "net.json"
    net.save(path)
    code = (
        "import resource, signal, sys\nfrom bitprop import Network\n"
        "net = Network.load(sys.argv[1])\nnet.parameters[0] = 1.0\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "try:\n    net.save(sys.argv[1])\nexcept OSError:\n    sys.exit(7)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 7
    assert Network.load(path) == net
    assert len(list(tmp_path.iterdir())) == 1


def test_wrong_backend_is_no_wrong_file(net: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend or kernel that cannot be is told as such."""
    net.save(tmp_path / "net.json")
    with pytest.raises(OptionError, match="backend is 'nope'"):
        Network.load(tmp_path / "net.json", backend="nope")
    with pytest.raises(TypeError, match="backend is 3"):
        Network.load(tmp_path / "net.json", backend=3)  # type: ignore[arg-type]
    monkeypatch.setenv("BITPROP_KERNEL", "foo")
    with pytest.raises(OptionError, match="BITPROP_KERNEL"):
        Network.load(tmp_path / "net.json")


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX permissions")
def test_permissions_and_links(net: Network, tmp_path: Path) -> None:
    """Saving again keeps the file's permissions; a link in the temporary file's place is never written through."""
    path, victim = tmp_path / "net.json", tmp_path / "victim"
    net.save(path)
    path.chmod(0o600)
    victim.write_text("mine", encoding="utf-8")
    (tmp_path / "net.json.bitprop-tmp").symlink_to(victim)
    net.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert victim.read_text(encoding="utf-8") == "mine"
    assert not path.is_symlink()
    assert Network.load(path) == net


def test_threads_save_one_file(net: Network, tmp_path: Path) -> None:
    """Threads that save to one path do so one after another."""
    with ThreadPoolExecutor(4) as executor:
        list(executor.map(lambda _: net.save(tmp_path / "net.json"), range(60)))
    assert Network.load(tmp_path / "net.json") == net
    assert len(list(tmp_path.iterdir())) == 1


def test_bytes_refused(net: Network) -> None:
    """Model bytes that are cut, altered or something else are refused."""
    whole = net.to_bytes()
    for number in (100, 10**13):
        with pytest.raises(TypeError):
            Network.from_bytes(number)  # type: ignore[arg-type]
    for data in (b"", b"bitprop\0", whole[:-1], whole + b"\0", b"x" + whole[1:], b"\0" * 100):
        with pytest.raises(ModelFileError, match="not one whole model"):
            Network.from_bytes(data)
    with pytest.raises(TypeError):
        Network.from_bytes("text")  # type: ignore[arg-type]
    net.parameters[0] = float("inf")
    again = Network.from_bytes(net.to_bytes())  # bytes keep what there is; using it is refused
    with pytest.raises(DataError):
        again.predict([[0.0, 0.0]])
