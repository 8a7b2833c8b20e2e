"""Any source to one checked record: a file by its suffix, or a built-in data set by its name.

Built in: ``ising`` three phases of the Ising model, sampled here; ``classes`` Gaussian classes with known labels;
``three_states`` independent three-state sites in four phases; ``digits`` 8 x 8 handwritten digits that come with
scikit-learn; ``mnist`` 28 x 28 digits from a local folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zeeman.base.checks import check_positive_integer, did_you_mean
from zeeman.base.random import entropy_of, stream
from zeeman.base.types import Seed
from zeeman.data import arrays, tables
from zeeman.data.loaded import Loaded, build
from zeeman.data.synthetic import three_states

__all__ = ["BUILT_IN", "SUFFIXES", "classes", "digits", "ising", "load", "mnist"]

SUFFIXES = (".npy", ".npz", ".csv", ".tsv", ".txt", ".parquet", ".zarr", ".h5ad")


def load(
    source: str | os.PathLike[str], *, key: str | None = None, label_column: str | None = None, **options: Any
) -> Loaded:
    """Read a data set, check it and say what was read.

    Parameters
    ----------
    source : str or path
        A file ending in .npy, .npz, .csv, .tsv, .txt, .parquet, .zarr or .h5ad; a zarr store of any name, such as
        RUN/data; a folder of MNIST's IDX files; or the name of a built-in data set, ``ising``, ``digits``, ``classes``,
        ``three_states``, ``mnist``.
    key : str, optional
        Which array of a file that holds several: a name in .npz and .zarr; ``obsm:X_pca`` or ``layers:counts``
        in .h5ad. Without it the one obvious array is taken, and a note says which.
    label_column : str, optional
        Column (array, variable, obs column) with the labels. Without it, one called state, label, class, phase,
        target or y is taken, and a note says so. Labels are never trained on.
    **options
        Of the built-in source: `ising` size, n_samples, seed, progress; `classes` n_classes, n_samples, seed;
        `mnist` folder, part.

    Returns
    -------
    Loaded
        X (sample, ...) with labels, names, notes and content hash.

    Raises
    ------
    FileNotFoundError, OSError, ValueError, TypeError
        What is wrong, where (file, row, column) and what would do. Nothing is unpickled and nothing is written.

    Examples
    --------
    >>> data = load("digits")
    >>> data.X.shape, data.kind, len(data.labels)
    ((1797, 64), 'table', 1797)
    """
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"source must be a file or one of {', '.join(BUILT_IN)}, got {type(source).__name__}")
    if str(source) in BUILT_IN:
        for value, word in ((key, "key"), (label_column, "label_column")):
            if value is not None:
                raise ValueError(
                    f"{word}={value!r} chooses within a file, but {str(source)!r} is built in: leave it out"
                )
        return _built_in(str(source), options)
    path = Path(source)
    _check_path(path)
    if options:
        are = "is" if len(options) == 1 else "are"
        raise TypeError(f"{' and '.join(options)} {are} for built-in sources; {path} is a file: leave that out")
    if path.is_dir() and not _is_store(path):
        return mnist(path)
    reader: Callable[..., Loaded] = _READERS[".zarr" if path.is_dir() else path.suffix.lower()]
    return reader(path, key=key, label_column=label_column)


def digits() -> Loaded:
    """Handwritten digits of scikit-learn: X (1797, 64), counts of ink 0..16 divided by 4.

    A Gaussian likelihood of unit variance resolves a principal direction of x if its variance exceeds beta: at 0..1
    none of them does at beta = 1 (largest variance 0.70), at 0..4 sixteen do (largest 11.2).
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    note = "scikit-learn's digits, pixels 0..16 divided by 4 so that a unit-variance Gaussian resolves them"
    return build(
        (bunch.data / 4).astype(np.float32), name="digits", where="digits", labels=bunch.target,
        feature_names=bunch.feature_names, notes=[note, "labels: the digit, 0..9"],
    )  # fmt: skip


