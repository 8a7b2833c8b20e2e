"""What every source ends as: X (sample, ...) with its labels, names, notes and hash, checked once, here.

A reader finds arrays; `build` refuses what no model can use (text, objects, NaN, one row, no variation) and
says where it stands in the file, in the words of the file: the column's name, the row counted from 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeeman.base.brief import brief
from zeeman.base.store import content_hash

__all__ = ["LABEL_NAMES", "Loaded", "build", "labels_of"]

LABEL_NAMES = ("state", "label", "labels", "class", "phase", "target", "y", "cell_type")  # tried in this order
_FLOAT32_MAX = float(np.finfo(np.float32).max)


@brief
@dataclass(frozen=True)
class Loaded:
    """One data set, ready for a model.

    Attributes
    ----------
    X : ndarray, (sample, ...)
        Finite numbers that fit into float32, at least two rows, not all equal; integers stay integers, booleans
        are 0/1.
    labels : ndarray, (sample,) or None
        Integers or strings that no model sees; they only score what is found without them.
    name : str
        Of the built-in source, or of the file without its suffix.
    kind : {"spins", "table", "image", "array"}
        "spins": only -1 and +1. Otherwise by axes: "table" (sample, feature), "image" (sample, row, column).
    feature_names : tuple of str or None
        Of the columns of a table.
    site_dims : tuple of str
        Names of the axes of X after ``sample``.
    notes : tuple of str
        What was read and what was done to it, one line each, for the user.
    attrs : dict
        What the file or the generator says about itself.
    variables : dict
        Further numbers or strings per sample, by name: (sample,) arrays such as energy and temperature.
    content_hash : str
        SHA-256 of X and the labels.
    """

    X: NDArray
    labels: NDArray | None
    name: str
    kind: str
    feature_names: tuple[str, ...] | None
    site_dims: tuple[str, ...]
    notes: tuple[str, ...]
    content_hash: str
    attrs: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, NDArray] = field(default_factory=dict)


def build(
    X: Any,
    *,
    name: str,
    where: str,
    labels: Any = None,
    feature_names: Sequence[str] | None = None,
    site_dims: Sequence[str] | None = None,
    notes: Sequence[str] = (),
    attrs: Mapping[str, Any] | None = None,
    variables: Mapping[str, NDArray] | None = None,
) -> Loaded:
    """Check X (sample, ...) and its labels and return the record; `where` opens every error (a file, an array in it).

    Raises
    ------
    TypeError
        Text, objects, complex numbers, dates.
    ValueError
        Fewer than two axes or two rows, NaN, infinity, values beyond float32, no variation at all, labels that
        do not fit.
    """
    names = tuple(map(str, feature_names)) if feature_names is not None else None
    raw = np.asarray(X)
    X = _real(raw, where)
    _check_shape(X, where)
    _check_values(X, where, names)
    done = [*notes, *(["booleans were read as 0 and 1"] if raw.dtype.kind == "b" else [])]
    if X.dtype.kind in "iu" and max(abs(int(X.min())), abs(int(X.max()))) > 2**24:
        done.append("integers beyond 2^24 = 16777216 lose their last digits in float32")
    labels = None if labels is None else labels_of(labels, len(X), where)
    spins = X.dtype.kind in "if" and X.min() == -1 and X.max() == 1 and bool((np.abs(X) == 1).all())
    kind = "spins" if spins else {2: "table", 3: "image"}.get(X.ndim, "array")
    dims = tuple(site_dims) if site_dims is not None else _default_dims(X.ndim)
    return Loaded(
        X, labels, name, kind, names, dims, (*done, f"X: {_shape_words(X, dims)}, {X.dtype}"),
        content_hash(X, *([] if labels is None else [labels])), dict(attrs or {}), dict(variables or {}),
    )  # fmt: skip


def labels_of(values: Any, n_samples: int, where: str) -> NDArray:
    """Return labels (sample,) as integers or strings; ValueError for a wrong length, gaps or non-integer numbers."""
    array = np.asarray(values)
    if array.shape != (n_samples,):
        raise ValueError(
            f"{where}: labels have shape {array.shape}, expected one for each of the {n_samples} rows, ({n_samples},)"
        )
    if array.dtype.kind in "OUST":
        gaps = [i for i, value in enumerate(array) if value is None or value != value or value == ""]
        if gaps:
            raise ValueError(
                f"{where}: the label of row {gaps[0]} is missing ({len(gaps)} in all): fill it in or drop the row"
            )
        return array.astype(str)
    if array.dtype.kind == "b":
        return array.astype(np.int64)
    if array.dtype.kind == "f":
        numbers = array.astype(float)
        bad = np.flatnonzero(~((numbers == np.round(numbers)) & (np.abs(numbers) < 2.0**63)))  # infinity is none
        if len(bad):
            raise ValueError(
                f"{where}: labels are categories (integers or strings), but row {bad[0]} has {array[bad[0]]} "
                f"({len(bad)} such rows); name another column, or keep this one as a feature"
            )
        return array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{where}: labels must be integers or strings, got dtype {array.dtype}")
    return array


def _real(array: NDArray, where: str) -> NDArray:
    if array.dtype.kind == "b":
        return array.astype(np.int8)
    if array.dtype.kind in "iu":
        return array
    if array.dtype.kind == "f":  # half and extended precision have no use downstream
        return array if array.dtype.itemsize in (4, 8) else array.astype(np.float32 if array.itemsize < 4 else float)
    remedy = {
        "c": "complex numbers: stack real and imaginary parts as two columns",
        "O": "Python objects, which zeeman never unpickles: save plain numbers, np.save(file, array.astype(float))",
        "U": "text: encode it as numbers",
        "S": "text: encode it as numbers",
        "T": "text: encode it as numbers",
        "V": "named fields: save one plain 2-D array instead",
        "M": "dates: encode them as numbers",
        "m": "time differences: encode them as numbers",
    }.get(array.dtype.kind, "no numbers")
    raise TypeError(f"{where} must hold real numbers, but dtype {array.dtype} means {remedy}")


def _check_shape(X: NDArray, where: str) -> None:
    if X.ndim < 2:
        hint = "one number a sample: save it as a column, x[:, None]" if X.ndim == 1 else "a single number"
        raise ValueError(f"{where} has shape {X.shape}, {hint}; expected (sample, ...) with at least two axes")
    if X.shape[0] == 0 or X.size == 0:
        raise ValueError(f"{where} is empty, shape {X.shape}: there is nothing to learn from; check how it was written")
    if X.shape[0] == 1:
        raise ValueError(f"{where} has one row only, shape {X.shape}; samples are rows (first axis): transpose or add")


def _check_values(X: NDArray, where: str, names: tuple[str, ...] | None) -> None:
    if X.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            bad = ~(np.abs(X) <= _FLOAT32_MAX)
        if bad.any():
            first = tuple(int(i) for i in np.argwhere(bad)[0])
            value, count = X[first], int(bad.sum())
            place = f"{where}: row {first[0]}, {_place(first[1:], names)}"
            if np.isfinite(value):
                raise ValueError(
                    f"{place} holds {value:g}, beyond float32 (largest {_FLOAT32_MAX:.4g}; {count} such values): "
                    "rescale that column, or take logarithms"
                )
            raise ValueError(
                f"{place} holds {'NaN' if np.isnan(value) else value} ({count} non-finite values in all): "
                "remove or impute those rows first"
            )
    if (X[:1] == X).all():
        raise ValueError(f"{where} has no variation at all: all {len(X)} rows are equal; there is nothing to learn")


def _place(index: tuple[int, ...], names: tuple[str, ...] | None) -> str:
    if len(index) > 1:
        return f"index {index}"
    return f"column {names[index[0]]!r}" if names is not None else f"column {index[0]}"


def _default_dims(ndim: int) -> tuple[str, ...]:
    return {2: ("feature",), 3: ("row", "column")}.get(ndim, tuple(f"axis_{i}" for i in range(1, ndim)))


def _shape_words(X: NDArray, dims: tuple[str, ...]) -> str:
    return ", ".join(f"{dim} {n}" for n, dim in zip(X.shape, ("sample", *dims), strict=True))
