"""Localized states: the k lowest states rotated so that each lives on one set of samples.

If a density falls into k sets separated by thin necks, its k lowest states are nearly constant on each set, and an
orthogonal rotation (varimax) turns them into k functions that are each large on one set and zero on the others.

The separation of the sets is the number

    kappa_k = smallest eigenvalue of sum_c p_c m_c m_c^T,

with p_c the share and m_c the mean, in the whitened coordinates (f_1 ... f_{k-1}), of the cell where localized state
c is the largest: 1 if every state is constant on every cell, 2/pi if a Gaussian is cut in half, 8/pi^2 if a uniform
sheet is.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

__all__ = ["localize", "partitions", "separation"]

_AT_ONCE = 8192  # samples: their products are (sample, state^2)


def localize(states: NDArray[np.float64]) -> NDArray[np.float64]:
    """Varimax rotation R, (state, localized): states @ R are localized, of positive third moment.

    Maximises sum_j E[(f R)_j^4], the variance of the squared entries, over orthogonal R.

    Parameters
    ----------
    states : ndarray, (sample, state)
        Orthonormal under the samples, the constant included.
    """
    return _varimax(_fourth_moments(states), states)


def partitions(states: NDArray[np.float64]) -> dict[int, NDArray[np.integer]]:
    """Cells of the k lowest of `states`, (sample, state), for every k from 2: k -> (sample,) labels 0 .. k-1."""
    moments = _fourth_moments(states)
    found = {}
    for k in range(2, states.shape[1] + 1):
        rotation = _varimax(moments[:k, :k, :k, :k], states[:, :k])
        found[k] = np.argmax(states[:, :k] @ rotation, axis=1)
    return found


def separation(states: NDArray[np.float64], labels: NDArray[np.integer]) -> float:
    """kappa_k of k states, (sample, k), constant included, over the cells `labels`; 0 if a cell is empty."""
    member = np.eye(states.shape[1])[labels]
    shares = member.mean(axis=0)
    if np.any(shares == 0):
        return 0.0
    excited = states[:, 1:] - states[:, 1:].mean(axis=0)
    means = (member.T @ excited) / (len(states) * shares[:, None])
    return float(np.linalg.eigvalsh((means.T * shares) @ means)[0])


def _fourth_moments(states: NDArray[np.float64]) -> NDArray[np.float64]:
    """E[f_a f_b f_c f_d], (state, state, state, state): all that varimax needs to know of the samples."""
    n_samples, n_states = states.shape
    moments = np.zeros((n_states**2, n_states**2))
    for start in range(0, n_samples, _AT_ONCE):
        some = states[start : start + _AT_ONCE]
        pairs = (some[:, :, None] * some[:, None, :]).reshape(len(some), -1)
        moments += pairs.T @ pairs
    return (moments / n_samples).reshape((n_states,) * 4)


def _varimax(
    moments: NDArray[np.float64], states: NDArray[np.float64], max_iterations: int = 500, tolerance: float = 1e-9
) -> NDArray[np.float64]:
    n_states = len(moments)
    cubic = moments.reshape(n_states**2, n_states**2)
    rotation, previous = _selected_samples(states), 0.0
    for _ in range(max_iterations):
        squares = np.einsum("cj,dj->cdj", rotation, rotation).reshape(n_states**2, n_states)
        gradient = np.einsum("abj,bj->aj", (cubic @ squares).reshape(n_states, n_states, n_states), rotation)
        left, singular, right = np.linalg.svd(gradient)
        rotation = left @ right
        if singular.sum() <= previous * (1.0 + tolerance):
            break
        previous = singular.sum()
    return rotation * np.where(np.mean((states @ rotation) ** 3, axis=0) < 0, -1.0, 1.0)


def _selected_samples(states: NDArray[np.float64]) -> NDArray[np.float64]:
    """A start for varimax: the orthogonal matrix nearest to the states at k samples that differ most (pivoted QR).

    The identity will not do: for two equal clusters the constant and the odd state are a stationary point of varimax.
    """
    pivots = scipy.linalg.qr(states.T, mode="r", pivoting=True)[1][: states.shape[1]]
    left, _, right = np.linalg.svd(states[pivots].T)
    return left @ right
