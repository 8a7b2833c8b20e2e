"""The replicas room at its door: bad input is refused with what is wrong, and no measure warns."""

from functools import partial

import numpy as np
import pytest
import xarray as xr

from zeeman.base.types import Codes
from zeeman.replicas import MEASURES, agreement, null_distribution, nulls, pairwise, untrained_codes, verdict
from zeeman.replicas.correlated import udr, udr_pair
from zeeman.replicas.known import known_pair, ppca_codes
from zeeman.replicas.maps import affine_r2, procrustes_r2, smooth_r2
from zeeman.replicas.posteriors import gaussian_wasserstein, kl_per_dimension
from zeeman.replicas.structure import ari, mutual_neighbours, spectral_distance
from zeeman.replicas.subspaces import cca, linear_cka

Z = np.random.default_rng(0).standard_normal((40, 3))
CODES = [name for name, measure in MEASURES.items() if measure.of == "codes"]


def holed():
    z = Z.copy()
    z[3, 1] = np.nan
    return z


@pytest.mark.parametrize("compare", [*(MEASURES[n] for n in CODES), verdict], ids=[*CODES, "verdict"])
@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (holed(), "row 3, column 1"),
        (Z[:30], "30"),
        (Z[:, 0], "2-dimensional"),
        (np.ones((40, 3)), "no variation"),
        (Z[:, :0], "no columns"),
        (xr.DataArray(Z, dims=("latent", "sample")), "samples come first"),
    ],
    ids=["nan", "samples", "vector", "constant", "empty", "axes"],
)
def test_bad_codes_are_named(compare, bad, what):
    with pytest.raises(ValueError, match=what):
        compare(Z, bad)
    with pytest.raises(ValueError, match=what):
        compare(bad, Z)


@pytest.mark.parametrize("compare", [*(MEASURES[n] for n in CODES), verdict], ids=[*CODES, "verdict"])
def test_too_few_samples(compare):
    with pytest.raises(ValueError, match="at least 10"):
        compare(Z[:9], Z[:9])
    if getattr(compare, "function", None) is not MEASURES["mutual_neighbours"].function:  # 10 neighbours need 11
        compare(Z[:10], Z[:10] + 0.1)


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda: agreement(Z, Z, ["linear_ka"]), "did you mean 'linear_cka'"),
        (lambda: pairwise([Z], "linear_cka"), "at least 2"),
        (lambda: null_distribution("linear_cka", [Z], "rotated"), "kind must be one of"),
        (lambda: null_distribution("linear_cka", [Z], "rotation", n_draws=0), "n_draws"),
        (lambda: null_distribution("linear_cka", Z, "rotation"), "replica, sample, latent"),
        (lambda: null_distribution("linear_cka", [], "permuted"), "no training"),
        (lambda: nulls([], "ari"), "no training"),
        (lambda: udr([Z]), "at least 2"),
        (lambda: udr([Z, Z[:20]]), "20 samples"),
        (lambda: udr([Z, xr.DataArray(Z.T, dims=("latent", "sample"))]), "samples come first"),
        (lambda: udr(Z), "replica, sample, latent"),
        (lambda: udr_pair(Z, Z, method="ridge"), "method"),
        (lambda: affine_r2(Z, Z, folds=[]), "empty"),
        (lambda: affine_r2(Z, Z, folds=[([0, 1, 2], [2, 3])]), "overlap"),
        (lambda: affine_r2(Z, Z, folds=[([0, 1, 2], [3, 99])]), "outside"),
        (lambda: affine_r2(Z, Z, folds=[([0.5, 1.5], [3, 4])]), "integers"),
        (lambda: mutual_neighbours(Z, Z, n_neighbors=40), "below the number of samples"),
        (lambda: ari(np.zeros(40, int), np.zeros(39, int)), "39"),
        (lambda: ari(Z, Z), "sample"),
        (lambda: spectral_distance([0, 1, 2], [0, 1]), "two excited levels"),
        (lambda: spectral_distance([0, 2, 1], [0, 1, 2]), "ascend"),
        (lambda: spectral_distance([0, 1, np.nan], [0, 1, 2]), "NaN"),
        (lambda: gaussian_wasserstein((Z, Z[:, :2]), (Z, Z)), "shape"),
        (lambda: gaussian_wasserstein((Z, -np.ones_like(Z)), (Z, Z**2)), "negative"),
        (lambda: gaussian_wasserstein((Z, Z**2), (Z[:20], Z[:20] ** 2)), "20"),
        (lambda: kl_per_dimension(Z, np.zeros_like(Z)), "positive"),
        (lambda: verdict(Z, Z, scales=(np.ones((40, 2)), np.ones_like(Z))), "scales"),
        (lambda: verdict(Z, Z, n_bootstrap=0), "n_bootstrap must be at least 2"),
        (lambda: verdict(Z, Z, tolerance=np.nan), "tolerance"),
        (lambda: verdict(Z, Z, related=-1.0), "related"),
        (lambda: untrained_codes(np.full((20, 3), np.nan), 2), "NaN"),
        (lambda: known_pair("twist", 2, 100), "kind"),
        (lambda: known_pair("warp", 1, 100), "dim must be at least 2"),
        (lambda: ppca_codes(100, 3, n_features=3), "n_features"),
    ],
)
def test_bad_arguments_are_named(call, what):
    with pytest.raises(ValueError, match=what):
        call()


