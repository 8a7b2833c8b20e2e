"""Every figure of one analysis, each left out where the data have nothing for it."""

from __future__ import annotations

from matplotlib.figure import Figure

from zeeman.base.results import Analysis
from zeeman.plots.correlations import order_parameters
from zeeman.plots.degeneracy import agreement, retrainings
from zeeman.plots.diagram import diagrams
from zeeman.plots.latent import latent, states
from zeeman.plots.lattices import decoded, drawable, energies, samples
from zeeman.plots.spectrum import spectrum
from zeeman.plots.training import training

__all__ = ["draw_all"]


def draw_all(analysis: Analysis, *, columns: int = 2) -> dict[str, Figure]:
    """Draw every figure that `analysis` supports.

    Parameters
    ----------
    analysis : Analysis
    columns : int
        2 for 183 mm (files, wide screens), 1 for 89 mm (one journal column, phones): same panels, other flow.

    Returns
    -------
    dict of str to Figure
        Keys, in order: latent, decoded, samples, energies, spectrum, zeeman_diagram, states, order_parameters,
        retrainings, agreement, training.
    """
    figures = {"latent": latent(analysis, columns=columns)}
    plane, real, generated = analysis.plane, analysis.real, analysis.generated
    if plane is not None and drawable(plane.means.shape[2:], plane.values):
        figures["decoded"] = decoded(analysis, columns=columns)
    shared = [phase for phase in real if phase in generated]
    if shared and drawable(real[shared[0]].configurations.shape[1:]):
        figures["samples"] = samples(real, generated, columns=columns)
    if any(real[p].energies is not None and generated[p].energies is not None for p in shared):
        figures["energies"] = energies(real, generated, columns=columns)
    figures["spectrum"] = spectrum(analysis, columns=columns)
    if analysis.diagrams:
        figures["zeeman_diagram"] = diagrams(analysis.diagrams, n_clusters=analysis.n_clusters, columns=columns)
    figures["states"] = states(analysis, columns=columns)
    if analysis.order_parameters and analysis.correlations is not None:
        figures["order_parameters"] = order_parameters(analysis, columns=columns)
    if analysis.retrainings is not None:
        figures["retrainings"] = retrainings(analysis.retrainings, columns=columns)
        figures["agreement"] = agreement(analysis.retrainings, columns=columns)
    if len(analysis.history.get("epoch", ())) > 1:
        figures["training"] = training(analysis.history, best=analysis.best_replica, columns=columns)
    return figures
