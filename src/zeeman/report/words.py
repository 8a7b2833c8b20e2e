"""What the page says: two sentences first, then under every figure what is seen and who wins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from zeeman.base.results import Analysis

__all__ = ["caption", "comparison", "flatten", "headline", "lookup", "minus", "number", "share"]

_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_TIE = 0.001  # correlations closer than this are called level
_TITLES = {
    "latent": "The latent plane",
    "decoded": "The latent plane, decoded",
    "samples": "Samples: data and model",
    "energies": "Are the generated samples physical?",
    "spectrum": "Spectrum and gap",
    "zeeman_diagram": "The Zeeman diagram: how the data lift the degeneracy",
    "states": "The low states",
    "order_parameters": "Order parameters against latents",
    "retrainings": "The same samples in several trainings, before and after the lift",
    "agreement": "How far frames agree",
    "training": "Training",
}


def headline(analysis: Analysis) -> list[str]:
    """Return the finding in two sentences."""
    n, total = analysis.n_clusters, f"{len(analysis.Z):,}"
    low = f"{_count(n)} low {'state' if n == 1 else 'states'}"
    rand = lookup(analysis.metrics, "cluster_ari")
    if rand is None:
        first = f"The latent space of {total} samples has {low} below its gap: {_count(n)} {_plural('cluster', n)}."
    else:
        found = _plural("phase" if analysis.spins is not None else "cluster", n)
        first = (
            f"Without labels, the latent space of {total} samples shows {low} below its gap: {_count(n)} {found}, "
            f"which agree with the known ones to an adjusted Rand index of {share(rand)}."
        )
    pairs = _correlations(analysis)
    if pairs:
        parts = [
            f"the {name.replace('_', ' ')} at a correlation of {share(own)}"
            + (f" (PCA\u00a0{share(pca)})" if pca is not None else "")
            for name, own, pca in pairs
        ]
        return [first, f"Single latent axes carry {_join(parts)}."]
    elbo = lookup(analysis.metrics, "elbo")
    return [first, f"The held-out bound is {number(elbo)} nats per sample."] if elbo is not None else [first]


def comparison(analysis: Analysis) -> str:
    """Say where PCA is ahead and where the model is, from the numbers alone; empty without a baseline."""
    pairs = [(name.replace("_", " "), own, pca) for name, own, pca in _correlations(analysis) if pca is not None]
    if not pairs:
        return ""
    ahead = [name for name, own, pca in pairs if pca > own + _TIE]
    behind = [name for name, own, pca in pairs if own > pca + _TIE]
    level = [name for name, own, pca in pairs if abs(own - pca) <= _TIE]
    said = []
    if ahead:
        said.append(f"PCA follows the {_join(ahead)} more closely than any latent axis")
    if behind:
        said.append(f"the latent axes follow the {_join(behind)} more closely than PCA does")
    if level:
        said.append(f"the two are level on the {_join(level)}")
    text = "; ".join(said)
    gains = "What PCA has not: a likelihood, samples drawn from it, local fields."
    return f"{text[0].upper()}{text[1:]}. {gains}"


def caption(name: str, analysis: Analysis) -> tuple[str, str]:
    """Return title and caption of a figure."""
    title = _TITLES.get(name, name.replace("_", " ").capitalize())
    write = _CAPTIONS.get(name)
    return title, write(analysis) if write else ""


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return {"a.b": value} for nested mappings."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + str(key)] = value
    return flat


def lookup(tree: Mapping[str, Any], path: str) -> float | None:
    """Return the finite number at a dotted path, or None."""
    value = flatten(tree).get(path)
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def number(value: Any) -> str:
    """Write a value for a table: true minus signs, thousands separated, four significant digits."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int):
        return f"{value:,}".replace("-", "−")
    try:
        found = float(value)
    except (TypeError, ValueError):
        return str(value)
    if not math.isfinite(found):
        return "not finite"
    if found == int(found) and abs(found) < 1e6:
        return f"{int(found):,}".replace("-", "−")
    text = f"{found:,.1f}" if 1000 <= abs(found) < 1e6 else f"{found:.4g}"
    return text.replace("-", "−")


def minus(label: object) -> str:
    """Write the name of a state, FM- with a true minus sign."""
    text = str(label)
    return f"{text[:-1]}−" if text.endswith("-") else text


def share(value: float) -> str:
    """Write a number in [-1, 1] with four decimals, never rounded up to a perfect 1."""
    if value >= 1:
        return "1"
    return f"{math.floor(value * 1e4) / 1e4:.4f}".rstrip("0").rstrip(".").replace("-", "−")


def _correlations(analysis: Analysis) -> list[tuple[str, float, float | None]]:
    own = analysis.metrics.get("order_parameter_correlation", {})
    names = [name for name in own if lookup(own, name) is not None]
    pca = "pca.order_parameter_correlation."
    return [(name, lookup(own, name) or 0.0, lookup(analysis.metrics, pca + name)) for name in names]


def _latent(analysis: Analysis) -> str:
    what = "a dot a sample"
    if analysis.latent_dim > 2:
        what += "; the axes are the two leading canonical coordinates, those of lowest energy"
    label = "phase" if analysis.spins is not None else "class"
    known = f"coloured by the known {label} (never shown to the model) and by the cluster that the spectrum finds"
    text = (
        f"The plane of {_points(analysis)}, {what}, {known if analysis.phases is not None else 'coloured by cluster'}."
    )
    if analysis.pca is not None:
        text += " Beside it the plane of the first two principal components, in the same colours"
        text += " and with its own clusters." if analysis.pca.clusters is not None else "."
    return text


