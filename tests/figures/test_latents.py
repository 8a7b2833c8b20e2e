"""Latent spaces of all models: the smallest run of every figure, and its names."""

import numpy as np
import pytest
from figure_contract import check_figure

from zeeman.studies.figures import FIGURES, MODELS, figure, keys_of
from zeeman.studies.latents import CASES
from zeeman.studies.latents.cases import Case


@pytest.mark.parametrize("key", CASES)
def test_a_model_s_figure_keeps_the_contract(key, tmp_path):
    case = CASES[key]
    numbers = check_figure(key, tmp_path)
    n_multiplets = len(case.multiplets)
    assert numbers["multiplets"].shape == (1, 2, n_multiplets)
    for name in ("energies", "all_energies"):
        np.testing.assert_allclose(numbers[name][..., 0], 0.0, atol=1e-6 * numbers[name].max())
    assert numbers["codes"].shape[0] == 2
    assert numbers["codes"].shape[1:] == numbers["target"].shape
    assert np.abs(numbers["null.order"]).max() < 1.0


def test_groups_stand_for_all_figures_of_a_kind():
    assert keys_of(["models"]) == tuple(MODELS)
    assert keys_of(()) == keys_of(["papers"]) == tuple(FIGURES)
    assert keys_of(["xy", "models"])[0] == "xy"
    assert len(keys_of(["xy", "models"])) == len(MODELS)
    with pytest.raises(ValueError, match="did you mean 'potts-3'"):
        keys_of(["potts3"])


@pytest.mark.parametrize("key", CASES)
def test_a_model_s_figure_says_what_it_shows(key):
    one = figure(key)
    assert isinstance(MODELS[key], Case)
    names = [claim.name for claim in one.claims]
    assert len(names) == len(set(names))
    for claim in one.claims:
        assert claim.why
        assert np.isfinite(claim.low) or np.isfinite(claim.high)
    assert all(multiplet.name in one.caption for multiplet in CASES[key].multiplets)
