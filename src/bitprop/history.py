# SPDX-License-Identifier: MIT
"""The losses that a training logged."""

from __future__ import annotations

import csv
import io
import os
from array import array
from collections.abc import Iterable, Mapping
from typing import Any

from . import _files, html_parts
from .checks import options as check
from .core import choose, means, mode
from .model_file import from_hex, to_hex
from .names import LOSSES, PARTNERS, Loss

# How a training ends, but for an error or Ctrl-C.
STOPS = ("epochs", "goal", "patience", "generalisation", "progress", "gradient", "mu", "callback")


class History:
    """The losses of one `fit`, each measured before its epoch's step, in the order of the epochs (contract §8).

    `.epochs`, `.loss`, `.mse` and `.sse` are lists with an item for each logged epoch. `.loss` is the mse, or with a
    cross-entropy the mean over rows; there is no mse and no sse then. `.stopped` is "epochs" after the last epoch,
    "goal", "patience", "generalisation" or "progress" where that option of `fit` stopped the training, "gradient"
    or "mu" where the rule "levenberg_marquardt" found no better parameters, "callback" where the callback did, and
    None where an error or Ctrl-C did. `.trained` is the number of whole epochs that were done.

    With a validation there are `.validation`, a list with the validation loss of each check, in the training's loss,
    whose name is `.measure`, and `.validation_epochs`, after how many epochs each was measured. Epochs count from 0, so
    the parameters after 10 epochs are those before the step of epoch 10: `.loss` of epoch 10 and the validation of 10
    are of the same network. `.best_epoch` is that of the best check, and None where there is none.
    """

    # Those of a history that was pickled before there were validations.
    trained = 0
    best_epoch: int | None = None
    measure: Loss = "half_sse"
    _check_every = 1
    _validation = array("d")

    def __init__(self, log_every: int, rows: int, outputs: int, measure: Loss, skipped: int = 0, check_every: int = 1):
        """`skipped`: logged epochs at the start to hide."""
        self._log_every = log_every
        self._skipped = skipped
        self.measure = measure
        self._terms = float(rows * outputs if self._squared else rows)
        self._logged = array("d")
        self.stopped: str | None = None
        self._check_every = check_every
        self._validation = array("d")

    def copy(self) -> History:
        """Another history with the same content, which goes on by itself."""
        return History.from_fields(self.to_fields())

    def to_fields(self) -> dict[str, Any]:
        """All of it, for a model file; called by bitprop's trainings."""
        return {
            "log_every": self._log_every,
            "skipped": self._skipped,
            "check_every": self._check_every,
            "measure": self.measure,
            "terms": int(self._terms),
            "logged": to_hex(self._logged),
            "validation": to_hex(self._validation),
            "trained": self.trained,
            "best_epoch": self.best_epoch,
            "stopped": self.stopped,
        }

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> History:
        """The history that `to_fields` wrote. KeyError, TypeError, ValueError."""
        log_every, terms, skipped, check_every, trained = (
            check.integer(name, fields[name], least)
            for name, least in (("log_every", 1), ("terms", 0), ("skipped", 0), ("check_every", 1), ("trained", 0))
        )
        measure, best, stopped = fields["measure"], fields["best_epoch"], fields["stopped"]
        check.choice("measure", measure, LOSSES)
        history = cls(log_every, terms, 1, measure, skipped, check_every)
        history._logged = from_hex(fields["logged"])
        history._validation = from_hex(fields["validation"])
        history.trained = trained
        history.best_epoch = None if best is None else check.integer("best_epoch", best, 0)
        history.stopped = None if stopped is None else STOPS[check.choice("stopped", stopped, STOPS)]
        return history

    def extend(self, errors: Iterable[float]) -> None:
        """Appends the errors of the next logged epochs; called by bitprop's trainings."""
        self._logged.extend(errors)

    def add_validation(self, loss: float) -> None:
        """Appends the validation loss of the next check; called by bitprop's trainings."""
        self._validation.append(loss)

    @property
    def check_count(self) -> int:
        """The number of checks whose validation loss was measured."""
        return len(self._validation)

    def keep_checks(self, count: int) -> None:
        """Drops what was measured after so many checks; called by bitprop's trainings."""
        del self._validation[count:]

    @property
    def validation(self) -> list[float]:
        """The validation loss of each check."""
        return self._validation.tolist()

    @property
    def validation_epochs(self) -> list[int]:
        """After how many epochs each validation loss was measured."""
        return [self._check_every * number for number in range(1, len(self._validation) + 1)]

    @property
    def log_every(self) -> int:
        """Every how many epochs the loss is logged."""
        return self._log_every

    @property
    def logged(self) -> int:
        """The number of logged epochs, including those at the start that are hidden."""
        return len(self._logged)

    @property
    def first_and_last(self) -> tuple[float, float]:
        """The losses of the first and the last logged epoch."""
        first, last = means(choose(), array("d", [self._logged[0], self._logged[-1]]), self._terms)
        return first, last

    def last_errors(self, count: int) -> array[float]:
        """The errors of the last so many logged epochs."""
        return self._logged[-count:]

    @property
    def last_loss(self) -> float:
        """The loss of the last logged epoch."""
        return means(choose(), self._logged[-1:], self._terms)[0]

    @property
    def errors(self) -> array[float]:
        """The error of each logged epoch, summed over its rows (contract §8)."""
        return self._logged[self._skipped :] if self._skipped else self._logged

    def __len__(self) -> int:
        return max(0, len(self._logged) - self._skipped)

    def __repr__(self) -> str:
        return f"<History of {len(self)} logged epochs, stopped by {self.stopped}>"

    @property
    def epochs(self) -> list[int]:
        """The numbers of the logged epochs, from 0."""
        first = self._skipped * self._log_every
        return list(range(first, first + len(self) * self._log_every, self._log_every))

    @property
    def sse(self) -> list[float]:
        """The squared error of each logged epoch, summed over rows and outputs (contract §8). AttributeError."""
        self.require_squared("sse")
        return self.errors.tolist()

    @property
    def mse(self) -> list[float]:
        """The mean squared error of each logged epoch: sse/(rows*outputs) (contract §8). AttributeError."""
        self.require_squared("mse")
        return self.loss

    @property
    def loss(self) -> list[float]:
        """The loss of each logged epoch: the mse; or, with a cross-entropy, the mean over rows (contract §8)."""
        return means(choose(), self.errors, self._terms)

    @property
    def _squared(self) -> bool:
        return self.measure not in PARTNERS

    @property
    def name(self) -> str:
        """What `.loss` is: "mse", or "loss" with a cross-entropy."""
        return "mse" if self._squared else "loss"

    def require_squared(self, name: str) -> None:
        """AttributeError with a cross-entropy, which has no attribute of that name."""
        if not self._squared:
            loss = name.replace("mse", "loss").replace("sse", "loss")
            raise AttributeError(f"a training by a cross-entropy has no {name}, but {loss}")

    def table(self, every: int) -> str:
        """Lines such as `epoch : 5000 Loss : 0.0000117492469418`, one for each logged epoch that `every` divides.

        Where there is a validation of that epoch's number, ` Validation half_sse : ` and its figure follow, with the
        training's loss in place of half_sse. OptionError: `every` is below 1. TypeError, FloatingPointModeError.
        """
        check.integer("every", every, 1)
        mode.require_standard("writing decimal digits")
        checks = dict(zip(self.validation_epochs, self.validation))
        lines = []
        for epoch, loss in zip(self.epochs, self.loss):
            if epoch % every == 0:
                check_text = f" Validation {self.measure} : {checks[epoch]:.16f}" if epoch in checks else ""
                lines.append(f"epoch : {epoch} Loss : {loss:.16f}{check_text}")
        return "\n".join(lines)

    def __str__(self) -> str:
        """At most 20 lines of `table`, evenly spaced."""
        every = self._log_every * max(1, -(-len(self) // 20))
        return self.table(every)

    def _repr_html_(self) -> str:
        """What notebooks show: the curve of the losses, and at most 20 of them."""
        mode.require_standard("writing decimal digits")
        losses, checks = self.loss, dict(zip(self.validation_epochs, self.validation))
        head = ["epoch", self.name, *([f"validation, {self.measure}"] if checks else [])]
        rows = [[epoch, loss, *([checks.get(epoch)] if checks else [])] for epoch, loss in zip(self.epochs, losses)]
        text = html_parts.paragraph(f"{self.trained} epochs, stopped by {self.stopped}")
        curve = html_parts.curve(losses, f"{self.name} by epoch, logarithmic")
        return text + curve + html_parts.table(head, rows[:: max(1, -(-len(rows) // html_parts.MOST_ROWS))])

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Writes a CSV file with the columns epoch, mse and sse, or epoch, loss and error, whole or not at all.

        With a validation there is a column validation, and a row for each epoch that was logged or checked, with empty
        fields for what was not measured. Numbers read back to the same bits. OSError, FloatingPointModeError.
        """
        mode.require_standard("writing decimal digits")
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        logged = {epoch: [repr(loss), repr(error)] for epoch, loss, error in zip(self.epochs, self.loss, self.errors)}
        checks = {epoch: [repr(loss)] for epoch, loss in zip(self.validation_epochs, self.validation)}
        columns = ["mse", "sse"] if self._squared else ["loss", "error"]
        writer.writerow(["epoch", *columns, *(["validation"] if checks else [])])
        for epoch in sorted({**logged, **checks}):
            row = [epoch, *logged.get(epoch, ["", ""])]
            writer.writerow([*row, *checks.get(epoch, [""])] if checks else row)
        _files.write(path, text.getvalue())

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """A matplotlib figure of the losses by epoch, saved where a path is given (extra: `lab`).

        They are those of `.loss` and, with a validation, its loss, with a point at the best check.
        """
        from . import plots

        return plots.save(plots.training(self), path)
