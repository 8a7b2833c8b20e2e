"""Products of one-dimensional functions, phi_n(z) = prod_i phi_{n_i}(z_i), truncated by energy.

A potential that is a sum of products of one-axis factors is integrated one axis at a time; any other one on a tensor
grid of Gauss points. The d-dimensional matrix is assembled from indices: no Kronecker product is ever formed.
"""

from __future__ import annotations

import heapq
import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
from numpy.polynomial import polynomial
from numpy.typing import ArrayLike, NDArray
from scipy.special import roots_legendre

from zeeman.base.checks import check_positive_integer
from zeeman.base.progress import Progress
from zeeman.hamiltonians.hamiltonian import Basis, check_memory
from zeeman.hamiltonians.potentials import Factors, Polynomial, Potential, as_potential, positions, values_at

__all__ = ["TensorBasis", "panels", "refined"]

Array = NDArray[np.floating]

_CONVERGED, _TOLERATED = 1e-10, 1e-7  # of the largest matrix element: where to stop, and what is not worth a word
_MOST_POINTS = 4_000_000
_CHUNK_VALUES = 4_000_000
_QUIET = 20  # chunks that take no more than a few seconds


class TensorBasis(Basis):
    """A product basis: what is particular to box or oscillator is one-dimensional."""

    dim: int
    n_levels: int

    @property
    def size(self) -> int:
        """Number of functions."""
        return self.n_levels

    @property
    @abstractmethod
    def energies(self) -> Array:
        """Levels of H0, ascending, (basis,)."""

    @cached_property
    def quanta(self) -> NDArray[np.int64]:
        """Excitations above the ground state along every axis, (basis, dim), by energy; ties in lexical order."""
        return _by_energy(self._step, self.dim, self.n_levels)

    def unperturbed(self) -> Array:
        """H0, which is diagonal: (basis,)."""
        return self.energies

    def matrix(self, V: Potential) -> Array:
        """<m|V|n>, (basis, basis), symmetric.

        Closed form for sinusoids and polynomials (and, in the box, tables); Gauss quadrature otherwise, refined until
        no element changes by 1e-10 of the largest; where that takes too long, a UserWarning says what was reached if
        it is more than 1e-7.
        """
        check_memory(self.size)
        total = np.zeros((self.size, self.size))
        rest = []
        for coefficient, factors in as_potential(V).terms():
            if self.dim > 1 and any(factor.axis is None for factor in factors):
                rest.append((coefficient, factors))
            else:
                total += coefficient * self._separable(factors)
        if rest:
            total += self._quadrature(rest)
        return 0.5 * (total + total.T)

    def __call__(self, z: ArrayLike) -> Array:
        """phi_n(z), (sample, basis)."""
        z = positions(z)
        if z.shape[1] != self.dim:
            raise ValueError(f"z has {z.shape[1]} axes, the basis has {self.dim}")
        values = np.ones((len(z), self.size))
        for axis, quanta in enumerate(self.quanta.T):
            values *= self._values(z[:, axis], self._per_axis)[:, quanta]
        return values

    @property
    def _per_axis(self) -> int:
        return int(self.quanta.max()) + 1

    @staticmethod
    @abstractmethod
    def _step(quanta: int) -> int:
        """Energy above the ground state in whole units, so that equal sums are equal levels."""

    @abstractmethod
    def _values(self, x: Array, count: int) -> Array:
        """The first `count` functions of one axis, (point, count)."""

    @abstractmethod
    def _axis_matrix(self, factors: Factors, count: int) -> Array:
        """<m| product of factors |n> along one axis, (count, count)."""

    @abstractmethod
    def _gauss(self, n_points: int, count: int) -> tuple[Array, Array]:
        """Nodes, and functions times the square roots of the weights, (node, count)."""

    def _separable(self, factors: Factors) -> Array:
        product = np.ones((self.size, self.size))
        for axis, quanta in enumerate(self.quanta.T):
            along = tuple(factor for factor in factors if factor.axis in (axis, None))
            if along:
                product *= self._axis_matrix(along, self._per_axis)[np.ix_(quanta, quanta)]
            else:
                product *= quanta[:, None] == quanta
        beyond = [factor for factor in factors if factor.axis is not None and factor.axis >= self.dim]
        if beyond:
            raise ValueError(
                f"{beyond[0]!r} acts on axis {beyond[0].axis} of a basis with {self.dim}; axes count from 0"
            )
        return product

    def _quadrature(self, terms: list[tuple[float, Factors]]) -> Array:
        def value(z: Array) -> Array:
            return sum(
                (c * np.prod([values_at(f, z) for f in factors], axis=0) for c, factors in terms), np.zeros(len(z))
            )

        first = 2 * self._per_axis + 24

        def elements(level: int) -> Array:
            return self._on_grid(value, int(first * 1.5**level))

        most = int(np.log(max(1.0, _MOST_POINTS ** (1 / self.dim) / first)) / np.log(1.5))
        return refined(elements, min(most, 4), "on the tensor grid")

    def _on_grid(self, value: Callable[[Array], Array], n_points: int) -> Array:
        if n_points**self.dim > _MOST_POINTS:
            raise ValueError(
                f"a potential that is no sum of products over axes needs {n_points}^{self.dim} quadrature points, more "
                f"than {_MOST_POINTS:,}; write it as products, take fewer levels, or use samples (rayleigh_ritz)"
            )
        nodes, table = self._gauss(n_points, self._per_axis)
        total = np.zeros((self.size, self.size))
        chunk = max(1, _CHUNK_VALUES // self.size)
        n_chunks = -(-(n_points**self.dim) // chunk)
        with Progress(
            n_chunks, f"integrating V on {n_points}^{self.dim} points", enabled=n_chunks > _QUIET
        ) as progress:
            for index in _grid(n_points, self.dim, chunk):
                functions = np.ones((len(index), self.size))
                for axis, quanta in enumerate(self.quanta.T):
                    functions *= table[index[:, axis]][:, quanta]
                total += functions.T @ (value(nodes[index])[:, None] * functions)
                progress.advance()
        return total


def refined(elements: Callable[[int], Array], most: int, what: str) -> Array:
    """elements(level) at the first level where none changes by 1e-10 of the largest, with a warning beyond 1e-7."""
    coarse = elements(0)
    change = np.inf
    for level in range(1, max(1, most) + 1):
        fine = elements(level)
        scale = np.abs(fine).max() or 1.0
        change = np.abs(fine - coarse).max() / scale
        if change < _CONVERGED:
            return fine
        coarse = fine
    if change > _TOLERATED:
        warnings.warn(
            f"matrix elements {what} changed by {change:.1e} of the largest in the last refinement; "
            "smooth the potential or give its kinks as a table",
            UserWarning,
            stacklevel=2,
        )
    return coarse


def panels(edges: Array, n_panels: int, n_points: int = 32) -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights: `n_points` in each of about `n_panels` parts that respect `edges`."""
    lengths = np.diff(edges)
    parts = np.maximum(1, np.ceil(n_panels * lengths / lengths.sum()).astype(int))
    joints = np.concatenate(
        [np.linspace(a, b, n + 1)[:-1] for a, b, n in zip(edges[:-1], edges[1:], parts, strict=True)]
    )
    joints = np.append(joints, edges[-1])
    x, w = roots_legendre(n_points)
    half = 0.5 * np.diff(joints)[:, None]
    return (joints[:-1, None] + half * (1 + x)).ravel(), (half * w).ravel()


def on_axis(factors: Factors, x: Array) -> Array:
    """Product of factors of one axis at coordinates x, refused where it is not finite."""
    product = np.ones(len(x))
    for factor in factors:
        # a callable takes (sample, dim): here dim is 1, and the axis of the others is this one
        values = factor.on_axis(x) if hasattr(factor, "on_axis") else values_at(factor, x[:, None])
        product = product * values
    return product


def as_polynomial(factors: Factors) -> Array | None:
    """Coefficients if the factors of one axis are polynomials alone (there is then one)."""
    product: Array = np.ones(1)
    for factor in factors:
        if not isinstance(factor, Polynomial):
            return None
        product = polynomial.polymul(product, np.asarray(factor.coefficients))
    return product


def check_levels(basis: TensorBasis) -> None:
    """Whole positive dim and n_levels."""
    check_positive_integer(basis.dim, "dim")
    check_positive_integer(basis.n_levels, "n_levels")


def _grid(n_points: int, dim: int, chunk: int) -> Iterator[NDArray[np.int64]]:
    for start in range(0, n_points**dim, chunk):
        flat = np.arange(start, min(start + chunk, n_points**dim))
        yield np.stack(np.unravel_index(flat, (n_points,) * dim), axis=1)


def _by_energy(step: Callable[[int], int], dim: int, count: int) -> NDArray[np.int64]:
    if dim == 1:
        return np.arange(count)[:, None]
    ground: tuple[int, ...] = (0,) * dim
    waiting, seen = [(step(0) * dim, ground)], {ground}
    found: list[tuple[int, ...]] = []
    while len(found) < count:
        energy, quanta = heapq.heappop(waiting)
        found.append(quanta)
        for axis in range(dim):
            up = (*quanta[:axis], quanta[axis] + 1, *quanta[axis + 1 :])
            if up not in seen:
                seen.add(up)
                heapq.heappush(waiting, (energy + step(up[axis]) - step(quanta[axis]), up))
    return np.array(found)
