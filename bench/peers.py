# SPDX-License-Identifier: MIT
"""bitprop beside its peers: `python bench/peers.py --write docs/speed.md` measures all and writes the page.

What bitprop.bench does for bitprop and NumPy, this does for C, Numba, JAX, PyTorch, scikit-learn, ONNX Runtime and
FANN as well. What is not installed is left out by name. Each peer is written as its users write it, in double
precision; bench/ofast.c is written for speed alone.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bitprop import bench
from bitprop._contest import Job, LeftOutError, Maker, Run, Task, serve, split
from bitprop._processors import cores
from bitprop.bench import Contestant, Outcome
from bitprop.errors import BitpropError, OptionError

HERE = Path(__file__).resolve().parent
SIZES = (2, 4, 4, 1)
OFAST = ["-Ofast", "-fopenmp-simd"]

# --- C ---

PROGRAMS = {  # name: source, flags, libraries
    "C -Ofast, native": ("ofast.c", [*OFAST, "-march=native"], []),
    "C -Ofast, native, 512 bits": ("ofast.c", [*OFAST, "-march=native", "-mprefer-vector-width=512"], []),
    "C -Ofast, x86-64-v3": ("ofast.c", [*OFAST, "-march=x86-64-v3"], []),
    "C -Ofast, x86-64": ("ofast.c", [*OFAST, "-march=x86-64"], []),
    "C -O3, plain": ("plain.c", ["-O3"], []),
    "FANN": ("fann.c", ["-O3"], ["-ldoublefann"]),
}


def compiler() -> str:
    """The C compiler: CC, or gcc, whose vectoriser takes exp from libmvec. LeftOutError where there is none."""
    name = os.environ.get("CC", "gcc")
    if shutil.which(name) is None:
        raise LeftOutError(f"there is no {name}")
    return name


def built(name: str) -> Callable[[Task, str, str], list[str]]:
    """The command of a C contestant, which it compiles first, where it has not yet for such a task."""
    source, flags, libraries = PROGRAMS[name]

    def command(task: Task, path: str, folder: str) -> list[str]:
        sizes = [f"-DROWS={task.rows}", f"-DBIAS={int(task.bias)}"] if source == "ofast.c" else []
        program = Path(folder, "-".join([source, *flags, *sizes]).replace("=", "-"))
        if not program.exists():
            build = [compiler(), *flags, *sizes, "-o", str(program), str(HERE / source), *libraries, "-lm"]
            done = subprocess.run(build, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                lines = [line for line in done.stderr.splitlines() if "error" in line] or ["it does not compile"]
                raise LeftOutError(lines[0].replace(f"{HERE}{os.sep}", ""))
        numbers = (task.rows, int(task.bias), task.rate, max(1, task.networks))
        return [str(program), path, task.kind, *map(str, numbers)]

    return command


def _takes_c(name: str) -> Callable[[Task], bool]:
    def takes(task: Task) -> bool:
        if task.sizes != SIZES or task.series == "width" or task.kind == "row" or task.cores > 1:
            return False
        if name == "FANN":  # which has no step for the sum over a batch, only for the mean
            return task.bias and not task.series and task.kind in ("online", "predict")
        if task.series or task.networks:
            return name == "C -Ofast, native"
        return "512" not in name or "avx512f" in cpu_info().get("flags", "")

    return takes


def cpu_info() -> dict[str, str]:
    """The first processor's lines of /proc/cpuinfo."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        return {}
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


# --- Python ---


