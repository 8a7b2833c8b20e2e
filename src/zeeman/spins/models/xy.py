"""XY model, H = -J sum_<ij> cos(theta_i - theta_j) with angles theta in [0, 2 pi)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from zeeman.spins._functions_numba import angles, directions
from zeeman.spins.models.vectors import VectorModel

__all__ = ["XY"]


@dataclass(frozen=True)
class XY(VectorModel):
    """XY model (plane rotator), H = -J sum_<ij> cos(theta_i - theta_j).

    Parameters
    ----------
    lattice : Lattice
        ``square(32)``, ...
    coupling : float
        J; positive aligns. Energies and temperatures are in its units (k_B = 1).

    Raises
    ------
    TypeError, ValueError
        For what is no lattice, and a coupling that is no finite number.

    Notes
    -----
    In two dimensions: Kosterlitz-Thouless transition at T = 0.8929 |J| on the square lattice (M. Hasenbusch, J. Phys. A
    38 (2005) 5869).

    Examples
    --------
    >>> from zeeman.spins.lattices import square
    >>> model = XY(square(4))
    >>> float(model.energy(np.zeros((1, 16), np.float32))[0])
    -2.0
    """

    n_components: ClassVar[int] = 2

    @property
    def value_axes(self) -> dict[str, int]:
        """Angles are scalars."""
        return {}

    def vectors(self, configurations: NDArray) -> NDArray[np.float64]:
        """(cos theta, sin theta), (sample, site, component); ValueError for those of another lattice, or NaN."""
        theta = np.ascontiguousarray(self._sites(configurations), np.float64)
        s = np.empty((*theta.shape, 2))
        directions(theta.reshape(-1), s.reshape(-1, 2))
        return s

    def values(self, vectors: NDArray) -> NDArray[np.float32]:
        """Angles (sample, site) in [0, 2 pi)."""
        s = np.ascontiguousarray(vectors, np.float32)
        theta = np.empty(s.shape[:-1], np.float32)
        angles(s.reshape(-1, 2), theta.reshape(-1))
        return theta
