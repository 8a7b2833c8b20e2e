"""Laws of states that mixtures propose: forms, valleys, counting where sets overlap or are stretched."""

import tracemalloc

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import make_moons
from sklearn.metrics import adjusted_rand_score

from zeeman import LatentSpectrum
from zeeman.hamiltonians import Combined, NormalizedGaussians, NormalizedMixture, Shifted, fit_mixture, rayleigh_ritz
from zeeman.spectrum.localized import localize
from zeeman.spectrum.valleys import along, dip


def some_mixture(rng, k=3, d=3):
    axes = rng.standard_normal((k, d, d))
    return NormalizedMixture(
        rng.dirichlet(np.ones(k)), rng.standard_normal((k, d)), axes @ axes.transpose(0, 2, 1) + np.eye(d), (1.0, 2.0)
    )


@pytest.mark.parametrize("made_of", ["mixture", "combined", "shifted"])
def test_gradients_and_forms_are_those_of_the_values(made_of):
    rng = np.random.default_rng(0)
    mixture = some_mixture(rng)
    basis = {
        "mixture": mixture,
        "combined": Combined(mixture, rng.standard_normal((mixture.n_functions, 2))),
        "shifted": Shifted(mixture, rng.standard_normal(3)),
    }[made_of]
    Z, step = rng.standard_normal((50, 3)), 1e-5
    numeric = np.stack([(basis(Z + step * e) - basis(Z - step * e)) / (2 * step) for e in np.eye(3)])
    np.testing.assert_allclose(basis.gradients(Z), numeric, atol=1e-8)
    weights = rng.uniform(size=50)
    A, B = basis.forms(Z, weights)
    share = weights / weights.sum()
    np.testing.assert_allclose(A, 0.5 * np.einsum("n,dni,dnj->ij", share, numeric, numeric), atol=1e-7)
    np.testing.assert_allclose(B, np.einsum("n,ni,nj->ij", share, basis(Z), basis(Z)), atol=1e-12)
    np.testing.assert_allclose(basis.apply(Z, np.eye(basis.n_functions)), basis(Z), atol=1e-12)


def test_every_width_of_a_mixture_is_a_partition_of_unity_however_far_out():
    rng = np.random.default_rng(1)
    values = some_mixture(rng)(1e6 * rng.standard_normal((20, 3)))
    np.testing.assert_allclose(values.reshape(20, 2, 3).sum(axis=2), 1.0, atol=1e-12)


def test_few_functions_of_a_mixture_lie_below_many_landmarks():
    """Four overlapping Gaussians in six dimensions: the held-out levels of the mixture are nearer to the truth."""
    rng = np.random.default_rng(2)
    centers = 3.5 * np.eye(4, 6)
    train, test = (centers[rng.integers(0, 4, 1500)] + rng.standard_normal((1500, 6)) for _ in range(2))
    from zeeman.hamiltonians import held_out_trace, landmarks

    mixture = fit_mixture(train, 4, seed=0)
    points = landmarks(train, 150, 0)
    spots = NormalizedGaussians(points, np.median(np.sort(np.linalg.norm(points[:, None] - points, axis=2))[:, 1]))
    traces = []
    for basis in (mixture, spots):
        levels = rayleigh_ritz(*basis.forms(train), 4, ground=basis.constant)
        traces.append(held_out_trace(levels.coefficients, *basis.forms(test)))
    assert traces[0] < 0.9 * traces[1]


@pytest.mark.parametrize(("apart", "sign"), [(6.0, 1), (0.0, -1)])
def test_a_dip_is_positive_between_two_sets_and_negative_inside_one(apart, sign):
    rng = np.random.default_rng(3)
    Z = rng.standard_normal((4000, 3))
    Z[:2000, 0] += apart
    low = Z[:, 0] < np.median(Z[:, 0])
    assert sign * dip(Z[low], Z[~low]) > 0.05


def test_overlapping_sets_are_counted_where_no_deep_valley_is_left():
    rng = np.random.default_rng(4)
    centers = 3.3 / np.sqrt(2) * np.eye(5)
    labels = rng.integers(0, 5, 3000)
    Z = centers[labels] + rng.standard_normal((3000, 5))
    spec = LatentSpectrum(random_state=0, n_bootstrap=4).fit(Z)
    assert spec.n_clusters_ == 5
    kmeans = adjusted_rand_score(labels, KMeans(5, n_init=3, random_state=0).fit_predict(Z))
    assert adjusted_rand_score(labels, spec.labels_) > kmeans - 0.01
    assert max(spec.n_clusters_frequency_, key=spec.n_clusters_frequency_.get) == 5


