"""One self-contained page: the finding, the latent plane to explore, figures, numbers, provenance. No network.

The page holds the decoder itself (`zeeman.report.export`) and sets window.zeeman = {decode, latentDim, nReplicas}.
"""

from __future__ import annotations

import base64
import io
import json
import math
import os
from collections.abc import Mapping
from html import escape
from importlib import resources
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zeeman.base.random import stream
from zeeman.base.results import Analysis
from zeeman.base.store import write_text
from zeeman.report.export import PageDecoder
from zeeman.report.retrainings import RETRAININGS, section
from zeeman.report.retrainings import finding as agreed
from zeeman.report.tables import listing, metrics_table
from zeeman.report.words import caption, comparison, headline, minus

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["write_report"]

_MOST_POINTS = 4000
_PALETTE = (
    "#2b83bd",
    "#d9641b",
    "#1b9e7a",
    "#c777a5",
    "#d99a1c",
    "#5fb0dd",
    "#6a5fb5",
    "#a3446f",
    "#93932f",
    "#44aa99",
)


def write_report(
    analysis: Analysis,
    figures: Mapping[str, Figure],
    path: str | os.PathLike[str],
    decoder: PageDecoder | None = None,
    *,
    narrow: Mapping[str, Figure] | None = None,
) -> None:
    """Write the report of `analysis` at `path`, whole or not at all.

    Parameters
    ----------
    analysis : Analysis
    figures : mapping name -> Figure
        Shown in this order, 183 mm wide.
    path : path
    decoder : PageDecoder, optional
        From `export_decoder`; without it the page shows the plane but decodes nothing.
    narrow : mapping name -> Figure, optional
        The same figures at 89 mm, shown on phones instead.
    """
    data, arrays = _payload(analysis, decoder)
    drawn = {name: _figure(name, figure, analysis, narrow or {}) for name, figure in figures.items()}
    here = resources.files("zeeman.report")
    page = Template((here / "page.html").read_text(encoding="utf-8")).substitute(
        title=escape(analysis.name),
        style=(here / "page.css").read_text(encoding="utf-8"),
        script=(here / "explorer.js").read_text(encoding="utf-8"),
        finding=" ".join(f"<span>{escape(sentence)}</span>" for sentence in (*headline(analysis), *agreed(analysis))),
        explorer=_explorer(analysis, data, decoder),
        figures="\n".join(drawn[name] for name in drawn if name not in RETRAININGS),
        retrainings=section(analysis, [drawn[name] for name in RETRAININGS if name in drawn]),
        metrics=metrics_table(analysis.metrics, analysis.method),
        notes="".join(
            f'<p class="note">{escape(note)}</p>' for note in (comparison(analysis), *analysis.notes) if note
        ),
        details=_details(analysis),
        data=_json(data),
        arrays=_json({name: _packed(array) for name, array in arrays.items()}),
    )
    write_text(path, page)


