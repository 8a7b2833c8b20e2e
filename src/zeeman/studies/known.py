"""The exact energy of a model at a temperature, from whichever oracle of `zeeman.spins.exact` reaches it.

Rings by transfer matrix; the square Ising torus by Kaufman's products, and what is Ising in other words (two-state
Potts and clock models, the four-state clock as two Ising models of half the coupling); small lattices of discrete
states by summing over all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zeeman.spins import Clock, Ising, Potts, exact
from zeeman.spins.models import Model, StateModel

__all__ = ["Known", "known_energy"]

_MOST = 2e8  # steps of a sum over states: some seconds


@dataclass(frozen=True)
class Known:
    """An exact energy per site, and where it comes from."""

    energy: float
    source: str


def known_energy(model: Model, temperature: float) -> Known | None:
    """Energy per site at this lattice size, or None where no oracle reaches it."""
    second = getattr(model, "second_coupling", 0.0)
    if model.lattice.name == "chain" and not second:
        return Known(
            float(exact.sum_chain(model, temperature, model.lattice.n_sites).energy), "transfer matrix of the ring"
        )
    return _by_ising(model, temperature) or _by_sum(model, temperature)


def _by_ising(model: Any, t: float) -> Known | None:
    """Models of the square torus whose bonds are those of Ising models: e = scale e_Ising(T / unit) + shift."""
    lattice, name = model.lattice, "Kaufman 1949"
    # a bond of J delta(s, t) is J/2 s t + J/2; one of J cos of quarter turns is J/2 (s s' + t t')
    if isinstance(model, Ising) and not model.field and not model.second_coupling:
        unit, copies, shift = model.coupling, 1, 0.0
    elif isinstance(model, Potts) and model.n_states == 2:
        unit, copies, shift = model.coupling / 2, 1, -model.coupling / 2 * lattice.n_bonds / lattice.n_sites
    elif isinstance(model, Clock) and model.n_states == 2:
        unit, copies, shift = model.coupling, 1, 0.0
    elif isinstance(model, Clock) and model.n_states == 4:
        unit, copies, shift, name = model.coupling / 2, 2, 0.0, "two Ising models, Kaufman 1949"
    else:
        return None
    if lattice.name != "square" or unit == 0 or (unit < 0 and lattice.checkerboard is None):
        return None
    energy = float(exact.ising_energy(t / abs(unit), lattice.shape[0]))
    return Known(copies * abs(unit) * energy + shift, name)


def _by_sum(model: Any, t: float) -> Known | None:
    if not isinstance(model, StateModel):
        return None
    if model.states.n_states ** float(_most_open(model)) * model.lattice.n_sites > _MOST:
        return None
    return Known(float(exact.sum_states(model, t, order=False).energy), "sum over all states")


def _most_open(model: StateModel) -> int:
    """Sites that still wait for a neighbour, at most, when sites enter in the order of their numbers."""
    site = np.arange(model.lattice.n_sites)
    last = np.sort(np.maximum(model.reach[0].max(axis=1), site))
    return int((site - np.searchsorted(last, site)).max()) + 1
