"""Exact averages that samples are held against: cards of stores and the truth table take them from here.

Rings by transfer matrix; the square Ising torus by Kaufman's products, and what is Ising in other words (two-state
Potts and clock models, the four-state clock as two Ising models of half the coupling); small lattices of discrete
states by summing over all of them. `known` takes the first of these that reaches a model.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from zeeman.spins import exact
from zeeman.spins.lattices import chain
from zeeman.spins.models import Clock, Ising, Model, Potts, StateModel

__all__ = [
    "Oracle", "Reference", "clock_grid", "energies", "full_lattice", "ising_torus", "known", "mirror", "nothing",
    "ring", "states", "three_state_potts",
]  # fmt: skip

_MOST = 2e8  # steps of a sum over states: some seconds


@dataclass(frozen=True)
class Reference:
    """Exact averages, NaN where the oracle does not say.

    Attributes
    ----------
    source : str
        The oracle, for people.
    energy, specific_heat : float
        Per site.
    absolute, second, fourth : float
        Moments of the size of the order parameter.
    """

    source: str
    energy: float = math.nan
    specific_heat: float = math.nan
    absolute: float = math.nan
    second: float = math.nan
    fourth: float = math.nan


Oracle = Callable[[Any, float], Reference]


def known(model: Model, t: float) -> Reference | None:
    """Energy and specific heat at this lattice size, or None where no oracle reaches the model in some seconds."""
    if model.lattice.name == "chain" and not getattr(model, "second_coupling", 0.0):
        return ring(model, t)
    if _as_ising(model) is not None:
        return ising_torus(model, t)
    return energies(model, t) if _few_states(model) else None


def states(model: Model, t: float) -> Reference:
    """Sum over all states, order parameter included."""
    sums = exact.sum_states(model, t)
    return Reference(
        "sum over all states", sums.energy, sums.specific_heat, sums.absolute, sums.second, sums.fourth
    )  # fmt: skip


def energies(model: Model, t: float) -> Reference:
    """Sum over all states, of energies alone."""
    sums = exact.sum_states(model, t, order=False)
    return Reference("sum over all states", sums.energy, sums.specific_heat)


def mirror(model: Any, t: float) -> Reference:
    """An antiferromagnet on two sublattices by its mirror image; the order parameter is the staggered one."""
    return replace(states(replace(model, coupling=-model.coupling), t), source="sum over all states, mirrored")


def ring(model: Any, t: float) -> Reference:
    """Transfer matrix of a ring; 2 x 2 sites are a ring of four with doubled bonds."""
    lattice = model.lattice
    if lattice.name == "chain":
        sums, source = exact.sum_chain(model, t, lattice.n_sites), "transfer matrix of the ring"
    else:
        doubled = replace(model, lattice=chain(4), coupling=2 * model.coupling)
        sums, source = exact.sum_chain(doubled, t, 4), "ring of four with doubled bonds"
    return Reference(source, sums.energy, sums.specific_heat)


def clock_grid(n_states: int) -> Oracle:
    """XY with its angles on an even grid, which converges exponentially in the number of states."""

    def oracle(model: Any, t: float) -> Reference:
        sums = exact.sum_states(Clock(model.lattice, n_states, model.coupling), t, order=False)
        return Reference(f"{n_states}-state clock", sums.energy, sums.specific_heat)

    return oracle


def ising_torus(model: Model, t: float) -> Reference:
    """Kaufman's torus, for models that are Ising in other words; ValueError for others."""
    found = _as_ising(model)
    if found is None:
        raise ValueError(f"{model!r} is no Ising ferromagnet on the square torus, nor another name of one")
    coupling, copies, shift = found
    energy, heat = (
        float(of(t / coupling, model.lattice.shape[0])) for of in (exact.ising_energy, exact.ising_specific_heat)
    )
    source = "Kaufman 1949" if isinstance(model, Ising) else f"Kaufman 1949: {copies} Ising of J = {coupling:g}"
    return Reference(source, copies * coupling * energy + shift, copies * heat)


def full_lattice(model: Any, t: float) -> Reference:
    """Blume-Capel where no site is empty, D -> -infinity: Ising, and D a site."""
    found = ising_torus(Ising(model.lattice, model.coupling), t)
    return replace(found, energy=found.energy + model.crystal_field)


def three_state_potts(model: Any, t: float) -> Reference:
    """Three clock states by the Potts model they are: cos = 3/2 delta - 1/2 on every bond."""
    per_site = model.lattice.n_bonds / model.lattice.n_sites
    found = states(Potts(model.lattice, 3, 1.5 * model.coupling), t)
    return replace(found, source="three-state Potts model", energy=found.energy + model.coupling / 2 * per_site)


def nothing(model: Model, t: float) -> Reference:
    """No oracle: identities alone."""
    return Reference("identities")


def _as_ising(model: Any) -> tuple[float, int, float] | None:
    """Coupling and number of Ising ferromagnets whose energies add up to the model's, and a constant a site."""
    lattice, copies, shift = model.lattice, 1, 0.0
    # a bond of J delta(s, t) is J/2 s t + J/2; one of J cos of quarter turns is J/2 (s s' + t t')
    if isinstance(model, Ising) and not model.field and not model.second_coupling:
        coupling = model.coupling
    elif isinstance(model, Potts) and model.n_states == 2:
        coupling, shift = model.coupling / 2, -model.coupling / 2 * lattice.n_bonds / lattice.n_sites
    elif isinstance(model, Clock) and model.n_states in (2, 4):
        copies = model.n_states // 2
        coupling = model.coupling / copies
    else:
        return None
    if lattice.name != "square" or coupling == 0 or (coupling < 0 and lattice.checkerboard is None):
        return None
    return abs(coupling), copies, shift


def _few_states(model: Any) -> bool:
    """Whether a sum over all states takes seconds: q to the sites that wait for a neighbour, in order of numbers."""
    if not isinstance(model, StateModel):
        return False
    site = np.arange(model.lattice.n_sites)
    last = np.sort(np.maximum(model.reach[0].max(axis=1), site))
    most_open = int((site - np.searchsorted(last, site)).max()) + 1
    return model.states.n_states ** float(most_open) * model.lattice.n_sites <= _MOST
