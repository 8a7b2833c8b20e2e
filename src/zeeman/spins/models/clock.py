"""Clock model, H = -J sum_<ij> cos(2 pi (s_i - s_j) / p) with s = 0..p-1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zeeman.spins.lattices import Lattice
from zeeman.spins.models.model import check_parameters
from zeeman.spins.models.states import StateModel, States, check_n_states

__all__ = ["Clock"]


@dataclass(frozen=True)
class Clock(StateModel):
    """Clock model, H = -J sum_<ij> cos(2 pi (s_i - s_j) / p) with s = 0..p-1.

    Its order parameter is the mean of (cos, sin), (sample, 2); for p = 2 of the cosine alone, (sample, 1), as Ising's.

    Parameters
    ----------
    lattice : Lattice
        ``square(32)``, ...
    n_states : int
        p, 2 to 127.
    coupling : float
        J; positive aligns, negative turns neighbours apart. Energies and temperatures are in its unit.

    Raises
    ------
    TypeError, ValueError
        For what is no lattice, a coupling that is no finite number, p not from 2 to 127.

    Examples
    --------
    >>> from zeeman.spins.lattices import square
    >>> float(Clock(square(4)).energy(np.zeros((1, 16), np.int8))[0])
    -2.0
    """

    lattice: Lattice
    n_states: int = 6
    coupling: float = 1.0

    def __post_init__(self) -> None:
        check_parameters(self, "coupling")
        object.__setattr__(self, "n_states", check_n_states(self.n_states))

    def tables(self) -> States:
        """All reflections of the p-gon, s -> c - s for every c, through corners and, p being even, between them.

        Any a becomes any b by c = a + b, for odd and even p, so clusters of one site reach every configuration.
        """
        p = self.n_states
        s = np.arange(p)
        turn = 2 * np.pi / p * s
        # exactly zero, a half and one where they are: the cosine of s - t is that of t - s
        cosine = np.round(np.cos(turn), 15)[np.minimum((s[:, None] - s) % p, (s - s[:, None]) % p)]
        reflections = (s[:, None] - s) % p
        moving = reflections[(reflections != s).any(axis=1)]  # for p = 2 one reflection is none
        # two states lie on one axis: a second component that is always zero would count in the cumulant's n
        vectors = np.stack([np.cos(turn), np.sin(turn)][: min(p - 1, 2)], axis=1)
        return States(s, -self.coupling * cosine, vectors, involutions=moving)

    @property
    def metastable(self) -> bool:
        """A transition of first order: three states in space, which are those of the Potts model with 3 J / 2."""
        return self.coupling > 0 and self.n_states == 3 and self.lattice.name == "cubic"
