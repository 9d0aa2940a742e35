# SPDX-License-Identifier: MIT
"""Pictures, by matplotlib (the `lab` extra), which is imported only when one is drawn."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ._progress import Progress
from .errors import BackendError, OptionError

Points = Sequence[Sequence[float]]
Labels = Sequence[Sequence[float]]
COLOURS = ("tab:red", "tab:blue")  # of class 0 and class 1, as in the report


def require(path: str = "picture.png") -> None:
    """BackendError where matplotlib is not installed, OptionError where it does not write such files."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise BackendError("pictures need matplotlib, which is not installed: pip install matplotlib") from None
    kinds = Figure().canvas.get_supported_filetypes()
    if os.path.splitext(path)[1][1:].lower() not in kinds:
        raise OptionError(f"cannot draw to {path!r}: expected a name that ends in one of .{', .'.join(sorted(kinds))}")


def _figure(panels: int = 1, width: float = 6.0) -> tuple[Any, Any]:
    require()
    from matplotlib.figure import Figure  # without pyplot, so that no window and no global state appears

    figure = Figure(figsize=(width * panels, 4.8), layout="constrained")
    return figure, figure.subplots(1, panels)


def save(figure: Any, path: str | os.PathLike[str] | None) -> Any:
    """Saves the figure where a path is given; returns it."""
    if path is not None:
        figure.savefig(path, dpi=120)
    return figure


def losses(
    curves: Mapping[str, tuple[Sequence[int], Sequence[float]]],
    title: str = "",
    points: tuple[str, Sequence[int], Sequence[float]] | None = None,
    bands: Sequence[tuple[str, Sequence[int], Sequence[float], Sequence[float]]] = (),
) -> Any:
    """Loss by epoch on a logarithmic scale: bands (label, epochs, low, high), curves, and points on top."""
    figure, axes = _figure(width=9.5)
    for place, (label, epochs, low, high) in enumerate(bands):
        axes.fill_between(epochs, low, high, alpha=0.18 + 0.12 * place, color="tab:gray", lw=0, label=label)
    for label, (epochs, values) in curves.items():
        axes.plot(epochs, values, lw=1.4, label=label)
    if points is not None:
        axes.plot(points[1], points[2], "o", ms=5, color="black", label=points[0])
    axes.set_yscale("log")
    axes.set(xlabel="epoch", ylabel="mean squared error", title=title)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper")  # beside the curves: nothing of them is covered
    return figure


def distributions(losses: Mapping[str, Sequence[float]]) -> Any:
    """How many trainings end below each loss, a curve for each label; each takes its losses in order."""
    figure, axes = _figure(width=8.5)
    shown: list[float] = []
    for number, (label, values) in enumerate(losses.items()):
        finite = [value for value in values if value < float("inf")]
        failed = len(values) - len(finite)
        axes.step(
            finite,
            [100.0 * (place + 1) / len(values) for place in range(len(finite))],
            where="post",
            lw=1.4,
            ls=("-", "--", ":", "-.")[number // 10 % 4],  # ten colours, then again with other lines
            marker="o" if len(finite) < 50 else "",
            ms=3,
            label=f"{label}: {len(values)} trainings" + (f", {failed} failed" if failed else ""),
        )
        shown += [value for value in finite if value > 0.0]
    axes.set_xscale("log")
    axes.set(xlabel="final mean squared error", ylabel="trainings at or below it, %", ylim=(0, 102))
    if not shown:
        axes.text(0.5, 0.5, "no training ended with a finite loss", ha="center", transform=axes.transAxes)
    elif max(shown) < 10.0 * min(shown):  # less than a decade, whose labels would lie upon each other
        middle = (max(shown) * min(shown)) ** 0.5
        axes.set_xlim(middle / 4.0, middle * 4.0)
        axes.xaxis.set_minor_formatter(lambda value, place: "")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper")
    return figure


def predictions(x: Points, truth: Labels, predicted: Labels, title: str = "") -> Any:
    """The points coloured by class, ground truth beside prediction (rounded at 0.5), as the report shows them."""
    figure, (left, right) = _figure(2)
    for axes, name, labels in ((left, "Ground truth", truth), (right, "Predict result", predicted)):
        _scatter(axes, x, labels)
        axes.set_title(name)
    wrong = sum((t[0] >= 0.5) != (p[0] >= 0.5) for t, p in zip(truth, predicted))
    _legend(figure, left)
    figure.suptitle(f"{title}\n{len(x) - wrong} of {len(x)} right; an output of 0.5 or more counts as 1")
    return figure


def boundary(predict: Callable[[Points], Labels], x: Points, truth: Labels, title: str = "") -> Any:
    """The network's output over the unit square, its 0.5 line, and the points with their true classes."""
    figure, axes = _figure()
    steps = [i / 100 for i in range(-5, 106)]
    values = [row[0] for row in predict([[a, b] for b in steps for a in steps])]
    grid = [values[at : at + len(steps)] for at in range(0, len(values), len(steps))]
    shades = axes.contourf(steps, steps, grid, levels=[i / 20 for i in range(21)], cmap="RdBu", alpha=0.75)
    if min(values) < 0.5 < max(values):
        axes.contour(steps, steps, grid, levels=[0.5], colors="black", linewidths=1.2)
    figure.colorbar(shades, ax=axes, label="output", ticks=[0, 0.25, 0.5, 0.75, 1])
    _scatter(axes, x, truth)
    axes.set_title(title)
    _legend(figure, axes)
    return figure


def _legend(figure: Any, axes: Any) -> None:
    """The classes' colours, below the picture, where they cover no point."""
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)


def _scatter(axes: Any, x: Points, labels: Labels) -> None:
    for kind, colour in enumerate(COLOURS):
        own = [row for row, label in zip(x, labels) if (label[0] >= 0.5) == bool(kind)]
        axes.plot(
            [row[0] for row in own],
            [row[1] for row in own],
            "o",
            ms=4.5,
            mec="black",
            mew=0.5,
            color=colour,
            label=f"class {kind}",
        )
    axes.set(xlabel="x0", ylabel="x1", aspect="equal", xlim=(-0.05, 1.05), ylim=(-0.05, 1.05))


def save_lab(
    tables: Sequence[Any], seed: int, folder: str | os.PathLike[str], progress: bool | None = False
) -> list[str]:
    """Writes three pictures for each table of a `lab.Lab` into an existing folder; returns their paths."""
    written = []
    with Progress(3 * len(tables), "pictures", progress) as bar:
        for table in tables:
            x, y = table.experiment.data(seed)
            found = table.quantile_curves
            epochs = table.history.epochs
            bands = [
                (f"{low:.0%} to {high:.0%} of {len(table.curves)} seeds", epochs, found[str(low)], found[str(high)])
                for low, high in ((0.01, 0.99), (0.1, 0.9))
                if found
            ]
            title = table.experiment.title
            curve = {f"this run, seed {seed}": (epochs, table.history.mse)}
            pictures = {
                "loss": losses(curve, title, ("the report", table.epochs, table.report), bands),
                "prediction": predictions(x, y, table.network.predict(x), title),
                "boundary": boundary(table.network.predict, x, y, title),
            }
            for name, figure in pictures.items():
                path = os.path.join(folder, f"{table.experiment.name}-{name}.png")
                save(figure, path)
                written.append(path)
                bar.update(1)
    return written
