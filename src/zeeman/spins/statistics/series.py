r"""Correlated series: rho(t) = C(t) / C(0), tau = 1/2 + sum_t rho(t), n_eff = n / (2 tau).

Independent samples have tau = 1/2. Series are (sample,) or (chain, sample), chains being equally long and independent,
of at least three samples in all: two have rho(1) = -1 about their own mean, whatever they are.
The sum is cut at a window W, by one of two rules:

- ``"sokal"``: the first W >= c tau(W), c = 6 (A. Sokal, Monte Carlo Methods in Statistical Mechanics, 1996, eq. 3.19);
- ``"wolff"``: where the sum of systematic and statistical error is least if rho falls like exp(-t S / tau), S = 1.5
  (U. Wolff, Comput. Phys. Commun. 156, 143 (2004), hep-lat/0306017, eqs. 51-52), and C is freed of the bias that the
  measured mean brings (eq. 49).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zeeman.base.checks import check_choice, check_finite
from zeeman.spins.statistics.estimate import Estimate

__all__ = ["autocorrelation", "autocorrelation_time", "chains_of", "effective_sample_size", "mean", "propagate"]

_FEWEST = 3
_WINDOWINGS = ("sokal", "wolff")
_DECAY = 1.5  # S: the exponential time in units of the integrated one
_ROUNDING = 4 * np.finfo(np.float64).eps  # of a mean, in parts of the largest value


def autocorrelation(series: ArrayLike) -> NDArray[np.float64]:
    """Return rho(t), (sample,): by FFT, about the mean of all chains, averaged over chains.

    A series that varies by no more than rounding has rho = 1 at 0 and 0 beyond. Raises ValueError for shapes other than
    (sample,) and (chain, sample), fewer than three samples, NaN or infinity, as all that follow.
    """
    x = chains_of(series)
    size = np.abs(x).max()
    x = x - x.mean()
    n = x.shape[1]
    power = np.abs(np.fft.rfft(x, 2 ** math.ceil(math.log2(2 * n)), axis=1)) ** 2
    covariance = np.fft.irfft(power.mean(axis=0))[:n] / np.arange(n, 0, -1)
    # frozen: what is left is the rounding of the mean, the same in all samples, which looks like a long correlation
    if covariance[0] <= (_ROUNDING * size) ** 2:
        return np.eye(1, n)[0]
    return covariance / covariance[0]


def autocorrelation_time(series: ArrayLike, window: float = 6.0, windowing: str = "sokal") -> float:
    """Integrated autocorrelation time tau = 1/2 + sum_(t=1..W) rho(t), in samples, at least 1/2.

    Parameters
    ----------
    series : array-like, (sample,) or (chain, sample)
    window : float
        c of Sokal's rule.
    windowing : str
        ``"sokal"`` or ``"wolff"``.

    Raises
    ------
    ValueError
        For other names, and series that `autocorrelation` refuses.
    """
    x = chains_of(series)
    return _time(autocorrelation(x), x.size, window, windowing)[0]


def effective_sample_size(series: ArrayLike) -> float:
    """Number of independent samples that would give the same error of the mean, n / (2 tau).

    Raises ValueError for series that `autocorrelation` refuses.
    """
    x = chains_of(series)
    return x.size / (2 * autocorrelation_time(x))


def mean(series: ArrayLike, windowing: str = "sokal") -> Estimate:
    """Mean, its error sqrt(2 tau C(0) / n), and tau with its own, tau sqrt((4 W + 2 - 4 tau) / n) (Wolff, eq. 42).

    Raises ValueError as `autocorrelation_time` does.
    """
    x = chains_of(series)
    tau, tau_error = _time(autocorrelation(x), x.size, 6.0, windowing)
    n_effective = x.size / (2 * tau)
    error = float(x.std() / math.sqrt(max(n_effective - 1, 1)))
    return Estimate(float(x.mean()), error, tau, n_effective, tau_error)


def propagate(function: Callable[..., float], *series: ArrayLike, windowing: str = "wolff") -> Estimate:
    r"""Value and error of a function of means, f(<a>, <b>, ...): the Gamma method for derived quantities.

    The error is that of the mean of the series sum_a (df/da) (a_t - <a>), gradients by central differences over one
    error of each mean: all correlations between the series and in time are in it (U. Wolff, hep-lat/0306017).

    Parameters
    ----------
    function : callable
        Takes as many numbers as there are series, returns one.
    *series : array-like, (sample,) or (chain, sample)
        All of one shape, sampled together.
    windowing : str
        ``"wolff"`` or ``"sokal"``.

    Raises
    ------
    ValueError
        For series of different shapes, and what `autocorrelation_time` refuses.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(2.0, 1.0, (2, 10_000))
    >>> print(propagate(lambda a, b: a / b, *x))
    1.002(7)
    """
    arrays = [chains_of(a) for a in series]
    if len({a.shape for a in arrays}) != 1:
        raise ValueError(f"all series must have one shape, got {[a.shape for a in arrays]}; trim the longer ones")
    means = np.array([a.mean() for a in arrays])
    steps = np.array([a.std() for a in arrays]) / math.sqrt(arrays[0].size)
    projected = np.zeros_like(arrays[0])
    for k, (a, step) in enumerate(zip(arrays, steps, strict=True)):
        if step > 0:
            shift = step * np.eye(len(means))[k]
            slope = (function(*(means + shift)) - function(*(means - shift))) / (2 * step)
            projected += float(slope) * (a - means[k])
    found = mean(projected, windowing)
    return Estimate(float(function(*means)), found.error, found.tau, found.n_effective, found.tau_error)


def chains_of(series: ArrayLike) -> NDArray[np.float64]:
    """Series as float64 (chain, sample), finite, of at least three samples."""
    x = np.atleast_2d(np.asarray(series, np.float64))
    if x.ndim != 2 or x.size == 0:
        raise ValueError(f"a series is (sample,) or (chain, sample) and not empty, got shape {np.shape(series)}")
    if x.size < _FEWEST:
        raise ValueError(
            f"series holds {x.size} samples in all, shape {np.shape(series)}: errors and autocorrelation times need at "
            f"least {_FEWEST}; draw more samples, or take np.mean for a value without an error"
        )
    check_finite(x, "series")
    return x


def _time(rho: NDArray[np.float64], n: int, window: float, windowing: str) -> tuple[float, float]:
    """Return tau, at least 1/2, and its error, by one of the windows, from n samples in all."""
    check_choice(windowing, _WINDOWINGS, "windowing")
    sums = 0.5 + np.concatenate([[0.0], np.cumsum(rho[1:])])
    cut = _sokal(sums, window) if windowing == "sokal" else _wolff(sums, n)
    tau = sums[cut]
    if windowing == "wolff":
        tau *= 1 + (2 * cut + 1) / n
    return max(0.5, float(tau)), float(tau * math.sqrt(max(4 * cut + 2 - 4 * tau, 0.0) / n))


def _sokal(sums: NDArray[np.float64], window: float) -> int:
    far = np.flatnonzero(np.arange(len(sums)) >= window * sums)
    return int(far[0]) if len(far) else int(sums.argmax())


def _wolff(sums: NDArray[np.float64], n: int) -> int:
    t = np.arange(1, len(sums))
    with np.errstate(divide="ignore", invalid="ignore"):
        decay = np.where(sums[1:] > 0.5, _DECAY / np.log((2 * sums[1:] + 1) / (2 * sums[1:] - 1)), 1e-12)
        gain = np.exp(-t / decay) - decay / np.sqrt(t * n)
    negative = np.flatnonzero(gain < 0)
    return int(t[negative[0]]) if len(negative) else len(sums) - 1
