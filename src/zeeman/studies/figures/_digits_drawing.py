"""The picture of paper 002, Fig. 6: codes by digit, generated digits, cosine matrix and the pairs in order."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zeeman.plots.style import GREY, PALE, PALETTE, halo, styled, tag
from zeeman.studies.figures._pictures import colour_bar, cosine_matrix, mosaic, panel, sheet
from zeeman.studies.figures.claims import Numbers

__all__ = ["draw_digits"]

_MODEL = "#D55E00"
_PAIRS = 7  # shown from either end of the order
_NAMED = ((4, 9), (0, 1))  # the pairs that the paper names


@styled
def draw_digits(numbers: Numbers) -> Figure:
    """Draw the five panels."""
    figure = sheet(130.0)
    ax = panel(figure, 12, 77, 62, 47)
    _codes(ax, numbers["codes_2"], numbers["digits_2"])
    tag(ax, "a", f"Two latents ({numbers['source']} digits)")
    for left, key, letter, title in (
        (84, "pictures_2", "b", "Generated, two latents"), (135, "pictures_16", "c", "Generated, sixteen latents"),
    ):  # fmt: skip
        ax = panel(figure, left, 77, 46, 47)
        pictures = numbers[key][:16].astype(np.float32)
        mosaic(pictures, 4, ax, gap=0.1, cmap="gray_r", vmin=0, vmax=float(np.quantile(pictures, 0.995)))
        ax.set_anchor("NW")
        tag(ax, letter, title)
    ax = panel(figure, 12, 9, 52, 52)
    image = cosine_matrix(numbers["codes_16"], numbers["labels"], range(10), ax)
    tag(ax, "d", "Sixteen latents, codes ordered by digit")
    colour_bar(image, panel(figure, 66, 9, 1.6, 52), "Cosine similarity", ticks=[-1, 0, 1])
    ax = panel(figure, 92, 9, 88, 52)
    _pairs(ax, numbers["claim_blocks"], numbers["baseline_blocks"])
    _most_confused(ax, numbers["confused_16"].sum(axis=0))
    tag(ax, "e", "Similarity of two digits, sixteen latents: the most and the least similar pairs")
    return figure


def _codes(ax: Axes, Z: NDArray, digits: NDArray) -> None:
    for digit in range(10):
        x, y = Z[digits == digit].T
        ax.scatter(x, y, s=4, color=PALETTE[digit], linewidths=0, alpha=0.6, rasterized=True)
    for digit in range(10):  # names above all points, at the middle of the denser half
        points = Z[digits == digit]
        near = np.argsort(np.linalg.norm(points - np.median(points, axis=0), axis=1))[: max(1, len(points) // 2)]
        ax.annotate(str(digit), points[near].mean(axis=0), color=PALETTE[digit], fontsize=10, fontweight="bold",
                    ha="center", va="center", path_effects=halo(2.4))  # fmt: skip
    ax.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    ax.set_adjustable("datalim")


def _most_confused(ax: Axes, confused: NDArray) -> None:
    upper = np.triu_indices(len(confused), 1)
    worst = np.argsort(-confused[upper])[:4]
    words = ", ".join(f"{upper[0][k]}–{upper[1][k]}" for k in worst)
    ax.annotate(f"most often confused\nby neighbours: {words}", (0.02, 0.05), xycoords="axes fraction", color=GREY,
                fontsize=6.5)  # fmt: skip


def _pairs(ax: Axes, of_model: NDArray, of_pca: NDArray) -> None:
    """Mean cosine of the most and the least similar pairs, every seed a dot, PCA's a square."""
    upper = np.triu_indices(of_model.shape[1], 1)
    pairs = list(zip(*(side.tolist() for side in upper), strict=True))
    order = np.argsort(-of_model.mean(axis=0)[upper])
    rank = np.argsort(order).tolist()
    chosen = {*order[:_PAIRS].tolist(), *order[-_PAIRS:].tolist(), *(pairs.index(pair) for pair in _NAMED)}
    shown = sorted(chosen, key=lambda k: rank[k])
    for column, k in enumerate(shown):
        a, b = pairs[k]
        for values, colour, marker, size in ((of_pca, GREY, "s", 2.8), (of_model, _MODEL, "o", 3.4)):
            name = ("PCA" if marker == "s" else r"$\beta$-VAE, each seed") if column == 0 else None
            ax.plot(np.full(len(values), column), values[:, a, b], marker, color=colour, ms=size, mew=0, label=name)
    ax.set_xticks(range(len(shown)), [f"{a}–{b}\n{rank[k] + 1}" for k in shown for a, b in [pairs[k]]])
    for text, k in zip(ax.get_xticklabels(), shown, strict=True):
        text.set_fontweight("bold" if pairs[k] in _NAMED else "normal")
    for gap in np.flatnonzero(np.diff([rank[k] for k in shown]) > 1):
        ax.axvline(gap + 0.5, color=PALE, lw=0.7, ls=(0, (2, 2)))
    ax.axhline(0, color=PALE, lw=0.6, zorder=0)
    ax.set(ylabel="Mean cosine", xlim=(-0.6, len(shown) - 0.4))
    ax.annotate("rank", (-0.9, -0.105), xycoords=("data", "axes fraction"), ha="right", va="center", color=GREY,
                fontsize=6.5, annotation_clip=False)  # fmt: skip
    ax.legend(loc="upper right", handletextpad=0.1)
