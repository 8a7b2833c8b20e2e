"""Sampling: independent configurations at given temperatures, with the evidence that they are.

For every temperature a pilot runs chains from ordered and random starts, measures the autocorrelation time tau and
looks for drift and disagreement. Production chains then start anew, relax for at least 20 tau, and are read at the
distance where the autocorrelation has fallen to 1 %. Every configuration is a function of (seed, index of the
temperature, index of the chunk) and of nothing else, in particular not of the number of threads.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from zeeman.base.checks import check_choice, check_positive_integer
from zeeman.base.processes import processors
from zeeman.base.progress import Progress
from zeeman.base.random import entropy_of, stream
from zeeman.base.types import Seed
from zeeman.spins.models import Model
from zeeman.spins.moves import MOVES, moves_of, start
from zeeman.spins.pilots import Pilot, choose_method, run_pilot, schedule

__all__ = ["METHODS", "Plan", "check_model", "check_temperatures", "sample"]

METHODS = ("auto", "metropolis", "heat-bath", "over-relaxation", "wolff", "swendsen-wang", "tempering")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """How one temperature is sampled: `n_chains` chains, `burn_in` steps, then `rounds` reads `spacing` apart."""

    pilot: Pilot
    n_chains: int
    rounds: int
    burn_in: int
    spacing: int

    @property
    def n_effective(self) -> float:
        """Independent samples in one sample of this plan: (1 - rho) / (1 + rho) for chains read more than once."""
        if self.rounds == 1:
            return 1.0
        rho = math.exp(-self.spacing / self.pilot.relaxation) if self.pilot.relaxation > 0 else 0.0
        return (1 - rho) / (1 + rho)


def sample(
    model: Model,
    temperature: ArrayLike,
    n_samples: int = 1000,
    method: str = "auto",
    seed: Seed = None,
    *,
    n_threads: int | None = None,
    device: str | None = None,
    progress: bool = False,
) -> xr.Dataset:
    """Draw independent equilibrium configurations, `n_samples` at every temperature.

    Parameters
    ----------
    model : Model
        ``zm.spins.Ising(zm.spins.square(32))``, ...
    temperature : float or sequence of float
        In the unit of J and h, k_B = 1: T / |J| for a coupling of +1 or -1.
    n_samples : int
        Configurations at each temperature.
    method : str
        ``"metropolis"``, ``"heat-bath"``, ``"over-relaxation"`` (XY, Heisenberg), ``"wolff"``, ``"swendsen-wang"``,
        ``"tempering"``; ``"auto"`` takes the cheapest that its pilots found to equilibrate, and says which (`attrs` and
        log).
    seed : int, generator or None
        Same seed, same configurations, whatever `n_threads`.
    n_threads : int, optional
        Threads; all processors this process may use by default.
    device : str, optional
        A torch device, such as ``"cuda"``: local updates (``"metropolis"``, ``"heat-bath"``, ``"over-relaxation"``) of
        all sites of one colour at once; same distribution, other numbers. By default the compiled updates on the CPU.
    progress : bool
        Show progress on standard error.

    Returns
    -------
    xarray.Dataset
        configuration (sample, site axes...) and energy (sample), per site, with coordinate temperature (sample),
        with the model's own value axes (Heisenberg: component). Samples are ordered by temperature as given. attrs
        hold the model's numbers and, in the same order, a list per temperature of:
        method, burn_in, spacing (in steps_are), autocorrelation_time (steps), effective_sample_size, equilibrated,
        equilibration_z (largest z score among drift and starts' disagreement).

    Raises
    ------
    TypeError, ValueError
        For a method the model cannot use (cluster updates in a field), unknown names, T <= 0, NaN, n_samples < 1.

    Warns
    -----
    RuntimeWarning
        If no pilot of the method came to equilibrium; `equilibrated` is then False.
    """
    temperatures = check_temperatures(temperature)
    n_samples = check_positive_integer(n_samples, "n_samples")
    check_choice(method, METHODS, "method")
    check_model(model, method, device)
    n_threads = check_positive_integer(n_threads, "n_threads") if n_threads is not None else processors()
    entropy = entropy_of(seed)
    label = f"{type(model).__name__} on {model.lattice!r}"
    with ThreadPoolExecutor(n_threads) as pool:
        with Progress(len(temperatures), f"pilots of {label}", enabled=progress) as bar:
            plans = []
            for t, plan in zip(
                temperatures,
                pool.map(
                    lambda k: _plan(model, float(temperatures[k]), n_samples, method, entropy, k, device),
                    range(len(temperatures)),
                ),
                strict=True,
            ):
                _log.info("T = %g: %s, one configuration in %d steps", t, plan.pilot.method, plan.spacing)
                bar.advance(detail=f"T = {t:.4g}: {plan.pilot.method}")
                plans.append(plan)
        _warn_of_failures(model, temperatures, plans)
        chosen = ", ".join(dict.fromkeys(plan.pilot.method for plan in plans))
        with Progress(len(temperatures) * n_samples, f"{label} by {chosen}", enabled=progress) as bar:
            configurations = _produce(model, temperatures, plans, n_samples, entropy, pool.map, bar, device)
    return _dataset(model, temperatures, plans, n_samples, configurations, method, entropy, device)


def _plan(
    model: Model, temperature: float, n_samples: int, method: str, entropy: int, index: int, device: str | None
) -> Plan:
    def pilot(name: str) -> Pilot:
        return run_pilot(model, name, temperature, stream(entropy, f"spins/pilot/{name}", index), device)

    best = choose_method(model, n_samples, pilot, device) if method == "auto" else pilot(method)
    return Plan(best, *schedule(best.update, n_samples), best.burn_in, best.spacing)


def _produce(
    model: Model, temperatures: NDArray[np.float64], plans: Sequence[Plan], n_samples: int, entropy: int,
    run: Callable[..., Iterator[Any]], bar: Progress, device: str | None,
) -> NDArray:  # fmt: skip
    shape = (len(temperatures), n_samples, model.lattice.n_sites, *model.value_axes.values())
    out = np.empty(shape, model.dtype)
    # the longest first, so that threads end together
    jobs = sorted(
        ((k, chunk, chains) for k, plan in enumerate(plans) for chunk, chains in enumerate(_chunks(plan))),
        key=lambda job: -plans[job[0]].pilot.cost(len(job[2]), plans[job[0]].rounds),
    )

    def work(job: tuple[int, int, range]) -> int:
        k, chunk, chains = job
        plan = plans[k]
        rng = stream(entropy, f"spins/{plan.pilot.method}/{k}", chunk)
        walkers = start(model, plan.pilot.method, float(temperatures[k]), len(chains), "ordered", rng, device)
        done = 0
        for turn in range(plan.rounds):
            walkers.advance(plan.spacing if turn else plan.burn_in)
            first, last = (min(turn * plan.n_chains + chain, n_samples) for chain in (chains.start, chains.stop))
            out[k, first:last] = model.turn(walkers.configurations(last - first), rng)
            done += last - first
        return done

    for done in run(work, jobs):
        bar.advance(done)
    return out


def _chunks(plan: Plan) -> list[range]:
    size = plan.pilot.update.job
    return [range(k, min(k + size, plan.n_chains)) for k in range(0, plan.n_chains, size)]


def _dataset(
    model: Model, temperatures: NDArray[np.float64], plans: Sequence[Plan], n_samples: int, configurations: NDArray,
    method: str, entropy: int, device: str | None,
) -> xr.Dataset:  # fmt: skip
    lattice = model.lattice
    flat = configurations.reshape(-1, *configurations.shape[2:])
    energy = np.concatenate([model.energy(part) for part in np.array_split(flat, -(-len(flat) // 4096))])
    numbers = {name: value for name, value in vars(model).items() if isinstance(value, (int, float))}
    about = {"model": type(model).__name__, **numbers}  # on the variable too: alone, angles are just numbers
    return xr.Dataset(
        {
            "configuration": (
                ("sample", *lattice.axes, *model.value_axes),
                flat.reshape(len(flat), *lattice.shape, *model.value_axes.values()),
                about,
            ),
            "energy": (("sample",), energy),
        },
        coords={"temperature": (("sample",), np.repeat(temperatures, n_samples))},
        attrs={
            **about, "lattice": lattice.name, "length": lattice.shape[0],
            "method_asked": method, "seed": str(entropy), "n_samples": n_samples,
            "temperatures": temperatures.tolist(),
            "method": [plan.pilot.method for plan in plans],
            "steps_are": ["clusters" if plan.pilot.method == "wolff" else "sweeps" for plan in plans],
            "burn_in": [plan.burn_in for plan in plans],
            "spacing": [plan.spacing for plan in plans],
            "autocorrelation_time": [plan.pilot.tau for plan in plans],
            "effective_sample_size": [n_samples * plan.n_effective for plan in plans],
            "equilibrated": [int(plan.pilot.equilibrated) for plan in plans],
            "equilibration_z": [plan.pilot.z for plan in plans],
            "versions": [f"{name} {metadata.version(name)}" for name in ("zeeman", "numpy", "numba")],
            **({} if device is None else {"device": str(device)}),
        },
    )  # fmt: skip


def _warn_of_failures(model: Model, temperatures: NDArray[np.float64], plans: Sequence[Plan]) -> None:
    failed = [f"{t:g} ({plan.pilot.method})" for t, plan in zip(temperatures, plans, strict=True)
              if not plan.pilot.equilibrated]  # fmt: skip
    if failed:
        remedy = "use method='tempering' or 'auto', or a higher temperature"
        if getattr(model, "metastable", False):
            remedy = "phases coexist at its transition, which no update here crosses fast: use a smaller lattice"
        warnings.warn(
            f"chains did not come to equilibrium at T = {', '.join(failed)}: samples there are neither independent nor "
            f"surely from the right distribution; {remedy}",
            RuntimeWarning,
            stacklevel=3,
        )


def check_model(model: Any, method: str, device: str | None) -> None:
    """Raise TypeError for what is no model, ValueError for an update that is not valid for it, with those that are."""
    moves = moves_of(model, device)
    if moves is None:
        known = ", ".join(kind.__name__ for kind in MOVES)
        raise TypeError(f"model must be one of {known}, such as zm.spins.Ising(zm.spins.square(32)), got {model!r}")
    valid = [name for name in (*moves, "auto") if model.why_not(name) is None]
    reason = model.why_not(method)
    if method != "auto" and method not in moves:
        reason = f"{type(model).__name__} has no such update" + (f" on device {device!r}" if device is not None else "")
    if reason:
        raise ValueError(f"method {method!r} is not valid here: {reason}; use {', '.join(map(repr, valid))}")


def check_temperatures(temperature: ArrayLike) -> NDArray[np.float64]:
    """Return temperatures, (temperature,); TypeError or ValueError naming the first that is not positive and finite."""
    t = np.asarray(temperature)
    if t.dtype.kind not in "fiu":
        raise TypeError(f"temperature must be a number or a sequence of numbers, got {temperature!r}")
    if t.ndim > 1 or t.size == 0:
        raise ValueError(f"temperature must be a number or a non-empty sequence of numbers, got shape {t.shape}")
    t = np.atleast_1d(t).astype(np.float64)
    bad = np.flatnonzero(~(np.isfinite(t) & (t > 0)))
    if len(bad):
        raise ValueError(
            f"temperature must be positive and finite, got {t[bad[0]]} at position {bad[0]}; for ground states take a "
            "small positive one"
        )
    return t
