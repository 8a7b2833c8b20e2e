"""Speed of updates near T_c: site updates a second, and what they are worth, independent configurations a second.

A step (a sweep; a cluster for Wolff) of a chain takes t seconds of one core, and tau steps is the integrated
autocorrelation time of the slower of energy and order parameter: 1 / (2 tau t) independent configurations a second.
"""

from __future__ import annotations

import datetime
import math
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zeeman.base.random import stream
from zeeman.base.store import provenance
from zeeman.spins import XY, BlumeCapel, Clock, Heisenberg, Ising, Potts, cubic, exact, square
from zeeman.spins.models import Model
from zeeman.spins.moves import Chains, moves_of, start
from zeeman.spins.moves.chains import cost_of
from zeeman.spins.statistics import autocorrelation_time, shorthand
from zeeman.studies.naive_spins import Plain, PlainIsing

__all__ = ["MODELS", "Speed", "at_critical", "markdown", "measure", "occasion", "ours", "plain", "text", "time_of"]

MODELS: dict[str, Callable[[], Model]] = {
    "Ising 32 x 32": lambda: Ising(square(32)),
    "Potts q = 3, 32 x 32": lambda: Potts(square(32), n_states=3),
    "Blume-Capel D = 1, 32 x 32": lambda: BlumeCapel(square(32), crystal_field=1.0),
    "clock p = 6, 32 x 32": lambda: Clock(square(32), n_states=6),
    "XY 32 x 32": lambda: XY(square(32)),
    "Heisenberg 10 x 10 x 10": lambda: Heisenberg(cubic(10)),
}
_VECTORS = {"avx512_bf16": "AVX-512 with bfloat16", "avx512f": "AVX-512", "avx2": "AVX2"}  # widest first


@dataclass(frozen=True)
class Speed:
    """One program on one model.

    Attributes
    ----------
    model, program, update : str
    temperature : float
    updates : float or None
        Site updates a second of one core; of Wolff's clusters sites turned; of over-relaxation all its sweeps; None
        where the program does not say.
    steps : float
        Steps of one chain a second of one core.
    tau, tau_error : float or None
        In steps; None where the program gives no series to measure it by.
    """

    model: str
    program: str
    update: str
    temperature: float
    updates: float | None
    steps: float
    tau: float | None = None
    tau_error: float | None = None

    @property
    def independent(self) -> float | None:
        """Independent configurations a second of one core."""
        return None if self.tau is None else self.steps / (2 * self.tau)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "independent": self.independent}


def at_critical(model: Model) -> float:
    """Upper critical temperature of a model."""
    return float(exact.critical_temperature(model))


def ours(name: str, update: str, *, seconds: float = 1.0, series: bool = True, seed: int = 0) -> Speed:
    """Time an update of `MODELS` [name] with as many chains as suit it, and find its autocorrelation time."""
    model = MODELS[name]()
    t, moves = at_critical(model), moves_of(model)
    assert moves is not None, "they are the package's own"
    cost = cost_of(moves[update])
    chains = start(model, update, t, max(cost.job, cost.lanes), "ordered", stream(seed, f"speeds/{name}/{update}"))
    return measure(model, name, "zeeman", update, t, chains, seconds=seconds, series=series)


def plain(name: str, *, seconds: float = 1.0, series: bool = True, seed: int = 0) -> Speed:
    """Time a plain Numba Metropolis of `MODELS` [name], one chain."""
    model = MODELS[name]()
    t = at_critical(model)
    rng = stream(seed, f"speeds/{name}/plain")
    chains = PlainIsing(model, t, rng) if isinstance(model, Ising) else Plain(model, t, rng)  # type: ignore[arg-type]
    return measure(model, name, "plain Numba", "metropolis", t, chains, seconds=seconds, series=series)


def measure(
    model: Model, name: str, program: str, update: str, temperature: float, chains: Chains, *, seconds: float,
    series: bool,
) -> Speed:  # fmt: skip
    """Time `chains` by the thread's own clock for about `seconds`; with `series` find tau, at most 10 times as long."""
    n_chains = len(chains.configurations())
    steps = _enough(chains, seconds / 4)
    before, best = getattr(chains, "n_flipped", 0), float("inf")
    for _ in range(4):  # other work on the machine only adds to the least
        begin = time.thread_time()
        chains.advance(steps)
        best = min(best, time.thread_time() - begin)
    rate = n_chains * steps / best
    sites = model.lattice.n_sites * (1.0 + getattr(chains, "N_REFLECTIONS", 0))
    if update == "wolff":
        sites = (chains.n_flipped - before) / (4 * n_chains * steps)  # type: ignore[attr-defined]
    tau, error = _tau(model, chains, 10 * seconds) if series else (None, None)
    return Speed(name, program, update, temperature, rate * sites, rate, tau, error)


