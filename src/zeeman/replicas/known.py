"""Pairs of codes whose degeneracy is known, to judge a verdict by: pure moves, noise, and probabilistic PCA.

a = z + e and b = g(z + e'), z a Gaussian or clustered cloud, g drawn from the named kind, e and e' independent noise of
standard deviation `noise` in units of the cloud's: what two trainings make differently of the same sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from zeeman.base.checks import check_choice, check_positive_integer
from zeeman.base.random import entropy_of, stream
from zeeman.base.types import Samples, Seed
from zeeman.replicas.nulls import haar

__all__ = ["KINDS", "confusion", "known_pair", "ppca_codes"]

KINDS = ("identical", "sign/permutation", "rotation", "affine", "warp", "collapse", "different optimum")


def known_pair(
    kind: str, dim: int, n_samples: int, *, clustered: bool = False, noise: float = 0.0, seed: Seed = 0
) -> tuple[Samples, Samples]:
    """Two codes (sample, latent) that differ by a random move of the named kind.

    "affine" stretches along random axes by factors between 0.5 and 2. "warp" turns, bends every pair of axes along a
    parabola (invertibly; 0.7 of their spread is not affine) and turns again. "collapse" turns and replaces about a
    third of the axes of b by noise of 2 % of their spread. "different optimum" is, by chance, unrelated codes, codes
    that share half their axes, a fold (a function of a from which a cannot be had back), or, where there are
    clusters, the same clusters elsewhere and with other things inside.

    Parameters
    ----------
    kind : one of `KINDS`
    dim, n_samples : int
        At least two dimensions for "rotation" and "warp": a line has none.
    clustered : bool
        max(2, dim // 2 + 1) clusters, 3 standard deviations from the centre, unequal and not aligned with the axes.
    noise : float
    seed : int, Generator or None
    """
    check_choice(kind, KINDS, "kind")
    check_positive_integer(dim, "dim", 2 if kind in ("rotation", "warp") else 1)
    rng = stream(entropy_of(seed), f"known {kind}")
    z = _cloud(rng, dim, n_samples, clustered)
    size = noise * z.std(axis=0).mean()
    a, b = (z + size * rng.standard_normal(z.shape) for _ in range(2))
    return a, _MOVES[kind](rng, b, clustered)


def ppca_codes(
    n_samples: int,
    dim: int,
    *,
    n_features: int = 30,
    variances: Iterable[float] | None = None,
    noise: float = 1.0,
    n_replicas: int = 2,
    rotated: bool = True,
    seed: Seed = 0,
) -> NDArray[np.float64]:
    """Posterior means of the linear-Gaussian VAE at its optimum, (replica, sample, latent): probabilistic PCA.

    x = W_0 z + eps. Maximum likelihood: W = U (L - s^2)^(1/2) R with U, L the leading principal axes and variances and
    R any rotation: the degeneracy in closed form. E[z|x] = (W^T W + s^2)^-1 W^T x. Every replica is fitted to its own
    bootstrap sample of the data and encodes all of it.

    Source: Tipping and Bishop 1999, J. R. Stat. Soc. B 61:611, equations 7 and 6; Lucas et al. 2019 (NeurIPS) for VAEs.

    Parameters
    ----------
    n_samples, dim, n_features : int
        dim < n_features: what is left over is the noise.
    variances : dim numbers, optional
        Of W_0 z along its axes; by default from 8 to 4 in units of `noise` squared.
    noise : float
        Standard deviation of eps.
    n_replicas : int
    rotated : bool
        Draw R uniformly; otherwise R is a signed permutation, all that diagonal posteriors leave free where the
        variances differ.
    seed : int, Generator or None
    """
    if not dim < n_features:
        raise ValueError(f"n_features must be above dim = {dim}, got {n_features}: raise it")
    rng = stream(seed, "ppca")
    variances = noise**2 * np.linspace(8, 4, dim) if variances is None else np.fromiter(variances, float)
    axes = haar(n_features, 1, rng)[0][:, :dim] * np.sqrt(variances)
    X = rng.standard_normal((n_samples, dim)) @ axes.T + noise * rng.standard_normal((n_samples, n_features))
    return np.stack([_ppca(rng, X, dim, rotated) for _ in range(n_replicas)])


def confusion(
    judge: Callable[[Samples, Samples], str],
    *,
    dims: Iterable[int] = (2, 5, 8, 16),
    sizes: Iterable[int] = (500, 2000),
    noises: Iterable[float] = (0.0, 0.1),
    clustered: Iterable[bool] = (False, True),
    n_seeds: int = 5,
    kinds: Iterable[str] = KINDS,
) -> NDArray[np.integer]:
    """Counts (true kind, judged kind), in the order of `KINDS`, of `judge(a, b)` over all the given settings."""
    settings = [(d, n, e, c) for d in dims for n in sizes for e in noises for c in clustered]
    counts = np.zeros((len(KINDS), len(KINDS)), int)
    for kind in kinds:
        for d, n, e, c in settings:
            for seed in range(n_seeds):
                a, b = known_pair(kind, d, n, clustered=c, noise=e, seed=seed)
                counts[KINDS.index(kind), KINDS.index(judge(a, b))] += 1
    return counts


def _cloud(rng: np.random.Generator, dim: int, n: int, clustered: bool) -> Samples:
    if not clustered:
        # unequal spreads, so that axes exist, along random directions, so that they are not the coordinates
        return rng.standard_normal((n, dim)) * np.linspace(1.2, 0.8, dim) @ haar(dim, 1, rng)[0]
    k = max(2, dim // 2 + 1)
    labels = rng.choice(k, n, p=rng.dirichlet(np.full(k, 8.0)))
    return _around_centers(rng, labels, dim)


def _around_centers(rng: np.random.Generator, labels: NDArray[np.integer], dim: int) -> Samples:
    centers = rng.standard_normal((labels.max() + 1, dim))
    centers *= 3.0 / np.linalg.norm(centers, axis=1, keepdims=True)
    return centers[labels] + 0.7 * rng.standard_normal((len(labels), dim))


def _signed_permutation(rng: np.random.Generator, z: Samples, clustered: bool) -> Samples:
    signs = rng.choice([-1.0, 1.0], z.shape[1])
    order = rng.permutation(z.shape[1])
    if np.all(signs > 0) and np.all(order == np.arange(len(order))):
        signs[0] = -1.0
    return z[:, order] * signs


def _rotation(rng: np.random.Generator, z: Samples, clustered: bool) -> Samples:
    while True:  # one that no signed permutation comes near: else the answer would be another
        Q = haar(z.shape[1], 1, rng)[0]
        if np.abs(Q).max(axis=1).min() < 0.95:
            return z @ Q


def _affine(rng: np.random.Generator, z: Samples, clustered: bool) -> Samples:
    left, right = haar(z.shape[1], 2, rng)
    return (z @ left * rng.permutation(np.geomspace(0.5, 2.0, z.shape[1]))) @ right


def _warp(rng: np.random.Generator, z: Samples, clustered: bool) -> Samples:
    left, right = haar(z.shape[1], 2, rng)
    y = (z - z.mean(axis=0)) @ left
    y /= y.std(axis=0).mean()
    even, odd = y[:, 0::2][:, : z.shape[1] // 2], y[:, 1::2]
    linear = np.column_stack([np.ones(len(y)), y])
    parabola = even**2 - linear @ np.linalg.lstsq(linear, even**2, rcond=None)[0]
    y[:, 1::2] = odd + 0.7 * parabola / parabola.std(axis=0)
    return y @ right


def _collapse(rng: np.random.Generator, z: Samples, clustered: bool) -> Samples:
    y = z @ haar(z.shape[1], 1, rng)[0]
    lost = rng.permutation(z.shape[1])[: max(1, z.shape[1] // 3)]
    y[:, lost] = 0.02 * y[:, lost].std(axis=0) * rng.standard_normal((len(z), len(lost)))
    return y @ haar(z.shape[1], 1, rng)[0] if clustered else y


def _different(rng: np.random.Generator, z: Samples, clustered: bool) -> Samples:
    dim, case = z.shape[1], rng.integers(4 if clustered else 3)
    if case == 3:
        k = max(2, dim // 2 + 1)
        return _around_centers(rng, KMeans(k, n_init=3, random_state=0).fit_predict(z), dim)
    other = _cloud(rng, dim, len(z), clustered)
    if case == 0:
        return other
    y, Q = z @ haar(dim, 1, rng)[0], haar(dim, 1, rng)[0]
    if case == 1:
        y[:, dim // 2 :] = other[:, dim // 2 :]
        return y @ Q
    return np.abs(y - y.mean(axis=0)) @ Q


def _ppca(rng: np.random.Generator, X: Samples, dim: int, rotated: bool) -> Samples:
    resampled = X[rng.integers(len(X), size=len(X))]
    values, vectors = np.linalg.eigh(np.cov(resampled.T))
    rest = values[:-dim].mean()
    R = haar(dim, 1, rng)[0] if rotated else np.eye(dim)[rng.permutation(dim)] * rng.choice([-1.0, 1.0], dim)
    W = vectors[:, -dim:] * np.sqrt(values[-dim:] - rest) @ R
    return np.linalg.solve(W.T @ W + rest * np.eye(dim), W.T @ (X - resampled.mean(axis=0)).T).T


_MOVES: dict[str, Callable[[np.random.Generator, Samples, bool], Samples]] = {
    "identical": lambda rng, z, clustered: z.copy(),
    "sign/permutation": _signed_permutation,
    "rotation": _rotation,
    "affine": _affine,
    "warp": _warp,
    "collapse": _collapse,
    "different optimum": _different,
}
