# SPDX-License-Identifier: MIT
"""`bitprop sweep`."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping
from typing import Any

from .. import datasets, plots
from .._sweep import sweep
from ..checks import options as check
from ..errors import OptionError
from ..fit_options import FitOptions
from ..sweep_configurations import configurations, expect_comparable, text_of, text_of_entries
from ..sweep_result import QUANTILES, Run, SweepResult
from .grid import HIDDEN, Grid, add_grid, grid_of, with_sizes
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
        "Train a network for each of many seeds and learning rates, or for each combination of any options, on all "
        "cores. Exit status 1 where all failed.",
        example="bitprop sweep xor --seeds 100 --epochs 5000 --grid hidden=8,4-4 --grid rule=descent,rprop "
        "--resume sweep.jsonl --save best.json",
    )
    parser.add_argument("data", metavar="DATA", help=DATA_HELP)
    parser.add_argument("--seeds", type=whole, default=100, help="how many, from --seed on (100)")
    rates = "one or more (1.0; of adam and adamw 0.001; rprop and levenberg_marquardt use none)"
    parser.add_argument("--learning-rates", type=_rates, metavar="1,0.1", help=rates)
    add_grid(parser)
    add_steps(parser)
    parser.add_argument(
        "--resume",
        metavar="FILE",
        help="write each training to this file as it ends; where the file is there, take from it what has ended, and "
        "train the rest, of perhaps more seeds, rates or values of a grid",
    )
    parser.add_argument("--save", metavar="MODEL", help="write the network of the best training to this model file")
    parser.add_argument(
        "--receipt",
        metavar="FOLDER",
        help="write a receipt of each training to this folder, for `bitprop receipt verify`",
    )
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
    names = ("sizes", "activation", "bias", "init", "learning_rates", *FitOptions.__annotations__)
    parser.set_defaults(unset={name: parser.get_default(name) for name in names})


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
    if options.save is not None:
        best = _best(result)
        if best is None or best.network is None:
            say(f"no training succeeded: {options.save} not written")
        else:
            best.network.save(options.save)
            say(f"wrote {options.save}: the network of seed {best.seed}, {_text(best)}")


def _best(result: SweepResult) -> Run | None:
    """The best training; None where all failed, or their losses do not compare."""
    try:
        return result.best
    except ValueError:
        return None


def _text(run: Run) -> str:
    """A training's options in one line."""
    return text_of_entries({"learning_rate": run.learning_rate, **run.options})


def _arguments(options: argparse.Namespace) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """What `sweep` takes: the sizes, which are None where the grid has them, the data, and options by name."""
    grid = grid_of(options)
    net, data = network_and_data(_template_options(options, grid), None)
    network: dict[str, Any] = {"activation": net.activations, "bias": net.bias, "init": options.init or "normal"}
    if "sizes" in grid or HIDDEN in grid:
        network["activation"] = _activation(options.activation)
    given = {name: value for name, value in {**network, **steps(options)}.items() if name not in grid}
    given.update(input_scaling=net.input_scaling, output_scaling=net.output_scaling, backend=options.backend)
    given.update(epochs=options.epochs, learning_rates=options.learning_rates)
    full = with_sizes(grid, net.sizes[0], net.sizes[-1])
    given["grid"] = full or None
    rows = (data.x, data.y) if data.sample_weight is None else tuple(data)
    return None if "sizes" in full else net.sizes, rows, given


def _template_options(options: argparse.Namespace, grid: Grid) -> argparse.Namespace:
    """The options of a network that has the inputs and outputs of all."""
    if "sizes" not in grid and HIDDEN not in grid:
        return options
    sizes = list(grid["sizes"][0]) if "sizes" in grid else None
    return argparse.Namespace(**{**vars(options), "sizes": sizes, "activation": None})


def _activation(text: str | None) -> str | list[str]:
    names = [name.strip() for name in (text or "sigmoid").split(",")]
    return names if len(names) > 1 else names[0]


def _expect_answers(options: argparse.Namespace, sizes: Any, given: Mapping[str, Any]) -> int:
    """How many trainings there are for each seed; refuses before the work what --plot and --save could not do."""
    further = {name: value for name, value in given.items() if name not in ("grid", "learning_rates", "epochs")}
    each = configurations(sizes, given["grid"], given["learning_rates"], options.epochs, None, further)
    count = sum(len(one.rates) for one in each)
    if options.plot is not None:
        plots.require_legible(count)
        expect_comparable(each, validation=False)
    if options.save is not None:
        expect_comparable(each, validation=any(one.validated for one in each))
    return count


def run(options: argparse.Namespace) -> int:
    """What the command does; the exit status."""
    outputs = {"--csv": options.csv, "--save": options.save, "--resume": options.resume}
    check_outputs(outputs, {"the data": datasets.file_of(options.data)}, options.plot)
    check.integer("--seeds", options.seeds, 1, 2**32)
    if not options.threshold >= 0.0:
        raise OptionError(f"--threshold is {options.threshold}, expected a number of at least 0")
    sizes, data, given = _arguments(options)
    first = options.seed or 0
    last = first + options.seeds - 1
    if last >= check.SEED_END:
        raise OptionError(f"--seed and --seeds give the seeds {first} to {last}, expected all of them below 2^64")
    total = options.seeds * _expect_answers(options, sizes, given)
    ended: list[Run] = []
    seeds = range(first, first + options.seeds)
    begun: dict[str, Any] = {"on_result": ended.append, "progress": options.progress, "resume_file": options.resume}
    begun["receipt"] = options.receipt
    try:
        result = sweep(sizes, data, seeds=seeds, **begun, **given)
    except KeyboardInterrupt:
        _end_early(options, SweepResult(ended), total, sizes, given)
        raise
    _write(options, result)
    _tell(options, result, sizes, given)
    return 1 if all(run.error is not None for run in result) else 0