def _payload(analysis: Analysis, decoder: PageDecoder | None) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Return what explorer.js reads: plain values, and arrays."""
    shown = np.sort(stream(0, "report points").permutation(len(analysis.Z))[:_MOST_POINTS])
    free = analysis.latent_dim == 2
    points = (analysis.Z if free else _pair(analysis))[shown]
    known = analysis.phases if analysis.phases is not None else analysis.clusters
    phases, labels = np.unique(np.asarray(known), return_inverse=True)
    arrays: dict[str, NDArray] = {
        "points": points.astype(np.float32),
        "codes": analysis.Z[shown].astype(np.float32),
        "labels": labels.reshape(-1)[shown].astype(np.int32),
        "clusters": analysis.clusters[shown].astype(np.int32),
    }
    data: dict[str, Any] = {
        "latentDim": analysis.latent_dim,
        "nReplicas": analysis.n_replicas,
        "plane": _plane(analysis, points, arrays["clusters"], phases, free),
        "picture": _picture(analysis, decoder),
        "decoder": None,
        "spins": None,
    }
    if decoder is not None:
        data["decoder"] = dict(decoder.spec)
        arrays |= decoder.arrays
    if analysis.spins is not None:
        data["spins"] = {"patterns": list(analysis.spins.patterns), "couplings": dict(analysis.spins.couplings)}
        arrays["bonds"] = analysis.spins.bonds.astype(np.int32)
        arrays |= {f"pattern {k}": np.ravel(v).astype(np.float32) for k, v in analysis.spins.patterns.items()}
    return data, arrays


def _plane(analysis: Analysis, points: NDArray, clusters: NDArray, phases: NDArray, free: bool) -> dict[str, Any]:
    centre = (points.max(axis=0) + points.min(axis=0)) / 2
    half = 0.6 * float(np.ptp(points, axis=0).max()) or 1.0
    low, high = centre - half, centre + half
    colours = iter(_PALETTE * (1 + len(phases) // len(_PALETTE)))
    return {
        "free": free,
        "extent": [low[0], high[0], low[1], high[1]],
        "ticks": [_ticks(low[0], high[0]), _ticks(low[1], high[1])],
        "start": _start(points, clusters),
        "axes": _axis_names(analysis) if free else ["f₁, state of lowest energy", "f₂, state of second lowest"],
        "phases": [str(phase) for phase in phases],
        "colours": ["#868c91" if str(phase) == "PM" else next(colours) for phase in phases],
        "names": _names(analysis, phases, low, high),
        "clusterNames": _cluster_names(analysis),
    }


def _start(points: NDArray, clusters: NDArray) -> NDArray:
    """Start the probe in the middle of the cluster farthest to the right."""
    middles = [np.median(points[clusters == cluster], axis=0) for cluster in np.unique(clusters)]
    return max(middles, key=lambda middle: middle[0])


def _names(analysis: Analysis, phases: NDArray, low: NDArray, high: NDArray) -> list[dict[str, Any]]:
    """Place the name of each known group above it."""
    points = analysis.Z if analysis.latent_dim == 2 else _pair(analysis)
    known = np.asarray(analysis.phases if analysis.phases is not None else analysis.clusters)
    groups = np.asarray(analysis.states) if analysis.states is not None else known
    found = []
    for group in np.unique(groups):
        chosen = groups == group
        values, counts = np.unique(known[chosen], return_counts=True)
        x, y = np.median(points[chosen, 0]), np.quantile(points[chosen, 1], 0.995) + 0.035 * (high[1] - low[1])
        text = minus(group)
        label = int(np.flatnonzero(phases == values[counts.argmax()])[0])
        found.append({"text": text, "label": label, "x": x, "y": min(y, high[1] - 0.03 * (high[1] - low[1]))})
    return found


def _cluster_names(analysis: Analysis) -> list[str]:
    groups = analysis.states if analysis.states is not None else analysis.phases
    if groups is None:
        return [""] * analysis.n_clusters
    names = []
    for cluster in range(analysis.n_clusters):
        values, counts = np.unique(np.asarray(groups)[analysis.clusters == cluster], return_counts=True)
        names.append(
            f", {100 * counts.max() / counts.sum():.0f} % {minus(values[counts.argmax()])}" if len(values) else ""
        )
    return names


def _picture(analysis: Analysis, decoder: PageDecoder | None) -> dict[str, Any]:
    """Return rows, columns and grey range of a decoded datum; no range: the page takes that of its own samples."""
    if decoder is None:
        return {"shape": [1, 1], "range": None}
    known, made = _first(analysis.real), tuple(decoder.spec["shape"])
    shape = known.shape[1:] if known is not None else made[1:] or made
    shape = (1, *shape) if len(shape) == 1 else shape
    bounded = decoder.spec["layers"][-1]["kind"] in ("sigmoid", "softmax")
    return {"shape": [shape[0], int(np.prod(shape[1:]))], "range": [0.0, 1.0] if bounded else None}


def _explorer(analysis: Analysis, data: Mapping[str, Any], decoder: PageDecoder | None) -> str:
    rows = [("at", "Latent point"), ("cluster", "Nearest cluster")]
    if decoder is not None and analysis.spins is not None:
        rows += [(f"value {name}", name.replace("_", " ").capitalize()) for name in analysis.spins.patterns]
        rows.append(("energy", "Energy per site"))
    readout = "".join(f'<dt>{escape(text)}</dt><dd id="{escape(key)}"></dd>' for key, text in rows)
    picture = '<canvas id="decoded" role="img" aria-label="Decoded mean configuration"></canvas>' if decoder else ""
    how = "Move over the plane, drag a finger, or focus it and use the arrow keys (Shift for larger steps)"
    what = ": the decoded means follow." if decoder else "."
    if decoder is not None and not data["plane"]["free"]:
        what = ": the code of the nearest sample is decoded."
    energy = " The energy is the mean over draws, with the coupling of the nearest sample." if data["spins"] else ""
    note = f" {decoder.note}" if decoder is not None else ""
    return (
        f'<section class="explorer" aria-label="Latent explorer"><canvas id="plane" tabindex="0" role="application" '
        f'aria-label="Latent plane; arrow keys move the point" aria-describedby="readout"></canvas>'
        f'<div class="look">{picture}<dl class="readout" id="readout" aria-live="polite">{readout}</dl></div></section>'
        f'<p class="note">{escape(how + what + energy + note)}</p>'
    )


def _details(analysis: Analysis) -> str:
    listings = (
        listing("Settings", analysis.settings)
        + listing("Seconds by stage", analysis.seconds, unit=" s")
        + listing("Provenance", analysis.provenance)
    )
    return f"<h2>How it was made</h2>{listings}" if listings else ""


def _figure(name: str, figure: Figure, analysis: Analysis, narrow: Mapping[str, Figure]) -> str:
    title, text = caption(name, analysis)
    source = ""
    if name in narrow:
        source = f'<source media="(max-width: 44rem)" srcset="{_png(narrow[name], 220)}">'
    width, height = (round(96 * inches) for inches in figure.get_size_inches())
    image = f'<img src="{_png(figure, 200)}" width="{width}" height="{height}" style="max-width: {1.25 * width:.0f}px" '
    image += f'alt="{escape(title)}. {escape(text)}">'
    return (
        f'<figure id="figure-{escape(name)}"><div class="sheet"><picture>{source}{image}</picture></div>'
        f"<figcaption><b>{escape(title)}{'' if title.endswith('?') else '.'}</b> {escape(text)}</figcaption></figure>"
    )


def _png(figure: Figure, dpi: int) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, facecolor="white")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _packed(array: NDArray) -> dict[str, str]:
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return {"dtype": array.dtype.name, "data": base64.b64encode(little.tobytes()).decode()}


def _json(value: Any) -> str:
    """Write JSON that cannot close its own script element."""
    text = json.dumps(value, default=lambda v: v.tolist(), allow_nan=False, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028")


def _pair(analysis: Analysis) -> NDArray:
    if analysis.latent_dim == 1:
        return np.column_stack([analysis.Z[:, 0], analysis.coordinates[:, 0]])
    return analysis.coordinates[:, :2] if analysis.coordinates.shape[1] > 1 else analysis.Z[:, :2]


def _axis_names(analysis: Analysis) -> list[str]:
    names = []
    for axis, symbol in enumerate(("z₁", "z₂")):
        table = analysis.correlations
        row = int(np.argmax(table[:, axis])) if table is not None and len(table) else -1
        carried = row >= 0 and table is not None and table[row, axis] >= 0.5
        names.append(symbol + (f", {list(analysis.order_parameters)[row].replace('_', ' ')}" if carried else ""))
    return names


def _ticks(low: float, high: float) -> list[str]:
    """Return four to nine round numbers in [low, high], as text with just the digits they need."""
    power = math.floor(math.log10((high - low) / 4))
    step = max(f * 10.0**power for f in (1, 2, 5) if f * 10.0**power <= (high - low) / 4)
    return [f"{step * i:.{max(0, -power)}f}" for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _first(draws: Mapping[str, Any]) -> NDArray | None:
    return next((d.configurations for d in draws.values()), None)
