# ruff: noqa: ANN001, ANN202 (Numba infers the types of compiled functions)
"""Cluster updates of Ising spins: Swendsen-Wang by union-find in site order, Wolff by a queue.

Spins are (chain, site) uint8, 1 for up. A satisfied bond is frozen with probability 1 - exp(-2 |J| / T), whatever the
sign of J (Fortuin-Kasteleyn), as an integer comparison of a random word with `threshold`. Each chain has its own
32 generators (4, 32).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from zeeman.spins._random_numba import fill, jit, sfc64

__all__ = ["join", "swendsen_wang", "wolff"]

_U = np.uint64
_ONE = _U(1)


@cache
def swendsen_wang(d: int) -> Callable[..., None]:
    """Compiled update of every chain for d bonds listed a site: freeze, label, flip clusters with probability 1/2.

    words (>= site * d,), coins (>= site / 64,), parent and frozen (site,): scratch. A label is the lowest site of its
    cluster, so one pass in site order makes all labels final.
    """

    def kernel(spins, bonds_of, unlike, threshold, states, words, coins, parent, frozen, n_sweeps):
        n = bonds_of.shape[0]
        for chain in range(spins.shape[0]):
            s, state = spins[chain], states[chain]
            for _ in range(n_sweeps):
                fill(state, words)
                fill(state, coins)
                for i in range(n):
                    parent[i] = i
                    mark = 0
                    for k in range(d):
                        satisfied = (s[i] ^ s[bonds_of[i, k]]) == unlike
                        mark |= int(satisfied & (words[i * d + k] < threshold)) << k
                    frozen[i] = mark
                for i in range(n):
                    mark = frozen[i]
                    if mark:
                        for k in range(d):
                            if (mark >> k) & 1:
                                join(parent, i, bonds_of[i, k])
                for i in range(n):
                    label = parent[parent[i]]
                    parent[i] = label
                    s[i] ^= np.uint8((coins[label >> 6] >> _U(label & 63)) & _ONE)

    return jit(kernel)


@jit
def wolff(spins, neighbours, unlike, threshold, states, queue, n_clusters):
    """Flip `n_clusters` single clusters in every chain, each grown from a random site; return spins flipped.

    queue (site + 1,): scratch. Members carry a second bit until the cluster is complete: where bonds are frustrated a
    member's new value may look like that of a site still to be reached. Joining is arithmetic, not a branch.
    """
    n, z = neighbours.shape
    flipped = 0
    for chain in range(spins.shape[0]):
        s, state = spins[chain], states[chain]
        a, b, c, d = state[0, 0], state[1, 0], state[2, 0], state[3, 0]
        for _ in range(n_clusters):
            # a 32-bit integer times n: site probabilities equal to n 2^-32
            a, b, c, d, word = sfc64(a, b, c, d)
            site = np.int64(((word >> _U(32)) * _U(n)) >> _U(32))
            s[site] |= 2
            queue[0] = site
            head, tail = 0, 1
            while head < tail:
                i = queue[head]
                head += 1
                like = (s[i] & np.uint8(1)) ^ unlike
                for k in range(z):
                    j = neighbours[i, k]
                    a, b, c, d, word = sfc64(a, b, c, d)
                    joins = int((s[j] == like) & (word < threshold))
                    s[j] |= joins << 1
                    queue[tail] = j
                    tail += joins
            for k in range(tail):
                s[queue[k]] ^= 3
            flipped += tail
        state[0, 0], state[1, 0], state[2, 0], state[3, 0] = a, b, c, d
    return flipped


@jit(inline="always")
def join(parent, i, j):
    """Unite the clusters of two sites under the lower label."""
    a = parent[i]
    while parent[a] != a:
        a = parent[a]
    b = parent[j]
    while parent[b] != b:
        b = parent[b]
    parent[max(a, b)] = min(a, b)
