"""Codes against known factors by prediction: DCI, SAP and explicitness. Fitted on one half, scored on the other.

Symbols: z_j latents (sample, latent), v_k factors (sample, factor); R_jk the importance of z_j for predicting v_k.
Which factors are discrete: `zeeman.information.factors`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from zeeman.base.random import stream
from zeeman.base.types import Samples, Seed
from zeeman.information.factors import N_BINS, Factors, need_two_factors, resolve_factors

__all__ = ["DCI", "dci", "explicitness", "sap"]

_FOREST = {"n_estimators": 40, "max_depth": 12, "min_samples_leaf": 3, "max_features": 1.0, "n_jobs": 1}
_CONSTANT = 1e-8  # relative spread below which a latent is constant


class DCI(NamedTuple):
    """Disentanglement, completeness and informativeness, each 1 at best.

    Attributes
    ----------
    disentanglement : float
        1 - H_K(R_j. / sum_k R_jk), mean over latents weighted by their importance: one factor a latent.
    completeness : float
        1 - H_d(R_.k / sum_j R_jk), mean over factors: one latent a factor.
    informativeness : float
        Held-out R^2 (continuous) or accuracy (discrete), mean over factors, at least 0. The paper prints an error;
        chance is 0 for R^2 and the largest class for accuracy.
    importance : ndarray, (latent, factor)
        R.
    """

    disentanglement: float
    completeness: float
    informativeness: float
    importance: NDArray[np.float64]


def dci(Z: ArrayLike, factors: ArrayLike | Factors, *, n_bins: int = N_BINS, random_state: Seed = 0) -> DCI:
    """Return disentanglement, completeness and informativeness from random forests.

    H_b is the entropy to base b. Every split looks at all latents, so an unused latent gets little importance; with one
    latent completeness is 1, and where nothing is predicted (R = 0) both scores are 0.

    Source: Eastwood and Williams 2018 (ICLR), "A framework for the quantitative evaluation of disentangled
    representations", section 2, with their random forests (40 trees of depth 12 here).

    Parameters
    ----------
    Z : array-like, (sample, latent)
    factors : array-like, (sample, factor)
        Two or more.
    n_bins : int
        Factors with at most so many values are classified, others regressed.
    random_state : int, Generator or None
    """
    codes, known = resolve_factors(Z, factors, n_bins)
    need_two_factors(known, "dci")
    rng = stream(random_state, "dci")
    train, test = _halves(len(codes), rng)
    columns, scores = [], []
    for k in range(known.n):
        forest = RandomForestClassifier if known.discrete[k] else RandomForestRegressor
        target = known.classes[:, k] if known.discrete[k] else known.values[:, k]
        model = forest(**_FOREST, random_state=int(rng.integers(2**31))).fit(codes[train], target[train])
        columns.append(model.feature_importances_)
        scores.append(max(float(model.score(codes[test], target[test])), 0.0))
    R = np.stack(columns, axis=1)
    weights = R.sum(axis=1) / max(R.sum(), np.finfo(float).tiny)
    disentanglement = float(weights @ _concentration(R))
    return DCI(disentanglement, float(_concentration(R.T).mean()), float(np.mean(scores)), R)


def sap(Z: ArrayLike, factors: ArrayLike | Factors, *, n_bins: int = N_BINS, random_state: Seed = 0) -> float:
    """Return the separated attribute predictability: mean over factors of the gap between their two best latents.

    S_jk is the squared correlation of z_j and v_k for a continuous factor; for a discrete one of q classes the held-out
    balanced accuracy of q - 1 thresholds on z_j, from 1/q (chance, and no less: in a balanced design halves are
    opposite) to 1. So at best the gap is 1 for a continuous factor and 1 - 1/q for a discrete one, as in the paper.
    Constant latents have S = 0, and with one latent the second best is 0.

    Source: Kumar, Sattigeri and Balakrishnan 2018 (ICLR), "Variational inference of disentangled latent concepts from
    unlabeled observations", section 3; thresholds by a decision tree on one latent.

    Parameters
    ----------
    Z, factors, n_bins, random_state
        As `dci`; one factor will do.
    """
    codes, known = resolve_factors(Z, factors, n_bins)
    train, test = _halves(len(codes), stream(random_state, "sap"))
    varying = _varying(codes)
    S = np.zeros((codes.shape[1], known.n))
    for k in range(known.n):
        for j in np.flatnonzero(varying):
            if not known.discrete[k]:
                S[j, k] = np.corrcoef(codes[:, j], known.values[:, k])[0, 1] ** 2
                continue
            v = known.classes[:, k]
            tree = DecisionTreeClassifier(
                max_leaf_nodes=max(2, len(np.unique(v))), class_weight="balanced", random_state=0
            )
            tree.fit(codes[train][:, [j]], v[train])
            S[j, k] = max(_balanced_accuracy(v[test], tree.predict(codes[test][:, [j]])), 1 / len(np.unique(v)))
    ranked = np.sort(S, axis=0)[::-1]
    return float(np.mean(ranked[0] - (ranked[1] if len(ranked) > 1 else 0.0)))


def explicitness(Z: ArrayLike, factors: ArrayLike | Factors, *, n_bins: int = N_BINS, random_state: Seed = 0) -> float:
    """Return how well linear classifiers find every value of every factor: mean of 2 AUC - 1 over values and factors.

    One logistic regression a class, one against the rest, scored by the held-out area under its ROC curve; 0 at chance,
    1 where every value is linearly separable from the others. Middle values of one ordered latent are not.

    Source: Ridgeway and Mozer 2018 (NeurIPS), with the area rescaled from [1/2, 1] to [0, 1].

    Parameters
    ----------
    Z, factors, n_bins, random_state
        As `dci`; continuous factors by their bins.
    """
    codes, known = resolve_factors(Z, factors, n_bins)
    train, test = _halves(len(codes), stream(random_state, "explicitness"))
    scaled = StandardScaler().fit_transform(codes)
    scores = []
    for v in known.classes.T:
        areas = []
        for value in np.unique(v):
            inside = v == value
            if 0 < inside[train].sum() < len(train) and 0 < inside[test].sum() < len(test):
                model = LogisticRegression(solver="newton-cholesky").fit(scaled[train], inside[train])
                chance = model.decision_function(scaled[test])
                areas.append(2.0 * roc_auc_score(inside[test], chance) - 1.0)
        scores.append(np.mean(areas) if areas else 0.0)
    return float(np.mean(scores))


def _halves(n: int, rng: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    order = rng.permutation(n)
    return order[: n // 2], order[n // 2 :]


def _concentration(R: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 - H(row) / ln(columns) of every row normalised to 1, (row,); 0 for an empty row, 1 for one column."""
    total = R.sum(axis=1, keepdims=True)
    if R.shape[1] == 1:
        return np.ones(len(R))
    p = R / np.where(total > 0, total, 1.0)
    H = -(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=1)
    return np.where(total[:, 0] > 0, 1.0 - H / np.log(R.shape[1]), 0.0)


def _varying(codes: Samples) -> NDArray[np.bool_]:
    spread = codes.std(axis=0)
    return np.asarray(spread > _CONSTANT * spread.max())


def _balanced_accuracy(truth: NDArray[np.intp], predicted: NDArray[np.intp]) -> float:
    """Return the mean recall over the classes that occur in `truth`; classes seen only in `predicted` do not count."""
    return float(np.mean([np.mean(predicted[truth == c] == c) for c in np.unique(truth)]))
