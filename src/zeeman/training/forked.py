"""Shares of the replicas in processes of their own that see the same weights.

A step of a small network is hundreds of short operations, and between any two of them a thread needs the interpreter:
two threads that step shares of such replicas take four times as long as one. Processes do not wait for one another.
They are forked from this one, so nothing is imported or copied; weights, buffers and Adam's moments lie in memory that
all of them see, and so do the arguments of the steps, in a row of slots: a process may fall some steps behind without
anyone waiting. One that was killed is reported, and ends the training.
"""

from __future__ import annotations

import mmap
import multiprocessing
import struct
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zeeman.base.processes import can_fork, forked
from zeeman.training.ensemble import Shares, Stacked, Visitor

__all__ = ["Forked", "ProcessLost"]

_MOST_SLOTS, _SLOTS_BYTES = 64, 1 << 26
_STEP, _COLLECT, _VISIT = b"s", b"c", b"v"
_REQUEST = struct.Struct("cd")  # what to do; for a step the learning rate, for a visit the place of its visitor
_DONE, _FAILED = b"+", b"-"


class ProcessLost(RuntimeError):
    """A process that trains replicas has ended."""


class Forked(Shares):
    """Stacked replicas in shares, the first stepped by this process and every other by one forked from it.

    The first step is made here, share by share: it is recorded once for all shares of a size. The helpers are forked
    before the second, with the shapes of its arguments; where nothing can be forked all steps are made here.
    """

    def __init__(self, shares: Sequence[Stacked], threads: int) -> None:
        super().__init__(shares)
        self._stacks, self._threads = shares, threads
        self._helpers: list[_Helper] = []
        self._may_fork, self._begun = can_fork(), False

    def step(self, batch: Tensor, noise: Tensor, rate: float) -> None:
        """Take one Adam step of every replica, the shares side by side."""
        given = list(zip(batch.split(self._sizes), noise.split(self._sizes), strict=True))
        if self._begun and self._may_fork and not self._helpers:
            try:
                self._fork(given)
            except OSError:  # no memory or no leave for another process: do without
                self.close()
                self._may_fork = False
        for helper, portion in zip(self._helpers, given[1:], strict=False):
            helper.step(*portion, rate)
        for share, portion in zip(self._stacks[: 1 if self._helpers else None], given, strict=False):
            share.step(*portion, rate)
        self._begun = True

    def collect(self) -> Tensor:
        """Return the sums of all shares, when all of them have taken all steps."""
        if not self._helpers:
            return super().collect()
        for helper in self._helpers:
            helper.ask(_COLLECT)
        others = (helper.answer().reshape(n, -1) for helper, n in zip(self._helpers, self._sizes[1:], strict=True))
        return torch.cat([self._stacks[0].collect(), *map(torch.from_numpy, others)])

    def visit(self, visitor: Visitor) -> list[float]:
        """Call `visitor` with every module, side by side if it was known when the helpers were forked."""
        if not self._helpers or visitor not in self.visitors:
            return super().visit(visitor)
        for helper in self._helpers:
            helper.ask(_VISIT, self.visitors.index(visitor))
        return self._stacks[0].visit(visitor) + [value for helper in self._helpers for value in helper.answer()]

    def modules_in_step(self) -> Sequence[nn.Module]:
        """Return the modules of all shares, when all of them have taken all steps."""
        self._wait()
        return super().modules_in_step()

    def moments(self) -> list[dict[str, Tensor]]:
        """Return Adam's moments of all shares, when all of them have taken all steps."""
        self._wait()
        return super().moments()

    def restore(self, moments: list[dict[str, Tensor]]) -> None:
        """Give every share its moments."""
        self.close()
        super().restore(moments)

    def close(self) -> None:
        """End the helpers; the weights stay, no longer shared."""
        for helper in self._helpers:
            helper.close()
        for share in self._stacks[1:] if self._helpers else ():
            share.move(torch.clone)
        self._helpers = []

    def _wait(self) -> None:
        for helper in self._helpers:
            helper.wait()

    def _fork(self, given: list[tuple[Tensor, Tensor]]) -> None:
        for share, portion in zip(self._stacks[1:], given[1:], strict=True):
            share.move(_shared)
            ends = [helper.here for helper in self._helpers]
            self._helpers.append(_Helper(share, *portion, self.visitors, self._threads, ends))
        for share in self._stacks[1:]:
            share.collect()  # the sums so far are the helpers' now


