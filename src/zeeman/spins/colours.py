"""Colourings: sites of one colour are never neighbours, so all of them can be updated at once.

Two colours where the lattice has a checkerboard; three on chain, square and cubic lattices of odd length and on the
triangular lattice when 3 divides its length; else as few as a greedy pass in the order of the sites finds (at most one
more than a site has neighbours).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zeeman.spins._random_numba import jit
from zeeman.spins.lattices import Lattice

__all__ = ["Layout", "colours", "layout"]

Layout = tuple[NDArray[np.int64], NDArray[np.int64], list[slice]]


def colours(lattice: Lattice, neighbours: NDArray[np.int32] | None = None) -> NDArray[np.int64]:
    """Colour 0, 1, ... of every site, (site,).

    `neighbours` (site, z) replaces the nearest ones of the lattice, for couplings that reach farther. A site listed as
    its own neighbour is no constraint.
    """
    if neighbours is None:
        if lattice.checkerboard is not None:
            return (lattice.checkerboard < 0).astype(np.int64)
        x = np.indices(lattice.shape)
        if lattice.name == "triangular" and lattice.shape[0] % 3 == 0:
            return ((x[0] - x[1]) % 3).ravel()
        if lattice.name in ("chain", "square", "cubic"):
            # an odd ring by 0 1 0 1 ... 0 1 2; sums of such colours differ between neighbours as their terms do
            ring = np.where(x == lattice.shape[0] - 1, 2, x % 2)
            return (ring.sum(axis=0) % 3).ravel()
        neighbours = lattice.neighbours
    return _greedy(neighbours, np.full(len(neighbours), -1, np.int64))


def layout(colour: NDArray[np.int64], neighbours: NDArray[np.int32]) -> Layout:
    """Sites in the order of their colours, so that a colour is one block of memory.

    Returns
    -------
    order : ndarray, (place,)
        The site that stands at each place.
    table : ndarray, (place, z)
        Places of its neighbours.
    blocks : list of slice
        Places of each colour.
    """
    order = np.argsort(colour, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    ends = np.cumsum(np.bincount(colour))
    return order, place[neighbours[order]], [slice(int(a), int(b)) for a, b in zip([0, *ends[:-1]], ends, strict=True)]


@jit
def _greedy(neighbours, colour):  # noqa: ANN001, ANN202
    n, z = neighbours.shape
    taken = np.zeros(z + 1, np.bool_)
    for i in range(n):
        taken[:] = False
        for k in range(z):
            j = neighbours[i, k]
            if j != i and colour[j] >= 0:
                taken[colour[j]] = True
        free = 0
        while taken[free]:
            free += 1
        colour[i] = free
    return colour
