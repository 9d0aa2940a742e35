# SPDX-License-Identifier: MIT
"""`bitprop receipt`: a training done again for its receipt, and where two machines differ (docs/receipts.md)."""

from __future__ import annotations

import argparse
import signal
import threading
from typing import Any

from ..errors import OptionError
from ..receipts.record import Receipt
from ..receipts.verifying import PORT_SECONDS, verify
from .options import (
    DATA_HELP,
    add_backend,
    add_data,
    add_progress,
    command,
    data_set,
    load,
    print_json,
    real,
    terminated,
)


def add(commands: Any) -> None:
    """`verify` and `show`."""
    text = "Train again for a receipt, and say where the first difference is (docs/receipts.md)."
    example = "example: bitprop receipt verify receipt.json xor"
    parser = commands.add_parser("receipt", help=text, description=text, epilog=example, allow_abbrev=False)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=type(parser))
    text = (
        "Train again, here or by a program, and hold the result against the receipt that `train --receipt` or "
        "`fit(..., receipt=...)` wrote. Where they differ, find the first wrong epoch, batch, row, layer, node and "
        "operation, and whose it is. Exit status 0: all is equal; 1: it differs; 2: nothing could be compared (other "
        "rows, no such file, the program fails)."
    )
    parser = command(actions, _verify, "verify", text, example="bitprop receipt verify receipt.json xor")
    parser.add_argument("receipt", metavar="RECEIPT", help="the receipt's file")
    parser.add_argument("data", metavar="DATA", help=DATA_HELP)
    program = "a program that answers as ports do (docs/porting.md) trains, instead of a backend; quoted as in a shell"
    parser.add_argument("--exec", metavar="COMMAND", help=program)
    parser.add_argument("--timeout", type=real, metavar="SECONDS", help=f"for an answer of --exec ({PORT_SECONDS:g})")
    start = "the network before the training, where it was not drawn from a seed"
    parser.add_argument("--start", metavar="MODEL", help=start)
    add_data(parser)
    add_backend(parser)
    add_progress(parser)
    parser = command(actions, _show, "show", "Show what a receipt says.", example="bitprop receipt show receipt.json")
    parser.add_argument("receipt", metavar="RECEIPT", help="the receipt's file")


def _load(path: str) -> Receipt:
    try:
        return Receipt.load(path)
    except FileNotFoundError:
        raise OptionError(f"receipt {path!r} is not there: expected one that train --receipt wrote") from None


def _verify(options: argparse.Namespace) -> int:
    receipt = _load(options.receipt)
    if options.exec is not None and options.backend is not None:
        raise OptionError("--backend is given with --exec: expected one of them, which trains")
    if options.timeout is not None and options.exec is None:
        raise OptionError("--timeout is given without --exec, which alone has answers to wait for")
    timeout = PORT_SECONDS if options.timeout is None else options.timeout
    if not 0.0 < timeout < threading.TIMEOUT_MAX:
        raise OptionError(f"--timeout is {timeout:g}, expected a number of seconds above 0")
    data = data_set(options.data, options, receipt.sizes, options.receipt)
    start = None if options.start is None else load(options.start, None)
    signal.signal(signal.SIGTERM, terminated)
    verdict = verify(
        receipt,
        data.x,
        data.y,
        sample_weight=data.sample_weight,
        start=start,
        backend=options.backend,
        command=options.exec,
        timeout=timeout,
        progress=options.progress,
    )
    if options.json:
        print_json({"equal": verdict.equal, **verdict._asdict()})
    else:
        print("\n".join(verdict.lines))
    return 0 if verdict.equal else 1


def _show(options: argparse.Namespace) -> int:
    receipt = _load(options.receipt)
    fields = receipt.fields
    if options.json:
        print_json(fields)
        return 0
    biases = "with biases" if fields["bias"] else "without biases"
    print(f"{'-'.join(map(str, receipt.sizes))}, {', '.join(dict.fromkeys(receipt.activations))}, {biases}")
    shown = receipt.readable_options()
    print(", ".join(f"{name} {value}" for name, value in shown.items()))
    start = fields["start"]
    drawn = f"init {start['init']}, seed {start['seed']}" if "init" in start else "not drawn from a seed"
    print(f"start: {drawn}, fingerprint {start['fingerprint'][:16]}")
    print(f"rows: {fields['data']['rows']}")
    best = "" if fields["best_epoch"] is None else f", best check after {fields['best_epoch']}"
    print(f"{receipt.trained} of {fields['epochs']} epochs, stopped by {fields['stopped']}{best}")
    print(f"{len(receipt.checkpoints)} checkpoints, every {fields['every']} epochs")
    print(f"fingerprint {fields['fingerprint']}")
    return 0
