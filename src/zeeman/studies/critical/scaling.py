r"""The limit of large L: laws fitted to signals of several sizes, and an average over the fits that are defensible.

crossing      U = U* + sum_k a_k x^k + b L^-omega,           x = (T - T_c) / T_c L^(1/nu)
peak          T_L = T_c + a L^(-1/nu) (+ b L^(-1/nu - omega))
BKT           U = U* + c X (+ d X^2),   X = sqrt(eps) coth[sqrt(eps) l],  eps = a (T_c - T),  l = ln L + C

X solves the Kosterlitz flow dX/dl = eps - X^2; at T_c it is 1 / (ln L + C), the law of Weber and Minnhagen (PRB 37,
5986, 1988), and above T_c the coth turns into a cotangent. How many terms, which sizes and which temperatures a fit
keeps is not known: fits are weighed by exp[-(chi^2 + 2 k + 2 n_cut) / 2], k parameters fitted and n_cut points left
out (Jay and Neil, PRD 103, 114502, 2021), and their spread is part of the error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from zeeman.spins.transitions import Scaling

__all__ = ["Law", "Limit", "Points", "bkt_limit", "crossing_limit", "peak_limit"]

Array = NDArray[np.float64]
_UNDETERMINED = 0.1  # relative error of T_c above which a fit says nothing
_NEVER = 1e-3  # weight of a fit, relative to the best, below which it is not resampled


@dataclass(frozen=True)
class Law:
    """Exponents and universal constants that a fit may take as known; None is fitted (nu) or left out (omega).

    Attributes
    ----------
    nu, omega : float or None
        x = t L^(1/nu); corrections L^-omega.
    bkt : tuple (U*, c) or None
        Value and slope of the signal at a Berezinskii-Kosterlitz-Thouless transition.
    """

    nu: float | None = None
    omega: float | None = None
    bkt: tuple[float, float] | None = None


@dataclass(frozen=True)
class Points:
    """Measured numbers: `values` (1 + bootstrap, point), from all samples and from every resample; `errors` (point,).

    Points of different sizes or temperatures are independent. Peaks leave `temperatures` empty: they are the values.
    """

    sizes: Array
    values: Array
    errors: Array
    temperatures: Array

    def kept(self, chosen: NDArray[np.bool_]) -> Points:
        """Those chosen."""
        temperatures = self.temperatures[chosen] if len(self.temperatures) else self.temperatures
        return Points(self.sizes[chosen], self.values[:, chosen], self.errors[chosen], temperatures)


@dataclass(frozen=True)
class Limit:
    """T_c from all samples and from every resample, (1 + bootstrap,); the spread of the fits; how it was done."""

    values: Array
    spread: float
    scaling: Scaling


class _Fit(NamedTuple):
    names: tuple[str, ...]
    theta: Array
    values: Array  # T_c, (1 + bootstrap,)
    chi2: float
    dof: int
    aic: float


Model = Callable[[Array, Points], Array]


def crossing_limit(points: Points, law: Law) -> Limit:
    """Where the curves of all sizes cross as L grows. Axes of the fits: see the module."""
    guess, reach = _first_crossing(points, law)
    fits = []
    for kept, n_terms, corrected in product(_windows(points, reach), (1, 2, 3), (False, True)):
        n_sizes = len(np.unique(kept.sizes))
        if corrected and (law.omega is None or n_sizes < 3):
            continue
        start = _crossing_start(kept, law, guess, n_terms, corrected)
        model, names = _crossing_model(law, guess, points.sizes.mean(), n_terms, corrected)
        fits += _fitted(model, names, start, kept, len(points.errors))
    return _average(fits, "U = U* + sum_k a_k x^k + b L^-omega, x = (T - T_c)/T_c L^(1/nu)", _constants(law))


def peak_limit(points: Points, law: Law) -> Limit:
    """Where the peaks T_L of all sizes go as L grows; three sizes at least where nu is to be fitted."""
    fits = []
    for least, corrected in product(_smallest_sizes(points.sizes, 2 + (law.nu is None)), (False, True)):
        kept = points.kept(points.sizes >= least)
        if corrected and law.omega is None:
            continue
        names = ("T_c", "a", *(("1/nu",) if law.nu is None else ()), *(("b",) if corrected else ()))
        slope = (kept.values[0, 0] - kept.values[0, -1]) / (kept.sizes[0] ** -1.0 - kept.sizes[-1] ** -1.0)
        start = np.array([kept.values[0, -1], slope, *([1.0] if law.nu is None else []), *([0.0] if corrected else [])])
        fits += _fitted(_peak_model(law, corrected), names, start, kept, len(points.errors))
    return _average(fits, "T_L = T_c + a L^(-1/nu) (1 + b L^-omega)", _constants(law))


def bkt_limit(points: Points, law: Law) -> Limit:
    """Where X = 1 / (ln L + C) for every size: the transition without a crossing."""
    assert law.bkt is not None
    fits = []
    low, high = points.temperatures.min(), points.temperatures.max()
    for least, second in product(_smallest_sizes(points.sizes, 2), (False, True)):
        for width in (1.0, 0.6):
            centre = 0.5 * (low + high)
            near = np.abs(points.temperatures - centre) <= 0.5 * width * (high - low) * 1.001
            kept = points.kept((points.sizes >= least) & near)
            names = ("T_c", "a", "C", *(("d",) if second else ()))
            start = np.array([centre, 2.0 / centre, 1.0, *([0.0] if second else [])])
            fits += _fitted(_bkt_model(law.bkt, second), names, start, kept, len(points.errors))
    return _average(fits, "U = U* + c X + d X^2, dX/dl = a (T_c - T) - X^2, l = ln L + C", _constants(law))


def _crossing_model(
    law: Law, scale: float, length: float, n_terms: int, corrected: bool
) -> tuple[Model, tuple[str, ...]]:
    free = law.nu is None

    def model(theta: Array, points: Points) -> Array:
        y = theta[1] if free else 1 / law.nu  # type: ignore[operator]
        x = (points.temperatures - theta[0]) / scale * (points.sizes / length) ** y
        rest = theta[1 + free :]
        value = np.polynomial.polynomial.polyval(x, rest[: n_terms + 1])
        return value + rest[-1] * (points.sizes / length) ** -law.omega if corrected else value  # type: ignore[operator]

    terms = tuple(f"a_{k}" for k in range(1, n_terms + 1))
    return model, ("T_c", *(("1/nu",) if free else ()), "U*", *terms, *(("b",) if corrected else ()))


def _peak_model(law: Law, corrected: bool) -> Model:
    def model(theta: Array, points: Points) -> Array:
        y = theta[2] if law.nu is None else 1 / law.nu
        value = theta[0] + theta[1] * points.sizes**-y
        return value + theta[-1] * points.sizes ** -(y + law.omega) if corrected else value  # type: ignore[operator]

    return model


def _bkt_model(constants: tuple[float, float], second: bool) -> Model:
    def model(theta: Array, points: Points) -> Array:
        length = np.maximum(np.log(points.sizes) + theta[2], 0.05)
        X = _coth(theta[1] * (theta[0] - points.temperatures) * length**2) / length
        return constants[0] + constants[1] * X + (theta[3] * X**2 if second else 0.0)

    return model


def _coth(u: Array) -> Array:
    """sqrt(u) coth sqrt(u), continued to sqrt(-u) cot sqrt(-u) and, before its pole, by a straight line."""
    edge = -4.0  # the cotangent runs away at -pi^2; a fit may pass there on its way
    inside = np.maximum(u, edge)
    root = np.sqrt(np.abs(inside)) + 1e-9
    value = np.where(inside > 0, root / np.tanh(root), root / np.tan(root))
    at = np.sqrt(-edge)
    slope = (at / np.sin(at) ** 2 - 1 / np.tan(at)) / (2 * at)
    return value + slope * np.minimum(u - edge, 0.0)


def _first_crossing(points: Points, law: Law) -> tuple[float, Array]:
    """T_c by scanning a grid, every other parameter linear; |x| of every point about it, in parts of the largest."""
    best, at = np.inf, float(points.temperatures.mean())
    length = points.sizes.mean()
    for t, y in product(np.linspace(points.temperatures.min(), points.temperatures.max(), 81),
                        (0.6, 1.0, 1.5) if law.nu is None else (1 / law.nu,)):  # fmt: skip
        x = (points.temperatures - t) / t * (points.sizes / length) ** y
        columns = np.vander(x, 4) / points.errors[:, None]
        target = points.values[0] / points.errors
        found = np.linalg.lstsq(columns, target, rcond=None)[0]
        chi2 = float(((columns @ found - target) ** 2).sum())
        if chi2 < best:
            best, at = chi2, float(t)
    reach = np.abs(points.temperatures - at) / at * points.sizes ** (1 / (law.nu or 1.0))
    return at, reach / reach.max()


def _windows(points: Points, reach: Array) -> Iterator[Points]:
    """Points from a smallest size on, near the crossing: all, and ever fewer."""
    seen = []
    for least, width in product(_smallest_sizes(points.sizes, 2), (1.0, 0.7, 0.5, 0.35)):
        chosen = (points.sizes >= least) & (reach <= width)
        per_size = [np.count_nonzero(chosen & (points.sizes == size)) for size in np.unique(points.sizes[chosen])]
        if chosen.tobytes() in seen or len(per_size) < 2 or min(per_size) < 2:
            continue
        seen.append(chosen.tobytes())
        yield points.kept(chosen)


def _smallest_sizes(sizes: Array, fewest: int) -> list[float]:
    """Smallest sizes to begin with, so that at least `fewest` sizes stay."""
    distinct = np.unique(sizes)
    return [float(size) for size in distinct[: max(1, len(distinct) - fewest + 1)]]


def _crossing_start(points: Points, law: Law, guess: float, n_terms: int, corrected: bool) -> Array:
    y = 1 / (law.nu or 1.0)
    length = points.sizes.mean()
    x = (points.temperatures - guess) / guess * (points.sizes / length) ** y
    columns = np.vander(x, n_terms + 1, increasing=True) / points.errors[:, None]
    linear = np.linalg.lstsq(columns, points.values[0] / points.errors, rcond=None)[0]
    return np.array([guess, *([y] if law.nu is None else []), *linear, *([0.0] if corrected else [])])


def _fitted(model: Model, names: tuple[str, ...], start: Array, points: Points, n_all: int) -> list[_Fit]:
    """Fit to all samples by Levenberg and Marquardt, to every resample by one step from there.

    An empty list where there are too few points, the fit runs away or does not determine T_c.
    """
    n, k = len(points.errors), len(start)
    if n < k:
        return []
    scale = np.maximum(np.abs(start), 1e-3)

    def residual(theta: Array) -> Array:
        return (model(theta, points) - points.values[0]) / points.errors

    try:
        found = scipy.optimize.least_squares(residual, start, x_scale=scale, method="lm", max_nfev=400)
    except (ValueError, np.linalg.LinAlgError):
        return []
    if not (np.isfinite(found.x).all() and np.linalg.cond(found.jac / np.linalg.norm(found.jac, axis=0)) < 1e7):
        return []
    chi2 = float(2 * found.cost)
    values = _resampled(model, found.x, scale, points)
    if not (np.isfinite(values).all() and values.std() < _UNDETERMINED * abs(found.x[0])):
        return []
    return [_Fit(names, found.x, values, chi2, n - k, chi2 + 2 * k + 2 * (n_all - n))]


def _resampled(model: Model, theta: Array, scale: Array, points: Points) -> Array:
    """T_c for every row of the values: one Gauss-Newton step from the fit to all samples, d theta = J^+ d U."""
    h = 1e-5 * scale
    columns = [(model(theta + h * e, points) - model(theta - h * e, points)) / (2 * h @ e) for e in np.eye(len(theta))]
    inverse = np.linalg.pinv(np.stack(columns, axis=1) / points.errors[:, None], rcond=1e-10)
    return theta[0] + (points.values - points.values[0]) / points.errors @ inverse[0]


def _average(fits: list[_Fit], form: str, fixed: dict[str, float]) -> Limit:
    if not fits:
        raise ValueError(
            "no law of finite-size scaling could be fitted: too few sizes or temperatures for its parameters; give a "
            "third size, more temperatures, or nu"
        )
    aic = np.array([fit.aic for fit in fits])
    weights = np.exp(-0.5 * (aic - aic.min()))
    weights[weights < _NEVER] = 0
    weights /= weights.sum()
    values = np.stack([fit.values for fit in fits])
    mean = weights @ values
    best = fits[int(np.argmin(aic))]
    # fits that none of the laws describes: errors grow by the root of chi^2 per degree of freedom
    inflation = np.sqrt(max(1.0, min(fit.chi2 / fit.dof for fit in fits if fit.dof > 0)) if best.dof > 0 else 1.0)
    spread = float(np.sqrt(weights @ (values[:, 0] - mean[0]) ** 2))
    return Limit(
        mean[0] + inflation * (mean - mean[0]), float(inflation * spread),
        Scaling(
            form, fixed, dict(zip(best.names, best.theta.tolist(), strict=True)), best.chi2, best.dof, len(fits),
            float(weights.max()),
        ),
    )  # fmt: skip


def _constants(law: Law) -> dict[str, float]:
    named = {"nu": law.nu, "omega": law.omega}
    fixed = {name: value for name, value in named.items() if value is not None}
    return fixed if law.bkt is None else {"U*": law.bkt[0], "c": law.bkt[1]}
