"""Mean fields of planar and Heisenberg spins: partition functions, known fields returned, the linear threshold."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Independent, VonMises

from zeeman.meanfield import collapse_beta, collapse_threshold, mean_field, mean_field_of, optimal_decoder
from zeeman.meanfield.families import AngleSites, CategoricalSites, VectorSites, sites_of
from zeeman.vae import (
    BetaVAE,
    CategoricalLikelihood,
    LatentModel,
    VonMisesFisherLikelihood,
    VonMisesLikelihood,
)
from zeeman.vae.directions import draw_angles, draw_vectors

KINDS = {2: (AngleSites, VonMisesLikelihood), 3: (VectorSites, VonMisesFisherLikelihood)}
FIXED = {"n_threads": 1, "engine": "apart", "precision": "float32", "random_state": 0}


def fields(d, seed=0):
    """(site, component) from zero to strong."""
    rng = np.random.default_rng(seed)
    h = rng.normal(size=(8, d))
    return h / np.linalg.norm(h, axis=1, keepdims=True) * np.array([0, 1e-7, 0.1, 0.5, 2, 9, 70, 900.0])[:, None]


@pytest.mark.parametrize("d", [2, 3])
def test_log_partition_generates_means_and_variances(d):
    sites, h = KINDS[d][0](), fields(d)[:-1]
    step = 1e-4
    e = np.eye(d) * step
    slope = np.stack([(sites.log_partition(h + v) - sites.log_partition(h - v)) / (2 * step) for v in e], -1)
    np.testing.assert_allclose(slope, sites.means(h), rtol=1e-6, atol=1e-8)
    V = np.stack([(sites.means(h + v) - sites.means(h - v)) / (2 * step) for v in e], -1)
    white = np.stack([sites.whiten(V[..., i], sites.means(h)) for i in range(d)], -1)
    np.testing.assert_allclose(
        np.stack([sites.whiten(white[..., i, :], sites.means(h)) for i in range(d)], -1),
        np.broadcast_to(np.eye(d), V.shape), atol=2e-4,
    )  # fmt: skip
    np.testing.assert_allclose(sites.energy(h), -(h * sites.means(h)).sum(-1), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(sites.energy_variance(h), np.einsum("ki,kij,kj->k", h, V, h), rtol=2e-5, atol=1e-12)


@pytest.mark.parametrize("d", [2, 3])
def test_fields_undo_means(d):
    sites, h = KINDS[d][0](), fields(d)
    np.testing.assert_allclose(sites.fields(sites.means(h)), h, rtol=1e-9, atol=1e-12)
    aligned = sites.fields(np.eye(d)[:1])
    assert np.isfinite(aligned).all()
    assert aligned[0, 0] > 1e6


@pytest.mark.parametrize("tempered", [False, True])
@pytest.mark.parametrize("d", [2, 3])
def test_a_decoder_set_to_a_known_field_returns_it(d, tempered):
    sites, kind = KINDS[d]
    likelihood = kind(tempered=tempered)
    h = torch.from_numpy(fields(d)).float()

    class Constant(nn.Module):
        def forward(self, z):
            output = h.movedim(-1, 0).expand(len(z), d, len(h))
            return torch.cat([output, torch.full((len(z), 1, len(h)), 0.4)], dim=1) if tempered else output

    model = LatentModel(nn.Identity(), Constant(), likelihood)
    p = likelihood.distribution(model.fields(torch.zeros(3, 2)))
    found = mean_field(p)
    b = 1 / (1 + np.exp(-0.4)) if tempered else 1.0
    np.testing.assert_allclose(found.fields, np.broadcast_to(b * fields(d), (3, 8, d)), rtol=1e-5, atol=1e-9)
    assert type(found.sites) is sites
    np.testing.assert_allclose(found.entropy, p.entropy().numpy(), rtol=1e-4, atol=2e-3)
    np.testing.assert_allclose(found.free_energy, found.energy - found.entropy, rtol=1e-12)
    x = likelihood.draw(model.fields(torch.zeros(3, 2)), torch.Generator().manual_seed(0))
    log_p = -found.hamiltonian(likelihood.values(x).numpy()) - found.log_partition
    np.testing.assert_allclose(log_p, likelihood.log_prob(model.fields(torch.zeros(3, 2)), x), rtol=1e-3, atol=2e-2)


def test_torchs_own_von_mises_is_read_too():
    p = Independent(VonMises(torch.tensor([[0.5, 3.0]]).double(), torch.tensor([[2.0, 0.1]]).double()), 1)
    np.testing.assert_allclose(np.linalg.norm(mean_field(p).fields, axis=-1), [[2.0, 0.1]])


@pytest.mark.parametrize("d", [2, 3])
def test_fields_are_recovered_from_data_by_a_constant_decoder(d):
    """Independent sites in known fields: maximum likelihood by gradients finds them within their standard errors."""
    sites, kind = KINDS[d]
    likelihood, truth, n = kind(), torch.from_numpy(fields(d)[:6]), 4000
    x = likelihood.draw(truth.expand(n, 6, d), torch.Generator().manual_seed(1))
    h = torch.zeros(6, d, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([h], lr=0.5, max_iter=200, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        value = -likelihood.log_prob(h.expand(n, 6, d), x).mean()
        value.backward()
        return value

    optimiser.step(loss)
    # the estimate's covariance is V^-1 / n: whitened by V^1/2 its errors are normal
    off = h.detach().numpy() - truth.numpy()
    V_half = np.linalg.inv(
        np.stack([sites().whiten(np.eye(d), np.tile(m, (d, 1))) for m in sites().means(truth.numpy())])
    )
    errors = np.einsum("kij,kj->ki", V_half, off) * np.sqrt(n)
    assert (np.abs(errors) < 5).all()
    np.testing.assert_allclose(h.detach(), sites().fields(sites().statistics(x.numpy()).mean(0)), rtol=1e-3, atol=1e-3)


def ordered(d, n=1500, n_sites=6, k=1.5, seed=0):
    """Directions in a field whose own direction is drawn anew, uniformly, for every sample; one site has a bias."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n, 1, d))
    common *= k / np.linalg.norm(common, axis=-1, keepdims=True)
    h = np.repeat(common, n_sites, axis=1)
    h[:, 0] += 0.7
    draw = draw_angles if d == 2 else draw_vectors
    return draw(torch.from_numpy(h), torch.Generator().manual_seed(seed)).numpy()


