# SPDX-License-Identifier: MIT
"""Faults of one unit in the last place, planted into copies of the C core, of its kernels and of the pure twin.

A site is an operation of the contract, wherever the sources do it. Planted there, a fault changes a result by one ulp
where the result has certain bits: so it comes with its operands, as faults of processors and compilers do.
"""

from __future__ import annotations

import ctypes
import math
import random
import re
import shutil
import subprocess
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

import bitprop
from bitprop import Network, _pure
from bitprop.core import native
from bitprop.names import KERNELS
from bitprop.receipts.bits import bits_of, shifted
from bitprop.receipts.finding import order_of, rate_of
from bitprop.receipts.machines import Task
from bitprop.receipts.tape import ENDS, NAMES, STEPS, Operation, Result, Scene, Tape, initial_state, lanes_before

ROOT = Path(__file__).resolve().parent.parent
ALL_BITS = (1 << 63) - 1  # but the sign, which some kernels turn
FEW_BITS = (1 << 7) - 1  # the lowest
# Functions of one number, of whose operations each has its operands only with those of the others: a fault that came
# with one result alone could be that of any.
IN_CHAINS = ("split", "sigmoid", "slope_of", "forward_row")

PRELUDE = """
#define EXPORTED __attribute__((visibility("default")))
EXPORTED volatile int64_t fault_site, fault_mask, fault_want, fault_ulps;
static double FAULT(int site, double value) {
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (site == fault_site && (bits & fault_mask) == fault_want) {
        bits += fault_ulps;
        memcpy(&value, &bits, sizeof bits);
    }
    return value;
}
"""
VECTOR_PRELUDE = """
INLINE vector LEVEL(faulty)(int site, vector v) {
    if (site != fault_site) {
        return v;
    }
    const int64_t m = fault_mask, w = fault_want, u = fault_ulps;
    const mask hit = ((mask)v & m) == w;
    return (vector)((mask)v + (hit & u));
}
#define FAULT_V LEVEL(faulty)
"""


class Site(NamedTuple):
    """Where an operation stands in the twin (function, a piece of its line, its symbol), and in the C sources."""

    name: str
    function: str
    text: str
    symbol: str
    pieces: tuple[tuple[str, str, str], ...]  # file, a piece of its text, the operation in it
    which: Callable[[Operation], bool] = lambda operation: True
    python: tuple[str, str] = ("", "")  # a piece of the twin's text, and the operation in it
    other: str = ""  # the same operation elsewhere in that text


