"""Integrals over latents with the prior N(0, 1) and a likelihood to the power 1/beta, for one to three latents.

Trapezoidal sums: for a Gaussian integrand of width s sampled at distance h they err by 2 exp(-2 pi^2 s^2 / h^2), so a
spacing of the width itself is already good to 1e-8. Each integral is also taken on every second node; where the two
differ, the posterior is narrower than the nodes and there is an error, not a number.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from zeeman.base.brief import brief

__all__ = ["Integrals", "common_nodes", "integrate_common", "integrate_local"]

Array = NDArray[np.float64]
_SPACING = {1: 0.2, 2: 0.5, 3: 0.7}  # of common nodes, in units of the narrowest posterior
_WIDEST_SPACING = {1: 0.05, 2: 0.2, 3: 0.25}  # in units of the prior
_REACH = 5.0  # of common nodes, standard deviations about every posterior
_LOCAL_REACH = 4.0
_LOCAL = {1: 41, 2: 21, 3: 13}  # nodes an axis about one posterior
_MOVES = 20  # of local nodes


@brief
@dataclass(frozen=True)
class Integrals:
    """What quadrature gives, sample by sample.

    Attributes
    ----------
    log_Z : ndarray, (sample,)
        ln int p(z) p(x|z)^(1/beta) dz.
    mean, covariance : ndarray, (sample, latent) and (sample, latent, latent)
        Of the normalised integrand, the optimal posterior q*.
    expected : ndarray, (sample,)
        <ln p(x|z)> under q*.
    given : ndarray, (sample,)
        <ln p(x|z)> under the Gaussian posteriors that were given.
    error : ndarray, (sample,)
        Change of ln Z and of beta^-1 `given` when every second node is left out: far above the error of the full sum.
    """

    log_Z: Array
    mean: Array
    covariance: Array
    expected: Array
    given: Array
    error: Array


def common_nodes(mean: Array, scale: Array, n_nodes: int | None) -> list[Array]:
    """Axes of nodes that cover the prior and all given posteriors, spaced by the narrowest of them."""
    low = np.minimum(-_REACH, (mean - _REACH * scale).min(axis=0))
    high = np.maximum(_REACH, (mean + _REACH * scale).max(axis=0))
    axes, d = [], mean.shape[1]
    for a, b, width in zip(low, high, scale.min(axis=0), strict=True):
        n = n_nodes or math.ceil((b - a) / min(_SPACING[d] * width, _WIDEST_SPACING[d])) + 1
        axes.append(np.linspace(a, b, n + 1 - n % 2))  # odd: every second node reaches both ends
    return axes


def integrate_common(axes: list[Array], log_p: Array, mean: Array, scale: Array, beta: float) -> Integrals:
    """Integrate ln p(x|z) given on one set of nodes for all samples, (sample, node)."""
    z = np.array(list(itertools.product(*axes)))
    volume = sum(math.log(axis[1] - axis[0]) for axis in axes)
    precision = scale**-2.0
    log_q = (precision * mean) @ z.T - 0.5 * precision @ (z.T**2)  # up to a constant of each sample
    log_w = log_p / beta + (_log_prior(z) + volume)
    return _sums(log_w, log_q, z, log_p, [len(a) for a in axes], beta)


def integrate_local(
    log_prob: Callable[[NDArray[np.intp], Array], Array],
    mean: Array,
    scale: Array,
    beta: float,
    n_nodes: int | None,
    advance: Callable[[int], None],
) -> Integrals:
    """Integrate on nodes about each posterior, that start at the given one and move to where q* is.

    Parameters
    ----------
    log_prob : callable
        (rows, z (row, node, latent)) -> ln p(x|z), (row, node).
    mean, scale : ndarray, (sample, latent)
    n_nodes : int, optional
        Nodes an axis.
    advance : callable
        Told how many samples are done.
    """
    n, d = mean.shape
    k = n_nodes or _LOCAL[d]
    side = [k + 1 - k % 2] * d
    t = np.array(list(itertools.product(*[np.linspace(-_LOCAL_REACH, _LOCAL_REACH, s) for s in side])))
    step = 2 * _LOCAL_REACH / (side[0] - 1)
    center, root = mean.copy(), scale[:, :, None] * np.eye(d)
    fields = (np.empty(n), np.empty((n, d)), np.empty((n, d, d)), np.empty(n), np.empty(n), np.empty(n))
    found = Integrals(*fields)
    rows = np.arange(n)
    for move in range(_MOVES):
        z = center[rows, None] + np.einsum("nij,kj->nki", root[rows], t)
        log_p = log_prob(rows, z)
        volume = d * math.log(step) + np.log(np.abs(np.linalg.det(root[rows])))
        log_w = log_p / beta + _log_prior(z) + volume[:, None]
        log_q = np.broadcast_to(-0.5 * (t**2).sum(axis=-1), log_p.shape)
        here = _sums(log_w, log_q, z, log_p, side, beta)
        if move == 0:  # the only nodes that belong to the given posteriors
            found.given[:] = here.given
        shift, widths = _against(here, center[rows], root[rows])
        settled = (shift < 0.2) & (widths.max(axis=1) < 1.2) & (widths.min(axis=1) > max(0.6, step**2 / 3))
        for name in ("log_Z", "mean", "covariance", "expected", "error"):
            getattr(found, name)[rows] = getattr(here, name)
        found.error[rows[~settled]] = np.inf
        far = shift > 0.6 * _LOCAL_REACH  # q* is at the rim or beyond: look farther before looking closer
        center[rows] = here.mean
        root[rows] = np.where(far[:, None, None], 2 * root[rows], _roots(here.covariance, root[rows], step))
        advance(int(settled.sum()))
        rows = rows[~settled]
        if len(rows) == 0:
            break
    return found


def _sums(log_w: Array, log_q: Array, z: Array, log_p: Array, side: list[int], beta: float) -> Integrals:
    """Weighted sums over nodes z, (node, latent) for all samples or (sample, node, latent) for each."""
    n, d = len(log_p), z.shape[-1]
    log_Z = logsumexp(log_w, axis=1)
    w = np.exp(log_w - log_Z[:, None])
    squares = (z[..., :, None] * z[..., None, :]).reshape(*z.shape[:-1], d * d)
    mean, second = ((w[:, None] @ moment)[:, 0] if z.ndim == 3 else w @ moment for moment in (z, squares))
    covariance = second.reshape(n, d, d) - mean[:, :, None] * mean[:, None, :]
    given = _average(log_q, log_p)
    half = _every_second(side)
    log_half = logsumexp(log_w[:, half], axis=1) + d * math.log(2)
    given_half = _average(log_q[:, half], log_p[:, half])
    error = np.abs(log_Z - log_half) + np.abs(given - given_half) / beta
    return Integrals(log_Z, mean, covariance, (w * log_p).sum(axis=1), given, error)


def _average(log_q: Array, f: Array) -> Array:
    q = np.exp(log_q - log_q.max(axis=1, keepdims=True))
    return (q * f).sum(axis=1) / q.sum(axis=1)


def _every_second(side: list[int]) -> NDArray[np.bool_]:
    even = [np.arange(n) % 2 == 0 for n in side]
    return np.array([all(row) for row in itertools.product(*even)])


def _against(here: Integrals, center: Array, root: Array) -> tuple[Array, Array]:
    """Shift of q* from the nodes' centre in their widths, (sample,), and its variances in theirs, (sample, latent)."""
    inverse = np.linalg.inv(root)
    shift = np.abs(np.einsum("nij,nj->ni", inverse, here.mean - center)).max(axis=1)
    return shift, np.linalg.eigvalsh(inverse @ here.covariance @ inverse.transpose(0, 2, 1))


def _roots(covariance: Array, before: Array, step: float) -> Array:
    """Square roots of the covariances; one that fell between nodes shrinks to a node's distance."""
    inverse = np.linalg.inv(before)
    values, vectors = np.linalg.eigh(inverse @ covariance @ inverse.transpose(0, 2, 1))
    return before @ (vectors * np.sqrt(np.maximum(values, (0.5 * step) ** 2))[:, None, :])


def _log_prior(z: Array) -> Array:
    return -0.5 * (z**2).sum(axis=-1) - 0.5 * z.shape[-1] * math.log(2 * math.pi)
