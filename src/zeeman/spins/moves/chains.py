"""What an update is to a sampler: chains of configurations that it carries forward at one temperature."""

from __future__ import annotations

from typing import Protocol

from numpy.typing import NDArray

__all__ = ["Chains"]


class Chains(Protocol):
    """Independent Markov chains of one model at one temperature."""

    def advance(self, n_steps: int) -> None:
        """Make `n_steps` updates (sweeps; single clusters for Wolff) of every chain."""

    def configurations(self, n_chains: int | None = None) -> NDArray:
        """Copy of the present configurations, (chain, site), of all or the first chains."""
