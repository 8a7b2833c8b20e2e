# ruff: noqa: ANN001, ANN202 (Numba infers the types of compiled functions)
"""Multi-spin coded Metropolis: bit l of word w of a site is the spin of replica 64 w + l, 1 for up.

A flip is accepted with probability p = 0.b1 b2 b3 ... in binary by this rule: draw bits until the first zero, at
place j; accept if b_j = 1. Every replica reads its own bit of each random word. The first `DIGITS` places are done
for all replicas of a word at once, last place first,

    B <- (B & r) ^ e_j,     e_j = b_j ^ b_(j-1),

two operations a place and threshold, because replacing r by its complement changes no probability. Replicas with no
zero among those (one in 2^DIGITS) that still need an answer get a random word of their own against the remaining
64 places of p. So p is exact to 2^-74, all replicas use independent bits, and none waits for another.

Arrays in, arrays out: spins (site, word), state and scratch (row, 32).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from zeeman.spins._random_numba import jit, sfc64

__all__ = ["DIGITS", "digits", "lane_counts", "pack", "swap_lanes", "sweep", "sweep_rates", "unpack"]

DIGITS = 10

_U = np.uint64
_ALL, _ZERO, _ONE = _U(0xFFFFFFFFFFFFFFFF), _U(0), _U(1)


def digits(p: float) -> tuple[NDArray[np.uint64], np.uint64]:
    """Return e_j as words, last place first, and the remaining 64 places as an integer, of a probability below 1."""
    scaled = int(p * 2**54) << 20  # 74 binary places; p has 53 significant ones
    top, rest = scaled >> 64, scaled & (2**64 - 1)
    places = [(top >> j) & 1 for j in range(DIGITS)] + [0]
    toggles = [_ALL if places[j] ^ places[j + 1] else _ZERO for j in range(DIGITS)]
    return np.array(toggles, np.uint64), np.uint64(rest)


@cache
def sweep(z: int) -> Callable[..., None]:
    """Compiled zero-field sweep for z neighbours; k broken bonds of the z give the acceptance, 1 from k = m on."""
    m = 3 if z == 6 else 2

    def kernel(spins, neighbours, unlike, e, rest, work, spare, n_sweeps):
        words = spins.shape[1]
        e00, e01, e02, e03, e04 = e[0, 0], e[0, 1], e[0, 2], e[0, 3], e[0, 4]
        e05, e06, e07, e08, e09 = e[0, 5], e[0, 6], e[0, 7], e[0, 8], e[0, 9]
        e10, e11, e12, e13, e14 = e[1, 0], e[1, 1], e[1, 2], e[1, 3], e[1, 4]
        e15, e16, e17, e18, e19 = e[1, 5], e[1, 6], e[1, 7], e[1, 8], e[1, 9]
        e20, e21, e22, e23, e24 = e[2, 0], e[2, 1], e[2, 2], e[2, 3], e[2, 4]
        e25, e26, e27, e28, e29 = e[2, 5], e[2, 6], e[2, 7], e[2, 8], e[2, 9]
        for _ in range(n_sweeps):
            for i in range(neighbours.shape[0]):
                n0, n1, n2 = neighbours[i, 0], neighbours[i, 1], neighbours[i, 2 % z]
                n3, n4, n5 = neighbours[i, 3 % z], neighbours[i, 4 % z], neighbours[i, 5 % z]
                # rows of scratch: 4, 5, 6 mark at least 1, 2, 3 broken bonds
                for w in range(words):
                    s = spins[i, w] ^ unlike
                    g1, g2, g3 = _one_more(_ZERO, _ZERO, _ZERO, s ^ spins[n0, w])
                    g1, g2, g3 = _one_more(g1, g2, g3, s ^ spins[n1, w])
                    if z > 2:
                        g1, g2, g3 = _one_more(g1, g2, g3, s ^ spins[n2, w])
                    if z > 3:
                        g1, g2, g3 = _one_more(g1, g2, g3, s ^ spins[n3, w])
                    if z > 4:
                        g1, g2, g3 = _one_more(g1, g2, g3, s ^ spins[n4, w])
                        g1, g2, g3 = _one_more(g1, g2, g3, s ^ spins[n5, w])
                    work[4, w] = g1
                    work[5, w] = g2
                    if m == 3:
                        work[6, w] = g3
                for w in range(words):
                    a, b, c, d = work[0, w], work[1, w], work[2, w], work[3, w]
                    tie, p0, p1, p2 = _ALL, _ZERO, _ZERO, _ZERO
                    a, b, c, d, tie, p0, p1, p2 = _place(a, b, c, d, tie, p0, p1, p2, e00, e10, e20)
                    a, b, c, d, tie, p0, p1, p2 = _place(a, b, c, d, tie, p0, p1, p2, e01, e11, e21)
                    a, b, c, d, tie, p0, p1, p2 = _place(a, b, c, d, tie, p0, p1, p2, e02, e12, e22)
                    a, b, c, d, tie, p0, p1, p2 = _place(a, b, c, d, tie, p0, p1, p2, e03, e13, e23)
                    a, b, c, d, tie, p0, p1, p2 = _place(a, b, c, d, tie, p0, p1, p2, e04, e14, e24)
                    a, b, c, d, tie, p0, p1, p2 = _place(a, b, c, d, tie, p0, p1, p2, e05, e15, e25)
                    a, b, c, d, tie, p0, p1, p2 = _place(a, b, c, d, tie, p0, p1, p2, e06, e16, e26)
                    a, b, c, d, tie, p0, p1, p2 = _place(a, b, c, d, tie, p0, p1, p2, e07, e17, e27)
                    a, b, c, d, tie, p0, p1, p2 = _place(a, b, c, d, tie, p0, p1, p2, e08, e18, e28)
                    a, b, c, d, tie, p0, p1, p2 = _place(a, b, c, d, tie, p0, p1, p2, e09, e19, e29)
                    work[0, w], work[1, w], work[2, w], work[3, w] = a, b, c, d
                    flip = p0 ^ ((p0 ^ p1) & work[4, w])
                    if m == 3:
                        flip ^= (flip ^ p2) & work[5, w]
                    work[7, w] = flip | work[2 + m + 1, w]
                    work[8, w] = tie & ~work[2 + m + 1, w]
                for w in range(words):
                    left = work[8, w]
                    while left:
                        lane = left & (~left + _ONE)
                        left ^= lane
                        k = int((work[4, w] & lane) != 0)
                        if m == 3:
                            k += int((work[5, w] & lane) != 0)
                        work[7, w] = _finish(work[7, w], lane, rest[k], spare)
                for w in range(words):
                    spins[i, w] ^= work[7, w]

    return jit(kernel)


@jit
def sweep_rates(spins, neighbours, unlike, always, kinds, e, rest, work, spare, n_sweeps):
    """Sweep with any acceptance by (own spin, broken bonds): `always` (2, z + 1) bool, the others listed in `kinds`.

    kinds (class, 2): spin 0 or 1 and number of broken bonds; e (class, DIGITS) and rest (class,) as from `digits`.
    """
    words, z, n_kinds = spins.shape[1], neighbours.shape[1], kinds.shape[0]
    at_least, accept = 8, 10 + z  # first rows of scratch: marks of at least k broken bonds, answers by class
    for _ in range(n_sweeps):
        for i in range(neighbours.shape[0]):
            for w in range(words):
                work[at_least, w] = _ALL
                for k in range(1, z + 2):
                    work[at_least + k, w] = _ZERO
            for j in range(z):
                other = neighbours[i, j]
                for k in range(j + 1, 0, -1):
                    for w in range(words):
                        work[at_least + k, w] |= work[at_least + k - 1, w] & (spins[i, w] ^ unlike ^ spins[other, w])
            for k in range(z + 1):
                for w in range(words):
                    work[at_least + k, w] &= ~work[at_least + k + 1, w]  # now exactly k
            for w in range(words):
                work[5, w] = _ALL
                work[6, w] = _ZERO
            for s in range(2):
                own = _ZERO if s == 1 else _ALL
                for k in range(z + 1):
                    if always[s, k]:
                        for w in range(words):
                            work[6, w] |= work[at_least + k, w] & (spins[i, w] ^ own)
            for w in range(words):
                work[7, w] = ~work[6, w]
            for c in range(n_kinds):
                for w in range(words):
                    work[accept + c, w] = _ZERO
            for j in range(e.shape[1]):
                for w in range(words):
                    a, b, x, d, word = sfc64(work[0, w], work[1, w], work[2, w], work[3, w])
                    work[0, w], work[1, w], work[2, w], work[3, w], work[4, w] = a, b, x, d, word
                    work[5, w] &= word
                for c in range(n_kinds):
                    toggle = e[c, j]
                    for w in range(words):
                        work[accept + c, w] = (work[accept + c, w] & work[4, w]) ^ toggle
            for c in range(n_kinds):
                own = _ZERO if kinds[c, 0] == 1 else _ALL
                k = at_least + kinds[c, 1]
                for w in range(words):
                    here = work[k, w] & (spins[i, w] ^ own)
                    work[6, w] |= here & work[accept + c, w]
                    work[accept + c, w] = here
            for w in range(words):
                left = work[5, w] & work[7, w]
                while left:
                    lane = left & (~left + _ONE)
                    left ^= lane
                    c = 0
                    while work[accept + c, w] & lane == 0:
                        c += 1
                    work[6, w] = _finish(work[6, w], lane, rest[c], spare)
            for w in range(words):
                spins[i, w] ^= work[6, w]


@jit
def pack(configurations, spins):
    """Write configurations (replica, site) of -1 and +1 into words (site, word); spare lanes repeat the last one."""
    n, last = configurations.shape[1], configurations.shape[0] - 1
    for w in range(spins.shape[1]):
        for i in range(n):
            word = _ZERO
            for lane in range(64):
                if configurations[min(64 * w + lane, last), i] > 0:
                    word |= _ONE << _U(lane)
            spins[i, w] = word


@jit
def unpack(spins, configurations):
    """Write the spins of the first replicas into configurations (replica, site) of -1 and +1."""
    for replica in range(configurations.shape[0]):
        w, lane = replica >> 6, _U(replica & 63)
        for i in range(configurations.shape[1]):
            configurations[replica, i] = 2 * np.int8((spins[i, w] >> lane) & _ONE) - 1


@jit
def lane_counts(spins, bonds_of, planes, broken, up):
    """Count unequal bonds and up spins of every replica, by adding words bit plane by bit plane.

    planes (plane, word) scratch, enough planes for the largest count; broken, up (replica,).
    """
    planes[:] = _ZERO
    for i in range(bonds_of.shape[0]):
        for d in range(bonds_of.shape[1]):
            _add(planes, spins, i, bonds_of[i, d])
    _spread(planes, broken)
    planes[:] = _ZERO
    for i in range(spins.shape[0]):
        _add(planes, spins, i, -1)
    _spread(planes, up)


@jit
def swap_lanes(one, other, marked):
    """Exchange the configurations of the replicas marked in `marked` (word,) between two sets of spins."""
    for i in range(one.shape[0]):
        for w in range(one.shape[1]):
            change = (one[i, w] ^ other[i, w]) & marked[w]
            one[i, w] ^= change
            other[i, w] ^= change


@jit(inline="always")
def _one_more(g1, g2, g3, broken):
    return g1 | broken, g2 | (g1 & broken), g3 | (g2 & broken)


@jit(inline="always")
def _place(a, b, c, d, tie, p0, p1, p2, e0, e1, e2):
    a, b, c, d, r = sfc64(a, b, c, d)
    return a, b, c, d, tie & r, (p0 & r) ^ e0, (p1 & r) ^ e1, (p2 & r) ^ e2


@jit(inline="always")
def _finish(flip, lane, rest, spare):
    a, b, c, d, word = sfc64(spare[0, 0], spare[1, 0], spare[2, 0], spare[3, 0])
    spare[0, 0], spare[1, 0], spare[2, 0], spare[3, 0] = a, b, c, d
    return (flip | lane) if word < rest else (flip & ~lane)


@jit
def _add(planes, spins, i, j):
    for w in range(spins.shape[1]):
        carry = spins[i, w] ^ (spins[j, w] if j >= 0 else _ZERO)
        plane = 0
        while carry:
            old = planes[plane, w]
            planes[plane, w] = old ^ carry
            carry &= old
            plane += 1


@jit
def _spread(planes, counts):
    for replica in range(counts.size):
        w, lane = replica >> 6, _U(replica & 63)
        total = 0
        for plane in range(planes.shape[0]):
            total += int((planes[plane, w] >> lane) & _ONE) << plane
        counts[replica] = total
