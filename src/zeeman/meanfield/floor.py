"""The best that any encoder and any decoder can do at a given beta: the rate-distortion floor of a data set.

A decoder sends z ~ N(0, 1) to fields; only the law r it gives them matters, and one latent can already produce any law.
So over all encoders and decoders the loss of eq. 4 (paper 002) has the minimum

    L* = min_r -beta < ln int dr(h) p(x|h)^(1/beta) >_x = min (distortion + beta rate),

a convex problem: the rate-distortion curve of the data for the distortion -ln p(x|h), at slope beta (Blahut 1972; at
beta = 1 the nonparametric maximum likelihood of Lindsay 1983). Its solution has finitely many atoms h_g of weight r_g,
found by exact coordinate descent, every step of which lowers L:

    q(g|x) = r_g p(x|h_g)^(1/beta) / Z_x  (eq. 12),    r_g = <q(g|x)>,    m_g = <q(g|x) T(x)> / r_g,

an atom being added wherever c(h) = < p(x|h)^(1/beta) / Z_x > exceeds 1. By convexity L* >= L - beta ln max_h c(h): the
certificate. What networks add is smoothness: they must reach atoms by continuous paths of z, through fields in between.

With `latent_dim` the weights are not free but those of cells of equal mass of the prior, ordered along z, and the
descent starts from a decoder linear in z: a local optimum that a continuous decoder can come near.
"""

from __future__ import annotations

import itertools
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp
from scipy.stats import norm

from zeeman.base.brief import brief
from zeeman.base.checks import check_positive_integer
from zeeman.meanfield.activity import independent_sites_loss
from zeeman.meanfield.families import Sites, sites_of_data
from zeeman.meanfield.replica import check_beta
from zeeman.meanfield.threshold import ascend, collapse_threshold, refuse_unbounded, starts

__all__ = ["OptimalDecoder", "optimal_decoder"]

Array = NDArray[np.float64]
_CELLS = {1: 64, 2: 16, 3: 8}  # equal-mass cells an axis
_ROUNDS = 20
_WEIGHT_STEPS = 300


@brief
@dataclass(frozen=True)
class OptimalDecoder:
    """Law of fields that minimises the loss, and what it achieves; nats a sample.

    Attributes
    ----------
    sites : Sites
    beta : float
    weights : ndarray, (atom,)
        Prior probability of every atom.
    means : ndarray, (atom, site...[, state])
        Decoded means.
    codes : ndarray (atom, latent), or None
        Where z is in the atom's cell, in units of the prior; None if weights were free.
    responsibilities : ndarray, (sample, atom)
        The optimal encoder q(g|x).
    rate, distortion : float
        <KL(q || r)> and -<ln p(x|h_g)>.
    collapsed_loss : float
        -<ln p(x)> of independent sites, the loss without a code.
    certificate : float
        The minimum over all encoders and decoders lies within this of `loss` (as far as the search for max c saw).
    """

    sites: Sites
    beta: float
    weights: Array
    means: Array
    codes: Array | None
    responsibilities: Array
    rate: float
    distortion: float
    collapsed_loss: float
    certificate: float

    @property
    def loss(self) -> float:
        """Distortion + beta rate = -beta <ln Z_x>."""
        return self.distortion + self.beta * self.rate

    @property
    def gain(self) -> float:
        """Loss without a code minus loss: positive if the code survives at this beta."""
        return self.collapsed_loss - self.loss

    def log_partition(self, X: ArrayLike) -> Array:
        """Return ln Z_x of other data under this law of fields, (sample,): -beta <ln Z_x> is their loss."""
        statistics = self.sites.statistics(X)
        return _log_joint(self.sites, statistics, self.weights, self.means, self.beta)[1]


