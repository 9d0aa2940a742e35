# SPDX-License-Identifier: MIT
"""Scaling (contract §13): the same bits on all backends, in files, in exports and on the command line."""

from __future__ import annotations

import math
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bits import to_hex

from bitprop import (
    DataError,
    ModelFileError,
    Network,
    OptionError,
    Scaling,
    ShapeError,
    TrainingHint,
    model_file,
    sweep,
)
from bitprop.export import export
from bitprop.names import Backend

X = [[1000.0 + 7 * i, 0.001 * i * i, -4.0] for i in range(13)]
Y = [[20.0 * i - 1e4, 1e6 + i * i] for i in range(13)]
TINY, HUGE = 5e-324, 1.7e308


def trained(backend: Backend | None = None, **kinds: Any) -> Network:
    """A network that was trained on raw rows."""
    net = Network(3, 4, 2, activation=["tanh", "identity"], seed=3, backend=backend)
    net.scale(X, Y, **(kinds or {"outputs": "standard"}))
    net.fit(X, Y, epochs=30, learning_rate=0.01)
    return net


def test_raw_rows_are_scaled_rows(backend: Backend) -> None:
    """A scaled network on raw rows has the bits of a plain one on scaled rows, on every backend."""
    net = trained(backend)
    x, y = Scaling.standard(X), Scaling.standard(Y)
    assert (net.input_scaling, net.output_scaling) == (x, y)
    plain = Network(3, 4, 2, activation=["tanh", "identity"], seed=3, backend=backend)
    scaled = x.apply(X), y.apply(Y)
    plain.fit(*scaled, epochs=30, learning_rate=0.01)
    assert net.to_bytes() == plain.to_bytes() == trained("python").to_bytes()
    assert net.history.loss == plain.history.loss  # type: ignore[union-attr]  # both have one
    assert net.loss(X, Y) == plain.loss(*scaled)
    assert list(net.gradient(X, Y)) == list(plain.gradient(*scaled))
    assert net.trace(X[2]) == plain.trace(scaled[0][2])
    assert net.check_gradient(X, Y) == plain.check_gradient(*scaled)
    outputs = net.predict(X)
    assert outputs == y.invert(plain.predict(scaled[0]))
    assert [net.predict([row])[0] for row in X] == outputs  # the path of one row
    assert net != plain


