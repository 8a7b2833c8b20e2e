"""Coloured updates on any torch device: all sites of one colour of all chains at once. Tensors in, tensors out.

Two-state spins are multi-spin coded, 32 chains a word: bit l of word w of a place is the spin of chain 32 w + l, 1 for
up. A flip has probability p = 0.b_1 b_2 b_3 ... in binary; every chain compares its own random bits with it, most
significant first, and stops at the first that is 0:

    accept <- accept | (open & ~r & b_j),     open <- open & r,     b_j = OR over classes c of (m_c & b_cj),

m_c marking the chains whose flip has probability p_c. So p is exact to 2^-96. The first `PLACES` places are done for
all words, the others for the few words with an open chain only.

Other spins hold one value a place and chain: the number of the state, (place, chain), or a unit vector, (place, chain,
component). Probabilities are compared in float64, in float32 on devices that have no other (Apple's).

Every function takes its random numbers, or the generator of them, as an argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "GROUP", "PLACES", "Rule", "field", "first_places", "half_sweep", "pack", "real_of", "reflected", "rule",
    "state_heat_bath", "state_metropolis", "turned", "unpack", "vector_heat_bath",
]  # fmt: skip

GROUP = 4  # places decided with one call for random words
PLACES = 12  # places decided for every word
_LAST = 96  # places of p

_ALL = -1  # the word of ones

Draw = Callable[[int, Tensor], Tensor]  # (group of places, flat indices of words) -> words (GROUP, index)


@dataclass(frozen=True)
class Rule:
    """Acceptance of a flip by own spin s and number k of broken bonds.

    Attributes
    ----------
    unlike : int
        Word of ones for antiferromagnetic bonds, else 0.
    below : tuple of int
        For spin down and spin up the number of broken bonds from which a flip is certain; one entry if both are alike.
    places : ndarray int32, (class, 3)
        Binary places of p of every class (s, k < below[s]), 32 to a word, first place highest.
    """

    unlike: int
    below: tuple[int, ...]
    places: np.ndarray


def rule(p: np.ndarray, antiferromagnetic: bool) -> Rule:
    """Rule for probabilities p (own spin, broken bonds) that rise with the number of broken bonds."""
    rows = p[:1] if np.array_equal(p[0], p[1]) else p
    below = tuple(int((row < 1).sum()) for row in rows)
    numbers = [int(row[k] * 2.0**_LAST) for row, m in zip(rows, below, strict=True) for k in range(m)]
    words = [[number >> shift & 0xFFFFFFFF for shift in (64, 32, 0)] for number in numbers]
    return Rule(_ALL if antiferromagnetic else 0, below, np.array(words, np.uint32).reshape(-1, 3).view(np.int32))


def pack(configurations: np.ndarray) -> np.ndarray:
    """Words (place, word) of configurations (chain, place) of -1 and +1; spare bits repeat the last chain."""
    n_chains = len(configurations)
    chains = np.minimum(np.arange(32 * -(-n_chains // 32)), n_chains - 1)
    octets = np.packbits((configurations > 0).T[:, chains], axis=1, bitorder="little")
    return np.ascontiguousarray(octets).view("<i4").astype(np.int32)


def unpack(words: np.ndarray, n_chains: int) -> np.ndarray:
    """Configurations (chain, place) of -1 and +1 of the first chains."""
    octets = np.ascontiguousarray(words[:, : -(-n_chains // 32)]).astype("<i4").view(np.uint8)
    up = np.unpackbits(octets, axis=1, count=n_chains, bitorder="little")
    return np.ascontiguousarray((2 * up.astype(np.int8) - 1).T)


def half_sweep(
    spins: Tensor, block: slice, table: Tensor, law: Rule, draw: Draw, first: Callable[..., tuple[Tensor, ...]]
) -> None:
    """Update the places `block` of `spins` (place, word), all of one colour; `first` is `first_places` or compiled."""
    own = spins[block]
    index = torch.arange(block.start * spins.shape[1], block.stop * spins.shape[1], device=spins.device)
    words = torch.cat([draw(group, index) for group in range(PLACES // GROUP)]).view(PLACES, *own.shape)
    flip, still_open = first(own, spins, table[block], words, law.unlike, law.below, law.places.tolist())
    ties = still_open.view(-1).nonzero()[:, 0]
    if len(ties):
        place, word = ties // own.shape[1], ties % own.shape[1]
        others = spins[table[block][place], word[:, None]]
        marks = _classes(own[place, word], others.unbind(1), law.unlike, law.below)
        later = _decide(marks, still_open.view(-1)[ties], law.places.tolist(), draw, index[ties])
        flip.view(-1)[ties] |= later
    own ^= flip


def first_places(
    own: Tensor, spins: Tensor, table: Tensor, words: Tensor, unlike: int, below: tuple[int, ...], places: list
) -> tuple[Tensor, Tensor]:
    """Decide `PLACES` places with `words` (PLACES, place, word): chains that flip, and chains that are still open."""
    marks = _classes(own, [spins[table[:, k]] for k in range(table.shape[1])], unlike, below)
    still_open = torch.zeros_like(own)
    for mark in marks:
        still_open = still_open | mark
    flip = ~still_open  # in no class with p < 1
    for j in range(PLACES):
        flip, still_open = _one_place(flip, still_open, marks, places, j, words[j])
    return flip, still_open


def state_heat_bath(
    spins: Tensor, block: slice, table: Tensor, kind_of: list[int], kinds: Tensor, site: Tensor, rng: torch.Generator
) -> Tensor:
    """Draw new states (place, chain) from exp(-E_t) under the neighbours, E_t in units of T.

    table (place, neighbour), the kind of each bond (neighbour,), kinds (kind, state, state) and site (state,).
    """
    near = table[block]
    energy = site.expand(*spins[block].shape, -1).clone()
    for k, kind in enumerate(kind_of):
        energy += kinds[kind][spins[near[:, k]].long()]
    sums = torch.exp(energy.amin(-1, keepdim=True) - energy).cumsum(-1)
    u = torch.rand(spins[block].shape, generator=rng, device=spins.device, dtype=kinds.dtype)
    return (u[..., None] * sums[..., -1:] >= sums[..., :-1]).sum(-1).to(spins.dtype)


def state_metropolis(
    spins: Tensor, block: slice, table: Tensor, kind_of: list[int], kinds: Tensor, site: Tensor, rng: torch.Generator
) -> Tensor:
    """Propose another state and accept with min(1, exp(-dE)), dE in units of T; arguments of `state_heat_bath`.

    Of two states the other is proposed with 3/4, for were free flips certain, whole colours might alternate for ever.
    """
    own, near, q = spins[block].long(), table[block], len(site)
    if q > 2:
        new = (own + torch.randint(1, q, own.shape, generator=rng, device=own.device)) % q
    else:
        new = own ^ (torch.rand(own.shape, generator=rng, device=own.device) < 0.75).long()
    cost = site[new] - site[own]
    for k, kind in enumerate(kind_of):
        row = q * spins[near[:, k]].long()
        cost += kinds[kind].view(-1)[row + new] - kinds[kind].view(-1)[row + own]
    u = torch.rand(own.shape, generator=rng, device=own.device, dtype=kinds.dtype)
    return torch.where(u < torch.exp(-cost), new, own).to(spins.dtype)


def real_of(device: torch.device) -> torch.dtype:
    """Type in which a device compares probabilities."""
    return torch.float32 if device.type == "mps" else torch.float64


def field(spins: Tensor, block: slice, table: Tensor, strength: float) -> Tensor:
    """Local fields strength sum_j s_j, (place, chain, component), of unit vectors."""
    near = table[block]
    total = spins[near[:, 0]].clone()
    for k in range(1, near.shape[1]):
        total += spins[near[:, k]]
    return strength * total


def turned(own: Tensor, h: Tensor, width: float, rng: torch.Generator) -> Tensor:
    """Metropolis: s + width g, g Gaussian, made a unit vector, against s; energies -s . h in units of T."""
    new = own + width * torch.randn(own.shape, generator=rng, device=own.device)
    new /= new.norm(dim=-1, keepdim=True)
    gain = ((new - own) * h).sum(-1).to(real_of(own.device))
    accepted = torch.rand(gain.shape, generator=rng, device=own.device, dtype=gain.dtype) < torch.exp(gain)
    return torch.where(accepted[..., None], new, own)


def vector_heat_bath(own: Tensor, h: Tensor, rng: torch.Generator) -> Tensor:
    """Draw unit vectors of two or three components from exp(s . h).

    Three: the density of c = cos(s, h) is exp(|h| c), inverted; two: `_von_mises`. What is left is a direction at right
    angles to h, uniform.
    """
    size = h.norm(dim=-1, keepdim=True)
    random = torch.randn(own.shape, generator=rng, device=own.device)
    along = torch.where(size > 0, h / size.clamp(min=1e-30), own)  # without a field any direction will do
    across = random - (random * along).sum(-1, keepdim=True) * along
    across /= across.norm(dim=-1, keepdim=True).clamp(min=1e-30)
    kappa = size[..., 0].to(real_of(own.device)).clamp(min=1e-6)
    if own.shape[-1] == 2:
        c, found = _von_mises(kappa, rng)
    else:
        u = torch.rand(kappa.shape, generator=rng, device=own.device, dtype=kappa.dtype)
        c, found = 1 + torch.log1p(u * torch.expm1(-2 * kappa)) / kappa, torch.ones_like(kappa, dtype=torch.bool)
    c = c.clamp(-1, 1)[..., None]
    new = (c * along + torch.sqrt(1 - c**2) * across).to(own.dtype)
    return torch.where(found[..., None], new / new.norm(dim=-1, keepdim=True), own)


def reflected(own: Tensor, h: Tensor) -> Tensor:
    """Over-relaxation: s reflected about its field, 2 (s . h) h / h^2 - s, which costs no energy; s where h = 0."""
    square = (h * h).sum(-1, keepdim=True)
    new = 2 * (own * h).sum(-1, keepdim=True) / square.clamp(min=1e-30) * h - own
    return torch.where(square > 0, new / new.norm(dim=-1, keepdim=True).clamp(min=1e-30), own)


def _von_mises(kappa: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Cosines from exp(kappa cos t), uniform in t, and where one of four trials was accepted.

    D. J. Best, N. I. Fisher, Appl. Stat. 28 (1979) 152. A trial's fate does not depend on the present spin, so that
    spins without an accepted one may stay as they are: at most one in 70.
    """
    root = torch.sqrt(1 + 4 * kappa**2)
    tau = 1 + root
    # (tau - sqrt(2 tau)) / (2 kappa), free of cancellation
    rho = 2 * kappa * tau.sqrt() / (tau * (tau.sqrt() + math.sqrt(2)))
    r = (1 + rho**2) / (2 * rho)
    answer, found = torch.zeros_like(kappa), torch.zeros_like(kappa, dtype=torch.bool)
    for _ in range(4):
        z = torch.cos(math.pi * torch.rand(kappa.shape, generator=rng, device=kappa.device, dtype=kappa.dtype))
        u = torch.rand(kappa.shape, generator=rng, device=kappa.device, dtype=kappa.dtype)
        f = (1 + r * z) / (r + z)
        c = kappa * (r - f)
        answer = torch.where(found, answer, f)
        found = found | (u < c * torch.exp(1 - c))
    return answer, found


