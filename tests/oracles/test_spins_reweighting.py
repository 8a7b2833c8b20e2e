"""Multi-histogram reweighting against pymbar, Kaufman's free energy and energy, and a Gaussian density of states."""

import math
import os
import warnings

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.signal import lfilter

from zeeman import spins
from zeeman.spins import exact
from zeeman.spins.observables import helicity_terms
from zeeman.spins.reweighting import crossing, peak, reweight

T = [2.1, 2.2, 2.3, 2.45, 2.6]
Z = 4.5  # accepted sigma


@pytest.fixture(scope="module")
def ising():
    data = spins.sample(spins.Ising(spins.square(16)), T, 3000, seed=11, n_threads=1)
    return data, reweight(data)


def sigma(found, expected):
    return abs(found.value - expected) / found.error


def gaussian(temperatures, n, seed=0, rho=0.0):
    """Energies with density of states exp(-E^2 / (2 s^2)): at T normal with mean -s^2/T and variance s^2, s = 4."""
    rng, series = np.random.default_rng(seed), []
    for t in temperatures:
        noise = rng.standard_normal(n)
        noise[0] /= math.sqrt(1 - rho * rho)
        series.append(-16 / t + 4 * math.sqrt(1 - rho * rho) * lfilter([1.0], [1.0, -rho], noise))
    return series


def test_free_energies_energies_and_specific_heats_of_kaufman(ising):
    _, fit = ising
    for t in np.linspace(2.1, 2.6, 9):
        assert sigma(fit.energy(t), exact.ising_energy(t, 16)) < Z
        assert sigma(fit.specific_heat(t), exact.ising_specific_heat(t, 16)) < Z
    for first, second in ((2.1, 2.6), (2.15, 2.25), (2.5, 2.3)):
        f = [256 * exact.ising_free_energy(t, 16) / t for t in (first, second)]
        assert sigma(fit.free_energy_difference(first, second), f[1] - f[0]) < Z
    # f_k, from which all follows
    expected = [256 * exact.ising_free_energy(t, 16) / t for t in T]
    np.testing.assert_allclose(fit.free_energies, np.array(expected) - expected[0], atol=0.5)


def test_derivative_is_that_of_the_curve(ising):
    data, fit = ising
    m = np.abs(spins.magnetization(data.configuration.values))
    curve, slope = fit.mean(m), fit.derivative(m)
    b, h = 1 / 2.3, 1e-4
    np.testing.assert_allclose(
        slope.replicates(1 / b), (curve.replicates(1 / (b + h)) - curve.replicates(1 / (b - h))) / (2 * h), rtol=1e-5
    )
    # dE/dbeta = -N T^2 C: two roads to one number
    np.testing.assert_allclose(
        fit.derivative(fit.energies).replicates(2.3), -256 * 2.3**2 * fit.specific_heat.replicates(2.3), rtol=1e-9
    )


def test_peak_of_the_specific_heat_is_kaufmans(ising):
    data, fit = ising
    ts = np.linspace(2.2, 2.4, 4001)
    c = exact.ising_specific_heat(ts, 16)
    found = peak(fit.specific_heat)
    assert sigma(found.temperature, ts[c.argmax()]) < Z
    assert sigma(found.value, c.max()) < Z
    assert found.temperature.error < 0.02
    with pytest.raises(ValueError, match="largest at the end"):
        peak(fit.specific_heat, 2.4, 2.6)
    m = spins.magnetization(data.configuration.values)
    chi = peak(fit.susceptibility(m, connected=True))
    # above Tc by a few per cent, where the maximum of the replicates is the curve's own
    assert 2.3 < chi.temperature.value < 2.45
    around = [fit.susceptibility(m, connected=True).replicates(chi.temperature.value + d)[0] for d in (-1e-3, 0, 1e-3)]
    assert max(around) == around[1] == pytest.approx(chi.value.value, rel=1e-9)


