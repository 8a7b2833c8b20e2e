"""Objectives: limits in which they are one another, closed forms, and what each leaves undetermined."""

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from zeeman.vae import (
    BetaVAE,
    GaussianLikelihood,
    ImportanceWeighted,
    LatentModel,
    LowLevels,
    importance_log_likelihood,
)
from zeeman.vae.metric import laplace_scale
from zeeman.vae.model import build_models
from zeeman.vae.objectives import OBJECTIVES, Objective, PlainReconstruction, mmd, resolve_objective

GENERATOR = torch.Generator().manual_seed(0)
X = np.random.default_rng(0).normal(size=(120, 3)) @ np.random.default_rng(1).normal(size=(3, 8))
FIXED = {"latent_dim": 3, "n_epochs": 2, "batch_size": 32, "random_state": 0, "n_threads": 1, "precision": "float32"}
EVERY = [*sorted(OBJECTIVES), ImportanceWeighted(k=2)]


def fitted(objective, **options):
    return BetaVAE(**{**FIXED, "engine": "apart", "objective": objective, **options}).fit(X)


def model(objective, beta=1.0, regulariser=None):
    (one,) = build_models("mlp", GaussianLikelihood(), (8,), 3, beta, 1, 0, resolve_objective(objective), regulariser)
    return one


def batch(n=64):
    return torch.from_numpy(X[:n]).float()


def test_one_draw_of_iwae_is_the_elbo_on_average():
    x, one, reference = batch(8), model(ImportanceWeighted(k=1), 2.0), model("elbo", 2.0)
    reference.load_state_dict(one.state_dict())
    noise = torch.randn(1000, 8, 3, generator=GENERATOR)
    with torch.no_grad():
        sampled = torch.stack([one(x, draw[:, None])[0] for draw in noise])
        exact = torch.stack([reference(x, draw)[0] for draw in noise])
    error = math.sqrt(float(sampled.var() + exact.var()) / len(noise))
    assert abs(float(sampled.mean() - exact.mean())) < 5 * error


def test_more_draws_tighten_the_bound():
    x = batch(16)
    losses = []
    for k in (1, 4, 16, 64):
        bound = model(ImportanceWeighted(k=k))
        noise = torch.randn(200, 16, k, 3, generator=GENERATOR)
        with torch.no_grad():
            losses.append(float(torch.stack([bound(x, draw)[0] for draw in noise]).mean()))
    assert losses == sorted(losses, reverse=True)


def test_iwae_loss_is_minus_the_importance_estimate():
    x, noise = batch(16), torch.randn(16, 7, 3, generator=GENERATOR)
    bound = model(ImportanceWeighted(k=7))
    with torch.no_grad():
        estimate = importance_log_likelihood(bound, x, noise.transpose(0, 1))
        torch.testing.assert_close(bound(x, noise)[0], -estimate.mean())


def kernel_mean(dim, shift=0.0):
    """E k(a, b) for a ~ N(0, 1), b ~ N(shift, 1): C/(C + r) = int_0^inf exp(-t (1 + r/C)) dt, by quadrature.

    a - b is N(shift, 2), so E exp(-t r / C) = (1 + 4 t/C)^(-dim/2) exp(-t shift^2 / (C + 4 t)).
    """
    from scipy.integrate import quad

    C = 2.0 * dim
    return quad(lambda t: math.exp(-t - t * shift**2 / (C + 4 * t)) * (1 + 4 * t / C) ** (-dim / 2), 0, math.inf)[0]


@pytest.mark.parametrize("dim", [1, 3, 8])
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_mmd_is_unbiased(dim, shift):
    n, repeats = 40, 400
    offset = torch.zeros(dim)
    offset[0] = shift
    draws = torch.stack(
        [
            mmd(*torch.randn(2, n, dim, generator=GENERATOR) + torch.stack([offset, 0 * offset])[:, None])
            for _ in range(repeats)
        ]
    )
    expected = 2 * kernel_mean(dim) - 2 * kernel_mean(dim, shift)
    assert abs(float(draws.mean()) - expected) < 5 * float(draws.std()) / math.sqrt(repeats)


