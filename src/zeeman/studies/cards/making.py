"""Cards read from stores, and kept beside them."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from zeeman import spins
from zeeman.base.store import provenance, read_json, write_json, write_text
from zeeman.data import open_dataset, store_header
from zeeman.spins import exact
from zeeman.spins.models import Model
from zeeman.spins.statistics import normal_score
from zeeman.studies.cards.pages import markdown
from zeeman.studies.cards.record import FORMAT, Card, Reading, from_dict
from zeeman.studies.references import known

__all__ = ["HAMILTONIANS", "hash_of", "keep", "make", "paths"]

HAMILTONIANS = {
    "Ising": "H = -J sum_<ij> s_i s_j - J2 sum_<<ij>> s_i s_j - h sum_i s_i, s = -1, +1",
    "Potts": "H = -J sum_<ij> delta(s_i, s_j), s = 0..q-1",
    "BlumeCapel": "H = -J sum_<ij> s_i s_j + D sum_i s_i^2, s = -1, 0, +1",
    "Clock": "H = -J sum_<ij> cos(2 pi (s_i - s_j) / p), s = 0..p-1",
    "XY": "H = -J sum_<ij> cos(theta_i - theta_j), theta in [0, 2 pi)",
    "Heisenberg": "H = -J sum_<ij> s_i . s_j, s a unit vector of 3 components",
}
_MOST_SITES = 4_000_000  # at each temperature, on which identities are evaluated
_ORDER = "size of the order parameter"
_AT_ONCE = 2**25  # bytes of samples held at once


def paths(store: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Where the card of a store stands: NAME.card.md and NAME.card.json beside NAME.zarr."""
    store = Path(store)
    return store.with_name(f"{store.stem}.card.md"), store.with_name(f"{store.stem}.card.json")


def keep(store: str | os.PathLike[str]) -> Card:
    """Return the card of a finished store, written beside it; made anew if not there, not its own or of old format."""
    text, numbers = paths(store)
    known = read_json(numbers) if text.is_file() and numbers.is_file() else {}
    if known.get("format") == FORMAT and known.get("content_hash") == hash_of(store):
        return from_dict(known)
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


def _numbers(model: Any) -> dict[str, float]:
    return {field.name: getattr(model, field.name) for field in fields(model) if field.name != "lattice"}
