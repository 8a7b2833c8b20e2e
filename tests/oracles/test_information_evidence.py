"""Evidence where no closed form helps: a Bernoulli decoder, with quadrature as the oracle; trained beta-VAEs."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from zeeman.information import annealed, importance, pareto_shape, quadrature, rate_distortion, sandwich
from zeeman.vae import BernoulliLikelihood, BetaVAE, CategoricalLikelihood, LatentModel

SITES = 7


class WideEncoder(nn.Module):
    """Knows nothing: the prior, or any other Gaussian, for every datum."""

    def __init__(self, dim, mean=0.0, scale=1.0):
        super().__init__()
        self.dim, self.at, self.width = dim, mean, scale

    def forward(self, x):
        shape = (len(x), self.dim)
        return torch.full(shape, self.at), torch.full(shape, self.width)


class CurvedDecoder(nn.Module):
    """A tanh network with strong, smooth fields."""

    def __init__(self, dim, channels=1, seed=0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.layers = nn.Sequential(nn.Linear(dim, 12), nn.Tanh(), nn.Linear(12, channels * SITES))
        self.channels = channels
        with torch.no_grad():
            for p in self.parameters():
                p.copy_(torch.randn(p.shape, generator=generator))

    def forward(self, z):
        return self.layers(z).reshape(-1, self.channels, SITES)


def bernoulli(dim, **encoder):
    return LatentModel(WideEncoder(dim, **encoder), CurvedDecoder(dim), BernoulliLikelihood())


X = np.random.default_rng(0).integers(0, 2, (12, SITES))


@pytest.mark.parametrize("dim", [1, 2])
def test_probabilities_of_all_data_sum_to_one(dim):
    everything = np.array(list(itertools.product((0, 1), repeat=SITES)))
    found = quadrature(bernoulli(dim), everything, max_nodes=2048)
    assert np.exp(found.log_likelihood).sum() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("encoder", [{"mean": 0.7, "scale": 0.5}, {"mean": -0.4, "scale": 2.5}])
def test_quadrature_does_not_depend_on_where_it_starts(encoder):
    plain, moved = (quadrature(bernoulli(2, **start), X, tolerance=1e-4) for start in ({}, encoder))
    assert (np.abs(plain.log_likelihood - moved.log_likelihood) < 1e-3).all()


def test_quadrature_agrees_with_a_dense_grid():
    model = bernoulli(1)
    z = torch.linspace(-9, 9, 4001)[:, None]
    log_prior = -0.5 * z[:, 0].double() ** 2 - 0.5 * math.log(2 * math.pi)
    with torch.no_grad():
        fields = model.fields(z).double()
    states = torch.from_numpy(X)
    grid = [
        float((log_prior + model.likelihood.log_prob(fields, x.expand(len(z), SITES))).logsumexp(0)) for x in states
    ]
    found = quadrature(model, X, tolerance=1e-5)
    off = np.abs(found.log_likelihood[0] - np.array(grid) - math.log(18 / 4000))
    assert (off < 2 * found.error[0] + 1e-5).all()
    assert np.median(off) < 1e-5


def test_sampling_agrees_with_quadrature():
    model = bernoulli(2)
    truth = quadrature(model, X).log_likelihood[0]
    for found in (
        importance(model, X, 4000),
        annealed(model, X, n_chains=40, n_temperatures=30),
        annealed(model, X, n_chains=40, n_temperatures=30, transition="walk"),
    ):
        assert (np.abs(found.log_likelihood[0] - truth) < 5 * found.error[0] + 0.01).all()


def test_categorical_data_are_held_from_both_sides():
    model = LatentModel(WideEncoder(2), CurvedDecoder(2, channels=3), CategoricalLikelihood(n_states=3))
    found = sandwich(model, 50, n_chains=6, n_temperatures=30)
    truth = quadrature(model, found.X[0]).log_likelihood[0]
    assert found.X.max() == 2
    for bound, sign in ((found.lower[0], 1.0), (found.upper[0], -1.0)):
        slack = sign * (truth - bound)
        assert slack.mean() > -5 * slack.std() / math.sqrt(len(slack))
        assert abs(slack.mean()) < 0.1


def test_a_proposal_that_misses_the_posterior_is_found_out():
    """A narrow q has weights of infinite variance: its own error looks small, its tail does not."""
    narrow = importance(bernoulli(2, scale=0.15), X, 1000)
    wide = importance(bernoulli(2, scale=1.0), X, 1000)
    assert narrow.reliable.mean() < 0.3
    assert wide.reliable.mean() > 0.6
    assert (wide.tail < narrow.tail).all()


@pytest.mark.parametrize("shape", [0.2, 0.5, 0.9])
def test_the_tail_of_pareto_weights_is_their_shape(shape):
    rng = np.random.default_rng(0)
    weights = rng.pareto(1.0 / shape, size=(4000, 200)) + 1.0
    found = pareto_shape(np.log(weights))
    pulled = (189 * shape + 5) / 199  # the fit's own prior, ten pseudo-draws at 1/2
    assert found.mean() == pytest.approx(pulled, abs=0.05)


@pytest.fixture(scope="module")
def trained():
    rng = np.random.default_rng(0)
    data = (rng.normal(size=(300, 2)) @ rng.normal(size=(2, 10)) + 0.5 * rng.normal(size=(300, 10)) > 0).astype(int)
    vae = BetaVAE(n_replicas=2, n_epochs=5, batch_size=32, random_state=0, n_threads=1, precision="float32")
    return vae.fit(data), data[:20]


def test_all_estimates_of_a_trained_model_agree(trained):
    vae, data = trained
    exact = quadrature(vae, data)
    assert exact.log_likelihood.shape == (2, 20)
    sampled, chains = importance(vae, data, 1000), annealed(vae, data, n_chains=8, n_temperatures=30)
    known = vae.log_likelihood(data, 1000)
    for values, error in (
        (sampled.log_likelihood, sampled.error),
        (chains.log_likelihood, chains.error),
        (known, sampled.error),
    ):
        assert (np.abs(values - exact.log_likelihood) < 6 * error + exact.error + 0.01).all()
    bound = rate_distortion(vae, data, 50).elbo.mean(axis=1)
    assert (bound < exact.log_likelihood.mean(axis=1)).all()


def test_a_replica_does_not_depend_on_the_others(trained):
    vae, data = trained
    for estimate in (importance(vae, data, 20), annealed(vae, data, n_chains=2, n_temperatures=5)):
        assert estimate.log_likelihood.shape == (2, 20)
    alone = importance(vae.modules_[:1], data, 20)
    np.testing.assert_allclose(alone.log_likelihood[0], importance(vae, data, 20).log_likelihood[0], rtol=1e-6)


def test_a_rule_that_cannot_be_doubled_still_has_an_error():
    model = LatentModel(WideEncoder(1), CurvedDecoder(1, channels=3), CategoricalLikelihood(n_states=3))
    X = sandwich(model, 5, n_chains=2, n_temperatures=2).X[0]
    found = quadrature(model, X, n_nodes=200)
    assert (found.error < 1e-4).all()
    np.testing.assert_allclose(found.log_likelihood, quadrature(model, X).log_likelihood, atol=1e-3)
