"""Training curves: what the objective, its two terms and the held-out bound did, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from zeeman.plots.style import GREY, PALETTE, number, panels, styled, tag

__all__ = ["curves", "training"]

_TITLES = {
    "loss": "Training loss",
    "reconstruction": "Reconstruction",
    "kl": "KL divergence",
    "validation_elbo": "Held-out ELBO",
}


@styled
def curves(epoch: NDArray, values: NDArray, ax: Axes, *, best: int = 0) -> None:
    """Draw one quantity (epoch, replica) in nats per sample: replica `best` on top, the others in grey."""
    values = np.asarray(values, dtype=float).reshape(len(epoch), -1)
    marker = "o" if len(epoch) <= 12 else None
    for replica in range(values.shape[1]):
        if replica != best:
            ax.plot(epoch, values[:, replica], color=GREY, lw=0.7, alpha=0.7)
    ax.plot(epoch, values[:, best], color=PALETTE[0], lw=1.3, marker=marker, ms=2.6, zorder=3)
    last = float(values[-1, best])
    ax.annotate(
        number(last, ".2f" if abs(last) < 100 else ",.1f"), (epoch[-1], last), xytext=(0, 5),
        textcoords="offset points", ha="right", va="bottom", color=PALETTE[0], fontsize=6.5,
    )  # fmt: skip
    ax.margins(x=0.04, y=0.16)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(5))
    ax.set(xlabel="Epoch", ylabel="nats per sample")


@styled
def training(history: Mapping[str, NDArray], *, best: int = 0, columns: int = 2) -> Figure:
    """Draw every curve that `history` holds: "epoch" (epoch,) and the others (epoch, replica)."""
    shown = [key for key in _TITLES if key in history]
    figure, axes = panels(len(shown), 2, 48.0 if columns == 2 else 36.0, columns=columns)
    for letter, key, ax in zip("abcd", shown, axes, strict=False):
        curves(history["epoch"], history[key], ax, best=best)
        tag(ax, letter, _TITLES[key])
    return figure
