"""Readings of a trained decoder: local fields and free energies, the role of beta, and when a code collapses."""

from zeeman.meanfield.activity import Activity, activity
from zeeman.meanfield.convergence import Convergence, convergence
from zeeman.meanfield.encoder import OptimalEncoder, optimal_encoder
from zeeman.meanfield.fields import MeanField, NotFactorisedError, mean_field, mean_field_of
from zeeman.meanfield.floor import OptimalDecoder, optimal_decoder
from zeeman.meanfield.threshold import CollapseThreshold, collapse_beta, collapse_threshold

__all__ = [
    "Activity",
    "CollapseThreshold",
    "Convergence",
    "MeanField",
    "NotFactorisedError",
    "OptimalDecoder",
    "OptimalEncoder",
    "activity",
    "collapse_beta",
    "collapse_threshold",
    "convergence",
    "mean_field",
    "mean_field_of",
    "optimal_decoder",
    "optimal_encoder",
]
