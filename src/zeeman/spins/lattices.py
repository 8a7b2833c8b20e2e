"""Lattices: which sites are neighbours. A site is a number 0..N-1, the C-order index into the site axes.

All are periodic with at least two cells a side. With two cells the neighbour to the left is also the neighbour to
the right: the bond is there twice and counts twice, here, in every sampler and in enumeration.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from zeeman.base.checks import check_positive_integer

__all__ = ["Lattice", "chain", "cubic", "honeycomb", "square", "triangular"]

_SECOND: dict[str, list[tuple[int, ...]]] = {
    "chain": [(2,)],
    "square": [(1, 1), (1, -1)],
    "triangular": [(1, 1), (2, -1), (1, -2)],
    "honeycomb": [(1, 0), (0, 1), (1, -1)],
    "cubic": [(0, 1, 1), (0, 1, -1), (1, 0, 1), (1, 0, -1), (1, 1, 0), (1, -1, 0)],
}


@dataclass(frozen=True, eq=False)
class Lattice:
    """A periodic lattice of N sites, each with z neighbours.

    Attributes
    ----------
    name : str
        ``"square"``, ...
    shape, axes : tuple
        Lengths and names of the site axes.
    neighbours : ndarray, (site, z)
        Neighbours of every site; neighbour of i is j as often as neighbour of j is i.
    bonds_of : ndarray, (site, d)
        Every bond once, kept at one of its ends; an entry equal to the site itself is no bond.
    checkerboard : ndarray of -1 and +1, (site,), or None
        Sign that differs across every bond; None where an odd ring forbids it.
    """

    name: str
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    neighbours: NDArray[np.int32]
    bonds_of: NDArray[np.int32]
    checkerboard: NDArray[np.int8] | None

    @cached_property
    def second_neighbours(self) -> NDArray[np.int32]:
        """Second neighbours of every site, (site, z2), as often as a bond leads to them.

        chain +-2; square the diagonals (+-1, +-1); triangular at distance sqrt(3): +-(1, 1), +-(2, -1), +-(1, -2);
        honeycomb the six of the same sublattice; cubic the twelve face diagonals. The second half of the columns
        holds the opposites of the first.
        """
        index = np.arange(self.n_sites, dtype=np.int32).reshape(self.shape)
        moves = np.array(_SECOND[self.name])
        if (moves % self.shape[0] == 0).all(axis=1).any():
            raise ValueError(f"on {self!r} a site would be its own second neighbour; take a longer lattice")
        over = tuple(range(moves.shape[1]))
        columns = [np.roll(index, tuple(-move), over).ravel() for move in (*moves, *-moves)]
        return np.stack(columns, axis=1)

    @property
    def second_bonds_of(self) -> NDArray[np.int32]:
        """Every bond between second neighbours once, (site, z2 / 2), kept at one of its ends."""
        return np.ascontiguousarray(self.second_neighbours[:, self.second_neighbours.shape[1] // 2 :])

    @property
    def n_sites(self) -> int:
        """Number of sites N."""
        return self.neighbours.shape[0]

    @property
    def coordination(self) -> int:
        """Number of neighbours z of every site."""
        return self.neighbours.shape[1]

    @property
    def n_bonds(self) -> int:
        """Number of bonds, N z / 2, double bonds counted twice."""
        return self.n_sites * self.coordination // 2

    def __repr__(self) -> str:
        return f"{self.name}({self.shape[0]})"


def chain(length: int) -> Lattice:
    """Ring of `length` sites, z = 2; site axes (x,).

    Raises TypeError for a length that is no integer, ValueError for one below 2.
    """
    return _bravais("chain", length, ("x",), [(1,)])


def square(length: int) -> Lattice:
    """Square lattice, `length` x `length`, z = 4; site axes (x, y).

    Raises TypeError for a length that is no integer, ValueError for one below 2.
    """
    return _bravais("square", length, ("x", "y"), [(1, 0), (0, 1)])


def triangular(length: int) -> Lattice:
    """Triangular lattice, z = 6: the square lattice with one diagonal, +-(1, -1); site axes (x, y).

    Raises TypeError for a length that is no integer, ValueError for one below 2.
    """
    return _bravais("triangular", length, ("x", "y"), [(1, 0), (0, 1), (1, -1)])


def cubic(length: int) -> Lattice:
    """Simple cubic lattice, z = 6; site axes (x, y, z).

    Raises TypeError for a length that is no integer, ValueError for one below 2.
    """
    return _bravais("cubic", length, ("x", "y", "z"), [(1, 0, 0), (0, 1, 0), (0, 0, 1)])


def honeycomb(length: int) -> Lattice:
    """Honeycomb lattice, `length` x `length` cells of two sites, z = 3; site axes (x, y, sublattice).

    Site (x, y, 0) touches (x, y, 1), (x-1, y, 1) and (x, y-1, 1).
    Raises TypeError for a length that is no integer, ValueError for one below 2.
    """
    length = _length("honeycomb", length)
    index = np.arange(2 * length * length, dtype=np.int32).reshape(length, length, 2)
    moves = [(0, 0), (1, 0), (0, 1)]
    neighbours = np.empty((length, length, 2, 3), np.int32)
    for k, move in enumerate(moves):
        neighbours[:, :, 0, k] = np.roll(index[:, :, 1], move, (0, 1))
        neighbours[:, :, 1, k] = np.roll(index[:, :, 0], [-step for step in move], (0, 1))
    bonds_of = neighbours.copy()
    bonds_of[:, :, 0] = index[:, :, 0, None]
    sign = np.broadcast_to(np.array([1, -1], np.int8), index.shape)
    return Lattice(
        "honeycomb", index.shape, ("x", "y", "sublattice"),
        neighbours.reshape(-1, 3), bonds_of.reshape(-1, 3), np.ascontiguousarray(sign).ravel(),
    )  # fmt: skip


def _bravais(name: str, length: int, axes: tuple[str, ...], moves: list[tuple[int, ...]]) -> Lattice:
    length = _length(name, length)
    shape = (length,) * len(axes)
    index = np.arange(length ** len(axes), dtype=np.int32).reshape(shape)
    over = tuple(range(len(axes)))
    # rolled by +move, place i holds the site at i - move
    back = [np.roll(index, move, over).ravel() for move in moves]
    ahead = [np.roll(index, [-step for step in move], over).ravel() for move in moves]
    odd = np.indices(shape).sum(axis=0).ravel() % 2
    two_colours = length % 2 == 0 and name != "triangular"
    return Lattice(
        name, shape, axes,
        neighbours=np.stack([*ahead, *back], axis=1),
        # nearest in memory first: the last axis runs fastest
        bonds_of=np.stack(back[::-1], axis=1),
        checkerboard=(1 - 2 * odd).astype(np.int8) if two_colours else None,
    )  # fmt: skip


def _length(name: str, length: int) -> int:
    if isinstance(length, (int, np.integer)) and length < 2:
        raise ValueError(
            f"length of {name}(length) must be at least 2, got {length}: with one cell a side a site would be its own "
            f"neighbour; take {name}(2) or longer"
        )
    return check_positive_integer(length, f"length of {name}(length)")