C, V, R, W, S = "bitprop.c", "simd_vector_tpl.h", "simd_rows_tpl.h", "simd_common_tpl.h", "simd_rules_tpl.h"
SITES = (
    Site(
        *("product of a weighted sum", "forward_row", "", "*"),
        (
            (C, "a[i] * weights[i * n_out + j];", "a[i] * weights[i * n_out + j]"),
            (C, "a[0] * weights[j];", "a[0] * weights[j]"),
            (R, "a * weights[i * stride + j];", "a * weights[i * stride + j]"),
            (R, "LOAD(in) * weights[j];", "LOAD(in) * weights[j]"),
        ),
        python=("acc = acc + a[i] * parameters[first + i * n_out]", "a[i] * parameters[first + i * n_out]"),
        other="a[0] * parameters[first]",
    ),
    Site(
        *("sum of a weighted sum", "forward_row", "", "+"),
        (
            (C, "acc = acc + a[i] * weights[i * n_out + j];", "acc + a[i] * weights[i * n_out + j]"),
            (R, "acc[j][b] + a * weights[i * stride + j];", "acc[j][b] + a * weights[i * stride + j]"),
        ),
        python=("acc = acc + a[i] * parameters[first + i * n_out]", "acc + a[i] * parameters[first + i * n_out]"),
    ),
    Site(
        *("square in the activation", "split", "z = r * r", "*"),
        ((C, "z = *r * *r;", "*r * *r"), (V, "EACH z[i] = minus_r[i] * minus_r[i];", "minus_r[i] * minus_r[i]")),
        python=("z = r * r", "r * r"),
    ),
    Site(
        *("last sum of the polynomial", "split", "c = 2.0 +", "+"),
        (
            (
                *(C, "*c = 2.0 + z * ((P1 + z * P2) + w * ((P3 + z * P4) + w * P5));"),
                "2.0 + z * ((P1 + z * P2) + w * ((P3 + z * P4) + w * P5))",
            ),
            (V, "EACH c[i] = 2.0 + low[i];", "2.0 + low[i]"),
        ),
        lambda operation: operation.a == 2.0,
        ("c = 2.0 + z * ((P1 + z * P2) + w * ((P3 + z * P4) + w * P5))",) * 1
        + ("2.0 + z * ((P1 + z * P2) + w * ((P3 + z * P4) + w * P5))",),
    ),
    Site(
        *("quotient of the sigmoid", "sigmoid", "lo / (lo + hi)", "/"),
        ((C, "return lo / (lo + hi);", "lo / (lo + hi)"), (V, "EACH x[i] = x[i] / sum[i];", "x[i] / sum[i]")),
        python=("return lo / (lo + hi)", "lo / (lo + hi)"),
    ),
    Site(
        *("slope", "slope_of", "y * (1.0 - y)", "*"),
        ((C, "return y * (1.0 - y);", "y * (1.0 - y)"), (V, "return y * (1.0 - y);", "y * (1.0 - y)")),
        python=("return y * (1.0 - y)", "y * (1.0 - y)"),
    ),
    Site(
        *("difference from the target", "row", "e = y[j] - targets[j]", "-"),
        ((C, "const double e = y[j] - targets[j];", "y[j] - targets[j]"), (V, "vector e = y - target;", "y - target")),
        python=("e = y[j] - targets[j]", "y[j] - targets[j]"),
    ),
    Site(
        *("delta of an output", "row", "deltas[j] = e * slope_of", "*"),
        (
            (C, "deltas[j] = e * slope(y[j], activation);", "e * slope(y[j], activation)"),
            (V, "return e * LEVEL(slope)(y, activation);", "e * LEVEL(slope)(y, activation)"),
        ),
        python=("deltas[j] = e * slope_of(y[j], activation)", "e * slope_of(y[j], activation)"),
    ),
    Site(
        *("product on the way back", "go_back", "acc", "*"),
        (
            (C, "acc + row[j] * d[j];", "row[j] * d[j]"),
            (C, "acc = row[0] * d[0];", "row[0] * d[0]"),
            (R, "acc[i][b] = d * weights[i * n_out];", "d * weights[i * n_out]"),
            (R, "acc[i][b] + d * weights[i * n_out + j];", "d * weights[i * n_out + j]"),
            (W, "(delta * weights[i]) * LEVEL", "(delta * weights[i])"),
            (W, "vector delta = LOAD(d) * weights[j * n_next];", "LOAD(d) * weights[j * n_next]"),
            (
                W,
                "delta + LOAD(d + k * BP_LANES) * weights[j * n_next + k];",
                "LOAD(d + k * BP_LANES) * weights[j * n_next + k]",
            ),
        ),
        lambda operation: "slope_of" not in operation.text,
        ("acc = acc + parameters[row + j] * d[j]", "parameters[row + j] * d[j]"),
        "parameters[row] * d[0]",
    ),
    Site(
        *("hidden delta", "go_back", "slope_of", "*"),
        (
            (C, "deltas[i] = acc * slope(a[i], activation);", "acc * slope(a[i], activation)"),
            (
                R,
                "acc[i][b] * LEVEL(slope)(LOAD(outputs + place), activation));",
                "acc[i][b] * LEVEL(slope)(LOAD(outputs + place), activation)",
            ),
            (
                W,
                "(delta * weights[i]) * LEVEL(slope)(y, BP_SIGMOID));",
                "(delta * weights[i]) * LEVEL(slope)(y, BP_SIGMOID)",
            ),
            (W, "delta = delta * LEVEL(slope)(y, BP_SIGMOID);", "delta * LEVEL(slope)(y, BP_SIGMOID)"),
        ),
        python=("acc * slope_of(a[i], activation)", "acc * slope_of(a[i], activation)"),
    ),
    Site(
        *("product of the gradient", "add_backward", "a_i * d_j", "*"),
        (
            (C, "lane[k] + a[i] * d[j];", "a[i] * d[j]"),
            (
                R,
                "acc[i][j] + LOAD(a + i * BP_LANES) * LOAD(d + j * BP_LANES);",
                "LOAD(a + i * BP_LANES) * LOAD(d + j * BP_LANES)",
            ),
            (W, "acc[i] + y * delta;", "y * delta"),
            (W, "acc[0][j] + LOAD(x) * delta;", "LOAD(x) * delta"),
            (W, "acc[1][j] + LOAD(x + BP_LANES) * delta;", "LOAD(x + BP_LANES) * delta"),
        ),
        python=("lane[k] = lane[k] + a_i * d_j", "a_i * d_j"),
    ),
    Site(
        *("sum of a lane", "add_backward", "a_i * d_j", "+"),
        (
            (C, "lane[k] + a[i] * d[j];", "lane[k] + a[i] * d[j]"),
            (
                R,
                "acc[i][j] + LOAD(a + i * BP_LANES) * LOAD(d + j * BP_LANES);",
                "acc[i][j] + LOAD(a + i * BP_LANES) * LOAD(d + j * BP_LANES)",
            ),
            (W, "acc[i] + y * delta;", "acc[i] + y * delta"),
            (W, "acc[0][j] + LOAD(x) * delta;", "acc[0][j] + LOAD(x) * delta"),
            (W, "acc[1][j] + LOAD(x + BP_LANES) * delta;", "acc[1][j] + LOAD(x + BP_LANES) * delta"),
        ),
        python=("lane[k] = lane[k] + a_i * d_j", "lane[k] + a_i * d_j"),
    ),
    Site(
        *("gradient times scale", "step", "g = sums[k] * scale", "*"),
        (
            (C, "g = sums[k] * scale;", "sums[k] * scale"),
            (S, "LOAD_ANY(sums + k) * scale;", "LOAD_ANY(sums + k) * scale"),
        ),
        python=("g = sums[k] * scale", "sums[k] * scale"),
    ),
    Site(
        *("descent", "step", "parameters[k] = parameters[k] - rate * g", "-"),
        ((C, "parameters[k] = parameters[k] - rate * g;", "parameters[k] - rate * g"),),
        python=("parameters[k] = parameters[k] - rate * g\n", "parameters[k] - rate * g"),
    ),
    Site(
        *("momentum", "step", "v = momentum * state[k] + g", "+"),
        (
            (C, "v = momentum * state[k] + g;", "momentum * state[k] + g"),
            (S, "v = momentum * LOAD_ANY(state + k) + g;", "momentum * LOAD_ANY(state + k) + g"),
        ),
        python=("v = momentum * state[k] + g", "momentum * state[k] + g"),
    ),
    Site(
        *("first moment of Adam", "step", "m = beta1", "+"),
        (
            (C, "m = beta1 * state[k] + (1.0 - beta1) * g;", "beta1 * state[k] + (1.0 - beta1) * g"),
            (S, "m = beta1 * LOAD_ANY(state + k) + rest1 * g;", "beta1 * LOAD_ANY(state + k) + rest1 * g"),
        ),
        python=("m = beta1 * state[k] + (1.0 - beta1) * g", "beta1 * state[k] + (1.0 - beta1) * g"),
    ),
    Site(
        *("root of Adam", "step", "math.sqrt", "sqrt"),
        (
            (C, "(square_root(v / terms->c) + terms->epsilon);", "square_root(v / terms->c)"),
            (S, "(ROOT(v / c) + epsilon));", "ROOT(v / c)"),
        ),
        python=("math.sqrt(v / c)", "math.sqrt(v / c)"),
    ),
    Site(
        *("step of RPROP", "step", "grown = ", "*"),
        (
            (C, "grown = state[count + k] * increase;", "state[count + k] * increase"),
            (S, "MIN(before * increase, step_max)", "before * increase"),
        ),
        python=("grown = state[count + k] * increase", "state[count + k] * increase"),
    ),
)
BY_NAME = {site.name: site for site in SITES}


