"""How far the states of a latent space depend on the basis that they are expanded in.

Over the number M and the width of landmarks (in units of the distance between neighbours), and over the shrinkage and
the widths of a mixture of k Gaussians, on four retrainings of a set of k classes:

    trace         tr[(C^T B C)^-1 C^T A C] of the k lowest states C on samples that they have not seen (four folds);
                  its population value bounds E_0 + ... + E_{k-1} from above (Ky Fan)
    with default  agreement of the first k - 1 states with those of `zm.LatentSpectrum` (mean cosine of the principal
                  angles)
    retrainings   the same between retrainings, each in a basis of the same kind
    energies      E_1 .. E_{k-1}, mean over retrainings

    python benchmarks/spectrum_stability.py [--sets k4s11 k5s11] [--folder FOLDER] [--figure FILE.png]

Trainings are those of `benchmarks/spectrum_options.py`, kept in FOLDER.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from string import ascii_lowercase

import numpy as np
from spectrum_options import NAMES, sets_of, signature, spaces
from threadpoolctl import threadpool_limits

from zeeman.base.random import stream
from zeeman.hamiltonians import NormalizedGaussians, NormalizedMixture, held_out_trace, landmarks, rayleigh_ritz
from zeeman.plots.style import GREY, INK, PALETTE, panels, save, styled, tag
from zeeman.replicas.subspaces import subspace_agreement
from zeeman.spectrum.resolution import carried_levels, neighbour_distance

COUNTS, WIDTHS = (40, 80, 150, 300), (0.5, 0.7, 1.0, 1.4, 2.0, 2.8)
SHRINKAGES, MIXED_WIDTHS = (0.0, 0.15, 0.3, 0.5, 0.8), ((1.0,), (1.0, 1.5), (1.0, 2.0), (1.0, 2.0, 3.0))
DEFAULT = ((1.0, 2.0), 0.3)  # widths and shrinkage that LatentSpectrum takes
FOLDS = 4
DISAGREEMENT = (7e-4, 0.2)  # range drawn; the default agrees with itself
PLATEAU = 1.05  # of the lowest held-out trace
SETS = ["k4s11", "k5s11"]


@dataclass
class Curve:
    """What one basis (a number and a width of landmarks, or widths and a shrinkage) gives on every retraining."""

    trace: list[float]
    default: list[float]
    energies: list[np.ndarray]
    states: list[np.ndarray]

    @property
    def retrainings(self) -> float:
        """Mean agreement of the first k - 1 states over pairs of retrainings."""
        return float(np.mean([subspace_agreement(a, b) for a, b in combinations(self.states, 2)]))


def landmark_bases(Z: np.ndarray, k: int) -> dict[tuple, NormalizedGaussians]:
    centers = {count: landmarks(Z, count, 0) for count in COUNTS}
    return {
        (m, w): NormalizedGaussians(c, w * neighbour_distance(c)) for m, c in centers.items() for w in WIDTHS
    }  # fmt: skip


def mixture_bases(Z: np.ndarray, k: int) -> dict[tuple, NormalizedMixture]:
    own = sets_of(Z, k, shrinkage=0.0)
    shared = np.einsum("j,jab->ab", own.shares / own.shares.sum(), own.covariances)
    return {
        (widths, s): replace(own, covariances=(1.0 - s) * own.covariances + s * shared, widths=widths)
        for widths in MIXED_WIDTHS for s in SHRINKAGES
    }  # fmt: skip


FAMILIES = {"landmarks": landmark_bases, "sets": mixture_bases}


def curves(name: str, folder: Path) -> dict[str, dict[tuple, Curve]]:
    """Every basis of both families on every retraining of a set."""
    k = int(name[1])
    found: dict[str, dict[tuple, Curve]] = {kind: {} for kind in FAMILIES}
    for each in spaces(name, folder):
        default = each.spec.transform(each.Z + each.spec.center_)[:, : k - 1]
        for kind, bases_of in FAMILIES.items():
            traces = held_out(each.Z, k, partial(bases_of, k=k))
            for key, basis in bases_of(each.Z, k).items():
                solution = carried_levels(basis, each.Z, k)
                curve = found[kind].setdefault(key, Curve([], [], [], []))
                curve.trace.append(traces[key])
                curve.default.append(subspace_agreement(solution.states[:, 1:], default))
                curve.energies.append(solution.levels.energies[1:])
                curve.states.append(solution.states[:, 1:])
    return found


def held_out(Z: np.ndarray, k: int, bases_of: Callable[[np.ndarray], dict]) -> dict[tuple, float]:
    """Mean over folds of tr[(C^T B C)^-1 C^T A C], C the k lowest states of the other folds, bases included."""
    fold, traces = stream(0, "folds").permutation(len(Z)) % FOLDS, {}
    for part in range(FOLDS):
        training, test = Z[fold != part], Z[fold == part]
        for key, basis in bases_of(training).items():
            levels = rayleigh_ritz(*basis.forms(training), k, ground=basis.constant)
            trace = held_out_trace(levels.coefficients, *basis.forms(test)) if len(levels.energies) == k else np.inf
            traces[key] = traces.get(key, 0.0) + trace / FOLDS
    return traces


def stability_table(name: str, found: dict[str, dict[tuple, Curve]]) -> str:
    """One line a basis, and what the bases of low held-out trace have in common."""
    lines = []
    for kind, family in found.items():
        lines += [f"{name}, {NAMES[kind].lower()}:", "", "| basis | trace | with default | retrainings | energies |"]
        lines += ["|---|---|---|---|---|"]
        lines += [f"| {label(kind, key)} | {cells(curve)} |" for key, curve in family.items()]
        least = min(np.mean(curve.trace) for curve in family.values())
        flat = [curve for curve in family.values() if np.mean(curve.trace) <= PLATEAU * least]
        low, high = (f([c.retrainings for c in flat]) for f in (min, max))
        levels = np.array([np.mean(c.energies, axis=0) for c in flat])
        apart = 100 * (levels.max(axis=0) / levels.min(axis=0) - 1.0).max()
        lines += [
            "",
            f"{len(flat)} of {len(family)} bases have a trace within {100 * PLATEAU - 100:.0f} % of the lowest,",
        ]
        lines += [f"{least:.4f}: agreement over retrainings {low:.4f} to {high:.4f}, with the default at least"]
        lines += [f"{min(np.mean(c.default) for c in flat):.4f}, energies at most {apart:.0f} % apart.", ""]
    return "\n".join(lines)


def label(kind: str, key: tuple) -> str:
    if kind == "landmarks":
        return f"{key[0]} landmarks, width {key[1]:g}"
    return f"widths {named(key[0])}, shrinkage {key[1]:g}"


def named(widths: tuple[float, ...]) -> str:
    return ", ".join(f"{w:g}" for w in widths)


def cells(curve: Curve) -> str:
    energies = " ".join(f"{e:.3f}" for e in np.mean(curve.energies, axis=0))
    return f"{np.mean(curve.trace):.3f} | {np.mean(curve.default):.4f} | {curve.retrainings:.4f} | {energies}"


@styled
def draw(found: dict[str, dict[str, dict[tuple, Curve]]], path: Path) -> None:
    """Two rows a set, landmarks and mixture, on common scales: held-out trace, agreement, energies."""
    figure, axes = panels(6 * len(found), 3, 40.0)
    rows = [axes[first : first + 3] for first in range(0, len(axes), 3)]
    for number, (name, families) in enumerate(found.items()):
        landmark_row, mixture_row = rows[2 * number : 2 * number + 2]
        title = f"$k$ = {name[1]}"
        draw_row(landmark_row, f"{title}, landmarks", families["landmarks"], "M = {}")
        draw_row(mixture_row, f"{title}, mixture", families["sets"], "w = {}", DEFAULT)
        for above, below in zip(landmark_row, mixture_row, strict=True):
            below.sharey(above)
            above.autoscale(axis="y")
        landmark_row[1].set_ylim(*DISAGREEMENT)
        for ax in landmark_row:
            ax.set_xlabel("Width / neighbour distance")
        for ax in mixture_row:
            ax.set_xlabel("Shrinkage")
        mixture_row[1].legend(loc="upper center")
    for ax, letter in zip(axes, ascii_lowercase, strict=False):
        tag(ax, letter, ax.get_title(loc="left"))
    save(figure, path)


def draw_row(axes: list, title: str, family: dict[tuple, Curve], text: str, default: tuple | None = None) -> None:
    """One family: a colour for each first part of the key, the second part along x; a ring round the default."""
    trace, agreement, levels = axes
    dashed = {"ls": (0, (3, 1.5)), "lw": 0.8}
    agreement.plot([], [], color=GREY, label="between retrainings")
    agreement.plot([], [], color=GREY, label="with LatentSpectrum", **dashed)
    for colour, group in zip(PALETTE, dict.fromkeys(first for first, _ in family), strict=False):
        x = [second for first, second in family if first == group]
        line = [family[group, each] for each in x]
        trace.plot(x, [np.mean(c.trace) for c in line], ".-", color=colour)
        agreement.plot(x, [1.0 - c.retrainings for c in line], ".-", color=colour)
        agreement.plot(x, [1.0 - np.mean(c.default) for c in line], color=colour, **dashed)
        curves = levels.plot(x, [np.mean(c.energies, axis=0) for c in line], ".-", color=colour, lw=0.9, ms=2.5)
        curves[0].set_label(text.format(named(group) if isinstance(group, tuple) else group))
    if default:
        own, ring = family[default], {"ms": 6, "mfc": "none", "mec": INK, "mew": 0.8}
        trace.plot(default[1], np.mean(own.trace), "o", **ring)
        agreement.plot(default[1], 1.0 - own.retrainings, "o", **ring)
    levels.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0))
    agreement.set(yscale="log")
    names = ("Held-out trace", "1 − agreement", r"Energies $E_1 \ldots E_{k-1}$")
    for ax, name in zip(axes, names, strict=True):
        ax.set(title=title, ylabel=name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="*", default=SETS)
    parser.add_argument("--folder", type=Path, default=Path("runs/spectrum"))
    parser.add_argument("--figure", type=Path)
    given = parser.parse_args()
    start = time.process_time()
    with threadpool_limits(1):
        found = {name: curves(name, given.folder) for name in given.sets}
    for name, each in found.items():
        print(stability_table(name, each))
    if given.figure:
        draw(found, given.figure)
    print(signature(start))


if __name__ == "__main__":
    main()
