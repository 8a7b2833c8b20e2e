"""How finely the samples can be read: landmarks, width, and the states that only isolated samples make.

The width (and the number of landmarks) with the lowest held-out energy is taken: over four folds, with landmarks from
the training part and C its k lowest states, the smallest mean of tr[(C^T B_te C)^-1 C^T A_te C].

Where a mixture proposes k sets (`zeeman.spectrum.sets`) the levels are found in two steps: the k lowest in its
functions, then the others, orthogonal to these, at the landmarks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from zeeman.base.random import stream
from zeeman.hamiltonians import (
    Combined,
    Levels,
    NormalizedGaussians,
    NormalizedMixture,
    Union,
    held_out_trace,
    landmarks,
    rayleigh_ritz,
)

__all__ = [
    "Resolution",
    "Solution",
    "carried_levels",
    "centers_of",
    "choose_basis",
    "fewest_carriers",
    "neighbour_distance",
    "nested_levels",
]

_WIDTHS = (0.7, 1.0, 1.4, 2.0, 2.8)
_FOLDS = 4
_MAX_SAMPLES = 4_000  # enough to rank widths; the levels themselves use every sample
_MAX_LANDMARKS = 300
_SAMPLES_A_LANDMARK, _FEWEST_SAMPLES_A_LANDMARK = 10, 5
_FEWEST_CARRIERS = 30  # fewer where there are fewer than 1,500 samples: one in fifty
_SAMPLES_A_CARRIER = 50
_MORE = 2  # times n_states: states kept of every fold
_LANDMARKS_A_STATE = 4  # at least, or high levels are not resolved


@dataclass(frozen=True)
class Resolution:
    """What the samples can bear.

    Attributes
    ----------
    basis : NormalizedGaussians
    width : float
        In units of the distance between neighbouring landmarks.
    folds : ndarray, (sample,)
        Fold of each sample, -1 for samples that judged nothing.
    judged : list of (NormalizedGaussians, ndarray)
        For every fold, the basis and the coefficients of its lowest states, from the other folds' samples.
    report : dict
        Held-out energy of every candidate.
    """

    basis: NormalizedGaussians
    width: float
    folds: NDArray[np.integer]
    judged: list[tuple[NormalizedGaussians, NDArray[np.float64]]]
    report: dict[str, Any]


@dataclass(frozen=True)
class Solution:
    """Levels of the samples.

    Attributes
    ----------
    basis : NormalizedGaussians or Union
    levels : Levels
        State 0 is the constant, 1, at energy 0.
    states : ndarray, (sample, n_states)
        Values f_m(z_n), orthonormal under the samples.
    outliers : list of dict
        Energy and number of carrying samples of the states set aside because few samples carry them.
    inner : list of dict
        Energy of the states set aside because they move inside a set at less than the cost of parting all sets.
    """

    basis: Any
    levels: Levels
    states: NDArray[np.float64]
    outliers: list[dict[str, float]]
    inner: list[dict[str, float]]


def neighbour_distance(centers: NDArray[np.float64]) -> float:
    """Median distance from a landmark to its nearest other landmark, in units of the latent space."""
    return float(np.median(cKDTree(centers).query(centers, k=2)[0][:, 1]))


def choose_basis(
    Z: NDArray[np.float64], n_states: int, n_landmarks: int | None, width: float | None, seed: int
) -> Resolution:
    """Landmarks and width of the lowest held-out energy among the candidates."""
    least = min(_LANDMARKS_A_STATE * n_states, max(2 * n_states, len(Z) // _FEWEST_SAMPLES_A_LANDMARK))
    most = n_landmarks or max(least, min(_MAX_LANDMARKS, len(Z) // _SAMPLES_A_LANDMARK))
    counts = (most,) if n_landmarks else tuple(sorted({max(least, most // 3), most}))
    widths = _WIDTHS if width is None else (float(width),)
    best, folds = widths[len(widths) // 2], np.full(len(Z), -1)
    tried: dict[tuple[int, float], _Tried] = {}
    if len(Z) >= _FOLDS * 2 * n_states:
        folds = _assigned(len(Z), seed)
        tried = _held_out(Z, n_states, counts, widths, folds, seed)
        most, best = min(tried, key=lambda key: tried[key].trace)
    centers = centers_of(Z, most, n_states, seed)
    report = {
        "landmarks": [m for m, _ in tried], "width": [w for _, w in tried], "trace": [t.trace for t in tried.values()],
    }  # fmt: skip
    judged = tried[most, best].judged if tried else []
    return Resolution(NormalizedGaussians(centers, best * neighbour_distance(centers)), best, folds, judged, report)


def carried_levels(
    basis: NormalizedGaussians,
    Z: NDArray[np.float64],
    n_states: int,
    weights: NDArray[np.float64] | None = None,
) -> Solution:
    """The (at most) `n_states` lowest levels that more than a few samples carry.

    The number of samples that carry f is (sum f^2)^2 / sum f^4: n for a function that is constant on n samples and
    zero elsewhere.
    """
    levels = rayleigh_ritz(*basis.forms(Z, weights), 3 * n_states, ground=basis.constant)
    return _carried(basis, levels, Z, n_states, weights, n_sets=1)


def nested_levels(
    sets: NormalizedMixture,
    k: int,
    basis: NormalizedGaussians,
    Z: NDArray[np.float64],
    n_states: int,
    weights: NDArray[np.float64] | None = None,
) -> Solution | None:
    """The k lowest levels in the functions of `sets`, then those in `basis` orthogonal to them; None if fewer than k.

    Of the latter, states below the k-th move inside a set: they are set aside, so that the first k states tell the
    sets apart in every retraining, also where the two kinds of level cross.
    """
    low = rayleigh_ritz(*sets.forms(Z, weights), k, ground=sets.constant)
    if len(low.energies) < k:
        return None
    both = Union(Combined(sets, low.coefficients), basis)
    A, B = both.forms(Z, weights)
    outward = np.vstack([-B[:k, k:], np.eye(basis.n_functions)])
    high = rayleigh_ritz(outward.T @ A @ outward, outward.T @ B @ outward, 3 * n_states)
    coefficients = np.hstack([np.eye(both.n_functions, k), outward @ high.coefficients])
    energies = np.concatenate([low.energies, high.energies])
    return _carried(both, Levels(energies, coefficients), Z, n_states, weights, n_sets=k)


def fewest_carriers(n_samples: int) -> float:
    """Samples that a state or a set must have to be more than an outlier."""
    return min(_FEWEST_CARRIERS, n_samples / _SAMPLES_A_CARRIER)


def _carried(
    basis: Any, levels: Levels, Z: NDArray[np.float64], n_states: int, weights: NDArray[np.float64] | None, n_sets: int
) -> Solution:
    states = basis.apply(Z, levels.coefficients)
    w = np.ones(len(Z)) if weights is None else weights
    fourth = w @ states**4
    carriers = (w @ states**2) ** 2 / np.where(fourth > 0, fourth, 1.0)
    low = np.arange(n_sets)
    carried = carriers >= fewest_carriers(len(Z))
    above = levels.energies >= levels.energies[n_sets - 1]
    above[:n_sets] = carried[:n_sets] = False
    kept = np.append(low, np.flatnonzero(carried & above)[: n_states - n_sets])
    if len(kept) < n_states:  # few samples: their highest levels live on few of them
        others = np.flatnonzero(~carried & above)[: n_states - len(kept)]
        kept = np.append(low, np.sort(np.concatenate([kept[n_sets:], others])))
    aside = [m for m in range(n_sets, kept[-1]) if m not in kept]
    inner = [{"energy": float(levels.energies[m])} for m in aside if carried[m]]
    outliers = [{"energy": float(levels.energies[m]), "samples": float(carriers[m])} for m in aside if not carried[m]]
    found = Levels(levels.energies[kept], levels.coefficients[:, kept])
    return Solution(basis, found, states[:, kept], outliers, inner)


def centers_of(Z: NDArray[np.float64], count: int, n_states: int, seed: int) -> NDArray[np.float64]:
    """Landmarks of `Z`, (landmark, latent), at most `count` and enough for `n_states` levels."""
    centers = landmarks(Z, count, seed)
    if len(centers) < 2 * n_states:  # few samples: a cell of one is better than no basis
        centers = landmarks(Z, min(len(Z), max(count, 2 * n_states)), seed, min_count=1)
    if len(centers) < n_states:
        raise ValueError(
            f"Z has only {len(centers)} distinct samples, too few for n_states = {n_states} levels: lower n_states"
        )
    return centers


def _assigned(n_samples: int, seed: int) -> NDArray[np.integer]:
    """Fold of each sample, (sample,); -1 beyond as many samples as rank candidates well enough."""
    rng = stream(seed, "folds")
    folds = np.full(n_samples, -1)
    chosen = rng.permutation(n_samples)[:_MAX_SAMPLES]
    folds[chosen] = np.arange(len(chosen)) % _FOLDS
    return folds


@dataclass
class _Tried:
    """One number of landmarks and width: mean held-out trace, and what was found for every fold."""

    trace: float = 0.0
    judged: list[tuple[NormalizedGaussians, NDArray[np.float64]]] = field(default_factory=list)


def _held_out(
    Z: NDArray[np.float64], n_states: int, counts: tuple[int, ...], widths: tuple[float, ...],
    folds: NDArray[np.integer], seed: int,
) -> dict[tuple[int, float], _Tried]:  # fmt: skip
    tried = {(count, width): _Tried() for count in counts for width in widths}
    for part in range(_FOLDS):
        training, test = Z[(folds >= 0) & (folds != part)], Z[folds == part]
        for count in counts:
            centers = centers_of(training, count, n_states, seed)
            distance = neighbour_distance(centers)
            for width in widths:
                basis = NormalizedGaussians(centers, width * distance)
                levels = rayleigh_ritz(*basis.forms(training), _MORE * n_states, ground=basis.constant)
                low = levels.coefficients[:, :n_states]
                trace = held_out_trace(low, *basis.forms(test)) if low.shape[1] == n_states else np.inf
                tried[count, width].trace += trace / _FOLDS
                tried[count, width].judged.append((basis, levels.coefficients))
    return tried
