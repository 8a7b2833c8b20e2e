"""Options that several verbs share, in one group of their --help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

__all__ = ["RUN", "Flags", "RunFlags"]

RUN = Group("The run", sort_key=0)
_Flag = Parameter(group=RUN, negative="")


@Parameter(name="*")
@dataclass(frozen=True)
class Flags:
    """What every verb that computes understands.

    Attributes
    ----------
    dry_run : bool
        Say what would be done and with which settings; compute little and write nothing.
    json : bool
        Print results as JSON on standard output, and nothing else there.
    quiet : bool
        No progress.
    debug : bool
        Show tracebacks.
    config : Path, optional
        TOML file of options; those given here overrule it.
    """

    dry_run: Annotated[bool, _Flag] = False
    json: Annotated[bool, _Flag] = False
    quiet: Annotated[bool, _Flag] = False
    debug: Annotated[bool, _Flag] = False
    config: Annotated[Path | None, Parameter(group=RUN)] = None


@Parameter(name="*")
@dataclass(frozen=True)
class RunFlags(Flags):
    """What verbs that fill a run's folder understand.

    Attributes
    ----------
    out : Path, optional
        Folder of the run, runs/NAME by default. A run that was stopped there continues.
    fresh : bool
        Replace the run in that folder; one that --fresh began with the same settings, and that stopped, continues.
    open : bool
        Open the report in a browser, where there is a screen.
    pdf : bool
        Figures as PDF too, beside the PNG and the CSV of what they show.
    svg : bool
        Figures as SVG too.
    """

    out: Annotated[Path | None, Parameter(group=RUN)] = None
    fresh: Annotated[bool, _Flag] = False
    open: Annotated[bool, _Flag] = False
    pdf: Annotated[bool, _Flag] = False
    svg: Annotated[bool, _Flag] = False

    @property
    def formats(self) -> tuple[str, ...]:
        """Suffixes of the figures to write."""
        return ("png", *(["pdf"] if self.pdf else []), *(["svg"] if self.svg else []))
