# SPDX-License-Identifier: MIT
"""Pictures, by matplotlib (the `lab` extra), which is imported only when one is drawn."""

from __future__ import annotations

import io
import math
import os
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .checks import options as check
from .errors import BackendError, DataError, OptionError
from .history import History
from .layers import Layer

Points = Sequence[Sequence[float]]
Labels = Sequence[Sequence[float]]
# Class 0 is red and class 1 blue, as in the report; in grey print dark circles and light triangles.
CLASSES = (("o", "#a50f15"), ("^", "#9ecae1"))
OUTPUTS = ("#f4a582", "#eef5fb")  # of an output of 0 and of 1, lighter than each class; between them grey print too
BANDS = ("0.88", "0.72")  # greys from the outermost band inwards; opaque, so that the legend has them as drawn
LINES = ("-", "--", ":", "-.")  # of curves, which grey print tells apart by them
DPI = 120
ROOM = 500  # points that have room at their full size in a picture
FEW = 50  # points of a curve below which each is marked
LETTER = 0.1  # inches that the legend of long labels gives to a letter, with what goes along
MOST_CURVES = 20  # each with another pair of colour and line
STEPS = 110  # of the grid on which a boundary is drawn, on each side
SIGNS = "RdBu"  # of weights: below 0 red, above blue; where there is room the numbers stand in them, for grey print
LEGIBLE = 12  # rows and columns up to which there is
SHARES = "Reds"  # of maps: the greater a share, the darker, in grey print too
MARK = "#08519c"  # of what a map points at
LABELS = {"mse": "mean squared error", "loss": "cross-entropy"}  # by the name that a history gives


def require(path: str = "picture.png") -> None:
    """BackendError where matplotlib is not installed, OptionError where it does not write such files."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise BackendError("pictures need matplotlib, which is not installed: pip install 'bitprop[lab]'") from None
    kinds = Figure().canvas.get_supported_filetypes()
    if os.path.splitext(path)[1][1:].lower() not in kinds:
        raise OptionError(f"cannot draw to {path!r}: expected a name that ends in one of .{', .'.join(sorted(kinds))}")


def require_legible(curves: int) -> None:
    """OptionError where one picture has no room for so many curves."""
    if curves > MOST_CURVES:
        cure = "draw some of them, such as select(rule='adam').plot(...)"
        raise OptionError(f"{curves} curves cannot be told apart in a picture, expected {MOST_CURVES} at most: {cure}")


def labels_of(each: Sequence[Mapping[str, str]]) -> list[str]:
    """A label for each curve of a sweep: those of its options that tell it from others, or else its learning rate."""
    names = list(dict.fromkeys(name for options in each for name in options))
    telling = [name for name in names if len({options.get(name) for options in each}) > 1]
    others = [name for name in telling if name != "learning_rate"]
    if len({tuple(options.get(name) for name in others) for options in each}) == len(each):
        telling = others  # each has one learning rate, such as that of its rule
    shown = telling or names[:1]
    return [
        ", ".join(f"{name.replace('_', ' ')} {options[name]}" for name in shown if name in options) for options in each
    ]


def _figure(panels: int = 1, width: float = 6.0) -> tuple[Any, Any]:
    require()
    from matplotlib.figure import Figure  # without pyplot, so that no window and no global state appears

    figure = Figure(figsize=(width * panels, 4.8), layout="constrained")
    return figure, figure.subplots(1, panels)


def save(figure: Any, path: str | os.PathLike[str] | None) -> Any:
    """Saves the figure where a path is given; returns it. OptionError: matplotlib does not write such files."""
    if path is not None:
        name = check.path(path)
        require(name)
        figure.savefig(name, dpi=DPI)
    return figure


def png(figure: Any) -> bytes:
    """The figure as a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI)
    return file.getvalue()


