"""Unit vectors s_i of n components, H = -J sum_<ij> s_i . s_j: what XY (n = 2) and Heisenberg (n = 3) share.

The group O(n) of rotations and reflections leaves H as it is. J > 0 aligns; J < 0 alternates where no odd ring forbids
it, and turns by 120 degrees from one sublattice of three to the next on the triangular lattice. On a torus that this
does not fit (odd L; on the triangular lattice L no multiple of 3) spins turn by the nearest angles that close on it,
which is the ground state there.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from zeeman.spins._vectors_numba import bond_sums
from zeeman.spins.lattices import Lattice
from zeeman.spins.models.model import check_parameters
from zeeman.spins.models.symmetries import moved
from zeeman.spins.models.waves import alternating_waves

__all__ = ["VectorModel"]


@dataclass(frozen=True)
class VectorModel(ABC):
    """A model of unit vectors; one class a representation of them."""

    lattice: Lattice
    coupling: float = 1.0

    n_components: ClassVar[int]

    def __post_init__(self) -> None:
        check_parameters(self, "coupling")

    @property
    def dtype(self) -> np.dtype:
        """float32."""
        return np.dtype(np.float32)

    @property
    @abstractmethod
    def value_axes(self) -> dict[str, int]:
        """Name and length of the axes of one site's value."""

    @abstractmethod
    def vectors(self, configurations: NDArray) -> NDArray:
        """Unit vectors (sample, site, component) of configurations; ValueError for what is none."""

    @abstractmethod
    def values(self, vectors: NDArray) -> NDArray[np.float32]:
        """Configurations (sample, site) or (sample, site, component) of unit vectors (sample, site, component)."""

    @property
    def frustrated(self) -> bool:
        """True where no configuration satisfies every bond."""
        return self.coupling < 0 and self.lattice.checkerboard is None

    def energy(self, configurations: NDArray) -> NDArray[np.float64]:
        """Energy per site, (sample,): -J / N sum_<ij> s_i . s_j; ValueError for what `vectors` refuses."""
        s, lattice = self.vectors(configurations), self.lattice
        bonds = np.empty(len(s))
        bond_sums(s, lattice.bonds_of, bonds)
        return -self.coupling * bonds / lattice.n_sites

    def local_field(self, configurations: NDArray) -> NDArray[np.float64]:
        """Field h_i = J sum_j s_j, (sample, site axes..., component): the energy is -1/2 sum_i s_i . h_i.

        ValueError for what `vectors` refuses.
        """
        s = self.vectors(configurations).astype(np.float64)
        field = self.coupling * s[:, self.lattice.neighbours].sum(axis=2)
        sites = np.shape(configurations)[1:]
        return field.reshape(len(s), *(sites[: len(sites) - len(self.value_axes)]), self.n_components)

    def order_parameter(self, configurations: NDArray) -> NDArray[np.float64]:
        """Mean of the vectors in the ordered state's own frame, (sample, component), of length 1 when ordered.

        Mean vector, staggered mean vector, or the amplitude at the three-sublattice wave vector: sqrt(2) / N sum_i
        (cos q x_i, sin q x_i) s_i, 2 n components. Where L is no multiple of 3 that wave does not close on the torus:
        6 n components, of the three nearest waves that do. So with alternation on other lattices of odd L. ValueError
        for what `vectors` refuses.
        """
        s = self.vectors(configurations).astype(np.float64)
        return np.einsum("wi,sia->swa", self.waves(), s).reshape(len(s), -1) / self.lattice.n_sites

    def order(self, configurations: NDArray) -> NDArray[np.float64]:
        """Length of the order parameter, (sample,)."""
        return np.linalg.norm(self.order_parameter(configurations), axis=1)

    def start(self, kind: str, n_samples: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Configurations to start from; the ordered one turned by a random element of O(n) in every sample."""
        n = self.n_components
        if kind == "random":
            s = rng.standard_normal((n_samples, self.lattice.n_sites, n))
            return self.values(s / np.linalg.norm(s, axis=2, keepdims=True))
        choices = self._turns()
        ordered = np.zeros((len(choices), self.lattice.n_sites, n))
        for state, wave in zip(ordered, choices, strict=True):
            state[:, : len(wave)] = wave.T
        turned = _orthogonal(n_samples, n, rng)
        # every sample one of the waves that are equally good, where there are several
        drawn = ordered[rng.integers(0, len(choices), n_samples)] if len(choices) > 1 else ordered
        return self.values(drawn @ turned)

    def starts(self, method: str) -> tuple[str, ...]:
        """Ordered and random; ordered alone for local updates where nothing but O(n) tells ordered states apart.

        There a random start is long caught in vortices and windings below the critical temperature.
        """
        caught = method not in ("swendsen-wang", "wolff") and not self.frustrated and len(self.lattice.shape) > 1
        return ("ordered",) if caught else ("ordered", "random")

    def turn(self, configurations: NDArray, rng: np.random.Generator) -> NDArray[np.float32]:
        """Rotate or reflect every configuration by a random element of O(n).

        On tori where several waves are equally good (odd L) it is also moved by a random symmetry of the lattice.
        """
        if self.coupling < 0 and self.lattice.checkerboard is None and len(self._turns()) > 1:
            configurations = moved(configurations, self.lattice, rng)
        s = self.vectors(configurations)
        return self.values(s @ _orthogonal(len(s), self.n_components, rng))

    def why_not(self, method: str) -> str | None:
        """Every update is valid: reflections leave the energy as it is."""
        return None

    def waves(self) -> NDArray[np.float64]:
        """Weights of the ordered state, (wave, site): one sign a site, or cosines and sines times sqrt(2)."""
        return np.concatenate([math.sqrt(len(wave)) * wave for wave in self._turns()])

    def _turns(self) -> list[NDArray[np.float64]]:
        """Ordered states, each the first components of the vectors, (component, site)."""
        return [np.ones((1, self.lattice.n_sites))] if self.coupling >= 0 else alternating_waves(self.lattice)

    def _sites(self, configurations: NDArray) -> NDArray:
        """Values as (sample, site, ...); ValueError for configurations of another lattice or of no numbers."""
        x, lattice = np.asarray(configurations), self.lattice
        value = tuple(self.value_axes.values())
        if x.shape[1:] not in ((lattice.n_sites, *value), (*lattice.shape, *value)):
            raise ValueError(
                f"configurations of shape {x.shape} are not of this lattice: give (sample, "
                f"{', '.join(map(str, (lattice.n_sites, *value)))}) or (sample, "
                f"{', '.join(map(str, (*lattice.shape, *value)))})"
            )
        if not np.isfinite(x).all():
            raise ValueError("configurations must be finite, got NaN or infinity; drop those samples")
        return x.reshape(len(x), lattice.n_sites, *value)


def _orthogonal(n_samples: int, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Random elements of O(n), (sample, n, n), by the invariant measure: F. Mezzadri, Notices AMS 54 (2007) 592."""
    q, r = np.linalg.qr(rng.standard_normal((n_samples, n, n)))
    return q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None, :]
