"""Agreement of what two codes span: linear CKA, held-out CCA, principal angles. None of them sees the axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeeman.base.types import Samples, Seed
from zeeman.replicas.pairs import Folds, check_pair, mean, split

__all__ = [
    "canonical_correlations",
    "cca",
    "linear_cka",
    "principal_cosines",
    "projector_overlap",
    "subspace_agreement",
]

_RANK = 1e-6  # singular value, relative to the largest, below which a direction is no part of the span


def linear_cka(a: Any, b: Any) -> float:
    """Linear centred kernel alignment, |a^T b|_F^2 / (|a^T a|_F |b^T b|_F) with centred columns.

    Costs d x d, not n x n. Biased upward by about d_a d_b / n for unrelated codes: see its null.

    Source: Kornblith et al. 2019 (ICML), section 3.

    Parameters
    ----------
    a, b : array-like, (sample, latent)

    Returns
    -------
    float in [0, 1]
    """
    a, b = (z - z.mean(axis=0) for z in check_pair(a, b))
    cross, self_a, self_b = (np.linalg.norm(x.T @ y) for x, y in ((a, b), (a, a), (b, b)))
    return min(float(cross / self_a * (cross / self_b)), 1.0)


def canonical_correlations(a: Any, b: Any, *, seed: Seed = 0, folds: Folds | None = None) -> NDArray[np.float64]:
    """Held-out canonical correlations: directions from the training samples, correlations on the others.

    Source: Hotelling 1936, Biometrika 28:321.

    Parameters
    ----------
    a, b : array-like, (sample, latent)
    seed, folds
        Random halves, both ways averaged, or given (train, test) indices.

    Returns
    -------
    ndarray, (rank,)
        In [-1, 1], in the order of the fit; rank is the smallest of the codes in either half.
    """
    a, b = check_pair(a, b)
    found = []
    for train, test in split(len(a), seed=seed, folds=folds):
        directions_a, directions_b = _canonical_directions(a[train], b[train])
        u, v = a[test] @ directions_a, b[test] @ directions_b
        u, v = u - u.mean(axis=0), v - v.mean(axis=0)
        norm = np.sqrt((u**2).sum(axis=0) * (v**2).sum(axis=0))
        found.append((u * v).sum(axis=0) / np.where(norm > 0, norm, 1.0))
    rank = min(len(r) for r in found)
    return np.mean([r[:rank] for r in found], axis=0)


def cca(a: Any, b: Any, *, seed: Seed = 0, folds: Folds | None = None) -> float:
    """Mean held-out canonical correlation; a direction of little variance counts as much as any; 0 if a half has none.

    Source: Raghu et al. 2017 (NIPS) and Kornblith et al. 2019 (ICML) for its use on networks.
    """
    correlations = canonical_correlations(a, b, seed=seed, folds=folds)
    return float(correlations.mean()) if len(correlations) else 0.0


def principal_cosines(a: Any, b: Any) -> NDArray[np.float64]:
    """Cosines of the principal angles between the spans of two sets of states, descending.

    Singular values of U_a^T U_b, U orthonormal bases of the centred columns on the common samples: in-sample
    canonical correlations.

    Source: Bjorck and Golub 1973, Math. Comp. 27:579.

    Parameters
    ----------
    a, b : array-like, (sample, state)

    Returns
    -------
    ndarray, (smaller rank,), in [0, 1]
    """
    bases = [_orthonormal(z)[0] for z in check_pair(a, b)]
    return np.clip(np.linalg.svd(bases[0].T @ bases[1], compute_uv=False), 0.0, 1.0)


def subspace_agreement(a: Any, b: Any) -> float:
    """Mean cosine of the principal angles between the spans of a and b (see `principal_cosines`)."""
    return float(principal_cosines(a, b).mean())


def projector_overlap(a: Any, b: Any) -> float:
    """tr(P_a P_b) / r, the mean squared cosine of the principal angles, r the larger rank: for blocks of levels."""
    ranks = [_orthonormal(z)[0].shape[1] for z in check_pair(a, b)]
    return float((principal_cosines(a, b) ** 2).sum() / max(ranks))


def _orthonormal(z: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Orthonormal basis of the centred columns of z, (sample, rank), and the matrix that makes it of them."""
    left, singular, right = np.linalg.svd(z - mean(z), full_matrices=False)
    kept = singular > _RANK * singular[0]
    return left[:, kept], right[kept].T / singular[kept]


def _canonical_directions(a: Samples, b: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    (u, to_u), (v, to_v) = _orthonormal(a), _orthonormal(b)
    left, _, right = np.linalg.svd(u.T @ v, full_matrices=False)
    return to_u @ left, to_v @ right.T
