"""What is sampled of every model, and what its symmetry says of the codes.

A group G that the ordered phase breaks to H leaves one ordered state a coset: points, a circle or a sphere G/H. The
codes then have the low levels of a particle that hops or rotates on it: one multiplet for every irreducible
representation in the functions on G/H, as large as that is. Where the states are far apart no hop is seen, and all
multiplets of q points together are one q-fold ground level.

- q points of S_q: A_1 and the standard representation, q - 1 fold, at one energy (all hops alike)
- p points of the dihedral group D_p, hops to neighbours: doublets at E_m ~ 1 - cos(2 pi m / p), a singlet at m = p/2
- the circle of O(2): doublets at E_m ~ m^2, a planar rotor
- the sphere of O(3): 2 l + 1 fold at E_l ~ l (l + 1), a rotor in space
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zeeman import spins
from zeeman.spins.exact import critical_temperature
from zeeman.spins.models import Model

__all__ = ["CASES", "Case", "Multiplet"]

_ACROSS = (0.5, 0.7, 0.85, 0.95, 1.05, 1.2, 1.5)
_CORRELATED = 0.6  # planar lattices of Heisenberg spins do not order: the correlation length is about 16 there


@dataclass(frozen=True)
class Multiplet:
    """Neighbouring levels that one irreducible representation makes equal.

    Attributes
    ----------
    name : str
        Of the representation.
    size : int
        Its dimension.
    ideal : float
        Energy over that of the first excited multiplet.
    """

    name: str
    size: int
    ideal: float


@dataclass(frozen=True)
class Case:
    """One model.

    Attributes
    ----------
    key, title : str
    model : callable
        L -> model on L x L sites.
    likelihood : str
    latent_dim : int
    shape : {"simplex", "polygon", "circle", "sphere", "strip"}
        Of the codes of the ordered phase.
    symmetry : str
        The group, as people write it.
    multiplets : tuple of Multiplet
        From the ground state up.
    cold : float
        Temperature whose codes show the shape, in units of the transition's.
    temperatures : tuple of float
        Of the training, in the same units.
    n_clusters : int
        Ordered states, 1 if there is a continuum of them.
    """

    key: str
    title: str
    model: Callable[[int], Model]
    likelihood: str
    latent_dim: int
    shape: str
    symmetry: str
    multiplets: tuple[Multiplet, ...]
    cold: float
    n_clusters: int
    temperatures: tuple[float, ...] = _ACROSS

    @property
    def unit(self) -> float:
        """The transition temperature; for Heisenberg spins, which have none, where they are correlated."""
        model = self.model(8)
        return _CORRELATED if isinstance(model, spins.Heisenberg) else float(critical_temperature(model))

    @property
    def discrete(self) -> bool:
        """Whether the ordered states are points."""
        return self.shape not in ("circle", "sphere")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of the multiplets."""
        return tuple(one.size for one in self.multiplets)

    def target(self, X: NDArray) -> NDArray[np.float64]:
        """What the codes are held against, (sample, component): the order parameter; for Blume-Capel m and s^2."""
        order = self.model(X.shape[1]).order_parameter(X)
        return np.column_stack([order, (X**2).mean(axis=(1, 2))]) if self.shape == "strip" else order

    def states(self, X: NDArray) -> NDArray[np.int64]:
        """Value of most sites, (sample,); zeros where values are continuous."""
        if not self.discrete:
            return np.zeros(len(X), np.int64)
        values = np.unique(X)
        return values[np.argmax([(v == X).mean(axis=(1, 2)) for v in values], axis=0)].astype(np.int64)

    def features(self, X: NDArray) -> NDArray[np.float64]:
        """What principal components read, (sample, feature): one-hot states, (cos, sin), or the vectors."""
        if self.shape == "circle":
            return np.stack([np.cos(X), np.sin(X)], axis=-1).reshape(len(X), -1).astype(np.float64)
        if self.shape == "sphere":
            return X.reshape(len(X), -1).astype(np.float64)
        values = self.model(X.shape[1]).tables().values  # type: ignore[attr-defined]
        return (X[..., None] == values).reshape(len(X), -1).astype(np.float64)


def _hops(p: int, *names: str) -> tuple[Multiplet, ...]:
    """Levels of a particle that hops between neighbours on a ring of p sites."""
    first = 1 - math.cos(2 * math.pi / p)
    return tuple(
        Multiplet(name, 1 if 2 * m in (0, p) else 2, (1 - math.cos(2 * math.pi * m / p)) / first)
        for m, name in enumerate(names)
    )


_GROUND = Multiplet("A₁", 1, 0.0)
_ALL = (
    Case(
        "potts-3", "Potts, q = 3: a triangle", lambda n: spins.Potts(spins.square(n), n_states=3), "categorical", 2,
        "simplex", "S₃", (_GROUND, Multiplet("E", 2, 1.0)), 0.95, 3,
    ),
    Case(
        "potts-4", "Potts, q = 4: a tetrahedron", lambda n: spins.Potts(spins.square(n), n_states=4), "categorical", 3,
        "simplex", "S₄", (_GROUND, Multiplet("T₂", 3, 1.0)), 0.97, 4,
    ),
    Case(
        "clock-4", "Clock, p = 4: a square", lambda n: spins.Clock(spins.square(n), n_states=4), "categorical", 2,
        "polygon", "D₄", _hops(4, "A₁", "E", "B"), 0.9, 4,
    ),
    Case(
        "clock-6", "Clock, p = 6: a hexagon", lambda n: spins.Clock(spins.square(n), n_states=6), "categorical", 2,
        "polygon", "D₆", _hops(6, "A₁", "E₁", "E₂", "B"), 0.6, 6,
    ),
    Case(
        "blume-capel", "Blume-Capel: magnetisation and vacancies",
        lambda n: spins.BlumeCapel(spins.square(n), crystal_field=1.5), "categorical", 2,
        "strip", "Z₂", (Multiplet("A", 1, 0.0), Multiplet("B", 1, 1.0)), 0.9, 2,
    ),
    Case(
        "xy", "XY: a circle", lambda n: spins.XY(spins.square(n)), "von_mises", 2,
        "circle", "O(2)", (Multiplet("m = 0", 1, 0.0), *(Multiplet(f"m = ±{m}", 2, float(m**2)) for m in (1, 2, 3))),
        0.5, 1,
    ),
    Case(
        "heisenberg", "Heisenberg: a sphere", lambda n: spins.Heisenberg(spins.square(n)), "von_mises_fisher", 3,
        "sphere", "O(3)", tuple(Multiplet(f"l = {k}", 2 * k + 1, k * (k + 1) / 2) for k in (0, 1, 2)), 0.5, 1,
    ),
)  # fmt: skip
CASES = {case.key: case for case in _ALL}
