# SPDX-License-Identifier: MIT
"""sweep(resume_file=...): what was killed goes on to the same bits, and what is not of this sweep is refused."""

from __future__ import annotations

import contextlib
import json
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from bits import to_hex
from conftest import core_or_skip
from hypothesis import given
from hypothesis import strategies as st

from bitprop import DivergedError, OptionError, Run, Scaling, SweepFileError, SweepResult, datasets, sweep, sweep_jobs
from bitprop.names import Backend
from bitprop.sweep_file import SweepFile

DATA = datasets.linear(24, seed=4)
GRID = {"rule": ["adam", "rprop"], "batch_size": [None, 1]}
OPTIONS: dict[str, Any] = {"epochs": 6, "grid": GRID, "validation": 0.25, "patience": 2}


def bits(found: SweepResult) -> list[Any]:
    """All that a sweep's result has, with numbers by their bits."""
    return [
        (
            *(run.seed, run.learning_rate, run.options, to_hex([run.final_loss]), repr(run.error)),
            None if run.network is None else to_hex(run.network.parameters),
            *(to_hex(run.history.errors), to_hex(run.history.validation), run.history.epochs, run.history.stopped),
            *(run.history.best_epoch, run.history.trained, run.history.validation_epochs, run.best_validation),
        )
        for run in found
    ]


def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, Any]]:
    """The trainings that are done from now on in this process: their places, seeds and rates."""
    jobs: list[tuple[int, int, Any]] = []
    original = sweep_jobs.train

    def train(job: Any, tick: Any = None) -> Any:
        jobs.extend(job.runs)
        return original(job, tick)

    monkeypatch.setattr(sweep_jobs, "train", train)
    return jobs


