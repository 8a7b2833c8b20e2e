"""Exact levels of H0 + V in a basis: H c = E c, dense or iterative by size."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.linalg
import scipy.sparse.linalg as spla
from numpy.typing import ArrayLike, NDArray

from zeeman.base.brief import brief
from zeeman.base.checks import check_choice, check_positive_integer
from zeeman.hamiltonians.grid import Grid
from zeeman.hamiltonians.hamiltonian import Basis, Hamiltonian
from zeeman.hamiltonians.potentials import Polynomial

__all__ = ["Eigenstates", "diagonalize"]

Array = NDArray[np.floating]

_MOST_DENSE = 1500  # functions; beyond, factorising once costs less than all that eigh does
_LARGEST_PART = 8  # of the basis: more states than that are found faster densely


@brief
@dataclass(frozen=True, eq=False)
class Eigenstates:
    """Lowest levels of a Hamiltonian.

    Attributes
    ----------
    energies : ndarray, (state,)
        Ascending, in the units of H0.
    states : ndarray, (basis, state)
        Coefficients, orthonormal; the largest of every state is positive.
    basis : Basis
        What they refer to.
    method : str
        "dense" or "iterative".
    """

    energies: Array
    states: Array
    basis: Basis = field(repr=False)
    method: str = "dense"

    def __call__(self, z: ArrayLike) -> Array:
        """psi_n(z) at positions (sample, dim): (sample, state)."""
        return self.basis.evaluate(z, self.states)


def diagonalize(H: Hamiltonian | Basis, n_states: int = 6, *, method: str = "auto") -> Eigenstates:
    """Lowest levels of H0 + V in the basis of H0: upper bounds that fall as the basis grows (Hylleraas-Undheim).

    Parameters
    ----------
    H : Hamiltonian or Basis
        `Box() + 0.1 * V`, or the basis alone for H0.
    n_states : int
    method : str
        "dense" (scipy.linalg.eigh), "iterative" (Lanczos, on the shifted inverse or, on a grid, without any matrix),
        or "auto": dense up to 1,500 functions.

    Returns
    -------
    Eigenstates

    Examples
    --------
    >>> from zeeman.hamiltonians import Oscillator, Polynomial
    >>> diagonalize(Oscillator() + 1.5 * Polynomial((0, 0, 1)), n_states=3).energies.round(9)
    array([1., 3., 5.])
    """
    check_choice(method, ("auto", "dense", "iterative"), "method")
    if isinstance(H, Basis):
        H = Hamiltonian(H, Polynomial((0.0,)))
    if not isinstance(H, Hamiltonian):
        raise TypeError(f"diagonalize takes a Hamiltonian such as Box() + V, or a basis, got {H!r}")
    size = H.basis.size
    if check_positive_integer(n_states, "n_states") > size:
        raise ValueError(f"n_states = {n_states} is more than the {size} functions of the basis; take more of those")
    if method == "auto":
        method = "iterative" if size > _MOST_DENSE and n_states * _LARGEST_PART < size else "dense"
    if method == "iterative" and n_states >= size - 1:
        raise ValueError(f"{n_states} of {size} states are too many for the iterative method; use method='dense'")
    if method == "dense":
        energies, states = scipy.linalg.eigh(H.matrix(), subset_by_index=(0, n_states - 1))
    elif isinstance(H.basis, Grid):
        energies, states = _on_grid(H.basis, H.basis.matrix(H.potential), n_states)
    else:
        energies, states = _factorised(H.matrix(), n_states)
    largest = np.take_along_axis(states, np.abs(states).argmax(axis=0)[None], axis=0)
    return Eigenstates(energies, states * np.sign(largest), H.basis, method)


def _factorised(matrix: Array, n_states: int) -> tuple[Array, Array]:
    """Lanczos on (H - s)^-1 with s below every level, so that the nearest levels are the lowest."""
    levels = np.sort(np.diag(matrix))
    step = float(levels[n_states] - levels[0]) or 1e-3 * float(np.abs(levels).max()) or 1.0
    while True:
        shift = float(levels[0]) - step
        try:  # Cholesky succeeds exactly where s is below every level
            shifted = matrix.copy()
            np.fill_diagonal(shifted, np.diag(matrix) - shift)
            factors = scipy.linalg.cho_factor(shifted, lower=True, overwrite_a=True)
            break
        except scipy.linalg.LinAlgError:
            step *= 4
    inverse = spla.LinearOperator(matrix.shape, matvec=lambda x: scipy.linalg.cho_solve(factors, x), dtype=float)
    return _ascending(*spla.eigsh(matrix, k=n_states, sigma=shift, OPinv=inverse, v0=_start(len(matrix))))


def _on_grid(grid: Grid, V: Array, n_states: int) -> tuple[Array, Array]:
    """Lanczos on H known by its action alone: few points carry a state, so that H spans few decades."""
    H = spla.LinearOperator((grid.size,) * 2, matvec=lambda x: grid.kinetic_term(x) + V * x.ravel(), dtype=float)
    n_vectors = min(grid.size, max(40, 4 * n_states))
    most = 1000 * n_vectors
    try:
        return _ascending(*spla.eigsh(H, k=n_states, which="SA", ncv=n_vectors, maxiter=most, v0=_start(grid.size)))
    except spla.ArpackNoConvergence as error:
        raise RuntimeError(
            f"Lanczos did not converge on a grid of {grid.size} points; take fewer, or bound V near the walls"
        ) from error


def _start(size: int) -> Array:
    """One fixed starting vector, that no symmetry makes orthogonal to a state: equal calls give equal digits."""
    return np.cos(np.arange(size) ** 1.5)


def _ascending(energies: Array, states: Array) -> tuple[Array, Array]:
    order = np.argsort(energies)
    return energies[order], states[:, order]