def _plain(text: str) -> str:
    """The text as matplotlib draws it letter by letter: no formula, and no half characters of file names."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("$", r"\$")


def losses(
    curves: Mapping[str, tuple[Sequence[int], Sequence[float]]],
    title: str = "",
    points: tuple[str, Sequence[int], Sequence[float]] | None = None,
    bands: Sequence[tuple[str, Sequence[int], Sequence[float], Sequence[float]]] = (),
    label: str = LABELS["mse"],
) -> Any:
    """The figure of losses by epoch, on a logarithmic scale: bands (label, epochs, low, high), curves, points on top.

    Where a curve falls early, the scale of the epochs is logarithmic too, from the first logged epoch after 0 on.
    """
    figure, axes = _figure(width=9.5)
    for grey, (band, epochs, low, high) in zip(BANDS, bands):
        axes.fill_between(epochs, low, high, color=grey, lw=0, label=band)
    for number, (curve, (epochs, values)) in enumerate(curves.items()):
        line = LINES[number % len(LINES)]
        axes.plot(epochs, values, lw=1.4, ls=line, marker="o" if len(epochs) < FEW else "", ms=3, label=_plain(curve))
    if points is not None:
        axes.plot(points[1], points[2], "o", ms=5, color="black", label=points[0])
    if any(value > 0.0 for _, values in curves.values() for value in values):
        axes.set_yscale("log")
    if any(_falls_early(*curve) for curve in curves.values()):
        first = min(epoch for epochs, _ in curves.values() for epoch in epochs if epoch > 0)
        last = max(epochs[-1] for epochs, _ in curves.values() if epochs)
        axes.set_xscale("symlog", linthresh=first, linscale=0.3)  # which has a place for epoch 0
        axes.set_xticks([0, *(10**power for power in range(len(str(last)) + 1) if 10**power > first)])
        axes.set_xlim(0, last * 1.1)
    axes.set(xlabel="epoch", ylabel=label, title=_plain(title))
    axes.grid(alpha=0.3)
    if len(axes.get_legend_handles_labels()[1]) > 1:
        figure.legend(loc="outside right upper")  # beside the curves: nothing of them is covered
    return figure


def training(history: History, title: str = "", last: tuple[int, float] | None = None) -> Any:
    """The figure of a training's losses, and of its validation with the best check.

    `last`: the number of epochs, and the loss after the last of them, which a history lacks.
    """
    epochs, values = ([last[0]], [last[1]]) if last is not None else ([], [])
    curves = {history.name: ([*history.epochs, *epochs], [*history.loss, *values])}
    checks, measured = history.validation_epochs, history.validation
    label = LABELS[history.name]
    if not checks:
        return losses(curves, title, label=label)
    curves[f"validation, {history.measure}"] = checks, measured
    best = history.best_epoch
    points = None if best is None else ("best validation", [best], [measured[checks.index(best)]])
    if history.name == "mse" and history.measure != "mse":
        label = "loss"  # of two kinds
    return losses(curves, title, points, label=label)


def _falls_early(epochs: Sequence[int], values: Sequence[float]) -> bool:
    """Whether half of the fall, in powers of ten, is done within a tenth of the epochs."""
    if not values or epochs[-1] <= 0 or not 0.0 < values[-1] < values[0]:
        return False
    middle = values[0] ** 0.5 * values[-1] ** 0.5
    return next((epoch for epoch, value in zip(epochs, values) if value <= middle), epochs[-1]) <= epochs[-1] / 10


def distributions(losses: Mapping[str, Sequence[float]], label: str = LABELS["mse"]) -> Any:
    """The figure of how many trainings end below each loss, a curve for each label, whose losses come in order."""
    figure, axes = _figure(width=max(8.5, 6.0 + LETTER * max(map(len, losses), default=0)))
    shown: list[float] = []
    for number, (curve, values) in enumerate(losses.items()):
        finite = [value for value in values if value < float("inf")]
        failed = len(values) - len(finite)
        axes.step(
            finite,
            [100.0 * (place + 1) / len(values) for place in range(len(finite))],
            where="post",
            lw=1.4,
            ls=LINES[number % len(LINES)],
            marker="o" if len(finite) < FEW else "",
            ms=3,
            label=f"{_plain(curve)}: {len(values)} trainings" + (f", {failed} failed" if failed else ""),
        )
        shown += [value for value in finite if value > 0.0]
    axes.set_xscale("log")
    axes.set(xlabel=f"final {label}", ylabel="trainings at or below it, %", ylim=(0, 102))
    if not shown:
        axes.text(0.5, 0.5, "no training ended with a finite loss", ha="center", transform=axes.transAxes)
    elif max(shown) < 10.0 * min(shown):  # less than a decade, whose labels would lie upon each other
        middle = (max(shown) * min(shown)) ** 0.5
        axes.set_xlim(middle / 4.0, middle * 4.0)
        axes.xaxis.set_minor_formatter(lambda value, place: "")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper")
    return figure


def comparison(
    names: Sequence[str], groups: Mapping[str, Sequence[tuple[float, float]]], title: str, label: str
) -> Any:
    """The figure of means with their deviations, a place for each name, the groups side by side in it."""
    figure, axes = _figure(width=max(6.0, 3.0 + 0.4 * len(names)))
    for number, (group, figures) in enumerate(groups.items()):
        axes.errorbar(
            [place + (number - (len(groups) - 1) / 2) * 0.3 for place in range(len(names))],
            [mean for mean, _ in figures],
            [deviation for _, deviation in figures],
            fmt="os^v"[number % 4],
            ms=5,
            mfc="white" if number else None,
            capsize=3,
            lw=1.2,
            label=_plain(group),
        )
    axes.set_xticks(range(len(names)), [_plain(name) for name in names], rotation=90)
    axes.set_ylim(bottom=0.0)
    axes.set(ylabel=label)
    axes.grid(alpha=0.3)
    figure.suptitle(_plain(title), fontsize="medium")
    axes.legend()
    return figure


class Map(NamedTuple):
    """Shares over two scales, to be drawn by `maps`."""

    title: str
    rows: Sequence[str]  # from below
    columns: Sequence[str]
    shares: Sequence[Sequence[float]]  # by row and column, from 0 to 1
    hatched: Sequence[Sequence[bool]]
    marks: Sequence[tuple[int, int]]  # row and column


def maps(each: Sequence[Map], across: int, title: str, labels: tuple[str, str], mark: str, hatch: str) -> Any:
    """The figure of maps, `across` of them side by side, with each share in per cent.

    `labels`: of the rows and of the columns; `mark`, `hatch`: what these mean, in the legend.
    """
    require()
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch, Rectangle

    down = -(-len(each) // across)
    columns, rows = len(each[0].columns), max(len(one.rows) for one in each)
    size = (max(7.0, 1.2 + across * (0.7 + 0.4 * columns)), 1.5 + down * (0.8 + 0.32 * rows))
    figure = Figure(figsize=size, layout="constrained")
    for number, (axes, one) in enumerate(zip(figure.subplots(down, across, squeeze=False).flat, each)):
        axes.imshow(one.shares, cmap=SHARES, vmin=0.0, vmax=1.0, origin="lower", aspect=0.8)
        for row, (shares, hatched) in enumerate(zip(one.shares, one.hatched)):
            for column, (share, is_hatched) in enumerate(zip(shares, hatched)):
                colour = "white" if share > 0.5 else "black"
                axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", size=7, color=colour)
                if is_hatched:
                    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, hatch="///", fill=False, ec="0.6", lw=0))
        for row, column in one.marks:
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, ec=MARK, lw=2.5))
        axes.set_xticks(range(len(one.columns)), one.columns, size=7, rotation=90)
        axes.set_yticks(range(len(one.rows)), one.rows, size=7)
        axes.set_title(_plain(one.title), fontsize="medium")
        axes.set_xlabel(labels[1])
        if number % across == 0:
            axes.set_ylabel(labels[0])
    figure.suptitle(_plain(title))
    handles = []
    if any(one.marks for one in each):
        handles.append(Patch(fill=False, ec=MARK, lw=2.5, label=mark))
    if any(any(row) for one in each for row in one.hatched):
        handles.append(Patch(fill=False, ec="0.6", hatch="///", lw=0, label=hatch))
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def predictions(x: Points, truth: Labels, outputs: Labels, title: str = "") -> Any:
    """The figure of the points by class, ground truth beside prediction, as the report shows them."""
    figure, (left, right) = _figure(2, width=4.8)
    _scatter(left, x, truth)
    left.set_title("Ground truth")
    _scatter(right, x, outputs)
    _mark_wrong(right, x, truth, outputs)
    right.set_title("Prediction")
    figure.suptitle(_heading(title, truth, outputs, 110), fontsize="medium")
    _legend(figure, right, len(x))
    return figure


def boundary(predict: Callable[[Points], Labels], x: Points, truth: Labels, title: str = "") -> Any:
    """The figure of a network's output over the plane, its 0.5 line, and the points with their true classes.

    Without `truth` no point is drawn, and `x` tells what part of the plane is.
    """
    figure, axes = _figure(width=5.5)
    shades = draw_boundary(axes, predict, x, truth)
    figure.colorbar(shades, ax=axes, label="output", ticks=[0, 0.25, 0.5, 0.75, 1])
    axes.set_title(_heading(title, truth, predict(x), 66) if truth else _plain(title), fontsize="medium")
    _legend(figure, axes, len(x))
    return figure


def draw_boundary(axes: Any, predict: Callable[[Points], Labels], x: Points, truth: Labels) -> Any:
    """Draws the output, its 0.5 line and the points into the axes; returns the shades, as a colour bar takes them."""
    columns, rows = (_steps([row[place] for row in x]) for place in (0, 1))
    values = [row[0] for row in predict([[a, b] for b in rows for a in columns])]
    grid = [values[at : at + len(columns)] for at in range(0, len(values), len(columns))]
    from matplotlib.colors import LinearSegmentedColormap

    shades = axes.contourf(
        *(columns, rows, grid),
        levels=[i / 20 for i in range(21)],
        cmap=LinearSegmentedColormap.from_list("outputs", OUTPUTS),
        extend="neither" if min(values) >= 0.0 and max(values) <= 1.0 else "both",
    )
    if min(values) < 0.5 < max(values):
        axes.contour(columns, rows, grid, levels=[0.5], colors="black", linewidths=1.4)
        axes.plot([], [], color="black", lw=1.4, label="output 0.5")  # a contour has no place in a legend
    if truth:
        _scatter(axes, x, truth)
        _mark_wrong(axes, x, truth, predict(x))
    axes.set(xlabel="x0", ylabel="x1", box_aspect=1)
    return shades


def weights(layers: Sequence[Layer], title: str = "") -> Any:
    """The figure of each layer's weights, and its biases below them, each layer on a scale of colours around 0."""
    grids: list[list[Any]] = [  # of numbers
        [*layer.weights.tolist(), *([layer.biases.tolist()] if layer.biases is not None else [])] for layer in layers
    ]
    if not all(math.isfinite(value) for grid in grids for row in grid for value in row):
        raise DataError("the network has a parameter that is not finite, expected numbers that can be drawn")
    require()
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    widths = [2.0 + 0.42 * min(len(grid[0]), LEGIBLE) for grid in grids]
    figure = Figure(figsize=(0.4 + sum(widths), 4.8), layout="constrained")
    panels = figure.subplots(1, len(layers), squeeze=False, width_ratios=widths)[0]
    for number, (axes, layer, grid) in enumerate(zip(panels, layers, grids), 1):
        largest = max(abs(value) for row in grid for value in row)
        norm = Normalize(-largest or -1.0, largest or 1.0)
        figure.colorbar(axes.imshow(grid, cmap=SIGNS, norm=norm, aspect="auto"), ax=axes)
        source = "input" if number == 1 else f"node of layer {number - 1}"
        inputs = len(grid) - (layer.biases is not None)
        if max(len(grid), len(grid[0])) <= LEGIBLE:
            for row, values in enumerate(grid):
                for column, value in enumerate(values):
                    colour = "white" if abs(value) > 0.7 * largest else "black"
                    text = f"{value:.2g}" if abs(value) < 100.0 else f"{value:.0f}"
                    axes.text(column, row, text, ha="center", va="center", size=7, color=colour)
            axes.set_yticks(range(len(grid)), [*map(str, range(inputs)), "bias"][: len(grid)])
            axes.set_xticks(range(len(grid[0])))
        else:
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_locator(MaxNLocator(integer=True))
            if inputs < len(grid):
                axes.axhline(inputs - 0.5, color="black", lw=0.8)
                source += ", and below the biases"
        axes.set_title(f"layer {number}, {_plain(layer.activation)}", fontsize="medium")
        axes.set(xlabel="node", ylabel=source)
    figure.suptitle(_plain(title), fontsize="medium")
    return figure