def test_many_rows_in_slices(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Predictions do not depend on the slices; `out` may be x itself, which is else left alone."""
    numpy = pytest.importorskip("numpy")
    net = trained(backend)
    rows = numpy.array(X * 9)
    whole = net.predict(rows)
    assert (rows == numpy.array(X * 9)).all()
    monkeypatch.setattr("bitprop.model.PIECE", 5 * net.model.count)
    assert (net.predict(rows) == whole).all()
    square = Network(2, 2, backend=backend, input_scaling=Scaling([1.0, 2.0], [3.0, 4.0]))
    same = numpy.arange(40.0).reshape(20, 2)
    expected = square.predict(same)
    assert (square.predict(same, out=same) == expected).all()


def test_sweep() -> None:
    """A sweep takes raw rows, and its networks have the scalings."""
    scalings: dict[str, Any] = {"input_scaling": Scaling.standard(X), "output_scaling": Scaling.standard(Y)}
    options: dict[str, Any] = {"activation": ["tanh", "identity"], **scalings}
    [run] = sweep((3, 4, 2), (X, Y), seeds=[3], learning_rates=[0.01], epochs=30, **options)
    assert run.network == trained()
    assert run.final_loss == trained().loss(X, Y)
    with pytest.raises(OptionError, match="scaled targets"):
        sweep((3, 4, 2), (X, Y), seeds=[3], epochs=1, loss="binary_cross_entropy", **scalings)


@pytest.mark.parametrize("column", [[7.0] * 6, [0.1] * 10, [0.0, -0.0]])
def test_constant_columns(column: list[float]) -> None:
    """A column whose numbers are all equal is shifted to 0 exactly, though their mean may be rounded."""
    for scaling in (Scaling.standard(column), Scaling.min_max(column)):
        assert scaling.spread == (1.0,)
        assert scaling.apply(column) == [[0.0]] * len(column)


def test_what_it_takes() -> None:
    """Lists, integers, one row, one column, NumPy's arrays; ranges; the form comes back."""
    assert Scaling.min_max([[1, 10], [3, 30]]) == Scaling([1.0, 10.0], [2.0, 20.0])
    assert Scaling.min_max([2, 4, 6], low=-1.0) == Scaling([4.0], [2.0])
    assert Scaling.standard([[3, 4]]) == Scaling([3.0, 4.0], [1.0, 1.0])
    assert Scaling.standard([1.0, 3.0]).apply([5, 2]) == [[3.0], [0.0]]
    numpy = pytest.importorskip("numpy")
    rows = numpy.array([[1, 2], [3, 6]])
    scaling = Scaling.standard(rows)
    assert (scaling.apply(rows) == numpy.array([[-1.0, -1.0], [1.0, 1.0]])).all()
    assert (scaling.invert(scaling.apply(rows)) == rows).all()
    assert pickle.loads(pickle.dumps(scaling)) == scaling
    assert hash(pickle.loads(pickle.dumps(scaling))) == hash(scaling)
    assert repr(Scaling([1.0], [2.0])) == "Scaling(shift=(1.0,), spread=(2.0,))"
    assert Scaling([0.0], [1.0]) != Scaling([-0.0], [1.0])


@pytest.mark.parametrize(
    ("work", "error", "message"),
    [
        (lambda: Scaling.standard([[1.0], [math.nan]]), DataError, "nan in row 1"),
        (lambda: Scaling.standard([]), DataError, "empty"),
        (lambda: Scaling.standard([HUGE, -HUGE]), DataError, "column 0 whose scaling is beyond float64"),
        (lambda: Scaling.min_max([HUGE, -HUGE]), DataError, "beyond float64"),
        (lambda: Scaling.min_max([1.0], low=1.0), OptionError, "low below high"),
        (lambda: Scaling([1.0], [0.0]), DataError, "spread of column 0 is 0.0"),
        (lambda: Scaling([1.0], [-1.0]), DataError, "finite number above 0"),
        (lambda: Scaling([math.inf], [1.0]), DataError, "shift of column 0 is inf"),
        (lambda: Scaling([-math.inf], [1.0]), DataError, "shift of column 0 is -inf"),
        (lambda: Scaling([1.0], []), ShapeError, "1 shifts and 0 spreads"),
        (lambda: Scaling([0.0], [TINY]).apply([1e300]), DataError, "row 0 that is beyond float64"),
        (lambda: Network(2, 1).scale(X), ShapeError, "expected rows of 2"),
        (lambda: Network(3, 1).scale(X, outputs="standard"), OptionError, "without y"),
        (lambda: Network(3, 1).scale(X, inputs="robust"), OptionError, "standard, min_max"),  # type: ignore[arg-type]
        (lambda: Network(3, 1).scale(X, validation=(X, Y)), TypeError, "pair"),  # type: ignore[arg-type]
        (lambda: Network(3, 2, activation="softmax").scale(X, Y, outputs="standard"), OptionError, "softmax"),
        (lambda: setattr(Network(3, 1), "input_scaling", Scaling([1.0], [1.0])), ShapeError, "1 columns, expected 3"),
        (lambda: setattr(Network(3, 1), "output_scaling", 5), TypeError, "expected a Scaling or None"),
        (lambda: trained().fit(X, Y, epochs=1, loss="binary_cross_entropy"), OptionError, "binary_cross_entropy"),
    ],
)
def test_bad_use(work: Any, error: type[Exception], message: str) -> None:
    """One clear error."""
    with pytest.raises(error, match=message):
        work()


def test_hostile_values(backend: Backend) -> None:
    """Spreads at the ends of the range; what overflows is refused by every method, in the path of one row too."""
    net = Network(1, 2, 1, backend=backend, input_scaling=Scaling([HUGE], [TINY]))
    assert net.predict([[HUGE]]) == Network(1, 2, 1).predict([[0.0]])
    for work in (net.predict, net.trace, lambda x: net.fit(x, [[1.0]], epochs=1), lambda x: net.loss(x, [[1.0]])):
        with pytest.raises(DataError, match="row 0 that is beyond float64"):
            work([[-HUGE]])
    with pytest.raises(DataError, match="row 1 that"):
        net.predict([[HUGE], [0.0]])
    net.input_scaling, net.output_scaling = None, Scaling([HUGE], [HUGE])
    assert net.predict([[0.5]]) == [[math.inf]]  # outputs may overflow, as without a scaling


def test_ranges_of_outputs() -> None:
    """min_max takes targets to what the last activation reaches, and training gives no hint."""
    for last, low, high in (("sigmoid", 0.1, 0.9), ("tanh", -0.8, 0.8), ("identity", 0.0, 1.0)):
        net = Network(3, 2, activation=last)  # type: ignore[arg-type]
        net.scale(X, Y, outputs="min_max")
        assert net.input_scaling == Scaling.standard(X)
        assert net.output_scaling == Scaling.min_max(Y, low, high)
    net = Network(3, 2)
    net.scale(X, Y, outputs="standard")
    with pytest.warns(TrainingHint, match="not learnt"):
        net.fit(X, Y, epochs=1)
    net.scale(X, inputs=None)
    assert (net.input_scaling, net.output_scaling) == (None, None)


def test_validation_rows_are_left_out() -> None:
    """The share that fit only measures has no part in the scaling."""
    net = Network(1, 1)
    rows = [[float(i)] for i in range(10)]
    net.scale(rows, rows, validation=0.5, outputs="min_max", inputs="standard")
    least = Network(1, 1)
    least.scale(rows, validation=0.5)
    assert net.input_scaling == least.input_scaling
    assert net.input_scaling != Scaling.standard(rows)


def test_copies(tmp_path: Path) -> None:
    """Copies, pickles and files keep scalings; bytes and fingerprints are the network's alone; plain files stay."""
    net = trained()
    path = tmp_path / "net.json"
    for twin in (net.copy(), pickle.loads(pickle.dumps(net))):
        assert twin == net
        assert to_hex(twin.predict(X)[1]) == to_hex(net.predict(X)[1])
    net.save(path)
    assert '"format_version": 2' in path.read_text(encoding="utf-8")
    assert Network.load(path) == net
    bare = Network.from_bytes(net.to_bytes())
    assert bare.input_scaling is None
    assert bare != net
    assert bare.fingerprint() == net.fingerprint()
    bare.save(path)
    assert '"format_version": 1' in path.read_text(encoding="utf-8")
    assert "scaled inputs and targets" in repr(net)


@pytest.mark.parametrize(
    "scaling",
    [
        {},
        {"inputs": {"shift": ["0" * 16], "spread": ["3ff" + "0" * 13]}},
        {"inputs": {"shift": ["0" * 16] * 3, "spread": ["0" * 16] * 3}},
        {"other": {"shift": [], "spread": []}},
        {"inputs": {"shift": ["0" * 16] * 3}},
        {"inputs": {"shift": ["0" * 16] * 3, "spread": ["3ff" + "0" * 13] * 3}},
        [],
        "none",
    ],
    ids=str,
)
def test_altered_files(scaling: Any, tmp_path: Path) -> None:
    """A file with another scaling than its self-test's, or with none that can be, is refused."""
    path = tmp_path / "net.json"
    trained().save(path)
    fields = model_file.loads(path.read_bytes(), "net.json")
    path.write_text(model_file.dumps({**fields, "scaling": scaling}), encoding="utf-8")
    with pytest.raises(ModelFileError, match=r"net\.json"):
        Network.load(path)


EXPORTED = [
    trained(),
    trained(outputs="min_max", inputs=None),
    trained(inputs="min_max"),
    Network(2, 3, 1, input_scaling=Scaling([HUGE, -0.0], [TINY, HUGE]), output_scaling=Scaling([HUGE], [HUGE])),
]


@pytest.mark.parametrize("number", range(len(EXPORTED)))
def test_exports(number: int, tmp_path: Path) -> None:
    """The exported Python file and C header give the network's bits on raw rows, and test themselves on such."""
    net = EXPORTED[number]
    rows = X if net.sizes[0] == 3 else [[HUGE, 0.0], [HUGE, HUGE]]
    expected = [to_hex(row) for row in net.predict(rows)]
    names: dict[str, Any] = {}
    exec(compile(export(net, "python"), "exported", "exec"), names)
    assert names["self_test"]() is True
    assert [to_hex(names["predict"](row)) for row in rows] == expected
    if shutil.which("gcc") is None:
        pytest.skip("no gcc here")
    tmp_path.joinpath("net.h").write_text(export(net, "c", "net"), encoding="utf-8")
    patterns = ",".join("{" + ",".join(f"0x{p}U" for p in to_hex(row)) + "}" for row in rows)
    main = f"""#include "net.h"
#include <stdio.h>
static const uint64_t rows[{len(rows)}][NET_INPUTS] = {{{patterns}}};
int main(void) {{
    for (int row = 0; row < {len(rows)}; row++) {{
        double inputs[NET_INPUTS], outputs[NET_OUTPUTS];
        memcpy(inputs, rows[row], sizeof inputs);
        net_predict(outputs, inputs);
        for (int j = 0; j < NET_OUTPUTS; j++) {{
            printf("%016llx ", (unsigned long long)net_bits(outputs[j]));
        }}
    }}
    return net_self_test() ? 0 : 1;
}}
"""
    tmp_path.joinpath("main.c").write_text(main, encoding="utf-8")
    strict = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Wshadow", "-Werror"]
    for flags in ([*strict, "-Os"], ["-O3", "-march=native", "-ffp-contract=fast"]):
        subprocess.run(["gcc", *flags, "main.c", "-o", "main"], check=True, cwd=tmp_path)
        found = subprocess.run([str(tmp_path / "main")], capture_output=True, text=True, check=True)
        assert found.stdout.split() == [pattern for row in expected for pattern in row]


def test_command(tmp_path: Path) -> None:
    """Raw rows in, raw outputs out; the share for validation has no part; a model has its own scaling."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bitprop", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    lines = [",".join(map(repr, [*x, *y])) for x, y in zip(X, Y)]
    tmp_path.joinpath("data.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shape = ["--sizes", "3-4-2", "--activation", "tanh,identity", "--seed", "3", "--epochs", "30"]
    kinds = ["--scale-inputs", "standard", "--scale-targets", "min_max"]
    rate = ["--learning-rate", "0.01", "--validation", "0.3"]
    found = run("train", "data.csv", *shape, *kinds, *rate, "--save", "net.json")
    assert found.returncode == 0, found.stderr
    assert "of scaled targets" in found.stdout
    net = Network(3, 4, 2, activation=["tanh", "identity"], seed=3)
    net.scale(X, Y, outputs="min_max", validation=0.3)
    net.fit(X, Y, epochs=30, learning_rate=0.01, validation=0.3)
    assert Network.load(tmp_path / "net.json") == net
    found = run("predict", "net.json", "data.csv")
    assert [list(map(float, line.split(","))) for line in found.stdout.splitlines()] == net.predict(X)
    refused = run("train", "data.csv", "--load", "net.json", "--scale-inputs", "standard")
    assert refused.returncode == 2
    assert "--scale-inputs is given for net.json, which has its own" in refused.stderr
    refused = run("train", "xor", "--loss", "binary_cross_entropy", "--scale-targets", "min_max")
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    assert "with scaled targets" in refused.stderr
