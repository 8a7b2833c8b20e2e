"""R copies of a module taking one optimiser step together.

A trainable module is any ``torch.nn.Module`` whose ``forward(batch, noise)`` returns its terms, a vector whose
first entry is minimised; it may have a `pace`, a dict of a child's name -> factor of its learning rate, where 0 leaves
the child and its moments as they are. Noise is an argument, drawn by the caller from each replica's own stream, so a
replica computes the same numbers alone, beside others, or stacked with them.

`Apart` steps the replicas one after another. `Stacked` steps all of them in one vmapped call: fewer and larger kernels,
the faster way for small networks; in a long training that call is traced once and then repeated without its
bookkeeping. Both keep every replica's own batch-norm buffers. `Threaded` steps shares of the replicas side by side in
threads: large kernels release the interpreter lock, and threads that meet once a step lose less than threads that meet
in every kernel. Small kernels leave the lock to nobody; shares of those go to processes (`zeeman.training.forked`).
"""

from __future__ import annotations

import contextlib
import copy
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from zeeman.training.tracing import Program, trace_gradients

__all__ = ["Apart", "Ensemble", "Shares", "Stacked", "Threaded", "Visitor"]

Visitor: TypeAlias = Callable[[nn.Module], float]
# by half precision and shapes of batch and noise; None for what could not be traced
Programs: TypeAlias = dict[tuple[bool, torch.Size, torch.Size], Program | None]

_BETAS = (0.5, 0.999)  # paper 002, section 5
_MOMENTS = ("exp_avg", "exp_avg_sq")


class Ensemble(ABC):
    """Replicas in training; `modules` hold their weights whenever `modules_in_step()` has been called.

    Attributes
    ----------
    modules : sequence of Module
        One a replica.
    visitors : tuple of callable
        What `visit` will be called with, as far as known before the first step: that may be done elsewhere.
    """

    modules: Sequence[nn.Module]
    visitors: tuple[Visitor, ...] = ()

    @abstractmethod
    def step(self, batch: Tensor, noise: Tensor, rate: float) -> None:
        """Take one Adam step of every replica at this learning rate; nothing waits for it.

        Parameters
        ----------
        batch : Tensor, (replica, sample, ...)
        noise : Tensor, (replica, sample, ...)
        rate : float
        """

    @abstractmethod
    def collect(self) -> Tensor:
        """Return the terms, each as before its step, summed over the steps since the last call: (replica, term).

        Zero, (replica, 1), if there were none.
        """

    @abstractmethod
    def modules_in_step(self) -> Sequence[nn.Module]:
        """Return the modules, one a replica, holding the present weights and buffers."""

    def adopt_modules(self) -> None:  # noqa: B027 (where the modules themselves are trained there is nothing to do)
        """Train on from the weights in `modules`, which someone has changed."""

    def visit(self, visitor: Visitor) -> list[float]:
        """Call `visitor` with every module, which it may change in place, and return what it says."""
        said = [visitor(module) for module in self.modules_in_step()]
        self.adopt_modules()
        return said

    @abstractmethod
    def moments(self) -> list[dict[str, Tensor]]:
        """Return Adam's moments of every replica by name: `step/...`, `exp_avg/...` and `exp_avg_sq/...`."""

    @abstractmethod
    def restore(self, moments: list[dict[str, Tensor]]) -> None:
        """Continue from these moments; the modules' weights are already in place."""

    def close(self) -> None:  # noqa: B027 (an ensemble that holds no threads has nothing to close)
        """Release threads and processes; the weights stay."""


class _Summing(Ensemble):
    """An ensemble that adds up its terms."""

    _sums: Tensor | None = None

    def step(self, batch: Tensor, noise: Tensor, rate: float) -> None:
        """Take one Adam step of every replica."""
        terms = self._take(batch, noise, rate).double()
        self._sums = terms if self._sums is None else self._sums + terms

    def collect(self) -> Tensor:
        """Return the sums of the terms, and begin anew."""
        sums, self._sums = self._sums, None
        return torch.zeros(len(self.modules), 1, dtype=torch.float64) if sums is None else sums

    @abstractmethod
    def _take(self, batch: Tensor, noise: Tensor, rate: float) -> Tensor:
        """Take one step and return the terms before it, (replica, term)."""


