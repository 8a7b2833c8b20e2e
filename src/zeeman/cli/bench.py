"""`zeeman bench`: how fast this machine is, beside the naive way, in the same minute."""

from __future__ import annotations

from pathlib import Path

from zeeman.cli import words
from zeeman.cli.common import Flags

__all__ = ["bench"]


def bench(
    *what: str,
    n_threads: int | None = None,
    out: Path | None = None,
    flags: Flags = Flags(),  # noqa: B008 (frozen)
) -> int:
    """Measure zeeman on this machine beside the program that everyone writes first; under a minute.

    Parameters
    ----------
    what : str
        spins, models, training, replicas; all if none is named.
    n_threads : int, optional
        Threads that training may use; those of torch by default.
    out : Path, optional
        Write the rows as JSON, with the machine and the versions.
    """
    from zeeman.studies import bench as job

    if flags.dry_run:
        print(words.plan(job.plan(what, out, n_threads=n_threads), flags.json))
        return 0
    result = job.bench(what, n_threads=n_threads, out=out, progress=not flags.quiet)
    print(words.as_json(result.to_dict()) if flags.json else job.table(result))
    return 0
