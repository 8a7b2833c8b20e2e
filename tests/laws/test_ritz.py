"""Laws of the Rayleigh-Ritz solver and of the spectrum of a density known by samples."""

import numpy as np
import pytest
from scipy.stats import norm, ortho_group

from zeeman import LatentSpectrum
from zeeman.hamiltonians import NormalizedGaussians, held_out_trace, landmarks, rayleigh_ritz


def mixture(k, n=2000, d=3, spread=6.0, seed=0):
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((k, d))
    centers *= spread / min(np.linalg.norm(a - b) for i, a in enumerate(centers) for b in centers[:i])
    labels = rng.integers(0, k, n)
    return centers[labels] + rng.standard_normal((n, d)), labels


def normal_quantiles(n):
    return norm.ppf((np.arange(n) + 0.5) / n)[:, None]


def test_forms_are_the_gradients_they_claim_to_be():
    rng = np.random.default_rng(1)
    Z, basis = rng.standard_normal((40, 3)), NormalizedGaussians(rng.standard_normal((6, 3)), 0.8)
    step = 1e-5
    gradient = np.stack([(basis(Z + step * e) - basis(Z - step * e)) / (2 * step) for e in np.eye(3)])
    A, B = basis.forms(Z)
    np.testing.assert_allclose(A, 0.5 * np.einsum("dni,dnj->ij", gradient, gradient) / len(Z), atol=1e-8)
    np.testing.assert_allclose(B, basis(Z).T @ basis(Z) / len(Z), atol=1e-14)


def test_weights_are_repetitions():
    rng = np.random.default_rng(2)
    Z, times = rng.standard_normal((50, 2)), rng.integers(0, 4, 50)
    basis = NormalizedGaussians(Z[:8], 1.0)
    for weighted, repeated in zip(
        basis.forms(Z, times.astype(float)), basis.forms(np.repeat(Z, times, axis=0)), strict=True
    ):
        np.testing.assert_allclose(weighted, repeated, atol=1e-13)


def test_the_prior_is_the_oscillator():
    """q = N(0, 1) gives H0 = -1/2 lap + z^2/8 - 1/4, levels 0, 1/2, 1, ...: its quantiles give them to 1 %."""
    Z = normal_quantiles(20_000)
    centers = np.linspace(-3.5, 3.5, 30)[:, None]
    levels = rayleigh_ritz(*NormalizedGaussians(centers, 0.4).forms(Z), 4, ground=np.ones(30))
    np.testing.assert_allclose(levels.energies, [0, 0.5, 1, 1.5], atol=0.015)


def test_ritz_energies_fall_as_the_basis_grows():
    Z, _ = mixture(2)
    centers, energies = landmarks(Z, 80, 0), []
    nested = [centers[:20], centers[:40], centers]
    B_full = NormalizedGaussians(centers, 1.5)
    A, B = B_full.forms(Z)
    for part in nested:
        m = len(part)
        energies.append(rayleigh_ritz(A[:m, :m], B[:m, :m], 4).energies.sum())
    assert energies[0] >= energies[1] >= energies[2]


def test_states_are_orthonormal_and_the_ground_state_is_constant():
    Z, _ = mixture(3)
    basis = NormalizedGaussians(landmarks(Z, 60, 0), 1.0)
    A, B = basis.forms(Z)
    levels = rayleigh_ritz(A, B, 6, ground=np.ones(len(basis.centers)))
    C = levels.coefficients
    np.testing.assert_allclose(C.T @ B @ C, np.eye(6), atol=1e-9)
    np.testing.assert_allclose(C.T @ A @ C, np.diag(levels.energies), atol=1e-9)
    np.testing.assert_allclose(basis.apply(Z, C[:, :1]), 1.0, atol=1e-9)


