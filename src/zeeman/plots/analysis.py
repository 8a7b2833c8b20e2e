"""Every figure of one analysis, each left out where the data have nothing for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from matplotlib.figure import Figure

from zeeman.base.results import Analysis
from zeeman.plots.correlations import order_parameters
from zeeman.plots.degeneracy import agreement, retrainings
from zeeman.plots.diagram import diagrams
from zeeman.plots.latent import latent, states
from zeeman.plots.lattices import decoded, drawable, energies, samples
from zeeman.plots.spectrum import spectrum
from zeeman.plots.training import training

__all__ = ["draw_all", "drawings"]


def drawings(analysis: Analysis) -> dict[str, Callable[..., Figure]]:
    """Return what draws every figure that `analysis` supports.

    Parameters
    ----------
    analysis : Analysis

    Returns
    -------
    dict of str to callable
        Called as draw(columns=2) for 183 mm (files, wide screens), draw(columns=1) for 89 mm (one journal column,
        phones): same panels, other flow. Keys, in order: latent, decoded, samples, energies, spectrum,
        zeeman_diagram, states, order_parameters, retrainings, agreement, training.
    """
    found: dict[str, Callable[..., Figure]] = {"latent": partial(latent, analysis)}
    plane, real, generated = analysis.plane, analysis.real, analysis.generated
    if plane is not None and drawable(plane.means.shape[2:], plane.values):
        found["decoded"] = partial(decoded, analysis)
    shared = [phase for phase in real if phase in generated]
    if shared and drawable(real[shared[0]].configurations.shape[1:]):
        found["samples"] = partial(samples, real, generated)
    if any(real[p].energies is not None and generated[p].energies is not None for p in shared):
        found["energies"] = partial(energies, real, generated)
    found["spectrum"] = partial(spectrum, analysis)
    if analysis.diagrams:
        found["zeeman_diagram"] = partial(diagrams, analysis.diagrams, n_clusters=analysis.n_clusters)
    found["states"] = partial(states, analysis)
    if analysis.order_parameters and analysis.correlations is not None:
        found["order_parameters"] = partial(order_parameters, analysis)
    if analysis.retrainings is not None:
        found["retrainings"] = partial(retrainings, analysis.retrainings)
        found["agreement"] = partial(agreement, analysis.retrainings)
    if len(analysis.history.get("epoch", ())) > 1:
        found["training"] = partial(training, analysis.history, best=analysis.best_replica)
    return found


def draw_all(analysis: Analysis, *, columns: int = 2) -> dict[str, Figure]:
    """Draw every figure that `analysis` supports, name -> Figure (see `drawings`)."""
    return {name: draw(columns=columns) for name, draw in drawings(analysis).items()}
