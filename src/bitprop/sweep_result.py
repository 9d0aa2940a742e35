# SPDX-License-Identifier: MIT
"""What came of a sweep: each training, and what they are together."""

from __future__ import annotations

import csv
import io
import math
import os
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

from . import _files, html_parts
from .checks import options as check
from .core import mode
from .errors import OptionError, quoted, shortened
from .fit_options import Rate
from .history import History
from .network import Network
from .sweep_configurations import LEARNING_RATE, Configuration, entry, expect_comparable, text_of

QUANTILES = (0.01, 0.1, 0.5, 0.9, 0.99)
SOLVED = 0.01  # the final loss below which a table counts a training as solved


class Run:
    """One training of a sweep.

    It has `.seed`, `.learning_rate` (of a schedule, that of its first epoch), `.options`, the entries of the grid that
    it was trained with, `.history`, and `.final_loss`, that of the final parameters over the rows that it trained on:
    the mean squared error, which is also `.final_mse`; or, with a cross-entropy, that loss.
    `.error` is None after a complete training. After divergence it is a DivergedError, and the parameters are those of
    the last good epoch. After any other failure it is that exception, `.final_loss` is infinite and `.network` is None.
    """

    history: History

    def __init__(self, seed: int, rate: Rate, configuration: Configuration):
        self.seed = seed
        self.learning_rate = rate if isinstance(rate, float) else next(iter(rate), 0.0)
        self.final_loss = math.inf
        self.error: Exception | None = None
        self._configuration = configuration
        self._parameters: array[float] | None = None

    def fail(self, error: Exception, rows: int) -> None:
        """Takes the error of a training, on so many rows, that came to no end; called by `sweep`."""
        self.error = error
        self.history = self._configuration.options.history(rows, self._configuration.template.sizes[-1])

    def end(self, parameters: array[float], history: History, final_loss: float, error: Exception | None) -> None:
        """Takes what the training left; called by `sweep`."""
        self.history = history
        self.final_loss = final_loss
        self.error = error
        self._parameters = parameters

    @property
    def options(self) -> dict[str, Any]:
        """The entries of the grid that it was trained with; without a grid there are none."""
        return dict(self._configuration.entries)

    @property
    def final_mse(self) -> float:
        """The mean squared error of the final parameters. AttributeError: the loss is a cross-entropy."""
        self.history.require_squared("final_mse")
        return self.final_loss

    @property
    def best_validation(self) -> float | None:
        """The validation loss of the best check; None where there is none."""
        best = self.history.best_epoch
        return None if best is None else self.history.validation[self.history.validation_epochs.index(best)]

    @property
    def configuration(self) -> Configuration:
        """All that it was trained with but its seed and its rate; used by the rest of the package."""
        return self._configuration

    @property
    def network(self) -> Network | None:
        """A new copy of the trained network, with its history; None where it was not trained."""
        if self._parameters is None:
            return None
        network = self._configuration.template.copy()
        network.parameters[:] = memoryview(self._parameters)
        network.history = self.history
        return network

    def __repr__(self) -> str:
        end = (
            f"final {self.history.name} {self.final_loss!r}"
            if self.error is None
            else f"{type(self.error).__name__}: {self.error}"
        )
        entries = "".join(f", {name} {text_of(value)}" for name, value in self.options.items() if name != LEARNING_RATE)
        return f"<Run of seed {self.seed}, learning rate {self.learning_rate}{entries}: {end}>"


