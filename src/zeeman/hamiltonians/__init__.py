"""Hamiltonians that know nothing of networks: H0 + g V in a basis, series, and energies from samples."""

from zeeman.hamiltonians import closed_forms
from zeeman.hamiltonians.bases import NormalizedGaussians, Union, landmarks
from zeeman.hamiltonians.box import Box
from zeeman.hamiltonians.diagonalize import Eigenstates, diagonalize
from zeeman.hamiltonians.grid import Grid
from zeeman.hamiltonians.hamiltonian import Basis, Hamiltonian
from zeeman.hamiltonians.hermite import HermitePolynomials, prior_points
from zeeman.hamiltonians.mixtures import MixturePotential
from zeeman.hamiltonians.oscillator import Oscillator
from zeeman.hamiltonians.partitions import Combined, NormalizedMixture, Shifted, fit_mixture
from zeeman.hamiltonians.perturbation import Series, expand, perturb
from zeeman.hamiltonians.potentials import Polynomial, Potential, Sinusoid, Tabulated
from zeeman.hamiltonians.ritz import Levels, held_out_trace, rayleigh_ritz, ritz

__all__ = [
    "Basis",
    "Box",
    "Combined",
    "Eigenstates",
    "Grid",
    "Hamiltonian",
    "HermitePolynomials",
    "Levels",
    "MixturePotential",
    "NormalizedGaussians",
    "NormalizedMixture",
    "Oscillator",
    "Polynomial",
    "Potential",
    "Series",
    "Shifted",
    "Sinusoid",
    "Tabulated",
    "Union",
    "closed_forms",
    "diagonalize",
    "expand",
    "fit_mixture",
    "held_out_trace",
    "landmarks",
    "perturb",
    "prior_points",
    "rayleigh_ritz",
    "ritz",
]
