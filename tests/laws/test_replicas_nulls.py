"""Laws of the nulls: closed forms of a pure rotation, chance, and encoders that never learned."""

import numpy as np
import pytest

from zeeman.base.random import stream
from zeeman.replicas import MEASURES, Null, null_distribution, nulls, untrained_codes
from zeeman.replicas.nulls import haar


def white(n, d, seed=0):
    """Codes of exactly unit covariance, so that correlations with z Q are the entries of Q."""
    z = np.random.default_rng(seed).standard_normal((n, d))
    return np.linalg.qr(z - z.mean(axis=0))[0] * np.sqrt(n)


def test_rotations_are_uniform():
    Q = haar(3, 4000, seed=0)
    np.testing.assert_allclose(np.einsum("nij,nkj->nik", Q, Q), np.broadcast_to(np.eye(3), Q.shape), atol=1e-12)
    assert np.abs(Q.mean(axis=0)).max() < 5 * np.sqrt(1 / 3 / 4000)
    np.testing.assert_allclose((Q**2).mean(axis=0), 1 / 3, atol=5 * np.sqrt(4 / 45 / 4000))
    assert np.mean(np.linalg.det(Q) > 0) == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(4000))


@pytest.mark.parametrize("name", [name for name, one in MEASURES.items() if one.held_out and one.of == "codes"])
def test_a_null_is_measured_on_the_halves_of_its_seed(name):
    """As `agreement` is with the same seed: else p-values below 0.05 come twice as often as they should."""
    a, b = (np.random.default_rng(seed).standard_normal((60, 2)) for seed in (1, 2))
    (drawn,) = null_distribution(name, [a, b], "permuted", n_draws=1, seed=5).draws
    rng = stream(5, "null permuted")
    rng.integers(1)  # which pair
    turned = b[rng.permutation(60)]
    assert drawn == MEASURES[name](a, turned, 5)
    assert drawn != MEASURES[name](a, turned, 0)


def test_a_pure_rotation_of_the_plane_has_a_closed_form():
    """max(|cos|, |sin|) of a uniform angle: mean 2 sqrt(2) / pi = .900, variance 1/2 + 1/pi - 8/pi^2 = .088^2."""
    null = null_distribution("matched_correlation", [white(50, 2)], "rotation", n_draws=2000)
    sd = np.sqrt(0.5 + 1 / np.pi - 8 / np.pi**2)
    assert null.mean == pytest.approx(2 * np.sqrt(2) / np.pi, abs=5 * sd / np.sqrt(2000))
    assert null.sd == pytest.approx(sd, rel=0.1)
    assert null.quantile(0.5) == pytest.approx(np.cos(np.pi / 8), abs=0.02)


@pytest.mark.parametrize(("d", "mean", "sd"), [(8, 0.636, 0.041), (16, 0.509, 0.022)])
def test_a_pure_rotation_in_more_dimensions(d, mean, sd):
    null = null_distribution("matched_correlation", [white(100, d)], "rotation", n_draws=600)
    assert null.mean == pytest.approx(mean, abs=5 * sd / np.sqrt(600) + 5e-4)
    assert null.sd == pytest.approx(sd, rel=0.16)


@pytest.mark.parametrize("name", ["procrustes_r2", "linear_cka", "cca", "affine_r2", "smooth_r2", "mutual_neighbours"])
def test_a_rotation_is_nothing_to_what_does_not_see_axes(name):
    z = np.random.default_rng(1).standard_normal((200, 3)) * [2.0, 1.0, 0.5]
    null = null_distribution(name, [z], "rotation", n_draws=4)
    np.testing.assert_allclose(null.draws, 1.0, atol=1e-9)


def test_permuted_samples_leave_chance():
    rng = np.random.default_rng(2)
    z = rng.standard_normal((400, 3))
    codes = [z, z + 0.1 * rng.standard_normal(z.shape), -z]
    found = nulls(codes, n_draws=10)
    assert set(found) == {name for name, m in MEASURES.items() if m.of == "codes"}
    for name, kinds in found.items():
        permuted = kinds["permuted"]
        assert MEASURES[name](codes[0], codes[1]) > permuted.mean + 5 * permuted.sd, name
        assert permuted.p_value(MEASURES[name](codes[0], codes[1])) == pytest.approx(1 / 11)
    assert abs(found["cca"]["permuted"].mean) < 5 / np.sqrt(400)


def test_nulls_of_posteriors_labels_and_what_has_none():
    rng = np.random.default_rng(3)
    posteriors = [(rng.standard_normal((100, 2)), 0.1 + rng.random((100, 2))) for _ in range(2)]
    found = nulls(posteriors, ["gaussian_wasserstein"], n_draws=3)["gaussian_wasserstein"]
    np.testing.assert_allclose(found["rotation"].draws, 0.0, atol=1e-6)
    assert found["permuted"].mean > 0.5
    assert found["permuted"].p_value(0.0) == pytest.approx(1 / 4)
    labels = rng.integers(0, 3, (2, 300))
    assert set(nulls(labels, ["ari"], n_draws=50)["ari"]) == {"permuted"}
    assert abs(null_distribution("ari", labels, "permuted", n_draws=50).mean) < 0.01
    with pytest.raises(ValueError, match="no rotation null"):
        null_distribution("ari", labels, "rotation")
    with pytest.raises(ValueError, match="no permuted null"):
        null_distribution("spectral_distance", [[0, 1, 2], [0, 1, 3]], "permuted")


def test_untrained_encoders():
    X = np.random.default_rng(4).standard_normal((300, 4, 5))
    codes = untrained_codes(X, 3, n_replicas=3, hidden=(64,))
    assert codes.shape == (3, 300, 3)
    np.testing.assert_array_equal(codes, untrained_codes(X, 3, n_replicas=3, hidden=(64,)))
    np.testing.assert_array_equal(codes[:2], untrained_codes(X, 3, n_replicas=2, hidden=(64,)))
    null = null_distribution("affine_r2", codes, "untrained")
    assert len(null.draws) == 3
    assert null.mean < 0.7


def test_same_seed_same_null():
    z = np.random.default_rng(5).standard_normal((2, 50, 2))
    for kind in ("rotation", "permuted"):
        first, again, other = (null_distribution("matched_correlation", z, kind, seed=s).draws for s in (0, 0, 1))
        np.testing.assert_array_equal(first, again)
        assert np.any(first != other)
    assert Null("linear_cka", "permuted", np.array([0.5])).sd == 0.0
