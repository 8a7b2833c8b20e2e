# ruff: noqa: ANN001, ANN202 (Numba infers the types of compiled functions)
"""Embedded cluster updates of unit vectors: U. Wolff, Phys. Rev. Lett. 62 (1989) 361.

A random direction r makes every spin an Ising spin of size e_i = s_i . r; reflecting a cluster, s -> s - 2 (s . r) r,
is its flip. A bond is frozen with probability 1 - exp(-2 k e_i e_j) where that is positive, k = J / T. Spins are
(chain, site, component) float32; each chain has its own 32 generators (4, 32).
"""

from __future__ import annotations

import numpy as np

from zeeman.spins._clusters_numba import join
from zeeman.spins._functions_numba import exp, uniforms
from zeeman.spins._random_numba import COLUMNS, jit, sfc64

__all__ = ["swendsen_wang", "wolff"]

_U, _F = np.uint64, np.float32
_ZERO, _HALF, _TWO, _1_5 = _F(0), _F(0.5), _F(2), _F(1.5)


@jit(fastmath={"contract"})
def swendsen_wang(spins, bonds_of, k, states, n_sweeps):
    """Update every chain: draw a direction, freeze, label, reflect clusters with probability 1/2.

    bonds_of is (d, site) here, so that freezing becomes vectors. A label is the lowest site of its cluster, so one pass
    in site order makes all labels final.
    """
    d, n = bonds_of.shape
    u = np.empty(-(-n * (d + 1) // (2 * COLUMNS)) * 2 * COLUMNS, np.float32)
    coins = u[n * d :]
    parent, frozen = np.empty(n, np.int32), np.empty((d, n), np.bool_)
    size, r = np.empty(n, np.float32), np.empty(spins.shape[2], np.float32)
    for chain in range(spins.shape[0]):
        s, state = spins[chain], states[chain]
        for _ in range(n_sweeps):
            _direction(state, r)
            uniforms(state, u)
            for i in range(n):
                parent[i] = i
                size[i] = _dot(s[i], r)
            for m in range(d):
                ends, noise, marks = bonds_of[m], u[m * n : m * n + n], frozen[m]
                for i in range(n):
                    # u > exp(-cost) has probability 1 - exp(-cost)
                    marks[i] = noise[i] > exp(min(-_TWO * k * size[i] * size[ends[i]], _ZERO))
            for i in range(n):
                for m in range(d):
                    if frozen[m, i]:
                        join(parent, i, bonds_of[m, i])
            for i in range(n):
                parent[i] = parent[parent[i]]
                _reflect(s[i], r, size[i] * _F(coins[parent[i]] > _HALF))


@jit
def wolff(spins, neighbours, k, states, n_clusters):
    """Reflect `n_clusters` single clusters in every chain, each grown from a random site; return spins reflected.

    Members are reflected when the cluster is complete, so that every bond is judged by the old configuration.
    """
    n, z = neighbours.shape
    queue, member = np.empty(n + 1, np.int32), np.zeros(n, np.bool_)
    r = np.empty(spins.shape[2], np.float32)
    reflected = 0
    for chain in range(spins.shape[0]):
        s, state = spins[chain], states[chain]
        for _ in range(n_clusters):
            _direction(state, r)
            # a 32-bit integer times n: site probabilities equal to n 2^-32
            site = np.int64(((_word(state) >> _U(32)) * _U(n)) >> _U(32))
            member[site] = True
            queue[0] = site
            head, tail = 0, 1
            while head < tail:
                i = queue[head]
                head += 1
                reach = _TWO * k * _dot(s[i], r)
                for m in range(z):
                    j = neighbours[i, m]
                    if not member[j]:
                        cost = reach * _dot(s[j], r)
                        if cost > _ZERO and _uniform(state) > exp(-cost):
                            member[j] = True
                            queue[tail] = j
                            tail += 1
            for m in range(tail):
                i = queue[m]
                member[i] = False
                _reflect(s[i], r, _dot(s[i], r))
            reflected += tail
    return reflected


@jit(inline="always")
def _word(state):
    a, b, c, d, word = sfc64(state[0, 0], state[1, 0], state[2, 0], state[3, 0])
    state[0, 0], state[1, 0], state[2, 0], state[3, 0] = a, b, c, d
    return word


@jit(inline="always")
def _uniform(state):
    return (_F(_word(state) >> _U(40)) + _HALF) * _F(2.0**-24)


@jit
def _direction(state, r):
    """Uniform unit vector, by rejection from the cube."""
    square = _ZERO
    while not _F(1e-4) < square < _F(1):
        square = _ZERO
        for a in range(r.size):
            r[a] = _TWO * _uniform(state) - _F(1)
            square += r[a] * r[a]
    for a in range(r.size):
        r[a] /= np.sqrt(square)


@jit(inline="always")
def _dot(s, r):
    total = _ZERO
    for a in range(r.size):
        total += s[a] * r[a]
    return total


@jit(inline="always")
def _reflect(s, r, size):
    square = _ZERO
    for a in range(r.size):
        s[a] -= _TWO * size * r[a]
        square += s[a] * s[a]
    for a in range(r.size):
        s[a] *= _1_5 - _HALF * square
