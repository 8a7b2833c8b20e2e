"""A spin model sampled into a store: what `zeeman simulate` does, and what it would do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zeeman import spins
from zeeman.base.checks import check_choice, check_positive_integer
from zeeman.base.room import check_room
from zeeman.data import generate_to, is_two_state, store_header
from zeeman.data.generate import PIECE_BYTES
from zeeman.spins.models import Model
from zeeman.spins.moves import moves_of
from zeeman.studies import cards

__all__ = ["LATTICES", "MODELS", "Kind", "Simulation", "build", "simulation_of", "temperatures"]

_DIMENSIONS = {"chain": 1, "square": 2, "triangular": 2, "honeycomb": 2, "cubic": 3}
LATTICES = ("chain", "square", "triangular", "honeycomb", "cubic")


@dataclass(frozen=True)
class Kind:
    """A model by its name on the command line: the class in `zeeman.spins` and the numbers it takes."""

    class_name: str
    numbers: tuple[str, ...]


MODELS = {
    "ising": Kind("Ising", ("coupling", "field", "second_coupling")),
    "potts": Kind("Potts", ("n_states", "coupling")),
    "blume-capel": Kind("BlumeCapel", ("coupling", "crystal_field")),
    "clock": Kind("Clock", ("n_states", "coupling")),
    "xy": Kind("XY", ("coupling",)),
    "heisenberg": Kind("Heisenberg", ("coupling",)),
}
_PILOT_CHAINS = 128  # 64 from each kind of start
_BESIDE, _HELD = 10**8, 2  # bytes of the program itself, and for each of a configuration while it is sampled
_NUMBERS = tuple(dict.fromkeys(number for kind in MODELS.values() for number in kind.numbers))


@dataclass(frozen=True)
class Simulation:
    """Configurations at every temperature into a zarr store, and a run card beside it.

    Attributes
    ----------
    model, lattice : str
        Of `MODELS` and `LATTICES`; `size` sites a side.
    temperatures : tuple of float
        In the unit of J, k_B = 1; `n_samples` at each.
    out : Path
        Ends in .zarr; the card takes its name, NAME.card.md and NAME.card.json.
    numbers : mapping
        Those of the model that are given: coupling, field, second_coupling, crystal_field, n_states.
    method, seed, device
        As in `zeeman.spins.sample`.

    Raises
    ------
    ValueError, TypeError
        For names, numbers or a store that cannot be used; before anything is written.
    """

    model: str
    temperatures: tuple[float, ...]
    out: Path
    lattice: str = "square"
    size: int = 32
    n_samples: int = 1000
    numbers: Mapping[str, float] = field(default_factory=dict)
    method: str = "auto"
    seed: int = 0
    device: str | None = None

    def __post_init__(self) -> None:
        check_positive_integer(self.n_samples, "n_samples")
        _check_temperatures(self.temperatures)
        if self.seed < 0:
            raise ValueError(f"seed must be non-negative, got {self.seed}")
        if self.out.suffix != ".zarr":
            raise ValueError(f"--out must end in .zarr, got {self.out}")
        self.check_room()  # before a lattice is laid out, which takes long where there is no room
        model = self.spins
        updates = moves_of(model, self.device) or ()  # refuses a device that is not there
        check_choice(self.method, ("auto", *updates), f"method for {self.model}")
        why_not = None if self.method == "auto" else model.why_not(self.method)
        if why_not:
            raise ValueError(f"method {self.method!r} is not valid here: {why_not}")

    @property
    def spins(self) -> Model:
        """The model on its lattice."""
        return build(self.model, self.lattice, self.size, self.numbers)

    def run(self, *, progress: bool = True) -> cards.Card:
        """Write the store, or go on with it, then its card; a card that fits the store stays as it is."""
        generate_to(
            self.out, self.spins, self.temperatures, self.n_samples, method=self.method, seed=self.seed,
            progress=progress, device=self.device,
        )  # fmt: skip
        return cards.keep(self.out)

    def plan(self) -> dict[str, Any]:
        """What `run` would do."""
        model, count = self.spins, self.n_samples * len(self.temperatures)
        return {
            "would": "go on with the store" if self.out.exists() else "sample a new store",
            "out": str(self.out),
            "card": str(cards.paths(self.out)[0]),
            "model": repr(model),
            "hamiltonian": cards.HAMILTONIANS[type(model).__name__],
            "method": self.method,
            "seed": self.seed,
            "device": self.device,
            "temperatures": list(self.temperatures),
            "sites": model.lattice.n_sites,
            "configurations": count,
            "stored_as": storage(model),
            "megabytes": round(count * bytes_each(model) / 1e6, 2),
            "megabytes_of_memory": round(self.memory / 1e6, 2),
        }

    @property
    def memory(self) -> int:
        """Bytes that sampling takes, about: of the largest piece or of the chains of the pilots, whichever are more."""
        model, many = self._small()
        each = many * np.dtype(model.dtype).itemsize * math.prod(model.value_axes.values())
        piece = min(self.n_samples, max(1, 2 * PIECE_BYTES // (each * len(self.temperatures))))
        return _BESIDE + _HELD * each * max(piece * len(self.temperatures), _PILOT_CHAINS)

    def check_room(self) -> None:
        """ValueError with the numbers if what is still to be sampled does not fit on the disk or in memory."""
        there = store_header(self.out)["n_committed"] if self.out.exists() else 0
        left = self.n_samples * len(self.temperatures) - there
        if left > 0:
            remedies = ("take fewer --n-samples, a smaller --size or another --out", "take a smaller --size")
            model, many = self._small()
            check_room(self.out, left * bytes_each(model, many), self.memory, remedies)

    def _small(self) -> tuple[Model, int]:
        """The model on few sites, and the number of sites that are asked for."""
        model = build(self.model, self.lattice, min(self.size, 4), self.numbers)
        cells = math.prod(model.lattice.shape[: (dim := _DIMENSIONS[self.lattice])])
        return model, model.lattice.n_sites // cells * self.size**dim


def simulation_of(
    model: str, out: Path | None, size: int | str | None, given: Mapping[str, Any], *, seed: int, device: str | None
) -> Simulation:
    """The simulation that the command line's words ask for; `given` holds only what was given."""
    check_choice(model, (*MODELS, "suite"), "model")
    if out is None:
        raise ValueError(f"no store named: --out {model}.zarr")
    if isinstance(size, str):
        raise ValueError(f"size must be a number of sites for {model}, got {size!r}, which is a size of the suite")
    numbers = {name: value for name, value in given.items() if name in _NUMBERS}
    rest = {name: given[name] for name in ("lattice", "n_samples", "method") if name in given}
    rest |= {} if size is None else {"size": size}
    values = temperatures(given.get("temperature", ()))
    return Simulation(model, values, out, numbers=numbers, seed=seed, device=device, **rest)


