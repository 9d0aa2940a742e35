# SPDX-License-Identifier: MIT
"""Ctrl-C is answered within a tenth of a second of processor time, whatever runs; a second one too.

BITPROP_SIZE multiplies the sizes: tests/long/interrupts takes 10, for 10^7 rows and parameters. Gradients and trainings
of so many parameters are left out then: eight rows of them take longer (docs/python.md).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from array import array
from pathlib import Path
from typing import Any

import pytest
from bits import to_hex
from conftest import core_or_skip

from bitprop import Network, _pure, model
from bitprop.core import Core
from bitprop.names import Backend

SIZE = int(os.environ.get("BITPROP_SIZE", "1"))
WITHIN = 0.1  # seconds, by the processor's clock, which does not count what other processes take
WAITING = 3.0 * SIZE  # seconds by the wall's clock, on a machine with much else to do

# It runs each action until it is interrupted, and tells its processor time then. It ends with an action's own error.
RUNS = """
import os, signal, sys, time
from array import array
import numpy as np
from bitprop import Network, datasets, sweep
size = int(sys.argv[1])
rows, wide = 1_000_000 * size, int((1_000_000 * size) ** 0.5)
small = Network(2, 4, 4, 1, seed=1)
scaled = Network(2, 4, 4, 1, seed=1)
large = Network(wide, wide, 1, init="uniform", seed=1)
x = np.linspace(0.0, 1.0, 2 * rows).reshape(rows, 2)
y = np.ascontiguousarray(x[:, :1])
scaled.scale(x[:100])
many = np.linspace(0.0, 1.0, 200 * wide).reshape(200, wide)
x32 = x.astype("f")
flat, floats, integers = x[:, 0].tolist(), array("f", bytes(4 * rows)), list(range(rows))
line = Network(1, 4, 1)
still = {"learning_rate": 0.0, "epochs": 10**9}
actions = {
    "set-up": lambda: Network(wide, wide, 1),
    "predict": lambda: small.predict(x),
    "predict, scaled": lambda: scaled.predict(x),
    "predict, wide": lambda: large.predict(many),
    "loss": lambda: small.loss(x, y),
    "loss, wide": lambda: large.loss(many, many[:, :1]),
    "gradient": lambda: small.gradient(x, y),
    "check": lambda: small.check_gradient(x, y),
    "fit": lambda: small.fit(x, y, **still),
    "fit, online": lambda: small.fit(x, y, batch_size=1, shuffle_seed=1, **still),
    "fit, validation": lambda: small.fit(x[:99], y[:99], validation=(x, y), **still),
    "fit, levenberg": lambda: small.fit(x, y, epochs=10**9, rule="levenberg_marquardt"),
    "float32": lambda: small.predict(x32),
    "other formats": lambda: line.model.inputs(floats),
    "lists": lambda: line.model.inputs(flat),
    "integers": lambda: line.model.inputs(integers),
    "scale": lambda: small.scale(x, y, outputs="min_max") or small.model.scale(None, None),
    "data set": lambda: datasets.linear(rows // 10, seed=1),
    "sweep": lambda: sweep((2, 4, 4, 1), (x, y), seeds=range(100), epochs=10**6),
    "sweep, wide": lambda: sweep(large.sizes, (many[:9], many[:9, :1]), seeds=range(100), epochs=10**6),
}
if size == 1:
    actions["gradient, wide"] = lambda: large.gradient(many, many[:, :1])
    actions["fit, wide"] = lambda: large.fit(many, many[:, :1], **still)
armed = False
def interrupt(*_):
    if armed:
        raise KeyboardInterrupt
signal.signal(signal.SIGINT, interrupt)
with os.fdopen(1, "w", buffering=1) as told:
    for name, action in actions.items():
        for _ in range(2):
            try:
                armed = True
                told.write(f"{name}\\n")
                while True:
                    action()
            except KeyboardInterrupt:
                at = time.process_time()
                armed = False
            told.write(f"{at}\\n")
        small.loss(x[:9], y[:9])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs the processor's clock of another process")
def test_ctrl_c_at_any_time_of_long_calls() -> None:
    """Each long call is interrupted at two moments, and the networks can be used afterwards."""
    core_or_skip("cffi")
    command = [sys.executable, "-c", RUNS, str(SIZE)]
    slow: dict[str, float] = {}
    moments = (0.004, 0.05) if SIZE == 1 else (0.06, 0.7)
    found = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        clock = (~process.pid << 3) | 2  # Linux's number of that process's own clock
        for name in process.stdout:
            time.sleep(moments[found % 2])
            used, sent = time.clock_gettime(clock), time.perf_counter()
            process.send_signal(signal.SIGINT)
            used, waited = float(process.stdout.readline()) - used, time.perf_counter() - sent
            if used > WITHIN or waited > WAITING:
                slow[name.strip()] = max(used, slow.get(name.strip(), 0.0))
            found += 1
        error = process.stderr.read()
    assert (process.returncode, error) == (0, "")
    assert slow == {}
    assert found >= 40


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_sweep(number: signal.Signals, tmp_path: Path) -> None:
    """After SIGTERM or two Ctrl-C a sweep's command leaves no process, and its file goes on to the same bits."""
    core_or_skip("ctypes")  # the pure twin would take many minutes
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    command = [sys.executable, "-m", "bitprop", "sweep", "linear:200", "--seeds", "40", "--epochs", "5000", "--resume"]
    subprocess.run([*command, str(whole)], capture_output=True, check=True)
    with subprocess.Popen(
        [*command, str(cut)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        while process.poll() is None and (not cut.exists() or cut.read_bytes().count(b"\n") < 4):
            time.sleep(0.005)
        for _ in range(2):
            process.send_signal(number)
        status = process.wait(30)
        assert status != 0
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
    kept = cut.read_bytes().count(b"\n")
    assert 4 <= kept < 41
    subprocess.run([*command, str(cut)], capture_output=True, check=True)
    assert sorted(whole.read_bytes().splitlines()) == sorted(cut.read_bytes().splitlines())


@pytest.mark.parametrize("bias", [True, False])
def test_pieces(backend: Backend, bias: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Initial weights, losses and gradients in pieces, which leave time for Ctrl-C, have the bits of whole ones."""
    x = [[row / 50, 1 - row / 25] for row in range(50)]
    y = [[row / 50] for row in range(50)]
    weights = [row % 5 + 0.25 for row in range(50)]

    def results() -> list[list[str]]:
        found = []
        kinds: list[tuple[Any, Any]] = [
            *(("normal", "mse"), ("glorot", "half_sse"), ("uniform", "binary_cross_entropy")),
        ]
        for init, loss in kinds:
            net = Network(2, 5, 3, 1, bias=bias, seed=3, init=init, backend=backend)
            figure = net.loss(x, y, loss, sample_weight=weights)
            found += [to_hex(net.parameters), to_hex([figure])]
            found.append(to_hex(net.gradient(x, y, loss, sample_weight=weights)))
        return found

    whole = results()
    for piece, drawn in ((1, 1), (41 * 24, 7)):
        monkeypatch.setattr(model, "PIECE", piece)
        monkeypatch.setattr(model, "DRAWN", drawn)
        assert results() == whole


def test_pieces_that_there_are_not(core: Core) -> None:
    """The core refuses pieces that do not begin at a lane's first row, are empty, or go beyond the rows."""
    net = Network(2, 1, backend=core.name)
    shape = core.shape(net.sizes, net.model.activations, True)
    data = net.model.data([[0.5, 0.25]] * 20, [0.5] * 20)
    figure, lanes, values = (array("d", bytes(8 * count)) for count in (1, 8, 3))
    parameters = core.doubles(array("d", [0.5, 0.25, 0.125]))
    work = core.work(shape, core.train_size(shape, 0)), core.work(shape, core.predict_size(shape))
    for first, rows in ((4, 8), (8, 0), (24, 1), (16, 5), (0, 21), (8, 2**63)):
        pointers = core.doubles(figure), core.doubles(lanes), work[1]
        assert core.loss_some(*pointers, shape, parameters, data.pointer, 0, first, rows) == _pure.E_OPTION
        written = core.doubles(values), work[0]
        assert core.gradient_some(*written, shape, parameters, data.pointer, 0, first, rows) == _pure.E_OPTION
    for first, count in ((4, 0), (0, 4), (3, 1), (1, 2**63)):
        assert core.init_some(parameters, core.generator(), shape, 1, 0, first, count) == _pure.E_OPTION
    assert core.init_some(parameters, core.generator(), shape, 1, 0, 3, 0) == _pure.OK
    assert [figure[0], *lanes, *values] == [0.0] * 12
