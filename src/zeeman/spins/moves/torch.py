"""Local updates on a torch device: all sites of one colour of all chains at once, any number of chains.

    chains = start(model, "metropolis", temperature, n_chains, "ordered", rng, device="cuda")

Random numbers come from a torch generator on the device, seeded by `rng`: the same distribution as the Numba kernels
draw from, not the same numbers, and other numbers on another kind of device. Tests run on the CPU: no GPU has run this
yet (`benchmarks/gpu_spins.py` checks energies and times on the first that does).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zeeman.base.devices import usable_device
from zeeman.spins import _kernels_torch as kernels
from zeeman.spins.colours import colours, layout
from zeeman.spins.models import Ising, StateModel, VectorModel
from zeeman.spins.moves.chains import Chains, Cost
from zeeman.spins.moves.multispin import acceptance
from zeeman.spins.moves.vectors import strength

__all__ = [
    "TORCH_MOVES", "Coloured", "States", "TwoStates", "TwoStatesTriton", "Vectors", "heat_bath", "metropolis",
    "moves_on", "over_relaxation",
]  # fmt: skip

N_REFLECTIONS = 4
_WIDTH = 1.0  # standard deviation of a turn in units of sqrt(T / (z |J|)): about half are accepted


class Coloured:
    """Chains on a device, sites in the order of their colours; a sweep updates one colour after the other."""

    def __init__(
        self, model: Any, n_chains: int, rng: np.random.Generator, device: str,
        neighbours: NDArray[np.int32] | None = None,
    ) -> None:  # fmt: skip
        self.n_chains, self.device = n_chains, torch.device(device)
        self.generator = torch.Generator(self.device).manual_seed(int(rng.integers(2**63)))
        near = model.lattice.neighbours if neighbours is None else neighbours
        self._order, table, self.blocks = layout(colours(model.lattice, neighbours), near)
        self.table = torch.from_numpy(table).to(self.device)

    def to_device(self, configurations: NDArray) -> Tensor:
        """(chain, site, ...) as (place, chain, ...) on the device."""
        return torch.from_numpy(np.ascontiguousarray(configurations[:, self._order].swapaxes(0, 1))).to(self.device)

    def to_host(self, spins: Tensor) -> NDArray:
        """(place, chain, ...) as (chain, site, ...)."""
        placed = spins.cpu().numpy().swapaxes(0, 1)
        out = np.empty(placed.shape, placed.dtype)
        out[:, self._order] = placed
        return out


class TwoStates(Coloured):
    """Multi-spin coded two-state spins, 32 chains a word; `accept` is (model, temperature) to p (own spin, broken)."""

    cost: ClassVar[Cost] = Cost(1.0, 1e9, pilot_chains=64, lanes=32, job=16384, fill=1024, most_rounds=8)

    def __init__(
        self, model: Ising, temperature: float, configurations: NDArray, rng: np.random.Generator, device: str,
        accept: Callable[[Ising, float], NDArray], first: Callable[..., Any] = kernels.first_places,
    ) -> None:  # fmt: skip
        super().__init__(model, len(configurations), rng, device)
        self.rule = kernels.rule(accept(model, temperature), model.coupling < 0)
        self.spins = torch.from_numpy(kernels.pack(configurations[:, self._order])).to(self.device)
        self._first = first

    def advance(self, n_steps: int) -> None:
        """Sweep `n_steps` times through all colours."""
        for _ in range(n_steps):
            for block in self.blocks:
                kernels.half_sweep(self.spins, block, self.table, self.rule, self._draw, self._first)

    def configurations(self, n_chains: int | None = None) -> NDArray[np.int8]:
        """Configurations (chain, site), -1 and +1."""
        n_chains = self.n_chains if n_chains is None else n_chains
        out = np.empty((n_chains, len(self._order)), np.int8)
        out[:, self._order] = kernels.unpack(self.spins.cpu().numpy(), n_chains)
        return out

    def _draw(self, group: int, index: Tensor) -> Tensor:
        words = torch.empty(kernels.GROUP // 2, len(index), dtype=torch.int64, device=self.device)
        return words.random_(-(2**63), None, generator=self.generator).view(torch.int32).view(kernels.GROUP, -1)


class TwoStatesTriton(TwoStates):
    """The same by the Triton kernel, whose random numbers are functions of key, word and sweep; no GPU ran it yet."""

    def __init__(
        self, model: Ising, temperature: float, configurations: NDArray, rng: np.random.Generator, device: str,
        accept: Callable[[Ising, float], NDArray],
    ) -> None:  # fmt: skip
        from zeeman.spins import _kernels_triton

        super().__init__(model, temperature, configurations, rng, device, accept)
        words = self.spins.shape[1]
        spare = (1 << (words - 1).bit_length()) - words  # the kernel wants a power of two
        self.spins = torch.nn.functional.pad(self.spins, (0, spare))
        self.table = self.table.to(torch.int32)
        self._half_sweep = _kernels_triton.half_sweep
        self._work = (self.rule, _kernels_triton.places_on(self.rule, self.device))
        self._key = torch.tensor([int(rng.integers(2**63))], device=self.device)
        self.n_sweeps = 0

    def advance(self, n_steps: int) -> None:
        """Sweep `n_steps` times through all colours."""
        for _ in range(n_steps):
            for block in self.blocks:
                self._half_sweep(self.spins, block, self.table, *self._work, self._key, self.n_sweeps)
            self.n_sweeps += 1


class States(Coloured):
    """Discrete states by tables of their energies, one number a place and chain."""

    cost: ClassVar[Cost] = Cost(50.0, 1.5e8, pilot_chains=64, job=1024, fill=128, most_rounds=16)

    def __init__(
        self, model: StateModel, temperature: float, configurations: NDArray, rng: np.random.Generator, device: str,
        update: Callable[..., Tensor],
    ) -> None:  # fmt: skip
        near, kind_of = model.reach
        second = len(model.states.kinds) > 1
        super().__init__(model, len(configurations), rng, device, near if second else None)
        self._model, self._update = model, update
        self.spins = self.to_device(model.states_of(configurations))
        real = {"dtype": kernels.real_of(self.device), "device": self.device}
        kinds = torch.tensor(model.states.kinds / temperature, **real)  # type: ignore[arg-type]
        site = torch.tensor(np.asarray(model.states.site) / temperature, **real)  # type: ignore[arg-type]
        self._rule = (kind_of.tolist(), kinds, site)

    def advance(self, n_steps: int) -> None:
        """Sweep `n_steps` times through all colours."""
        for _ in range(n_steps):
            for block in self.blocks:
                self.spins[block] = self._update(self.spins, block, self.table, *self._rule, self.generator)

    def configurations(self, n_chains: int | None = None) -> NDArray[np.int8]:
        """Configurations (chain, site) of the states' values."""
        return np.asarray(self._model.states.values)[self.to_host(self.spins[:, :n_chains])]


