"""What separates two trainings: the smallest group of maps that carries one code into the other, by held-out data.

    identical < sign/permutation < rotation < affine < warp,   or collapse,   or a different optimum

A group is enough if its held-out R^2 comes within a tolerance (and two bootstrap errors) of every larger group's. The
rigid groups are compared with the affine map that carries covariance into covariance (`congruent`), which noise does
not shrink; the affine and the smooth map are compared as regressions, which noise shrinks alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeeman.base.random import stream
from zeeman.base.types import Samples, Seed
from zeeman.replicas import maps
from zeeman.replicas.pairs import Folds, check_pair, one_thread, pad, split
from zeeman.replicas.subspaces import canonical_correlations

__all__ = ["Verdict", "active_dimensions", "verdict"]

_FITS: dict[str, maps.Fit] = {
    "identity": maps.identity,
    "signed permutation": maps.signed_permutation,
    "orthogonal": maps.orthogonal,
    "congruent": maps.congruent,
    "affine": maps.affine,
    "smooth": maps.smooth,
}
_RIGID = (("identical", "identity"), ("sign/permutation", "signed permutation"), ("rotation", "orthogonal"))
_ACTIVE = 0.01


@dataclass(frozen=True)
class Verdict:
    """Which degeneracy separates two trainings.

    Attributes
    ----------
    kind : str
        "identical", "sign/permutation", "rotation" (reflections included), "affine", "warp" (not linear, but each code
        a function of the other), "collapse" (one code has fewer active dimensions and is a function of the other), or
        "different optimum".
    sentence : str
        The same in words, with the numbers that decide.
    evidence : mapping
        "r2" and "r2_error": held-out R^2 of every group and its bootstrap error, mean of both directions;
        "forward", "backward": each direction; "ceiling", "tolerance", "related": what it was compared with;
        "active_a", "active_b"; "canonical_correlations"; "shift", "scale" of the best similarity.
    """

    kind: str
    sentence: str
    evidence: Mapping[str, Any] = field(repr=False)


def verdict(
    a: Any,
    b: Any,
    *,
    scales: tuple[Any, Any] | None = None,
    tolerance: float = 0.02,
    related: float = 0.7,
    n_folds: int = 4,
    n_bootstrap: int = 200,
    seed: Seed = 0,
    folds: Folds | None = None,
) -> Verdict:
    """Return which degeneracy separates two codes of the same samples, with the evidence.

    Parameters
    ----------
    a, b : array-like, (sample, latent)
    scales : pair of arrays (sample, latent), optional
        Posterior standard deviations, if a and b are draws from posteriors and not their means: they set the noise
        ceiling (1 - mean s_a^2 / var a)(1 - mean s_b^2 / var b) that no R^2 can pass; 1 without them.
    tolerance : float
        Loss of R^2 that a smaller group may have. 0.02 is a rotation by 8 degrees of all axes.
    related : float
        Share of the ceiling that the smooth map must explain, both ways, for the codes to hold the same thing.
    n_folds : int
        Parts of the data, each the test set once.
    n_bootstrap : int
        Resamples of the test samples.
    seed : int, Generator or None
    folds : sequence of (train, test) indices, optional
        In place of random ones.
    """
    a, b = check_pair(a, b)
    folds = split(len(a), min(n_folds, len(a) // 5), seed, folds)
    active = active_dimensions(a), active_dimensions(b)
    kept = pad(*(_without_collapsed(z, n) for z, n in zip((a, b), active, strict=True)))
    with one_thread():
        ladder = _climb(*kept, folds, n_bootstrap, stream(seed, "bootstrap"))
    evidence = {
        "ceiling": _ceiling(a, b, scales),
        "tolerance": tolerance,
        "related": related,
        "active_a": active[0],
        "active_b": active[1],
        "canonical_correlations": canonical_correlations(a, b, folds=folds),
        **ladder.evidence(),
    }
    kind = _decide(ladder, active, evidence["ceiling"] * related, tolerance)
    return Verdict(kind, _sentence(kind, evidence), evidence)


def active_dimensions(z: Samples) -> int:
    """Eigenvalues of the covariance of the codes above 0.01: Burda's active units, counted in no particular frame.

    If the largest is below 1, those above 1 % of it.
    """
    values = np.linalg.eigvalsh(np.cov(z.T).reshape(z.shape[1], -1))
    return int((values > _ACTIVE * min(1.0, values[-1])).sum())


@dataclass(frozen=True)
class _Ladder:
    """Held-out R^2 of every group: both directions (direction, group) and bootstrap draws (draw, direction, group)."""

    r2: NDArray[np.float64]
    draws: NDArray[np.float64]

    def value(self, group: str, direction: int | None = None) -> float:
        column = self.r2[:, list(_FITS).index(group)]
        return float(column.mean() if direction is None else column[direction])

    def falls_short(self, smaller: str, larger: str, tolerance: float) -> bool:
        """Whether `larger` explains more than `smaller` by over the tolerance and two bootstrap errors."""
        i, j = (list(_FITS).index(g) for g in (smaller, larger))
        gain = (self.r2[:, j] - self.r2[:, i]).mean()
        error = (self.draws[:, :, j] - self.draws[:, :, i]).mean(axis=1).std()
        return bool(gain > tolerance + 2.0 * error)

    def evidence(self) -> dict[str, Any]:
        means = self.draws.mean(axis=1).std(axis=0)
        return {
            "r2": {g: self.value(g) for g in _FITS},
            "r2_error": dict(zip(_FITS, means.tolist(), strict=True)),
            "forward": {g: self.value(g, 0) for g in _FITS},
            "backward": {g: self.value(g, 1) for g in _FITS},
        }


def _climb(a: Samples, b: Samples, folds: Folds, n_bootstrap: int, rng: np.random.Generator) -> _Ladder:
    found = [[maps.held_out_residuals(fit, x, y, folds) for fit in _FITS.values()] for x, y in ((a, b), (b, a))]
    errors = np.array([[e for e, _ in direction] for direction in found])  # (direction, group, tested)
    totals = np.array([direction[0][1] for direction in found])[:, None]
    n = errors.shape[-1]
    weights = rng.poisson(1.0, (n, n_bootstrap)).astype(float)
    r2 = 1.0 - errors.sum(axis=-1) / totals.sum(axis=-1)
    draws = 1.0 - (errors @ weights) / (totals @ weights)
    return _Ladder(r2, np.moveaxis(draws, -1, 0))


def _decide(ladder: _Ladder, active: tuple[int, int], enough: float, tolerance: float) -> str:
    forward, backward = (max(ladder.value(g, way) for g in ("affine", "smooth")) for way in (0, 1))
    if active[0] != active[1]:
        to_smaller, to_larger = (forward, backward) if active[0] > active[1] else (backward, forward)
        if to_smaller - to_larger > tolerance:
            return "collapse" if to_smaller >= enough else "different optimum"
    if min(forward, backward) < enough:
        return "different optimum"
    if ladder.falls_short("affine", "smooth", tolerance):
        return "warp"
    for kind, group in _RIGID:
        larger = [g for _, g in _RIGID[[g for _, g in _RIGID].index(group) + 1 :]] + ["congruent"]
        if not any(ladder.falls_short(group, g, tolerance) for g in larger):
            return kind
    return "affine"


def _without_collapsed(z: Samples, n_active: int) -> Samples:
    """`z` projected on its `n_active` widest directions: a regression would magnify what is left in the others."""
    mean = z.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov(z.T).reshape(z.shape[1], -1))
    widest = vectors[:, z.shape[1] - n_active :]
    return mean + (z - mean) @ widest @ widest.T


def _ceiling(a: Samples, b: Samples, scales: tuple[Any, Any] | None) -> float:
    if scales is None:
        return 1.0
    shares = []
    for z, scale in zip((a, b), scales, strict=True):
        scale = np.asarray(scale, dtype=np.float64)
        if scale.shape != z.shape:
            raise ValueError(f"scales must have the shape of the codes, {z.shape}, got {scale.shape}")
        shares.append(1.0 - (scale**2).mean(axis=0).sum() / z.var(axis=0).sum())
    return float(np.clip(shares, 0.0, 1.0).prod())


def _sentence(kind: str, evidence: Mapping[str, Any]) -> str:
    r2 = evidence["r2"]
    said = {
        "identical": "The codes are the same (R2 {identity:.3f} without any map).",
        "sign/permutation": "A signed permutation of the axes carries one code into the other "
        "(held-out R2 {signed permutation:.3f}, without it {identity:.3f}); "
        "a rotation gains nothing ({orthogonal:.3f}).",
        "rotation": "A rotation or reflection carries one code into the other (held-out R2 {orthogonal:.3f}, signed "
        "permutations {signed permutation:.3f}); an affine map gains nothing ({congruent:.3f}).",
        "affine": "An affine map is needed (held-out R2 {congruent:.3f}, rotations {orthogonal:.3f}); "
        "a smooth one gains nothing ({smooth:.3f} against {affine:.3f}).",
        "warp": "Each code is a function of the other, but not an affine one "
        "(held-out R2 {smooth:.3f}, affine {affine:.3f}).",
        "collapse": "The codes use {active_a} and {active_b} dimensions; what the smaller keeps is a function of the "
        "larger (held-out R2 {best:.3f}).",
        "different optimum": "The codes hold different things: a smooth map explains {forward:.3f} of one and "
        "{backward:.3f} of the other, where {enough:.3f} both ways would count as the same.",
    }
    best = [max(evidence[way]["affine"], evidence[way]["smooth"]) for way in ("forward", "backward")]
    return said[kind].format(
        **r2,
        active_a=evidence["active_a"],
        active_b=evidence["active_b"],
        best=max(best),
        forward=best[0],
        backward=best[1],
        enough=evidence["ceiling"] * evidence["related"],
    )
