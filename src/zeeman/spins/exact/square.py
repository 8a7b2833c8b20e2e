r"""Exact results that samplers are held against: Onsager, Yang, Kaufman, and enumeration of small models.

J = k_B = 1 and K = 1/T in the formulas; everything is per site. Kaufman's four products are kept as logarithms, so any
size and temperature is in range. The closed forms hold for the antiferromagnet too (even L, staggered magnetization).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import quad
from scipy.special import ellipe, ellipkm1, logsumexp

from zeeman.base.checks import check_positive_integer
from zeeman.spins._random_numba import jit
from zeeman.spins.exact.critical import CRITICAL_TEMPERATURE
from zeeman.spins.models import Ising

__all__ = [
    "Enumeration", "enumerate_states", "ising_energy", "ising_free_energy",
    "ising_magnetization", "ising_specific_heat",
]  # fmt: skip

_COLD = 100.0  # beyond this K all corrections to the ground state are below 1e-170
_MOST_SITES = 28


@dataclass(frozen=True)
class Enumeration:
    """Sums over all 2^N configurations at one temperature.

    Attributes
    ----------
    log_z : float
        ln Z, of the whole system.
    energy, specific_heat : float
        Per site; specific heat = (<E^2> - <E>^2) / (N T^2).
    magnetization, absolute, second, fourth, binder : float
        <m>, <|m|>, <m^2>, <m^4>, 1 - <m^4> / (3 <m^2>^2) with m per site.
    staggered_absolute, staggered_second, staggered_fourth : float
        The same of the staggered magnetization; NaN where the lattice has no checkerboard.
    """

    log_z: float
    energy: float
    specific_heat: float
    magnetization: float
    absolute: float
    second: float
    fourth: float
    binder: float
    staggered_absolute: float
    staggered_second: float
    staggered_fourth: float


def ising_energy(temperature: ArrayLike, size: int | None = None) -> NDArray[np.float64]:
    r"""Energy per site of the square lattice, infinite or a periodic `size` x `size` torus.

    Infinite: u = -coth 2K [1 + (2/pi) (2 tanh^2 2K - 1) K_1(k)], k = 2 sinh 2K / cosh^2 2K (Onsager 1944, eq. 116).
    Finite: -d ln Z / dK / N, Z of Kaufman 1949, eq. 19. Raises ValueError for T <= 0 or size < 2.
    """
    return _each(temperature, lambda t: _onsager(1 / t)[1] if size is None else _kaufman(1 / t, _size(size))[1])


def ising_specific_heat(temperature: ArrayLike, size: int | None = None) -> NDArray[np.float64]:
    """Specific heat per site, du/dT; infinite at the critical temperature of the infinite lattice."""
    return _each(temperature, lambda t: _onsager(1 / t)[2] if size is None else _kaufman(1 / t, _size(size))[2])


def ising_free_energy(temperature: ArrayLike, size: int | None = None) -> NDArray[np.float64]:
    """Free energy per site, f = -T ln Z / N."""
    return _each(temperature, lambda t: -t * (_onsager(1 / t)[0] if size is None else _kaufman(1 / t, _size(size))[0]))


def ising_magnetization(temperature: ArrayLike) -> NDArray[np.float64]:
    """Spontaneous magnetization of the infinite lattice, (1 - sinh(2K)^-4)^(1/8) below Tc, else 0 (Yang 1952)."""

    def yang(t: float) -> float:
        if t >= CRITICAL_TEMPERATURE["square"]:
            return 0.0
        return 1.0 if 1 / t > _COLD else max(0.0, 1 - math.sinh(2 / t) ** -4) ** 0.125

    return _each(temperature, yang)


def enumerate_states(model: Ising, temperature: float) -> Enumeration:
    """Sum over all configurations of a small Ising model (at most 28 sites), any lattice, coupling and field.

    The configurations are counted once by (unequal bonds, up spins, up spins on the checkerboard's first colour), in
    Gray-code order; sums are then taken in logarithms.
    """
    lattice = model.lattice
    n = lattice.n_sites
    if n > _MOST_SITES:
        raise ValueError(f"{lattice!r} has {n} sites and 2^{n} configurations; enumeration takes {_MOST_SITES} sites")
    (t,) = np.atleast_1d(_temperatures(temperature))
    board = lattice.checkerboard
    first = np.ones(n, np.int64) if board is None else (board > 0).astype(np.int64)
    counts = _count(lattice.neighbours, first, lattice.n_bonds)
    unequal, up, up_first = np.nonzero(counts)
    energy = -model.coupling * (lattice.n_bonds - 2.0 * unequal) - model.field * (2.0 * up - n)
    logs = np.log(counts[unequal, up, up_first].astype(np.float64)) - energy / t
    log_z = float(logsumexp(logs))
    p = np.exp(logs - log_z)
    m = (2 * up - n) / n
    # up - down on the first colour, minus the same on the second
    staggered = (2 * up_first - first.sum() - (2 * (up - up_first) - (n - first.sum()))) / n
    if board is None:
        staggered = np.full(len(m), np.nan)
    mean_energy = float(p @ energy)
    second, fourth = float(p @ m**2), float(p @ m**4)
    return Enumeration(
        log_z, mean_energy / n, float(p @ (energy - mean_energy) ** 2 / (n * t * t)),
        float(p @ m), float(p @ abs(m)), second, fourth, 1 - fourth / (3 * second**2),
        float(p @ abs(staggered)), float(p @ staggered**2), float(p @ staggered**4),
    )  # fmt: skip


def _onsager(k: float) -> tuple[float, float, float]:
    """Return ln Z / N, u and C of the infinite lattice."""
    if k > _COLD:
        return 2 * k, -2.0, 0.0
    tanh = math.tanh(2 * k)
    modulus = 2 * math.sinh(2 * k) / math.cosh(2 * k) ** 2
    other = 2 * tanh**2 - 1  # sqrt(1 - modulus^2) with the sign of Tc - T
    first, second = ellipkm1(other**2), ellipe(modulus**2)
    log_z, _ = quad(
        lambda phi: math.log((1 + math.sqrt(max(0.0, 1 - (modulus * math.sin(phi)) ** 2))) / 2),
        0, math.pi / 2, epsabs=1e-14, epsrel=1e-13,
    )  # fmt: skip
    log_z = log_z / math.pi + math.log(2 * math.cosh(2 * k))
    # other * K_1 -> 0 at the critical point, where K_1 itself is infinite
    product = other * first if math.isfinite(first) else 0.0
    u = -(1 + 2 / math.pi * product) / tanh
    c = 2 / math.pi * (k / tanh) ** 2 * (2 * (first - second) - (1 - other) * (math.pi / 2 + product))
    return log_z, u, c


def _kaufman(k: float, n: int) -> tuple[float, float, float]:
    """Return ln Z / N, E / N and C / N of the n x n torus.

    Z = 1/2 (2 sinh 2K)^(N/2) [prod 2 cosh(n g_odd / 2) + prod 2 sinh(n g_odd / 2) + prod 2 cosh(n g_even / 2)
    + prod 2 sinh(n g_even / 2)], cosh g_l = cosh 2K coth 2K - cos(pi l / n), g_0 = 2K + ln tanh K.
    """
    if k > _COLD:
        return 2 * k + math.log(2) / n**2, -2.0, 0.0
    s, c = math.sinh(2 * k), math.cosh(2 * k)
    # x = cosh g - 1; the first term is that at l = 0, free of cancellation
    angle = np.arange(2 * n) * np.pi / n
    x = (s - 1) ** 2 / s + 2 * np.sin(angle / 2) ** 2
    slope, curve = 2 * c * (1 - 1 / s**2), 4 * s * (1 - 1 / s**2) + 8 * c**2 / s**3
    sinh_g = np.sqrt(x * (x + 2))
    g = 2 * np.arcsinh(np.sqrt(x / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        g1 = slope / sinh_g
        g2 = (curve - g1**2 * (x + 1)) / sinh_g
    g[0], g1[0], g2[0] = 2 * k + math.log(math.tanh(k)), 2 + 2 / s, -4 * c / s**2
    terms = [_product(n, g[p::2], g1[p::2], g2[p::2], kind) for p in (1, 0) for kind in ("cosh", "sinh")]
    logs, values, firsts, seconds = (np.array(column) for column in zip(*terms, strict=True))
    top = logs.max()
    z0, z1, z2 = (float((np.exp(logs - top) * column).sum()) for column in (values, firsts, seconds))
    sites = n * n
    log_z = -math.log(2) + sites / 2 * math.log(2 * s) + top + math.log(z0)
    first = z1 / z0 + sites * c / s
    second = z2 / z0 - (z1 / z0) ** 2 - 2 * sites / s**2
    return log_z / sites, -first / sites, k * k * second / sites


def _product(
    n: int, g: NDArray[np.float64], g1: NDArray[np.float64], g2: NDArray[np.float64], kind: str
) -> tuple[float, float, float, float]:
    """Return (L, P, P', P''), each of the last three times e^-L, for P = prod 2 cosh(n g / 2) or prod 2 sinh."""
    half, half1, half2 = n * g / 2, n * g1 / 2, n * g2 / 2
    apart = kind == "sinh" and abs(half[0]) < 1
    # g_0 passes through 0 at the critical point: that factor is kept out of the logarithm
    f = (1.0, 0.0, 0.0)
    if apart:
        sinh, cosh = 2 * math.sinh(half[0]), 2 * math.cosh(half[0])
        f = (sinh, cosh * half1[0], sinh * half1[0] ** 2 + cosh * half2[0])
        half, half1, half2 = half[1:], half1[1:], half2[1:]
    size = np.abs(half)
    if kind == "cosh":
        log, slope, bend, sign = size + np.log1p(np.exp(-2 * size)), np.tanh(half), 1 / np.cosh(_within(half)) ** 2, 1.0
    else:
        log, slope, bend = size + np.log(-np.expm1(-2 * size)), 1 / np.tanh(half), -1 / np.sinh(_within(half)) ** 2
        sign = float(np.prod(np.sign(half)))
    first = float((half1 * slope).sum())
    second = float((half1**2 * bend + half2 * slope).sum()) + first**2
    return (
        float(log.sum()), sign * f[0], sign * (f[1] + f[0] * first), sign * (f[2] + 2 * f[1] * first + f[0] * second),
    )  # fmt: skip


def _within(half: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.clip(half, -300.0, 300.0)


@jit
def _count(neighbours, first, n_bonds):  # noqa: ANN001, ANN202
    n, z = neighbours.shape
    counts = np.zeros((n_bonds + 1, n + 1, first.sum() + 1), np.int64)
    s = np.zeros(n, np.int64)
    unequal, up, up_first = 0, 0, 0
    counts[0, 0, 0] = 1
    for step in range(1, np.int64(1) << n):
        site = 0
        while not (step >> site) & 1:
            site += 1
        for k in range(z):
            unequal += 1 if s[neighbours[site, k]] == s[site] else -1
        s[site] ^= 1
        change = 2 * s[site] - 1
        up += change
        up_first += change * first[site]
        counts[unequal, up, up_first] += 1
    return counts


def _each(temperature: ArrayLike, function: Callable[[float], float]) -> NDArray[np.float64]:
    t = _temperatures(temperature)
    return np.vectorize(function, otypes=[np.float64])(t)[()]


def _temperatures(temperature: ArrayLike) -> NDArray[np.float64]:
    t = np.asarray(temperature, np.float64)
    if not (np.isfinite(t) & (t > 0)).all():
        raise ValueError(f"temperature must be positive and finite, got {temperature!r}; the limit T = 0 is not in it")
    return t


def _size(size: int) -> int:
    return check_positive_integer(size, "size", 2)
