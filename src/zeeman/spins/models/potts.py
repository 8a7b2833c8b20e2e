"""Potts model, H = -J sum_<ij> delta(s_i, s_j) with s = 0..q-1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zeeman.spins.lattices import Lattice
from zeeman.spins.models.model import check_parameters
from zeeman.spins.models.states import StateModel, States, check_n_states

__all__ = ["Potts"]


@dataclass(frozen=True)
class Potts(StateModel):
    """Potts model, H = -J sum_<ij> delta(s_i, s_j) with s = 0..q-1.

    Its order parameter is the mean of unit vectors to the corners of a regular simplex, (sample, q - 1).

    Parameters
    ----------
    lattice : Lattice
        ``square(32)``, ...
    n_states : int
        q, 2 to 127. Ferromagnets on two-dimensional lattices order continuously for q <= 4, at once for q > 4.
    coupling : float
        J; positive makes neighbours equal, negative different. Energies and temperatures are in its unit.

    Raises
    ------
    TypeError, ValueError
        For what is no lattice, a coupling that is no finite number, q not from 2 to 127.

    Examples
    --------
    >>> from zeeman.spins.lattices import square
    >>> float(Potts(square(4)).energy(np.zeros((1, 16), np.int8))[0])
    -2.0
    """

    lattice: Lattice
    n_states: int = 3
    coupling: float = 1.0

    def __post_init__(self) -> None:
        check_parameters(self, "coupling")
        object.__setattr__(self, "n_states", check_n_states(self.n_states))

    def tables(self) -> States:
        """Any two colours may be exchanged."""
        q = self.n_states
        swaps = np.array([np.r_[:a, b, a + 1 : b, a, b + 1 : q] for b in range(q) for a in range(b)])
        return States(np.arange(q), bond=-self.coupling * np.eye(q), vectors=simplex(q), involutions=swaps)

    @property
    def metastable(self) -> bool:
        """A transition of first order: q > 4 in the plane, q > 2 in space."""
        return self.coupling > 0 and self.n_states > (2 if self.lattice.name == "cubic" else 4)


def simplex(q: int) -> NDArray[np.float64]:
    """Corners of a regular simplex, (corner, component): q unit vectors in q - 1 dimensions that sum to zero."""
    k = np.arange(1, q)
    corners = np.triu(np.ones((q, q)))[:, 1:] - np.eye(q, q - 1, -1) * (k + 1)
    return corners * np.sqrt(q / ((q - 1) * k * (k + 1)))
