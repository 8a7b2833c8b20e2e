"""Order in space: structure factor S(k) and the second-moment correlation length.

    S(k) = 1/N |sum_i v_i exp(-i k . r_i)|^2

v_i is the site's vector (spin, simplex corner of a Potts state, unit vector), r_i its position in units of the
distance of neighbours.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zeeman.spins.lattices import Lattice
from zeeman.spins.models import Model
from zeeman.spins.observables.fields import label, lattice_of, per_chunk, waves
from zeeman.spins.observables.geometry import geometry
from zeeman.spins.statistics import Estimate, derived

__all__ = [
    "correlation_length", "lattice_momentum", "longest_waves", "peak_structure", "structure_factor", "wavevectors",
]  # fmt: skip

_NOTHING = 1e-12  # a share of the peak that is rounding


def wavevectors(lattice: Lattice) -> NDArray[np.float64]:
    """Wave vectors k = sum_j n_j b_j / L of `structure_factor`, (kx, ky..., dim): n as in `numpy.fft.fftfreq`.

    In units of 1 / distance of neighbours. Raises ValueError for lattices that are not of this package.
    """
    g = geometry(lattice)
    dim, length = len(g.primitive), lattice.shape[0]
    n = np.round(np.fft.fftfreq(length) * length)
    return np.stack(np.meshgrid(*[n] * dim, indexing="ij"), axis=-1) @ g.reciprocal / length


def structure_factor(x: Any, model: Model) -> Any:
    """Structure factor S(k) = 1/N |sum_i v_i exp(-i k . r_i)|^2 of every configuration, by FFT.

    Parameters
    ----------
    x : ndarray or DataArray, (sample, site axes...)
    model : Model
        Whose configurations they are; it names the lattice and the vectors.

    Returns
    -------
    ndarray or DataArray, (sample, kx, ky...)
        Summed over components; at `wavevectors`. The mean over k of a Bravais lattice is the mean of |v|^2. On the
        honeycomb S(k) is not periodic in the cells' reciprocal lattice; wave vectors are those listed.

    Raises
    ------
    TypeError, ValueError
        For models whose sites have no known vectors, configurations of another lattice or of values that the model does
        not have, samples that are not the first axis.
    """
    lattice = lattice_of(model)
    g = geometry(lattice)
    dim = len(g.primitive)
    cells = lattice.shape[:dim]
    inside = g.positions.reshape(*cells, -1, dim)[(0,) * dim]  # of the sites of the first cell
    phases = np.exp(-1j * wavevectors(lattice) @ inside.T)  # (kx, ky..., sublattice)
    over = tuple(range(1, 1 + dim))

    def power(v: NDArray[np.float64]) -> NDArray[np.float64]:
        grid = v.reshape(len(v), *cells, len(inside), -1)
        amplitude = (np.fft.fftn(grid, axes=over) * phases[..., None]).sum(axis=-2)
        return (np.abs(amplitude) ** 2).sum(axis=-1) / lattice.n_sites

    return label(x, per_chunk(x, model, power), *("kx", "ky", "kz")[:dim])


def peak_structure(x: Any, model: Model) -> tuple[Any, Any]:
    """S at the wave vector of the model's order, and its mean over the nearest ones, two series (sample,).

    The first is N |1/N sum_i e_i v_i|^2, e the model's waves (`model.waves()`): e = 1 and S(0) for a ferromagnet. It is
    N m^2, m the order parameter, for aligned and alternating spins, for frustrated ones of Ising without J2, XY and
    Heisenberg. Other discrete models norm m to 1 in the ordered state, where the mean of e_i v_i has some size c
    (`model.best.size(model.states.vectors)`; 1/sqrt(2) for three Potts states on three sublattices, 2/3 for Ising spins
    with J2): there it is N c^2 m^2. Where the order turns on several waves, S is added over them.

    The nearest are all |k| = |b_1| / L away: one on the chain, two on the square, three on triangular, honeycomb and
    cubic lattices, and their opposites. Raises TypeError and ValueError as `structure_factor` does.
    """
    g = geometry(lattice_of(model))
    order = waves(model)
    k = np.concatenate([np.zeros((1, len(g.primitive))), g.smallest])
    turned = np.exp(-1j * k @ g.positions.T)[:, None] * order  # (k, wave, site)
    rows = np.concatenate([turned.real, turned.imag], axis=1).reshape(-1, model.lattice.n_sites)

    def power(v: NDArray[np.float64]) -> NDArray[np.float64]:
        amplitudes = np.einsum("ri,sic->src", rows, v, optimize=True)
        return (amplitudes**2).reshape(len(v), len(k), -1).sum(axis=2) / model.lattice.n_sites

    s = per_chunk(x, model, power)
    return label(x, s[:, 0]), label(x, s[:, 1:].mean(axis=1))


def longest_waves(lattice: Lattice) -> NDArray[np.float64]:
    """Cosine and sine of k . r at the smallest wave vectors of a lattice, |k| = |b_1| / L, (k, 2, site).

    Raises ValueError for lattices that are not of this package.
    """
    g = geometry(lattice)
    phase = g.smallest @ g.positions.T
    return np.stack([np.cos(phase), np.sin(phase)], axis=1)


def correlation_length(centre: ArrayLike, nearest: ArrayLike, lattice: Lattice) -> Estimate:
    """Second-moment correlation length, xi = sqrt(<S(K)> / <S(K + k)> - 1) / k^, in distances of neighbours.

    k^ is the `lattice_momentum`. Means xi only in the disordered phase; xi / L crosses at a continuous transition.

    Parameters
    ----------
    centre, nearest : array-like, (sample,)
        From `peak_structure`.

    Source: F. Cooper, B. Freedman, D. Preston, Nucl. Phys. B 210, 210 (1982); S. Caracciolo et al., Nucl. Phys. B 403,
    475 (1993). 0 where noise puts S(K + k) above S(K), infinite in perfect order. Raises ValueError for series of
    different lengths or of fewer than three samples, NaN or infinity.
    """
    k = lattice_momentum(lattice)
    if np.asarray(nearest).mean() <= _NOTHING * np.asarray(centre).mean():
        return Estimate(math.inf, math.nan)
    return derived(lambda a, b: np.sqrt(np.maximum(a / b - 1, 0)) / k, centre, nearest)


def lattice_momentum(lattice: Lattice) -> float:
    """Return k^ of the smallest wave vector k, k^^2 = (2 d / z) sum_delta (1 - cos k . delta).

    Over the z shortest vectors of the cells, in units of their length: 2 sin(pi / L) on chain, square and cubic
    lattice, 4/sqrt(3) sin(pi / L) on the triangular, 4/3 sin(pi / L) on the honeycomb, whose cells are sqrt(3) apart.
    In units of 1 / distance of neighbours. Raises ValueError for lattices that are not of this package.
    """
    g = geometry(lattice)
    dim = len(g.primitive)
    steps = list(g.primitive)
    if lattice.name in ("triangular", "honeycomb"):
        steps.append(g.primitive[0] - g.primitive[1])
    square = sum(2 - 2 * np.cos(g.smallest[0] @ step) for step in steps)
    return float(np.sqrt(dim / len(steps) * square) / np.linalg.norm(g.primitive[0]))
