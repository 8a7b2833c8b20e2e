"""One seed, named streams: the only file that seeds anything.

A stream is a function of (seed, name, replica) alone, so replica r draws the same numbers however many
replicas there are, and the streams for weights, data order and noise never touch one another.

>>> a = stream(0, "noise", replica=3).standard_normal(2)
>>> b = stream(0, "noise", replica=3).standard_normal(2)
>>> bool((a == b).all())
True
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from zeeman.base.types import Seed

if TYPE_CHECKING:
    import torch

__all__ = ["entropy_of", "stream", "torch_seeded", "torch_stream"]


def entropy_of(seed: Seed) -> int:
    """Non-negative integer that reproduces `seed`; None draws fresh entropy, a generator is advanced once."""
    if seed is None:
        return int(np.random.SeedSequence().generate_state(2, np.uint32).view(np.uint64)[0] >> np.uint64(1))
    if isinstance(seed, np.random.Generator):
        return int(seed.integers(2**63))
    if isinstance(seed, np.random.RandomState):
        return int(seed.randint(2**31 - 1))
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise TypeError(f"seed must be an integer, a numpy generator or None, got {seed!r}")
    if seed < 0:
        raise ValueError(f"seed must be non-negative, got {seed}")
    return int(seed)


def stream(seed: Seed, name: str, replica: int = 0) -> np.random.Generator:
    """Random stream `name` of replica `replica` of the experiment with this seed."""
    return np.random.default_rng(_sequence(seed, name, replica))


def torch_stream(seed: Seed, name: str, replica: int = 0, device: str = "cpu") -> torch.Generator:
    """Return the same stream as a torch generator on `device` (other numbers than `stream`, as reproducible)."""
    import torch

    return torch.Generator(device).manual_seed(_torch_state(seed, name, replica))


@contextlib.contextmanager
def torch_seeded(seed: Seed, name: str, replica: int = 0) -> Iterator[None]:
    """Let the stream be torch's default generator inside the block (layers draw their weights from it alone)."""
    import torch

    outside = torch.get_rng_state()
    torch.default_generator.manual_seed(_torch_state(seed, name, replica))
    try:
        yield
    finally:
        torch.set_rng_state(outside)


def _torch_state(seed: Seed, name: str, replica: int) -> int:
    state = _sequence(seed, name, replica).generate_state(2, np.uint32).view(np.uint64)[0]
    return int(state >> np.uint64(1))


def _sequence(seed: Seed, name: str, replica: int) -> np.random.SeedSequence:
    return np.random.SeedSequence(entropy_of(seed), spawn_key=(zlib.crc32(name.encode()), replica))
