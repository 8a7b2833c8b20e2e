"""Models of q discrete states given by small tables: E = sum_<ij> bond[a_i, a_j] + sum_i site[a_i].

    class MyModel(StateModel):  lattice: Lattice;  tables(self) -> States

Energies, starts, order parameter, symmetries and every update follow from the tables. A configuration holds the
`values` of the states (int8); kernels hold their numbers 0..q-1.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeeman.base.checks import check_positive_integer
from zeeman.spins._states_numba import bond_energies, state_sums
from zeeman.spins.lattices import Lattice
from zeeman.spins.models.patterns import Pattern, best_pattern
from zeeman.spins.models.symmetries import images, moved

__all__ = ["StateModel", "States", "check_n_states"]

_MOST_SYMMETRIES = 1000
_MOST_STATES = 127  # one bit of a byte marks members of a cluster
_INT8 = -128, 127


@dataclass(frozen=True, eq=False)
class States:
    """What a site can be and what it costs.

    Attributes
    ----------
    values : array-like of int, (state,)
        What a configuration stores, such as -1, 0, 1.
    bond : array-like, (state, state)
        Energy of a bond, symmetric.
    vectors : array-like, (state, component)
        What a state adds to the order parameter.
    site : array-like, (state,), optional
        Energy of a site; zero by default.
    involutions : array-like of int, (involution, state), optional
        Permutations g of the states, g g = 1, that leave all energies unchanged: bond[g a, g b] = bond[a, b] and
        site[g a] = site[a]. Cluster updates apply them to parts of a configuration, `turn` to the whole. Together
        they must move a and g a equally often (all transpositions, all reflections do): `Wolff` draws one of those
        that move its first site.
    second : array-like, (state, state), optional
        Energy of a bond between second neighbours.

    Raises
    ------
    TypeError, ValueError
        For fewer than 2 or more than 127 states, values that are no different whole numbers of int8, tables of other
        shapes, a bond with a direction, numbers that are not finite, and involutions that are none or change an energy.
    """

    values: Any
    bond: Any
    vectors: Any
    site: Any = ()
    involutions: Any = ()
    second: Any = None
    kinds: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        q = len(np.atleast_1d(self.values))
        check_n_states(q, "number of values")
        tables = {
            "values": _whole(_table(self.values, (q,), None, "values"), *_INT8, "values").astype(np.int8),
            "bond": _table(self.bond, (q, q), np.float64, "bond"),
            "vectors": _table(self.vectors, (q, np.shape(self.vectors)[-1]), np.float64, "vectors"),
            "site": _table(self.site if np.size(self.site) else np.zeros(q), (q,), np.float64, "site"),
        }
        second = [] if self.second is None else [_table(self.second, (q, q), np.float64, "second")]
        tables["kinds"] = np.stack([tables["bond"], *second])
        listed = self.involutions if np.size(self.involutions) else np.empty((0, q), np.int64)
        g = _whole(_table(listed, (len(listed), q), None, "involutions"), 0, q - 1, "involutions")
        tables["involutions"] = np.ascontiguousarray(g, np.uint8)
        for name, table in tables.items():
            table.setflags(write=False)
            object.__setattr__(self, name, table)
        self._check(q, g)

    def _check(self, q: int, involutions: NDArray[np.int64]) -> None:
        if len(np.unique(self.values)) != q:
            raise ValueError(f"values must differ from one another, got {self.values}")
        if not np.array_equal(self.kinds, self.kinds.swapaxes(1, 2)):
            raise ValueError("a bond has no direction: bond and second must be symmetric tables")
        moved = (involutions != np.arange(q)).sum(axis=0)
        tiny = 1e-12 * max(np.abs(self.kinds).max(), np.abs(self.site).max())
        for g in involutions:
            unchanged = np.allclose(self.kinds[:, g][:, :, g], self.kinds, atol=tiny, rtol=0)
            unchanged &= np.allclose(self.site[g], self.site, atol=tiny, rtol=0)
            if not np.array_equal(g[g], np.arange(q)) or not unchanged:
                raise ValueError(f"involution {g.tolist()} must be its own inverse and leave all energies unchanged")
            if not np.array_equal(moved[g], moved):
                raise ValueError(f"involutions must move a state and its image equally often; {g.tolist()} does not")

    @property
    def n_states(self) -> int:
        """Number of states q."""
        return self.kinds.shape[1]

    @cached_property
    def transitive(self) -> bool:
        """Whether involutions lead from every state to every other; where not, clusters need local sweeps beside."""
        reached, g = {0}, self.involutions
        for _ in range(self.n_states):
            reached |= {int(k) for a in reached for k in g[:, a]}
        return len(reached) == self.n_states

    @cached_property
    def group(self) -> NDArray[np.uint8] | None:
        """All products of involutions, (symmetry, state); None where they are too many to list."""
        found = {tuple(range(self.n_states))}
        fresh = found
        while fresh:
            fresh = {tuple(g[list(a)]) for a in fresh for g in self.involutions} - found
            found = found | fresh
            if len(found) > _MOST_SYMMETRIES:
                return None
        return np.array(sorted(found), np.uint8)

    def symmetries(self, n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Random symmetries, (n, state): any of the group, or a long product of random involutions."""
        if self.group is not None:
            return self.group[rng.integers(0, len(self.group), n)]
        q = self.n_states
        one = np.arange(q, dtype=np.uint8)
        # half of the factors are one, so that even and odd products are equally likely; q log q of them mix the group
        choices = np.concatenate([self.involutions, np.broadcast_to(one, self.involutions.shape)])
        permuted = np.broadcast_to(one, (n, q))
        for _ in range(16 + int(4 * q * np.log(q))):
            permuted = np.take_along_axis(choices[rng.integers(0, len(choices), n)], permuted, axis=1)
        return permuted