def _steps(values: Sequence[float]) -> list[float]:
    """Places at equal distances, from a little below the values to a little above. DataError: they lie too far."""
    low, high = min(values), max(values)
    margin = 0.05 * (high - low) or 0.5
    steps = [low - margin + (high - low + 2.0 * margin) * i / STEPS for i in range(STEPS + 1)]
    if not math.isfinite(sum(steps)):
        raise DataError(f"x has numbers from {low!r} to {high!r}, expected a range that can be drawn")
    return steps


def _is_one(label: Sequence[float]) -> bool:
    """Whether an output, or a target, counts as class 1."""
    return label[0] >= 0.5


def _heading(title: str, truth: Labels, outputs: Labels, width: int) -> str:
    """The title, how many points are right, and why not more where the outputs part the classes elsewhere than at 0.5.

    The lines have at most `width` characters.
    """
    right = sum(_is_one(label) == _is_one(output) for label, output in zip(truth, outputs))
    lines = [_plain(title), f"{right} of {len(truth)} right; an output of 0.5 or more counts as class 1"]
    zeros = [output[0] for label, output in zip(truth, outputs) if not _is_one(label)]
    ones = [output[0] for label, output in zip(truth, outputs) if _is_one(label)]
    if right < len(truth) and zeros and ones and max(zeros) < min(ones):
        gap = f"between {max(zeros):.3g} and {min(ones):.3g}"
        lines.append(f"With a threshold {gap} instead of 0.5, all points would be right.")
    return "\n".join(textwrap.fill(line, width) for line in lines if line)


