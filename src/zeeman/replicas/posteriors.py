"""Posteriors q(z|x) = N(mean, diag scale^2) of two trainings, and what one training uses of its latent space.

Units: means and scales in the prior's standard deviation, KL in nats.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zeeman.base.checks import check_finite, check_samples
from zeeman.base.types import Samples, Seed
from zeeman.replicas.pairs import MIN_SAMPLES, Folds, pad, split

__all__ = [
    "Posterior",
    "active_units",
    "gaussian_wasserstein",
    "kl_per_dimension",
    "participation_rank",
    "use_of_latents",
]

_ACTIVE = 0.01  # variance of the posterior mean, Burda et al. 2016
_FITTED = 300  # samples that the alignment is fitted on
_ITERATIONS = 50


class Posterior(NamedTuple):
    """Gaussian posteriors of n samples.

    Attributes
    ----------
    mean : ndarray, (sample, latent)
    scale : ndarray, (sample, latent), or (sample, latent, latent)
        Standard deviations, or factors L of covariances L L^T (a rotated diagonal posterior is not diagonal).
    """

    mean: Samples
    scale: NDArray[np.floating]

    def rotated(self, Q: NDArray[np.float64]) -> Posterior:
        """Posteriors of z @ Q."""
        return Posterior(self.mean @ Q, Q.T @ _factors(self.scale))


def gaussian_wasserstein(a: Any, b: Any, *, seed: Seed = 0, folds: Folds | None = None) -> float:
    """Root mean squared 2-Wasserstein distance between posteriors, after the best held-out rotation and shift.

    W2^2 = |m_a - m_b T|^2 + tr S_a + tr S_b - 2 |L_a^T T^T L_b|_*, S = L L^T, |.|_* the sum of singular values. T is
    fitted by alternating it with the polar factors U_i of L_a^T T^T L_b: T = polar(sum_i m_b m_a^T + L_b U_i^T L_a^T),
    from the frames of the means and of the mean covariances. Means are centred (a shift is no disagreement).

    Source: Duong et al. 2023 (ICLR), "Representational dissimilarity metric spaces for stochastic neural networks",
    section 2.4.

    Parameters
    ----------
    a, b : Posterior, or a pair (mean, scale) of arrays (sample, latent)
    seed, folds
        Random halves, both ways averaged, or given (train, test) indices; at most 300 training samples are used.

    Returns
    -------
    float in [0, inf)
        In units of the latent space.
    """
    a, b = check_posteriors(a, b)
    squared = []
    for train, test in split(len(a.mean), seed=seed, folds=folds):
        few = train[:_FITTED]
        mean_a, mean_b = a.mean[few].mean(axis=0), b.mean[few].mean(axis=0)
        T = _align(a.mean[few] - mean_a, a.scale[few], b.mean[few] - mean_b, b.scale[few])
        shift = ((a.mean[test] - mean_a - (b.mean[test] - mean_b) @ T) ** 2).sum(axis=1)
        squared.append(shift + _bures(a.scale[test], b.scale[test], T))
    return float(np.sqrt(max(np.concatenate(squared).mean(), 0.0)))


def active_units(mean: Any, *, threshold: float = _ACTIVE) -> int:
    """Latents whose posterior mean varies over the data by more than 0.01: Var_x(E[z_j|x]) > threshold.

    Source: Burda, Grosse and Salakhutdinov 2016 (ICLR), section 4.2.
    """
    return int((check_samples(mean, "mean", MIN_SAMPLES).var(axis=0) > threshold).sum())


def kl_per_dimension(mean: Any, scale: Any) -> NDArray[np.float64]:
    """KL(q(z_j|x) || N(0, 1)) averaged over samples, (latent,), nats: mean of (mu^2 + s^2 - 1 - ln s^2) / 2."""
    mean, scale = _check_posterior((mean, scale), "posterior")
    if scale.ndim != 2:
        raise ValueError(f"scale must be (sample, latent) here, got shape {scale.shape}")
    if not np.all(scale > 0):
        raise ValueError("scale must be positive: a posterior of no width has infinite KL divergence")
    return 0.5 * (mean**2 + scale**2 - 1.0 - 2.0 * np.log(scale)).mean(axis=0)


def participation_rank(mean: Any) -> float:
    """Effective number of dimensions, (sum_j l_j)^2 / sum_j l_j^2, l the eigenvalues of the covariance of the means.

    Source: Gao et al. 2017, bioRxiv 214262. From 1 to d; unchanged by rotation and one scale.
    """
    z = check_samples(mean, "mean", MIN_SAMPLES)
    z = z - z.mean(axis=0)
    covariance = z.T @ z / len(z)
    return float(np.trace(covariance) ** 2 / (covariance**2).sum())


def use_of_latents(mean: Any, scale: Any = None) -> dict[str, Any]:
    """Return `active_units`, `participation_rank` and, where scales are known, `kl_per_dimension` and `kl` (nats)."""
    used: dict[str, Any] = {"active_units": active_units(mean), "participation_rank": participation_rank(mean)}
    if scale is not None:
        used["kl_per_dimension"] = kl_per_dimension(mean, scale)
        used["kl"] = float(used["kl_per_dimension"].sum())
    return used


def check_posteriors(a: Any, b: Any) -> tuple[Posterior, Posterior]:
    """Return two posteriors of the same samples, equally many latents, scales as factors (sample, latent, latent)."""
    (mean_a, scale_a), (mean_b, scale_b) = _check_posterior(a, "a"), _check_posterior(b, "b")
    if len(mean_a) != len(mean_b):
        raise ValueError(f"a has {len(mean_a)} samples and b {len(mean_b)}: they must be the same, in the same order")
    d = max(mean_a.shape[1], mean_b.shape[1])
    mean_a, mean_b = pad(mean_a, mean_b)
    return Posterior(mean_a, _factors(scale_a, d)), Posterior(mean_b, _factors(scale_b, d))


def _check_posterior(posterior: Any, name: str) -> Posterior:
    try:
        mean, scale = posterior
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a pair (mean, scale) of arrays (sample, latent)") from None
    mean, scale = check_samples(mean, f"mean of {name}", MIN_SAMPLES), np.asarray(scale, dtype=np.float64)
    if scale.shape[:2] != mean.shape or scale.ndim not in (2, 3):
        raise ValueError(f"scale of {name} has shape {scale.shape}, its mean {mean.shape}: they must agree")
    check_finite(scale, f"scale of {name}")
    if scale.ndim == 2 and np.any(scale < 0):
        raise ValueError(f"scale of {name} must not be negative; it is a standard deviation, not a logarithm")
    return Posterior(mean, scale)


def _factors(scale: NDArray[np.floating], d: int | None = None) -> NDArray[np.float64]:
    factors = scale if scale.ndim == 3 else scale[:, :, None] * np.eye(scale.shape[1])
    more = 0 if d is None else d - factors.shape[1]
    return np.pad(factors, ((0, 0), (0, more), (0, more)))


def _align(mean_a: Samples, L_a: NDArray[np.float64], mean_b: Samples, L_b: NDArray[np.float64]) -> NDArray[np.float64]:
    """The better of two climbs: from the frame of the means, and from that of the mean covariances.

    The first alone stops at a saddle where the means leave axes free, as collapsed dimensions do.
    """
    means = mean_b.T @ mean_a
    axes_a, axes_b = (np.linalg.eigh(np.einsum("nij,nkj->ik", L, L, optimize=True))[1] for L in (L_a, L_b))
    signs = np.where(np.diagonal(axes_b.T @ means @ axes_a) < 0, -1.0, 1.0)
    climbs = [_climb(T, means, L_a, L_b) for T in (_polar(means), axes_b * signs @ axes_a.T)]
    return max(climbs, key=lambda climb: climb[0])[1]


def _climb(
    T: NDArray[np.float64], means: NDArray[np.float64], L_a: NDArray[np.float64], L_b: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    explained = -np.inf
    for _ in range(_ITERATIONS):
        left, singular, right = np.linalg.svd(np.swapaxes(L_a, 1, 2) @ T.T @ L_b)
        previous, explained = explained, (T * means).sum() + singular.sum()
        if explained - previous <= 1e-9 * abs(explained):
            break
        T = _polar(means + np.einsum("nij,nkj,nlk->il", L_b, left @ right, L_a, optimize=True))
    return float(explained), T


def _bures(L_a: NDArray[np.float64], L_b: NDArray[np.float64], T: NDArray[np.float64]) -> NDArray[np.float64]:
    overlap = np.linalg.svd(np.swapaxes(L_a, 1, 2) @ T.T @ L_b, compute_uv=False).sum(axis=1)
    return (L_a**2).sum(axis=(1, 2)) + (L_b**2).sum(axis=(1, 2)) - 2.0 * overlap


def _polar(m: NDArray[np.float64]) -> NDArray[np.float64]:
    left, _, right = np.linalg.svd(m)
    return left @ right
