"""Annotated matrices of cells (AnnData): counts and embeddings out of them, coordinates, energies and states into them.

Axes: (cell, gene) for counts, (cell, latent) for an embedding. An `anndata.AnnData` is used through its attributes;
anndata itself is imported where a file is opened, and scanpy never is. Sparse and backed matrices are read by portions
of rows, and counts are kept in the smallest integers that hold them (one byte for most: what a sparse matrix takes that
is one eighth full).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeeman.base.brief import brief
from zeeman.base.checks import check_samples, did_you_mean
from zeeman.base.store import atomic_path
from zeeman.base.types import Samples

__all__ = ["Annotation", "annotate", "counts_of", "embedding_of", "embeddings_in", "rows_of", "write_back"]

_ROWS = 1024
_MAPS = ("X_umap", "X_tsne", "X_draw_graph_fa", "X_phate")  # drawn for the eye: densities mean nothing there


@brief
@dataclass(frozen=True)
class Annotation:
    """What a latent space says of every cell, ready to be written in scanpy's places.

    Attributes
    ----------
    coordinates : ndarray, (cell, state - 1)
        Canonical coordinates, by energy: ``.obsm["X_zeeman"]``.
    energy : ndarray, (cell,)
        Mean energy of the low states at the cell's place: ``.obs["zeeman_energy"]``.
    state : ndarray of int, (cell,)
        Cluster: ``.obs["zeeman_state"]``, categorical.
    n_states : int
        Categories there are, populated or not.
    agreement : ndarray (cell,), or None
        Share of the retrainings that give the cell its state: ``.obs["zeeman_agreement"]``.
    about : mapping
        Numbers, strings and arrays of them, nested in mappings: ``.uns["zeeman"]``.
    """

    coordinates: Samples
    energy: NDArray[np.floating]
    state: NDArray[np.integer]
    n_states: int
    agreement: NDArray[np.floating] | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    def columns(self, key: str) -> dict[str, Any]:
        """Return the columns of ``.obs`` by name."""
        import pandas as pd

        names = [str(k) for k in range(self.n_states)]
        state = pd.Categorical.from_codes(self.state.astype(np.int64), categories=names)
        found: dict[str, Any] = {f"{key}_energy": np.asarray(self.energy, dtype=np.float64), f"{key}_state": state}
        if self.agreement is not None:
            found[f"{key}_agreement"] = np.asarray(self.agreement, dtype=np.float64)
        return found


def annotate(adata: Any, annotation: Annotation, key: str = "zeeman") -> None:
    """Write `annotation` into `adata`, in place; what stood there under the same names is replaced."""
    if len(annotation.state) != adata.n_obs:
        raise ValueError(f"{len(annotation.state)} cells were read, but adata has {adata.n_obs}: give the same cells")
    adata.obsm[f"X_{key}"] = np.asarray(annotation.coordinates, dtype=np.float64)
    for name, column in annotation.columns(key).items():
        adata.obs[name] = column
    if annotation.agreement is None and f"{key}_agreement" in adata.obs:
        del adata.obs[f"{key}_agreement"]  # of another reading
    adata.uns[key] = _storable(annotation.about)


def write_back(
    path: str | os.PathLike[str],
    annotation: Annotation,
    out: str | os.PathLike[str] | None = None,
    key: str = "zeeman",
) -> Path:
    """Write `annotation` into a copy of the .h5ad file `path`; everything else in it stays as it is, byte for byte.

    Parameters
    ----------
    path : path
        The file that was read. Its matrices are copied, not loaded.
    annotation : Annotation
        Of the same cells in the same order.
    out : path, optional
        The file to write, whole or not at all; ``<name>_zeeman.h5ad`` beside `path` if not given. It may be `path`.
    key : str
        The names are ``obsm["X_<key>"]``, ``obs["<key>_energy"]``, ``obs["<key>_state"]``, ``uns["<key>"]``.

    Returns
    -------
    path
        Of the file that was written.
    """
    source = Path(path)
    target = Path(out) if out is not None else source.with_name(f"{source.stem}_{key}.h5ad")
    if target.suffix.lower() != ".h5ad":
        raise ValueError(f"out must end in .h5ad, got {target}")
    anndata = _anndata(f"writing {target}")
    import h5py

    with atomic_path(target) as beside:
        shutil.copyfile(source, beside)
        with h5py.File(beside, "r+") as file:
            if "obs" not in file or "obsm" not in file:
                raise OSError(f"{source} is no AnnData file of this decade (no obs or obsm): read and write it again")
            obs = anndata.io.read_elem(file["obs"])
            if len(obs) != len(annotation.state):
                raise ValueError(f"{len(annotation.state)} cells were read, but {source} has {len(obs)}")
            obs = obs.drop(columns=[f"{key}_agreement"], errors="ignore").assign(**annotation.columns(key))
            anndata.io.write_elem(file, "obs", obs)
            anndata.io.write_elem(file, f"obsm/X_{key}", np.asarray(annotation.coordinates, dtype=np.float64))
            anndata.io.write_elem(file, f"uns/{key}", _storable(annotation.about))
    return target


def counts_of(adata: Any, layer: str | None = None, columns: NDArray[np.bool_] | None = None) -> NDArray[np.integer]:
    """Return counts (cell, gene) in the smallest integers, from ``.X`` or a layer; made dense by portions only.

    Parameters
    ----------
    adata : AnnData
    layer : str, optional
    columns : ndarray of bool (gene,), optional
        Genes to take; all if not given.

    Raises
    ------
    ValueError
        For values that are no counts, with the cell, the gene, and the layers that there are.
    """
    matrix, where = _matrix(adata, layer)
    n_cells, n_genes = matrix.shape
    keep = np.ones(n_genes, dtype=bool) if columns is None else columns
    counts = np.zeros((n_cells, int(keep.sum())), dtype=np.uint8)
    for start in range(0, n_cells, _ROWS):
        part = rows_of(matrix, start, start + _ROWS)[:, keep]
        with np.errstate(invalid="ignore"):
            bad = ~((part >= 0) & (np.floor(part) == part) & (part <= 2**24))
        if bad.any():
            _refuse(adata, part, bad, start, np.flatnonzero(keep), where, layer)
        most = part.max(initial=0)
        needed = np.uint8 if most < 2**8 else np.uint16 if most < 2**16 else np.uint32
        if np.dtype(needed).itemsize > counts.dtype.itemsize:
            counts = counts.astype(needed)
        counts[start : start + len(part)] = part
    return counts


def embedding_of(adata: Any, key: str) -> NDArray[np.float64]:
    """Return ``.obsm[key]`` (cell, latent) as numbers; ``"pca"`` and ``"X_pca"`` name the same."""
    known = tuple(map(str, adata.obsm.keys()))
    found = key if key in known else f"X_{key}" if f"X_{key}" in known else None
    if found is None:
        has = ", ".join(known) or "nothing"
        raise ValueError(f"adata.obsm has no {key!r}{did_you_mean(key, known)}; it has {has}")
    value = adata.obsm[found]
    value = value.to_numpy() if hasattr(value, "to_numpy") else value.toarray() if hasattr(value, "toarray") else value
    return check_samples(value, f"adata.obsm[{found!r}]")


def embeddings_in(adata: Any) -> tuple[str, ...]:
    """Return the names of the embeddings in ``.obsm`` that are latent spaces; maps drawn for the eye are left out."""
    return tuple(str(key) for key in adata.obsm if str(key).startswith("X_") and str(key) not in _MAPS)


def rows_of(matrix: Any, start: int, stop: int) -> NDArray:
    """Return rows start..stop of a dense, sparse or backed matrix as a dense array."""
    part = matrix[start:stop]
    return part.toarray() if hasattr(part, "toarray") else np.asarray(part)


def _matrix(adata: Any, layer: str | None) -> tuple[Any, str]:
    layers = tuple(map(str, adata.layers.keys()))
    if layer is None:
        if adata.X is None:
            has = ", ".join(layers) or "no layers either"
            raise ValueError(f"adata has no .X; choose a layer, layer='counts': it has {has}")
        return adata.X, "adata.X"
    if layer not in layers:
        has = ", ".join(layers) or "none"
        raise ValueError(f"adata has no layer {layer!r}{did_you_mean(layer, layers)}; it has {has}")
    return adata.layers[layer], f"adata.layers[{layer!r}]"


def _refuse(
    adata: Any, part: NDArray, bad: NDArray[np.bool_], start: int, genes: NDArray, where: str, layer: str | None
) -> None:
    row, column = (int(i) for i in np.argwhere(bad)[0])
    cell, gene = adata.obs_names[start + row], adata.var_names[genes[column]]
    others = [name for name in adata.layers if name != layer]
    elsewhere = f"layer={others[0]!r}" if others else "raw counts"
    raise ValueError(
        f"{where} holds {part[row, column]} for cell {cell!r}, gene {gene!r}, which is no count: give {elsewhere} "
        f"if that has the raw counts (layers: {', '.join(others) or 'none'}), or an embedding with use_rep"
    )


def _storable(value: Any) -> Any:
    """Return what .h5ad can hold: nested dicts of numbers, strings and arrays; None is left out."""
    if isinstance(value, Mapping):
        return {str(key): _storable(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        array = np.asarray(value)
        return array.astype(object) if array.dtype.kind == "U" else array
    if isinstance(value, np.generic):
        return value.item()
    return value


def _anndata(what: str) -> Any:
    try:
        import anndata
        import anndata.io
    except ImportError as error:
        raise ImportError(f"{what} needs anndata: pip install zeeman[sc]") from error
    return anndata
