"""Finite-size scaling on made-up curves: known limits found, errors of the right size, constants of the BKT torus."""

import numpy as np
import pytest

from zeeman.studies.critical.laws import BKT_CUMULANT, BKT_HELICITY, BKT_LENGTH
from zeeman.studies.critical.scaling import Law, Points, bkt_limit, crossing_limit, peak_limit


def resampled(clean, error, seed, n_bootstrap=100):
    rng = np.random.default_rng(seed)
    measured = clean + error * rng.standard_normal(len(clean))
    draws = measured + error * rng.standard_normal((n_bootstrap, len(clean)))
    return np.vstack([measured, draws]), np.full(len(clean), error)


def crossing_points(t_c, nu, error, seed, sizes=(8, 16, 32), b=0.0, omega=1.75):
    at = [(L, t_c * (1 + x * L ** (-1 / nu))) for L in sizes for x in (-0.8, -0.4, 0.0, 0.4, 0.8)]
    lengths, temperatures = np.array(at).T
    x = (temperatures - t_c) / t_c * lengths ** (1 / nu)
    values, errors = resampled(0.61 - 0.1 * x - 0.02 * x**2 + b * lengths**-omega, error, seed)
    return Points(lengths, values, errors, temperatures)


@pytest.mark.parametrize(("nu", "given"), [(1.0, 1.0), (0.63, 0.63), (0.63, None)])
def test_a_crossing_is_found_with_an_error_of_its_own_size(nu, given):
    pulls = []
    for seed in range(6):
        limit = crossing_limit(crossing_points(1.5, nu, 1e-3, seed), Law(given))
        error = np.hypot(limit.values[1:].std(), limit.spread)
        pulls.append((limit.values[0] - 1.5) / error)
    assert np.abs(pulls).max() < 4.5
    assert 0.15 < np.sqrt(np.mean(np.square(pulls))) < 2.2


def test_resamples_choose_their_fit_anew():
    """Values scatter between data sets no more than between resamples: the choice of the fit is part of the error."""
    law, sizes = Law(1.0, 1.0, 0.5), (8, 16, 32, 64)
    limits = [crossing_limit(crossing_points(1.5, 1.0, 5e-4, seed, sizes), law).values for seed in range(8)]
    resampled_scatter = np.sqrt(np.mean([values[1:].var() for values in limits]))
    assert 0.3 < np.std([values[0] for values in limits]) / resampled_scatter < 1.0


def test_corrections_that_move_every_crossing_are_taken_off():
    limit = crossing_limit(crossing_points(1.5, 1.0, 1e-5, 0, b=0.1), Law(1.0, 1.75))
    error = np.hypot(limit.values[1:].std(), limit.spread)
    assert error < 2e-4
    assert abs(limit.values[0] - 1.5) < 5 * error
    assert limit.scaling.parameters["A"] == pytest.approx(0.1, abs=0.02)


def test_peaks_lead_to_their_limit():
    lengths = np.array([8.0, 16.0, 32.0, 64.0])
    values, errors = resampled(2.0 + 1.7 / lengths, 1e-4, 0)
    points = Points(lengths, values, errors, np.empty(0))
    known, fitted = peak_limit(points, Law(1.0)), peak_limit(points, Law())
    for limit in (known, fitted):
        assert abs(limit.values[0] - 2.0) < 5 * np.hypot(limit.values[1:].std(), limit.spread)
    assert fitted.values[1:].std() > known.values[1:].std()


@pytest.mark.parametrize("curve", [np.asarray, np.sinh])
@pytest.mark.parametrize("constants", [BKT_CUMULANT, BKT_HELICITY, BKT_LENGTH])
def test_a_transition_without_crossing_is_found_by_its_logarithms(constants, curve):
    """Also where the signal is no straight line in X, and far from T_c none of the powers that are fitted."""
    t_c, a, C = 0.9, 3.0, 0.5
    at = [(L, t) for L in (8, 16, 32, 64) for t in (0.85, 0.88, 0.9, 0.92, 0.95)]
    lengths, temperatures = np.array(at).T
    X = []
    for L, t in at:  # the flow dX/dw = eps - X^2 from far left, by small steps
        eps, step, length = a * (t_c - t), 1e-3, np.log(L) + C
        x, n = 1e3, int((length + np.log(length) / 2) / step)
        for _ in range(n):
            x = (x + step * eps) / (1 + step * x)
        X.append(x)
    values, errors = resampled(constants[0] + constants[1] * curve(X), 2e-4 * constants[1] / BKT_CUMULANT[1], 0)
    limit = bkt_limit(Points(lengths, values, errors, temperatures), Law(bkt=constants))
    assert abs(limit.values[0] - t_c) < 5 * np.hypot(limit.values[1:].std(), limit.spread)
    assert abs(limit.values[0] - t_c) < 0.02


def spin_waves(stiffness, size):
    """xi/L of free spin waves with winding on a torus, their correlations exact at every size."""
    k = 2 * np.pi * np.fft.fftfreq(size)
    spectrum = 4 * np.sin(k / 2) ** 2
    spectrum = spectrum[:, None] + spectrum
    spectrum[0, 0] = np.inf
    propagator = np.fft.ifft2(1 / spectrum).real / stiffness
    n, x = np.arange(-3, 4), np.arange(size)
    weights = np.exp(-0.5 * stiffness * (2 * np.pi * n) ** 2)
    winding = weights @ np.cos(2 * np.pi * np.outer(n, x) / size) / weights.sum()
    s = np.fft.fft2(np.exp(propagator - propagator[0, 0]) * np.outer(winding, winding)).real
    return np.sqrt(s[0, 0] / s[0, 1] - 1) / (2 * np.sin(np.pi / size)) / size


def test_the_correlation_length_at_the_bkt_transition_is_that_of_spin_waves():
    """Of stiffness 2/pi (1 + X/2): value and slope in X, extrapolated in L^(eta - 2)."""

    def limit(stiffness):
        coarse, fine = spin_waves(stiffness, 128), spin_waves(stiffness, 256)
        return fine + (fine - coarse) / (2**1.75 - 1)

    step = 1e-3
    above, below = (limit(2 / np.pi * (1 + sign * step / 2)) for sign in (1, -1))
    assert limit(2 / np.pi) == pytest.approx(BKT_LENGTH[0], abs=2e-5)
    assert (above - below) / (2 * step) == pytest.approx(BKT_LENGTH[1], rel=1e-3)
