"""Laws of distances and angles: isometries are found, their nulls are not, and angles have the statistics of chance."""

import math

import numpy as np
import pytest
from scipy.stats import kstest, ortho_group
from sklearn.metrics import roc_auc_score

from zeeman.information import (
    block_diagonality,
    branch_directions,
    branch_distances,
    cosine_similarity,
    first_moment_mmd,
    isometry,
    orthogonality,
    regression_directions,
)

LABELS = np.repeat(["P+", "P-", "PM", "A+", "A-"], 80)
CENTRES = {"P+": (2.0, 0.0), "P-": (-2.0, 0.0), "PM": (0.0, 0.0), "A+": (0.0, 1.5), "A-": (0.0, -1.5)}


def branches(seed=0, noise=0.1):
    """A code of five branches, (sample, 2)."""
    rng = np.random.default_rng(seed)
    return np.array([CENTRES[label] for label in LABELS]) + noise * rng.standard_normal((len(LABELS), 2))


def embedded(Z, scale=7.0, sites=30):
    """Return an exact isometry of Z into more dimensions, up to `scale`."""
    return scale * Z @ ortho_group.rvs(sites, random_state=0)[:2]


def test_the_discrepancy_is_the_largest_over_c():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(50, 4, 4)), rng.normal(size=(70, 4, 4)) + 0.3
    gap = X.mean(0) - Y.mean(0)
    sup = max(c * np.linalg.norm(gap) for c in np.linspace(0, 1, 101))
    assert first_moment_mmd(X, Y) == pytest.approx(sup)
    assert first_moment_mmd(X, Y) == first_moment_mmd(Y, X)
    assert first_moment_mmd(X, X) == 0.0


def test_the_discrepancy_of_magnetised_spins_is_the_magnetisation():
    """<s> = m at every site: branches m and -m are 2 m sqrt(N) apart."""
    rng, m, sites = np.random.default_rng(0), 0.6, 64
    up, down = (np.where(rng.random((4000, sites)) < (1 + sign * m) / 2, 1, -1) for sign in (1, -1))
    floor = sites * (1 - m**2) * 2 / 4000  # of the square, from finite sets
    assert first_moment_mmd(up, down) ** 2 == pytest.approx(4 * m**2 * sites + floor, rel=0.02)


def test_an_exact_isometry_is_found_with_its_scale():
    Z = branches()
    found = isometry(embedded(Z), Z, LABELS)
    assert found.branches == ("A+", "A-", "P+", "P-", "PM")
    assert found.scale == pytest.approx(1 / 7)
    assert found.residual < 1e-12
    np.testing.assert_allclose(found.ratios, 1.0)
    assert found.p_value < 0.002
    np.testing.assert_allclose(found.latent, branch_distances(Z, LABELS)[1])


def test_isometry_does_not_see_rotation_shift_or_scale():
    Z, X = branches(), embedded(branches(1)) ** 3
    reference = isometry(X, Z, LABELS)
    moved = isometry(X + 5.0, 3.0 * Z @ ortho_group.rvs(2, random_state=3) + 1.0, LABELS)
    assert moved.residual == pytest.approx(reference.residual)
    assert moved.scale == pytest.approx(3 * reference.scale)
    assert moved.p_value == reference.p_value


@pytest.mark.parametrize("null", ["codes", "labels"])
def test_a_code_without_knowledge_is_no_better_than_its_null(null):
    X = embedded(branches())
    p_values = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        if null == "codes":
            places = dict(zip(CENTRES, rng.standard_normal((5, 2)), strict=True))
            Z = np.array([places[label] for label in LABELS])
        else:
            Z = rng.standard_normal((len(LABELS), 2))
        p_values.append(isometry(X, Z, LABELS, null=null, n_draws=99, random_state=seed).p_value)
    assert kstest(p_values, "uniform").pvalue > 1e-4


