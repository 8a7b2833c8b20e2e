"""Observables of spin configurations: magnetization, staggered magnetization, moments and the Binder cumulant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Moments", "binder_cumulant", "magnetization", "moments", "staggered_magnetization"]

_MOST_AXES = 4


@dataclass(frozen=True)
class Moments:
    """Mean |m|, m^2, m^4 and the Binder cumulant U4 = 1 - <m^4> / (3 <m^2>^2)."""

    absolute: float
    second: float
    fourth: float
    binder: float


def magnetization(x: Any) -> Any:
    """Magnetization per site, m = 1/N sum_i s_i.

    Parameters
    ----------
    x : ndarray or DataArray, (sample, site axes...)
        Spins; one to three site axes and, on the honeycomb, the sublattice.

    Returns
    -------
    ndarray or DataArray, (sample,)
        float64.
    """
    return _projection(x, staggered=False)


def staggered_magnetization(x: Any) -> Any:
    """Staggered magnetization per site, 1/N sum_i (-1)^(x+y+...) s_i; on the honeycomb the sign of the sublattice.

    Honeycomb configurations are told by their last axis: its name in a DataArray, else its length 2 after x and y of
    another length. Shapes, return value and errors as for `magnetization`.
    """
    return _projection(x, staggered=True)


def moments(m: ArrayLike) -> Moments:
    """Moments of an order parameter m, (sample,)."""
    m = np.asarray(m, np.float64)
    second, fourth = float((m**2).mean()), float((m**4).mean())
    return Moments(float(np.abs(m).mean()), second, fourth, binder_cumulant(m))


def binder_cumulant(m: ArrayLike) -> float:
    """Return 1 - <m^4> / (3 <m^2>^2): 2/3 in a phase ordered by sign, 0 for a Gaussian m."""
    square = np.asarray(m, np.float64) ** 2
    return float(1 - (square**2).mean() / (3 * square.mean() ** 2))


def _projection(x: Any, staggered: bool) -> Any:
    labelled = hasattr(x, "dims")
    values = np.asarray(x)
    if values.dtype.kind not in "fiub":
        raise TypeError(f"x must hold spins as real numbers, got dtype {values.dtype}")
    if not 2 <= values.ndim <= _MOST_AXES or values.size == 0:
        raise ValueError(
            f"x must be (sample, x), (sample, x, y) or (sample, x, y, z or sublattice) and not empty, got shape "
            f"{values.shape}; one configuration c is c[None]"
        )
    weights = _checkerboard(values.shape[1:], x.dims[-1] if labelled else None) if staggered else 1.0
    flat = np.broadcast_to(weights, values.shape[1:]).ravel() / values[0].size
    m = values.reshape(len(values), -1) @ flat
    return x.isel(dict.fromkeys(x.dims[1:], 0), drop=True).copy(data=m) if labelled else m


def _checkerboard(shape: tuple[int, ...], last: str | None) -> NDArray[np.float64]:
    honeycomb = last == "sublattice" or (last is None and len(shape) == 3 and shape[-1] == 2 and shape[0] != 2)
    index = np.indices(shape)
    return 1.0 - 2.0 * ((index[-1] if honeycomb else index.sum(axis=0)) % 2)
