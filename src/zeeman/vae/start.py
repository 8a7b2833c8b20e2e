"""Where a training starts: from random weights, or with an encoder that returns principal components.

The linear-Gaussian VAE has its optimum at the principal components, in any frame (probabilistic PCA): the first order
of the nonlinear one. An encoder that starts there, in a random frame of its own, keeps the frame's degeneracy and skips
what a short training from random weights can get wrong, groups of samples in a wrong order around the centre. For the
first epoch the estimator holds it there, until the decoder has learned what the frame means; then it follows at 0.3 of
the decoder's rate. An encoder that chases an untrained decoder bends the plane.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import ortho_group
from sklearn.decomposition import PCA
from torch import Tensor

from zeeman.base.random import stream
from zeeman.vae.model import LatentModel

__all__ = ["STARTS", "start_at_principal_components"]

STARTS = ("random", "pca")
_SAMPLES = 2048
_RIDGE = 1e-2  # of the mean variance of the encoder's last hidden features


def start_at_principal_components(model: LatentModel, states: Tensor, seed: int, replica: int) -> None:
    """Fit the encoder's mean head so that it returns whitened principal scores, in a random frame.

    The head is linear in the last hidden features phi(x), so W = T^T Phi (Phi^T Phi + ridge)^-1 with T the scores.

    Parameters
    ----------
    model : LatentModel
        With an encoder of `zeeman.vae.networks`; its head's mean is changed in place.
    states : Tensor, (sample, site...)
        Training data; up to 2,048 samples are looked at.
    seed, replica : int
        Of the stream "frame", which draws the rotation.
    """
    encoder: Any = model.train().encoder
    head = encoder.head.mean
    with torch.no_grad():
        x = model.likelihood.features(states[:_SAMPLES])
        scores = _whitened_scores(x.flatten(1).cpu().numpy(), head.out_features, stream(seed, "frame", replica))
        hidden = encoder.layers(x).double().cpu().numpy()
        center = hidden.mean(axis=0)
        weight = _ridge(hidden - center, scores).T
        head.weight.copy_(torch.from_numpy(weight))
        head.bias.copy_(torch.from_numpy(-weight @ center))


def _whitened_scores(flat: NDArray, dim: int, rng: np.random.Generator) -> NDArray[np.float64]:
    kept = min(dim, *flat.shape)
    pca = PCA(kept, whiten=True, svd_solver="randomized", random_state=int(rng.integers(2**31)))
    scores = np.zeros((len(flat), dim))  # columns beyond the rank of the data start at the prior's mean
    scores[:, :kept] = pca.fit_transform(flat.astype(np.float64))
    return scores @ (ortho_group.rvs(dim, random_state=rng) if dim > 1 else rng.choice([[[-1.0]], [[1.0]]]))


def _ridge(hidden: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    gram = hidden.T @ hidden / len(hidden)
    gram[np.diag_indices_from(gram)] += _RIDGE * gram.trace() / len(gram)
    return np.asarray(np.linalg.solve(gram, hidden.T @ targets / len(hidden)), dtype=np.float64)
