"""One trained space: energies, states, canonical coordinates and clusters of its codes."""

from zeeman.spectrum.estimator import LatentSpectrum

__all__ = ["LatentSpectrum"]
