"""What went wrong as one paragraph (what, where, what to do) and an exit code."""

from __future__ import annotations

import errno

from cyclopts.exceptions import CoercionError, CycloptsError, MissingArgumentError, UnknownCommandError

__all__ = ["DONE", "FAILED", "INTERRUPTED", "NOT_HELD", "REFUSED", "explained"]

DONE, FAILED, REFUSED, NOT_HELD, INTERRUPTED = 0, 1, 2, 3, 130

_MACHINE = {
    errno.ENOSPC: "no space left on the disk; free some, or write elsewhere with --out",
    errno.EDQUOT: "the disk quota is used up; free some, or write elsewhere with --out",
    errno.EROFS: "that disk can only be read; write elsewhere with --out",
    errno.EACCES: "not permitted to read or write there; change the folder's permissions, or choose another",
    errno.EPERM: "not permitted to read or write there; change the folder's permissions, or choose another",
    errno.EIO: "the disk failed to read or write; try again, or use another one",
}  # the machine's fault, not the input's


def explained(error: BaseException, verb: str = "") -> tuple[str, int]:
    """The paragraph for a person and the code for a script."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; the same command continues from where it stopped", INTERRUPTED
    if isinstance(error, CycloptsError):
        return _said_by_parser(error, verb), REFUSED
    if isinstance(error, OSError) and error.errno in _MACHINE:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{_MACHINE[error.errno]}. What was finished is kept; the same command continues", FAILED
    if isinstance(error, MemoryError):
        return "memory ran out; take fewer samples, replicas or a smaller batch", FAILED
    if isinstance(error, (ValueError, TypeError, OSError, ImportError)):
        return " ".join(str(error).split()) or type(error).__name__, REFUSED
    said = " ".join(str(error).split())
    return f"failed: {type(error).__name__}: {said} (repeat with --debug for the traceback, and report it)", FAILED


def _said_by_parser(error: CycloptsError, verb: str) -> str:
    error.verbose = False
    said = " ".join(str(error).replace('"', "'").split())
    if isinstance(error, UnknownCommandError) or not verb:
        return f"{said} 'zeeman --help' lists the verbs"
    if isinstance(error, (CoercionError, MissingArgumentError)) and not said.endswith("."):
        said += "."
    return f"{said} 'zeeman {verb} --help' lists the options"
