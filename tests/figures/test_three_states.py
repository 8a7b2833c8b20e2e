"""Paper 002, Fig. 5: the measures on arrangements whose numbers are known, the source, and the smallest run."""

import numpy as np
import pytest
from figure_contract import check_figure

from zeeman.data.synthetic import THREE_STATE_PHASES, THREE_STATE_PROBABILITIES, three_states
from zeeman.studies.figures import three_states as figure
from zeeman.studies.figures._cosines import block_contrast, block_means, permuted_contrasts
from zeeman.studies.figures._three_states_optimum import best_codes

TETRAHEDRON = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], float)
ANGLES = 2 * np.pi * np.arange(3) / 3
PLANAR = np.concatenate([np.zeros((1, 3)), np.stack([np.cos(ANGLES), np.sin(ANGLES), 0 * ANGLES], axis=1)])


def rotated(points, seed=0):
    Q = np.linalg.qr(np.random.default_rng(seed).standard_normal((points.shape[1],) * 2))[0]
    return points @ Q + 3.0


def test_a_regular_tetrahedron_is_regular_and_a_planar_one_is_flat_in_any_frame():
    assert figure.regularity(rotated(TETRAHEDRON)) == pytest.approx(1)
    assert figure.regularity(rotated(PLANAR)) == pytest.approx(0, abs=1e-12)
    assert np.ptp(figure.edges(rotated(TETRAHEDRON))) < 1e-12
    np.testing.assert_allclose(figure.edges(PLANAR), [1, 1, 1, *[np.sqrt(3)] * 3])


def test_polarized_phases_on_a_line_with_pm_across_it():
    cross = np.array([[2.0, 0.5], [0, -1], [0, 0], [0, 2.5]])
    assert figure.flatness(rotated(cross)) == pytest.approx(0, abs=1e-9)
    assert figure.angle_across(rotated(cross)) == pytest.approx(90)
    along = np.array([[0.0, 9.0], [0, -1], [0, 0], [0, 1]])
    assert figure.angle_across(rotated(along)) == pytest.approx(0, abs=1e-5)
    assert figure.flatness(PLANAR[:, :2]) == pytest.approx(1)


def test_shares_of_decoded_phases():
    near = THREE_STATE_PROBABILITIES + 0.04 * np.array([1, -1, 0])
    far = np.array([[0.6, 0.2, 0.2], [0.5, 0.5, 0.0]])
    np.testing.assert_allclose(figure.phase_shares(np.concatenate([near, far])), 1 / 6)


def test_three_states_have_their_probabilities_and_the_same_seed_the_same_samples():
    size, n = 10, 2000
    data = three_states(size, n, seed=3)
    assert np.array_equal(data.X, three_states(size, n, seed=3).X)
    assert data.X.dtype == np.int8
    for phase, expected in zip(THREE_STATE_PHASES, THREE_STATE_PROBABILITIES, strict=True):
        x = data.X[data.labels == phase]
        assert len(x) == n // 4
        for state in range(3):
            p = expected[state]
            assert (x == state).mean() == pytest.approx(p, abs=5 * np.sqrt(p * (1 - p) / x.size))
    with pytest.raises(ValueError, match="n_samples"):
        three_states(10, 3)


def test_block_contrast_is_one_for_orthogonal_groups_and_two_thirds_for_a_tetrahedron():
    labels = np.repeat(np.arange(4), 50)
    assert block_contrast(np.eye(4)[labels], labels) == pytest.approx(1)
    assert block_contrast(TETRAHEDRON[labels], labels) == pytest.approx(2 / 3)
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((200, 3))
    unit = Z / np.linalg.norm(Z, axis=1, keepdims=True)
    cosine = unit @ unit.T
    rows = labels == 1
    inside = (cosine[np.ix_(rows, rows)].sum() - 50) / (50 * 49)
    _, blocks = block_means(Z, labels)
    assert blocks[1, 1] == pytest.approx(inside)
    assert blocks[0, 2] == pytest.approx(cosine[np.ix_(labels == 0, labels == 2)].mean())
    assert np.abs(permuted_contrasts(np.eye(4)[labels], labels, 20, 0)).max() < 0.5


def test_the_loss_prefers_flat_codes_and_both_arrangements_are_minima():
    tetrahedron = best_codes(0.068, 0.8 * TETRAHEDRON, 250, 0)
    planar = best_codes(0.068, 1.4 * PLANAR, 250, 0)
    assert figure.regularity(tetrahedron.means) > 0.9
    assert figure.regularity(planar.means) < 0.1
    assert planar.loss < tetrahedron.loss
    collapsed = best_codes(5.0, 0.8 * TETRAHEDRON, 400, 0)  # beta above every threshold: the prior is best
    assert np.abs(collapsed.means).max() < 0.1
    np.testing.assert_allclose(collapsed.widths, 1, atol=0.1)


def test_the_smallest_run(tmp_path):
    check_figure("002-5", tmp_path)
