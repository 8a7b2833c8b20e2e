"""Training from the first step to the last, or from wherever it was killed.

An epoch visits the training samples in a random order of each replica's own; its batches are rows of one resident
tensor, gathered on the device. Order and noise of epoch e are functions of (seed, replica, e), hence a continued run
ends with the numbers of an uninterrupted one, bit for bit, on the same engine.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zeeman.base.logs import Values
from zeeman.base.progress import Progress
from zeeman.base.random import torch_stream
from zeeman.training.checkpoint import Checkpoint, flatten, sweep, unflatten
from zeeman.training.engine import Engine, choose_engine
from zeeman.training.ensemble import Ensemble, Visitor
from zeeman.training.machine import keep_freed_memory, quiet_machine
from zeeman.training.schedules import schedule

__all__ = ["Plan", "Trained", "train"]


_STEPS_BETWEEN = 64  # calls of `after_epoch`: a look at the frame takes several steps of a small network


@dataclass(frozen=True)
class Plan:
    """How long, in what portions, at what rate, on what machine.

    Attributes
    ----------
    noise_shape : tuple of int
        Standard normal numbers a module takes for one sample.
    term_names : tuple of str
        Names of a module's terms, the minimised one first.
    seed : int
        Of the streams "order/e" and "noise/e" of every replica in epoch e.
    checkpoint_every : float
        Seconds between checkpoints inside an epoch.
    """

    noise_shape: tuple[int, ...]
    term_names: tuple[str, ...]
    n_epochs: int = 10
    batch_size: int = 128
    learning_rate: float = 1e-3
    schedule: str = "constant"
    seed: int = 0
    engine: str = "auto"
    n_threads: int | None = None
    precision: str = "auto"
    checkpoint_every: float = 60.0


@dataclass(frozen=True)
class Trained:
    """What a training leaves: `history` by name, each (epoch, replica), the engine, and whether it was stopped."""

    history: dict[str, NDArray[np.float64]]
    engine: Engine
    interrupted: bool


@dataclass
class _Run:
    """One training under way."""

    plan: Plan
    ensemble: Ensemble
    data: Tensor
    n_replicas: int
    engine: Engine
    sums: Tensor  # (replica, term), of the present epoch
    history: dict[str, list[list[float]]]
    epoch: int = 0
    step: int = 0
    saved: float = field(default_factory=time.monotonic)

    @property
    def batch_size(self) -> int:
        return min(self.plan.batch_size, len(self.data))

    @property
    def n_steps(self) -> int:
        return len(self.data) // self.batch_size  # the rest of an epoch's order is left out: equal batches


def train(
    modules: Sequence[nn.Module],
    data: Tensor,
    plan: Plan,
    *,
    validate: Callable[[nn.Module], float],
    after_epoch: Callable[[nn.Module], None] | None = None,
    watch: Callable[[int], None] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    settings: dict[str, Any] | None = None,
    progress: Progress | None = None,
    log: Callable[[int, Values], None] | None = None,
) -> Trained:
    """Minimise the first term of every module on `data`, in place.

    Parameters
    ----------
    modules : sequence of Module
        Replicas; `module(batch, noise)` returns its terms (see `zeeman.training.ensemble`).
    data : Tensor, (sample, ...)
        On the device of the modules.
    plan : Plan
    validate : callable
        Figure of merit of a module in evaluation mode, after each epoch; `history["validation"]`.
    after_epoch : callable, optional
        Called with every module, in evaluation mode, after the first epoch and the last, and between them after every
        one, or every few if epochs have fewer than 64 steps; may change its weights in place, and nothing else: it may
        be called in another process, as `validate` may.
    watch : callable, optional
        Called as watch(epoch), 1, 2, ..., after each epoch, when `modules` hold the present weights.
    checkpoint : path, optional
        Folder; a training found there is continued, ValueError if its `settings` are others.
    settings : dict, optional
        Plain values that identify the training beside the plan.
    progress : Progress, optional
        Advanced by one a step.
    log : callable, optional
        Called as log(epoch, row of the history by name) after each epoch, before its checkpoint.
    """
    settings = {**(settings or {}), **_identity(plan), "n_replicas": len(modules)}
    keep_freed_memory()
    found = None
    if checkpoint is not None:
        found = Checkpoint.read(checkpoint)
        if found is not None:
            found.check(settings, checkpoint)
        sweep(checkpoint)
    run = _start(modules, data, plan) if found is None else _continue(modules, data, plan, found)
    judge, after = _visitor(validate), _visitor(validate, after_epoch)
    run.ensemble.visitors = judge, after
    if progress is not None and run.epoch + run.step:
        progress.resume(run.epoch * run.n_steps + run.step)
    try:
        with quiet_machine(run.engine.threads), _interrupts() as stopped:
            _epochs(
                run, judge, after, watch, stopped, None if checkpoint is None else (checkpoint, settings), progress,
                log,
            )  # fmt: skip
    finally:
        run.ensemble.close()
    history = {
        name: np.asarray(rows, dtype=np.float64).reshape(-1, run.n_replicas) for name, rows in run.history.items()
    }
    return Trained(history, run.engine, interrupted=run.epoch < plan.n_epochs)


def _start(modules: Sequence[nn.Module], data: Tensor, plan: Plan) -> _Run:
    size = min(plan.batch_size, len(data))
    order, noise = _epoch_numbers(plan, 0, len(modules), len(data), 1, size)
    engine = choose_engine(
        modules,
        data[order[:, 0].to(data.device)],
        noise[:, 0].to(data.device),
        plan.n_epochs * (len(data) // size),
        engine=plan.engine,
        n_threads=plan.n_threads,
        precision=plan.precision,
    )
    return _run_of(modules, data, plan, engine)


def _run_of(modules: Sequence[nn.Module], data: Tensor, plan: Plan, engine: Engine) -> _Run:
    sums = torch.zeros(len(modules), len(plan.term_names), dtype=torch.float64, device=data.device)
    history: dict[str, list[list[float]]] = {name: [] for name in (*plan.term_names, "validation")}
    return _Run(plan, engine.build(modules), data, len(modules), engine, sums, history)


def _continue(modules: Sequence[nn.Module], data: Tensor, plan: Plan, found: Checkpoint) -> _Run:
    n = len(modules)
    for module, state in zip(modules, unflatten(found.tensors, "module", n), strict=True):
        module.load_state_dict(state)
    engine = Engine(**found.place["engine"])
    if plan.n_threads is not None:
        engine = replace(engine, threads=plan.n_threads, workers=1)
    run = _run_of(modules, data, plan, engine)
    run.epoch, run.step = found.place["epoch"], found.place["step"]
    run.sums.copy_(found.tensors["sums"])
    run.history = {name: found.tensors[f"history/{name}"].tolist() for name in run.history}
    run.ensemble.restore(unflatten(found.tensors, "moments", n))
    return run


def _epochs(
    run: _Run,
    judge: Visitor,
    after: Visitor,
    watch: Callable[[int], None] | None,
    stopped: threading.Event,
    keep: tuple[str | os.PathLike[str], dict[str, Any]] | None,
    progress: Progress | None,
    log: Callable[[int, Values], None] | None,
) -> None:
    rate = schedule(run.plan.schedule)
    total, detail = run.plan.n_epochs * run.n_steps, ""
    while run.epoch < run.plan.n_epochs:
        _train_mode(run, True)
        order, noise = _epoch_numbers(run.plan, run.epoch, run.n_replicas, len(run.data), run.n_steps, run.batch_size)
        order, noise = order.to(run.data.device), noise.to(run.data.device)
        while run.step < run.n_steps and not stopped.is_set():
            t = (run.epoch * run.n_steps + run.step) / total
            batch = run.data[order[:, run.step]]
            run.ensemble.step(batch, noise[:, run.step], run.plan.learning_rate * rate(t))
            run.step += 1
            if keep is not None and time.monotonic() - run.saved > run.plan.checkpoint_every:
                _keep(run, keep)
            if progress is not None:
                progress.advance(1, detail)
        if stopped.is_set() and run.step < run.n_steps:
            if keep is not None:
                _keep(run, keep)
            _close_epoch(run, judge)
            return
        run.sums += run.ensemble.collect().to(run.sums.device)
        if not bool(torch.isfinite(run.sums).all()):
            raise ValueError(
                f"the training diverged in epoch {run.epoch + 1} (its loss is not finite): "
                f"lower learning_rate = {run.plan.learning_rate:g}, or rescale the data"
            )
        detail = _close_epoch(run, after if _is_time(run) else judge)
        run.epoch, run.step = run.epoch + 1, 0
        if watch is not None:
            run.ensemble.modules_in_step()
            watch(run.epoch)
        if log is not None:
            log(run.epoch, {name: rows[-1] for name, rows in run.history.items()})
        if keep is not None:
            _keep(run, keep)
        if stopped.is_set():
            return


def _is_time(run: _Run) -> bool:
    """Whether this epoch ends with `after_epoch`."""
    n = run.epoch + 1
    return n in (1, run.plan.n_epochs) or n % max(1, _STEPS_BETWEEN // run.n_steps) == 0


def _visitor(validate: Callable[[nn.Module], float], after_epoch: Callable[[nn.Module], None] | None = None) -> Visitor:
    """What is done with every module after an epoch; returns its figure of merit."""

    def visit(module: nn.Module) -> float:
        module.eval()
        if after_epoch is not None:
            after_epoch(module)
        with torch.no_grad():
            return validate(module)

    return visit


def _close_epoch(run: _Run, visitor: Visitor) -> str:
    """Add a row to the history: means of the terms over the steps so far, and the figure of merit."""
    run.sums += run.ensemble.collect().to(run.sums.device)
    means = (run.sums / max(run.step, 1)).T.tolist()
    _train_mode(run, False)
    merit = run.ensemble.visit(visitor)
    for name, row in zip(run.plan.term_names, means, strict=True):
        run.history[name].append(row)
    run.history["validation"].append(merit)
    run.sums.zero_()
    terms = "  ".join(f"{name} {np.mean(row):.4g}" for name, row in zip(run.plan.term_names, means, strict=True))
    return f"{terms}  held out {np.mean(merit):.4g}"


def _train_mode(run: _Run, training: bool) -> None:
    for module in run.ensemble.modules:
        module.train(training)


def _keep(run: _Run, keep: tuple[str | os.PathLike[str], dict[str, Any]]) -> None:
    folder, settings = keep
    run.sums += run.ensemble.collect().to(run.sums.device)
    modules = run.ensemble.modules_in_step()
    tensors = flatten([module.state_dict() for module in modules], "module")
    tensors |= flatten(run.ensemble.moments(), "moments")
    tensors |= {f"history/{name}": torch.tensor(rows, dtype=torch.float64) for name, rows in run.history.items()}
    tensors["sums"] = run.sums
    place = {"epoch": run.epoch, "step": run.step, "engine": run.engine.to_dict()}
    Checkpoint(settings, place, tensors).write(folder)
    run.saved = time.monotonic()


def _epoch_numbers(
    plan: Plan, epoch: int, n_replicas: int, n_samples: int, n_steps: int, size: int
) -> tuple[Tensor, Tensor]:
    """Order (replica, step, sample) and noise (replica, step, sample, ...) of one epoch."""
    orders, noises = [], []
    for r in range(n_replicas):
        order = torch.randperm(n_samples, generator=torch_stream(plan.seed, f"order/{epoch}", r))
        orders.append(order[: n_steps * size].reshape(n_steps, size))
        noises.append(
            torch.randn(n_steps, size, *plan.noise_shape, generator=torch_stream(plan.seed, f"noise/{epoch}", r))
        )
    return torch.stack(orders), torch.stack(noises)


def _identity(plan: Plan) -> dict[str, Any]:
    """Return the settings that change the numbers; the engine is read from the checkpoint."""
    names = ("n_epochs", "batch_size", "learning_rate", "schedule", "seed")
    return {name: getattr(plan, name) for name in names}


@contextlib.contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into a flag read between steps; the second one interrupts as usual."""
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(number: int, frame: Any) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()

    signal.signal(signal.SIGINT, ask)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)