def classes(n_classes: int = 3, n_samples: int = 3000, seed: Seed = 0) -> Loaded:
    """Gaussian classes as in paper 000: X (n_samples, 30), 8 columns informative and 8 their linear combinations.

    One Gaussian cluster a class at the corners of a hypercube of side 2 class_sep = 4, the other 14 columns
    unit-variance noise (scikit-learn's ``make_classification``).
    """
    from sklearn.datasets import make_classification

    n_classes = check_positive_integer(n_classes, "n_classes")
    n_samples = check_positive_integer(n_samples, "n_samples", 2)
    if n_classes > 256:
        raise ValueError(f"n_classes must be at most 256, the corners of an 8-dimensional cube, got {n_classes}")
    entropy = entropy_of(seed)
    X, labels = make_classification(
        n_samples=n_samples, n_features=30, n_informative=8, n_redundant=8, n_classes=n_classes,
        n_clusters_per_class=1, class_sep=2.0, random_state=int(stream(entropy, "classes").integers(2**31)),
    )  # fmt: skip
    note = f"synthetic: {n_classes} Gaussian classes, 8 informative and 8 redundant of 30 columns, seed {entropy}"
    return build(
        X.astype(np.float32), name="classes", where="classes", labels=labels, notes=[note],
        feature_names=[f"x{i}" for i in range(30)], attrs={"n_classes": n_classes, "seed": entropy},
    )  # fmt: skip


def ising(size: int = 32, n_samples: int = 12000, seed: Seed = 0, progress: bool = False) -> Loaded:
    """FM, AFM and PM configurations of the Ising model, X (n_samples, size, size) of -1/+1: see `three_phases`."""
    from zeeman.data.generate import three_phases

    ds = three_phases(size, n_samples, seed, progress=progress)
    data = arrays.from_dataset(ds, name="ising", where="ising", variable="configuration", label_column="state")
    phases, counts = np.unique(data.variables["phase"], return_counts=True)
    made = ", ".join(f"{count} {phase}" for phase, count in zip(phases, counts, strict=True))
    note = f"sampled {made} configurations of the Ising model on {size} x {size} sites"
    labels = "labels: the five states FM+, FM-, AFM+, AFM-, PM; they are not trained on"
    return replace(data, notes=(note, labels, data.notes[-1]))


def mnist(folder: str | os.PathLike[str] = "mnist", part: str = "train") -> Loaded:
    """MNIST from a local folder of IDX files: X (sample, 28, 28) in [0, 1], grey value / 255; labels 0..9.

    `part` is "train" or "t10k"; nothing is downloaded.
    """
    return arrays.read_idx(Path(folder), part)


def _built_in(name: str, options: dict[str, Any]) -> Loaded:
    import inspect

    known = tuple(inspect.signature(BUILT_IN[name]).parameters)
    for option in options:
        if option not in known:
            takes = ", ".join(known) or "no options"
            raise TypeError(f"source {name!r} has no option {option!r}{did_you_mean(option, known)}; it takes {takes}")
    return BUILT_IN[name](**options)


def _check_path(path: Path) -> None:
    if not path.exists():
        folder = path.parent
        near = tuple(sorted(p.name for p in folder.iterdir())) if folder.is_dir() else ()
        what = f"no file {path}" if path.suffix else f"no file and no built-in source {str(path)!r}"
        hint = did_you_mean(path.name, (*near, *BUILT_IN))
        where = "" if folder.is_dir() else f"; there is no folder {folder} either"
        raise FileNotFoundError(f"{what}{hint}{where}; built in are {', '.join(BUILT_IN)}")
    suffix = path.suffix.lower()
    if path.is_dir():
        if _is_store(path) or any(path.glob("*-images*idx3-ubyte*")):
            return
        inside = sorted(p.name for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
        hint = f"; did you mean {path / inside[0]}?" if inside else ""
        raise IsADirectoryError(f"{path} is a folder, not a data file{hint} Give a file ({', '.join(SUFFIXES)})")
    if suffix == ".zarr":
        raise ValueError(f"{path} is a file, but a zarr store is a folder: unpack it, or fix its suffix")
    if suffix not in SUFFIXES:
        raise ValueError(
            f"{path} ends in {suffix or 'no suffix'!r}, which zeeman does not read{did_you_mean(suffix, SUFFIXES)}; "
            f"save it as one of {', '.join(SUFFIXES)}"
        )


def _is_store(path: Path) -> bool:
    """Whether a folder is a zarr store, by its name or by what is in it: RUN/data has no suffix."""
    return path.suffix.lower() == ".zarr" or (path / "zarr.json").is_file()


BUILT_IN: dict[str, Callable[..., Loaded]] = {
    "ising": ising,
    "digits": digits,
    "classes": classes,
    "three_states": three_states,
    "mnist": mnist,
}
_READERS: dict[str, Callable[..., Loaded]] = {
    ".npy": arrays.read_npy,
    ".npz": arrays.read_npz,
    ".zarr": arrays.read_zarr,
    ".csv": tables.read_csv,
    ".tsv": tables.read_csv,
    ".txt": tables.read_csv,
    ".parquet": tables.read_parquet,
    ".h5ad": tables.read_h5ad,
}
