"""Latent planes: samples as points, coloured by a label or by a state, PCA's plane beside the model's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zeeman.base.random import stream
from zeeman.base.results import Analysis
from zeeman.plots.style import DIVERGING, GREY, colours_of, halo, literal, panels, styled, tag

__all__ = ["axis_names", "latent", "leading_pair", "plane_by_label", "plane_by_value", "states"]


_APART = 0.8  # of the samples are nearest to the middle of their own group
_MOST_NAMED = 18  # in a legend


@styled
def plane_by_label(
    points: NDArray, labels: NDArray, ax: Axes, *, groups: NDArray | None = None, names: Sequence[str] = ("", ""),
    named: bool = True, size: float | None = None,
) -> None:  # fmt: skip
    """Scatter `points` (sample, 2) coloured by `labels` (sample,); `groups` (default: labels) are named in place."""
    colours = colours_of(labels)
    order = stream(0, "drawing order").permutation(len(points))  # no label hides another by being drawn last
    ax.scatter(
        points[order, 0], points[order, 1], c=[colours[label] for label in np.asarray(labels)[order].tolist()],
        **(_dots(len(points)) | ({} if size is None else {"s": size})),
    )  # fmt: skip
    _frame(ax, points, names)
    if named:
        _name_groups(ax, points, labels, labels if groups is None else groups, colours)


@styled
def plane_by_value(points: NDArray, values: NDArray, ax: Axes, *, names: Sequence[str] = ("", "")) -> PathCollection:
    """Scatter `points` (sample, 2) coloured by a signed field `values` (sample,), white at zero."""
    limit = float(np.quantile(np.abs(values), 0.995)) or 1.0
    order = np.argsort(np.abs(values))
    dots = ax.scatter(
        points[order, 0], points[order, 1], c=values[order], cmap=DIVERGING, vmin=-limit, vmax=limit,
        **{**_dots(len(points)), "alpha": 0.85},
    )  # fmt: skip
    ax.set_facecolor("#fbfbfa")
    _frame(ax, points, names)
    return dots


@styled
def latent(analysis: Analysis, *, columns: int = 2) -> Figure:
    """Draw the model's plane and PCA's, coloured by known phase (if any) and by the clusters each spectrum finds."""
    points, names = leading_pair(analysis)
    phases, groups, pca = analysis.phases, analysis.states, analysis.pca
    rows: list[tuple[str, NDArray, NDArray | None, NDArray | None]] = []
    if phases is not None:
        rows.append(
            (
                "known phase" if analysis.spins is not None else "known class",
                phases,
                phases,
                groups if groups is not None else phases,
            )
        )
    rows.append(("cluster found", analysis.clusters, pca.clusters if pca and pca.clusters is not None else None, None))
    per_row = 1 if pca is None and phases is None else 2
    count = len(rows) * (1 if pca is None else 2)
    columns = 1 if count == 1 else columns
    figure, axes = panels(count, per_row if columns == 2 else 1, 78.0, columns=columns)
    letters = iter("abcdef")
    remaining = iter(axes)
    for title, of_model, of_pca, named in rows:
        ax = next(remaining)
        plane_by_label(points, of_model, ax, groups=named, names=names)
        tag(ax, next(letters), f"{analysis.method}, {title}")
        if pca is None:
            continue
        ax = next(remaining)
        labels = of_model if of_pca is None else of_pca
        plane_by_label(pca.scores[:, :2], labels, ax, groups=named, names=("PC 1", "PC 2"))
        tag(ax, next(letters), f"PCA, {title}" + (f" by the {analysis.method}" if of_pca is None else ""))
    return figure


@styled
def states(analysis: Analysis, *, columns: int = 2, at_most: int = 6) -> Figure:
    """Draw the lowest excited states f_n(z) as a signed field over the latent plane."""
    points, names = leading_pair(analysis)
    count = int(np.clip(max(analysis.n_clusters - 1, 2), 1, min(at_most, analysis.coordinates.shape[1])))
    per_row = (count if count <= 4 else 3) if columns == 2 else min(2, count)
    figure, axes = panels(count, per_row, 183.0 / per_row + 5 if columns == 2 else 50.0, columns=columns)
    for n, ax in enumerate(axes, start=1):
        plane_by_value(points, analysis.coordinates[:, n - 1], ax, names=names)
        tag(ax, "", rf"$f_{{{n}}}$,  $E_{{{n}}}$ = {analysis.energies[n]:.3g}")
        if (n - 1) % per_row:
            ax.set_ylabel("")
    return figure


def leading_pair(analysis: Analysis) -> tuple[NDArray, tuple[str, str]]:
    """Return the plane to draw: the two latents, or for more of them the two leading canonical coordinates."""
    if analysis.latent_dim == 2:
        return analysis.Z, axis_names(analysis)
    if analysis.coordinates.shape[1] < 2 and analysis.latent_dim > 1:
        return analysis.Z[:, :2], axis_names(analysis)
    if analysis.latent_dim == 1:
        return np.column_stack([analysis.Z[:, 0], analysis.coordinates[:, 0]]), ("$z_1$", "$f_1$")
    return analysis.coordinates[:, :2], ("$f_1$ (state of energy $E_1$)", "$f_2$ (state of energy $E_2$)")


def axis_names(analysis: Analysis) -> tuple[str, str]:
    """Name each latent axis, with the order parameter it carries if one correlates at 0.5 or more."""
    names = []
    for axis in range(2):
        carried = ""
        if analysis.correlations is not None and len(analysis.order_parameters):
            row = int(np.argmax(analysis.correlations[:, axis]))
            if analysis.correlations[row, axis] >= 0.5:
                carried = ", " + list(analysis.order_parameters)[row].replace("_", " ")
        names.append(f"$z_{axis + 1}${carried}")
    return names[0], names[1]


def _dots(count: int) -> dict:
    size = float(np.clip(12000 / count, 1.6, 9.0))
    return {"s": size, "alpha": float(np.clip(4000 / count, 0.35, 0.9)), "linewidths": 0, "rasterized": True}


def _frame(ax: Axes, points: NDArray, names: Sequence[str]) -> None:
    centre = (points.max(axis=0) + points.min(axis=0)) / 2
    half = 0.63 * float(np.ptp(points, axis=0).max()) or 1.0
    ax.set(xlim=(centre[0] - half, centre[0] + half), ylim=(centre[1] - half, centre[1] + half), aspect="equal")
    ax.set(xlabel=names[0], ylabel=names[1])
    ax.locator_params(nbins=5)


def _name_groups(ax: Axes, points: NDArray, labels: NDArray, groups: NDArray, colours: dict) -> None:
    """Write each group's name above its middle, in the colour of most of its samples; in a legend if they overlap."""
    names, group_of = np.unique(groups, return_inverse=True)
    if len(names) == 1:
        return
    middles = np.array([np.median(points[group_of == g], axis=0) for g in range(len(names))])
    nearest = np.linalg.norm(points[:, None] - middles, axis=-1).argmin(axis=1)
    if (nearest == group_of).mean() > _APART:
        for g, group in enumerate(names):
            values, counts = np.unique(np.asarray(labels)[group_of == g], return_counts=True)
            place = middles[g, 0], np.quantile(points[group_of == g, 1], 0.99)
            ax.annotate(
                _shown(group), place, xytext=(0, 3), textcoords="offset points", ha="center", va="bottom", fontsize=7.5,
                color=colours.get(values[counts.argmax()].item(), GREY), fontweight="bold", path_effects=halo(),
                zorder=5,
            )  # fmt: skip
        return
    if len(colours) > _MOST_NAMED:
        return
    dots = [ax.plot([], [], ls="", marker="o", ms=3.5, mew=0, color=colour)[0] for colour in colours.values()]
    legend = ax.legend(
        dots, ["."] * len(dots), loc="upper right", ncols=1 + (len(dots) - 1) // 6, handletextpad=0.1, borderaxespad=0.2
    )
    for text, label in zip(legend.get_texts(), colours, strict=True):
        text.set_text(_shown(label))  # not as labels: a name that begins with _ would be left out


def _shown(name: object) -> str:
    text = str(name)
    return literal(f"{text[:-1]}−" if text.endswith("-") else text)  # FM−