def test_held_out_trace_bounds_the_energies_from_above():
    Z, _ = mixture(2, n=8000)
    train, test = Z[::2], Z[1::2]
    basis = NormalizedGaussians(landmarks(train, 60, 0), 1.5)
    levels = rayleigh_ritz(*basis.forms(train), 4, ground=np.ones(len(basis.centers)))
    A, B = basis.forms(test)
    assert held_out_trace(levels.coefficients, A, B) >= rayleigh_ritz(A, B, 4).energies.sum() - 1e-12


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_energies_are_invariant_under_rigid_motions(dim):
    Z, _ = mixture(3, d=dim)
    Q = ortho_group.rvs(dim, random_state=3) if dim > 1 else -np.eye(1)
    here = LatentSpectrum(n_states=6, random_state=0, n_bootstrap=0).fit(Z)
    there = LatentSpectrum(n_states=6, random_state=0, n_bootstrap=0).fit(Z @ Q + 3.0)
    np.testing.assert_allclose(there.energies_, here.energies_, rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(there.transform(Z @ Q + 3.0), here.transform(Z), atol=1e-5)
    assert (there.labels_ == here.labels_).all()


def test_energies_do_not_depend_on_a_far_origin():
    Z, _ = mixture(2)
    here = LatentSpectrum(n_states=4, random_state=0, n_bootstrap=0).fit(Z)
    there = LatentSpectrum(n_states=4, random_state=0, n_bootstrap=0).fit(Z + 1e8)
    np.testing.assert_allclose(there.energies_, here.energies_, rtol=1e-4, atol=1e-8)


def test_energies_scale_as_inverse_squared_length():
    Z, _ = mixture(2)
    here = LatentSpectrum(n_states=5, random_state=0, n_bootstrap=0).fit(Z)
    there = LatentSpectrum(n_states=5, random_state=0, n_bootstrap=0).fit(10.0 * Z)
    np.testing.assert_allclose(100.0 * there.energies_, here.energies_, rtol=1e-8, atol=1e-10)


def test_two_equal_clusters_are_found():
    """The constant and the odd state of two equal clusters are a stationary point of varimax; it must leave."""
    rng = np.random.default_rng(9)
    Z = np.concatenate([rng.normal(-3, 1, (500, 2)), rng.normal(3, 1, (500, 2))])
    assert LatentSpectrum(n_states=4, random_state=0, n_bootstrap=0).fit(Z).n_clusters_ == 2


@pytest.mark.parametrize("k", [2, 3, 5])
def test_clusters_are_counted_and_found(k):
    from sklearn.metrics import adjusted_rand_score

    Z, labels = mixture(k, seed=k)
    spec = LatentSpectrum(random_state=1, n_bootstrap=5).fit(Z)
    assert spec.n_clusters_ == k
    assert adjusted_rand_score(labels, spec.labels_) > 0.97
    assert (spec.predict(Z) == spec.labels_).all()
    assert spec.energies_[k - 1] < spec.energies_[k] / 5
    assert (np.diff(np.bincount(spec.labels_)) <= 0).all()


@pytest.mark.parametrize("scales", [(1.0, 1.0), (3.0, 1.0, 0.3), (1.0,) * 8])
def test_a_gaussian_is_one_cluster(scales):
    Z = np.random.default_rng(5).standard_normal((2000, len(scales))) * scales
    assert LatentSpectrum(random_state=2, n_bootstrap=0).fit(Z).n_clusters_ == 1


@pytest.mark.parametrize("shape", ["square", "sheet", "arm"])
def test_sheets_and_arms_are_one_cluster(shape):
    """Long and even, or one-sided and curved: separated in kappa (8/pi^2 for a sheet), but with no valley."""
    rng = np.random.default_rng(10)
    x, y = rng.random((2, 2500))
    Z = {"square": np.c_[x, y], "sheet": np.c_[10 * x, y], "arm": np.c_[np.exp(3 * x), 0.1 * (x**2 + y)]}[shape]
    assert LatentSpectrum(random_state=0, n_bootstrap=0).fit(Z).n_clusters_ == 1


def test_sets_with_nothing_between_them_keep_a_constant_ground_state():
    rng = np.random.default_rng(6)
    Z = np.concatenate([rng.normal(c, 0.01, (400, 2)) for c in (-1.0, 0.0, 1.0)])
    spec = LatentSpectrum(n_states=6, random_state=0, n_bootstrap=0).fit(Z)
    assert spec.n_clusters_ == 3
    assert spec.energies_[2] < 1e-6 * spec.energies_[3]
    np.testing.assert_allclose(spec.transform(Z).mean(axis=0), 0.0, atol=1e-8)
    np.testing.assert_allclose(spec.transform(Z).var(axis=0), 1.0, atol=1e-6)


def test_isolated_samples_make_no_level():
    """Twelve samples far away: a low state of their own, set aside and reported."""
    rng = np.random.default_rng(7)
    Z = np.concatenate([rng.standard_normal((1500, 2)), 40 + 0.1 * rng.standard_normal((12, 2))])
    spec = LatentSpectrum(n_states=5, random_state=0, n_bootstrap=0, width=1.0).fit(Z)
    assert [round(o["samples"]) for o in spec.outlier_states_[:1]] == [12]
    assert spec.energies_[1] == pytest.approx(0.5, rel=0.15)
    assert spec.n_clusters_ == 1


def test_duplicated_points_and_constant_columns_change_nothing_essential():
    Z, _ = mixture(2)
    doubled = np.column_stack([np.concatenate([Z, Z[:500]]), np.full(2500, 7.0)])
    spec = LatentSpectrum(random_state=0, n_bootstrap=0).fit(doubled)
    assert spec.n_clusters_ == 2
    assert np.isfinite(spec.transform(doubled)).all()


def test_states_are_bounded_and_points_outside_are_flagged():
    Z, _ = mixture(2)
    spec = LatentSpectrum(n_states=4, random_state=0, n_bootstrap=0).fit(Z)
    far = np.full((3, 3), 1e4)
    assert np.abs(spec.transform(far)).max() <= np.abs(spec.coefficients_).max()
    assert spec.is_outside(far).all()
    assert spec.is_outside(Z).mean() == pytest.approx(0.01, abs=0.005)


def test_bootstrap_errors_are_of_the_size_of_the_spread_over_fresh_samples():
    rng, fits = np.random.default_rng(8), []
    for _ in range(12):
        labels = rng.integers(0, 2, 1500)
        Z = np.where(labels, -2.0, 2.0)[:, None] * [1.0, 0.0] + rng.standard_normal((1500, 2))
        fits.append(LatentSpectrum(n_states=3, random_state=0, width=2.0, n_bootstrap=10).fit(Z))
    error = np.mean([fit.energies_error_[1] for fit in fits])
    assert 0.3 < error / np.std([fit.energies_[1] for fit in fits], ddof=1) < 3.0
