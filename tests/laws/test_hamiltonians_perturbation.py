"""Laws of perturbation series: truncation errors, normalisation, blocks, laziness."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

import zeeman.hamiltonians as h
from zeeman.hamiltonians import closed_forms
from zeeman.hamiltonians.sectors import Block

X = h.Polynomial((0.0, 1.0))
Y = h.Polynomial((0.0, 1.0), axis=1)
QUARTIC = h.Polynomial((0, 0, 0, 0, 1))


def symmetric(rng, n):
    matrix = rng.standard_normal((n, n))
    return matrix + matrix.T


def pencil(levels, seed):
    """A_0 + g A_1 + g^2 A_2 against B_0 + g B_1, whose unperturbed levels are given."""
    rng = np.random.default_rng(seed)
    n = len(levels)
    B0 = np.eye(n) + 0.1 * np.cov(rng.standard_normal((n, 3 * n)))
    root = np.linalg.cholesky(B0) @ np.linalg.qr(rng.standard_normal((n, n)))[0]
    return [root @ np.diag(levels) @ root.T, symmetric(rng, n), symmetric(rng, n)], [B0, 0.1 * symmetric(rng, n)]


def exact(A, B, g, n_states):
    a, b = (sum(g**k * matrix for k, matrix in enumerate(series)) for series in (A, B))
    return scipy.linalg.eigh(a, b, eigvals_only=True)[:n_states]


@pytest.mark.parametrize("order", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("system", ["box", "oscillator"])
def test_error_of_order_n_falls_as_the_next_power_of_g(system, order):
    # a potential without parity, so that no coefficient is zero
    H0, V, g = {
        "box": (h.Box(n_levels=40), 20 * h.Sinusoid(t=0.7, phase=0.4) + 10 * X, 0.2),
        "oscillator": (h.Oscillator(n_levels=60), 0.1 * QUARTIC + 0.1 * X * X * X, 0.02),
    }[system]
    series = h.perturb(H0, V, order=order + 4, n_states=3)
    strengths = g * np.array([1.0, 0.5])
    errors = [series.at(s, order=order) - h.diagonalize(H0 + s * V, 3).energies for s in strengths]
    floor = 50 * np.finfo(float).eps * H0.energies[-1]
    # the next coefficients foretell the error, until rounding hides it
    for s, error in zip(strengths, errors, strict=True):
        tail = series.energies[:, order + 1 :] * s ** np.arange(order + 1, order + 5)
        np.testing.assert_allclose(error, -tail.sum(axis=1), rtol=0.1, atol=floor)
    leads = np.abs(tail[:, 0]) > np.maximum(10 * np.abs(tail[:, 1:]).sum(axis=1), 20 * floor)
    slope = np.log2(np.abs(errors[0] / errors[1])[leads])
    np.testing.assert_allclose(slope, order + 1, atol=0.4)


def test_series_reaches_the_floor_of_diagonalisation():
    H0, V = h.Box(n_levels=60), h.Sinusoid(t=3)
    series = h.perturb(H0, V, order=16, n_states=4)
    found = h.diagonalize(H0 + 2.0 * V, 4).energies
    np.testing.assert_allclose(series.at(2.0), found, atol=1e-10)
    np.testing.assert_allclose(np.polynomial.polynomial.polyval(2.0, series.energies.T), found, atol=1e-10)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_pencils_with_degenerate_levels_agree_with_exact_roots(seed):
    A, B = pencil(np.array([0, 0, 1, 1, 1, 2, 3, 4.5]), seed)
    series = h.expand(A, B, order=6, n_states=6)
    assert [list(block) for block in series.blocks] == [[0, 1], [2, 3, 4], [5]]
    g = 1e-3
    np.testing.assert_allclose(series.at(g), exact(A, B, g, 6), atol=1e-11)
    errors = [np.abs(series.at(s, order=2) - exact(A, B, s, 6)).max() for s in (2e-3, 1e-3)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(3, abs=0.3)
    # first order, and second where states are told apart, against the formulas written term by term
    zeroth, first, second = closed_forms.pencil_second_order(A, B, 6)
    np.testing.assert_allclose(series.energies[:, 0], zeroth, atol=1e-12)
    np.testing.assert_allclose(series.energies[:, 1], first, atol=1e-10)
    np.testing.assert_allclose(series.energies[:, 2], second, rtol=1e-6, atol=1e-7)


def test_states_are_orthonormal_and_solve_the_equation_order_by_order():
    A, B = pencil(np.array([0, 0, 1, 1, 1, 2, 3, 4.5]), seed=7)
    series = h.expand(A, B, order=4, n_states=6)
    C, E = series.states, series.energies
    size = np.abs(C).max(axis=(1, 2))
    for k in range(5):
        metric = sum(C[i].T @ B[b] @ C[k - b - i] for b in range(min(2, k + 1)) for i in range(k - b + 1))
        np.testing.assert_allclose(metric, np.eye(6) * (k == 0), atol=1e-11 * size[: k + 1].max() ** 2)
        left = sum(A[j] @ C[k - j] for j in range(min(3, k + 1)))
        right = sum(B[b] @ C[i] * E[:, k - b - i] for b in range(min(2, k + 1)) for i in range(k - b + 1))
        np.testing.assert_allclose(left, right, atol=1e-9 * size[: k + 1].max())


def test_nearly_degenerate_levels_share_a_block_and_never_a_small_denominator():
    split = 1e-4
    A, B = pencil(np.array([0, split, 1, 2, 3, 4.5]), seed=3)
    together = h.expand(A, B, order=5, n_states=3, gap=0.01)
    apart = h.expand(A, B, order=5, n_states=3)
    assert together.kinds == ["nearly degenerate", "single"]
    assert apart.kinds == ["single", "single", "single"]
    g = 5e-3  # fifty times the splitting
    truth = exact(A, B, g, 3)
    np.testing.assert_allclose(together.at(g), truth, atol=1e-8)
    assert np.abs(apart.at(g) - truth).max() > 1.0
    # the coefficients are derivatives at g = 0 whichever way they are reached
    np.testing.assert_allclose(together.energies[:, :4], apart.energies[:, :4], rtol=1e-6)
    assert np.abs(together.effective(0)).max() < 1e4 < np.abs(apart.energies[:, 3]).max()


def test_states_at_a_strength_are_eigenstates():
    A, B = pencil(np.array([0, 1e-4, 1, 1, 2, 3, 4.5]), seed=5)
    series, g = h.expand(A, B, order=8, n_states=4, gap=0.01), 2e-3
    C = series.states_at(g)
    a, b = (sum(g**k * matrix for k, matrix in enumerate(s)) for s in (A, B))
    np.testing.assert_allclose(C.T @ b @ C, np.eye(4), atol=1e-10)
    np.testing.assert_allclose(a @ C, b @ C * series.at(g), atol=1e-10)


def test_degeneracy_is_lifted_at_the_first_order_that_can():
    H0 = h.Box(dim=2, n_levels=150)
    # parity forbids first order; second order tells (1, 2) from (2, 1)
    V = h.Sinusoid(t=1) + 2 * h.Sinusoid(t=1, axis=1)
    series = h.perturb(H0, V, order=4, n_states=3)
    assert series.kinds == ["single", "degenerate"]
    np.testing.assert_allclose(series.energies[:, 1], 0, atol=1e-14)
    one, two = (closed_forms.box_second_order(n, 1) for n in (1, 2))
    np.testing.assert_allclose(series.energies[1:, 2], sorted([one + 4 * two, 4 * one + two]), atol=2e-7)


def test_what_symmetry_keeps_together_is_said_to_be_unresolved():
    H0 = h.Box(dim=2, n_levels=60)
    series = h.perturb(H0, h.Sinusoid(t=1) + h.Sinusoid(t=1, axis=1), order=5, n_states=3)
    assert series.kinds == ["single", "unresolved"]
    assert series.resolved.tolist() == [True, False, False]
    np.testing.assert_allclose(series.energies[1], series.energies[2], atol=1e-12)
    assert "unresolved" in str(series)
    assert np.isfinite(series.states).all()


def test_a_level_cut_by_n_states_is_computed_whole():
    H0 = h.Oscillator.from_prior(dim=3)
    cut, whole = (h.perturb(H0, X * Y, order=4, n_states=n) for n in (2, 4))
    assert [len(block) for block in cut.blocks] == [1, 3]
    np.testing.assert_allclose(cut.energies, whole.energies[:2])
    np.testing.assert_allclose(cut.at(0.1), whole.at(0.1)[:2])


def test_more_orders_continue_and_nothing_is_computed_twice(monkeypatch):
    steps = []
    advance = Block._advance
    monkeypatch.setattr(Block, "_advance", lambda self: (steps.append(self), advance(self))[1])
    series = h.perturb(h.Box(n_levels=30), h.Sinusoid(t=3), order=4, n_states=3)
    early = series.energies
    assert len(steps) == 4 * 3
    longer = series.to_order(7)
    np.testing.assert_array_equal(longer.energies[:, :5], early)
    assert len(steps) == 7 * 3
    assert series.to_order(2).energies.shape == (3, 3)
    assert len(steps) == 7 * 3


def test_energies_do_not_depend_on_the_basis_of_the_pencil():
    A, B = pencil(np.array([0, 0, 1, 1, 1, 2, 3, 4.5]), seed=11)
    M = np.random.default_rng(0).standard_normal((8, 8)) + 3 * np.eye(8)
    turned = h.expand([M.T @ a @ M for a in A], [M.T @ b @ M for b in B], order=4, n_states=5)
    np.testing.assert_allclose(turned.energies, h.expand(A, B, order=4, n_states=5).energies, rtol=1e-7, atol=1e-8)


def test_functions_of_the_series_are_those_of_diagonalisation():
    H0, V, g = h.Oscillator(n_levels=60), QUARTIC, 0.005
    z = np.linspace(-3, 3, 50)
    series, found = h.perturb(H0, V, order=12, n_states=3), h.diagonalize(H0 + g * V, 3)
    signs = np.sign((series(z, g) * found(z)).sum(axis=0))
    np.testing.assert_allclose(series(z, g), signs * found(z), atol=1e-6)


def test_a_hamiltonian_can_be_the_start_and_a_sequence_the_perturbation():
    H0 = h.Oscillator(n_levels=60)
    moved = h.perturb(H0 + 0.3 * X, X, order=2, n_states=2)
    np.testing.assert_allclose(
        moved.energies, [[e - 0.045, -0.3, -0.5] for e in (0.5, 1.5)], atol=1e-9
    )  # -(0.3 + g)^2 / 2
    both = h.perturb(H0, [X, QUARTIC], order=2, n_states=2)
    np.testing.assert_allclose(both.energies[:, 2], [-0.5 + 0.75, -0.5 + 3.75], atol=1e-12)


def test_pade_approximants_bracket_the_anharmonic_levels():
    # a Stieltjes series: [8/8] and [8/7] lie on two sides of the truth, where the plain series is off by millions
    H0, g = h.Oscillator(), 0.3
    truth = h.diagonalize(H0 + g * QUARTIC, 2).energies
    series = h.perturb(H0, QUARTIC, order=16, n_states=2)
    below, above = series.resummed(g), series.to_order(15).resummed(g)
    assert np.all((below < truth) & (truth < above))
    np.testing.assert_allclose(below, truth, rtol=5e-4)
    assert np.abs(series.at(g) - truth).min() > 1e6


def test_pade_approximants_of_series_that_stop_or_skip_orders():
    H0, V = h.Box(n_levels=60), h.Sinusoid(t=3)
    skips = h.perturb(H0, V, order=16, n_states=3)  # parity: even orders alone
    np.testing.assert_allclose(skips.resummed([0.0, 40.0])[1], h.diagonalize(H0 + 40 * V, 3).energies, atol=1e-7)
    stops = h.perturb(h.Oscillator(), X, order=6, n_states=2)
    np.testing.assert_allclose(stops.resummed(0.2), [0.48, 1.48], atol=1e-12)
    nothing = h.perturb(h.Oscillator(), 0.0 * X, order=6, n_states=2)
    np.testing.assert_allclose(nothing.resummed(0.2), [0.5, 1.5])


def test_first_order_of_the_path_from_prior_to_data_is_pca():
    rng = np.random.default_rng(1)
    Z = rng.gamma(2.0, size=(400, 3)) @ (np.eye(3) + 0.3 * rng.standard_normal((3, 3)))
    Z -= Z.mean(axis=0)
    basis = h.HermitePolynomials(3, 3)
    A, B = basis.forms(Z)
    levels = 0.5 * basis.orders.sum(axis=1)
    series = h.expand([levels, A - np.diag(levels)], [np.ones(len(levels)), B - np.eye(len(levels))], order=2)
    np.testing.assert_allclose(series.energies[0], 0, atol=1e-12)  # the constant stays at zero
    variances = np.linalg.eigvalsh(Z.T @ Z / len(Z))
    np.testing.assert_allclose(series.energies[1:, 1], np.sort(-(variances - 1) / 2), atol=1e-10)
    assert series.kinds == ["single", "degenerate"]


def test_noise_on_a_degenerate_level_can_be_declared_so():
    A, B = pencil(np.array([0, 0, 1, 1, 1, 2, 3, 4.5]), seed=13)
    noise = 1e-7 * symmetric(np.random.default_rng(0), 8)
    clean = h.expand(A, B, order=3, n_states=5)
    noisy = h.expand([A[0] + noise, *A[1:]], B, order=3, n_states=5, exact=1e-5)
    assert noisy.kinds == clean.kinds == ["degenerate", "degenerate"]
    np.testing.assert_allclose(noisy.energies, clean.energies, atol=1e-3)
    assert np.abs(h.expand([A[0] + noise, *A[1:]], B, order=3, n_states=5).energies).max() > 1e6
