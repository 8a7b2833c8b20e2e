"""Cosine similarity of codes, and how block diagonal it is under given labels.

Symbols: u_i = z_i / |z_i|, C_ij = u_i . u_j. Angles are taken about the origin of z, as in paper 002 (Fig. 5(d), 6(c));
`centred=True` takes them about the mean instead, which is another matrix.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from zeeman.base.brief import brief
from zeeman.base.checks import check_positive_integer, check_samples
from zeeman.base.random import stream
from zeeman.base.types import Samples, Seed
from zeeman.information.geometry import branches_of

__all__ = ["BlockDiagonality", "CosineSimilarity", "block_diagonality", "cosine_similarity"]


@dataclass(frozen=True)
class CosineSimilarity:
    """Cosine similarity of codes, ordered by label.

    Attributes
    ----------
    matrix : ndarray, (sample, sample)
        u_i . u_j of normalised codes; 0 for a code at the origin.
    order : ndarray of int, (sample,)
        Row i is sample order[i].
    labels : ndarray (sample,), or None
        In this order.
    centred : bool
    """

    matrix: NDArray[np.float64] = field(repr=False)
    order: NDArray[np.intp] = field(repr=False)
    labels: NDArray | None = field(repr=False)
    centred: bool


@brief
@dataclass(frozen=True)
class BlockDiagonality:
    """How block diagonal a cosine matrix is under given labels.

    Attributes
    ----------
    names : tuple of str
    blocks : ndarray, (label, label)
        Mean cosine of two different samples of these labels.
    within, between, contrast : float
        Means over pairs of equal and of different labels, and their difference.
    auc : float
        Chance that a pair of equal labels is more similar than one of different labels; 1/2 without structure.
    null_contrast, null_auc : ndarray, (draw,)
        With permuted labels.
    p_value : float
        Share of permutations with as large a contrast, itself counted.
    centred : bool
    """

    names: tuple[str, ...]
    blocks: NDArray[np.float64]
    within: float
    between: float
    contrast: float
    auc: float
    null_contrast: NDArray[np.float64] = field(repr=False)
    null_auc: NDArray[np.float64] = field(repr=False)
    p_value: float
    centred: bool


def cosine_similarity(Z: ArrayLike, labels: ArrayLike | None = None, *, centred: bool = False) -> CosineSimilarity:
    """Return u_i . u_j of normalised codes, rows ordered by label (stable), as in paper 002, Fig. 5(d) and 6(c).

    Parameters
    ----------
    Z : array-like, (sample, latent)
    labels : array-like (sample,), optional
        Without them rows keep their order.
    centred : bool
        Subtract the mean of Z first. The paper does not.
    """
    unit = _normalised(Z, centred)
    order = np.arange(len(unit))
    tags = None
    if labels is not None:
        _, index = branches_of(labels, len(unit), 1)
        order = np.argsort(index, kind="stable")
        tags, unit = np.asarray(labels)[order], unit[order]
    return CosineSimilarity(unit @ unit.T, order, tags, centred)


def block_diagonality(
    Z: ArrayLike,
    labels: ArrayLike,
    *,
    centred: bool = False,
    n_draws: int = 200,
    max_samples: int = 1500,
    random_state: Seed = 0,
) -> BlockDiagonality:
    """Return how block diagonal the cosine matrix of Z is under the labels, with its permutation null.

    Parameters
    ----------
    Z : array-like, (sample, latent)
    labels : array-like, (sample,)
        Two or more, each with two samples or more.
    centred : bool
        As `cosine_similarity`.
    n_draws : int
        Permutations.
    max_samples : int
        Beyond, a random subset is looked at (all pairs are ranked).
    random_state : int, Generator or None
    """
    check_positive_integer(n_draws, "n_draws")
    check_positive_integer(max_samples, "max_samples", 4)
    unit, rng = _normalised(Z, centred), stream(random_state, "blocks")
    names, index = branches_of(labels, len(unit), 2)
    if len(unit) > max_samples:
        rows = rng.choice(len(unit), max_samples, replace=False)
        unit, index = unit[rows], index[rows]
    counts = np.bincount(index, minlength=len(names))
    if (counts < 2).any():
        raise ValueError(f"label {names[int(np.argmin(counts))]!r} has fewer than 2 samples: it has no pair")
    C = unit @ unit.T
    np.fill_diagonal(C, 0.0)
    ranks = np.zeros_like(C)
    upper = np.triu_indices(len(C), 1)
    ranks[upper] = rankdata(np.round(C[upper], 12))  # equal angles tie whatever the rounding
    ranks += ranks.T
    blocks, contrast, auc = _block_numbers(C, ranks, index, counts)
    null = np.array([_block_numbers(C, ranks, rng.permutation(index), counts)[1:] for _ in range(n_draws)])
    same = np.trace(blocks * _pair_counts(counts)) / np.trace(_pair_counts(counts))
    p_value = (1 + np.sum(null[:, 0] >= contrast)) / (1 + n_draws)
    return BlockDiagonality(
        names, blocks, float(same), float(same - contrast), float(contrast), float(auc), null[:, 0], null[:, 1],
        float(p_value), centred,
    )  # fmt: skip


def _block_numbers(
    C: NDArray[np.float64], ranks: NDArray[np.float64], index: NDArray[np.intp], counts: NDArray[np.intp]
) -> tuple[NDArray[np.float64], float, float]:
    """Return block means, contrast and AUC; C and ranks have zeros on the diagonal."""
    member = np.eye(len(counts))[index]
    pairs, sums = _pair_counts(counts), member.T @ C @ member
    same, other = np.trace(pairs), pairs.sum() - np.trace(pairs)
    contrast = np.trace(sums) / same - (sums.sum() - np.trace(sums)) / other
    rank_sum = np.einsum("ia,ij,ja->", member, ranks, member, optimize=True) / 2.0
    n_same, n_other = same / 2.0, other / 2.0
    auc = (rank_sum - n_same * (n_same + 1.0) / 2.0) / (n_same * n_other)
    return sums / pairs, float(contrast), float(auc)


def _pair_counts(counts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return ordered pairs of different samples by label, (label, label)."""
    return np.outer(counts, counts).astype(float) - np.diag(counts)


def _normalised(Z: ArrayLike, centred: bool) -> Samples:
    codes = check_samples(Z, "Z")
    if centred:
        codes = codes - codes.mean(axis=0)
    length = np.linalg.norm(codes, axis=1, keepdims=True)
    return codes / np.where(length > 0, length, 1.0)
