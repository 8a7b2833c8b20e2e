"""One trained space: energies, states, canonical coordinates, clusters, and levels against the perturbation."""

from zeeman.spectrum.diagram import Diagram
from zeeman.spectrum.estimator import LatentSpectrum

__all__ = ["Diagram", "LatentSpectrum"]
