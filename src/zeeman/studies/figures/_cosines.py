"""Cosine-similarity matrices by group, and one number for how nearly they are block diagonal.

c_ij = z_i . z_j / |z_i||z_j|. Blocks C_ab = mean of c_ij over i in a, j in b, pairs i = j left out. Contrast: the mean
of C_aa minus the mean of |C_ab|, a < b. It is 1 for one direction a group, all at right angles. The contrast of
`zeeman.information.block_diagonality` keeps the sign of C_ab and so counts opposite groups as better than orthogonal
ones; a block-diagonal matrix has zeros there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zeeman.base.random import stream

__all__ = ["block_contrast", "block_means", "permuted_contrasts", "unit_vectors"]


def unit_vectors(Z: ArrayLike) -> NDArray[np.float64]:
    """Rows of Z divided by their length; rows of zeros stay zero."""
    Z = np.asarray(Z, dtype=np.float64)
    length = np.linalg.norm(Z, axis=1, keepdims=True)
    return np.divide(Z, length, out=np.zeros_like(Z), where=length > 0)


def block_means(Z: ArrayLike, labels: ArrayLike) -> tuple[NDArray, NDArray[np.float64]]:
    """Groups in sorted order, and C (group, group): mean cosine between samples of two groups."""
    names, group = np.unique(np.asarray(labels), return_inverse=True)
    sizes = np.bincount(group)
    unit = unit_vectors(Z)
    sums = np.stack([unit[group == a].sum(axis=0) for a in range(len(names))])
    own = np.array([(unit[group == a] ** 2).sum() for a in range(len(names))])  # pairs i = j
    pairs = np.outer(sizes, sizes).astype(np.float64) - np.diag(sizes)
    return names, (sums @ sums.T - np.diag(own)) / np.maximum(pairs, 1)


def block_contrast(Z: ArrayLike, labels: ArrayLike) -> float:
    """Mean cosine within groups minus mean absolute block cosine between groups."""
    _, C = block_means(Z, labels)
    return float(np.diag(C).mean() - np.abs(C[np.triu_indices(len(C), 1)]).mean())


def permuted_contrasts(Z: ArrayLike, labels: ArrayLike, n_draws: int, seed: int) -> NDArray[np.float64]:
    """`block_contrast` with labels in random order, (draw,)."""
    rng = stream(seed, "permuted labels")
    return np.array([block_contrast(Z, rng.permutation(np.asarray(labels))) for _ in range(n_draws)])
