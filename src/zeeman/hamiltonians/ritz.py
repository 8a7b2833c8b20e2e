"""Rayleigh-Ritz: energies and states of a density q known only by its samples.

With psi = f sqrt(q) the Hamiltonian H_q = -1/2 lap + (lap sqrt q)/(2 sqrt q) has the energy

    E[f] = <psi|H_q|psi> / <psi|psi> = 1/2 E_q |grad f|^2 / E_q f^2,

so a basis and samples give A c = E B c with A the Dirichlet form and B the overlap: no density estimate, and a
ground state f = 1 of energy 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from zeeman.base.brief import brief
from zeeman.base.checks import check_positive_integer, check_samples
from zeeman.hamiltonians._chunks import single_threaded
from zeeman.hamiltonians.bases import SampleBasis

__all__ = ["Levels", "held_out_trace", "rayleigh_ritz", "ritz"]

_VANISHING = 1e-12


@brief
@dataclass(frozen=True)
class Levels:
    """Solution of A c = E B c.

    Attributes
    ----------
    energies : ndarray, (state,)
        Ascending, in units of length^-2 of the latent space (hbar = mass = 1).
    coefficients : ndarray, (basis, state)
        C with C^T B C = 1.
    """

    energies: NDArray[np.float64]
    coefficients: NDArray[np.float64]


def ritz(
    Z: NDArray[np.float64], basis: SampleBasis, n_states: int, weights: NDArray[np.float64] | None = None
) -> Levels:
    """Energies and states of the density of `Z` from its samples alone: the lowest `n_states` in `basis`.

    A c = E B c with A_ij = 1/2 E_q[grad f_i . grad f_j], B_ij = E_q[f_i f_j]. The states are
    `basis.apply(z, levels.coefficients)`, (sample, state), at any z; over `Z` they are orthonormal, and the first is 1.

    Parameters
    ----------
    Z : ndarray, (sample, latent)
        A million samples are welcome: memory is bounded, threads are as many as matrix products may use.
    basis : NormalizedGaussians, HermitePolynomials, Union of two, or whatever keeps `SampleBasis`
        `basis.constant`, if it has one, becomes state 0, of energy 0.
    n_states : int
        The ground state included. Fewer come back if the samples resolve fewer.
    weights : ndarray, (sample,), optional

    Returns
    -------
    Levels
        Energies in units of length^-2.

    Raises
    ------
    ValueError, TypeError
        `Z` is not finite, has no variation, or does not fit `weights`.

    Examples
    --------
    >>> from zeeman.hamiltonians import HermitePolynomials, prior_points
    >>> levels = ritz(prior_points(2, 4096, seed=0), HermitePolynomials(dim=2, degree=2), n_states=4)
    >>> [round(float(energy), 1) for energy in levels.energies]
    [0.0, 0.5, 0.5, 1.0]
    """
    Z = check_samples(Z)
    check_positive_integer(n_states, "n_states")
    constant = getattr(basis, "constant", None)
    forms = basis.forms(Z, weights)
    with single_threaded():  # a few hundred functions: waking threads costs more than it gains
        return rayleigh_ritz(*forms, n_states, ground=constant, unit_norms=True)


def rayleigh_ritz(
    A: NDArray[np.float64],
    B: NDArray[np.float64],
    n_states: int | None = None,
    *,
    ground: NDArray[np.float64] | None = None,
    cutoff: float = 1e-8,
    unit_norms: bool = False,
) -> Levels:
    """Stationary values of c^T A c / c^T B c: the lowest `n_states`.

    Directions in which B is below `cutoff` of its largest eigenvalue are not resolved by the samples and left out.
    Fewer states than asked for come back if fewer are resolved.

    Parameters
    ----------
    A, B : ndarray, (basis, basis)
        Symmetric; B positive semi-definite.
    ground : ndarray, (basis,), optional
        A state of energy exactly 0 (the constant): it becomes state 0 and the others are found orthogonal to it.
        Without it, sets with no samples between them leave the constant mixed with the other states at energy 0.
    cutoff : float
    unit_norms : bool
        Bring functions to B_jj = 1 before the cutoff, so that small functions are not taken for unresolved ones.

    Returns
    -------
    Levels
    """
    sizes = np.sqrt(np.maximum(np.diag(B), np.finfo(np.float64).tiny)) if unit_norms else np.ones(len(B))
    spread, directions = scipy.linalg.eigh(B / np.outer(sizes, sizes), driver="evd")
    kept = spread > cutoff * spread[-1]
    whitening = directions[:, kept] / np.sqrt(spread[kept]) / sizes[:, None]
    if ground is not None:
        ground = ground / np.sqrt(ground @ B @ ground)
        whitening = _orthogonal_to(ground @ B @ whitening, whitening)
        n_states = None if n_states is None else n_states - 1
    reduced = whitening.T @ A @ whitening
    highest = min(len(reduced), len(reduced) if n_states is None else n_states) - 1
    if highest < 0 and ground is not None:
        return Levels(np.zeros(1), ground[:, None])
    energies, vectors = scipy.linalg.eigh(0.5 * (reduced + reduced.T), subset_by_index=(0, highest))
    energies, coefficients = np.maximum(energies, 0.0), whitening @ vectors
    if ground is not None:
        energies, coefficients = np.append(0.0, energies), np.column_stack([ground, coefficients])
    return Levels(energies, coefficients)


def held_out_trace(coefficients: NDArray[np.float64], A: NDArray[np.float64], B: NDArray[np.float64]) -> float:
    """tr[(C^T B C)^-1 C^T A C] with A and B of samples that C has not seen.

    Its population value bounds the sum of the energies of as many lowest states from above, for any C (Ky Fan), so
    the smallest chooses width and number of landmarks; training traces only fall, and choose nothing. Isolated
    samples make it explode: intended.
    """
    overlap = coefficients.T @ B @ coefficients
    energy = coefficients.T @ A @ coefficients
    if np.linalg.eigvalsh(overlap)[0] < _VANISHING * np.trace(overlap):
        return float("inf")  # a state that lives on training samples only
    return float(scipy.linalg.eigh(energy, overlap, eigvals_only=True).sum())


def _orthogonal_to(row: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Combinations of `columns` that `row`, (column,), takes to zero, one fewer: Householder's reflection of `row`."""
    normal = row.copy()
    normal[0] += np.copysign(np.linalg.norm(row), row[0])
    normal /= np.linalg.norm(normal)
    return columns[:, 1:] - 2.0 * np.outer(columns @ normal, normal[1:])
