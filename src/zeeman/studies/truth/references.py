"""Exact averages that samples are compared with, whichever oracle they come from."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from zeeman.spins import exact
from zeeman.spins.lattices import chain
from zeeman.spins.models import Clock, Model, Potts

__all__ = [
    "Oracle", "Reference", "clock_grid", "energies", "ising_torus", "mirror", "nothing", "ring", "states",
    "three_state_potts",
]  # fmt: skip  # fmt: skip


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


def ising_torus(scale: float = 1.0, copies: int = 1, shift: float = 0.0) -> Oracle:
    """`copies` independent Ising models of coupling `scale`, plus a constant a site: Kaufman's torus."""

    def oracle(model: Model, t: float) -> Reference:
        length = model.lattice.shape[0]
        energy, heat = (float(of(t / scale, length)) for of in (exact.ising_energy, exact.ising_specific_heat))
        source = "Kaufman 1949" if copies * scale == 1 else f"Kaufman 1949: {copies} Ising of J = {scale:g}"
        return Reference(source, copies * scale * energy + shift, copies * heat)

    return oracle


def three_state_potts(model: Any, t: float) -> Reference:
    """Three clock states by the Potts model they are: cos = 3/2 delta - 1/2 on every bond."""
    per_site = model.lattice.n_bonds / model.lattice.n_sites
    found = states(Potts(model.lattice, 3, 1.5 * model.coupling), t)
    return replace(found, source="three-state Potts model", energy=found.energy + model.coupling / 2 * per_site)


def nothing(model: Model, t: float) -> Reference:
    """No oracle: identities alone."""
    return Reference("identities")
