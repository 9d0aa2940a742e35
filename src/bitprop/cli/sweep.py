# SPDX-License-Identifier: MIT
"""`bitprop sweep`."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

from .. import datasets
from .._sweep import sweep
from ..checks import options as check
from ..errors import OptionError
from ..names import Init
from ..sweep_result import Run, SweepResult
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
    version,
    whole,
)


def _rates(text: str) -> list[float]:
    rates = text.split(",")
    if "" in rates:
        raise argparse.ArgumentTypeError(f"{text!r} has an empty entry, expected numbers with commas: 1,0.1")
    return [real(rate) for rate in rates]


def add(commands: Any) -> None:
    """The parser."""
    parser = command(
        commands,
        run,
        "sweep",
        "Train a network for each of many seeds and learning rates, on all cores. Exit status 1 where all failed.",
        example="bitprop sweep xor --seeds 100 --learning-rates 1,0.1 --epochs 5000 --goal 0.01 --check-every 5",
    )
    parser.add_argument("data", metavar="DATA", help=DATA_HELP)
    parser.add_argument("--seeds", type=whole, default=100, help="how many, from --seed on (100)")
    rates = "one or more (1.0; of adam and adamw 0.001; rprop and levenberg_marquardt use none)"
    parser.add_argument("--learning-rates", type=_rates, metavar="1,0.1", help=rates)
    add_steps(parser)
    parser.add_argument("--threshold", type=real, default=0.01, help="final mse below which one is solved (0.01)")
    parser.add_argument("--csv", metavar="CSV", help="write every training's final mse to this CSV file")
    parser.add_argument(
        "--plot",
        metavar="FILE",
        help="draw to this PNG, PDF or SVG file how the final losses lie "
        "(needs matplotlib: pip install 'bitprop[lab]')",
    )
    add_network(parser)
    add_data(parser)
    add_backend(parser)
    add_progress(parser)


def _summary(result: SweepResult, rate: float, threshold: float) -> dict[str, Any]:
    """What came of one learning rate."""
    errors = [run.error for run in result if run.learning_rate == rate]
    return {
        "learning_rate": rate,
        "trainings": len(errors),
        "solved": result.solved(threshold, rate),
        "failed": len(errors) - errors.count(None),
        "quantiles": {str(q): value for q, value in result.quantiles(learning_rate=rate).items()},
    }


def _write(options: argparse.Namespace, result: SweepResult) -> None:
    if options.csv is not None:
        result.to_csv(options.csv)
        say(f"wrote {options.csv}")
    if options.plot is not None:
        with drawing(options.plot):
            result.plot(options.plot)


def run(options: argparse.Namespace) -> int:
    """What the command does; the exit status."""
    check_outputs({"--csv": options.csv}, {"the data": datasets.file_of(options.data)}, options.plot)
    check.integer("--seeds", options.seeds, 1, 2**32)
    if not options.threshold >= 0.0:
        raise OptionError(f"--threshold is {options.threshold}, expected a number of at least 0")
    net, x, y = network_and_data(options, None)
    first = options.seed or 0
    last = first + options.seeds - 1
    if last >= check.SEED_END:
        raise OptionError(f"--seed and --seeds give the seeds {first} to {last}, expected all of them below 2^64")
    init: Init = options.init or "normal"
    ended: list[Run] = []
    try:
        result = sweep(
            net.sizes,
            (x, y),
            seeds=range(first, first + options.seeds),
            learning_rates=options.learning_rates,
            epochs=options.epochs,
            **steps(options),
            activation=net.activations,
            bias=net.bias,
            init=init,
            backend=options.backend,
            input_scaling=net.input_scaling,
            output_scaling=net.output_scaling,
            progress=options.progress,
            on_result=ended.append,
        )
    except KeyboardInterrupt:
        outputs = [path for path in (options.csv, options.plot) if path is not None]
        if outputs and not ended:
            say(f"\nno training had ended: {' and '.join(outputs)} not written")
        elif outputs:
            say(f"\n{len(ended)} of {options.seeds * len(options.learning_rates or [None])} trainings had ended")
            _write(options, SweepResult(ended))
        raise
    _write(options, result)
    failed = [run for run in result if run.error is not None]
    rates = [_summary(result, rate, options.threshold) for rate in dict.fromkeys(result.learning_rates)]
    if options.json:
        runs = [
            {
                "seed": run.seed,
                "learning_rate": run.learning_rate,
                f"final_{result.name}": run.final_loss,
                "error": None if run.error is None else str(run.error),
                "stopped": run.history.stopped,
                "trained": run.history.trained,
                "best_epoch": run.history.best_epoch,
            }
            for run in result
        ]
        print_json(
            {
                "version": version(),
                "data": options.data,
                "data_seed": options.data_seed or 0,
                "sizes": net.sizes,
                "activations": net.activations,
                "bias": net.bias,
                "init": init,
                "epochs": options.epochs,
                **steps(options),
                "threshold": options.threshold,
                "rates": rates,
                "trainings": runs,
            }
        )
    else:
        batches = "full batch" if options.batch_size is None else f"batches of {options.batch_size}"
        print(f"{net!r} on {options.data}, {options.epochs} epochs, {batches}, {options.loss}, {options.rule}")
        stopped = Counter(run.history.stopped for run in result if run.history.stopped not in (None, "epochs"))
        if stopped:
            print("stopped early: " + ", ".join(f"{count} by {reason}" for reason, count in sorted(stopped.items())))
        print(f"seeds {first} to {last}, quantiles of the final {result.name}:")
        heads = "".join(f"{f'{q:.0%}':>11}" for q in result.quantiles())
        print(f"{'rate':>8} {'solved':>12} {'failed':>7}{heads}")
        for each in rates:
            solved = f"{each['solved']} of {each['trainings']}"
            figures = "".join(f"{value:>11.3e}" for value in each["quantiles"].values())
            print(f"{each['learning_rate']:>8g} {solved:>12} {each['failed']:>7}{figures}")
        print(f"solved: below {options.threshold:g}")
        if failed:
            say(f"the first that failed, seed {failed[0].seed}: {failed[0].error}")
    return 1 if len(failed) == len(result) else 0
