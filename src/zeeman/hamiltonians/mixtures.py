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
        return np.concatenate([self._chunk(part)[0] for part in self._parts(z)])

    def log_density(self, z: ArrayLike) -> Array:
        """Ln q(z), (sample,)."""
        return np.concatenate([self._chunk(part)[1] for part in self._parts(z)])

    def _parts(self, z: ArrayLike) -> list[Array]:
        z = positions(z)
        components, dim = self.means.shape
        if z.shape[1] != dim:
            raise ValueError(f"z has {z.shape[1]} axes, the mixture has {dim}")
        step = max(1, _CHUNK_VALUES // (components * (1 if self._precisions.ndim == 1 else dim)))
        return [z[start : start + step] for start in range(0, max(1, len(z)), step)]

    def _chunk(self, z: Array) -> tuple[Array, Array]:
        """V and ln q."""
        common, exponents, squares, slopes = (self._isotropic if self._precisions.ndim == 1 else self._general)(z)
        highest = exponents.max(axis=1, keepdims=True)
        share = np.exp(exponents - highest)
        total = share.sum(axis=1, keepdims=True)
        share /= total
        if slopes is None:  # sum_i r_i g_i is a matrix product
            pull = share * self._precisions
            slope = pull @ self.means - pull.sum(axis=1, keepdims=True) * z
            traces = self._precisions * z.shape[1]
        else:
            slope = np.einsum("nk,nkd->nd", share, slopes)
            traces = np.trace(self._precisions, axis1=1, axis2=2)
        curvature = np.einsum("nk,nk->n", share, squares - traces)  # lap s + |grad s|^2
        V = self.kinetic * (0.5 * curvature - 0.25 * np.einsum("nd,nd->n", slope, slope))
        return V, common + highest[:, 0] + np.log(total[:, 0]) - 0.5 * z.shape[1] * np.log(2 * np.pi)

    def _isotropic(self, z: Array) -> tuple[Array, Array, Array, None]:
        """A part of ln(w_i N_i) that all i share, the rest, and |g_i|^2.

        |z|^2 is common to equal variances; taken out, it cannot drown their differences far out.
        """
        origin = self.means.mean(axis=0)
        at, means = z - origin, self.means - origin
        least = self._precisions.min()
        distance = (at**2).sum(axis=1)[:, None]
        apart = (means**2).sum(axis=1) - 2 * at @ means.T  # |z - mu|^2 - |z|^2
        excess = (self._precisions - least) * distance
        exponents = self._offsets - 0.5 * (excess + self._precisions * apart)
        squares = np.maximum(distance + apart, 0.0) * self._precisions**2
        return -0.5 * least * distance[:, 0], exponents, squares, None

    def _general(self, z: Array) -> tuple[Array, Array, Array, Array]:
        """As `_isotropic`, with g_i itself (position, component, dim)."""
        away = z[:, None, :] - self.means
        slopes = -np.einsum("kde,nke->nkd", self._precisions, away)
        exponents = self._offsets + 0.5 * np.einsum("nkd,nkd->nk", slopes, away)
        return np.zeros(len(z)), exponents, np.einsum("nkd,nkd->nk", slopes, slopes), slopes

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
