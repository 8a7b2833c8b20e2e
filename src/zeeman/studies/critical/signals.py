r"""Signals of a transition: functions of temperature made of averages over samples of one size.

cumulant        U = 1 - <|z|^4> / (3 <|z|^2>^2)                                crosses
length          xi/L, xi^2 = (<|z|^2> / <|z(k)|^2> - 1) / k^^2, |k| = 2 pi/L    crosses
gap             E_1 <|z|^2>, E_1 the first level of the density of z           crosses
susceptibility  N (<|z|^2> - <|z|>^2) / T                                      peaks
reconstruction  d<l>/dT = (<l E> - <l><E>) / T^2, l = -ln p(x|z) a site        peaks
helicity        Upsilon / T, the stiffness against a twist of planar spins     jumps to a universal value

z is an order parameter or the code of a network, whose scale cumulant, length and gap do not see; z(k) its amplitude in
space, k^ the lattice's momentum; E is the energy of the whole system.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zeeman.hamiltonians.bases import NormalizedGaussians
from zeeman.hamiltonians.ritz import rayleigh_ritz
from zeeman.spectrum import LatentSpectrum
from zeeman.spins.observables import helicity_terms, lattice_momentum
from zeeman.studies.critical.orders import Order
from zeeman.studies.critical.samples import Samples

__all__ = ["CROSSING", "SIGNALS", "Signal", "signal_of"]

Array = NDArray[np.float64]
CROSSING = ("cumulant", "length", "gap")
SIGNALS = (*CROSSING, "susceptibility", "reconstruction", "helicity")
_LANDMARKS = 12
_SEEN = 4000  # codes that choose the landmarks


@dataclass(frozen=True)
class Signal:
    """`function(T, <a>, <b>, ...)` of averages of `columns`; averages come as arrays over resamples."""

    columns: tuple[Array, ...]
    function: Callable[..., Array]

    def at(self, samples: Samples, shares: Array) -> Array:
        """Values (1 + bootstrap, temperature) where samples were drawn, without reweighting."""
        blocks = samples.block_means(self.columns)
        means = np.einsum("rtb,tbc->ctr", shares, blocks)
        return np.stack([self.function(t, *means[:, k]) for k, t in enumerate(samples.temperatures)], axis=1)


def signal_of(name: str, samples: Samples, order: Order, replica: int) -> Signal:
    """Make the signal called `name` of one size from the codes of one training."""
    if name == "helicity":
        return _helicity(samples)
    if name == "reconstruction":
        return _reconstruction(samples, order, replica)
    code = order.codes[replica]
    square = (code**2).sum(axis=1)
    square /= square.mean()
    if name == "length":
        return _length(samples, order, replica)
    if name == "susceptibility":
        return Signal((np.sqrt(square), square), lambda t, z1, z2: samples.n_sites * (z2 - z1**2) / t)
    if name == "gap":
        return _gap(code, square)
    return Signal((square, square**2), lambda t, z2, z4: 1 - z4 / (3 * z2**2))


def _reconstruction(samples: Samples, order: Order, replica: int) -> Signal:
    if order.loss is None:
        raise ValueError(
            "signal 'reconstruction' needs a decoder: give a BetaVAE or 'latent', or another signal, "
            "'cumulant' or 'susceptibility'"
        )
    if not np.isfinite(samples.energies).all():
        raise ValueError("signal 'reconstruction' needs the energy of every sample: the data have no variable energy")
    loss, energy = order.loss[replica], samples.energies - samples.energies.mean()
    return Signal((loss, energy, loss * energy), lambda t, a, e, ae: (ae - a * e) / t**2)


def _length(samples: Samples, order: Order, replica: int) -> Signal:
    assert order.waves is not None
    assert samples.lattice is not None
    k = lattice_momentum(samples.lattice) * samples.size
    columns = ((order.codes[replica] ** 2).sum(axis=1), order.waves[replica])
    return Signal(columns, lambda t, z2, zk: np.sqrt(np.maximum(z2 / zk - 1, 0)) / k)


def _gap(code: Array, square: Array) -> Signal:
    """E_1 <z^2> by Rayleigh-Ritz in Gaussians at landmarks of all codes: the forms are averages over samples."""
    seen = code[:: max(1, len(code) // _SEEN)]
    spectrum = LatentSpectrum(
        n_states=2, n_clusters=1, n_landmarks=_LANDMARKS, width=1.5, n_bootstrap=0, random_state=0
    )
    basis = spectrum.fit(seen).landmarks_
    basis = NormalizedGaussians(basis.centers + spectrum.center_, basis.width)
    values, gradients = basis(code), basis.gradients(code)
    rows, columns = np.triu_indices(basis.n_functions)
    kinetic = 0.5 * np.einsum("cni,cni->in", gradients[..., rows], gradients[..., columns])
    overlap = (values[:, rows] * values[:, columns]).T

    def function(t: float, z2: Array, *forms: Array) -> Array:
        table = np.stack(forms)
        return z2 * np.array([_first_level(column, basis.n_functions, rows, columns) for column in table.T])

    return Signal(((code**2).sum(axis=1), *kinetic, *overlap), function)


def _first_level(forms: Array, n: int, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> float:
    A, B = np.zeros((2, n, n))
    for matrix, part in zip((A, B), np.split(forms, 2), strict=True):
        matrix[rows, columns] = matrix[columns, rows] = part
    return float(rayleigh_ritz(A, B, 2, ground=np.ones(n), unit_norms=True).energies[1])


def _helicity(samples: Samples) -> Signal:
    """Upsilon / T = a / T - b / T^2, of a series that is linear in 1/T."""
    kind = type(samples.model).__name__
    if kind not in ("XY", "Clock"):
        raise ValueError(f"signal 'helicity' needs planar spins, XY or a clock, and the data are of {kind}")
    return Signal(helicity_terms(samples.configurations, samples.model), lambda t, a, b: a / t - b / t**2)
