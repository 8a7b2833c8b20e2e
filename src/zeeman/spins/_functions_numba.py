# ruff: noqa: ANN001, ANN202 (Numba infers the types of compiled functions)
"""Elementary functions for compiled loops over replicas: polynomials, no branch and no call.

A loop that calls the mathematical library runs one replica at a time; these let it become vectors. Errors are about
1e-7 of the value in float32, 1e-15 in float64. `uniforms` turns each random word into two numbers of (0, 1] with 24
bits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from zeeman.spins._random_numba import COLUMNS, jit, sfc64

__all__ = ["angles", "directions", "exp", "half_turn", "log", "uniforms"]

_I, _F, _U, _D = np.int32, np.float32, np.uint64, np.float64
_ONE, _HALF, _TINY = _F(1), _F(0.5), _F(2.0**-24)
_LOG2E, _LN2, _LOWEST = _F(1.4426950408889634), _F(0.6931471805599453), _F(-87.0)


def _taylor(base: float, powers: range, kind: type, alternating: bool = True) -> tuple[Any, ...]:
    """Coefficients base^k / k! for k in `powers`, highest first, every other one negative."""
    signs = ((-1) ** (k // 2) if alternating else 1 for k in powers)
    return tuple(kind(sign * base**k / math.factorial(k)) for sign, k in zip(signs, powers, strict=True))[::-1]


# 2^x, then sin and cos of pi x, all for |x| <= 1/2
_EXP2 = _taylor(math.log(2), range(8), _F, alternating=False)
_SIN, _COS = _taylor(math.pi, range(1, 13, 2), _F), _taylor(math.pi, range(0, 13, 2), _F)
_SIN_D, _COS_D = _taylor(math.pi, range(1, 23, 2), _D), _taylor(math.pi, range(0, 23, 2), _D)
# log(1 + x) for -0.3 < x < 0.42, atan(x) for |x| < 0.42: S. Moshier, Cephes (logf, atanf)
_LOG = tuple(
    _F(c) for c in (
        7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
        2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    )
)  # fmt: skip
_ATAN = tuple(map(_F, (8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1)))


def _bitcast(kind: Any, of: Any, target: Any) -> Any:
    """Read the bits of a number of type `of` as one of type `kind`."""

    def cast(typing: Any, bits: Any) -> Any:
        return kind(of), lambda context, builder, signature, args: builder.bitcast(args[0], target)

    return intrinsic(cast)


_as_float = _bitcast(types.float32, types.int32, ir.FloatType())
_as_int = _bitcast(types.int32, types.float32, ir.IntType(32))


@jit(inline="always")
def _horner(coefficients, x):
    total = coefficients[0]
    for c in coefficients[1:]:
        total = total * x + c
    return total


@jit(inline="always")
def exp(x):
    """Exponential of x <= 87; e^-87 below -87."""
    t = max(x, _LOWEST) * _LOG2E
    whole = _I(t + _F(127.5))  # positive, so cutting off rounds
    return _horner(_EXP2, t - _F(_I(whole - _I(127)))) * _as_float(_I(whole << _I(23)))


@jit(inline="always")
def log(x):
    """Natural logarithm of a normal positive x."""
    shifted = _I(_as_int(x) - _I(0x3F3504F3))  # from sqrt(1/2): mantissas in [0.71, 1.41)
    whole = _I(shifted >> _I(23))
    f = _as_float(_I((shifted & _I(0x7FFFFF)) + _I(0x3F3504F3))) - _ONE
    return f - _HALF * f * f + f * f * f * _horner(_LOG, f) + _F(whole) * _LN2


@jit(inline="always")
def half_turn(x):
    """Return cos(pi x) and sin(pi x) for |x| <= 1/2, in float32."""
    return _horner(_COS, x * x), x * _horner(_SIN, x * x)


@jit
def directions(theta, s):
    """Write (cos, sin) of angles (n,) float64 into s (n, 2)."""
    for i in range(theta.size):
        turns = theta[i] * (1 / math.pi)
        whole = np.floor(turns + 0.5)
        x = turns - whole
        sign = 1.0 - 2.0 * (whole - 2.0 * np.floor(0.5 * whole))
        s[i, 0] = sign * _horner(_COS_D, x * x)
        s[i, 1] = sign * x * _horner(_SIN_D, x * x)


@jit
def angles(s, theta):
    """Write the angles in [0, 2 pi) of unit vectors (n, 2) float32 into theta (n,)."""
    for i in range(theta.size):
        x, y = s[i, 0], s[i, 1]
        a, b = abs(x), abs(y)
        t = min(a, b) / (_ONE + max(a, b))  # tangent of half the angle to the nearest axis: at most 0.42
        half = t + t * t * t * _horner(_ATAN, t * t)
        turned = _F(2) * half
        turned = _F(math.pi / 2) - turned if b > a else turned
        turned = _F(math.pi) - turned if x < _F(0) else turned
        turned = _F(2 * math.pi) - turned if y < _F(0) else turned
        theta[i] = turned if turned < _F(2 * math.pi) else _F(0)  # rounding may reach 2 pi


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
