"""The papers' figures: one file each, with numbers, a picture, and the claims they are judged by.

A figure's module holds ``TITLE``, ``CAPTION`` (what is shown), ``CLAIMS`` (a tuple of `Claim`),
``compute(size, shelf)`` -> numbers and ``draw(numbers)`` -> a matplotlib figure. Papers are named by number: 000,
perturbation theory on VAE latents; 001, its review; 002, beta-VAE for classical models. The latent spaces of all
classical models (`zeeman.studies.latents`) are figures of the same kind, one a model.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from zeeman.base.checks import check_choice
from zeeman.studies.figures.claims import Claim, Numbers, Verdict, judge
from zeeman.studies.figures.shelf import Shelf, read_numbers, write_numbers
from zeeman.studies.figures.sizes import SIZES, Size, size_of
from zeeman.studies.latents.cases import CASES as MODELS

__all__ = [
    "FIGURES",
    "GROUPS",
    "MODELS",
    "SHARING",
    "SIZES",
    "Claim",
    "Numbers",
    "PaperFigure",
    "Shelf",
    "Size",
    "Verdict",
    "figure",
    "judge",
    "keys_of",
    "read_numbers",
    "size_of",
    "write_numbers",
]

FIGURES = {
    "000-1": "retrainings",
    "000-2": "levels_of_classes",
    "002-2": "generated_phases",
    "002-3": "latent_phases",
    "002-4": "decoded_plane",
    "002-5": "three_states",
    "002-6": "handwritten_digits",
    "002-7": "local_temperatures",
    "002-12": "role_of_beta",
}  # paper and figure (002-12: equation 12) -> the module in this folder

GROUPS = {"papers": tuple(FIGURES), "models": tuple(MODELS)}  # names that stand for several figures

SHARING = (("002-2", "002-3", "002-4", "002-12"), ("000-1", "000-2"))  # figures that read the same trainings


@dataclass(frozen=True)
class PaperFigure:
    """One figure, of a paper or of a model's latent space, as running code.

    Attributes
    ----------
    key, title, caption : str
    claims : tuple of Claim
    compute : callable
        ``compute(size, shelf)`` -> numbers; the shelf keeps the pieces.
    draw : callable
        ``draw(numbers)`` -> matplotlib figure, from the numbers alone.
    """

    key: str
    title: str
    caption: str
    claims: tuple[Claim, ...]
    compute: Callable[[Size, Shelf], Numbers]
    draw: Callable[[Numbers], Any]


def keys_of(names: Sequence[str]) -> tuple[str, ...]:
    """Keys of the figures called by key or by group ("papers", "models"), each once; the papers' if none is named."""
    known = (*FIGURES, *MODELS, *GROUPS)
    for name in names:
        check_choice(name, known, "figure")
    return tuple(dict.fromkeys(key for name in names or ("papers",) for key in GROUPS.get(name, (name,))))


def figure(key: str) -> PaperFigure:
    """Return the figure called `key` ("002-3", "potts-3"); ValueError lists those there are."""
    check_choice(key, (*FIGURES, *MODELS), "figure")
    if key in MODELS:
        return PaperFigure(key, **importlib.import_module("zeeman.studies.latents").parts_of(key))
    module = importlib.import_module(f"zeeman.studies.figures.{FIGURES[key]}")
    return PaperFigure(key, module.TITLE, module.CAPTION, module.CLAIMS, module.compute, module.draw)
