r"""Rayleigh-Schroedinger perturbation theory to any order, degenerate and nearly degenerate levels by blocks.

    H0 + g V,  or a pencil A(g) C = B(g) C E(g) with A(g) = sum_k g^k A_k, B(g) = sum_k g^k B_k:
    E_n(g) = sum_k g^k E_n^(k),     C_n(g) = sum_k g^k C_n^(k),     C^T B C = 1 order by order.

Levels nearer than a stated gap form a block with one effective Hamiltonian (mathematics in `sectors`). Degenerate
levels inside it are told apart at the first order that can; nearly degenerate ones are kept together by `Series.at`,
which divides by distances between blocks only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import scipy.linalg
from numpy.polynomial import polynomial
from numpy.typing import ArrayLike, NDArray

from zeeman.base.checks import check_finite, check_positive_integer
from zeeman.hamiltonians.hamiltonian import Basis, Hamiltonian, check_memory
from zeeman.hamiltonians.potentials import as_potential
from zeeman.hamiltonians.sectors import Problem

__all__ = ["Series", "expand", "perturb"]

Array = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Series:
    """Energies and states as power series in g.

    Attributes
    ----------
    order : int
        Highest power of g.
    n_states : int
        States reported, lowest unperturbed level first, inside a level by the first coefficients that differ.
    basis : Basis or None
        What the coefficients of states refer to.
    """

    order: int
    n_states: int
    basis: Basis | None = None
    _problem: Problem = field(repr=False, kw_only=True)

    @cached_property
    def energies(self) -> Array:
        """Coefficient of g^k of every state, (state, order + 1).

        They are the derivatives at g = 0 over k!. In a nearly degenerate block they grow like powers of one over the
        splitting and hold for g below it only: `kinds` says where, and `at` does not use them.
        """
        return self._problem.energies(self.order)[: self.n_states]

    @cached_property
    def states(self) -> Array:
        """Coefficient of g^k of every state, (order + 1, basis, state), in the basis of A and B.

        C^T B C = 1 order by order; the largest coefficient at g = 0 is positive.
        """
        states = np.stack(self._problem.states(self.order, self.order))[:, :, : self.n_states]
        largest = np.take_along_axis(states[0], np.abs(states[0]).argmax(axis=0)[None], axis=0)
        return states * np.sign(largest)

    @property
    def gap(self) -> float:
        """Neighbouring levels at most this far apart share a block, in units of energy."""
        return self._problem.gap

    @property
    def blocks(self) -> list[NDArray[np.intp]]:
        """Level indices of every block, complete: the last may reach beyond `n_states`."""
        return [block.inside for block in self._problem.blocks]

    @property
    def kinds(self) -> list[str]:
        """Of every block: "single", "degenerate", "nearly degenerate", or "unresolved" (the same to this order)."""
        kinds = []
        for block in self._problem.blocks:
            kind = "single" if len(block) == 1 else "degenerate" if block.degenerate else "nearly degenerate"
            kinds.append(kind if block.resolved(self.order).all() else "unresolved")
        return kinds

    @property
    def resolved(self) -> NDArray[np.bool_]:
        """False where the energies to this order equal those of another state, which leaves the states arbitrary."""
        return self._problem.resolved(self.order)[: self.n_states]

    def to_order(self, order: int) -> Series:
        """Return the series to another order; what is already computed is kept and shared."""
        order = check_positive_integer(order, "order", minimum=0)
        return Series(order, self.n_states, self.basis, _problem=self._problem)

    def effective(self, block: int) -> Array:
        """Effective Hamiltonian of block number `block`: coefficients of g^k, (order + 1, level, level), symmetric."""
        return np.stack([self._problem.blocks[block].effective(k) for k in range(self.order + 1)])

    def at(self, g: ArrayLike, order: int | None = None) -> Array:
        """Energies at strength g (any shape) from the effective Hamiltonian of every block: (g..., state).

        Truncated at `order` (the series' own by default); ascending inside a block.
        """
        order = self._check_order(order)
        g = np.asarray(g, dtype=float)
        found = []
        for block in self._problem.blocks:
            H = sum(g[..., None, None] ** k * block.effective(k) for k in range(order + 1))
            found.append(np.linalg.eigvalsh(H))
        return np.concatenate(found, axis=-1)[..., : self.n_states]

    def states_at(self, g: float, order: int | None = None) -> Array:
        """States at strength g, as `at` gives the energies: (basis, state), orthonormal to order `order`."""
        order = self._check_order(order)
        found = []
        for block in self._problem.blocks:
            H = np.sum([g**k * block.effective(k) for k in range(order + 1)], axis=0)
            frame = np.sum([g**k * block.orthonormal(k) for k in range(order + 1)], axis=0)
            found.append(frame @ np.linalg.eigh(H)[1])
        return self._problem.lifted(np.concatenate(found, axis=1))[:, : self.n_states]

    def resummed(self, g: ArrayLike) -> Array:
        """Energies at strength g (any shape) from the diagonal Pade approximant of every series: (g..., state).

        Good far beyond the radius of convergence where the series is alternating (z^4), and finite where `at` is not;
        a pole near g spoils it, so compare two orders.
        """
        g = np.asarray(g, dtype=float)
        return np.stack([_pade(coefficients, g) for coefficients in self.energies], axis=-1)

    def __call__(self, z: ArrayLike, g: float) -> Array:
        """States at strength g as functions at positions z (sample, dim): (sample, state)."""
        if self.basis is None:
            raise ValueError("this series was expanded from matrices and has no functions; use states_at")
        return self.basis.evaluate(z, self.states_at(g))

    def __str__(self) -> str:
        lines = [f"series to order {self.order}; levels within {self.gap:.3g} share a block"]
        for inside, kind in zip(self.blocks, self.kinds, strict=True):
            level = self._problem.levels[inside[0]]
            lines.append(f"  states {inside[0]}-{inside[-1]} at {level:.6g}: {kind}, {len(inside)}-fold")
        return "\n".join(lines)

    def _check_order(self, order: int | None) -> int:
        return self.order if order is None else check_positive_integer(order, "order", minimum=0)


def perturb(
    H0: Basis | Hamiltonian,
    V: Any,
    order: int = 8,
    n_states: int = 4,
    *,
    gap: float | None = None,
    exact: float | None = None,
) -> Series:
    """Series in g of the lowest levels of H0 + g V.

    E^(1) = <n|V|n>, E^(2) = sum_m <m|V|n>^2 / (E_n - E_m), ... (Rayleigh-Schroedinger, any order). Matrix elements
    are those of the basis (`Basis.matrix`): sums over states end with it, so let it grow until coefficients settle.

    Parameters
    ----------
    H0 : Basis or Hamiltonian
        What is solved at g = 0.
    V : Potential, callable, or a sequence of them
        A sequence is g V_1 + g^2 V_2 + ...
    order : int
        Highest power of g. `Series.to_order` goes on from there.
    n_states : int
        Lowest levels wanted; one that would be cut is computed whole.
    gap : float, optional
        Levels this near are treated as one block, in units of energy; None takes those equal to rounding.
    exact : float, optional
        Levels this near count as equal, and their block as degenerate; None is 1e-9 of the spread of the levels
        wanted, or 64 rounding errors of the highest level, whichever is more.

    Returns
    -------
    Series

    Examples
    --------
    >>> from zeeman.hamiltonians import Oscillator, Polynomial
    >>> perturb(Oscillator(), Polynomial((0, 0, 0, 0, 1)), order=3, n_states=1).energies.round(9)
    array([[  0.5   ,   0.75  ,  -2.625 ,  20.8125]])
    """
    basis = H0.basis if isinstance(H0, Hamiltonian) else H0
    if not isinstance(basis, Basis):
        raise TypeError(f"H0 must be a basis such as Box(), or a Hamiltonian such as Box() + V, got {H0!r}")
    unperturbed = H0.matrix() if isinstance(H0, Hamiltonian) else H0.unperturbed()
    potentials = V if isinstance(V, Sequence) else [V]
    matrices = [basis.matrix(as_potential(W)) for W in potentials]
    series = expand([unperturbed, *matrices], None, order, n_states, gap=gap, exact=exact)
    return Series(series.order, series.n_states, basis, _problem=series._problem)


def expand(
    A: Sequence[ArrayLike],
    B: Sequence[ArrayLike] | None = None,
    order: int = 8,
    n_states: int = 4,
    *,
    gap: float | None = None,
    exact: float | None = None,
) -> Series:
    """Series in g of the lowest levels of the pencil (sum_k g^k A_k) C = (sum_k g^k B_k) C E.

    Parameters
    ----------
    A, B : sequence of ndarray
        A_0, A_1, ... and B_0, B_1, ..., symmetric, (basis, basis) or the diagonal (basis,); what is not given is
        zero. B None is the identity; B_0 must be positive definite (drop directions that it does not resolve).
    order, n_states, gap, exact
        As for `perturb`.

    Returns
    -------
    Series

    Examples
    --------
    sqrt(1 + g^2) from two levels at -1 and 1:

    >>> expand([[-1.0, 1.0], [[0.0, 1.0], [1.0, 0.0]]], order=4, n_states=1).energies
    array([[-1.   ,  0.   , -0.5  ,  0.   ,  0.125]])
    """
    order = check_positive_integer(order, "order", minimum=0)
    n_states = check_positive_integer(n_states, "n_states")
    a = [_symmetric(matrix, f"A[{k}]") for k, matrix in enumerate(A)]
    b = None if B is None else [_symmetric(matrix, f"B[{k}]") for k, matrix in enumerate(B)]
    _check_sizes(a, b, n_states)
    for name, value in (("gap", gap), ("exact", exact)):
        if value is not None and not value >= 0:
            raise ValueError(f"{name} must be non-negative, got {value}")
    overlap = None if b is None else (lambda k: b[k] if k < len(b) else None)
    problem = Problem(lambda k: a[k] if k < len(a) else None, overlap, n_states, gap, exact)
    return Series(order, n_states, _problem=problem)


def _pade(c: Array, g: Array) -> Array:
    """p(g) / q(g) with q of half the order: the null vector of the Toeplitz matrix of c, in units of g where |c| ~ 1.

    By singular values, so that vanishing coefficients (parity) do no harm (Gonnet, Guettel and Trefethen, SIAM Rev. 55,
    101, 2013).
    """
    half = (len(c) - 1) // 2
    orders = np.arange(len(c))
    unit = (np.abs(c[1:]) ** (1 / orders[1:])).max(initial=0.0)
    if half == 0 or unit == 0.0:
        return polynomial.polyval(g, c)
    a = c / unit**orders
    rest = len(c) - 1 - half
    q = np.linalg.svd(scipy.linalg.toeplitz(a[rest + 1 :], a[rest + 1 - half : rest + 2][::-1]))[2][-1]
    p = np.convolve(a, q)[: rest + 1]
    return polynomial.polyval(unit * g, p) / polynomial.polyval(unit * g, q)


def _symmetric(matrix: ArrayLike, name: str) -> Array:
    array = np.asarray(matrix, dtype=float)
    if array.ndim not in (1, 2) or array.shape[0] != array.shape[-1] or not array.size:
        raise ValueError(f"{name} must be square, or a vector of its diagonal, got shape {array.shape}")
    check_finite(array, name)
    if array.ndim == 2:
        difference = float(np.abs(array - array.T).max())
        if difference > 1e-8 * np.abs(array).max():
            raise ValueError(f"{name} must be symmetric, but differs from its transpose by {difference:.3g}")
        array = 0.5 * (array + array.T)
    return array


def _check_sizes(a: list[Array], b: list[Array] | None, n_states: int) -> None:
    if not a or (b is not None and not b):
        raise ValueError("A (and B, if given) need at least their unperturbed matrix")
    sizes = {len(matrix) for matrix in (*a, *(b or []))}
    if len(sizes) > 1:
        raise ValueError(f"all matrices of a pencil have one size, got {sorted(sizes)}")
    size = sizes.pop()
    check_memory(size)
    if n_states > size:
        raise ValueError(f"n_states = {n_states} is more than the {size} functions of the basis; take more of those")
    if b is not None:
        lowest = float(b[0].min() if b[0].ndim == 1 else np.linalg.eigvalsh(b[0])[0])
        if not lowest > 0:
            raise ValueError(f"B[0] must be positive definite, its lowest eigenvalue is {lowest:.3g}; drop directions")
