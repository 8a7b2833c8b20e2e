"""What a code knows: evidence of a trained model, rate and distortion, geometry and disentanglement of its codes."""

from zeeman.information.annealing import Annealed, Sandwich, annealed, sandwich
from zeeman.information.disentanglement import Score, disentanglement
from zeeman.information.evidence import Importance, importance, pareto_shape
from zeeman.information.factors import mig, modularity, mutual_information
from zeeman.information.geometry import (
    Isometry,
    Orthogonality,
    branch_directions,
    branch_distances,
    first_moment_mmd,
    isometry,
    orthogonality,
    regression_directions,
)
from zeeman.information.interventions import beta_vae_score, factor_vae_score
from zeeman.information.predicted import DCI, dci, explicitness, sap
from zeeman.information.quadrature import Quadrature, quadrature
from zeeman.information.rates import (
    Curve,
    InformationBounds,
    RateDistortion,
    RateParts,
    information_bounds,
    rate_distortion,
    rate_distortion_curve,
    rate_parts,
)
from zeeman.information.similarity import BlockDiagonality, CosineSimilarity, block_diagonality, cosine_similarity

__all__ = [
    "DCI",
    "Annealed",
    "BlockDiagonality",
    "CosineSimilarity",
    "Curve",
    "Importance",
    "InformationBounds",
    "Isometry",
    "Orthogonality",
    "Quadrature",
    "RateDistortion",
    "RateParts",
    "Sandwich",
    "Score",
    "annealed",
    "beta_vae_score",
    "block_diagonality",
    "branch_directions",
    "branch_distances",
    "cosine_similarity",
    "dci",
    "disentanglement",
    "explicitness",
    "factor_vae_score",
    "first_moment_mmd",
    "importance",
    "information_bounds",
    "isometry",
    "mig",
    "modularity",
    "mutual_information",
    "orthogonality",
    "pareto_shape",
    "quadrature",
    "rate_distortion",
    "rate_distortion_curve",
    "rate_parts",
    "regression_directions",
    "sandwich",
    "sap",
]
