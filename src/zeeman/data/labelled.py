"""xarray in, xarray out: the coordinates of the samples (and of the sites) go along with what is computed from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from zeeman.base.types import Codes

__all__ = ["labelled"]


def labelled(
    values: ArrayLike | Codes, like: xr.DataArray, dim: str = "latent", names: Sequence[str] | None = None
) -> xr.DataArray | xr.Dataset:
    """Give `values`, computed from the DataArray `like`, its coordinates.

    Estimators take a DataArray whose first axis is the samples and return plain arrays, as scikit-learn's do (whose
    `set_output` knows data frames only); this puts the labels back.

    Parameters
    ----------
    values : array-like or Codes
        (sample,), such as labels; (sample, m), such as `transform`; (sample, site...) in the shape of `like`, such as
        `local_fields`; (sample, site..., m); with one more axis in front, (replica, sample, ...), such as lifted
        coordinates; or `Codes`, which become a Dataset of `mean` and `scale`.
    like : DataArray, (sample, site...)
    dim : str
        What to call the new axis: "latent", "state".
    names : sequence of str, optional
        Coordinates of the new axis, as `get_feature_names_out()`. They also say that there is a new axis where its
        length happens to be that of a site axis.

    Returns
    -------
    DataArray or Dataset
        With the coordinates of `like` along every axis that is its own.

    Examples
    --------
    >>> x = xr.DataArray(np.eye(3), dims=("sample", "site"), coords={"temperature": ("sample", [1.0, 2.0, 3.0])})
    >>> labelled(np.zeros((3, 2)), x).coords["temperature"].values.tolist()
    [1.0, 2.0, 3.0]
    """
    if not isinstance(like, xr.DataArray) or like.ndim == 0:
        raise TypeError(f"like must be a DataArray (sample, ...), got {type(like).__name__}")
    if isinstance(values, Codes):
        return xr.Dataset({part: labelled(getattr(values, part), like, dim, names) for part in ("mean", "scale")})
    array = np.asarray(values)
    dims = _dims(array.shape, like, dim, names is not None)
    own = {name: coordinate for name, coordinate in like.coords.items() if set(coordinate.dims) <= set(dims)}
    result = xr.DataArray(array, dims=dims, coords=own)
    return result.assign_coords({dim: list(names)}) if names is not None and dim in dims else result


def _dims(shape: tuple[int, ...], like: xr.DataArray, dim: str, new: bool) -> tuple[str, ...]:
    own = tuple(map(str, like.dims))
    choices: list[tuple[str, ...]] = [own[:1], own, (own[0], dim), (*own, dim)]
    if new:
        choices = choices[2:]
    sizes = {str(name): int(size) for name, size in like.sizes.items()}
    for front in ((), ("replica",)):
        for inner in choices:
            names = (*front, *inner)
            if len(names) == len(shape) and all(sizes.get(n, s) == s for n, s in zip(names, shape, strict=True)):
                return names
    raise ValueError(
        f"values of shape {shape} do not belong to a DataArray of axes {own} and shape {like.shape}: the first axis "
        "(after replicas) must be the samples"
    )
