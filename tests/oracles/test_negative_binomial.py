"""Counts against scipy's negative binomial and Poisson laws."""

import numpy as np
import pytest
import torch
from scipy import stats

from zeeman.vae import NegativeBinomialLikelihood
from zeeman.vae.counts import log_negative_binomial

MEANS = np.array([1e-3, 0.1, 1.0, 7.3, 150.0])
THETAS = np.array([0.02, 0.5, 3.0, 7.999, 8.001, 60.0, 1e3, 1e6])
COUNTS = np.array([0, 1, 2, 5, 31, 400])


def grid():
    x, mean, theta = np.meshgrid(COUNTS, MEANS, THETAS, indexing="ij")
    return x, mean, theta, stats.nbinom.logpmf(x, theta, theta / (theta + mean))


def test_log_prob_is_scipys():
    x, mean, theta, expected = grid()
    double = [torch.from_numpy(np.asarray(v, dtype=np.float64)) for v in (x, np.log(mean), np.log(theta))]
    ours = log_negative_binomial(*double).numpy()
    trusted = theta < 1e6  # there scipy loses its own digits
    # Stirling's series is cut for single precision
    np.testing.assert_allclose(ours[trusted], expected[trusted], rtol=1e-9, atol=2e-8)


def test_single_precision_keeps_its_digits():
    x, mean, theta, _ = grid()
    arguments = [np.asarray(v, dtype=np.float64) for v in (x, np.log(mean), np.log(theta))]
    exact = log_negative_binomial(*map(torch.from_numpy, arguments)).numpy()
    single = log_negative_binomial(*(torch.from_numpy(v.astype(np.float32)) for v in arguments)).numpy()
    # the largest term is x ln x
    scale = 1.0 + x * np.log1p(x) + np.abs(exact)
    assert (np.abs(single - exact) / scale).max() < 2e-6


def test_the_poisson_limit():
    x, mean = np.meshgrid(COUNTS, MEANS, indexing="ij")
    expected = stats.poisson.logpmf(x, mean)
    errors = []
    for theta in (1e4, 1e5, 1e6):
        ours = log_negative_binomial(
            torch.from_numpy(x.astype(float)), torch.from_numpy(np.log(mean)), torch.tensor(np.log(theta))
        ).numpy()
        errors.append(np.abs(ours - expected).max())
    # to first order ln p differs by [(x - mu)^2 - x] / (2 theta)
    largest = np.abs((x - mean) ** 2 - x).max() / 2
    assert errors[0] < 1.2 * largest / 1e4
    assert errors[0] / errors[1] == pytest.approx(10, rel=0.05)
    assert errors[1] / errors[2] == pytest.approx(10, rel=0.05)


def test_the_distribution_is_scipys_at_any_library():
    likelihood = NegativeBinomialLikelihood(reference_library=20.0)
    fields = torch.tensor([[[0.3, 1.0], [-1.0, -0.5]], [[1.2, 0.2], [0.1, 4.0]]]).double()
    x = torch.tensor([[3, 0], [1, 7]])
    library = x.sum(1).double()
    mean = fields[..., 0].exp() * library[:, None] / 20.0
    theta = fields[..., 1].exp()
    expected = stats.nbinom.logpmf(x, theta, theta / (theta + mean)).sum(1)
    np.testing.assert_allclose(likelihood.log_prob(fields, x), expected, rtol=1e-6)  # the total in single precision
    p = likelihood.distribution(fields, library)
    np.testing.assert_allclose(p.log_prob(x.double()), expected, rtol=1e-7)
    np.testing.assert_allclose(p.mean, mean, rtol=1e-7)
    np.testing.assert_allclose(p.variance, mean + mean**2 / theta, rtol=1e-7)


def test_draws_have_the_moments_of_the_law():
    likelihood = NegativeBinomialLikelihood(library="none")
    n = 40_000
    log_mean, log_theta = torch.tensor([-1.0, 0.5, 2.0, 3.0]), torch.tensor([-0.5, 0.7, 1.5, 6.0])
    fields = torch.stack([log_mean, log_theta], dim=-1).expand(n, 4, 2)
    x = likelihood.draw(fields, torch.Generator().manual_seed(0)).numpy().astype(float)
    mean, theta = log_mean.exp().numpy().astype(float), log_theta.exp().numpy().astype(float)
    law = stats.nbinom(theta, theta / (theta + mean))
    np.testing.assert_array_less(np.abs(x.mean(0) - law.mean()), 5 * law.std() / np.sqrt(n))
    fourth = law.stats("k") + 3  # kurtosis
    error = law.var() * np.sqrt((fourth - 1) / n)
    np.testing.assert_array_less(np.abs(x.var(0) - law.var()), 5 * error)
