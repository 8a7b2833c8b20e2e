"""Laws of energies from samples alone: landmark Gaussians, Hermite polynomials, unions, and how they are summed."""

import numpy as np
import pytest
from scipy.stats import ortho_group
from threadpoolctl import threadpool_limits

from zeeman.hamiltonians import (
    HermitePolynomials,
    NormalizedGaussians,
    Union,
    _chunks,
    landmarks,
    prior_points,
    rayleigh_ritz,
    ritz,
)


def blobs(k=3, n=2000, d=3, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    return 3.0 * rng.standard_normal((k, d))[rng.integers(0, k, n)] + scale * rng.standard_normal((n, d))


def gaussians(Z, m=40, width=1.5, seed=0):
    return NormalizedGaussians(landmarks(Z, m, seed), width)


BASES = {
    "gaussians": lambda d: NormalizedGaussians(np.random.default_rng(1).standard_normal((7, d)), 0.9),
    "hermite": lambda d: HermitePolynomials(d, 3),
    "union": lambda d: Union(HermitePolynomials(d, 2), BASES["gaussians"](d)),
}


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("d", [1, 3])
class TestEveryBasis:
    def test_gradients_are_derivatives(self, name, d):
        basis, Z, step = BASES[name](d), np.random.default_rng(2).standard_normal((30, d)), 1e-5
        numeric = np.stack([(basis(Z + step * e) - basis(Z - step * e)) / (2 * step) for e in np.eye(d)])
        np.testing.assert_allclose(basis.gradients(Z), numeric, atol=1e-7)

    def test_forms_are_averages_of_products(self, name, d):
        rng = np.random.default_rng(3)
        basis, Z, w = BASES[name](d), rng.standard_normal((200, d)), rng.random(200)
        A, B = basis.forms(Z, w)
        values, gradients = basis(Z), basis.gradients(Z)
        np.testing.assert_allclose(B, np.einsum("n,ni,nj->ij", w / w.sum(), values, values), atol=1e-12)
        slow = 0.5 * np.einsum("n,ani,anj->ij", w / w.sum(), gradients, gradients, optimize=True)
        np.testing.assert_allclose(A, slow, atol=1e-12 * np.abs(slow).max())

    def test_the_constant_is_one_and_costs_nothing(self, name, d):
        basis, Z = BASES[name](d), np.random.default_rng(4).standard_normal((100, d))
        np.testing.assert_allclose(basis(Z) @ basis.constant, 1.0, atol=1e-13)
        assert basis.constant @ basis.forms(Z)[0] @ basis.constant == pytest.approx(0.0, abs=1e-13)

    def test_chunks_and_threads_change_nothing(self, name, d, monkeypatch):
        rng = np.random.default_rng(5)
        basis, Z, w = BASES[name](d), rng.standard_normal((500, d)), rng.random(500)
        C = rng.standard_normal((basis.n_functions, 3))
        whole = (*basis.forms(Z, w), basis.apply(Z, C))
        monkeypatch.setattr(_chunks, "_FEWEST_ROWS", 7)
        monkeypatch.setattr(_chunks, "_CHUNK_VALUES", 7)
        for threads in (1, 2):
            with threadpool_limits(threads):
                parts = (*basis.forms(Z, w), basis.apply(Z, C))
            for a, b in zip(whole, parts, strict=True):
                np.testing.assert_allclose(a, b, atol=1e-13 * np.abs(a).max())

    def test_states_of_ritz_are_orthonormal_with_their_energies(self, name, d):
        basis, Z = BASES[name](d), np.random.default_rng(6).standard_normal((400, d))
        levels = ritz(Z, basis, 4)
        states = basis.apply(Z, levels.coefficients)
        np.testing.assert_allclose(states.T @ states / len(Z), np.eye(4), atol=1e-7)
        np.testing.assert_allclose(states[:, 0], 1.0, atol=1e-9)
        slopes = np.stack([g @ levels.coefficients for g in basis.gradients(Z)])
        np.testing.assert_allclose(0.5 * (slopes**2).sum(axis=(0, 1)) / len(Z), levels.energies, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("d", "degree"), [(1, 6), (2, 4), (3, 3)])
def test_hermite_forms_under_the_prior_are_exact(d, degree):
    """Gauss-Hermite nodes integrate products of degree 2 K exactly: diag(|n| / 2) and 1."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(degree + 1)
    Z = np.stack(np.meshgrid(*[nodes] * d, indexing="ij"), -1).reshape(-1, d)
    w = np.prod(np.stack(np.meshgrid(*[weights] * d, indexing="ij"), -1).reshape(-1, d), axis=1)
    basis = HermitePolynomials(d, degree)
    for form, exact in zip(basis.forms(Z, w), basis.prior_forms(), strict=True):
        np.testing.assert_allclose(form, exact, atol=1e-12)


def test_samples_of_the_prior_have_the_levels_of_the_oscillator():
    """0, 1/2 (twice), 1 (three times): E_1 = 1/(2 var) has the standard error 1/sqrt(2 n); quadratic ones more."""
    n = 40_000
    energies = ritz(np.random.default_rng(7).standard_normal((n, 2)), HermitePolynomials(2, 3), 6).energies
    assert energies[0] == 0.0
    np.testing.assert_allclose(energies[1:3], 0.5, atol=6 / np.sqrt(2 * n))
    np.testing.assert_allclose(energies[3:6], 1.0, atol=25 / np.sqrt(2 * n))


def test_sobol_points_are_nearer_to_the_prior_than_random_ones():
    basis, exact = HermitePolynomials(3, 2), HermitePolynomials(3, 2).prior_forms()[1]
    points = prior_points(3, 4000, seed=1)
    random = np.random.default_rng(8).standard_normal((len(points), 3))
    error, other = (np.linalg.norm(basis.forms(Z)[1] - exact) for Z in (points, random))
    assert points.shape == (4096, 3)
    assert error < 0.3 * other
    np.testing.assert_array_equal(points, prior_points(3, 4000, seed=1))
    assert np.isfinite(prior_points(32, 1, seed=2)).all()


def test_linear_functions_are_the_principal_components():
    """Degree one: E = 1 / (2 lambda) for the eigenvalues lambda of the covariance."""
    Z = blobs(d=4)
    variances = np.linalg.eigvalsh(np.cov(Z.T, ddof=0))[::-1]
    np.testing.assert_allclose(ritz(Z, HermitePolynomials(4, 1), 5).energies[1:], 0.5 / variances, rtol=1e-10)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_union_lies_below_both(seed):
    Z = blobs(d=2, seed=seed)
    first, second = HermitePolynomials(2, 3), gaussians(Z, width=0.7, seed=seed)  # narrow: nothing is cut off
    apart = [ritz(Z, basis, 8).energies for basis in (first, second)]
    both = ritz(Z, Union(first, second), 8).energies
    assert (both <= np.minimum(*apart) + 1e-7 * apart[0][-1]).all()


def test_a_union_of_a_basis_with_itself_adds_nothing():
    Z = blobs(d=2)
    basis = gaussians(Z)
    np.testing.assert_allclose(
        ritz(Z, Union(basis, basis), 6).energies, ritz(Z, basis, 6).energies, rtol=1e-6, atol=1e-9
    )


def test_sizes_of_functions_do_not_matter():
    A, B = gaussians(blobs()).forms(blobs())
    sizes = 10.0 ** np.linspace(-6, 6, len(B))
    here = rayleigh_ritz(A, B, 5, unit_norms=True)
    there = rayleigh_ritz(A * np.outer(sizes, sizes), B * np.outer(sizes, sizes), 5, unit_norms=True)
    np.testing.assert_allclose(there.energies, here.energies, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("d", [1, 2, 32])
def test_energies_do_not_know_the_frame(d):
    Z = blobs(d=d, n=1000)
    Q = ortho_group.rvs(d, random_state=1) if d > 1 else -np.eye(1)
    centers = landmarks(Z, 30, 0)
    width = 1.0 * np.sqrt(d)
    here = ritz(Z, NormalizedGaussians(centers, width), 6)
    there = ritz(Z @ Q + 5.0, NormalizedGaussians(centers @ Q + 5.0, width), 6)
    np.testing.assert_allclose(there.energies, here.energies, rtol=1e-10, atol=1e-10 * here.energies[-1])


def test_energies_scale_as_inverse_squared_length():
    Z = blobs()
    here, there = ritz(Z, gaussians(Z, width=1.5), 6), ritz(100 * Z, gaussians(100 * Z, width=150.0), 6)
    np.testing.assert_allclose(1e4 * there.energies, here.energies, rtol=1e-8, atol=1e-10)


def test_isolated_sets_have_levels_at_zero_and_a_constant_ground_state():
    rng = np.random.default_rng(9)
    Z = np.concatenate([rng.normal(c, 0.01, (300, 2)) for c in (-1.0, 0.0, 1.0, 2.0)])
    basis = gaussians(Z, 40, 0.005)
    levels = ritz(Z, basis, 7)
    assert levels.energies[0] == 0.0
    assert levels.energies[3] < 1e-8 * levels.energies[4]
    states = basis.apply(Z, levels.coefficients[:, :4]).reshape(4, 300, 4)
    np.testing.assert_allclose(states, states[:, :1].repeat(300, axis=1), atol=1e-5)


def test_duplicated_samples_count_twice_and_nothing_else():
    Z = blobs(n=600)
    basis = gaussians(Z)
    doubled = ritz(np.concatenate([Z, Z[:100]]), basis, 5).energies
    weighted = ritz(Z, basis, 5, weights=np.where(np.arange(600) < 100, 2.0, 1.0)).energies
    np.testing.assert_allclose(doubled, weighted, rtol=1e-9, atol=1e-12)
    few = landmarks(np.repeat(Z[:10], 30, axis=0), 40, 0)
    np.testing.assert_allclose(np.sort(few[:, 0]), np.sort(Z[:10, 0]), atol=1e-12)


@pytest.mark.parametrize("d", [1, 3])
def test_constant_columns_change_nothing(d):
    Z = blobs(d=d)
    wide = np.column_stack([Z, np.full(len(Z), 1e3)])
    centers = landmarks(Z, 30, 0)
    flat = np.column_stack([centers, np.full(len(centers), 1e3)])
    here = ritz(Z, NormalizedGaussians(centers, 1.5), 5).energies
    there = ritz(wide, NormalizedGaussians(flat, 1.5), 5).energies
    np.testing.assert_allclose(there, here, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(landmarks(wide, 30, 0)[:, -1], 1e3, rtol=1e-12)


def test_functions_are_finite_far_from_every_landmark():
    basis = NormalizedGaussians(np.array([[0.0], [1.0]]), 0.1)
    np.testing.assert_array_equal(basis(np.array([[-1e6], [1e6]])), np.eye(2))


def test_landmarks_do_not_depend_on_samples_that_are_not_drawn():
    Z = blobs(n=5000, d=2)
    centers = landmarks(Z, 20, seed=3, max_samples=1000)
    np.testing.assert_array_equal(centers, landmarks(Z, 20, seed=3, max_samples=1000))
    assert len(centers) <= 20


Z_GOOD = np.random.default_rng(10).standard_normal((50, 2))
BAD = {
    "no variation": lambda: landmarks(np.ones((50, 2)), 5, 0),
    "no variation at all": lambda: ritz(np.ones((50, 2)), HermitePolynomials(2, 2), 2),
    "NaN at row 0": lambda: ritz(np.where(np.arange(100).reshape(50, 2) == 0, np.nan, Z_GOOD), gaussians(Z_GOOD, 5), 2),
    "not negative, got -1.0 at sample 0": lambda: ritz(Z_GOOD, gaussians(Z_GOOD, 5), 2, weights=-np.ones(50)),
    "all zero": lambda: ritz(Z_GOOD, gaussians(Z_GOOD, 5), 2, weights=np.zeros(50)),
    r"one a sample, got shape \(3,\)": lambda: HermitePolynomials(2, 1).forms(Z_GOOD, np.ones(3)),
    "make them agree": lambda: ritz(Z_GOOD, HermitePolynomials(3, 1), 2),
    "degree must be at least 0": lambda: HermitePolynomials(2, -1),
    "n_states must be at least 1": lambda: ritz(Z_GOOD, HermitePolynomials(2, 1), 0),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_refused(message):
    with pytest.raises(ValueError, match=message):
        BAD[message]()


def test_one_state_is_the_ground_state():
    levels = ritz(blobs(d=2), HermitePolynomials(2, 2), 1)
    np.testing.assert_array_equal(levels.energies, [0.0])
    assert levels.coefficients.shape[1] == 1
