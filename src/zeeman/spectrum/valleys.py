"""Is there a valley between two sets? Three answers: on a line, in the shape of it, and along the samples.

Line and shape look at the projection on the line that best tells two sets apart (Fisher's discriminant). A bent set, a
ring or an arc, has a valley there although none must be crossed: it leads round. Along the samples, from where one
localized state is large to where another is, density is counted in balls, and the middle is where the two are equal.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import scipy.spatial
from numpy.typing import NDArray

__all__ = ["along", "dip", "shallowest", "worst_dip"]

_HIGHEST_HILL = -30.0  # what few samples leave open without limit
_BINS, _WINDOW = 12, 0.5  # of the line from -1 to 1
_MAX_SAMPLES, _NEIGHBOURS = 3_000, 24
_FEWEST = 24  # samples of a cell
_SLICE = 0.04  # of the samples of two sets that stand for one place between them


def shallowest(Z: NDArray[np.float64], labels: NDArray[np.integer], k: int) -> float:
    """Shallowest valley on the line between two of the k cells, by `valley`."""
    members = [Z[labels == c] for c in range(k)]
    return max(valley(a, b) for a, b in combinations(members, 2))


def valley(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Fewest samples halfway over those at the lesser side, plus two standard errors; 1 or more: no valley."""
    x = _between(a, b)
    if x is None:
        return 1.0
    line = np.sort(x)

    def count(center: NDArray[np.float64]) -> NDArray[np.integer]:
        return np.searchsorted(line, center + _WINDOW / 2) - np.searchsorted(line, center - _WINDOW / 2)

    side = max(1, int(count(np.array([-1.0, 1.0])).min()))
    middle = int(count(np.linspace(-1.0 + _WINDOW, 1.0 - _WINDOW, 9)).min())
    return (middle + 2.0 * float(np.sqrt(middle + side))) / side


def worst_dip(Z: NDArray[np.float64], labels: NDArray[np.integer], k: int) -> float:
    """Smallest `dip` over pairs of cells; -inf if a cell has fewer than three samples."""
    members = [Z[labels == c] for c in range(k)]
    if min(len(part) for part in members) < 3:
        return -np.inf
    return min(dip(members[a], members[b]) for b in range(k) for a in range(b))


def dip(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Depth of the valley between two sets (sample, latent): ln of the density at their medians over that halfway.

    Along the line that best tells them apart (Fisher's discriminant), x = -1 and 1 at the medians, the counts are
    fitted by ln n(x) = c_0 + c_1 x + c_2 x^2 (Poisson regression); c_2 less two standard errors (of an even
    density) is returned: an even sheet has as often a valley as a hill. Negative: no valley.
    """
    x = _between(a, b)
    if x is None:
        return -np.inf
    counts, edges = np.histogram(x, np.linspace(-1.0, 1.0, _BINS + 1))
    return _curvature(counts, (edges[1:] + edges[:-1]) / 2.0)


def _between(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """All samples of both sets on the line that best tells them apart, -1 and 1 at the medians; None if there is none.

    Fisher's discriminant: S^-1 (mean of b - mean of a), S the scatter within the sets.
    """
    centers = [part.mean(axis=0) for part in (a, b)]
    within = sum((part - center).T @ (part - center) for part, center in zip((a, b), centers, strict=True))
    apart = centers[1] - centers[0]
    ridge = 1e-9 * (np.trace(within) + (len(a) + len(b)) * apart @ apart)
    if ridge == 0.0:
        return None
    across = np.linalg.solve(within + ridge * np.eye(len(apart)), apart)
    across /= max(np.linalg.norm(across), np.finfo(float).tiny)
    low, high = np.median(a @ across), np.median(b @ across)
    if not high > low:
        return None
    return (np.concatenate([a, b]) @ across - (low + high) / 2.0) / ((high - low) / 2.0)


def _curvature(counts: NDArray, x: NDArray[np.float64], max_iterations: int = 50) -> float:
    """c_2 of the Poisson regression ln n = c_0 + c_1 x + c_2 x^2, by Newton's method."""
    powers = x[:, None] ** np.arange(3)
    c = np.array([np.log(max(counts.mean(), 0.5)), 0.0, 0.0])
    for _ in range(max_iterations):
        mean = np.exp(np.clip(powers @ c, -30.0, 30.0))
        hessian = powers.T @ (mean[:, None] * powers) + 1e-6 * np.eye(3)
        step = np.linalg.solve(hessian, powers.T @ (counts - mean))
        c += np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-6:
            break
    even = counts.mean() * powers.T @ powers + 1e-6 * np.eye(3)  # an empty middle would leave its own error open
    return max(_HIGHEST_HILL, float(c[2] - 2.0 * np.sqrt(np.linalg.inv(even)[2, 2])))


def along(Z: NDArray[np.float64], localized: NDArray[np.float64], labels: NDArray[np.integer]) -> float:
    """Density halfway from one cell to another along the samples, over that at their sides; the largest of all pairs.

    1 or more: no valley; 0: too few samples to say. The place of a sample of cells a and b is the difference of their
    localized states; halfway it is 0, a side is its median in a cell. Density is the number of samples in a ball about
    a sample, mean over the slice of samples nearest to a place.

    Parameters
    ----------
    Z : ndarray, (sample, latent)
    localized : ndarray, (sample, cell)
    labels : ndarray, (sample,)
    """
    cells = [np.flatnonzero(labels == one) for one in range(localized.shape[1])]
    if min(len(cell) for cell in cells) < _FEWEST:
        return 0.0  # too few to say anything
    every = max(1.0, len(Z) / _MAX_SAMPLES)  # of a small cell at least the fewest, or there is no place to look at
    seen = np.sort(np.concatenate([
        cell[np.linspace(0, len(cell) - 1, max(_FEWEST, int(len(cell) / every))).astype(int)] for cell in cells
    ]))  # fmt: skip
    Z, localized, labels = Z[seen], localized[seen], labels[seen]
    sizes = np.bincount(labels, minlength=localized.shape[1])
    tree = scipy.spatial.KDTree(Z)
    reach = tree.query(Z, [min(_NEIGHBOURS, len(Z))])[0][:, 0]

    def halfway(a: int, b: int) -> float:
        both = np.flatnonzero((labels == a) | (labels == b))
        place = localized[both, a] - localized[both, b]
        n = int(np.clip(_SLICE * len(both), 4, min(sizes[a], sizes[b]) // 2 + 2))
        places = [0.0, *(np.median(place[labels[both] == one]) for one in (a, b))]
        slices = [both[np.argpartition(np.abs(place - at), n - 1)[:n]] for at in places]
        radius = np.median(reach[np.concatenate(slices[1:])])
        middle, *sides = (tree.query_ball_point(Z[one], radius, return_length=True).mean() for one in slices)
        return float(middle / min(sides))

    return max(halfway(a, b) for a, b in combinations(range(len(sizes)), 2))