def test_order_parameters_along_the_axes_are_orthogonal():
    rng, Z = np.random.default_rng(0), branches()
    names, directions, r2 = regression_directions(
        Z, {"m": 3 * Z[:, 0] + 1, "ms": -Z[:, 1], "noise": rng.normal(size=400)}
    )
    assert names == ("m", "ms", "noise")
    np.testing.assert_allclose(np.abs(directions[:2]), np.eye(2), atol=1e-12)
    np.testing.assert_allclose(r2[:2], 1.0)
    assert r2[2] < 0.05
    found = orthogonality(directions[:2], names[:2])
    assert found.cosine[0, 1] == pytest.approx(0, abs=1e-12)
    assert found.p_value[0, 1] < 1e-6
    assert found.null_mean == pytest.approx(2 / math.pi)


def test_branch_differences_point_along_the_order_parameters():
    names, directions = branch_directions(branches(noise=0.0), LABELS, {"FM": ("P+", "P-"), "AFM": ("A+", "A-")})
    assert names == ("FM", "AFM")
    np.testing.assert_allclose(directions, np.eye(2), atol=1e-12)


@pytest.mark.parametrize("dim", [2, 3, 8])
def test_the_null_of_angles_is_that_of_random_directions(dim):
    rng = np.random.default_rng(dim)
    found = orthogonality(rng.standard_normal((300, dim)))
    fixed = found.cosine[0, 1:], found.p_value[0, 1:]
    assert abs(fixed[0].mean() - found.null_mean) < 5 * fixed[0].std() / math.sqrt(299)
    assert kstest(fixed[1], "uniform").pvalue > 1e-4


def test_in_one_latent_all_directions_are_parallel():
    found = orthogonality([[2.0], [-0.1]])
    assert found.cosine.tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert found.p_value[0, 1] == 1.0
    assert found.null_mean == pytest.approx(1.0)


def test_the_cosine_matrix_is_ordered_by_label():
    Z = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0], [0.0, 0.0]])
    found = cosine_similarity(Z, ["b", "a", "b", "a"])
    assert found.order.tolist() == [1, 3, 0, 2]
    assert found.labels.tolist() == ["a", "a", "b", "b"]
    assert found.matrix.tolist() == [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]
    assert cosine_similarity(Z).order.tolist() == [0, 1, 2, 3]


def test_centring_is_a_choice_that_matters():
    Z = branches() + 50.0
    assert cosine_similarity(Z, LABELS).matrix.min() > 0.99
    assert cosine_similarity(Z, LABELS, centred=True).matrix.min() < -0.9


def test_blocks_of_a_tetrahedron():
    """Four vertices: cosines 1 within and -1/3 between, every pair told apart."""
    vertices = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / math.sqrt(3)
    labels = np.repeat(np.arange(4), 10)
    found = block_diagonality(np.repeat(vertices, 10, axis=0), labels)
    np.testing.assert_allclose(found.blocks, np.full((4, 4), -1 / 3) + np.eye(4) * 4 / 3)
    assert found.contrast == pytest.approx(4 / 3)
    assert (found.within, found.between, found.auc) == (pytest.approx(1.0), pytest.approx(-1 / 3), 1.0)
    assert found.p_value == pytest.approx(1 / 201)
    assert abs(found.null_contrast.mean()) < 5 * found.null_contrast.std() / math.sqrt(200)
    assert abs(found.null_auc.mean() - 0.5) < 5 * found.null_auc.std() / math.sqrt(200)


def test_blocks_are_those_of_a_slow_oracle():
    Z = branches(noise=1.0)[::4] + 0.3
    labels = LABELS[::4]
    found, C = block_diagonality(Z, labels), cosine_similarity(Z).matrix
    pairs = np.triu_indices(len(Z), 1)
    same = labels[pairs[0]] == labels[pairs[1]]
    assert found.within == pytest.approx(C[pairs][same].mean())
    assert found.between == pytest.approx(C[pairs][~same].mean())
    assert found.auc == pytest.approx(roc_auc_score(same, C[pairs]))


def test_labels_without_meaning_make_no_blocks():
    rng = np.random.default_rng(0)
    p_values = [
        block_diagonality(rng.normal(size=(60, 3)), rng.integers(0, 3, 60), n_draws=99, random_state=i).p_value
        for i in range(40)
    ]
    assert kstest(p_values, "uniform").pvalue > 1e-4
