r"""Potentials V(z): functions of position that add, multiply and scale.

A potential is kept as a sum of products of factors, V = sum_a c_a prod_b F_ab. A factor that depends on one coordinate
says which (`axis`), so that a product basis integrates it one axis at a time, in closed form where there is one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.polynomial import polynomial
from numpy.typing import ArrayLike, NDArray

from zeeman.base.checks import check_finite

__all__ = ["Factors", "Polynomial", "Potential", "Sinusoid", "Tabulated", "as_potential", "values_at"]

Array = NDArray[np.floating]


class Potential:
    """V(z) = function(z), and the algebra V + W, V - W, 2 * V, V * W, -V, V + 1.0 of every potential.

    Parameters
    ----------
    function : callable
        Takes positions (sample, dim), gives (sample,), in the units of energy of the Hamiltonian.

    Examples
    --------
    >>> V = Potential(lambda z: z[:, 0] ** 4) + 2 * Sinusoid(t=1)
    >>> V(np.array([[1.0]])).round(12)
    array([1.])
    """

    axis: int | None = None  # the coordinate that this potential depends on; None: on all
    breakpoints: Any = ()  # where a factor of one axis is not smooth
    __array_ufunc__ = None  # numpy scalars leave products to this class

    def __init__(self, function: Callable[[Array], ArrayLike]) -> None:
        if not callable(function):
            raise TypeError(f"Potential takes a function of positions (sample, dim), got {function!r}")
        self.function = function

    def __call__(self, z: ArrayLike) -> Array:
        """Values at positions z (sample, dim), or (sample,) in one dimension: (sample,)."""
        return np.asarray(self.function(positions(z)), dtype=float)

    def terms(self) -> list[tuple[float, Factors]]:
        """The sum of products: pairs of a coefficient and factors."""
        return [(1.0, (self,))]

    def __repr__(self) -> str:
        return f"Potential({getattr(self.function, '__name__', self.function)})"

    def __add__(self, other: Any) -> Potential:
        other = _operand(other)
        return other if other is NotImplemented else _Sum([*self.terms(), *other.terms()])

    __radd__ = __add__

    def __mul__(self, other: Any) -> Potential:
        if isinstance(other, Real):
            return _Sum([(coefficient * float(other), factors) for coefficient, factors in self.terms()])
        if not isinstance(other, Potential):
            return NotImplemented
        return _Sum([(a * b, (*f, *g)) for a, f in self.terms() for b, g in other.terms()])

    __rmul__ = __mul__

    def __neg__(self) -> Potential:
        return -1.0 * self

    def __sub__(self, other: Any) -> Potential:
        return self + (-1.0 * other)

    def __rsub__(self, other: Any) -> Potential:
        return other + (-self)

    def __truediv__(self, other: Real) -> Potential:
        return self * (1.0 / float(other))


Factors = tuple[Potential, ...]


class _OneAxis(Potential, ABC):
    """A function of one coordinate."""

    axis: int

    @abstractmethod
    def on_axis(self, x: Array) -> Array:
        """Values at coordinates x, any shape."""

    def __call__(self, z: ArrayLike) -> Array:
        z = positions(z)
        if self.axis >= z.shape[1]:
            raise ValueError(f"{self!r} acts on axis {self.axis}, but z has {z.shape[1]} axes; axes count from 0")
        return self.on_axis(z[:, self.axis])


@dataclass(frozen=True)
class Sinusoid(_OneAxis):
    """V(z) = sin(2 pi t z + phase): t waves a unit of length, t any real number; z is not divided by L.

    Parameters
    ----------
    t : float
        Waves in a unit length (paper 000, eq. 1).
    phase : float
        In radians; pi/2 makes it cos(2 pi t z).
    axis : int
        The coordinate that it depends on.
    """

    t: float
    phase: float = 0.0
    axis: int = 0

    def __post_init__(self) -> None:
        _check_axis(self.axis)
        check_finite(np.asarray([self.t, self.phase], dtype=float), "t and phase of Sinusoid")

    def on_axis(self, x: Array) -> Array:
        """sin(2 pi t x + phase)."""
        return np.sin(2 * np.pi * self.t * x + self.phase)


@dataclass(frozen=True)
class Polynomial(_OneAxis):
    """V(z) = sum_k coefficients_k z^k of one coordinate; products of coordinates are products of potentials.

    Parameters
    ----------
    coefficients : sequence of float
        From the constant up: (0, 0, 1) is z^2.
    axis : int
        The coordinate that it depends on.
    """

    coefficients: tuple[float, ...]
    axis: int = 0

    def __post_init__(self) -> None:
        _check_axis(self.axis)
        values = np.atleast_1d(np.asarray(self.coefficients, dtype=float))
        if values.ndim != 1 or not len(values):
            raise ValueError(f"Polynomial takes a sequence of coefficients, constant first, got {self.coefficients!r}")
        check_finite(values, "coefficients of Polynomial")
        object.__setattr__(self, "coefficients", tuple(float(c) for c in values))

    def on_axis(self, x: Array) -> Array:
        """sum_k coefficients_k x^k."""
        return polynomial.polyval(x, self.coefficients)


@dataclass(frozen=True, eq=False)
class Tabulated(_OneAxis):
    """V(z) through given points, straight lines between them, constant beyond the first and the last.

    Parameters
    ----------
    z, values : array-like, (point,)
        Ascending positions, at least two, and the potential there.
    axis : int
        The coordinate that it depends on.
    """

    z: Any
    values: Any
    axis: int = 0

    def __post_init__(self) -> None:
        _check_axis(self.axis)
        z, values = np.asarray(self.z, dtype=float), np.asarray(self.values, dtype=float)
        if z.ndim != 1 or z.shape != values.shape or len(z) < 2:
            raise ValueError(f"Tabulated takes two sequences of one length >= 2, got shapes {z.shape}, {values.shape}")
        check_finite(z, "z of Tabulated")
        check_finite(values, "values of Tabulated")
        if not np.all(np.diff(z) > 0):
            place = int(np.flatnonzero(np.diff(z) <= 0)[0]) + 1
            raise ValueError(f"z of Tabulated must ascend, but z[{place}] = {z[place]} <= z[{place - 1}]; sort it")
        object.__setattr__(self, "z", z)
        object.__setattr__(self, "values", values)

    @property
    def breakpoints(self) -> Array:
        """The points, where slopes jump."""
        return self.z

    def on_axis(self, x: Array) -> Array:
        """Linear interpolation."""
        return np.interp(x, self.z, self.values)


def as_potential(V: Any) -> Potential:
    """`V` itself if it is a potential, a `Potential` around it if it is a function, a constant if it is a number."""
    if isinstance(V, Potential):
        return V
    if isinstance(V, Real):
        return Polynomial((float(V),))
    return Potential(V)


def positions(z: ArrayLike) -> Array:
    """Positions as (sample, dim) float64; (sample,) is one dimension."""
    array = np.asarray(z, dtype=float)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2:
        raise ValueError(f"positions must be (sample, dim), got shape {array.shape}")
    return array


def values_at(V: Potential, z: Array) -> Array:
    """V at z (sample, dim): (sample,), refused with its place where it is not finite or has another shape."""
    values = np.asarray(V(z), dtype=float)
    if values.shape != (len(z),):
        raise ValueError(f"a potential must give one value a position: (sample,) = {(len(z),)}, got {values.shape}")
    if not np.isfinite(values).all():
        bad = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(f"the potential is {values[bad]} at z = {z[bad].tolist()}; bound it there or change the basis")
    return values


class _Sum(Potential):
    """sum_a c_a prod_b F_ab."""

    def __init__(self, terms: list[tuple[float, Factors]]) -> None:
        self._terms = [(coefficient, _merged(factors)) for coefficient, factors in terms]

    def __call__(self, z: ArrayLike) -> Array:
        z = positions(z)
        total = np.zeros(len(z))
        for coefficient, factors in self._terms:
            product = np.full(len(z), coefficient)
            for factor in factors:
                product = product * factor(z)
            total += product
        return total

    def terms(self) -> list[tuple[float, Factors]]:
        return self._terms

    def __repr__(self) -> str:
        return " + ".join(f"{c:g} * " + " * ".join(map(repr, factors)) for c, factors in self._terms)


def _merged(factors: Factors) -> Factors:
    """The factors with the polynomials of each axis multiplied out: their integrals stay in closed form."""
    powers: dict[int, Array] = {}
    for factor in factors:
        if isinstance(factor, Polynomial):
            powers[factor.axis] = polynomial.polymul(powers.get(factor.axis, np.ones(1)), factor.coefficients)
    others = tuple(factor for factor in factors if not isinstance(factor, Polynomial))
    return (*(Polynomial(tuple(c), axis) for axis, c in powers.items()), *others)


def _operand(other: Any) -> Any:
    return as_potential(other) if isinstance(other, (Potential, Real)) else NotImplemented


def _check_axis(axis: Any) -> None:
    if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)) or axis < 0:
        raise ValueError(f"axis must be a non-negative integer, got {axis!r}")
