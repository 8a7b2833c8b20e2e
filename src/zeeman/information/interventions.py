"""Codes against known factors by holding one factor fixed: the beta-VAE and the FactorVAE score.

The papers draw new data with one factor fixed; here such groups are taken from the given samples, those of one class of
the factor (a bin, if it is continuous). Classes with a single sample cannot be used.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from zeeman.base.checks import check_positive_integer
from zeeman.base.random import stream
from zeeman.base.types import Samples, Seed
from zeeman.information.factors import N_BINS, Factors, need_two_factors, resolve_factors

__all__ = ["beta_vae_score", "factor_vae_score"]

_CONSTANT = 1e-8  # relative spread below which a latent is constant


def beta_vae_score(
    Z: ArrayLike,
    factors: ArrayLike | Factors,
    *,
    n_votes: int = 400,
    n_pairs: int = 64,
    n_bins: int = N_BINS,
    random_state: Seed = 0,
) -> float:
    """Return the accuracy of a linear classifier that tells which factor was fixed from mean |z - z'| over pairs.

    A vote: a factor k, `n_pairs` pairs of samples that share v_k (a value a pair), the mean of |z - z'|; as many votes
    for every factor, so chance is 1 / K. A linear classifier often
    sees through rotated codes too: 1 does not mean aligned axes.

    Source: Higgins et al. 2017 (ICLR), "beta-VAE: learning basic visual concepts", section 3. Logistic regression.

    Parameters
    ----------
    Z : array-like, (sample, latent)
    factors : array-like, (sample, factor)
        Two or more.
    n_votes : int
        To train on; half as many judge.
    n_pairs : int
    n_bins : int
    random_state : int, Generator or None
    """
    codes, known = resolve_factors(Z, factors, n_bins)
    need_two_factors(known, "beta_vae_score")
    check_positive_integer(n_votes, "n_votes", 20)
    check_positive_integer(n_pairs, "n_pairs")
    rng, groups = stream(random_state, "beta-vae score"), _groups(known)
    total = n_votes + n_votes // 2
    fixed = np.arange(total) % known.n  # as many votes for every factor
    differences = np.empty((total, codes.shape[1]))
    for vote, k in enumerate(fixed):
        first, second = _pairs(groups[k], n_pairs, rng)
        differences[vote] = np.abs(codes[first] - codes[second]).mean(axis=0)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(differences[:n_votes], fixed[:n_votes])
    return float(model.score(differences[n_votes:], fixed[n_votes:]))


def factor_vae_score(
    Z: ArrayLike,
    factors: ArrayLike | Factors,
    *,
    n_votes: int = 400,
    n_group: int = 64,
    n_bins: int = N_BINS,
    random_state: Seed = 0,
) -> float:
    """Return the accuracy of a majority vote that tells which factor was fixed from the latent that varied least.

    A vote: a factor k, a value of it at random, up to `n_group` samples of that value, the latent with the smallest
    variance relative to its variance over all samples. The classifier says of each latent the factor that it voted for
    most often; it is judged on new votes. Constant latents do not vote; chance is 1 / K.

    Source: Kim and Mnih 2018 (ICML), "Disentangling by factorising", section 4.

    Parameters
    ----------
    Z, factors, n_votes, n_bins, random_state
        As `beta_vae_score`.
    n_group : int
        Two or more.
    """
    codes, known = resolve_factors(Z, factors, n_bins)
    need_two_factors(known, "factor_vae_score")
    check_positive_integer(n_votes, "n_votes", 20)
    check_positive_integer(n_group, "n_group", 2)
    rng, groups = stream(random_state, "factor-vae score"), _groups(known)
    scaled = _standardised(codes)
    total = n_votes + n_votes // 2
    fixed, least = np.arange(total) % known.n, np.empty(total, dtype=np.intp)
    for vote, k in enumerate(fixed):
        group = groups[k][rng.integers(len(groups[k]))]
        rows = rng.choice(group, min(n_group, len(group)), replace=False)
        least[vote] = scaled[rows].var(axis=0).argmin()
    votes = np.zeros((scaled.shape[1], known.n))
    np.add.at(votes, (least[:n_votes], fixed[:n_votes]), 1.0)
    return float(np.mean(votes.argmax(axis=1)[least[n_votes:]] == fixed[n_votes:]))


def _groups(known: Factors) -> list[list[NDArray[np.intp]]]:
    """Return for every factor the samples of each of its classes that has two or more."""
    found = []
    for k, v in enumerate(known.classes.T):
        order = np.argsort(v, kind="stable")
        classes = np.split(order, np.flatnonzero(np.diff(v[order])) + 1)
        shared = [rows for rows in classes if len(rows) > 1]
        if not shared:
            raise ValueError(f"no two samples share a value of factor {k}: there is no pair with that factor fixed")
        found.append(shared)
    return found


def _pairs(
    groups: list[NDArray[np.intp]], n: int, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return n pairs of different samples, each of one group at random."""
    sizes = np.array([len(rows) for rows in groups])
    starts, everyone = np.cumsum(sizes) - sizes, np.concatenate(groups)
    g = rng.integers(len(groups), size=n)
    first = rng.integers(sizes[g])
    second = (first + rng.integers(1, sizes[g])) % sizes[g]
    return everyone[starts[g] + first], everyone[starts[g] + second]


def _standardised(codes: Samples) -> Samples:
    spread = codes.std(axis=0)
    kept = spread > _CONSTANT * spread.max()
    return codes[:, kept] / spread[kept]
