"""Functions of averages: specific heat, susceptibilities, Binder cumulant; each from series of single configurations.

e is the energy per site, m the order parameter per site, (sample,) or (sample, component), N the number of sites.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zeeman.base.checks import check_number
from zeeman.spins.statistics import Estimate, derived

__all__ = ["Moments", "binder", "binder_cumulant", "moments", "specific_heat", "susceptibility"]


@dataclass(frozen=True)
class Moments:
    """Mean |m|, m^2, m^4 and the Binder cumulant (`binder_cumulant`)."""

    absolute: float
    second: float
    fourth: float
    binder: float


def moments(m: ArrayLike) -> Moments:
    """Moments of an order parameter m, (sample,) or (sample, component); powers of its length.

    Raises ValueError for other shapes, or no samples.
    """
    square, _ = _square(m)
    return Moments(
        float(np.sqrt(square).mean()), float(square.mean()), float((square**2).mean()), binder_cumulant(m)
    )  # fmt: skip


def binder_cumulant(m: ArrayLike) -> float:
    """Binder cumulant U = 1 - n / (n + 2) <m^4> / <m^2>^2 of an order parameter of n components; see `binder`.

    m is (sample,) or (sample, component). Raises ValueError for other shapes, or no samples.
    """
    square, n = _square(m)
    return float(1 - n / (n + 2) * (square**2).mean() / square.mean() ** 2)


def binder(m: ArrayLike) -> Estimate:
    """Binder cumulant with its error, U = 1 - n / (n + 2) <m^4> / <m^2>^2.

    n is the number of components of m, (sample,) for one, (sample, component) else. U is 0 for a Gaussian m at every n,
    and 2 / (n + 2) in the ordered phase; n = 1 is the usual 1 - <m^4> / (3 <m^2>^2) with 2/3. Papers that keep the 3
    for vectors (Holm and Janke, PRB 48, 936: 0.620 for n = 3) have U' = 1 - (n + 2) / (3 n) (1 - U). Source: K. Binder,
    Z. Phys. B 43, 119 (1981).

    Raises
    ------
    ValueError
        For other shapes, fewer than three samples, NaN or infinity.
    """
    square, n = _square(m)
    return derived(lambda m2, m4: 1 - n / (n + 2) * m4 / m2**2, square, square**2)


def specific_heat(energy: ArrayLike, temperature: float, n_sites: int) -> Estimate:
    """Specific heat per site, C = N (<e^2> - <e>^2) / T^2, of energies per site (sample,) at one temperature.

    In k_B, energies and temperature in one unit. Raises ValueError for T <= 0, fewer than three samples, NaN or
    infinity.
    """
    temperature = check_number(temperature, "temperature", positive=True)
    e = np.asarray(energy, np.float64)
    e = e - e.mean()  # the difference of the squares loses no digits
    return derived(lambda e1, e2: n_sites * (e2 - e1**2) / temperature**2, e, e**2)


def susceptibility(m: ArrayLike, temperature: float, n_sites: int, connected: bool = False) -> Estimate:
    """Susceptibility per site, chi = N <m^2> / T, or connected N (<m^2> - <|m|>^2) / T.

    N <m^2> / T is the response to a field in the disordered phase, where <m> = 0, added over components (divide by
    n for the response along one). It grows like N in the ordered phase; the connected one peaks near the transition
    and differs from it by a constant factor in the disordered phase (1 - 2/pi for a Gaussian m of one component). m is
    (sample,) or (sample, component); chi is in units of 1 / T. Raises ValueError for T <= 0, and as `binder`
    does.
    """
    square, _ = _square(m)
    size = np.sqrt(square)
    scale = n_sites / check_number(temperature, "temperature", positive=True)
    if not connected:
        return derived(lambda m2: scale * m2, square)
    return derived(lambda m1, m2: scale * (m2 - m1**2), size, square)


def _square(m: ArrayLike) -> tuple[NDArray[np.float64], int]:
    """Return m^2, (sample,), and the number of components."""
    m = np.asarray(m, np.float64)
    if m.ndim not in (1, 2) or m.size == 0:
        raise ValueError(f"m must be (sample,) or (sample, component) and not empty, got shape {m.shape}")
    return (m**2, 1) if m.ndim == 1 else ((m**2).sum(axis=1), m.shape[1])
