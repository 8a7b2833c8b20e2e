"""`zeeman runs`: what is in a folder of runs, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from zeeman.cli import words

__all__ = ["runs"]


def runs(
    folder: Path = Path("runs"),
    *,
    figure: Path | None = None,
    csv: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
    debug: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """List and compare the runs in FOLDER: how far each came, what it was asked, what it found.

    Parameters
    ----------
    folder : Path
        Looked through with the folders inside it.
    figure : Path, optional
        Draw the comparison too: a path ending in .png, .pdf or .svg; the numbers are written beside it as .csv.
    csv : Path, optional
        Write the table with every setting and number, one row a run.
    json : bool
        Print the runs as JSON on standard output, and nothing else there.
    debug : bool
        Show tracebacks.
    """
    from zeeman.studies import runs as job

    if figure is not None and csv is not None and figure.with_suffix(".csv").resolve() == csv.resolve():
        raise ValueError(f"{csv} is where the numbers of {figure} go: give --csv another name")
    found = job.find(folder)
    if figure is not None:
        job.draw(found, figure)
    if csv is not None:
        job.write_csv(found, csv)
    print(words.as_json([one.to_dict() for one in found]) if json else job.table(found))
    return 0
