"""The physics of latent spaces: fields, energies, states and phases that survive retraining.

A trained latent space is a physical system. The names below are loaded on first use, so that importing zeeman
(and asking the command line for help) stays fast.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "BetaVAE": "zeeman.vae",
    "Codes": "zeeman.base.types",
    "EigenNet": "zeeman.eigennet",
    "LatentSpectrum": "zeeman.spectrum",
    "critical_temperature": "zeeman.studies",
    "data": None,
    "degeneracy": "zeeman.replicas",
    "eigennet": None,
    "hamiltonians": None,
    "information": None,
    "lift": "zeeman.replicas",
    "meanfield": None,
    "plots": None,
    "replicas": None,
    "report": None,
    "sc": "zeeman.studies",
    "spectrum": None,
    "spins": None,
    "studies": None,
    "training": None,
    "vae": None,
}  # a name and the module it lives in; None: it is a module itself

__all__ = [
    "BetaVAE",
    "Codes",
    "EigenNet",
    "LatentSpectrum",
    "critical_temperature",
    "data",
    "degeneracy",
    "eigennet",
    "hamiltonians",
    "information",
    "lift",
    "meanfield",
    "plots",
    "replicas",
    "report",
    "sc",
    "spectrum",
    "spins",
    "studies",
    "training",
    "vae",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'zeeman' has no attribute {name!r}; it has {', '.join(sorted(_HOME))}")
    home = _HOME[name]
    return importlib.import_module(f"zeeman.{name}") if home is None else getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
