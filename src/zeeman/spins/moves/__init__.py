"""Moves: chains of configurations that one update carries forward at one temperature.

    chains = start(model, "metropolis", temperature, n_chains, "ordered", rng)
    chains.advance(100);  chains.configurations()

A new update is a class with those two verbs; a family of models adds a row to `MOVES`, and its members inherit it. The
first entry of a row is the local update that ``"auto"`` tries. On a torch device (``device="cuda"``) the updates are
those of `moves.torch`, which is imported only then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from zeeman.spins.models import Ising, Model, StateModel, VectorModel
from zeeman.spins.moves.chains import Chains
from zeeman.spins.moves.multispin import LANES, Metropolis, SwendsenWang, Tempering, Wolff
from zeeman.spins.moves.states import (
    StateHeatBath,
    StateMetropolis,
    StateSwendsenWang,
    StateTempering,
    StateWolff,
)
from zeeman.spins.moves.vectors import (
    VectorHeatBath,
    VectorMetropolis,
    VectorOverRelaxation,
    VectorSwendsenWang,
    VectorTempering,
    VectorWolff,
)  # fmt: skip

__all__ = [
    "LANES", "MOVES", "Chains", "Metropolis", "SwendsenWang", "Tempering", "Wolff", "moves_of", "start",
]  # fmt: skip

MOVES: dict[type, dict[str, Callable[..., Chains]]] = {
    Ising: {
        "metropolis": Metropolis, "heat-bath": StateHeatBath, "swendsen-wang": SwendsenWang, "wolff": Wolff,
        "tempering": Tempering,
    },
    StateModel: {
        "heat-bath": StateHeatBath, "metropolis": StateMetropolis, "swendsen-wang": StateSwendsenWang,
        "wolff": StateWolff, "tempering": StateTempering,
    },
    VectorModel: {
        "over-relaxation": VectorOverRelaxation, "heat-bath": VectorHeatBath, "metropolis": VectorMetropolis,
        "swendsen-wang": VectorSwendsenWang, "wolff": VectorWolff, "tempering": VectorTempering,
    },
}  # fmt: skip


def moves_of(model: object, device: str | None = None) -> Mapping[str, Callable[..., Chains]] | None:
    """Updates of a model by name: the row of the nearest class it descends from, None for what is no model.

    Multi-spin words count broken bonds of one kind: with second neighbours Ising spins are states like others.
    """
    if device is not None:
        from zeeman.spins.moves.torch import moves_on

        return moves_on(model, device)
    if isinstance(model, Ising) and model.second_coupling:
        return MOVES[StateModel]
    return next((MOVES[kind] for kind in type(model).__mro__ if kind in MOVES), None)


def start(
    model: Model, method: str, temperature: float, n_chains: int, kind: str, rng: np.random.Generator,
    device: str | None = None,
) -> Chains:  # fmt: skip
    """Chains of `model` under `method`, from ``"ordered"`` or ``"random"`` configurations, all numbers from `rng`."""
    moves = moves_of(model, device)
    assert moves is not None, "checked by `sample`"
    return moves[method](model, temperature, model.start(kind, n_chains, rng), rng)