def test_goes_on(backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second call trains nothing; with more seeds and entries it trains these; the result is that without a file."""
    path = tmp_path / "sweep.jsonl"
    options: dict[str, Any] = {**OPTIONS, "backend": backend, "log_every": 1}
    done = trained(monkeypatch)
    expected = bits(sweep((2, 3, 1), DATA, seeds=range(5), **options))
    assert bits(sweep((2, 3, 1), DATA, seeds=range(3), resume_file=path, **options)) == expected[:3] + (
        expected[5:8] + expected[10:13] + expected[15:18]
    )
    written = path.read_bytes()
    done.clear()
    again = sweep((2, 3, 1), DATA, seeds=[2, 1], resume_file=str(path), **options)
    assert bits(again)[:2] == [expected[2], expected[1]]
    assert done == []
    assert path.read_bytes() == written
    assert bits(sweep((2, 3, 1), DATA, seeds=range(5), resume_file=path, **options)) == expected
    assert [seed for _, seed, _ in done] == [3, 4] * 4
    done.clear()
    more = {"rule": ["adam", "momentum"], "batch_size": [1, 7]}
    wider = {**options, "grid": more}
    assert bits(sweep((2, 3, 1), DATA, seeds=[0], resume_file=path, **wider)) == bits(
        sweep((2, 3, 1), DATA, seeds=[0], **wider)
    )
    assert len(done) == 3 + 4


def test_rates_and_divergence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings that diverged have ended too; schedules and more rates of the call go on."""
    done = trained(monkeypatch)
    options: dict[str, Any] = {"epochs": 5, "activation": "identity", "resume_file": tmp_path / "sweep.jsonl"}
    first = sweep((2, 3, 1), DATA, seeds=[1, 2], learning_rates=[1e300, 0.01], **options)
    assert isinstance(first[0].error, DivergedError)
    done.clear()
    again = sweep((2, 3, 1), DATA, seeds=[1, 2], learning_rates=[0.01, 1e300, 0.02], **options)
    assert [rate for _, _, rate in done] == [0.02, 0.02]
    assert [bits(again)[place] for place in (1, 0, 4, 3)] == bits(first)
    options["resume_file"] = tmp_path / "rates.jsonl"
    grid = {"learning_rate": [0.01, [0.03, 0.02, 0.01, 0.0, 0.0]]}
    expected = bits(sweep((2, 3, 1), DATA, seeds=[1], grid=grid, **options))
    done.clear()
    assert bits(sweep((2, 3, 1), DATA, seeds=[1], grid=grid, **options)) == expected
    assert done == []


def by_seed(seed: int) -> Any:
    """Data of a seed."""
    return datasets.linear(8 + seed, seed)


def test_data_by_seed(tmp_path: Path) -> None:
    """Each seed's data are held against those of its trainings in the file; those that failed are tried again."""
    path = tmp_path / "sweep.jsonl"

    def broken(seed: int) -> Any:
        if seed == 2:
            raise KeyError(seed)
        return by_seed(seed)

    first = sweep((2, 3, 1), broken, seeds=[1, 2, 3], resume_file=path, **OPTIONS)
    assert [isinstance(error, KeyError) for error in first.errors] == [False, True, False] * 4
    assert bits(sweep((2, 3, 1), by_seed, seeds=[1, 2, 3, 4], resume_file=path, **OPTIONS)) == bits(
        sweep((2, 3, 1), by_seed, seeds=[1, 2, 3, 4], **OPTIONS)
    )
    with pytest.raises(SweepFileError, match=r"is of another sweep \(the data of seed 3 differ\)"):
        sweep((2, 3, 1), lambda seed: by_seed(seed if seed < 3 else 9), seeds=[1, 3], resume_file=path, **OPTIONS)
    with pytest.raises(SweepFileError, match="the data differ"):
        sweep((2, 3, 1), DATA, seeds=[1], resume_file=path, **OPTIONS)


@pytest.mark.parametrize("kind", ["threads", "spawn", "fork", "dask"])
@pytest.mark.filterwarnings("default")
def test_executors(kind: str, tmp_path: Path) -> None:
    """The calling process alone writes, wherever the trainings are done."""
    core_or_skip("cffi")
    path = tmp_path / "sweep.jsonl"
    expected = bits(sweep((2, 3, 1), DATA, seeds=range(12), **OPTIONS))

    def both(executor: Executor) -> None:
        sweep((2, 3, 1), DATA, seeds=range(5), resume_file=path, executor=executor, **OPTIONS)
        found = sweep((2, 3, 1), DATA, seeds=range(12), resume_file=path, executor=executor, **OPTIONS)
        assert bits(found) == expected

    if kind == "threads":
        with ThreadPoolExecutor(3) as threads:
            both(threads)
    elif kind == "dask":
        distributed = pytest.importorskip("distributed")
        options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
        with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
            both(client.get_executor())
    elif kind in multiprocessing.get_all_start_methods():
        with ProcessPoolExecutor(2, multiprocessing.get_context(kind)) as processes:
            both(processes)
    else:
        pytest.skip(f"no processes by {kind} here")
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1 + 48


def test_each_result_is_there_before_it_is_told(tmp_path: Path) -> None:
    """What `on_result` hears of is in the file, as is what had ended when it fails; the file tells of all again."""
    path = tmp_path / "sweep.jsonl"
    told: list[Run] = []

    def stop(run: Run) -> None:
        told.append(run)
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) >= 1 + len(told)
        if len(told) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep((2, 3, 1), DATA, seeds=range(40), resume_file=path, on_result=stop, **OPTIONS)
    told.clear()
    found = sweep((2, 3, 1), DATA, seeds=range(40), resume_file=path, on_result=told.append, **OPTIONS)
    assert sorted(map(id, told)) == sorted(map(id, found))
    assert bits(found) == bits(sweep((2, 3, 1), DATA, seeds=range(40), **OPTIONS))


# --- files that were cut or altered ---


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[Any]]:
    """The file of a sweep of three trainings, and its result."""
    path = tmp_path_factory.mktemp("small") / "sweep.jsonl"
    found = sweep((2, 1), DATA, seeds=[1, 2, 3], epochs=2, resume_file=path)
    return path.read_bytes(), bits(found)


def resumed(path: Path) -> list[Any]:
    """The result of the same sweep, with what the file has."""
    return bits(sweep((2, 1), DATA, seeds=[1, 2, 3], epochs=2, resume_file=path))


