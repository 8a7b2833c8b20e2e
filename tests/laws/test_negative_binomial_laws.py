"""Laws of the negative binomial likelihood: normalisation, invariance under the library, divergence, field, files."""

import numpy as np
import pytest
import torch
from torch.distributions import kl_divergence

from zeeman.information import sandwich
from zeeman.vae import BetaVAE, LatentModel, NegativeBinomialLikelihood
from zeeman.vae.counts import CountHead, clearly_overdispersed_counts
from zeeman.vae.likelihoods import resolve
from zeeman.vae.metric import fisher_metric

FIXED = {"n_threads": 1, "engine": "apart", "precision": "float32", "random_state": 0}


def counts(n=300, genes=12, seed=0, depth=0.5):
    rng = np.random.default_rng(seed)
    rates = np.exp(rng.normal(1.0, 1.2, (2, genes)))[rng.integers(0, 2, n)] * np.exp(depth * rng.normal(size=(n, 1)))
    x = rng.poisson(rates * rng.gamma(2.0, 1 / 2.0, rates.shape))
    x[x.sum(1) == 0, 0] = 1
    return x


def test_probabilities_sum_to_one_without_a_library():
    likelihood = NegativeBinomialLikelihood(library="none")
    fields = torch.tensor([[0.2, 0.7], [-0.6, 3.0]]).double()
    a, b = torch.meshgrid(torch.arange(200), torch.arange(200), indexing="ij")
    x = torch.stack([a.flatten(), b.flatten()], dim=1)
    total = likelihood.log_prob(fields.expand(len(x), 2, 2), x).exp().sum()
    assert total.item() == pytest.approx(1.0, rel=1e-6)


def test_distribution_agrees_with_log_prob_at_the_reference():
    likelihood = NegativeBinomialLikelihood(library="none")
    fields = torch.randn(6, 3, 2, generator=torch.Generator().manual_seed(0))
    x = likelihood.draw(fields, torch.Generator().manual_seed(1))
    torch.testing.assert_close(likelihood.distribution(fields).log_prob(x.float()), likelihood.log_prob(fields, x))


def test_what_the_encoder_sees_does_not_change_with_depth():
    likelihood = NegativeBinomialLikelihood(reference_library=100.0)
    x = torch.randint(0, 50, (5, 8), generator=torch.Generator().manual_seed(0)) + 1
    torch.testing.assert_close(likelihood.features(x), likelihood.features(7 * x))
    plain = NegativeBinomialLikelihood(library="none")
    torch.testing.assert_close(plain.features(x)[:, 0], torch.log1p(x.float()))


def test_divergence_is_the_expectation_under_the_first():
    likelihood = NegativeBinomialLikelihood(library="none")
    rates = torch.tensor([[0.5, -0.3], [0.1, 1.0]]).double()
    theta = torch.tensor([0.4, 2.0]).double()
    a, b = (torch.stack([rate, theta], dim=-1)[None] for rate in rates)
    x = torch.arange(400)
    grid = torch.stack(torch.meshgrid(x, x, indexing="ij"), dim=-1).reshape(-1, 2)
    log_a, log_b = (likelihood.log_prob(f.expand(len(grid), 2, 2), grid) for f in (a, b))
    expected = (log_a.exp() * (log_a - log_b)).sum()
    assert likelihood.divergence(a, b).item() == pytest.approx(expected.item(), rel=1e-6)
    assert likelihood.divergence(a, a).item() == pytest.approx(0.0, abs=1e-12)


def test_divergence_of_the_others_is_torchs():
    from zeeman.vae import BernoulliLikelihood

    likelihood = BernoulliLikelihood()
    a, b = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
    expected = kl_divergence(likelihood.distribution(a), likelihood.distribution(b))
    torch.testing.assert_close(likelihood.divergence(a, b), expected)


def test_fisher_metric_of_rates_linear_in_z():
    """Of ln mu = W z the metric is W^T diag(mu / (1 + mu / theta)) W."""
    W = torch.tensor([[0.7, -0.2], [0.1, 0.9], [-0.5, 0.4]]).double()
    theta = torch.tensor([0.8, 5.0, 30.0]).double()

    class Rates(torch.nn.Module):
        def forward(self, z):
            return (z.double() @ W.T).unsqueeze(1)

    decoder = torch.nn.Sequential(Rates(), CountHead(torch.zeros(3), theta.log()))
    model = LatentModel(torch.nn.Identity(), decoder, NegativeBinomialLikelihood(library="none"))
    z = torch.tensor([[0.3, -0.4], [0.0, 0.2]])
    mean = (z.double() @ W.T).exp()
    weight = mean / (1 + mean / theta)
    expected = torch.einsum("ki,nk,kj->nij", W, weight, W)
    torch.testing.assert_close(fisher_metric(model, z).double(), expected, rtol=2e-2, atol=2e-3)


