r"""Statistics of correlated series: rho(t) = C(t) / C(0), tau = 1/2 + sum_t rho(t), n_eff = n / (2 tau).

Independent samples have tau = 1/2. Series are (sample,) or (chain, sample), chains being equally long and independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zeeman.base.checks import check_finite, check_positive_integer

__all__ = [
    "Estimate", "autocorrelation", "autocorrelation_time", "effective_sample_size", "jackknife", "mean",
]  # fmt: skip


@dataclass(frozen=True)
class Estimate:
    """A mean, its standard error with autocorrelation in it, the time tau and the effective number of samples."""

    value: float
    error: float
    tau: float
    n_effective: float


def autocorrelation(series: ArrayLike) -> NDArray[np.float64]:
    """Return rho(t), (sample,): by FFT, about the mean of all chains, averaged over chains.

    A series without variation has rho = 1 at 0 and 0 beyond.
    """
    x = _chains(series)
    x = x - x.mean()
    n = x.shape[1]
    power = np.abs(np.fft.rfft(x, 2 ** math.ceil(math.log2(2 * n)), axis=1)) ** 2
    covariance = np.fft.irfft(power.mean(axis=0))[:n] / np.arange(n, 0, -1)
    if covariance[0] <= 0:
        return np.eye(1, n)[0]
    return covariance / covariance[0]


def autocorrelation_time(series: ArrayLike, window: float = 6.0) -> float:
    """Integrated autocorrelation time tau = 1/2 + sum_(t=1..W) rho(t), in samples, at least 1/2.

    W is the first t with t >= window * tau(t): A. Sokal, Monte Carlo Methods in Statistical Mechanics (1996), eq. 3.19.
    """
    rho = autocorrelation(series)
    sums = 0.5 + np.concatenate([[0.0], np.cumsum(rho[1:])])
    far = np.flatnonzero(np.arange(len(rho)) >= window * sums)
    return max(0.5, float(sums[far[0]] if len(far) else sums.max()))


def effective_sample_size(series: ArrayLike) -> float:
    """Number of independent samples that would give the same error of the mean, n / (2 tau)."""
    x = _chains(series)
    return x.size / (2 * autocorrelation_time(x))


def mean(series: ArrayLike) -> Estimate:
    """Mean and its error sqrt(2 tau C(0) / n)."""
    x = _chains(series)
    tau = autocorrelation_time(x)
    n_effective = x.size / (2 * tau)
    return Estimate(float(x.mean()), float(x.std() / math.sqrt(max(n_effective - 1, 1))), tau, n_effective)


def jackknife(
    estimator: Callable[..., Any], *series: ArrayLike, n_blocks: int = 50
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Value and error of a function of samples, bias removed, by leaving out one block of samples at a time.

    Parameters
    ----------
    estimator : callable
        Takes the series, shortened on their first axis, and returns a number or an array.
    *series : array-like, (sample, ...)
        Equally many samples in each. Blocks should be longer than 2 tau.
    n_blocks : int
        Number of blocks; the last samples that fill no block are left out.

    Returns
    -------
    value, error : ndarray
        n f - (n - 1) mean_b f_b and sqrt((n - 1) / n sum_b (f_b - mean f)^2).
    """
    n_blocks = check_positive_integer(n_blocks, "n_blocks", 2)
    arrays = [np.asarray(x) for x in series]
    lengths = {len(x) for x in arrays}
    if len(lengths) != 1:
        raise ValueError(f"all series must hold equally many samples, got {sorted(lengths)}; trim the longer ones")
    size = lengths.pop() // n_blocks
    if size == 0:
        raise ValueError(f"n_blocks = {n_blocks} exceeds the number of samples; take fewer blocks")
    arrays = [x[: size * n_blocks] for x in arrays]
    keep = np.repeat(np.arange(n_blocks), size)
    left_out = np.array([estimator(*(x[keep != b] for x in arrays)) for b in range(n_blocks)], np.float64)
    centre = left_out.mean(axis=0)
    value = n_blocks * np.asarray(estimator(*arrays)) - (n_blocks - 1) * centre
    return value, np.sqrt((n_blocks - 1) * ((left_out - centre) ** 2).mean(axis=0))


def _chains(series: ArrayLike) -> NDArray[np.float64]:
    x = np.atleast_2d(np.asarray(series, np.float64))
    if x.ndim != 2 or x.size == 0:
        raise ValueError(f"a series is (sample,) or (chain, sample) and not empty, got shape {np.shape(series)}")
    check_finite(x, "series")
    return x
