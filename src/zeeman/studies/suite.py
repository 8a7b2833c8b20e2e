"""The certified suite: every model around its critical temperature, each store held against what is exactly known.

`zeeman simulate suite` fills a folder: NAME.zarr with its run card, index.json for programs and README.md for people.
Small lattices are held against sums over all states, square Ising models against Kaufman's products, and every entry
against identities that hold at every size.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zeeman.base.checks import check_choice
from zeeman.base.progress import Progress
from zeeman.base.random import stream
from zeeman.base.store import content_hash, provenance, read_json, write_json, write_text
from zeeman.data.suite import INDEX
from zeeman.spins import Ising, exact, square
from zeeman.spins.moves import moves_of
from zeeman.spins.statistics import shorthand
from zeeman.studies import cards
from zeeman.studies.simulations import Simulation, build, bytes_each

__all__ = ["RECIPES", "SIZES", "Recipe", "Size", "SuiteRun", "suite_of"]


@dataclass(frozen=True)
class Recipe:
    """A model of the suite on lattices up to `longest`; without `temperatures` they are laid around its transitions."""

    name: str
    model: str
    lattice: str
    numbers: dict[str, float] = field(default_factory=dict)
    temperatures: tuple[float, ...] = ()
    longest: int = 64


RECIPES = (
    Recipe("ising-square", "ising", "square"),
    Recipe("ising-triangular", "ising", "triangular"),
    Recipe("ising-honeycomb", "ising", "honeycomb"),
    Recipe("ising-cubic", "ising", "cubic"),
    Recipe("antiferromagnet-square", "ising", "square", {"coupling": -1.0}),
    # neighbours along the axes align, along the diagonals not: rows alternate below a temperature near 1.3, and
    # just below it no pilot comes to equilibrium on longer lattices
    Recipe("j1-j2-square", "ising", "square", {"second_coupling": -0.7}, (0.9, 1.2, 1.4, 1.7, 2.5), longest=16),
    Recipe("potts3-square", "potts", "square", {"n_states": 3}),
    Recipe("potts4-square", "potts", "square", {"n_states": 4}),
    Recipe("blume-capel-0-square", "blume-capel", "square", {"crystal_field": 0.0}),
    Recipe("blume-capel-1-square", "blume-capel", "square", {"crystal_field": 1.0}),
    Recipe("blume-capel-1.5-square", "blume-capel", "square", {"crystal_field": 1.5}),
    Recipe("blume-capel-1.75-square", "blume-capel", "square", {"crystal_field": 1.75}),
    # phases nearly coexist below: on longer lattices no update moves between them
    Recipe(
        "blume-capel-tricritical-square",
        "blume-capel",
        "square",
        {"crystal_field": exact.TRICRITICAL_CRYSTAL_FIELD},
        longest=8,
    ),
    Recipe("clock4-square", "clock", "square", {"n_states": 4}),
    Recipe("clock6-square", "clock", "square", {"n_states": 6}),
    Recipe("xy-square", "xy", "square"),
    Recipe("heisenberg-square", "heisenberg", "square", {}, (0.4, 0.6, 0.8, 1.2, 2.0)),  # no order at T > 0
)


@dataclass(frozen=True)
class Size:
    """How large a suite is: factors of T_c below and above, and samples a temperature by length of the lattice."""

    below: tuple[float, ...]
    above: tuple[float, ...]
    plane: dict[int, int]
    space: dict[int, int]
    says: str


SIZES = {
    "smoke": Size((0.8,), (1.25,), {4: 200}, {3: 200}, "seconds"),
    "quick": Size((0.75, 0.9), (1.1, 1.35), {4: 2000, 16: 1000}, {3: 2000, 8: 1000}, "minutes"),
    "full": Size(
        (0.6, 0.75, 0.9, 0.97), (1.03, 1.1, 1.25, 1.6),
        {4: 20_000, 8: 20_000, 16: 10_000, 32: 5_000, 64: 2_000}, {3: 20_000, 8: 5_000, 16: 2_000}, "hours",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class SuiteRun:
    """The suite of one size in one folder; a killed run continues, a finished one is only read and held to its hashes.

    Raises
    ------
    ValueError
        For an unknown size, or a folder that holds a suite made with other settings; before anything is written.
    """

    out: Path
    size: str = "quick"
    seed: int = 0
    device: str | None = None

    def __post_init__(self) -> None:
        check_choice(self.size, tuple(SIZES), "size of the suite")
        if self.seed < 0:
            raise ValueError(f"seed must be non-negative, got {self.seed}")
        if self.device is not None:
            moves_of(Ising(square(4)), self.device)  # refuses a device that is not there
        index = self.out / INDEX
        if index.is_file():
            there = read_json(index).get("settings")
            if there != self.settings:
                raise ValueError(
                    f"{self.out} holds a suite made with {there}, and {self.settings} is asked: write elsewhere, or "
                    "remove it"
                )
        elif self.out.exists() and (not self.out.is_dir() or any(self.out.iterdir())):
            raise ValueError(f"{self.out} exists and is no suite and not empty: name another folder with --out")

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the samples."""
        return {"size": self.size, "seed": self.seed, "device": self.device}

    @property
    def simulations(self) -> tuple[Simulation, ...]:
        """One an entry, small lattices first."""
        size = SIZES[self.size]
        found = []
        for recipe in RECIPES:
            lengths = size.space if recipe.lattice == "cubic" else size.plane
            fitting = {length: n for length, n in lengths.items() if length <= recipe.longest}
            for rank, (length, n_samples) in enumerate(fitting.items()):
                name = f"{recipe.name}-L{length}"
                found.append((rank, Simulation(
                    recipe.model, self._temperatures(recipe), self.out / f"{name}.zarr", recipe.lattice, length,
                    n_samples, recipe.numbers, seed=int(stream(self.seed, f"suite/{name}").integers(2**31)),
                    device=self.device,
                )))  # fmt: skip
        return tuple(one for _, one in sorted(found, key=lambda pair: pair[0]))

    def run(self, *, progress: bool = True) -> dict[str, Any]:
        """Make what is missing, hold every entry against its card, and return the index as it is written."""
        simulations = self.simulations
        index = self.out / INDEX
        known = {entry["name"]: entry for entry in read_json(index)["entries"]} if index.is_file() else {}
        entries = {one.out.stem: known[one.out.stem] for one in simulations if one.out.stem in known}
        self._write(entries, simulations)  # before the first store: a folder is known by its index
        with Progress(len(simulations), f"suite in {self.out}", enabled=progress) as bar:
            for simulation in simulations:
                name = simulation.out.stem
                entries[name] = _entry(simulation.run(progress=False), simulation.out)
                self._write(entries, simulations)
                bar.advance(detail=name)
        return read_json(index)

    def plan(self) -> dict[str, Any]:
        """What `run` would do."""
        simulations = self.simulations
        there = sum(cards.paths(one.out)[0].is_file() for one in simulations)
        each = [one.n_samples * len(one.temperatures) * bytes_each(one.spins) / 1e6 for one in simulations]
        return {
            "would": "go on with the suite" if there else "make a suite",
            "out": str(self.out),
            **self.settings,
            "takes": SIZES[self.size].says,
            "entries": len(simulations),
            "finished": there,
            "configurations": sum(one.n_samples * len(one.temperatures) for one in simulations),
            "megabytes": round(sum(each), 1),
            "megabytes_each": {one.out.stem: round(size, 2) for one, size in zip(simulations, each, strict=True)},
        }

    def _temperatures(self, recipe: Recipe) -> tuple[float, ...]:
        if recipe.temperatures:
            return recipe.temperatures
        size = SIZES[self.size]
        critical = [float(t) for t in exact.transitions(build(recipe.model, recipe.lattice, 4, recipe.numbers))]
        between = [(a * b) ** 0.5 for a, b in itertools.pairwise(critical)]
        around = [f * critical[0] for f in size.below] + between + [f * critical[-1] for f in size.above]
        return tuple(sorted([*critical, *(round(t, 6) for t in around)]))

    def _write(self, known: Mapping[str, Mapping[str, Any]], simulations: Sequence[Simulation]) -> None:
        entries = [known[one.out.stem] for one in simulations if one.out.stem in known]
        finished = len(entries) == len(simulations)
        index = {"settings": self.settings, "finished": finished, "entries": entries}
        page = _markdown(entries, self.settings, finished) if entries else ""
        file, text = self.out / INDEX, self.out / "README.md"
        there = {k: v for k, v in read_json(file).items() if k != "provenance"} if file.is_file() else None
        if content_hash(there) != content_hash(index):  # as JSON holds them; whoever changes nothing signs nothing
            write_json(file, {**index, "provenance": provenance()})
        if page and not (text.is_file() and text.read_text(encoding="utf-8") == page):
            write_text(text, page)


