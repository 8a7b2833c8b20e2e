"""A signal measured at every size and by every training: points with their resamples, and curves to look at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeeman.base.random import stream
from zeeman.spins.reweighting import Curve, MultiHistogram, reweight
from zeeman.spins.transitions import SizeCurve
from zeeman.studies.critical.orders import Order
from zeeman.studies.critical.samples import Samples
from zeeman.studies.critical.scaling import Points
from zeeman.studies.critical.signals import CROSSING, signal_of

__all__ = ["Measured", "measure"]

Array = NDArray[np.float64]
_GRID = 41  # temperatures at which reweighted curves are read


@dataclass(frozen=True)
class Measured:
    """Points of every training, and curves of their mean."""

    points: list[Points]
    curves: list[SizeCurve]


def measure(sizes: list[Samples], orders: list[Order], name: str, n_bootstrap: int, seed: int) -> Measured:
    """Signals of every size and training; the resamples are the same for all trainings."""
    n_replicas = orders[0].codes.shape[0]
    joined = [_joined(one) for one in sizes]
    if name in CROSSING or name == "helicity":
        shares = [one.draws(n_bootstrap, seed) for one in sizes]
        signals = [[signal_of(name, one, order, r) for one, order in zip(sizes, orders, strict=True)]
                   for r in range(n_replicas)]  # fmt: skip
        values = [
            [signal.at(one, share) for signal, one, share in zip(row, sizes, shares, strict=True)] for row in signals
        ]
        return Measured(
            [_points(sizes, row) for row in values],
            [_curve(one, [row[k] for row in values], [row[k] for row in signals], joined[k])
             for k, one in enumerate(sizes)],
        )  # fmt: skip
    peaks = [[_peak(name, one, order, r, fit) for one, order, fit in zip(sizes, orders, joined, strict=True)]
             for r in range(n_replicas)]  # fmt: skip
    points = []
    for row in peaks:
        drawn = np.stack([_drawn(at, one, n_bootstrap, seed) for (at, _), one in zip(row, sizes, strict=True)], axis=1)
        points.append(Points(_lengths(sizes), drawn, drawn[1:].std(axis=0, ddof=1), np.empty(0)))
    curves = [_mean_curve([row[k][1] for row in peaks]) for k in range(len(sizes))]
    return Measured(points, curves)


def _points(sizes: list[Samples], values: list[Array]) -> Points:
    lengths = np.concatenate([np.full(len(one.temperatures), float(one.size)) for one in sizes])
    joined = np.concatenate(values, axis=1)
    return Points(lengths, joined, joined[1:].std(axis=0, ddof=1), np.concatenate([one.temperatures for one in sizes]))


def _lengths(sizes: list[Samples]) -> Array:
    return np.array([float(one.size) for one in sizes])


def _joined(samples: Samples) -> MultiHistogram | None:
    """All temperatures joined by reweighting; None where the data carry no energy or do not overlap."""
    if not np.isfinite(samples.energies).all():
        return None
    series = [samples.energies[samples.at(k)] / samples.n_sites for k in range(len(samples.temperatures))]
    try:
        return reweight(series, samples.temperatures, samples.n_sites)
    except ValueError:
        return None


def _curve(samples: Samples, values: list[Array], signals: list[Any], joined: MultiHistogram | None) -> SizeCurve:
    """A crossing signal where samples were drawn, and between by reweighting; means over trainings."""
    mean = np.mean(values, axis=0)
    curve = SizeCurve(samples.size, samples.temperatures, mean[0], mean[1:].std(axis=0, ddof=1))
    if joined is None or len(signals[0].columns) > 8:
        return curve
    grid = np.linspace(samples.temperatures[0], samples.temperatures[-1], _GRID)
    fine = [joined.quantity(signal.function, *signal.columns) for signal in signals]
    between = np.array([np.mean([one.replicates(t)[0] for one in fine]) for t in grid])
    return replace(curve, fine_temperatures=grid, fine_values=between)


def _peak(
    name: str, samples: Samples, order: Order, replica: int, joined: MultiHistogram | None
) -> tuple[Array, SizeCurve]:
    """T_L of the highest point from all samples and without each block, (1 + block,), and the curve."""
    if joined is None:
        raise ValueError(
            f"signal {name!r} is followed between temperatures by reweighting, and at L = {samples.size} the data have "
            "no energies, or energies of neighbouring temperatures that do not overlap: add temperatures between"
        )
    signal = signal_of(name, samples, order, replica)
    curve = joined.quantity(signal.function, *signal.columns)
    grid = np.linspace(samples.temperatures[0], samples.temperatures[-1], _GRID)
    values = np.stack([curve.replicates(t) for t in grid])
    top = int(np.argmax(values[:, 0]))
    if top in (0, _GRID - 1):
        raise ValueError(
            f"the {name} of L = {samples.size} is largest at the end of the range, T = {grid[top]:g}: sample beyond it"
        )
    at = _refined(curve, grid[top], 2.5 * (grid[1] - grid[0]))
    shown = SizeCurve(
        samples.size, samples.temperatures, np.interp(samples.temperatures, grid, values[:, 0]),
        np.array([joined.estimate(curve.replicates(t)).error for t in samples.temperatures]), grid, values[:, 0],
    )  # fmt: skip
    return at, shown


def _refined(curve: Curve, top: float, width: float) -> Array:
    """Vertex of a parabola through the curve within `width` of its highest point, with and without each block."""
    low, high = curve.source.temperatures[[0, -1]]
    t = np.linspace(max(low, top - width), min(high, top + width), 7)
    values = np.stack([curve.replicates(x) for x in t])
    square, slope, _ = np.polynomial.polynomial.polyfit((t - top) / width, values, 2)[::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        vertex = np.where(square < 0, -slope / (2 * square), 0.0)
    return top + width * np.clip(vertex, -1.5, 1.5)


def _drawn(at: Array, samples: Samples, n_bootstrap: int, seed: int) -> Array:
    """T_L from all samples and (1 + bootstrap,) resamples of its pseudo-values n T - (n - 1) T without a block."""
    n = len(at) - 1
    pseudo = n * at[0] - (n - 1) * at[1:]
    rng = stream(seed, f"bootstrap/{samples.size}")
    shares = rng.multinomial(n - 1, np.full(n, 1 / n), n_bootstrap) / (n - 1)
    return np.append(at[0], at[0] + shares @ (pseudo - pseudo.mean()))


def _mean_curve(curves: list[SizeCurve]) -> SizeCurve:
    return replace(
        curves[0], values=np.mean([c.values for c in curves], axis=0),
        fine_values=np.mean([c.fine_values for c in curves], axis=0),
    )  # fmt: skip
