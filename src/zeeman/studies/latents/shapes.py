"""Codes against an order parameter, and the shape they take.

Maps are fitted on one half of the samples and judged on the other. With M (sample, component) the order parameter and P
what a map of the codes says of it, R = sqrt(1 - |M - P|^2 / |M - <M>|^2) is the multiple correlation.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

__all__ = ["agreement", "corner_score", "corners", "cosines", "edge_ratio", "linear_map", "radial_spread", "turned"]

Array = NDArray[np.float64]


def linear_map(Z: Array, M: Array, at: Array) -> Array:
    """The best linear map of codes `Z` to `M`, with an intercept, applied `at` other codes, (sample, component)."""
    coefficients = np.linalg.lstsq(np.column_stack([Z, np.ones(len(Z))]), M, rcond=None)[0]
    return np.column_stack([at, np.ones(len(at))]) @ coefficients


def turned(Z: Array, M: Array, at: Array) -> Array:
    """The best rotation or reflection, one scale and a shift of codes `Z` to `M`, applied `at` other codes.

    Procrustes: Q = U V^T of the singular value decomposition of Z^T M, both centred (P. Schoenemann, Psychometrika 31
    (1966) 1).
    """
    z0, m0 = Z.mean(axis=0), M.mean(axis=0)
    u, s, vt = np.linalg.svd((Z - z0).T @ (M - m0))
    return m0 + (at - z0) @ (u @ vt) * s.sum() / ((Z - z0) ** 2).sum()


def agreement(M: Array, P: Array) -> float:
    """Multiple correlation R; negative, -sqrt of the excess, where P says less than the mean of M."""
    explained = 1.0 - ((M - P) ** 2).sum() / ((M - M.mean(axis=0)) ** 2).sum()
    return float(np.sign(explained) * np.sqrt(abs(explained)))


def cosines(M: Array, P: Array) -> float:
    """Mean cosine of the angle between two vectors a sample: 1, the same directions; 0, none."""
    lengths = np.linalg.norm(M, axis=1) * np.linalg.norm(P, axis=1)
    return float(((M * P).sum(axis=1) / np.maximum(lengths, 1e-300)).mean())


def radial_spread(Z: Array) -> float:
    """Standard deviation over mean of the distance from the centre: 0 on a circle or a sphere."""
    r = np.linalg.norm(Z - Z.mean(axis=0), axis=1)
    return float(r.std() / r.mean())


def corners(Z: Array, states: NDArray[np.int64]) -> Array:
    """Mean code of every state, (state, latent), in the order of their values."""
    return np.stack([Z[states == state].mean(axis=0) for state in np.unique(states)])


def edge_ratio(points: Array, *, ring: bool) -> float:
    """Shortest over longest distance of all points (1 for a simplex), or of neighbours on a ring (1 for a polygon)."""
    pairs = [(a, (a + 1) % len(points)) for a in range(len(points))] if ring else combinations(range(len(points)), 2)
    lengths = [float(np.linalg.norm(points[a] - points[b])) for a, b in pairs]
    return min(lengths) / max(lengths)


def corner_score(Z: Array, states: NDArray[np.int64], n_corners: int, seed: int) -> float:
    """Adjusted Rand index of `n_corners` k-means clusters and the state of most sites: 1, the same; 0, chance."""
    found = KMeans(n_corners, n_init=10, random_state=seed).fit_predict(Z)
    return float(adjusted_rand_score(states, found))
