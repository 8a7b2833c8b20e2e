"""The latent explorer in a notebook: the page's modules as one widget, with the point under the pointer in Python.

explorer = widget(analysis, decoders=..., samples=...)      # or widget_of_run("runs/ising")
explorer.point, explorer.training, explorer.sample          # where the pointer rests; `point` can be set
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from zeeman.base.results import Analysis
from zeeman.report.export import Absent, PageDecoder
from zeeman.report.scene import packed_scene, scene_of
from zeeman.report.script import joined, style

__all__ = ["widget", "widget_of_run"]

_ELEMENT = r'<script type="application/json" id="zeeman-{}">(.*?)</script>'


def widget(analysis: Analysis, decoders: Sequence[PageDecoder | Absent] = (), samples: NDArray | None = None) -> Any:
    """Return the explorer of `analysis` as an anywidget; arguments as in `scene_of`.

    Raises
    ------
    ImportError
        Without the extra ``notebook`` (anywidget).
    """
    data, arrays = packed_scene(scene_of(analysis, decoders, samples, most_bytes=50e6))
    return _made(data, arrays)


def widget_of_run(run: str | os.PathLike[str]) -> Any:
    """Return the explorer of a finished run's folder, as its report.html has it, as an anywidget.

    Raises
    ------
    ValueError
        If the folder holds no report with an explorer.
    ImportError
        Without the extra ``notebook`` (anywidget).
    """
    page = Path(run) / "report.html"
    if not page.is_file():
        raise ValueError(f"{run} holds no report.html: give the folder of a finished run")
    text = page.read_text(encoding="utf-8")
    found = [re.search(_ELEMENT.format(name), text, flags=re.DOTALL) for name in ("data", "arrays")]
    if None in found or "trainings" not in json.loads(found[0][1]):  # type: ignore[index]
        raise ValueError(f"{page} was written by an older zeeman: repeat the run's command to write it anew")
    return _made(*(match[1] for match in found if match))


def _made(data: str, arrays: str) -> Any:
    try:
        import anywidget
        import traitlets
    except ModuleNotFoundError as missing:
        raise ImportError(
            f"the explorer in a notebook needs {missing.name}: pip install 'zeeman[notebook]'; report.html and "
            "`zeeman explore` work without it"
        ) from missing

    class LatentExplorer(anywidget.AnyWidget):
        """Traits: scene (text), point (list of float), training and sample (int)."""

        _esm = joined("widget", keep="render")
        _css = style()
        scene = traitlets.Unicode().tag(sync=True)
        point = traitlets.List(traitlets.Float()).tag(sync=True)
        training = traitlets.Int(0).tag(sync=True)
        sample = traitlets.Int(0).tag(sync=True)

    return LatentExplorer(scene=f'{{"data":{data},"arrays":{arrays}}}')
