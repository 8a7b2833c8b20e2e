r"""The harmonic oscillator: H0 = -A lap + w^2 |z|^2 / (4 A), levels w (n + d/2).

The ground state's square is N(0, s^2) with s^2 = A / w, and z = s (a + a^T) with [a, a^T] = 1 along every axis. The
prior N(0, 1) is A = w = 1/2, with the zero of energy at the ground state: levels 0, 1/2 (d-fold), 1, ...
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.special import gammaln

from zeeman.hamiltonians.potentials import Factors, Sinusoid
from zeeman.hamiltonians.tensor import TensorBasis, as_polynomial, check_levels, on_axis, panels, refined

__all__ = ["Oscillator"]

Array = NDArray[np.floating]

_BEYOND, _RESCALED = 60.0, 16  # widths beyond a turning point where a function is 0; steps between two rescalings
_UNDERFLOW = 600.0  # exponent below which the closed form of a sinusoid starts from zero


@dataclass(frozen=True)
class Oscillator(TensorBasis):
    """H0 = -A lap + w^2 |z|^2 / (4 A): levels w (n + d/2) + shift, n = 0, 1, ..., C(n + d - 1, d - 1)-fold.

    Parameters
    ----------
    frequency : float
        w, the distance between levels.
    kinetic : float
        A; s^2 = A / w is the variance of the ground state's square.
    dim : int
    n_levels : int
        Basis functions, lowest first. In more than one dimension the last degenerate level may be cut (120 cuts none
        in one, two and three dimensions).
    shift : float
        Added to H0.

    Examples
    --------
    >>> Oscillator(frequency=2.0, n_levels=3).energies
    array([1., 3., 5.])
    >>> Oscillator.from_prior(dim=2, n_levels=4).energies
    array([0. , 0.5, 0.5, 1. ])
    """

    frequency: float = 1.0
    kinetic: float = 0.5
    dim: int = 1
    n_levels: int = 120
    shift: float = 0.0

    def __post_init__(self) -> None:
        check_levels(self)
        for name in ("frequency", "kinetic"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} of Oscillator must be positive and finite, got {value}")

    @classmethod
    def from_prior(cls, dim: int = 1, n_levels: int = 120) -> Oscillator:
        """The prior N(0, 1) as a physical system: H0 = -1/2 lap + |z|^2 / 8 - d/4, H0 sqrt(p) = 0."""
        return cls(frequency=0.5, kinetic=0.5, dim=dim, n_levels=n_levels, shift=-0.25 * dim)

    @property
    def width(self) -> float:
        """S = sqrt(A / w): standard deviation of the ground state's square."""
        return math.sqrt(self.kinetic / self.frequency)

    @property
    def energies(self) -> Array:
        """Levels of H0, ascending, (basis,)."""
        return self.frequency * (self.quanta.sum(axis=1) + 0.5 * self.dim) + self.shift

    def lowering(self, axis: int = 0) -> Array:
        """Matrix of a along `axis`, (basis, basis): a |n> = sqrt(n) |n - 1>."""
        down = _lowering(self._per_axis)
        product = np.ones((self.size, self.size))
        for other, quanta in enumerate(self.quanta.T):
            product *= down[np.ix_(quanta, quanta)] if other == axis else quanta[:, None] == quanta
        return product

    @staticmethod
    def _step(quanta: int) -> int:
        return quanta

    def _values(self, x: Array, count: int) -> Array:
        return _hermite_functions(x / self.width, count) / math.sqrt(self.width)

    def _gauss(self, n_points: int, count: int) -> tuple[Array, Array]:
        """Gauss-Hermite from the position matrix: its eigenvectors are functions times roots of weights."""
        nodes, vectors = scipy.linalg.eigh_tridiagonal(np.zeros(n_points), np.sqrt(np.arange(1.0, n_points)))
        return self.width * nodes, vectors[:count].T

    def _axis_matrix(self, factors: Factors, count: int) -> Array:
        coefficients = as_polynomial(factors)
        if coefficients is not None:
            return _polynomial_matrix(coefficients, self.width, count)
        if len(factors) == 1 and isinstance(factors[0], Sinusoid):
            eta = 2 * np.pi * abs(factors[0].t) * self.width
            if 0.5 * eta**2 < _UNDERFLOW:
                return _sinusoid_matrix(factors[0], self.width, count)
        kinks = np.concatenate([np.asarray(factor.breakpoints, dtype=float) for factor in factors])
        if len(kinks):
            return self._between_kinks(factors, kinks, count)

        def elements(level: int) -> Array:
            nodes, table = self._gauss((count + 32) * 2**level, count)
            return table.T @ (on_axis(factors, nodes)[:, None] * table)

        return refined(elements, 3, "in the oscillator")

    def _between_kinks(self, factors: Factors, kinks: Array, count: int) -> Array:
        reach = self.width * (2 * math.sqrt(count) + 12)  # turning point of the highest level, and its tail
        edges = np.unique(np.concatenate([[-reach, reach], kinks[np.abs(kinks) < reach]]))

        def elements(level: int) -> Array:
            x, w = panels(edges, max(4, count // 8) * 2**level)
            table = self._values(x, count)
            return table.T @ ((w * on_axis(factors, x))[:, None] * table)

        return refined(elements, 4, "in the oscillator")


def _lowering(count: int) -> Array:
    return np.diag(np.sqrt(np.arange(1.0, count)), 1)


def _polynomial_matrix(coefficients: Array, width: float, count: int) -> Array:
    """Horner's rule in a basis larger by the degree: no path of the band matrix leaves it, so the result is exact."""
    padded = count + len(coefficients)
    position = width * (_lowering(padded) + _lowering(padded).T)
    total = np.zeros((padded, padded))
    for coefficient in coefficients[::-1]:
        total = total @ position + coefficient * np.eye(padded)
    return total[:count, :count]


def _sinusoid_matrix(V: Sinusoid, width: float, count: int) -> Array:
    r"""<n+a|exp(i eta (a + a^T))|n> = i^a sqrt(n!/(n+a)!) eta^a exp(-eta^2/2) L_n^a(eta^2), eta = 2 pi t s.

    The normalised Laguerre functions follow their three-term recurrence in n, which is stable.
    """
    eta = 2 * np.pi * V.t * width
    if eta == 0.0:
        return np.sin(V.phase) * np.eye(count)
    x, shift = eta**2, np.arange(count)
    functions = np.zeros((count, count))  # (n, a)
    functions[0] = np.exp(shift * math.log(abs(eta)) - 0.5 * x - 0.5 * gammaln(shift + 1.0))
    if count > 1:
        functions[1] = functions[0] * (1 + shift - x) / np.sqrt(1.0 + shift)
    for n in range(1, count - 1):
        upper = np.sqrt((n + 1.0) * (n + 1 + shift))
        lower = np.sqrt(n * (n + shift))
        functions[n + 1] = ((2 * n + 1 + shift - x) * functions[n] - lower * functions[n - 1]) / upper
    # Im(exp(i phase) i^a) = sin(phase + a pi/2), and eta^a carries the sign of t
    turned = functions * np.sin(V.phase + 0.5 * np.pi * shift) * np.sign(eta) ** shift
    return turned[np.minimum(shift[:, None], shift), np.abs(shift[:, None] - shift)]


def _hermite_functions(u: Array, count: int) -> Array:
    """Hermite functions whose ground state squared is N(0, 1), (point, count).

    The recurrence in n is stable, but far out it begins below the smallest number and ends above: the exponent is
    carried apart.
    """
    values = np.zeros((len(u), count))
    near = np.abs(u) < 2 * math.sqrt(count) + _BEYOND
    x = u[near]
    exponent = -0.25 * x**2 - 0.25 * math.log(2 * math.pi)
    before, now, scale = np.zeros_like(x), np.ones_like(x), np.exp(exponent)
    for n in range(count):
        values[near, n] = now * scale
        before, now = now, (x * now - math.sqrt(n) * before) / math.sqrt(n + 1)
        if n % _RESCALED == _RESCALED - 1:
            size = np.maximum(np.abs(before), np.abs(now))
            exponent += np.log(size)
            before, now, scale = before / size, now / size, np.exp(exponent)
    return values
