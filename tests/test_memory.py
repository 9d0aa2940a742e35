# SPDX-License-Identifier: MIT
"""What is read is what was converted, whatever data claim or do meanwhile; and the network's memory is its own."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import threading
from array import array
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from conftest import core_or_skip

from bitprop import DataError, Network, OptionError, datasets
from bitprop.names import Backend
from bitprop.network import _ATTRIBUTES

X, Y = datasets.xor()


class Longer(list[Any]):
    """A list that claims to be longer than it is."""

    def __len__(self) -> int:
        return 1000


class Endless(list[Any]):
    """A list that gives other items than it holds."""

    def __iter__(self) -> Iterator[Any]:
        return iter([0.5] * 6)


class Once(Fraction):
    """A number that cannot be converted the first time."""

    asked = 0

    def __float__(self) -> float:
        type(self).asked += 1
        if type(self).asked == 1:
            raise ValueError("not yet")
        return 0.5


class Changing(Fraction):
    """A number that changes a list when it is converted."""

    target: list[Any]
    change: str

    def __float__(self) -> float:
        {"grow": lambda: self.target.append(1.0), "shrink": self.target.clear, "swap": self.swap}[self.change]()
        return 0.5

    def swap(self) -> None:
        """Another item in this one's place."""
        self.target[0] = 7.0


def test_lengths_that_lie(backend: Backend) -> None:
    """The rows are those that iterating gives: nothing is read beyond them."""
    net = Network(1, 3, 1, seed=1, backend=backend)
    assert net.predict(Longer([0.5, 0.25])) == net.predict([0.5, 0.25])
    assert net.predict(Longer([[0.5], [0.25]])) == net.predict([0.5, 0.25])
    assert net.predict([Longer([0.5]), Longer([0.25])]) == net.predict([0.5, 0.25])
    assert net.predict(Endless([0.5])) == net.predict([0.5] * 6)
    history = net.fit(Longer([[0.5]]), Longer([[1.0]]), epochs=3)
    twin = Network(1, 3, 1, seed=1, backend=backend)
    assert twin.fit([[0.5]], [[1.0]], epochs=3).sse == history.sse
    assert twin == net


@pytest.mark.parametrize("rows", [True, False])
def test_a_number_that_fails_once(backend: Backend, rows: bool) -> None:
    """A number that cannot be converted is told with its place, and none is dropped."""
    net = Network(1, 2, 1, backend=backend)
    Once.asked = 0
    place = "row 0, column 0" if rows else "place 0"
    with pytest.raises(DataError, match=f"x has .* in {place}"):
        net.predict([[Once(1, 3)], [0.5]] if rows else [Once(1, 3), 0.5])


@pytest.mark.parametrize("change", ["grow", "shrink", "swap"])
@pytest.mark.parametrize("where", ["flat", "row", "rows"])
def test_an_item_that_changes_its_list(backend: Backend, where: str, change: str) -> None:
    """A conversion that changes the list that is being converted is refused."""
    item = Changing(1, 2)
    data: list[Any] = [item, 0.5, 0.25] if where == "flat" else [[item], [0.5], [0.25]]
    item.target, item.change = (data[0] if where == "row" else data), change
    net = Network(1, 2, 1, backend=backend)
    before = net.to_bytes()
    with pytest.raises(DataError, match="x was changed by its own items"):
        net.predict(data)
    item.target.clear()
    data[:] = [item, 0.5, 0.25] if where == "flat" else [[item], [0.5], [0.25]]
    item.target = data[0] if where == "row" else data
    with pytest.raises(DataError, match="x was changed by its own items"):
        net.fit(data, [[0.0]] * 3, epochs=1)
    assert net.to_bytes() == before


def test_a_list_that_another_thread_changes(backend: Backend) -> None:
    """Predictions are always of numbers that the list held: 2,000 of them beside a thread that grows and trims it."""
    net = Network(1, 2, 1, seed=3, backend=backend)
    data = [0.5] * 8
    expected = net.predict([0.5])[0]
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            data.extend([0.5] * 64)
            del data[8:]

    thread = threading.Thread(target=change)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        foreign = [row for _ in range(2000) for row in net.predict(data) if row != expected]
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(interval)
    assert foreign == []


