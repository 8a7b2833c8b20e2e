"""What went wrong as one paragraph (what, where, what to do) and an exit code."""

from __future__ import annotations

import errno

from cyclopts.exceptions import (
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

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

_SMALLER = {
    "analyze": "take fewer samples, --n-replicas 1, or a smaller --batch-size",
    "spectrum": "take fewer samples or files",
    "simulate": "take a smaller --size",
    "reproduce": "take --size quick, or fewer --jobs",
    "critical": "take --size quick",
    "truth": "take --size quick",
}  # what would need less memory

_PATHS = {
    errno.ENOENT: "there is no such file or folder, and none can be made there; check it, or choose another --out",
    errno.ENOTDIR: "a part of that path is a file, so no folder can be there; choose another --out",
    errno.ENAMETOOLONG: "that path is too long; choose another --out",
}

# what physicists and other programs call an option; its spelling does not lead there
_MEANT = {
    "--length": "--size", "--l": "--size", "--linear-size": "--size", "--lattice-size": "--size",
    "--t": "--temperature", "--j": "--coupling", "--h": "--field", "--j2": "--second-coupling",
    "--d": "--crystal-field", "--delta": "--crystal-field",
    "--q": "--n-states", "--p": "--n-states", "--states": "--n-states",
    "--samples": "--n-samples", "--n": "--n-samples", "--algorithm": "--method", "--update": "--method",
    "--output": "--out", "--random-state": "--seed",
}  # fmt: skip


def explained(error: BaseException, verb: str = "") -> tuple[str, int]:
    """The paragraph for a person and the code for a script."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; the same command continues from where it stopped", INTERRUPTED
    if isinstance(error, CycloptsError):
        return _said_by_parser(error, verb), REFUSED
    if isinstance(error, OSError) and error.errno in _MACHINE:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{_MACHINE[error.errno]}. What was finished is kept; the same command continues", FAILED
    if isinstance(error, OSError) and error.errno in _PATHS and error.filename:
        return f"{error.filename}: {_PATHS[error.errno]}", REFUSED
    if isinstance(error, MemoryError):
        return f"memory ran out; {_SMALLER.get(verb, 'take fewer samples')}", FAILED
    if isinstance(error, (ValueError, TypeError, OSError, ImportError)):
        return " ".join(str(error).split()) or type(error).__name__, REFUSED
    said = " ".join(str(error).split())
    return f"failed: {type(error).__name__}: {said} (repeat with --debug for the traceback, and report it)", FAILED


def _said_by_parser(error: CycloptsError, verb: str) -> str:
    error.verbose = False
    said = _by_another_name(error) or _several(error, verb) or " ".join(str(error).replace('"', "'").split())
    if isinstance(error, UnknownCommandError) or not verb:
        return f"{said} 'zeeman --help' lists the verbs"
    if isinstance(error, (CoercionError, MissingArgumentError)) and not said.endswith("."):
        said += "."
    return f"{said} 'zeeman {verb} --help' lists the options"


def _several(error: CycloptsError, verb: str) -> str | None:
    """What to say of several temperatures behind one --temperature."""
    if not isinstance(error, UnusedCliTokensError) or verb != "simulate":
        return None
    rest = error.unused_tokens or []
    if not all(set(word) <= set("0123456789.:eE+-") for word in rest):
        return None
    return (
        f"Not understood: {', '.join(rest)}. Several temperatures take the option several times, as --temperature 1 "
        "--temperature 2, or a range, --temperature 1:3:5."
    )


def _by_another_name(error: CycloptsError) -> str | None:
    """What to say of an option that has another name here."""
    if not isinstance(error, UnknownOptionError):
        return None
    word = (error.token.keyword or error.token.value).split("=")[0]
    meant = _MEANT.get(word.lower())
    known = {name for argument in error.argument_collection for name in argument.names}
    return f"Unknown option: {word}. Did you mean {meant}?" if meant in known else None
