r"""One run against exact values: z scores of what people read, and one number for all of it.

Let x be the vector of sample means of (e, (e - <e>)^2, |m|, m^2, m^4, both identities) minus its exact value, and S
its covariance, that of single samples over their effective number. Means of one run are strongly correlated, so they
are counted along the axes of S, where they are not: of many samples x S^-1 x, the sum of their squared scores, is
distributed as chi-squared with as many degrees of freedom as S has rank. Scores are those of
`zeeman.spins.statistics.normal_score`, and an axis along which fewer than `FEWEST` samples carry the variance is left
out, for of so few no score is known well enough.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeeman.spins import exact
from zeeman.spins.statistics import carriers, normal_score
from zeeman.studies.references import Reference
from zeeman.studies.truth.cases import Case

__all__ = ["FEWEST", "SHOWN", "Compared", "compare"]

SHOWN = ("energy", "specific_heat", "absolute", "second", "binder", "identity_energy", "identity_order")
FEWEST = 200  # samples that carry the variance along an axis that counts
_DEPENDENT = 1e-9  # eigenvalues of the correlations below this are rounding: the means depend on one another


@dataclass(frozen=True)
class Compared:
    """One run.

    Attributes
    ----------
    found, error, exact : ndarray, (observable,)
        Mean, its standard error and the exact value of every one of `SHOWN`; NaN where nothing exact is known.
    chi2, dof : float, int
        Of all means together; 0 and 0 where samples are too few to check.
    """

    found: NDArray[np.float64]
    error: NDArray[np.float64]
    exact: NDArray[np.float64]
    chi2: float
    dof: int


def compare(case: Case, reference: Reference, data: Any) -> Compared:
    """Compare what `zeeman.spins.sample` returned with the reference, by its own effective number of samples."""
    x, t = data.configuration.values, case.temperature
    n_sites = case.model.lattice.n_sites
    energy = data.energy.values
    size = np.linalg.norm(case.model.order_parameter(x), axis=1)
    identities = [one.difference for one in exact.schwinger_dyson(case.model, x, t)]
    spread = (energy - reference.energy) ** 2  # about the exact mean: no bias
    series = np.stack([energy, spread, size, size**2, size**4, *identities])
    # (1 / N T^2) <(E - <E>)^2> = N / T^2 <(e - <e>)^2>
    heat = n_sites / t**2
    truth = np.array([
        reference.energy, reference.specific_heat / heat, reference.absolute, reference.second, reference.fourth, 0, 0
    ])  # fmt: skip
    known = np.isfinite(truth)
    off = series[known] - truth[known, None]
    n = float(sum(data.attrs["effective_sample_size"]))
    chi2, dof = _together(off, n)
    return _shown(series, reference, heat, n, chi2, dof)


def _together(off: NDArray[np.float64], n: float) -> tuple[float, int]:
    scale = off.std(axis=1)
    scale = np.where(scale > 1e-12 * (1 + np.abs(off).max(axis=1)), scale, math.inf)
    size, axes = np.linalg.eigh(np.cov(off / scale[:, None], bias=True))
    kept = size > _DEPENDENT * max(size.max(), 1e-300)
    along = axes[:, kept].T @ (off / scale[:, None])
    scores = [normal_score(one, n) for one in along if carriers(one, n) >= FEWEST]
    return float(np.square(scores).sum()), len(scores)


def _shown(series: NDArray[np.float64], reference: Reference, heat: float, n: float, chi2: float, dof: int) -> Compared:
    m2, m4 = reference.second, reference.fourth
    # d U4 = -(d m4 - 2 m4 dm2 / m2) / (3 m2^2) about the exact moments
    binder = 1 - m4 / (3 * m2**2) - (series[4] - m4 - 2 * m4 / m2 * (series[3] - m2)) / (3 * m2**2)
    rows = np.stack([series[0], heat * series[1], series[2], series[3], binder, series[5], series[6]])
    truth = np.array([
        reference.energy, reference.specific_heat, reference.absolute, m2, 1 - m4 / (3 * m2**2), 0, 0
    ])  # fmt: skip
    known = np.isfinite(truth)
    found = np.where(known, rows.mean(axis=1), math.nan)
    return Compared(found, np.where(known, rows.std(axis=1) / math.sqrt(n), math.nan), truth, chi2, dof)
