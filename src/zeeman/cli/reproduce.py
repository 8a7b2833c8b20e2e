"""`zeeman reproduce`: figures of the papers and of all models' latent spaces, computed, drawn and judged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from zeeman.cli import words
from zeeman.cli.common import RUN, Flags
from zeeman.cli.failures import DONE, NOT_HELD

__all__ = ["reproduce"]


def reproduce(
    *figures: str,
    size: str = "quick",
    out: Annotated[Path, Parameter(group=RUN)] = Path("runs/reproduce"),
    seeds: int | None = None,
    first_seed: int = 0,
    jobs: Annotated[int | None, Parameter(group=RUN)] = None,
    fresh: Annotated[bool, Parameter(group=RUN, negative="")] = False,
    strict: Annotated[bool, Parameter(group=RUN, negative="")] = False,
    flags: Flags = Flags(),  # noqa: B008 (frozen)
) -> int:
    """Compute, draw and judge figures of the papers and of the models: claim, measured, verdict.

    Parameters
    ----------
    figures : str
        000-1 000-2 002-2 002-3 002-4 002-5 002-6 002-7 002-12 (paper-figure; 002-12 is equation 12), the latent space
        of a model: potts-3 potts-4 clock-4 clock-6 blume-capel xy heisenberg, or all of one kind: papers (if none is
        named), models.
    size : str
        quick: 16 x 16 sites, two seeds, within half an hour on two cores. paper: 32 x 32, 100,000 configurations, five
        seeds. smoke: the least that runs.
    out : Path
        Folder; OUT/SIZE/FIGURE gets figure.png, figure.pdf, numbers.npz, verdicts.json. A killed run continues.
    seeds, first_seed : int
        How many seeds, counted from which; the size's own number by default.
    jobs : int
        Processes among which figures and cores are divided; two where there are two cores.
    fresh : bool
        Forget what is finished at this size; repeated after a kill, it continues.
    strict : bool
        Exit with 3 unless every claim holds for every seed.
    """
    if flags.dry_run:
        from zeeman.studies.plans import plan_reproduction

        planned = plan_reproduction(figures, size, out, seeds, first_seed, jobs, fresh=fresh)
        print(words.plan(planned, flags.json))
        return DONE
    from zeeman.studies import reproduce as job

    done = job(figures, size, out, n_seeds=seeds, seed=first_seed, fresh=fresh, jobs=jobs, progress=not flags.quiet)
    verdicts = {one.figure.key: [verdict.to_dict() for verdict in one.verdicts] for one in done}
    print(words.as_json(verdicts) if flags.json else words.judged(done))
    held = all(verdict["verdict"] == "holds" for claims in verdicts.values() for verdict in claims)
    return NOT_HELD if strict and not held else DONE
