# SPDX-License-Identifier: MIT
"""bitprop beside its peers: `python bench/peers.py --write docs/speed.md` measures all and writes the page.

bitprop.bench measures bitprop and NumPy. This adds C, Numba, JAX, PyTorch, scikit-learn, ONNX Runtime and FANN. A peer
that is not installed is left out, and named. Each peer is written as its users would write it, in double precision;
bench/ofast.c is written for speed alone.
"""

from __future__ import annotations

import argparse
import ctypes
import functools
import importlib.metadata
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import core_solver
import fann_solver
import solve_page
from compiling import COMPILER, library

from bitprop.bench import solve
from bitprop.bench.clerk import Contestant, Outcome, contestants
from bitprop.bench.contestant import Job, Maker, Run, batches, repeated, serve, split
from bitprop.bench.tasks import SIZES, Task
from bitprop.cli import solve as cli_solve
from bitprop.cli.bench import add_options, machine, measure, status
from bitprop.cli.options import check_writable
from bitprop.errors import BitpropError

# --- C ---

OFAST = ["-Ofast", "-fopenmp-simd"]
PROGRAMS = {  # name: source, flags, libraries
    # Compilers prefer vectors of 256 bits for some processors with longer ones, on which those may be faster.
    "C -Ofast, native, 512 bits": ("ofast.c", [*OFAST, "-march=native", "-mprefer-vector-width=512"], []),
    "C -Ofast, native, 256 bits": ("ofast.c", [*OFAST, "-march=native", "-mprefer-vector-width=256"], []),
    "C -Ofast, x86-64-v3": ("ofast.c", [*OFAST, "-march=x86-64-v3"], []),
    "C -Ofast, x86-64": ("ofast.c", [*OFAST, "-march=x86-64"], []),
    "FANN": ("fann.c", ["-O3"], ["-ldoublefann"]),
}


def _library(name: str, task: Task) -> ctypes.CDLL:
    """The contestant's functions (contest.h), compiled for the task."""
    source, flags, libraries = PROGRAMS[name]
    sizes = [f"-DROWS={task.rows}", f"-DBIAS={int(task.bias)}"]
    return library(source, [*flags, *sizes], libraries)


def _c(name: str, job: Job) -> Run:
    """A function of a C library, which trains the networks of a sweep one by one."""
    import numpy as np

    task = job.task
    function = getattr(_library(name, task), task.kind)
    x, y, start = np.asarray(job.x), np.asarray(job.y), np.asarray(job.start).reshape(-1, job.size)
    if task.kind == "predict":
        outputs = np.empty_like(y)
        call = functools.partial(function, start.ctypes, x.ctypes, outputs.ctypes)
        return repeated(call, lambda _: outputs)

    def train(epochs: int) -> Any:
        trained, log = start.copy(), np.empty(epochs)
        rate, count = ctypes.c_double(task.rate), ctypes.c_size_t(epochs)
        for w in trained:
            function(w.ctypes, x.ctypes, y.ctypes, rate, count, log.ctypes)
        return trained.ravel()

    return train


def _takes_c(name: str, task: Task) -> bool:
    if task.sizes != SIZES or task.series == "width" or task.rows == 1 or task.cores > 1:
        return False
    if name == "FANN":  # which has no step for the sum over a batch, only for the mean
        return task.bias and not task.series and task.kind in ("online", "predict")
    return name == "C -Ofast, native, 512 bits" or not (task.series or task.networks)


# --- Python ---


