"""Temperatures and sizes at the door of the oracles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zeeman.base.checks import check_positive_integer

__all__ = ["check_size", "each_temperature", "one_temperature"]


def each_temperature(temperature: ArrayLike, function: Callable[[float], float]) -> NDArray[np.float64]:
    """Apply a function of one positive temperature to each, in the shape given."""
    return np.vectorize(function, otypes=[np.float64])(_temperatures(temperature))[()]


def one_temperature(temperature: float) -> float:
    """Return a positive temperature as float; ValueError for others and for several."""
    t = _temperatures(temperature)
    if t.ndim:
        raise ValueError(f"temperature must be one number here, got {temperature!r}; call once for each")
    return float(t)


def check_size(size: int) -> int:
    """Return the length of a torus, at least 2."""
    return check_positive_integer(size, "size", 2)


def _temperatures(temperature: ArrayLike) -> NDArray[np.float64]:
    t = np.asarray(temperature, np.float64)
    if not (np.isfinite(t) & (t > 0)).all():
        raise ValueError(f"temperature must be positive and finite, got {temperature!r}; the limit T = 0 is not in it")
    return t
