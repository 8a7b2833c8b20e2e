"""What samplers must know of a model: they ask nothing else, so a further model is one file here.

A model states its lattice, the values a site can take and their representation, its energy and local fields, where
chains start, which order parameter relaxes slowest, and which updates may not be used and why.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from zeeman.spins.lattices import Lattice

__all__ = ["Model", "check_parameters"]


class Model(Protocol):
    """What a sampler asks of a model; configurations are (sample, site) or (sample, site, component)."""

    @property
    def lattice(self) -> Lattice:
        """Sites and neighbours."""

    @property
    def dtype(self) -> np.dtype:
        """Type of one site's value in a configuration."""

    @property
    def value_axes(self) -> dict[str, int]:
        """Name and length of the axes of one site's value; empty for scalars."""

    @property
    def frustrated(self) -> bool:
        """True where no configuration satisfies every bond: clusters percolate there and are of no use."""

    def energy(self, configurations: NDArray) -> NDArray[np.float64]:
        """Energy per site, (sample,)."""

    def local_field(self, configurations: NDArray) -> NDArray[np.float64]:
        """Field that each site feels, minus the derivative of the energy by the site's value."""

    def order_parameter(self, configurations: NDArray) -> NDArray[np.float64]:
        """Order parameter, (sample, component)."""

    def order(self, configurations: NDArray) -> NDArray[np.float64]:
        """Size of the order parameter, (sample,): the slow quantity by which relaxation is judged."""

    def start(self, kind: str, n_samples: int, rng: np.random.Generator) -> NDArray:
        """Configurations to start from: ``"ordered"`` (by random signs where those are equivalent) or ``"random"``."""

    def starts(self, method: str) -> tuple[str, ...]:
        """Kinds of start that must agree before chains of this method count as equilibrated."""

    def turn(self, configurations: NDArray, rng: np.random.Generator) -> NDArray:
        """Apply a random symmetry of the energy to every configuration, so that readings of a chain part.

        Of the spins; also of the lattice where those of the spins leave ordered states apart (`symmetries.moved`).
        """

    def why_not(self, method: str) -> str | None:
        """Reason why an update is not valid for this model, else None."""


def check_parameters(model: Any, *names: str) -> None:
    """Raise TypeError or ValueError unless `lattice` is one and the named parameters are finite; make them floats."""
    if not isinstance(model.lattice, Lattice):
        raise TypeError(f"lattice must be a Lattice such as zm.spins.square(32), got {model.lattice!r}")
    for name in names:
        value = getattr(model, name)
        if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
            raise TypeError(f"{name} must be a number, got {value!r}")
        if not math.isfinite(value):
            raise ValueError(f"{name} must be finite, got {value!r}; a large number does for an infinite one")
        object.__setattr__(model, name, float(value))
