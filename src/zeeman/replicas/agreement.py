"""Agreement of retrainings: every measure by name, what it sees and what it forgives.

>>> rng = np.random.default_rng(0)
>>> a = rng.standard_normal((500, 2))
>>> turned = a @ np.array([[0.6, 0.8], [-0.8, 0.6]])
>>> values = agreement(a, turned)
>>> round(values["procrustes_r2"], 3), round(values["matched_correlation"], 1)
(1.0, 0.8)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeeman.base.checks import check_choice
from zeeman.base.random import entropy_of
from zeeman.base.types import Codes, Seed
from zeeman.replicas.correlated import matched_correlation, ordered_correlation, udr_pair
from zeeman.replicas.maps import affine_r2, procrustes_r2, smooth_r2
from zeeman.replicas.pairs import one_thread
from zeeman.replicas.posteriors import Posterior, gaussian_wasserstein
from zeeman.replicas.structure import ami, ari, mutual_neighbours, spectral_distance
from zeeman.replicas.subspaces import cca, linear_cka, projector_overlap, subspace_agreement

__all__ = ["MEASURES", "Measure", "agreement", "pairwise"]


@dataclass(frozen=True)
class Measure:
    """A number for two trainings.

    Attributes
    ----------
    function : callable
        (a, b) to float; (a, b, seed=) if `held_out`. Symmetric in a and b.
    of : str
        What a and b are: "codes" (sample, latent), "posteriors" (mean, scale), "labels" (sample,), "energies" (state,).
    range : (float, float)
        Lowest and highest value.
    better : "higher" or "lower"
        Which of them is agreement.
    unchanged_by : frozenset of str
        Moves g with m(a, g(b)) = m(a, b): "shift", "scale" (one factor), "signs" (and permutations) of the axes,
        "rotation", "stretch" (a factor an axis), "affine" (invertible), "monotone" (each axis on its own),
        "relabelling".
    forgives : frozenset of str
        Moves g with m(a, g(a)) = m(a, a), the larger set.
    held_out : bool
        Whether something is fitted: then on one half, and judged on the other.
    """

    function: Callable[..., float]
    of: str
    range: tuple[float, float]
    better: str
    unchanged_by: frozenset[str]
    forgives: frozenset[str]
    held_out: bool = False

    def __call__(self, a: Any, b: Any, seed: Seed = 0) -> float:
        """Value for a and b; `seed` is that of the random halves, where there are any."""
        return self.function(a, b, seed=seed) if self.held_out else self.function(a, b)


def agreement(a: Any, b: Any, measures: str | Iterable[str] | None = None, *, seed: Seed = 0) -> dict[str, float]:
    """Measures of agreement between two codes of the same samples in the same order, name -> value.

    Parameters
    ----------
    a, b : array-like, (sample, latent)
        Or what the named measures take, see `Measure.of`.
    measures : name or names from `MEASURES`, optional
        All of those that compare codes by default.
    seed : int, Generator or None
        Of the random halves of held-out measures.
    """
    names = names_of(measures)
    with one_thread():
        return {name: _measure(name)(a, b, seed) for name in names}


def pairwise(items: Codes | Sequence[Any] | NDArray, measure: str | Measure, *, seed: Seed = 0) -> NDArray[np.float64]:
    """Measure between every two of R trainings, (replica, replica), symmetric; the diagonal is a training with itself.

    Parameters
    ----------
    items : Codes, (replica, sample, latent), or a sequence of what the measure takes
    measure : name from `MEASURES`, or a `Measure`
    seed : int, Generator or None
        Of the random halves, the same for every pair.
    """
    chosen = measure if isinstance(measure, Measure) else _measure(measure)
    items = trainings(items, chosen.of)
    n, entropy = len(items), entropy_of(seed)
    if n < 2:
        raise ValueError(f"items must hold at least 2 trainings to compare, got {n}")
    values = np.empty((n, n))
    with one_thread():
        for r in range(n):
            for s in range(r + 1):
                values[r, s] = values[s, r] = chosen(items[r], items[s], entropy)
    return values


def names_of(measures: str | Iterable[str] | None) -> list[str]:
    """One name or several as a list; None for all that compare codes."""
    if measures is None:
        return [name for name, m in MEASURES.items() if m.of == "codes"]
    return [measures] if isinstance(measures, str) else list(measures)


def trainings(items: Any, of: str) -> list[Any]:
    """What a measure `of` these compares, one a training; of `Codes` the means, or the posteriors."""
    if isinstance(items, Codes):
        if of not in ("codes", "posteriors"):
            raise TypeError(f"this measure compares {of}, got Codes: pass the {of} of each training")
        posteriors = [Posterior(*each) for each in zip(items.mean, items.scale, strict=True)]
        items = posteriors if of == "posteriors" else items.mean
    items = list(items)
    if not items:
        raise ValueError("items holds no training: pass at least one")
    wrong = [np.shape(z) for z in items if of == "codes" and np.ndim(z) != 2]
    if wrong:
        raise ValueError(f"items must be (replica, sample, latent) or a sequence of codes, got one of shape {wrong[0]}")
    return items


def _measure(name: str) -> Measure:
    check_choice(name, tuple(MEASURES), "measure")
    return MEASURES[name]


def _row(
    function: Callable[..., float],
    unchanged_by: str,
    forgives: str = "",
    *,
    of: str = "codes",
    range: tuple[float, float] = (0.0, 1.0),
    better: str = "higher",
    held_out: bool = False,
) -> Measure:
    unchanged = frozenset(unchanged_by.split())
    return Measure(function, of, range, better, unchanged, unchanged | frozenset(forgives.split()), held_out)


_R2 = (-np.inf, 1.0)
_DISTANCE = (0.0, np.inf)
_LINEAR = "shift scale signs rotation stretch affine"

MEASURES: dict[str, Measure] = {
    "ordered_correlation": _row(ordered_correlation, "shift scale stretch"),
    "ordered_spearman": _row(partial(ordered_correlation, method="spearman"), "shift scale stretch monotone"),
    "matched_correlation": _row(matched_correlation, "shift scale stretch signs"),
    "matched_spearman": _row(partial(matched_correlation, method="spearman"), "shift scale stretch signs monotone"),
    "udr_lasso": _row(udr_pair, "shift scale stretch signs"),
    "udr_spearman": _row(partial(udr_pair, method="spearman"), "shift scale stretch signs monotone"),
    "procrustes_r2": _row(procrustes_r2, "shift signs rotation", range=_R2, held_out=True),
    "procrustes_scaled_r2": _row(
        partial(procrustes_r2, scale=True), "shift scale signs rotation", range=_R2, held_out=True
    ),
    "linear_cka": _row(linear_cka, "shift scale signs rotation"),
    "cca": _row(cca, _LINEAR, range=(-1.0, 1.0), held_out=True),
    "subspace_agreement": _row(subspace_agreement, _LINEAR),
    "projector_overlap": _row(projector_overlap, _LINEAR),
    "affine_r2": _row(affine_r2, "shift scale signs rotation", "stretch affine", range=_R2, held_out=True),
    "smooth_r2": _row(smooth_r2, "shift scale signs rotation", "stretch affine", range=_R2, held_out=True),
    "mutual_neighbours": _row(mutual_neighbours, "shift scale signs rotation"),
    "gaussian_wasserstein": _row(
        gaussian_wasserstein, "shift signs rotation", of="posteriors", range=_DISTANCE, better="lower", held_out=True
    ),
    "ari": _row(ari, "relabelling", of="labels", range=(-0.5, 1.0)),
    "ami": _row(ami, "relabelling", of="labels", range=(-1.0, 1.0)),
    "spectral_distance": _row(spectral_distance, "scale", of="energies", range=_DISTANCE, better="lower"),
}