def _decoded(analysis: Analysis) -> str:
    text = "Means decoded from a grid of latent points, black for 0, white for 1, grey for undecided sites."
    if analysis.spins is not None:
        text += " Each tile is one corner, 8 × 8 sites at most, of its lattice, so that a checkerboard stays visible."
    return text + " Fig. 4 of Huang, Hu and Yang, Learning disentangled representation for classical models."


def _samples(analysis: Analysis) -> str:
    text = "Configurations from the data beside draws from the model at latent points of the same phase"
    has = any(draws.energies is not None for draws in analysis.real.values())
    text += ", the energy per site in units of |J| under each." if has else "."
    missing = [phase for phase in analysis.real if phase not in analysis.generated]
    return text + (f" The model drew no sample of {_join(missing)}." if missing else "")


def _energies(analysis: Analysis) -> str:
    gaps = []
    for phase, real in analysis.real.items():
        drawn = analysis.generated.get(phase)
        if drawn is not None and drawn.energies is not None and real.energies is not None:
            gaps.append(f"{phase} {_signed(drawn.energies.mean() - real.energies.mean())}")
    text = "Energy per site of data (grey) and of the model's draws (orange)."
    if gaps:
        text += f" Mean difference, model less data: {_join(gaps)} |J|."
    return text + (
        " The decoder draws every site independently given z, so it knows the order but not the correlated "
        "fluctuations: whatever lies between the two histograms is what a factorised decoder cannot say."
    )


def _spectrum(analysis: Analysis) -> str:
    k, levels = analysis.n_clusters, analysis.energies
    text = f"(a) Levels of the Dirichlet form on the {_points(analysis)}, near-degenerate ones side by side"
    text += ", with errors." if analysis.energies_error is not None else "."
    if 1 < k < len(levels) and levels[k - 1] > 0:
        text += f" The first level above the gap is {number(float(levels[k] / levels[k - 1]))} times the last below."
    text += " (b) The same levels in units of the first one above the gap"
    text += ", so that PCA's, whose scale is another, can stand beside." if _pca_levels(analysis) else "."
    if analysis.kappa:
        text += " (c) Separation of k cells; the largest k above the dashed threshold is taken."
    return text


def _states(analysis: Analysis) -> str:
    return (
        "Each sample coloured by the value of a low state: blue negative, orange positive, white zero. "
        "A state of energy near zero is almost constant within a cluster and jumps between clusters."
    )


def _order_parameters(analysis: Analysis) -> str:
    return f"Each order parameter against the axis that matches it best. {comparison(analysis)}".strip()


def _training(analysis: Analysis) -> str:
    n = 1 if analysis.codes is None else analysis.codes.n_replicas
    who = "The one replica trained." if n == 1 else f"Blue: the replica used here. Grey: the other {_count(n - 1)}."
    return f"{who} Loss = reconstruction + β KL, summed over sites, averaged over samples."


def _zeeman_diagram(analysis: Analysis) -> str:
    text = []
    if "prior" in analysis.diagrams:
        d = len(analysis.diagrams["prior"].first_order)
        text.append(
            f"Levels on the way from the prior ($l$ = 0: an oscillator, first level {d}-fold, the prior's symmetry) to "
            "the data: solid, Rayleigh-Ritz; dashed, the perturbation series on the first level as far as it follows. "
            "Its first order is principal components; third and fourth moments enter at the second."
        )
    if "sharpening" in analysis.diagrams:
        text.append(
            "Sharpening: from the aggregated posterior, near the prior but not on it (KL is printed, judged by "
            "held-out draws), to the posterior means, with landmarks and noise kept fixed."
        )
    text.append(f"Coloured: the {_count(analysis.n_clusters)} lowest.")
    return " ".join(text).replace("$l$", "l")


def _retrainings(analysis: Analysis) -> str:
    text = "Each panel shows the same samples; a colour is one cluster of the consensus, the same samples everywhere. "
    text += "Above, the axes as each training left them"
    if analysis.latent_dim > 2:
        text += ", then two principal components"
    if analysis.retrainings is not None and analysis.retrainings.lift.n_clusters > 3:
        return text + "; below, localized states, each drawn towards a corner of its own."
    return text + "; below, lifted coordinates, by energy."


def _agreement(analysis: Analysis) -> str:
    return (
        "(a, b) A tick a pair of trainings, a diamond at the mean, open for frames fitted on paired samples (and "
        "judged on others). Bands: a random rotation of the same codes, and permuted samples. In (a) levels too near "
        "to be told apart are compared as blocks. (c) Levels of every training, near-degenerate ones bracketed, and "
        "their mean and spread."
    )


_CAPTIONS = {
    "latent": _latent, "decoded": _decoded, "samples": _samples, "energies": _energies, "spectrum": _spectrum,
    "states": _states, "order_parameters": _order_parameters, "training": _training,
    "zeeman_diagram": _zeeman_diagram, "retrainings": _retrainings, "agreement": _agreement,
}  # fmt: skip


def _points(analysis: Analysis) -> str:
    return "samples of the embedding" if analysis.codes is None else "posterior means"


def _pca_levels(analysis: Analysis) -> bool:
    return analysis.pca is not None and analysis.pca.energies is not None


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _count(n: int) -> str:
    return _COUNTS[n] if 0 <= n < len(_COUNTS) else f"{n:,}"


def _plural(word: str, n: int) -> str:
    return word if n == 1 else word + "s"


def _join(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
