"""The main job: data in, trained beta-VAE, spectrum, report out.

    data -> beta-VAE (replicas) -> energies, clusters, lift, order parameters -> figures, metrics.json, report.html

A convolutional network is trained once, with an ensemble of small networks on the same data beside it for the lift.
With PCA, k-means and a Gaussian mixture beside every number they compete for. A killed run continues.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from zeeman.base.logs import JsonLines, Logger, Several, TensorBoard
from zeeman.base.processes import side_by_side
from zeeman.base.results import Analysis, Baseline, Draws, Retrainings
from zeeman.base.store import provenance
from zeeman.base.types import Codes
from zeeman.data import Loaded, write_dataset
from zeeman.spectrum import LatentSpectrum
from zeeman.studies import readings, retrainings
from zeeman.studies.explorable import page_decoders, samples_in_means
from zeeman.studies.options import Options
from zeeman.studies.prepared import Prepared, prepare
from zeeman.studies.publish import as_text, publish
from zeeman.studies.run import RunFolder, held
from zeeman.studies.weighing import PHASES, Weighing, weighing_of
from zeeman.vae import BetaVAE

__all__ = ["analyze"]

_GENERATED = 3_000


def analyze(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    options: Options | None = None,
    *,
    fresh: bool = False,
    progress: bool = True,
    formats: Sequence[str] = ("png",),
    tensorboard: bool = False,
) -> Analysis:
    """Train on `source`, read the latent space, and write RUN/{data, model, lift, figures, metrics.json, report.html}.

    RUN/metrics.jsonl has a line for every epoch of every training, RUN/run.json what was asked. RUN/ensemble holds
    the small networks beside a convolutional one, where there are any.

    Parameters
    ----------
    source : str or path
        A file (.npy .npz .csv .tsv .txt .parquet .zarr .h5ad) or a built-in data set (ising, digits, classes,
        three_states).
    out : path, optional
        Folder of the run, ``runs/<source>`` if not given. A run that was killed there continues.
    options : Options
    fresh : bool
        Replace the run in `out`, if there is one; continue it if fresh began it with the same settings and it stopped.
    progress : bool
        Tell how far it is, on standard error.
    formats : sequence of str
        Of the figures: "png", "pdf", "svg".
    tensorboard : bool
        Write the losses to RUN/tensorboard too, beside RUN/metrics.jsonl.

    Returns
    -------
    Analysis
        Everything the report shows, as arrays.

    Raises
    ------
    ValueError, TypeError, OSError
        Before anything is written, for data or options that cannot be used.
    """
    started = time.perf_counter()
    job = prepare(source, options or Options(), progress)
    loading = time.perf_counter() - started
    board = _board(tensorboard)
    target = Path(out or Path("runs") / job.data.name)
    with held(target):
        folder = RunFolder(target, job.settings, job.data.content_hash, fresh=fresh, job="analyze")
        folder.seconds["data"] = loading
        with folder.unless_refused(), folder.stage("train"):
            _write_data(folder.path / "data", job.data)  # first: what no store takes is refused before the training
            trained = [_trained(job.large, job.data, folder, "model", board)]
        if job.small is not None:
            with folder.stage("ensemble"):
                trained.append(_trained(job.small, job.data, folder, "ensemble", board))
        with folder.stage("read"):
            analysis = _read(trained[0], job, progress)
        if job.options.n_replicas != 1:
            with folder.stage("lift"):
                analysis = _with_retrainings(analysis, trained, job.data, job.options, progress)
        return publish(
            analysis, folder, page_decoders(trained), samples_in_means(trained[0], job.data.X), formats,
            progress=progress,
        )  # fmt: skip


def _write_data(path: Path, data: Loaded) -> None:
    if path.exists():
        return
    name = "configuration" if data.kind == "spins" else "X"
    variables: dict[str, Any] = {key: ("sample", value) for key, value in data.variables.items()}
    variables[name] = (("sample", *data.site_dims), data.X)
    if data.labels is not None:
        variables["label"] = ("sample", data.labels)
    attrs = {**data.attrs, "source": data.name, "notes": list(data.notes), "content_hash": data.content_hash}
    write_dataset(xr.Dataset(variables, attrs=attrs), path)


def _board(wanted: bool) -> Callable[[Path], Logger] | None:
    """TensorBoard's log for a folder; ImportError at once if its package is missing."""
    if not wanted:
        return None
    TensorBoard.check()
    return TensorBoard


