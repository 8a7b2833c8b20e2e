"""Pilots: short runs that measure how long an update takes to forget, and whether it equilibrates at all."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeeman.spins.models import Model
from zeeman.spins.moves import Chains, moves_of, start
from zeeman.spins.moves.chains import Cost, cost_of
from zeeman.spins.statistics import autocorrelation_time

__all__ = ["Pilot", "choose_method", "run_pilot", "schedule"]

_READS = 96  # readings in a window
_LONG = 16  # a window counts if it is this many tau long
_SLOW = 2000  # steps of burn-in beyond which auto tries replica exchange
_MOST_STEPS = 30_000  # steps after which a pilot gives up
_PATIENCE = 4  # times as many where a window shows no fault but that it is too short, by no more than that
_NEAR = 4  # single clusters were never that many times as good as all clusters at once for their cost
_Z = 4.5  # accepted z score of drift and disagreement


@dataclass(frozen=True)
class Pilot:
    """What a pilot found.

    Attributes
    ----------
    method : str
        The update.
    tau : float
        Largest integrated autocorrelation time of energy and order parameter, in steps.
    relaxation : float
        The exponential time with the same tau, rho(t) = exp(-t / relaxation).
    before : int
        Steps made before the window in which equilibrium was found.
    z : float
        Largest z score: drift inside the window, disagreement of ordered and random starts.
    equilibrated : bool
        Whether the window was long enough and no z score too large.
    step_cost : float
        Nominal nanoseconds of one step of one chain; of Wolff by the size of the clusters that the pilot flipped.
    update : Cost
        How the update is best run.
    """

    method: str
    tau: float
    relaxation: float
    before: int
    z: float
    equilibrated: bool
    step_cost: float
    update: Cost

    @property
    def burn_in(self) -> int:
        """Steps before the first reading: 20 tau, and no fewer than the pilot itself needed."""
        return max(math.ceil(20 * self.tau), self.before)

    @property
    def spacing(self) -> int:
        """Steps until the autocorrelation is 1 %."""
        return max(1, math.ceil(self.relaxation * math.log(100)))

    def cost(self, n_chains: int, rounds: int) -> float:
        """Nominal nanoseconds for `rounds` readings of `n_chains` chains."""
        n_chains = self.update.lanes * -(-n_chains // self.update.lanes)
        return n_chains * self.step_cost * (self.burn_in + (rounds - 1) * self.spacing)


def run_pilot(
    model: Model, method: str, temperature: float, rng: np.random.Generator, device: str | None = None
) -> Pilot:
    """Run chains from both kinds of start until a window shows neither drift nor disagreement, doubling its stride."""
    n = cost_of(_update(model, method, device)).pilot_chains
    groups = [start(model, method, temperature, n, kind, rng, device) for kind in model.starts(method)]
    update = cost_of(groups[0])
    stride, before = 1, 0
    while True:
        flipped = _flipped(groups)
        series = np.stack([_record(model, chains, stride) for chains in groups])
        touched = _touched(model, groups[0])
        if flipped is not None:  # the window's own clusters: those of a random start are small at first
            touched = max(1.0, (_flipped(groups) - flipped) / (n * len(groups) * _READS * stride))
        most = update.most_updates / (n * len(groups) * touched)
        tau = stride * max(
            autocorrelation_time(observable.reshape(-1, _READS)) for observable in np.moveaxis(series, 1, 0)
        )
        z = _worst_z(series)
        window, allowed = _READS * stride, max(min(most, _MOST_STEPS), 8 * _READS)
        good = window >= _LONG * tau and z < _Z
        if z < _Z and _PATIENCE * window >= _LONG * tau:
            allowed *= _PATIENCE
        if good or before + 3 * window > allowed:
            break
        before += window
        stride *= 2
    ratio = 2 * tau / stride
    relaxation = stride / math.log((ratio + 1) / (ratio - 1)) if ratio > 1 else 0.0
    if stride > 1:  # nothing faster was resolved: readings a stride apart are what is known to be independent
        relaxation = max(relaxation, stride / math.log(100))
    step_cost = update.site * touched + update.beside * model.lattice.n_sites
    return Pilot(method, tau, relaxation, before, z, bool(good), step_cost, update)


def choose_method(model: Model, n_samples: int, pilot: Callable[[str], Pilot], device: str | None = None) -> Pilot:
    """Pick the update with the least nominal cost that equilibrates.

    The model's first local update against Swendsen-Wang, and where that comes near against Wolff; where a field forbids
    clusters or frustration makes them percolate and local updates are slow, or where neither equilibrates, against
    replica exchange.
    """

    def cost(found: Pilot) -> float:
        return found.cost(*schedule(found.update, n_samples))

    moves = moves_of(model, device)
    assert moves is not None, "checked by `sample`"
    local = pilot(next(iter(moves)))
    best = [local] if local.equilibrated else []
    clusters = "swendsen-wang" in moves and model.why_not("swendsen-wang") is None and not model.frustrated
    if clusters:
        # even at the shortest spacing clusters could not win against fast flips
        least = 4 * n_samples * cost_of(moves["swendsen-wang"]).site * model.lattice.n_sites
        if not best or cost(local) > least:
            best.append(pilot("swendsen-wang"))
            if not local.equilibrated or cost(best[-1]) < _NEAR * cost(local):
                best.append(pilot("wolff"))
    slow = not any(p.equilibrated for p in best) or (not clusters and local.burn_in > _SLOW)
    if slow and "tempering" in moves:
        best.append(pilot("tempering"))
    return min(best or [local], key=lambda p: (not p.equilibrated, cost(p)))


def schedule(update: Cost, n_samples: int) -> tuple[int, int]:
    """Return (chains, rounds): how many chains there are and how many configurations each gives."""
    if update.most_rounds is None:
        n_chains = min(n_samples, update.fill)
        return n_chains, -(-n_samples // n_chains)
    # lanes cost the same full or not; reading a chain again costs less than relaxing a new one
    rounds = min(update.most_rounds, max(1, n_samples // update.fill))
    return -(-n_samples // rounds), rounds


def _update(model: Model, method: str, device: str | None) -> Callable[..., Chains]:
    moves = moves_of(model, device)
    assert moves is not None, "checked by `sample`"
    return moves[method]


def _touched(model: Model, chains: Chains) -> float:
    """Sites that one step of one chain touches, on every rung of a ladder."""
    return float(model.lattice.n_sites * len(getattr(chains, "temperatures", (0,))))


def _flipped(groups: list[Chains]) -> Any:
    """Sites that single clusters have flipped so far; None for updates of all sites."""
    return sum(chains.n_flipped for chains in groups) if hasattr(groups[0], "n_flipped") else None  # type: ignore[attr-defined]


def _record(model: Model, chains: Chains, stride: int) -> NDArray[np.float64]:
    """Energy and order parameter, (observable, chain, reading)."""
    rows = []
    for _ in range(_READS):
        chains.advance(stride)
        x = chains.configurations()
        rows.append((model.energy(x), model.order(x)))
    return np.moveaxis(np.array(rows), 0, -1)


def _worst_z(series: NDArray[np.float64]) -> float:
    """Largest z score of (start, observable, chain, reading); chains are independent, so they give the errors."""
    quarter = series.shape[-1] // 4
    early, late = series[..., :quarter].mean(axis=-1), series[..., -quarter:].mean(axis=-1)
    tiny = 1e-12 * np.abs(series).max(axis=(0, 2, 3))  # (observable,): what differs by less is rounding
    scores = [_z(late - early, 0 * late, tiny)]
    if len(series) == 2:
        ordered, random = series.mean(axis=-1)
        scores.append(_z(ordered, random, tiny))
    return max(float(score.max()) for score in scores)


def _z(a: NDArray[np.float64], b: NDArray[np.float64], tiny: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return |<a> - <b>| over its error, averages over the last axis; 0 where it is `tiny`."""
    n = a.shape[-1]
    error = np.sqrt((a.var(axis=-1) + b.var(axis=-1)) / (n - 1))
    difference = np.abs(a.mean(axis=-1) - b.mean(axis=-1))
    error = np.maximum(error, tiny)
    return np.divide(difference, error, out=np.zeros_like(difference), where=~(difference <= tiny))
