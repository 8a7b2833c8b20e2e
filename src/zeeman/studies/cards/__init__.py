"""Run cards: what a store of configurations holds, how it was made, and how it stands against exact values.

A card is read from the store alone: energies e with errors by the effective sample size, z of (e - exact) where
an oracle reaches, and at every size the mean of an identity whose exact value is zero (`exact.schwinger_dyson`). Scores
of few or skewed samples are those of a normal variate as improbable (`spins.statistics.normal_score`).
"""

from zeeman.studies.cards.making import HAMILTONIANS, hash_of, keep, make, paths
from zeeman.studies.cards.pages import markdown, table
from zeeman.studies.cards.record import FORMAT, LEAST, Card, Reading

__all__ = [
    "FORMAT",
    "HAMILTONIANS",
    "LEAST",
    "Card",
    "Reading",
    "hash_of",
    "keep",
    "make",
    "markdown",
    "paths",
    "table",
]
