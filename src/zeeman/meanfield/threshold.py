"""When a code collapses: the linear threshold of beta, and the exact one over all decoders.

For a fixed decoder the loss of the best encoder is L = -beta <ln Z_x>, Z_x = E_{p(z)} p(x|z)^(1/beta) (paper 002,
eq. 12). The collapsed decoder writes the fields h0 of the marginal means, whatever z is.

*Linear.* Perturb it, h(z) = h0 + eps w z. To second order

    ln p(x|z) = ln p(x|h0) + eps z w.(T - m) - eps^2 z^2 w.V w / 2,

with T the statistic of x, m its mean and V its covariance under the collapsed decoder, which is block diagonal in
sites. Averaging over z ~ N(0, 1) and x,

    L = L_0 - eps^2 / (2 beta) [w.C w - beta w.V w] + O(eps^4),    C = Cov(T) of the data:

z = 0 is unstable for beta < beta_c = max_w w.C w / w.V w. Since C and V have the same blocks on a site,

- Bernoulli, V = m (1 - m): beta_c is the largest eigenvalue of the *correlation* matrix of x, which is
  4 lambda_max(Cov x) where all means are 1/2 (spins without a net magnetisation) and above it elsewhere;
- Gaussian, V = 1: lambda_max(Cov x);
- categorical, V = diag(m) - m m^T on each site. A constant on a site moves neither side, so w may be taken with m.w = 0
  there, where w.V w = sum_s m_s w_s^2: beta_c is the largest eigenvalue of D^-1/2 C D^-1/2, D = diag(m), C of the
  one-hot states: the first principal inertia of multiple correspondence analysis times the number of sites.

Unit vectors u in d = 2 or 3 dimensions (angles, Heisenberg spins) have V = A_d / k across a site's mean field of length
k and A_d' along it (`zeeman.vae.directions`). Where the means vanish V = 1/d and beta_c = d lambda_max(Cov u): 2
lambda_max for planar and 3 lambda_max for Heisenberg spins. With d = 1 it is the law of Ising spins above, whose
covariance is 4 Cov x.

*Exact.* A decoder of atomless z ~ N(0, 1) can give any weights r to any fields, whatever the number of latents, and
L[r] = -beta <ln int dr(h) p(x|h)^(1/beta)> is convex in r. So the collapsed decoder is optimal if and only if no
infinitesimal weight elsewhere lowers L:

    c(h) = < [p(x|h) / p(x|h0)]^(1/beta) >_x <= 1    for every h.

Fields near h0 give the linear threshold; a far maximum of c that exceeds 1 above it makes the transition discontinuous.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse.linalg
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, softmax

from zeeman.base.brief import brief
from zeeman.base.checks import check_positive_integer
from zeeman.meanfield.families import Sites, sites_of_data

__all__ = ["CollapseThreshold", "ascend", "collapse_beta", "collapse_threshold", "refuse_unbounded", "starts"]

Array = NDArray[np.float64]
_STARTS = 48  # samples whose neighbourhoods are tried as a second phase
_ASCENT = 200
_KEPT = 6  # candidates followed to the end


@brief
@dataclass(frozen=True)
class CollapseThreshold:
    """Linear stability of the collapsed code.

    Attributes
    ----------
    betas : ndarray, (direction,)
        max w.C w / w.V w and the next ones, descending: below betas[j] the data support j + 1 linear latents.
    directions : ndarray, (direction, site...[, state])
        The fields w that turn on there, w.V w = 1.
    uniform : float
        The same with V of zero fields in place of the marginal means: 4 lambda_max(Cov x) for Bernoulli,
        q lambda_max(Cov one-hot x) for q states, d lambda_max(Cov u) for unit vectors u in d dimensions, lambda_max(Cov
        x) for Gaussian sites. For Bernoulli sites it is at most betas[0].
    """

    betas: Array
    directions: Array
    uniform: float

    @property
    def beta(self) -> float:
        """The threshold, betas[0]."""
        return float(self.betas[0])


def collapse_threshold(X: ArrayLike, likelihood: str = "auto", *, n_directions: int = 2) -> CollapseThreshold:
    """Linear collapse threshold beta_c = max_w w.C w / w.V w of a data set (formula and proof above).

    By singular values of the standardised data: no covariance matrix is formed.

    Parameters
    ----------
    X : array-like, (sample, site...)
    likelihood : {"auto", "bernoulli", "categorical", "gaussian", "von_mises", "von_mises_fisher"}
    n_directions : int
        How many thresholds to return.
    """
    check_positive_integer(n_directions, "n_directions")
    sites, T = sites_of_data(X, likelihood)
    m = T.mean(axis=0)
    betas, w = _leading(sites.whiten(T - m, m), n_directions)
    at_rest = sites.means(np.zeros_like(m))
    uniform = _leading(sites.whiten(T - m, at_rest), 1)[0]
    return CollapseThreshold(betas, sites.whiten(w, m), float(uniform[0]))


def collapse_beta(X: ArrayLike, likelihood: str = "auto", *, rtol: float = 2e-3, highest: float | None = None) -> float:
    """Exact collapse: the beta above which no encoder and decoder beat independent sites, by bisection of max c(h) = 1.

    A lower bound of it in principle (max c is found by ascent from many starts), never below the linear threshold.

    Parameters
    ----------
    X : array-like, (sample, site...)
    likelihood : str
    rtol : float
        Relative width at which the bisection stops.
    highest : float, optional
        Where to give up, not below the linear threshold; 16 times that by default.

    Raises
    ------
    ValueError
        For angles and vectors, whose densities have no bound (`refuse_unbounded`).
    """
    sites, T = sites_of_data(X, likelihood)
    refuse_unbounded(sites)
    low = collapse_threshold(X, likelihood, n_directions=1).beta
    marginal = sites.log_prob(sites.fields(T.mean(axis=0))[None], T)[:, 0]
    top = 16 * low if highest is None else max(low, highest)
    candidates, high = starts(sites, T), low
    while True:  # bracket
        log_c, found = ascend(sites, T, candidates, marginal, high)
        if log_c.max() <= 1e-10:
            break
        low, candidates = high, np.concatenate([found, candidates])
        if high >= top:
            return top
        high = min(1.15 * high, top)
    while high - low > rtol * low:
        middle = 0.5 * (low + high)
        log_c, found = ascend(sites, T, candidates, marginal, middle)
        if log_c.max() > 1e-10:
            low, candidates = middle, np.concatenate([found, candidates[len(found) :]])
        else:
            high = middle
    return low


def refuse_unbounded(sites: Sites) -> None:
    """Raise ValueError for densities that grow without bound: there is no lowest loss.

    A decoder that gives every sample an atom of its own, at its own directions and with |h| = k at all N sites, has the
    loss -(d - 1) N ln(k) / 2 + beta ln(samples) + O(1): below any number, at any beta.
    """
    if not sites.is_bounded:
        raise ValueError(
            f"the loss of {sites.name} sites has no minimum over all decoders: their density has no bound, so atoms on "
            "single samples beat everything at any beta; zeeman.meanfield.collapse_threshold is the linear threshold, "
            "and held-out data judge a decoder"
        )


def starts(sites: Sites, T: Array) -> Array:
    """Means (start, site...[, state]) to begin an ascent at: ends of the principal axes, neighbourhoods of samples."""
    m = T.mean(axis=0)
    flat = (T - m).reshape(len(T), -1)
    k = min(3, min(flat.shape) - 1)
    found = []
    if k > 0:
        _, directions = _leading(T - m, k)
        scores = flat @ directions.reshape(k, -1).T
        for score in scores.T:
            for share in (0.1, 0.3, 0.5):
                size = max(1, int(share * len(T)))
                order = np.argsort(score)
                found += [T[order[-size:]].mean(axis=0), T[order[:size]].mean(axis=0)]
    rows = np.unique(np.linspace(0, len(T) - 1, min(_STARTS, len(T))).astype(int))
    return np.stack(found + [0.5 * (m + T[row]) for row in rows])


def ascend(sites: Sites, T: Array, means: Array, reference: Array, beta: float) -> tuple[Array, Array]:
    """Climb ln c(h) = ln <exp((ln p(x|h) - reference(x)) / beta)> from many means; return (start,) values and means.

    m <- sum_x u(x) T(x), u(x) proportional to exp((ln p(x|h) - reference(x)) / beta): an EM step, so c never falls.
    """
    means = _distinct(means)
    for round_ in range(_ASCENT):
        log_ratio = (sites.log_prob(sites.fields(means), T) - reference[:, None]) / beta
        log_c = logsumexp(log_ratio, axis=0) - np.log(len(T))
        new = np.tensordot(softmax(log_ratio, axis=0).T, T, axes=1)
        moved = np.abs(new - means).max()
        means = new
        if round_ == 8 and len(means) > _KEPT:
            means = means[np.argsort(log_c)[-4 * _KEPT :]]
        elif round_ == 24 and len(means) > _KEPT:
            means = _distinct(means[np.argsort(log_c)[::-1]])[:_KEPT]
        elif moved < 1e-7:
            break
    log_ratio = (sites.log_prob(sites.fields(means), T) - reference[:, None]) / beta
    return logsumexp(log_ratio, axis=0) - np.log(len(T)), means


def _distinct(means: Array) -> Array:
    """Drop repetitions, keeping the first of each."""
    kept: list[Array] = []
    for m in means:
        if all(np.abs(m - other).max() > 1e-4 for other in kept):
            kept.append(m)
    return np.stack(kept)


def _leading(Y: Array, k: int) -> tuple[Array, Array]:
    """Largest eigenvalues of Y^T Y / n, (k,), and eigenvectors (k, site...), of centred Y (sample, site...)."""
    flat = Y.reshape(len(Y), -1)
    k = min(k, *flat.shape)
    if min(flat.shape) <= max(50, 3 * k):
        _, singular, right = scipy.linalg.svd(flat, full_matrices=False)
    else:
        begin = np.cos(np.arange(min(flat.shape), dtype=float) ** 2)  # any fixed vector in general position
        _, singular, right = scipy.sparse.linalg.svds(flat, k=k, v0=begin)
        order = np.argsort(singular)[::-1]
        singular, right = singular[order], right[order]
    return singular[:k] ** 2 / len(flat), right[:k].reshape(k, *Y.shape[1:])
