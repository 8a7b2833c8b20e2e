"""Figures of the papers and of all models' latent spaces, computed, drawn and judged: a folder a size, one a figure.

OUT/SIZE/FIGURE holds ``numbers.npz`` (all that is drawn and judged), ``verdicts.json``, the picture as png and pdf and
what it shows as csv; OUT/SIZE/pieces the finished trainings, which figures share and a repeated command takes up again.
Figures that share no training are computed side by side, each in a process with its part of the cores: on two cores
two trainings of one thread are faster than one of two threads twice.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zeeman.base.checks import check_positive_integer
from zeeman.base.processes import processors
from zeeman.base.store import provenance, write_json
from zeeman.plots.drawn import write_drawn
from zeeman.plots.style import save
from zeeman.studies.figures import (
    FIGURES,
    MODELS,
    SHARING,
    Numbers,
    PaperFigure,
    Shelf,
    Size,
    Verdict,
    figure,
    judge,
    keys_of,
    size_of,
    write_numbers,
)
from zeeman.studies.figures.afresh import begin_afresh, end_afresh

__all__ = ["Reproduction", "asked", "reproduce"]


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
    jobs: int | None = None,
    progress: bool = True,
) -> list[Reproduction]:
    """Compute, draw and judge figures; a killed call goes on where it stopped when it is repeated.

    Parameters
    ----------
    figures : sequence of str
        Keys of `zeeman.studies.figures.FIGURES` and `MODELS`; "papers" and "models" stand for all of either. The
        papers' if none is given.
    size : {"quick", "paper", "smoke"}
        "paper": the papers' own sizes; "quick": 16 x 16 sites with beta scaled by the area, all figures within half
        an hour on two cores; "smoke": the least that runs, to see that everything does.
    out : path
        Folder; OUT/SIZE/FIGURE is written.
    n_seeds, seed : int
        How many seeds, counted from which.
    fresh : bool
        Forget numbers and finished trainings of this size. A stopped call goes on when it is repeated as it was, with
        this too.
    jobs : int, optional
        Processes among which the figures and the cores are divided; by default two where there are two cores. The
        numbers are the same up to the order of float32 sums (number of threads).
    progress : bool
        Show bars; plain lines where several processes speak.

    Raises
    ------
    ValueError
        For an unknown figure or size, before anything is written.
    """
    keys = keys_of(figures)
    wanted = size_of(size, n_seeds, seed)
    cores = processors()
    jobs = min(2, cores) if jobs is None else check_positive_integer(jobs, "jobs")
    folder = Path(out) / size
    if fresh:
        begin_afresh(folder, asked(keys, wanted), ("pieces", "running", "verdicts.json", *FIGURES, *MODELS))
    groups = _groups(keys)
    if min(jobs, len(groups)) == 1:
        done = _group(keys, wanted, folder, progress)
    else:
        with ProcessPoolExecutor(
            jobs, multiprocessing.get_context("spawn"), _begin_worker, (max(1, cores // jobs),)
        ) as pool:
            running = [pool.submit(_group, group, wanted, folder, progress) for group in groups]
            done = [one for future in running for one in future.result()]
    end_afresh(folder)
    return sorted(done, key=lambda one: keys.index(one.figure.key))


def asked(keys: Sequence[str], size: Size) -> dict[str, Any]:
    """What tells one call with fresh from another."""
    plain: dict[str, Any] = json.loads(json.dumps({"figures": list(keys), "size": asdict(size)}))
    return plain


def _groups(keys: Sequence[str]) -> list[tuple[str, ...]]:
    """Figures that share trainings together, the largest group first; the others one by one."""
    together = [tuple(key for key in keys if key in shared) for shared in SHARING]
    alone = [(key,) for key in keys if not any(key in group for group in together)]
    return [group for group in together if group] + alone


def _group(keys: Sequence[str], size: Size, folder: Path, progress: bool) -> list[Reproduction]:
    shelf = Shelf(folder, progress=progress)
    return [_reproduced(figure(key), size, shelf) for key in keys]


def _begin_worker(n_threads: int) -> None:
    """Take `n_threads` of the cores, speak in plain lines, and end with the parent, however that ends."""
    import torch
    from threadpoolctl import threadpool_limits

    os.environ["OMP_NUM_THREADS"] = str(n_threads)  # for libraries that are loaded later
    torch.set_num_threads(n_threads)
    threadpool_limits(n_threads)
    sys.stderr = _Lines()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class _Lines(io.TextIOBase):
    """Standard error as if it were a file: bars of several processes would overwrite one another."""

    def write(self, text: str) -> int:
        return sys.__stderr__.write(text) if sys.__stderr__ is not None else len(text)

    def flush(self) -> None:
        if sys.__stderr__ is not None:
            sys.__stderr__.flush()


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
