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
        # rows of scratch: 4, 5, 6 mark at least 1, 2, 3 broken bonds; 7 answers, 8 marks lanes still without one
        e0, e1, e2 = _ten(e[0]), _ten(e[1]), _ten(e[2])
        for _ in range(n_sweeps):
            for i in range(neighbours.shape[0]):
                _mark_broken(spins, neighbours, i, unlike, work, z, m)
                for w in range(spins.shape[1]):
                    a, b, c, d, tie, p0, p1, p2 = _draw(work[0, w], work[1, w], work[2, w], work[3, w], e0, e1, e2)
                    work[0, w], work[1, w], work[2, w], work[3, w] = a, b, c, d
                    flip = p0 ^ ((p0 ^ p1) & work[4, w])
                    if m == 3:
                        flip ^= (flip ^ p2) & work[5, w]
                    work[7, w] = flip | work[2 + m + 1, w]
                    work[8, w] = tie & ~work[2 + m + 1, w]
                _settle(work, rest, spare, spins.shape[1], m)
                for w in range(spins.shape[1]):
                    spins[i, w] ^= work[7, w]

    return jit(kernel)


@jit
def sweep_rates(spins, neighbours, unlike, always, kinds, e, rest, work, spare, n_sweeps):
    """Sweep with any acceptance by (own spin, broken bonds): `always` (2, z + 1) bool, the others listed in `kinds`.

    kinds (class, 2): spin 0 or 1 and number of broken bonds; e (class, DIGITS) and rest (class,) as from `digits`.
    """
    words, z = spins.shape[1], neighbours.shape[1]
    # rows of scratch: 4 random words, 5 lanes without an answer, 6 answers; from 8 on marks of k broken bonds, from
    # 10 + z on answers by class
    counts, accept = work[8 : 10 + z], work[10 + z :]
    for _ in range(n_sweeps):
        for i in range(neighbours.shape[0]):
            _count_broken(spins, neighbours, i, unlike, counts)
            _accept_always(spins, i, always, counts, work)
            _draw_classes(accept, e, work, words)
            _join_classes(spins, i, kinds, counts, accept, work)
            _settle_classes(accept, rest, work, spare, words)
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
def _mark_broken(spins, neighbours, i, unlike, work, z, m):
    """Mark lanes with at least 1, 2, 3 broken bonds at site i; z and m are constants of the kernel it is put into."""
    n0, n1, n2 = neighbours[i, 0], neighbours[i, 1], neighbours[i, 2 % z]
    n3, n4, n5 = neighbours[i, 3 % z], neighbours[i, 4 % z], neighbours[i, 5 % z]
    for w in range(spins.shape[1]):
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


@jit(inline="always")
def _one_more(g1, g2, g3, broken):
    return g1 | broken, g2 | (g1 & broken), g3 | (g2 & broken)


@jit(inline="always")
def _ten(e):
    return e[0], e[1], e[2], e[3], e[4], e[5], e[6], e[7], e[8], e[9]


@jit(inline="always")
def _draw(a, b, c, d, e0, e1, e2):
    """All places of three thresholds: generator, lanes without an answer, three answers. In registers, so no loop."""
    tie, p0, p1, p2 = _ALL, _ZERO, _ZERO, _ZERO
    a, b, c, d, tie, p0, p1, p2 = _place(a, b, c, d, tie, p0, p1, p2, e0[0], e1[0], e2[0])
    a, b, c, d, tie, p0, p1, p2 = _place(a, b, c, d, tie, p0, p1, p2, e0[1], e1[1], e2[1])
    a, b, c, d, tie, p0, p1, p2 = _place(a, b, c, d, tie, p0, p1, p2, e0[2], e1[2], e2[2])
    a, b, c, d, tie, p0, p1, p2 = _place(a, b, c, d, tie, p0, p1, p2, e0[3], e1[3], e2[3])
    a, b, c, d, tie, p0, p1, p2 = _place(a, b, c, d, tie, p0, p1, p2, e0[4], e1[4], e2[4])
    a, b, c, d, tie, p0, p1, p2 = _place(a, b, c, d, tie, p0, p1, p2, e0[5], e1[5], e2[5])
    a, b, c, d, tie, p0, p1, p2 = _place(a, b, c, d, tie, p0, p1, p2, e0[6], e1[6], e2[6])
    a, b, c, d, tie, p0, p1, p2 = _place(a, b, c, d, tie, p0, p1, p2, e0[7], e1[7], e2[7])
    a, b, c, d, tie, p0, p1, p2 = _place(a, b, c, d, tie, p0, p1, p2, e0[8], e1[8], e2[8])
    a, b, c, d, tie, p0, p1, p2 = _place(a, b, c, d, tie, p0, p1, p2, e0[9], e1[9], e2[9])
    return a, b, c, d, tie, p0, p1, p2


