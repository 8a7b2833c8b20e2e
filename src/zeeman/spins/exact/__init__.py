"""Exact results that samplers are held against, and where infinite lattices change their phase.

Onsager, Yang and Kaufman on the square lattice (`square`), sums over all states of small lattices (`enumeration`,
`elimination`), rings (`chains`), transition temperatures with their sources (`critical`), identities at any size
(`identities`).
"""

from zeeman.spins.exact.chains import Chain, sum_chain
from zeeman.spins.exact.critical import (
    CRITICAL_TEMPERATURE,
    TRICRITICAL_CRYSTAL_FIELD,
    NoTransition,
    Transition,
    critical_temperature,
    potts_critical_energy,
    potts_latent_heat,
    transitions,
)
from zeeman.spins.exact.elimination import Sums, sum_states
from zeeman.spins.exact.enumeration import Enumeration, enumerate_states
from zeeman.spins.exact.identities import Identity, schwinger_dyson
from zeeman.spins.exact.square import (
    ising_energy,
    ising_free_energy,
    ising_magnetization,
    ising_specific_heat,
)

__all__ = [
    "CRITICAL_TEMPERATURE",
    "TRICRITICAL_CRYSTAL_FIELD",
    "Chain",
    "Enumeration",
    "Identity",
    "NoTransition",
    "Sums",
    "Transition",
    "critical_temperature",
    "enumerate_states",
    "ising_energy",
    "ising_free_energy",
    "ising_magnetization",
    "ising_specific_heat",
    "potts_critical_energy",
    "potts_latent_heat",
    "schwinger_dyson",
    "sum_chain",
    "sum_states",
    "transitions",
]
