"""Laws of the Zeeman diagram: where both paths begin and end, and what the orders of the series are."""

import numpy as np
import pytest

from zeeman import Codes, LatentSpectrum


@pytest.fixture(scope="module")
def codes():
    """Two sets in three dimensions, posterior widths as large as the prior leaves room for."""
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((2500, 3)) * [0.5, 0.8, 0.9]
    Z[:, 0] += np.where(rng.random(2500) < 0.4, -0.9, 0.9)
    scale = np.broadcast_to(np.sqrt(np.maximum(1.0 - Z.var(axis=0), 0.05)), Z.shape)
    return Codes(Z[None].astype(np.float32), np.array(scale)[None].astype(np.float32))


@pytest.fixture(scope="module")
def spec(codes):
    return LatentSpectrum(n_states=5, random_state=0, n_bootstrap=0).fit(codes)


@pytest.fixture(scope="module")
def prior(spec):
    return spec.diagram("prior", n_points=41, order=3)


def test_the_path_begins_at_the_oscillator(prior):
    np.testing.assert_allclose(prior.energies[0], [0.0, 0.5, 0.5, 0.5, 1.0], atol=0.02)
    assert prior.multiplets[:2] == [(0, 0), (1, 3)]
    assert prior.notes["multiplet_width"] < 1e-4


def test_the_path_ends_at_the_data(prior, spec):
    np.testing.assert_allclose(prior.energies[-1], spec.energies_, rtol=0.1)
    assert prior.strength[[0, -1]].tolist() == [0.0, 1.0]
    assert (prior.energies[:, 0] == 0.0).all()


def test_the_first_order_is_principal_components(prior, codes):
    Z = codes.mean[0].astype(float)
    spread = np.sort(np.linalg.eigvalsh(Z.T @ Z / len(Z)))[::-1]
    np.testing.assert_allclose(prior.first_order, -(spread - 1) / 2)
    slopes = (prior.series[1][1, 1:4] - prior.series[1][0, 1:4]) / prior.strength[1]
    np.testing.assert_allclose(slopes, prior.first_order, atol=0.01)


def test_every_order_of_the_series_is_nearer_to_the_exact_levels(prior):
    errors = [np.abs(prior.series[k][1, 1:4] - prior.energies[1, 1:4]).max() for k in (1, 2, 3)]
    assert errors[1] < 0.5 * errors[0]
    assert errors[2] < 0.5 * errors[1]


def test_separability_couples_levels_of_different_multiplets(prior):
    assert np.abs(prior.separability[1:4, 4:]).max() > 0.01


def test_turning_the_axes_changes_no_level(codes, spec, prior):
    Q = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
    turned = LatentSpectrum(n_states=5, random_state=0, n_bootstrap=0).fit(codes.mean[0].astype(float) @ Q)
    np.testing.assert_allclose(turned.diagram("prior", n_points=5).energies, prior.energies[::10], atol=0.02)


def test_sharpening_leads_from_the_prior_to_the_means(spec):
    path = spec.diagram("sharpening", n_points=5)
    assert 0.0 <= path.notes["kl"] < 0.3
    # widths that fill the prior leave one nearly degenerate multiplet, sharpened codes do not
    assert np.ptp(path.energies[0, 1:4]) < 0.6 * np.ptp(path.energies[-1, 1:4])
    np.testing.assert_allclose(path.energies[-1, 1:3], spec.energies_[1:3], rtol=0.25)
    assert path.series == {}


def test_few_samples_of_the_prior_claim_no_divergence():
    mean = np.random.default_rng(2).standard_normal((1, 12, 5)) * 0.1
    codes = Codes(mean.astype(np.float32), np.ones(mean.shape, np.float32))
    path = LatentSpectrum(n_states=3, random_state=0, n_bootstrap=0).fit(codes).diagram("sharpening", n_points=2)
    assert path.notes["kl"] >= 0.0


def test_paths_that_cannot_be_walked_are_refused(codes):
    spec = LatentSpectrum(n_states=4, random_state=0, n_bootstrap=0).fit(codes.mean[0])
    with pytest.raises(ValueError, match="widths of the posteriors"):
        spec.diagram("sharpening")
    with pytest.raises(ValueError, match="path must be one of"):
        spec.diagram("elsewhere")
    with pytest.raises(ValueError, match="order must be at least 1"):
        spec.diagram(order=0)


def test_a_basis_of_few_functions_leaves_the_other_levels_open():
    """Codes of one latent that have collapsed: seven Hermite functions, ten levels asked for."""
    Z = 0.02 * np.random.default_rng(0).standard_normal((600, 1))
    diagram = LatentSpectrum(10, random_state=0, n_bootstrap=0).fit(Z).diagram("prior", n_points=5)
    for series in diagram.series.values():
        assert series.shape == diagram.energies.shape
        assert np.isfinite(series[0]).any()
