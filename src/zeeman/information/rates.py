"""How much a code holds: rate and distortion, the parts of the rate, bounds on I(x; z). All in nats.

Symbols: q(z|x) = N(mean, scale^2) diagonal, p(z) = N(0, 1), q(z) = 1/N sum_n q(z|x_n) the aggregated posterior, a
mixture of N Gaussians. Rate R = E_x KL[q(z|x) || p(z)], distortion D = -E ln p(x|z), ELBO = -D - R. The rate splits
(ELBO surgery) as

    R = I_q(n; z) + TC + sum_j KL[q(z_j) || p(z_j)],   TC = KL[q(z) || prod_j q(z_j)],

I_q(n; z) <= ln N the information on which sample it was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from zeeman.base.brief import brief
from zeeman.base.checks import check_finite, check_positive_integer
from zeeman.base.progress import Progress
from zeeman.base.random import entropy_of, stream, torch_stream
from zeeman.base.types import Codes, Seed
from zeeman.information.densities import LN_2PI, ROWS, Replicas, log_likelihood, reading, resolve_replicas
from zeeman.vae import gaussian_kl

__all__ = [
    "Curve",
    "InformationBounds",
    "RateDistortion",
    "RateParts",
    "information_bounds",
    "rate_distortion",
    "rate_distortion_curve",
    "rate_parts",
]

_PAIRS = 2**22  # (code, component) pairs held at once


@brief
@dataclass(frozen=True)
class RateDistortion:
    """Rate and distortion of every sample, (replica, sample) each, nats."""

    rate: NDArray[np.float64]
    distortion: NDArray[np.float64]

    @property
    def elbo(self) -> NDArray[np.float64]:
        """-distortion - rate, (replica, sample): below ln p(x) on average over draws."""
        return -self.distortion - self.rate


@brief
@dataclass(frozen=True)
class Curve:
    """Rate against distortion of trained models, beta ascending; (model, replica) each unless stated.

    Attributes
    ----------
    beta : ndarray, (model,)
    rate, distortion : ndarray
        Means over samples, nats.
    rate_error, distortion_error : ndarray
        Standard errors over samples; the spread over trainings is that along the replica axis.
    """

    beta: NDArray[np.float64]
    rate: NDArray[np.float64]
    distortion: NDArray[np.float64]
    rate_error: NDArray[np.float64] = field(repr=False)
    distortion_error: NDArray[np.float64] = field(repr=False)

    @property
    def elbo(self) -> NDArray[np.float64]:
        """-distortion - rate."""
        return -self.distortion - self.rate

    @property
    def slope(self) -> NDArray[np.float64]:
        """-dD/dR between neighbours of beta, (model - 1,), from means over replicas; nan where the rate stands still.

        Trained to the optimum, D + beta R is stationary, so the slope lies between the two betas (Alemi et al. 2018).
        """
        rate, distortion = np.diff(self.rate.mean(axis=1)), np.diff(self.distortion.mean(axis=1))
        still = np.abs(rate) < 1e-9
        return np.where(still, np.nan, -distortion / np.where(still, 1.0, rate))


@brief
@dataclass(frozen=True)
class RateParts:
    """The rate and its three parts, (replica,) each unless stated, nats; they add up to it within their errors.

    Attributes
    ----------
    rate : ndarray
        E KL[q(z|x) || p(z)], in closed form.
    mutual_information : ndarray
        I_q(n; z), at most ln N.
    total_correlation : ndarray
        KL[q(z) || prod_j q(z_j)].
    marginal_kl : ndarray, (replica, latent)
        KL[q(z_j) || p(z_j)].
    error : ndarray, (replica, 3)
        Standard errors over codes of mutual information, total correlation and the sum of `marginal_kl`.
    n_samples : int
        N.
    """

    rate: NDArray[np.float64]
    mutual_information: NDArray[np.float64]
    total_correlation: NDArray[np.float64]
    marginal_kl: NDArray[np.float64]
    error: NDArray[np.float64] = field(repr=False)
    n_samples: int

    @property
    def dimension_kl(self) -> NDArray[np.float64]:
        """sum_j KL[q(z_j) || p(z_j)], (replica,)."""
        return self.marginal_kl.sum(axis=1)


@brief
@dataclass(frozen=True)
class InformationBounds:
    """Bounds on I(x; z) of data and code, (replica,) each, nats.

    Attributes
    ----------
    lower : ndarray
        InfoNCE with the exact conditional q(z|x) as critic; cannot exceed `cap`.
    upper : ndarray
        Leave-one-out: the marginal is estimated from the other samples of the batch.
    rate : ndarray
        E KL[q(z|x) || p(z)], an upper bound too: too large by KL[q(z) || p(z)].
    lower_error, upper_error : ndarray
        Standard errors over codes.
    cap : float
        ln of the batch size: an I(x; z) beyond it cannot be seen in `lower`.
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    rate: NDArray[np.float64]
    lower_error: NDArray[np.float64] = field(repr=False)
    upper_error: NDArray[np.float64] = field(repr=False)
    cap: float


