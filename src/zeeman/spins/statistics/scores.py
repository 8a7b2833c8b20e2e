r"""How far a mean is from an exact value, as a z score that few or skewed samples do not exaggerate.

Let u = mean(x) / s of n independent samples x whose exact mean is zero, g their skewness and k their kurtosis. Freed of
the skewness, t = sqrt(n) (u + g u^2 / 3 + g^2 u^3 / 27 + g / (6 n)) (P. Hall, J. R. Stat. Soc. B 54, 221 (1992)). The
variance is known as well as by nu = 2 n / (k - 1) degrees of freedom, or n - 1 if those are fewer, so t is Student's,
and z = sign(t) sqrt((nu - 1/2) log(1 + t^2 / nu)) normal (D. Wallace, Ann. Math. Stat. 30, 1121 (1959)).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zeeman.base.checks import check_finite, check_number

__all__ = ["carriers", "normal_score"]


def carriers(off: ArrayLike, n_effective: float) -> float:
    """Degrees of freedom nu of the variance of `off`, (sample,): many samples, few of which vary, are few.

    1 where `off` does not vary. Raises ValueError as `normal_score` does.
    """
    x, n = _checked(off, n_effective)
    if not _varies(x):
        return 1.0
    square = (x - x.mean()) ** 2
    excess = float((square**2).mean() / square.mean() ** 2) - 1
    return max(1.0, min(n - 1, 2 * n / max(excess, 1e-9)))


def normal_score(off: ArrayLike, n_effective: float) -> float:
    """Deviation of the mean of `off`, (sample,), from zero in standard errors, as improbable as a normal variate is.

    `n_effective` is the number of independent samples among them, taken as 2 at least. NaN where `off` does not vary.

    Raises
    ------
    ValueError
        For what is no series of finite numbers, and an effective number that is not positive and finite.
    """
    x, n = _checked(off, n_effective)
    if not _varies(x):
        return math.nan
    mean, spread = float(x.mean()), float(x.std())
    u, g = mean / spread, float((((x - mean) / spread) ** 3).mean())
    t = math.sqrt(n - 1) * (u + g * u**2 / 3 + g**2 * u**3 / 27 + g / (6 * n))
    nu = carriers(x, n)
    return math.copysign(math.sqrt((nu - 0.5) * math.log1p(t**2 / nu)), t)


def _checked(off: ArrayLike, n_effective: float) -> tuple[NDArray[np.float64], float]:
    x = np.asarray(off, dtype=np.float64)
    if x.ndim != 1 or not x.size:
        raise ValueError(f"a score is of one series (sample,), got shape {x.shape}")
    check_finite(x, "off")
    return x, max(check_number(n_effective, "n_effective", positive=True), 2.0)


def _varies(x: NDArray[np.float64]) -> bool:
    return bool(x.std() > 1e-12 * max(1.0, float(np.abs(x).max())))
