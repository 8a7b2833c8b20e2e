"""Functions to expand states in.

Normalised Gaussians at landmarks c_j, a partition of unity on the whole space:

    p_j(z) = exp(-|z - c_j|^2 / 2 s^2) / sum_l exp(-|z - c_l|^2 / 2 s^2),      sum_j p_j = 1,
    grad p_j = p_j (c_j - cbar) / s^2,                                         cbar = sum_l p_l c_l.

The constant is in their span, they are bounded far from every landmark, and nothing in them knows the axes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from sklearn.cluster import KMeans

__all__ = ["NormalizedGaussians", "landmarks"]

_CHUNK_VALUES = 8_000_000  # samples times landmarks held at once: 64 MB a matrix


@dataclass(frozen=True)
class NormalizedGaussians:
    """Gaussians of one width at landmarks, divided by their sum.

    Parameters
    ----------
    centers : ndarray, (landmark, latent)
        Landmarks c_j.
    width : float
        s, in units of the latent space.
    """

    centers: NDArray[np.float64]
    width: float

    def __call__(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values p_j(z_n), (sample, landmark); every row sums to one."""
        # |z|^2 is common to a row and cancels in the ratio
        exponent = Z @ self.centers.T - 0.5 * np.einsum("jd,jd->j", self.centers, self.centers)
        exponent /= self.width**2
        exponent -= exponent.max(axis=1, keepdims=True)
        values = np.exp(exponent, out=exponent)
        values /= values.sum(axis=1, keepdims=True)
        return values

    def apply(self, Z: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Functions f(z) = sum_j coefficients_j p_j(z), (sample, function), in bounded memory."""
        return np.concatenate([self(part) @ coefficients for part in self._chunks(Z)])

    def forms(
        self, Z: NDArray[np.float64], weights: NDArray[np.float64] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Dirichlet form and overlap of the basis over samples of q.

        A_ij = 1/2 E_q[grad p_i . grad p_j] = 1/(2 s^4) E_q[p_i p_j (c_i - cbar).(c_j - cbar)],
        B_ij = E_q[p_i p_j]: two matrix products of (landmark, sample) by (sample, landmark), whatever the dimension.

        Parameters
        ----------
        Z : ndarray, (sample, latent)
        weights : ndarray, (sample,), optional
            Weights of the samples, normalised to sum to one here; equal if not given.

        Returns
        -------
        A, B : ndarray, (landmark, landmark)
        """
        origin = self.centers.mean(axis=0)  # nothing depends on the origin; this one loses the fewest digits
        centers = self.centers - origin
        weights = np.ones(len(Z)) if weights is None else weights
        total, done = weights.sum(), 0
        overlap = np.zeros((len(centers), len(centers)))
        cross = np.zeros_like(overlap)
        for part in self._chunks(Z):
            values = self(part)
            weighted = values * weights[done : done + len(part), None]
            done += len(part)
            mean = values @ centers
            overlap += weighted.T @ values
            values *= np.einsum("nd,nd->n", mean, mean)[:, None] - 2.0 * (mean @ centers.T)
            cross += weighted.T @ values
        energy = (centers @ centers.T) * overlap + 0.5 * (cross + cross.T)
        return energy / (2.0 * self.width**4 * total), overlap / total

    def distance(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance of every sample to its nearest landmark, (sample,), in units of the latent space."""
        return cKDTree(self.centers).query(Z)[0]

    def _chunks(self, Z: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
        size = max(1, _CHUNK_VALUES // len(self.centers))
        for start in range(0, len(Z), size):
            yield Z[start : start + size]


def landmarks(
    Z: NDArray[np.float64], n_landmarks: int, seed: int, min_count: int = 5, max_samples: int = 20_000
) -> NDArray[np.float64]:
    """Centres of the k-means cells of `Z` that hold at least `min_count` samples.

    Cells with fewer samples are isolated points: a Gaussian of their own would make a low state of their own.

    Parameters
    ----------
    Z : ndarray, (sample, latent)
    n_landmarks : int
        Cells asked for; at most the number of distinct samples.
    seed : int
        Seed of k-means++ and of the choice of `max_samples` samples where there are more.

    Returns
    -------
    ndarray, (landmark, latent)
        At most `n_landmarks` centres.
    """
    rng = np.random.default_rng(seed)
    if len(Z) > max_samples:
        Z = Z[np.sort(rng.choice(len(Z), max_samples, replace=False))]
    n_distinct = len(np.unique(Z, axis=0))
    fit = KMeans(min(n_landmarks, n_distinct), n_init=1, max_iter=50, random_state=seed % 2**32).fit(Z)
    counts = np.bincount(fit.labels_, minlength=fit.n_clusters)
    return fit.cluster_centers_[counts >= min(min_count, counts.max())].astype(np.float64)
