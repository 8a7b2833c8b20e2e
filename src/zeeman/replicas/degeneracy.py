"""The degeneracy report: how far retrainings agree before and after lifting, beside cheap frames and nulls.

Frames in which R codes of the same samples can be compared, and what each needs to know:

    raw          the axes as trained
    PCA          principal axes by variance, signs by third moments
    ICA          independent components by negentropy, signs by third moments
    Procrustes   turned to a reference replica                       sees paired samples
    relative     cosines to common anchor samples                    sees paired anchors (Moschella et al. 2023)
    energies     canonical coordinates of each replica's spectrum, by energy; near-degenerate levels are blocks
    lifted       the same, signs and blocks turned to a reference    sees paired samples

What sees paired samples is fitted on one half of them and judged on the other, by half as many neighbours: those of the
same neighbourhood, and for codes that have nothing to do with each other the same share.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA, FastICA
from sklearn.exceptions import ConvergenceWarning

from zeeman.base.processes import side_by_side
from zeeman.base.random import entropy_of, stream
from zeeman.base.types import Codes, Samples, Seed
from zeeman.replicas import maps
from zeeman.replicas.agreement import agreement
from zeeman.replicas.lift import Lift, as_replicas, lift, turned
from zeeman.replicas.nulls import Null, null_distribution
from zeeman.replicas.pairs import one_thread, split
from zeeman.replicas.posteriors import use_of_latents
from zeeman.replicas.structure import ari, mutual_neighbours
from zeeman.replicas.subspaces import projector_overlap
from zeeman.replicas.verdict import Verdict, verdict

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "Degeneracy", "check_comparable", "degeneracy"]

COLUMNS = ("ordered_correlation", "matched_correlation", "subspace_agreement", "procrustes_r2", "mutual_neighbours")
_FROM_PAIRS = ("Procrustes", "relative", "lifted")
_NEIGHBOURS = 10  # half as many of half the samples: chance is then 10 / (n - 2) there and 10 / (n - 1) elsewhere
_FEWEST_SAMPLES = 30  # of which a third are neighbours
_ANCHORS = 50
_NULL_DRAWS = 20


@dataclass(frozen=True)
class Degeneracy:
    """Agreement of R retrainings in several frames.

    Attributes
    ----------
    values : mapping
        frame -> measure -> (pair,): one number a pair of replicas. Frames as in the module; measures are `COLUMNS`.
        "ordered_correlation" of "energies" compares single levels as vectors and near-degenerate ones as blocks,
        sqrt(tr(P_a P_b) / r).
    nulls : mapping
        measure -> kind ("rotation", "permuted") -> `Null`, of the raw codes.
    pairs : list of (int, int)
        Replicas of each number.
    verdicts : list of Verdict
        What separates each pair.
    latents : list of dict
        Of each replica: active units, KL per dimension (nats; with posterior widths), participation rank.
    labels_ari : ndarray, (pair,)
        Agreement of the clusters found in either replica (adjusted Rand index).
    localized : ndarray, (pair,)
        Mean absolute correlation of localized states, matched by their clusters (nan for one cluster).
    scores : mapping
        name -> (replica,): whatever must stand beside agreement, such as held-out ELBO and reconstruction.
    lift : Lift
    n_axes : int
        Coordinates compared in the frames PCA, ICA, energies and lifted: n_clusters - 1, at least one.
    """

    values: Mapping[str, Mapping[str, NDArray[np.float64]]]
    nulls: Mapping[str, Mapping[str, Null]]
    pairs: list[tuple[int, int]]
    verdicts: list[Verdict]
    latents: list[dict[str, Any]]
    labels_ari: NDArray[np.float64]
    localized: NDArray[np.float64]
    scores: Mapping[str, NDArray[np.float64]]
    lift: Lift = field(repr=False)
    n_axes: int = 1

    def to_frame(self) -> pd.DataFrame:
        """A row a frame and null; of every measure the mean over pairs, its sd and the worst pair."""
        import pandas as pd

        rows: list[dict[str, Any]] = []
        for frame, measures in self.values.items():
            row: dict[str, Any] = {"frame": frame, "sees_pairs": frame in _FROM_PAIRS}
            for name, values in measures.items():
                row |= {name: values.mean(), f"{name}_sd": _sd(values), f"{name}_worst": values.min()}
            rows.append(row)
        for kind in ("rotation", "permuted"):
            row = {"frame": f"null: {kind}", "sees_pairs": False}
            for name, kinds in self.nulls.items():
                if kind in kinds:
                    draws = kinds[kind]
                    row |= {name: draws.mean, f"{name}_sd": draws.sd, f"{name}_worst": draws.draws.min()}
            rows.append(row)
        return pd.DataFrame(rows).set_index("frame")

    @property
    def kinds(self) -> dict[str, int]:
        """How many pairs have each verdict, the most frequent first."""
        names, counts = np.unique([v.kind for v in self.verdicts], return_counts=True)
        return {str(names[i]): int(counts[i]) for i in np.argsort(-counts, kind="stable")}

    def __str__(self) -> str:
        told = ", ".join(f"{kind} ({count} of {len(self.pairs)} pairs)" for kind, count in self.kinds.items())
        before, after = (self.values[frame]["ordered_correlation"].mean() for frame in ("raw", "energies"))
        return f"{self.lift.n_replicas} retrainings: {told}. In order: raw {before:.3f}, by energies {after:.3f}."


def degeneracy(
    codes: Codes | Sequence[ArrayLike],
    n_states: int = 10,
    *,
    lifted: Lift | None = None,
    scores: Mapping[str, ArrayLike] | None = None,
    random_state: Seed = 0,
    verbose: bool = False,
) -> Degeneracy:
    """How degenerate retrainings are, before and after lifting.

    Parameters
    ----------
    codes : Codes, or sequence of array-like (sample, latent)
        At least two replicas of the same samples in the same order.
    n_states : int
        Levels of each spectrum.
    lifted : Lift, optional
        The lift of the same codes, if it is known already.
    scores : mapping, optional
        name -> (replica,): figures of merit to stand beside agreement (agreement is not correctness).
    random_state : int, Generator or None
    verbose : bool
        Show progress.

    Returns
    -------
    Degeneracy

    Raises
    ------
    ValueError, TypeError
        As `lift`; if there is only one replica, or fewer than 30 samples; if `lifted` or `scores` are not of these.
    """
    replicas: list[Samples] = list(as_replicas(codes))
    if len(replicas) < 2:
        raise ValueError("degeneracy compares retrainings, got 1 replica: train with n_replicas >= 2")
    check_comparable(len(replicas[0]))
    widths = _widths(codes) if isinstance(codes, Codes) else [None] * len(replicas)
    figures = {name: _figure(name, each, len(replicas)) for name, each in (scores or {}).items()}
    seed = entropy_of(random_state)
    if lifted is None:
        lifted = lift(replicas, n_states, random_state=seed, verbose=verbose)
    else:
        _check_lifted(lifted, replicas)
    pairs = list(itertools.combinations(range(len(replicas)), 2))
    n_axes = max(1, lifted.n_clusters - 1)
    with one_thread():
        values = _compared(replicas, lifted, pairs, n_axes, seed)
        nulls = dict(zip(COLUMNS, side_by_side(lambda name: _nulls(name, replicas, seed), COLUMNS), strict=True))
        verdicts = list(side_by_side(lambda pair: verdict(replicas[pair[0]], replicas[pair[1]], seed=seed), pairs))
    return Degeneracy(
        values, nulls, pairs, verdicts,
        latents=[use_of_latents(Z, scale) for Z, scale in zip(replicas, widths, strict=True)],
        labels_ari=np.array([ari(lifted.labels[a], lifted.labels[b]) for a, b in pairs]),
        localized=np.array([_correlation(lifted.localized[a], lifted.localized[b]) for a, b in pairs]),
        scores=figures,
        lift=lifted, n_axes=n_axes,
    )  # fmt: skip


def check_comparable(n_samples: int) -> None:
    """ValueError for so few samples that their halves have no neighbours to compare."""
    if n_samples < _FEWEST_SAMPLES:
        raise ValueError(
            f"retrainings are compared by halves of the samples, which takes {_FEWEST_SAMPLES} at least, got "
            f"{n_samples}: give more, or read one latent space alone"
        )


def _widths(codes: Codes) -> list[NDArray[np.floating]]:
    if np.shape(codes.scale) != np.shape(codes.mean):
        raise ValueError(
            f"codes.scale must have the shape of codes.mean, {np.shape(codes.mean)}, got {np.shape(codes.scale)}"
        )
    for r, scale in enumerate(codes.scale):
        if not np.all(scale > 0):
            raise ValueError(
                f"codes.scale of replica {r} must be positive: a posterior of no width has infinite KL divergence; "
                "for means alone pass codes.mean"
            )
    return list(codes.scale)


def _figure(name: str, values: ArrayLike, n_replicas: int) -> NDArray[np.float64]:
    figure = np.asarray(values, dtype=np.float64)
    if figure.shape != (n_replicas,):
        raise ValueError(f"scores[{name!r}] must hold a number a replica, ({n_replicas},), got shape {figure.shape}")
    return figure


def _check_lifted(lifted: Lift, replicas: list[Samples]) -> None:
    """Refuse the lift of other codes."""
    found, wanted = lifted.labels.shape, (len(replicas), len(replicas[0]))
    same = found == wanted and all(
        Z.shape[1] == spec.n_features_in_ and np.allclose(lifted.transform(Z, r), lifted.coordinates[r], atol=1e-6)
        for r, (spec, Z) in enumerate(zip(lifted.spectra, replicas, strict=True))
    )
    if not same:
        raise ValueError(
            f"lifted is of other codes, of {found[0]} replicas of {found[1]} samples (these are {wanted[0]} of "
            f"{wanted[1]}): give zm.lift of these, or leave it out"
        )


def _compared(
    replicas: list[Samples], lifted: Lift, pairs: list[tuple[int, int]], n_axes: int, seed: int
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Frame -> measure -> (pair,)."""
    halves = split(len(replicas[0]), 2, seed)

    def measured(spaces: list[Samples], n_neighbors: int = _NEIGHBOURS) -> dict[str, NDArray[np.float64]]:
        return _measured(spaces, pairs, n_neighbors, seed)

    states: list[Samples] = [spec.transform(Z) for spec, Z in zip(lifted.spectra, replicas, strict=True)]
    plain: dict[str, list[Samples]] = {
        "raw": replicas,
        "PCA": [_principal(Z, n_axes) for Z in replicas],
        "ICA": [_independent(Z, n_axes, seed) for Z in replicas],
        "energies": [own[:, :n_axes] for own in states],
    }
    values = dict(zip(plain, side_by_side(measured, list(plain.values())), strict=True))
    blocks = [block for block in lifted.blocks if block[0] <= n_axes]
    values["energies"]["ordered_correlation"] = np.array([_by_blocks(states[a], states[b], blocks) for a, b in pairs])
    anchors = stream(seed, "anchors").permutation(len(replicas[0]))
    fitted: dict[str, Callable[[NDArray, NDArray], list[Samples]]] = {
        "Procrustes": lambda train, test: _procrustes(replicas, lifted.reference, train, test),
        "relative": lambda train, test: _relative(replicas, anchors[np.isin(anchors, train)][:_ANCHORS], test),
        "lifted": lambda train, test: _lifted(states, lifted, train, test, n_axes),
    }
    judged = side_by_side(
        partial(measured, n_neighbors=_NEIGHBOURS // 2),
        [fit(train, test) for fit in fitted.values() for train, test in halves],
    )
    for frame in fitted:
        both = list(itertools.islice(judged, len(halves)))
        values[frame] = {name: np.mean([half[name] for half in both], axis=0) for name in COLUMNS}
    return values


def _measured(
    spaces: list[Samples], pairs: list[tuple[int, int]], n_neighbors: int, seed: int
) -> dict[str, NDArray[np.float64]]:
    found = [agreement(spaces[a], spaces[b], COLUMNS[:-1], seed=seed) for a, b in pairs]
    near = [mutual_neighbours(spaces[a], spaces[b], n_neighbors=n_neighbors) for a, b in pairs]
    return {name: np.array([each[name] for each in found]) for name in COLUMNS[:-1]} | {COLUMNS[-1]: np.array(near)}


def _principal(Z: Samples, n_axes: int) -> Samples:
    return _signed(PCA(min(n_axes, Z.shape[1])).fit_transform(Z))


def _independent(Z: Samples, n_axes: int, seed: int) -> Samples:
    centred = Z - Z.mean(axis=0)
    rank = int(np.linalg.matrix_rank(centred, tol=1e-6 * np.abs(centred).max() * np.sqrt(len(Z))))
    model = FastICA(max(1, min(n_axes, rank)), whiten="unit-variance", max_iter=500, random_state=seed % 2**32)
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):  # constant columns are left out
        warnings.simplefilter("ignore", ConvergenceWarning)  # a Gaussian direction has no independent frame
        sources = model.fit_transform(Z)
    negentropy = np.mean(np.log(np.cosh(sources)), axis=0) - 0.3746  # E ln cosh of a standard normal variable
    return _signed(sources[:, np.argsort(-(negentropy**2), kind="stable")])


