"""Hamiltonians that know nothing of networks: bases, and energies from samples alone (Rayleigh-Ritz)."""

from zeeman.hamiltonians.bases import NormalizedGaussians, landmarks
from zeeman.hamiltonians.ritz import Levels, held_out_trace, rayleigh_ritz

__all__ = ["Levels", "NormalizedGaussians", "held_out_trace", "landmarks", "rayleigh_ritz"]
