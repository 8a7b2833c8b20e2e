"""From a finished analysis to the files of a run: figures, metrics.json, report.html."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from zeeman import plots, report
from zeeman.base.processes import side_by_side
from zeeman.base.progress import Progress
from zeeman.base.results import Analysis
from zeeman.base.store import write_json
from zeeman.data import write_dataset
from zeeman.plots.drawn import write_drawn
from zeeman.studies.run import RunFolder

__all__ = ["as_text", "publish"]


def publish(
    analysis: Analysis, folder: RunFolder, decoders: Sequence[report.PageDecoder | report.Absent] = (),
    samples: NDArray | None = None, formats: Sequence[str] = ("png",), *, progress: bool = True,
) -> Analysis:  # fmt: skip
    """Write RUN/{figures, lift, report.html, metrics.json}; return the analysis with its seconds.

    Every figure is written in each of `formats` with the numbers it shows beside it, as CSV. `decoders` (one a
    training) and `samples` (in the units of their means) go into the page's explorer.
    """
    with folder.stage("draw"):
        pictures = _draw(analysis, folder.path / "figures", formats, progress)
        _write_lift(analysis, folder)
    analysis = _timed(analysis, folder)
    with folder.stage("report"):
        report.write_report(analysis, pictures, folder.path / "report.html", decoders=decoders, samples=samples)
    analysis = _timed(analysis, folder)
    write_json(folder.path / "metrics.json", analysis.metrics)
    return analysis


def _draw(analysis: Analysis, folder: Path, formats: Sequence[str], progress: bool) -> dict[str, report.Picture]:
    """Write every figure and its numbers into `folder`, side by side, and return them for the page."""
    drawings = plots.drawings(analysis)

    def drawn(name: str) -> report.Picture:
        figure = drawings[name](columns=2)
        for suffix in formats:
            plots.save(figure, folder / f"{name}.{suffix}")
        write_drawn(figure, folder / f"{name}.csv")
        figure.set_layout_engine("none")  # laid out once, for the page as well
        return report.picture(figure, drawings[name](columns=1))

    pictures = {}
    with Progress(len(drawings), "figures", enabled=progress) as bar:
        for name, one in zip(drawings, side_by_side(drawn, list(drawings)), strict=True):
            pictures[name] = one
            bar.advance()
    return pictures


def as_text(values: NDArray | None) -> NDArray[np.str_] | None:
    """Labels as strings, (sample,)."""
    return None if values is None else np.asarray(values).astype(str)


def _write_lift(analysis: Analysis, folder: RunFolder) -> None:
    """Lifted coordinates and labels of every training, for whoever goes on from here."""
    if analysis.retrainings is None:
        return
    lift = analysis.retrainings.lift
    variables = {
        "coordinates": (("sample", "replica", "state"), lift.coordinates.transpose(1, 0, 2)),
        "labels": (("sample", "replica"), lift.labels.T.astype(np.int64)),
        "consensus_labels": (("sample",), lift.consensus_labels.astype(np.int64)),
    }
    attrs = {
        "trainings": list(analysis.retrainings.names),
        "energies": lift.energies.tolist(),
        "blocks": [list(block) for block in lift.blocks],
        "reference": int(lift.reference),
    }
    write_dataset(xr.Dataset(variables, attrs=attrs), folder.path / "lift")


def _timed(analysis: Analysis, folder: RunFolder) -> Analysis:
    seconds = {**folder.seconds, "total": sum(folder.seconds.values())}
    return replace(analysis, metrics={**analysis.metrics, "seconds": seconds}, seconds=seconds)
