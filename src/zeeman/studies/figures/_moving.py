"""Whether differences of energy are what it costs to move between classes (paper 000, section 3).

The cost of going from class a to class b is read with the labels: the Bhattacharyya distance of their codes as
Gaussians, with means m, covariances S and S_ab = (S_a + S_b) / 2,

    D_ab = 1/8 (m_a - m_b) . S_ab^-1 (m_a - m_b) + 1/2 ln |S_ab| / sqrt(|S_a| |S_b|),

which bounds the error of telling them apart, e^-D_ab / 2. Compared are ranks over pairs, since units differ.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from zeeman.base.random import stream

__all__ = ["costs", "moving", "permuted_moving"]


def costs(Z: NDArray[np.float64], labels: NDArray) -> NDArray[np.float64]:
    """D_ab of all pairs of classes, (pair,), in the order of `itertools.combinations`."""
    groups = [Z[labels == c] for c in np.unique(labels)]
    means, covariances = [g.mean(axis=0) for g in groups], [np.cov(g.T) for g in groups]
    found = []
    for a, b in combinations(range(len(groups)), 2):
        step, both = means[a] - means[b], (covariances[a] + covariances[b]) / 2
        volume = [np.linalg.slogdet(S)[1] for S in (both, covariances[a], covariances[b])]
        found.append(step @ np.linalg.solve(both, step) / 8 + volume[0] / 2 - (volume[1] + volume[2]) / 4)
    return np.array(found)


def moving(energies: NDArray[np.float64], labels: NDArray, cost: NDArray[np.float64]) -> float:
    """Spearman's correlation over pairs of classes of |e_a - e_b|, e the mean energy of a class, and the cost."""
    return _of_classes(_means(energies, labels), cost)


def permuted_moving(
    energies: NDArray[np.float64], labels: NDArray, cost: NDArray[np.float64], n_draws: int, seed: int
) -> NDArray[np.float64]:
    """`moving` with the classes' energies given to classes at random, (draw,)."""
    rng, means = stream(seed, "energies of classes"), _means(energies, labels)
    return np.array([_of_classes(rng.permutation(means), cost) for _ in range(n_draws)])


def _means(energies: NDArray[np.float64], labels: NDArray) -> NDArray[np.float64]:
    return np.array([energies[labels == c].mean() for c in np.unique(labels)])


def _of_classes(means: NDArray[np.float64], cost: NDArray[np.float64]) -> float:
    steps = np.array([abs(a - b) for a, b in combinations(means, 2)])
    return float(spearmanr(steps, cost).statistic) if np.ptp(steps) > 0 else 0.0  # equal energies tell no pair apart
