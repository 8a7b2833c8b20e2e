"""What several figures draw: panels placed in millimetres, a mosaic of small pictures, a cosine matrix in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from zeeman.plots.style import DIVERGING, INK, MILLIMETRE, WIDTHS, JournalFigure, styled
from zeeman.studies.figures._cosines import unit_vectors

__all__ = ["colour_bar", "cosine_matrix", "mosaic", "panel", "sheet"]


def sheet(height: float) -> Figure:
    """An empty figure two journal columns wide and `height` mm high."""
    return JournalFigure(figsize=(WIDTHS[2] * MILLIMETRE, height * MILLIMETRE))


def panel(figure: Figure, left: float, bottom: float, width: float, height: float, **options: Any) -> Axes:
    """Axes at a place in millimetres: panels whose shape is fixed leave a layout engine nothing to choose."""
    across, up = figure.get_size_inches() / MILLIMETRE
    return figure.add_axes((left / across, bottom / up, width / across, height / up), **options)


def colour_bar(image: AxesImage, ax: Axes, label: str = "", **options: Any) -> None:
    """Draw the colour bar of `image` into `ax`, without a frame."""
    bar = ax.figure.colorbar(image, cax=ax, **options)
    bar.outline.set_visible(False)
    bar.set_label(label, labelpad=-1)


@styled
def mosaic(pictures: NDArray, per_row: int, ax: Axes, *, gap: float = 0.12, **look: Any) -> AxesImage:
    """Draw pictures (picture, x, y) or (picture, x, y, colour) in rows of `per_row`, `gap` of a side between them."""
    n, height, width = pictures.shape[:3]
    space = max(1, round(gap * width))
    rows = -(-n // per_row)
    shape = (rows * (height + space) - space, per_row * (width + space) - space, *pictures.shape[3:])
    sheet = np.full(shape, np.nan)
    for i, picture in enumerate(pictures):
        top, left = i // per_row * (height + space), i % per_row * (width + space)
        sheet[top : top + height, left : left + width] = picture
        ax.add_patch(_frame(left, top, width, height))
    image = ax.imshow(np.where(np.isnan(sheet), 1.0, sheet) if sheet.ndim == 3 else sheet,
                      **{"interpolation": "nearest", **look})  # fmt: skip
    ax.set(xlim=(-0.7, shape[1] - 0.3), ylim=(shape[0] - 0.3, -0.7))  # room for the frames
    ax.axis("off")
    return image


@styled
def cosine_matrix(Z: NDArray, labels: NDArray, names: Sequence[Any], ax: Axes) -> AxesImage:
    """Draw the cosines of codes ordered by label, with lines between the groups `names`; rows are already in order."""
    unit = unit_vectors(Z)
    image = ax.imshow(unit @ unit.T, cmap=DIVERGING.reversed(), vmin=-1, vmax=1, interpolation="nearest")
    counts = np.array([int((labels == name).sum()) for name in names])
    ends = counts.cumsum()
    for end in ends[:-1]:
        ax.axhline(end - 0.5, color=INK, lw=0.3)
        ax.axvline(end - 0.5, color=INK, lw=0.3)
    ax.set_xticks(ends - counts / 2 - 0.5, [str(name) for name in names])
    ax.set_yticks(ends - counts / 2 - 0.5, [str(name) for name in names])
    ax.tick_params(length=0)
    return image


def _frame(left: int, top: int, width: int, height: int) -> Rectangle:
    return Rectangle((left - 0.5, top - 0.5), width, height, fill=False, edgecolor="#b9bdc1", linewidth=0.4)
