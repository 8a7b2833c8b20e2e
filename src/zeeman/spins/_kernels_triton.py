# ruff: noqa: ANN001, ANN202 (Triton infers the types of compiled functions)
"""Multi-spin coded coloured updates of two-state spins in Triton, for NVIDIA GPUs: layout and rule of `_kernels_torch`.

No GPU has run this file yet: its arithmetic is proven on Triton's interpreter, bit for bit against `_kernels_torch`
with the same Philox words; the rates below are counted, not measured (`benchmarks/gpu_spins.py` measures them).

One program updates `BLOCK` words, that is 32 BLOCK spins of one colour. Every word draws its own Philox4x32 numbers,
counter (word, group of places, low and high half of the sweep's number), key from the seed: no state is stored, and
the numbers do not depend on how words are dealt to programs.

The floor on one H100 (3.35 TB/s; 132 SM x 4 quarters, each issuing one instruction for 32 lanes a cycle to 16 lanes for
logic and 16 for products, 1.7 GHz). Counted in the machine code that Triton's compiler writes for sm_90, square
lattice, no field, size 128: one warp, 4,096 flips, 12 places:

    issue       558 logic, 252 products, 184 high halves of products, 300 addresses, loads, others     1,290 cycles
    logic       (558 + 100) x 2                                                                        1,320 cycles
    products    252 x 2 + 184 x 4                                                                      1,240 cycles
    ties        four more places, 350 instructions, in six programs of ten                               210 cycles

The three run side by side and bind alike: 1,530 cycles with the ties, 0.9 x 10^12 cycles/s in all, 2,400 flips/ns if
none were lost; that half are is usual, and would leave 1,200. Random numbers are two thirds of it. Memory: own word
read and written, the other colour read once if its lines stay in cache, 12 bytes in 32 flips, 0.375 bytes a flip,
8,900 flips/ns; with one word a place also the table of neighbours, 16 bytes, 3,800. So arithmetic is the bound, not
memory. Seven rounds of Philox (the fewest that pass BigCrush: Salmon et al. 2011, table 2) would save a fifth; the
default is ten. A launch takes some 10 us: below 10^7 spins of one colour it shows, so small lattices want many chains.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from zeeman.spins._kernels_torch import GROUP, PLACES, Rule

__all__ = ["half_sweep", "places_on"]

_MOST = 2**31  # places are counted in 32 bits
_GROUPS = tl.constexpr(24)  # 96 places


def places_on(law: Rule, device: torch.device) -> Tensor:
    """Binary places of the rule on a device, (class, 3)."""
    return torch.from_numpy(law.places).to(device)


def half_sweep(
    spins: Tensor, block: slice, table: Tensor, law: Rule, places: Tensor, key: Tensor, step: int,
    *, n_rounds: int = 10, size: int = 128, n_warps: int = 1,
) -> None:  # fmt: skip
    """Update the places `block` of `spins` (place, word), all of one colour.

    `table` (place, z) int32; `key` int64 (1,); `step` is the sweep's number, which no call with the same key and block
    may repeat. `size` words and `n_warps` warps a program. ValueError for a number of words a place that is no power
    of two, or 2^31 words or neighbours in all.
    """
    n_words = spins.shape[1]
    if n_words & (n_words - 1) or max(spins.numel(), table.numel()) >= _MOST:
        raise ValueError(
            f"spins must hold a power of two of words a place and fewer than 2^31 in all, as must the table of "
            f"neighbours, got {tuple(spins.shape)} and {tuple(table.shape)}; pad with words, or take fewer chains"
        )
    n = (block.stop - block.start) * n_words
    _half_sweep[(triton.cdiv(n, size),)](
        spins, table, places, key, block.start, n, step, law.unlike,
        Z=table.shape[1], WORDS=n_words, DOWN=law.below[0], UP=law.below[-1], ALIKE=len(law.below) == 1,
        FIRST=PLACES // GROUP, ROUNDS=n_rounds, BLOCK=size, num_warps=n_warps,
    )  # fmt: skip


@triton.jit(do_not_specialize=["start", "n", "step", "unlike"])
def _half_sweep(
    spins, table, places, key, start, n, step, unlike,
    Z: tl.constexpr, WORDS: tl.constexpr, DOWN: tl.constexpr, UP: tl.constexpr, ALIKE: tl.constexpr,
    FIRST: tl.constexpr, ROUNDS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    index = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = index < n
    site = start + index // WORDS
    word = index % WORDS
    here = start * WORDS + index
    own = tl.load(spins + here, mask=inside, other=0)
    ones, twos, fours = _broken_bonds(spins, table, own, site, word, unlike, inside, Z, WORDS)
    certain = _certain(own, ones, twos, fours, DOWN, UP, ALIKE)
    flip = certain
    pending = ~certain & tl.where(inside, -1, 0)
    seed = tl.load(key)
    for group in tl.static_range(FIRST):
        flip, pending = _four_places(
            flip, pending, own, ones, twos, fours, places, seed, here, step, group, DOWN, UP, ALIKE, ROUNDS
        )
    group = FIRST
    while (tl.max((pending != 0).to(tl.int32), axis=0) != 0) & (group < _GROUPS):
        flip, pending = _four_places(
            flip, pending, own, ones, twos, fours, places, seed, here, step, group, DOWN, UP, ALIKE, ROUNDS
        )
        group += 1
    tl.store(spins + here, own ^ flip, mask=inside)


@triton.jit
def _broken_bonds(spins, table, own, site, word, unlike, inside, Z: tl.constexpr, WORDS: tl.constexpr):
    """Count of broken bonds of every lane in binary, plane by plane."""
    ones = own ^ own
    twos = ones
    fours = ones
    for k in tl.static_range(Z):
        other = tl.load(table + site * Z + k, mask=inside, other=0)
        broken = own ^ unlike ^ tl.load(spins + other * WORDS + word, mask=inside, other=0)
        carry = ones & broken
        ones ^= broken
        fours ^= twos & carry
        twos ^= carry
    return ones, twos, fours


@triton.jit
def _certain(own, ones, twos, fours, DOWN: tl.constexpr, UP: tl.constexpr, ALIKE: tl.constexpr):
    """Mark of the lanes in no class with p < 1."""
    certain = own ^ ~own
    if ALIKE:
        for k in tl.static_range(DOWN):
            certain &= ~_exactly(ones, twos, fours, k)
    else:
        for k in tl.static_range(DOWN):
            certain &= ~(_exactly(ones, twos, fours, k) & ~own)
        for k in tl.static_range(UP):
            certain &= ~(_exactly(ones, twos, fours, k) & own)
    return certain


@triton.jit
def _four_places(
    flip, pending, own, ones, twos, fours, places, seed, here, step, group,
    DOWN: tl.constexpr, UP: tl.constexpr, ALIKE: tl.constexpr, ROUNDS: tl.constexpr,
):  # fmt: skip
    zero = here ^ here
    r0, r1, r2, r3 = tl.philox(seed, here, zero + group, zero + step, zero, n_rounds=ROUNDS)
    flip, pending = _place(flip, pending, own, ones, twos, fours, places, 4 * group, r0, DOWN, UP, ALIKE)
    flip, pending = _place(flip, pending, own, ones, twos, fours, places, 4 * group + 1, r1, DOWN, UP, ALIKE)
    flip, pending = _place(flip, pending, own, ones, twos, fours, places, 4 * group + 2, r2, DOWN, UP, ALIKE)
    return _place(flip, pending, own, ones, twos, fours, places, 4 * group + 3, r3, DOWN, UP, ALIKE)


@triton.jit
def _place(
    flip, pending, own, ones, twos, fours, places, j, random,
    DOWN: tl.constexpr, UP: tl.constexpr, ALIKE: tl.constexpr,
):  # fmt: skip
    r = random.to(tl.int32, bitcast=True)
    stops = pending & ~r
    digit = own ^ own
    if ALIKE:
        for k in tl.static_range(DOWN):
            digit |= _exactly(ones, twos, fours, k) & _digit(places, k, j)
    else:
        for k in tl.static_range(DOWN):
            digit |= _exactly(ones, twos, fours, k) & ~own & _digit(places, k, j)
        for k in tl.static_range(UP):
            digit |= _exactly(ones, twos, fours, k) & own & _digit(places, DOWN + k, j)
    return flip | (stops & digit), pending & r


@triton.jit
def _digit(places, row, j):
    """Place j of class `row` as a word of ones or zeros: that bit moved to the sign, and the sign spread."""
    return (tl.load(places + row * 3 + j // 32) << (j % 32)) >> 31


@triton.jit
def _exactly(ones, twos, fours, k: tl.constexpr):
    """Mark of the lanes with k broken bonds."""
    mark = ones if k & 1 else ~ones
    mark &= twos if k & 2 else ~twos
    mark &= fours if k & 4 else ~fours
    return mark
