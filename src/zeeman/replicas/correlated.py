"""Axis-by-axis agreement of two codes: correlations in order and matched, and the unsupervised ranking UDR.

These see the axes: they are 1 only if the codes agree up to a permutation, signs and scales of their axes, and a pure
rotation of an isotropic code already lowers the matched correlation to 0.900, 0.636, 0.509 at d = 2, 8, 16.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.linear_model import Lasso

from zeeman.base.checks import check_choice
from zeeman.replicas.pairs import check_pair, check_set, correlations, varying

__all__ = ["matched_correlation", "ordered_correlation", "udr", "udr_pair"]

_INFORMATIVE = 0.01  # nats: KL below which UDR leaves a latent out
_LASSO = 0.1


def ordered_correlation(a: Any, b: Any, *, method: str = "pearson") -> float:
    """Mean over axes of |corr(a_j, b_j)|, axis by axis as the codes come.

    (1/d) sum_j |corr(a_j, b_j)|; axes constant in both are left out, an axis constant in one counts 0, and so does
    one that only the larger code has.

    Parameters
    ----------
    a, b : array-like, (sample, latent)
    method : "pearson" or "spearman"
        Of values, or of ranks.

    Returns
    -------
    float in [0, 1]
    """
    a, b = check_pair(a, b)
    r = np.diagonal(correlations(a, b, method))
    either = np.zeros(max(a.shape[1], b.shape[1]), bool)
    for z in (a, b):
        either[: z.shape[1]] |= varying(z)
    return float(r.sum() / either.sum())


def matched_correlation(a: Any, b: Any, *, method: str = "pearson") -> float:
    """Mean |corr| over the best one-to-one matching of axes (mean correlation coefficient, MCC).

    max over permutations pi of (1/d) sum_j |corr(a_j, b_pi(j))|, by the Hungarian algorithm; d is the larger number
    of axes that vary, so an axis without a partner counts 0.

    Source: Hyvarinen and Morioka 2016 (NIPS), section 5; Kuhn 1955 for the matching.

    Parameters
    ----------
    a, b : array-like, (sample, latent)
    method : "pearson" or "spearman"

    Returns
    -------
    float in [0, 1]
    """
    a, b = check_pair(a, b)
    r = correlations(a, b, method)
    return float(r[linear_sum_assignment(-r)].sum() / max(varying(a).sum(), varying(b).sum()))


def udr_pair(a: Any, b: Any, *, method: str = "lasso", informative: tuple[Any, Any] | None = None) -> float:
    """UDR_ab, how nearly each informative axis of one code has exactly one partner in the other; both ways averaged.

    1/2 [ mean_b max_a R(a,b)^2 / sum_a R(a,b) + mean_a max_b R(a,b)^2 / sum_b R(a,b) ], with R the absolute
    coefficients of a lasso (penalty 0.1) from one standardised code to the other, or absolute Spearman correlations.
    Identical independent axes score 1 (Spearman) or 0.9 (lasso, which shrinks by its penalty).

    Source: Duan et al. 2020 (ICLR), equation 3; the authors' code.

    Parameters
    ----------
    a, b : array-like, (sample, latent)
    method : "lasso" or "spearman"
    informative : pair of bool arrays (latent,), optional
        Which latents count; all that vary by default. The paper takes those of KL > 0.01 (see `udr`).

    Returns
    -------
    float in [0, 1]
    """
    a, b = check_pair(a, b)
    check_choice(method, ("lasso", "spearman"), "method")
    keep_a, keep_b = (varying(z) for z in (a, b))
    if informative is not None:
        keep_a, keep_b = keep_a & np.asarray(informative[0], bool), keep_b & np.asarray(informative[1], bool)
    if not keep_a.any() or not keep_b.any():
        return 0.0
    a, b = a[:, keep_a], b[:, keep_b]
    if method == "spearman":
        return _relative_strength(correlations(a, b, "spearman"))
    return (_relative_strength(_lasso(a, b)) + _relative_strength(_lasso(b, a))) / 2


def udr(codes: Any, *, method: str = "lasso", kl: Sequence[Any] | None = None) -> NDArray[np.float64]:
    """Unsupervised disentanglement ranking of every replica, (replica,): the median of UDR_rs over the others s.

    Source: Duan et al. 2020 (ICLR), section 4.

    Parameters
    ----------
    codes : (replica, sample, latent), or a sequence of (sample, latent)
    method : "lasso" or "spearman"
    kl : (replica, latent), optional
        KL per dimension in nats (`kl_per_dimension`); latents below 0.01 are left out, as in the paper.
    """
    codes = check_set(codes)
    n = len(codes)
    masks = None if kl is None else [np.asarray(k) > _INFORMATIVE for k in kl]
    scores = np.full((n, n), np.nan)
    for r in range(n):
        for s in range(r):
            pair = None if masks is None else (masks[r], masks[s])
            scores[r, s] = scores[s, r] = udr_pair(codes[r], codes[s], method=method, informative=pair)
    return np.nanmedian(scores, axis=1)


def _relative_strength(r: NDArray[np.float64]) -> float:
    parts = []
    for axis in (0, 1):
        total = r.sum(axis=axis)
        parts.append(np.mean(r.max(axis=axis) ** 2 / np.where(total > 0, total, 1.0)))
    return float(np.mean(parts))


def _lasso(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    a, b = ((z - z.mean(axis=0)) / z.std(axis=0) for z in (a, b))
    fitted = Lasso(alpha=_LASSO, fit_intercept=False, precompute=True).fit(a, b)
    return np.abs(np.atleast_2d(fitted.coef_)).T
