"""Statistics of correlated series: autocorrelation times, means and derived quantities with errors, 1.234(5)."""

from zeeman.spins.statistics.estimate import Estimate, shorthand
from zeeman.spins.statistics.resampling import block_length, derived, jackknife
from zeeman.spins.statistics.scores import carriers, normal_score
from zeeman.spins.statistics.series import (
    autocorrelation,
    autocorrelation_time,
    effective_sample_size,
    mean,
    propagate,
)

__all__ = [
    "Estimate", "autocorrelation", "autocorrelation_time", "block_length", "carriers", "derived",
    "effective_sample_size", "jackknife", "mean", "normal_score", "propagate", "shorthand",
]  # fmt: skip
