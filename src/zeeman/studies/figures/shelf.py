"""Finished pieces of a long computation, each a file: a killed reproduction goes on where it stopped.

A piece is a function of its settings alone, so two figures that need the same training share it.
"""

from __future__ import annotations

import os
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from zeeman.base.progress import Progress
from zeeman.base.store import atomic_path, content_hash
from zeeman.studies.figures.claims import Numbers

__all__ = ["Shelf", "read_numbers", "write_numbers"]

T = TypeVar("T")
_FORMAT = 1  # raise it when a piece's meaning changes, so that old ones are not taken for new
_SECONDS = "seconds spent"


def write_numbers(path: str | os.PathLike[str], numbers: Numbers) -> None:
    """Write arrays of numbers or strings as .npz, whole or not at all; nothing is pickled."""
    arrays = {name: np.asarray(value) for name, value in numbers.items()}
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise TypeError(f"numbers[{name!r}] is an array of objects; use numbers or strings")
    with atomic_path(path) as beside:
        np.savez_compressed(beside, allow_pickle=False, **arrays)


def read_numbers(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read what `write_numbers` wrote; ValueError names the file if it is not whole."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"{path} is not readable as .npz ({error}); remove it and repeat the command") from error


class Shelf:
    """Pieces of one reproduction in one folder.

    Parameters
    ----------
    folder : path
        Pieces are written to `folder`/pieces, checkpoints of running trainings to `folder`/running.
    progress : bool
        Show bars.

    Attributes
    ----------
    seconds : float
        That the pieces asked for took to make, whenever that was.
    making : float
        That were spent on making pieces in this session.
    """

    def __init__(self, folder: str | os.PathLike[str], *, progress: bool = True) -> None:
        self.folder, self.progress = Path(folder), progress
        self.seconds = self.making = 0.0

    def get(self, name: str, settings: Mapping[str, Any], make: Callable[[Path], Numbers]) -> Numbers:
        """Return the piece `name` with these settings: from its file if it is there, from `make` otherwise.

        Parameters
        ----------
        name : str
            For people: part of the file's name.
        settings : mapping
            Everything that decides the numbers; plain values.
        make : callable
            ``make(checkpoint)`` computes the piece; `checkpoint` is a path of its own for a training to store itself
            at (`BetaVAE.fit(X, checkpoint=...)`), removed when the piece is finished.
        """
        key = content_hash({"format": _FORMAT, "name": name, **settings})[:16]
        file = self.folder / "pieces" / f"{name}-{key}.npz"
        if file.is_file():
            numbers = read_numbers(file)
            self.seconds += float(numbers.pop(_SECONDS))
            return numbers
        checkpoint = self.folder / "running" / f"{name}-{key}"
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        start = time.perf_counter()
        made = {key: np.asarray(value) for key, value in make(checkpoint).items()}
        spent = time.perf_counter() - start
        self.seconds += spent
        self.making += spent
        write_numbers(file, {**made, _SECONDS: np.array(spent)})
        shutil.rmtree(checkpoint, ignore_errors=True)
        return made

    def each(self, jobs: Sequence[T], description: str, costs: Sequence[float] | None = None) -> Iterator[T]:
        """Yield the jobs one by one under a progress bar with the time left; those of known cost by their share of it.

        Jobs whose pieces were all there say nothing about the time left.
        """
        work = [1.0] * len(jobs) if costs is None else costs
        with Progress(sum(work), description, enabled=self.progress, percent=costs is not None) as bar:
            for job, cost in zip(jobs, work, strict=True):
                making = self.making
                yield job
                if self.making > making:
                    bar.advance(cost, detail=str(job))
                else:
                    bar.resume(cost)
