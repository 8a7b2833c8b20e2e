"""Maps from one code to another, one file's worth of groups: b ~ g(a), fitted on some samples and judged on others.

    identity < signed permutation < orthogonal < affine < smooth

each with a shift (but for the identity). The judge is the held-out R^2 = 1 - sum |b - g(a)|^2 / sum |b - mean b|^2,
pooled over axes, so that it does not depend on the axes of b and collapsed dimensions weigh nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist, pdist

from zeeman.base.types import Samples, Seed
from zeeman.replicas.pairs import Folds, check_pair, mean, pad, split

__all__ = [
    "affine",
    "affine_r2",
    "congruent",
    "held_out_residuals",
    "identity",
    "orthogonal",
    "procrustes_r2",
    "signed_permutation",
    "similarity",
    "smooth",
    "smooth_r2",
]

Map: TypeAlias = Callable[[Samples], Samples]
Fit: TypeAlias = Callable[[Samples, Samples], Map]  # (a, b) of the training samples -> g

_RANK = 1e-10  # variance of a direction, relative to the largest, that a regression may divide by
_RIDGES = np.logspace(-6, 3, 19)  # relative to the mean eigenvalue of the kernel features


def procrustes_r2(a: Any, b: Any, *, scale: bool = False, seed: Seed = 0, folds: Folds | None = None) -> float:
    """Held-out R^2 after the best rotation, reflection and shift (and one scale, if asked), both directions averaged.

    Q = U V^T of svd(a^T b) on centred training samples; the errors on the others are summed over folds.

    Source: Schonemann 1966, Psychometrika 31:1.

    Parameters
    ----------
    a, b : array-like, (sample, latent)
        Fewer axes in one: zero columns are added.
    scale : bool
    seed : int, Generator or None
        Of the random halves.
    folds : sequence of (train, test) indices, optional
        In their place.

    Returns
    -------
    float in (-inf, 1]
    """
    return _both_ways(similarity if scale else orthogonal, a, b, seed, folds)


def affine_r2(a: Any, b: Any, *, seed: Seed = 0, folds: Folds | None = None) -> float:
    """Held-out R^2 of the affine least-squares map, both directions averaged; arguments as `procrustes_r2`."""
    return _both_ways(affine, a, b, seed, folds)


def smooth_r2(a: Any, b: Any, *, seed: Seed = 0, folds: Folds | None = None) -> float:
    """Held-out R^2 of an affine map plus kernel ridge regression, both directions averaged; see `smooth`.

    High where the affine R^2 is not: one code is a warp of the other. Low: they hold different things.
    Arguments as `procrustes_r2`.
    """
    return _both_ways(smooth, a, b, seed, folds)


def held_out_residuals(
    fit: Fit, a: Samples, b: Samples, folds: Folds
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Squared errors |b - g(a)|^2 and |b - mean b|^2 of the test samples, fold after fold: two arrays (tested,)."""
    errors, totals = [], []
    for train, test in folds:
        target = b[test]
        errors.append(((target - fit(a[train], b[train])(a[test])) ** 2).sum(axis=1))
        totals.append(((target - target.mean(axis=0)) ** 2).sum(axis=1))
    return np.concatenate(errors), np.concatenate(totals)


def identity(a: Samples, b: Samples) -> Map:
    """g(a) = a."""
    return lambda z: z


def signed_permutation(a: Samples, b: Samples) -> Map:
    """g(a) = a P + t, P the signed permutation of least squares: matching by |cov(a_i, b_j)|."""
    mean_a, mean_b, cross = _moments(a, b)
    rows, columns = linear_sum_assignment(-np.abs(cross))
    P = np.zeros_like(cross)
    P[rows, columns] = np.where(cross[rows, columns] < 0, -1.0, 1.0)
    return lambda z: (z - mean_a) @ P + mean_b


def orthogonal(a: Samples, b: Samples) -> Map:
    """g(a) = a Q + t, Q orthogonal (reflections included) of least squares: Q = U V^T of svd(cov(a, b))."""
    mean_a, mean_b, cross = _moments(a, b)
    Q = _polar(cross)
    return lambda z: (z - mean_a) @ Q + mean_b


def similarity(a: Samples, b: Samples) -> Map:
    """g(a) = s a Q + t with one scale s = sum of singular values of cov(a, b) / tr cov(a)."""
    mean_a, mean_b, cross = _moments(a, b)
    left, singular, right = np.linalg.svd(cross)
    variance = ((a - mean_a) ** 2).mean(axis=0).sum()
    M = left @ right * (singular.sum() / variance if variance > 0 else 0.0)
    return lambda z: (z - mean_a) @ M + mean_b


