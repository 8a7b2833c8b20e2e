r"""The potential that a density makes: V = A (lap sqrt q) / sqrt q; sqrt q is the ground state of -A lap + V, at 0.

With s = ln q: (lap sqrt q) / sqrt q = lap s / 2 + |grad s|^2 / 4. For q = sum_i w_i N(mu_i, S_i), responsibilities
r_i(z) and g_i = -S_i^-1 (z - mu_i):

    grad s = sum_i r_i g_i,     lap s = sum_i r_i (|g_i|^2 - tr S_i^-1) - |grad s|^2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zeeman.base.checks import check_finite, check_samples
from zeeman.hamiltonians.potentials import Potential, positions

__all__ = ["MixturePotential"]

Array = NDArray[np.floating]

_CHUNK_VALUES = 4_000_000  # positions times components (times dimension) held at once


class MixturePotential(Potential):
    """A (lap sqrt q) / sqrt q of a Gaussian mixture q, in closed form; A = 1/2 is H_q of the latent spectrum.

    Responsibilities come from a log-sum-exp, so values stay finite and right however far out (there V grows as
    |z|^2 / 4 S^2 times A).

    Parameters
    ----------
    weights : array-like, (component,)
        Positive; normalised to sum to one here.
    means : array-like, (component, dim)
    covariances : array-like
        A number (the same variance for all), (component,) variances, (component, dim) diagonals, or
        (component, dim, dim).
    kinetic : float
        A of -A lap.

    Examples
    --------
    The prior N(0, 1) makes the oscillator |z|^2 / 8 - d / 4:

    >>> MixturePotential([1.0], [[0.0]], 1.0)(np.array([[0.0], [2.0]]))
    array([-0.25,  0.25])
    """

    def __init__(self, weights: ArrayLike, means: ArrayLike, covariances: ArrayLike, kinetic: float = 0.5) -> None:
        self.means = np.atleast_2d(np.asarray(means, dtype=float))
        check_finite(self.means, "means")
        self.weights = _weights(weights, len(self.means))
        self.kinetic = float(kinetic)
        self._precisions, log_volumes = _precisions(np.asarray(covariances, dtype=float), *self.means.shape)
        self._offsets = np.log(self.weights) - 0.5 * log_volumes

    @classmethod
    def from_samples(cls, Z: ArrayLike, bandwidth: float, kinetic: float = 0.5) -> MixturePotential:
        """Parzen density: an isotropic Gaussian of standard deviation `bandwidth` at every sample, Z (sample, dim)."""
        if not bandwidth > 0:
            raise ValueError(f"bandwidth must be positive, got {bandwidth}")
        Z = check_samples(Z)
        return cls(np.ones(len(Z)), Z, float(bandwidth) ** 2, kinetic)

    def __call__(self, z: ArrayLike) -> Array:
        """V at z (sample, dim): (sample,), in chunks of bounded memory."""
        z = positions(z)
        components, dim = self.means.shape
        if z.shape[1] != dim:
            raise ValueError(f"z has {z.shape[1]} axes, the mixture has {dim}")
        per_position = components * (1 if self._precisions.ndim == 1 else dim)
        step = max(1, _CHUNK_VALUES // per_position)
        return np.concatenate([self._chunk(z[start : start + step]) for start in range(0, len(z), step)] or [z[:, 0]])

    def log_density(self, z: ArrayLike) -> Array:
        """Ln q(z), (sample,)."""
        exponents = self._exponents(positions(z))[0]
        highest = exponents.max(axis=1, keepdims=True)
        total = np.log(np.exp(exponents - highest).sum(axis=1)) + highest[:, 0]
        return total - 0.5 * self.means.shape[1] * np.log(2 * np.pi)

    def _chunk(self, z: Array) -> Array:
        exponents, squares, gradients = self._exponents(z)
        share = np.exp(exponents - exponents.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        if gradients is None:  # isotropic: sum_i r_i g_i is two matrix products
            pull = share * self._precisions
            slope = pull @ self.means - pull.sum(axis=1, keepdims=True) * z
            traces = self._precisions * z.shape[1]
        else:
            slope = np.einsum("nk,nkd->nd", share, gradients)
            traces = np.trace(self._precisions, axis1=1, axis2=2)
        curvature = np.einsum("nk,nk->n", share, squares - traces)  # lap s + |grad s|^2
        return self.kinetic * (0.5 * curvature - 0.25 * np.einsum("nd,nd->n", slope, slope))

    def _exponents(self, z: Array) -> tuple[Array, Array, Array | None]:
        """ln(w_i N_i) but for a constant, |g_i|^2, and g_i where it is not along z - mu_i."""
        if self._precisions.ndim == 1:
            origin = self.means.mean(axis=0)  # loses the fewest digits in |z|^2 - 2 z.mu + |mu|^2
            at, means = z - origin, self.means - origin
            distances = (at**2).sum(axis=1)[:, None] - 2 * at @ means.T + (means**2).sum(axis=1)
            distances = np.maximum(distances, 0.0)
            return self._offsets - 0.5 * distances * self._precisions, distances * self._precisions**2, None
        away = z[:, None, :] - self.means
        gradients = -np.einsum("kde,nke->nkd", self._precisions, away)
        exponents = self._offsets + 0.5 * np.einsum("nkd,nkd->nk", gradients, away)
        return exponents, np.einsum("nkd,nkd->nk", gradients, gradients), gradients

    def __repr__(self) -> str:
        return f"MixturePotential({len(self.means)} components, dim={self.means.shape[1]}, kinetic={self.kinetic})"


def _weights(weights: ArrayLike, components: int) -> Array:
    values = np.atleast_1d(np.asarray(weights, dtype=float))
    if values.shape != (components,):
        raise ValueError(f"weights must be ({components},), one a component, got shape {values.shape}")
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise ValueError(f"weights must be positive and finite, got a smallest of {values.min()}; leave zeros out")
    return values / values.sum()


def _precisions(covariances: Array, components: int, dim: int) -> tuple[Array, Any]:
    """S_i^-1, (component,) if isotropic else (component, dim, dim), and ln det S_i."""
    check_finite(covariances, "covariances")
    if covariances.ndim < 2:
        variances = np.broadcast_to(covariances, (components,))
        if not (variances > 0).all():
            raise ValueError(f"variances must be positive, got {variances.min()}")
        return 1.0 / variances, dim * np.log(variances)
    if covariances.shape == (components, dim):
        covariances = covariances[:, :, None] * np.eye(dim)
    if covariances.shape != (components, dim, dim):
        raise ValueError(f"covariances must be {(components, dim, dim)}, got {covariances.shape}")
    spectrum = np.linalg.eigvalsh(covariances)
    if not (spectrum[:, 0] > 0).all():
        bad = int(np.argmin(spectrum[:, 0]))
        raise ValueError(f"covariance {bad} is not positive definite (smallest eigenvalue {spectrum[bad, 0]:.3g})")
    return np.linalg.inv(covariances), np.log(spectrum).sum(axis=1)
