"""Distances and angles of a latent space: branch means and their isometry, directions of order parameters.

Symbols: a branch is a set of samples with one label (P+, P-, P_PM of paper 002); m_a = E[x | branch a] its first
moment, in input or in latent space. Codes are never scaled axis by axis. Every number has a null beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln
from scipy.stats import beta

from zeeman.base.brief import brief
from zeeman.base.checks import check_choice, check_finite, check_positive_integer, check_samples
from zeeman.base.random import stream
from zeeman.base.types import Seed

__all__ = [
    "Isometry",
    "Orthogonality",
    "branch_directions",
    "branch_distances",
    "branches_of",
    "first_moment_mmd",
    "isometry",
    "orthogonality",
    "regression_directions",
]


@brief
@dataclass(frozen=True)
class Isometry:
    """Distances between branch means in latent space against those in input space, d_z = s d_x.

    Attributes
    ----------
    branches : tuple of str
    input, latent : ndarray, (branch, branch)
        Distances d_x (input units) and d_z (the prior's standard deviation).
    scale : float
        s = sum d_x d_z / sum d_x^2 over pairs.
    residual : float
        sqrt(sum (d_z - s d_x)^2 / sum d_z^2), 0 for an isometry up to scale.
    ratios : ndarray, (pair,)
        d_z / (s d_x), pairs in the order of itertools.combinations; nan where d_x = 0.
    null : ndarray, (draw,)
        Residuals where the code knows nothing of the input, see `isometry`.
    p_value : float
        Share of the null with a residual as small, itself counted.
    """

    branches: tuple[str, ...]
    input: NDArray[np.float64] = field(repr=False)
    latent: NDArray[np.float64] = field(repr=False)
    scale: float
    residual: float
    ratios: NDArray[np.float64]
    null: NDArray[np.float64] = field(repr=False)
    p_value: float


@brief
@dataclass(frozen=True)
class Orthogonality:
    """|cos| between directions, beside that of random ones.

    Attributes
    ----------
    names : tuple of str
    cosine : ndarray, (direction, direction)
        |cos|, ones on the diagonal.
    null_mean : float
        E |cos| of two random directions, Gamma(d/2) / (sqrt(pi) Gamma((d+1)/2)).
    p_value : ndarray, (direction, direction)
        Chance of two random directions to be as orthogonal: cos^2 ~ Beta(1/2, (d-1)/2). With many latents random
        directions are orthogonal too, and only the p-value tells.
    """

    names: tuple[str, ...]
    cosine: NDArray[np.float64]
    null_mean: float
    p_value: NDArray[np.float64]


def first_moment_mmd(X: ArrayLike, Y: ArrayLike) -> float:
    """Return the first-moment maximum mean discrepancy of two sets of samples, in units of the data.

        MMD^2 = sup_{0 <= c <= 1} c^2 |E x - E y|^2 = |E x - E y|^2,

    the Euclidean distance of the means (the sup is at c = 1). Two finite sets of one distribution are
    sqrt(tr Cov (1/n + 1/m)) apart.

    Source: paper 002, eq. 8-9.

    Parameters
    ----------
    X, Y : array-like, (sample, ...)
        Any numbers of samples; data of one shape.
    """
    a, b = _flat(X, "X"), _flat(Y, "Y")
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"X and Y must hold data of one size, got {a.shape[1]} and {b.shape[1]} values a sample")
    return float(np.linalg.norm(a.mean(axis=0) - b.mean(axis=0)))


def branch_distances(X: ArrayLike, labels: ArrayLike) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Return the names of the branches, sorted, and `first_moment_mmd` between every two, (branch, branch)."""
    data = _flat(X, "X")
    names, index = branches_of(labels, len(data), 2)
    return names, _distances(_means(data, index, len(names)))


def isometry(
    X: ArrayLike, Z: ArrayLike, labels: ArrayLike, *, null: str = "codes", n_draws: int = 1000, random_state: Seed = 0
) -> Isometry:
    """Compare distances between branch means in input and in latent space, up to one scale.

    Source: paper 002, section III: "the isometry property of probability is protected up to a scaling factor".

    Parameters
    ----------
    X : array-like, (sample, ...)
    Z : array-like, (sample, latent)
    labels : array-like, (sample,)
        Three branches or more: two have one distance, and one scale fits it.
    null : {"codes", "labels"}
        "codes": the latent branch means are independent N(0, 1) points of as many dimensions. "labels": the labels of
        Z are permuted, those of X stay; the means are then noise whose size follows from that of the branches.
    n_draws : int
    random_state : int, Generator or None
    """
    check_choice(null, ("codes", "labels"), "null")
    check_positive_integer(n_draws, "n_draws")
    data, codes = _flat(X, "X"), check_samples(Z, "Z")
    if len(data) != len(codes):
        raise ValueError(f"X has {len(data)} samples and Z {len(codes)}: give the codes of the same samples")
    names, index = branches_of(labels, len(data), 3)
    d_x, d_z = (_distances(_means(part, index, len(names))) for part in (data, codes))
    pairs = np.triu_indices(len(names), 1)
    if not d_x[pairs].any() or not d_z[pairs].any():
        raise ValueError("all branch means coincide in X or in Z: there is no distance to compare")
    rng, draws = stream(random_state, "isometry"), np.empty(n_draws)
    for i in range(n_draws):
        if null == "codes":
            means = rng.standard_normal((len(names), codes.shape[1]))
        else:
            means = _means(codes, rng.permutation(index), len(names))
        draws[i] = _fit_scale(d_x[pairs], _distances(means)[pairs])[1]
    scale, residual = _fit_scale(d_x[pairs], d_z[pairs])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(d_x[pairs] > 0, d_z[pairs] / (scale * d_x[pairs]), np.nan)
    p_value = (1 + np.sum(draws <= residual)) / (1 + n_draws)
    return Isometry(names, d_x, d_z, scale, residual, ratios, draws, float(p_value))


def regression_directions(
    Z: ArrayLike, order_parameters: Mapping[str, ArrayLike]
) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float64]]:
    """Return names, directions (order parameter, latent) and R^2 of least squares m = w . z + const.

    w is the direction along which the order parameter grows when z moves; unit vectors. A small R^2 says that the order
    parameter is no linear function of the code, and then its direction means little.
    """
    codes = check_samples(Z, "Z")
    if not order_parameters:
        raise ValueError("order_parameters is empty: give name -> (sample,)")
    centred = codes - codes.mean(axis=0)
    directions, r2 = [], []
    for name, values in order_parameters.items():
        m = np.asarray(values, dtype=np.float64)
        if m.shape != (len(codes),):
            raise ValueError(f"order parameter {name!r} must be (sample,) = ({len(codes)},), got shape {m.shape}")
        check_finite(m, f"order parameter {name!r}")
        if np.ptp(m) == 0:
            raise ValueError(f"order parameter {name!r} is constant: it has no direction")
        m = m - m.mean()
        w = np.linalg.lstsq(centred, m, rcond=None)[0]
        directions.append(w)
        r2.append(1.0 - np.sum((m - centred @ w) ** 2) / np.sum(m**2))
    return tuple(order_parameters), _unit(np.array(directions), tuple(order_parameters)), np.array(r2)


