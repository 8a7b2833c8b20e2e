"""Models: the energy of a configuration, H = -J sum_<ij> s_i s_j - h sum_i s_i and its kin; one file a model."""

from zeeman.spins.models.ising import Ising
from zeeman.spins.models.model import Model

__all__ = ["Ising", "Model"]