def test_a_posterior_is_a_pair():
    with pytest.raises(TypeError, match="pair"):
        gaussian_wasserstein(Z, (Z, Z**2))


def test_codes_are_taken_as_they_come():
    codes = Codes(np.stack([Z, Z @ Z.T[:, :3]]), np.full((2, *Z.shape), 0.5))
    for measure in ("linear_cka", "gaussian_wasserstein"):
        items = list(codes.mean) if measure == "linear_cka" else list(zip(codes.mean, codes.scale, strict=True))
        np.testing.assert_array_equal(pairwise(codes, measure), pairwise(items, measure))
        for kind, null in nulls(codes, measure, n_draws=3)[measure].items():
            np.testing.assert_array_equal(null.draws, null_distribution(measure, items, kind, n_draws=3).draws)
    assert agreement(Z, Z, "linear_cka") == agreement(Z, Z, ["linear_cka"])
    with pytest.raises(TypeError, match="compares labels, got Codes"):
        pairwise(codes, "ari")


def test_alignment_of_a_code_with_its_multiple_is_at_most_one():
    for seed in range(50):
        z = np.random.default_rng(seed).standard_normal((40, 3))
        assert linear_cka(z, 2.5 * z) <= 1.0


def test_codes_of_different_width_compare():
    values = agreement(Z, Z[:, :2])
    assert all(np.isfinite(list(values.values())))
    assert values["cca"] == pytest.approx(1.0)
    assert verdict(np.tile(Z, (10, 1)), np.tile(Z[:, :2], (10, 1))).kind == "collapse"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("constant", [0.0, 0.7])
def test_a_code_that_varies_in_one_half_alone(constant):
    still = np.where(np.arange(40)[:, None] < 20, constant, Z)
    folds = [(np.arange(20), np.arange(20, 40)), (np.arange(20, 40), np.arange(20))]
    assert cca(still, Z, folds=folds) == 0.0
    for measure in (affine_r2, smooth_r2, procrustes_r2, partial(procrustes_r2, scale=True)):
        assert -10.0 < measure(still, Z, folds=folds) <= 1.0


def test_one_latent():
    values = agreement(Z[:, :1], -2 * Z[:, :1])
    assert values["matched_correlation"] == pytest.approx(1.0)
    assert verdict(Z[:, :1], -Z[:, :1]).kind == "sign/permutation"
    assert verdict(Z[:, :1], Z[:, :1]).kind == "identical"
