"""Blume-Capel model, H = -J sum_<ij> s_i s_j + D sum_i s_i^2 with s = -1, 0 or +1."""

from __future__ import annotations

from dataclasses import dataclass

from zeeman.spins.lattices import Lattice
from zeeman.spins.models.model import check_parameters
from zeeman.spins.models.states import StateModel, States

__all__ = ["BlumeCapel"]


@dataclass(frozen=True)
class BlumeCapel(StateModel):
    """Blume-Capel model, H = -J sum_<ij> s_i s_j + D sum_i s_i^2 with s = -1, 0 or +1.

    Parameters
    ----------
    lattice : Lattice
        ``square(32)``, ...
    coupling : float
        J; positive aligns, negative alternates. Energies and temperatures are in the units of J and D.
    crystal_field : float
        D, what a site pays to be occupied (s not 0). On the square lattice the transition is of first order beyond
        the tricritical D = 1.9658 J; at D = 2 J (z / 2 in general) the ordered state gives way to the empty one.

    Raises
    ------
    TypeError, ValueError
        For what is no lattice, and parameters that are no finite numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from zeeman.spins.lattices import square
    >>> float(BlumeCapel(square(4), crystal_field=0.5).energy(np.ones((1, 16), np.int8))[0])
    -1.5
    """

    lattice: Lattice
    coupling: float = 1.0
    crystal_field: float = 0.0

    def __post_init__(self) -> None:
        check_parameters(self, "coupling", "crystal_field")

    def tables(self) -> States:
        """All signs may be reversed."""
        j, d = self.coupling, self.crystal_field
        bond = [[-j, 0, j], [0, 0, 0], [j, 0, -j]]
        return States([-1, 0, 1], bond, vectors=[[-1], [0], [1]], site=[d, 0, d], involutions=[[2, 1, 0]])

    @property
    def metastable(self) -> bool:
        """Near and beyond the tricritical point, below which no lattice has one: mean field has D = 0.462 z J."""
        return self.crystal_field > 0.45 * self.lattice.coordination * abs(self.coupling)
