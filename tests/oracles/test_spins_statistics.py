"""Autocorrelation times and errors against AR(1) in closed form and against pyerrors."""

import math

import numpy as np
import pytest
from scipy.signal import lfilter

from zeeman.spins import statistics


def ar1(a, shape, seed=0):
    """Stationary x_t = a x_(t-1) + noise: rho(t) = a^t, tau = (1 + a) / (2 (1 - a))."""
    noise = np.random.default_rng(seed).standard_normal(shape)
    noise[..., 0] /= math.sqrt(1 - a * a)
    return lfilter([1.0], [1.0, -a], noise, axis=-1)


@pytest.mark.parametrize("a", [0.0, 0.5, 0.9, 0.98])
def test_time_of_ar1(a):
    n = 400_000
    tau = (1 + a) / (2 * (1 - a))
    found = statistics.autocorrelation_time(ar1(a, (n,)))
    # Madras-Sokal: var tau = 2 (2 W + 1) tau^2 / n with W = 6 tau
    error = tau * math.sqrt(2 * (2 * math.ceil(6 * tau) + 1) / n)
    assert abs(found - tau) < 5 * error + tau * math.exp(-6)
    rho = statistics.autocorrelation(ar1(a, (n,)))
    np.testing.assert_allclose(rho[:10], a ** np.arange(10), atol=5 * math.sqrt(2 * tau / n))


def test_error_of_the_mean_is_the_spread_of_means():
    chains = ar1(0.9, (400, 4000), seed=1)
    errors = [statistics.mean(chain).error for chain in chains[:50]]
    spread = chains.mean(axis=1).std()
    assert np.mean(errors) == pytest.approx(spread, rel=5 / math.sqrt(2 * 400) + 0.02)


def test_against_pyerrors():
    import pyerrors

    x = ar1(0.9, (50_000,), seed=2) + 3.0
    theirs = pyerrors.Obs([x], ["ensemble"])
    theirs.gamma_method()
    ours = statistics.mean(x)
    assert ours.value == pytest.approx(theirs.value, rel=1e-12)
    dtau = math.hypot(theirs.e_dtauint["ensemble"], ours.tau * math.sqrt(24 * ours.tau / len(x)))
    assert abs(ours.tau - theirs.e_tauint["ensemble"]) < 4 * dtau
    assert ours.error == pytest.approx(theirs.dvalue, rel=4 * dtau / ours.tau)


def test_jackknife_against_error_propagation():
    x = np.random.default_rng(3).normal(2.0, 1.0, 40_000)
    value, error = statistics.jackknife(lambda s: s.mean() ** 2, x, n_blocks=200)
    assert error == pytest.approx(2 * x.mean() * x.std() / math.sqrt(len(x)), rel=0.25)
    # the plug-in estimate is high by var / n, and that is removed
    assert x.mean() ** 2 - value == pytest.approx(x.var() / len(x), rel=0.5)
