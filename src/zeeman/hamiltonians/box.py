r"""The box: H0 = -A lap between walls at 0 and L on every axis.

    phi_n(z) = sqrt(2/L) sin(pi n z / L),     E_n = A (pi / L)^2 n^2,     n = 1, 2, ...

sin sin = (cos(difference) - cos(sum)) / 2, so along one axis <m|V|n> = v_{|m-n|} - v_{m+n} with the cosine moments
v_k = (1/L) int_0^L V cos(pi k z / L) dz: a matrix costs as many integrals as it has diagonals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import polynomial
from numpy.typing import NDArray

from zeeman.hamiltonians.potentials import Factors, Sinusoid, Tabulated
from zeeman.hamiltonians.tensor import TensorBasis, as_polynomial, check_levels, on_axis, panels, refined

__all__ = ["Box"]

Array = NDArray[np.floating]

_HIGHEST_CLOSED = 12  # beyond this degree integration by parts loses more digits than Gauss points do


@dataclass(frozen=True)
class Box(TensorBasis):
    """H0 = -A lap on [0, L]^dim with hard walls: E = A (pi/L)^2 (n_1^2 + ... + n_d^2), n_i >= 1.

    Parameters
    ----------
    length : float
        L.
    kinetic : float
        A, in units of energy times length squared.
    n_levels : int
        Basis functions, lowest first. In more than one dimension the last degenerate level may be cut.
    dim : int

    Examples
    --------
    >>> (Box(n_levels=3).energies / np.pi**2).round(12)
    array([1., 4., 9.])
    """

    length: float = 1.0
    kinetic: float = 1.0
    n_levels: int = 200
    dim: int = 1

    def __post_init__(self) -> None:
        check_levels(self)
        for name in ("length", "kinetic"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} of Box must be positive and finite, got {value}")

    @property
    def energies(self) -> Array:
        """Levels of H0, ascending, (basis,)."""
        return self.kinetic * (math.pi / self.length) ** 2 * ((self.quanta + 1) ** 2).sum(axis=1)

    @staticmethod
    def _step(quanta: int) -> int:
        return (quanta + 1) ** 2

    def _values(self, x: Array, count: int) -> Array:
        values = math.sqrt(2 / self.length) * np.sin(np.pi / self.length * np.outer(x, np.arange(1, count + 1)))
        values[(x < 0) | (x > self.length)] = 0.0  # nothing beyond the walls
        return values

    def _gauss(self, n_points: int, count: int) -> tuple[Array, Array]:
        x, w = panels(np.array([0.0, self.length]), 1, n_points)
        return x, np.sqrt(w)[:, None] * self._values(x, count)

    def _axis_matrix(self, factors: Factors, count: int) -> Array:
        moments = self._moments(factors, 2 * count + 1)
        n = np.arange(1, count + 1)
        return moments[np.abs(n[:, None] - n)] - moments[n[:, None] + n]

    def _moments(self, factors: Factors, count: int) -> Array:
        """v_k of k = 0 .. count - 1."""
        waves = np.pi / self.length * np.arange(count)
        if len(factors) == 1 and isinstance(factors[0], Sinusoid):
            return _sinusoid_moments(factors[0], waves, self.length)
        if len(factors) == 1 and isinstance(factors[0], Tabulated):
            return _table_moments(factors[0], waves, self.length)
        coefficients = as_polynomial(factors)
        if coefficients is not None and len(coefficients) <= _HIGHEST_CLOSED + 1:
            return _polynomial_moments(coefficients, waves, self.length)
        return self._integrated(factors, waves)

    def _integrated(self, factors: Factors, waves: Array) -> Array:
        kinks = np.concatenate([np.asarray(factor.breakpoints, dtype=float) for factor in factors])
        inside = kinks[(kinks > 0) & (kinks < self.length)]
        edges = np.unique(np.concatenate([[0.0, self.length], inside]))
        first = max(1, len(waves) // 12)  # 32 points carry six of the fastest waves a panel

        def moments(level: int) -> Array:
            x, w = panels(edges, first * 2**level)
            weighted = w * on_axis(factors, x) / self.length
            return np.concatenate([weighted @ np.cos(np.outer(x, part)) for part in np.array_split(waves, 8)])

        return refined(moments, 6, "in the box")


def _sinusoid_moments(V: Sinusoid, waves: Array, length: float) -> Array:
    """(1/L) int sin(a z + phase) cos(b z) = mean over a +- b of sin((a +- b) L/2 + phase) sinc((a +- b) L/2)."""
    halves = 0.5 * length * (2 * np.pi * V.t + np.stack([waves, -waves]))
    return 0.5 * (np.sin(halves + V.phase) * np.sinc(halves / np.pi)).sum(axis=0)


def _polynomial_moments(coefficients: Array, waves: Array, length: float) -> Array:
    """By parts: sines vanish at both walls, odd derivatives remain, alternating in sign."""
    moments = np.zeros(len(waves))
    moments[0] = polynomial.polyval(length, polynomial.polyint(coefficients)) / length
    parity = (-1.0) ** np.arange(1, len(waves))
    for power in range(1, len(coefficients), 2):
        derivative = polynomial.polyder(coefficients, power)
        sign = (-1.0) ** ((power - 1) // 2)
        ends = parity * polynomial.polyval(length, derivative) - polynomial.polyval(0.0, derivative)
        moments[1:] += sign * ends / (length * waves[1:] ** (power + 1))
    return moments


def _table_moments(V: Tabulated, waves: Array, length: float) -> Array:
    """Straight pieces: int V cos(w z) = sum over pieces of slope (cos(w right) - cos(w left)) / w^2."""
    z = np.unique(np.clip(np.concatenate([V.z, [0.0, length]]), 0.0, length))
    values = V.on_axis(z)
    slopes = np.diff(values) / np.diff(z)
    moments = np.empty(len(waves))
    moments[0] = (0.5 * (values[1:] + values[:-1]) * np.diff(z)).sum() / length
    for k in range(1, len(waves)):
        moments[k] = slopes @ np.diff(np.cos(waves[k] * z)) / (length * waves[k] ** 2)
    return moments
