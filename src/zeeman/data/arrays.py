"""Files of arrays: .npy, .npz, zarr stores and IDX, each to one checked record. Nothing is unpickled.

The array to train on is X, data, configuration or Z by name, else the only one with two axes or more, else the
choice is the user's and the error lists what there is.
"""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zeeman.base.checks import check_choice, did_you_mean
from zeeman.data.loaded import LABEL_NAMES, Loaded, build

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["choose", "from_dataset", "read_idx", "read_npy", "read_npz", "read_zarr"]

_ARRAY_NAMES = ("X", "data", "configuration", "configurations", "Z")


def read_npy(path: Path, *, key: str | None = None, label_column: str | None = None) -> Loaded:
    """Read one array; a pickle, a text file or a truncated file under that name is a ValueError."""
    for value, word in ((key, "key"), (label_column, "label_column")):
        if value is not None:
            raise ValueError(f"{path}: {word}={value!r} was given, but a .npy file holds one unnamed array; use .npz")
    _check_magic(path)
    try:
        # mapping first: a header that promises more than the file holds costs no memory
        X = np.array(np.load(path, mmap_mode="r", allow_pickle=False))
    except Exception as error:  # a damaged header is parsed as Python and fails in any way Python can
        raise _npy_error(path, error) from error
    return build(X, name=path.stem, where=str(path), notes=[f"read {path.name}"])


def read_npz(path: Path, *, key: str | None = None, label_column: str | None = None) -> Loaded:
    """Read the array called X, data, configuration or Z, or the only one with two axes or more, or `key`."""
    arrays, refused = _npz_arrays(path)
    if key in refused:
        raise TypeError(f"{path}: array {key!r} holds Python objects, which zeeman never unpickles: save plain numbers")
    name, why = choose({k: (a.shape, a.dtype) for k, a in arrays.items()}, key, str(path), refused)
    label, note = _label_name(arrays, label_column, name, arrays[name].shape, str(path))
    return build(
        arrays[name], name=path.stem, where=f"{path}: array {name!r}", labels=None if label is None else arrays[label],
        notes=[f"read array {name!r} of {path.name}, {why}", *note],
    )  # fmt: skip


def read_zarr(path: Path, *, key: str | None = None, label_column: str | None = None) -> Loaded:
    """Read a variable of a store written by zeeman, xarray or zarr."""
    from zeeman.data.dataset import is_store, open_dataset

    if is_store(path):
        ds = open_dataset(path)
        if ds.sizes.get("sample", 0) == 0:
            raise ValueError(f"{path} holds no committed sample yet: let its writer continue, or generate it again")
    else:
        ds = _foreign_zarr(path)
    return from_dataset(ds, path.stem, str(path), variable=key, label_column=label_column)


def from_dataset(
    ds: xr.Dataset, name: str, where: str, variable: str | None = None, label_column: str | None = None
) -> Loaded:
    """Take one variable of `ds` as X; its samples are along ``sample``, else along its first dimension.

    Variables along that dimension alone come with it, one of them perhaps as the labels.
    """
    tables = {str(k): (v.shape, v.dtype) for k, v in ds.data_vars.items()}
    chosen, why = choose(tables, variable, where, ())
    array = ds[chosen].transpose("sample", ...) if "sample" in ds[chosen].dims else ds[chosen]
    sample = array.dims[0] if array.dims else None  # one number: refused below, in the words of `build`
    others = {
        str(k): _text(v.values) if v.dtype.kind in "OST" else v.values
        for k, v in ds.variables.items()
        if v.dims == (sample,) and k not in (chosen, sample) and v.dtype.kind not in "mMV"
    }
    label, note = _label_name(others, label_column, chosen, array.shape, where)
    return build(
        array.values, name=name, where=f"{where}: variable {chosen!r}", labels=others.pop(label) if label else None,
        site_dims=[str(dim) for dim in array.dims[1:]], variables=others, attrs=dict(ds.attrs),
        notes=[f"read variable {chosen!r} of {Path(where).name}, {why}", *note],
    )  # fmt: skip


