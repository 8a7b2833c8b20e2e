"""The linear-Gaussian VAE (probabilistic PCA): evidence, rate, distortion and information have closed forms.

x = W z + b + noise of unit variance, z ~ N(0, 1): p(x) = N(b, W W^T + 1), p(z|x) = N(M W^T (x - b), M) with
M = (W^T W + 1)^-1.
"""

import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from torch import nn

from zeeman.base.types import Codes
from zeeman.information import (
    annealed,
    importance,
    information_bounds,
    quadrature,
    rate_distortion,
    rate_distortion_curve,
    rate_parts,
    sandwich,
)
from zeeman.vae import GaussianLikelihood, LatentModel

SITES = 6


class LinearEncoder(nn.Module):
    """Mean A (x - b), a constant scale."""

    def __init__(self, A, b, scale):
        super().__init__()
        for name, value in (("A", A), ("b", b), ("scale", scale)):
            self.register_buffer(name, torch.from_numpy(np.asarray(value)).float())

    def forward(self, x):
        mean = (x[:, 0] - self.b) @ self.A.T
        return mean, self.scale.expand_as(mean)


class LinearDecoder(nn.Module):
    """W z + b."""

    def __init__(self, W, b):
        super().__init__()
        self.layer = nn.Linear(W.shape[1], W.shape[0])
        with torch.no_grad():
            self.layer.weight.copy_(torch.from_numpy(W))
            self.layer.bias.copy_(torch.from_numpy(b))

    def forward(self, z):
        return self.layer(z)[:, None]


def world(dim, seed=0, widen=1.0, n=40):
    """Return a model with the best diagonal encoder (its widths times `widen`), W, b and data of the model."""
    rng = np.random.default_rng(seed)
    W, b = rng.normal(size=(SITES, dim)), rng.normal(size=SITES)
    precision = W.T @ W + np.eye(dim)
    encoder = LinearEncoder(np.linalg.solve(precision, W.T), b, widen / np.sqrt(np.diag(precision)))
    X = rng.normal(size=(n, dim)) @ W.T + b + rng.normal(size=(n, SITES))
    return LatentModel(encoder, LinearDecoder(W, b), GaussianLikelihood()), W, b, X


def exact(W, b, X):
    return multivariate_normal(b, W @ W.T + np.eye(len(b))).logpdf(X)


@pytest.mark.parametrize("widen", [1.0, 3.0])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_quadrature_is_exact(dim, widen):
    model, W, b, X = world(dim, seed=dim, widen=widen)
    found = quadrature(model, X)
    np.testing.assert_allclose(found.log_likelihood[0], exact(W, b, X), atol=2e-5)  # fields in float32
    assert (found.error < 1e-3).all()


@pytest.mark.parametrize("dim", [2, 5])
def test_importance_sampling_agrees_within_its_own_error_and_bias(dim):
    model, W, b, X = world(dim, seed=dim, widen=1.5)
    found = importance(model, X, 1000)
    off = found.log_likelihood[0] - exact(W, b, X)
    assert np.sqrt(np.mean((off / found.error[0]) ** 2)) < 2.0
    assert abs(np.mean(off)) < 5 * np.sqrt(np.mean(found.error**2) / len(X)) + abs(found.bias.mean())
    assert found.reliable.mean() > 0.9
    assert (found.bias <= 1e-12).all()


def test_the_exact_posterior_as_proposal_leaves_no_variance():
    model, W, b, X = world(1)
    found = importance(model, X, 50)
    np.testing.assert_allclose(found.log_likelihood[0], exact(W, b, X), atol=2e-5)
    np.testing.assert_allclose(found.ess, 50, rtol=1e-6)


def test_bias_is_minus_half_the_variance():
    model, _, _, X = world(3, widen=2.0, n=200)
    found = importance(model, X, 400)
    assert found.bias.mean() == pytest.approx(-0.5 * np.mean(found.error**2), rel=0.5)


@pytest.mark.parametrize(("transition", "start"), [("hmc", "prior"), ("walk", "prior"), ("hmc", "encoder")])
def test_annealing_agrees_within_its_error(transition, start):
    model, W, b, X = world(4, seed=3, widen=1.5)
    found = annealed(model, X, n_chains=16, n_temperatures=40, transition=transition, start=start)
    off = found.log_likelihood[0] - exact(W, b, X)
    assert np.sqrt(np.mean((off / found.error[0]) ** 2)) < 2.0
    assert abs(off.mean()) < 5 * np.sqrt(np.mean(off**2) / len(X)) + 0.5 * np.mean(found.error**2)
    assert 0.1 < found.acceptance[0] < 0.99


