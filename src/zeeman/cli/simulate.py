"""`zeeman simulate`: configurations of a spin model to a zarr store, or the certified suite of all models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from zeeman.cli import words
from zeeman.cli.common import Flags
from zeeman.cli.failures import DONE, NOT_HELD

__all__ = ["simulate"]


def simulate(
    model: str = "ising",
    *,
    temperature: list[str] | None = None,
    out: Path | None = None,
    lattice: str | None = None,
    size: int | Literal["smoke", "quick", "full"] | None = None,
    n_samples: int | None = None,
    coupling: float | None = None,
    field: float | None = None,
    second_coupling: float | None = None,
    crystal_field: float | None = None,
    n_states: int | None = None,
    method: str | None = None,
    seed: int = 0,
    device: str | None = None,
    flags: Flags = Flags(),  # noqa: B008 (frozen)
) -> int:
    """Sample a spin model into a zarr store, resumably, with a run card beside it; or make the suite of all models.

    Parameters
    ----------
    model : str
        ising, potts, blume-capel, clock, xy or heisenberg; suite for a certified data set of all of them.
    temperature : list of str
        In the unit of J, k_B = 1: a number, or a range LOW:HIGH:COUNT with both ends; give it as often as needed.
    out : Path
        Store to write, ending in .zarr (the suite: a folder, runs/suite by default). A killed call continues when it
        is repeated.
    lattice : str
        chain, square (default), triangular, honeycomb or cubic; periodic.
    size : int or str
        Sites along every axis, 32 by default. The suite takes smoke (seconds), quick (minutes, its default) or full
        (hours).
    n_samples : int
        At each temperature, 1000 by default.
    coupling : float
        J, 1 by default; positive aligns. Every model has it.
    field : float
        h of ising.
    second_coupling : float
        J2 of ising, between second neighbours; positive aligns.
    crystal_field : float
        D of blume-capel, what s = -1 and +1 cost.
    n_states : int
        q of potts (3), p of clock (6).
    method : str
        auto (default), metropolis, heat-bath, over-relaxation, wolff, swendsen-wang or tempering, as the model allows.
    seed : int
        Decides every number.
    device : str
        A torch device such as cuda, for local updates; by default the compiled updates on the processor.
    """
    given = {
        "lattice": lattice, "n_samples": n_samples, "method": method, "temperature": temperature, "coupling": coupling,
        "field": field, "second_coupling": second_coupling, "crystal_field": crystal_field, "n_states": n_states,
    }  # fmt: skip
    given = {name: value for name, value in given.items() if value is not None}
    if model == "suite":
        return _suite(out, size, given, seed, device, flags)
    from zeeman.studies.simulations import simulation_of

    job = simulation_of(model, out, size, given, seed=seed, device=device)
    if flags.dry_run:
        print(words.plan(job.plan(), flags.json))
        return 0
    card = job.run(progress=not flags.quiet)
    print(words.as_json({"store": str(job.out), **card.to_dict()}) if flags.json else words.sampled(card, job.out))
    return 0


def _suite(
    out: Path | None, size: int | str | None, given: Mapping[str, Any], seed: int, device: str | None, flags: Flags
) -> int:
    from zeeman.studies.suite import suite_of

    job = suite_of(out, size, given, seed=seed, device=device)
    if flags.dry_run:
        print(words.plan(job.plan(), flags.json))
        return 0
    index = job.run(progress=not flags.quiet)
    print(words.as_json(index) if flags.json else words.certified(index, job.out))
    return DONE if all(entry["certified"] for entry in index["entries"]) else NOT_HELD
