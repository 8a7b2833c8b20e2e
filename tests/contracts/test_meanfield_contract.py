"""What the mean-field room promises to callers: shapes, named errors that say what would do."""

import numpy as np
import pytest
import torch
from torch.distributions import (
    AffineTransform,
    Bernoulli,
    Categorical,
    Independent,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    Poisson,
    TransformedDistribution,
)

from zeeman.meanfield import (
    NotFactorisedError,
    collapse_beta,
    collapse_threshold,
    mean_field,
    mean_field_of,
    optimal_decoder,
    optimal_encoder,
)
from zeeman.vae import BetaVAE

X = np.random.default_rng(0).integers(0, 2, (60, 5))


@pytest.fixture(scope="module")
def vae():
    return BetaVAE(2, n_epochs=1, n_replicas=2, random_state=0, n_threads=1, engine="apart").fit(X)


@pytest.mark.parametrize(
    "p",
    [
        MultivariateNormal(torch.zeros(4, 3), torch.eye(3)),
        MixtureSameFamily(Categorical(torch.ones(4, 2)), Independent(Normal(torch.zeros(4, 2, 3), 1.0), 1)),
        TransformedDistribution(Independent(Normal(torch.zeros(4, 3), 1.0), 1), [AffineTransform(1.0, 2.0)]),
        Independent(MultivariateNormal(torch.zeros(4, 2, 3), torch.eye(3)), 1),
        Independent(Poisson(torch.ones(4, 3)), 1),
        Bernoulli(logits=torch.zeros(4, 3)),  # the event is one site, not one datum
        Independent(Bernoulli(logits=torch.zeros(4, 3, 3)), 1),  # half of the site axes are in the batch
        Independent(Bernoulli(logits=torch.zeros(3)), 1),  # no batch
        "p(x|z)",
    ],
)
def test_what_does_not_factorise_is_refused_by_name(p):
    with pytest.raises(NotFactorisedError, match="a mean field needs Independent"):
        mean_field(p)
    assert issubclass(NotFactorisedError, TypeError)


def test_other_variances_are_refused():
    with pytest.raises(ValueError, match="unit variance"):
        mean_field(Independent(Normal(torch.zeros(4, 3), 2.0), 1))


def test_shapes(vae):
    field = mean_field_of(vae, np.zeros((3, 2)), replica=1)
    assert field.fields.shape == field.means.shape == field.local_entropy.shape == (3, 5)
    assert field.energy.shape == field.free_energy.shape == field.heat_capacity.shape == (3,)
    found = optimal_encoder(vae, X[:4])
    assert found.log_partition.shape == found.kl.shape == (4,)
    assert found.mean.shape == (4, 2)
    assert found.covariance.shape == (4, 2, 2)
    floor = optimal_decoder(X, 0.5, latent_dim=1)
    assert floor.codes.shape == (64, 1)
    assert floor.means.shape == (64, 5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda v: mean_field_of(v, np.zeros((3, 4))), ValueError, "Z must have shape"),
        (lambda v: mean_field_of(v, np.zeros((3, 2)), replica=2), ValueError, "below the number of replicas"),
        (lambda v: mean_field_of(v, np.zeros((3, 2)), gauge="sum"), ValueError, "gauge must be one of"),
        (lambda v: mean_field_of(v, np.zeros((3, 2))).hamiltonian(X[:2]), ValueError, "one datum a sample"),
        (lambda v: mean_field_of(v, np.zeros((2, 2))).hamiltonian(X[:2] + 3), ValueError, "take 0 and 1"),
        (lambda v: mean_field_of("vae", np.zeros((2, 2))), TypeError, "fitted zeeman.BetaVAE"),
        (lambda v: optimal_encoder(v, X, beta=0.0), ValueError, "beta must be a positive"),
        (lambda v: optimal_encoder(v, X, rule="simpson"), ValueError, "rule must be one of"),
        (lambda v: optimal_encoder(v, X[:, :3]), ValueError, "expecting 5 features"),
        (lambda v: optimal_decoder(X, -1.0), ValueError, "beta must be a positive"),
        (lambda v: optimal_decoder(X, 1.0, latent_dim=4), ValueError, "at most 3"),
        (lambda v: collapse_threshold(X[:1]), ValueError, "at least two samples"),
        (lambda v: collapse_threshold(np.ones((5, 3))), ValueError, "no variation"),
        (lambda v: collapse_beta(X, "poisson"), ValueError, "likelihood must be one of"),
    ],
)
def test_bad_input_is_named(vae, call, error, message):
    with pytest.raises(error, match=message):
        call(vae)


def test_narrow_posteriors_are_refused_not_guessed():
    rng = np.random.default_rng(1)
    data = rng.normal(size=(60, 4)).astype(np.float32)
    sharp = BetaVAE(1, "gaussian", n_epochs=1, random_state=0, n_threads=1, engine="apart").fit(data)
    with torch.no_grad():
        sharp.modules_[0].decoder.layers[-2].weight.mul_(300)
    with pytest.raises(ValueError, match=r"is not resolved .* would do"):
        optimal_encoder(sharp, data[:5], rule="grid")


def test_four_latents_are_out_of_reach():
    wide = BetaVAE(4, n_epochs=1, random_state=0, n_threads=1, engine="apart").fit(X)
    with pytest.raises(ValueError, match="at most 3"):
        optimal_encoder(wide, X)


def test_callback_sees_every_epoch_once_and_changes_nothing(tmp_path):
    settings = {"n_epochs": 3, "n_replicas": 2, "random_state": 0, "n_threads": 1, "batch_size": 20}
    for engine in ("apart", "stacked"):
        seen = []
        watched = BetaVAE(2, engine=engine, **settings).fit(
            X, callback=lambda epoch, models, seen=seen: seen.append((epoch, len(models), models[0].training))
        )
        assert seen == [(epoch, 2, False) for epoch in range(4)]
        plain = BetaVAE(2, engine=engine, **settings).fit(X)
        np.testing.assert_array_equal(watched.history_["loss"], plain.history_["loss"])
        np.testing.assert_array_equal(watched.transform(X), plain.transform(X))


def test_fields_that_are_none_or_not_finite_are_named():
    unchecked = {"validate_args": False}
    with pytest.raises(ValueError, match=r"table of natural parameters of p\(x\|z\) contains NaN at row 0, column 0"):
        mean_field(Independent(Bernoulli(logits=torch.full((2, 4), torch.nan), **unchecked), 1, **unchecked))
    with pytest.raises(ValueError, match=r"no sample or no site: its fields have shape \(0, 3\)"):
        mean_field(Independent(Bernoulli(logits=torch.zeros(0, 3)), 1))
