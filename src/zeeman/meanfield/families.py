"""Exponential families of one site: what Bernoulli, categorical and Gaussian decoders have in common.

A site with field h has H(x) = -h . T(x) + u(x), T the statistic and u the energy it has without a field, and
Z(h) = Tr e^-H, so that ln p(x|h) = -H(x) - ln Z(h) and d ln Z / dh = <T> = m. Arrays of fields and means are
(..., site...) or, for states, (..., site..., state).

- Bernoulli: T = x in {0, 1}, u = 0, Z = 1 + e^h (paper 002, eq. 10-11)
- categorical: T = one-hot x, u = 0, Z = sum_s e^{h_s} (eq. 13-16)
- Gaussian: T = x, u = x^2 / 2, Z = sqrt(2 pi) e^{h^2/2}, h = mu (eq. 17-18)
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, logsumexp, softmax

from zeeman.base.checks import check_finite
from zeeman.vae import Likelihood
from zeeman.vae.likelihoods import resolve

__all__ = ["BernoulliSites", "CategoricalSites", "GaussianSites", "Sites", "sites_of", "sites_of_data"]

Array = NDArray[np.float64]
_SMALLEST = 1e-12  # a probability of exactly 0 or 1 would be an infinite field


class Sites(ABC):
    """One kind of site."""

    name: ClassVar[str]
    value_axes: ClassVar[int] = 0  # trailing axes of a field that belong to one site

    @abstractmethod
    def statistics(self, X: ArrayLike) -> Array:
        """T(x), (sample, site...[, state]); ValueError outside the support."""

    @abstractmethod
    def log_partition(self, h: Array) -> Array:
        """Logarithm of Z of every site, nats."""

    @abstractmethod
    def means(self, h: Array) -> Array:
        """Mean <T> = d ln Z / dh."""

    @abstractmethod
    def fields(self, means: Array) -> Array:
        """Fields whose means these are, the inverse of `means`."""

    @abstractmethod
    def variances(self, means: Array) -> Array:
        """Diagonal V with w . V w = Var(w . T) a site, for w of mean zero a site where there are states."""

    @abstractmethod
    def energy(self, h: Array) -> Array:
        """<H> of every site."""

    @abstractmethod
    def energy_variance(self, h: Array) -> Array:
        """Var H of every site, the heat capacity dE/dT at T = 1."""

    def rest_energy(self, statistics: Array) -> Array:
        """u(x), (sample,), summed over sites."""
        return np.zeros(len(statistics))

    def hamiltonian(self, h: Array, statistics: Array) -> Array:
        """H(x) = -sum h . T(x) + u(x), (sample,), one field a sample."""
        return self.rest_energy(statistics) - (h * statistics).reshape(len(h), -1).sum(axis=1)

    def log_prob(self, h: Array, statistics: Array) -> Array:
        """Return ln p(x|h), (sample, node), nats: every datum under every node's fields."""
        flat = statistics.reshape(len(statistics), -1)
        log_Z = self.log_partition(h).reshape(len(h), -1).sum(axis=1)
        return flat @ h.reshape(len(h), -1).T - log_Z - self.rest_energy(statistics)[:, None]


class BernoulliSites(Sites):
    """Values 0 and 1 (-1 is read as 0)."""

    name = "bernoulli"

    def statistics(self, X: ArrayLike) -> Array:
        """1 for the higher value, 0 for the lower."""
        x = _finite(X)
        low = -1.0 if np.any(x == -1) else 0.0
        _check(x, (x == low) | (x == 1), f"bernoulli sites take {low:g} and 1")
        return (x == 1).astype(np.float64)

    def log_partition(self, h: Array) -> Array:
        """Return ln(1 + e^h)."""
        return np.logaddexp(0.0, h)

    def means(self, h: Array) -> Array:
        """Return sigmoid(h)."""
        return expit(h)

    def fields(self, means: Array) -> Array:
        """Return logit(m), finite for m = 0 and 1 too."""
        return logit(np.clip(means, _SMALLEST, 1 - _SMALLEST))

    def variances(self, means: Array) -> Array:
        """Return m (1 - m)."""
        return means * (1 - means)

    def energy(self, h: Array) -> Array:
        """-h m."""
        return -h * expit(h)

    def energy_variance(self, h: Array) -> Array:
        """h^2 m (1 - m)."""
        return h**2 * expit(h) * expit(-h)