class Linear(nn.Module):
    def __init__(self, W):
        super().__init__()
        self.W = W

    def forward(self, z):
        return (z @ self.W.T).unsqueeze(1)


def test_laplace_scale_of_a_linear_gaussian_decoder_is_its_posterior():
    W = torch.tensor([[1.0, 0.5], [1.0, -0.5], [-0.5, 1.0], [0.5, 1.0]]) * torch.tensor([1.5, 0.7])  # W^T W diagonal
    linear = LatentModel(nn.Identity(), Linear(W), GaussianLikelihood())
    z = torch.randn(5, 2, generator=GENERATOR)
    expected = (1 + (W**2).sum(0)).rsqrt().expand(5, 2)
    torch.testing.assert_close(laplace_scale(linear, z), expected, rtol=1e-3, atol=0)


@pytest.mark.parametrize("objective", ["plain", "mmd"])
def test_deterministic_encoders_have_widths_of_the_decoder(objective):
    vae = fitted(objective)
    codes = vae.encode(X)
    assert ((codes.scale > 0) & (codes.scale <= 1)).all()
    again = laplace_scale(vae.modules_[0], torch.from_numpy(codes.mean[0]))
    np.testing.assert_allclose(codes.scale[0], again.detach(), rtol=1e-3)
    bound, evidence = vae.score(X), vae.log_likelihood(X, n_importance=50).mean()
    assert bound < evidence < 0


def test_plain_knows_no_noise_no_beta_and_no_prior():
    one, other = fitted("plain"), fitted("plain", beta=50.0)
    np.testing.assert_array_equal(one.transform(X), other.transform(X))
    np.testing.assert_array_equal(one.history_["loss"], one.history_["reconstruction"])
    assert "kl" not in one.history_
    several = fitted("plain", n_replicas=3, validation_fraction=0)
    x = torch.from_numpy(X).float()
    with torch.no_grad():
        fits = [float(m.log_prob(m.posterior(x)[0], x).mean()) for m in several.modules_]
    assert several.best_replica_ == int(np.argmax(fits))


def test_mmd_draws_the_codes_to_the_prior():
    spread = {beta: fitted("mmd", beta=beta, n_epochs=40).encode(X).mean[0].var(0).mean() for beta in (0.0, 300.0)}
    assert abs(spread[300.0] - 1) < 0.35
    assert abs(spread[300.0] - 1) < abs(spread[0.0] - 1)


def test_only_the_elbo_turns_its_frame(monkeypatch):
    looked = []
    monkeypatch.setattr("zeeman.vae.estimator.turn_axes", lambda model, x: looked.append(model.objective.name))
    for objective in EVERY:
        fitted(objective)
    assert set(looked) == {"elbo"}


@pytest.mark.parametrize("objective", EVERY, ids=str)
@pytest.mark.parametrize("engine", ["apart", "stacked"])
def test_replicas_do_not_depend_on_company_or_engine(objective, engine):
    regulariser = LowLevels(1.0) if objective == "mmd" else None
    together = fitted(objective, n_replicas=3, engine=engine, regulariser=regulariser)
    alone = fitted(objective, regulariser=regulariser)
    np.testing.assert_allclose(together.encode(X).mean[0], alone.encode(X).mean[0], rtol=2e-3, atol=2e-4)
    assert together.modules_[0].term_names[0] == "loss"
    for name in together.modules_[0].term_names:
        assert together.history_[name].shape == (2, 3)


@pytest.mark.parametrize("objective", EVERY, ids=str)
def test_files_and_clones_carry_the_objective(objective, tmp_path):
    vae = fitted(objective, regulariser=LowLevels(0.5, n_states=2))
    vae.save(tmp_path / "m")
    back = BetaVAE.load(tmp_path / "m")
    assert back.get_params()["objective"] == objective
    assert back.regulariser == vae.regulariser
    np.testing.assert_array_equal(back.encode(X).mean, vae.encode(X).mean)
    np.testing.assert_array_equal(back.encode(X).scale, vae.encode(X).scale)
    np.testing.assert_array_equal(clone(vae).fit(X).transform(X), vae.transform(X))