class StateModel(ABC):
    """A model of discrete states: subclasses state their `lattice` and `tables`, the rest follows."""

    lattice: Lattice

    @abstractmethod
    def tables(self) -> States:
        """Values, energies, order vectors and symmetries of the states."""

    @property
    def metastable(self) -> bool:
        """True where phases may coexist (a first-order transition): then ordered and random starts must agree."""
        return False

    @cached_property
    def states(self) -> States:
        """The tables, checked and made once."""
        return self.tables()

    @property
    def dtype(self) -> np.dtype:
        """int8."""
        return np.dtype(np.int8)

    @property
    def value_axes(self) -> dict[str, int]:
        """Values are scalars."""
        return {}

    @cached_property
    def bonds(self) -> tuple[tuple[NDArray[np.int32], NDArray[np.float64]], ...]:
        """Bonds listed once, (site, d), and their table, for every kind of bond."""
        lists = [self.lattice.bonds_of]
        if len(self.states.kinds) > 1:
            lists.append(self.lattice.second_bonds_of)
        return tuple(zip(lists, self.states.kinds, strict=True))

    @cached_property
    def reach(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """All sites that a site acts on, (site, neighbour), and the kind of each bond, (neighbour,)."""
        near = [self.lattice.neighbours]
        if len(self.states.kinds) > 1:
            near.append(self.lattice.second_neighbours)
        kinds = np.repeat(np.arange(len(near)), [part.shape[1] for part in near])
        return np.ascontiguousarray(np.concatenate(near, axis=1), np.int32), kinds

    @cached_property
    def best(self) -> Pattern:
        """The ordered state: the lowest in energy of simple patterns of one, two and three sublattices."""
        return best_pattern(self.lattice, self.states.kinds, self.states.site, self.reach)

    @property
    def frustrated(self) -> bool:
        """True where the ordered state does not satisfy every bond."""
        return self.best.frustrated

    @property
    def pattern(self) -> NDArray[np.int8]:
        """Values of the ordered state, (site,)."""
        return self.states.values[self.best.states]

    @property
    def competing(self) -> bool:
        """True where ordered states related by symmetry are not all there is: frustration, free spins, coexistence."""
        return self.metastable or self.frustrated or self.best.degenerate

    @cached_property
    def divided(self) -> bool:
        """True where the lattice leads from the ordered state to others that no symmetry of the states leads to."""
        ordered, group = self.best.states, self.states.group
        if (ordered == ordered[0]).all():
            return False
        if self.best.degenerate or group is None:
            return True
        q = self.states.n_states
        pairs = (np.divmod(np.unique(ordered.astype(np.int64) * q + x), q) for x in images(ordered, self.lattice))
        return not all((group[:, a] == b).all(axis=1).any() for a, b in pairs)

    def states_of(self, configurations: NDArray) -> NDArray[np.uint8]:
        """State numbers, (sample, site), of configurations (sample, site) or (sample, site axes...).

        ValueError for configurations of another lattice, or values that are none of the model's.
        """
        x = np.asarray(configurations)
        lattice = self.lattice
        if x.shape[1:] not in ((lattice.n_sites,), tuple(lattice.shape)):
            raise ValueError(
                f"configurations of shape {x.shape} are not of this lattice: give (sample, {lattice.n_sites}) or "
                f"(sample, {', '.join(map(str, lattice.shape))})"
            )
        values = self.states.values
        number = np.full(256, 255, np.uint8)
        number[values.view(np.uint8)] = np.arange(len(values))
        with np.errstate(invalid="ignore"):  # NaN is no state, and is refused below
            small = np.ascontiguousarray(x, np.int8)
        states = number[small.view(np.uint8)]
        if (states == 255).any() or (x.dtype != np.int8 and (small != x).any()):
            bad = np.argwhere((states == 255) | (small != x))[0]
            raise ValueError(f"value {x[tuple(bad)]} at {bad.tolist()} is no state: states are {values.tolist()}")
        return states.reshape(len(states), lattice.n_sites)

    def energy(self, configurations: NDArray) -> NDArray[np.float64]:
        """Energy per site, (sample,), of configurations; ValueError for what `states_of` refuses."""
        states = self.states_of(configurations)
        energies = np.zeros(len(states))
        for bonds_of, table in self.bonds:
            bond_energies(states, bonds_of, table, energies)
        if np.any(self.states.site):
            energies += self._sums(states, np.ones((1, self.lattice.n_sites)))[:, 0] @ self.states.site
        return energies / self.lattice.n_sites

    def local_field(self, configurations: NDArray) -> NDArray[np.float64]:
        """Minus the energy that every state would have at every site, (configurations' axes..., state).

        ValueError for what `states_of` refuses.
        """
        states = self.states_of(configurations)
        near, kinds = self.reach
        field = np.broadcast_to(-self.states.site, (*states.shape, self.states.n_states)).copy()
        for k, kind in enumerate(kinds):
            field -= self.states.kinds[kind][states[:, near[:, k]]]
        return field.reshape(*np.shape(configurations), -1)

    def order_parameter(self, configurations: NDArray) -> NDArray[np.float64]:
        """Mean over sites of the states' vectors, (sample, component).

        Where neighbours differ in the ordered state: its Fourier components, |.| = 1 in the ordered state. On a torus
        that the ordered state does not fit, those at the nearest wave vectors that fit. ValueError for what `states_of`
        refuses.
        """
        sums = self._sums(self.states_of(configurations), self.waves())
        vectors = self.states.vectors
        return (sums @ vectors).reshape(len(sums), -1) / (self.lattice.n_sites * self.best.size(vectors))

    def waves(self) -> NDArray[np.float64]:
        """Functions of the sites that the order parameter projects on, (wave, site)."""
        return self.best.waves

    def order(self, configurations: NDArray) -> NDArray[np.float64]:
        """Size of the order parameter, (sample,)."""
        return np.linalg.norm(self.order_parameter(configurations), axis=1)

    def start(self, kind: str, n_samples: int, rng: np.random.Generator) -> NDArray[np.int8]:
        """Configurations (sample, site) to start from; ordered ones moved and turned at random by symmetries."""
        values = self.states.values
        if kind == "random":
            return values[rng.integers(0, self.states.n_states, (n_samples, self.lattice.n_sites))]
        return self.turn(values[self.best.moved(self.lattice, n_samples, rng)], rng)

    def starts(self, method: str) -> tuple[str, ...]:
        """Ordered and random; ordered alone for local updates where a symmetry makes ordered starts equivalent.

        There a random start freezes in domains below the transition, and the other has the right weights. Where phases
        may coexist, bonds are frustrated or spins are free in the ordered state, both starts must agree.
        """
        local = method in ("metropolis", "heat-bath")
        symmetric = len(self.states.involutions) > 0
        return ("ordered",) if local and symmetric and not self.competing else ("ordered", "random")

    def turn(self, configurations: NDArray, rng: np.random.Generator) -> NDArray[np.int8]:
        """Permute the states of every configuration by a random symmetry, a product of involutions.

        Where ordered states are `divided` it is also moved by a random symmetry of the lattice.
        """
        if self.divided:
            configurations = moved(configurations, self.lattice, rng)
        if not len(self.states.involutions):
            return configurations
        permuted = self.states.symmetries(len(configurations), rng)
        turned = np.take_along_axis(permuted, self.states_of(configurations), axis=1)
        return self.states.values[turned].reshape(np.shape(configurations))

    def why_not(self, method: str) -> str | None:
        """Cluster updates need an involution that leaves the energy unchanged."""
        if method in ("wolff", "swendsen-wang") and not len(self.states.involutions):
            return "cluster updates need a symmetry of the states, and the model states no involution"
        return None

    def _sums(self, states: NDArray[np.uint8], waves: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of a wave over the sites in each state, (sample, wave, state)."""
        sums = np.empty((len(states), len(waves), self.states.n_states))
        state_sums(states, waves, sums)
        return sums


def check_n_states(n_states: Any, name: str = "n_states") -> int:
    """Return a number of states as int; TypeError unless it is an integer, ValueError unless it is from 2 to 127."""
    q = check_positive_integer(n_states, name, 2)
    if q > _MOST_STATES:
        raise ValueError(
            f"{name} must be at most {_MOST_STATES}, got {q}: a state is kept in a signed byte, and clusters need its "
            "last bit; nearly continuous spins are those of zm.spins.XY"
        )
    return q


def _table(table: Any, shape: tuple[int, ...], dtype: type | None, name: str) -> NDArray:
    array: NDArray = np.array(table, dtype)
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold numbers, got {table!r}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {array.tolist()}; forbid a state by leaving it out")
    return array


def _whole(array: NDArray, low: int, high: int, name: str) -> NDArray[np.int64]:
    """The same as integers; ValueError for a fraction, which a cast would cut off, or what is out of range."""
    wrong = np.argwhere((array != np.round(array)) | (array < low) | (array > high))
    if len(wrong):
        place = wrong[0].tolist()
        raise ValueError(
            f"{name} must be whole numbers from {low} to {high}, got {array[tuple(place)]!s} at {place}"
            + ("; number the states 0, 1, ... and give the numbers they stand for as `vectors`" * (name == "values"))
        )
    return array.astype(np.int64)