@pytest.mark.parametrize("d", [2, 3])
def test_the_loss_turns_downwards_at_the_linear_threshold(d):
    """L(eps) - L(0) = -(beta_c / beta - 1) eps^2 / 2 for h = h_0 + eps z w, by quadrature over z."""
    X = ordered(d)
    sites = KINDS[d][0]()
    T = sites.statistics(X)
    threshold = collapse_threshold(X, sites.name)
    z, weight = np.polynomial.hermite_e.hermegauss(20)
    h_0, eps = sites.fields(T.mean(0)), 0.02
    for j in (0, 1):
        w = threshold.directions[j]
        for beta in (0.5 * threshold.betas[j], threshold.betas[j], 3.0 * threshold.betas[j]):
            h = h_0 + eps * z[:, None, None] * w
            at_rest = sites.log_prob(h_0[None], T)
            gain = (np.exp((sites.log_prob(h, T) - at_rest) / beta) @ weight) / weight.sum()
            change = -beta * np.log(gain).mean() / (eps**2 / 2)
            assert change == pytest.approx(1 - threshold.betas[j] / beta, abs=0.02)
    assert threshold.uniform == pytest.approx(d * np.linalg.eigvalsh(np.cov(T.reshape(len(T), -1).T, ddof=0))[-1])


@pytest.mark.parametrize("d", [2, 3])
def test_threshold_of_free_sites_in_a_common_field(d):
    """Without a net direction beta_c = 1 + (N - 1) A_d(k)^2 in the limit of many samples, d-fold."""
    from zeeman.vae.directions import mean_vector

    n, n_sites, k = 6000, 6, 1.5
    X = ordered(d, n=n, n_sites=n_sites + 1, k=k)[:, 1:]
    A = mean_vector(torch.tensor([k, 0.0, 0.0][:d]).double())[0].item()
    betas = collapse_threshold(X, KINDS[d][0].name, n_directions=d).betas
    np.testing.assert_allclose(betas, 1 + (n_sites - 1) * A**2, rtol=0.08)


@pytest.mark.parametrize("d", [2, 3])
def test_what_has_no_minimum_is_refused_by_name(d):
    X = ordered(d, n=50)
    for call in (lambda: collapse_beta(X, KINDS[d][0].name), lambda: optimal_decoder(X, 1.0, KINDS[d][0].name)):
        with pytest.raises(ValueError, match=r"no minimum over all decoders.*collapse_threshold"):
            call()
    # and rightly: atoms on the samples go below any loss
    sites = KINDS[d][0]()
    T = sites.statistics(X)
    losses = []
    for k in (1e2, 1e4, 1e6):
        log_p = sites.log_prob(k * T, T)
        losses.append(-np.log(np.exp(log_p - log_p.max(1, keepdims=True)).mean(1)).mean() - log_p.max(1).mean())
    expected = -0.5 * (d - 1) * T.shape[1] * np.log(100.0)
    np.testing.assert_allclose(np.diff(losses), expected, rtol=1e-3)


def test_optimal_encoder_of_angles_and_of_blume_capel_spins():
    from zeeman.meanfield import activity, optimal_encoder

    X = ordered(2, n=200)
    rng = np.random.default_rng(0)
    spins = np.where(rng.random((200, 6)) < 0.3, 0, rng.choice([-1, 1], (200, 1)) * np.ones(6)).astype(np.int8)
    for data, likelihood in ((X, "von_mises"), (spins, "categorical")):
        vae = BetaVAE(likelihood=likelihood, n_epochs=3, **FIXED).fit(data)
        found = optimal_encoder(vae, data[:40])
        assert (found.kl > -1e-6).all()
        assert found.loss <= found.trained_loss
        assert activity(vae, data[:60]).variances.shape == (1, 2)
        read = mean_field_of(vae, vae.transform(data[:40]))
        p = vae.decode(vae.transform(data[:40]))
        log_p = -read.hamiltonian(data[:40]) - read.log_partition
        np.testing.assert_allclose(log_p, p.log_prob(torch.from_numpy(data[:40])), rtol=1e-4, atol=1e-3)
    sites = sites_of(CategoricalLikelihood(n_states=3, low=-1))
    assert isinstance(sites, CategoricalSites)
    np.testing.assert_array_equal(sites.statistics(spins).argmax(-1) - 1, spins)


def test_bad_values_are_named():
    with pytest.raises(ValueError, match=r"X holds 7 at index \(1, 0\), but angles lie in"):
        AngleSites().statistics(np.array([[0.0], [7.0]]))
    with pytest.raises(ValueError, match=r"lengths of unit vectors are 1"):
        VectorSites().statistics(np.ones((2, 4, 3)))
    with pytest.raises(ValueError, match=r"site\.\.\., 3"):
        VectorSites().statistics(np.ones((2, 4, 2)))
