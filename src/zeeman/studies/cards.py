"""Run cards: what a store of configurations holds, how it was made, and how it stands against exact values.

A card is read from the store alone: energies e with errors by the effective sample size, z of (e - exact) where
an oracle reaches, and at every size the mean of an identity whose exact value is zero (`exact.schwinger_dyson`). Scores
of few or skewed samples are those of a normal variate as improbable (`spins.statistics.normal_score`).
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from scipy.stats import chi2

from zeeman import spins
from zeeman.base.store import provenance, read_json, write_json, write_text
from zeeman.data import open_dataset, store_header
from zeeman.spins import exact
from zeeman.spins.models import Model
from zeeman.spins.statistics import normal_score, shorthand
from zeeman.studies.references import known

__all__ = [
    "FORMAT",
    "HAMILTONIANS",
    "LEAST",
    "Card",
    "Reading",
    "hash_of",
    "keep",
    "make",
    "markdown",
    "paths",
    "table",
]

HAMILTONIANS = {
    "Ising": "H = -J sum_<ij> s_i s_j - J2 sum_<<ij>> s_i s_j - h sum_i s_i, s = -1, +1",
    "Potts": "H = -J sum_<ij> delta(s_i, s_j), s = 0..q-1",
    "BlumeCapel": "H = -J sum_<ij> s_i s_j + D sum_i s_i^2, s = -1, 0, +1",
    "Clock": "H = -J sum_<ij> cos(2 pi (s_i - s_j) / p), s = 0..p-1",
    "XY": "H = -J sum_<ij> cos(theta_i - theta_j), theta in [0, 2 pi)",
    "Heisenberg": "H = -J sum_<ij> s_i . s_j, s a unit vector of 3 components",
}
FORMAT = 3  # of the card's files; raise it when what a card says or how it is judged changes
LEAST = 1e-5  # probability of the chi-squared below which a store is not certified
_FEWEST = 30  # effective samples that a z score needs
_MOST_SITES = 4_000_000  # at each temperature, on which identities are evaluated
_ORDER = "size of the order parameter"
_AT_ONCE = 2**25  # bytes of samples held at once


@dataclass(frozen=True)
class Reading:
    """One temperature of a store.

    Attributes
    ----------
    temperature : float
    n_samples : int
    method, steps_are : str
        The update; "sweeps" or "clusters".
    burn_in, spacing : int
        Steps before the first configuration of a chain, and between two of them.
    autocorrelation_time : float
        Integrated, in steps, of the slower of energy and order parameter.
    effective_sample_size : float
    equilibrated : bool
    equilibration_z : float
        Largest z score among drift and disagreement of starts.
    energy, energy_error, order, order_error : float
        Per site; size of the order parameter.
    exact, z : float or None
        Exact energy at this lattice size, and the score of (energy - exact); None where no oracle reaches, the score
        also where energies do not vary.
    exact_source : str
    identity_z : dict
        Scores of identities that are zero at every size, by name.
    """

    temperature: float
    n_samples: int
    method: str
    steps_are: str
    burn_in: int
    spacing: int
    autocorrelation_time: float
    effective_sample_size: float
    equilibrated: bool
    equilibration_z: float
    energy: float
    energy_error: float
    order: float
    order_error: float
    exact: float | None
    z: float | None
    exact_source: str
    identity_z: dict[str, float]


@dataclass(frozen=True)
class Card:
    """Everything a reader of a store should know; `to_dict` for JSON, `markdown` for people."""

    name: str
    model: str
    hamiltonian: str
    lattice: str
    n_sites: int
    numbers: dict[str, float]
    axes: tuple[str, ...]
    dtype: str
    n_samples: int
    megabytes: float
    method_asked: str
    seed: int
    device: str | None
    readings: tuple[Reading, ...]
    energy_difference: float
    content_hash: str
    provenance: dict[str, Any]

    @property
    def equilibrated(self) -> bool:
        """Whether the pilots of every temperature came to equilibrium."""
        return all(one.equilibrated for one in self.readings)

    @property
    def checks(self) -> dict[str, dict[str, float]]:
        """Chi-squared of the z scores by kind: "energy" against exact values, identities by name.

        Of temperatures with 30 effective samples or more: errors of fewer make no z score.
        """
        known = [one for one in self.readings if one.effective_sample_size >= _FEWEST]
        z: dict[str, list[float]] = {"energy": [one.z for one in known if one.z is not None]}
        for one in known:
            for name, value in one.identity_z.items():
                z.setdefault(f"{name} identity", []).append(value)
        return {name: _judged(values) for name, values in z.items() if values}

    @property
    def certified(self) -> bool:
        """Equilibrated, energies those of the configurations, and checks, none of them less probable than 1e-5."""
        return self.verdict == "certified"

    @property
    def verdict(self) -> str:
        """Say "certified", "NOT certified", or "not checked" where nothing speaks against the store, nor for it."""
        sound = self.equilibrated and self.energy_difference < 1e-9
        if not sound or any(one["probability"] < LEAST for one in self.checks.values()):
            return "NOT certified"
        return "certified" if self.checks else "not checked"

    @property
    def unchecked(self) -> str:
        """Why there is no check, or the empty string."""
        if self.checks:
            return ""
        most = max(one.effective_sample_size for one in self.readings)
        if most < _FEWEST:
            return f"too few samples to check: no temperature has {_FEWEST} effective samples, the most is {most:.0f}"
        return "nothing to check: neither energies nor identities vary from sample to sample"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        said = {
            "equilibrated": self.equilibrated, "certified": self.certified, "verdict": self.verdict,
            "least_probability": LEAST, "checks": self.checks,
        }  # fmt: skip
        energies = [f"e = {shorthand(one.energy, one.energy_error)}" for one in self.readings]
        readings = [{"energy_text": e, **asdict(one)} for e, one in zip(energies, self.readings, strict=True)]
        return {**asdict(self), "axes": list(self.axes), "readings": readings, **said}


def paths(store: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Where the card of a store stands: NAME.card.md and NAME.card.json beside NAME.zarr."""
    store = Path(store)
    return store.with_name(f"{store.stem}.card.md"), store.with_name(f"{store.stem}.card.json")


