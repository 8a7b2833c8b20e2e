"""Functions to expand states in, and landmarks to put them at.

Normalised Gaussians at landmarks c_j, a partition of unity on the whole space:

    p_j(z) = exp(-|z - c_j|^2 / 2 s^2) / sum_l exp(-|z - c_l|^2 / 2 s^2),      sum_j p_j = 1,
    grad p_j = p_j (c_j - cbar) / s^2,                                         cbar = sum_l p_l c_l.

The constant is in their span, they are bounded far from every landmark, and nothing in them knows the axes.

A union of two bases spans both: its levels lie below those of either (Ritz), up to what the cutoff leaves out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from sklearn.cluster import KMeans

from zeeman.base.random import stream
from zeeman.hamiltonians._chunks import checked_weights, chunk_sums, chunks, single_threaded, stacked

__all__ = ["NormalizedGaussians", "SampleBasis", "Union", "landmarks"]


class SampleBasis(Protocol):
    """Functions f_j(z) that states are sums of, with their forms over samples of a density."""

    @property
    def n_functions(self) -> int:
        """How many."""

    @property
    def constant(self) -> NDArray[np.float64]:
        """Coefficients of f = 1, (function,)."""

    def __call__(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values f_j(z_n), (sample, function)."""

    def gradients(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Derivatives along each axis, (latent, sample, function)."""

    def apply(self, Z: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sums f(z) = sum_j coefficients_j f_j(z), (sample, state), in bounded memory."""

    def forms(
        self, Z: NDArray[np.float64], weights: NDArray[np.float64] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A_ij = 1/2 E_q[grad f_i . grad f_j] and B_ij = E_q[f_i f_j] over samples of q, in bounded memory."""


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

    @property
    def n_functions(self) -> int:
        """Number of landmarks."""
        return len(self.centers)

    @property
    def constant(self) -> NDArray[np.float64]:
        """Coefficients of f = 1: all of them 1."""
        return np.ones(len(self.centers))

    def __call__(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values p_j(z_n), (sample, landmark); every row sums to one."""
        values = self._unnormalized(Z)
        values /= values.sum(axis=1, keepdims=True)
        return values

    def gradients(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Derivatives of p_j along each axis, (latent, sample, landmark), per unit of length."""
        values, centers = self(Z), self._centered()
        inward = centers.T[:, None, :] - (values @ centers).T[:, :, None]
        return values * inward / self.width**2

    def apply(self, Z: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Functions f(z) = sum_j coefficients_j p_j(z), (sample, function), in bounded memory."""
        columns = np.column_stack([coefficients, np.ones(len(coefficients))])

        def part(rows: slice) -> NDArray[np.float64]:
            sums = self._unnormalized(Z[rows]) @ columns
            return sums[:, :-1] / sums[:, -1:]

        return stacked(part, chunks(len(Z), len(self.centers)))

    def forms(
        self, Z: NDArray[np.float64], weights: NDArray[np.float64] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Dirichlet form and overlap of the basis over samples of q.

        A_ij = 1/2 E_q[grad p_i . grad p_j] = 1/(2 s^4) E_q[p_i p_j (c_i - cbar).(c_j - cbar)],
        B_ij = E_q[p_i p_j]. Expanded, (c_i - cbar).(c_j - cbar) = c_i.c_j + u_i + u_j with u_j = |cbar|^2/2 - cbar.c_j:
        one symmetric and one full product of (landmark, sample) by (sample, landmark), whatever the dimension. About
        eps (extent / s)^2 of a level 1/s^2 is lost to rounding.

        Parameters
        ----------
        Z : ndarray, (sample, latent)
        weights : ndarray, (sample,), optional
            Weights of the samples, normalised to sum to one here; equal if not given.

        Returns
        -------
        A, B : ndarray, (landmark, landmark)
            A in units of length^-2.
        """
        root = np.sqrt(checked_weights(weights, len(Z)))
        centers = self._centered()
        ones = np.ones((len(centers), 1))
        sums_and_means, halves_and_centers = np.hstack([ones, centers]), np.hstack([ones, -centers]).T

        def part(rows: slice) -> tuple[NDArray[np.float64], ...]:
            values = self._unnormalized(Z[rows])
            moments = values @ sums_and_means
            values *= (root[rows] / moments[:, 0])[:, None]
            mean = moments[:, 1:] / moments[:, :1]
            half = 0.5 * np.einsum("nd,nd->n", mean, mean)
            u = np.column_stack([half, mean]) @ halves_and_centers
            u *= values
            return values.T @ values, values.T @ u

        overlap, cross = chunk_sums(part, chunks(len(Z), len(centers)))
        energy = (centers @ centers.T) * overlap + cross + cross.T
        return energy / (2.0 * self.width**4), overlap

    def distance(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance of every sample to its nearest landmark, (sample,), in units of the latent space."""
        return cKDTree(self.centers).query(Z)[0]

    def _centered(self) -> NDArray[np.float64]:
        # nothing depends on the origin; this one loses the fewest digits
        return self.centers - self.centers.mean(axis=0)

    def _unnormalized(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Gaussians (sample, landmark), the largest of every row 1, so that none vanishes far away."""
        centers = self._centered()
        # |z|^2 is common to a row and cancels in the ratio
        linear = np.vstack([centers.T, -0.5 * np.einsum("jd,jd->j", centers, centers)]) / self.width**2
        exponent = np.column_stack([Z - self.centers.mean(axis=0), np.ones(len(Z))]) @ linear
        exponent -= exponent.max(axis=1, keepdims=True)
        return np.exp(exponent, out=exponent)


@dataclass(frozen=True)
class Union:
    """The functions of one basis and then those of another.

    The functions may differ in size and depend on one another: solve by `ritz`, or with `unit_norms=True`.

    Parameters
    ----------
    first, second : SampleBasis
    """

    first: SampleBasis
    second: SampleBasis

    @property
    def n_functions(self) -> int:
        """Functions of both."""
        return self.first.n_functions + self.second.n_functions

    @property
    def constant(self) -> NDArray[np.float64]:
        """Coefficients of f = 1, in the first basis."""
        return np.append(self.first.constant, np.zeros(self.second.n_functions))

    def __call__(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values, (sample, function)."""
        return np.hstack([self.first(Z), self.second(Z)])

    def gradients(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Derivatives along each axis, (latent, sample, function)."""
        return np.concatenate([self.first.gradients(Z), self.second.gradients(Z)], axis=2)

    def apply(self, Z: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Functions f(z) = sum_j coefficients_j f_j(z), (sample, state), in bounded memory."""
        split = self.first.n_functions
        return self.first.apply(Z, coefficients[:split]) + self.second.apply(Z, coefficients[split:])

    def forms(
        self, Z: NDArray[np.float64], weights: NDArray[np.float64] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Dirichlet form and overlap over samples: each basis by its own shortest way, cross terms by gradients.

        Parameters
        ----------
        Z : ndarray, (sample, latent)
        weights : ndarray, (sample,), optional
            Weights of the samples, normalised to sum to one here; equal if not given.

        Returns
        -------
        A, B : ndarray, (function, function)
            A in units of length^-2.
        """
        w = checked_weights(weights, len(Z))[:, None]

        def part(rows: slice) -> tuple[NDArray[np.float64], ...]:
            z = Z[rows]
            overlap = (self.first(z) * w[rows]).T @ self.second(z)
            pairs = zip(self.first.gradients(z), self.second.gradients(z), strict=True)
            return 0.5 * sum((a * w[rows]).T @ b for a, b in pairs), overlap

        across = chunk_sums(part, chunks(len(Z), self.n_functions * Z.shape[1]))
        inside = zip(self.first.forms(Z, weights), across, self.second.forms(Z, weights), strict=True)
        energy, overlap = (np.block([[a, x], [x.T, b]]) for a, x, b in inside)
        return energy, overlap


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

    Raises
    ------
    ValueError
        If all samples are equal.
    """
    rng = stream(seed, "landmarks")
    if len(Z) > max_samples:
        Z = Z[np.sort(rng.choice(len(Z), max_samples, replace=False))]
    n_distinct = len(np.unique(Z, axis=0))
    if n_distinct == 1:
        raise ValueError(f"Z has no variation: all {len(Z)} samples equal {Z[0]!r}; a density needs distinct samples")
    with single_threaded():  # one centre after another: waking threads for each costs more than it gains
        starts = _spread_out(Z, min(n_landmarks, n_distinct), rng)
        fit = KMeans(len(starts), init=Z[starts], n_init=1, max_iter=50).fit(Z)
    counts = np.bincount(fit.labels_, minlength=fit.n_clusters)
    return fit.cluster_centers_[counts >= min(min_count, counts.max())].astype(np.float64)


def _spread_out(Z: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.integer]:
    """Which samples to start k-means from, (count,): greedy k-means++.

    Each is the best of a few drawn with probability proportional to the squared distance to those already there
    (Arthur and Vassilvitskii 2007). As scikit-learn's, in a third of its time, most of which goes to input checks.
    """
    Z = Z - Z.mean(axis=0)
    norms, ones = np.einsum("nd,nd->n", Z, Z)[:, None], np.ones((len(Z), 1))
    left, right = np.hstack([-2.0 * Z, norms, ones]), np.hstack([Z, ones, norms]).T  # |a - b|^2 as one product
    chosen = np.array([rng.integers(len(Z))])
    nearest = np.maximum(left[chosen[0]] @ right, 0.0)
    for _ in range(1, count):
        nearest[chosen[-1]] = 0.0
        reached = np.cumsum(nearest)
        drawn = np.searchsorted(reached, rng.random(2 + int(np.log(count))) * reached[-1])
        distances = left[drawn] @ right
        np.minimum(distances, nearest, out=distances)
        best = np.argmin(distances.sum(axis=1))
        chosen, nearest = np.append(chosen, drawn[best]), np.maximum(distances[best], 0.0)
    return chosen
