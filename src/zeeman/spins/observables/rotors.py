"""Stiffness and vortices of unit vectors: XY, clock and Heisenberg models."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeeman.spins.models import Clock, Model, VectorModel
from zeeman.spins.observables.fields import label, lattice_of, per_chunk
from zeeman.spins.observables.geometry import geometry

__all__ = ["helicity_modulus", "helicity_terms", "vortex_density", "vorticity"]


def helicity_modulus(x: Any, model: Any, temperature: float) -> Any:
    r"""Helicity modulus (spin stiffness) as a series: its mean over samples is Upsilon.

    Upsilon = (1/V) d^2 F / dA^2 under a twist A . r of the spins, r the vector of a bond of length 1:

        Upsilon = J / (V d) [ sum_<ij> s_i . s_j - (J/T) sum_a (sum_<ij> r_a (s_i x s_j))^2 ]

    averaged over the d directions of the twist, which are equivalent on all lattices of this package; the mean of the
    current sum r (s_i x s_j) is zero by symmetry. For n components the twist is averaged over the n (n-1) / 2 planes it
    can turn: s_i . s_j gets 2/n, the square of the current the mean over planes. V is the volume per site times N.

    At T = 0, XY: J on chain, square and cubic lattice, sqrt(3) J on the triangular, J / sqrt(3) on the honeycomb; then
    J - T/4 + ... on the square. Jump at a Kosterlitz-Thouless transition: from 2 T / pi to 0 on all two-dimensional
    lattices. Heisenberg: 2/3 of J, since turning about the magnetization itself costs nothing.

    Source: M. Fisher, M. Barber, D. Jasnow, PRA 8, 1111 (1973); T. Ohta, D. Jasnow, PRB 20, 139 (1979);
    S. Teitel, C. Jayaprakash, PRB 27, 598 (1983).

    Parameters
    ----------
    x : ndarray or DataArray, (sample, site axes...)
    model : XY, Clock or Heisenberg
    temperature : float
        At which they were sampled.

    Returns
    -------
    ndarray or DataArray, (sample,)
        Same unit as J.

    Raises
    ------
    TypeError, ValueError
        For models without planes to turn in (Ising, a clock of two states), T <= 0, configurations of another lattice.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature}")
    aligned, current = helicity_terms(x, model)
    return aligned - current / temperature


def helicity_terms(x: Any, model: Any) -> tuple[Any, Any]:
    """Two series a and b with Upsilon = <a> - <b> / T, see `helicity_modulus`; reweighting needs them apart.

    ``fit.quantity(lambda t, a, b: a - b / t, *helicity_terms(x, model))`` is Upsilon at every temperature.
    (sample,) each, a in the unit of J, b in its square. Raises TypeError and ValueError as `helicity_modulus` does.
    """
    if not isinstance(model, (VectorModel, Clock)):
        raise TypeError(f"{type(model).__name__} has no rotors to twist: give an XY, clock or Heisenberg model")
    if isinstance(model, Clock) and model.n_states == 2:
        raise TypeError(
            "a clock of two states lies on one axis and has no plane to twist in: give three states or more"
        )
    lattice, coupling = model.lattice, float(model.coupling)
    g = geometry(lattice)
    dim = len(g.primitive)

    def terms(v: NDArray[np.float64]) -> NDArray[np.float64]:
        n = v.shape[2]
        planes = list(itertools.combinations(range(n), 2))
        aligned = np.zeros(len(v))
        current = np.zeros((len(v), len(planes), dim))
        for tails, heads, displacement in g.columns:
            a, b = v[:, tails], v[:, heads]
            aligned += np.einsum("sic,sic->s", a, b)
            for k, (p, q) in enumerate(planes):
                turn = (a[..., p] * b[..., q] - a[..., q] * b[..., p]).sum(axis=1)
                current[:, k] += turn[:, None] * displacement
        square = (current**2).sum(axis=2).mean(axis=1)
        scale = coupling / (g.volume * lattice.n_sites * dim)
        return scale * np.stack([2 / n * aligned, coupling * square], axis=1)

    found = per_chunk(x, model, terms)
    return label(x, found[:, 0]), label(x, found[:, 1])


def vorticity(x: Any, model: Model) -> Any:
    """Vortices of plane rotators: turns of the angle around every plaquette, counterclockwise.

    Differences of neighbouring angles are taken in [-pi, pi), each bond once for both plaquettes beside it, so the sum
    over a torus is zero (J. Tobochnik, G. Chester, PRB 20, 3761 (1979)).

    Parameters
    ----------
    x : ndarray or DataArray, (sample, site axes...)
    model : XY or Clock
        On the square, triangular, honeycomb or cubic lattice.

    Returns
    -------
    ndarray or DataArray, (sample, x, y[, face]) int8
        -1, 0 or +1 (also +-2 on the honeycomb), at the cell of the plaquette's first corner; two triangles a cell on
        the triangular lattice, three faces (normal to x, y, z) on the cubic one.

    Raises
    ------
    TypeError, ValueError
        For spins of one or three components, the chain, configurations of another lattice.
    """
    g = geometry(lattice_of(model))
    if g.plaquettes is None:
        raise ValueError(f"{model.lattice!r} has no plaquettes and so no vortices")
    corners = g.plaquettes
    ahead = np.roll(corners, -1, axis=1)
    sign = np.where(corners < ahead, 1.0, -1.0)
    first, second = np.minimum(corners, ahead), np.maximum(corners, ahead)

    def winding(v: NDArray[np.float64]) -> NDArray[np.int8]:
        if v.shape[2] != 2:
            raise TypeError(f"{type(model).__name__} has spins of {v.shape[2]} components: vortices have two")
        theta = np.arctan2(v[..., 1], v[..., 0])
        turns = np.zeros((len(v), len(corners)))
        for k in range(corners.shape[1]):
            difference = theta[:, second[:, k]] - theta[:, first[:, k]]
            # angles of clock states differ by pi up to rounding: such bonds are all taken as -pi
            turns += sign[:, k] * (np.mod(difference + math.pi + 1e-9, 2 * math.pi) - math.pi)
        return np.round(turns / (2 * math.pi)).astype(np.int8).reshape(len(v), *g.faces)

    return label(x, per_chunk(x, model, winding), *model.lattice.axes[: len(g.primitive)],
                 *(["face"] if len(g.faces) > len(g.primitive) else []))  # fmt: skip


def vortex_density(x: Any, model: Model) -> Any:
    """Vortices of both signs per plaquette, mean |winding| of `vorticity`, (sample,); its TypeError and ValueError."""
    w = vorticity(x, model)
    return label(x, np.abs(np.asarray(w, np.float64)).reshape(len(w), -1).mean(axis=1))
