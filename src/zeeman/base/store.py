"""Files that are whole or absent: atomic writes, JSON, content hashes, provenance. Nothing is pickled.

Whatever is written is first written beside its place and then renamed over it, so a reader (or a run that
continues after a kill) sees the old file or the new one and never half of either. Linux swaps folders in one step too;
elsewhere a kill between two renames leaves the old folder beside its place, as ``.NAME.*.old``.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["atomic_path", "content_hash", "plain", "provenance", "read_json", "whole", "write_json", "write_text"]


_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # fcntl.h, linux/fs.h


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str], *, replace: bool = True) -> Iterator[Path]:
    """Yield a path beside `path` to write a file or folder at; it takes `path`'s place if the block succeeds.

    Without `replace`, a folder that others have filled there meanwhile stays, and the one written here is dropped.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    # the suffix is kept last: writers such as matplotlib choose a format by it
    beside = target.with_name(f".{target.stem}.{uuid.uuid4().hex[:8]}.part{target.suffix}")
    try:
        yield beside
        if replace:
            _replace(beside, target)
        else:
            _place(beside, target)
    finally:
        _remove(beside)


def whole(folder: Path) -> list[str]:
    """Names of what is in a folder, without what a killed process left half written (`atomic_path`)."""
    return sorted(path.name for path in folder.iterdir() if not path.match(".*.part*"))


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with atomic_path(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` as indented JSON; numpy numbers and arrays become plain ones, NaN and infinity null."""
    write_text(path, json.dumps(plain(value), indent=2, allow_nan=False) + "\n")


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read JSON; ValueError names the file if it is none."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} is not readable as JSON ({error}); it may be truncated: restore or remove it"
        ) from error


def plain(value: Any) -> Any:
    """What JSON can hold of `value`: numpy numbers and arrays become plain ones, NaN and infinity None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value


def content_hash(*parts: Any) -> str:
    """SHA-256, hexadecimal, of arrays (dtype, shape, bytes) and of anything JSON can hold.

    >>> content_hash(np.arange(3)) == content_hash(np.arange(3))
    True
    >>> content_hash(np.arange(3)) == content_hash(np.arange(4))
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).data)
        else:
            digest.update(json.dumps(plain(part), sort_keys=True).encode())
    return digest.hexdigest()


def provenance(**extra: Any) -> dict[str, Any]:
    """Versions, machine, threads and source commit of this process, with `extra` beside them."""
    packages = ("zeeman", "torch", "numpy", "scipy", "scikit-learn", "xarray", "zarr", "numba")
    versions = {}
    for name in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {
        "versions": {"python": platform.python_version(), **versions},
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "commit": _commit(),
        **extra,
    }


def _commit() -> str | None:
    """The commit of this file; None outside a repository, or installed in one that does not hold it."""
    file = Path(__file__).resolve()
    if not _git(file.parent, "ls-files", "--error-unmatch", file.name):
        return None
    return _git(file.parent, "describe", "--always", "--dirty", "--abbrev=12")


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def _replace(source: Path, target: Path) -> None:
    """Put `source` at `target`; a folder that was there is removed, from here or by the caller from `source`."""
    if not target.is_dir() or target.is_symlink():
        os.replace(source, target)
        return
    if _exchanged(source, target):
        return
    aside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.old")
    os.replace(target, aside)
    try:
        os.replace(source, target)
    except BaseException:
        if not target.exists():
            os.replace(aside, target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _exchanged(one: Path, other: Path) -> bool:
    """Swap two paths in one step of the file system, which a kill does not halve; False where there is none."""
    if sys.platform != "linux":
        return False
    try:
        rename = ctypes.CDLL(None).renameat2
    except (OSError, AttributeError):  # a C library without it
        return False
    names = os.fsencode(one), os.fsencode(other)
    return bool(rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0)


def _place(source: Path, target: Path) -> None:
    """Rename a folder to `target` unless a folder with anything in it is there."""
    try:
        os.rename(source, target)
    except OSError:
        if not target.is_dir():
            raise


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
