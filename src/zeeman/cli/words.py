"""What the command line says: examples, the summary of a run, complaints."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zeeman.base.results import Analysis
    from zeeman.cli.common import RunFlags
    from zeeman.studies.cards import Card
    from zeeman.studies.figures import Verdict
    from zeeman.studies.papers import Reproduction

__all__ = [
    "EPILOGUE", "EXAMPLES", "EXIT_CODES", "SAYS", "USAGE", "as_json", "certified", "complain", "finished", "judged",
    "plan", "sampled",
]  # fmt: skip

SAYS = {
    "analyze": "Train a beta-VAE on DATA, read its latent space, and write a report.",
    "spectrum": "Read embeddings that already exist, one file a training, and write a report.",
    "simulate": "Sample a spin model into a zarr store with a run card, or the certified suite of all models.",
    "reproduce": "Compute, draw and judge figures of the papers and of the models: claim, measured, verdict.",
    "critical": "Measure critical temperatures from latent codes, beside Binder's cumulant and exact values.",
    "explore": "Open the latent explorer of a run in a browser.",
    "runs": "List and compare the runs in a folder.",
    "bench": "Measure zeeman on this machine beside the program that everyone writes first.",
    "truth": "Hold every sampler against exact values: one chi-squared over all of them.",
}

USAGE = {
    "analyze": "DATA [OPTIONS]",
    "spectrum": "FILE [FILE ...] [OPTIONS]",
    "simulate": "[MODEL | suite] --temperature T --out STORE.zarr [OPTIONS]",
    "reproduce": "[FIGURE ...] [OPTIONS]",
    "critical": "[ROW ...] [OPTIONS]",
    "explore": "RUN [OPTIONS]",
    "runs": "[FOLDER] [OPTIONS]",
    "bench": "[WHAT ...] [OPTIONS]",
    "truth": "[WHAT ...] [OPTIONS]",
}

EXAMPLES = {
    "analyze": """Examples:
  zeeman analyze ising --out runs/ising
  zeeman analyze table.csv --label-column species --replicas 7 --dry-run""",
    "spectrum": """Examples:
  zeeman spectrum run1.npy run2.npy run3.npy --out runs/lifted
  zeeman spectrum seed1.h5ad seed2.h5ad --key obsm:X_scVI""",
    "simulate": """Examples:
  zeeman simulate potts --n-states 4 --temperature 0.8:1.0:9 --out potts.zarr
  zeeman simulate suite --size quick --out runs/suite""",
    "reproduce": """Examples:
  zeeman reproduce 002-3 000-1 --size paper --seeds 5 --out runs/papers
  zeeman reproduce models""",
    "critical": """Examples:
  zeeman critical square cubic
  zeeman critical --size full --out runs/critical""",
    "explore": """Examples:
  zeeman explore runs/ising
  zeeman explore runs/ising --port 8001""",
    "runs": """Examples:
  zeeman runs
  zeeman runs sweeps --figure sweeps/runs.png --csv sweeps/all.csv""",
    "bench": """Examples:
  zeeman bench
  zeeman bench spins training --json --out bench.json""",
    "truth": """Examples:
  zeeman truth
  zeeman truth potts clock --size full --json --strict""",
}

EXIT_CODES = """Exit codes:
  0    done
  1    the job failed: disk, memory, or a defect (--debug shows where)
  2    arguments or data that cannot be used; nothing was written
  3    a claim does not hold (reproduce --strict, truth --strict), or an entry of
       the suite is not certified (simulate suite)
  130  interrupted; the same command continues"""

EPILOGUE = f"""Settings: --config FILE takes options from TOML lines, latent_dim = 3, at the
top of the file or in a table called like the verb; given options overrule it.

{EXIT_CODES}"""


def finished(analysis: Analysis, folder: Path, flags: RunFlags) -> int:
    """Print what a run found, show its page if asked; exit code 0."""
    print((folder / "metrics.json").read_text() if flags.json else summary(analysis, folder))
    if flags.open:
        show(folder / "report.html")
    return 0


def plan(planned: Mapping[str, Any], json: bool = False) -> str:
    """What would be done, for a person or as JSON."""
    if json:
        return as_json(planned)
    return "\n".join(["dry run: nothing is written", "", *_indented(planned)])


def as_json(value: Any) -> str:
    """Indented JSON; NaN and infinity are null."""
    import json

    from zeeman.base.store import plain

    return json.dumps(plain(value), indent=2, default=str, allow_nan=False)


def _indented(values: Mapping[str, Any], depth: int = 0) -> Iterable[str]:
    for key, value in values.items():
        name = "  " * depth + key.replace("_", " ")
        if isinstance(value, Mapping):
            yield name
            yield from _indented(value, depth + 1)
        elif isinstance(value, (list, tuple)) and any(isinstance(item, str) and len(item) > 24 for item in value):
            yield name
            yield from ("  " * (depth + 1) + str(item) for item in value)
        else:
            said = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
            yield f"{name:26} {'-' if said in (None, '') else said}"


def summary(analysis: Analysis, folder: Path) -> str:
    """The numbers a person wants first, PCA's beside them, and where everything is."""
    return "\n".join([*analysis.notes, "", *_lines(analysis), "", f"report: {folder / 'report.html'}"])


