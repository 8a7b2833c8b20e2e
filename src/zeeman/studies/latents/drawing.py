"""The picture of one model: codes, principal components, levels with their multiplets, correlation."""

from __future__ import annotations

import re

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from zeeman.plots.style import CYCLIC, GREY, INK, PALE, PALETTE, styled, tag
from zeeman.studies.figures._pictures import panel, sheet
from zeeman.studies.figures.claims import Numbers
from zeeman.studies.latents.cases import Case
from zeeman.studies.latents.shapes import corners

__all__ = ["draw"]

_OURS, _THEIRS = PALETTE[0], PALETTE[1]
_VIEW = np.array([[0.86, -0.5, 0.1], [0.13, 0.4, 0.91]])  # two directions of the paper in three dimensions


@styled
def draw(case: Case, numbers: Numbers) -> Figure:
    """Draw the four panels."""
    figure = sheet(58.0)
    codes = numbers["codes"].astype(np.float64)
    if case.latent_dim == 3:
        view = np.linalg.qr(_VIEW.T)[0]
        behind = codes @ np.cross(*view.T) < 0
        codes = codes @ view
        if case.shape == "sphere":
            codes = np.where(behind[..., None], np.nan, codes)
    reach = 1.08 * float(np.nanmax(np.abs(codes)))
    for i, (left, title) in enumerate(((12, "Codes of the β-VAE"), (63, "Principal components"))):
        ax = panel(figure, left, 10, 41, 41)
        _plane(ax, case, numbers, codes[i], first=i == 0)
        if case.shape != "strip":
            ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        tag(ax, "ab"[i], title)
    ax = panel(figure, 117, 10, 42, 41)
    _levels(ax, case, numbers)
    tag(ax, "c", f"Levels and multiplets of {_said(case.symmetry)}")
    ax = panel(figure, 168, 10, 14, 41)
    _correlations(ax, case, numbers)
    tag(ax, "d", "Order, $R$")
    return figure


def _plane(ax: Axes, case: Case, numbers: Numbers, points: NDArray, *, first: bool) -> None:
    cold, colours = numbers["cold"], _colours(case, numbers)
    for chosen, s, alpha in ((~cold, 1.6, 0.22), (cold, 2.6, 0.75)):
        x, y = points[chosen].T
        ax.scatter(x, y, c=colours[chosen], s=s, alpha=alpha, lw=0, rasterized=True)
    if case.shape in ("simplex", "polygon"):
        _edges(ax, case, points[cold], numbers["states"][cold])
    elif case.shape in ("circle", "sphere"):
        radius = float(np.linalg.norm(numbers["target"][cold].astype(float), axis=1).mean())
        ax.add_patch(Circle((0, 0), radius, fill=False, ec=INK, lw=0.6, ls=(0, (4, 3))))
    names = {
        "strip": ("code along $m$", r"code along $\langle s^2 \rangle$"),
        "simplex": ("code along component 1", "code along component 2"),
    }.get(case.shape, ("code along $m_x$", "code along $m_y$"))  # fmt: skip
    if points.shape[1] == 2 and case.latent_dim == 3:
        names = ("code, oblique view", "code, oblique view")
    ax.set_xlabel(names[0])
    ax.locator_params(nbins=5)
    if first:
        ax.set_ylabel(names[1], labelpad=1)


def _said(name: str) -> str:
    """Letters and subscripts as in formulas: not every font has the signs of these."""
    name = re.sub(r"^([lm]) =", r"$\1$ =", name)
    return "".join(f"$_{ord(sign) - ord('₀')}$" if "₀" <= sign <= "₉" else sign for sign in name)


def _edges(ax: Axes, case: Case, points: NDArray, states: NDArray) -> None:
    """Lines between the mean codes of the states: all of a simplex, neighbours of a polygon."""
    at, k = corners(points, states), case.n_clusters
    every = case.shape == "simplex"
    for a in range(len(at)):
        for b in range(a + 1, len(at)) if every else ((a + 1) % k,):
            ax.plot(*at[[a, b]].T, color=INK, lw=0.6)
    ax.plot(*at.T, "o", color="white", mec=INK, mew=0.7, ms=3.6)


def _colours(case: Case, numbers: Numbers) -> NDArray:
    target = numbers["target"].astype(np.float64)
    if case.shape == "circle":
        return CYCLIC(np.arctan2(target[:, 1], target[:, 0]) / (2 * np.pi) % 1.0)
    if case.shape == "sphere":
        return colormaps["cividis"](0.45 + 0.42 * target[:, 2] / np.abs(target[:, 2]).max())
    if case.shape == "strip":
        return colormaps["cividis"](0.45 + 0.42 * target[:, 0])
    return to_rgba_array([PALETTE[s] for s in numbers["states"]])


