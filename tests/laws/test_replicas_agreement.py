"""Laws of the measures of agreement: what each claims not to see, and what it gives where the answer is known."""

import numpy as np
import pytest
from scipy.stats import ortho_group

from zeeman.replicas import MEASURES, agreement, pairwise
from zeeman.replicas.correlated import matched_correlation, ordered_correlation, udr, udr_pair
from zeeman.replicas.maps import affine_r2, procrustes_r2, smooth_r2
from zeeman.replicas.posteriors import (
    Posterior,
    active_units,
    gaussian_wasserstein,
    kl_per_dimension,
    participation_rank,
    use_of_latents,
)
from zeeman.replicas.structure import ami, ari, mutual_neighbours, spectral_distance
from zeeman.replicas.subspaces import canonical_correlations, linear_cka, principal_cosines, projector_overlap

CODES = [name for name, measure in MEASURES.items() if measure.of == "codes"]
Q = ortho_group.rvs(3, random_state=1)
MOVES = {
    "shift": lambda z: z + np.array([3.0, -1.0, 0.5]),
    "scale": lambda z: 2.5 * z,
    "signs": lambda z: z[:, [2, 0, 1]] * [1.0, -1.0, -1.0],
    "rotation": lambda z: z @ Q,
    "stretch": lambda z: z * [0.3, 1.0, 2.0],
    "affine": lambda z: z @ np.array([[1.0, 0.4, 0.0], [0.0, 0.7, -0.9], [0.3, 0.0, 1.5]]),
    "monotone": lambda z: np.sinh(1.5 * z) + z,
}


def pair(n=300, seed=0):
    """Two codes that agree in part: correlated, unequal axes, neither Gaussian."""
    rng = np.random.default_rng(seed)
    a = (rng.standard_normal((n, 3)) + rng.choice([-1.5, 1.5], (n, 1))) * [1.4, 1.0, 0.6]
    b = 0.8 * a @ [[1.0, 0.3, 0.0], [0.2, 0.9, 0.4], [0.0, -0.5, 1.1]] + 0.2 * a**2 + 0.4 * rng.standard_normal((n, 3))
    return a, b


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("name", CODES)
def test_a_measure_sees_exactly_the_moves_that_it_says(name, move):
    (a, b), measure = pair(), MEASURES[name]
    tolerance = 2e-3 if name == "udr_lasso" else 1e-8  # coordinate descent stops early
    change = abs(measure(a, MOVES[move](b)) - measure(a, b))
    if move in measure.unchanged_by:
        assert change < tolerance
    else:
        assert change > 1e-4
    if move in measure.forgives:
        assert measure(a, MOVES[move](a)) == pytest.approx(measure(a, a), abs=tolerance)


@pytest.mark.parametrize("name", CODES)
def test_a_measure_is_symmetric_within_its_range_and_best_for_equals(name):
    (a, b), measure = pair(), MEASURES[name]
    value = measure(a, b)
    low, high = measure.range
    assert low <= value <= high
    assert measure(b, a) == pytest.approx(value, abs=1e-9)
    assert measure(a, a) >= value
    if not name.startswith("udr"):  # which asks for independent axes besides, and whose lasso shrinks
        assert measure(a, a) == pytest.approx(high, abs=1e-9)


@pytest.mark.parametrize("name", CODES)
def test_collapsed_dimensions_and_single_precision_are_fine(name):
    (a, b), measure = pair(), MEASURES[name]
    single = measure(a.astype(np.float32), b.astype(np.float32))
    assert single == pytest.approx(measure(a, b), abs=2e-3)
    collapsed = [np.column_stack([z[:, :2], np.full(len(z), 0.7), z[:, 2]]) for z in (a, b)]
    assert np.isfinite(measure(*collapsed))
    assert measure(*collapsed) == pytest.approx(measure(a, b), abs=1e-6)
    assert np.isfinite(measure(collapsed[0], b))


def test_moves_of_labels_energies_and_posteriors():
    rng = np.random.default_rng(2)
    labels, other = rng.integers(0, 4, (2, 200))
    for measure in (ari, ami):
        assert measure(labels, np.array([7, 3, 9, 1])[labels]) == pytest.approx(1.0)
        assert measure(labels, np.array([7, 3, 9, 1])[other]) == pytest.approx(measure(labels, other), abs=1e-12)
    energies = np.array([0.0, 0.1, 0.5, 2.0])
    assert spectral_distance(energies, 7.0 * energies) == pytest.approx(0.0, abs=1e-12)
    two = energies * [1.0, 1.1, 1.0, 1.0]
    assert spectral_distance(energies, two) == pytest.approx(np.log(1.1) * np.sqrt(2) / 3)
    a, b = pair()
    p, q = (Posterior(z, 0.2 + rng.random(z.shape)) for z in (a, b))
    value = gaussian_wasserstein(p, q)
    assert gaussian_wasserstein(q, p) == pytest.approx(value, rel=0.02)  # fitted the other way round
    for moved in (
        q.rotated(Q),
        Posterior(q.mean + 2.0, q.scale),
        Posterior(q.mean[:, ::-1] * [1, -1, 1], q.scale[:, ::-1]),
    ):
        assert gaussian_wasserstein(p, moved) == pytest.approx(value, abs=1e-6)
    assert gaussian_wasserstein(p, p.rotated(Q)) == pytest.approx(0.0, abs=1e-6)


