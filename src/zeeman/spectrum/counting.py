"""How many clusters: the largest k whose k sets are separated, by one of two kinds of evidence.

Shapes: the cells of the k lowest states at the landmarks. Two conditions, because each alone is fooled:

- kappa_k (`zeeman.spectrum.localized`) exceeds what a Gaussian of the same covariance shows. Its null is drawn, in a
  basis made the same way; 2/pi, a Gaussian cut in half, is its floor. A long even sheet cut in half passes with 8/pi^2.
- Along the line that best tells two cells apart (Fisher's discriminant) there are fewer samples halfway than at the
  medians of both: mid / side, plus two standard errors, below 2/3, for every pair of cells. A sheet or an arm of a
  cluster, however long, has no such valley. Rings and arcs of more than half a turn have, but none along the samples:
  there the middle must be below 4/5 of the sides (`zeeman.spectrum.valleys`). Above kappa = 0.95 no valley is asked
  for: no connected shape comes near, and sets that embrace one another have no line between them. A few samples in a
  tail do: cells of fewer than five samples, or than carry a state, are outliers, and a valley is asked for where one
  has fewer than 24 and a tenth of all.

Compact sets: the cells of the k lowest states that a mixture of k Gaussians proposes (`zeeman.spectrum.sets`), where
these have a lower held-out energy than those at the landmarks: the samples themselves prefer the mixture's shape. Then
kappa_k must exceed what k - 1 such sets show when one is cut in two, at least 0.75 and at most 0.95, and between every
pair of cells the density must dip by more than two standard errors, however little: sets that overlap so much that no
deep valley is left are still counted, an even sheet is not cut. Along the samples such sets and the arcs of a thick
ring look alike (0.9 and 0.8 of the density halfway), but the ring has the levels of a planar rotor, 0, 1, 1, 4, 4: none
of its doublets may be cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zeeman.base.random import stream
from zeeman.hamiltonians import NormalizedGaussians, fit_mixture
from zeeman.spectrum.localized import localize, partitions, separation
from zeeman.spectrum.resolution import Resolution, carried_levels, centers_of, fewest_carriers, neighbour_distance
from zeeman.spectrum.sets import HALVED_GAUSSIAN, Sets, set_levels, split_one_of_fewer
from zeeman.spectrum.valleys import along, shallowest, worst_dip

__all__ = ["HALVED_GAUSSIAN", "SHALLOW", "Count", "count_clusters", "recount"]

SHALLOW = 2.0 / 3.0
_CUT = 0.75  # sets that are not quite Gaussian show up to 0.74 when one is cut in two, Gaussian ones 0.70
_PARTED = 0.95
_EVEN = 0.8  # halfway along the samples of a ring or an arc there are 0.82 of those at the sides, or more
_DOUBLET = 1.25  # upper over lower level: of rings of 1,500 samples up to 1.2
_FEWEST_MEMBERS, _MANY_MEMBERS = 5, 24
_DRAWS = 20
_MAX_SAMPLES = 3_000


@dataclass(frozen=True)
class Count:
    """The number of clusters and what it rests on; mappings for k = 2 .. n_states.

    Attributes
    ----------
    n_clusters : int
    separation, threshold, valley : dict
        kappa_k, what it must exceed, and the density halfway between the two cells parted least over that at their
        sides, by the kind of evidence that has the lower held-out energy at k.
    compact : dict
        k -> `Sets`, where a mixture has the lower held-out energy.
    bent : dict
        k -> density halfway along the samples, where there is a valley on the line only.
    """

    n_clusters: int
    separation: dict[int, float]
    threshold: dict[int, float]
    valley: dict[int, float]
    compact: dict[int, Sets]
    bent: dict[int, float]


def count_clusters(
    Z: NDArray[np.float64],
    states: NDArray[np.float64],
    energies: NDArray[np.float64],
    resolution: Resolution,
    sets: dict[int, Sets],
    seed: int,
    known: int | None = None,
) -> Count:
    """Weigh both kinds of evidence for every k; nulls are drawn only where they decide.

    Parameters
    ----------
    Z : ndarray, (sample, latent)
    states : ndarray, (sample, state)
        Lowest states at the landmarks, orthonormal under the samples, the constant included.
    energies : ndarray, (state,)
        Of these.
    resolution : Resolution
    sets : dict
        `zeeman.spectrum.sets.mixture_sets`.
    known : int, optional
        The number of clusters, if it is known.
    """
    separations, valleys = evidence(Z, states)
    bent = _bent(Z, states, separations, valleys)
    valleys |= bent
    thresholds = dict.fromkeys(separations, HALVED_GAUSSIAN)
    shapes = _largest(separations, valleys, thresholds)
    doublets = (2, 4) if known is None and is_rotor(energies) else ()
    compact = {k: found for k, found in sets.items() if found.trace < found.rival and k not in doublets}
    n_clusters = known or 1
    for k, found in sorted(compact.items(), reverse=True):
        separations[k], valleys[k] = found.kappa, float(np.exp(-found.dip))
        if known is None and n_clusters == 1 and found.plausible:
            fewer = sets[k - 1].basis if k - 1 in sets else fit_mixture(Z, k - 1, seed)
            thresholds[k] = min(_PARTED, max(_CUT, split_one_of_fewer(fewer, len(Z), seed)))
            if found.kappa > thresholds[k]:
                n_clusters = k
    if known is None and shapes > n_clusters:  # only then does their null matter
        null = null_thresholds(Z, len(resolution.basis.centers), resolution.width, shapes, seed)
        thresholds |= {k: v for k, v in null.items() if k not in compact}
        shaped = {k: v for k, v in separations.items() if k not in compact}
        n_clusters = max(n_clusters, _largest(shaped, valleys, thresholds))
    return Count(n_clusters, separations, thresholds, valleys, compact, bent)


def recount(Z: NDArray[np.float64], states: NDArray[np.float64], times: NDArray[np.integer], count: Count) -> int:
    """Number of clusters of a resample, sample n taken times[n] times, with the bases and thresholds of `count`."""
    drawn = np.repeat(Z, times, axis=0)
    separations, valleys = evidence(drawn, np.repeat(states, times, axis=0))
    valleys |= count.bent
    shapes = {k: v for k, v in separations.items() if k not in count.compact}
    n_clusters = _largest(shapes, valleys, count.threshold)
    for k, found in count.compact.items():
        again = set_levels(found.basis, Z, k, times.astype(np.float64))
        if k < n_clusters or len(again.energies) < k:
            continue
        cells = found.basis.apply(drawn, again.coefficients)
        labels = np.argmax(cells @ localize(cells), axis=1)
        if separation(cells, labels) > max(_CUT, count.threshold[k]) and worst_dip(drawn, labels, k) > 0.0:
            n_clusters = k
    return n_clusters


def _largest(separations: dict[int, float], valleys: dict[int, float], thresholds: dict[int, float]) -> int:
    """Largest k with kappa_k above its threshold and the shallowest valley below 2/3, 1 if there is none."""
    parted = [k for k, kappa in separations.items() if kappa > _PARTED or valleys[k] < SHALLOW]
    return max((k for k in parted if separations[k] > thresholds[k]), default=1)


def is_rotor(energies: NDArray[np.float64]) -> bool:
    """Whether the lowest levels are those of a motion round a ring: 0, a doublet, and another 3 to 4 times as high."""
    if len(energies) < 5 or energies[1] <= 0:
        return False
    _, first, second, third, fourth = energies[:5]
    return bool(second < _DOUBLET * first and fourth < _DOUBLET * third and 2.5 < third / first < 5.0)


def _bent(
    Z: NDArray[np.float64], states: NDArray[np.float64], separations: dict[int, float], valleys: dict[int, float]
) -> dict[int, float]:
    """Density halfway along the samples, for every k whose cells have a valley on the line only."""
    found = {}
    for k, kappa in separations.items():
        if HALVED_GAUSSIAN < kappa <= _PARTED and valleys[k] < SHALLOW:
            localized = states[:, :k] @ localize(states[:, :k])
            found[k] = along(Z, localized, np.argmax(localized, axis=1))
    return {k: middle for k, middle in found.items() if middle >= _EVEN}


def evidence(Z: NDArray[np.float64], states: NDArray[np.float64]) -> tuple[dict[int, float], dict[int, float]]:
    """kappa_k and the shallowest valley between two cells, for every k from 2 to the number of states.

    Parameters
    ----------
    Z : ndarray, (sample, latent)
    states : ndarray, (sample, state)
        Orthonormal under the samples, the constant included.
    """
    cells = partitions(states)
    separations, many = _separations(states, cells), min(_MANY_MEMBERS, len(Z) / 10)
    for k, labels in cells.items():
        if _smallest(labels, k) < many:
            separations[k] = min(separations[k], _PARTED)  # not without a valley
    valleys = {k: shallowest(Z, labels, k) if separations[k] > HALVED_GAUSSIAN else 1.0 for k, labels in cells.items()}
    return separations, valleys


def _separations(states: NDArray[np.float64], cells: dict[int, NDArray[np.integer]]) -> dict[int, float]:
    """kappa_k for every k; 0 where a cell is of outliers."""
    fewest = max(fewest_carriers(len(states)), _FEWEST_MEMBERS)
    return {
        k: separation(states[:, :k], labels) if _smallest(labels, k) >= fewest else 0.0 for k, labels in cells.items()
    }


def _smallest(labels: NDArray[np.integer], k: int) -> int:
    return int(np.bincount(labels, minlength=k).min())


def null_thresholds(
    Z: NDArray[np.float64], n_landmarks: int, width: float, n_states: int, seed: int
) -> dict[int, float]:
    """max(2/pi, mean + 2 sd of kappa_k) for k = 2 .. n_states over Gaussians with the covariance of `Z`.

    Parameters
    ----------
    Z : ndarray, (sample, latent)
    n_landmarks : int
    width : float
        In units of the distance between neighbouring landmarks, as for `Z` itself.
    """
    rng = stream(seed, "null")
    n_samples = min(len(Z), _MAX_SAMPLES)
    if n_samples < len(Z):
        n_landmarks = min(n_landmarks, max(n_states, n_samples // 10))
    variances = np.maximum(np.linalg.eigvalsh(np.cov(Z, rowvar=False, ddof=0).reshape(Z.shape[1], -1)), 0.0)
    kappas: dict[int, list[float]] = {k: [] for k in range(2, n_states + 1)}
    for _ in range(_DRAWS):
        drawn = rng.standard_normal((n_samples, len(variances))) * np.sqrt(variances)
        centers = centers_of(drawn, n_landmarks, n_states, int(rng.integers(2**31)))
        basis = NormalizedGaussians(centers, width * neighbour_distance(centers))
        states = carried_levels(basis, drawn, n_states).states
        for k, kappa in _separations(states, partitions(states)).items():
            kappas[k].append(kappa)
    return {k: _threshold(values) for k, values in kappas.items()}


def _threshold(values: list[float]) -> float:
    if len(values) < 2:  # a Gaussian of as many samples has no such states to show
        return np.inf
    high = float(np.mean(values) + 2.0 * np.std(values, ddof=1))
    return max(HALVED_GAUSSIAN, high if high < 1.0 else max(values))  # kappa is never above 1
