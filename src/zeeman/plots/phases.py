"""Configurations of every model as pictures, in colours that survive colour blindness: phases beside one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray

from zeeman.plots.style import CYCLIC, DIVERGING, MILLIMETRE, PALE, PALETTE, WIDTHS, JournalFigure, styled
from zeeman.spins import BlumeCapel, Clock, Heisenberg, Potts
from zeeman.spins.models import Model, VectorModel

__all__ = ["Phases", "configuration", "phases"]


@dataclass(frozen=True)
class Phases:
    """A column of pictures: one model at several temperatures.

    Attributes
    ----------
    title : str
    model : Model
    labels : sequence of str
        What to say under each picture.
    configurations : ndarray, (temperature, x, y, ...)
        Of a lattice of the plane, or layers of one in space.
    """

    title: str
    model: Model
    labels: Sequence[str]
    configurations: NDArray


@styled
def configuration(x: NDArray, model: Model, ax: Axes) -> None:
    """Draw one configuration (x, y) or (x, y, component) of `model` as an image.

    Two and three ordered values run from dark over pale to light; Potts states have colours of their own; clock states
    and angles a colour circle of lightness and blue to yellow, which red-green blindness leaves as it is; vectors are
    shown by their component along the mean.
    """
    image, colours, limits = _image(np.asarray(x), model)
    ax.imshow(image, cmap=colours, vmin=limits[0], vmax=limits[1], interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, color=PALE, linewidth=0.5)


@styled
def phases(columns: Sequence[Phases], *, width: float = WIDTHS[2]) -> Figure:
    """Draw a column of pictures for every model, one row for each of its temperatures."""
    rows = max(len(one.labels) for one in columns)
    side = width / len(columns)
    layout = ConstrainedLayoutEngine(w_pad=0.015, h_pad=0.02, wspace=0.0, hspace=0.02)
    figure = JournalFigure(figsize=(width * MILLIMETRE, (rows * (side + 3.5) + 6) * MILLIMETRE), layout=layout)
    axes = figure.subplots(rows, len(columns), squeeze=False)
    for column, one in enumerate(columns):
        for row in range(rows):
            ax = axes[row, column]
            if row >= len(one.labels):
                ax.set_axis_off()
                continue
            configuration(one.configurations[row], one.model, ax)
            ax.set_xlabel(one.labels[row], labelpad=2, fontsize=6.5)
        axes[0, column].set_title(one.title)
    return figure


def _image(x: NDArray, model: Any) -> tuple[NDArray, Colormap | str, tuple[float, float]]:
    if isinstance(model, Potts):
        chosen = ListedColormap([PALETTE[k % len(PALETTE)] for k in (0, 4, 7, 5, 2, 3, 1, 6, 8, 9)[: model.n_states]])
        return x, chosen, (-0.5, model.n_states - 0.5)
    if isinstance(model, Clock):
        return 2 * np.pi * x / model.n_states, CYCLIC, (0, 2 * np.pi)
    if isinstance(model, Heisenberg):
        mean = x.mean(axis=(0, 1))
        return x @ (mean / max(np.linalg.norm(mean), 1e-12)), DIVERGING, (-1, 1)
    if isinstance(model, VectorModel):
        return x, CYCLIC, (0, 2 * np.pi)
    if isinstance(model, BlumeCapel):
        return x, DIVERGING, (-1.2, 1.2)
    return x, "gray", (-1, 1)