def keep(store: str | os.PathLike[str]) -> Card:
    """Return the card of a finished store, written beside it; made anew if not there, not its own or of old format."""
    text, numbers = paths(store)
    known = read_json(numbers) if text.is_file() and numbers.is_file() else {}
    if known.get("format") == FORMAT and known.get("content_hash") == hash_of(store):
        return _from_dict(known)
    card = make(store)
    write_text(text, markdown(card))
    write_json(numbers, {"format": FORMAT, **card.to_dict()})  # last, for it is what tells whether both are there
    return card


def make(store: str | os.PathLike[str]) -> Card:
    """Read a store that `zeeman.data.generate_to` wrote, and judge it."""
    store = Path(store)
    header = store_header(store)
    attrs = header["attrs"]
    columns = open_dataset(store, variables=("energy", "temperature"))
    model = spins.model_of(columns)
    energy, temperature = columns.energy.values, columns.temperature.values
    sites = next(field for field in header["fields"] if field["name"] == "configuration")
    measured = _measured(store, model, temperature)
    readings = tuple(
        _reading(attrs, t, energy[temperature == t], model, measured[t]) for t in dict.fromkeys(attrs["temperatures"])
    )
    return Card(
        name=store.stem, model=type(model).__name__, hamiltonian=HAMILTONIANS[type(model).__name__],
        lattice=repr(model.lattice), n_sites=model.lattice.n_sites, numbers=_numbers(model),
        axes=tuple(sites["dims"]), dtype=f"{np.dtype(sites['dtype'])}", n_samples=len(energy),
        megabytes=round(sum(f.stat().st_size for f in store.rglob("*") if f.is_file()) / 1e6, 3),
        method_asked=attrs["method"], seed=int(attrs["seed"]), device=attrs.get("device"), readings=readings,
        energy_difference=max(one.energy_difference for one in measured.values()),
        content_hash=hash_of(store), provenance=provenance(),
    )  # fmt: skip