def optimal_decoder(
    X: ArrayLike,
    beta: float,
    likelihood: str = "auto",
    *,
    latent_dim: int | None = None,
    tolerance: float = 1e-3,
    max_atoms: int = 64,
    max_iterations: int = 500,
) -> OptimalDecoder:
    """Minimise the loss of eq. 4 over all encoders and decoders of the data X: no network, no sampling.

    Parameters
    ----------
    X : array-like, (sample, site...)
        The average is over these samples: at small beta the optimum memorises them, one atom each.
    beta : float
    likelihood : {"auto", "bernoulli", "categorical", "gaussian"}
    latent_dim : int, optional
        1, 2 or 3: weights of equal-mass cells of N(0, 1) along each axis, start linear in z. None: free weights.
    tolerance : float
        Nats: stop when the certificate is below it.
    max_atoms, max_iterations : int
        Most atoms, and most sweeps after one is added. `certificate` says what is missing.

    Warns
    -----
    RuntimeWarning
        If the search for free weights ended above `tolerance`, most often for want of atoms: `loss` then is no
        minimum, only within `certificate` of it.
    """
    beta = check_beta(beta)
    check_positive_integer(max_atoms, "max_atoms")
    check_positive_integer(max_iterations, "max_iterations")
    sites, T = sites_of_data(X, likelihood)
    refuse_unbounded(sites)
    marginal = T.mean(axis=0)
    collapsed = independent_sites_loss(sites, T)
    if latent_dim is None:
        codes = None
        weights, means, log_c = _free(sites, T, beta, tolerance, max_atoms, max_iterations)
    else:
        codes, means = _linear_start(X, likelihood, sites, marginal, latent_dim, beta)
        weights = np.full(len(codes), 1 / len(codes))
        _, means = _sweeps(sites, T, weights, means, beta, max_iterations, free=False)
        log_c = _excess(sites, T, weights, means, beta)[0].max()
    log_joint, log_Z = _log_joint(sites, T, weights, means, beta)
    q = np.exp(log_joint - log_Z[:, None])
    distortion = -float((q * sites.log_prob(sites.fields(means), T)).sum(axis=1).mean())
    rate = float(-distortion / beta - log_Z.mean())
    certificate = beta * max(0.0, float(log_c))
    if latent_dim is None and certificate > tolerance:
        warnings.warn(
            f"optimal_decoder at beta={beta:g} ended with {len(weights)} atoms and a loss up to {certificate:.3g} nats "
            f"above the minimum (tolerance={tolerance:g}): pass more atoms than max_atoms={max_atoms} "
            f"({len(np.unique(T, axis=0))}, one a distinct sample, are enough), more sweeps than "
            f"max_iterations={max_iterations}, or a larger beta",
            RuntimeWarning,
            stacklevel=2,
        )
    return OptimalDecoder(sites, beta, weights, means, codes, q, rate, distortion, collapsed, certificate)


def _free(
    sites: Sites, T: Array, beta: float, tolerance: float, max_atoms: int, max_iterations: int
) -> tuple[Array, Array, float]:
    """Add an atom where it helps most, descend, drop what died; until nothing helps."""
    weights, means = np.ones(1), T.mean(axis=0)[None]
    begin = starts(sites, T)
    for _ in range(max(_ROUNDS, max_atoms)):
        log_c, found = _excess(sites, T, weights, means, beta, begin)
        better = np.flatnonzero(beta * log_c > tolerance)
        better = better[np.argsort(log_c[better])[::-1]][: max_atoms - len(weights)]
        if len(better) == 0:
            break
        share = 0.2 * len(better) / (len(better) + len(weights))
        weights = np.concatenate([(1 - share) * weights, np.full(len(better), share / len(better))])
        means = np.concatenate([means, found[better]])
        weights, means = _sweeps(sites, T, weights, means, beta, max_iterations, free=True)
        weights, means = _merged(weights, means)
    else:
        log_c, _ = _excess(sites, T, weights, means, beta, begin)
    return weights, means, float(log_c.max())