def test_local_field_is_conjugate_to_the_counts():
    """D ln p(x) / d z at fixed dispersion is sum_k (x_k - mu_k) dh_k / dz."""
    likelihood = NegativeBinomialLikelihood(library="none")
    fields = torch.tensor([[[0.4, 1.0], [-0.2, 0.3]]]).double()
    x = torch.tensor([[4, 1]])
    rate = fields[..., 0].clone().requires_grad_()
    both = torch.stack([rate, fields[..., 1]], dim=-1)
    (of_log_p,) = torch.autograd.grad(likelihood.log_prob(both, x).sum(), rate)
    (of_field,) = torch.autograd.grad(likelihood.local_fields(both).sum(), rate)
    torch.testing.assert_close(of_log_p, (x - rate.exp()) * of_field)
    assert (likelihood.local_fields(both) < 0).all()


@pytest.mark.parametrize("dispersion", ["gene", "gene-cell"])
@pytest.mark.parametrize("library", ["observed", "none"])
def test_an_estimator_of_counts(tmp_path, dispersion, library):
    X = counts()
    likelihood = NegativeBinomialLikelihood(dispersion=dispersion, library=library)
    vae = BetaVAE(likelihood=likelihood, n_epochs=3, n_replicas=2, learning_rate=3e-3, **FIXED).fit(X)
    assert vae.likelihood_ == "negative-binomial"
    Z = vae.transform(X)
    p = vae.decode(Z)
    assert p.batch_shape == (300,)
    assert p.event_shape == (12,)
    assert p.log_prob(torch.from_numpy(X).float()).shape == (300,)
    h = vae.local_fields(Z)
    assert h.shape == (300, 12)
    theta = p.base_dist.total_count.numpy()
    np.testing.assert_allclose(theta * np.exp(h) / (1 - np.exp(h)), p.mean.numpy(), rtol=2e-3)
    assert (vae.local_inverse_temperatures(Z) == 1).all()
    assert vae.history_["loss"][-1].max() < vae.history_["loss"][0].min()
    x = vae.sample(200)
    assert x.dtype == X.dtype
    assert x.min() >= 0
    vae.save(tmp_path / "model")
    again = BetaVAE.load(tmp_path / "model")
    np.testing.assert_array_equal(again.transform(X), Z)
    assert again.score(X) == vae.score(X)
    spread = np.ptp(theta, axis=0) > 1e-3 * theta.mean(0)
    assert spread.any() == (dispersion == "gene-cell")


@pytest.mark.parametrize(("dispersion", "channels"), [("gene", 1), ("gene-cell", 2)])
def test_modules_of_ones_own(tmp_path, dispersion, channels):
    from zeeman.vae import MLPDecoder, MLPEncoder

    X = counts()
    pair = (MLPEncoder(1, (12,), 2, 16), MLPDecoder(2, (12,), channels, 16))
    likelihood = NegativeBinomialLikelihood(dispersion=dispersion)
    vae = BetaVAE(likelihood=likelihood, network=pair, n_epochs=2, **FIXED).fit(X)
    assert np.isfinite(vae.log_likelihood(X[:5], n_importance=10)).all()
    vae.save(tmp_path / "model")
    again = BetaVAE.load(tmp_path / "model", network=pair)
    np.testing.assert_array_equal(again.local_fields(vae.transform(X)), vae.local_fields(vae.transform(X)))


@pytest.mark.parametrize("start", ["random", "pca"])
def test_engines_agree_on_counts(start):
    X = counts()
    options = {**FIXED, "likelihood": "negative-binomial", "n_replicas": 2, "n_epochs": 2, "start": start}
    apart, stacked = (BetaVAE(**{**options, "engine": engine}).fit(X).encode(X) for engine in ("apart", "stacked"))
    np.testing.assert_allclose(apart.mean, stacked.mean, atol=2e-4)


