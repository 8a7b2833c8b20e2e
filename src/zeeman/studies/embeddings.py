"""Embeddings that already exist, one file a training: their spectra, the lift, the Zeeman diagram, the report.

A file holds (sample, latent); all hold the same samples in the same order, though not the same number of latents.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score

from zeeman.base.checks import check_choice
from zeeman.base.results import Analysis
from zeeman.base.store import content_hash, provenance
from zeeman.base.types import Samples
from zeeman.data import Loaded, load
from zeeman.replicas.degeneracy import check_comparable
from zeeman.spectrum import LatentSpectrum
from zeeman.studies import readings, retrainings
from zeeman.studies.options import EmbeddingOptions
from zeeman.studies.publish import as_text, publish
from zeeman.studies.run import RunFolder, held
from zeeman.studies.single_cell import write_back

__all__ = ["prepared_spaces", "spectrum"]

_ALIKE = 1.2  # scales of files whose ratio is below this are left as they are
_PRIOR_LIKE = (0.8, 1.25)  # root mean variance of an embedding that can be set beside the prior as it is


def spectrum(
    files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str] | None = None,
    options: EmbeddingOptions | None = None,
    *,
    fresh: bool = False,
    progress: bool = True,
    formats: Sequence[str] = ("png",),
) -> Analysis:
    """Read embeddings and write RUN/{figures, lift, metrics.json, report.html}.

    Beside an .h5ad file's report stands a copy of the file with what was found of its cells (`zeeman.studies.sc`).

    Parameters
    ----------
    files : path, or sequence of paths
        .npy .npz .csv .tsv .txt .parquet .zarr .h5ad, (sample, latent) each: one training a file, the same samples in
        the same order; latent dimensions may differ. Of a single one the spectrum alone is read.
    out : path, optional
        Folder of the run, ``runs/<name of the first file>`` if not given.
    options : EmbeddingOptions
    fresh : bool
        Replace the run in `out`, if there is one; continue it if fresh began it with the same settings and it stopped.
    progress : bool
        Tell how far it is, on standard error.
    formats : sequence of str
        Of the figures: "png", "pdf", "svg".

    Returns
    -------
    Analysis
        Levels, clusters and coordinates of the first file; the others stand in `retrainings`.

    Raises
    ------
    ValueError, TypeError, OSError
        Before anything is written, for files or options that cannot be used.
    """
    options = options or EmbeddingOptions()
    paths = [Path(files)] if isinstance(files, (str, os.PathLike)) else [Path(file) for file in files]
    loaded, spaces, notes, settings = prepared_spaces(paths, options)
    reader = LatentSpectrum(options.n_states, options.n_clusters, options.seed)
    data_hash = content_hash(*(data.X for data in loaded))
    target = Path(out or Path("runs") / paths[0].stem)
    with held(target):
        folder = RunFolder(target, settings, data_hash, fresh=fresh, job="spectrum")
        with folder.unless_refused():
            with folder.stage("read"):
                analysis = _read(spaces, loaded, reader, settings, notes, progress)
            if len(spaces) > 1:
                with folder.stage("lift"):
                    analysis = _with_retrainings(analysis, spaces, paths, options, progress)
        analysis = publish(
            replace(analysis, provenance=provenance(seed=options.seed, data_hash=data_hash)), folder, formats=formats,
            progress=progress,
        )  # fmt: skip
        if paths[0].suffix.lower() == ".h5ad":
            write_back(paths[0], analysis, folder.path / paths[0].name)
    return analysis


def prepared_spaces(
    paths: Sequence[Path], options: EmbeddingOptions
) -> tuple[list[Loaded], list[Samples], list[str], dict[str, Any]]:
    """Read, check and scale the files: what was loaded, the spaces, notes and settings. Nothing is written."""
    loaded = _load(paths, options)
    check_choice(options.scale, ("auto", "none", "unit"), "scale")
    spaces, notes = _scaled([data.X.astype(np.float64) for data in loaded], options)
    LatentSpectrum(options.n_states, options.n_clusters, options.seed).check_parameters(len(spaces[0]))
    if len(spaces) > 1:
        check_comparable(len(spaces[0]))
    notes = [*(note for data in loaded for note in data.notes[:1]), *notes]
    return loaded, spaces, notes, {"files": [str(path) for path in paths], **asdict(options)}


def _load(paths: Sequence[Path], options: EmbeddingOptions) -> list[Loaded]:
    if not paths:
        raise ValueError("no file given: name one embedding (sample, latent) for each training")
    twice = [str(path) for i, path in enumerate(paths) if path in paths[:i]]
    if twice:
        raise ValueError(f"{twice[0]} is given twice: name one file for each training")
    loaded = []
    for i, path in enumerate(paths):
        if path.suffix.lower() == ".h5ad" and options.key is None:
            raise ValueError(f"{path} holds the data and may hold embeddings beside them: choose with --key obsm:NAME")
        data = load(path, key=options.key, label_column=options.label_column if i == 0 else None)
        if data.X.ndim != 2:
            raise ValueError(
                f"{path} has shape {data.X.shape}; an embedding is (sample, latent): save one file for each training"
            )
        loaded.append(data)
    first = len(loaded[0].X)
    for path, data in zip(paths, loaded, strict=True):
        if len(data.X) != first:
            raise ValueError(
                f"{path} has {len(data.X)} rows and {paths[0]} has {first}: all files must hold the same samples in "
                "the same order; embed one data set with every model"
            )
    return loaded


def _scaled(spaces: list[Samples], options: EmbeddingOptions) -> tuple[list[Samples], list[str]]:
    """One number a file at most: axes are never scaled one by one, which would change the states."""
    units, scales = zip(*(retrainings.unit(Z) for Z in spaces), strict=True)
    unlike = max(scales) > _ALIKE * min(scales)
    if options.scale == "unit" or (options.scale == "auto" and unlike):
        said = ", ".join(f"{scale:.3g}" for scale in scales)
        return list(units), [f"each file was centred and divided by one number, its root mean variance: {said}"]
    note = "the files' scales differ, and energies with them (as length^-2): --scale unit makes them comparable"
    return spaces, [note] if unlike else []


def _read(
    spaces: list[Samples], loaded: list[Loaded], reader: LatentSpectrum, settings: dict[str, Any], notes: list[str],
    progress: bool,
) -> Analysis:  # fmt: skip
    Z, truth = spaces[0], as_text(loaded[0].labels)
    spec = reader.fit(Z)
    metrics: dict[str, Any] = {
        "source": loaded[0].name, "n_samples": len(Z), "latent_dim": Z.shape[1], "energies": spec.energies_,
        "energies_error": spec.energies_error_, "n_clusters": spec.n_clusters_,
        "n_clusters_frequency": spec.n_clusters_frequency_,
    }  # fmt: skip
    if truth is not None and len(np.unique(truth)) > 1:
        metrics["cluster_ari"] = float(adjusted_rand_score(truth, spec.labels_))
        metrics["baseline_ari"] = readings.baseline_clusters(Z, truth, settings["seed"])
    diagrams, note = _diagrams(spec, Z, progress)
    metrics["diagram"] = retrainings.diagram_numbers(diagrams)
    many = f"{len(spaces)} embeddings: {', '.join(data.name for data in loaded)}"
    return Analysis(
        name=many if len(spaces) > 1 else f"Embedding {loaded[0].name}", method="embedding", codes=None,
        best_replica=0, Z=Z, clusters=spec.labels_, n_clusters=spec.n_clusters_, energies=spec.energies_,
        energies_error=spec.energies_error_, coordinates=spec.transform(Z), kappa=spec.separation_,
        kappa_threshold=spec.separation_threshold_, phases=truth, metrics=metrics, settings=settings,
        notes=[*notes, *note], diagrams=diagrams, spectrum=spec,
    )  # fmt: skip


def _diagrams(spec: LatentSpectrum, Z: Samples, progress: bool) -> tuple[dict[str, Any], list[str]]:
    """The path from the prior, which has variance 1 about 0: an embedding of another scale is brought to it first."""
    units, scale = retrainings.unit(Z)
    low, high = _PRIOR_LIKE
    if low < scale < high and np.abs(Z.mean(axis=0)).max() < 1 - low:
        return retrainings.diagrams_of(spec, ("prior",), progress), []
    beside = LatentSpectrum(spec.n_states, spec.n_clusters_, spec.random_state, n_bootstrap=0).fit(units)
    note = f"for the Zeeman diagram the first embedding was centred and divided by {scale:.3g}, to the prior's variance"
    return retrainings.diagrams_of(beside, ("prior",), progress), [note]


def _with_retrainings(
    analysis: Analysis, spaces: list[Samples], paths: Sequence[Path], options: EmbeddingOptions, progress: bool
) -> Analysis:
    names = _names(paths)
    several = retrainings.read_together(
        spaces, names, n_states=options.n_states, n_clusters=options.n_clusters, seed=options.seed,
        fitted={} if analysis.spectrum is None else {0: analysis.spectrum}, progress=progress,
    )  # fmt: skip
    metrics = {
        **analysis.metrics,
        **retrainings.numbers(several, analysis.phases),
        "spread": retrainings.spread_of(several, analysis.phases),
    }
    note = f"levels, clusters and coordinates are those of {names[0]}, the first file, where no other is named"
    return replace(analysis, retrainings=several, metrics=metrics, notes=[*analysis.notes, note])


def _names(paths: Sequence[Path]) -> list[str]:
    """As little of every path as tells all apart, with suffixes only where nothing else does."""
    for last, depth in product(("stem", "name"), range(1, 1 + max(len(path.parts) for path in paths))):
        names = ["/".join([*path.parts[:-1], getattr(path, last)][-depth:]) for path in paths]
        if len(set(names)) == len(names):
            break
    return names
