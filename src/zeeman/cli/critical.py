"""`zeeman critical`: critical temperatures from latent codes, beside Binder's cumulant, PCA and exact values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from zeeman.cli import words
from zeeman.cli.common import RUN, Flags
from zeeman.cli.failures import DONE

__all__ = ["critical"]


def critical(
    *rows: str,
    size: str = "quick",
    out: Annotated[Path, Parameter(group=RUN)] = Path("runs/critical"),
    seed: int = 0,
    flags: Flags = Flags(),  # noqa: B008 (frozen)
) -> int:
    """Measure critical temperatures from latent codes, beside Binder's cumulant, PCA and exact values.

    Parameters
    ----------
    rows : str
        square triangular honeycomb cubic potts3 potts4 blume0 blume0.5 blume1 blume1.5 blume1.75 clock4 clock6 xy;
        all if none is named.
    size : str
        quick: three sizes up to 32, about twenty minutes. full: four up to 64 or more, about three hours.
        smoke: the least that runs.
    out : Path
        Folder; OUT/SIZE gets table.json, table.md and a picture of every estimate. A killed run continues.
    seed : int
        Of samples, trainings and resamples.
    """
    from zeeman.studies.critical import table

    if flags.dry_run:
        print(words.plan(table.plan(rows, size, out, seed), flags.json))
        return DONE
    lines = table.critical_table(rows, size, out, seed=seed, progress=not flags.quiet)
    if flags.json:
        print(words.as_json([vars(line) for line in lines]))
    else:
        print("\n".join([table.written(lines), "", *table.refusals(lines), f"{out / size / 'table.md'}"]))
    return DONE