def _end_early(
    options: argparse.Namespace, result: SweepResult, total: int, sizes: Any, given: Mapping[str, Any]
) -> None:
    """Writes and tells what had ended before Ctrl-C, and how to go on."""
    wanted = [path for path in (options.csv, options.plot, options.save) if path is not None]
    if len(result) > 0:
        say(f"\n{len(result)} of {total} trainings had ended")
        _write(options, result)
        _tell(options, result, sizes, given)
    elif wanted:
        say(f"\nno training had ended: {' and '.join(wanted)} not written")
    if options.resume is not None:
        say(f"the same command goes on with what {options.resume} has")
    elif len(result) > 0 and not options.json:
        print("with --resume FILE, an interrupted sweep can go on")


def _tell(options: argparse.Namespace, result: SweepResult, sizes: Any, given: Mapping[str, Any]) -> None:
    """Prints what came of the trainings."""
    if options.json:
        print_json(_fields(options, result, sizes, given))
        return
    grid = given["grid"]
    batches = "full batch" if options.batch_size is None else f"batches of {options.batch_size}"
    steps_text = {"batch_size": batches, "loss": options.loss, "rule": options.rule}
    told = ["", *(text for name, text in steps_text.items() if name not in (grid or ()))]
    what = repr(result[0].configuration.template) if not grid else f"{len(result.configurations)} configurations"
    print(f"{what} on {options.data}, {options.epochs} epochs{', '.join(told)}")
    stopped = Counter(run.history.stopped for run in result if run.history.stopped not in (None, "epochs"))
    if stopped:
        print("stopped early: " + ", ".join(f"{count} by {reason}" for reason, count in sorted(stopped.items())))
    print(f"seeds {min(result.seeds)} to {max(result.seeds)}, quantiles of the final {result.name}:")
    print("\n".join(_lines(result, options.threshold)))
    print(f"solved: below {options.threshold:g}")
    best = _best(result) if grid else None
    if best is not None:
        name, loss = (
            ("validation", best.best_validation) if best.configuration.validated else (result.name, best.final_loss)
        )
        print(f"best: seed {best.seed}, {_text(best)}: {name} {loss!r}")
    failed = [run for run in result if run.error is not None]
    if failed:
        say(f"the first that failed, seed {failed[0].seed}: {failed[0].error}")


def _lines(result: SweepResult, threshold: float) -> list[str]:
    """The table, with a column for each option of the grid."""
    table = result.table(threshold)
    names = list(dict.fromkeys(name for run in result for name in run.options if name != "learning_rate"))
    columns = [[name, *(text_of(line[name]) if name in line else "" for line in table)] for name in names]
    widths = [max(map(len, column)) for column in columns]
    options = ["".join(f"{text:<{width + 2}}" for text, width in zip(row, widths)) for row in zip(*columns)]
    heads = "".join(f"{f'{q:.0%}':>11}" for q in QUANTILES)
    lines = [f"{'rate':>8} {'solved':>12} {'failed':>7}{heads}"]
    for line in table:
        solved = f"{line['solved']} of {line['trainings']}"
        figures = "".join(f"{value:>11.3e}" for value in line["quantiles"].values())
        rate = line["learning_rate"]
        rate_text = f"{rate:g}" if isinstance(rate, float) else text_of(rate)
        lines.append(f"{rate_text:>8} {solved:>12} {line['failed']:>7}{figures}")
    return [option + line for option, line in zip(options or [""] * len(lines), lines)]


def _fields(options: argparse.Namespace, result: SweepResult, sizes: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """What came of the trainings, for JSON."""
    grid = given["grid"] or {}
    named = {"activations": "activation"}
    fixed = {
        "sizes": sizes,
        "activations": given.get("activation"),
        "bias": given.get("bias"),
        "init": given.get("init"),
        "epochs": options.epochs,
        **steps(options),
    }
    rates = [] if grid else [_summary(result, rate, options.threshold) for rate in dict.fromkeys(result.learning_rates)]
    best = _best(result)
    return {
        "version": version(),
        "data": options.data,
        "data_seed": options.data_seed or 0,
        **{name: value for name, value in fixed.items() if named.get(name, name) not in grid},
        "threshold": options.threshold,
        **({"grid": grid} if grid else {"rates": rates}),
        "configurations": [_with_names(line) for line in result.table(options.threshold)],
        "best": None if best is None else {"seed": best.seed, "learning_rate": best.learning_rate, **best.options},
        "trainings": [_training(run) for run in result],
    }


def _with_names(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line of the table with strings as the names of quantiles, as JSON has them."""
    return {
        name: {str(q): number for q, number in value.items()} if isinstance(value, dict) else value
        for name, value in line.items()
    }


def _training(run: Run) -> dict[str, Any]:
    """One training, for JSON."""
    return {
        "seed": run.seed,
        "learning_rate": run.learning_rate,
        **run.options,
        f"final_{run.history.name}": run.final_loss,
        "error": None if run.error is None else str(run.error),
        "stopped": run.history.stopped,
        "trained": run.history.trained,
        "best_epoch": run.history.best_epoch,
        "best_validation": run.best_validation,
    }