def _levels(ax: Axes, case: Case, numbers: Numbers) -> None:
    """Columns of levels, every seed a line of each, with a bracket and a name beside every multiplet."""
    q, sizes = sum(case.sizes), case.sizes
    names = tuple(f"{one.name} ({one.size})" for one in case.multiplets)
    if case.discrete:
        cold, every = (numbers[name] / numbers[name][..., q, None] for name in ("energies", "all_energies"))
        columns = [
            ("cold", _OURS, cold[:, 0], (q,), (f"{q}-fold",)),
            ("all T", _OURS, every[:, 0], sizes, names),
            ("all T, PCA", _THEIRS, every[:, 1], sizes, ()),
        ]
        ylabel = f"$E_n$ / $E_{{{q}}}$"
    else:
        cold = numbers["energies"] / numbers["multiplets"][..., 1, None]
        columns = [("β-VAE", _OURS, cold[:, 0], sizes, names), ("PCA", _THEIRS, cold[:, 1], sizes, ())]
        ylabel = r"$E_n$ / $\bar E$ of the first multiplet"
        for one in case.multiplets:
            ax.plot([-0.42, 0.42], [one.ideal] * 2, color=PALE, lw=4.0, solid_capstyle="butt", zorder=0)
            ax.plot([1.58, 2.42], [one.ideal] * 2, color=PALE, lw=4.0, solid_capstyle="butt", zorder=0)
    step = 1.7 if case.discrete else 2.0
    for place, (name, colour, levels, groups, said) in enumerate(columns):
        _column(ax, step * place, levels[:, : q + 1], groups, said, colour)
        ax.annotate(name, (step * place, 0), xycoords=("data", "axes fraction"), xytext=(0, -3), ha="center", va="top",
                    textcoords="offset points", fontsize=6.5, color=colour)  # fmt: skip
    ax.set(xlim=(-0.6, step * len(columns) - (1.1 if case.discrete else 0.9)), xticks=[], ylabel=ylabel)
    ax.spines["bottom"].set_visible(False)
    ax.yaxis.set_major_locator(MaxNLocator(6))
    ax.margins(y=0.06)


def _column(ax: Axes, at: float, levels: NDArray, sizes: tuple, names: tuple, colour: str) -> None:
    """Levels (seed, state) as short lines about `at`; what lies above the last multiplet in grey."""
    wide, end = 0.8 / len(levels), sum(sizes)
    for seed, row in enumerate(levels):
        left = at - 0.4 + seed * wide
        for n, level in enumerate(row):
            ax.plot([left, left + 0.85 * wide], [level] * 2, color=GREY if n >= end else colour, lw=0.9)
    for name, last, size in zip(names, np.cumsum(sizes), sizes, strict=False):
        low, high = levels[:, last - size].min(), levels[:, last - 1].max()
        ax.plot(at + np.array([0.45, 0.5, 0.5, 0.45]), [low, low, high, high], color=INK, lw=0.6)
        ax.text(at + 0.55, (low + high) / 2, _said(name), va="center", fontsize=6)


def _correlations(ax: Axes, case: Case, numbers: Numbers) -> None:
    """R of the order parameter by a linear map and by the nearest codes, or of m and s^2, for both methods."""
    places = {"strip": ((3, "$m$"), (4, r"$\langle s^2 \rangle$"))}.get(case.shape, ((0, "linear"), (2, "any")))
    for x, (place, _) in enumerate(places):
        for i, colour in enumerate((_OURS, _THEIRS)):
            values = numbers["correlation"][:, i, place]
            at = x + (i - 0.5) * 0.4
            ax.plot(at + np.array([-0.14, 0.14]), [values.mean()] * 2, color=colour, lw=1.2)
            ax.plot(np.full(len(values), at), values, "o", color=colour, mec="white", mew=0.4, ms=3.2, clip_on=False)
    low = float(numbers["correlation"][:, :, [place for place, _ in places]].min())
    ax.set(ylim=(1 - 1.2 * max(1 - low, 0.01), 1.0), xlim=(-0.5, 1.5))
    ax.set_xticks(range(len(places)), [name for _, name in places])
    ax.tick_params(axis="x", length=0)
    ax.locator_params(axis="y", nbins=5)
