"""Laws of angles and vectors: normalisation, gradients, closed forms of moments and entropies, draws, tempering."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, special, stats
from torch.distributions import Independent, VonMises

from zeeman.vae import Angles, VonMisesFisher, VonMisesFisherLikelihood, VonMisesLikelihood
from zeeman.vae.directions import draw_angles, draw_vectors, log_partition, mean_vector
from zeeman.vae.metric import fisher_metric
from zeeman.vae.model import LatentModel

LENGTHS = (0.0, 1e-9, 1e-3, 0.3, 0.32, 1.0, 7.0, 60.0, 3e3)
KINDS = [VonMisesLikelihood, VonMisesFisherLikelihood]
FIELDS = {
    2: torch.tensor([[0.0, 0.0], [0.2, -0.2], [1.5, 0.4], [-9.0, 2.0]]).double(),
    3: torch.tensor([[0.0, 0.0, 0.0], [0.2, -0.2, 0.1], [1.5, 0.4, -1.0], [-9.0, 2.0, 4.0]]).double(),
}


def field(k, d, dtype=torch.float64):
    direction = torch.tensor([0.6, -0.8] if d == 2 else [2 / 3, -1 / 3, 2 / 3], dtype=dtype)
    return k * direction


def closed_forms(k, d):
    """Ln Z_d and A_d by scipy and by hyperbolic functions, written for large k."""
    if d == 2:
        return math.log(2 * math.pi * special.ive(0, k)) + k, special.ive(1, k) / special.ive(0, k)
    if k < 1e-2:
        return math.log(4 * math.pi) + k**2 / 6 - k**4 / 180, k / 3 - k**3 / 45
    log_sinh = k + math.log1p(-math.exp(-2 * k)) - math.log(2)
    return math.log(4 * math.pi) + log_sinh - math.log(k), 1 / math.tanh(k) - 1 / k


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("k", LENGTHS)
def test_partition_function_and_mean_are_the_closed_forms(k, d):
    log_Z, A = closed_forms(k, d)
    for dtype, digits in ((torch.float64, 1e-11), (torch.float32, 5e-6)):
        h = field(k, d, dtype)
        assert log_partition(h).item() == pytest.approx(log_Z, rel=digits, abs=digits)
        assert torch.linalg.vector_norm(mean_vector(h)).item() == pytest.approx(A, rel=digits, abs=1e-12)


@pytest.mark.parametrize("d", [2, 3])
def test_gradients_at_zero_and_at_large_fields(d):
    h = torch.stack([field(k, d) for k in (0.0, 1e-4, 0.31, 0.33, 2.0, 400.0)]).requires_grad_()
    assert torch.autograd.gradcheck(log_partition, h)
    assert torch.autograd.gradgradcheck(log_partition, h)
    (gradient,) = torch.autograd.grad(log_partition(h).sum(), h)
    torch.testing.assert_close(gradient, mean_vector(h).detach(), rtol=1e-9, atol=1e-12)
    single = torch.zeros(1, d, requires_grad=True)
    log_partition(single).backward()
    assert (single.grad == 0).all()


def test_densities_integrate_to_one():
    for h in FIELDS[2]:
        p = Angles.of_fields(h)
        total, _ = integrate.quad(
            lambda x, p=p: p.log_prob(torch.tensor(x, dtype=torch.float64)).exp().item(), 0, 2 * math.pi
        )
        assert total == pytest.approx(1.0, rel=1e-7)
    nodes, weights = np.polynomial.legendre.leggauss(60)
    phi = np.arange(120) * 2 * np.pi / 120
    across = np.sqrt(1 - nodes**2)
    u = np.stack([np.outer(across, np.cos(phi)), np.outer(across, np.sin(phi)), np.outer(nodes, np.ones(120))], -1)
    for h in FIELDS[3]:
        density = VonMisesFisher(h, validate_args=False).log_prob(torch.from_numpy(u)).exp().numpy()
        assert (density * weights[:, None]).sum() * 2 * np.pi / 120 == pytest.approx(1.0, rel=1e-9)


def test_entropies_are_minus_the_mean_log_density():
    for h in FIELDS[2]:
        p = Angles.of_fields(h)

        def minus(x, p=p):
            log_p = p.log_prob(torch.tensor(x, dtype=torch.float64)).item()
            return -log_p * math.exp(log_p)

        assert p.entropy().item() == pytest.approx(integrate.quad(minus, 0, 2 * math.pi)[0], rel=1e-7)
    k = np.array([0.5, 3.0, 80.0])
    ours = Angles(torch.zeros(3), torch.from_numpy(k)).entropy().numpy()
    np.testing.assert_allclose(ours, [stats.vonmises(v).entropy() for v in k], rtol=1e-7)
    mu = np.array([2.0, -1.0, 2.0]) / 3
    for length in (0.5, 3.0, 80.0):
        oracle = stats.vonmises_fisher(mu, length)
        p = VonMisesFisher(torch.from_numpy(length * mu))
        assert p.entropy().item() == pytest.approx(oracle.entropy(), rel=1e-9)
        u = oracle.rvs(5, random_state=np.random.default_rng(0))
        np.testing.assert_allclose(p.log_prob(torch.from_numpy(u)).numpy(), oracle.logpdf(u), rtol=1e-8)


def test_log_prob_is_torchs_where_torch_is_good():
    loc, k = torch.tensor([0.3, 2.0, 5.0]).double(), torch.tensor([0.4, 3.0, 40.0]).double()
    x = torch.tensor([0.1, 3.0, 5.5]).double()
    torch.testing.assert_close(Angles(loc, k).log_prob(x), VonMises(loc, k).log_prob(x), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(Angles(loc, k).log_prob(x), Angles(loc, k).log_prob(x + 2 * math.pi))


@pytest.mark.parametrize("k", [0.0, 1e-7, 0.4, 3.0, 50.0, 1e6])
def test_draws_have_the_moments_of_the_law(k):
    n = 40_000
    generator = torch.Generator().manual_seed(3)
    for d, draw in ((2, draw_angles), (3, draw_vectors)):
        h = field(k, d)
        x = draw(h.expand(n, d), generator)
        u = torch.stack([x.cos(), x.sin()], -1) if d == 2 else x
        along = (u @ field(1.0, d)).numpy()
        A = closed_forms(k, d)[1]
        along_variance = 1 - (d - 1) * (A / k if k else 1 / d) - A**2
        if k == 1e6:
            along_variance = (d - 1) / (2 * k**2)
        assert abs(along.mean() - A) < 5 * math.sqrt(along_variance / n) + 1e-12
        across = u.numpy() - along[:, None] * field(1.0, d).numpy()
        assert (np.abs(across.mean(0)) < 5 * across.std(0) / math.sqrt(n) + 1e-12).all()
        second = (across**2).sum(1)
        assert abs(second.mean() - (d - 1) * (A / k if k > 1e-5 else 1 / d)) < 5 * second.std() / math.sqrt(n)
    x = draw_angles(field(k, 2).float().expand(n, 2), generator)
    assert x.dtype == torch.float32
    assert x.min() >= 0
    assert x.max() < 2 * math.pi


def test_draws_follow_the_cumulative_law():
    generator = torch.Generator().manual_seed(5)
    for k in (0.05, 1.3, 20.0):
        x = draw_angles(torch.tensor([-k, 0.0]).double().expand(5000, 2), generator).numpy() - math.pi
        assert stats.kstest(x, stats.vonmises(k).cdf).pvalue > 1e-5
        w = draw_vectors(torch.tensor([0.0, k, 0.0]).double().expand(5000, 3), generator)[:, 1].numpy()
        assert stats.kstest(w, lambda c, k=k: np.expm1(k * (c + 1)) / math.expm1(2 * k)).pvalue > 1e-5


def test_drawing_ends_for_any_field():
    with pytest.raises(ValueError, match="not all finite"):
        draw_angles(torch.tensor([[math.nan, 0.0]]), None)
    with pytest.raises(ValueError, match="not all finite"):
        draw_vectors(torch.tensor([[math.inf, 0.0, 0.0]]), None)
    assert draw_angles(torch.zeros(0, 2), None).shape == (0,)


def test_as_distributions():
    fields = torch.randn(5, 4, 4, 2, generator=torch.Generator().manual_seed(0))
    p = VonMisesLikelihood().distribution(fields)
    assert isinstance(p, Independent)
    assert isinstance(p.base_dist, VonMises)
    assert (p.batch_shape, p.event_shape) == ((5,), (4, 4))
    torch.testing.assert_close(p.base_dist.fields, fields, rtol=1e-4, atol=1e-5)
    assert p.sample((3,)).shape == (3, 5, 4, 4)
    assert p.expand((2, 5)).log_prob(p.sample()).shape == (2, 5)
    assert ((p.mean >= 0) & (p.mean < 2 * math.pi)).all()
    fields = torch.randn(5, 4, 4, 3, generator=torch.Generator().manual_seed(0))
    p = VonMisesFisherLikelihood().distribution(fields)
    assert (p.batch_shape, p.event_shape) == ((5,), (4, 4, 3))
    u = p.sample((7,))
    assert u.shape == (7, 5, 4, 4, 3)
    assert p.support.check(u).all()
    assert p.expand((2, 5)).log_prob(p.sample()).shape == (2, 5)
    assert (torch.linalg.vector_norm(p.mean, dim=-1) < 1).all()
    with pytest.raises(ValueError, match="within the support"):
        VonMisesFisher(torch.zeros(3)).log_prob(torch.tensor([1.0, 1.0, 0.0]))
    with pytest.raises(ValueError, match=r"\.\.\., 3"):
        VonMisesFisher(torch.zeros(2))


def test_variance_of_vectors_is_that_of_draws():
    p = VonMisesFisher(torch.tensor([1.0, -2.0, 0.5]).double())
    torch.manual_seed(0)
    u = p.sample((40_000,))
    fourth = ((u - p.mean) ** 4).mean(0)
    assert ((u.var(0) - p.variance).abs() < 5 * (fourth / len(u)).sqrt()).all()


@pytest.mark.parametrize("tempered", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_distribution_agrees_with_log_prob_and_draws(kind, tempered):
    likelihood = kind(tempered=tempered)
    output = 2.0 * torch.randn(1, likelihood.n_outputs, 3, 2, generator=torch.Generator().manual_seed(0))
    fields = likelihood.fields(output)
    repeated = fields.expand(50, *fields.shape[1:])
    x = likelihood.draw(repeated, torch.Generator().manual_seed(1))
    p = likelihood.distribution(repeated)
    torch.testing.assert_close(p.log_prob(x), likelihood.log_prob(repeated, x), rtol=1e-4, atol=1e-4)
    assert likelihood.features(x).shape == (50, likelihood.n_inputs, 3, 2)
    torch.testing.assert_close(likelihood.features(x).square().sum(1), torch.ones(50, 3, 2))


@pytest.mark.parametrize("kind", KINDS)
def test_a_tempered_field_is_the_product_and_becomes_the_plain_one(kind):
    plain, tempered = kind(), kind(tempered=True)
    h = torch.randn(4, plain.n_fields, 5, generator=torch.Generator().manual_seed(2))
    for t in (-1.0, 30.0):
        output = torch.cat([h, torch.full((4, 1, 5), t)], dim=1)
        expected = torch.sigmoid(torch.tensor(t)) * h.movedim(1, -1)
        torch.testing.assert_close(tempered.fields(output), expected)
        torch.testing.assert_close(tempered.bare_fields(output), h.movedim(1, -1))
    torch.testing.assert_close(tempered.fields(output), plain.fields(h))  # beta_k -> 1
    assert (tempered.inverse_temperatures(output) == 1).all()


@pytest.mark.parametrize("kind", KINDS)
def test_divergence_is_the_expectation_under_the_first(kind):
    likelihood = kind()
    d = likelihood.n_fields
    a, b = FIELDS[d][None, 1:3], FIELDS[d][None, [2, 0]]
    n = 40_000
    x = likelihood.draw(a.expand(n, *a.shape[1:]), torch.Generator().manual_seed(0))
    difference = likelihood.log_prob(a.expand(n, *a.shape[1:]), x) - likelihood.log_prob(b.expand(n, *b.shape[1:]), x)
    error = difference.std() / math.sqrt(n)
    assert abs(likelihood.divergence(a, b).item() - difference.mean()) < 5 * error
    assert likelihood.divergence(a, a).item() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_fisher_metric_at_no_field_is_that_of_uniform_sites(kind):
    """h = W z at z = 0: F = W^T V W with V = 1/d, the variance of a component of a free spin."""
    d = kind().n_fields
    W = torch.randn(5 * d, 2, generator=torch.Generator().manual_seed(0)).double()

    class Decoder(torch.nn.Module):
        def forward(self, z):
            return (z.double() @ W.T).reshape(len(z), 5, d).movedim(-1, 1)

    model = LatentModel(torch.nn.Identity(), Decoder(), kind())
    F = fisher_metric(model, torch.zeros(1, 2), step=0.02)[0].double()
    torch.testing.assert_close(F, W.T @ W / d, rtol=5e-3, atol=1e-3)


def test_no_field_prefers_no_direction():
    mode = VonMisesFisher(torch.tensor([[0.0, 0.0, 0.0], [0.0, 3.0, 4.0]])).mode
    torch.testing.assert_close(mode, torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.6, 0.8]]))
