r"""The recursion behind `perturbation`: a pencil A(g) C = B(g) C E cut into blocks of levels that belong together.

In the unperturbed eigenbasis (C0^T B_0 C0 = 1, C0^T A_0 C0 = diag E) the invariant subspace of a block P is sought as
U(g) = 1_P + X(g), X outside P, with A U = B U Lambda. Order k of that equation reads, with W = U Lambda,

    Y_k = sum_{j>=1} a_j U_{k-j} - sum_{j>=1} b_j W_{k-j},
    Lambda_k = Y_k in P,     (E_Q - E_P) X_k = sum_{0<j<k} X_j Lambda_{k-j} - Y_k outside P:

only differences between blocks divide. With the metric S = U^T B U = R^2, the effective Hamiltonian H = R Lambda R^-1
is symmetric and U R^-1 orthonormal, both order by order (Bloch; des Cloizeaux; Loewdin).

A degenerate block is resolved by the same routine: (H(g) - E_P)/g is again a problem, of one order less.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

__all__ = ["Block", "Problem"]

Array = NDArray[Any]
Terms = Callable[[int], "Array | None"]  # order k -> matrix or vector of its diagonal; None is zero

EXACT = 1e-9  # of the scale of the problem: levels nearer than this are one level


class Problem:
    """A pencil, its unperturbed levels, and its blocks.

    Parameters
    ----------
    term, overlap : callable
        Order k -> A_k, B_k; `overlap` is None for the identity.
    n_wanted : int
        States to be covered by blocks, from the lowest.
    gap : float, optional
        Neighbours at most this far apart share a block; None joins only what is degenerate to rounding.
    exact : float, optional
        Levels at most this far apart are one level; None is what rounding can split.
    scale : callable
        Order k -> size of the numbers that A_k was computed from, which sets what rounding can split.
    """

    def __init__(
        self,
        term: Terms,
        overlap: Terms | None,
        n_wanted: int,
        gap: float | None = None,
        exact: float | None = None,
        scale: Callable[[int], float] | None = None,
    ) -> None:
        self.levels, self.vectors = _unperturbed(term(0), None if overlap is None else overlap(0))
        self._raw = term, overlap
        self._rotated: dict[tuple[bool, int], Array | None] = {}
        self._scale = scale
        self.n_wanted = n_wanted
        spread = np.ptp(self.levels[: n_wanted + 1]) + abs(self.levels[0])
        floor = 64 * np.finfo(float).eps * np.abs(self.levels).max()
        self.exact = max(EXACT * (spread if scale is None else scale(0)), floor) if exact is None else float(exact)
        self.gap = self.exact if gap is None else max(float(gap), self.exact)
        self.blocks = [Block(self, inside) for inside in _groups(self.levels, self.gap, n_wanted)]

    def rotated(self, which: str, k: int) -> Array | None:
        """C0^T A_k C0 ("a") or C0^T B_k C0 ("b"), k >= 1; None if zero."""
        key = (which == "b", k)
        if key not in self._rotated:
            source = self._raw[key[0]]
            matrix = None if source is None else source(k)
            self._rotated[key] = None if matrix is None else _turned(matrix, self.vectors)
        return self._rotated[key]

    def scale_of(self, k: int) -> float:
        """Size of the numbers behind A_k, if the problem came from another one."""
        return 0.0 if self._scale is None else self._scale(k)

    def energies(self, order: int) -> Array:
        """Coefficients of g^0 .. g^order, (state, order + 1)."""
        return np.concatenate([block.energies(order) for block in self.blocks])

    def resolved(self, order: int) -> NDArray[np.bool_]:
        """Whether `order` orders of the energies tell a state from every other one, (state,)."""
        return np.concatenate([block.resolved(order) for block in self.blocks])

    def states(self, order: int, known: int) -> list[Array]:
        """Orthonormal states to g^order, good ones by `known` orders of the energies: a (level, state) per order."""
        parts = [block.states(order, known) for block in self.blocks]
        return [self.lifted(np.concatenate([part[k] for part in parts], axis=1)) for k in range(order + 1)]

    def lifted(self, coefficients: Array) -> Array:
        """From the unperturbed eigenbasis to the basis of A and B."""
        return self.vectors @ coefficients if self.vectors.ndim == 2 else coefficients[np.argsort(self.vectors)]


class Block:
    """Levels `inside` of a problem, taken together, and what they do order by order (computed once, on demand)."""

    def __init__(self, problem: Problem, inside: NDArray[np.intp]) -> None:
        self.problem, self.inside = problem, inside
        self.levels = problem.levels[inside]
        #: no level of the block is told from its neighbour at order 0
        self.degenerate = bool(np.all(np.diff(self.levels) <= problem.exact))
        self._outside = np.setdiff1d(np.arange(len(problem.levels)), inside)
        self._distances = problem.levels[self._outside][:, None] - self.levels
        size = len(inside)
        start = np.zeros((len(problem.levels), size))
        start[inside, np.arange(size)] = 1.0
        self._U, self._BU, self._W = [start], [start], [start * self.levels]
        self._Lambda, self._R, self._T = [np.diag(self.levels)], [np.eye(size)], [np.eye(size)]
        self._H, self._sizes = [np.diag(self.levels)], [float(np.abs(self.levels).max())]

    def __len__(self) -> int:
        return len(self.inside)

    def effective(self, k: int) -> Array:
        """H_k of the effective Hamiltonian sum_k g^k H_k, (level, level), symmetric."""
        while len(self._H) <= k:
            self._advance()
        return self._H[k]

    def scale(self, k: int) -> float:
        """Largest number that H_k was computed from."""
        self.effective(k)
        return max(self._sizes[k], self.problem.scale_of(k))

    def orthonormal(self, k: int) -> Array:
        """Order k of U R^-1, (level of the problem, level of the block)."""
        self.effective(k)
        return _convolved(self._U, self._T, k)

    @cached_property
    def inner(self) -> Problem:
        """The problem inside: (H - E)/g if degenerate, H itself with its own small denominators if only nearly so."""
        shift = 1 if self.degenerate else 0
        return Problem(lambda k: self.effective(k + shift), None, len(self), scale=lambda k: self.scale(k + shift))

    def energies(self, order: int) -> Array:
        """Coefficients of g^0 .. g^order, (level, order + 1)."""
        if len(self) == 1:
            return np.array([[self.effective(k)[0, 0] for k in range(order + 1)]])
        if not self.degenerate:
            return self.inner.energies(order)
        zeroth = np.sort(self.levels)[:, None]
        return zeroth if order == 0 else np.hstack([zeroth, self.inner.energies(order - 1)])

    def resolved(self, order: int) -> NDArray[np.bool_]:
        """Whether `order` orders tell a level from every other one of the block."""
        if len(self) == 1:
            return np.ones(1, dtype=bool)
        if not self.degenerate:
            return self.inner.resolved(order)
        return np.zeros(len(self), dtype=bool) if order == 0 else self.inner.resolved(order - 1)

    def states(self, order: int, known: int) -> list[Array]:
        """Orthonormal states to g^order, (level of the problem, level of the block) per order."""
        outer = [self.orthonormal(k) for k in range(order + 1)]
        if len(self) == 1 or (self.degenerate and known == 0):
            return outer
        inner = self.inner.states(order, known - 1 if self.degenerate else known)
        return [_convolved(outer, inner, k) for k in range(order + 1)]

    def _advance(self) -> None:
        k, inside = len(self._U), self.inside
        Y = self._sum("a", self._U, k) - self._sum("b", self._W, k)
        self._Lambda.append(Y[inside])
        mixed = sum((self._U[j] @ self._Lambda[k - j] for j in range(1, k)), np.zeros_like(Y))
        X = np.zeros_like(Y)
        X[self._outside] = (mixed - Y)[self._outside] / self._distances
        self._U.append(X)
        self._W.append(mixed + X * self.levels + self._U[0] @ self._Lambda[k])
        self._BU.append(X + self._sum("b", self._U, k))
        metric = sum((self._U[j].T @ self._BU[k - j] for j in range(k + 1)), np.zeros((len(self), len(self))))
        self._R.append(0.5 * (metric - sum((self._R[j] @ self._R[k - j] for j in range(1, k)), 0 * metric)))
        self._T.append(-sum((self._R[j] @ self._T[k - j] for j in range(1, k + 1)), 0 * metric))
        H = sum((self._R[j] @ _convolved(self._Lambda, self._T, k - j) for j in range(k + 1)), 0 * metric)
        self._H.append(0.5 * (H + H.T))
        self._sizes.append(float(np.abs(Y).max()))

    def _sum(self, which: str, series: list[Array], k: int) -> Array:
        """sum_{0<j<=k} m_j series_{k-j}, m the rotated A or B."""
        total = np.zeros_like(self._U[0])
        for j in range(1, k + 1):
            matrix = self.problem.rotated(which, j)
            if matrix is not None:
                total += matrix @ series[k - j] if matrix.ndim == 2 else matrix[:, None] * series[k - j]
        return total


def _convolved(left: list[Array], right: list[Array], k: int) -> Array:
    return np.sum([left[j] @ right[k - j] for j in range(k + 1)], axis=0)


def _unperturbed(A: Array | None, B: Array | None) -> tuple[Array, Array]:
    """Levels, and C0 with C0^T B C0 = 1; for a diagonal A and B = 1 the sorting order stands for C0."""
    if A is None:
        raise ValueError("A[0] is missing: the unperturbed matrix decides the levels")
    if A.ndim == 1 and B is None:
        order = np.argsort(A, kind="stable")
        return A[order], order
    full = np.diag(A) if A.ndim == 1 else A
    return scipy.linalg.eigh(full, None if B is None else (np.diag(B) if B.ndim == 1 else B))


def _turned(matrix: Array, vectors: Array) -> Array:
    if vectors.ndim == 1:
        return matrix[vectors] if matrix.ndim == 1 else matrix[np.ix_(vectors, vectors)]
    right = matrix[:, None] * vectors if matrix.ndim == 1 else matrix @ vectors
    return vectors.T @ right


def _groups(levels: Array, gap: float, n_wanted: int) -> list[NDArray[np.intp]]:
    """Neighbours at most `gap` apart, as index arrays, until `n_wanted` levels are covered."""
    joints = np.flatnonzero(np.diff(levels) > gap) + 1
    groups = np.split(np.arange(len(levels)), joints)
    return [group for group in groups if group[0] < n_wanted]
