"""Multiplets in a measured spectrum: how equal their levels are, and where they lie.

Levels a..b of one multiplet are E_a <= ... <= E_b, with width w = E_b - E_a and gaps g to the levels on either side:

    splitting = w / (w + min g),   0 where the levels are equal, 1/2 where they are no nearer than to the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["centres", "random_splittings", "splittings"]


def splittings(energies: ArrayLike, sizes: Sequence[int]) -> NDArray[np.float64]:
    """Splitting of every multiplet, (multiplet,), 0 for singlets.

    Parameters
    ----------
    energies : array-like, (state,)
        Ascending, with at least one level above the last multiplet.
    sizes : sequence of int
        How many levels each has, from the ground state up.

    Raises
    ------
    ValueError
        If there is no level above the last multiplet.
    """
    energies, ends = np.asarray(energies, np.float64), np.cumsum(sizes)
    if len(energies) <= ends[-1]:
        raise ValueError(
            f"{len(energies)} levels given, multiplets of {tuple(sizes)} and the gap above need {ends[-1] + 1}"
        )
    found = []
    for end, size in zip(ends, sizes, strict=True):
        low, high = energies[end - size], energies[end - 1]
        below = low - energies[end - size - 1] if end > size else np.inf
        width, gap = high - low, min(energies[end] - high, below)
        found.append(width / (width + gap) if width > 0 else 0.0)
    return np.array(found)


def centres(energies: ArrayLike, sizes: Sequence[int]) -> NDArray[np.float64]:
    """Mean energy of every multiplet, (multiplet,)."""
    return np.array([part.mean() for part in np.split(np.asarray(energies, np.float64), np.cumsum(sizes))[:-1]])


def random_splittings(sizes: Sequence[int], rng: np.random.Generator, n_draws: int = 200) -> NDArray[np.float64]:
    """Largest splitting where levels know nothing of one another (Poisson), (draw,): spacings are exponential."""
    spacings = rng.exponential(size=(n_draws, int(np.sum(sizes))))
    levels = np.concatenate([np.zeros((n_draws, 1)), spacings.cumsum(axis=1)], axis=1)
    return np.array([splittings(one, sizes).max() for one in levels])
