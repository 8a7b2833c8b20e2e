"""Configurations as pictures: the decoded plane (paper 002, Fig. 4) and generated samples beside real ones.

Numbers are grey. An angle is a hue, all the way around the circle; a vector u has the hue of its azimuth, the lightness
(1 + u_z) / 2 and the saturation |u|: a planar spin is a vector in the plane, a vanishing mean is grey.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import hsv_to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from zeeman.base.checks import check_choice
from zeeman.base.results import Analysis, Draws, Plane
from zeeman.plots.latent import axis_names
from zeeman.plots.style import GREY, MILLIMETRE, PALE, WIDTHS, JournalFigure, literal, number, panels, styled, tag

__all__ = ["VALUES", "decoded_plane", "drawable", "lattice", "samples", "vector_colours"]

VALUES = ("numbers", "angles", "vectors")

_CORNER = 8  # sites a side of the corner shown in a small tile: a whole 32 x 32 checkerboard would blur to grey


def drawable(datum_shape: tuple[int, ...], values: str = "numbers") -> bool:
    """Whether one datum is a picture: two site axes, both longer than one."""
    sites = datum_shape[:-1] if values == "vectors" else datum_shape
    return len(sites) == 2 and min(sites) > 1


@styled
def lattice(
    configuration: NDArray, ax: Axes, *, limits: tuple[float, float] = (0.0, 1.0), values: str = "numbers"
) -> None:
    """Draw one configuration as an image.

    Parameters
    ----------
    configuration : ndarray, (x, y) or (x, y, 3)
    ax : Axes
    limits : (float, float)
        Numbers that are black and white.
    values : {"numbers", "angles", "vectors"}
        What a site holds: angles are hues, vectors hues (azimuth) and lightnesses (third component).
    """
    check_choice(values, VALUES, "values")
    if not drawable(configuration.shape, values):
        raise ValueError(f"a picture of {values} needs two axes of sites, got shape {configuration.shape}")
    _show(ax, configuration, limits, values)
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, color=PALE, linewidth=0.5)


@styled
def decoded_plane(plane: Plane, ax: Axes, *, tiles: int = 11, corner: int | None = None) -> None:
    """Draw decoded means over the latent plane as a grid of at most `tiles` x `tiles` pictures.

    Black, grey and white are the least, middle and largest mean of numbers; angles and vectors have their colours.
    `corner` shows only that many sites a side of each.
    """
    rows = _even_indices(len(plane.y), tiles)
    cols = _even_indices(len(plane.x), tiles)
    means = plane.means[np.ix_(rows, cols)]
    if corner is not None:
        means = means[:, :, :corner, :corner]
    gap = max(1, means.shape[2] // 16)
    margins = ((0, 0), (0, 0), (gap, gap), (gap, gap), *[(0, 0)] * (means.ndim - 4))
    padded = np.pad(means.astype(float)[::-1], margins, constant_values=np.nan).swapaxes(1, 2)
    height, width = padded.shape[0] * padded.shape[1], padded.shape[2] * padded.shape[3]
    mosaic = padded.reshape(height, width, *means.shape[4:])  # the second latent grows upwards
    x, y = plane.x[cols], plane.y[rows]
    half = (x[1] - x[0]) / 2, (y[1] - y[0]) / 2
    extent = (x[0] - half[0], x[-1] + half[0], y[0] - half[1], y[-1] + half[1])
    limits = 0.0 if means.min() >= 0 else float(means.min()), max(1.0, float(means.max()))
    _show(ax, mosaic, limits, plane.values, extent=extent, aspect="equal")
    for axis, values in ((ax.xaxis, x), (ax.yaxis, y)):
        middle = len(values) // 2 % 2
        axis.set_ticks(values[middle::2], [number(round(float(v), 2) + 0.0, "g") for v in values[middle::2]])
        axis.set_tick_params(length=0)
    ax.set_facecolor("#dfe2e5")
    for spine in ax.spines.values():
        spine.set_visible(False)


@styled
def decoded(analysis: Analysis, *, columns: int = 2) -> Figure:
    """Draw the decoded plane of `analysis`, each axis named after the order parameter it carries."""
    assert analysis.plane is not None
    width = WIDTHS[1] if columns == 1 else 130.0
    figure = JournalFigure(figsize=(width * MILLIMETRE, width * MILLIMETRE), layout="constrained")
    ax = figure.add_subplot()
    corner = _CORNER if analysis.spins is not None and min(analysis.plane.means.shape[2:]) > _CORNER else None
    decoded_plane(analysis.plane, ax, tiles=9 if columns == 1 else 11, corner=corner)
    names = axis_names(analysis)
    ax.set(xlabel=names[0], ylabel=names[1])
    return figure


@styled
def samples(real: Mapping[str, Draws], generated: Mapping[str, Draws], *, columns: int = 2) -> Figure:
    """Draw real samples beside generated ones, a row for each phase, the energy per site under each picture."""
    phases = [phase for phase in real if phase in generated]
    each = 4 if columns == 2 else 3
    width = WIDTHS[columns]
    side = (width - 14.0) / (2 * each + 0.5)
    layout = ConstrainedLayoutEngine(w_pad=0.012, h_pad=0.02, wspace=0.0, hspace=0.02)
    figure = JournalFigure(figsize=(width * MILLIMETRE, (len(phases) * (side + 4.5) + 6.0) * MILLIMETRE), layout=layout)
    grid = figure.add_gridspec(len(phases), 2 * each + 1, width_ratios=[1] * each + [0.25] + [1] * each)
    limits = _limits([draws.configurations for draws in (*real.values(), *generated.values())])
    for row, phase in enumerate(phases):
        for half, draws in enumerate((real[phase], generated[phase])):
            for i in range(min(each, len(draws.configurations))):
                ax = figure.add_subplot(grid[row, i + half * (each + 1)])
                lattice(draws.configurations[i], ax, limits=limits)
                if draws.energies is not None:
                    ax.set_xlabel(number(draws.energies[i], "+.2f"), labelpad=1.5, fontsize=6.5)
                if i == 0 and half == 0:
                    ax.set_ylabel(literal(phase), fontsize=7.5, fontweight="bold", rotation=0, ha="right", va="center")
                if i == 0 and row == 0:
                    ax.set_title("From the data" if half == 0 else "Drawn from the model")
    return figure


@styled
def energies(real: Mapping[str, Draws], generated: Mapping[str, Draws], *, columns: int = 2) -> Figure:
    """Draw histograms of the energy per site, real against generated, a panel for each phase, on one common axis."""
    phases = [p for p in real if p in generated and real[p].energies is not None and generated[p].energies is not None]
    figure, axes = panels(
        len(phases), len(phases) if columns == 2 else 1, 50.0 if columns == 2 else 32.0, columns=columns
    )
    every = np.concatenate([side[p].energies for p in phases for side in (real, generated)])
    low, high = float(every.min()), float(every.max())
    margin = 0.03 * (high - low) or 0.1
    bins = np.linspace(low - margin, high + margin, 61)
    for letter, phase, ax in zip("abcdefghij", phases, axes, strict=False):
        _histograms(ax, real[phase].energies, generated[phase].energies, bins)
        tag(ax, letter, literal(phase))
        if columns == 2 or phase == phases[-1]:
            ax.set_xlabel("Energy per site (|J|)")
    axes[0].set_ylabel("Share of samples")
    return figure


def vector_colours(u: NDArray) -> NDArray[np.float64]:
    """Return colours (..., red green blue alpha) of vectors (..., 3) within the unit sphere; transparent for NaN."""
    x, y, z = np.moveaxis(np.asarray(u, dtype=float), -1, 0)
    missing = np.isnan(x)
    x, y, z = (np.where(missing, 0.0, part) for part in (x, y, z))
    hue = np.arctan2(y, x) / (2 * np.pi) % 1.0
    pure = hsv_to_rgb(np.stack([hue, np.ones_like(hue), np.ones_like(hue)], axis=-1))
    lightness = 0.5 * (1.0 + np.clip(z, -1.0, 1.0))
    chroma = (1.0 - np.abs(2.0 * lightness - 1.0)) * np.minimum(1.0, np.sqrt(x * x + y * y + z * z))
    colours = np.clip(lightness[..., None] + chroma[..., None] * (pure - 0.5), 0.0, 1.0)
    return np.concatenate([colours, np.where(missing, 0.0, 1.0)[..., None]], axis=-1)


def _show(ax: Axes, picture: NDArray, limits: tuple[float, float], values: str, **placed: Any) -> None:
    if values == "vectors":
        ax.imshow(vector_colours(picture), interpolation="nearest", **placed)
        return
    low, high = (0.0, 2 * np.pi) if values == "angles" else limits
    cmap = "hsv" if values == "angles" else "gray"
    ax.imshow(picture, cmap=cmap, vmin=low, vmax=high, interpolation="nearest", **placed)


def _histograms(ax: Axes, real: NDArray | None, generated: NDArray | None, bins: NDArray) -> None:
    assert real is not None
    assert generated is not None
    on_right = real.mean() + generated.mean() < bins[0] + bins[-1]  # the words stand where the bars do not
    for line, (values, colour, name) in enumerate(((real, GREY, "data"), (generated, "#D55E00", "model"))):
        heights, _ = np.histogram(values, bins, weights=np.full(len(values), 1 / len(values)))
        ax.stairs(heights, bins, fill=True, color=colour, alpha=0.35, lw=0)
        ax.stairs(heights, bins, color=colour, lw=0.9)
        ax.annotate(
            f"{name}, mean {number(values.mean(), '+.3f')}", (0.97 if on_right else 0.04, 0.96),
            xycoords="axes fraction", xytext=(0, -10 * line), textcoords="offset points", color=colour,
            ha="right" if on_right else "left", va="top",
        )  # fmt: skip
    ax.margins(x=0.02, y=0.06)
    ax.set_ylim(bottom=0)
    ax.locator_params(axis="x", nbins=5)
    ax.locator_params(axis="y", nbins=4)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))


def _even_indices(length: int, at_most: int) -> NDArray[np.intp]:
    """Return at most `at_most` evenly spaced indices, symmetric about the middle."""
    step = max(1, -(-length // at_most))
    start = (length - 1) % step // 2
    return np.arange(start, length, step)


def _limits(stacks: list[NDArray]) -> tuple[float, float]:
    return float(min(stack.min() for stack in stacks)), float(max(stack.max() for stack in stacks))
