"""Discrete states by tables: Metropolis, heat bath, Swendsen-Wang, Wolff and replica exchange for any `StateModel`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zeeman.spins import _state_clusters_numba as clusters
from zeeman.spins import _states_numba as kernels
from zeeman.spins._random_numba import generators
from zeeman.spins.models.states import StateModel, States
from zeeman.spins.moves.chains import Cost
from zeeman.spins.moves.tempering import Tempering

__all__ = ["StateHeatBath", "StateMetropolis", "StateSwendsenWang", "StateTempering", "StateWolff"]

_MOST_WEIGHTS = 2**17  # entries of one part's table of Boltzmann weights, a megabyte


class StateHeatBath:
    """Heat bath: draw every site from its conditional distribution, in site order.

    Chains run side by side. A sweep in site order is a product of updates that each leave the distribution unchanged.
    """

    cost: Cost = Cost(4.0, 1.5e8, pilot_chains=64, lanes=8, job=128, fill=128, most_rounds=16)
    site_in_parts: ClassVar[float] = 3.0  # ns a site and state where weights multiply

    def __init__(
        self, model: StateModel, temperature: float, configurations: NDArray, rng: np.random.Generator
    ) -> None:
        self._model = model
        self.n_chains = len(configurations)
        self.spins = np.ascontiguousarray(model.states_of(configurations).T)  # (site, chain)
        self._state = generators(rng, self.n_chains)
        self._near, _ = model.reach
        *self._rule, table = conditional_weights(model, temperature)
        self._parts = len(self._rule[2])
        self._weights = self._table(table)
        self._scratch = np.empty((self._parts, self.n_chains), np.int32), np.empty(self.n_chains, np.uint64)
        if self._parts > 1:
            site = self.site_in_parts * self._weights.shape[1]
            self.cost = replace(self.cost, site=site, most_updates=self.cost.most_updates * self.cost.site / site)

    def _table(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return weights if self._parts > 1 else np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)

    def _sweep(self, kernel: Callable[..., None], n_steps: int) -> None:
        kernel(self.spins, self._near, *self._rule, self._weights, self._state, *self._scratch, n_steps)

    def advance(self, n_steps: int) -> None:
        """Sweep `n_steps` times through all sites."""
        self._sweep(kernels.heat_bath if self._parts == 1 else kernels.heat_bath_parts, n_steps)

    def configurations(self, n_chains: int | None = None) -> NDArray[np.int8]:
        """Configurations (chain, site), the states' values."""
        return self._model.states.values[self.spins[:, :n_chains].T]

    def energies(self) -> NDArray[np.float64]:
        """Total energy of every chain, (chain,)."""
        site = self._model.states.site
        energies = np.zeros(self.n_chains)
        for bonds_of, table in self._model.bonds:
            kernels.chain_energies(self.spins, bonds_of, table, energies)
        return energies + site[self.spins].sum(axis=0) if site.any() else energies

    def exchange(self, other: StateHeatBath, marked: NDArray[np.bool_]) -> None:
        """Exchange the configurations of the chains marked in `marked`, (chain,), with those of `other`."""
        here = np.flatnonzero(marked)
        self.spins[:, here], other.spins[:, here] = other.spins[:, here], self.spins[:, here]


