"""Figures as they stand inside a page: images in its text, one for wide screens and one for phones."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Picture", "picture"]

_WIDE_DPI, _NARROW_DPI = 200, 220
_PIXELS_PER_INCH = 96  # of a page


@dataclass(frozen=True)
class Picture:
    """A figure for a page.

    Attributes
    ----------
    wide : str
        Its image as a data URL.
    size : (int, int)
        Width and height on the page, in pixels.
    narrow : str, optional
        Shown on phones instead.
    """

    wide: str
    size: tuple[int, int]
    narrow: str | None = None


def picture(figure: Figure, narrow: Figure | None = None) -> Picture:
    """Draw `figure`, 183 mm wide, for a page, and `narrow`, the same at 89 mm, for phones."""
    width, height = (round(_PIXELS_PER_INCH * inches) for inches in figure.get_size_inches())
    return Picture(_png(figure, _WIDE_DPI), (width, height), None if narrow is None else _png(narrow, _NARROW_DPI))


def _png(figure: Figure, dpi: int) -> str:
    """The figure in at most 256 colours, which halves it."""
    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=dpi, facecolor="white")
    Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
    best = min(drawn.getvalue(), small.getvalue(), key=len)
    return f"data:image/png;base64,{base64.b64encode(best).decode()}"
