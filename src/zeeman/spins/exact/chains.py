r"""Rings and infinite chains by transfer matrix: Z = sum_n g_n lambda_n^N, lambda_n the weight of a bond's n-th mode.

Discrete models have a matrix of q states. For vectors, K = J / T, the modes are those of the circle and the sphere:

    XY          exp(K cos) = sum_n I_n(K) e^(i n theta)                       g = 1, n of either sign
    Heisenberg  exp(K s.t) = sum_l (2 l + 1) i_l(K) P_l(s.t),  i_l = sqrt(pi / 2K) I_(l + 1/2)(K)   g_l = 2 l + 1

d / dK multiplies by the cosine, which leads from a mode to its two neighbours: derivatives need no differences.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ive

from zeeman.base.checks import check_positive_integer
from zeeman.spins.exact.checks import one_temperature
from zeeman.spins.exact.tables import Tables, is_discrete, tables
from zeeman.spins.models import XY, Heisenberg, Model

__all__ = ["Chain", "sum_chain"]

_ROUNDING = 2e-15  # of an eigenvalue
_DIGITS = 1e-9  # that an alternating sum must keep: energies are then right to 1e-7, specific heats to 1e-4


@dataclass(frozen=True)
class Chain:
    """Exact averages of a ring or an infinite chain.

    Attributes
    ----------
    log_z : float
        ln Z / N; for vectors with directions weighed to a total of 1.
    energy, specific_heat : float
        Per site.
    correlation_length : float
        xi of the infinite chain: <s_0 . s_r> of the order vectors falls as exp(-r / xi), with alternating sign for
        J < 0; 0 if it vanishes at once, infinite (beyond 5e14) where rounding leaves no decay.
    """

    log_z: float
    energy: float
    specific_heat: float
    correlation_length: float


def sum_chain(model: Model, temperature: float, length: int | None = None) -> Chain:
    """Sum over all states of a ring of `length` sites, or of the infinite chain.

    Parameters
    ----------
    model : Model
        Ising in any field, Potts, Blume-Capel, clock, XY or Heisenberg; of its lattice nothing is used.
    temperature : float
    length : int, optional
        Sites of the ring, at least 2; the infinite chain if None. A ring of two has two bonds.

    Raises
    ------
    TypeError, ValueError
        For T <= 0, a length that is no integer from 2 on, other models, couplings to second neighbours, and an odd
        ring of vectors with J < 0 at a T so low that its alternating sum loses its digits.

    Examples
    --------
    >>> from zeeman.spins import Ising, chain
    >>> import math
    >>> abs(sum_chain(Ising(chain(2)), 1.0).energy + math.tanh(1.0)) < 1e-12
    True
    """
    t = one_temperature(temperature)
    if length is not None:
        length = check_positive_integer(length, "length", 2)
    if is_discrete(model):
        return _discrete(tables(model), t, length)
    if isinstance(model, XY):
        return _vectors(model.coupling, t, length, _circle)
    if isinstance(model, Heisenberg):
        return _vectors(model.coupling, t, length, _sphere)
    raise ValueError(f"chains are summed for Ising, Potts, Blume-Capel, clock, XY and Heisenberg models, got {model!r}")


def _discrete(table: Tables, t: float, length: int | None) -> Chain:
    if table.second.any():
        raise ValueError("second_coupling is not 0: chains are summed for nearest neighbours; use sum_states")
    energy = table.pair + (table.site[:, None] + table.site) / 2
    ground = energy.min()
    energy -= ground
    weights = np.exp(-energy / t)
    size, modes = np.linalg.eigh(weights)
    largest = modes[:, -1]
    if length is None:
        # second-order perturbation theory of the largest eigenvalue, which stands alone (Perron and Frobenius)
        inner = modes.T @ (weights * energy) @ largest
        apart = np.abs(inner[:-1]) > 1e-12 * energy.max()  # modes of another symmetry may lie as high, and do not mix
        mean = float(inner[-1] / size[-1])
        square = (
            largest @ (weights * energy**2) @ largest
            + 2 * (inner[:-1][apart] ** 2 / (size[-1] - size[:-1][apart])).sum()
        )
        log, variance = math.log(size[-1]), float(square / size[-1]) - mean**2
    else:
        jets = np.stack([weights, weights * energy, weights * energy**2]) / size[-1] ** np.ones((3, 1, 1))
        z, first, second = (float(np.trace(one)) for one in _power(jets, length))
        log, mean = math.log(size[-1]) + math.log(z) / length, first / z / length
        variance = (second / z - (first / z) ** 2) / length
    order = modes.T @ (table.order.T[:, :, None] * modes)  # <m| order |n>, (component, m, n)
    seen = np.abs(order[:, -1, :-1]).max(axis=0) > 1e-9
    rate = np.abs(size[:-1])[seen].max(initial=0.0) / size[-1]
    top = size > (1 - _ROUNDING) * size[-1]  # modes that are the largest to rounding are any mix of one another
    splits = np.ptp(np.linalg.eigvalsh(order[:, top][:, :, top]), axis=1)
    if splits.max() > 1e-9:
        rate = 1.0
    return Chain(log - float(ground) / t, mean + float(ground), variance / t**2, _length(rate))


def _power(jets: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """The n-th power of a matrix (W, W', W''), with its derivatives."""
    if n == 1:
        return jets
    half = _power(jets, n // 2)
    whole = _product(half, half)
    return _product(whole, jets) if n % 2 else whole


def _product(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([a[0] @ b[0], a[1] @ b[0] + a[0] @ b[1], a[2] @ b[0] + 2 * a[1] @ b[1] + a[0] @ b[2]])


def _vectors(coupling: float, t: float, length: int | None, modes: Any) -> Chain:
    k = abs(coupling) / t
    count = 40 + math.ceil(12 * math.sqrt(k))  # modes fall off as exp(-n^2 / 2K)
    size, degeneracy, cosine = modes(k, count)
    with np.errstate(invalid="ignore"):
        first, second = cosine(size), cosine(cosine(size))
    # for J < 0 the n-th mode changes sign with n: an odd ring is frustrated
    sign = 1.0 if coupling > 0 else (-1.0) ** np.arange(count)
    rate = size[1] / size[0]
    if length is None:
        mean = first[0] / size[0]
        log, variance = math.log(size[0]), second[0] / size[0] - mean**2
    else:
        ratio = size / size[0]
        weight = degeneracy * sign**length * ratio**length
        z = weight.sum()
        if z < _DIGITS * np.abs(weight).sum():
            raise ValueError(
                f"T = {t:g} is too low for a ring of {length} vectors with J = {coupling:g}: its sum over modes "
                "alternates and has lost its digits; take a higher T or an even length"
            )
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.where(ratio > 1e-250, first / size, 0.0)
            bend = np.where(ratio > 1e-250, second / size, 0.0)
        log = math.log(size[0]) + math.log(z) / length
        mean = (weight * slope).sum() / z
        # d^2 lambda^N / N = lambda^N (lambda'' / lambda + (N - 1) (lambda' / lambda)^2)
        variance = (weight * (bend + (length - 1) * slope**2)).sum() / z - length * mean**2
    return Chain(log + k, -abs(coupling) * float(mean), float(variance) * k * k, _length(rate))


def _circle(k: float, count: int) -> tuple[NDArray, NDArray, Any]:
    """I_n(K) e^-K, how often, and the cosine on the modes n = 0, 1, ...: 1/2 to either side."""

    def cosine(c: NDArray[np.float64]) -> NDArray[np.float64]:
        return (np.concatenate([[c[1]], c[:-1]]) + np.append(c[1:], 0.0)) / 2

    return np.asarray(ive(np.arange(count), k)), np.where(np.arange(count) == 0, 1.0, 2.0), cosine


def _sphere(k: float, count: int) -> tuple[NDArray, NDArray, Any]:
    """i_l(K) e^-K, 2 l + 1, and the cosine: l / (2 l + 1) downwards, (l + 1) / (2 l + 1) upwards."""
    el = np.arange(count)

    def cosine(c: NDArray[np.float64]) -> NDArray[np.float64]:
        below, above = np.concatenate([[0.0], c[:-1]]), np.append(c[1:], 0.0)
        return (el * below + (el + 1) * above) / (2 * el + 1)

    # K -> 0 leaves the first mode alone: i_0 = sinh K / K
    size = math.sqrt(math.pi / (2 * k)) * np.asarray(ive(el + 0.5, k)) if k > 0 else (el == 0).astype(np.float64)
    return size, 2.0 * el + 1, cosine


def _length(rate: float) -> float:
    """-1 / ln(rate); infinite where the rate is 1 to rounding."""
    return math.inf if rate > 1 - _ROUNDING else -1 / math.log(rate) if rate > 0 else 0.0