def markdown(card: Card) -> str:
    """The card for people."""
    asked = (
        "chosen by pilots: the cheapest update that came to equilibrium" if card.method_asked == "auto" else "as asked"
    )
    numbers = ", ".join(f"{name} = {value:g}" for name, value in card.numbers.items())
    lines = [
        f"# {card.name}", "",
        f"{card.n_samples:,} configurations of the {card.model} model on {card.lattice}, {card.n_sites:,} sites, "
        f"periodic.", "",
        f"    {card.hamiltonian}", "",
        f"- numbers: {numbers}; energies per site and temperatures in the unit of J, k_B = 1",
        f"- `configuration` ({', '.join(card.axes)}), {card.dtype}; `energy`, `temperature` (sample); "
        f"{card.megabytes:g} MB on disk",
        f"- method: {card.method_asked}, {asked}",
        f"- seed: {card.seed}; device: {card.device or 'the processor, compiled updates'}",
        f"- equilibrium: {_equilibrium(card)}",
        f"- verdict: {card.verdict}; {'; '.join(_check_words(card))}",
        f"- content: sha256 {card.content_hash}", "",
        *_energies(card), "", *_sampling(card), "", *_made_with(card), "",
    ]  # fmt: skip
    return "\n".join(lines)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as a table in markdown."""
    return [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows)]


def hash_of(store: str | os.PathLike[str]) -> str:
    """SHA-256 of configurations, energies and temperatures as they are read, whatever their chunks."""
    digest = hashlib.sha256()
    for block in _blocks(store, ("configuration", "energy", "temperature")):
        for name in ("configuration", "energy", "temperature"):
            digest.update(np.ascontiguousarray(block[name].values).data)
    return digest.hexdigest()


@dataclass(frozen=True)
class _Measured:
    """What the configurations of one temperature say: series by name, and by how much stored energies are off."""

    series: dict[str, list[np.ndarray]]
    energy_difference: float

    def mean(self, name: str, share: float) -> tuple[float, float]:
        """Mean and error of a series of which `share` of the samples are independent."""
        values = np.concatenate(self.series[name])
        return float(values.mean()), _error(values, share * len(values))

    def score(self, name: str, share: float) -> float | None:
        """How far the mean of that series is from zero, in standard errors; None where it does not vary."""
        values = np.concatenate(self.series[name])
        return _score(values, share * len(values))


def _blocks(store: str | os.PathLike[str], variables: Sequence[str]) -> Any:
    """The store in blocks of samples, about 32 MB of memory each; their lengths depend on the shape alone."""
    header = store_header(store)
    field = next(field for field in header["fields"] if field["name"] == "configuration")
    each = max(1, _AT_ONCE // (int(np.prod(field["shape"])) * np.dtype(field["dtype"]).itemsize))
    for first in range(0, header["n_committed"], each):
        yield open_dataset(store, variables=variables, samples=slice(first, first + each))


def _measured(store: Path, model: Model, temperature: np.ndarray) -> dict[float, _Measured]:
    found = {float(t): _Measured({_ORDER: []}, 0.0) for t in np.unique(temperature)}
    most = max(64, _MOST_SITES // model.lattice.n_sites)
    for block in _blocks(store, ("configuration", "energy", "temperature")):
        for t, one in found.items():
            here = block.isel(sample=np.flatnonzero(block.temperature.values == t))
            if here.sizes["sample"]:
                found[t] = _Measured(*_added(one, here, model, t, most))
    return found


def _added(one: _Measured, here: xr.Dataset, model: Model, t: float, most: int) -> tuple[dict[str, Any], float]:
    x = here.configuration.values.reshape(here.sizes["sample"], model.lattice.n_sites, *model.value_axes.values())
    series = {name: [*parts] for name, parts in one.series.items()}
    series[_ORDER].append(model.order(x))
    left = most - sum(map(len, series.get("energy", [])))
    if left > 0:
        for identity in exact.schwinger_dyson(model, x[:left], t):
            series.setdefault(identity.name, []).append(identity.difference)
    off = float(np.abs(model.energy(x) - here.energy.values).max())
    return series, max(one.energy_difference, off)


def _reading(attrs: Mapping[str, Any], t: float, energy: np.ndarray, model: Model, measured: _Measured) -> Reading:
    places = [k for k, other in enumerate(attrs["temperatures"]) if other == t]  # more than one where t was asked twice
    said = {
        name: [piece[name][k] for piece in attrs["pieces"] for k in places]
        for name in (
            "method", "steps_are", "burn_in", "spacing", "autocorrelation_time", "effective_sample_size",
            "equilibrated", "equilibration_z",
        )
    }  # fmt: skip
    effective = float(sum(said["effective_sample_size"]))
    share = effective / len(energy)
    mean, error = float(energy.mean()), _error(energy, effective)
    reference = known(model, t)
    order, order_error = measured.mean(_ORDER, share)
    scores = {name: measured.score(name, share) for name in measured.series if name != _ORDER}
    identities = {name: z for name, z in scores.items() if z is not None}
    return Reading(
        temperature=t, n_samples=len(energy),
        method=" and ".join(dict.fromkeys(said["method"])), steps_are=" and ".join(dict.fromkeys(said["steps_are"])),
        burn_in=max(said["burn_in"]), spacing=max(said["spacing"]),
        autocorrelation_time=max(said["autocorrelation_time"]), effective_sample_size=effective,
        equilibrated=all(said["equilibrated"]), equilibration_z=max(said["equilibration_z"]),
        energy=mean, energy_error=error, order=order, order_error=order_error,
        exact=None if reference is None else reference.energy,
        z=None if reference is None else _score(energy - reference.energy, effective),
        exact_source="" if reference is None else reference.source, identity_z=identities,
    )  # fmt: skip


def _error(values: np.ndarray, effective: float) -> float:
    return float(values.std() / math.sqrt(max(effective - 1, 1)))


def _score(off: np.ndarray, effective: float) -> float | None:
    """Score of a mean that is zero; None where the samples do not vary enough to have one (frozen at low T)."""
    return normal_score(off, effective) if _error(off, effective) > 1e-12 else None


def _judged(z: Sequence[float]) -> dict[str, float]:
    total = float(np.square(z).sum())
    worst = float(max(z, key=abs))
    return {"n": len(z), "chi2": total, "probability": float(chi2.sf(total, len(z))), "worst_z": worst}


def _numbers(model: Any) -> dict[str, float]:
    return {field.name: getattr(model, field.name) for field in fields(model) if field.name != "lattice"}


def _equilibrium(card: Card) -> str:
    failed = [f"{one.temperature:g}" for one in card.readings if not one.equilibrated]
    worst = max(one.equilibration_z for one in card.readings)
    if failed:
        return f"NOT reached at T = {', '.join(failed)}; largest z of drift and disagreement of starts {worst:.1f}"
    return f"reached at every temperature; largest z of drift and disagreement of starts {worst:.1f}"


def _check_words(card: Card) -> list[str]:
    if not card.checks:
        return [card.unchecked]
    checks = [
        f"{name}: chi2 {one['chi2']:.1f} over {one['n']}, p = {one['probability']:.2g}, largest z {one['worst_z']:+.1f}"
        for name, one in card.checks.items()
    ]
    return [*checks, f"alarm below p = {LEAST:g}"]


def _energies(card: Card) -> list[str]:
    identities = list(dict.fromkeys(name for one in card.readings for name in one.identity_z))
    head = ["T", "energy", "exact", "z", *(f"z, {name} identity" for name in identities), "order parameter"]
    rows = []
    for one in card.readings:
        value = "-" if one.exact is None else f"{one.exact:.8f}"
        scores = [one.z, *(one.identity_z.get(name) for name in identities)]
        shown = ["-" if z is None else f"{z:+.2f}" for z in scores]
        order = shorthand(one.order, one.order_error)
        energy = f"e = {shorthand(one.energy, one.energy_error)}"
        rows.append([f"{one.temperature:g}", energy, value, *shown, order])
    sources = dict.fromkeys(one.exact_source for one in card.readings if one.exact_source)
    said = f"Exact energies of this lattice size: {', '.join(sources)}." if sources else (
        "No exact energy is known at this lattice size; the identities hold at every size."
    )  # fmt: skip
    return ["## Energies", "", said, "", *table(head, rows)]


def _sampling(card: Card) -> list[str]:
    head = ["T", "update", "autocorrelation time", "burn-in", "spacing", "samples", "effective", "equilibrated", "z"]
    rows = [
        [f"{one.temperature:g}", one.method, f"{one.autocorrelation_time:.3g} {one.steps_are}", f"{one.burn_in}",
         f"{one.spacing}", f"{one.n_samples}", f"{one.effective_sample_size:.0f}",
         "yes" if one.equilibrated else "NO", f"{one.equilibration_z:.1f}"]
        for one in card.readings
    ]  # fmt: skip
    return ["## Sampling", "", *table(head, rows)]


def _made_with(card: Card) -> list[str]:
    made = card.provenance
    versions = ", ".join(f"{name} {version}" for name, version in made["versions"].items())
    return ["## Made with", "", f"{versions}; {made['platform']}; commit {made['commit'] or 'unknown'}."]


def _from_dict(known: Mapping[str, Any]) -> Card:
    rows = tuple(
        Reading(**{key: row[key] for key in Reading.__dataclass_fields__ if key in row}) for row in known["readings"]
    )
    plain = {key: known[key] for key in Card.__dataclass_fields__}
    return Card(**{**plain, "readings": rows, "axes": tuple(plain["axes"])})
