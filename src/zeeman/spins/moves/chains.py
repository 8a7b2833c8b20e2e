"""What an update is to a sampler: chains of configurations that it carries forward at one temperature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Chains", "Cost", "ExchangeableChains", "cost_of"]


class Chains(Protocol):
    """Independent Markov chains of one model at one temperature; a class attribute `cost` says how to run them."""

    def advance(self, n_steps: int) -> None:
        """Make `n_steps` updates (sweeps; single clusters for Wolff) of every chain."""

    def configurations(self, n_chains: int | None = None) -> NDArray:
        """Copy of the present configurations, (chain, site), of all or the first chains."""


class ExchangeableChains(Chains, Protocol):
    """Chains that replica exchange can hold at one rung of its ladder."""

    def energies(self) -> NDArray[np.float64]:
        """Total energy of every chain, (chain,)."""

    def exchange(self, other: Any, marked: NDArray[np.bool_]) -> None:
        """Exchange the configurations of the chains marked in `marked`, (chain,), with those of `other`."""


@dataclass(frozen=True)
class Cost:
    """What an update costs and how many chains it likes: constants, so that a seed means the same everywhere.

    Attributes
    ----------
    site : float
        Nominal nanoseconds for one site that a step touches, on one core: all sites, of Wolff those of the cluster.
    most_updates : float
        Sites that a pilot may touch in all.
    pilot_chains : int
        Chains that a pilot runs from each kind of start.
    lanes : int
        Chains cost the same in groups of this many.
    job : int
        Most chains in one job of one thread.
    fill, most_rounds : int, int or None
        Chains are read up to `most_rounds` times where there are more than `fill` samples; without `most_rounds`,
        `fill` chains are read as often as it takes.
    beside : float
        Nominal nanoseconds a site of the lattice for what a step does beside that, such as local sweeps.
    """

    site: float
    most_updates: float
    pilot_chains: int = 12
    lanes: int = 1
    job: int = 2
    fill: int = 16
    most_rounds: int | None = None
    beside: float = 0.0


def cost_of(update: Any) -> Cost:
    """Cost of an update; that of a cluster update for a class that states none."""
    return getattr(update, "cost", Cost(site=16.0, most_updates=1e8))