@pytest.mark.parametrize("seed", [0, 1])
def test_many_sets_far_apart_are_counted_whatever_mixture_stands_beside(seed):
    """Seven Gaussians fitted to eight sets are a bad null: its draws scatter downwards, which says nothing of a cut."""
    centers = np.array([[x, y] for x in (0, 8, 16, 24) for y in (0, 8)], dtype=float)
    rng = np.random.default_rng(1)
    Z = centers[rng.choice(8, 1500)] + rng.normal(size=(1500, 2))
    spectrum = LatentSpectrum(10, random_state=seed).fit(Z)
    assert spectrum.n_clusters_ == 8
    assert spectrum.separation_threshold_[8] < spectrum.separation_[8] <= 1.0


def test_even_shapes_are_not_cut_by_a_mixture():
    """Half of an even sheet is no set: between the two the density has as often a valley as a hill."""
    for seed in range(2):
        rng = np.random.default_rng(seed)
        sheet = rng.uniform(-1, 1, (1500, 2)) * [8, 1]
        assert LatentSpectrum(10, random_state=seed).fit(sheet).n_clusters_ == 1
        corners = 3.0 * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])[rng.integers(0, 4, 1500)]
        squares = corners + rng.uniform(-1, 1, (1500, 2))
        assert LatentSpectrum(10, random_state=seed).fit(squares).n_clusters_ == 4


