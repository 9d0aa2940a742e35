# SPDX-License-Identifier: MIT
"""Model files: whole, unaltered, and the same everywhere, or refused."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from bitprop import DataError, ModelFileError, Network, OptionError, datasets, model_file
from bitprop.names import Backend


@pytest.fixture
def net() -> Network:
    """A small trained network."""
    made = Network(2, 3, 1, activation=("tanh", "sigmoid"), seed=9)
    made.fit(*datasets.xor(), epochs=20)
    return made


def test_round_trip(backend: Backend, tmp_path: Path) -> None:
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
        ({"format_version": 3}, "altered|format version"),
        ({"contract": 2}, "contract 2"),
        ({"sizes": [2, 0, 1]}, "size 0"),
        ({"sizes": [2, 4, 1]}, "does not describe"),
        ({"sizes": "2-3-1"}, "does not describe"),
        ({"activations": ["tanh", "swish"]}, "swish"),
        ({"parameters": ["00"] * 13}, "16 hexadecimal digits"),
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
        Network.load(tmp_path / "net.json", backend="nope")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="backend is 3"):
        Network.load(tmp_path / "net.json", backend=3)  # type: ignore[arg-type]
    monkeypatch.setenv("BITPROP_KERNEL", "foo")
    with pytest.raises(OptionError, match="BITPROP_KERNEL"):
        Network.load(tmp_path / "net.json")


BOMBS: dict[str, tuple[dict[str, object], str]] = {
    "sizes": (
        {"sizes": [8000, 8000], "activations": ["tanh"]},
        "13 parameters, expected 64008000 for the sizes 8000-8000",
    ),
    "a size beyond 2^32": ({"sizes": [2, 10**30]}, "has size 1000000"),
    "many layers": ({"sizes": [1] * 100_000, "activations": ["tanh"] * 99_999}, "13 parameters, expected 199998"),
    "long digits": ({"parameters": ["0" * 10**6] * 13}, "is not 16 hexadecimal digits"),
    "a long activation": ({"activations": ["tanh", "x" * 10**6]}, "expected one of"),
    "a long contract": ({"contract": "9" * 10**6}, "keeps contract 1"),
    "a long self-test": ({"self_test": "9" * 10**6}, "self-test"),
    "wrong sizes": ({"sizes": ["9" * 10**6, 3, 1]}, "does not describe"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(net: Network, tmp_path: Path, name: str) -> None:
    """A small file costs little, and its error is short, whatever it claims: no memory is taken for its sizes."""
    path = tmp_path / "net.json"
    net.save(path)
    changes, message = BOMBS[name]
    fields = model_file.loads(path.read_bytes(), "net.json")
    path.write_text(model_file.dumps({**fields, **changes}), encoding="utf-8")
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match=message) as caught:
            Network.load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(str(caught.value)) < 1000
    assert peak < 100_000 + 40 * path.stat().st_size


@pytest.mark.parametrize("depth", [2, 500, 900, 990, 992, 995, 1000, 5000])
def test_nested_content(depth: int, tmp_path: Path) -> None:
    """However deep a file is nested, it is refused as a file."""
    head = '{\n "format": "bitprop-model",\n "format_version": 1,\n "more": ' + "[" * depth + "]" * depth
    digest = hashlib.sha256(head.encode()).hexdigest()
    (tmp_path / "net.json").write_text(f'{head},\n "sha256": "{digest}"\n}}\n', encoding="utf-8")
    with pytest.raises(ModelFileError, match=r"net\.json"):
        Network.load(tmp_path / "net.json")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
def test_endless_files(net: Network, tmp_path: Path) -> None:
    """A device that never ends is refused by its beginning, a pipe at a limit."""
    with pytest.raises(ModelFileError, match="/dev/zero is not a bitprop model file"):
        Network.load("/dev/zero")
    net.save(tmp_path / "net.json")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    whole = (tmp_path / "net.json").read_bytes()
    for content, error in ((whole, ""), (whole[:60] + b" " * 2**27, "more than 67108864 bytes")):
        writer = subprocess.Popen(["sh", "-c", f"cat > {pipe} 2>/dev/null"], stdin=subprocess.PIPE)
        sender = threading.Thread(target=_send, args=(writer, content))
        sender.start()
        if error:
            with pytest.raises(ModelFileError, match=error):
                Network.load(pipe)
        else:
            assert Network.load(pipe) == net
        sender.join()
        writer.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="needs sparse files")
def test_sparse_files(tmp_path: Path) -> None:
    """A file that claims to be long is read as far as it is text."""
    path = tmp_path / "net.json"
    path.write_bytes(model_file.BEGINNING)
    os.truncate(path, 1 << 40)
    with pytest.raises(ModelFileError, match=r"net\.json is not a bitprop model file"):
        Network.load(path)


def _send(writer: subprocess.Popen[bytes], content: bytes) -> None:
    assert writer.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        writer.stdin.write(content)
    with contextlib.suppress(BrokenPipeError):
        writer.stdin.close()


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


MODELS = Path(__file__).resolve().parent / "models"
GOLDEN = {  # file: the fingerprint of its model
    "format-1": "a6699772b3f6f597f92f1561938de59707ccfc637031105764af10ebc9d8cec1",
    "format-2": "79fb47acbe4a58ce2bcc8fc739b33000f72f8ac155f802c98d106b447647f634",  # with a training
    "format-2-scaling": "cbd0dac624def4dba8149e0ac48f9ff8dc8bbea9538ebabf05f848919f2f9326",
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_models(backend: Backend, name: str, tmp_path: Path) -> None:
    """A model of every format that was ever written is read, to the same network, and written as it was."""
    path = MODELS / f"{name}.json"
    loaded = Network.load(path, backend=backend)
    data = (MODELS / f"{name}.bin").read_bytes()
    assert loaded.fingerprint() == Network.from_bytes(data, backend=backend).fingerprint() == GOLDEN[name]
    assert loaded.to_bytes() == data
    loaded.save(tmp_path / "again.json", training=json.loads(path.read_text()).get("training") is not None)
    assert tmp_path.joinpath("again.json").read_bytes() == path.read_bytes()


def test_golden_training_goes_on(backend: Backend) -> None:
    """The training in the model of format 2 goes on to the bits of one that never stopped."""
    net = Network.load(MODELS / "format-2.json", backend=backend)
    options: dict[str, Any] = {
        "rule": "adam",
        "learning_rate": 0.1,
        "shuffle_seed": 2,
        "batch_size": 4,
        "check_every": 2,
    }
    net.fit(*datasets.circles(30, seed=1), epochs=40, **options, validation=0.3, patience=50, resume=True)
    assert net.fingerprint() == "1a7a0d6f8ad6780813de256c1479c0a2f1a91a9ee36c53759a68f6cb3b4135ba"


def test_every_format_has_a_golden_model() -> None:
    """A new format comes with a file that stays."""
    versions = {json.loads((MODELS / f"{name}.json").read_text())["format_version"] for name in GOLDEN}
    assert versions == set(range(model_file.OLDEST_VERSION, model_file.FORMAT_VERSION + 1))
