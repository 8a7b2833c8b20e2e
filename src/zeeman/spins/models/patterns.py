"""Ordered states of discrete models: the lowest in energy among patterns of one, two and three sublattices.

Colours are sublattices: none, the checkerboard (on odd tori with a defect), rows that alternate, columns of the cubic
lattice that do, rows in pairs, and the three sublattices of the triangular lattice. Every colour holds one state; the
best of all choices is kept. On a torus that a pattern does not fit it has a defect; its waves are then the nearest that
do fit (`zeeman.spins.models.waves`), so that the order parameter has the lattice's translations.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from zeeman.spins.lattices import Lattice
from zeeman.spins.models.symmetries import by_120_degrees
from zeeman.spins.models.waves import alternating_waves, nearest_waves

__all__ = ["Pattern", "best_pattern"]

_TINY = 1e-9


@dataclass(frozen=True, eq=False)
class Pattern:
    """An ordered state.

    Attributes
    ----------
    states : ndarray, (site,)
        State of every site.
    waves : ndarray, (wave, site)
        Functions of the sites that tell the pattern from its equivalents, orthogonal to other patterns.
    frustrated : bool
        Whether some bond is not at its lowest energy.
    degenerate : bool
        Whether some site could take another state at no cost.
    """

    states: NDArray[np.uint8]
    waves: NDArray[np.float64]
    frustrated: bool
    degenerate: bool

    def size(self, vectors: NDArray[np.float64]) -> float:
        """Return |1/N sum wave_i v_i| in the ordered state; 1 where the state is uniform or has none."""
        if (self.states == self.states[0]).all():
            return 1.0
        size = float(np.linalg.norm(self.waves @ vectors[self.states]) / self.states.size)
        return size if size > _TINY else 1.0

    def moved(self, lattice: Lattice, n_samples: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Copies (sample, site), each turned and shifted at random: axes in random order, or turned by 120 degrees."""
        out = np.broadcast_to(self.states, (n_samples, lattice.n_sites)).copy()
        if (self.states == self.states[0]).all():
            return out
        space = [k for k, axis in enumerate(lattice.axes) if axis != "sublattice"]
        rest = [k for k in range(len(lattice.axes)) if k not in space]
        grid = self.states.reshape(lattice.shape)
        for sample in range(n_samples):
            turned = grid.transpose([*rng.permutation(space), *rest])
            if lattice.name in ("triangular", "honeycomb"):
                turned = by_120_degrees(turned, int(rng.integers(3)))
            out[sample] = np.roll(turned, rng.integers(0, lattice.shape[0], len(space)), space).ravel()
        return out


def best_pattern(
    lattice: Lattice, kinds: NDArray[np.float64], site: NDArray[np.float64], reach: tuple[NDArray, NDArray]
) -> Pattern:
    """Ordered state of least energy for bond tables (kind, state, state) and site energies (state,).

    reach: sites that a site acts on, (site, neighbour), and the kind of each, (neighbour,).
    """
    best, least = None, np.inf
    tiny = _TINY * max(np.abs(kinds).max(), np.abs(site).max())
    for colours, waves in _colourings(lattice):
        states, energy = _fill(colours, kinds, site, reach)
        if best is None or energy < least - tiny:
            best, least = (states[colours], waves), energy
    assert best is not None
    states, waves = best
    near, kind_of = reach
    z = np.count_nonzero(kind_of == 0)
    bonds = kinds[0] + (site[:, None] + site) / z
    bound = sum(
        np.count_nonzero(kind_of == k) / 2 * table.min() for k, table in enumerate(np.stack([bonds, *kinds[1:]]))
    )
    local = site + sum(kinds[kind][:, states[near[:, k]]].T for k, kind in enumerate(kind_of))
    others = local - np.take_along_axis(local, states[:, None].astype(np.int64), axis=1)
    np.put_along_axis(others, states[:, None].astype(np.int64), np.inf, axis=1)
    return Pattern(states.astype(np.uint8), waves, bool(least > bound + tiny), bool((others <= tiny).any()))


def _fill(
    colours: NDArray[np.int64], kinds: NDArray[np.float64], site: NDArray[np.float64], reach: tuple[NDArray, NDArray]
) -> tuple[NDArray[np.int64], float]:
    """Best state of every colour, and its energy per site."""
    near, kind_of = reach
    n, q = int(colours.max()) + 1, len(site)
    energy = np.zeros((q,) * n)
    axes = np.eye(n, dtype=int)
    for a in range(n):
        energy = energy + np.mean(colours == a) * site.reshape([q if k == a else 1 for k in range(n)])
    for kind, table in enumerate(kinds):
        columns = near[:, kind_of == kind]
        for a, b in product(range(n), repeat=2):
            share = np.mean((colours[:, None] == a) & (colours[columns] == b)) * columns.shape[1] / 2
            if a == b:
                energy = energy + share * np.diag(table).reshape([q if axes[a, k] else 1 for k in range(n)])
            else:
                shape = [q if k in (a, b) else 1 for k in range(n)]
                energy = energy + share * table.reshape(shape)
    best = np.unravel_index(np.argmin(energy), energy.shape)
    return np.array(best, np.int64), float(energy[best])


def _colourings(lattice: Lattice) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Return (colour of every site, waves) of every pattern."""
    x = np.indices(lattice.shape).reshape(len(lattice.shape), -1)
    x = x[[k for k, axis in enumerate(lattice.axes) if axis != "sublattice"]]
    axes = np.eye(len(x))

    def waves(*of: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([wave for q in of for wave in nearest_waves(lattice, q)])

    found: list[tuple[NDArray, NDArray]] = [(np.zeros(lattice.n_sites, np.int64), np.ones((1, lattice.n_sites)))]
    alternating = np.concatenate(alternating_waves(lattice))
    if lattice.checkerboard is not None:
        found.append(((1 - lattice.checkerboard.astype(np.int64)) // 2, alternating))
    if lattice.name == "triangular":
        found.append(((x[0] - x[1]) % 3, alternating))
    rows = waves(*axes / 2)
    if lattice.name in ("triangular", "honeycomb"):
        third = waves(axes.sum(axis=0) / 2)  # the third direction of rows
        if lattice.checkerboard is not None:  # on the honeycomb it parts the two sites of a cell
            third = third * lattice.checkerboard
        rows = np.concatenate([rows, third])
    found.append((x[0] % 2, rows))
    if lattice.name == "cubic":
        found.append(((x[0] + x[1]) % 2, waves(*(1 - axes) / 2)))
    if lattice.checkerboard is None and lattice.name != "triangular":
        found.append((x.sum(axis=0) % 2, alternating))
    if lattice.shape[0] % 4 == 0:
        quarters = [*axes / 4, *([axes.sum(axis=0) / 4] if lattice.name == "triangular" else [])]
        found.append((x[0] // 2 % 2, waves(*quarters)))
    return found
