# SPDX-License-Identifier: MIT
"""A training as a film: the boundary and the losses, epoch by epoch, as a GIF (extra: `lab`)."""

from __future__ import annotations

import os
import tempfile
from typing import Any, NamedTuple

from . import _files, plots
from .checks import options as check
from .errors import OptionError, ShapeError, quoted
from .network import Network

SECOND_FRAMES = 8  # frames in a second
LAST_SECONDS = 2  # for which the last one stays
DPI = 80


class Frame(NamedTuple):
    """The network as it was after so many epochs."""

    epochs: int
    parameters: bytes


class Film:
    """A callback of `fit` that keeps copies of the network, and draws them when the training is over.

    It reads the parameters and changes nothing, so the training has the same bits as without it. `epochs`: those of
    the training; `frames`: about how many are kept, at epochs that grow by a factor, since losses fall early.
    ShapeError: the network has not two inputs and one output. OptionError, TypeError.
    """

    def __init__(self, network: Network, epochs: int, frames: int = 40):
        if (network.sizes[0], network.sizes[-1]) != (2, 1):
            shape = "-".join(map(str, network.sizes))
            raise ShapeError(f"the network is {shape}, expected two inputs and one output")
        self._network = network
        last = check.integer("epochs", epochs, 1)
        count = check.integer("frames", frames, 2)
        self._wanted = sorted({round(last ** (place / (count - 1))) for place in range(count)})
        self.frames = [Frame(0, network.parameters.tobytes())]
        self.epochs: list[int] = []
        self.losses: list[float] = []

    def __call__(self, epoch: int, loss: float) -> None:
        """Keeps the loss, and the network where its turn has come."""
        self.epochs.append(epoch)
        self.losses.append(loss)
        done = epoch + 1  # a callback comes after the epoch's step
        if self._wanted and done >= self._wanted[0]:
            self._wanted = [epochs for epochs in self._wanted if epochs > done]
            self.frames.append(Frame(done, self._network.parameters.tobytes()))

    def save(self, path: str | os.PathLike[str], x: Any, y: Any) -> None:
        """Draws the frames with the rows x (rows, 2) and their targets y (rows, 1) to a GIF file.

        OptionError: the name does not end in .gif. DataError, ShapeError: of x and y. BackendError: matplotlib is not
        installed. OSError.
        """
        plots.require()
        name = _files.check_folder(path)
        if not name.lower().endswith(".gif"):
            raise OptionError(f"cannot write the film to {quoted(name)}: expected a name that ends in .gif")
        data = self._network.model.raw_data(x, y)
        points, truth = data.inputs.split(), data.targets.split()
        from matplotlib.animation import PillowWriter
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9.6, 4.8), layout="constrained")
        figure.suptitle(f"network {'-'.join(map(str, self._network.sizes))}")
        left, right = figure.subplots(1, 2)
        writer = PillowWriter(SECOND_FRAMES)
        network = self._network.copy()
        with tempfile.TemporaryDirectory() as folder:  # whose file takes the place of an old one in one step
            film = os.path.join(folder, "film.gif")
            with writer.saving(figure, film, DPI):
                for number, frame in enumerate(self.frames):
                    network.parameters[:] = memoryview(frame.parameters).cast("d")
                    left.clear()
                    plots.draw_boundary(left, network.predict, points, truth)
                    left.set_title(f"after {frame.epochs} epochs")
                    self._draw_losses(right, frame.epochs)
                    if number == 0:  # its places are those of all frames, so that nothing moves
                        figure.draw_without_rendering()
                        figure.set_layout_engine("none")
                    writer.grab_frame()
                for _ in range(LAST_SECONDS * SECOND_FRAMES):
                    writer.grab_frame()
            with open(film, "rb") as file:
                _files.write(name, file.read())

    def _draw_losses(self, axes: Any, epochs: int) -> None:
        """Draws all losses, and over them those up to the frame; epochs count from 1, for a logarithmic scale."""
        axes.clear()
        places = [epoch + 1 for epoch in self.epochs]
        seen = sum(place <= max(1, epochs) for place in places)
        axes.plot(places, self.losses, color=plots.BANDS[1], lw=1.4)
        axes.plot(places[:seen], self.losses[:seen], lw=1.4)
        axes.plot(places[seen - 1 : seen], self.losses[seen - 1 : seen], "o", ms=5, color="black")
        axes.set_xscale("log")
        if any(loss > 0.0 for loss in self.losses):
            axes.set_yscale("log")
        axes.set(xlabel="epoch", ylabel="loss", title="loss", box_aspect=1)
        axes.grid(alpha=0.3)
