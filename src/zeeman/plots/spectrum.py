"""The spectrum as physicists draw one: levels and multiplets, the gap above k low states, and the rule that chose k."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter
from numpy.typing import NDArray

from zeeman.base.results import Analysis
from zeeman.plots.style import GREY, INK, PALETTE, panels, styled, tag

__all__ = ["kappa_rule", "level_ratios", "levels", "spectrum"]

_LOW, _HIGH = PALETTE[0], GREY


@styled
def levels(energies: NDArray, n_clusters: int, ax: Axes, *, error: NDArray | None = None) -> None:
    """Draw levels (n_states,) as lines, near-degenerate ones side by side, the gap marked above the k lowest."""
    error = np.zeros_like(energies) if error is None else error
    for members in _multiplets(energies, n_clusters):
        step = 0.8 / max(len(members), 2)
        for place, n in enumerate(members):
            centre = (place - (len(members) - 1) / 2) * step
            colour = _LOW if n < n_clusters else _HIGH
            ax.plot([centre - 0.4 * step, centre + 0.4 * step], [energies[n]] * 2, color=colour, lw=1.8)
            ax.errorbar(centre, energies[n], error[n], color=colour, lw=0.8, capsize=1.8, capthick=0.8)
    if 1 <= n_clusters < len(energies):
        low, high = energies[n_clusters - 1], energies[n_clusters]
        ax.annotate("", (0.5, high), xytext=(0.5, low), arrowprops={"arrowstyle": "<->", "lw": 0.7, "color": INK})
        below = f"$E_0$ to $E_{{{n_clusters - 1}}}$ = {low:.2g}" if n_clusters > 1 else "$E_0$ = 0"
        text = f"gap to $E_{{{n_clusters}}}$ = {high:.3g}\n{n_clusters} low states:\n{below}"
        ax.text(0.55, (low + high) / 2, text, va="center", fontsize=6.5, linespacing=1.4)
    ax.set(xlim=(-0.5, 1.2), xticks=[], ylabel=r"Energy $E_n$ (1 / prior width$^2$)")
    ax.spines["bottom"].set_visible(False)
    ax.margins(y=0.06)


@styled
def level_ratios(series: Mapping[str, NDArray], n_clusters: int, ax: Axes) -> None:
    """Draw log-scaled levels E_n, n >= 1, each spectrum in units of its first level above the gap."""
    colours = (_LOW, PALETTE[4], PALETTE[2], PALETTE[3])
    first = max(n_clusters, 1)
    ratios = {name: e[1:] / e[min(first, len(e) - 1)] for name, e in series.items()}
    for i, (name, values) in enumerate(ratios.items()):
        ax.plot(
            np.arange(1, len(values) + 1), values, lw=0.7, ls=":", color=colours[i % 4], marker="os^v"[i % 4], ms=3.6,
            mfc=colours[i % 4] if i == 0 else "white", mew=0.9, label=name,
        )  # fmt: skip
    ax.axvline(first - 0.5, color=GREY, lw=0.6, ls=(0, (4, 3)))
    ax.set_yscale("log")
    shown = np.concatenate([values[values > 0] for values in ratios.values()])
    if len(shown) and shown.max() < 30 * shown.min():  # too narrow for decades alone
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set(xlabel="State $n$", ylabel=rf"$E_n$ / $E_{{{first}}}$")
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    if len(series) > 1:
        ax.legend(loc="lower right")


@styled
def kappa_rule(
    kappa: Mapping[int, float], n_clusters: int, ax: Axes, *, threshold: Mapping[int, float] | None = None
) -> None:
    """Draw the separation kappa_k against k: the largest k above its threshold is the number of clusters."""
    k = np.array(sorted(kappa))
    values = np.array([kappa[int(i)] for i in k])
    ax.plot(k, values, lw=0.8, color=GREY, zorder=1)
    chosen = k == n_clusters
    ax.scatter(k[~chosen], values[~chosen], s=14, color="white", edgecolors=GREY, linewidths=0.9, zorder=2)
    ax.scatter(k[chosen], values[chosen], s=22, color=_LOW, zorder=3)
    for number, value in zip(k[chosen], values[chosen], strict=True):
        ax.annotate(
            f"k = {number}", (number, value), xytext=(0, 5), textcoords="offset points", ha="center", color=_LOW
        )
    if threshold:
        bars = [threshold[int(i)] for i in k if int(i) in threshold]
        ax.plot([i for i in k if int(i) in threshold], bars, color=INK, lw=0.7, ls=(0, (4, 3)), zorder=1)
        ax.annotate(
            r"threshold $\kappa^*$", (k[-1], bars[-1]), xytext=(0, 3), textcoords="offset points", ha="right",
            va="bottom", fontsize=6.5,
        )  # fmt: skip
    ax.set(ylim=(0, 1.12), xlabel="Number of clusters $k$", ylabel=r"Separation $\kappa_k$")
    ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))


@styled
def spectrum(analysis: Analysis, *, columns: int = 2) -> Figure:
    """Draw the levels with their gap, the ratios beside PCA's, and the rule that chose the number of clusters."""
    with_rule = bool(analysis.kappa)
    count = 2 + with_rule
    figure, axes = panels(count, count if columns == 2 else 1, 66.0 if columns == 2 else 58.0, columns=columns)
    levels(analysis.energies, analysis.n_clusters, axes[0], error=analysis.energies_error)
    tag(axes[0], "a", "Levels of the latent space")
    series = {analysis.method: analysis.energies}
    if analysis.pca is not None and analysis.pca.energies is not None:
        series["PCA"] = analysis.pca.energies
    level_ratios(series, analysis.n_clusters, axes[1])
    tag(axes[1], "b", "Ratios, beside PCA's" if len(series) > 1 else "Ratios")
    if analysis.kappa:
        kappa_rule(analysis.kappa, analysis.n_clusters, axes[2], threshold=analysis.kappa_threshold)
        tag(axes[2], "c", "Choosing the number of clusters")
    return figure


def _multiplets(energies: NDArray, n_clusters: int) -> list[list[int]]:
    """Group neighbours closer than 2.5 % of the range (lines that would overprint); never across the gap."""
    near = 0.025 * float(np.ptp(energies))
    groups = [[0]]
    for n in range(1, len(energies)):
        if energies[n] - energies[n - 1] < near and n != n_clusters:
            groups[-1].append(n)
        else:
            groups.append([n])
    return groups
