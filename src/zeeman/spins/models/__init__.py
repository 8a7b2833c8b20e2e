"""Models: the energy of a configuration, H = -J sum_<ij> s_i s_j - h sum_i s_i and its kin; one file a model."""

from zeeman.spins.models.blume_capel import BlumeCapel
from zeeman.spins.models.clock import Clock
from zeeman.spins.models.heisenberg import Heisenberg
from zeeman.spins.models.ising import Ising
from zeeman.spins.models.model import Model
from zeeman.spins.models.potts import Potts
from zeeman.spins.models.states import StateModel, States
from zeeman.spins.models.vectors import VectorModel
from zeeman.spins.models.xy import XY

__all__ = ["XY", "BlumeCapel", "Clock", "Heisenberg", "Ising", "Model", "Potts", "StateModel", "States", "VectorModel"]
