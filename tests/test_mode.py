# SPDX-License-Identifier: MIT
"""Another floating-point mode of the caller changes no bit: the core sets its own, Python's arithmetic is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bits import to_hex
from conftest import core_or_skip
from modes import MODES, control, mode

import bitprop
from bitprop import BitpropError, FloatingPointModeError, Network, OptionError, datasets, sweep
from bitprop.export import export
from bitprop.lab import proben1, proben1_report
from bitprop.names import Backend

X, Y = datasets.xor()
LARGE = [[2**53 + 1, 2**60 + 3**30], [-(2**70) - 1, 1]]  # integers that must be rounded


def results(backend: Backend, folder: Path) -> list[list[str]]:
    """All that a small training gives, as bits."""
    seen: list[float] = []
    net = Network(2, 3, 1, seed=4, backend=backend)
    history = net.fit(X, Y, epochs=7, learning_rate=0.3, callback=lambda _, mse: seen.append(mse))
    net.save(folder / "net.json")
    loaded = Network.load(folder / "net.json", backend=backend)
    swept = sweep((2, 3, 1), (X, Y), seeds=[1, 2], learning_rates=(1, 0.1), epochs=4, log_every=1, backend=backend)
    numbers: list[list[float]] = [
        *(list(net.parameters), history.mse, history.sse, seen, swept.final_mse, net.gradient(X, Y)),
        *(run.mse for run in swept.histories),
        *([net.loss(X, Y)], list(loaded.parameters), net.predict(np.array(X)).ravel().tolist()),
        *([row[0] for row in net.predict([*X, *LARGE])], net.predict(X[1:2])[0], net.trace(X[3])[0].outputs),
    ]
    return [*map(to_hex, numbers), [(folder / "net.json").read_text(encoding="utf-8"), net.fingerprint()]]


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("backend", ["cffi", "ctypes"])
def test_compiled_results(backend: Backend, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a compiled core every result and every file is the same in any mode of the caller."""
    core_or_skip(backend)
    monkeypatch.setenv("BITPROP_BACKEND", backend)
    expected = results(backend, tmp_path)
    with mode(name):
        found = results(backend, tmp_path)
    assert found == expected


REFUSED: dict[str, Callable[[Path], Any]] = {
    "the pure backend": lambda _: Network(2, 1, backend="python"),
    "datasets.xor": lambda _: datasets.xor(),
    "datasets.circles": lambda _: datasets.circles(1),
    "datasets.moons": lambda _: datasets.moons(1),
    "datasets.blobs": lambda _: datasets.blobs(1),
    "datasets.two_spirals": lambda _: datasets.two_spirals(),
    "a PROBEN1 file": lambda _: proben1.read(Path(__file__).parent / "proben1" / "cancer1.dt.gz"),
    "means and deviations": lambda _: proben1_report.figure([1.0, 2.0]),
    "read_csv": lambda folder: datasets.read_csv(str(folder / "data.csv")),
    "Decimal": lambda _: Network(2, 1).predict([[Decimal("0.1"), 1.0]]),
    "Fraction": lambda _: Network(2, 1).predict([[Fraction(1, 3), 1.0]]),
    "NumPy int64": lambda _: Network(2, 1).predict(np.array([[2**53 + 1, 1]])),
    "NumPy float32": lambda _: Network(2, 1).predict(np.array([[1e-40, 1]], dtype=np.float32)),
    "a float32 buffer": lambda _: Network(2, 1).predict(memoryview(b"\1\0\0\0" * 2).cast("f", (1, 2))),
    "a learning rate": lambda _: Network(2, 1).fit(X, Y, epochs=1, learning_rate=Fraction(1, 3)),  # type: ignore[arg-type]
    "quantiles": lambda _: sweep((2, 1), (X, Y), seeds=[1], epochs=1).quantiles(),
    "a gradient check": lambda _: Network(2, 1).check_gradient(X, Y),
    "an export": lambda _: export(Network(2, 1), "c"),
    "a history's file": lambda folder: Network(2, 1).fit(X, Y, epochs=1).to_csv(folder / "h.csv"),
    "a sweep's file": lambda folder: sweep((2, 1), (X, Y), seeds=[1], epochs=1).to_csv(folder / "s.csv"),
    "a validation": lambda _: Network(2, 1).fit(X, Y, epochs=1, validation=(X, Y)),
    "a share": lambda _: Network(2, 1).fit(X, Y, epochs=1, validation=0.5, check_every=9),
    "solved": lambda _: sweep((2, 1), (X, Y), seeds=[1], epochs=1).solved(0.1),
    "a table": lambda _: str(Network(2, 1).fit(X, Y, epochs=1)),
}


