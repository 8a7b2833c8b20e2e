"""Data sets on disk: xarray in, xarray out, zarr v3 between; two-state spins take one bit a site.

A store is a folder that `xarray.open_zarr` opens too. Samples are appended: data first, then one rename of the root's
``zarr.json`` with the new ``n_committed`` and the lengths that `open_zarr` sees. What stands beyond n_committed after
a kill is cut off by the next writer and shown to nobody, so nothing acknowledged is lost and no tail is false. A chunk
(about 1 MiB) is written by one writer and replaced whole, never in part.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from zeeman.base.checks import check_choice, check_positive_integer, did_you_mean
from zeeman.base.store import atomic_path, content_hash, read_json
from zeeman.data.codings import SAMPLE, Field, field_of, plain_attrs
from zeeman.data.locks import alone, check_place, locked

__all__ = ["DatasetWriter", "is_store", "open_dataset", "store_header", "write_dataset"]

_CHUNK_BYTES = 2**20
_OURS = "zeeman_store"  # the root attribute that makes a zarr group one of ours


def write_dataset(ds: xr.Dataset, path: str | os.PathLike[str], *, packed: bool | None = None) -> None:
    """Write `ds` with leading axis ``sample``, whole or not at all; a store already at `path` is replaced.

    OSError for a store that a `DatasetWriter` holds.

    Parameters
    ----------
    ds : xarray.Dataset
        Numbers and fixed-length text; attributes that JSON can hold (tuples come back as lists).
    path : path
        The folder to make, by custom ending in .zarr.
    packed : bool, optional
        Whether int8 ``configuration`` is stored as bits; by default if it holds -1 and +1 only.
    """
    path = Path(path)
    if path.exists() and not (path.is_dir() and (is_store(path) or not any(path.iterdir()))):
        raise FileExistsError(f"{path} exists and is no data set of zeeman: remove it, or write elsewhere")
    with contextlib.ExitStack() as held, atomic_path(path) as beside:
        there = path.exists()
        if there:  # refused before the work
            held.enter_context(alone(path))
        with DatasetWriter(beside, ds, packed=packed) as writer:
            writer.append(ds)
        if not there and path.exists():  # made meanwhile
            held.enter_context(alone(path))


def open_dataset(
    path: str | os.PathLike[str], *, variables: Sequence[str] | None = None, samples: slice = slice(None)
) -> xr.Dataset:
    """Read the committed samples of a store into memory, exactly as they were written.

    Parameters
    ----------
    path : path
    variables : sequence of str, optional
        Read these only.
    samples : slice
        Read these only; without a step.

    Raises
    ------
    FileNotFoundError, ValueError
        No such folder; a folder that is no data set of zeeman; a variable that it has not.
    OSError
        A store that lost or damaged a file: names it and what to do.
    """
    path = Path(path)
    header = store_header(path)
    n = header["n_committed"]
    first, last, step = samples.indices(n)
    if step != 1:
        raise ValueError(f"samples are read in one stretch, without a step, got {samples}; select afterwards")
    fields = [_field(record) for record in header["fields"]]
    for name in variables or ():
        check_choice(name, tuple(field.name for field in fields), f"variable of {path}")
    if variables is not None:
        fields = [field for field in fields if field.name in variables]
    attrs = {key: value for key, value in header["attrs"].items() if key not in (_OURS, "coordinates")}
    variables_read = {field.name: _read(path, field, n, first, max(first, last)) for field in fields}
    coords = {field.name: variables_read.pop(field.name) for field in fields if field.coordinate}
    return xr.Dataset(variables_read, coords, attrs)


def is_store(path: str | os.PathLike[str]) -> bool:
    """Whether `path` is a folder that a `DatasetWriter` made."""
    root = Path(path) / "zarr.json"
    return root.is_file() and _OURS in (read_json(root).get("attributes") or {})


class DatasetWriter:
    """Append samples to a store; open it again on the same path and it goes on after the last committed sample.

    Parameters
    ----------
    path : path
        The folder; made if it does not exist.
    template : xarray.Dataset or None
        Variables, axes, dtypes and attributes as in every piece to come; its samples are not written. Variables
        without the axis ``sample`` are written once, from here. None goes on with a store that exists.
    n_total : int, optional
        Refuse to grow beyond; also tells a reader how many were meant.
    settings : mapping, optional
        Whatever made the samples (model, temperatures, seed): a store made with others is refused.
    packed : bool, optional
        Whether int8 ``configuration`` is stored as bits; by default if the template holds -1 and +1 only.

    Examples
    --------
    >>> import tempfile, numpy as np, xarray as xr
    >>> piece = xr.Dataset({"configuration": (("sample", "x"), np.ones((4, 8), np.int8))})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with DatasetWriter(folder + "/ones.zarr", piece, n_total=8) as writer:
    ...         first, second = writer.append(piece), writer.append(piece)
    ...     total = open_dataset(folder + "/ones.zarr").sizes["sample"]
    >>> first, second, total
    (4, 8, 8)
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        template: xr.Dataset | None,
        n_total: int | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        packed: bool | None = None,
    ) -> None:
        self.path = Path(path)
        self.n_total = None if n_total is None else check_positive_integer(n_total, "n_total", 0)
        wanted = {"n_total": self.n_total, "settings": plain_attrs(settings or {}, "settings")}
        if template is not None:
            wanted |= _schema(template, packed)
            if not self.path.exists():
                _create(self.path, template, wanted)
        store_header(self.path)  # no store here: say so before anything is locked
        self._lock, self._open = locked(self.path), True
        try:
            header = store_header(self.path)
            _compare(wanted, header, self.path)
            self._n = header["n_committed"]
            self._fields = [_field(record) for record in header["fields"]]
            self._arrays = {f.name: _open_array(self.path, f.name, "r+") for f in self._fields if f.per_sample}
            for array in self._arrays.values():
                if array.shape[0] < self._n:
                    raise _damaged(self.path / array.basename, f"it holds {array.shape[0]} of {self._n} samples")
                if array.shape[0] > self._n:  # a writer was killed after its data, before its commit
                    array.resize((self._n, *array.shape[1:]))
        except BaseException:
            self.close()
            raise

    @property
    def n_committed(self) -> int:
        """Number of samples that no kill can take away."""
        return self._n

    @property
    def attrs(self) -> dict[str, Any]:
        """The data set's attributes as they are on disk."""
        return store_header(self.path)["attrs"]

    def append(self, ds: xr.Dataset, attrs: Mapping[str, Any] | None = None) -> int:
        """Add the samples of `ds`, and `attrs` to the store's attributes; return n_committed, now acknowledged."""
        if not self._open:
            raise ValueError(f"the writer of {self.path} is closed: open it again, it goes on after {self._n} samples")
        news = _own_attrs(attrs or {})
        n = self._n + ds.sizes.get(SAMPLE, 0)
        if self.n_total is not None and n > self.n_total:
            raise ValueError(f"{self.path} takes {self.n_total} samples: {self._n} are there, {n - self._n} more came")
        stored = self._encoded(ds)
        check_place(self._lock, self.path)
        for name, values in stored.items():
            array = self._arrays[name]
            array.resize((n, *array.shape[1:]))
            array[self._n : n] = values
        _commit(self.path, n, news)
        self._n = n
        return n

    def close(self) -> None:
        """Let others write; what was acknowledged is already on disk."""
        if self._lock is not None:
            os.close(self._lock)
        self._lock, self._open = None, False

    def __enter__(self) -> DatasetWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _encoded(self, ds: xr.Dataset) -> dict[str, NDArray]:
        known = {field.name: field for field in self._fields}
        strangers = [str(name) for name in ds.variables if name not in known]
        missing = [field.name for field in self._fields if field.per_sample and field.name not in ds.variables]
        if strangers or missing:
            raise ValueError(
                f"a piece for {self.path} must have the variables of the template; "
                f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(strangers) or 'none'}"
            )
        return {name: _encoded(known[name], ds.variables[name]) for name in self._arrays}


