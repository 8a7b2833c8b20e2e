"""Autocorrelation times and errors against AR(1) in closed form and against pyerrors."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.stats import norm

from zeeman import spins
from zeeman.spins import statistics
from zeeman.spins.statistics import carriers, normal_score


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


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e9 + 0.1, -1e-9])
def test_a_frozen_series_has_no_correlations(value):
    """Its mean is rounded: what is left, the same in all samples, is no correlation as long as the series."""
    frozen = np.full((3, 200), value)
    assert statistics.autocorrelation_time(frozen) == 0.5
    assert statistics.autocorrelation(frozen).sum() == 1
    slow = value * (1 + 1e-9 * np.cumsum(np.random.default_rng(0).normal(size=600)))
    assert statistics.autocorrelation_time(slow) > 20


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


@pytest.mark.parametrize("windowing", ["sokal", "wolff"])
@pytest.mark.parametrize("a", [0.0, 0.6, 0.9])
def test_error_bars_cover(a, windowing):
    """Of 400 AR(1) series with known mean and tau, 68 % of the means and times lie within one error (windows cut)."""
    n, tau = 8000, (1 + a) / (2 * (1 - a))
    found = [statistics.mean(x, windowing) for x in ar1(a, (400, n), seed=int(10 * a) + 7)]
    inside = np.mean([abs(one.value) < one.error for one in found])
    assert abs(inside - 0.683) < 4.5 * math.sqrt(0.683 * 0.317 / 400) + 0.01
    times, errors = np.array([one.tau for one in found]), np.array([one.tau_error for one in found])
    if a:
        # Wolff's window leaves exp(-W / tau), Sokal's e^-6 of tau out
        assert np.mean(times) == pytest.approx(tau, rel=0.08)
        assert np.std(times) == pytest.approx(np.mean(errors), rel=0.3)


def test_windows_of_wolff_against_pyerrors():
    import pyerrors

    x = ar1(0.85, (3, 20_000), seed=4) + np.array([[2.0], [3.0], [1.0]])
    x[1] += 0.8 * x[0]  # correlated with the first
    obs = [pyerrors.Obs([series], ["ensemble"]) for series in x]

    def f(a, b, c):
        return a * b / c**2

    theirs = f(*obs)
    theirs.gamma_method(S=1.5)
    ours = statistics.propagate(f, *x)
    assert ours.value == pytest.approx(theirs.value, rel=1e-12)
    assert ours.error == pytest.approx(theirs.dvalue, rel=2e-3)
    assert ours.tau == pytest.approx(theirs.e_tauint["ensemble"], rel=2e-3)
    assert ours.tau_error == pytest.approx(theirs.e_dtauint["ensemble"], rel=5e-3)
    jack = statistics.derived(f, *x)
    assert jack.error == pytest.approx(theirs.dvalue, rel=0.2)
    assert abs(jack.value - ours.value) < 0.1 * ours.error  # a bias of order 1 / n, taken off


def test_derived_quantities_cover_where_samples_are_correlated():
    """Ratio of means of correlated AR(1) series: both ways, 300 runs."""
    truth, hits = 2.0 / 3.0, np.zeros(2)
    x = ar1(0.8, (300, 2, 4000), seed=5)
    a, b = 2 + x[:, 0], 3 + 0.5 * x[:, 0] + x[:, 1]
    for one, other in zip(a, b, strict=True):
        for k, method in enumerate((statistics.propagate, statistics.derived)):
            found = method(lambda p, q: p / q, one, other)
            hits[k] += abs(found.value - truth) < found.error
    # 68.3 %; the jackknife's blocks cut tau / B = 6 % off the variance
    assert np.all(np.abs(hits / 300 - 0.67) < 4.5 * math.sqrt(0.683 * 0.317 / 300)), hits / 300


def test_jackknife_takes_blocks_from_the_measured_time():
    x = ar1(0.9, (100_000,), seed=6)
    value, error = statistics.jackknife(lambda s: s.mean(), x)
    assert error == pytest.approx(statistics.mean(x).error, rel=0.35)
    assert value == pytest.approx(x[: len(x) // 200 * 200].mean(), abs=0.1 * error)
    assert statistics.block_length(x) > 5 * statistics.autocorrelation_time(x)
    assert statistics.block_length(np.random.default_rng(0).standard_normal(1000)) <= 10
    chains = statistics.derived(lambda a: a, x.reshape(10, -1))
    assert chains.value == pytest.approx(x.mean(), rel=1e-9)
    assert chains.error == pytest.approx(statistics.mean(x).error, rel=0.35)


def test_refusals_of_statistics():
    x = np.arange(30.0)
    for call in (
        lambda: statistics.mean(x, "wolf"),
        lambda: statistics.mean([]),
        lambda: statistics.mean([1.0, math.nan]),
        lambda: statistics.derived(lambda a, b: a, x, x[:-1]),
        lambda: statistics.propagate(lambda a, b: a, x, x[:-1]),
        lambda: statistics.jackknife(lambda a, b: a, x, x[:-1]),
        lambda: statistics.jackknife(lambda a: a, x, n_blocks=31),
        lambda: statistics.derived(lambda a: a, [1.0]),
    ):
        with pytest.raises(ValueError, match=r"\w"):
            call()


@pytest.mark.parametrize("n", [1, 2])
def test_two_samples_have_no_error(n):
    """About their own mean two always have rho(1) = -1, and one left out leaves no variance: errors would be 0."""
    x = np.random.default_rng(0).normal(size=n)
    room = statistics
    for call in (
        room.mean, room.autocorrelation, room.autocorrelation_time, room.effective_sample_size, room.block_length,
        lambda x: room.derived(np.square, x), lambda x: room.propagate(float, x),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=rf"holds {n} samples .* at least 3; draw more"):
            call(x)
    with pytest.raises(ValueError, match=rf"hold {n} samples: .* at least 3; draw more"):
        statistics.jackknife(np.var, x)
    assert statistics.mean(np.random.default_rng(1).normal(size=(4, 1))).error > 0  # four chains are four samples


def test_a_temperature_with_two_samples_is_named():
    data = spins.sample(spins.Ising(spins.square(4)), [2.0, 3.0], 20, seed=0, n_threads=1)
    with pytest.raises(ValueError, match="holds 2 samples at T = 3: errors need at least 3 at every temperature; draw"):
        spins.measure(data.isel(sample=slice(0, 22)))
    with pytest.raises(ValueError, match="holds no samples: draw"):
        spins.measure(data.isel(sample=slice(0, 0)))
    assert spins.measure(data.isel(sample=slice(0, 23))).n_samples.values.tolist() == [20, 3]


def test_a_ratio_to_nothing_has_no_error_and_no_other_sign():
    """a / b with b = 0 in all blocks but one: infinite with that one left out, so the error is not a number."""
    found = statistics.derived(lambda a, b: a / b, np.ones(8), np.eye(8)[0])
    assert found.value == pytest.approx(8.0)
    assert math.isnan(found.error)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (1.23412, 0.0052, "1.234(5)"), (1.2, 0.0194, "1.200(19)"), (1.2, 0.0196, "1.20(2)"), (1.2, 0.0096, "1.200(10)"),
        (12.34, 1.2, "12.3(1.2)"), (12.34, 2.3, "12(2)"), (12345.0, 56.0, "12340(60)"), (12345.0, 156.0, "12340(160)"),
        (0.003, 0.05, "0.00(5)"), (0.0, 0.3, "0.0(3)"), (-1.745565, 3e-6, "-1.745565(3)"), (0.5, 0.99, "0.5(1.0)"),
        (1.2e8, 4e5, "1.200(4)e+08"), (2.5e-7, 1.2e-9, "2.500(12)e-07"), (3.0, 0.0, "3(0)"), (3.0, math.nan, "3(nan)"),
        (math.inf, math.nan, "inf(nan)"), (99.96, 0.1, "99.96(10)"), (0.9996, 0.004, "1.000(4)"),
        (-1e-4, 0.4, "0.0(4)"), (1.0, 2e-30, "1." + 30 * "0" + "(2)"), (-1e300, 3e-300, f"-1.{600 * '0'}(3)e+300"),
    ],
)  # fmt: skip
def test_print(value, error, text):
    assert str(statistics.Estimate(value, error, 0.5, 10)) == text


@given(st.floats(-1e9, 1e9), st.floats(1e-12, 1e9))
def test_what_is_printed_is_the_value_and_the_error(value, error):
    """Read back: the value to half a unit of the last digit, the error to 10 % of itself or a half of its one digit."""
    number, power = re.fullmatch(r"(.*\))(e[+-]\d+)?", statistics.shorthand(value, error)).groups()
    digits, inside = re.fullmatch(r"(-?[\d.]+)\(([\d.]+)\)", number).groups()
    scale = float("1" + (power or "e0"))
    decimals = len(digits.partition(".")[2])
    spread = float(inside) * (1 if "." in inside else 10.0**-decimals) * scale
    assert spread == pytest.approx(error, rel=0.26)
    assert abs(float(digits) * scale - value) <= spread / 2 * 1.0001 + 1e-12 * abs(value)
    assert len(inside.replace(".", "").strip("0")) <= 2


@pytest.mark.parametrize("n", [3, 10, 50])
def test_scores_of_few_normal_samples_are_as_improbable_as_students(n):
    """P(|z| > limit) over many experiments is that of a normal variate; mean / error has longer tails."""
    rng = np.random.default_rng(n)
    z = np.array([normal_score(rng.normal(size=n), n) for _ in range(20_000)])
    assert 0.3 < np.mean(np.abs(z) > 3) / (2 * norm.sf(3)) < 2
    assert 0.7 < np.mean(np.abs(z) > 2) / (2 * norm.sf(2)) < 1.2


@pytest.mark.parametrize("draw", ["exponential", "rare"])
def test_scores_of_skewed_samples_raise_no_false_alarms(draw):
    """One deviation beyond 3.9 in ten thousand is chance; without the correction there are dozens."""
    rng, n = np.random.default_rng(0), 100
    x = rng.exponential(size=(20_000, n)) - 1 if draw == "exponential" else (rng.random((20_000, n)) < 0.1) - 0.1
    plain = x.mean(axis=1) / np.maximum(x.std(axis=1), 1e-9) * np.sqrt(n)
    z = np.array([normal_score(one, n) for one in x])
    assert np.sum(np.abs(plain) > 3.9) > 20
    assert np.sum(np.abs(z) > 3.9) < 12


def test_scores_of_many_samples_are_deviations_in_standard_errors():
    x = np.random.default_rng(0).normal(0.02, 1.0, 100_000)
    assert normal_score(x, 1e5) == pytest.approx(x.mean() / x.std() * 1e5**0.5, rel=1e-2)
    assert normal_score(-x, 1e5) == pytest.approx(-normal_score(x, 1e5))
    assert normal_score(x, 1e3) == pytest.approx(normal_score(x, 1e5) / 10, rel=2e-2)
    assert np.isnan(normal_score(np.full(50, 0.3), 50))
    assert carriers(np.full(50, 0.3), 50) == 1
    for bad, n in ((np.zeros((3, 2)), 3), ([], 3), ([0.0, np.nan], 2), ([0.0, 1.0], 0)):
        with pytest.raises(ValueError, match=r"got|NaN|finite"):
            normal_score(bad, n)
    assert carriers(np.eye(1, 1000)[0], 1000) < 3 < 900 < carriers(x, 1000)
