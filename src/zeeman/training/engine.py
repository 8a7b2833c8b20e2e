"""Which way to run a training on this machine today, found by timing a few steps of each.

No rule of thumb survives: on two idle cores two threads win, beside another process one thread can be ten times
faster; vmapped replicas win for small networks and lose for wide ones; bfloat16 halves a step on one processor and
costs three hundred times as much on another. So the first steps are timed, on copies, and the choice is recorded.
One did: shares of dense replicas in processes, one a core, were the fastest in every row of the benchmark whose steps
take more than a millisecond; trainings of a few seconds are not kept waiting to hear it again.
"""

from __future__ import annotations

import contextlib
import copy
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from zeeman.base.checks import check_choice, check_positive_integer
from zeeman.base.processes import can_fork
from zeeman.training.ensemble import Apart, Ensemble, Programs, Stacked, Threaded
from zeeman.training.forked import Forked, ProcessLost
from zeeman.training.machine import half_precision_is_native, quiet_machine, synchronize

__all__ = ["ENGINES", "PRECISIONS", "Engine", "choose_engine"]

ENGINES = ("apart", "threads", "stacked")
PRECISIONS = ("float32", "bfloat16")
# a shorter training is over before a choice pays, and runs the same way everywhere; steps of large modules are long
_MANY_STEPS, _MANY_LONG_STEPS = 64, 16
_MANY_SHARED_STEPS = 2000  # of dense replicas in processes: timing them costs as much as a hundred steps
_SHARE = 0.01  # of a training's time, at most, goes into timing one engine
_BURST = 8  # steps
_LONG_FOR_HALF = 5e3  # ms; of dense networks: eight replicas of width 128 gained 7 % by bfloat16 on Zen 5
_SMALL = 4_000_000  # weights, all replicas together, up to which all replicas are timed