def _decide(marks: list[Tensor], still_open: Tensor, places: list, draw: Draw, index: Tensor) -> Tensor:
    """Go on after the first `PLACES` places with the words (index,) that have an open chain; chains that flip."""
    flip, found = torch.zeros_like(still_open), torch.arange(len(index), device=index.device)
    answer = flip.clone()
    for group in range(PLACES // GROUP, _LAST // GROUP):
        words = draw(group, index)
        for j in range(GROUP):
            flip, still_open = _one_place(flip, still_open, marks, places, GROUP * group + j, words[j])
        answer[found] = flip
        left = still_open.nonzero()[:, 0]
        if not len(left):
            break
        flip, still_open, index, found = flip[left], still_open[left], index[left], found[left]
        marks = [mark[left] for mark in marks]
    return answer


def _one_place(
    flip: Tensor, still_open: Tensor, marks: list[Tensor], places: list, j: int, word: Tensor
) -> tuple[Tensor, Tensor]:
    stops = still_open & ~word
    for mark, numbers in zip(marks, places, strict=True):
        if numbers[j // 32] >> (31 - j % 32) & 1:
            flip = flip | (stops & mark)
    return flip, still_open & word


def _classes(own: Tensor, others: Sequence[Tensor], unlike: int, below: tuple[int, ...]) -> list[Tensor]:
    """Marks of the chains in every class: own spin (where that matters), exactly k broken bonds."""
    most = max(below)
    at_least = [torch.full_like(own, _ALL)] + [torch.zeros_like(own)] * most
    for other in others:
        broken = own ^ other ^ unlike
        for k in range(most, 0, -1):
            at_least[k] = at_least[k] | (at_least[k - 1] & broken)
    exactly = [at_least[k] & ~at_least[k + 1] for k in range(most)]
    if len(below) == 1:
        return exactly
    return [mark & spin for spin, m in zip((~own, own), below, strict=True) for mark in exactly[:m]]
