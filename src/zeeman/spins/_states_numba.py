# ruff: noqa: ANN001, ANN202 (Numba infers the types of compiled functions)
"""Discrete states by tables: energies, and local updates of many chains side by side.

Local updates hold states as (site, chain) uint8, so that the inner loops run over chains; chain w draws from column w
of its generators (4, chain). What a site feels is a number, code = offset + sum_k digit_k a_k over its neighbours'
states a_k; row `code` of a table holds the Boltzmann weights of its own states. Where that table would be too large the
neighbours are taken in parts, first[part] to first[part + 1], each with its code and rows of the table, and weights
multiply.
"""

from __future__ import annotations

import numpy as np

from zeeman.spins._random_numba import jit, sfc64

__all__ = [
    "bond_energies", "chain_energies", "heat_bath", "heat_bath_parts", "metropolis", "state_sums",
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
def metropolis(spins, neighbours, digits, first, offsets, weights, state, codes, words, n_sweeps):
    """Sweep with a proposal among the other states, accepted with min(1, w[t] / w[s]) to one part in 2^32.

    weights (code, state): Boltzmann weights of every part of the neighbours, which multiply. codes (part, chain),
    words (chain,): scratch.
    """
    q = weights.shape[1]
    others = _U(q - 1)
    for _ in range(n_sweeps):
        for i in range(neighbours.shape[0]):
            _codes(spins, neighbours[i], digits, first, offsets, codes)
            _draw(state, words)
            own = spins[i]
            for w in range(words.size):
                s = np.int64(own[w])
                t = s + 1 + np.int64(((words[w] >> _32) * others) >> _32)
                t -= q * int(t >= q)
                before = np.float64(np.int64(words[w] & _LOW)) * 2.0**-32
                after = 1.0
                for part in range(codes.shape[0]):
                    row = weights[codes[part, w]]
                    before *= row[s]
                    after *= row[t]
                own[w] = s + int(before < after) * (t - s)  # no branch: it would be foretold wrongly half the time


@jit
def heat_bath(spins, neighbours, digits, first, offsets, sums, state, codes, words, n_sweeps):
    """Sweep that draws every site from its conditional distribution; sums (code, state): cumulated probabilities."""
    last = sums.shape[1] - 1
    for _ in range(n_sweeps):
        for i in range(neighbours.shape[0]):
            _codes(spins, neighbours[i], digits, first, offsets, codes)
            _draw(state, words)
            own = spins[i]
            for w in range(words.size):
                u = np.float64(np.int64(words[w] >> _11)) * 2.0**-53
                row = sums[codes[0, w]]
                t = 0
                for k in range(last):
                    t += int(u >= row[k])
                own[w] = t


@jit
def heat_bath_parts(spins, neighbours, digits, first, offsets, weights, state, codes, words, n_sweeps):
    """As `heat_bath`, from the weights (code, state) of several parts of the neighbours."""
    q = weights.shape[1]
    cumulated = np.empty(q)
    for _ in range(n_sweeps):
        for i in range(neighbours.shape[0]):
            _codes(spins, neighbours[i], digits, first, offsets, codes)
            _draw(state, words)
            own = spins[i]
            for w in range(words.size):
                row = weights[codes[0, w]]
                for t in range(q):
                    cumulated[t] = row[t]
                for part in range(1, codes.shape[0]):
                    row = weights[codes[part, w]]
                    for t in range(q):
                        cumulated[t] *= row[t]
                total = 0.0
                for t in range(q):
                    total += cumulated[t]
                    cumulated[t] = total
                u = np.float64(np.int64(words[w] >> _11)) * 2.0**-53 * total
                t = 0
                for k in range(q - 1):
                    t += int(u >= cumulated[k])
                own[w] = t


@jit(inline="always")
def _codes(spins, near, digits, first, offsets, codes):
    for part in range(codes.shape[0]):
        code = codes[part]
        for w in range(code.size):
            code[w] = offsets[part]
        for k in range(first[part], first[part + 1]):
            row, digit = spins[near[k]], digits[k]
            for w in range(code.size):
                code[w] += digit * np.int32(row[w])


@jit(inline="always")
def _draw(state, words):
    for w in range(words.size):
        a, b, c, d, word = sfc64(state[0, w], state[1, w], state[2, w], state[3, w])
        state[0, w] = a
        state[1, w] = b
        state[2, w] = c
        state[3, w] = d
        words[w] = word
