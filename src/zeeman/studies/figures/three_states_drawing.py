"""The picture of paper 002, Fig. 5: three states as three colours, mixed in proportion to their probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from numpy.typing import NDArray

from zeeman.plots.style import DIVERGING, GREY, INK, MILLIMETRE, PALE, WIDTHS, JournalFigure, halo, number, styled, tag
from zeeman.studies.figures.claims import Numbers
from zeeman.studies.figures.cosines import unit_vectors

__all__ = ["draw_three_states"]

_STATES = ("#0072B2", "#E69F00", "#CC79A7")  # blue, orange, purple: their even mixture is a grey
_PHASES = {"PM": "#8a8f94", "P1": _STATES[0], "P2": _STATES[1], "P3": _STATES[2]}
_HEIGHT = 122.0  # mm


@styled
def draw_three_states(numbers: Numbers, edges: Sequence[tuple[int, int]]) -> Figure:
    """Draw the five panels; `edges` are the pairs of phases whose distances the numbers hold."""
    figure = JournalFigure(figsize=(WIDTHS[2] * MILLIMETRE, _HEIGHT * MILLIMETRE), layout="constrained")
    grid = figure.add_gridspec(2, 6)
    betas = [number(float(beta), "g") for beta in numbers["betas"]]
    plane = figure.add_subplot(grid[0, :3])
    _scatter(plane, numbers["codes_2"], numbers["labels"])
    tag(plane, "a", rf"Two latents, $\beta$ = {betas[0]}")
    _pictures(figure, grid[0, 3:], numbers["pictures"])
    space = figure.add_subplot(grid[1, :2], projection="3d")
    _tetrahedron(space, numbers["codes_3"], numbers["labels"], numbers["means_3"], edges)
    space.set_title(rf"$\mathbf{{c}}$   Three latents, $\beta$ = {betas[1]}", x=0.02)
    ax = figure.add_subplot(grid[1, 2:4])
    _edges(ax, numbers["claim_edges"], numbers["baseline_edges"], edges)
    tag(ax, "d", "Edges of the tetrahedron")
    ax = figure.add_subplot(grid[1, 4:])
    _cosines(ax, numbers["codes_4"], numbers["labels"])
    tag(ax, "e", rf"Four latents, $\beta$ = {betas[2]}")
    return figure


def _scatter(ax: Axes, Z: NDArray, labels: NDArray) -> None:
    for phase, colour in _PHASES.items():
        points = Z[labels == phase]
        ax.scatter(*points.T, s=9, c=colour, linewidths=0, alpha=0.8)
        ax.annotate(
            phase, points.mean(axis=0), color=INK, fontweight="bold", ha="center", va="center", path_effects=halo(),
        )  # fmt: skip
    ax.axhline(0, color=PALE, lw=0.5, zorder=0)
    ax.axvline(0, color=PALE, lw=0.5, zorder=0)
    ax.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    ax.set_adjustable("datalim")


def _pictures(figure: Figure, place: SubplotSpec, pictures: NDArray) -> None:
    """Two rows of decoded prior draws, and a row of the three pure colours and their mixture."""
    per_row = len(pictures) // 3 if len(pictures) < 12 else 6
    shown = pictures[: 2 * per_row]
    inner = place.subgridspec(3, per_row, height_ratios=[1, 1, 0.34])
    for i, picture in enumerate(shown):
        ax = figure.add_subplot(inner[i // per_row, i % per_row])
        ax.imshow(_mixed(picture / 255), interpolation="nearest")
        _bare(ax)
        if i == 0:
            tag(ax, "b", "Decoded prior draws, two latents")
    key = figure.add_subplot(inner[2, :])
    key.set(xlim=(0, 4), ylim=(0, 1))
    key.axis("off")
    for i, (phase, weights) in enumerate({"state 1": (1, 0, 0), "state 2": (0, 1, 0), "state 3": (0, 0, 1),
                                          "a third each": (1 / 3, 1 / 3, 1 / 3)}.items()):  # fmt: skip
        key.scatter(i + 0.1, 0.5, marker="s", s=30, c=[_mixed(np.array(weights))], linewidths=0)
        key.annotate(phase, (i + 0.2, 0.5), va="center", fontsize=6.5)


def _tetrahedron(ax: Axes, Z: NDArray, labels: NDArray, means: NDArray, edges: Sequence[tuple[int, int]]) -> None:
    for phase, colour in _PHASES.items():
        ax.scatter(*Z[labels == phase].T, s=5, c=colour, linewidths=0, alpha=0.6, depthshade=False)
    for a, b in edges:
        ax.plot(*means[[a, b]].T, color=INK if a == 0 else GREY, lw=0.8, ls="-" if a == 0 else (0, (3, 2)))
    for phase, mean in zip(_PHASES, means, strict=True):
        ax.text(*(mean * 1.18), phase, fontweight="bold", ha="center", va="center", path_effects=halo())
    middle, half = means.mean(axis=0), np.abs(means - means.mean(axis=0)).max() * 1.15
    ax.set(
        xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] - half, middle[1] + half),
        zlim=(middle[2] - half, middle[2] + half), xlabel="$z_1$", ylabel="$z_2$", zlabel="$z_3$",
        box_aspect=(1, 1, 1),
    )  # fmt: skip
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color((1, 1, 1, 0))
        axis._axinfo["grid"].update(color=PALE, linewidth=0.4)
        axis.labelpad = -10
        axis.set_tick_params(pad=-4)


def _edges(ax: Axes, of_model: NDArray, of_pca: NDArray, edges: Sequence[tuple[int, int]]) -> None:
    names = list(_PHASES)
    for values, colour, marker, shift, name in (
        (of_pca, GREY, "s", 0.16, "PCA"), (of_model, "#D55E00", "o", -0.16, r"$\beta$-VAE"),
    ):  # fmt: skip
        relative = values / values.mean(axis=1, keepdims=True)
        for i, row in enumerate(relative):
            ax.plot(row, np.arange(len(edges)) + shift, marker, color=colour, ms=3.4, mew=0, alpha=0.85,
                    label=name if i == 0 else None, ls="")  # fmt: skip
    ax.set_yticks(range(len(edges)), [f"{names[a]}–{names[b]}" for a, b in edges])
    ax.invert_yaxis()
    ax.axhline(2.5, color=PALE, lw=0.5)
    ax.set(xlabel="Length (mean edge = 1)", xlim=(0, None))
    ax.legend(loc="lower left", handletextpad=0.2)


def _cosines(ax: Axes, Z: NDArray, labels: NDArray) -> None:
    unit = unit_vectors(Z)
    image = ax.imshow(unit @ unit.T, cmap=DIVERGING.reversed(), vmin=-1, vmax=1, interpolation="nearest")
    counts = [int((labels == phase).sum()) for phase in _PHASES]
    ends = np.cumsum(counts)
    for end in ends[:-1]:
        ax.axhline(end - 0.5, color=INK, lw=0.4)
        ax.axvline(end - 0.5, color=INK, lw=0.4)
    middles = ends - np.array(counts) / 2
    ax.set_xticks(middles, list(_PHASES))
    ax.set_yticks(middles, list(_PHASES))
    ax.tick_params(length=0)
    bar = ax.figure.colorbar(image, ax=ax, location="bottom", shrink=0.8, aspect=30, ticks=[-1, 0, 1])
    bar.set_label("Cosine similarity", labelpad=1)
    bar.outline.set_visible(False)


def _mixed(probabilities: NDArray) -> NDArray[np.float64]:
    """Colours (..., 3) of probabilities (..., state)."""
    from matplotlib.colors import to_rgb

    return np.clip(probabilities @ np.array([to_rgb(colour) for colour in _STATES]), 0, 1)


def _bare(ax: Axes) -> None:
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)