def _encoded(field: Field, variable: xr.Variable) -> NDArray:
    dtype = np.dtype(field.dtype)
    same_kind = variable.dtype.kind == dtype.kind == "U" or variable.dtype == dtype
    if variable.dims != field.dims or variable.shape[1:] != field.shape or not same_kind:
        raise ValueError(
            f"variable {field.name!r} has axes {variable.dims}, shape {variable.shape} and dtype {variable.dtype}; the "
            f"store takes {field.dims}, (sample, {', '.join(map(str, field.shape))}) and {dtype}"
        )
    return field.encode(variable.values)


def _schema(template: xr.Dataset, packed: bool | None) -> dict[str, Any]:
    """Return the fields of a store, and the hashes of those that every piece shares."""
    if SAMPLE not in template.dims:
        raise ValueError(
            f"a data set needs the axis {SAMPLE!r}, got {tuple(template.dims)}: rename the axis of samples"
        )
    fields = [
        field_of(str(name), variable, name in template.coords, packed) for name, variable in template.variables.items()
    ]
    fixed = {f.name: content_hash(template.variables[f.name].values) for f in fields if not f.per_sample}
    return {"fields": [field.record() for field in fields], "fixed": fixed}


def _own_attrs(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    for reserved in (_OURS, "coordinates"):
        if reserved in attrs:
            raise ValueError(f"attribute {reserved!r} is reserved for the store: rename it")
    return plain_attrs(attrs, "the data set")


def _create(path: Path, template: xr.Dataset, wanted: Mapping[str, Any]) -> None:
    import zarr

    attrs = _own_attrs(template.attrs)
    described = "written by zeeman: the first n_committed samples count; an array's zeeman_coding says how to decode it"
    fields = [_field(record) for record in wanted["fields"]]
    coordinates = " ".join(field.name for field in fields if field.coordinate and field.dims != (field.name,))
    with atomic_path(path, replace=False) as beside:  # of two that begin at once the first makes it, the lock decides
        group = zarr.create_group(beside, zarr_format=3)
        for field in fields:
            _create_array(group, field, template.variables[field.name])
        group.update_attributes(
            {**attrs, **({"coordinates": coordinates} if coordinates else {}),
             _OURS: {"format": 1, "n_committed": 0, **wanted, "about": described}}
        )  # fmt: skip
        _commit(beside, 0, {})


def _create_array(group: Any, field: Field, variable: xr.Variable) -> None:
    from zarr.codecs import ZstdCodec

    row_bytes = max(1, int(np.prod(field.stored_shape)) * field.stored_dtype.itemsize)
    shape = (0, *field.stored_shape) if field.per_sample else field.stored_shape
    chunks = tuple(max(1, n) for n in field.stored_shape)
    description = field.description()
    array = group.create_array(
        field.name, shape=shape, dtype=field.stored_dtype, dimension_names=field.stored_dims,
        chunks=(max(1, _CHUNK_BYTES // row_bytes), *chunks) if field.per_sample else chunks,
        compressors=ZstdCodec(level=1, checksum=True), config={"write_empty_chunks": True},
        attributes={**plain_attrs(variable.attrs, f"variable {field.name!r}"),
                    **({"zeeman_coding": description} if description else {})},
    )  # fmt: skip
    if not field.per_sample:
        array[...] = field.encode(variable.values)


def _commit(path: Path, n: int, attrs: Mapping[str, Any]) -> None:
    """Acknowledge n samples: the root's metadata is written beside the store and renamed into it."""
    root = read_json(path / "zarr.json")
    root["attributes"].update(attrs)
    header = root["attributes"][_OURS]
    header["n_committed"] = n
    arrays = {field["name"]: read_json(path / field["name"] / "zarr.json") for field in header["fields"]}
    for field in map(_field, header["fields"]):
        if field.per_sample:
            arrays[field.name]["shape"][0] = n
    # xarray and zarr take shapes from here, so they too see committed samples only
    root["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": arrays}
    beside = path.with_name(f".{path.name}.commit")  # one writer at a time, so one name; not inside: zarr would see it
    beside.write_text(json.dumps(root, indent=2), encoding="utf-8")
    os.replace(beside, path / "zarr.json")


def store_header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a store says of itself: n_committed, n_total, fields (name, axes, shape, dtype, coding), settings, attrs."""
    path = Path(path)
    if not path.exists():
        near = tuple(p.name for p in path.parent.iterdir()) if path.parent.is_dir() else ()
        raise FileNotFoundError(f"no data set {path}{did_you_mean(path.name, near)}")
    if not path.is_dir():
        raise ValueError(f"{path} is a file, but a data set is a folder: unpack it, or check the path")
    root = path / "zarr.json"
    if not root.is_file():
        raise ValueError(f"{path} is no data set of zeeman: there is no zarr.json in it; check the path")
    content = read_json(root)
    attrs = content.get("attributes", {}) if isinstance(content, dict) else {}
    if not isinstance(attrs.get(_OURS), dict):
        raise ValueError(f"{path} is zarr, but not written by zeeman: open it with xarray.open_zarr")
    header = attrs[_OURS]
    for key in ("n_committed", "fields", "settings", "fixed"):
        if key not in header:
            raise ValueError(f"{root} lacks {key!r}: it was edited or damaged; restore it or generate the data again")
    return {**header, "attrs": attrs}


def _compare(wanted: Mapping[str, Any], header: Mapping[str, Any], path: Path) -> None:
    for part in wanted:
        asked, there = (
            {field["name"]: field for field in side[part]} if part == "fields" else side[part]
            for side in (wanted, header)
        )
        if asked != there and part == "n_total":
            raise ValueError(
                f"{path} was made for {there} samples in all, and {asked} are asked: go on with as many (n_samples at "
                "every temperature; --n-samples), write elsewhere, or remove it"
            )
        if asked != there:
            raise ValueError(
                f"{path} was made with other {part}: {_difference(there, asked)}; "
                "go on with the same, write elsewhere, or remove it"
            )


def _difference(there: Any, asked: Any) -> str:
    if isinstance(there, dict) and isinstance(asked, dict):
        keys = [key for key in {**there, **asked} if there.get(key) != asked.get(key)]
        return ", ".join(f"{key} {there.get(key)!r} there, {asked.get(key)!r} asked" for key in keys)
    return f"{there!r} there, {asked!r} asked"


def _read(path: Path, field: Field, n: int, first: int, last: int) -> xr.Variable:
    """Read one variable, its samples first..last of n; a chunk that is not there would be zeros: each is looked for."""
    array = _open_array(path, field.name, "r")
    folder = path / field.name
    expected = (n, *field.stored_shape) if field.per_sample else field.stored_shape
    if array.shape[1:] != expected[1:] or array.shape[:1] < expected[:1]:
        raise _damaged(folder / "zarr.json", f"its shape is {array.shape}, not {expected}")
    step, length = (array.chunks[0], expected[0]) if expected else (1, 1)
    chunks = range(-(-length // step))
    if field.per_sample:
        chunks = chunks[first // step : -(-last // step)]
    for i in chunks if array.size else ():
        chunk = folder.joinpath("c", *([str(i)] + ["0"] * (array.ndim - 1) if array.ndim else []))
        if not chunk.is_file():
            raise _damaged(chunk, "it is missing")
    try:
        stored = array[first:last] if field.per_sample else array[...]
    except Exception as error:  # codecs raise many kinds
        raise _damaged(folder, f"{type(error).__name__}: {error}") from error
    attrs = {key: value for key, value in array.attrs.items() if key != "zeeman_coding"}
    return xr.Variable(field.dims, field.decode(np.asarray(stored)), attrs)


def _open_array(path: Path, name: str, mode: Any) -> Any:
    import zarr

    try:
        # a chunk of zeros is written too: a chunk that is not there is then always a loss
        with zarr.config.set({"array.write_empty_chunks": True}):
            return zarr.open_array(path / name, mode=mode, zarr_format=3)
    except Exception as error:  # a missing folder, JSON cut short, an unknown codec
        raise _damaged(path / name / "zarr.json", f"{type(error).__name__}: {error}") from error


def _damaged(file: Path, what: str) -> OSError:
    return OSError(f"{file} cannot be read ({what}): restore it from a copy, or remove the data set and make it again")


def _field(record: Mapping[str, Any]) -> Field:
    return Field(**{**record, "dims": tuple(record["dims"]), "shape": tuple(record["shape"])})
