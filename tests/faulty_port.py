# SPDX-License-Identifier: MIT
"""A port with a fault, for tests of receipts: the pure twin, with one planted.

python tests/faulty_port.py SITE MASK WANT ULPS        of the site's operations: tests/faults.py
python tests/faulty_port.py flip EPOCH PARAMETER BIT   a bit of a parameter's memory, after so many epochs of a training
python tests/faulty_port.py once EPOCH PARAMETER BIT   the same, in the first training that is as long
python tests/faulty_port.py fused | flushed | libm     a usual mistake, everywhere
"""

from __future__ import annotations

import importlib
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import faults

from bitprop import _pure, _pure_levenberg, names
from bitprop.receipts.bits import bits_of, number_of

sys.path.insert(0, str(Path(__file__).resolve().parent / "platforms"))
port: Any = importlib.import_module("port")  # which is beside the platforms, without types


def flipping(once: bool, epoch: int, parameter: int, bit: int) -> ModuleType:
    """The twin, in whose memory a bit turns between two epochs."""
    module = faults.changed_twin({})
    train = module.train
    flips = [1] if once else []

    def flipped(
        log: Any, training: Any, parameters: Any, work: Any, order: Any, shape: Any, data: Any, limits: Any
    ) -> int:
        until = limits.until
        if until <= epoch or (once and not flips):
            return int(train(log, training, parameters, work, order, shape, data, limits))
        flips[:] = [] if once else flips
        first = [0.0] * epoch
        status = train(
            first, training, parameters, work, order, shape, data, module.Limits(epoch, limits.budget, epoch)
        )
        parameters[parameter] = number_of(bits_of(parameters[parameter]) ^ 1 << bit)
        rest = [0.0] * (until - epoch)
        limits = module.Limits(until, limits.budget, until - epoch)
        status = train(rest, training, parameters, work, order, shape, data, limits)
        log[:] = first + rest
        return int(status)

    vars(module).update(train=flipped)
    return module


def mistaken(name: str) -> ModuleType:
    """The twin with a usual mistake."""
    if name == "fused":
        product = "acc = acc + a[i] * parameters[first + i * n_out]"
        module = faults.changed_twin({product: "acc = fused(a[i], parameters[first + i * n_out], acc)"})
        vars(module).update(fused=fused)
        return module
    if name == "flushed":
        module = faults.changed_twin({"a_i * d_j": "flushed(a_i * d_j)"})
        vars(module).update(flushed=lambda value: 0.0 if abs(value) < 2.0**-1022 else value)
        return module
    module = faults.changed_twin({"        return sigmoid(x)": "        return 1.0 / (1.0 + math.exp(-x))"})
    assert math
    return module


def fused(a: float, b: float, c: float) -> float:
    """a*b + c, rounded once."""
    from bitprop.vectors.mistakes import fma

    return number_of(fma(bits_of(a), bits_of(b), bits_of(c)))


def main() -> None:
    """Answers line by line."""
    kind, *numbers = sys.argv[1:]
    if kind in ("flip", "once"):
        module = flipping(kind == "once", *map(int, numbers))
    elif numbers:
        module = faults.faulty_twin(faults.BY_NAME[kind], *map(int, numbers))
    else:
        module = mistaken(kind)
    core = port.Alone(module, _pure_levenberg)
    answering = port.Port(core, module, names, core.array)
    assert _pure.self_test() == 0
    for text in sys.stdin:
        print(answering.line(text), flush=True)


if __name__ == "__main__":
    main()