@jit(inline="always")
def _place(a, b, c, d, tie, p0, p1, p2, e0, e1, e2):
    a, b, c, d, r = sfc64(a, b, c, d)
    return a, b, c, d, tie & r, (p0 & r) ^ e0, (p1 & r) ^ e1, (p2 & r) ^ e2


@jit(inline="always")
def _finish(flip, lane, rest, spare):
    a, b, c, d, word = sfc64(spare[0, 0], spare[1, 0], spare[2, 0], spare[3, 0])
    spare[0, 0], spare[1, 0], spare[2, 0], spare[3, 0] = a, b, c, d
    return (flip | lane) if word < rest else (flip & ~lane)


@jit(inline="always")
def _settle(work, rest, spare, words, m):
    """Give an answer to the lanes that all places left without one."""
    for w in range(words):
        left = work[8, w]
        while left:
            lane = left & (~left + _ONE)
            left ^= lane
            k = int((work[4, w] & lane) != 0)
            if m == 3:
                k += int((work[5, w] & lane) != 0)
            work[7, w] = _finish(work[7, w], lane, rest[k], spare)


@jit(inline="always")
def _count_broken(spins, neighbours, i, unlike, counts):
    """Mark lanes with exactly k broken bonds at site i in row k, k = 0..z; row z + 1 is scratch."""
    words, z = spins.shape[1], neighbours.shape[1]
    for w in range(words):
        counts[0, w] = _ALL
        for k in range(1, z + 2):
            counts[k, w] = _ZERO
    for j in range(z):
        other = neighbours[i, j]
        for k in range(j + 1, 0, -1):
            for w in range(words):
                counts[k, w] |= counts[k - 1, w] & (spins[i, w] ^ unlike ^ spins[other, w])
    for k in range(z + 1):
        for w in range(words):
            counts[k, w] &= ~counts[k + 1, w]  # at least k becomes exactly k


@jit(inline="always")
def _accept_always(spins, i, always, counts, work):
    """Answers of the classes that always flip; the others wait."""
    for w in range(spins.shape[1]):
        work[6, w] = _ZERO
    for s in range(2):
        own = _ZERO if s == 1 else _ALL
        for k in range(always.shape[1]):
            if always[s, k]:
                for w in range(spins.shape[1]):
                    work[6, w] |= counts[k, w] & (spins[i, w] ^ own)
    for w in range(spins.shape[1]):
        work[5, w] = ~work[6, w]


@jit(inline="always")
def _draw_classes(accept, e, work, words):
    """All places of every class's threshold, answers in `accept`; row 5 keeps the lanes without an answer."""
    for c in range(e.shape[0]):
        for w in range(words):
            accept[c, w] = _ZERO
    for j in range(e.shape[1]):
        for w in range(words):
            a, b, x, d, word = sfc64(work[0, w], work[1, w], work[2, w], work[3, w])
            work[0, w], work[1, w], work[2, w], work[3, w], work[4, w] = a, b, x, d, word
            work[5, w] &= word
        for c in range(e.shape[0]):
            toggle = e[c, j]
            for w in range(words):
                accept[c, w] = (accept[c, w] & work[4, w]) ^ toggle


@jit(inline="always")
def _join_classes(spins, i, kinds, counts, accept, work):
    """Every lane takes the answer of its class; `accept` then marks the lanes of each."""
    for c in range(kinds.shape[0]):
        own = _ZERO if kinds[c, 0] == 1 else _ALL
        for w in range(spins.shape[1]):
            here = counts[kinds[c, 1], w] & (spins[i, w] ^ own)
            work[6, w] |= here & accept[c, w]
            accept[c, w] = here


@jit(inline="always")
def _settle_classes(accept, rest, work, spare, words):
    """Give an answer to the lanes that all places left without one."""
    for w in range(words):
        left = work[5, w]
        while left:
            lane = left & (~left + _ONE)
            left ^= lane
            c = 0
            while accept[c, w] & lane == 0:
                c += 1
            work[6, w] = _finish(work[6, w], lane, rest[c], spare)


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
