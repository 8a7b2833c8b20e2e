"""`zeeman spectrum`: embeddings that exist already, one file a training, to their levels and what survives."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from zeeman.cli import words
from zeeman.cli.common import RunFlags
from zeeman.studies.options import EmbeddingOptions

__all__ = ["spectrum"]


def spectrum(
    *files: Path,
    flags: RunFlags = RunFlags(),  # noqa: B008 (frozen)
    options: Annotated[EmbeddingOptions, Parameter(name="*")] = EmbeddingOptions(),  # noqa: B008 (frozen)
) -> int:
    """Read embeddings that already exist, one file a training, and write a report.

    Parameters
    ----------
    files : Path
        .npy .npz .csv .tsv .txt .parquet .zarr .h5ad, (sample, latent) each, the same samples in the same order. Of
        one file the spectrum is read; of several also the lift into one frame, and what separates them.
    """
    if not files:
        raise ValueError("no file given: name one embedding (sample, latent) for each training")
    folder = flags.out or Path("runs") / files[0].stem
    if flags.dry_run:
        from zeeman.studies.plans import plan_spectrum

        print(words.plan(plan_spectrum(files, folder, options, fresh=flags.fresh), flags.json))
        return 0
    from zeeman.studies import spectrum as job

    analysis = job(files, folder, options, fresh=flags.fresh, progress=not flags.quiet, formats=flags.formats)
    return words.finished(analysis, folder, flags)
