"""What the command line says: examples, the summary of a run, complaints."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zeeman.base.results import Analysis

__all__ = ["ANALYZE_EXAMPLES", "SIMULATE_EXAMPLES", "complain", "show", "summary"]

ANALYZE_EXAMPLES = """Examples:
  zeeman analyze ising --out runs/ising
  zeeman analyze measurements.csv --label-column species --latent-dim 3 --n-replicas 5"""

SIMULATE_EXAMPLES = """Examples:
  zeeman simulate ising --temperature 2.0 --temperature 2.5 --size 64 --out ising.zarr
  zeeman simulate ising --temperature 1.8 --coupling -1 --n-samples 5000 --out afm.zarr"""


def summary(analysis: Analysis, folder: Path) -> str:
    """The numbers a person wants first, PCA's beside them, and where everything is."""
    return "\n".join([*analysis.notes, "", *_lines(analysis), "", f"report: {folder / 'report.html'}"])


def _lines(analysis: Analysis) -> Iterable[str]:
    metrics, pca = analysis.metrics, analysis.metrics["pca"]
    yield f"{'':34}{'beta-VAE':>10}{'PCA':>10}"
    for name, value in metrics.get("order_parameter_correlation", {}).items():
        yield f"{'|r| ' + name.replace('_', ' '):34}{value:10.4f}{pca['order_parameter_correlation'][name]:10.4f}"
    if "axis_crosstalk" in metrics:
        yield f"{'axis cross-talk':34}{metrics['axis_crosstalk']:10.4f}{pca['axis_crosstalk']:10.4f}"
    yield f"{'clusters found':34}{metrics['n_clusters']:10d}{pca['n_clusters']:10d}"
    if "cluster_ari" in metrics:
        yield f"{'ARI of the clusters':34}{metrics['cluster_ari']:10.4f}{pca['cluster_ari']:10.4f}"
        for name, value in metrics["baseline_ari"].items():
            label = f"ARI of {name.replace('_', ' ')}, given k"
            yield f"{label:34}{value:10.4f}{pca['baseline_ari'][name]:10.4f}"
    yield f"{'held-out ELBO, nats a sample':34}{metrics['elbo']:10.2f}"


def complain(message: str) -> None:
    """One paragraph on standard error."""
    print(f"zeeman: {message}", file=sys.stderr)


def show(page: Path) -> None:
    """Open `page` in a browser if there is a screen; otherwise nothing happens (its path has been printed)."""
    import webbrowser

    screen = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if screen and "CI" not in os.environ:
        webbrowser.open(page.resolve().as_uri())
