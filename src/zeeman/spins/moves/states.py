"""Discrete states by tables: Metropolis, heat bath, Swendsen-Wang, Wolff and replica exchange for any `StateModel`."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zeeman.spins import _state_clusters_numba as clusters
from zeeman.spins import _states_numba as kernels
from zeeman.spins._random_numba import generators
from zeeman.spins.models.states import StateModel
from zeeman.spins.moves.chains import Cost
from zeeman.spins.moves.tempering import Tempering

__all__ = ["StateHeatBath", "StateMetropolis", "StateSwendsenWang", "StateTempering", "StateWolff"]

_MOST_WEIGHTS = 2**17  # entries of a table of Boltzmann weights: beyond a megabyte look-ups cost more than sums


class StateHeatBath:
    """Heat bath: draw every site from its conditional distribution, in site order.

    Chains run side by side. A sweep in site order is a product of updates that each leave the distribution unchanged.
    """

    cost: ClassVar[Cost] = Cost(6.0, 1.5e8, pilot_chains=64, lanes=8, job=128, fill=128, most_rounds=16)

    def __init__(
        self, model: StateModel, temperature: float, configurations: NDArray, rng: np.random.Generator
    ) -> None:
        self._model = model
        self.n_chains = len(configurations)
        self.spins = np.ascontiguousarray(model.states_of(configurations).T)  # (site, chain)
        self._state = generators(rng, self.n_chains)
        self._near, kind_of = model.reach
        self._code = np.empty(self.n_chains, np.int32)
        states = model.states
        found = weights(model, temperature)
        self._summed = (kind_of, states.kinds / temperature, np.asarray(states.site) / temperature)
        self._rule = None if found is None else (found[0], self._table(found[1]))

    def _table(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)

    def advance(self, n_steps: int) -> None:
        """Sweep `n_steps` times through all sites."""
        if self._rule is not None:
            kernels.heat_bath(self.spins, self._near, *self._rule, self._state, self._code, n_steps)
        else:
            kernels.heat_bath_summed(self.spins, self._near, *self._summed, self._state, n_steps)

    def configurations(self, n_chains: int | None = None) -> NDArray[np.int8]:
        """Configurations (chain, site), the states' values."""
        return np.asarray(self._model.states.values)[self.spins[:, :n_chains].T]

    def energies(self) -> NDArray[np.float64]:
        """Total energy of every chain, (chain,)."""
        site = np.asarray(self._model.states.site)
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
        elif self._rule is not None:
            kernels.metropolis(self.spins, self._near, *self._rule, self._state, self._code, n_steps)
        else:
            kernels.metropolis_summed(self.spins, self._near, *self._summed, self._state, n_steps)


