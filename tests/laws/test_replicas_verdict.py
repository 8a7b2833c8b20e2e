"""Laws of the verdict: known degeneracies are named, closed forms hold, exact PPCA calibrates it."""

import numpy as np
import pytest
from scipy.stats import ortho_group

from zeeman.replicas import verdict
from zeeman.replicas.known import KINDS, confusion, known_pair, ppca_codes
from zeeman.replicas.verdict import active_dimensions


def kind(a, b):
    return verdict(a, b).kind


def test_known_degeneracies_are_named():
    counts = confusion(kind, dims=(2, 5, 16), sizes=(500,), noises=(0.0, 0.1), n_seeds=1)
    assert counts.sum() == 7 * 3 * 2 * 2
    accuracy = np.diag(counts) / counts.sum(axis=1)
    assert accuracy.min() >= 0.9, dict(zip(KINDS, accuracy, strict=True))


@pytest.mark.parametrize("degrees", [4.0, 12.0])
def test_a_small_rotation_costs_its_closed_form(degrees):
    """Rotating every plane by an angle t loses R^2 = 2 (1 - cos t): below the tolerance .02 up to 8 degrees."""
    t = np.radians(degrees)
    plane = np.array([[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]])
    z = np.random.default_rng(0).standard_normal((3000, 4))
    found = verdict(z, z @ np.kron(np.eye(2), plane))
    assert found.evidence["r2"]["identity"] == pytest.approx(2 * np.cos(t) - 1, abs=0.005)
    assert found.kind == ("identical" if degrees < 8 else "rotation")
    assert found.evidence["r2"]["orthogonal"] == pytest.approx(1.0)


@pytest.mark.parametrize("noise", [0.1, 0.3, 0.45])
def test_noise_does_not_pass_for_squeeze(noise):
    rng = np.random.default_rng(1)
    z = rng.standard_normal((2000, 4)) * [2.0, 1.0, 0.8, 0.6]
    a, b = z + noise * rng.standard_normal(z.shape), z @ ortho_group.rvs(4, random_state=0)
    assert kind(a, b + noise * rng.standard_normal(z.shape)) == "rotation"


@pytest.mark.parametrize("of", KINDS)
def test_the_verdict_is_symmetric_reproducible_and_says_why(of):
    a, b = known_pair(of, 4, 500, noise=0.1, seed=3)
    there, back = verdict(a, b), verdict(b, a)
    assert there.kind == back.kind == of
    assert verdict(a, b).evidence["r2_error"] == there.evidence["r2_error"]
    assert set(there.evidence["r2"]) == set(there.evidence["forward"]) == set(there.evidence["r2_error"])
    assert there.sentence.endswith(".")
    assert there.evidence["forward"]["smooth"] == pytest.approx(back.evidence["backward"]["smooth"], abs=1e-9)


def test_the_verdict_does_not_depend_on_a_common_frame():
    Q = ortho_group.rvs(5, random_state=2)
    for of in ("rotation", "affine", "warp", "collapse", "different optimum"):
        a, b = known_pair(of, 5, 500, clustered=True, seed=4)
        assert kind(a @ Q, b @ Q.T) == of


@pytest.mark.parametrize("d", [2, 5, 8])
def test_probabilistic_pca_is_free_up_to_a_rotation(d):
    a, b = ppca_codes(3000, d, seed=d)
    found = verdict(a, b)
    assert found.kind == "rotation"
    assert found.evidence["r2"]["orthogonal"] > 0.99


def test_probabilistic_pca_with_diagonal_posteriors_is_free_up_to_signs_and_order():
    codes = ppca_codes(2500, 4, variances=[64, 25, 10, 4], rotated=False, n_replicas=4, seed=1)
    assert {kind(codes[0], other) for other in codes[1:]} <= {"sign/permutation", "identical"}
    equal = ppca_codes(2500, 4, variances=[6, 6, 6, 6], rotated=False, seed=1)
    assert kind(*equal) == "rotation"  # equal variances leave the axes to the sampling noise


def test_fewer_latents_of_probabilistic_pca_are_a_collapse():
    a = ppca_codes(3000, 5, variances=[30, 20, 12, 8, 5], seed=2)[0]
    b = a @ ortho_group.rvs(5, random_state=5)
    _, axes = np.linalg.eigh(np.cov(b.T))
    found = verdict(a, b @ axes[:, 2:])
    assert found.kind == "collapse"
    assert (found.evidence["active_a"], found.evidence["active_b"]) == (5, 3)


def test_draws_from_posteriors_need_their_scales():
    """A collapsed dimension of a draw is all noise, of variance 1."""
    rng = np.random.default_rng(3)
    n, signal = 3000, rng.standard_normal((3000, 3))
    scale = np.column_stack([np.full((n, 3), 0.2), np.ones((n, 2))])
    means = [np.column_stack([signal, np.zeros((n, 2))]), np.column_stack([signal[:, :2], np.zeros((n, 3))])]
    scales = [scale, np.where(np.arange(5) < 2, 0.2, 1.0) * np.ones((n, 1))]
    a, b = (m + s * rng.standard_normal((n, 5)) for m, s in zip(means, scales, strict=True))
    found = verdict(a, b, scales=tuple(scales))
    assert found.kind == "collapse"
    assert (found.evidence["active_a"], found.evidence["active_b"]) == (3, 2)
    assert found.evidence["ceiling"] == pytest.approx((1 / 1.04) ** 2, abs=0.01)
    again = means[0] + scale * rng.standard_normal((n, 5))
    assert verdict(a, again, scales=(scale, scale)).kind == "identical"


@pytest.mark.parametrize("lost", [(True, True), (True, False), (False, True)])
def test_draws_of_nothing_have_collapsed(lost):
    noise = np.random.default_rng(4).standard_normal((2, 400, 3))
    scales = [np.full((400, 3), 1.0 if each else 0.1) for each in lost]
    found = verdict(*noise, scales=scales)
    assert found.kind == "collapse"
    assert [found.evidence["active_a"] == 0, found.evidence["active_b"] == 0] == list(lost)
    assert "holds nothing of its samples" in found.sentence
    assert np.isnan(list(found.evidence["r2"].values())).all()


def test_active_dimensions_do_not_depend_on_the_frame():
    z = np.random.default_rng(6).standard_normal((1000, 4)) * [1.0, 0.5, 0.3, 0.02]
    assert active_dimensions(z) == active_dimensions(z @ ortho_group.rvs(4, random_state=1)) == 3


def test_clusters_alone_are_not_agreement():
    rng = np.random.default_rng(7)
    labels = rng.integers(0, 3, 2000)
    a, b = (
        np.array(centers)[labels] + 0.7 * rng.standard_normal((2000, 2))
        for centers in ([(4, 0), (-4, 2), (0, -5)], [(0, 5), (4, -3), (-5, 0)])
    )
    found = verdict(a, b)
    assert found.kind == "different optimum"
    assert "clusters" in found.sentence
    assert abs(found.evidence["local"]) < 0.1


def test_a_strong_twist_is_a_warp():
    """Every plane turned by an angle that grows with the radius: invertible, and far from affine."""
    z = np.random.default_rng(8).standard_normal((2000, 2))
    angle = 0.3 * (z**2).sum(axis=1)
    turned = np.column_stack(
        [
            np.cos(angle) * z[:, 0] - np.sin(angle) * z[:, 1],
            np.sin(angle) * z[:, 0] + np.cos(angle) * z[:, 1],
        ]
    )
    found = verdict(z, turned)
    assert found.kind == "warp"
    assert found.evidence["r2"]["affine"] < 0.6
