"""The numbers that a figure shows, as one table: whatever is drawn can be drawn again elsewhere.

Rows of (panel, artist, series, x, y, value, colour): points of lines and scatters, pixels of images (x the column, y
the row), heights of bars, ends of segments. `value` is what a colour scale stands for; `colour`
is what is drawn where there is no scale.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import Collection, LineCollection, PathCollection, PolyCollection, QuadMesh
from matplotlib.colors import to_hex, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from zeeman.base.store import atomic_path

__all__ = ["COLUMNS", "drawn", "write_drawn"]

_FORMULA = re.compile(r"(?<!\\)\$(.*?)(?<!\\)\$")
_MARKS = re.compile(r"\\(mathbf|mathrm|langle|rangle)|[{}]")
COLUMNS = ("panel", "x_label", "y_label", "artist", "series", "x", "y", "value", "colour")


def drawn(figure: Figure) -> Iterator[tuple[Any, ...]]:
    """Rows, in the order of `COLUMNS`; axes without a title are numbered."""
    for number, ax in enumerate(figure.axes):
        about = (_plain(ax.get_title(loc="left") or ax.get_title()) or str(number), _plain(ax.get_xlabel()),
                 _plain(ax.get_ylabel()))  # fmt: skip
        counts: dict[str, int] = {}
        named = _named_colours(ax)
        for kind, artist, rows in _artists(ax):
            counts[kind] = counts.get(kind, 0) + 1
            label = str(artist.get_label())
            known = "" if label.startswith("_") else _plain(label)
            for row in rows:
                yield (*about, kind, known or named.get(row[-1], "") or str(counts[kind]), *row)


def write_drawn(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write the table as CSV, whole or not at all."""
    with atomic_path(path) as beside, open(beside, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(drawn(figure))


def _artists(ax: Axes) -> Iterator[tuple[str, Any, Iterator[tuple[Any, ...]]]]:
    for line in ax.lines:
        if line.get_transform().contains_branch(ax.transData) or _on_an_axis(line, ax):
            yield "line", line, _line(line)
    for collection in ax.collections:
        rows = _collection(collection)
        if rows is not None:
            yield type(collection).__name__.removesuffix("Collection").lower(), collection, rows
    for image in ax.images:
        yield "image", image, _image(image)
    for patch in ax.patches:
        if isinstance(patch, Rectangle):
            yield "bar", patch, _bar(patch)
        elif patch.get_transform().contains_branch(ax.transData):
            yield "outline", patch, _outline(patch)


def _named_colours(ax: Axes) -> dict[str, str]:
    """What a colour is called, by the legend or by the texts of that colour beside the points, all of them."""
    said: list[tuple[str, str]] = []
    legend = ax.get_legend()
    if legend is not None:
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=False):
            colour = getattr(handle, "get_facecolor", getattr(handle, "get_color", None))
            said += [(hexed, _plain(text.get_text())) for hexed in _hex(to_rgba_array(colour()))[:1]] if colour else []
    if any(isinstance(collection, PathCollection) for collection in ax.collections):
        said += [(to_hex(text.get_color()), _plain(text.get_text())) for text in ax.texts]
    names: dict[str, list[str]] = {}
    for colour, name in said:
        names.setdefault(colour, []).append(name)
    return {colour: " / ".join(dict.fromkeys(found)) for colour, found in names.items()}


def _on_an_axis(line: Line2D, ax: Axes) -> bool:
    """Tell lines across the whole axes at one value of x or y."""
    return line.get_transform() in (ax.get_xaxis_transform("grid"), ax.get_yaxis_transform("grid"))


def _line(line: Line2D) -> Iterator[tuple[Any, ...]]:
    colour = to_hex(line.get_color())
    for x, y in zip(*(_numbers(data) for data in line.get_data(orig=False)), strict=True):
        yield _number(x), _number(y), "", colour


def _collection(collection: Collection) -> Iterator[tuple[Any, ...]] | None:
    if isinstance(collection, QuadMesh):
        return _mesh(collection)
    if isinstance(collection, PathCollection):
        return _points(collection)
    if isinstance(collection, LineCollection):
        return _outlines(collection, [np.asarray(s) for s in collection.get_segments()], collection.get_colors())
    if isinstance(collection, PolyCollection):
        return _outlines(collection, [p.vertices for p in collection.get_paths()], collection.get_facecolor())
    return None


def _points(collection: PathCollection) -> Iterator[tuple[Any, ...]]:
    offsets: Any = np.ma.filled(np.ma.asarray(collection.get_offsets(), dtype=float), np.nan)
    values, colours = collection.get_array(), _hex(collection.get_facecolor())
    for i, (x, y) in enumerate(offsets):
        value = "" if values is None else _number(np.ravel(values)[i])
        yield _number(x), _number(y), value, "" if values is not None else _cycled(colours, i)


def _outlines(collection: Collection, paths: list[Any], colours: Any) -> Iterator[tuple[Any, ...]]:
    values, named = collection.get_array(), _hex(colours)
    for i, path in enumerate(paths):
        value = "" if values is None or i >= np.size(values) else _number(np.ravel(values)[i])
        for x, y in path:
            yield _number(x), _number(y), value, "" if values is not None else _cycled(named, i)


def _mesh(mesh: QuadMesh) -> Iterator[tuple[Any, ...]]:
    corners: Any = mesh.get_coordinates()
    values = mesh.get_array()
    if values is None:
        return
    centres = (corners[:-1, :-1] + corners[1:, 1:]) / 2
    for (x, y), value in zip(centres.reshape(-1, 2), np.ravel(values), strict=True):
        yield _number(x), _number(y), _number(value), ""


def _image(image: AxesImage) -> Iterator[tuple[Any, ...]]:
    pixels: Any = np.ma.filled(np.ma.asarray(image.get_array(), dtype=float), np.nan)
    for (row, column), value in np.ndenumerate(pixels if pixels.ndim == 2 else pixels[..., :3].mean(axis=-1)):
        yield column, row, _number(value), ""


def _bar(patch: Rectangle) -> Iterator[tuple[Any, ...]]:
    x, y = patch.get_xy()
    yield _number(x + patch.get_width() / 2), _number(y + patch.get_height()), "", to_hex(patch.get_facecolor())


def _outline(patch: Patch) -> Iterator[tuple[Any, ...]]:
    colour = to_hex(patch.get_facecolor() if patch.get_fill() else patch.get_edgecolor())
    vertices: Any = patch.get_path().vertices
    for x, y in vertices:
        yield _number(x), _number(y), "", colour


def _hex(colours: Any) -> list[str]:
    if not len(colours):
        return []
    different, which = np.unique(np.atleast_2d(np.asarray(colours, dtype=float)), axis=0, return_inverse=True)
    named = [to_hex(colour) for colour in different]
    return [named[i] for i in which.ravel()]


def _cycled(colours: list[str], i: int) -> str:
    return colours[i % len(colours)] if colours else ""


def _numbers(data: Any) -> np.ndarray:
    return np.ravel(np.ma.filled(np.ma.asarray(data, dtype=float), np.nan))


def _number(value: Any) -> str:
    """Nine digits, which give back a float32 exactly; empty for no number."""
    return format(float(value), ".9g") if np.isfinite(value) else ""


def _plain(text: str) -> str:
    """Drop the marks of formulas and of bold panel letters; an escaped dollar is one."""
    text = _FORMULA.sub(lambda found: _MARKS.sub("", found[1]), text).replace(r"\$", "$")
    return " ".join(text.split())
