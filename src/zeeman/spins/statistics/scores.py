r"""How far a mean is from an exact value, as a z score that few or skewed samples do not exaggerate.

Let u = mean(x) / s of n independent samples x whose exact mean is zero, g their skewness and k their kurtosis. Freed of
the skewness, t = sqrt(n) (u + g u^2 / 3 + g^2 u^3 / 27 + g / (6 n)) (P. Hall, J. R. Stat. Soc. B 54, 221 (1992)). The
variance is known as well as by nu = 2 n / (k - 1) degrees of freedom, or n - 1 if those are fewer, so t is Student's,
and z = sign(t) sqrt((nu - 1/2) log(1 + t^2 / nu)) normal (D. Wallace, Ann. Math. Stat. 30, 1121 (1959)).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["carriers", "normal_score"]


def carriers(off: ArrayLike, n_effective: float) -> float:
    """Degrees of freedom nu of the variance of `off`, (sample,): many samples, few of which vary, are few."""
    x = np.asarray(off, dtype=np.float64)
    square = (x - x.mean()) ** 2
    excess = float((square**2).mean() / square.mean() ** 2) - 1
    return max(1.0, min(n_effective - 1, 2 * n_effective / max(excess, 1e-9)))


def normal_score(off: ArrayLike, n_effective: float) -> float:
    """Deviation of the mean of `off`, (sample,), from zero in standard errors, as improbable as a normal variate is.

    `n_effective` is the number of independent samples among them. NaN where `off` does not vary.
    """
    x = np.asarray(off, dtype=np.float64)
    mean, spread = float(x.mean()), float(x.std())
    if spread <= 1e-12 * max(1.0, float(np.abs(x).max())):
        return math.nan
    n, u = max(n_effective, 2.0), mean / spread
    g = float((((x - mean) / spread) ** 3).mean())
    t = math.sqrt(n - 1) * (u + g * u**2 / 3 + g**2 * u**3 / 27 + g / (6 * n))
    nu = carriers(x, n)
    return math.copysign(math.sqrt((nu - 0.5) * math.log1p(t**2 / nu)), t)
