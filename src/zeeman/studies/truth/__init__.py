"""Samplers against exact values: every model, lattice and update, one chi-squared over all comparisons."""

from zeeman.studies.references import Reference
from zeeman.studies.truth.cases import FAMILIES, Case
from zeeman.studies.truth.comparing import SHOWN, Compared, compare
from zeeman.studies.truth.job import SIZES, Run, Truth, plan, truth
from zeeman.studies.truth.pages import markdown, table

__all__ = [
    "FAMILIES",
    "SHOWN",
    "SIZES",
    "Case",
    "Compared",
    "Reference",
    "Run",
    "Truth",
    "compare",
    "markdown",
    "plan",
    "table",
    "truth",
]