class Apart(_Summing):
    """Replicas with a module and an optimiser each, stepped in turn."""

    def __init__(self, modules: Sequence[nn.Module], *, half: bool = False, channels_last: bool = False) -> None:
        self.modules = modules
        self._half = half
        if channels_last:
            for module in modules:
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._optimisers = [_adam(dict(module.named_parameters())) for module in modules]

    def _take(self, batch: Tensor, noise: Tensor, rate: float) -> Tensor:
        return torch.stack([self._one(r, batch[r], noise[r], rate) for r in range(len(self.modules))])

    def modules_in_step(self) -> Sequence[nn.Module]:
        """Return the modules."""
        return self.modules

    def moments(self) -> list[dict[str, Tensor]]:
        """Return Adam's moments by replica and name."""
        pairs = zip(self.modules, self._optimisers, strict=True)
        return [_moments(optimiser, dict(module.named_parameters())) for module, optimiser in pairs]

    def restore(self, moments: list[dict[str, Tensor]]) -> None:
        """Put the moments into new optimiser states."""
        for module, optimiser, saved in zip(self.modules, self._optimisers, moments, strict=True):
            _set_moments(optimiser, dict(module.named_parameters()), saved)

    def _one(self, r: int, batch: Tensor, noise: Tensor, rate: float) -> Tensor:
        module, pace = self.modules[r], _pace(self.modules[r])
        with _still(module, pace):
            with _autocast(batch.device, self._half):
                terms = module(batch, noise)
            self._optimisers[r].zero_grad(set_to_none=True)
            if terms.requires_grad:
                terms[0].backward()
        _descend(self._optimisers[r], rate, pace)
        return terms.detach()


class Stacked(_Summing):
    """All replicas in one vmapped call over stacked weights (replica, ...).

    With `programs` a step is traced and repeated (`zeeman.training.tracing`); those traced before for the same modules
    are used, new ones added.
    """

    def __init__(self, modules: Sequence[nn.Module], *, half: bool = False, programs: Programs | None = None) -> None:
        self.modules = modules
        self._half = half
        self._parameters, self._buffers = stack_module_state(list(modules))
        self._skeleton = copy.deepcopy(modules[0]).to("meta").train()
        self._optimiser = _adam(self._parameters)
        self._programs = programs

    def _take(self, batch: Tensor, noise: Tensor, rate: float) -> Tensor:
        terms = self._differentiate(batch, noise)
        _descend(self._optimiser, rate, _pace(self.modules[0]))
        return terms

    def modules_in_step(self) -> Sequence[nn.Module]:
        """Copy the stacked weights and buffers back into the modules and return them."""
        with torch.no_grad():
            for own, stacked in self._pairs():
                own.copy_(stacked)
        return self.modules

    def adopt_modules(self) -> None:
        """Copy the modules' weights and buffers into the stacked ones."""
        with torch.no_grad():
            for own, stacked in self._pairs():
                stacked.copy_(own)

    def moments(self) -> list[dict[str, Tensor]]:
        """Return Adam's moments by replica and name, views of the stacked ones."""
        stacked = _moments(self._optimiser, self._parameters)
        return [
            {name: moment[r] if moment.ndim else moment.clone() for name, moment in stacked.items()}
            for r in range(len(self.modules))
        ]  # fmt: skip

    def restore(self, moments: list[dict[str, Tensor]]) -> None:
        """Stack the modules' weights and the moments anew; all replicas have taken the same steps."""
        self._parameters, self._buffers = stack_module_state(list(self.modules))
        self._optimiser = _adam(self._parameters)
        stacked = {
            name: one if name.startswith("step/") else torch.stack([saved[name] for saved in moments])
            for name, one in moments[0].items()
        }
        _set_moments(self._optimiser, self._parameters, stacked)

    def move(self, copied: Callable[[Tensor], Tensor]) -> None:
        """Train on in copies of weights, buffers and moments, the modules' too, made by `copied`."""
        own = (tensor for module in self.modules for tensor in (*module.parameters(), *module.buffers()))
        with torch.no_grad():
            for tensor in (*self._parameters.values(), *self._buffers.values(), *own):
                tensor.data = copied(tensor)
            for state in self._optimiser.state.values():
                state.update({name: copied(value) for name, value in state.items()})

    def _pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Every weight and buffer of every module, and its place among the stacked ones."""
        for r, module in enumerate(self.modules):
            for name, parameter in module.named_parameters():
                yield parameter, self._parameters[name][r]
            for name, buffer in module.named_buffers():
                yield buffer, self._buffers[name][r]

    def _differentiate(self, batch: Tensor, noise: Tensor) -> Tensor:
        """Return the terms, and leave their gradients at the parameters."""
        program = None if self._programs is None else self._program(self._programs, batch, noise)
        if program is None:
            self._optimiser.zero_grad(set_to_none=True)
            found = self._terms(self._parameters, self._buffers, batch, noise)
            found[:, 0].sum().backward()
            return found.detach()
        terms: Tensor
        terms, *gradients = program(batch, noise, *self._parameters.values(), *self._buffers.values())
        for parameter, gradient in zip(self._parameters.values(), gradients, strict=True):
            parameter.grad = gradient
        return terms

    def _program(self, programs: Programs, batch: Tensor, noise: Tensor) -> Program | None:
        key = self._half, batch.shape, noise.shape
        if key not in programs:
            try:
                programs[key] = trace_gradients(self._terms, self._parameters, self._buffers, batch, noise)
            except RuntimeError:  # a user's module may do what cannot be recorded; the numbers are the same without
                programs[key] = None
        return programs[key]

    def _terms(self, parameters: Any, buffers: Any, batch: Tensor, noise: Tensor) -> Tensor:
        with _autocast(batch.device, self._half):
            return vmap(self._one)(parameters, buffers, batch, noise)

    def _one(self, parameters: Any, buffers: Any, batch: Tensor, noise: Tensor) -> Tensor:
        return functional_call(self._skeleton, (parameters, buffers), (batch, noise))


class Shares(Ensemble):
    """Neighbouring replicas in shares, each an ensemble of its own."""

    def __init__(self, shares: Sequence[Ensemble]) -> None:
        self.modules = [module for share in shares for module in share.modules]
        self._shares = shares
        self._sizes = [len(share.modules) for share in shares]

    def collect(self) -> Tensor:
        """Return the sums of all shares."""
        return torch.cat([share.collect() for share in self._shares])

    def modules_in_step(self) -> Sequence[nn.Module]:
        """Return the modules of all shares."""
        for share in self._shares:
            share.modules_in_step()
        return self.modules

    def adopt_modules(self) -> None:
        """Let every share train on from its modules."""
        for share in self._shares:
            share.adopt_modules()

    def moments(self) -> list[dict[str, Tensor]]:
        """Return Adam's moments of all shares."""
        return [moments for share in self._shares for moments in share.moments()]

    def restore(self, moments: list[dict[str, Tensor]]) -> None:
        """Give every share its moments."""
        left = iter(moments)
        for share, size in zip(self._shares, self._sizes, strict=True):
            share.restore(list(itertools.islice(left, size)))