class StateMetropolis(StateHeatBath):
    """Metropolis: propose one of the other states, accept with min(1, exp(-dE/T)) to one part in 2^32.

    With two states the proposal is no choice, and sweeps in which free flips always happen can go round in circles:
    there the acceptance is 1 / (1 + exp(dE/T)), which is heat bath.
    """

    def _table(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return super()._table(weights) if weights.shape[1] == 2 else weights

    def advance(self, n_steps: int) -> None:
        """Sweep `n_steps` times through all sites."""
        if self._model.states.n_states == 2:
            super().advance(n_steps)
        else:
            self._sweep(kernels.metropolis, n_steps)


class StateSwendsenWang:
    """Swendsen-Wang: an involution g drawn from the model's is applied to every cluster with probability 1/2.

    Ferromagnetic Potts states freeze equal neighbours with 1 - exp(-J/T) and give every
    cluster a new state (Fortuin-Kasteleyn). Where the involutions do not lead from every state to every other
    (Blume-Capel: vacancies stay), sweeps of heat bath follow: each part leaves the distribution unchanged, so their
    succession does, and it is ergodic because heat bath is.
    """

    cost: Cost = Cost(22.0, 1.5e8, job=8)
    n_local = 4  # sweeps of heat bath: at the tricritical point of 16 x 16 sites half the time of one a cluster update

    def __init__(
        self, model: StateModel, temperature: float, configurations: NDArray, rng: np.random.Generator
    ) -> None:
        self._model, states = model, model.states
        self.spins = model.states_of(configurations)
        self._bonds = np.concatenate([bonds for bonds, _ in model.bonds], axis=1)
        self._kind_of = np.repeat(np.arange(len(model.bonds)), [bonds.shape[1] for bonds, _ in model.bonds])
        self._freeze = _freezing(states.kinds, temperature)
        self._g = states.involutions
        self._states = np.stack([generators(rng) for _ in configurations])
        n, d = self._bonds.shape
        self._recolours = _is_potts(states)
        padded = [32 * -(-size // 32) for size in (n * (d + self._recolours), -(-n // 64) + 1)]
        self._scratch = (*(np.empty(size, np.uint64) for size in padded), np.empty(n, np.int32))
        self._bath = None
        if not states.transitive:
            self._bath = StateHeatBath(model, temperature, configurations, rng)
            self.cost = replace(self.cost, beside=3 + 6.0 * self.n_local)  # to the heat bath and back, and its sweeps

    def advance(self, n_steps: int) -> None:
        """Update all clusters `n_steps` times."""
        for steps in [n_steps] if self._bath is None else [1] * n_steps:
            self._clusters(steps)
            self._local()

    def _clusters(self, n_steps: int) -> None:
        if self._recolours:
            words, _, parent = self._scratch
            q, threshold = self._model.states.n_states, self._freeze[0, 1, 0, 0]
            clusters.recolour(self.spins, self._bonds, q, threshold, self._states, words, parent, n_steps)
        else:
            clusters.swendsen_wang(
                self.spins, self._bonds, self._kind_of, self._freeze, self._g, self._states, *self._scratch, n_steps
            )

    def _local(self) -> None:
        if self._bath is not None:
            self._bath.spins[:] = self.spins.T
            self._bath.advance(self.n_local)
            self.spins[:] = self._bath.spins.T

    def configurations(self, n_chains: int | None = None) -> NDArray[np.int8]:
        """Configurations (chain, site), the states' values."""
        return self._model.states.values[self.spins[:n_chains]]


class StateWolff(StateSwendsenWang):
    """Wolff: grow one cluster from a random site and apply to it an involution that moves this site.

    A step is one cluster, whatever its size (and one sweep of heat bath where `StateSwendsenWang` needs some).
    """

    cost: Cost = Cost(34.0, 1.5e8, job=8)
    n_flipped = 0
    n_local = 1

    def __init__(
        self, model: StateModel, temperature: float, configurations: NDArray, rng: np.random.Generator
    ) -> None:
        super().__init__(model, temperature, configurations, rng)
        self._near, self._kind_of = model.reach
        moving = np.arange(self._g.shape[1])[:, None] != self._g.T  # (state, involution)
        # a state that nothing moves (a vacancy) draws the first involution: a cluster of one site that stays
        self._counts = np.maximum(moving.sum(axis=1), 1)
        self._movers = np.argsort(~moving, axis=1, kind="stable")

    def _clusters(self, n_steps: int) -> None:
        queue = np.empty(len(self._near), np.int32)
        self.n_flipped += clusters.wolff(
            self.spins, self._near, self._kind_of, self._freeze, self._g, self._movers, self._counts,
            self._states, queue, n_steps,
        )  # fmt: skip


class StateTempering(Tempering):
    """Replica exchange of heat-bath chains, up to T of z times the range of a bond's energy."""

    rung = StateHeatBath
    cost: ClassVar[Cost] = Cost(10.0, 4e8, pilot_chains=16, lanes=8, job=64, fill=64, most_rounds=16)

    def hottest(self, model: Any) -> float:
        """Coordination times the range of bond energies, plus that of site energies."""
        kinds = model.states.kinds[model.reach[1]]
        return float(np.ptp(kinds, axis=(1, 2)).sum() + np.ptp(model.states.site))


def conditional_weights(model: StateModel, temperature: float) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Boltzmann weights of a site given its neighbours, as kernels take them.

    Returns digits (neighbour,), first (part + 1,), offsets (part,) and weights (code, state), largest 1 in each row.
    Weights below e^(-690 / parts) of the largest are set to that, so that no product of parts underflows.
    """
    states, (_, kind_of) = model.states, model.reach
    q = states.n_states
    if q == 2:
        return _two_states(kind_of, states.kinds, states.site, temperature)
    size = max(k for k in range(1, len(kind_of) + 1) if k == 1 or q ** (k + 1) <= _MOST_WEIGHTS)
    size = -(-len(kind_of) // -(-len(kind_of) // size))  # parts of equal length
    first = np.minimum(np.arange(0, len(kind_of) + size, size), len(kind_of))
    digits = q ** (np.arange(len(kind_of)) % size)
    tables = []
    for part, start in enumerate(first[:-1]):
        columns = range(start, first[part + 1])
        codes = np.arange(q ** len(columns))
        energy = sum(states.kinds[kind_of[k]][codes // digits[k] % q] for k in columns)
        tables.append(energy + states.site * (part == 0))
    offsets = np.cumsum([0, *map(len, tables[:-1])])
    weights = _boltzmann(np.concatenate(tables), temperature, len(tables))
    return digits.astype(np.int32), first, offsets.astype(np.int32), weights


def _two_states(
    kind_of: NDArray[np.int64], kinds: NDArray[np.float64], site: NDArray[np.float64], temperature: float
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Weights by the number of neighbours in the second state, kind by kind."""
    counts = np.bincount(kind_of)
    digits = np.concatenate([[1], np.cumprod(counts + 1)])[kind_of]
    up = np.stack(np.unravel_index(np.arange(np.prod(counts + 1)), counts[::-1] + 1))[::-1]
    energy = site + sum(
        n[:, None] * table[1] + (count - n)[:, None] * table[0]
        for n, count, table in zip(up, counts, kinds, strict=True)
    )
    first = np.array([0, len(kind_of)])
    return digits.astype(np.int32), first, np.zeros(1, np.int32), _boltzmann(energy, temperature, 1)


def _boltzmann(energy: NDArray[np.float64], temperature: float, parts: int) -> NDArray[np.float64]:
    return np.exp(np.maximum((energy.min(axis=1, keepdims=True) - energy) / temperature, -690 / parts))


def _freezing(kinds: NDArray[np.float64], temperature: float) -> NDArray[np.uint64]:
    """Thresholds (kind, g a, a, b) of a random word: 2^64 (1 - exp(-max(0, E(g a, b) - E(a, b)) / T))."""
    cost = np.maximum(kinds[:, :, None, :] - kinds[:, None, :, :], 0)
    return np.minimum(-np.expm1(-cost / temperature) * 2.0**64, 2.0**64 - 2048).astype(np.uint64)


def _is_potts(states: States) -> bool:
    """Whether equal neighbours are favoured, all unequal ones cost the same, and no state costs more than another."""
    (bond, *others), unequal = states.kinds, states.kinds[0][~np.eye(states.n_states, dtype=bool)]
    even = not (np.ptp(unequal) or np.ptp(np.diag(bond)) or np.ptp(states.site))
    return bool(even and not others and states.n_states > 2 and bond[0, 0] < unequal[0])