class StateSwendsenWang:
    """Swendsen-Wang: an involution g drawn from the model's is applied to every cluster with probability 1/2.

    Ferromagnetic Potts states (all others equally costly) freeze equal neighbours with 1 - exp(-J/T) and give every
    cluster a new state (Fortuin-Kasteleyn). Where the involutions do not lead from every state to every other
    (Blume-Capel: vacancies stay), a sweep of heat bath follows: each part leaves the distribution unchanged, so their
    succession does, and it is ergodic because heat bath is.
    """

    cost: ClassVar[Cost] = Cost(20.0, 1e8)

    def __init__(
        self, model: StateModel, temperature: float, configurations: NDArray, rng: np.random.Generator
    ) -> None:
        self._model, states = model, model.states
        self.spins = model.states_of(configurations)
        self._bonds = np.concatenate([bonds for bonds, _ in model.bonds], axis=1)
        self._kind_of = np.repeat(np.arange(len(model.bonds)), [bonds.shape[1] for bonds, _ in model.bonds])
        self._freeze = _freezing(states.kinds, temperature)
        self._g = np.asarray(states.involutions)
        self._states = np.stack([generators(rng) for _ in configurations])
        n, d = self._bonds.shape
        padded = [32 * -(-size // 32) for size in (n * (d + 1), -(-n // 64) + 1)]
        self._scratch = (*(np.empty(size, np.uint64) for size in padded), np.empty(n, np.int32))
        self._bath = None if states.transitive else StateHeatBath(model, temperature, configurations, rng)

    def advance(self, n_steps: int) -> None:
        """Update all clusters `n_steps` times."""
        for steps in [n_steps] if self._bath is None else [1] * n_steps:
            self._clusters(steps)
            self._local()

    def _clusters(self, n_steps: int) -> None:
        words, _, parent = self._scratch
        q = self._model.states.n_states
        kinds = self._model.states.kinds
        if len(kinds) == 1 and q > 2 and _is_potts(kinds[0]):
            threshold = self._freeze[0, 1, 0, 0]
            clusters.recolour(self.spins, self._bonds, q, threshold, self._states, words, parent, n_steps)
        else:
            clusters.swendsen_wang(
                self.spins, self._bonds, self._kind_of, self._freeze, self._g, self._states, *self._scratch, n_steps
            )

    def _local(self) -> None:
        if self._bath is not None:
            self._bath.spins[:] = self.spins.T
            self._bath.advance(1)
            self.spins[:] = self._bath.spins.T

    def configurations(self, n_chains: int | None = None) -> NDArray[np.int8]:
        """Configurations (chain, site), the states' values."""
        return np.asarray(self._model.states.values)[self.spins[:n_chains]]


class StateWolff(StateSwendsenWang):
    """Wolff: grow one cluster from a random site and apply to it an involution that moves this site.

    A step is one cluster, whatever its size (and one sweep of heat bath where `StateSwendsenWang` needs one).
    """

    n_flipped = 0

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
    cost: ClassVar[Cost] = Cost(8.0, 2.5e8, pilot_chains=32, lanes=8, job=64, fill=64, most_rounds=16)

    def hottest(self, model: Any) -> float:
        """Coordination times the range of bond energies, plus that of site energies."""
        kinds = model.states.kinds[model.reach[1]]
        return float(np.ptp(kinds, axis=(1, 2)).sum() + np.ptp(np.asarray(model.states.site)))


def weights(model: StateModel, temperature: float) -> tuple[NDArray[np.int32], NDArray[np.float64]] | None:
    """Boltzmann weights (code, state) of a site, largest 1, and the digits of the code; None if there are too many.

    code = sum_k digit_k a_k over the neighbours' states. Two states need only their number, kind by kind.
    """
    states, (_, kind_of) = model.states, model.reach
    q, z = states.n_states, len(kind_of)
    if q == 2:
        counts = np.bincount(kind_of)
        digits = np.concatenate([[1], np.cumprod(counts + 1)])[kind_of]
        up = np.stack(np.unravel_index(np.arange(np.prod(counts + 1)), counts[::-1] + 1))[::-1]
        pairs = zip(up, counts, states.kinds, strict=True)
        energy = sum(n[:, None] * table[1] + (count - n)[:, None] * table[0] for n, count, table in pairs)
    else:
        if q ** (z + 1) > _MOST_WEIGHTS:
            return None
        digits = q ** np.arange(z)
        codes = np.arange(q**z)
        energy = sum(states.kinds[kind][codes // digit % q] for kind, digit in zip(kind_of, digits, strict=True))
    energy = energy + np.asarray(states.site)
    return digits.astype(np.int32), np.exp((energy.min(axis=1, keepdims=True) - energy) / temperature)


def _freezing(kinds: NDArray[np.float64], temperature: float) -> NDArray[np.uint64]:
    """Thresholds (kind, g a, a, b) of a random word: 2^64 (1 - exp(-max(0, E(g a, b) - E(a, b)) / T))."""
    cost = np.maximum(kinds[:, :, None, :] - kinds[:, None, :, :], 0)
    return np.minimum(-np.expm1(-cost / temperature) * 2.0**64, 2.0**64 - 2048).astype(np.uint64)


def _is_potts(bond: NDArray[np.float64]) -> bool:
    """Whether equal neighbours are favoured and all unequal ones cost the same."""
    unequal = bond[~np.eye(len(bond), dtype=bool)]
    return bool(np.ptp(unequal) == 0 and np.ptp(np.diag(bond)) == 0 and bond[0, 0] < unequal[0])
