# SPDX-License-Identifier: MIT
"""The command `bitprop`.

Exit status: 0 done, 1 a check failed (or training diverged), 2 bad usage or input, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from . import _backend, _check, bench, datasets, lab, network, plots
from ._sweep import Run, SweepResult, sweep
from .errors import BitpropError, DataError, DivergedError, OptionError
from .network import Network

DATA_HELP = "linear:N, xor, or a CSV file whose last columns are the targets ('-' is stdin)"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, as for every other error."""
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _real(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def _sizes(text: str) -> list[int]:
    try:
        return [int(size) for size in text.replace(",", "-").split("-")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not layer sizes, such as 2-4-4-1") from None


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="bitprop",
        description="Small neural networks, trained by back-propagation to the same bits everywhere.",
        epilog="example: bitprop train xor --epochs 5000 --save xor.json",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"bitprop {_version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    for add in (_add_lab, _add_train, _add_sweep, _add_predict, _add_gradcheck, _add_bench, _add_info):
        add(commands)
    return parser


def _version() -> str:
    from importlib.metadata import version

    return version("bitprop")


def _command(commands: Any, run: Any, name: str, text: str, example: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text, epilog=f"example: {example}", allow_abbrev=False
    )
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _add_backend(parser: argparse.ArgumentParser) -> None:
    names = ("auto", *_backend.BACKENDS)
    parser.add_argument("--backend", choices=names, help="default: BITPROP_BACKEND, or the fastest")


def _add_progress(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="show a progress bar after two seconds (default: where stderr is a terminal)",
    )


def _add_network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sizes", type=_sizes, metavar="2-4-4-1", help="layer sizes (default: two hidden layers of 4)")
    parser.add_argument("--activation", help="one, or one for each layer: tanh,sigmoid (sigmoid)")
    parser.add_argument("--bias", action=argparse.BooleanOptionalAction, help="biases (default: yes)")
    parser.add_argument("--init", choices=network.INITS, help="initial weights (normal)")
    parser.add_argument("--seed", type=_whole, help="of the initial weights (0)")


def _add_steps(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--epochs", type=_whole, default=10_000, help="(10000)")
    parser.add_argument("--batch-size", type=_whole, help="rows to a step; 1 is online (default: all)")
    parser.add_argument("--shuffle-seed", type=_whole, help="shuffle the rows before each epoch, from this seed")
    parser.add_argument("--loss", default="half_sse", choices=network.LOSSES, help="(half_sse)")


def _add_data_seed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data-seed", type=_whole, default=0, help="of linear:N (0)")


def _network_and_data(options: argparse.Namespace, model: str | None) -> tuple[Network, datasets.Rows, datasets.Rows]:
    """The network of a model file or of the options, with the data set, which must have targets."""
    own = {name: getattr(options, name) for name in ("activation", "bias", "init", "seed")}
    own = {name: value for name, value in own.items() if value is not None}
    loaded = None
    if model is not None:
        if own or options.sizes:
            name = next(iter(own), "sizes")
            raise OptionError(f"--{name} is given for {model}, which has its own: expected a model or network options")
        loaded = Network.load(model, backend=options.backend)
    sizes = loaded.sizes if loaded else options.sizes
    inputs, outputs = (sizes[0], sizes[-1]) if sizes else (None, 1)
    x, y = datasets.named(options.data, options.data_seed, inputs, outputs)
    if not y:
        raise DataError(f"{options.data} has {len(x[0])} columns, expected columns of targets after {inputs} of inputs")
    if "," in own.get("activation", ""):
        own["activation"] = own["activation"].split(",")
    return loaded or Network(*(sizes or (len(x[0]), 4, 4, 1)), backend=options.backend, **own), x, y


def _print_json(fields: Any) -> None:
    print(json.dumps(_finite(fields), indent=1, allow_nan=False))


def _finite(value: Any) -> Any:
    """The value with null for what JSON has no number for: NaN and infinities."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value


# --- lab ---


def _add_lab(commands: Any) -> None:
    parser = _command(
        commands,
        _lab,
        "lab",
        "Reproduce the lab report: four loss tables beside its own.",
        example="bitprop lab --out pictures",
    )
    parser.add_argument("--seed", type=_whole, default=0, help="of the single runs, data and network (0)")
    parser.add_argument(
        "--seeds", type=_whole, default=100, help="trainings per table for the quantiles (100; 0: none)"
    )
    parser.add_argument("--out", metavar="DIR", help="write pictures there (needs matplotlib: bitprop[lab])")
    _add_backend(parser)
    _add_progress(parser)


def _lab(options: argparse.Namespace) -> int:
    if options.out is not None:
        plots.require()
        os.makedirs(options.out, exist_ok=True)
        _check_writable(os.path.join(options.out, "picture.png"))
    ready = None if options.json else _print_table
    found = lab.run(options.seed, options.seeds, options.backend, options.progress, ready)
    if options.json:
        _print_json(found.to_json())
    elif found.left_out:
        print(found.left_out)
    if options.out is not None:
        for path in plots.save_lab(found.tables, found.seed, options.out, options.progress):
            print(f"wrote {path}", file=sys.stderr)
    return 0


def _print_table(table: lab.Table) -> None:
    print(table, end="\n\n", flush=True)


# --- train ---


def _add_train(commands: Any) -> None:
    parser = _command(
        commands,
        _train,
        "train",
        "Train a network and print its losses.",
        example="bitprop train linear:100 --epochs 20000 --no-bias --save net.json",
    )
    parser.add_argument("data", metavar="DATA", help=DATA_HELP)
    parser.add_argument("--learning-rate", type=_real, default=1.0, help="(1.0)")
    _add_steps(parser)
    parser.add_argument("--log-every", type=_whole, help="epochs from one logged epoch to the next (default: 20 lines)")
    parser.add_argument("--load", metavar="MODEL", help="go on with this model file, instead of a new network")
    parser.add_argument("--save", metavar="MODEL", help="write the trained network to this model file")
    parser.add_argument("--history", metavar="CSV", help="write the logged losses to this CSV file")
    parser.add_argument("--plot", metavar="PNG", help="draw the logged losses (needs matplotlib: bitprop[lab])")
    _add_network(parser)
    _add_data_seed(parser)
    _add_backend(parser)
    _add_progress(parser)


def _train(options: argparse.Namespace) -> int:
    _check_outputs(options.plot, options.save, options.history)
    net, x, y = _network_and_data(options, options.load)
    try:
        history = net.fit(
            x,
            y,
            epochs=options.epochs,
            learning_rate=options.learning_rate,
            batch_size=options.batch_size,
            shuffle_seed=options.shuffle_seed,
            loss=options.loss,
            log_every=max(1, options.epochs // 20) if options.log_every is None else options.log_every,
            progress=options.progress,
        )
    except KeyboardInterrupt:
        if net.history is not None and len(net.history) > 0:
            print(f"\nlast logged: {net.history.table(1).splitlines()[-1]}", file=sys.stderr)
        if options.save and net.history is not None:
            net.save(options.save)
            print(f"wrote {options.save}: the network after its last whole epoch", file=sys.stderr)
        if options.history and net.history is not None:
            net.history.to_csv(options.history)
            print(f"wrote {options.history}", file=sys.stderr)
        raise
    if options.save:
        net.save(options.save)
        print(f"wrote {options.save}", file=sys.stderr)
    if options.history:
        history.to_csv(options.history)
        print(f"wrote {options.history}", file=sys.stderr)
    if options.plot:
        history.plot(options.plot)
        print(f"wrote {options.plot}", file=sys.stderr)
    mse = net.loss(x, y)
    if options.json:
        _print_json(
            {
                "sizes": net.sizes,
                "backend": net.backend,
                "epochs": history.epochs,
                "mse": history.mse,
                "final_mse": mse,
                "stopped": history.stopped,
                "fingerprint": net.fingerprint(),
            }
        )
    else:
        print("\n".join(filter(None, [repr(net), str(history) if options.log_every is None else history.table(1)])))
        print(f"after {options.epochs} epochs: mse {mse!r}\nfingerprint {net.fingerprint()}")
    if options.epochs >= 100 and mse > 0.95 * history.mse[0]:
        print("the loss has hardly fallen: try another --learning-rate, such as 0.01, or --seed", file=sys.stderr)
    return 0


def _check_outputs(plot: str | None, *paths: str | None) -> None:
    """Refuses a picture that cannot be drawn, and files that cannot be written."""
    if plot is not None:
        plots.require(plot)
    for path in (*paths, plot):
        if path is not None:
            _check_writable(path)


def _check_writable(path: str) -> None:
    """Refuses before the work what could not be written after it."""
    folder = os.path.dirname(path) or "."
    if not path or os.path.isdir(path):
        raise OptionError(f"cannot write {path!r}: expected the name of a file")
    if not os.path.isdir(folder):
        raise OptionError(f"cannot write {path}: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise OptionError(f"cannot write {path}: the folder {folder} does not allow it")


# --- sweep ---


def _rates(text: str) -> list[float]:
    rates = text.split(",")
    if "" in rates:
        raise argparse.ArgumentTypeError(f"{text!r} has an empty entry, expected numbers with commas: 1,0.1")
    return [_real(rate) for rate in rates]


def _add_sweep(commands: Any) -> None:
    parser = _command(
        commands,
        _sweep,
        "sweep",
        "Train a network for each of many seeds and learning rates, on all cores. Exit status 1 where all failed.",
        example="bitprop sweep xor --seeds 100 --learning-rates 1,0.1 --epochs 5000 --threshold 0.01",
    )
    parser.add_argument("data", metavar="DATA", help=DATA_HELP)
    parser.add_argument("--seeds", type=_whole, default=100, help="how many, from --seed on (100)")
    parser.add_argument("--learning-rates", type=_rates, default=[1.0], metavar="1,0.1", help="one or more (1.0)")
    _add_steps(parser)
    parser.add_argument("--threshold", type=_real, default=0.01, help="final mse below which one is solved (0.01)")
    parser.add_argument("--csv", metavar="CSV", help="write every training's final mse to this CSV file")
    parser.add_argument("--plot", metavar="PNG", help="draw how the final losses lie (needs matplotlib: bitprop[lab])")
    _add_network(parser)
    _add_data_seed(parser)
    _add_backend(parser)
    _add_progress(parser)


def _summary(found: SweepResult, rate: float, threshold: float) -> dict[str, Any]:
    """What came of one learning rate."""
    errors = [run.error for run in found if run.learning_rate == rate]
    return {
        "learning_rate": rate,
        "trainings": len(errors),
        "solved": found.solved(threshold, rate),
        "failed": len(errors) - errors.count(None),
        "quantiles": {str(q): value for q, value in found.quantiles(learning_rate=rate).items()},
    }


def _sweep(options: argparse.Namespace) -> int:
    _check_outputs(options.plot, options.csv)
    _check.integer("--seeds", options.seeds, 1, 2**32)
    if not options.threshold >= 0.0:
        raise OptionError(f"--threshold is {options.threshold}, expected a number of at least 0")
    net, x, y = _network_and_data(options, None)
    first = options.seed or 0
    init = options.init or "normal"
    ended: list[Run] = []
    try:
        found = sweep(
            net.sizes,
            (x, y),
            seeds=range(first, first + options.seeds),
            learning_rates=options.learning_rates,
            epochs=options.epochs,
            batch_size=options.batch_size,
            shuffle_seed=options.shuffle_seed,
            loss=options.loss,
            activation=net.activations,
            bias=net.bias,
            init=init,
            backend=options.backend,
            progress=options.progress,
            on_result=ended.append,
        )
    except KeyboardInterrupt:
        if options.csv and ended:
            SweepResult(ended).to_csv(options.csv)
            print(f"\nwrote {options.csv}: the {len(ended)} trainings that had ended", file=sys.stderr)
        raise
    if options.csv is not None:
        found.to_csv(options.csv)
        print(f"wrote {options.csv}", file=sys.stderr)
    if options.plot is not None:
        found.plot(options.plot)
        print(f"wrote {options.plot}", file=sys.stderr)
    failed = [run for run in found if run.error is not None]
    rates = [_summary(found, rate, options.threshold) for rate in dict.fromkeys(found.learning_rates)]
    if options.json:
        runs = [
            {
                "seed": run.seed,
                "learning_rate": run.learning_rate,
                "final_mse": run.final_mse,
                "error": None if run.error is None else str(run.error),
            }
            for run in found
        ]
        _print_json(
            {
                "version": _version(),
                "data": options.data,
                "data_seed": options.data_seed,
                "sizes": net.sizes,
                "activations": net.activations,
                "bias": net.bias,
                "init": init,
                "epochs": options.epochs,
                "batch_size": options.batch_size,
                "shuffle_seed": options.shuffle_seed,
                "loss": options.loss,
                "threshold": options.threshold,
                "rates": rates,
                "trainings": runs,
            }
        )
    else:
        batches = "full batch" if options.batch_size is None else f"batches of {options.batch_size}"
        print(f"{net!r} on {options.data}, {options.epochs} epochs, {batches}, {options.loss}")
        print(f"seeds {first} to {first + options.seeds - 1}, quantiles of the final mse:")
        heads = "".join(f"{f'{q:.0%}':>11}" for q in found.quantiles())
        print(f"{'rate':>8} {'solved':>12} {'failed':>7}{heads}")
        for each in rates:
            solved = f"{each['solved']} of {each['trainings']}"
            figures = "".join(f"{value:>11.3e}" for value in each["quantiles"].values())
            print(f"{each['learning_rate']:>8g} {solved:>12} {each['failed']:>7}{figures}")
        print(f"solved: below {options.threshold:g}")
        if failed:
            print(f"the first that failed, seed {failed[0].seed}: {failed[0].error}", file=sys.stderr)
    return 1 if len(failed) == len(found) else 0


# --- predict ---


def _add_predict(commands: Any) -> None:
    parser = _command(
        commands,
        _predict,
        "predict",
        "Print a model's outputs, a line of comma-separated numbers for each row.",
        example="bitprop predict xor.json xor",
    )
    parser.add_argument("model", metavar="MODEL", help="a model file")
    parser.add_argument("data", metavar="DATA", help=DATA_HELP.replace("are the targets", "may be the targets"))
    _add_data_seed(parser)
    _add_backend(parser)


def _predict(options: argparse.Namespace) -> int:
    net = Network.load(options.model, backend=options.backend)
    x, y = datasets.named(options.data, options.data_seed, net.sizes[0], net.sizes[-1])
    outputs = net.predict(x)
    mse = net.loss(x, y) if y else None
    if options.json:
        _print_json({"outputs": outputs, "mse": mse})
    else:
        print("\n".join(",".join(map(repr, row)) for row in outputs))
        if mse is not None:
            print(f"mse {mse!r}", file=sys.stderr)
    return 0


# --- gradcheck ---


def _add_gradcheck(commands: Any) -> None:
    parser = _command(
        commands,
        _gradcheck,
        "gradcheck",
        "Compare back-propagation's gradient with finite differences.",
        example="bitprop gradcheck xor --sizes 2-4-4-1 --activation tanh",
    )
    parser.add_argument("data", metavar="DATA", nargs="?", default="xor", help=f"{DATA_HELP} (xor)")
    parser.add_argument("--model", metavar="MODEL", help="check this model file, instead of a new network")
    _add_network(parser)
    _add_data_seed(parser)
    _add_backend(parser)
    _add_progress(parser)


def _gradcheck(options: argparse.Namespace) -> int:
    net, x, y = _network_and_data(options, options.model)
    found = net.check_gradient(x, y, progress=options.progress)
    if options.json:
        rows = [row._asdict() for row in found]
        _print_json({"ok": found.ok, "max_error": found.max_error, "backend": net.backend, "parameters": rows})
    else:
        print(found)
    return 0 if found.ok else 1


# --- bench ---


def _add_bench(commands: Any) -> None:
    text = "Time bitprop on this machine, with every kernel, beside NumPy where it is installed."
    parser = _command(commands, bench.run, "bench", text, example="bitprop bench --quick --only full")
    bench.add_arguments(parser)
    _add_progress(parser)


# --- info ---


def _add_info(commands: Any) -> None:
    text = "Tell which backend is in use, and why no faster one is."
    _command(commands, _info, "info", text, example="bitprop info")


def _info(options: argparse.Namespace) -> int:
    found = _backend.info()
    if options.json:
        _print_json(found)
    else:
        for name, value in found.items():
            text = ", ".join(value) if isinstance(value, list) else "-" if value is None else value
            print(f"{name:<10} {text}")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    try:
        options = _parser().parse_args(arguments)
        status: int = options.run(options)
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except BrokenPipeError:  # the reader of our output has left, for example `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except DivergedError as error:
        return _fail(f"error: {error}", 1)
    except BitpropError as error:
        return _fail(f"error: {error}", 2)
    except OSError as error:
        return _fail(f"error: {f'{error.filename}: ' if error.filename else ''}{error.strerror or error}", 2)
    except MemoryError:
        return _fail("error: not enough memory for this work: a smaller network, fewer rows or fewer seeds", 2)
    return status


def _fail(message: str, status: int) -> int:
    if sys.stderr is not None:
        print("bitprop:", " ".join(message.splitlines()), file=sys.stderr)
    return status
