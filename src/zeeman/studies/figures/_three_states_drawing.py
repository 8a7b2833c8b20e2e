"""The picture of paper 002, Fig. 5: three states as three colours, mixed in proportion to their probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zeeman.plots.style import GREY, INK, PALE, WIDTHS, halo, number, styled, tag
from zeeman.studies.figures._pictures import colour_bar, cosine_matrix, mosaic, panel, sheet
from zeeman.studies.figures.claims import Numbers

__all__ = ["draw_three_states"]

_STATES = ("#0072B2", "#E69F00", "#CC79A7")  # blue, orange, purple: their even mixture is a grey
_PHASES = {"PM": "#8a8f94", "P1": _STATES[0], "P2": _STATES[1], "P3": _STATES[2]}
_HEIGHT = 118.0  # mm
_MODEL = "#D55E00"


@styled
def draw_three_states(numbers: Numbers, edges: Sequence[tuple[int, int]]) -> Figure:
    """Draw the five panels; `edges` are the pairs of phases whose distances the numbers hold."""
    figure = sheet(_HEIGHT)
    betas = [number(float(beta), "g") for beta in numbers["betas"]]
    ax = panel(figure, 13, 66, 70, 46)
    _scatter(ax, numbers["codes_2"], numbers["labels"])
    tag(ax, "a", rf"Two latents, $\beta$ = {betas[0]}")
    ax = panel(figure, 95, 68, 86, 44)
    ax.set_anchor("NW")
    mosaic(_mixed(numbers["pictures"] / 255), 6, ax)
    tag(ax, "b", "Decoded prior draws, two latents")
    _key(panel(figure, 95, 62, 86, 5))
    ax = panel(figure, 0, 4, 56, 50, projection="3d")
    _tetrahedron(ax, numbers["codes_3"], numbers["labels"], numbers["means_3"], edges)
    figure.text(4 / WIDTHS[2], 54.6 / _HEIGHT, rf"$\mathbf{{c}}$   Three latents, $\beta$ = {betas[1]}", fontsize=7)
    ax = panel(figure, 73, 11, 42, 41)
    _edges(ax, numbers, edges)
    tag(ax, "d", "Edges of the tetrahedron")
    ax = panel(figure, 129, 11, 41, 41)
    image = cosine_matrix(numbers["codes_4"], numbers["labels"], list(_PHASES), ax)
    tag(ax, "e", rf"Four latents, $\beta$ = {betas[2]}")
    colour_bar(image, panel(figure, 171.5, 11, 1.5, 41), "Cosine similarity", ticks=[-1, 0, 1])
    return figure


def _scatter(ax: Axes, Z: NDArray, labels: NDArray) -> None:
    ax.axhline(0, color=PALE, lw=0.5, zorder=0)
    ax.axvline(0, color=PALE, lw=0.5, zorder=0)
    for phase, colour in _PHASES.items():
        points = Z[labels == phase]
        ax.scatter(points[:, 0], points[:, 1], s=8, c=colour, linewidths=0, alpha=0.75)
        ax.annotate(phase, points.mean(axis=0), fontweight="bold", ha="center", va="center", path_effects=halo(2.2))
    ax.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    ax.set_adjustable("datalim")


def _key(ax: Axes) -> None:
    """Name the three pure colours and their even mixture."""
    ax.set(xlim=(0, 4), ylim=(0, 1))
    ax.axis("off")
    names = {"state 1": (1, 0, 0), "state 2": (0, 1, 0), "state 3": (0, 0, 1), "a third each": (1 / 3, 1 / 3, 1 / 3)}
    for i, (name, weights) in enumerate(names.items()):
        ax.scatter(i + 0.1, 0.6, marker="s", s=26, c=[_mixed(np.array(weights))], linewidths=0)
        ax.annotate(name, (i + 0.2, 0.6), va="center", fontsize=6.5)


def _tetrahedron(ax: Any, Z: NDArray, labels: NDArray, means: NDArray, edges: Sequence[tuple[int, int]]) -> None:
    for a, b in edges:
        ax.plot(*means[[a, b]].T, color=INK if a == 0 else GREY, lw=0.8, ls="-" if a == 0 else (0, (3, 2)))
    for phase, colour in _PHASES.items():
        ax.scatter(*Z[labels == phase].T, s=5, c=colour, linewidths=0, alpha=0.6, depthshade=False)
    middle = means.mean(axis=0)
    for phase, mean in zip(_PHASES, means, strict=True):
        ax.text(*(mean + np.array([0, 0, 0.33])), phase, fontweight="bold", ha="center", path_effects=halo())
    half = float(np.abs(np.concatenate([means, Z]) - middle).max())
    limits = [(centre - half, centre + half) for centre in middle]
    ax.set(xlim=limits[0], ylim=limits[1], zlim=limits[2], xlabel="$z_1$", ylabel="$z_2$", zlabel="$z_3$")
    ax.set_box_aspect((1, 1, 1), zoom=0.92)
    ax.view_init(elev=22, azim=-58)
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color((1, 1, 1, 0))
        axis._axinfo["grid"].update(color=PALE, linewidth=0.4)
        axis.labelpad = -9
        axis.set_tick_params(pad=-3.5)
        axis.set_ticks([-1, 0, 1])


def _edges(ax: Axes, numbers: Numbers, edges: Sequence[tuple[int, int]]) -> None:
    names = list(_PHASES)
    ax.axvline(1, color=PALE, lw=0.8, zorder=0)
    ax.annotate("regular", (1.03, -0.42), color=GREY, fontsize=6.5, va="center")
    for values, colour, marker, shift, name in (
        (numbers["claim_edges"], _MODEL, "o", -0.2, r"$\beta$-VAE, each seed"),
        (numbers["optimum_edges"][:1], INK, "d", 0.0, "lowest loss, no network"),
        (numbers["baseline_edges"], GREY, "s", 0.2, "PCA"),
    ):
        relative = values / values.mean(axis=1, keepdims=True)
        for i, row in enumerate(relative):
            ax.plot(row, np.arange(len(edges)) + shift, marker, color=colour, ms=3.4, mew=0, alpha=0.85,
                    label=name if i == 0 else None)  # fmt: skip
    ax.set_yticks(range(len(edges)), [f"{names[a]}–{names[b]}" for a, b in edges])
    ax.set(xlabel="Length (mean edge = 1)", xlim=(0, 1.6), ylim=(5.6, -0.6), xticks=[0, 0.5, 1, 1.5])
    ax.axhline(2.5, color=PALE, lw=0.5)
    ax.tick_params(axis="y", length=0)
    ax.legend(loc="lower left", handletextpad=0.1)


def _mixed(probabilities: NDArray) -> NDArray[np.float64]:
    """Colours (..., 3) of probabilities (..., state)."""
    return np.clip(probabilities @ np.array([to_rgb(colour) for colour in _STATES]), 0, 1)
