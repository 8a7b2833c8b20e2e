"""Order parameters of single configurations, (sample, ...): magnetizations, Potts and clock order, vacancies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zeeman.base.checks import check_positive_integer
from zeeman.spins.lattices import Lattice
from zeeman.spins.models.potts import simplex
from zeeman.spins.observables.fields import label, spins_of

__all__ = [
    "anisotropy", "clock_vector", "magnetization", "potts_order", "potts_vector", "squared_spin",
    "staggered_magnetization", "stripe_order", "three_sublattice_order", "vacancy_density",
]  # fmt: skip


def magnetization(x: Any) -> Any:
    """Magnetization per site, m = 1/N sum_i s_i.

    Parameters
    ----------
    x : ndarray or DataArray, (sample, site axes...)
        Spins; one to three site axes and, on the honeycomb, the sublattice.

    Returns
    -------
    ndarray or DataArray, (sample,)
        float64.

    Raises
    ------
    TypeError, ValueError
        For values that are no real numbers, other shapes, or samples that are not the first axis.
    """
    return _project(x, 1.0)


def staggered_magnetization(x: Any) -> Any:
    """Staggered magnetization per site, 1/N sum_i (-1)^(x+y+...) s_i; on the honeycomb the sign of the sublattice.

    Honeycomb configurations are told by their last axis: its name in a DataArray, else its length 2 after x and y of
    another length. Shapes, return value and errors (TypeError, ValueError) as for `magnetization`.
    """
    shape, last = spins_of(x).shape[1:], x.dims[-1] if hasattr(x, "dims") else None
    honeycomb = last == "sublattice" or (last is None and len(shape) == 3 and shape[-1] == 2 and shape[0] != 2)
    index = np.indices(shape)
    return _project(x, 1.0 - 2.0 * ((index[-1] if honeycomb else index.sum(axis=0)) % 2))


def stripe_order(x: Any, lattice: Lattice | None = None) -> Any:
    """Stripe order of J1-J2 models, sqrt(m_x^2 + m_y^2 + ...) with m_x = 1/N sum_i (-1)^x s_i: 1 in a striped state.

    Shapes and errors (TypeError, ValueError) as for `magnetization`, on Bravais lattices. Stripes run in three
    directions on the triangular lattice, which `lattice` tells from the square one: there (-1)^(x+y) is added.
    """
    signs = 1.0 - 2.0 * (np.indices(spins_of(x).shape[1:]) % 2)
    if lattice is not None and lattice.name == "triangular":
        signs = np.stack([*signs, signs.prod(axis=0)])
    stripes = [np.asarray(_project(x, sign)) for sign in signs]
    return label(x, np.sqrt(np.sum(np.square(stripes), axis=0)))


def three_sublattice_order(x: Any) -> Any:
    """Order of the triangular antiferromagnet, |1/N sum_i s_i exp(2 pi i (x - y) / 3)|, x (sample, x, y).

    2/3 where two sublattices are up and one is down, 1/sqrt(3) where the third is random. ValueError where the length
    is no multiple of 3, for the wave does not close there; `Ising.order` then takes the nearest ones that do.
    """
    shape = spins_of(x).shape[1:]
    if len(shape) != 2:
        raise ValueError(f"three sublattices are those of the triangular lattice, (sample, x, y), got shape {shape}")
    if any(length % 3 for length in shape):
        raise ValueError(
            f"three sublattices do not fit {shape[0]} x {shape[1]} sites: take lengths that are multiples of 3, or "
            "model.order(x) of zm.spins.Ising(zm.spins.triangular(L), -1), at the nearest waves that fit"
        )
    turn = 2 * np.pi / 3 * np.subtract(*np.indices(shape))
    return label(x, np.hypot(*(np.asarray(_project(x, wave)) for wave in (np.cos(turn), np.sin(turn)))))


def potts_order(x: Any, n_states: int) -> Any:
    """Order of Potts states 0..q-1, (q rho_max - 1) / (q - 1) with rho_max the share of the most frequent state.

    0 where all are equally frequent, 1 where one is alone; (sample,). Raises TypeError for values that are no numbers
    or q no integer, ValueError for q < 2, values that are no states of q, or other shapes than `magnetization` takes.
    """
    q = check_positive_integer(n_states, "n_states", 2)
    return label(x, (q * _shares(x, q).max(axis=1) - 1) / (q - 1))


def potts_vector(x: Any, n_states: int) -> Any:
    """Mean of unit vectors to the corners of a simplex, (sample, q - 1): |.|^2 = (q sum_a rho_a^2 - 1) / (q - 1).

    Raises TypeError and ValueError as `potts_order` does.
    """
    q = check_positive_integer(n_states, "n_states", 2)
    return label(x, _shares(x, q) @ simplex(q), "component")


def clock_vector(x: Any, n_states: int | None = None) -> Any:
    """Mean vector 1/N sum_i (cos, sin), (sample, 2), of clock states 0..p-1, or of angles where `n_states` is None.

    Of two states the sine is zero: `binder` wants the cosine alone, which `Clock.order_parameter` gives.
    Raises TypeError and ValueError as `potts_order` does.
    """
    if n_states is not None:
        p = check_positive_integer(n_states, "n_states", 2)
        angles = 2 * math.pi / p * np.arange(p)
        return label(x, _shares(x, p) @ np.stack([np.cos(angles), np.sin(angles)], axis=1), "component")
    theta = spins_of(x).reshape(len(x), -1).astype(np.float64)
    return label(x, np.stack([np.cos(theta).mean(axis=1), np.sin(theta).mean(axis=1)], axis=1), "component")


def anisotropy(vectors: ArrayLike, p: int) -> NDArray[np.float64]:
    """Return cos(p phi), (sample,), phi the direction of mean vectors (sample, 2).

    Its mean is 0 where the direction is free (XY, and the clock model between its transitions) and 1 where it points
    to one of p states: S. Baek, P. Minnhagen, B. J. Kim, PRE 80, 060101 (2009). A mean vector of length 0 gives 1.
    Raises TypeError for p that is no integer, ValueError for p < 1 or another shape.
    """
    p, v = check_positive_integer(p, "p"), np.asarray(vectors, np.float64)
    if v.ndim != 2 or v.shape[1] != 2:
        raise ValueError(f"vectors must be (sample, 2), got shape {v.shape}; see `clock_vector`")
    return np.cos(p * np.arctan2(v[:, 1], v[:, 0]))


def squared_spin(x: Any) -> Any:
    """Mean of s^2 over sites, (sample,): the occupied share in the Blume-Capel model.

    Shapes and errors (TypeError, ValueError) as for `magnetization`.
    """
    return _project(x, 1.0, np.square(spins_of(x).astype(np.float64)))


def vacancy_density(x: Any) -> Any:
    """Share of sites with s = 0, (sample,). Shapes and errors (TypeError, ValueError) as for `magnetization`."""
    return _project(x, 1.0, (spins_of(x) == 0).astype(np.float64))


def _project(x: Any, wave: NDArray[np.float64] | float, values: NDArray | None = None) -> Any:
    """1/N sum_i wave_i x_i, (sample,)."""
    values = spins_of(x) if values is None else values
    flat = np.broadcast_to(wave, values.shape[1:]).ravel() / values[0].size
    return label(x, values.reshape(len(values), -1) @ flat)


def _shares(x: Any, q: int) -> NDArray[np.float64]:
    """Share of every state, (sample, state)."""
    values = spins_of(x).reshape(len(x), -1)
    whole = values.astype(np.int64)
    if (whole != values).any() or whole.min() < 0 or whole.max() >= q:
        raise ValueError(f"states must be 0..{q - 1}, got values from {values.min()} to {values.max()}")
    numbers = (whole + q * np.arange(len(whole))[:, None]).ravel()
    return np.bincount(numbers, minlength=q * len(whole)).reshape(-1, q) / whole.shape[1]
