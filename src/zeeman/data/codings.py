"""How one variable stands in a store: as it is, two-state spins as bits, text as code points.

Bits: (sample, site...) of -1/+1 becomes (sample, byte), the sites flattened row-major, the first in the highest bit
of the first byte, bit 1 for +1, the last byte filled up with zeros: 32 x 32 sites in 128 bytes. Every stored
array carries this as the attribute ``zeeman_coding``, so that a reader without zeeman can undo it.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

__all__ = ["Field", "field_of", "plain_attrs"]

SAMPLE = "sample"


@dataclass(frozen=True)
class Field:
    """One variable: its name, axes and dtype as the user sees them, and the coding it is stored with.

    `shape` leaves out the sample axis of a variable that has one.
    """

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    coding: str  # "plain", "bits" or "characters"
    coordinate: bool

    @property
    def per_sample(self) -> bool:
        """Whether the variable grows with the samples."""
        return self.dims[:1] == (SAMPLE,)

    @property
    def stored_dims(self) -> tuple[str, ...]:
        """Names of the stored axes."""
        if self.coding == "bits":
            return (SAMPLE, f"{self.name}_byte")
        return (*self.dims, f"{self.name}_character") if self.coding == "characters" else self.dims

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """Lengths of the stored axes after the sample axis."""
        if self.coding == "bits":
            return (-(-math.prod(self.shape) // 8),)
        return (*self.shape, np.dtype(self.dtype).itemsize // 4) if self.coding == "characters" else self.shape

    @property
    def stored_dtype(self) -> np.dtype:
        """Dtype of the stored array."""
        return np.dtype({"bits": "u1", "characters": "u4"}.get(self.coding, self.dtype))

    def encode(self, values: NDArray) -> NDArray:
        """Return `values` as they are stored; ValueError for what the coding cannot hold."""
        if self.coding == "bits":
            return self._pack(values)
        if self.coding == "characters":
            if values.dtype.itemsize > np.dtype(self.dtype).itemsize:
                raise ValueError(
                    f"variable {self.name!r} holds text longer than the {self.stored_shape[-1]} characters the store "
                    "was made for: make it with a template that has the longest text"
                )
            text = np.ascontiguousarray(values, dtype=np.dtype(self.dtype).newbyteorder("="))
            return text.view(np.uint32).reshape(*values.shape, -1)
        return values

    def decode(self, stored: NDArray) -> NDArray:
        """Undo `encode`."""
        if self.coding == "bits":
            bits = np.unpackbits(stored, axis=1, count=math.prod(self.shape)).view(np.int8)
            bits *= 2
            bits -= 1
            return bits.reshape(-1, *self.shape)
        if self.coding == "characters":
            text = np.ascontiguousarray(stored, dtype=np.uint32)
            return text.view(np.dtype(self.dtype).newbyteorder("=")).reshape(stored.shape[:-1])
        return stored

    def description(self) -> dict[str, Any]:
        """Return what a reader without zeeman needs to undo the coding, empty for a plain array."""
        if self.coding == "bits":
            undo = f"2 * np.unpackbits(a, axis=1, count={math.prod(self.shape)}).astype('i1') - 1, reshaped to shape"
            return {"kind": "bits", "values": [-1, 1], "bit_order": "big", **self._origin(), "undo": undo}
        if self.coding == "characters":
            return {"kind": "utf-32 code points", **self._origin(), "undo": f"a.view('{self.dtype}')[..., 0]"}
        return {}

    def record(self) -> dict[str, Any]:
        """Return the field as JSON holds it."""
        return json.loads(json.dumps(asdict(self)))

    def _origin(self) -> dict[str, Any]:
        return {"dims": list(self.dims), "shape": list(self.shape), "dtype": self.dtype}

    def _pack(self, values: NDArray) -> NDArray[np.uint8]:
        flat = values.reshape(len(values), math.prod(self.shape))
        bad = np.argwhere(np.abs(flat) != 1)
        if len(bad):
            row, site = bad[0]
            raise ValueError(
                f"variable {self.name!r} is stored as bits and takes -1 and +1 only, but sample {row}, site {site} is "
                f"{flat[row, site]}: make the store with packed=False"
            )
        return np.packbits(flat > 0, axis=1)


def field_of(name: str, variable: xr.Variable, coordinate: bool, packed: bool | None) -> Field:
    """Choose the coding of one variable; bits for int8 ``configuration`` of -1/+1 unless `packed` says otherwise."""
    dims, dtype = tuple(map(str, variable.dims)), variable.dtype
    if SAMPLE in dims[1:]:
        raise ValueError(
            f"variable {name!r} has axes {dims}: the sample axis must come first; use ds.transpose('sample', ...)"
        )
    shape = variable.shape[1:] if dims[:1] == (SAMPLE,) else variable.shape
    if dtype.kind not in "biufcU":
        raise TypeError(
            f"variable {name!r} has dtype {dtype}: a store takes numbers and fixed-length text; use astype(str)"
        )
    if "/" in name or name in ("", ".", "..", "zarr.json") or name.startswith("__"):
        raise ValueError(f"variable name {name!r} cannot name a folder: rename it")
    spins = name == "configuration" and dtype == np.int8 and dims[:1] == (SAMPLE,) and len(dims) > 1 and 0 not in shape
    if spins and packed is None:
        packed = bool((np.abs(variable.values) == 1).all())
    coding = "bits" if spins and packed else "characters" if dtype.kind == "U" else "plain"
    return Field(name, dims, tuple(map(int, shape)), dtype.newbyteorder("=").str, coding, coordinate)


def plain_attrs(attrs: Any, where: str) -> dict[str, Any]:
    """Return attributes as JSON gives them back: numpy numbers plain, arrays and tuples as lists."""

    def plain(value: Any) -> Any:
        if isinstance(value, (np.generic, np.ndarray)):
            return value.tolist()
        raise TypeError(f"attribute of {where} is a {type(value).__name__}, which JSON cannot hold: {value!r}")

    return json.loads(json.dumps({str(key): value for key, value in attrs.items()}, default=plain))