def congruent(a: Samples, b: Samples) -> Map:
    """g(a) = a M + t, the affine map that carries the covariance of a into that of b, M^T C_a M = C_b, and fits best.

    M = C_a^(-1/2) U V^T C_b^(1/2), U V^T the polar factor of the whitened cross-covariance. Unlike least squares it
    does not shrink: where b is a rotated and both carry noise, M is that rotation, so noise does not pass for squeeze.
    """
    mean_a, mean_b, cross = _moments(a, b)
    (_, inverse_a), (root_b, inverse_b) = (_roots(z - m) for z, m in ((a, mean_a), (b, mean_b)))
    M = inverse_a @ _polar(inverse_a @ cross @ inverse_b) @ root_b
    return lambda z: (z - mean_a) @ M + mean_b


def affine(a: Samples, b: Samples) -> Map:
    """g(a) = a M + t of least squares: E[b|a] if it is affine. Directions without variance are not used."""
    mean_a, mean_b, cross = _moments(a, b)
    _, inverse = _roots(a - mean_a)
    M = inverse @ inverse @ cross
    return lambda z: (z - mean_a) @ M + mean_b


def smooth(a: Samples, b: Samples, *, n_landmarks: int = 100, widths: Sequence[float] = (1.0,)) -> Map:
    """g(a) = affine map + sum_j c_j exp(-|a - l_j|^2 / 2 w^2): kernel ridge regression of what the affine map leaves.

    The landmarks l_j are evenly drawn training samples, a third of them at most; w is one of `widths` times the median
    distance of those that differ. Width and ridge are chosen by generalised cross-validation (Golub, Heath and Wahba
    1979). No step depends on the axes.
    """
    line = affine(a, b)
    landmarks = a[np.linspace(0, len(a) - 1, max(2, min(n_landmarks, len(a) // 3))).astype(int)]
    distances = pdist(landmarks)
    if not distances.any():
        return line
    distance, best = np.median(distances[distances > 0]), np.inf
    for width in widths:
        kernel = _Gaussians(landmarks, width * distance)
        features = kernel(a)
        criterion, coefficients = _ridge(features - features.mean(axis=0), b - line(a))
        if criterion < best:
            best, chosen = criterion, (kernel, features.mean(axis=0), coefficients)
    kernel, center, coefficients = chosen
    return lambda z: line(z) + (kernel(z) - center) @ coefficients


class _Gaussians:
    def __init__(self, landmarks: Samples, width: float) -> None:
        self.landmarks, self.width = landmarks, width

    def __call__(self, z: Samples) -> NDArray[np.float64]:
        return np.exp(cdist(z, self.landmarks, "sqeuclidean") / (-2.0 * self.width**2))


def _ridge(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Least generalised cross-validation error of ridge regressions of centred y on centred x, and its coefficients."""
    n = len(x)
    values, vectors = scipy.linalg.eigh(x.T @ x / n)
    values = np.maximum(values, 0.0)
    projected = vectors.T @ (x.T @ y) / n
    power, best = (projected**2).sum(axis=1), (np.inf, np.zeros_like(values))
    total = (y**2).sum() / n
    for ridge in _RIDGES * max(values.mean(), np.finfo(float).tiny):
        gain = 1.0 / (values + ridge)
        left = total - (power * gain * (2.0 - values * gain)).sum()
        freedom = (values * gain).sum()
        criterion = left / (1.0 - freedom / n) ** 2 if freedom < n else np.inf
        if criterion < best[0]:
            best = (criterion, gain)
    return best[0], vectors @ (best[1][:, None] * projected)


def _both_ways(fit: Fit, a: Any, b: Any, seed: Seed, folds: Folds | None) -> float:
    a, b = pad(*check_pair(a, b))
    parts = split(len(a), seed=seed, folds=folds)
    return float(np.mean([_r2(*held_out_residuals(fit, x, y, parts)) for x, y in ((a, b), (b, a))]))


def _r2(errors: NDArray[np.float64], totals: NDArray[np.float64]) -> float:
    return 1.0 - errors.sum() / totals.sum() if totals.sum() > 0 else 0.0


def _moments(a: Samples, b: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    mean_a, mean_b = mean(a), mean(b)
    return mean_a, mean_b, (a - mean_a).T @ (b - mean_b) / len(a)


def _polar(m: NDArray[np.float64]) -> NDArray[np.float64]:
    left, _, right = np.linalg.svd(m)
    return left @ right


def _roots(centred: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """C^(1/2) and the pseudo-inverse C^(-1/2) of the covariance of centred samples."""
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    root = np.sqrt(np.maximum(values, 0.0))
    kept = values > _RANK * values[-1]
    inverse = np.where(kept, 1.0 / np.where(kept, root, 1.0), 0.0)
    return (vectors * root) @ vectors.T, (vectors * inverse) @ vectors.T
