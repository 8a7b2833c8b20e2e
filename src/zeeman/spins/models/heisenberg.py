"""Heisenberg model, H = -J sum_<ij> s_i . s_j with unit vectors of three components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from zeeman.spins.models.vectors import VectorModel

__all__ = ["Heisenberg"]


@dataclass(frozen=True)
class Heisenberg(VectorModel):
    """Classical Heisenberg model, H = -J sum_<ij> s_i . s_j.

    Parameters
    ----------
    lattice : Lattice
        ``cubic(8)``, ...
    coupling : float
        J; positive aligns. Energies and temperatures are in its units (k_B = 1).

    Raises
    ------
    TypeError, ValueError
        For what is no lattice, and a coupling that is no finite number.

    Notes
    -----
    Cubic lattice: T_c = 1 / 0.6930 |J| (C. Holm, W. Janke, Phys. Rev. B 48 (1993) 936). One and two dimensions: no
    order at T > 0 (N. D. Mermin, H. Wagner, Phys. Rev. Lett. 17 (1966) 1133).

    Examples
    --------
    >>> from zeeman.spins.lattices import cubic
    >>> model = Heisenberg(cubic(2))
    >>> float(model.energy(np.tile(np.float32([0, 0, 1]), (1, 8, 1)))[0])
    -3.0
    """

    n_components: ClassVar[int] = 3

    @property
    def value_axes(self) -> dict[str, int]:
        """Three components a site."""
        return {"component": 3}

    def vectors(self, configurations: NDArray) -> NDArray:
        """Return the configurations as (sample, site, component); ValueError for vectors that are not of length 1."""
        s = self._sites(configurations)
        s = s if s.dtype.kind == "f" else s.astype(np.float64)
        off = np.abs(np.einsum("sia,sia->si", s, s) - 1)
        if off.size and off.max() > 1e-3:
            sample, site = np.unravel_index(off.argmax(), off.shape)
            raise ValueError(
                f"spins must be unit vectors, but sample {sample}, site {site} has length "
                f"{np.linalg.norm(s[sample, site]):g}: divide by the length"
            )
        return s

    def values(self, vectors: NDArray) -> NDArray[np.float32]:
        """Return unit vectors (sample, site, component) in float32."""
        square = np.einsum("...a,...a->...", vectors, vectors)
        return (vectors / np.sqrt(square)[..., None]).astype(np.float32, copy=False)
