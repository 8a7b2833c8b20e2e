"""Many runs side by side: one row a run, one panel a quantity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from zeeman.plots.style import GREY, PALETTE, literal, panels, styled, tag

__all__ = ["runs"]

_LEVELS = 6
_PER_ROW = 3
_BELOW = -24.0  # of a legend, points


@styled
def runs(names: Sequence[str], metrics: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw what the runs found: levels, held-out ELBO, agreement of trainings, clusters against known labels, seconds.

    Parameters
    ----------
    names : sequence of str
        One a run, drawn from the top.
    metrics : sequence of mapping
        Content of each run's metrics.json. A panel that no run has a number for is left out.
    """
    drawings = [
        ("Lowest levels", "$E_n$ (1 / prior width$^2$)", _levels),
        ("Held-out ELBO", "nats per sample", lambda ax, m: _dots(ax, [("", [_at(one, "elbo") for one in m])])),
        ("Agreement of trainings", "correlation in order, mean and worst pair", _agreement),
        ("Clusters against known labels", "adjusted Rand index", _clusters),
        ("Time", "seconds", _seconds),
    ]
    shown = [(title, label, draw) for title, label, draw in drawings if _has(title, metrics)]
    per_row = min(_PER_ROW, len(shown))
    figure, axes = panels(len(shown), per_row, 22.0 + 5.0 * len(names))
    for i, ((title, label, draw), ax) in enumerate(zip(shown, axes, strict=True)):
        draw(ax, metrics)
        ax.set(xlabel=label, ylim=(len(names) - 0.5, -0.5))
        ax.set_yticks(range(len(names)), [literal(name) if i % per_row == 0 else "" for name in names])
        ax.grid(axis="y", color="#e8eaec", lw=0.5)
        ax.set_axisbelow(True)
        tag(ax, "abcde"[i], title)
    return figure


def _has(title: str, metrics: Sequence[Mapping[str, Any]]) -> bool:
    needed = {
        "Lowest levels": ("energies",), "Held-out ELBO": ("elbo",), "Agreement of trainings": ("lift", "agreement"),
        "Clusters against known labels": ("cluster_ari",), "Time": ("seconds", "total"),
    }[title]  # fmt: skip
    return any(_found(one, *needed) is not None for one in metrics)


def _levels(ax: Axes, metrics: Sequence[Mapping[str, Any]]) -> None:
    for row, one in enumerate(metrics):
        energies = [value for value in (one.get("energies") or [])[1 : _LEVELS + 1] if value is not None]
        ax.plot(energies, [row] * len(energies), "|", color=PALETTE[0], ms=7, mew=1.1)
    ax.set_xlim(left=0)


def _agreement(ax: Axes, metrics: Sequence[Mapping[str, Any]]) -> None:
    for k, (frame, label) in enumerate((("raw", "as trained"), ("energies", "by energies"), ("lifted", "lifted"))):
        mean = np.array([_at(one, "lift", "agreement", frame, "mean") for one in metrics])
        worst = np.array([_at(one, "lift", "agreement", frame, "worst") for one in metrics])
        rows = np.arange(len(metrics)) + 0.22 * (k - 1)
        colour = (GREY, PALETTE[0], PALETTE[1])[k]
        ax.hlines(rows, worst, mean, color=colour, lw=0.8)
        ax.plot(mean, rows, "o", color=colour, ms=3, label=label)
    ax.set_xlim(-0.03, 1.05)
    _legend(ax)


def _clusters(ax: Axes, metrics: Sequence[Mapping[str, Any]]) -> None:
    pca = [_at(one, "pca", "cluster_ari") for one in metrics]
    _dots(ax, [("PCA", pca), ("this space", [_at(one, "cluster_ari") for one in metrics])])
    ax.set_xlim(-0.08, 1.05)
    if np.isfinite(pca).any():
        _legend(ax)


def _seconds(ax: Axes, metrics: Sequence[Mapping[str, Any]]) -> None:
    _dots(ax, [("", [_at(one, "seconds", "total") for one in metrics])])
    ax.set_xlim(left=0)


def _legend(ax: Axes) -> None:
    """Below the label of the axis, however high the panel is."""
    below = ScaledTranslation(0, _BELOW / 72, ax.figure.dpi_scale_trans)
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=ax.transAxes + below, ncols=3, columnspacing=1.0
    )


def _dots(ax: Axes, series: Sequence[tuple[str, Sequence[float]]]) -> None:
    for k, (label, values) in enumerate(series):
        colour = PALETTE[0] if k == len(series) - 1 else GREY
        ax.plot(values, range(len(values)), "o", color=colour, ms=3.5, label=label or None)


def _found(values: Any, *path: str) -> Any:
    for key in path:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def _at(values: Mapping[str, Any], *path: str) -> float:
    """The number at `path`, NaN if there is none."""
    found = _found(values, *path)
    return float(found) if isinstance(found, (int, float)) else float("nan")
