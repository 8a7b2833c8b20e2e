"""A search for a critical temperature: curves of all sizes, what every size says, and the limit they lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zeeman.plots.style import GREY, INK, PALETTE, panels, styled, tag

if TYPE_CHECKING:
    from zeeman.spins.transitions import CriticalTemperature

__all__ = ["critical_temperature", "signal_curves", "size_extrapolation"]

_LABELS = {
    "cumulant": "cumulant $U$", "length": r"correlation length $\xi / L$", "gap": r"gap $E_1 \langle z^2 \rangle$",
    "susceptibility": r"susceptibility of $z$", "reconstruction": r"$d\langle l \rangle / dT$",
    "helicity": r"helicity $\Upsilon / T$",
}  # fmt: skip


@styled
def critical_temperature(found: CriticalTemperature, *, exact: float | None = None, columns: int = 2) -> Figure:
    """Draw the curves of all sizes beside their extrapolation.

    Parameters
    ----------
    found : CriticalTemperature
    exact : float, optional
        A value to compare with, drawn dotted.
    columns : {1, 2}
        Width in journal columns.
    """
    figure, axes = panels(2, 2 if columns == 2 else 1, 58.0, columns=columns)
    signal_curves(found, axes[0], exact=exact)
    size_extrapolation(found, axes[1], exact=exact)
    tag(axes[0], "a", f"{found.estimator}, {found.signal}")
    tag(axes[1], "b", f"$T_c$ = {found}")
    return figure


@styled
def signal_curves(found: CriticalTemperature, ax: Axes, *, exact: float | None = None) -> None:
    """Draw the signal of every size over temperature: points where samples are, lines by reweighting between."""
    for k, curve in enumerate(found.curves):
        colour = PALETTE[k % len(PALETTE)]
        ax.errorbar(
            curve.temperatures, curve.values, curve.errors, fmt="o", color=colour, elinewidth=0.7, label=f"{curve.size}"
        )  # fmt: skip
        ax.plot(curve.fine_temperatures, curve.fine_values, color=colour, linewidth=0.8)
    _mark(found, ax.axvspan, ax.axvline, exact)
    ax.set_xlabel("temperature $T$")
    ax.set_ylabel(_LABELS[found.signal])
    ax.legend(title="size $L$", title_fontsize=6.5)


@styled
def size_extrapolation(found: CriticalTemperature, ax: Axes, *, exact: float | None = None) -> None:
    """Draw what every size or pair of sizes says against 1/L (of a pair the geometric mean), and the limit at 0."""
    keys = list(found.pseudocritical)
    x = [1 / float(np.prod(key)) ** (1 / len(key)) for key in keys]
    for at, key in zip(x, keys, strict=True):
        value, error = found.pseudocritical[key]
        ax.errorbar(at, value, error, fmt="o", color=PALETTE[0], elinewidth=0.7)
        ax.annotate(
            ", ".join(map(str, key)), (at, value), xytext=(3, 3), textcoords="offset points", fontsize=6, color=GREY
        )
    ax.errorbar(0, found.value, found.error, fmt="D", color=INK, elinewidth=0.9)
    _mark(found, ax.axhspan, ax.axhline, exact)
    ax.set_xlim(left=-0.04 * max(x, default=1.0))
    ax.set_xlabel("$1 / L$")
    ax.set_ylabel("temperature $T$")


def _mark(found: CriticalTemperature, span: object, line: object, exact: float | None) -> None:
    """Shade value and error, and draw the value to compare with."""
    span(found.value - found.error, found.value + found.error, color=GREY, alpha=0.25, linewidth=0)  # type: ignore[operator]
    if exact is not None:
        line(exact, color=INK, linestyle=":", linewidth=0.9)  # type: ignore[operator]
