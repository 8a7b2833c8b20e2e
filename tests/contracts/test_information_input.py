"""What `zeeman.information` refuses, and that seeds decide everything."""

import numpy as np
import pytest
from torch import nn

from zeeman import information as info
from zeeman.base.types import Codes
from zeeman.vae import BernoulliLikelihood, BetaVAE, LatentModel, MLPDecoder, MLPEncoder

X = np.random.default_rng(0).integers(0, 2, (30, 5))
Z = np.random.default_rng(1).normal(size=(30, 2))
MANY = np.random.default_rng(771).normal(size=(1001, 2))  # the mean of 1001 times 0.3 is not 0.3
LABELS = np.repeat(["a", "b", "c"], 10)
V = np.random.default_rng(2).integers(0, 3, (30, 2))
CODES = Codes(Z[None], np.full((1, 30, 2), 0.5))


def model(dim=2):
    return LatentModel(MLPEncoder(1, (5,), dim), MLPDecoder(dim, (5,), 1), BernoulliLikelihood())


BAD = [
    (lambda: info.importance("a model", X), TypeError, "LatentModel"),
    (lambda: info.importance([], X), TypeError, "LatentModel"),
    (lambda: info.importance(BetaVAE(), X), ValueError, "not fitted"),
    (lambda: info.importance(model(), X, 5), ValueError, "n_draws must be at least 20"),
    (lambda: info.importance(model(), X + 3), ValueError, "support"),
    (lambda: info.importance(model(), X[0]), ValueError, "X must be"),
    (
        lambda: info.importance(model(), X[:, :3]),
        ValueError,
        r"\(30, 3\), of which the model cannot read",
    ),
    (lambda: info.importance(model(), X * np.nan), ValueError, "X contains NaN at row 0, column 0"),
    (lambda: info.quadrature(model(4), X), ValueError, "at most 3 latents"),
    (lambda: info.annealed(model(), X, transition="gibbs"), ValueError, "transition"),
    (lambda: info.annealed(model(), X, start="nowhere"), ValueError, "start"),
    (lambda: info.annealed(model(), X, 1), ValueError, "n_chains"),
    (lambda: info.sandwich(model(), 1), ValueError, "n_samples"),
    (lambda: info.rate_distortion_curve([], X), ValueError, "vaes is empty"),
    (lambda: info.rate_distortion_curve([[model()], [model(), model()]], X), ValueError, "equally many replicas"),
    (lambda: info.rate_parts("codes"), TypeError, "BetaVAE.encode"),
    (lambda: info.rate_parts(Codes(Z, Z)), ValueError, "replica, sample, latent"),
    (lambda: info.rate_parts(Codes(Z[None], np.zeros((1, 30, 2)))), ValueError, "positive"),
    (lambda: info.rate_parts(Codes(np.full((1, 30, 2), np.nan), CODES.scale)), ValueError, "NaN"),
    (lambda: info.rate_parts(CODES, max_codes=0), ValueError, "max_codes must be at least 2, got 0"),
    (lambda: info.rate_parts(CODES, max_codes=1), ValueError, "max_codes must be at least 2, got 1"),
    (lambda: info.rate_parts(CODES, max_codes=-3), ValueError, "max_codes must be at least 2, got -3"),
    (lambda: info.rate_parts(CODES, max_codes=2.5), TypeError, "max_codes must be an integer, got 2.5"),
    (lambda: info.information_bounds(CODES, 31), ValueError, "at most the 30 samples"),
    (lambda: info.first_moment_mmd(Z, X), ValueError, "one size"),
    (lambda: info.isometry(X, Z, np.repeat(["a", "b"], 15)), ValueError, "at least 3 branches"),
    (lambda: info.isometry(X[:5], Z, LABELS), ValueError, "same samples"),
    (lambda: info.isometry(X, Z, LABELS, null="x"), ValueError, "null"),
    (lambda: info.regression_directions(Z, {"m": np.ones(30)}), ValueError, "'m' is constant"),
    (lambda: info.regression_directions(MANY, {"m": np.full(1001, 0.3)}), ValueError, "'m' is constant"),
    (lambda: info.regression_directions(Z, {"m": np.ones(3)}), ValueError, "'m' must be"),
    (lambda: info.regression_directions(Z, {}), ValueError, "empty"),
    (lambda: info.branch_directions(Z, LABELS, {"m": ("a", "d")}), ValueError, "d"),
    (lambda: info.orthogonality(np.eye(3), ["a"]), ValueError, "names must be one for each of the 3 directions, got 1"),
    (lambda: info.orthogonality(np.zeros((1, 2)), ["m"]), ValueError, "'m' has length 0"),
    (lambda: info.cosine_similarity(Z, LABELS[:4]), ValueError, "labels must be"),
    (lambda: info.block_diagonality(Z, np.zeros(30)), ValueError, "at least 2"),
    (lambda: info.block_diagonality(Z, np.arange(30)), ValueError, "fewer than 2 samples"),
    (lambda: info.mig(Z, np.c_[V, np.ones(30)]), ValueError, "factor 2 is constant"),
    (lambda: info.mig(Z, V[:7]), ValueError, "same samples"),
    (lambda: info.mig(Z * np.nan, V), ValueError, "NaN"),
    (lambda: info.mig(Z, V * np.nan), ValueError, "NaN"),
    (lambda: info.mig(np.ones((30, 2)), V), ValueError, "no variation"),
    (lambda: info.modularity(Z, V[:, 0]), ValueError, "two or more"),
    (lambda: info.dci(Z, V[:, 0]), ValueError, "two or more"),
    (lambda: info.beta_vae_score(Z, V[:, 0]), ValueError, "two or more"),
    (lambda: info.factor_vae_score(Z, V[:, 0]), ValueError, "two or more"),
    (
        lambda: info.beta_vae_score(Z, np.c_[V[:, 0], np.arange(30)], n_bins=30),
        ValueError,
        "share a value of factor 1",
    ),
    (
        lambda: info.disentanglement(MANY, np.c_[np.arange(1001) == 0, np.arange(1001) % 3], max_samples=20),
        ValueError,
        "factor 0 is constant.*in the 20 drawn at random it does not: raise max_samples",
    ),
    (lambda: info.disentanglement(Z, V, n_null=0), ValueError, "n_null"),
    (lambda: info.disentanglement(Z, V, baseline=Z[:12]), ValueError, "same samples"),
]