def suite_of(
    out: str | os.PathLike[str] | None,
    size: int | str | None,
    given: Mapping[str, Any],
    *,
    seed: int,
    device: str | None,
) -> SuiteRun:
    """The suite that the command line's words ask for; ValueError names options that it does not take."""
    if given:
        option = f"--{next(iter(given)).replace('_', '-')}"
        raise ValueError(f"the suite has no {option}: models, temperatures and samples are its own; leave it out")
    if isinstance(size, int):
        raise ValueError(f"size of the suite must be one of {', '.join(SIZES)}, got {size}")
    return SuiteRun(Path("runs/suite" if out is None else out), size or "quick", seed, device)


def _entry(card: cards.Card, store: Path) -> dict[str, Any]:
    """What the index says of one store."""
    known = card.to_dict()
    told = (
        "name", "model", "hamiltonian", "lattice", "n_sites", "numbers", "axes", "dtype", "n_samples", "megabytes",
        "seed", "certified", "verdict", "equilibrated", "checks", "content_hash",
    )  # fmt: skip
    columns = (
        "temperature", "method", "autocorrelation_time", "steps_are", "effective_sample_size", "energy", "energy_error",
        "energy_text", "exact", "exact_source", "z", "identity_z", "equilibrated",
    )  # fmt: skip
    readings = [{name: row[name] for name in columns} for row in known["readings"]]
    return {
        "store": store.name,
        "card": cards.paths(store)[0].name,
        **{k: known[k] for k in told},
        "readings": readings,
    }


