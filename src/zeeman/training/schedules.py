"""Learning-rate schedules: the factor on the rate as a function of the fraction t in [0, 1) of steps done.

A rate that ends near zero lets the noise of the last mini-batches average out, which straightens the latent axes.

>>> schedule("constant-cosine")(0.25)
1.0
"""

from __future__ import annotations

import math
from collections.abc import Callable

from zeeman.base.checks import check_choice

__all__ = ["SCHEDULES", "schedule"]


def constant(t: float) -> float:
    """f(t) = 1."""
    return 1.0


def cosine(t: float) -> float:
    """f(t) = (1 + cos pi t) / 2."""
    return 0.5 * (1.0 + math.cos(math.pi * t))


def constant_cosine(t: float, bend: float = 0.5) -> float:
    """f(t) = 1 until t = `bend`, then a cosine down to 0."""
    return 1.0 if t < bend else cosine((t - bend) / (1.0 - bend))


def warmup_cosine(t: float, warm: float = 0.1) -> float:
    """f(t) = (t + 0.001) / (`warm` + 0.001) until t = `warm`, then a cosine down to 0."""
    return (t + 1e-3) / (warm + 1e-3) if t < warm else cosine((t - warm) / (1.0 - warm))


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "cosine": cosine,
    "constant-cosine": constant_cosine,
    "warmup-cosine": warmup_cosine,
}


def schedule(name: str) -> Callable[[float], float]:
    """Return the schedule of this name; ValueError lists the names there are."""
    check_choice(name, tuple(SCHEDULES), "schedule")
    return SCHEDULES[name]
