"""`zeeman analyze`: data in; trained replicas, their spectrum, a report out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from zeeman.cli import words
from zeeman.cli.common import RUN, RunFlags
from zeeman.studies.options import Options

__all__ = ["analyze"]


def analyze(
    data: str,
    *,
    tensorboard: Annotated[bool, Parameter(group=RUN, negative="")] = False,
    flags: RunFlags = RunFlags(),  # noqa: B008 (frozen)
    options: Annotated[Options, Parameter(name="*")] = Options(),  # noqa: B008 (frozen)
) -> int:
    """Train a beta-VAE on DATA, read its latent space, and write a report.

    Parameters
    ----------
    data : str
        A file (.npy .npz .csv .tsv .txt .parquet .zarr .h5ad) or a built-in data set: ising, digits, classes,
        three_states, mnist (from a folder).
    tensorboard : bool
        Write losses to OUT/tensorboard too, beside OUT/metrics.jsonl (needs the package tensorboard).
    """
    folder = flags.out or Path("runs") / Path(data).stem
    if flags.dry_run:
        from zeeman.studies.plans import plan_analysis

        planned = plan_analysis(
            data, folder, options, fresh=flags.fresh, progress=not flags.quiet, tensorboard=tensorboard
        )
        print(words.plan(planned, flags.json))
        return 0
    from zeeman.studies import analyze as job

    analysis = job(
        data, folder, options, fresh=flags.fresh, progress=not flags.quiet, formats=flags.formats,
        tensorboard=tensorboard,
    )  # fmt: skip
    return words.finished(analysis, folder, flags)