def test_wasserstein_of_equal_means_is_that_of_the_widths():
    rng = np.random.default_rng(3)
    mean = rng.standard_normal((400, 2)) * [6.0, 3.0]  # so spread that the means fix the frame
    s, t = 0.1 + 0.3 * rng.random((2, 400, 2))
    expected = np.sqrt(((s - t) ** 2).sum(axis=1).mean())
    assert gaussian_wasserstein((mean, s), (mean, t)) == pytest.approx(expected, rel=1e-2)
    assert gaussian_wasserstein((mean, s), (mean, t)) >= expected * (1 - 1e-9)


def test_widths_align_what_the_means_leave_free():
    rng = np.random.default_rng(4)
    mean = np.column_stack([rng.standard_normal(300), np.zeros((300, 2))])
    scale = np.column_stack([np.full(300, 0.1), 0.2 + rng.random(300), 1.5 + rng.random(300)])
    p = Posterior(mean, scale)
    assert gaussian_wasserstein(p, Posterior(mean[:, [0, 2, 1]], scale[:, [0, 2, 1]])) == pytest.approx(0.0, abs=1e-3)


def test_unrelated_codes_agree_by_chance_only():
    n, d, rng = 2000, 4, np.random.default_rng(5)
    a, b = rng.standard_normal((2, n, d))
    values = agreement(a, b)
    assert values["ordered_correlation"] == pytest.approx(np.sqrt(2 / np.pi / n), abs=5 / np.sqrt(n * d))
    assert abs(values["cca"]) < 5 / np.sqrt(n)
    assert values["affine_r2"] == pytest.approx(-2 * d / n, abs=5 * 2 * d / n)
    assert values["smooth_r2"] < 0.01
    assert values["procrustes_r2"] == pytest.approx(-1.0, abs=0.1)
    assert values["mutual_neighbours"] == pytest.approx(10 / (n - 1), abs=5 * np.sqrt(10 / n / 1e4))
    assert values["linear_cka"] < 5 * d / n


def test_noise_has_the_r2_of_closed_form():
    """b = a Q + noise on both: correlation rho = 1/(1 + s^2) gives R^2 = rho^2 (affine) and 2 rho - 1 (rotation)."""
    rng, n, s = np.random.default_rng(6), 20_000, 0.5
    z = rng.standard_normal((n, 3))
    a, b = z + s * rng.standard_normal((n, 3)), z @ Q + s * rng.standard_normal((n, 3))
    rho = 1 / (1 + s**2)
    assert affine_r2(a, b) == pytest.approx(rho**2, abs=0.02)
    assert smooth_r2(a, b) == pytest.approx(rho**2, abs=0.02)
    assert procrustes_r2(a, b) == pytest.approx(2 * rho - 1, abs=0.02)
    assert procrustes_r2(a, b, scale=True) == pytest.approx(rho**2, abs=0.02)
    np.testing.assert_allclose(canonical_correlations(a, b), rho, atol=0.02)


def test_a_warp_is_seen_by_the_smooth_map_alone():
    z = np.random.default_rng(7).standard_normal((2000, 2))
    bent = np.column_stack([z[:, 0], z[:, 1] + 0.8 * (z[:, 0] ** 2 - 1)])
    assert affine_r2(z, bent) < 0.8
    assert smooth_r2(z, bent) > 0.98


def test_given_folds_are_used():
    a, b = pair()
    halves = np.arange(150), np.arange(150, 300)
    one_way, other_way = (affine_r2(a, b, folds=[f]) for f in (halves, halves[::-1]))
    both = affine_r2(a, b, folds=[halves, halves[::-1]])
    assert min(one_way, other_way) < both < max(one_way, other_way)
    assert affine_r2(a, b, seed=1) != affine_r2(a, b, seed=2)
    assert affine_r2(a, b, seed=1) == affine_r2(a, b, seed=1)


