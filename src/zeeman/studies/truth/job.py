"""Every model, lattice and update against exact values: one run each, one chi-squared over all of them.

A run is a piece on a shelf, so a killed job goes on where it stopped. Its key holds a hash of the samplers' sources:
what older samplers drew says nothing of newer ones.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2 as chi_squared

from zeeman import spins
from zeeman.base.checks import check_choice, check_positive_integer
from zeeman.base.random import stream
from zeeman.base.store import provenance, write_text
from zeeman.studies.figures.afresh import begin_afresh, end_afresh
from zeeman.studies.figures.shelf import Shelf
from zeeman.studies.truth.cases import FAMILIES, Case
from zeeman.studies.truth.comparing import SHOWN, compare

__all__ = ["LEAST", "SIZES", "Run", "Truth", "plan", "truth"]

SIZES = {"smoke": 1_000, "quick": 5_000, "full": 50_000}  # configurations a run
LEAST = 1e-3  # probability of the chi-squared below which something is wrong
_SMOKE = 2  # cases of a family in the least that runs


@dataclass(frozen=True)
class Run:
    """One model, one temperature, one update.

    Attributes
    ----------
    family, case, method, against : str
        What was sampled, how, and the oracle.
    found, error, exact : ndarray, (observable,)
        Of `zeeman.studies.truth.SHOWN`; NaN where nothing exact is known.
    chi2, dof : float, int
        Of all sample means of the run together, their correlations taken into account.
    n_effective : float
        Independent configurations.
    """

    family: str
    case: str
    method: str
    against: str
    found: NDArray[np.float64]
    error: NDArray[np.float64]
    exact: NDArray[np.float64]
    chi2: float
    dof: int
    n_effective: float

    @property
    def z(self) -> NDArray[np.float64]:
        """Deviations in standard errors, (observable,); 0 where a value is exact and without spread."""
        off = self.found - self.exact
        tiny = 1e-10 * (1 + np.abs(self.exact))
        return np.where(np.abs(off) < tiny, 0 * off, off / np.maximum(self.error, tiny))

    @property
    def p(self) -> float:
        """Probability of a larger chi-squared if the sampler is right; 1 where samples are too few to check."""
        return float(chi_squared.sf(self.chi2, self.dof)) if self.dof else 1.0


@dataclass(frozen=True)
class Truth:
    """All runs at one size, the seconds they took and the machine."""

    size: str
    seed: int
    runs: tuple[Run, ...]
    seconds: float
    machine: dict[str, Any]

    @property
    def chi2(self) -> float:
        """Sum over runs, which are independent."""
        return sum(run.chi2 for run in self.runs)

    @property
    def dof(self) -> int:
        """Independent comparisons."""
        return sum(run.dof for run in self.runs)

    @property
    def p(self) -> float:
        """Probability of a larger chi-squared if all samplers are right; 1 where samples are too few to check."""
        return float(chi_squared.sf(self.chi2, self.dof)) if self.dof else 1.0

    @property
    def least(self) -> tuple[float, float]:
        """Probabilities below which all runs together, and any single one, are an alarm: 0.001, 0.001 / runs."""
        return LEAST, LEAST / len(self.runs)

    @property
    def holds(self) -> bool:
        """Something was compared, and neither all runs together nor any single one is off."""
        together, alone = self.least
        return self.dof > 0 and self.p > together and min(run.p for run in self.runs) > alone

    @property
    def verdict(self) -> str:
        """One of "as chance has it", "too few samples to check" and "something is wrong"."""
        return "as chance has it" if self.holds else "something is wrong" if self.dof else "too few samples to check"

    def by_observable(self) -> dict[str, tuple[float, int]]:
        """Sum of squared z scores of one observable, and of how many runs."""
        z = np.array([run.z for run in self.runs])
        return {
            name: (float(np.nansum(z[:, k] ** 2)), int(np.isfinite(z[:, k]).sum()))
            for k, name in enumerate(SHOWN) if np.isfinite(z[:, k]).any()
        }  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "size": self.size, "seed": self.seed, "chi2": self.chi2, "dof": self.dof, "p": self.p,
            "holds": self.holds, "verdict": self.verdict, "least": self.least,
            "seconds": self.seconds, "observables": list(SHOWN),
            "by_observable": {name: {"chi2": chi2, "dof": dof} for name, (chi2, dof) in self.by_observable().items()},
            "runs": [_plain(run) for run in self.runs], "machine": self.machine,
        }  # fmt: skip


def truth(
    what: Sequence[str] = (),
    size: str = "quick",
    out: str | os.PathLike[str] = "runs/truth",
    *,
    n_samples: int | None = None,
    seed: int = 0,
    fresh: bool = False,
    progress: bool = True,
    sampler: Callable[..., Any] = spins.sample,
) -> Truth:
    """Sample every model on every lattice with every update, and compare with exact values.

    Parameters
    ----------
    what : sequence of str
        Families of models, keys of `zeeman.studies.truth.FAMILIES`; all of them if none is given.
    size : {"quick", "full", "smoke"}
        5,000 configurations a run, a few minutes on one core; 50,000, about half an hour; "smoke": 1,000 of the first
        two cases of a family.
    out : path
        Folder; OUT/SIZE/truth.json is written. A killed call goes on where it stopped.
    n_samples : int, optional
        Configurations a run; the size's own number by default.
    seed : int
        Decides every number.
    fresh : bool
        Forget the runs that are finished. A stopped call goes on when it is repeated as it was, with this too.
    progress : bool
        Show a bar.
    sampler : callable
        Called like `zeeman.spins.sample`; put your own to the test.

    Raises
    ------
    ValueError
        For an unknown family or size, or something else in the folder that is to be cleared, before anything is
        written.
    """
    jobs = _jobs(what, size)
    seed = check_positive_integer(seed, "seed", 0)
    count = SIZES[size] if n_samples is None else check_positive_integer(n_samples, "n_samples", 100)
    folder = Path(out) / size
    code = _hash_of_samplers()
    if fresh:
        asked = {"what": list(what), "n_samples": count, "seed": seed, "code": code, "sampler": _name(sampler)}
        begin_afresh(folder, asked, ("pieces", "running", "truth.json"))
    shelf = Shelf(folder, progress=progress)
    runs = [_run(job, count, seed, sampler, shelf, code) for job in shelf.each(jobs, "truth")]
    found = Truth(size, seed, tuple(runs), shelf.seconds, provenance())
    write_text(folder / "truth.json", _compact(found.to_dict()))
    end_afresh(folder)
    return found


def plan(what: Sequence[str], size: str, out: str | os.PathLike[str], seed: int = 0) -> dict[str, Any]:
    """What `truth` would do."""
    jobs = _jobs(what, size)
    check_positive_integer(seed, "seed", 0)
    times = {"smoke": "half a minute", "quick": "a few minutes on one core", "full": "half an hour on one core"}
    return {
        "would": "sample and compare with exact values",
        "runs": {family: sum(job.family == family for job in jobs) for family in dict.fromkeys(j.family for j in jobs)},
        "configurations": SIZES[size], "takes": times[size], "out": str(Path(out) / size),
    }  # fmt: skip


@dataclass(frozen=True)
class _Job:
    family: str
    case: Case
    method: str

    def __str__(self) -> str:
        return f"{self.case.name}: {self.method}"


def _jobs(what: Sequence[str], size: str) -> list[_Job]:
    for name in what:
        check_choice(name, tuple(FAMILIES), "what to compare")
    check_choice(size, tuple(SIZES), "size")
    return [
        _Job(family, case, method)
        for family in what or FAMILIES
        for case in FAMILIES[family][: _SMOKE if size == "smoke" else None]
        for method in case.methods
    ]


def _run(job: _Job, n_samples: int, seed: int, sampler: Callable[..., Any], shelf: Shelf, code: str) -> Run:
    case = job.case
    settings = {
        "case": case.name, "method": job.method, "n_samples": n_samples, "seed": seed, "code": code,
        "sampler": _name(sampler),
    }  # fmt: skip

    def make(_: Path) -> dict[str, Any]:
        # a stream for each run: the same numbers in another order of cases
        rng = stream(seed, f"truth/{case.name}/{job.method}")
        data = sampler(case.model, case.temperature, n_samples, job.method, rng, n_threads=1)
        reference = case.oracle(case.model, case.temperature)
        compared = compare(case, reference, data)
        return {
            "found": compared.found, "error": compared.error, "exact": compared.exact, "against": reference.source,
            "scalars": np.array([compared.chi2, compared.dof, sum(data.attrs["effective_sample_size"])]),
        }  # fmt: skip

    piece = shelf.get(f"{job.family}-{job.method}", settings, make)
    chi2, dof, n_effective = piece["scalars"]
    return Run(
        job.family, case.name, job.method, str(piece["against"]), piece["found"], piece["error"], piece["exact"],
        float(chi2), int(dof), float(n_effective),
    )  # fmt: skip


def _name(sampler: Callable[..., Any]) -> str:
    return f"{sampler.__module__}.{sampler.__qualname__}"


def _hash_of_samplers() -> str:
    folder = Path(spins.__file__).parent
    sources = sorted(file for file in folder.rglob("*.py") if "reweighting" not in file.parts)
    return hashlib.sha256(b"".join(file.read_bytes() for file in sources)).hexdigest()[:16]


def _compact(values: dict[str, Any]) -> str:
    """JSON with a line for each run."""
    runs = ",\n    ".join(json.dumps(run) for run in values["runs"])
    return json.dumps({**values, "runs": "@"}, indent=2).replace('"@"', f"[\n    {runs}\n  ]") + "\n"


def _plain(run: Run) -> dict[str, Any]:
    """A run in few digits: 3 of an error, and of means as many as it gives sense."""
    exact, found, error = [], [], []
    for value, mean, sigma in zip(run.exact, run.found, run.error, strict=True):
        digits = 6 if not sigma > 0 else max(0, 2 - math.floor(math.log10(sigma)))
        told = math.isfinite(value)
        exact.append(round(float(value), 8) if told else None)
        found.append(round(float(mean), digits) if told else None)
        error.append(round(float(sigma), digits) if told else None)
    return {
        "family": run.family, "case": run.case, "method": run.method, "against": run.against, "found": found,
        "error": error, "exact": exact, "z": [round(float(z), 2) if math.isfinite(z) else None for z in run.z],
        "chi2": round(run.chi2, 2), "dof": run.dof, "p": float(f"{run.p:.3g}"), "n_effective": round(run.n_effective),
    }  # fmt: skip
