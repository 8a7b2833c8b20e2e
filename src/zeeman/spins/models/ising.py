"""Ising model, H = -J sum_<ij> s_i s_j - J2 sum_<<ij>> s_i s_j - h sum_i s_i with s = -1 or +1."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from zeeman.spins._sums_numba import bond_sums, projections
from zeeman.spins.lattices import Lattice
from zeeman.spins.models.model import check_parameters
from zeeman.spins.models.states import StateModel, States
from zeeman.spins.models.symmetries import moved
from zeeman.spins.models.waves import alternating_waves

__all__ = ["Ising"]


@dataclass(frozen=True)
class Ising(StateModel):
    """Ising model, H = -J sum_<ij> s_i s_j - J2 sum_<<ij>> s_i s_j - h sum_i s_i with s = -1 or +1.

    Parameters
    ----------
    lattice : Lattice
        ``square(32)``, ...
    coupling : float
        J; positive aligns, negative alternates. Energies and temperatures are in the units of J and h (k_B = 1).
    field : float
        h.
    second_coupling : float
        J2, between second neighbours (`Lattice.second_neighbours`); positive aligns. On the square lattice a negative
        J2 beyond |J| / 2 makes rows alternate. Zero leaves the fast multi-spin updates; other values use those of
        discrete states.

    Raises
    ------
    TypeError, ValueError
        For what is no lattice, and parameters that are no finite numbers.

    Examples
    --------
    >>> from zeeman.spins.lattices import square
    >>> model = Ising(square(4))
    >>> float(model.energy(np.ones((1, 16), np.int8))[0])
    -2.0
    """

    lattice: Lattice
    coupling: float = 1.0
    field: float = 0.0
    second_coupling: float = 0.0

    def __post_init__(self) -> None:
        check_parameters(self, "coupling", "field", "second_coupling")

    def tables(self) -> States:
        """All signs may be reversed where h = 0."""
        aligned = np.array([[1.0, -1.0], [-1.0, 1.0]])
        return States(
            [-1, 1], -self.coupling * aligned, vectors=[[-1], [1]], site=[self.field, -self.field],
            involutions=[] if self.field else [[1, 0]],
            second=-self.second_coupling * aligned if self.second_coupling else None,
        )  # fmt: skip

    @property
    def frustrated(self) -> bool:
        """True where no configuration satisfies every bond."""
        if self.second_coupling:
            return self.best.frustrated
        return self.coupling < 0 and self.lattice.checkerboard is None

    @cached_property
    def divided(self) -> bool:
        """True where the lattice leads from the ordered state to others that reversal does not lead to."""
        reversed_alone = not self.second_coupling and not self.frustrated and (self.coupling >= 0 or self.field == 0)
        return not reversed_alone and super().divided

    @property
    def pattern(self) -> NDArray[np.int8]:
        """The ordered state, (site,): aligned, alternating, or rows that alternate where bonds are frustrated."""
        if self.second_coupling:
            return super().pattern
        if self.coupling >= 0:
            return np.ones(self.lattice.n_sites, np.int8)
        if self.lattice.checkerboard is not None:
            return self.lattice.checkerboard
        return (1 - 2 * (np.indices(self.lattice.shape)[0].ravel() % 2)).astype(np.int8)

    def energy(self, configurations: NDArray) -> NDArray[np.float64]:
        """Energy per site, (sample,), of configurations (sample, site) or (sample, site axes...).

        ValueError for configurations of another lattice or of no spins.
        """
        if self.second_coupling:
            return super().energy(configurations)
        s = self._sites(configurations)
        lattice = self.lattice
        bonds, up = np.empty((2, len(s)), np.int64)
        bond_sums(s, lattice.bonds_of, bonds)
        projections(s, np.ones(lattice.n_sites, np.int8), up)
        # a site listed as its own bond (honeycomb's first sublattice holds none) adds s s = 1: take those off
        bonds -= lattice.bonds_of.size - lattice.n_bonds
        return (-self.coupling * bonds - self.field * up) / lattice.n_sites

    def local_field(self, configurations: NDArray) -> NDArray[np.float64]:
        """Field J sum_j s_j + J2 sum_k s_k + h at every site, in the shape of the configurations.

        ValueError as for `energy`.
        """
        s = self._sites(configurations).astype(np.int32)
        field = self.coupling * s[:, self.lattice.neighbours].sum(axis=2) + self.field
        if self.second_coupling:
            field += self.second_coupling * s[:, self.lattice.second_neighbours].sum(axis=2)
        return field.reshape(np.shape(configurations))

    def order_parameter(self, configurations: NDArray) -> NDArray[np.float64]:
        """Order parameter 1/N sum_i e_i s_i, (sample, component), e the `waves`: m, staggered m, or where frustrated.

        The triangular antiferromagnet has cosine and sine of the wave of its three sublattices, 2/3 in length where two
        are up and one is down. Where L is no multiple of 3 that wave does not close on the torus: then six components,
        of the three nearest waves that do. So with alternation on other lattices of odd L.

        ValueError as for `energy`.
        """
        if self.second_coupling:
            return super().order_parameter(configurations)
        configurations = self._sites(configurations)
        if self.frustrated:
            return configurations @ (self.waves().T / self.lattice.n_sites)
        m = np.empty(len(configurations), np.int64)
        projections(configurations, self.pattern, m)
        return m[:, None] / self.lattice.n_sites

    def waves(self) -> NDArray[np.float64]:
        """Functions of the sites that the order parameter projects on, (wave, site)."""
        if self.second_coupling:
            return super().waves()
        return np.concatenate(alternating_waves(self.lattice)) if self.frustrated else self.pattern[None].astype(float)

    def order(self, configurations: NDArray) -> NDArray[np.float64]:
        """Size of the order parameter, (sample,); aligning in a field m itself; errors of `order_parameter`."""
        m = self.order_parameter(configurations)
        if self.field != 0 and self.coupling >= 0 and not self.second_coupling:
            return m[:, 0]
        return np.linalg.norm(m, axis=1)

    def _sites(self, configurations: NDArray) -> NDArray[np.int8]:
        """Spins as (sample, site); ValueError for configurations of another lattice or of no spins."""
        x = np.asarray(configurations)
        with np.errstate(invalid="ignore"):  # NaN is no spin, and is refused below
            s = np.ascontiguousarray(x, np.int8)
        if s.shape[1:] not in ((self.lattice.n_sites,), tuple(self.lattice.shape)):
            raise ValueError(
                f"configurations of shape {s.shape} are not of this lattice: give (sample, {self.lattice.n_sites}) or "
                f"(sample, {', '.join(map(str, self.lattice.shape))})"
            )
        if (np.abs(s) != 1).any() or (x.dtype != np.int8 and (s != x).any()):
            bad = np.argwhere((np.abs(s) != 1) | (s != x))[0]
            raise ValueError(f"value {x[tuple(bad)]} at {bad.tolist()} is no spin: spins are -1 and +1")
        return s.reshape(len(s), self.lattice.n_sites)

    def start(self, kind: str, n_samples: int, rng: np.random.Generator) -> NDArray[np.int8]:
        """Configurations (sample, site) to start from."""
        if self.second_coupling:
            return super().start(kind, n_samples, rng)
        if kind == "random":
            return (2 * rng.integers(0, 2, (n_samples, self.lattice.n_sites), dtype=np.int8) - 1).astype(np.int8)
        if self.field != 0 and self.coupling >= 0:
            return np.full((n_samples, self.lattice.n_sites), np.sign(self.field), np.int8)
        return self.pattern * _signs(n_samples, rng)

    def starts(self, method: str) -> tuple[str, ...]:
        """Ordered and random; ordered alone for single flips where a symmetry makes ordered starts equivalent.

        There a random start freezes in stripes below the critical temperature, and the other has the right weights.
        Couplings that compete (J2) need both.
        """
        if self.second_coupling:
            return super().starts(method)
        equivalent = self.field == 0 or self.coupling < 0
        local = method in ("metropolis", "heat-bath")
        return ("ordered",) if local and equivalent and not self.frustrated else ("ordered", "random")

    def turn(self, configurations: NDArray, rng: np.random.Generator) -> NDArray[np.int8]:
        """Reverse every configuration with probability 1/2 where that leaves the energy as it is (h = 0).

        Where ordered states are `divided` (a staggered one in a field, stripes) it is also moved by a random symmetry
        of the lattice.
        """
        if self.divided:
            configurations = moved(configurations, self.lattice, rng)
        return configurations if self.field != 0 else configurations * _signs(len(configurations), rng)

    def why_not(self, method: str) -> str | None:
        """Cluster updates need h = 0."""
        if method in ("wolff", "swendsen-wang") and self.field != 0:
            return f"cluster updates flip without cost only at zero field, and field = {self.field:g}"
        return None


def _signs(n_samples: int, rng: np.random.Generator) -> NDArray[np.int8]:
    return (2 * rng.integers(0, 2, (n_samples, 1), dtype=np.int8) - 1).astype(np.int8)
