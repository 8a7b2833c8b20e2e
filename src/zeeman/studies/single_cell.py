"""Cells in scanpy's conventions: `zm.sc.fit`, `spectrum`, `lift` on an AnnData, `write_back` on a file.

A verb reads counts (``.X`` or a layer) or embeddings (``.obsm``) and writes, in place,

    .obsm["X_zeeman"]         canonical coordinates by energy, (cell, state - 1); over retrainings, their mean
    .obs["zeeman_energy"]     e(z) = sum_{n<k} E_n f_n(z)^2 / sum_{n<k} f_n(z)^2, the mean energy of the k low states at
                              the cell's place: inside a set, what it costs to leave it; units of length^-2
    .obs["zeeman_state"]      set, a category "0", "1", ...
    .obs["zeeman_agreement"]  share of the retrainings that put the cell there (several only)
    .uns["zeeman"]            levels, errors, blocks and parameters

With k = 1, a single set, the energy is over all levels that were found. Everything here takes and leaves plain arrays;
scanpy is never imported.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeeman.base.checks import check_choice, did_you_mean
from zeeman.base.random import entropy_of
from zeeman.base.results import Analysis
from zeeman.base.types import Samples, Seed
from zeeman.data import annotated
from zeeman.data.annotated import Annotation
from zeeman.replicas import Lift
from zeeman.replicas import lift as lift_spaces
from zeeman.spectrum import LatentSpectrum
from zeeman.studies.retrainings import unit
from zeeman.vae import BetaVAE

__all__ = ["annotation_of", "fit", "lift", "spectrum", "write_back"]

_STEPS, _FEWEST_EPOCHS, _MOST_EPOCHS = 4_000, 10, 200  # optimiser steps by default, in whole epochs
_LATENTS, _REPLICAS = 10, 5
_ALIKE = 1.2  # scales of embeddings whose ratio is below this are left as they are
_AUTO = "auto"


def fit(
    adata: Any,
    model: BetaVAE | None = None,
    *,
    layer: str | None = None,
    use_rep: str | None = None,
    mask_var: str | NDArray[np.bool_] | None = _AUTO,
    n_states: int = 10,
    n_clusters: int | None = None,
    n_replicas: int = _REPLICAS,
    random_state: Seed = 0,
    key_added: str = "zeeman",
    verbose: bool = False,
    copy: bool = False,
    **parameters: Any,
) -> Any:
    """Train beta-VAEs that differ in their seeds on the cells, and lift them into one frame.

    Beside what is named above, the codes of every training are written to ``.obsm["X_zeeman_0"]``, ... so that
    `spectrum` and `lift` can read them again.

    Parameters
    ----------
    adata : AnnData
        Cells in rows; sparse and backed counts are read by portions.
    model : BetaVAE, optional
        Not yet fitted; it is fitted here, to be asked further (`decode`, `score`, `save`). By default one of 10
        latents with the negative-binomial likelihood, or on an embedding the Gaussian one, whose encoders start at the
        principal components in a frame of their own: from random weights latents collapse before kinds are told apart
        (scVI raises the weight of the KL term slowly against that).
    layer : str, optional
        Counts to take instead of ``.X``; not normalised, no logarithms.
    use_rep : str, optional
        An embedding in ``.obsm`` to train on instead of counts.
    mask_var : str, array of bool (gene,), or None
        Genes to take: a column of ``.var``; None for all. By default ``highly_variable`` if there is such a column.
    n_states, n_clusters, random_state
        As in `zeeman.lift`.
    n_replicas : int
        Trainings; ignored with a `model`, as are `parameters`.
    key_added : str
        In place of "zeeman" in all names.
    verbose : bool
        Show progress and time left.
    copy : bool
        Return an annotated copy and leave `adata` as it is.
    **parameters
        Of `zeeman.BetaVAE`, such as latent_dim, beta, n_epochs.

    Returns
    -------
    None, or the annotated AnnData if `copy`

    Raises
    ------
    ValueError, TypeError
        For values that are no counts (the cell and the gene are named), empty cells, names that are not there.

    Examples
    --------
    >>> import anndata
    >>> rng = np.random.default_rng(0)
    >>> cells = anndata.AnnData(rng.poisson(rng.gamma(2.0, 1.0, (2, 20))[rng.integers(0, 2, 200)]) + 0.0)
    >>> fit(cells, n_replicas=2, n_epochs=2, n_states=4)
    >>> cells.obsm["X_zeeman"].shape, sorted(cells.obs)
    ((200, 3), ['zeeman_agreement', 'zeeman_energy', 'zeeman_state'])
    """
    adata = _target(adata, copy)
    seed = entropy_of(random_state)
    X, source = _training_data(adata, layer, use_rep, mask_var)
    vae = model if model is not None else _model(len(X), use_rep, n_replicas, seed, verbose, parameters)
    if model is not None and parameters:
        raise TypeError(f"{', '.join(parameters)} belong to the model: give them to BetaVAE(...)")
    vae.fit(X)
    spaces = [space.astype(np.float64) for space in vae.encode(X).mean]
    names = [f"X_{key_added}_{r}" for r in range(len(spaces))]
    annotation = _read(spaces, names, n_states, n_clusters, seed, verbose)
    training = {
        **source, "latent_dim": vae.latent_dim, "likelihood": vae.likelihood_, "beta": float(vae.beta),
        "n_epochs": vae.n_epochs, "seed": vae.seed_, "elbo": vae.elbo_, "best_replica": vae.best_replica_,
    }  # fmt: skip
    for name, space in zip(names, spaces, strict=True):
        adata.obsm[name] = space
    annotated.annotate(adata, replace(annotation, about={**annotation.about, "training": training}), key_added)
    return adata if copy else None


def spectrum(
    adata: Any,
    use_rep: str | Sequence[str] | None = None,
    *,
    n_states: int = 10,
    n_clusters: int | None = None,
    scale: str = "auto",
    random_state: Seed = 0,
    key_added: str = "zeeman",
    verbose: bool = False,
    copy: bool = False,
) -> Any:
    """Read energies, states and coordinates of embeddings of any tool.

    Parameters
    ----------
    adata : AnnData
    use_rep : str or sequence of str, optional
        Names in ``.obsm`` ("X_pca" or "pca"): one space, or several retrainings, which are lifted. By default those
        that `fit` has left, otherwise ``X_pca``.
    scale : {"auto", "none", "unit"}
        "unit" divides each embedding by one number, its root mean variance; "auto" does so where those of several
        differ by more than a fifth. Axes are never scaled one by one.
    n_states, n_clusters, random_state, key_added, verbose, copy
        As in `fit`.

    Returns
    -------
    None, or the annotated AnnData if `copy`

    Examples
    --------
    >>> import anndata
    >>> rng = np.random.default_rng(0)
    >>> Z = rng.normal(size=(400, 2)) + 4.0 * rng.integers(0, 2, (400, 1))
    >>> cells = anndata.AnnData(np.zeros((400, 1)), obsm={"X_pca": Z})
    >>> spectrum(cells, "X_pca", n_states=4)
    >>> cells.obs["zeeman_state"].nunique()
    2
    """
    adata = _target(adata, copy)
    check_choice(scale, ("auto", "none", "unit"), "scale")
    names = _representations(adata, use_rep, key_added)
    spaces = _scaled([annotated.embedding_of(adata, name) for name in names], scale)
    annotation = _read(spaces, names, n_states, n_clusters, entropy_of(random_state), verbose)
    annotated.annotate(adata, annotation, key_added)
    return adata if copy else None


def lift(adata: Any, use_rep: Sequence[str] | None = None, **options: Any) -> Any:
    """Read several retrainings of the same cells in one frame; `spectrum` with at least two embeddings.

    Parameters
    ----------
    adata : AnnData
    use_rep : sequence of str, optional
        Names in ``.obsm``, one a retraining; by default those that `fit` has left.
    **options
        As in `spectrum`.

    Returns
    -------
    None, or the annotated AnnData if `copy`
    """
    names = _representations(adata, use_rep, options.get("key_added", "zeeman"))
    if len(names) < 2:
        raise ValueError(f"a lift needs several retrainings, got {', '.join(names)}: use spectrum for a single space")
    return spectrum(adata, names, **options)


def write_back(
    path: str | os.PathLike[str],
    found: Analysis | Annotation,
    out: str | os.PathLike[str] | None = None,
    key_added: str = "zeeman",
) -> Path:
    """Write what was found of the cells in the .h5ad file `path` into a copy of it, in scanpy's places.

    Parameters
    ----------
    path : path
        The file that was read; its matrices are copied, not loaded.
    found : Analysis or Annotation
        What `zeeman.studies.spectrum` returns, or `annotation_of` of spaces.
    out : path, optional
        The file to write; ``<name>_zeeman.h5ad`` beside `path` if not given.
    key_added : str

    Returns
    -------
    path
        Of the file that was written.
    """
    if isinstance(found, Analysis):
        several = found.retrainings
        if several is not None and len(several) > 1:
            found = _of_lift(several.lift, list(several.spaces), list(several.names), {})
        else:
            found = _of_levels(found.Z, found.coordinates, found.energies, found.clusters, found.n_clusters, found)
    return annotated.write_back(path, found, out, key_added)


def annotation_of(
    spaces: Sequence[Samples], names: Sequence[str], *, n_states: int = 10, n_clusters: int | None = None,
    random_state: Seed = 0, verbose: bool = False,
) -> Annotation:  # fmt: skip
    """Read one space, or lift several, (cell, latent) each, without an AnnData."""
    return _read(list(spaces), list(names), n_states, n_clusters, entropy_of(random_state), verbose)


def _target(adata: Any, copy: bool) -> Any:
    missing = [name for name in ("obs", "obsm", "uns", "var", "layers") if not hasattr(adata, name)]
    if missing:
        raise TypeError(
            f"adata must be an anndata.AnnData, got {type(adata).__name__}; for an array use zeeman.LatentSpectrum, "
            "zeeman.lift or zeeman.BetaVAE"
        )
    if copy and getattr(adata, "isbacked", False):
        raise ValueError("a backed AnnData cannot be copied in memory: use copy=False, or adata.to_memory() first")
    return adata.copy() if copy else adata


def _training_data(
    adata: Any, layer: str | None, use_rep: str | None, mask_var: str | NDArray[np.bool_] | None
) -> tuple[NDArray, dict[str, Any]]:
    """Return counts or an embedding, and how they were chosen."""
    if use_rep is not None:
        if layer is not None:
            raise ValueError(
                f"layer={layer!r} and use_rep={use_rep!r}: train on the counts or on the embedding, not both"
            )
        return annotated.embedding_of(adata, use_rep).astype(np.float32), {"use_rep": use_rep}
    columns, said = _columns(adata, mask_var)
    X = annotated.counts_of(adata, layer, columns)
    empty = np.flatnonzero(X.sum(axis=1) == 0)
    if len(empty):
        raise ValueError(
            f"cell {adata.obs_names[empty[0]]!r} has no counts in the genes that were taken ({len(empty)} such cells): "
            "filter them first"
        )
    return X, {"layer": layer or "X", "mask_var": said, "n_genes": X.shape[1]}


def _columns(adata: Any, mask_var: str | NDArray[np.bool_] | None) -> tuple[NDArray[np.bool_] | None, str]:
    if isinstance(mask_var, str):
        known = tuple(map(str, adata.var.columns))
        name = "highly_variable" if mask_var == _AUTO else mask_var
        if name not in known:
            if mask_var == _AUTO:
                return None, "all genes"
            raise ValueError(
                f"adata.var has no column {name!r}{did_you_mean(name, known)}; mask_var=None takes all genes"
            )
        mask, said = adata.var[name].to_numpy(), name
    elif mask_var is None:
        return None, "all genes"
    else:
        mask, said = np.asarray(mask_var), "an array"
    if mask.dtype.kind != "b" or mask.shape != (adata.n_vars,) or not mask.any():
        raise ValueError(
            f"mask_var must mark by True at least one of {adata.n_vars} genes, got {mask.dtype} of shape {mask.shape}"
        )
    return mask, said


def _model(
    n_cells: int, use_rep: str | None, n_replicas: int, seed: int, verbose: bool, parameters: dict[str, Any]
) -> BetaVAE:
    steps = max(1, int(0.9 * n_cells) // parameters.get("batch_size", 128))
    return BetaVAE(**{
        "latent_dim": _LATENTS, "likelihood": "negative-binomial" if use_rep is None else "gaussian",
        "n_replicas": n_replicas, "n_epochs": int(np.clip(_STEPS // steps, _FEWEST_EPOCHS, _MOST_EPOCHS)),
        "start": "pca", "random_state": seed, "verbose": verbose, **parameters,
    })  # fmt: skip


def _representations(adata: Any, use_rep: str | Sequence[str] | None, key: str) -> list[str]:
    if isinstance(use_rep, str):
        return [use_rep]
    if use_rep is not None:
        names = [str(name) for name in use_rep]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice or not names:
            raise ValueError(f"use_rep must name different embeddings, got {', '.join(names) or 'none'}")
        return names
    known = annotated.embeddings_in(adata)
    for left in (key, "zeeman"):  # by `fit`
        own = [f"X_{left}_{r}" for r in range(len(known)) if f"X_{left}_{r}" in known]
        if own:
            return own
    if "X_pca" in known:
        return ["X_pca"]
    raise ValueError(f"choose embeddings with use_rep: adata.obsm has {', '.join(known) or 'none'}")


def _scaled(spaces: list[Samples], scale: str) -> list[Samples]:
    """One number a space at most: scaling axes one by one would change the states."""
    units, scales = zip(*(unit(Z) for Z in spaces), strict=True)
    unlike = max(scales) > _ALIKE * min(scales)
    return list(units) if scale == "unit" or (scale == "auto" and unlike) else spaces


def _read(
    spaces: list[Samples], names: list[str], n_states: int, n_clusters: int | None, seed: int, verbose: bool
) -> Annotation:
    about = {"n_states": n_states, "n_clusters": n_clusters, "random_state": seed}
    if len(spaces) > 1:
        lifted = lift_spaces(spaces, n_states, n_clusters=n_clusters, random_state=seed, verbose=verbose)
        return _of_lift(lifted, spaces, names, about)
    Z = spaces[0]
    spec = LatentSpectrum(n_states, n_clusters, seed).fit(Z)
    found = _of_levels(Z, spec.transform(Z), spec.energies_, spec.labels_, spec.n_clusters_, spec)
    return replace(found, about={**found.about, "params": {**about, "use_rep": names}})


def _of_levels(
    Z: Samples, coordinates: Samples, energies: NDArray[np.floating], labels: NDArray[np.integer], k: int, source: Any
) -> Annotation:
    errors = getattr(source, "energies_error_", getattr(source, "energies_error", None))
    about = {"energies": np.asarray(energies), "energies_error": errors, "n_clusters": k, "latent_dim": Z.shape[1]}
    return Annotation(coordinates, _local_energy(coordinates, energies, k), labels, k, about=about)


def _of_lift(lifted: Lift, spaces: list[Samples], names: list[str], params: dict[str, Any]) -> Annotation:
    k, labels = lifted.n_clusters, lifted.consensus_labels
    states = [spec.transform(Z) for spec, Z in zip(lifted.spectra, spaces, strict=True)]
    energy = np.mean([_local_energy(f, E, k) for f, E in zip(states, lifted.energies, strict=True)], axis=0)
    about = {
        "energies": lifted.energies.mean(axis=0), "energies_spread": lifted.energies_spread,
        "energies_replicas": lifted.energies, "energies_error": lifted.energies_error, "n_clusters": k,
        "n_clusters_found": lifted.found, "blocks": np.asarray(lifted.blocks, dtype=np.int64),
        "reference": lifted.reference, "params": {**params, "use_rep": names},
    }  # fmt: skip
    agreement = (lifted.labels == labels).mean(axis=0)
    return Annotation(lifted.consensus, energy, labels, k, agreement, about)


def _local_energy(coordinates: Samples, energies: NDArray[np.floating], k: int) -> NDArray[np.float64]:
    """E(z), the mean of the local density of states, (cell,)."""
    n = k if k > 1 else len(energies)
    weights = np.column_stack([np.ones(len(coordinates)), np.asarray(coordinates)[:, : n - 1]]) ** 2
    return weights @ np.asarray(energies)[:n] / weights.sum(axis=1)
