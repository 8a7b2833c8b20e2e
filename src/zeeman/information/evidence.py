"""ln p(x) = ln int p(z) p(x|z) dz by importance sampling, with the diagnostics that say when to believe it.

Weights w_k = p(x|z_k) p(z_k) / q(z_k|x), z_k drawn from q: ln (1/K) sum_k w_k lies below ln p(x) on average, by about
half its variance. Heavy tails hide from both numbers, so the tail's shape is fitted too. Where the encoder is far from
the posterior (a large beta), use `zeeman.information.quadrature` for d_z <= 3 and `zeeman.information.annealed` beyond.
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
from zeeman.base.random import entropy_of, torch_stream
from zeeman.base.types import Seed
from zeeman.information.densities import ROWS, Replicas, log_likelihood, log_normal, reading, resolve_replicas
from zeeman.vae.model import LatentModel

__all__ = ["Importance", "importance", "pareto_shape"]

_FEWEST_DRAWS = 20  # below, a tail has fewer than four draws


@brief
@dataclass(frozen=True)
class Importance:
    """ln p(x) by importance sampling, each array (replica, sample).

    Attributes
    ----------
    log_likelihood : ndarray
        ln (1/K) sum_k w_k, nats.
    ess : ndarray
        Effective sample size (sum w)^2 / sum w^2, from 1 to K.
    error : ndarray
        Standard deviation of the estimate to first order, sqrt((K / ess - 1) / (K - 1)), nats.
    bias : ndarray
        What the estimate still lacks, <= 0: the mean over two halves of the draws minus the whole. For weights of
        finite variance it is -error^2 / 2 on average.
    tail : ndarray
        Shape k of a generalised Pareto tail of the weights: their variance is finite for k < 1/2.
    n_draws : int
        K.
    """

    log_likelihood: NDArray[np.float64]
    ess: NDArray[np.float64] = field(repr=False)
    error: NDArray[np.float64] = field(repr=False)
    bias: NDArray[np.float64] = field(repr=False)
    tail: NDArray[np.float64] = field(repr=False)
    n_draws: int

    @property
    def reliable(self) -> NDArray[np.bool_]:
        """Whether tail < min(1 - 1/log10 K, 0.7) (Vehtari et al. 2024): below, `error` and `bias` can be believed."""
        return self.tail < min(1.0 - 1.0 / math.log10(self.n_draws), 0.7)


def importance(
    vae: Replicas, X: ArrayLike, n_draws: int = 500, *, random_state: Seed = 0, verbose: bool = False
) -> Importance:
    """Return ln p(x) under every replica by importance sampling from q(z|x), with diagnostics.

    Source: Burda, Grosse and Salakhutdinov 2016 (ICLR), eq. 7; Vehtari et al. 2024 (JMLR 25:72) for the tail.

    Parameters
    ----------
    vae : BetaVAE, LatentModel or a sequence of LatentModel
    X : array-like, (sample, ...)
    n_draws : int
        K >= 20 draws of z a sample; costs as many passes of the decoder.
    random_state : int, Generator or None
    verbose : bool
    """
    check_positive_integer(n_draws, "n_draws", _FEWEST_DRAWS)
    models, states = resolve_replicas(vae, X)
    seed, portion = entropy_of(random_state), max(1, ROWS // n_draws)
    parts = states.split(portion)
    results = np.empty((len(models), 5, len(states)))
    with reading(vae), Progress(len(models) * len(parts), "importance sampling", enabled=verbose) as progress:
        for r, model in enumerate(models):
            generator = torch_stream(seed, "evidence/importance", r)
            for i, x in enumerate(parts):
                weights = _log_weights(model, x, n_draws, generator)
                results[r, :, i * portion : i * portion + len(x)] = _summary(weights.cpu().numpy())
                progress.advance()
    estimate, ess, error, bias, tail = results.swapaxes(0, 1)
    return Importance(estimate, ess, error, bias, tail, n_draws)


def pareto_shape(log_weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the shape k of a generalised Pareto distribution fitted to the largest weights, (...), for (draw, ...).

    Tail: the largest min(K/5, 3 sqrt K) of K draws. Fit: Zhang and Stephens 2009 (Technometrics 51:316), pulled to 1/2
    by ten pseudo-draws (Vehtari et al. 2024, appendix). -inf where the tail has no width (all weights equal).
    """
    n = math.ceil(min(0.2 * len(log_weights), 3.0 * math.sqrt(len(log_weights))))
    largest = np.sort(log_weights, axis=0)[-n - 1 :]
    weights = np.exp(largest - largest[-1])
    x = weights[1:] - weights[0]
    flat = x[-1] <= 1e-10
    x = np.where(flat, np.arange(1.0, n + 1.0).reshape(-1, *[1] * (x.ndim - 1)), x)  # a stand-in, masked below
    n_grid = 30 + int(math.sqrt(n))
    grid = 1.0 - np.sqrt(n_grid / (np.arange(1, n_grid + 1) - 0.5))
    quarter = np.maximum(x[int(n / 4 + 0.5) - 1], np.finfo(float).tiny)
    b = 1.0 / x[-1] + grid.reshape(-1, *[1] * (x.ndim - 1)) / (3.0 * quarter)
    k = np.log1p(-b[:, None] * x).mean(axis=1)
    profile = n * (np.log(-b / k) - k - 1.0)
    chances = np.exp(profile - profile.max(axis=0))
    best = (b * chances).sum(axis=0) / chances.sum(axis=0)
    shape = np.log1p(-best * x).mean(axis=0)
    return np.where(flat, -np.inf, (n * shape + 5.0) / (n + 10.0))


def _log_weights(model: LatentModel, x: Tensor, n_draws: int, generator: torch.Generator) -> Tensor:
    """Return ln w, (draw, sample)."""
    mean, scale = (part.double() for part in model.posterior(x))
    noise = torch.randn(n_draws, *mean.shape, generator=generator, dtype=torch.float64).to(mean.device)
    z = (mean + scale * noise).float().double()  # the decoder reads float32: weigh the codes that it sees
    return log_likelihood(model, x, z) + log_normal(z) - log_normal(z, mean, scale)


def _summary(log_weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log-likelihood, effective sample size, error, bias and tail, (5, sample)."""
    n = len(log_weights)
    whole, square = _log_mean(log_weights), _log_mean(2.0 * log_weights)
    ess = np.minimum(n * np.exp(2.0 * whole - square), n)
    error = np.sqrt((n / ess - 1.0) / (n - 1.0))
    halves = 0.5 * (_log_mean(log_weights[: n // 2]) + _log_mean(log_weights[n // 2 : n // 2 * 2]))
    even = whole if n % 2 == 0 else _log_mean(log_weights[:-1])
    return np.stack([whole, ess, error, halves - even, pareto_shape(log_weights)])


def _log_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    top = values.max(axis=0)
    return np.asarray(top + np.log(np.exp(values - top).mean(axis=0)))
