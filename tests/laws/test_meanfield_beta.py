"""Laws of the role of beta: optimal encoders in closed form, the split of the loss, thresholds of collapse."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch import nn

import zeeman as zm
from zeeman.meanfield import (
    activity,
    collapse_beta,
    collapse_threshold,
    convergence,
    optimal_decoder,
    optimal_encoder,
)
from zeeman.meanfield.families import sites_of_data
from zeeman.vae import BetaVAE


class Encoder(nn.Module):
    def __init__(self, n_inputs, latent_dim):
        super().__init__()
        self.mean = nn.Linear(n_inputs, latent_dim)
        self.scale = nn.Linear(n_inputs, latent_dim)

    def forward(self, x):
        return self.mean(x.flatten(1)), nn.functional.softplus(self.scale(x.flatten(1))) + 1e-6


def linear_vae(X, likelihood, latent_dim, weight, bias, beta):
    """Fitted VAE with a linear encoder of its own and the decoder h = bias + weight z."""
    decoder = nn.Sequential(nn.Linear(latent_dim, X.shape[1]), nn.Unflatten(1, (1, X.shape[1])))
    vae = BetaVAE(
        latent_dim, likelihood, beta=beta, network=(Encoder(X.shape[1], latent_dim), decoder), n_epochs=1,
        batch_size=20, random_state=0, n_threads=1, engine="apart", precision="float32",
    ).fit(X)  # fmt: skip
    with torch.no_grad():
        vae.modules_[0].encoder.scale.weight.mul_(0.2)  # widths of one order for all samples
        vae.modules_[0].decoder[0].weight.copy_(torch.from_numpy(weight))
        vae.modules_[0].decoder[0].bias.copy_(torch.from_numpy(bias))
    return vae


def spins(n=300, sites=6, seed=0):
    """Two phases of nearly aligned sites, and a disordered one."""
    rng = np.random.default_rng(seed)
    order = rng.choice([0.05, 0.5, 0.95], n)
    return (rng.random((n, sites)) < order[:, None]).astype(int)


@pytest.mark.parametrize(("latent_dim", "rule"), [(1, "grid"), (1, "local"), (2, "grid"), (2, "local"), (3, "local")])
def test_optimal_encoder_of_a_linear_gaussian_decoder_is_in_closed_form(latent_dim, rule):
    rng = np.random.default_rng(latent_dim)
    W, b, beta = rng.normal(size=(5, latent_dim)), rng.normal(size=5), 1.7
    X = (rng.normal(size=(60, latent_dim)) @ W.T + b + rng.normal(size=(60, 5))).astype(np.float32)
    vae = linear_vae(X, "gaussian", latent_dim, W, b, beta)
    W, b = (p.detach().double().numpy() for p in vae.modules_[0].decoder[0].parameters())
    found = optimal_encoder(vae, X[:20], rule=rule)
    precision = np.eye(latent_dim) + W.T @ W / beta
    covariance = np.linalg.inv(precision)
    v = (X[:20] - b) @ W / beta
    log_Z = (
        -(((X[:20] - b) ** 2).sum(axis=1) + 5 * math.log(2 * math.pi)) / (2 * beta)
        - 0.5 * np.linalg.slogdet(precision)[1]
        + 0.5 * np.einsum("ni,ij,nj->n", v, covariance, v)
    )
    np.testing.assert_allclose(found.log_partition, log_Z, atol=2e-3)
    np.testing.assert_allclose(found.mean, v @ covariance, atol=3e-3)
    np.testing.assert_allclose(found.covariance, np.broadcast_to(covariance, found.covariance.shape), atol=5e-3)
    codes = vae.encode(X[:20])
    mean, scale = codes.mean[0].astype(float), codes.scale[0].astype(float)
    difference = mean - v @ covariance
    kl = 0.5 * (
        (scale**2 * np.diag(precision)).sum(axis=1)
        + np.einsum("ni,ij,nj->n", difference, precision, difference)
        - latent_dim
        - np.linalg.slogdet(precision)[1]
        - 2 * np.log(scale).sum(axis=1)
    )
    np.testing.assert_allclose(found.kl, kl, atol=5e-3, rtol=1e-3)
    np.testing.assert_allclose(found.trained_loss, found.loss + found.gap, rtol=1e-12)


def test_loss_splits_into_free_energy_and_distance_for_any_replica_and_beta():
    """Both sides on their own: the loss by Monte Carlo of the model, Z and KL by an adaptive integrator."""
    X = spins()
    vae = BetaVAE(
        1, beta=0.8, network="mlp", n_replicas=2, n_epochs=4, random_state=0, n_threads=1, engine="stacked"
    ).fit(X)
    for replica in (0, 1):
        model = vae.modules_[replica]
        found = optimal_encoder(vae, X[:6], replica=replica)
        states = model.likelihood.states(X[:6])
        codes = vae.encode(X[:6])
        noise = torch.from_numpy(stats.norm.ppf((np.arange(4000) + 0.5) / 4000)).float()
        with torch.no_grad():
            log_p = np.array([
                model.log_prob(
                    float(codes.mean[replica, i, 0]) + float(codes.scale[replica, i, 0]) * noise[:, None],
                    states[i : i + 1].expand(4000, -1),
                ).mean() for i in range(6)
            ])  # fmt: skip
        np.testing.assert_allclose(-log_p, found.trained_distortion, atol=5e-3)

        z = torch.linspace(-7, 7, 20_001)[:, None]
        with torch.no_grad():
            weight = torch.exp(model.log_prob(z, states[:1].expand(20_001, -1)) / 0.8).numpy()
        Z = integrate.trapezoid(weight * stats.norm.pdf(z[:, 0].numpy()), dx=14 / 20_000)
        assert found.log_partition[0] == pytest.approx(math.log(Z), abs=2e-3)
        assert found.kl.min() > -1e-3
        warmer = optimal_encoder(vae, X[:6], beta=2.0, replica=replica)
        assert warmer.rate.mean() < found.rate.mean()  # a hotter posterior says less
        assert warmer.distortion.mean() > found.distortion.mean()


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "categorical"])
def test_collapsed_code_turns_unstable_at_the_threshold(likelihood):
    """Loss of a decoder linear in z with its optimal encoder: falls with the amplitude below beta_c only."""
    rng = np.random.default_rng(5)
    X = spins(seed=1)
    X[:, 0] = rng.random(300) < 0.15  # a site with a mean far from 1/2
    if likelihood == "gaussian":
        X = X + 0.3 * rng.normal(size=X.shape)
    if likelihood == "categorical":
        X = X + (rng.random(X.shape) < 0.3) * (X == 1)
    threshold = collapse_threshold(X, likelihood, n_directions=1)
    sites, T = sites_of_data(X, likelihood)
    h0, w = sites.fields(T.mean(axis=0)), threshold.directions[0]
    z = np.linspace(-7, 7, 281)
    log_prior = stats.norm.logpdf(z) + math.log(z[1] - z[0])

    def loss(amplitude, beta):
        fields = h0 + amplitude * z.reshape(-1, *[1] * w.ndim) * w
        log_w = sites.log_prob(fields, T) / beta + log_prior
        top = log_w.max(axis=1, keepdims=True)
        return -beta * (np.log(np.exp(log_w - top).sum(axis=1)) + top[:, 0]).mean()

    for factor, sign in ((0.97, -1), (1.03, 1)):
        beta = factor * threshold.beta
        change = loss(0.01, beta) - loss(0.0, beta)
        assert sign * change > 0
        assert change == pytest.approx(1e-4 / (2 * beta) * (beta - threshold.beta), rel=0.1)


def test_threshold_is_four_times_the_covariance_only_without_a_net_field():
    rng = np.random.default_rng(6)
    X = spins(400)
    X = np.concatenate([X, 1 - X])  # all means 1/2
    top = np.linalg.eigvalsh(np.cov(X.T, bias=True))[-1]
    found = collapse_threshold(X)
    assert found.beta == pytest.approx(4 * top)
    assert found.uniform == pytest.approx(4 * top)
    biased = (rng.random(X.shape) < 0.1 + 0.3 * X).astype(int)
    found = collapse_threshold(biased)
    assert found.beta == pytest.approx(np.linalg.eigvalsh(np.corrcoef(biased.T))[-1])
    assert found.beta > 1.2 * found.uniform
    two_states = collapse_threshold(biased, "categorical")
    assert two_states.beta == pytest.approx(found.beta)
    assert two_states.uniform == pytest.approx(found.uniform)
    gauss = collapse_threshold(biased, "gaussian")
    assert gauss.beta == pytest.approx(np.linalg.eigvalsh(np.cov(biased.T, bias=True))[-1])


def test_exact_code_of_k_equal_sites_survives_up_to_beta_k():
    """All k sites equal, up or down: L = beta ln 2 for beta < k (both states known exactly), k ln 2 above."""
    X = np.repeat(np.array([0, 1] * 10)[:, None], 7, axis=1)
    assert collapse_threshold(X).beta == pytest.approx(7)
    assert collapse_beta(X) == pytest.approx(7, rel=5e-3)
    below, above = optimal_decoder(X, 5.0), optimal_decoder(X, 7.5)
    assert below.loss == pytest.approx(5 * math.log(2), abs=1e-6)
    assert below.rate == pytest.approx(math.log(2), abs=1e-6)
    assert above.loss == pytest.approx(7 * math.log(2))
    assert above.gain == pytest.approx(0, abs=1e-9)


def test_floor_is_below_every_decoder_and_encoder():
    X = spins()
    beta = 1.5
    floor = optimal_decoder(X, beta)
    assert floor.certificate < 2e-3
    assert floor.loss < floor.collapsed_loss
    tied = optimal_decoder(X, beta, latent_dim=1, max_iterations=100)
    assert floor.loss - floor.certificate <= tied.loss + 1e-9
    assert tied.loss - tied.certificate <= floor.loss + 1e-9  # the certificate of the worse one holds too
    vae = BetaVAE(1, beta=beta, n_epochs=5, random_state=0, n_threads=1, engine="apart").fit(X)
    assert floor.loss - floor.certificate < optimal_encoder(vae, X).loss
    np.testing.assert_allclose(-beta * floor.log_partition(X).mean(), floor.loss)
    np.testing.assert_allclose(floor.responsibilities.sum(axis=1), 1)
    np.testing.assert_allclose(floor.responsibilities.mean(axis=0), floor.weights, atol=1e-3)


def test_rate_falls_and_distortion_rises_with_beta():
    X = spins(sites=4)
    floors = [optimal_decoder(X, beta) for beta in (0.5, 1.3, 1.6, 2.0, 4.0)]
    rates, distortions = np.array([(f.rate, f.distortion) for f in floors]).T
    assert (np.diff(rates) < 1e-6).all()
    assert (np.diff(distortions) > -1e-6).all()


def test_cold_floor_remembers_every_state():
    """distortion >= H - rate and rate <= H, the entropy of the data: for beta < 1 the minimum is beta H."""
    X = spins(sites=4)
    share = np.unique(X, axis=0, return_counts=True)[1] / len(X)
    entropy = -(share * np.log(share)).sum()
    assert optimal_decoder(X, 0.6).loss == pytest.approx(0.6 * entropy, abs=1e-3)


def test_activity_tells_a_live_code_from_a_dead_one():
    X = spins(sites=20)
    live = BetaVAE(1, beta=1.0, n_epochs=15, random_state=0, n_threads=1, engine="apart", batch_size=32).fit(X)
    dead = BetaVAE(1, beta=200.0, n_epochs=15, random_state=0, n_threads=1, engine="apart", batch_size=32).fit(X)
    a, b = activity(live, X), activity(dead, X)
    assert a.n_active[0] == 1
    assert b.n_active[0] == 0
    assert a.gain[0] > 1
    assert b.gain[0] < 0.05
    assert a.kl[0, 0] > 10 * b.kl[0, 0]


def test_gaps_along_a_training_add_up_to_its_loss():
    X = spins(sites=20)
    run = convergence(
        X, n_judged=60, latent_dim=1, beta=2.0, n_epochs=6, n_replicas=2, random_state=0, n_threads=1,
        engine="apart", batch_size=32,
    )  # fmt: skip
    assert run.encoder_gap.shape == run.decoder_loss.shape == (7, 2)
    assert (run.encoder_gap > -1e-2).all()
    last = optimal_encoder(run.vae, X[:60], replica=1)
    assert run.decoder_loss[-1, 1] == pytest.approx(last.loss, abs=1e-6)
    assert run.encoder_gap[-1, 1] == pytest.approx(last.gap, abs=1e-6)
    encoder, decoder = run.closing_epochs()
    assert encoder.shape == decoder.shape == run.lag().shape == (2,)
    with pytest.raises(ValueError, match="between 0 and 1"):
        run.lag(1.5)
    with pytest.raises(ValueError, match="objective='elbo' only"):
        convergence(X, objective="plain")


def test_a_floor_that_ran_out_of_atoms_says_so():
    """At small beta the optimum is one atom a distinct sample: beta ln n, which fewer atoms cannot reach."""
    rng = np.random.default_rng(0)
    X = np.unique(rng.random((60, 16)) < rng.random((60, 1)), axis=0).astype(int)
    with pytest.warns(RuntimeWarning, match=rf"beta=0\.3 ended with 16 atoms .* max_atoms=16 \({len(X)}, one a"):
        few = optimal_decoder(X, 0.3, max_atoms=16)
    assert few.certificate > 1
    enough = optimal_decoder(X, 0.3, max_atoms=len(X))  # warnings are errors
    assert len(enough.weights) == len(X)
    assert enough.loss == pytest.approx(0.3 * math.log(len(X)), abs=2e-3)
    assert few.loss - few.certificate <= enough.loss


def test_data_of_fewer_directions_than_latents_have_a_floor():
    X = np.random.default_rng(0).integers(0, 2, size=(200, 2))
    assert optimal_decoder(X, 0.5, latent_dim=3).loss <= optimal_decoder(X, 0.5, latent_dim=1).loss + 1e-6


def test_the_collapse_is_never_below_the_linear_threshold():
    X = np.random.default_rng(0).normal(size=(200, 3)) @ np.diag([1.3, 1.0, 0.5])
    assert collapse_beta(X, highest=0.1) >= collapse_threshold(X).beta


def test_data_sets_of_spins_are_read_as_the_training_reads_them():
    """Angles of an xarray are von Mises sites by what stands with them."""
    ds = zm.spins.sample(zm.spins.XY(zm.spins.square(4)), [0.5], 80, seed=0)
    settings = {"n_epochs": 1, "random_state": 0, "network": "mlp", "latent_dim": 2, "n_threads": 1}
    assert convergence(ds, n_judged=10, **settings).vae.likelihood_ == "von_mises"
    vae = BetaVAE(**settings).fit(ds)
    np.testing.assert_allclose(activity(vae, ds).loss, activity(vae, ds.configuration).loss)
    assert collapse_threshold(ds).beta == pytest.approx(collapse_threshold(ds.configuration.values, "von_mises").beta)


def test_activity_without_a_kl_term_has_no_best_encoder():
    X = np.random.default_rng(0).normal(size=(60, 4))
    found = activity(BetaVAE(2, beta=0.0, n_epochs=1, random_state=0, n_threads=1).fit(X), X)
    assert found.loss is None
    assert np.isfinite(found.kl).all()
