"""Many trainings of one model: how far they agree, against which nulls, and what separates them."""

from zeeman.replicas.agreement import MEASURES, Measure, agreement, pairwise
from zeeman.replicas.degeneracy import Degeneracy, degeneracy
from zeeman.replicas.lift import Lift, lift
from zeeman.replicas.nulls import Null, null_distribution, nulls, untrained_codes
from zeeman.replicas.verdict import Verdict, verdict

__all__ = [
    "MEASURES",
    "Degeneracy",
    "Lift",
    "Measure",
    "Null",
    "Verdict",
    "agreement",
    "degeneracy",
    "lift",
    "null_distribution",
    "nulls",
    "pairwise",
    "untrained_codes",
    "verdict",
]
