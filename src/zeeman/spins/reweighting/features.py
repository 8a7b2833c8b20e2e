"""Peaks and crossings of reweighted curves, with errors: where a finite lattice shows its transition.

Reweighted curves are analytic in T. Near the feature every jackknife replicate is interpolated by a Chebyshev
polynomial, whose maximum or root is then exact to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import Chebyshev
from numpy.typing import NDArray

from zeeman.spins.reweighting.multihistogram import Curve
from zeeman.spins.statistics import Estimate

__all__ = ["Feature", "crossing", "peak"]

_SCAN = 49  # temperatures at which the curve of all samples is looked at
_NODES = 13  # of the polynomials
_HALVINGS = 6

Reading = Callable[[float], NDArray[np.float64]]  # temperature -> (1 + block,)


@dataclass(frozen=True)
class Feature:
    """Where a curve peaks or two curves cross, and the value there.

    Attributes
    ----------
    temperature, value : Estimate
    """

    temperature: Estimate
    value: Estimate

    def __str__(self) -> str:
        return f"{self.value} at T = {self.temperature}"


def peak(curve: Curve, low: float | None = None, high: float | None = None) -> Feature:
    """Maximum of a curve between two temperatures (by default those that were sampled), with jackknife errors.

    Raises
    ------
    ValueError
        If the curve is largest at an end of the range.

    Examples
    --------
    ``peak(fit.specific_heat)``, ``peak(fit.susceptibility(m, connected=True))`` with fit = reweight(data).
    """
    low, high = _range([curve], low, high)
    ts = np.linspace(low, high, _SCAN)
    values = np.array([curve.replicates(t)[0] for t in ts])
    k = int(values.argmax())
    if k in (0, _SCAN - 1):
        raise ValueError(
            f"the curve is largest at the end T = {ts[k]:g} of the range {low:g} to {high:g}, where no maximum can be "
            "told: sample further, or give a range that holds the peak"
        )
    found = _locate(curve.replicates, (ts[k - 1], ts[k + 1]), (low, high), _maximum)
    return Feature(*(curve.source.estimate(column) for column in found.T))


def crossing(first: Curve, second: Curve, low: float | None = None, high: float | None = None) -> Feature:
    """Where two curves of independent samples cross (Binder cumulants of two sizes), with jackknife errors.

    Of several crossings in the range (by default what both have sampled) the one that best parts temperatures where
    the first is larger from those where the second is. The errors of the two curves are added in squares.

    Raises
    ------
    ValueError
        If the difference has one sign in the whole range.
    """
    low, high = _range([first, second], low, high)
    ts = np.linspace(low, high, _SCAN)
    gap = np.array([first.replicates(t)[0] - second.replicates(t)[0] for t in ts])
    changes = np.flatnonzero(np.sign(gap[1:]) * np.sign(gap[:-1]) <= 0)
    if not len(changes):
        raise ValueError(
            f"the curves do not cross between T = {low:g} and {high:g}: their difference runs from {gap[0]:.3g} to "
            f"{gap[-1]:.3g}; sample a range that holds the crossing"
        )
    k = max(changes, key=lambda i: abs(gap[: i + 1].sum() - gap[i + 1 :].sum()))
    step = ts[1] - ts[0]
    bracket = max(low, ts[k] - step), min(high, ts[k + 1] + step)

    def own(one: Curve, other: Curve) -> NDArray[np.float64]:
        """Crossings of every replicate of one curve with all samples of the other: (1 + block, [T, value])."""

        def both(t: float) -> NDArray[np.float64]:
            a = one.replicates(t)
            return np.stack([a, np.full(len(a), other.replicates(t)[0])])

        return _locate(both, bracket, (low, high), _root)

    parts = [(first, own(first, second)), (second, own(second, first))]
    estimates = [[source.source.estimate(column) for column in found.T] for source, found in parts]
    return Feature(*(Estimate(a.value, float(np.hypot(a.error, b.error))) for a, b in zip(*estimates, strict=True)))


def _range(curves: list[Curve], low: float | None, high: float | None) -> tuple[float, float]:
    ends = [c.source.temperatures[[0, -1]] for c in curves]
    low = float(max(t[0] for t in ends)) if low is None else float(low)
    high = float(min(t[1] for t in ends)) if high is None else float(high)
    if not low < high:
        raise ValueError(f"no range of temperatures: low = {low:g} must be below high = {high:g}; give low and high")
    for curve in curves:
        for t in (low, high):
            curve.source.check(t)
    return low, high


def _locate(
    read: Reading, bracket: tuple[float, float], limits: tuple[float, float],
    find: Callable[[NDArray[np.float64], tuple[float, float]], NDArray[np.float64] | None],
) -> NDArray[np.float64]:  # fmt: skip
    """Feature of every replicate, (1 + block, [T, value]), widening the bracket until it holds all of them."""
    a, b = bracket
    while True:
        nodes = (a + b) / 2 + (b - a) / 2 * np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)
        found = find(np.stack([read(float(t)) for t in nodes]), (a, b))
        if found is not None:
            return found
        if (a, b) == limits:
            raise ValueError(
                f"in part of the samples the feature is not between T = {a:g} and {b:g}: its error is as large as the "
                "range; take more samples or a wider range"
            )
        a, b = max(limits[0], a - (b - a) / 2), min(limits[1], b + (b - a) / 2)


def _maximum(values: NDArray[np.float64], bracket: tuple[float, float]) -> NDArray[np.float64] | None:
    """Maxima of (node, replicate); None if one is at an end."""
    out = []
    for p in _polynomials(values, bracket):
        stationary = _real_roots(p.deriv(), bracket)
        if not len(stationary):
            return None
        best = stationary[p(stationary).argmax()]
        if p(best) < max(p(bracket[0]), p(bracket[1])):
            return None
        out.append((best, p(best)))
    return np.array(out)


def _root(values: NDArray[np.float64], bracket: tuple[float, float]) -> NDArray[np.float64] | None:
    """Crossings of (node, [one, other], replicate), the nearest to that of all samples; None if there is none."""
    out: list[tuple[float, float]] = []
    one, other = (list(_polynomials(values[:, k], bracket)) for k in (0, 1))
    for p, q in zip(one, other, strict=True):
        roots = _real_roots(p - q, bracket)
        if not len(roots):
            return None
        centre = out[0][0] if out else sum(bracket) / 2
        best = roots[np.abs(roots - centre).argmin()]
        out.append((best, p(best)))
    return np.array(out)


def _polynomials(values: NDArray[np.float64], bracket: tuple[float, float]) -> list[Chebyshev]:
    """Interpolants of values (node, replicate) at the Chebyshev nodes of the bracket."""
    k = np.arange(_NODES)
    basis = np.cos(np.multiply.outer(k, np.pi * (k + 0.5) / _NODES)) * 2 / _NODES
    basis[0] /= 2
    return [Chebyshev(c, domain=bracket) for c in (basis @ values).T]


def _real_roots(p: Chebyshev, bracket: tuple[float, float]) -> NDArray[np.float64]:
    roots = p.roots()
    real = roots.real[np.abs(roots.imag) < 1e-9 * (bracket[1] - bracket[0])]
    return real[(real >= bracket[0]) & (real <= bracket[1])]
