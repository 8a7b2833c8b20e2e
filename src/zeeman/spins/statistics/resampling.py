"""Jackknife: errors of any function of samples, blocks as long as the measured correlations ask."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zeeman.base.checks import check_positive_integer
from zeeman.spins.statistics.estimate import Estimate
from zeeman.spins.statistics.series import autocorrelation_time, chains_of

__all__ = ["block_length", "derived", "jackknife"]

_FEWEST = 20  # blocks: the error is then known to 16 %
_LEAST = 3  # samples: of two the one that is left has no variance, and errors would be 0
_MOST_COLUMNS = 64


def block_length(series: ArrayLike) -> int:
    """Samples in a block, tau (2 n / tau)^(1/3), but at least 20 blocks.

    Where the bias of blocks too short, tau / B, meets the noise of too few, sqrt(2 B / n) (U. Wolff, hep-lat/0306017).
    Raises ValueError for series that `autocorrelation` refuses.
    """
    x = chains_of(series)
    tau = autocorrelation_time(x)
    best = tau * (2 * x.size / tau) ** (1 / 3) if tau > 0.5 else 1.0
    return max(1, min(math.ceil(best), x.size // _FEWEST))


def jackknife(
    estimator: Callable[..., Any], *series: ArrayLike, n_blocks: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Value and error of a function of samples, bias removed, by leaving out one block of samples at a time.

    Parameters
    ----------
    estimator : callable
        Takes the series, shortened on their first axis, and returns a number or an array.
    *series : array-like, (sample, ...)
        Equally many samples in each.
    n_blocks : int, optional
        Number of blocks; the last samples that fill no block are left out. By default as many as the longest
        autocorrelation time of all series allows (`block_length`), 200 at most.

    Returns
    -------
    value, error : ndarray
        n f - (n - 1) mean_b f_b and sqrt((n - 1) / n sum_b (f_b - mean f)^2).

    Raises
    ------
    TypeError, ValueError
        For series of different lengths, fewer than three samples, n_blocks that is no integer from 2 to their number.
    """
    arrays = [np.asarray(x) for x in series]
    lengths = {len(x) for x in arrays}
    if len(lengths) != 1:
        raise ValueError(f"all series must hold equally many samples, got {sorted(lengths)}; trim the longer ones")
    n_samples = lengths.pop()
    if n_samples < _LEAST:
        raise ValueError(f"series hold {n_samples} samples: a jackknife needs at least {_LEAST}; draw more samples")
    if n_blocks is None:
        columns = (row for x in arrays for row in x.reshape(n_samples, -1).T[:_MOST_COLUMNS])
        n_blocks = max(2, min(200, n_samples // max(block_length(row) for row in columns)))
    n_blocks = check_positive_integer(n_blocks, "n_blocks", 2)
    size = n_samples // n_blocks
    if size == 0:
        raise ValueError(f"n_blocks = {n_blocks} exceeds the number of samples, {n_samples}; take fewer blocks")
    arrays = [x[: size * n_blocks] for x in arrays]
    keep = np.repeat(np.arange(n_blocks), size)
    left_out = np.array([estimator(*(x[keep != b] for x in arrays)) for b in range(n_blocks)], np.float64)
    centre = left_out.mean(axis=0)
    value = n_blocks * np.asarray(estimator(*arrays)) - (n_blocks - 1) * centre
    return value, np.sqrt((n_blocks - 1) * ((left_out - centre) ** 2).mean(axis=0))


def derived(function: Callable[..., Any], *series: ArrayLike) -> Estimate:
    """Value and error of a function of means, f(<a>, <b>, ...): jackknife over blocks, bias of order 1/n removed.

    Ratios, cumulants, correlation lengths. Beside `propagate` it needs no gradient and sees the curvature of f.

    Parameters
    ----------
    function : callable
        Takes as many arrays as there are series, one value a block, and works elementwise.
    *series : array-like, (sample,) or (chain, sample)
        All of one shape, sampled together. The block is as long as the slowest of them asks.

    Returns
    -------
    Estimate
        Its error is NaN where f is infinite or no number with one of the blocks left out.

    Raises
    ------
    ValueError
        For series of different shapes, samples that fill a single block, and series that `autocorrelation` refuses.

    Examples
    --------
    >>> m = np.random.default_rng(0).normal(size=40_000)
    >>> print(derived(lambda m2, m4: 1 - m4 / (3 * m2**2), m**2, m**4))
    -0.011(9)
    """
    arrays = [chains_of(a) for a in series]
    if len({a.shape for a in arrays}) != 1:
        raise ValueError(f"all series must have one shape, got {[a.shape for a in arrays]}; trim the longer ones")
    length = min(max(block_length(a) for a in arrays), arrays[0].shape[1])
    per_chain = arrays[0].shape[1] // length
    sums = np.stack([a[:, : per_chain * length].reshape(-1, length).sum(axis=1) for a in arrays])
    n, n_samples = sums.shape[1], arrays[0].size
    if n < 2:
        raise ValueError(f"{n_samples} samples make {n} block of {length}: errors need more samples")
    totals = sums.sum(axis=1)
    slow = max(autocorrelation_time(a) for a in arrays)
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = float(function(*(a.mean() for a in arrays)))
        left_out = np.asarray(function(*((totals[:, None] - sums) / ((n - 1) * length))), np.float64)
    if not np.isfinite(left_out).all():  # a ratio to something that vanishes in part of the samples
        return Estimate(plain, math.nan, slow, n_samples / (2 * slow))
    error = math.sqrt((n - 1) * float(((left_out - left_out.mean()) ** 2).mean()))
    # samples that fill no block are in the value, not in its bias
    bias = (n - 1) * (float(left_out.mean()) - float(function(*(totals / (n * length)))))
    return Estimate(plain - bias, error, slow, n_samples / (2 * slow))
