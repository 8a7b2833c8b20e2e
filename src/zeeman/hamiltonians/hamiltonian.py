"""H = H0 + V in a basis phi_n: the basis knows H0, integrates V, and evaluates its functions.

`Box(...) + 0.1 * Sinusoid(t=3)` is a `Hamiltonian`: nothing is computed before it is diagonalised or expanded.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zeeman.base.room import physical_memory
from zeeman.hamiltonians.potentials import Potential, as_potential, positions

__all__ = ["Basis", "Hamiltonian", "check_memory"]

_UNTOLD = 4 * 2**30  # bytes of memory, where the system does not tell

Array = NDArray[np.floating]

_CHUNK_VALUES = 8_000_000


class Basis(ABC):
    """Functions phi_n(z), orthonormal, with H0 in them. Matrices that are diagonal are given as vectors."""

    dim: int
    __array_ufunc__ = None  # numpy scalars leave sums to this class

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of functions."""

    @abstractmethod
    def unperturbed(self) -> Array:
        """H0 in the basis: (basis,) if it is diagonal there, else (basis, basis)."""

    @abstractmethod
    def matrix(self, V: Potential) -> Array:
        """<m|V|n>, (basis, basis), or (basis,) where it is diagonal."""

    @abstractmethod
    def __call__(self, z: ArrayLike) -> Array:
        """phi_n(z), (sample, basis)."""

    def evaluate(self, z: ArrayLike, coefficients: Array) -> Array:
        """Functions sum_n c_n phi_n(z), (sample, function), for coefficients (basis, function)."""
        z = positions(z)
        step = max(1, _CHUNK_VALUES // self.size)
        parts = [self(z[start : start + step]) @ coefficients for start in range(0, len(z), step)]
        return np.concatenate(parts) if parts else np.zeros((0, coefficients.shape[1]))

    def __add__(self, V: Any) -> Hamiltonian:
        if not (isinstance(V, (Potential, Real)) or callable(V)):
            return NotImplemented
        return Hamiltonian(self, as_potential(V))

    __radd__ = __add__

    def __sub__(self, V: Any) -> Hamiltonian:
        return self + (-1.0 * as_potential(V))


@dataclass(frozen=True)
class Hamiltonian:
    """H0 + V.

    Attributes
    ----------
    basis : Basis
        Knows H0.
    potential : Potential
        V, with its strength.
    """

    basis: Basis
    potential: Potential
    __array_ufunc__ = None

    def __add__(self, V: Any) -> Hamiltonian:
        return Hamiltonian(self.basis, self.potential + as_potential(V))

    __radd__ = __add__

    def __sub__(self, V: Any) -> Hamiltonian:
        return self + (-1.0 * as_potential(V))

    def matrix(self) -> Array:
        """H in the basis, (basis, basis), dense."""
        check_memory(self.basis.size)
        return _dense(self.basis.unperturbed()) + _dense(self.basis.matrix(self.potential))


def check_memory(size: int, matrices: int = 3) -> None:
    """Raise ValueError if `matrices` dense float64 matrices of `size` squared do not fit in memory."""
    needed, memory = 8.0 * matrices * size**2, physical_memory() or _UNTOLD
    if needed > 0.8 * memory:
        raise ValueError(
            f"{size} basis functions make dense matrices of {needed / 2**30:.1f} GiB on a machine of "
            f"{memory / 2**30:.1f} GiB; take fewer levels or points (in more than one dimension a basis truncated by "
            "energy needs fewest)"
        )


def _dense(matrix: Array) -> Array:
    return np.diag(matrix) if matrix.ndim == 1 else matrix
