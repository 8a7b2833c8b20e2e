r"""Multi-histogram reweighting: averages at any temperature between those that were sampled, with their errors.

    <A>(T) = sum_n w_n A_n / sum_n w_n,   w_n = exp(-E_n / T) / sum_k N_k exp(f_k - E_n / T_k)

over the samples n of all temperatures. Errors are by jackknife: the same block of samples is left out at every
temperature, free energies and averages are found anew, so that all correlations are in the error.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from zeeman.base.brief import brief
from zeeman.base.checks import check_finite, check_positive_integer
from zeeman.spins.reweighting.mbar import newton_step, solve
from zeeman.spins.statistics import Estimate, autocorrelation_time

__all__ = ["Curve", "MultiHistogram", "reweight"]

_FEW = 10.0  # effective samples below which a target, or a gap between temperatures, is refused
_POOR = 100.0  # and below which it is warned of
_WIDTHS = 1.0, 2.0  # widths of the energy beyond the last temperature that are silent, and that are warned of
_SITE_AXES = ("x", "y", "z", "sublattice")
_SHORT = 3.0  # autocorrelation times: blocks of fewer are warned of
_BLOCK = 10.0  # a block is at least this many autocorrelation times long


@brief
@dataclass(frozen=True, eq=False)
class MultiHistogram:
    """Samples of one model at several temperatures, and the free energies that join them; made by `reweight`.

    Attributes
    ----------
    temperatures, free_energies : ndarray, (state,)
        Ascending temperatures; f_k = -ln Z_k + ln Z_0, dimensionless, of the whole system.
    energies : ndarray, (sample,)
        Of the whole system, in the order of the data: series given to the methods are in that order.
    state, block : ndarray of int, (sample,)
        Index of the temperature and of the jackknife block of every sample.
    n_sites : int
        Sites of the system; energies and specific heats are returned per site.
    """

    temperatures: NDArray[np.float64]
    free_energies: NDArray[np.float64]
    energies: NDArray[np.float64]
    state: NDArray[np.int64]
    block: NDArray[np.int64]
    n_sites: int
    _levels: NDArray[np.float64]  # different energies, (level,)
    _level: NDArray[np.int64]  # level of every sample
    _log_density: NDArray[np.float64]  # ln D, (1 + block, level): all samples, then without one block each

    @property
    def n_blocks(self) -> int:
        """Number of jackknife blocks."""
        return len(self._log_density) - 1

    def quantity(self, function: Callable[..., Any], *series: ArrayLike) -> Curve:
        """Return the curve T -> function(T, <a>, <b>, ...) for series a, b, ... (sample,) in the order of the data.

        `function` takes arrays over jackknife blocks, and so must work elementwise. ValueError for series of another
        length, NaN or infinity; a RuntimeWarning where blocks are shorter than three autocorrelation times of a series.
        """
        table = np.stack([self._series(a, k) for k, a in enumerate(series)])
        self._warn_of_short_blocks(table)
        return Curve(self, lambda t: np.asarray(function(t, *self._averages(table, t))))

    def mean(self, observable: ArrayLike) -> Curve:
        """<A> as a function of temperature; ValueError as for `quantity`."""
        return self.quantity(lambda t, a: a, observable)

    def expectation(self, observable: ArrayLike, temperature: float) -> Estimate:
        """<A> at one temperature; ValueError for what `quantity` and `check` refuse."""
        return self.mean(observable)(temperature)

    @property
    def energy(self) -> Curve:
        """Energy per site."""
        return self.quantity(lambda t, e: e / self.n_sites, self.energies)

    @property
    def specific_heat(self) -> Curve:
        """Specific heat per site, (<E^2> - <E>^2) / (N T^2)."""
        shift = self.energies.mean()
        e = self.energies - shift
        return self.quantity(lambda t, e1, e2: (e2 - e1**2) / (self.n_sites * t**2), e, e**2)

    def susceptibility(self, order: ArrayLike, connected: bool = False) -> Curve:
        """N <m^2> / T of an order parameter m per site, or connected N (<m^2> - <|m|>^2) / T, which has a peak.

        m is (sample,) or (sample, component); ValueError for what `quantity` refuses.
        """
        m = self._order(order)
        return self.quantity(lambda t, m1, m2: self.n_sites * (m2 - (m1**2 if connected else 0)) / t, np.sqrt(m), m)

    def binder(self, order: ArrayLike) -> Curve:
        """Binder cumulant 1 - n / (n + 2) <m^4> / <m^2>^2 of m (sample,), n = 1, or (sample, component).

        ValueError for what `quantity` refuses.
        """
        m, n = self._order(order), 1 if np.ndim(order) == 1 else np.shape(order)[1]
        return self.quantity(lambda t, m2, m4: 1 - n / (n + 2) * m4 / m2**2, m, m**2)

    def derivative(self, observable: ArrayLike) -> Curve:
        """d<A>/dbeta = -(<A E> - <A><E>), beta = 1/T and E of the whole system; errors of `quantity`."""
        a, e = self._series(observable), self.energies - self.energies.mean()
        return self.quantity(lambda t, a1, e1, ae: a1 * e1 - ae, a, e, a * e)

    def free_energy_difference(self, first: float, second: float) -> Estimate:
        """F/T at `second` minus F/T at `first`, = ln Z(first) - ln Z(second), of the whole system.

        ValueError for temperatures that `check` refuses.
        """
        for t in (first, second):
            self.check(t)
        return self.estimate(self._log_z(first) - self._log_z(second))

    def effective_sample_size(self, temperature: float) -> float:
        """(sum w)^2 / sum w^2 of the weights at a temperature: samples that carry the average, if independent."""
        log_w = (-self._levels / temperature - self._log_density[0])[self._level]
        return float(np.exp(2 * logsumexp(log_w) - logsumexp(2 * log_w)))

    def check(self, temperature: float) -> None:
        """Refuse a temperature that the samples do not reach (ValueError) or that is several (TypeError), warn near."""
        if np.ndim(temperature) > 0:
            raise TypeError(
                f"temperature must be one number, got shape {np.shape(temperature)}: of several take "
                "curve.table(temperatures), as fit.specific_heat.table([2.2, 2.3])"
            )
        if not (np.isfinite(temperature) and temperature > 0):
            raise ValueError(f"temperature must be positive and finite, got {temperature!r}")
        beyond = self._beyond(temperature)
        n = self.effective_sample_size(temperature)
        low, high = self.temperatures[[0, -1]]
        advice = f"the samples are from T = {low:g} to {high:g}; add samples near T = {temperature:g}"
        text = f"T = {temperature:g} is weighed by {n:.1f} effective samples, {beyond:.1f} energy widths out of range: "
        if n < _FEW or beyond > _WIDTHS[1]:
            raise ValueError(text + advice)
        if n < _POOR or beyond > _WIDTHS[0]:
            warnings.warn(text + advice, RuntimeWarning, stacklevel=3)

    def estimate(self, values: NDArray[np.float64]) -> Estimate:
        """Value and jackknife error of (1 + block,) values: from all samples, then without one block each."""
        left_out, n = values[1:], self.n_blocks
        return Estimate(float(values[0]), float(np.sqrt((n - 1) * ((left_out - left_out.mean()) ** 2).mean())))

    def _beyond(self, temperature: float) -> float:
        """Distance to the sampled range of 1/T, times the standard deviation of the energy at its end."""
        low, high = self.temperatures[[0, -1]]
        if low <= temperature <= high:
            return 0.0
        end = 0 if temperature < low else len(self.temperatures) - 1
        spread = self.energies[self.state == end].std()
        return float(abs(1 / temperature - 1 / self.temperatures[end]) * spread)

    def _averages(self, table: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
        """Averages (series, 1 + block) of series (series, sample) at a temperature."""
        log_w = -self._levels / temperature - self._log_density
        w = np.exp(log_w - log_w.max(axis=1, keepdims=True))
        own = w[1 + self.block, self._level]  # weight of a sample where its block is left out: to be taken off
        n = self.n_blocks
        norm = w @ np.bincount(self._level, minlength=len(self._levels))
        norm[1:] -= np.bincount(self.block, own, n)
        out = np.empty((len(table), 1 + n))
        for k, a in enumerate(table):
            out[k] = w @ np.bincount(self._level, a, len(self._levels))
            out[k, 1:] -= np.bincount(self.block, own * a, n)
        return out / norm

    def _log_z(self, temperature: float) -> NDArray[np.float64]:
        """Return ln Z - ln Z_0 with and without each block, (1 + block,)."""
        log_w = -self._levels / temperature - self._log_density
        top = log_w.max(axis=1)
        w = np.exp(log_w - top[:, None])
        norm = w @ np.bincount(self._level, minlength=len(self._levels))
        norm[1:] -= np.bincount(self.block, w[1 + self.block, self._level], self.n_blocks)
        return np.log(norm) + top

    def _series(self, a: ArrayLike, k: int = 0) -> NDArray[np.float64]:
        x = np.asarray(a, np.float64)
        if x.shape != self.energies.shape:
            raise ValueError(
                f"series {k} has shape {x.shape}: give one value for each of the {len(self.energies)} samples, in the "
                "order of the data"
            )
        check_finite(x, f"series {k}")
        return x

    def _warn_of_short_blocks(self, table: NDArray[np.float64]) -> None:
        for k in range(len(self.temperatures)):
            inside = self.state == k
            tau = max(autocorrelation_time(a[inside]) for a in table)
            size = np.count_nonzero(inside) / self.n_blocks
            if size < _SHORT * tau:
                warnings.warn(
                    f"blocks of {size:.0f} samples at T = {self.temperatures[k]:g} are shorter than {_SHORT:g} "
                    f"autocorrelation times ({tau:.1f}) of this observable: errors are too small; give fewer n_blocks",
                    RuntimeWarning,
                    stacklevel=4,
                )

    def _order(self, order: ArrayLike) -> NDArray[np.float64]:
        """Return m^2, (sample,), of m (sample,) or (sample, component)."""
        m = np.asarray(order, np.float64)
        return self._series(m**2 if m.ndim < 2 else (m**2).sum(axis=1))


@dataclass(frozen=True, eq=False)
class Curve:
    """A quantity as a function of temperature.

    Attributes
    ----------
    source : MultiHistogram
        Whose samples it is from.
    replicates : callable
        temperature -> ndarray (1 + block,): from all samples, then without one block of them each.
    """

    source: MultiHistogram
    replicates: Callable[[float], NDArray[np.float64]] = field(repr=False)

    def __call__(self, temperature: float) -> Estimate:
        """Value and error at one temperature; ValueError or RuntimeWarning out of range, see `MultiHistogram.check`."""
        self.source.check(temperature)
        return self.source.estimate(self.replicates(float(temperature)))

    def table(self, temperatures: ArrayLike) -> xr.Dataset:
        """Variables value, error and n_effective over the coordinate temperature; errors of `MultiHistogram.check`."""
        ts = np.atleast_1d(np.asarray(temperatures, np.float64))
        found = [self(float(t)) for t in ts]
        return xr.Dataset(
            {
                "value": ("temperature", [e.value for e in found]),
                "error": ("temperature", [e.error for e in found]),
                "n_effective": ("temperature", [self.source.effective_sample_size(float(t)) for t in ts]),
            },
            coords={"temperature": ts},
        )


def reweight(
    data: xr.Dataset | Sequence[ArrayLike], temperatures: ArrayLike | None = None, n_sites: int | None = None,
    *, n_blocks: int = 40,
) -> MultiHistogram:  # fmt: skip
    """Join samples of several temperatures into one estimate of the density of states.

    Parameters
    ----------
    data : xarray.Dataset, or sequence of (sample,)
        What `zm.spins.sample` returns (energy and temperature; sites are counted in configuration), or energies per
        site for each of `temperatures`.
    temperatures : array-like (state,)
        With energies: their temperatures.
    n_sites : int
        With energies: number of sites.
    n_blocks : int
        Jackknife blocks, at most; fewer where a block would be shorter than ten autocorrelation times of the energy.

    Raises
    ------
    ValueError
        For lengths that do not match, T <= 0, too few samples, neighbouring temperatures without overlap (names them).

    Examples
    --------
    >>> from zeeman import spins
    >>> data = spins.sample(spins.Ising(spins.square(8)), [2.2, 2.4], 500, seed=0)
    >>> fit = reweight(data)
    >>> bool(abs(fit.energy(2.3).value - spins.exact.ising_energy(2.3, 8)) < 5 * fit.energy(2.3).error)
    True
    """
    energies, at, n_sites = _read(data, temperatures, n_sites)
    temperatures, state = np.unique(at, return_inverse=True)
    block = _blocks(energies, state, check_positive_integer(n_blocks, "n_blocks", 2))
    levels, level = np.unique(energies * n_sites, return_inverse=True)
    zero = levels.mean()
    f, log_densities = _solve_blocks(temperatures, levels - zero, level, state, block)
    # back to the zero of the data: f_k + beta_k E_0
    log_densities = log_densities - zero / temperatures[0]
    f = f + (1 / temperatures - 1 / temperatures[0]) * zero
    return MultiHistogram(temperatures, f, energies * n_sites, state, block, n_sites, levels, level, log_densities)


def _solve_blocks(
    temperatures: NDArray[np.float64], levels: NDArray[np.float64], level: NDArray[np.int64], state: NDArray[np.int64],
    block: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """Free energies from all samples, and ln D (1 + block, level) with f_0 = 0 everywhere."""
    betas, n_blocks = 1 / temperatures, int(block.max()) + 1
    sizes = np.bincount(state).astype(np.float64)
    counts = np.bincount(level).astype(np.float64)
    means = np.bincount(state, levels[level]) / sizes
    # d f / d beta = <E>, by the trapezoid rule: near enough for Newton
    guess = np.concatenate([[0.0], np.cumsum((means[1:] + means[:-1]) / 2 * np.diff(betas))])
    full = solve(betas, levels, counts, sizes, guess + np.log(sizes))
    _check_overlap(temperatures, full.shares, counts)
    occupied, joint = full.sums(counts)
    out = np.empty((1 + n_blocks, len(levels)))
    # a_0 is held where D wants f_0 = 0
    out[0] = full.log_density - full.a[0] + np.log(sizes[0])
    for b in range(n_blocks):
        inside = block == b
        fewer = sizes - np.bincount(state[inside], minlength=len(betas))
        rest = counts - np.bincount(level[inside], minlength=len(levels))
        # the first step costs no more than the block's own samples
        own = full.shares[:, level[inside]]
        _, step = newton_step(occupied - own.sum(axis=1), joint - own @ own.T, fewer)
        part = solve(betas, levels, rest, fewer, full.a + step, tolerance=1e-8)
        out[1 + b] = part.log_density - part.a[0] + np.log(fewer[0])
    return full.a - np.log(sizes) - full.a[0] + np.log(sizes[0]), out


def _blocks(energies: NDArray[np.float64], state: NDArray[np.int64], n_blocks: int) -> NDArray[np.int64]:
    """Block of every sample: each state is cut into equally many consecutive blocks."""
    block = np.empty(len(energies), np.int64)
    members = [np.flatnonzero(state == k) for k in range(int(state.max()) + 1)]
    room = min(len(own) / (_BLOCK * autocorrelation_time(energies[own])) for own in members)
    n_blocks = min(n_blocks, int(room), min(map(len, members)))
    if n_blocks < 5:
        raise ValueError(
            f"room for {n_blocks} independent blocks of samples only, and errors need 5: sample longer or further apart"
        )
    for own in members:
        block[own] = np.arange(len(own)) * n_blocks // len(own)
    return block


def _check_overlap(temperatures: NDArray[np.float64], shares: NDArray[np.float64], counts: NDArray[np.float64]) -> None:
    """Refuse neighbours joined by few samples: S = sum p (1 - p), p the share of all states up to the gap.

    The free energy across the gap has an error of 1 / sqrt(S) or more (C. Bennett, J. Comput. Phys. 22, 245 (1976)).
    """
    below = np.cumsum(shares, axis=0)[:-1]
    for (low, high), joining in zip(itertools.pairwise(temperatures), (below * (1 - below)) @ counts, strict=True):
        if joining < _FEW:
            raise ValueError(
                f"the energies at T = {low:g} and {high:g} hardly overlap ({joining:.1f} samples join them): their "
                f"free energies cannot be compared; add samples near T = {2 / (1 / low + 1 / high):.6g}"
            )


def _read(
    data: Any, temperatures: ArrayLike | None, n_sites: int | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Energies per site and temperatures of all samples, (sample,), and the number of sites."""
    if isinstance(data, xr.Dataset):
        energies = np.asarray(data["energy"], np.float64)
        at = np.asarray(data["temperature"], np.float64)
        if n_sites is None:
            sizes = data["configuration"].sizes
            n_sites = int(np.prod([sizes[axis] for axis in _SITE_AXES if axis in sizes]))
    else:
        parts = [np.asarray(part, np.float64) for part in data]
        ts = np.atleast_1d(np.asarray(temperatures if temperatures is not None else [], np.float64))
        if len(parts) != len(ts) or any(part.ndim != 1 or part.size == 0 for part in parts):
            raise ValueError(
                f"energies must be one series (sample,) a temperature: got {len(parts)} of shapes "
                f"{[part.shape for part in parts]} for {len(ts)} temperatures"
            )
        if n_sites is None:
            raise ValueError("n_sites is needed beside energies per site: give the number of sites")
        energies, at = np.concatenate([*parts, []]), np.repeat(ts, [len(part) for part in parts])
    if energies.size == 0:
        raise ValueError("there are no samples to reweight: give a series of energies (sample,) for each temperature")
    check_finite(energies, "energies")
    if not (np.isfinite(at) & (at > 0)).all():
        raise ValueError("temperatures must be positive and finite")
    return energies, at, check_positive_integer(n_sites, "n_sites")
