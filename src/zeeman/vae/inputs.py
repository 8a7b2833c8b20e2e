"""What comes in at the door of a beta-VAE: data (sample, ...) and codes (sample, latent)."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_array, validate_data

from zeeman.base.checks import check_finite, check_sample_axis

__all__ = ["attributes_of", "check_codes", "check_data", "configurations"]


def attributes_of(X: Any) -> Mapping[str, Any]:
    """Return what an xarray object says of itself, such as the model its configurations come from; else nothing."""
    attributes = getattr(X, "attrs", None)
    return attributes if isinstance(attributes, Mapping) and hasattr(X, "dims") else {}


def check_data(estimator: Any, X: ArrayLike, *, fitting: bool) -> NDArray:
    """Return X (sample, ...) as an array of finite numbers, of the shape fitted before.

    Sets `n_features_in_` (size of a datum) and `feature_names_in_` when fitting.
    """
    if isinstance(X, (str, os.PathLike)):
        raise TypeError(f"X must be an array (sample, ...), got the text {str(X)!r}; of a file: zm.data.load(path).X")
    X = configurations(X)
    check_sample_axis(X, "X")
    _check_columns(X)
    X = X.detach().cpu().numpy() if isinstance(X, torch.Tensor) else X
    shape = getattr(estimator, "sample_shape_", ())
    rules: dict[str, Any] = {"dtype": "numeric", "allow_nd": True, "ensure_all_finite": False}
    if fitting:
        array = validate_data(estimator, X, ensure_min_samples=2, **rules)
    elif len(shape) == 1:
        array = validate_data(estimator, X, reset=False, **rules)
    else:  # scikit-learn counts features in two-dimensional data only
        array = check_array(X, **rules)
    if not fitting and array.shape[1:] != shape:
        raise ValueError(
            f"X has {math.prod(array.shape[1:])} features in data of shape {array.shape[1:]}, but "
            f"{type(estimator).__name__} is expecting {estimator.n_features_in_} features as input, shape {shape}"
        )
    check_finite(array, "X")
    if fitting:
        estimator.n_features_in_ = math.prod(array.shape[1:])
        if not np.any(array != array[0]):
            raise ValueError("X has no variation at all: every sample equals the first; there is nothing to learn")
    return array


def _check_columns(X: Any) -> None:
    """Name the columns of a table that do not hold numbers."""
    if not hasattr(X, "columns"):
        return
    words = [str(name) for name in X.columns if not _holds_numbers(X[name])]
    if words:
        raise ValueError(f"X has columns that do not hold numbers: {', '.join(words)}; leave them out, or encode them")


def _holds_numbers(column: Any) -> bool:
    try:
        np.asarray(column, np.float64)
    except (TypeError, ValueError):
        return False
    return True


def configurations(X: Any) -> Any:
    """Return the variable ``configuration`` of an xarray.Dataset; anything else as it is."""
    if not hasattr(X, "data_vars"):
        return X
    if "configuration" not in X.data_vars:
        raise ValueError(
            f"X is a data set without a variable 'configuration', it has {', '.join(map(str, X.data_vars)) or 'none'}; "
            "give one of them, X[name]"
        )
    return X["configuration"]


def check_codes(Z: ArrayLike, latent_dim: int) -> NDArray[np.float32]:
    """Return Z as float32 (sample, latent), finite."""
    Z = Z.detach().cpu().numpy() if isinstance(Z, torch.Tensor) else Z
    array = np.ascontiguousarray(Z, dtype=np.float32)
    if array.ndim != 2 or array.shape[1] != latent_dim or len(array) == 0:
        raise ValueError(
            f"Z must have shape (sample, {latent_dim}) with at least one sample, got {array.shape}; "
            "codes of one replica are codes.mean[replica]"
        )
    check_finite(array, "Z")
    return array