def rate_distortion(
    vae: Replicas, X: ArrayLike, n_draws: int = 16, *, random_state: Seed = 0, verbose: bool = False
) -> RateDistortion:
    """Return rate (closed form) and distortion (mean over `n_draws` codes) of every sample under every replica.

    Source: Alemi et al. 2018 (ICML), "Fixing a broken ELBO".

    Parameters
    ----------
    vae : BetaVAE, LatentModel or a sequence of LatentModel
    X : array-like, (sample, ...)
    n_draws : int
    random_state : int, Generator or None
    verbose : bool
    """
    check_positive_integer(n_draws, "n_draws")
    models, states = resolve_replicas(vae, X)
    seed, portion = entropy_of(random_state), max(1, ROWS // n_draws)
    parts = states.split(portion)
    found: list[list[Tensor]] = [[], []]
    with reading(vae), Progress(len(models) * len(parts), "rate and distortion", enabled=verbose) as progress:
        for r, model in enumerate(models):
            generator = torch_stream(seed, "rates", r)
            for x in parts:
                mean, scale = (part.double() for part in model.posterior(x))
                noise = torch.randn(n_draws, *mean.shape, generator=generator, dtype=torch.float64).to(mean.device)
                found[0].append(gaussian_kl(mean, scale))
                found[1].append(-log_likelihood(model, x, mean + scale * noise).mean(0))
                progress.advance()
    rate, distortion = (torch.cat(values).reshape(len(models), -1).cpu().numpy() for values in found)
    return RateDistortion(rate, distortion)


def rate_distortion_curve(
    vaes: Sequence[Replicas], X: ArrayLike, n_draws: int = 16, *, random_state: Seed = 0, verbose: bool = False
) -> Curve:
    """Return the rate-distortion curve of trained models, ordered by their beta; nothing is trained here.

    Source: Alemi et al. 2018 (ICML).

    Parameters
    ----------
    vaes : sequence of BetaVAE, or of sequences of LatentModel
        One a beta, equally many replicas each.
    X, n_draws, random_state, verbose
        As `rate_distortion`; held-out X gives the curve that generalises.
    """
    if not len(vaes):
        raise ValueError("vaes is empty: give one trained model a beta")
    betas = [_beta(vae) for vae in vaes]
    order = np.argsort(betas, kind="stable")
    seed = entropy_of(random_state)
    points = [rate_distortion(vaes[i], X, n_draws, random_state=seed, verbose=verbose) for i in order]
    if len({len(point.rate) for point in points}) > 1:
        raise ValueError(f"vaes must have equally many replicas, got {[len(point.rate) for point in points]}")
    rates, distortions = (np.stack([getattr(p, name) for p in points]) for name in ("rate", "distortion"))
    root = math.sqrt(rates.shape[-1])
    return Curve(
        np.array(betas, dtype=float)[order], rates.mean(axis=-1), distortions.mean(axis=-1),
        rates.std(axis=-1) / root, distortions.std(axis=-1) / root,
    )  # fmt: skip


def rate_parts(codes: Codes, *, max_codes: int = 4000, random_state: Seed = 0, verbose: bool = False) -> RateParts:
    """Return the rate split into index-code information, total correlation and dimension-wise KL.

    ln q(z) and ln q(z_j) are exact sums over all N components, at one code for each of at most `max_codes` samples.
    q(z) is that of these N samples: where their posteriors hardly overlap, information saturates at ln N and TC is
    that of a point set.

    Source: Hoffman and Johnson 2016 ("ELBO surgery"); Chen et al. 2018 (NeurIPS), eq. 2.

    Parameters
    ----------
    codes : Codes
        `BetaVAE.encode(X)`: mean and scale, (replica, sample, latent).
    max_codes : int
        Codes at which the mixtures are evaluated, at least 2; costs max_codes N latent.
    random_state : int, Generator or None
    verbose : bool
    """
    check_positive_integer(max_codes, "max_codes", 2)
    mean, scale = _check_codes(codes)
    replicas, n, dim = mean.shape
    rate, parts, marginal, error = np.empty(replicas), np.empty((replicas, 2)), np.empty((replicas, dim)), []
    seed = entropy_of(random_state)
    with Progress(replicas, "total correlation", enabled=verbose) as progress:
        for r in range(replicas):
            z, rows = _drawn_codes(mean[r], scale[r], max_codes, seed, r)
            joint, single = _mixture(z, mean[r], scale[r])
            own, prior = _log_normal(z, mean[r, rows], scale[r, rows]).sum(1), _log_normal(z, 0.0, 1.0)
            terms = torch.stack([own - joint, joint - single.sum(1), (single - prior).sum(1)])
            rate[r] = float(gaussian_kl(mean[r], scale[r]).mean())
            parts[r] = terms[:2].mean(1).numpy()
            marginal[r] = (single - prior).mean(0).numpy()
            error.append((terms.std(1) / math.sqrt(len(rows))).numpy())
            progress.advance()
    return RateParts(rate, parts[:, 0], parts[:, 1], marginal, np.stack(error), n)


def information_bounds(
    codes: Codes, batch_size: int | None = None, *, max_codes: int = 4000, random_state: Seed = 0
) -> InformationBounds:
    """Return bounds on the mutual information I(x; z) of data and code from N independent samples.

    With z ~ q(z|x_i) and a batch of K samples that holds x_i,

        lower = E ln q(z|x_i) / [1/K sum_j q(z|x_j)] <= ln K      (InfoNCE, the optimal critic)
        upper = E ln q(z|x_i) / [1/(K-1) sum_{j != i} q(z|x_j)]   (leave one out)

    Source: Poole et al. 2019 (ICML), "On variational bounds of mutual information", section 2;
    van den Oord et al. 2018 (arXiv:1807.03748).

    Parameters
    ----------
    codes : Codes
    batch_size : int, optional
        K, 2 to N; all N samples by default, where the bounds are tightest and `lower` is the index-code information.
    max_codes : int
        Codes at which the ratios are averaged.
    random_state : int, Generator or None
        Of codes and batches.
    """
    mean, scale = _check_codes(codes)
    replicas, n, _ = mean.shape
    size = n if batch_size is None else check_positive_integer(batch_size, "batch_size", 2)
    if size > n:
        raise ValueError(f"batch_size must be at most the {n} samples, got {size}")
    seed = entropy_of(random_state)
    rows = []
    for r in range(replicas):
        pairs = _contrasts(mean[r], scale[r], size, max_codes, seed, r)
        root = math.sqrt(pairs.shape[1])
        rate = float(gaussian_kl(mean[r], scale[r]).mean())
        rows.append([*pairs.mean(1).tolist(), rate, *(pairs.std(1) / root).tolist()])
    lower, upper, rates, lower_error, upper_error = np.array(rows).T
    return InformationBounds(lower, upper, rates, lower_error, upper_error, math.log(size))


def _contrasts(mean: Tensor, scale: Tensor, size: int, max_codes: int, seed: int, replica: int) -> Tensor:
    """Return the terms of the lower and of the upper bound, (2, code)."""
    order = torch.from_numpy(stream(seed, "batches", replica).permutation(len(mean)))
    batches = [rows for rows in order.split(size) if len(rows) == size]
    found, left = [], check_positive_integer(max_codes, "max_codes", 2)
    for b, rows in enumerate(batches):
        z, own = _drawn_codes(mean[rows], scale[rows], left, seed, replica * len(batches) + b)
        log_own = _log_normal(z, mean[rows][own], scale[rows][own]).sum(1)
        others = _others(z, mean[rows], scale[rows], own)
        everyone = torch.logaddexp(log_own, others + math.log(size - 1)) - math.log(size)
        found.append(torch.stack([log_own - everyone, log_own - others]))
        left -= len(z)
        if left < 2:
            break
    return torch.cat(found, dim=1)


def _mixture(z: Tensor, mean: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Return ln q(z), (code,), and ln q(z_j), (code, latent), of the mixture of all components, exactly."""
    n, dim = mean.shape
    joint, single = torch.empty(len(z), dtype=z.dtype), torch.empty_like(z)
    for rows in torch.arange(len(z)).split(max(1, _PAIRS // n)):
        total = torch.zeros(len(rows), n, dtype=z.dtype)
        for j in range(dim):
            log_q = _log_normal(z[rows, j, None], mean[:, j], scale[:, j])
            single[rows, j] = log_q.logsumexp(1) - math.log(n)
            total += log_q
        joint[rows] = total.logsumexp(1) - math.log(n)
    return joint, single


def _others(z: Tensor, mean: Tensor, scale: Tensor, own: Tensor) -> Tensor:
    """Return ln of the mean of all components but one's own, (code,)."""
    n = len(mean)
    found = torch.empty(len(z), dtype=z.dtype)
    for rows in torch.arange(len(z)).split(max(1, _PAIRS // n)):
        total = sum(_log_normal(z[rows, j, None], mean[:, j], scale[:, j]) for j in range(mean.shape[1]))
        assert isinstance(total, Tensor)
        total[torch.arange(len(rows)), own[rows]] = -math.inf
        found[rows] = total.logsumexp(1) - math.log(n - 1)
    return found


def _drawn_codes(mean: Tensor, scale: Tensor, most: int, seed: int, replica: int) -> tuple[Tensor, Tensor]:
    """Return one code of each of at most `most` random samples, and which they are, ascending."""
    rng = stream(seed, "codes", replica)
    n = len(mean)
    chosen = np.sort(rng.choice(n, most, replace=False)) if most < n else np.arange(n)
    rows = torch.from_numpy(chosen)
    return mean[rows] + scale[rows] * torch.from_numpy(rng.standard_normal((len(rows), mean.shape[1]))), rows


def _log_normal(z: Tensor, mean: Tensor | float, scale: Tensor | float) -> Tensor:
    """Return ln N(z; mean, scale^2), elementwise."""
    width = torch.as_tensor(scale, dtype=z.dtype)
    return -0.5 * ((z - mean) / width).square() - width.log() - 0.5 * LN_2PI


def _check_codes(codes: Codes) -> tuple[Tensor, Tensor]:
    if not (hasattr(codes, "mean") and hasattr(codes, "scale")):
        raise TypeError(f"codes must be what BetaVAE.encode returns, with mean and scale, got {type(codes).__name__}")
    mean, scale = (np.asarray(part, dtype=np.float64) for part in (codes.mean, codes.scale))
    if mean.ndim != 3 or mean.shape != scale.shape or min(mean.shape) < 1 or mean.shape[1] < 2:
        raise ValueError(
            f"codes must have mean and scale of one shape (replica, sample, latent) with two samples or more, got "
            f"{mean.shape} and {scale.shape}; one replica is Codes(mean[None], scale[None])"
        )
    for name, part in (("codes.mean", mean), ("codes.scale", scale)):
        check_finite(part, name)
    if not (scale > 0).all():
        raise ValueError("codes.scale must be positive: a code without width holds infinite information")
    return torch.from_numpy(mean), torch.from_numpy(scale)


def _beta(vae: Replicas) -> float:
    model = vae[0] if isinstance(vae, Sequence) else vae
    return float(model.beta)