class Vectors(Coloured):
    """Unit vectors of two or three components; a step is a sweep of heat bath or Metropolis and some of reflections."""

    cost: ClassVar[Cost] = Cost(100.0, 1.5e8, pilot_chains=64, job=1024, fill=64, most_rounds=16)

    def __init__(
        self, model: VectorModel, temperature: float, configurations: NDArray, rng: np.random.Generator, device: str,
        update: Callable[..., Tensor], n_reflections: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(model, len(configurations), rng, device)
        self._model, self._update, self._n_reflections = model, update, n_reflections
        self._strength = strength(model, temperature)
        self.spins = self.to_device(model.vectors(configurations).astype(np.float32))

    def advance(self, n_steps: int) -> None:
        """Make `n_steps` steps."""
        for _ in range(n_steps):
            self._sweep(lambda own, h: self._update(own, h, rng=self.generator))
            for _ in range(self._n_reflections):
                self._sweep(kernels.reflected)

    def configurations(self, n_chains: int | None = None) -> NDArray[np.float32]:
        """Configurations (chain, site) of angles or (chain, site, component)."""
        return self._model.values(self.to_host(self.spins[:, :n_chains]))

    def _sweep(self, update: Callable[[Tensor, Tensor], Tensor]) -> None:
        for block in self.blocks:
            h = kernels.field(self.spins, block, self.table, self._strength)
            self.spins[block] = update(self.spins[block], h)


def metropolis(
    model: Any, temperature: float, configurations: NDArray, rng: np.random.Generator, device: str
) -> Chains:
    """Accept with min(1, exp(-dE/T)); where a site has two states, with 3/4 of that or, multi-spin coded, at dE = 0.

    Were free flips certain, diagonal stripes two sites wide would move round the lattice as they are, for ever: whole
    colours flip at once. Where nearly every flip would be accepted this is heat bath, as in `moves.Metropolis`.
    """
    work = (model, temperature, configurations, rng, device)
    if isinstance(model, VectorModel):
        stiffness = model.lattice.coordination * abs(model.coupling) / temperature
        return Vectors(*work, partial(kernels.turned, width=min(2.0, _WIDTH / math.sqrt(max(stiffness, 1e-9)))))
    if _multispin(model):
        return _two_states(device)(*work, _hesitant)
    return States(*work, kernels.state_metropolis)


def heat_bath(model: Any, temperature: float, configurations: NDArray, rng: np.random.Generator, device: str) -> Chains:
    """Draw the new value of a site from its distribution under the present neighbours."""
    work = (model, temperature, configurations, rng, device)
    if isinstance(model, VectorModel):
        return Vectors(*work, kernels.vector_heat_bath)
    if _multispin(model):
        return _two_states(device)(*work, _glauber)
    return States(*work, kernels.state_heat_bath)


def over_relaxation(
    model: VectorModel, temperature: float, configurations: NDArray, rng: np.random.Generator, device: str
) -> Chains:
    """One sweep of heat bath, then `N_REFLECTIONS` sweeps that reflect each spin about its field."""
    return Vectors(model, temperature, configurations, rng, device, kernels.vector_heat_bath, N_REFLECTIONS)


TORCH_MOVES: Mapping[type, Mapping[str, Callable[..., Chains]]] = {
    Ising: {"metropolis": metropolis, "heat-bath": heat_bath},
    StateModel: {"heat-bath": heat_bath, "metropolis": metropolis},
    VectorModel: {"over-relaxation": over_relaxation, "heat-bath": heat_bath, "metropolis": metropolis},
}  # the first of a row is what "auto" tries


@dataclass(frozen=True)
class Update:
    """An update bound to a device, called as the Numba classes are; `cost` is that of the class it makes."""

    make: Callable[..., Chains]
    device: str
    cost: Cost

    def __call__(self, model: Any, temperature: float, configurations: NDArray, rng: np.random.Generator) -> Chains:
        """Chains that start from `configurations` (chain, site)."""
        return self.make(model, temperature, configurations, rng, self.device)


def moves_on(model: object, device: str) -> Mapping[str, Update] | None:
    """Updates of a model on a device by name, None for what is no model; ValueError for a device that is not there."""
    usable_device(device, "use device='cpu', or None for the compiled updates")
    row = next((TORCH_MOVES[kind] for kind in type(model).__mro__ if kind in TORCH_MOVES), None)
    kind = Vectors if isinstance(model, VectorModel) else TwoStates if _multispin(model) else States
    return None if row is None else {name: Update(make, device, kind.cost) for name, make in row.items()}


def _two_states(device: str) -> type[TwoStates]:
    """The Triton kernel on GPUs that have Triton, as torch for them comes with it."""
    fast = torch.device(device).type == "cuda" and find_spec("triton") is not None
    return TwoStatesTriton if fast else TwoStates


def _multispin(model: Any) -> bool:
    """Whether own spin and number of broken bonds are all that a flip depends on."""
    return isinstance(model, Ising) and not model.second_coupling


def _hesitant(model: Ising, temperature: float) -> NDArray[np.float64]:
    p = acceptance(model, temperature)
    return np.where((p == 1) & (_cost(model) == 0), 0.75, p)


def _glauber(model: Ising, temperature: float) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(np.minimum(_cost(model) / temperature, 700.0)))


def _cost(model: Ising) -> NDArray[np.float64]:
    """Energy dE of a flip, (own spin 0 or 1, broken bonds 0..z)."""
    z = model.lattice.coordination
    k, s = np.arange(z + 1), np.array([[-1.0], [1.0]])
    return 2 * abs(model.coupling) * (z - 2 * k) + 2 * model.field * s