def _numba(job: Job) -> Run:
    """Compiled loops over the rows; the networks of a sweep run in parallel on the cores."""
    import numba
    import numpy as np

    task = job.task
    x, y, start = np.asarray(job.x), np.asarray(job.y), np.asarray(job.start).reshape(-1, job.size)
    sizes, bias, rate, full = task.sizes, int(task.bias), task.rate, task.kind == "full"
    layers, width, count = len(sizes) - 1, max(sizes), job.size

    @numba.njit(fastmath=True)  # type: ignore[untyped-decorator,unused-ignore]
    def forward(w: Any, row: Any, a: Any) -> Any:
        a[0, :2] = row
        first = 0
        for layer in range(layers):
            n_in, n_out = sizes[layer], sizes[layer + 1]
            for j in range(n_out):
                z = w[first + n_in * n_out + j] if bias else 0.0
                for i in range(n_in):
                    z += a[layer, i] * w[first + i * n_out + j]
                a[layer + 1, j] = 1.0 / (1.0 + np.exp(-z))
            first += (n_in + bias) * n_out
        return a[layers, 0]

    @numba.njit(fastmath=True)  # type: ignore[untyped-decorator,unused-ignore]
    def train(w: Any, epochs: int, log: Any) -> None:
        a, d, g = np.empty((layers + 1, width)), np.empty((layers + 1, width)), np.zeros(count)
        for epoch in range(epochs):
            log[epoch] = 0.0
            for row in range(len(x)):
                output = forward(w, x[row], a)
                error = output - y[row, 0]
                log[epoch] += error * error
                d[layers, 0] = error * output * (1.0 - output)
                first = count
                for layer in range(layers - 1, -1, -1):
                    n_in, n_out = sizes[layer], sizes[layer + 1]
                    first -= (n_in + bias) * n_out
                    for i in range(n_in):
                        total = 0.0
                        for j in range(n_out):
                            g[first + i * n_out + j] += a[layer, i] * d[layer + 1, j]
                            total += w[first + i * n_out + j] * d[layer + 1, j]
                        d[layer, i] = total * a[layer, i] * (1.0 - a[layer, i])
                    if bias:
                        for j in range(n_out):
                            g[first + n_in * n_out + j] += d[layer + 1, j]
                if not full or row == len(x) - 1:
                    for k in range(count):
                        w[k] -= rate * g[k]
                        g[k] = 0.0

    @numba.njit(parallel=True)  # type: ignore[untyped-decorator,unused-ignore]
    def train_all(w: Any, epochs: int, log: Any) -> None:
        for network in numba.prange(len(w)):
            train(w[network], epochs, log[network])

    @numba.njit(fastmath=True)  # type: ignore[untyped-decorator,unused-ignore]
    def predict(w: Any, rows: Any, outputs: Any) -> None:
        a = np.empty((layers + 1, width))
        for row in range(len(rows)):
            outputs[row, 0] = forward(w, rows[row], a)

    if task.kind == "predict":
        outputs = np.empty_like(y)
        return repeated(functools.partial(predict, start[0], x, outputs), lambda _: outputs)

    def fit(epochs: int) -> Any:
        w = start.copy()
        train_all(w, epochs, np.empty((len(w), epochs)))
        return w.ravel()

    return fit


def _jax(job: Job) -> Run:
    """Gradients by jax.grad, all epochs in one compiled scan; vmap over the networks of a sweep."""
    os.environ.update(JAX_ENABLE_X64="1", JAX_PLATFORMS="cpu")
    import jax
    import jax.numpy as jnp
    import numpy as np

    task = job.task
    wait: Any = jax.block_until_ready
    x, y = jnp.asarray(np.asarray(job.x)), jnp.asarray(np.asarray(job.y))
    flat = jnp.asarray(np.asarray(job.start).reshape(-1, job.size))
    layers = split(flat if task.networks else flat[0], task.sizes, task.bias)
    start: Any = [layer[: 1 + task.bias] for layer in layers]  # all of it is trained

    def forward(layers: Any, rows: Any) -> Any:
        for weights, *biases in layers:
            z = rows @ weights
            rows = jax.nn.sigmoid(z + biases[0] if biases else z)
        return rows

    def half_sse(layers: Any, rows: Any, targets: Any) -> Any:
        return 0.5 * jnp.sum((forward(layers, rows) - targets) ** 2)

    def step(layers: Any, batch: Any) -> Any:
        value, gradient = jax.value_and_grad(half_sse)(layers, *batch)
        return jax.tree.map(lambda w, g: w - task.rate * g, layers, gradient), 2.0 * value

    def epoch(layers: Any, _: Any) -> Any:
        if task.kind == "full":
            return step(layers, (x, y))
        layers, errors = jax.lax.scan(step, layers, (x[:, None, :], y[:, None, :]))
        return layers, errors.sum()

    if task.kind == "predict":
        predict = jax.jit(forward)
        return repeated(lambda: wait(predict(start, x)), np.asarray)

    @functools.cache
    def compiled(epochs: int) -> Any:
        train = lambda layers: jax.lax.scan(epoch, layers, None, length=epochs)  # noqa: E731
        return jax.jit(jax.vmap(train) if task.networks else train)

    def fit(epochs: int) -> Any:
        layers, _ = wait(compiled(epochs)(start))
        parts = [np.reshape(part, (max(1, task.networks), -1)) for layer in layers for part in layer]
        return np.concatenate(parts, axis=-1).ravel()

    return fit


