"""Verbs of the command line. Heavy imports stand inside the commands, so that --help answers at once.

Exit codes: 0 done, 1 the job failed, 2 the arguments or the data cannot be used, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Group, Parameter

from zeeman.cli import words
from zeeman.studies.options import EmbeddingOptions, Options

__all__ = ["app", "main"]

app = App(
    name="zeeman",
    help="The physics of latent spaces: fields, energies, states and phases that survive retraining.",
    help_format="plaintext",
    result_action="return_value",
)
_RUN = Group("The run", sort_key=0)
_ALIASES = {"--replicas": "--n-replicas"}


@app.command(help_epilogue=words.ANALYZE_EXAMPLES)
def analyze(
    data: str,
    *,
    out: Annotated[Path | None, Parameter(group=_RUN)] = None,
    fresh: Annotated[bool, Parameter(group=_RUN, negative="")] = False,
    open: Annotated[bool, Parameter(group=_RUN, negative="")] = False,
    json: Annotated[bool, Parameter(group=_RUN, negative="")] = False,
    quiet: Annotated[bool, Parameter(group=_RUN, negative="")] = False,
    options: Annotated[Options, Parameter(name="*")] = Options(),  # noqa: B008 (frozen)
) -> int:
    """Train a beta-VAE on DATA, read its latent space, and write a report.

    Parameters
    ----------
    data : str
        A file (.npy .npz .csv .parquet .zarr .h5ad) or a built-in data set: ising, digits, classes.
    out : Path, optional
        Folder of the run, runs/<name> by default. A run that was stopped there continues.
    fresh : bool
        Replace the run in that folder.
    open : bool
        Open the report in a browser, where there is a screen.
    json : bool
        Print metrics.json on standard output, and nothing else there.
    quiet : bool
        No progress.
    """
    from zeeman.studies import analyze as job

    folder = out or Path("runs") / Path(data).stem
    analysis = job(data, folder, options, fresh=fresh, progress=not quiet)
    print((folder / "metrics.json").read_text() if json else words.summary(analysis, folder))
    if open:
        words.show(folder / "report.html")
    return 0


@app.command(help_epilogue=words.SPECTRUM_EXAMPLES)
def spectrum(
    *files: Path,
    out: Annotated[Path | None, Parameter(group=_RUN)] = None,
    fresh: Annotated[bool, Parameter(group=_RUN, negative="")] = False,
    open: Annotated[bool, Parameter(group=_RUN, negative="")] = False,
    json: Annotated[bool, Parameter(group=_RUN, negative="")] = False,
    quiet: Annotated[bool, Parameter(group=_RUN, negative="")] = False,
    options: Annotated[EmbeddingOptions, Parameter(name="*")] = EmbeddingOptions(),  # noqa: B008 (frozen)
) -> int:
    """Read embeddings that already exist, one file a training, and write a report.

    Parameters
    ----------
    files : Path
        .npy .npz .csv .parquet .zarr .h5ad, (sample, latent) each, the same samples in the same order. Of one file
        the spectrum is read; of several also the lift into one frame, and what separates them.
    out : Path, optional
        Folder of the run, runs/<name of the first file> by default.
    fresh : bool
        Replace the run in that folder.
    open : bool
        Open the report in a browser, where there is a screen.
    json : bool
        Print metrics.json on standard output, and nothing else there.
    quiet : bool
        No progress.
    """
    if not files:
        raise ValueError("no file given: name one embedding (sample, latent) for each training")
    from zeeman.studies import spectrum as job

    folder = out or Path("runs") / files[0].stem
    analysis = job(files, folder, options, fresh=fresh, progress=not quiet)
    print((folder / "metrics.json").read_text() if json else words.summary(analysis, folder))
    if open:
        words.show(folder / "report.html")
    return 0


@app.command(help_epilogue=words.SIMULATE_EXAMPLES)
def simulate(
    model: str = "ising",
    *,
    temperature: list[float],
    out: Path,
    lattice: str = "square",
    size: int = 32,
    n_samples: int = 1000,
    coupling: float = 1.0,
    field: float = 0.0,
    method: str = "auto",
    seed: int = 0,
    quiet: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Sample a spin model into a zarr store, resumably.

    Parameters
    ----------
    model : str
        ising.
    temperature : list of float
        In the unit of J and h, k_B = 1; give the option once for each.
    out : Path
        Store to write, ending in .zarr. A killed call continues when it is repeated.
    lattice : str
        chain, square, triangular, honeycomb or cubic; periodic.
    size : int
        Sites along every axis.
    n_samples : int
        At each temperature.
    coupling, field : float
        J and h in H = -J sum_<ij> s_i s_j - h sum_i s_i.
    method : str
        metropolis, wolff, swendsen-wang, tempering, or auto.
    seed : int
        Decides every number.
    quiet : bool
        No progress.
    """
    from zeeman import spins
    from zeeman.base.checks import check_choice
    from zeeman.data import generate_to

    check_choice(model, ("ising",), "model")
    check_choice(lattice, ("chain", "square", "triangular", "honeycomb", "cubic"), "lattice")
    if out.suffix != ".zarr":
        raise ValueError(f"--out must end in .zarr, got {out}")
    spin_model = spins.Ising(getattr(spins, lattice)(size), coupling=coupling, field=field)
    count = generate_to(out, spin_model, temperature, n_samples, method=method, seed=seed, progress=not quiet)
    print(f"{count} configurations in {out}")
    return 0