def sampled(card: Card, store: Path) -> str:
    """Energies of a finished simulation beside exact ones, and where its card is."""
    lines = [f"{card.n_samples} configurations in {store}", ""]
    for row in card.to_dict()["readings"]:
        beside = "" if row["exact"] is None else f"   exact {row['exact']:.6f}"
        score = "" if row["z"] is None else f" (z = {row['z']:+.1f})"
        bad = "" if row["equilibrated"] else "   NOT in equilibrium"
        lines.append(f"T = {row['temperature']:<8g}{row['method']:16}{row['energy_text']}{beside}{score}{bad}")
    checks = [f"{name}: p = {one['probability']:.2g}" for name, one in card.checks.items()]
    limit = f"; alarm below {card.to_dict()['least_probability']:g}" if checks else ""
    verdict = f"{card.verdict}{': see the card' if card.verdict == 'NOT certified' else ''}"
    told = f"{'; '.join(checks) or card.unchecked}{limit}"
    return "\n".join([*lines, "", f"{verdict}; {told}", f"card: {store.with_suffix('.card.md')}"])


def certified(index: Mapping[str, Any], folder: Path) -> str:
    """Entries of the suite, a line each, and where its index is."""
    lines = []
    for entry in index["entries"]:
        checks = ", ".join(f"{name} {one['worst_z']:+.1f}" for name, one in entry["checks"].items())
        verdict = entry["verdict"]
        lines.append(f"{entry['name']:34}{entry['n_samples']:>8}  {verdict:15}largest z: {checks or '-'}")
    good = sum(entry["certified"] for entry in index["entries"])
    return "\n".join([*lines, "", f"{good} of {len(lines)} entries certified; index: {folder / 'README.md'}"])


def judged(reproductions: Sequence[Reproduction]) -> str:
    """Every claim beside what was measured, figure by figure."""
    lines = []
    for one in reproductions:
        minutes, seconds = divmod(round(one.seconds), 60)
        lines += [f"{one.figure.key}  {one.figure.title}  ({minutes} min {seconds:02d} s)"]
        lines += [line for verdict in one.verdicts for line in _claim(verdict)]
        lines += [f"  {one.folder / 'figure.png'}", ""]
    verdicts = [verdict.verdict for one in reproductions for verdict in one.verdicts]
    counts = ", ".join(f"{verdicts.count(kind)} {kind}" for kind in dict.fromkeys(verdicts))
    return "\n".join([*lines, f"{len(verdicts)} claims: {counts}"])


def _claim(verdict: Verdict) -> Iterable[str]:
    claim = verdict.claim
    yield f"  [{verdict.verdict}] {claim.says} ({claim.source})"
    beside = [
        f"{name} {_spread(values)}"
        for name, values in ((claim.baseline, verdict.baseline), (claim.null, verdict.null))
        if values
    ]
    measured = f"{claim.measure}: {_spread(verdict.values)}, expected {claim.interval}"
    yield "      " + "; ".join([measured, *beside])


def _spread(values: Sequence[float]) -> str:
    """Mean, and the range over seeds."""
    mean = sum(values) / len(values)
    return f"{mean:.3g}" if len(values) == 1 else f"{mean:.3g} ({min(values):.3g} to {max(values):.3g})"


def _lines(analysis: Analysis) -> Iterable[str]:
    metrics, pca = analysis.metrics, analysis.metrics.get("pca")
    yield f"{'':34}{analysis.method:>10}{'PCA' if pca else '':>10}".rstrip()
    for name, value in metrics.get("order_parameter_correlation", {}).items():
        yield _row("|r| " + name.replace("_", " "), value, (pca or {}).get("order_parameter_correlation", {}).get(name))
    if "axis_crosstalk" in metrics:
        yield _row("axis cross-talk", metrics["axis_crosstalk"], (pca or {}).get("axis_crosstalk"))
    yield _row("clusters found", metrics["n_clusters"], (pca or {}).get("n_clusters"), "d")
    if "cluster_ari" in metrics:
        yield _row("ARI of the clusters", metrics["cluster_ari"], (pca or {}).get("cluster_ari"))
        for name, value in metrics["baseline_ari"].items():
            beside = (pca or {}).get("baseline_ari", {}).get(name)
            yield _row(f"ARI of {name.replace('_', ' ')}, given k", value, beside)
    if "elbo" in metrics:
        yield _row("held-out ELBO, nats a sample", metrics["elbo"], None, ".2f")
    if "lift" in metrics:
        yield from _lifted(metrics)


def _lifted(metrics: Mapping[str, Any]) -> Iterable[str]:
    lift = metrics["lift"]
    agreement = lift["agreement"]
    yield ""
    yield f"{str(lift['n_replicas']) + ' trainings, agreement in order':34}{'mean':>10}{'worst':>10}"
    for frame in ("raw", "pca", "energies", "procrustes", "lifted"):
        seen = " (sees pairs)" if frame in ("procrustes", "lifted") else ""
        yield _row({"energies": "by energies", "pca": "PCA"}.get(frame, frame) + seen, *agreement[frame].values())
    verdicts = ", ".join(f"{kind} {count}" for kind, count in metrics["degeneracy"]["verdicts"].items())
    yield f"{'what separates the pairs':34}{verdicts}"


def _row(name: str, value: float, beside: float | None, spec: str = ".4f") -> str:
    return f"{name:34}{value:10{spec}}" + (f"{beside:10{spec}}" if beside is not None else "")


def complain(message: str) -> None:
    """One paragraph on standard error."""
    print(f"zeeman: {message}", file=sys.stderr)


def show(page: Path) -> None:
    """Open `page` in a browser if there is a screen; otherwise nothing happens (its path has been printed)."""
    import webbrowser

    screen = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if screen and "CI" not in os.environ:
        webbrowser.open(page.resolve().as_uri())
