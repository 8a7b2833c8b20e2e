"""What a paper says, what was measured, and whether the two agree.

A claim is judged seed by seed: it holds if every seed lies in its interval, in part if only some do. Beside the values
stand those of the cheap method (the baseline) and of the null, measured on the same data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Claim", "Numbers", "Verdict", "judge"]

Numbers: TypeAlias = Mapping[str, NDArray]
"""What one figure is drawn and judged from: arrays of numbers or strings by name.

``claim.NAME`` (seed,), and where there are any ``baseline.NAME`` and ``null.NAME`` (draw,), belong to the claim NAME.
"""


@dataclass(frozen=True)
class Claim:
    """One statement of a paper as a number with an interval.

    Attributes
    ----------
    name : str
        Short and unique within the figure: the key of its values in `Numbers`.
    source : str
        Paper and place ("002, Fig. 3").
    says : str
        The statement, in one sentence.
    measure : str
        What stands for it, with its unit.
    why : str
        Why the interval is this one.
    low, high : float
        The statement holds from `low` to `high`, both included.
    baseline, null : str
        What the values beside it are of ("PCA", "permuted labels"); empty if there are none.
    """

    name: str
    source: str
    says: str
    measure: str
    why: str
    low: float = -math.inf
    high: float = math.inf
    baseline: str = ""
    null: str = ""

    @property
    def interval(self) -> str:
        """The interval as a person writes it."""
        if math.isinf(self.high):
            return f"≥ {self.low:g}"
        return f"≤ {self.high:g}" if math.isinf(self.low) else f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Verdict:
    """A claim beside its measurement.

    Attributes
    ----------
    claim : Claim
    values : tuple of float
        One a seed.
    baseline, null : tuple of float
        Of the cheap method, and without any effect; empty if there is none.
    verdict : str
        "holds" (every seed), "in part" (some), "does not hold" (none), "not measured" (not a number).
    """

    claim: Claim
    values: tuple[float, ...]
    baseline: tuple[float, ...]
    null: tuple[float, ...]
    verdict: str

    def to_dict(self) -> dict[str, object]:
        """Return plain values for JSON; infinite ends of the interval become None."""
        claim = {k: None if isinstance(v, float) and math.isinf(v) else v for k, v in asdict(self.claim).items()}
        return {**claim, "values": list(self.values), "baseline_values": list(self.baseline),
                "null_values": list(self.null), "interval": self.claim.interval, "verdict": self.verdict}  # fmt: skip


def judge(claims: Sequence[Claim], numbers: Numbers) -> list[Verdict]:
    """Return the verdict on every claim; KeyError if a figure has not measured what it claims."""
    return [_judged(claim, numbers) for claim in claims]


def _judged(claim: Claim, numbers: Numbers) -> Verdict:
    values = np.atleast_1d(np.asarray(numbers[f"claim.{claim.name}"], dtype=float))
    inside = (values >= claim.low) & (values <= claim.high)
    if not len(values) or not np.isfinite(values).all():
        verdict = "not measured"
    elif inside.all():
        verdict = "holds"
    else:
        verdict = "in part" if inside.any() else "does not hold"
    beside = {kind: _beside(claim, kind, numbers) for kind in ("baseline", "null")}
    return Verdict(claim, tuple(values.tolist()), beside["baseline"], beside["null"], verdict)


def _beside(claim: Claim, kind: str, numbers: Numbers) -> tuple[float, ...]:
    if not getattr(claim, kind):
        return ()
    return tuple(np.atleast_1d(np.asarray(numbers[f"{kind}.{claim.name}"], dtype=float)).tolist())
