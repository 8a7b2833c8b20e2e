"""Many trainings of one data set: the same samples before and after the lift, how far frames agree, and the levels.

Agreement is drawn for every pair of trainings, beside what a pure rotation and permuted samples give (bands).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zeeman.base.results import Retrainings
from zeeman.plots.latent import plane_by_label
from zeeman.plots.style import GREY, INK, PALETTE, halo, literal, panels, styled, tag

if TYPE_CHECKING:
    from zeeman.replicas import Degeneracy, Lift

__all__ = ["agreement", "frames", "ladder", "retrainings"]

_WORDS = {"raw": "raw axes", "energies": "by energies", "relative": "relative"}
_MEASURES = {
    "ordered_correlation": "Correlation, axis by axis in order",
    "matched_correlation": "Correlation, best matching of axes",
    "subspace_agreement": "Subspace (mean cosine)",
}
_OURS = ("energies", "lifted")


@styled
def retrainings(several: Retrainings, *, columns: int = 2, at_most: int = 4) -> Figure:
    """Draw the same samples in each training: raw axes, principal components (d > 2), and lifted coordinates.

    Colours are the clusters of the consensus, so that a colour is the same set of samples everywhere.
    """
    shown = min(len(several), at_most if columns == 2 else 2)
    lift = several.lift
    labels = lift.consensus_labels
    rows = [("as trained", [_plane(Z) for Z in several.spaces], ("$z_1$", "$z_2$"))]
    if all(Z.shape[1] > 2 for Z in several.spaces):
        rows.append(("PCA", [_principal(Z) for Z in several.spaces], ("PC 1", "PC 2")))
    rows.append(("lifted", *_lifted(lift)))
    height = (183.0 if columns == 2 else 89.0) / shown + 2
    figure, axes = panels(len(rows) * shown, shown, height, columns=columns)
    for row, (what, points, names) in enumerate(rows):
        for r in range(shown):
            ax = axes[row * shown + r]
            plane_by_label(points[r], labels, ax, names=names, named=False, size=6.0 if what == "lifted" else None)
            ax.set(xticks=[], yticks=[])
            if r:
                ax.set_ylabel("")
            tag(ax, "abc"[row] if r == 0 else "", f"{literal(several.names[r])}, {what}")
    return figure


@styled
def frames(degeneracy: Degeneracy, measure: str, ax: Axes) -> None:
    """Draw a row a frame: a dot a pair of trainings, a bar from the worst pair to the best, a diamond at the mean.

    Open marks: frames that were fitted on paired samples (and judged on others). Bands: mean and one standard
    deviation of the nulls, a random rotation of the same codes and permuted samples.
    """
    table = degeneracy.to_frame()
    names = list(degeneracy.values)
    for place, name in enumerate(names):
        values = np.asarray(degeneracy.values[name][measure], dtype=float)
        colour = PALETTE[0] if name in _OURS else PALETTE[1] if name == "raw" else INK
        open_mark = bool(table.loc[name, "sees_pairs"])
        ax.plot([values.min(), values.max()], [place, place], color=colour, lw=1.6, alpha=0.35, zorder=2)
        ax.plot(values, np.full(len(values), place), ls="", marker="|", ms=4.5, mew=0.7, color=colour, zorder=3)
        ax.plot(
            values.mean(), place, marker="D", ms=4.2, mfc="white" if open_mark else colour, mec=colour, mew=1.0,
            zorder=4, clip_on=False,
        )  # fmt: skip
        ax.annotate(
            f"{_down(values.mean())}", (1.045, place), xycoords=("data", "data"), va="center", fontsize=6.5,
            color=colour, annotation_clip=False,
        )  # fmt: skip
    _nulls(degeneracy, measure, ax, len(names))
    ax.set_yticks(range(len(names)), [_WORDS.get(name, name) for name in names])
    ax.set(xlim=(0, 1.02), ylim=(len(names) - 0.4, -1.25), xlabel=_MEASURES[measure])
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


@styled
def ladder(lift: Lift, ax: Axes) -> None:
    """Draw the levels of every training side by side, mean and spread at the right, near-degenerate blocks bracketed.

    Where the levels that matter are far below the rest, the axis ends above the first levels over the gap.
    """
    R, n_states = lift.energies.shape
    k = lift.n_clusters
    for n in range(n_states):
        colour = PALETTE[0] if n < k else GREY
        for r in range(R):
            ax.plot([r + 0.62, r + 1.38], [lift.energies[r, n]] * 2, color=colour, lw=1.1, solid_capstyle="butt")
        ax.errorbar(
            R + 1.35, lift.energies[:, n].mean(), lift.energies_spread[n] if R > 1 else 0.0, color=colour, marker="o",
            ms=2.2, lw=0.8, capsize=1.6, capthick=0.8,
        )  # fmt: skip
    ax.axvline(R + 0.75, color="#d5d8db", lw=0.6)
    top = float(lift.energies.max())
    for first, last in lift.blocks:
        if last > first:
            low, high = (float(lift.energies[:, n].mean()) for n in (first, last))
            pad = 0.012 * top
            _bracket(ax, R + 1.8, low - pad, high + pad, f"block\nof {last - first + 1}")
    ax.set_xticks([*range(1, R + 1), R + 1.35], [*map(str, range(1, R + 1)), "all"])
    ax.set(xlim=(0.4, R + 3.2), ylim=(-0.03 * top, 1.04 * top), xlabel="Training")
    ax.set_ylabel("Energy $E_n$ (1 / length$^2$)")
    ax.tick_params(axis="x", length=0)


@styled
def agreement(several: Retrainings, *, columns: int = 2) -> Figure:
    """Draw agreement of the frames, in order and as subspaces, the levels of all trainings, and the verdicts."""
    wide = columns == 2
    figure, axes = panels(3, 3 if wide else 1, 70.0 if wide else 62.0, columns=columns)
    degeneracy = several.degeneracy
    for letter, measure, ax in zip("ab", ("ordered_correlation", "subspace_agreement"), axes, strict=False):
        frames(degeneracy, measure, ax)
        tag(ax, letter, "Agreement in order" if letter == "a" else "Agreement of subspaces")
    if wide:
        axes[1].set_yticklabels([])
    ladder(several.lift, axes[2])
    tag(axes[2], "c", "Levels of every training")
    figure.supxlabel(_footnote(several, " " if wide else "\n"), fontsize=6.5, x=0.01, ha="left")
    return figure


def _footnote(several: Retrainings, between: str) -> str:
    """Verdicts, what open marks mean, and which states count as a space and not one by one."""
    report = several.degeneracy
    pairs = f"{len(report.pairs)} pairs" if len(report.pairs) > 1 else "pair"
    said = [f"What separates the {pairs}: {', '.join(f'{kind} {count}' for kind, count in report.kinds.items())}."]
    said.append("Open diamonds: frames fitted on paired samples.")
    blocks = [f"{first} to {last}" for first, last in several.lift.blocks if first < last and first <= report.n_axes]
    if blocks:
        said.append(f"By energies: states {' and '.join(blocks)} compared as a space.")
    return between.join(said)


def _plane(Z: NDArray) -> NDArray:
    """The two first axes; of a single one, beside a constant."""
    return Z[:, :2] if Z.shape[1] > 1 else np.column_stack([Z[:, 0], np.zeros(len(Z))])


def _lifted(lift: Lift) -> tuple[list[NDArray], tuple[str, str]]:
    """Two lifted coordinates; for four clusters or more the localized states, each towards a corner of a polygon.

    The plane of a polygon is one linear view of the first k - 1 states that shows all k clusters apart.
    """
    k = lift.n_clusters
    if k < 4:
        return [_plane(own) for own in lift.coordinates], ("$f_1$", "$f_2$")
    angles = 2 * np.pi * np.arange(k) / k + np.pi / 2
    share = np.bincount(lift.consensus_labels, minlength=k) / len(lift.consensus_labels)
    corners = np.sqrt(share)[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
    return [own @ corners for own in lift.localized], (f"localized states, {k} corners", "")


def _principal(Z: NDArray) -> NDArray:
    """Two principal components, signs by third moments: what the frame PCA compares."""
    centred = Z - Z.mean(axis=0)
    scores = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    return scores * np.where((scores**3).mean(axis=0) < 0, -1.0, 1.0)


def _nulls(degeneracy: Degeneracy, measure: str, ax: Axes, rows: int) -> None:
    for kind, word, colour in (("rotation", "rotation", "#e3c9a8"), ("permuted", "permuted", "#cfd3d6")):
        null = degeneracy.nulls[measure][kind]
        low, high = null.mean - null.sd, null.mean + null.sd
        half = max(0.004, (high - low) / 2)
        centre = (low + high) / 2
        ax.axvspan(max(centre - half, 0), min(centre + half, 1.0), color=colour, alpha=0.55, lw=0, zorder=0)
        align = "left" if centre < 0.2 else "right" if centre > 0.8 else "center"
        ax.annotate(
            word, (min(max(centre, 0.0), 1.0), -0.75), fontsize=6, color=GREY, ha=align, va="center",
            path_effects=halo(), zorder=5,
        )  # fmt: skip


def _bracket(ax: Axes, x: float, low: float, high: float, text: str) -> None:
    ax.plot([x, x + 0.18, x + 0.18, x], [low, low, high, high], color=INK, lw=0.7)
    ax.text(
        x + 0.32, max((low + high) / 2, 0.03 * ax.dataLim.y1), text, va="center", fontsize=6, color=INK, linespacing=1.1
    )


def _down(value: float) -> str:
    """Three decimals, never rounded up to a perfect 1."""
    return f"{np.floor(value * 1e3 + 1e-9) / 1e3:.3f}"
