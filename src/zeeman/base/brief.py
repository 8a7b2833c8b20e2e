"""Records of many numbers that print as one line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

__all__ = ["brief"]

_FEW = 12  # numbers of an array, or items, that are printed
_T = TypeVar("_T")


def brief(record: type[_T]) -> type[_T]:
    """Let a dataclass print short vectors rounded, and of larger arrays the type and the shape.

    >>> from dataclasses import dataclass
    >>> @brief
    ... @dataclass
    ... class Levels:
    ...     energies: np.ndarray
    ...     states: np.ndarray
    >>> Levels(np.array([0.0, 1 / 3]), np.zeros((100, 2)))
    Levels(energies=[0.0, 0.3333], states=float64 (100, 2))
    """

    def told(self: Any) -> str:
        shown = (one.name for one in fields(self) if one.repr and not one.name.startswith("_"))
        return f"{type(self).__name__}({', '.join(f'{name}={_in_brief(getattr(self, name))}' for name in shown)})"

    record.__repr__ = told  # type: ignore[method-assign]
    return record


def _in_brief(value: Any) -> str:
    if isinstance(value, np.ndarray):
        if value.ndim > 1 or value.size > _FEW:
            return f"{value.dtype} {value.shape}"
        return (
            str([float(f"{x:.4g}") if isinstance(x, float) else x for x in value.tolist()])
            if value.ndim
            else str(value)
        )
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_in_brief(one)}" for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)) and (len(value) > _FEW or any(isinstance(one, np.ndarray) for one in value)):
        return f"{type(value).__name__} of {len(value)}"
    if hasattr(value, "sizes") and hasattr(value, "dims"):  # xarray's
        return f"{type(value).__name__} {dict(value.sizes)}"
    return repr(value)