@pytest.mark.parametrize("name", MODES)
def test_refused(name: str, tmp_path: Path) -> None:
    """What Python itself would calculate is refused, in the library's own words, and works again afterwards."""
    core_or_skip("ctypes")
    (tmp_path / "data.csv").write_text("0.1,0.2,1\n", encoding="utf-8")
    found: dict[str, BaseException | None] = {}
    with mode(name):
        for what, call in REFUSED.items():
            try:
                call(tmp_path)
            except BaseException as error:
                found[what] = error
    assert {what: type(error) for what, error in found.items()} == dict.fromkeys(REFUSED, FloatingPointModeError)
    assert all(isinstance(error, BitpropError) and "rounds to nearest" in str(error) for error in found.values())
    for call in REFUSED.values():
        call(tmp_path)


@pytest.mark.parametrize("name", MODES)
def test_a_training_in_python_is_refused_at_its_next_slice(name: str) -> None:
    """The mode is probed at every call of the pure twin, in the thread that calls."""
    net = Network(2, 1, backend="python")
    net.fit(X, Y, epochs=1)

    def in_mode() -> Exception | None:
        with mode(name):
            try:
                net.predict(X)
            except FloatingPointModeError as error:
                return error
        return None

    with ThreadPoolExecutor(1) as executor:
        assert isinstance(executor.submit(in_mode).result(), FloatingPointModeError)
    net.predict(X)  # this thread's mode is another matter


def test_info_in_another_mode() -> None:
    """`info()` answers in another mode too, and what it found then is not remembered."""
    core_or_skip("ctypes")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from modes import mode; import bitprop\n"
        "with mode('up'):\n    found = bitprop.info()\n"
        "assert 'python' not in found['backends'], found\nprint(bitprop.info()['backends'][-1])"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parent)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "python\n"
    assert bitprop.info()["backends"][-1] == "python"


@pytest.mark.skipif(sys.platform != "linux", reason="needs glibc")
@pytest.mark.parametrize("backend", ["cffi", "ctypes"])
def test_traps(backend: Backend) -> None:
    """With trapped overflow, division by zero and invalid operations a prediction does not kill the process."""
    core_or_skip(backend)
    code = (
        "import ctypes, sys; from bitprop import Network\nnet = Network(2, 1, backend=sys.argv[1])\n"
        "ctypes.CDLL('libm.so.6').feenableexcept(0x0d)\n"
        "print(len(net.predict([[1.7e308, 1.7e308]])), len(net.predict([[1.0, 2.0], [3.0, 4.0]])))"
    )
    found = subprocess.run([sys.executable, "-c", code, backend], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "1 2\n"), found.stderr


@pytest.mark.parametrize("name", MODES)
def test_subnormal_parameters(backend: Backend, name: str) -> None:
    """Fingerprints, bytes and equality keep the smallest numbers, or are refused."""
    net, other = (Network(1, 1, bias=False, backend=backend) for _ in range(2))
    net.parameters[0], other.parameters[0] = 1e-310, 0.0
    data = net.to_bytes()
    try:
        with mode(name):
            again = Network.from_bytes(data, backend=backend)
            found = [net.to_bytes(), net.fingerprint(), net == other, again == net]
    except FloatingPointModeError:
        assert backend == "python"
    else:
        assert found == [data, net.fingerprint(), False, True]
        assert to_hex(again.parameters) == to_hex(net.parameters)


def test_a_negative_subnormal_rate() -> None:
    """It is refused as an option in any mode; -0.0 is a zero."""
    core_or_skip("ctypes")
    net = Network(2, 1)
    for name in MODES:
        with mode(name):
            try:
                net.fit(X, Y, epochs=1, learning_rate=-5e-324)
            except Exception as error:
                found = error
        assert isinstance(found, OptionError), name
    net.fit(X, Y, epochs=1, learning_rate=-0.0)


