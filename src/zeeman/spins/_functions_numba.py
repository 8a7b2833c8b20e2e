# ruff: noqa: ANN001, ANN202 (Numba infers the types of compiled functions)
"""Elementary functions in float32 for compiled loops over replicas: polynomials, no branch and no call.

A loop that calls the mathematical library runs one replica at a time; these let it become vectors. Errors are about
1e-7 of the value, as float32 has them. `uniforms` turns each random word into two numbers of (0, 1] with 24 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from zeeman.spins._random_numba import COLUMNS, jit, sfc64

__all__ = ["exp", "half_turn", "log", "uniforms"]

_I, _F, _U = np.int32, np.float32, np.uint64
_ONE, _HALF, _TINY = _F(1), _F(0.5), _F(2.0**-24)
_LOG2E, _LN2, _LOWEST = _F(1.4426950408889634), _F(0.6931471805599453), _F(-87.0)
# Taylor, |x| <= 1/2: 2^x, then sin and cos of pi x; log(1 + x) for -0.3 < x < 0.42 by S. Moshier (Cephes, logf)
_EXP2 = tuple(_F(c) for c in (1.5403530e-4, 1.3333558e-3, 9.6181291e-3, 5.5504109e-2, 2.4022651e-1, 6.9314718e-1, 1.0))
_SIN = tuple(_F(c) for c in (-7.3704309e-3, 8.2145887e-2, -5.9926453e-1, 2.5501640, -5.1677128, 3.1415927))
_COS = tuple(_F(c) for c in (1.9295743e-3, -2.5806891e-2, 2.3533063e-1, -1.3352628, 4.0587121, -4.9348022, 1.0))
_LOG = tuple(
    _F(c)
    for c in (
        7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
        2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    )
)  # fmt: skip


@intrinsic
def _as_float(typing: Any, bits: Any) -> Any:
    """Read the bits of an int32 as a float32."""
    return types.float32(types.int32), lambda c, b, s, args: b.bitcast(args[0], ir.FloatType())


@intrinsic
def _as_int(typing: Any, value: Any) -> Any:
    """Read the bits of a float32 as an int32."""
    return types.int32(types.float32), lambda c, b, s, args: b.bitcast(args[0], ir.IntType(32))


@jit(inline="always")
def exp(x):
    """e^x for x <= 87; e^-87 below -87."""
    t = max(x, _LOWEST) * _LOG2E
    whole = _I(t + _F(127.5))  # positive, so cutting off rounds
    f = t - _F(_I(whole - _I(127)))
    p = _EXP2
    series = (((((p[0] * f + p[1]) * f + p[2]) * f + p[3]) * f + p[4]) * f + p[5]) * f + p[6]
    return series * _as_float(_I(whole << _I(23)))


@jit(inline="always")
def log(x):
    """Natural logarithm of a normal positive x."""
    bits = _as_int(x)
    shifted = _I(bits - _I(0x3F3504F3))  # from sqrt(1/2): mantissas in [0.71, 1.41)
    whole = _I(shifted >> _I(23))
    f = _as_float(_I((shifted & _I(0x7FFFFF)) + _I(0x3F3504F3))) - _ONE
    p = _LOG
    series = p[0]
    series = (((series * f + p[1]) * f + p[2]) * f + p[3]) * f + p[4]
    series = (((series * f + p[5]) * f + p[6]) * f + p[7]) * f + p[8]
    return f - _HALF * f * f + f * f * f * series + _F(whole) * _LN2


@jit(inline="always")
def half_turn(x):
    """Return cos(pi x) and sin(pi x) for |x| <= 1/2."""
    y = x * x
    p, q = _SIN, _COS
    sine = x * (((((p[0] * y + p[1]) * y + p[2]) * y + p[3]) * y + p[4]) * y + p[5])
    return (((((q[0] * y + q[1]) * y + q[2]) * y + q[3]) * y + q[4]) * y + q[5]) * y + q[6], sine


@jit(inline="always")
def uniforms(state, u):
    """Fill `u` (2 k rows of 32) with numbers of (0, 1] from the 32 generators of `state` (4, 32)."""
    flat = state.reshape(128)  # rows at known distances, which lets the loop over columns become vectors
    for start in range(0, u.size, 64):
        for w in range(COLUMNS):
            a, b, c, d, word = sfc64(flat[w], flat[32 + w], flat[64 + w], flat[96 + w])
            flat[w] = a
            flat[32 + w] = b
            flat[64 + w] = c
            flat[96 + w] = d
            u[start + w] = (_F(_I(word >> _U(40))) + _HALF) * _TINY
            u[start + 32 + w] = (_F(_I((word >> _U(8)) & _U(0xFFFFFF))) + _HALF) * _TINY
