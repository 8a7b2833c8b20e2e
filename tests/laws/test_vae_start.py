"""Laws of where a training starts."""

import numpy as np
import pytest

from zeeman import BetaVAE


def test_a_start_at_principal_components_is_their_plane_in_a_frame_of_each_replica():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 2)) @ rng.standard_normal((2, 12)) * 3 + 0.1 * rng.standard_normal((400, 12))
    vae = BetaVAE(start="pca", n_replicas=2, n_epochs=1, learning_rate=1e-9, random_state=0).fit(X)
    scores = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)[0][:, :2]
    for mean in vae.encode(X).mean:
        basis = np.linalg.qr(mean - mean.mean(axis=0))[0]
        assert np.linalg.svd(basis.T @ scores)[1].min() > 0.98
    first, second = vae.encode(X).mean
    assert np.abs(first - second).max() > 0.1
    with pytest.raises(ValueError, match="start must be one of"):
        BetaVAE(start="pcs").fit(X)


@pytest.mark.parametrize("engine", ["apart", "stacked"])
def test_the_encoder_is_held_for_the_first_epoch_and_then_let_go(engine):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 2)) @ rng.standard_normal((2, 12)) * 3 + 0.1 * rng.standard_normal((400, 12))
    seen = []

    def watch(epoch, models):
        seen.append([float(p.detach().double().sum()) for p in models[0].encoder.parameters()])

    settings = {"start": "pca", "n_replicas": 2, "latent_dim": 1, "random_state": 0, "engine": engine}
    vae = BetaVAE(n_epochs=2, learning_rate=1e-2, **settings).fit(X, callback=watch)
    _, first, second = np.array(seen)
    still = BetaVAE(n_epochs=1, learning_rate=1e-12, **settings).fit(X)
    start = [float(p.detach().double().sum()) for p in still.modules_[0].encoder.parameters()]
    np.testing.assert_allclose(first, start, atol=1e-5)
    assert np.abs(second - first).max() > 1e-3
    assert all("held" not in module.state_dict() for module in vae.modules_)
