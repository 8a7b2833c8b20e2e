"""`zeeman explore`: the latent explorer of a run, with its whole decoders, in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from zeeman.cli import words
from zeeman.cli.common import RUN, Flags

__all__ = ["explore"]


def explore(
    run: Path,
    *,
    port: int = 0,
    browser: Annotated[bool, Parameter(group=RUN)] = True,
    flags: Flags = Flags(),  # noqa: B008 (frozen)
) -> int:
    """Open the latent explorer of a run in a browser.

    Serves RUN/report.html on this machine alone, and decodes with the whole network where the page holds a reduced one.

    Parameters
    ----------
    run : Path
        Folder of a finished run.
    port : int
        On 127.0.0.1; a free one by default.
    browser : bool
        Open a browser there.
    """
    from zeeman.studies.explore import Decoders
    from zeeman.studies.explore import explore as job

    if flags.dry_run:
        facts = Decoders(run).facts()
        print(words.as_json(facts) if flags.json else f"{run}: {len(facts['trainings'])} decoders to serve")
        return 0
    job(run, port=port, show=browser, say=lambda text: print(text, flush=True))
    return 0
