"""Exponential families of one site: what Bernoulli, categorical, Gaussian and von Mises(-Fisher) decoders share.

A site with field h has H(x) = -h . T(x) + u(x), T the statistic and u the energy it has without a field, and
Z(h) = Tr e^-H, so that ln p(x|h) = -H(x) - ln Z(h) and d ln Z / dh = <T> = m. Arrays of fields and means are
(..., site...) or, for states and vectors, (..., site..., state or component).

- Bernoulli: T = x in {0, 1}, u = 0, Z = 1 + e^h (paper 002, eq. 10-11)
- categorical: T = one-hot x, u = 0, Z = sum_s e^{h_s} (eq. 13-16)
- Gaussian: T = x, u = x^2 / 2, Z = sqrt(2 pi) e^{h^2/2}, h = mu (eq. 17-18)
- von Mises: T = (cos x, sin x), u = 0, Z = 2 pi I_0(|h|), m = (I_1 / I_0) h / |h|
- von Mises-Fisher: T = x on the unit sphere, u = 0, Z = 4 pi sinh|h| / |h|, m = (coth|h| - 1 / |h|) h / |h|

The last two are the mean field of a planar and of a Heisenberg spin, as Bernoulli's is that of an Ising spin (on
s = 2x - 1: Z = 2 cosh(h/2), <s> = tanh(h/2)): unit vectors in d = 2, 3 and 1 dimensions.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, logsumexp, softmax

from zeeman.base.checks import check_finite
from zeeman.vae import CategoricalLikelihood, Likelihood
from zeeman.vae.directions import TURN, field_of_mean, log_partition, mean_vector, variances
from zeeman.vae.inputs import attributes_of, configurations
from zeeman.vae.likelihoods import resolve

__all__ = [
    "AngleSites",
    "BernoulliSites",
    "CategoricalSites",
    "GaussianSites",
    "Sites",
    "VectorSites",
    "sites_of",
    "sites_of_data",
]

Array = NDArray[np.float64]
_SMALLEST = 1e-12  # a probability of exactly 0 or 1 would be an infinite field
_NO_VARIANCE = 1e-12


class Sites(ABC):
    """One kind of site."""

    name: ClassVar[str]
    value_axes: ClassVar[int] = 0  # trailing axes of a field that belong to one site
    has_gauge: ClassVar[bool] = False  # whether a constant added to all fields of a site changes nothing
    is_bounded: ClassVar[bool] = True  # whether p(x|h) stays below some number whatever h

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
    def whiten(self, values: Array, means: Array) -> Array:
        """Return V^-1/2 values, V the covariance of T at these means, site by site; 0 where nothing varies.

        For states V is diag(m), as w . V w = Var(w . T) for w with m . w = 0 on the site.
        """

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

    def whiten(self, values: Array, means: Array) -> Array:
        """Divide by the root of m (1 - m)."""
        return _over_root(values, means * (1 - means))

    def energy(self, h: Array) -> Array:
        """-h m."""
        return -h * expit(h)

    def energy_variance(self, h: Array) -> Array:
        """h^2 m (1 - m)."""
        return h**2 * expit(h) * expit(-h)


class CategoricalSites(Sites):
    """States low..low + q - 1, fields (..., site..., state)."""

    name = "categorical"
    value_axes = 1
    has_gauge = True

    def __init__(self, n_states: int, low: int = 0) -> None:
        self.n_states, self.low = n_states, low

    def statistics(self, X: ArrayLike) -> Array:
        """One-hot states, (sample, site..., state)."""
        x = _finite(X)
        names = self.low + np.arange(self.n_states)
        _check(x, (x >= names[0]) & (x <= names[-1]) & (np.floor(x) == x), f"states are {names[0]}..{names[-1]}")
        return (x[..., None] == names).astype(np.float64)

    def log_partition(self, h: Array) -> Array:
        """Return ln sum_s e^{h_s}."""
        return np.asarray(logsumexp(h, axis=-1))

    def means(self, h: Array) -> Array:
        """Return softmax(h)."""
        return softmax(h, axis=-1)

    def fields(self, means: Array) -> Array:
        """Return ln m, finite for m = 0 too; sum_s e^{h_s} = 1."""
        return np.log(np.maximum(means, _SMALLEST))

    def whiten(self, values: Array, means: Array) -> Array:
        """Divide by the root of m: w.(diag m - m m^T).w = sum_s m_s w_s^2 where m.w = 0."""
        return _over_root(values, means)

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

    def whiten(self, values: Array, means: Array) -> Array:
        """Return the values: V = 1."""
        return values

    def energy(self, h: Array) -> Array:
        """(1 - h^2) / 2."""
        return 0.5 * (1 - h**2)

    def energy_variance(self, h: Array) -> Array:
        """1/2 a site."""
        return np.full_like(h, 0.5)  # H = (y^2 - h^2) / 2 with y = x - h normal: equipartition

    def rest_energy(self, statistics: Array) -> Array:
        """Return sum_k x_k^2 / 2."""
        return 0.5 * (statistics.reshape(len(statistics), -1) ** 2).sum(axis=1)


class DirectionSites(Sites):
    """Unit vectors T in `n_components` dimensions, fields (..., site..., component).

    p(x|h) has no bound: a site's density at the direction of its field grows as |h|^((d - 1) / 2).
    """

    n_components: ClassVar[int]
    value_axes = 1
    is_bounded = False

    def log_partition(self, h: Array) -> Array:
        """Return ln Z_d(|h|)."""
        return log_partition(torch.from_numpy(np.ascontiguousarray(h))).numpy()

    def means(self, h: Array) -> Array:
        """Return A_d(|h|) h / |h|."""
        return mean_vector(torch.from_numpy(np.ascontiguousarray(h))).numpy()

    def fields(self, means: Array) -> Array:
        """Return h, finite for a unit vector too."""
        r = np.linalg.norm(means, axis=-1, keepdims=True)
        inside = means * np.minimum(1.0, (1 - _SMALLEST) / np.maximum(r, _SMALLEST))
        return field_of_mean(torch.from_numpy(np.ascontiguousarray(inside))).numpy()

    def whiten(self, values: Array, means: Array) -> Array:
        """Divide by the standard deviations along the mean, sqrt A_d', and across it, sqrt(A_d / |h|)."""
        r = np.linalg.norm(means, axis=-1, keepdims=True)
        along, across = self._variances(self.fields(means))
        parallel = (values * means).sum(axis=-1, keepdims=True) * means / np.maximum(r, _SMALLEST) ** 2
        return _over_root(parallel, along[..., None]) + _over_root(values - parallel, across[..., None])

    def energy(self, h: Array) -> Array:
        """-|h| A_d(|h|)."""
        return -(h * self.means(h)).sum(axis=-1)

    def energy_variance(self, h: Array) -> Array:
        """Return |h|^2 A_d'(|h|)."""
        return (h**2).sum(axis=-1) * self._variances(h)[0]

    def _variances(self, h: Array) -> tuple[Array, Array]:
        along, across = variances(torch.from_numpy(np.linalg.norm(h, axis=-1)), self.n_components)
        return along.numpy(), across.numpy()


