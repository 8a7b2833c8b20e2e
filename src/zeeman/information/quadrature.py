"""ln p(x) for at most three latents by adaptive Gauss-Hermite quadrature, checked by doubling the nodes.

With z = c + sqrt(2) L t, int f(z) dz = 2^(d/2) |L| sum_i w_i e^{t_i^2} f(z_i), exact where f is a Gaussian N(c, L L^T)
times a polynomial. Centre c and widths L start at the encoder's mean and scale and move to the posterior's own moments
(an encoder trained at beta > 1 is about sqrt(beta) too wide).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from zeeman.base.brief import brief
from zeeman.base.checks import check_positive_integer
from zeeman.base.progress import Progress
from zeeman.information.densities import ROWS, Replicas, log_likelihood, log_normal, reading, resolve_replicas
from zeeman.vae.model import LatentModel

__all__ = ["Quadrature", "quadrature"]

_NODES = {1: 32, 2: 16, 3: 10}  # along an axis, before doubling
_MOST_ALONG_AXIS = 256  # beyond, weights underflow
_REFINEMENTS = 8
_FEWEST_NODES = 4


@brief
@dataclass(frozen=True)
class Quadrature:
    """ln p(x) by quadrature, each array (replica, sample).

    Attributes
    ----------
    log_likelihood : ndarray
        nats.
    error : ndarray
        Difference to half as many nodes along each axis, absolute, nats.
    n_nodes : ndarray of int
        Nodes used, all axes together.
    """

    log_likelihood: NDArray[np.float64]
    error: NDArray[np.float64] = field(repr=False)
    n_nodes: NDArray[np.int64] = field(repr=False)


def quadrature(
    vae: Replicas,
    X: ArrayLike,
    n_nodes: int | None = None,
    *,
    tolerance: float = 1e-3,
    max_nodes: int = 2**14,
    verbose: bool = False,
) -> Quadrature:
    """Return ln p(x) under every replica by adaptive Gauss-Hermite quadrature over d_z <= 3 latents.

    Source: Naylor and Smith 1982 (Applied Statistics 31:214) for the moments that move the rule.

    Parameters
    ----------
    vae : BetaVAE, LatentModel or a sequence of LatentModel
    X : array-like, (sample, ...)
    n_nodes : int, optional
        Nodes along an axis to start from; 32, 16, 10 for 1, 2, 3 latents.
    tolerance : float
        Nodes along an axis are doubled, at least once, until ln p(x) changes by less, nats; where no finer rule is to
        be had `error` is the change from half as many. A decoder of float32 resolves 1e-7 of |ln p(x|z)|, and one with
        kinks (ReLU) converges algebraically.
    max_nodes : int
        Most nodes, all axes together; samples that would need more keep their larger `error`.
    verbose : bool

    Raises
    ------
    ValueError
        For more than three latents: use `zeeman.information.annealed`.
    """
    models, states = resolve_replicas(vae, X)
    dim = latent_dim(models[0], states)
    if dim not in _NODES:
        raise ValueError(f"quadrature is for at most 3 latents, got {dim}; use annealed or importance")
    start = check_positive_integer(_NODES[dim] if n_nodes is None else n_nodes, "n_nodes", _FEWEST_NODES)
    portion = max(1, ROWS // start**dim)
    results = np.empty((3, len(models), len(states)))
    with reading(vae), Progress(len(models) * len(states), "quadrature", enabled=verbose) as progress:
        for r, model in enumerate(models):
            for first in range(0, len(states), portion):
                x = states[first : first + portion]
                results[:, r, first : first + len(x)] = _integrate(model, x, start, tolerance, max_nodes)
                progress.advance(len(x))
    return Quadrature(results[0], results[1], results[2].astype(np.int64))


def latent_dim(model: LatentModel, states: Tensor) -> int:
    """Return the number of latents that the encoder writes."""
    with torch.no_grad():
        return int(model.posterior(states[:1])[0].shape[1])


def _integrate(model: LatentModel, x: Tensor, n: int, tolerance: float, max_nodes: int) -> NDArray[np.float64]:
    """Return ln p(x), its change at the last doubling and the number of nodes, (3, sample)."""
    center, factor = _fitted_rule(model, x, n)
    dim = center.shape[1]
    value = _log_terms(model, x, center, factor, n)[0].logsumexp(0)
    change = torch.full_like(value, math.inf)
    nodes = torch.full_like(value, float(n**dim))
    if 2 * n > _MOST_ALONG_AXIS or (2 * n) ** dim > max_nodes:  # nothing finer: what half as many would have said
        coarser = _log_terms(model, x, center, factor, n // 2)[0].logsumexp(0)
        change = (value - coarser).abs()
    while (open_ := change > tolerance).any() and 2 * n <= _MOST_ALONG_AXIS and (2 * n) ** dim <= max_nodes:
        n *= 2
        finer = torch.cat([
            _log_terms(model, x[rows], center[rows], factor[rows], n)[0].logsumexp(0)
            for rows in open_.nonzero()[:, 0].split(max(1, ROWS // n**dim))
        ])  # fmt: skip
        change[open_] = (finer - value[open_]).abs()
        value[open_], nodes[open_] = finer, float(n**dim)
    return torch.stack([value, change, nodes]).cpu().numpy()


def _fitted_rule(model: LatentModel, x: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Return c (sample, latent) and L (sample, latent, latent) at the mean and covariance of p(z|x).

    A posterior that falls between nodes looks too narrow, so half a spacing, pi / 2 sqrt(n), is added to its width.
    """
    center, scale = (part.double() for part in model.posterior(x))
    factor = torch.diag_embed(scale)
    half = math.pi / (2.0 * math.sqrt(n))
    for _ in range(_REFINEMENTS):
        terms, z = _log_terms(model, x, center, factor, n)
        p = terms.softmax(0)[..., None]
        center = (p * z).sum(0)
        off = p.sqrt() * (z - center)
        covariance = torch.einsum("kni,knj->nij", off, off) + half**2 * factor @ factor.mT
        factor = torch.linalg.cholesky(covariance)
    return center, factor


def _log_terms(model: LatentModel, x: Tensor, center: Tensor, factor: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Return the logarithms of the terms of the sum, (node, sample), and the nodes z (node, sample, latent)."""
    dim = center.shape[1]
    t, w = np.polynomial.hermite.hermgauss(n)
    grid = _product(t, dim)
    log_weight = _product(np.log(w) + t**2, dim).sum(1).to(center.device)
    z = center + math.sqrt(2.0) * torch.einsum("nij,kj->kni", factor, grid.to(center.device))
    volume = 0.5 * dim * math.log(2.0) + factor.diagonal(dim1=1, dim2=2).log().sum(1)
    return log_weight[:, None] + volume + log_likelihood(model, x, z) + log_normal(z), z


def _product(values: NDArray[np.float64], dim: int) -> Tensor:
    """Return all combinations of `values` along `dim` axes, (len(values)^dim, dim)."""
    return torch.from_numpy(np.stack(np.meshgrid(*[values] * dim, indexing="ij"), axis=-1).reshape(-1, dim))
