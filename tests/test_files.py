# SPDX-License-Identifier: MIT
"""Files are written whole or not at all: by several processes, killed ones, signal handlers and forked children too."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from saving import WRITERS, fill_the_disk, kill, saver

from bitprop import Network, _files

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")


@pytest.fixture
def net() -> Network:
    """A network whose file takes several blocks."""
    return Network(2, 40, 40, 1, seed=9)


@pytest.fixture(params=["unnamed", "named"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to a temporary file: without a name, where the system has that, and with one."""
    if request.param == "named":
        monkeypatch.setattr(_files, "_open_unnamed", lambda _: None)


@posix
@pytest.mark.parametrize("way", ["unnamed", "named"])
def test_two_processes_save_to_one_path(net: Network, tmp_path: Path, way: str) -> None:
    """A reader finds one of the two networks, whole, at any time; neither save fails."""
    path = tmp_path / "net.json"
    net.save(path)
    savers = [saver(path, seed, way, 1.0) for seed in (1, 2)]
    whole = {Network(2, 40, 40, 1, seed=seed).fingerprint() for seed in (1, 2, 9)}
    seen = set()
    while any(process.poll() is None for process in savers):
        seen.add(Network.load(path).fingerprint())
    assert seen <= whole
    assert len(seen) > 1
    assert [(process.wait(), process.stderr.read()) for process in savers if process.stderr] == [(0, "")] * 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.json"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("way", ["unnamed", "named"])
@pytest.mark.parametrize("processes", [1, 3])
def test_killed_saves(net: Network, tmp_path: Path, way: str, processes: int) -> None:
    """A killed save leaves the old file or a new one; and no more temporary files than processes that saved at a time,
    which the next saves remove.
    """
    path = tmp_path / "net.json"
    litter = kill(path, way, 20, processes)
    assert all(name.startswith(".bitprop-") and name.endswith(".tmp") for name in litter)
    assert len(litter) <= processes
    old = Path(tmp_path, f".bitprop-{sha256(b'net.json').hexdigest()[:16]}-0.tmp")
    old.write_text("left by a killed process", encoding="utf-8")
    net.save(path)
    assert not old.exists()


