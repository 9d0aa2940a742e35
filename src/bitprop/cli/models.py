# SPDX-License-Identifier: MIT
"""`bitprop predict`, `bitprop gradcheck` and `bitprop export`."""

from __future__ import annotations

import argparse
import itertools
import keyword
import os
from typing import Any

from .. import export
from ..errors import OptionError, quoted
from ..names import LOSSES
from .options import (
    DATA_HELP,
    add_backend,
    add_data,
    add_network,
    add_progress,
    check_outputs,
    command,
    data_set,
    load,
    network_and_data,
    print_json,
    say,
)


def add_predict(commands: Any) -> None:
    """The parser of `predict`."""
    parser = command(
        commands,
        _predict,
        "predict",
        "Print a model's outputs, a line of comma-separated numbers for each row.",
        example="bitprop predict xor.json xor",
    )
    parser.add_argument("model", metavar="MODEL", help="a model file")
    parser.add_argument("data", metavar="DATA", help=DATA_HELP.replace("are the targets", "may be the targets"))
    add_data(parser)
    add_backend(parser)


def _predict(options: argparse.Namespace) -> int:
    net = load(options.model, options.backend)
    data = data_set(options.data, options, net.sizes, options.model, needed=False)
    outputs = net.predict(data.x)
    # Softmax outputs have no squared error.
    name, loss = ("loss", "cross_entropy") if net.activations[-1] == "softmax" else ("mse", "mse")
    figure = net.loss(data.x, data.y, loss, data.sample_weight) if data.y else None  # type: ignore[arg-type]  # it is one
    if options.json:
        print_json({"outputs": outputs, name: figure})
    else:
        print("\n".join(",".join(map(repr, row)) for row in outputs))
        if figure is not None:
            say(f"{name} {figure!r}{' of scaled targets' if net.output_scaling is not None else ''}")
    return 0


def add_gradcheck(commands: Any) -> None:
    """The parser of `gradcheck`."""
    parser = command(
        commands,
        _gradcheck,
        "gradcheck",
        "Compare back-propagation's gradient with finite differences.",
        example="bitprop gradcheck xor --sizes 2-4-4-1 --activation tanh",
    )
    parser.add_argument("data", metavar="DATA", nargs="?", default="xor", help=f"{DATA_HELP} (xor)")
    parser.add_argument("--model", metavar="MODEL", help="check this model file, instead of a new network")
    parser.add_argument("--loss", choices=LOSSES, help="(cross_entropy for softmax outputs, else half_sse)")
    add_network(parser)
    add_data(parser)
    add_backend(parser)
    add_progress(parser)


def _gradcheck(options: argparse.Namespace) -> int:
    net, data = network_and_data(options, options.model)
    checked = net.check_gradient(
        data.x, data.y, progress=options.progress, loss=options.loss, sample_weight=data.sample_weight
    )
    if options.json:
        rows = [row._asdict() for row in checked]
        print_json({"ok": checked.ok, "max_error": checked.max_error, "backend": net.backend, "parameters": rows})
    else:
        print(checked)
    return 0 if checked.ok else 1


# --- export ---


def add_export(commands: Any) -> None:
    """The parser of `export`."""
    parser = command(
        commands,
        _export,
        "export",
        "Write a model as source code that predicts by itself, in a file without imports, or for another tool.",
        example="bitprop export xor.json --to c --out xor.h",
    )
    parser.add_argument("model", metavar="MODEL", help="a model file")
    to = "a C header, a file of Python (also MicroPython), JavaScript or Rust, an Arduino library's folder, or ONNX"
    parser.add_argument("--to", required=True, choices=list(export.ENDINGS), help=to)
    out = "write it there (default: print it; arduino and onnx are only written)"
    parser.add_argument("--out", metavar="FILE", help=out)
    named = "how all names in C begin, also for arduino (default: from the name of FILE or MODEL)"
    parser.add_argument("--name", help=named)


def _check_ending(to: str, file: str) -> None:
    """OptionError: a file named as one of another language, or one of Python that `import` does not take."""
    name, ending = os.path.splitext(file)
    expected = export.ENDINGS[to]
    others = {*export.ENDINGS.values(), *itertools.chain(*export.FURTHER_ENDINGS.values())}
    own = {expected, *export.FURTHER_ENDINGS.get(to, ())}
    if ending not in own and ending in others and (ending or to == "onnx"):
        ends = f"ends in {expected}" if expected else "ends in nothing, since it is a folder"
        raise OptionError(f"--out is {quoted(file)}, expected a name that {ends}")
    if ending == ".py" and (keyword.iskeyword(name) or not name.isidentifier()):
        raise OptionError(f"--out is {quoted(file)}, expected a name that import takes: letters, digits, underscores")


def _export(options: argparse.Namespace) -> int:
    if options.to == "arduino" and options.out is not None:
        if not options.out or (os.path.exists(options.out) and not os.path.isdir(options.out)):
            raise OptionError(f"--out is {quoted(options.out)}, which is no folder, expected one, or a new name")
    else:
        check_outputs({"--out": options.out}, {"the model": options.model})
    if options.out is None and options.to not in export.LANGUAGES:
        what = "folder" if options.to == "arduino" else "file"
        raise OptionError(f"--to {options.to} is given without --out, expected the {what} to write: it is not printed")
    if options.out is not None:
        _check_ending(options.to, os.path.basename(options.out))
    if options.name is not None and options.to not in ("c", "arduino"):
        raise OptionError(f"--name is given with --to {options.to}, expected it with --to c or arduino")
    net = load(options.model, None)
    file = os.path.basename(os.path.abspath(options.out or options.model))
    name = export.identifier(os.path.splitext(file)[0]) if options.name is None else options.name
    fields = {"to": options.to, "name": name, "fingerprint": net.fingerprint(), "out": options.out}
    if options.out is None:
        text = export.export(net, options.to, name)
        if options.json:
            print_json({**fields, "text": text})
        else:
            print(text, end="")
        return 0
    export.write(net, options.to, options.out, name)
    say(f"wrote {options.out}")
    if options.json:
        print_json(fields)
    return 0
