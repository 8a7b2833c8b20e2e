"""The Zeeman diagram: levels E_n against the strength l of the perturbation that the data are.

At l = 0 the prior's oscillator (levels 0, 1/2 d-fold, 1, ...) or the aggregated posterior, at l = 1 the data: a
degenerate level splits, and k levels fall to zero if the data are k separated sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import comb
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zeeman.plots.style import GREY, INK, PALETTE, halo, number, panels, styled, tag

if TYPE_CHECKING:
    from zeeman.spectrum.diagram import Diagram

__all__ = ["diagrams", "zeeman_diagram"]

_TITLES = {"prior": "From the prior to the data", "sharpening": "Sharpening the posteriors"}
_ENDS = {"prior": ("prior,\noscillator", "data"), "sharpening": ("aggregated\nposterior", "posterior\nmeans")}
_DASHES = {1: (0, (5, 1.6)), 2: (0, (2.6, 1.4)), 3: (0, (0.9, 1.1))}
_NAMES = {1: "order 1: PCA", 2: "order 2", 3: "order 3"}
_MOST, _TALLER = 0.9, 5.0  # of the way that E_1 is followed, as far as to so many times the highest level at l = 0
_ASTRAY = 0.1  # of the axis: where a partial sum is this far from the exact level, it is no longer drawn


@styled
def zeeman_diagram(diagram: Diagram, ax: Axes, *, n_clusters: int = 1, top: float | None = None) -> None:
    """Draw the levels of `diagram` against l: exact ones solid, the k low at l = 1 coloured, the series dashed.

    Parameters
    ----------
    diagram : Diagram
        From `LatentSpectrum.diagram`.
    ax : Axes
    n_clusters : int
        k, the levels that lie below the gap at l = 1.
    top : float, optional
        Upper end of the energy axis; by default a little above the levels at l = 0, and above most of E_1 if no other
        level is low. Levels that rise beyond it leave the picture.
    """
    start = float(np.nanmax(diagram.energies[0]))
    lowest = diagram.energies[diagram.strength <= _MOST, 1:2] if n_clusters == 1 else np.zeros(0)
    highest = float(lowest[np.isfinite(lowest)].max(initial=0.0))
    top = top or 1.12 * max(start, min(highest, _TALLER * start))
    for n, energies in reversed(list(enumerate(diagram.energies.T))):
        low = n < n_clusters
        ax.plot(
            diagram.strength, energies, color=PALETTE[0] if low else "#a9adb1", lw=1.5 if low else 0.9,
            zorder=3 if low else 2, solid_capstyle="butt",
        )  # fmt: skip
    _series(diagram, ax, top)
    ax.set(xlim=(0.0, 1.0), ylim=(-0.035 * top, top), xlabel="Strength of the perturbation $l$")
    ax.set_ylabel(r"Energy $E_n$ (1 / prior width$^2$)")
    ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    left, right = _ENDS[diagram.path]
    for x, side, text in ((0.0, "left", left), (1.0, "right", right)):
        ax.annotate(
            text, (x, 0.0), xycoords=ax.get_xaxis_transform(), xytext=(0, -13), textcoords="offset points", ha=side,
            va="top", fontsize=6.5, color=GREY,
        )  # fmt: skip
    _degeneracies(diagram, ax, top)
    _low_states(diagram, ax, n_clusters, top)


@styled
def diagrams(paths: Mapping[str, Diagram], *, n_clusters: int = 1, columns: int = 2) -> Figure:
    """Draw every path side by side, with KL(q_0 || p) where the path starts near the prior and not on it."""
    height = 78.0 if columns == 2 else 74.0
    columns = 1 if len(paths) == 1 else columns
    figure, axes = panels(len(paths), len(paths) if columns == 2 else 1, height, columns=columns)
    for letter, ax, (path, diagram) in zip("ab", axes, paths.items(), strict=False):
        zeeman_diagram(diagram, ax, n_clusters=n_clusters)
        tag(ax, letter if len(paths) > 1 else "", _TITLES[path])
    return figure


def _series(diagram: Diagram, ax: Axes, top: float) -> None:
    """Partial sums on the first degenerate level, from l = 0 until they leave the axes or the exact levels."""
    dim = 0 if diagram.first_order is None else len(diagram.first_order)
    states = range(1, min(dim + 1, diagram.energies.shape[1]))
    for order in sorted(diagram.series):
        named = False
        for n in states:
            values, exact = diagram.series[order][:, n], diagram.energies[:, n]
            outside = (values < 0) | (values > top) | (np.abs(values - exact) > _ASTRAY * top)
            end = int(np.argmax(outside)) if outside.any() else len(values)
            ax.plot(
                diagram.strength[:end], values[:end], color=PALETTE[1], lw=0.9, ls=_DASHES.get(order, ":"), zorder=4,
                label=None if named else _NAMES.get(order, f"order {order}"), dash_capstyle="butt",
            )  # fmt: skip
            named = True
    if diagram.series and len(states):
        ax.plot([], [], color="#a9adb1", lw=0.9, label="exact (Ritz)")
        ax.legend(loc="upper right", handlelength=2.2, borderaxespad=0.5, **_legend_paper())


def _legend_paper() -> dict:
    return {"frameon": True, "framealpha": 1.0, "edgecolor": "none", "facecolor": "white", "borderpad": 0.2}


def _degeneracies(diagram: Diagram, ax: Axes, top: float) -> None:
    """Name each multiplet at l = 0: the oscillator's by theory, another start's by the levels found there."""
    start = diagram.energies[0]
    if diagram.first_order is not None:
        d = len(diagram.first_order)
        named = [(n / 2, comb(n + d - 1, n)) for n in range(1, 1 + int(2 * min(top, np.nanmax(start) + 0.05)))]
    else:
        groups = [(a, b) for a, b in diagram.multiplets if b > a]
        named = [(float(start[a : b + 1].mean()), b - a + 1) for a, b in groups if b < len(start) - 1]
    for energy, fold in named:
        if fold < 2:
            continue
        ax.plot([0], [energy], marker="o", ms=4.2, mfc="white", mec=INK, mew=0.9, zorder=6, clip_on=False)
        ax.annotate(
            f"{fold}-fold", (0, energy), xytext=(5, 5), textcoords="offset points", fontsize=6.5, color=INK,
            path_effects=halo(), zorder=7,
        )  # fmt: skip
    kl = diagram.notes.get("kl")
    if diagram.path == "sharpening" and kl is not None:
        late = diagram.energies[(diagram.strength > 0.6) & (diagram.strength < 1)]
        side, x = ("left", 0.03) if ((late > 0.75 * top) & (late < top)).any() else ("right", 0.97)
        ax.text(
            x, 0.97, _divergence(float(kl)), transform=ax.transAxes, ha=side, va="top", fontsize=6.5,
            path_effects=halo(), zorder=7,
        )  # fmt: skip


def _divergence(kl: float) -> str:
    """KL(q_0 || p), known from below; nothing is resolved if the bound is not above zero."""
    if kl <= 0:
        return "KL($q_0$||$p$): not resolved\nby so few samples"
    return f"KL($q_0$||$p$) $\\geq$ {number(kl)} nats"


def _low_states(diagram: Diagram, ax: Axes, k: int, top: float) -> None:
    """Write what k means, in the widest band that no level crosses, left or right."""
    if not 1 <= k < diagram.energies.shape[1]:
        return
    sides = {"left": _free_band(diagram, top, 0.0, 0.42, 0.9), "right": _free_band(diagram, top, 0.6, 1.0, 0.72)}
    side = max(sides, key=lambda name: sides[name][1] - sides[name][0])
    low, high = sides[side]
    text = f"{k} low levels at $l$ = 1: {k} sets" if k > 1 else "1 low level at $l$ = 1: one connected set"
    ax.text(
        0.03 if side == "left" else 0.97, (low + min(high, low + 0.2 * top)) / 2, text, ha=side, va="center",
        fontsize=6.5, color=PALETTE[0], path_effects=halo(), zorder=7,
    )  # fmt: skip


def _free_band(diagram: Diagram, top: float, left: float, right: float, ceiling: float) -> tuple[float, float]:
    """The widest range of energies, up to `ceiling` of the axis, that no level enters for l in [left, right]."""
    fine = np.linspace(left, right, 60)
    followed = np.array([np.interp(fine, diagram.strength, energies) for energies in diagram.energies.T])
    taken = np.sort(np.append(followed[followed < ceiling * top], [0.0, ceiling * top]))
    widest = int(np.argmax(np.diff(taken)))
    return float(taken[widest]), float(taken[widest + 1])
