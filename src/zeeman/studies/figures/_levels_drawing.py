"""The picture of paper 000, Fig. 2: a row a method, a pair of panels a number of classes, and the scores below."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from zeeman.base.random import stream
from zeeman.plots.style import GREY, INK, MILLIMETRE, PALETTE, WIDTHS, JournalFigure, halo, number, styled, tag
from zeeman.studies.figures.claims import Numbers

__all__ = ["draw"]

_HEIGHT = 164.0  # mm
_COLOURS = "cividis"
_ROWS = {"printed": "objective as printed", "corrected": "objective corrected", "spectrum": "Rayleigh–Ritz"}
_SCORES = {
    "printed": "energy, printed", "printed, least": "least possible", "corrected": "energy, corrected",
    "corrected, least": "least possible", "network": "energy, Rayleigh network", "spectrum": "energy, Rayleigh–Ritz",
    "psi, printed": "ψ, printed", "psi, corrected": "ψ, corrected", "sets": "states, Rayleigh–Ritz",
    "k-means": "k-means on z", "PCA": "first PC of z",
}  # fmt: skip
_OURS = ("network", "spectrum", "sets")
_MARKERS = ("o", "s", "^", "D")  # of k


@styled
def draw(numbers: Numbers) -> Figure:
    """Draw figure 2 of paper 000 from its numbers."""
    counts = [int(k) for k in numbers["n_classes"]]
    figure = JournalFigure(figsize=(WIDTHS[2] * MILLIMETRE, _HEIGHT * MILLIMETRE), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(2.7, 1.4))
    above, below = parts
    axes = above.subplots(len(_ROWS), 2 * len(counts), width_ratios=(0.85, 1.0) * len(counts))
    for row, (method, name) in enumerate(_ROWS.items()):
        for column, k in enumerate(counts):
            left, right = axes[row, 2 * column], axes[row, 2 * column + 1]
            _functions(numbers, method, k, left)
            _map(numbers, method, k, column, right)
            if row == 0:
                left.set_title(rf"$k = {k}$", fontsize=8)
            if row == len(_ROWS) - 1:
                left.set_xlabel("class")
                right.set_xlabel("t-SNE")
            if column:
                left.set_yticklabels([])
        axes[row, 0].set_ylabel(f"{name}\n" + (r"$\psi / \psi_{\max}$" if method != "spectrum" else r"$\psi_c(z)$"))
        axes[row, 0].annotate(
            "abc"[row], (0, 1), xycoords="axes fraction", xytext=(-30, 3), textcoords="offset points",
            fontweight="bold",
        )  # fmt: skip
    bar = above.colorbar(
        ScalarMappable(Normalize(0, 1), _COLOURS), ax=axes, location="bottom", aspect=50, shrink=0.3, pad=0.01
    )
    bar.outline.set_visible(False)
    bar.set_ticks([0, 0.5, 1], labels=["lowest 2 %", "energy of the sample", "highest 2 %"])
    bar.ax.tick_params(length=0)
    _scores(numbers, below, counts)
    return figure


def _functions(numbers: Numbers, method: str, k: int, ax: Axes) -> None:
    """Functions of the samples of each class, side by side."""
    psi, labels = numbers[f"drawn.{k}.{method}.psi"].astype(float), numbers[f"drawn.{k}.labels"]
    places = labels + 1 + stream(0, "jitter").uniform(-0.32, 0.32, len(labels))
    if method != "spectrum":
        values = psi[:, 0] / np.abs(psi[:, 0]).max()
        _dots(ax, places, values, [PALETTE[c] for c in labels])
        ax.set_ylim(-1.12 if values.min() < -0.05 else -0.08, 1.12)
    else:
        share = np.sqrt(np.array([np.mean(np.argmax(psi, axis=1) == c) for c in range(psi.shape[1])]))
        own = _owners(psi, labels, k)
        for c in range(psi.shape[1]):
            mine = own[labels] == c
            for chosen, colours in ((~mine, "#c3c7ca"), (mine, [PALETTE[i] for i in labels[mine]])):
                _dots(ax, places[chosen], share[c] * psi[chosen, c], colours)
        ax.set_ylim(-0.45, 1.45)
    ax.axhline(0, color="#d5d8db", lw=0.5, zorder=0)
    ax.set(xlim=(0.45, k + 0.55), xticks=range(1, k + 1))
    ax.set_yticks([-1, 0, 1] if ax.get_ylim()[0] < -1 else [0, 1])


def _owners(psi: NDArray[np.float64], labels: NDArray, k: int) -> NDArray[np.integer]:
    """Localized state of each class: the one that is largest on most of its samples."""
    largest = np.argmax(psi, axis=1)
    return np.array([np.bincount(largest[labels == c], minlength=psi.shape[1]).argmax() for c in range(k)])


def _dots(ax: Axes, x: NDArray, y: NDArray, colours: Any) -> None:
    ax.scatter(x, y, c=colours, s=1.6, alpha=0.7, linewidths=0, rasterized=True)


def _map(numbers: Numbers, method: str, k: int, column: int, ax: Axes) -> None:
    """t-SNE coloured by the energy of each sample, with what the colours tell of the classes."""
    points, labels = numbers[f"drawn.{k}.map"], numbers[f"drawn.{k}.labels"]
    energy = numbers[f"drawn.{k}.{method}.energy"]
    low, high = np.quantile(energy, [0.02, 0.98])
    ax.scatter(
        points[:, 0], points[:, 1], c=energy, s=2.2, linewidths=0, cmap=_COLOURS, vmin=low, vmax=high, rasterized=True
    )
    for c in range(k):
        at = np.median(points[labels == c], axis=0)
        ax.annotate(f"{c + 1}", at, ha="center", va="center", fontsize=7, fontweight="bold", path_effects=halo(1.5))
    i = list(numbers["groupings"]).index(method)
    ari, eta2 = (number(round(float(numbers[name][0, column, i]), 2) + 0.0) for name in ("ari", "eta2"))
    ax.set_title(rf"ARI {ari}, $\eta^2$ {eta2}", fontsize=6, loc="center", pad=2)
    centre = (points.max(axis=0) + points.min(axis=0)) / 2
    half = 0.55 * float(np.ptp(points, axis=0).max())
    ax.set(xlim=(centre[0] - half, centre[0] + half), ylim=(centre[1] - half, centre[1] + half), aspect="equal")
    ax.set(xticks=[], yticks=[])
    for side in ax.spines.values():
        side.set(visible=True, color="#d5d8db")


def _scores(numbers: Numbers, figure: Figure, counts: list[int]) -> None:
    """ARI and energy separation of every method: a mark a number of classes and seed."""
    axes = figure.subplots(1, 2, sharey=True)
    words = {"ari": "ARI with the classes", "eta2": r"Share of variance between classes, $\eta^2$"}
    for letter, (score, word), ax in zip("de", words.items(), axes, strict=True):
        for place, name in enumerate(_SCORES):
            column = list(numbers["groupings"]).index(name)
            if column >= numbers[score].shape[-1]:
                continue  # functions have no energy
            values = numbers[score][:, :, column]  # (seed, k)
            colour = PALETTE[0] if name in _OURS else INK if name in ("k-means", "PCA") else PALETTE[1]
            for j, marker in enumerate(_MARKERS[: len(counts)]):
                height = place + 0.17 * (j - (len(counts) - 1) / 2)
                ax.plot(values[:, j], np.full(len(values), height), ls="", marker=marker, ms=2.8, mfc="none", mew=0.7,
                        mec=colour, clip_on=False, zorder=3)  # fmt: skip
        for place in range(len(_SCORES) - 1):
            ax.axhline(place + 0.5, color="#eceded", lw=0.5, zorder=0)
        null = numbers[f"draws.{score}"]
        ax.axvspan(min(0.0, float(null.min())), max(0.004, float(null.max())), color="#cfd3d6", lw=0, zorder=0)
        ax.set(xlim=(-0.04, 1.02), ylim=(len(_SCORES) - 0.5, -0.5), xlabel=word)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        tag(ax, letter, "Energies against classes" if score == "ari" else "Separation of energies")
    axes[0].set_yticks(range(len(_SCORES)), list(_SCORES.values()))
    handles = [Line2D([], [], ls="", marker=m, mfc="none", mec=GREY, ms=3.5) for m in _MARKERS[: len(counts)]]
    axes[1].legend(handles, [f"k = {k}" for k in counts], loc="center left", bbox_to_anchor=(1.0, 0.5))