def test_an_import_in_another_mode(tmp_path: Path) -> None:
    """What Python compiles in another mode, and keeps compiled, is right later on."""
    core_or_skip("ctypes")
    package = Path(bitprop.__file__).parent
    shutil.copytree(package, tmp_path / "bitprop", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(next(package.parent.glob("bitprop-*.dist-info")), tmp_path / "bitprop-0.dist-info")
    code = (
        "import sys; sys.path[:0] = [sys.argv[1], sys.argv[2]]\nif sys.argv[3]:\n    from modes import mode\n"
        "    with mode(sys.argv[3]):\n        import bitprop\nimport bitprop\n"
        "assert bitprop.__file__.startswith(sys.argv[1])\n"
        "print(bitprop.datasets.xor()[0])"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for name in ("down", "flush"):
        for cache in tmp_path.rglob("__pycache__"):
            shutil.rmtree(cache)
        for changed in (name, ""):
            command = [sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parent), changed]
            found = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
            assert found.stdout == f"{X}\n", found.stderr


IN_MODE = """
import sys; sys.path.insert(0, sys.argv[1])
from modes import mode
with mode(sys.argv[2]):
    import bitprop
    x = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    net = bitprop.Network(2, 4, 1, seed=5, backend=sys.argv[3])
    history = net.fit(x, [0.0, 1.0, 1.0, 0.0], epochs=50, rule="adam")
    print(net.fingerprint(), b"".join(v.hex().encode() for v in history.mse + net.gradient(x, [1.0] * 4))[-400:])
"""


@pytest.mark.parametrize("backend", ["cffi", "ctypes"])
def test_a_mode_that_is_set_before_the_import(backend: Backend) -> None:
    """A process that has another mode from the start gives the same bits as one that has not."""
    core_or_skip(backend)
    found = set()
    for name in ("standard", *MODES):
        command = [sys.executable, "-c", IN_MODE, str(Path(__file__).parent), name, backend]
        found.add(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert len(found) == 1


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("backend", ["cffi", "ctypes"])
def test_the_mode_of_a_thread(backend: Backend, name: str, tmp_path: Path) -> None:
    """A thread in another mode gives the same bits, beside this one, and all calls leave its mode as it was."""
    core_or_skip(backend)
    net = Network(2, 3, 1, seed=4, backend=backend)
    calls: list[Callable[[], Any]] = [
        *(lambda: net.predict(X), lambda: net.predict([X[1]]), lambda: net.loss(X, Y), lambda: net.gradient(X, Y)),
        *(lambda: net.fit(X, Y, epochs=3).mse, lambda: net.trace(X[0], Y[0])[0].deltas),
        *(lambda: net.save(tmp_path / "net.json"), lambda: Network.load(tmp_path / "net.json", backend).to_bytes()),
        *(lambda: Network(2, 3, 1, seed=4, backend=backend).to_bytes(), lambda: net.copy().fingerprint()),
    ]
    expected = [repr(call()) for call in calls]
    net = Network(2, 3, 1, seed=4, backend=backend)

    def in_mode() -> tuple[list[str], list[bytes]]:
        with mode(name):
            before = control()
            results, controls = [], [before]
            for call in calls:
                results.append(repr(call()))
                controls.append(control())
            return results, controls

    with ThreadPoolExecutor(1) as executor:
        found, controls = executor.submit(in_mode).result()
    assert found == expected
    assert set(controls) == {controls[0]}
    assert controls[0] != control()


@pytest.mark.skipif(sys.platform != "linux", reason="needs glibc")
@pytest.mark.parametrize("backend", ["cffi", "ctypes"])
def test_traps_in_a_training(backend: Backend) -> None:
    """With trapped exceptions a training that overflows is told, and does not kill the process."""
    core_or_skip(backend)
    code = (
        "import ctypes, sys; from bitprop import Network, DivergedError\n"
        "net = Network(2, 3, 1, seed=1, activation='identity', backend=sys.argv[1])\n"
        "ctypes.CDLL('libm.so.6').feenableexcept(0x0d)\n"
        "x, y = [[1e200, 1e200]] * 9, [1e200] * 9\n"
        "print(net.loss(x, y), net.loss([[5e-324, 0.0]], [0.0]) < 1e9, len(net.gradient(x, y)))\n"
        "try:\n    net.fit(x, y, epochs=9)\nexcept DivergedError as error:\n    print(error.epoch)\n"
    )
    found = subprocess.run([sys.executable, "-c", code, backend], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "inf True 13\n0\n"), found.stderr
