"""Every disentanglement score of a code beside its null of permuted factors and beside a cheap code's scores.

No score is the truth: on trained models they disagree with one another, and seeds move them more than objectives do
(Locatello et al. 2019, ICML). A value means something where it lies above its null and above that of PCA.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zeeman.base.checks import check_positive_integer
from zeeman.base.progress import Progress
from zeeman.base.random import entropy_of, stream
from zeeman.base.types import Samples, Seed
from zeeman.information.factors import N_BINS, Factors, mig, modularity, resolve_factors
from zeeman.information.interventions import beta_vae_score, factor_vae_score
from zeeman.information.predicted import dci, explicitness, sap

__all__ = ["SCORES", "Score", "disentanglement"]


@dataclass(frozen=True)
class Score:
    """One score.

    Attributes
    ----------
    value : float
    null : ndarray, (draw,)
        The same code, factors permuted over samples (rows together, so that factors keep their dependence).
    baseline : Score or None
        The same for the cheap code.
    """

    value: float
    null: NDArray[np.float64] = field(repr=False)
    baseline: Score | None = None

    @property
    def null_mean(self) -> float:
        """Mean of the null."""
        return float(self.null.mean())

    @property
    def null_sd(self) -> float:
        """Standard deviation of the null; 0 for a single draw."""
        return float(self.null.std(ddof=1)) if len(self.null) > 1 else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return value, null, null_sd and, under "baseline", those of the cheap code."""
        plain: dict[str, Any] = {"value": self.value, "null": self.null_mean, "null_sd": self.null_sd}
        return plain if self.baseline is None else plain | {"baseline": self.baseline.to_dict()}


def disentanglement(
    Z: ArrayLike,
    factors: ArrayLike,
    random_state: Seed = 0,
    *,
    baseline: ArrayLike | None = None,
    n_null: int = 3,
    n_bins: int = N_BINS,
    max_samples: int = 4000,
    verbose: bool = False,
) -> dict[str, Score]:
    """Return all scores by name: mig, modularity, explicitness, sap, dci_*, beta_vae, factor_vae; higher is better.

    Parameters
    ----------
    Z : array-like, (sample, latent)
    factors : array-like, (sample, factor)
        Numbers or names. With a single factor the scores that compare factors are left out (mig, explicitness and sap
        remain).
    random_state : int, Generator or None
    baseline : array-like (sample, component), optional
        A cheap code of the same samples, such as PCA's of the data.
    n_null : int
        Permutations.
    n_bins : int
        See `zeeman.information.factors`.
    max_samples : int
        Beyond, a random subset is looked at, the same for both codes.
    verbose : bool
    """
    check_positive_integer(n_null, "n_null")
    check_positive_integer(max_samples, "max_samples", 10)
    codes, known = resolve_factors(Z, factors, n_bins)
    spaces = [codes] if baseline is None else [codes, resolve_factors(baseline, known, n_bins)[0]]
    seed = entropy_of(random_state)
    if len(codes) > max_samples:
        rows = stream(seed, "subset").choice(len(codes), max_samples, replace=False)
        spaces = [space[rows] for space in spaces]
        known = _subset(spaces[0], np.asarray(factors)[rows], n_bins, max_samples)
    rng = stream(seed, "permuted")
    permuted = [known[rng.permutation(len(known.values))] for _ in range(n_null)]
    found = []
    with Progress(len(spaces) * (1 + n_null), "disentanglement", enabled=verbose) as progress:
        for space in spaces:
            rounds = []
            for truth in [known, *permuted]:
                rounds.append(_scores(space, truth, n_bins, seed))
                progress.advance()
            found.append({name: Score(rounds[0][name], np.array([r[name] for r in rounds[1:]])) for name in rounds[0]})
    if baseline is None:
        return found[0]
    return {name: Score(score.value, score.null, found[1][name]) for name, score in found[0].items()}


def _subset(codes: Samples, factors: NDArray, n_bins: int, n: int) -> Factors:
    """Factors of a random subset, binned anew; those of all samples were checked before."""
    try:
        return resolve_factors(codes, factors, n_bins)[1]
    except ValueError as error:
        raise ValueError(
            f"{error} (of all samples it varies, in the {n} drawn at random it does not: raise max_samples = {n})"
        ) from error


def _scores(codes: Samples, known: Factors, n_bins: int, seed: int) -> dict[str, float]:
    names = SCORES if known.n > 1 else _ALONE
    values = {name: SCORES[name](codes, known, n_bins, seed) for name in names}
    if known.n > 1:
        D, C, informed, _ = dci(codes, known, n_bins=n_bins, random_state=seed)
        values |= {"dci_disentanglement": D, "dci_completeness": C, "dci_informativeness": informed}
    return values


_ALONE = ("mig", "explicitness", "sap")  # defined for a single factor

SCORES: dict[str, Callable[[Samples, Factors, int, int], float]] = {
    "mig": lambda Z, v, bins, seed: mig(Z, v, n_bins=bins),
    "modularity": lambda Z, v, bins, seed: modularity(Z, v, n_bins=bins),
    "explicitness": lambda Z, v, bins, seed: explicitness(Z, v, n_bins=bins, random_state=seed),
    "sap": lambda Z, v, bins, seed: sap(Z, v, n_bins=bins, random_state=seed),
    "beta_vae": lambda Z, v, bins, seed: beta_vae_score(Z, v, n_bins=bins, random_state=seed),
    "factor_vae": lambda Z, v, bins, seed: factor_vae_score(Z, v, n_bins=bins, random_state=seed),
}
