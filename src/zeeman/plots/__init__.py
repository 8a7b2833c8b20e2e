"""A result and an `ax` in, artists out: figures at journal size, in colours that survive colour blindness."""

from zeeman.plots.analysis import draw_all, drawings
from zeeman.plots.correlations import against, order_parameters
from zeeman.plots.degeneracy import agreement, frames, ladder, retrainings
from zeeman.plots.diagram import diagrams, zeeman_diagram
from zeeman.plots.latent import latent, plane_by_label, plane_by_value, states
from zeeman.plots.lattices import decoded, decoded_plane, energies, lattice, samples
from zeeman.plots.spectrum import kappa_rule, level_ratios, levels, spectrum
from zeeman.plots.style import save
from zeeman.plots.training import curves, training
from zeeman.plots.transitions import critical_temperature

__all__ = [
    "against",
    "agreement",
    "critical_temperature",
    "curves",
    "decoded",
    "decoded_plane",
    "diagrams",
    "draw_all",
    "drawings",
    "energies",
    "frames",
    "kappa_rule",
    "ladder",
    "latent",
    "lattice",
    "level_ratios",
    "levels",
    "order_parameters",
    "plane_by_label",
    "plane_by_value",
    "retrainings",
    "samples",
    "save",
    "spectrum",
    "states",
    "training",
    "zeeman_diagram",
]
