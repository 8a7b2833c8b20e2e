"""What separates two trainings: the smallest group of maps that carries one code into the other, by held-out data.

    identical < sign/permutation < rotation < affine < warp,   or collapse,   or a different optimum

A group is enough if its held-out R^2 comes within a tolerance (and two bootstrap errors) of every larger group's. The
rigid groups are compared with the affine map that carries covariance into covariance (`congruent`), which noise does
not shrink; the affine and the smooth map are compared as regressions, which noise shrinks alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from zeeman.base.checks import check_finite, check_number, check_positive_integer
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
    "smooth": partial(maps.smooth, n_landmarks=200, widths=(0.5, 1.0)),
}
_RIGID = (("identical", "identity"), ("sign/permutation", "signed permutation"), ("rotation", "orthogonal"))
_ACTIVE = 0.01  # variance; Burda et al. 2016
_INSIDE = 0.1  # local R^2: codes that share nothing but clusters have 0 or less
_TINY = np.finfo(float).tiny


@dataclass(frozen=True)
class Verdict:
    """Which degeneracy separates two trainings.

    Attributes
    ----------
    kind : str
        "identical", "sign/permutation", "rotation" (reflections included), "affine", "warp" (not linear, but each code
        a function of the other), "collapse" (one code has fewer active dimensions, or none, and is a function of the
        other), or "different optimum".
    sentence : str
        The same in words, with the numbers that decide.
    evidence : mapping
        "r2" and "r2_error": held-out R^2 of every group and its bootstrap error, mean of both directions;
        "forward", "backward": each direction; "local": R^2 of the smooth map inside cells (0: clusters are all that is
        shared); "ceiling", "tolerance", "related": what it was compared with;
        "active_a", "active_b": where one is 0 every R^2 is nan; "canonical_correlations" (held out).
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

    What it can resolve at the default tolerance: rotations of every plane from about 8 degrees, stretches of the axes
    from about 1.2. A warp that the samples are too few to learn (fast twists, many dimensions) is called a different
    optimum: the evidence says how much was explained.

    Parameters
    ----------
    a, b : array-like, (sample, latent)
    scales : pair of arrays (sample, latent), optional
        Posterior standard deviations, if a and b are draws from posteriors and not their means: they set the noise
        ceiling (1 - mean s_a^2 / var a)(1 - mean s_b^2 / var b) that no R^2 can pass (1 without them), and tell a
        collapsed dimension, all noise, from an active one.
    tolerance : float
        Loss of R^2 that a smaller group may have. 0.02 is a rotation by 8 degrees of all axes.
    related : float
        Share of the ceiling that the smooth map must explain, both ways, for the codes to hold the same thing.
    n_folds : int
        Parts of the data, each the test set once.
    n_bootstrap : int
        Resamples of the test samples, at least 2.
    seed : int, Generator or None
    folds : sequence of (train, test) indices, optional
        In place of random ones.
    """
    a, b = check_pair(a, b)
    check_number(tolerance, "tolerance")
    check_number(related, "related")
    check_positive_integer(n_bootstrap, "n_bootstrap", 2)
    folds = split(len(a), min(n_folds, len(a) // 5), seed, folds)
    used = [_use(z, scale) for z, scale in zip((a, b), scales or (None, None), strict=True)]
    with one_thread():
        kept = pad(*(use.kept for use in used))
        climbs = all(use.active for use in used)
        ladder = _climb(*kept, folds, n_bootstrap, stream(seed, "bootstrap")) if climbs else _NOWHERE
    evidence = {
        "ceiling": used[0].reliability * used[1].reliability,
        "tolerance": tolerance,
        "related": related,
        "active_a": used[0].active,
        "active_b": used[1].active,
        "canonical_correlations": canonical_correlations(a, b, folds=folds),
        **ladder.evidence(),
    }
    kind = _decide(ladder, (used[0].active, used[1].active), evidence["ceiling"] * related, tolerance)
    return Verdict(kind, _sentence(kind, evidence), evidence)


def active_dimensions(z: Samples, scale: Any = None) -> int:
    """Eigenvalues of the covariance of the posterior means above 0.01: active units, counted in no particular frame.

    If the largest is below 1, those above 1 % of it. For draws from posteriors, (sample, latent) `scale` is their
    standard deviation: its mean square is taken from the covariance, and four standard errors are added to 0.01.

    Source: Burda, Grosse and Salakhutdinov 2016 (ICLR), section 4.2.
    """
    return _use(z, scale).active


class _Use(NamedTuple):
    active: int
    kept: Samples  # z without its collapsed directions: a regression would magnify what is left in them
    reliability: float  # share of the variance of z that is no posterior noise


def _use(z: Samples, scale: Any) -> _Use:
    mean, covariance = z.mean(axis=0), np.cov(z.T).reshape(z.shape[1], -1)
    noise = np.zeros_like(covariance)
    if scale is not None:
        scale = np.asarray(scale, dtype=np.float64)
        if scale.shape != z.shape:
            raise ValueError(f"scales must have the shapes of the codes, {z.shape}, got {scale.shape}")
        check_finite(scale, "scales")
        noise = np.diag((scale**2).mean(axis=0))
    values, vectors = np.linalg.eigh(covariance - noise)
    least = _ACTIVE * min(1.0, max(values[-1], 0.0)) + 4.0 * noise.max() * np.sqrt(2.0 / len(z))
    widest = vectors[:, values > least]
    signal, total = (np.trace(widest.T @ m @ widest) for m in (covariance - noise, covariance))
    kept = mean + (z - mean) @ widest @ widest.T
    return _Use(widest.shape[1], kept, float(signal / total) if total > 0 else 0.0)


@dataclass(frozen=True)
class _Ladder:
    """Held-out R^2 of every group: both directions (direction, group) and bootstrap draws (draw, direction, group).

    `local` is that of the smooth map inside cells, where 0 is knowing the cell and nothing more.
    """

    r2: NDArray[np.float64]
    draws: NDArray[np.float64]
    local: float

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
            "local": self.local,
        }


_NOWHERE = _Ladder(np.full((2, len(_FITS)), np.nan), np.full((1, 2, len(_FITS)), np.nan), np.nan)


def _climb(a: Samples, b: Samples, folds: Folds, n_bootstrap: int, rng: np.random.Generator) -> _Ladder:
    found = [[maps.held_out_residuals(fit, x, y, folds) for fit in _FITS.values()] for x, y in ((a, b), (b, a))]
    errors = np.array([[e for e, _ in direction] for direction in found])  # (direction, group, tested)
    totals = np.array([direction[0][1] for direction in found])[:, None]
    n = errors.shape[-1]
    weights = rng.poisson(1.0, (n, n_bootstrap)).astype(float)
    r2 = 1.0 - errors.sum(axis=-1) / totals.sum(axis=-1)
    draws = 1.0 - (errors @ weights) / (totals @ weights)
    inside = [_spread_in_cells(x, y, int(rng.integers(2**31))) for x, y in ((a, b), (b, a))]
    local = 1.0 - (errors[:, list(_FITS).index("smooth")].mean(axis=-1) / np.maximum(inside, _TINY)).mean()
    return _Ladder(r2, np.moveaxis(draws, -1, 0), float(local))


def _spread_in_cells(a: Samples, b: Samples, seed: int) -> float:
    """Mean |b - its mean in the cell|^2, the cells being 2 (d + 1) k-means cells of a."""
    n_cells = min(2 * (a.shape[1] + 1), len(a) // 5, len(np.unique(a, axis=0)))
    cells = KMeans(n_cells, n_init=1, random_state=seed).fit_predict(a)
    member = np.eye(n_cells)[cells]
    means = (member.T @ b) / np.maximum(member.sum(axis=0), 1.0)[:, None]
    return float(((b - member @ means) ** 2).sum(axis=1).mean())


def _decide(ladder: _Ladder, active: tuple[int, int], enough: float, tolerance: float) -> str:
    if not all(active):
        return "collapse"
    forward, backward = (max(ladder.value(g, way) for g in ("affine", "smooth")) for way in (0, 1))
    if active[0] != active[1]:
        to_smaller, to_larger = (forward, backward) if active[0] > active[1] else (backward, forward)
        if to_smaller - to_larger > tolerance:
            return "collapse" if to_smaller >= enough else "different optimum"
    if min(forward, backward) < enough or ladder.local < _INSIDE:
        return "different optimum"
    if ladder.falls_short("affine", "smooth", tolerance):
        return "warp"
    for kind, group in _RIGID:
        larger = [g for _, g in _RIGID[[g for _, g in _RIGID].index(group) + 1 :]] + ["congruent"]
        if not any(ladder.falls_short(group, g, tolerance) for g in larger):
            return kind
    return "affine"


def _sentence(kind: str, evidence: Mapping[str, Any]) -> str:
    r2 = evidence["r2"]
    said = {
        "identical": "The codes are the same (R2 {identity:.3f} without any map).",
        "sign/permutation": "A signed permutation of the axes, and a shift, carries one code into the other "
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
        "nothing": "The codes use {active_a} and {active_b} dimensions: one without any holds nothing of its samples.",
        "different optimum": "The codes hold different things: a smooth map explains {forward:.3f} of one and "
        "{backward:.3f} of the other, where {enough:.3f} both ways would count as the same.",
        "clusters": "The codes share their clusters but not what is inside them: a smooth map explains {forward:.3f} "
        "of one and {backward:.3f} of the other, but inside cells only {local:.3f}.",
    }
    best = [max(evidence[way]["affine"], evidence[way]["smooth"]) for way in ("forward", "backward")]
    enough = evidence["ceiling"] * evidence["related"]
    if kind == "different optimum" and min(best) >= enough:
        kind = "clusters"
    if not (evidence["active_a"] and evidence["active_b"]):
        kind = "nothing"
    return said[kind].format(
        **r2,
        active_a=evidence["active_a"],
        active_b=evidence["active_b"],
        best=max(best),
        forward=best[0],
        backward=best[1],
        enough=enough,
        local=evidence["local"],
    )
