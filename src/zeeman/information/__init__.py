"""What a code knows: evidence of a trained model, rate and distortion, geometry and disentanglement of its codes."""

from zeeman.information.annealing import Annealed, Sandwich, annealed, sandwich
from zeeman.information.evidence import Importance, importance, pareto_shape
from zeeman.information.quadrature import Quadrature, quadrature

__all__ = [
    "Annealed",
    "Importance",
    "Quadrature",
    "Sandwich",
    "annealed",
    "importance",
    "pareto_shape",
    "quadrature",
    "sandwich",
]
