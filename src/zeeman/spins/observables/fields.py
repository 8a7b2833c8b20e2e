"""Configurations as fields: a vector v_i at every site, with the wave e_i in which the model orders.

Spins are vectors of one component; Potts states point to the corners of a simplex, angles and clock states to the
circle. The order parameter is the mean of e_i v_i.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from zeeman.base.checks import check_sample_axis
from zeeman.spins.lattices import Lattice
from zeeman.spins.models import Model

__all__ = ["label", "lattice_of", "per_chunk", "site_vectors", "spins_of", "waves"]

_CHUNK = 2**21  # numbers held at once
_MOST_AXES = 4


def site_vectors(x: NDArray, model: Any) -> NDArray[np.float64]:
    """Vectors (sample, site, component) of configurations (sample, site axes...) of a model."""
    if hasattr(model, "vectors"):
        return np.asarray(model.vectors(x), np.float64)
    if hasattr(model, "states"):
        return np.asarray(model.states.vectors)[model.states_of(x)]
    raise TypeError(f"{model!r} says neither `vectors` nor `states`: its sites have no known vectors")


def lattice_of(model: Any) -> Lattice:
    """The lattice of a model; TypeError for what is none, as a lattice itself."""
    lattice = getattr(model, "lattice", None)
    if not isinstance(lattice, Lattice):
        raise TypeError(f"model must be a model, such as zm.spins.XY(zm.spins.square(8)), got {model!r}")
    return lattice


def waves(model: Any) -> NDArray[np.float64]:
    """Functions of the sites with which the ordered state is uniform, (wave, site)."""
    return np.asarray(model.waves(), np.float64)


def per_chunk(x: Any, model: Model, function: Callable[[NDArray[np.float64]], NDArray]) -> NDArray:
    """`function` of the site vectors, some samples at a time, joined along the samples."""
    check_sample_axis(x, "x")
    values = np.asarray(x)
    if values.ndim < 2 or len(values) == 0:
        raise ValueError(f"x must be (sample, site axes...) and not empty, got shape {values.shape}; one is c[None]")
    width = max(1, site_vectors(values[:1], model).size)
    parts = np.array_split(values, max(1, -(-len(values) * width // _CHUNK)))
    return np.concatenate([function(site_vectors(part, model)) for part in parts if len(part)])


def spins_of(x: Any) -> NDArray:
    """Configurations of scalars, (sample, site axes...), as an array; TypeError and ValueError for what is none."""
    check_sample_axis(x, "x")
    values = np.asarray(x)
    if values.dtype.kind not in "fiub":
        raise TypeError(f"x must hold spins as real numbers, got dtype {values.dtype}")
    if not 2 <= values.ndim <= _MOST_AXES or values.size == 0:
        raise ValueError(
            f"x must be (sample, x), (sample, x, y) or (sample, x, y, z or sublattice) and not empty, got shape "
            f"{values.shape}; one configuration c is c[None]"
        )
    return values


def label(x: Any, values: NDArray, *axes: str) -> Any:
    """Return values (sample, axes...) with the samples' coordinates of `x` where that is a DataArray."""
    if not hasattr(x, "dims"):
        return values
    coords = {name: c for name, c in x.coords.items() if set(c.dims) <= {"sample"}}
    return xr.DataArray(values, dims=("sample", *axes), coords=coords)
