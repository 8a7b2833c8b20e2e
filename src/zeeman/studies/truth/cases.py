"""What is compared: every model on every lattice, near its transition, with the oracle that reaches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zeeman.spins.lattices import chain, cubic, honeycomb, square, triangular
from zeeman.spins.models import XY, BlumeCapel, Clock, Heisenberg, Ising, Model, Potts
from zeeman.spins.moves import moves_of
from zeeman.studies.references import (
    Reference,
    clock_grid,
    energies,
    full_lattice,
    ising_torus,
    mirror,
    nothing,
    ring,
    states,
    three_state_potts,
)

__all__ = ["FAMILIES", "Case"]


@dataclass(frozen=True)
class Case:
    """One model at one temperature, and what is known of it."""

    model: Model
    temperature: float
    oracle: Callable[[Any, float], Reference] = states

    @property
    def name(self) -> str:
        """Model, lattice, parameters that are not the model's plain ones, and temperature."""
        told = [repr(self.model.lattice)]
        for parameter, plain in _PLAIN.items():
            value = getattr(self.model, parameter, plain)
            if value != plain:
                told.append(f"{_SAYS[parameter]} = {value:.7g}")
        return f"{type(self.model).__name__}, {', '.join(told)}, T = {self.temperature:.7g}"

    @property
    def methods(self) -> tuple[str, ...]:
        """Updates that are valid here, and the sampler's own choice."""
        moves = moves_of(self.model) or {}
        return (*(name for name in sorted(moves) if self.model.why_not(name) is None), "auto")


_PLAIN = {"n_states": None, "coupling": 1.0, "field": 0.0, "second_coupling": 0.0, "crystal_field": 0.0}
_SAYS = {"n_states": "q", "coupling": "J", "field": "h", "second_coupling": "J2", "crystal_field": "D"}

FAMILIES: dict[str, tuple[Case, ...]] = {
    "ising": (
        Case(Ising(square(16)), 2.269185, ising_torus),
        Case(Ising(square(6)), 2.269185),
        Case(Ising(chain(12)), 1.0),
        Case(Ising(triangular(4)), 3.64),
        Case(Ising(honeycomb(3)), 1.52),
        Case(Ising(cubic(3)), 4.51, energies),
        Case(Ising(square(4), -1.0), 2.27, mirror),
        Case(Ising(triangular(4), -1.0), 1.5, energies),
        Case(Ising(square(4), 1.0, 0.3), 2.5),
        Case(Ising(square(4), 1.0, 0.0, -0.3), 1.5),
        Case(Ising(triangular(4), 1.0, 0.0, 0.4), 5.0),
    ),
    "potts": (
        Case(Potts(square(4), 3), 0.994973),
        Case(Potts(square(3), 4), 0.910239),
        Case(Potts(square(3), 8), 0.8, energies),
        Case(Potts(square(8), 2), 1.134593, ising_torus),
        Case(Potts(chain(8), 3), 0.6),
        Case(Potts(triangular(3), 3), 1.58),
        Case(Potts(honeycomb(2), 3), 0.67),
        Case(Potts(cubic(2), 3), 1.8),
        Case(Potts(square(4), 3, -1.0), 0.6, energies),
    ),
    "blume-capel": (
        Case(BlumeCapel(square(4), 1.0, 1.0), 1.397),
        Case(BlumeCapel(square(4)), 1.6936),
        Case(BlumeCapel(square(4), 1.0, 1.965815), 0.608577),
        Case(BlumeCapel(square(8), 1.0, -40.0), 2.269185, full_lattice),
        Case(BlumeCapel(square(4), -1.0, 0.5), 1.57, mirror),
        Case(BlumeCapel(chain(8), 1.0, 0.5), 0.7),
        Case(BlumeCapel(triangular(3), 1.0, 1.5), 2.3),
        Case(BlumeCapel(honeycomb(2), 1.0, 0.5), 1.0),
        Case(BlumeCapel(cubic(2), 1.0, 1.0), 2.8),
    ),
    "clock": (
        Case(Clock(square(4), 3), 1.492459, three_state_potts),
        Case(Clock(square(8), 4), 1.134593, ising_torus),
        Case(Clock(square(3), 5), 0.95),
        Case(Clock(square(4), 6), 0.9, energies),
        Case(Clock(chain(8), 5), 0.5),
        Case(Clock(triangular(3), 5), 1.5, energies),
        Case(Clock(honeycomb(2), 6), 0.7),
        Case(Clock(cubic(2), 6), 2.2, energies),
        Case(Clock(square(4), 6, -1.0), 0.9, energies),
    ),
    "xy": (
        Case(XY(chain(12)), 0.5, ring),
        Case(XY(chain(7), -1.0), 0.5, ring),
        Case(XY(square(2)), 1.0, ring),
        Case(XY(square(3)), 1.0, clock_grid(12)),
        Case(XY(triangular(2)), 1.5, clock_grid(20)),
        Case(XY(honeycomb(2)), 0.8, clock_grid(16)),
        Case(XY(cubic(2)), 2.2, clock_grid(16)),
        Case(XY(square(12)), 0.893, nothing),
        Case(XY(triangular(6), -1.0), 0.6, nothing),
    ),
    "heisenberg": (
        Case(Heisenberg(chain(12)), 0.5, ring),
        Case(Heisenberg(chain(7), -1.0), 0.5, ring),
        Case(Heisenberg(square(2)), 0.8, ring),
        Case(Heisenberg(square(12)), 0.6, nothing),
        Case(Heisenberg(triangular(6)), 1.0, nothing),
        Case(Heisenberg(honeycomb(4)), 0.5, nothing),
        Case(Heisenberg(cubic(6)), 1.443, nothing),
    ),
}