def is_at(site: Site, operation: Operation) -> bool:
    """Whether the operation is one of this site."""
    return (
        operation.function == site.function
        and operation.symbol == site.symbol
        and site.text in operation.text
        and site.which(operation)
    )


class Fault(NamedTuple):
    """One that is planted, and where it shows first."""

    site: Site
    mask: int
    want: int
    ulps: int
    epoch: int
    batch: int
    row: int  # of the training rows
    operation: Operation

    def hits(self, operation: Operation) -> bool:
        """Whether the fault changes this operation."""
        return is_at(self.site, operation) and bits_of(operation.value) & self.mask == self.want


# --- where a fault shows ---


def epochs_of(task: Task, epochs: int) -> Iterator[tuple[int, int, list[int], Scene, Result, list[Operation]]]:
    """Each batch of a right training by the tape: epoch, number, rows, the scene of all, what it comes to, and how."""
    tape = Tape()
    parameters, state = task.start.tolist(), initial_state(task)
    for epoch in range(epochs):
        order = order_of(task, epoch)
        size = min(task.options.batch_size or task.rows, task.rows)
        for number, at in enumerate(range(0, task.rows, size)):
            rows = order[at : at + size]
            rate = rate_of(task, epoch)
            batch = task.of_rows(rows)._replace(rate=rate)
            scene = Scene(batch, parameters, state, rate, lanes_before(batch, parameters, 0), 0)
            after = tape.run(scene, record=True)
            yield epoch, number, rows, scene, after, tape.operations
            parameters, state = after.parameters.tolist(), after.state.tolist()


