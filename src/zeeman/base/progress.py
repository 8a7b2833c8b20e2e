"""Progress for people: a bar with time left on a terminal, plain lines in a log, silence on request."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, TextIO

__all__ = ["Progress"]


class Progress:
    """Steps of one long computation.

    Parameters
    ----------
    total : float
        Number of steps.
    description : str
        What is being done.
    enabled : bool
        Say nothing when False.
    percent : bool
        Tell the part that is done, not the number of steps: for steps that are no things to count.
    stream : text stream, optional
        Where to write; standard error by default, so that standard output stays clean for results.
    log_every : float
        Seconds between lines when `stream` is not a terminal.

    Examples
    --------
    >>> with Progress(3, "training", enabled=False) as progress:
    ...     for epoch in range(3):
    ...         progress.advance(detail=f"ELBO {-epoch}")
    """

    def __init__(
        self,
        total: float,
        description: str,
        *,
        enabled: bool = True,
        percent: bool = False,
        stream: TextIO | None = None,
        log_every: float = 10.0,
    ) -> None:
        self.total, self.description, self.enabled, self.percent = total, description, enabled, percent
        self._stream = stream if stream is not None else sys.stderr
        self._log_every = log_every
        self._done = self._before = 0.0
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        self._start = self._last = time.monotonic()
        if self.enabled and self._stream.isatty():
            self._bar = self._rich_bar()
            self._bar.start()
            self._task = self._bar.add_task(self.description, total=self.total, detail="")
        return self

    def advance(self, steps: float = 1, detail: str = "") -> None:
        """Count `steps` as done; `detail` is shown beside the bar."""
        self._done += steps
        if not self.enabled:
            return
        if self._bar is not None:
            self._bar.update(self._task, advance=steps, detail=detail)
            return
        now = time.monotonic()
        if now - self._last >= self._log_every and self._before < self._done < self.total:
            self._last = now
            left = (now - self._start) * (self.total - self._done) / (self._done - self._before)
            self._line(f"{self._part()}, {left:.0f} s left" + (f", {detail}" if detail else ""))

    def resume(self, steps: float) -> None:
        """Count `steps` as done in an earlier session: they say nothing about the time that is left."""
        self._done += steps
        self._before += steps
        if self._bar is not None:
            self._bar.reset(self._task, completed=self._done)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elapsed = time.monotonic() - self._start
        if self.enabled and self._bar is None and elapsed > 2.0:
            self._line(f"{self._part()} in {elapsed:.1f} s")

    def _part(self) -> str:
        if self.percent:
            return f"{self._done / self.total:.0%}" if self.total else "all"
        return f"{self._done:.0f}/{self.total:.0f}"

    def _line(self, text: str) -> None:
        print(f"{self.description}: {text}", file=self._stream, flush=True)

    def _rich_bar(self) -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        return RichProgress(
            TextColumn("{task.description}"), BarColumn(),
            TaskProgressColumn() if self.percent else MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[detail]}"), console=Console(file=self._stream),
        )  # fmt: skip
