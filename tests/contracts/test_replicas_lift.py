"""zm.lift and zm.degeneracy keep their contract on codes whose degeneracy is known."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import ortho_group

import zeeman as zm
from zeeman.replicas.degeneracy import _independent
from zeeman.replicas.lift import as_replicas, near_degenerate

SAMPLES, LATENTS, STATES = 900, 3, 6


def cloud(rng):
    labels = rng.choice(3, SAMPLES, p=[0.5, 0.3, 0.2])
    return 3.0 * np.eye(3)[labels] + 0.8 * rng.standard_normal((SAMPLES, LATENTS)), labels


@pytest.fixture(scope="module")
def truth():
    return cloud(np.random.default_rng(0))


@pytest.fixture(scope="module")
def codes(truth):
    """Four retrainings that differ by a rotation and a little noise."""
    rng = np.random.default_rng(1)
    turns = [ortho_group.rvs(LATENTS, random_state=seed) for seed in range(4)]
    mean = np.stack([truth[0] @ Q + 0.05 * rng.standard_normal(truth[0].shape) for Q in turns])
    return zm.Codes(mean.astype(np.float32), np.full(mean.shape, 0.2, np.float32))


@pytest.fixture(scope="module")
def lifted(codes):
    return zm.lift(codes, n_states=STATES, n_bootstrap=3)


@pytest.fixture(scope="module")
def report(codes, lifted):
    return zm.degeneracy(codes, lifted=lifted, scores={"elbo": [-1.0, -1.1, -0.9, -1.0]})


def test_shapes(lifted):
    assert lifted.energies.shape == lifted.energies_error.shape == (4, STATES)
    assert lifted.coordinates.shape == (4, SAMPLES, STATES - 1)
    assert lifted.consensus.shape == (SAMPLES, STATES - 1)
    assert lifted.labels.shape == (4, SAMPLES)
    assert lifted.localized.shape == (4, SAMPLES, 3)
    assert (lifted.energies[:, 0] == 0).all()
    assert sum(last - first + 1 for first, last in lifted.blocks) == STATES - 1


def test_a_lift_prints_as_a_line(lifted, codes):
    assert f"coordinates=float64 (4, {SAMPLES}, {STATES - 1}), " in repr(lifted)
    assert len(repr(lifted)) < 400
    assert repr(codes) == f"Codes(mean=float32 (4, {SAMPLES}, {LATENTS}), scale=float32 (4, {SAMPLES}, {LATENTS}))"


def test_retrainings_tell_one_story(lifted, truth):
    assert lifted.n_clusters == 3
    assert (lifted.found == 3).all()
    assert (lifted.labels == lifted.labels[0]).mean() > 0.98
    shared = lifted.coordinates[:, :, :2]
    for other in shared[1:]:
        assert min(np.corrcoef(other[:, j], shared[0, :, j])[0, 1] for j in range(2)) > 0.98
    assert (lifted.consensus_labels == lifted.labels[lifted.reference]).mean() > 0.98
    assert lifted.energies_spread[1] < 0.25 * lifted.energies[:, 1].mean()


def test_new_codes_of_a_replica_are_lifted_alike(lifted, codes):
    np.testing.assert_allclose(lifted.transform(codes.mean[2], 2), lifted.coordinates[2], atol=1e-6)


def test_localized_states_belong_to_the_labels(lifted):
    for own, labels in zip(lifted.localized, lifted.labels, strict=True):
        assert (np.argmax(own, axis=1) == labels).mean() > 0.99


def test_a_spectrum_that_is_known_is_not_fitted_again(codes, lifted):
    again = zm.lift(codes, STATES, n_bootstrap=3, fitted={1: lifted.spectra[1]})
    assert again.spectra[1] is lifted.spectra[1]
    np.testing.assert_array_equal(again.coordinates, lifted.coordinates)
    assert again.blocks == lifted.blocks


@pytest.mark.parametrize(
    ("replica", "states", "message"),
    [(4, STATES, "replica 4, of 4"), (0, 5, "6 states, but"), (1, STATES, "other codes")],
)
def test_a_spectrum_of_something_else_is_refused(codes, lifted, replica, states, message):
    with pytest.raises(ValueError, match=message):
        zm.lift(codes, states, fitted={replica: lifted.spectra[0]})
    with pytest.raises(ValueError, match="not fitted"):
        zm.lift(codes, states, fitted={0: zm.LatentSpectrum(states)})


def test_a_sequence_of_spaces_of_different_dimension(codes):
    wide = np.column_stack([codes.mean[1], np.zeros(SAMPLES)])
    pair = zm.lift([codes.mean[0], wide], n_states=4, n_bootstrap=0)
    assert pair.coordinates.shape == (2, SAMPLES, 3)
    np.testing.assert_allclose(pair.energies[0], pair.energies[1], rtol=0.15)


def test_levels_that_retrainings_swap_form_a_block():
    rng = np.random.default_rng(2)
    base = np.array([0.0, 0.10, 0.20, 0.205, 0.40])
    energies = np.sort(base + np.array([0, 0.004, 0.01, 0.01, 0.004]) * rng.standard_normal((6, 5)), axis=1)
    assert near_degenerate(energies) == [(1, 1), (2, 3), (4, 4)]
    assert near_degenerate(energies[:1]) == [(m, m) for m in range(1, 5)]
    # levels repel: their difference hardly varies, and still is below its sampling error
    repelled = np.tile([0.0, 0.10, 0.20, 0.22, 0.40], (6, 1))
    assert near_degenerate(repelled) == [(m, m) for m in range(1, 5)]
    assert near_degenerate(repelled, np.full_like(repelled, 0.01)) == [(1, 1), (2, 3), (4, 4)]
    # sets with nothing between them: what differs is rounding
    empty = np.tile([0.0, 1e-13, 3e-12, 8e-12, 5.0], (6, 1))
    assert near_degenerate(empty, n_samples=1000) == [(1, 3), (4, 4)]
    for count in (1, 2, 3, 4):
        assert near_degenerate(empty[:, :4], n_samples=1000, n_clusters=count, unit=0.5) == [(1, 3)]


def test_as_many_levels_as_sets_are_one_block():
    """Four points and four levels: all are at zero, and no order is in them."""
    labels = np.random.default_rng(0).integers(0, 4, 300)
    pair = [np.random.default_rng(seed).normal(size=(4, 3))[labels] for seed in (1001, 1002)]
    found = zm.degeneracy(pair, n_states=4)
    assert found.lift.blocks == [(1, 3)]
    assert found.values["energies"]["ordered_correlation"] == pytest.approx(1.0)


@pytest.mark.filterwarnings("error")
def test_columns_that_are_constant_are_no_dimensions():
    Z = np.random.default_rng(0).normal(size=(200, 2))
    still = [np.column_stack([part, np.full(200, c)]) for part, c in ((Z, 1.0), (Z[:, ::-1], 0.0))]
    found = zm.degeneracy(still, n_states=4)
    assert found.values["energies"]["ordered_correlation"] == pytest.approx(1.0)


def test_what_stands_beside_the_codes_must_be_of_them():
    rng = np.random.default_rng(0)
    pair = [rng.normal(size=(40, 2)) for _ in range(2)]
    lifted = zm.lift(pair, n_states=3, n_bootstrap=0)
    assert zm.degeneracy((Z for Z in pair), lifted=lifted).lift is lifted
    for other in ([Z[:30] for Z in pair], [Z + rng.normal(size=Z.shape) for Z in pair], [pair[0]] * 3):
        with pytest.raises(ValueError, match="lifted is of other codes"):
            zm.degeneracy(other, lifted=lifted)
    with pytest.raises(ValueError, match=r"scores\['elbo'\] must hold a number a replica"):
        zm.degeneracy(pair, lifted=lifted, scores={"elbo": [1.0, 2.0, 3.0]})
    with pytest.raises(ValueError, match="30 at least, got 29"):
        zm.degeneracy([Z[:29] for Z in pair])


def test_codes_that_share_nothing_have_as_few_common_neighbours_in_every_frame():
    pairs = [np.random.default_rng(seed).normal(size=(2, 30, 3)) for seed in range(10)]
    found = [zm.degeneracy(list(pair), 3, lifted=zm.lift(list(pair), 3, n_bootstrap=0)) for pair in pairs]
    for frame in found[0].values:
        shares = [each.values[frame]["mutual_neighbours"][0] for each in found]
        assert np.mean(shares) == pytest.approx(10 / 29, abs=0.06), frame


def test_report_before_and_after(report):
    frame = report.to_frame()
    assert list(frame.index) == [
        "raw", "PCA", "ICA", "energies", "Procrustes", "relative", "lifted", "null: rotation", "null: permuted"
    ]  # fmt: skip
    assert frame.loc["raw", "ordered_correlation"] < 0.8
    assert frame.loc["energies", "ordered_correlation"] > 0.98
    assert frame.loc["lifted", "ordered_correlation"] > 0.98
    assert frame.loc["null: permuted", "matched_correlation"] < 0.2
    assert bool(frame.loc["Procrustes", "sees_pairs"])
    assert not bool(frame.loc["energies", "sees_pairs"])
    assert len(report.pairs) == len(report.verdicts) == 6
    assert report.labels_ari.min() > 0.95
    assert report.localized.min() > 0.98
    assert "rotation" in str(report)


def test_a_rotation_is_called_one(report):
    assert report.kinds["rotation"] >= 5
    assert all(latents["active_units"] == LATENTS for latents in report.latents)


def test_sets_with_one_cluster_have_a_report(truth):
    rng = np.random.default_rng(3)
    Z = rng.standard_normal((400, 2))
    codes = [Z, Z @ ortho_group.rvs(2, random_state=0)]
    report = zm.degeneracy(codes, n_states=4)
    assert report.n_axes == 1
    assert np.isnan(report.localized).all()
    assert np.isfinite(report.to_frame()["ordered_correlation"]).all()


@pytest.mark.parametrize("axes", [("replica", "latent", "sample"), ("sample", "replica", "latent")])
def test_labelled_codes_have_their_axes_in_order(truth, axes):
    codes = xr.DataArray(np.stack([truth[0][:60]] * 2), dims=("replica", "sample", "latent"))
    np.testing.assert_array_equal(as_replicas(codes), codes)
    with pytest.raises(ValueError, match="codes has axes"):
        as_replicas(codes.transpose(*axes))
    with pytest.raises(ValueError, match="samples come first"):
        as_replicas([each.T for each in codes])


BAD = {
    "same samples in the same order": lambda Z: [Z, Z[:-1]],
    "replica 1 contains NaN at row 2": lambda Z: [Z, np.where(np.arange(Z.size).reshape(Z.shape) == 7, np.nan, Z)],
    "no replicas given": lambda Z: [],
    "for one latent space": lambda Z: Z,
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_refused(truth, message):
    with pytest.raises(ValueError, match=message):
        zm.lift(BAD[message](truth[0]))


def test_widths_that_are_none_are_named(codes):
    scale = codes.scale.copy()
    scale[2, 5] = 0.0
    for wrong, message in ((scale, "replica 2 must be positive"), (scale[:, :, :2], "shape of codes.mean")):
        with pytest.raises(ValueError, match=message):
            zm.degeneracy(zm.Codes(codes.mean, wrong), STATES)


def test_independent_components_of_codes_far_from_the_origin(truth):
    near, far = (_independent(truth[0] + shift, 2, 0) for shift in (0.0, 1e7))
    assert near.shape == far.shape == (SAMPLES, 2)


@pytest.mark.parametrize("door", [zm.lift, zm.degeneracy])
def test_what_is_no_set_of_codes_is_refused(door):
    with pytest.raises(TypeError, match=r"codes must be Codes.*got None"):
        door(None)


def test_one_replica_has_no_degeneracy(truth):
    with pytest.raises(ValueError, match="n_replicas >= 2"):
        zm.degeneracy([truth[0]])
