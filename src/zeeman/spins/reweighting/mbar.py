r"""Free energies of several canonical ensembles from all their samples together (multi-histogram, MBAR).

    D(E) = sum_k N_k exp(f_k - beta_k E),   exp(-f_k) = sum_n exp(-beta_k E_n) / D(E_n),   f_0 = 0

f_k = -ln Z_k up to one constant: Ferrenberg and Swendsen, PRL 63, 1195 (1989); without histograms, and as the minimum
of a convex function of f, Shirts and Chodera, J. Chem. Phys. 129, 124105 (2008), eqs. 11 and C1-C2. D depends on a
sample through its energy alone, so equal energies enter once, with their number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

__all__ = ["log_density", "solve"]

_TOLERANCE = 1e-11  # of the gradient, in parts of the number of samples
_MOST_STEPS = 200


def solve(
    betas: NDArray[np.float64], energies: NDArray[np.float64], counts: NDArray[np.float64],
    sizes: NDArray[np.float64], start: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:  # fmt: skip
    """Free energies f (state,), by Newton steps on the convex objective, each halved until it descends.

    Parameters
    ----------
    betas, sizes : ndarray, (state,)
        Inverse temperatures and numbers of samples N_k, each positive.
    energies, counts : ndarray, (energy,)
        Energies of the whole system, any zero, and how often each was seen in all states together.
    start : ndarray (state,), optional
        Where to begin.

    Raises
    ------
    RuntimeError
        If the iteration does not converge, which is what states without overlap cause.
    """
    f = np.zeros(len(betas)) if start is None else start - start[0]
    if len(betas) == 1:
        return f
    total = counts.sum()
    value, gradient, hessian = _objective(f, betas, energies, counts, sizes)
    for _ in range(_MOST_STEPS):
        if np.abs(gradient).max() < _TOLERANCE * total:
            return f
        step = np.zeros_like(f)
        step[1:] = -np.linalg.lstsq(hessian[1:, 1:], gradient[1:], rcond=1e-14)[0]
        descent, length = float(step @ gradient), 1.0
        while True:
            trial = _objective(f + length * step, betas, energies, counts, sizes)
            # the objective is a sum over samples: below this it is rounding
            if trial[0] <= value + 1e-4 * length * descent + 1e-13 * total or length < 1e-10:
                break
            length /= 2
        f = f + length * step
        value, gradient, hessian = trial
        if np.abs(length * step).max() < 1e-13 * (1 + np.abs(f).max()):
            return f
    raise RuntimeError(f"free energies did not converge in {_MOST_STEPS} steps: the temperatures do not overlap")


def log_density(
    f: NDArray[np.float64], betas: NDArray[np.float64], energies: NDArray[np.float64], sizes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return ln D(E) = ln sum_k N_k exp(f_k - beta_k E), (energy,)."""
    return logsumexp(np.log(sizes) + f - np.multiply.outer(energies, betas), axis=1)


def _objective(
    f: NDArray[np.float64], betas: NDArray[np.float64], energies: NDArray[np.float64], counts: NDArray[np.float64],
    sizes: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """Return sum_n ln D(E_n) - sum_k N_k f_k, its gradient and its Hessian, by f."""
    exponents = np.log(sizes) + f - np.multiply.outer(energies, betas)
    top = exponents.max(axis=1)
    p = np.exp(exponents - top[:, None])
    norm = p.sum(axis=1)
    p /= norm[:, None]
    weighted = p * counts[:, None]
    occupied = weighted.sum(axis=0)
    value = float(counts @ (top + np.log(norm)) - sizes @ f)
    return value, occupied - sizes, np.diag(occupied) - p.T @ weighted
