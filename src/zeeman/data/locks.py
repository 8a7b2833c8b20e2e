"""One writer at a time in a folder: a lock of the system on the folder itself, which ends with its process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["alone", "check_place", "locked"]


def locked(path: Path) -> int | None:
    """Lock the folder and return the handle that holds it; None where the system has no such locks.

    OSError if another process has it, or if the folder is replaced meanwhile.
    """
    try:
        import fcntl
    except ImportError:  # Windows has no such locks
        return None
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise OSError(f"{path} is being written by another process: wait for it, or write elsewhere") from error
    try:
        check_place(handle, path)  # replaced between the two calls above
    except OSError:
        os.close(handle)
        raise
    return handle


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock of the folder at `path`."""
    handle = locked(path)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def check_place(lock: int | None, path: Path) -> None:
    """OSError unless the folder that is locked is the one at `path`."""
    if lock is None:
        return
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(lock), os.stat(path)):
            return
    raise OSError(f"{path} was removed or replaced while it was open for writing; nothing was added: open it again")