@pytest.mark.filterwarnings("ignore::bitprop.TrainingHint")  # nothing is meant to be learnt here
@pytest.mark.parametrize("kind", ["memoryview", "numpy", "layer"])
def test_data_in_the_parameters(backend: Backend, kind: str) -> None:
    """Inputs and targets that lie in the parameters, which training changes, are those of the start."""

    def trained(views: bool) -> Network:
        net = Network(2, 3, 1, seed=5, backend=backend)
        whole: Any = net.parameters[:6] if kind == "memoryview" else np.asarray(net.parameters)[:6]
        if kind == "layer":
            whole = net.layers[0].weights
        elif kind == "numpy":
            whole = whole.reshape(3, 2)
        else:
            whole = whole.cast("B").cast("d", (3, 2))
        x: Any = np.asarray(whole).reshape(3, 2)
        y: Any = net.parameters[3:6]
        if not views:
            x, y = np.array(x), array("d", y)
        net.fit(x, y, epochs=20, batch_size=1, learning_rate=0.5)
        return net

    assert trained(True) == trained(False)


def test_out_in_the_parameters(backend: Backend) -> None:
    """Predictions are not written over the network; over their own inputs they may be."""
    net = Network(1, 4, 1, seed=2, backend=backend)
    before = net.to_bytes()
    for out in (net.parameters[:3], np.asarray(net.parameters)[2:5], net.layers[1].weights[:3]):
        with pytest.raises(OptionError, match="out lies in the network's own parameters"):
            net.predict([[0.1], [0.2], [0.3]], out=out)
    assert net.to_bytes() == before
    x = np.array([0.1, 0.2, 0.3, 0.4])
    expected = net.predict(x[:, None].copy())
    net.predict(x[:3], out=x[1:])
    assert x[1:].tolist() == expected[:3, 0].tolist()
    assert x[0] == 0.1


def test_parameters_cannot_be_resized(backend: Backend) -> None:
    """The memory behind the views stays as it is."""
    net = Network(2, 1, backend=backend)
    owner: Any = net.parameters.obj
    with pytest.raises(BufferError):
        owner.append(1.0)
    with pytest.raises(BufferError):
        owner.pop()
    assert len(net.predict([[0.1, 0.2]])) == 1


class Named(Network):
    """A network with an attribute of its own, and another way to be made."""

    def __init__(self, title: str) -> None:
        super().__init__(2, 3, 1, seed=8)
        self.title = title


def test_subclasses(tmp_path: Any) -> None:
    """What a subclass adds comes along in copies and pickles, and it can be loaded."""
    net = Named("mine")
    assert set(vars(net)) - _ATTRIBUTES == {"title"}
    assert set(vars(net)) - {"title"} == _ATTRIBUTES
    for twin in (net.copy(), copy.copy(net), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert isinstance(twin, Named)
        assert twin.title == "mine"
        assert twin == net
    net.save(tmp_path / "net.json")
    loaded = Named.load(tmp_path / "net.json")
    assert type(loaded) is Named
    assert loaded == net


@pytest.mark.parametrize("backend", ["cffi", "ctypes"])
def test_a_kept_exception_is_collected(backend: Backend) -> None:
    """An exception in a reference cycle, with the frames of a `fit` on memoryviews, is collected without harm."""
    core_or_skip(backend)
    code = (
        "import gc, sys; from array import array; from bitprop import Network\n"
        "class Keeper:\n    pass\n"
        "def run():\n"
        "    keeper, x = Keeper(), array('d', [0.5] * 8)\n"
        "    net = Network(2, 3, 1, backend=sys.argv[1]); net.keeper = keeper\n"
        "    try:\n"
        "        net.fit(memoryview(x).cast('B').cast('d', (4, 2)), x[:4], epochs=2, callback=lambda *_: 1 / 0)\n"
        "    except ZeroDivisionError as error:\n        keeper.error = error\n"
        "    net.predict(memoryview(x).cast('B').cast('d', (4, 2)), out=memoryview(x)[:4])\n"
        "for _ in range(50):\n    run(); gc.collect()\n"
    )
    found = subprocess.run([sys.executable, "-c", code, backend], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")
