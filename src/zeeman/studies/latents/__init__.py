"""Latent spaces of classical models: codes with the shape, levels with the multiplets, of the symmetry that is broken.

One case a model (`zeeman.studies.latents.cases`), all through one door: sample across the transition, train a small
beta-VAE, set its codes beside the order parameter and beside principal components, and name the multiplets of their
spectrum by the irreducible representations of the model's symmetry. `zeeman reproduce models` makes all of them.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from zeeman.studies.latents.cases import CASES

__all__ = ["CASES", "parts_of"]


def parts_of(key: str) -> dict[str, Any]:
    """Title, caption, claims, compute and draw of one model's figure, as `zeeman.studies.figures.PaperFigure` has them.

    Their modules load torch and matplotlib: not before they are needed.
    """
    from zeeman.studies.latents.claims import caption_of, claims_of, numbers_of
    from zeeman.studies.latents.drawing import draw

    case = CASES[key]
    return {
        "title": case.title, "caption": caption_of(case), "claims": claims_of(case),
        "compute": partial(numbers_of, case), "draw": partial(draw, case),
    }  # fmt: skip