@pytest.mark.parametrize(("call", "error", "words"), BAD)
def test_bad_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize(
    "number",
    [
        lambda seed: info.importance(ONE, X, 20, random_state=seed).log_likelihood,
        lambda seed: info.annealed(ONE, X[:4], 2, 2, random_state=seed).log_likelihood,
        lambda seed: info.sandwich(ONE, 4, 2, 2, random_state=seed).lower,
        lambda seed: info.rate_distortion(ONE, X, 2, random_state=seed).distortion,
        lambda seed: info.rate_parts(CODES, random_state=seed).total_correlation,
        lambda seed: info.information_bounds(CODES, 10, random_state=seed).lower,
        lambda seed: info.isometry(X, Z, LABELS, n_draws=9, random_state=seed).null,
        lambda seed: info.block_diagonality(Z, LABELS, n_draws=9, random_state=seed).null_contrast,
        lambda seed: info.dci(Z, V, random_state=seed).importance,
        lambda seed: info.factor_vae_score(Z, V, n_votes=20, n_group=2, random_state=seed),
    ],
)
def test_the_seed_decides(number):
    np.testing.assert_array_equal(number(3), number(3))
    assert np.any(number(3) != number(4))


ONE = model()


def test_a_model_made_by_hand_will_do():
    class Ignorant(nn.Module):
        def forward(self, x):
            return x.new_zeros(len(x), 2), x.new_ones(len(x), 2)

    by_hand = LatentModel(Ignorant(), ONE.decoder, BernoulliLikelihood())
    assert info.rate_distortion(by_hand, X, 2).rate.tolist() == [[0.0] * 30]
    assert info.importance([by_hand, by_hand], X, 20).ess.shape == (2, 30)


def test_a_model_in_training_stays_in_training():
    with_dropout = LatentModel(ONE.encoder, nn.Sequential(ONE.decoder, nn.Dropout(0.5)), BernoulliLikelihood()).train()
    numbers = [info.importance(with_dropout, X, 20, random_state=0).log_likelihood for _ in range(2)]
    np.testing.assert_array_equal(*numbers)
    assert all(part.training for part in with_dropout.modules())
