"""Unit vectors: Metropolis, heat bath and over-relaxation, 32 replicas side by side; embedded clusters."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zeeman.spins import _vector_clusters_numba as clusters
from zeeman.spins import _vectors_numba as kernels
from zeeman.spins._random_numba import COLUMNS, generators
from zeeman.spins.models.vectors import VectorModel
from zeeman.spins.moves.chains import Cost
from zeeman.spins.moves.tempering import Tempering

__all__ = [
    "VectorHeatBath",
    "VectorMetropolis",
    "VectorOverRelaxation",
    "VectorSwendsenWang",
    "VectorTempering",
    "VectorWolff",
    "strength",
]

_LOCAL: dict[str, Any] = {
    "most_updates": 1.5e8, "pilot_chains": COLUMNS, "lanes": COLUMNS, "job": COLUMNS, "fill": 2 * COLUMNS,
}  # fmt: skip
# largest tangent of half a turn (of each component), in units of sqrt(T / (z |J|)): forgets soonest near T = |J|
_WIDTH = {2: 2.4, 3: 1.8}
_STRONGEST = 1e18  # local field in units of T, whose square float32 still holds


class VectorHeatBath:
    """Draw every spin anew in its local field h, from exp(s . h / T), in site order.

    For XY by rejection: at most (0.34)^`TRIALS` of the spins, those in strong fields, stay as they are in a sweep.
    """

    TRIALS = 2
    cost: ClassVar[Cost] = Cost(9.0, **_LOCAL)

    def __init__(
        self, model: VectorModel, temperature: float, configurations: NDArray, rng: np.random.Generator
    ) -> None:
        self._model, self._neighbours = model, model.lattice.neighbours
        self.n_chains = len(configurations)
        blocks = -(-self.n_chains // COLUMNS)
        s = model.vectors(configurations).astype(np.float32)
        s = np.concatenate([s, np.repeat(s[-1:], blocks * COLUMNS - len(s), axis=0)])  # spare replicas repeat the last
        s = s.reshape(blocks, COLUMNS, *s.shape[1:])
        rows = np.moveaxis(s, 1, 3)  # (block, site, component, 32)
        self.spins = np.ascontiguousarray(rows).reshape(*rows.shape[:2], -1)
        self._field = np.float32(strength(model, temperature))
        self._states = np.stack([generators(rng) for _ in range(blocks)])

    def advance(self, n_steps: int) -> None:
        """Sweep `n_steps` times through all sites."""
        if self._model.n_components == 2:
            kernels.xy_heat_bath(self.spins, self._neighbours, self._field, self.TRIALS, self._states, n_steps)
        else:
            kernels.heisenberg_heat_bath(self.spins, self._neighbours, self._field, self._states, n_steps)

    def configurations(self, n_chains: int | None = None) -> NDArray[np.float32]:
        """Configurations (chain, site) of angles or (chain, site, component)."""
        n = self.n_chains if n_chains is None else n_chains
        blocks = self.spins[: -(-n // COLUMNS)]
        s = np.moveaxis(blocks.reshape(*blocks.shape[:2], self._model.n_components, COLUMNS), 3, 1)
        return self._model.values(s.reshape(-1, *s.shape[2:])[:n])

    def energies(self) -> NDArray[np.float64]:
        """Total energy of every chain, (chain,)."""
        sums = np.zeros((len(self.spins), COLUMNS))
        kernels.block_sums(self.spins, self._model.lattice.bonds_of, sums)
        return -self._model.coupling * sums.ravel()[: self.n_chains]

    def exchange(self, other: VectorHeatBath, marked: NDArray[np.bool_]) -> None:
        """Exchange the configurations of the chains marked in `marked`, (chain,), with those of `other`."""
        block, lane = np.divmod(np.flatnonzero(marked), COLUMNS)
        here, there = (chains.spins.reshape(*self.spins.shape[:2], -1, COLUMNS) for chains in (self, other))
        here[block, ..., lane], there[block, ..., lane] = there[block, ..., lane], here[block, ..., lane]


class VectorMetropolis(VectorHeatBath):
    """Turn every spin by a random rotation and accept with min(1, exp(-dE / T)).

    The width of the rotations is a function of T alone, wide enough to forget soon.
    """

    cost: ClassVar[Cost] = Cost(5.0, **_LOCAL)

    def __init__(
        self, model: VectorModel, temperature: float, configurations: NDArray, rng: np.random.Generator
    ) -> None:
        super().__init__(model, temperature, configurations, rng)
        stiffness = model.lattice.coordination * abs(model.coupling) / temperature
        self._width = np.float32(min(_WIDTH[model.n_components] / math.sqrt(max(stiffness, 1e-9)), 3.0))

    def advance(self, n_steps: int) -> None:
        """Sweep `n_steps` times through all sites."""
        sweep = kernels.xy_metropolis if self._model.n_components == 2 else kernels.heisenberg_metropolis
        sweep(self.spins, self._neighbours, self._field, self._width, self._states, n_steps)


class VectorOverRelaxation(VectorHeatBath):
    """One sweep of heat bath, then `N_REFLECTIONS` sweeps that reflect each spin about its local field.

    F. R. Brown, T. J. Woch, Phys. Rev. Lett. 58 (1987) 2394. Reflections leave the energy as it is and carry waves of
    spins much farther than random turns do.
    """

    N_REFLECTIONS = 4
    TRIALS = 1  # costs less and forgets as fast: reflections do the rest

    cost: ClassVar[Cost] = Cost(11.0, **_LOCAL)

    def advance(self, n_steps: int) -> None:
        """Make `n_steps` rounds of one heat bath and the reflections."""
        for _ in range(n_steps):
            super().advance(1)
            kernels.reflections(self._model.n_components)(self.spins, self._neighbours, self.N_REFLECTIONS)


class VectorTempering(Tempering):
    """Replica exchange of over-relaxed chains, up to T = z |J|."""

    rung = VectorOverRelaxation
    cost: ClassVar[Cost] = VectorOverRelaxation.cost

    def hottest(self, model: VectorModel) -> float:
        """Mean field of aligned spins, z |J|."""
        return model.lattice.coordination * abs(model.coupling)


class VectorSwendsenWang:
    """Swendsen-Wang in a random direction r: clusters of s . r are reflected with probability 1/2.

    U. Wolff, Phys. Rev. Lett. 62 (1989) 361. Valid for either sign of J on every lattice; without use where bonds are
    frustrated, for clusters then fill the lattice.
    """

    cost: ClassVar[Cost] = Cost(31.0, 1e8)

    def __init__(
        self, model: VectorModel, temperature: float, configurations: NDArray, rng: np.random.Generator
    ) -> None:
        self._model, self._lattice = model, model.lattice
        self.spins = np.array(model.vectors(configurations), np.float32, order="C")  # (chain, site, component)
        self._field = np.float32(strength(model, temperature))
        self._states = np.stack([generators(rng) for _ in configurations])
        self._bonds = np.ascontiguousarray(model.lattice.bonds_of.T)

    def advance(self, n_steps: int) -> None:
        """Update all clusters `n_steps` times."""
        clusters.swendsen_wang(self.spins, self._bonds, self._field, self._states, n_steps)

    def configurations(self, n_chains: int | None = None) -> NDArray[np.float32]:
        """Configurations (chain, site) of angles or (chain, site, component)."""
        return self._model.values(self.spins[:n_chains])


class VectorWolff(VectorSwendsenWang):
    """Wolff: grow one cluster from a random site in a random direction and reflect it. A step is one cluster."""

    cost: ClassVar[Cost] = Cost(70.0, 1e8)
    n_flipped = 0

    def advance(self, n_steps: int) -> None:
        """Reflect `n_steps` clusters in every chain."""
        self.n_flipped += clusters.wolff(self.spins, self._lattice.neighbours, self._field, self._states, n_steps)


def strength(model: VectorModel, temperature: float) -> float:
    """J / T; ValueError where fields in units of T would overflow float32."""
    z, j = model.lattice.coordination, abs(model.coupling)
    if z * j > _STRONGEST * temperature:
        raise ValueError(
            f"temperature {temperature:g} is too low for |J| = {j:g}: fields in units of T, up to z |J| / T, would "
            f"overflow float32; take T of {z * j / _STRONGEST:.2g} or more"
        )
    return model.coupling / temperature
