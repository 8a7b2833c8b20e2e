"""The picture of paper 002, Fig. 7: draws, fields and inverse temperatures; the control; the energies."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator

from zeeman.base.random import stream
from zeeman.plots.style import DIVERGING, GREY, INK, PALE, number, styled, tag
from zeeman.studies.figures._pictures import colour_bar, mosaic, panel, sheet
from zeeman.studies.figures.claims import Numbers

__all__ = ["draw_temperatures"]

_COLOURS = {"FM": "#0072B2", "PM": "#D55E00"}
_MODELS = {"real": (INK, "real"), "plain": (GREY, "plain\ndecoder"), "tempered": ("#009E73", r"$\beta^2$-VAE")}


@styled
def draw_temperatures(numbers: Numbers) -> Figure:
    """Draw the three panels."""
    figure = sheet(92.0)
    _lattices(figure, numbers)
    ax = panel(figure, 128, 57, 53, 29)
    _starts(ax, numbers)
    tag(ax, "b", r"Mean $\beta_k$: after training, and where it started")
    ax = panel(figure, 128, 9, 53, 30)
    _energies(ax, numbers)
    ax.set_title(r"$\mathbf{c}$   Energy per site of single configurations", pad=12)  # above the means
    return figure


def _lattices(figure: Figure, numbers: Numbers) -> None:
    """A row each for draws, fields and inverse temperatures; two columns of FM, two of PM."""
    fields = numbers["fields"].astype(np.float32)
    limit = float(np.abs(fields).max())
    rows = (
        ("Drawn", numbers["drawn"].astype(np.float32), {"cmap": "gray", "vmin": -1, "vmax": 1}),
        ("Field $h_k$", fields, {"cmap": DIVERGING, "vmin": -limit, "vmax": limit}),
        (r"Inverse" "\n" r"temperature $\beta_k$", numbers["temperatures"].astype(np.float32),
         {"cmap": "cividis", "vmin": 0, "vmax": 1}),
    )  # fmt: skip
    for row, (name, pictures, look) in enumerate(rows):
        bottom = 59 - 28 * row
        ax = panel(figure, 9, bottom, 94, 26)
        image = mosaic(pictures, 4, ax, gap=0.06, **look)
        ax.set_anchor("W")
        ax.annotate(name, (-0.02, 0.5), xycoords="axes fraction", rotation=90, ha="right", va="center",
                    multialignment="center")  # fmt: skip
        if row == 0:
            tag(ax, "a", "")
            for column, phase in enumerate(("FM", "FM", "PM", "PM")):
                ax.annotate(phase, ((column + 0.49) / 4, 1.02), xycoords="axes fraction", ha="center", va="bottom",
                            fontweight="bold", color=_COLOURS[phase])  # fmt: skip
        else:
            colour_bar(image, panel(figure, 104.5, bottom + 2, 1.5, 22), ticks=MaxNLocator(4))


def _starts(ax: Axes, numbers: Numbers) -> None:
    starts = 1 / (1 + np.exp(-numbers["starts"]))
    ax.plot([0, 1], [0, 1], color=PALE, lw=0.9, zorder=0)
    ax.annotate("unchanged", (0.60, 0.49), color=GREY, fontsize=6.5, rotation=28, rotation_mode="anchor")
    for phase, marker in (("FM", "o"), ("PM", "s")):
        colour = _COLOURS[phase]
        for row in numbers[f"beta_started_{phase}"]:
            ax.plot(starts, row, f"-{marker}", color=colour, ms=2.8, lw=0.8, mew=0)
        values = numbers[f"beta_{phase}"]
        ax.plot(np.full(len(values), 0.5), values, marker, color=colour, ms=5, mew=0.6, mec="white", ls="")
        ax.annotate(phase, (starts[0] - 0.02, numbers[f"beta_started_{phase}"][0, 0]), color=colour, ha="right",
                    va="center", fontweight="bold")  # fmt: skip
    ax.annotate("large marks:\nTable II, every seed", (0.99, 0.03), xycoords="axes fraction", color=GREY, fontsize=6.5,
                ha="right", multialignment="right")  # fmt: skip
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="before", ylabel="after training", xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])


def _energies(ax: Axes, numbers: Numbers) -> None:
    sideways = stream(0, "dots side by side")
    ticks, names = [], []
    for group, phase in enumerate(("FM", "PM")):
        for i, (model, (colour, name)) in enumerate(_MODELS.items()):
            middle = group * 3.7 + i
            values = numbers[f"energies_{phase}_{model}"]
            ax.scatter(middle + sideways.uniform(-0.3, 0.3, len(values)), values, s=2, color=colour, alpha=0.3,
                       linewidths=0, rasterized=True)  # fmt: skip
            means = numbers[f"energy_{phase}"][:, i]
            ax.hlines(means, middle - 0.4, middle + 0.4, color=colour, lw=1.0)
            mean = round(float(means.mean()), 2) + 0.0  # no minus zero
            ax.annotate(number(mean), (middle, 1.0), xycoords=("data", "axes fraction"), color=colour, fontsize=6.5,
                        ha="center", va="bottom")  # fmt: skip
            ticks.append(middle)
            names.append(name)
        place = (0, 0.88) if phase == "FM" else (5.7, 0.05)  # where that phase has no dots
        ax.annotate(phase, place, xycoords=("data", "axes fraction"), ha="center", color=_COLOURS[phase],
                    fontweight="bold")  # fmt: skip
    ax.axvline(2.85, color=PALE, lw=0.6)
    ax.set_xticks(ticks, names)
    ax.tick_params(axis="x", length=0)
    ax.set(ylabel="Energy (|J|)", xlim=(-0.6, 6.3))
    ax.yaxis.set_major_locator(MultipleLocator(1))
    ax.yaxis.set_label_coords(-0.15, 0.5)
