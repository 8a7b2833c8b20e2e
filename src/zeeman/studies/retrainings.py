"""Many latent spaces of the same samples, read in one frame, and the numbers that a run reports of them.

`spread` of a quantity is its standard deviation over trainings; `agreement` is in order, axis by axis, over pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import adjusted_rand_score

from zeeman.base.progress import Progress
from zeeman.base.results import Retrainings
from zeeman.base.types import Codes, Samples
from zeeman.replicas import degeneracy, lift
from zeeman.spectrum import LatentSpectrum
from zeeman.studies import readings

__all__ = ["alone", "diagram_numbers", "diagrams_of", "numbers", "read_together", "spread_of", "together", "unit"]

_POINTS = {"prior": 65, "sharpening": 13}  # the second solves for its levels on all draws at every point
_RESAMPLES = 6  # for errors of levels, which say what may be joined; the replica in use gets more
_MEASURES = {"agreement": "ordered_correlation", "matched": "matched_correlation", "subspace": "subspace_agreement"}


def read_together(
    codes: Codes | Sequence[ArrayLike], names: Sequence[str], *, n_states: int, n_clusters: int | None, seed: int,
    scores: Mapping[str, ArrayLike] | None = None, fitted: Mapping[int, LatentSpectrum] | None = None,
    progress: bool = False,
) -> Retrainings:  # fmt: skip
    """Lift `codes` and judge what separates them; one name a training, and the spectra that are known already."""
    parts = codes.mean if isinstance(codes, Codes) else codes
    lifted = lift(
        codes, n_states, n_clusters=n_clusters, random_state=seed, n_bootstrap=_RESAMPLES, fitted=fitted,
        verbose=progress,
    )  # fmt: skip
    with Progress(1, "agreement of frames", enabled=progress) as bar:
        report = degeneracy(codes, n_states, lifted=lifted, scores=scores, random_state=seed)
        bar.advance()
    return Retrainings([np.asarray(Z, dtype=np.float64) for Z in parts], list(names), lifted, report)


def diagrams_of(spectrum: LatentSpectrum, paths: Sequence[str], progress: bool = False) -> dict[str, Any]:
    """Levels against the strength of the perturbation, path -> Diagram."""
    with Progress(len(paths), "Zeeman diagram", enabled=progress) as bar:
        found = {}
        for path in paths:
            found[path] = spectrum.diagram(path, n_points=_POINTS[path])
            bar.advance()
    return found


def diagram_numbers(diagrams: Mapping[str, Any]) -> dict[str, Any]:
    """What metrics.json says of the paths: where they start, and principal components as the first order."""
    found: dict[str, Any] = {}
    for path, diagram in diagrams.items():
        found[path] = {"multiplet_width": diagram.notes["multiplet_width"]}
        if diagram.first_order is not None:
            found[path]["first_order"] = diagram.first_order
        if path == "sharpening":
            found[path]["kl"] = diagram.notes["kl"]
    return found


def numbers(several: Retrainings, truth: NDArray | None = None) -> dict[str, Any]:
    """The keys energies_spread, lift and degeneracy of metrics.json."""
    lifted, report = several.lift, several.degeneracy
    found: dict[str, Any] = {
        "n_replicas": len(several), "n_clusters": lifted.n_clusters, "found": lifted.found,
        "reference": lifted.reference, "blocks": lifted.blocks, "n_axes": report.n_axes,
    }  # fmt: skip
    for key, measure in _MEASURES.items():
        found[key] = {frame.lower(): _over_pairs(values[measure]) for frame, values in report.values.items()}
    found["null"] = {
        kind: {"mean": null.mean, "sd": null.sd} for kind, null in report.nulls["ordered_correlation"].items()
    }
    found["localized"] = _over_pairs(report.localized)
    found["labels_ari"] = _over_pairs(report.labels_ari)
    if _informative(truth):
        found["cluster_ari"] = float(adjusted_rand_score(truth, lifted.consensus_labels))
    told = {key: [latent[key] for latent in report.latents] for key in ("active_units", "participation_rank")}
    if all("kl" in latent for latent in report.latents):
        told["kl"] = [latent["kl"] for latent in report.latents]
    return {
        "energies_spread": lifted.energies_spread,
        "lift": found,
        "degeneracy": {"verdicts": report.kinds, **told, **report.scores},
    }


def spread_of(
    several: Retrainings, truth: NDArray | None = None, parameters: Mapping[str, NDArray] | None = None
) -> dict[str, Any]:
    """Standard deviations over trainings, at the paths of the quantities themselves."""
    lifted = several.lift
    spread: dict[str, Any] = {
        "energies": lifted.energies_spread,
        "n_clusters": _sd(lifted.found),
        **{name: _sd(values) for name, values in several.degeneracy.scores.items()},
    }
    if _informative(truth):
        spread["cluster_ari"] = _sd([adjusted_rand_score(truth, labels) for labels in lifted.labels])
    if parameters:
        each = [readings.alignment(parameters, Z) for Z in several.spaces]
        spread["order_parameter_correlation"] = {
            name: _sd([one["order_parameter_correlation"][name] for one in each]) for name in parameters
        }
        spread["axis_crosstalk"] = _sd([one["axis_crosstalk"] for one in each])
    return spread


def together(codes: Sequence[Codes]) -> Codes:
    """Join replicas of the same samples and latent dimension."""
    return Codes(np.concatenate([c.mean for c in codes]), np.concatenate([c.scale for c in codes]))


def alone(codes: Codes, replica: int) -> Codes:
    """The codes of one replica, with their replica axis."""
    return Codes(codes.mean[replica : replica + 1], codes.scale[replica : replica + 1])


def unit(Z: Samples) -> tuple[Samples, float]:
    """`Z` centred and divided by one number, its root mean variance over axes; and that number."""
    centred = Z - Z.mean(axis=0)
    scale = float(np.sqrt(np.mean(centred.var(axis=0))))
    return centred / scale, scale


def _over_pairs(values: NDArray[np.float64]) -> dict[str, float]:
    return {"mean": float(np.mean(values)), "worst": float(np.min(values))}


def _sd(values: ArrayLike) -> float:
    return float(np.std(np.asarray(values, dtype=np.float64), ddof=1))


def _informative(truth: NDArray | None) -> bool:
    return truth is not None and len(np.unique(truth)) > 1