def test_torn_lines(small: tuple[bytes, list[Any]], tmp_path: Path) -> None:
    """A file that ends at any byte of its first or its last line goes on to the same result and to a whole file."""
    written, expected = small
    lines = written.splitlines(keepends=True)
    path = tmp_path / "sweep.jsonl"
    for end in [*range(len(lines[0]) + 1), *range(len(written) - len(lines[-1]), len(written) + 1)]:
        path.write_bytes(written[:end])
        assert resumed(path) == expected, end
        assert sorted(path.read_bytes().splitlines()) == sorted(written.splitlines()), end


@given(st.data())
def test_altered_bytes(small: tuple[bytes, list[Any]], tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    """A file with any altered byte is refused and stays as it is; or its last line is dropped, if that has no end."""
    written, expected = small
    place = data.draw(st.integers(0, len(written) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda value: value != written[place]))
    altered = written[:place] + bytes([value]) + written[place + 1 :]
    path = tmp_path_factory.mktemp("altered") / "sweep.jsonl"
    path.write_bytes(altered)
    if place == len(written) - 1:
        assert resumed(path) == expected
        return
    with pytest.raises(SweepFileError, match=r"was altered in line \d+|is not the file of a sweep"):
        resumed(path)
    assert path.read_bytes() == altered


def test_lines_elsewhere(small: tuple[bytes, list[Any]], tmp_path: Path) -> None:
    """Lines may be missing, twice, or in another order; a line of another sweep is refused."""
    written, expected = small
    head, *lines = written.splitlines(keepends=True)
    path = tmp_path / "sweep.jsonl"
    for some in (lines[::-1], lines[1:], [*lines, lines[0]], []):
        path.write_bytes(b"".join([head, *some]))
        assert resumed(path) == expected
    other = tmp_path / "other.jsonl"
    sweep((2, 1), DATA, seeds=[1], epochs=3, resume_file=other)
    path.write_bytes(head + other.read_bytes().splitlines(keepends=True)[1])
    with pytest.raises(SweepFileError, match="was altered in line 2"):
        resumed(path)


@pytest.mark.parametrize("content", [b"seed,learning_rate\n1,2\n", b"{", b"{}", b"{}\n", b"notes", b"\n", b"\0" * 9])
def test_other_files(content: bytes, tmp_path: Path) -> None:
    """What is no file of a sweep is refused and not touched, but for the first byte of one."""
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    if content == b"{":
        resumed(path)
        return
    with pytest.raises(SweepFileError, match=r"notes\.txt is not the file of a sweep: expected one that a sweep wrote"):
        resumed(path)
    assert path.read_bytes() == content


OTHERS: list[tuple[dict[str, Any], str]] = [
    ({"sizes": (2, 3, 1)}, r"sizes is \[2, 3, 1\], and \[2, 1\] there"),
    ({"epochs": 3}, "epochs is 3, and 2 there"),
    ({"log_every": 2}, "log_every is 2, and 1 there"),
    ({"data": datasets.linear(24, seed=5)}, r"\(the data differ\)"),
    ({"data": (*DATA, [1.0] * 24)}, r"\(the data differ\)"),
    ({"batch_size": 1}, "batch_size is 1, and None there"),
    ({"activation": "tanh"}, "activation is .'tanh'., and .'sigmoid'. there"),
    ({"bias": False}, "bias is False, and True there"),
    ({"init": "glorot"}, "init is 'glorot', and 'normal' there"),
    ({"rule": "adam", "shuffle_seed": 4}, "shuffle_seed is 4, and None there, .*rule is 'adam', and 'descent' there"),
    ({"goal": 0.5}, "goal is 0.5, and None there"),
    ({"validation": DATA}, "the validation differs"),
    ({"validation": 0.25}, "validation is 0.25, and None there"),
    ({"weight_decay": 0.1}, r"weight_decay is 0\.1, and 0\.0 there"),
    ({"l1": 0.1}, r"l1 is 0\.1, and 0\.0 there"),
    ({"grid": {"bias": [True]}}, r"grid is \['bias'\], and \[\] there"),
    ({"input_scaling": Scaling([0.5, 0.5], [1.0, 1.0])}, "input_scaling is .*, and None there"),
]


@pytest.mark.parametrize(("changes", "message"), OTHERS, ids=str)
def test_other_sweeps(changes: dict[str, Any], message: str, small: tuple[bytes, list[Any]], tmp_path: Path) -> None:
    """A file of another sweep is refused with what differs, before anything is trained, and is not touched."""
    path = tmp_path / "sweep.jsonl"
    path.write_bytes(small[0])
    options = {"sizes": (2, 1), "data": DATA, "seeds": [1, 2], "epochs": 2, **changes}
    with pytest.raises(SweepFileError, match=message):
        sweep(options.pop("sizes"), options.pop("data"), resume_file=path, **options)
    assert path.read_bytes() == small[0]


def test_another_contract(small: tuple[bytes, list[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results of another version of the arithmetic are not taken."""
    path = tmp_path / "sweep.jsonl"
    path.write_bytes(small[0])
    monkeypatch.setattr("bitprop._pure.CONTRACT", 99)
    with pytest.raises(SweepFileError, match="contract is 99, and 1 there"):
        resumed(path)


# --- several at once, and kills ---


SWEEPER = """
import sys, time
from bitprop import datasets, sweep
def on_result(run):
    print(run.seed, flush=True)
sweep((2, 4, 4, 1), datasets.xor(), seeds=range(60), epochs=4000, batch_size=1, grid={"rule": ["descent", "rprop"]},
      resume_file=sys.argv[1], on_result=on_result)
"""


def sweeper(path: Path) -> subprocess.Popen[str]:
    """A process that trains a sweep of some seconds into the file."""
    return subprocess.Popen([sys.executable, "-c", SWEEPER, str(path)], stdout=subprocess.PIPE, text=True)


def test_one_sweep_at_a_time(tmp_path: Path) -> None:
    """A second process, and a second sweep of this one, are refused; what ended, or was killed, holds nothing."""
    core_or_skip("cffi")
    path = tmp_path / "sweep.jsonl"
    process = sweeper(path)
    assert process.stdout is not None
    process.stdout.readline()
    with pytest.raises(SweepFileError, match="is in use by another sweep: wait for its end"):
        sweep((2, 1), DATA, seeds=[1], epochs=1, resume_file=path)
    process.kill()
    process.wait()
    process.stdout.close()
    with pytest.raises(SweepFileError, match="is of another sweep"):
        sweep((2, 1), DATA, seeds=[1], epochs=1, resume_file=path)
    path = tmp_path / "here.jsonl"
    errors: list[str] = []

    def again(_: Run) -> None:
        with pytest.raises(SweepFileError) as raised:
            sweep((2, 1), DATA, seeds=[1], epochs=1, resume_file=path)
        errors.append(str(raised.value))
        command = "import sys; from bitprop import sweep; sweep((2, 1), ([[1, 1]], [1]), seeds=[1], epochs=1, "
        arguments = [sys.executable, "-c", f"{command}resume_file=sys.argv[1])", str(path)]
        elsewhere = subprocess.run(arguments, capture_output=True, text=True, check=False)
        assert "is in use by another sweep: wait for its end" in elsewhere.stderr

    sweep((2, 1), DATA, seeds=[1], epochs=1, resume_file=path, on_result=again)
    assert errors == [f"{path} is in use by another sweep of this process"]
    assert len(sweep((2, 1), DATA, seeds=[1, 2], epochs=1, resume_file=path)) == 2


POOL = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
from bitprop import datasets, sweep
if __name__ == "__main__":
    with ProcessPoolExecutor(2, multiprocessing.get_context(sys.argv[2])) as pool:
        sweep((2, 4, 4, 1), datasets.xor(), seeds=range(400), epochs=20000, batch_size=1, executor=pool,
              resume_file=sys.argv[1], on_result=lambda run: print(run.seed, flush=True))
"""


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs POSIX")
@pytest.mark.parametrize("kind", ["fork", "spawn"])
def test_workers_keep_no_lock(kind: str, tmp_path: Path) -> None:
    """Where a sweep is killed and its workers live on, the file is free at once."""
    core_or_skip("cffi")
    if kind not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no processes by {kind} here")
    script, path = tmp_path / "pool.py", tmp_path / "sweep.jsonl"
    script.write_text(POOL, encoding="utf-8")
    command = [sys.executable, str(script), str(path), kind]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline().strip().isdigit()
        process.kill()
        process.wait()
        with pytest.raises(SweepFileError, match="is of another sweep"):
            sweep((2, 1), DATA, seeds=[1], epochs=1, resume_file=path)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_leaves_the_lock(tmp_path: Path) -> None:
    """A child that ends, however it ends, takes no lock from its parent, and neither does reading the file."""
    path = tmp_path / "sweep.jsonl"
    command = f"from bitprop.sweep_file import SweepFile; SweepFile({str(path)!r}, {{}})"
    with SweepFile(path, {}) as file:
        child = os.fork()
        if child == 0:
            file.close()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        path.read_bytes()
        found = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=False)
        assert "is in use by another sweep" in found.stderr
        file.append([{"configuration": "a", "seed": 1}])
    found = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=False)
    assert (found.returncode, "SweepFileError" in found.stderr) == (0, False)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_killed_sweeps(tmp_path: Path) -> None:
    """A sweep that is killed again and again ends with the parameters and the CSV file of one that was not."""
    core_or_skip("cffi")
    path = tmp_path / "sweep.jsonl"
    options: dict[str, Any] = {"batch_size": 1, "grid": {"rule": ["descent", "rprop"]}, "epochs": 4000}
    lengths = []
    for wait in (0.0, 0.01, 0.05, 0.1):
        process = sweeper(path)
        assert process.stdout is not None
        if process.stdout.readline():
            time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        lengths.append(len(path.read_bytes().splitlines()))
    assert lengths == sorted(lengths)
    assert lengths[0] > 1
    assert lengths[0] < 121, "the first sweep ended before it was killed"
    ended: list[Run] = []
    args: tuple[Any, Any] = (2, 4, 4, 1), datasets.xor()
    found = sweep(*args, seeds=range(60), resume_file=path, on_result=ended.append, **options)
    expected = sweep(*args, seeds=range(60), **options)
    assert bits(found) == bits(expected)
    found.to_csv(tmp_path / "found.csv")
    expected.to_csv(tmp_path / "expected.csv")
    assert (tmp_path / "found.csv").read_bytes() == (tmp_path / "expected.csv").read_bytes()


def test_files_that_cannot_be_written(tmp_path: Path) -> None:
    """A folder that is not there, a device, and what is no path are errors with the path."""
    with pytest.raises(FileNotFoundError, match="nowhere"):
        resumed(tmp_path / "nowhere" / "sweep.jsonl")
    if os.path.exists("/dev/zero"):
        with pytest.raises(SweepFileError, match="/dev/zero is a device or a pipe, expected a file"):
            resumed(Path("/dev/zero"))
    with pytest.raises(TypeError):
        sweep((2, 1), DATA, seeds=[1], epochs=1, resume_file=4)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="without a NUL"):
        sweep((2, 1), DATA, seeds=[1], epochs=1, resume_file="a\0b")


def test_full_disk(small: tuple[bytes, list[Any]], tmp_path: Path) -> None:
    """Where the file cannot grow, the error names it; with room again, the sweep goes on."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "sweep.jsonl"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(small[0]) - 9, limits[1]))
    try:
        with pytest.raises(OSError, match=r"sweep\.jsonl"):
            resumed(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.stat().st_size == len(small[0]) - 9
    assert resumed(path) == small[1]


def test_file_is_free_after_an_error(tmp_path: Path) -> None:
    """However a sweep ends, it leaves its file free, and no thread."""
    path = tmp_path / "sweep.jsonl"
    threads = threading.active_count()

    def fail(run: Run) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        sweep((2, 1), DATA, seeds=[1, 2, 3], epochs=1, resume_file=path, on_result=fail)
    assert len(sweep((2, 1), DATA, seeds=[1, 2, 3], epochs=1, resume_file=path)) == 3
    assert threading.active_count() == threads


def test_lines(small: tuple[bytes, list[Any]]) -> None:
    """Each line is JSON, with the training's seed, its options and its bits in hexadecimal."""
    head, *lines = [json.loads(line) for line in small[0].splitlines()]
    assert (head["format"], head["format_version"], head["contract"]) == ("bitprop-sweep", 1, 1)
    assert sorted(line["seed"] for line in lines) == [1, 2, 3]
    for line in lines:
        assert line["options"] == {"learning_rate": 1.0}
        assert all(len(digits) == 16 for digits in line["parameters"])
        assert math.isfinite(float.fromhex("0x" + line["final_loss"]))
