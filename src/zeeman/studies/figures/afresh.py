"""What ``--fresh`` forgets: all that is finished in a folder, once; a stopped call goes on when it is repeated."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zeeman.base.store import read_json, whole, write_json

__all__ = ["begin_afresh", "begun_afresh", "end_afresh"]

_BEGUN = "fresh.json"  # what a call asked, until it is finished


def begin_afresh(folder: Path, asked: Mapping[str, Any], ours: Iterable[str]) -> None:
    """Clear `folder`, unless the same call did so before and stopped.

    Parameters
    ----------
    folder : Path
    asked : mapping
        What tells this call from others; plain values as JSON gives them back.
    ours : iterable of str
        What may lie in the folder.

    Raises
    ------
    ValueError
        Something else lies there, or `folder` is a file; nothing is removed.
    """
    if begun_afresh(folder, asked):
        return
    if folder.exists():
        known = {_BEGUN, *ours}
        foreign = sorted(set(whole(folder)) - known) if folder.is_dir() else ["itself"]
        if foreign:
            raise ValueError(f"{folder} holds what this command did not write ({', '.join(foreign)}): "
                             "choose another --out")  # fmt: skip
        shutil.rmtree(folder)
    write_json(folder / _BEGUN, dict(asked))


def begun_afresh(folder: Path, asked: Mapping[str, Any]) -> bool:
    """Whether what is in `folder` was begun by the same call with fresh, and not finished."""
    file = folder / _BEGUN
    return file.is_file() and read_json(file) == asked


def end_afresh(folder: Path) -> None:
    """Let the next call with fresh clear the folder again."""
    (folder / _BEGUN).unlink(missing_ok=True)
