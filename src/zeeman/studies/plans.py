"""Dry runs: what a command would do, with every setting resolved, and nothing written."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zeeman.base.checks import check_positive_integer
from zeeman.base.logs import TensorBoard
from zeeman.base.store import content_hash
from zeeman.studies.embeddings import prepared_spaces
from zeeman.studies.options import EmbeddingOptions, Options
from zeeman.studies.prepared import Prepared, prepare, site_shape
from zeeman.studies.run import check_out, goes_on, read_record, refuse_other, standing
from zeeman.vae import BetaVAE
from zeeman.vae.likelihoods import resolve
from zeeman.vae.model import resolve_network

__all__ = ["plan_analysis", "plan_reproduction", "plan_spectrum"]

_TIMED_STEPS = 6


def plan_analysis(
    source: str | os.PathLike[str], out: Path, options: Options, *, fresh: bool = False, progress: bool = True,
    tensorboard: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """What `analyze` would do; the data are read (or made), a few steps of training timed."""
    if tensorboard:
        TensorBoard.check()
    job = prepare(source, options, progress)
    wanted = {"settings": job.settings, "data_hash": job.data.content_hash}
    would = _would(out, wanted, fresh)
    likelihood, _ = resolve(job.data.X, job.options.likelihood, bool(job.options.tempered))
    likelihood.states(job.data.X)  # refuses what is outside its support
    return {
        "would": would,
        "out": str(out),
        "data": list(job.data.notes),
        "content_hash": job.data.content_hash[:16],
        "likelihood": job.likelihood,
        "chosen": job.notes,
        "network": resolve_network(job.options.network, site_shape(job.data, job.options), bool(job.options.tempered)),
        "trainings": _trainings(job),
        "settings": job.settings,
        "training_time": _estimate(job, out, would),
        "writes": ["run.json metrics.jsonl metrics.json report.html", "data model lift figures/*.png *.csv"],
    }


def plan_spectrum(
    files: Sequence[Path], out: Path, options: EmbeddingOptions, *, fresh: bool = False
) -> dict[str, Any]:
    """What `spectrum` would do; the files are read and checked."""
    loaded, spaces, notes, settings = prepared_spaces(files, options)
    wanted = {"settings": settings, "data_hash": content_hash(*(data.X for data in loaded))}
    return {
        "would": _would(out, wanted, fresh),
        "out": str(out),
        "files": {str(path): f"{len(Z)} samples, {Z.shape[1]} latents" for path, Z in zip(files, spaces, strict=True)},
        "notes": notes,
        "settings": {key: value for key, value in settings.items() if key != "files"},
        "writes": ["run.json metrics.json report.html", f"figures/*.png *.csv{' lift' if len(spaces) > 1 else ''}"],
    }


def plan_reproduction(
    figures: Sequence[str],
    size: str,
    out: Path,
    n_seeds: int | None,
    seed: int,
    jobs: int | None = None,
    *,
    fresh: bool = False,
) -> dict[str, Any]:
    """What `reproduce` would do."""
    from dataclasses import asdict

    from zeeman.studies.figures import figure, keys_of, size_of
    from zeeman.studies.figures.afresh import begun_afresh
    from zeeman.studies.papers import asked

    keys = keys_of(figures)
    wanted = size_of(size, n_seeds, seed)
    if jobs is not None:
        check_positive_integer(jobs, "jobs")
    folder = out / size
    anew = fresh and not begun_afresh(folder, asked(keys, wanted))
    stored = [] if anew else sorted((folder / "pieces").glob("*.npz"))
    return {
        "would": "replace what is finished" if anew and folder.exists() else "compute what is not finished",
        "out": str(folder),
        "figures": {key: figure(key).title for key in keys},
        "size": asdict(wanted),
        "finished_pieces": len(stored),
    }


def _would(out: Path, wanted: dict[str, Any], fresh: bool) -> str:
    """Begin, continue or replace; ValueError if the folder holds something else."""
    check_out(out)
    if fresh and goes_on(out, wanted):
        return "continue the run that --fresh began there"
    there = standing(out)
    before = read_record(there)
    if before is None:
        return "begin a run"
    if fresh:
        return "replace the run that is there"
    refuse_other(there, before, wanted)
    return "finish it again from its models" if (there / "report.html").exists() else "continue the run that is there"


def _trainings(job: Prepared) -> list[str]:
    def said(vae: BetaVAE) -> str:
        network = resolve_network(vae.network, site_shape(job.data, job.options), bool(vae.tempered))
        return f"{vae.n_replicas} x {network}, {vae.n_epochs} epochs, {_steps(vae, job)} steps"

    return [said(vae) for vae in (job.large, job.small) if vae is not None]


def _steps(vae: BetaVAE, job: Prepared) -> int:
    n = len(job.data.X)
    rest = n - min(round(vae.validation_fraction * n), n - 2)
    return vae.n_epochs * max(1, rest // vae.batch_size)


def _estimate(job: Prepared, out: Path, would: str) -> str:
    """Seconds of training: those of the run that is there, else from a few steps (one engine, untuned)."""
    if would.startswith("finish"):
        seconds = (read_record(standing(out)) or {}).get("seconds", {})
        return f"none: trained in {seconds.get('train', 0.0) + seconds.get('ensemble', 0.0):.0f} s"
    total = sum(_steps(vae, job) * _step_seconds(vae, job) for vae in (job.large, job.small) if vae is not None)
    minutes, seconds = divmod(round(total), 60)
    return f"about {minutes} min {seconds:02d} s, by {_TIMED_STEPS} steps timed now; reading and drawing come on top"


def _step_seconds(vae: BetaVAE, job: Prepared) -> float:
    rows = min(len(job.data.X), vae.batch_size * _TIMED_STEPS)
    trial = BetaVAE(**{**vae.get_params(), "n_epochs": 1, "verbose": False, "validation_fraction": 0.0})
    trial.fit(job.data.X[: min(rows, vae.batch_size)])  # warms up
    start = time.perf_counter()
    trial.fit(job.data.X[:rows])
    return (time.perf_counter() - start) / max(1, rows // vae.batch_size)
