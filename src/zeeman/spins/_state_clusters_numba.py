# ruff: noqa: ANN001, ANN202 (Numba infers the types of compiled functions)
"""Cluster updates of discrete states: an involution g of the states is applied to whole clusters.

A bond is frozen with probability 1 - exp(-max(0, E(g a, b) - E(a, b)) / T) (embedded clusters: U. Wolff, Phys. Rev.
Lett. 62 (1989) 361; F. Niedermayer, Phys. Rev. Lett. 61 (1988) 2026), here the integer comparison of a random word
with freeze[kind, g a, a, b]. For antiferromagnetic Potts states that is the update of J.-S. Wang, R. H. Swendsen, R.
Kotecky, Phys. Rev. Lett. 63 (1989) 109. States are (chain, site) uint8 below 128; each chain has its own 32 generators.
"""

from __future__ import annotations

import numpy as np

from zeeman.spins._clusters_numba import join
from zeeman.spins._random_numba import fill, jit, sfc64

__all__ = ["recolour", "swendsen_wang", "wolff"]

_U = np.uint64
_32, _ONE = _U(32), _U(1)
_STATE, _MEMBER = np.uint8(127), np.uint8(128)


@jit
def swendsen_wang(spins, bonds_of, kind_of, freeze, involutions, states, words, coins, parent, n_sweeps):
    """Update every chain `n_sweeps` times: draw g, freeze, label, apply g to clusters with probability 1/2.

    bonds_of (site, d) lists every bond once, kind_of (d,) the kind of each; words (>= site * d,), coins (>= site / 64
    + 1,), parent (site,): scratch. A label is the lowest site of its cluster: one pass in site order makes it final.
    """
    n, d = bonds_of.shape
    for chain in range(spins.shape[0]):
        s, state = spins[chain], states[chain]
        for _ in range(n_sweeps):
            fill(state, words)
            fill(state, coins)
            g = involutions[_below(coins[coins.size - 1], involutions.shape[0])]
            for i in range(n):
                parent[i] = i
            for i in range(n):
                a = s[i]
                image = g[a]
                if image != a:
                    for k in range(d):
                        j = bonds_of[i, k]
                        if words[i * d + k] < freeze[kind_of[k], image, a, s[j]]:
                            join(parent, i, j)
            for i in range(n):
                label = parent[parent[i]]
                parent[i] = label
                if (coins[label >> 6] >> _U(label & 63)) & _ONE:
                    s[i] = g[s[i]]


@jit
def recolour(spins, bonds_of, q, threshold, states, words, parent, n_sweeps):
    """Swendsen-Wang of ferromagnetic Potts states: freeze equal neighbours, give every cluster one of q states.

    P. W. Kasteleyn, C. M. Fortuin (1969); R. H. Swendsen, J.-S. Wang, Phys. Rev. Lett. 58 (1987) 86. words (>= site *
    (d + 1),), parent (site,): scratch.
    """
    n, d = bonds_of.shape
    for chain in range(spins.shape[0]):
        s, state = spins[chain], states[chain]
        for _ in range(n_sweeps):
            fill(state, words)
            for i in range(n):
                parent[i] = i
            for i in range(n):
                for k in range(d):
                    j = bonds_of[i, k]
                    if s[i] == s[j] and words[i * d + k] < threshold:
                        join(parent, i, j)
            for i in range(n):
                label = parent[parent[i]]
                parent[i] = label
                s[i] = _below(words[n * d + label], q)


@jit
def wolff(spins, neighbours, kind_of, freeze, involutions, movers, counts, states, queue, n_clusters):
    """Grow `n_clusters` clusters in every chain, each from a random site, and apply g to them; return sites changed.

    g is drawn from the counts[a] that move the first site's state a, listed in movers[a]. queue (site,): scratch.
    Members carry the eighth bit until the cluster is complete.
    """
    n, z = neighbours.shape
    changed = 0
    for chain in range(spins.shape[0]):
        s, state = spins[chain], states[chain]
        a, b, c, d = state[0, 0], state[1, 0], state[2, 0], state[3, 0]
        for _ in range(n_clusters):
            a, b, c, d, word = sfc64(a, b, c, d)
            site = _below(word, n)
            a, b, c, d, word = sfc64(a, b, c, d)
            g = involutions[movers[s[site], _below(word, counts[s[site]])]]
            s[site] |= _MEMBER
            queue[0] = site
            head, tail = 0, 1
            while head < tail:
                i = queue[head]
                head += 1
                own = s[i] & _STATE
                image = g[own]
                for k in range(z):
                    j = neighbours[i, k]
                    if s[j] < _MEMBER:
                        a, b, c, d, word = sfc64(a, b, c, d)
                        if word < freeze[kind_of[k], image, own, s[j]]:
                            s[j] |= _MEMBER
                            queue[tail] = j
                            tail += 1
            for k in range(tail):
                s[queue[k]] = g[s[queue[k]] & _STATE]
            changed += tail
        state[0, 0], state[1, 0], state[2, 0], state[3, 0] = a, b, c, d
    return changed


@jit(inline="always")
def _below(word, n):
    """A number 0..n-1 from the upper half of a word: probabilities equal to n 2^-32."""
    return np.int64(((word >> _32) * _U(n)) >> _32)
