"""Order parameters against the latent that carries each, and against PCA's best component beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zeeman.base.random import stream
from zeeman.base.results import Analysis
from zeeman.plots.style import colours_of, halo, literal, panels, styled, tag

__all__ = ["against", "order_parameters"]


@styled
def against(x: NDArray, y: NDArray, ax: Axes, *, labels: NDArray | None = None, pearson: float | None = None) -> None:
    """Scatter y (sample,) against x (sample,), coloured by `labels`, with |r| written in the corner."""
    order = stream(0, "drawing order").permutation(len(x))
    if labels is None:
        colour: Any = "#0072B2"
    else:
        colours = colours_of(labels)
        colour = [colours[label] for label in np.asarray(labels)[order].tolist()]
    ax.scatter(x[order], y[order], c=colour, s=2.0, alpha=0.4, linewidths=0, rasterized=True)
    if pearson is not None:
        at = 0.04 if np.mean((x - x.mean()) * (y - y.mean())) >= 0 else 0.96
        ax.text(
            at, 0.95, f"|r| = {_four(pearson)}", transform=ax.transAxes, ha="left" if at < 0.5 else "right", va="top",
            fontsize=7.5, fontweight="bold", path_effects=halo(),
        )  # fmt: skip
    ax.locator_params(nbins=5)
    ax.margins(0.05)


@styled
def order_parameters(analysis: Analysis, *, columns: int = 2) -> Figure:
    """Draw each order parameter against its best-matching latent (and PCA component)."""
    assert analysis.correlations is not None
    contenders = [(analysis.method, "z", analysis.Z, analysis.correlations)]
    if analysis.pca is not None and analysis.pca.correlations is not None:
        contenders.append(("PCA", "PC", analysis.pca.scores, analysis.pca.correlations))
    names = list(analysis.order_parameters)
    per_row = len(contenders)
    figure, axes = panels(len(names) * per_row, per_row, 62.0 if columns == 2 else 42.0, columns=columns)
    for row, name in enumerate(names):
        for column, (method, axis, scores, table) in enumerate(contenders):
            ax, best = axes[row * per_row + column], int(np.argmax(table[row]))
            against(
                scores[:, best], analysis.order_parameters[name], ax, labels=analysis.phases,
                pearson=float(table[row, best]),
            )  # fmt: skip
            ax.set_xlabel(f"$z_{best + 1}$" if axis == "z" else f"PC {best + 1}")
            ax.set_ylabel(f"{name.replace('_', ' ').capitalize()} per site" if column == 0 else "")
            tag(ax, "abcdefghij"[row * per_row + column], method)
    if analysis.phases is not None:
        _key(axes[0], analysis.phases)
    return figure


def _key(ax: Axes, labels: NDArray) -> None:
    for place, (name, colour) in enumerate(reversed(colours_of(labels).items())):
        ax.text(
            0.97, 0.04 + 0.085 * place, literal(name), transform=ax.transAxes, ha="right", va="bottom", color=colour,
            fontweight="bold", path_effects=halo(),
        )  # fmt: skip


def _four(value: float) -> str:
    """Write a correlation with four decimals, never rounding up to a perfect 1."""
    return f"{np.floor(value * 1e4) / 1e4:.4f}"