def _numba(job: Job) -> Run:  # noqa: PLR0915  # four compiled functions
    """Row after row in compiled loops; the networks of a sweep side by side on the cores."""
    import numba
    import numpy as np

    task = job.task
    x, y, start = np.asarray(job.x), np.asarray(job.y), np.asarray(job.start).reshape(-1, job.size)
    sizes, bias, rate, full = task.sizes, int(task.bias), task.rate, task.kind == "full"
    offsets = [0]
    for n_in, n_out in zip(sizes, sizes[1:]):
        offsets.append(offsets[-1] + (n_in + bias) * n_out)
    o1, o2, count = offsets[1:]
    hidden = sizes[1]

    @numba.njit(fastmath=True)  # type: ignore[untyped-decorator,unused-ignore]
    def forward(w: Any, row: Any, a: Any, b: Any) -> Any:
        for j in range(hidden):
            z = w[2 * hidden + j] if bias else 0.0
            a[j] = 1.0 / (1.0 + np.exp(-(z + row[0] * w[j] + row[1] * w[hidden + j])))
        for j in range(hidden):
            z = w[o1 + hidden * hidden + j] if bias else 0.0
            for i in range(hidden):
                z += a[i] * w[o1 + i * hidden + j]
            b[j] = 1.0 / (1.0 + np.exp(-z))
        z = w[o2 + hidden] if bias else 0.0
        for i in range(hidden):
            z += b[i] * w[o2 + i]
        return 1.0 / (1.0 + np.exp(-z))

    @numba.njit(fastmath=True)  # type: ignore[untyped-decorator,unused-ignore]
    def train(w: Any, epochs: int, log: Any) -> None:
        a, b, d, g = np.empty(hidden), np.empty(hidden), np.empty(hidden), np.empty(count)
        for epoch in range(epochs):
            sse = 0.0
            g[:] = 0.0
            for row in range(len(x_rows)):
                output = forward(w, x_rows[row], a, b)
                error = output - y_rows[row, 0]
                sse += error * error
                delta = error * output * (1.0 - output)
                for j in range(hidden):
                    g[o2 + j] += b[j] * delta
                    d[j] = w[o2 + j] * delta * b[j] * (1.0 - b[j])
                if bias:
                    g[o2 + hidden] += delta
                for i in range(hidden):
                    total = 0.0
                    for j in range(hidden):
                        g[o1 + i * hidden + j] += a[i] * d[j]
                        total += w[o1 + i * hidden + j] * d[j]
                    total *= a[i] * (1.0 - a[i])
                    g[i] += x_rows[row, 0] * total
                    g[hidden + i] += x_rows[row, 1] * total
                    if bias:
                        g[2 * hidden + i] += total
                        g[o1 + hidden * hidden + i] += d[i]
                if not full or row == len(x_rows) - 1:
                    for k in range(count):
                        w[k] -= rate * g[k]
                        g[k] = 0.0
            log[epoch] = sse

    @numba.njit(parallel=True)  # type: ignore[untyped-decorator,unused-ignore]
    def train_all(w: Any, epochs: int, log: Any) -> None:
        for network in numba.prange(len(w)):
            train(w[network], epochs, log[network])

    @numba.njit(fastmath=True)  # type: ignore[untyped-decorator,unused-ignore]
    def predict_all(w: Any, rows: Any, outputs: Any) -> None:
        a, b = np.empty(hidden), np.empty(hidden)
        for row in range(len(rows)):
            outputs[row, 0] = forward(w, rows[row], a, b)

    x_rows, y_rows = x, y  # constants of the compiled functions

    def fit(epochs: int) -> Any:
        w = start.copy()
        log = np.empty((len(w), epochs))
        if task.networks:
            train_all(w, epochs, log)
        else:
            train(w[0], epochs, log[0])
        return w.ravel()

    def predict(calls: int) -> Any:
        outputs = np.empty((len(x), 1))
        for _ in range(calls):
            predict_all(start[0], x, outputs)
        return outputs

    return predict if task.kind in ("predict", "row") else fit