def _text(values: NDArray) -> NDArray:
    """Strings of any kind as fixed-length text; bytes are read as UTF-8."""
    return np.char.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values.astype(str)


def read_idx(folder: Path, part: str = "train") -> Loaded:
    """Read ``{part}-images-idx3-ubyte`` and ``{part}-labels-idx1-ubyte`` (or .gz) of `folder`; grey values / 255."""
    check_choice(part, ("train", "t10k"), "part")
    images, labels = (_idx_file(folder, f"{part}-{what}") for what in ("images-idx3-ubyte", "labels-idx1-ubyte"))
    pixels, digits = _idx_array(images, 3), _idx_array(labels, 1)
    note = f"read {images.name} and {labels.name} of {folder.name}; grey values 0..255 divided by 255"
    return build(
        pixels.astype(np.float32) / 255, name="mnist", where=str(images), labels=digits.astype(np.int64),
        notes=[note], attrs={"part": part},
    )  # fmt: skip


def choose(
    arrays: Mapping[str, tuple[tuple[int, ...], np.dtype]], key: str | None, where: str, refused: Any
) -> tuple[str, str]:
    """Return the name of the array to train on and why; `arrays` maps names to (shape, dtype)."""
    listing = ", ".join([f"{k} {shape} {dtype}" for k, (shape, dtype) in arrays.items()]
                        + [f"{k} (Python objects, refused)" for k in refused])  # fmt: skip
    if key is not None:
        if key not in arrays:
            raise ValueError(
                f"{where} has no array {key!r}{did_you_mean(key, tuple(arrays))}; it has {listing or 'none'}"
            )
        return key, "as asked"
    tables = [k for k, (shape, dtype) in arrays.items() if len(shape) >= 2 and dtype.kind in "biuf"]
    for name in _ARRAY_NAMES:
        if name in tables:
            return name, f"by its name (of {len(arrays)})" if len(arrays) > 1 else "the only one"
    if len(tables) == 1:
        return tables[0], "the only one with samples and features"
    problem = "no array of real numbers with two axes or more" if not tables else f"{len(tables)} candidate arrays"
    remedy = "save X (sample, ...)" if not tables else f"name one with key, for example key={tables[0]!r}"
    raise ValueError(f"{where} holds {problem}: {listing or 'it is empty'}; {remedy}")


def _label_name(
    arrays: Mapping[str, NDArray], asked: str | None, chosen: str, shape: tuple[int, ...], where: str
) -> tuple[str | None, list[str]]:
    others = tuple(k for k in arrays if k != chosen)
    if asked is not None:
        if asked not in others:
            raise ValueError(
                f"{where} has no labels {asked!r}{did_you_mean(asked, others)}; it has {', '.join(others) or 'none'}"
            )
        return asked, [f"labels: {asked!r}, as asked"]
    for name in LABEL_NAMES:
        if name in others and arrays[name].shape == shape[:1] and _categorical(arrays[name]):
            return name, [f"labels: {name!r}, by its name; they are not trained on"]
    return None, []


def _categorical(array: NDArray) -> bool:
    return array.dtype.kind in "biuUSTO" or (array.dtype.kind == "f" and bool((array == np.round(array)).all()))


def _check_magic(path: Path) -> None:
    with open(path, "rb") as file:
        head = file.read(64)
    if head.startswith(b"\x93NUMPY"):
        return
    if not head:
        raise ValueError(f"{path} is empty (0 bytes): write it again")
    if head.startswith(b"PK"):
        raise ValueError(f"{path} is a zip archive, as .npz files are: rename it to {path.with_suffix('.npz').name}")
    if head.startswith(b"\x80"):
        raise ValueError(f"{path} is a pickle, which zeeman never loads: save it with np.save(file, plain_array)")
    if all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head):
        raise ValueError(f"{path} is a text file: if it is a table, rename it to {path.with_suffix('.csv').name}")
    raise ValueError(f"{path} is no .npy file (it begins with {head[:6]!r}): save it with numpy.save")