class AngleSites(DirectionSites):
    """Angles in [0, 2 pi); T = (cos x, sin x)."""

    name = "von_mises"
    n_components = 2

    def statistics(self, X: ArrayLike) -> Array:
        """(cos x, sin x), (sample, site..., 2)."""
        x = _finite(X)
        _check(x, (x >= 0) & (x <= float(np.float32(TURN))), "angles lie in [0, 2 pi)")
        return np.stack([np.cos(x), np.sin(x)], axis=-1)


class VectorSites(DirectionSites):
    """Unit vectors, (sample, site..., 3)."""

    name = "von_mises_fisher"
    n_components = 3

    def statistics(self, X: ArrayLike) -> Array:
        """Return x."""
        x = _finite(X)
        if x.ndim < 2 or x.shape[-1] != 3:
            raise ValueError(f"X must hold unit vectors, (sample, site..., 3), got shape {x.shape}")
        length = np.linalg.norm(x, axis=-1)
        _check(length, np.abs(length - 1) <= 1e-3, "lengths of unit vectors are 1")
        return x / length[..., None]


_KINDS: dict[str, type[Sites]] = {
    kind.name: kind for kind in (BernoulliSites, GaussianSites, AngleSites, VectorSites)
}  # fmt: skip


def sites_of(likelihood: Likelihood) -> Sites:
    """Sites that a likelihood of `zeeman.vae` describes; TypeError for one whose mean field is not known."""
    if isinstance(likelihood, CategoricalLikelihood):
        return CategoricalSites(likelihood.n_states, likelihood.low)
    if likelihood.name not in _KINDS:
        known = ", ".join((*_KINDS, "categorical"))
        raise TypeError(f"no mean field is known for the likelihood {likelihood.name!r}; one of {known}")
    return _KINDS[likelihood.name]()


def sites_of_data(X: ArrayLike, likelihood: str) -> tuple[Sites, Array]:
    """Sites by the name of their likelihood ("auto" as in `BetaVAE`), and the statistics of X, (sample, site...)."""
    attributes, array = attributes_of(X), np.asarray(configurations(X))
    if array.dtype.kind not in "fiub" or array.ndim < 2 or len(array) < 2:
        raise ValueError(
            f"X must be numbers (sample, site...) with at least two samples, got {array.dtype} of shape {array.shape}"
        )
    check_finite(array, "X")
    if not np.any(array != array[0]):
        raise ValueError("X has no variation at all: every sample equals the first; there is no code to speak of")
    sites = sites_of(resolve(array, likelihood, tempered=False, attributes=attributes)[0])
    return sites, sites.statistics(array)


def _over_root(values: Array, variance: Array) -> Array:
    """Divide by the root of a variance; 0 where there is none: a constant site cannot carry a code."""
    return values * np.where(variance > _NO_VARIANCE, 1.0, 0.0) / np.sqrt(np.maximum(variance, _NO_VARIANCE))


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