def _jax(job: Job) -> Run:
    """Gradients by jax.grad, all epochs in one compiled scan; vmap over the networks of a sweep."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    task = job.task
    wait: Any = jax.block_until_ready
    x, y = jnp.asarray(np.asarray(job.x)), jnp.asarray(np.asarray(job.y))
    flat = jnp.asarray(np.asarray(job.start).reshape(-1, job.size))
    layers = split(flat if task.networks else flat[0], task.sizes, task.bias)
    start: Any = [layer[: 1 + task.bias] for layer in layers]  # what stands in it is trained

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

    compiled: dict[int, Any] = {}

    def fit(epochs: int) -> Any:
        if epochs not in compiled:
            train = lambda layers: jax.lax.scan(epoch, layers, None, length=epochs)  # noqa: E731
            compiled[epochs] = jax.jit(jax.vmap(train) if task.networks else train)
        layers, _ = wait(compiled[epochs](start))
        lead = (task.networks,) if task.networks else ()
        parts = [np.reshape(part, (*lead, -1)) for layer in layers for part in layer]
        return np.concatenate(parts, axis=-1).ravel()

    jitted = jax.jit(forward)

    def predict(calls: int) -> Any:
        for _ in range(calls):
            outputs = wait(jitted(start, x))
        return np.asarray(outputs)

    return predict if task.kind in ("predict", "row") else fit


def _torch(job: Job) -> Run:
    """Eager, with the modules and the optimiser that users take."""
    import numpy as np
    import torch

    torch.set_num_threads(job.task.cores)
    task = job.task
    x, y = torch.from_numpy(np.array(job.x)), torch.from_numpy(np.array(job.y))
    layers: list[Any] = []
    for n_in, n_out in zip(task.sizes, task.sizes[1:]):
        layers += [torch.nn.Linear(n_in, n_out, bias=task.bias, dtype=torch.float64), torch.nn.Sigmoid()]
    net = torch.nn.Sequential(*layers)

    def reset() -> None:
        with torch.no_grad():
            for linear, (weights, biases) in zip(layers[::2], split(np.asarray(job.start), task.sizes, task.bias)):
                linear.weight.copy_(torch.from_numpy(weights.T.copy()))
                if task.bias:
                    linear.bias.copy_(torch.from_numpy(biases[0].copy()))

    reset()
    size = task.rows if task.kind == "full" else 1

    def fit(epochs: int) -> Any:
        reset()
        optimiser = torch.optim.SGD(net.parameters(), lr=task.rate)
        log = []
        for _ in range(epochs):
            sse = 0.0
            for row in range(0, task.rows, size):
                optimiser.zero_grad()
                loss = 0.5 * ((net(x[row : row + size]) - y[row : row + size]) ** 2).sum()
                loss.backward()
                optimiser.step()
                sse += 2.0 * loss.item()
            log.append(sse)
        parts = [part.detach().numpy().T.ravel() for part in net.parameters()]
        return np.concatenate(parts)

    def predict(calls: int) -> Any:
        with torch.inference_mode():
            for _ in range(calls):
                outputs = net(x)
        return outputs.numpy()

    return predict if task.kind in ("predict", "row") else fit


def _sklearn(job: Job) -> Run:
    """MLPRegressor, given our parameters."""
    import numpy as np
    from sklearn.neural_network import MLPRegressor

    task = job.task
    if task.kind not in ("predict", "row"):
        raise LeftOutError("it does not train the squared error of a sigmoid output")
    net = MLPRegressor(hidden_layer_sizes=task.sizes[1:-1], activation="logistic", solver="sgd")
    net.partial_fit(np.asarray(job.x), np.asarray(job.y)[:, 0])  # which makes what predict needs
    layers = split(np.asarray(job.start), task.sizes, task.bias)
    net.coefs_ = [weights for weights, _ in layers]
    net.intercepts_ = [biases[0] for _, biases in layers]
    net.out_activation_ = "logistic"
    x = np.asarray(job.x)

    def predict(calls: int) -> Any:
        for _ in range(calls):
            outputs = net.predict(x)
        return outputs

    return predict


def _onnx(job: Job) -> Run:
    """A graph of MatMul, Add and Sigmoid in double precision."""
    import numpy as np
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, name = [], [], "x"
    for at, parts in enumerate(split(np.asarray(job.start), job.task.sizes, job.task.bias)):
        constants += [numpy_helper.from_array(part.copy(), f"{kind}{at}") for kind, part in zip("wb", parts)]
        nodes.append(helper.make_node("MatMul", [name, f"w{at}"], [f"p{at}"]))
        nodes.append(helper.make_node("Add", [f"p{at}", f"b{at}"], [f"z{at}"]))
        nodes.append(helper.make_node("Sigmoid", [f"z{at}"], [f"a{at}"]))
        name = f"a{at}"
    ends = [helper.make_tensor_value_info(end, TensorProto.DOUBLE, [None, n]) for end, n in (("x", 2), (name, 1))]
    graph = helper.make_graph(nodes, "network", ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job.task.cores
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    x = np.asarray(job.x)

    def predict(calls: int) -> Any:
        for _ in range(calls):
            (outputs,) = session.run(None, {"x": x})
        return outputs

    return predict


MAKERS: dict[str, Maker] = {
    "Numba": _numba,
    "JAX": _jax,
    "PyTorch": _torch,
    "scikit-learn": _sklearn,
    "ONNX Runtime": _onnx,
}
TAKES: dict[str, Callable[[Task], bool]] = {
    "Numba": lambda task: task.sizes == SIZES and task.series != "width",
    "JAX": lambda task: True,
    "PyTorch": lambda task: not task.networks,
    "scikit-learn": lambda task: not task.networks and not task.series,
    "ONNX Runtime": lambda task: task.kind in ("predict", "row"),
}
JAX = {"JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu"}
PACKAGES = ("bitprop", "cffi", "numpy", "numba", "jax", "jaxlib", "torch", "scikit-learn", "onnx", "onnxruntime")


def everyone() -> list[Contestant]:
    """bitprop, NumPy and the peers."""
    found = bench.contestants()
    for name in PROGRAMS:
        limit = 50 if name == "FANN" else 0  # later, FANN keeps slopes away from 0, and trains something else
        found.append(Contestant(name, _takes_c(name), built(name), limit=limit))
    for name in MAKERS:
        command = bench.python(name, str(Path(__file__).resolve()))
        found.append(Contestant(name, TAKES[name], command, JAX if name == "JAX" else {}))
    return found


# --- the command ---


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure bitprop beside its peers.", allow_abbrev=False)
    bench.add_arguments(parser)
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    parser.add_argument("--write", metavar="PAGE", help="write the page, and its pictures beside it in pictures/")
    parser.add_argument(
        "--read", metavar="FILE", help="measure nothing: write the page of the figures of a --json file"
    )
    parser.add_argument("--progress", action=argparse.BooleanOptionalAction, help="default: where stderr is a terminal")
    return parser


def main() -> int:
    """Exit status as bitprop's: 1 where a kernel ended at other bits, 2 bad usage, 130 interrupted."""
    options = _parser().parse_args()
    try:
        chosen = bench.chosen_tasks(options)
        if options.write:
            import page
        for path in filter(None, (options.json, options.write)):  # before the work, not after it
            if not Path(path).parent.is_dir():
                raise OptionError(f"cannot write {path}: there is no folder {Path(path).parent}")
        if options.read:
            try:
                report = json.loads(Path(options.read).read_text(encoding="utf-8"))
            except ValueError:
                raise OptionError(f"{options.read} does not hold figures: expected what --json wrote") from None
        else:
            outcomes = bench.measure_all(
                chosen, everyone(), bench.rounds_of(options), options.progress, bench.print_table
            )
            report = _report(outcomes, bench.rounds_of(options))
        if options.json:
            Path(options.json).write_text(json.dumps(report, indent=1), encoding="utf-8")
        if options.write:
            page.write(report, Path(options.write))
    except BitpropError as error:
        print(f"peers.py: error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"peers.py: error: {error.filename or ''}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("peers.py: interrupted", file=sys.stderr)
        return 130
    return int(any(row["check"].startswith("OTHER") for outcome in report["outcomes"] for row in outcome["rows"]))


def _report(outcomes: list[Outcome], rounds: int) -> dict[str, Any]:
    """All figures, and what they were measured on and with."""
    import datetime
    import importlib.metadata
    import platform

    import bitprop

    versions = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    try:
        told = subprocess.run([compiler(), "--version"], capture_output=True, text=True, check=False).stdout
        versions["C compiler"] = told.splitlines()[0] if told else "not known"
    except LeftOutError:
        versions["C compiler"] = "not installed"
    try:
        system = platform.freedesktop_os_release()["PRETTY_NAME"]  # from Python 3.10 on
    except (AttributeError, OSError, KeyError):
        system = platform.system()
    cpu = cpu_info()
    wanted = ("sse2", "avx2", "fma", "avx512f", "avx512dq", "asimd")
    vectors = [flag for flag in cpu.get("flags", cpu.get("Features", "")).split() if flag in wanted]
    return {
        "date": datetime.date.today().isoformat(),
        "command": shlex.join(["python", "bench/peers.py", *sys.argv[1:]]),
        "rounds": rounds,
        "machine": {
            "processor": cpu.get("model name", platform.processor() or platform.machine()),
            "family and model": f"{cpu.get('cpu family', '-')}, {cpu.get('model', '-')}",
            "vector units": ", ".join(vectors) or "-",
            "cores used": len(cores()),
            "system": f"{system}, {platform.machine()}",
        },
        "versions": versions,
        "bitprop": bitprop.info(),
        "flags": {name: " ".join(flags) for name, (_, flags, _) in PROGRAMS.items()},
        "tolerance": bench.TOLERANCE,
        "outcomes": [outcome.to_json() for outcome in outcomes],
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--contestant"]:
        sys.exit(serve(MAKERS, *sys.argv[2:]))
    sys.exit(main())