@posix
def test_names_that_others_hold(net: Network, tmp_path: Path) -> None:
    """What is not a file that a killed process left stays: a locked file, a link, a folder, a pipe."""
    fcntl = pytest.importorskip("fcntl")
    path = tmp_path / "net.json"
    digest = sha256(b"net.json").hexdigest()[:16]
    locked, link, folder, pipe = (tmp_path / f".bitprop-{digest}-{slot}.tmp" for slot in range(4))
    (tmp_path / "target").write_text("mine", encoding="utf-8")
    link.symlink_to(tmp_path / "target")
    folder.mkdir()
    os.mkfifo(pipe)
    with open(locked, "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        net.save(path)
    assert Network.load(path) == net
    assert (tmp_path / "target").read_text(encoding="utf-8") == "mine"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(
        [path.name, "target", locked.name, link.name, folder.name, pipe.name]
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX resource limits")
@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("what", WRITERS)
def test_a_full_disk(what: str, tmp_path: Path) -> None:
    """With room for fewer bytes than a file has, the old one stays whole, with its permissions, and alone."""
    assert fill_the_disk(what, tmp_path / "kept", 997) > 0


@posix
def test_a_folder_that_goes(tmp_path: Path) -> None:
    """Where the folder is removed while a process saves there, that ends with the system's error, and makes nothing."""
    folder = tmp_path / "folder"
    folder.mkdir()
    process = saver(folder / "net.json", 1, "unnamed", 20.0)
    while not any(folder.iterdir()):
        time.sleep(0.001)
    while folder.exists():  # it may come to have a file again before it goes
        shutil.rmtree(folder, ignore_errors=True)
    _, told = process.communicate()
    assert told.splitlines()[-1] == f"FileNotFoundError: [Errno 2] No such file or directory: '{folder}/net.json'"
    assert not folder.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs users")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_folder_that_is_read_only(net: Network) -> None:
    """The old file stays, and the error names it; by a user that may not write there, also where root runs the test."""
    with tempfile.TemporaryDirectory() as name:  # pytest's folders are its user's alone
        path = Path(name) / "net.json"
        net.save(path)
        before = path.read_bytes()
        os.chmod(name, 0o555)
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                if os.getuid() == 0:
                    os.setuid(65534)
                Network(2, 40, 40, 1, seed=1).save(path)
                os._exit(1)
            os._exit(0 if isinstance(_error(path), PermissionError) else 2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        os.chmod(name, 0o755)
        assert path.read_bytes() == before
        assert os.listdir(name) == ["net.json"]


def _error(path: Path) -> OSError | None:
    """The error of a save, which must name the path."""
    try:
        Network(2, 1).save(path)
    except OSError as error:
        return error if error.filename == str(path) else None
    return None


@posix
def test_a_save_in_a_signal_handler(net: Network, tmp_path: Path) -> None:
    """A handler may save to the path that it interrupts."""
    path = tmp_path / "net.json"
    other = Network(2, 40, 40, 1, seed=1)
    handled: list[int] = []

    def save(number: int, frame: object) -> None:
        other.save(path)
        handled.append(number)

    previous = signal.signal(signal.SIGALRM, save)
    try:
        for number in range(40):
            signal.setitimer(signal.ITIMER_REAL, 0.0001 * (number + 1))
            net.save(path)
        while not handled:
            net.save(path)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, previous)
    assert Network.load(path) in (net, other)
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.json"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_while_another_thread_saves(net: Network, tmp_path: Path) -> None:
    """A child that is forked in the middle of a save can save."""
    path = tmp_path / "net.json"
    stop = threading.Event()

    def save() -> None:
        while not stop.is_set():
            net.save(path)

    thread = threading.Thread(target=save)
    thread.start()
    try:
        for _ in range(10):
            child = os.fork()
            if child == 0:
                signal.alarm(10)
                net.save(path)
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        stop.set()
        thread.join()
    assert Network.load(path) == net


@pytest.mark.usefixtures("_way")
def test_threads_save_to_one_path(net: Network, tmp_path: Path) -> None:
    """Threads may save to one path at a time."""
    with ThreadPoolExecutor(4) as executor:
        list(executor.map(lambda _: net.save(tmp_path / "net.json"), range(60)))
    assert Network.load(tmp_path / "net.json") == net
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.usefixtures("_way")
def test_names(net: Network, tmp_path: Path) -> None:
    """Names as long as the system allows, and names that are no text, are names; the neighbours' files stay."""
    neighbours = [tmp_path / "net.json.bitprop-tmp", tmp_path / ".bitprop-tmp", tmp_path / ".bitprop-0123.tmp"]
    for neighbour in neighbours:
        neighbour.write_text("mine", encoding="utf-8")
    for name in ("net.json", "n" * 250, *(["\udcff.json"] if sys.platform == "linux" else [])):
        net.save(tmp_path / name)
        net.save(os.fsencode(tmp_path / name))  # type: ignore[arg-type]  # a path of bytes, as os.fspath may give
        assert Network.load(tmp_path / name) == net
        (tmp_path / name).unlink()
    assert [neighbour.read_text(encoding="utf-8") for neighbour in neighbours] == ["mine"] * 3
    assert len(list(tmp_path.iterdir())) == 3


@posix
@pytest.mark.usefixtures("_way")
def test_permissions_and_links(net: Network, tmp_path: Path) -> None:
    """What docs/python.md says of permissions, hard links, symbolic links and loops of these."""
    path, hard, link, loop = (tmp_path / name for name in ("net.json", "hard.json", "link.json", "loop.json"))
    umask = os.umask(0o027)
    try:
        net.save(path)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o604)
    hard.hardlink_to(path) if sys.version_info >= (3, 10) else os.link(path, hard)
    link.symlink_to(path)
    other = Network(2, 40, 40, 1, seed=1)
    other.save(link)
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    assert (path.stat().st_uid, path.stat().st_gid) == (os.getuid(), os.getgid())
    assert link.is_symlink()
    assert Network.load(path) == other
    assert Network.load(hard) == net
    loop.symlink_to(tmp_path / "pool.json")
    (tmp_path / "pool.json").symlink_to(loop)
    with pytest.raises(OSError, match=r"loop\.json"):
        net.save(loop)
    assert loop.is_symlink()
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("what", WRITERS)
def test_a_failed_write(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where writing fails, the old file stays, no other is left, and the error names the file."""
    path = tmp_path / "kept"
    path.write_text("old", encoding="utf-8")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=r"No space.*kept"):
            WRITERS[what](path)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept"]
    WRITERS[what](path)
    assert path.read_bytes() != b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept"]


@posix
def test_errors_name_the_file(net: Network, tmp_path: Path) -> None:
    """The message names the path as it was given, and nothing else."""
    with pytest.raises(FileNotFoundError) as caught:
        net.save(tmp_path / "missing" / "x.json")
    assert str(caught.value) == f"[Errno 2] No such file or directory: '{tmp_path}/missing/x.json'"


@posix
def test_a_secret_file_stays_secret(net: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The temporary file has the old one's permissions before its first byte."""
    path = tmp_path / "net.json"
    net.save(path)
    path.chmod(0o600)
    monkeypatch.setattr(_files, "_open_unnamed", lambda _: None)
    modes: list[int] = []
    chmod = os.chmod

    def watched(place: int, mode: int) -> None:
        chmod(place, mode)
        modes.append(os.fstat(place).st_size)

    monkeypatch.setattr(os, "chmod", watched)
    monkeypatch.setattr(os, "supports_fd", {watched})
    net.save(path)
    assert modes == [0]


@posix
def test_standard_output(net: Network) -> None:
    """A pipe is written to by its name, too."""
    code = "from bitprop import Network; Network(2, 1, seed=4).save('/dev/stdout')"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith('{\n "format": "bitprop-model"')


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_devices(net: Network) -> None:
    """A device is written to where it is, and its error names it."""
    with pytest.raises(OSError, match="/dev/full"):
        net.save("/dev/full")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)