def _excess(
    sites: Sites, T: Array, weights: Array, means: Array, beta: float, begin: Array | None = None
) -> tuple[Array, Array]:
    """Maxima of ln c(h) and where they are."""
    reference = beta * _log_joint(sites, T, weights, means, beta)[1]
    begin = starts(sites, T) if begin is None else begin
    return ascend(sites, T, np.concatenate([means, begin]), reference, beta)


def _sweeps(
    sites: Sites, T: Array, weights: Array, means: Array, beta: float, most: int, *, free: bool
) -> tuple[Array, Array]:
    """Exact coordinate descent in (q, r, m); r held unless `free`."""
    last = np.inf
    for _ in range(most):
        log_joint, log_Z = _log_joint(sites, T, weights, means, beta)
        if free:
            weights = _weights(log_joint - log_Z[:, None], weights)
            kept = weights > 1e-9
            weights, means = weights[kept] / weights[kept].sum(), means[kept]
            log_joint, log_Z = _log_joint(sites, T, weights, means, beta)
        loss = -beta * log_Z.mean()
        if last - loss < 1e-9 * abs(loss):
            break
        last = loss
        q = np.exp(log_joint - log_Z[:, None])
        share = len(T) * np.maximum(q.mean(axis=0), 1e-300)
        means = np.tensordot(q.T, T, axes=1) / share.reshape(-1, *[1] * (T.ndim - 1))
    return weights, means


def _weights(log_q: Array, weights: Array) -> Array:
    """Best weights of atoms that stay where they are, by r <- r <p(x|h)^(1/beta) / Z_x> (Blahut); cheap, so to the end.

    log_q is that of the present weights, (sample, atom).
    """
    per_weight = np.exp(log_q - np.log(weights))
    for _ in range(_WEIGHT_STEPS):
        factor = (1.0 / (per_weight @ weights)) @ per_weight / len(per_weight)
        weights = weights * factor
        if np.abs(factor - 1).max() < 1e-7:
            break
    return weights


def _log_joint(sites: Sites, T: Array, weights: Array, means: Array, beta: float) -> tuple[Array, Array]:
    """Return ln r_g + ln p(x|h_g) / beta, (sample, atom), and ln Z_x, (sample,)."""
    joint = np.log(weights) + sites.log_prob(sites.fields(means), T) / beta
    return joint, logsumexp(joint, axis=1)


def _merged(weights: Array, means: Array) -> tuple[Array, Array]:
    """Join atoms that have met, drop those that died."""
    order = np.argsort(weights)[::-1]
    kept: list[int] = []
    total = weights.copy()
    for g in order:
        if weights[g] < 1e-8:
            continue
        same = next((k for k in kept if np.abs(means[g] - means[k]).max() < 1e-4), None)
        if same is None:
            kept.append(int(g))
        else:
            total[same] += weights[g]
    return total[kept] / total[kept].sum(), means[kept]


def _linear_start(
    X: ArrayLike, likelihood: str, sites: Sites, marginal: Array, latent_dim: int, beta: float
) -> tuple[Array, Array]:
    """Codes of equal-mass cells, (cell, latent), and means of a decoder linear in them along the softest directions."""
    check_positive_integer(latent_dim, "latent_dim")
    if latent_dim not in _CELLS:
        raise ValueError(f"latent_dim must be at most {max(_CELLS)}, got {latent_dim}; more cannot lower the floor")
    n = _CELLS[latent_dim]
    axis = norm.ppf((np.arange(n) + 0.5) / n)
    codes = np.array(list(itertools.product(axis, repeat=latent_dim)))
    threshold = collapse_threshold(X, likelihood, n_directions=latent_dim)
    amplitude = np.sqrt(np.maximum(threshold.betas - beta, 0.05 * threshold.betas) / len(marginal.ravel()))
    carried = codes[:, : len(amplitude)]  # data of fewer directions leave the other latents without any
    fields = np.tensordot(carried * amplitude, threshold.directions, axes=1)
    return codes, sites.means(sites.fields(marginal) + fields)