def _torch(job: Job) -> Run:
    """PyTorch in eager mode, with the usual modules and optimiser."""
    import numpy as np
    import torch

    torch.set_num_threads(job.task.cores)
    task = job.task
    x, y = torch.from_numpy(np.array(job.x)), torch.from_numpy(np.array(job.y))

    def network() -> Any:
        layers: list[Any] = []
        for weights, biases in split(np.array(job.start), task.sizes, task.bias):
            n_in, n_out = weights.shape
            linear = torch.nn.Linear(n_in, n_out, bias=task.bias, dtype=torch.float64)
            linear.weight.data = torch.from_numpy(weights.T.copy())
            if task.bias:
                linear.bias.data = torch.from_numpy(biases[0])
            layers += [linear, torch.nn.Sigmoid()]
        return torch.nn.Sequential(*layers)

    if task.kind == "predict":
        predict: Run = torch.inference_mode()(repeated(functools.partial(network(), x), torch.Tensor.numpy))
        return predict
    steps = batches(task, x, y)

    def fit(epochs: int) -> Any:
        net = network()
        optimiser = torch.optim.SGD(net.parameters(), lr=task.rate)
        log = []
        for _ in range(epochs):
            sse = 0.0
            for rows, targets in steps:
                optimiser.zero_grad()
                loss = 0.5 * ((net(rows) - targets) ** 2).sum()
                loss.backward()
                optimiser.step()
                sse += 2.0 * loss.item()
            log.append(sse)
        return np.concatenate([part.detach().numpy().T.ravel() for part in net.parameters()])

    return fit


def _sklearn(job: Job) -> Run:
    """MLPRegressor, given our parameters."""
    import numpy as np
    from sklearn.neural_network import MLPRegressor

    task = job.task
    x = np.asarray(job.x)
    net = MLPRegressor(hidden_layer_sizes=task.sizes[1:-1], activation="logistic", solver="sgd")
    net.partial_fit(x, np.asarray(job.y)[:, 0])  # which makes what predict needs
    layers = split(np.asarray(job.start), task.sizes, task.bias)
    net.coefs_ = [weights for weights, _ in layers]
    net.intercepts_ = [biases[0] for _, biases in layers]
    net.out_activation_ = "logistic"
    return repeated(functools.partial(net.predict, x))


