"""Processors, and independent work side by side in processes forked from this one: nothing is imported for them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

__all__ = ["can_fork", "forked", "processors", "side_by_side"]

T = TypeVar("T")
R = TypeVar("R")


def can_fork() -> bool:
    """Whether processes can be forked here and work: Linux without an accelerator, the main thread, no daemon."""
    torch = sys.modules.get("torch")
    return (
        sys.platform == "linux"
        and (torch is None or not torch.cuda.is_available())
        and threading.current_thread() is threading.main_thread()
        and not multiprocessing.current_process().daemon
    )


def forked(target: Callable[..., None], *about: Any) -> BaseProcess:
    """Start a process that calls target(*about), and ends with this one's main thread."""
    process = multiprocessing.get_context("fork").Process(target=_undisturbed, args=(target, *about), daemon=True)
    with warnings.catch_warnings():  # of threads that a fork does not copy: the process needs none of them
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    return process


def side_by_side(function: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """Yield function(item) for every item, in their order, worked on by as many processes as there are cores.

    In turn, in this process, where there is one core (or ``OMP_NUM_THREADS=1`` wants no other used) or no fork.
    Warnings and exceptions reach the caller.
    """
    n_workers = min(len(items), _cores())
    if n_workers < 2 or not can_fork():
        yield from map(function, items)
        return
    ends: list[Connection] = []
    workers: list[BaseProcess] = []
    try:
        for first in range(n_workers):
            here, there = multiprocessing.Pipe(duplex=False)
            workers.append(forked(_work, function, items[first::n_workers], there, [*ends, here]))
            ends.append(here)
            there.close()
        for i in range(len(items)):
            yield _received(ends[i % n_workers], workers[i % n_workers])
    finally:
        for end in ends:
            end.close()
        for worker in workers:
            worker.kill()
            worker.join()


def processors() -> int:
    """Number of processors: those the scheduler allows this process, where it says."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cores() -> int:
    allowed = processors()
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return min(allowed, int(wanted)) if wanted.isdigit() and int(wanted) else allowed


def _undisturbed(target: Callable[..., None], *about: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # and ends this process in this way
    target(*about)


def _work(function: Callable[[T], R], items: Sequence[T], there: Connection, ends: Sequence[Connection]) -> None:
    for end in ends:
        end.close()
    with threadpool_limits(1):  # one core each; and threads of the parent are not there to be woken
        for item in items:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                try:
                    result: tuple[Any, Exception | None] = function(item), None
                except Exception as error:  # whatever it is, the parent raises it
                    result = None, _portable(error)
            told = [(str(one.message), one.category) for one in caught]
            with contextlib.suppress(OSError):  # the parent is gone
                try:
                    there.send((*result, told))
                    if result[1] is None:
                        continue
                except (TypeError, AttributeError, pickle.PicklingError) as error:
                    why = f"a result cannot be sent to another process: {error}"
                    there.send((None, TypeError(why), told))
            return


def _portable(error: Exception) -> Exception:
    """The exception if it arrives as it is, else its name and message."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _received(end: Connection, worker: BaseProcess) -> Any:
    try:
        result, error, caught = end.recv()
    except (EOFError, OSError):
        worker.join(1.0)
        raise RuntimeError(
            f"a process ended before its work was done (exit code {worker.exitcode}; -9 is often a lack of memory); "
            "OMP_NUM_THREADS=1 in the environment does everything in one process"
        ) from None
    for message, category in caught:
        warnings.warn(message, category, stacklevel=4)
    if error is not None:
        raise error
    return result