def _markdown(entries: Sequence[Mapping[str, Any]], settings: Mapping[str, Any], finished: bool) -> str:
    head = ["entry", "sites", "T", "samples", "updates", "energies", "held against", "chi2 / n, p", "verdict"]
    rows = [[*_cells(entry)] for entry in entries]
    good = sum(entry["certified"] for entry in entries)
    said = ", ".join(f"{key} {value}" for key, value in settings.items() if value is not None)
    checks = [(name, one) for entry in entries for name, one in entry["checks"].items()]
    kinds = {name: [one for other, one in checks if other == name] for name, _ in checks}
    totals = [
        f"{name}: chi2 = {sum(one['chi2'] for one in found):.1f} over {sum(one['n'] for one in found)} comparisons"
        for name, found in kinds.items()
    ]
    lines = [
        "# Configurations of classical spin models, certified", "",
        f"{len(entries)} entries ({said}){'' if finished else ', NOT finished'}; {good} certified: in equilibrium, "
        f"energies those of the configurations, and every check of a probability above {cards.LEAST:g}.", "",
        "; ".join(totals) + ". The checks of one entry share its samples.", "",
        "```python", "import zeeman as zm", "", 'suite = zm.data.open_suite("FOLDER")  # where this file is',
        f'vae = zm.BetaVAE().fit(suite["{entries[0]["name"]}"])', "```", "",
        *cards.table(head, rows), "",
        "Energies per site at the middle temperature of each; those of all temperatures stand on the entry's card.", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _cells(entry: Mapping[str, Any]) -> list[str]:
    readings = entry["readings"]
    middle = readings[len(readings) // 2]
    energy = f"e({middle['temperature']:.4g}) = {shorthand(middle['energy'], middle['energy_error'])}"
    if middle["exact"] is not None:
        energy += f", exact {middle['exact']:.6f}"
    sources = dict.fromkeys(one["exact_source"] for one in readings if one["exact_source"])
    checks = "; ".join(
        f"{name} {one['chi2']:.1f}/{one['n']}, p = {one['probability']:.2g}" for name, one in entry["checks"].items()
    )
    temperatures = f"{readings[0]['temperature']:.4g} to {readings[-1]['temperature']:.4g} ({len(readings)})"
    return [
        f"[{entry['name']}]({entry['card']})", f"{entry['n_sites']}", temperatures, f"{entry['n_samples']:,}",
        ", ".join(dict.fromkeys(one["method"] for one in readings)), energy,
        ", ".join([*sources, "identities"]), checks, entry["verdict"],
    ]  # fmt: skip