def test_depth_is_not_in_the_codes():
    """Cells of one kind at two depths: with the library given, the codes of the two do not differ."""
    rng = np.random.default_rng(0)
    rates = np.exp(rng.normal(1.5, 1.0, 40))
    depth = np.where(np.arange(600) % 2, 1.0, 6.0)[:, None]
    X = rng.poisson(rates * depth)
    options = {**FIXED, "latent_dim": 1, "n_epochs": 30, "learning_rate": 3e-3, "batch_size": 50}
    aware = BetaVAE(likelihood="negative-binomial", **options).fit(X)
    blind = BetaVAE(likelihood=NegativeBinomialLikelihood(library="none"), **options).fit(X)

    def told_apart(vae):
        z = vae.transform(X)[:, 0]
        return abs(np.corrcoef(z, depth[:, 0])[0, 1]) * (np.ptp(z) > 0.5)

    assert told_apart(blind) > 0.9
    assert told_apart(aware) < 0.5


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (lambda x: x - 1, "outside the support of the negative-binomial"),
        (lambda x: x + 0.5, "outside the support of the negative-binomial"),
        (lambda x: np.log1p(x), "raw counts"),
        (lambda x: np.where(np.arange(len(x))[:, None] == 17, 0, x), "no counts at all in row 17"),
    ],
)
def test_what_is_no_count_is_refused(bad, said):
    with pytest.raises(ValueError, match=said):
        BetaVAE(likelihood="negative-binomial", n_epochs=1).fit(bad(counts()))


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="tempered=True has no meaning for counts"):
        BetaVAE(likelihood="negative-binomial", tempered=True).fit(counts())
    with pytest.raises(ValueError, match="tempered=True has no meaning for counts"):
        BetaVAE(likelihood=NegativeBinomialLikelihood(), tempered=True).fit(counts())
    with pytest.raises(ValueError, match="dispersion must be one of"):
        NegativeBinomialLikelihood(dispersion="cell")
    from zeeman.vae import GaussianLikelihood

    with pytest.raises(TypeError, match="give its name"):
        BetaVAE(likelihood=GaussianLikelihood()).fit(counts())


def test_auto_takes_only_clear_counts():
    from sklearn.datasets import load_digits

    X = counts(depth=1.0)
    assert X.max() >= 32
    likelihood, line = resolve(X, "auto", False)
    assert likelihood.name == "negative-binomial"
    assert "variance exceeds their mean" in line
    assert resolve(X.astype(np.float32), "auto", False)[0].name == "negative-binomial"
    few = np.minimum(X, 31)
    assert resolve(few.astype(np.float32), "auto", False)[0].name == "negative-binomial"
    assert "if they count events, likelihood='negative-binomial'" in resolve(few, "auto", False)[1]
    rng = np.random.default_rng(0)
    digits = load_digits().data
    unchanged = {
        "digits": (digits, "gaussian"),
        "scaled digits": (digits / 4, "gaussian"),
        "whole digits": (digits.astype(int), "categorical"),
        "states": (rng.integers(0, 30, (50, 4)), "categorical"),
        "grey values": (np.repeat(np.repeat(digits, 2, axis=1) * 15.9, 1, axis=0).astype(np.uint8), "gaussian"),
        "two values": (40 * rng.integers(0, 2, (50, 4)), "gaussian"),
        "Poisson counts": (rng.poisson(20.0, (200, 5)), "gaussian"),
        "few counts": (few, "categorical"),
        "an empty cell": (np.vstack([X, np.zeros((1, 12), int)]), "gaussian"),
        "logarithms": (np.log1p(X), "gaussian"),
    }
    for what, (data, name) in unchanged.items():
        assert resolve(data, "auto", False)[0].name == name, what
    assert not clearly_overdispersed_counts(X.reshape(-1, 3, 4))


def test_a_sampled_count_beyond_the_type_of_the_data_is_kept():
    X = np.minimum(np.random.default_rng(0).poisson(180.0, (300, 12)), 255).astype(np.uint8)
    vae = BetaVAE(likelihood="negative-binomial", n_epochs=1, **FIXED).fit(X)
    x = vae.sample(3000)
    assert x.max() > 255
    assert x.dtype == np.int64


def test_data_drawn_at_one_library_and_weighed_at_their_own_are_refused():
    vae = BetaVAE(2, NegativeBinomialLikelihood(), n_epochs=1, **FIXED).fit(counts())
    with pytest.raises(ValueError, match=r"library='none'"):
        sandwich(vae, 4, n_chains=2, n_temperatures=2)
