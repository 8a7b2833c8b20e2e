# ruff: noqa: ANN001, ANN202 (Numba infers the types of compiled functions)
"""Local updates of unit vectors, 32 replicas side by side; sums over bonds.

Spins are (block, site, 32 x + 32 y + ...) float32, the components of a site one after the other in rows of 32 replicas.
The innermost loop runs over replicas, has neither branch nor call and knows how far rows are apart, so it becomes
vectors. Each replica has its own generator, a column of states (block, 4, 32). h = k sum_j s_j with k = J / T is the
local field in units of the temperature. New vectors are pulled back to length 1 by one Newton step, 3/2 - |s|^2 / 2, so
that lengths never drift.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from zeeman.spins._functions_numba import exp, half_turn, log, uniforms
from zeeman.spins._random_numba import COLUMNS, jit

__all__ = [
    "block_sums",
    "bond_sums",
    "heisenberg_heat_bath",
    "heisenberg_metropolis",
    "reflections",
    "xy_heat_bath",
    "xy_metropolis",
]

_F = np.float32
_ZERO, _HALF, _ONE, _TWO, _1_5 = _F(0), _F(0.5), _F(1), _F(2), _F(1.5)
_WEAK = _F(1e-5)  # fields below act as this one: they move mean cosines by less than 1e-5
_Y, _Z = COLUMNS, 2 * COLUMNS  # where the rows of y and z begin
_CONTRACT: dict[str, Any] = {"fastmath": {"contract"}}


@jit(**_CONTRACT)
def xy_metropolis(spins, neighbours, k, width, states, n_sweeps):
    """Turn by the angle 2 atan(t), t even in (-width, width): accept with min(1, exp(h . (s' - s)))."""
    h, u = np.empty(2 * COLUMNS, np.float32), np.empty(2 * COLUMNS, np.float32)
    for b in range(spins.shape[0]):
        for _ in range(n_sweeps):
            for i in range(spins.shape[1]):
                uniforms(states[b], u)
                _field(spins[b], neighbours, i, k, h)
                s = spins[b, i]
                for w in range(COLUMNS):
                    x, y = s[w], s[_Y + w]
                    t = width * (_TWO * u[w] - _ONE)
                    q = _TWO * t / (_ONE + t * t)
                    dx, dy = -q * (y + t * x), q * (x - t * y)
                    gain = dx * h[w] + dy * h[_Y + w]
                    accept = _F(u[_Y + w] < exp(min(gain, _ZERO)))
                    x, y = x + accept * dx, y + accept * dy
                    scale = _1_5 - _HALF * (x * x + y * y)
                    s[w] = x * scale
                    s[_Y + w] = y * scale


@jit(**_CONTRACT)
def heisenberg_metropolis(spins, neighbours, k, width, states, n_sweeps):
    """Turn by Cayley's rotation of a random vector v, even in a cube: s' = s + 2 (v x s + v x (v x s)) / (1 + v^2).

    v and -v are equally likely and turn one way and back, so the proposal is symmetric.
    """
    h, u = np.empty(3 * COLUMNS, np.float32), np.empty(4 * COLUMNS, np.float32)
    for b in range(spins.shape[0]):
        for _ in range(n_sweeps):
            for i in range(spins.shape[1]):
                uniforms(states[b], u)
                _field(spins[b], neighbours, i, k, h)
                s = spins[b, i]
                for w in range(COLUMNS):
                    x, y, z = s[w], s[_Y + w], s[_Z + w]
                    a, c = width * (_TWO * u[w] - _ONE), width * (_TWO * u[_Y + w] - _ONE)
                    e = width * (_TWO * u[_Z + w] - _ONE)
                    p, q, r = c * z - e * y, e * x - a * z, a * y - c * x
                    g = _TWO / (_ONE + a * a + c * c + e * e)
                    dx, dy, dz = g * (p + c * r - e * q), g * (q + e * p - a * r), g * (r + a * q - c * p)
                    gain = dx * h[w] + dy * h[_Y + w] + dz * h[_Z + w]
                    accept = _F(u[_Y + _Z + w] < exp(min(gain, _ZERO)))
                    x, y, z = x + accept * dx, y + accept * dy, z + accept * dz
                    scale = _1_5 - _HALF * (x * x + y * y + z * z)
                    s[w] = x * scale
                    s[_Y + w] = y * scale
                    s[_Z + w] = z * scale


@jit(**_CONTRACT)
def xy_heat_bath(spins, neighbours, k, trials, states, n_sweeps):
    """Draw the angle to the field from exp(|h| cos), by rejection from a wrapped Cauchy law.

    D. J. Best, N. I. Fisher, Applied Statistics 28 (1979) 152, in w = 1 - cos: with r = 1 + d, r^2 - 1 = r / |h|, the
    trial is w = 2 d S^2 / (d + 2 C^2) for (C, S) at a uniform angle, which makes the sine 2 S C sqrt(d (d + 2)) /
    (d + 2 C^2), accepted with c exp(1 - c), c = |h| (d + w). Where all `trials` fail the spin stays: whether they do
    does not depend on it, so detailed balance holds exactly.
    """
    h, u = np.empty(2 * COLUMNS, np.float32), np.empty(2 * COLUMNS, np.float32)
    law = np.empty(3 * COLUMNS, np.float32)  # |h|, d, sqrt(d (d + 2)) of each replica
    for b in range(spins.shape[0]):
        for _ in range(n_sweeps):
            for i in range(spins.shape[1]):
                _field(spins[b], neighbours, i, k, h)
                s = spins[b, i]
                for w in range(COLUMNS):
                    length = np.sqrt(h[w] * h[w] + h[_Y + w] * h[_Y + w])
                    weak = length < _WEAK
                    length = _WEAK if weak else length
                    h[w] = _ONE if weak else h[w] / length
                    h[_Y + w] = _ZERO if weak else h[_Y + w] / length
                    a = _HALF / length
                    d = a + a * a / (_ONE + np.sqrt(_ONE + a * a))
                    law[w] = length
                    law[_Y + w] = d
                    law[_Z + w] = np.sqrt(d * (d + _TWO))
                for _ in range(trials):
                    uniforms(states[b], u)
                    for w in range(COLUMNS):
                        cosine, sine = half_turn(u[w] - _HALF)
                        d = law[_Y + w]
                        q = _TWO * sine / (d + _TWO * cosine * cosine)
                        far = q * d * sine
                        c = law[w] * (d + far)
                        accept = _F(u[_Y + w] < c * exp(_ONE - c))
                        along, across = _ONE - far, q * cosine * law[_Z + w]
                        x, y = along * h[w] - across * h[_Y + w], along * h[_Y + w] + across * h[w]
                        scale = _1_5 - _HALF * (x * x + y * y)
                        s[w] += accept * (x * scale - s[w])
                        s[_Y + w] += accept * (y * scale - s[_Y + w])


@jit(**_CONTRACT)
def heisenberg_heat_bath(spins, neighbours, k, states, n_sweeps):
    """Draw w = 1 - cos of the angle to the field from exp(-|h| w) on [0, 2): an exponential variable modulo 2.

    The azimuth is uniform about the field, in the frame of T. Duff et al., J. Comput. Graph. Tech. 6 (2017) 1.
    """
    h, u = np.empty(3 * COLUMNS, np.float32), np.empty(2 * COLUMNS, np.float32)
    for b in range(spins.shape[0]):
        for _ in range(n_sweeps):
            for i in range(spins.shape[1]):
                uniforms(states[b], u)
                _field(spins[b], neighbours, i, k, h)
                s = spins[b, i]
                for w in range(COLUMNS):
                    x, y, z = h[w], h[_Y + w], h[_Z + w]
                    size = np.sqrt(x * x + y * y + z * z)
                    weak = size < _WEAK
                    scale = _ONE / (_ONE if weak else size)
                    x, y, z = x * scale, y * scale, _ONE if weak else z * scale
                    turns = -log(u[w]) / (_TWO * max(size, _WEAK))
                    far = _TWO * (turns - np.floor(turns))
                    c, q = half_turn(u[_Y + w] - _HALF)
                    radius = np.sqrt(max(far * (_TWO - far), _ZERO))
                    p, q = radius * (c * c - q * q), radius * (_TWO * c * q)
                    along = _ONE - far
                    sign = _ONE if z >= _ZERO else -_ONE
                    a = -_ONE / (sign + z)
                    b_ = x * y * a
                    x, y, z = (
                        p * (_ONE + sign * x * x * a) + q * b_ + along * x,
                        p * sign * b_ + q * (sign + y * y * a) + along * y,
                        -p * sign * x - q * y + along * z,
                    )
                    scale = _1_5 - _HALF * (x * x + y * y + z * z)
                    s[w] = x * scale
                    s[_Y + w] = y * scale
                    s[_Z + w] = z * scale


@cache
def reflections(n: int) -> Callable[..., None]:
    """Compiled sweeps that reflect every spin of n components about its field, s' = 2 (s . h) h / h^2 - s.

    Strength and sign of the coupling cancel: h = sum_j s_j.
    """

    def kernel(spins, neighbours, n_sweeps):
        h = np.empty(n * COLUMNS, np.float32)
        for b in range(spins.shape[0]):
            for _ in range(n_sweeps):
                for i in range(spins.shape[1]):
                    _field(spins[b], neighbours, i, _ONE, h)
                    s = spins[b, i]
                    for w in range(COLUMNS):
                        along, square = _ZERO, _F(1e-30)
                        for a in range(n):
                            along += s[COLUMNS * a + w] * h[COLUMNS * a + w]
                            square += h[COLUMNS * a + w] * h[COLUMNS * a + w]
                        along *= _TWO / square
                        scale = _1_5
                        for a in range(n):
                            s[COLUMNS * a + w] = along * h[COLUMNS * a + w] - s[COLUMNS * a + w]
                            scale -= _HALF * s[COLUMNS * a + w] * s[COLUMNS * a + w]
                        for a in range(n):
                            s[COLUMNS * a + w] *= scale

    return jit(kernel, **_CONTRACT)


@jit
def bond_sums(x, bonds_of, sums):
    """Write sum_<ij> s_i . s_j of every configuration (sample, site, component), in float64."""
    n, d = bonds_of.shape
    for sample in range(x.shape[0]):
        total = 0.0
        for i in range(n):
            for k in range(d):
                j = bonds_of[i, k]
                if j != i:  # an entry equal to the site is no bond
                    for a in range(x.shape[2]):
                        total += np.float64(x[sample, i, a]) * np.float64(x[sample, j, a])
        sums[sample] = total


@jit
def block_sums(spins, bonds_of, sums):
    """Add sum_<ij> s_i . s_j of every replica to sums (block, 32), in float64."""
    site = np.empty(COLUMNS, np.float32)
    for b in range(spins.shape[0]):
        total = sums[b]
        for i in range(spins.shape[1]):
            for m in range(bonds_of.shape[1]):
                j = bonds_of[i, m]
                if j == i:
                    continue
                s, near = spins[b, i], spins[b, j]
                site[:] = _ZERO
                for a in range(0, s.size, COLUMNS):
                    for w in range(COLUMNS):
                        site[w] += s[a + w] * near[a + w]
                for w in range(COLUMNS):
                    total[w] += site[w]


@jit(inline="always")
def _field(spins, neighbours, i, k, h):
    """Write h = k sum_j s_j of site i for every replica."""
    h[:] = _ZERO
    for m in range(neighbours.shape[1]):
        s = spins[neighbours[i, m]]
        for w in range(h.size):
            h[w] += k * s[w]
