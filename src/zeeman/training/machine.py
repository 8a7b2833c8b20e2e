"""The machine under a training: threads, subnormal numbers, memory reuse, and whether bfloat16 units are here.

Threads and the treatment of subnormal numbers are put back; how the C library reuses memory is not
(`keep_freed_memory`, speed only). Set ``OMP_WAIT_POLICY=passive`` in the environment before torch is
imported when cores are shared: a thread that spins while it waits can make two threads fifty times slower than one.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
import time
from collections.abc import Iterator

import torch

from zeeman.base.devices import usable_device

__all__ = [
    "evaluating",
    "half_precision_is_native",
    "keep_freed_memory",
    "quiet_machine",
    "resolve_device",
    "synchronize",
]

_TRIES, _PATIENCE = 4, 0.2  # s


def resolve_device(device: str) -> torch.device:
    """Return the torch device, tried out; "auto" is CUDA where there is one, else the CPU."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return usable_device(device, "use device='cpu' or 'auto'")


@contextlib.contextmanager
def quiet_machine(n_threads: int | None = None) -> Iterator[None]:
    """Run the block with `n_threads` torch threads and subnormal numbers flushed to zero; restore both after it."""
    threads, flushing = torch.get_num_threads(), _flushes_subnormals()
    if n_threads is not None and n_threads != threads:
        torch.set_num_threads(n_threads)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushing)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


@contextlib.contextmanager
def evaluating(n_threads: int) -> Iterator[None]:
    """No gradients, and the number of threads that training found best."""
    with torch.no_grad(), quiet_machine(n_threads):
        yield


def keep_freed_memory() -> None:
    """Let the C library keep freed memory for the next step instead of returning it to the kernel.

    A step frees and asks again for tens of megabytes of gradients and activations; without this every page of
    them faults anew (a quarter of a step's time on the paper's network). Does nothing outside glibc.
    """
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD: blocks below 1 GiB come from the heap
        mallopt(-1, (1 << 31) - 1)  # M_TRIM_THRESHOLD: and stay there


def half_precision_is_native(device: torch.device, size: int = 128) -> bool:
    """Say whether bfloat16 is worth timing: a small product in it is not much slower than in float32.

    Processors without bfloat16 units emulate it up to three hundred times slower; the product takes them milliseconds.
    On busy cores one of native ones is late as well, and is asked again.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    single, half = (torch.ones(size, size, dtype=dtype, device=device) for dtype in (torch.float32, torch.bfloat16))
    limit, tries, spent = 2 * min(_seconds_of(single) for _ in range(_TRIES)), 0, 0.0
    while tries < _TRIES or spent < _PATIENCE:
        seconds = _seconds_of(half)
        if seconds < limit:
            return True
        tries, spent = tries + 1, spent + seconds
    return False


def _seconds_of(a: torch.Tensor) -> float:
    start = time.perf_counter()
    _ = a @ a
    return time.perf_counter() - start


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was asked to do, so that a clock tells the truth."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _flushes_subnormals() -> bool:
    return bool((torch.full((1,), 1e-310, dtype=torch.float64) * 1.0 == 0).item())
