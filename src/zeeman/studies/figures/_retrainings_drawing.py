"""The picture of paper 000, Fig. 1: planes before and after, levels of all trainings, and how far trainings agree."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from zeeman.plots.latent import plane_by_label
from zeeman.plots.style import GREY, INK, MILLIMETRE, PALETTE, WIDTHS, JournalFigure, halo, number, styled, tag
from zeeman.studies.figures.claims import Numbers

__all__ = ["draw"]

_HEIGHT = 160.0  # mm
_PALE = "#a9adb1"
_FRAMES = {
    "raw": "raw axes", "raw, matched": "raw, matched", "PCA": "PCA", "ICA": "ICA", "Procrustes": "Procrustes",
    "relative": "relative", "radius": "radius |z|", "printed": "as printed", "energies": "by energies",
    "lifted": "lifted",
}  # fmt: skip
_SCALARS = ("printed", "radius")  # one number a sample
_OF_PAPER = ("raw", "printed")
_SEE_PAIRS = ("raw, matched", "Procrustes", "relative", "lifted")
_MEASURES = {
    "ordered_correlation": "in order", "matched_correlation": "matched", "subspace_agreement": "subspace",
    "procrustes_r2": "Procrustes R²", "mutual_neighbours": "neighbours",
}  # fmt: skip
_LOWEST = -1.0  # of the axis of reductions
_LEAST = 1e-4  # of the axis of disagreement
_BY = (("spectrum", PALETTE[0], "D"), ("PCA", PALETTE[1], "o"), ("random frames", GREY, "|"))


@styled
def draw(numbers: Numbers) -> Figure:
    """Draw figure 1 of paper 000 from its numbers."""
    figure = JournalFigure(figsize=(WIDTHS[2] * MILLIMETRE, _HEIGHT * MILLIMETRE), layout="constrained")
    rows: Any = figure.subfigures(2, 1, height_ratios=(1.9, 1))
    above: Any = rows[0].subfigures(1, 2, width_ratios=(2.35, 1))
    _planes(numbers, above[0])
    _levels_along_path(numbers, above[1].subplots())
    below = rows[1].subplots(1, 3, width_ratios=(0.9, 1, 1))
    for panel, ax in zip((_ladder, _frames, _reductions), below, strict=True):
        panel(numbers, ax)
    return figure


def _planes(numbers: Numbers, figure: Any) -> None:
    """The same samples in every training: as trained above, lifted below."""
    count = len(numbers["drawn.raw"])
    axes = figure.subplots(2, count, squeeze=False)
    rows = (("a", "as trained", "drawn.raw", "z"), ("b", "lifted", "drawn.lifted", "f"))
    for row, (letter, what, name, symbol) in enumerate(rows):
        for r in range(count):
            _plane(numbers, name, r, symbol, axes[row, r])
            tag(axes[row, r], letter if r == 0 else "", f"training {r + 1}, {what}")


def _plane(numbers: Numbers, name: str, r: int, symbol: str, ax: Axes) -> None:
    axes = [f"${symbol}_{i}$" for i in (1, 2)]
    labels = np.array([f"class {c + 1}" for c in numbers["drawn.labels"]])
    plane_by_label(numbers[name][r].astype(float), labels, ax, names=axes, named=False, size=4.0)
    ax.set(xticks=[], yticks=[])
    if r:
        ax.set_ylabel("")


def _levels_along_path(numbers: Numbers, ax: Axes) -> None:
    """Levels of all trainings from prior to data; they lie on one another where trainings agree."""
    strength, k = numbers["drawn.strength"], int(numbers["drawn.k"])
    path = numbers["drawn.path"]  # (replica, point, state)
    top = 1.12 * float(np.nanmax(path[:, 0]))
    for own in path:
        for n, energies in enumerate(own.T):
            colour, width = (PALETTE[0], 1.1) if n < k else (_PALE, 0.7)
            ax.plot(strength, energies, color=colour, lw=width, alpha=0.8, zorder=3 if n < k else 2)
    for energy, fold in ((0.5, 5), (1.0, 15)):
        ax.plot([0], [energy], marker="o", ms=4.2, mfc="white", mec=INK, mew=0.9, zorder=6, clip_on=False)
        ax.annotate(
            f"{fold}-fold", (0, energy), xytext=(6, 5), textcoords="offset points", fontsize=6.5, path_effects=halo(),
            zorder=7,
        )  # fmt: skip
    for n in range(k):
        end = min(float(np.nanmean(path[:, -1, n])), top)
        ax.annotate(
            f"$E_{n}$", (1.0, end), xytext=(3, 0), textcoords="offset points", va="center", color=PALETTE[0],
            annotation_clip=False,
        )  # fmt: skip
    ax.text(
        0.04, 0.17, f"{k} classes:\n{k} levels below\nthe others", transform=ax.transAxes, color=PALETTE[0],
        va="center", linespacing=1.3,
    )  # fmt: skip
    ax.set(xlim=(0, 1), ylim=(-0.03 * top, top), xlabel="Strength of the perturbation $l$", xticks=[0, 0.5, 1])
    ax.set_xticklabels(["0\nprior", "0.5", "1\ndata"])
    ax.set_ylabel("Energy $E_n$ (1 / prior width$^2$)")
    tag(ax, "c", f"Levels of {len(path)} trainings, overlaid")


def _ladder(numbers: Numbers, ax: Axes) -> None:
    """Levels of every training side by side, with sampling errors."""
    energies, errors, k = numbers["drawn.energies"], numbers["drawn.errors"], int(numbers["drawn.k"])
    shown = energies[:, : k + 4]
    for r, (own, error) in enumerate(zip(shown, errors, strict=True), start=1):
        for n, energy in enumerate(own):
            colour = PALETTE[0] if n < k else _PALE
            ax.plot([r - 0.36, r + 0.36], [energy] * 2, color=colour, lw=1.2, solid_capstyle="butt")
            ax.errorbar(r, energy, error[n], color=colour, lw=0.7, capsize=1.5, capthick=0.7)
    top = 1.06 * float((shown[:, -1] + errors[:, k + 3]).max())
    for n in range(1, k):
        spread = shown[:, n].std(ddof=1) / shown[:, n].mean()
        ax.annotate(
            f"$E_{n}$: ±{100 * spread:.0f} %", (len(shown) + 0.5, shown[:, n].mean()), fontsize=6.5, va="center",
            color=PALETTE[0], annotation_clip=False,
        )  # fmt: skip
    ax.set(xlim=(0.4, len(shown) + 2.0), ylim=(-0.03 * top, top), xticks=range(1, len(shown) + 1), xlabel="Training")
    ax.set_ylabel("Energy $E_n$ (1 / prior width$^2$)")
    ax.tick_params(axis="x", length=0)
    tag(ax, "d", "Levels side by side")


def _frames(numbers: Numbers, ax: Axes) -> None:
    """What is missing to agreement, by frame: a tick a pair of trainings, a diamond at the mean; the band: null."""
    for place, frame in enumerate(_FRAMES):
        missing = 1.0 - _agreement(numbers, frame)
        colour = PALETTE[0] if frame in ("energies", "lifted") else PALETTE[1] if frame in _OF_PAPER else INK
        own = np.maximum(missing, _LEAST)
        ax.plot(own, np.full(len(own), place), ls="", marker="|", ms=5, mew=0.6, color=colour, alpha=0.7)
        ax.plot(
            own.mean(), place, marker="D", ms=4.2, mfc="white" if frame in _SEE_PAIRS else colour, mec=colour, zorder=4,
        )  # fmt: skip
        ax.annotate(
            number(float(missing.mean()), ".4f"), (1.03, place), xycoords=("axes fraction", "data"), va="center",
            fontsize=6.5, color=colour, annotation_clip=False,
        )  # fmt: skip
    order = list(numbers["measures"]).index("ordered_correlation")
    null = 1.0 - numbers["draws.rotation"][:, :, order].ravel()
    ax.axvspan(null.mean() - null.std(), null.mean() + null.std(), color="#e3c9a8", alpha=0.6, lw=0, zorder=0)
    ax.text(null.mean(), -0.65, "rotated copy", fontsize=6, color=GREY, ha="center", va="bottom")
    ax.set_yticks(range(len(_FRAMES)), list(_FRAMES.values()))
    ax.set(xscale="log", xlim=(_LEAST, 1.1), ylim=(len(_FRAMES) - 0.4, -0.6), xlabel="1 − correlation in order")
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    tag(ax, "e", "Disagreement of trainings")


def _agreement(numbers: Numbers, frame: str) -> NDArray[np.float64]:
    """Correlation in order of all pairs of trainings of all data sets in one frame."""
    if frame in _SCALARS:
        return numbers["printed"][:, :, _SCALARS.index(frame)].ravel()
    name, _, matched = frame.partition(", ")
    measure = list(numbers["measures"]).index(f"{matched or 'ordered'}_correlation")
    return numbers["values"][:, :, list(numbers["frames"]).index(name), measure].ravel()


def _reductions(numbers: Numbers, ax: Axes) -> None:
    """Share of the degeneracy removed, by measure: a mark a data set."""
    reduction = numbers["reduction"]  # (frame, seed, k, measure)
    for m in range(len(_MEASURES)):
        for i, (_, colour, marker) in enumerate(_BY):
            values = np.maximum(reduction[i, :, :, m].ravel(), _LOWEST)
            place = m + 0.24 * (i - 1)
            ax.plot(values, np.full(len(values), place), ls="", marker=marker, ms=3.2, mew=0.7, mfc="none", mec=colour,
                    clip_on=False)  # fmt: skip
    for x, style in ((0.0, "-"), (0.5, (0, (2, 2)))):
        ax.axvline(x, color="#d5d8db", lw=0.8, ls=style, zorder=0)
    ax.set_yticks(range(len(_MEASURES)), list(_MEASURES.values()))
    ax.set(xlim=(_LOWEST - 0.05, 1.05), ylim=(len(_MEASURES) - 0.4, -0.6), xlabel="Share of the degeneracy removed")
    ax.set_xticks([-1, -0.5, 0, 0.5, 1], ["≤ −1", "", "0", "0.5", "1"])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    handles = [Line2D([], [], ls="", marker=mark, mfc="none", mec=colour, ms=3.5) for _, colour, mark in _BY]
    ax.legend(
        handles, [name for name, *_ in _BY], loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=3,
        handletextpad=0.1, columnspacing=0.8,
    )  # fmt: skip
    tag(ax, "f", "Degeneracy removed")
