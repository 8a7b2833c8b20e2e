"""One folder a run: what it was asked, what it was fed, how far it came.

`run.json` is written first and says which settings and data (by hash) the folder belongs to, so that the same
command continues a killed run and another command is refused before it overwrites anything.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zeeman.base.store import provenance, read_json, whole, write_json
from zeeman.data.locks import check_place

__all__ = ["FORMAT", "RunFolder", "check_out", "goes_on", "held", "read_record", "refuse_other", "standing"]

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_READING = ("n_states", "n_clusters")
FORMAT = 1  # of run.json and of what a continued run relies on; raise it when an old run cannot be continued


class RunFolder:
    """The folder of one run.

    Parameters
    ----------
    path : path
        Made if it is not there.
    settings : mapping
        Every option that decides a number.
    data_hash : str
        Content hash of the data.
    fresh : bool
        Begin anew; the earlier run is removed once the new one is trained. A run that was itself begun so, with the
        same settings and data, and stopped before its end, is continued.
    job : str
        Which verb's run it is.

    Raises
    ------
    ValueError
        `path` holds a run with other settings or data or of another version's format, or something that is no run;
        or it names no folder of its own.
    """

    def __init__(
        self, path: str | os.PathLike[str], settings: Mapping[str, Any], data_hash: str, *, fresh: bool = False,
        job: str = "",
    ) -> None:  # fmt: skip
        self.path = Path(path)
        self.seconds: dict[str, float] = {}
        wanted = {"settings": dict(settings), "data_hash": data_hash}
        check_out(self.path)
        self._aside = _aside(self.path)
        stopped = fresh and goes_on(self.path, wanted)
        if not stopped:
            self._restore()  # of a --fresh that was killed before it had anything better
        before = read_record(self.path)
        self.continued = before is not None and (stopped or not fresh)
        if before is not None and self.continued:
            refuse_other(self.path, before, wanted)
            self.seconds = dict(before.get("seconds", {}))
            fresh = bool(before.get("fresh"))
        elif before is not None:
            _remove(self._aside)
            os.replace(self.path, self._aside)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        made = provenance()
        if before is not None and self.continued:
            started = before.get("started", started)
            if (self.path / "model").exists():  # trained by what is said there; read by what the report says
                made = before.get("provenance", made)
        self._content = {
            "format": FORMAT, "job": job, "started": started, "fresh": fresh, **wanted,
            "provenance": made, "seconds": self.seconds,
        }  # fmt: skip
        if not self.continued:
            write_json(self.path / "run.json", self._content)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage; the sum over continued sessions is kept in `run.json`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
            if self.path.exists():
                write_json(self.path / "run.json", self._content)

    @contextlib.contextmanager
    def unless_refused(self) -> Iterator[None]:
        """Leave nothing behind if data or options are refused in a run that has only begun."""
        try:
            yield
        except (ValueError, TypeError):
            if not self.continued:
                shutil.rmtree(self.path, ignore_errors=True)
                self._restore()
            raise
        _remove(self._aside)

    def _restore(self) -> None:
        """Put back the run that --fresh moved aside, unless a trained one stands in its place."""
        if standing(self.path) == self._aside:
            shutil.rmtree(self.path, ignore_errors=True)
            os.replace(self._aside, self.path)


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep other processes out of the folder of a run, by a lock on ``.NAME.lock`` beside it, which ends with this one.

    The folders above it are made, and removed if nothing is in them at the end. OSError if another process is at work.
    """
    check_out(path)
    made = [parent for parent in path.parents if not parent.exists()]
    lock = _lock(path)
    try:
        yield
    finally:
        if lock is not None:
            _lock_of(path).unlink(missing_ok=True)
            os.close(lock)
        with contextlib.suppress(OSError):  # not empty
            for parent in made:
                parent.rmdir()


def _lock(path: Path) -> int | None:
    """The handle that holds the lock, which processes forked from this one do not share; None where there are none."""
    try:
        import fcntl

        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(_lock_of(path), os.O_RDWR | os.O_CREAT)
    except (ImportError, OSError):  # what is wrong with the place is said by what is written there
        return None
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        check_place(handle, _lock_of(path))  # removed between the two calls by the one that had it
    except OSError as error:
        os.close(handle)
        if error.errno in _NO_LOCKS:
            return None
        raise OSError(
            f"another process is at work in {path}: wait for it, or name another folder with --out"
        ) from error
    return handle


def _lock_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def standing(path: Path) -> Path:
    """Where the run of `path` is: aside if --fresh moved it there and no trained one stands in its place."""
    aside = _aside(path)
    return aside if aside.exists() and not (path / "model").exists() else path


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.before")


def _remove(aside: Path) -> None:
    """Remove the run that was moved aside; under another name, so that a half of it is never put back."""
    waste = aside.with_suffix(".waste")
    shutil.rmtree(waste, ignore_errors=True)
    if aside.exists():
        os.replace(aside, waste)
        shutil.rmtree(waste, ignore_errors=True)


def check_out(path: Path) -> None:
    """Raise ValueError unless `path` names a folder that can be made and replaced: not ``.``, ``..`` or ``/``."""
    if path.name in ("", ".."):
        raise ValueError(
            f"{path} cannot be the folder of a run, which is made and replaced as a whole: name one in it with --out, "
            f"as {path / 'NAME'}"
        )


def goes_on(path: Path, wanted: Mapping[str, Any]) -> bool:
    """Whether --fresh continues the run in `path`: begun by --fresh itself, as `wanted`, and not finished."""
    before = read_record(path)
    if before is None or not before.get("fresh") or (path / "metrics.json").exists():
        return False
    try:
        refuse_other(path, before, wanted)
    except ValueError:
        return False
    return True


def read_record(path: Path) -> dict[str, Any] | None:
    """Return what run.json says, None if there is no folder; ValueError if the folder is no run."""
    file = path / "run.json"
    if file.is_file():
        record = read_json(file)
        if not isinstance(record, dict) or not isinstance(record.get("settings"), dict):
            raise ValueError(f"{file} does not describe a run; choose another folder with --out, or remove this one")
        return record
    if path.exists() and (not path.is_dir() or whole(path)):
        raise ValueError(f"{path} exists and is no zeeman run (it has no run.json): choose another folder")
    return None


def refuse_other(path: Path, before: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raise ValueError unless the run `before` in `path` is the one `wanted`, and of this version's format.

    Of a run without numbers yet, what only the reading of its models takes (n_states, n_clusters) may change.
    """
    later = () if (path / "metrics.json").exists() else _READING
    remedy = "choose another folder with --out, or replace it with --fresh"
    form = before.get("format", FORMAT)
    if form != FORMAT:
        made = before.get("provenance", {}).get("versions", {}).get("zeeman", "another version")
        age = "an older" if isinstance(form, int) and form < FORMAT else "a newer"
        raise ValueError(
            f"{path} holds a run of {age} zeeman ({made}, format {form!r}; this one writes {FORMAT}) and cannot be "
            f"continued: {remedy}"
        )
    old, new = before["settings"], wanted["settings"]
    changed = [
        f"{key}: {old.get(key)!r} -> {new.get(key)!r}"
        for key in {**old, **new}
        if key not in later and old.get(key) != new.get(key)
    ]
    if not changed and before.get("data_hash") != wanted["data_hash"]:
        changed = ["the data"]
    if changed:
        raise ValueError(f"{path} holds a run made with other settings ({', '.join(changed)}): {remedy}")
