r"""Ising model on the square lattice, infinite or a torus, in closed form: Onsager, Yang, Kaufman.

J = k_B = 1 and K = 1/T in the formulas; everything is per site. Kaufman's four products are kept as logarithms, so any
size and temperature is in range. The closed forms hold for the antiferromagnet too (even L, staggered magnetization).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import quad
from scipy.special import ellipe, ellipkm1

from zeeman.spins.exact.checks import check_size, each_temperature
from zeeman.spins.exact.critical import CRITICAL_TEMPERATURE

__all__ = ["ising_energy", "ising_free_energy", "ising_magnetization", "ising_specific_heat"]

_COLD = 100.0  # beyond this K all corrections to the ground state are below 1e-170


def ising_energy(temperature: ArrayLike, size: int | None = None) -> NDArray[np.float64]:
    r"""Energy per site of the square lattice, infinite or a periodic `size` x `size` torus.

    Infinite: u = -coth 2K [1 + (2/pi) (2 tanh^2 2K - 1) K_1(k)], k = 2 sinh 2K / cosh^2 2K (Onsager 1944, eq. 116).
    Finite: -d ln Z / dK / N, Z of Kaufman 1949, eq. 19. In units of J, in the shape of `temperature`. Raises ValueError
    for T <= 0 or size < 2, TypeError for a size that is no integer.
    """
    return each_temperature(
        temperature, lambda t: _onsager(1 / t)[1] if size is None else _kaufman(1 / t, check_size(size))[1]
    )


def ising_specific_heat(temperature: ArrayLike, size: int | None = None) -> NDArray[np.float64]:
    """Specific heat per site, du/dT, in k_B; infinite at the critical temperature of the infinite lattice.

    Shape and errors as for `ising_energy`.
    """
    return _each(temperature, size, lambda t, log_z, u, c: c)


def ising_free_energy(temperature: ArrayLike, size: int | None = None) -> NDArray[np.float64]:
    """Free energy per site, f = -T ln Z / N, in units of J. Shape and errors as for `ising_energy`."""
    return _each(temperature, size, lambda t, log_z, u, c: -t * log_z)


def ising_magnetization(temperature: ArrayLike) -> NDArray[np.float64]:
    """Spontaneous magnetization of the infinite lattice, (1 - sinh(2K)^-4)^(1/8) below Tc, else 0 (Yang 1952).

    In the shape of `temperature`. Raises ValueError for T <= 0.
    """

    def yang(t: float) -> float:
        if t >= CRITICAL_TEMPERATURE["square"]:
            return 0.0
        return 1.0 if 1 / t > _COLD else max(0.0, 1 - math.sinh(2 / t) ** -4) ** 0.125

    return each_temperature(temperature, yang)


def _each(
    temperature: ArrayLike, size: int | None, choose: Callable[[float, float, float, float], float]
) -> NDArray[np.float64]:
    """Apply `choose` to (T, ln Z / N, u, C) at every temperature."""
    length = None if size is None else check_size(size)
    return each_temperature(
        temperature, lambda t: choose(t, *(_onsager(1 / t) if length is None else _kaufman(1 / t, length)))
    )


def _onsager(k: float) -> tuple[float, float, float]:
    """Return ln Z / N, u and C of the infinite lattice."""
    if k > _COLD:
        return 2 * k, -2.0, 0.0
    tanh = math.tanh(2 * k)
    modulus = 2 * math.sinh(2 * k) / math.cosh(2 * k) ** 2
    other = 2 * tanh**2 - 1  # sqrt(1 - modulus^2) with the sign of Tc - T
    first, second = ellipkm1(other**2), ellipe(min(1.0, modulus**2))  # rounding takes it past 1
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