def _trained(
    vae: BetaVAE, data: Loaded, folder: RunFolder, name: str, board: Callable[[Path], Logger] | None
) -> BetaVAE:
    path = folder.path / name
    if path.exists():
        return BetaVAE.load(path)
    checkpoint = folder.path / ("checkpoint" if name == "model" else f"checkpoint-{name}")
    loggers: list[Logger] = [JsonLines(folder.path / "metrics.jsonl", training=name)]
    if board is not None:
        loggers.append(board(folder.path / "tensorboard" / name))
    vae.fit(data.X, checkpoint=checkpoint, logger=Several(loggers))
    vae.save(path)
    shutil.rmtree(checkpoint, ignore_errors=True)
    return vae


def _with_retrainings(
    analysis: Analysis, trained: list[BetaVAE], data: Loaded, options: Options, progress: bool
) -> Analysis:
    """Every training in one frame: those of `analysis` first, then those of the ensemble."""
    codes = retrainings.together([_codes(analysis), *(vae.encode(data.X) for vae in trained[1:])])
    elbo = np.concatenate([vae.elbo_ for vae in trained])
    known = {} if analysis.spectrum is None else {analysis.best_replica: analysis.spectrum}
    several = retrainings.read_together(
        codes, _names(trained), n_states=options.n_states, n_clusters=options.n_clusters, seed=options.seed,
        scores={"elbo": elbo}, fitted=known, progress=progress,
    )  # fmt: skip
    truth = as_text(data.labels)
    metrics = {**analysis.metrics, **retrainings.numbers(several, truth)}
    metrics["spread"] = retrainings.spread_of(several, truth, analysis.order_parameters)
    notes = [*analysis.notes, *_ensemble_note(several, trained)]
    return replace(analysis, retrainings=several, metrics=metrics, notes=notes)


def _codes(analysis: Analysis) -> Codes:
    assert analysis.codes is not None
    return analysis.codes


def _names(trained: list[BetaVAE]) -> list[str]:
    if len(trained) == 1:
        return [f"training {r + 1}" for r in range(trained[0].n_replicas)]
    large = {"table1": "Table I", "table2": "Table II"}[trained[0].network_]
    return [large, *(f"small {r + 1}" for r in range(trained[1].n_replicas))]


def _ensemble_note(several: Retrainings, trained: list[BetaVAE]) -> list[str]:
    if len(trained) == 1:
        return []
    return [
        f"the {several.names[0]} network was trained once; {trained[1].n_replicas} smaller ones (two hidden layers, "
        f"{trained[1].n_epochs} epochs) saw the same data and stand beside it in the lift and in spreads over trainings"
    ]


def _read(vae: BetaVAE, job: Prepared, progress: bool) -> Analysis:
    data, options = job.data, job.options
    notes = [*data.notes, f"likelihood {job.likelihood}", *job.notes]
    X, seed = data.X, options.seed
    codes = vae.encode(X)
    Z = codes.mean[vae.best_replica_].astype(np.float64)
    scores = readings.principal_components(readings.as_seen(vae, X), Z.shape[1])
    spaces = (retrainings.alone(codes, vae.best_replica_), scores[:, : Z.shape[1]])
    spec, pca_spec = side_by_side(lambda space: job.spectrum.fit(space), spaces)
    diagrams = retrainings.diagrams_of(spec, ("prior", "sharpening"), progress)
    lattice = data.kind == "spins" and X.ndim == 3
    weighing = weighing_of(data) if lattice else None
    parameters = {} if weighing is None else readings.order_parameters(X, weighing.staggered)
    correlations = readings.correlation_matrix(parameters, scores) if parameters else None
    pca = Baseline(scores, correlations, pca_spec.energies_, pca_spec.labels_)
    phases = as_text(data.variables.get("phase"))
    truth = as_text(data.labels)
    metrics = _metrics(vae, data, spec, pca_spec, parameters, Z, pca, truth, seed)
    analysis = Analysis(
        name=_title(data), settings={**asdict(options), "source": data.name}, notes=notes, history=vae.history_,
        codes=codes, best_replica=vae.best_replica_, Z=Z, clusters=spec.labels_, n_clusters=spec.n_clusters_,
        energies=spec.energies_, energies_error=spec.energies_error_, coordinates=spec.transform(Z),
        kappa=spec.separation_, kappa_threshold=spec.separation_threshold_,
        phases=phases if phases is not None else truth, states=truth if phases is not None else None,
        order_parameters=parameters, correlations=readings.correlation_matrix(parameters, Z) if parameters else None,
        pca=pca, plane=readings.decoded_plane(vae, Z) if Z.shape[1] == 2 else None,
        spins=None if weighing is None else weighing.sites(),
        metrics={**metrics, "diagram": retrainings.diagram_numbers(diagrams)}, diagrams=diagrams, spectrum=spec,
        provenance=provenance(seed=seed, data_hash=data.content_hash, engine=vae.engine_),
    )  # fmt: skip
    return analysis if weighing is None else _with_draws(analysis, vae, data, phases, weighing)