def test_annealed_weights_are_unbiased():
    """E w = p(x) whatever the length of the path: a short one too, with many chains."""
    model, W, b, X = world(2, seed=5, n=8)
    found = annealed(model, X, n_chains=2000, n_temperatures=5)
    ratio = np.exp(found.log_weights[0] - exact(W, b, X))
    error = ratio.std(axis=0) / math.sqrt(len(ratio))
    assert (np.abs(ratio.mean(axis=0) - 1.0) < 5 * error).all()


@pytest.mark.parametrize("start", ["prior", "encoder"])
def test_bounds_hold_the_truth_between_them_and_close(start):
    model, W, b, _ = world(3, seed=4, widen=1.5)
    gaps = []
    for n_temperatures in (5, 40):
        found = sandwich(model, 80, n_chains=8, n_temperatures=n_temperatures, start=start)
        truth = exact(W, b, found.X[0])
        for bound, sign in ((found.lower, 1.0), (found.upper, -1.0)):
            slack = sign * (truth - bound[0])  # positive on average
            assert slack.mean() > -5 * slack.std() / math.sqrt(len(slack))
        gaps.append(found.gap[0])
    assert gaps[1] < 0.5 * gaps[0]
    assert gaps[1] < 0.6


def test_simulated_data_are_of_the_model():
    model, W, b, _ = world(2)
    X = sandwich(model, 3000, n_chains=2, n_temperatures=2, transition="walk").X[0]
    C = W @ W.T + np.eye(SITES)
    assert (np.abs(X.mean(axis=0) - b) < 5 * np.sqrt(np.diag(C) / len(X))).all()
    error = np.sqrt((np.outer(np.diag(C), np.diag(C)) + C**2) / len(X))
    assert (np.abs(np.cov(X.T) - C) < 5 * error).all()


def test_rate_and_distortion_are_the_closed_forms():
    model, W, b, X = world(3, n=400)
    found = rate_distortion(model, X, 32)
    mean = (X - b) @ model.encoder.A.double().numpy().T
    scale = model.encoder.scale.double().numpy()
    rate = 0.5 * (mean**2 + scale**2 - 1 - 2 * np.log(scale)).sum(1)
    np.testing.assert_allclose(found.rate[0], rate, rtol=1e-5)
    misfit = ((X - b - mean @ W.T) ** 2).sum(1) + (W**2 @ scale**2).sum() + SITES * math.log(2 * math.pi)
    off = found.distortion[0] - 0.5 * misfit
    assert abs(off.mean()) < 5 * off.std() / math.sqrt(len(X))
    assert (found.elbo == -found.rate - found.distortion).all()
    assert found.elbo.mean() < exact(W, b, X).mean() + 5 * off.std() / math.sqrt(len(X))


def test_the_optimal_curve_has_slope_beta():
    """Variances l_i: at the optimum w^2 = l - beta, q of variance beta / l, R = sum ln(l / beta) / 2."""
    betas, variances = np.array([0.25, 0.5, 1.0, 2.0, 4.0]), np.array([9.0, 6.0])
    models = [_optimal(beta, variances) for beta in betas]
    X = np.random.default_rng(0).normal(size=(3000, 2)) * np.sqrt(variances)
    curve = rate_distortion_curve(models[::-1], X)
    assert (curve.beta == betas).all()
    closed = 0.5 * np.log(variances / betas[:, None]).sum(1)
    assert (np.abs(curve.rate[:, 0] - closed) < 5 * curve.rate_error[:, 0]).all()
    # distortion: half a beta a latent, and the noise's own entropy
    closed = betas + math.log(2 * math.pi)
    assert (np.abs(curve.distortion[:, 0] - closed) < 5 * curve.distortion_error[:, 0] + 0.02).all()
    assert (curve.slope > 0.9 * betas[:-1]).all()
    assert (curve.slope < 1.1 * betas[1:]).all()


def _optimal(beta, variances):
    W = np.diag(np.sqrt(variances - beta))
    encoder = LinearEncoder(W / variances, np.zeros(2), np.sqrt(beta / variances))
    return LatentModel(encoder, LinearDecoder(W, np.zeros(2)), GaussianLikelihood(), beta=beta)


def gaussian_codes(covariance, scale, n=3000, seed=0):
    """Codes whose aggregate is N(0, covariance + scale^2)."""
    rng = np.random.default_rng(seed)
    mean = rng.multivariate_normal(np.zeros(len(covariance)), covariance, size=n)
    return Codes(mean[None], np.full((1, n, len(covariance)), scale))


