"""Spin models on lattices: exact results, samplers that check themselves, observables, statistics of series."""

from zeeman.spins import exact, observables, reweighting, statistics
from zeeman.spins.lattices import chain, cubic, honeycomb, square, triangular
from zeeman.spins.measurements import measure, model_of
from zeeman.spins.models import XY, BlumeCapel, Clock, Heisenberg, Ising, Potts
from zeeman.spins.observables import magnetization, staggered_magnetization
from zeeman.spins.samplers import sample

__all__ = [
    "XY",
    "BlumeCapel",
    "Clock",
    "Heisenberg",
    "Ising",
    "Potts",
    "chain",
    "cubic",
    "exact",
    "honeycomb",
    "magnetization",
    "measure",
    "model_of",
    "observables",
    "reweighting",
    "sample",
    "square",
    "staggered_magnetization",
    "statistics",
    "triangular",
]