@app.command(help_epilogue=words.REPRODUCE_EXAMPLES)
def reproduce(
    *figures: str,
    size: str = "quick",
    out: Annotated[Path, Parameter(group=_RUN)] = Path("runs/reproduce"),
    seeds: int | None = None,
    first_seed: int = 0,
    fresh: Annotated[bool, Parameter(group=_RUN, negative="")] = False,
    json: Annotated[bool, Parameter(group=_RUN, negative="")] = False,
    quiet: Annotated[bool, Parameter(group=_RUN, negative="")] = False,
) -> int:
    """Compute, draw and judge the figures of the two papers: claim, measured, verdict.

    Parameters
    ----------
    figures : str
        000-1 000-2 002-2 002-3 002-4 002-5 002-6 002-7 002-12 (paper-figure; 002-12 is equation 12); all if none.
    size : str
        quick: 16 x 16 sites, two seeds, half an hour on two cores. paper: 32 x 32, 100,000 configurations, five
        seeds. smoke: the least that runs.
    out : Path
        Folder; OUT/SIZE/FIGURE gets figure.png, figure.pdf, numbers.npz, verdicts.json. A killed run continues.
    seeds, first_seed : int
        How many seeds, counted from which; the size's own number by default.
    fresh : bool
        Forget what is finished at this size.
    json : bool
        Print the verdicts as JSON on standard output, and nothing else there.
    quiet : bool
        No progress.
    """
    from zeeman.studies import reproduce as job

    done = job(figures, size, out, n_seeds=seeds, seed=first_seed, fresh=fresh, progress=not quiet)
    print(words.as_json(done) if json else words.judged(done))
    return 0


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit; errors are one paragraph, the traceback is for --debug or ZEEMAN_DEBUG=1."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    debug = "--debug" in arguments or os.environ.get("ZEEMAN_DEBUG") == "1"
    arguments = [_alias(word) for word in arguments if word != "--debug"]
    try:
        code = app(arguments)
    except KeyboardInterrupt:
        words.complain("interrupted; the same command continues from the last checkpoint")
        sys.exit(130)
    except (ValueError, TypeError, OSError, ImportError) as error:
        if debug:
            raise
        words.complain(str(error) or type(error).__name__)
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)


def _alias(word: str) -> str:
    """The long name of an option that has a short one too, with its value if it is attached."""
    name, equals, value = word.partition("=")
    return _ALIASES.get(name, name) + equals + value