def test_principal_angles_are_the_angles():
    rng = np.random.default_rng(8)
    basis = np.linalg.qr(rng.standard_normal((200, 5)) - 0.0)[0]
    basis -= basis.mean(axis=0)
    basis = np.linalg.qr(basis)[0]
    angle = 0.4
    tilted = np.column_stack([basis[:, 0], np.cos(angle) * basis[:, 1] + np.sin(angle) * basis[:, 3]])
    np.testing.assert_allclose(principal_cosines(basis[:, :2], tilted), [1.0, np.cos(angle)], atol=1e-12)
    assert projector_overlap(basis[:, :2], tilted) == pytest.approx((1 + np.cos(angle) ** 2) / 2)
    assert projector_overlap(basis[:, :1], basis[:, :2]) == pytest.approx(0.5)


def test_what_a_training_uses_of_its_latents():
    rng = np.random.default_rng(9)
    mean = rng.standard_normal((5000, 4)) * [1.0, 1.0, 0.3, 0.01]
    scale = np.sqrt([0.1, 0.1, 0.9, 1.0]) * np.ones((5000, 1))
    used = use_of_latents(mean, scale)
    assert used["active_units"] == active_units(mean) == 3
    variance = mean.var(axis=0) + mean.mean(axis=0) ** 2
    np.testing.assert_allclose(
        kl_per_dimension(mean, scale), 0.5 * (variance + scale[0] ** 2 - 1 - np.log(scale[0] ** 2))
    )
    assert used["kl"] == pytest.approx(kl_per_dimension(mean, scale).sum())
    assert participation_rank(mean @ ortho_group.rvs(4, random_state=0)) == pytest.approx(participation_rank(mean))
    white = np.linalg.qr(rng.standard_normal((100, 3)) * [1, 1, 1])[0]
    white = np.linalg.qr(white - white.mean(axis=0))[0]
    assert participation_rank(white) == pytest.approx(3.0)


def test_ranking_of_disentanglement_prefers_the_run_with_the_common_axes():
    rng = np.random.default_rng(10)
    z = rng.standard_normal((1000, 4))
    codes = [z, z[:, ::-1] * 2, -z[:, [1, 0, 3, 2]], z @ ortho_group.rvs(4, random_state=3)]
    for method, perfect in (("spearman", 1.0), ("lasso", 0.9)):
        scores = udr(codes, method=method)
        assert scores.argmin() == 3
        np.testing.assert_allclose(scores[:3], perfect, atol=0.15)  # spurious correlations enter the sums
    kl = np.array([[1.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 1.0]])
    assert udr(codes[:2], kl=kl)[0] == udr_pair(codes[0][:, :3], codes[1][:, 1:])


def test_pairwise_is_the_table_of_pairs():
    a, b = pair()
    table = pairwise([a, b, a @ Q], "linear_cka")
    assert table.shape == (3, 3)
    np.testing.assert_allclose(table, table.T)
    assert table[0, 1] == linear_cka(a, b)
    assert table[0, 2] == pytest.approx(1.0)
    assert pairwise(np.stack([a, b]), MEASURES["matched_correlation"])[0, 1] == matched_correlation(a, b)


def test_signs_and_order_are_what_matching_forgives():
    a, _ = pair()
    moved = MOVES["signs"](a)
    assert matched_correlation(a, moved) == pytest.approx(1.0)
    assert ordered_correlation(a, moved) < 0.9
    assert matched_correlation(a, moved[:, :2]) == pytest.approx(2 / 3)
    assert mutual_neighbours(a, moved, n_neighbors=5) == pytest.approx(1.0)


@pytest.mark.parametrize("dim", [2, 20])  # found by a tree, and by products
@pytest.mark.parametrize(("points", "copies"), [(20, 15), (5, 200), (100, 3)])
def test_duplicates_do_not_confuse_neighbours(points, copies, dim):
    rng = np.random.default_rng(11)
    a = np.repeat(rng.standard_normal((points, dim)), copies, axis=0)
    assert mutual_neighbours(a, a @ ortho_group.rvs(dim, random_state=0) + 3.0) == pytest.approx(1.0, abs=1e-9)
    chance = 10 / (len(a) - 1)
    assert mutual_neighbours(a, rng.standard_normal(a.shape)) == pytest.approx(chance, abs=5 * np.sqrt(chance / 1e3))


def test_a_list_cut_among_its_zeros_has_a_distance():
    assert spectral_distance([0, 0, 0, 1.0], [0, 1, 2.0]) == pytest.approx(np.log(2) / 2)


@pytest.mark.parametrize("seed", [None, np.random.default_rng(0)], ids=["none", "generator"])
def test_every_pair_is_judged_on_the_same_halves(seed):
    a, b = pair(40)
    table = pairwise([a, b, b], "affine_r2", seed=seed)
    assert table[0, 1] == table[0, 2]


def test_a_code_that_mostly_repeats_still_has_a_smooth_map():
    rng = np.random.default_rng(12)
    z = rng.standard_normal((1000, 2)) * (rng.random((1000, 1)) < 0.25)
    assert smooth_r2(z, np.column_stack([z[:, 0], z[:, 1] + z[:, 0] ** 2])) > 0.9
