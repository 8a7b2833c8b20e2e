"""Every configuration of a small Ising model, one after another: the plainest oracle of all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from zeeman.spins._random_numba import jit
from zeeman.spins.exact.checks import one_temperature
from zeeman.spins.models import Ising

__all__ = ["Enumeration", "enumerate_states"]

_MOST_SITES = 28


@dataclass(frozen=True)
class Enumeration:
    """Sums over all 2^N configurations at one temperature.

    Attributes
    ----------
    log_z : float
        ln Z, of the whole system.
    energy, specific_heat : float
        Per site; specific heat = (<E^2> - <E>^2) / (N T^2).
    magnetization, absolute, second, fourth, binder : float
        <m>, <|m|>, <m^2>, <m^4>, 1 - <m^4> / (3 <m^2>^2) with m per site.
    staggered_absolute, staggered_second, staggered_fourth : float
        The same of the staggered magnetization; NaN where the lattice has no checkerboard.
    """

    log_z: float
    energy: float
    specific_heat: float
    magnetization: float
    absolute: float
    second: float
    fourth: float
    binder: float
    staggered_absolute: float
    staggered_second: float
    staggered_fourth: float


def enumerate_states(model: Ising, temperature: float) -> Enumeration:
    """Sum over all configurations of a small Ising model (at most 28 sites), any lattice, coupling and field.

    The configurations are counted once by (unequal bonds, up spins, up spins on the checkerboard's first colour), in
    Gray-code order; sums are then taken in logarithms. Energies and `temperature` are in the unit of J.

    Raises
    ------
    TypeError
        For other models.
    ValueError
        For T <= 0, more than 28 sites, and couplings to second neighbours.
    """
    if not isinstance(model, Ising):
        raise TypeError(f"configurations are enumerated for Ising models, got {model!r}; use sum_states")
    lattice = model.lattice
    n = lattice.n_sites
    if model.second_coupling:
        raise ValueError(f"second_coupling = {model.second_coupling:g} is not counted here; use sum_states")
    if n > _MOST_SITES:
        raise ValueError(f"{lattice!r} has {n} sites and 2^{n} configurations; enumeration takes {_MOST_SITES} sites")
    t = one_temperature(temperature)
    board = lattice.checkerboard
    first = np.ones(n, np.int64) if board is None else (board > 0).astype(np.int64)
    counts = _count(lattice.neighbours, first, lattice.n_bonds)
    unequal, up, up_first = np.nonzero(counts)
    energy = -model.coupling * (lattice.n_bonds - 2.0 * unequal) - model.field * (2.0 * up - n)
    logs = np.log(counts[unequal, up, up_first].astype(np.float64)) - energy / t
    log_z = float(logsumexp(logs))
    p = np.exp(logs - log_z)
    m = (2 * up - n) / n
    # up - down on the first colour, minus the same on the second
    staggered = (2 * up_first - first.sum() - (2 * (up - up_first) - (n - first.sum()))) / n
    if board is None:
        staggered = np.full(len(m), np.nan)
    mean_energy = float(p @ energy)
    second, fourth = float(p @ m**2), float(p @ m**4)
    return Enumeration(
        log_z, mean_energy / n, float(p @ (energy - mean_energy) ** 2 / (n * t * t)),
        float(p @ m), float(p @ abs(m)), second, fourth, 1 - fourth / (3 * second**2),
        float(p @ abs(staggered)), float(p @ staggered**2), float(p @ staggered**4),
    )  # fmt: skip


@jit
def _count(neighbours, first, n_bonds):  # noqa: ANN001, ANN202
    n, z = neighbours.shape
    counts = np.zeros((n_bonds + 1, n + 1, first.sum() + 1), np.int64)
    s = np.zeros(n, np.int64)
    unequal, up, up_first = 0, 0, 0
    counts[0, 0, 0] = 1
    for step in range(1, np.int64(1) << n):
        site = 0
        while not (step >> site) & 1:
            site += 1
        for k in range(z):
            unequal += 1 if s[neighbours[site, k]] == s[site] else -1
        s[site] ^= 1
        change = 2 * s[site] - 1
        up += change
        up_first += change * first[site]
        counts[unequal, up, up_first] += 1
    return counts
