"""Replica exchange of any chains that know their energy: a ladder of temperatures, neighbours on it may swap.

A family of models makes it its own by naming the update of a rung and the temperature where everything is disordered:

    class MyTempering(Tempering):
        rung = MyMetropolis            # has energies() and exchange(other, marked) beside the verbs of `Chains`
        cost = MyMetropolis.cost       # of one rung: pilots multiply it by the length of the ladder
        def hottest(self, model): return 2 * model.lattice.coordination * abs(model.coupling)

R. H. Swendsen, J.-S. Wang, Phys. Rev. Lett. 57 (1986) 2607; K. Hukushima, K. Nemoto, J. Phys. Soc. Jpn. 65 (1996) 1604.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zeeman.spins.moves.chains import ExchangeableChains

__all__ = ["Tempering", "ladder"]


class Tempering(ABC):
    """Replica exchange: every chain is a ladder of temperatures; after a sweep, neighbours on it may swap.

    The lowest rung is at `temperature`. Swaps are accepted with min(1, exp((1/T_a - 1/T_b)(E_a - E_b))); even and odd
    pairs of rungs take turns.
    """

    rung: ClassVar[Callable[..., ExchangeableChains]]

    def __init__(self, model: Any, temperature: float, configurations: NDArray, rng: np.random.Generator) -> None:
        self.temperatures = ladder(temperature, self.hottest(model), model.lattice.n_sites)
        self.n_chains = len(configurations)
        self._rng, self._turn = rng, 0
        self.rungs = [type(self).rung(model, t, configurations, rng) for t in self.temperatures]
        self.swaps = np.zeros((len(self.rungs) - 1, 2), np.int64)  # (accepted, tried) between rungs

    @abstractmethod
    def hottest(self, model: Any) -> float:
        """Temperature of the highest rung, at which chains forget in a few sweeps."""

    def advance(self, n_steps: int) -> None:
        """Sweep every rung and try to swap every other pair of rungs, `n_steps` times."""
        for _ in range(n_steps):
            for rung in self.rungs:
                rung.advance(1)
            energies = [rung.energies() for rung in self.rungs]
            for a in range(self._turn, len(self.rungs) - 1, 2):
                gain = (1 / self.temperatures[a] - 1 / self.temperatures[a + 1]) * (energies[a] - energies[a + 1])
                accepted = self._rng.random(self.n_chains) < np.exp(np.minimum(gain, 0.0))
                self.swaps[a] += accepted.sum(), len(accepted)
                self.rungs[a].exchange(self.rungs[a + 1], accepted)
            self._turn ^= 1

    def configurations(self, n_chains: int | None = None) -> NDArray:
        """Configurations (chain, site) of the lowest rung."""
        return self.rungs[0].configurations(n_chains)


def ladder(temperature: float, top: float, n_sites: int) -> NDArray[np.float64]:
    """Temperatures of replica exchange, lowest first: geometric up to `top`, at most 24 rungs.

    Steps in ln T are about 2 / sqrt(N), for a specific heat of order one; above `top` two rungs do.
    """
    if temperature >= top:
        return np.array([temperature, 1.25 * temperature])
    rungs = math.ceil(math.log(top / temperature) * math.sqrt(n_sites) / 2) + 1
    return np.geomspace(temperature, top, min(max(rungs, 3), 24))
