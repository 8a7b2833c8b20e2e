"""The picture of paper 002, Fig. 6: codes by digit, generated digits, cosine matrix and the pairs in order."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from numpy.typing import NDArray

from zeeman.plots.style import DIVERGING, GREY, INK, MILLIMETRE, PALE, PALETTE, WIDTHS, JournalFigure, halo, styled, tag
from zeeman.studies.figures.claims import Numbers
from zeeman.studies.figures.cosines import unit_vectors

__all__ = ["draw_digits"]

_HEIGHT = 128.0  # mm
_PAIRS = 8  # shown from either end of the order
_NAMED = ((4, 9), (0, 1))  # the pairs that the paper names


@styled
def draw_digits(numbers: Numbers) -> Figure:
    """Draw the five panels."""
    figure = JournalFigure(figsize=(WIDTHS[2] * MILLIMETRE, _HEIGHT * MILLIMETRE), layout="constrained")
    grid = figure.add_gridspec(2, 12, height_ratios=[1, 1.05])
    plane = figure.add_subplot(grid[0, :5])
    _codes(plane, numbers["codes_2"], numbers["digits_2"])
    tag(plane, "a", f"Two latents ({numbers['source']} digits)")
    _pictures(figure, grid[0, 5:], numbers["pictures_2"], "b", "Generated, two latents")
    ax = figure.add_subplot(grid[1, :4])
    _cosines(ax, numbers["codes_16"], numbers["labels"])
    tag(ax, "c", "Sixteen latents")
    _pictures(figure, grid[1, 4:9], numbers["pictures_16"], "d", "Generated, sixteen latents", per_row=4)
    ax = figure.add_subplot(grid[1, 9:])
    _pairs(ax, numbers["claim_blocks"], numbers["baseline_blocks"])
    tag(ax, "e", "Pairs of digits")
    return figure


def _codes(ax: Axes, Z: NDArray, digits: NDArray) -> None:
    for digit in range(10):
        points = Z[digits == digit]
        ax.scatter(*points.T, s=4, color=PALETTE[digit], linewidths=0, alpha=0.65, rasterized=True)
    for digit in range(10):  # names above all points, in the middle of the densest half
        points = Z[digits == digit]
        middle = np.median(points, axis=0)
        near = np.argsort(np.linalg.norm(points - middle, axis=1))[: max(1, len(points) // 2)]
        ax.annotate(str(digit), points[near].mean(axis=0), color=PALETTE[digit], fontsize=10, fontweight="bold",
                    ha="center", va="center", path_effects=halo(2.2))  # fmt: skip
    ax.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    ax.set_adjustable("datalim")


def _pictures(
    figure: Figure, place: SubplotSpec, pictures: NDArray, letter: str, title: str, per_row: int = 5
) -> None:  # fmt: skip
    rows = 4
    inner = place.subgridspec(rows, per_row, wspace=0.02, hspace=0.02)
    limit = float(pictures.max())
    for i, picture in enumerate(pictures[: rows * per_row]):
        ax = figure.add_subplot(inner[i // per_row, i % per_row])
        ax.imshow(picture.astype(np.float32), cmap="gray_r", vmin=0, vmax=limit, interpolation="nearest")
        ax.set(xticks=[], yticks=[])
        for spine in ax.spines.values():
            spine.set(visible=True, color=PALE, linewidth=0.4)
        if i == 0:
            tag(ax, letter, title)


def _cosines(ax: Axes, Z: NDArray, labels: NDArray) -> None:
    unit = unit_vectors(Z)
    image = ax.imshow(unit @ unit.T, cmap=DIVERGING.reversed(), vmin=-1, vmax=1, interpolation="nearest")
    counts = np.bincount(labels.astype(int), minlength=10)
    ends = counts.cumsum()
    for end in ends[:-1]:
        ax.axhline(end - 0.5, color=INK, lw=0.3)
        ax.axvline(end - 0.5, color=INK, lw=0.3)
    ax.set_xticks(ends - counts / 2, [str(digit) for digit in range(10)])
    ax.set_yticks(ends - counts / 2, [str(digit) for digit in range(10)])
    ax.tick_params(length=0)
    bar = ax.figure.colorbar(image, ax=ax, location="bottom", shrink=0.8, aspect=30, ticks=[-1, 0, 1])
    bar.set_label("Cosine similarity", labelpad=1)
    bar.outline.set_visible(False)


def _pairs(ax: Axes, of_model: NDArray, of_pca: NDArray) -> None:
    """Mean cosine of the most and the least similar pairs, every seed a dot, PCA's a square."""
    upper = np.triu_indices(of_model.shape[1], 1)
    order = np.argsort(-of_model.mean(axis=0)[upper])
    chosen = [*order[:_PAIRS], *order[-_PAIRS:]]
    named = [k for k, pair in enumerate(zip(*upper, strict=True)) if tuple(map(int, pair)) in _NAMED]
    chosen = sorted({*chosen, *named}, key=lambda k: int(np.flatnonzero(order == k)[0]))
    for row, k in enumerate(chosen):
        a, b = upper[0][k], upper[1][k]
        ax.plot(of_pca[:, a, b], np.full(len(of_pca), row), "s", color=GREY, ms=2.6, mew=0,
                label="PCA" if row == 0 else None)  # fmt: skip
        ax.plot(of_model[:, a, b], np.full(len(of_model), row), "o", color="#D55E00", ms=3.2, mew=0,
                label=r"$\beta$-VAE" if row == 0 else None)  # fmt: skip
    ax.set_yticks(range(len(chosen)), [f"{upper[0][k]}–{upper[1][k]}" for k in chosen])
    for text, k in zip(ax.get_yticklabels(), chosen, strict=True):
        text.set_fontweight("bold" if k in named else "normal")
    ranks = [int(np.flatnonzero(order == k)[0]) for k in chosen]
    for row in np.flatnonzero(np.diff(ranks) > 1):
        ax.axhline(row + 0.5, color=PALE, lw=0.6, ls=(0, (2, 2)))
    ax.axvline(0, color=PALE, lw=0.5, zorder=0)
    ax.invert_yaxis()
    ax.set_xlabel("Mean cosine")
    ax.legend(loc="lower right", handletextpad=0.2)
