"""Waves that fit a torus: those nearest to the wave vector in which the infinite lattice orders.

A wave exp(2 pi i q . x), x the cell, closes on a torus of L cells a side where L q is whole. An order that does not fit
is measured in the nearest waves that do, k = n / L: three of them beside the three sublattices of the triangular
lattice where L is no multiple of 3, two beside the square lattice's alternation where L is odd.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from zeeman.spins.lattices import Lattice

__all__ = ["alternating_waves", "nearest_waves"]

_TINY = 1e-9


def alternating_waves(lattice: Lattice) -> list[NDArray[np.float64]]:
    """Waves in which an antiferromagnet orders: of two sublattices, of three on the triangular lattice."""
    if lattice.checkerboard is not None:
        return [lattice.checkerboard[None].astype(np.float64)]
    dim = len(lattice.shape)  # the honeycomb has two sublattices at every size
    return nearest_waves(lattice, [1 / 3, -1 / 3] if lattice.name == "triangular" else [1 / 2] * dim)


def nearest_waves(lattice: Lattice, q: Sequence[float] | NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Cosine and sine of 2 pi k . x at every k = n / L nearest to q, a list of (2, site); (1, site) for a sine of 0.

    One of k and -k, for real spins have the same amplitude in both. Distances are those of the reciprocal lattice, so
    waves that the lattice's symmetry makes equal come together.
    """
    dim, length = len(q), lattice.shape[0]
    aim = length * np.asarray(q, np.float64)
    below = np.floor(aim + _TINY).astype(np.int64)
    near = below + np.array(list(product((0, 1), repeat=dim)))
    off = near - aim
    distance = (off**2).sum(axis=1)
    if lattice.name in ("triangular", "honeycomb"):  # reciprocal vectors at 120 degrees
        distance -= off.prod(axis=1)
    chosen = near[distance < distance.min() + _TINY] % length
    unsigned = {min(tuple(n), tuple(-n % length)) for n in chosen}
    x = np.indices(lattice.shape).reshape(len(lattice.shape), -1)[:dim]
    waves = []
    for n in sorted(unsigned):
        turn = 2 * np.pi / length * (n @ x % length)  # reduced first: cos(pi) is -1 to the last bit
        real = not (2 * np.array(n) % length).any()
        waves.append(np.cos(turn)[None] if real else np.stack([np.cos(turn), np.sin(turn)]))
    return waves