def test_models_saved_before_there_were_objectives_are_read(tmp_path):
    vae = fitted("elbo")
    vae.save(tmp_path / "m")
    path = tmp_path / "m" / "settings.json"
    settings = json.loads(path.read_text())
    for name in ("objective", "regulariser"):
        del settings["parameters"][name]
    path.write_text(json.dumps(settings))
    np.testing.assert_array_equal(BetaVAE.load(tmp_path / "m").transform(X), vae.transform(X))


@pytest.mark.parametrize("objective", ["plain", "mmd", ImportanceWeighted(k=3)], ids=str)
def test_checkpoints_belong_to_their_objective_and_continue_it(objective, tmp_path):
    options = {"regulariser": LowLevels(2.0), "n_replicas": 2, "engine": "stacked"}
    whole = fitted(objective, **options)
    first = fitted_with_checkpoint(objective, tmp_path, **options)
    np.testing.assert_array_equal(first.transform(X), whole.transform(X))
    again = fitted_with_checkpoint(objective, tmp_path, **options)
    np.testing.assert_array_equal(again.history_["spectral"], whole.history_["spectral"])
    for changed in ({"objective": "elbo"}, {"regulariser": LowLevels(3.0)}, {"regulariser": None}):
        with pytest.raises(ValueError, match=f"another training.*{next(iter(changed))}"):
            fitted_with_checkpoint(**{"objective": objective, "path": tmp_path, **options, **changed})


def fitted_with_checkpoint(objective, path, **options):
    return BetaVAE(**{**FIXED, "objective": objective, **options}).fit(X, checkpoint=path)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"objective": "elbow"}, ValueError, "objective.*'elbow'; did you mean 'elbo'"),
        ({"objective": 3}, TypeError, "objective.*got 3"),
        ({"objective": ImportanceWeighted}, TypeError, "objective"),
        ({"regulariser": 1.0}, TypeError, r"regulariser.*got 1.0.*LowLevels\(weight"),
    ],
)
def test_refusals(options, error, message):
    with pytest.raises(error, match=message):
        fitted(**{"objective": "elbo", **options})
    with pytest.raises(ValueError, match="k must be at least 1"):
        ImportanceWeighted(k=0)


@pytest.mark.parametrize("objective", ["plain", "mmd", "iwae"])
def test_pairs_of_modules_train_too(objective):
    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.mean, self.scale = nn.Linear(8, 2), nn.Linear(8, 2)

        def forward(self, x):
            return self.mean(x.flatten(1)), self.scale(x.flatten(1)).exp()

    pair = Encoder(), nn.Sequential(nn.Linear(2, 8), nn.Unflatten(1, (1, 8)))
    vae = fitted(objective, network=pair, latent_dim=2, n_epochs=1)
    assert np.isfinite(vae.score(X))


def test_plain_gradient_leaves_the_idle_head_alone():
    one = model("plain")
    before = one.encoder.head.scale.weight.clone()
    terms = one(batch(), torch.zeros(64, 0))
    terms[0].backward()
    assert torch.equal(one.encoder.head.scale.weight.grad, torch.zeros_like(before))
    assert isinstance(one.objective, PlainReconstruction)


@dataclass(frozen=True)
class Mine(Objective):
    name = "mine"
    term_names = ("loss", "kl")

    def terms(self, model, x, mean, scale, noise):
        loss = -model.log_prob(mean + scale * noise[..., : mean.shape[1]], x).mean()
        return torch.stack([loss, loss])


def test_a_model_with_an_objective_of_its_own_is_loaded_with_it(tmp_path):
    vae = fitted(Mine())
    vae.save(tmp_path / "m")
    with pytest.raises(ValueError, match=r"'mine'.*objective="):
        BetaVAE.load(tmp_path / "m")
    back = BetaVAE.load(tmp_path / "m", objective=Mine())
    np.testing.assert_array_equal(back.transform(X), vae.transform(X))
