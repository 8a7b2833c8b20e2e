"""One light journal style: column widths in millimetres, colours that survive colour blindness, panels that reflow.

Every public drawing function runs inside `styled`, so no setting leaks into the caller's matplotlib.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zeeman.base.store import atomic_path

__all__ = [
    "CYCLIC",
    "DIVERGING",
    "GREY",
    "INK",
    "MILLIMETRE",
    "PALETTE",
    "WIDTHS",
    "JournalFigure",
    "colours_of",
    "halo",
    "literal",
    "number",
    "panels",
    "save",
    "styled",
    "tag",
]

MILLIMETRE = 1 / 25.4
WIDTHS = {1: 89.0, 2: 183.0}  # one and two journal columns, mm
INK, GREY, PALE = "#1d2327", "#767b80", "#d5d8db"

# Okabe and Ito's eight without yellow and black (weak on white, and taken by text), then four of Tol's muted set
PALETTE = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9",
    "#332288", "#882255", "#999933", "#44AA99",
)  # fmt: skip
# a circle around (L*, b*) = (58, 0), radii 30 and 48: what red-green blindness sees of it is a circle too
CYCLIC = LinearSegmentedColormap.from_list("zeeman_circle", [
    "#dddddd", "#e8d4b4", "#e1c085", "#cba458", "#ac8634", "#8a691f", "#6c531e", "#54452b", "#424242",
    "#3e4664", "#3d558d", "#486cb9", "#6489df", "#8aa7fa", "#b0c2ff", "#cdd5f9", "#dddddd",
])  # fmt: skip
DIVERGING = LinearSegmentedColormap.from_list("zeeman", ["#0b4a78", "#5e9fc9", "#f4f2ee", "#dd8a55", "#8f3400"])

_RC: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica Neue", "Helvetica", "Arial", "Liberation Sans", "DejaVu Sans"],
    "mathtext.fontset": "custom",
    "mathtext.rm": "sans",
    "mathtext.it": "sans:italic",
    "mathtext.bf": "sans:bold",
    "mathtext.cal": "sans",
    "font.size": 7.0,
    "axes.titlesize": 7.0,
    "axes.titlelocation": "left",
    "axes.titlepad": 5.0,
    "axes.labelsize": 7.0,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "text.color": INK,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.5,
    "legend.frameon": False,
    "legend.fontsize": 6.5,
    "legend.handlelength": 1.4,
    "legend.borderaxespad": 0.2,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
}

F = TypeVar("F", bound=Callable[..., Any])


def styled(draw: F) -> F:
    """Run `draw` with zeeman's settings, and put the caller's back afterwards."""

    @functools.wraps(draw)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with mpl.rc_context(_RC):
            return draw(*args, **kwargs)

    return wrapped  # type: ignore[return-value]


class JournalFigure(Figure):
    """A figure that is drawn and saved with zeeman's settings, wherever that happens (formulas choose fonts late)."""

    @styled
    def draw(self, renderer: Any) -> None:
        """Draw on `renderer`."""
        super().draw(renderer)

    @styled
    def savefig(self, *args: Any, **kwargs: Any) -> None:
        """Save as any figure does."""
        super().savefig(*args, **kwargs)


@styled
def panels(count: int, per_row: int, height: float, *, columns: int = 2) -> tuple[Figure, list[Axes]]:
    """Return a figure of `columns` journal columns holding `count` panels, `per_row` a row, `height` mm a row."""
    if columns not in WIDTHS:
        raise ValueError(f"columns must be 1 (89 mm) or 2 (183 mm), got {columns!r}")
    rows = -(-count // per_row)
    figure = JournalFigure(figsize=(WIDTHS[columns] * MILLIMETRE, rows * height * MILLIMETRE), layout="constrained")
    grid = figure.add_gridspec(rows, per_row)
    return figure, [figure.add_subplot(grid[i // per_row, i % per_row]) for i in range(count)]


@styled
def save(figure: Figure, path: str | os.PathLike[str], dpi: int = 200) -> None:
    """Write `figure` at `path`, whole or not at all; the suffix chooses the format (png, pdf, svg)."""
    # no date inside: the same numbers give the same file
    with atomic_path(path) as beside:
        metadata = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}}.get(beside.suffix)
        logging.getLogger("fontTools").setLevel(logging.ERROR)  # it remarks on the dates inside system fonts
        figure.savefig(beside, dpi=dpi, metadata=metadata)


def colours_of(labels: Sequence[Any] | NDArray) -> dict[Any, Any]:
    """Colour of every distinct label, in sorted order; the paramagnet, having no order, is grey."""
    names = sorted(set(np.asarray(labels).tolist()))
    ordered = [name for name in names if name != "PM"]
    colours: dict[Any, Any] = {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(ordered)}
    if len(ordered) < len(names):
        colours["PM"] = "#8a8f94"
    return colours


def halo(width: float = 1.8) -> list[patheffects.AbstractPathEffect]:
    """White outline that keeps a label readable on top of points."""
    return [patheffects.withStroke(linewidth=width, foreground="white")]


def literal(name: Any) -> str:
    """Text of the user's, in which a dollar is no mark of a formula."""
    return str(name).replace("$", r"\$")


def number(value: float, spec: str = ".2f") -> str:
    """Format `value`, with a true minus sign."""
    return format(value, spec).replace("-", "−")


def tag(ax: Axes, letter: str, title: str) -> None:
    """Title `ax` with a bold panel letter."""
    ax.set_title(rf"$\mathbf{{{letter}}}$   {title}" if letter else title)
