"""One self-contained page: the finding, the latent plane to explore, figures, numbers, provenance. No network.

The page holds the decoder itself (`zeeman.report.export`) and sets window.zeeman = {decode, latentDim, nReplicas}.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from string import Template

from numpy.typing import NDArray

from zeeman.base.results import Analysis
from zeeman.base.store import write_text
from zeeman.report.export import Absent, PageDecoder
from zeeman.report.pictures import Picture
from zeeman.report.retrainings import RETRAININGS, section
from zeeman.report.retrainings import finding as agreed
from zeeman.report.scene import packed_scene, scene_of
from zeeman.report.script import joined, style
from zeeman.report.tables import listing, metrics_table
from zeeman.report.words import caption, comparison, headline

__all__ = ["write_report"]

_PAGE_BYTES = 9.8e6
_CHANGEABLE = 200_000  # bytes for words and tables
_ALONE = Absent("Only the decoder of one training is in this page.")


def write_report(
    analysis: Analysis,
    pictures: Mapping[str, Picture],
    path: str | os.PathLike[str],
    decoder: PageDecoder | None = None,
    *,
    decoders: Sequence[PageDecoder | Absent] | None = None,
    samples: NDArray | None = None,
) -> None:
    """Write the report of `analysis` at `path`, whole or not at all.

    Parameters
    ----------
    analysis : Analysis
    pictures : mapping name -> Picture
        Of the figures (`picture`), shown in this order.
    path : path
    decoder : PageDecoder, optional
        From `export_decoder`; without it the page shows the plane but decodes nothing.
    decoders : sequence of PageDecoder or Absent, optional
        In place of `decoder`: one a training.
    samples : ndarray, (sample, site...), optional
        The data in the units of the decoder's means; the page shows those nearest to a point.
    """
    drawn = {name: _figure(name, one, analysis) for name, one in pictures.items()}
    room = _PAGE_BYTES - _CHANGEABLE - sum(map(len, drawn.values()))
    scene = scene_of(analysis, _each(analysis, decoder, decoders), samples, most_bytes=room)
    data, arrays = packed_scene(scene)
    here = resources.files("zeeman.report")
    page = Template((here / "page.html").read_text(encoding="utf-8")).substitute(
        title=escape(analysis.name),
        style=style() + (here / "page.css").read_text(encoding="utf-8"),
        script=joined("page"),
        finding=" ".join(f"<span>{escape(sentence)}</span>" for sentence in (*headline(analysis), *agreed(analysis))),
        figures="\n".join(drawn[name] for name in drawn if name not in RETRAININGS),
        retrainings=section(analysis, [drawn[name] for name in RETRAININGS if name in drawn]),
        metrics=metrics_table(analysis.metrics, analysis.method),
        notes="".join(
            f'<p class="note">{escape(note)}</p>' for note in (comparison(analysis), *analysis.notes) if note
        ),
        details=_details(analysis),
        data=data,
        arrays=arrays,
    )
    write_text(path, page)


def _each(
    analysis: Analysis, decoder: PageDecoder | None, decoders: Sequence[PageDecoder | Absent] | None
) -> Sequence[PageDecoder | Absent]:
    """One entry a training: `decoder` is that of the training that `transform` uses."""
    if decoders is not None or decoder is None:
        return decoders or ()
    if analysis.retrainings is None:
        return [decoder]
    return [decoder if r == analysis.best_replica else _ALONE for r in range(analysis.n_replicas)]


def _details(analysis: Analysis) -> str:
    listings = (
        listing("Settings", analysis.settings)
        + listing("Seconds by stage", analysis.seconds, unit=" s")
        + listing("Provenance", analysis.provenance)
    )
    return f"<h2>How it was made</h2>{listings}" if listings else ""


def _figure(name: str, picture: Picture, analysis: Analysis) -> str:
    title, text = caption(name, analysis)
    source = f'<source media="(max-width: 44rem)" srcset="{picture.narrow}">' if picture.narrow else ""
    width, height = picture.size
    image = f'<img src="{picture.wide}" width="{width}" height="{height}" style="max-width: {1.25 * width:.0f}px" '
    image += f'alt="{escape(title)}. {escape(text)}">'
    return (
        f'<figure id="figure-{escape(name)}"><div class="sheet"><picture>{source}{image}</picture></div>'
        f"<figcaption><b>{escape(title)}{'' if title.endswith('?') else '.'}</b> {escape(text)}</figcaption></figure>"
    )
