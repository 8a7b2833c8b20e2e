"""How many clusters: the largest k whose separation kappa_k no Gaussian of the same covariance would show.

kappa_k is that of `zeeman.spectrum.localized`; its null is drawn, not assumed: Gaussians with the covariance of the
codes, in a basis made the same way. A Gaussian cut in half has kappa_2 = 2/pi, the floor of every threshold.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zeeman.base.random import stream
from zeeman.hamiltonians import NormalizedGaussians, landmarks
from zeeman.spectrum.localized import separations
from zeeman.spectrum.resolution import carried_levels, neighbour_distance

__all__ = ["HALVED_GAUSSIAN", "count_clusters", "null_thresholds"]

HALVED_GAUSSIAN = 2.0 / np.pi
_DRAWS = 20
_MAX_SAMPLES = 3_000


def count_clusters(separation: dict[int, float], thresholds: dict[int, float]) -> int:
    """Largest k with kappa_k above its threshold, 1 if there is none."""
    return max((k for k, kappa in separation.items() if kappa > thresholds[k]), default=1)


def null_thresholds(
    Z: NDArray[np.float64], n_landmarks: int, width: float, n_states: int, seed: int
) -> dict[int, float]:
    """max(2/pi, mean + 2 sd of kappa_k) for k = 2 .. n_states over Gaussians with the covariance of `Z`.

    Parameters
    ----------
    Z : ndarray, (sample, latent)
    n_landmarks : int
    width : float
        In units of the distance between neighbouring landmarks, as for `Z` itself.
    """
    rng = stream(seed, "null")
    n_samples = min(len(Z), _MAX_SAMPLES)
    n_landmarks = max(n_states, n_landmarks * n_samples // len(Z)) if n_landmarks * 10 > n_samples else n_landmarks
    variances = np.maximum(np.linalg.eigvalsh(np.cov(Z, rowvar=False, ddof=0).reshape(Z.shape[1], -1)), 0.0)
    kappas: dict[int, list[float]] = {k: [] for k in range(2, n_states + 1)}
    for _ in range(_DRAWS):
        drawn = rng.standard_normal((n_samples, len(variances))) * np.sqrt(variances)
        centers = landmarks(drawn, n_landmarks, int(rng.integers(2**31)))
        basis = NormalizedGaussians(centers, width * neighbour_distance(centers))
        for k, kappa in separations(carried_levels(basis, drawn, n_states)[1]).items():
            kappas[k].append(kappa)
    return {k: _threshold(values) for k, values in kappas.items()}


def _threshold(values: list[float]) -> float:
    if len(values) < 2:
        return HALVED_GAUSSIAN
    return max(HALVED_GAUSSIAN, float(np.mean(values) + 2.0 * np.std(values, ddof=1)))