def test_independent_latents_have_no_total_correlation():
    parts = rate_parts(gaussian_codes(np.diag([0.75, 2.0]), 0.5))
    assert abs(parts.total_correlation[0]) < 5 * parts.error[0, 1] + 0.01
    closed = 0.5 * (np.array([1.0, 2.25]) - 1.0 - np.log([1.0, 2.25]))
    assert (np.abs(parts.marginal_kl[0] - closed) < 0.1).all()


def test_a_rotated_gaussian_has_the_known_total_correlation():
    variances = np.array([3.0, 0.5])
    for angle in (0.0, 0.4, math.pi / 4):
        Q = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        total = Q @ np.diag(variances) @ Q.T
        closed = 0.5 * np.log(np.diag(total)).sum() - 0.5 * np.log(variances).sum()
        parts = rate_parts(gaussian_codes(total - 0.16 * np.eye(2), 0.4))
        assert abs(parts.total_correlation[0] - closed) < 5 * parts.error[0, 1] + 0.02


@pytest.mark.parametrize("max_codes", [200, 10_000])
def test_the_parts_add_up_to_the_rate(max_codes):
    rng = np.random.default_rng(0)
    codes = Codes(rng.normal(size=(2, 500, 3)), rng.uniform(0.1, 1.0, size=(2, 500, 3)))
    parts = rate_parts(codes, max_codes=max_codes)
    whole = parts.mutual_information + parts.total_correlation + parts.dimension_kl
    assert (np.abs(whole - parts.rate) < 5 * np.linalg.norm(parts.error, axis=1)).all()
    assert (parts.mutual_information <= math.log(500) + 1e-12).all()


def test_mixture_sums_are_those_of_a_slow_oracle():
    rng = np.random.default_rng(1)
    codes = Codes(rng.normal(size=(1, 30, 2)), rng.uniform(0.3, 1.0, size=(1, 30, 2)))
    many = [rate_parts(codes, random_state=seed).total_correlation[0] for seed in range(200)]
    z = codes.mean[0] + codes.scale[0] * rng.standard_normal((400, 30, 2))
    joint, single = np.empty((400, 30)), np.empty((400, 30, 2))
    for i in range(30):
        each = np.stack([
            -0.5 * ((z[:, i] - codes.mean[0, n]) / codes.scale[0, n]) ** 2
            - np.log(codes.scale[0, n])
            - 0.5 * math.log(2 * math.pi)
            for n in range(30)
        ])  # fmt: skip
        joint[:, i] = np.log(np.exp(each.sum(-1)).mean(0))
        single[:, i] = np.log(np.exp(each).mean(0))
    slow = (joint - single.sum(-1)).mean(1)
    error = math.hypot(np.std(many) / math.sqrt(200), slow.std() / math.sqrt(400))
    assert abs(np.mean(many) - slow.mean()) < 5 * error


def test_bounds_hold_the_information_of_a_linear_code():
    covariance, scale = np.diag([1.0, 3.0]), 0.5
    truth = 0.5 * np.log1p(np.diag(covariance) / scale**2).sum()
    for size in (None, 300):
        found = information_bounds(gaussian_codes(covariance, scale), size)
        assert found.lower[0] < truth + 5 * found.lower_error[0]
        assert found.upper[0] > truth - 5 * found.upper_error[0]
        assert found.lower[0] <= found.cap
        assert found.upper[0] - found.lower[0] < 0.2
        assert found.rate[0] > truth


def test_a_sharp_code_reaches_the_cap():
    codes = gaussian_codes(np.eye(2), 1e-4, n=500)
    found = information_bounds(codes, 100)
    assert found.lower[0] == pytest.approx(math.log(100), abs=1e-3)
    assert found.upper[0] > found.cap
    assert rate_parts(codes).mutual_information[0] == pytest.approx(math.log(500), abs=1e-3)


@pytest.mark.parametrize(("dim", "scale"), [(10, 0.01), (16, 0.01)])
def test_the_upper_bound_is_one_where_codes_are_so_sharp_that_nobody_else_is_seen(dim, scale):
    """I = -d ln s of means from N(0, 1 - s^2); leaving one out by subtraction ended at 34.5 + ln(K - 1)."""
    found = information_bounds(gaussian_codes((1 - scale**2) * np.eye(dim), scale, n=300))
    assert found.upper[0] > -dim * math.log(scale) - 5 * found.upper_error[0]
    assert found.upper[0] > 40.6


def test_a_collapsed_code_holds_nothing():
    codes = Codes(np.zeros((1, 50, 3)), np.ones((1, 50, 3)))
    parts, found = rate_parts(codes), information_bounds(codes)
    numbers = (
        parts.rate,
        parts.mutual_information,
        parts.total_correlation,
        parts.marginal_kl,
        found.lower,
        found.upper,
    )
    for value in numbers:
        np.testing.assert_allclose(value, 0.0, atol=1e-12)
