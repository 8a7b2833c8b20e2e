# ruff: noqa: ANN001, ANN202 (Numba infers the types of compiled functions)
"""Random words for compiled loops: sfc64 (C. Doty-Humphrey, PractRand), one generator a column of a (4, n) state.

Three words of state and a counter: period at least 2^64, no linear relation between outputs (bit streams taken lane
by lane from a linear generator would be shift-register sequences). Nine operations a word and no multiplication, so
columns side by side fill the vector unit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["COLUMNS", "fill", "generators", "jit", "sfc64"]

COLUMNS = 32

_U = np.uint64
_ONE, _3, _11, _24, _40 = _U(1), _U(3), _U(11), _U(24), _U(40)


def jit(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile with Numba, the lock of the interpreter released; kept on disk where a folder for it can be written."""
    if function is None:
        return lambda later: jit(later, **options)
    settings = {"nogil": True, "error_model": "numpy", **options}
    try:
        return numba.njit(cache=True, **settings)(function)
    except RuntimeError:  # no folder to keep it in: compile afresh in every process
        return numba.njit(**settings)(function)


def generators(rng: np.random.Generator, columns: int = COLUMNS) -> NDArray[np.uint64]:
    """State of `columns` generators, (4, column), each seeded with 192 random bits of `rng` and stirred."""
    state = rng.integers(0, 2**64, (4, columns), dtype=np.uint64)
    state[3] = 1
    _stir(state)
    return state


@jit(inline="always")
def sfc64(a, b, c, d):
    """Advance one generator; return its new state and a random word."""
    word = a + b + d
    return b ^ (b >> _11), c + (c << _3), ((c << _24) | (c >> _40)) + word, d + _ONE, word


@jit
def fill(state, out):
    """Fill `out`, a whole number of rows of 32 words, with random words."""
    flat = state.reshape(128)  # rows at known distances, which lets the loop over columns become vectors
    for start in range(0, out.size, 32):
        for w in range(32):
            a, b, c, d, word = sfc64(flat[w], flat[32 + w], flat[64 + w], flat[96 + w])
            flat[w] = a
            flat[32 + w] = b
            flat[64 + w] = c
            flat[96 + w] = d
            out[start + w] = word


@jit
def _stir(state):
    for w in range(state.shape[1]):
        a, b, c, d = state[0, w], state[1, w], state[2, w], state[3, w]
        for _ in range(16):
            a, b, c, d, _ = sfc64(a, b, c, d)
        state[0, w] = a
        state[1, w] = b
        state[2, w] = c
        state[3, w] = d
