"""Hermite polynomials: the eigenfunctions of the prior's oscillator.

With p(z) = N(0, I), psi_0 = sqrt(p) and f = psi / psi_0, the levels of H0 = -1/2 lap + |z|^2/8 - d/4 are

    h_n(z) = prod_a He_{n_a}(z_a) / sqrt(n_a!),      E_n = |n| / 2,      |n| = n_1 + ... + n_d,

orthonormal under p. The ladder d_a h_n = sqrt(n_a) h_{n - e_a} keeps gradients inside the basis, so the Dirichlet form
under any density follows from its overlaps alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import qmc

from zeeman.base.checks import check_positive_integer
from zeeman.base.random import stream
from zeeman.hamiltonians._chunks import checked_weights, chunk_sums, chunks, stacked

__all__ = ["HermitePolynomials", "prior_points"]

_MOST_BITS = 30


@dataclass(frozen=True)
class HermitePolynomials:
    """Products of normalised Hermite polynomials of total degree up to `degree`, lowest degree first.

    There are (dim + degree)! / (dim! degree!) of them; function 0 is the constant.

    Parameters
    ----------
    dim : int
        Latent dimensions.
    degree : int
        Highest total degree K.
    """

    dim: int
    degree: int

    def __post_init__(self) -> None:
        check_positive_integer(self.dim, "dim")
        check_positive_integer(self.degree, "degree", minimum=0)

    @cached_property
    def orders(self) -> NDArray[np.integer]:
        """Degree n_a of every function in every latent, (function, latent)."""
        axes = range(self.dim)
        every = [raised for total in range(self.degree + 1) for raised in combinations_with_replacement(axes, total)]
        return np.array([[raised.count(axis) for axis in axes] for raised in every])

    @property
    def n_functions(self) -> int:
        """(dim + degree)! / (dim! degree!)."""
        return len(self.orders)

    @property
    def constant(self) -> NDArray[np.float64]:
        """Coefficients of f = 1: the first function."""
        return np.eye(1, self.n_functions)[0]

    def __call__(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values h_n(z), (sample, function)."""
        if Z.shape[1] != self.dim:
            raise ValueError(f"Z has {Z.shape[1]} columns, these polynomials have dim = {self.dim}: make them agree")
        values = np.ones((len(Z), self.n_functions))
        for z, orders in zip(Z.T, self.orders.T, strict=True):
            values *= self._along(z)[:, orders]
        return values

    def gradients(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Derivatives along each axis, (latent, sample, function), per unit of length."""
        values = self(Z)
        return np.stack([values[:, lower] * factor for lower, factor in self._ladder])

    def apply(self, Z: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Functions f(z) = sum_n coefficients_n h_n(z), (sample, state), in bounded memory."""
        return stacked(lambda rows: self(Z[rows]) @ coefficients, chunks(len(Z), self.n_functions))

    def forms(
        self, Z: NDArray[np.float64], weights: NDArray[np.float64] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Dirichlet form and overlap over samples of q, by one symmetric matrix product.

        B_mn = E_q[h_m h_n], A_mn = 1/2 sum_a sqrt(m_a n_a) B_{m - e_a, n - e_a}.

        Parameters
        ----------
        Z : ndarray, (sample, latent)
            In units of the prior's standard deviation.
        weights : ndarray, (sample,), optional
            Weights of the samples, normalised to sum to one here; equal if not given.

        Returns
        -------
        A, B : ndarray, (function, function)
            A in units of length^-2.
        """
        root = np.sqrt(checked_weights(weights, len(Z)))[:, None]

        def part(rows: slice) -> tuple[NDArray[np.float64]]:
            values = self(Z[rows])
            values *= root[rows]
            return (values.T @ values,)

        (overlap,) = chunk_sums(part, chunks(len(Z), self.n_functions))
        energy = np.zeros_like(overlap)
        for lower, factor in self._ladder:
            energy += 0.5 * np.outer(factor, factor) * overlap[np.ix_(lower, lower)]
        return energy, overlap

    def prior_forms(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Forms under the prior N(0, I), exactly: A_p = diag(|n| / 2), B_p = 1."""
        return np.diag(0.5 * self.orders.sum(axis=1)), np.eye(self.n_functions)

    def _along(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """He_n(z) / sqrt(n!) for n = 0 .. degree, (sample, degree + 1), by their three-term recurrence."""
        table = np.ones((len(z), self.degree + 1))
        if self.degree > 0:
            table[:, 1] = z
        for n in range(1, self.degree):
            table[:, n + 1] = (z * table[:, n] - np.sqrt(n) * table[:, n - 1]) / np.sqrt(n + 1)
        return table

    @cached_property
    def _ladder(self) -> list[tuple[NDArray[np.integer], NDArray[np.float64]]]:
        """For every latent a: index of n - e_a, (function,), and sqrt(n_a), (function,); where n_a = 0 any index."""
        place = {tuple(order): j for j, order in enumerate(self.orders.tolist())}
        steps = []
        for axis, unit in enumerate(np.eye(self.dim, dtype=int)):
            lower = np.array([place.get(tuple(order), 0) for order in (self.orders - unit).tolist()])
            steps.append((lower, np.sqrt(self.orders[:, axis])))
        return steps


def prior_points(dim: int, n: int, seed: int) -> NDArray[np.float64]:
    """Evenly spread samples of the prior N(0, I): scrambled Sobol points through the inverse normal distribution.

    Averages over them converge nearly as 1/n, against 1/sqrt(n) for random draws.

    Parameters
    ----------
    dim : int
        Latent dimensions.
    n : int
        At least so many points; the next power of two is drawn, since only those are balanced.
    seed : int

    Returns
    -------
    ndarray, (2**ceil(log2 n), dim)
        In units of the prior's standard deviation.

    References
    ----------
    Owen, *Scrambling Sobol' and Niederreiter-Xing points*, J. Complexity 14 (1998).
    """
    check_positive_integer(dim, "dim")
    check_positive_integer(n, "n")
    exponent = (n - 1).bit_length()
    if exponent > _MOST_BITS:
        raise ValueError(f"n must be at most 2**{_MOST_BITS}, got {n}")
    rng = stream(seed, "prior points")
    cube = qmc.Sobol(dim, scramble=True, rng=rng).random_base2(exponent)
    tiny = np.finfo(np.float64).eps  # a point on the face of the cube would be at infinity
    return ndtri(np.clip(cube, tiny, 1.0 - tiny))