class _Batch(NamedTuple):
    epoch: int
    number: int
    rows: list[int]
    scene: Scene
    right: Result
    here: dict[str, list[Operation]]  # by site


def plans(task: Task, epochs: int, sites: Sequence[Site], each: int, seed: int) -> list[Fault]:
    """At most so many faults of each site, drawn among a training's operations; of each, one operation shows first."""
    generator = random.Random(seed)
    batches = [
        _Batch(epoch, number, rows, scene, right, {s.name: [o for o in operations if is_at(s, o)] for s in sites})
        for epoch, number, rows, scene, right, operations in epochs_of(task, epochs)
    ]
    tape = Tape()
    found: list[Fault] = []
    for site in sites:
        drawn = [operation for batch in batches for operation in batch.here[site.name]]
        faults: list[Fault] = []
        for _ in range(300):
            mask = FEW_BITS if site.function in IN_CHAINS else ALL_BITS
            chosen = generator.choice(drawn)
            want, ulps = bits_of(chosen.value) & mask, generator.choice((1, -1))
            fault = _first(Fault(site, mask, want, ulps, 0, 0, 0, chosen), batches, tape) if chosen.value else None
            if fault is not None:
                faults.append(fault)
            if len(faults) == each:
                break
        found += faults
    return found


def _first(fault: Fault, batches: list[_Batch], tape: Tape) -> Fault | None:
    """The fault, with where it shows first; None where it does not, or where several operations come first together."""
    for epoch, number, rows, scene, right, here in batches:
        hits = [operation for operation in here[fault.site.name] if fault.hits(operation)]
        if not hits:
            continue
        changes = {each.number: (lambda value: faulted(value, fault.ulps)) for each in hits}
        wrong = tape.run(scene, changes)
        if not wrong.same(right, True):
            if wrong.same(right):  # only in the rule's state, which not every machine tells
                return None
            row = rows[hits[0].row]
            return fault._replace(epoch=epoch, batch=number, row=row, operation=hits[0]) if len(hits) == 1 else None
    return None


def faulted(value: float, ulps: int) -> float:
    """What a fault makes of a result."""
    return shifted(value, ulps if math.copysign(1.0, value) > 0.0 else -ulps)


# --- the C core ---


def _instrumented(text: str, file: str) -> str:
    """A source's text with each operation of a site inside of a call that may change it."""
    fault = "FAULT" if file == C else "FAULT_V"
    found = {(number, piece[2]) for number, site in enumerate(SITES, 1) for piece in site.pieces if piece[0] == file}
    assert all(piece[1] in text for site in SITES for piece in site.pieces if piece[0] == file), file
    ordered = sorted(found, key=lambda each: len(each[1]))  # the shortest first, which are parts of others
    for number, operation in ordered:
        pattern = re.escape(operation)
        for inner, part in ordered:
            if part != operation and part in operation:
                pattern = pattern.replace(re.escape(part), re.escape(f"{fault}({inner}, {part})"))
        text, count = re.subn(rf"(?<![\w.>])({pattern})", rf"{fault}({number}, \1)", text)
        assert count, (file, operation)
    return text


