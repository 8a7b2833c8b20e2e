# ruff: noqa: ANN001, ANN202 (Numba infers the types of compiled functions)
"""Metropolis as everyone writes it first, for every model: one chain, sites in order, a new value drawn at random.

Energies of bonds come from a table (of nearest neighbours), those of angles and vectors from their formula.

`Plain(model, temperature, rng)` has the verbs of `zeeman.spins.moves`, so it is measured as they are.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeeman.spins._random_numba import generators, jit, sfc64
from zeeman.spins.models import Ising, StateModel, VectorModel
from zeeman.studies.naive import metropolis, metropolis_work

__all__ = ["Plain", "PlainIsing"]


class Plain:
    """One chain of any model, from its ordered state; a step is a sweep."""

    n_chains = 1

    def __init__(self, model: StateModel | VectorModel, temperature: float, rng: np.random.Generator) -> None:
        self._model, self._state = model, generators(rng, 1)
        start = model.start("ordered", 1, rng)
        self._work: tuple[Any, ...]
        if isinstance(model, StateModel):
            self.spins: NDArray = model.states_of(start)[0]
            bond, site = model.states.kinds[0] / temperature, np.asarray(model.states.site) / temperature
            self._work = model.lattice.neighbours, bond, site
            self._sweep = _states
        else:
            self.spins = np.asarray(start[0], np.float64)
            self._work = model.lattice.neighbours, model.coupling / temperature
            self._sweep = _angles if model.n_components == 2 else _directions

    def advance(self, n_steps: int) -> None:
        """Sweep `n_steps` times."""
        self._sweep(self.spins, *self._work, self._state, n_steps)

    def configurations(self, n_chains: int | None = None) -> NDArray:
        """Configurations (1, site) or (1, site, component)."""
        if isinstance(self._model, StateModel):
            return np.asarray(self._model.states.values)[self.spins][None]
        return self.spins[None].copy()


class PlainIsing:
    """One chain of the square Ising model of J = 1 and no field, acceptance from a table (`zeeman.studies.naive`)."""

    n_chains = 1

    def __init__(self, model: Ising, temperature: float, rng: np.random.Generator) -> None:
        self.spins, *self._work = metropolis_work(temperature, model.lattice.shape[0])

    def advance(self, n_steps: int) -> None:
        """Sweep `n_steps` times."""
        metropolis(self.spins, *self._work, n_steps)

    def configurations(self, n_chains: int | None = None) -> NDArray:
        """Configurations (1, site)."""
        return self.spins[None].copy()


@jit(inline="always")
def _uniform(state):
    a, b, c, d, word = sfc64(state[0, 0], state[1, 0], state[2, 0], state[3, 0])
    state[0, 0], state[1, 0], state[2, 0], state[3, 0] = a, b, c, d
    return (word >> np.uint64(11)) * 2.0**-53


@jit
def _states(s, near, bond, site, state, n_sweeps):
    q = bond.shape[0]
    for _ in range(n_sweeps):
        for i in range(s.size):
            old = np.int64(s[i])
            new = old + 1 + int(_uniform(state) * (q - 1))
            if new >= q:
                new -= q
            cost = site[new] - site[old]
            for k in range(near.shape[1]):
                other = s[near[i, k]]
                cost += bond[new, other] - bond[old, other]
            if cost <= 0 or _uniform(state) < math.exp(-cost):
                s[i] = new


@jit
def _angles(s, near, coupling, state, n_sweeps):
    for _ in range(n_sweeps):
        for i in range(s.size):
            new = 2 * math.pi * _uniform(state)
            cost = 0.0
            for k in range(near.shape[1]):
                other = s[near[i, k]]
                cost += math.cos(s[i] - other) - math.cos(new - other)
            cost *= coupling
            if cost <= 0 or _uniform(state) < math.exp(-cost):
                s[i] = new


@jit
def _directions(s, near, coupling, state, n_sweeps):
    for _ in range(n_sweeps):
        for i in range(s.shape[0]):
            z = 2 * _uniform(state) - 1
            phi = 2 * math.pi * _uniform(state)
            r = math.sqrt(1 - z * z)
            x, y = r * math.cos(phi), r * math.sin(phi)
            hx, hy, hz = 0.0, 0.0, 0.0
            for k in range(near.shape[1]):
                j = near[i, k]
                hx += s[j, 0]
                hy += s[j, 1]
                hz += s[j, 2]
            cost = coupling * ((s[i, 0] - x) * hx + (s[i, 1] - y) * hy + (s[i, 2] - z) * hz)
            if cost <= 0 or _uniform(state) < math.exp(-cost):
                s[i, 0], s[i, 1], s[i, 2] = x, y, z
