"""Exact results that samplers are held against, and where infinite lattices change their phase.

Onsager, Yang and Kaufman on the square lattice (`square`), sums over all states of small lattices (`enumeration`),
rings (`chains`), transition temperatures with their sources (`critical`), identities at any size (`identities`).
"""

from zeeman.spins.exact.critical import (
    CRITICAL_TEMPERATURE,
    TRICRITICAL_CRYSTAL_FIELD,
    Transition,
    critical_temperature,
    potts_critical_energy,
    potts_latent_heat,
    transitions,
)
from zeeman.spins.exact.square import (
    Enumeration,
    enumerate_states,
    ising_energy,
    ising_free_energy,
    ising_magnetization,
    ising_specific_heat,
)

__all__ = [
    "CRITICAL_TEMPERATURE",
    "TRICRITICAL_CRYSTAL_FIELD",
    "Enumeration",
    "Transition",
    "critical_temperature",
    "enumerate_states",
    "ising_energy",
    "ising_free_energy",
    "ising_magnetization",
    "ising_specific_heat",
    "potts_critical_energy",
    "potts_latent_heat",
    "transitions",
]
