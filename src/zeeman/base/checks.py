"""Checks at the door: bad input is refused with what was wrong, where, and what would do."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "check_choice",
    "check_finite",
    "check_flag",
    "check_number",
    "check_positive_integer",
    "check_sample_axis",
    "check_samples",
    "did_you_mean",
]


def check_samples(Z: Any, name: str = "Z", min_samples: int = 2) -> NDArray[np.float64]:
    """Return `Z` as float64 (sample, latent): finite, at least `min_samples` rows, not all rows equal."""
    check_sample_axis(Z, name)
    array = np.asarray(Z)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if array.ndim != 2:
        raise ValueError(f"{name} must be 2-dimensional (sample, latent), got shape {array.shape}. Reshape your data")
    if array.shape[1] == 0:
        raise ValueError(f"0 feature(s) (shape={array.shape}) while a minimum of 1 is required: {name} has no columns")
    if array.shape[0] < min_samples:
        raise ValueError(f"{name} needs at least {min_samples} samples, got n_samples = {array.shape[0]}")
    array = array.astype(np.float64, copy=False)
    check_finite(array, name)
    if min_samples > 1 and not np.any(array != array[0]):
        raise ValueError(f"{name} has no variation at all: every sample equals {array[0]!r}; there is nothing to learn")
    return array


def check_finite(array: NDArray, name: str) -> None:
    """Raise ValueError naming the first NaN or infinity of `array` and how many there are."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    bad = np.argwhere(~np.isfinite(array))
    first = tuple(int(i) for i in bad[0])
    where = f"row {first[0]}" + (
        f", column {first[1]}" if len(first) == 2 else f", index {first[1:]}" if first[1:] else ""
    )
    kind = "NaN" if np.isnan(array[first]) else "infinity"
    raise ValueError(
        f"{name} contains {kind} at {where} ({len(bad)} non-finite values: NaN or inf in all); "
        "remove or impute those rows first"
    )


def check_sample_axis(array: Any, name: str) -> None:
    """Raise ValueError for a labelled array (xarray) whose axis ``sample`` is not the first."""
    dims = getattr(array, "dims", ())
    if "sample" in tuple(dims)[1:]:
        raise ValueError(f"{name} has axes {tuple(dims)}: samples come first; use {name}.transpose('sample', ...)")


def check_choice(value: Any, choices: tuple[str, ...], name: str) -> None:
    """Raise ValueError unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}{did_you_mean(value, choices)}"
        )


def check_positive_integer(value: Any, name: str, minimum: int = 1) -> int:
    """Return `value` as int; TypeError unless it is an integer, ValueError below `minimum`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")
    return int(value)


def check_number(value: Any, name: str, *, positive: bool = False) -> float:
    """Return `value` as float; TypeError unless it is a number, ValueError unless finite and positive (or zero)."""
    least = "positive" if positive else "non-negative"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} must be a finite {least} number, got {value!r}")
    if not np.isfinite(value) or value < 0 or (positive and value == 0):
        raise ValueError(f"{name} must be a finite {least} number, got {value!r}")
    return float(value)


def check_flag(value: Any, name: str) -> bool:
    """Return `value` as bool; TypeError for anything but True and False: text and numbers have truths of their own."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def did_you_mean(value: Any, choices: tuple[str, ...]) -> str:
    """Return '; did you mean ...?' for a near miss, else the empty string."""
    import difflib

    close = difflib.get_close_matches(str(value), choices, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
