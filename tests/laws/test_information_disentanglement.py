"""Disentanglement scores where the answer is known: perfect codes, split factors, mixtures, noise, and their nulls."""

import itertools
import math

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from zeeman.information import (
    beta_vae_score,
    dci,
    disentanglement,
    explicitness,
    factor_vae_score,
    mig,
    modularity,
    mutual_information,
    sap,
)

N = 600
KINDS = ("few values", "continuous", "binary")


def factors(kind, n_factors=3, seed=0):
    rng = np.random.default_rng(seed)
    if kind == "continuous":
        return rng.uniform(-1, 1, (N, n_factors))
    return rng.integers(0, 5 if kind == "few values" else 2, (N, n_factors)).astype(float)


def noise(seed=1, dim=3):
    return np.random.default_rng(seed).normal(size=(N, dim))


@pytest.mark.parametrize("kind", KINDS)
def test_signed_permuted_factors_are_perfect(kind):
    v = factors(kind)
    Z = (v - v.mean(0))[:, [2, 0, 1]] * [-1.0, 2.0, -0.5]
    few = {"few values": 5, "binary": 2}.get(kind)
    # a discrete factor among finitely many samples shares some information with the others by chance
    assert mig(Z, v) > 0.93 - 0.1 * (few is None)
    assert modularity(Z, v) > 0.97
    assert sap(Z, v) == pytest.approx(1.0 - (1.0 / few if few else 0.0), abs=0.06)
    assert beta_vae_score(Z, v) == 1.0
    assert factor_vae_score(Z, v) == 1.0
    found = dci(Z, v)
    assert min(found[:3]) > 0.97
    assert (found.importance.argmax(axis=0) == [1, 2, 0]).all()


def test_a_full_design_is_exactly_perfect():
    v = np.array(list(itertools.product(range(4), repeat=3))).astype(float)
    v = np.repeat(v, 4, axis=0)
    assert mig(-v[:, [1, 2, 0]], v) == pytest.approx(1.0)
    assert modularity(-v[:, [1, 2, 0]], v) == pytest.approx(1.0)


def test_separated_attributes_never_gain_more_than_chance_leaves():
    """In a full design the held-out half is the training half's opposite: other latents are worse than chance there."""
    v = np.repeat(np.array(list(itertools.product(range(4), range(3), range(5)))), 12, axis=0).astype(float)
    for seed in range(3):
        found = sap(-v[:, [2, 0, 1]], v, random_state=seed)
        assert found == pytest.approx(1 - np.mean([1 / 4, 1 / 3, 1 / 5]), abs=0.03)
        assert found <= 1 - np.mean([1 / 4, 1 / 3, 1 / 5]) + 1e-12


def test_binary_factors_are_explicit():
    v = factors("binary")
    assert explicitness(v @ [[1.0, 2.0, 0.0], [0.5, -1.0, 1.0], [3.0, 0.1, -1.0]], v) > 0.97
    assert explicitness(v + 0.0, v) == pytest.approx(1.0)


