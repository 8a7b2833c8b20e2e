"""`zeeman simulate`: configurations of a spin model to a zarr store."""

from __future__ import annotations

from pathlib import Path

from zeeman.cli import words
from zeeman.cli.common import Flags

__all__ = ["simulate"]


def simulate(
    model: str = "ising",
    *,
    temperature: list[float],
    out: Path,
    lattice: str = "square",
    size: int = 32,
    n_samples: int = 1000,
    coupling: float = 1.0,
    field: float = 0.0,
    method: str = "auto",
    seed: int = 0,
    flags: Flags = Flags(),  # noqa: B008 (frozen)
) -> int:
    """Sample a spin model into a zarr store, resumably.

    Parameters
    ----------
    model : str
        ising.
    temperature : list of float
        In the unit of J and h, k_B = 1; give the option once for each.
    out : Path
        Store to write, ending in .zarr. A killed call continues when it is repeated.
    lattice : str
        chain, square, triangular, honeycomb or cubic; periodic.
    size : int
        Sites along every axis.
    n_samples : int
        At each temperature.
    coupling, field : float
        J and h in H = -J sum_<ij> s_i s_j - h sum_i s_i.
    method : str
        metropolis, wolff, swendsen-wang, tempering, or auto.
    seed : int
        Decides every number.
    """
    from zeeman.studies.simulations import Simulation

    job = Simulation(model, tuple(temperature), out, lattice, size, n_samples, coupling, field, method, seed)
    if flags.dry_run:
        print(words.plan(job.plan(), flags.json))
        return 0
    count = job.run(progress=not flags.quiet)
    done = {"store": str(out), "configurations": count}
    print(words.as_json(done) if flags.json else f"{count} configurations in {out}")
    return 0
