r"""Free energies of several canonical ensembles from all their samples together (multi-histogram, MBAR).

    D(E) = sum_k N_k exp(f_k - beta_k E),   exp(-f_k) = sum_n exp(-beta_k E_n) / D(E_n),   f_0 = 0

f_k = -ln Z_k up to one constant: Ferrenberg and Swendsen, PRL 63, 1195 (1989); without histograms, and as the minimum
of a convex function of f, Shirts and Chodera, J. Chem. Phys. 129, 124105 (2008), eqs. 11 and C1-C2. D depends on a
sample through its energy alone, so equal energies enter once, with their number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ensembles", "newton_step", "solve"]

_MOST_STEPS = 200
_ROUNDING = 1e-13  # of the objective, in parts of the number of samples

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ensembles:
    """What joins the states at given a_k = f_k + ln N_k.

    Attributes
    ----------
    a : ndarray, (state,)
    log_density : ndarray, (energy,)
        ln D(E).
    shares : ndarray, (state, energy)
        Probability that a sample of this energy is from the state: exp(a_k - beta_k E) / D(E).
    """

    a: Array
    log_density: Array
    shares: Array

    @classmethod
    def at(cls, a: Array, betas: Array, energies: Array) -> Ensembles:
        """Density and shares for a (state,) at energies (energy,)."""
        shares = a[:, None] - np.multiply.outer(betas, energies)
        top = shares.max(axis=0)
        np.exp(np.subtract(shares, top, out=shares), out=shares)
        norm = shares.sum(axis=0)
        shares /= norm
        return cls(a, top + np.log(norm), shares)

    def sums(self, counts: Array) -> tuple[Array, Array]:
        """Sums over samples of p_k, (state,), and of p_j p_k, (state, state), for numbers of samples (energy,)."""
        weighted = self.shares * counts
        return weighted.sum(axis=1), weighted @ self.shares.T


def solve(betas: Array, energies: Array, counts: Array, sizes: Array, a: Array, tolerance: float = 1e-11) -> Ensembles:
    """Minimise the convex objective by Newton steps, each halved until it descends.

    Parameters
    ----------
    betas, sizes : ndarray, (state,)
        Inverse temperatures and numbers of samples N_k, each positive.
    energies, counts : ndarray, (energy,)
        Energies of the whole system, any zero, and how often each was seen in all states together; 0 is allowed.
    a : ndarray, (state,)
        Where to begin.
    tolerance : float
        Largest part of all samples by which the states' numbers may be wrong.

    Raises
    ------
    RuntimeError
        If the iteration does not converge, which is what states without overlap cause.
    """
    total = counts.sum()
    found = Ensembles.at(a, betas, energies)
    for _ in range(_MOST_STEPS):
        gradient, step = newton_step(*found.sums(counts), sizes)
        if np.abs(gradient).max() < tolerance * total or np.abs(step).max() < 1e-14 * (1 + np.abs(found.a).max()):
            return found
        value, descent, length = float(counts @ found.log_density - sizes @ found.a), float(step @ gradient), 1.0
        while True:
            trial = Ensembles.at(found.a + length * step, betas, energies)
            now = float(counts @ trial.log_density - sizes @ trial.a)
            if now <= value + 1e-4 * length * descent + _ROUNDING * total or length < 1e-10:
                break
            length /= 2
        found = trial
    raise RuntimeError(f"free energies did not converge in {_MOST_STEPS} steps: the temperatures do not overlap")


def newton_step(occupied: Array, joint: Array, sizes: Array) -> tuple[Array, Array]:
    """Gradient of sum_n ln D(E_n) - sum_k N_k a_k by a, from `Ensembles.sums`, and the Newton step from there.

    The first component is held: a common shift of all changes nothing.
    """
    gradient, hessian = occupied - sizes, np.diag(occupied) - joint
    step = np.zeros_like(gradient)
    step[1:] = -np.linalg.lstsq(hessian[1:, 1:], gradient[1:], rcond=1e-14)[0]
    return gradient, step