class CategoricalSites(Sites):
    """States 0..q-1, fields (..., site..., state)."""

    name = "categorical"
    value_axes = 1

    def __init__(self, n_states: int) -> None:
        self.n_states = n_states

    def statistics(self, X: ArrayLike) -> Array:
        """One-hot states, (sample, site..., state)."""
        x = _finite(X)
        _check(x, (x >= 0) & (x < self.n_states) & (np.floor(x) == x), f"states are 0..{self.n_states - 1}")
        return (x[..., None] == np.arange(self.n_states)).astype(np.float64)

    def log_partition(self, h: Array) -> Array:
        """Return ln sum_s e^{h_s}."""
        return np.asarray(logsumexp(h, axis=-1))

    def means(self, h: Array) -> Array:
        """Return softmax(h)."""
        return softmax(h, axis=-1)

    def fields(self, means: Array) -> Array:
        """Return ln m, finite for m = 0 too; sum_s e^{h_s} = 1."""
        return np.log(np.maximum(means, _SMALLEST))

    def variances(self, means: Array) -> Array:
        """Return m: w.(diag m - m m^T).w = sum_s m_s w_s^2 where m.w = 0."""
        return means

    def energy(self, h: Array) -> Array:
        """-sum_s h_s m_s."""
        return -(h * softmax(h, axis=-1)).sum(axis=-1)

    def energy_variance(self, h: Array) -> Array:
        """Variance of h_s under m."""
        m = softmax(h, axis=-1)
        return (m * (h - (m * h).sum(axis=-1, keepdims=True)) ** 2).sum(axis=-1)


class GaussianSites(Sites):
    """Real numbers of unit variance."""

    name = "gaussian"

    def statistics(self, X: ArrayLike) -> Array:
        """Return x."""
        return _finite(X)

    def log_partition(self, h: Array) -> Array:
        """(h^2 + ln 2 pi) / 2."""
        return 0.5 * (h**2 + math.log(2 * math.pi))

    def means(self, h: Array) -> Array:
        """Return h."""
        return h

    def fields(self, means: Array) -> Array:
        """Return m."""
        return means

    def variances(self, means: Array) -> Array:
        """Return 1."""
        return np.ones_like(means)

    def energy(self, h: Array) -> Array:
        """(1 - h^2) / 2."""
        return 0.5 * (1 - h**2)

    def energy_variance(self, h: Array) -> Array:
        """1/2 a site."""
        return np.full_like(h, 0.5)  # H = (y^2 - h^2) / 2 with y = x - h normal: equipartition

    def rest_energy(self, statistics: Array) -> Array:
        """Return sum_k x_k^2 / 2."""
        return 0.5 * (statistics.reshape(len(statistics), -1) ** 2).sum(axis=1)


def sites_of(likelihood: Likelihood) -> Sites:
    """Sites that a likelihood of `zeeman.vae` describes; TypeError for one that is none of the three."""
    if likelihood.name == "categorical":
        return CategoricalSites(likelihood.n_fields)
    kinds: dict[str, type[Sites]] = {"bernoulli": BernoulliSites, "gaussian": GaussianSites}
    if likelihood.name not in kinds:
        raise TypeError(f"no mean field is known for the likelihood {likelihood.name!r}; one of {', '.join(kinds)}")
    return kinds[likelihood.name]()


def sites_of_data(X: ArrayLike, likelihood: str) -> tuple[Sites, Array]:
    """Sites by the name of their likelihood ("auto" as in `BetaVAE`), and the statistics of X, (sample, site...)."""
    array = np.asarray(X)
    if array.dtype.kind not in "fiub" or array.ndim < 2 or len(array) < 2:
        raise ValueError(
            f"X must be numbers (sample, site...) with at least two samples, got {array.dtype} of shape {array.shape}"
        )
    check_finite(array, "X")
    if not np.any(array != array[0]):
        raise ValueError("X has no variation at all: every sample equals the first; there is no code to speak of")
    sites = sites_of(resolve(array, likelihood, tempered=False)[0])
    return sites, sites.statistics(array)


def _finite(X: ArrayLike) -> Array:
    x = np.asarray(X)
    if x.dtype.kind not in "fiub":
        raise TypeError(f"data must be real numbers, got dtype {x.dtype}")
    check_finite(x, "X")
    return x.astype(np.float64)


def _check(x: Array, allowed: NDArray[np.bool_], what: str) -> None:
    if not allowed.all():
        first = tuple(int(i) for i in np.argwhere(~allowed)[0])
        raise ValueError(f"X holds {x[first]:g} at index {first}, but {what}; recode the data")