class SweepResult(Sequence[Run]):
    """The trainings of a sweep, in the order of `itertools.product(seeds, learning_rates)`, as a sequence of `Run`.

    With a grid, all trainings of a configuration come before those of the next. The lists `.seeds`, `.learning_rates`,
    `.final_loss`, `.final_mse`, `.histories` and `.errors` have an item for each training.
    """

    def __init__(self, runs: Sequence[Run]):
        self._runs = list(runs)

    def __len__(self) -> int:
        return len(self._runs)

    def __getitem__(self, index: Any) -> Any:
        return self._runs[index]

    def __repr__(self) -> str:
        failed = sum(run.error is not None for run in self)
        return f"<SweepResult of {len(self)} trainings, {failed} of them failed>"

    @property
    def seeds(self) -> list[int]:
        """Each training's seed."""
        return [run.seed for run in self]

    @property
    def learning_rates(self) -> list[float]:
        """Each training's learning rate."""
        return [run.learning_rate for run in self]

    @property
    def final_mse(self) -> list[float]:
        """Each training's mean squared error at its final parameters. AttributeError: the loss is a cross-entropy."""
        return [run.final_mse for run in self]

    @property
    def name(self) -> str:
        """What the final losses are, as `History.name` has it: "mse", or "loss", also for those of several kinds."""
        return "mse" if all(run.history.name == "mse" for run in self) else "loss"

    @property
    def final_loss(self) -> list[float]:
        """Each training's loss at its final parameters, as `Run` has it; infinite where it was not trained."""
        return [run.final_loss for run in self]

    @property
    def histories(self) -> list[History]:
        """Each training's history."""
        return [run.history for run in self]

    @property
    def errors(self) -> list[Exception | None]:
        """Each training's error; None where it is complete."""
        return [run.error for run in self]

    # --- some of them ---

    def select(self, **options: Any) -> SweepResult:
        """The trainings that have all these options, which are names of the grid, or `learning_rate`, or `seed`.

        OptionError: a name, or a value, that the sweep does not have.
        """
        runs = self._runs
        for name, value in options.items():
            wanted = entry(value)
            had = dict.fromkeys(text_of(_value(run, name)) for run in self if _has(run, name))
            if not had:
                names = dict.fromkeys(("seed", LEARNING_RATE, *(name for run in self for name in run.options)))
                raise OptionError(f"the sweep has no option {quoted(name)}: it has {', '.join(names)}")
            runs = [run for run in runs if _has(run, name) and _value(run, name) == wanted]
            if not runs:
                before = " with the other options" if len(options) > 1 else ""
                expected = f"expected one of {shortened(', '.join(had))}"
                raise OptionError(f"no training has {name} {quoted(value)}{before}, {expected}")
        return SweepResult(runs)

    @property
    def configurations(self) -> list[tuple[dict[str, Any], SweepResult]]:
        """The options of each configuration, its learning rate among them, with its trainings."""
        groups: dict[tuple[int, float], list[Run]] = {}
        for run in self:
            groups.setdefault((id(run.configuration), run.learning_rate), []).append(run)
        return [
            ({LEARNING_RATE: runs[0].learning_rate, **runs[0].options}, SweepResult(runs)) for runs in groups.values()
        ]

    @property
    def best(self) -> Run:
        """The training with the lowest `best_validation`; without a validation, with the lowest final loss.

        One that failed is never the best; of equal ones it is the first. ValueError: all failed. OptionError: their
        losses do not compare, being of several kinds or of other shares of the rows; `select` gives those of one.
        """
        mode.require_standard("ordering losses")
        self._expect_comparable(validation=any(run.configuration.validated for run in self))
        ended = [run for run in self if run.error is None]
        if not ended:
            raise ValueError("no training of the sweep succeeded, so that none is the best")
        return min(
            ended, key=lambda run: _judged(run.best_validation if run.configuration.validated else run.final_loss)
        )

    def _expect_comparable(self, validation: bool) -> None:
        each = {id(run.configuration): run.configuration for run in self}
        expect_comparable(each.values(), validation)

    # --- figures ---

    def _losses(self, learning_rate: float | None = None) -> list[float]:
        """The final losses in ascending order; a failed training, or a NaN, counts as infinite."""
        mode.require_standard("ordering losses")
        runs = [run for run in self if learning_rate is None or run.learning_rate == learning_rate]
        if not runs:
            raise OptionError(
                f"learning_rate is {quoted(learning_rate)}, expected one of {sorted(set(self.learning_rates))}"
            )
        SweepResult(runs)._expect_comparable(validation=False)
        return sorted(_judged(run.final_loss if run.error is None else None) for run in runs)

    def quantiles(self, qs: Iterable[float] = QUANTILES, learning_rate: float | None = None) -> dict[float, float]:
        """The quantiles of the final losses by `q`, of all trainings or of one learning rate; a failure is infinite.

        OptionError: a `q` outside 0 to 1, or a learning rate that the sweep does not have; losses of several kinds.
        FloatingPointModeError.
        """
        losses = self._losses(learning_rate)
        return {q: quantile(losses, check.fraction("q", q)) for q in qs}

    def solved(self, threshold: float, learning_rate: float | None = None) -> int:
        """How many trainings, of all or of one learning rate, succeeded and have a final loss below `threshold`."""
        return sum(loss < threshold for loss in self._losses(learning_rate))

    def table(self, threshold: float = SOLVED, qs: Iterable[float] = QUANTILES) -> list[dict[str, Any]]:
        """A line for each configuration: its options, its learning rate among them, and what came of it.

        Each has the numbers of `trainings`, of those `solved`, with a final loss below `threshold`, and `failed`; the
        `quantiles` of the final losses by `q`; and with a validation those of `best_validation`. OptionError.
        """
        each = list(qs)
        lines = []
        for options, runs in self.configurations:
            line = {
                **options,
                "trainings": len(runs),
                "solved": runs.solved(threshold),
                "failed": sum(run.error is not None for run in runs),
                "quantiles": runs.quantiles(each),
            }
            if runs[0].configuration.validated:
                losses = sorted(_judged(run.best_validation if run.error is None else None) for run in runs)
                line["best_validation"] = {q: quantile(losses, q) for q in each}
            lines.append(line)
        return lines

    def _repr_html_(self) -> str:
        """What notebooks show: `table()`, of at most 20 configurations."""
        lines = self.table()
        names = list(dict.fromkeys(name for run in self for name in (LEARNING_RATE, *run.options)))
        head = [*names, "trainings", f"below {SOLVED:g}", "failed", *(f"{q:.0%}" for q in QUANTILES)]
        rows = [
            [
                *(text_of(line[name]) if name in line else None for name in names),
                *(line[name] for name in ("trainings", "solved", "failed")),
                *line["quantiles"].values(),
            ]
            for line in lines[: html_parts.MOST_ROWS]
        ]
        text = f"{len(self)} trainings, quantiles of the final {self.name}"
        if len(lines) > len(rows):
            text += f"; {len(rows)} of {len(lines)} configurations"
        return html_parts.table(head, rows, text)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Writes a CSV file of the trainings, whole or not at all.

        Its columns are seed, learning_rate, final_mse or final_loss, error, and the history's stopped and best_epoch,
        which are empty where they are None. With a grid, best_validation follows where there is one, and each option of
        the grid. Numbers read back to the same bits. OSError, FloatingPointModeError.
        """
        mode.require_standard("writing decimal digits")
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        names = dict.fromkeys(name for run in self for name in run.options if name != LEARNING_RATE)
        validated = bool(names) and any(run.configuration.validated for run in self)
        columns = ["best_validation"] * validated
        writer.writerow(
            ["seed", LEARNING_RATE, f"final_{self.name}", "error", "stopped", "best_epoch", *columns, *names]
        )
        for run in self:
            error = "" if run.error is None else f"{type(run.error).__name__}: {run.error}"
            end = run.history.stopped, run.history.best_epoch
            best = "" if run.best_validation is None else repr(run.best_validation)
            options = run.options
            entries = [text_of(options[name]) if name in options else "" for name in names]
            rate = text_of(options.get(LEARNING_RATE) or run.learning_rate)
            writer.writerow([run.seed, rate, repr(run.final_loss), error, *end, *[best] * validated, *entries])
        _files.write(path, text.getvalue())

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """A matplotlib figure of the share of trainings that end below each loss, a curve for each configuration.

        It is saved where a path is given. It needs the `lab` extra. OptionError: there are too many to tell apart, or
        their losses are of several kinds.
        """
        from . import plots

        self._expect_comparable(validation=False)
        each = self.configurations
        plots.require_legible(len(each))
        labels = plots.labels_of([{name: text_of(value) for name, value in options.items()} for options, _ in each])
        losses = {label: runs._losses() for label, (_, runs) in zip(labels, each)}
        return plots.save(plots.distributions(losses, plots.LABELS[self.name]), path)


def _has(run: Run, name: str) -> bool:
    return name in ("seed", LEARNING_RATE) or name in run.options


def _value(run: Run, name: str) -> Any:
    """A training's option, its learning rate or its seed."""
    own = {"seed": run.seed, LEARNING_RATE: run.learning_rate}
    return {**own, **run.options}[name]


def _judged(loss: float | None) -> float:
    """A loss as it is ordered: none, or NaN, is the worst."""
    return math.inf if loss is None or math.isnan(loss) else loss


def quantile(ordered: Sequence[float], q: float) -> float:
    """The quantile of ordered values, interpolated between neighbours (Hyndman and Fan 1996, definition 7)."""
    mode.require_standard("a quantile")
    place = q * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    if place == below or ordered[above] == ordered[below]:  # also where both are infinite
        return ordered[below]
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
