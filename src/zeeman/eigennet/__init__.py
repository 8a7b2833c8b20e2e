"""psi_n(z) as a network: Rayleigh quotients of samples, and the per-sample objectives of paper 000 as what they are."""

from zeeman.eigennet.estimator import OBJECTIVES, EigenNet
from zeeman.eigennet.objectives import (
    PaperBox,
    PointwiseOptimum,
    corrected_energy,
    pointwise_optimum,
    printed_energy,
    quantum_number,
)

__all__ = [
    "OBJECTIVES",
    "EigenNet",
    "PaperBox",
    "PointwiseOptimum",
    "corrected_energy",
    "pointwise_optimum",
    "printed_energy",
    "quantum_number",
]
