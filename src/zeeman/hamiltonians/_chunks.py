"""Sums and functions over many samples, a few at a time: bounded memory, cores kept busy, one order of summation.

A chunk of samples times functions fits the cache. Chunks go to threads, each with single-threaded products: all of a
chunk's work is shared between cores then, exponentials included, and no thread waits by spinning. Results come back
in the order of the samples, so sums do not depend on the number of threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

__all__ = ["checked_weights", "chunk_sums", "chunks", "single_threaded", "stacked"]

Result = TypeVar("Result")

_CHUNK_VALUES = 1 << 19  # samples times functions held at once: 4 MB a matrix
_FEWEST_ROWS, _MOST_ROWS = 512, 16_384


def chunks(n_samples: int, n_functions: int) -> list[slice]:
    """Slices of samples for which a (sample, function) matrix fits the cache."""
    rows = min(_MOST_ROWS, max(_FEWEST_ROWS, _CHUNK_VALUES // max(1, n_functions)))
    return [slice(start, min(start + rows, n_samples)) for start in range(0, n_samples, rows)]


def chunk_sums(work: Callable[[slice], tuple[NDArray, ...]], parts: list[slice]) -> tuple[NDArray, ...]:
    """Return sum over the chunks of every array that `work` returns."""
    results = _in_order(work, parts)
    totals = next(results)
    for result in results:
        for total, term in zip(totals, result, strict=True):
            total += term
    return totals


def stacked(work: Callable[[slice], NDArray], parts: list[slice]) -> NDArray[np.float64]:
    """Rows that `work` returns for every chunk, below one another."""
    return np.concatenate(list(_in_order(work, parts)))


def checked_weights(weights: Any, n_samples: int) -> NDArray[np.float64]:
    """Weights as (sample,) that sum to one; equal if None; ValueError if negative, not finite or of another length."""
    if weights is None:
        return np.full(n_samples, 1.0 / n_samples)
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (n_samples,):
        raise ValueError(f"weights must be ({n_samples},), one a sample, got shape {weights.shape}")
    wrong = ~(np.isfinite(weights) & (weights >= 0.0))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise ValueError(f"weights must be finite and not negative, got {weights[first]} at sample {first}")
    total = weights.sum()
    if total == 0.0:
        raise ValueError("weights are all zero: at least one sample must count")
    return weights / total


def single_threaded() -> AbstractContextManager:
    """Keep libraries from starting threads of their own inside the block."""
    return _libraries().limit(limits=1)


def _in_order(work: Callable[[slice], Result], parts: list[slice]) -> Iterator[Result]:
    threads = min(len(parts), _allowed_threads()) if len(parts) > 1 else 1
    if threads == 1:
        with single_threaded():
            yield from map(work, parts)
        return
    waiting: deque = deque()
    with single_threaded(), ThreadPoolExecutor(threads) as pool:
        for part in parts:
            waiting.append(pool.submit(work, part))
            if len(waiting) > 2 * threads:  # results must not pile up
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _allowed_threads() -> int:
    """As many threads as a matrix product may use: OMP_NUM_THREADS and `threadpool_limits` decide."""
    return max((pool["num_threads"] for pool in _libraries().info() if pool["user_api"] == "blas"), default=1)


@cache
def _libraries() -> ThreadpoolController:
    """Libraries with threads, looked up once: that takes milliseconds, as long as the forms of a thousand samples."""
    return ThreadpoolController()