def _signed(Z: Samples) -> Samples:
    moments = np.mean((Z - Z.mean(axis=0)) ** 3, axis=0)
    return Z * np.where(moments < 0, -1.0, 1.0)


def _procrustes(replicas: list[Samples], reference: int, train: NDArray, test: NDArray) -> list[Samples]:
    to = replicas[reference]
    turned_to = []
    for Z in replicas:
        wide = max(Z.shape[1], to.shape[1])
        own, theirs = (np.pad(part, ((0, 0), (0, wide - part.shape[1]))) for part in (Z, to))
        turned_to.append(maps.orthogonal(own[train], theirs[train])(own[test]))
    return turned_to


def _relative(replicas: list[Samples], anchors: NDArray, test: NDArray) -> list[Samples]:
    """Cosines of centred codes to those of the anchors, (sample, anchor)."""
    spaces = []
    for Z in replicas:
        centred = Z - Z.mean(axis=0)
        unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), np.finfo(float).tiny)
        spaces.append(unit[test] @ unit[anchors].T)
    return spaces


def _lifted(states: list[Samples], lifted: Lift, train: NDArray, test: NDArray, n_axes: int) -> list[Samples]:
    reference = states[lifted.reference]
    rotations = [turned(own[train], reference[train], lifted.blocks) for own in states]
    return [(own[test] @ rotation)[:, :n_axes] for own, rotation in zip(states, rotations, strict=True)]


def _by_blocks(a: Samples, b: Samples, blocks: list[tuple[int, int]]) -> float:
    """Mean over levels of |correlation| for single ones, of tr(P_a P_b) / r for blocks (as its root, a cosine)."""
    total, count = 0.0, 0
    for first, last in blocks:
        inside, size = slice(first - 1, last), last - first + 1
        total += size * float(np.sqrt(projector_overlap(a[:, inside], b[:, inside])))
        count += size
    return total / count


def _correlation(a: Samples, b: Samples) -> float:
    if a.shape[1] < 2:
        return float("nan")
    centred = [part - part.mean(axis=0) for part in (a, b)]
    norms = [np.linalg.norm(part, axis=0) for part in centred]
    return float(np.mean(np.abs(np.sum(centred[0] * centred[1], axis=0)) / (norms[0] * norms[1])))


def _nulls(measure: str, replicas: list[Samples], seed: int) -> dict[str, Null]:
    kinds = ("rotation", "permuted")
    return {kind: null_distribution(measure, replicas, kind, n_draws=_NULL_DRAWS, seed=seed) for kind in kinds}


def _sd(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0