def _metrics(
    vae: BetaVAE, data: Loaded, spec: LatentSpectrum, pca_spec: LatentSpectrum, parameters: Mapping[str, NDArray],
    Z: NDArray, pca: Baseline, truth: NDArray | None, seed: int,
) -> dict[str, Any]:  # fmt: skip
    scores = pca.scores[:, : Z.shape[1]]
    metrics: dict[str, Any] = {"source": data.name, "n_samples": len(data.X), "latent_dim": Z.shape[1]}
    beside: dict[str, Any] = {"energies": pca_spec.energies_, "n_clusters": pca_spec.n_clusters_}
    if parameters:
        metrics |= readings.alignment(parameters, Z)
        beside |= readings.alignment(parameters, scores)
    metrics |= {
        "energies": spec.energies_,
        "energies_error": spec.energies_error_,
        "n_clusters": spec.n_clusters_,
        "n_clusters_frequency": spec.n_clusters_frequency_,
        "elbo": vae.elbo_[vae.best_replica_],
    }
    if truth is not None and len(np.unique(truth)) > 1:
        metrics["cluster_ari"] = float(adjusted_rand_score(truth, spec.labels_))
        metrics["baseline_ari"] = readings.baseline_clusters(Z, truth, seed)
        beside["cluster_ari"] = float(adjusted_rand_score(truth, pca_spec.labels_))
        beside["baseline_ari"] = readings.baseline_clusters(scores, truth, seed)
    metrics["pca"] = beside
    return metrics


def _with_draws(analysis: Analysis, vae: BetaVAE, data: Loaded, phases: NDArray | None, weighing: Weighing) -> Analysis:
    """Real configurations and generated ones by phase, with their energies."""
    known = phases if phases is not None and set(phases) <= set(PHASES) else readings.phases_of(data.X, weighing)
    real = readings.draws_by_phase(data.X, known, weighing, recorded=True)
    generated = {}
    if vae.likelihood_ == "bernoulli":  # others draw numbers that are no spins
        made = readings.generate(vae, _GENERATED, data.X.dtype)
        generated = readings.draws_by_phase(made, readings.phases_of(made, weighing), weighing, recorded=False)
    names = dict.fromkeys([*PHASES, *real, *generated])
    energies = {
        key: {phase: _mean_energy(draws.get(phase)) for phase in names}
        for key, draws in (("generated_energy", generated), ("data_energy", real))
    }
    notes = [*analysis.notes, weighing.about]
    return replace(analysis, generated=generated, real=real, notes=notes, metrics={**analysis.metrics, **energies})


def _mean_energy(draws: Draws | None) -> float | None:
    return None if draws is None or draws.energies is None else float(draws.energies.mean())


def _title(data: Loaded) -> str:
    if data.attrs.get("title", "").startswith("Ising model") and data.X.ndim == 3:
        return f"Ising model, {data.X.shape[1]} x {data.X.shape[2]}, three phases"
    return data.name