def time_of(readings: Sequence[np.ndarray]) -> tuple[float, float]:
    """Largest autocorrelation time among series (chain, reading), and its error, in readings.

    The relative error is sqrt((4 W + 2) / n) of n readings, W = 6 tau (Madras & Sokal 1988).
    """
    tau = max(autocorrelation_time(one) for one in readings)
    return tau, tau * math.sqrt((24 * tau + 2) / readings[0].size)


def _enough(chains: Chains, seconds: float) -> int:
    """Steps that take about `seconds`; the first compiles, all of them relax."""
    chains.advance(1)
    steps = 1
    while True:
        begin = time.thread_time()
        chains.advance(steps)
        if time.thread_time() - begin > seconds / 2:
            return steps
        steps *= 2


def _tau(model: Model, chains: Chains, seconds: float) -> tuple[float, float]:
    """Autocorrelation time in steps, to 10 % or as well as `seconds` allow.

    Readings are set wider apart until tau is a few of them, then read until there are 2400 tau.
    """
    begin, spacing = time.thread_time(), 1
    while True:
        rows = _read(model, chains, spacing, 200)
        tau, error = time_of(rows)
        if tau < 4:
            break
        spacing *= 2 if tau < 8 else 4
    while error > 0.1 * tau and time.thread_time() - begin < seconds:
        rows = [np.concatenate(pair, axis=1) for pair in zip(rows, _read(model, chains, spacing, 200), strict=True)]
        tau, error = time_of(rows)
    return spacing * tau, spacing * error


def _read(model: Model, chains: Chains, spacing: int, n: int) -> list[np.ndarray]:
    """Energy and order parameter of up to 64 chains, (chain, reading) each."""
    rows = []
    for _ in range(n):
        chains.advance(spacing)
        x = chains.configurations(64)
        rows.append((model.energy(x), model.order(x)))
    return [np.array(column).T for column in zip(*rows, strict=True)]


def occasion() -> dict[str, Any]:
    """When and on what a record is made: date, name and vector units of the processor, versions and commit."""
    return {"date": datetime.date.today().isoformat(), "processor": _processor(), "machine": provenance()}


def _processor() -> str:
    """Name, family and widest vector units, as the kernel tells them: one name covers generations of unlike speed."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").partition("\n\n")[0].splitlines() if info.is_file() else []
    told = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    parts = [told.get("model name", platform.processor())]
    if "cpu family" in told:
        parts.append(f"family {told['cpu family']}")
    flags = told.get("flags", "").split()
    parts += [name for flag, name in _VECTORS.items() if flag in flags][:1]
    return ", ".join(parts)


def markdown(found: Mapping[str, Any]) -> str:
    """Recorded speeds as tables, one a model; `found` is what ``benchmarks/models.py`` wrote."""
    rows = [Speed(**{k: v for k, v in row.items() if k != "independent"}) for row in found["speeds"]]
    made = found["machine"]
    peers = ", ".join(f"{name} {version}" for name, version in found["peers"].items()) or "none"
    lines = [
        f"Measured {found['date']} on {found['processor']}, one core by its own clock, "
        f"{made['platform']}, numba {made['versions'].get('numba')}; peers installed: {peers}.", "",
    ]  # fmt: skip
    for name in dict.fromkeys(row.model for row in rows):
        here = [row for row in rows if row.model == name]
        base = next((row for row in here if row.program == "plain Numba"), None)
        lines += [f"**{name}**, T = {here[0].temperature:.6g}", "", *_table(here, base), ""]
    return "\n".join(lines)


def text(rows: Sequence[Speed]) -> str:
    """Lines for a terminal."""
    lines = []
    for row in rows:
        tau = "" if row.tau is None else f"tau = {shorthand(row.tau, row.tau_error or 0.0)}"
        worth = "" if row.independent is None else f"{_short(row.independent)} independent/s"
        rate = _short(row.updates)
        lines.append(f"{row.model:28}{row.program:14}{row.update:28}{rate:>9} sites/s  {tau:20}{worth}")
    return "\n".join(lines)


def _table(rows: Sequence[Speed], base: Speed | None) -> list[str]:
    head = ["program", "update", "site updates/s", "x plain", "tau, steps", "independent/s", "x plain"]
    lines = [f"| {' | '.join(head)} |", "|---|---|---:|---:|---:|---:|---:|"]
    for row in rows:
        tau = "–" if row.tau is None else shorthand(row.tau, row.tau_error or 0.0)
        gains = [_times(getattr(row, name), getattr(base, name, None)) for name in ("updates", "independent")]
        rates = _short(row.updates), gains[0], tau, _short(row.independent), gains[1]
        lines.append(f"| {' | '.join((row.program, row.update, *rates))} |")
    return lines


def _times(value: float | None, base: float | None) -> str:
    if value is None or not base:
        return "–"
    ratio = value / base
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.2g}"


def _short(value: float | None) -> str:
    if value is None:
        return "–"
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"