def build(folder: Path, main: str = "simd.c") -> Path:
    """A shared library of the core in which faults can be planted: with all kernels, or by levenberg.c portable."""
    source = folder / "csrc"
    shutil.copytree(ROOT / "csrc", source)
    texts = {path.name: path.read_text(encoding="utf-8") for path in source.iterdir()}
    for file in {piece[0] for site in SITES for piece in site.pieces}:
        texts[file] = _instrumented(texts[file], file)
    texts[C] = texts[C].replace("/* --- §2", PRELUDE + "/* --- §2", 1)
    texts[V] = texts[V].replace("/* --- §2 --- */", VECTOR_PRELUDE + "/* --- §2 --- */", 1)
    for name, text in texts.items():
        source.joinpath(name).write_text(text, encoding="utf-8")
    library = folder / "faulty.so"
    command = ["gcc", "-std=gnu99", "-O1", "-ffp-contract=off", "-shared", "-fPIC", "-I", str(source)]
    subprocess.run([*command, str(source / main), "-o", str(library)], check=True)
    return library


class FaultyCore:
    """A library of `build` as a core, by a kernel."""

    def __init__(self, library: Path, kernel: str):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(native, "_find_extension", lambda: str(library))
            self.core: Any = native.CtypesCore(KERNELS.index(kernel))
        self._library = ctypes.CDLL(str(library))
        self.plant(None)

    def plant(self, fault: Fault | None) -> None:
        """Plants a fault; None: none."""
        values = (0, 0, 0, 0) if fault is None else (SITES.index(fault.site) + 1, fault.mask, fault.want, fault.ulps)
        for name, value in zip(("site", "mask", "want", "ulps"), values):
            ctypes.c_int64.in_dll(self._library, f"fault_{name}").value = value


# --- the twin, as a port ---


def changed_twin(changes: Mapping[str, str]) -> ModuleType:
    """The pure twin with pieces of its text replaced."""
    text = Path(str(_pure.__file__)).read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    module = ModuleType("changed_twin")
    vars(module).update(__file__=str(_pure.__file__))
    exec(compile(text, "the twin, changed", "exec"), vars(module))
    return module


def faulty_twin(site: Site, mask: int, want: int, ulps: int) -> ModuleType:
    """The pure twin with a fault."""
    piece, operation = site.python
    changes = {piece: piece.replace(operation, f"faulty({operation})")}
    module = changed_twin({**changes, **({site.other: f"faulty({site.other})"} if site.other else {})})

    def faulty(value: float) -> float:
        return faulted(value, ulps) if bits_of(value) & mask == want else value

    vars(module).update(faulty=faulty)
    return module


def task_for(net: Network, x: Any, y: Any, folder: Path, **options: Any) -> tuple[bitprop.Receipt, Task]:
    """A receipt of a right training of the network, and the training."""
    from bitprop.receipts.verifying import task_of

    net.fit(x, y, receipt=folder / "receipt.json", **options)
    receipt = bitprop.Receipt.load(folder / "receipt.json")
    weights = options.get("sample_weight")
    rates = options.get("learning_rate")
    return receipt, task_of(receipt, x, y, weights, None, rates if isinstance(rates, (list, array)) else None)


def found_exactly(fault: Fault, place: dict[str, Any] | None, name: str | None) -> bool:
    """Whether a verdict's place is that of the fault, and names its operation; `name`: of its parameter.

    A verdict may also have one that the fault changed earlier, and that rounding hid from the parameters then.
    """
    if place is None or place["epoch"] > fault.epoch:
        return False
    operation = fault.operation
    expected = operation.layer, operation.node, operation.input, name
    for each in place["operations"]:
        if (each["text"], each["operation"]) != (operation.text, NAMES[operation.symbol]):
            continue
        here = each["layer"], each["node"], each["input"], each["parameter"]
        if int(each["expected"], 16) & fault.mask == fault.want and abs(each["ulps"]) == 1:
            if place["epoch"] < fault.epoch or place["batch"] < fault.batch:
                return True
            same_row = operation.function in (*STEPS, *ENDS) or place["row"] == fault.row
            if same_row and here == expected and each["expected"] == f"{bits_of(operation.value):016x}":
                return True
            if place["row"] is not None and place["row"] != fault.row:
                return True
    return False
