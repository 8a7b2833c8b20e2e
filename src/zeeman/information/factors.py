"""Codes against known factors by mutual information: MIG and modularity, and what every score asks of its input.

Symbols: z_j latents (sample, latent), v_k factors (sample, factor), I mutual information and H entropy of the
discretised columns, in nats. A column with at most `n_bins` different values is discrete as it is; any other is cut
into `n_bins` equal widths between its extremes (Locatello et al. 2019, 20 bins). Counts bias I upwards by about
(bins_z - 1)(bins_v - 1) / 2N: read every score against its null of permuted factors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zeeman.base.brief import brief
from zeeman.base.checks import check_finite, check_positive_integer, check_samples
from zeeman.base.types import Samples

__all__ = ["N_BINS", "Factors", "entropy", "mig", "modularity", "mutual_information", "resolve_factors"]

N_BINS = 20
_MIN_SAMPLES = 10
_NOTHING = 1e-20  # squared nats: what rounding makes of zero information


@brief
@dataclass(frozen=True)
class Factors:
    """Factors as they came and as classes.

    Attributes
    ----------
    values : ndarray, (sample, factor)
        Numbers; names of classes become 0, 1, ... in sorted order.
    classes : ndarray of int, (sample, factor)
        Bin of a continuous factor, class of a discrete one.
    discrete : ndarray of bool, (factor,)
    """

    values: NDArray[np.float64]
    classes: NDArray[np.intp]
    discrete: NDArray[np.bool_]

    def __getitem__(self, rows: NDArray[np.intp]) -> Factors:
        """Return the factors of these samples."""
        return Factors(self.values[rows], self.classes[rows], self.discrete)

    @property
    def n(self) -> int:
        """Number of factors."""
        return self.values.shape[1]


def resolve_factors(Z: ArrayLike, factors: ArrayLike | Factors, n_bins: int = N_BINS) -> tuple[Samples, Factors]:
    """Return Z and the factors, checked; ValueError names a constant factor, a wrong shape, a missing value."""
    codes = check_samples(Z, "Z", _MIN_SAMPLES)
    check_positive_integer(n_bins, "n_bins", 2)
    if isinstance(factors, Factors):
        found = factors
    else:
        table = np.asarray(factors)
        table = table[:, None] if table.ndim == 1 else table
        if table.ndim != 2 or table.shape[1] == 0:
            raise ValueError(f"factors must be (sample, factor), got shape {table.shape}")
        found = _read(table, n_bins)
    if len(found.values) != len(codes):
        raise ValueError(f"Z has {len(codes)} samples and factors {len(found.values)}: give those of the same samples")
    return codes, found


def mutual_information(Z: ArrayLike, factors: ArrayLike | Factors, n_bins: int = N_BINS) -> NDArray[np.float64]:
    """Return I(z_j; v_k) of the discretised columns, (latent, factor), nats; 0 for a constant latent."""
    codes, known = resolve_factors(Z, factors, n_bins)
    bins = [_binned(column, n_bins) for column in codes.T]
    return np.array([[_information(a, b) for b in known.classes.T] for a in bins])


def entropy(classes: NDArray[np.intp]) -> float:
    """Return H of a column of classes, nats."""
    p = np.bincount(classes) / len(classes)
    p = p[p > 0]
    return float(-(p * np.log(p)).sum())


def mig(Z: ArrayLike, factors: ArrayLike | Factors, *, n_bins: int = N_BINS) -> float:
    """Return the mutual information gap, in [0, 1].

        MIG = 1/K sum_k [I(z_a; v_k) - I(z_b; v_k)] / H(v_k),   a and b the two most informative latents of v_k

    With one latent the second is 0. 1 for z = v up to signs and permutation; a factor that sits in two latents adds 0.

    Source: Chen, Li, Grosse and Duvenaud 2018 (NeurIPS), "Isolating sources of disentanglement in variational
    autoencoders", eq. 6; on posterior means, discretised as Locatello et al. 2019 (ICML).

    Parameters
    ----------
    Z : array-like, (sample, latent)
    factors : array-like, (sample, factor)
        Numbers or names; a constant one is an error.
    n_bins : int
    """
    codes, known = resolve_factors(Z, factors, n_bins)
    ranked = np.sort(mutual_information(codes, known, n_bins), axis=0)[::-1]
    second = ranked[1] if len(ranked) > 1 else 0.0
    return float(np.mean((ranked[0] - second) / [entropy(column) for column in known.classes.T]))


def modularity(Z: ArrayLike, factors: ArrayLike | Factors, *, n_bins: int = N_BINS) -> float:
    """Return the modularity, in [0, 1]: 1 if every latent is informative on one factor only.

        1 - 1/d sum_j sum_{k != a} I(z_j; v_k)^2 / [I(z_j; v_a)^2 (K - 1)],   a the best factor of z_j

    Latents without any information (constant ones) are left out; 0 if there are no others. Noise scores about
    that of its null, not 0: only ratios of information enter.

    Source: Ridgeway and Mozer 2018 (NeurIPS), "Learning deep disentangled embeddings with the F-statistic loss".

    Parameters
    ----------
    Z, factors, n_bins
        As `mig`; two factors or more.
    """
    codes, known = resolve_factors(Z, factors, n_bins)
    need_two_factors(known, "modularity")
    squares = mutual_information(codes, known, n_bins) ** 2
    best = squares.max(axis=1)
    telling = best > _NOTHING
    if not telling.any():
        return 0.0
    rest = squares[telling].sum(axis=1) - best[telling]
    return float(1.0 - np.mean(rest / (best[telling] * (known.n - 1))))


def need_two_factors(known: Factors, name: str) -> None:
    """Raise ValueError for a single factor where a score compares factors."""
    if known.n < 2:
        raise ValueError(f"{name} compares factors and needs two or more, got 1; mig, sap and explicitness take one")


def _read(table: NDArray, n_bins: int) -> Factors:
    values, classes, discrete = [], [], []
    for k in range(table.shape[1]):
        column = table[:, k]
        names = None
        if column.dtype.kind in "OUS":
            column = _numbers_or_names(column)
        if column.dtype.kind in "US":
            names, column = np.unique(column, return_inverse=True)
        column = column.astype(np.float64)
        check_finite(column, f"factor {k}")
        distinct = np.unique(column)
        if len(distinct) < 2:
            raise ValueError(f"factor {k} is constant: there is nothing to predict; leave that column out")
        values.append(column)
        discrete.append(names is not None or len(distinct) <= n_bins)
        classes.append(np.searchsorted(distinct, column) if discrete[-1] else _binned(column, n_bins))
    return Factors(np.stack(values, 1), np.stack(classes, 1), np.array(discrete))


def _numbers_or_names(column: NDArray) -> NDArray:
    try:
        return column.astype(np.float64)
    except (TypeError, ValueError):
        return column.astype(str)


def _binned(column: NDArray[np.float64], n_bins: int) -> NDArray[np.intp]:
    """Return classes: the values themselves where they are few, else equal widths."""
    distinct, index = np.unique(column, return_inverse=True)
    if len(distinct) <= n_bins:
        return index
    edges = np.linspace(distinct[0], distinct[-1], n_bins + 1)[1:-1]
    return np.searchsorted(edges, column, side="right")


def _information(a: NDArray[np.intp], b: NDArray[np.intp]) -> float:
    counts = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(counts, (a, b), 1.0)
    p = counts / len(a)
    independent = p.sum(axis=1, keepdims=True) * p.sum(axis=0)
    seen = p > 0
    return max(float((p[seen] * np.log(p[seen] / independent[seen])).sum()), 0.0)
