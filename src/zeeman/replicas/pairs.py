"""Two codes of the same samples: what every measure checks, splits and scales before it compares.

a and b are (sample, latent) with row i of both the same datum; their latent dimensions may differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from threadpoolctl import threadpool_limits

from zeeman.base.checks import check_positive_integer, check_samples
from zeeman.base.random import stream
from zeeman.base.types import Samples, Seed

__all__ = [
    "MIN_SAMPLES",
    "Folds",
    "check_pair",
    "check_set",
    "correlations",
    "mean",
    "one_thread",
    "pad",
    "split",
    "varying",
]

Folds: TypeAlias = Sequence[tuple[NDArray[np.integer], NDArray[np.integer]]]  # (train, test) indices

MIN_SAMPLES = 10
_CONSTANT = 1e-8  # standard deviation of a column, relative to the largest, below which it is constant


def check_pair(a: Any, b: Any) -> tuple[Samples, Samples]:
    """Return `a` and `b` as float64 (sample, latent), or raise ValueError naming what is wrong with which."""
    a, b = check_samples(a, "a", MIN_SAMPLES), check_samples(b, "b", MIN_SAMPLES)
    if len(a) != len(b):
        raise ValueError(
            f"a has {len(a)} samples and b {len(b)}: agreement compares codes of the same samples in the same order"
        )
    return a, b


def split(n_samples: int, n_folds: int = 2, seed: Seed = 0, folds: Folds | None = None) -> Folds:
    """(train, test) indices: the caller's `folds` checked, else `n_folds` random parts, each the test set once.

    Parameters
    ----------
    n_samples : int
    n_folds : int
        2: fitted on one half, scored on the other, both ways.
    seed : int, Generator or None
        Of the random parts.
    folds : sequence of (train, test), optional
        Integer indices; used as they are.
    """
    if folds is None:
        check_positive_integer(n_folds, "n_folds", 2)
        order = stream(seed, "folds").permutation(n_samples)
        parts = np.array_split(order, n_folds)
        return [(np.concatenate([p for p in parts if p is not part]), part) for part in parts]
    checked = []
    for train, test in folds:
        train, test = np.asarray(train), np.asarray(test)
        for name, index in (("train", train), ("test", test)):
            if index.ndim != 1 or index.dtype.kind not in "iu" or len(index) < 2:
                raise ValueError(f"{name} indices of a fold must be at least 2 integers, got {index!r}")
            if index.min() < -n_samples or index.max() >= n_samples:
                raise ValueError(f"{name} indices of a fold go outside the {n_samples} samples")
        if np.intersect1d(train, test).size:
            raise ValueError("train and test indices of a fold overlap: nothing would be held out")
        checked.append((train, test))
    if not checked:
        raise ValueError("folds is empty: give at least one (train, test), or None for random halves")
    return checked


def mean(z: Samples) -> NDArray[np.float64]:
    """Mean of each column, (latent,), without rounding where it is constant."""
    return np.where((z == z[0]).all(axis=0), z[0], z.mean(axis=0))


def varying(z: Samples) -> NDArray[np.bool_]:
    """Which columns of `z` are not constant, (latent,): constant ones are collapsed dimensions and carry nothing."""
    spread = z.std(axis=0)
    return spread > _CONSTANT * max(spread.max(), np.finfo(float).tiny)


def correlations(a: Samples, b: Samples, method: str = "pearson") -> NDArray[np.float64]:
    """|corr(a_i, b_j)|, (latent of a, latent of b), of values or of ranks; 0 where either is constant."""
    if method == "spearman":
        a, b = (np.where(varying(z), rankdata(z, axis=0), 0.0) for z in (a, b))
    elif method != "pearson":
        raise ValueError(f"method must be 'pearson' or 'spearman', got {method!r}")
    return np.clip(np.abs(_standardized(a).T @ _standardized(b)) / len(a), 0.0, 1.0)


def pad(a: Samples, b: Samples) -> tuple[Samples, Samples]:
    """`a` and `b` with zero columns appended to the smaller, so that an orthogonal map between them exists."""
    d = max(a.shape[1], b.shape[1])
    return tuple(np.pad(z, ((0, 0), (0, d - z.shape[1]))) for z in (a, b))  # type: ignore[return-value]


def check_set(codes: Any, name: str = "codes") -> list[Samples]:
    """Return R >= 2 codes of the same samples, from (replica, sample, latent) or a sequence of (sample, latent)."""
    if isinstance(codes, np.ndarray) and codes.ndim != 3:
        raise ValueError(f"{name} must be (replica, sample, latent) or a sequence of codes, got shape {codes.shape}")
    checked: list[Samples] = [check_samples(z, f"{name}[{r}]", MIN_SAMPLES) for r, z in enumerate(codes)]
    if len(checked) < 2:
        raise ValueError(f"{name} must hold at least 2 replicas to compare, got {len(checked)}")
    for r, z in enumerate(checked):
        if len(z) != len(checked[0]):
            raise ValueError(f"{name}[{r}] has {len(z)} samples, {name}[0] {len(checked[0])}: they must be the same")
    return checked


def one_thread() -> threadpool_limits:
    """Hold products and k-means to one thread: small ones lose more to waking threads than they gain."""
    return threadpool_limits(1)


def _standardized(z: Samples) -> Samples:
    moving = varying(z)
    return np.where(moving, (z - z.mean(axis=0)) / np.where(moving, z.std(axis=0), 1.0), 0.0)
