"""Where a training tells its numbers, epoch by epoch: two methods, so that any tracker is a few lines away.

    log(step, values)    step 1, 2, ... (epochs done); values name -> one number, or one for each replica
    close()              no more of them

A continued training may log a step again (it was killed after it, before its checkpoint): the last word counts.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias

from zeeman.base.store import write_text

__all__ = ["JsonLines", "Logger", "Several", "TensorBoard", "Values"]

Values: TypeAlias = Mapping[str, "float | Sequence[float]"]


class Logger(Protocol):
    """Whatever has these two methods."""

    def log(self, step: int, values: Values) -> None:
        """Take the numbers of one step."""

    def close(self) -> None:
        """Be told that no more numbers come."""


class JsonLines:
    """One line of JSON a step, appended and flushed: pandas reads it with ``read_json(path, lines=True)``.

    Parameters
    ----------
    path : path
        Made at the first step. Lines already there stay, except those of this training from the first step on; a line
        without "step" stays too.
    **about
        Written on every line, and what tells this training's lines from others in the file.

    Notes
    -----
    A line holds "step", "seconds" since this logger was made, the values (NaN and infinity as null) and `about`.
    """

    def __init__(self, path: str | os.PathLike[str], **about: Any) -> None:
        self.path, self.about = Path(path), about
        self._start = time.monotonic()
        self._file: IO[str] | None = None

    def log(self, step: int, values: Values) -> None:
        """Append a line."""
        if self._file is None:
            self._keep_before(step)
            self._file = open(self.path, "a", encoding="utf-8")  # noqa: SIM115 (until close)
        row = {**self.about, "step": step, "seconds": round(time.monotonic() - self._start, 3)}
        row |= {name: _finite(value) for name, value in values.items()}
        self._file.write(json.dumps(row, allow_nan=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _keep_before(self, step: int) -> None:
        """Drop what is about to be told again, and a line that a kill left unfinished."""
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return
        text = self.path.read_text(encoding="utf-8")
        kept = "".join(f"{line}\n" for line in text.split("\n") if self._stays(line, step))
        if kept != text:  # also where the last line is whole but not ended
            write_text(self.path, kept)

    def _stays(self, line: str, step: int) -> bool:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            return False
        if not isinstance(row, dict) or any(row.get(name) != value for name, value in self.about.items()):
            return True
        there = row.get("step")
        return not isinstance(there, (int, float)) or there < step


class TensorBoard:
    """The same numbers as TensorBoard's scalars: NAME/replica_R, or NAME if there is one number.

    Parameters
    ----------
    folder : path
        ``tensorboard --logdir folder`` shows it.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.check()
        self._folder = folder
        self._writer: Any = None

    @staticmethod
    def check() -> None:
        """Raise ImportError, with the remedy, unless TensorBoard's writer is installed."""
        try:
            import torch.utils.tensorboard  # noqa: F401
        except ImportError as error:
            raise ImportError(
                f"the TensorBoard log needs the package tensorboard ({error}): pip install tensorboard"
            ) from error

    def log(self, step: int, values: Values) -> None:
        """Add a point to every curve."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(os.fspath(self._folder), purge_step=step)
        for name, value in values.items():
            numbers = [value] if isinstance(value, (int, float)) else list(value)
            for replica, number in enumerate(numbers):
                self._writer.add_scalar(name if len(numbers) == 1 else f"{name}/replica_{replica}", number, step)
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class Several:
    """Many loggers as one."""

    def __init__(self, loggers: Sequence[Logger]) -> None:
        self.loggers = list(loggers)

    def log(self, step: int, values: Values) -> None:
        """Tell all of them."""
        for logger in self.loggers:
            logger.log(step, values)

    def close(self) -> None:
        """Close all of them."""
        for logger in self.loggers:
            logger.close()


def _finite(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value if math.isfinite(value) else None
