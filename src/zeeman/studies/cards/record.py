"""What a card says, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2

from zeeman.spins.statistics import shorthand

__all__ = ["FEWEST", "FORMAT", "LEAST", "Card", "Reading", "from_dict"]

FORMAT = 3  # of the card's files; raise it when what a card says or how it is judged changes
LEAST = 1e-5  # probability of the chi-squared below which a store is not certified
FEWEST = 30  # effective samples that a z score needs


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
        known = [one for one in self.readings if one.effective_sample_size >= FEWEST]
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
        if most < FEWEST:
            return f"too few samples to check: no temperature has {FEWEST} effective samples, the most is {most:.0f}"
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


def from_dict(known: Mapping[str, Any]) -> Card:
    """The card of `Card.to_dict`."""
    rows = tuple(
        Reading(**{key: row[key] for key in Reading.__dataclass_fields__ if key in row}) for row in known["readings"]
    )
    plain = {key: known[key] for key in Card.__dataclass_fields__}
    return Card(**{**plain, "readings": rows, "axes": tuple(plain["axes"])})


def _judged(z: Sequence[float]) -> dict[str, float]:
    total = float(np.square(z).sum())
    worst = float(max(z, key=abs))
    return {"n": len(z), "chi2": total, "probability": float(chi2.sf(total, len(z))), "worst_z": worst}
