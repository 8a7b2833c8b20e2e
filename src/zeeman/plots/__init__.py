"""A result and an `ax` in, artists out: figures at journal size, in colours that survive colour blindness."""

from zeeman.plots.analysis import draw_all
from zeeman.plots.correlations import against, order_parameters
from zeeman.plots.latent import latent, plane_by_label, plane_by_value, states
from zeeman.plots.lattices import decoded, decoded_plane, energies, lattice, samples
from zeeman.plots.spectrum import kappa_rule, level_ratios, levels, spectrum
from zeeman.plots.style import save
from zeeman.plots.training import curves, training

__all__ = [
    "against",
    "curves",
    "decoded",
    "decoded_plane",
    "draw_all",
    "energies",
    "kappa_rule",
    "latent",
    "lattice",
    "level_ratios",
    "levels",
    "order_parameters",
    "plane_by_label",
    "plane_by_value",
    "samples",
    "save",
    "spectrum",
    "states",
    "training",
]
