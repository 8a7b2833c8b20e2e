"""What a measure of agreement gives where there is nothing to find: the nulls beside every number.

    rotation   m(a, a Q), Q uniform over O(d): all that an exact change of frame leaves
    permuted   m(a, b[pi]): two trainings that have nothing to do with each other, sample by sample
    untrained  m(u, v) of untrained encoders: what architecture and data give without learning

A high value means agreement only where it lies above the last two; a low one means disagreement only where it lies
below the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zeeman.base.checks import check_choice, check_finite, check_positive_integer
from zeeman.base.random import entropy_of, stream
from zeeman.base.types import Codes, Seed
from zeeman.replicas.agreement import MEASURES, Measure, names_of, pairwise, trainings
from zeeman.replicas.pairs import one_thread
from zeeman.replicas.posteriors import Posterior

__all__ = ["Null", "haar", "null_distribution", "nulls", "untrained_codes"]

KINDS = ("rotation", "permuted", "untrained")


@dataclass(frozen=True)
class Null:
    """Values of one measure under one null.

    Attributes
    ----------
    measure, kind : str
    draws : ndarray, (draw,)
    """

    measure: str
    kind: str
    draws: NDArray[np.float64] = field(repr=False)

    @property
    def mean(self) -> float:
        """Mean over draws."""
        return float(self.draws.mean())

    @property
    def sd(self) -> float:
        """Standard deviation over draws; 0 for a single one."""
        return float(self.draws.std(ddof=1)) if len(self.draws) > 1 else 0.0

    def quantile(self, q: float) -> float:
        """Quantile of the draws, 0 <= q <= 1."""
        return float(np.quantile(self.draws, q))

    def p_value(self, value: float) -> float:
        """Share of draws that agree at least as well as `value`, itself counted: (1 + #) / (1 + n)."""
        higher = MEASURES[self.measure].better == "higher"
        as_good = (self.draws >= value) if higher else (self.draws <= value)
        return float((1 + as_good.sum()) / (1 + len(self.draws)))


def null_distribution(
    measure: str, items: Codes | Sequence[Any] | NDArray, kind: str, *, n_draws: int = 20, seed: Seed = 0
) -> Null:
    """Null of `measure` for a set of trainings: every draw takes a random one (rotation) or two (permuted) of them.

    Parameters
    ----------
    measure : name from `MEASURES`
    items : Codes, (replica, sample, latent), or a sequence of what the measure takes
        Trained ones for "rotation" and "permuted"; those of untrained encoders, two or more, for "untrained".
    kind : "rotation", "permuted" or "untrained"
    n_draws : int
        "untrained" uses every pair once, whatever n_draws.
    seed : int, Generator or None
        Of the draws, and of the random halves of held-out measures: those of `agreement` with the same integer.

    Raises
    ------
    ValueError
        If the null does not exist: labels and energies have no axes to rotate, energies no samples to permute; if there
        is no training.
    """
    check_choice(measure, tuple(MEASURES), "measure")
    check_choice(kind, KINDS, "kind")
    chosen = MEASURES[measure]
    if not has_null(measure, kind):
        raise ValueError(f"{measure} compares {chosen.of}, which have no {kind} null")
    items, entropy = trainings(items, chosen.of), entropy_of(seed)
    if kind == "untrained":
        values = pairwise(items, chosen, seed=entropy)
        return Null(measure, kind, values[np.triu_indices(len(values), 1)])
    check_positive_integer(n_draws, "n_draws")
    draw = _rotated if kind == "rotation" else _permuted
    with one_thread():
        return Null(measure, kind, draw(chosen, items, n_draws, entropy, stream(entropy, f"null {kind}")))


def nulls(
    items: Codes | Sequence[Any] | NDArray,
    measures: str | Sequence[str] | None = None,
    *,
    untrained: Codes | Sequence[Any] | NDArray | None = None,
    n_draws: int = 20,
    seed: Seed = 0,
) -> dict[str, dict[str, Null]]:
    """Every null that exists of the named measures, measure -> kind -> Null.

    Parameters
    ----------
    items : Codes, (replica, sample, latent), or a sequence of what the measures take
    measures : name or names from `MEASURES`, optional
        All that compare codes by default.
    untrained : codes of untrained encoders, optional
        For example `untrained_codes(X, latent_dim)`.
    n_draws, seed
        As `null_distribution`.
    """
    names = names_of(measures)
    entropy = entropy_of(seed)
    found: dict[str, dict[str, Null]] = {}
    for name in names:
        sources = {"rotation": items, "permuted": items} | ({} if untrained is None else {"untrained": untrained})
        found[name] = {
            kind: null_distribution(name, source, kind, n_draws=n_draws, seed=entropy)
            for kind, source in sources.items()
            if has_null(name, kind)
        }
    return found


def has_null(measure: str, kind: str) -> bool:
    """Whether `kind` means anything for `measure`: labels have no axes, energies neither axes nor samples."""
    of = MEASURES[measure].of
    return kind == "untrained" or of in ("codes", "posteriors") or (kind == "permuted" and of == "labels")


def haar(dim: int, n_draws: int, seed: Seed = 0) -> NDArray[np.float64]:
    """Uniform orthogonal matrices, (draw, dim, dim), reflections included: QR of Gaussians with R's signs taken out.

    Source: Mezzadri 2007, Notices AMS 54:592.
    """
    rng = seed if isinstance(seed, np.random.Generator) else stream(seed, "haar")
    Q, R = np.linalg.qr(rng.standard_normal((n_draws, dim, dim)))
    return Q * np.where(np.diagonal(R, axis1=1, axis2=2) < 0, -1.0, 1.0)[:, None, :]


def untrained_codes(
    X: Any, latent_dim: int, *, n_replicas: int = 5, hidden: Sequence[int] = (256, 256), seed: Seed = 0
) -> NDArray[np.float64]:
    """Codes of untrained multilayer perceptrons, (replica, sample, latent): weights N(0, 2 / fan-in), ReLU, no bias.

    Columns of X are centred, and divided by one common scale.

    Source: He et al. 2015 (ICCV) for the weights.

    Parameters
    ----------
    X : array-like, (sample, ...)
    latent_dim : int
    n_replicas : int
    hidden : sequence of int
        Widths of the hidden layers.
    seed : int, Generator or None
    """
    data = np.asarray(X, dtype=np.float64)
    if data.ndim < 2 or not data[0].size:
        raise ValueError(f"X must be (sample, ...), got shape {data.shape}")
    data = data.reshape(len(data), -1)
    check_finite(data, "X")
    data = data - data.mean(axis=0)
    data /= max(data.std(), np.finfo(float).tiny)
    entropy = entropy_of(seed)
    codes = np.empty((check_positive_integer(n_replicas, "n_replicas", 2), len(data), latent_dim))
    for r in range(len(codes)):
        rng, layer = stream(entropy, "untrained", r), data
        for width in hidden:
            layer = np.maximum(layer @ rng.normal(0, np.sqrt(2 / layer.shape[1]), (layer.shape[1], width)), 0)
        codes[r] = layer @ rng.normal(0, np.sqrt(2 / layer.shape[1]), (layer.shape[1], latent_dim))
    return codes


def _rotated(measure: Measure, items: Any, n_draws: int, halves: int, rng: np.random.Generator) -> NDArray[np.float64]:
    values = np.empty(n_draws)
    for draw in range(n_draws):
        item = items[rng.integers(len(items))]
        if measure.of == "posteriors":
            posterior = Posterior(*map(np.asarray, item))
            values[draw] = measure(posterior, posterior.rotated(haar(posterior.mean.shape[1], 1, rng)[0]), halves)
        else:
            z = np.asarray(item)
            values[draw] = measure(z, z @ haar(z.shape[1], 1, rng)[0], halves)
    return values


def _permuted(measure: Measure, items: Any, n_draws: int, halves: int, rng: np.random.Generator) -> NDArray[np.float64]:
    pairs = list(combinations(range(len(items)), 2)) or [(0, 0)]
    values = np.empty(n_draws)
    for draw in range(n_draws):
        first, second = (items[i] for i in pairs[rng.integers(len(pairs))])
        if measure.of == "posteriors":
            mean, scale = map(np.asarray, second)
            order = rng.permutation(len(mean))
            values[draw] = measure(first, Posterior(mean[order], scale[order]), halves)
        else:
            second = np.asarray(second)
            values[draw] = measure(first, second[rng.permutation(len(second))], halves)
    return values
