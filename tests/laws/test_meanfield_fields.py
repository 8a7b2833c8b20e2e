"""Laws of the mean field: a known field comes back, and thermodynamics holds."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Categorical, Independent, Normal

from zeeman.meanfield import mean_field, mean_field_of
from zeeman.vae import BetaVAE

RNG = np.random.default_rng(0)
DATA = {
    "bernoulli": RNG.integers(0, 2, (40, 2, 3)),
    "categorical": np.concatenate([RNG.integers(0, 3, (39, 2, 3)), np.full((1, 2, 3), 2)]),
    "gaussian": RNG.normal(size=(40, 2, 3)),
}
KINDS = tuple(DATA)


class Encoder(nn.Module):
    def __init__(self, n_inputs, latent_dim):
        super().__init__()
        self.mean = nn.Linear(n_inputs, latent_dim)
        self.scale = nn.Linear(n_inputs, latent_dim)

    def forward(self, x):
        flat = x.flatten(1)
        return self.mean(flat), nn.functional.softplus(self.scale(flat)) + 1e-6


def known_decoder(likelihood, tempered=False, latent_dim=2, n_replicas=1):
    """A fitted VAE whose decoder is set to output(z) = bias + weight z, with the data and these two arrays."""
    X = DATA[likelihood]
    channels = (3 if likelihood == "categorical" else 1) + tempered
    inputs = 3 if likelihood == "categorical" else 1
    decoder = nn.Sequential(nn.Linear(latent_dim, channels * 6), nn.Unflatten(1, (channels, 2, 3)))
    vae = BetaVAE(
        latent_dim, likelihood, tempered=tempered, network=(Encoder(inputs * 6, latent_dim), decoder), n_epochs=1,
        batch_size=20, n_replicas=n_replicas, random_state=0, n_threads=1, engine="apart", precision="float32",
    ).fit(X)  # fmt: skip
    rng = np.random.default_rng(1)
    weight, bias = rng.normal(size=(channels * 6, latent_dim)), rng.normal(size=channels * 6)
    layer = vae.modules_[0].decoder[0]
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
        layer.bias.copy_(torch.from_numpy(bias))
    vae.best_replica_ = 0
    return vae, X, weight, bias


@pytest.mark.parametrize("tempered", [False, True])
@pytest.mark.parametrize("likelihood", KINDS)
def test_decoder_set_to_a_known_field_returns_it(likelihood, tempered):
    vae, X, weight, bias = known_decoder(likelihood, tempered)
    Z = np.random.default_rng(2).normal(size=(7, 2)).astype(np.float32)
    output = (bias + Z @ weight.T).reshape(7, -1, 2, 3)
    h = np.moveaxis(output[:, :3], 1, -1) if likelihood == "categorical" else output[:, 0]
    b = 1 / (1 + np.exp(-output[:, -1])) if tempered else np.ones((7, 2, 3))
    got = mean_field_of(vae, Z, gauge="raw")
    assert got.fields.dtype == got.inverse_temperatures.dtype == np.float64
    np.testing.assert_allclose(got.fields, h, atol=2e-6)
    np.testing.assert_allclose(got.inverse_temperatures, b, atol=1e-6)
    product = h * (b[..., None] if likelihood == "categorical" else b)
    np.testing.assert_allclose(got.effective_fields, product, atol=2e-6)

    from_distribution = mean_field(vae.decode(Z))
    again = mean_field_of(vae, Z)
    np.testing.assert_allclose(from_distribution.effective_fields, again.effective_fields, atol=5e-6)
    np.testing.assert_allclose(from_distribution.energy, again.energy, atol=2e-5)

    p = vae.decode(Z)
    log_p = p.log_prob(torch.from_numpy(X[:7])).numpy() if likelihood != "bernoulli" else None
    if log_p is None:
        log_p = p.log_prob(torch.from_numpy(X[:7]).float()).numpy()
    for field in (got, again, from_distribution):
        np.testing.assert_allclose(-field.hamiltonian(X[:7]) - field.log_partition, log_p, atol=2e-5)


@pytest.mark.parametrize("likelihood", KINDS)
def test_free_energy_is_energy_minus_entropy_and_sums_over_sites(likelihood):
    field = mean_field_of(known_decoder(likelihood)[0], RNG.normal(size=(5, 2)))
    np.testing.assert_allclose(field.free_energy, field.energy - field.entropy, atol=1e-12)
    np.testing.assert_allclose(field.free_energy, -field.log_partition)
    np.testing.assert_allclose(field.local_log_partition.sum(axis=(1, 2)), field.log_partition)
    np.testing.assert_allclose(field.local_energy.sum(axis=(1, 2)), field.energy)
    p = known_decoder(likelihood)[0]
    entropy = p.decode(np.zeros((1, 2))).base_dist.entropy().double().sum().item()
    assert mean_field_of(p, np.zeros((1, 2))).entropy[0] == pytest.approx(entropy, abs=1e-5)


@pytest.mark.parametrize("likelihood", KINDS)
def test_log_partition_generates_means_and_variances(likelihood):
    """d ln Z / dh = <T>, and -d<ln p e^-H/T> ... : dE/dT = Var H at T = 1, by central differences."""
    field = mean_field_of(known_decoder(likelihood)[0], RNG.normal(size=(3, 2)))
    sites, h, step = field.sites, field.effective_fields, 1e-5
    for index in ((0, 0, 0), (2, 1, 2)):
        up, down = h.copy(), h.copy()
        where = (*index, 1) if likelihood == "categorical" else index
        up[where] += step
        down[where] -= step
        slope = (sites.log_partition(up).sum() - sites.log_partition(down).sum()) / (2 * step)
        assert slope == pytest.approx(field.means[where], abs=1e-8)


def test_heat_capacity_is_the_variance_of_h_by_enumeration():
    rng = np.random.default_rng(3)
    for q in (2, 3):
        h = rng.normal(size=(1, 3, q))
        states = np.array(list(itertools.product(range(q), repeat=3)))
        H = -np.array([sum(h[0, k, s] for k, s in enumerate(x)) for x in states])
        if q == 2:
            p = Independent(Bernoulli(logits=torch.from_numpy(h[..., 1] - h[..., 0])), 1)
            H = H + h[0, :, 0].sum()  # the same system with the field of state 0 as the zero of energy
        else:
            p = Independent(Categorical(logits=torch.from_numpy(h)), 1)
            H = H + h.mean(axis=-1).sum()  # zero-sum gauge
        field = mean_field(p)
        np.testing.assert_allclose(field.hamiltonian(np.repeat(states[5:6], 1, axis=0)), H[5])
        weights = np.exp(-H)
        Z = weights.sum()
        E = (H * weights).sum() / Z
        assert field.log_partition[0] == pytest.approx(math.log(Z))
        assert field.energy[0] == pytest.approx(E)
        assert field.heat_capacity[0] == pytest.approx(((H - E) ** 2 * weights).sum() / Z)
        assert field.entropy[0] == pytest.approx(-(weights / Z * np.log(weights / Z)).sum())


def test_gaussian_free_energy_keeps_what_eq_18_drops():
    mu = torch.tensor([[0.3, -1.2, 2.0]], dtype=torch.float64)
    field = mean_field(Independent(Normal(mu, torch.ones_like(mu)), 1))
    assert field.free_energy[0] == pytest.approx(-0.5 * float((mu**2 + math.log(2 * math.pi)).sum()))
    assert field.heat_capacity[0] == pytest.approx(1.5)  # 1/2 a site, as equipartition has it


def test_spins_feel_half_the_field():
    """On s = 2x - 1 the field is h/2: H differs by a constant, differences of energy do not."""
    h = np.array([[0.7, -1.1]])
    field = mean_field(Independent(Bernoulli(logits=torch.from_numpy(h)), 1))
    spins = np.array([[-1, 1]])
    energy = -(h / 2 * spins).sum(axis=1) - (h / 2).sum(axis=1)
    np.testing.assert_allclose(field.hamiltonian(spins), energy)
    np.testing.assert_allclose(field.hamiltonian((spins + 1) // 2), energy)


def test_gauge_moves_energies_and_not_probabilities():
    h = torch.from_numpy(np.random.default_rng(4).normal(size=(2, 4, 3)))
    p = Independent(Categorical(logits=h), 1)
    raw, zero_sum = mean_field(p, gauge="raw"), mean_field(p)
    np.testing.assert_allclose(raw.log_partition, 0, atol=1e-12)  # torch normalises its logits
    np.testing.assert_allclose(zero_sum.fields.sum(axis=-1), 0, atol=1e-12)
    np.testing.assert_allclose(raw.means, zero_sum.means)
    np.testing.assert_allclose(raw.entropy, zero_sum.entropy)