def _size(points: int) -> float:
    """What the markers of so many points are to be multiplied by: smaller, the more there are."""
    return max(0.2, math.pow(ROOM / max(ROOM, points), 0.4))


def _scatter(axes: Any, x: Points, labels: Labels) -> None:
    """Draws the points, each with the marker and the colour of its class; very many small, and without black edges."""
    size = _size(len(x))
    for kind, (marker, colour) in enumerate(CLASSES):
        rows = [row for row, label in zip(x, labels) if _is_one(label) == bool(kind)]
        axes.plot(
            [row[0] for row in rows],
            [row[1] for row in rows],
            marker,
            ms=5 * size,
            mec="black" if size > 0.5 else "none",
            mew=0.5 * size,
            color=colour,
            label=f"class {kind}",
        )
    axes.set(xlabel="x0", ylabel="x1", box_aspect=1)


def _mark_wrong(axes: Any, x: Points, truth: Labels, outputs: Labels) -> None:
    """Draws rings around the points that the outputs put into the other class, where there are any."""
    wrong = [row for row, label, output in zip(x, truth, outputs) if _is_one(label) != _is_one(output)]
    if wrong:
        size = _size(len(x))
        axes.plot(*zip(*wrong), "o", ms=8 * size, mfc="none", mec="black", mew=0.7 * max(0.3, size), label="wrong")


def _legend(figure: Any, axes: Any, points: int) -> None:
    """Draws the legend below the picture, where it covers no point, with markers of their full size."""
    scale = 1.0 / _size(points)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, markerscale=scale)
