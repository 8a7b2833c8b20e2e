"""The papers' figures computed, drawn and judged: one folder a size, one a figure in it.

OUT/SIZE/FIGURE holds ``numbers.npz`` (all that is drawn and judged), ``verdicts.json``, the picture as png and pdf and
what it shows as csv; OUT/SIZE/pieces the finished trainings, which figures share and a repeated command takes up again.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from zeeman.base.checks import check_choice
from zeeman.base.store import provenance, write_json
from zeeman.plots.drawn import write_drawn
from zeeman.plots.style import save
from zeeman.studies.figures import (
    FIGURES,
    Numbers,
    PaperFigure,
    Shelf,
    Size,
    Verdict,
    figure,
    judge,
    size_of,
    write_numbers,
)

__all__ = ["Reproduction", "reproduce"]


@dataclass(frozen=True)
class Reproduction:
    """One figure at one size.

    Attributes
    ----------
    figure : PaperFigure
    size : Size
    numbers : mapping
    verdicts : list of Verdict
    seconds : float
        That the numbers took, in all sessions.
    folder : Path
    """

    figure: PaperFigure
    size: Size
    numbers: Numbers
    verdicts: list[Verdict]
    seconds: float
    folder: Path


def reproduce(
    figures: Sequence[str] = (),
    size: str = "quick",
    out: str | os.PathLike[str] = "runs/reproduce",
    *,
    n_seeds: int | None = None,
    seed: int = 0,
    fresh: bool = False,
    progress: bool = True,
) -> list[Reproduction]:
    """Compute, draw and judge figures of the papers; a killed call goes on where it stopped when it is repeated.

    Parameters
    ----------
    figures : sequence of str
        Keys of `zeeman.studies.figures.FIGURES`; all of them if none is given.
    size : {"quick", "paper", "smoke"}
        "paper": the papers' own sizes; "quick": 16 x 16 sites with beta scaled by the area, all figures in about
        forty minutes on two cores; "smoke": the least that runs, to see that everything does.
    out : path
        Folder; OUT/SIZE/FIGURE is written.
    n_seeds, seed : int
        How many seeds, counted from which.
    fresh : bool
        Forget numbers and finished trainings of this size.
    progress : bool
        Show bars.

    Raises
    ------
    ValueError
        For an unknown figure or size, before anything is written.
    """
    for key in figures:
        check_choice(key, tuple(FIGURES), "figure")
    wanted = size_of(size, n_seeds, seed)
    folder = Path(out) / size
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    shelf = Shelf(folder, progress=progress)
    return [_reproduced(figure(key), wanted, shelf) for key in figures or tuple(FIGURES)]


def _reproduced(one: PaperFigure, size: Size, shelf: Shelf) -> Reproduction:
    folder = shelf.folder / one.key
    numbers, seconds = _timed(one, size, shelf)
    verdicts = judge(one.claims, numbers)
    write_numbers(folder / "numbers.npz", numbers)
    drawing = one.draw(numbers)
    for suffix in ("png", "pdf"):
        save(drawing, folder / f"figure.{suffix}", dpi=300)
    write_drawn(drawing, folder / "figure.csv")
    write_json(
        folder / "verdicts.json",
        {"figure": one.key, "title": one.title, "caption": one.caption, "size": asdict(size), "seconds": seconds,
         "claims": [verdict.to_dict() for verdict in verdicts], "provenance": provenance()},
    )  # fmt: skip
    return Reproduction(one, size, numbers, verdicts, seconds, folder)


def _timed(one: PaperFigure, size: Size, shelf: Shelf) -> tuple[Numbers, float]:
    """Return the numbers, and the seconds that they and their pieces took, today or earlier."""
    before, made, start = shelf.seconds, shelf.making, time.perf_counter()
    numbers = one.compute(size, shelf)
    besides = time.perf_counter() - start - (shelf.making - made)
    return numbers, shelf.seconds - before + besides
