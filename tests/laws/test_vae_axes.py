"""The latent frame: a symmetry of decoder and prior, fixed by the diagonal posterior alone."""

import math

import pytest
import torch
from torch import nn

from zeeman.vae import BernoulliLikelihood, GaussianLikelihood, LatentModel
from zeeman.vae.axes import best_rotation, turn_axes
from zeeman.vae.metric import fisher_metric
from zeeman.vae.model import build_models

GENERATOR = torch.Generator().manual_seed(0)


def rotation(n):
    Q = torch.linalg.qr(torch.randn(n, n, generator=GENERATOR, dtype=torch.float64))[0]
    return (
        Q * torch.linalg.det(Q).sign()
        if n % 2
        else Q @ torch.diag(torch.tensor([torch.linalg.det(Q), *[1.0] * (n - 1)]))
    )


@pytest.mark.parametrize(("network", "latent_dim"), [("mlp", 2), ("mlp", 3), ("table1", 2)])
def test_turning_changes_the_frame_and_nothing_else(network, latent_dim):
    (model,) = build_models(network, BernoulliLikelihood(), (8, 8), latent_dim, 1.0, 1, seed=0)
    model.eval()
    x = torch.randint(0, 2, (5, 8, 8), generator=GENERATOR)
    Q = rotation(latent_dim).float()
    with torch.no_grad():
        mean, scale = model.posterior(x)
        fields = model.fields(mean)
        model.rotate(Q)
        turned, same = model.posterior(x)
        torch.testing.assert_close(turned, mean @ Q.mT, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(same, scale)
        torch.testing.assert_close(model.fields(turned), fields, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_joint_diagonalisation_finds_the_common_axes(n):
    Q = rotation(n)
    diagonals = torch.rand(50, n, generator=GENERATOR, dtype=torch.float64) * 10 + 1
    found = best_rotation(Q.mT @ torch.diag_embed(diagonals) @ Q)
    turned = (found @ Q.mT).abs()  # axes up to order and sign, to the grid of angles
    torch.testing.assert_close(turned.max(0).values, torch.ones(n, dtype=torch.float64), atol=1e-3, rtol=0)


def test_straight_axes_stay():
    diagonals = torch.rand(50, 3, generator=GENERATOR, dtype=torch.float64) * 10 + 1
    torch.testing.assert_close(best_rotation(torch.diag_embed(diagonals)), torch.eye(3, dtype=torch.float64))


class Fields(nn.Module):
    def __init__(self, W):
        super().__init__()
        self.W = W

    def forward(self, z):
        return (z @ self.W.mT).unsqueeze(1)


@pytest.mark.parametrize("kind", [BernoulliLikelihood, GaussianLikelihood])
def test_metric_of_linear_fields(kind):
    W = torch.randn(6, 2, generator=GENERATOR, dtype=torch.float64) / 2
    model = LatentModel(nn.Identity(), Fields(W.float()), kind())
    z = torch.randn(4, 2, generator=GENERATOR)
    m = torch.sigmoid(z.double() @ W.mT)
    variance = m * (1 - m) if kind is BernoulliLikelihood else torch.ones_like(m)
    exact = torch.einsum("ki,nk,kj->nij", W, variance, W)
    torch.testing.assert_close(fisher_metric(model, z).double(), exact, rtol=0.01, atol=0.01)


def test_a_model_with_two_orthogonal_order_parameters_is_set_straight():
    pattern = torch.stack([torch.ones(8), torch.tensor([1.0, -1.0] * 4)], dim=1)
    angle = math.radians(30)
    R = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    (model,) = build_models("mlp", BernoulliLikelihood(), (8,), 2, 1.0, 1, seed=0)

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Module()
            self.head.mean = nn.Linear(8, 2)
            self.head.mean.weight.data = R @ pattern.T / 4
            self.head.mean.bias.data.zero_()

        def forward(self, x):
            mean = self.head.mean(2 * x[:, 0] - 1)
            return mean, torch.ones_like(mean)

    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(2, 2, bias=False))
            self.layers[0].weight.data = R.T.clone()

        def forward(self, z):
            return (torch.tanh(self.layers[0](z)) @ (2 * pattern.T)).unsqueeze(1)

    model = LatentModel(Encoder(), Decoder(), BernoulliLikelihood())
    order = torch.cat([torch.ones(20, 1) * pattern[:, i] * sign for i in (0, 1) for sign in (1, -1)])
    x = (torch.rand(order.shape, generator=GENERATOR) < (1 + 0.9 * order) / 2).to(torch.uint8)
    turn_axes(model, x)
    axes = model.encoder.head.mean.weight @ pattern / 2
    off = axes.abs().min(1).values / axes.abs().max(1).values
    assert (off < math.tan(math.radians(2))).all()


@pytest.mark.parametrize(("field", "straight"), [(16.6, False), (math.inf, True)])
def test_sites_that_never_change_do_not_turn_the_frame_at_random(field, straight):
    """Their fields grow until float32 probabilities are 1; the frame is read from what is finite, if anything is."""
    (model,) = build_models("mlp", BernoulliLikelihood(), (80,), 2, 1.0, 1, seed=0)
    model.eval()
    x = torch.randint(0, 2, (64, 80), generator=GENERATOR)
    with torch.no_grad():
        last = [layer for layer in model.decoder.modules() if isinstance(layer, nn.Linear)][-1]
        last.bias[20:] = field * torch.linspace(0.99, 1.01, 60)
        assert bool(torch.isfinite(fisher_metric(model, model.posterior(x)[0])).all()) != straight
        Q = turn_axes(model, x).double()
    torch.testing.assert_close(Q @ Q.T, torch.eye(2, dtype=torch.float64))
    assert torch.equal(Q, torch.eye(2, dtype=torch.float64)) == straight
