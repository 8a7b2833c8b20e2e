"""Where sites are: positions, bonds as vectors, plaquettes and wave vectors, in units of the distance of neighbours.

Cells are at x a_1 + y a_2 + ..., and the honeycomb's second site at (a_1 + a_2) / 3 of its cell. In two dimensions a_1
and a_2 are at 60 degrees on the triangular and the honeycomb lattice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from zeeman.spins.lattices import Lattice

__all__ = ["Geometry", "geometry"]

_TURNED = np.array([[1.0, 0.0], [0.5, math.sqrt(3) / 2]])
_PRIMITIVE = {
    "chain": np.eye(1), "square": np.eye(2), "cubic": np.eye(3),
    "triangular": _TURNED, "honeycomb": math.sqrt(3) * _TURNED,
}  # fmt: skip
_MOVES = {
    "chain": [(1,)], "square": [(1, 0), (0, 1)], "triangular": [(1, 0), (0, 1), (1, -1)],
    "cubic": [(1, 0, 0), (0, 1, 0), (0, 0, 1)], "honeycomb": [(0, 0), (1, 0), (0, 1)],
}  # as in `zeeman.spins.lattices`: the neighbours' first columns # fmt: skip
# corners (cell..., sublattice) of each kind of plaquette, counterclockwise about z (about y: z before x)
_SQUARE = [(0, 0), (1, 0), (1, 1), (0, 1)]
_CORNERS: dict[str, Sequence[Sequence[tuple[int, ...]]]] = {
    "square": [_SQUARE],
    "triangular": [[(0, 0), (1, 0), (0, 1)], [(1, 0), (1, 1), (0, 1)]],
    "honeycomb": [[(0, 0, 0), (0, -1, 1), (1, -1, 0), (1, -1, 1), (1, 0, 0), (0, 0, 1)]],
    "cubic": [[(0, a, b) for a, b in _SQUARE], [(b, 0, a) for a, b in _SQUARE], [(a, b, 0) for a, b in _SQUARE]],
}
_SMALLEST = {
    "chain": [(1,)], "square": [(1, 0), (0, 1)], "cubic": [(1, 0, 0), (0, 1, 0), (0, 0, 1)],
    "triangular": [(1, 0), (0, 1), (1, 1)], "honeycomb": [(1, 0), (0, 1), (1, 1)],
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Geometry:
    """A lattice in space.

    Attributes
    ----------
    primitive, reciprocal : ndarray, (dim, dim)
        Rows a_k and b_k, a_j . b_k = 2 pi delta_jk.
    positions : ndarray, (site, dim)
    volume : float
        Of space that belongs to one site.
    columns : tuple of (tails, heads, displacement)
        Every bond once, those with one displacement (dim,) together; tails and heads (bond,) are sites.
    plaquettes : ndarray of int, (plaquette, corner), or None
        Sites around every elementary face, counterclockwise; None for the chain.
    faces : tuple of int
        Axes that `plaquettes` unfolds to: the cells, and the kinds where a cell has several.
    smallest : ndarray, (k, dim)
        The smallest wave vectors that differ by more than a sign: |b_1| / L.
    """

    primitive: NDArray[np.float64]
    reciprocal: NDArray[np.float64]
    positions: NDArray[np.float64]
    volume: float
    columns: tuple[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]], ...]
    plaquettes: NDArray[np.int64] | None
    faces: tuple[int, ...]
    smallest: NDArray[np.float64]


_known: WeakKeyDictionary[Lattice, Geometry] = WeakKeyDictionary()  # kept as long as their lattice is


def geometry(lattice: Lattice) -> Geometry:
    """Geometry of a lattice of this package; ValueError for others."""
    if lattice not in _known:
        _known[lattice] = _geometry(lattice)
    return _known[lattice]


def _geometry(lattice: Lattice) -> Geometry:
    if lattice.name not in _PRIMITIVE:
        raise ValueError(f"the positions of {lattice!r} are not known: only of {', '.join(_PRIMITIVE)}")
    a = _PRIMITIVE[lattice.name]
    dim, length = len(a), lattice.shape[0]
    cells = np.indices(lattice.shape[:dim]).reshape(dim, -1).T
    basis = np.zeros((1, dim)) if lattice.name != "honeycomb" else np.stack([np.zeros(2), a.sum(axis=0) / 3])
    positions = ((cells @ a)[:, None] + basis).reshape(-1, dim)
    reciprocal = 2 * math.pi * np.linalg.inv(a).T
    corners = _CORNERS.get(lattice.name)
    return Geometry(
        a, reciprocal, positions,
        volume=abs(float(np.linalg.det(a))) / len(basis),
        columns=_columns(lattice, a, basis),
        plaquettes=None if corners is None else _plaquettes(lattice, cells, corners),
        faces=(*lattice.shape[:dim], *((len(corners),) if corners and len(corners) > 1 else ())),
        smallest=np.array(_SMALLEST[lattice.name]) @ reciprocal / length,
    )  # fmt: skip


def _columns(
    lattice: Lattice, a: NDArray[np.float64], basis: NDArray[np.float64]
) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]], ...]:
    honeycomb = len(basis) > 1
    # the honeycomb's bonds lead from the first sublattice to the second, in the cell's own and two cells behind
    tails = np.arange(0, lattice.n_sites, len(basis))
    moves = np.array(_MOVES[lattice.name]) @ a
    displacements = basis[1] - moves if honeycomb else moves
    return tuple((tails, lattice.neighbours[tails, k].astype(np.int64), r) for k, r in enumerate(displacements))


def _plaquettes(
    lattice: Lattice, cells: NDArray[np.int64], corners: Sequence[Sequence[tuple[int, ...]]]
) -> NDArray[np.int64]:
    dim, shape = cells.shape[1], lattice.shape
    faces = []
    for kind in corners:
        around = [
            np.ravel_multi_index(
                (*((cells + corner[:dim]) % shape[0]).T, *(np.full(len(cells), c) for c in corner[dim:])), shape
            )
            for corner in kind
        ]
        faces.append(np.stack(around, axis=1))
    return np.stack(faces, axis=1).reshape(-1, len(corners[0]))
