r"""The limit of large L: laws fitted to signals of several sizes, and an average over the fits that are defensible.

crossing  U = sum_k a_k x^k + A L^-omega,    x = L^(1/nu) t (1 + c t) (1 + m L^-omega),    t = (T - T_c) / T_c
peak      T_L = T_c + a L^(-1/nu) (1 + c L^(-1/nu) + m L^-omega)
BKT       U = U* + s X + d X^2 + e X^3 + A L^-omega,    X = sqrt(eps) coth[sqrt(eps) w],    eps = -a t (1 + c t),
          w = l + ln(l) / 2,    l = ln L + C

In the last X solves Kosterlitz's flow dX/dw = eps - X^2; at T_c it is 1 / w, the law of Weber and Minnhagen (PRB 37,
5986, 1988) with the universal logarithm of the next order (A. Pelissetto, E. Vicari, PRE 87, 032105, 2013), and above
T_c the coth turns into a cotangent. It is a series in X: the term X^4 that is left out is an error of every point, so
that those far from T_c, where it is large, have no weight.

The corrections c, m, A, d, e, and omega where it is not known, are there but hardly seen at a few sizes. They get
Gaussian priors of natural width, and what the data leave open of them is part of the error (Lepage et al., Nucl. Phys.
B Suppl. 106, 12, 2002).
How many a_k and which sizes and temperatures to keep is averaged over with weights exp[-(chi^2 + 2 k + 2 n_cut) / 2],
k free parameters and n_cut points left out (Jay and Neil, PRD 103, 114502, 2021). Every resample has weights of its
own: which fit is best is known no better than the data are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from zeeman.spins.transitions import Scaling

__all__ = ["Law", "Limit", "Points", "bkt_limit", "crossing_limit", "peak_limit"]

Array = NDArray[np.float64]
_UNDETERMINED = 0.1  # relative error of T_c above which a fit says nothing
_LEAST_WEIGHT = 1e-3  # relative to the best fit; others are dropped
# widths of the priors: t (1 + c t), x (1 + m L^-omega); peaks move by more
_C, _M, _PEAK_C, _PEAK_M = 1.0, 1.0, 2.0, 5.0
_D, _LOG = 2.0, 5.0  # of d X^2 and e X^3, in parts of s; of C in ln L + C


@dataclass(frozen=True)
class Law:
    """Exponents and universal constants that a fit takes as known; nu = None is fitted.

    Attributes
    ----------
    nu, omega : float or None, float
        x = t L^(1/nu); corrections L^-omega.
    omega_width : float
        Standard deviation of ln omega, 0 where it is known.
    bkt : tuple (U*, s) or None
        Value and slope of the signal at a Berezinskii-Kosterlitz-Thouless transition.
    unresolved : float
        Relative error of T_c that no fit at the usual sizes shows.
    amplitude : float
        Natural size of A, the standard deviation of its prior.
    """

    nu: float | None = None
    omega: float = 1.0
    omega_width: float = 0.5
    bkt: tuple[float, float] | None = None
    unresolved: float = 0.0
    amplitude: float = 1.0


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
    """T_c from all samples and every resample, (1 + bootstrap,); the error of priors and choices; how it was done."""

    values: Array
    spread: float
    scaling: Scaling


class _Parameter(NamedTuple):
    """A parameter of a law: where a fit begins, and the width of its prior about 0 (inf: free)."""

    name: str
    start: float
    width: float = np.inf


class _Fit(NamedTuple):
    parameters: dict[str, float]
    values: Array  # T_c, (1 + bootstrap,)
    prior_error: float
    chi2: float
    dof: int
    aic: Array  # (1 + bootstrap,)


Model = Callable[[Array, Points], Array]


def crossing_limit(points: Points, law: Law) -> Limit:
    """Where the curves of all sizes cross as L grows."""
    guess, reach = _first_crossing(points, law)
    fits = []
    for kept, n_terms in product(_windows(points, reach), (2, 3, 4)):
        exponent = [] if law.nu is not None else [_Parameter("1/nu", 1.0)]
        slopes = [_Parameter(f"a_{k}", a) for k, a in enumerate(_polynomial(kept, law, guess, n_terms))]
        corrections = [
            _exponent(law),
            _Parameter("c", 0.0, _C),
            _Parameter("m", 0.0, _M),
            _Parameter("A", 0.0, law.amplitude),
        ]
        parameters = [_Parameter("T_c", guess), *exponent, *corrections, *slopes]
        fits += _fitted(_crossing_model(law), parameters, kept, len(points.errors))
    return _average(fits, "U = sum_k a_k x^k + A L^-omega, x = L^(1/nu) t (1 + c t) (1 + m L^-omega)", _constants(law))


def peak_limit(points: Points, law: Law) -> Limit:
    """Where the peaks T_L of all sizes go as L grows; three sizes at least where nu is to be fitted."""
    fits, unknown = [], law.nu is None
    for least in _smallest_sizes(points.sizes, 2 + unknown):
        kept = points.kept(points.sizes >= least)
        slope = (kept.values[0, 0] - kept.values[0, -1]) / (1 / kept.sizes[0] - 1 / kept.sizes[-1])
        exponent = [_Parameter("1/nu", 1.0)] if unknown else []
        corrections = [_exponent(law), _Parameter("c", 0.0, _PEAK_C), _Parameter("m", 0.0, _PEAK_M)]
        parameters = [_Parameter("T_c", kept.values[0, -1]), *exponent, *corrections, _Parameter("a", slope)]
        fits += _fitted(_peak_model(law), parameters, kept, len(points.errors))
    return _average(fits, "T_L = T_c + a L^(-1/nu) (1 + c L^(-1/nu) + m L^-omega)", _constants(law))


def bkt_limit(points: Points, law: Law) -> Limit:
    """Where X = 1 / w for every size: the transition without a crossing."""
    assert law.bkt is not None
    fits, (limit, slope) = [], law.bkt
    left_out = _D * slope * ((points.values[0] - limit) / slope) ** 4
    points = replace(points, errors=np.hypot(points.errors, left_out))
    low, high = points.temperatures.min(), points.temperatures.max()
    centre = 0.5 * (low + high)
    for least, width in product(_smallest_sizes(points.sizes, 2), (1.0, 0.6, 0.4)):
        near = np.abs(points.temperatures - centre) <= 0.5001 * width * (high - low)
        kept = points.kept((points.sizes >= least) & near)
        parameters = [
            _Parameter("T_c", centre), _Parameter("a", 2.0), _Parameter("C", 0.0, _LOG), _Parameter("c", 0.0, _C),
            _Parameter("d", 0.0, abs(law.bkt[1]) * _D), _Parameter("e", 0.0, abs(law.bkt[1]) * _D), _exponent(law),
            _Parameter("A", 0.0, law.amplitude),
        ]  # fmt: skip
        fits += _fitted(_bkt_model(law), parameters, kept, len(points.errors))
    form = (
        "U = U* + s X + d X^2 + e X^3 + A L^-omega, dX/dw = eps - X^2, eps = -a t (1 + c t), w = l + ln(l)/2, "
        "l = ln L + C"
    )
    found = _average(fits, form, _constants(law))
    return replace(found, spread=float(np.hypot(found.spread, law.unresolved * found.values[0])))


def _exponent(law: Law) -> _Parameter:
    """U of omega e^u."""
    return _Parameter("ln omega", 0.0, max(law.omega_width, 1e-6))


def _crossing_model(law: Law) -> Model:
    def model(theta: Array, points: Points) -> Array:
        t_c, *rest = theta
        y = rest.pop(0) if law.nu is None else 1 / law.nu
        u, c, m, A, *a = rest
        t = (points.temperatures - t_c) / t_c
        fading = points.sizes ** -(law.omega * np.exp(u))
        x = points.sizes**y * t * (1 + c * t) * (1 + m * fading)
        return np.polynomial.polynomial.polyval(x, a) + A * fading

    return model


def _peak_model(law: Law) -> Model:
    def model(theta: Array, points: Points) -> Array:
        t_c, *rest = theta
        y = rest.pop(0) if law.nu is None else 1 / law.nu
        u, c, m, a = rest
        shift = points.sizes**-y
        return t_c + a * shift * (1 + c * shift + m * points.sizes ** -(law.omega * np.exp(u)))

    return model


def _bkt_model(law: Law) -> Model:
    assert law.bkt is not None
    limit, slope = law.bkt

    def model(theta: Array, points: Points) -> Array:
        t_c, a, C, c, d, e, u, A = theta
        t = (points.temperatures - t_c) / t_c
        length = np.maximum(np.log(points.sizes) + C, 1.0)
        w = length + 0.5 * np.log(length)
        X = _coth(-a * t * (1 + c * t) * w**2) / w
        return limit + slope * X + d * X**2 + e * X**3 + A * points.sizes ** -(law.omega * np.exp(u))

    return model


def _coth(u: Array) -> Array:
    """sqrt(u) coth sqrt(u), continued to sqrt(-u) cot sqrt(-u) and, before its pole, by a straight line."""
    edge = -4.0  # the cotangent runs away at -pi^2; a fit may pass there on its way
    root = np.sqrt(np.abs(np.maximum(u, edge))) + 1e-9
    value = np.where(u > 0, root / np.tanh(root), root / np.tan(root))
    at = np.sqrt(-edge)
    slope = (at / np.sin(at) ** 2 - 1 / np.tan(at)) / (2 * at)
    return value + slope * np.minimum(u - edge, 0.0)


def _polynomial(points: Points, law: Law, guess: float, n_terms: int) -> list[float]:
    """Coefficients a_0 .. a_n about a first guess of T_c."""
    x = (points.temperatures / guess - 1) * points.sizes ** (1 / (law.nu or 1.0))
    columns = np.vander(x, n_terms + 1, increasing=True) / points.errors[:, None]
    return np.linalg.lstsq(columns, points.values[0] / points.errors, rcond=None)[0].tolist()


def _first_crossing(points: Points, law: Law) -> tuple[float, Array]:
    """T_c by scanning a grid, every other parameter linear; |x| of every point about it, in parts of the largest."""
    best, at, target = np.inf, float(points.temperatures.mean()), points.values[0] / points.errors
    grid = np.linspace(points.temperatures.min(), points.temperatures.max(), 81)
    for t, y in product(grid, (0.7, 1.0, 1.5) if law.nu is None else (1 / law.nu,)):
        columns = np.vander((points.temperatures / t - 1) * points.sizes**y, 4) / points.errors[:, None]
        found = np.linalg.lstsq(columns, target, rcond=None)[0]
        chi2 = float(((columns @ found - target) ** 2).sum())
        if chi2 < best:
            best, at = chi2, float(t)
    reach = np.abs(points.temperatures / at - 1) * points.sizes ** (1 / (law.nu or 1.0))
    return at, reach / reach.max()


def _windows(points: Points, reach: Array) -> Iterator[Points]:
    """Points from a smallest size on, near the crossing: all, and ever fewer."""
    seen = []
    for least, width in product(_smallest_sizes(points.sizes, 2), (1.0, 0.7, 0.5)):
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


def _fitted(model: Model, parameters: list[_Parameter], points: Points, n_all: int) -> list[_Fit]:
    """Fit to all samples by Levenberg and Marquardt, to every resample by one linear step from there.

    An empty list where there are too few points, the fit runs away or does not determine T_c.
    """
    start = np.array([p.start for p in parameters])
    width = np.array([p.width for p in parameters])
    held = np.isfinite(width)
    n, n_free = len(points.errors), int(np.count_nonzero(~held))
    if n < n_free:
        return []

    def residual(theta: Array) -> Array:
        return np.append((model(theta, points) - points.values[0]) / points.errors, theta[held] / width[held])

    scale = np.where(held, width, np.maximum(np.abs(start), 1e-3))
    try:
        found = scipy.optimize.least_squares(residual, start, x_scale=scale, method="lm", max_nfev=400)
    except ValueError:
        return []
    norms = np.linalg.norm(found.jac, axis=0)
    if not np.isfinite(found.x).all() or (norms == 0).any() or np.linalg.cond(found.jac / norms) > 1e8:
        return []
    columns = found.jac / norms
    inverse = (np.linalg.pinv(columns, rcond=1e-12) / norms[:, None])[0]
    moved = np.zeros((len(points.values), len(found.fun)))  # of every resample, from the fit to all samples
    moved[:, :n] = (points.values - points.values[0]) / points.errors
    values = found.x[0] + moved @ inverse
    if values.std() > _UNDETERMINED * abs(found.x[0]):
        return []
    left, frame = found.fun - moved, np.linalg.qr(columns)[0]
    chi2 = ((left - left @ frame @ frame.T) ** 2).sum(axis=1)
    named = {p.name: float(value) for p, value in zip(parameters, found.x, strict=True)}
    prior_error = float(np.linalg.norm(inverse[n:]))
    return [_Fit(named, values, prior_error, float(chi2[0]), n - n_free, chi2 + 2 * n_free + 2 * (n_all - n))]


def _average(fits: list[_Fit], form: str, fixed: dict[str, float]) -> Limit:
    if not fits:
        raise ValueError(
            "no law of finite-size scaling could be fitted: too few sizes or temperatures for its parameters; give a "
            "third size, more temperatures, or nu"
        )
    aic = np.stack([fit.aic for fit in fits])
    weights = np.exp(-0.5 * (aic - aic.min(axis=0)))
    weights[weights < _LEAST_WEIGHT] = 0
    weights /= weights.sum(axis=0)
    values = np.stack([fit.values for fit in fits])
    mean, best = (weights * values).sum(axis=0), fits[int(np.argmin(aic[:, 0]))]
    # data that none of the laws describes: errors grow by the root of chi^2 per degree of freedom
    inflation = np.sqrt(max(1.0, best.chi2 / best.dof)) if best.dof > 0 else 1.0
    variance = weights[:, 0] @ ((values[:, 0] - mean[0]) ** 2 + np.array([fit.prior_error for fit in fits]) ** 2)
    return Limit(
        mean[0] + inflation * (mean - mean[0]), float(inflation * np.sqrt(variance)),
        Scaling(form, fixed, best.parameters, best.chi2, best.dof, len(fits), float(weights[:, 0].max())),
    )  # fmt: skip


def _constants(law: Law) -> dict[str, float]:
    if law.bkt is not None:
        return {"U*": law.bkt[0], "s": law.bkt[1], "omega": law.omega}
    return {**({} if law.nu is None else {"nu": law.nu}), "omega": law.omega}