def test_binder_crossing_is_that_of_enumeration():
    """L = 3 and 4: few enough states to know where the cumulants cross."""
    ts, curves = [1.7, 1.9, 2.1, 2.3, 2.6], []
    for length in (3, 4):
        data = spins.sample(spins.Ising(spins.square(length)), ts, 12_000, seed=12 + length, n_threads=1)
        curves.append(reweight(data).binder(spins.magnetization(data.configuration.values)))

    def exact_binder(length, t):
        return exact.enumerate_states(spins.Ising(spins.square(length)), t).binder

    place = brentq(lambda t: exact_binder(3, t) - exact_binder(4, t), 1.8, 2.5)
    found = crossing(*curves)
    assert sigma(found.temperature, place) < Z
    assert sigma(found.value, exact_binder(3, place)) < Z
    assert found.temperature.error < 0.1
    at = [curve.replicates(found.temperature.value)[0] for curve in curves]
    np.testing.assert_allclose(at, found.value.value, atol=1e-9)
    # the same whichever comes first
    again = crossing(*curves[::-1])
    assert again.temperature.value == pytest.approx(found.temperature.value, abs=1e-9)
    assert again.temperature.error == pytest.approx(found.temperature.error, rel=1e-6)
    with pytest.raises(ValueError, match="do not cross"):
        crossing(*curves, 2.5, 2.6)


def test_gaussian_density_of_states_in_closed_form():
    ts = [1.0, 1.3, 1.7]
    fit = reweight(gaussian(ts, 4000), ts, n_sites=1)
    for t in (1.0, 1.1, 1.5, 1.7):
        assert sigma(fit.energy(t), -16 / t) < Z
        assert sigma(fit.specific_heat(t), 16 / t**2) < Z
    # ln Z = s^2 beta^2 / 2
    assert sigma(fit.free_energy_difference(1.0, 1.7), 8 - 8 / 1.7**2) < Z


def test_errors_cover_correlated_samples():
    """Over 120 runs of AR(1) series the true energy and free energy lie within one error as often as they should."""
    ts, hits = [1.0, 1.5], np.zeros(2)
    runs = 120
    for seed in range(runs):
        fit = reweight(gaussian(ts, 600, seed, rho=0.5), ts, n_sites=1, n_blocks=20)
        hits += sigma(fit.energy(1.2), -16 / 1.2) < 1, sigma(fit.free_energy_difference(1, 1.5), 8 - 8 / 1.5**2) < 1
    # 68.3 %, two less for 20 blocks (Student) and their finite length; four sigma of the binomial beside it
    assert np.all(np.abs(hits / runs - 0.66) < 4 * math.sqrt(0.66 * 0.34 / runs)), hits / runs


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")  # pymbar takes ln(A - min A)
@pytest.mark.parametrize("continuous", [False, True])
def test_against_pymbar(ising, continuous):
    os.environ.setdefault("PYMBAR_DISABLE_JAX", "TRUE")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pymbar

    if continuous:
        ts = [1.0, 1.2, 1.5, 1.9]
        series = gaussian(ts, 1500, seed=3)
        fit = reweight(series, ts, n_sites=1)
        energies, sizes, observable = np.concatenate(series), np.full(4, 1500), np.tanh(np.concatenate(series) / 10)
        target = 1.35
    else:
        data, _ = ising
        data = data.isel(sample=np.arange(data.sizes["sample"]) % 3 == 0)
        ts, fit, sizes, target = T, reweight(data), np.full(5, 1000), 2.37
        energies, observable = data.energy.values * 256, np.abs(spins.magnetization(data.configuration.values))
    u = np.multiply.outer(1 / np.array(ts), energies)
    theirs = pymbar.MBAR(u, sizes, relative_tolerance=1e-13, solver_protocol="robust")
    np.testing.assert_allclose(fit.free_energies, theirs.f_k - theirs.f_k[0], rtol=1e-10, atol=1e-8)
    for a in (observable, energies):
        found = fit.expectation(a, target)
        expected = theirs.compute_perturbed_free_energies(np.array([u[0], energies / target]))
        average = theirs.compute_expectations_inner(
            np.atleast_2d(a), np.array([energies / target]), np.array([[0], [0]]), uncertainty_method=None
        )["observables"][0]
        assert found.value == pytest.approx(average, rel=1e-8)
        error = theirs.compute_multiple_expectations(np.atleast_2d(a), energies / target)["sigma"][0]
        assert found.error == pytest.approx(error, rel=5 / math.sqrt(2 * fit.n_blocks))
    difference = fit.free_energy_difference(ts[0], target)
    assert difference.value == pytest.approx(expected["Delta_f"][0, 1], abs=1e-8)
    assert difference.error == pytest.approx(expected["dDelta_f"][0, 1], rel=5 / math.sqrt(2 * fit.n_blocks))


