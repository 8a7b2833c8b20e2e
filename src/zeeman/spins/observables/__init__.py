"""Observables: of single configurations, (sample,) each, and functions of their averages, with errors.

order parameters (`order`) - structure factor and correlation length (`fourier`) - stiffness and vortices (`rotors`) -
specific heat, susceptibility, Binder cumulant (`moments`).
"""

from zeeman.spins.observables.fourier import (
    correlation_length,
    lattice_momentum,
    longest_waves,
    peak_structure,
    structure_factor,
    wavevectors,
)
from zeeman.spins.observables.moments import (
    Moments,
    binder,
    binder_cumulant,
    moments,
    specific_heat,
    susceptibility,
)
from zeeman.spins.observables.order import (
    anisotropy,
    clock_vector,
    magnetization,
    potts_order,
    potts_vector,
    squared_spin,
    staggered_magnetization,
    stripe_order,
    three_sublattice_order,
    vacancy_density,
)
from zeeman.spins.observables.rotors import helicity_modulus, helicity_terms, vortex_density, vorticity

__all__ = [
    "Moments", "anisotropy", "binder", "binder_cumulant", "clock_vector", "correlation_length", "helicity_modulus",
    "helicity_terms", "lattice_momentum", "longest_waves", "magnetization", "moments", "peak_structure", "potts_order",
    "potts_vector", "specific_heat", "squared_spin", "staggered_magnetization", "stripe_order", "structure_factor",
    "susceptibility", "three_sublattice_order", "vacancy_density", "vortex_density", "vorticity", "wavevectors",
]  # fmt: skip
