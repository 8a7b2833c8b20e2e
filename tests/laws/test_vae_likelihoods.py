"""Laws of likelihoods and objectives: normalisation, closed forms, bounds."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

from zeeman.vae import (
    BernoulliLikelihood,
    CategoricalLikelihood,
    GaussianLikelihood,
    LatentModel,
    elbo,
    gaussian_kl,
    importance_log_likelihood,
)
from zeeman.vae.likelihoods import resolve

GENERATOR = torch.Generator().manual_seed(0)


def output(likelihood, n, shape, scale=2.0):
    return scale * torch.randn(n, likelihood.n_outputs, *shape, generator=GENERATOR)


@pytest.mark.parametrize("tempered", [False, True])
@pytest.mark.parametrize("kind", [BernoulliLikelihood, lambda tempered: CategoricalLikelihood(tempered, n_states=3)])
def test_probabilities_of_all_data_sum_to_one(kind, tempered):
    likelihood = kind(tempered=tempered)
    q = getattr(likelihood, "n_states", 2)
    fields = likelihood.fields(output(likelihood, 1, (2, 2)))
    data = torch.tensor(list(itertools.product(range(q), repeat=4))).reshape(-1, 2, 2)
    log_p = likelihood.log_prob(fields.expand(len(data), *fields.shape[1:]), data)
    assert log_p.exp().sum().item() == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize("tempered", [False, True])
@pytest.mark.parametrize(
    "kind",
    [BernoulliLikelihood, GaussianLikelihood, lambda tempered: CategoricalLikelihood(tempered, n_states=4)],
)
def test_distribution_agrees_with_log_prob_and_draws(kind, tempered):
    likelihood = kind(tempered=tempered)
    fields = likelihood.fields(output(likelihood, 1, (3, 2)))
    n = 20_000
    repeated = fields.expand(n, *fields.shape[1:])
    x = likelihood.draw(repeated, torch.Generator().manual_seed(1))
    p = likelihood.distribution(repeated)
    torch.testing.assert_close(p.log_prob(x.float()), likelihood.log_prob(repeated, x), rtol=1e-4, atol=1e-4)
    standard_error = (likelihood.distribution(fields).variance[0] / n).sqrt()
    assert ((x.float().mean(0) - p.mean[0]).abs() < 5 * standard_error + 1e-6).all()


def test_tempered_field_is_the_product():
    for likelihood in (BernoulliLikelihood(True), GaussianLikelihood(True), CategoricalLikelihood(True, n_states=3)):
        out = output(likelihood, 5, (4,))
        h, warmth = likelihood.bare_fields(out), torch.sigmoid(out[:, -1])
        expected = h * (warmth[..., None] if likelihood.name == "categorical" else warmth)
        torch.testing.assert_close(likelihood.fields(out), expected)
        torch.testing.assert_close(likelihood.inverse_temperatures(out), warmth)


def test_values_undo_states():
    rng = np.random.default_rng(0)
    spins = rng.choice([-1, 1], (5, 4))
    likelihood = BernoulliLikelihood(low=-1)
    np.testing.assert_array_equal(likelihood.values(likelihood.states(spins)), spins)
    states = rng.integers(0, 300, (5, 4))
    likelihood = CategoricalLikelihood(n_states=300)
    np.testing.assert_array_equal(likelihood.values(likelihood.states(states)), states)
    assert likelihood.features(likelihood.states(states)).argmax(1).numpy().tolist() == states.tolist()


def test_kl_is_that_of_torch():
    mean, scale = torch.randn(7, 3, generator=GENERATOR), torch.rand(7, 3, generator=GENERATOR) + 0.1
    reference = kl_divergence(Normal(mean, scale), Normal(torch.zeros(()), torch.ones(()))).sum(1)
    torch.testing.assert_close(gaussian_kl(mean, scale), reference)


class LinearGaussian(nn.Module):
    """x = W z + noise: p(x) = N(0, W W^T + 1), q(z|x) exact up to `spoil`."""

    def __init__(self, W, spoil=0.0):
        super().__init__()
        self.W = W
        precision = 1 + (W**2).sum(0)  # columns of W are orthogonal
        self.gain, self.scale, self.spoil = W / precision, precision**-0.5, spoil

    def forward(self, x):
        mean = x[:, 0] @ self.gain + self.spoil
        return mean, self.scale.expand_as(mean) * (1 + self.spoil)


class LinearDecoder(nn.Module):
    def __init__(self, W):
        super().__init__()
        self.W = W

    def forward(self, z):
        return (z @ self.W.T).unsqueeze(1)


def test_exact_posterior_makes_every_bound_tight():
    W = torch.tensor([[1.0, 0.5], [1.0, -0.5], [-0.5, 1.0], [0.5, 1.0]]) * torch.tensor([1.5, 0.7])
    exact = LatentModel(LinearGaussian(W), LinearDecoder(W), GaussianLikelihood())
    spoiled = LatentModel(LinearGaussian(W, 0.3), LinearDecoder(W), GaussianLikelihood())
    x = torch.randn(6, 4, generator=GENERATOR) @ torch.linalg.cholesky(W @ W.T + torch.eye(4)).T
    truth = torch.distributions.MultivariateNormal(torch.zeros(4), W @ W.T + torch.eye(4)).log_prob(x)
    noise = torch.randn(4000, 6, 2, generator=GENERATOR)
    # with the true posterior the weights are constant: exact from a single draw
    torch.testing.assert_close(importance_log_likelihood(exact, x, noise[:1]), truth, rtol=1e-4, atol=1e-4)
    # with another one, exact in the limit, and above its ELBO
    estimate = importance_log_likelihood(spoiled, x, noise)
    assert ((estimate - truth).abs() < 0.1).all()
    bound = torch.stack([elbo(spoiled, x, draw) for draw in noise]).mean(0)
    assert (bound < truth).all()
    tight = torch.stack([elbo(exact, x, draw) for draw in noise])
    assert ((tight.mean(0) - truth).abs() < 5 * tight.std(0) / math.sqrt(len(noise))).all()


@pytest.mark.parametrize("likelihood", [BernoulliLikelihood(), CategoricalLikelihood(n_states=3)])
@pytest.mark.parametrize("size", [1.0, 16.6, 87.3, 1e4])
def test_divergence_is_finite_and_right_at_any_field(likelihood, size):
    """A float32 sigmoid is 1 from a field of 16.7 on, and torch calls the divergence from there infinite."""
    fields = size * torch.sign(output(likelihood, 50, (3,)))
    here = likelihood.fields(fields)
    there = here + 0.1 * torch.randn(here.shape, generator=GENERATOR)
    found = likelihood.divergence(here, there)
    exact = kl_divergence(likelihood.distribution(here.double()), likelihood.distribution(there.double()))
    assert torch.isfinite(found).all()
    assert (found >= 0).all()
    assert (likelihood.divergence(here, here) == 0).all()
    if size < 20:
        torch.testing.assert_close(found.double(), exact, rtol=1e-4, atol=1e-13)


def test_states_that_do_not_occur_are_told():
    X = np.random.default_rng(0).integers(1, 6, (50, 4))
    why = resolve(X, "auto", False)[1]
    assert why.endswith("integers 1..5, taken as states; states below 1 do not occur: subtract 1 to leave them out")
    assert resolve(X - 1, "auto", False)[1].endswith("X holds integers 0..4, taken as states")