class _Helper:
    """A forked process that steps one share, and the slots through which it gets its arguments."""

    def __init__(
        self,
        share: Stacked,
        batch: Tensor,
        noise: Tensor,
        visitors: Sequence[Visitor],
        threads: int,
        ends: list[Connection],
    ) -> None:
        self._n_slots = max(1, min(_MOST_SLOTS, _SLOTS_BYTES // (batch.nbytes + noise.nbytes)))
        self._slots = [tuple(_shared(one) for one in (batch, noise)) for _ in range(self._n_slots)]
        self._n_asked = self._n_behind = 0
        self.here, there = multiprocessing.Pipe()
        self._process = forked(_serve, share, self._slots, visitors, threads, there, [*ends, self.here])
        there.close()

    def step(self, batch: Tensor, noise: Tensor, rate: float) -> None:
        """Let it take a step, when there is a free slot."""
        if self._n_behind == self._n_slots:
            self._receive()
        for slot, values in zip(self._slots[self._n_asked % self._n_slots], (batch, noise), strict=True):
            slot.copy_(values)
        self._n_asked += 1
        self.ask(_STEP, rate)

    def ask(self, what: bytes, number: float = 0.0) -> None:
        """Let it do `what` after all that it was asked before."""
        try:
            self.here.send_bytes(_REQUEST.pack(what, number))
        except OSError:
            self._fail()
        self._n_behind += 1

    def answer(self) -> NDArray[np.float64]:
        """Wait until all is done and return what was said at last."""
        said = b""
        while self._n_behind:
            said = self._receive()
        return np.frombuffer(bytearray(said))

    def wait(self) -> None:
        """Wait until all is done."""
        self.answer()

    def close(self) -> None:
        """End the process; what it has done is here already."""
        self._process.kill()
        self.here.close()
        self._process.join()

    def _receive(self) -> bytes:
        try:
            said = self.here.recv_bytes()
        except (EOFError, OSError):
            self._fail()
        self._n_behind -= 1
        if said[:1] == _FAILED:
            raise RuntimeError(f"a process that trains replicas failed: {said[1:].decode()}")
        return said[1:]

    def _fail(self) -> NoReturn:
        self._process.join(1.0)
        raise ProcessLost(
            f"a process that trains replicas ended (exit code {self._process.exitcode}; -9 is often a lack of memory); "
            "n_threads=1 trains without such processes, and a checkpoint continues where it was stored"
        ) from None


def _shared(tensor: Tensor) -> Tensor:
    """Return a copy in memory that forked processes share; not a file of /dev/shm, which containers keep small."""
    if not tensor.numel():
        return tensor.detach().clone()
    memory = mmap.mmap(-1, tensor.nbytes)
    copy = torch.frombuffer(memory, dtype=tensor.dtype, count=tensor.numel()).view(tensor.shape)
    return copy.copy_(tensor.detach())


def _serve(
    share: Stacked,
    slots: Sequence[tuple[Tensor, ...]],
    visitors: Sequence[Visitor],
    threads: int,
    there: Connection,
    ends: Sequence[Connection],
) -> None:
    """Do what is asked until the other end is closed."""
    for end in ends:  # copies of the parent's: this process must see when the parent is gone
        end.close()
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    n_steps = 0
    while True:
        try:
            what, number = _REQUEST.unpack(there.recv_bytes())
        except (EOFError, OSError):
            return
        said = b""
        try:
            if what == _STEP:
                batch, noise = slots[n_steps % len(slots)]
                share.step(batch, noise, number)
                n_steps += 1
            elif what == _COLLECT:
                said = share.collect().numpy().tobytes()
            else:
                said = np.array(share.visit(visitors[int(number)]), np.float64).tobytes()
            said = _DONE + said
        except Exception as error:  # whatever it is, the parent raises it
            said = _FAILED + f"{type(error).__name__}: {error}".encode()
        try:
            there.send_bytes(said)
        except OSError:
            return
