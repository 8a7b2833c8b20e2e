"""Symmetries of the lattices, all of which keep bonds: translations, exchange of axes, inversion, turns by 120 degrees.

Chains keep to one of the ordered states that these connect (which sublattice is up, which way stripes run), so their
readings are moved by one of them at random where no symmetry of the spins does the same.
"""

from __future__ import annotations

import math
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from zeeman.spins._sums_numba import move
from zeeman.spins.lattices import Lattice

__all__ = ["by_120_degrees", "images", "moved"]


def moved(configurations: NDArray, lattice: Lattice, rng: np.random.Generator) -> NDArray:
    """Every configuration, (sample, site, ...) or (sample, site axes, ...), moved by a symmetry of its own."""
    dim = _dim(lattice)
    n, *axes = np.shape(configurations)
    x = np.ascontiguousarray(configurations).reshape(n, lattice.n_sites, math.prod(axes) // lattice.n_sites)
    sources, cells = _rotations(lattice), (1,) * (3 - dim) + lattice.shape[:dim]
    which, shifts = rng.integers(len(sources), size=n), rng.integers(0, cells, (n, 3))
    out = np.empty_like(x)
    move(x, (*cells, math.prod(lattice.shape[dim:])), sources, which, shifts, out)
    return out.reshape(n, *axes)


def images(states: NDArray, lattice: Lattice) -> list[NDArray]:
    """A configuration (site,) under symmetries that generate, and partly are products of, all: (site,) each."""
    shifted = [np.roll(states.reshape(lattice.shape), 1, axis).ravel() for axis in range(_dim(lattice))]
    return [*shifted, *states[_rotations(lattice)]]


def by_120_degrees(grid: NDArray, times: int) -> NDArray:
    """Turn a configuration (x, y[, sublattice]) of cells at 60 degrees about the first site."""
    for _ in range(times):
        x, y, *sublattice = np.indices(grid.shape)
        behind = sublattice[0] if sublattice else 0  # the second site of a cell turns into the cell behind
        turned = np.empty_like(grid)
        turned[(-x - y - behind) % grid.shape[0], x, *sublattice] = grid
        grid = turned
    return grid


def _rotations(lattice: Lattice) -> NDArray[np.int32]:
    """Symmetries that are no translations, and the identity: the site that each brings to every site, (symmetry, site).

    Inversion exchanges the sublattices of the honeycomb.
    """
    dim = _dim(lattice)
    grid = np.arange(lattice.n_sites, dtype=np.int32).reshape(lattice.shape)
    turns = range(3 if lattice.name in ("triangular", "honeycomb") else 1)
    found = []
    for axes, times, inverted in product(permutations(range(dim)), turns, (False, True)):
        turned = by_120_degrees(grid.transpose([*axes, *range(dim, grid.ndim)]), times)
        found.append((np.flip(turned) if inverted else turned).ravel())
    return np.stack(found)


def _dim(lattice: Lattice) -> int:
    return sum(axis != "sublattice" for axis in lattice.axes)
