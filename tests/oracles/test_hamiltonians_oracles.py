"""Hamiltonians against closed forms, exact rationals, quadrature and pymablock."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gamma

import zeeman.hamiltonians as h
from zeeman.hamiltonians import closed_forms as paper

QUARTIC = h.Polynomial((0, 0, 0, 0, 1))


def polyval(g, coefficients):
    return np.polynomial.polynomial.polyval(g, coefficients)


@pytest.mark.parametrize("level", range(4))
def test_anharmonic_series_to_order_16(level):
    series = h.perturb(h.Oscillator(), QUARTIC, order=16, n_states=4)
    rationals = [float(c) for c in paper.anharmonic_coefficients(16, level)]
    np.testing.assert_allclose(series.energies[level], rationals, rtol=1e-12)


def test_bender_wu_rationals():
    known = [Fraction(1, 2), Fraction(3, 4), Fraction(-21, 8), Fraction(333, 16), Fraction(-30885, 128)]
    assert paper.anharmonic_coefficients(4) == known
    # late terms: (-1)^(k+1) sqrt(6 / pi^3) 3^k Gamma(k + 1/2), corrections of order 1/k (Bender and Wu, 1973)
    late = float(paper.anharmonic_coefficients(30)[30])
    assert late == pytest.approx(-np.sqrt(6 / np.pi**3) * 3.0**30 * gamma(30.5), rel=0.06)


def test_anharmonic_series_in_other_units_and_powers():
    # z = s sqrt(2) x in units of w: g z^4 = g 4 s^4 / w (w x^4)
    basis = h.Oscillator(frequency=1.7, kinetic=0.3)
    scale = 4 * basis.width**4 / 1.7
    expected = [1.7 * float(c) * scale**k for k, c in enumerate(paper.anharmonic_coefficients(6, 2))]
    np.testing.assert_allclose(h.perturb(basis, QUARTIC, order=6, n_states=3).energies[2], expected, rtol=1e-11)
    np.testing.assert_allclose(paper.oscillator_quartic(2, 1.7, 0.3), expected[:3], rtol=1e-13)
    cubic = [float(c) for c in paper.anharmonic_coefficients(8, 1, power=3)]
    found = h.perturb(h.Oscillator(), h.Polynomial((0, 0, 0, 1)), order=8, n_states=2).energies[1]
    np.testing.assert_allclose(found, cubic, rtol=1e-11, atol=1e-12)


def test_oscillator_levels_under_linear_and_quadratic_potentials():
    basis, g = h.Oscillator(frequency=1.3, kinetic=0.4, n_levels=80), 0.05
    n = np.arange(4)
    moved = h.perturb(basis, h.Polynomial((0, 1)), order=4, n_states=4)
    np.testing.assert_allclose(polyval(g, moved.energies.T), [paper.oscillator_linear(k, g, 1.3, 0.4) for k in n])
    np.testing.assert_allclose(moved.energies[:, 3:], 0, atol=1e-13)
    stiff = h.diagonalize(basis + g * h.Polynomial((0, 0, 1)), 4)
    np.testing.assert_allclose(stiff.energies, [paper.oscillator_quadratic(k, g, 1.3, 0.4) for k in n], rtol=1e-12)


def test_box_second_order():
    series = h.perturb(h.Box(), h.Sinusoid(t=1), order=2, n_states=4)
    assert series.energies[0, 2] == pytest.approx(-0.0158314, abs=5e-8)
    assert series.energies[1, 2] == pytest.approx(0.0105543, abs=5e-8)
    np.testing.assert_allclose(series.energies[:, 0], paper.box_energy(np.arange(1, 5)))
    sums = [paper.box_second_order(n, 1) for n in (1, 2, 3, 4)]
    np.testing.assert_allclose(series.energies[:, 2], sums, rtol=1e-9)
    other = h.perturb(h.Box(length=1.4, kinetic=0.3), h.Sinusoid(t=0.8), order=2, n_states=2)
    sums = [paper.box_second_order(n, 0.8, 1.4, 0.3) for n in (1, 2)]
    np.testing.assert_allclose(other.energies[:, 2], sums, rtol=1e-8)


@pytest.mark.parametrize("t", [1, 2, 3, 7])
def test_the_paper_potential_shifts_nothing_at_first_order(t):
    series = h.perturb(h.Box(), h.Sinusoid(t=t), order=1, n_states=10)
    np.testing.assert_allclose(series.energies[:, 1], 0, atol=1e-14)
    np.testing.assert_allclose(paper.box_first_order(np.arange(1, 11), t), 0, atol=1e-14)
    cosine = h.perturb(h.Box(), h.Sinusoid(t=t, phase=np.pi / 2), order=1, n_states=10)
    np.testing.assert_allclose(cosine.energies[:, 1], -0.5 * (np.arange(1, 11) == t), atol=1e-14)


@pytest.mark.parametrize("t", [0.3, 1.45, 3.0])
def test_first_order_by_quadrature_and_by_differences_of_exact_levels(t):
    H0, V, g = h.Box(length=1.2, kinetic=0.7, n_levels=80), h.Sinusoid(t=t), 0.05
    first = h.perturb(H0, V, order=1, n_states=3).energies[:, 1]
    np.testing.assert_allclose(first, paper.box_first_order(np.arange(1, 4), t, 1.2), atol=1e-13)
    for n, value in enumerate(first, start=1):
        integral = quad(lambda z, n=n: paper.box_state(n, z, 1.2) ** 2 * np.sin(2 * np.pi * t * z), 0, 1.2)[0]
        assert value == pytest.approx(integral, abs=1e-12)
    levels = {s: h.diagonalize(H0 + s * g * V, 3).energies for s in (-2, -1, 1, 2)}
    fourth_order = (levels[-2] - 8 * levels[-1] + 8 * levels[1] - levels[2]) / (12 * g)
    np.testing.assert_allclose(first, fourth_order, atol=1e-7)


@pytest.mark.parametrize("n", [0.4, 1.0, 1.5, 2.31, 3.5])
@pytest.mark.parametrize("t", [1, 2, 3, 7])
def test_paper_energy_is_the_integral_for_real_n(n, t):
    integral = quad(lambda z: np.sin(np.pi * n * z) ** 2 * np.sin(np.pi * t * z), 0, 1)[0]
    assert paper.paper_first_order(n, t) == pytest.approx((-1) ** t * integral, abs=1e-12)
    if 2 * n != t:
        assert paper.paper_first_order_printed(n, t, N=t) == pytest.approx(paper.paper_first_order(n, t), abs=1e-12)
        assert paper.paper_first_order_printed(n, t, N=t + 1.0) != pytest.approx(paper.paper_first_order(n, t))


def test_paper_energy_at_its_removable_limits():
    for t in (1, 3, 5):
        near = paper.paper_first_order_printed(t / 2 + np.array([-1e-5, 1e-5]), t, N=t)
        assert paper.paper_first_order(t / 2, t) == pytest.approx(near.mean(), abs=1e-8)
        assert np.isinf(paper.paper_first_order_printed(t / 2, t, N=t + 1.0))
    n = np.arange(1, 6)
    np.testing.assert_allclose(paper.paper_first_order(n, 3), 4 * n**2 / (3 * np.pi * (9 - 4.0 * n**2)), rtol=1e-12)
    np.testing.assert_allclose(paper.paper_first_order(n, 4), 0, atol=1e-15)


def test_quantum_number_as_printed_and_right():
    one, two = (paper.box_state(n, 0.3) for n in (1, 2))
    assert paper.paper_quantum_number_printed(one, 0.3) == pytest.approx(0.757, abs=5e-4)
    assert paper.quantum_number(one, 0.3) == pytest.approx(1.0)
    assert paper.quantum_number(two, 0.3) == pytest.approx(4 / 3)  # beyond L / (2 z) = 5/3 only the mirror is seen
    with pytest.raises(ValueError, match="psi is too large"):
        paper.quantum_number(2.0, 0.3)


def test_splitting_of_the_square_box():
    xy = h.Polynomial((0, 1)) * h.Polynomial((0, 1), axis=1)
    series = h.perturb(h.Box(dim=2), xy, order=2, n_states=3)
    assert series.energies[2, 1] - series.energies[1, 1] == pytest.approx(0.0648911471, abs=5e-11)
    assert paper.box_splitting() == pytest.approx(0.0648911471, abs=5e-11)
    assert series.kinds == ["single", "degenerate"]


@pytest.mark.parametrize("dim", [1, 2, 3, 5])
def test_multiplets_of_the_prior(dim):
    energies = h.Oscillator.from_prior(dim=dim, n_levels=60).energies
    for n in range(3):
        energy, fold = paper.prior_multiplet(n, dim)
        assert (energies == energy).sum() == fold
        assert paper.oscillator_level(n, dim, 0.5) == (energy + 0.25 * dim, fold)


@pytest.mark.parametrize("levels", [[0, 0, 0, 1, 2, 2, 3], [0, 0, 0.05, 1, 1, 1, 2]])
def test_effective_hamiltonian_equals_pymablock(levels):
    from pymablock import block_diagonalize
    from pymablock.series import zero

    rng = np.random.default_rng(4)
    V = rng.standard_normal((7, 7))
    V = V + V.T
    theirs = block_diagonalize([np.diag(levels).astype(float), V], subspace_indices=[0, 0, 0, 1, 1, 1, 1])[0]
    ours = h.expand([levels, V], order=7, n_states=3, gap=0.1)
    assert ours.gap == 0.1
    for k, matrix in enumerate(ours.effective(0)):
        block = theirs[0, 0, k]
        block = np.zeros((3, 3)) if block is zero else block.toarray() if hasattr(block, "toarray") else block
        np.testing.assert_allclose(matrix, block, atol=1e-12 * max(1, np.abs(matrix).max()))


def test_square_box_block_equals_pymablock():
    from pymablock import block_diagonalize

    basis = h.Box(dim=2, n_levels=40)
    V = h.Polynomial((0, 1)) * h.Polynomial((0, 1), axis=1) + h.Sinusoid(t=1)
    inside = np.isclose(basis.energies, basis.energies[1])
    theirs = block_diagonalize([np.diag(basis.energies), basis.matrix(V)], subspace_indices=(~inside).astype(int))[0]
    series = h.perturb(basis, V, order=5, n_states=3)
    for g in (0.5, 2.0):
        total = sum(g**k * np.asarray(theirs[0, 0, k]) for k in range(6))
        np.testing.assert_allclose(series.at(g)[1:], np.linalg.eigvalsh(total), atol=1e-11)


def test_paper_coefficients_divided_by_the_distance_are_the_first_order_states():
    series = h.perturb(h.Box(length=1.2, kinetic=0.7, n_levels=50), h.Sinusoid(t=1.3), order=1, n_states=4)
    m, n = np.arange(1, 51)[:, None], np.arange(1, 5)
    elements = paper.box_element(m, n, 1.3, 1.2)
    np.testing.assert_allclose(elements, h.Box(length=1.2, n_levels=50).matrix(h.Sinusoid(t=1.3))[:, :4], atol=1e-13)
    away = m != n
    with np.errstate(invalid="ignore", divide="ignore"):
        mixing = paper.box_mixing(m, n, 1.3, 1.2, 0.7)
    np.testing.assert_allclose(series.states[1][away], mixing[away], atol=1e-14)
    np.testing.assert_allclose(series.states[1][~away], 0, atol=1e-14)