def build(name: str, lattice: str, size: int, numbers: Mapping[str, float]) -> Model:
    """Model `name` of `MODELS` on a lattice; ValueError names a number that it does not have."""
    check_choice(name, tuple(MODELS), "model")
    check_choice(lattice, LATTICES, "lattice")
    kind = MODELS[name]
    for number in numbers:
        if number not in kind.numbers:
            takes = ", ".join(f"--{known.replace('_', '-')}" for known in kind.numbers)
            raise ValueError(f"{name} has no --{number.replace('_', '-')}: its numbers are {takes}; leave it out")
    return getattr(spins, kind.class_name)(getattr(spins, lattice)(size), **numbers)


def temperatures(words: Sequence[str | float]) -> tuple[float, ...]:
    """Temperatures from numbers and ranges LOW:HIGH:COUNT, both ends included.

    >>> temperatures(["0.5", "1:2:3"])
    (0.5, 1.0, 1.5, 2.0)
    """
    found: list[float] = []
    for word in words:
        parts = str(word).split(":")
        try:
            if len(parts) == 1:
                found.append(float(parts[0]))
                continue
            low, high, count = float(parts[0]), float(parts[1]), int(parts[2])
        except (ValueError, IndexError):
            raise ValueError(
                f"temperature {word!r} is neither a number nor a range LOW:HIGH:COUNT, as 2.0:2.5:6"
            ) from None
        if len(parts) > 3 or count < 2 or not low < high:
            raise ValueError(f"temperature {word!r} is no range: LOW:HIGH:COUNT with LOW < HIGH and COUNT at least 2")
        found += [round(float(t), 12) for t in np.linspace(low, high, count)]  # 1.1, not 1.1000000000000001
    return tuple(found)


def storage(model: Model) -> str:
    """Say how a configuration is stored."""
    if np.dtype(model.dtype) == np.int8:
        return "packed bits" if is_two_state(model) else "int8"
    return f"{np.dtype(model.dtype)}" + "".join(f" x {n}" for n in model.value_axes.values())


def bytes_each(model: Model, n_sites: int | None = None) -> int:
    """Bytes of one sample with its energy and temperature, before compression; on `n_sites` sites if given."""
    sites = model.lattice.n_sites if n_sites is None else n_sites
    values = np.dtype(model.dtype).itemsize * math.prod(model.value_axes.values())
    return (-(-sites // 8) if is_two_state(model) else values * sites) + 16


def _check_temperatures(values: Sequence[float]) -> None:
    if not values:
        raise ValueError("no temperature given: --temperature 2.5, several of them, or a range 2.0:2.5:6")
    for value in values:
        if not 0 < value < math.inf:
            raise ValueError(f"temperature must be positive and finite, got {value!r}")
    twice = [value for k, value in enumerate(values) if value in values[:k]]
    if twice:
        raise ValueError(f"temperature {twice[0]:g} is given twice; take --n-samples for more at each")
