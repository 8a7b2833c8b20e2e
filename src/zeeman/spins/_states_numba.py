# ruff: noqa: ANN001, ANN202 (Numba infers the types of compiled functions)
"""Discrete states by tables: energies, and local updates of many chains side by side.

Local updates hold states as (site, chain) uint8, so that the inner loops run over chains; chain w draws from column w
of its generators (4, chain). What a site feels is one number, code = sum_k digit_k a_k over its neighbours' states
a_k; a table holds the Boltzmann weights of its own states for every code. Where that table would be too large, energies
are summed neighbour by neighbour.
"""

from __future__ import annotations

import math

import numpy as np

from zeeman.spins._random_numba import jit, sfc64

__all__ = [
    "bond_energies", "chain_energies", "heat_bath", "heat_bath_summed", "metropolis", "metropolis_summed", "state_sums",
]  # fmt: skip

_U = np.uint64
_11, _32, _LOW = _U(11), _U(32), _U(0xFFFFFFFF)


@jit
def bond_energies(states, bonds_of, table, energies):
    """Add the energy of all bonds of every configuration (sample, site); a site listed as its own bond has none."""
    n, d = bonds_of.shape
    for sample in range(states.shape[0]):
        s = states[sample]
        total = 0.0
        for i in range(n):
            for k in range(d):
                j = bonds_of[i, k]
                if j != i:
                    total += table[s[i], s[j]]
        energies[sample] += total


@jit
def chain_energies(spins, bonds_of, table, energies):
    """Add the energy of all bonds of every chain of (site, chain)."""
    n, d = bonds_of.shape
    for i in range(n):
        own = spins[i]
        for k in range(d):
            j = bonds_of[i, k]
            if j != i:
                other = spins[j]
                for w in range(energies.size):
                    energies[w] += table[own[w], other[w]]


@jit
def state_sums(states, waves, sums):
    """Write sum_i wave_i [s_i = a], (sample, wave, state)."""
    sums[:] = 0.0
    for sample in range(states.shape[0]):
        s = states[sample]
        for k in range(waves.shape[0]):
            for i in range(s.size):
                sums[sample, k, s[i]] += waves[k, i]


@jit
def metropolis(spins, neighbours, digits, weights, state, code, n_sweeps):
    """Sweep with a proposal among the other states, accepted with min(1, w[t] / w[s]) to one part in 2^32.

    weights (code, state): Boltzmann weights, largest 1. code (chain,): scratch.
    """
    others = _U(weights.shape[1] - 1)
    q = weights.shape[1]
    for _ in range(n_sweeps):
        for i in range(neighbours.shape[0]):
            _codes(spins, neighbours[i], digits, code)
            for w in range(spins.shape[1]):
                a, b, c, d, word = sfc64(state[0, w], state[1, w], state[2, w], state[3, w])
                state[0, w], state[1, w], state[2, w], state[3, w] = a, b, c, d
                s = np.int64(spins[i, w])
                t = s + 1 + np.int64(((word >> _32) * others) >> _32)
                t -= q * int(t >= q)
                u = np.float64(np.int64(word & _LOW)) * 2.0**-32
                row = weights[code[w]]
                spins[i, w] = t if u * row[s] < row[t] else s


@jit
def heat_bath(spins, neighbours, digits, sums, state, code, n_sweeps):
    """Sweep that draws every site from its conditional distribution; sums (code, state): cumulated probabilities."""
    last = sums.shape[1] - 1
    for _ in range(n_sweeps):
        for i in range(neighbours.shape[0]):
            _codes(spins, neighbours[i], digits, code)
            for w in range(spins.shape[1]):
                a, b, c, d, word = sfc64(state[0, w], state[1, w], state[2, w], state[3, w])
                state[0, w], state[1, w], state[2, w], state[3, w] = a, b, c, d
                u = np.float64(np.int64(word >> _11)) * 2.0**-53
                row = sums[code[w]]
                t = 0
                for k in range(last):
                    t += int(u >= row[k])
                spins[i, w] = t


@jit
def metropolis_summed(spins, neighbours, kind_of, kinds, site, state, n_sweeps):
    """As `metropolis`, from bond tables (kind, state, state) and site energies over T."""
    q = site.size
    for _ in range(n_sweeps):
        for i in range(neighbours.shape[0]):
            for w in range(spins.shape[1]):
                a, b, c, d, word = sfc64(state[0, w], state[1, w], state[2, w], state[3, w])
                state[0, w], state[1, w], state[2, w], state[3, w] = a, b, c, d
                s = np.int64(spins[i, w])
                t = s + 1 + np.int64(((word >> _32) * _U(q - 1)) >> _32)
                t -= q * int(t >= q)
                cost = site[t] - site[s]
                for k in range(kind_of.size):
                    near = spins[neighbours[i, k], w]
                    cost += kinds[kind_of[k], near, t] - kinds[kind_of[k], near, s]
                if cost <= 0.0 or np.float64(np.int64(word & _LOW)) * 2.0**-32 < math.exp(-cost):
                    spins[i, w] = t


@jit
def heat_bath_summed(spins, neighbours, kind_of, kinds, site, state, n_sweeps):
    """As `heat_bath`, from bond tables (kind, state, state) and site energies over T."""
    q = site.size
    weight = np.empty(q)
    for _ in range(n_sweeps):
        for i in range(neighbours.shape[0]):
            for w in range(spins.shape[1]):
                a, b, c, d, word = sfc64(state[0, w], state[1, w], state[2, w], state[3, w])
                state[0, w], state[1, w], state[2, w], state[3, w] = a, b, c, d
                weight[:] = site
                for k in range(kind_of.size):
                    row = kinds[kind_of[k], spins[neighbours[i, k], w]]
                    for t in range(q):
                        weight[t] += row[t]
                least = weight.min()
                total = 0.0
                for t in range(q):
                    total += math.exp(least - weight[t])
                    weight[t] = total
                u = np.float64(np.int64(word >> _11)) * 2.0**-53 * total
                t = 0
                while t < q - 1 and u >= weight[t]:
                    t += 1
                spins[i, w] = t


@jit(inline="always")
def _codes(spins, near, digits, code):
    for w in range(code.size):
        code[w] = 0
    for k in range(near.size):
        row, digit = spins[near[k]], digits[k]
        for w in range(code.size):
            code[w] += digit * np.int32(row[w])