def test_a_middle_value_is_not_explicit_on_one_axis():
    """Of three ordered values, one logistic regression each separates the outer two and misses the middle."""
    v = np.random.default_rng(0).integers(0, 3, (N, 1)).astype(float)
    assert explicitness(v, v) == pytest.approx(2 / 3, abs=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_noise_scores_at_chance(kind):
    Z, v = noise(), factors(kind)
    assert mig(Z, v) < 0.02
    assert sap(Z, v) < 0.08
    assert explicitness(Z, v) < 0.12
    found = dci(Z, v)
    assert max(found[:2]) < 0.05
    vote = 5 * math.sqrt(2 / 9 / 200)  # of 200 votes at chance 1/3
    assert abs(beta_vae_score(Z, v) - 1 / 3) < vote + 0.05
    assert abs(factor_vae_score(Z, v) - 1 / 3) < vote + 0.05


def test_two_factors_mixed_in_two_latents_are_told_apart_by_none():
    v = factors("few values", 2)
    v = v - 2.0
    Z = v @ [[1.0, 1.0], [1.0, -1.0]]
    assert mig(Z, v) < 0.05
    assert modularity(Z, v) < 0.1
    found = dci(Z, v)
    assert max(found.disentanglement, found.completeness) < 0.05
    assert found.informativeness > 0.97
    assert factor_vae_score(Z, v) < 0.75


@pytest.mark.parametrize("kind", KINDS)
def test_one_factor_in_two_latents(kind):
    """C = 1 - ln 2 / ln 3 for the split factor and 1 for the other; D, modularity 1; gaps 0 and at best 1."""
    v = factors(kind, 2)
    Z = np.c_[v[:, 0], v[:, 0], v[:, 1]] + 1e-3 * noise()
    found = dci(Z, v)
    assert found.completeness == pytest.approx(0.5 * (2 - math.log(2) / math.log(3)), abs=0.04)
    assert found.disentanglement > 0.97
    assert mig(Z, v) == pytest.approx(0.5, abs=0.07)
    assert modularity(Z, v) > 0.97
    few = {"few values": 5, "binary": 2}.get(kind)
    assert sap(Z, v) == pytest.approx(0.5 * (1.0 - (1.0 / few if few else 0.0)), abs=0.04)


def test_two_factors_in_one_latent():
    """D of a latent that tells two of three factors equally well is 1 - ln 2 / ln 3; modularity loses 1/2 there."""
    v = factors("binary", 3)
    Z = np.c_[v[:, 0] + 2 * v[:, 1], v[:, 2]]
    found = dci(Z, v)
    weight = 2 / 3
    assert found.disentanglement == pytest.approx(weight * (1 - math.log(2) / math.log(3)) + 1 - weight, abs=0.04)
    assert found.completeness > 0.95
    assert modularity(Z, v) == pytest.approx(0.5 * (1 - 1 / 2) + 0.5, abs=0.03)


def test_information_is_that_of_an_oracle():
    v, Z = factors("few values", 2), np.random.default_rng(0).integers(0, 7, (N, 2))
    Z[:, 0] += v[:, 1].astype(int)
    known = [[mutual_info_score(z, f) for f in v.T] for z in Z.T]
    np.testing.assert_allclose(mutual_information(Z, v), known, atol=1e-12)


def test_scores_do_not_see_order_and_scale_of_latents():
    v = factors("few values")
    Z = v + 0.5 * noise()
    moved = (Z * [10.0, 0.1, 3.0])[:, [1, 2, 0]]
    for score in (mig, modularity, sap, explicitness):
        assert score(moved, v) == pytest.approx(score(Z, v), abs=1e-3)
    assert dci(moved, v).disentanglement == pytest.approx(dci(Z, v).disentanglement, abs=0.03)


def test_names_are_as_good_as_numbers():
    v = factors("few values", 2)
    names = np.array(["a", "b", "c", "d", "e"])[v.astype(int)]
    Z = v + 0.1 * noise(dim=2)
    assert mig(Z, names) == mig(Z, v)
    mixed = np.empty((N, 2), dtype=object)
    mixed[:, 0], mixed[:, 1] = names[:, 0], v[:, 1]
    assert mig(Z, mixed) == mig(Z, v)


@pytest.mark.parametrize("score", [mig, modularity, sap, explicitness, beta_vae_score, factor_vae_score])
def test_a_constant_latent_adds_nothing(score):
    v = factors("few values")
    Z = v + 0.1 * noise()
    assert score(np.c_[Z, np.full(N, 3.0)], v) == pytest.approx(score(Z, v), abs=0.02)


def test_a_constant_latent_is_not_important():
    v = factors("few values")
    found = dci(np.c_[np.zeros(N), v], v)
    assert (found.importance[0] == 0).all()
    assert found.disentanglement > 0.97


@pytest.mark.parametrize("score", [mig, sap])
def test_one_latent_is_judged_against_none(score):
    v = factors("binary", 1)
    assert score(v, v) == pytest.approx(1.0)


def test_every_score_comes_with_null_and_baseline():
    v = factors("few values")
    v = v - 2.0
    Z, mixed = v + 0.1 * noise(), v @ [[1, 1, 1], [1, -1, 0], [1, 1, -2]] / 2
    found = disentanglement(Z, v, 0, baseline=mixed, n_null=1, max_samples=400)
    assert set(found) == {
        "mig", "modularity", "explicitness", "sap", "beta_vae", "factor_vae",
        "dci_disentanglement", "dci_completeness", "dci_informativeness",
    }  # fmt: skip
    for name, score in found.items():
        assert score.null.shape == (1,)
        assert score.value > score.null_mean + 0.1, name
        if name not in ("explicitness", "dci_informativeness", "beta_vae"):  # these do not ask for axes
            assert score.value > score.baseline.value + 0.1, name
    plain = found["mig"].to_dict()
    assert set(plain) == {"value", "null", "null_sd", "baseline"}
    again = disentanglement(Z, v, 0, n_null=1, max_samples=400)
    assert again["sap"].value == found["sap"].value
    assert again["mig"].baseline is None


def test_one_factor_leaves_out_what_compares_factors():
    v = factors("binary", 1)
    assert set(disentanglement(v + 0.1 * noise(dim=1), v, n_null=1)) == {"mig", "explicitness", "sap"}


def test_a_subset_of_many_samples_is_enough():
    v = factors("few values")
    found = disentanglement(v + 0.1 * noise(), v, n_null=1, max_samples=500)
    assert found["mig"].value > 0.8