@dataclass(frozen=True)
class Engine:
    """A way to run steps.

    Attributes
    ----------
    engine : str
        "apart" (replicas in turn), "threads" (side by side) or "stacked" (vmapped).
    threads : int
        Torch threads of one step.
    workers : int
        Processes that step shares of stacked replicas side by side, each by `threads` threads.
    precision : str
        "float32", or "bfloat16" for autocast; batch norm, heads, loss and weights stay float32.
    channels_last : bool
        Memory layout of convolution weights.
    traced : bool
        Whether a stacked step is traced once and repeated (`zeeman.training.tracing`).
    milliseconds : dict
        What was timed: milliseconds a step of all timed replicas; empty when the choice was given or not worth it.
    programs : dict
        Steps traced so far: what was traced to be timed need not be traced again to train.
    """

    engine: str = "apart"
    threads: int = 1
    workers: int = 1
    precision: str = "float32"
    channels_last: bool = False
    traced: bool = False
    milliseconds: dict[str, float] = field(default_factory=dict, compare=False)
    programs: Programs = field(default_factory=dict, compare=False, repr=False)

    @property
    def name(self) -> str:
        """One line naming the choice."""
        parts = [self.engine, f"{self.threads} thread{'s' * (self.threads > 1)}", self.precision]
        parts += ["channels last"] * self.channels_last + ["traced"] * (self.traced and self.engine == "stacked")
        return ", ".join(parts + [f"{self.workers} shares"] * (self.workers > 1))

    def build(self, modules: Sequence[nn.Module]) -> Ensemble:
        """Return the ensemble that trains `modules` this way."""
        half = self.precision == "bfloat16"

        def stacked(some: Sequence[nn.Module]) -> Stacked:
            return Stacked(some, half=half, programs=self.programs if self.traced else None)

        def apart(some: Sequence[nn.Module]) -> Apart:
            return Apart(some, half=half, channels_last=self.channels_last)

        if self.engine == "threads":
            return Threaded([apart([module]) for module in modules], os.cpu_count() or 1)
        if self.engine == "apart":
            return apart(modules)
        size = -(-len(modules) // self.workers)
        shares = [stacked(modules[begin : begin + size]) for begin in range(0, len(modules), size)]
        return shares[0] if len(shares) == 1 else Forked(shares, self.threads)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a header."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "programs"}


def choose_engine(
    modules: Sequence[nn.Module],
    batch: Tensor,
    noise: Tensor,
    n_steps: int,
    *,
    engine: str = "auto",
    n_threads: int | None = None,
    precision: str = "auto",
) -> Engine:
    """Return the fastest engine among those allowed, by timing steps on copies of `modules`.

    One thing is decided after another (processes, threads, kind, layout, precision), each with the best so far; what
    cannot pay for its own timing is not asked.

    Parameters
    ----------
    modules : sequence of Module
        Replicas; left as they are.
    batch, noise : Tensor, (replica, sample, ...)
        One step's arguments.
    n_steps : int
        Length of the training in steps; a short one is not timed.
    engine, precision : str
        One of `ENGINES`, `PRECISIONS`, or "auto".
    n_threads : int, optional
        Fix the number of torch threads.

    Raises
    ------
    ValueError
        For engine="stacked" and modules that cannot be vmapped (randomness of their own, branches on values).
    """
    check_choice(engine, ("auto", *ENGINES), "engine")
    check_choice(precision, ("auto", *PRECISIONS), "precision")
    if n_threads is not None:
        check_positive_integer(n_threads, "n_threads")
    n_weights = sum(p.numel() for p in modules[0].parameters())
    small = n_weights * len(modules) <= _SMALL
    together = engine == "stacked" or (engine == "auto" and small and len(modules) > 1)
    refused = _refusal_to_stack(modules, batch, noise) if together else ""
    if refused and engine == "stacked":
        raise ValueError(f"engine='stacked' cannot run these modules in one call, take 'apart' or 'auto': {refused}")
    first = Engine(
        engine=("stacked" if together and not refused else "apart") if engine == "auto" else engine,
        threads=n_threads or 1,
        precision="float32" if precision == "auto" else precision,
        traced=n_steps >= _MANY_STEPS,
    )
    free = {"engine": engine == "auto", "threads": n_threads is None, "precision": precision == "auto"}
    if n_steps < (_MANY_STEPS if small else _MANY_LONG_STEPS):
        return first
    if n_steps < _MANY_SHARED_STEPS and small and not _convolves(modules[0]) and _side_by_side(first, free, modules):
        return replace(first, workers=torch.get_num_threads())
    timed = list(modules) if small else list(modules[:2])
    return _fastest(first, free, timed, batch[: len(timed)], noise[: len(timed)], n_steps)


def _fastest(
    best: Engine, free: dict[str, bool], modules: list[nn.Module], batch: Tensor, noise: Tensor, n_steps: int
) -> Engine:
    times: dict[str, float] = {}

    def timed(rival: Engine) -> float:
        if rival.name not in times:
            to_beat = min(times.values(), default=float("inf"))
            with contextlib.closing(rival.build(copy.deepcopy(modules))) as ensemble:
                times[rival.name] = _milliseconds(ensemble, rival.threads, batch, noise, n_steps, to_beat)
        return times[rival.name]

    def challenge(best: Engine, **change: Any) -> Engine:
        rival = replace(best, **change)
        return rival if timed(rival) < 0.97 * timed(best) else best

    def is_long(best: Engine) -> bool:
        if n_steps * times[best.name] > _LONG_FOR_HALF:  # asked twice: a busy moment makes no training long
            times[best.name] = min(times.pop(best.name), timed(best))
        return n_steps * times[best.name] > _LONG_FOR_HALF

    timed(best)
    on_cpu, cores = batch.device.type == "cpu", torch.get_num_threads()
    convolves, side_by_side = _convolves(modules[0]), _side_by_side(best, free, modules)

    def shared(best: Engine) -> Engine:
        with contextlib.suppress(OSError, ProcessLost):  # no memory or no leave for another process: do without
            return challenge(best, workers=cores, threads=1)
        return best

    if side_by_side and not convolves:  # replicas in turn lost to shares in every row of the benchmark: asked no more
        best = shared(best)
    if free["threads"] and on_cpu and cores > 1 and best.workers == 1:
        best = challenge(best, threads=cores)
    if free["engine"] and len(modules) > 1 and best.workers == 1:
        if best.engine == "stacked":
            best = challenge(best, engine="apart")
        elif not _refusal_to_stack(modules, batch, noise):
            best = challenge(best, engine="stacked")
        in_turn = times[replace(best, engine="apart").name]
        if on_cpu and cores > 1 and in_turn < cores * times[best.name]:  # else they do not win side by side either
            best = challenge(best, engine="threads", threads=1 if free["threads"] else best.threads)
    if side_by_side and convolves and best.engine == "stacked":
        best = shared(best)
    if best.engine != "stacked" and convolves:
        best = challenge(best, channels_last=True)
    if free["precision"] and (convolves or is_long(best)) and half_precision_is_native(batch.device):
        best = challenge(best, precision="bfloat16")
    return replace(best, milliseconds=times)


def _refusal_to_stack(modules: Sequence[nn.Module], batch: Tensor, noise: Tensor) -> str:
    """What vmap says against a step of these modules: their own randomness, a branch on a value; nothing if it can."""
    try:
        Stacked(copy.deepcopy(modules[:2])).step(batch[:2], noise[:2], 0.0)
    except Exception as error:  # a user's modules fail in any way; if they fail apart too, training says so
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return ""


def _convolves(module: nn.Module) -> bool:
    return any(p.ndim == 4 for p in module.parameters())


def _side_by_side(engine: Engine, free: dict[str, bool], modules: Sequence[nn.Module]) -> bool:
    """Whether shares of stacked replicas may be stepped by a process a core."""
    on_cpu = all(p.device.type == "cpu" for p in modules[0].parameters())
    may = engine.engine == "stacked" and free["threads"] and on_cpu
    return may and 1 < torch.get_num_threads() <= len(modules) and can_fork()


def _milliseconds(
    ensemble: Ensemble, threads: int, batch: Tensor, noise: Tensor, n_steps: int, to_beat: float = float("inf")
) -> float:
    """Best of a few steps, after those that warm up; processes are timed over several, since they need not meet.

    A rival that is twice as slow as what there is `to_beat` (milliseconds) is not asked again.
    """
    best, spent = float("inf"), 0.0
    burst = _BURST if isinstance(ensemble, Forked) else 1

    def steps(n: int) -> float:
        start = time.perf_counter()
        for _ in range(n):
            ensemble.step(batch, noise, 0.0)
        ensemble.collect()
        synchronize(batch.device)
        return time.perf_counter() - start

    with quiet_machine(threads):
        steps(burst)
        while best == float("inf") or (spent < min(0.1, _SHARE * n_steps * best) and 1e3 * best < 2 * to_beat):
            elapsed = steps(burst)
            best, spent = min(best, elapsed / burst), spent + elapsed
    return round(1e3 * best, 3)
