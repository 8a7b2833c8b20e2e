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