class Threaded(Shares):
    """Shares stepped side by side by `workers` threads."""

    def __init__(self, shares: Sequence[Ensemble], workers: int) -> None:
        super().__init__(shares)
        # flushing subnormal numbers is a flag of the thread, not of the process
        self._pool = ThreadPoolExecutor(workers, initializer=torch.set_flush_denormal, initargs=(True,))

    def step(self, batch: Tensor, noise: Tensor, rate: float) -> None:
        """Take one Adam step of every replica, the shares side by side."""
        portions = batch.split(self._sizes), noise.split(self._sizes)
        list(self._pool.map(lambda share, x, draws: share.step(x, draws, rate), self._shares, *portions))

    def close(self) -> None:
        """Release the threads."""
        self._pool.shutdown()


def _adam(parameters: dict[str, Tensor]) -> torch.optim.Adam:
    """Adam with a group of parameters for every child module, and moments from the start, those of a held one too."""
    groups: dict[str, list[Tensor]] = {}
    for name, parameter in parameters.items():
        groups.setdefault(name.partition(".")[0], []).append(parameter)
    optimiser = torch.optim.Adam(
        [{"params": group, "child": child} for child, group in groups.items()], betas=_BETAS, fused=True
    )
    for parameter in parameters.values():
        zeros = {kind: torch.zeros_like(parameter) for kind in _MOMENTS}
        optimiser.state[parameter] = {"step": torch.zeros((), device=parameter.device), **zeros}
    return optimiser


def _pace(module: nn.Module) -> dict[str, float]:
    pace = getattr(module, "pace", None)
    return pace if isinstance(pace, dict) else {}


@contextlib.contextmanager
def _still(module: nn.Module, pace: dict[str, float]) -> Iterator[None]:
    """Spare the gradients of children that are held."""
    children = [module.get_submodule(child) for child, factor in pace.items() if factor == 0]
    held = [parameter for child in children for parameter in child.parameters() if parameter.requires_grad]
    for parameter in held:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in held:
            parameter.requires_grad_(True)


def _descend(optimiser: torch.optim.Adam, rate: float, pace: dict[str, float]) -> None:
    for group in optimiser.param_groups:
        factor = pace.get(group["child"], 1.0)
        group["lr"] = rate * factor
        if factor == 0:
            for parameter in group["params"]:
                parameter.grad = None
    optimiser.step()


def _autocast(device: torch.device, half: bool) -> contextlib.AbstractContextManager:
    return torch.autocast(device.type, dtype=torch.bfloat16) if half else contextlib.nullcontext()


def _moments(optimiser: torch.optim.Adam, parameters: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        f"{kind}/{name}": optimiser.state[parameter][kind]
        for name, parameter in parameters.items()
        for kind in ("step", *_MOMENTS)
    }


def _set_moments(optimiser: torch.optim.Adam, parameters: dict[str, Tensor], saved: dict[str, Tensor]) -> None:
    for name, parameter in parameters.items():
        for kind, moment in optimiser.state[parameter].items():
            moment.copy_(saved[f"{kind}/{name}"])