def _onnx(job: Job) -> Run:
    """A graph of MatMul, Add and Sigmoid in double precision."""
    import numpy as np
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, name = [], [], "x"
    for layer, parts in enumerate(split(np.asarray(job.start), job.task.sizes, job.task.bias)):
        constants += [numpy_helper.from_array(part.copy(), f"{kind}{layer}") for kind, part in zip("wb", parts)]
        nodes.append(helper.make_node("MatMul", [name, f"w{layer}"], [f"p{layer}"]))
        nodes.append(helper.make_node("Add", [f"p{layer}", f"b{layer}"], [f"z{layer}"]))
        nodes.append(helper.make_node("Sigmoid", [f"z{layer}"], [f"a{layer}"]))
        name = f"a{layer}"
    ends = [helper.make_tensor_value_info(end, TensorProto.DOUBLE, [None, n]) for end, n in (("x", 2), (name, 1))]
    graph = helper.make_graph(nodes, "network", ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job.task.cores
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return repeated(functools.partial(session.run, None, {"x": np.asarray(job.x)}), lambda results: results[0])


PEERS: dict[str, tuple[Maker, Callable[[Task], bool]]] = {
    **{name: (functools.partial(_c, name), functools.partial(_takes_c, name)) for name in PROGRAMS},
    "Numba": (_numba, lambda task: task.series != "width"),
    "JAX": (_jax, lambda task: True),
    "PyTorch": (_torch, lambda task: not task.networks),
    "scikit-learn": (_sklearn, lambda task: task.kind == "predict"),
    "ONNX Runtime": (_onnx, lambda task: task.kind == "predict"),
}
LIMITS = {"FANN": 50}  # after more epochs it differs, since it keeps slopes away from 0
SOLVE_PACKAGES = ("cffi", "numpy", "scipy", "scikit-learn", "torch", "jax", "jaxlib")
PACKAGES = ("cffi", "numpy", "numba", "jax", "jaxlib", "torch", "scikit-learn", "onnx", "onnxruntime")


def everyone() -> list[Contestant]:
    """bitprop, NumPy and the peers."""
    command = [sys.executable, __file__, "--contestant"]
    peers = [
        Contestant(name, takes, [*command, name], limit=LIMITS.get(name, 100_000)) for name, (_, takes) in PEERS.items()
    ]
    return contestants() + peers


def _here(packages: Sequence[str]) -> dict[str, str]:
    """The machine and the versions of the measurement."""
    here = machine()
    if os.path.exists("/proc/cpuinfo"):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        here.update((name, fields[name]) for name in ("model name", "cpu family", "model") if name in fields)
    here["C library"] = " ".join(platform.libc_ver())
    if shutil.which(COMPILER):
        answer = subprocess.run([COMPILER, "--version"], capture_output=True, text=True, check=True).stdout
        here["C compiler"] = answer.partition("\n")[0]
    installed = {package.name: package.version for package in importlib.metadata.distributions()}
    return {**here, **{name: installed.get(name, "not installed") for name in packages}}


def main() -> int:
    """The exit status, as of bitprop: 1 if a kernel gave other bits, 2 for bad usage."""
    parser = argparse.ArgumentParser(description="Measure bitprop beside its peers.", allow_abbrev=False)
    add_options(parser)
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    parser.add_argument("--write", metavar="PAGE", help="write the page, and its pictures beside it in pictures/")
    text = "measure nothing: write the page of what --json wrote; can be repeated, for several runs"
    parser.add_argument("--read", metavar="FILE", action="append", default=[], help=text)
    options = parser.parse_args()
    if options.solve:
        return _solve(parser, options)
    if options.write:
        import page  # which needs matplotlib
    try:
        reports = _checked_files(options)
        outcomes: list[Outcome] = []
        if not reports:
            flags = {f"flags of {name}": f"`{' '.join(each)}`" for name, (_, each, _) in PROGRAMS.items()}
            here = {**_here(PACKAGES), **flags}
            outcomes = measure(options, everyone(), here)
            fields = [outcome.to_json() for outcome in outcomes]
            reports = [{"command": _command(), "rounds": options.rounds, "here": here, "outcomes": fields}]
    except BitpropError as error:
        parser.error(str(error))
    if options.json:
        Path(options.json).write_text(json.dumps(reports[0], indent=1), encoding="utf-8")
    if options.write:
        page.write(reports, Path(options.write))
    return status(outcomes)


def _checked_files(options: argparse.Namespace) -> list[Any]:
    """The reports to read; files that cannot be written are refused before the work, not after it. OptionError."""
    for path in filter(None, (options.json, options.write)):
        check_writable(path)
    return [json.loads(Path(path).read_text(encoding="utf-8")) for path in options.read]


def _command() -> str:
    """What was typed."""
    return shlex.join(["python", "bench/peers.py", *sys.argv[1:]])


def _solve(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """Likewise the exit status of --solve; 130 after Ctrl-C, where the page has what was finished."""
    outcomes: list[solve.Outcome] = []
    try:
        reports = _checked_files(options)
        if not reports:
            here = _here(SOLVE_PACKAGES)
            everyone = [*solve.solvers(), *core_solver.solvers(), *fann_solver.solvers()]
            outcomes = cli_solve.measure(options, everyone, here)
            fields = [outcome.to_json() for outcome in outcomes]
            figures = {"seeds": options.seeds, "limit": options.limit}
            reports = [{"command": _command(), **figures, "here": here, "outcomes": fields}]
    except BitpropError as error:
        parser.error(str(error))
    if options.json:
        Path(options.json).write_text(json.dumps(reports[0], indent=1), encoding="utf-8")
    if options.write:
        solve_page.write(reports, fann_solver.FLAGS, core_solver.FLAGS, Path(options.write))
    return 130 if getattr(options, "interrupted", False) else cli_solve.status(outcomes)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--contestant"]:
        serve({name: maker for name, (maker, _) in PEERS.items()}, *sys.argv[2:])
    else:
        sys.exit(main())
