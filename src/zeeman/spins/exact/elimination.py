r"""Sums over all states of a small lattice, site by site: a transfer matrix that carries the order parameter.

Sites enter one after another in the order of their numbers, and leave when their last neighbour has entered. In
between, an array over the states of those that are still needed holds the sum of weights exp(-H / T), resolved by
the total charge so far (its histogram decides the order parameter) and with its first two derivatives by 1/T.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zeeman.base.brief import brief
from zeeman.spins.exact.checks import one_temperature
from zeeman.spins.exact.tables import Tables, tables
from zeeman.spins.lattices import Lattice
from zeeman.spins.models import Model

__all__ = ["Sums", "sum_states"]

_MOST = 1.5e8  # numbers in the largest array: about a gigabyte


@brief
@dataclass(frozen=True)
class Sums:
    """Exact averages of one model at one temperature.

    Attributes
    ----------
    log_z : float
        ln Z, of the whole system.
    energy, specific_heat : float
        Per site; specific heat = (<E^2> - <E>^2) / (N T^2).
    absolute, second, fourth, binder : float
        <|m|>, <m^2>, <m^4> and 1 - <m^4> / (3 <m^2>^2), m the order vector per site; NaN if it was not carried.
    charges : ndarray, (outcome, charge)
        Possible values, per site, of what decides the order parameter: Ising m; Potts the share of every state;
        Blume-Capel m and s^2; clock the net share of every direction (p even: minus the opposite one's).
    probability : ndarray, (outcome,)
        How probable each is.
    """

    log_z: float
    energy: float
    specific_heat: float
    absolute: float
    second: float
    fourth: float
    binder: float
    charges: NDArray[np.float64]
    probability: NDArray[np.float64]

    def mean(self, function: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> float:
        """Average of a function of `charges`, (outcome, charge) -> (outcome,).

        >>> from zeeman.spins import Ising, square
        >>> sums = sum_states(Ising(square(3)), 2.0)
        >>> sums.mean(lambda m: abs(m[:, 0])) == sums.absolute
        True
        """
        return float(self.probability @ function(self.charges))


def sum_states(model: Model, temperature: float, *, order: bool = True) -> Sums:
    """Sum over all states of a small discrete model: Ising (also with J2), Potts, Blume-Capel, clock; any lattice.

    Parameters
    ----------
    model : Model
        16 sites of three states take seconds.
    temperature : float
    order : bool
        Carry the order parameter. Without it 36 sites of three states are in reach, and 64 of two.

    Raises
    ------
    ValueError
        For other models, T <= 0, and lattices whose sum would not fit in about a gigabyte.
    """
    t, table, lattice = one_temperature(temperature), tables(model), model.lattice
    charges = table.charges if order else np.zeros((table.n_states, 1), np.int64)
    pinned = not order and table.shifts  # site 0 then stands for all of its states
    walk = _Walk(lattice, table.n_states, charges, pinned, bool(table.second.any()))
    jets, ground = walk.sum(table, t)
    log_z = math.log(jets[:, 0].sum()) - ground / t + (math.log(table.n_states) if pinned else 0.0)
    z, first, second = jets.sum(axis=0)
    n = lattice.n_sites
    probability, shares = jets[:, 0] / z, walk.outcomes[-1] / n
    size = np.linalg.norm(shares @ table.basis, axis=1) if order else np.full(1, math.nan)
    m1, m2, m4 = (float(probability @ size**k) for k in (1, 2, 4))
    return Sums(
        log_z, (ground + first / z) / n, (second / z - (first / z) ** 2) / (n * t * t),
        m1, m2, m4, 1 - m4 / (3 * m2**2), shares, probability,
    )  # fmt: skip


class _Walk:
    """In what order sites enter and leave, and which total charges are possible on the way."""

    def __init__(self, lattice: Lattice, q: int, charges: NDArray[np.int64], pinned: bool, second: bool) -> None:
        self.bonds = [_earlier(lattice.neighbours, site) for site in range(lattice.n_sites)]
        far = lattice.second_neighbours if second else np.empty((lattice.n_sites, 0), np.int32)
        self.far = [_earlier(far, site) for site in range(lattice.n_sites)]
        self.q, self.charges, self.pinned = q, charges, pinned
        last = np.arange(lattice.n_sites)
        for site, earlier in enumerate(zip(self.bonds, self.far, strict=True)):
            for other in {*earlier[0], *earlier[1]}:
                last[other] = site
        self.leaving = [np.flatnonzero(last == site) for site in range(lattice.n_sites)]
        self.outcomes = [np.zeros((1, charges.shape[1]), np.int64)]
        self.moves: list[NDArray[np.intp]] = []
        here = set[int]()
        for site, leaving in enumerate(self.leaving):
            sums = self.outcomes[-1][:, None] + charges
            found, index = np.unique(sums.reshape(-1, charges.shape[1]), axis=0, return_inverse=True)
            self.outcomes.append(found)
            self.moves.append(index.reshape(sums.shape[:2]))
            here = here.difference(leaving.tolist()) | {site}
            self._check(lattice, site, here)
            here = here.difference(leaving.tolist())

    def _check(self, lattice: Lattice, site: int, here: set[int]) -> None:
        """Refuse arrays that are too large, before the possible charges of further sites are listed."""
        needed = 3.0 * self.q ** (len(here) - (self.pinned and 0 in here)) * len(self.outcomes[site + 1])
        if needed > _MOST:
            raise ValueError(
                f"{lattice!r} with {self.q} states a site needs an array of {needed:.2g} numbers at site {site}, and "
                f"{_MOST:.2g} are allowed; take a smaller lattice" + " or order=False" * bool(self.charges.any())
            )

    def sum(self, table: Tables, t: float) -> tuple[NDArray[np.float64], float]:
        """Return sums of weights with their two derivatives by -1/T, (outcome, 3), and the energy taken as zero."""
        low = table.pair.min(), table.second.min(), table.site.min()  # so that no weight exceeds 1
        counts = sum(map(len, self.bonds)), sum(map(len, self.far)), len(self.bonds)
        pair, second, local = table.pair - low[0], table.second - low[1], table.site - low[2]
        jets, here = np.array([[1.0, 0.0, 0.0]]), list[int]()
        for site, leaving in enumerate(self.leaving):
            states = 1 if self.pinned and site == 0 else self.q
            gone = tuple(axis for axis, other in enumerate(here) if other in leaving)
            kept = [other for other in here if other not in leaving]
            shape = [n for axis, n in enumerate(jets.shape[:-2]) if axis not in gone]
            after = np.zeros((*shape, states, len(self.outcomes[site + 1]), 3))
            for a in range(states):
                energy = np.full((1,) * len(here), local[a])
                for other, bond in [(k, pair) for k in self.bonds[site]] + [(k, second) for k in self.far[site]]:
                    axis = here.index(other)
                    along = [1] * len(here)
                    along[axis] = jets.shape[axis]
                    energy = energy + bond[: jets.shape[axis], a].reshape(along)
                after[..., a, self.moves[site][:, a], :] = _weighted(jets, energy, t).sum(axis=gone)
            here = [*kept, site]
            if site in leaving:
                after, here = after.sum(axis=-3), kept
            jets = after
        return jets, float(np.dot(low, counts))


def _weighted(jets: NDArray[np.float64], energy: NDArray[np.float64], t: float) -> NDArray[np.float64]:
    """Multiply (Z, Z', Z'') by exp(-energy / T), derivatives being by -1/T: (w Z, w (Z' + e Z), ...)."""
    e, weight = energy[..., None], np.exp(-energy / t)[..., None]
    z, first, second = np.moveaxis(jets, -1, 0)
    return np.stack([weight * z, weight * (first + e * z), weight * (second + 2 * e * first + e * e * z)], axis=-1)


def _earlier(neighbours: NDArray[np.int32], site: int) -> list[int]:
    """Neighbours that have entered before, as often as there are bonds to them."""
    return [int(other) for other in neighbours[site] if other < site]