def test_stretched_sets_are_told_apart_though_moving_along_them_costs_less():
    """Two cigars side by side: the lowest level runs along them, the one that parts them lies above."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 3000)
    Z = rng.standard_normal((3000, 3)) * [8.0, 1.0, 1.0] + 4.5 * labels[:, None] * [0.0, 1.0, 0.0]
    spec = LatentSpectrum(n_states=6, random_state=0, n_bootstrap=0).fit(Z)
    assert spec.n_clusters_ == 2
    assert adjusted_rand_score(labels, spec.labels_) > 0.9
    assert adjusted_rand_score(labels, KMeans(2, n_init=3, random_state=0).fit_predict(Z)) < 0.1
    assert spec.inner_states_
    assert all(state["energy"] < spec.energies_[1] for state in spec.inner_states_)
    assert (np.diff(spec.energies_) >= 0).all()


def test_bent_sets_are_left_to_the_landmarks():
    Z, labels = make_moons(2000, noise=0.07, random_state=0)
    spec = LatentSpectrum(random_state=0, n_bootstrap=0).fit(Z)
    assert spec.n_clusters_ == 2
    assert adjusted_rand_score(labels, spec.labels_) > 0.97


def ring(turns, noise, n, seed):
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi * turns, n)
    return np.c_[np.cos(angle), np.sin(angle)] + noise * rng.standard_normal((n, 2))


@pytest.mark.parametrize(("turns", "noise", "n"), [(1.0, 0.1, 3000), (1.0, 0.3, 1500), (0.75, 0.1, 3000)])
def test_a_ring_or_an_arc_is_one_set(turns, noise, n):
    """A line between two arcs crosses an empty middle; along the samples nothing is crossed."""
    spec = LatentSpectrum(random_state=0, n_states=6, n_bootstrap=0).fit(ring(turns, noise, n, seed=0))
    assert spec.n_clusters_ == 1


def test_sets_on_a_ring_are_still_counted():
    rng = np.random.default_rng(0)
    corner = rng.integers(0, 6, 4000) * np.pi / 3
    Z = 2.6 * np.c_[np.cos(corner), np.sin(corner)] + 0.5 * rng.standard_normal((4000, 2))
    assert LatentSpectrum(random_state=0, n_states=8, n_bootstrap=0).fit(Z).n_clusters_ == 6


@pytest.mark.parametrize("apart", [0.0, 3.0, 4.0])
def test_density_halfway_along_two_gaussians(apart):
    """Cut by the plane between them, where the density is 2 exp(-apart^2/8) of one."""
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((20_000, 2))
    Z[:, 0] += apart * (rng.integers(0, 2, len(Z)) - 0.5)
    x = np.clip(Z[:, 0], -3, 3)
    localized = np.stack([-x, x], axis=1)
    side = np.median(np.abs(x))
    expected = density(0.0, apart) / density(side, apart)
    assert abs(along(Z, localized, (x > 0).astype(int)) - expected) < 0.15


def test_density_halfway_is_told_of_small_sets_in_large_ones():
    rng = np.random.default_rng(0)
    Z = np.concatenate([rng.standard_normal((50_000, 2)), rng.normal([8.0, 0.0], 1.0, (60, 2))])
    labels = np.repeat([0, 1], [50_000, 60])
    x = np.clip(Z[:, 0] / 4 - 1, -1, 1)
    assert 0.0 < along(Z, np.stack([-x, x], axis=1), labels) < np.inf
    assert along(Z[:50_010], np.stack([-x, x], axis=1)[:50_010], labels[:50_010]) == 0.0


def density(x, apart):
    return np.exp(-((x - apart / 2) ** 2) / 2) + np.exp(-((x + apart / 2) ** 2) / 2)


def test_many_samples_are_localized_in_little_memory():
    few = np.linalg.qr(np.random.default_rng(5).standard_normal((3000, 12)))[0] * np.sqrt(3000)
    many = np.tile(few, (20, 1))
    tracemalloc.start()
    rotation = localize(many)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * many.nbytes  # all products at once are 12
    np.testing.assert_allclose(rotation, localize(few), atol=1e-6)


def test_localized_states_and_couplings_are_the_hamiltonian_of_the_clusters():
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 3, 2000)
    Z = 4.5 * np.array([[0, 0], [1, 0], [3, 0]])[labels] + rng.standard_normal((2000, 2))
    spec = LatentSpectrum(random_state=0, n_bootstrap=0).fit(Z)
    states = spec.localize(Z)
    np.testing.assert_allclose(states.T @ states / len(Z), np.eye(3), atol=1e-8)
    assert (np.argmax(states, axis=1) == spec.labels_).all()
    np.testing.assert_allclose(np.linalg.eigvalsh(spec.couplings_), spec.energies_[:3], atol=1e-12)
    # neighbours couple, clusters far apart do not
    place = {c: np.mean(Z[spec.labels_ == c, 0]) for c in range(3)}
    near, middle, far = sorted(place, key=place.get)
    assert abs(spec.couplings_[near, middle]) > 10 * abs(spec.couplings_[near, far])


def test_a_large_set_is_judged_by_as_many_samples_as_a_small_one():
    """Folds and fits look at a few thousand samples each, the same ones, however many there are."""
    rng = np.random.default_rng(7)
    labels = rng.integers(0, 4, 60_000)
    Z = 3.3 / np.sqrt(2) * np.eye(4)[labels] + rng.standard_normal((60_000, 4))
    spec = LatentSpectrum(n_states=6, random_state=0, n_bootstrap=0).fit(Z)
    assert spec.n_clusters_ == 4
    assert adjusted_rand_score(labels, spec.labels_) > 0.68  # the best that can be told: 0.71


def test_a_mixture_of_more_components_than_samples_can_tell_has_fewer():
    Z = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0]])[np.arange(60) % 3]
    mixture = fit_mixture(Z, 5, seed=0)
    assert len(mixture.means) == 3
    assert np.isfinite(mixture.covariances).all()


@pytest.mark.parametrize(("n", "dim"), [(50, 1), (50, 2), (100, 1)])
def test_few_samples_of_one_gaussian_are_one_set(n, dim):
    found = [
        LatentSpectrum(random_state=seed, n_bootstrap=0).fit(np.random.default_rng(seed).normal(size=(n, dim)))
        for seed in range(6)
    ]
    assert sum(spectrum.n_clusters_ > 1 for spectrum in found) <= 1


@pytest.mark.parametrize("n", [30, 60])
def test_few_samples_of_three_sets_far_apart_are_three(n):
    centers = np.array([[0.0, 0.0], [7.0, 0.0], [3.5, 6.0]])
    found = []
    for seed in range(4):
        Z = centers[np.arange(n) % 3] + np.random.default_rng(seed).normal(size=(n, 2))
        found.append(LatentSpectrum(random_state=seed, n_bootstrap=0).fit(Z).n_clusters_)
    assert found.count(3) >= 3


def test_a_few_samples_far_away_are_no_set():
    rng = np.random.default_rng(5)
    Z = np.concatenate([rng.normal(size=(296, 2)), [[9.0, 9.0]] + rng.normal(size=(4, 2)) / 4])
    spectrum = LatentSpectrum(random_state=0, n_bootstrap=0).fit(Z)
    assert spectrum.n_clusters_ == 1
