r"""Points in a box: H0 = -A lap on a grid, exact for every function that the grid can hold (sine DVR).

z_j = lower + j h, j = 1 .. n, h = (upper - lower) / (n + 1), walls at both ends. On one axis
T = S diag(A (pi k / L)^2) S with S_jk = sqrt(2 / (n+1)) sin(pi j k / (n+1)); V is diagonal. Errors fall faster than any
power of h for smooth V, where finite differences stop at h^2 (Colbert and Miller, J. Chem. Phys. 96, 1982, 1992).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike, NDArray

from zeeman.base.checks import check_positive_integer
from zeeman.hamiltonians.hamiltonian import Basis, check_memory
from zeeman.hamiltonians.potentials import Potential, as_potential, positions, values_at

__all__ = ["Grid"]

Array = NDArray[np.floating]

_MOST_POINTS = 10_000_000


@dataclass(frozen=True)
class Grid(Basis):
    """H0 = -A lap between walls at `lower` and `upper` on every axis, on n_points^dim points.

    For potentials that are rough or that no basis fits. Energies are good while states vanish at the walls and vary
    over distances longer than h.

    Parameters
    ----------
    lower, upper : float
        Walls, in units of length.
    n_points : int
        Points along an axis.
    dim : int
        1, 2 or 3.
    kinetic : float
        A.

    Examples
    --------
    >>> Grid(-8.0, 8.0, n_points=3).axis.round(9)
    array([-4.,  0.,  4.])
    """

    lower: float
    upper: float
    n_points: int = 200
    dim: int = 1
    kinetic: float = 0.5

    def __post_init__(self) -> None:
        check_positive_integer(self.n_points, "n_points", minimum=2)
        if check_positive_integer(self.dim, "dim") > 3:
            raise ValueError(f"a grid has 1, 2 or 3 dimensions, got {self.dim}; beyond, use samples (rayleigh_ritz)")
        if not (math.isfinite(self.lower) and math.isfinite(self.upper) and self.lower < self.upper):
            raise ValueError(f"Grid needs finite lower < upper, got {self.lower} and {self.upper}")
        if not (math.isfinite(self.kinetic) and self.kinetic > 0):
            raise ValueError(f"kinetic of Grid must be positive and finite, got {self.kinetic}")
        if self.size > _MOST_POINTS:
            raise ValueError(f"{self.n_points}^{self.dim} points are more than {_MOST_POINTS:,}; take fewer an axis")

    @property
    def size(self) -> int:
        """Number of points."""
        return self.n_points**self.dim

    @property
    def length(self) -> float:
        """Distance of the walls."""
        return self.upper - self.lower

    @cached_property
    def axis(self) -> Array:
        """Points of one axis, (n_points,)."""
        return np.linspace(self.lower, self.upper, self.n_points + 2)[1:-1]

    @cached_property
    def points(self) -> Array:
        """All points, (basis, dim); the last axis runs fastest."""
        return np.stack(np.meshgrid(*[self.axis] * self.dim, indexing="ij"), axis=-1).reshape(-1, self.dim)

    def unperturbed(self) -> Array:
        """-A lap, (basis, basis), dense; `kinetic_term` applies it without the matrix."""
        check_memory(self.size, matrices=4)
        waves, sines = self._waves, self._sines(self.axis) * math.sqrt(self.length / (self.n_points + 1))
        one = (sines * waves) @ sines.T
        total, identity = one, np.eye(self.n_points)
        for axis in range(1, self.dim):
            total = np.kron(total, identity) + np.kron(np.eye(self.n_points**axis), one)
        return total

    def matrix(self, V: Potential) -> Array:
        """V at the points, (basis,): diagonal."""
        return values_at(as_potential(V), self.points)

    def kinetic_term(self, psi: Array) -> Array:
        """-A lap psi, (basis,), by sine transforms: fastest where n_points + 1 has small factors."""
        waves = scipy.fft.dstn(psi.reshape(self._kinetic.shape), type=1, norm="ortho")
        return scipy.fft.dstn(waves * self._kinetic, type=1, norm="ortho").ravel()

    def __call__(self, z: ArrayLike) -> Array:
        """Functions of the points, (sample, basis): one at its own point up to h^(-dim/2), zero at the others."""
        tables = self._tables(z)
        check = len(tables[0]) * self.size
        if check > 50 * _MOST_POINTS:
            raise ValueError(f"{len(tables[0])} positions times {self.size} points do not fit; use `evaluate`")
        values = tables[0]
        for table in tables[1:]:
            values = (values[:, :, None] * table[:, None, :]).reshape(len(table), -1)
        return values

    def evaluate(self, z: ArrayLike, coefficients: Array) -> Array:
        """Functions sum_n c_n phi_n(z), (sample, function), one axis at a time."""
        tables = self._tables(z)
        values = coefficients.reshape(*[self.n_points] * self.dim, -1)
        values = np.tensordot(tables[0], values, axes=(1, 0))
        for table in tables[1:]:
            values = np.einsum("nj,nj...->n...", table, values)
        return values

    @cached_property
    def _waves(self) -> Array:
        return self.kinetic * (np.pi / self.length * np.arange(1, self.n_points + 1)) ** 2

    @cached_property
    def _kinetic(self) -> Array:
        total = np.zeros([self.n_points] * self.dim)
        for axis in range(self.dim):
            total += np.expand_dims(self._waves, [a for a in range(self.dim) if a != axis])
        return total

    def _sines(self, x: Array) -> Array:
        """Sine waves of the box at coordinates x, (point, wave)."""
        k = np.arange(1, self.n_points + 1)
        values = math.sqrt(2 / self.length) * np.sin(np.pi / self.length * np.outer(x - self.lower, k))
        values[(x < self.lower) | (x > self.upper)] = 0.0
        return values

    def _tables(self, z: ArrayLike) -> list[Array]:
        z = positions(z)
        if z.shape[1] != self.dim:
            raise ValueError(f"z has {z.shape[1]} axes, the grid has {self.dim}")
        to_points = self._sines(self.axis).T * math.sqrt(self.length / (self.n_points + 1))
        return [self._sines(x) @ to_points for x in z.T]
