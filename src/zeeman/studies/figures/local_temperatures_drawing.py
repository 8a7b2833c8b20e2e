"""The picture of paper 002, Fig. 7: draws, fields and inverse temperatures; the control; the energies."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from numpy.typing import NDArray

from zeeman.plots.style import DIVERGING, GREY, INK, MILLIMETRE, PALE, WIDTHS, JournalFigure, number, styled, tag
from zeeman.studies.figures.claims import Numbers

__all__ = ["draw_temperatures"]

_HEIGHT = 104.0  # mm
_COLOURS = {"FM": "#0072B2", "PM": "#D55E00"}
_MODELS = {"real": (INK, "real"), "plain": (GREY, r"plain decoder"), "tempered": ("#D55E00", r"$\beta^2$-VAE")}


@styled
def draw_temperatures(numbers: Numbers) -> Figure:
    """Draw the three panels."""
    figure = JournalFigure(figsize=(WIDTHS[2] * MILLIMETRE, _HEIGHT * MILLIMETRE), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=[1.35, 1])
    _lattices(figure, grid[:, 0], numbers)
    ax = figure.add_subplot(grid[0, 1])
    _starts(ax, numbers)
    tag(ax, "b", "Inverse temperature after training")
    energies = figure.add_subplot(grid[1, 1])
    _energies(energies, numbers)
    tag(energies, "c", "Energy of drawn configurations")
    return figure


def _lattices(figure: Figure, place: SubplotSpec, numbers: Numbers) -> None:
    limit = float(np.abs(numbers["fields"]).max())
    rows: list[tuple[str, NDArray, dict, str | None]] = [
        ("Drawn", numbers["drawn"], {"cmap": "gray", "vmin": -1, "vmax": 1}, None),
        ("Field $h_k$", numbers["fields"], {"cmap": DIVERGING, "vmin": -limit, "vmax": limit}, "$h_k$"),
        (r"$\beta_k$", numbers["temperatures"], {"cmap": "cividis", "vmin": 0, "vmax": 1}, r"$\beta_k$"),
    ]
    inner = place.subgridspec(3, 5, width_ratios=[1, 1, 1, 1, 0.07], wspace=0.03, hspace=0.03)
    for row, (name, images, look, bar) in enumerate(rows):
        for column, values in enumerate(images):
            ax = figure.add_subplot(inner[row, column])
            image = ax.imshow(values.astype(np.float32), interpolation="nearest", **look)
            ax.set(xticks=[], yticks=[])
            for spine in ax.spines.values():
                spine.set(visible=True, color=PALE, linewidth=0.5)
            if column == 0:
                ax.set_ylabel(name)
            if row == 0:
                title = "FM" if column < 2 else "PM"
                ax.set_title(rf"$\mathbf{{a}}$   {title}" if column == 0 else title)
        if bar is not None:
            colours = figure.colorbar(image, cax=figure.add_subplot(inner[row, 4]))
            colours.outline.set_visible(False)


def _starts(ax: Axes, numbers: Numbers) -> None:
    starts = 1 / (1 + np.exp(-numbers["starts"]))
    ax.plot([0, 1], [0, 1], color=PALE, lw=0.8, zorder=0)
    ax.annotate("where it started", (0.17, 0.2), rotation=36, color=GREY, fontsize=6.5, ha="left", va="bottom",
                rotation_mode="anchor")  # fmt: skip
    for phase, shift in (("FM", -0.012), ("PM", 0.012)):
        colour = _COLOURS[phase]
        for i, row in enumerate(numbers[f"beta_started_{phase}"]):
            ax.plot(starts + shift, row, "-o", color=colour, ms=2.6, lw=0.7, mew=0,
                    label=f"{phase}, control" if i == 0 else None)  # fmt: skip
        values = numbers[f"beta_{phase}"]
        ax.plot(np.full(len(values), 0.5 + 2.5 * shift), values, "o" if phase == "FM" else "s", color=colour, ms=5, mew=0.6,
                mec="white", label=f"{phase}, Table II", ls="")  # fmt: skip
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel=r"Mean $\beta_k$ before training", ylabel=r"Mean $\beta_k$ after")
    ax.legend(loc="lower right", ncols=1, handletextpad=0.4)


def _energies(ax: Axes, numbers: Numbers) -> None:
    rng = np.random.default_rng(0)  # sideways scatter of the dots, no number
    for group, phase in enumerate(("FM", "PM")):
        for i, (name, (colour, _)) in enumerate(_MODELS.items()):
            middle = group * 3.6 + i
            values = numbers[f"energies_{phase}_{name}"]
            ax.scatter(middle + rng.uniform(-0.3, 0.3, len(values)), values, s=2, color=colour, alpha=0.35, linewidths=0,
                       rasterized=True)  # fmt: skip
            means = numbers[f"energy_{phase}"][:, i]
            ax.hlines(means, middle - 0.38, middle + 0.38, color=colour, lw=1.1)
            ax.annotate(number(float(means.mean()), "+.2f"), (middle + 0.4, float(means.mean())), color=colour,
                        fontsize=6.5, xytext=(0, 3), textcoords="offset points", ha="right")  # fmt: skip
    ticks = [group * 3.6 + i for group in range(2) for i in range(3)]
    ax.set_xticks(ticks, [f"{name}\n" + ("" if i != 1 else phase) for phase in ("FM", "PM")
                          for i, (_, name) in enumerate(_MODELS.values())])  # fmt: skip
    ax.tick_params(axis="x", length=0)
    ax.set_ylabel("Energy per site (|J|)")
