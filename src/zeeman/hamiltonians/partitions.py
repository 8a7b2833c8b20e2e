"""Partitions of unity shaped like the samples: a few Gaussians with covariances, divided by their sum.

    p_j(z) = (pi_j N(z; mu_j, Sigma_j))^(1/w^2) / sum_l (pi_l N(z; mu_l, Sigma_l))^(1/w^2)

At w = 1 these are the responsibilities of a Gaussian mixture, nearly the lowest states of a density made of few compact
sets; wider ones let a state turn over more gently, as it does where the density is low. A dozen such functions hold
what takes hundreds of landmarks, so less of the samples' noise. With g_j = -Sigma_j^-1 (z - mu_j) / w^2,

    grad p_j = p_j (g_j - sum_l p_l g_l).

The fit of the mixture only proposes functions: energies stay upper bounds from the samples (Ritz).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from zeeman.base.random import stream
from zeeman.hamiltonians._chunks import checked_weights, chunk_sums, chunks, stacked
from zeeman.hamiltonians.bases import SampleBasis

__all__ = ["Combined", "NormalizedMixture", "Shifted", "fit_mixture"]

_RIDGE = 1e-3  # of the mean variance: the narrowest a component may be
_MAX_ITERATIONS = 100


@dataclass(frozen=True)
class NormalizedMixture:
    """Components of a Gaussian mixture at several widths, those of each width divided by their sum.

    Parameters
    ----------
    shares : ndarray, (component,)
        pi_j, positive.
    means : ndarray, (component, latent)
    covariances : ndarray, (component, latent, latent)
    widths : tuple of float
        w of every set of functions; 1 gives the responsibilities.
    """

    shares: NDArray[np.float64]
    means: NDArray[np.float64]
    covariances: NDArray[np.float64]
    widths: tuple[float, ...] = (1.0,)

    @property
    def n_functions(self) -> int:
        """Components times widths."""
        return len(self.means) * len(self.widths)

    @property
    def constant(self) -> NDArray[np.float64]:
        """Coefficients of f = 1: the functions of the first width."""
        return np.repeat(np.arange(len(self.widths)) == 0, len(self.means)).astype(np.float64)

    def __call__(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values, (sample, function), those of the first width first; each width's sum to one."""
        logs = self._log_densities(Z)[1]
        return np.hstack([_softmax(logs / w**2) for w in self.widths])

    def gradients(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Derivatives along each axis, (latent, sample, function), per unit of length."""
        slopes, logs = self._log_densities(Z)
        parts = []
        for w in self.widths:
            p = _softmax(logs / w**2)
            mean = np.einsum("nj,jna->na", p, slopes)
            parts.append((p.T[:, :, None] * (slopes - mean)).transpose(2, 1, 0) / w**2)
        return np.concatenate(parts, axis=2)

    def apply(self, Z: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sums f(z) = sum_j coefficients_j p_j(z), (sample, state), in bounded memory."""
        return stacked(lambda rows: self(Z[rows]) @ coefficients, chunks(len(Z), self.n_functions * Z.shape[1]))

    def forms(
        self, Z: NDArray[np.float64], weights: NDArray[np.float64] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A_ij = 1/2 E_q[grad p_i . grad p_j] (length^-2) and B_ij = E_q[p_i p_j] over samples of q."""
        return _forms_by_gradients(self, Z, weights)

    def _log_densities(self, Z: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Gradients of ln N_j, (component, sample, latent), and ln(pi_j N_j) up to a constant, (sample, component)."""
        precisions, offsets = self._precisions
        apart = Z[None] - self.means[:, None]
        slopes = -apart @ precisions
        return slopes, 0.5 * np.einsum("jna,jna->nj", apart, slopes) + offsets

    @cached_property
    def _precisions(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        precisions = np.linalg.inv(self.covariances)
        precisions = 0.5 * (precisions + precisions.transpose(0, 2, 1))
        return precisions, np.log(self.shares) - 0.5 * np.linalg.slogdet(self.covariances)[1]


@dataclass(frozen=True)
class Combined:
    """A few fixed sums of the functions of a basis, g_a = sum_j coefficients_ja f_j, as a basis.

    Parameters
    ----------
    basis : SampleBasis
    coefficients : ndarray, (function, sum)
        The first sum is the constant 1.
    """

    basis: SampleBasis
    coefficients: NDArray[np.float64]

    @property
    def n_functions(self) -> int:
        """How many sums."""
        return self.coefficients.shape[1]

    @property
    def constant(self) -> NDArray[np.float64]:
        """Coefficients of f = 1: the first sum."""
        return np.eye(1, self.n_functions)[0]

    def __call__(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values, (sample, sum)."""
        return self.basis(Z) @ self.coefficients

    def gradients(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Derivatives along each axis, (latent, sample, sum)."""
        return self.basis.gradients(Z) @ self.coefficients

    def apply(self, Z: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sums of the sums, (sample, state), in bounded memory."""
        return self.basis.apply(Z, self.coefficients @ coefficients)

    def forms(
        self, Z: NDArray[np.float64], weights: NDArray[np.float64] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Dirichlet form and overlap over samples, those of the basis between the coefficients."""
        A, B = self.basis.forms(Z, weights)
        return self.coefficients.T @ A @ self.coefficients, self.coefficients.T @ B @ self.coefficients


@dataclass(frozen=True)
class Shifted:
    """The functions of a basis moved by `origin`, f_j(z - origin).

    Parameters
    ----------
    basis : SampleBasis
    origin : ndarray, (latent,)
    """

    basis: SampleBasis
    origin: NDArray[np.float64]

    @property
    def n_functions(self) -> int:
        """Those of the basis."""
        return self.basis.n_functions

    @property
    def constant(self) -> NDArray[np.float64]:
        """Coefficients of f = 1."""
        return self.basis.constant

    def __call__(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values, (sample, function)."""
        return self.basis(Z - self.origin)

    def gradients(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Derivatives along each axis, (latent, sample, function)."""
        return self.basis.gradients(Z - self.origin)

    def apply(self, Z: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sums f(z) = sum_j coefficients_j f_j(z - origin), (sample, state)."""
        return self.basis.apply(Z - self.origin, coefficients)

    def forms(
        self, Z: NDArray[np.float64], weights: NDArray[np.float64] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Dirichlet form and overlap over samples."""
        return self.basis.forms(Z - self.origin, weights)


def fit_mixture(
    Z: NDArray[np.float64],
    n_components: int,
    seed: int,
    *,
    widths: tuple[float, ...] = (1.0, 2.0),
    shrinkage: float = 0.3,
    start: NormalizedMixture | None = None,
    max_samples: int = 20_000,
) -> NormalizedMixture:
    """A Gaussian mixture of the samples (expectation maximisation), covariances drawn towards their mean.

    Sigma_j <- (1 - shrinkage) Sigma_j + shrinkage sum_l pi_l Sigma_l: what few samples do not tell is borrowed.
    No step knows the axes.

    Parameters
    ----------
    Z : ndarray, (sample, latent)
    n_components : int
    seed : int
        Of k-means++ and of the choice of `max_samples` samples where there are more.
    widths : tuple of float
        Of the functions that are made of the components.
    shrinkage : float
        In [0, 1].
    start : NormalizedMixture, optional
        Where to start, in place of the cells of k-means in `Z` and in whitened `Z` (stretched sets side by side).

    Returns
    -------
    NormalizedMixture
    """
    if len(Z) > max_samples:
        Z = Z[np.sort(stream(seed, "mixture").choice(len(Z), max_samples, replace=False))]
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a proposal need not be a maximum
        starts = [start] if start is not None else [_cells(Y, Z, n_components, seed) for Y in (Z, _whitened(Z))]
        fits = [_maximised(Z, each) for each in starts]
    mixture = max(fits, key=lambda fit: fit.lower_bound_)
    shared = np.einsum("j,jab->ab", mixture.weights_, mixture.covariances_)
    covariances = (1.0 - shrinkage) * mixture.covariances_ + shrinkage * shared
    return NormalizedMixture(np.maximum(mixture.weights_, 1e-12), mixture.means_, covariances, widths)


def _maximised(Z: NDArray[np.float64], start: NormalizedMixture) -> GaussianMixture:
    return GaussianMixture(
        len(start.means), reg_covar=_RIDGE * float(Z.var(axis=0).mean()), max_iter=_MAX_ITERATIONS,
        weights_init=start.shares / start.shares.sum(), means_init=start.means,
        precisions_init=np.linalg.inv(start.covariances),
    ).fit(Z)  # fmt: skip


def _cells(Y: NDArray[np.float64], Z: NDArray[np.float64], n_components: int, seed: int) -> NormalizedMixture:
    """Shares, means and covariances of `Z` in the cells of k-means on `Y`, the same samples in other coordinates."""
    labels = KMeans(n_components, n_init=1, max_iter=50, random_state=seed % 2**32).fit_predict(Y)
    members = [Z[labels == j] for j in np.unique(labels)]  # fewer where there are not so many distinct samples
    ridge = _RIDGE * float(Z.var(axis=0).mean()) * np.eye(Z.shape[1])
    means = np.array([part.mean(axis=0) for part in members])
    covariances = [
        (part - mean).T @ (part - mean) / len(part) + ridge for part, mean in zip(members, means, strict=True)
    ]
    return NormalizedMixture(np.array([len(part) for part in members]) / len(Z), means, np.array(covariances))


def _whitened(Z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Principal scores of unit variance; those below the ridge stay small."""
    centred = Z - Z.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(Z))
    return centred @ (vectors / np.sqrt(np.maximum(values, _RIDGE * values.mean())))


def _softmax(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    values = np.exp(logs - logs.max(axis=1, keepdims=True))
    values /= values.sum(axis=1, keepdims=True)
    return values


def _forms_by_gradients(
    basis: SampleBasis, Z: NDArray[np.float64], weights: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    root = np.sqrt(checked_weights(weights, len(Z)))[:, None]

    def part(rows: slice) -> tuple[NDArray[np.float64], ...]:
        values = basis(Z[rows]) * root[rows]
        steep = (basis.gradients(Z[rows]) * root[rows]).reshape(-1, basis.n_functions)
        return 0.5 * steep.T @ steep, values.T @ values

    energy, overlap = chunk_sums(part, chunks(len(Z), basis.n_functions * Z.shape[1]))
    return energy, overlap