def test_one_temperature_is_single_histogram_reweighting():
    e = gaussian([1.5], 4000)[0]
    fit = reweight([e], [1.5], n_sites=1)
    w = np.exp(-(e - e.mean()) * (1 / 1.45 - 1 / 1.5))
    assert fit.energy(1.45).value == pytest.approx((w @ e) / w.sum(), rel=1e-12)
    assert fit.effective_sample_size(1.45) == pytest.approx(w.sum() ** 2 / (w @ w), rel=1e-9)
    assert fit.effective_sample_size(1.5) == pytest.approx(4000, rel=1e-9)


def test_what_the_samples_do_not_reach_is_refused():
    ts = [1.0, 1.3]
    fit = reweight(gaussian(ts, 2000), ts, n_sites=1)
    with pytest.raises(ValueError, match=r"T = 5 .*add samples near T = 5"):
        fit.energy(5.0)
    with pytest.warns(RuntimeWarning, match="energy widths out of range"):
        fit.energy(2.0)
    with pytest.raises(ValueError, match="positive"):
        fit.energy(-1.0)
    with pytest.raises(ValueError, match=r"T = 0.4 and 3 hardly overlap.*add samples near"):
        reweight(gaussian([0.4, 3.0], 2000), [0.4, 3.0], n_sites=1)
    with pytest.raises(ValueError, match="n_sites"):
        reweight(gaussian(ts, 100), ts)
    with pytest.raises(ValueError, match="one series"):
        reweight(gaussian(ts, 100), [1.0], n_sites=1)
    data = spins.sample(spins.Ising(spins.square(2)), 2.0, 3, seed=0).isel(sample=slice(0, 0))
    for nothing in (([], [], 16), (data,)):
        with pytest.raises(ValueError, match="no samples to reweight: give a series"):
            reweight(*nothing)
    with pytest.raises(ValueError, match="NaN"):
        reweight([np.full(100, np.nan)], [1.0], n_sites=1)
    with pytest.raises(ValueError, match="sample longer"):
        reweight(gaussian(ts, 200, rho=0.99), ts, n_sites=1)
    with pytest.raises(ValueError, match="4000 samples"):
        fit.mean(np.ones(10))


def test_a_slow_observable_is_told():
    ts = [1.0, 1.1]
    fit = reweight(gaussian(ts, 2000), ts, n_sites=1)
    slow = np.concatenate(gaussian(ts, 2000, seed=5, rho=0.99))
    with pytest.warns(RuntimeWarning, match="errors are too small"):
        fit.mean(slow)


def test_a_table_of_a_curve(ising):
    _, fit = ising
    table = fit.energy.table([2.2, 2.4])
    assert table.value.dims == ("temperature",)
    assert float(table.error[0]) == fit.energy(2.2).error
    assert (table.n_effective > 1000).all()


def test_stiffness_between_temperatures():
    """Upsilon(T) from its two series is that of samples at T itself."""
    model = spins.XY(spins.square(6))
    data = spins.sample(model, [0.8, 1.0], 3000, seed=14, n_threads=1)
    upsilon = reweight(data).quantity(lambda t, a, b: a - b / t, *helicity_terms(data.configuration, model))
    for t in (0.8, 0.9, 1.0):
        direct = spins.measure(spins.sample(model, t, 3000, seed=15, n_threads=1)).estimate("helicity_modulus", t)
        found = upsilon(t)
        assert abs(found.value - direct.value) < Z * math.hypot(found.error, direct.error)
    assert upsilon(0.9).error < 0.02
