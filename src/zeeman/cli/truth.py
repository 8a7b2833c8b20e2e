"""`zeeman truth`: every model, lattice and update against exact values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from zeeman.cli import words
from zeeman.cli.common import RUN, Flags
from zeeman.cli.failures import DONE, NOT_HELD

__all__ = ["truth"]


def truth(
    *what: str,
    size: str = "quick",
    out: Annotated[Path, Parameter(group=RUN)] = Path("runs/truth"),
    seed: int = 0,
    fresh: Annotated[bool, Parameter(group=RUN, negative="")] = False,
    strict: Annotated[bool, Parameter(group=RUN, negative="")] = False,
    flags: Flags = Flags(),  # noqa: B008 (frozen)
) -> int:
    """Hold every sampler against exact values: one chi-squared over all of them.

    Parameters
    ----------
    what : str
        ising, potts, blume-capel, clock, xy, heisenberg; all if none is named.
    size : str
        quick: 5,000 configurations a run, minutes. full: 50,000. smoke: the least that runs.
    out : Path
        Folder; OUT/SIZE/truth.json is written. A killed run continues.
    seed : int
        Decides every number.
    fresh : bool
        Forget what is finished at this size.
    strict : bool
        Exit with 3 unless all comparisons together, and every run alone, are as chance has it.
    """
    from zeeman.studies import truth as job

    if flags.dry_run:
        print(words.plan(job.plan(what, size, out, seed), flags.json))
        return DONE
    found = job.truth(what, size, out, seed=seed, fresh=fresh, progress=not flags.quiet)
    print(words.as_json(found.to_dict()) if flags.json else job.table(found))
    return NOT_HELD if strict and not found.holds else DONE
