# SPDX-License-Identifier: MIT
"""`bitprop train`."""

from __future__ import annotations

import argparse
from typing import Any

from .. import datasets, plots
from ..errors import OptionError
from ..history import History
from ..names import LEARNING_RATES
from .options import (
    DATA_HELP,
    add_backend,
    add_data,
    add_network,
    add_progress,
    add_steps,
    check_outputs,
    command,
    drawing,
    network_and_data,
    print_json,
    real,
    say,
    steps,
    whole,
)


def add(commands: Any) -> None:
    """The parser."""
    parser = command(
        commands,
        run,
        "train",
        "Train a network and print its losses.",
        example="bitprop train linear:100 --epochs 9000 --validation 0.2 --patience 20 --check-every 5 --save net.json",
    )
    parser.add_argument("data", metavar="DATA", help=DATA_HELP)
    parser.add_argument(
        "--learning-rate", type=real, help="(1.0; of adam and adamw 0.001; rprop and levenberg_marquardt use none)"
    )
    add_steps(parser)
    parser.add_argument("--log-every", type=whole, help="epochs from one logged epoch to the next (default: 20 lines)")
    parser.add_argument("--load", metavar="MODEL", help="go on with this model file, instead of a new network")
    parser.add_argument("--save", metavar="MODEL", help="write the trained network to this model file")
    parser.add_argument(
        "--checkpoint",
        metavar="MODEL",
        help="write network and training to this model file, about once a minute, at the end and at Ctrl-C, so that "
        "--load MODEL --resume goes on with it",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the training in the file of --load, to --epochs in all: give the options of the training "
        "again, and leave out those of the network, which the file has; give --checkpoint again to save it on",
    )
    parser.add_argument(
        "--history",
        metavar="CSV",
        help="write the logged losses to this CSV file, each as it was before its epoch's step (what the last step "
        "leaves is printed, and drawn by --plot)",
    )
    parser.add_argument(
        "--receipt",
        metavar="FILE",
        help="write what the training was, with hashes of its course, in at most 2 KB: `bitprop receipt verify` does "
        "it again anywhere, and says where two machines differ",
    )
    parser.add_argument(
        "--plot",
        metavar="FILE",
        help="draw the losses to this PNG, PDF or SVG file, and log every epoch for it, or of very many every "
        "10th, 100th and so on, where --log-every does not say otherwise (needs matplotlib: pip install "
        "'bitprop[lab]')",
    )
    add_network(parser)
    add_data(parser)
    add_backend(parser)
    add_progress(parser)


def _log_every(options: argparse.Namespace, before: History | None) -> int:
    """The epochs from one logged epoch to the next: for 20 lines, or for at most 100,000 points of a plot.

    `before`: the history of a training that goes on, which keeps its own.
    """
    epochs: int = options.epochs
    if options.log_every is not None:
        return int(options.log_every)
    if before is not None:
        return before.log_every
    if options.stop_progress is not None:  # which needs all
        return 1
    return max(1, epochs // 20) if options.plot is None else int(10 ** max(0, len(str(epochs)) - 5))


def _draw(options: argparse.Namespace, history: History, last: tuple[int, float] | None = None) -> None:
    rate = LEARNING_RATES.get(options.rule) if options.learning_rate is None else options.learning_rate
    title = options.data if options.rule == "descent" else f"{options.data}, {options.rule}"
    title += "" if rate is None else f", learning rate {rate:g}"
    with drawing(options.plot):
        plots.save(plots.training(history, title, last), options.plot)


def _end(history: History) -> str:
    """How the training ended, as it is printed before the final loss."""
    text = f"after {history.trained} epochs"
    if history.stopped != "epochs":
        text += f", stopped by {history.stopped}"
    if history.best_epoch is not None:
        best = history.validation[history.validation_epochs.index(history.best_epoch)]
        text += f" (best validation: {history.measure} {best!r} after {history.best_epoch})"
    return text


def run(options: argparse.Namespace) -> int:
    """What the command does; the exit status."""
    if options.resume and options.load is None:
        raise OptionError("--resume is given without --load: expected the model file that --checkpoint wrote")
    outputs = {"--save": options.save, "--history": options.history, "--checkpoint": options.checkpoint}
    outputs["--receipt"] = options.receipt
    check_outputs(outputs, {"the data": datasets.file_of(options.data)}, options.plot)
    check_outputs({"--history": options.history}, {"--load": options.load}, options.plot)  # --save may be --load
    net, data = network_and_data(options, options.load)
    try:
        history = net.fit(
            data.x,
            data.y,
            epochs=options.epochs,
            learning_rate=options.learning_rate,
            **steps(options),
            sample_weight=data.sample_weight,
            log_every=_log_every(options, net.history if options.resume else None),
            progress=options.progress,
            resume=options.resume,
            checkpoint=options.checkpoint,
            receipt=options.receipt,
        )
    except KeyboardInterrupt:
        if options.checkpoint and net.history is not None:
            say(f"\nwrote {options.checkpoint}: to go on, give --load {options.checkpoint} --resume as well")
        if net.history is not None and len(net.history) > 0:
            say(f"\nlast logged: {net.history.table(1).splitlines()[-1]}")
        if options.save and net.history is not None:
            net.save(options.save)
            say(f"wrote {options.save}: the network after its last whole epoch")
        if options.history and net.history is not None:
            net.history.to_csv(options.history)
            say(f"wrote {options.history}")
        if options.plot and net.history is not None:
            _draw(options, net.history)
        raise
    if options.checkpoint:
        say(f"wrote {options.checkpoint}")
    if options.receipt:
        say(f"wrote {options.receipt}")
    final = net.loss(data.x, data.y, "mse" if history.name == "mse" else options.loss, data.sample_weight)
    if options.save:
        net.save(options.save)
        say(f"wrote {options.save}")
    if options.history:
        history.to_csv(options.history)
        say(f"wrote {options.history}")
    if options.plot:
        # The final loss is of all rows, and with a validation the curve is not.
        _draw(options, history, (history.trained, final) if options.validation is None else None)
    if options.json:
        print_json(
            {
                "sizes": net.sizes,
                "backend": net.backend,
                "epochs": history.epochs,
                history.name: history.loss,
                f"final_{history.name}": final,
                "stopped": history.stopped,
                "trained": history.trained,
                "validation_epochs": history.validation_epochs,
                "validation": history.validation,
                "best_epoch": history.best_epoch,
                "fingerprint": net.fingerprint(),
            }
        )
    else:
        print("\n".join(filter(None, [repr(net), str(history) if options.log_every is None else history.table(1)])))
        scaled = " of scaled targets" if net.output_scaling is not None else ""
        rows = "" if options.validation is None else " of all rows"
        print(f"{_end(history)}: {history.name} {final!r}{rows}{scaled}\nfingerprint {net.fingerprint()}")
    return 0