def _npy_error(path: Path, error: Exception) -> Exception:
    if "object" in str(error).lower():
        return ValueError(
            f"{path} holds Python objects (a pickle), which zeeman never unpickles: "
            "save plain numbers, np.save(file, array.astype(float))"
        )
    return ValueError(f"{path} is damaged or truncated ({path.stat().st_size} bytes; {_line(error)}): copy it again")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]


def _npz_arrays(path: Path) -> tuple[dict[str, NDArray], list[str]]:
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path} is no .npz archive or is truncated ({path.stat().st_size} bytes): write or copy it again"
        )
    arrays: dict[str, NDArray] = {}
    refused: list[str] = []
    try:
        with np.load(path, allow_pickle=False) as archive:
            for name in archive.files:
                try:
                    arrays[name] = np.asarray(archive[name])
                except ValueError as error:
                    if "pickle" not in str(error).lower() and "object" not in str(error).lower():
                        raise
                    refused.append(name)
    except Exception as error:  # zip, zlib and numpy's header each have errors of their own
        raise ValueError(f"{path} is truncated or damaged ({_line(error)}): write or copy it again") from error
    return {k: a for k, a in arrays.items() if isinstance(a, np.ndarray) and a.dtype.kind != "V"}, refused


def _foreign_zarr(path: Path) -> xr.Dataset:
    import xarray as xr
    import zarr

    metadata = [p for name in ("zarr.json", ".zarray", ".zgroup", ".zmetadata") for p in path.rglob(name)]
    if not metadata:
        raise ValueError(f"{path} is no zarr store (no zarr.json or .zgroup in it): check the path, or write it again")
    for file in metadata:
        if any(word in file.read_text(errors="replace") for word in ('"pickle"', '"numcodecs.pickle"')):
            raise ValueError(f"{file} asks for pickled objects, which zeeman never loads: save plain numbers")
    try:
        root = zarr.open(path, mode="r")
        if isinstance(root, zarr.Array):
            return _as_dataset({path.stem: root})
        arrays = dict(root.arrays())
        if any(_unnamed(array) for array in arrays.values()):
            return _as_dataset(arrays)
        return xr.open_zarr(path, consolidated=False).load()
    except Exception as error:  # zarr, its codecs and JSON each have errors of their own
        raise OSError(
            f"{path} cannot be read as zarr ({_line(error)}): it may be truncated; write or copy it again"
        ) from error


def _unnamed(array: Any) -> bool:
    if array.metadata.zarr_format == 2:
        return "_ARRAY_DIMENSIONS" not in array.attrs
    names = array.metadata.dimension_names
    return array.ndim > 0 and (names is None or None in names)


def _as_dataset(arrays: Mapping[str, Any]) -> xr.Dataset:
    """Plain zarr arrays without named axes: equal first lengths are taken as the samples."""
    import xarray as xr

    variables = {}
    for name, array in arrays.items():
        dims = tuple(f"{name}_{axis}" if axis else f"sample_{array.shape[0]}" for axis in range(array.ndim))
        variables[name] = (dims, array[...])
    return xr.Dataset(variables)


def _idx_file(folder: Path, name: str) -> Path:
    for candidate in (folder / name, folder / f"{name}.gz"):
        if candidate.is_file():
            return candidate
    part = name.split("-")[0]
    raise FileNotFoundError(
        f"no {name} (or .gz) in folder {folder}: put MNIST's {part}-images-idx3-ubyte and {part}-labels-idx1-ubyte "
        "there (zeeman downloads nothing) and give that folder"
    )


def _idx_array(path: Path, ndim: int) -> NDArray[np.uint8]:
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is truncated or no gzip file ({error}): copy it again") from error
    head = 4 + 4 * ndim
    if len(data) < head or data[:4] != bytes([0, 0, 8, ndim]):
        raise ValueError(
            f"{path} is no IDX file of bytes with {ndim} axes (it begins with {data[:4]!r}): copy it again"
        )
    shape = tuple(int(n) for n in np.frombuffer(data[4:head], ">u4"))
    if len(data) - head != int(np.prod(shape)):
        raise ValueError(f"{path} promises {shape} bytes but holds {len(data) - head}: it is truncated, copy it again")
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)