def branch_directions(
    Z: ArrayLike, labels: ArrayLike, pairs: Mapping[str, tuple[Any, Any]]
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Return names and unit directions (pair, latent) from one branch mean to another.

    Parameters
    ----------
    Z : array-like, (sample, latent)
    labels : array-like, (sample,)
    pairs : mapping name -> (to, from)
        Such as {"FM": ("FM+", "FM-"), "AFM": ("AFM+", "AFM-")}.
    """
    codes, tags = check_samples(Z, "Z"), np.asarray(labels)
    if tags.shape != (len(codes),):
        raise ValueError(f"labels must be (sample,) = ({len(codes)},), got shape {tags.shape}")
    absent = sorted({str(tag) for pair in pairs.values() for tag in pair if not np.any(tags == tag)})
    if absent or not pairs:
        raise ValueError(f"pairs must name labels that occur ({', '.join(map(str, np.unique(tags)))}), got {absent}")
    steps = [codes[tags == to].mean(axis=0) - codes[tags == away].mean(axis=0) for to, away in pairs.values()]
    return tuple(pairs), _unit(np.array(steps), tuple(pairs))


def orthogonality(directions: ArrayLike, names: Sequence[str] | None = None) -> Orthogonality:
    """Return |cos| between directions (direction, latent), with the exact null of random directions in d latents.

    In one latent every two directions are parallel, |cos| = 1 and p = 1.
    """
    vectors = np.atleast_2d(np.asarray(directions, dtype=np.float64))
    check_finite(vectors, "directions")
    labels = tuple(names) if names is not None else tuple(map(str, range(len(vectors))))
    if len(labels) != len(vectors):
        raise ValueError(f"names must be one for each of the {len(vectors)} directions, got {len(labels)}")
    unit, dim = _unit(vectors, labels), vectors.shape[1]
    cosine = np.minimum(np.abs(unit @ unit.T), 1.0)
    null = float(np.exp(gammaln(dim / 2) - gammaln((dim + 1) / 2)) / np.sqrt(np.pi))
    p_value = np.ones_like(cosine) if dim == 1 else beta.cdf(cosine**2, 0.5, (dim - 1) / 2)
    return Orthogonality(labels, cosine, null, p_value)


def branches_of(labels: ArrayLike, n: int, least: int) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """Return the names of the labels, sorted, and which one every sample has, (sample,)."""
    tags = np.asarray(labels)
    if tags.shape != (n,):
        raise ValueError(f"labels must be (sample,) = ({n},), got shape {tags.shape}")
    check_finite(tags, "labels")
    values, index = np.unique(tags, return_inverse=True)
    if len(values) < least:
        raise ValueError(
            f"labels must hold at least {least} branches, got {len(values)}: {', '.join(map(str, values))}"
        )
    return tuple(map(str, values)), index


def _fit_scale(d_x: NDArray[np.float64], d_z: NDArray[np.float64]) -> tuple[float, float]:
    s = float(d_x @ d_z / (d_x @ d_x))
    return s, float(np.linalg.norm(d_z - s * d_x) / np.linalg.norm(d_z))


def _means(data: NDArray[np.float64], index: NDArray[np.intp], n: int) -> NDArray[np.float64]:
    member = np.eye(n)[index]
    return member.T @ data / member.sum(axis=0)[:, None]


def _distances(means: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.zeros((len(means), len(means)))
    for a, b in combinations(range(len(means)), 2):
        found[a, b] = found[b, a] = np.linalg.norm(means[a] - means[b])
    return found


def _flat(X: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(X)
    if array.ndim < 2 or not array.size or array.dtype.kind not in "fiub":
        raise ValueError(f"{name} must be numbers (sample, ...), got shape {array.shape} of {array.dtype}")
    array = array.reshape(len(array), -1).astype(np.float64)
    check_finite(array, name)
    return array


def _unit(vectors: NDArray[np.float64], names: Sequence[str]) -> NDArray[np.float64]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not length.all():
        raise ValueError(f"direction {names[int(np.argmin(length))]!r} has length 0: it points nowhere")
    return vectors / length
