"""Agreement of what is read from two codes: neighbourhoods, cluster labels, energies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from sklearn.neighbors import NearestNeighbors

from zeeman.base.checks import check_finite, check_positive_integer
from zeeman.base.types import Samples
from zeeman.replicas.pairs import MIN_SAMPLES, check_pair

__all__ = ["ami", "ari", "mutual_neighbours", "spectral_distance"]

_FLOOR = 1e-6
_ASKED = 1000  # samples whose neighbours are compared
_TIED, _ROUNDING = 1e-9, 1e-12  # of a distance, of the largest coordinate: what differs by less is as far


def mutual_neighbours(a: Any, b: Any, *, n_neighbors: int = 10) -> float:
    """Share of the k nearest neighbours that two codes have in common, (1/nk) sum_i |N_a(i) & N_b(i)|.

    Neighbours are sought among all samples, for 1,000 evenly spaced ones. Euclidean, so unchanged by rotation,
    shift and one scale. Chance is k / (n - 1). Where samples repeat, those as far as the k-th share the places left:
    each counts by its smaller share in the two codes.

    Source: Huh et al. 2024 (ICML), appendix A.

    Parameters
    ----------
    a, b : array-like, (sample, latent)
    n_neighbors : int
        k, the sample itself not counted; at most n - 1.

    Returns
    -------
    float in [0, 1]
    """
    a, b = check_pair(a, b)
    k = check_positive_integer(n_neighbors, "n_neighbors")
    if k >= len(a):
        raise ValueError(f"n_neighbors must be below the number of samples {len(a)}, got {k}")
    n = len(a)
    asked = np.unique(np.linspace(0, n - 1, min(n, _ASKED)).astype(int))
    (near_a, tied_a), (near_b, tied_b) = (_neighbours(z, asked, k) for z in (a, b))
    own = np.arange(len(asked))[:, None] * n  # makes (sample, neighbour) one number
    same = np.isin((near_a + own).ravel(), (near_b + own).ravel(), assume_unique=True).reshape(near_a.shape)
    common = same.sum(axis=1).astype(float)
    for i in np.flatnonzero(tied_a | tied_b):
        common[i] = np.minimum(_shares(a, asked[i], k), _shares(b, asked[i], k)).sum()
    return min(float(common.sum() / same.size), 1.0)


def ari(a: Any, b: Any) -> float:
    """Adjusted Rand index of two labellings, (sample,): 1 if the partitions are the same, 0 on average by chance.

    Source: Hubert and Arabie 1985, J. Classification 2:193.
    """
    return float(adjusted_rand_score(*_check_labels(a, b)))


def ami(a: Any, b: Any) -> float:
    """Adjusted mutual information of two labellings, (sample,): 1 if the partitions are the same, 0 by chance.

    Source: Vinh, Epps and Bailey 2010, JMLR 11:2837.
    """
    return float(adjusted_mutual_info_score(*_check_labels(a, b)))


def spectral_distance(a: Any, b: Any, *, floor: float = _FLOOR) -> float:
    """Scale-free distance of two energy lists: the standard deviation over levels of ln(E_n^a / E_n^b).

    Energies scale as length^-2, the same factor for every level, which the standard deviation takes out; 0.05 means
    that the ratios of levels agree to 5 %.

    Parameters
    ----------
    a, b : array-like, (state,)
        Ascending, the ground state (0) first; the longer is cut to the shorter. At least two excited levels.
    floor : float
        Levels below this fraction of the highest, before any cut, count as that fraction (isolated clusters have levels
        near 0).

    Returns
    -------
    float in [0, inf)
    """
    levels = [_check_energies(e, name) for e, name in ((a, "a"), (b, "b"))]
    n = min(map(len, levels))
    if n < 3:
        raise ValueError(f"a scale-free distance needs the ground state and two excited levels, got {n} levels")
    logs = [np.log(np.maximum(e[1:n], floor * e[-1])) for e in levels]
    return float(np.std(logs[0] - logs[1]))


def _neighbours(z: Samples, asked: NDArray[np.integer], k: int) -> tuple[NDArray[np.integer], NDArray[np.bool_]]:
    """Indices of the k nearest other samples, (asked, k), and whether the next is as near as the last, (asked,).

    Duplicates may hide the sample itself, hence the mask.
    """
    found = NearestNeighbors(n_neighbors=min(k + 2, len(z))).fit(z).kneighbors(z[asked], return_distance=False)
    itself = found == asked[:, None]
    itself[~itself.any(axis=1), -1] = True
    found = found[~itself].reshape(len(asked), -1)
    distance = np.linalg.norm(z[found[:, k - 1 :]] - z[asked][:, None], axis=2)  # of the last, and of the next if any
    return found[:, :k], (distance[:, 1:] <= distance[:, :1] + _slack(z, distance[:, :1])).any(axis=1)


def _shares(z: Samples, i: int, k: int) -> NDArray[np.float64]:
    """Weights of the k nearest others of sample i, (sample,): 1, 0, or a share of the last places."""
    distance = np.linalg.norm(z - z[i], axis=1)
    distance[i] = np.inf
    last = np.partition(distance, k - 1)[k - 1]
    nearer = distance < last - _slack(z, last)
    tied = np.abs(distance - last) <= _slack(z, last)
    return nearer + tied * (k - nearer.sum()) / tied.sum()


def _slack(z: Samples, distance: Any) -> Any:
    return _TIED * distance + _ROUNDING * np.abs(z).max()


def _check_labels(a: Any, b: Any) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a), np.asarray(b)
    for name, labels in (("a", a), ("b", b)):
        if labels.ndim != 1 or len(labels) < MIN_SAMPLES:
            raise ValueError(f"labels {name} must be (sample,), at least {MIN_SAMPLES}, got shape {labels.shape}")
        check_finite(labels, f"labels {name}")
    if len(a) != len(b):
        raise ValueError(f"a has {len(a)} labels and b {len(b)}: they must be of the same samples")
    return a, b


def _check_energies(energies: Any, name: str) -> np.ndarray:
    levels = np.asarray(energies, dtype=np.float64)
    if levels.ndim != 1:
        raise ValueError(f"energies {name} must be (state,), got shape {levels.shape}")
    check_finite(levels, f"energies {name}")
    if np.any(np.diff(levels) < 0) or (len(levels) and levels[-1] <= 0):
        raise ValueError(f"energies {name} must ascend from the ground state to a positive level, got {levels}")
    return levels
