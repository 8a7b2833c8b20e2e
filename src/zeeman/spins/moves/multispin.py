"""Two-state spins, 64 replicas a word: Metropolis and replica exchange; Swendsen-Wang and Wolff on bytes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from zeeman.spins import _clusters_numba as clusters
from zeeman.spins import _kernels_numba as kernels
from zeeman.spins._random_numba import COLUMNS, generators
from zeeman.spins.models import Ising
from zeeman.spins.moves import tempering
from zeeman.spins.moves.chains import Cost

__all__ = ["LANES", "Metropolis", "SwendsenWang", "Tempering", "Wolff"]

LANES = 64 * COLUMNS  # most replicas that one set of multi-spin words holds

_ALL = np.uint64(2**64 - 1)
_TINY = 36  # sites up to which circles of free flips would carry a weight that can be seen


class Metropolis:
    """Multi-spin coded single-spin flips: accept with min(1, exp(-dE/T)), 64 replicas a word.

    Where nearly every flip would be accepted (T above 2 (z |J| + |h|) / ln 2), with two cells a side and on at most 36
    sites the acceptance is 1 / (1 + exp(dE/T)): sweeps in which free flips always happen can go round in circles there.
    On the square lattice those circles (dE = 0 at every site in its turn) hold 0.3 % of the weight at L = 3, T = 2.6,
    1.5e-4 at L = 4 and 3e-6 at L = 5, at most 4^L of 2^(L^2) states. For the same reason a chain accepts dE = 0 half
    the time, or its domain walls would travel round it as they are.
    """

    cost = Cost(1 / 10, 3e9, pilot_chains=64, lanes=64, job=LANES // 2, fill=1024, most_rounds=8)

    def __init__(self, model: Ising, temperature: float, configurations: NDArray, rng: np.random.Generator) -> None:
        lattice = model.lattice
        self.n_chains = len(configurations)
        words = -(-self.n_chains // 64)
        if words > COLUMNS:
            raise ValueError(f"at most {LANES} chains in one set of words, got {self.n_chains}; start several sets")
        self.spins = np.zeros((lattice.n_sites, words), np.uint64)
        kernels.pack(configurations, self.spins)
        self._unlike = _ALL if model.coupling < 0 else np.uint64(0)
        self._neighbours = lattice.neighbours
        self._spare = generators(rng, 1)
        # beyond the generators: marks, random words, answers; class answers of the general sweep
        self._work = np.zeros((12 + 3 * (lattice.coordination + 2), COLUMNS), np.uint64)
        self._work[:4] = generators(rng)
        self._choose_sweep(acceptance(model, temperature))

    def _choose_sweep(self, p: NDArray[np.float64]) -> None:
        z = p.shape[1] - 1
        self._rule: tuple[NDArray, ...]
        m = 3 if z == 6 else 2
        if z in (2, 3, 4, 6) and np.array_equal(p[0], p[1]) and (p[0, :m] < 1).all() and (p[0, m:] == 1).all():
            e, rest = np.zeros((3, kernels.DIGITS), np.uint64), np.zeros(3, np.uint64)
            for k in range(m):
                e[k], rest[k] = kernels.digits(p[0, k])
            self._sweep, self._rule = kernels.sweep(z), (e, rest)
            return
        kinds = np.argwhere(p < 1)
        table = [kernels.digits(p[s, k]) for s, k in kinds]
        e = np.array([row for row, _ in table]).reshape(len(kinds), kernels.DIGITS).astype(np.uint64)
        rest = np.array([last for _, last in table], np.uint64)
        self._sweep, self._rule = kernels.sweep_rates, (p >= 1, kinds, e, rest)

    def advance(self, n_steps: int) -> None:
        """Sweep `n_steps` times through all sites."""
        self._sweep(self.spins, self._neighbours, self._unlike, *self._rule, self._work, self._spare, n_steps)

    def configurations(self, n_chains: int | None = None) -> NDArray[np.int8]:
        """Configurations (chain, site), -1 and +1."""
        out = np.empty((self.n_chains if n_chains is None else n_chains, len(self.spins)), np.int8)
        kernels.unpack(self.spins, out)
        return out


class SwendsenWang:
    """Swendsen-Wang: freeze satisfied bonds with 1 - exp(-2 |J| / T), flip every cluster with probability 1/2."""

    cost = Cost(16.0, 1e8)

    def __init__(self, model: Ising, temperature: float, configurations: NDArray, rng: np.random.Generator) -> None:
        self._lattice = model.lattice
        n, d = model.lattice.bonds_of.shape
        self.spins = (configurations > 0).astype(np.uint8)
        self._rule = (np.uint8(model.coupling < 0), _freezing(model, temperature))
        self._states = np.stack([generators(rng) for _ in configurations])
        padded = [32 * -(-size // 32) for size in (n * d, -(-n // 64))]
        self._scratch = (*(np.empty(size, np.uint64) for size in padded), np.empty(n, np.int32), np.empty(n, np.uint8))

    def advance(self, n_steps: int) -> None:
        """Update all clusters `n_steps` times."""
        clusters.swendsen_wang(self._lattice.bonds_of.shape[1])(
            self.spins, self._lattice.bonds_of, *self._rule, self._states, *self._scratch, n_steps
        )  # fmt: skip

    def configurations(self, n_chains: int | None = None) -> NDArray[np.int8]:
        """Configurations (chain, site), -1 and +1."""
        return (2 * self.spins[:n_chains].astype(np.int8) - 1).astype(np.int8)


class Wolff(SwendsenWang):
    """Wolff: grow one cluster from a random site and flip it. A step is one cluster, whatever its size."""

    n_flipped = 0

    def advance(self, n_steps: int) -> None:
        """Flip `n_steps` clusters in every chain."""
        queue = np.empty(self._lattice.n_sites + 1, np.int32)
        self.n_flipped += clusters.wolff(
            self.spins, self._lattice.neighbours, *self._rule, self._states, queue, n_steps
        )


class Tempering:
    """Replica exchange: every chain is a ladder of temperatures; after a sweep, neighbours on it may swap.

    The lowest rung is at `temperature`; the ladder is geometric up to T = 2 (z |J| + |h|), with steps of about
    2 / sqrt(N) in ln T or wider (at most 24 rungs). Swaps are accepted with min(1, exp((1/T_a - 1/T_b)(E_a - E_b))).
    Multi-spin coded: replica l of all rungs forms a ladder.
    """

    cost = Cost(1 / 3, 6e9, pilot_chains=64, lanes=64, job=LANES // 2, fill=1024, most_rounds=8)

    def __init__(self, model: Ising, temperature: float, configurations: NDArray, rng: np.random.Generator) -> None:
        self.temperatures = ladder(model, temperature)
        self.n_chains = len(configurations)
        self._model, self._rng, self._turn = model, rng, 0
        self.rungs = [Metropolis(model, t, configurations, rng) for t in self.temperatures]
        planes = int(model.lattice.n_bonds + model.lattice.n_sites).bit_length()
        words = self.rungs[0].spins.shape[1]
        self._planes = np.empty((planes, words), np.uint64)
        self.swaps = np.zeros((len(self.rungs) - 1, 2), np.int64)  # (accepted, tried) between rungs

    def advance(self, n_steps: int) -> None:
        """Sweep every rung and try to swap every other pair of rungs, `n_steps` times."""
        for _ in range(n_steps):
            for rung in self.rungs:
                rung.advance(1)
            energies = [self._energies(rung.spins) for rung in self.rungs]
            for a in range(self._turn, len(self.rungs) - 1, 2):
                self._swap(a, energies[a], energies[a + 1])
            self._turn ^= 1

    def configurations(self, n_chains: int | None = None) -> NDArray[np.int8]:
        """Configurations (chain, site) of the lowest rung."""
        return self.rungs[0].configurations(n_chains)

    def _energies(self, spins: NDArray[np.uint64]) -> NDArray[np.float64]:
        lattice = self._model.lattice
        broken, up = np.empty((2, 64 * spins.shape[1]), np.int64)
        kernels.lane_counts(spins, lattice.bonds_of, self._planes, broken, up)
        return -self._model.coupling * (lattice.n_bonds - 2.0 * broken) - self._model.field * (
            2.0 * up - lattice.n_sites
        )

    def _swap(self, a: int, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
        gain = (1 / self.temperatures[a] - 1 / self.temperatures[a + 1]) * (low - high)
        accepted = self._rng.random(len(gain)) < np.exp(np.minimum(gain, 0.0))
        self.swaps[a] += accepted.sum(), len(accepted)
        marked = np.packbits(accepted, bitorder="little").view("<u8").astype(np.uint64)
        kernels.swap_lanes(self.rungs[a].spins, self.rungs[a + 1].spins, marked)


def acceptance(model: Ising, temperature: float) -> NDArray[np.float64]:
    """Probability to flip, (own spin 0 or 1, broken bonds 0..z)."""
    z = model.lattice.coordination
    k, s = np.arange(z + 1), np.array([[-1.0], [1.0]])
    cost = 2 * abs(model.coupling) * (z - 2 * k) + 2 * model.field * s
    barrier = 2 * (z * abs(model.coupling) + abs(model.field))
    tiny = model.lattice.shape[0] == 2 or model.lattice.n_sites <= _TINY
    if barrier < temperature * math.log(2) or tiny or (z == 2 and model.field != 0):
        return 1 / (1 + np.exp(np.minimum(cost / temperature, 700.0)))
    p = np.exp(-np.maximum(cost, 0) / temperature)
    if z == 2:
        p[:, 1] = 0.5
    return p


def ladder(model: Ising, temperature: float) -> NDArray[np.float64]:
    """Temperatures of replica exchange, lowest first."""
    top = 2 * (model.lattice.coordination * abs(model.coupling) + abs(model.field))
    return tempering.ladder(temperature, top, model.lattice.n_sites)


def _freezing(model: Ising, temperature: float) -> np.uint64:
    p = -math.expm1(-2 * abs(model.coupling) / temperature)
    return np.uint64(min(int(p * 2**64), 2**64 - 1))
